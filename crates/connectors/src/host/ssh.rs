//! SSH: who may sign in to which account with which key, the private keys that lie in homes, the
//! host's own keys, and what the server is configured to trust.
//!
//! `AuthorizedKeysCommand` and its like are recorded and never run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use credentials::{keys, ssh};
use model::kinds;
use model::{
    Batch, Condition, Evidence, Fact, Facts, Gap, GapReason, IdentityId, Scope, Subject, Trust,
};

use super::accounts::{Account, Accounts, KeysByAccount};
use super::names::{Names, addresses};
use super::reading::{File, Reader, name_of};
use super::{secrets, sshd};
use crate::address::public_command;
use crate::files::Meta;
use crate::glob;
use crate::material;

const SSHD_CONFIG: &str = "/etc/ssh/sshd_config";
const SSH_FOLDER: &str = "/etc/ssh";
const GLOBAL_KNOWN_HOSTS: &[&str] = &["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
const DEFAULT_KEY_FILES: &[&str] = &[".ssh/authorized_keys", ".ssh/authorized_keys2"];
/// As deep as OpenSSH follows includes.
const MAX_INCLUDE_DEPTH: usize = 16;
/// More files than this in one `~/.ssh` are not read.
const MAX_FILES_PER_HOME: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Ssh {
    settings: Vec<Setting>,
    authorized: Vec<Authorized>,
    homes: Vec<KeyFile>,
    known_hosts: BTreeMap<String, KnownHosts>,
    host_keys: Vec<File>,
    ca_files: Vec<File>,
    principals: Vec<(String, File)>,
    pub keys_by_account: KeysByAccount,
}

#[derive(Debug)]
struct Setting {
    path: String,
    directive: sshd::Directive,
    /// The condition of the `Match` block it stands in.
    only_for: Option<String>,
}

#[derive(Debug)]
struct Authorized {
    account: String,
    /// Shared: one file may be named for every account.
    file: Rc<AuthorizedFile>,
}

#[derive(Debug)]
struct AuthorizedFile {
    path: String,
    meta: Meta,
    keys: Vec<ssh::AuthorizedKey>,
}

/// A file of a home with a key in it; what else lies there is let go as soon as it was looked at.
#[derive(Debug)]
struct KeyFile {
    account: String,
    path: String,
    meta: Meta,
    private: Vec<keys::PrivateKey>,
    public: Option<ssh::PublicKey>,
}

#[derive(Debug, Default, Clone, Copy)]
struct KnownHosts {
    n_hosts: usize,
    n_hashed: usize,
}

pub(super) fn scope(machine: &str) -> Scope {
    Scope::new("ssh", machine, "ssh", "SSH")
}

pub(super) fn read(reader: &mut Reader<'_>, accounts: &Accounts) -> Ssh {
    let mut found = Ssh::default();
    read_config(reader, Path::new(SSHD_CONFIG), 0, None, &mut found.settings);
    let patterns = key_file_patterns(&found.settings);
    let mut homes = BTreeSet::new();
    let mut authorized_files: BTreeMap<PathBuf, Option<Rc<AuthorizedFile>>> = BTreeMap::new();
    for account in accounts.rows.iter().filter(|account| account.home.starts_with('/')) {
        let n_gaps = reader.coverage.gaps.len();
        let mut n_keys = 0;
        for path in patterns.iter().filter_map(|pattern| expand(pattern, account)) {
            let file = authorized_files
                .entry(path)
                .or_insert_with_key(|path| read_authorized(reader, path).map(Rc::new));
            if let Some(file) = file {
                n_keys += file.keys.len();
                let file = Rc::clone(file);
                found.authorized.push(Authorized { account: account.name.clone(), file });
            }
        }
        if reader.coverage.gaps.len() == n_gaps {
            found.keys_by_account.insert(account.name.clone(), n_keys);
        }
        if homes.insert(account.home.as_str()) {
            read_home(reader, account, &mut found);
        }
        for setting in global(&found.settings, "authorizedprincipalsfile") {
            let pattern =
                setting.directive.arguments.first().map(String::as_str).unwrap_or_default();
            if let Some(path) = expand(pattern, account)
                && let Some(file) = reader.optional(&path)
            {
                found.principals.push((account.name.clone(), file));
            }
        }
    }
    read_host(reader, &mut found);
    found
}

fn read_authorized(reader: &mut Reader<'_>, path: &Path) -> Option<AuthorizedFile> {
    let file = reader.optional(path)?;
    let (keys, problems) = ssh::authorized_keys(&file.text());
    for (line, problem) in problems {
        reader.malformed(&file.path, line, &problem);
    }
    Some(AuthorizedFile { path: file.path, meta: file.meta, keys })
}

fn read_config(
    reader: &mut Reader<'_>,
    path: &Path,
    depth: usize,
    only_for: Option<String>,
    settings: &mut Vec<Setting>,
) {
    if depth > MAX_INCLUDE_DEPTH {
        let gap = Gap::new(crate::files::shown(path), GapReason::TooDeep);
        reader.coverage.miss(gap.detail("more includes within includes than OpenSSH follows"));
        return;
    }
    let Some(file) = reader.optional(path) else { return };
    let mut only_for = only_for;
    for line in sshd::parse(&file.text()) {
        match line.keyword.as_str() {
            "match" => {
                let condition = line.arguments.join(" ");
                only_for = (!condition.eq_ignore_ascii_case("all")).then_some(condition);
            }
            "include" => {
                for pattern in &line.arguments {
                    for path in globbed(reader, &Path::new(SSH_FOLDER).join(pattern)) {
                        read_config(reader, &path, depth + 1, only_for.clone(), settings);
                    }
                }
                continue;
            }
            _ => {}
        }
        let path = file.path.clone();
        settings.push(Setting { path, directive: line, only_for: only_for.clone() });
    }
}

/// The files that a path with wildcards in its last part means, in order.
fn globbed(reader: &mut Reader<'_>, pattern: &Path) -> Vec<PathBuf> {
    let last = pattern.file_name().map(|name| name.to_string_lossy().into_owned());
    let (Some(last), Some(folder)) = (last, pattern.parent()) else { return Vec::new() };
    if !last.contains(['*', '?', '[']) {
        return vec![pattern.to_owned()];
    }
    let Some(glob) = glob::of_names(&last) else { return Vec::new() };
    let entries = reader.list(folder).into_iter();
    let entries = entries.filter(|entry| glob.is_match(&entry.name));
    entries.filter(|entry| !name_of(entry).starts_with('.')).map(|entry| entry.path).collect()
}

/// Settings that hold for everyone; the first one counts.
fn global<'a>(settings: &'a [Setting], keyword: &str) -> Vec<&'a Setting> {
    let of_keyword = settings.iter().filter(|it| it.directive.keyword == keyword);
    of_keyword.filter(|it| it.only_for.is_none()).collect()
}

