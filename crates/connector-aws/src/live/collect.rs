//! Walks the operations: each asked for what earlier replies name, its replies kept as the CLI would
//! save them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use futures_util::StreamExt;
use futures_util::stream;
use model::{Gap, GapReason};
use serde_json::{Map, Value, json};

use crate::calls::{self, Call};
use crate::live::client::{Answer, Client, Lane, Missed};
use crate::live::operations::{
    ACCOUNTS_OF_UNIT, Asked, LAST_ACCESSED, OF_ACCOUNT, OF_ORGANIZATION, Operation, UNITS,
};
use crate::live::pace::Pace;
use crate::live::reply::{keep_only, values_at};
use crate::live::request::Parameters;
use crate::live::sign_in::Session;
use crate::saved::MAX_ALL_BYTES;

/// Requests of one service in one region that are under way together.
const TOGETHER: usize = 4;
/// Services and regions of an account that are asked together.
const LANES: usize = 12;
/// After this many refusals or faults and no reply, an operation is not asked for others.
const MAX_MISSED: usize = 20;
/// Pages of one question; beyond it the service turns in a circle.
const MAX_PAGES: usize = 100_000;
/// Levels of units of an organisation; AWS allows five.
const MAX_LEVELS: usize = 16;

/// What was collected, as if it had been saved.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// Replies, one after the other, of one call of one account in one region.
    pub(crate) replies: BTreeMap<PathBuf, Vec<u8>>,
    n_bytes: u64,
    /// The calls that were made for each account, whether or not they replied anything.
    pub(crate) asked: BTreeSet<(String, &'static str)>,
    /// What was not replied: the account and the call whose records are missing.
    pub(crate) missed: Vec<(String, &'static str, Gap)>,
}

/// The account and region that are asked, and who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whom<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) session: &'a Session,
}

/// Everything of an account, in these regions.
pub(crate) async fn account(
    client: &Client<'_>,
    account: &str,
    session: &Session,
    regions: &[String],
    collected: &RefCell<Collected>,
) {
    let mut lanes: Vec<(Vec<&'static Operation>, &str)> = Vec::new();
    let mut services: Vec<&str> = Vec::new();
    for operation in OF_ACCOUNT {
        let service = operation.service;
        if services.contains(&service.name) {
            continue;
        }
        services.push(service.name);
        let is_alike = |other: &&Operation| other.service.name == service.name;
        let more: &[Operation] = if service.name == "iam" && client.plan.asks_last_accessed {
            LAST_ACCESSED
        } else {
            &[]
        };
        let operations: Vec<&Operation> = OF_ACCOUNT.iter().chain(more).filter(is_alike).collect();
        if service.central.is_some() {
            lanes.push((operations, &client.plan.region));
        } else {
            lanes.extend(regions.iter().map(|region| (operations.clone(), region.as_str())));
        }
    }
    let n_lanes = lanes.len() as u64;
    let n_done = Cell::new(0);
    let walks = lanes.into_iter().map(|(operations, region)| {
        let n_done = &n_done;
        async move {
            walk(client, Whom { account, region, session }, &operations, collected).await;
            n_done.set(n_done.get() + 1);
            client.request.report(format!("AWS account {account}"), n_done.get(), Some(n_lanes));
        }
    });
    stream::iter(walks).buffer_unordered(LANES).collect::<Vec<()>>().await;
}

/// What the organisation is: its policies, units and accounts. The accounts that are active.
pub(crate) async fn organization(
    client: &Client<'_>,
    whom: Whom<'_>,
    collected: &RefCell<Collected>,
) -> Vec<String> {
    let operations: Vec<&Operation> = OF_ORGANIZATION.iter().collect();
    walk(client, whom, &operations, collected).await;
    let kept = |call: &str, at: &[&str]| -> Vec<String> {
        let collected = collected.borrow();
        collected.outputs(whom, call).iter().flat_map(|output| values_at(output, at)).collect()
    };
    let mut parents = kept("organizations list-roots", &["Roots", "Id"]);
    let mut seen: BTreeSet<String> = parents.iter().cloned().collect();
    let lane = whom.lane();
    for _ in 0..MAX_LEVELS {
        if parents.is_empty() {
            break;
        }
        let mut next = Vec::new();
        for parent in &parents {
            let parameters = Map::from_iter([("ParentId".into(), parent.as_str().into())]);
            for operation in [&UNITS, &ACCOUNTS_OF_UNIT] {
                let answer = pages(client, &lane, operation, &parameters).await;
                keep(collected, whom, operation, &parameters, &answer, &mut |output| {
                    next.extend(values_at(output, &["OrganizationalUnits", "Id"]));
                });
            }
        }
        next.retain(|unit| seen.insert(unit.clone()));
        parents = next;
    }
    let collected = collected.borrow();
    let outputs = collected.outputs(whom, ACCOUNTS_OF_UNIT.call);
    let accounts = outputs.iter().filter_map(|output| output.get("Accounts")?.as_array());
    let active = accounts.flatten().filter(|account| {
        let of = |name: &str| account.get(name).and_then(Value::as_str);
        of("Status").or_else(|| of("State")) == Some("ACTIVE")
    });
    active.filter_map(|account| account.get("Id")?.as_str()).map(String::from).collect()
}

impl<'a> Whom<'a> {
    fn lane(self) -> Lane<'a> {
        Lane { session: self.session, region: self.region, pace: Cell::new(Pace::default()) }
    }
}

