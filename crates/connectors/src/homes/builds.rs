//! Build tools: Maven and Gradle.

use model::{Fact, Value, kinds};

use super::files::{File, Login};
use crate::document::Syntax;
use crate::dossier::{Dossier, Held, tells_secret};

/// `settings.xml`: servers with passwords, which may be encrypted with the master password.
pub(super) fn maven(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Xml, dossier);
    let Some(servers) = document.at(&["settings", "servers"]) else { return };
    for (n, server) in servers.all("server").enumerate() {
        let label = server.text_of("id").map_or_else(|| n.to_string(), str::to_owned);
        for (key, kind) in [("password", kinds::PASSWORD), ("passphrase", kinds::PASSWORD)] {
            let Some((node, value)) = server.get(key).and_then(|node| Some((node, node.text()?)))
            else {
                continue;
            };
            let pointer = format!("server {label} {key}");
            let login = Login {
                kind: kinds::REGISTRY_ACCOUNT,
                system: "maven",
                host: &label,
                user: server.text_of("username"),
                secret: kind,
                pointer: &pointer,
                name: key,
                line: node.line,
            };
            if value.starts_with('{') && value.ends_with('}') {
                encrypted(&login, value, dossier);
            } else if let Some(credential) = login.state(dossier, value) {
                credential.fact("encrypted", Fact::known(false));
            }
        }
        if let Some(key) = server.get("privateKey").and_then(|node| node.text()) {
            let mut identity = dossier.account(
                kinds::REGISTRY_ACCOUNT,
                "maven",
                &label,
                server.text_of("username"),
                &label,
                server.line,
            );
            identity.fact("key_file", Fact::known(key));
            dossier.add(identity);
        }
    }
}

/// Encrypted with a key that lies beside it: as good as obfuscated, but not readable here.
fn encrypted(login: &Login<'_>, value: &str, dossier: &mut Dossier<'_>) {
    dossier.remember(value);
    let id = login.identity(dossier);
    let id = dossier.add(id);
    let held = Held::new(login.secret, login.system, login.pointer, login.name, login.line)
        .at(login.host)
        .of(id);
    let native_id = dossier.local_id(login.pointer);
    let protected =
        Fact::<Value>::known(true).because("with the master password of settings-security.xml");
    dossier.opaque(&held, native_id, protected);
}

/// `settings-security.xml`: the master password, encrypted with a key that is in Maven's source.
pub(super) fn maven_master(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Xml, dossier);
    let Some(master) = document.at(&["settingsSecurity", "master"]) else { return };
    dossier.remember(master.text().unwrap_or_default());
    let login = Login {
        kind: kinds::API_CLIENT,
        system: "maven",
        host: "",
        user: None,
        secret: kinds::PASSWORD,
        pointer: "master password",
        name: "password",
        line: master.line,
    };
    let mut identity = login.identity(dossier);
    identity.name = "Maven master password".into();
    let id = dossier.add(identity);
    let held = Held::new(kinds::PASSWORD, "maven", login.pointer, login.name, login.line).of(id);
    let native_id = dossier.local_id(login.pointer);
    let open = Fact::<Value>::known(false).because("its key is part of Maven's source");
    dossier.opaque(&held, native_id, open);
}

/// `gradle.properties`: properties whose names tell that they are secret.
pub(super) fn gradle(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let text = file.text(dossier);
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with(['#', '!']) {
            continue;
        }
        let Some((key, value)) = line.split_once(['=', ':']) else { continue };
        let (key, value) = (key.trim(), value.trim());
        if !tells_secret(key) || value.is_empty() {
            continue;
        }
        let login = Login {
            kind: kinds::API_CLIENT,
            system: "gradle",
            host: "",
            user: None,
            secret: if key.to_lowercase().contains("password") {
                kinds::PASSWORD
            } else {
                kinds::API_TOKEN
            },
            pointer: key,
            name: key,
            line: u32::try_from(n + 1).unwrap_or(u32::MAX),
        };
        login.state(dossier, value);
    }
}
