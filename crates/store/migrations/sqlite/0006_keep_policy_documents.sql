-- Policy documents, as the other kinds of record: what stands, and closed versions. The text of a
-- document is in `body`.
CREATE TABLE policy (
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
    holder_id BLOB,
    resource TEXT,
    version TEXT,
    body TEXT NOT NULL
);
CREATE INDEX policy_sync ON policy (sync_key);
CREATE INDEX policy_source ON policy (source_key);
-- An account's documents are read together.
CREATE INDEX policy_instance ON policy (instance, system);

CREATE TABLE policy_history (
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
    holder_id BLOB,
    resource TEXT,
    version TEXT,
    body TEXT NOT NULL
);
CREATE INDEX policy_history_id ON policy_history (id, seen_from);
CREATE INDEX policy_history_seen ON policy_history (seen_to, seen_from);
CREATE INDEX policy_history_holder ON policy_history (holder_id) WHERE holder_id IS NOT NULL;
