-- +goose Up

-- Something bad that happened to a patient: what was reported, and what the clinic makes of it.
-- What nobody has said is NULL or empty.
CREATE TABLE adverse_events (
    clinic_id         UUID        NOT NULL,
    id                UUID        NOT NULL,
    version           BIGINT      NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    patient_id        UUID        NOT NULL,
    treatment_id      UUID,
    session_id        UUID,
    occurred_at       TIMESTAMPTZ NOT NULL, -- the onset
    time_zone         TEXT        NOT NULL,
    reported_by       TEXT        NOT NULL CONSTRAINT adverse_events_reported_by CHECK (reported_by IN ('patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    mode              TEXT        NOT NULL CONSTRAINT adverse_events_mode CHECK (mode IN ('app', 'phone', 'video', 'inPerson', 'system')),
    clock_skew        BOOLEAN     NOT NULL,
    recorded_by       TEXT        NOT NULL,
    term              TEXT        NOT NULL CONSTRAINT adverse_events_term CHECK (term IN
        ('nausea', 'vomiting', 'dizziness', 'headache', 'fatigue', 'palpitations', 'confusion', 'chestPain', 'dyspnoea', 'syncope',
         'alteredTaste', 'sweating', 'diarrhoea', 'disturbedSleep', 'fall', 'dissociation', 'drowsiness', 'anxiety', 'dysphoria',
         'hallucinations', 'blurredVision', 'doubleVision', 'paraesthesia', 'insomnia', 'raisedBloodPressure', 'tachycardia',
         'respiratoryDepression', 'lossOfConsciousness', 'dysuria', 'urinaryFrequency', 'haematuria', 'cystitis',
         'suicidalThoughts', 'suicideAttempt', 'other')),
    description       TEXT        NOT NULL,
    severity          TEXT        NOT NULL CONSTRAINT adverse_events_severity CHECK (severity IN ('', 'mild', 'moderate', 'severe')),
    resolved_at       TIMESTAMPTZ,
    grade             INTEGER     CONSTRAINT adverse_events_grade CHECK (grade BETWEEN 1 AND 5),
    serious           BOOLEAN,
    serious_criterion TEXT        NOT NULL CONSTRAINT adverse_events_serious_criterion CHECK (serious_criterion IN
        ('', 'death', 'lifeThreatening', 'hospitalisation', 'disability', 'congenitalAnomaly', 'importantMedicalEvent')),
    causality         TEXT        NOT NULL CONSTRAINT adverse_events_causality CHECK (causality IN
        ('', 'certain', 'probable', 'possible', 'unlikely', 'unclassified', 'unassessable')),
    outcome           TEXT        NOT NULL CONSTRAINT adverse_events_outcome CHECK (outcome IN
        ('', 'resolved', 'resolvedWithSequelae', 'ongoing', 'fatal', 'unknown')),
    expected          BOOLEAN,
    action_taken      TEXT        NOT NULL,
    follow_up_due_at  TIMESTAMPTZ,
    regulatory_report TEXT        NOT NULL CONSTRAINT adverse_events_regulatory_report CHECK (regulatory_report IN ('undecided', 'notRequired', 'reported')),
    status            TEXT        NOT NULL CONSTRAINT adverse_events_status CHECK (status IN ('reported', 'triaged', 'closed', 'enteredInError')),
    status_reason     TEXT        NOT NULL,
    triaged_at        TIMESTAMPTZ,
    triaged_by        UUID,
    closed_at         TIMESTAMPTZ,
    closed_by         UUID,
    CONSTRAINT adverse_events_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT adverse_events_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT adverse_events_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
    CONSTRAINT adverse_events_session FOREIGN KEY (clinic_id, session_id) REFERENCES sessions (clinic_id, id),
    CONSTRAINT adverse_events_triager FOREIGN KEY (clinic_id, triaged_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT adverse_events_closer FOREIGN KEY (clinic_id, closed_by) REFERENCES staff (clinic_id, id),
    -- The backstop behind the rules; a missing part is not "not": an unsaid grade is no grade 5.
    CONSTRAINT adverse_events_graded CHECK (coalesce(grade, 0) < 4 OR coalesce(serious, FALSE)),
    CONSTRAINT adverse_events_fatal CHECK ((coalesce(grade, 0) = 5) = (outcome = 'fatal')),
    CONSTRAINT adverse_events_criterion CHECK (coalesce(serious, FALSE) = (serious_criterion <> '')),
    CONSTRAINT adverse_events_closed CHECK (status <> 'closed' OR
        (closed_at IS NOT NULL AND triaged_at IS NOT NULL AND grade IS NOT NULL AND serious IS NOT NULL AND causality <> '' AND outcome <> ''))
);
CREATE INDEX adverse_events_by_patient ON adverse_events (clinic_id, patient_id, occurred_at, id);
CREATE INDEX adverse_events_by_session ON adverse_events (clinic_id, session_id);
CREATE INDEX adverse_events_by_status ON adverse_events (clinic_id, patient_id, status, occurred_at, id);

-- +goose Down

DROP TABLE adverse_events;
