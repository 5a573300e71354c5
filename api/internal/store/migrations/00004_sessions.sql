-- +goose Up

-- A session is its plan and what it and the facts add up to, kept for lists and filters and
-- computed again with every fact.
CREATE TABLE sessions (
    clinic_id           UUID        NOT NULL,
    id                  UUID        NOT NULL,
    version             BIGINT      NOT NULL,
    created_at          TIMESTAMPTZ NOT NULL,
    updated_at          TIMESTAMPTZ NOT NULL,
    patient_id          UUID        NOT NULL,
    treatment_id        UUID        NOT NULL,
    planned_at          TIMESTAMPTZ,
    time_zone           TEXT        NOT NULL,
    prescription_id     UUID,
    cancelled_at        TIMESTAMPTZ,
    voided_at           TIMESTAMPTZ,
    status_reason       TEXT        NOT NULL,
    reviewed_at         TIMESTAMPTZ,
    reviewed_by         UUID,
    review_note         TEXT        NOT NULL,
    reviewed_entries    INTEGER     NOT NULL,
    status              TEXT        NOT NULL CONSTRAINT sessions_status CHECK (status IN
        ('scheduled', 'held', 'cleared', 'monitoring', 'completed', 'aborted', 'reviewed', 'cancelled', 'enteredInError')),
    started_at          TIMESTAMPTZ,
    ended_at            TIMESTAMPTZ,
    dose_ug             BIGINT      NOT NULL,
    booster_ug          BIGINT      NOT NULL,
    peak_systolic_mm_hg INTEGER,
    peak_diastolic_mm_hg INTEGER,
    no_drive_until      TIMESTAMPTZ,
    cleared_until       TIMESTAMPTZ,
    missed_at           TIMESTAMPTZ,
    check_in_due_at     TIMESTAMPTZ,
    escalated           BOOLEAN     NOT NULL,
    checked_in          BOOLEAN     NOT NULL,
    attested            BOOLEAN     NOT NULL,
    doubtful_reading    BOOLEAN     NOT NULL,
    at                  TIMESTAMPTZ NOT NULL,
    deviations          TEXT        NOT NULL, -- JSON
    checks              TEXT        NOT NULL, -- JSON: what the safety gate says of each check
    CONSTRAINT sessions_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT sessions_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT sessions_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
    CONSTRAINT sessions_prescription FOREIGN KEY (clinic_id, prescription_id) REFERENCES prescriptions (clinic_id, id)
);
CREATE INDEX sessions_by_treatment ON sessions (clinic_id, treatment_id, at, id);
CREATE INDEX sessions_by_status ON sessions (clinic_id, treatment_id, status, at, id);
CREATE INDEX sessions_by_patient ON sessions (clinic_id, patient_id, at, id);

