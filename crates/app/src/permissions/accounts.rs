//! Accounts as the language of their policies sees them, out of records.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};

use connectors::{Machine, Progress, Request, Settings};
use model::fact::State;
use model::{Authority, Identity, PolicyDocument, PolicyKind, SourceId, Time, Value, kinds};
use policy::aws::{self, Accounts, Holder, HolderKind, Levels, Policy};
use store::{Filter, ListQuery, Op, SyncId};

use crate::App;
use crate::access::{Act, Actor};
use crate::error::{Error, Kind, Result};

/// The system whose policies are understood.
const AWS: &str = "aws";

/// What is read of a page of identities at once.
const PAGE: usize = 1_000;

/// Accounts out of the identities and policy documents of AWS.
pub fn accounts_of<'r>(
    identities: impl IntoIterator<Item = &'r Identity>,
    policies: impl IntoIterator<Item = &'r PolicyDocument>,
) -> Accounts {
    let mut gathered = Gathered::default();
    for policy in policies {
        gathered.policy(policy);
    }
    for identity in identities {
        gathered.identity(identity);
    }
    gathered.finish()
}

/// The accounts that were made of the estate, and of which state of it: the last publication and the
/// sources that are there.
pub(crate) type KnownAccounts = Option<((Option<SyncId>, Vec<SourceId>), Arc<Accounts>)>;

/// An estate with more identities of AWS is not asked as a whole.
pub const MAX_HOLDERS: usize = 200_000;

/// The accounts of everything that was synced, made once for each state of the estate.
pub fn in_store(app: &App, actor: &Actor) -> Result<Arc<Accounts>> {
    actor.may(Act::Look)?;
    // Held while they are made: whoever asks meanwhile waits for them and makes none of their own.
    let mut known = app.permissions.lock().unwrap_or_else(PoisonError::into_inner);
    let sources = app.store.sources()?.into_iter().map(|source| source.id).collect();
    let state = (app.store.last_published()?, sources);
    if let Some((of, accounts)) = &*known
        && *of == state
    {
        return Ok(Arc::clone(accounts));
    }
    let accounts = Arc::new(read(app)?);
    *known = Some((state, Arc::clone(&accounts)));
    Ok(accounts)
}

