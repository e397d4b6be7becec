//! Policy documents as rows.

use model::{
    Authority, Evidence, Facts, IdentityId, PolicyDocument, PolicyId, PolicyKind, ScopeId, Time,
};

use super::{Head, Kept, record};
use crate::engine::Value;

record! {
    PolicyDocument as Policy in POLICY, list policies;
    body {
        document: String;
        also_in: Vec<ScopeId>,
        loci: Vec<String>,
        holder: Option<IdentityId>,
        resource: Option<String>,
        version: Option<String>,
        targets: Vec<String>,
        changed_at: Option<Time>,
        facts: Facts,
        evidence: Vec<Evidence>
    }
    restore(head) {
        id: PolicyId::from_bytes(head.id),
        kind: PolicyKind::of_name(&head.kind).ok_or_else(|| unknown(&head.kind))?,
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
            kind: self.kind.name(),
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: &self.name,
        }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.holder.as_ref().map(IdentityId::as_bytes).into());
        values.push(self.resource.as_deref().into());
        values.push(self.version.as_deref().into());
    }
}

fn unknown(kind: &str) -> serde_json::Error {
    serde::de::Error::custom(format_args!("`{kind}` is no kind of policy document"))
}
