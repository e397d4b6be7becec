//! kubeconfig: clusters, users and how each user proves itself. Exec plugins are named, not run.

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
    for (n, user) in document.items_of("users").iter().enumerate() {
        let name = user.scalar_of("name").map_or_else(|| n.to_string(), str::to_owned);
        let Some(proof) = user.get("user") else { continue };
        // A user of several clusters is a user of each; the first is where its credential is filed.
        let mut clusters = clusters_of(&document, &name, dossier.at.machine);
        clusters.sort();
        clusters.dedup();
        if clusters.is_empty() {
            // No context uses it.
            clusters.push(dossier.at.machine.to_owned());
        }
        let mut first = None;
        for cluster in &clusters {
            let identity = identity(&name, proof, cluster, &document, dossier);
            let id = dossier.add(identity);
            first.get_or_insert((id, cluster.clone()));
        }
        if let Some((id, cluster)) = first {
            proofs(&name, proof, id, &cluster, dossier);
        }
    }
    for cluster in document.items_of("clusters") {
        authority(cluster, dossier);
    }
}

/// Addresses of the clusters that contexts pair with a user.
fn clusters_of(document: &Node, user: &str, machine: &str) -> Vec<String> {
    let contexts =
        document.items_of("contexts").iter().filter_map(|context| context.get("context"));
    contexts
        .filter(|context| context.scalar_of("user") == Some(user))
        .filter_map(|context| context.scalar_of("cluster"))
        .map(|cluster| match server_of(document, cluster) {
            // A cluster of this machine, as kind and k3s make them.
            Some((server, host)) if is_loopback(&host) => format!("{machine}:{server}"),
            Some((server, _)) => server,
            None => format!("{machine}:{cluster}"),
        })
        .collect()
}

/// The address to show, and its host.
fn server_of(document: &Node, name: &str) -> Option<(String, String)> {
    let clusters = document.items_of("clusters").iter();
    let cluster = clusters.into_iter().find(|cluster| cluster.scalar_of("name") == Some(name))?;
    let server = cluster.at(&["cluster", "server"])?.text()?;
    Address::parse(server).map(|address| (address.public, address.host))
}

fn identity(
    name: &str,
    proof: &Node,
    cluster: &str,
    document: &Node,
    dossier: &Dossier<'_>,
) -> Identity {
    let account = proof.text_of("token").and_then(service_account);
    let mut identity = match &account {
        Some(account) => dossier.identity(
            kinds::K8S_SERVICE_ACCOUNT,
            "kubernetes",
            cluster,
            account.as_str(),
            proof.line,
        ),
        None => dossier.identity(kinds::K8S_USER, "kubernetes", cluster, name, proof.line),
    };
    identity.authority = Authority::Declared;
    identity.fact("kubeconfig_user", Fact::known(name));
    let contexts: Vec<String> = document
        .items_of("contexts")
        .iter()
        .filter(|context| context.at(&["context", "user"]).and_then(Node::scalar) == Some(name))
        .filter_map(|context| context.scalar_of("name"))
        .map(str::to_owned)
        .collect();
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
