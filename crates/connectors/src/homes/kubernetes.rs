//! kubeconfig: clusters, users and how each user proves itself. Exec plugins are named, not run.

use std::collections::BTreeMap;

use data_encoding::BASE64_MIME_PERMISSIVE as BASE64;
use model::{Authority, Fact, Identity, IdentityId, kinds};

use super::files::{File, program};
use crate::address::Address;
use crate::document::{Node, Syntax};
use crate::dossier::{Dossier, Held, is_loopback};

pub(super) fn config(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    // Other files lie beside it: only what says that it is a kubeconfig is one.
    let starts = file.bytes.get(..file.bytes.len().min(1 << 20)).unwrap_or_default();
    let is_config = memchr::memmem::find(starts, b"clusters").is_some()
        && memchr::memmem::find(starts, b"users").is_some();
    if !is_config {
        return;
    }
    let document = file.document(Syntax::Yaml, dossier);
    let contexts = Contexts::of(&document, dossier.at.machine);
    let mut n_bytes = 0;
    for (n, user) in document.items_of("users").iter().enumerate() {
        let name = user.scalar_of("name").map_or_else(|| n.to_string(), str::to_owned);
        let Some(proof) = user.get("user") else { continue };
        // A user of several clusters is a user of each; the first is where its credential is filed.
        let used = contexts.by_user.get(name.as_str());
        let mut clusters: Vec<&str> = used.into_iter().flatten().map(|it| it.1.as_str()).collect();
        clusters.sort_unstable();
        clusters.dedup();
        if clusters.is_empty() {
            // No context uses it.
            clusters.push(dossier.at.machine);
        }
        let account = proof.text_of("token").and_then(service_account);
        let mut first = None;
        for cluster in clusters {
            let used = used.map(Vec::as_slice).unwrap_or_default();
            let identity = identity(&name, account.as_deref(), proof, cluster, used, dossier);
            n_bytes += serde_json::to_string(&identity).map_or(0, |text| text.len());
            if n_bytes > MAX_IDENTITIES_BYTES {
                let most = MAX_IDENTITIES_BYTES >> 20;
                let detail = format!("users and contexts make more than {most} MiB of identities");
                return dossier.gap(model::GapReason::TooLarge, detail);
            }
            let id = dossier.add(identity);
            first.get_or_insert((id, cluster.to_owned()));
        }
        if let Some((id, cluster)) = first {
            proofs(&name, proof, id, &cluster, dossier);
        }
    }
    for cluster in document.items_of("clusters") {
        authority(cluster, dossier);
    }
}

/// Users of a file times their contexts make identities of at most this size; the rest is a gap.
const MAX_IDENTITIES_BYTES: usize = 32 << 20;

/// What the contexts pair: for each user its contexts' names and the addresses of their clusters.
struct Contexts<'d> {
    by_user: BTreeMap<&'d str, Vec<(Option<&'d str>, String)>>,
}

impl<'d> Contexts<'d> {
    fn of(document: &'d Node, machine: &str) -> Self {
        let mut servers: BTreeMap<&str, Option<(String, String)>> = BTreeMap::new();
        for cluster in document.items_of("clusters") {
            if let Some(name) = cluster.scalar_of("name") {
                servers.entry(name).or_insert_with(|| server_of(cluster));
            }
        }
        let mut by_user: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for pair in document.items_of("contexts") {
            let name = pair.scalar_of("name");
            let Some(context) = pair.get("context") else { continue };
            let Some(user) = context.scalar_of("user") else { continue };
            let Some(cluster) = context.scalar_of("cluster") else { continue };
            let address = match servers.get(cluster).and_then(Option::as_ref) {
                // A cluster of this machine, as kind and k3s make them.
                Some((server, host)) if is_loopback(host) => format!("{machine}:{server}"),
                Some((server, _)) => server.clone(),
                None => format!("{machine}:{cluster}"),
            };
            by_user.entry(user).or_default().push((name, address));
        }
        Self { by_user }
    }
}

/// The address to show, and its host.
fn server_of(cluster: &Node) -> Option<(String, String)> {
    let server = cluster.at(&["cluster", "server"])?.text()?;
    Address::parse(server).map(|address| (address.public, address.host))
}

