//! A strict reader of JSON that stops only at what it is asked for.
//!
//! No tree is built: whoever reads an object is handed its keys one by one and either takes the
//! value or skips it. Strings are borrowed. It knows nothing of what the JSON says.

use std::borrow::Cow;

/// Arrays and objects within each other; deeper is [`Fault::TooDeep`].
pub const MAX_DEPTH: u32 = 128;

/// Why reading stopped; where is [`Scanner::at`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text ends within a value.
    End,
    TooDeep,
    /// What was expected instead.
    Expected(&'static str),
}

impl Fault {
    pub(crate) fn says(self) -> String {
        match self {
            Self::End => "ends within a value".into(),
            Self::TooDeep => format!("more than {MAX_DEPTH} arrays and objects in each other"),
            Self::Expected(what) => format!("expected {what}"),
        }
    }
}

pub(crate) type Read<T> = Result<T, Fault>;

/// A string as it stands between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    raw: &'a str,
    is_escaped: bool,
}

impl<'a> Text<'a> {
    #[inline]
    pub(crate) fn get(self) -> Cow<'a, str> {
        if self.is_escaped { Cow::Owned(unescaped(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    pub(crate) at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    pub(crate) const fn from(text: &'a str, at: usize) -> Self {
        Self { text, at, depth: 0 }
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// What lies between two places.
    pub(crate) fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The next byte that is not white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Read<u8> {
        self.at = plain(self.bytes(), self.at);
        self.bytes().get(self.at).copied().ok_or(Fault::End)
    }

    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, what: &'static str) -> Read<()> {
        if self.peek()? == byte {
            self.at += 1;
            Ok(())
        } else {
            Err(Fault::Expected(what))
        }
    }

    /// A string; the next byte is its opening quote.
    #[inline]
    pub(crate) fn string(&mut self) -> Read<Text<'a>> {
        self.expect(b'"', "a string")?;
        let from = self.at;
        let end = end_of_plain(self.bytes(), from);
        if self.bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Text { raw: self.slice(from, end), is_escaped: false });
        }
        self.at = end;
        self.rest_of_string()?;
        Ok(Text { raw: self.slice(from, self.at - 1), is_escaped: true })
    }

