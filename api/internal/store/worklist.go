package store

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// WorkItem is something of a patient that waits for somebody of the clinic.
type WorkItem struct {
	PatientID uuid.UUID
	Reason    treatment.WorkReason
	Severity  treatment.Severity
	// Record is the kind of the record that waits, and ID its id.
	Record string
	ID     uuid.UUID
	Since  time.Time
	DueAt  time.Time
	// Detail is the rule of an alert, or the instrument of an assessment.
	Detail     string
	AssignedTo *uuid.UUID
}

// WorkSource is a table in which something waits for one reason, or for those of alerts.
type WorkSource struct {
	Record string
	reason treatment.WorkReason // that of all its rows; empty for alerts
	model  any
	when   string // the condition under which a row waits
	index  string // what follows from it, in the words of the index: no record says it, and of the past nothing does
	since  string // the column that says from when on
	due    string // and the one by when; the same if the protocol says how long it may wait
	detail string
	// staff, if it is set, makes it the source of the patients in a state for whom somebody is responsible
	// whose licence or registration for that state ends at a time.
	staff uuid.UUID
	state string
	ends  time.Time
}

// WorkSources are all there are. Each has an index that holds only what waits, in the order of its
// deadline: the list costs what it shows, however long the clinic has been open.
var WorkSources = []WorkSource{
	{Record: "alert", model: &Alert{}, when: "status <> 'resolved' AND (snoozed_until IS NULL OR snoozed_until <= @now)", since: "raised_at", due: "due_at", detail: "rule"},
	{Record: "followUp", reason: treatment.WorkFollowUp, model: &FollowUp{}, index: "(audience = 'staff' OR NOT missed)", when: "status = 'open' AND due_at <= @now AND (audience = 'staff' OR overdue_at <= @now AND missed_at > @now)", since: "created_at", due: "due_at", detail: "series"},
	{Record: "session", reason: treatment.WorkSessionUnfinished, model: &Session{}, when: "status = 'monitoring' AND started_at <= @now", since: "started_at", due: "started_at"},
	{Record: "session", reason: treatment.WorkSessionReview, model: &Session{}, when: "status IN ('completed', 'aborted')", since: "ended_at", due: "ended_at"},
	{Record: "assessment", reason: treatment.WorkAssessmentReview, model: &Assessment{}, when: "status = 'submitted'", since: "at", due: "at", detail: "instrument"},
	{Record: "adverseEvent", reason: treatment.WorkAdverseEventTriage, model: &AdverseEvent{}, when: "status = 'reported'", since: "created_at", due: "created_at", detail: "term"},
	{Record: "adjustment", reason: treatment.WorkAdjustmentDecision, model: &Adjustment{}, when: "status = 'proposed' AND expires_at > @now", since: "created_at", due: "expires_at"},
	{Record: "prescription", reason: treatment.WorkCosignature, model: &Prescription{}, when: "status = 'awaitingCosignature'", since: "signed_at", due: "signed_at"},
	{Record: "prescription", reason: treatment.WorkHandedOver, model: &Prescription{}, when: "status = 'active' AND signed_by IN @left AND expires_at > @now", since: "signed_at", due: "signed_at"},
	{Record: "consultation", reason: treatment.WorkEligibilityDecision, model: &Consultation{}, when: "status = 'submitted'", since: "submitted_at", due: "submitted_at"},
}

// Alerts says whether the source is the table of alerts, whose rows say themselves how urgent they are.
func (w WorkSource) Alerts() bool { return w.reason == "" }

// Has says whether something can wait in the source for a reason; an empty one is any.
func (w WorkSource) Has(reason treatment.WorkReason) bool {
	return reason == "" || w.reason == reason || w.Alerts() && len(reason.AlertsOf()) > 0
}

// Severity is that of everything that waits in the source; of alerts there is none.
func (w WorkSource) Severity() treatment.Severity {
	if w.Alerts() {
		return ""
	}
	return w.reason.Severity()
}

// Worklist reads what waits.
type Worklist struct {
	// Sources are all there are, those of licences that end too.
	Sources []WorkSource

	tx     *Tx
	policy treatment.WorklistPolicy
	left   []uuid.UUID // staff who have left

	patients map[string][]uuid.UUID // whom queries have found in the past
	err      error                  // of one of these
}

