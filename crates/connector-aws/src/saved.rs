//! Saved output: the files of a folder, each recognised by what is in it.
//!
//! Everything is read three times: which account each file is of, what replies say of each other,
//! and then the records. No file is held whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use connectors::aws::account_of;
use connectors::files::{Links, Meta, Tree, shown};
use connectors::{Request, SourceError, outlet};
use model::{Batch, Coverage, Gap, GapReason, Scope};
use serde_json::{Map, Value};

use crate::calls::{self, CALLS, Call, REPORT, Row};
use crate::index::Index;
use crate::item::{Item, text};
use crate::json::{self, Event};
use crate::live::Live;
use crate::reading::{Reading, SYSTEM};

/// A file larger than this is not read. (All details of an account with ten thousand roles take a
/// tenth of it.)
pub(crate) const MAX_FILE_BYTES: u64 = 256 << 20;
/// What all files together may have.
pub(crate) const MAX_ALL_BYTES: u64 = 256 << 20;
const MAX_FILES: usize = 20_000;
const MAX_FOLDERS: usize = 16;
/// Of a file that is of more accounts than this, what AWS makes is stated for the first.
const MAX_ACCOUNTS: usize = 100;
/// Accounts that a test of the source names; of more, it says how many.
const MAX_NAMED_ACCOUNTS: usize = 20;
/// Of so many accounts it is told which calls were not saved. (An organisation has some ten thousand.)
const MAX_MISSED_ACCOUNTS: usize = 20_000;
/// Elements that are left out are told one by one up to this many.
const MAX_LEFT_OUT: usize = 1_000;
/// A credential report has a row for each user; of more, the first are read.
const MAX_REPORT_ROWS: usize = 100_000;
/// A credential report has 22 columns; one of more than this is none.
const MAX_REPORT_COLUMNS: usize = 100;
/// How a credential report begins.
const REPORT_HEAD: &[u8] = b"user,arn,user_creation_time";
/// Folders that hold nothing of the kind.
const SKIPPED: &[&str] = &[".git", "node_modules"];

/// What is asked for: a folder, the folder of the one file, or replies of a moment ago.
struct Asked {
    kept: Kept,
    files: Vec<PathBuf>,
}

enum Kept {
    Below(Tree),
    Here(BTreeMap<PathBuf, Vec<u8>>),
}

/// What is known of a file before its records are made.
#[derive(Default)]
struct About {
    /// Every account that its ARNs are of.
    accounts: BTreeSet<String>,
    is_recognised: bool,
}

impl Asked {
    fn open(path: &Path, coverage: &mut Coverage) -> Result<Self, SourceError> {
        if let Ok(tree) = Tree::open(path) {
            let files = files_of(&tree, coverage);
            return Ok(Self { kept: Kept::Below(tree), files });
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        match (path.file_name(), Tree::open(parent)) {
            (Some(name), Ok(tree)) => {
                Ok(Self { kept: Kept::Below(tree), files: vec![PathBuf::from(name)] })
            }
            _ => Err(SourceError::NotFound(shown(path))),
        }
    }
}

fn files_of(tree: &Tree, coverage: &mut Coverage) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let (entries, more) = match tree.list(&folder, Links::Refuse) {
            Ok(listed) => listed,
            Err(gap) => {
                coverage.miss(gap);
                continue;
            }
        };
        coverage.truncated |= more;
        for entry in entries {
            let name = entry.name.to_string_lossy();
            if tree.meta(&entry.path, Links::Refuse).is_ok_and(Meta::is_folder) {
                if depth >= MAX_FOLDERS {
                    coverage.miss(Gap::new(shown(&entry.path), GapReason::TooDeep));
                } else if !SKIPPED.contains(&name.as_ref()) {
                    folders.push((entry.path, depth + 1));
                }
            } else if found.len() == MAX_FILES {
                coverage.truncated = true;
                return found;
            } else {
                found.push(entry.path);
            }
        }
    }
    found.sort();
    found
}

/// The account that a file is of, empty when it is of several or none, and all that it names.
#[derive(Clone, Copy)]
struct Of<'a> {
    account: &'a str,
    all: &'a BTreeSet<String>,
}

