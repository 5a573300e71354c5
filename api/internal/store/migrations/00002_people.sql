-- +goose Up

-- The clinic and the people in it. Ids are unique in a clinic; every key contains it, so that
-- no reference can cross from one clinic to another.
CREATE TABLE clinics (
    clinic_id      UUID        NOT NULL,
    id             UUID        NOT NULL,
    version        BIGINT      NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    name           TEXT        NOT NULL,
    time_zone      TEXT        NOT NULL,
    safety_message TEXT        NOT NULL,
    CONSTRAINT clinics_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT clinics_itself CHECK (clinic_id = id)
);

CREATE TABLE staff (
    clinic_id     UUID        NOT NULL,
    id            UUID        NOT NULL,
    version       BIGINT      NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    given_name    TEXT        NOT NULL,
    family_name   TEXT        NOT NULL,
    name_sort     TEXT        COLLATE "C" NOT NULL,
    email         TEXT        NOT NULL,
    admin         BOOLEAN     NOT NULL,
    prescriber    BOOLEAN     NOT NULL,
    clinician     BOOLEAN     NOT NULL,
    npi           TEXT,
    status        TEXT        NOT NULL CONSTRAINT staff_status CHECK (status IN ('active', 'deactivated')),
    status_reason TEXT,
    signed_in     BOOLEAN     NOT NULL,
    CONSTRAINT staff_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT staff_npi UNIQUE (clinic_id, npi)
);
CREATE INDEX staff_by_name ON staff (clinic_id, name_sort, id);
CREATE INDEX staff_by_status ON staff (clinic_id, status, name_sort, id);

CREATE TABLE staff_credentials (
    clinic_id UUID    NOT NULL,
    staff_id  UUID    NOT NULL,
    position  INTEGER NOT NULL,
    kind      TEXT    NOT NULL CONSTRAINT staff_credentials_kind CHECK (kind IN ('licence', 'dea')),
    state     TEXT    NOT NULL,
    number    TEXT    NOT NULL,
    expires   TEXT    NOT NULL, -- YYYY-MM-DD
    CONSTRAINT staff_credentials_pkey PRIMARY KEY (clinic_id, staff_id, position),
    CONSTRAINT staff_credentials_staff FOREIGN KEY (clinic_id, staff_id) REFERENCES staff (clinic_id, id)
);

-- The "_sort" columns are normalised (lower case, no accents) and compared byte by byte:
-- searches are ranges of an index, also under row-level security.
CREATE TABLE patients (
    clinic_id              UUID        NOT NULL,
    id                     UUID        NOT NULL,
    version                BIGINT      NOT NULL,
    created_at             TIMESTAMPTZ NOT NULL,
    updated_at             TIMESTAMPTZ NOT NULL,
    given_name             TEXT        NOT NULL,
    family_name            TEXT        NOT NULL,
    name_sort              TEXT        COLLATE "C" NOT NULL,
    given_sort             TEXT        COLLATE "C" NOT NULL,
    birth_date             TEXT        COLLATE "C" NOT NULL, -- YYYY-MM-DD
    gender                 TEXT        NOT NULL CONSTRAINT patients_gender CHECK (gender IN ('female', 'male', 'other', 'unknown')),
    state                  TEXT        NOT NULL,
    time_zone              TEXT        NOT NULL,
    record_number          TEXT        COLLATE "C",
    phone                  TEXT        COLLATE "C",
    email                  TEXT,
    email_sort             TEXT        COLLATE "C",
    address_line           TEXT,
    address_city           TEXT,
    address_postal_code    TEXT,
    emergency_name         TEXT,
    emergency_phone        TEXT,
    emergency_relationship TEXT,
    status                 TEXT        NOT NULL CONSTRAINT patients_status CHECK (status IN ('active', 'inactive', 'transferred', 'deceased')),
    status_since           TIMESTAMPTZ NOT NULL,
    status_source          TEXT,
    status_reason          TEXT,
    signed_in              BOOLEAN     NOT NULL,
    CONSTRAINT patients_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT patients_record_number UNIQUE (clinic_id, record_number)
);
CREATE INDEX patients_by_name ON patients (clinic_id, name_sort, id);
CREATE INDEX patients_by_status ON patients (clinic_id, status, name_sort, id);
CREATE INDEX patients_by_birth_date ON patients (clinic_id, birth_date, name_sort, id);
CREATE INDEX patients_by_phone ON patients (clinic_id, phone, name_sort, id);
CREATE INDEX patients_by_email ON patients (clinic_id, email_sort, name_sort, id);

