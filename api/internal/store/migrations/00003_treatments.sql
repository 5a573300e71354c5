-- +goose Up

-- A course of therapy. Texts that are not given are empty; doses are whole micrograms.
CREATE TABLE treatments (
    clinic_id                 UUID        NOT NULL,
    id                        UUID        NOT NULL,
    version                   BIGINT      NOT NULL,
    created_at                TIMESTAMPTZ NOT NULL,
    updated_at                TIMESTAMPTZ NOT NULL,
    patient_id                UUID        NOT NULL,
    indication                TEXT        NOT NULL CONSTRAINT treatments_indication CHECK (indication IN ('depression', 'anxiety', 'depressionAndAnxiety')),
    diagnosis_code            TEXT        NOT NULL,
    phase                     TEXT        NOT NULL CONSTRAINT treatments_phase CHECK (phase IN ('planned', 'induction', 'maintenance', 'taper', 'completed', 'discontinued')),
    phase_since               TIMESTAMPTZ NOT NULL,
    phase_reason              TEXT        NOT NULL,
    discontinue_reason        TEXT        NOT NULL CONSTRAINT treatments_discontinue_reason CHECK (discontinue_reason IN
        ('', 'inefficacy', 'adverseEvent', 'safety', 'patientChoice', 'lost', 'diversion', 'pregnancy', 'transferred', 'deceased')),
    on_hold                   BOOLEAN     NOT NULL,
    protocol_id               UUID        NOT NULL,
    rules_version             TEXT        NOT NULL,
    responsible_prescriber_id UUID        NOT NULL,
    hold_systolic_mm_hg       INTEGER,
    hold_diastolic_mm_hg      INTEGER,
    stop_systolic_mm_hg       INTEGER,
    stop_diastolic_mm_hg      INTEGER,
    instructions              TEXT        NOT NULL,
    instructions_revision     INTEGER     NOT NULL,
    acknowledged_revision     INTEGER,
    acknowledged_at           TIMESTAMPTZ,
    running_from              TIMESTAMPTZ,
    contact_from              TIMESTAMPTZ,
    response_from             TIMESTAMPTZ,
    supply_from               TIMESTAMPTZ,
    ended_at                  TIMESTAMPTZ,
    CONSTRAINT treatments_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT treatments_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT treatments_protocol FOREIGN KEY (clinic_id, protocol_id) REFERENCES protocols (clinic_id, id),
    CONSTRAINT treatments_responsible FOREIGN KEY (clinic_id, responsible_prescriber_id) REFERENCES staff (clinic_id, id)
);
CREATE INDEX treatments_by_patient ON treatments (clinic_id, patient_id, created_at, id);
CREATE INDEX treatments_by_responsible ON treatments (clinic_id, responsible_prescriber_id, phase);
-- The backstop behind the rule: one open treatment a patient.
CREATE UNIQUE INDEX treatments_open ON treatments (clinic_id, patient_id) WHERE phase NOT IN ('completed', 'discontinued');

CREATE TABLE treatment_holds (
    clinic_id    UUID        NOT NULL,
    treatment_id UUID        NOT NULL,
    position     INTEGER     NOT NULL,
    patient_id   UUID        NOT NULL,
    reason       TEXT        NOT NULL CONSTRAINT treatment_holds_reason CHECK (reason IN
        ('sideEffects', 'bloodPressure', 'suicidality', 'pregnancy', 'missedContact', 'supply', 'patientRequest', 'safetyReview', 'consentWithdrawn', 'refillLock', 'other')),
    note         TEXT        NOT NULL,
    set_at       TIMESTAMPTZ NOT NULL,
    set_by       TEXT        NOT NULL,
    lifted_at    TIMESTAMPTZ,
    lifted_by    TEXT,
    lift_reason  TEXT        NOT NULL,
    CONSTRAINT treatment_holds_pkey PRIMARY KEY (clinic_id, treatment_id, position),
    CONSTRAINT treatment_holds_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id)
);

-- Which protocol a treatment followed from when on: what happened is judged by the one of its time.
CREATE TABLE treatment_protocols (
    clinic_id    UUID        NOT NULL,
    treatment_id UUID        NOT NULL,
    position     INTEGER     NOT NULL,
    patient_id   UUID        NOT NULL,
    protocol_id  UUID        NOT NULL,
    since        TIMESTAMPTZ NOT NULL,
    CONSTRAINT treatment_protocols_pkey PRIMARY KEY (clinic_id, treatment_id, position),
    CONSTRAINT treatment_protocols_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
    CONSTRAINT treatment_protocols_protocol FOREIGN KEY (clinic_id, protocol_id) REFERENCES protocols (clinic_id, id)
);

-- Which limits of its own it had from when on: the same holds for them.
CREATE TABLE treatment_limits (
    clinic_id            UUID        NOT NULL,
    treatment_id         UUID        NOT NULL,
    position             INTEGER     NOT NULL,
    patient_id           UUID        NOT NULL,
    hold_systolic_mm_hg  INTEGER,
    hold_diastolic_mm_hg INTEGER,
    stop_systolic_mm_hg  INTEGER,
    stop_diastolic_mm_hg INTEGER,
    since                TIMESTAMPTZ NOT NULL,
    CONSTRAINT treatment_limits_pkey PRIMARY KEY (clinic_id, treatment_id, position),
    CONSTRAINT treatment_limits_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id)
);

