//! Configuration of AI agents and of the MCP servers they start or call, wherever it lies: in a
//! home folder or in a project.
//!
//! Shared by `homes` and `repository`. [`FILES`] is the table of known files; [`read`] turns the
//! bytes of one into records. Nothing is started, called or resolved: of variables and headers the
//! names are kept, of secret values the fingerprint, of arguments only the package they name.

mod launch;
mod server;

use model::{Batch, Fact, Gap, Identity, IdentityId, Secret, kinds};

use crate::address::looks_random;
use crate::document::{self, Node, Syntax};
use crate::dossier::{Dossier, Held, tells_secret};
use crate::material::At;

/// One file in which a client keeps its agent or MCP settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentFile {
    pub base: Base,
    /// Relative to the base, `/`-separated; `*` stands for one or more characters of one component.
    pub path: &'static str,
    /// The system of the agent's identity: `claude-code`, `cursor` …
    pub client: &'static str,
    /// The client's name for people.
    pub title: &'static str,
    pub format: Format,
    /// Where its MCP servers stand: keys separated by `/`, `*` for any key. Empty: none in this file.
    pub servers: &'static [&'static str],
}

/// What an [`AgentFile::path`] is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    Home,
    Project,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, with the comments and trailing commas that editors allow.
    Json,
    Toml,
    Yaml,
}

const fn home(
    path: &'static str,
    client: &'static str,
    title: &'static str,
    format: Format,
    servers: &'static [&'static str],
) -> AgentFile {
    AgentFile { base: Base::Home, path, client, title, format, servers }
}

const fn project(
    path: &'static str,
    client: &'static str,
    title: &'static str,
    format: Format,
    servers: &'static [&'static str],
) -> AgentFile {
    AgentFile { base: Base::Project, path, client, title, format, servers }
}

/// The usual key.
const MCP: &[&str] = &["mcpServers"];
/// VS Code's own file, and its settings.
const VS_CODE: &[&str] = &["servers", "mcpServers"];
const VS_CODE_SETTINGS: &[&str] = &["mcp/servers", "mcp.servers"];
const OPENCODE: &[&str] = &["mcp"];
const CONTINUE: &[&str] = &["mcpServers", "experimental/modelContextProtocolServers"];

use Format::{Json, Toml, Yaml};

