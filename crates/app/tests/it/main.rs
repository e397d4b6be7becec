//! What people do, from end to end through `app` on a real store.

#![expect(clippy::unwrap_used, reason = "what cannot go on in a test ends it")]

mod evaluation;

use std::path::Path;
use std::time::Duration;

use app::access::{Act, Actor, Role, Via};
use app::findings::Decision;
use app::inventory::People;
use app::owners::NewClaim;
use app::people::FirstAdministrator;
use app::sources::{SourceChange, SourceRequest};
use app::{App, Kind};
use connectors::Settings;
use model::{FindingState, PartyKind, Secret, SourceId, Time};
use store::query::{Filter, Op};
use store::{List, ListQuery};

struct World {
    folder: tempfile::TempDir,
    app: App,
}

const NOW: Time = Time::from_seconds(1_800_000_000);

fn later(seconds: u64) -> Time {
    NOW.plus(Duration::from_secs(seconds))
}

fn local() -> Actor {
    Actor::local(1000, "tester")
}

fn actor(role: Role) -> Actor {
    Actor { name: role.name().into(), role, via: Via::Session { person: 77 } }
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

impl World {
    /// A repository with a pipeline, an owner and a token that somebody left in it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repository");
        write(&repository, ".github/CODEOWNERS", "* @meridian/payments\n");
        write(
            &repository,
            ".github/workflows/test.yml",
            "on: [push]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n",
        );
        let token = ["glpat-", "xK3vQ9mZ2pL7wR4tY8nB"].concat();
        write(&repository, "prod.env", &format!("GITLAB_TOKEN={token}\n"));
        let app = App::open(folder.path().join("data"), "a test", NOW).unwrap();
        Self { folder, app }
    }

    fn source(&self) -> SourceId {
        let path = self.folder.path().join("repository").to_str().unwrap().to_owned();
        let request = SourceRequest {
            connector: "repository".into(),
            name: None,
            settings: Settings::default().with("paths", [path]),
            every_s: Some(3600),
        };
        app::sources::add(&self.app, &local(), &request, NOW).unwrap().source.id
    }

    fn sync(&self, source: SourceId, now: Time) {
        app::sync::run(&self.app, &local(), source, &move || now).unwrap();
    }
}

#[test]
fn a_sync_makes_findings_owners_and_counts() {
    let world = World::new();
    let source = world.source();
    assert_eq!(app::sync::due(&world.app, NOW).unwrap(), [source], "never read: due at once");
    world.sync(source, NOW);
    assert_eq!(app::sync::due(&world.app, later(60)).unwrap(), []);
    assert_eq!(app::sync::due(&world.app, later(3600)).unwrap(), [source]);
    let end = |reason| world.app.store.begin_sync(source, later(9)).unwrap().fail(reason, later(9));
    end("the disk is full").unwrap();
    assert_eq!(app::sync::due(&world.app, later(60)).unwrap(), [], "no better a moment later");
    end(store::CUT_OFF).unwrap();
    assert_eq!(app::sync::due(&world.app, later(60)).unwrap(), [source], "cut off: due at once");
    end(store::CUT_OFF).unwrap();
    let held = |now| app::today::today(&world.app, &actor(Role::Viewer), now).unwrap().held;
    assert_eq!(app::sync::due(&world.app, later(60)).unwrap(), [], "again: it may be what ends us");
    assert_eq!(held(later(60)).len(), 1);
    assert_eq!(held(later(60))[0].until, later(3609));
    assert_eq!(app::sync::due(&world.app, later(3609)).unwrap(), [source], "tried after a while");
    let view = app::sources::get(&world.app, &actor(Role::Viewer), source).unwrap();
    assert_eq!(view.held_until, Some(later(3609)));
    end("the disk is full").unwrap();
    assert!(held(later(60)).is_empty());
    end(store::CUT_OFF).unwrap();
    assert_eq!(app::sync::due(&world.app, later(60)).unwrap(), [source], "not twice in a row");

    let viewer = actor(Role::Viewer);
    let query = ListQuery {
        filters: vec![Filter::new("kind", Op::Is, &["ci-pipeline"])],
        ..ListQuery::default()
    };
    let pipelines = app::inventory::identities(&world.app, &viewer, &query, &["kind"]).unwrap();
    assert_eq!(pipelines.total, Some(1));
    let owner = pipelines.items[0].owner.as_ref().expect("CODEOWNERS names an owner");
    assert_eq!(owner.party.key, "@meridian/payments");
    assert_eq!(owner.method, "codeowners");

    let findings =
        app::inventory::findings(&world.app, &viewer, &ListQuery::default(), &[]).unwrap();
    let secret = findings
        .items
        .iter()
        .find(|row| row.finding.rule == "plaintext-secret")
        .expect("the token");
    assert_eq!(secret.finding.places[0].path, "prod.env");
    let today = app::today::today(&world.app, &viewer, NOW).unwrap();
    assert!(today.n_credentials.unwrap() >= 1);
    assert!(!today.attention.is_empty());
    assert_eq!(today.coverage.n_never_read, 0);
    for list in List::ALL {
        let mut text = String::new();
        app::export::export(
            &world.app,
            &viewer,
            list,
            &ListQuery::default(),
            app::export::ExportFormat::Csv,
            &mut |piece| {
                text.push_str(&piece);
                true
            },
        )
        .unwrap();
        assert!(!text.contains("glpat-"), "{list:?}");
    }
}

