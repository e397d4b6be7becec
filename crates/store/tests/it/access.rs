//! People, sessions, tokens, links; owners; findings; settings.

use model::finding::FindingSubject;
use model::{Batch, Finding, FindingState, Party, PartyKind, Severity};
use store::access::MAX_SESSIONS;
use store::{
    Error, ListQuery, NewApiToken, OwnerColumn, PersonChange, Role, Session, SourceChange,
};

use crate::engines::on_each;
use crate::world::{at, complete, identity, scope, source, sync};

#[test]
fn people_sign_in_until_they_may_not() {
    on_each(|store| {
        let ada = store.add_person("Ada", "Ada L.", Role::Administrator, None, at(0)).unwrap();
        assert!(matches!(
            store.add_person("ada ", "Other", Role::Viewer, None, at(0)),
            Err(Error::Exists { .. })
        ));
        let bob = store.add_person("bob", "Bob", Role::Viewer, Some("hash"), at(0)).unwrap();
        let session = Session {
            hash: [1; 32],
            person: bob.id,
            created_at: at(1),
            expires_at: at(10),
            last_used_at: at(1),
            agent: "browser".into(),
        };
        assert!(!store.add_session(&session, Some("old")).unwrap(), "another password");
        assert!(store.add_session(&session, Some("hash")).unwrap());
        let token = NewApiToken {
            person: bob.id,
            name: "ci".into(),
            prefix: "tut_abcd".into(),
            hash: [2; 32],
            role: Role::Viewer,
            expires_at: at(10),
        };
        let token = store.add_token(&token, at(1)).unwrap();
        let signed_in = |now| {
            (
                store.session(&[1; 32], at(now)).unwrap().is_some(),
                store.token(&[2; 32], at(now)).unwrap().is_some(),
            )
        };
        assert_eq!(signed_in(9), (true, true));
        assert_eq!(signed_in(10), (false, false), "expired");
        store.add_sign_in_link(&[3; 32], Some(bob.id), at(5), at(1)).unwrap();
        assert_eq!(store.use_sign_in_link(&[3; 32], at(5)).unwrap(), None, "expired");
        let used = store.use_sign_in_link(&[3; 32], at(4)).unwrap().unwrap();
        assert_eq!(used.person, Some(bob.id));
        assert_eq!(store.use_sign_in_link(&[3; 32], at(4)).unwrap(), None, "used");
        let disable = PersonChange { disabled: Some(true), ..PersonChange::default() };
        store.change_person(bob.id, &disable, at(6)).unwrap();
        assert!(!store.add_session(&session, None).unwrap(), "disabled");
        assert_eq!(signed_in(7), (false, false));
        assert_eq!(store.tokens(None).unwrap()[0].revoked_at, Some(at(6)));
        assert_eq!(store.tokens(None).unwrap()[0].id, token.id);
        let demote = PersonChange { role: Some(Role::Viewer), ..PersonChange::default() };
        for change in [&demote, &disable] {
            let refused = store.change_person(ada.id, change, at(7));
            assert!(matches!(refused, Err(Error::LastAdministrator)), "{refused:?}");
        }
        assert_eq!(store.person_by_login("ADA").unwrap().unwrap().role, Role::Administrator);
    });
}

#[test]
fn a_change_touches_only_what_it_names() {
    on_each(|store| {
        store.add_person("ada", "Ada", Role::Administrator, None, at(0)).unwrap();
        let bob = store.add_person("bob", "Bob", Role::Approver, None, at(0)).unwrap().id;
        let change = |change: PersonChange, now| {
            store.change_person(bob, &change, at(now)).unwrap();
        };
        change(PersonChange { role: Some(Role::Viewer), ..PersonChange::default() }, 1);
        change(PersonChange { disabled: Some(true), ..PersonChange::default() }, 2);
        change(PersonChange { name: Some("Robert".into()), ..PersonChange::default() }, 3);
        change(PersonChange { disabled: Some(true), ..PersonChange::default() }, 4);
        store.set_password_hash(bob, None, "first").unwrap();
        let late = store.set_password_hash(bob, None, "second");
        assert!(matches!(late, Err(Error::Changed { .. })), "{late:?}");
        store.set_password_hash(bob, Some("first"), "third").unwrap();
        let person = store.person(bob).unwrap().unwrap();
        assert_eq!(person.name, "Robert");
        assert_eq!(person.role, Role::Viewer);
        assert_eq!(person.disabled_at, Some(at(2)), "disabled once");
        assert_eq!(person.password_hash.as_deref(), Some("third"));
        change(PersonChange { disabled: Some(false), ..PersonChange::default() }, 5);
        assert_eq!(store.person(bob).unwrap().unwrap().disabled_at, None);
        let second = store.add_first_administrator("eve", "Eve", "hash", at(6)).unwrap();
        assert_eq!(second, None, "ada is the first");
    });
}

#[test]
fn the_oldest_of_too_many_sessions_ends() {
    on_each(|store| {
        let ada = store.add_person("ada", "Ada", Role::Viewer, None, at(0)).unwrap().id;
        for n in 0..=u8::try_from(MAX_SESSIONS).unwrap() {
            let session = Session {
                hash: [n; 32],
                person: ada,
                created_at: at(i64::from(n)),
                expires_at: at(1000),
                last_used_at: at(0),
                agent: String::new(),
            };
            assert!(store.add_session(&session, None).unwrap());
        }
        assert_eq!(store.sessions(ada, at(100)).unwrap().len(), 50);
        assert_eq!(store.session(&[0; 32], at(100)).unwrap(), None);
    });
}

