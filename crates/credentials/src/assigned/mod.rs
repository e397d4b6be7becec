//! Assignments whose name tells that the value is secret: `NAME=value`, `name: value`,
//! `"name": "value"`, `<name>value</name>`, in settings files and source code.
//!
//! Most such names stand beside something harmless, so the value decides. Here is where a name and
//! its value lie in the bytes; what the one says is read in [`name`], the other in [`value`].

pub(crate) mod name;
pub(crate) mod value;

use std::ops::Range;

use model::kinds::{self, CredentialKind};

use self::name::kind_of_name;
use self::value::{
    is_name_in_code, is_other_thing, is_placeholder, is_reference, is_words, looks_random,
    says_what_it_is,
};

/// A name longer than this is not looked at.
pub(crate) const MAX_NAME: usize = 96;
/// A value longer than this is no password or token.
pub(crate) const MAX_VALUE: usize = 512;
/// At most this much blank is allowed around the sign between name and value.
const MAX_BLANK: usize = 40;

/// A name, its value, and how sure it is that the value is written out here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
    manner: Manner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// In quotes or between tags: this is the value itself.
    Quoted,
    /// Alone to the end of its line, as settings files have it.
    Line,
    /// Within other text: it may be a variable or a type.
    Bare,
}

/// Ends of unquoted runs that were already looked for, so that a file of nothing but names is
/// still read once.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    bare: Range<usize>,
    line: Range<usize>,
    double: Range<usize>,
    single: Range<usize>,
    back: Range<usize>,
}

impl Ends {
    /// The end of what starts at `from`, up to the next byte that `ends` it.
    fn of(slot: &mut Range<usize>, bytes: &[u8], from: usize, ends: impl Fn(u8) -> bool) -> usize {
        if !slot.contains(&from) {
            let rest = bytes.get(from..).unwrap_or_default();
            let length = rest.iter().position(|byte| ends(*byte)).unwrap_or(rest.len());
            *slot = from..from + length + 1;
        }
        slot.end - 1
    }
}

/// The assignment to the name that `keyword` is a part of, if it is one.
pub(crate) fn assignment(
    bytes: &[u8],
    keyword: Range<usize>,
    ends: &mut Ends,
) -> Option<Assignment> {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let back = bytes.get(keyword.start.saturating_sub(MAX_NAME)..keyword.start)?;
    let n_before = back.iter().rev().take_while(is_name).count();
    // Keywords such as `pass=` reach into the sign: the name ends where its characters do.
    let ahead = bytes.get(keyword.start..bytes.len().min(keyword.start + MAX_NAME))?;
    let ahead = match ahead.split_first() {
        Some((b'"', rest)) => rest,
        _ => ahead,
    };
    let quoted_keyword = usize::from(bytes.get(keyword.start) == Some(&b'"'));
    let n_after = ahead.iter().take_while(is_name).count();
    if n_before >= MAX_NAME || n_after + 1 >= MAX_NAME {
        return None;
    }
    let name = keyword.start - n_before * (1 - quoted_keyword) + quoted_keyword
        ..keyword.start + quoted_keyword + n_after;
    let before_name = name.start.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    let mut at = Cursor { bytes, at: name.end };
    // `"name"`, `\"name\"`, `['name']`
    at.skip(|byte| byte == b'\\');
    let closed = at.one_of(b"\"'`");
    at.one_of(b"]");
    let n_blank = at.skip(|byte| byte == b' ' || byte == b'\t');
    if n_blank > MAX_BLANK {
        return None;
    }
    let sign = at.next()?;
    let in_tag = before_name == Some(b'<') && sign == b'>';
    match (sign, at.peek()) {
        (b':', Some(b':')) | (b'=', Some(b'=' | b'~')) => return None,
        (b':', Some(b'=')) | (b'=', Some(b'>')) => {
            at.next();
        }
        (b':' | b'=', _) => {}
        _ if in_tag => {}
        _ => return None,
    }
    let n_blank_after = at.skip(|byte| byte == b' ' || byte == b'\t');
    if n_blank_after > MAX_BLANK {
        return None;
    }
    if in_tag {
        let end = Ends::of(&mut ends.bare, bytes, at.at, ends_bare);
        let value = at.at..end;
        return (bytes.get(end) == Some(&b'<')).then_some(Assignment {
            name,
            value,
            manner: Manner::Quoted,
        });
    }
    // `b"…"`, `r'…'`, `@"…"`
    if matches!(at.peek(), Some(b'b' | b'r' | b'u' | b'@'))
        && matches!(bytes.get(at.at + 1), Some(b'"' | b'\''))
    {
        at.next();
    }
    let escaped = at.skip(|byte| byte == b'\\') > 0;
    if let Some(quote) = at.one_of(b"\"'`") {
        let slot = match quote {
            b'"' => &mut ends.double,
            b'\'' => &mut ends.single,
            _ => &mut ends.back,
        };
        let end = Ends::of(slot, bytes, at.at, |byte| byte == quote || byte == b'\n');
        if bytes.get(end) != Some(&quote) {
            return None;
        }
        let mut value = at.at..end;
        if escaped && bytes.get(end.wrapping_sub(1)) == Some(&b'\\') && end > at.at {
            value.end -= 1;
        }
        return Some(Assignment { name, value, manner: Manner::Quoted });
    }
    // In a settings file the value reaches to the blank, whatever signs a password has in it.
    // `name = value2` may be code; without blanks, or with a colon, it is a setting.
    let starts_line = line_starts_with(bytes, name.start) && closed.is_none();
    let is_setting = sign == b':' || n_blank + n_blank_after == 0;
    let end = Ends::of(&mut ends.line, bytes, at.at, |byte| byte.is_ascii_whitespace());
    let alone = matches!(rest_of_line(bytes, end), [] | [b'#', ..]);
    let last = end.checked_sub(1).and_then(|last| bytes.get(last));
    if starts_line && is_setting && alone && !matches!(last, Some(b',' | b';' | b'"' | b'\'')) {
        return Some(Assignment { name, value: at.at..end, manner: Manner::Line });
    }
    let end = Ends::of(&mut ends.bare, bytes, at.at, ends_bare);
    // `password = sha256_of(text)` calls, and `const PASSWORD: Type2 = value` names a type.
    if bytes.get(end) == Some(&b'(') || rest_of_line(bytes, end).starts_with(b"=") {
        return None;
    }
    Some(Assignment { name, value: at.at..end, manner: Manner::Bare })
}

