package api

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// ShowInteractions shows what a prescriber looks at before a signature: the patient's medicines, and
// what is known of them together with ketamine.
func (s *Server) ShowInteractions(ctx context.Context, req oapi.ShowInteractionsRequestObject) (oapi.ShowInteractionsResponseObject, error) {
	tx := store.From(ctx)
	today, err := todayOf(tx, req.PatientID)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Medicines(req.PatientID, today)
	if err != nil {
		return nil, err
	}
	out := oapi.InteractionReport{RulesVersion: treatment.RulesVersion, Items: medicinesOut(rows, today)}
	var worst treatment.InteractionSeverity
	for i := range rows {
		found, known := rows[i].Interaction()
		out.Unknown = out.Unknown || !known
		if found != nil {
			worst = slices.MaxFunc([]treatment.InteractionSeverity{worst, found.Severity}, treatment.InteractionSeverity.Compare)
		}
	}
	out.Severity = filled(oapi.InteractionSeverity(worst))
	return oapi.ShowInteractions200JSONResponse{InteractionReportJSONResponse: oapi.InteractionReportJSONResponse(out)}, nil
}

// judgeMedication raises what a medicine gives reason for that is recorded during a treatment, as long
// as it still matters.
func (s *Server) judgeMedication(ctx context.Context, tx *store.Tx, m *store.Medication) error {
	course, policy, err := s.currentPolicy(tx, m.PatientID)
	if err != nil || course == nil {
		return err
	}
	today, err := todayOf(tx, m.PatientID)
	if err != nil || m.Over(today) {
		return err
	}
	source := store.AlertSource{Type: store.SourceMedication, ID: m.ID}
	return s.raise(ctx, tx, m.PatientID, &course.ID, source, policy, treatment.JudgeMedication(m.Medication))
}

// addMedicines adds what has to be reviewed before a signature: the patient's medicines, and whatever
// else the signer has named, as all of it is now.
func addMedicines(tx *store.Tx, patient uuid.UUID, today treatment.Date, known *treatment.Signing) error {
	rows, err := tx.Medicines(patient, today)
	if err != nil {
		return err
	}
	known.Medicines = []treatment.Evidence{}
	for i := range rows {
		known.Medicines = append(known.Medicines, treatment.Evidence{Type: treatment.EvidenceMedication, ID: rows[i].ID, Version: rows[i].Version})
	}
	stale, err := outdated(tx, patient, "/reviewedMedications", known.Reviewed)
	for _, e := range stale {
		if !slices.Contains(known.Medicines, e) { // it was stopped, or struck out
			known.Medicines = append(known.Medicines, e)
		}
	}
	return err
}

// reviewedIn is what a signer says to have looked at.
func reviewedIn(list []oapi.MedicationVersion) []treatment.Evidence {
	reviewed := []treatment.Evidence{}
	for _, m := range list {
		reviewed = append(reviewed, treatment.Evidence{Type: treatment.EvidenceMedication, ID: m.ID, Version: m.Version})
	}
	return reviewed
}

func reviewedOut(p *store.Prescription) (*[]oapi.MedicationVersion, error) {
	reviewed, err := p.Reviewed()
	if reviewed == nil {
		return nil, err
	}
	list := []oapi.MedicationVersion{}
	for _, e := range reviewed {
		list = append(list, oapi.MedicationVersion{ID: e.ID, Version: e.Version})
	}
	return &list, err
}

// medicinesOut shows medicines to staff.
func medicinesOut(rows []store.Medication, today treatment.Date) []oapi.Medication {
	out := make([]oapi.Medication, len(rows))
	for i := range rows {
		out[i] = medicationOut(&rows[i], today, true).Body
	}
	return out
}

func interactionsOut(list []treatment.Interaction) []oapi.Interaction {
	out := make([]oapi.Interaction, len(list))
	for i, found := range list {
		out[i] = oapi.Interaction{
			DrugClass: oapi.DrugClass(found.DrugClass), Substance: filled(found.Substance), Severity: oapi.InteractionSeverity(found.Severity), Effect: found.Effect,
			Figure: filled(found.Figure), Source: filled(found.Source), Provenance: oapi.Provenance(found.Provenance),
		}
		if found.WashoutDays > 0 {
			out[i].WashoutDays = &found.WashoutDays
		}
	}
	return out
}
