package store

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/titrate-health/titrate/pkg/treatment"
)

// MomentType is what happened at a moment of a patient's timeline.
type MomentType string

// Moment is something that happened to a patient, at the time at which it happened: whenever it was told.
type Moment struct {
	At   time.Time
	Type MomentType
	// Record is the kind of the record that tells of it, and ID its id. Version is its present one.
	Record  string
	ID      uuid.UUID
	Version int64
	// SessionID is the session to which a fact belongs.
	SessionID *uuid.UUID
	// Detail is a code, such as an alert's rule or an assessment's instrument.
	Detail string
	// RecordedBy is who sent the fact, in the journal's form.
	RecordedBy string
	// StruckOut says that it was entered in error, or the session to which it belongs.
	StruckOut bool
}

// momentSource is a time that records of a table have, and what happened then.
type momentSource struct {
	typ    MomentType
	record string
	model  any
	at     string // the column
	when   string // the condition under which it has happened
	// own is what must be so too for a patient to read of it. Empty: nothing; no: they never do.
	own    string
	detail string // a column
	told   bool   // the row embeds Told
	struck bool   // and Struck
	status bool   // the row has a status, which can be enteredInError
}

const (
	no             = "1 = 0"
	enteredInError = "enteredInError"
)

func factSource(typ MomentType, kind treatment.FactKind) momentSource {
	return momentSource{typ: typ, record: "sessionFact", model: &SessionFact{}, at: "occurred_at", when: "kind = '" + string(kind) + "'", told: true, struck: true}
}

// momentSources are the times that the records keep. Those of treatments, whose rows know only the last
// phase, come from their history.
var momentSources = []momentSource{
	factSource("attested", treatment.FactAttestation),
	factSource("checkedIn", treatment.FactCheckIn),
	factSource("doseTaken", treatment.FactDose),
	factSource("gateChecked", treatment.FactCheck),
	factSource("observed", treatment.FactObservation),
	factSource("sessionAborted", treatment.FactAbort),
	factSource("sessionCompleted", treatment.FactCompletion),
	factSource("sessionEscalated", treatment.FactEscalation),
	factSource("vitalsTaken", treatment.FactVitals),
	{typ: "sessionCancelled", record: "session", model: &Session{}, at: "cancelled_at"},
	{typ: "sessionMissed", record: "session", model: &Session{}, at: "missed_at", when: "status IN ('scheduled', 'held', 'cleared') AND missed_at <= @now"},
	{typ: "sessionReviewed", record: "session", model: &Session{}, at: "reviewed_at", own: no, status: true},
	{typ: "adjustmentApplied", record: "adjustment", model: &Adjustment{}, at: "applied_at"},
	{typ: "adjustmentApproved", record: "adjustment", model: &Adjustment{}, at: "approved_at", own: no},
	{typ: "adjustmentProposed", record: "adjustment", model: &Adjustment{}, at: "created_at", own: no, detail: "source"},
	{typ: "adverseEventBegan", record: "adverseEvent", model: &AdverseEvent{}, at: "occurred_at", own: "recorded_by = @actor", detail: "term", told: true, status: true},
	{typ: "adverseEventResolved", record: "adverseEvent", model: &AdverseEvent{}, at: "resolved_at", own: "recorded_by = @actor", detail: "term", status: true},
	{typ: "alertRaised", record: "alert", model: &Alert{}, at: "raised_at", own: no, detail: "rule"},
	{typ: "alertResolved", record: "alert", model: &Alert{}, at: "resolved_at", own: no, detail: "rule"},
	{typ: "assessmentAnswered", record: "assessment", model: &Assessment{}, at: "occurred_at", detail: "instrument", status: true},
	{typ: "assessmentReviewed", record: "assessment", model: &Assessment{}, at: "reviewed_at", own: no, detail: "instrument", status: true},
	{typ: "consentEnded", record: "consent", model: &Consent{}, at: "ended_at", detail: "kind"},
	{typ: "consentSigned", record: "consent", model: &Consent{}, at: "signed_at", detail: "kind"},
	{typ: "consultationDecided", record: "consultation", model: &Consultation{}, at: "decided_at"},
	{typ: "consultationSubmitted", record: "consultation", model: &Consultation{}, at: "submitted_at"},
	{typ: "dispensed", record: "dispense", model: &Dispense{}, at: "occurred_at", told: true, struck: true},
	{typ: "followUpDone", record: "followUp", model: &FollowUp{}, at: "closed_at", when: "status = 'done'", own: "audience = 'patient'"},
	{typ: "measured", record: "measurement", model: &Measurement{}, at: "occurred_at", told: true, struck: true},
	{typ: "medicationRecorded", record: "medication", model: &Medication{}, at: "occurred_at", told: true, struck: true},
	{typ: "pdmpChecked", record: "pdmpCheck", model: &PDMPCheck{}, at: "occurred_at", own: no, detail: "result", told: true, struck: true},
	{typ: "prescriptionCosigned", record: "prescription", model: &Prescription{}, at: "cosigned_at", own: tookEffect, status: true},
	{typ: "prescriptionEnded", record: "prescription", model: &Prescription{}, at: "ended_at", own: tookEffect, detail: "status", status: true},
	{typ: "prescriptionSigned", record: "prescription", model: &Prescription{}, at: "signed_at", own: tookEffect, status: true},
	{typ: "suggestionMade", record: "suggestion", model: &Suggestion{}, at: "created_at", own: no, detail: "kind"},
	{typ: "supplyReported", record: "supplyEntry", model: &SupplyEntry{}, at: "occurred_at", when: "kind IN ('disposed', 'lost', 'counted')", detail: "kind", told: true, struck: true},
	{typ: "supplySignalFound", record: "supplySignal", model: &SupplySignal{}, at: "at", own: no, detail: "rule"},
	{typ: "supportPersonAdded", record: "supportPerson", model: &SupportPerson{}, at: "created_at"},
	{typ: "visitCompleted", record: "visit", model: &Visit{}, at: "planned_at", when: "status = 'completed'", detail: "kind"},
	{typ: "visitMissed", record: "visit", model: &Visit{}, at: "planned_at", when: "status = 'noShow'", detail: "kind"},
}

