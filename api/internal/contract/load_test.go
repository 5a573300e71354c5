package contract_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	titrate "github.com/titrate-health/titrate"
	"github.com/titrate-health/titrate/api/internal/contract"
)

func TestOperations(t *testing.T) {
	c := load(t)
	type row struct {
		ID, Method, Path, Kind, Access string
		MaxBody                        int64
	}
	var got []row
	for _, op := range c.Operations() {
		got = append(got, row{op.ID, op.Method, op.Path, op.Kind, strings.Join(op.Access, " "), op.MaxBody})
	}
	want := []row{
		{"note", "POST", "/v1/notes", "fact", "signedIn", contract.DefaultMaxBody},
		{"makeThing", "POST", "/v1/things", "plan", "prescriber", contract.DefaultMaxBody},
		{"removeThing", "DELETE", "/v1/things/{thingId}", "decision", "admin", contract.DefaultMaxBody},
		{"changeThing", "PATCH", "/v1/things/{thingId}", "decision", "prescriber", 64},
		{"showPart", "GET", "/v1/things/{thingId}/parts/{partName}", "read", "clinician patient", contract.DefaultMaxBody},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	op, ok := c.Operation("showPart")
	if !ok {
		t.Fatal("showPart was not found")
	}
	var params []string
	for _, p := range op.Params {
		params = append(params, p.In+" "+p.Name+" "+p.Type)
	}
	wantParams := []string{
		"path thingId string", "path partName string", "query limit integer", "query ratio number",
		"query deep boolean", "query status array", "query ids array", "query since string",
		"query text string", "header If-None-Match string", "header Tags array",
	}
	if diff := cmp.Diff(wantParams, params); diff != "" {
		t.Error(diff)
	}
	if _, ok := c.Operation("nothing"); ok {
		t.Error("an operation was found that is not there")
	}
}

func TestJSONKeepsTheOrder(t *testing.T) {
	c, err := contract.Load([]byte("openapi: 3.1.0\nzebra: {b: 0x10, a: [.5, 1.50, 2026-01-31, ~, yes, true]}\ninfo: 'ä\"'\npaths: {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"openapi":"3.1.0","zebra":{"b":16,"a":[0.5,1.50,"2026-01-31",null,"yes",true]},"info":"ä\"","paths":{}}`
	if got := string(c.JSON()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c.JSON()[0] = 'x'
	if !json.Valid(c.JSON()) {
		t.Error("a caller can change the document")
	}
}

// The served document is the one in the repository, not what was made of it to compile it.
func TestServedDocumentIsUnchanged(t *testing.T) {
	served := string(load(t).JSON())
	for _, part := range []string{`"propertyNames":`, `"discriminator":`, `"oneOf":[{"$ref":"#/components/schemas/Circle"}`} {
		if !strings.Contains(served, part) {
			t.Errorf("%s is missing", part)
		}
	}
	if strings.Contains(served, "x-contract-") {
		t.Error("the document shows keywords that only the compiler knows")
	}
}

func TestTheContractLoads(t *testing.T) {
	if _, err := contract.Load(titrate.OpenAPI); err != nil {
		t.Error(err)
	}
}

func TestLoadRefuses(t *testing.T) {
	source, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, old, new, want string }{
		{"not YAML", "openapi: 3.1.0", "\t", "yaml"},
		{"a list", string(source), "[]", "not a mapping"},
		{"nothing", string(source), "", "not a mapping"},
		{"another version", "openapi: 3.1.0", "openapi: 3.0.3", "not OpenAPI 3.1"},
		{"a member twice", "x-kind: plan", "x-kind: plan\n      x-kind: fact", "x-kind is there twice"},
		{"an alias", "x-access: [admin]", "x-access: &a [admin]\n      x-other: *a", "aliases"},
		{"not a number", "minimum: 20", "minimum: .nan", "not a JSON number"},
		{"binary", "minimum: 20", "minimum: !!binary abc=", "nothing like"},
		{"no operationId", "operationId: note", "summary: note", "POST /v1/notes: no operationId"},
		{"an operationId twice", "operationId: note", "operationId: makeThing", "makeThing is taken"},
		{"no kind", "x-kind: fact", "summary: x", "no x-kind"},
		{"no access", "x-access: [signedIn]", "x-access: []", "no x-access"},
		{"access is no list of names", "x-access: [signedIn]", "x-access: [{}]", "no x-access"},
		{"a limit of nothing", "x-max-body-bytes: 64", "x-max-body-bytes: 0", "x-max-body-bytes"},
		{"an unknown format", "format: uri", "format: phone", "format phone"},
		{"an amount without its format", "{type: number, format: kilograms, x-go-type: dose.Kg}", "{type: number, x-go-type: dose.Kg}", "dose.Kg needs"},
		{"a keyword with false alarms", "notRed: {type: string,", "notRed: {unevaluatedProperties: false,", "unevaluatedProperties"},
		{"a broken pattern", "'^x'", "'^('", "regex"},
		{"a reference into nowhere", "'#/components/schemas/Tree'", "'#/components/schemas/Forest'", "Forest"},
		{"a reference elsewhere", "'#/components/requestBodies/Thing'", "'other.yaml#/Thing'", "not in this document"},
		{"a circle", "Thing:\n      required: true\n      content:", "Thing:\n      $ref: '#/components/requestBodies/Thing'\n      content:", "refers to itself"},
		{"a cookie", "{name: deep, in: query,", "{name: deep, in: cookie,", "parameter deep"},
		{"a style", "{name: deep, in: query,", "{name: deep, in: query, style: deepObject,", "parameter deep"},
		{"a parameter without a type", "{name: deep, in: query, schema: {type: boolean}}", "{name: deep, in: query, schema: {}}", "one plain type"},
		{"a parameter without a schema", "{name: deep, in: query, schema: {type: boolean}}", "{name: deep, in: query}", "no schema"},
		{"a list of anything", "items: {type: string, maxLength: 3}", "items: {}", "one plain type"},
		{"a parameter that is not in the path", "name: partName", "name: partname", "partname is not in the path"},
		{"an undeclared path variable", "/v1/notes:", "/v1/{noteId}/notes:", "not declared"},
		{"a form", "application/merge-patch+json:", "multipart/form-data:", "multipart/form-data"},
		{"no content", "content:\n          application/json:\n            schema: {type: object}", "required: true", "without content"},
		{"no body schema", "application/json:\n            schema: {type: object}", "application/json: {}", "no schema"},
		{"a branch without a name", "- {$ref: '#/components/schemas/Square'}", "- {type: object}", "named schemas"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changed := strings.Replace(string(source), test.old, test.new, 1)
			if changed == string(source) {
				t.Fatal("the fixture has changed")
			}
			_, err := contract.Load([]byte(changed))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestOperationsCannotBeReordered(t *testing.T) {
	c := load(t)
	slices.Reverse(c.Operations())
	if got := c.Operations()[0].ID; got != "note" {
		t.Errorf("got %s first", got)
	}
}
