//! What a sync makes visible, what it ends, what it keeps.

use model::{Authority, Batch, Fact, PolicyDocument, PolicyKind, ScopeId};
use store::{DiffKind, DiffQuery, Error, Filter, List, ListQuery, Op, ThingId};

use crate::engines::on_each;
use crate::world::{
    at, complete, credential, identity, mention, names, place, scope, source, sync, with_gap,
};

#[test]
fn nothing_is_visible_before_it_is_published() {
    on_each(|store| {
        let (host, etc) = (source(store, "here"), scope("/etc"));
        let mut writer = store.begin_sync(host, at(1)).unwrap();
        let batch = Batch { identities: vec![identity("a", etc.id)], ..Batch::default() };
        writer.put(&batch).unwrap();
        assert_eq!(names(store, None), [""; 0]);
        assert!(matches!(store.begin_sync(host, at(1)), Err(Error::Exists { .. })));
        drop(writer);
        assert_eq!(names(store, None), [""; 0]);
        let mut writer = store.begin_sync(host, at(2)).unwrap();
        writer.put(&batch).unwrap();
        let summary = writer.publish(at(3)).unwrap();
        assert_eq!(summary.identities.added, 1);
        assert_eq!(names(store, None), ["a"]);
        let row = store.list_identities(&ListQuery::default()).unwrap().rows.remove(0);
        assert_eq!((row.seen_from, row.valid_from), (at(3), at(3)));
        let about = row.record.enabled.about.unwrap();
        assert_eq!((about.source.as_deref(), about.observed_at), (Some("host"), Some(at(3))));
    });
}

#[test]
fn what_a_complete_scope_no_longer_holds_is_gone_and_a_gap_hides() {
    on_each(|store| {
        let (host, etc, home) = (source(store, "here"), scope("/etc"), scope("/home"));
        let all = |names: &[&str], coverage| Batch {
            identities: names.iter().map(|name| identity(name, etc.id)).collect(),
            coverage,
            ..Batch::default()
        };
        sync(store, host, all(&["a", "b"], vec![complete(&etc)]), at(1));
        let summary = sync(store, host, all(&["a"], vec![complete(&home)]), at(2));
        assert_eq!((summary.identities.unchanged, summary.identities.kept), (1, 1));
        let summary = sync(store, host, all(&["a"], vec![with_gap(&etc, "/etc/b")]), at(3));
        assert_eq!((summary.identities.gone, summary.identities.kept, summary.gaps), (0, 1, 1));
        let summary = sync(store, host, all(&["a"], vec![with_gap(&etc, "/etc/c")]), at(4));
        assert_eq!((summary.identities.gone, summary.identities.kept), (1, 0));
        assert_eq!(names(store, None), ["a"]);
        assert_eq!(names(store, Some(at(3))), ["a", "b"]);
        assert_eq!(names(store, Some(at(0))), [""; 0]);
        let gone = store.identity(identity("b", etc.id).id, None).unwrap().unwrap();
        assert_eq!(gone.gone_at, Some(at(4)));
        assert_eq!(gone.claims[0].row.record.name, "b");
        let diff = store.diff_summary(at(1), at(4)).unwrap();
        assert_eq!((diff[0].added, diff[0].changed, diff[0].gone), (0, 0, 1));
    });
}

#[test]
fn a_credential_keeps_the_places_that_lie_in_a_gap() {
    on_each(|store| {
        let (host, etc) = (source(store, "here"), scope("/etc"));
        let paths = ["/etc/a", "/etc/b", "/etc/c"];
        sync(
            store,
            host,
            Batch {
                credentials: vec![credential("cert", &paths, etc.id)],
                places: paths.iter().map(|path| place(path, etc.id)).collect(),
                coverage: vec![complete(&etc)],
                ..Batch::default()
            },
            at(1),
        );
        let fewer = || Batch {
            credentials: vec![credential("cert", &["/etc/a"], etc.id)],
            places: vec![place("/etc/a", etc.id)],
            coverage: vec![with_gap(&etc, "/etc/b")],
            ..Batch::default()
        };
        let summary = sync(store, host, fewer(), at(2));
        assert_eq!((summary.places.gone, summary.places.kept), (1, 1));
        assert_eq!(summary.credentials.changed, 1);
        let id = credential("cert", &[], etc.id).id;
        let detail = store.credential(id, None).unwrap().unwrap();
        let shown: Vec<_> = detail.claims[0].row.record.places.iter().map(|p| &*p.path).collect();
        assert_eq!(shown, ["/etc/a", "/etc/b"]);
        assert_eq!(detail.places.len(), 2);
        let summary = sync(store, host, fewer(), at(3));
        assert_eq!((summary.credentials.changed, summary.credentials.unchanged), (0, 1));
        let here = store.place(place("/etc/b", etc.id).id, None).unwrap().unwrap();
        assert_eq!(here.n_credentials, 1);
    });
}

