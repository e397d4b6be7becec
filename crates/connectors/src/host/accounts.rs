//! Accounts and groups: `/etc/passwd`, `/etc/group`, `/etc/shadow`, `/etc/login.defs`.
//!
//! Of `/etc/shadow` only the state of each password is kept, from the moment the file is parsed.
//! Who is a person and who a service is a judgement; the reasons travel with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::kinds::{self, IdentityKind};
use model::{
    Batch, Credential, Evidence, Fact, Gap, GapReason, Grant, Identity, Scope, Time, Value,
};

use super::groups::{self, Group};
use super::names::{LINUX, Names};
use super::reading::Reader;
use super::secrets;
use crate::address::public_command;
use crate::files::Meta;

pub(super) const PASSWD: &str = "/etc/passwd";
pub(super) const SHADOW: &str = "/etc/shadow";
const LOGIN_DEFS: &str = "/etc/login.defs";
const NSSWITCH: &str = "/etc/nsswitch.conf";

const SECONDS_PER_DAY: u32 = 86_400;
/// `shadow` writes this, or more, for "never".
const NEVER_DAYS: i64 = 99_999;
const NOBODY_UID: u32 = 65_534;

/// Shells that refuse a session.
const NO_LOGIN: &[&str] = &["nologin", "false", "true", "sync", "halt", "shutdown", "git-shell"];

/// Folders under which homes of people lie.
const PEOPLE_HOMES: &[&str] = &["/home/", "/Users/", "/export/home/", "/nfs/home/", "/data/home/"];

/// Words of an account's name that say it works for a machine.
const SERVICE_WORDS: &[&str] = &[
    "agent",
    "ansible",
    "apache",
    "api",
    "app",
    "automation",
    "backup",
    "backups",
    "batch",
    "bot",
    "build",
    "buildbot",
    "builder",
    "buildkite",
    "cd",
    "ci",
    "cron",
    "daemon",
    "deploy",
    "deployer",
    "deployment",
    "docker",
    "elasticsearch",
    "ftp",
    "git",
    "gitea",
    "github",
    "gitlab",
    "grafana",
    "jenkins",
    "kafka",
    "monitor",
    "monitoring",
    "mongodb",
    "mysql",
    "nagios",
    "nginx",
    "postgres",
    "prometheus",
    "puppet",
    "rabbitmq",
    "redis",
    "restore",
    "robot",
    "rsync",
    "runner",
    "salt",
    "scanner",
    "service",
    "sftp",
    "srv",
    "svc",
    "sync",
    "teamcity",
    "telegraf",
    "terraform",
    "tomcat",
    "upload",
    "vault",
    "web",
    "worker",
    "www",
    "zabbix",
];

/// One line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// The first part of GECOS: a name or purpose.
    pub description: String,
    pub home: String,
    pub shell: String,
    pub line: u32,
    /// A password in `/etc/passwd` itself, as Unix had it before `/etc/shadow`.
    password: Option<PasswordState>,
}

/// What is kept of a password field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordState {
    Set {
        scheme: &'static str,
        weak: bool,
    },
    /// A password is there and locked with `!`: unlocking brings it back.
    Locked {
        scheme: &'static str,
        weak: bool,
    },
    /// No password opens the account: `*` or `!` alone.
    Disabled,
    /// The empty password opens it.
    Empty,
}

/// One line of `/etc/shadow`; days count from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ageing {
    pub state: PasswordState,
    /// Zero: it must be changed at the next sign-in.
    changed_day: Option<i64>,
    max_days: Option<i64>,
    account_expires_day: Option<i64>,
}

/// Everything read of the accounts.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub rows: Vec<Account>,
    pub groups: Vec<Group>,
    names: BTreeMap<String, usize>,
    uids: BTreeMap<u32, usize>,
    gids: BTreeMap<u32, usize>,
    group_names: BTreeMap<String, usize>,
    /// Accounts by primary group.
    primary: BTreeMap<u32, Vec<usize>>,
    shadow: BTreeMap<String, Ageing>,
    shadow_state: ShadowState,
    shadow_meta: Option<Meta>,
    passwd_meta: Option<Meta>,
    uid_min: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum ShadowState {
    #[default]
    Absent,
    Read,
    Refused(String),
}

/// How many SSH keys sign in to an account, where that could be read.
pub(super) type KeysByAccount = BTreeMap<String, usize>;

