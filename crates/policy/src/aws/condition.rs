//! The `Condition` element: operators, and what they say of a key that is missing, has several
//! values, or is unknown.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use std::net::IpAddr;

use data_encoding::BASE64;

use crate::glob::Case;

use super::context::{Context, Held};
use super::formula::{Formula, Literal};
use super::text::{Manner, Template};

/// One key under one operator.
#[derive(Debug, Clone)]
pub(super) struct KeyCondition {
    /// In lower case.
    key: String,
    operator: Operator,
    /// Its values as they stand.
    written: Vec<String>,
    wanted: Vec<Wanted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    /// Without prefix, negation and suffix.
    name: &'static str,
    pub(super) sort: Sort,
    pub(super) is_negated: bool,
    if_exists: bool,
    pub(super) quantifier: Option<Quantifier>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Text { wildcards: bool, case: Case },
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value of a policy, ready to be compared with.
#[derive(Debug, Clone)]
enum Wanted {
    Text(Template),
    Number(Number),
    /// Microseconds since 1970.
    Date(i64),
    Bool(bool),
    Binary(Vec<u8>),
    Net(IpAddr, u8),
    /// Each part of an ARN by itself.
    Arn(Box<[Template; 6]>),
    /// What no value equals: an ARN with fewer than six parts.
    Nothing,
}

/// What conditions compare a key with, by sort.
#[derive(Debug, Default)]
pub(super) struct Compared<'a> {
    pub(super) texts: Vec<&'a Template>,
    pub(super) arns: Vec<&'a [Template; 6]>,
    pub(super) numbers: Vec<f64>,
    /// Microseconds since 1970.
    pub(super) dates: Vec<i64>,
    pub(super) nets: Vec<(IpAddr, u8)>,
    /// In base64.
    pub(super) binaries: Vec<&'a str>,
    pub(super) is_truth: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Whole(i128),
    Real(f64),
}

const EXACT: Sort = Sort::Text { wildcards: false, case: Case::Matters };
const FOLDED: Sort = Sort::Text { wildcards: false, case: Case::Ignored };
const LIKE: Sort = Sort::Text { wildcards: true, case: Case::Matters };

/// Name in lower case, the operator it negates or is, what it compares, whether it negates.
const OPERATORS: &[(&str, &str, Sort, bool)] = &[
    ("stringequals", "StringEquals", EXACT, false),
    ("stringnotequals", "StringEquals", EXACT, true),
    ("stringequalsignorecase", "StringEqualsIgnoreCase", FOLDED, false),
    ("stringnotequalsignorecase", "StringEqualsIgnoreCase", FOLDED, true),
    ("stringlike", "StringLike", LIKE, false),
    ("stringnotlike", "StringLike", LIKE, true),
    ("numericequals", "NumericEquals", Sort::Number(Order::Equal), false),
    ("numericnotequals", "NumericEquals", Sort::Number(Order::Equal), true),
    ("numericlessthan", "NumericLessThan", Sort::Number(Order::Less), false),
    ("numericlessthanequals", "NumericLessThanEquals", Sort::Number(Order::LessOrEqual), false),
    ("numericgreaterthan", "NumericGreaterThan", Sort::Number(Order::Greater), false),
    (
        "numericgreaterthanequals",
        "NumericGreaterThanEquals",
        Sort::Number(Order::GreaterOrEqual),
        false,
    ),
    ("dateequals", "DateEquals", Sort::Date(Order::Equal), false),
    ("datenotequals", "DateEquals", Sort::Date(Order::Equal), true),
    ("datelessthan", "DateLessThan", Sort::Date(Order::Less), false),
    ("datelessthanequals", "DateLessThanEquals", Sort::Date(Order::LessOrEqual), false),
    ("dategreaterthan", "DateGreaterThan", Sort::Date(Order::Greater), false),
    ("dategreaterthanequals", "DateGreaterThanEquals", Sort::Date(Order::GreaterOrEqual), false),
    ("bool", "Bool", Sort::Bool, false),
    ("binaryequals", "BinaryEquals", Sort::Binary, false),
    ("ipaddress", "IpAddress", Sort::Ip, false),
    ("notipaddress", "IpAddress", Sort::Ip, true),
    ("arnequals", "ArnEquals", Sort::Arn, false),
    ("arnnotequals", "ArnEquals", Sort::Arn, true),
    ("arnlike", "ArnLike", Sort::Arn, false),
    ("arnnotlike", "ArnLike", Sort::Arn, true),
    ("null", "Null", Sort::Null, false),
];

