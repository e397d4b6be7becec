//! Reads rule files. An error names the file and the key, for the person who writes rules.

use std::time::Duration;

use model::Severity;
use model::Time;
use toml::{Table, Value};

use crate::SubjectKind;
use crate::condition::{Condition, Moment, Operand, Test};
use crate::field::{Field, Scope};
use crate::template::{Step, Template};

/// A rule as data; the files are in `rules/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Reads as "allow ⟨id⟩".
    pub id: String,
    pub title: String,
    /// For the owner: why this matters.
    pub why: String,
    /// The severity where none of `severity_when` holds.
    pub severity: Severity,
    pub subject: SubjectKind,
    /// Whether all records of one identity on which the rule fires are one finding, about the
    /// identity, with each record as evidence: where one change mends them all.
    pub one_for_identity: bool,
    /// Numbers of the OWASP NHI Top 10 (2025): `NHI2`.
    pub owasp: Vec<String>,
    pub tags: Vec<String>,
    /// The fields the rule needs to be known, as rules write them.
    pub needs: Vec<String>,
    pub(crate) when: Condition,
    pub(crate) severity_when: Vec<SeverityWhen>,
    pub(crate) finding_title: Template,
    /// What the record's evidence shows, where it is more than the record itself says.
    pub(crate) evidence: Option<Template>,
    pub(crate) fix: Vec<Step>,
    /// The texts as written, for the reference.
    pub(crate) written: Written,
}

/// Another severity, where its condition holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SeverityWhen {
    pub(crate) severity: Severity,
    pub(crate) condition: Condition,
    /// Why, as part of the finding's evidence.
    pub(crate) because: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Written {
    pub(crate) when: String,
    pub(crate) severity_when: Vec<(Severity, String, Option<String>)>,
    pub(crate) finding_title: String,
    pub(crate) fix: Vec<String>,
    pub(crate) firing: Vec<Table>,
    pub(crate) silent: Vec<Table>,
    pub(crate) unknown: Vec<Table>,
}

/// What is wrong with a rule file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {key}: {message}")]
pub struct RuleError {
    pub file: String,
    /// The key at fault, with the keys above it: `when.all.2.before`.
    pub key: String,
    pub message: String,
}

/// Reads one rule file; its name without `.toml` must be the rule's id.
pub fn parse(file: &str, text: &str) -> Result<Rule, RuleError> {
    read(file, text).map_err(|(key, message)| RuleError { file: file.into(), key, message })
}

type Wrong = (String, String);

/// A table whose keys are taken out one by one; what is left over is a mistake.
struct Keys {
    table: Table,
    at: String,
}

impl Keys {
    fn of(value: Value, at: &str) -> Result<Self, Wrong> {
        match value {
            Value::Table(table) => Ok(Self { table, at: at.into() }),
            other => Err((at.into(), format!("should be a table, not {}", sort(&other)))),
        }
    }

    fn key(&self, key: &str) -> String {
        if self.at.is_empty() { key.into() } else { format!("{}.{key}", self.at) }
    }

    fn take(&mut self, key: &str) -> Result<Value, Wrong> {
        self.table.remove(key).ok_or_else(|| (self.key(key), "is missing".into()))
    }

    fn text(&mut self, key: &str) -> Result<String, Wrong> {
        let at = self.key(key);
        text(self.take(key)?, &at)
    }

    fn texts(&mut self, key: &str) -> Result<Vec<String>, Wrong> {
        let at = self.key(key);
        match self.table.remove(key) {
            Some(value) => {
                elements(value, &at)?.into_iter().map(|(value, at)| text(value, &at)).collect()
            }
            None => Ok(Vec::new()),
        }
    }

    fn parsed<T: std::str::FromStr>(&mut self, key: &str) -> Result<T, Wrong>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(key)?;
        text.parse().map_err(|error: T::Err| (self.key(key), error.to_string()))
    }

    fn tables(&mut self, key: &str) -> Result<Vec<Table>, Wrong> {
        let at = self.key(key);
        match self.table.remove(key) {
            Some(value) => elements(value, &at)?
                .into_iter()
                .map(|(value, at)| Self::of(value, &at).map(|keys| keys.table))
                .collect(),
            None => Ok(Vec::new()),
        }
    }

    fn done(self) -> Result<(), Wrong> {
        match self.table.keys().next() {
            Some(key) => Err((self.key(key), "is not a key that goes here".into())),
            None => Ok(()),
        }
    }
}

