package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/store"
)

// Every operation of a member of a clinic leaves one journal entry. What it changes is written with the
// change. Everything else is written here, before the answer goes out: what was shown, tried, answered once
// more, refused or denied. Without an entry there is no answer. A request that does not follow the contract,
// that a limit turns away or that fails on our side shows nothing and leaves none.

// audit writes the entry of an operation that changed nothing.
func (s *Server) audit(ctx context.Context, op *operation, outcome store.Outcome, records []store.Event, patients ...uuid.UUID) error {
	call := callOf(ctx)
	scope := store.Scope{Clinic: call.who.clinic, Actor: call.who.actor, Operation: op.ID, RequestID: call.requestID}
	return s.db.Record(ctx, scope, store.Observation{Outcome: outcome, Patients: patients, Records: records})
}

// observed writes the entry of the answer in b, or of the error that there is instead, if the operation
// changed nothing. It returns what is to be answered.
func (s *Server) observed(c echo.Context, op *operation, b *buffer, failed error) error {
	ctx := c.Request().Context()
	call := callOf(ctx)
	if call.who.clinic == uuid.Nil { // open operations write their own
		return failed
	}
	status := b.status
	if failed != nil {
		p := problemOf(failed)
		status = p.Status
		if p.Retryable { // it has not come to an answer yet
			return failed
		}
	}
	outcome, leaves := endedAs(op, call, status)
	if !leaves {
		return failed
	}
	records := targetOf(c)
	if failed == nil && len(records) > 0 {
		if version, err := ifMatch(b.header.Get("ETag")); err == nil && version > 0 {
			records[0].Version = version
		}
	}
	var patients []uuid.UUID
	if failed == nil && op.kind == read {
		shown, err := itemsOf(op, b.body.Bytes())
		if err != nil {
			return err
		}
		records, patients = append(records, shown.records...), shown.patients
	}
	if call.patient != uuid.Nil {
		patients = []uuid.UUID{call.patient}
	}
	if err := s.audit(ctx, op, outcome, records, patients...); err != nil {
		return err
	}
	return failed
}

// endedAs says how an operation that changed nothing has ended, and whether that leaves an entry.
func endedAs(op *operation, call *call, status int) (store.Outcome, bool) {
	switch {
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusBadRequest:
		return "", false
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
		return store.OutcomeDenied, true
	case status >= http.StatusBadRequest:
		return store.OutcomeRefused, true
	case op.kind == read:
		return store.OutcomeRead, true
	case call.dry:
		return store.OutcomeDryRun, true
	case call.replayed || call.repeated:
		return store.OutcomeReplayed, true
	}
	return "", false // done: written with the change
}

// denied writes the entry of somebody whose role may not call the operation, and returns the error.
func (s *Server) denied(c echo.Context, op *operation, err error) error {
	if failed := s.audit(c.Request().Context(), op, store.OutcomeDenied, targetOf(c)); failed != nil {
		return failed
	}
	return err
}

// targetOf is the record that the path names first, whether it exists or not, and the fact of a session that it
// names besides.
func targetOf(c echo.Context) []store.Event {
	path, err := pathOf(c)
	if err != nil || len(path) == 0 {
		return nil
	}
	table := store.TableOf(path[0].name)
	if table == "" { // /v1/staff/:staffId is about the table staff
		table = tableNamed(strings.Split(c.Path(), "/")[2])
	}
	list := []store.Event{{Record: table, ID: path[0].id}}
	if len(path) > 1 && path[1].name == "factId" {
		list = append(list, store.Event{Record: "session_facts", ID: path[1].id})
	}
	return list
}

// tableNamed is the table of what a path calls adverse-events.
func tableNamed(segment string) string {
	return cmp.Or(otherwiseNamed[segment], strings.ReplaceAll(segment, "-", "_"))
}

// otherwiseNamed are the tables of what paths do not call after them.
var otherwiseNamed = map[string]string{
	"alert-rules": "alert_rule_sets", "search": "patients", "worklist": "patients", "try": "patients", "interactions": "medications",
	"entries": "supply_entries", "signals": "supply_signals", "audit": "journal", "disclosures": "journal",
}

// listItem is what a list says of each record. Where it is about patients it may name them alone, and an event
// names the record that it is about.
type listItem struct {
	ID        string `json:"id"` // an instrument's is no UUID, and it names no record
	Type      string `json:"type"`
	PatientID string `json:"patientId"`
	Version   int64  `json:"version"`
	Record    struct {
		Type    string    `json:"type"`
		ID      uuid.UUID `json:"id"`
		Version int64     `json:"version"`
	} `json:"record"` // which an event is about
}

// onPage are the records that a page of a list shows, and whose they are.
type onPage struct {
	records  []store.Event
	patients []uuid.UUID
}

func itemsOf(op *operation, body []byte) (found onPage, err error) {
	segments := strings.Split(op.Path, "/")
	last := segments[len(segments)-1]
	if strings.HasPrefix(last, "{") || len(body) == 0 {
		return found, nil
	}
	table := tableNamed(last)
	mixed := op.ID == "syncChanges" // each item says what it is
	var page struct {
		Items   []listItem `json:"items"`
		ForWhom []listItem `json:"forWhom"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return found, err
	}
	for _, i := range append(page.Items, page.ForWhom...) {
		patient, err := uuid.Parse(i.PatientID)
		ofPatient := err == nil
		if i.Record.Type != "" {
			found.records = append(found.records, store.Event{Record: tableOf(i.Record.Type), ID: i.Record.ID, Version: i.Record.Version})
		} else if id, err := uuid.Parse(i.ID); err == nil {
			if mixed {
				table = tableOf(i.Type)
			}
			found.records = append(found.records, store.Event{Record: table, ID: id, Version: i.Version})
			if table == "patients" {
				patient, ofPatient = id, true
			}
		} else if ofPatient {
			found.records = append(found.records, store.Event{Record: "patients", ID: patient})
		}
		if ofPatient {
			found.patients = append(found.patients, patient)
		}
	}
	return found, nil
}
