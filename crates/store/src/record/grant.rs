//! Grants as rows.

use model::{Authority, Condition, Effect, Evidence, Facts, Grant, GrantId, IdentityId, ScopeId};

use super::{Head, Kept, record};
use crate::engine::Value;

record! {
    Grant as Grant in GRANT, list grants;
    body {
        identity: IdentityId, actions: Vec<String>, resources: Vec<String>, effect: Effect;
        also_in: Vec<ScopeId>,
        loci: Vec<String>,
        conditions: Vec<Condition>,
        via: Option<String>,
        facts: Facts,
        evidence: Vec<Evidence>
    }
    restore(head) {
        id: GrantId::from_bytes(head.id),
        kind: head.kind.into(),
        system: head.system.into(),
        instance: head.instance,
        native_id: head.native_id,
        scope: head.scope,
        authority: head.authority
    }

    fn authority(&self) -> Authority {
        self.authority
    }

    /// The name is what it goes through, or what it allows.
    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.kind,
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: self.via.as_deref().unwrap_or(&self.native_id),
        }
    }

    fn kept(&self) -> Kept {
        Kept {
            actions: self.actions.join(" "),
            resources: self.resources.join(" "),
            ..Kept::default()
        }
    }

    fn extra<'a>(&'a self, kept: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.identity.as_bytes().into());
        values.push(Value::Text(match self.effect {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }));
        values.push(self.via.as_deref().into());
        values.push(Value::Text(&kept.actions));
        values.push(Value::Text(&kept.resources));
    }
}
