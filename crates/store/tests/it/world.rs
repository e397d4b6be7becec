//! Small records to state in tests.

use model::kinds;
use model::{
    Authority, Batch, Coverage, Credential, Gap, GapReason, Identity, Place, Scope, ScopeId,
    SourceId, Time,
};
use store::{NewSource, Store, SyncSummary};

pub(crate) fn at(seconds: i64) -> Time {
    Time::from_seconds(seconds)
}

pub(crate) fn source(store: &Store, name: &str) -> SourceId {
    let new = NewSource {
        connector: "host".into(),
        name: name.into(),
        settings: "{}".into(),
        every_s: None,
    };
    store.add_source(&new, at(0)).unwrap().id
}

pub(crate) fn scope(name: &str) -> Scope {
    Scope::new("linux", "machine", "accounts", name)
}

pub(crate) fn identity(name: &str, scope: ScopeId) -> Identity {
    let mut identity = Identity::new(kinds::SERVICE_ACCOUNT, "linux", "machine", name, scope);
    identity.loci = vec![format!("/etc/{name}")];
    identity
}

pub(crate) fn mention(name: &str, scope: ScopeId) -> Identity {
    Identity { authority: Authority::Mentioned, ..identity(name, scope) }
}

pub(crate) fn place(path: &str, scope: ScopeId) -> Place {
    let mut place = Place::new(kinds::PLACE_FILE, "file", "machine", path, scope);
    place.loci = vec![path.into()];
    place
}

pub(crate) fn credential(name: &str, places: &[&str], scope: ScopeId) -> Credential {
    let mut credential = Credential::new(kinds::X509, "x509", "", name, scope);
    for path in places {
        credential.places.push(place(path, scope).stored_at(None, None));
        credential.loci.push((*path).into());
    }
    credential
}

pub(crate) fn complete(scope: &Scope) -> Coverage {
    Coverage::new(scope.clone())
}

pub(crate) fn with_gap(scope: &Scope, locus: &str) -> Coverage {
    let mut coverage = Coverage::new(scope.clone());
    coverage.miss(Gap::new(locus, GapReason::Denied));
    coverage
}

pub(crate) fn sync(store: &Store, source: SourceId, mut batch: Batch, now: Time) -> SyncSummary {
    batch.settle();
    let mut writer = store.begin_sync(source, now).unwrap();
    writer.put(&batch).unwrap();
    writer.publish(now).unwrap()
}

/// The names that the list of identities shows.
pub(crate) fn names(store: &Store, as_of: Option<Time>) -> Vec<String> {
    let query = store::ListQuery { as_of, limit: 1000, ..Default::default() };
    let rows = store.list_identities(&query).unwrap().rows;
    let mut names: Vec<String> = rows.into_iter().map(|row| row.record.name).collect();
    names.sort();
    names
}
