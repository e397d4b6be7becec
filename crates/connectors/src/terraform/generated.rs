//! What Terraform's own providers make: private keys, certificates and random passwords.

use model::{Fact, kinds};

use super::Row;
use super::reading::Reading;
use super::resource::Resource;

pub(super) const ROWS: &[Row] = &[
    ("tls_private_key", private_key),
    ("tls_self_signed_cert", certificate),
    ("tls_locally_signed_cert", certificate),
    ("tls_cert_request", certificate),
    ("acme_certificate", certificate),
    ("random_password", random_password),
    ("random_string", random_string),
];

/// The same key in several forms; one of them is enough.
fn private_key(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend([
        "private_key_pem",
        "private_key_openssh",
        "private_key_pem_pkcs8",
        "public_key_pem",
        "public_key_openssh",
    ]);
    let forms = ["private_key_pem_pkcs8", "private_key_pem", "private_key_openssh"];
    let form = forms.into_iter().find_map(|key| Some((key, resource.text(key)?)));
    let Some((attribute, value)) = form else { return };
    if !reading.containers(resource, attribute, value) {
        reading.secret(resource, kinds::PRIVATE_KEY, attribute, value, None, |_| {});
    }
}

fn certificate(reading: &mut Reading<'_>, resource: &Resource) {
    const KEYS: [&str; 7] = [
        "cert_pem",
        "certificate_pem",
        "private_key_pem",
        "ca_private_key_pem",
        "ca_cert_pem",
        "issuer_pem",
        "certificate_p12",
    ];
    reading.dealt_with.extend(KEYS);
    for key in ["cert_pem", "certificate_pem", "private_key_pem", "ca_private_key_pem"] {
        if let Some(value) = resource.text(key) {
            reading.containers(resource, key, value);
        }
    }
}

fn random_password(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["result", "bcrypt_hash", "id"]);
    let Some(value) = resource.text("result") else { return };
    reading.secret(resource, kinds::PASSWORD, "result", value, None, |credential| {
        credential.fact("generated", Fact::known(true));
        credential.fact("confidence", Fact::known("sure"));
    });
}

/// A random string is a secret only when the configuration says so.
fn random_string(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["result", "id"]);
    if resource.sensitive.contains("result")
        && let Some(value) = resource.text("result")
    {
        reading.secret(resource, kinds::SECRET, "result", value, None, |_| {});
    }
}
