package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

const (
	// workEvery is how often it is looked for deadlines that have passed.
	workEvery = time.Second
	// workPage is how many of them are read at a time.
	workPage = 200
	// keepAnswers is for how long a repeated request gets its answer again.
	keepAnswers = 30 * 24 * time.Hour
)

// work does what has become due until the context ends. Any number of processes may do it on one
// database.
func (s *Server) work(ctx context.Context) {
	ticker := time.NewTicker(workEvery)
	defer ticker.Stop()
	var forgotten time.Time
	for failing := false; ; {
		err := s.catchUp(ctx)
		if now := s.now(); err == nil && now.Sub(forgotten) > time.Hour {
			_, err = s.db.ForgetAnswers(ctx, now.Add(-keepAnswers))
			if err == nil {
				_, err = s.db.ForgetDeliveries(ctx, now.Add(-keepDeliveries))
			}
			forgotten = now
		}
		switch {
		case err == nil:
			failing = false
		case ctx.Err() == nil && !failing: // what lasts is said once
			failing = true
			s.log.LogAttrs(ctx, slog.LevelWarn, "background work", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Work does all that has become due, and returns when nothing is due any more: deadlines, the numbers of the journal,
// and webhooks, of which it waits for the answers.
func (s *Server) Work(ctx context.Context) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	return errors.Join(s.deliverDue(ctx), s.sequence(ctx)) // what endpoints have brought about gets its numbers too
}

// catchUp does what follows from every deadline that has passed, the earliest first, and returns when
// nothing is due any more. Each deadline is a transaction of its own, in which it is marked as done:
// what another process has done by then, or what a person has forestalled, is not done again. One
// that fails does not stand in the way of others, and is due again the next time.
func (s *Server) catchUp(ctx context.Context) error {
	s.working.Lock()
	defer s.working.Unlock()
	return errors.Join(s.meetDeadlines(ctx), s.sequence(ctx))
}

// sequence gives what was committed its numbers.
func (s *Server) sequence(ctx context.Context) error {
	for {
		if n, err := s.db.Sequence(ctx); n == 0 || err != nil {
			return err
		}
	}
}

func (s *Server) meetDeadlines(ctx context.Context) error {
	var failed []error
	var last []store.Deadline
	for {
		var due []store.Deadline
		err := s.db.System(ctx, "look for deadlines", func(tx *store.Tx) (err error) {
			due, err = tx.Due(workPage, last...)
			return err
		})
		if err == nil && len(due) == 0 && len(last) > 0 && len(failed) == 0 {
			last = nil // what was done may have brought about more that is due
			continue
		}
		if err != nil || len(due) == 0 {
			return errors.Join(append(failed, err)...)
		}
		for _, d := range due {
			if err := s.meet(ctx, d); err != nil {
				failed = append(failed, err)
			}
			if ctx.Err() != nil {
				return errors.Join(append(failed, ctx.Err())...)
			}
		}
		last = due[len(due)-1:]
	}
}

// meet does what follows from a deadline.
func (s *Server) meet(ctx context.Context, d store.Deadline) error {
	follow, known := whenPassed[d.Kind]
	if !known { // of a newer version, which runs beside this one
		return fmt.Errorf("deadline of the unknown kind %q", d.Kind)
	}
	scope := store.Scope{Clinic: d.ClinicID, Actor: store.Actor{Kind: store.ActorSystem}, Operation: string(d.Kind)}
	return s.db.Update(ctx, scope, func(tx *store.Tx) error {
		if _, err := tx.LockPatient(store.Ref{Param: "patientId", ID: d.PatientID}); err != nil {
			return err
		}
		stands, err := tx.Meet(d)
		if err != nil || !stands {
			return err
		}
		return follow(s, ctx, tx, d)
	})
}

// whenPassed is what follows from each kind of deadline.
var whenPassed = map[treatment.DeadlineKind]func(*Server, context.Context, *store.Tx, store.Deadline) error{
	treatment.DeadlineAlert:                (*Server).alertOverdue,
	treatment.DeadlineCheckIn:              (*Server).checkInOverdue,
	treatment.DeadlineMissed:               noted("session.missed", "sessions"),
	treatment.DeadlineAnswers:              (*Server).answersOverdue,
	treatment.DeadlineAnswersExpire:        noted("assessment.expired", "assessments"),
	treatment.DeadlinePrescriptionExpiring: (*Server).prescriptionExpiring,
	treatment.DeadlinePrescription:         noted("prescription.expired", "prescriptions"),
	treatment.DeadlineConsentExpiring:      (*Server).consentExpiring,
	treatment.DeadlineConsent:              noted("consent.expired", "consents"),
	treatment.DeadlineEligibility:          noted("consultation.expired", "consultations"),
	treatment.DeadlineProposal:             noted("adjustment.expired", "adjustments"),
	treatment.DeadlineContact:              (*Server).contactReview,
	treatment.DeadlineResponse:             (*Server).responseReview,
	treatment.DeadlinePDMP:                 (*Server).pdmpStale,
	treatment.DeadlineSupply:               (*Server).supplyReview,

	treatment.DeadlineFollowUp:        (*Server).followUpDue,
	treatment.DeadlineFollowUpOverdue: (*Server).followUpOverdue,
	treatment.DeadlineFollowUpMissed:  (*Server).followUpMissed,
}

// noted writes the event of a status that follows from time. The record itself says it when it is read.
func noted(event, table string) func(*Server, context.Context, *store.Tx, store.Deadline) error {
	return func(_ *Server, _ context.Context, tx *store.Tx, d store.Deadline) error {
		tx.Note(event, table, d.RecordID)
		return nil
	}
}
