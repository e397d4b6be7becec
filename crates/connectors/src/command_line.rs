//! Command lines that somebody wrote: their words as a shell parts them, and what of them may be
//! shown.
//!
//! Whether an argument is a secret only its program knows, so an argument is shown only where it
//! cannot be one. Texts that are no command lines are the business of [`crate::address`].

use crate::address::looks_random;

/// Words that programs take as subcommands and nobody takes as a password.
const SUBCOMMANDS: &[&str] = &[
    "build",
    "cat-file",
    "check",
    "clean",
    "commit",
    "compose",
    "container",
    "create",
    "daemon-reload",
    "delete",
    "describe",
    "disable",
    "down",
    "edit",
    "enable",
    "exec",
    "export",
    "fetch",
    "force-reload",
    "get",
    "image",
    "images",
    "import",
    "info",
    "inspect",
    "install",
    "is-active",
    "is-enabled",
    "kill",
    "list",
    "list-units",
    "logs",
    "mask",
    "mount",
    "network",
    "ps",
    "pull",
    "purge",
    "push",
    "reload",
    "remove",
    "renew",
    "restart",
    "run",
    "search",
    "serve",
    "service",
    "show",
    "start",
    "stats",
    "status",
    "stop",
    "sync",
    "test",
    "umount",
    "unmask",
    "up",
    "update",
    "upgrade",
    "verify",
    "version",
    "view",
    "volume",
];
/// Programs whose arguments are names of units, packages and processes.
const TAKING_NAMES: &[&str] = &[
    "apt",
    "apt-get",
    "dnf",
    "journalctl",
    "kill",
    "killall",
    "service",
    "systemctl",
    "yum",
    "zypper",
];
/// A longer word is no name.
const MAX_NAME_CHARS: usize = 60;
const MAX_PATH_CHARS: usize = 400;

/// The words of a line: blanks part them, quotes hold together, a backslash keeps the next
/// character. A quote without its end goes on to the end of the line.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(end), c) if c == end => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// A command line with its program, subcommands that everybody knows, absolute paths and the names
/// of options and variables; `…` in place of all else.
pub(crate) fn public_command_line(line: &str) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut program: Option<String> = None;
    // An option may take the next word.
    let mut is_value = false;
    for word in words(line) {
        let (public, opens) = match &program {
            None if variable_of(&word).is_some() => argument(&word, "", false),
            None => {
                let name = word.rsplit('/').next().unwrap_or(&word).to_owned();
                program = Some(name);
                (public_path(&word), false)
            }
            Some(program) => argument(&word, program, is_value),
        };
        is_value = opens;
        let public = public.unwrap_or_else(|| "…".into());
        if public != "…" || shown.last().is_none_or(|last| last != "…") {
            shown.push(public);
        }
    }
    shown.join(" ")
}

/// What may be shown of an argument, and whether the next word may be its value.
fn argument(word: &str, program: &str, is_value: bool) -> (Option<String>, bool) {
    if word.is_empty() || word == "*" {
        return (Some(if word.is_empty() { "\"\"".into() } else { word.into() }), false);
    }
    if let Some(name) = word.strip_prefix("--") {
        let (name, value) =
            name.split_once('=').map_or((name, None), |(name, it)| (name, Some(it)));
        let sign = if value.is_some() { "=…" } else { "" };
        return (is_name(name).then(|| format!("--{name}{sign}")), value.is_none());
    }
    if let Some(letters) = word.strip_prefix('-') {
        let mut letters = letters.chars();
        let first = letters.next().filter(char::is_ascii_alphanumeric);
        let is_alone = letters.next().is_none();
        let sign = if is_alone { "" } else { "…" };
        // `-pTigger` or `-rf`, `-passin`: what is letter, what is value, only the program knows.
        return (first.map(|first| format!("-{first}{sign}")), true);
    }
    if is_value {
        return (None, false);
    }
    if let Some(name) = variable_of(word) {
        return (Some(format!("{name}=…")), false);
    }
    let is_unit = [".service", ".socket", ".target", ".timer"].iter().any(|it| word.ends_with(it));
    let is_known = SUBCOMMANDS.contains(&word)
        || (is_unit || TAKING_NAMES.contains(&program)) && is_name(word);
    let public = if is_known { Some(word.to_owned()) } else { None };
    (public.or_else(|| public_path(word).filter(|_| word.starts_with('/'))), false)
}

