//! AWS itself, asked. What it replies is kept in memory as if it had been saved, and read as saved
//! replies are: there is one reader.
//!
//! [`settings`] says what to do, [`sign_in`] who asks, [`operations`] what is asked; [`request`] and
//! [`reply`] are the protocols, [`client`] sends, [`collect`] walks.

mod client;
mod collect;
pub(crate) mod operations;
mod pace;
mod reply;
mod request;
pub(crate) mod settings;
mod sign_in;
#[cfg(test)]
mod tests;
mod xml;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use connectors::{Request, SourceError};
use futures_util::{StreamExt, stream};
use model::{Gap, GapReason};
use serde_json::{Map, Value};

use crate::live::client::{Answer, Client, Lane};
pub(crate) use crate::live::collect::Collected;
use crate::live::collect::Whom;
use crate::live::operations::{Operation, REGIONS, WHO};
use crate::live::pace::Pace;
use crate::live::reply::values_at;
use crate::live::request::partition_of;
use crate::live::settings::Accounts;
use crate::live::sign_in::Session;

/// Accounts that are read together.
const ACCOUNTS_TOGETHER: usize = 4;
/// How often the wish to end is looked at.
const HEED: Duration = Duration::from_millis(100);

/// What a collection gave, and of whom.
#[derive(Debug)]
pub(crate) struct Live {
    /// The account signed in to.
    pub(crate) account: String,
    /// The ARN signed in as.
    pub(crate) arn: String,
    pub(crate) collected: Collected,
    /// Accounts that could not be gone into.
    pub(crate) lost: Vec<(String, Gap)>,
}

/// Asks for everything that the settings name.
pub(crate) fn collect(request: &Request<'_>) -> Result<Live, SourceError> {
    let plan = settings::plan(request.settings)?;
    run(request, async {
        let client = Client::new(request, &plan)?;
        all(&client).await
    })
}

/// Signs in and says as whom.
pub(crate) fn test(request: &Request<'_>) -> Result<String, SourceError> {
    let plan = settings::plan(request.settings)?;
    run(request, async {
        let client = Client::new(request, &plan)?;
        let (account, arn) = who(&client, &Session::first(&plan.sign_in)).await?;
        Ok(format!("signed in as {arn}, account {account}"))
    })
}

/// Runs to the end, or until the caller wants no more.
fn run<T>(
    request: &Request<'_>,
    work: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| SourceError::Unreachable(error.to_string()))?;
    let cancelled = async {
        while !request.is_cancelled() {
            tokio::time::sleep(HEED).await;
        }
    };
    runtime.block_on(async {
        tokio::select! {
            done = work => done,
            () = cancelled => Err(SourceError::Cancelled),
        }
    })
}

async fn all(client: &Client<'_>) -> Result<Live, SourceError> {
    let plan = client.plan;
    let first = Rc::new(Session::first(&plan.sign_in));
    let (own, arn) = who(client, &first).await?;
    let collected = RefCell::new(Collected::default());
    let whom = Whom { account: &own, region: &plan.region, session: &first };
    let of_organization = collect::organization(client, whom, &collected).await;
    let mut lost = Vec::new();
    let accounts = match &plan.accounts {
        Accounts::Own => vec![own.clone()],
        Accounts::These(accounts) => accounts.clone(),
        Accounts::Organization => {
            if of_organization.is_empty() {
                let missing = "organizations:ListAccountsForParent, from the management account or \
                               one it delegated to";
                let detail =
                    "the accounts of the organisation are not known; only this one is read";
                let gap = Gap::new(&own, GapReason::Denied).detail(detail).missing(missing);
                lost.push((own.clone(), gap));
            }
            let others = of_organization.into_iter().filter(|account| *account != own);
            std::iter::once(own.clone()).chain(others).collect()
        }
    };
    let lost = RefCell::new(lost);
    let each = accounts.iter().map(|account| {
        let (lost, collected, first, own) = (&lost, &collected, &first, &own);
        async move {
            let session = if account == own {
                Rc::clone(first)
            } else {
                let partition = partition_of(&plan.region);
                let role = format!("arn:{partition}:iam::{account}:role/{}", plan.account_role);
                Rc::new(Session::assuming(role, Rc::clone(first)))
            };
            if let Err(error) = session.credentials(plan, client.clock).await {
                let gap = Gap::new(account, GapReason::Denied).detail(error.to_string());
                lost.borrow_mut().push((account.clone(), gap.missing("sts:AssumeRole")));
                return;
            }
            let regions = match regions(client, &session).await {
                Ok(regions) => regions,
                Err(gap) => {
                    lost.borrow_mut().push((account.clone(), gap));
                    vec![plan.region.clone()]
                }
            };
            collect::account(client, account, &session, &regions, collected).await;
        }
    });
    stream::iter(each).buffer_unordered(ACCOUNTS_TOGETHER).collect::<Vec<()>>().await;
    Ok(Live { account: own, arn, collected: collected.into_inner(), lost: lost.into_inner() })
}