#[test]
fn what_is_fixed_is_resolved_and_comes_back_as_reopened() {
    let world = World::new();
    let source = world.source();
    world.sync(source, NOW);
    let env = world.folder.path().join("repository/prod.env");
    let text = std::fs::read_to_string(&env).unwrap();
    std::fs::remove_file(&env).unwrap();
    world.sync(source, later(60));
    let state = |now: Time| {
        let rows = app::inventory::findings(&world.app, &local(), &ListQuery::default(), &[])
            .unwrap()
            .items;
        let row = rows.into_iter().find(|row| row.finding.rule == "plaintext-secret").unwrap();
        (matches!(row.state, FindingState::Open), row.n_reopened, now)
    };
    assert_eq!(state(later(60)), (false, 0, later(60)));
    std::fs::write(&env, text).unwrap();
    world.sync(source, later(120));
    assert_eq!(state(later(120)), (true, 1, later(120)));
    let gone = app::inventory::diff_summary(&world.app, &local(), NOW, later(60)).unwrap();
    let credentials = gone.iter().find(|row| row.list == List::Credentials).unwrap();
    assert_eq!(credentials.gone, 1);
}

#[test]
fn a_claim_wins_and_survives_syncs() {
    let world = World::new();
    let source = world.source();
    world.sync(source, NOW);
    let query = ListQuery {
        filters: vec![Filter::new("kind", Op::Is, &["ci-pipeline"])],
        ..ListQuery::default()
    };
    let owner = || {
        let rows = app::inventory::identities(&world.app, &local(), &query, &[]).unwrap().items;
        rows[0].owner.clone().map(|owner| (owner.party.key, owner.method))
    };
    let pipeline =
        app::inventory::identities(&world.app, &local(), &query, &[]).unwrap().items[0].record.id;
    let claim = NewClaim {
        identities: vec![pipeline],
        kind: PartyKind::Person,
        owner: "Ada@Example.org".into(),
        name: Some("Ada".into()),
        reason: "she wrote it".into(),
    };
    let refused = app::owners::claim(&world.app, &actor(Role::Viewer), &claim, NOW).unwrap_err();
    assert_eq!(refused.kind, Kind::Forbidden);
    app::owners::claim(&world.app, &actor(Role::Operator), &claim, NOW).unwrap();
    assert_eq!(owner(), Some(("ada@example.org".into(), "claim".into())));
    world.sync(source, later(60));
    assert_eq!(owner(), Some(("ada@example.org".into(), "claim".into())));
    app::owners::withdraw(&world.app, &actor(Role::Operator), pipeline, later(90)).unwrap();
    assert_eq!(owner(), Some(("@meridian/payments".into(), "codeowners".into())));
}

