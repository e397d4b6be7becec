//! PEM blocks (RFC 7468, RFC 1421 headers) among any other bytes.
//!
//! Lenient where files in the field are: CRLF, indentation, comments around blocks, and line ends
//! written as `\n` inside JSON or an environment variable. One pass, whatever the bytes are.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use memchr::memmem;

/// A label longer than this is not one.
const MAX_LABEL: usize = 64;

/// What stands between `-----BEGIN` and `-----END`.
#[derive(Debug, Clone)]
pub(crate) struct Block<'a> {
    /// `CERTIFICATE`, `RSA PRIVATE KEY` …
    pub(crate) label: &'a str,
    /// Line of `-----BEGIN`, from 1.
    pub(crate) line: u32,
    /// From `-----BEGIN` to the end of the `-----END …-----` line.
    pub(crate) span: Range<usize>,
    body: &'a [u8],
}

impl Block<'_> {
    /// The decoded bytes, and whether a header said `ENCRYPTED`.
    pub(crate) fn decode(&self) -> Result<Decoded, &'static str> {
        let body = unescaped(self.body);
        let mut text = Vec::with_capacity(body.len());
        let mut encrypted = false;
        for line in body.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            // RFC 1421 headers; base64 has no colon.
            if memchr::memchr(b':', line).is_some() {
                encrypted |= line.starts_with(b"Proc-Type") && line.ends_with(b"ENCRYPTED");
                continue;
            }
            text.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b'='));
        }
        if text.is_empty() {
            return Err("nothing stands between its first and last line");
        }
        match base64().decode(&text) {
            Ok(bytes) => Ok(Decoded { bytes, encrypted }),
            Err(_) => Err("what stands between its first and last line is not base64"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) encrypted: bool,
}

/// A `-----BEGIN` whose end has not been met.
struct Open<'a> {
    label: &'a str,
    line: u32,
    at: usize,
    body: usize,
}

/// What could not be read, with its line.
pub(crate) type Problems = Vec<(u32, String)>;

/// Calls `sink` for every block whose label is wanted, until it says no; a block without an end is
/// a problem.
pub(crate) fn blocks<'a>(
    bytes: &'a [u8],
    wanted: fn(&str) -> bool,
    problems: &mut Problems,
    sink: &mut dyn FnMut(Block<'a>, &mut Problems) -> bool,
) {
    let mut lines = Lines::new(bytes);
    let mut open: Option<Open<'a>> = None;
    for at in memmem::find_iter(bytes, b"-----") {
        let Some(after) = bytes.get(at + 5..) else { break };
        let (is_begin, word) = match after {
            [b'B', b'E', b'G', b'I', b'N', b' ', ..] => (true, "BEGIN "),
            [b'E', b'N', b'D', b' ', ..] => (false, "END "),
            _ => continue,
        };
        let Some(label) = after.get(word.len()..).and_then(label).filter(|label| wanted(label))
        else {
            continue;
        };
        let end_of_line = at + 5 + word.len() + label.len() + 5;
        match open.take() {
            Some(Open { label: opened, line, at: start, body }) if !is_begin && opened == label => {
                let body = bytes.get(body..at).unwrap_or_default();
                if !sink(Block { label, line, span: start..end_of_line, body }, problems) {
                    return;
                }
            }
            Some(open) => problems.push(open.problem()),
            None => {}
        }
        if is_begin {
            open = Some(Open { label, line: lines.of(at), at, body: end_of_line });
        }
    }
    problems.extend(open.map(|open| open.problem()));
}

impl Open<'_> {
    fn problem(&self) -> (u32, String) {
        (self.line, format!("`BEGIN {}` has no end", self.label))
    }
}

fn label(after: &[u8]) -> Option<&str> {
    let window = after.get(..after.len().min(MAX_LABEL + 5))?;
    let end = memmem::find(window, b"-----")?;
    let label = std::str::from_utf8(window.get(..end)?).ok()?;
    let is_label = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || " #.".contains(c);
    (!label.is_empty() && label.chars().all(is_label)).then_some(label)
}

