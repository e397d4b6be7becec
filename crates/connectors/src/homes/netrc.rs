//! Logins by host: `.netrc` of curl, ftp, git and Heroku, and git's credential store.

use model::kinds;

use super::files::{File, Login};
use crate::address::Address;
use crate::dossier::Dossier;

/// A file with more machines than this is read up to here.
const MAX_MACHINES: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Machine {
    /// Empty for `default`.
    name: String,
    login: Option<String>,
    password: Option<String>,
    account: Option<String>,
    line: u32,
}

pub(super) fn netrc(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for machine in machines(&file.text(dossier)) {
        let name = if machine.name.is_empty() { "default" } else { &machine.name };
        let user = machine.login.as_deref();
        for (value, what) in [(&machine.password, "password"), (&machine.account, "account")] {
            let Some(value) = value else { continue };
            let pointer = match user {
                Some(user) => format!("machine {name} login {user} {what}"),
                None => format!("machine {name} {what}"),
            };
            let login = Login {
                kind: kinds::SERVICE_LOGIN,
                system: service(&machine.name),
                host: &machine.name,
                user,
                secret: kinds::PASSWORD,
                pointer: &pointer,
                name: "password",
                line: machine.line,
            };
            login.state(dossier, value);
        }
    }
}

/// The service behind a host that many tools sign in to, so that its accounts are one.
pub(super) fn service(host: &str) -> &'static str {
    match host {
        "github.com" | "api.github.com" => "github",
        "gitlab.com" => "gitlab",
        "bitbucket.org" => "bitbucket",
        "api.heroku.com" | "git.heroku.com" => "heroku",
        "api.wandb.ai" => "wandb",
        _ => "http",
    }
}

/// The tokens of a netrc: words separated by white space, quoted where they hold some; a macro
/// lasts until an empty line.
fn machines(text: &str) -> Vec<Machine> {
    let mut machines: Vec<Machine> = Vec::new();
    let mut wanted: Option<&'static str> = None;
    let mut in_macro = false;
    for (n, line) in text.lines().enumerate() {
        if in_macro {
            in_macro = !line.trim().is_empty();
            continue;
        }
        let number = u32::try_from(n + 1).unwrap_or(u32::MAX);
        let mut rest = line.trim_start();
        while let Some((token, after)) = token(rest) {
            rest = after.trim_start();
            if let Some(field) = wanted.take() {
                set(&mut machines, field, token, number);
                continue;
            }
            match token.as_str() {
                "machine" => wanted = Some("machine"),
                "default" => set(&mut machines, "machine", String::new(), number),
                "login" | "user" => wanted = Some("login"),
                "password" | "passwd" => wanted = Some("password"),
                "account" => wanted = Some("account"),
                "macdef" => {
                    in_macro = true;
                    break;
                }
                comment if comment.starts_with('#') => break,
                _ => {}
            }
        }
        if machines.len() > MAX_MACHINES {
            machines.truncate(MAX_MACHINES);
            break;
        }
    }
    machines
}

fn set(machines: &mut Vec<Machine>, field: &str, value: String, line: u32) {
    if field == "machine" {
        machines.push(Machine { name: value, line, ..Machine::default() });
        return;
    }
    let Some(machine) = machines.last_mut() else { return };
    match field {
        "login" => machine.login = Some(value),
        "password" => {
            machine.password = Some(value);
            machine.line = line;
        }
        _ => machine.account = Some(value),
    }
}

/// The next word, and what follows it.
fn token(text: &str) -> Option<(String, &str)> {
    let mut chars = text.char_indices();
    let (_, first) = chars.next()?;
    if first != '"' {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Some((text.get(..end)?.to_owned(), text.get(end..)?));
    }
    let mut word = String::new();
    let mut escaped = false;
    for (at, c) in chars {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some((word, text.get(at + 1..)?)),
            c => {
                word.push(c);
                escaped = false;
            }
        }
    }
    Some((word, ""))
}

/// Git's store: an address with user and password per line.
pub(super) fn git_credentials(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for (n, line) in file.text(dossier).lines().enumerate().take(MAX_MACHINES) {
        let Some(address) = Address::parse(line) else { continue };
        // `https://token@host` has no password.
        let password = address.password.as_deref().unwrap_or_default();
        let user = address.user.as_deref();
        let path = address.public.split_once("://").map_or("", |(_, rest)| rest);
        let pointer = match user {
            Some(user) => format!("{user} at {path}"),
            None => path.to_owned(),
        };
        let login = Login {
            kind: kinds::SERVICE_LOGIN,
            system: match service(&address.host) {
                "http" => "git",
                service => service,
            },
            host: &address.host,
            // GitHub takes any user name with a token.
            user: user
                .filter(|user| !matches!(*user, "x-access-token" | "oauth2" | "token" | "git")),
            secret: kinds::PASSWORD,
            pointer: &pointer,
            name: "password",
            line: u32::try_from(n + 1).unwrap_or(u32::MAX),
        };
        login.state(dossier, password);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_told_apart() {
        let text = "machine a login b password c\n# machine no login x password y\nmachine d\n\tlogin e\n\tpassword \"f \\\" g\"\nmacdef init\nmachine nobody password x\n\nmachine h password i account j\ndefault login anonymous password k";
        let check = |n: usize, expected: (&str, Option<&str>, Option<&str>, u32)| {
            let machine = &machines(text)[n];
            let found = (
                machine.name.as_str(),
                machine.login.as_deref(),
                machine.password.as_deref(),
                machine.line,
            );
            assert_eq!(found, expected);
        };
        assert_eq!(machines(text).len(), 4);
        check(0, ("a", Some("b"), Some("c"), 1));
        check(1, ("d", Some("e"), Some("f \" g"), 5));
        check(2, ("h", None, Some("i"), 9));
        check(3, ("", Some("anonymous"), Some("k"), 10));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(machine|login|password|default|macdef|\"|\\\\|a|#| |\n|\t){0,60}") {
            machines(&text);
        }

        #[test]
        fn what_is_written_is_read(name in "[a-z.]{1,20}", password in "[!-~&&[^\"\\\\#]]{1,30}") {
            let machines = machines(&format!("machine {name}\nlogin me\npassword {password}\n"));
            proptest::prop_assert_eq!(machines[0].password.as_deref(), Some(password.as_str()));
        }
    }
}
