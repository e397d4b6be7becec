//! cron: system tables, people's tables and the scripts of `cron.daily` and its siblings, as jobs
//! that run as an account.
//!
//! Of a command only the program is kept; the command line, which may hold anything, passes
//! through the recogniser and goes no further.

use std::collections::BTreeMap;
use std::path::Path;

use model::kinds;
use model::{Batch, Evidence, Fact, Scope};

use super::accounts::Accounts;
use super::names::{LINUX, Names, addresses};
use super::reading::{File, Reader, name_of};
use super::secrets::{self, Secrets};

/// Tables whose lines name the account they run as.
const SYSTEM_TABLES: &[&str] = &["/etc/crontab"];
const SYSTEM_FOLDER: &str = "/etc/cron.d";
const ANACRONTAB: &str = "/etc/anacrontab";
/// Folders with one table per account: Debian's, and everyone else's.
const SPOOLS: &[&str] = &["/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs"];
/// Folders of scripts and how often they run.
const SCRIPT_FOLDERS: &[(&str, &str)] = &[
    ("/etc/cron.hourly", "@hourly"),
    ("/etc/cron.daily", "@daily"),
    ("/etc/cron.weekly", "@weekly"),
    ("/etc/cron.monthly", "@monthly"),
    ("/etc/cron.yearly", "@yearly"),
];
/// Programs that start jobs; without one the tables are but files.
const DAEMONS: &[&str] = &[
    "/usr/sbin/cron",
    "/usr/sbin/crond",
    "/usr/bin/crond",
    "/usr/sbin/anacron",
    "/usr/sbin/fcron",
    "/usr/bin/fcron",
    "/usr/sbin/bcron-sched",
    "/usr/lib/systemd/system-generators/systemd-crontab-generator",
];
const DEBIAN_MARK: &str = "/etc/debian_version";

/// More jobs than this in one table are not stated.
const MAX_JOBS: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `minute hour day month weekday account command`
    System,
    /// `minute hour day month weekday command`
    Account,
    /// `period delay identifier command`
    Anacron,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub jobs: Vec<Job>,
    pub variables: Vec<Variable>,
    pub comments: Vec<(u32, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub line: u32,
    pub schedule: String,
    /// None in a table that belongs to one account.
    pub account: Option<String>,
    pub command: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub line: u32,
    pub name: String,
    pub value: String,
}

#[derive(Debug, Default)]
pub(super) struct Jobs {
    tables: Vec<ReadTable>,
    scripts: Vec<Script>,
    has_daemon: bool,
}

#[derive(Debug)]
struct ReadTable {
    file: File,
    table: Table,
    /// Whose table it is, where its lines do not say.
    account: Option<String>,
}

#[derive(Debug)]
struct Script {
    file: File,
    schedule: &'static str,
}

pub(super) fn scope(machine: &str) -> Scope {
    Scope::new(LINUX, machine, "cron", "cron jobs")
}

pub(super) fn read(reader: &mut Reader<'_>) -> Jobs {
    let has_daemon = DAEMONS.iter().any(|path| reader.exists(Path::new(path)));
    let mut jobs = Jobs { has_daemon, ..Jobs::default() };
    // Debian's cron and run-parts leave out names with a dot; cronie leaves out fewer.
    let is_debian = reader.exists(Path::new(DEBIAN_MARK));
    for path in SYSTEM_TABLES {
        if let Some(file) = reader.optional(Path::new(path)) {
            jobs.add(reader, file, Layout::System, None);
        }
    }
    for entry in reader.list(Path::new(SYSTEM_FOLDER)) {
        let name = name_of(&entry);
        let is_file = reader.is_file(&entry.path);
        if is_file
            && !is_left_out(&name, is_debian)
            && let Some(file) = reader.required(&entry.path)
        {
            jobs.add(reader, file, Layout::System, None);
        }
    }
    if let Some(file) = reader.optional(Path::new(ANACRONTAB)) {
        jobs.add(reader, file, Layout::Anacron, Some("root".into()));
    }
    for spool in SPOOLS {
        for entry in reader.list(Path::new(spool)) {
            let name = name_of(&entry);
            let is_file = reader.is_file(&entry.path);
            // cron writes its own temporary files beside the tables.
            let is_table = is_file && !name.starts_with('.') && !name.starts_with("tmp.");
            if is_table && let Some(file) = reader.required(&entry.path) {
                jobs.add(reader, file, Layout::Account, Some(name));
            }
        }
    }
    for (folder, schedule) in SCRIPT_FOLDERS {
        for entry in reader.list(Path::new(folder)) {
            let is_file = reader.is_file(&entry.path);
            if is_file
                && !is_left_out(&name_of(&entry), is_debian)
                && let Some(file) = reader.required(&entry.path)
            {
                jobs.scripts.push(Script { file, schedule });
            }
        }
    }
    jobs
}