/// A value of a reply, with what it is and the file it is in.
struct Met<'a> {
    call: &'static Call,
    row: &'static Row,
    item: Item<'a>,
}

/// Reads everything below a path and hands it on as one settled batch.
pub(crate) fn discover(request: &Request<'_>, path: &Path) -> Result<Batch, SourceError> {
    let scope = Scope::new(SYSTEM, &request.machine.id, "saved-output", shown(path));
    let mut coverage = Coverage::new(scope);
    let asked = Asked::open(path, &mut coverage)?;
    records(request, &asked, coverage, |_| {})
}

/// The same of what AWS replied a moment ago.
pub(crate) fn discover_live(request: &Request<'_>, live: Live) -> Result<Batch, SourceError> {
    let scope = Scope::new(SYSTEM, &live.account, "collection", live.arn.as_str());
    let coverage = Coverage::new(scope);
    let collected = live.collected;
    let files = collected.replies.keys().cloned().collect();
    let asked = Asked { kept: Kept::Here(collected.replies), files };
    let mut batch = records(request, &asked, coverage, |reading| {
        for (account, call) in &collected.asked {
            reading.asked(account, call);
        }
        for (account, call, gap) in &collected.missed {
            reading.not_replied(account, call, gap);
        }
    })?;
    for (account, gap) in live.lost {
        let mut coverage = Coverage::new(Scope::new(SYSTEM, &account, "account", account.as_str()));
        coverage.miss(gap);
        batch.coverage.push(coverage);
    }
    outlet::settle(&mut batch);
    Ok(batch)
}

