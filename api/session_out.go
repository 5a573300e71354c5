package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// sessionOut shows a session as the caller may see it: deviations, reviews and why the gate holds
// are for staff, the diary for the patient and, when shared, for staff; a patient whose dose is
// held reads the instructions; a support person sees less. Without facts it is a list's item.
func sessionOut(ctx context.Context, row *store.Session, facts []store.SessionFact, policy treatment.Protocol, now time.Time) (oapi.SessionJSONResponse, error) {
	status, derived := row.StatusAt(row.Plan, policy, now), ""
	if status != row.Status {
		derived = string(status)
	}
	out := oapi.Session{
		ID: row.ID, Version: row.Version, PatientID: row.PatientID, TreatmentID: row.TreatmentID, PrescriptionID: row.PrescriptionID,
		Status: oapi.SessionStatus(status), StatusReason: filled(row.StatusReason), PlannedAt: row.PlannedAt, TimeZone: row.TimeZone,
		StartedAt: row.StartedAt, EndedAt: row.EndedAt, DoseMg: row.DoseMg, BoosterMg: row.BoosterMg,
		PeakSystolicMmHg: row.PeakSystolicMmHg, PeakDiastolicMmHg: row.PeakDiastolicMmHg, NoDriveUntil: row.NoDriveUntil,
		Escalated: row.Escalated, CheckedIn: row.CheckedIn, Attested: row.Attested, DoubtfulReading: row.DoubtfulReading,
		ReviewedAt: row.ReviewedAt, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if status == treatment.SessionCleared {
		out.ClearedUntil = row.ClearedUntil
	}
	if callOf(ctx).who.staff() {
		out.ReviewedBy, out.ReviewNote = row.ReviewedBy, filled(row.ReviewNote)
		deviations, err := deviationsOut(row.Deviations)
		if err != nil {
			return oapi.SessionJSONResponse{}, err
		}
		out.Deviations = &deviations
	}
	for i := range facts {
		f := facts[i]
		if callOf(ctx).who.ticket != nil {
			f = wordless(f)
		}
		addFactOut(ctx, &out, &f)
	}
	if err := addChecksOut(ctx, &out, row, facts); err != nil {
		return oapi.SessionJSONResponse{}, err
	}
	if callOf(ctx).who.ticket != nil {
		forSupportPerson(&out)
	}
	return oapi.SessionJSONResponse{Body: out, Headers: oapi.SessionResponseHeaders{ETag: etag(row.Version, derived), Location: location("sessions", row.ID)}}, nil
}

// deviationsText is how deviations are stored: a JSON list, "[]" when there are none.
func deviationsText(list []treatment.Deviation) (string, error) {
	text, err := json.Marshal(append([]treatment.Deviation{}, list...))
	return string(text), err
}

// deviationsOf reads what deviationsText has written.
func deviationsOf(text string) (list []treatment.Deviation, err error) {
	err = json.Unmarshal([]byte(text), &list)
	return list, err
}

func deviationsOut(text string) ([]oapi.Deviation, error) {
	list, err := deviationsOf(text)
	out := make([]oapi.Deviation, len(list))
	for i, d := range list {
		out[i] = oapi.Deviation{Rule: oapi.DeviationRule(d.Rule), Value: filled(d.Value), Limit: filled(d.Limit)}
	}
	return out, err
}

// addFactOut puts a fact into the list of its kind.
func addFactOut(ctx context.Context, out *oapi.Session, f *store.SessionFact) {
	id, by, mode := f.Record.ID, oapi.ReportedBy(f.ReportedBy), oapi.Mode(f.Mode)
	recordedBy, recordedAt, skew, struck := actorOut(f.RecordedBy), f.CreatedAt, &f.ClockSkew, struckOut(f.Struck)
	switch f.Kind {
	case treatment.FactDose:
		d := oapi.Dose{
			ID: id, OccurredAt: f.OccurredAt, TimeZone: f.TimeZone, ReportedBy: by, Mode: mode,
			RecordedBy: recordedBy, RecordedAt: recordedAt, ClockSkew: skew, StruckOut: struck, TicketOfPatient: f.TicketOfPatient,
			DoseMg: orZero(f.DoseMg), Booster: f.Booster, PrescriptionID: f.PrescriptionID, HoldMin: f.HoldMin,
			Route: textOf[oapi.Route](f.Route), Swallowed: textOf[oapi.Swallowed](f.Swallowed),
		}
		for _, portion := range f.From {
			appendTo(&d.From, oapi.DosePortion{DispenseID: portion.DispenseID, Units: portion.Units})
		}
		appendTo(&out.Doses, d)
	case treatment.FactVitals:
		appendTo(&out.Vitals, oapi.Vitals{
			ID: id, OccurredAt: f.OccurredAt, TimeZone: f.TimeZone, ReportedBy: by, Mode: mode,
			RecordedBy: recordedBy, RecordedAt: recordedAt, ClockSkew: skew, StruckOut: struck, TicketOfPatient: f.TicketOfPatient,
			SystolicMmHg: f.SystolicMmHg, DiastolicMmHg: f.DiastolicMmHg, HeartRateBpm: f.HeartRateBpm, Spo2Percent: f.Spo2Percent,
			Position: textOf[oapi.BodyPosition](f.Position), Doubtful: f.Doubtful,
		})
	case treatment.FactObservation:
		o := oapi.Observation{
			ID: id, OccurredAt: f.OccurredAt, TimeZone: f.TimeZone, ReportedBy: by, Mode: mode,
			RecordedBy: recordedBy, RecordedAt: recordedAt, ClockSkew: skew, StruckOut: struck, TicketOfPatient: f.TicketOfPatient,
			Nausea: f.Nausea, Dizziness: f.Dizziness, Headache: f.Headache, Anxiety: f.Anxiety, Dissociation: f.Dissociation,
			Distress: f.Distress, Mood: f.Mood, Sedation: f.Sedation, Vomited: f.Vomited, Fell: f.Fell,
			RedFlag: textOf[oapi.RedFlag](f.RedFlag), Note: f.Note, JournalShared: f.JournalShared,
		}
		if !callOf(ctx).who.staff() || orZero(f.JournalShared) {
			o.JournalText = f.JournalText
		}
		appendTo(&out.Observations, o)
	case treatment.FactCompletion:
		appendTo(&out.Completions, oapi.Completion{
			ID: id, OccurredAt: f.OccurredAt, TimeZone: f.TimeZone, ReportedBy: by, Mode: mode,
			RecordedBy: recordedBy, RecordedAt: recordedAt, ClockSkew: skew, StruckOut: struck, TicketOfPatient: f.TicketOfPatient,
			Oriented: f.Oriented, WalksUnaided: f.WalksUnaided, SupportPersonStays: f.SupportPersonStays,
		})
	case treatment.FactAbort:
		appendTo(&out.Aborts, oapi.Abort{
			ID: id, OccurredAt: f.OccurredAt, TimeZone: f.TimeZone, ReportedBy: by, Mode: mode,
			RecordedBy: recordedBy, RecordedAt: recordedAt, ClockSkew: skew, StruckOut: struck, TicketOfPatient: f.TicketOfPatient,
			Reason: oapi.AbortReason(orZero(f.AbortReason)), Note: f.Note,
		})
	case treatment.FactEscalation:
		appendTo(&out.Escalations, oapi.Escalation{
			ID: id, OccurredAt: f.OccurredAt, TimeZone: f.TimeZone, ReportedBy: by, Mode: mode,
			RecordedBy: recordedBy, RecordedAt: recordedAt, ClockSkew: skew, StruckOut: struck, TicketOfPatient: f.TicketOfPatient,
			RedFlag: textOf[oapi.RedFlag](f.RedFlag), EmergencyServicesCalled: f.EmergencyServicesCalled, Note: f.Note,
		})
	case treatment.FactCheckIn:
		appendTo(&out.CheckIns, oapi.CheckIn{
			ID: id, OccurredAt: f.OccurredAt, TimeZone: f.TimeZone, ReportedBy: by, Mode: mode,
			RecordedBy: recordedBy, RecordedAt: recordedAt, ClockSkew: skew, StruckOut: struck,
			Mood: f.Mood, SideEffectsPersist: f.SideEffectsPersist, Drove: f.Drove, Note: f.Note,
		})
	case treatment.FactAttestation:
		appendTo(&out.Attestations, oapi.Attestation{
			ID: id, OccurredAt: f.OccurredAt, TimeZone: f.TimeZone, ReportedBy: by, Mode: mode,
			RecordedBy: recordedBy, RecordedAt: recordedAt, ClockSkew: skew, StruckOut: struck,
			PresentThroughout: orZero(f.PresentThroughout), LookedIn: orZero(f.LookedIn), Note: f.Note, TicketOfPatient: orZero(f.TicketOfPatient),
		})
	case treatment.FactCheck: // see addChecksOut
	}
}

func appendTo[T any](list **[]T, v T) {
	if *list == nil {
		*list = &[]T{}
	}
	**list = append(**list, v)
}
