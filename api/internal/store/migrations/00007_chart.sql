-- +goose Up

-- Who can be with a patient during sessions. Nobody is deleted: who was removed stays visible.
CREATE TABLE support_people (
    clinic_id     UUID        NOT NULL,
    id            UUID        NOT NULL,
    version       BIGINT      NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    patient_id    UUID        NOT NULL,
    name          TEXT        NOT NULL,
    relationship  TEXT,
    phone         TEXT,
    email         TEXT,
    adult         BOOLEAN     NOT NULL,
    removed_at    TIMESTAMPTZ,
    remove_reason TEXT        NOT NULL,
    CONSTRAINT support_people_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT support_people_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
-- A patient has a few: their status needs no index of its own.
CREATE INDEX support_people_by_patient ON support_people (clinic_id, patient_id, created_at, id);

-- What a patient takes. What was not said is empty; whether it is current follows from the day.
CREATE TABLE medications (
    clinic_id         UUID        NOT NULL,
    id                UUID        NOT NULL,
    version           BIGINT      NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    patient_id        UUID        NOT NULL,
    occurred_at       TIMESTAMPTZ NOT NULL,
    time_zone         TEXT        NOT NULL,
    reported_by       TEXT        NOT NULL CONSTRAINT medications_reported_by CHECK (reported_by IN ('patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    mode              TEXT        NOT NULL CONSTRAINT medications_mode CHECK (mode IN ('app', 'phone', 'video', 'inPerson', 'system')),
    clock_skew        BOOLEAN     NOT NULL,
    recorded_by       TEXT        NOT NULL,
    struck_out_at     TIMESTAMPTZ,
    struck_out_by     TEXT,
    struck_out_reason TEXT,
    replaced_by       UUID,
    name              TEXT        NOT NULL,
    drug_class        TEXT        NOT NULL CONSTRAINT medications_drug_class CHECK (drug_class IN
        ('', 'benzodiazepine', 'zDrug', 'opioid', 'gabapentinoid', 'muscleRelaxant', 'sedatingAntihistamine', 'stimulant', 'maoi', 'lamotrigine',
         'strongCyp3a4Inhibitor', 'itraconazole', 'grapefruitJuice', 'cyp2b6Inhibitor', 'enzymeInducer', 'thyroidHormone', 'methylxanthine', 'other')),
    rx_norm_code      TEXT        NOT NULL,
    dosage            TEXT        NOT NULL,
    started_on        TEXT        COLLATE "C" NOT NULL, -- YYYY-MM-DD, as is ended_on
    ended_on          TEXT        COLLATE "C" NOT NULL,
    end_reason        TEXT        NOT NULL,
    CONSTRAINT medications_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT medications_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
CREATE INDEX medications_by_patient ON medications (clinic_id, patient_id, occurred_at, id);

-- Looks into the prescription drug monitoring program of a state.
CREATE TABLE pdmp_checks (
    clinic_id         UUID        NOT NULL,
    id                UUID        NOT NULL,
    version           BIGINT      NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    patient_id        UUID        NOT NULL,
    occurred_at       TIMESTAMPTZ NOT NULL,
    time_zone         TEXT        NOT NULL,
    reported_by       TEXT        NOT NULL CONSTRAINT pdmp_checks_reported_by CHECK (reported_by IN ('patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    mode              TEXT        NOT NULL CONSTRAINT pdmp_checks_mode CHECK (mode IN ('app', 'phone', 'video', 'inPerson', 'system')),
    clock_skew        BOOLEAN     NOT NULL,
    recorded_by       TEXT        NOT NULL,
    struck_out_at     TIMESTAMPTZ,
    struck_out_by     TEXT,
    struck_out_reason TEXT,
    replaced_by       UUID,
    state             TEXT        NOT NULL,
    result            TEXT        NOT NULL CONSTRAINT pdmp_checks_result CHECK (result IN ('nothingUnexpected', 'unexpected')),
    stale_at          TIMESTAMPTZ NOT NULL,
    note              TEXT        NOT NULL,
    CONSTRAINT pdmp_checks_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT pdmp_checks_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
CREATE INDEX pdmp_checks_by_patient ON pdmp_checks (clinic_id, patient_id, occurred_at, id);

-- +goose Down

DROP TABLE pdmp_checks;
DROP TABLE medications;
DROP TABLE support_people;
