package api

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// What happens in a session. Every operation hands one fact to addFact; which rules it breaks
// is the fold's business, not theirs.

// RecordDose records a dose that was taken.
func (s *Server) RecordDose(ctx context.Context, req oapi.RecordDoseRequestObject) (oapi.RecordDoseResponseObject, error) {
	out, err := s.addFact(ctx, req.SessionID, "session.doseRecorded", doseIn(req.Body), portionsIn(req.Body.From)...)
	return oapi.RecordDose200JSONResponse{SessionJSONResponse: out}, err
}

// RecordVitals records vital signs.
func (s *Server) RecordVitals(ctx context.Context, req oapi.RecordVitalsRequestObject) (oapi.RecordVitalsResponseObject, error) {
	out, err := s.addFact(ctx, req.SessionID, "session.vitalsRecorded", vitalsIn(req.Body))
	return oapi.RecordVitals200JSONResponse{SessionJSONResponse: out}, err
}

// RecordObservation records what was noticed.
func (s *Server) RecordObservation(ctx context.Context, req oapi.RecordObservationRequestObject) (oapi.RecordObservationResponseObject, error) {
	out, err := s.addFact(ctx, req.SessionID, "session.observationRecorded", observationIn(req.Body))
	return oapi.RecordObservation200JSONResponse{SessionJSONResponse: out}, err
}

// CompleteSession records the end of a session.
func (s *Server) CompleteSession(ctx context.Context, req oapi.CompleteSessionRequestObject) (oapi.CompleteSessionResponseObject, error) {
	out, err := s.addFact(ctx, req.SessionID, "session.completed", completionIn(req.Body))
	return oapi.CompleteSession200JSONResponse{SessionJSONResponse: out}, err
}

// AbortSession records that a session was broken off.
func (s *Server) AbortSession(ctx context.Context, req oapi.AbortSessionRequestObject) (oapi.AbortSessionResponseObject, error) {
	out, err := s.addFact(ctx, req.SessionID, "session.aborted", abortIn(req.Body))
	return oapi.AbortSession200JSONResponse{SessionJSONResponse: out}, err
}

// EscalateSession records that help was called.
func (s *Server) EscalateSession(ctx context.Context, req oapi.EscalateSessionRequestObject) (oapi.EscalateSessionResponseObject, error) {
	out, err := s.addFact(ctx, req.SessionID, "session.escalated", escalationIn(req.Body))
	return oapi.EscalateSession200JSONResponse{SessionJSONResponse: out}, err
}

// CheckInSession records how the patient is a day later.
func (s *Server) CheckInSession(ctx context.Context, req oapi.CheckInSessionRequestObject) (oapi.CheckInSessionResponseObject, error) {
	out, err := s.addFact(ctx, req.SessionID, "session.checkedIn", checkInIn(req.Body))
	return oapi.CheckInSession200JSONResponse{SessionJSONResponse: out}, err
}

// addFact records one fact of a session, unless it is there already, and shows the session.
// from are the units that a dose was said to be made of.
func (s *Server) addFact(ctx context.Context, session uuid.UUID, event string, f treatment.Fact, from ...store.DosePortion) (out oapi.SessionJSONResponse, err error) {
	tx := store.From(ctx)
	row, err := store.Find[store.Session](tx, session)
	if err != nil {
		return out, err
	}
	c, err := loadCourse(tx, row.TreatmentID)
	if err != nil {
		return out, err
	}
	repeated := callOf(ctx).repeated
	if !repeated {
		if err := row.TakesFacts(); err != nil {
			return out, err
		}
		fact, err := factRow(ctx, tx, c, row, f, from)
		if err != nil {
			return out, err
		}
		if err := tx.AddFact(event, fact); err != nil {
			return out, err
		}
	}
	facts, err := tx.Facts(session)
	if err != nil {
		return out, err
	}
	if !repeated {
		err = s.settle(ctx, tx, c, row, facts, "session.updated")
	} else {
		err = withOverrides(tx, row, facts)
	}
	if err != nil {
		return out, err
	}
	if out, err = sessionOut(ctx, row, facts, *c.policy, tx.Now); err != nil {
		return out, err
	}
	out.Body.SafetyMessage, err = s.safetyMessage(ctx, tx, f.ID)
	return out, err
}