#[test]
fn a_credential_that_is_searched_says_where_it_lies() {
    let world = World::new();
    world.sync(world.source(), NOW);
    let place = |text: &str| {
        let found = app::inventory::search(&world.app, &local(), text).unwrap();
        let credential = found.iter().find(|it| it.list == List::Credentials).unwrap();
        let lies_in = credential.lies_in.as_ref().unwrap();
        assert_eq!(lies_in.n_places, 1, "{text}");
        let first = lies_in.first.as_ref().unwrap();
        assert_eq!((first.path.as_str(), first.line), ("prod.env", Some(1)), "{text}");
        credential.id.clone()
    };
    let id = place("GITLAB_TOKEN");
    assert_eq!(place(&id), id);
    let pipelines = app::inventory::search(&world.app, &local(), "test.yml").unwrap();
    assert!(!pipelines.is_empty() && pipelines.iter().all(|it| it.lies_in.is_none()));
}

/// People's accounts are kept because keys and grants hang on them; nobody counts them as NHIs.
#[test]
fn today_and_the_lists_count_the_same_identities() {
    let world = World::new();
    world.sync(world.source(), NOW);
    let host = app::sources::add(
        &world.app,
        &local(),
        &SourceRequest {
            connector: "host".into(),
            name: None,
            settings: Settings::default(),
            every_s: None,
        },
        NOW,
    )
    .unwrap()
    .source
    .id;
    let scope = model::Scope::new("linux", "here", "host", "here");
    let mut batch = model::Batch::default();
    for (kind, name) in
        [(model::kinds::USER_ACCOUNT, "ada"), (model::kinds::SERVICE_ACCOUNT, "deploy")]
    {
        batch.identities.push(model::Identity::new(kind, "linux", "here", name, scope.id));
    }
    batch.coverage.push(model::Coverage::new(scope));
    let mut writer = world.app.store.begin_sync(host, NOW).unwrap();
    writer.put(&batch).unwrap();
    writer.publish(NOW).unwrap();
    app::estate::refresh(&world.app, NOW).unwrap();

    let count = |filters: &[Filter], people| {
        let query = ListQuery { filters: filters.to_vec(), ..ListQuery::default() };
        let query = app::inventory::asked(List::Identities, &query, people);
        let listing = app::inventory::identities(&world.app, &local(), &query, &[]).unwrap();
        assert_eq!(listing.total, Some(listing.items.len() as u64));
        listing.total.unwrap()
    };
    let today = app::today::today(&world.app, &local(), NOW).unwrap();
    let n_identities = today.n_identities.unwrap();
    assert_eq!(count(&[], People::LeftOut), n_identities);
    assert_eq!(count(&[], People::Shown), n_identities + 1);
    let is = |field: &str, value: &str| Filter::new(field, Op::Is, &[value]);
    assert_eq!(count(&[is("owner", "")], People::LeftOut), today.n_orphaned.unwrap());
    assert_eq!(count(&[is("kind", "user-account")], People::LeftOut), 1, "asked for by name");
    let sum = |facet: &store::Facet| facet.values.iter().map(|value| value.count).sum::<u64>();
    for facet in [&today.by_source, &today.by_owner, &today.by_environment] {
        let facet = facet.as_ref().unwrap();
        assert_eq!(sum(facet) + facet.n_others, n_identities, "{}", facet.field);
    }
    let owners = app::owners::counts(&world.app, &local()).unwrap().unwrap();
    assert_eq!(sum(&owners), n_identities);
    let types: u64 = today.by_type.unwrap().iter().map(|bar| bar.n).sum();
    assert_eq!(types, n_identities);
}

