-- Up to where the last evaluation came: one row, or none before the first.
CREATE TABLE evaluation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at INTEGER NOT NULL,
    published INTEGER,
    rules TEXT NOT NULL
);

CREATE INDEX finding_until ON finding (until) WHERE until IS NOT NULL;
