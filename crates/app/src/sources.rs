//! Configured sources: what is read, how often, and how that went.

use connectors::{CONNECTORS, Descriptor, SettingKind, Settings};
use model::{SourceId, Time};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{NewSource, Source, SyncSummary};

use crate::App;
use crate::access::{Act, Actor, Via};
use crate::audit::acting;
use crate::error::{Error, Kind, Result};
use crate::people::MAX_NAME_CHARS;

/// A source is not synced more often than this.
pub const MIN_EVERY_S: u32 = 60;
/// Seconds between syncs of a source that says nothing else.
pub const DEFAULT_EVERY_S: u32 = 60 * 60;

#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SourceRequest {
    pub connector: String,
    /// The connector's title when left out.
    #[serde(default)]
    pub name: Option<String>,
    /// Setting names with their values; see `GET /api/v1/connectors`.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, Vec<String>>")]
    pub settings: Settings,
    /// Seconds between syncs; null for only by hand.
    #[serde(default = "hourly")]
    pub every_s: Option<u32>,
}

#[expect(clippy::unnecessary_wraps, reason = "serde's default has the field's type")]
const fn hourly() -> Option<u32> {
    Some(DEFAULT_EVERY_S)
}

/// A connector as people see it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ConnectorView {
    pub id: &'static str,
    pub title: &'static str,
    pub summary: &'static str,
    /// Reads files of the machine Tutela runs on: added and widened there only.
    pub local_only: bool,
    pub settings: Vec<SettingView>,
    pub permissions: Vec<PermissionView>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SettingView {
    pub name: &'static str,
    pub kind: &'static str,
    pub default: &'static str,
    pub help: &'static str,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PermissionView {
    pub name: &'static str,
    pub reads: &'static str,
    pub grant: &'static str,
}

/// Every connector, in the order in which people meet them: those of `connectors`, and those that
/// have a crate of their own for what they bring along.
pub fn descriptors() -> impl Iterator<Item = &'static Descriptor> {
    CONNECTORS.iter().copied().chain([&connector_aws::DESCRIPTOR])
}

pub fn descriptor(id: &str) -> Option<&'static Descriptor> {
    descriptors().find(|descriptor| descriptor.id == id)
}

pub fn connectors() -> Vec<ConnectorView> {
    descriptors().map(view).collect()
}

fn view(descriptor: &Descriptor) -> ConnectorView {
    let settings = descriptor.settings.iter().map(|setting| SettingView {
        name: setting.name,
        kind: kind_name(setting.kind),
        default: setting.default,
        help: setting.help,
    });
    let permissions = descriptor.permissions.iter().map(|permission| PermissionView {
        name: permission.name,
        reads: permission.reads,
        grant: permission.grant,
    });
    ConnectorView {
        id: descriptor.id,
        title: descriptor.title,
        summary: descriptor.summary,
        local_only: reads_machine(descriptor),
        settings: settings.collect(),
        permissions: permissions.collect(),
    }
}

/// Whether a connector reads files of this machine. One that takes paths does, also where none are
/// set: its default is then the machine itself.
fn reads_machine(descriptor: &Descriptor) -> bool {
    let is_path = |kind| matches!(kind, SettingKind::Path | SettingKind::Paths);
    descriptor.settings.iter().any(|setting| is_path(setting.kind))
}

/// What this process reads of its machine is said by who owns the data folder, on the machine:
/// no token, whatever its role, and no session that can be one of another machine, must make it
/// read more.
fn only_locally(
    app: &App,
    actor: &Actor,
    descriptor: &Descriptor,
    what: &str,
    command: &str,
) -> Result<()> {
    let is_local = match actor.via {
        Via::Local { .. } | Via::Schedule => true,
        Via::Session { .. } => app.trusts_sessions,
        Via::Token { .. } => false,
    };
    if is_local || !reads_machine(descriptor) {
        return Ok(());
    }
    let id = descriptor.id;
    Err(Error::new(
        Kind::Forbidden,
        "local-only",
        format!(
            "`{id}` reads files of the machine Tutela runs on, so {what} on that machine itself"
        ),
    )
    .hint(format!("run `{command}` there, as the person who owns the data folder")))
}

