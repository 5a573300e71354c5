-- +goose Up

-- What time alone will bring, by the record that it is about: written with the record, and done once
-- by the background worker. One that is done stays, so that it is not done again.
CREATE TABLE deadlines (
    clinic_id  UUID        NOT NULL,
    record_id  UUID        NOT NULL,
    kind       TEXT        NOT NULL CONSTRAINT deadlines_kind CHECK (kind IN
        ('alertOverdue', 'checkInOverdue', 'sessionMissed', 'assessmentOverdue', 'assessmentExpired', 'prescriptionExpiring',
         'prescriptionExpired', 'consentExpiring', 'consentExpired', 'consultationExpired', 'adjustmentExpired', 'contactReview',
         'responseReview', 'pdmpStale', 'supplyReview', 'followUpDue', 'followUpOverdue', 'followUpMissed')),
    patient_id UUID        NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    done_at    TIMESTAMPTZ,
    CONSTRAINT deadlines_pkey PRIMARY KEY (clinic_id, record_id, kind),
    CONSTRAINT deadlines_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
CREATE INDEX deadlines_to_come ON deadlines (at, record_id, kind) WHERE done_at IS NULL;

-- +goose Down

DROP TABLE deadlines;