fn identity(
    name: &str,
    account: Option<&str>,
    proof: &Node,
    cluster: &str,
    contexts: &[(Option<&str>, String)],
    dossier: &Dossier<'_>,
) -> Identity {
    let mut identity = match account {
        Some(account) => {
            dossier.identity(kinds::K8S_SERVICE_ACCOUNT, "kubernetes", cluster, account, proof.line)
        }
        None => dossier.identity(kinds::K8S_USER, "kubernetes", cluster, name, proof.line),
    };
    identity.authority = Authority::Declared;
    identity.fact("kubeconfig_user", Fact::known(name));
    let contexts: Vec<String> =
        contexts.iter().filter_map(|(name, _)| name.map(str::to_owned)).collect();
    if !contexts.is_empty() {
        identity.fact("contexts", Fact::known(contexts));
    }
    if let Some(exec) = proof.get("exec") {
        identity.fact("credential_store", Fact::known("exec plugin (not run)"));
        identity
            .fact("exec_plugin", Fact::known(program(exec.text_of("command").unwrap_or_default())));
        let mut names: Vec<String> = exec
            .items_of("env")
            .iter()
            .filter_map(|variable| variable.text_of("name"))
            .map(str::to_owned)
            .collect();
        names.sort();
        if !names.is_empty() {
            identity.fact("exec_env_names", Fact::known(names));
        }
    }
    if let Some(provider) = proof.at(&["auth-provider", "name"]).and_then(Node::text) {
        identity.fact("auth_provider", Fact::known(provider));
    }
    for (key, fact) in [
        ("tokenFile", "token_file"),
        ("client-certificate", "certificate_file"),
        ("client-key", "key_file"),
    ] {
        if let Some(path) = proof.text_of(key) {
            identity.fact(fact, Fact::known(path));
        }
    }
    if let Some(user) = proof.text_of("as") {
        identity.fact("impersonates", Fact::known(user));
    }
    identity
}

/// `namespace/name` of a token's subject `system:serviceaccount:namespace:name`.
fn service_account(token: &str) -> Option<String> {
    let claims = token.split('.').nth(1)?;
    let bytes =
        data_encoding::BASE64URL_NOPAD.decode(claims.trim_end_matches('=').as_bytes()).ok()?;
    let claims = crate::document::read(Syntax::Json, std::str::from_utf8(&bytes).ok()?).ok()?;
    let subject = claims.text_of("sub")?.strip_prefix("system:serviceaccount:")?;
    let (namespace, name) = subject.split_once(':')?;
    Some(format!("{namespace}/{name}"))
}

fn proofs(name: &str, proof: &Node, id: IdentityId, cluster: &str, dossier: &mut Dossier<'_>) {
    for key in ["client-certificate-data", "client-key-data"] {
        let Some(node) = proof.get(key) else { continue };
        let Some(bytes) = decode(node) else {
            dossier.gap(
                model::GapReason::Malformed,
                format!("{key} on line {} is not base64", node.line),
            );
            continue;
        };
        dossier.remember(node.text().unwrap_or_default());
        dossier.containers(&bytes, Some(id), &format!("users.{name}.{key}"), node.line);
    }
    let provider = proof.at(&["auth-provider", "config"]);
    let secrets = [
        (proof.get("token"), "token", kinds::K8S_TOKEN),
        (proof.get("password"), "password", kinds::PASSWORD),
        (provider.and_then(|it| it.get("refresh-token")), "refresh-token", kinds::REFRESH_TOKEN),
        (provider.and_then(|it| it.get("access-token")), "access-token", kinds::OAUTH_TOKEN),
        (provider.and_then(|it| it.get("id-token")), "id-token", kinds::JWT),
        (provider.and_then(|it| it.get("client-secret")), "client-secret", kinds::CLIENT_SECRET),
    ];
    for (node, key, kind) in secrets {
        let Some((node, value)) = node.and_then(|node| Some((node, node.scalar()?))) else {
            continue;
        };
        state(name, key, kind, node.line, value, id, cluster, dossier);
    }
    for variable in proof.at(&["exec", "env"]).map_or(&[][..], Node::items) {
        let (Some(key), Some(value)) = (variable.text_of("name"), variable.get("value")) else {
            continue;
        };
        if crate::dossier::tells_secret(key) {
            let text = value.scalar().unwrap_or_default();
            state(name, key, kinds::API_TOKEN, value.line, text, id, cluster, dossier);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one secret of one user, said in full at two calls")]
fn state(
    name: &str,
    key: &str,
    kind: &'static kinds::CredentialKind,
    line: u32,
    value: &str,
    id: IdentityId,
    cluster: &str,
    dossier: &mut Dossier<'_>,
) {
    let pointer = format!("users.{name}.{key}");
    let held = Held::new(kind, "kubernetes", pointer, key, line).at(cluster).of(id);
    if let Some(credential) = dossier.secret(&held, value) {
        // The token may name itself without its cluster; here the cluster is known.
        credential.identity = Some(id);
    }
}

/// The CA that a cluster is known by: a certificate without a secret.
fn authority(cluster: &Node, dossier: &mut Dossier<'_>) {
    let Some(node) = cluster.at(&["cluster", "certificate-authority-data"]) else { return };
    let name = cluster.scalar_of("name").unwrap_or_default();
    if let Some(bytes) = decode(node) {
        dossier.containers(
            &bytes,
            None,
            &format!("clusters.{name}.certificate-authority-data"),
            node.line,
        );
    }
}

fn decode(node: &Node) -> Option<Vec<u8>> {
    BASE64.decode(node.text()?.trim().as_bytes()).ok()
}
