//! GnuPG's private keys, and tools whose INI files name keys and remotes.

use model::{Fact, GapReason, Value, kinds};

use super::files::{File, Login};
use super::logins::host_of;
use crate::document::{self, Syntax};
use crate::dossier::{Dossier, Held, reference, stated_time, tells_secret};
use crate::ini;

/// `private-keys-v1.d/<keygrip>.key`: present, protected or not; the key itself is not read.
pub(super) fn gnupg(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let keygrip = file.name().trim_end_matches(".key").to_owned();
    let is_keygrip = keygrip.len() == 40 && keygrip.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_keygrip {
        return;
    }
    let holds = |word: &[u8]| memchr::memmem::find(file.bytes, word).is_some();
    if holds(b"shadowed-private-key") {
        // Only a pointer to a smart card.
        return;
    }
    let encrypted: Fact<Value> = if holds(b"protected-private-key") {
        Fact::known(true)
    } else if holds(b"private-key") {
        Fact::known(false)
    } else {
        Fact::not_collected("a form that is not known")
    };
    let held = Held::new(kinds::PRIVATE_KEY, "gnupg", "private key", "private_key", 1);
    if let Some(credential) = dossier.opaque(&held, format!("keygrip:{keygrip}"), encrypted) {
        credential.name = format!("GnuPG key {}", keygrip.get(..16).unwrap_or(&keygrip));
        credential.fact("keygrip", Fact::known(keygrip));
        credential.expires_at = Fact::not_collected("it stands in the public key ring");
    }
}

/// `rclone.conf`: remotes with passwords (obscured, which is no protection) and tokens.
pub(super) fn rclone(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let text = file.text(dossier);
    if text.contains("RCLONE_ENCRYPT_V0:") {
        dossier.gap(GapReason::Encrypted, "encrypted with a password");
        return;
    }
    for section in ini::read(&text) {
        let backend = section.value("type").unwrap_or_default().to_owned();
        let host = ["host", "url", "endpoint"].iter().find_map(|key| host_of(section.value(key)));
        let host = host.unwrap_or_else(|| backend.clone());
        let user = ["user", "username", "access_key_id", "account", "client_id"]
            .iter()
            .find_map(|key| section.value(key));
        for entry in &section.entries {
            let kind = match entry.key.as_str() {
                "token" => kinds::OAUTH_TOKEN,
                "pass" | "password" | "password2" => kinds::PASSWORD,
                "secret_access_key" => kinds::ACCESS_KEY,
                "client_secret" => kinds::CLIENT_SECRET,
                key if tells_secret(key) || key == "key" => kinds::API_TOKEN,
                _ => continue,
            };
            let pointer = format!("[{}] {}", section.name, entry.key);
            let login = Login {
                kind: kinds::SERVICE_LOGIN,
                system: "rclone",
                host: &host,
                user,
                secret: kind,
                pointer: &pointer,
                name: "password",
                line: entry.line,
            };
            if entry.key == "token" && entry.value.starts_with('{') {
                token(&login, &entry.value, dossier);
            } else if let Some(credential) = login.state(dossier, &entry.value)
                && kind == kinds::PASSWORD
            {
                credential.fact("obscured", Fact::known(true));
            }
        }
    }
}

/// The JSON of an OAuth sign-in in one value.
fn token(login: &Login<'_>, value: &str, dossier: &mut Dossier<'_>) {
    dossier.remember(value);
    let Ok(token) = document::read(Syntax::Json, value) else { return };
    let id = login.identity(dossier);
    let id = dossier.add(id);
    for (key, kind) in
        [("access_token", kinds::OAUTH_TOKEN), ("refresh_token", kinds::REFRESH_TOKEN)]
    {
        let pointer = format!("{} {key}", login.pointer);
        let held = Held::new(kind, login.system, pointer, key, login.line).at(login.host).of(id);
        let credential = dossier.secret(&held, token.text_of(key).unwrap_or_default());
        if let Some(credential) = credential.filter(|_| key == "access_token") {
            credential.expires_at = stated_time(token.text_of("expiry"));
        }
    }
}

/// INI files in which keys tell by their names that they are secret: `.s3cfg`, `.boto`,
/// `.sentryclirc`, Linode, Hugging Face's stored tokens, `.oci/config`.
pub(super) fn telling(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let system = match file.name() {
        ".s3cfg" | ".boto" => "s3",
        ".sentryclirc" => "sentry",
        "linode-cli" => "linode",
        "stored_tokens" => "hugging-face",
        "config" => "oci",
        _ => "unknown",
    };
    for section in ini::read(&file.text(dossier)) {
        let host = ["host_base", "url", "host", "endpoint"]
            .iter()
            .find_map(|key| host_of(section.value(key)));
        let host = host.unwrap_or_default();
        let user = ["access_key", "aws_access_key_id", "gs_access_key_id", "user", "username"]
            .iter()
            .find_map(|key| section.value(key))
            .filter(|user| reference(user).is_none());
        for entry in &section.entries {
            let is_secret = matches!(
                entry.key.as_str(),
                "secret_key" | "gs_oauth2_refresh_token" | "pass_phrase" | "hf_token"
            ) || tells_secret(&entry.key);
            // The public half of a pair: it names the account.
            let is_id = matches!(
                entry.key.as_str(),
                "access_key" | "aws_access_key_id" | "gs_access_key_id"
            );
            if !is_secret || is_id || entry.value.is_empty() {
                continue;
            }
            let pointer = format!("[{}] {}", section.name, entry.key);
            let login = Login {
                kind: kinds::SERVICE_LOGIN,
                system,
                host: &host,
                user,
                secret: match entry.key.as_str() {
                    "secret_key" | "aws_secret_access_key" | "gs_secret_access_key" => {
                        kinds::ACCESS_KEY
                    }
                    "gpg_passphrase" | "pass_phrase" | "password" => kinds::PASSWORD,
                    "gs_oauth2_refresh_token" => kinds::REFRESH_TOKEN,
                    _ => kinds::API_TOKEN,
                },
                pointer: &pointer,
                name: &entry.key,
                line: entry.line,
            };
            login.state(dossier, &entry.value);
        }
    }
}

/// `.terraformrc`: `credentials "host" { token = "…" }`, in Terraform's own language.
pub(super) fn terraformrc(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let mut host: Option<String> = None;
    for (n, line) in file.text(dossier).lines().enumerate() {
        let line = line.trim();
        if line.starts_with(['#', '/']) {
            continue;
        }
        let mut rest = line;
        if let Some(block) = rest.strip_prefix("credentials") {
            let mut quoted = block.split('"');
            host = quoted.nth(1).map(str::to_owned);
            rest = block.split_once('{').map_or("", |(_, rest)| rest).trim();
        }
        let value =
            rest.strip_prefix("token").map(str::trim_start).and_then(|rest| rest.strip_prefix('='));
        if let (Some(address), Some(value)) = (&host, value) {
            let value = value.trim().trim_end_matches('}').trim().trim_matches('"');
            let host = host_of(Some(address)).unwrap_or_default();
            let pointer = format!("credentials {host}");
            let login = Login {
                kind: kinds::SERVICE_LOGIN,
                system: "terraform",
                host: &host,
                user: None,
                secret: kinds::API_TOKEN,
                pointer: &pointer,
                name: "token",
                line: u32::try_from(n + 1).unwrap_or(u32::MAX),
            };
            login.state(dossier, value);
        }
        if rest.contains('}') {
            host = None;
        }
    }
}
