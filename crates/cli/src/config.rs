//! Where things are: the only place that reads the environment, and the configuration file.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use app::Actor;
use serde::Deserialize;

/// A configuration file larger than this is refused.
const MAX_BYTES: u64 = 1 << 20;

/// The configuration file, TOML; every key is optional. `packaging/tutela.toml` explains each.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) data: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    /// Names the server answers to beside its loopback address.
    pub(crate) hosts: Vec<String>,
    pub(crate) allow_remote: bool,
    /// Whether `hosts` are reached over TLS, by a proxy: then cookies are `Secure`.
    pub(crate) https: bool,
    /// Whether administrators may add sources of this machine in the console; without a word, where
    /// only browsers of this machine reach it.
    pub(crate) sources_from_console: Option<bool>,
    /// Seconds between two syncs of a source that says nothing else.
    pub(crate) sync_every_s: Option<u32>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read here and handed in everywhere else"
)]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn home() -> Option<PathBuf> {
    variable("HOME")
}

/// `$XDG_DATA_HOME/tutela`, or `~/.local/share/tutela`; `/var/lib/tutela` without a home.
pub(crate) fn default_data_folder() -> PathBuf {
    variable("XDG_DATA_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| home().map(|home| home.join(".local/share")))
        .map_or_else(|| PathBuf::from("/var/lib/tutela"), |folder| folder.join("tutela"))
}

/// Where the demo estate goes when no folder is named.
pub(crate) fn demo_folder() -> PathBuf {
    default_data_folder().with_file_name("tutela-demo")
}

fn default_config_file() -> Option<PathBuf> {
    let folder = variable("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| home().map(|home| home.join(".config")))?;
    Some(folder.join("tutela/tutela.toml"))
}

/// The configuration file that was named, or the one of this person when there is one.
pub(crate) fn load(named: Option<&Path>) -> anyhow::Result<Config> {
    let (path, must_exist) = match named {
        Some(path) => (path.to_owned(), true),
        None => match default_config_file() {
            Some(path) => (path, false),
            None => return Ok(Config::default()),
        },
    };
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
            return Ok(Config::default());
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("opening the configuration file `{}`", path.display()));
        }
    };
    let stat = rustix::fs::fstat(&file)?;
    let mine = rustix::process::geteuid().as_raw();
    if stat.st_uid != 0 && stat.st_uid != mine || stat.st_mode & 0o022 != 0 {
        bail!(
            "the configuration file `{}` must belong to root or you and be writable by its owner only",
            path.display()
        );
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(file, MAX_BYTES), &mut text)
        .with_context(|| format!("reading the configuration file `{}`", path.display()))?;
    toml::from_str(&text)
        .with_context(|| format!("reading the configuration file `{}`", path.display()))
}

/// The data folder: asked for, else configured, else the default one.
pub(crate) fn data_folder(asked: Option<&Path>, config: &Config) -> anyhow::Result<PathBuf> {
    let folder = asked
        .map(Path::to_owned)
        .or_else(|| config.data.clone())
        .unwrap_or_else(default_data_folder);
    std::path::absolute(&folder).with_context(|| format!("the data folder `{}`", folder.display()))
}

/// Whether standard error is the journal (systemd.exec(5), `$JOURNAL_STREAM`).
pub(crate) fn is_logged() -> bool {
    variable("JOURNAL_STREAM").is_some()
}

/// `$TUTELA_LOG`, such as `info` or `store=debug`; warnings and errors without it.
pub(crate) fn log_filter() -> String {
    variable("TUTELA_LOG")
        .and_then(|filter| filter.into_os_string().into_string().ok())
        .unwrap_or_else(|| "warn".into())
}

/// `$TUTELA_TOKEN`.
pub(crate) fn token() -> Option<String> {
    variable("TUTELA_TOKEN")?.into_os_string().into_string().ok()
}

/// The person at this terminal, who owns the data folder.
pub(crate) fn me() -> Actor {
    let uid = rustix::process::geteuid().as_raw();
    let name = variable("USER").and_then(|name| name.into_os_string().into_string().ok());
    Actor::local(uid, name.unwrap_or_else(|| format!("uid {uid}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commented file with its comments taken off is a configuration with every key.
    #[test]
    fn the_packaged_file_has_every_key() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/tutela.toml");
        let text = std::fs::read_to_string(file).unwrap();
        let settings = text.lines().filter_map(|line| {
            let setting = line.strip_prefix("# ")?;
            setting.split_once(" = ").filter(|(key, _)| !key.contains(' ')).map(|_| setting)
        });
        let settings = settings.collect::<Vec<_>>().join("\n");
        let Config { data, listen, hosts, allow_remote, https, sources_from_console, sync_every_s } =
            toml::from_str(&settings).unwrap();
        assert!(data.is_some() && listen.is_some() && sync_every_s.is_some() && !hosts.is_empty());
        assert!(!allow_remote && !https && sources_from_console == Some(true));
        assert_eq!(settings.lines().count(), 7, "a key that is documented is a key that is there");
    }
}