/// Where keys of accounts are looked for, in any block: a `Match` may send some elsewhere.
fn key_file_patterns(settings: &[Setting]) -> Vec<String> {
    let stated = settings.iter().filter(|it| it.directive.keyword == "authorizedkeysfile");
    let mut patterns: Vec<String> =
        stated.flat_map(|it| it.directive.arguments.iter().cloned()).collect();
    if global(settings, "authorizedkeysfile").is_empty() {
        patterns.extend(DEFAULT_KEY_FILES.iter().map(|&path| path.to_owned()));
    }
    patterns.retain(|pattern| pattern != "none");
    patterns.sort();
    patterns.dedup();
    patterns
}

/// A path with the tokens of sshd_config(5): `%h`, `%u`, `%U`, `%%`; relative to the home.
fn expand(pattern: &str, account: &Account) -> Option<PathBuf> {
    let mut path = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => match chars.next()? {
                'h' => path.push_str(&account.home),
                'u' => path.push_str(&account.name),
                'U' => path.push_str(&account.uid.to_string()),
                '%' => path.push('%'),
                _ => return None,
            },
            c => path.push(c),
        }
    }
    (path != "none" && !path.is_empty()).then(|| Path::new(&account.home).join(path))
}

fn read_home(reader: &mut Reader<'_>, account: &Account, found: &mut Ssh) {
    let folder = Path::new(&account.home).join(".ssh");
    for (n, entry) in reader.list(&folder).into_iter().enumerate() {
        if n == MAX_FILES_PER_HOME {
            reader.coverage.truncated = true;
            return;
        }
        let name = name_of(&entry);
        let is_file = reader.is_file(&entry.path);
        if !is_file || name.starts_with("authorized_keys") || name == "config" {
            continue;
        }
        let Some(file) = reader.required(&entry.path) else { continue };
        if name.starts_with("known_hosts") {
            let counts = found.known_hosts.entry(account.name.clone()).or_default();
            let (hosts, _) = ssh::known_hosts(&file.text());
            counts.n_hosts += hosts.len();
            let is_hashed = |it: &&ssh::KnownHost| it.hosts.iter().any(|h| h.starts_with("|1|"));
            counts.n_hashed += hosts.iter().filter(is_hashed).count();
            continue;
        }
        let (private, problems) = keys::private_keys(&file.bytes);
        for (line, problem) in problems {
            reader.malformed(&file.path, line, &problem);
        }
        let mut public = None;
        if private.is_empty() && Path::new(&file.path).extension().is_some_and(|end| end == "pub") {
            match ssh::public_key(&file.text()) {
                Ok(key) => public = Some(key),
                Err(problem) => {
                    let gap = Gap::new(&file.path, GapReason::Malformed);
                    reader.coverage.miss(gap.detail(problem));
                }
            }
        }
        if !private.is_empty() || public.is_some() {
            let (account, File { path, meta, .. }) = (account.name.clone(), file);
            found.homes.push(KeyFile { account, path, meta, private, public });
        }
    }
}