/// Refuses to read a source for somebody who is not on the machine where reading it is switched off
/// there.
pub fn may_read(app: &App, actor: &Actor, id: SourceId) -> Result<SourceView> {
    let view = get(app, actor, id)?;
    if let (false, Some(descriptor)) = (view.source.enabled, descriptor(&view.source.connector)) {
        let command = format!("tutela source sync {id}");
        only_locally(app, actor, descriptor, "one that is switched off is read", &command)?;
    }
    Ok(view)
}

const fn kind_name(kind: SettingKind) -> &'static str {
    match kind {
        SettingKind::Text => "text",
        SettingKind::Path => "path",
        SettingKind::Paths => "paths",
        SettingKind::List => "list",
        SettingKind::Truth => "truth",
        SettingKind::Number => "number",
    }
}

/// A source with what is going on.
#[derive(Debug, Clone, Serialize)]
pub struct SourceView {
    #[serde(flatten)]
    pub source: Source,
    pub title: String,
    pub running: bool,
    /// It is not read at once again before this: reading it was cut off twice.
    pub held_until: Option<Time>,
    pub permissions: Vec<PermissionView>,
}

pub fn list(app: &App, actor: &Actor) -> Result<Vec<SourceView>> {
    actor.may(Act::Look)?;
    Ok(app.store.sources()?.into_iter().map(|source| source_view(app, source)).collect())
}

pub fn get(app: &App, actor: &Actor, id: SourceId) -> Result<SourceView> {
    actor.may(Act::Look)?;
    let source = app.store.source(id)?.ok_or_else(|| Error::not_found("source", id))?;
    Ok(source_view(app, source))
}

fn source_view(app: &App, source: Source) -> SourceView {
    let descriptor = descriptor(&source.connector).map(view);
    SourceView {
        running: app.syncs.is_running(source.id),
        held_until: crate::sync::held_until(&source),
        title: descriptor
            .as_ref()
            .map_or_else(|| source.connector.clone(), |view| view.title.into()),
        permissions: descriptor.map(|view| view.permissions).unwrap_or_default(),
        source,
    }
}

pub fn add(app: &App, actor: &Actor, request: &SourceRequest, now: Time) -> Result<SourceView> {
    let detail = json!({ "add": request });
    acting(app, actor, Act::ManageSources, &request.connector, detail, now, || {
        let descriptor = descriptor(&request.connector).ok_or_else(|| {
            let known: Vec<&str> = descriptors().map(|descriptor| descriptor.id).collect();
            Error::invalid(
                "unknown-connector",
                format!(
                    "there is no connector `{}`; there are {}",
                    request.connector,
                    known.join(", ")
                ),
            )
        })?;
        let command = format!("tutela source add {}", descriptor.id);
        only_locally(app, actor, descriptor, "it is added", &command)?;
        schedule(request.every_s)?;
        check(descriptor, &request.settings)?;
        let name = request.name.clone().unwrap_or_else(|| descriptor.title.into());
        named(&name)?;
        let new = NewSource {
            connector: descriptor.id.into(),
            name,
            settings: serde_json::to_string(&request.settings).map_err(Error::internal)?,
            every_s: request.every_s,
        };
        Ok(source_view(app, app.store.add_source(&new, now)?))
    })
}

/// What is to change of a source; what is none stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct SourceChange {
    pub name: Option<String>,
    #[schemars(with = "Option<std::collections::BTreeMap<String, Vec<String>>>")]
    pub settings: Option<Settings>,
    /// 0 for only by hand.
    pub every_s: Option<u32>,
    pub enabled: Option<bool>,
}

