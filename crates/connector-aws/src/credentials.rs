//! What proves users and the account: access keys, passwords, certificates, SSH keys, providers.

use connectors::aws::{account_of_key, last_part};
use model::{Credential, Fact, GapReason, Time, kinds};
use serde_json::Value;

use crate::item::{Item, text, time_of};
use crate::reading::Reading;

/// How the credential report writes that there is no value.
const NOTHING: [&str; 4] = ["N/A", "no_information", "not_supported", ""];
/// The row of the account's own user.
const ROOT: &str = "<root_account>";

/// A moment of the credential report; known to be absent where it says that there is none.
fn reported(item: &Item<'_>, column: &str) -> Fact<Time> {
    match item.value.get(column).and_then(Value::as_str) {
        None | Some("not_supported") => Fact::default(),
        Some(text) if NOTHING.contains(&text) => Fact::absent(),
        Some(text) => text.parse::<Time>().map_or_else(|_| Fact::default(), Fact::known),
    }
}

/// One row of the credential report: a user, or the account itself.
pub(crate) fn report_row(reading: &mut Reading<'_>, item: &Item<'_>) {
    let (Some(user), Some(arn)) = (item.text("user"), item.text("arn")) else {
        return reading.nameless(item);
    };
    let is_root = user == ROOT;
    let index = reading.index;
    let keys = index.keys.get(&(item.account.to_owned(), user.to_owned()));
    let password = item.truth("password_enabled");
    // Of the account's own user the report does not say that it has a password, and it has one.
    let has_password = if is_root { Some(true) } else { password };
    let used = ["password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date"];
    let fill = |identity: &mut model::Identity| {
        identity.created_at = reported(item, "user_creation_time");
        let used: Vec<Fact<Time>> = used.iter().map(|column| reported(item, column)).collect();
        identity.last_used_at = match used.iter().filter_map(Fact::value).max() {
            Some(&at) => Fact::known(at),
            None if used.iter().any(Fact::is_unsaid) => Fact::default(),
            None => Fact::absent().because("no use in the credential report"),
        };
        if let Some(is_active) = item.truth("mfa_active") {
            identity.fact("mfa_active", Fact::known(is_active));
        }
        if let Some(has) = has_password {
            identity.fact("console_password", Fact::known(has));
        }
    };
    let id = if is_root {
        reading.identity(item, kinds::CLOUD_ACCOUNT, item.account, item.account, |identity| {
            identity.name = format!("AWS account {}", item.account);
            identity.fact("arn", Fact::known(arn));
            fill(identity);
        })
    } else {
        reading.identity(item, kinds::IAM_USER, item.account, arn, |identity| {
            user.clone_into(&mut identity.name);
            fill(identity);
        })
    };
    if has_password == Some(true) {
        let native_id = format!("{arn}#password");
        reading.credential(item, kinds::PASSWORD, item.account, &native_id, |credential| {
            credential.identity = Some(id);
            credential.name = format!("console password of {user}");
            credential.enabled = Fact::known(true);
            credential.rotated_at = reported(item, "password_last_changed");
            credential.expires_at = reported(item, "password_next_rotation");
            credential.last_used_at = reported(item, "password_last_used");
            credential.fact("chosen_by_person", Fact::known(true));
        });
    }
    for n in ["1", "2"] {
        let column = |name: &str| format!("access_key_{n}_{name}");
        let rotated = reported(item, &column("last_rotated"));
        let is_active = item.truth(&column("active")) == Some(true);
        if rotated.value().is_none() && !is_active {
            continue;
        }
        // The report does not name the key; the list of keys does, by when it was made.
        let made = rotated.value().copied().map(Time::seconds);
        let known = keys.and_then(|keys| keys.get(&made)?.as_deref());
        let fill = |credential: &mut Credential| {
            credential.identity = Some(id);
            credential.enabled = Fact::known(is_active);
            credential.created_at = rotated.clone();
            credential.expires_at = Fact::absent();
            credential.last_used_at = reported(item, &column("last_used_date"));
            used_for(
                credential,
                item.text(&column("last_used_service")),
                item.text(&column("last_used_region")),
            );
        };
        if let Some(key) = known {
            reading.credential(item, kinds::ACCESS_KEY, &account_of_key(key), key, |it| {
                it.fact("key_id", Fact::known(key));
                fill(it);
            });
        } else {
            let native_id = format!("{arn}#access-key-{n}");
            reading.credential(item, kinds::ACCESS_KEY, item.account, &native_id, |it| {
                it.name = format!("access key {n} of {user}");
                let reason = "the report does not name keys; `aws iam list-access-keys` does";
                it.fact("key_id", Fact::not_collected(reason));
                fill(it);
            });
        }
    }
    for n in ["1", "2"] {
        if item.truth(&format!("cert_{n}_active")) == Some(true)
            && !index.has(item.account, "iam list-signing-certificates")
        {
            let native_id = format!("{arn}#signing-certificate-{n}");
            reading.credential(item, kinds::X509, item.account, &native_id, |credential| {
                credential.identity = Some(id);
                credential.name = format!("signing certificate {n} of {user}");
                credential.enabled = Fact::known(true);
                credential.rotated_at = reported(item, &format!("cert_{n}_last_rotated"));
            });
        }
    }
}

fn used_for(credential: &mut Credential, service: Option<&str>, region: Option<&str>) {
    for (name, value) in [("last_used_service", service), ("last_used_region", region)] {
        if let Some(value) = value.filter(|value| !NOTHING.contains(value)) {
            credential.fact(name, Fact::known(value));
        }
    }
}

