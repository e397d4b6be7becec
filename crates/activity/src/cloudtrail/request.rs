//! `requestParameters`: finds parameters by the names that the API has, which CloudTrail varies.

use std::borrow::Cow;

use crate::json::{Read, Scanner};

/// Values of one parameter; the rest of a longer list are left out, and the use is not observed.
pub const MAX_VALUES: usize = 100;
/// Longer values are left out: no ARN has more than 2,048 characters, no name more than its ARN.
pub const MAX_VALUE_BYTES: usize = 2_048;
/// Objects within each other that are searched for an EC2 parameter.
const MAX_SEARCH: usize = 5;

/// The parameters of a call, as JSON.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request<'a> {
    members: Vec<(Cow<'a, str>, &'a str)>,
    raw: &'a str,
}

impl<'a> Request<'a> {
    pub(crate) fn new(raw: &'a str) -> Self {
        let mut members = Vec::new();
        if raw.starts_with('{') {
            // What is here was read before as a part of its record.
            _ = Scanner::new(raw).object(|scanner, key| {
                members.push((key.get(), scanner.raw()?));
                Ok(true)
            });
        }
        Self { members, raw }
    }

    /// Whether there is such a parameter, and it says something.
    pub(crate) fn has(&self, path: &str) -> bool {
        let first = path.split(['.', '[']).next().unwrap_or(path);
        (self.members.iter()).any(|(key, value)| {
            is_named(key, first) && !matches!(*value, "null" | "\"\"" | "[]" | "{}")
        })
    }

    /// The texts that a path leads to: `Key`, `Target.Arn`, `Names[]`, `Items[].Id`.
    pub(crate) fn values(&self, path: &str, searches: bool) -> Vec<Cow<'a, str>> {
        let mut values = Vec::new();
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        for (key, value) in &self.members {
            if is_named(key, first.trim_end_matches("[]")) {
                _ = collect(&mut Scanner::new(value), rest, &mut values);
            }
        }
        if values.is_empty() && searches {
            // EC2 has `InstanceId.N` as `instancesSet.items[].instanceId`.
            let last = path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]");
            let name = last.strip_suffix('s').unwrap_or(last);
            _ = search(&mut Scanner::new(self.raw), name, 0, &mut values);
        }
        values
    }

    /// ARNs of roles anywhere in it.
    pub(crate) fn roles(&self) -> Vec<&'a str> {
        let mut roles: Vec<&str> = Vec::new();
        let mut rest = self.raw;
        // Each string is looked at once, however many marks it has.
        while let Some(at) = memchr::memmem::find(rest.as_bytes(), b":iam::")
            && let Some((before, after)) = rest.split_at_checked(at)
            && let Some(end) = after.find('"').map(|n| at + n)
            && roles.len() < MAX_VALUES
        {
            let from = before.rfind('"').map_or(0, |quote| quote + 1);
            let arn = rest.get(from..end).unwrap_or_default();
            let is_role = arn.starts_with("arn:")
                && rest.get(at..end).is_some_and(|tail| tail.contains(":role/"))
                && arn.len() <= MAX_VALUE_BYTES;
            if is_role && !arn.contains(['\\', '*', ' ']) && !roles.contains(&arn) {
                roles.push(arn);
            }
            rest = rest.get(end..).unwrap_or_default();
        }
        roles
    }

    /// The names of roles that are given by name.
    pub(crate) fn role_names(&self) -> Vec<Cow<'a, str>> {
        const NAMES: &[&str] = &[
            "role",
            "rolename",
            "rolearn",
            "servicerole",
            "iamrole",
            "jobflowrole",
            "executionrole",
        ];
        (self.members.iter())
            .filter(|(key, _)| NAMES.iter().any(|name| key.eq_ignore_ascii_case(name)))
            .filter_map(|(_, value)| Scanner::new(value).text().ok()?)
            .filter(|name| !name.is_empty() && name.len() <= MAX_VALUE_BYTES)
            .filter(|name| !name.contains([':', ' ', '*']))
            .take(MAX_VALUES)
            .collect()
    }
}

/// CloudTrail writes `Bucket` as `bucketName`, `DBInstanceIdentifier` as `dBInstanceIdentifier`.
fn is_named(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
        || (key.len() == name.len() + 4
            && key.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            && key.ends_with("Name"))
}

/// The texts at the end of the steps; lists are gone through at any of them.
fn collect<'a>(scanner: &mut Scanner<'a>, steps: &str, values: &mut Vec<Cow<'a, str>>) -> Read<()> {
    let next = steps.split_once('.').unwrap_or((steps, ""));
    match (scanner.peek()?, (!steps.is_empty()).then_some(next)) {
        (b'[', _) => scanner.array(|scanner| collect(scanner, steps, values)),
        (b'"', None) => {
            let value = scanner.string()?.get();
            let is_name = !value.is_empty() && value.len() <= MAX_VALUE_BYTES;
            if is_name && values.len() <= MAX_VALUES && !values.contains(&value) {
                values.push(value);
            }
            Ok(())
        }
        (b'{', Some((first, rest))) => {
            let name = first.trim_end_matches("[]");
            scanner.object(|scanner, key| {
                if is_named(&key.get(), name) {
                    collect(scanner, rest, values)?;
                } else {
                    scanner.skip()?;
                }
                Ok(true)
            })?;
            Ok(())
        }
        _ => scanner.skip(),
    }
}

/// Texts under this key, wherever it is.
fn search<'a>(
    scanner: &mut Scanner<'a>,
    name: &str,
    depth: usize,
    values: &mut Vec<Cow<'a, str>>,
) -> Read<()> {
    match scanner.peek()? {
        b'[' if depth < MAX_SEARCH => {
            scanner.array(|scanner| search(scanner, name, depth + 1, values))
        }
        b'{' if depth < MAX_SEARCH => {
            scanner.object(|scanner, key| {
                if scanner.peek()? == b'"' && is_named(&key.get(), name) {
                    collect(scanner, "", values)?;
                } else {
                    search(scanner, name, depth + 1, values)?;
                }
                Ok(true)
            })?;
            Ok(())
        }
        _ => scanner.skip(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_found_wherever_they_are() {
        let role = "arn:aws:iam::111122223333:role/a";
        let raw = format!(r#"{{"a":["{role}",{{"b":"{role}"}}],"c":"x {role}","d":"{role}/b"}}"#);
        assert_eq!(Request::new(&raw).roles(), [role, &format!("{role}/b")]);
        // Looked through once: each mark was a look at the whole string before.
        let marks = format!(r#"{{"a":"arn:{}:role/"}}"#, ":iam::".repeat(700_000));
        assert!(Request::new(&marks).roles().is_empty());
    }

    #[test]
    fn values_that_are_no_names_are_left_out() {
        let raw = format!(r#"{{"name":["a","{}"]}}"#, "b".repeat(MAX_VALUE_BYTES + 1));
        assert_eq!(Request::new(&raw).values("name[]", false), ["a"]);
    }
}
