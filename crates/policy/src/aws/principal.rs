//! Who asks, and whether a `Principal` element means them.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use super::arn;

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// As it was given: an ARN, the name of a service, the ARN or name of an identity provider.
    pub(super) name: String,
    pub(super) sort: Sort,
    pub(super) account: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sort {
    User {
        name: String,
    },
    Role,
    /// A session of a role; its ARN names the role without its path.
    Session {
        role: String,
    },
    /// A session that a user had made for somebody.
    FederatedUser {
        user: String,
    },
    /// The account itself.
    Root,
    Service,
    /// Signed in at an identity provider, before taking a role.
    Federated,
    Anonymous,
}

impl Principal {
    pub const ANONYMOUS: Self = Self { name: String::new(), sort: Sort::Anonymous, account: None };

    pub fn service(name: impl Into<String>) -> Self {
        Self { name: name.into(), sort: Sort::Service, account: None }
    }

    pub fn federated(name: impl Into<String>) -> Self {
        Self { name: name.into(), sort: Sort::Federated, account: None }
    }

    /// Of an ARN of a user, a role, a session or an account.
    pub fn of_arn(name: &str) -> Result<Self, String> {
        let wrong = || format!("`{name}` is no ARN of a user, a role, a session or an account");
        let [_, _, service, _, account, resource] = arn::parts(name).ok_or_else(wrong)?;
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let sort = match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => Sort::Root,
            ("iam", Some(("user", path))) => Sort::User { name: last(path) },
            ("iam", Some(("role", _))) => Sort::Role,
            ("sts", Some(("assumed-role", path))) => {
                let (role, _) = path.split_once('/').ok_or_else(wrong)?;
                Sort::Session { role: role.to_owned() }
            }
            ("sts", Some(("federated-user", user))) => {
                Sort::FederatedUser { user: user.to_owned() }
            }
            _ => return Err(wrong()),
        };
        let account = (!account.is_empty()).then(|| account.to_owned());
        Ok(Self { name: name.to_owned(), sort, account })
    }

    /// As it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is one of an account, to which the account's own policies apply.
    pub(super) const fn is_of_account(&self) -> bool {
        !matches!(self.sort, Sort::Service | Sort::Federated | Sort::Anonymous)
    }

    pub(super) fn is_service_linked(&self) -> bool {
        self.sort == Sort::Role && self.name.contains(":role/aws-service-role/")
    }

    /// `aws:PrincipalArn`: of a session its role's, as far as it is known (without a path).
    pub(super) fn arn(&self) -> Option<String> {
        match &self.sort {
            Sort::Service | Sort::Federated | Sort::Anonymous => None,
            Sort::Session { role } => {
                let [_, partition, _, _, account, _] = arn::parts(&self.name)?;
                Some(format!("arn:{partition}:iam::{account}:role/{role}"))
            }
            _ => Some(self.name.clone()),
        }
    }

    /// `aws:PrincipalType`.
    pub(super) const fn type_name(&self) -> Option<&'static str> {
        Some(match self.sort {
            Sort::User { .. } => "User",
            Sort::Role | Sort::Session { .. } => "AssumedRole",
            Sort::FederatedUser { .. } => "FederatedUser",
            Sort::Root => "Account",
            Sort::Anonymous => "Anonymous",
            Sort::Service | Sort::Federated => return None,
        })
    }

    /// `aws:username`.
    pub(super) fn user_name(&self) -> Option<String> {
        match &self.sort {
            Sort::User { name } => Some(name.clone()),
            _ => None,
        }
    }
}

/// One principal that a policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    Everyone,
    Account(String),
    Arn(String),
    Service(String),
    Federated(String),
    /// A canonical user of S3: which account it stands for is not known.
    Canonical,
    /// The id that is left of a principal that was deleted.
    Gone,
}

/// How directly a policy names who asks; the more directly, the fewer of the principal's own limits
/// bind. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Its account, which passes the decision on to the account's own policies.
    Account,
    /// The role of a session, or the user behind one.
    Behind,
    /// Itself, or everyone.
    Itself,
}

impl Named {
    /// A value below `AWS`.
    pub(super) fn of_aws(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Everyone);
        }
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Account(text.to_owned()));
        }
        let is_id = text.len() >= 16
            && (text.starts_with("AIDA") || text.starts_with("AROA") || text.starts_with("ASIA"))
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_id {
            return Ok(Self::Gone);
        }
        match arn::parts(text) {
            _ if text.contains(['*', '?']) => {
                Err(format!("`{text}`: a principal is named whole, or `*` alone"))
            }
            Some([_, _, "iam", _, account, "root"]) if !account.is_empty() => {
                Ok(Self::Account(account.to_owned()))
            }
            Some([_, _, "iam" | "sts", ..]) => Ok(Self::Arn(text.to_owned())),
            _ => {
                Err(format!("`{text}` is neither an account, nor the ARN of a principal, nor `*`"))
            }
        }
    }

    pub(super) fn level(&self, who: &Principal) -> Option<Level> {
        match self {
            Self::Everyone => Some(Level::Itself),
            Self::Account(account) => {
                let is_of_it = who.is_of_account() && who.account.as_ref() == Some(account);
                is_of_it.then_some(if who.sort == Sort::Root {
                    Level::Itself
                } else {
                    Level::Account
                })
            }
            Self::Service(name) => {
                (who.sort == Sort::Service && who.name == *name).then_some(Level::Itself)
            }
            Self::Federated(name) => {
                (who.sort == Sort::Federated && who.name == *name).then_some(Level::Itself)
            }
            Self::Arn(named) => match &who.sort {
                Sort::User { .. } => (who.name == *named).then_some(Level::Itself),
                Sort::Role => (who.name == *named).then_some(Level::Behind),
                Sort::Session { .. } | Sort::FederatedUser { .. } if who.name == *named => {
                    Some(Level::Itself)
                }
                Sort::Session { role } => is_behind(who, named, "role/", role),
                Sort::FederatedUser { user } => is_behind(who, named, "user/", user),
                _ => None,
            },
            Self::Canonical | Self::Gone => None,
        }
    }
}

/// Whether a named role or user is the one that a session's ARN names, which leaves out its path:
/// names differ within an account whatever their paths.
fn is_behind(who: &Principal, named: &str, sort: &str, name: &str) -> Option<Level> {
    let [_, partition, _, _, account, _] = arn::parts(&who.name)?;
    let [_, named_partition, "iam", _, named_account, resource] = arn::parts(named)? else {
        return None;
    };
    let path = resource.strip_prefix(sort)?;
    let is_it = partition == named_partition
        && account == named_account
        && path.rsplit('/').next() == Some(name);
    is_it.then_some(Level::Behind)
}