pub(super) fn scope(machine: &str) -> Scope {
    Scope::new(LINUX, machine, "accounts", "accounts")
}

pub(super) fn read(reader: &mut Reader<'_>) -> Accounts {
    let login_defs = reader.optional(Path::new(LOGIN_DEFS));
    let passwd = reader.required(Path::new(PASSWD));
    let (parsed_accounts, problems) =
        passwd.as_ref().map(|file| parse_passwd(&file.text())).unwrap_or_default();
    for (line, problem) in problems {
        reader.malformed(PASSWD, line, problem);
    }
    let group = reader.required(Path::new(groups::GROUP));
    let (parsed_groups, problems) =
        group.map(|file| groups::parse(&file.text())).unwrap_or_default();
    for (line, problem) in problems {
        reader.malformed(groups::GROUP, line, problem);
    }
    let mut accounts = Accounts::new(parsed_accounts, parsed_groups);
    accounts.passwd_meta = passwd.map(|file| file.meta);
    if let Some(uid_min) = login_defs.and_then(|file| uid_min(&file.text())) {
        accounts.uid_min = uid_min;
    }
    read_shadow(reader, &mut accounts);
    if let Some(file) = reader.optional(Path::new(NSSWITCH)) {
        for service in foreign_services(&file.text()) {
            let detail = "accounts of a directory are not read from here";
            let gap = Gap::new(format!("nss:{service}"), GapReason::Unsupported).detail(detail);
            reader.coverage.miss(gap.missing("a source for the directory itself"));
        }
    }
    accounts
}

fn read_shadow(reader: &mut Reader<'_>, accounts: &mut Accounts) {
    let n_gaps = reader.coverage.gaps.len();
    match reader.optional(Path::new(SHADOW)) {
        Some(file) => {
            let (parsed, problems) = parse_shadow(&file.text());
            accounts.shadow = parsed;
            accounts.shadow_state = ShadowState::Read;
            accounts.shadow_meta = Some(file.meta);
            for (line, problem) in problems {
                reader.malformed(SHADOW, line, problem);
            }
        }
        None => {
            if let Some(gap) = reader.coverage.gaps.get_mut(n_gaps) {
                if gap.reason == GapReason::Denied {
                    gap.missing = Some("root, or membership of the group shadow".into());
                }
                let why = format!("{SHADOW} was not read: {}", gap.reason.name());
                accounts.shadow_state = ShadowState::Refused(why);
            }
        }
    }
}

pub(super) fn parse_passwd(text: &str) -> (Vec<Account>, Vec<(u32, &'static str)>) {
    let mut accounts: Vec<Account> = Vec::new();
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    for (line, row) in (1..).zip(text.lines()) {
        if row.trim().is_empty() || row.starts_with('#') {
            continue;
        }
        if row.starts_with(['+', '-']) {
            problems.push((line, "accounts from NIS are not read"));
            continue;
        }
        let fields: Vec<&str> = row.split(':').collect();
        let [name, password, uid, gid, gecos, home, shell] = fields.as_slice() else {
            problems.push((line, "an account has seven fields"));
            continue;
        };
        let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) else {
            problems.push((line, "user and group ids are numbers"));
            continue;
        };
        if name.is_empty() {
            problems.push((line, "an account has a name"));
            continue;
        }
        // The first line of a name is the one that getpwnam returns.
        if !names.insert((*name).to_owned()) {
            problems.push((line, "a name that an earlier line has"));
            continue;
        }
        accounts.push(Account {
            name: (*name).to_owned(),
            uid,
            gid,
            description: gecos.split(',').next().unwrap_or_default().trim().to_owned(),
            home: (*home).to_owned(),
            // An empty field means /bin/sh, as passwd(5) says.
            shell: if shell.is_empty() { "/bin/sh".into() } else { (*shell).to_owned() },
            line,
            password: (*password != "x").then(|| password_state(password)),
        });
    }
    (accounts, problems)
}

