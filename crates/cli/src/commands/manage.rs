//! Commands that change something: `source`, `owners`, `findings`, `people`, `token`, `backup`,
//! `restore`; and `doctor`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::api::{Api, path};
use crate::commands::lists::{Query, show_list};
use crate::commands::{Global, explain};
use crate::output::{self, Columns, Exit, Format, Talk};
use crate::{clock, config};

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Show the configured sources.
    List,
    /// Show what can be a source, its settings and the permissions it needs.
    Connectors,
    /// Add a source.
    Add {
        /// host, homes, repository, terraform, aws …
        connector: String,
        /// A name of your own.
        #[arg(long)]
        name: Option<String>,
        /// A setting: name=value; several values by giving it several times.
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
        /// Seconds between syncs; 0 for only by hand.
        #[arg(long, default_value_t = 3600)]
        every: u32,
    },
    /// Change a source; what is not named stays.
    Change {
        #[arg(value_name = "ID|NAME")]
        id: String,
        #[arg(long)]
        name: Option<String>,
        /// A setting: name=value; several values by giving it several times.
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
        /// Seconds between syncs; 0 for only by hand.
        #[arg(long)]
        every: Option<u32>,
        /// Read it on schedule again.
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Read it on schedule no more, and keep what it stated.
        #[arg(long)]
        disable: bool,
    },
    /// Read a source now (all of them without an id or name).
    Sync {
        #[arg(value_name = "ID|NAME")]
        id: Option<String>,
    },
    /// Try a source's settings without changing anything.
    Test {
        #[arg(value_name = "ID|NAME")]
        id: String,
    },
    /// Forget a source; what it alone stated is gone, its history stays.
    Remove {
        #[arg(value_name = "ID|NAME")]
        id: String,
    },
    /// Show past syncs.
    History(Query),
}

pub(crate) fn source(
    command: &SourceCommand,
    global: &Global,
    talk: &Talk,
) -> anyhow::Result<Exit> {
    let api = Api::connect(global)?;
    match command {
        SourceCommand::List => {
            let sources = api.get(&path(&["sources"], &[]))?;
            let rows: Columns = &[
                ("ID", &["id"]),
                ("CONNECTOR", &["connector"]),
                ("NAME", &["name"]),
                ("ENABLED", &["enabled"]),
                ("EVERY (S)", &["every_s"]),
                ("LAST READ", &["last_committed_at"]),
                ("LAST ERROR", &["last_sync", "error"]),
            ];
            show(&sources, rows, global, talk)?;
        }
        SourceCommand::Connectors => {
            let connectors = api.get(&path(&["connectors"], &[]))?;
            let rows: Columns = &[("ID", &["id"]), ("TITLE", &["title"]), ("READS", &["summary"])];
            show(&connectors, rows, global, talk)?;
        }
        SourceCommand::Add { connector, name, set, every } => {
            let settings = settings(set, connector)?;
            let every_s = (*every > 0).then_some(every);
            let body = json!({ "connector": connector, "name": name, "settings": settings, "every_s": every_s });
            let source = api.post(&path(&["sources"], &[]), &body)?;
            output::print_value(&source, global.format)?;
        }
        SourceCommand::Change { id, name, set, every, enable, disable } => {
            let id = &source_id(&api, id)?;
            let settings = match set.as_slice() {
                [] => None,
                set => {
                    let source = api.get(&path(&["sources", id], &[]))?;
                    let stored = output::cell_at(&source, &["settings"]);
                    let mut all: BTreeMap<String, Vec<String>> = serde_json::from_str(&stored)
                        .with_context(|| format!("reading the settings of `{id}`"))?;
                    all.extend(settings(set, &output::cell_at(&source, &["connector"]))?);
                    Some(all)
                }
            };
            let enabled = (*enable || *disable).then_some(*enable);
            let change =
                json!({ "name": name, "settings": settings, "every_s": every, "enabled": enabled });
            output::print_value(&api.put(&path(&["sources", id], &[]), &change)?, global.format)?;
        }
        SourceCommand::Sync { id } => {
            let ids = match id {
                Some(id) => vec![source_id(&api, id)?],
                None => ids(&api.get(&path(&["sources"], &[]))?),
            };
            for id in ids {
                talk.say(&format!("reading {id}"));
                let summary = api.post(
                    &path(&["sources", &id, "sync"], &[("wait", "true".into())]),
                    &json!({}),
                )?;
                output::print_value(&summary, global.format)?;
            }
        }
        SourceCommand::Test { id } => {
            let id = &source_id(&api, id)?;
            output::print_value(
                &api.post(&path(&["sources", id, "test"], &[]), &json!({}))?,
                global.format,
            )?;
        }
        SourceCommand::Remove { id } => {
            let id = &source_id(&api, id)?;
            output::print_value(&api.delete(&path(&["sources", id], &[]))?, global.format)?;
        }
        SourceCommand::History(query) => show_list(&api, "syncs", query, global, talk)?,
    }
    Ok(Exit::Fine)
}