/// One service: its operations in their order.
pub(crate) async fn walk(
    client: &Client<'_>,
    whom: Whom<'_>,
    operations: &[&'static Operation],
    collected: &RefCell<Collected>,
) {
    let lane = whom.lane();
    let lane = &lane;
    // What each operation is to be asked for, as the replies before it name it.
    let mut named: Vec<Vec<Parameters>> = vec![Vec::new(); operations.len()];
    for (number, operation) in operations.iter().enumerate() {
        let of_it = named.get_mut(number).map(std::mem::take).unwrap_or_default();
        let questions = match operation.asked {
            Asked::Once => vec![Map::new()],
            Asked::Each { .. } => of_it,
            Asked::Batch { parameter, size, .. } => together(&of_it, parameter, size),
        };
        collected.borrow_mut().begin(whom, operation);
        let (mut n_missed, mut n_answered, mut last) = (0, 0, None);
        let n_questions = questions.len();
        let mut answers = stream::iter(questions)
            .map(|question| async move {
                let answer = pages(client, lane, operation, &question).await;
                (question, answer)
            })
            .buffer_unordered(TOGETHER);
        while let Some((question, answer)) = answers.next().await {
            match &answer.missed {
                Some(missed) => {
                    n_missed += 1;
                    last = Some(missed.reason);
                }
                None => n_answered += 1,
            }
            keep(collected, whom, operation, &question, &answer, &mut |output| {
                for (later, named) in operations.iter().zip(&mut named).skip(number + 1) {
                    let (Asked::Each { of, at, parameter }
                    | Asked::Batch { of, at, parameter, .. }) = later.asked
                    else {
                        continue;
                    };
                    if of != operation.call {
                        continue;
                    }
                    for value in values_at(output, at) {
                        let mut parameters = question.clone();
                        parameters.insert(parameter.into(), value.into());
                        named.push(parameters);
                    }
                }
            });
            if let (MAX_MISSED, 0, Some(reason)) = (n_missed, n_answered, last) {
                let n_left = n_questions.saturating_sub(MAX_MISSED);
                let detail = format!("no reply {MAX_MISSED} times; not asked for {n_left} more");
                let missed = Missed { reason, detail };
                let answer = Pages { outputs: Vec::new(), missed: Some(missed) };
                keep(collected, whom, operation, &Map::new(), &answer, &mut |_| {});
                break;
            }
        }
    }
}

/// Questions of one value each as questions of several.
fn together(questions: &[Parameters], parameter: &str, size: usize) -> Vec<Parameters> {
    questions
        .chunks(size)
        .map(|chunk| {
            let values = chunk.iter().filter_map(|question| question.get(parameter).cloned());
            Map::from_iter([(parameter.to_owned(), values.collect())])
        })
        .collect()
}

/// Every page of an answer, and why there are no more where that is so.
struct Pages {
    outputs: Vec<Value>,
    missed: Option<Missed>,
}

async fn pages(
    client: &Client<'_>,
    lane: &Lane<'_>,
    operation: &'static Operation,
    parameters: &Parameters,
) -> Pages {
    let mut pages = Pages { outputs: Vec::new(), missed: None };
    let mut page: Option<String> = None;
    for _ in 0..MAX_PAGES {
        match client.ask(lane, operation, parameters, page.as_deref()).await {
            Answer::Nothing => return pages,
            Answer::Missed(missed) => {
                pages.missed = Some(missed);
                return pages;
            }
            Answer::Reply(mut output) => {
                keep_only(&mut output, operation.keeps);
                let told = operation.page.and_then(|page| output.get(page.told)?.as_str());
                let next = told.filter(|told| !told.is_empty()).map(String::from);
                pages.outputs.push(output);
                if next.is_none() {
                    return pages;
                }
                if next == page {
                    break;
                }
                page = next;
            }
        }
    }
    let detail = "the same page is told again and again".into();
    pages.missed = Some(Missed { reason: GapReason::Malformed, detail });
    pages
}

/// Keeps what came, hands it on, and notes what did not come.
fn keep(
    collected: &RefCell<Collected>,
    whom: Whom<'_>,
    operation: &'static Operation,
    parameters: &Parameters,
    pages: &Pages,
    each: &mut dyn FnMut(&Value),
) {
    let mut collected = collected.borrow_mut();
    for output in &pages.outputs {
        each(output);
        collected.add(whom, operation, parameters, output);
    }
    if let Some(missed) = &pages.missed {
        collected.miss(whom, operation, parameters, missed);
    }
}

/// The rows of calls whose records an operation's replies lead to: its own, or those of what is
/// asked for each of its values.
fn rows_of(operation: &Operation) -> Vec<&'static Call> {
    if let Some(call) = calls::named(operation.call) {
        return vec![call];
    }
    let later = OF_ACCOUNT.iter().chain(LAST_ACCESSED).filter(|later| match later.asked {
        Asked::Each { of, .. } | Asked::Batch { of, .. } => of == operation.call,
        Asked::Once => false,
    });
    let mut rows: Vec<&Call> = later.flat_map(rows_of).collect();
    if operation.call == "iam generate-credential-report" {
        rows.extend(calls::named(calls::CREDENTIAL_REPORT));
    }
    rows.dedup_by_key(|row| row.name);
    rows
}