#[test]
fn a_change_of_a_source_touches_only_what_it_names() {
    on_each(|store| {
        let id = source(store, "here");
        let change = |change: SourceChange| store.change_source(id, &change).unwrap();
        change(SourceChange { settings: Some("{\"a\":[]}".into()), ..SourceChange::default() });
        change(SourceChange { every_s: Some(60), ..SourceChange::default() });
        change(SourceChange { enabled: Some(false), ..SourceChange::default() });
        change(SourceChange { name: Some("there".into()), ..SourceChange::default() });
        let found = store.source(id).unwrap().unwrap();
        assert_eq!(found.settings, "{\"a\":[]}");
        assert_eq!((found.name.as_str(), found.every_s, found.enabled), ("there", Some(60), false));
        change(SourceChange { every_s: Some(0), ..SourceChange::default() });
        assert_eq!(store.source(id).unwrap().unwrap().every_s, None);
    });
}

#[test]
fn a_claim_of_a_person_wins_and_outlives_syncs() {
    on_each(|store| {
        let (here, etc) = (source(store, "here"), scope("/etc"));
        let record = identity("a", etc.id);
        let batch = Batch {
            identities: vec![record.clone()],
            coverage: vec![complete(&etc)],
            ..Batch::default()
        };
        sync(store, here, batch.clone(), at(1));
        let team = Party::new(PartyKind::Team, "@org/team", "Team");
        let ada = Party::new(PartyKind::Person, "ada@example.org", "Ada");
        let inferred = OwnerColumn { party: team, method: "codeowners".into(), confidence: 0.75 };
        let owner = || {
            let row = store.list_identities(&ListQuery::default()).unwrap().rows.remove(0);
            row.owner.map(|owner| (owner.party.name, owner.confidence))
        };
        store.set_owners(&[(record.id, Some(inferred.clone()))]).unwrap();
        assert_eq!(owner(), Some(("Team".into(), 0.75)));
        store.claim_owner(record.id, &ada, "ada", "I run it", at(2)).unwrap();
        store.set_owners(&[(record.id, Some(inferred.clone()))]).unwrap();
        let mut changed = batch;
        changed.identities[0].name = "renamed".into();
        sync(store, here, changed, at(3));
        assert_eq!(owner(), Some(("Ada".into(), 1.0)));
        let detail = store.identity(record.id, None).unwrap().unwrap();
        assert_eq!(detail.owner_claim.unwrap().reason, "I run it");
        store.withdraw_owner_claim(record.id).unwrap().unwrap();
        assert_eq!(owner(), None);
        store.set_owners(&[(record.id, Some(inferred))]).unwrap();
        assert_eq!(owner(), Some(("Team".into(), 0.75)));
        let nobody = identity("nobody", etc.id).id;
        let refused = store.claim_owner(nobody, &ada, "ada", "", at(4));
        assert!(matches!(refused, Err(Error::NotFound { .. })));
    });
}

#[test]
fn findings_open_stay_resolve_and_reopen() {
    on_each(|store| {
        let subject = FindingSubject::Identity(identity("a", scope("/etc").id).id);
        let finding = |rule: &'static str, title: &str| Finding {
            id: Finding::id_of(rule, subject),
            rule: rule.into(),
            severity: Severity::High,
            subject,
            identity: None,
            title: title.into(),
            places: Vec::new(),
            evidence: Vec::new(),
            fix: "rotate it".into(),
        };
        let (orphan, key) = (finding("orphaned", "a"), finding("long-lived-secret", "b"));
        let both = [orphan.clone(), key.clone()];
        let reconcile = |findings: &[Finding], now| {
            let stale = store.stale("1", None, at(now)).unwrap();
            let mut evaluation = store.begin_evaluation(None, at(now)).unwrap();
            store.put_findings(&mut evaluation, findings).unwrap();
            let summary = store.finish_evaluation(evaluation, Some(&stale.mark)).unwrap();
            [summary.opened, summary.kept, summary.resolved, summary.reopened]
        };
        let state = |finding: &Finding| store.finding(finding.id).unwrap().unwrap().state;
        assert_eq!(reconcile(&both, 1), [2, 0, 0, 0]);
        let snoozed = FindingState::Snoozed { by: "ada".into(), until: at(5) };
        store.set_finding_state(orphan.id, &snoozed).unwrap();
        assert_eq!(reconcile(&both, 2), [0, 2, 0, 0]);
        assert_eq!(state(&orphan), snoozed);
        assert_eq!(reconcile(&both, 5), [0, 2, 0, 0]);
        assert_eq!(state(&orphan), FindingState::Open);
        assert_eq!(reconcile(std::slice::from_ref(&orphan), 6), [0, 1, 1, 0]);
        assert_eq!(state(&key), FindingState::Resolved { at: at(6) });
        let last_seen = |finding: &Finding| store.finding(finding.id).unwrap().unwrap().last_seen;
        assert_eq!((last_seen(&orphan), last_seen(&key)), (at(6), at(5)));
        assert_eq!(reconcile(&[orphan, finding("long-lived-secret", "c")], 7), [0, 1, 0, 1]);
        let row = store.finding(key.id).unwrap().unwrap();
        assert_eq!((row.n_reopened, row.first_seen, row.opened_at), (1, at(1), at(7)));
        assert_eq!(row.finding.title, "c");
        assert_eq!(store.list_findings(&ListQuery::default()).unwrap().rows.len(), 2);
    });
}

#[test]
fn settings_are_set_read_and_removed() {
    on_each(|store| {
        store.set_setting("theme", "\"dark\"").unwrap();
        store.set_setting("theme", "\"light\"").unwrap();
        assert_eq!(store.setting("theme").unwrap().as_deref(), Some("\"light\""));
        store.remove_setting("theme").unwrap();
        assert_eq!(store.setting("theme").unwrap(), None);
    });
}
