package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui/v5/static"

	"github.com/titrate-health/titrate/pkg/problem"
)

// pageCSP is the policy of every page: it gets scripts, styles and data from this server and
// from nowhere else, and nothing may be written inline. Swagger UI's styles are set through
// the DOM, which needs no 'unsafe-inline'; its small pictures are data: URLs in its style
// sheet.
const pageCSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

//go:embed docs
var docsFiles embed.FS

// docsPage is the contract for people: Swagger UI from the binary, working offline.
type docsPage struct {
	// token signs in as the demo clinic's person of a role; nil outside of the demo.
	token func(role string) (string, error)
}

// docsRoutes serves the documentation. In the demo it is signed in already, and the reader
// chooses as whom.
func (s *Server) docsRoutes(e *echo.Echo) {
	page := docsPage{}
	if s.cfg.Demo && s.issuer != nil {
		page.token = s.demoToken
	}
	page.routes(e)
}

func (p docsPage) routes(e *echo.Echo) {
	var roles []string
	if p.token != nil {
		roles = demoRoles
		e.GET("/docs/token", p.showToken)
	}
	var index bytes.Buffer
	must(template.Must(template.ParseFS(docsFiles, "docs/index.html")).Execute(&index, roles))
	for _, path := range []string{"/docs", "/docs/"} {
		e.GET(path, asset{"text/html; charset=utf-8", index.Bytes(), false}.serve)
	}
	for _, name := range []string{"docs.css", "docs.js"} {
		e.GET("/docs/"+name, newAsset(docsFiles, "docs/"+name).serve)
	}
	// Only what the page loads: the other files of Swagger UI would not work under the policy.
	for _, name := range []string{"swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"} {
		e.GET("/docs/"+name, newAsset(static.FS, name).serve)
	}
}

// demoRoles are whom the reader of the demo's documentation may be, the first at first.
var demoRoles = []string{rolePrescriber, roleClinician, roleAdmin, rolePatient}

// showToken answers a token of the demo clinic.
func (p docsPage) showToken(c echo.Context) error {
	role := c.QueryParam("as")
	if !slices.Contains(demoRoles, role) {
		return problem.New(problem.InvalidRequest, "as must be one of "+strings.Join(demoRoles, ", "),
			problem.Fault{In: problem.InQuery, Pointer: "as", Code: "enum"})
	}
	token, err := p.token(role)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"token": token})
}

// asset is a file of a page, in memory as it was embedded.
type asset struct {
	kind   string // media type
	body   []byte
	zipped bool // body is compressed with gzip
}

// newAsset reads name or, if there is only that, name.gz.
func newAsset(files fs.FS, name string) asset {
	a := asset{kind: assetKinds[path.Ext(name)]}
	var err error
	if a.body, err = fs.ReadFile(files, name); err != nil {
		a.zipped = true
		a.body, err = fs.ReadFile(files, name+".gz")
	}
	must(err)
	return a
}

// assetKinds is here because package mime asks the machine's own tables.
var assetKinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".png": "image/png",
}

// serve answers the file, unzipped for the rare client that wants it so. Browsers ask each
// time whether it has changed: after an upgrade nobody sees an old page with a new contract.
func (a asset) serve(c echo.Context) error {
	body, tag := a.body, "%x"
	h := c.Response().Header()
	if a.zipped {
		h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
		if strings.Contains(c.Request().Header.Get(echo.HeaderAcceptEncoding), "gzip") {
			h.Set(echo.HeaderContentEncoding, "gzip")
			tag = "%x.gzip"
		} else {
			z, err := gzip.NewReader(bytes.NewReader(a.body))
			must(err)
			body, err = io.ReadAll(z)
			must(err)
		}
	}
	h.Set("ETag", fmt.Sprintf(`"`+tag+`"`, sha256.Sum256(a.body)))
	h.Set(echo.HeaderContentType, a.kind)
	h.Set(echo.HeaderCacheControl, "no-cache")
	h.Set(echo.HeaderContentSecurityPolicy, pageCSP)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(body))
	return nil
}

// must is for errors of embedded files, which the build has made impossible.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