/// Every known file. Paths of macOS and Windows are here because a mounted image or a shared home
/// may hold them.
#[rustfmt::skip]
pub const FILES: &[AgentFile] = &[
    home(".config/Claude/claude_desktop_config.json", "claude-desktop", "Claude Desktop", Json, MCP),
    home("Library/Application Support/Claude/claude_desktop_config.json", "claude-desktop", "Claude Desktop", Json, MCP),
    home("AppData/Roaming/Claude/claude_desktop_config.json", "claude-desktop", "Claude Desktop", Json, MCP),
    home(".claude.json", "claude-code", "Claude Code", Json, &["mcpServers", "projects/*/mcpServers"]),
    home(".claude/settings.json", "claude-code", "Claude Code", Json, MCP),
    home(".claude/settings.local.json", "claude-code", "Claude Code", Json, MCP),
    home(".cursor/mcp.json", "cursor", "Cursor", Json, MCP),
    home(".codeium/windsurf/mcp_config.json", "windsurf", "Windsurf", Json, MCP),
    home(".windsurf/mcp.json", "windsurf", "Windsurf", Json, MCP),
    home(".config/Code*/User/mcp.json", "vscode", "Visual Studio Code", Json, VS_CODE),
    home(".config/Code*/User/settings.json", "vscode", "Visual Studio Code", Json, VS_CODE_SETTINGS),
    home(".config/Code*/User/profiles/*/mcp.json", "vscode", "Visual Studio Code", Json, VS_CODE),
    home(".config/VSCodium/User/mcp.json", "vscode", "VSCodium", Json, VS_CODE),
    home(".vscode-server*/data/User/mcp.json", "vscode", "Visual Studio Code", Json, VS_CODE),
    home(".vscode-server*/data/Machine/settings.json", "vscode", "Visual Studio Code", Json, VS_CODE_SETTINGS),
    home(".vscode/mcp.json", "vscode", "Visual Studio Code", Json, VS_CODE),
    home("Library/Application Support/Code/User/mcp.json", "vscode", "Visual Studio Code", Json, VS_CODE),
    home("AppData/Roaming/Code/User/mcp.json", "vscode", "Visual Studio Code", Json, VS_CODE),
    home(".config/*/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json", "cline", "Cline", Json, MCP),
    home(".vscode-server*/data/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json", "cline", "Cline", Json, MCP),
    home(".config/*/User/globalStorage/rooveterinaryinc.roo-cline/settings/*mcp_settings.json", "roo-code", "Roo Code", Json, MCP),
    home(".vscode-server*/data/User/globalStorage/rooveterinaryinc.roo-cline/settings/*mcp_settings.json", "roo-code", "Roo Code", Json, MCP),
    home(".config/*/User/globalStorage/kilocode.kilo-code/settings/mcp_settings.json", "kilo-code", "Kilo Code", Json, MCP),
    home(".codex/config.toml", "codex", "Codex", Toml, &["mcp_servers"]),
    home(".gemini/settings.json", "gemini-cli", "Gemini CLI", Json, MCP),
    home(".qwen/settings.json", "qwen-code", "Qwen Code", Json, MCP),
    home(".config/goose/config.yaml", "goose", "Goose", Yaml, &["extensions"]),
    home(".continue/config.json", "continue", "Continue", Json, CONTINUE),
    home(".continue/config.yaml", "continue", "Continue", Yaml, CONTINUE),
    home(".continue/mcpServers/*.yaml", "continue", "Continue", Yaml, CONTINUE),
    home(".config/zed/settings.json", "zed", "Zed", Json, &["context_servers"]),
    home(".copilot/mcp-config.json", "copilot-cli", "GitHub Copilot CLI", Json, MCP),
    home(".config/github-copilot/intellij/mcp.json", "copilot-jetbrains", "GitHub Copilot for JetBrains", Json, VS_CODE),
    home(".junie/mcp/mcp.json", "junie", "JetBrains Junie", Json, MCP),
    home(".snowflake/cortex/mcp.json", "snowflake-cortex", "Snowflake Cortex", Json, MCP),
    home(".aws/amazonq/mcp.json", "amazon-q", "Amazon Q Developer", Json, MCP),
    home(".kiro/settings/mcp.json", "kiro", "Kiro", Json, MCP),
    home(".lmstudio/mcp.json", "lm-studio", "LM Studio", Json, MCP),
    home(".config/opencode/opencode.json", "opencode", "opencode", Json, OPENCODE),
    home(".config/crush/crush.json", "crush", "Crush", Json, OPENCODE),
    home(".config/amp/settings.json", "amp", "Amp", Json, &["amp.mcpServers"]),
    home(".aider.conf.yml", "aider", "Aider", Yaml, &[]),

    project(".mcp.json", "claude-code", "Claude Code", Json, MCP),
    project("mcp.json", "mcp", "MCP client", Json, VS_CODE),
    project(".claude/settings.json", "claude-code", "Claude Code", Json, MCP),
    project(".claude/settings.local.json", "claude-code", "Claude Code", Json, MCP),
    project(".vscode/mcp.json", "vscode", "Visual Studio Code", Json, VS_CODE),
    project(".vscode/settings.json", "vscode", "Visual Studio Code", Json, VS_CODE_SETTINGS),
    project(".cursor/mcp.json", "cursor", "Cursor", Json, MCP),
    project(".windsurf/mcp.json", "windsurf", "Windsurf", Json, MCP),
    project(".roo/mcp.json", "roo-code", "Roo Code", Json, MCP),
    project(".kilocode/mcp.json", "kilo-code", "Kilo Code", Json, MCP),
    project(".codex/config.toml", "codex", "Codex", Toml, &["mcp_servers"]),
    project(".gemini/settings.json", "gemini-cli", "Gemini CLI", Json, MCP),
    project(".qwen/settings.json", "qwen-code", "Qwen Code", Json, MCP),
    project(".zed/settings.json", "zed", "Zed", Json, &["context_servers"]),
    project(".junie/mcp/mcp.json", "junie", "JetBrains Junie", Json, MCP),
    project(".amazonq/mcp.json", "amazon-q", "Amazon Q Developer", Json, MCP),
    project(".kiro/settings/mcp.json", "kiro", "Kiro", Json, MCP),
    project(".continue/mcpServers/*.yaml", "continue", "Continue", Yaml, CONTINUE),
    project("opencode.json", "opencode", "opencode", Json, OPENCODE),
    project(".aider.conf.yml", "aider", "Aider", Yaml, &[]),
    project(".devcontainer/devcontainer.json", "vscode", "Visual Studio Code", Json, &["customizations/vscode/mcp/servers"]),
    project(".devcontainer.json", "vscode", "Visual Studio Code", Json, &["customizations/vscode/mcp/servers"]),
];

