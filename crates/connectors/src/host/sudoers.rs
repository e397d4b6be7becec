//! The syntax of `/etc/sudoers` (sudoers(5)): aliases, user specifications, defaults, includes.
//! Knows no accounts and no files; what a rule means on this host is in `sudo`.

use std::collections::BTreeMap;
use std::rc::Rc;

/// Lines longer than this, continuations joined, are not parsed.
const MAX_LINE_BYTES: usize = 64 << 10;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sudoers {
    pub rules: Vec<Rule>,
    pub defaults: Vec<Default_>,
    /// `(kind, name)` to members; the last definition counts.
    pub aliases: BTreeMap<(AliasKind, String), Vec<Member>>,
    pub includes: Vec<Include>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AliasKind {
    User,
    Runas,
    Host,
    Command,
}

/// A member of a list, perhaps negated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    pub negated: bool,
}

/// `users hosts = commands`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub line: u32,
    pub users: Vec<Member>,
    pub hosts: Vec<Member>,
    pub commands: Vec<Command>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Path with arguments, `ALL`, or an alias.
    pub text: String,
    pub negated: bool,
    /// None: nothing said, so root.
    /// Shared, as the others are, by all commands of a list that it holds for.
    pub runas: Option<Rc<Runas>>,
    pub tags: Rc<Vec<String>>,
    /// `TIMEOUT=`, `NOTAFTER=`, `CWD=` …
    pub options: Rc<Vec<(String, String)>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Runas {
    pub users: Vec<Member>,
    pub groups: Vec<Member>,
}

/// One `Defaults` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Default_ {
    pub line: u32,
    /// `:users`, `@hosts`, `>runas`, `!commands`; none for everyone.
    pub scope: Option<(char, String)>,
    /// Name, value, whether negated.
    pub settings: Vec<(String, Option<String>, bool)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Include {
    pub line: u32,
    pub path: String,
    pub is_folder: bool,
    /// How many rules stand before it: order matters, the last match wins.
    pub after_rules: usize,
}

/// Parses a file; lines that are not understood are told by number.
pub(super) fn parse(text: &str) -> (Sudoers, Vec<u32>) {
    let mut sudoers = Sudoers::default();
    let mut problems = Vec::new();
    for (line, text) in logical_lines(text) {
        if text.len() > MAX_LINE_BYTES || parse_line(&text, line, &mut sudoers).is_none() {
            problems.push(line);
        }
    }
    (sudoers, problems)
}

/// Lines with their continuations joined and their comments taken off.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let mut logical = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, first)) = lines.next() {
        let mut line = first.to_owned();
        while line.ends_with('\\') {
            line.pop();
            match lines.next() {
                Some((_, next)) => line.push_str(next),
                None => break,
            }
        }
        let line = without_comment(line.trim()).trim().to_owned();
        if !line.is_empty() {
            logical.push((number, line));
        }
    }
    logical
}

/// `#` begins a comment unless it begins a user id, a group id or an include.
fn without_comment(line: &str) -> &str {
    if line.starts_with("#include") {
        return line;
    }
    let mut previous = ' ';
    let mut quoted = false;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if previous != '\\' => quoted = !quoted,
            '#' if !quoted && previous != '\\' => {
                let begins_id = chars.peek().is_some_and(|(_, c)| c.is_ascii_digit() || *c == '-')
                    && (previous.is_whitespace() || ",(:!%=".contains(previous));
                if !begins_id {
                    return line.get(..at).unwrap_or_default();
                }
            }
            _ => {}
        }
        previous = c;
    }
    line
}

fn parse_line(line: &str, number: u32, sudoers: &mut Sudoers) -> Option<()> {
    if let Some(include) = include(line, number, sudoers.rules.len()) {
        sudoers.includes.push(include);
        return Some(());
    }
    if let Some(rest) = line.strip_prefix("Defaults")
        && rest.starts_with(|c: char| c.is_whitespace() || ":@>!".contains(c))
    {
        sudoers.defaults.push(defaults(rest, number)?);
        return Some(());
    }
    const ALIASES: &[(&str, AliasKind)] = &[
        ("User_Alias", AliasKind::User),
        ("Runas_Alias", AliasKind::Runas),
        ("Host_Alias", AliasKind::Host),
        ("Cmnd_Alias", AliasKind::Command),
        ("Cmd_Alias", AliasKind::Command),
    ];
    for (keyword, kind) in ALIASES {
        if let Some(rest) = line.strip_prefix(keyword)
            && rest.starts_with(char::is_whitespace)
        {
            return aliases(rest, *kind, sudoers);
        }
    }
    let mut cursor = Cursor::new(line);
    let users = cursor.list()?;
    loop {
        let hosts = cursor.list()?;
        cursor.take('=')?;
        let commands = commands(&mut cursor)?;
        sudoers.rules.push(Rule { line: number, users: users.clone(), hosts, commands });
        if cursor.is_at_end() {
            return Some(());
        }
        cursor.take(':')?;
    }
}

