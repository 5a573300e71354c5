-- +goose Up

-- An instrument that the clinic has made itself, in one version. A row never changes: the newest
-- one of an instrument is what is assigned next, the others stay for what was answered by them.
CREATE TABLE clinic_instruments (
    clinic_id       UUID        NOT NULL,
    id              UUID        NOT NULL,
    version         BIGINT      NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    instrument      TEXT        NOT NULL CONSTRAINT clinic_instruments_own CHECK (instrument LIKE 'own-%'),
    scoring_version TEXT        NOT NULL,
    definition      TEXT        NOT NULL, -- a JSON object as TEXT, as pkg/instruments reads it
    published_by    UUID        NOT NULL,
    CONSTRAINT clinic_instruments_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT clinic_instruments_version UNIQUE (clinic_id, instrument, scoring_version),
    CONSTRAINT clinic_instruments_publisher FOREIGN KEY (clinic_id, published_by) REFERENCES staff (clinic_id, id)
);
CREATE INDEX clinic_instruments_by_instrument ON clinic_instruments (clinic_id, instrument, created_at, id);

-- +goose Down

DROP TABLE clinic_instruments;