impl Operator {
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let lower = name.to_ascii_lowercase();
        let (quantifier, rest) = if let Some(rest) = lower.strip_prefix("forallvalues:") {
            (Some(Quantifier::ForAllValues), rest)
        } else if let Some(rest) = lower.strip_prefix("foranyvalue:") {
            (Some(Quantifier::ForAnyValue), rest)
        } else {
            (None, lower.as_str())
        };
        let (base, if_exists) = match rest.strip_suffix("ifexists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let found = OPERATORS.iter().find(|(known, ..)| *known == base);
        let Some(&(_, name_of, sort, is_negated)) = found else {
            return Err(format!("`{name}` is no condition operator"));
        };
        if sort == Sort::Null && (if_exists || quantifier.is_some()) {
            return Err(format!("`{name}`: Null takes neither a suffix nor a prefix"));
        }
        Ok(Self { name: name_of, sort, is_negated, if_exists, quantifier })
    }

    /// As policies write it.
    fn written(self) -> String {
        let prefix = match self.quantifier {
            None => "",
            Some(Quantifier::ForAllValues) => "ForAllValues:",
            Some(Quantifier::ForAnyValue) => "ForAnyValue:",
        };
        let suffix = if self.if_exists { "IfExists" } else { "" };
        let name = match self.name {
            name if !self.is_negated => name.to_owned(),
            "IpAddress" => "NotIpAddress".to_owned(),
            name => name
                .replacen("String", "StringNot", 1)
                .replacen("Numeric", "NumericNot", 1)
                .replacen("Date", "DateNot", 1)
                .replacen("Arn", "ArnNot", 1),
        };
        format!("{prefix}{name}{suffix}")
    }

    /// Without negation, where that stands outside.
    fn of_literal(self) -> String {
        Self { is_negated: self.is_negated && !self.negation_is_outside(), ..self }.written()
    }

    /// Whether it says the opposite of its positive form for every context.
    const fn negation_is_outside(self) -> bool {
        self.quantifier.is_none() && !self.if_exists
    }
}

impl KeyCondition {
    /// `values` as texts; `variables` as the policy's version has it.
    pub(super) fn parse(
        operator: Operator,
        key: &str,
        values: Vec<String>,
        variables: bool,
    ) -> Result<Self, String> {
        let wanted = values
            .iter()
            .map(|value| wanted(operator.sort, value, variables))
            .collect::<Result<_, _>>()?;
        Ok(Self { key: key.to_ascii_lowercase(), operator, written: values, wanted })
    }

    /// Holds or not, nobody knows: what this key stands for was not read.
    pub(super) fn never_known(key: &str) -> Self {
        let operator = Operator {
            name: "Bool",
            sort: Sort::Bool,
            is_negated: false,
            if_exists: false,
            quantifier: None,
        };
        let wanted = vec![Wanted::Bool(true)];
        Self { key: key.to_owned(), operator, written: vec!["true".to_owned()], wanted }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) const fn is_of_set(&self) -> bool {
        self.operator.quantifier.is_some()
    }

