//! One MCP server of one agent's configuration.

use model::{Fact, Facts, IdentityId, Secret, Subject, Value, kinds};

use super::launch::{self, Launch};
use super::{Configured, is_word};
use crate::address::Address;
use crate::document::Node;
use crate::dossier::{Dossier, Held, has_shape, reference, tells_secret};

/// A variable, header or argument that carries something to the server.
struct Carried {
    /// `env GITHUB_TOKEN`, `header Authorization`, `argument --api-key`, `url api_key`.
    pointer: String,
    name: String,
    value: Secret<String>,
    line: u32,
}

pub(super) fn read(server: &Configured<'_>, agent: IdentityId, dossier: &mut Dossier<'_>) {
    let node = server.node;
    let line = node.line;
    if node.text_of("type").is_some_and(|kind| matches!(kind, "builtin" | "platform" | "frontend"))
    {
        // goose's own tools run inside the agent: no server of their own.
        return;
    }
    let (command, arguments) = command_line(node);
    let launch = command.as_ref().map(|command| launch::read(command, &arguments));
    let url = ["url", "serverUrl", "httpUrl", "uri"].iter().find_map(|key| node.text_of(key));
    let url = url.or_else(|| node.at(&["transport", "url"]).and_then(Node::text));
    let url = url.or_else(|| launch.as_ref()?.url.as_deref());
    let address = url.and_then(Address::parse);

    let native_id = match (&address, &launch) {
        (Some(address), _) => address.public.clone(),
        (None, Some(launch)) => launch.native_id().unwrap_or_else(|| {
            let local = dossier.local_id(&server.pointer);
            format!("{} {}:{local}", launch.command, dossier.at.machine)
        }),
        // Zed installs extensions by name, opencode enables servers by name.
        (None, None) => {
            format!("{}:{}", dossier.at.machine, dossier.local_id(&server.pointer))
        }
    };
    let mut identity = dossier.identity(kinds::MCP_SERVER, "mcp", "", native_id, line);
    identity.name.clone_from(&server.name);
    identity.parent = Some(agent);
    // A bridge is how this client reaches the server, and says nothing of the server itself.
    let bridge = launch.as_ref().filter(|launch| launch.url.is_some() && address.is_some());
    let transport = match (&address, &launch) {
        (Some(address), _) => node
            .text_of("type")
            .filter(|word| is_word(word))
            .unwrap_or(if address.public.ends_with("/sse") { "sse" } else { "http" }),
        (_, Some(_)) => "stdio",
        (None, None) if url.is_some() => "http",
        (None, None) => "unknown",
    };
    identity.fact("transport", Fact::known(transport));
    if let Some(address) = &address {
        identity.fact("url", Fact::known(address.public.as_str()));
        identity.fact(
            "encrypted_transport",
            Fact::known(matches!(address.scheme.as_str(), "https" | "wss")),
        );
    } else if url.is_some() {
        identity.fact(
            "url",
            Fact::not_collected("not an address that can be read without its variables"),
        );
    }
    let mut started = Facts::new();
    if let Some(launch) = &launch {
        program(launch, &mut started);
    }
    if bridge.is_none() {
        identity.facts.extend(started.clone());
    }
    let id = dossier.add(identity);

    let carried = carried(node, &arguments, launch.as_ref(), address.as_ref());
    let from = Subject::Identity { identity: agent };
    if let Some(trust) = dossier.trust("mcp-client", from, id, &server.pointer, line) {
        trust.facts.insert("server_name".into(), Fact::known(server.name.as_str()));
        // What this client starts: another one may start another version.
        for name in ["package_version", "pinned"] {
            if let Some(fact) = started.get(name) {
                trust.facts.insert(name.into(), fact.clone());
            }
        }
        if let Some(package) = bridge.and_then(|bridge| bridge.package.as_ref()) {
            trust.facts.insert("bridge".into(), Fact::known(package.name.as_str()));
        }
        for (kind, name) in [("env ", "env_names"), ("header ", "header_names")] {
            let mut names: Vec<String> = carried
                .iter()
                .filter(|carried| carried.pointer.starts_with(kind))
                .map(|carried| carried.name.clone())
                .collect();
            names.extend(handed_on(node).into_iter().filter(|_| kind == "env "));
            names.sort();
            names.dedup();
            if !names.is_empty() {
                trust.facts.insert(name.into(), Fact::known(names));
            }
        }
        if let Some(is_disabled) = is_disabled(node) {
            trust.facts.insert("disabled".into(), Fact::known(is_disabled));
        }
        if let Some(tools) = approved(node) {
            trust.facts.insert("approved_tools".into(), Fact::known(tools));
        }
        if let Some(file) = node.text_of("envFile").or_else(|| node.text_of("env_file")) {
            let name = file.rsplit('/').next().unwrap_or(file);
            trust.facts.insert("env_file".into(), Fact::known(name));
        }
    }
    let mut references: Vec<String> = Vec::new();
    for Carried { pointer, name, value, line } in carried {
        let pointer = format!("{} {pointer}", server.pointer);
        if let Some(variable) = reference(bare(value.reveal())) {
            references.push(variable.to_owned());
            continue;
        }
        // What an address hides and a telling name names is secret; else its shape must say so.
        let is_told = pointer.contains(" url ") || tells_secret(&name);
        let shaped = credentials::classify(Some(&name), bare(value.reveal()));
        if !is_told && !shaped.as_ref().is_some_and(has_shape) {
            continue;
        }
        let held = Held::new(kinds::API_TOKEN, "unknown", pointer.clone(), &name, line);
        let proves =
            dossier.secret(&held, bare(value.reveal())).and_then(|credential| credential.identity);
        dossier.holds(id, proves, &pointer, line);
    }
    references.sort();
    references.dedup();
    if !references.is_empty()
        && let Some(trust) =
            dossier.batch.trusts.iter_mut().rev().find(|trust| trust.mechanism == "mcp-client")
    {
        trust.facts.insert("secret_references".into(), Fact::known(Value::List(references)));
    }
}

