//! How things of a host are named in records, so that every area, and every other connector, means
//! the same thing by the same id.

use credentials::pkcs12::Rounds;
use model::kinds::{self, IdentityKind};
use model::{
    Authority, Evidence, Fact, Fingerprinter, Identity, IdentityId, OwnerLink, Party, PartyKind,
    Place, ScopeId, Subject, Time, Trust,
};

use crate::address::public_text;
use crate::files::Meta;
use crate::material::At;

/// The system of record of accounts, units and jobs.
pub(super) const LINUX: &str = "linux";

/// What `normalize` knows beside the files: all of it handed in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub machine: &'a str,
    pub scope: ScopeId,
    pub now: Time,
    pub fingerprinter: Option<&'a Fingerprinter>,
    /// For the key stores of the whole machine.
    pub rounds: &'a Rounds,
}

impl<'a> Names<'a> {
    pub(super) fn account_id(&self, name: &str) -> IdentityId {
        Identity::id_of(kinds::SYSTEM_ACCOUNT, LINUX, self.machine, name)
    }

    pub(super) fn host_id(&self) -> IdentityId {
        Identity::id_of(kinds::HOST, LINUX, "", self.machine)
    }

    /// A claim about the machine itself.
    pub(super) fn host(&self) -> Identity {
        Identity::new(kinds::HOST, LINUX, "", self.machine, self.scope)
    }

    /// A claim about something of this machine.
    pub(super) fn identity(
        &self,
        kind: &'static IdentityKind,
        native_id: &str,
        locus: &str,
    ) -> Identity {
        let mut identity = Identity::new(kind, LINUX, self.machine, native_id, self.scope);
        identity.loci.push(locus.into());
        identity
    }

    /// An account that a file speaks of and `/etc/passwd` may not have.
    pub(super) fn mentioned_account(
        &self,
        kind: &'static IdentityKind,
        name: &str,
        locus: &str,
    ) -> Identity {
        let mut identity = self.identity(kind, name, locus);
        identity.authority = Authority::Mentioned;
        identity.fact(
            "in_passwd",
            Fact::known(false).because("not in /etc/passwd: from a directory, or left over"),
        );
        identity
    }

    pub(super) fn place(&self, path: &str, meta: Option<Meta>) -> Place {
        let mut place = Place::new(kinds::PLACE_FILE, "file", self.machine, path, self.scope);
        place.loci.push(path.into());
        if let Some(meta) = meta {
            place.fact("mode", meta.mode_fact());
            place.fact("owner", Fact::known(meta.uid));
            place.fact("exposure", meta.exposure_fact());
        }
        place
    }

    pub(super) fn at<'b>(&self, place: &'b Place, locus: &'b str, meta: Option<Meta>) -> At<'b>
    where
        'a: 'b,
    {
        At {
            scope: self.scope,
            place,
            locus,
            meta,
            machine: self.machine,
            fingerprinter: self.fingerprinter,
        }
    }

    /// `from` acts with the rights of the account.
    pub(super) fn runs_as(&self, from: IdentityId, account: &str, evidence: Evidence) -> Trust {
        let subject = Subject::Identity { identity: from };
        let to = self.account_id(account);
        let mut trust =
            Trust::new("runs-as", LINUX, self.machine, account, self.scope, subject, to);
        trust.loci.push(evidence.at.clone());
        trust.evidence.push(evidence);
        trust
    }

    pub(super) fn owner(
        &self,
        identity: IdentityId,
        address: &str,
        method: &'static str,
        confidence: f64,
        evidence: Evidence,
    ) -> OwnerLink {
        let party = Party::new(party_kind(address), address, address);
        let mut link = OwnerLink::new(identity, party, method, confidence, self.scope);
        link.loci.push(evidence.at.clone());
        link.evidence.push(evidence);
        link
    }
}

/// Words in the first half of an address that say it is a group of people.
const TEAM_WORDS: &[&str] = &[
    "admin",
    "admins",
    "alerts",
    "backend",
    "contact",
    "data",
    "dba",
    "dev",
    "devops",
    "frontend",
    "group",
    "help",
    "helpdesk",
    "hostmaster",
    "infra",
    "it",
    "list",
    "mail",
    "network",
    "noc",
    "oncall",
    "operations",
    "ops",
    "platform",
    "postmaster",
    "root",
    "security",
    "service",
    "sre",
    "support",
    "sysadmin",
    "team",
    "web",
    "webmaster",
];

fn party_kind(address: &str) -> PartyKind {
    let local = address.split('@').next().unwrap_or_default().to_lowercase();
    let is_team = local.split(['-', '_', '.', '+']).any(|word| TEAM_WORDS.contains(&word));
    if is_team { PartyKind::Team } else { PartyKind::Person }
}

/// At most this many addresses are taken from one text.
const MAX_ADDRESSES: usize = 20;

/// The e-mail addresses in a text, in order, without repeats.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let outside = |c: char| !(c.is_ascii_alphanumeric() || "@.+-_".contains(c));
    // What follows the password of an address is no one's mail box.
    for word in public_text(text).split(outside) {
        let word = word.trim_matches(['.', '-', '+', '_']);
        let Some((local, domain)) = word.split_once('@') else { continue };
        let is_domain = domain.len() <= 253
            && !domain.contains(['@', '+', '_'])
            && domain.split('.').count() >= 2
            && domain.split('.').all(|label| !label.is_empty() && label.len() <= 63)
            && domain
                .split('.')
                .next_back()
                .is_some_and(|top| top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic()));
        // `getty@tty1.service` has the form of an address and is a unit.
        let is_unit = super::unit_file::is_unit_name(word);
        if !local.is_empty() && local.len() <= 64 && is_domain && !is_unit {
            let address = word.to_lowercase();
            if !found.contains(&address) {
                found.push(address);
            }
        }
        if found.len() == MAX_ADDRESSES {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_and_unit_names_are_not() {
        let check = |text: &str, expected: &[&str]| assert_eq!(addresses(text), expected, "{text}");
        check(
            "Ask Ada <Ada.Lovelace@Example.org>, or ops@example.org.",
            &["ada.lovelace@example.org", "ops@example.org"],
        );
        check("mailto:ada@example.org ada@example.org", &["ada@example.org"]);
        check("getty@tty1.service, root@localhost, @example.org, a@b", &[]);
    }

    proptest::proptest! {
        #[test]
        fn any_text(text: String) {
            proptest::prop_assert!(addresses(&text).len() <= MAX_ADDRESSES);
        }
    }
}
