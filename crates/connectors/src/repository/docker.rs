//! Dockerfiles and compose files: containers, what they are given, and how far they reach out.

use std::collections::BTreeSet;

use crate::address::public_text;
use model::{Authority, Credential, Fact, Grant, Identity, Place, kinds};

use super::ci;
use super::reading::Reading;
use super::secrets::{self, Held};
use crate::yaml::Node;

/// Host paths that hand a container the host.
const HOST_REACH: &[&str] = &["docker.sock", "containerd.sock", "crio.sock", "podman.sock"];

pub(super) fn dockerfile(reading: &mut Reading<'_>) {
    let text = reading.text();
    let native_id = format!("{}:{}", reading.repository(), reading.path_in_checkout());
    let mut identity = reading.declared(kinds::CONTAINER, "docker", "", &native_id, 1);
    let mut images = Vec::new();
    let mut stages = BTreeSet::new();
    let mut arguments = BTreeSet::new();
    let mut mounted = BTreeSet::new();
    let mut user = None;
    let lines = instructions(&text);
    for (line, number) in &lines {
        let number = *number;
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        let rest: Vec<&str> = words.collect();
        match instruction.as_str() {
            "FROM" => {
                let image = rest.iter().find(|word| !word.starts_with("--"));
                if let Some(image) = image.filter(|image| !stages.contains(**image)) {
                    images.push(public_image(image));
                }
                if let [.., with, name] = rest.as_slice()
                    && with.eq_ignore_ascii_case("as")
                {
                    stages.insert(*name);
                }
                user = None;
            }
            "USER" => user = rest.first().map(|user| (*user).to_owned()),
            "ENV" | "ARG" => {
                for (name, value) in assignments(&rest) {
                    if !ci::is_telling_name(name) {
                        continue;
                    }
                    match value {
                        Some(value) => secrets::value(
                            reading,
                            &Held {
                                name,
                                value: value.as_bytes(),
                                line: number,
                                pointer: name,
                                says: &[("instruction", &instruction)],
                            },
                        ),
                        None => {
                            arguments.insert(name.to_owned());
                        }
                    }
                }
            }
            "RUN" => {
                for mount in line.split("--mount=type=secret").skip(1) {
                    let options = mount.split_whitespace().next().unwrap_or_default();
                    let id = options.split(',').find_map(|option| option.strip_prefix("id="));
                    mounted.extend(id.map(ToOwned::to_owned));
                }
            }
            _ => {}
        }
    }
    if images.is_empty() {
        return;
    }
    let list = |set: BTreeSet<String>| Fact::known(set.into_iter().collect::<Vec<_>>());
    identity.fact("base_images", Fact::known(images));
    if !arguments.is_empty() {
        identity.fact("secret_build_arguments", list(arguments));
    }
    if !mounted.is_empty() {
        identity.fact("build_secrets", list(mounted));
    }
    identity.fact(
        "user",
        match user {
            Some(user) => Fact::known(user),
            None => Fact::not_observable("not stated: the base image decides"),
        },
    );
    reading.batch.identities.push(identity);
}

/// An image's name without the login of its registry; `name@sha256:…` has none.
fn public_image(image: &str) -> String {
    let image = public_text(image);
    match image.split_once('@') {
        Some((login, rest)) if login.contains(':') && rest.contains('/') => rest.to_owned(),
        _ => image.into_owned(),
    }
}

/// Instructions with their continuation lines, and the line each starts on.
fn instructions(text: &str) -> Vec<(String, u32)> {
    let mut all: Vec<(String, u32)> = Vec::new();
    let mut continues = false;
    for (line, number) in text.lines().zip(1_u32..) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let body = trimmed.strip_suffix('\\').unwrap_or(trimmed);
        match all.last_mut().filter(|_| continues) {
            Some((last, _)) => {
                last.push(' ');
                last.push_str(body);
            }
            None => all.push((body.to_owned(), number)),
        }
        continues = trimmed.ends_with('\\');
    }
    all
}

/// `NAME=value` words, or the old form `NAME value`.
fn assignments<'a>(words: &[&'a str]) -> Vec<(&'a str, Option<&'a str>)> {
    if let [name, value] = words
        && !name.contains('=')
    {
        return vec![(*name, Some(*value))];
    }
    let split = |word: &&'a str| match word.split_once('=') {
        Some((name, value)) => {
            (name, Some(value.trim_matches(['"', '\''])).filter(|value| !value.is_empty()))
        }
        None => (*word, None),
    };
    words.iter().map(split).collect()
}

pub(super) fn compose(reading: &mut Reading<'_>, document: &Node) {
    let Some(services) = document.get("services").filter(|services| services.is_mapping()) else {
        return;
    };
    for (name, service) in services.pairs() {
        if service.is_mapping() {
            read_service(reading, name, service);
        }
    }
}