fn read_host(reader: &mut Reader<'_>, found: &mut Ssh) {
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    for entry in reader.list(Path::new(SSH_FOLDER)) {
        let name = name_of(&entry);
        if name.starts_with("ssh_host_") && name.contains("_key") {
            paths.insert(entry.path);
        }
    }
    for keyword in ["hostkey", "hostcertificate"] {
        let settings = found.settings.iter().filter(|it| it.directive.keyword == keyword);
        paths.extend(settings.flat_map(|it| &it.directive.arguments).map(PathBuf::from));
    }
    for path in paths {
        found.host_keys.extend(reader.optional(&path));
    }
    let settings = found.settings.iter().filter(|it| it.directive.keyword == "trustedusercakeys");
    let files: BTreeSet<PathBuf> =
        settings.flat_map(|it| &it.directive.arguments).map(PathBuf::from).collect();
    for path in files.into_iter().filter(|path| path.is_absolute()) {
        found.ca_files.extend(reader.required(&path));
    }
    for path in GLOBAL_KNOWN_HOSTS {
        if let Some(file) = reader.optional(Path::new(path)) {
            let (hosts, _) = ssh::known_hosts(&file.text());
            let counts = found.known_hosts.entry(String::new()).or_default();
            counts.n_hosts += hosts.len();
        }
    }
}

pub(super) fn normalize(found: &Ssh, accounts: &Accounts, names: Names<'_>) -> (Batch, Vec<Gap>) {
    let mut batch = Batch::default();
    let mut gaps = Vec::new();
    // Which accounts hold the private half of a key: then it is they who may sign in with it.
    let mut holders: BTreeMap<String, BTreeSet<IdentityId>> = BTreeMap::new();
    for held in &found.homes {
        key_file(held, names, &mut holders, &mut batch);
    }
    for authorized in &found.authorized {
        authorized_keys(authorized, accounts, &holders, names, &mut batch);
    }
    for file in &found.host_keys {
        host_key(file, names, &mut batch, &mut gaps);
    }
    certificate_authorities(found, names, &mut batch);
    for (account, counts) in found.known_hosts.iter().filter(|(account, _)| !account.is_empty()) {
        let mut identity = names.mentioned_account(kinds::SYSTEM_ACCOUNT, account, "");
        identity.facts.clear();
        identity.loci.clear();
        let count = |n: usize| Fact::known(i64::try_from(n).unwrap_or(i64::MAX));
        identity.fact("ssh_known_hosts", count(counts.n_hosts));
        identity.fact("ssh_known_hosts_hashed", count(counts.n_hashed));
        batch.identities.push(identity);
    }
    batch.identities.push(server(found, names));
    (batch, gaps)
}

