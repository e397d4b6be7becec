//! Places as rows.

use model::{Authority, Fact, Facts, Place, PlaceId, ScopeId};

use super::{Head, Kept, record};
use crate::engine::Value;

record! {
    Place as Place in PLACE, list places;
    body {
        ;
        also_in: Vec<ScopeId>,
        loci: Vec<String>,
        container: Option<PlaceId>,
        facts: Facts
    }
    restore(head) {
        id: PlaceId::from_bytes(head.id),
        kind: head.kind.into(),
        system: head.system.into(),
        instance: head.instance,
        native_id: head.native_id,
        path: head.name,
        scope: head.scope,
        authority: head.authority
    }

    fn authority(&self) -> Authority {
        self.authority
    }

    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.kind,
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: &self.path,
        }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.container.as_ref().map(PlaceId::as_bytes).into());
        let exposure = match self.facts.get("exposure").and_then(Fact::value) {
            Some(model::Value::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        values.push(exposure.into());
    }
}
