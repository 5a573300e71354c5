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

-- The units that a dose was said to be made of.
CREATE TABLE dose_portions (
    clinic_id   UUID    NOT NULL,
    fact_id     UUID    NOT NULL,
    position    INTEGER NOT NULL,
    patient_id  UUID    NOT NULL,
    dispense_id UUID    NOT NULL,
    units       BIGINT  NOT NULL, -- in thousandths
    CONSTRAINT dose_portions_pkey PRIMARY KEY (clinic_id, fact_id, position),
    CONSTRAINT dose_portions_fact FOREIGN KEY (clinic_id, fact_id) REFERENCES session_facts (clinic_id, id),
    CONSTRAINT dose_portions_dispense FOREIGN KEY (clinic_id, dispense_id) REFERENCES dispenses (clinic_id, id)
);

-- The ledger. Lines are only added; one that is not right any more is reversed by another. The
-- source is a dispense, a dose or a report: no foreign key can say that. What belongs to a report
-- is empty in the lines that follow from something else.
CREATE TABLE supply_entries (
    clinic_id         UUID        NOT NULL,
    id                UUID        NOT NULL,
    version           BIGINT      NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    patient_id        UUID        NOT NULL,
    kind              TEXT        NOT NULL CONSTRAINT supply_entries_kind CHECK (kind IN ('dispensed', 'taken', 'disposed', 'lost', 'counted', 'reversed')),
    source_id         UUID        NOT NULL,
    session_id        UUID,
    dispense_id       UUID,
    amount_ug         BIGINT      NOT NULL,
    strength_ug       BIGINT      NOT NULL, -- 0 when no lot accounts for it
    reverses          UUID,
    occurred_at       TIMESTAMPTZ NOT NULL,
    time_zone         TEXT        NOT NULL,
    reported_by       TEXT        NOT NULL CONSTRAINT supply_entries_reported_by CHECK (reported_by IN
        ('', 'patient', 'supportPerson', 'clinician', 'pharmacy', 'device')),
    mode              TEXT        NOT NULL CONSTRAINT supply_entries_mode CHECK (mode IN ('', 'app', 'phone', 'video', 'inPerson', 'system')),
    clock_skew        BOOLEAN     NOT NULL,
    recorded_by       TEXT        NOT NULL,
    struck_out_at     TIMESTAMPTZ,
    struck_out_by     TEXT,
    struck_out_reason TEXT,
    replaced_by       UUID,
    reported_units    BIGINT, -- in thousandths
    method            TEXT        NOT NULL CONSTRAINT supply_entries_method CHECK (method IN ('', 'takeBack', 'mailBack', 'household', 'pharmacyCollector')),
    witness           TEXT        NOT NULL,
    cause             TEXT        NOT NULL CONSTRAINT supply_entries_cause CHECK (cause IN ('', 'lost', 'stolen', 'damaged')),
    note              TEXT        NOT NULL,
    CONSTRAINT supply_entries_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT supply_entries_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT supply_entries_dispense FOREIGN KEY (clinic_id, dispense_id) REFERENCES dispenses (clinic_id, id),
    CONSTRAINT supply_entries_session FOREIGN KEY (clinic_id, session_id) REFERENCES sessions (clinic_id, id),
    CONSTRAINT supply_entries_reverses FOREIGN KEY (clinic_id, reverses) REFERENCES supply_entries (clinic_id, id),
    CONSTRAINT supply_entries_reversed CHECK ((kind = 'reversed') = (reverses IS NOT NULL))
);
CREATE INDEX supply_entries_by_patient ON supply_entries (clinic_id, patient_id, occurred_at, id);
-- The backstop behind the rule: nothing is taken back twice.
CREATE UNIQUE INDEX supply_entries_once ON supply_entries (clinic_id, reverses) WHERE reverses IS NOT NULL;

-- Signs that the medicine may not be used as prescribed. They are looked for in the whole history
-- each time; the source is a record of one of several tables: no foreign key can say that.
CREATE TABLE supply_signals (
    clinic_id      UUID        NOT NULL,
    id             UUID        NOT NULL,
    version        BIGINT      NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    patient_id     UUID        NOT NULL,
    rule           TEXT        NOT NULL CONSTRAINT supply_signals_rule CHECK (rule IN
        ('earlyRefill', 'unitsUnaccounted', 'unloggedDoses', 'inventoryMismatch', 'repeatedLoss', 'doseAbovePrescribed',
         'intervalShort', 'weeklyLimit', 'noSupportPerson', 'batchLogging', 'increaseInResponse')),
    at             TIMESTAMPTZ NOT NULL,
    source_type    TEXT        NOT NULL CONSTRAINT supply_signals_source_type CHECK (source_type IN ('session', 'dispense', 'adjustment')),
    source_id      UUID        NOT NULL,
    source_fact_id UUID        NOT NULL, -- all zero when the record itself is meant
    value          TEXT        NOT NULL,
    "limit"        TEXT        NOT NULL,
    found_at       TIMESTAMPTZ NOT NULL,
    withdrawn_at   TIMESTAMPTZ, -- what it rested on is not so any more
    settled_at     TIMESTAMPTZ, -- a prescriber has ended the lock that it belonged to
    CONSTRAINT supply_signals_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT supply_signals_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
CREATE INDEX supply_signals_by_patient ON supply_signals (clinic_id, patient_id, at, id);
-- The backstop behind the rule: a record gives each signal once.
CREATE UNIQUE INDEX supply_signals_once ON supply_signals (clinic_id, patient_id, rule, source_type, source_id, source_fact_id);

-- +goose Down

DROP TABLE supply_signals;
DROP TABLE supply_entries;
DROP TABLE dose_portions;
DROP TABLE dispenses;