pub(super) fn parse_shadow(text: &str) -> (BTreeMap<String, Ageing>, Vec<(u32, &'static str)>) {
    let mut shadow = BTreeMap::new();
    let mut problems = Vec::new();
    for (line, row) in (1..).zip(text.lines()) {
        if row.trim().is_empty() || row.starts_with(['#', '+', '-']) {
            continue;
        }
        let mut fields = row.split(':');
        let (Some(name), Some(password)) = (fields.next(), fields.next()) else {
            problems.push((line, "an entry has at least a name and a password field"));
            continue;
        };
        let mut number = |skip: usize| fields.nth(skip).and_then(|field| field.parse().ok());
        let changed_day = number(0);
        let max_days = number(1);
        let account_expires_day = number(2);
        shadow.entry(name.to_owned()).or_insert(Ageing {
            state: password_state(password),
            changed_day,
            max_days,
            account_expires_day,
        });
    }
    (shadow, problems)
}

/// What a password field says, without the hash.
fn password_state(field: &str) -> PasswordState {
    if field.is_empty() {
        return PasswordState::Empty;
    }
    let hash = field.trim_start_matches('!');
    match scheme(hash) {
        Some((scheme, weak)) if hash.len() == field.len() => PasswordState::Set { scheme, weak },
        Some((scheme, weak)) => PasswordState::Locked { scheme, weak },
        None => PasswordState::Disabled,
    }
}

/// The scheme of a crypt(5) hash, and whether it is too fast to resist guessing.
fn scheme(hash: &str) -> Option<(&'static str, bool)> {
    const SCHEMES: &[(&str, &str, bool)] = &[
        ("$y$", "yescrypt", false),
        ("$gy$", "gost-yescrypt", false),
        ("$7$", "scrypt", false),
        ("$2", "bcrypt", false),
        ("$6$", "sha512crypt", false),
        ("$5$", "sha256crypt", false),
        ("$sha1", "sha1crypt", true),
        ("$md5", "sunmd5", true),
        ("$1$", "md5crypt", true),
        ("$3$", "nt", true),
        ("_", "bsdicrypt", true),
    ];
    if let Some((_, name, weak)) = SCHEMES.iter().find(|(start, ..)| hash.starts_with(start)) {
        return Some((name, *weak));
    }
    let is_des = hash.len() == 13
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte));
    match is_des {
        true => Some(("descrypt", true)),
        // Longer than any mark that means "locked": a scheme of some other system.
        false if hash.len() > 13 && hash.starts_with('$') => Some(("unknown", false)),
        false => None,
    }
}

fn uid_min(text: &str) -> Option<u32> {
    let mut words = text
        .lines()
        .map(|line| line.split_whitespace())
        .find(|words| words.clone().next() == Some("UID_MIN"))?;
    words.nth(1)?.parse().ok()
}

/// Services of `nsswitch.conf` that bring accounts from elsewhere.
fn foreign_services(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("passwd:"));
    let mut found: Vec<String> = Vec::new();
    for word in lines.flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace())
    {
        let known = ["sss", "ldap", "nis", "nisplus", "winbind", "ad", "vas4", "centrifydc"];
        if known.contains(&word) && !found.iter().any(|service| service == word) {
            found.push(word.to_owned());
        }
    }
    found
}

