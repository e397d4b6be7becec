//! Lists: the same pages from SQL and from the columns, whatever is asked.

use model::{Authority, Batch, Fact, Time};
use proptest::prelude::*;
use store::{Cursor, Error, Filter, List, ListQuery, Op, Sort, Store};

use crate::engines::on_each;
use crate::world::{at, complete, credential, identity, scope, source, sync};

/// A little estate with every sort of value.
fn estate(store: &Store) {
    let (one, two) = (source(store, "one"), source(store, "two"));
    let (etc, home) = (scope("/etc"), scope("/home"));
    let mut first = Batch { coverage: vec![complete(&etc)], ..Batch::default() };
    let mut second = Batch { coverage: vec![complete(&home)], ..Batch::default() };
    for n in 0..40_usize {
        let moment = |n: usize| at(i64::try_from(n).unwrap());
        let name = format!("{}-{:02}", ["Über", "backup", "ETL", "api"][n % 4], n % 13);
        let mut record = identity(&format!("native-{n}"), etc.id);
        record.name = name.clone();
        record.enabled = match n % 5 {
            0 => Fact::known(true),
            1 => Fact::known(false),
            2 => Fact::denied("no"),
            _ => Fact::default(),
        };
        record.last_used_at = match n % 3 {
            0 => Fact::known(moment(n % 7)),
            1 => Fact::absent(),
            _ => Fact::not_observable("none"),
        };
        if n % 2 == 0 {
            record.environment = Fact::known(["prod", "dev", ""][n % 3]);
        }
        let mut held = credential(&format!("key-{}", n % 9), &["/a", "/b"][..n % 3], etc.id);
        held.native_id = format!("key-{n}");
        held.id = model::Credential::id_of(model::kinds::X509, "x509", "", &held.native_id);
        held.identity = Some(record.id);
        held.expires_at = if n % 4 == 0 { Fact::absent() } else { Fact::known(moment(100 - n)) };
        first.credentials.push(held);
        if n % 4 == 0 {
            let mut other = record.clone();
            other.scope = home.id;
            other.authority = Authority::Declared;
            second.identities.push(other);
        }
        if n % 10 == 9 {
            record.scope = home.id;
            second.identities.push(record);
        } else {
            first.identities.push(record);
        }
    }
    sync(store, one, first, at(1));
    sync(store, two, second, at(2));
}

/// Every row of a query by pages, as ids.
fn walk(store: &Store, list: List, query: &ListQuery) -> Vec<String> {
    let mut ids = Vec::new();
    let mut query = query.clone();
    loop {
        let (page, next): (Vec<String>, Option<Cursor>) = if list == List::Credentials {
            let page = store.list_credentials(&query).unwrap();
            (page.rows.iter().map(|row| row.record.id.to_string()).collect(), page.next)
        } else {
            let page = store.list_identities(&query).unwrap();
            (page.rows.iter().map(|row| row.record.id.to_string()).collect(), page.next)
        };
        ids.extend(page);
        assert!(ids.len() < 1000, "pages do not end");
        match next {
            Some(next) => query.after = Some(next),
            None => return ids,
        }
    }
}

fn any_filter(list: List) -> impl Strategy<Value = Filter> {
    let fields: Vec<&str> = list.fields().iter().map(|field| field.name).collect();
    let values = proptest::sample::select(vec![
        "",
        "prod",
        "dev",
        "true",
        "false",
        "1970-01-01T00:00:03Z",
        "record",
        "declared",
        "linux",
        "known_absent",
        "denied",
        "backup-02",
        "Über-00",
        "über-00",
        "native-7",
        "2",
        "0.5",
        "service-account",
        "ü",
        "-0",
    ]);
    let op = proptest::sample::select(vec![
        Op::Is,
        Op::IsNot,
        Op::Contains,
        Op::Before,
        Op::After,
        Op::Unknown,
    ]);
    (proptest::sample::select(fields), op, proptest::collection::vec(values, 0..3))
        .prop_map(|(field, op, values)| Filter::new(field, op, &values))
}

fn any_query(list: List) -> impl Strategy<Value = ListQuery> {
    let sortable: Vec<&str> =
        list.fields().iter().filter(|field| field.sortable).map(|field| field.name).collect();
    let sort = (proptest::sample::select(sortable), any::<bool>())
        .prop_map(|(field, descending)| Sort { field: field.into(), descending });
    let search = proptest::sample::select(vec!["", "ü", "BACKUP", "native-1", "key-3", "-"]);
    (
        proptest::collection::vec(any_filter(list), 0..3),
        proptest::option::of(sort),
        proptest::option::of(search),
        1..9_usize,
    )
        .prop_map(|(filters, sort, search, limit)| ListQuery {
            filters,
            sort,
            search: search.map(str::to_owned),
            limit,
            ..ListQuery::default()
        })
}

