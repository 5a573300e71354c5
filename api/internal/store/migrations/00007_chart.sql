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

-- +goose Down

DROP TABLE support_people;
