//! Titles and fixes with the real names in them.
//!
//! Names are foreign: a file may be called `$(reboot)`. So a fix is made of sentences, in which a
//! name is shown, and of commands, in which every name is quoted for the shell, always; a template
//! that puts a placeholder inside quotes of its own is refused when the rule is read.

use model::text::shown;

use crate::condition::{Answer, Condition, View};
use crate::field::{Field, Item, Scope, see};

/// A fix names at most this many places; the finding lists them all.
pub(crate) const MAX_PLACES_IN_FIX: usize = 5;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    /// A field of the record, of its identity, or of the place at hand.
    Field(Whose, Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Record,
    Identity,
    Place,
}

/// One sentence or command of a fix.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) condition: Option<Condition>,
    pub(crate) template: Template,
    pub(crate) is_command: bool,
}

impl Template {
    /// Parses a sentence, or a command.
    pub(crate) fn parse(text: &str, scope: Scope, is_command: bool) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut quote = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' if chars.next_if_eq(&'{').is_some() => literal.push('{'),
                '}' if chars.next_if_eq(&'}').is_some() => literal.push('}'),
                '{' => {
                    let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                    if quote.is_some() {
                        return Err(format!("`{{{name}}}` is inside quotes, and is quoted itself"));
                    }
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    }
                    pieces.push(placeholder(&name, scope)?);
                }
                '}' => return Err("a `}` without its `{`; a plain one is written `}}`".into()),
                _ => {
                    if is_command && matches!(c, '\'' | '"' | '`') {
                        quote = match quote {
                            Some(open) if open == c => None,
                            Some(open) => Some(open),
                            None => Some(c),
                        };
                    }
                    literal.push(c);
                }
            }
        }
        if let Some(open) = quote {
            return Err(format!("an {open} that is not closed"));
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self(pieces))
    }

    pub(crate) fn speaks_of_places(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Field(Whose::Place, _)))
    }

    /// The text with its names; none when one of them is not known or cannot be said.
    fn filled(
        &self,
        view: &View<'_>,
        place: Option<Item<'_>>,
        quote: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Field(whose, field) => {
                    let item = match whose {
                        Whose::Record => Some(view.item()),
                        Whose::Identity => view.identity(),
                        Whose::Place => place,
                    };
                    let value = see(item?, field).told().filter(|value| !value.is_empty())?;
                    filled.push_str(&quote(&value)?);
                }
            }
        }
        Some(filled)
    }

    /// As a sentence.
    pub(crate) fn sentence(&self, view: &View<'_>, place: Option<Item<'_>>) -> Option<String> {
        self.filled(view, place, |value| Some(shown(value).into_owned()))
    }

    /// As a shell command; none when a name is no word of a shell.
    pub(crate) fn command(&self, view: &View<'_>, place: Option<Item<'_>>) -> Option<String> {
        self.filled(view, place, shell_quoted)
    }
}

impl Step {
    /// The lines it gives: one, or one for each place when it speaks of places; none when it does
    /// not apply or a name is not known.
    pub(crate) fn lines(&self, view: &View<'_>, places: &[Item<'_>]) -> Vec<String> {
        let applies = |condition: &Condition| condition.answer(view.item(), view) == Answer::Yes;
        if !self.condition.as_ref().is_none_or(applies) {
            return Vec::new();
        }
        let line = |place: Option<Item<'_>>| {
            if self.is_command {
                self.template.command(view, place).map(|command| format!("    {command}"))
            } else {
                self.template.sentence(view, place)
            }
        };
        if self.template.speaks_of_places() {
            let mut lines: Vec<String> =
                places.iter().filter_map(|place| line(Some(*place))).collect();
            lines.dedup();
            lines.truncate(MAX_PLACES_IN_FIX);
            lines
        } else {
            line(None).into_iter().collect()
        }
    }
}

fn placeholder(name: &str, scope: Scope) -> Result<Piece, String> {
    let (whose, scope, field) = if let Some(field) = name.strip_prefix("place.") {
        if scope != Scope::Credential {
            return Err(format!("`{{{name}}}`: only a credential has places"));
        }
        (Whose::Place, Scope::Place, field)
    } else if let Some(field) = name.strip_prefix("identity.") {
        (Whose::Identity, Scope::Identity, field)
    } else {
        (Whose::Record, scope, name)
    };
    match Field::parse(scope, field) {
        Some(field) => Ok(Piece::Field(whose, field)),
        None => Err(format!("`{{{name}}}` is not a field of this record")),
    }
}