fn ends_bare(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`,;<>(){}[]&|".contains(&byte)
}

/// The rest of a line without blanks at its start, at most a few bytes of it.
fn rest_of_line(bytes: &[u8], from: usize) -> &[u8] {
    let rest = bytes.get(from..bytes.len().min(from + MAX_BLANK)).unwrap_or_default();
    let rest = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    rest.trim_ascii()
}

/// Whether nothing but blanks, `-` or `export` stands before the name on its line.
fn line_starts_with(bytes: &[u8], name: usize) -> bool {
    let before = bytes.get(name.saturating_sub(MAX_BLANK)..name).unwrap_or_default();
    let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let whole = line.len() < before.len() || name <= MAX_BLANK;
    let words = line.trim_ascii();
    whole && matches!(words, b"" | b"-" | b"export" | b"ENV" | b"ARG" | b"set" | b"//")
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| wanted.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let n = rest.iter().take(MAX_BLANK + 1).take_while(|byte| wanted(**byte)).count();
        self.at += n;
        n
    }
}

impl Assignment {
    /// The kind of secret it assigns; none when the name does not tell or the value is not one.
    pub(crate) fn judge(&self, bytes: &[u8]) -> Option<&'static CredentialKind> {
        let length = self.value.len();
        if !(6..=MAX_VALUE).contains(&length) {
            return None;
        }
        let value = bytes.get(self.value.clone())?;
        if !value.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let name = std::str::from_utf8(bytes.get(self.name.clone())?).ok()?;
        let kind = kind_of_name(name)?;
        let value = std::str::from_utf8(value).ok()?;
        let is_secret = (self.manner != Manner::Bare || !is_name_in_code(value))
            && !is_reference(value)
            && !is_placeholder(value)
            && !says_what_it_is(value)
            && !is_other_thing(value)
            && self.is_strong_enough(kind, value);
        is_secret.then_some(kind)
    }

    fn is_strong_enough(&self, kind: &CredentialKind, value: &str) -> bool {
        let digits = value.bytes().any(|b| b.is_ascii_digit());
        let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
        let is_code = value.bytes().any(|b| b"(){}[]<>\\`|".contains(&b));
        if kind == kinds::PASSWORD {
            let odd = value.bytes().any(|b| b"!@#$%^&*+=?~".contains(&b));
            let strong = !is_words(value) && (odd || digits && letters);
            return match self.manner {
                Manner::Quoted => strong && !(is_code && value.contains(['(', '{', '<'])),
                Manner::Line => strong && !is_code,
                Manner::Bare => strong && !is_code && digits && letters && looks_random(value, 12),
            };
        }
        let plain =
            value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_.~:!@#$%^&*-".contains(&b));
        let least = if self.manner == Manner::Bare { 20 } else { 16 };
        plain && digits && letters && !is_words(value) && looks_random(value, least)
    }
}
