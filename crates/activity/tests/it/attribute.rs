//! Who used what, for each sort of caller and each class of names that differ.

use activity::Reader;
use activity::cloudtrail::{Attributed, Standing, attribute};

const EVENTS: &str = include_str!("events.ndjson");

fn told(about: &str, attributed: &Attributed<'_>) -> String {
    let Attributed { principal, access_key, session, via, operation, uses, outcome, .. } =
        attributed;
    let mut text = format!("{about}\n  {:?} {}", principal.kind, principal.key);
    for (name, value) in [("key", access_key), ("session", session), ("by", via)] {
        if let Some(value) = value {
            text.push_str(&format!(", {name} {value}"));
        }
    }
    if let Some(federated) = &principal.federated {
        text.push_str(&format!(", as {federated}"));
    }
    if operation.standing != Standing::Mapped {
        text.push_str(&format!(
            "\n  {:?} {}:{}",
            operation.standing, operation.prefix, operation.name
        ));
    }
    for used in uses {
        text.push_str(&format!("\n  {outcome:?} {} on {}", used.action, used.resource));
        if !used.is_observed {
            text.push_str(", not observed");
        }
        if let Some(service) = &used.passed_to {
            text.push_str(&format!(", to {service}"));
        }
    }
    text + "\n"
}

#[test]
fn every_class_of_record_is_attributed() {
    let mut abouts = EVENTS.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["about"].as_str().unwrap().to_owned()
    });
    let mut text = String::new();
    let reading = Reader::default().read(EVENTS.as_bytes(), &mut |event| {
        text.push_str(&told(&abouts.next().unwrap(), &attribute(event)));
    });
    assert_eq!((reading.problems.len(), abouts.next()), (0, None));
    insta::assert_snapshot!(text);
}
