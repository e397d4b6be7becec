//! Candidates for ownership as rows.

use model::{Evidence, Fact, IdentityId, OwnerLink, OwnerLinkId, Party, ScopeId};

use super::{Head, Kept, record};
use crate::engine::Value;

record! {
    OwnerLink as Owner in OWNER_LINK, list owners;
    body {
        identity: IdentityId, owner: Party, confidence: f64;
        active: Fact<bool>,
        also_in: Vec<ScopeId>,
        loci: Vec<String>,
        evidence: Vec<Evidence>
    }
    restore(head) {
        id: OwnerLinkId::from_bytes(head.id),
        method: head.kind.into(),
        scope: head.scope
    }

    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.method,
            system: "",
            instance: "",
            native_id: &self.owner.key,
            name: &self.owner.name,
        }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.identity.as_bytes().into());
        values.push(Value::Text(match self.owner.kind {
            model::PartyKind::Person => "person",
            model::PartyKind::Team => "team",
            model::PartyKind::Vendor => "vendor",
        }));
        values.push(Value::Real(self.confidence));
    }
}
