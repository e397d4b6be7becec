//! Foreign names made safe to show: nothing scanned may move a cursor, hide itself or start a
//! formula.

use std::borrow::Cow;

/// Longer names are cut here, with `…` in place of the rest.
pub const MAX_NAME_CHARS: usize = 512;

/// A foreign name for a terminal, a log or a page: control, bidirectional and invisible characters
/// become `\u{…}`, and at most [`MAX_NAME_CHARS`] characters are kept.
pub fn shown(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_NAME_CHARS && !name.chars().any(is_deceptive) {
        return Cow::Borrowed(name);
    }
    let mut shown = String::with_capacity(name.len().min(4 * MAX_NAME_CHARS));
    for (n, c) in name.chars().enumerate() {
        if n == MAX_NAME_CHARS {
            shown.push('…');
            break;
        }
        if is_deceptive(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Text of several lines that may quote foreign names, for a terminal or a log: as [`shown`], but
/// whole and with its line ends.
pub fn lines_shown(text: &str) -> Cow<'_, str> {
    spelled(text, |c, safe| safe.extend(c.escape_unicode()))
}

/// JSON with the same meaning that a terminal cannot be moved by: what is deceptive within its
/// strings becomes `\uNNNN`. Control characters below a blank are escaped in JSON already.
pub fn json_shown(json: &str) -> Cow<'_, str> {
    spelled(json, |c, safe| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn spelled(text: &str, spell: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let is_unsafe = |c: char| c != '\n' && is_deceptive(c);
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if is_unsafe(c) { spell(c, &mut safe) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// A foreign name for a spreadsheet: as [`shown`], and `= + - @` is quoted where a cell may begin,
/// since a spreadsheet would run it as a formula (OWASP, CSV injection). After a semicolon too: half
/// of the world's spreadsheets take it for the end of a cell.
pub fn cell(name: &str) -> Cow<'_, str> {
    let name = shown(name);
    let begins = |before: Option<char>| before.is_none_or(|before| before == ';');
    let mut cell = String::with_capacity(name.len() + 8);
    let mut before = None;
    for c in name.chars() {
        if FORMULA.contains(&c) && begins(before) {
            cell.push('\'');
        }
        cell.push(c);
        before = Some(c);
    }
    if cell.len() == name.len() { name } else { Cow::Owned(cell) }
}

/// What a formula begins with, in the wide forms of East Asian keyboards too.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Bytes of a foreign path or name as text: what is not UTF-8 becomes `\xNN`, so that two
/// different names never become one. A name that has such a thing spelled out in itself gets
/// `\x5c` for the backslash.
pub fn lossless(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some((before, after)) = rest.split_once('\\') {
            text.push_str(before);
            text.push_str(if is_spelled(after) { "\\x5c" } else { "\\" });
            rest = after;
        }
        text.push_str(rest);
        for byte in chunk.invalid() {
            text.push_str("\\x");
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('?'));
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('?'));
        }
    }
    text
}

/// Whether what follows a backslash reads as a byte that [`lossless`] spells: one that is not ASCII,
/// or a backslash. Other spellings, such as the `\x2d` of systemd, are nobody's but the name's.
fn is_spelled(after: &str) -> bool {
    matches!(
        after.as_bytes(),
        [b'x', b'8'..=b'9' | b'a'..=b'f', b'0'..=b'9' | b'a'..=b'f', ..] | [b'x', b'5', b'c', ..]
    )
}

/// Whether it moves, reorders or hides, or cannot be told from nothing.
fn is_deceptive(c: char) -> bool {
    c.is_control() || is_ignorable(c) || is_blank(c) || matches!(c, '\u{2028}'..='\u{2029}')
}

/// What is drawn as nothing where it is not understood: `Default_Ignorable_Code_Point` of Unicode 16
/// (DerivedCoreProperties.txt), and the anchors of annotations, which it leaves out.
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Signs whose picture is empty: the braille pattern without dots and the note without a head. Not
/// the blanks of other widths, which are seen as blanks.
const fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{1d159}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deceptive_characters_are_spelled_out() {
        assert_eq!(shown("ba\u{1b}[31mckup"), "ba\\u{1b}[31mckup");
        assert_eq!(shown("exe\u{202e}txt"), "exe\\u{202e}txt");
        assert_eq!(shown("Grüße"), "Grüße");
        assert_eq!(cell("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(cell("a;=cmd|' /C calc'!A0"), "a;'=cmd|' /C calc'!A0");
        assert_eq!(cell("a-b; c=d"), "a-b; c=d");
        assert_eq!(lines_shown("a\u{9b}31m\nb\u{202e}"), "a\\u{9b}31m\nb\\u{202e}");
        assert_eq!(
            json_shown("{\n\"a\": \"\u{9b}\u{e0041}\"}"),
            "{\n\"a\": \"\\u009b\\udb40\\udc41\"}"
        );
    }

    #[test]
    fn what_looks_like_nothing_is_spelled_out() {
        for c in [
            '\u{ad}',
            '\u{34f}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{17b5}',
            '\u{180b}',
            '\u{2065}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{ffa0}',
            '\u{1d159}',
            '\u{e0100}',
            '\u{e01ef}',
        ] {
            let name = format!("key{c}.pem");
            assert_eq!(shown(&name), format!("key{}.pem", c.escape_unicode()));
        }
        assert_eq!(shown("한글 鍵\u{a0}é ⠿"), "한글 鍵\u{a0}é ⠿");
    }

    #[test]
    fn bytes_that_are_no_text_are_spelled_out() {
        let check = |bytes: &[u8], expected: &str| assert_eq!(lossless(bytes), expected);
        check(b"a\xffb", "a\\xffb");
        check(b"a\\xffb", "a\\x5cxffb");
        check(b"a\\x5cb", "a\\x5cx5cb");
        check(b"dev-disk-by\\x2duuid", "dev-disk-by\\x2duuid");
        check(b"C:\\users\\x", "C:\\users\\x");
    }

    /// The bytes that a text stands for.
    fn bytes_of(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\\') {
            bytes.extend_from_slice(before.as_bytes());
            if is_spelled(after) {
                let (digits, after) = after.split_at(3);
                let digits = digits.strip_prefix('x').unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = after;
            } else {
                bytes.push(b'\\');
                rest = after;
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        bytes
    }

    proptest::proptest! {
        #[test]
        fn two_names_never_become_one(
            bytes in proptest::collection::vec(
                proptest::sample::select(&b"\\x58cf\x80\xff\xc3\xa9"[..]),
                0..24,
            ),
        ) {
            proptest::prop_assert_eq!(bytes_of(&lossless(&bytes)), bytes);
        }

        #[test]
        fn json_means_the_same_and_moves_nothing(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            let shown = json_shown(&json);
            proptest::prop_assert!(!shown.chars().any(is_deceptive));
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }

        #[test]
        fn nothing_deceptive_passes(name: String) {
            proptest::prop_assert!(!shown(&name).chars().any(is_deceptive));
            proptest::prop_assert!(shown(&name).chars().count() <= 10 * MAX_NAME_CHARS + 1);
        }
    }
}
