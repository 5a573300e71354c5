-- +goose Up

-- Where a clinic's events are sent. An endpoint that was removed stays as what it was.
CREATE TABLE webhook_endpoints (
    clinic_id       UUID        NOT NULL,
    id              UUID        NOT NULL,
    version         BIGINT      NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    url             TEXT        NOT NULL,
    description     TEXT        NOT NULL,
    status          TEXT        NOT NULL CONSTRAINT webhook_endpoints_status CHECK (status IN ('pending', 'active', 'disabled', 'removed')),
    disabled_reason TEXT        CONSTRAINT webhook_endpoints_disabled_reason CHECK (disabled_reason IN ('paused', 'gone', 'failing')),
    proven_at       TIMESTAMPTZ,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT webhook_endpoints_disabled CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL))
);
CREATE INDEX webhook_endpoints_by_age ON webhook_endpoints (clinic_id, created_at, id);
CREATE INDEX webhook_endpoints_by_status ON webhook_endpoints (clinic_id, status, created_at, id);

-- The types that an endpoint gets; all, if there is none.
CREATE TABLE webhook_event_types (
    clinic_id   UUID    NOT NULL,
    endpoint_id UUID    NOT NULL,
    position    INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    CONSTRAINT webhook_event_types_pkey PRIMARY KEY (clinic_id, endpoint_id, position),
    CONSTRAINT webhook_event_types_endpoint FOREIGN KEY (clinic_id, endpoint_id) REFERENCES webhook_endpoints (clinic_id, id)
);

-- What messages are signed with, sealed with a key of the deployment. The current one has no end.
CREATE TABLE webhook_secrets (
    clinic_id   UUID        NOT NULL,
    id          UUID        NOT NULL,
    endpoint_id UUID        NOT NULL,
    sealed      BYTEA       NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    ends_at     TIMESTAMPTZ,
    CONSTRAINT webhook_secrets_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT webhook_secrets_endpoint FOREIGN KEY (clinic_id, endpoint_id) REFERENCES webhook_endpoints (clinic_id, id)
);
CREATE INDEX webhook_secrets_by_endpoint ON webhook_secrets (clinic_id, endpoint_id, created_at);

-- How far the journal's events have become deliveries, and how the endpoint is doing. It moves with every
-- event, so that it is no part of the record.
CREATE TABLE webhook_positions (
    clinic_id     UUID        NOT NULL,
    endpoint_id   UUID        NOT NULL,
    entry_number  BIGINT      NOT NULL,
    paused_until  TIMESTAMPTZ, -- it has asked not to be called before
    failing_since TIMESTAMPTZ, -- nothing has succeeded since
    CONSTRAINT webhook_positions_pkey PRIMARY KEY (clinic_id, endpoint_id),
    CONSTRAINT webhook_positions_endpoint FOREIGN KEY (clinic_id, endpoint_id) REFERENCES webhook_endpoints (clinic_id, id)
);

-- An event on its way to an endpoint; a challenge or a test has no number. Those of one lane, a patient or
-- a record of nobody, go one after the other. There is no body: it is made from the journal.
CREATE TABLE deliveries (
    clinic_id      UUID        NOT NULL,
    id             UUID        NOT NULL,
    endpoint_id    UUID        NOT NULL,
    entry_number   BIGINT,
    entry_id       UUID,
    event_position INTEGER,
    event_type     TEXT        NOT NULL,
    patient_id     UUID,
    lane           UUID        NOT NULL,
    status         TEXT        NOT NULL CONSTRAINT deliveries_status CHECK (status IN ('pending', 'succeeded', 'failed', 'parked')),
    attempts       INTEGER     NOT NULL,
    next_at        TIMESTAMPTZ, -- of a pending one; without it waits for those before it
    claimed_until  TIMESTAMPTZ,
    answer_status  INTEGER,
    failure        TEXT        CONSTRAINT deliveries_failure CHECK (failure IN ('name', 'address', 'connection', 'tls', 'timeout', 'redirect', 'status', 'challenge')),
    duration_ms    INTEGER,
    created_at     TIMESTAMPTZ NOT NULL,
    attempted_at   TIMESTAMPTZ,
    ended_at       TIMESTAMPTZ,
    CONSTRAINT deliveries_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT deliveries_event UNIQUE (clinic_id, endpoint_id, entry_number, event_position),
    CONSTRAINT deliveries_endpoint FOREIGN KEY (clinic_id, endpoint_id) REFERENCES webhook_endpoints (clinic_id, id)
);
CREATE INDEX deliveries_due ON deliveries (clinic_id, endpoint_id, next_at) WHERE status = 'pending';
CREATE INDEX deliveries_lane ON deliveries (clinic_id, endpoint_id, lane, entry_number, event_position) WHERE status = 'pending';
CREATE INDEX deliveries_failed ON deliveries (clinic_id, endpoint_id) WHERE status = 'failed';
CREATE INDEX deliveries_by_age ON deliveries (clinic_id, created_at, id);
CREATE INDEX deliveries_by_endpoint ON deliveries (clinic_id, endpoint_id, created_at, id);
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- +goose Down

DROP TABLE deliveries;
DROP TABLE webhook_positions;
DROP TABLE webhook_secrets;
DROP TABLE webhook_event_types;
DROP TABLE webhook_endpoints;
