//! Whose homes there are, and who the person behind one is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::kinds::{self, IdentityKind};
use model::{Fact, Identity, IdentityId, OwnerLink, Party, PartyKind, ScopeId};

use crate::ini;

/// A machine with more homes than this is read up to here.
pub(super) const MAX_HOMES: usize = 50_000;
/// Account numbers from here on are for people, unless the account says otherwise (login.defs).
const FIRST_PERSON: u32 = 1000;
const NOBODY: u32 = 65534;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    pub home: String,
    pub shell: String,
}

/// One home folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home {
    /// As seen from inside the machine, without a slash at the end.
    pub path: String,
    /// Where it is for us, when it was given and is not looked up in the machine's tree.
    pub given: Option<PathBuf>,
    pub account: Option<Account>,
}

impl Account {
    pub(super) fn kind(&self) -> &'static IdentityKind {
        let is_system = self.uid < FIRST_PERSON || self.uid == NOBODY;
        let has_login = !self.shell.ends_with("/nologin") && !self.shell.ends_with("/false");
        let is_of_service = ["/var/", "/srv/", "/opt/", "/run/", "/usr/"]
            .iter()
            .any(|folder| self.home.starts_with(folder));
        if is_system {
            kinds::SYSTEM_ACCOUNT
        } else if has_login && !is_of_service {
            kinds::USER_ACCOUNT
        } else {
            kinds::SERVICE_ACCOUNT
        }
    }

    pub(super) fn is_person(&self) -> bool {
        self.kind() == kinds::USER_ACCOUNT
    }

    pub(super) fn identity(&self, machine: &str, scope: ScopeId) -> Identity {
        let mut identity = Identity::new(self.kind(), "linux", machine, self.name.as_str(), scope);
        identity.authority = model::Authority::Mentioned;
        identity.fact("uid", Fact::known(self.uid));
        identity
    }
}

/// The accounts of `/etc/passwd`.
pub(super) fn accounts(passwd: &str) -> Vec<Account> {
    let account = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
        let uid = fields.nth(1)?.parse().ok()?;
        let home = fields.nth(2)?.trim_end_matches('/');
        let shell = fields.next().unwrap_or_default().trim();
        Some(Account { name: name.to_owned(), uid, home: home.to_owned(), shell: shell.to_owned() })
    };
    passwd.lines().filter_map(account).take(MAX_HOMES).collect()
}

/// Folders that many accounts name as their home and that are nobody's.
fn is_nobodys(path: &str) -> bool {
    const SHARED: &[&str] =
        &["/bin", "/sbin", "/usr", "/dev", "/proc", "/sys", "/nonexistent", "/tmp"];
    !path.starts_with('/')
        || path.split('/').any(|name| name == "..")
        || SHARED.iter().any(|shared| {
            path.strip_prefix(shared).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

/// The homes of accounts, and the folders of `/home` that no account names.
pub(super) fn homes(accounts: &[Account], folders: &[String]) -> Vec<Home> {
    let of_accounts = accounts.iter().map(|account| (account.home.as_str(), Some(account)));
    let of_folders = folders.iter().map(|folder| (folder.as_str(), None));
    let mut homes: BTreeMap<&str, Home> = BTreeMap::new();
    for (path, account) in of_accounts.chain(of_folders) {
        if is_nobodys(path) || homes.len() >= MAX_HOMES {
            continue;
        }
        // Of two accounts with one home, the first of `/etc/passwd` has it.
        homes.entry(path).or_insert_with(|| Home {
            path: path.to_owned(),
            given: None,
            account: account.cloned(),
        });
    }
    homes.into_values().collect()
}

/// Homes that were given by name.
pub(super) fn given(paths: &[String], root: &Path, accounts: &[Account]) -> Vec<Home> {
    let mut homes: Vec<Home> = paths
        .iter()
        .map(|path| {
            let path = Path::new(path);
            let inside = path
                .strip_prefix(root)
                .map_or_else(|_| path.to_owned(), |rest| Path::new("/").join(rest));
            let shown = crate::files::shown(&inside);
            let shown = shown.trim_end_matches('/').to_owned();
            let account = accounts.iter().find(|account| account.home == shown).cloned();
            Home { path: shown, given: Some(path.to_owned()), account }
        })
        .collect();
    homes.sort_by(|one, other| one.path.cmp(&other.path));
    homes.dedup_by(|one, other| one.path == other.path);
    homes
}

/// The person a home belongs to, as evidence for who owns what lies in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person {
    party: Party,
    confidence: f64,
}

impl Person {
    /// From the account, and from the name and address that its git signs with. None when the home
    /// is not a person's.
    pub(super) fn of(home: &Home, gitconfig: Option<&str>, machine: &str) -> Option<Self> {
        let account = home.account.as_ref().filter(|account| account.is_person())?;
        let sections = gitconfig.map(ini::read).unwrap_or_default();
        let user = |key: &str| {
            sections
                .iter()
                .filter(|section| section.name == "user")
                .find_map(|section| section.value(key))
        };
        let email = user("email").filter(|email| {
            let is_plain = !email.contains(|c: char| c.is_whitespace() || ":/".contains(c));
            email.contains('@') && email.len() <= 200 && is_plain
        });
        let name = user("name").filter(|name| name.len() <= 200);
        let (key, confidence) = match email {
            Some(email) => (email.to_owned(), 0.75),
            None => (format!("{}@{machine}", account.name), 0.6),
        };
        let name = name.or(email).unwrap_or(&account.name);
        Some(Self { party: Party::new(PartyKind::Person, &key, name), confidence })
    }

    pub(super) fn owns(&self, identity: IdentityId, scope: ScopeId) -> OwnerLink {
        OwnerLink::new(identity, self.party.clone(), "home", self.confidence, scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_home_it_is() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbin:x:2:2:bin:/bin:/usr/sbin/nologin\n\
            ada:x:1000:1000:Ada,,,:/home/ada:/bin/zsh\nci:x:1001:1001::/var/lib/ci:/bin/bash\n\
            deploy:x:1002:1002::/home/deploy:/usr/sbin/nologin\nnet:x:998:998::/:/usr/sbin/nologin\n\
            broken line\n+::::::\n";
        let accounts = accounts(passwd);
        let homes = homes(&accounts, &["/home/ada".into(), "/home/left".into()]);
        let found: Vec<String> = homes
            .iter()
            .map(|home| {
                let kind = home.account.as_ref().map_or("no account", |account| account.kind().id);
                format!("{} {kind}", home.path)
            })
            .collect();
        assert_eq!(
            found,
            [
                "/home/ada user-account",
                "/home/deploy service-account",
                "/home/left no account",
                "/root system-account",
                "/var/lib/ci service-account"
            ]
        );
        let person = |path: &str, gitconfig| {
            let home = homes.iter().find(|home| home.path == path).unwrap();
            Person::of(home, gitconfig, "box").map(|person| (person.party.key, person.confidence))
        };
        assert_eq!(person("/home/ada", None), Some(("ada@box".into(), 0.6)));
        let gitconfig = "[include]\n path = ~/.gitconfig.work\n[user]\n\tname = Ada\n\temail = Ada@Example.org\n";
        assert_eq!(person("/home/ada", Some(gitconfig)), Some(("ada@example.org".into(), 0.75)));
        assert_eq!(person("/root", Some(gitconfig)), None);
    }

    proptest::proptest! {
        #[test]
        fn any_passwd_is_read(text in "[a-z0-9:/\n]{0,200}") {
            homes(&accounts(&text), &[]);
        }
    }
}
