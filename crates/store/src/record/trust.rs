//! Trusts as rows.

use model::{Authority, Condition, Evidence, Facts, IdentityId, ScopeId, Subject, Trust, TrustId};

use super::{Head, Kept, record};
use crate::engine::Value;

record! {
    Trust as Trust in TRUST, list trusts;
    body {
        from: Subject, to: IdentityId;
        also_in: Vec<ScopeId>,
        loci: Vec<String>,
        conditions: Vec<Condition>,
        facts: Facts,
        evidence: Vec<Evidence>
    }
    restore(head) {
        id: TrustId::from_bytes(head.id),
        mechanism: head.kind.into(),
        system: head.system.into(),
        instance: head.instance,
        native_id: head.native_id,
        scope: head.scope,
        authority: head.authority
    }

    fn authority(&self) -> Authority {
        self.authority
    }

    /// The name is who may become the identity; [`Trust::kept`] has its text.
    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.mechanism,
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: "",
        }
    }

    fn kept(&self) -> Kept {
        Kept { name: self.from.to_string(), ..Kept::default() }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.to.as_bytes().into());
        let from = match &self.from {
            Subject::Identity { identity } => Some(identity.as_bytes()),
            _ => None,
        };
        values.push(from.into());
    }
}
