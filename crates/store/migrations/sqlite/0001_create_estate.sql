-- One row per source's claim about a thing; `lead` marks the one claim that lists show.
-- `sync_key` is the sync that wrote this version: its time is when the version was first seen, and
-- while that sync runs nobody sees the row. Closed versions are in `<table>_history`.
-- Times are microseconds since 1970 UTC. Fact states: 0 known, 1 known absent, 2 not observable,
-- 3 not collected, 4 denied.

CREATE TABLE source (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    connector TEXT NOT NULL,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    every_s INTEGER,
    enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    removed_at INTEGER
);

CREATE TABLE scope (
    key INTEGER PRIMARY KEY,
    source_key INTEGER NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    last_sync_key INTEGER,
    last_complete_at INTEGER,
    UNIQUE (source_key, id)
);

-- state: 0 running, 1 committed, 2 failed. `first_keys`: the highest row keys when it began, so
-- that what it inserted is found without reading everything.
CREATE TABLE sync (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    source_key INTEGER NOT NULL,
    state INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    summary TEXT,
    error TEXT,
    first_keys TEXT NOT NULL
);
CREATE INDEX sync_running ON sync (key) WHERE state = 0;
CREATE INDEX sync_source ON sync (source_key, state);
CREATE INDEX sync_finished ON sync (finished_at) WHERE state = 1;

-- The gaps are rows of their own; `body` is the rest of the coverage.
CREATE TABLE coverage (
    key INTEGER PRIMARY KEY,
    sync_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (sync_key, scope_key)
);

CREATE TABLE gap (
    key INTEGER PRIMARY KEY,
    sync_key INTEGER NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    locus TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT,
    missing TEXT
);
CREATE INDEX gap_sync ON gap (sync_key, scope_key);

-- What a running sync states anew about claims that stand; applied when it is published.
CREATE TABLE pending (
    sync_key INTEGER NOT NULL,
    record INTEGER NOT NULL,
    id BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (sync_key, record, id)
) WITHOUT ROWID;