/// run-parts(8) and cron(8): what an editor or a package manager left behind is not run.
fn is_left_out(name: &str, is_debian: bool) -> bool {
    let is_leftover = name.starts_with('.')
        || name.ends_with('~')
        || [".rpmsave", ".rpmnew", ".rpmorig", ".swp", ".cfsaved"]
            .iter()
            .any(|end| name.ends_with(end));
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    is_leftover || (is_debian && !is_plain)
}

impl Jobs {
    fn add(
        &mut self,
        reader: &mut Reader<'_>,
        file: File,
        layout: Layout,
        account: Option<String>,
    ) {
        let (mut table, problems) = parse(&file.text(), layout);
        if let Some(line) = problems.first() {
            reader.malformed(&file.path, *line, "neither variable nor job");
        }
        if table.jobs.len() > MAX_JOBS {
            table.jobs.truncate(MAX_JOBS);
            reader.coverage.truncated = true;
        }
        self.tables.push(ReadTable { file, table, account });
    }
}

/// Parses crontab(5) or anacrontab(5); the numbers of lines that are neither are told.
pub(super) fn parse(text: &str, layout: Layout) -> (Table, Vec<u32>) {
    let mut table = Table::default();
    let mut problems = Vec::new();
    for (line, row) in (1..).zip(text.lines()) {
        let row = row.trim();
        if row.is_empty() {
            continue;
        }
        if let Some(comment) = row.strip_prefix('#') {
            table.comments.push((line, comment.trim().to_owned()));
            continue;
        }
        if let Some((name, value)) = variable(row) {
            table.variables.push(Variable { line, name, value });
            continue;
        }
        match job(row, layout) {
            Some((schedule, account, command)) => {
                table.jobs.push(Job { line, schedule, account, command });
            }
            None => problems.push(line),
        }
    }
    (table, problems)
}

/// `NAME = "value"`, blanks and quotes free.
fn variable(row: &str) -> Option<(String, String)> {
    let (name, value) = row.split_once('=')?;
    let name = name.trim().trim_matches(['"', '\'']);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value = value.trim();
    let bare = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value);
    is_name.then(|| (name.to_owned(), bare.to_owned()))
}

/// Schedule, account and command of a line.
fn job(row: &str, layout: Layout) -> Option<(String, Option<String>, String)> {
    // cronie: a dash before the schedule keeps the run out of the log.
    let row = row.strip_prefix('-').unwrap_or(row);
    let n_fields = match layout {
        Layout::Anacron => 2,
        _ if row.starts_with('@') => 1,
        _ => 5,
    };
    let mut rest = row;
    let mut schedule = Vec::new();
    for _ in 0..n_fields {
        let (field, after) = rest.split_once(char::is_whitespace)?;
        schedule.push(field);
        rest = after.trim_start();
    }
    let is_schedule = match layout {
        Layout::Anacron => schedule
            .iter()
            .all(|field| field.starts_with('@') || field.chars().all(|c| c.is_ascii_digit())),
        _ if n_fields == 1 => true,
        _ => schedule.iter().all(|field| {
            field.chars().all(|c| c.is_ascii_alphanumeric() || "*,-/~?#LW".contains(c))
        }),
    };
    if !is_schedule {
        return None;
    }
    let account = match layout {
        Layout::Account => None,
        Layout::System | Layout::Anacron => {
            let (account, after) = rest.split_once(char::is_whitespace)?;
            rest = after.trim_start();
            // FreeBSD and some distributions write `account:group` or `account/class`.
            Some(account.split([':', '/']).next().unwrap_or(account).to_owned())
        }
    };
    // Anacron's third field is the job's own name, and it always runs as root.
    let account = account.filter(|_| layout == Layout::System);
    let command = rest.trim();
    (!command.is_empty()).then(|| (schedule.join(" "), account, command.to_owned()))
}

/// Words with which a command line begins before it comes to its program.
const BEFORE_PROGRAM: &[&str] = &[
    "test", "[", "[[", "cd", "if", "then", "!", "command", "which", "type", ":", "umask", "set",
    "export", "source", ".", "sleep", "exec", "{", "(",
];

