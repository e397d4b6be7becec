//! What a parser is handed: one file of one home.

use std::collections::BTreeMap;

use model::kinds::{CredentialKind, IdentityKind};
use model::{Credential, Fact, Identity, IdentityId, kinds};

use crate::document::{self, Node, Syntax};
use crate::dossier::{Dossier, Held, has_shape, reference};

/// A file, read.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// Relative to the home.
    pub path: &'a str,
    pub bytes: &'a [u8],
    /// What files read earlier in the same home have told.
    pub known: &'a mut Known,
}

/// What one file of a home tells that another one refers to.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// AWS profiles and what each one acts as.
    pub aws_profiles: BTreeMap<String, IdentityId>,
}

/// Adds to the dossier what the file says.
pub(super) type Parser = fn(&mut File<'_>, &mut Dossier<'_>);

impl File<'_> {
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// The text; a gap and nothing when it is none.
    pub(super) fn text(&self, dossier: &mut Dossier<'_>) -> String {
        match document::text(self.bytes) {
            Ok(text) => text,
            Err(problem) => {
                dossier.gaps.push(problem.gap(dossier.at.locus));
                String::new()
            }
        }
    }

    /// The document; a gap and an empty one when it is none.
    pub(super) fn document(&self, syntax: Syntax, dossier: &mut Dossier<'_>) -> Node {
        let document = document::text(self.bytes).and_then(|text| document::read(syntax, &text));
        document.unwrap_or_else(|problem| {
            dossier.gaps.push(problem.gap(dossier.at.locus));
            Node { line: 1, value: document::Value::Null }
        })
    }
}

/// An account of a service, and the secret with which it signs in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    pub kind: &'static IdentityKind,
    /// The service, and its host.
    pub system: &'static str,
    pub host: &'a str,
    pub user: Option<&'a str>,
    pub secret: &'static CredentialKind,
    /// Unique in the file.
    pub pointer: &'a str,
    /// The key of the value, for the recogniser.
    pub name: &'a str,
    pub line: u32,
}

impl Login<'_> {
    pub(super) fn identity(&self, dossier: &Dossier<'_>) -> Identity {
        dossier.account(self.kind, self.system, self.host, self.user, self.pointer, self.line)
    }

    /// States the account and its secret. A value that is a reference to a variable is a fact of
    /// the account.
    pub(super) fn state<'d>(
        &self,
        dossier: &'d mut Dossier<'_>,
        value: &str,
    ) -> Option<&'d mut Credential> {
        if let Some(token) = self.user.filter(|user| is_token(user, value)) {
            // `login ghp_… password x-oauth-basic`: the user name is the secret.
            let pointer = self.pointer.replace(token, "…");
            let login = Login {
                user: None,
                secret: kinds::API_TOKEN,
                pointer: &pointer,
                name: "token",
                ..*self
            };
            return login.state(dossier, token);
        }
        let mut identity = self.identity(dossier);
        if let Some(variable) = reference(value) {
            identity.fact("secret_reference", Fact::known(variable));
        }
        let id = dossier.add(identity);
        let held = Held::new(self.secret, self.system, self.pointer, self.name, self.line)
            .at(self.host)
            .of(id);
        dossier.secret(&held, value)
    }

    /// States the account, whose secret lies in a keyring or with a helper program.
    pub(super) fn state_elsewhere(&self, dossier: &mut Dossier<'_>, elsewhere: &str) {
        let mut identity = self.identity(dossier);
        identity.fact("credential_store", Fact::known(elsewhere));
        dossier.add(identity);
    }
}

/// Whether a user name is itself the token, as some services take it: the password then says
/// nothing, or is the token once more.
fn is_token(user: &str, password: &str) -> bool {
    let is_shaped = credentials::classify(None, user)
        .is_some_and(|found| has_shape(&found) && found.public_id.as_deref() != Some(user));
    let is_dummy =
        matches!(password, "" | "x" | "X" | "x-oauth-basic" | "api_token" | "nopassword");
    is_shaped || is_dummy && user.len() >= 16
}

/// A program's own name out of a command line: its arguments may hold anything.
pub(super) fn program(command: &str) -> String {
    let first = command.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'']);
    let name = first.rsplit(['/', '\\']).next().unwrap_or(first);
    let is_plain = !name.is_empty()
        && name.len() <= 60
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
        && !crate::address::looks_random(name);
    if is_plain { name.to_owned() } else { "a command".into() }
}
