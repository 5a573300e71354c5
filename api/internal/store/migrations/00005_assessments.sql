-- +goose Up

-- One administration of an instrument. What belongs to the answers is empty until there are
-- any; earlier answers are in the history.
CREATE TABLE assessments (
    clinic_id       UUID        NOT NULL,
    id              UUID        NOT NULL,
    version         BIGINT      NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    patient_id      UUID        NOT NULL,
    treatment_id    UUID,
    session_id      UUID,
    instrument      TEXT        NOT NULL, -- shipped, or the clinic's own
    status          TEXT        NOT NULL CONSTRAINT assessments_status CHECK (status IN
        ('assigned', 'submitted', 'reviewed', 'cancelled', 'enteredInError')),
    status_reason   TEXT        NOT NULL,
    due_at          TIMESTAMPTZ,
    overdue_at      TIMESTAMPTZ,
    expires_at      TIMESTAMPTZ,
    at              TIMESTAMPTZ NOT NULL,
    fact_id         UUID,
    occurred_at     TIMESTAMPTZ,
    time_zone       TEXT        NOT NULL,
    reported_by     TEXT        NOT NULL CONSTRAINT assessments_reported_by CHECK (reported_by IN
        ('', 'patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    mode            TEXT        NOT NULL CONSTRAINT assessments_mode CHECK (mode IN ('', 'app', 'phone', 'video', 'inPerson', 'system')),
    clock_skew      BOOLEAN     NOT NULL,
    recorded_by     TEXT        NOT NULL,
    recorded_at     TIMESTAMPTZ,
    answers         TEXT        NOT NULL, -- a JSON object as TEXT: item → value
    total           INTEGER,
    band            TEXT        NOT NULL,
    answered        INTEGER     NOT NULL,
    missing         INTEGER     NOT NULL,
    prorated        BOOLEAN     NOT NULL,
    findings        TEXT        NOT NULL, -- a JSON object as TEXT: screen, subscales, flags
    safety          TEXT        NOT NULL CONSTRAINT assessments_safety CHECK (safety IN
        ('', 'negative', 'positive', 'unknown', 'notApplicable')),
    scoring_version TEXT        NOT NULL,
    reviewed_at     TIMESTAMPTZ,
    reviewed_by     UUID,
    review_note     TEXT        NOT NULL,
    CONSTRAINT assessments_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT assessments_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT assessments_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
    CONSTRAINT assessments_session FOREIGN KEY (clinic_id, session_id) REFERENCES sessions (clinic_id, id),
    CONSTRAINT assessments_reviewer FOREIGN KEY (clinic_id, reviewed_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT assessments_assigned CHECK (status <> 'assigned' OR (due_at IS NOT NULL AND expires_at IS NOT NULL)),
    CONSTRAINT assessments_submitted CHECK (status NOT IN ('submitted', 'reviewed') OR
        (answers <> '' AND fact_id IS NOT NULL AND occurred_at IS NOT NULL AND recorded_at IS NOT NULL))
);
CREATE INDEX assessments_by_patient ON assessments (clinic_id, patient_id, at, id);
CREATE INDEX assessments_by_status ON assessments (clinic_id, patient_id, status, at, id);
CREATE INDEX assessments_by_instrument ON assessments (clinic_id, patient_id, instrument, at, id);

-- What somebody of the clinic attested about the licence for an instrument that needs one. A
-- row never changes: the newest one of an instrument counts.
CREATE TABLE instrument_licences (
    clinic_id   UUID        NOT NULL,
    id          UUID        NOT NULL,
    version     BIGINT      NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    instrument  TEXT        NOT NULL CONSTRAINT instrument_licences_instrument CHECK (instrument IN
        ('qids-sr16', 'who-5', 'dast-10', 'madrs', 'wsas')),
    licence     TEXT        NOT NULL,
    reference   TEXT        NOT NULL,
    attested_by UUID        NOT NULL,
    CONSTRAINT instrument_licences_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT instrument_licences_attester FOREIGN KEY (clinic_id, attested_by) REFERENCES staff (clinic_id, id)
);
CREATE INDEX instrument_licences_by_instrument ON instrument_licences (clinic_id, instrument, created_at, id);

-- +goose Down

DROP TABLE instrument_licences;
DROP TABLE assessments;
