-- +goose Up

-- What a pharmacy handed out at one time: one lot of a patient's supply. Which fill it is and
-- what it deviates in are computed from all dispenses of the prescription each time.
CREATE TABLE dispenses (
    clinic_id         UUID        NOT NULL,
    id                UUID        NOT NULL,
    version           BIGINT      NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    patient_id        UUID        NOT NULL,
    prescription_id   UUID        NOT NULL,
    occurred_at       TIMESTAMPTZ NOT NULL,
    time_zone         TEXT        NOT NULL,
    reported_by       TEXT        NOT NULL CONSTRAINT dispenses_reported_by CHECK (reported_by IN ('patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    mode              TEXT        NOT NULL CONSTRAINT dispenses_mode CHECK (mode IN ('app', 'phone', 'video', 'inPerson', 'system')),
    clock_skew        BOOLEAN     NOT NULL,
    recorded_by       TEXT        NOT NULL,
    struck_out_at     TIMESTAMPTZ,
    struck_out_by     TEXT,
    struck_out_reason TEXT,
    replaced_by       UUID,
    form              TEXT        NOT NULL CONSTRAINT dispenses_form CHECK (form IN
        ('troche', 'lozenge', 'rapidlyDissolvingTablet', 'sublingualTablet', 'oralTablet', 'extendedReleaseTablet', 'oralCapsule', 'oralSolution', 'syrup')),
    strength_ug       BIGINT      NOT NULL,
    units             BIGINT      NOT NULL, -- in thousandths
    unit_step         BIGINT      NOT NULL, -- in thousandths
    lot               TEXT        NOT NULL,
    beyond_use_date   TEXT        NOT NULL,
    pharmacy          TEXT        NOT NULL,
    fill_number       INTEGER     NOT NULL, -- 0 when it was struck out
    deviations        TEXT        NOT NULL, -- JSON
    CONSTRAINT dispenses_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT dispenses_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT dispenses_prescription FOREIGN KEY (clinic_id, prescription_id) REFERENCES prescriptions (clinic_id, id),
    CONSTRAINT dispenses_amount CHECK (strength_ug > 0 AND units > 0 AND unit_step > 0)
);
CREATE INDEX dispenses_by_prescription ON dispenses (clinic_id, prescription_id, occurred_at, id);
CREATE INDEX dispenses_by_patient ON dispenses (clinic_id, patient_id, occurred_at, id);

-- +goose Down

DROP TABLE dispenses;