/// The id of a source that is named by it, or by a name that no other has. What is neither is sent as
/// it is, and refused.
fn source_id(api: &Api, text: &str) -> anyhow::Result<String> {
    if text.starts_with("src_") {
        return Ok(text.to_owned());
    }
    let sources = api.get(&path(&["sources"], &[]))?;
    let named = |source: &&Value| output::cell_at(source, &["name"]) == text;
    let found: Vec<&Value> = output::items(&sources).iter().filter(named).collect();
    match found.as_slice() {
        [one] => Ok(output::cell_at(one, &["id"])),
        [] => Ok(text.to_owned()),
        several => anyhow::bail!(
            "{} sources are named `{text}`; name one by its id: {}",
            several.len(),
            several.iter().map(|it| output::cell_at(it, &["id"])).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn ids(sources: &Value) -> Vec<String> {
    output::items(sources).iter().map(|source| output::cell_at(source, &["id"])).collect()
}

/// `name=value` pairs; what names a path is made absolute, since the server may run elsewhere.
fn settings(set: &[String], connector: &str) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let mut settings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in set {
        let (name, value) = pair
            .split_once('=')
            .with_context(|| format!("`{pair}` is not of the form name=value"))?;
        let is_path = app::sources::descriptor(connector).is_some_and(|descriptor| {
            descriptor.settings.iter().any(|setting| {
                setting.name == name
                    && matches!(
                        setting.kind,
                        connectors::SettingKind::Path | connectors::SettingKind::Paths
                    )
            })
        });
        let value = if is_path {
            let absolute =
                std::fs::canonicalize(value).with_context(|| format!("looking for `{value}`"))?;
            absolute
                .to_str()
                .map(str::to_owned)
                .with_context(|| format!("`{value}` is not UTF-8"))?
        } else {
            value.to_owned()
        };
        settings.entry(name.to_owned()).or_default().push(value);
    }
    Ok(settings)
}

#[derive(Debug, Subcommand)]
pub(crate) enum OwnersCommand {
    /// Show candidates with their evidence.
    List(Query),
    /// Say who owns identities; wins over everything inferred.
    Claim {
        /// `@org/team`, `ada@example.org`.
        owner: String,
        /// Identity ids.
        #[arg(required = true)]
        identities: Vec<String>,
        /// person, team or vendor.
        #[arg(long, default_value = "team")]
        kind: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Take a claim back.
    Withdraw { identity: String },
}

pub(crate) fn owners(
    command: &OwnersCommand,
    global: &Global,
    talk: &Talk,
) -> anyhow::Result<Exit> {
    let api = Api::connect(global)?;
    match command {
        OwnersCommand::List(query) => show_list(&api, "owners", query, global, talk)?,
        OwnersCommand::Claim { owner, identities, kind, name, reason } => {
            let body = json!({
                "identities": identities, "kind": kind, "owner": owner, "name": name, "reason": reason,
            });
            output::print_value(&api.post(&path(&["claims"], &[]), &body)?, global.format)?;
        }
        OwnersCommand::Withdraw { identity } => {
            let withdrawn = api.delete(&path(&["identities", identity, "claim-owner"], &[]))?;
            output::print_value(&withdrawn, global.format)?;
        }
    }
    Ok(Exit::Fine)
}

#[derive(Debug, Subcommand)]
pub(crate) enum FindingsCommand {
    /// Show findings.
    List(Query),
    /// Show one with the rule behind it.
    Show { id: String },
    /// Somebody works on it.
    Acknowledge { id: String },
    /// Not now.
    Snooze {
        id: String,
        #[arg(long, value_name = "TIME")]
        until: String,
    },
    /// Take the risk until a date, for a reason.
    Accept {
        id: String,
        #[arg(long, value_name = "TIME")]
        until: String,
        #[arg(long)]
        reason: String,
    },
    /// Take any of these back.
    Reopen { id: String },
}

pub(crate) fn findings(
    command: &FindingsCommand,
    global: &Global,
    talk: &Talk,
) -> anyhow::Result<Exit> {
    let api = Api::connect(global)?;
    let (id, decision) = match command {
        FindingsCommand::List(query) => {
            show_list(&api, "findings", query, global, talk)?;
            return Ok(Exit::Fine);
        }
        FindingsCommand::Show { id } => {
            explain::tell(&api, id, None, global.format, talk)?;
            return Ok(Exit::Fine);
        }
        FindingsCommand::Acknowledge { id } => (id, json!({ "decide": "acknowledge" })),
        FindingsCommand::Snooze { id, until } => {
            (id, json!({ "decide": "snooze", "until": until }))
        }
        FindingsCommand::Accept { id, until, reason } => {
            (id, json!({ "decide": "accept", "until": until, "reason": reason }))
        }
        FindingsCommand::Reopen { id } => (id, json!({ "decide": "reopen" })),
    };
    output::print_value(&api.post(&path(&["findings", id], &[]), &decision)?, global.format)?;
    Ok(Exit::Fine)
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeopleCommand {
    List,
    /// Add a person; they sign in with the link of `tutela people link` first.
    Add {
        login: String,
        #[arg(long)]
        name: Option<String>,
        /// viewer, operator, approver or administrator.
        #[arg(long, default_value = "viewer")]
        role: String,
    },
    /// Change a person's role.
    Role {
        login: String,
        role: String,
    },
    /// End a person's sessions and tokens and let them in no more.
    Disable {
        login: String,
    },
    Enable {
        login: String,
    },
    /// Print a one-time sign-in link; without a login, for the first administrator.
    Link {
        login: Option<String>,
    },
}

pub(crate) fn people(
    command: &PeopleCommand,
    global: &Global,
    talk: &Talk,
) -> anyhow::Result<Exit> {
    let api = Api::connect(global)?;
    let reply = match command {
        PeopleCommand::List => {
            let people = api.get(&path(&["people"], &[]))?;
            let rows: Columns = &[
                ("LOGIN", &["login"]),
                ("NAME", &["name"]),
                ("ROLE", &["role"]),
                ("DISABLED", &["disabled_at"]),
            ];
            show(&people, rows, global, talk)?;
            return Ok(Exit::Fine);
        }
        PeopleCommand::Add { login, name, role } => {
            let name = name.as_deref().unwrap_or(login);
            api.post(
                &path(&["people"], &[]),
                &json!({ "login": login, "name": name, "role": role }),
            )?
        }
        PeopleCommand::Role { login, role } => {
            api.put(&path(&["people", login], &[]), &json!({ "role": role }))?
        }
        PeopleCommand::Disable { login } => {
            api.put(&path(&["people", login], &[]), &json!({ "disabled": true }))?
        }
        PeopleCommand::Enable { login } => {
            api.put(&path(&["people", login], &[]), &json!({ "disabled": false }))?
        }
        PeopleCommand::Link { login } => {
            let query: Vec<_> = login.iter().map(|login| ("login", login.clone())).collect();
            api.post(&path(&["sign-in-links"], &query), &json!({}))?
        }
    };
    output::print_value(&reply, global.format)?;
    Ok(Exit::Fine)
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    List,
    /// Make an API token and print it; it is shown once.
    Create {
        name: String,
        /// viewer, operator, approver or administrator; never more than your own.
        #[arg(long, default_value = "viewer")]
        role: String,
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
    Revoke {
        id: String,
    },
}

pub(crate) fn token(command: &TokenCommand, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let api = Api::connect(global)?;
    match command {
        TokenCommand::List => {
            let tokens = api.get(&path(&["tokens"], &[]))?;
            let rows: Columns = &[
                ("ID", &["id"]),
                ("NAME", &["name"]),
                ("PREFIX", &["prefix"]),
                ("ROLE", &["role"]),
                ("EXPIRES", &["expires_at"]),
                ("LAST USED", &["last_used_at"]),
                ("REVOKED", &["revoked_at"]),
            ];
            show(&tokens, rows, global, talk)?;
        }
        TokenCommand::Create { name, role, days } => {
            let body = json!({ "name": name, "role": role, "days": days });
            output::print_value(&api.post(&path(&["tokens"], &[]), &body)?, global.format)?;
        }
        TokenCommand::Revoke { id } => {
            output::print_value(&api.delete(&path(&["tokens", id], &[]))?, global.format)?;
        }
    }
    Ok(Exit::Fine)
}

/// Look whether everything is as it should be, and say what to do where it is not.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {}

pub(crate) fn doctor(_: &DoctorArgs, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let api = Api::connect(global)?;
    let checks = api.get(&path(&["doctor"], &[]))?;
    let rows: Columns = &[
        ("HEALTH", &["health"]),
        ("SUBJECT", &["subject"]),
        ("SAYS", &["says"]),
        ("FIX", &["fix"]),
    ];
    show(&checks, rows, global, talk)?;
    let wrong =
        output::items(&checks).iter().any(|check| output::cell_at(check, &["health"]) == "wrong");
    Ok(if wrong { Exit::Findings } else { Exit::Fine })
}

/// Copy the data folder into a new folder, while Tutela runs or not.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The new folder.
    to: PathBuf,
}

pub(crate) fn backup(args: &BackupArgs, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let to = std::path::absolute(&args.to)?;
    let Some(to) = to.to_str() else { bail!("the folder `{}` is not UTF-8", to.display()) };
    let api = Api::connect(global)?;
    output::print_value(&api.post(&path(&["backup"], &[]), &json!({ "to": to }))?, global.format)?;
    talk.say(
        "the key of the fingerprints, `fingerprint.key` in the data folder, is not in it: whoever has \
         both can test a guess of a secret. Keep a copy of the key elsewhere; without it, secrets of \
         before and after a restore are not known to be the same",
    );
    Ok(Exit::Fine)
}

/// Put a backup into a data folder that holds nothing.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup's folder.
    from: PathBuf,
}

pub(crate) fn restore(args: &RestoreArgs, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let config = config::load(global.config.as_deref())?;
    let folder = config::data_folder(global.data.as_deref(), &config)?;
    let manifest = app::backup::restore(&args.from, &folder, clock::now())?;
    talk.say(&format!("restored the backup of {} into {}", manifest.made_at, folder.display()));
    talk.say(
        "before the first `tutela up`, put your copy of `fingerprint.key` into it (mode 0600): with a \
         new key, secrets of before and after are not known to be the same",
    );
    output::print_value(&serde_json::to_value(&manifest)?, global.format)?;
    Ok(Exit::Fine)
}

/// A reply that is a list, or an object with `items`.
fn show(reply: &Value, rows: Columns, global: &Global, talk: &Talk) -> anyhow::Result<()> {
    if global.format == Format::Json {
        return output::print_json(reply);
    }
    output::print_rows(output::items(reply), rows, global.format, talk)
}