    /// What it compares the key with.
    pub(super) fn compared(&self) -> Compared<'_> {
        let mut all = Compared::default();
        for (wanted, written) in self.wanted.iter().zip(&self.written) {
            match wanted {
                Wanted::Text(template) => all.texts.push(template),
                Wanted::Arn(templates) => all.arns.push(templates),
                Wanted::Number(number) => all.numbers.push(real(*number)),
                Wanted::Date(date) => all.dates.push(*date),
                Wanted::Net(address, bits) => all.nets.push((*address, *bits)),
                Wanted::Binary(_) => all.binaries.push(written),
                Wanted::Bool(_) => all.is_truth |= self.operator.sort == Sort::Bool,
                Wanted::Nothing => {}
            }
        }
        all
    }

    /// Operator as policies write it, and key.
    pub(super) fn told(&self) -> (String, &str) {
        (self.operator.written(), &self.key)
    }

    /// Its values as they stand.
    pub(super) fn written(&self) -> &[String] {
        &self.written
    }

    pub(super) fn holds(&self, context: &Context) -> Formula {
        let operator = self.operator;
        let held = context.get(&self.key);
        if operator.sort == Sort::Null {
            return match held {
                Held::Unknown => self.unknown(),
                held => self.says(held == Held::Absent).into(),
            };
        }
        match held {
            Held::Unknown => self.of_unknown(),
            Held::Absent => self.of_absent().into(),
            // Under a quantifier it is a set of one.
            Held::One(value) => self.of_value(value, context),
            Held::Many(values) => {
                let each = values.iter().map(|value| self.of_value(value, context));
                match operator.quantifier {
                    // Several values need an operator that says what to make of them.
                    None => Formula::FALSE,
                    Some(Quantifier::ForAllValues) => Formula::all(each),
                    Some(Quantifier::ForAnyValue) => Formula::any(each),
                }
            }
        }
    }

    const fn of_absent(&self) -> bool {
        let operator = self.operator;
        match operator.quantifier {
            _ if operator.if_exists => true,
            Some(Quantifier::ForAllValues) => true,
            Some(Quantifier::ForAnyValue) => false,
            None => operator.is_negated,
        }
    }

    fn of_value(&self, value: &str, context: &Context) -> Formula {
        let any = Formula::any(self.wanted.iter().map(|wanted| self.fits(wanted, value, context)));
        if self.operator.is_negated { any.not() } else { any }
    }

    /// Where present, whatever it is, says the same as absent, it need not be known.
    fn of_unknown(&self) -> Formula {
        let takes_all = self.wanted.iter().any(|wanted| match wanted {
            Wanted::Text(template) => template.is_any(),
            _ => false,
        });
        let if_present = if takes_all { Some(!self.operator.is_negated) } else { None };
        if if_present == Some(self.of_absent()) {
            return self.of_absent().into();
        }
        self.unknown()
    }

    fn unknown(&self) -> Formula {
        let mut values = self.written.clone();
        values.sort();
        let literal = Formula::literal(Literal {
            key: self.key.clone(),
            operator: self.operator.of_literal(),
            values,
        });
        if self.operator.is_negated && self.operator.negation_is_outside() {
            literal.not()
        } else {
            literal
        }
    }

    /// Of `Null`: whether one of its values says that a key is absent, or present, as it is.
    fn says(&self, is_absent: bool) -> bool {
        self.wanted
            .iter()
            .any(|wanted| matches!(wanted, Wanted::Bool(value) if *value == is_absent))
    }

    fn fits(&self, wanted: &Wanted, value: &str, context: &Context) -> Formula {
        match wanted {
            Wanted::Text(template) => template.matches(value, context),
            Wanted::Arn(templates) => match super::arn::parts(value) {
                Some(parts) => {
                    let each = templates.iter().zip(parts);
                    Formula::all(each.map(|(template, part)| template.matches(part, context)))
                }
                None => Formula::FALSE,
            },
            Wanted::Number(wanted) => {
                let order = number(value).and_then(|value| compare(value, *wanted));
                order.is_some_and(|order| self.accepts(order)).into()
            }
            Wanted::Date(wanted) => {
                date(value).is_some_and(|value| self.accepts(value.cmp(wanted))).into()
            }
            Wanted::Bool(wanted) => (truth(value) == Some(*wanted)).into(),
            Wanted::Binary(wanted) => {
                BASE64.decode(value.as_bytes()).is_ok_and(|value| value == *wanted).into()
            }
            Wanted::Net(net, bits) => {
                value.parse().is_ok_and(|address| is_in(address, *net, *bits)).into()
            }
            Wanted::Nothing => Formula::FALSE,
        }
    }

    fn accepts(&self, order: std::cmp::Ordering) -> bool {
        let (Sort::Number(wanted) | Sort::Date(wanted)) = self.operator.sort else { return false };
        match wanted {
            Order::Equal => order.is_eq(),
            Order::Less => order.is_lt(),
            Order::LessOrEqual => order.is_le(),
            Order::Greater => order.is_gt(),
            Order::GreaterOrEqual => order.is_ge(),
        }
    }
}

