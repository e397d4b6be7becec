//! The firing, silent and unknown examples of every rule, run.
//!
//! An example is a compact record: `places`, `identity` and `owners` beside the record's own
//! fields; a time is a date or `"never"`; a fact is its value, or `{ state = "absent" }`; what is
//! left out was not collected. `expect` and `expect_title` say the severity and title of the finding.

use std::fmt::Write;

use model::fact::State;
use model::kinds::{CREDENTIAL_KINDS, PLACE_KINDS, credential_kind, identity_kind, place_kind};
use model::record::PartyKind;
use model::{
    Batch, Condition, Credential, Effect, Fact, Grant, Identity, OwnerLink, Party, Place, Scope,
    Subject, Time, Trust, kinds,
};
use toml::{Table, Value};

use crate::{Rule, SubjectKind, evaluate, rules};

const NOW: &str = "2026-06-01T00:00:00Z";

fn now() -> Time {
    NOW.parse().unwrap()
}

/// Takes keys out of an example; what is left over is a mistake in it.
struct Example {
    table: Table,
    scope: model::ScopeId,
}

impl Example {
    fn of(table: &Table) -> Self {
        Self { table: table.clone(), scope: Scope::new("example", "", "folder", "/").id }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.table.remove(key).map(|value| value.as_str().expect(key).to_owned())
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let value = self.table.remove(key).unwrap_or(Value::Array(Vec::new()));
        value.as_array().expect(key).iter().map(|text| text.as_str().unwrap().into()).collect()
    }

    fn tables(&mut self, key: &str) -> Vec<Self> {
        let value = self.table.remove(key).unwrap_or(Value::Array(Vec::new()));
        value.as_array().expect(key).iter().map(|one| Self::of(one.as_table().unwrap())).collect()
    }

    fn time(&mut self, key: &str) -> Fact<Time> {
        match self.text(key).as_deref() {
            None => Fact::default(),
            Some("never") => Fact::absent(),
            Some(time) => Fact::known(time.parse::<Time>().expect(key)),
        }
    }

    fn truth(&mut self, key: &str) -> Fact<bool> {
        self.table
            .remove(key)
            .map_or_else(Fact::default, |value| Fact::known(value.as_bool().expect(key)))
    }

    fn facts(&mut self) -> model::Facts {
        let table = self.table.remove("facts").unwrap_or(Value::Table(Table::new()));
        let fact = |value: &Value| match value {
            Value::Boolean(truth) => Fact::known(*truth),
            Value::Integer(number) => Fact::known(*number),
            Value::String(text) => Fact::known(text.as_str()),
            Value::Array(list) => Fact::known(
                list.iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            ),
            Value::Table(state) if state["state"].as_str() == Some("absent") => {
                State::KnownAbsent.into()
            }
            Value::Table(state) if state["state"].as_str() == Some("denied") => {
                Fact::denied("in this example")
            }
            other => panic!("{other:?} is not a fact"),
        };
        let table = table.as_table().unwrap();
        table.iter().map(|(name, value)| (name.clone().into(), fact(value))).collect()
    }

