package api_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/audit"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// checkOffline is what an auditor does with a proof: nothing but package audit, and a key that was known before.
func checkOffline(p *client.AuditProof, key ed25519.PublicKey) error {
	e := audit.Entry{
		Number: p.Entry.Number, Clinic: p.Entry.ClinicID, ID: p.Entry.ID, At: p.Entry.At, Operation: p.Entry.Operation,
		Actor: p.Entry.Actor, RequestID: p.Entry.RequestID, Outcome: string(p.Entry.Outcome), Events: p.Entry.Events, ClockSkew: p.Entry.ClockSkewSeconds,
	}
	if p.Entry.PatientID != nil {
		e.Patient = *p.Entry.PatientID
	}
	proof := audit.Proof{Index: int(e.Number - p.Seal.First), Size: int(p.Seal.Last - p.Seal.First + 1), Path: make([]audit.Hash, len(p.Path))}
	for i, text := range p.Path {
		if err := proof.Path[i].UnmarshalText([]byte(text)); err != nil {
			return err
		}
	}
	seal := audit.Seal{Clinic: e.Clinic, First: p.Seal.First, Last: p.Seal.Last, At: p.Seal.At}
	if err := errors.Join(seal.Root.UnmarshalText([]byte(p.Seal.Root)), seal.Previous.UnmarshalText([]byte(p.Seal.Previous))); err != nil {
		return err
	}
	if root, ok := proof.Root(e.Hash()); !ok || root != seal.Root {
		return errors.New("the entry is not under the seal")
	}
	end := seal.End()
	if err := json.Unmarshal(fmt.Appendf(nil, "%q", p.Seal.Signature), &end.Signature); err != nil {
		return err
	}
	if !end.Signed(key) {
		return errors.New("the seal is not signed")
	}
	return nil
}

// TestAuditProof: every entry can be checked without the server, and no entry that was changed.
func TestAuditProof(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, db testbed.Database) {
		c := s.Clinic(t, "Proof")
		s.Pass(t, 0)
		c.For(t, "showPrescription")
		s.Pass(t, 0)
		show := func(id string) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "showAuditProof", Token: c.Admin.Token, Path: map[string]string{"entryId": id}})
		}
		var key ed25519.PublicKey
		entries := s.Must(t, apitest.Call{Operation: "listAuditEntries", Token: c.Admin.Token, Query: "limit=200"}).Items()
		for _, e := range entries {
			a := show(fmt.Sprint(e["id"]))
			var p client.AuditProof
			if err := json.Unmarshal(a.Body, &p); err != nil || a.Status != 200 || float64(p.Entry.Number) != e["number"] {
				t.Fatalf("entry %v: %d %s: %v", e["number"], a.Status, a.Body, err)
			}
			if key == nil { // an auditor has it from elsewhere
				if err := json.Unmarshal(fmt.Appendf(nil, "%q", p.PublicKey), &key); err != nil {
					t.Fatal(err)
				}
			}
			if err := checkOffline(&p, key); err != nil {
				t.Errorf("entry %v: %v", e["number"], err)
			}
			for what, change := range map[string]func(*client.AuditProof){
				"actor": func(p *client.AuditProof) { p.Entry.Actor = "system2" }, "events": func(p *client.AuditProof) { p.Entry.Events += " " },
				"number": func(p *client.AuditProof) { p.Entry.Number++ }, "patient": func(p *client.AuditProof) { p.Entry.PatientID = new(uuid.New()) },
				"time of the seal": func(p *client.AuditProof) { p.Seal.At = p.Seal.At.Add(1e9) }, "last": func(p *client.AuditProof) { p.Seal.Last++ },
			} {
				other := p
				change(&other)
				if checkOffline(&other, key) == nil {
					t.Errorf("entry %v with another %s passes", e["number"], what)
				}
			}
		}
		c.Patient(t, "Waiting")
		waits := db.Column(t, `SELECT CAST(id AS TEXT) FROM journal WHERE seq IS NULL`)
		expect(t, "an entry without a number", show(waits[0]), 404, problem.NotFound)
		other := s.Clinic(t, "Other")
		expect(t, "of another clinic", s.Do(t, apitest.Call{Operation: "showAuditProof", Token: other.Admin.Token,
			Path: map[string]string{"entryId": fmt.Sprint(entries[0]["id"])}}), 404, problem.NotFound)
	})
}
