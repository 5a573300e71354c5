-- +goose Up

-- Intake of a patient, and the decision whether ketamine at home is for them. Texts that are
-- not given are empty.
CREATE TABLE consultations (
    clinic_id       UUID        NOT NULL,
    id              UUID        NOT NULL,
    version         BIGINT      NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    patient_id      UUID        NOT NULL,
    status          TEXT        NOT NULL CONSTRAINT consultations_status CHECK (status IN
        ('draft', 'submitted', 'awaitingInfo', 'eligible', 'eligibleWithConditions', 'ineligible', 'deferred', 'withdrawn')),
    status_reason   TEXT        NOT NULL,
    question        TEXT        NOT NULL,
    submitted_at    TIMESTAMPTZ,
    decided_at      TIMESTAMPTZ,
    decided_by      UUID,
    note            TEXT        NOT NULL,
    patient_message TEXT        NOT NULL,
    protocol_id     UUID, -- NULL for the shipped one
    rules_version   TEXT        NOT NULL,
    eligible_at     TIMESTAMPTZ,
    expires_at      TIMESTAMPTZ, -- NULL when a treatment rests on it
    intake          TEXT        NOT NULL, -- JSON, as is the ruling
    ruling          TEXT        NOT NULL,
    CONSTRAINT consultations_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT consultations_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT consultations_decider FOREIGN KEY (clinic_id, decided_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT consultations_protocol FOREIGN KEY (clinic_id, protocol_id) REFERENCES protocols (clinic_id, id),
    CONSTRAINT consultations_decided CHECK (status NOT IN ('eligible', 'eligibleWithConditions', 'ineligible', 'deferred') OR
        (decided_at IS NOT NULL AND decided_by IS NOT NULL)),
    CONSTRAINT consultations_eligible CHECK ((status = 'eligible') = (eligible_at IS NOT NULL))
);
-- A patient has a few: their status needs no index of its own.
CREATE INDEX consultations_by_patient ON consultations (clinic_id, patient_id, created_at, id);
-- The backstop behind the rule: one that is not decided a patient.
CREATE UNIQUE INDEX consultations_open ON consultations (clinic_id, patient_id) WHERE status IN ('draft', 'submitted', 'awaitingInfo', 'deferred');

-- What a treatment rests on. Without a foreign key: SQLite cannot add one of two columns to a
-- table that is there.
ALTER TABLE treatments ADD COLUMN consultation_id UUID;

-- +goose Down

ALTER TABLE treatments DROP COLUMN consultation_id;
DROP TABLE consultations;
