//! Configuration of AI agents and of the MCP servers they start or call, wherever it lies: in a
//! home folder or in a project.
//!
//! Shared by `homes` and `repository`. [`FILES`] is the table of known files; [`read`] turns the
//! bytes of one into records. Nothing is started, called or resolved: of variables and headers the
//! names are kept, of secret values the fingerprint, of arguments only the package they name.

use model::{Batch, Gap};

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
pub fn read(_file: &AgentFile, _bytes: &[u8], _at: At<'_>) -> (Batch, Vec<Gap>) {
    (Batch::default(), Vec::new())
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