/// The row for a path relative to a home or a project, if it is a known file.
///
/// A project's file may lie in any folder of a repository: give the path from the folder that
/// holds it (`web/.cursor/mcp.json` is asked as `.cursor/mcp.json`), or use [`project_file`].
pub fn file_at(base: Base, path: &str) -> Option<&'static AgentFile> {
    FILES.iter().find(|file| file.base == base && matches(file.path, path))
}

/// The row for a path anywhere in a repository: `web/.cursor/mcp.json` is `.cursor/mcp.json` of
/// the folder `web`.
pub fn project_file(path: &str) -> Option<&'static AgentFile> {
    let mut rest = path;
    loop {
        if let Some(file) = file_at(Base::Project, rest) {
            return Some(file);
        }
        (_, rest) = rest.split_once('/')?;
    }
}

/// Whether a path fits a pattern: component by component, `*` for any run of characters in one.
pub fn matches(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut components) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), components.next()) {
            (None, None) => return true,
            (Some(pattern), Some(component)) if component_matches(pattern, component) => {}
            _ => return false,
        }
    }
}

/// Whether one component fits one pattern component.
pub fn component_matches(pattern: &str, component: &str) -> bool {
    let Some((prefix, mut rest)) = pattern.split_once('*') else { return pattern == component };
    let Some(mut component) = component.strip_prefix(prefix) else { return false };
    while let Some((piece, after)) = rest.split_once('*') {
        let Some((_, left)) = component.split_once(piece) else { return false };
        (component, rest) = (left, after);
    }
    component.ends_with(rest)
}

/// The records of one agent file: the agent (`ai-agent`), its MCP servers (`mcp-server`), who may
/// call what (trusts `mcp-client`), the secrets in it and what holds them (trusts
/// `holds-credential`); and what of it was not understood.
///
/// `at.place` is the file; adding the place itself, owners and coverage is the caller's part, and
/// so is settling. Any bytes are fine.
pub fn read(file: &AgentFile, bytes: &[u8], at: At<'_>) -> (Batch, Vec<Gap>) {
    let mut dossier = Dossier::new(at);
    let syntax = match file.format {
        Json => Syntax::Json,
        Toml => Syntax::Toml,
        Yaml => Syntax::Yaml,
    };
    let document = document::text(bytes).and_then(|text| document::read(syntax, &text));
    match document {
        Ok(document) => config(file, &document, bytes, &mut dossier),
        Err(problem) => dossier.gaps.push(problem.gap(at.locus)),
    }
    dossier.finish()
}

fn config(file: &AgentFile, document: &Node, bytes: &[u8], dossier: &mut Dossier<'_>) {
    let mut servers = Vec::new();
    for path in file.servers {
        let keys: Vec<&str> = path.split('/').collect();
        server_maps(document, &keys, "", &mut servers);
    }
    servers.truncate(MAX_SERVERS);
    // An editor's settings make nobody an agent; a file that only agents have does.
    let is_shared = file.path.ends_with("settings.json") && file.servers != MCP
        || file.path.contains("devcontainer")
        || file.path == "mcp.json";
    if is_shared && servers.is_empty() {
        return;
    }
    let native_id = dossier.at.place.native_id.clone();
    let mut agent =
        dossier.identity(kinds::AI_AGENT, file.client, dossier.at.machine, native_id, 1);
    agent.name = format!("{} ({})", file.title, dossier.path());
    agent.fact("client", Fact::known(file.title));
    agent.fact("n_servers", Fact::known(i64::try_from(servers.len()).unwrap_or(i64::MAX)));
    permissions(document, &mut agent);
    let agent = dossier.add(agent);
    for server in &servers {
        server::read(server, agent, dossier);
    }
    keys(document, agent, dossier);
    dossier.sweep(bytes, Some(agent));
}

/// A file with more servers than this is read up to here.
const MAX_SERVERS: usize = 1_000;

/// One server as a file configures it.
struct Configured<'a> {
    name: String,
    /// The keys that lead to it, for people and for ids within the file.
    pointer: String,
    node: &'a Node,
}

/// Follows a path of keys, `*` for any, to the maps (or lists) of servers.
fn server_maps<'a>(
    node: &'a Node,
    keys: &[&str],
    pointer: &str,
    servers: &mut Vec<Configured<'a>>,
) {
    let below =
        |name: &str| if pointer.is_empty() { name.into() } else { format!("{pointer}.{name}") };
    let Some((key, rest)) = keys.split_first() else {
        for (name, server) in node.pairs().iter().filter(|(_, server)| server.is_map()) {
            servers.push(Configured { name: name.clone(), pointer: below(name), node: server });
        }
        for (n, server) in node.items().iter().filter(|server| server.is_map()).enumerate() {
            let name = server.text_of("name").map_or_else(|| n.to_string(), str::to_owned);
            servers.push(Configured { pointer: below(&name), name, node: server });
        }
        return;
    };
    if *key == "*" {
        for (name, inner) in node.pairs() {
            server_maps(inner, rest, &below(name), servers);
        }
    } else if let Some(inner) = node.get(key) {
        server_maps(inner, rest, &below(key), servers);
    }
}

