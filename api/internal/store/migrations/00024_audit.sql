-- +goose Up

-- What is looked for in the audit. An entry is put into these when it gets its number, once.
CREATE INDEX journal_disclosed ON journal (clinic_id, patient_id, at, id) WHERE seq IS NOT NULL AND patient_id IS NOT NULL;
CREATE INDEX journal_actor ON journal (clinic_id, actor, seq) WHERE seq IS NOT NULL;
CREATE INDEX journal_request ON journal (clinic_id, request_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX journal_at ON journal (clinic_id, at, seq) WHERE seq IS NOT NULL;
CREATE INDEX journal_operation ON journal (clinic_id, operation, seq) WHERE seq IS NOT NULL;
CREATE INDEX journal_by_patient ON journal (clinic_id, seq) WHERE seq IS NOT NULL AND actor >= 'patient:' AND actor < 'patient;';
CREATE INDEX journal_by_support_person ON journal (clinic_id, seq) WHERE seq IS NOT NULL AND actor >= 'supportPerson:' AND actor < 'supportPerson;';
CREATE INDEX journal_rare ON journal (clinic_id, outcome, seq) WHERE seq IS NOT NULL AND outcome IN ('dryRun', 'replayed', 'refused', 'denied');

-- What is forgotten after a time.
CREATE INDEX invitations_open ON invitations (expires_at) WHERE redeemed_by IS NULL;
CREATE INDEX support_tickets_by_age ON support_tickets (created_at, ticket_hash);

-- +goose Down

DROP INDEX support_tickets_by_age;
DROP INDEX invitations_open;
DROP INDEX journal_rare;
DROP INDEX journal_by_support_person;
DROP INDEX journal_by_patient;
DROP INDEX journal_operation;
DROP INDEX journal_at;
DROP INDEX journal_request;
DROP INDEX journal_actor;
DROP INDEX journal_disclosed;