// Worklist prepares to read what waits; how long it may says the policy.
func (tx *Tx) Worklist(policy treatment.WorklistPolicy) (*Worklist, error) {
	w := &Worklist{Sources: slices.Clone(WorkSources), tx: tx, policy: policy, left: []uuid.UUID{uuid.Nil}, patients: map[string][]uuid.UUID{}}
	var gone []uuid.UUID
	if err := tx.orm.Model(&Staff{}).Where("status <> ?", StaffActive).Pluck("id", &gone).Error; err != nil {
		return nil, err
	}
	w.left = append(w.left, gone...)
	return w, w.addLicences()
}

// addLicences adds the sources of what ends soon, and of which nobody has entered the next one.
func (w *Worklist) addLicences() error {
	all, err := many[Credential](w.tx.orm.Where("staff_id NOT IN ?", w.left).Order("expires, staff_id, state, kind"))
	if err != nil {
		return err
	}
	soon := w.tx.Now.AddDate(0, 0, w.policy.LicenceExpiringDays).Format(time.DateOnly)
	for _, c := range all {
		renewed := func(o Credential) bool {
			return o.StaffID == c.StaffID && o.State == c.State && o.Kind == c.Kind && o.Expires > c.Expires
		}
		known := func(s WorkSource) bool { return s.staff == c.StaffID && s.state == c.State } // the earliest counts
		if c.Expires > soon || slices.ContainsFunc(all, renewed) || slices.ContainsFunc(w.Sources, known) {
			continue
		}
		day, err := time.Parse(time.DateOnly, c.Expires)
		if err != nil {
			return err
		}
		w.Sources = append(w.Sources, WorkSource{
			Record: "treatment", reason: treatment.WorkLicenceExpiring, model: &Treatment{}, when: "phase IN @open",
			since: "phase_since", due: "phase_since", staff: c.StaffID, state: c.State, ends: day.AddDate(0, 0, 1), // it is good on that day
		})
	}
	return nil
}

// WorkFilter says what of it matters. What is empty does not.
type WorkFilter struct {
	Reason   treatment.WorkReason
	Severity treatment.Severity
	// Staff: what is assigned to somebody, or to nobody in particular and about their patients.
	Staff uuid.UUID
}

// Next returns what waits in a source, the nearest deadline first, after a key of such a list. Of
// alerts, f says the severity.
func (w *Worklist) Next(from WorkSource, f WorkFilter, after *Key, limit int) ([]WorkItem, error) {
	q := w.query(from, f)
	if from.staff != uuid.Nil { // all have the same deadline
		switch {
		case after != nil && after.Time.After(from.ends):
			return nil, nil
		case after != nil && after.Time.Equal(from.ends):
			q = q.Where("id > ?", after.ID)
		}
		return w.read(from, q.Order("id").Limit(limit))
	}
	if after != nil {
		q = q.Where("("+from.due+", id) > (?, ?)", after.Time.Add(-w.wait(from)), after.ID)
	}
	return w.read(from, q.Order(from.due+", id").Limit(limit))
}

// Of returns everything that waits in a source for some patients.
func (w *Worklist) Of(from WorkSource, f WorkFilter, patients []uuid.UUID) ([]WorkItem, error) {
	return w.read(from, w.query(from, f).Where("patient_id IN ?", patients).Order(from.due+", id"))
}

// wait is how long something may wait in the source.
func (w *Worklist) wait(from WorkSource) time.Duration {
	if from.since != from.due {
		return 0
	}
	return w.policy.Wait(from.reason)
}

