package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// spot is an object in the example of a request.
type spot struct {
	pointer string
	object  map[string]any // in the example, to be changed in place
	schema  *openapi3.Schema
}

// spots finds the objects in a value that a schema closes.
func spots(pointer string, value any, schema *openapi3.Schema) (list []spot) {
	for _, branch := range schema.OneOf { // an object or null
		if branch.Value.Type.Is("object") {
			schema = branch.Value
		}
	}
	switch v := value.(type) {
	case map[string]any:
		if len(schema.Properties) == 0 { // answers: their names are an instrument's items
			return nil
		}
		list = append(list, spot{pointer, v, schema})
		for name, member := range v {
			list = append(list, spots(pointer+"/"+name, member, schema.Properties[name].Value)...)
		}
	case []any:
		for i, item := range v {
			list = append(list, spots(pointer+"/"+strconv.Itoa(i), item, schema.Items.Value)...)
		}
	}
	return list
}

// TestNoMassAssignment: every member that any record, answer or request has, in a request that
// does not take it, one by one; and every parameter that another operation takes.
func TestNoMassAssignment(t *testing.T) {
	doc := document(t)
	members, parameters := vocabulary(doc)
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Closed")
		scene := c.For(t, "showPatient")
		ticket := c.For(t, "attestSession").Ticket(t)
		before, tried := db.Contents(t), 0
		for _, item := range doc.Paths.Map() {
			for _, op := range item.Operations() {
				if t.Failed() {
					t.Fatal("stopped after the first operation with a gap")
				}
				call := scene.Call(t, op.OperationID)
				if call.Token = someRole(c, scene, op); call.Token == "" {
					call.Ticket = ticket
				}
				for _, p := range item.Parameters { // refused before anybody looks for the record
					if _, there := call.Path[p.Value.Name]; p.Value.In == "path" && !there {
						call.Path[p.Value.Name] = uuid.NewString()
					}
				}
				for _, name := range parameters {
					if !taken(item, op, name) {
						with := call
						with.Query = name + "=1"
						refusedFor(t, s, with, "query", name, "unknown_parameter")
						tried++
					}
				}
				if op.RequestBody == nil {
					call.Body = map[string]any{"status": "active"}
					refusedFor(t, s, call, "body", "", "unexpected_body")
					continue
				}
				for _, body := range op.RequestBody.Value.Content {
					for _, at := range spots("", call.Body, body.Schema.Value) {
						tried += assign(t, s, call, at, members)
					}
				}
			}
		}
		if after := db.Contents(t); after != before {
			t.Errorf("refused members changed something:\n%s\n%s", before, after)
		}
		if tried < 10_000 {
			t.Errorf("only %d members and parameters were tried", tried)
		}
	})
}

// assign puts each foreign member into one object of the request. It returns how many.
func assign(t *testing.T, s *apitest.Site, call apitest.Call, at spot, members []string) (tried int) {
	t.Helper()
	foreign := slices.Clone(members)
	for name := range at.schema.Properties { // encoding/json by itself takes these for the member
		foreign = append(foreign, strings.ToUpper(name[:1])+name[1:], strings.ToUpper(name))
	}
	for _, name := range foreign {
		if _, own := at.schema.Properties[name]; own {
			continue
		}
		at.object[name] = nil
		refusedFor(t, s, call, "body", at.pointer+"/"+name, "unknown_field")
		delete(at.object, name)
		tried++
	}
	return tried
}

// refusedFor sends a request in-process that has exactly one fault.
func refusedFor(t *testing.T, s *apitest.Site, call apitest.Call, in, pointer, fault string) {
	t.Helper()
	m := wire(t, call)
	r := httptest.NewRequest(m.method, m.path, strings.NewReader(m.body))
	for name, value := range m.header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.Server.Handler().ServeHTTP(w, r)
	var p problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusBadRequest || len(p.Errors) != 1 {
		t.Errorf("%s with %s: %d %.300s", call.Operation, pointer, w.Code, w.Body)
		return
	}
	if f := p.Errors[0]; f.In != in || f.Pointer != pointer || f.Code != fault {
		t.Errorf("%s: %+v, want %s at %s", call.Operation, f, fault, pointer)
	}
}

// vocabulary is every member and every parameter that the contract knows, and names that only
// the database and the code use.
func vocabulary(doc *openapi3.T) (members, parameters []string) {
	known := map[string]bool{"clinicId": true, "clinic_id": true, "patient_id": true, "isAdmin": true, "admin": true, "deletedAt": true, "__proto__": true, "$ref": false}
	for _, schema := range doc.Components.Schemas {
		for name := range schema.Value.Properties {
			known[name] = true
		}
	}
	maps.DeleteFunc(known, func(_ string, shown bool) bool { return !shown })
	named := map[string]bool{"validateOnly": true, "include": true, "sort": true, "fields": true}
	for _, p := range doc.Components.Parameters {
		named[p.Value.Name] = true
	}
	return slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(named))
}

func taken(item *openapi3.PathItem, op *openapi3.Operation, query string) bool {
	return op.Parameters.GetByInAndName("query", query) != nil || item.Parameters.GetByInAndName("query", query) != nil
}

// someRole is the token of somebody who may call the operation; "" for a support person.
func someRole(c *apitest.Clinic, scene *apitest.Scene, op *openapi3.Operation) string {
	tokens := map[string]string{
		"admin": c.Admin.Token, "prescriber": c.Prescriber.Token, "clinician": c.Clinician.Token,
		"patient": scene.Patient.Token, "signedIn": c.Admin.Token,
	}
	access, _ := op.Extensions["x-access"].([]any)
	return tokens[fmt.Sprint(access[0])]
}

// TestRequestsAreClosed: no object of a request takes members that it does not name.
func TestRequestsAreClosed(t *testing.T) {
	seen := map[*openapi3.Schema]bool{}
	var look func(where string, ref *openapi3.SchemaRef)
	look = func(where string, ref *openapi3.SchemaRef) {
		if ref == nil || seen[ref.Value] {
			return
		}
		s := ref.Value
		seen[s] = true
		for _, branch := range slices.Concat(s.OneOf, s.AnyOf, s.AllOf) {
			look(where, branch)
		}
		if s.Type.Is("object") && len(s.Properties) > 0 && (s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has) {
			t.Errorf("%s is open", where)
		}
		if where == "uploadBatch/items/*/body" { // looked at by the operation that it is for
			return
		}
		if s.Type.Is("object") && len(s.Properties) == 0 && (s.MaxProps == nil || s.AdditionalProperties.Schema == nil) {
			t.Errorf("%s takes anything", where)
		}
		for name, member := range s.Properties {
			look(where+"/"+name, member)
		}
		look(where+"/*", s.Items)
	}
	for _, item := range document(t).Paths.Map() {
		for _, op := range item.Operations() {
			if op.RequestBody == nil {
				continue
			}
			for _, body := range op.RequestBody.Value.Content {
				look(op.OperationID, body.Schema)
			}
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d schemas were looked at", len(seen))
	}
}
