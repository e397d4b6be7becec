-- Which rows name an id, in one table for all roles (`crates/store/src/reference.rs`): `mark` is the
-- first 7 bytes of the id and the number of the role, `key` is that of the row. Ids are random: an
-- index of them touches another page for each row; marks are written in their order.
CREATE TABLE reference (
    mark INTEGER NOT NULL,
    key INTEGER NOT NULL,
    PRIMARY KEY (mark, key)
) WITHOUT ROWID;

INSERT INTO reference SELECT mark(0, id), key FROM identity;
INSERT INTO reference SELECT mark(1, parent_id), key FROM identity WHERE parent_id IS NOT NULL;
INSERT INTO reference SELECT mark(2, id), key FROM credential;
INSERT INTO reference SELECT mark(3, identity_id), key FROM credential WHERE identity_id IS NOT NULL;
INSERT INTO reference SELECT mark(4, fingerprint), key FROM credential WHERE fingerprint IS NOT NULL;
INSERT OR IGNORE INTO reference SELECT mark(5, place_id), credential_key FROM credential_place;
INSERT INTO reference SELECT mark(6, id), key FROM place;
INSERT INTO reference SELECT mark(7, container_id), key FROM place WHERE container_id IS NOT NULL;
INSERT INTO reference SELECT mark(8, id), key FROM grants;
INSERT INTO reference SELECT mark(9, identity_id), key FROM grants;
INSERT INTO reference SELECT mark(10, id), key FROM trust;
INSERT INTO reference SELECT mark(11, identity_id), key FROM trust;
INSERT INTO reference SELECT mark(12, from_id), key FROM trust WHERE from_id IS NOT NULL;
INSERT INTO reference SELECT mark(13, id), key FROM owner_link;
INSERT INTO reference SELECT mark(14, identity_id), key FROM owner_link;

DROP TABLE credential_place;
DROP INDEX identity_claim;
DROP INDEX identity_parent;
DROP INDEX credential_claim;
DROP INDEX credential_identity;
DROP INDEX credential_fingerprint;
DROP INDEX place_claim;
DROP INDEX grants_claim;
DROP INDEX grants_identity;
DROP INDEX trust_claim;
DROP INDEX trust_identity;
DROP INDEX trust_from;
DROP INDEX owner_link_claim;
DROP INDEX owner_link_identity;

-- Names are put in order in memory.
DROP INDEX identity_name;
DROP INDEX credential_name;
DROP INDEX place_name;

-- Most credentials do not expire.
DROP INDEX credential_expires;
CREATE INDEX credential_expires ON credential (expires_at) WHERE expires_at IS NOT NULL;

-- Under it claims are hashed: what a source states cannot be made to hash alike.
CREATE TABLE hash_key (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    bytes BLOB NOT NULL
);
INSERT INTO hash_key VALUES (1, randomblob(16));
