package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

const (
	// lookEvery is how often a process looks for what waits.
	lookEvery = time.Second
	// workPage is how many deadlines are read at a time.
	workPage = 200
)

// background does what nobody asks for until the context ends, and returns when all of it has ended. Any
// number of processes may do it on one database.
func (s *Server) background(ctx context.Context) {
	var busy sync.WaitGroup
	for _, work := range []func(context.Context){s.look, s.deadlines, s.keeper, s.sequencer, s.listen, s.sendWebhooks, s.pruner} {
		busy.Go(func() { s.steadily(ctx, work) })
	}
	busy.Wait()
}

// steadily begins work anew when it panics, until it returns: one record that it fails on must not end the
// process.
func (s *Server) steadily(ctx context.Context, work func(context.Context)) {
	complain := s.complainer("background work")
	for {
		err := unharmed(func() error { work(ctx); return nil })
		if err == nil {
			return
		}
		complain(ctx, err)
		pause(ctx, lookEvery)
	}
}

// unharmed turns a panic into an error.
func unharmed(work func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %T\n%s", v, debug.Stack()) // the value may be a patient's
		}
	}()
	return work()
}

// look finds out each second, in one transaction, what there is to do for the others. An idle server asks
// its database nothing else.
func (s *Server) look(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	complain := s.complainer("background work")
	for {
		w, err := s.db.Waiting(ctx, s.news.clinics()...)
		complain(ctx, err)
		now := s.now()
		if err == nil {
			s.journal.see(w, now)
			s.news.tell(w.Done)
			if w.Pending > 0 {
				stir(s.pending)
			}
			if w.Due {
				stir(s.due)
			}
			if w.ToSend {
				stir(s.toSend)
			}
		}
		if err == nil && s.checkpoints.due(now) {
			stir(s.toKeep)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// keeper keeps the checkpoints that are due. The look does not wait for the disk: it serves all the others.
func (s *Server) keeper(ctx context.Context) {
	complain := s.complainer("checkpoint")
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.toKeep:
		}
		complain(ctx, s.keepCheckpoints(ctx))
	}
}

// deadlines meets those that the look has found.
func (s *Server) deadlines(ctx context.Context) {
	complain := s.complainer("deadlines")
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.due:
		}
		complain(ctx, s.workOnDeadlines(ctx))
	}
}

func (s *Server) workOnDeadlines(ctx context.Context) error {
	s.working.Lock()
	defer s.working.Unlock()
	return s.meetDeadlines(ctx)
}

// complainer logs the errors of some work; what lasts is said once.
func (s *Server) complainer(work string) func(ctx context.Context, err error) {
	failing := false
	return func(ctx context.Context, err error) {
		if err != nil && !failing && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, work, slog.String("error", err.Error()))
		}
		failing = err != nil
	}
}

// conclude leaves nothing that this process has written without a number, and a checkpoint of it. What
// cannot be done now, another process does.
func (s *Server) conclude(ctx context.Context) {
	s.complainer("numbering the journal")(ctx, s.sequence(ctx))
	s.complainer("checkpoint")(ctx, s.keepCheckpoints(ctx))
}

// Work does all that has become due, and returns when nothing is due any more: deadlines, the numbers of the
// journal, and webhooks, of which it waits for the answers.
func (s *Server) Work(ctx context.Context) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	return errors.Join(s.deliverDue(ctx), s.sequence(ctx)) // what endpoints have brought about gets its numbers too
}

func (s *Server) catchUp(ctx context.Context) error {
	s.working.Lock()
	defer s.working.Unlock()
	return errors.Join(s.meetDeadlines(ctx), s.sequence(ctx))
}

// meetDeadlines does what follows from every deadline that has passed, the earliest first, and returns when
// nothing is due any more. Each is a transaction of its own, in which it is marked as done: what another process
// has done by then, or what a person has forestalled, is not done again. One that fails does not stand in the way
// of others, and is due again the next time.
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