fn key_file(
    held: &KeyFile,
    names: Names<'_>,
    holders: &mut BTreeMap<String, BTreeSet<IdentityId>>,
    batch: &mut Batch,
) {
    let account = names.account_id(&held.account);
    let place = names.place(&held.path, Some(held.meta));
    let at = names.at(&place, &held.path, Some(held.meta));
    for key in &held.private {
        if let Some(fingerprint) = &key.ssh_fingerprint {
            holders.entry(fingerprint.clone()).or_default().insert(account);
        }
        let mut credential = material::ssh_key(key, at);
        credential.identity = Some(account);
        batch.credentials.push(credential);
    }
    if let Some(key) = &held.public {
        let mut credential = material::public_key(key, Some(1), at);
        credential.identity = Some(account);
        batch.credentials.push(credential);
    }
    batch.places.push(place);
}

fn authorized_keys(
    authorized: &Authorized,
    accounts: &Accounts,
    holders: &BTreeMap<String, BTreeSet<IdentityId>>,
    names: Names<'_>,
    batch: &mut Batch,
) {
    let file = &authorized.file;
    let account = names.account_id(&authorized.account);
    let is_person =
        accounts.by_name(&authorized.account).is_some_and(|account| accounts.is_person(account));
    let place = names.place(&file.path, Some(file.meta));
    let at = names.at(&place, &file.path, Some(file.meta));
    for authorized in &file.keys {
        let fingerprint = &authorized.key.fingerprint;
        let mut credential = material::public_key(&authorized.key, Some(authorized.line), at);
        credential.identity = Some(account);
        batch.credentials.push(credential);

        let is_ca = authorized.options.iter().any(|(name, _)| name == "cert-authority");
        let mechanism = if is_ca { "ssh-ca" } else { "ssh-authorized-key" };
        let native = format!("{}#{fingerprint}", file.path);
        let mut subjects: Vec<Subject> = holders
            .get(fingerprint)
            .into_iter()
            .flatten()
            .map(|identity| Subject::Identity { identity: *identity })
            .collect();
        if subjects.is_empty() {
            subjects.push(Subject::Principal { principal: fingerprint.clone() });
        }
        for subject in subjects {
            let (machine, scope) = (names.machine, names.scope);
            let mut trust = Trust::new(mechanism, "ssh", machine, &native, scope, subject, account);
            trust.conditions = conditions(&authorized.options);
            trust.facts = option_facts(&authorized.options);
            trust.facts.insert("fingerprint".into(), Fact::known(fingerprint.as_str()));
            trust.loci.push(file.path.clone());
            trust.evidence.push(Evidence::at(&file.path).line(authorized.line));
            batch.trusts.push(trust);
        }
        // A person's own account needs no owner besides the person.
        if !is_person && let Some((address, confidence)) = owner_of_key(&authorized.key.comment) {
            let evidence =
                Evidence::at(&file.path).line(authorized.line).shows("the key's comment");
            let link = names.owner(account, &address, "key-comment", confidence, evidence);
            batch.owners.push(link);
        }
    }
    if !file.keys.is_empty() {
        batch.places.push(place);
    }
}

/// Whom a key's comment names: an address, or `ada@laptop`, which ssh-keygen writes by itself.
fn owner_of_key(comment: &str) -> Option<(String, f64)> {
    if let Some(address) = addresses(comment).into_iter().next() {
        return Some((address, 0.35));
    }
    let word = comment.split_whitespace().find(|word| word.contains('@'))?;
    let (user, host) = word.split_once('@')?;
    let is_plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let is_nobody = ["root", "admin", "ubuntu", "ec2-user", "debian", "vagrant"].contains(&user);
    (is_plain(user) && is_plain(host) && !is_nobody).then(|| (word.to_owned(), 0.2))
}