/// `NAME` of `NAME=value`. What has nothing behind the sign may be base64.
fn variable_of(word: &str) -> Option<&str> {
    let (name, value) = word.split_once('=')?;
    let is_variable = !value.is_empty()
        && !value.starts_with('=')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && is_name(name);
    is_variable.then_some(name)
}

fn is_name(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= MAX_NAME_CHARS
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@+".contains(&byte))
        && !looks_random(word)
}

/// A program or a path, wildcards and all.
fn public_path(word: &str) -> Option<String> {
    let is_path = word.len() <= MAX_PATH_CHARS
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._+-*?[]".contains(&byte))
        && !word.split('/').any(looks_random);
    is_path.then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_a_secret_is_shown() {
        for (line, expected) in [
            ("ALL", "ALL"),
            ("/usr/bin/systemctl restart app", "/usr/bin/systemctl restart app"),
            ("/bin/systemctl stop \"a b\" web.service", "/bin/systemctl stop … web.service"),
            ("/usr/bin/vim /etc/hosts", "/usr/bin/vim /etc/hosts"),
            ("/usr/sbin/reboot \"\"", "/usr/sbin/reboot \"\""),
            ("/bin/kill *", "/bin/kill *"),
            ("mysql -uroot -pTigger42!x", "mysql -u… -p…"),
            ("mysql --password=Tigger -u root", "mysql --password=… -u …"),
            ("curl -uadmin:Tigger", "curl -u…"),
            ("curl --user=admin:Tigger https://u:Tigger@h/", "curl --user=… …"),
            ("curl --proxy-user admin:Tigger", "curl --proxy-user …"),
            ("redis-cli -a Tigger", "redis-cli -a …"),
            ("redis-cli auth tigger", "redis-cli …"),
            ("ldapsearch -w Tigger", "ldapsearch -w …"),
            ("openssl rsa -passin pass:Tigger", "openssl … -p… …"),
            ("smbclient -U user%Tigger", "smbclient -U …"),
            ("mount -o username=u,password=Tigger", "mount -o …"),
            ("sqlplus scott/Tigger@db", "sqlplus …"),
            ("PGPASSWORD='Blue Tigger' psql", "PGPASSWORD=… psql"),
            ("wget --http-password \"My Tigger\" x", "wget --http-password …"),
            ("wget --http-password=\"My Tigger\" x", "wget --http-password=… …"),
            ("wget --http-password My\\ Tigger", "wget --http-password …"),
            ("/bin/env TOKEN=Tigger PORT=1 /bin/x", "/bin/env TOKEN=… PORT=… /bin/x"),
            ("/bin/x --Tigger42! -!Tigger", "/bin/x …"),
            ("/bin/x VGlnZ2Vy==", "/bin/x …"),
            ("/bin/x -k TIGGER=a", "/bin/x -k …"),
            ("/bin/x 'open Tigger", "/bin/x …"),
            ("scott/Tigger@db", "…"),
            ("", ""),
        ] {
            assert_eq!(public_command_line(line), expected, "{line}");
        }
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(words("a 'b c' \"d \\\" e\"f g\\ h ''"), ["a", "b c", "d \" ef", "g h", ""]);
        assert_eq!(words("a \"b c"), ["a", "b c"]);
    }

    proptest::proptest! {
        #[test]
        fn the_value_of_an_option_is_never_shown(
            option in "--?[a-z]{1,9}", value in "[A-Z][a-zA-Z0-9%/:@!-]{5,12}", sign in "[ =]",
        ) {
            let shown = public_command_line(&format!("/bin/x {option}{sign}'{value}' y"));
            proptest::prop_assert!(!shown.contains(&value), "{}", shown);
        }
    }
}
