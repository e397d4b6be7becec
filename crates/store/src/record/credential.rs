//! Credentials as rows.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Authority, Credential, CredentialId, Evidence, Fact, Facts, Fingerprint, IdentityId, PlaceId,
    ScopeId, StoredAt, Time,
};

use super::{Head, Hidden, Kept, keep_loci, record, time, truth};
use crate::engine::Value;

record! {
    Credential as Credential in CREDENTIAL, list credentials;
    body {
        ;
        also_in: Vec<ScopeId>,
        loci: Vec<String>,
        identity: Option<IdentityId>,
        places: Vec<StoredAt>,
        fingerprint: Option<Fingerprint>,
        enabled: Fact<bool>,
        created_at: Fact<Time>,
        expires_at: Fact<Time>,
        rotated_at: Fact<Time>,
        last_used_at: Fact<Time>,
        changed_at: Option<Time>,
        facts: Facts,
        tags: BTreeMap<String, String>,
        evidence: Vec<Evidence>
    }
    restore(head) {
        id: CredentialId::from_bytes(head.id),
        kind: head.kind.into(),
        system: head.system.into(),
        instance: head.instance,
        native_id: head.native_id,
        name: head.name,
        scope: head.scope,
        authority: head.authority
    }

    fn authority(&self) -> Authority {
        self.authority
    }

    fn changed_at(&self) -> Option<Time> {
        self.changed_at
    }

    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.kind,
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: &self.name,
        }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        truth(&self.enabled, values);
        time(&self.created_at, values);
        time(&self.expires_at, values);
        time(&self.rotated_at, values);
        time(&self.last_used_at, values);
        values.push(self.identity.as_ref().map(IdentityId::as_bytes).into());
        values.push(self.fingerprint.as_ref().map(Fingerprint::as_bytes).into());
        values.push(Value::Int(i64::try_from(self.places.len()).unwrap_or(i64::MAX)));
    }

    fn places(&self) -> &[StoredAt] {
        &self.places
    }

    fn keep_hidden(&mut self, old: &Self, hidden: &Hidden<'_>) {
        keep_loci(&mut self.loci, &old.loci, hidden);
        // Of a place that was read again, the new lines count; of one that was not, all old ones.
        let read: BTreeSet<PlaceId> = self.places.iter().map(|stored| stored.place).collect();
        let unread = old.places.iter().filter(|stored| !read.contains(&stored.place));
        let before = self.places.len();
        self.places.extend(unread.filter(|stored| (hidden.place)(stored)).cloned());
        if self.places.len() > before {
            self.places.sort();
        }
    }
}