    /// A string from its first character that is not plain.
    #[cold]
    fn rest_of_string(&mut self) -> Read<()> {
        loop {
            self.at = end_of_plain(self.bytes(), self.at);
            match self.bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(Fault::Expected("no control character within a string")),
                None => return Err(Fault::End),
            }
        }
    }

    fn escape(&mut self) -> Read<()> {
        match self.bytes().get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => {
                let digits = self.bytes().iter().skip(self.at + 2).take(4);
                let n = digits.clone().take_while(|byte| byte.is_ascii_hexdigit()).count();
                if n == 4 {
                    self.at += 6;
                    Ok(())
                } else if digits.count() == n {
                    Err(Fault::End)
                } else {
                    Err(Fault::Expected("four hexadecimal digits"))
                }
            }
            Some(_) => Err(Fault::Expected("an escape that JSON knows")),
            None => Err(Fault::End),
        }
    }

    /// Goes through an object; `member` takes or skips each value. `Ok(false)` from it ends the
    /// reading where it stands.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Read<bool>,
    ) -> Read<bool> {
        self.expect(b'{', "an object")?;
        self.deeper()?;
        if self.peek()? == b'}' {
            self.at += 1;
            self.depth -= 1;
            return Ok(true);
        }
        loop {
            if self.peek()? != b'"' {
                return Err(Fault::Expected("a key"));
            }
            let key = self.string()?;
            self.expect(b':', "`:` after a key")?;
            self.peek()?;
            if !member(self, key)? {
                return Ok(false);
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(true);
                }
                _ => return Err(Fault::Expected("`,` or `}` after a value")),
            }
        }
    }

    /// Goes through an array; `item` takes or skips each value.
    pub(crate) fn array(&mut self, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect(b'[', "an array")?;
        self.deeper()?;
        if self.peek()? == b']' {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.peek()?;
            item(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(());
                }
                _ => return Err(Fault::Expected("`,` or `]` after a value")),
            }
        }
    }

    fn deeper(&mut self) -> Read<()> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }

    /// A string, or nothing for another kind of value, which is skipped.
    #[inline]
    pub(crate) fn text(&mut self) -> Read<Option<Cow<'a, str>>> {
        if self.peek()? == b'"' {
            return self.string().map(|text| Some(text.get()));
        }
        self.skip()?;
        Ok(None)
    }

    /// A value as it stands.
    pub(crate) fn raw(&mut self) -> Read<&'a str> {
        self.peek()?;
        let from = self.at;
        self.skip()?;
        Ok(self.slice(from, self.at))
    }

    /// Passes over a value, whole and right.
    pub(crate) fn skip(&mut self) -> Read<()> {
        let base = self.depth;
        // One bit for each level, the lowest is the innermost: set in an object.
        let mut levels: u128 = 0;
        let bytes = self.bytes();
        // In a register; in `self` each step would wait for the one before.
        let mut at = self.at;
        loop {
            at = plain(bytes, at);
            match bytes.get(at) {
                Some(b'"') => at = self.string_end(bytes, at)?,
                Some(open @ (b'{' | b'[')) => {
                    self.at = at;
                    at += 1;
                    self.deeper().inspect_err(|_| self.at += 1)?;
                    let is_object = *open == b'{';
                    levels = levels << 1 | u128::from(is_object);
                    at = plain(bytes, at);
                    let is_empty = bytes.get(at) == Some(if is_object { &b'}' } else { &b']' });
                    if !is_empty {
                        if is_object {
                            at = self.key_end(bytes, at)?;
                        }
                        continue;
                    }
                }
                Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                    self.at = at;
                    self.scalar()?;
                    at = self.at;
                }
                other => return Err(self.fault(at, other, "a value")),
            }
            // A value has ended, or an array or object without any stands before its end.
            loop {
                if self.depth == base {
                    self.at = at;
                    return Ok(());
                }
                let is_object = levels & 1 == 1;
                at = plain(bytes, at);
                match (bytes.get(at), is_object) {
                    (Some(b','), true) => {
                        at = self.key_end(bytes, plain(bytes, at + 1))?;
                        break;
                    }
                    (Some(b','), false) => {
                        at += 1;
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        at += 1;
                        self.depth -= 1;
                        levels >>= 1;
                    }
                    (other, true) => return Err(self.fault(at, other, "`,` or `}` after a value")),
                    (other, false) => {
                        return Err(self.fault(at, other, "`,` or `]` after a value"));
                    }
                }
            }
        }
    }

    #[cold]
    fn fault(&mut self, at: usize, found: Option<&u8>, what: &'static str) -> Fault {
        self.at = at;
        if found.is_some() { Fault::Expected(what) } else { Fault::End }
    }

    /// Where a string ends whose opening quote is at `at`.
    #[inline]
    fn string_end(&mut self, bytes: &[u8], at: usize) -> Read<usize> {
        let end = end_of_plain(bytes, at + 1);
        if bytes.get(end) == Some(&b'"') {
            return Ok(end + 1);
        }
        self.at = end;
        self.rest_of_string()?;
        Ok(self.at)
    }

    /// Where the value of a key begins.
    #[inline]
    fn key_end(&mut self, bytes: &[u8], at: usize) -> Read<usize> {
        let quote = bytes.get(at);
        if quote != Some(&b'"') {
            return Err(self.fault(at, quote, "a key"));
        }
        let end = self.string_end(bytes, at)?;
        let end = plain(bytes, end);
        match bytes.get(end) {
            Some(b':') => Ok(end + 1),
            other => Err(self.fault(end, other, "`:` after a key")),
        }
    }

    fn scalar(&mut self) -> Read<()> {
        match self.bytes().get(self.at) {
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, word: &'static str) -> Read<()> {
        let rest = self.bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else if word.as_bytes().starts_with(rest) {
            Err(Fault::End)
        } else {
            Err(Fault::Expected("a value"))
        }
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Read<()> {
        const DIGIT: Fault = Fault::Expected("a digit");
        let fault =
            |scanner: &Self| if scanner.at == scanner.text.len() { Fault::End } else { DIGIT };
        if self.bytes().get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let is_zero = self.bytes().get(self.at) == Some(&b'0');
        let n = self.digits();
        if n == 0 {
            return Err(fault(self));
        }
        if is_zero && n > 1 {
            return Err(Fault::Expected("no digit after a leading zero"));
        }
        if self.bytes().get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(fault(self));
            }
        }
        if matches!(self.bytes().get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes().get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(fault(self));
            }
        }
        Ok(())
    }
}