-- What happened. The columns behind position belong to one or two kinds each.
CREATE TABLE session_facts (
    clinic_id           UUID        NOT NULL,
    id                  UUID        NOT NULL,
    version             BIGINT      NOT NULL,
    created_at          TIMESTAMPTZ NOT NULL,
    updated_at          TIMESTAMPTZ NOT NULL,
    patient_id          UUID        NOT NULL,
    session_id          UUID        NOT NULL,
    kind                TEXT        NOT NULL CONSTRAINT session_facts_kind CHECK (kind IN
        ('dose', 'vitals', 'observation', 'completion', 'abort', 'escalation', 'checkIn', 'check', 'attestation')),
    occurred_at         TIMESTAMPTZ NOT NULL,
    time_zone           TEXT        NOT NULL,
    reported_by         TEXT        NOT NULL CONSTRAINT session_facts_reported_by CHECK (reported_by IN ('patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    mode                TEXT        NOT NULL CONSTRAINT session_facts_mode CHECK (mode IN ('app', 'phone', 'video', 'inPerson', 'system')),
    clock_skew          BOOLEAN     NOT NULL,
    recorded_by         TEXT        NOT NULL,
    struck_out          BOOLEAN     NOT NULL,
    struck_out_at       TIMESTAMPTZ,
    struck_out_by       TEXT,
    struck_out_reason   TEXT,
    replaced_by         UUID,
    dose_ug             BIGINT,
    booster             BOOLEAN,
    prescription_id     UUID,
    route               TEXT CONSTRAINT session_facts_route CHECK (route IN ('sublingual', 'buccal', 'oral')),
    hold_min            INTEGER,
    swallowed           TEXT CONSTRAINT session_facts_swallowed CHECK (swallowed IN ('swallowed', 'spatOut', 'partly')),
    systolic_mm_hg      INTEGER,
    diastolic_mm_hg     INTEGER,
    heart_rate_bpm      INTEGER,
    spo2_percent        INTEGER,
    position            TEXT CONSTRAINT session_facts_position CHECK (position IN ('sitting', 'lying', 'standing')),
    doubtful            BOOLEAN     NOT NULL,
    nausea              INTEGER,
    dizziness           INTEGER,
    headache            INTEGER,
    anxiety             INTEGER,
    dissociation        INTEGER,
    distress            INTEGER,
    mood                INTEGER,
    sedation            INTEGER,
    vomited             BOOLEAN,
    fell                BOOLEAN,
    red_flag            TEXT CONSTRAINT session_facts_red_flag CHECK (red_flag IN
        ('chestPain', 'shortnessOfBreath', 'severeHeadache', 'visualChange', 'seizure', 'reducedConsciousness', 'focalDeficit')),
    note                TEXT,
    journal_text        TEXT,
    journal_shared      BOOLEAN,
    oriented            BOOLEAN,
    walks_unaided       BOOLEAN,
    support_person_stays BOOLEAN,
    abort_reason        TEXT CONSTRAINT session_facts_abort_reason CHECK (abort_reason IN ('sideEffects', 'vitalSigns', 'patientChoice', 'noSupportPerson', 'other')),
    emergency_services_called BOOLEAN,
    drove               BOOLEAN,
    side_effects_persist BOOLEAN,
    solids_fasted_min   INTEGER,
    fluids_fasted_min   INTEGER,
    support_person_id   UUID,
    support_person_present BOOLEAN,
    red_flags           TEXT, -- joined by commas
    pregnancy           TEXT CONSTRAINT session_facts_pregnancy CHECK (pregnancy IN ('notPregnant', 'pregnant', 'nursing', 'planning', 'notApplicable', 'unknown')),
    substances          TEXT, -- joined by commas
    acute_illness       BOOLEAN,
    slept_hours         INTEGER,
    device_verdict      TEXT CONSTRAINT session_facts_device_verdict CHECK (device_verdict IN ('cleared', 'held')),
    gate_version        TEXT,
    outside             TEXT        NOT NULL, -- JSON: what stood in the way outside of the session when the check came in
    instructions        TEXT        NOT NULL, -- the prescriber's, when the check came in
    present_throughout  BOOLEAN,
    looked_in           BOOLEAN,
    ticket_of_patient   BOOLEAN,
    CONSTRAINT session_facts_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT session_facts_session FOREIGN KEY (clinic_id, session_id) REFERENCES sessions (clinic_id, id),
    CONSTRAINT session_facts_struck_out CHECK (struck_out = (struck_out_at IS NOT NULL))
);
CREATE INDEX session_facts_by_session ON session_facts (clinic_id, session_id, occurred_at, id);
CREATE INDEX session_facts_by_patient ON session_facts (clinic_id, patient_id, occurred_at, id);
CREATE INDEX session_facts_doses ON session_facts (clinic_id, patient_id, occurred_at, id) WHERE kind = 'dose';

-- Holds of the safety gate that somebody overrode.
CREATE TABLE session_overrides (
    clinic_id  UUID        NOT NULL,
    session_id UUID        NOT NULL,
    position   INTEGER     NOT NULL,
    patient_id UUID        NOT NULL,
    check_id   UUID        NOT NULL,
    rules      TEXT        NOT NULL, -- joined by commas
    reason     TEXT        NOT NULL,
    by         UUID        NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    CONSTRAINT session_overrides_pkey PRIMARY KEY (clinic_id, session_id, position),
    CONSTRAINT session_overrides_session FOREIGN KEY (clinic_id, session_id) REFERENCES sessions (clinic_id, id),
    CONSTRAINT session_overrides_check FOREIGN KEY (clinic_id, check_id) REFERENCES session_facts (clinic_id, id),
    CONSTRAINT session_overrides_by FOREIGN KEY (clinic_id, by) REFERENCES staff (clinic_id, id)
);

-- +goose Down

DROP TABLE session_overrides;
DROP TABLE session_facts;
DROP TABLE sessions;
