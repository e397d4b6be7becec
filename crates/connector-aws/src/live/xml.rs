//! Replies in XML, as the JSON that the CLI prints of them.
//!
//! XML does not say what is a list. In the protocol of IAM a list is an element whose children are
//! called `member`, and a map one whose children are called `entry`; in EC2's they are called `item`,
//! and members begin small. An empty element is an empty list, unless it is known to be an object.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Elements within elements.
const MAX_DEPTH: usize = 64;
/// Objects that replies leave empty.
const EMPTY_OBJECTS: &[&str] = &["RoleLastUsed", "AccessKeyLastUsed", "Attributes"];
/// What EC2 calls otherwise than the CLI does, beside the first letter.
const RENAMED: &[(&str, &str)] = &[
    ("reservationSet", "Reservations"),
    ("instancesSet", "Instances"),
    ("tagSet", "Tags"),
    ("regionInfo", "Regions"),
    ("instanceState", "State"),
];

/// An element while its children are read.
#[derive(Debug, Default)]
struct Open {
    name: String,
    children: Vec<(String, Value)>,
    text: String,
}

/// The children of the document's own element; `None` when it is no whole XML.
pub(crate) fn read(bytes: &[u8], is_ec2: bool) -> Option<Value> {
    let mut reader = Reader::from_str(std::str::from_utf8(bytes).ok()?);
    let mut open: Vec<Open> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if open.len() == MAX_DEPTH {
                    return None;
                }
                open.push(Open::named(start.local_name().as_ref()));
            }
            Event::Empty(empty) => {
                let name = empty.local_name().as_ref().to_owned();
                let value = Open::named(&name).value(is_ec2);
                match open.last_mut() {
                    Some(parent) => parent.children.push((name, value)),
                    None => return Some(value),
                }
            }
            Event::Text(text) => {
                if let Some(open) = open.last_mut() {
                    open.text.push_str(&text);
                }
            }
            Event::CData(text) => {
                open.last_mut()?.text.push_str(&text);
            }
            Event::GeneralRef(reference) => {
                open.last_mut()?.text.push_str(&referred(&reference)?);
            }
            Event::End(_) => {
                let closed = open.pop()?;
                let name = closed.name.clone();
                let value = closed.value(is_ec2);
                match open.last_mut() {
                    Some(parent) => parent.children.push((name, value)),
                    None => return Some(value),
                }
            }
            Event::Eof => return None,
            // Of entities of its own a reply has none: a document type is skipped, and a reference
            // to one of its entities is refused.
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
        }
    }
}

/// What `&name;` stands for.
fn referred(name: &str) -> Option<String> {
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)?
        }
    };
    Some(character.into())
}

impl Open {
    fn named(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn value(self, is_ec2: bool) -> Value {
        let Some((first, _)) = self.children.first() else {
            return if !self.text.trim().is_empty() {
                Value::String(self.text)
            } else if EMPTY_OBJECTS.contains(&self.name.as_str()) {
                Value::Object(Map::new())
            } else {
                Value::Array(Vec::new())
            };
        };
        let element = if is_ec2 { "item" } else { "member" };
        if first == element {
            return self.children.into_iter().map(|(_, value)| value).collect();
        }
        if first == "entry" {
            let pairs = self.children.into_iter().filter_map(|(_, mut entry)| {
                let entry = entry.as_object_mut()?;
                let Some(Value::String(key)) = entry.remove("key") else { return None };
                Some((key, entry.remove("value")?))
            });
            return Value::Object(pairs.collect());
        }
        let mut object = Map::new();
        for (name, value) in self.children {
            let name = if is_ec2 { capital(&name) } else { name };
            // The members of a list that has no element of its own (the buckets of S3) follow each
            // other.
            match object.get_mut(&name) {
                None => drop(object.insert(name, value)),
                Some(Value::Array(list)) => list.push(value),
                Some(known) => *known = Value::Array(vec![known.take(), value]),
            }
        }
        Value::Object(object)
    }
}

fn capital(name: &str) -> String {
    if let Some((_, renamed)) = RENAMED.iter().find(|(from, _)| *from == name) {
        return (*renamed).into();
    }
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_becomes_what_the_cli_prints() {
        let check = |is_ec2: bool, xml: &str, json: &str| {
            let expected = serde_json::from_str::<Value>(json).ok();
            assert_eq!(read(xml.as_bytes(), is_ec2), expected, "{xml}");
        };
        check(
            false,
            "<?xml version='1.0'?><R xmlns='x'><Users><member><Name>a &amp; &#x62;</Name><Tags/>\
             </member></Users><IsTruncated>false</IsTruncated></R>",
            r#"{"IsTruncated":"false","Users":[{"Name":"a & b","Tags":[]}]}"#,
        );
        check(
            false,
            "<R><Attributes><entry><key>Policy</key><value>{}</value></entry></Attributes></R>",
            r#"{"Attributes":{"Policy":"{}"}}"#,
        );
        check(
            false,
            "<R><RoleLastUsed/><a> <b>1</b> </a></R>",
            r#"{"RoleLastUsed":{},"a":{"b":"1"}}"#,
        );
        check(
            true,
            "<R><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId></item>\
             </instancesSet></item></reservationSet></R>",
            r#"{"Reservations":[{"Instances":[{"InstanceId":"i-1"}]}]}"#,
        );
        check(false, "<R><a>1</a><a>2</a><a>3</a></R>", r#"{"a":["1","2","3"]}"#);
        check(false, "<R/>", "[]");
        check(false, "<R><a>1</a>", "none");
        check(false, "<R><a>&own;</a></R>", "none");
        check(false, "", "none");
        check(false, "<a>", "none");
        check(false, &"<a>".repeat(100), "none");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            drop(read(&bytes, false));
        }
    }
}
