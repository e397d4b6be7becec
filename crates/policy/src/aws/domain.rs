//! The values of a key that conditions tell from each other: one for each way they can turn out.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::cells::cells;
use crate::glob::{Case, Glob};

use super::condition::{Compared, KeyCondition};
use super::context::Context;
use super::text::Template;

/// What a key may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Absent,
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Domain {
    pub(super) values: Vec<Value>,
    /// Whether there is no other way for the conditions to turn out.
    pub(super) is_all: bool,
}

/// Of a key with several values, all combinations of so many are tried; of more only some.
const MAX_COMBINED: usize = 6;

/// Of those, so many pairs.
const MAX_PAIRS: usize = 4_096;

/// ARNs that are told apart by the patterns of one key, or of the resources of two documents.
const MAX_ARNS: usize = 4_096;

/// A variable stands for this where it is not compared with anything.
pub(super) const STAND_IN: &str = "ada";

impl Value {
    pub(super) fn put(&self, key: &str, context: &mut Context) {
        match self {
            Self::Absent => context.set_absent(key),
            Self::One(value) => context.set(key, value.as_str()),
            Self::Many(values) => context.set_all(key, values.clone()),
        }
    }

    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::Absent => Vec::new(),
            Self::One(value) => vec![value.clone()],
            Self::Many(values) => values.clone(),
        }
    }
}

/// `conditions` are those on the key; `steps_left` as [`cells`] takes them.
pub(super) fn domain(
    conditions: &[&KeyCondition],
    is_variable: bool,
    steps_left: &mut usize,
) -> Domain {
    let compared = conditions.iter().map(|one| one.compared()).fold(Compared::default(), join);
    let mut is_all = !is_variable;
    let mut values: Vec<String> = Vec::new();
    let mut n_sorts = 0;
    let mut add = |more: Vec<String>| {
        n_sorts += usize::from(!more.is_empty());
        values.extend(more);
    };
    if !compared.texts.is_empty() {
        let (texts, is_whole) = of_texts(&compared.texts, steps_left);
        is_all &= is_whole;
        add(texts);
    }
    if !compared.arns.is_empty() {
        let (texts, is_whole) = of_arns(&compared.arns, steps_left);
        is_all &= is_whole;
        add(texts);
    }
    let is_large = |number: &f64| number.abs() > 9e15;
    is_all &= !compared.numbers.iter().any(is_large);
    add(of_numbers(compared.numbers));
    add(of_dates(compared.dates));
    add(of_nets(&compared.nets));
    let mut binaries: Vec<String> = compared.binaries.iter().map(|it| (*it).to_owned()).collect();
    if !binaries.is_empty() {
        binaries.push("AAECAwQFBgcICQ==".to_owned());
    }
    add(binaries);
    add(if compared.is_truth { vec!["true".to_owned(), "false".to_owned()] } else { Vec::new() });
    is_all &= n_sorts <= 1;
    if values.is_empty() || is_variable {
        values.push(STAND_IN.to_owned());
    }
    values.sort();
    values.dedup();
    let is_of_set = conditions.iter().any(|one| one.is_of_set());
    let is_plain = is_variable || conditions.iter().any(|one| !one.is_of_set());
    let mut all = vec![Value::Absent];
    if is_plain {
        all.extend(values.iter().cloned().map(Value::One));
    }
    if is_of_set {
        is_all &= values.len() <= MAX_COMBINED;
        all.extend(combinations(&values));
    }
    Domain { values: all, is_all }
}

fn join<'a>(mut one: Compared<'a>, other: Compared<'a>) -> Compared<'a> {
    one.texts.extend(other.texts);
    one.arns.extend(other.arns);
    one.numbers.extend(other.numbers);
    one.dates.extend(other.dates);
    one.nets.extend(other.nets);
    one.binaries.extend(other.binaries);
    one.is_truth |= other.is_truth;
    one
}

fn combinations(values: &[String]) -> Vec<Value> {
    if values.len() <= MAX_COMBINED {
        let chosen = |way: usize| {
            let is_in = |n: usize| way & (1 << n) != 0;
            values.iter().enumerate().filter(|(n, _)| is_in(*n)).map(|(_, it)| it.clone()).collect()
        };
        return (1..1_usize << values.len()).map(|way| Value::Many(chosen(way))).collect();
    }
    let mut all: Vec<Value> = values.iter().map(|it| Value::Many(vec![it.clone()])).collect();
    let pairs = values.iter().enumerate().flat_map(|(n, one)| {
        let after = values.iter().skip(n + 1);
        after.map(move |other| Value::Many(vec![one.clone(), other.clone()]))
    });
    all.extend(pairs.take(MAX_PAIRS));
    all.push(Value::Many(values.to_vec()));
    all
}

fn of_texts(templates: &[&Template], steps_left: &mut usize) -> (Vec<String>, bool) {
    let is_fixed = templates.iter().all(|template| template.fixed().is_some());
    let filled: Vec<Glob> = templates.iter().map(|template| template.filled(STAND_IN)).collect();
    let mut seen = HashSet::new();
    let globs: Vec<&Glob> = filled.iter().filter(|it| seen.insert(*it)).collect();
    let found = cells(&Glob::new("*", Case::Matters), &globs, None, false, &["x"], steps_left);
    let texts = found.found.into_iter().map(|cell| cell.text).collect();
    (texts, found.is_all && is_fixed)
}

