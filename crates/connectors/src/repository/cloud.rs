//! Identities of clouds and secret managers that definitions name: stated as mentions, with the ids
//! that the cloud's own connector gives them.
//!
//! A name with an expression in it (`${{ secrets.ROLE }}`, `$AWS_ROLE_ARN`) is kept as written and
//! belongs to the repository that writes it: it is one identity for us, though we cannot say which.

use model::kinds::{self, IdentityKind};
use model::{Authority, Fact, Identity, IdentityId};

use super::reading::Reading;
use crate::address::{Address, public_text};
use crate::aws::{account_of, parts};

/// The parts of an ARN.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub account: &'a str,
    /// `role/deploy`.
    pub resource: &'a str,
}

/// An IAM role or user ARN with a real account number in it.
pub(super) fn iam_arn(text: &str) -> Option<Arn<'_>> {
    let account = account_of(text)?;
    let [_, partition, service, _, _, resource] = parts(text)?;
    let is_iam = partition.starts_with("aws") && service == "iam";
    let is_plain = !resource.is_empty() && !has_expression(resource);
    (is_iam && is_plain).then_some(Arn { account, resource })
}

/// Whether a part is filled in only when the definition runs.
pub(super) fn has_expression(text: &str) -> bool {
    text.contains(['$', '{', '<', '%']) || text.contains("((")
}

pub(super) fn aws_role(reading: &mut Reading<'_>, text: &str, line: u32) -> IdentityId {
    let text = text.trim();
    match iam_arn(text) {
        Some(arn) => {
            let id = reading.mention(kinds::IAM_ROLE, "aws", arn.account, text, line);
            let name = arn.resource.rsplit('/').next().unwrap_or(arn.resource);
            name_last(reading, name);
            id
        }
        None => unresolved(reading, kinds::IAM_ROLE, "aws", text, line),
    }
}

/// A service account by its e-mail; the project is in the e-mail.
pub(super) fn gcp_service_account(reading: &mut Reading<'_>, text: &str, line: u32) -> IdentityId {
    let text = text.trim();
    let project = text
        .split_once('@')
        .and_then(|(_, domain)| domain.strip_suffix(".iam.gserviceaccount.com"));
    match project {
        Some(project) if !has_expression(text) => {
            reading.mention(kinds::GCP_SERVICE_ACCOUNT, "gcp", project, text, line)
        }
        _ => unresolved(reading, kinds::GCP_SERVICE_ACCOUNT, "gcp", text, line),
    }
}

/// A service principal or managed identity by its client id.
pub(super) fn azure_client(
    reading: &mut Reading<'_>,
    client: &str,
    tenant: Option<&str>,
    line: u32,
) -> IdentityId {
    let client = client.trim();
    if has_expression(client) {
        return unresolved(reading, kinds::SERVICE_PRINCIPAL, "azure", client, line);
    }
    let tenant = tenant.map(str::trim).filter(|tenant| !has_expression(tenant)).unwrap_or_default();
    reading.mention(kinds::SERVICE_PRINCIPAL, "azure", tenant, client, line)
}

/// A role of Vault or OpenBao; the instance is the server's address.
pub(super) fn vault_role(
    reading: &mut Reading<'_>,
    address: Option<&str>,
    mount: &str,
    role: &str,
    line: u32,
) -> IdentityId {
    let native_id = format!("{mount}/{role}");
    match address.filter(|address| !has_expression(address)) {
        Some(address) if !has_expression(&native_id) => {
            reading.mention(kinds::VAULT_ROLE, "vault", &server(address), &native_id, line)
        }
        _ => unresolved(reading, kinds::VAULT_ROLE, "vault", &native_id, line),
    }
}

/// Host and path of a server's address, with or without a scheme, and nothing of a login.
fn server(address: &str) -> String {
    let parsed = Address::parse(address).or_else(|| Address::parse(&format!("https://{address}")));
    // What is no address is not shown: it may be anything.
    let public = parsed.map(|address| address.public).unwrap_or_default();
    let host = public.split_once("://").map_or("", |(_, host)| host);
    host.trim_matches('/').to_owned()
}

/// An identity whose name is known only when the definition runs.
pub(super) fn unresolved(
    reading: &mut Reading<'_>,
    kind: &'static IdentityKind,
    system: &'static str,
    text: &str,
    line: u32,
) -> IdentityId {
    let text = compact(&public_text(text));
    let native_id = format!("{}:{text}", reading.repository());
    let mut identity = Identity::new(kind, system, "", native_id, reading.folder.scope);
    identity.name = text;
    identity.authority = Authority::Mentioned;
    identity.loci = reading.loci();
    identity.evidence.push(reading.evidence(line, "named here"));
    identity.fact(
        "resolved",
        Fact::known(false).because("its name is filled in when the definition runs"),
    );
    let id = identity.id;
    reading.batch.identities.push(identity);
    id
}

/// Gives the identity mentioned last a shorter name than its native id.
fn name_last(reading: &mut Reading<'_>, name: &str) {
    if let Some(identity) = reading.batch.identities.last_mut() {
        name.clone_into(&mut identity.name);
    }
}

/// Spaces within an expression do not make another identity.
fn compact(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(512).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_its_login() {
        let check = |text: &str, expected: &str| assert_eq!(server(text), expected, "{text}");
        check("https://vault.example.org:8200/", "vault.example.org:8200");
        check("https://ada:pw@Vault.example.org/ns?token=x", "vault.example.org/ns");
        check("ada:pw@vault.example.org", "vault.example.org");
        check("not an address", "");
    }

    #[test]
    fn only_a_whole_arn_names_a_role() {
        let check =
            |text: &str, expected: bool| assert_eq!(iam_arn(text).is_some(), expected, "{text}");
        check("arn:aws:iam::123456789012:role/deploy", true);
        check("arn:aws-us-gov:iam::123456789012:role/path/deploy", true);
        check("arn:aws:iam::${{ vars.ACCOUNT }}:role/deploy", false);
        check("arn:aws:iam::123456789012:role/${NAME}", false);
        check("arn:aws:s3:::bucket", false);
        check("deploy", false);
    }
}
