//! The estate as the files that providers export, for the connectors to read.
//!
//! The files state what the records state, so that both ways of reading the same plan can be
//! compared. Each part of the estate has its own module and its own folder:
//!
//! - `terraform/`: one state file for each configuration
//! - `aws/<account>/`: what `aws iam get-account-authorization-details`, `generate-credential-report`
//!   and `aws lambda list-functions` print
//! - `kubernetes/<cluster>.json`: what `kubectl get … --all-namespaces --output json` prints
//! - `hosts/<name>/`: the part of a root file system that says who a host's accounts are
//! - `repositories/<owner>/<name>/`: checkouts with pipelines, owners and what was checked in
//!
//! Secrets in them have the right shape and open nothing. The estate is held in memory: this is for
//! estates of up to some hundred thousand identities.

mod aws;
mod hosts;
mod kubernetes;
mod repositories;
mod terraform;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use model::{Batch, Credential, Grant, Identity, IdentityId, Subject, Trust};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::plan::{Part, Plan, SOURCES};
use crate::records::batches;

/// Writes everything below a folder; gives the number of files.
pub fn write(plan: &Plan, to: &Path) -> io::Result<u64> {
    let mut folder = Folder { root: to.to_owned(), n_files: 0 };
    let aws = Estate::read(plan, &[Part::Aws]);
    aws::write(plan, &aws, &mut folder)?;
    terraform::write(plan, &aws, &Estate::read(plan, &[Part::Terraform]), &mut folder)?;
    kubernetes::write(
        plan,
        &Estate::read(plan, &[Part::Production, Part::Development]),
        &mut folder,
    )?;
    hosts::write(plan, &Estate::read(plan, &[Part::Hosts]), &mut folder)?;
    repositories::write(plan, &Estate::read(plan, &[Part::GitHub, Part::GitLab]), &mut folder)?;
    Ok(folder.n_files)
}

/// Where files go.
struct Folder {
    root: PathBuf,
    n_files: u64,
}

impl Folder {
    /// Writes a file at a path made of our own names: `/` between folders, none of them `..`.
    fn file(&mut self, path: &str, text: &str) -> io::Result<()> {
        let path = path.split('/').filter(|part| !part.is_empty() && *part != "..");
        let file = self.root.join(path.collect::<PathBuf>());
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, text)?;
        self.n_files += 1;
        Ok(())
    }

    fn json(&mut self, path: &str, value: &Value) -> io::Result<()> {
        self.file(path, &format!("{value:#}\n"))
    }
}

/// What some sources state, with what hangs on each identity at hand.
struct Estate {
    all: Batch,
    grants: BTreeMap<IdentityId, Vec<usize>>,
    trusts_to: BTreeMap<IdentityId, Vec<usize>>,
    trusts_from: BTreeMap<IdentityId, Vec<usize>>,
    credentials: BTreeMap<IdentityId, Vec<usize>>,
    names: BTreeMap<IdentityId, usize>,
}

