//! What is read of files, sound and broken.

use std::io::Write;

use activity::{MAX_FIELD_BYTES, MAX_RATIO, MAX_RECORD_BYTES, RATIO_FROM_BYTES, Reader, Reading};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

fn record(id: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ci"}},"eventTime":"2026-11-22T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"{id}","requestParameters":{{"bucketName":"data","key":"a}}{{"}}}}"#
    )
}

fn trail(ids: &[&str]) -> String {
    let records: Vec<String> = ids.iter().map(|id| record(id)).collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(","))
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The ids of the records that were read.
fn read(file: &[u8]) -> (Vec<String>, Reading) {
    let mut ids = Vec::new();
    let reading = Reader::default()
        .read(file, &mut |event| ids.push(event.id.clone().unwrap_or_default().into_owned()));
    assert_eq!(reading.n_records, ids.len() as u64);
    (ids, reading)
}

/// A fault may not cost a look at all the rest.
#[test]
fn many_faults_take_no_longer_than_few() {
    let broken = |text: &str| {
        let text = text.repeat(20_000);
        assert_eq!(read(text.as_bytes()).0.len(), 0);
        assert_eq!(read(format!(r#"{{"Records":[{text}"#).as_bytes()).0.len(), 0);
    };
    for text in
        ["{x},", "{\"eventVersion\":x,", "\n{x", "\n{\"a\":[", "{\"eventVersion\" ", "[x", "x,"]
    {
        broken(text);
    }
    // Broken where the outermost is, and each might hold whole records.
    let nested = "{\"eventVersion\":[".repeat(60);
    let text = format!(r#"{{"Records":[{nested}{}x"#, "1,".repeat(1_000_000));
    assert_eq!(read(text.as_bytes()).0.len(), 0);
}

/// The same, as it would be read of a file too large for memory.
fn read_in_pieces(file: &[u8]) -> (Vec<String>, Reading) {
    let mut ids = Vec::new();
    let reading = Reader::in_pieces(file, &mut |event| {
        ids.push(event.id.clone().unwrap_or_default().into_owned());
    });
    (ids, reading)
}

fn check(what: &str, file: &[u8], ids: &str, problems: &[&str]) {
    for (how, (found, reading)) in [("whole", read(file)), ("in pieces", read_in_pieces(file))] {
        assert_eq!(found.join(" "), ids, "{what}, {how}: {:?}", reading.problems);
        let told: Vec<String> = (reading.problems.iter())
            .map(|problem| format!("{} {} {}", problem.reason.name(), problem.byte, problem.detail))
            .collect();
        assert_eq!(told, problems, "{what}, {how}");
    }
}

#[test]
fn every_form_of_file_is_read() {
    let sound = |what: &str, text: &str, ids: &str| {
        check(what, text.as_bytes(), ids, &[]);
        check(&format!("{what}, gzip"), &gz(text.as_bytes()), ids, &[]);
    };
    let string = |id: &str| serde_json::to_string(&record(id)).unwrap();
    let pretty: serde_json::Value = serde_json::from_str(&trail(&["a", "b"])).unwrap();
    sound("a trail", &trail(&["a", "b"]), "a b");
    sound("without records", &trail(&[]), "");
    sound("empty", "", "");
    sound("indented", &serde_json::to_string_pretty(&pretty).unwrap(), "a b");
    sound("with a mark of byte order", &format!("\u{feff}{}", trail(&["a"])), "a");
    sound("one record", &record("a"), "a");
    sound("a list of records", &format!("[{},{}]", record("a"), record("b")), "a b");
    sound("one for each line", &format!("{}\n\n{}\r\n", record("a"), record("b")), "a b");
    sound("trails for each line", &format!("{}\n{}", trail(&["a", "b"]), trail(&["c"])), "a b c");
    sound("a list of trails", &format!("[{},{}]", trail(&["a"]), trail(&["b"])), "a b");
    sound(
        "lookup-events",
        &format!(
            r#"{{"Events":[{{"EventId":"a","CloudTrailEvent":{}}},{{"CloudTrailEvent":{}}}],"NextToken":"x"}}"#,
            string("a"),
            string("b")
        ),
        "a b",
    );
    sound(
        "EventBridge",
        &format!(
            r#"{{"version":"0","detail-type":"AWS API Call via CloudTrail","detail":{}}}"#,
            record("a")
        ),
        "a",
    );
    sound(
        "CloudWatch Logs",
        &format!(
            r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"id":"1","message":{}}}]}}"#,
            string("a")
        ),
        "a",
    );
    sound(
        "CloudTrail Lake",
        &format!(
            r#"{{"QueryStatus":"FINISHED","QueryResultRows":[[{{"eventTime":"x"}},{{"eventJson":{}}}],[{{"eventJson":{}}}]]}}"#,
            string("a"),
            string("b")
        ),
        "a b",
    );
}