    fn tags(&mut self) -> std::collections::BTreeMap<String, String> {
        let table = self.table.remove("tags").unwrap_or(Value::Table(Table::new()));
        let table = table.as_table().unwrap();
        table.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().into())).collect()
    }

    fn conditions(&mut self) -> Vec<Condition> {
        let table = self.table.remove("conditions").unwrap_or(Value::Table(Table::new()));
        let texts = |list: &Value| {
            list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().into()).collect()
        };
        let table = table.as_table().unwrap();
        table
            .iter()
            .map(|(key, list)| Condition {
                key: key.clone(),
                operator: "StringLike".into(),
                values: texts(list),
            })
            .collect()
    }

    fn identity(mut self, batch: &mut Batch) -> Identity {
        let kind = self.text("kind").unwrap_or_else(|| "service-account".into());
        let kind = identity_kind(&kind).unwrap_or_else(|| panic!("{kind}"));
        let system = self.text("system").unwrap_or_else(|| "linux".into());
        let instance = self.text("instance").unwrap_or_default();
        let native_id = self.text("native_id").unwrap_or_else(|| "backup".into());
        let mut identity = Identity::new(kind, system, instance, native_id, self.scope);
        if let Some(name) = self.text("name") {
            identity.name = name;
        }
        if let Some(authority) = self.text("authority") {
            identity.authority = serde_json::from_value(authority.into()).unwrap();
        }
        identity.environment = Fact::stated(self.text("environment"));
        identity.enabled = self.truth("enabled");
        identity.created_at = self.time("created_at");
        identity.last_used_at = self.time("last_used_at");
        identity.facts = self.facts();
        identity.tags = self.tags();
        for mut owner in self.tables("owners") {
            let name = owner.text("name").unwrap();
            let party = Party::new(PartyKind::Team, &name, name.clone());
            let confidence = owner.table.remove("confidence").unwrap().as_float().unwrap();
            batch.owners.push(OwnerLink::new(identity.id, party, "tag", confidence, self.scope));
            owner.done();
        }
        self.done();
        identity
    }

    fn place(mut self) -> (Place, Option<u32>) {
        let kind = self.text("kind").unwrap_or_else(|| "file".into());
        let kind = place_kind(&kind).unwrap_or_else(|| panic!("{kind} of {PLACE_KINDS:?}"));
        let path = self.text("path").unwrap();
        let mut place = Place::new(kind, "file", "machine", path, self.scope);
        place.facts = self.facts();
        let container = self
            .text("container")
            .map(|folder| Place::id_of(kinds::PLACE_REPOSITORY, "git", "", &folder));
        place.container = container;
        let line = self.table.remove("line").map(|line| line.try_into().unwrap());
        self.done();
        (place, line)
    }

    fn into_batch(mut self, subject: SubjectKind) -> Batch {
        let mut batch = Batch::default();
        self.table.remove("story").expect("an example tells its story");
        if subject == SubjectKind::Identity {
            let identity = self.identity(&mut batch);
            batch.identities.push(identity);
            return batch;
        }
        let identity = self.table.remove("identity").map(|table| {
            let identity = Self::of(table.as_table().unwrap()).identity(&mut batch);
            batch.identities.push(identity.clone());
            identity.id
        });
        let someone = Identity::id_of(kinds::SERVICE_ACCOUNT, "linux", "", "someone");
        let kind = self.text("kind").unwrap_or_default();
        let system = self.text("system").unwrap_or_else(|| "linux".into());
        let instance = self.text("instance").unwrap_or_default();
        let native_id = self.text("native_id").unwrap_or_else(|| "example".into());
        let scope = self.scope;
        match subject {
            SubjectKind::Identity => {}
            SubjectKind::Credential => {
                let kind = credential_kind(&kind)
                    .unwrap_or_else(|| panic!("{kind} of {CREDENTIAL_KINDS:?}"));
                let mut credential = Credential::new(kind, system, instance, native_id, scope);
                if let Some(name) = self.text("name") {
                    credential.name = name;
                }
                credential.identity = identity;
                credential.enabled = self.truth("enabled");
                credential.created_at = self.time("created_at");
                credential.expires_at = self.time("expires_at");
                credential.rotated_at = self.time("rotated_at");
                credential.last_used_at = self.time("last_used_at");
                credential.facts = self.facts();
                credential.tags = self.tags();
                for place in self.tables("places") {
                    let (place, line) = place.place();
                    credential.places.push(place.stored_at(line, None));
                    batch.places.push(place);
                }
                batch.credentials.push(credential);
            }
            SubjectKind::Grant => {
                let identity = identity.unwrap_or(someone);
                let kind: &'static str = kind.leak();
                let mut grant = Grant::new(kind, system, instance, native_id, scope, identity);
                grant.actions = self.texts("actions");
                grant.resources = self.texts("resources");
                grant.via = self.text("via");
                grant.evidence.extend(self.text("evidence").map(model::Evidence::at));
                if self.text("effect").as_deref() == Some("deny") {
                    grant.effect = Effect::Deny;
                }
                grant.conditions = self.conditions();
                grant.facts = self.facts();
                batch.grants.push(grant);
            }
            SubjectKind::Trust => {
                let from = if let Some(issuer) = self.text("issuer") {
                    Subject::Federated {
                        issuer,
                        subject: self.text("subject").unwrap(),
                        audience: self.text("audience"),
                    }
                } else {
                    Subject::Principal { principal: self.text("principal").unwrap() }
                };
                let mechanism: &'static str = self.text("mechanism").unwrap().leak();
                let to = identity.unwrap_or(someone);
                let mut trust = Trust::new(mechanism, system, instance, native_id, scope, from, to);
                trust.conditions = self.conditions();
                trust.facts = self.facts();
                batch.trusts.push(trust);
            }
        }
        self.done();
        batch
    }

    fn done(self) {
        assert!(self.table.is_empty(), "an example has keys it may not have: {}", self.table);
    }
}

