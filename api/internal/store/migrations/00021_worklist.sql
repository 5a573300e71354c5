-- +goose Up

-- What waits for somebody of the clinic, in the order of its deadline: only that, so that the list costs
-- the same however long the clinic has been open.
CREATE INDEX alerts_waiting ON alerts (clinic_id, severity, due_at, id) WHERE status <> 'resolved';
CREATE INDEX follow_ups_waiting ON follow_ups (clinic_id, due_at, id) WHERE status = 'open' AND (audience = 'staff' OR NOT missed);
CREATE INDEX sessions_unfinished ON sessions (clinic_id, started_at, id) WHERE status = 'monitoring';
CREATE INDEX sessions_to_review ON sessions (clinic_id, ended_at, id) WHERE status IN ('completed', 'aborted');
CREATE INDEX assessments_to_review ON assessments (clinic_id, at, id) WHERE status = 'submitted';
CREATE INDEX adverse_events_to_triage ON adverse_events (clinic_id, created_at, id) WHERE status = 'reported';
CREATE INDEX adjustments_to_decide ON adjustments (clinic_id, expires_at, id) WHERE status = 'proposed';
CREATE INDEX prescriptions_to_cosign ON prescriptions (clinic_id, signed_at, id) WHERE status = 'awaitingCosignature';
CREATE INDEX prescriptions_by_signer ON prescriptions (clinic_id, signed_by, signed_at, id) WHERE status = 'active';
CREATE INDEX consultations_to_decide ON consultations (clinic_id, submitted_at, id) WHERE status = 'submitted';

-- +goose Down

DROP INDEX consultations_to_decide;
DROP INDEX prescriptions_by_signer;
DROP INDEX prescriptions_to_cosign;
DROP INDEX adjustments_to_decide;
DROP INDEX adverse_events_to_triage;
DROP INDEX assessments_to_review;
DROP INDEX sessions_to_review;
DROP INDEX sessions_unfinished;
DROP INDEX follow_ups_waiting;
DROP INDEX alerts_waiting;
