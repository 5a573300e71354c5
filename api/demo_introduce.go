package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/template"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
)

// introduction is what the demo says about itself when it is ready. A request is one line, so
// that it can be copied by itself.
var introduction = template.Must(template.New("introduction").Parse(`
{{.Clinic}}: a demo clinic with {{.Patients}} synthetic patients. Nobody here is real.

  API   {{.Base}}/v1
  docs  {{.Base}}/docs   signed in already: choose whom you are

Tokens, good for 12 hours; titrate token makes new ones:

{{range .Tokens}}{{.Name}}='{{.Token}}'
{{end}}
To paste after them:
{{range .Requests}}
  {{.Says}}
{{.Line}}
{{end}}
The README's tour goes on from here. Ctrl-C ends the demo; started again it goes on with what is there.
`))

type firstRequest struct{ Says, Line string }

// Introduce prints what the demo is and where, a token for each role, and requests to begin
// with, which work when they are pasted into a shell.
func (s *Server) Introduce(ctx context.Context, w io.Writer, baseURL string) error {
	type token struct{ Name, Token string }
	var tokens []token
	for _, role := range demoRoles {
		text, err := s.demoToken(role)
		if err != nil {
			return fmt.Errorf("token of the %s: %w", role, err)
		}
		tokens = append(tokens, token{strings.ToUpper(role), text})
	}
	requests, err := s.firstRequests(ctx, baseURL+"/v1")
	if err != nil {
		return err
	}
	return introduction.Execute(w, map[string]any{
		"Clinic": demoClinic, "Patients": len(demoStories), "Base": baseURL, "Tokens": tokens, "Requests": requests,
	})
}

// firstRequests show reading, searching, a fact, and a plan with its key.
func (s *Server) firstRequests(ctx context.Context, v1 string) ([]firstRequest, error) {
	patient, err := s.demoPatientID(ctx)
	if err != nil {
		return nil, err
	}
	who := demoPatient.given
	return []firstRequest{
		{"Who am I, and at which clinic?", curl("PRESCRIBER", http.MethodGet, v1+"/me", nil)},
		{"What needs somebody's attention, the most urgent first.", curl("CLINICIAN", http.MethodGet, v1+"/worklist", nil)},
		{"Find " + who + ". Names are searched in the body, never in a URL.", curl("CLINICIAN", http.MethodPost, v1+"/patients/search", obj{"family": "lind"})},
		{who + " answers a PHQ-9 on her phone; it is scored at once. Send it again: it is recorded once.", curl("PATIENT", http.MethodPut,
			v1+"/patients/"+patient+"/assessments/"+uuid.NewString(), obj{
				"instrument": oapi.InstrumentIDPhq9, "answers": phq9Answers(9, 0), "occurredAt": s.now().UTC().Truncate(time.Second),
				"timeZone": demoZone, "reportedBy": oapi.ReportedByPatient, "mode": oapi.ModeApp,
			})},
		{"A new patient. Send it again: the key makes it one.", curl("CLINICIAN", http.MethodPost, v1+"/patients", obj{
			"name": obj{"given": "Noor", "family": "Salazar"}, "birthDate": "1991-09-30", "gender": "female", "state": "NY", "timeZone": demoZone,
		}, "Idempotency-Key: "+uuid.NewString())},
	}, nil
}

// demoPatientID asks as the demo's patient who that is.
func (s *Server) demoPatientID(ctx context.Context) (string, error) {
	token, err := s.demoToken(rolePatient)
	if err != nil {
		return "", err
	}
	q, err := inProcess(ctx, token, http.MethodGet, "/me", nil)
	if err != nil {
		return "", err
	}
	r, me := reply{header: http.Header{}}, answer{}
	s.Handler().ServeHTTP(&r, q)
	if err := json.Unmarshal(r.body.Bytes(), &me); err != nil || len(me.Memberships) == 0 {
		return "", fmt.Errorf("the demo's patient cannot sign in (%d): begin anew with --reset", r.status)
	}
	return me.Memberships[0].MemberID, nil
}

// curl writes a request as a line for a POSIX shell; token names the variable that holds the
// sender's.
func curl(token, method, url string, body any, headers ...string) string {
	line := `curl -sS -H "Authorization: Bearer $` + token + `"`
	if method == http.MethodPut { // the others follow from whether there is a body
		line += " -X " + method
	}
	for _, h := range headers {
		line += " -H " + quoted(h)
	}
	if body != nil {
		line += " -H " + quoted("Content-Type: application/json") + " -d " + quoted(string(mustJSON(body)))
	}
	return line + " " + quoted(url)
}

// quoted is text in single quotes, in which a shell changes nothing.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
