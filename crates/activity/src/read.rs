//! Records out of files: trails, exports of `lookup-events` and CloudTrail Lake, envelopes of
//! EventBridge and CloudWatch Logs, one document or one for each line, gzip or not.
//!
//! Whatever is broken is told with its place, and every whole record around it is kept. It opens no
//! file and knows nothing of what a record means.

use std::io::{BufRead, BufReader, Read};

use model::GapReason;
use serde::Serialize;

use crate::cloudtrail::Event;
use crate::cloudtrail::event::{self, Item};
use crate::inflate::{self, Broken, Members};
use crate::json::{Fault, Scanner};

/// A larger record is left out. CloudTrail's own limit is 256 kB, EventBridge's too.
pub const MAX_RECORD_BYTES: usize = 4 << 20;
/// A larger file is read in pieces rather than as a whole.
pub const MAX_WHOLE_FILE_BYTES: usize = 64 << 20;
/// Lists within lists; deeper is named and left out.
pub const MAX_LEVELS: usize = 8;
/// A record with a longer name or text among those that are taken, or a longer `userIdentity`, is left
/// out. CloudTrail itself cuts user agents at a kilobyte.
pub const MAX_FIELD_BYTES: usize = 16 << 10;
/// Behind broken records, what was read of them may be read again for the records within: all
/// together so many times what was read at all. Beyond it the reading goes on behind the fault.
const MAX_TIMES_AGAIN: u64 = 8;
/// So many problems of one file are told; the rest are counted.
pub const MAX_PROBLEMS: usize = 100;
/// Records of trails begin with this key, and nothing within a record does.
const MARK: &str = "{\"eventVersion\"";
/// Content that is read in pieces is read in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;

/// What the content begins with that other kinds of files begin with.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "gzip within gzip, which is not unpacked again"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"PAR1", "Parquet"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"<", "XML or HTML"),
];

/// Something in a file that was not read, or not as it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    pub reason: GapReason,
    /// In the content, which is the file itself unless that is gzip.
    pub byte: u64,
    pub detail: String,
}

/// What came of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Reading {
    pub n_records: u64,
    /// Of content.
    pub n_bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    pub n_more_problems: u64,
}