#[test]
fn findings_that_are_alike_are_one_line_of_today() {
    let world = World::new();
    let tokens: String = (0..4)
        .map(|n| format!("TOKEN_{n}={}{n}\n", ["glpat-", "xK3vQ9mZ2pL7wR4tY8n"].concat()))
        .collect();
    write(&world.folder.path().join("repository"), "staging.env", &tokens);
    world.sync(world.source(), NOW);
    let attention = || app::today::today(&world.app, &local(), NOW).unwrap().attention;
    let said = attention();
    let secrets = said.iter().find(|alike| alike.rule == "plaintext-secret").unwrap();
    assert_eq!((secrets.n, secrets.first.len()), (5, app::today::MAX_ONE_BY_ONE));
    assert!(said.is_sorted_by(|one, other| one.severity >= other.severity), "worst first");
    for alike in &said {
        let query = ListQuery { filters: alike.filters.clone(), ..ListQuery::default() };
        let listing = app::inventory::findings(&world.app, &local(), &query, &[]).unwrap();
        assert_eq!(listing.total, Some(alike.n), "{}: the list that it leads to", alike.rule);
    }
    let finding = secrets.first[0].finding.id;
    app::findings::decide(&world.app, &local(), finding, &Decision::Acknowledge, NOW).unwrap();
    let said = attention();
    let secrets = said.iter().find(|alike| alike.rule == "plaintext-secret").unwrap();
    assert_eq!(secrets.n, 4, "one is in hand");
    assert!(secrets.first.iter().all(|row| row.finding.id != finding));
}

#[test]
fn accepting_a_risk_takes_an_approver_a_reason_and_an_end() {
    let world = World::new();
    world.sync(world.source(), NOW);
    let finding = app::inventory::findings(&world.app, &local(), &ListQuery::default(), &[])
        .unwrap()
        .items[0]
        .finding
        .id;
    let check = |role: Role, until: Time, reason: &str| {
        let decision = Decision::Accept { until, reason: reason.into() };
        app::findings::decide(&world.app, &actor(role), finding, &decision, NOW)
            .map_err(|error| error.code)
    };
    assert_eq!(check(Role::Operator, later(60), "x"), Err("role-too-low"));
    assert_eq!(check(Role::Approver, later(60), " "), Err("no-reason"));
    assert_eq!(check(Role::Approver, NOW, "x"), Err("until"));
    assert_eq!(check(Role::Approver, later(60), &"x".repeat(3_000)), Err("reason"));
    assert!(check(Role::Approver, later(60), "a test account").is_ok());
    let snooze = |days: u64| {
        let decision = Decision::Snooze { until: later(days * 86_400) };
        app::findings::decide(&world.app, &actor(Role::Operator), finding, &decision, NOW)
            .map_err(|error| error.code)
    };
    assert_eq!(snooze(93), Err("until"), "a long snooze is an acceptance without an approver");
    assert!(snooze(90).is_ok());
}

