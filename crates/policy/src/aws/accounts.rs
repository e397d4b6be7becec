//! What one or several accounts say: principals, the policies that bind them, the policies of
//! resources and of the organisation; and which of these apply to a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::json::Json;

use super::arn;
use super::context::{Context, NEVER_KNOWN};
use super::decide::{Policies, Request};
use super::document::{Document, Kind, Problem};
use super::principal::{Principal, Sort};

/// A policy as its source holds it.
#[derive(Debug, Clone)]
pub struct Policy {
    /// An ARN, or that of its holder and a name.
    pub native_id: String,
    /// What people call it.
    pub name: String,
    /// As written, for pointers into it; null where the document is not known.
    pub json: Arc<Json>,
    document: Arc<Document>,
    /// Why the document says nothing: it was not read, or cannot be.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderKind {
    User,
    Role,
    Group,
}

/// A user, a role or a group, with what is attached to it, by native id.
#[derive(Debug, Clone)]
pub struct Holder {
    pub arn: String,
    pub kind: HolderKind,
    /// Managed and inline policies.
    pub policies: Vec<String>,
    /// ARNs of groups, of a user.
    pub groups: Vec<String>,
    pub boundary: Option<String>,
    /// None where its tags were not read.
    pub tags: Option<BTreeMap<String, String>>,
    /// What the source could not read of it: its verdicts depend on that.
    pub unread: Vec<String>,
}

/// The organisation's policies for one account: from the root down, each with its policies' ids; no
/// level where none of the kind was read.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    pub service_control: Vec<Vec<String>>,
    pub resource_control: Vec<Vec<String>>,
    pub is_management_account: bool,
}

/// See [`Accounts::applied`].
#[derive(Debug, Clone, Default)]
pub struct Applied {
    pub policies: Policies,
    /// By their names in [`Deciding`](super::Deciding): `identity_policies/0` …
    pub named: BTreeMap<String, Policy>,
    /// What was not read and is taken not to be there.
    pub assumed: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Accounts {
    holders: BTreeMap<String, Holder>,
    policies: BTreeMap<String, Policy>,
    /// By resource ARN; the trust policy of a role by the role's.
    of_resource: BTreeMap<String, Policy>,
    levels: BTreeMap<String, Levels>,
    /// By account and role name, since sessions do not tell a role's path.
    roles: BTreeMap<(String, String), String>,
}

impl Policy {
    /// Reads a document as written; one that cannot be read may say anything.
    pub fn read(native_id: &str, name: &str, text: &str, kind: Kind) -> Self {
        match serde_json::from_str::<Json>(text) {
            Ok(json) => match Document::read(&json, kind) {
                Ok(document) => Self {
                    native_id: native_id.to_owned(),
                    name: name.to_owned(),
                    json: Arc::new(json),
                    document: Arc::new(document),
                    problems: Vec::new(),
                },
                Err(problems) => {
                    Self { json: Arc::new(json), ..Self::unread(native_id, name, kind, problems) }
                }
            },
            Err(error) => {
                let message =
                    format!("line {}, column {}: no JSON: {error}", error.line(), error.column());
                Self::unread(
                    native_id,
                    name,
                    kind,
                    vec![Problem { pointer: String::new(), message }],
                )
            }
        }
    }

    /// A policy of which only the name is known.
    pub fn not_read(native_id: &str, name: &str, kind: Kind) -> Self {
        let message = "the document was not read".to_owned();
        Self::unread(native_id, name, kind, vec![Problem { pointer: String::new(), message }])
    }

    fn unread(native_id: &str, name: &str, kind: Kind, problems: Vec<Problem>) -> Self {
        Self {
            native_id: native_id.to_owned(),
            name: name.to_owned(),
            json: Arc::new(Json::Null),
            document: Arc::new(Document::not_read(&format!("{NEVER_KNOWN}{native_id}"), kind)),
            problems,
        }
    }

    pub fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// A value in the document, by its JSON pointer.
    pub fn at(&self, pointer: &str) -> Option<&Json> {
        let mut json = &*self.json;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            json = match json {
                Json::List(list) => list.get(part.parse::<usize>().ok()?)?,
                json => json.get(&part)?,
            };
        }
        Some(json)
    }
}

impl Accounts {
    pub fn add_holder(&mut self, holder: Holder) {
        if let (HolderKind::Role, Some([.., account, resource])) =
            (holder.kind, arn::parts(&holder.arn))
        {
            let name = resource.rsplit('/').next().unwrap_or_default();
            self.roles.insert((account.to_owned(), name.to_owned()), holder.arn.clone());
        }
        self.holders.insert(holder.arn.clone(), holder);
    }

    /// A managed or inline policy, or one of the organisation.
    pub fn add_policy(&mut self, policy: Policy) {
        self.policies.insert(policy.native_id.clone(), policy);
    }

    /// The policy of a resource; the trust policy of a role.
    pub fn add_resource_policy(&mut self, resource: &str, policy: Policy) {
        self.of_resource.insert(resource.to_owned(), policy);
    }