fn include(line: &str, number: u32, after_rules: usize) -> Option<Include> {
    let (is_folder, rest) = ["@includedir", "#includedir"]
        .iter()
        .find_map(|word| Some((true, line.strip_prefix(word)?)))
        .or_else(|| {
            let words = ["@include", "#include"];
            words.iter().find_map(|word| Some((false, line.strip_prefix(word)?)))
        })?;
    let path = rest.strip_prefix(char::is_whitespace)?.trim();
    let path = match path.strip_prefix('"').and_then(|path| path.strip_suffix('"')) {
        Some(path) => path.to_owned(),
        None => path.replace("\\ ", " "),
    };
    (!path.is_empty()).then_some(Include { line: number, path, is_folder, after_rules })
}

fn defaults(rest: &str, line: u32) -> Option<Default_> {
    let mut scope = None;
    let mut rest = rest;
    if let Some(mark) = rest.chars().next().filter(|c| ":@>!".contains(*c)) {
        let after = rest.get(1..)?.trim_start();
        let (name, settings) = after.split_once(char::is_whitespace)?;
        scope = Some((mark, name.to_owned()));
        rest = settings;
    }
    let mut settings = Vec::new();
    for setting in split_unquoted(rest, ',') {
        let setting = setting.trim();
        let bare = setting.trim_start_matches('!').trim_start();
        let negated = (setting.len() - bare.len()) % 2 == 1;
        let (name, value) = match bare.split_once('=') {
            Some((name, value)) => (name.trim_end_matches(['+', '-', ' ']), Some(value.trim())),
            None => (bare, None),
        };
        if name.is_empty() {
            return None;
        }
        let value = value.map(|value| value.trim_matches('"').to_owned());
        settings.push((name.trim().to_owned(), value, negated));
    }
    Some(Default_ { line, scope, settings })
}