/// The account and the ARN that requests are signed as.
async fn who(client: &Client<'_>, session: &Session) -> Result<(String, String), SourceError> {
    session.credentials(client.plan, client.clock).await?;
    let reply = match once(client, session, &WHO).await {
        Ok(reply) => reply,
        Err(gap) => {
            let told = gap.detail.map(String::from).unwrap_or_default();
            return Err(match gap.reason {
                GapReason::Denied => SourceError::Unauthenticated(told),
                GapReason::RateLimited => SourceError::RateLimited { retry_after: None },
                _ => SourceError::Unreachable(format!("STS: {told}")),
            });
        }
    };
    let of = |name: &str| reply.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let account = of("Account");
    if !settings::is_account(&account) {
        return Err(SourceError::Protocol("STS does not say of which account it is".into()));
    }
    Ok((account, of("Arn")))
}

/// The regions to read: as the settings say, else those that the account has enabled.
async fn regions(client: &Client<'_>, session: &Session) -> Result<Vec<String>, Gap> {
    if !client.plan.regions.is_empty() {
        return Ok(client.plan.regions.clone());
    }
    let reply = once(client, session, &REGIONS).await?;
    let mut regions = values_at(&reply, &["Regions", "RegionName"]);
    regions.retain(|region| request::is_region(region));
    regions.sort();
    Ok(regions)
}

async fn once(
    client: &Client<'_>,
    session: &Session,
    operation: &'static Operation,
) -> Result<Value, Gap> {
    let lane = Lane { session, region: &client.plan.region, pace: Cell::new(Pace::default()) };
    match client.ask(&lane, operation, &Map::new(), None).await {
        Answer::Reply(reply) => Ok(reply),
        Answer::Nothing => Ok(Value::Null),
        Answer::Missed(missed) => {
            let locus = format!("aws {}", operation.call);
            let detail = format!("{}; only {} is read", missed.detail, client.plan.region);
            let detail = if operation.call == REGIONS.call { detail } else { missed.detail };
            Err(Gap::new(locus, missed.reason).detail(detail).missing(operation.permission))
        }
    }
}

/// Whether the settings want AWS itself asked.
pub(crate) fn is_wanted(settings: &connectors::Settings) -> bool {
    settings.text(settings::SIGN_IN.name).is_some_and(|text| !text.trim().is_empty())
}

/// Any bytes as a reply, and as a refusal, of an operation of each service.
pub(crate) fn read_any(bytes: &[u8]) {
    for operation in operations::OF_ACCOUNT {
        if matches!(operation.asked, operations::Asked::Once)
            && let Some(mut output) = reply::output(operation, bytes)
        {
            reply::keep_only(&mut output, operation.keeps);
        }
    }
    drop(reply::refusal(None, bytes));
}
