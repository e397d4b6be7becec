//! CircleCI and Bitbucket Pipelines: contexts and deployments, orbs and pipes that take on cloud
//! roles, and the variables that scripts name.

use std::collections::BTreeSet;

use model::Fact;

use super::ci::{self, Federation, Names, Presented};
use super::cloud;
use super::reading::Reading;
use crate::yaml::Node;

pub(super) fn circleci(reading: &mut Reading<'_>, document: &Node) {
    if document.get("jobs").is_none() && document.get("workflows").is_none() {
        return;
    }
    let mut identity = ci::pipeline(reading, "circleci");
    let mut names = Names::new();
    let mut contexts = Names::new();
    let mut roles = Names::new();
    let mut accounts = Names::new();
    let mut runners = BTreeSet::new();
    document.scalars(&mut |key, scalar| {
        let Some(value) = scalar.stated() else { return };
        match key.unwrap_or_default() {
            "context" => ci::note(&mut contexts, value, scalar.line),
            "role-arn" | "role_arn" => ci::note(&mut roles, value, scalar.line),
            "gcp-service-account" | "service_account_email" | "gcp_service_account" => {
                ci::note(&mut accounts, value, scalar.line);
            }
            "resource_class" => {
                runners.insert(value.to_owned());
            }
            _ => {}
        }
        for name in ci::shell_variables(value) {
            if ci::is_telling_name(&name) && !name.starts_with("CIRCLE_") {
                let line = reading.line_of(scalar.line, &name);
                ci::note(&mut names, name, line);
            }
        }
    });
    // A private runner's class is `<namespace>/<name>`.
    let self_hosted = runners.iter().any(|class| class.contains('/'));
    identity.fact("self_hosted", Fact::known(self_hosted));
    if !runners.is_empty() {
        identity.fact("runners", Fact::known(runners.into_iter().collect::<Vec<_>>()));
    }
    let orbs =
        document.get("orbs").map(|orbs| orbs.pairs().collect::<Vec<_>>()).unwrap_or_default();
    let orbs: Vec<String> =
        orbs.into_iter().filter_map(|(_, orb)| orb.stated()).map(ToOwned::to_owned).collect();
    let unpinned: Vec<String> = orbs
        .iter()
        .filter(|orb| {
            orb.split_once('@')
                .is_none_or(|(_, version)| version == "volatile" || version.split('.').count() < 3)
        })
        .cloned()
        .collect();
    if !orbs.is_empty() {
        identity.fact("orbs", Fact::known(orbs));
        identity.fact("unpinned_orbs", Fact::known(unpinned));
    }
    let federation = Federation {
        issuer: String::from("https://oidc.circleci.com/org/*"),
        subjects: vec![
            Presented::new("org/*/project/*/user/*")
                .inexact("CircleCI's subject is made of ids that the definition does not hold"),
        ],
    };
    for (role, line) in roles {
        let role = cloud::aws_role(reading, &role, line);
        ci::assumes(reading, &identity, &federation, None, role, line);
    }
    for (account, line) in accounts {
        let account = cloud::gcp_service_account(reading, &account, line);
        ci::assumes(reading, &identity, &federation, None, account, line);
    }
    if !contexts.is_empty() {
        identity.fact("contexts", Fact::known(contexts.keys().cloned().collect::<Vec<_>>()));
    }
    for (context, line) in contexts {
        let all = Names::from([(String::from("*"), line)]);
        ci::secrets(reading, &mut identity, &format!("context/{context}"), &all);
    }
    ci::secrets(reading, &mut identity, "", &names);
    reading.batch.identities.push(identity);
}

/// Bitbucket Pipelines.
pub(super) fn bitbucket(reading: &mut Reading<'_>, document: &Node) {
    let Some(pipelines) = document.get("pipelines") else { return };
    let mut identity = ci::pipeline(reading, "bitbucket");
    let mut names = Names::new();
    let mut deployments = BTreeSet::new();
    let mut runners = BTreeSet::new();
    let mut roles = Names::new();
    let mut presents_token = false;
    document.scalars(&mut |key, scalar| {
        let Some(value) = scalar.stated() else { return };
        match key.unwrap_or_default() {
            "oidc" => presents_token |= value == "true",
            "deployment" => {
                deployments.insert(value.to_owned());
            }
            "runs-on" => {
                runners.insert(value.to_owned());
            }
            "AWS_OIDC_ROLE_ARN" | "AWS_ROLE_ARN" => ci::note(&mut roles, value, scalar.line),
            _ => {}
        }
        for part in value.split("AWS_ROLE_ARN=").skip(1) {
            let role = part.split_whitespace().next().unwrap_or_default();
            ci::note(&mut roles, role.trim_matches(['"', '\'']), scalar.line);
        }
        for name in ci::shell_variables(value) {
            if ci::is_telling_name(&name) && !name.starts_with("BITBUCKET_") {
                let line = reading.line_of(scalar.line, &name);
                ci::note(&mut names, name, line);
            }
        }
    });
    let list = |set: BTreeSet<String>| Fact::known(set.into_iter().collect::<Vec<_>>());
    let triggers: BTreeSet<String> = pipelines.pairs().map(|(name, _)| name.to_owned()).collect();
    identity.fact("triggers", list(triggers));
    identity.fact(
        "self_hosted",
        Fact::known(runners.iter().any(|label| label.starts_with("self.hosted"))),
    );
    if !runners.is_empty() {
        identity.fact("runners", list(runners));
    }
    if !deployments.is_empty() {
        identity.fact("environments", list(deployments));
    }
    identity.fact("oidc", Fact::known(presents_token));
    if presents_token {
        let workspace = reading.repository().split('/').next().unwrap_or_default().to_owned();
        let federation = Federation {
            issuer: format!(
                "https://api.bitbucket.org/2.0/workspaces/{workspace}/pipelines-config/identity/oidc"
            ),
            subjects: vec![
                Presented::new("{*}:{*}").inexact(
                    "Bitbucket's subject is made of ids that the definition does not hold",
                ),
            ],
        };
        if roles.is_empty() {
            identity.fact(
                "oidc_subjects",
                Fact::not_observable("made of ids that the definition does not hold"),
            );
        }
        for (role, line) in roles {
            let role = cloud::aws_role(reading, &role, line);
            ci::assumes(reading, &identity, &federation, None, role, line);
        }
    }
    ci::secrets(reading, &mut identity, "", &names);
    reading.batch.identities.push(identity);
}
