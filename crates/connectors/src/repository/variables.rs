//! Files of variables: `.env`, values of charts, Ansible variables and vaults.

use super::ci;
use super::cloud;
use super::reading::Reading;
use super::secrets::{self, Held};
use crate::yaml::Node;

/// A file with more encrypted values than this is read up to here.
const MAX_ENCRYPTED: usize = 10_000;
/// How an Ansible vault file or value starts.
pub(super) const VAULT_MARK: &[u8] = b"$ANSIBLE_VAULT;";

/// Whether a file of this name is filled with examples by custom.
pub(super) fn is_example(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["example", "sample", "template", "dist", "defaults", "tmpl"]
        .iter()
        .any(|word| name.contains(word))
}

/// `NAME=value` lines; `export`, quotes and comments as shells and dotenv libraries take them.
pub(super) fn dotenv(reading: &mut Reading<'_>) {
    let text = reading.text();
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let name = name.trim();
        let value = unquoted(value.trim());
        let is_word =
            name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if is_word && ci::is_telling_name(name) {
            secrets::value(
                reading,
                &Held { name, value: value.as_bytes(), line: number, pointer: name, says: &[] },
            );
        }
    }
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            return inner.split(quote).next().unwrap_or(inner);
        }
    }
    value.split(" #").next().unwrap_or(value).trim_end()
}

/// Values of a YAML file of variables whose key says that they are secret.
pub(super) fn values(reading: &mut Reading<'_>, document: &Node) {
    let mut held = Vec::new();
    document.scalars(&mut |key, scalar| {
        let Some(name) = key.filter(|key| is_secret_key(key)) else { return };
        let Some(value) = scalar.stated() else { return };
        if !cloud::has_expression(value) && !value.starts_with("!vault") {
            held.push((name.to_owned(), value.to_owned(), scalar.line));
        }
    });
    for (name, value, line) in held {
        secrets::value(
            reading,
            &Held { name: &name, value: value.as_bytes(), line, pointer: &name, says: &[] },
        );
    }
}

/// `existingSecret`, `secretName` and their like name a secret and hold none.
fn is_secret_key(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let names_one = ["name", "ref", "key", "existing", "path", "file", "enabled", "class"]
        .iter()
        .any(|word| lower.ends_with(word) || lower.starts_with("existing"));
    let is_key = [
        "apikey",
        "api_key",
        "accesskey",
        "access_key",
        "privatekey",
        "private_key",
        "secretkey",
        "secret_key",
    ]
    .iter()
    .any(|word| lower.ends_with(word));
    let tells = ["password", "passwd", "secret", "token", "passphrase", "_pass"]
        .iter()
        .any(|word| lower.contains(word));
    is_key || tells && !names_one
}

/// An Ansible vault: a whole file, or values of a file.
pub(super) fn vault(reading: &mut Reading<'_>) {
    if reading.file.bytes.starts_with(VAULT_MARK) {
        secrets::encrypted(reading, "ansible", "vault", 1);
        return;
    }
    let text = reading.text();
    let lines = text.lines().zip(1_u32..).filter(|(line, _)| line.contains("!vault"));
    for (line, number) in lines.take(MAX_ENCRYPTED) {
        let key = line.split(':').next().unwrap_or_default().trim().trim_start_matches("- ");
        secrets::encrypted(reading, "ansible", key, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_lines() {
        assert_eq!(unquoted("\"a # b\" # c"), "a # b");
        assert_eq!(unquoted("a#b # c"), "a#b");
        assert!(is_example(".env.example"));
        assert!(is_secret_key("adminPassword") && is_secret_key("ansible_become_pass"));
        assert!(!is_secret_key("existingSecret") && !is_secret_key("secretName"));
    }
}
