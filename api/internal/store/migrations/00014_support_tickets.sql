-- +goose Up

-- Global: read before the clinic is known. Ids and hashes only.
CREATE TABLE support_tickets (
    ticket_hash BYTEA       NOT NULL,
    clinic      UUID        NOT NULL,
    patient     UUID        NOT NULL,
    session     UUID        NOT NULL,
    person      UUID        NOT NULL,
    of_patient  BOOLEAN     NOT NULL, -- it was handed to the patient, not to the support person
    created_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT support_tickets_pkey PRIMARY KEY (ticket_hash)
);

-- +goose Down

DROP TABLE support_tickets;
