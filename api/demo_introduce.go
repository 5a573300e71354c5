package api

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/template"
)

// introduction is what the demo says about itself when it is ready. Everything in it can be
// pasted into a shell.
var introduction = template.Must(template.New("introduction").Parse(`
Titrate demo: {{.Clinic}}, 24 synthetic patients. Nobody here is real.

Documentation, signed in:  {{.URL}}/docs

Tokens, good for 12 hours:

{{range .Tokens}}{{.Name}}='{{.Token}}'
{{end}}
To paste after them:

# who am I, and at which clinic
curl -s {{.URL}}/v1/me -H "Authorization: Bearer $PRESCRIBER"
# what needs somebody's attention, the most urgent first
curl -s '{{.URL}}/v1/alerts?status=open' -H "Authorization: Bearer $CLINICIAN"
# find a patient; names are searched in the body, not in the URL
curl -s {{.URL}}/v1/patients/search -H "Authorization: Bearer $CLINICIAN" -H 'Content-Type: application/json' -d '{"family": "lind"}'
# the same patient sees the own record only
curl -s {{.URL}}/v1/patients -H "Authorization: Bearer $PATIENT"
# a nurse may not add staff: 403, and why
curl -s {{.URL}}/v1/staff -X POST -H "Authorization: Bearer $CLINICIAN"

The README's tour goes on from here. Ctrl-C ends the demo; started again it goes on with what is there.
`))

// Introduce says what the demo is, where it is, and how to look around.
func (s *Server) Introduce(_ context.Context, w io.Writer, baseURL string) error {
	type token struct{ Name, Token string }
	said := struct {
		Clinic, URL string
		Tokens      []token
	}{Clinic: demoClinic, URL: baseURL}
	for _, role := range demoRoles {
		text, err := s.demoToken(role)
		if err != nil {
			return fmt.Errorf("token of the %s: %w", role, err)
		}
		said.Tokens = append(said.Tokens, token{strings.ToUpper(role), text})
	}
	return introduction.Execute(w, said)
}
