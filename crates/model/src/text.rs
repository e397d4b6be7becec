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

/// A foreign name for a spreadsheet: as [`shown`], and a leading `= + - @` is quoted, since a
/// spreadsheet would run it as a formula (OWASP, CSV injection).
pub fn cell(name: &str) -> Cow<'_, str> {
    let name = shown(name);
    if name.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return Cow::Owned(format!("'{name}"));
    }
    name
}

/// Bytes of a foreign path or name as text: what is not UTF-8 becomes `\xNN`, so that two
/// different names never become one.
pub fn lossless(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str("\\x");
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('?'));
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('?'));
        }
    }
    text
}

fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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
        assert_eq!(lossless(b"a\xffb"), "a\\xffb");
    }

    proptest::proptest! {
        #[test]
        fn nothing_deceptive_passes(name: String) {
            proptest::prop_assert!(!shown(&name).chars().any(is_deceptive));
            proptest::prop_assert!(shown(&name).chars().count() <= 10 * MAX_NAME_CHARS + 1);
        }
    }
}
