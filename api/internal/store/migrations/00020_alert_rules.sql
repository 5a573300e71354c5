-- +goose Up

-- A clinic's versions of its alert rules; without one the shipped rules are in force.
CREATE TABLE alert_rule_sets (
    clinic_id    UUID        NOT NULL,
    id           UUID        NOT NULL,
    version      BIGINT      NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    revision     BIGINT      NOT NULL CONSTRAINT alert_rule_sets_from_one CHECK (revision > 0),
    settings     TEXT        NOT NULL, -- JSON as TEXT: alerts name it by its revision, it never changes
    reason       TEXT        NOT NULL,
    published_by UUID        NOT NULL,
    CONSTRAINT alert_rule_sets_pkey PRIMARY KEY (clinic_id, id),
    CONSTRAINT alert_rule_sets_revision UNIQUE (clinic_id, revision),
    CONSTRAINT alert_rule_sets_publisher FOREIGN KEY (clinic_id, published_by) REFERENCES staff (clinic_id, id)
);
CREATE INDEX alert_rule_sets_by_age ON alert_rule_sets (clinic_id, created_at, id);

-- +goose Down

DROP TABLE alert_rule_sets;