// tookEffect is [treatment.Prescription.TookEffect] as the database asks it.
const tookEffect = "(status IN ('active', 'stopped', 'superseded') OR status = 'enteredInError' AND signed_at IS NOT NULL AND ended_at IS NOT NULL)"

// What the history of treatments tells.
const (
	treatmentEnded        MomentType = "treatmentEnded"
	treatmentHeld         MomentType = "treatmentHeld"
	treatmentPhaseChanged MomentType = "treatmentPhaseChanged"
	treatmentResumed      MomentType = "treatmentResumed"
	treatmentStarted      MomentType = "treatmentStarted"
)

// MomentTypes lists every type.
var MomentTypes = func() []MomentType {
	list := []MomentType{treatmentEnded, treatmentHeld, treatmentPhaseChanged, treatmentResumed, treatmentStarted}
	for _, s := range momentSources {
		list = append(list, s.typ)
	}
	slices.Sort(list)
	return list
}()

// MomentFilter says which moments a timeline has. What is empty does not matter.
type MomentFilter struct {
	Type        MomentType
	From, Until *time.Time // both inclusive
	// ForPatient leaves out what patients do not read.
	ForPatient bool
}

// Timeline returns a page of what happened to a patient, newest first. Its keys have the type as text.
func (tx *Tx) Timeline(patient uuid.UUID, f MomentFilter, p Page) ([]Moment, *Key, error) {
	limit := p.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	all, err := tx.courseMoments(patient)
	if err != nil {
		return nil, nil, err
	}
	all = slices.DeleteFunc(all, func(m Moment) bool { return !f.has(m) || p.After != nil && !m.after(p.After) })
	for _, s := range momentSources {
		if f.Type != "" && f.Type != s.typ {
			continue
		}
		some, err := tx.moments(s, patient, f, p.After, limit+1)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b Moment) int { return -a.compare(b.At, b.Type, b.ID) })
	if len(all) <= limit {
		return all, nil, tx.withVoided(all)
	}
	last := all[limit-1]
	return all[:limit], &Key{Time: last.At, Text: string(last.Type), ID: last.ID}, tx.withVoided(all[:limit])
}