#[test]
fn columns_and_sql_give_equal_pages_totals_and_facets() {
    let plain = Store::in_memory(Time::default()).unwrap();
    let with_columns = Store::in_memory(Time::default()).unwrap();
    estate(&plain);
    estate(&with_columns);
    with_columns.build_columns().unwrap();
    assert!(with_columns.columns_ready() && !plain.columns_ready());
    for list in [List::Identities, List::Credentials] {
        proptest!(ProptestConfig::with_cases(150), |(query in any_query(list))| {
            // A filter that does not fit its field is refused by both.
            let refused = match list {
                List::Credentials => plain.list_credentials(&query).is_err(),
                _ => plain.list_identities(&query).is_err(),
            };
            let refused_too = match list {
                List::Credentials => with_columns.list_credentials(&query).is_err(),
                _ => with_columns.list_identities(&query).is_err(),
            };
            prop_assert_eq!(refused, refused_too);
            if refused {
                return Ok(());
            }
            let ids = walk(&plain, list, &query);
            prop_assert_eq!(&walk(&with_columns, list, &query), &ids);
            prop_assert_eq!(
                select_total(&with_columns, list, &query),
                ids.len() as u64
            );
        });
    }
}

fn select_total(store: &Store, list: List, query: &ListQuery) -> u64 {
    store.total(list, query).unwrap().unwrap()
}

#[test]
fn facets_count_what_the_query_leaves() {
    on_each(|store| {
        estate(store);
        let query = ListQuery {
            filters: vec![Filter::new("enabled", Op::Is, &["true"])],
            ..ListQuery::default()
        };
        let fields = ["environment", "enabled", "authority"];
        let facets = store.facets(List::Identities, &query, &fields, 1).unwrap().unwrap();
        let told: Vec<_> = facets
            .iter()
            .map(|facet| {
                (&*facet.field, &*facet.values[0].value, facet.values[0].count, facet.n_others)
            })
            .collect();
        assert_eq!(
            told,
            [("environment", "", 5, 3), ("enabled", "true", 8, 0), ("authority", "record", 8, 0),]
        );
    });
}

#[test]
fn an_unknown_field_is_told_the_known_ones() {
    on_each(|store| {
        let query = ListQuery {
            filters: vec![Filter::new("colour", Op::Is, &["red"])],
            ..ListQuery::default()
        };
        let error = store.list_places(&query).unwrap_err();
        assert!(matches!(error, Error::UnknownField { .. }));
        insta::allow_duplicates! {
            insta::assert_snapshot!(error, @"places have no field `colour`; fields are id, kind, system, instance, native_id, name, source, scope, authority, seen_from, container, exposure");
        }
        let query = ListQuery { after: Some(Cursor("zz".into())), ..ListQuery::default() };
        assert!(matches!(store.list_places(&query), Err(Error::BadCursor)));
    });
}

#[test]
fn search_finds_by_name_and_by_id() {
    on_each(|store| {
        estate(store);
        for _ in 0..2 {
            assert_eq!(store.search("über", 100).unwrap().len(), 10);
            let id = identity("native-3", scope("/etc").id).id.to_string();
            let hits = store.search(&id, 10).unwrap();
            assert_eq!(hits.len(), 1);
            assert_eq!(hits[0].id, id);
            store.build_columns().unwrap();
        }
    });
}

#[test]
fn a_question_that_takes_too_long_is_refused() {
    on_each(|store| {
        let etc = scope("/etc");
        let mut batch = Batch { coverage: vec![complete(&etc)], ..Batch::default() };
        batch.identities = (0..3_000).map(|n| identity(&format!("n-{n}"), etc.id)).collect();
        let one = batch.identities.first().unwrap().id;
        sync(store, source(store, "one"), batch, at(1));
        let all = ListQuery::default();
        let past = ListQuery {
            as_of: Some(at(2)),
            sort: Some(Sort { field: "name".into(), descending: true }),
            ..ListQuery::default()
        };
        store.limit_steps(0);
        let refused = |error: Option<Error>| assert!(matches!(error, Some(Error::TooLong { .. })));
        refused(store.list_identities(&past).err());
        refused(store.total(List::Identities, &all).err());
        refused(store.facets(List::Identities, &all, &["kind"], 9).err());
        assert!(store.identity(one, None).unwrap().is_some());
        store.limit_steps(store::MAX_STEPS);
        assert_eq!(store.list_identities(&past).unwrap().rows.len(), 50);
        assert_eq!(store.total(List::Identities, &all).unwrap(), Some(3_000));
    });
}