pub fn change(
    app: &App,
    actor: &Actor,
    id: SourceId,
    change: &SourceChange,
    now: Time,
) -> Result<SourceView> {
    acting(
        app,
        actor,
        Act::ManageSources,
        &id.to_string(),
        json!({ "change": change }),
        now,
        || {
            let source = app.store.source(id)?.ok_or_else(|| Error::not_found("source", id))?;
            let descriptor = descriptor(&source.connector)
                .ok_or_else(|| Error::not_found("connector", &source.connector))?;
            schedule(change.every_s.filter(|every_s| *every_s > 0))?;
            if let Some(settings) = &change.settings {
                // What is left out falls back to a default, which may be the whole machine; what is
                // excluded may be the reason why the source is here at all.
                if serde_json::from_str::<Settings>(&source.settings).ok().as_ref()
                    != Some(settings)
                {
                    let command = format!("tutela source change {id} --set NAME=VALUE");
                    only_locally(app, actor, descriptor, "its settings are changed", &command)?;
                }
                check(descriptor, settings)?;
            }
            if change.enabled == Some(true) && !source.enabled {
                let command = format!("tutela source change {id} --enable");
                only_locally(app, actor, descriptor, "it is switched on", &command)?;
            }
            if let Some(name) = &change.name {
                named(name)?;
            }
            let settings = change.settings.as_ref().map(serde_json::to_string).transpose();
            let change = store::SourceChange {
                name: change.name.clone(),
                settings: settings.map_err(Error::internal)?,
                every_s: change.every_s,
                enabled: change.enabled,
            };
            app.store.change_source(id, &change)?;
            get(app, actor, id)
        },
    )
}

/// Ends every claim of the source; its history stays.
pub fn remove(app: &App, actor: &Actor, id: SourceId, now: Time) -> Result<SyncSummary> {
    acting(app, actor, Act::ManageSources, &id.to_string(), json!({ "remove": true }), now, || {
        if app.syncs.is_running(id) {
            return Err(Error::new(
                Kind::Conflict,
                "already-running",
                "a sync of this source is running",
            ));
        }
        let summary = app.store.remove_source(id, now)?;
        crate::estate::refresh(app, now)?;
        app.warm()?;
        Ok(summary)
    })
}

/// The sources of a fresh installation: this host, its homes, and one folder.
pub fn add_defaults(app: &App, actor: &Actor, folder: &str, every_s: u32, now: Time) -> Result<()> {
    if !app.store.sources()?.is_empty() {
        return Ok(());
    }
    for id in ["host", "homes"] {
        let request = SourceRequest {
            connector: id.into(),
            name: None,
            settings: Settings::default(),
            every_s: Some(every_s),
        };
        add(app, actor, &request, now)?;
    }
    add_folder(app, actor, folder, every_s, now)
}

/// Adds a source for a folder that somebody named, unless one reads it already.
pub fn add_folder(app: &App, actor: &Actor, folder: &str, every_s: u32, now: Time) -> Result<()> {
    for source in app.store.sources()? {
        let settings: Settings = serde_json::from_str(&source.settings).unwrap_or_default();
        if source.connector == "repository"
            && settings.list("paths").iter().any(|path| path == folder)
        {
            return Ok(());
        }
    }
    let request = SourceRequest {
        connector: "repository".into(),
        name: Some(folder.chars().take(MAX_NAME_CHARS).collect()),
        settings: Settings::default().with("paths", [folder]),
        every_s: Some(every_s),
    };
    add(app, actor, &request, now).map(drop)
}

fn check(descriptor: &Descriptor, settings: &Settings) -> Result<()> {
    for name in settings.0.keys() {
        let Some(setting) = descriptor.settings.iter().find(|setting| setting.name == name) else {
            let known: Vec<&str> = descriptor.settings.iter().map(|setting| setting.name).collect();
            return Err(Error::invalid(
                "unknown-setting",
                format!("`{}` has no setting `{name}`; it has {}", descriptor.id, known.join(", ")),
            ));
        };
        if setting.kind == SettingKind::Number && settings.number(name).is_none() {
            return Err(Error::invalid("bad-setting", format!("`{name}` is a number")));
        }
        if setting.kind == SettingKind::Truth && settings.truth(name).is_none() {
            return Err(Error::invalid("bad-setting", format!("`{name}` is true or false")));
        }
    }
    Ok(())
}

fn schedule(every_s: Option<u32>) -> Result<()> {
    match every_s {
        Some(every_s) if every_s < MIN_EVERY_S => Err(Error::invalid(
            "every",
            format!("a source is synced every {MIN_EVERY_S} seconds or less often"),
        )),
        _ => Ok(()),
    }
}

fn named(name: &str) -> Result<()> {
    let n_chars = name.trim().chars().count();
    if (1..=MAX_NAME_CHARS).contains(&n_chars) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid("name", "a name is 1 to 100 characters without control characters"))
}