#[test]
fn the_greatest_authority_leads_and_the_next_one_follows() {
    on_each(|store| {
        let (terraform, aws) = (source(store, "terraform"), source(store, "aws"));
        let (state, account) = (scope("state"), scope("account"));
        let mut declared = identity("role", state.id);
        declared.authority = Authority::Declared;
        declared.enabled = Fact::known(true);
        let mut stated = identity("role", account.id);
        stated.enabled = Fact::known(false);
        let of = |record: &model::Identity, scope| Batch {
            identities: vec![record.clone()],
            coverage: vec![complete(scope)],
            ..Batch::default()
        };
        let leader = || {
            let rows = store.list_identities(&ListQuery::default()).unwrap().rows;
            assert!(rows.len() < 2);
            rows.into_iter().next().map(|row| row.source_name)
        };
        sync(store, terraform, of(&declared, &state), at(1));
        assert_eq!(leader().as_deref(), Some("terraform"));
        sync(store, aws, of(&stated, &account), at(2));
        assert_eq!(leader().as_deref(), Some("aws"));
        assert_eq!(store.identity(stated.id, None).unwrap().unwrap().claims.len(), 2);
        assert_eq!(names(store, Some(at(1))), ["role"]);
        let gone = Batch { coverage: vec![complete(&account)], ..Batch::default() };
        let summary = sync(store, aws, gone, at(3));
        assert_eq!(summary.identities.gone, 1);
        assert_eq!(leader().as_deref(), Some("terraform"));
        store.remove_source(terraform, at(4)).unwrap();
        assert_eq!(leader(), None);
        assert_eq!(store.sources().unwrap().len(), 1);
        let versions = store.timeline(ThingId::Identity(stated.id)).unwrap();
        let told: Vec<_> = versions
            .iter()
            .map(|version| (&*version.source_name, version.seen_from, version.leads))
            .collect();
        assert_eq!(
            told,
            [
                ("terraform", at(3), true),
                ("aws", at(2), true),
                ("terraform", at(2), false),
                ("terraform", at(1), true),
            ]
        );
    });
}

#[test]
fn a_mention_shows_what_was_never_stated_and_keeps_nothing_alive() {
    on_each(|store| {
        let (ci, host) = (source(store, "ci"), source(store, "host"));
        let (repo, etc) = (scope("repo"), scope("/etc"));
        let said = Batch {
            identities: vec![mention("a", repo.id), mention("b", repo.id)],
            coverage: vec![complete(&repo)],
            ..Batch::default()
        };
        sync(store, ci, said.clone(), at(1));
        assert_eq!(names(store, None), ["a", "b"]);
        let stated = Batch {
            identities: vec![identity("a", etc.id)],
            coverage: vec![complete(&etc)],
            ..Batch::default()
        };
        sync(store, host, stated, at(2));
        let gone = Batch { coverage: vec![complete(&etc)], ..Batch::default() };
        sync(store, host, gone, at(3));
        assert_eq!(names(store, None), ["b"], "the mention of a does not bring it back");
        sync(store, ci, said, at(4));
        assert_eq!(names(store, None), ["b"]);
        assert_eq!(names(store, Some(at(2))), ["a", "b"]);
        let gone = store.identity(identity("a", etc.id).id, None).unwrap().unwrap();
        assert_eq!(gone.gone_at, Some(at(3)));
    });
}

#[test]
fn a_record_in_two_batches_is_one_claim() {
    on_each(|store| {
        let (host, etc) = (source(store, "here"), scope("/etc"));
        let of = |path: &str| Batch {
            credentials: vec![credential("cert", &[path], etc.id)],
            ..Batch::default()
        };
        for now in 1..3 {
            let mut writer = store.begin_sync(host, at(now)).unwrap();
            writer.put(&of("/etc/a")).unwrap();
            writer.put(&of("/etc/b")).unwrap();
            let summary = writer.publish(at(now)).unwrap();
            let counts = summary.credentials;
            assert_eq!((counts.added, counts.changed), (u64::from(now == 1), 0), "{now}");
        }
        let rows = store.list_credentials(&ListQuery::default()).unwrap().rows;
        assert_eq!(rows[0].record.places.len(), 2);
    });
}

