-- +goose Up

-- What somebody must look at. The source is a record of one of several tables, and the fact in
-- it: no foreign key can say that. What was not found, or not said, is empty.
CREATE TABLE alerts (
    clinic_id       UUID        NOT NULL,
    id              UUID        NOT NULL,
    version         BIGINT      NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    patient_id      UUID        NOT NULL,
    treatment_id    UUID,
    source_type     TEXT        NOT NULL CONSTRAINT alerts_source_type CHECK (source_type IN ('session', 'assessment', 'measurement', 'adverseEvent', 'dispense', 'medication', 'prescription', 'consent', 'patient', 'treatment', 'followUp')),
    source_id       UUID        NOT NULL,
    source_fact_id  UUID,
    rule            TEXT        NOT NULL CONSTRAINT alerts_rule CHECK (rule IN
        ('BP_PRE_SOFT', 'BP_PRE_HARD', 'BP_HIGH', 'BP_CRISIS', 'SI_ITEM9', 'SI_UNKNOWN', 'CSSRS_LOW', 'CSSRS_MOD', 'CSSRS_HIGH',
         'RED_FLAG_SYMPTOM', 'DOSE_OVER_PRESCRIBED', 'INTERVAL_SHORT', 'SESSION_NO_POST_VITALS', 'SESSION_NO_SITTER', 'DOSE_AGAINST_STOP', 'SPO2_CRITICAL',
         'AE_SERIOUS', 'AE_G3_RELATED', 'SI_REPORTED', 'PREGNANCY_REPORTED', 'INVENTORY_MISMATCH', 'DISPENSE_IRREGULAR',
         'MANIA_PSYCHOSIS_SCREEN', 'PHQ9_DETERIORATION', 'LUTS_POSITIVE', 'HAEMATURIA', 'INTERACTION_NEW_MED', 'EARLY_REFILL',
         'MISUSE_PATTERN', 'CHECKIN_OVERDUE', 'PRO_OVERDUE_7D', 'RX_EXPIRING_14D', 'CONSENT_EXPIRING_30D', 'PDMP_STALE', 'NO_CONTACT', 'NO_RESPONSE', 'REFILL_DUE')),
    severity        TEXT        NOT NULL CONSTRAINT alerts_severity CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    found_severity  TEXT        NOT NULL CONSTRAINT alerts_found_severity CHECK (found_severity IN ('low', 'medium', 'high', 'critical')),
    rules_revision  BIGINT      NOT NULL, -- of the clinic's alert rules; 0 for the shipped ones
    value           TEXT        NOT NULL,
    "limit"         TEXT        NOT NULL,
    status          TEXT        NOT NULL CONSTRAINT alerts_status CHECK (status IN ('open', 'acknowledged', 'resolved')),
    raised_at       TIMESTAMPTZ NOT NULL,
    due_at          TIMESTAMPTZ NOT NULL,
    acknowledged_at TIMESTAMPTZ,
    acknowledged_by UUID,
    resolved_at     TIMESTAMPTZ,
    resolved_by     UUID,
    outcome         TEXT        NOT NULL CONSTRAINT alerts_outcome CHECK (outcome IN ('', 'handled', 'falseAlarm', 'duplicate', 'superseded', 'ruleOff')),
    note            TEXT        NOT NULL,
    assigned_to     UUID,
    snoozed_until   TIMESTAMPTZ,
    snooze_reason   TEXT        NOT NULL,
    escalated_at    TIMESTAMPTZ,
    CONSTRAINT alerts_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT alerts_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT alerts_treatment FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
    CONSTRAINT alerts_acknowledger FOREIGN KEY (clinic_id, acknowledged_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT alerts_assignee FOREIGN KEY (clinic_id, assigned_to) REFERENCES staff (clinic_id, id),
    CONSTRAINT alerts_resolver FOREIGN KEY (clinic_id, resolved_by) REFERENCES staff (clinic_id, id),
    CONSTRAINT alerts_resolved CHECK (status <> 'resolved' OR (resolved_at IS NOT NULL AND outcome <> ''))
);
-- The clinic's list may grow for years: each combination of its filters is a range of an index,
-- in the order of the deadline. A patient's own alerts are few.
CREATE INDEX alerts_by_due ON alerts (clinic_id, due_at, id);
CREATE INDEX alerts_by_status ON alerts (clinic_id, status, due_at, id);
CREATE INDEX alerts_by_severity ON alerts (clinic_id, severity, due_at, id);
CREATE INDEX alerts_by_status_and_severity ON alerts (clinic_id, status, severity, due_at, id);
CREATE INDEX alerts_by_assignee ON alerts (clinic_id, assigned_to, due_at, id);
CREATE INDEX alerts_by_raised ON alerts (clinic_id, raised_at, id);
CREATE INDEX alerts_by_patient ON alerts (clinic_id, patient_id, due_at, id);
CREATE INDEX alerts_by_source ON alerts (clinic_id, source_id);
CREATE INDEX alerts_by_fact ON alerts (clinic_id, source_fact_id);

-- +goose Down

DROP TABLE alerts;