fn sort(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

fn text(value: Value, at: &str) -> Result<String, Wrong> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.trim().into()),
        Value::String(_) => Err((at.into(), "is empty".into())),
        other => Err((at.into(), format!("should be a text, not {}", sort(&other)))),
    }
}

fn elements(value: Value, at: &str) -> Result<Vec<(Value, String)>, Wrong> {
    match value {
        Value::Array(list) => Ok(list
            .into_iter()
            .enumerate()
            .map(|(n, value)| (value, format!("{at}.{}", n + 1)))
            .collect()),
        other => Err((at.into(), format!("should be a list, not {}", sort(&other)))),
    }
}

fn read(file: &str, content: &str) -> Result<Rule, Wrong> {
    let table: Table = content
        .parse()
        .map_err(|error: toml::de::Error| (String::from("the file"), error.to_string()))?;
    let mut keys = Keys { table, at: String::new() };
    let id = keys.text("id")?;
    if file.strip_suffix(".toml") != Some(id.as_str()) {
        return Err(("id".into(), format!("is `{id}`; the file's name says otherwise")));
    }
    let title = keys.text("title")?;
    let why = keys.text("why")?;
    let severity = keys.parsed("severity")?;
    let subject: SubjectKind = keys.parsed("subject")?;
    let one_for_identity = match keys.table.remove("one_for") {
        None => false,
        Some(Value::String(one)) if one == "identity" => true,
        Some(_) => return Err(("one_for".into(), "is `identity`, or left out".into())),
    };
    let scope = Scope::from(subject);
    let owasp = keys.texts("owasp")?;
    let known = |number: &String| (1..=10).any(|n| *number == format!("NHI{n}"));
    if let Some(number) = owasp.iter().find(|number| !known(number)) {
        return Err(("owasp".into(), format!("`{number}` is not one of NHI1 to NHI10")));
    }
    let tags = keys.texts("tags")?;

    let when = keys.take("when")?;
    let mut needs = Condition::names(&when);
    let always = |name: &str| ALWAYS_KNOWN.contains(&name) || name.starts_with("conditions.");
    needs.retain(|name| !always(name));
    let mut written = Written { when: when.to_string(), ..Written::default() };
    let when = condition(when, "when", scope)?;

    let mut severity_when = Vec::new();
    for (n, table) in keys.tables("severity_when")?.into_iter().enumerate() {
        let mut keys = Keys { table, at: format!("severity_when.{}", n + 1) };
        let severity = keys.parsed("severity")?;
        let when = keys.take("when")?;
        let because =
            if keys.table.contains_key("because") { Some(keys.text("because")?) } else { None };
        written.severity_when.push((severity, when.to_string(), because.clone()));
        let condition = condition(when, &keys.key("when"), scope)?;
        severity_when.push(SeverityWhen { severity, condition, because });
        keys.done()?;
    }

    let mut finding = Keys::of(keys.take("finding")?, "finding")?;
    written.finding_title = finding.text("title")?;
    let finding_title = Template::parse(&written.finding_title, scope, false)
        .map_err(|message| ("finding.title".into(), message))?;
    let evidence = if finding.table.contains_key("evidence") {
        let written = finding.text("evidence")?;
        let template = Template::parse(&written, scope, false);
        Some(template.map_err(|message| ("finding.evidence".into(), message))?)
    } else {
        None
    };
    let mut fix = Vec::new();
    for (value, at) in elements(finding.take("fix")?, "finding.fix")? {
        let (step, text) = step(value, &at, scope)?;
        fix.push(step);
        written.fix.push(text);
    }
    finding.done()?;

    written.firing = keys.tables("firing")?;
    written.silent = keys.tables("silent")?;
    written.unknown = keys.tables("unknown")?;
    for (key, examples) in [("firing", &written.firing), ("silent", &written.silent)] {
        if examples.is_empty() {
            return Err((key.into(), "every rule has at least one example".into()));
        }
    }
    keys.done()?;
    Ok(Rule {
        id,
        title,
        why,
        severity,
        subject,
        one_for_identity,
        owasp,
        tags,
        needs,
        when,
        severity_when,
        finding_title,
        evidence,
        fix,
        written,
    })
}

/// Fields that every record states, so that no rule waits for them.
const ALWAYS_KNOWN: &[&str] = &[
    "kind",
    "general",
    "system",
    "instance",
    "native_id",
    "name",
    "authority",
    "actions",
    "resources",
    "effect",
    "via",
    "mechanism",
    "from",
    "issuer",
    "subject",
    "audience",
    "principal",
    "secret",
    "place.path",
    "place.container",
    "place.line",
    "place.pointer",
    "place.kind",
    "place.native_id",
    "place.system",
    "identity.kind",
    "identity.general",
    "identity.system",
    "identity.native_id",
    "identity.name",
    "identity.authority",
];