/// The program that a shell command line runs, as far as it stands there plainly.
pub(super) fn program_of(command: &str) -> Option<String> {
    const MAX_STEPS: usize = 16;
    // An unescaped `%` ends the command: what follows is its input (crontab(5)).
    for step in command.split("&&").flat_map(|part| part.split([';', '|'])).take(MAX_STEPS) {
        let step = step.trim().trim_start_matches(['(', '{']).trim_start();
        let mut words = step.split_whitespace().skip_while(|word| {
            is_assignment(word) || ["then", "do", "else", "!", "exec", "if"].contains(word)
        });
        let Some(word) = words.next() else { continue };
        if BEFORE_PROGRAM.contains(&word) {
            continue;
        }
        return secrets::program(word.trim_end_matches(')'));
    }
    None
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

pub(super) fn normalize(jobs: &Jobs, accounts: &Accounts, names: Names<'_>) -> Batch {
    let mut batch = Batch::default();
    let mut secrets = Secrets::default();
    for read in &jobs.tables {
        table_records(read, accounts, names, &mut secrets, &mut batch);
    }
    for script in &jobs.scripts {
        script_records(script, names, &mut secrets, &mut batch);
    }
    if !jobs.has_daemon {
        let jobs = batch.identities.iter_mut();
        for job in jobs.filter(|identity| identity.kind == kinds::SCHEDULED_JOB.id) {
            job.enabled = Fact::known(false).because("no program that runs cron jobs is installed");
        }
    }
    secrets.state(names, &mut batch);
    batch
}

fn table_records<'a>(
    read: &'a ReadTable,
    accounts: &Accounts,
    names: Names<'_>,
    secrets: &mut Secrets<'a>,
    batch: &mut Batch,
) {
    let path = &read.file.path;
    let owners = table_owners(read, accounts);
    let mut repeats: BTreeMap<String, u32> = BTreeMap::new();
    for job in &read.table.jobs {
        let program = program_of(&job.command);
        // Not the schedule, so that a job that is moved stays the same job; not the command line,
        // which may hold a secret.
        let label = program.clone().unwrap_or_else(|| "(shell)".into());
        let nth = repeats.entry(label.clone()).or_insert(0);
        *nth += 1;
        let native = match *nth {
            1 => format!("{path}#{label}"),
            n => format!("{path}#{label}@{n}"),
        };
        let mut identity = names.identity(kinds::SCHEDULED_JOB, &native, path);
        identity.name = match read.account.as_deref().filter(|_| path.starts_with("/var/")) {
            Some(account) => format!("{label} (crontab of {account})"),
            None => format!("{label} ({path})"),
        };
        identity.evidence.push(Evidence::at(path).line(job.line));
        identity.enabled = Fact::known(true);
        identity.fact("scheduler", Fact::known("cron"));
        identity.fact("schedule", Fact::known(vec![job.schedule.clone()]));
        identity.fact("programs", Fact::stated(program.map(|program| vec![program].into())));
        identity.created_at = Fact::not_observable("cron does not record when a job was made");
        identity.last_used_at = Fact::not_collected("the system's log is not read by this source");
        let account = job.account.as_deref().or(read.account.as_deref()).unwrap_or("root");
        identity.fact("runs_as", Fact::known(account));
        if accounts.by_name(account).is_none() {
            let kind = kinds::SERVICE_ACCOUNT;
            batch.identities.push(names.mentioned_account(kind, account, path));
        }
        let evidence = Evidence::at(path).line(job.line);
        batch.trusts.push(names.runs_as(identity.id, account, evidence));
        for (address, confidence, line, shows) in &owners {
            let evidence = Evidence::at(path).line(*line).shows(*shows);
            batch.owners.push(names.owner(identity.id, address, "cron", *confidence, evidence));
        }
        secrets.look(job.command.as_bytes(), &read.file, job.line, &native);
        batch.identities.push(identity);
    }
    for variable in &read.table.variables {
        let text = format!("{}={}", variable.name, variable.value);
        secrets.look(text.as_bytes(), &read.file, variable.line, path);
    }
}