// withVoided strikes out the facts of sessions that were entered in error.
func (tx *Tx) withVoided(list []Moment) error {
	ids := []uuid.UUID{}
	for i := range list {
		if list[i].SessionID != nil {
			ids = append(ids, *list[i].SessionID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var voided []uuid.UUID
	if err := tx.orm.Model(&Session{}).Where("id IN ? AND voided_at IS NOT NULL", ids).Pluck("id", &voided).Error; err != nil {
		return err
	}
	for i := range list {
		if s := list[i].SessionID; s != nil && slices.Contains(voided, *s) {
			list[i].StruckOut = true
		}
	}
	return nil
}

func (f MomentFilter) has(m Moment) bool {
	return (f.Type == "" || f.Type == m.Type) && (f.From == nil || !m.At.Before(*f.From)) && (f.Until == nil || !m.At.After(*f.Until))
}

func (m Moment) after(k *Key) bool { return m.compare(k.Time, MomentType(k.Text), k.ID) < 0 }

// compare orders moments by time, type and id.
func (m Moment) compare(at time.Time, typ MomentType, id uuid.UUID) int {
	return cmp.Or(m.At.Compare(at), cmp.Compare(m.Type, typ), slices.Compare(m.ID[:], id[:]))
}

// momentRow is a row of any source as it is read.
type momentRow struct {
	ID          uuid.UUID
	Version     int64
	Moment      time.Time
	Detail      string
	RecordedBy  string
	StruckOutAt *time.Time
	Status      string
	SessionID   *uuid.UUID
}

// moments reads the newest of a source behind a key of the timeline.
func (tx *Tx) moments(s momentSource, patient uuid.UUID, f MomentFilter, behind *Key, limit int) ([]Moment, error) {
	q := tx.orm.Model(s.model).Where("patient_id = ? AND "+s.at+" IS NOT NULL", patient)
	for _, condition := range []string{s.when, s.own} {
		if condition == "" || condition == s.own && !f.ForPatient {
			continue
		}
		q = where(q, condition, map[string]any{"now": tx.Now, "actor": tx.scope.Actor.String()})
	}
	if f.From != nil {
		q = q.Where(s.at+" >= ?", *f.From)
	}
	if f.Until != nil {
		q = q.Where(s.at+" <= ?", *f.Until)
	}
	switch {
	case behind == nil:
	case s.typ == MomentType(behind.Text):
		q = q.Where("("+s.at+", id) < (?, ?)", behind.Time, behind.ID)
	case s.typ < MomentType(behind.Text):
		q = q.Where(s.at+" <= ?", behind.Time)
	default:
		q = q.Where(s.at+" < ?", behind.Time)
	}
	columns := "id, version, " + s.at + " AS moment"
	for _, c := range []struct {
		wanted bool
		column string
	}{
		{s.detail != "", s.detail + " AS detail"}, {s.told, "recorded_by"}, {s.struck, "struck_out_at"}, {s.status, "status"}, {s.record == "sessionFact", "session_id"},
	} {
		if c.wanted {
			columns += ", " + c.column
		}
	}
	var rows []momentRow
	if err := q.Select(columns).Order(s.at + " DESC, id DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, err
	}
	list := make([]Moment, len(rows))
	for i, r := range rows {
		list[i] = Moment{
			At: r.Moment.UTC(), Type: s.typ, Record: s.record, ID: r.ID, Version: r.Version, SessionID: r.SessionID,
			Detail: r.Detail, RecordedBy: r.RecordedBy, StruckOut: r.StruckOutAt != nil || r.Status == enteredInError,
		}
	}
	return list, nil
}

// where adds a condition with the names that stand in it.
func where(q *gorm.DB, condition string, names map[string]any) *gorm.DB {
	if strings.Contains(condition, "@") {
		return q.Where(condition, names)
	}
	return q.Where(condition)
}

// courseMoments reads from the history of a patient's treatments when they began and ended, went from phase to
// phase and stood still.
func (tx *Tx) courseMoments(patient uuid.UUID) (list []Moment, err error) {
	now := tx // the history is in the present
	if tx.past != nil {
		now = tx.past.present
	}
	rows, err := now.conn.QueryContext(now.ctx, `SELECT data FROM history
		WHERE clinic_id = $1 AND record = 'treatments' AND patient_id = $2 AND at <= $3 ORDER BY record_id, version`, tx.scope.Clinic, patient, tx.Now)
	if err != nil {
		return nil, now.db.engine.classify(err)
	}
	defer rows.Close()
	var before Treatment
	present := map[uuid.UUID]int64{} // versions
	for rows.Next() {
		var data string
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		var t Treatment
		if err := json.Unmarshal([]byte(data), &t); err != nil {
			return nil, err
		}
		if t.Version == 1 {
			list = append(list, before.holdMoments()...)
			before = Treatment{}
		}
		list = append(list, t.momentsSince(&before)...)
		before, present[t.ID] = t, t.Version
	}
	list = append(list, before.holdMoments()...)
	for i := range list {
		list[i].Version = present[list[i].ID]
	}
	// Two reasons can hold a treatment, or be lifted, at one moment: it is one moment.
	slices.SortFunc(list, func(a, b Moment) int { return a.compare(b.At, b.Type, b.ID) })
	list = slices.CompactFunc(list, func(a, b Moment) bool { return a.compare(b.At, b.Type, b.ID) == 0 })
	return list, now.db.engine.classify(rows.Err())
}

// momentsSince are what a version of a treatment tells that the one before did not.
func (t *Treatment) momentsSince(before *Treatment) []Moment {
	m := Moment{Record: "treatment", ID: t.ID, Version: t.Version, Detail: string(t.Phase)}
	switch {
	case t.Version == 1:
		m.At, m.Type, m.Detail = t.CreatedAt, treatmentStarted, ""
	case t.EndedAt != nil && before.EndedAt == nil:
		m.At, m.Type = *t.EndedAt, treatmentEnded
	case t.Phase != before.Phase:
		m.At, m.Type = t.PhaseSince, treatmentPhaseChanged
	default:
		return nil
	}
	return []Moment{m}
}

// holdMoments are when a treatment was held and resumed, as its last version has it.
func (t *Treatment) holdMoments() (list []Moment) {
	for _, h := range t.Holds {
		m := Moment{Record: "treatment", ID: t.ID, Version: t.Version, At: h.SetAt, Type: treatmentHeld, Detail: string(h.Reason)}
		list = append(list, m)
		if h.LiftedAt != nil {
			m.At, m.Type = *h.LiftedAt, treatmentResumed
			list = append(list, m)
		}
	}
	return list
}
