package api

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// What follows from answers.

// judgeAnswers closes the follow-ups that have waited for the answers, raises the alerts that the
// answers give reason for, before the answer goes out, and assigns what they give reason to ask.
func (s *Server) judgeAnswers(ctx context.Context, tx *store.Tx, a *store.Assessment, answers oapi.Answers, result instruments.Result) error {
	course, policy, err := s.policyFor(tx, a.PatientID, a.TreatmentID)
	if err != nil {
		return err
	}
	if err := answerFollowUps(tx, a); err != nil {
		return err
	}
	if course != nil {
		if err := tx.SettleAlerts(*course, treatment.AlertNoContact); err != nil {
			return err
		}
	}
	q := treatment.Questionnaire{Instrument: a.Instrument, Result: result, Values: answers}
	if q.Baseline, err = baseline(tx, a, course, policy); err != nil {
		return err
	}
	source := store.AlertSource{Type: store.SourceAssessment, ID: a.ID}
	if err := s.raise(ctx, tx, a.PatientID, course, source, policy, treatment.JudgeAnswers(q, *policy)); err != nil {
		return err
	}
	return askNext(tx, a, course, policy, treatment.AskNext(q, *policy, tx.Now))
}

// baseline is what a PHQ-9 is compared with: the last complete one before the first dose of the
// treatment, if it was answered after that dose. Nil where there is none.
func baseline(tx *store.Tx, a *store.Assessment, course *uuid.UUID, policy *treatment.Protocol) (*treatment.Baseline, error) {
	if a.Instrument != instruments.PHQ9 || course == nil {
		return nil, nil
	}
	first, err := tx.FirstDose(*course)
	if errors.Is(err, store.ErrNotFound) || err == nil && !a.At.After(first) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	age := time.Duration(policy.Treatment.BaselineMaxAgeDays) * 24 * time.Hour
	before, err := notKnown(tx.CompleteBefore(a.PatientID, instruments.PHQ9, first, age))
	if err != nil || before == nil {
		return nil, err
	}
	item9, err := before.Answer(instruments.PHQ9Item9)
	return &treatment.Baseline{Total: *before.Total, Item9: item9}, err
}

// askNext assigns what answers give reason to ask, unless somebody has been asked already or has
// answered it since.
func askNext(tx *store.Tx, a *store.Assessment, course *uuid.UUID, policy *treatment.Protocol, asked []treatment.Asked) error {
	for _, next := range asked {
		awaited, err := tx.Awaited(a.PatientID, next.Instrument, a.At, next.DueAt)
		if err != nil {
			return err
		}
		if awaited {
			continue
		}
		assigned := &store.Assessment{
			PatientID: a.PatientID, TreatmentID: course, Instrument: next.Instrument, Status: treatment.AssessmentAssigned,
			DueAt: &next.DueAt, OverdueAt: new(policy.AnswersOverdueAt(next.Instrument, next.DueAt)), ExpiresAt: new(next.DueAt.AddDate(0, 0, policy.Assessments.ExpireAfterDays)), At: tx.Now,
		}
		if err := tx.Create("assessment.assigned", assigned); err != nil {
			return err
		}
	}
	return nil
}
