//! Secrets and certificates that services keep: their names, ages and uses, never their values.

use model::{Credential, Fact, kinds};

use crate::item::{Item, tags};
use crate::reading::Reading;

/// When a secret was read last is told by the day.
const DAY_S: u32 = 86_400;

fn tagged(credential: &mut Credential, item: &Item<'_>) {
    let tags = tags(item.value.get("Tags")).into_iter();
    credential.tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
}

pub(crate) fn managed_secret(reading: &mut Reading<'_>, item: &Item<'_>) {
    let (Some(arn), Some(name)) = (item.text("ARN"), item.text("Name")) else { return };
    reading.credential(item, kinds::SECRET_REFERENCE, item.account, arn, |credential| {
        name.clone_into(&mut credential.name);
        credential.fact("store", Fact::known("secrets-manager"));
        credential.created_at = item.moment("CreatedDate");
        credential.changed_at = item.time("LastChangedDate");
        let rotated = item.time("LastRotatedDate");
        credential.rotated_at = Fact::stated(rotated);
        credential.last_used_at = Fact::stated(item.time("LastAccessedDate")).resolution_s(DAY_S);
        // Left out where nobody ever turned it on.
        let rotates = item.truth("RotationEnabled").unwrap_or(false);
        credential.fact("rotation_enabled", Fact::known(rotates));
        credential.enabled = Fact::known(item.time("DeletedDate").is_none());
        if let Some(service) = item.text("OwningService") {
            credential.fact("owning_service", Fact::known(service));
        }
        tagged(credential, item);
    });
}

/// Parameters that are encrypted; the others are no secrets.
pub(crate) fn parameter(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(name) = item.text("Name") else { return };
    if item.text("Type") != Some("SecureString") {
        return;
    }
    let made =
        format!("{}:parameter{}{name}", item.account, if name.starts_with('/') { "" } else { "/" });
    let native_id = item.text("ARN").unwrap_or(&made);
    reading.credential(item, kinds::SECRET_REFERENCE, item.account, native_id, |credential| {
        name.clone_into(&mut credential.name);
        credential.fact("store", Fact::known("parameter-store"));
        credential.changed_at = item.time("LastModifiedDate");
        credential.rotated_at = item.moment("LastModifiedDate");
    });
}

pub(crate) fn certificate(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(certificate) = item.object("Certificate") else { return };
    let item = item.within(certificate);
    let Some(arn) = item.text("CertificateArn") else { return };
    reading.credential(&item, kinds::X509, item.account, arn, |credential| {
        item.text("DomainName").unwrap_or(arn).clone_into(&mut credential.name);
        credential.created_at = item.moment("NotBefore");
        credential.expires_at = item.moment("NotAfter");
        let names = item.texts("SubjectAlternativeNames").into_iter();
        let names: Vec<String> = names.map(|name| format!("dns:{name}")).collect();
        credential.fact("san", Fact::known(names));
        let managed = item.text("Type") == Some("AMAZON_ISSUED");
        credential.fact("renewed_by_issuer", Fact::known(managed));
        if let Some(serial) = item.text("Serial") {
            credential.fact("serial", Fact::known(serial));
        }
        let users = item.texts("InUseBy").into_iter().map(String::from);
        credential.fact("in_use_by", crate::identities::listed(users));
    });
}