#[test]
fn the_first_link_makes_the_first_administrator_once() {
    let world = World::new();
    let link = app::people::sign_in_link(&world.app, &local(), None, NOW).unwrap();
    let first = |password: &str| FirstAdministrator {
        login: "ada".into(),
        name: "Ada".into(),
        password: Secret::new(password.into()),
    };
    let code =
        |result: app::Result<app::people::SignedIn>| result.map(|_| ()).map_err(|error| error.code);
    let short = app::people::use_link(&world.app, &link, Some(&first("short")), "test", NOW);
    assert_eq!(code(short), Err("password"), "a mistake does not cost the link");
    let late = app::people::use_link(
        &world.app,
        &link,
        Some(&first("correct horse battery")),
        "test",
        later(16 * 60),
    );
    assert_eq!(code(late), Err("link-not-valid"));
    let link = app::people::sign_in_link(&world.app, &local(), None, NOW).unwrap();
    let signed_in = app::people::use_link(
        &world.app,
        &link,
        Some(&first("correct horse battery")),
        "test",
        NOW,
    )
    .unwrap();
    let again = app::people::use_link(
        &world.app,
        &link,
        Some(&first("correct horse battery")),
        "test",
        NOW,
    );
    assert_eq!(code(again), Err("link-not-valid"), "a link works once");
    let who = app::people::by_session(&world.app, &signed_in.session, later(60)).unwrap();
    assert_eq!((who.name.as_str(), who.role), ("ada", Role::Administrator));
    assert!(
        app::people::by_session(&world.app, &signed_in.session, later(13 * 3600)).is_err(),
        "a session ends"
    );

    let sign_in = |password: &str| {
        let password = Secret::new(password.into());
        app::people::sign_in(&world.app, "ada", &password, "test", NOW)
            .map(|_| ())
            .map_err(|error| error.code)
    };
    assert_eq!(sign_in("correct horse battery"), Ok(()));
    assert_eq!(sign_in("wrong horse battery x"), Err("wrong-password"));
    let typed = "root (local, uid 0), or a password in the wrong field";
    let password = Secret::new(String::from("x"));
    app::people::sign_in(&world.app, typed, &password, "test", NOW).unwrap_err();
    let log = app::audit::list(&world.app, &local(), None, 100).unwrap();
    let log = serde_json::to_string(&log).unwrap();
    assert!(!log.contains("wrong field"), "what strangers type is not kept");
}

/// Somebody who signed in.
fn operator(world: &World, login: &str, password: &Secret<String>) -> Actor {
    let role = Role::Operator;
    let person =
        app::people::add(&world.app, &local(), login, login, role, Some(password), NOW).unwrap();
    Actor { name: login.into(), role, via: Via::Session { person: person.id.0 } }
}

#[test]
fn a_token_can_do_no_more_than_its_person_and_ends() {
    let world = World::new();
    let password = Secret::new(String::from("correct horse battery"));
    let ben = operator(&world, "ben", &password);
    let hour = Duration::from_hours(1);
    let above = app::people::create_token(&world.app, &ben, "ci", Role::Administrator, hour, NOW)
        .unwrap_err();
    assert_eq!(above.code, "role-too-low");
    let issued =
        app::people::create_token(&world.app, &ben, "ci", Role::Operator, hour, NOW).unwrap();
    assert!(issued.secret.reveal().starts_with(&issued.token.prefix));
    let who =
        |now: Time| app::people::by_token(&world.app, &issued.secret, now).map(|actor| actor.role);
    assert_eq!(who(later(60)).unwrap(), Role::Operator);
    let demote = app::people::PersonChange { role: Some(Role::Viewer), ..Default::default() };
    app::people::change(&world.app, &local(), "ben", &demote, NOW).unwrap();
    assert_eq!(
        who(later(60)).unwrap(),
        Role::Viewer,
        "a person who lost a role takes their tokens along"
    );
    assert!(who(later(3601)).is_err(), "a token ends");
    app::people::revoke_token(&world.app, &ben, issued.token.id, NOW).unwrap();
    assert!(who(later(60)).is_err(), "a revoked token is refused");
}

#[test]
fn setting_a_password_undoes_nothing_that_happened_meanwhile() {
    let world = World::new();
    let password = Secret::new(String::from("correct horse battery"));
    let ben = operator(&world, "ben", &password);
    std::thread::scope(|scope| {
        let setting = scope.spawn(|| {
            let new = Secret::new(String::from("battery horse correct"));
            app::people::set_password(&world.app, &ben, "ben", Some(&password), &new, NOW)
        });
        // Both hashes are still to be made when the intent is noted.
        while !app::audit::list(&world.app, &local(), None, 1).unwrap().iter().any(|record| {
            record.entry.act == Act::ManageSelf.name() && record.entry.subject == "ben"
        }) {
            std::thread::yield_now();
        }
        let change = app::people::PersonChange {
            role: Some(Role::Viewer),
            disabled: Some(true),
            ..Default::default()
        };
        app::people::change(&world.app, &local(), "ben", &change, NOW).unwrap();
        setting.join().unwrap().unwrap();
    });
    let people = app::people::list(&world.app, &local()).unwrap();
    let person = people.into_iter().find(|person| person.login == "ben").unwrap();
    assert_eq!((person.role, person.disabled_at), (Role::Viewer, Some(NOW)));
}

