//! Identities as rows.

use std::collections::BTreeMap;

use model::{Authority, Evidence, Fact, Facts, Identity, IdentityId, ScopeId, Time};

use super::{Head, Kept, record, state, time, truth};
use crate::engine::Value;

record! {
    Identity as Identity in IDENTITY, list identities;
    body {
        ;
        also_in: Vec<ScopeId>,
        loci: Vec<String>,
        parent: Option<IdentityId>,
        environment: Fact<String>,
        enabled: Fact<bool>,
        created_at: Fact<Time>,
        last_used_at: Fact<Time>,
        changed_at: Option<Time>,
        facts: Facts,
        tags: BTreeMap<String, String>,
        evidence: Vec<Evidence>
    }
    restore(head) {
        id: IdentityId::from_bytes(head.id),
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
        values.push(self.environment.value().map(String::as_str).into());
        values.push(state(&self.environment));
        truth(&self.enabled, values);
        time(&self.created_at, values);
        time(&self.last_used_at, values);
        values.push(self.parent.as_ref().map(IdentityId::as_bytes).into());
    }
}