#[test]
fn several_gzip_members_are_one_content() {
    let (one, other) = (record("a"), record("b"));
    let both = trail(&["a", "b"]);
    let (start, end) = both.split_at(100);
    check(
        "a line each",
        &[gz(one.as_bytes()), gz(b"\n"), gz(other.as_bytes())].concat(),
        "a b",
        &[],
    );
    check("the same twice", &[gz(one.as_bytes()), gz(one.as_bytes())].concat(), "a a", &[]);
    check("cut within a record", &[gz(start.as_bytes()), gz(end.as_bytes())].concat(), "a b", &[]);
    check("padded", &[gz(one.as_bytes()), vec![0; 512]].concat(), "a", &[]);
    let followed = [gz(one.as_bytes()), b"tail".to_vec()].concat();
    let at = gz(one.as_bytes()).len();
    check(
        "followed by something else",
        &followed,
        "a",
        &[&format!(
            "malformed {} what follows the last gzip member is no gzip, at byte {at} of the file; 1 records are kept",
            one.len()
        )],
    );
}

#[test]
fn what_is_broken_is_told_and_the_rest_is_kept() {
    let (a, c) = (record("a"), record("c"));
    let bad = record("b").replace(r#""eventName":"#, r#""eventName""#);
    let at = a.len() + 1;
    let colon = bad.find(r#""GetObject"#).unwrap();
    check(
        "a broken line",
        format!("{a}\n{bad}\n{c}").as_bytes(),
        "a c",
        &[&format!("malformed {at} expected `:` after a key, at byte {}", at + colon)],
    );
    check(
        "a broken record",
        format!(r#"{{"Records":[{a},{bad},{c}]}}"#).as_bytes(),
        "a c",
        &[&format!("malformed {} expected `:` after a key, at byte {}", at + 12, at + 12 + colon)],
    );
    check(
        "a line that is cut",
        format!("{a}\n{}\n{c}", &bad[..50]).as_bytes(),
        "a c",
        &[&format!(
            "malformed {at} expected no control character within a string, at byte {}",
            at + 50
        )],
    );
    let unclosed = record("b").replace(r#"user/ci"}"#, r#"user/ci""#);
    check(
        "a brace is missing",
        format!(r#"{{"Records":[{a},{unclosed},{c}]}}"#).as_bytes(),
        "a c",
        &[&format!(
            "malformed {} expected a key, at byte {}",
            at + 12,
            at + 12 + unclosed.len() + 1
        )],
    );
    let whole = trail(&["a", "b", "c"]);
    check(
        "a trail that is cut",
        &whole.as_bytes()[..whole.len() - 20],
        "a b",
        &[&format!("malformed {} ends within what begins here; 2 records are kept", 12 + 2 * at)],
    );
    check(
        "a trail without its end",
        &whole.as_bytes()[..whole.len() - 2],
        "a b c",
        &[&format!("malformed {} ends within a list of records; 3 are kept", whole.len() - 2)],
    );
    check(
        "no comma",
        format!("[{a} {c}]").as_bytes(),
        "a c",
        &[&format!("malformed {} no `,` or `]` after a record", at + 1)],
    );
    check(
        "not UTF-8",
        &a.replace("user/ci", "user/\u{1}")
            .into_bytes()
            .iter()
            .map(|b| if *b == 1 { 0xff } else { *b })
            .collect::<Vec<u8>>(),
        "a",
        &[&format!("malformed {} not UTF-8; what is not is read as U+FFFD", a.find("ci").unwrap())],
    );
}

#[test]
fn gzip_that_breaks_keeps_what_came_before() {
    let many: Vec<String> = (0..400).map(|n| format!("{n:04}{:x}", blake3(n))).collect();
    let ids: Vec<&str> = many.iter().map(String::as_str).collect();
    let file = gz(trail(&ids).as_bytes());
    let cut = &file[..file.len() / 2];
    let (kept, reading) = read(cut);
    assert!(kept.len() > 100 && kept[..] == ids[..kept.len()], "{}", kept.len());
    let [problem] = &reading.problems[..] else { unreachable!("{:?}", reading.problems) };
    let begins = format!(
        "gzip ends within member 1, at byte {} of the file, within what begins at byte",
        cut.len()
    );
    assert!(problem.detail.starts_with(&begins), "{}", problem.detail);
    assert!(
        problem.detail.ends_with(&format!("; {} records are kept", kept.len())),
        "{}",
        problem.detail
    );
    let mut wrong = file;
    let middle = wrong.len() / 2;
    wrong[middle] ^= 0x55;
    wrong[middle + 1] ^= 0x55;
    let (kept, reading) = read(&wrong);
    assert!(kept.len() > 100, "{}", kept.len());
    assert!(reading.problems[0].detail.starts_with("gzip is broken"), "{:?}", reading.problems[0]);
}

fn blake3(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

#[test]
fn what_is_something_else_is_named() {
    let other =
        |file: &[u8], what: &str| check(what, file, "", &[&format!("unsupported 0 {what}")]);
    other(&gz(&gz(trail(&["a"]).as_bytes())), "gzip within gzip, which is not unpacked again");
    other(b"PK\x03\x04rest", "a zip archive");
    other(b"<html></html>", "XML or HTML");
    other(b"PAR1", "Parquet");
    other(
        br#"{"awsAccountId":"1","digestS3Object":"x"}"#,
        "a digest file of CloudTrail, which holds no events",
    );
    other(br#"{"a":1}"#, "no record of CloudTrail: it lacks `eventSource` or `eventName`");
    check("a number", b"12", "", &["malformed 0 expected an object or an array, at byte 0"]);
    check(
        "numbers",
        b"[1,2]",
        "",
        &["malformed 1 an item that is no object", "malformed 3 an item that is no object"],
    );
    let row = br#"{"QueryResultRows":[[{"eventName":"x"}]]}"#;
    check(
        "a row without a record",
        row,
        "",
        &["unsupported 38 a row of a query's result without the column `eventJson`"],
    );
}

#[test]
fn limits_are_named() {
    let deep = record("a").replace(r#""data""#, &("[".repeat(200) + &"]".repeat(200)));
    let text = format!("[{deep},{}]", record("b"));
    let (ids, reading) = read(text.as_bytes());
    assert_eq!((ids.join(" ").as_str(), reading.problems[0].reason.name()), ("b", "too-deep"));
    let deep = "[".repeat(1_000_000);
    let (ids, reading) = read(deep.as_bytes());
    assert_eq!((ids.len(), reading.problems[0].reason.name()), (0, "too-deep"));

    let large = record("a").replace("data", &"x".repeat(MAX_RECORD_BYTES));
    let at = 12 + record("b").len() + 1;
    let text = format!(r#"{{"Records":[{},{large},{}]}}"#, record("b"), record("c"));
    check(
        "too large",
        text.as_bytes(),
        "b c",
        &[&format!("too-large {at} a record of more than {MAX_RECORD_BYTES} bytes")],
    );

    let long = record("a").replace("user/ci", &"x".repeat(MAX_FIELD_BYTES));
    check(
        "a long name",
        format!("{long}\n{}", record("b")).as_bytes(),
        "b",
        &[&format!("too-large 0 a record with a text of more than {MAX_FIELD_BYTES} bytes")],
    );

    let zeros = vec![b' '; usize::try_from(RATIO_FROM_BYTES * 3).unwrap()];
    let (_, reading) = read(&gz(&zeros));
    assert!(
        reading.problems[0]
            .detail
            .starts_with(&format!("content of more than {MAX_RATIO} times the file")),
        "{:?}",
        reading.problems
    );
}

#[test]
fn content_of_many_pieces_is_read_once() {
    let lines: Vec<String> = (0..12_000).map(|n| record(&n.to_string())).collect();
    let expected: Vec<String> = (0..12_000).map(|n| n.to_string()).collect();
    for text in [lines.join("\n"), format!(r#"{{"Records":[{}]}}"#, lines.join(","))] {
        let (ids, reading) = read_in_pieces(text.as_bytes());
        assert_eq!((ids, reading.problems.len()), (expected.clone(), 0));
        assert_eq!(reading.n_bytes, text.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is cut out of a file of lines or replaced in it, the lines that are whole are read.
    #[test]
    fn lines_that_are_whole_are_read(cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)) {
        let lines: Vec<String> = (0..8).map(|n| record(&n.to_string())).collect();
        let mut bytes = lines.join("\n").into_bytes();
        for (at, byte) in cuts {
            let at = at.index(bytes.len());
            if bytes[at] != b'\n' && byte != b'\n' {
                bytes[at] = byte;
            }
        }
        let (ids, _) = read(&bytes);
        for (n, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line == lines[n].as_bytes() && bytes[0] == b'{' {
                let id = n.to_string();
                prop_assert!(ids.iter().filter(|found| **found == id).count() >= 1, "{n} of {ids:?}");
            }
        }
        let (in_pieces, _) = read_in_pieces(&bytes);
        prop_assert_eq!(ids, in_pieces);
    }

    #[test]
    fn no_bytes_end_it(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}:,\"a-z\n]{0,100}") {
        read(&bytes);
        read(&gz(&bytes));
        read(text.as_bytes());
        read(format!(r#"{{"Records":[{text}"#).as_bytes());
    }
}