/// More new rows than there are: the indexes are built anew behind them.
#[test]
fn a_large_sync_is_published_like_a_small_one() {
    on_each(|store| {
        let (here, there) = (source(store, "here"), source(store, "there"));
        let (etc, srv) = (scope("/etc"), scope("/srv"));
        let few = Batch {
            identities: vec![mention("stated-0", etc.id), identity("stays", etc.id)],
            coverage: vec![complete(&etc)],
            ..Batch::default()
        };
        sync(store, here, few, at(1));
        let many = |n: usize| Batch {
            identities: (0..n).map(|n| identity(&format!("stated-{n}"), srv.id)).collect(),
            credentials: vec![credential("cert", &["/srv/a"], srv.id)],
            places: vec![place("/srv/a", srv.id)],
            coverage: vec![complete(&srv)],
            ..Batch::default()
        };
        let counts = sync(store, there, many(20_100), at(2)).identities;
        assert_eq!((counts.added, counts.unchanged), (20_100, 0));
        let stated = identity("stated-0", srv.id).id;
        let claims = store.identity(stated, None).unwrap().unwrap().claims;
        let leads: Vec<_> = claims.iter().map(|c| (&*c.row.source_name, c.leads)).collect();
        assert_eq!(leads, [("there", true), ("here", false)]);
        let here_too = store.place(place("/srv/a", srv.id).id, None).unwrap().unwrap();
        assert_eq!(here_too.n_credentials, 1);
        let counts = sync(store, there, many(20_099), at(3)).identities;
        assert_eq!((counts.unchanged, counts.gone), (20_099, 1));
        // A claim is still one row: the index that sees to it is there again.
        assert_eq!(sync(store, there, many(20_099), at(4)).identities.added, 0);
        let gone = store.identity(identity("stated-20099", srv.id).id, None).unwrap().unwrap();
        assert_eq!(gone.gone_at, Some(at(3)));
    });
}

/// Two sources that state one thing in syncs that run at once: whoever publishes later settles it.
#[test]
fn syncs_that_run_at_once_settle_who_leads() {
    on_each(|store| {
        let (here, there) = (source(store, "here"), source(store, "there"));
        let etc = scope("/etc");
        let batch = |record: model::Identity| Batch {
            identities: vec![record],
            coverage: vec![complete(&etc)],
            ..Batch::default()
        };
        let mut declared = identity("role", etc.id);
        declared.authority = Authority::Declared;
        let mut first = store.begin_sync(here, at(1)).unwrap();
        let mut second = store.begin_sync(there, at(1)).unwrap();
        first.put(&batch(declared)).unwrap();
        second.put(&batch(identity("role", etc.id))).unwrap();
        first.publish(at(2)).unwrap();
        second.publish(at(3)).unwrap();
        let detail = store.identity(identity("role", etc.id).id, None).unwrap().unwrap();
        let leads: Vec<_> = detail.claims.iter().map(|c| (&*c.row.source_name, c.leads)).collect();
        assert_eq!(leads, [("there", true), ("here", false)]);
        assert_eq!(names(store, None), ["role"]);
    });
}

#[test]
fn what_two_scopes_state_is_gone_when_both_say_so() {
    on_each(|store| {
        let (one, two) = (scope("/one"), scope("/two"));
        let files = source(store, "files");
        let in_one = || credential("key", &["/one/a.env"], one.id);
        let in_two = || credential("key", &["/two/b.env"], two.id);
        let both = Batch {
            credentials: vec![in_one(), in_two()],
            coverage: vec![complete(&one), complete(&two)],
            ..Batch::default()
        };
        sync(store, files, both, at(1));
        let count = || store.list_credentials(&ListQuery::default()).unwrap().rows.len();
        // The one file is gone and the other folder could not be read.
        let partly =
            Batch { coverage: vec![complete(&one), with_gap(&two, "/two")], ..Batch::default() };
        assert_eq!(sync(store, files, partly, at(2)).credentials.kept, 1);
        assert_eq!(count(), 1);
        // What one folder alone states keeps the other in mind.
        let alone = Batch {
            credentials: vec![in_one()],
            coverage: vec![complete(&one), with_gap(&two, "/two")],
            ..Batch::default()
        };
        sync(store, files, alone, at(3));
        let kept = store.list_credentials(&ListQuery::default()).unwrap().rows;
        let record = &kept.first().unwrap().record;
        assert_eq!(record.loci, ["/one/a.env", "/two/b.env"]);
        assert!(record.scope == two.id || record.also_in.contains(&two.id));
        let none =
            Batch { coverage: vec![complete(&one), with_gap(&two, "/two")], ..Batch::default() };
        sync(store, files, none, at(4));
        assert_eq!(count(), 1);
        let none = Batch { coverage: vec![complete(&one), complete(&two)], ..Batch::default() };
        assert_eq!(sync(store, files, none, at(5)).credentials.gone, 1);
        assert_eq!(count(), 0);
    });
}