/// Reads files one after the other, with buffers that last.
#[derive(Default)]
pub struct Reader {
    decompressor: libdeflater::Decompressor,
    file: Vec<u8>,
    content: Vec<u8>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    /// Hands over every record of a file.
    pub fn read(&mut self, mut file: impl Read, sink: &mut impl FnMut(&Event<'_>)) -> Reading {
        let mut bytes = std::mem::take(&mut self.file);
        bytes.clear();
        let limit = MAX_WHOLE_FILE_BYTES as u64;
        let read = file.by_ref().take(limit).read_to_end(&mut bytes);
        let reading = match read {
            Ok(n) if n < MAX_WHOLE_FILE_BYTES => self.read_bytes(&bytes, sink),
            Ok(_) => in_pieces(BufReader::with_capacity(PIECE_BYTES, bytes.chain(file)), sink),
            Err(error) => {
                let mut reading = self.read_bytes(&bytes, sink);
                reading.problems.push(Problem {
                    reason: GapReason::Failed,
                    byte: bytes.len() as u64,
                    detail: format!("cannot be read further: {error}"),
                });
                reading
            }
        };
        self.file = bytes;
        reading
    }

    /// The same with no more in memory than a record and a piece.
    pub fn in_pieces(file: impl BufRead, sink: &mut impl FnMut(&Event<'_>)) -> Reading {
        in_pieces(file, sink)
    }

    /// The same of a file that is in memory.
    pub fn read_bytes(&mut self, file: &[u8], sink: &mut impl FnMut(&Event<'_>)) -> Reading {
        if !inflate::is_gzip(file) {
            return whole(file, sink);
        }
        let mut content = std::mem::take(&mut self.content);
        let reading = if inflate::whole(&mut self.decompressor, file, &mut content) {
            whole(&content, sink)
        } else {
            in_pieces(file, sink)
        };
        self.content = content;
        reading
    }
}

fn whole(content: &[u8], sink: &mut impl FnMut(&Event<'_>)) -> Reading {
    let mut framer = Framer::new(content);
    match std::str::from_utf8(content) {
        Ok(text) => framer.feed(text, true, sink),
        Err(error) => {
            framer.not_utf8(error.valid_up_to());
            framer.feed(&String::from_utf8_lossy(content), true, sink)
        }
    };
    framer.finish(None, content.len() as u64)
}

/// Reads content of any size with a buffer that holds one record.
fn in_pieces(mut file: impl BufRead, sink: &mut impl FnMut(&Event<'_>)) -> Reading {
    let is_gzip = file.fill_buf().is_ok_and(inflate::is_gzip);
    let (mut members, mut plain) =
        if is_gzip { (Some(Members::new(file)), None) } else { (None, Some(file)) };
    let mut failed = None;
    let mut buffer = Vec::new();
    let mut framer: Option<Framer> = None;
    let mut n_bytes = 0_u64;
    loop {
        let from = buffer.len();
        buffer.resize(from + PIECE_BYTES, 0);
        let piece = buffer.get_mut(from..).unwrap_or_default();
        let n = match (&mut members, &mut plain) {
            (Some(members), _) => members.read(piece),
            (_, Some(file)) => file.read(piece).unwrap_or_else(|error| {
                failed =
                    Some(Broken { at: n_bytes, says: format!("cannot be read further: {error}") });
                0
            }),
            _ => 0,
        };
        n_bytes += n as u64;
        buffer.truncate(from + n);
        let is_last = n == 0;
        let framer = framer.get_or_insert_with(|| Framer::new(&buffer));
        // A character may be cut by the end of the piece; what is wrong before that is read as U+FFFD.
        let n_chars = match std::str::from_utf8(&buffer) {
            Err(error) if error.error_len().is_none() && !is_last => error.valid_up_to(),
            _ => buffer.len(),
        };
        let rest = buffer.split_off(n_chars);
        let text = match String::from_utf8(std::mem::take(&mut buffer)) {
            Ok(text) => text,
            Err(error) => {
                framer.not_utf8(error.utf8_error().valid_up_to());
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }
        };
        let n_read = framer.feed(&text, is_last, sink);
        buffer = text.into_bytes();
        buffer.drain(..n_read);
        buffer.extend(rest);
        if is_last || framer.is_over {
            break;
        }
    }
    let broken = failed.or_else(|| members.and_then(|members| members.broken));
    framer.unwrap_or_else(|| Framer::new(&[])).finish(broken, n_bytes)
}

/// Where the reading stands in the document.
#[derive(Debug)]
enum Level {
    /// In a list of records.
    List {
        /// Whether a `,` must come before the next item.
        wants_comma: bool,
        /// A row of a query's result, whose cells are objects: how many records there were before.
        row: Option<u64>,
    },
    /// In an envelope, behind its list.
    Envelope,
}

/// Finds records in text that comes in pieces.
#[derive(Debug)]
struct Framer {
    levels: Vec<Level>,
    /// Where in the content the text begins.
    base: u64,
    n_records: u64,
    problems: Vec<Problem>,
    n_more_problems: u64,
    /// Within a record that is too large.
    skip: Option<Skip>,
    /// Bytes that were read again.
    n_again: u64,
    /// After something broken, and before the next record.
    is_seeking: bool,
    is_over: bool,
}

impl Framer {
    fn new(content: &[u8]) -> Self {
        let mut framer = Self {
            levels: Vec::new(),
            base: 0,
            n_records: 0,
            problems: Vec::new(),
            n_more_problems: 0,
            skip: None,
            n_again: 0,
            is_seeking: false,
            is_over: false,
        };
        if let Some((_, name)) = OTHERS.iter().find(|(magic, _)| content.starts_with(magic)) {
            framer.problem(GapReason::Unsupported, 0, (*name).to_owned());
            framer.is_over = true;
        }
        framer
    }

    fn problem(&mut self, reason: GapReason, at: usize, detail: String) {
        if self.problems.len() == MAX_PROBLEMS {
            self.n_more_problems += 1;
        } else {
            self.problems.push(Problem { reason, byte: self.base + at as u64, detail });
        }
    }

    fn not_utf8(&mut self, at: usize) {
        if !self.is_over {
            let detail = "not UTF-8; what is not is read as U+FFFD".into();
            self.problem(GapReason::Malformed, at, detail);
        }
    }

    /// Reads as far as it can and says how far that was.
    fn feed(&mut self, text: &str, is_last: bool, sink: &mut impl FnMut(&Event<'_>)) -> usize {
        let mut at = 0;
        if self.base == 0 && text.starts_with('\u{feff}') {
            at = '\u{feff}'.len_utf8();
        }
        while !self.is_over {
            if let Some(skip) = &mut self.skip {
                let Some(end) = skip.end(text, at) else { break };
                self.skip = None;
                at = end;
                self.after_item();
            }
            if self.is_seeking {
                let Some(next) = self.next_begin(text, at) else {
                    // The mark may lie across the end of this piece.
                    let n = if is_last {
                        text.len()
                    } else {
                        text.floor_char_boundary(text.len().saturating_sub(MARK.len())).max(at)
                    };
                    self.base += n as u64;
                    return n;
                };
                at = next;
                self.is_seeking = false;
            }
            let mut scanner = Scanner::from(text, at);
            let Ok(next) = scanner.peek() else { break };
            let from = scanner.at;
            let step = match (self.levels.last_mut(), next) {
                (Some(Level::Envelope), b'}') | (Some(Level::List { .. }), b']') => {
                    self.close(from);
                    Ok(from + 1)
                }
                (Some(Level::Envelope), b',') => {
                    scanner.at += 1;
                    self.member(&mut scanner).map(|()| scanner.at)
                }
                (Some(Level::List { wants_comma, .. }), b',') if *wants_comma => {
                    *wants_comma = false;
                    Ok(from + 1)
                }
                (Some(Level::Envelope), _) => Err(Fault::Expected("`,` or `}` after a value")),
                (Some(Level::List { wants_comma, .. }), _) if *wants_comma => {
                    // Read on: what follows may be a record all the same.
                    *wants_comma = false;
                    self.problem(GapReason::Malformed, from, "no `,` or `]` after a record".into());
                    Ok(from)
                }
                (None | Some(Level::List { .. }), b'[') => {
                    self.open();
                    Ok(from + 1)
                }
                (None | Some(Level::List { .. }), b'{') => self.item(&mut scanner, sink),
                (Some(Level::List { .. }), _) => match scanner.skip() {
                    Ok(()) => {
                        self.problem(
                            GapReason::Malformed,
                            from,
                            "an item that is no object".into(),
                        );
                        self.after_item();
                        Ok(scanner.at)
                    }
                    Err(fault) => Err(fault),
                },
                (None, _) => Err(Fault::Expected("an object or an array")),
            };
            match step {
                Ok(end) => at = end,
                Err(Fault::End) if !is_last => {
                    if text.len() - from <= MAX_RECORD_BYTES {
                        self.base += from as u64;
                        return from;
                    }
                    self.too_large(from);
                    self.skip = Some(Skip::default());
                    at = from;
                }
                Err(fault) => match self.after_broken(text, from, scanner.at) {
                    None if !is_last && text.len() - from <= MAX_RECORD_BYTES => {
                        self.base += from as u64;
                        return from;
                    }
                    next => {
                        self.broken(from, scanner.at, fault);
                        self.is_seeking = next.is_none();
                        at = next.unwrap_or(text.len());
                        self.begin_at(text, at);
                    }
                },
            }
        }
        self.base += text.len() as u64;
        text.len()
    }

    fn open(&mut self) {
        if self.levels.len() >= MAX_LEVELS {
            self.problem(
                GapReason::TooDeep,
                0,
                format!("more than {MAX_LEVELS} lists in each other"),
            );
            self.is_over = true;
            return;
        }
        let row = matches!(self.levels.last(), Some(Level::List { .. })).then_some(self.n_records);
        self.levels.push(Level::List { wants_comma: false, row });
    }

    fn close(&mut self, at: usize) {
        let closed = self.levels.pop();
        if let Some(Level::List { row: Some(n_before), .. }) = closed
            && n_before == self.n_records
        {
            let detail = "a row of a query's result without the column `eventJson`".into();
            self.problem(GapReason::Unsupported, at, detail);
        }
        self.after_item();
    }

    fn after_item(&mut self) {
        if let Some(Level::List { wants_comma, .. }) = self.levels.last_mut() {
            *wants_comma = true;
        }
    }

    /// What an envelope holds behind its list.
    fn member(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Fault> {
        let key = scanner.string()?.get();
        scanner.expect(b':', "`:` after a key")?;
        if scanner.peek()? == b'[' && event::is_list(&key) {
            scanner.at += 1;
            self.open();
            return Ok(());
        }
        scanner.skip()
    }

    /// An object, at which the scanner stands; where it ends.
    fn item(
        &mut self,
        scanner: &mut Scanner<'_>,
        sink: &mut impl FnMut(&Event<'_>),
    ) -> Result<usize, Fault> {
        let from = scanner.at;
        let item = event::item(scanner)?;
        if matches!(item, Item::List) {
            self.levels.push(Level::Envelope);
            self.open();
            return Ok(scanner.at + 1);
        }
        let is_cell = matches!(self.levels.last(), Some(Level::List { row: Some(_), .. }));
        match item {
            _ if scanner.at - from > MAX_RECORD_BYTES => self.too_large(from),
            Item::Record(event) => self.take(&event, from, sink),
            Item::Embedded(text) => match event::record(&mut Scanner::new(&text)) {
                Ok(event) if event.is_record() => self.take(&event, from, sink),
                Ok(_) => self.problem(GapReason::Unsupported, from, event::NO_RECORD.to_owned()),
                Err(fault) => {
                    let detail = format!("the record in a string {}", fault.says());
                    self.problem(reason(fault), from, detail);
                }
            },
            Item::Other(_) if is_cell => {}
            Item::Other(what) => self.problem(GapReason::Unsupported, from, what.to_owned()),
            Item::List => {}
        }
        self.after_item();
        Ok(scanner.at)
    }

    fn take(&mut self, event: &Event<'_>, from: usize, sink: &mut impl FnMut(&Event<'_>)) {
        if event.raw.len() > MAX_FIELD_BYTES && event.longest_field() > MAX_FIELD_BYTES {
            let detail = format!("a record with a text of more than {MAX_FIELD_BYTES} bytes");
            return self.problem(GapReason::TooLarge, from, detail);
        }
        self.n_records += 1;
        sink(event);
    }

    fn too_large(&mut self, from: usize) {
        let detail = format!("a record of more than {MAX_RECORD_BYTES} bytes");
        self.problem(GapReason::TooLarge, from, detail);
    }

    /// Where the reading goes on when what begins at `from` is broken at `fault`: at the next record,
    /// or behind what is balanced here, whichever is first.
    fn after_broken(&mut self, text: &str, from: usize, fault: usize) -> Option<usize> {
        if self.levels.is_empty() {
            return self.next_begin(text, from + 1);
        }
        if text.as_bytes().get(from) != Some(&b'{') {
            return self.next_begin(text, from);
        }
        let is_record = |rest: &[u8]| rest.starts_with(MARK.as_bytes());
        let next = Skip::default().end_or(text, from, is_record)?;
        // Records within each other, each broken where the outermost is, would all be read up to there.
        self.n_again += fault.saturating_sub(next) as u64;
        if self.n_again / MAX_TIMES_AGAIN > self.base + fault as u64 {
            return self.next_begin(text, fault);
        }
        Some(next)
    }

    /// Where the next record seems to begin.
    fn next_begin(&self, text: &str, from: usize) -> Option<usize> {
        let rest = text.get(from..)?;
        if self.levels.is_empty() {
            // One document for each line, unless one is written over several: its inner lines are
            // indented.
            let mut ends = memchr::memchr_iter(b'\n', rest.as_bytes());
            let begins = |end: &usize| matches!(rest.as_bytes().get(end + 1), Some(b'{' | b'['));
            return ends.find(begins).map(|n| from + n + 1);
        }
        rest.find(MARK).map(|n| from + n)
    }

    fn begin_at(&mut self, text: &str, at: usize) {
        let is_record = text.as_bytes().get(at) == Some(&b'{');
        match self.levels.last_mut() {
            Some(Level::List { wants_comma, .. }) => *wants_comma = !is_record && !self.is_seeking,
            // Behind the list of an envelope, and yet a record.
            Some(Level::Envelope) => {
                self.levels.push(Level::List { wants_comma: false, row: None });
            }
            None => {}
        }
    }

    /// Tells what is wrong with what begins at `from`.
    fn broken(&mut self, from: usize, at: usize, fault: Fault) {
        if fault == Fault::End {
            let detail =
                format!("ends within what begins here; {} records are kept", self.n_records);
            self.problem(GapReason::Malformed, from, detail);
        } else {
            let detail = format!("{}, at byte {}", fault.says(), self.base + at as u64);
            self.problem(reason(fault), from, detail);
        }
    }

    fn finish(mut self, broken: Option<Broken>, n_bytes: u64) -> Reading {
        if let Some(Broken { at, says }) = broken {
            // The content ends where the file broke: what the framer says of its end follows from it.
            let is_of_end = |problem: &Problem| problem.detail.starts_with("ends within");
            let begun =
                self.problems.pop_if(|problem| is_of_end(problem)).map(|problem| problem.byte);
            let within =
                begun.map(|byte| format!(", within what begins at byte {byte} of its content"));
            let detail = format!(
                "{says}, at byte {at} of the file{}; {} records are kept",
                within.unwrap_or_default(),
                self.n_records
            );
            // First, and however many others there are: what else is wrong may follow from it.
            self.problems
                .insert(0, Problem { reason: GapReason::Malformed, byte: n_bytes, detail });
        } else if !self.is_over
            && !self.is_seeking
            && (!self.levels.is_empty() || self.skip.is_some())
        {
            let detail = format!("ends within a list of records; {} are kept", self.n_records);
            self.problem(GapReason::Malformed, 0, detail);
        }
        Reading {
            n_records: self.n_records,
            n_bytes,
            problems: self.problems,
            n_more_problems: self.n_more_problems,
        }
    }
}

fn reason(fault: Fault) -> GapReason {
    if fault == Fault::TooDeep { GapReason::TooDeep } else { GapReason::Malformed }
}

/// Looks for the end of an object or array by its brackets alone.
#[derive(Debug, Default)]
struct Skip {
    depth: u64,
    is_in_string: bool,
    is_escaped: bool,
}

impl Skip {
    fn end(&mut self, text: &str, from: usize) -> Option<usize> {
        self.end_or(text, from, |_| false)
    }

    /// The end, or where `begins` holds behind `from`.
    fn end_or(&mut self, text: &str, from: usize, begins: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let bytes = text.as_bytes();
        for (n, byte) in bytes.get(from..)?.iter().enumerate() {
            let at = from + n;
            if *byte == b'{' && n > 0 && begins(bytes.get(at..).unwrap_or_default()) {
                return Some(at);
            }
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.is_in_string => self.is_escaped = true,
                b'"' => self.is_in_string = !self.is_in_string,
                _ if self.is_in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}