impl Estate {
    fn read(plan: &Plan, parts: &[Part]) -> Self {
        let mut all = Batch::default();
        for source in SOURCES.iter().filter(|source| parts.contains(&source.part)) {
            batches(plan, source).for_each(|batch| all.extend(batch));
        }
        let (mut grants, mut trusts_to) =
            (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        let (mut trusts_from, mut credentials) =
            (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        let mut names = BTreeMap::new();
        for (n, grant) in all.grants.iter().enumerate() {
            grants.entry(grant.identity).or_default().push(n);
        }
        for (n, trust) in all.trusts.iter().enumerate() {
            trusts_to.entry(trust.to).or_default().push(n);
            if let Subject::Identity { identity } = trust.from {
                trusts_from.entry(identity).or_default().push(n);
            }
        }
        for (n, credential) in all.credentials.iter().enumerate() {
            if let Some(identity) = credential.identity {
                credentials.entry(identity).or_default().push(n);
            }
        }
        for (n, identity) in all.identities.iter().enumerate() {
            names.insert(identity.id, n);
        }
        Self { all, grants, trusts_to, trusts_from, credentials, names }
    }

    fn grants(&self, of: &Identity) -> impl Iterator<Item = &Grant> {
        let numbers = self.grants.get(&of.id).into_iter().flatten();
        numbers.filter_map(|&n| self.all.grants.get(n))
    }

    fn trusts_to(&self, to: &Identity) -> impl Iterator<Item = &Trust> {
        let numbers = self.trusts_to.get(&to.id).into_iter().flatten();
        numbers.filter_map(|&n| self.all.trusts.get(n))
    }

    /// The identity that another runs as.
    fn runs_as(&self, of: &Identity) -> Option<&Identity> {
        let numbers = self.trusts_from.get(&of.id).into_iter().flatten();
        let mut trusts = numbers.filter_map(|&n| self.all.trusts.get(n));
        self.identity(trusts.find(|trust| trust.mechanism == "runs-as")?.to)
    }

    fn credentials(&self, of: &Identity) -> impl Iterator<Item = &Credential> {
        let numbers = self.credentials.get(&of.id).into_iter().flatten();
        numbers.filter_map(|&n| self.all.credentials.get(n))
    }

    fn identity(&self, id: IdentityId) -> Option<&Identity> {
        self.names.get(&id).and_then(|&n| self.all.identities.get(n))
    }

    /// The identities of some kinds, by what `area` says of each.
    fn by<'a>(
        &'a self,
        kinds: &[&str],
        area: impl Fn(&'a Identity) -> &'a str,
    ) -> BTreeMap<&'a str, Vec<&'a Identity>> {
        let mut areas: BTreeMap<&str, Vec<&Identity>> = BTreeMap::new();
        for identity in &self.all.identities {
            if kinds.contains(&identity.kind.as_ref()) {
                areas.entry(area(identity)).or_default().push(identity);
            }
        }
        areas
    }
}

/// Draws for what only exports have (values of secrets, public keys), by the thing's own id.
fn chance(plan: &Plan, native_id: &str) -> Chance {
    // FNV-1a: any hash that is the same everywhere does.
    let hash = native_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Chance::of(plan.seed, u64::MAX, hash)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &[u8; 10] = b"0123456789";
const HEX: &[u8; 16] = b"0123456789abcdef";
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let letter = BASE64.get((bits >> (18 - 6 * n) & 63) as usize);
            text.push(if n > chunk.len() { '=' } else { letter.copied().map_or('=', char::from) });
        }
    }
    text
}

/// The public half of a key that nobody has.
fn ssh_public_key(chance: &mut Chance) -> String {
    const KIND: &[u8] = b"ssh-ed25519";
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&[0, 0, 0, 11]);
    bytes.extend_from_slice(KIND);
    bytes.extend_from_slice(&[0, 0, 0, 32]);
    bytes.extend_from_slice(&chance.bytes::<32>());
    format!("ssh-ed25519 {}", base64(&bytes))
}

/// A policy document with one statement for each grant.
fn policy(grants: &[&Grant]) -> Value {
    let statements: Vec<Value> = grants
        .iter()
        .map(|grant| json!({ "Effect": "Allow", "Action": grant.actions, "Resource": grant.resources }))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Who may become a role, as a trust policy.
fn trust_policy(estate: &Estate, role: &Identity) -> Value {
    let statements: Vec<Value> = estate
        .trusts_to(role)
        .filter(|trust| trust.mechanism != "runs-as")
        .map(|trust| statement(estate, trust))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn statement(estate: &Estate, trust: &Trust) -> Value {
    match &trust.from {
        Subject::Identity { identity } => {
            let arn = estate.identity(*identity).map_or("*", |identity| &identity.native_id);
            json!({ "Effect": "Allow", "Principal": { "AWS": arn }, "Action": "sts:AssumeRole" })
        }
        Subject::Principal { principal } => {
            let principal = if principal.ends_with(".amazonaws.com") {
                json!({ "Service": principal })
            } else {
                json!({ "AWS": principal })
            };
            let mut statement =
                json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
            if let Some(condition) = trust.conditions.first() {
                let operator = condition.operator.as_ref();
                let values = json!({ condition.key.as_str(): condition.values });
                if let Some(statement) = statement.as_object_mut() {
                    statement.insert("Condition".into(), json!({ operator: values }));
                }
            }
            statement
        }
        Subject::Federated { issuer, subject, audience } => {
            let host = issuer.trim_start_matches("https://");
            let provider = format!("arn:aws:iam::{}:oidc-provider/{host}", trust.instance);
            let is_pattern = subject.contains('*');
            let like = if is_pattern { "StringLike" } else { "StringEquals" };
            let mut conditions = serde_json::Map::new();
            conditions.insert(like.into(), json!({ format!("{host}:sub"): subject }));
            let audience = json!(audience.as_deref().unwrap_or("sts.amazonaws.com"));
            let equals = conditions.entry("StringEquals").or_insert_with(|| json!({}));
            if let Some(equals) = equals.as_object_mut() {
                equals.insert(format!("{host}:aud"), audience);
            }
            json!({
                "Effect": "Allow",
                "Principal": { "Federated": provider },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": conditions,
            })
        }
    }
}

#[cfg(test)]
mod tests;