/// Who is told when a job of the table fails, and who is named beside it.
fn table_owners(read: &ReadTable, accounts: &Accounts) -> Vec<(String, f64, u32, &'static str)> {
    let mut owners = Vec::new();
    for variable in &read.table.variables {
        if variable.name != "MAILTO" {
            continue;
        }
        for address in addresses(&variable.value) {
            owners.push((address, 0.6, variable.line, "MAILTO"));
        }
        // A plain name is an account of this host; a service's own name owns nothing.
        for word in variable.value.split([',', ' ']) {
            if accounts.by_name(word).is_some_and(|account| accounts.is_person(account)) {
                owners.push((word.to_owned(), 0.4, variable.line, "MAILTO"));
            }
        }
    }
    for (line, comment) in &read.table.comments {
        for address in addresses(comment) {
            owners.push((address, 0.4, *line, "a comment"));
        }
    }
    owners
}

fn script_records<'a>(
    script: &'a Script,
    names: Names<'_>,
    secrets: &mut Secrets<'a>,
    batch: &mut Batch,
) {
    let path = &script.file.path;
    let mut identity = names.identity(kinds::SCHEDULED_JOB, path, path);
    identity.name.clone_from(path);
    identity.evidence.push(Evidence::at(path));
    let is_executable = script.file.meta.mode & 0o111 != 0;
    identity.enabled = Fact::known(is_executable);
    if !is_executable {
        identity.enabled = identity.enabled.because("not executable, so run-parts leaves it out");
    }
    identity.fact("scheduler", Fact::known("cron"));
    identity.fact("schedule", Fact::known(vec![script.schedule.to_owned()]));
    identity.fact("programs", Fact::known(vec![path.clone()]));
    identity.fact("runs_as", Fact::known("root"));
    identity.created_at = Fact::not_observable("cron does not record when a job was made");
    identity.last_used_at = Fact::not_collected("the system's log is not read by this source");
    batch.trusts.push(names.runs_as(identity.id, "root", Evidence::at(path)));
    secrets.look(&script.file.bytes, &script.file, 1, path);
    batch.identities.push(identity);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_each_layout() {
        let check = |text: &str, layout: Layout, expected: &str| {
            let (table, problems) = parse(text, layout);
            let jobs: Vec<_> = table
                .jobs
                .iter()
                .map(|job| {
                    let account = job.account.as_deref().unwrap_or("-");
                    format!("{} {account} {:?}", job.schedule, program_of(&job.command))
                })
                .collect();
            assert_eq!(format!("{}; {problems:?}", jobs.join(", ")), expected, "{text}");
        };
        check(
            "*/5 * * * * root /usr/bin/a b",
            Layout::System,
            "*/5 * * * * root Some(\"/usr/bin/a\"); []",
        );
        check("@reboot\tada  x=1 y", Layout::System, "@reboot ada Some(\"y\"); []");
        check(
            "MAILTO = \"ada@example.org\"\n0 1 * * mon a",
            Layout::Account,
            "0 1 * * mon - Some(\"a\"); []",
        );
        check(
            "1 5 cron.daily nice run-parts /etc/cron.daily",
            Layout::Anacron,
            "1 5 - Some(\"nice\"); []",
        );
        check("what is this thing called love\n* * *", Layout::System, "; [1, 2]");
    }

    #[test]
    fn the_program_and_nothing_else() {
        let check = |command: &str, expected: Option<&str>| {
            assert_eq!(program_of(command).as_deref(), expected, "{command}");
        };
        check(
            "test -x /usr/sbin/anacron || ( cd / && run-parts /etc/cron.daily )",
            Some("run-parts"),
        );
        check("[ -x /a ] && /a --token=x", Some("/a"));
        check("PGPASSWORD=x pg_dump -h db", Some("pg_dump"));
        check("if [ -x /etc/munin ]; then /etc/munin; fi", Some("/etc/munin"));
        check("\"$HOME/secret\" x", None);
        check("$(echo x)", None);
        check("curl https://user:pass@example.org/", Some("curl"));
    }

    #[test]
    fn names_that_run_parts_leaves_out() {
        assert!(is_left_out(".placeholder", false));
        assert!(is_left_out("backup.sh", true));
        assert!(!is_left_out("backup.sh", false));
        assert!(is_left_out("backup~", false));
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "[-@a-z0-9*/ \t\n=#\"';&|%$()]{0,300}|\\PC{0,200}") {
            for layout in [Layout::System, Layout::Account, Layout::Anacron] {
                let (table, _) = parse(&text, layout);
                for job in &table.jobs {
                    program_of(&job.command);
                }
            }
        }

        #[test]
        fn nothing_quoted_or_expanded_is_a_program(command: String) {
            if let Some(program) = program_of(&command) {
                proptest::prop_assert!(!program.contains(['"', '\'', '$', '`', '=', ' ']));
            }
        }
    }
}