/// What limits the use of an authorised key (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
fn conditions(options: &[(String, Option<String>)]) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (name, value) in options {
        let value = value.as_deref().unwrap_or_default();
        let split = || value.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
        let (operator, values) = match name.as_str() {
            "from" => ("matches", split()),
            "principals" => ("in", split()),
            "expiry-time" => ("before", vec![value.to_owned()]),
            "permitopen" | "permitlisten" | "tunnel" => ("is", vec![value.to_owned()]),
            // The command's arguments may hold anything.
            "command" => {
                let program = value.split_whitespace().next().and_then(secrets::program);
                ("is", vec![program.unwrap_or_else(|| "(not a plain path)".into())])
            }
            _ => continue,
        };
        conditions.push(Condition { key: name.clone(), operator: operator.into(), values });
    }
    conditions
}

fn option_facts(options: &[(String, Option<String>)]) -> Facts {
    let mut facts = Facts::new();
    let flags: Vec<String> =
        options.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name.clone()).collect();
    if !flags.is_empty() {
        facts.insert("options".into(), Fact::known(flags));
    }
    let variables: Vec<String> = options
        .iter()
        .filter(|(name, _)| name == "environment")
        .filter_map(|(_, value)| Some(value.as_deref()?.split_once('=')?.0.to_owned()))
        .collect();
    if !variables.is_empty() {
        facts.insert("environment_names".into(), Fact::known(variables));
    }
    facts
}

/// A key of the host itself, private or public, or its certificate.
fn host_key(file: &File, names: Names<'_>, batch: &mut Batch, gaps: &mut Vec<Gap>) {
    let place = names.place(&file.path, Some(file.meta));
    let at = names.at(&place, &file.path, Some(file.meta));
    let (private, _) = keys::private_keys(&file.bytes);
    let mut credentials: Vec<_> = private.iter().map(|key| material::ssh_key(key, at)).collect();
    if private.is_empty() {
        match ssh::public_key(&file.text()) {
            Ok(key) => credentials.push(material::public_key(&key, Some(1), at)),
            Err(problem) => {
                gaps.push(Gap::new(&file.path, GapReason::Malformed).detail(problem));
            }
        }
    }
    for mut credential in credentials {
        credential.identity = Some(names.host_id());
        credential.fact("host_key", Fact::known(true));
        batch.credentials.push(credential);
        batch.places.push(place.clone());
    }
}

/// Authorities whose certificates sign in here, by `TrustedUserCAKeys`.
fn certificate_authorities(found: &Ssh, names: Names<'_>, batch: &mut Batch) {
    for file in &found.ca_files {
        let place = names.place(&file.path, Some(file.meta));
        let at = names.at(&place, &file.path, Some(file.meta));
        let (keys, _) = ssh::authorized_keys(&file.text());
        for key in keys {
            let fingerprint = key.key.fingerprint.clone();
            let mut credential = material::public_key(&key.key, Some(key.line), at);
            credential.fact("certificate_authority", Fact::known(true));
            batch.credentials.push(credential);
            let native = format!("{}#{fingerprint}", file.path);
            let ca_trust = |to: IdentityId, condition: Condition| {
                let from = Subject::Principal { principal: fingerprint.clone() };
                let (machine, scope) = (names.machine, names.scope);
                let mut trust = Trust::new("ssh-ca", "ssh", machine, &native, scope, from, to);
                trust.conditions.push(condition);
                trust.loci.push(file.path.clone());
                trust.evidence.push(Evidence::at(&file.path).line(key.line));
                trust
            };
            let is = |operator: &'static str, values| Condition {
                key: "principals".into(),
                operator: operator.into(),
                values,
            };
            let any = is("contain", vec!["the name of the account".into()]);
            batch.trusts.push(ca_trust(names.host_id(), any));
            for (account, principals) in &found.principals {
                let text = principals.text();
                let lines = text.lines().map(str::trim);
                let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
                // Options may stand before the principal, as in authorized_keys.
                let values = lines.filter_map(|line| line.split_whitespace().next_back());
                let values = values.map(str::to_owned).collect();
                let mut trust = ca_trust(names.account_id(account), is("in", values));
                trust.loci.push(principals.path.clone());
                trust.evidence.push(Evidence::at(&principals.path));
                batch.trusts.push(trust);
            }
        }
        batch.places.push(place);
    }
}