fn step(value: Value, at: &str, scope: Scope) -> Result<(Step, String), Wrong> {
    let wrong = |message| (String::from(at), message);
    if let Value::String(_) = value {
        let sentence = text(value, at)?;
        let template = Template::parse(&sentence, scope, false).map_err(wrong)?;
        return Ok((Step { condition: None, template, is_command: false }, sentence));
    }
    let mut keys = Keys::of(value, at)?;
    let applies = match keys.table.remove("if") {
        Some(value) => Some(condition(value, &keys.key("if"), scope)?),
        None => None,
    };
    let is_command = keys.table.contains_key("run");
    let written = keys.text(if is_command { "run" } else { "say" })?;
    if written.contains('\n') {
        return Err(wrong("a step is one line".into()));
    }
    let template = Template::parse(&written, scope, is_command).map_err(wrong)?;
    keys.done()?;
    let shown = if is_command { format!("`{written}`") } else { written };
    Ok((Step { condition: applies, template, is_command }, shown))
}

fn condition(value: Value, at: &str, scope: Scope) -> Result<Condition, Wrong> {
    let mut keys = Keys::of(value, at)?;
    let list = |keys: &mut Keys, key: &str| -> Result<Vec<Condition>, Wrong> {
        let at = keys.key(key);
        let conditions = elements(keys.take(key)?, &at)?
            .into_iter()
            .map(|(value, at)| condition(value, &at, scope))
            .collect::<Result<Vec<_>, _>>()?;
        if conditions.is_empty() { Err((at, "is empty".into())) } else { Ok(conditions) }
    };
    let one = |keys: &mut Keys, key: &str, scope: Scope| -> Result<Box<Condition>, Wrong> {
        let at = keys.key(key);
        condition(keys.take(key)?, &at, scope).map(Box::new)
    };
    let has = |key: &str| keys.table.contains_key(key);
    let parsed = if has("all") {
        Condition::All(list(&mut keys, "all")?)
    } else if has("any") {
        Condition::Any(list(&mut keys, "any")?)
    } else if has("first_known") {
        Condition::FirstKnown(list(&mut keys, "first_known")?)
    } else if has("not") {
        Condition::Not(one(&mut keys, "not", scope)?)
    } else if has("unless") {
        Condition::Unless(one(&mut keys, "unless", scope)?)
    } else if has("some_place") {
        if scope != Scope::Credential {
            return Err((keys.key("some_place"), "only a credential has places".into()));
        }
        Condition::SomePlace(one(&mut keys, "some_place", Scope::Place)?)
    } else if has("every_place") {
        if scope != Scope::Credential {
            return Err((keys.key("every_place"), "only a credential has places".into()));
        }
        Condition::EveryPlace(one(&mut keys, "every_place", Scope::Place)?)
    } else if has("identity") {
        Condition::Identity(one(&mut keys, "identity", Scope::Identity)?)
    } else {
        let (key, name) = if has("fact") {
            ("fact", format!("facts.{}", keys.text("fact")?))
        } else if has("field") {
            ("field", keys.text("field")?)
        } else {
            return Err((
                at.into(),
                "should have one of all, any, not, unless, first_known, some_place, every_place, identity, field, fact"
                    .into(),
            ));
        };
        let field = Field::parse(scope, &name)
            .ok_or_else(|| (keys.key(key), format!("`{name}` is not a field of this record")))?;
        Condition::Test(field, test(&mut keys)?)
    };
    keys.done()?;
    Ok(parsed)
}

fn test(keys: &mut Keys) -> Result<Test, Wrong> {
    const OPERATORS: [&str; 7] = ["is", "like", "present", "before", "after", "below", "above"];
    let Some(operator) = OPERATORS.into_iter().find(|key| keys.table.contains_key(*key)) else {
        let message = format!("should have one of {}", OPERATORS.join(", "));
        return Err((keys.at.clone(), message));
    };
    let at = keys.key(operator);
    let value = keys.take(operator)?;
    Ok(match operator {
        "is" => Test::Is(
            one_or_more(value, &at)?
                .into_iter()
                .map(|(value, at)| operand(value, &at))
                .collect::<Result<_, _>>()?,
        ),
        "like" => Test::Like(
            one_or_more(value, &at)?
                .into_iter()
                .map(|(value, at)| text(value, &at))
                .collect::<Result<_, _>>()?,
        ),
        "present" => Test::Present(
            value.as_bool().ok_or_else(|| (at, String::from("should be true or false")))?,
        ),
        "before" => Test::Before(moment(value, &at)?),
        "after" => Test::After(moment(value, &at)?),
        "below" => Test::Below(number(&value, at)?),
        _ => Test::Above(number(&value, at)?),
    })
}