/// Where the first byte stands that is not white space.
#[inline]
fn plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Where the first quote, backslash or control character stands, eight bytes at a time.
#[inline]
fn end_of_plain(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    while let Some(eight) = bytes.get(at..at + 8) {
        let mut word = [0; 8];
        word.copy_from_slice(eight);
        let word = u64::from_le_bytes(word);
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5c);
        // Each term has the high bit of the first byte that it looks for, and maybe of later ones.
        let found = (quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word)
            & HIGHS;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..0x20) {
            return at;
        }
        at += 1;
    }
    at
}

/// Unpaired surrogates become U+FFFD.
fn unescaped(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        match chars.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let (c, after) = code_point(chars.as_str());
                text.push(c);
                rest = after;
                continue;
            }
            Some(c) => text.push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    text
}

fn code_point(text: &str) -> (char, &str) {
    let unit = |text: &str| text.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(first) = unit(text) else { return (char::REPLACEMENT_CHARACTER, text) };
    let rest = text.get(4..).unwrap_or_default();
    if !(0xd800..0xdc00).contains(&first) {
        return (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), rest);
    }
    let second = rest.strip_prefix("\\u").and_then(unit);
    match second.filter(|second| (0xdc00..0xe000).contains(second)) {
        Some(second) => {
            let c = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            (c.unwrap_or(char::REPLACEMENT_CHARACTER), rest.get(6..).unwrap_or_default())
        }
        None => (char::REPLACEMENT_CHARACTER, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_told_where() {
        let check = |text: &str, expected: Result<usize, (Fault, usize)>| {
            let mut scanner = Scanner::new(text);
            let read = scanner.skip().map(|()| scanner.at).map_err(|fault| (fault, scanner.at));
            assert_eq!(read, expected, "{text}");
        };
        for whole in [
            "{}",
            "[]",
            "0",
            "-1.5e+3",
            "true",
            "null",
            r#""a\"b""#,
            r#"{"a":[1,{"b":[]}],"c":{}}"#,
            r#"[[],[[]],{}]"#,
            r#""\u00e9ü""#,
        ] {
            check(whole, Ok(whole.len()));
            check(&format!(" {whole} x"), Ok(whole.len() + 1));
            for (end, _) in whole.char_indices().skip(1) {
                let cut = whole.get(..end).unwrap();
                let mut scanner = Scanner::new(cut);
                match scanner.skip() {
                    Ok(()) => assert!("0-1.5".contains(cut), "{cut}"),
                    Err(fault) => assert_eq!(fault, Fault::End, "{cut}"),
                }
            }
        }
        let expected = |text: &str, what: &'static str, at: usize| {
            check(text, Err((Fault::Expected(what), at)));
        };
        expected("[1,,2]", "a value", 3);
        expected("[1 2]", "`,` or `]` after a value", 3);
        expected("{1:2}", "a key", 1);
        expected(r#"{"a" 2}"#, "`:` after a key", 5);
        expected(r#"{"a":2,}"#, "a key", 7);
        expected("tru]", "a value", 0);
        expected("01", "no digit after a leading zero", 2);
        expected("1.x", "a digit", 2);
        expected("\"a\nb\"", "no control character within a string", 2);
        expected(r#""\x""#, "an escape that JSON knows", 1);
        expected(r#""\u12g4""#, "four hexadecimal digits", 1);
        let deep = "[".repeat(200);
        check(&deep, Err((Fault::TooDeep, MAX_DEPTH as usize + 1)));
        let deep = "[".repeat(128) + &"]".repeat(128);
        check(&deep, Ok(256));
    }

    proptest::proptest! {
        /// What serde_json takes is taken, and strings come out the same.
        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}:,\"\\\\a-cu0-9eé.tr\u{1}-]{0,40}", name in ".{0,12}") {
            let mut scanner = Scanner::new(&text);
            let is_whole = scanner.skip().is_ok() && scanner.peek() == Err(Fault::End);
            proptest::prop_assert_eq!(is_whole, serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
            let quoted = serde_json::to_string(&name).unwrap();
            proptest::prop_assert_eq!(Scanner::new(&quoted).string().map(Text::get), Ok(Cow::Owned(name)));
        }
    }
}