pub(crate) fn access_key(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(key) = item.text("AccessKeyId") else { return reading.nameless(item) };
    let user = item.text("UserName").and_then(|name| reading.user_named(item, name));
    reading.credential(item, kinds::ACCESS_KEY, &account_of_key(key), key, |credential| {
        credential.identity = user;
        credential.created_at = item.moment("CreateDate");
        credential.expires_at = Fact::absent();
        credential.enabled = status(item);
        credential.fact("key_id", Fact::known(key));
    });
}

fn status(item: &Item<'_>) -> Fact<bool> {
    item.text("Status").map_or_else(Fact::default, |status| Fact::known(status == "Active"))
}

pub(crate) fn access_key_last_used(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(used) = item.object("AccessKeyLastUsed") else { return };
    let key = item.parameter("AccessKeyId");
    if !["AKIA", "ASIA"].iter().any(|prefix| key.starts_with(prefix)) {
        let detail = "which key it is of is not told: name the file after the key, or wrap the \
                      reply in {\"Call\": {\"AccessKeyId\": …}, \"Output\": …}";
        return reading.miss(GapReason::Unsupported, detail);
    }
    let user = item.text("UserName").and_then(|name| reading.user_named(item, name));
    reading.credential(item, kinds::ACCESS_KEY, &account_of_key(key), key, |credential| {
        credential.identity = user;
        credential.fact("key_id", Fact::known(key));
        credential.last_used_at = Fact::stated(used.get("LastUsedDate").and_then(time_of));
        used_for(credential, text(used, "ServiceName"), text(used, "Region"));
    });
}

pub(crate) fn service_specific(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(id) = item.text("ServiceSpecificCredentialId") else { return reading.nameless(item) };
    let user = item.text("UserName").and_then(|name| reading.user_named(item, name));
    // Ids of such credentials name no account: Terraform state has them without one too.
    reading.credential(item, kinds::API_TOKEN, "", id, |credential| {
        credential.identity = user;
        let service = item.text("ServiceName").unwrap_or_default();
        credential.name = format!("{service} credential {id}");
        credential.created_at = item.moment("CreateDate");
        credential.expires_at = Fact::stated(item.time("ExpirationDate"));
        credential.enabled = status(item);
        credential.fact("service", Fact::known(service));
    });
}

pub(crate) fn signing_certificate(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(id) = item.text("CertificateId") else { return reading.nameless(item) };
    let user = item.text("UserName").and_then(|name| reading.user_named(item, name));
    let native_id = format!("{}:signing-certificate/{id}", item.account);
    reading.credential(item, kinds::X509, item.account, &native_id, |credential| {
        credential.identity = user;
        credential.name = format!("signing certificate {id}");
        credential.rotated_at = item.moment("UploadDate");
        credential.enabled = status(item);
    });
}

pub(crate) fn ssh_public_key(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(id) = item.text("SSHPublicKeyId") else { return reading.nameless(item) };
    let user = item.text("UserName").and_then(|name| reading.user_named(item, name));
    reading.credential(item, kinds::SSH_PUBLIC_KEY, item.account, id, |credential| {
        credential.identity = user;
        credential.created_at = item.moment("UploadDate");
        credential.enabled = status(item);
    });
}

/// A device is no credential of a machine; that there is one is a fact.
pub(crate) fn mfa_device(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(user) = item.text("UserName") else { return };
    let Some(id) = reading.user_named(item, user) else { return };
    if let Some(identity) = reading.batch.identities.last_mut().filter(|it| it.id == id) {
        identity.fact("mfa_active", Fact::known(true));
    }
}

pub(crate) fn server_certificate(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(arn) = item.text("Arn") else { return reading.nameless(item) };
    reading.credential(item, kinds::X509, item.account, arn, |credential| {
        item.text("ServerCertificateName").unwrap_or(arn).clone_into(&mut credential.name);
        credential.created_at = item.moment("UploadDate");
        credential.expires_at = item.moment("Expiration");
    });
}

pub(crate) fn oidc_provider_named(reading: &mut Reading<'_>, item: &Item<'_>) {
    if let Some(arn) = item.text("Arn") {
        let issuer = arn.split_once(":oidc-provider/").map_or(arn, |(_, issuer)| issuer);
        provider(reading, item, arn, issuer, |_| {});
    }
}

pub(crate) fn oidc_provider(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(url) = item.text("Url") else { return };
    let issuer = url.trim_start_matches("https://");
    let named = item.stated_parameter("OpenIDConnectProviderArn").map(String::from);
    let arn =
        named.unwrap_or_else(|| format!("arn:aws:iam::{}:oidc-provider/{issuer}", item.account));
    provider(reading, item, &arn, issuer, |credential| {
        credential.created_at = item.moment("CreateDate");
        for (name, key) in [("audiences", "ClientIDList"), ("thumbprints", "ThumbprintList")] {
            let values = item.texts(key).into_iter().map(String::from);
            credential.fact(name, crate::identities::listed(values));
        }
    });
}

pub(crate) fn saml_provider(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(arn) = item.text("Arn") else { return reading.nameless(item) };
    provider(reading, item, arn, last_part(arn), |credential| {
        credential.created_at = item.moment("CreateDate");
        credential.expires_at = Fact::stated(item.time("ValidUntil"));
    });
}

/// A provider of tokens or assertions that the account believes.
fn provider(
    reading: &mut Reading<'_>,
    item: &Item<'_>,
    arn: &str,
    name: &str,
    fill: impl FnOnce(&mut Credential),
) {
    reading.credential(item, kinds::FEDERATED, item.account, arn, |credential| {
        name.clone_into(&mut credential.name);
        fill(credential);
    });
}