/// What the agent may do without asking, as its settings say: names of tools, never their
/// arguments, which may hold anything.
fn permissions(document: &Node, agent: &mut Identity) {
    const MODES: &[(&[&str], &str)] = &[
        (&["permissions", "defaultMode"], "permission_mode"),
        (&["approval_policy"], "permission_mode"),
        (&["sandbox_mode"], "sandbox_mode"),
        (&["sandbox"], "sandbox_mode"),
        (&["GOOSE_MODE"], "permission_mode"),
    ];
    for (keys, name) in MODES {
        let word = document.at(keys).and_then(Node::text).filter(|word| is_word(word));
        if let Some(word) = word {
            agent.fact(name, Fact::known(word));
        }
    }
    for (key, name) in [("allow", "allowed_tools"), ("deny", "denied_tools")] {
        let rules = document.at(&["permissions", key]).map_or(&[][..], Node::items);
        let mut tools: Vec<String> = rules
            .iter()
            .filter_map(Node::text)
            .map(|rule| rule.split_once('(').map_or(rule, |(tool, _)| tool))
            .filter(|tool| is_word(tool))
            .map(str::to_owned)
            .collect();
        tools.sort();
        tools.dedup();
        if !tools.is_empty() {
            agent.fact(name, Fact::known(tools));
        }
    }
    let helper = document.text_of("apiKeyHelper");
    if helper.is_some() {
        agent.fact("credential_source", Fact::known("helper command (not run)"));
    }
}

/// A setting's word: nothing that could be a secret.
fn is_word(text: &str) -> bool {
    text.len() <= 80
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-*:.".contains(&byte))
        && !text.split(['_', '-', ':', '.']).any(looks_random)
}

/// Keys of model providers that stand in the agent's own settings: `apiKey` of a model, an `env`
/// of the agent, aider's `openai-api-key`.
fn keys(document: &Node, agent: IdentityId, dossier: &mut Dossier<'_>) {
    let mut found = Vec::new();
    document.texts(&mut |keys, node, value| {
        let in_server = keys.iter().any(|key| {
            matches!(
                *key,
                "mcpServers"
                    | "mcp_servers"
                    | "servers"
                    | "context_servers"
                    | "extensions"
                    | "mcp"
                    | "history"
                    | "amp.mcpServers"
                    | "modelContextProtocolServers"
            )
        });
        let Some(name) = keys.last().filter(|_| !in_server) else { return };
        if *name == "api-key" || *name == "set-env" {
            // Aider: `api-key: [provider=key]`.
            if let Some((provider, key)) = value.split_once('=') {
                found.push((
                    format!("{name} {provider}"),
                    provider.to_owned(),
                    key.to_owned(),
                    node.line,
                ));
                return;
            }
        }
        if tells_secret(name) && !value.contains(' ') && value.len() >= 8 {
            found.push((keys.join("."), (*name).to_owned(), value.to_owned(), node.line));
        }
    });
    for (pointer, name, value, line) in found {
        let value = Secret::new(value);
        let held = Held::new(kinds::API_TOKEN, "unknown", pointer.clone(), &name, line);
        let identity =
            dossier.secret(&held, value.reveal()).and_then(|credential| credential.identity);
        dossier.holds(agent, identity, &pointer, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known() {
        let check = |base, path: &str, client: Option<&str>| {
            assert_eq!(file_at(base, path).map(|file| file.client), client, "{path}");
        };
        check(Base::Home, ".cursor/mcp.json", Some("cursor"));
        check(Base::Home, ".config/Code/User/mcp.json", Some("vscode"));
        check(Base::Home, ".config/Code - Insiders/User/profiles/1f/mcp.json", Some("vscode"));
        check(Base::Home, ".config/Code/Backup/mcp.json", None);
        check(
            Base::Home,
            ".config/Cursor/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json",
            Some("roo-code"),
        );
        check(Base::Project, ".mcp.json", Some("claude-code"));
        check(Base::Home, ".mcp.json", None);
        assert_eq!(
            project_file("services/web/.cursor/mcp.json").map(|file| file.client),
            Some("cursor")
        );
        assert_eq!(project_file("services/web/package.json"), None);
    }
}
