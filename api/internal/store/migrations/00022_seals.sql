-- +goose Up

-- Where each clinic's numbers end: the last one given, the hash of the seal that it is under, and the last one
-- of an entry in which something was done.
CREATE TABLE journal_heads (
    clinic_id UUID   NOT NULL,
    number    BIGINT NOT NULL,
    hash      BYTEA  NOT NULL,
    done      BIGINT NOT NULL,
    CONSTRAINT journal_heads_pkey PRIMARY KEY (clinic_id)
);

-- One row for each batch of a clinic's entries, as package audit explains it. "hashes" are those of the entries,
-- 32 bytes each, in the order of their numbers.
CREATE TABLE journal_seals (
    clinic_id    UUID        NOT NULL,
    last_number  BIGINT      NOT NULL,
    first_number BIGINT      NOT NULL,
    hashes       BYTEA       NOT NULL,
    root         BYTEA       NOT NULL,
    previous     BYTEA       NOT NULL,
    hash         BYTEA       NOT NULL,
    at           TIMESTAMPTZ NOT NULL,
    signature    BYTEA       NOT NULL,
    CONSTRAINT journal_seals_pkey PRIMARY KEY (clinic_id, last_number)
);

-- +goose Down

DROP TABLE journal_seals;
DROP TABLE journal_heads;
