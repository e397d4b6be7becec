//! What `/etc/sudoers` and its includes let the accounts of this host do, as grants.
//!
//! Groups and aliases are expanded to the accounts known here, within limits; rules for other hosts
//! are left out, and rules for hosts that cannot be told are kept with a condition.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::command_line::public_command_line;
use model::{Batch, Condition, Effect, Evidence, Fact, Gap, GapReason, Grant, Scope};

use super::accounts::{self, Account, Accounts};
use super::names::{LINUX, Names};
use super::reading::{Reader, name_of};
use super::sudoers::{self, AliasKind, Command, Member, Rule, Runas, Sudoers};

const SUDOERS: &str = "/etc/sudoers";
/// As deep as sudo itself goes.
const MAX_DEPTH: usize = 128;
const MAX_FILES: usize = 1_000;
/// Aliases within aliases are followed this deep.
const MAX_ALIAS_DEPTH: usize = 16;
/// A list of sudoers is expanded to this many members.
const MAX_MEMBERS: usize = 10_000;
/// More grants than this are not stated; the scope is then truncated.
const MAX_GRANTS: usize = 100_000;
/// Nor are more commands and users in all of them together: rules multiply them by accounts.
const MAX_LISTED: usize = 2_000_000;

/// All files, in the order in which sudo reads them.
#[derive(Debug, Default)]
pub(super) struct Policy {
    files: Vec<(String, Sudoers)>,
    /// Names by which rules may mean this host.
    hosts: BTreeSet<String>,
}

pub(super) fn scope(machine: &str) -> Scope {
    Scope::new(LINUX, machine, "sudo", "sudo rights")
}

pub(super) fn read(reader: &mut Reader<'_>) -> Policy {
    let mut policy = Policy::default();
    let mut hosts = vec![reader.request.machine.name.clone()];
    if let Some(file) = reader.optional(Path::new("/etc/hostname")) {
        hosts.push(file.text().trim().to_owned());
    }
    for host in hosts.into_iter().map(|host| host.to_lowercase()).filter(|host| !host.is_empty()) {
        policy.hosts.extend(host.split('.').next().map(str::to_owned));
        policy.hosts.insert(host);
    }
    let mut seen = BTreeSet::new();
    read_file(reader, Path::new(SUDOERS), 0, &mut seen, &mut policy);
    policy
}

/// Reads a file and, after it, what it includes: alias and default lines hold wherever they stand,
/// and each rule keeps its own file and line.
fn read_file(
    reader: &mut Reader<'_>,
    path: &Path,
    depth: usize,
    seen: &mut BTreeSet<PathBuf>,
    policy: &mut Policy,
) {
    let canonical = reader.canonical(path).unwrap_or_else(|| path.to_owned());
    let shown = crate::files::shown(path);
    if !seen.insert(canonical) {
        let gap = Gap::new(shown, GapReason::TooDeep).detail("included a second time: not read");
        reader.coverage.miss(gap);
        return;
    }
    if depth > MAX_DEPTH || seen.len() > MAX_FILES {
        let detail = format!("more than {MAX_DEPTH} levels or {MAX_FILES} files of includes");
        reader.coverage.miss(Gap::new(shown, GapReason::TooDeep).detail(detail));
        reader.coverage.truncated = true;
        return;
    }
    let n_gaps = reader.coverage.gaps.len();
    // Without /etc/sudoers there is no sudo here; a file that is included has to be there.
    let file = if depth == 0 { reader.optional(path) } else { reader.required(path) };
    let Some(file) = file else {
        if let Some(gap) = reader.coverage.gaps.get_mut(n_gaps)
            && gap.reason == GapReason::Denied
        {
            gap.missing = Some("root: sudo's rules are readable by root only".into());
        }
        return;
    };
    let (parsed, problems) = sudoers::parse(&file.text());
    for line in problems {
        reader.malformed(&file.path, line, "not a rule that sudoers(5) describes");
    }
    let includes = parsed.includes.clone();
    policy.files.push((file.path, parsed));
    let folder = path.parent().unwrap_or(Path::new("/etc"));
    for include in includes {
        let host = policy.hosts.iter().next().cloned().unwrap_or_default();
        let target = folder.join(include.path.replace("%h", &host));
        if !include.is_folder {
            read_file(reader, &target, depth + 1, seen, policy);
            continue;
        }
        for entry in reader.list(&target) {
            let name = name_of(&entry);
            // sudo leaves out what package managers and editors leave behind.
            let is_left_out = name.contains('.') || name.ends_with('~');
            let is_file = reader.is_file(&entry.path);
            if is_file && !is_left_out {
                read_file(reader, &entry.path, depth + 1, seen, policy);
            }
        }
    }
}

