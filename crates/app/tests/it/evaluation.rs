//! Evaluating what was touched comes to what evaluating everything does.

use std::collections::BTreeMap;
use std::time::Duration;

use app::App;
use demo::{Churn, Plan};
use model::Time;
use store::{List, ListQuery};

use crate::{NOW, local};

const DAY: u64 = 86_400;

fn day(n: u64) -> Time {
    NOW.plus(Duration::from_secs(n * DAY))
}

/// Every open finding with its text, and the owner of every identity.
fn state(app: &App) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let mut findings = BTreeMap::new();
    let mut query = ListQuery { limit: 1_000, ..ListQuery::default() };
    loop {
        let page = app.store.list_findings(&query).unwrap();
        for row in page.rows {
            if !matches!(row.state, model::FindingState::Resolved { .. }) {
                let text = serde_json::to_string(&row.finding).unwrap();
                findings.insert(row.finding.id.to_string(), text);
            }
        }
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    let mut owners = BTreeMap::new();
    let mut query = ListQuery { limit: 1_000, ..ListQuery::default() };
    loop {
        let page = app.store.list_identities(&query).unwrap();
        for row in page.rows {
            owners.insert(row.record.id.to_string(), format!("{:?}", row.owner));
        }
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    (findings, owners)
}

#[test]
fn what_was_touched_is_all_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(folder.path().join("data"), "a test", NOW).unwrap();
    // More than are looked up one by one, so that the churn is a part of them.
    let plan = Plan { identities: 1_500, credentials_per: 1.5, ..Plan::new(NOW) };
    app::demo::load(&app, &local(), &plan, &|_| {}, &|| NOW).unwrap();
    let offsets = assess::expiry_offsets().unwrap();
    let touched = |now: Time| {
        let stale = app.store.stale(&assess::version(), Some(&offsets), now).unwrap();
        stale.subjects.map(|subjects| subjects.identities.len() + subjects.credentials.len())
    };
    assert_eq!(touched(NOW), Some(0));
    let check = |now: Time, what: &str| {
        let before = state(&app);
        let all = app::estate::refresh_everything(&app, now).unwrap();
        assert_eq!((all.opened, all.resolved, all.reopened), (0, 0, 0), "{what}");
        assert!(all.kept > 100, "{what}: {all:?}");
        assert!(before == state(&app), "{what}");
    };
    check(NOW, "a first load");
    for round in 1..=2 {
        let churn = Churn { fraction: 0.02, round };
        let now = day(u64::from(round) * 9);
        let changed = Plan { churn, ..plan.clone() };
        let summaries = app::demo::load(&app, &local(), &changed, &|_| {}, &|| now).unwrap();
        assert!(summaries.iter().any(|(_, summary)| summary.identities.gone > 0));
        check(now, "a sync");
    }
    // Time alone: certificates expire.
    let much_later = day(90);
    let n_touched = touched(much_later).unwrap();
    assert!(n_touched > 0 && n_touched < 1_000, "{n_touched}");
    let summary = app::estate::refresh(&app, much_later).unwrap();
    assert!(summary.opened > 0, "{summary:?}");
    check(much_later, "time");
    // A source less.
    let source = app.store.sources().unwrap().pop().unwrap().id;
    app::sources::remove(&app, &local(), source, much_later).unwrap();
    check(much_later, "a source less");
    assert!(app.store.total(List::Findings, &ListQuery::default()).unwrap() > Some(100));
}