fn program(launch: &Launch, facts: &mut Facts) {
    let mut say = |name: &'static str, fact: Fact<Value>| {
        facts.insert(name.into(), fact);
    };
    say("command", Fact::known(launch.command.as_str()));
    let Some(package) = &launch.package else { return };
    say("package", Fact::known(package.name.as_str()));
    say("ecosystem", Fact::known(package.ecosystem));
    say(
        "package_version",
        match package.version.as_deref() {
            Some(version) => Fact::known(version),
            None => Fact::absent(),
        },
    );
    say("pinned", Fact::known(package.pinned));
}

/// The program and its arguments, in any of the clients' ways to write them.
fn command_line(node: &Node) -> (Option<String>, Vec<String>) {
    let texts = |node: &Node| -> Vec<String> {
        node.items().iter().filter_map(Node::scalar).map(str::to_owned).collect()
    };
    let arguments = node.get("args").or_else(|| node.get("arguments")).map_or_else(Vec::new, texts);
    let Some(command) = node
        .get("command")
        .or_else(|| node.get("cmd"))
        .or_else(|| node.at(&["transport", "command"]))
    else {
        return (None, arguments);
    };
    if let Some(command) = command.text() {
        return (Some(command.to_owned()), arguments);
    }
    if command.is_map() {
        // Zed: `"command": {"path": …, "args": […]}`.
        let arguments = command.get("args").map_or(arguments, texts);
        return (command.text_of("path").map(str::to_owned), arguments);
    }
    let mut words = texts(command).into_iter();
    (words.next(), words.chain(arguments).collect())
}

/// Variables that are handed on without a value: goose's `env_keys`.
fn handed_on(node: &Node) -> Vec<String> {
    let names = node.items_of("env_keys").iter().filter_map(Node::text);
    names.filter(|name| is_word(name)).map(str::to_owned).collect()
}

fn is_disabled(node: &Node) -> Option<bool> {
    node.truth_of("disabled").or_else(|| node.truth_of("enabled").map(|enabled| !enabled))
}