fn read_service(reading: &mut Reading<'_>, name: &str, service: &Node) {
    let native_id = format!("{}:{}#{name}", reading.repository(), reading.path_in_checkout());
    let mut identity = reading.declared(kinds::CONTAINER, "docker", "", &native_id, service.line);
    name.clone_into(&mut identity.name);
    let stated = |key: &str| service.get(key).and_then(Node::stated);
    for (key, fact) in [("user", "user"), ("network_mode", "network_mode"), ("pid", "pid_mode")] {
        if let Some(value) = stated(key) {
            identity.fact(fact, Fact::known(value));
        }
    }
    if let Some(image) = stated("image") {
        identity.fact("image", Fact::known(public_image(image)));
    }
    let list = |key: &str| -> Vec<String> {
        let items = service.get(key).map(Node::one_or_many).unwrap_or_default();
        let path = |item: &Node| {
            item.stated().or_else(|| item.get("path")?.stated()).map(ToOwned::to_owned)
        };
        items.into_iter().filter_map(path).collect()
    };
    for (key, fact) in [("env_file", "env_files"), ("cap_add", "capabilities")] {
        let all = list(key);
        if !all.is_empty() {
            identity.fact(fact, Fact::known(all));
        }
    }
    if service.get("privileged").and_then(Node::truth) == Some(true) {
        identity.fact("privileged", Fact::known(true));
        reach(reading, &identity, "privileged", "*", "host", service.line);
    }
    for volume in service.get("volumes").map(Node::items).unwrap_or_default() {
        let source = volume.stated().or_else(|| volume.get("source")?.stated()).unwrap_or_default();
        let source = source.split(':').next().unwrap_or_default();
        if HOST_REACH.iter().any(|socket| source.ends_with(socket)) {
            reach(
                reading,
                &identity,
                "mount",
                "control containers",
                &format!("host:{source}"),
                volume.line,
            );
        }
    }
    let mut given = BTreeSet::new();
    for (variable, value, line) in environment(service) {
        if !ci::is_telling_name(&variable) {
            continue;
        }
        match value.filter(|value| !value.contains('$')) {
            Some(value) => secrets::value(
                reading,
                &Held {
                    name: &variable,
                    value: value.as_bytes(),
                    line,
                    pointer: &format!("services/{name}/environment/{variable}"),
                    says: &[("service", name)],
                },
            ),
            None => {
                given.insert(variable);
            }
        }
    }
    if !given.is_empty() {
        identity.fact("secret_variables", Fact::known(given.into_iter().collect::<Vec<_>>()));
    }
    references(reading, &identity, service);
    reading.batch.identities.push(identity);
}

fn reach(
    reading: &mut Reading<'_>,
    identity: &Identity,
    kind: &'static str,
    action: &str,
    resource: &str,
    line: u32,
) {
    let mut grant = Grant::new(
        kind,
        "docker",
        "",
        identity.native_id.clone(),
        reading.folder.scope,
        identity.id,
    );
    grant.authority = Authority::Declared;
    grant.loci = reading.loci();
    grant.actions = vec![action.to_owned()];
    grant.resources = vec![resource.to_owned()];
    grant.evidence.push(reading.evidence(line, kind));
    reading.batch.grants.push(grant);
}

/// Names and values of `environment`, in both of its forms.
fn environment(service: &Node) -> Vec<(String, Option<String>, u32)> {
    let Some(node) = service.get("environment") else { return Vec::new() };
    let mut all = Vec::new();
    for (name, value) in node.pairs() {
        all.push((name.to_owned(), value.stated().map(ToOwned::to_owned), value.line));
    }
    for item in node.items() {
        let Some(text) = item.stated() else { continue };
        all.push(match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned()), item.line),
            None => (text.to_owned(), None, item.line),
        });
    }
    all
}

/// Secrets that compose mounts by name.
fn references(reading: &mut Reading<'_>, identity: &Identity, service: &Node) {
    for item in service.get("secrets").map(Node::items).unwrap_or_default() {
        let Some(name) = item.stated().or_else(|| item.get("source")?.stated()) else { continue };
        let scope = reading.folder.scope;
        let native_id = format!("{}:{}#{name}", reading.repository(), reading.path_in_checkout());
        let mut place = Place::new(kinds::PLACE_SECRET_MANAGER, "docker", "", &*native_id, scope);
        place.authority = Authority::Mentioned;
        place.loci = reading.loci();
        name.clone_into(&mut place.path);
        let mut credential =
            Credential::new(kinds::SECRET_REFERENCE, "docker", "", &*native_id, scope);
        name.clone_into(&mut credential.name);
        credential.authority = Authority::Mentioned;
        credential.loci = reading.loci();
        credential.places.push(place.stored_at(None, None));
        credential.evidence.push(reading.evidence(item.line, "mounted here"));
        reach(reading, identity, "secret-use", "use", &native_id, item.line);
        reading.batch.places.push(place);
        reading.batch.credentials.push(credential);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_and_assignments() {
        let text = "# x\nENV A=1 \\\n  # comment\n  B=\"2\"\nARG TOKEN\nENV OLD value\n";
        let lines = instructions(text);
        assert_eq!(lines.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [2, 5, 6]);
        let words: Vec<&str> = lines[0].0.split_whitespace().skip(1).collect();
        assert_eq!(assignments(&words), [("A", Some("1")), ("B", Some("2"))]);
        assert_eq!(assignments(&["TOKEN"]), [("TOKEN", None)]);
        assert_eq!(assignments(&["OLD", "value"]), [("OLD", Some("value"))]);
    }
}