pub(super) fn normalize(
    policy: &Policy,
    accounts: &Accounts,
    names: Names<'_>,
) -> (Batch, Vec<Gap>, bool) {
    let mut meaning = Meaning::new(policy, accounts, names);
    for (path, file) in &policy.files {
        for (nth, rule) in file.rules.iter().enumerate() {
            meaning.rule(path, nth, rule);
        }
    }
    (meaning.batch, meaning.gaps, meaning.is_truncated)
}

struct Meaning<'a> {
    policy: &'a Policy,
    accounts: &'a Accounts,
    names: Names<'a>,
    aliases: BTreeMap<(AliasKind, &'a str), &'a [Member]>,
    /// What host aliases were found to mean.
    host_aliases: BTreeMap<&'a str, Verdict>,
    authenticate_off: bool,
    authenticate_off_by: BTreeMap<String, bool>,
    /// Whose password sudo asks for, when not that of the one who calls.
    asks: Option<&'static str>,
    runas_default: String,
    batch: Batch,
    gaps: Vec<Gap>,
    is_truncated: bool,
    n_listed: usize,
}

/// Whether a list means something: the last member that matches decides (sudoers(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
    /// It depends on what only a directory or the network knows.
    Unknown,
}

impl<'a> Meaning<'a> {
    fn new(policy: &'a Policy, accounts: &'a Accounts, names: Names<'a>) -> Self {
        let mut aliases: BTreeMap<_, &[Member]> = BTreeMap::new();
        for (_, file) in &policy.files {
            for ((kind, name), members) in &file.aliases {
                aliases.insert((*kind, name.as_str()), members);
            }
        }
        let mut meaning = Self {
            policy,
            accounts,
            names,
            aliases,
            host_aliases: BTreeMap::new(),
            authenticate_off: false,
            authenticate_off_by: BTreeMap::new(),
            asks: None,
            runas_default: "root".into(),
            batch: Batch::default(),
            gaps: Vec::new(),
            is_truncated: false,
            n_listed: 0,
        };
        let defaults = policy.files.iter().flat_map(|(_, file)| &file.defaults);
        for default in defaults.filter(|default| default.scope.is_none()) {
            for (name, value, negated) in &default.settings {
                match (name.as_str(), value) {
                    ("authenticate", _) => meaning.authenticate_off = *negated,
                    ("targetpw", _) if !negated => meaning.asks = Some("the target's"),
                    ("rootpw", _) if !negated => meaning.asks = Some("root's"),
                    ("runaspw", _) if !negated => meaning.asks = Some("the default target's"),
                    ("runas_default", Some(value)) => meaning.runas_default.clone_from(value),
                    _ => {}
                }
            }
        }
        meaning.authenticate_off_by = meaning.authenticate_by_account();
        meaning
    }

