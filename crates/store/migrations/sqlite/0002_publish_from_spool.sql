-- What a running sync states lies in a spool beside the database until it is published, so rows of
-- running syncs are no longer here.
DROP TABLE pending;
DROP TABLE dropped_index;
ALTER TABLE sync DROP COLUMN first_keys;

-- A sync begins with the claims its source has.
CREATE INDEX identity_source ON identity (source_key);
CREATE INDEX credential_source ON credential (source_key);
CREATE INDEX place_source ON place (source_key);
CREATE INDEX grants_source ON grants (source_key);
CREATE INDEX trust_source ON trust (source_key);
CREATE INDEX owner_link_source ON owner_link (source_key);

DELETE FROM identity WHERE sync_key IN (SELECT key FROM sync WHERE state = 0);
DELETE FROM credential WHERE sync_key IN (SELECT key FROM sync WHERE state = 0);
DELETE FROM place WHERE sync_key IN (SELECT key FROM sync WHERE state = 0);
DELETE FROM grants WHERE sync_key IN (SELECT key FROM sync WHERE state = 0);
DELETE FROM trust WHERE sync_key IN (SELECT key FROM sync WHERE state = 0);
DELETE FROM owner_link WHERE sync_key IN (SELECT key FROM sync WHERE state = 0);