fn of_arns(wanted: &[&[Template; 6]], steps_left: &mut usize) -> (Vec<String>, bool) {
    let is_fixed = wanted.iter().all(|one| one.iter().all(|part| part.fixed().is_some()));
    let others: Vec<Option<[Glob; 6]>> =
        wanted.iter().map(|one| Some(one.each_ref().map(|part| part.filled(STAND_IN)))).collect();
    let base = ["arn", "*", "*", "*", "*", "*"].map(|part| Glob::new(part, Case::Matters));
    let preferred = ["arn", "aws", "iam", "", "111122223333", "role/x"];
    let (mut texts, is_all) = arns(&base, &others, preferred, [false; 6], steps_left);
    texts.push("x".to_owned());
    (texts, is_all && is_fixed)
}

/// ARNs within a pattern, one for each set of others that some ARN matches at once; others that are
/// not there match none. `is_filled` tells the parts that are not empty. And whether these are all.
pub(super) fn arns(
    base: &[Glob; 6],
    others: &[Option<[Glob; 6]>],
    preferred: [&str; 6],
    is_filled: [bool; 6],
    steps_left: &mut usize,
) -> (Vec<String>, bool) {
    // Two versions of a policy have most of their patterns in common.
    let mut seen = HashSet::new();
    let others: Vec<&Option<[Glob; 6]>> = others.iter().filter(|it| seen.insert(*it)).collect();
    let never = Glob::literal("", Case::Matters);
    let mut is_all = true;
    let mut all =
        vec![(String::new(), others.iter().map(|one| one.is_some()).collect::<Vec<bool>>())];
    for (n, ((base, preferred), is_filled)) in base.iter().zip(preferred).zip(is_filled).enumerate()
    {
        let globs: Vec<&Glob> = others
            .iter()
            .map(|one| one.as_ref().and_then(|one| one.get(n)).unwrap_or(&never))
            .collect();
        let without = (n < 5).then_some(':');
        let found = cells(base, &globs, without, is_filled, &[preferred], steps_left);
        is_all &= found.is_all;
        let mut next: Vec<(String, Vec<bool>)> = Vec::new();
        let mut seen = HashSet::new();
        'all: for (text, matched) in &all {
            for cell in &found.found {
                let both: Vec<bool> =
                    matched.iter().zip(&cell.matched).map(|(a, b)| *a && *b).collect();
                if seen.contains(&both) {
                    continue;
                }
                if next.len() == MAX_ARNS {
                    is_all = false;
                    break 'all;
                }
                let colon = if n == 0 { "" } else { ":" };
                next.push((format!("{text}{colon}{}", cell.text), both.clone()));
                seen.insert(both);
            }
        }
        all = next;
    }
    (all.into_iter().map(|(text, _)| text).collect(), is_all)
}

fn of_numbers(mut numbers: Vec<f64>) -> Vec<String> {
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Vec::new() };
    let mut all = vec![first - 1.0, last + 1.0];
    all.extend(numbers.windows(2).filter_map(|two| Some((two.first()? + two.last()?) / 2.0)));
    all.extend(&numbers);
    all.iter().map(f64::to_string).collect()
}

fn of_dates(mut dates: Vec<i64>) -> Vec<String> {
    const SECOND: i64 = 1_000_000;
    dates.sort_unstable();
    dates.dedup();
    let (Some(first), Some(last)) = (dates.first(), dates.last()) else { return Vec::new() };
    let mut all = vec![first.saturating_sub(SECOND), last.saturating_add(SECOND)];
    all.extend(dates.windows(2).filter_map(|two| Some(two.first()?.midpoint(*two.last()?))));
    all.extend(&dates);
    let told = |at: &i64| jiff::Timestamp::from_microsecond(*at).ok().map(|at| at.to_string());
    all.iter().filter_map(told).collect()
}

/// Blocks lie beside or within each other: what lies in one and not in those within begins at its own
/// start or behind the end of one of these.
fn of_nets(nets: &[(IpAddr, u8)]) -> Vec<String> {
    let mut all = Vec::new();
    for (address, bits) in nets {
        match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shr(u32::from(*bits)).unwrap_or(0);
                let first = u32::from(*address) & !mask;
                all.push(IpAddr::V4(first.into()));
                all.extend((first | mask).checked_add(1).map(|next| IpAddr::V4(next.into())));
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shr(u32::from(*bits)).unwrap_or(0);
                let first = u128::from(*address) & !mask;
                all.push(IpAddr::V6(first.into()));
                all.extend((first | mask).checked_add(1).map(|next| IpAddr::V6(next.into())));
            }
        }
    }
    if !all.is_empty() {
        all.push(IpAddr::V4(0.into()));
        all.push(IpAddr::V6(0.into()));
    }
    all.iter().map(ToString::to_string).collect()
}