#[test]
fn a_token_makes_its_holder_no_more_than_the_token() {
    let world = World::new();
    let ada = app::people::add(&world.app, &local(), "ada", "Ada", Role::Administrator, None, NOW)
        .unwrap();
    let token = Actor {
        name: "ada".into(),
        role: Role::Administrator,
        via: Via::Token { id: 1, person: ada.id.0 },
    };
    let password = Secret::new(String::from("correct horse battery"));
    let hour = Duration::from_hours(1);
    let add = |password| {
        app::people::add(&world.app, &token, "eve", "Eve", Role::Administrator, password, NOW)
    };
    let codes = [
        app::people::sign_in_link(&world.app, &token, Some("ada"), NOW).map(drop),
        app::people::set_password(&world.app, &token, "ada", None, &password, NOW),
        app::people::create_token(&world.app, &token, "ci", Role::Viewer, hour, NOW).map(drop),
        add(Some(&password)).map(drop),
        app::people::end_session(&world.app, &token, "0123", NOW),
        app::people::revoke_token(&world.app, &token, store::TokenId(2), NOW),
        add(None).map(drop),
    ]
    .map(|result| result.map_err(|error| error.code));
    let refused = Err("not-by-token");
    assert_eq!(codes, [refused, refused, refused, refused, refused, refused, Ok(())]);
}

#[test]
fn what_is_read_of_this_machine_is_not_widened_from_afar() {
    let world = World::new();
    let source = world.source();
    let session = actor(Role::Administrator);
    let token = Actor { via: Via::Token { id: 1, person: 77 }, ..session.clone() };
    let paths = world.folder.path().join("repository").to_str().unwrap().to_owned();
    let same = Settings::default().with("paths", [&paths]);
    let settings = |settings: &Settings| SourceChange {
        settings: Some(settings.clone()),
        ..SourceChange::default()
    };
    let enabled = |enabled| SourceChange { enabled: Some(enabled), ..SourceChange::default() };
    let schedule = SourceChange { every_s: Some(60), ..SourceChange::default() };
    for from_afar in [&session, &token] {
        let add = |connector: &str, settings: Settings| {
            let name = Some(from_afar.name.clone());
            let request =
                SourceRequest { connector: connector.into(), name, settings, every_s: None };
            app::sources::add(&world.app, from_afar, &request, NOW).map(drop)
        };
        let change = |change: &SourceChange| {
            app::sources::change(&world.app, from_afar, source, change, NOW).map(drop)
        };
        let may_read = || app::sources::may_read(&world.app, from_afar, source).map(drop);
        let refused = |result: app::Result<()>| {
            let error = result.unwrap_err();
            assert_eq!(error.code, "local-only", "{error}");
            assert!(error.hint.unwrap().contains("tutela source"), "the way to do it is said");
        };
        refused(add("repository", Settings::default().with("paths", ["/"])));
        for connector in ["host", "homes", "repository", "terraform"] {
            refused(add(connector, Settings::default()));
        }
        refused(change(&settings(&Settings::default())));
        refused(change(&settings(&Settings::default().with("paths", ["/root"]))));
        refused(change(&settings(&same.clone().with("include_vendored", ["true"]))));
        change(&settings(&same)).unwrap();
        change(&schedule).unwrap();
        may_read().unwrap();
        change(&enabled(false)).unwrap();
        refused(change(&enabled(true)));
        refused(may_read());
        app::sources::change(&world.app, &local(), source, &enabled(true), NOW).unwrap();
    }
    // Where all who can sign in sit at this machine, a session may and a token still may not.
    let mut here = world.app.clone();
    here.trusts_sessions = true;
    let request = |name: &str| SourceRequest {
        connector: "repository".into(),
        name: Some(name.into()),
        settings: same.clone(),
        every_s: None,
    };
    app::sources::add(&here, &session, &request("by session"), NOW).unwrap();
    let error = app::sources::add(&here, &token, &request("by token"), NOW).unwrap_err();
    assert_eq!(error.code, "local-only");
    let backup =
        app::backup::backup(&world.app, &session, Path::new("/tmp/elsewhere"), NOW).unwrap_err();
    assert_eq!(backup.code, "local-only");
}