/// One word for every POSIX shell, whatever it holds: plain where it is harmless, in single quotes
/// otherwise, and by `printf` when it holds characters that a terminal would obey or hide. Not by
/// `$'…'`: dash knows no such quote before 0.5.13, and ends it at the first `\'`.
///
/// None for what no shell can say on one line: a NUL, and a line feed at the end, which `$(…)` drops.
pub(crate) fn shell_quoted(word: &str) -> Option<String> {
    if word.contains('\0') || word.ends_with('\n') {
        return None;
    }
    // At the beginning `=` is a command's path to zsh.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(is_harmless) {
        return Some(word.into());
    }
    if word.chars().all(|c| shown(c.encode_utf8(&mut [0; 4])).chars().count() == 1) {
        return Some(format!("'{}'", word.replace('\'', r"'\''")));
    }
    let mut quoted = String::from("\"$(printf '");
    for (n, c) in word.chars().enumerate() {
        // `printf` would take a dash at the beginning for an option and `%` for a field, and an
        // interactive shell `!` for its history.
        if is_harmless(c) && c != '%' && !(n == 0 && c == '-') {
            quoted.push(c);
        } else {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).bytes();
            quoted.extend(bytes.map(|byte| format!("\\{byte:03o}")));
        }
    }
    quoted.push_str("')\"");
    Some(quoted)
}

fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy as _;

    use super::*;

    #[test]
    fn words_are_quoted() {
        let check = |word: &str, expected: &str| {
            assert_eq!(shell_quoted(word).as_deref(), Some(expected));
            assert_eq!(unquoted(expected), word.as_bytes(), "{word:?}");
        };
        check("/etc/ssl/a.pem", "/etc/ssl/a.pem");
        check("", "''");
        check("a b", "'a b'");
        check("$(reboot)", "'$(reboot)'");
        check("it's", r"'it'\''s'");
        check("a\nreboot", r#""$(printf 'a\012reboot')""#);
        check("a\u{202e}'\\", r#""$(printf 'a\342\200\256\047\134')""#);
        check("-\u{1b}%s!1", r#""$(printf '\055\033\045s\0411')""#);
        check(
            "a\u{1b}'; touch pwned; #",
            r#""$(printf 'a\033\047\073\040touch\040pwned\073\040\043')""#,
        );
        check("~root", "'~root'");
        check("=ls", "'=ls'");
        check(&" a".repeat(400), &format!("'{}'", " a".repeat(400)));
        for unsayable in ["a\n", "\n", "a\0b"] {
            assert_eq!(shell_quoted(unsayable), None, "{unsayable:?}");
        }
    }

    #[test]
    fn templates_are_refused() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Template::parse(text, Scope::Credential, true).unwrap_err(), expected);
        };
        check("rm '{name}'", "`{name}` is inside quotes, and is quoted itself");
        check("rm \"{name}\"", "`{name}` is inside quotes, and is quoted itself");
        check("rm {colour}", "`{colour}` is not a field of this record");
        check("rm 'a", "an ' that is not closed");
        check("rm }", "a `}` without its `{`; a plain one is written `}}`");
        assert!(Template::parse("it's {name}", Scope::Credential, false).is_ok());
        assert!(Template::parse("{place.path}", Scope::Identity, false).is_err());
    }

    /// What the shells of this machine make of a quoted word: all of them the same, and nothing
    /// else happens in the folder they run in.
    fn unquoted(text: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let heard = |shell: &str| {
            let mut command = std::process::Command::new(shell);
            // The brackets show that it is one word, and what it ends with.
            command.args(["-c", &format!("printf '[%s]' {text}")]).current_dir(folder.path());
            let output = match command.output() {
                // `sh` is everywhere; the others are asked where they are.
                Err(error) if shell != "sh" && error.kind() == std::io::ErrorKind::NotFound => {
                    return None;
                }
                output => output.unwrap(),
            };
            assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {text}");
            let word = output.stdout.strip_prefix(b"[").unwrap().strip_suffix(b"]").unwrap();
            Some(word.to_vec())
        };
        let word = heard("sh").unwrap();
        for shell in ["dash", "bash", "ksh", "zsh"] {
            assert_eq!(heard(shell).as_ref().unwrap_or(&word), &word, "{shell}: {text}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{text}");
        word
    }

    /// Names made of what shells, `printf` and terminals obey.
    fn hostile_name() -> impl proptest::strategy::Strategy<Value = String> {
        let pieces = [
            "'",
            "\"",
            "\\",
            "\\'",
            "$",
            "`",
            "$(",
            ")",
            "${",
            "}",
            ";",
            "&",
            "|",
            "<",
            ">",
            "#",
            "!",
            "%",
            "%s",
            "-",
            "--",
            "=",
            "~",
            "*",
            "?",
            "[",
            "]",
            " ",
            "\t",
            "\n",
            "\r",
            "\u{1b}",
            "\u{7f}",
            "\u{85}",
            "\u{202e}",
            "\u{feff}",
            "ü",
            "鍵",
            "7",
            "x41",
            "touch pwned",
        ];
        proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..12)
            .prop_map(|pieces| pieces.concat())
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_back_what_was_quoted(
            word in proptest::prop_oneof![hostile_name(), "[^\\x00]{0,24}"],
        ) {
            match shell_quoted(&word) {
                Some(quoted) => proptest::prop_assert_eq!(unquoted(&quoted), word.as_bytes()),
                None => proptest::prop_assert!(word.ends_with('\n')),
            }
        }

        #[test]
        fn a_command_is_one_line_of_harmless_characters(word: String) {
            let quoted = shell_quoted(&word).unwrap_or_default();
            proptest::prop_assert!(!quoted.chars().any(char::is_control));
        }
    }
}
