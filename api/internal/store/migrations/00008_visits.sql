-- +goose Up

-- Meetings of patients with providers. What has not come of one is empty.
CREATE TABLE visits (
    clinic_id          UUID        NOT NULL,
    id                 UUID        NOT NULL,
    version            BIGINT      NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    updated_at         TIMESTAMPTZ NOT NULL,
    patient_id         UUID        NOT NULL,
    kind               TEXT        NOT NULL CONSTRAINT visits_kind CHECK (kind IN ('initial', 'followUp', 'refill', 'safety', 'closing')),
    mode               TEXT        NOT NULL CONSTRAINT visits_mode CHECK (mode IN ('video', 'phone', 'inPerson')),
    provider_id        UUID        NOT NULL,
    planned_at         TIMESTAMPTZ NOT NULL,
    time_zone          TEXT        NOT NULL,
    duration_min       INTEGER     NOT NULL,
    status             TEXT        NOT NULL CONSTRAINT visits_status CHECK (status IN ('booked', 'completed', 'noShow', 'cancelled')),
    status_reason      TEXT        NOT NULL,
    note               TEXT        NOT NULL,
    patient_summary    TEXT        NOT NULL,
    completed_at       TIMESTAMPTZ,
    completed_by       UUID,
    examined_in_person BOOLEAN     NOT NULL,
    CONSTRAINT visits_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT visits_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT visits_provider FOREIGN KEY (clinic_id, provider_id) REFERENCES staff (clinic_id, id),
    CONSTRAINT visits_completer FOREIGN KEY (clinic_id, completed_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT visits_completed CHECK ((status = 'completed') = (completed_at IS NOT NULL))
);
CREATE INDEX visits_by_patient ON visits (clinic_id, patient_id, planned_at, id);
CREATE INDEX visits_by_status ON visits (clinic_id, patient_id, status, planned_at, id);
CREATE INDEX visits_by_provider ON visits (clinic_id, provider_id, status, planned_at, id);

-- What a visit is about: records of several tables, so that no foreign key can say which.
CREATE TABLE visit_links (
    clinic_id  UUID    NOT NULL,
    visit_id   UUID    NOT NULL,
    position   INTEGER NOT NULL,
    patient_id UUID    NOT NULL,
    kind       TEXT    NOT NULL CONSTRAINT visit_links_kind CHECK (kind IN ('assessment', 'adjustment')),
    record_id  UUID    NOT NULL,
    CONSTRAINT visit_links_pkey PRIMARY KEY (clinic_id, visit_id, position),
    CONSTRAINT visit_links_visit FOREIGN KEY (clinic_id, visit_id) REFERENCES visits (clinic_id, id)
);

-- Whoever leaves the clinic leaves care teams.
CREATE INDEX care_team_members_by_staff ON care_team_members (clinic_id, staff_id);

-- +goose Down

DROP INDEX care_team_members_by_staff;
DROP TABLE visit_links;
DROP TABLE visits;