impl Accounts {
    pub(super) fn new(accounts: Vec<Account>, groups: Vec<Group>) -> Self {
        let mut indexed = Self { uid_min: 1000, ..Self::default() };
        for (n, account) in accounts.iter().enumerate() {
            indexed.names.entry(account.name.clone()).or_insert(n);
            indexed.uids.entry(account.uid).or_insert(n);
            indexed.primary.entry(account.gid).or_default().push(n);
        }
        for (n, group) in groups.iter().enumerate() {
            indexed.gids.entry(group.gid).or_insert(n);
            indexed.group_names.entry(group.name.clone()).or_insert(n);
        }
        Self { rows: accounts, groups, ..indexed }
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Account> {
        self.rows.get(*self.names.get(name)?)
    }

    /// Whether an account was judged to be a person's.
    pub(super) fn is_person(&self, account: &Account) -> bool {
        let state = account.password.or_else(|| Some(self.shadow.get(&account.name)?.state));
        judge(account, self.uid_min, state, None).kind == kinds::USER_ACCOUNT
    }

    pub(super) fn by_uid(&self, uid: u32) -> Option<&Account> {
        self.rows.get(*self.uids.get(&uid)?)
    }

    pub(super) fn group_by_gid(&self, gid: u32) -> Option<&Group> {
        self.groups.get(*self.gids.get(&gid)?)
    }

    pub(super) fn group_by_name(&self, name: &str) -> Option<&Group> {
        self.groups.get(*self.group_names.get(name)?)
    }

    /// The names of a group's members: those listed, and those whose primary group it is.
    pub(super) fn members<'a>(&'a self, group: &'a Group) -> BTreeSet<&'a str> {
        let primary = self.primary.get(&group.gid).into_iter().flatten();
        let primary = primary.filter_map(|n| self.rows.get(*n));
        let listed = group.members.iter().map(String::as_str);
        listed.chain(primary.map(|account| account.name.as_str())).collect()
    }

    /// A known account by name or, as `#uid` or plain digits, by number.
    pub(super) fn resolve(&self, name_or_uid: &str) -> Option<&Account> {
        self.by_name(name_or_uid)
            .or_else(|| self.by_uid(name_or_uid.trim_start_matches('#').parse().ok()?))
    }
}

pub(super) fn normalize(accounts: &Accounts, keys: &KeysByAccount, names: Names<'_>) -> Batch {
    let mut batch = Batch::default();
    for account in &accounts.rows {
        let (identity, credential) = account_records(accounts, account, keys, names);
        if let Some((credential, place)) = credential {
            batch.credentials.push(credential);
            batch.places.push(place);
        }
        if account.uid == 0 {
            batch.grants.push(superuser(account, &identity, names));
        }
        batch.identities.push(identity);
    }
    batch.extend(groups::normalize(accounts, names));
    batch
}

fn account_records(
    accounts: &Accounts,
    account: &Account,
    keys: &KeysByAccount,
    names: Names<'_>,
) -> (Identity, Option<(Credential, model::Place)>) {
    let ageing = accounts.shadow.get(&account.name);
    let state = account.password.or(ageing.map(|ageing| ageing.state));
    let judgement = judge(account, accounts.uid_min, state, keys.get(&account.name).copied());
    let mut identity = names.identity(judgement.kind, &account.name, PASSWD);
    identity.evidence.push(Evidence::at(PASSWD).line(account.line));
    identity.fact("uid", Fact::known(account.uid));
    identity.fact("gid", Fact::known(account.gid));
    identity.fact("home", Fact::known(account.home.as_str()));
    identity.fact("shell", Fact::known(account.shell.as_str()));
    identity.fact("login_shell", Fact::known(has_login_shell(account)));
    let group = accounts.group_by_gid(account.gid).map(|group| group.name.as_str());
    identity.fact("primary_group", Fact::stated(group.map(Value::from)));
    if !account.description.is_empty() && !secrets::are_in(&account.description) {
        identity.fact("description", Fact::known(public_command(&account.description)));
    }
    identity.fact("human_likelihood", Fact::known(judgement.human_percent));
    identity.fact("human_reasons", Fact::known(judgement.reasons));
    identity.created_at = Fact::not_observable("Linux does not record when an account was made");
    identity.last_used_at =
        Fact::not_collected("lastlog, wtmp and the journal are not read by this source");

    let unread = match &accounts.shadow_state {
        ShadowState::Refused(why) => Some(why.clone()),
        ShadowState::Read | ShadowState::Absent => None,
    };
    if let Some(why) = unread {
        identity.enabled = Fact::denied(why.clone());
        if account.password.is_none() {
            identity.fact("password", Fact::denied(why.clone()));
        }
        identity.fact("account_expires_at", Fact::denied(why));
    } else {
        let expires_day = ageing.and_then(|ageing| ageing.account_expires_day);
        let expires_at = expires_day.filter(|day| *day >= 0).map(day_start);
        let is_expired = expires_at.is_some_and(|at| at <= names.now);
        identity.enabled = Fact::known(!is_expired);
        let expires_at = expires_at.map(Value::from);
        identity.fact("account_expires_at", Fact::stated(expires_at).resolution_s(SECONDS_PER_DAY));
        identity.loci.push(SHADOW.into());
    }
    if let Some(state) = state {
        identity.fact("password", Fact::known(state.name()));
    }
    let credential = state.and_then(|state| password(accounts, account, state, &identity, names));
    (identity, credential)
}

/// The password as a credential: its state and age, never its hash nor a fingerprint of it.
fn password(
    accounts: &Accounts,
    account: &Account,
    state: PasswordState,
    identity: &Identity,
    names: Names<'_>,
) -> Option<(Credential, model::Place)> {
    let (path, meta, line) = match account.password {
        Some(_) => (PASSWD, accounts.passwd_meta, Some(account.line)),
        None => (SHADOW, accounts.shadow_meta, None),
    };
    let (scheme, weak) = match state {
        PasswordState::Set { scheme, weak } | PasswordState::Locked { scheme, weak } => {
            (Some(scheme), weak)
        }
        PasswordState::Empty => (None, true),
        PasswordState::Disabled => return None,
    };
    let mut credential =
        Credential::new(kinds::UNIX_PASSWORD, LINUX, names.machine, &account.name, names.scope);
    credential.name = format!("password of {}", account.name);
    credential.identity = Some(identity.id);
    credential.loci.push(path.into());
    let place = names.place(path, meta);
    credential.places.push(place.stored_at(line, None));
    credential.enabled = Fact::known(!matches!(state, PasswordState::Locked { .. }));
    credential.fact("state", Fact::known(state.name()));
    credential.fact("algorithm", Fact::stated(scheme.map(Value::from)));
    credential.fact("weak", Fact::known(weak));
    if let Some(meta) = meta {
        credential.fact("exposure", meta.exposure_fact());
    }
    credential.created_at = Fact::not_observable("only the last change is recorded");
    if let Some(ageing) = accounts.shadow.get(&account.name) {
        let changed = ageing.changed_day.filter(|day| *day > 0);
        let max = ageing.max_days.filter(|days| (0..NEVER_DAYS).contains(days));
        credential.rotated_at = match ageing.changed_day {
            Some(0) => Fact::not_observable("it must be changed at the next sign-in"),
            _ => Fact::stated(changed.map(day_start)).resolution_s(SECONDS_PER_DAY),
        };
        let expires_day = changed.zip(max).map(|(changed, max)| changed.saturating_add(max));
        credential.expires_at =
            Fact::stated(expires_day.map(day_start)).resolution_s(SECONDS_PER_DAY);
    }
    Some((credential, place))
}

fn superuser(account: &Account, identity: &Identity, names: Names<'_>) -> Grant {
    let mut grant =
        Grant::new("superuser", LINUX, names.machine, "uid 0", names.scope, identity.id);
    grant.actions.push("*".into());
    grant.resources.push("*".into());
    grant.facts.insert("unrestricted".into(), Fact::known(true));
    grant.loci.push(PASSWD.into());
    grant.evidence.push(Evidence::at(PASSWD).line(account.line).shows("user id 0"));
    grant
}

fn day_start(day: i64) -> Time {
    Time::from_seconds(day.saturating_mul(i64::from(SECONDS_PER_DAY)))
}

fn has_login_shell(account: &Account) -> bool {
    let program = account.shell.rsplit('/').next().unwrap_or_default();
    !NO_LOGIN.contains(&program)
}

/// What a name that only a group or a rule mentions is taken for: a person of a directory, unless
/// the name says otherwise.
pub(super) fn kind_of_name(name: &str) -> &'static IdentityKind {
    match service_word(name) {
        Some(_) => kinds::SERVICE_ACCOUNT,
        None => kinds::USER_ACCOUNT,
    }
}

