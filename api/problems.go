package api

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/pkg/problem"
)

// explanation is a problem's definition as it is answered.
type explanation struct {
	Code        problem.Code `json:"code"`
	Status      int          `json:"status"`
	Title       string       `json:"title"`
	Explanation string       `json:"explanation"`
	Retryable   bool         `json:"retryable"`
}

// problemsPage shows one problem or all of them to people.
var problemsPage = template.Must(template.ParseFS(docsFiles, "docs/problems.html"))

// listProblems tells what every code means.
func listProblems(c echo.Context) error {
	var list []explanation
	for _, code := range problem.Codes() {
		d, _ := problem.Lookup(code)
		list = append(list, explanation(d))
	}
	if wantsPage(c) {
		return showProblems(c, "Problems", list...)
	}
	return c.JSON(http.StatusOK, map[string]any{"items": list})
}

// explainProblem tells people what a problem's code means and what to do: the type of every
// problem is a link to it.
func explainProblem(c echo.Context) error {
	code := problem.Code(c.Param("code"))
	d, ok := problem.Lookup(code)
	if !ok {
		return problem.New(problem.NoRoute, "no such problem")
	}
	if wantsPage(c) {
		return showProblems(c, string(code), explanation(d))
	}
	return c.JSON(http.StatusOK, explanation(d))
}

// wantsPage reports whether a browser asks, rather than a program.
func wantsPage(c echo.Context) bool {
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAccept)
	accept := c.Request().Header.Get(echo.HeaderAccept)
	return strings.Contains(accept, echo.MIMETextHTML) && !strings.Contains(accept, echo.MIMEApplicationJSON)
}

func showProblems(c echo.Context, title string, list ...explanation) error {
	var page bytes.Buffer
	err := problemsPage.Execute(&page, struct {
		Title string
		List  []explanation
	}{title, list})
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentSecurityPolicy, pageCSP)
	return c.HTMLBlob(http.StatusOK, page.Bytes())
}
