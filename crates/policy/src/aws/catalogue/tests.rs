//! The committed file is whole, and sets agree with trying every action.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn catalogue() -> &'static Catalogue {
    Catalogue::get()
}

fn known() -> impl Iterator<Item = Action<'static>> {
    let ids = catalogue().services().iter().flat_map(Service::actions);
    ids.map(|id| catalogue().action(id).unwrap())
}

#[test]
fn the_whole_file_is_read() {
    let catalogue = catalogue();
    let told = format!("# {} services, {} actions", catalogue.services().len(), known().count());
    assert_eq!(TEXT.lines().last(), Some(told.as_str()));
    assert_eq!(catalogue.len(), known().count() + catalogue.services().len() + 1);
    assert_eq!(catalogue.all().len(), catalogue.len());
    assert!(TEXT.lines().all(|line| {
        line.starts_with(['#', 'S', 'K', 'C', 'R', 'A'])
            && (line.starts_with(['S', '#']) || line.is_ascii())
    }));
    let names: Vec<String> = known().map(|action| action.full_name().to_lowercase()).collect();
    assert!(names.is_sorted_by(|one, other| one < other), "ids are ranks");
    for service in catalogue.services() {
        let n_keys = TEXT.lines().filter(|line| line.starts_with('K')).count();
        assert!(service.keys.len() <= n_keys);
    }
    let n_keys: usize = catalogue.services().iter().map(|service| service.keys.len()).sum();
    assert_eq!(n_keys, TEXT.lines().filter(|line| line.starts_with("K\t")).count());
    for action in known() {
        assert_eq!(catalogue.id_of(&action.full_name()), Some(action.id));
        let n_types = action.types.split(',').filter(|name| !name.is_empty()).count();
        assert_eq!(action.affected().count(), n_types, "{}", action.full_name());
        for key in action.keys() {
            assert!(action.service.keys.iter().any(|one| one.name == key), "{key}");
        }
    }
}

#[test]
fn actions_are_told() {
    let told = |name: &str| {
        let action = catalogue().action(catalogue().id_of(name).unwrap()).unwrap();
        let affected: Vec<String> = action
            .affected()
            .map(|one| {
                let arns: Vec<&str> = one.resource_type.arns().collect();
                format!("{}{}", if one.is_needed { "!" } else { "" }, arns.join(","))
            })
            .collect();
        let keys: BTreeSet<&str> = action.keys().collect();
        let needs: Vec<&str> = action.dependents().collect();
        format!("{} {:?} {affected:?} {keys:?} {needs:?}", action.full_name(), action.level)
    };
    insta::assert_snapshot!(
        [
            "S3:getobject",
            "iam:PassRole",
            "sts:GetCallerIdentity",
            "ec2:StartInstances",
            "lambda:CreateFunction"
        ]
        .map(told)
        .join("\n")
    );
}

#[test]
fn what_is_not_known_has_ids() {
    let catalogue = catalogue();
    let s3 = catalogue.service("S3").unwrap();
    assert_eq!(catalogue.id_or_unknown("s3:GetObject"), catalogue.id_of("s3:GetObject").unwrap());
    assert_eq!(catalogue.id_or_unknown("s3:GetObjct"), s3.unknown());
    assert_eq!(catalogue.id_or_unknown("nosuch:Get"), catalogue.unknown());
    assert!(
        matches!(catalogue.named(s3.unknown()), Some(Named::UnknownOf(one)) if one.prefix == "s3")
    );
    assert!(matches!(catalogue.named(catalogue.unknown()), Some(Named::Unknown)));
    assert!(catalogue.named(ActionId(u32::MAX)).is_none());

    // Pattern, whether it may mean unknown actions of S3 and of other services, whether it surely
    // means all of them.
    for (pattern, may_s3, may_other, all_s3, all_other) in [
        ("s3:*", true, false, true, false),
        ("S3:**", true, false, true, false),
        ("s3:?*", true, false, true, false),
        ("s3:??*", true, false, false, false),
        ("*", true, true, true, true),
        ("*:*", true, true, true, true),
        ("*s3:*", true, true, true, false),
        ("s3*", true, true, true, false),
        ("s*", true, true, true, false),
        ("*3", true, true, false, false),
        ("s3:Get*", true, false, false, false),
        ("s3:GetObject", false, false, false, false),
        ("s3:GetObjct", true, false, false, false),
        ("s3:", false, false, false, false),
        ("s3:Get:*", false, false, false, false),
        ("s3:G t*", false, false, false, false),
        ("s?:GetObject", false, true, false, false),
        ("nosuch:Get*", false, true, false, false),
        ("ec2:*", false, false, false, false),
        ("s3", false, false, false, false),
        ("", false, false, false, false),
    ] {
        let (may, all) = (catalogue.matching(pattern), catalogue.matching_surely(pattern));
        let found = [
            may.contains(s3.unknown()),
            may.contains(catalogue.unknown()),
            all.contains(s3.unknown()),
            all.contains(catalogue.unknown()),
        ];
        assert_eq!(found, [may_s3, may_other, all_s3, all_other], "{pattern}");
        assert!(all.is_subset(&may), "{pattern}");
    }
    let today = known().filter(|action| action.service.prefix == "s3").map(|action| action.id);
    let mut list = ActionSet::empty(catalogue.len());
    today.for_each(|id| list.insert(id));
    assert_eq!(catalogue.matching("s3:*").difference(&list).len(), 1);
    assert!(catalogue.matching_none(["*"]).is_empty());
    assert!(catalogue.matching_none(["s3:Get*"]).contains(s3.unknown()));
    assert!(!catalogue.matching_none(["s3:*"]).contains(s3.unknown()));
}