/// Splits at a character that stands neither in quotes nor after a backslash.
fn split_unquoted(text: &str, at: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == at && !quoted && !escaped {
            parts.push(String::new());
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

fn aliases(rest: &str, kind: AliasKind, sudoers: &mut Sudoers) -> Option<()> {
    let mut cursor = Cursor::new(rest);
    loop {
        let name = cursor.word()?;
        let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if !is_name {
            return None;
        }
        cursor.take('=')?;
        let members = match kind {
            AliasKind::Command => {
                let commands = commands(&mut cursor)?;
                let members = commands.into_iter();
                members.map(|it| Member { name: it.text, negated: it.negated }).collect()
            }
            _ => cursor.list()?,
        };
        sudoers.aliases.insert((kind, name), members);
        if cursor.is_at_end() {
            return Some(());
        }
        cursor.take(':')?;
    }
}

const TAGS: &[&str] = &[
    "EXEC",
    "NOEXEC",
    "FOLLOW",
    "NOFOLLOW",
    "INTERCEPT",
    "NOINTERCEPT",
    "LOG_INPUT",
    "NOLOG_INPUT",
    "LOG_OUTPUT",
    "NOLOG_OUTPUT",
    "MAIL",
    "NOMAIL",
    "PASSWD",
    "NOPASSWD",
    "SETENV",
    "NOSETENV",
];

const OPTIONS: &[&str] = &[
    "ROLE",
    "TYPE",
    "PRIVS",
    "LIMITPRIVS",
    "APPARMOR_PROFILE",
    "CWD",
    "CHROOT",
    "TIMEOUT",
    "NOTBEFORE",
    "NOTAFTER",
];

/// A list of commands; runas, tags and options hold until the next one says otherwise.
fn commands(cursor: &mut Cursor<'_>) -> Option<Vec<Command>> {
    let mut list = Vec::new();
    let mut runas: Option<Rc<Runas>> = None;
    let mut tags: Rc<Vec<String>> = Rc::default();
    let mut options: Rc<Vec<(String, String)>> = Rc::default();
    loop {
        if cursor.take('(').is_some() {
            runas = Some(Rc::new(runas_of(cursor)?));
        }
        loop {
            let before = cursor.position();
            let negated = cursor.peek() == Some('!');
            let word = if negated { None } else { cursor.word() };
            let Some(word) = word else {
                cursor.rewind(before);
                break;
            };
            if OPTIONS.contains(&word.as_str()) && cursor.take('=').is_some() {
                let value = cursor.word()?;
                let options = Rc::make_mut(&mut options);
                options.retain(|(name, _)| *name != word);
                options.push((word, value));
            } else if TAGS.contains(&word.as_str()) && cursor.take(':').is_some() {
                let opposite = match word.strip_prefix("NO") {
                    Some(positive) => positive.to_owned(),
                    None => format!("NO{word}"),
                };
                let tags = Rc::make_mut(&mut tags);
                tags.retain(|tag| *tag != opposite && *tag != word);
                tags.push(word);
            } else {
                cursor.rewind(before);
                break;
            }
        }
        let mut negated = false;
        while cursor.take('!').is_some() {
            negated = !negated;
        }
        let text = cursor.command()?;
        list.push(Command {
            text,
            negated,
            runas: runas.clone(),
            tags: tags.clone(),
            options: options.clone(),
        });
        if cursor.take(',').is_none() {
            return Some(list);
        }
    }
}

/// `users : groups)`, either of them perhaps missing.
fn runas_of(cursor: &mut Cursor<'_>) -> Option<Runas> {
    let mut runas = Runas::default();
    if !matches!(cursor.peek(), Some(':' | ')')) {
        runas.users = cursor.list()?;
    }
    if cursor.take(':').is_some() && cursor.peek() != Some(')') {
        runas.groups = cursor.list()?;
    }
    cursor.take(')')?;
    Some(runas)
}

/// A position in a line. Every step goes forward or not at all, so parsing is linear.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn new(line: &'a str) -> Self {
        Self { rest: line.trim() }
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn position(&self) -> &'a str {
        self.rest
    }

    fn rewind(&mut self, position: &'a str) {
        self.rest = position;
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(c)?.trim_start();
        Some(())
    }

    /// `a, !b, "c d"`.
    fn list(&mut self) -> Option<Vec<Member>> {
        let mut members = Vec::new();
        loop {
            let mut negated = false;
            while self.take('!').is_some() {
                negated = !negated;
            }
            members.push(Member { name: self.word()?, negated });
            if self.take(',').is_none() {
                return Some(members);
            }
        }
    }

    /// A name: quoted, or up to a blank or a mark, backslashes escaping.
    fn word(&mut self) -> Option<String> {
        let mut word = String::new();
        let mut quoted = false;
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => quoted = !quoted,
                '\\' => word.extend(chars.next().map(|(_, c)| c)),
                // `%:group` is a group of a directory; `::` is part of an address.
                ':' if word == "%" || word.ends_with(':') || self.is_address(at) => word.push(c),
                c if !quoted && (c.is_whitespace() || ",=:()!".contains(c)) => {
                    end = at;
                    break;
                }
                c => word.push(c),
            }
        }
        self.rest = self.rest.get(end..).unwrap_or_default().trim_start();
        (!word.is_empty()).then_some(word)
    }

    fn is_address(&self, at: usize) -> bool {
        self.rest.get(at..).is_some_and(|rest| rest.starts_with("::"))
    }

    /// A command: to the next unescaped `,`, or `:` or `=`; digests before it are left out.
    fn command(&mut self) -> Option<String> {
        let mut command = String::new();
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        let mut is_digest = false;
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    let next = chars.next().map(|(_, c)| c);
                    if !next.is_some_and(|c| ":,= \\#".contains(c)) {
                        command.push('\\');
                    }
                    command.extend(next);
                }
                ':' if is_digest_name(&command) => {
                    is_digest = true;
                    command.clear();
                }
                c if is_digest => {
                    // Base64 or hex up to the blank before the command itself.
                    is_digest = !c.is_whitespace();
                }
                ',' | ':' | '=' => {
                    end = at;
                    break;
                }
                c if c.is_whitespace() => {
                    if !command.ends_with(' ') && !command.is_empty() {
                        command.push(' ');
                    }
                }
                c => command.push(c),
            }
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
        let command = command.trim_end();
        (!command.is_empty()).then(|| command.to_owned())
    }
}