// LogSession records a session that nobody planned, with everything that happened in it.
func (s *Server) LogSession(ctx context.Context, req oapi.LogSessionRequestObject) (oapi.LogSessionResponseObject, error) {
	tx := store.From(ctx)
	facts := logged(req.Body)
	if !callOf(ctx).repeated {
		if err := s.logSession(ctx, tx, req, facts); err != nil {
			return nil, err
		}
	}
	row, err := store.Find[store.Session](tx, req.SessionID)
	if err == nil && row.TreatmentID != req.TreatmentID {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	out, err := s.showSession(ctx, req.SessionID)
	if err != nil {
		return nil, err
	}
	for i := range facts {
		if out.Body.SafetyMessage == nil && err == nil {
			out.Body.SafetyMessage, err = s.safetyMessage(ctx, tx, facts[i].ID)
		}
	}
	return oapi.LogSession200JSONResponse{SessionJSONResponse: out}, err
}

func (s *Server) logSession(ctx context.Context, tx *store.Tx, req oapi.LogSessionRequestObject, facts []loggedFact) error {
	if len(facts) == 0 {
		return problem.New(problem.InvalidRequest, "a session needs at least one fact",
			problem.Fault{In: problem.InBody, Pointer: "/doses", Code: "min_items", Detail: "tell at least one thing that happened"})
	}
	c, err := loadCourse(tx, req.TreatmentID)
	if err != nil {
		return err
	}
	row := &store.Session{
		Record: store.Record{ID: req.SessionID}, PatientID: c.row.PatientID, TreatmentID: c.row.ID,
		Plan: treatment.Plan{TimeZone: facts[0].TimeZone},
	}
	rows := make([]store.SessionFact, len(facts))
	for i, f := range facts {
		fact, err := factRow(ctx, tx, c, row, f.Fact, f.from)
		if err != nil {
			return err
		}
		rows[i] = *fact
	}
	raised, err := c.fold(tx, row, rows)
	if err != nil {
		return err
	}
	if err := tx.Create("session.logged", row); err != nil {
		return err
	}
	for i := range rows {
		if repeated, err := tx.ClaimFact(facts[i].ID, c.row.PatientID); err != nil || repeated {
			return problem.New(problem.IDInUse, "an id in the log belongs to another fact")
		}
		if err := tx.AddFact(facts[i].event, &rows[i]); err != nil {
			return err
		}
	}
	return s.follow(ctx, tx, c, row, raised, treatment.Session{})
}

// factRow is a fact as it is kept. It refuses only what cannot be: a time too far ahead, a
// prescription of another treatment, units of nobody's or another patient's. from are the units
// that a dose was said to be made of.
func factRow(ctx context.Context, tx *store.Tx, c *courseOf, row *store.Session, f treatment.Fact, from []store.DosePortion) (*store.SessionFact, error) {
	said, err := told(ctx, tx, f.OccurredAt, f.TimeZone, oapi.ReportedBy(f.ReportedBy), oapi.Mode(f.Mode))
	if err != nil {
		return nil, err
	}
	if f.PrescriptionID != nil && !slices.ContainsFunc(c.prescriptions, func(p store.Prescription) bool { return p.ID == *f.PrescriptionID }) {
		return nil, notFoundIn("/prescriptionId")
	}
	for i, portion := range from {
		d, err := notKnown(store.Find[store.Dispense](tx, portion.DispenseID))
		if err != nil {
			return nil, err
		}
		if d == nil || d.PatientID != row.PatientID {
			return nil, notFoundIn("/from/" + itoa(i) + "/dispenseId")
		}
	}
	if ticket := callOf(ctx).who.ticket; ticket != nil {
		f.TicketOfPatient = &ticket.OfPatient
	}
	f.OccurredAt, f.ClockSkew, f.Doubtful = said.OccurredAt, said.ClockSkew, f.Vitals.Doubtful(*c.policy)
	fact := &store.SessionFact{PatientID: row.PatientID, SessionID: row.ID, Fact: f, RecordedBy: said.RecordedBy, From: from}
	if f.Kind == treatment.FactCheck {
		fact.Instructions = c.row.Instructions
		fact.Outside, err = c.lookAround(tx, row, f)
	}
	return fact, err
}

// loggedFact is a fact of a log, with its event and, of a dose, the units that it was said to
// be made of.
type loggedFact struct {
	event string
	treatment.Fact
	from []store.DosePortion
}

// logged lists the facts of a log.
func logged(log *oapi.SessionLog) (facts []loggedFact) {
	add := func(event string, f treatment.Fact) { facts = append(facts, loggedFact{event: event, Fact: f}) }
	for i := range log.Doses {
		d := &log.Doses[i]
		facts = append(facts, loggedFact{"session.doseRecorded", doseIn(d), portionsIn(d.From)})
	}
	for _, f := range orZero(log.Vitals) {
		add("session.vitalsRecorded", vitalsIn(&f))
	}
	for _, f := range orZero(log.Observations) {
		add("session.observationRecorded", observationIn(&f))
	}
	for _, f := range orZero(log.Completions) {
		add("session.completed", completionIn(&f))
	}
	for _, f := range orZero(log.Aborts) {
		add("session.aborted", abortIn(&f))
	}
	for _, f := range orZero(log.Escalations) {
		add("session.escalated", escalationIn(&f))
	}
	for _, f := range orZero(log.CheckIns) {
		add("session.checkedIn", checkInIn(&f))
	}
	for _, f := range orZero(log.Checks) {
		add("session.checked", checkIn(&f))
	}
	return facts
}

func factIn(kind treatment.FactKind, id uuid.UUID, at time.Time, zone string, by oapi.ReportedBy, mode oapi.Mode) treatment.Fact {
	return treatment.Fact{
		ID: id, Kind: kind, OccurredAt: at.UTC().Truncate(time.Microsecond), TimeZone: zone,
		ReportedBy: treatment.Reporter(by), Mode: treatment.Mode(mode),
	}
}

func doseIn(b *oapi.DoseInput) treatment.Fact {
	f := factIn(treatment.FactDose, b.ID, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	f.DoseMg, f.Booster, f.PrescriptionID, f.HoldMin = &b.DoseMg, b.Booster, b.PrescriptionID, b.HoldMin
	f.Route, f.Swallowed = textOf[treatment.Route](b.Route), textOf[treatment.Swallowed](b.Swallowed)
	return f
}

func portionsIn(list *[]oapi.DosePortion) (from []store.DosePortion) {
	for _, p := range orZero(list) {
		from = append(from, store.DosePortion{Portion: treatment.Portion{DispenseID: p.DispenseID, Units: p.Units}})
	}
	return from
}

func vitalsIn(b *oapi.VitalsInput) treatment.Fact {
	f := factIn(treatment.FactVitals, b.ID, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	f.Vitals = treatment.Vitals{SystolicMmHg: b.SystolicMmHg, DiastolicMmHg: b.DiastolicMmHg, HeartRateBpm: b.HeartRateBpm, Spo2Percent: b.Spo2Percent}
	f.Position = textOf[treatment.BodyPosition](b.Position)
	return f
}

func observationIn(b *oapi.ObservationInput) treatment.Fact {
	f := factIn(treatment.FactObservation, b.ID, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	f.Nausea, f.Dizziness, f.Headache, f.Anxiety = b.Nausea, b.Dizziness, b.Headache, b.Anxiety
	f.Dissociation, f.Distress, f.Mood, f.Sedation = b.Dissociation, b.Distress, b.Mood, b.Sedation
	f.Vomited, f.Fell, f.RedFlag, f.Note = b.Vomited, b.Fell, textOf[treatment.RedFlag](b.RedFlag), b.Note
	f.JournalText, f.JournalShared = b.JournalText, b.JournalShared
	return f
}

func completionIn(b *oapi.CompletionInput) treatment.Fact {
	f := factIn(treatment.FactCompletion, b.ID, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	f.Oriented, f.WalksUnaided, f.SupportPersonStays = b.Oriented, b.WalksUnaided, b.SupportPersonStays
	return f
}

func abortIn(b *oapi.AbortInput) treatment.Fact {
	f := factIn(treatment.FactAbort, b.ID, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	f.AbortReason, f.Note = new(treatment.AbortReason(b.Reason)), b.Note
	return f
}

func escalationIn(b *oapi.EscalationInput) treatment.Fact {
	f := factIn(treatment.FactEscalation, b.ID, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	f.RedFlag, f.EmergencyServicesCalled, f.Note = textOf[treatment.RedFlag](b.RedFlag), b.EmergencyServicesCalled, b.Note
	return f
}

func checkInIn(b *oapi.CheckInInput) treatment.Fact {
	f := factIn(treatment.FactCheckIn, b.ID, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	f.Mood, f.SideEffectsPersist, f.Drove, f.Note = b.Mood, b.SideEffectsPersist, b.Drove, b.Note
	return f
}