    fn rule(&mut self, path: &str, nth: usize, rule: &'a Rule) {
        let on_this_host = self.hosts(&rule.hosts, 0);
        if on_this_host == Verdict::No || self.is_truncated {
            return;
        }
        let subjects = self.subjects(path, rule);
        // Commands of one rule with the same target and tags are one grant.
        let mut groups: Vec<(&Command, Vec<Member>)> = Vec::new();
        for command in &rule.commands {
            let member = Member { name: command.text.clone(), negated: command.negated };
            let same = groups.iter_mut().find(|(first, _)| {
                (&first.runas, &first.tags, &first.options)
                    == (&command.runas, &command.tags, &command.options)
            });
            match same {
                Some((_, members)) => members.push(member),
                None => groups.push((command, vec![member])),
            }
        }
        for (part, (command, members)) in groups.iter().enumerate() {
            let members = self.expand(AliasKind::Command, members);
            for (account, via) in &subjects {
                let native = format!("{path}#{}.{}", nth + 1, part + 1);
                let grants = self.grants(rule, command, &members, account, &native, path);
                for mut grant in grants {
                    self.n_listed += grant.actions.len() + grant.resources.len();
                    if self.batch.grants.len() == MAX_GRANTS || self.n_listed > MAX_LISTED {
                        self.is_truncated = true;
                        let detail = format!(
                            "more than {MAX_GRANTS} grants, or {MAX_LISTED} commands and users in \
                             them: the rest is not stated"
                        );
                        self.gaps.push(Gap::new(path, GapReason::TooLarge).detail(detail));
                        return;
                    }
                    if on_this_host == Verdict::Unknown {
                        let values = rule.hosts.iter().map(spelled).collect();
                        grant.conditions.push(Condition {
                            key: "host".into(),
                            operator: "in".into(),
                            values,
                        });
                    }
                    grant.via.clone_from(via);
                    self.batch.grants.push(grant);
                }
            }
        }
    }

    /// Allowed and excepted commands as an allowing and a denying grant.
    fn grants(
        &self,
        rule: &Rule,
        command: &Command,
        members: &[Member],
        account: &str,
        native: &str,
        path: &str,
    ) -> Vec<Grant> {
        let mut grants = Vec::new();
        let identity = self.names.account_id(account);
        let targets = self.targets(command.runas.as_deref(), account);
        let exceptions: Vec<String> = members
            .iter()
            .filter(|it| it.negated)
            .map(|it| public_command_line(&it.name))
            .collect();
        for (effect, suffix) in [(Effect::Allow, ""), (Effect::Deny, "!")] {
            let negated = effect == Effect::Deny;
            let mut actions: Vec<String> = members
                .iter()
                .filter(|member| member.negated == negated)
                .map(|member| public_command_line(&member.name))
                .collect();
            actions.sort();
            actions.dedup();
            if actions.is_empty() {
                continue;
            }
            let native = format!("{native}{suffix}");
            let (machine, scope) = (self.names.machine, self.names.scope);
            let mut grant = Grant::new("sudo", LINUX, machine, native, scope, identity);
            let is_root = targets.iter().any(|target| target == "root" || target == "ALL");
            let unrestricted =
                effect == Effect::Allow && is_root && actions.iter().any(|action| action == "ALL");
            let is_superuser = self.accounts.by_name(account).is_some_and(|it| it.uid == 0);
            let authenticate_off =
                self.authenticate_off_by.get(account).copied().unwrap_or(self.authenticate_off);
            let nopasswd = command.tags.iter().any(|tag| tag == "NOPASSWD");
            let passwd = command.tags.iter().any(|tag| tag == "PASSWD");
            let passwordless = nopasswd || is_superuser || (authenticate_off && !passwd);
            let mut say = |name: &'static str, fact| grant.facts.insert(name.into(), fact);
            say("passwordless", Fact::known(passwordless));
            say("unrestricted", Fact::known(unrestricted));
            if !command.tags.is_empty() {
                say("tags", Fact::known(command.tags.to_vec()));
            }
            if let Some(asks) = self.asks.filter(|_| !passwordless) {
                say("asks_password", Fact::known(asks));
            }
            if unrestricted && !exceptions.is_empty() {
                let reason = "sudoers(5): commands cannot be taken away from ALL";
                say("exceptions", Fact::known(exceptions.clone()).because(reason));
            }
            if let Some(runas) = &command.runas
                && !runas.groups.is_empty()
            {
                let groups = self.expand(AliasKind::Runas, &runas.groups);
                say("runas_groups", Fact::known(groups.iter().map(spelled).collect::<Vec<_>>()));
            }
            for (name, value) in command.options.iter() {
                grant.conditions.push(Condition {
                    key: name.to_lowercase(),
                    operator: "is".into(),
                    values: vec![value.clone()],
                });
            }
            grant.actions = actions;
            grant.resources.clone_from(&targets);
            grant.effect = effect;
            grant.loci.push(path.into());
            grant.evidence.push(Evidence::at(path).line(rule.line));
            grants.push(grant);
        }
        grants
    }

