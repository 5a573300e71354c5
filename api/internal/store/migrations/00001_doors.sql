-- +goose Up

-- What the doors need. One portable text: on SQLite UUID is read as TEXT, TIMESTAMPTZ as
-- DATETIME and BYTEA as BLOB. Row-level security and grants are not written here: after every
-- migration each table with a clinic_id is secured from the catalogue.

-- One entry per operation. "at" is the operation's clock. "written" only orders: it is counted at
-- the end of the transaction, while the rows that it wrote are still held, so that of two entries
-- about one record the later version has the larger number. It has gaps, and a smaller number may
-- become visible after a larger one; "seq", given after the commit, has neither.
CREATE TABLE journal (
    clinic_id  UUID        NOT NULL,
    id         UUID        NOT NULL,
    seq        BIGINT,
    at         TIMESTAMPTZ NOT NULL,
    written    BIGINT      NOT NULL,
    operation  TEXT        NOT NULL,
    actor      TEXT        COLLATE "C" NOT NULL,
    request_id TEXT        NOT NULL,
    patient_id UUID,
    outcome    TEXT        NOT NULL CONSTRAINT journal_outcome CHECK (outcome IN ('done', 'read', 'dryRun', 'replayed', 'refused', 'denied')),
    events     TEXT        NOT NULL, -- JSON as TEXT: what is hashed must not be reordered
    clock_skew_s BIGINT, -- of a batch that a phone has sent: server's clock minus phone's
    CONSTRAINT journal_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT journal_seq UNIQUE (clinic_id, seq)
);
CREATE INDEX journal_pending ON journal (written) WHERE seq IS NULL;
CREATE INDEX journal_done ON journal (clinic_id, seq) WHERE outcome = 'done';
CREATE INDEX journal_patient ON journal (clinic_id, patient_id, seq);
-- What was done to a patient, or to nobody: most entries only say who has looked. An entry is put into this one when
-- it gets its number, once.
CREATE INDEX journal_done_to ON journal (clinic_id, patient_id, seq) WHERE outcome = 'done' AND seq IS NOT NULL;

-- The patients of an entry that shows several of them at once, such as a page of a list: one row for each.
-- An entry about one patient names them itself. "at" is the entry's, so that a patient's disclosures are a
-- range of this index. "done" says that something was done to them, which is rare beside pages of lists.
CREATE TABLE journal_patients (
    clinic_id  UUID        NOT NULL,
    patient_id UUID        NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    id         UUID        NOT NULL, -- the entry
    done       BOOLEAN     NOT NULL,
    CONSTRAINT journal_patients_pkey PRIMARY KEY (clinic_id, patient_id, at, id)
);
CREATE INDEX journal_patients_done ON journal_patients (clinic_id, patient_id, id) WHERE done;
CREATE INDEX journal_patients_of ON journal_patients (clinic_id, id) WHERE done;

-- Every version of every record as it was left by an operation. The journal keeps the hash of
-- "data", so that a value can be erased without breaking the chain.
CREATE TABLE history (
    clinic_id  UUID        NOT NULL,
    record     TEXT        NOT NULL, -- the table
    record_id  UUID        NOT NULL,
    version    BIGINT      NOT NULL,
    patient_id UUID,
    entry_id   UUID        NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    data       TEXT        NOT NULL,
    CONSTRAINT history_pkey PRIMARY KEY (clinic_id, record, record_id, version)
);
CREATE INDEX history_patient ON history (clinic_id, patient_id, record, record_id, version);

-- Answers to plans and decisions, to be given again under the same key. "key" is a SHA-256 of
-- clinic, principal and the client's key. The primary key is the backstop behind the lock.
CREATE TABLE idempotency_records (
    clinic_id   UUID        NOT NULL,
    key         BYTEA       NOT NULL,
    patient_id  UUID,
    fingerprint BYTEA       NOT NULL,
    status      INTEGER     NOT NULL,
    header      TEXT        NOT NULL,
    body        BYTEA       NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (clinic_id, key)
);
CREATE INDEX idempotency_records_created_at ON idempotency_records (created_at);

-- The ids that clients gave to facts, unique in a clinic for ever. The fingerprint of path and
-- body tells "the same fact again" from "another fact under a used id".
CREATE TABLE fact_ids (
    clinic_id   UUID        NOT NULL,
    id          UUID        NOT NULL,
    patient_id  UUID        NOT NULL,
    operation   TEXT        NOT NULL,
    fingerprint BYTEA       NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT fact_ids_pkey PRIMARY KEY (clinic_id, id)
);

-- Global: read before the clinic is known. Ids and hashes only.
CREATE TABLE sign_ins (
    signin_hash BYTEA       NOT NULL, -- of issuer and subject
    clinic      UUID        NOT NULL,
    kind        TEXT        NOT NULL CONSTRAINT sign_ins_kind CHECK (kind IN ('staff', 'patient')),
    member      UUID        NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT sign_ins_pkey PRIMARY KEY (signin_hash, clinic, kind)
);

CREATE TABLE invitations (
    code_hash   BYTEA       NOT NULL,
    clinic      UUID        NOT NULL,
    kind        TEXT        NOT NULL CONSTRAINT invitations_kind CHECK (kind IN ('staff', 'patient')),
    member      UUID        NOT NULL,
    tries       INTEGER     NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL,
    redeemed_by BYTEA,
    redeemed_at TIMESTAMPTZ,
    created_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT invitations_pkey PRIMARY KEY (code_hash)
);
CREATE INDEX invitations_member ON invitations (clinic, kind, member);

-- +goose Down

DROP TABLE invitations;
DROP TABLE sign_ins;
DROP TABLE fact_ids;
DROP TABLE idempotency_records;
DROP TABLE history;
DROP TABLE journal_patients;
DROP TABLE journal;