-- Indexes that wait for the end of a first load.
CREATE TABLE dropped_index (
    name TEXT PRIMARY KEY,
    sql TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE identity (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    environment TEXT,
    environment_state INTEGER NOT NULL,
    enabled INTEGER,
    enabled_state INTEGER NOT NULL,
    created_at INTEGER,
    created_at_state INTEGER NOT NULL,
    last_used_at INTEGER,
    last_used_at_state INTEGER NOT NULL,
    parent_id BLOB,
    owner_key TEXT,
    owner_confidence REAL,
    owner TEXT,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX identity_claim ON identity (id, source_key);
CREATE INDEX identity_sync ON identity (sync_key);
CREATE INDEX identity_name ON identity (name);
CREATE INDEX identity_parent ON identity (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE identity_history (
    key INTEGER PRIMARY KEY,
    claim_key INTEGER NOT NULL,
    seen_from INTEGER NOT NULL,
    seen_to INTEGER NOT NULL,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    environment TEXT,
    environment_state INTEGER NOT NULL,
    enabled INTEGER,
    enabled_state INTEGER NOT NULL,
    created_at INTEGER,
    created_at_state INTEGER NOT NULL,
    last_used_at INTEGER,
    last_used_at_state INTEGER NOT NULL,
    parent_id BLOB,
    owner_key TEXT,
    owner_confidence REAL,
    owner TEXT,
    body TEXT NOT NULL
);
CREATE INDEX identity_history_id ON identity_history (id, seen_from);
CREATE INDEX identity_history_seen ON identity_history (seen_to, seen_from);
CREATE INDEX identity_history_parent ON identity_history (parent_id);

CREATE TABLE credential (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    enabled INTEGER,
    enabled_state INTEGER NOT NULL,
    created_at INTEGER,
    created_at_state INTEGER NOT NULL,
    expires_at INTEGER,
    expires_at_state INTEGER NOT NULL,
    rotated_at INTEGER,
    rotated_at_state INTEGER NOT NULL,
    last_used_at INTEGER,
    last_used_at_state INTEGER NOT NULL,
    identity_id BLOB,
    fingerprint BLOB,
    n_places INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX credential_claim ON credential (id, source_key);
CREATE INDEX credential_sync ON credential (sync_key);
CREATE INDEX credential_name ON credential (name);
CREATE INDEX credential_identity ON credential (identity_id);
CREATE INDEX credential_expires ON credential (expires_at);
CREATE INDEX credential_fingerprint ON credential (fingerprint) WHERE fingerprint IS NOT NULL;

CREATE TABLE credential_history (
    key INTEGER PRIMARY KEY,
    claim_key INTEGER NOT NULL,
    seen_from INTEGER NOT NULL,
    seen_to INTEGER NOT NULL,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    enabled INTEGER,
    enabled_state INTEGER NOT NULL,
    created_at INTEGER,
    created_at_state INTEGER NOT NULL,
    expires_at INTEGER,
    expires_at_state INTEGER NOT NULL,
    rotated_at INTEGER,
    rotated_at_state INTEGER NOT NULL,
    last_used_at INTEGER,
    last_used_at_state INTEGER NOT NULL,
    identity_id BLOB,
    fingerprint BLOB,
    n_places INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX credential_history_id ON credential_history (id, seen_from);
CREATE INDEX credential_history_seen ON credential_history (seen_to, seen_from);
CREATE INDEX credential_history_identity ON credential_history (identity_id);

CREATE TABLE place (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    container_id BLOB,
    exposure TEXT,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX place_claim ON place (id, source_key);
CREATE INDEX place_sync ON place (sync_key);
CREATE INDEX place_name ON place (name);

CREATE TABLE place_history (
    key INTEGER PRIMARY KEY,
    claim_key INTEGER NOT NULL,
    seen_from INTEGER NOT NULL,
    seen_to INTEGER NOT NULL,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    container_id BLOB,
    exposure TEXT,
    body TEXT NOT NULL
);
CREATE INDEX place_history_id ON place_history (id, seen_from);
CREATE INDEX place_history_seen ON place_history (seen_to, seen_from);

CREATE TABLE grants (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    identity_id BLOB NOT NULL,
    effect TEXT NOT NULL,
    via TEXT,
    actions TEXT NOT NULL,
    resources TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX grants_claim ON grants (id, source_key);
CREATE INDEX grants_sync ON grants (sync_key);
CREATE INDEX grants_identity ON grants (identity_id);

CREATE TABLE grants_history (
    key INTEGER PRIMARY KEY,
    claim_key INTEGER NOT NULL,
    seen_from INTEGER NOT NULL,
    seen_to INTEGER NOT NULL,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    identity_id BLOB NOT NULL,
    effect TEXT NOT NULL,
    via TEXT,
    actions TEXT NOT NULL,
    resources TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX grants_history_id ON grants_history (id, seen_from);
CREATE INDEX grants_history_seen ON grants_history (seen_to, seen_from);
CREATE INDEX grants_history_identity ON grants_history (identity_id);

CREATE TABLE trust (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    identity_id BLOB NOT NULL,
    from_id BLOB,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX trust_claim ON trust (id, source_key);
CREATE INDEX trust_sync ON trust (sync_key);
CREATE INDEX trust_identity ON trust (identity_id);
CREATE INDEX trust_from ON trust (from_id) WHERE from_id IS NOT NULL;

CREATE TABLE trust_history (
    key INTEGER PRIMARY KEY,
    claim_key INTEGER NOT NULL,
    seen_from INTEGER NOT NULL,
    seen_to INTEGER NOT NULL,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    identity_id BLOB NOT NULL,
    from_id BLOB,
    body TEXT NOT NULL
);
CREATE INDEX trust_history_id ON trust_history (id, seen_from);
CREATE INDEX trust_history_seen ON trust_history (seen_to, seen_from);
CREATE INDEX trust_history_identity ON trust_history (identity_id);
CREATE INDEX trust_history_from ON trust_history (from_id);

CREATE TABLE owner_link (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    identity_id BLOB NOT NULL,
    party_kind TEXT NOT NULL,
    confidence REAL NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX owner_link_claim ON owner_link (id, source_key);
CREATE INDEX owner_link_sync ON owner_link (sync_key);
CREATE INDEX owner_link_identity ON owner_link (identity_id);

CREATE TABLE owner_link_history (
    key INTEGER PRIMARY KEY,
    claim_key INTEGER NOT NULL,
    seen_from INTEGER NOT NULL,
    seen_to INTEGER NOT NULL,
    id BLOB NOT NULL,
    source_key INTEGER NOT NULL,
    scope_key INTEGER NOT NULL,
    sync_key INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    authority INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    changed_at INTEGER,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    instance TEXT NOT NULL,
    native_id TEXT NOT NULL,
    name TEXT NOT NULL,
    identity_id BLOB NOT NULL,
    party_kind TEXT NOT NULL,
    confidence REAL NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX owner_link_history_id ON owner_link_history (id, seen_from);
CREATE INDEX owner_link_history_seen ON owner_link_history (seen_to, seen_from);
CREATE INDEX owner_link_history_identity ON owner_link_history (identity_id);

CREATE TABLE credential_place (
    credential_key INTEGER NOT NULL,
    place_id BLOB NOT NULL,
    PRIMARY KEY (credential_key, place_id)
) WITHOUT ROWID;
CREATE INDEX credential_place_place ON credential_place (place_id);

CREATE TABLE owner_claim (
    identity_id BLOB PRIMARY KEY,
    party TEXT NOT NULL,
    claimed_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;

-- severity: 0 info to 4 critical. state: open, acknowledged, snoozed, accepted, resolved.
CREATE TABLE finding (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    rule TEXT NOT NULL,
    severity INTEGER NOT NULL,
    subject_id BLOB NOT NULL,
    identity_id BLOB,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    hash INTEGER NOT NULL,
    state TEXT NOT NULL,
    state_body TEXT NOT NULL,
    until INTEGER,
    first_seen INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    n_reopened INTEGER NOT NULL
);
CREATE INDEX finding_subject ON finding (subject_id);
CREATE INDEX finding_identity ON finding (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX finding_state ON finding (state, severity);

CREATE TABLE person (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
);

CREATE TABLE session (
    hash BLOB PRIMARY KEY,
    person_key INTEGER NOT NULL REFERENCES person (key),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    agent TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_person ON session (person_key);

CREATE TABLE api_token (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    person_key INTEGER NOT NULL REFERENCES person (key),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
);
CREATE INDEX api_token_person ON api_token (person_key);

CREATE TABLE sign_in_link (
    hash BLOB PRIMARY KEY,
    person_key INTEGER REFERENCES person (key),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) WITHOUT ROWID;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    json TEXT NOT NULL
) WITHOUT ROWID;