fn service_word(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    lower
        .split(|c: char| !c.is_alphabetic())
        .find_map(|word| SERVICE_WORDS.iter().find(|known| **known == word).copied())
}

/// Person or service, and why.
struct Judgement {
    kind: &'static IdentityKind,
    human_percent: i64,
    reasons: Vec<String>,
}

/// `n_keys`: none when it could not be read.
fn judge(
    account: &Account,
    uid_min: u32,
    state: Option<PasswordState>,
    n_keys: Option<usize>,
) -> Judgement {
    if account.uid == 0 {
        let reasons = vec!["user id 0 is the superuser".into()];
        return Judgement { kind: kinds::SYSTEM_ACCOUNT, human_percent: 10, reasons };
    }
    if account.uid < uid_min || account.uid == NOBODY_UID {
        let reasons = vec![format!("user id {} is in the range of the system", account.uid)];
        return Judgement { kind: kinds::SYSTEM_ACCOUNT, human_percent: 0, reasons };
    }
    let mut percent = 80;
    let mut reasons = vec![format!("user id {} is in the range of people", account.uid)];
    let mut because = |change: i64, reason: String| {
        percent += change;
        reasons.push(reason);
    };
    if has_login_shell(account) {
        because(0, format!("{} is a login shell", account.shell));
    } else {
        because(-70, format!("{} is no login shell", account.shell));
    }
    let is_home = PEOPLE_HOMES.iter().any(|start| account.home.starts_with(start));
    if is_home {
        because(0, format!("{} is where people have their homes", account.home));
    } else {
        because(-60, format!("{} is not where people have their homes", account.home));
    }
    let word = service_word(&account.name);
    if let Some(word) = word {
        because(-60, format!("`{word}` in the name is a word for a service"));
    }
    let is_full_name = account.description.split_whitespace().count() >= 2
        && account.description.chars().all(|c| c.is_alphabetic() || " .'-".contains(c));
    if is_full_name && word.is_none() {
        because(10, "the account is described by what looks like a full name".into());
    }
    let is_locked = matches!(state, Some(PasswordState::Disabled | PasswordState::Locked { .. }));
    match (is_locked, n_keys) {
        (true, Some(0)) => {
            because(-35, "no password and no SSH key signs in to it".into());
        }
        (false, _) if matches!(state, Some(PasswordState::Set { .. })) => {
            because(5, "it has a password".into());
        }
        _ => {}
    }
    let kind = if percent >= 50 { kinds::USER_ACCOUNT } else { kinds::SERVICE_ACCOUNT };
    Judgement { kind, human_percent: percent.clamp(0, 99), reasons }
}