fn one_or_more(value: Value, at: &str) -> Result<Vec<(Value, String)>, Wrong> {
    match value {
        Value::Array(_) => elements(value, at),
        one => Ok(vec![(one, at.into())]),
    }
}

fn operand(value: Value, at: &str) -> Result<Operand, Wrong> {
    match value {
        Value::String(text) => Ok(Operand::Text(text)),
        Value::Integer(number) => Ok(Operand::Number(number)),
        Value::Boolean(truth) => Ok(Operand::Truth(truth)),
        other => Err((at.into(), format!("cannot be compared with {}", sort(&other)))),
    }
}

fn number(value: &Value, at: String) -> Result<i64, Wrong> {
    value.as_integer().ok_or_else(|| (at, "should be a whole number".into()))
}

fn moment(value: Value, at: &str) -> Result<Moment, Wrong> {
    let written = text(value, at)?;
    let span = |days: &str| -> Result<Duration, Wrong> {
        days.strip_suffix('d')
            .and_then(|days| days.parse::<u32>().ok())
            .map(|days| Duration::from_secs(u64::from(days) * 86_400))
            .ok_or_else(|| (at.into(), format!("`{written}` is not like `now+30d`")))
    };
    match written.strip_prefix("now") {
        Some("") => Ok(Moment::NowPlus(Duration::ZERO)),
        Some(rest) => match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
            (Some(days), _) => Ok(Moment::NowPlus(span(days)?)),
            (_, Some(days)) => Ok(Moment::NowMinus(span(days)?)),
            _ => Err((at.into(), format!("`{written}` is not like `now+30d`"))),
        },
        None => {
            let time: Time =
                written.parse().map_err(|error| (String::from(at), format!("{error}")))?;
            Ok(Moment::At(time))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
id = "x"
title = "T"
why = "W"
severity = "low"
subject = "credential"
when = { field = "expires_at", before = "now" }
firing = [{ expires_at = "2020-01-01" }]
silent = [{ expires_at = "never" }]
[finding]
title = "{name}"
fix = ["Do it."]
"#;

    #[test]
    fn errors_name_file_and_key() {
        assert!(parse("x.toml", GOOD).is_ok());
        let check = |from: &str, to: &str, expected: &str| {
            assert!(GOOD.contains(from), "{from}");
            let error = parse("x.toml", &GOOD.replace(from, to)).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check("id = \"x\"", "id = \"y\"", "x.toml: id: is `y`; the file's name says otherwise");
        check("title = \"T\"", "", "x.toml: title: is missing");
        check("why = \"W\"", "why = 1", "x.toml: why: should be a text, not a number");
        check(
            "\"low\"",
            "\"loud\"",
            "x.toml: severity: `loud` is not one of info, low, medium, high, critical",
        );
        check(
            "\"credential\"",
            "\"planet\"",
            "x.toml: subject: `planet` is not one of identity, credential, grant, trust",
        );
        check(
            "before = \"now\"",
            "before = \"soon\"",
            "x.toml: when.before: `soon` is not an RFC 3339 time such as `2026-11-22T10:00:00Z`",
        );
        check(
            "before = \"now\"",
            "before = \"now+3\"",
            "x.toml: when.before: `now+3` is not like `now+30d`",
        );
        check(
            "before = \"now\"",
            "befor = \"now\"",
            "x.toml: when: should have one of is, like, present, before, after, below, above",
        );
        check(
            "before = \"now\"",
            "before = \"now\", is = 1",
            "x.toml: when.before: is not a key that goes here",
        );
        check(
            "expires_at\",",
            "expired\",",
            "x.toml: when.field: `expired` is not a field of this record",
        );
        check("{name}", "{nam}", "x.toml: finding.title: `{nam}` is not a field of this record");
        check(
            "[\"Do it.\"]",
            "[{ run = \"rm '{name}'\" }]",
            "x.toml: finding.fix.1: `{name}` is inside quotes, and is quoted itself",
        );
        check(
            "firing = [{ expires_at = \"2020-01-01\" }]",
            "",
            "x.toml: firing: every rule has at least one example",
        );
        check("why = \"W\"", "why = \"W\"\nwho = 1", "x.toml: who: is not a key that goes here");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            assert!(parse("x.toml", &text).is_err());
        }
    }
}