#[test]
fn every_line_of_a_hidden_place_is_kept() {
    on_each(|store| {
        let etc = scope("/etc");
        let mut key = credential("key", &["/etc/a"], etc.id);
        let stored = |line| place("/etc/b", etc.id).stored_at(Some(line), None);
        key.places.extend([stored(3), stored(9)]);
        key.loci.push("/etc/b".into());
        let files = source(store, "files");
        let all =
            Batch { credentials: vec![key], coverage: vec![complete(&etc)], ..Batch::default() };
        sync(store, files, all, at(1));
        let partly = Batch {
            credentials: vec![credential("key", &["/etc/a"], etc.id)],
            coverage: vec![with_gap(&etc, "/etc/b")],
            ..Batch::default()
        };
        sync(store, files, partly, at(2));
        let rows = store.list_credentials(&ListQuery::default()).unwrap().rows;
        assert_eq!(rows.first().unwrap().record.places.len(), 3);
    });
}

#[test]
fn an_overlong_name_is_a_gap() {
    on_each(|store| {
        let etc = scope("/etc");
        let fits = "f".repeat(store::MAX_NAME_BYTES);
        let too_long = format!("{fits}!");
        let batch = Batch {
            identities: vec![identity(&fits, etc.id), identity(&too_long, etc.id)],
            coverage: vec![complete(&etc)],
            ..Batch::default()
        };
        let files = source(store, "files");
        let summary = sync(store, files, batch, at(1));
        assert_eq!((summary.identities.added, summary.gaps), (1, 1));
        assert_eq!(names(store, None), [fits]);
    });
}

fn policy(kind: PolicyKind, native_id: &str, document: &str, scope: ScopeId) -> PolicyDocument {
    PolicyDocument::new(kind, "linux", "machine", native_id, scope, document)
}

