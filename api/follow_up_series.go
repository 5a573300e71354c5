package api

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// What follow-ups do by themselves. Of each series that recurs there is one to come: made when the
// treatment enters a phase of the series, and whenever the one before is due, done or cancelled. Those
// after a session follow its first dose. A hold changes nothing: how the patient is, is asked then too.

// keepSeries brings the recurring series up to the phase and the protocol of a treatment: what is to
// come of the others is withdrawn.
func keepSeries(tx *store.Tx, t *store.Treatment) error {
	policy, err := policyOf(tx, t.ProtocolID)
	if err != nil {
		return err
	}
	open, err := tx.OpenFollowUps(t.PatientID, tx.Now)
	if err != nil {
		return err
	}
	for i := range open {
		f := &open[i]
		series, found := policy.FollowUps.Find(f.Series)
		asked := found && series.In(t.Phase)
		if recurs(f) && *f.TreatmentID == t.ID && f.DueAt.After(tx.Now) && !asked {
			if err := withdraw(tx, f, "not asked in this phase"); err != nil {
				return err
			}
		}
	}
	for _, series := range policy.FollowUps.Series {
		f, err := ahead(tx, t, series, tx.Now)
		if err == nil && f != nil {
			err = answeredAlready(tx, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recurs says whether a follow-up is one of a series that recurs.
func recurs(f *store.FollowUp) bool {
	return f.Series != "" && f.SessionID == nil && f.TreatmentID != nil
}

// ahead sees to it that a recurring series has one to come, the first one after a time, and returns it
// if it is new.
func ahead(tx *store.Tx, t *store.Treatment, series treatment.FollowUpSeries, after time.Time) (*store.FollowUp, error) {
	if series.Every == nil || t.RunningFrom == nil || !series.In(t.Phase) {
		return nil, nil
	}
	open, err := tx.OpenFollowUps(t.PatientID, tx.Now)
	if err != nil || slices.ContainsFunc(open, func(f store.FollowUp) bool {
		return recurs(&f) && f.Series == series.ID && *f.TreatmentID == t.ID && f.DueAt.After(tx.Now)
	}) {
		return nil, err
	}
	patient, err := store.Find[store.Patient](tx, t.PatientID)
	if err != nil {
		return nil, err
	}
	location, err := zone(patient.TimeZone)
	if err != nil {
		return nil, err
	}
	for {
		due := series.Following(*t.RunningFrom, after, location)
		f, err := notKnown(tx.RecurringFollowUp(t.ID, series.ID, due.Occurrence))
		if err == nil && f != nil && !series.Same(f.DueAt, due.DueAt) {
			var last int
			last, err = tx.LastOccurrence(t.ID, series.ID)
			f, due.Occurrence = nil, last+1
		}
		switch {
		case err != nil:
			return nil, err
		case f == nil:
			f = &store.FollowUp{PatientID: t.PatientID, TreatmentID: &t.ID, FollowUp: due}
			return f, tx.Create("followUp.scheduled", f)
		case f.Withdrawn():
			f.FollowUp = due
			return f, tx.Change("followUp.scheduled", f)
		}
		after = due.DueAt // it was there before, perhaps at another time
	}
}

// goOn sees to it that the series of a follow-up, if it recurs, has one to come.
func goOn(tx *store.Tx, f *store.FollowUp) error {
	if !recurs(f) {
		return nil
	}
	t, err := tx.Course(*f.TreatmentID)
	if err != nil {
		return err
	}
	policy, err := policyOf(tx, t.ProtocolID)
	if err != nil {
		return err
	}
	if series, found := policy.FollowUps.Find(f.Series); found {
		_, err = ahead(tx, t, series, f.DueAt)
	}
	return err
}

// followSessions brings what is due after sessions up to their first doses: a session that is told of
// late may be the second, and then the second was the third.
func followSessions(tx *store.Tx, t *store.Treatment, policy *treatment.Protocol) error {
	doses, err := tx.FirstDoses(t.ID)
	if err != nil {
		return err
	}
	rows, err := tx.FollowUpsOfSessions(t.ID)
	if err != nil {
		return err
	}
	patient, err := store.Find[store.Patient](tx, t.PatientID)
	if err != nil {
		return err
	}
	location, err := zone(patient.TimeZone)
	if err != nil {
		return err
	}
	for i := range rows {
		f := &rows[i]
		number := 1 + slices.IndexFunc(doses, func(d treatment.DoseTime) bool { return d.SessionID == *f.SessionID })
		series, found := policy.FollowUps.Find(f.Series)
		asks := number > 0
		if asks && found {
			_, asks = series.After(number, doses[number-1].At, location)
		}
		if !asks {
			if err := withdraw(tx, f, "not a session after which it is asked"); err != nil {
				return err
			}
		}
	}
	for _, series := range policy.FollowUps.Series {
		for i, d := range doses {
			due, asks := series.After(i+1, d.At, location)
			if !asks {
				continue
			}
			if err := afterSession(tx, t, series, d.SessionID, due, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// afterSession makes or moves what is due after a session. What nobody could answer any more is not
// asked.
func afterSession(tx *store.Tx, t *store.Treatment, series treatment.FollowUpSeries, session uuid.UUID, due treatment.FollowUp, rows []store.FollowUp) error {
	i := slices.IndexFunc(rows, func(f store.FollowUp) bool { return f.Series == series.ID && *f.SessionID == session })
	if i < 0 || rows[i].Withdrawn() {
		if !series.In(t.Phase) || !tx.Now.Before(due.MissedAt) {
			return nil
		}
		f := &store.FollowUp{PatientID: t.PatientID, TreatmentID: &t.ID, SessionID: &session, FollowUp: due}
		write := tx.Create
		if i >= 0 {
			f, write = &rows[i], tx.Change
			f.FollowUp = due
		}
		if err := write("followUp.scheduled", f); err != nil {
			return err
		}
		return answeredAlready(tx, f)
	}
	f := &rows[i]
	if f.Status != treatment.FollowUpOpen || f.Moved || f.DueAt.Equal(due.DueAt) && f.Occurrence == due.Occurrence {
		return nil
	}
	f.FollowUp = due
	return tx.Change("followUp.moved", f)
}

// answeredAlready closes a follow-up for which there are answers that count when it is opened.
func answeredAlready(tx *store.Tx, f *store.FollowUp) error {
	if f.Instrument == "" {
		return nil
	}
	a, err := notKnown(tx.LastAnswers(f.PatientID, f.Instrument))
	if err != nil || a == nil || !f.Takes(a.Instrument, a.At) {
		return err
	}
	return answered(tx, f, a)
}

// answerFollowUps closes what a patient's answers are waited for by.
func answerFollowUps(tx *store.Tx, a *store.Assessment) error {
	open, err := tx.OpenFollowUps(a.PatientID, a.At)
	if err != nil {
		return err
	}
	for i := range open {
		if f := &open[i]; f.Takes(a.Instrument, a.At) {
			if err := answered(tx, f, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func answered(tx *store.Tx, f *store.FollowUp, a *store.Assessment) error {
	f.FollowUp = f.Answered(a.ID, tx.Now)
	if err := tx.Change("followUp.done", f); err != nil {
		return err
	}
	return goOn(tx, f)
}

// unansweredFollowUps opens again what answers had done that were entered in error, unless the
// treatment has ended.
func unansweredFollowUps(tx *store.Tx, assessment uuid.UUID) error {
	done, err := tx.FollowUpsDoneBy(assessment)
	if err != nil {
		return err
	}
	for i := range done {
		f := &done[i]
		if f.TreatmentID != nil {
			t, err := store.Find[store.Treatment](tx, *f.TreatmentID)
			if err != nil {
				return err
			}
			if !t.Phase.Open() {
				continue
			}
		}
		f.FollowUp = f.Unanswered()
		if err := tx.Change("followUp.reopened", f); err != nil {
			return err
		}
		if err := answeredAlready(tx, f); err != nil {
			return err
		}
	}
	return nil
}

// endFollowUps withdraws what is open of a patient, or of one treatment.
func endFollowUps(tx *store.Tx, patient uuid.UUID, course *uuid.UUID, reason string) error {
	open, err := tx.OpenFollowUps(patient, tx.Now)
	if err != nil {
		return err
	}
	for i := range open {
		f := &open[i]
		if course != nil && (f.TreatmentID == nil || *f.TreatmentID != *course) {
			continue
		}
		if err := withdraw(tx, f, reason); err != nil {
			return err
		}
	}
	return nil
}

// withdraw takes a follow-up back, unless it is closed or was missed.
func withdraw(tx *store.Tx, f *store.FollowUp, reason string) error {
	was := f.Status
	if f.FollowUp = f.Withdraw(reason, tx.Now); f.Status == was {
		return nil
	}
	return tx.Change("followUp.cancelled", f)
}

// moveFollowUps takes what is to come along into a patient's new time zone. What is due so long after
// a session is due then, wherever the patient is.
func moveFollowUps(tx *store.Tx, patient uuid.UUID, was, now string) error {
	if was == now {
		return nil
	}
	from, err := zone(was)
	if err != nil {
		return err
	}
	to, err := zone(now)
	if err != nil {
		return err
	}
	open, err := tx.OpenFollowUps(patient, tx.Now)
	if err != nil {
		return err
	}
	for i := range open {
		f := &open[i]
		if !f.DueAt.After(tx.Now) {
			continue
		}
		if f.SessionID == nil || f.Moved {
			f.FollowUp = f.In(to, from)
		}
		f.TimeZone = now
		if err := tx.Change("followUp.moved", f); err != nil {
			return err
		}
	}
	return nil
}

// followUpDue says that a follow-up is due; the next of its series is to come.
func (s *Server) followUpDue(_ context.Context, tx *store.Tx, d store.Deadline) error {
	f, err := store.Find[store.FollowUp](tx, d.RecordID)
	if err != nil {
		return err
	}
	tx.NoteOf("followUp.due", "follow_ups", f)
	return goOn(tx, f)
}

// followUpOverdue raises that nobody has answered a follow-up. While the alert about the one before
// stands, it is raised again instead of a second one.
func (s *Server) followUpOverdue(ctx context.Context, tx *store.Tx, d store.Deadline) error {
	f, err := store.Find[store.FollowUp](tx, d.RecordID)
	if err != nil {
		return err
	}
	tx.NoteOf("followUp.overdue", "follow_ups", f)
	course, policy, err := s.policyFor(tx, d.PatientID, f.TreatmentID)
	if err != nil {
		return err
	}
	raised := f.Overdue()
	if len(raised) == 0 {
		return nil
	}
	rules, err := alertRules(tx)
	if err != nil {
		return err
	}
	standing, err := tx.StandingAlerts(d.PatientID, tx.Now)
	if err != nil {
		return err
	}
	for i := range standing {
		if a := &standing[i]; a.Source.Type == store.SourceFollowUp && a.Rule == raised[0].Rule && a.Value == raised[0].Value {
			a.Alert = a.Again(raised[0], tx.Now, *policy, rules)
			a.Source.ID = f.ID // these answers end it, and not those to the one before
			return tx.Change("alert.raisedAgain", a)
		}
	}
	return s.raise(ctx, tx, d.PatientID, course, store.AlertSource{Type: store.SourceFollowUp, ID: f.ID}, policy, raised)
}

// followUpMissed takes a follow-up out of what waits: no answers are waited for any more.
func (s *Server) followUpMissed(_ context.Context, tx *store.Tx, d store.Deadline) error {
	f, err := store.Find[store.FollowUp](tx, d.RecordID)
	if err != nil {
		return err
	}
	return tx.Miss(f)
}