func (w *Worklist) query(from WorkSource, f WorkFilter) *gorm.DB {
	now := w.tx.Now
	if from.reason == treatment.WorkSessionUnfinished { // who is still watched is not on the list
		now = now.Add(-w.wait(from))
	}
	q := w.tx.orm.Model(from.model).Where(from.when)
	if strings.Contains(from.when, "@") {
		q = w.tx.orm.Model(from.model).Where(from.when, map[string]any{"now": now, "left": w.left, "open": openPhases})
	}
	if from.index != "" && w.tx.past == nil {
		q = q.Where(from.index)
	}
	if from.staff != uuid.Nil {
		q = q.Where("responsible_prescriber_id = ?", from.staff).Session(&gorm.Session{})
		there := w.tx.orm.Model(&Patient{}).Select("id").Where("state = ?", from.state)
		if w.tx.past != nil { // not everybody who lived there has to be looked at
			there = there.Where("id IN (?)", w.among("of "+from.staff.String(), q))
		}
		q = q.Where("patient_id IN (?)", there)
	}
	if from.Alerts() && f.Severity != "" {
		q = q.Where("severity = ?", f.Severity)
	}
	if from.Alerts() && f.Reason != "" {
		q = q.Where("rule IN ?", f.Reason.AlertsOf())
	}
	if f.Staff == uuid.Nil {
		return q
	}
	treated := w.among("treated", w.tx.orm.Model(&Treatment{}).Where("responsible_prescriber_id = ? AND phase IN ?", f.Staff, openPhases))
	team := w.among("team", w.tx.orm.Model(&CareTeamMember{}).Where("staff_id = ?", f.Staff))
	if from.Alerts() {
		return q.Where("assigned_to = ? OR assigned_to IS NULL AND (patient_id IN (?) OR patient_id IN (?))", f.Staff, treated, team)
	}
	return q.Where("patient_id IN (?) OR patient_id IN (?)", treated, team)
}

// among is for a condition the patients whom a query finds: the query itself, or in the past the patients, by whom
// a search can be narrowed. They are looked for once.
func (w *Worklist) among(name string, q *gorm.DB) any {
	q = q.Select("patient_id")
	if w.tx.past == nil {
		return q
	}
	if w.patients[name] == nil {
		ids := []uuid.UUID{}
		w.err = errors.Join(w.err, q.Pluck("patient_id", &ids).Error)
		w.patients[name] = ids
	}
	return w.patients[name]
}

// workRow is a row of any source as it is read.
type workRow struct {
	PatientID  uuid.UUID
	ID         uuid.UUID
	Since      time.Time
	Due        time.Time
	Detail     string
	Severity   treatment.Severity
	AssignedTo *uuid.UUID
}

func (w *Worklist) read(from WorkSource, q *gorm.DB) ([]WorkItem, error) {
	if w.err != nil {
		return nil, w.err
	}
	columns := "patient_id, id, " + from.since + " AS since, " + from.due + " AS due"
	if from.detail != "" {
		columns += ", " + from.detail + " AS detail"
	}
	if from.Alerts() {
		columns += ", severity, assigned_to"
	}
	var rows []workRow
	if err := q.Select(columns).Find(&rows).Error; err != nil {
		return nil, err
	}
	items := make([]WorkItem, len(rows))
	for i, r := range rows {
		items[i] = WorkItem{
			PatientID: r.PatientID, Reason: from.reason, Severity: from.Severity(), Record: from.Record, ID: r.ID,
			Since: r.Since.UTC(), DueAt: r.Due.UTC().Add(w.wait(from)), Detail: r.Detail,
		}
		if from.Alerts() {
			items[i].Reason, items[i].Severity, items[i].AssignedTo = treatment.WorkOf(treatment.AlertRule(r.Detail)), r.Severity, r.AssignedTo
		}
		if from.staff != uuid.Nil {
			items[i].DueAt, items[i].AssignedTo = from.ends, &from.staff
		}
	}
	return items, nil
}

// ResponsibleFor returns the open treatments of patients, by patient.
func (tx *Tx) ResponsibleFor(patients []uuid.UUID) (map[uuid.UUID]Treatment, error) {
	rows, err := many[Treatment](tx.orm.Where("patient_id IN ? AND phase IN ?", patients, openPhases))
	of := map[uuid.UUID]Treatment{}
	for i := range rows {
		of[rows[i].PatientID] = rows[i]
	}
	return of, err
}

// PatientsNamed returns patients by their ids.
func (tx *Tx) PatientsNamed(ids []uuid.UUID) (map[uuid.UUID]Patient, error) {
	rows, err := many[Patient](tx.orm.Where("id IN ?", ids))
	of := map[uuid.UUID]Patient{}
	for i := range rows {
		of[rows[i].ID] = rows[i]
	}
	return of, err
}
