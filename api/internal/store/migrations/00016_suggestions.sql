-- +goose Up

-- What the rules suggested about a treatment. It never changes. Doses are whole micrograms.
CREATE TABLE suggestions (
    clinic_id               UUID        NOT NULL,
    id                      UUID        NOT NULL,
    version                 BIGINT      NOT NULL,
    created_at              TIMESTAMPTZ NOT NULL,
    updated_at              TIMESTAMPTZ NOT NULL,
    patient_id              UUID        NOT NULL,
    treatment_id            UUID        NOT NULL,
    kind                    TEXT        NOT NULL CONSTRAINT suggestions_kind CHECK (kind IN
        ('decrease', 'increase', 'maintain', 'extendInterval', 'shortenInterval', 'review', 'taper', 'none')),
    rule                    TEXT        NOT NULL CONSTRAINT suggestions_rule CHECK (rule IN
        ('safetyVeto', 'bloodPressureVeto', 'insufficientData', 'misuseSignals', 'notTolerated', 'noBenefit', 'longRemission',
         'wearsOff', 'littleResponse', 'sustainedResponse', 'improving', 'noRule')),
    prescription_id         UUID, -- NULL when none was in force
    protocol_id             UUID        NOT NULL,
    rules_version           TEXT        NOT NULL,
    expires_at              TIMESTAMPTZ NOT NULL,
    from_dose_ug            BIGINT      NOT NULL, -- all zero without a prescription
    from_booster_ug         BIGINT      NOT NULL,
    from_min_interval_hours INTEGER     NOT NULL,
    from_sessions_per_week  INTEGER     NOT NULL,
    to_dose_ug              BIGINT, -- what is NULL or empty stays as it is
    to_booster_ug           BIGINT,
    to_min_interval_hours   INTEGER,
    to_sessions_per_week    INTEGER,
    to_directions           TEXT        NOT NULL,
    basis                   TEXT        NOT NULL, -- a JSON object: reasons, records that were read, what is missing
    requested_by            UUID        NOT NULL,
    CONSTRAINT suggestions_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT suggestions_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT suggestions_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
    CONSTRAINT suggestions_prescription FOREIGN KEY (clinic_id, prescription_id) REFERENCES prescriptions (clinic_id, id),
    CONSTRAINT suggestions_protocol FOREIGN KEY (clinic_id, protocol_id) REFERENCES protocols (clinic_id, id),
    CONSTRAINT suggestions_requester FOREIGN KEY (clinic_id, requested_by) REFERENCES staff (clinic_id, id),
    -- A dose or an interval, never both, and never the booster.
    CONSTRAINT suggestions_one_change CHECK (to_booster_ug IS NULL AND (to_dose_ug IS NULL OR to_min_interval_hours IS NULL))
);
CREATE INDEX suggestions_by_treatment ON suggestions (clinic_id, treatment_id, created_at, id);

-- The suggestion that a proposal took up or departed from. SQLite cannot add a foreign key of two
-- columns to a table that is there.
ALTER TABLE adjustments ADD COLUMN suggestion_id UUID;
CREATE INDEX adjustments_by_suggestion ON adjustments (clinic_id, suggestion_id, created_at, id);

-- +goose Down

DROP INDEX adjustments_by_suggestion;
ALTER TABLE adjustments DROP COLUMN suggestion_id;
DROP TABLE suggestions;
