-- +goose Up

-- What is due for a patient or the staff: of a series of the protocol, or scheduled by hand (series is
-- empty then). Due, overdue and missed follow from the times.
CREATE TABLE follow_ups (
    clinic_id     UUID        NOT NULL,
    id            UUID        NOT NULL,
    version       BIGINT      NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    patient_id    UUID        NOT NULL,
    treatment_id  UUID,
    session_id    UUID,
    series        TEXT        NOT NULL,
    occurrence    INTEGER     NOT NULL,
    title         TEXT        NOT NULL,
    audience      TEXT        NOT NULL CONSTRAINT follow_ups_audience CHECK (audience IN ('patient', 'staff')),
    instrument    TEXT        NOT NULL,
    counts_from   TIMESTAMPTZ NOT NULL,
    due_at        TIMESTAMPTZ NOT NULL,
    overdue_at    TIMESTAMPTZ NOT NULL,
    missed_at     TIMESTAMPTZ NOT NULL,
    time_zone     TEXT        NOT NULL,
    moved         BOOLEAN     NOT NULL,
    missed        BOOLEAN     NOT NULL,
    status        TEXT        NOT NULL CONSTRAINT follow_ups_status CHECK (status IN ('open', 'done', 'cancelled')),
    status_reason TEXT        NOT NULL,
    assessment_id UUID,
    note          TEXT        NOT NULL,
    closed_at     TIMESTAMPTZ,
    closed_by     TEXT        NOT NULL, -- the actor; empty for a rule
    CONSTRAINT follow_ups_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT follow_ups_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT follow_ups_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
    CONSTRAINT follow_ups_session FOREIGN KEY (clinic_id, session_id) REFERENCES sessions (clinic_id, id),
    CONSTRAINT follow_ups_assessment FOREIGN KEY (clinic_id, assessment_id) REFERENCES assessments (clinic_id, id),
    CONSTRAINT follow_ups_closed CHECK ((status = 'open') = (closed_at IS NULL))
);
CREATE INDEX follow_ups_by_patient ON follow_ups (clinic_id, patient_id, due_at, id);
CREATE INDEX follow_ups_by_status ON follow_ups (clinic_id, patient_id, status, due_at, id);
CREATE INDEX follow_ups_by_assessment ON follow_ups (clinic_id, assessment_id) WHERE assessment_id IS NOT NULL;
-- Nothing of a series is scheduled twice.
CREATE UNIQUE INDEX follow_ups_recurring ON follow_ups (clinic_id, treatment_id, series, occurrence) WHERE series <> '' AND session_id IS NULL;
CREATE UNIQUE INDEX follow_ups_of_session ON follow_ups (clinic_id, treatment_id, series, session_id) WHERE series <> '' AND session_id IS NOT NULL;

-- +goose Down

DROP TABLE follow_ups;
