package api

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/instruments"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ShowEligibility shows what is known about a patient's eligibility now.
func (s *Server) ShowEligibility(ctx context.Context, req oapi.ShowEligibilityRequestObject) (oapi.ShowEligibilityResponseObject, error) {
	c, err := store.Find[store.Consultation](store.From(ctx), req.ConsultationID)
	if err != nil {
		return nil, err
	}
	known, protocol, err := candidate(ctx, c)
	if err != nil {
		return nil, err
	}
	out := oapi.Eligibility{
		ConsultationID: c.ID, ProtocolID: protocol, Missing: []oapi.EligibilityGap{},
		Findings: []oapi.Finding{}, Evidence: []oapi.ConsultationEvidence{},
	}
	for _, g := range known.Missing() {
		out.Missing = append(out.Missing, oapi.EligibilityGap{Part: oapi.GapPart(g.Part), Of: filled(g.Of)})
	}
	for _, f := range treatment.Contraindications(known) {
		out.Findings = append(out.Findings, oapi.Finding{
			Code: oapi.EligibilityReason(f.Code), Class: oapi.FindingClass(f.Class), Basis: oapi.FindingBasis(f.Basis), Unknown: f.Unknown,
		})
	}
	for _, e := range known.Evidence() {
		out.Evidence = append(out.Evidence, oapi.ConsultationEvidence{
			Type: oapi.EvidenceType(e.Type), ID: e.ID, Version: e.Version, Value: filled(e.Value), At: e.At,
		})
	}
	return oapi.ShowEligibility200JSONResponse{EligibilityJSONResponse: oapi.EligibilityJSONResponse(out)}, nil
}

// DecideEligibility ends a consultation, by everything that is known then.
func (s *Server) DecideEligibility(ctx context.Context, req oapi.DecideEligibilityRequestObject) (oapi.DecideEligibilityResponseObject, error) {
	b := req.Body
	out, err := decideConsultation(ctx, req.ConsultationID, "consultation.decided", func(_ *store.Tx, c *store.Consultation) (treatment.Consultation, error) {
		known, protocol, err := candidate(ctx, c)
		if err != nil {
			return c.Consultation, err
		}
		d := treatment.EligibilityDecision{
			Outcome: treatment.ConsultationStatus(b.Outcome), Note: orZero(b.Note), PatientMessage: orZero(b.PatientMessage), ProtocolID: protocol,
		}
		for _, code := range orZero(b.Reasons) {
			d.Reasons = append(d.Reasons, treatment.EligibilityReason(code))
		}
		for _, condition := range orZero(b.Conditions) {
			d.Conditions = append(d.Conditions, treatment.Clearance{Code: treatment.EligibilityReason(condition.Code), Ask: condition.Ask})
		}
		for _, a := range orZero(b.AcceptedFindings) {
			d.Accepted = append(d.Accepted, treatment.AcceptedFinding{Code: treatment.EligibilityReason(a.Code), Note: a.Note})
		}
		decided, ruling, err := c.Decide(d, known)
		c.Ruling = ruling
		return decided, err
	})
	return oapi.DecideEligibility200JSONResponse{ConsultationJSONResponse: out}, err
}

// ClearCondition says what clears a condition of an eligibility.
func (s *Server) ClearCondition(ctx context.Context, req oapi.ClearConditionRequestObject) (oapi.ClearConditionResponseObject, error) {
	code, evidence := treatment.EligibilityReason(req.Body.Condition), req.Body.Evidence
	out, err := decideConsultation(ctx, req.ConsultationID, "consultation.conditionCleared", func(tx *store.Tx, c *store.Consultation) (treatment.Consultation, error) {
		_, _, policy, err := currentProtocol(tx, c.PatientID)
		if err != nil {
			return c.Consultation, err
		}
		cleared, ruling, err := c.Clear(c.Ruling, code, evidence, callOf(ctx).who.actor.ID, tx.Now, *policy)
		c.Ruling = ruling
		return cleared, err
	})
	return oapi.ClearCondition200JSONResponse{ConsultationJSONResponse: out}, err
}