fn run(rule: &Rule, table: &Table) -> (crate::Report, crate::Count) {
    let mut table = table.clone();
    table.remove("expect");
    let report = evaluate(&Example::of(&table).into_batch(rule.subject), now());
    let count = report.tally.counts().find(|(one, _)| one.id == rule.id).unwrap().1;
    (report, count)
}

#[test]
fn every_example_does_what_it_says() {
    for rule in rules() {
        // An example always has its owners, so that one need is always met here.
        for table in &rule.written.firing {
            let (report, count) = run(rule, table);
            assert_eq!(count.n_fired, 1, "{} should fire on {table}", rule.id);
            let finding = report.findings.iter().find(|finding| finding.rule == rule.id).unwrap();
            if let Some(expected) = table.get("expect") {
                assert_eq!(Some(finding.severity.name()), expected.as_str(), "{} {table}", rule.id);
            }
            assert!(!finding.fix.is_empty(), "{} has no fix for {table}", rule.id);
        }
        for table in &rule.written.silent {
            let (_, count) = run(rule, table);
            assert_eq!(count.n_silent, 1, "{} should be silent on {table}: {count:?}", rule.id);
        }
        assert!(
            rule.needs.iter().all(|name| name == "orphaned") || !rule.written.unknown.is_empty(),
            "{} needs {:?} and should have an example where it cannot say",
            rule.id,
            rule.needs
        );
        for table in &rule.written.unknown {
            let (_, count) = run(rule, table);
            assert_eq!(count.n_unknown, 1, "{} cannot say on {table}: {count:?}", rule.id);
        }
    }
}

/// What people read: every firing example's finding, as text.
#[test]
fn findings_read_well() {
    let mut text = String::new();
    for rule in rules() {
        for table in &rule.written.firing {
            let (report, _) = run(rule, table);
            let finding = report.findings.iter().find(|finding| finding.rule == rule.id).unwrap();
            let story = table["story"].as_str().unwrap();
            writeln!(
                text,
                "## {} ({}): {story}\n{}\n{}\n",
                rule.id,
                finding.severity.name(),
                finding.title,
                finding.fix
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn rules_are_sorted_and_named_once() {
    let ids: Vec<&str> = rules().iter().map(|rule| rule.id.as_str()).collect();
    assert!(ids.is_sorted_by(|one, other| one < other), "{ids:?}");
    let on_disk = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/rules")).unwrap();
    assert_eq!(on_disk.count(), ids.len(), "every file of rules/ is listed in lib.rs");
}

#[test]
fn the_reference_is_complete() {
    insta::assert_snapshot!(crate::reference());
}