/// Tools that the client lets the server run without asking.
fn approved(node: &Node) -> Option<Vec<String>> {
    let tools = ["alwaysAllow", "autoApprove", "autoallow"].iter().find_map(|key| node.get(key))?;
    let mut names: Vec<String> = tools
        .items()
        .iter()
        .filter_map(Node::text)
        .filter(|name| is_word(name))
        .map(str::to_owned)
        .collect();
    names.sort();
    (!names.is_empty()).then_some(names)
}

/// Everything that carries something to the server; what of it is secret is decided by name and
/// shape.
fn carried(
    node: &Node,
    arguments: &[String],
    launch: Option<&Launch>,
    address: Option<&Address>,
) -> Vec<Carried> {
    let mut all = Vec::new();
    let command = node.get("command").filter(|command| command.is_map());
    for (holder, keys) in
        [(Some(node), &["env", "envs", "environment"][..]), (command, &["env"][..])]
    {
        for (name, value) in
            keys.iter().flat_map(|key| holder.map_or(&[][..], |node| node.pairs_of(key)))
        {
            let text = value.scalar().unwrap_or_default();
            all.push(carry("env", name, text, value.line));
        }
    }
    for (name, value) in launch.iter().flat_map(|launch| &launch.variables) {
        all.push(carry("env", name, value, node.line));
    }
    for holder in [Some(node), node.get("requestInit"), node.at(&["transport", "requestOptions"])]
        .into_iter()
        .flatten()
    {
        for (name, value) in ["headers", "http_headers"].iter().flat_map(|key| holder.pairs_of(key))
        {
            all.push(carry("header", name, value.scalar().unwrap_or_default(), value.line));
        }
    }
    if let Some(token) = node.get("bearer_token").or_else(|| node.get("authToken")) {
        all.push(carry("header", "Authorization", token.scalar().unwrap_or_default(), token.line));
    }
    if let Some(address) = address {
        if let Some(password) = &address.password {
            all.push(carry("url", "password", password, node.line));
        }
        for (name, value) in &address.hidden {
            all.push(carry("url", name, value, node.line));
        }
    }
    all.retain(|carried| is_word(&carried.name));
    all.extend(secret_arguments(arguments, node.line));
    all
}

fn carry(kind: &str, name: &str, value: &str, line: u32) -> Carried {
    Carried {
        pointer: format!("{kind} {name}"),
        name: name.to_owned(),
        value: Secret::new(value.to_owned()),
        line,
    }
}

/// Arguments that are secret by their own shape, or that a telling option or header precedes: `--api-key X`, `--token=X`,
/// `--header "Authorization: Bearer X"`.
fn secret_arguments(arguments: &[String], line: u32) -> Vec<Carried> {
    let mut found = Vec::new();
    let mut previous = "";
    for (n, argument) in arguments.iter().enumerate() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with('-') => (name, value),
            _ => (previous, argument.as_str()),
        };
        previous = if argument.starts_with('-') { argument } else { "" };
        if let Some((header, value)) =
            value.split_once(':').filter(|_| matches!(name, "--header" | "-H"))
        {
            if tells_secret(header) || header.to_lowercase().contains("key") {
                found.push(carry("argument --header", header.trim(), value.trim(), line));
            }
        } else if name.starts_with('-')
            && tells_secret(name)
            && is_word(name)
            && !value.starts_with('-')
        {
            let name = name.trim_start_matches('-');
            found.push(carry("argument", name, value, line));
        } else if credentials::classify(None, value).as_ref().is_some_and(has_shape) {
            // An address with a password, a token by its own shape.
            found.push(carry("argument", &(n + 1).to_string(), value, line));
        }
    }
    found.retain(|carried| is_word(&carried.name));
    found
}

/// The secret of a header's value, without the scheme before it.
fn bare(value: &str) -> &str {
    let value = value.trim();
    ["Bearer ", "bearer ", "Token ", "token ", "Basic "]
        .iter()
        .find_map(|scheme| value.strip_prefix(scheme))
        .unwrap_or(value)
        .trim()
}