impl PasswordState {
    fn name(self) -> &'static str {
        match self {
            Self::Set { .. } => "set",
            Self::Locked { .. } => "locked",
            Self::Disabled => "none",
            Self::Empty => "empty",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_field_says_its_state_and_never_its_hash() {
        let check = |field: &str, expected: &str| {
            assert_eq!(format!("{:?}", password_state(field)), expected, "{field}");
        };
        check("", "Empty");
        check("*", "Disabled");
        check("!", "Disabled");
        check("!!", "Disabled");
        check("!*", "Disabled");
        check("*LK*", "Disabled");
        check("$6$saltsalt$fake", "Set { scheme: \"sha512crypt\", weak: false }");
        check("$y$j9T$salt$fake", "Set { scheme: \"yescrypt\", weak: false }");
        check("!$1$salt$fake", "Locked { scheme: \"md5crypt\", weak: true }");
        check("aafakefakefak", "Set { scheme: \"descrypt\", weak: true }");
    }

    #[test]
    fn lines_that_are_not_accounts_are_told() {
        let text = "root:x:0:0:root:/root:/bin/bash\n\n# old\n+::::::\nshort:x:1\nbad:x:one:1::/:/bin/sh\nroot:x:7:7::/:/bin/sh\nsync:x:4:65534:sync:/bin:\n";
        let (accounts, problems) = parse_passwd(text);
        let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
        assert_eq!(names, ["root", "sync"]);
        assert_eq!(accounts[1].shell, "/bin/sh");
        let lines: Vec<_> = problems.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 5, 6, 7]);
    }

    #[test]
    fn who_is_a_person() {
        let check = |row: &str, state: PasswordState, n_keys: usize, expected: &str| {
            let (accounts, _) = parse_passwd(row);
            let judgement = judge(&accounts[0], 1000, Some(state), Some(n_keys));
            assert_eq!(judgement.kind.id, expected, "{row}: {:?}", judgement.reasons);
        };
        let set = PasswordState::Set { scheme: "yescrypt", weak: false };
        let none = PasswordState::Disabled;
        check("root:x:0:0:root:/root:/bin/bash", set, 0, "system-account");
        check("www-data:x:33:33::/var/www:/usr/sbin/nologin", none, 0, "system-account");
        check("nobody:x:65534:65534::/nonexistent:/bin/sh", none, 0, "system-account");
        check("ada:x:1000:1000:Ada Lovelace,,,:/home/ada:/bin/bash", set, 0, "user-account");
        check("ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash", none, 1, "user-account");
        check("kiosk:x:1001:1001::/home/kiosk:/bin/bash", none, 0, "service-account");
        check("app:x:1002:1002::/opt/app:/bin/bash", set, 0, "service-account");
        check("exporter:x:1003:1003::/home/exporter:/usr/sbin/nologin", none, 0, "service-account");
        check("svc-billing:x:1004:1004::/home/svc-billing:/bin/bash", set, 1, "service-account");
    }

    #[test]
    fn directories_are_noticed() {
        assert_eq!(foreign_services("passwd: files systemd sss\ngroup: files ldap\n"), ["sss"]);
        assert_eq!(uid_min("# UID_MIN 7\nUID_MIN\t\t 500\n"), Some(500));
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "[a-z:0-9\n$!*x+-]{0,200}|\\PC{0,200}") {
            let (accounts, _) = parse_passwd(&text);
            proptest::prop_assert!(accounts.len() <= text.lines().count());
            parse_shadow(&text);
            uid_min(&text);
            foreign_services(&text);
        }
    }
}