    /// Users as whom the commands run.
    fn targets(&self, runas: Option<&Runas>, account: &str) -> Vec<String> {
        let mut targets: Vec<String> = match runas {
            None => vec![self.runas_default.clone()],
            // `(:group)` and `()` run as the one who calls.
            Some(runas) if runas.users.is_empty() => vec![account.to_owned()],
            Some(runas) => self
                .expand(AliasKind::Runas, &runas.users)
                .iter()
                .map(|member| match self.accounts.resolve(&member.name) {
                    Some(known) if member.name.starts_with('#') => {
                        spelled(&Member { name: known.name.clone(), negated: member.negated })
                    }
                    _ => spelled(member),
                })
                .collect(),
        };
        targets.sort();
        targets.dedup();
        targets
    }

    /// Accounts the rule is for, and through which group or alias.
    fn subjects(&mut self, path: &str, rule: &Rule) -> Vec<(String, Option<String>)> {
        let members = self.expand_noting_aliases(AliasKind::User, &rule.users);
        let mut subjects: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (member, alias) in &members {
            let (matched, via) = self.accounts_of(path, rule.line, &member.name);
            for account in matched {
                if member.negated {
                    subjects.remove(&account);
                } else {
                    subjects
                        .entry(account)
                        .or_insert_with(|| via.clone().or_else(|| alias.clone()));
                }
            }
        }
        subjects.into_iter().collect()
    }

    fn accounts_of(&mut self, path: &str, line: u32, name: &str) -> (Vec<String>, Option<String>) {
        let all = |accounts: &[Account]| accounts.iter().map(|it| it.name.clone()).collect();
        if name == "ALL" {
            return (all(&self.accounts.rows), Some("ALL".into()));
        }
        let via = Some(name.to_owned());
        let is_foreign = name.starts_with('+') || name.starts_with("%:");
        if is_foreign {
            let detail = format!("line {line}: `{name}` is of a directory and is not expanded");
            self.gaps.push(Gap::new(path, GapReason::Unsupported).detail(detail));
            return (Vec::new(), via);
        }
        if let Some(group) = name.strip_prefix('%') {
            let gid = group.strip_prefix('#').and_then(|gid| gid.parse().ok());
            let known = match gid {
                Some(gid) => self.accounts.group_by_gid(gid),
                None => self.accounts.group_by_name(group),
            };
            let members = known.map(|group| self.accounts.members(group)).unwrap_or_default();
            return (members.into_iter().map(str::to_owned).collect(), via);
        }
        if let Some(uid) = name.strip_prefix('#') {
            let known = uid.parse().ok().and_then(|uid| self.accounts.by_uid(uid));
            return (known.map(|account| account.name.clone()).into_iter().collect(), None);
        }
        if self.accounts.by_name(name).is_none() {
            let kind = accounts::kind_of_name(name);
            self.batch.identities.push(self.names.mentioned_account(kind, name, path));
        }
        (vec![name.to_owned()], None)
    }