/// Policy documents are records like the others: versions, what is gone, differences, lists; an
/// identity has those that are part of it and those that its facts name.
#[test]
fn policy_documents_are_kept_as_other_records_are() {
    on_each(|store| {
        let (host, etc) = (source(store, "here"), scope("/etc"));
        let mut role = identity("deploy", etc.id);
        role.fact("attached_policies", Fact::known(vec!["arn:read".to_owned(), "arn:no".into()]));
        role.fact("policies_of_groups", Fact::known(vec!["arn:group#inline/x".to_owned()]));
        role.fact("permissions_boundary", Fact::known("arn:edge"));
        let mut trust = policy(PolicyKind::TrustPolicy, "deploy#trust", "{\"a\": 1}", etc.id);
        trust.holder = Some(role.id);
        let all = |text: &str| {
            let managed = PolicyKind::ManagedPolicy;
            let mut read = policy(managed, "arn:read", text, etc.id);
            read.version = Some("v1".into());
            let others = ["arn:edge", "arn:other"].map(|arn| policy(managed, arn, "{}", etc.id));
            let group = policy(PolicyKind::InlinePolicy, "arn:group#inline/x", "{}", etc.id);
            Batch {
                identities: vec![role.clone()],
                policies: others.into_iter().chain([read, group, trust.clone()]).collect(),
                coverage: vec![complete(&etc)],
                ..Batch::default()
            }
        };
        assert_eq!(sync(store, host, all("{\"v\": 1}"), at(1)).policies.added, 5);
        let mut fewer = all("{\"v\": 2}");
        fewer.policies.retain(|policy| policy.native_id != "arn:other");
        let summary = sync(store, host, fewer, at(2)).policies;
        assert_eq!((summary.changed, summary.unchanged, summary.gone), (1, 3, 1));

        let found = store.identity(role.id, None).unwrap().unwrap().policies;
        let mut names: Vec<&str> = found.iter().map(|row| row.record.name.as_str()).collect();
        assert_eq!(names.remove(0), "deploy#trust");
        names.sort_unstable();
        assert_eq!(names, ["arn:edge", "arn:group#inline/x", "arn:read"]);

        let read = PolicyDocument::id_of("linux", "machine", "arn:read");
        let text = |as_of| store.policy(read, as_of).unwrap()[0].row.record.document.clone();
        assert_eq!((text(None).as_str(), text(Some(at(1))).as_str()), ("{\"v\": 2}", "{\"v\": 1}"));
        let versions = store.timeline(ThingId::Policy(read)).unwrap();
        assert_eq!(versions.len(), 2);
        let fields: Vec<&str> = versions[0].changes.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["document"]);

        let query = DiffQuery {
            from: at(1),
            to: at(2),
            list: List::Policies,
            kind: None,
            after: None,
            limit: 0,
        };
        let mut diff: Vec<_> =
            store.diff(&query).unwrap().rows.into_iter().map(|row| (row.diff, row.name)).collect();
        diff.sort();
        let changed = |kind, name: &str| (kind, name.to_owned());
        assert_eq!(
            diff,
            [changed(DiffKind::Changed, "arn:read"), changed(DiffKind::Gone, "arn:other")]
        );

        store.build_columns().unwrap();
        let of = |field: &str, value: &str| ListQuery {
            filters: vec![Filter::new(field, Op::Is, &[value])],
            ..ListQuery::default()
        };
        let listed = |query: &ListQuery| store.list_policies(query).unwrap().rows.len();
        assert_eq!(listed(&of("kind", "managed-policy")), 2);
        assert_eq!(listed(&of("holder", &role.id.to_string())), 1);
        assert_eq!(store.total(List::Policies, &ListQuery::default()).unwrap(), Some(4));
        assert_eq!(store.search(&read.to_string(), 9).unwrap()[0].list, List::Policies);

        let mut read = Vec::new();
        store
            .each_policy("linux", "machine", &mut |policy| {
                read.push(policy.native_id);
                read.len() < 3
            })
            .unwrap();
        assert_eq!(read.len(), 3);
        store.each_policy("linux", "other", &mut |_| panic!("of another machine")).unwrap();
    });
}

/// A page holds few of them, since each may be large.
#[test]
fn pages_of_policy_documents_are_short() {
    on_each(|store| {
        let (host, etc) = (source(store, "here"), scope("/etc"));
        let all = (0..150)
            .map(|n| policy(PolicyKind::ManagedPolicy, &format!("arn:{n}"), "{}", etc.id))
            .collect();
        let batch = Batch { policies: all, coverage: vec![complete(&etc)], ..Batch::default() };
        sync(store, host, batch, at(1));
        let query = ListQuery { limit: 1000, ..ListQuery::default() };
        let page = store.list_policies(&query).unwrap();
        assert_eq!(page.rows.len(), 100);
        let next = ListQuery { after: page.next, ..query };
        assert_eq!(store.list_policies(&next).unwrap().rows.len(), 50);
    });
}

/// A source that states a thing in one scope and names it in another reads only the other: what it
/// stated stands until the first scope was read to its end without it.
#[test]
fn a_mention_replaces_no_statement_that_was_not_looked_for() {
    on_each(|store| {
        let (host, etc, home) = (source(store, "here"), scope("/etc"), scope("/home"));
        let stated = || identity("a", etc.id);
        let named = || model::Identity { scope: home.id, ..mention("a", home.id) };
        let batch = |identities, coverage| Batch { identities, coverage, ..Batch::default() };
        let both = vec![complete(&etc), complete(&home)];
        sync(store, host, batch(vec![stated(), named()], both.clone()), at(1));
        let summary = sync(store, host, batch(vec![named()], vec![complete(&home)]), at(2));
        assert_eq!((summary.identities.changed, summary.identities.gone), (0, 0));
        assert_eq!(names(store, None), ["a"]);
        let hidden = vec![with_gap(&etc, "/etc/a"), complete(&home)];
        sync(store, host, batch(vec![named()], hidden), at(3));
        assert_eq!(names(store, None), ["a"]);
        let summary = sync(store, host, batch(vec![named()], both), at(4));
        assert_eq!(summary.identities.changed, 1);
        assert_eq!(names(store, None), [""; 0]);
    });
}