CREATE TABLE care_team_members (
    clinic_id  UUID    NOT NULL,
    patient_id UUID    NOT NULL,
    position   INTEGER NOT NULL,
    staff_id   UUID    NOT NULL,
    role       TEXT    NOT NULL CONSTRAINT care_team_members_role CHECK (role IN ('prescriber', 'clinician')),
    CONSTRAINT care_team_members_pkey PRIMARY KEY (clinic_id, patient_id, position),
    CONSTRAINT care_team_members_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT care_team_members_staff FOREIGN KEY (clinic_id, staff_id) REFERENCES staff (clinic_id, id)
);

-- Weights are whole grams.
CREATE TABLE measurements (
    clinic_id         UUID        NOT NULL,
    id                UUID        NOT NULL,
    version           BIGINT      NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    patient_id        UUID        NOT NULL,
    occurred_at       TIMESTAMPTZ NOT NULL,
    time_zone         TEXT        NOT NULL,
    reported_by       TEXT        NOT NULL CONSTRAINT measurements_reported_by CHECK (reported_by IN ('patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    mode              TEXT        NOT NULL CONSTRAINT measurements_mode CHECK (mode IN ('app', 'phone', 'video', 'inPerson', 'system')),
    clock_skew        BOOLEAN     NOT NULL,
    recorded_by       TEXT        NOT NULL,
    struck_out_at     TIMESTAMPTZ,
    struck_out_by     TEXT,
    struck_out_reason TEXT,
    replaced_by       UUID,
    weight_g          BIGINT,
    height_cm         INTEGER,
    systolic_mm_hg    INTEGER,
    diastolic_mm_hg   INTEGER,
    heart_rate_bpm    INTEGER,
    spo2_percent      INTEGER,
    position          TEXT CONSTRAINT measurements_position CHECK (position IN ('sitting', 'lying', 'standing')),
    doubtful          BOOLEAN     NOT NULL,
    CONSTRAINT measurements_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT measurements_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
CREATE INDEX measurements_by_patient ON measurements (clinic_id, patient_id, occurred_at, id);

CREATE TABLE protocols (
    clinic_id   UUID        NOT NULL,
    id          UUID        NOT NULL,
    version     BIGINT      NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    name        TEXT        NOT NULL,
    revision    TEXT        NOT NULL,
    policy      TEXT        NOT NULL, -- JSON as TEXT: decisions name it by its id, it never changes
    status      TEXT        NOT NULL CONSTRAINT protocols_status CHECK (status IN ('proposed', 'approved')),
    reason      TEXT        NOT NULL,
    proposed_by UUID, -- nobody proposed or approved the shipped ones
    approved_by UUID,
    approved_at TIMESTAMPTZ,
    CONSTRAINT protocols_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT protocols_revision UNIQUE (clinic_id, name, revision),
    CONSTRAINT protocols_proposer FOREIGN KEY (clinic_id, proposed_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT protocols_approver FOREIGN KEY (clinic_id, approved_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT protocols_approved CHECK (status <> 'approved' OR approved_at IS NOT NULL)
);
CREATE INDEX protocols_by_age ON protocols (clinic_id, created_at, id);
CREATE INDEX protocols_by_status ON protocols (clinic_id, status, created_at, id);

-- +goose Down

DROP TABLE protocols;
DROP TABLE measurements;
DROP TABLE care_team_members;
DROP TABLE patients;
DROP TABLE staff_credentials;
DROP TABLE staff;
DROP TABLE clinics;