// candidate gathers what is known about the patient of a consultation, and the protocol that
// applies. The caller is who decides, if they may.
func candidate(ctx context.Context, c *store.Consultation) (treatment.Candidate, *uuid.UUID, error) {
	tx, who := store.From(ctx), &callOf(ctx).who
	known := treatment.Candidate{Intake: c.Intake}
	patient, err := store.Find[store.Patient](tx, c.PatientID)
	if err != nil {
		return known, nil, err
	}
	here, err := zone(patient.TimeZone)
	if err != nil {
		return known, nil, err
	}
	known.Now, known.BirthDate, known.State = tx.Now.In(here), treatment.Date(patient.BirthDate), patient.State
	_, id, policy, err := currentProtocol(tx, c.PatientID)
	if err != nil {
		return known, nil, err
	}
	known.Protocol = *policy
	if who.is(rolePrescriber) {
		decides, err := prescriber(tx, who.actor.ID)
		if err != nil {
			return known, nil, err
		}
		known.Prescriber = &decides
	}
	if err := addAnswers(tx, c.PatientID, &known); err != nil {
		return known, nil, err
	}
	return known, id, addFindings(tx, c.PatientID, &known)
}

// addAnswers adds the newest answers to the baseline instruments and to the screener.
func addAnswers(tx *store.Tx, patient uuid.UUID, known *treatment.Candidate) error {
	for _, id := range known.Protocol.Treatment.BaselineInstruments {
		a, err := notKnown(tx.LastAnswers(patient, id))
		if err != nil {
			return err
		}
		if a != nil {
			known.Baseline = append(known.Baseline, treatment.Answered{ConsultationEvidence: answersOf(a), Instrument: id, Usable: a.Band != ""})
		}
	}
	screener, err := notKnown(tx.LastAnswers(patient, instruments.CSSRSScreener))
	if screener != nil {
		known.Screener = &treatment.Screening{ConsultationEvidence: answersOf(screener), Level: screener.Band, Missing: screener.Missing}
	}
	return err
}

// answersOf is an assessment as evidence: its total, or its level.
func answersOf(a *store.Assessment) treatment.ConsultationEvidence {
	value := a.Instrument + ": " + a.Band
	switch {
	case a.Total != nil:
		value = fmt.Sprintf("%s: %d", a.Instrument, *a.Total)
	case a.Band == "":
		value = a.Instrument + ": no result"
	}
	return treatment.ConsultationEvidence{Type: treatment.EvidenceAssessment, ID: a.ID, Version: a.Version, Value: value, At: a.At}
}

// addFindings adds the newest blood pressure, the medicines that are taken and the adults who
// can be there.
func addFindings(tx *store.Tx, patient uuid.UUID, known *treatment.Candidate) error {
	m, err := notKnown(tx.LastBloodPressure(patient))
	if err != nil {
		return err
	}
	if m != nil {
		measured := treatment.BloodPressure{SystolicMmHg: *m.SystolicMmHg, DiastolicMmHg: *m.DiastolicMmHg}
		known.Pressure = &treatment.PressureReading{BloodPressure: measured, ConsultationEvidence: treatment.ConsultationEvidence{
			Type: treatment.EvidenceMeasurement, ID: m.ID, Version: m.Version, Value: measured.String(), At: m.OccurredAt,
		}}
	}
	medicines, err := tx.Medicines(patient, treatment.DateOf(known.Now))
	if err != nil {
		return err
	}
	for i := range medicines {
		m := &medicines[i]
		known.Medicines = append(known.Medicines, treatment.Medicine{DrugClass: m.DrugClass, ConsultationEvidence: treatment.ConsultationEvidence{
			Type: treatment.EvidenceMedication, ID: m.ID, Version: m.Version, Value: string(m.DrugClass), At: m.OccurredAt,
		}})
	}
	people, err := tx.Companions(patient)
	for i := range people {
		p := &people[i]
		known.SupportPeople = append(known.SupportPeople, treatment.ConsultationEvidence{
			Type: treatment.EvidenceSupportPerson, ID: p.ID, Version: p.Version, At: p.UpdatedAt,
		})
	}
	return err
}
