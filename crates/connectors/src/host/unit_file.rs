//! The syntax of systemd unit files (systemd.syntax(7)): sections, assignments, continued lines,
//! quoting, specifiers. Knows no folder and no meaning.

/// Lines longer than this, continuations joined, are cut, as systemd refuses them (1 MiB).
const MAX_LINE_BYTES: usize = 1 << 20;

/// Types of unit that systemd knows.
const UNIT_TYPES: &[&str] = &[
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct UnitFile {
    pub entries: Vec<Entry>,
    /// Comments, which often say who looks after the unit.
    pub comments: Vec<(u32, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub section: String,
    pub key: String,
    pub value: String,
    /// Line where it starts, from 1.
    pub line: u32,
}

/// Parses a unit file; lines that are neither section, assignment nor comment are told by number.
pub(super) fn parse(text: &str) -> (UnitFile, Vec<u32>) {
    let mut file = UnitFile::default();
    let mut problems = Vec::new();
    let mut section = String::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, first)) = lines.next() {
        let trimmed = first.trim();
        if trimmed.is_empty() {
            continue;
        }
        if let Some(comment) = trimmed.strip_prefix(['#', ';']) {
            file.comments.push((number, comment.trim().to_owned()));
            continue;
        }
        let mut line = first.trim_start().to_owned();
        while line.ends_with('\\') {
            // The backslash and the line break after it stand for one space.
            line.pop();
            line.push(' ');
            // Comments between continued lines are skipped, as systemd does.
            let next = lines.by_ref().find(|(_, next)| !next.trim_start().starts_with(['#', ';']));
            let Some((_, next)) = next else { break };
            if line.len() + next.len() > MAX_LINE_BYTES {
                problems.push(number);
                continue;
            }
            line.push_str(next);
        }
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once('=') {
            file.entries.push(Entry {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
                line: number,
            });
        } else {
            problems.push(number);
        }
    }
    (file, problems)
}

/// The words of a value, as systemd splits `Environment=` and the like: blanks separate, quotes
/// hold together, backslashes escape.
pub(super) fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut begun = false;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (_, '\\') => {
                begun = true;
                word.push_str(&unescape(&mut chars));
            }
            (Some(end), c) if c == end => quote = None,
            (None, '"' | '\'') => {
                begun = true;
                quote = Some(c);
            }
            (None, c) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                    begun = false;
                }
            }
            (_, c) => {
                begun = true;
                word.push(c);
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// A value with its C-style escapes resolved, as `SetCredential=` has them.
pub(super) fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push_str(&unescape(&mut chars)),
            c => text.push(c),
        }
    }
    text
}

/// What follows a backslash.
fn unescape(chars: &mut std::str::Chars<'_>) -> String {
    let digits = |chars: &mut std::str::Chars<'_>, count: usize, radix: u32| {
        let text: String = chars.clone().take(count).collect();
        let code = u32::from_str_radix(&text, radix).ok().and_then(char::from_u32);
        if code.is_some() && text.chars().count() == count {
            for _ in 0..count {
                chars.next();
            }
        }
        code.map_or_else(String::new, String::from)
    };
    match chars.next() {
        None => String::from("\\"),
        Some('n') => "\n".into(),
        Some('t') => "\t".into(),
        Some('r') => "\r".into(),
        Some('s') => " ".into(),
        Some('x') => digits(chars, 2, 16),
        Some('u') => digits(chars, 4, 16),
        Some('U') => digits(chars, 8, 16),
        Some(other) => other.into(),
    }
}

/// A name and its type: `nginx.service`, `getty@tty1.service`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnitName<'a> {
    /// Before the `@`, or before the type.
    pub prefix: &'a str,
    /// `Some("")` for a template, `Some("tty1")` for an instance of one.
    pub instance: Option<&'a str>,
    pub unit_type: &'a str,
}

pub(super) fn unit_name(name: &str) -> Option<UnitName<'_>> {
    let (body, unit_type) = name.rsplit_once('.')?;
    if body.is_empty() || !UNIT_TYPES.contains(&unit_type) || name.len() > 255 {
        return None;
    }
    Some(match body.split_once('@') {
        Some((prefix, instance)) => UnitName { prefix, instance: Some(instance), unit_type },
        None => UnitName { prefix: body, instance: None, unit_type },
    })
}