CREATE TABLE prescriptions (
    clinic_id          UUID        NOT NULL,
    id                 UUID        NOT NULL,
    version            BIGINT      NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    updated_at         TIMESTAMPTZ NOT NULL,
    patient_id         UUID        NOT NULL,
    treatment_id       UUID        NOT NULL,
    form               TEXT        NOT NULL CONSTRAINT prescriptions_form CHECK (form IN
        ('troche', 'lozenge', 'rapidlyDissolvingTablet', 'sublingualTablet', 'oralTablet', 'extendedReleaseTablet', 'oralCapsule', 'oralSolution', 'syrup')),
    route              TEXT        NOT NULL CONSTRAINT prescriptions_route CHECK (route IN ('sublingual', 'buccal', 'oral')),
    strength_ug        BIGINT      NOT NULL,
    dose_ug            BIGINT      NOT NULL,
    booster_ug         BIGINT      NOT NULL,
    min_interval_hours INTEGER     NOT NULL,
    sessions_per_week  INTEGER     NOT NULL,
    quantity_units     INTEGER     NOT NULL,
    refills            INTEGER     NOT NULL,
    directions         TEXT        NOT NULL,
    status             TEXT        NOT NULL CONSTRAINT prescriptions_status CHECK (status IN
        ('draft', 'awaitingCosignature', 'active', 'stopped', 'superseded', 'discarded', 'enteredInError')),
    status_reason      TEXT        NOT NULL,
    on_hold            BOOLEAN     NOT NULL,
    hold_reason        TEXT        NOT NULL CONSTRAINT prescriptions_hold_reason CHECK (hold_reason IN
        ('', 'sideEffects', 'bloodPressure', 'suicidality', 'pregnancy', 'missedContact', 'supply', 'patientRequest', 'safetyReview', 'consentWithdrawn', 'refillLock', 'other')),
    signed_at          TIMESTAMPTZ,
    signed_by          UUID,
    signer_npi         TEXT        NOT NULL,
    cosigned_at        TIMESTAMPTZ,
    cosigned_by        UUID,
    ended_at           TIMESTAMPTZ,
    expires_at         TIMESTAMPTZ,
    expiring_at        TIMESTAMPTZ,
    fills              INTEGER     NOT NULL,
    weight_g           BIGINT,
    protocol_id        UUID        NOT NULL, -- all zero until it is signed
    rules_version      TEXT        NOT NULL,
    reviewed_medications TEXT, -- JSON: what the signer had looked at
    CONSTRAINT prescriptions_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT prescriptions_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT prescriptions_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
    CONSTRAINT prescriptions_signer FOREIGN KEY (clinic_id, signed_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT prescriptions_cosigner FOREIGN KEY (clinic_id, cosigned_by) REFERENCES staff (clinic_id, id)
);
CREATE INDEX prescriptions_by_treatment ON prescriptions (clinic_id, treatment_id, created_at, id);
CREATE INDEX prescriptions_by_patient ON prescriptions (clinic_id, patient_id, created_at, id);
CREATE INDEX prescriptions_by_status ON prescriptions (clinic_id, treatment_id, status, created_at, id);
-- The backstop behind the rule: one active prescription a treatment.
CREATE UNIQUE INDEX prescriptions_active ON prescriptions (clinic_id, treatment_id) WHERE status = 'active';

-- When a prescription was on hold: doses are judged by the time at which they were taken.
CREATE TABLE prescription_holds (
    clinic_id       UUID        NOT NULL,
    prescription_id UUID        NOT NULL,
    position        INTEGER     NOT NULL,
    patient_id      UUID        NOT NULL,
    reason          TEXT        NOT NULL CONSTRAINT prescription_holds_reason CHECK (reason IN
        ('sideEffects', 'bloodPressure', 'suicidality', 'pregnancy', 'missedContact', 'supply', 'patientRequest', 'safetyReview', 'consentWithdrawn', 'refillLock', 'other')),
    note            TEXT        NOT NULL,
    set_at          TIMESTAMPTZ NOT NULL,
    set_by          TEXT        NOT NULL,
    lifted_at       TIMESTAMPTZ,
    lifted_by       TEXT,
    lift_reason     TEXT        NOT NULL,
    CONSTRAINT prescription_holds_pkey PRIMARY KEY (clinic_id, prescription_id, position),
    CONSTRAINT prescription_holds_prescription FOREIGN KEY (clinic_id, prescription_id) REFERENCES prescriptions (clinic_id, id)
);

-- +goose Down

DROP TABLE prescription_holds;
DROP TABLE prescriptions;
DROP TABLE treatment_limits;
DROP TABLE treatment_protocols;
DROP TABLE treatment_holds;
DROP TABLE treatments;