    /// `Defaults:who !authenticate`, account by account.
    fn authenticate_by_account(&self) -> BTreeMap<String, bool> {
        let mut by_account = BTreeMap::new();
        let defaults = self.policy.files.iter().flat_map(|(_, file)| &file.defaults);
        for default in defaults {
            let Some((':', who)) = &default.scope else { continue };
            let mut settings = default.settings.iter();
            let Some((_, _, off)) = settings.find(|(name, ..)| name == "authenticate") else {
                continue;
            };
            let named = who.split(',').map(|name| Member { name: name.into(), negated: false });
            for member in self.expand(AliasKind::User, &named.collect::<Vec<_>>()) {
                let group = member.name.strip_prefix('%');
                let accounts = match group.and_then(|group| self.accounts.group_by_name(group)) {
                    Some(group) => self.accounts.members(group),
                    None => BTreeSet::from([member.name.as_str()]),
                };
                by_account.extend(accounts.into_iter().map(|account| (account.to_owned(), *off)));
            }
        }
        by_account
    }

    fn hosts(&mut self, members: &'a [Member], depth: usize) -> Verdict {
        let mut verdict = Verdict::No;
        for member in members {
            let matches = self.alias_or_host(&member.name, depth);
            verdict = match (matches, member.negated) {
                (Verdict::Yes, false) => Verdict::Yes,
                (Verdict::Yes, true) => Verdict::No,
                (Verdict::No, _) => verdict,
                (Verdict::Unknown, _) => Verdict::Unknown,
            };
        }
        verdict
    }

    /// Each alias is looked into once, however often others name it.
    fn alias_or_host(&mut self, name: &'a str, depth: usize) -> Verdict {
        let Some(&inner) = self.aliases.get(&(AliasKind::Host, name)) else {
            return self.host(name);
        };
        if let Some(known) = self.host_aliases.get(name) {
            return *known;
        }
        if depth == MAX_ALIAS_DEPTH {
            return Verdict::Unknown;
        }
        // What names itself adds nothing.
        self.host_aliases.insert(name, Verdict::No);
        let verdict = self.hosts(inner, depth + 1);
        self.host_aliases.insert(name, verdict);
        verdict
    }

    fn host(&self, name: &str) -> Verdict {
        let is_network = name.starts_with('+')
            || name.contains(['/', ':'])
            || name.chars().all(|c| c.is_ascii_digit() || c == '.');
        if is_network {
            return Verdict::Unknown;
        }
        let name = name.to_lowercase();
        let pattern = crate::glob::of_names(&name);
        let matches = name == "all"
            || self.policy.hosts.contains(&name)
            || pattern.is_some_and(|glob| self.policy.hosts.iter().any(|host| glob.is_match(host)));
        if matches { Verdict::Yes } else { Verdict::No }
    }

    fn expand(&self, kind: AliasKind, members: &[Member]) -> Vec<Member> {
        self.expand_noting_aliases(kind, members).into_iter().map(|(member, _)| member).collect()
    }

    /// Members with aliases resolved, and the outermost alias each came through.
    fn expand_noting_aliases(
        &self,
        kind: AliasKind,
        members: &[Member],
    ) -> Vec<(Member, Option<String>)> {
        let mut expanded = Vec::new();
        let mut todo: Vec<(Member, Option<String>, usize)> =
            members.iter().rev().map(|member| (member.clone(), None, 0)).collect();
        while let Some((member, via, depth)) = todo.pop() {
            if expanded.len() + todo.len() >= MAX_MEMBERS {
                break;
            }
            match self.aliases.get(&(kind, member.name.as_str())) {
                Some(inner) if depth < MAX_ALIAS_DEPTH => {
                    let via = via.or_else(|| Some(member.name.clone()));
                    for inner in inner.iter().rev() {
                        let negated = inner.negated != member.negated;
                        let inner = Member { name: inner.name.clone(), negated };
                        todo.push((inner, via.clone(), depth + 1));
                    }
                }
                // An alias that contains itself, as far as it was followed.
                Some(_) => {}
                None => expanded.push((member, via)),
            }
        }
        expanded
    }
}

fn spelled(member: &Member) -> String {
    format!("{}{}", if member.negated { "!" } else { "" }, member.name)
}