pub(super) fn is_unit_name(name: &str) -> bool {
    unit_name(name).is_some()
}

impl UnitName<'_> {
    pub(super) fn is_template(&self) -> bool {
        self.instance == Some("")
    }

    /// The template this is an instance of.
    pub(super) fn template(&self) -> Option<String> {
        let is_instance = self.instance.is_some_and(|instance| !instance.is_empty());
        is_instance.then(|| format!("{}@.{}", self.prefix, self.unit_type))
    }

    /// A value with its specifiers (systemd.unit(5)) resolved; none when one is left that depends
    /// on the running system.
    pub(super) fn expand(&self, value: &str) -> Option<String> {
        let mut expanded = String::with_capacity(value.len());
        let mut chars = value.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                expanded.push(c);
                continue;
            }
            match chars.next()? {
                '%' => expanded.push('%'),
                'i' => expanded.push_str(self.instance.filter(|instance| !instance.is_empty())?),
                'I' => {
                    let instance = self.instance.filter(|instance| !instance.is_empty())?;
                    expanded.push_str(&unescaped(&instance.replace('-', "/")));
                }
                'p' => expanded.push_str(self.prefix),
                'P' => expanded.push_str(&unescaped(&self.prefix.replace('-', "/"))),
                'j' => expanded.push_str(self.prefix.rsplit('-').next().unwrap_or(self.prefix)),
                'N' => expanded.push_str(&self.body()),
                'n' => {
                    expanded.push_str(&self.body());
                    expanded.push('.');
                    expanded.push_str(self.unit_type);
                }
                _ => return None,
            }
        }
        Some(expanded)
    }

    fn body(&self) -> String {
        match self.instance {
            Some(instance) => format!("{}@{instance}", self.prefix),
            None => self.prefix.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_file() {
        let text = "# Looked after by ops\n[Unit]\nDescription=Web\n\n[Service]\nExecStart=/bin/a \\\n# between\n  b\nnot an assignment\nUser = www\n";
        let (file, problems) = parse(text);
        let entries: Vec<_> = file
            .entries
            .iter()
            .map(|entry| format!("{}:{}.{}={}", entry.line, entry.section, entry.key, entry.value))
            .collect();
        assert_eq!(
            entries,
            ["3:Unit.Description=Web", "6:Service.ExecStart=/bin/a    b", "10:Service.User=www"]
        );
        assert_eq!(file.comments, [(1, "Looked after by ops".into())]);
        assert_eq!(problems, [9]);
    }

    #[test]
    fn values_split_as_systemd_splits_them() {
        let check = |value: &str, expected: &[&str]| assert_eq!(words(value), expected, "{value}");
        check(r#"A=1 "B=two words" 'C=3'  D=a\x20b"#, &["A=1", "B=two words", "C=3", "D=a b"]);
        check(r#""" x"#, &["", "x"]);
        check(r#""open"#, &["open"]);
        check("  ", &[]);
        assert_eq!(unescaped(r"a\nb\x41"), "a\nbA");
    }

    #[test]
    fn names_and_specifiers() {
        let check = |name: &str, value: &str, expected: Option<&str>| {
            let expanded = unit_name(name).unwrap().expand(value);
            assert_eq!(expanded.as_deref(), expected, "{name} {value}");
        };
        check("pg@14-main.service", "%i", Some("14-main"));
        check("pg@14-main.service", "%I 100%%", Some("14/main 100%"));
        check("pg@.service", "%i", None);
        check("a-b.service", "%p %j %n %N", Some("a-b b a-b.service a-b"));
        check("a.service", "%H", None);
        assert_eq!(unit_name("x"), None);
        assert_eq!(unit_name("pg@1.service").unwrap().template().unwrap(), "pg@.service");
        assert!(unit_name("pg@.service").unwrap().is_template());
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "[\\[\\]a-zA-Z=\\\\\n#;%@. '\"]{0,300}|\\PC{0,200}") {
            let (file, _) = parse(&text);
            for entry in &file.entries {
                words(&entry.value);
                unescaped(&entry.value);
                if let Some(name) = unit_name(&entry.key) {
                    name.expand(&entry.value);
                }
            }
        }
    }
}
