-- +goose Up

-- A proposed change of dose or interval: from what the prescription says, to what shall be
-- different. Doses are whole micrograms.
CREATE TABLE adjustments (
    clinic_id               UUID        NOT NULL,
    id                      UUID        NOT NULL,
    version                 BIGINT      NOT NULL,
    created_at              TIMESTAMPTZ NOT NULL,
    updated_at              TIMESTAMPTZ NOT NULL,
    patient_id              UUID        NOT NULL,
    treatment_id            UUID        NOT NULL,
    prescription_id         UUID        NOT NULL,
    source                  TEXT        NOT NULL CONSTRAINT adjustments_source CHECK (source IN ('clinician', 'patientRequest', 'engine')),
    reason                  TEXT        NOT NULL,
    from_dose_ug            BIGINT      NOT NULL,
    from_booster_ug         BIGINT      NOT NULL,
    from_min_interval_hours INTEGER     NOT NULL,
    from_sessions_per_week  INTEGER     NOT NULL,
    to_dose_ug              BIGINT, -- what is NULL or empty stays as it is
    to_booster_ug           BIGINT,
    to_min_interval_hours   INTEGER,
    to_sessions_per_week    INTEGER,
    to_directions           TEXT        NOT NULL,
    status                  TEXT        NOT NULL CONSTRAINT adjustments_status CHECK (status IN
        ('proposed', 'approved', 'applied', 'rejected', 'withdrawn', 'expired')),
    status_reason           TEXT        NOT NULL,
    proposed_by             UUID        NOT NULL,
    expires_at              TIMESTAMPTZ NOT NULL,
    approved_at             TIMESTAMPTZ,
    approved_by             UUID,
    protocol_id             UUID        NOT NULL, -- all zero until it is approved
    rules_version           TEXT        NOT NULL,
    draft_id                UUID,
    applied_at              TIMESTAMPTZ,
    ended_at                TIMESTAMPTZ,
    ended_by                UUID,
    CONSTRAINT adjustments_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT adjustments_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT adjustments_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
    CONSTRAINT adjustments_prescription FOREIGN KEY (clinic_id, prescription_id) REFERENCES prescriptions (clinic_id, id),
    CONSTRAINT adjustments_proposer FOREIGN KEY (clinic_id, proposed_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT adjustments_approver FOREIGN KEY (clinic_id, approved_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT adjustments_draft FOREIGN KEY (clinic_id, draft_id) REFERENCES prescriptions (clinic_id, id),
    CONSTRAINT adjustments_ender FOREIGN KEY (clinic_id, ended_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT adjustments_applied CHECK (status <> 'applied' OR (applied_at IS NOT NULL AND approved_at IS NOT NULL AND draft_id IS NOT NULL))
);
CREATE INDEX adjustments_by_treatment ON adjustments (clinic_id, treatment_id, created_at, id);
CREATE INDEX adjustments_by_status ON adjustments (clinic_id, treatment_id, status, created_at, id);
-- The backstop behind the rule: one open adjustment a treatment.
CREATE UNIQUE INDEX adjustments_open ON adjustments (clinic_id, treatment_id) WHERE status IN ('proposed', 'approved');

-- The records that an adjustment rests on, each in the version that was looked at: named by the
-- proposal, changed shortly before it, considered by the approver. They are of several kinds: no
-- foreign key can say that.
CREATE TABLE adjustment_records (
    clinic_id      UUID    NOT NULL,
    adjustment_id  UUID    NOT NULL,
    position       INTEGER NOT NULL,
    patient_id     UUID    NOT NULL,
    role           TEXT    NOT NULL CONSTRAINT adjustment_records_role CHECK (role IN ('named', 'known', 'considered')),
    record_type    TEXT    NOT NULL CONSTRAINT adjustment_records_record_type CHECK (record_type IN
        ('assessment', 'session', 'adverseEvent', 'alert', 'measurement', 'medication', 'supportPerson')),
    record_id      UUID    NOT NULL,
    record_version BIGINT  NOT NULL,
    CONSTRAINT adjustment_records_pkey PRIMARY KEY (clinic_id, adjustment_id, position),
    CONSTRAINT adjustment_records_adjustment FOREIGN KEY (clinic_id, adjustment_id) REFERENCES adjustments (clinic_id, id)
);

-- The adjustment that a prescription was drafted from. SQLite cannot add a foreign key of two
-- columns to a table that is there; adjustments_draft holds the two together from the other side.
ALTER TABLE prescriptions ADD COLUMN adjustment_id UUID;

-- +goose Down

ALTER TABLE prescriptions DROP COLUMN adjustment_id;
DROP TABLE adjustment_records;
DROP TABLE adjustments;
