-- +goose Up

-- A text that patients sign: one revision of its kind. Only its status ever changes.
CREATE TABLE consent_templates (
    clinic_id     UUID        NOT NULL,
    id            UUID        NOT NULL,
    version       BIGINT      NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    kind          TEXT        NOT NULL CONSTRAINT consent_templates_kind CHECK (kind IN
        ('treatment', 'telehealth', 'controlledSubstance', 'supportPerson', 'noDriving', 'dataSharing', 'communication')),
    revision      INTEGER     NOT NULL,
    title         TEXT        NOT NULL,
    text          TEXT        NOT NULL,
    valid_months  INTEGER     NOT NULL,
    status        TEXT        NOT NULL CONSTRAINT consent_templates_status CHECK (status IN ('published', 'retired')),
    status_reason TEXT        NOT NULL,
    retired_at    TIMESTAMPTZ,
    retired_by    UUID,
    CONSTRAINT consent_templates_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT consent_templates_revision UNIQUE (clinic_id, kind, revision),
    CONSTRAINT consent_templates_retirer FOREIGN KEY (clinic_id, retired_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT consent_templates_retired CHECK ((status = 'retired') = (retired_at IS NOT NULL))
);
CREATE INDEX consent_templates_by_age ON consent_templates (clinic_id, created_at, id);
CREATE INDEX consent_templates_by_kind ON consent_templates (clinic_id, kind, created_at, id);
CREATE INDEX consent_templates_by_status ON consent_templates (clinic_id, status, created_at, id);

-- +goose Down

DROP TABLE consent_templates;