#[test]
fn every_change_is_noted_before_and_after_and_refusals_too() {
    let world = World::new();
    let source = world.source();
    app::sources::remove(&world.app, &actor(Role::Viewer), source, NOW).unwrap_err();
    let log = app::audit::list(&world.app, &local(), None, 10).unwrap();
    let phases: Vec<String> = log
        .iter()
        .map(|record| {
            format!("{} {:?} {}", record.entry.act, record.entry.phase, record.entry.actor)
        })
        .collect();
    insta::assert_snapshot!(phases.join("\n"), @"
    manage-sources Failed viewer
    manage-sources Done tester (local, uid 1000)
    manage-sources Before tester (local, uid 1000)
    ");
}

#[test]
fn refusals_at_the_door_are_noted_and_cannot_fill_the_log() {
    let world = World::new();
    let viewer = actor(Role::Viewer);
    let refusal = viewer.may(Act::ManagePeople).unwrap_err();
    let refuse = |actor: Option<&Actor>, now: Time| {
        let act = Some(Act::ManagePeople);
        app::audit::refused(&world.app, actor, act, "GET /api/v1/people", &refusal, now).unwrap();
    };
    for _ in 0..100 {
        refuse(Some(&viewer), NOW);
        refuse(None, NOW);
    }
    let log = || app::audit::list(&world.app, &local(), None, 1000).unwrap();
    assert_eq!(log().len(), 2, "one for each");
    assert_eq!(log()[1].entry.actor, "viewer");
    assert_eq!(log()[0].entry.actor, "nobody");
    refuse(None, later(60));
    let log = log();
    let again: Vec<_> =
        log.iter().filter_map(|record| record.entry.detail.get("refused_again")).collect();
    assert_eq!(again, [99, 99], "the rest of the minute, once it is over");
    for n in 0..100 {
        refuse(Some(&Actor { name: n.to_string(), ..viewer.clone() }), later(180));
    }
    let n_noted = app::audit::list(&world.app, &local(), None, 1000).unwrap().len() - log.len();
    assert_eq!(n_noted, app::audit::MAX_REFUSALS_PER_MINUTE);
}

#[test]
fn nobody_writes_much_to_the_log_at_once() {
    let world = World::new();
    let claim = NewClaim {
        identities: Vec::new(),
        kind: PartyKind::Team,
        owner: "x".repeat(100_000),
        name: None,
        reason: "y".repeat(100_000),
    };
    app::owners::claim(&world.app, &actor(Role::Operator), &claim, NOW).unwrap_err();
    let log = app::audit::list(&world.app, &local(), None, 10).unwrap();
    assert!(serde_json::to_string(&log).unwrap().len() < 2_000);
}

#[test]
fn what_is_covered_is_summed_anew_when_it_changed() {
    let world = World::new();
    let summary = || app::inventory::coverage_summary(&world.app).unwrap();
    let source = world.source();
    assert_eq!((summary().n_sources, summary().n_never_read, summary().asked), (1, 1, 0));
    world.sync(source, NOW);
    let asked = summary().asked;
    assert!(asked > 0);
    assert_eq!((summary().n_never_read, summary().asked), (0, asked));
    write(&world.folder.path().join("repository"), "more.env", "A=1\n");
    world.sync(source, later(60));
    assert!(summary().asked > asked);
    app::sources::remove(&world.app, &local(), source, later(90)).unwrap();
    assert_eq!((summary().n_sources, summary().n_scopes), (0, 0));
}

#[test]
fn the_name_for_browsers_is_random_and_stays() {
    let (one, two) = (World::new(), World::new());
    let name = app::people::browser_name(&one.app).unwrap();
    assert_eq!(app::people::browser_name(&one.app).unwrap(), name);
    assert_ne!(app::people::browser_name(&two.app).unwrap(), name);
    let (label, rest) = name.split_once('.').unwrap();
    assert_eq!((label.len(), rest), (26, "localhost"));
}

#[test]
fn each_act_needs_its_role_and_no_less() {
    for act in Act::ALL {
        for role in Role::ALL {
            assert_eq!(actor(role).may(act).is_ok(), role >= act.least_role(), "{act:?} {role:?}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Saved replies of AWS become identities with the documents that apply to them; what is not saved
/// again stays, what a reply no longer has is gone.
#[test]
fn an_account_is_read_from_saved_replies() {
    let world = World::new();
    let saved = world.folder.path().join("saved");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../connector-aws/src/fixtures/shop");
    copy(&fixture, &saved);
    let request = SourceRequest {
        connector: "aws".into(),
        name: None,
        settings: Settings::default().with("path", [saved.to_str().unwrap()]),
        every_s: None,
    };
    let source = app::sources::add(&world.app, &local(), &request, NOW).unwrap().source.id;
    let sync =
        |seconds| app::sync::run(&world.app, &local(), source, &move || later(seconds)).unwrap();
    let first = sync(1);
    assert!(first.policies.added > 10 && first.identities.added > 10, "{first:?}");
    let query = |kind: &str| ListQuery {
        filters: vec![Filter::new("kind", Op::Is, &[kind])],
        ..ListQuery::default()
    };
    let listed = |kind: &str| {
        let rows =
            app::inventory::identities(&world.app, &local(), &query(kind), &[]).unwrap().items;
        rows.into_iter().map(|row| row.record).collect::<Vec<_>>()
    };
    let roles = listed("iam-role");
    let github = roles.iter().find(|role| role.name == "github").unwrap();
    let detail = app::inventory::identity(&world.app, &local(), github.id, None).unwrap();
    let mut names: Vec<&str> = detail.policies.iter().map(|row| row.record.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["deploy", "trust policy of github"]);
    let mut documents = Vec::new();
    world
        .app
        .store
        .each_policy("aws", "111122223333", &mut |policy| {
            documents.push(policy.native_id);
            true
        })
        .unwrap();
    assert!(documents.contains(&"arn:aws:iam::aws:policy/AdministratorAccess".to_owned()));

    let again = sync(2);
    assert_eq!((again.policies.added, again.policies.changed, again.policies.gone), (0, 0, 0));
    assert_eq!((again.identities.changed, again.grants.changed, again.trusts.changed), (0, 0, 0));

    let iam = saved.join("111122223333/iam.json");
    let text = std::fs::read_to_string(&iam).unwrap();
    std::fs::remove_file(&iam).unwrap();
    assert_eq!(sync(3).identities.gone, 0, "it was not saved this time");
    assert_eq!(listed("iam-role").len(), roles.len());
    let without = text.replace("AWSServiceRoleForECS", "AWSServiceRoleForSES");
    std::fs::write(&iam, without.get(..without.len() / 2).unwrap()).unwrap();
    assert_eq!(sync(4).identities.gone, 0, "what is cut off hides it");
    std::fs::write(&iam, without).unwrap();
    let last = sync(5);
    assert_eq!((last.identities.added, last.identities.gone), (1, 1));
}