/// Bytes with line ends that were written as `\n`, `\r` or `\\n` made into real ones.
fn unescaped(body: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', body).is_none() {
        return Cow::Borrowed(body);
    }
    let mut text = Vec::with_capacity(body.len());
    let mut after_backslash = false;
    for byte in body {
        match byte {
            b'\\' => after_backslash = true,
            b'n' | b'r' | b't' if after_backslash => {
                text.push(b'\n');
                after_backslash = false;
            }
            _ => {
                text.push(*byte);
                after_backslash = false;
            }
        }
    }
    Cow::Owned(text)
}

/// Base64 without padding that does not mind leftover bits: some old tools leave them.
fn base64() -> &'static Encoding {
    static ENCODING: LazyLock<Encoding> = LazyLock::new(|| {
        let mut specification = Specification::new();
        specification.symbols.push_str(data_encoding::BASE64.specification().symbols.as_str());
        specification.check_trailing_bits = false;
        specification.encoding().unwrap_or(data_encoding::BASE64_NOPAD)
    });
    &ENCODING
}

/// Line numbers of ascending offsets, counted once over the whole.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1 }
    }

    /// The line of `offset`, which is never less than the one before.
    pub(crate) fn of(&mut self, offset: usize) -> u32 {
        if let Some(passed) = self.bytes.get(self.at..offset) {
            let n_lines = memchr::memchr_iter(b'\n', passed).count();
            self.line = self.line.saturating_add(u32::try_from(n_lines).unwrap_or(u32::MAX));
            self.at = offset;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_among_anything() {
        let check = |text: &str, expected: &[(&str, u32, Option<&[u8]>)], n_problems: usize| {
            let (mut found, mut problems) = (Vec::new(), Vec::new());
            blocks(text.as_bytes(), |_| true, &mut problems, &mut |block, _| {
                let text = text.get(block.span.clone()).unwrap();
                assert!(text.starts_with("-----BEGIN ") && text.ends_with("-----"), "{text}");
                found.push((block.label, block.line, block.decode().ok().map(|it| it.bytes)));
                true
            });
            let expected: Vec<_> =
                expected.iter().map(|(a, b, c)| (*a, *b, c.map(<[u8]>::to_vec))).collect();
            assert_eq!(found, expected, "{text}");
            assert_eq!(problems.len(), n_problems, "{text} {problems:?}");
        };
        check(
            "# note\r\n-----BEGIN X-----\r\nAQID\r\n-----END X-----\r\n",
            &[("X", 2, Some(&[1, 2, 3]))],
            0,
        );
        check("  -----BEGIN X-----\n  AQ\n  I=\n  -----END X-----", &[("X", 1, Some(&[1, 2]))], 0);
        check(
            r#"{"k":"-----BEGIN X-----\nAQI\nD\n-----END X-----\n"}"#,
            &[("X", 1, Some(&[1, 2, 3]))],
            0,
        );
        check(
            "-----BEGIN A-----\nAQID\n-----END A----------BEGIN B-----\nAQID\n-----END B-----",
            &[("A", 1, Some(&[1, 2, 3])), ("B", 3, Some(&[1, 2, 3]))],
            0,
        );
        check("-----BEGIN A-----\nAQ", &[], 1);
        check(
            "-----BEGIN A-----\n-----BEGIN B-----\nAQ==\n-----END B-----",
            &[("B", 2, Some(&[1]))],
            1,
        );
        check("-----BEGIN A-----\n***\n-----END A-----", &[("A", 1, None)], 0);
        check("-----END A-----", &[], 0);
        check(&"-----BEGIN A-----\n".repeat(3), &[], 3);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>, label in "[A-Z ]{0,9}") {
            let mut text = format!("-----BEGIN {label}-----").into_bytes();
            text.extend(bytes);
            text.extend(format!("-----END {label}-----").into_bytes());
            blocks(&text, |_| true, &mut Vec::new(), &mut |block, _| block.decode().is_ok());
        }
    }
}