impl Collected {
    fn path(whom: Whom<'_>, call: &str) -> PathBuf {
        [whom.account, whom.region, call].iter().collect()
    }

    fn begin(&mut self, whom: Whom<'_>, operation: &Operation) {
        for row in rows_of(operation) {
            self.asked.insert((whom.account.to_owned(), row.name));
        }
    }

    fn add(
        &mut self,
        whom: Whom<'_>,
        operation: &'static Operation,
        parameters: &Parameters,
        output: &Value,
    ) {
        self.begin(whom, operation);
        if calls::named(operation.call).is_none() {
            return;
        }
        let mut call = parameters.clone();
        call.insert("Operation".into(), operation.call.into());
        call.insert("Account".into(), whom.account.into());
        call.insert("Region".into(), whom.region.into());
        let line = format!("{}\n", json!({"Call": call, "Output": output}));
        if self.n_bytes + line.len() as u64 > MAX_ALL_BYTES {
            let detail = format!("replies are kept up to {MAX_ALL_BYTES} bytes");
            let missed = Missed { reason: GapReason::TooLarge, detail };
            return self.miss(whom, operation, parameters, &missed);
        }
        self.n_bytes += line.len() as u64;
        let path = Self::path(whom, operation.call);
        self.replies.entry(path).or_default().extend_from_slice(line.as_bytes());
    }

    fn miss(
        &mut self,
        whom: Whom<'_>,
        operation: &'static Operation,
        parameters: &Parameters,
        missed: &Missed,
    ) {
        self.begin(whom, operation);
        let mut locus = format!("{} {} aws {}", whom.account, whom.region, operation.call);
        for value in parameters.values().filter_map(Value::as_str) {
            locus.push(' ');
            locus.push_str(value);
        }
        for row in rows_of(operation) {
            let gap = Gap::new(locus.as_str(), missed.reason).detail(missed.detail.clone());
            let gap = match missed.reason {
                GapReason::Denied => gap.missing(operation.permission),
                _ => gap,
            };
            self.missed.push((whom.account.to_owned(), row.name, gap));
        }
    }

    /// What a call replied, read back.
    fn outputs(&self, whom: Whom<'_>, call: &str) -> Vec<Value> {
        let Some(bytes) = self.replies.get(&Self::path(whom, call)) else { return Vec::new() };
        let lines = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
        lines.filter_map(|line| Some(line.ok()?.get_mut("Output")?.take())).collect()
    }
}