#[test]
fn names_that_were_meant_are_found() {
    for (written, wanted) in [
        ("s3:GetObjct", "s3:GetObject"),
        ("s3:ListBukcet", "s3:ListBucket"),
        ("s4:GetObject", "s3:GetObject"),
        ("ec2:RunInstance", "ec2:RunInstances"),
        ("ec2:describeinstancess", "ec2:DescribeInstances"),
        ("s3:Frobnicate", ""),
        ("nonsense", ""),
    ] {
        let found = catalogue().nearest(written);
        assert_eq!(found.first().map_or("", String::as_str), wanted, "{written}: {found:?}");
        assert!(found.len() <= MAX_NEAREST);
    }
    assert!(catalogue().nearest(&format!("s3:{}", "a".repeat(10_000))).is_empty());
    let tag = Key { name: "aws:RequestTag/${TagKey}", sort: KeySort::Text, is_list: false };
    assert!(
        tag.is("aws:requesttag/team") && !tag.is("aws:RequestTag/") && !tag.is("aws:RequestTag")
    );
    let tag = Key { name: "s3:ExistingObjectTag/<key>", sort: KeySort::Text, is_list: false };
    assert!(tag.is("s3:ExistingObjectTag/a/b") && !tag.is("s3:ExistingObjectTag"));
}

/// Every known action that a pattern matches, one at a time.
fn naive(pattern: &str) -> BTreeSet<ActionId> {
    let glob = Glob::new(pattern, Case::Ignored);
    let names = NAMES.iter().filter(|(_, name)| glob.matches(name));
    names.map(|(id, _)| *id).collect()
}

static NAMES: LazyLock<Vec<(ActionId, String)>> =
    LazyLock::new(|| known().map(|action| (action.id, action.full_name())).collect());

/// Patterns that are like actions: one of them with pieces replaced.
fn patterns() -> impl Strategy<Value = String> {
    let cut = (
        0..NAMES.len(),
        proptest::collection::vec((0_usize..40, 0_usize..6, "[*?:]?|[a-zA-Z]"), 0..3),
    );
    cut.prop_map(|(at, changes)| {
        let mut name: Vec<char> = NAMES[at].1.chars().collect();
        for (from, n, put) in changes {
            let from = from % (name.len() + 1);
            let to = (from + n).min(name.len());
            name.splice(from..to, put.chars());
        }
        name.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn sets_agree_with_trying_every_action(
        one in prop_oneof![patterns(), "[*?s3:eG]{0,8}"],
        other in patterns(),
        letters in "[a-zA-Z]{0,6}",
    ) {
        let catalogue = catalogue();
        let wanted = [naive(&one), naive(&other)];
        let only_known = |set: &ActionSet| -> BTreeSet<ActionId> {
            set.iter().filter(|id| catalogue.action(*id).is_some()).collect()
        };
        let sets = [catalogue.matching(&one), catalogue.matching(&other)];
        prop_assert_eq!(only_known(&sets[0]), wanted[0].clone(), "{}", one);
        prop_assert_eq!(only_known(&sets[1]), wanted[1].clone(), "{}", other);
        let surely = catalogue.matching_surely(&one);
        prop_assert_eq!(only_known(&surely), wanted[0].clone());
        prop_assert!(surely.is_subset(&sets[0]));

        // The algebra is that of sets of ids.
        let ids = sets.clone().map(|set| set.iter().collect::<BTreeSet<_>>());
        let [a, b] = &ids;
        let as_set = |set: &ActionSet| set.iter().collect::<BTreeSet<_>>();
        prop_assert_eq!(as_set(&sets[0].union(&sets[1])), a | b);
        prop_assert_eq!(as_set(&sets[0].intersection(&sets[1])), a & b);
        prop_assert_eq!(as_set(&sets[0].difference(&sets[1])), a - b);
        prop_assert_eq!(sets[0].is_subset(&sets[1]), a.is_subset(b));
        prop_assert_eq!(sets[0].is_disjoint(&sets[1]), a.is_disjoint(b));
        prop_assert_eq!((sets[0].len(), sets[0].is_empty()), (a.len(), a.is_empty()));
        let mut both = sets[0].clone();
        both.insert_all(&sets[1]);
        prop_assert_eq!(&both, &sets[0].union(&sets[1]));
        both.remove_all(&sets[1]);
        prop_assert_eq!(&both, &sets[0].difference(&sets[1]));

        // Whatever the pattern matches is in the widest set, known or not; whatever it does not
        // match shows that the narrowest does not hold what is not known.
        let filled: String = one.chars().flat_map(|c| match c {
            '*' => letters.chars().collect::<Vec<_>>(),
            '?' => vec!['x'],
            c => vec![c],
        }).collect();
        if let Some((service, name)) = filled.split_once(':')
            && !service.is_empty() && !name.is_empty() && !name.contains(':')
        {
            prop_assert!(sets[0].contains(catalogue.id_or_unknown(&filled)), "{} {}", one, filled);
        }
        for service in ["s3", "nosuch"] {
            let asked = format!("{service}:Zz{letters}");
            if !Glob::new(&one, Case::Ignored).matches(&asked) {
                prop_assert!(!surely.contains(catalogue.id_or_unknown(&asked)), "{} {}", one, asked);
            }
        }
        let outside = catalogue.matching_none([one.as_str()]);
        prop_assert_eq!(outside, catalogue.all().difference(&surely));
    }

    #[test]
    fn likeness_has_an_end(text in "[a-z3:]{0,40}") {
        for near in catalogue().nearest(&text) {
            prop_assert!(catalogue().id_of(&near).is_some());
        }
    }
}