fn is_digest_name(text: &str) -> bool {
    ["sha224", "sha256", "sha384", "sha512"].contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let (sudoers, problems) = parse(text);
        let list = |members: &[Member]| {
            let shown = members
                .iter()
                .map(|member| format!("{}{}", if member.negated { "!" } else { "" }, member.name));
            shown.collect::<Vec<_>>().join("+")
        };
        let mut lines: Vec<String> = Vec::new();
        for rule in &sudoers.rules {
            for command in &rule.commands {
                let runas = command.runas.as_ref().map_or("-".into(), |runas| {
                    format!("({}:{})", list(&runas.users), list(&runas.groups))
                });
                lines.push(format!(
                    "{} @{} {runas} {:?} {}{}",
                    list(&rule.users),
                    list(&rule.hosts),
                    command.tags,
                    if command.negated { "!" } else { "" },
                    command.text
                ));
            }
        }
        lines.extend(
            sudoers
                .aliases
                .iter()
                .map(|((kind, name), members)| format!("{kind:?} {name}={}", list(members))),
        );
        lines.extend(problems.iter().map(|line| format!("problem in line {line}")));
        lines.join("\n")
    }

    #[test]
    fn rules() {
        let check = |text: &str, expected: &str| assert_eq!(shown(text), expected, "{text}");
        check("root ALL=(ALL:ALL) ALL", "root @ALL (ALL:ALL) [] ALL");
        check("%sudo\tALL = ( ALL ) NOPASSWD: ALL", "%sudo @ALL (ALL:) [\"NOPASSWD\"] ALL");
        check(
            "ada, %ops web1, web2 = (www) NOPASSWD:SETENV: /bin/a x, !/bin/b, PASSWD: /bin/c",
            "ada+%ops @web1+web2 (www:) [\"NOPASSWD\", \"SETENV\"] /bin/a x\nada+%ops @web1+web2 (www:) [\"NOPASSWD\", \"SETENV\"] !/bin/b\nada+%ops @web1+web2 (www:) [\"SETENV\", \"PASSWD\"] /bin/c",
        );
        check("#1000 ALL=(:adm) /bin/a # why", "#1000 @ALL (:adm) [] /bin/a");
        check("%#27 ALL=/bin/a", "%#27 @ALL - [] /bin/a");
        check("a\\ b ALL=/bin/a --x\\=y\\, z", "a b @ALL - [] /bin/a --x=y, z");
        check("\"%domain users\" ALL=() ALL", "%domain users @ALL (:) [] ALL");
        check("+net ALL=ALL : h2=/bin/b", "+net @ALL - [] ALL\n+net @h2 - [] /bin/b");
        check("ada ALL = sha256:AAAA= /bin/a", "ada @ALL - [] /bin/a");
        check(
            "ada ALL=(root) \\\n  NOPASSWD: \\\n /bin/a",
            "ada @ALL (root:) [\"NOPASSWD\"] /bin/a",
        );
        check("ada ALL=(root) TIMEOUT=10 CWD=/x /bin/a", "ada @ALL (root:) [] /bin/a");
        check("nonsense", "problem in line 1");
        check("ada ALL", "problem in line 1");
        check("# only a comment\n\n", "");
    }

    #[test]
    fn what_holds_for_many_commands_is_there_once() {
        let users = vec!["u"; 1_000].join(",");
        let commands = vec!["/a"; 1_000].join(",");
        let (sudoers, problems) = parse(&format!("a ALL=({users}) CWD=/x NOPASSWD: {commands}"));
        assert!(problems.is_empty());
        let [first, .., last] = sudoers.rules[0].commands.as_slice() else { panic!() };
        assert!(Rc::ptr_eq(first.runas.as_ref().unwrap(), last.runas.as_ref().unwrap()));
        assert!(Rc::ptr_eq(&first.tags, &last.tags) && Rc::ptr_eq(&first.options, &last.options));
    }

    #[test]
    fn aliases_defaults_and_includes() {
        assert_eq!(
            shown(
                "User_Alias ADMINS = ada, !bob : OPS=%ops\nCmnd_Alias SHELLS=/bin/sh, /bin/bash -l"
            ),
            "User ADMINS=ada+!bob\nUser OPS=%ops\nCommand SHELLS=/bin/sh+/bin/bash -l"
        );
        let (sudoers, problems) = parse(
            "Defaults env_reset, !authenticate\nDefaults:ada targetpw\nDefaults secure_path=\"/a:/b\"\n@includedir /etc/sudoers.d\n#include local\\ one",
        );
        assert!(problems.is_empty());
        let settings: Vec<_> = sudoers
            .defaults
            .iter()
            .map(|default| format!("{:?} {:?}", default.scope, default.settings))
            .collect();
        assert_eq!(
            settings,
            [
                "None [(\"env_reset\", None, false), (\"authenticate\", None, true)]",
                "Some((':', \"ada\")) [(\"targetpw\", None, false)]",
                "None [(\"secure_path\", Some(\"/a:/b\"), false)]",
            ]
        );
        let includes: Vec<_> =
            sudoers.includes.iter().map(|it| (it.path.as_str(), it.is_folder)).collect();
        assert_eq!(includes, [("/etc/sudoers.d", true), ("local one", false)]);
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "[-@%#+!A-Za-z0-9_ \t\n=,:()\\\\\"*/]{0,300}|\\PC{0,200}") {
            parse(&text);
        }
    }
}