/// Reads everything three times; the last word on what was not read is `complete`'s.
fn records(
    request: &Request<'_>,
    asked: &Asked,
    mut coverage: Coverage,
    complete: impl FnOnce(&mut Reading<'_>),
) -> Result<Batch, SourceError> {
    let mut left = MAX_ALL_BYTES;
    let mut failed: BTreeMap<&Path, Gap> = BTreeMap::new();
    let mut abouts: Vec<About> = Vec::new();

    for (n, file) in asked.files.iter().enumerate() {
        request.report(shown(file), n as u64, Some(asked.files.len() as u64));
        let mut about = About::default();
        let read = asked.read(request, file, &mut left, &mut |event, parameters| {
            learn_accounts(&mut about, &event, parameters);
        });
        match read {
            Ok(()) => {}
            Err(_) if request.is_cancelled() => return Err(SourceError::Cancelled),
            Err(gap) => {
                failed.insert(file, gap);
            }
        }
        abouts.push(about);
    }
    let accounts = accounts_of(&asked.files, &abouts);
    let files: Vec<(&PathBuf, Of<'_>)> = asked
        .files
        .iter()
        .zip(&accounts)
        .zip(&abouts)
        .filter(|(_, about)| about.is_recognised)
        .map(|((file, account), about)| (file, Of { account, all: &about.accounts }))
        .collect();

    let mut index = Index::default();
    let mut pages: BTreeMap<(String, &'static str), Pages> = BTreeMap::new();
    for (file, of) in &files {
        let account = of.account;
        let mut calls_of_reply: BTreeSet<(String, &'static str)> = BTreeSet::new();
        let mut unlimited = u64::MAX;
        let read = asked.read(request, file, &mut unlimited, &mut |event, parameters| {
            if let Event::List { member } = &event
                && let Some(call) = calls::of_list(member)
            {
                index.seen.entry(account.to_owned()).or_default().insert(call.name);
                calls_of_reply.insert((account.to_owned(), call.name));
            }
            let cut = match &event {
                Event::Rest(rest) => Some(is_cut(rest)),
                _ => None,
            };
            with_each(event, file, *of, parameters, &mut |met| {
                let account = met.item.account.to_owned();
                index.seen.entry(account.clone()).or_default().insert(met.call.name);
                calls_of_reply.insert((account, met.call.name));
                (met.row.index)(&mut index, &met.item);
            });
            if let Some(is_cut) = cut {
                for key in std::mem::take(&mut calls_of_reply) {
                    let pages = pages.entry(key).or_default();
                    pages.n_cut += u32::from(is_cut);
                    pages.n_last += u32::from(!is_cut);
                }
            }
        });
        if request.is_cancelled() {
            return Err(SourceError::Cancelled);
        }
        if let Err(gap) = read {
            failed.entry(file.as_path()).or_insert(gap);
        }
    }

    let mut left_out: Vec<Gap> = Vec::new();
    let mut n_more_left_out = 0_u64;
    let mut reading = Reading::new(&index);
    for (file, of) in &files {
        let account = of.account;
        let mut n_of_nobody: BTreeMap<&'static str, u64> = BTreeMap::new();
        let locus = shown(file);
        let mut unlimited = u64::MAX;
        let read = asked.read(request, file, &mut unlimited, &mut |event, parameters| {
            if let Event::Left { member, number, problem } = &event {
                let member = model::text::shown(member);
                let detail = format!("{member}/{number} is left out: {problem}");
                match calls::of_list(&member).filter(|_| !account.is_empty()) {
                    Some(call) => {
                        reading.begin(&locus, account, call);
                        reading.miss(reason_of(problem), &detail);
                    }
                    // Of which call it was, and of whom, it no longer says.
                    None if left_out.len() < MAX_LEFT_OUT => {
                        left_out.push(Gap::new(&locus, reason_of(problem)).detail(detail));
                    }
                    None => n_more_left_out += 1,
                }
            }
            if let Event::List { member } = &event
                && let Some(call) = calls::of_list(member).filter(|_| !account.is_empty())
            {
                reading.begin(&locus, account, call);
            }
            with_each(event, file, *of, parameters, &mut |met| {
                if met.item.account.is_empty() {
                    *n_of_nobody.entry(met.call.name).or_default() += 1;
                    return;
                }
                reading.begin(&locus, met.item.account, met.call);
                if reading.has_room() {
                    (met.row.read)(&mut reading, &met.item);
                    reading.read();
                }
            });
        });
        if let Err(gap) = read {
            failed.entry(file.as_path()).or_insert(gap);
        }
        for (call, n) in n_of_nobody {
            let detail = format!(
                "of which account {n} replies of `aws {call}` are is not told: put those of each \
                 account in a folder of its own, with one that has an ARN"
            );
            coverage.miss(Gap::new(&locus, GapReason::Unsupported).detail(detail));
        }
    }
    for gap in left_out {
        reading.miss_everywhere(&gap);
        coverage.miss(gap);
    }
    if n_more_left_out > 0 {
        let detail = format!("{n_more_left_out} more elements are left out");
        let gap = Gap::new(&coverage.scope.name, GapReason::Malformed).detail(detail);
        reading.miss_everywhere(&gap);
        coverage.truncated = true;
        coverage.miss(gap);
    }
    for ((account, call), pages) in &pages {
        if pages.n_cut > 0 && pages.n_last == 0 {
            reading.is_cut(account, call);
            let detail = format!("the last page of `aws {call}` is not among the files");
            coverage.miss(Gap::new(account, GapReason::NotFound).detail(detail));
        }
    }
    for (file, about) in asked.files.iter().zip(&abouts) {
        match failed.get(file.as_path()) {
            Some(gap) => {
                reading.miss_everywhere(gap);
                coverage.miss(gap.clone());
            }
            // What came from AWS is known by what was asked, also where there is nothing in it.
            None if about.is_recognised || matches!(asked.kept, Kept::Here(_)) => coverage.read(),
            None => coverage.miss(
                Gap::new(shown(file), GapReason::Unsupported)
                    .detail("no reply to a call that this source knows"),
            ),
        }
    }
    complete(&mut reading);
    let mut batch = reading.finish();
    if matches!(asked.kept, Kept::Below(_)) {
        batch.coverage.extend(missing_calls(&index));
    }
    batch.coverage.push(coverage);
    outlet::settle(&mut batch);
    Ok(batch)
}

/// Whether anything is recognised below a path, and how much.
pub(crate) fn test(request: &Request<'_>, path: &Path) -> Result<String, SourceError> {
    let mut coverage = Coverage::new(Scope::new(SYSTEM, "", "saved-output", shown(path)));
    let asked = Asked::open(path, &mut coverage)?;
    let (mut n_files, mut accounts) = (0, BTreeSet::new());
    let mut left = MAX_ALL_BYTES;
    for file in &asked.files {
        let mut about = About::default();
        drop(asked.read(request, file, &mut left, &mut |event, parameters| {
            learn_accounts(&mut about, &event, parameters);
        }));
        n_files += usize::from(about.is_recognised);
        accounts.extend(about.accounts);
    }
    if n_files == 0 {
        return Err(SourceError::Protocol(format!("no saved reply of AWS in {}", shown(path))));
    }
    let n_more = accounts.len().saturating_sub(MAX_NAMED_ACCOUNTS);
    let accounts: Vec<String> = accounts.into_iter().take(MAX_NAMED_ACCOUNTS).collect();
    let more = if n_more > 0 { format!(" and {n_more} more") } else { String::new() };
    Ok(format!("{n_files} files of saved replies, of {}{more}", accounts.join(", ")))
}

/// How many replies of a call say that there is more, and how many that they are the last.
#[derive(Default)]
struct Pages {
    n_cut: u32,
    n_last: u32,
}

fn is_cut(rest: &Map<String, Value>) -> bool {
    let says_so = rest.get("IsTruncated").and_then(Value::as_bool);
    says_so.unwrap_or_else(|| {
        ["NextToken", "nextToken", "Marker", "NextMarker"]
            .iter()
            .any(|key| text(rest, key).is_some())
    })
}

fn reason_of(problem: &str) -> GapReason {
    if problem.starts_with("larger than") { GapReason::TooLarge } else { GapReason::Malformed }
}

/// What was not saved of an account whose identities are known.
fn missing_calls(index: &Index) -> Vec<Coverage> {
    let accounts = index
        .seen
        .iter()
        .filter(|(account, calls)| !account.is_empty() && calls.contains(calls::AUTHORIZATION));
    accounts
        .take(MAX_MISSED_ACCOUNTS)
        .map(|(account, seen)| {
            let scope = Scope::new(SYSTEM, account, "calls", account.as_str());
            let mut coverage = Coverage::new(scope);
            for call in CALLS {
                if seen.contains(call.name) {
                    coverage.read();
                } else if call.is_for_all {
                    let gap = Gap::new(format!("aws {}", call.name), GapReason::NotFound);
                    let detail = "no reply to it is among the files";
                    coverage.miss(gap.detail(detail).missing(call.permissions.join(", ")));
                }
            }
            coverage
        })
        .collect()
}

/// The account of each file: the only one that its ARNs are of, else that its folder's are, else a
/// folder's above.
fn accounts_of(files: &[PathBuf], abouts: &[About]) -> Vec<String> {
    let mut folders: BTreeMap<&Path, BTreeSet<&str>> = BTreeMap::new();
    for (file, about) in files.iter().zip(abouts) {
        for folder in file.ancestors().skip(1) {
            folders.entry(folder).or_default().extend(about.accounts.iter().map(String::as_str));
        }
    }
    let only = |accounts: &mut dyn Iterator<Item = &str>| {
        let first = accounts.next()?.to_owned();
        accounts.next().is_none().then_some(first)
    };
    files
        .iter()
        .zip(abouts)
        .map(|(file, about)| {
            let own = only(&mut about.accounts.iter().map(String::as_str));
            let mut above = file.ancestors().skip(1);
            let mut of_folder = || {
                above.find_map(|folder| {
                    let accounts = folders.get(folder).filter(|accounts| !accounts.is_empty())?;
                    Some(only(&mut accounts.iter().copied()))
                })
            };
            own.or_else(|| of_folder().flatten()).unwrap_or_default()
        })
        .collect()
}

/// Members that are the ARN of what an object is about.
const ARNS: &[&str] =
    &["Arn", "arn", "ARN", "FunctionArn", "profileArn", "CertificateArn", "UserArn"];

/// The account that an object is of, by its own ARN.
fn own_account(value: &Map<String, Value>) -> Option<&str> {
    ARNS.iter().find_map(|key| text(value, key).and_then(account_of))
}

fn learn_accounts(about: &mut About, event: &Event<'_>, parameters: &Map<String, Value>) {
    let mut learn = |member: Option<&str>, value: &Map<String, Value>| {
        if calls::recognised(text(parameters, "Operation"), member, value).is_none() {
            return;
        }
        about.is_recognised = true;
        let objects = std::iter::once(value).chain(value.values().filter_map(Value::as_object));
        for object in objects {
            about.accounts.extend(own_account(object).map(String::from));
        }
        let account = text(value, "Account").or_else(|| text(parameters, "Account"));
        about.accounts.extend(account.filter(|it| is_account(it)).map(String::from));
    };
    match event {
        Event::Element { member, value, .. } => learn(Some(member), value),
        Event::Rest(rest) => learn(None, rest),
        Event::List { member } => about.is_recognised |= calls::of_list(member).is_some(),
        _ => {}
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text of a credential report in a reply.
fn report_in(rest: &Map<String, Value>) -> Option<Vec<u8>> {
    let content = text(rest, "Content").filter(|_| rest.contains_key("ReportFormat"))?;
    let plain: Vec<u8> = content.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    data_encoding::BASE64.decode(&plain).ok().filter(|bytes| bytes.starts_with(REPORT_HEAD))
}

/// Whether AWS made it, and no account.
fn is_vendors(value: &Map<String, Value>) -> bool {
    text(value, "Arn").is_some_and(|arn| arn.contains("::aws:policy/"))
}

/// Hands on what an event holds that a call is known for.
fn with_each(
    event: Event<'_>,
    file: &Path,
    of: Of<'_>,
    parameters: &Map<String, Value>,
    meet: &mut dyn FnMut(Met<'_>),
) {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let stated = text(parameters, "Account").filter(|account| is_account(account));
    let mut one = |member: Option<&str>, pointer: &str, value: &Map<String, Value>| {
        let Some((call, row)) = calls::recognised(text(parameters, "Operation"), member, value)
        else {
            return;
        };
        let item = Item { value, pointer, parameters, stem: &stem, account: of.account };
        match own_account(value).or(stated) {
            Some(account) => meet(Met { call, row, item: Item { account, ..item } }),
            // What AWS makes is the same for every account that the file is of.
            None if of.account.is_empty() && is_vendors(value) => {
                for account in of.all.iter().take(MAX_ACCOUNTS) {
                    meet(Met { call, row, item: Item { account, ..item } });
                }
            }
            None => meet(Met { call, row, item }),
        }
    };
    match event {
        Event::Element { member, number, value } => {
            one(Some(member), &format!("/{member}/{number}"), &value);
        }
        Event::Rest(rest) => {
            one(None, "", &rest);
        }
        _ => {}
    }
}

/// A file that ends when the caller wants no more of it.
struct Heeding<'a, R> {
    file: R,
    request: &'a Request<'a>,
}

impl<R: Read> Read for Heeding<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.request.is_cancelled() {
            return Err(std::io::Error::other("cancelled"));
        }
        self.file.read(buffer)
    }
}

type Sink<'a> = &'a mut dyn FnMut(Event<'_>, &Map<String, Value>);

impl Asked {
    /// Hands out what a file states, credential reports as rows; why it was not read to its end.
    fn read(
        &self,
        request: &Request<'_>,
        file: &Path,
        left: &mut u64,
        sink: Sink<'_>,
    ) -> Result<(), Gap> {
        let tree = match &self.kept {
            Kept::Below(tree) => tree,
            Kept::Here(replies) => {
                let bytes = replies.get(file).map(Vec::as_slice).unwrap_or_default();
                let read = read_bytes(BufReader::new(Heeding { file: bytes, request }), sink);
                return read
                    .map_err(|(reason, detail)| Gap::new(shown(file), reason).detail(detail));
            }
        };
        let (opened, meta) = tree.open_file(file, Links::Refuse)?;
        let most = MAX_FILE_BYTES.min(*left);
        if meta.size > most {
            let what = if meta.size > MAX_FILE_BYTES {
                format!("saved output is read up to {MAX_FILE_BYTES} bytes a file")
            } else {
                format!("all files together are read up to {MAX_ALL_BYTES} bytes")
            };
            let detail = format!("{} bytes; {what}", meta.size);
            return Err(Gap::new(shown(file), GapReason::TooLarge).detail(detail));
        }
        *left -= meta.size;
        let bytes = Heeding { file: (&opened).take(meta.size), request };
        let read = read_bytes(BufReader::with_capacity(64 << 10, bytes), sink);
        read.map_err(|(reason, detail)| Gap::new(shown(file), reason).detail(detail))?;
        if Meta::of(&opened).ok() != Some(meta) {
            let gap = Gap::new(shown(file), GapReason::Changed);
            return Err(gap.detail("changed while it was read"));
        }
        Ok(())
    }
}

/// The same of any bytes.
pub(crate) fn read_bytes(
    mut reader: impl std::io::BufRead,
    sink: Sink<'_>,
) -> Result<(), (GapReason, String)> {
    let failed = |error: &std::io::Error| (GapReason::Failed, error.kind().to_string());
    let start = reader.fill_buf().map_err(|error| failed(&error))?;
    if start.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    let start = reader.fill_buf().map_err(|error| failed(&error))?;
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        let detail = "UTF-16, as some shells write it; save it as UTF-8";
        return Err((GapReason::Unsupported, detail.into()));
    }
    if start.starts_with(REPORT_HEAD) {
        return report(reader, sink);
    }
    let is_json = matches!(start.trim_ascii_start().first(), Some(b'{' | b'['));
    if !is_json {
        // Neither a reply nor a report; or nothing but white space.
        return Ok(());
    }
    let mut parameters = Map::new();
    let mut problem = None;
    let read = json::read(reader, &mut |event| match event {
        Event::Call(stated) => parameters = stated,
        Event::Rest(rest) => {
            if let Some(csv) = report_in(&rest) {
                problem = report(csv.as_slice(), sink).err().or(problem.take());
            }
            sink(Event::Rest(rest), &parameters);
            parameters.clear();
        }
        event => sink(event, &parameters),
    });
    match (read, problem) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(problem)) => Err(problem),
        (Err(error), _) => {
            let reason = match error.to_string() {
                text if text.starts_with("recursion limit") => GapReason::TooDeep,
                _ if error.is_io() => GapReason::Failed,
                text => reason_of(&text),
            };
            Err((reason, format!("no whole JSON: {error}")))
        }
    }
}

/// A credential report, a row at a time.
fn report(reader: impl Read, sink: Sink<'_>) -> Result<(), (GapReason, String)> {
    let none = Map::new();
    let malformed =
        |error: &csv::Error| (GapReason::Malformed, format!("no whole credential report: {error}"));
    let mut rows = csv::Reader::from_reader(reader);
    let heads = rows.headers().map_err(|error| malformed(&error))?.clone();
    if heads.len() > MAX_REPORT_COLUMNS {
        let detail = format!("a credential report of {} columns", heads.len());
        return Err((GapReason::Malformed, detail));
    }
    for (number, row) in rows.records().enumerate() {
        let row = row.map_err(|error| malformed(&error))?;
        if number == MAX_REPORT_ROWS {
            let detail = format!("a credential report is read up to {MAX_REPORT_ROWS} rows");
            return Err((GapReason::TooLarge, detail));
        }
        let value = heads.iter().map(String::from).zip(row.iter().map(Value::from)).collect();
        sink(Event::Element { member: REPORT, number, value }, &none);
    }
    sink(Event::List { member: REPORT }, &none);
    sink(Event::Rest(Map::new()), &none);
    Ok(())
}

/// For fuzzing: makes records of any bytes as of a file of that name.
pub(crate) fn read_any(name: &str, bytes: &[u8]) -> Batch {
    let file = Path::new(name);
    let of = Of { account: "123456789012", all: &BTreeSet::new() };
    let mut index = Index::default();
    drop(read_bytes(bytes, &mut |event, parameters| {
        with_each(event, file, of, parameters, &mut |met| {
            (met.row.index)(&mut index, &met.item);
        });
    }));
    let mut reading = Reading::new(&index);
    drop(read_bytes(bytes, &mut |event, parameters| {
        with_each(event, file, of, parameters, &mut |met| {
            reading.begin(name, met.item.account, met.call);
            if reading.has_room() {
                (met.row.read)(&mut reading, &met.item);
            }
        });
    }));
    let mut batch = reading.finish();
    outlet::settle(&mut batch);
    batch
}