fn wanted(sort: Sort, value: &str, variables: bool) -> Result<Wanted, String> {
    let wrong = |what: &str| Err(format!("`{value}` is {what}"));
    Ok(match sort {
        Sort::Text { wildcards, case } => {
            Wanted::Text(Template::new(value, Manner { wildcards, case, variables }))
        }
        Sort::Arn => {
            let manner = Manner { wildcards: true, case: Case::Matters, variables };
            if value == "*" {
                // Stands for every ARN.
                return Ok(Wanted::Arn(Box::new([
                    Template::new("arn", manner),
                    Template::new("*", manner),
                    Template::new("*", manner),
                    Template::new("*", manner),
                    Template::new("*", manner),
                    Template::new("*", manner),
                ])));
            }
            let parts: Result<[&str; 6], _> = super::arn::split_outside_variables(value).try_into();
            match parts {
                Ok(parts) => Wanted::Arn(Box::new(parts.map(|part| Template::new(part, manner)))),
                Err(_) => Wanted::Nothing,
            }
        }
        Sort::Number(_) => match number(value) {
            Some(number) => Wanted::Number(number),
            None => return wrong("no number"),
        },
        Sort::Date(_) => match date(value) {
            Some(date) => Wanted::Date(date),
            None => return wrong("no date: neither ISO 8601 nor seconds since 1970"),
        },
        Sort::Bool | Sort::Null => match truth(value) {
            Some(truth) => Wanted::Bool(truth),
            None => return wrong("neither `true` nor `false`"),
        },
        Sort::Binary => match BASE64.decode(value.as_bytes()) {
            Ok(bytes) => Wanted::Binary(bytes),
            Err(_) => return wrong("no base64"),
        },
        Sort::Ip => match net(value) {
            Some((address, bits)) => Wanted::Net(address, bits),
            None => return wrong("neither an address nor a block of addresses (RFC 4632)"),
        },
    })
}

fn truth(value: &str) -> Option<bool> {
    if value.eq_ignore_ascii_case("true") {
        Some(true)
    } else if value.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse() {
        return Some(Number::Whole(whole));
    }
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|real: &f64| is_plain && real.is_finite()).map(Number::Real)
}

/// The nearest that has a fraction.
#[expect(clippy::cast_precision_loss, reason = "whole numbers are compared as such")]
const fn real(number: Number) -> f64 {
    match number {
        Number::Whole(whole) => whole as f64,
        Number::Real(real) => real,
    }
}

fn compare(one: Number, other: Number) -> Option<std::cmp::Ordering> {
    match (one, other) {
        (Number::Whole(one), Number::Whole(other)) => Some(one.cmp(&other)),
        (one, other) => real(one).partial_cmp(&real(other)),
    }
}

/// Microseconds since 1970, of a date as W3C's profile of ISO 8601 writes it or of seconds.
fn date(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        // Four digits are a year.
        if text.len() != 4 {
            return seconds.checked_mul(1_000_000);
        }
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_microsecond());
    }
    let padded = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let day = if let Ok(moment) = padded.parse::<jiff::civil::DateTime>() {
        moment
    } else {
        padded.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0)
    };
    day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|moment| moment.timestamp().as_microsecond())
}

fn net(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => most,
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= most)?,
    };
    Some((address, bits))
}

fn is_in(address: IpAddr, net: IpAddr, bits: u8) -> bool {
    let shared = |one: u128, other: u128, width: u32| {
        bits == 0 || (one ^ other) >> (width - u32::from(bits)) == 0
    };
    match (address, net) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            shared(u32::from(one).into(), u32::from(other).into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => shared(one.into(), other.into(), 128),
        _ => false,
    }
}