    /// Organisations do not limit the account that manages them.
    pub fn is_management_account(&self, principal: &Principal) -> bool {
        let levels = principal.account.as_ref().and_then(|account| self.levels.get(account));
        levels.is_some_and(|levels| levels.is_management_account)
    }

    pub fn set_levels(&mut self, account: &str, levels: Levels) {
        self.levels.insert(account.to_owned(), levels);
    }

    /// Users and roles: groups make no requests.
    pub fn principals(&self) -> impl Iterator<Item = &Holder> {
        self.holders.values().filter(|holder| holder.kind != HolderKind::Group)
    }

    pub fn holder(&self, arn: &str) -> Option<&Holder> {
        self.holders.get(arn)
    }

    pub fn policy(&self, native_id: &str) -> Option<&Policy> {
        self.policies.get(native_id)
    }

    /// Users, roles and groups that a policy is attached to, or part of.
    pub fn n_holders_of(&self, native_id: &str) -> usize {
        let has = |holder: &&Holder| holder.policies.iter().any(|id| id == native_id);
        self.holders.values().filter(has).count()
    }

    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values()
    }

    pub fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    pub fn resource_policies(&self) -> impl Iterator<Item = (&str, &Policy)> {
        self.of_resource.iter().map(|(arn, policy)| (arn.as_str(), policy))
    }

    /// The principals that a text means: a whole ARN, or a name that a user or role has.
    pub fn named(&self, text: &str) -> Vec<&Holder> {
        if let Some(holder) = self.holders.get(text) {
            return vec![holder];
        }
        let is_it = |holder: &&Holder| {
            let [.., resource] = arn::parts(&holder.arn).unwrap_or_default();
            resource == text || resource.rsplit('/').next() == Some(text)
        };
        self.principals().filter(is_it).collect()
    }

    /// The user or role that a principal is or is a session of.
    pub fn behind(&self, principal: &Principal) -> Option<&Holder> {
        match &principal.sort {
            Sort::User { .. } | Sort::Role => self.holders.get(&principal.name),
            Sort::Session { role } => {
                let key = (principal.account.clone()?, role.clone());
                self.holders.get(self.roles.get(&key)?)
            }
            Sort::FederatedUser { user } => {
                let account = principal.account.as_deref()?;
                let is_it = |holder: &&Holder| {
                    let [.., of, resource] = arn::parts(&holder.arn).unwrap_or_default();
                    holder.kind == HolderKind::User
                        && of == account
                        && resource.rsplit('/').next() == Some(user)
                };
                self.principals().find(is_it)
            }
            _ => None,
        }
    }

    /// Whom the policies below an ARN belong to: of an object its bucket.
    fn policy_of_resource(&self, resource: &str) -> Option<&Policy> {
        let bare = match arn::parts(resource) {
            Some([_, partition, "s3", region, account, path]) => {
                let (bucket, _) = path.split_once('/').unwrap_or((path, ""));
                format!("arn:{partition}:s3:{region}:{account}:{bucket}")
            }
            // A function's version or alias has a policy of its own, or none.
            _ => resource.to_owned(),
        };
        self.of_resource.get(resource).or_else(|| self.of_resource.get(&bare))
    }

    /// The policies that apply to a request on its first resource.
    pub fn applied(&self, request: &Request) -> Applied {
        let mut applied = Applied::default();
        let who = &request.principal;
        if who.is_of_account() {
            self.apply_own(who, &mut applied);
        }
        let resource = request.resources.first().map_or("*", String::as_str);
        self.apply_levels(request, resource, &mut applied);
        self.apply_resource(request, resource, &mut applied);
        applied
    }

    fn apply_own(&self, who: &Principal, applied: &mut Applied) {
        let Some(holder) = self.behind(who) else {
            if who.sort != Sort::Root {
                let policy = Policy::not_read(&who.name, "its own policies", Kind::Principal);
                applied.push_identity(policy);
            }
            return;
        };
        let of_groups = holder.groups.iter().map(|arn| (arn, self.holders.get(arn)));
        let mut own: BTreeSet<&str> = holder.policies.iter().map(String::as_str).collect();
        for (arn, group) in of_groups {
            match group {
                Some(group) => own.extend(group.policies.iter().map(String::as_str)),
                None => applied.push_identity(Policy::not_read(arn, arn, Kind::Principal)),
            }
        }
        for unread in &holder.unread {
            applied.push_identity(Policy::not_read(unread, unread, Kind::Principal));
        }
        for native_id in own {
            applied.push_identity(self.of_principal(native_id));
        }
        if let Some(boundary) = &holder.boundary {
            let policy = self.of_principal(boundary);
            applied.policies.boundaries.push(Arc::clone(&policy.document));
            applied.named.insert("permission_boundaries/0".to_owned(), policy);
        }
    }

    fn of_principal(&self, native_id: &str) -> Policy {
        self.known(native_id, Kind::Principal)
    }

    fn known(&self, native_id: &str, kind: Kind) -> Policy {
        let known = self.policies.get(native_id).cloned();
        known.unwrap_or_else(|| Policy::not_read(native_id, native_id, kind))
    }

    fn apply_levels(&self, request: &Request, resource: &str, applied: &mut Applied) {
        let account = request.principal.account.as_deref().unwrap_or_default();
        if request.principal.is_of_account() {
            let levels = self.levels.get(account);
            let why = match levels {
                None => Some("its organisation was not read"),
                Some(levels) if levels.is_management_account => None,
                Some(levels) => levels.service_control.is_empty().then_some("none was read"),
            };
            applied.assumed.extend(
                why.map(|why| format!("no service control policy limits account {account}: {why}")),
            );
            let levels = levels.map_or(&[][..], |levels| levels.service_control.as_slice());
            applied.policies.service_control =
                self.of_levels(levels, "service_control_policies", Kind::Principal, applied);
        }
        let of_resource = arn::account(resource).or(request.resource_account.as_deref());
        let Some(levels) = self.levels.get(of_resource.unwrap_or(account)) else { return };
        applied.policies.resource_control = self.of_levels(
            &levels.resource_control,
            "resource_control_policies",
            Kind::Resource,
            applied,
        );
    }

    fn of_levels(
        &self,
        levels: &[Vec<String>],
        layer: &str,
        kind: Kind,
        applied: &mut Applied,
    ) -> Vec<Vec<Arc<Document>>> {
        let mut take = |tier: usize, n: usize, id: &String| {
            let policy = self.known(id, kind);
            let document = Arc::clone(&policy.document);
            applied.named.insert(format!("{layer}/{tier}/{n}"), policy);
            document
        };
        let mut all = Vec::with_capacity(levels.len());
        for (tier, ids) in levels.iter().enumerate() {
            all.push(ids.iter().enumerate().map(|(n, id)| take(tier, n, id)).collect());
        }
        all
    }

    fn apply_resource(&self, request: &Request, resource: &str, applied: &mut Applied) {
        // Reading or changing a role's settings is no taking of it: its trust has no say.
        let is_taking = request.action.to_ascii_lowercase().starts_with("sts:");
        let is_role = arn::parts(resource).is_some_and(|[_, _, service, _, _, path]| {
            service == "iam" && path.starts_with("role/")
        });
        if is_role && !is_taking {
            return;
        }
        if let Some(policy) = self.policy_of_resource(resource) {
            applied.policies.resource = Some(Arc::clone(&policy.document));
            applied.named.insert("resource_policy".to_owned(), policy.clone());
            return;
        }
        let Some([_, _, service, _, _, path]) = arn::parts(resource) else { return };
        let account = arn::account(resource).or(request.resource_account.as_deref());
        let is_foreign =
            account.is_some_and(|account| request.principal.account.as_deref() != Some(account));
        let may_have_one = is_role || HAVE_POLICIES.contains(&service);
        let is_key = service == "kms" && (path.starts_with("key/") || path.starts_with("alias/"));
        let is_decisive = is_role || is_key || is_foreign || !request.principal.is_of_account();
        if may_have_one && is_decisive {
            let kind = if is_role { Kind::Trust } else { Kind::Resource };
            let policy = Policy::not_read(resource, "the resource's policy", kind);
            applied.policies.resource = Some(Arc::clone(&policy.document));
            applied.named.insert("resource_policy".to_owned(), policy);
        } else if HAVE_POLICIES.contains(&service) {
            applied.assumed.push(format!("`{resource}` has no policy of its own: none was read"));
        }
    }

    /// Context that follows from who asks: keys that nothing is said of are not known.
    pub fn context(&self, principal: &Principal) -> Context {
        let mut context = Context::open();
        if !principal.is_of_account() {
            return context;
        }
        context.set("aws:PrincipalIsAWSService", "false");
        if principal.user_name().is_none() {
            context.set_absent("aws:username");
        }
        let tags = self.behind(principal).and_then(|holder| holder.tags.as_ref());
        // A session may bring tags of its own.
        if let (Some(tags), Sort::User { .. }) = (tags, &principal.sort) {
            context.close("aws:PrincipalTag/");
            for (name, value) in tags {
                context.set(&format!("aws:PrincipalTag/{name}"), value.as_str());
            }
        } else {
            for (name, value) in tags.into_iter().flatten() {
                context.set(&format!("aws:PrincipalTag/{name}"), value.as_str());
            }
        }
        context
    }
}

/// Services whose resources may have policies of their own.
const HAVE_POLICIES: &[&str] = &[
    "backup",
    "codeartifact",
    "codebuild",
    "dynamodb",
    "ecr",
    "elasticfilesystem",
    "es",
    "events",
    "execute-api",
    "glacier",
    "glue",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "opensearch",
    "s3",
    "schemas",
    "secretsmanager",
    "ses",
    "sns",
    "sqs",
    "ssm",
    "vpc-lattice",
];

impl Applied {
    fn push_identity(&mut self, policy: Policy) {
        let name = format!("identity_policies/{}", self.policies.identity.len());
        self.policies.identity.push(Arc::clone(&policy.document));
        self.named.insert(name, policy);
    }
}
