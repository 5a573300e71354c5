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

-- A patient's answer to a text since it was last presented: the columns of the signature and of
-- the ending are empty until there is one. What was before is in the history.
CREATE TABLE consents (
    clinic_id             UUID        NOT NULL,
    id                    UUID        NOT NULL,
    version               BIGINT      NOT NULL,
    created_at            TIMESTAMPTZ NOT NULL,
    updated_at            TIMESTAMPTZ NOT NULL,
    patient_id            UUID        NOT NULL,
    template_id           UUID        NOT NULL,
    kind                  TEXT        NOT NULL CONSTRAINT consents_kind CHECK (kind IN
        ('treatment', 'telehealth', 'controlledSubstance', 'supportPerson', 'noDriving', 'dataSharing', 'communication')),
    partner               TEXT        NOT NULL,
    status                TEXT        NOT NULL CONSTRAINT consents_status CHECK (status IN
        ('presented', 'signed', 'declined', 'withdrawn', 'superseded')),
    status_reason         TEXT        NOT NULL,
    presented_at          TIMESTAMPTZ NOT NULL,
    presented_by          UUID        NOT NULL,
    not_before            TIMESTAMPTZ,
    signature_name        TEXT        NOT NULL,
    witnessed_by          UUID,
    signed_at             TIMESTAMPTZ,
    expires_at            TIMESTAMPTZ,
    expiring_at           TIMESTAMPTZ,
    ended_at              TIMESTAMPTZ,
    signature_fact_id     UUID,
    signature_occurred_at TIMESTAMPTZ,
    signature_time_zone   TEXT        NOT NULL,
    signature_reported_by TEXT        NOT NULL CONSTRAINT consents_signature_reported_by CHECK (signature_reported_by IN
        ('', 'patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    signature_mode        TEXT        NOT NULL CONSTRAINT consents_signature_mode CHECK (signature_mode IN
        ('', 'app', 'phone', 'video', 'inPerson', 'system')),
    signature_clock_skew  BOOLEAN     NOT NULL,
    signature_recorded_by TEXT        NOT NULL,
    signature_recorded_at TIMESTAMPTZ,
    ending_fact_id        UUID,
    ending_occurred_at    TIMESTAMPTZ,
    ending_time_zone      TEXT        NOT NULL,
    ending_reported_by    TEXT        NOT NULL CONSTRAINT consents_ending_reported_by CHECK (ending_reported_by IN
        ('', 'patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    ending_mode           TEXT        NOT NULL CONSTRAINT consents_ending_mode CHECK (ending_mode IN
        ('', 'app', 'phone', 'video', 'inPerson', 'system')),
    ending_clock_skew     BOOLEAN     NOT NULL,
    ending_recorded_by    TEXT        NOT NULL,
    ending_recorded_at    TIMESTAMPTZ,
    CONSTRAINT consents_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT consents_answer UNIQUE (clinic_id, patient_id, template_id, partner),
    CONSTRAINT consents_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT consents_template FOREIGN KEY (clinic_id, template_id) REFERENCES consent_templates (clinic_id, id),
    CONSTRAINT consents_presenter FOREIGN KEY (clinic_id, presented_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT consents_witness FOREIGN KEY (clinic_id, witnessed_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT consents_partner CHECK ((kind = 'dataSharing') = (partner <> '')),
    CONSTRAINT consents_in_force CHECK (status <> 'signed' OR (signed_at IS NOT NULL AND expires_at IS NOT NULL AND ended_at IS NULL))
);
CREATE INDEX consents_by_patient ON consents (clinic_id, patient_id, created_at, id);
CREATE INDEX consents_by_status ON consents (clinic_id, patient_id, status, created_at, id);
-- The backstop behind the rule: one signed consent of a kind, for sharing data one a partner.
CREATE UNIQUE INDEX consents_signed ON consents (clinic_id, patient_id, kind, partner) WHERE status = 'signed';

-- +goose Down

DROP TABLE consents;
DROP TABLE consent_templates;