fn read(app: &App) -> Result<Accounts> {
    let mut gathered = Gathered::default();
    let mut instances: BTreeSet<String> = BTreeSet::new();
    let mut n_left = MAX_HOLDERS;
    let of_aws = Filter { field: "system".into(), op: Op::Is, values: vec![AWS.to_owned()] };
    let mut query = ListQuery { filters: vec![of_aws], limit: PAGE, ..ListQuery::default() };
    loop {
        let page = app.store.list_identities(&query)?;
        n_left = n_left.checked_sub(page.rows.len()).ok_or_else(|| {
            let message = format!("more than {MAX_HOLDERS} identities of AWS");
            Error::new(Kind::Unavailable, "too-many-identities", message)
                .hint("ask about saved replies of one account, with `--from`")
        })?;
        for row in &page.rows {
            instances.insert(row.record.instance.clone());
            gathered.identity(&row.record);
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    for instance in instances {
        app.store.each_policy(AWS, &instance, &mut |policy| {
            gathered.policy(&policy);
            true
        })?;
    }
    Ok(gathered.finish())
}

/// The accounts of saved output of AWS's API: a file or a folder. Nothing is kept.
pub fn saved(path: &Path, machine: &Machine, now: Time) -> Result<Accounts> {
    let descriptor = crate::sources::descriptor(AWS)
        .ok_or_else(|| Error::internal(anyhow::anyhow!("connector `{AWS}` is not built in")))?;
    let path = std::path::absolute(path).map_err(Error::internal)?;
    let settings = Settings::default().with("path", [path.to_string_lossy()]);
    let cancel = AtomicBool::new(false);
    let request = Request {
        settings: &settings,
        machine,
        now,
        fingerprinter: None,
        progress: &|_: Progress| {},
        cancel: &cancel,
    };
    let batch = crate::scan::collect(descriptor, &request)?;
    Ok(accounts_of(&batch.identities, &batch.policies))
}

#[derive(Default)]
struct Gathered {
    accounts: Accounts,
    /// By account: the way from the organisation's root, and whether it manages it.
    ways: BTreeMap<String, (Vec<String>, bool)>,
    /// Of organisation policies, by target.
    service_control: BTreeMap<String, Vec<String>>,
    resource_control: BTreeMap<String, Vec<String>>,
}

impl Gathered {
    fn policy(&mut self, policy: &PolicyDocument) {
        let read = |kind| Policy::read(&policy.native_id, &policy.name, &policy.document, kind);
        match policy.kind {
            PolicyKind::ManagedPolicy
            | PolicyKind::InlinePolicy
            | PolicyKind::PermissionSetPolicy => {
                self.accounts.add_policy(read(aws::Kind::Principal));
            }
            PolicyKind::TrustPolicy => {
                if let Some(arn) = policy.native_id.strip_suffix("#trust") {
                    self.accounts.add_resource_policy(arn, read(aws::Kind::Trust));
                }
            }
            PolicyKind::ResourcePolicy => {
                if let Some(arn) = &policy.resource {
                    self.accounts.add_resource_policy(arn, read(aws::Kind::Resource));
                }
            }
            PolicyKind::ServiceControlPolicy | PolicyKind::ResourceControlPolicy => {
                let (attached, kind) = match policy.kind {
                    PolicyKind::ServiceControlPolicy => {
                        (&mut self.service_control, aws::Kind::Principal)
                    }
                    _ => (&mut self.resource_control, aws::Kind::Resource),
                };
                for target in &policy.targets {
                    attached.entry(target.clone()).or_default().push(policy.native_id.clone());
                }
                self.accounts.add_policy(read(kind));
            }
        }
    }

    fn identity(&mut self, identity: &Identity) {
        // Of an account that was not read: named by others only.
        if identity.authority == Authority::Mentioned {
            return;
        }
        if identity.kind == kinds::CLOUD_ACCOUNT.id {
            if let Known::List(way) = fact(identity, "organization_path") {
                let manager = fact(identity, "management_account");
                let manages = matches!(manager, Known::Text(id) if id == identity.native_id);
                self.ways.insert(identity.native_id.clone(), (way, manages));
            }
            return;
        }
        let kind = if identity.kind == kinds::IAM_USER.id {
            HolderKind::User
        } else if identity.kind == kinds::IAM_ROLE.id {
            HolderKind::Role
        } else {
            return;
        };
        let arn = &identity.native_id;
        let mut holder = Holder {
            arn: arn.clone(),
            kind,
            policies: Vec::new(),
            groups: Vec::new(),
            boundary: None,
            tags: Some(identity.tags.clone()),
            unread: Vec::new(),
        };
        for (name, what) in [
            ("attached_policies", "managed policies"),
            ("inline_policies", "inline policies"),
            ("policies_of_groups", "policies of its groups"),
        ] {
            match fact(identity, name) {
                Known::List(ids) if name == "inline_policies" => {
                    holder.policies.extend(ids.iter().map(|id| format!("{arn}#inline/{id}")));
                }
                Known::List(ids) => holder.policies.extend(ids),
                Known::Text(id) => holder.policies.push(id),
                Known::Nothing => {}
                // Roles are in no groups.
                Known::Unsaid if name == "policies_of_groups" && kind == HolderKind::Role => {}
                Known::Unsaid => holder.unread.push(format!("{arn}: {what}")),
            }
        }
        match fact(identity, "permissions_boundary") {
            Known::Text(boundary) => holder.boundary = Some(boundary),
            Known::List(_) | Known::Nothing => {}
            Known::Unsaid => holder.unread.push(format!("{arn}: permissions boundary")),
        }
        self.accounts.add_holder(holder);
    }

    fn finish(mut self) -> Accounts {
        if self.service_control.is_empty() && self.resource_control.is_empty() {
            return self.accounts;
        }
        for (account, (way, is_management_account)) in self.ways {
            // Where a kind is switched on, each level has a policy of it.
            let of = |attached: &BTreeMap<String, Vec<String>>| -> Vec<Vec<String>> {
                if !way.iter().any(|step| attached.contains_key(step)) {
                    return Vec::new();
                }
                way.iter().map(|step| attached.get(step).cloned().unwrap_or_default()).collect()
            };
            let levels = Levels {
                service_control: of(&self.service_control),
                resource_control: of(&self.resource_control),
                is_management_account,
            };
            self.accounts.set_levels(&account, levels);
        }
        self.accounts
    }
}

enum Known {
    Text(String),
    List(Vec<String>),
    Nothing,
    Unsaid,
}

fn fact(identity: &Identity, name: &str) -> Known {
    match identity.facts.get(name).map(|fact| &fact.state) {
        Some(State::Known(Value::List(list))) => Known::List(list.clone()),
        Some(State::Known(Value::Text(text))) => Known::Text(text.clone()),
        Some(State::KnownAbsent) => Known::Nothing,
        _ => Known::Unsaid,
    }
}