/// What the server is set to, as facts of the host.
fn server(found: &Ssh, names: Names<'_>) -> model::Identity {
    const KEYWORDS: &[(&str, &str, &str)] = &[
        ("passwordauthentication", "ssh_password_authentication", "yes"),
        ("permitrootlogin", "ssh_permit_root_login", "prohibit-password"),
        ("pubkeyauthentication", "ssh_public_key_authentication", "yes"),
        ("kbdinteractiveauthentication", "ssh_keyboard_authentication", "yes"),
        ("permitemptypasswords", "ssh_permit_empty_passwords", "no"),
    ];
    let mut host = names.host();
    host.loci = found.settings.iter().map(|setting| setting.path.clone()).collect();
    host.loci.sort();
    host.loci.dedup();
    host.fact("ssh_server_configured", Fact::known(!found.settings.is_empty()));
    if found.settings.is_empty() {
        return host;
    }
    for (keyword, fact, default) in KEYWORDS {
        let setting = global(&found.settings, keyword).first().copied();
        let value = setting.and_then(|setting| setting.directive.arguments.first());
        let fact_value = match value {
            Some(value) => Fact::known(value.as_str()),
            None => Fact::known(*default).because("not set: OpenSSH's own default"),
        };
        host.fact(fact, fact_value);
    }
    let commands = ["authorizedkeyscommand", "authorizedprincipalscommand"];
    let commands = found.settings.iter().filter(|it| commands.contains(&&*it.directive.keyword));
    let commands: Vec<String> = commands
        .filter_map(|it| secrets::program(it.directive.arguments.first()?))
        .filter(|program| program != "none")
        .collect();
    if !commands.is_empty() {
        let reason = "it gives keys that no file shows; it is never run by this source";
        host.fact("ssh_key_commands", Fact::known(commands).because(reason));
    }
    let blocks = found.settings.iter().filter_map(|setting| setting.only_for.as_deref());
    let mut blocks: Vec<String> = blocks.map(public_command).collect();
    blocks.dedup();
    if !blocks.is_empty() {
        host.fact("ssh_match_blocks", Fact::known(blocks));
    }
    if let Some(counts) = found.known_hosts.get("") {
        let count = i64::try_from(counts.n_hosts).unwrap_or(i64::MAX);
        host.fact("ssh_known_hosts", Fact::known(count));
    }
    let first = found.settings.first();
    host.evidence.extend(first.map(|setting| Evidence::at(&setting.path)));
    host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_keys_name_people() {
        let check = |comment: &str, expected: Option<&str>| {
            let owner = owner_of_key(comment).map(|(owner, _)| owner);
            assert_eq!(owner.as_deref(), expected, "{comment}");
        };
        check("ada@example.org", Some("ada@example.org"));
        check("ada@laptop", Some("ada@laptop"));
        check("root@build-7", None);
        check("backup key", None);
    }

    #[test]
    fn options_become_conditions_without_arguments() {
        let options = vec![
            ("from".to_owned(), Some("10.0.0.0/8,*.example.org".to_owned())),
            ("command".to_owned(), Some("/usr/bin/backup --token abc".to_owned())),
            ("restrict".to_owned(), None),
            ("environment".to_owned(), Some("SECRET=value".to_owned())),
        ];
        let shown = format!("{:?} {:?}", conditions(&options), option_facts(&options));
        assert!(shown.contains("10.0.0.0/8") && shown.contains("/usr/bin/backup"), "{shown}");
        assert!(shown.contains("SECRET") && shown.contains("restrict"), "{shown}");
        assert!(!shown.contains("abc") && !shown.contains("value\""), "{shown}");
    }
}
