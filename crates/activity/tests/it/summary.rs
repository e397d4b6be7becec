//! What events come to, whatever order they came in and however often.

use activity::cloudtrail::Event;
use activity::{Added, MAX_AREAS, MAX_BYTES, MAX_IDS, Reader, Summaries};
use proptest::prelude::*;

/// A record in a few words: who, with which key, what, on what, when, where from.
#[derive(Debug, Clone)]
struct Told {
    id: u32,
    shared: Option<u32>,
    caller: u8,
    operation: u8,
    object: u16,
    minute: u8,
    account: u8,
    outcome: u8,
}

impl Told {
    fn json(&self) -> String {
        let account = if self.account.is_multiple_of(2) { "111122223333" } else { "444455556666" };
        let caller = match self.caller % 4 {
            0 => r#"{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ci","accountId":"111122223333","accessKeyId":"AKIAIOSFODNN7EXAMPLE"}"#.to_owned(),
            1 => format!(r#"{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/app/s{}","accountId":"111122223333","accessKeyId":"ASIA{}"}}"#, self.minute, self.object),
            2 => r#"{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}"#.to_owned(),
            _ => r#"{"type":"AWSAccount","accountId":"777788889999","principalId":"AROA:x"}"#.to_owned(),
        };
        let (source, name) = match self.operation % 4 {
            0 => ("s3", "GetObject"),
            1 => ("s3", "CopyObject"),
            2 => ("x", "Unknown"),
            _ => ("sqs", "SendMessage"),
        };
        let shared = self
            .shared
            .map(|id| format!(r#""sharedEventID":"00000000-0000-0000-1111-{id:012x}","#));
        let error = match self.outcome % 6 {
            0 => r#""errorCode":"AccessDenied","#,
            1 => r#""errorCode":"NoSuchKey","#,
            _ => "",
        };
        format!(
            r#"{{"eventVersion":"1.11","userIdentity":{caller},"eventTime":"2026-11-22T10:{:02}:00Z","eventSource":"{source}.amazonaws.com","eventName":"{name}",{}{error}"awsRegion":"eu-central-1","sourceIPAddress":"203.0.{}.7","userAgent":"agent{}/1","requestParameters":{{"bucketName":"data","key":"f{}/o{}","queueUrl":"q"}},"eventID":"00000000-0000-4000-8000-{:012x}","eventCategory":"Data","eventType":"AwsApiCall","recipientAccountId":"{account}"}}"#,
            self.minute % 60,
            shared.unwrap_or_default(),
            self.object % 40,
            self.object % 30,
            self.object % 100,
            self.object,
            self.id,
        )
    }
}

fn told() -> impl Strategy<Value = Told> {
    let small = (any::<u8>(), any::<u8>(), 0..400_u16, any::<u8>(), any::<u8>(), any::<u8>());
    (small, prop::option::weighted(0.2, 0..20_u32)).prop_map(
        |((caller, operation, object, minute, account, outcome), shared)| Told {
            id: 0,
            shared,
            caller,
            operation,
            object,
            minute,
            account,
            outcome,
        },
    )
}

fn add(summaries: &mut Summaries, json: &str) {
    let reading = Reader::default().read(json.as_bytes(), &mut |event: &Event<'_>| {
        summaries.add(event);
    });
    assert_eq!((reading.n_records, reading.problems), (1, Vec::new()));
}

fn shown(summaries: &Summaries) -> String {
    serde_json::to_string_pretty(&summaries.view()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any order, any partition, and 21 % that come again in any part: the same state, and merging
    /// is associative and commutative.
    #[test]
    fn the_same_events_come_to_the_same(
        mut events in prop::collection::vec(told(), 1..300),
        again in prop::collection::vec(any::<prop::sample::Index>(), 63),
        parts in prop::collection::vec(0..4_usize, 363),
        order in any::<u64>(),
    ) {
        for (n, event) in events.iter_mut().enumerate() {
            event.id = u32::try_from(n).unwrap();
        }
        let mut one = Summaries::default();
        for event in &events { add(&mut one, &event.json()); }
        let expected = shown(&one);
        prop_assert_eq!(one.view().n_events <= events.len() as u64, true);

        let n_again = events.len() * 21 / 100;
        let copies: Vec<Told> = again.iter().take(n_again).map(|at| at.get(&events).clone()).collect();
        let mut all = [events.clone(), copies].concat();
        all.sort_by_key(|event| (u64::from(event.id) + 1).wrapping_mul(order | 1).rotate_left(17));
        let mut shuffled = Summaries::default();
        for event in &all { add(&mut shuffled, &event.json()); }
        prop_assert_eq!(&shown(&shuffled), &expected);

        let mut split: Vec<Summaries> = vec![Summaries::default(); 4];
        for (event, part) in all.iter().zip(&parts) {
            add(&mut split[*part], &event.json());
        }
        let merged = |order: &[usize]| {
            let mut merged = Summaries::default();
            for part in order { merged.merge(&split[*part]); }
            shown(&merged)
        };
        prop_assert_eq!(&merged(&[0, 1, 2, 3]), &expected);
        prop_assert_eq!(&merged(&[3, 1, 2, 0, 1, 3]), &expected);
        let (mut left, mut right) = (split[0].clone(), split[2].clone());
        left.merge(&split[1]);
        right.merge(&split[3]);
        right.merge(&left);
        prop_assert_eq!(&shown(&right), &expected);
    }
}

fn object(id: u32, object: u16) -> Told {
    Told { id, shared: None, caller: 0, operation: 0, object, minute: 1, account: 0, outcome: 5 }
}

#[test]
fn many_objects_are_one_area() {
    let mut summaries = Summaries::default();
    let n = u16::try_from(MAX_AREAS).unwrap();
    for at in 0..n {
        add(&mut summaries, &object(u32::from(at), at).json());
    }
    assert_eq!(summaries.view().identities[0].uses.len(), MAX_AREAS);
    add(&mut summaries, &object(1_000, n).json());
    let uses = summaries.view().identities.remove(0).uses;
    let told: Vec<(String, u64)> =
        uses.into_iter().map(|used| (used.resource, used.success.n)).collect();
    // 65 folders of one object each are too many as well.
    assert_eq!(told, [("arn:aws:s3:::data/*".to_owned(), 65)]);
}

#[test]
fn areas_that_grow_while_parts_come_together_lose_nothing() {
    let half = u16::try_from(MAX_AREAS * 2 / 3).unwrap();
    let part = |from: u16| {
        let mut summaries = Summaries::default();
        for at in from..from + half {
            add(&mut summaries, &object(u32::from(at), at).json());
        }
        summaries
    };
    let (mut one, other) = (part(0), part(half));
    one.merge(&other);
    let view = one.view();
    let n_used: u64 = view.identities[0].uses.iter().map(|used| used.success.n).sum();
    assert_eq!((view.n_events, n_used), (u64::from(half) * 2, u64::from(half) * 2));
}

#[test]
fn one_call_is_one_use_of_an_area() {
    let call = |id: u32, keys: &str| {
        let json = object(id, 0).json().replace("GetObject", "DeleteObjects");
        json.replace(r#""key":"f0/o0""#, &format!(r#""key":[{keys}]"#))
    };
    let mut summaries = Summaries::default();
    for id in 0..u32::try_from(MAX_AREAS).unwrap() {
        add(&mut summaries, &call(id, &format!(r#""a/{id}","a/{id}b""#)));
    }
    assert_eq!(summaries.view().identities[0].uses.len(), 2 * MAX_AREAS);
    for id in [1_000, 1_001] {
        add(&mut summaries, &call(id, &format!(r#""a/{id}","a/{id}b""#)));
    }
    let view = summaries.view();
    let uses = &view.identities[0].uses;
    assert_eq!((uses.len(), uses[0].success.n), (1, view.n_events));
}

#[test]
fn copies_of_one_call_count_once() {
    let own = Told { shared: Some(1), ..object(7, 1) };
    let theirs = Told { id: 8, caller: 3, account: 1, shared: Some(1), ..object(7, 1) };
    for order in [[&own, &theirs], [&theirs, &own]] {
        let mut summaries = Summaries::default();
        for event in order {
            add(&mut summaries, &event.json());
        }
        let view = summaries.view();
        assert_eq!((view.n_events, view.identities.len()), (1, 1));
        assert_eq!(view.identities[0].key, "arn:aws:iam::111122223333:user/ci");
    }
}

#[test]
fn without_an_id_the_record_itself_is_known_again() {
    let mut summaries = Summaries::default();
    let without = |told: &Told| told.json().replace("eventID", "x");
    add(&mut summaries, &without(&object(1, 1)));
    add(&mut summaries, &without(&object(1, 1)));
    add(&mut summaries, &without(&object(2, 1)));
    assert_eq!(summaries.view().n_events, 2);
}

#[test]
fn beyond_the_limit_of_ids_it_says_so() {
    let mut summaries = Summaries::within(2, MAX_BYTES);
    for id in [1, 2, 3, 3, 1] {
        add(&mut summaries, &object(id, 1).json());
    }
    let view = summaries.view();
    assert_eq!((view.n_events, view.n_forgotten), (4, 2));
}

#[test]
fn what_finds_no_room_is_left_out_and_counted() {
    let mut summaries = Summaries::within(MAX_IDS, 20_000);
    for id in 0..1_000 {
        let region = format!("eu-{id}");
        add(&mut summaries, &object(id, 0).json().replace("eu-central-1", &region));
    }
    let view = summaries.view();
    assert_eq!(view.n_events + view.n_left_out, 1_000);
    assert!((50..500).contains(&view.n_events) && !view.is_complete(), "{}", view.n_events);
}

/// Whose events are wanted does not change what the trails were seen to hold.
#[test]
fn trails_are_those_of_all_events() {
    let (own, other) = (object(1, 0), Told { caller: 2, minute: 9, ..object(2, 0) });
    let mut summaries = Summaries::default();
    let mut added = Vec::new();
    for told in [&own, &other, &own] {
        Reader::default().read(told.json().as_bytes(), &mut |event: &Event<'_>| {
            added.push(summaries.add_of(event, |key| key.ends_with("user/ci")));
        });
    }
    assert_eq!(added, [Added::New, Added::Unwanted, Added::Known]);
    let view = summaries.view();
    assert_eq!((view.n_events, view.identities.len(), view.trails.len()), (1, 1, 1));
    let [first, last] = [view.trails[0].first, view.trails[0].last].map(|time| time.unwrap());
    assert_eq!(last.micros() - first.micros(), 8 * 60 * 1_000_000);
}
