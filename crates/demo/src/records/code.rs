//! Repositories: the keys in them, pipelines and what pipelines are given, bots and apps.

use model::kinds::{self, CredentialKind};
use model::{Batch, Evidence, Fact, Grant, Place, Subject, Trust};

use super::{One, nth};
use crate::chance::Chance;
use crate::plan::Part;
use crate::world::{Area, mark, service};

/// Services that keys are for: system, host, the variable, and what kind of credential it is.
const SERVICES: [(&str, &str, &str, &CredentialKind); 16] = [
    ("stripe", "api.stripe.com", "STRIPE_SECRET_KEY", kinds::API_TOKEN),
    ("datadog", "api.datadoghq.eu", "DD_API_KEY", kinds::API_TOKEN),
    ("slack", "slack.com", "SLACK_BOT_TOKEN", kinds::API_TOKEN),
    ("slack", "hooks.slack.com", "SLACK_WEBHOOK_URL", kinds::WEBHOOK_URL),
    ("sendgrid", "api.sendgrid.com", "SENDGRID_API_KEY", kinds::API_TOKEN),
    ("openai", "api.openai.com", "OPENAI_API_KEY", kinds::API_TOKEN),
    ("github", "github.com", "GH_TOKEN", kinds::PERSONAL_ACCESS_TOKEN),
    ("gitlab", "gitlab.meridian.example", "GITLAB_TOKEN", kinds::PERSONAL_ACCESS_TOKEN),
    ("aws", "", "AWS_ACCESS_KEY_ID", kinds::ACCESS_KEY),
    ("google", "accounts.google.com", "GOOGLE_CLIENT_SECRET", kinds::CLIENT_SECRET),
    ("postgres", "", "DATABASE_URL", kinds::CONNECTION_STRING),
    ("auth0", "meridian.eu.auth0.com", "AUTH0_CLIENT_SECRET", kinds::CLIENT_SECRET),
    ("twilio", "api.twilio.com", "TWILIO_AUTH_TOKEN", kinds::API_TOKEN),
    ("sentry", "sentry.io", "SENTRY_AUTH_TOKEN", kinds::API_TOKEN),
    ("vault", "vault.meridian.example", "VAULT_TOKEN", kinds::VAULT_TOKEN),
    ("maps", "maps.googleapis.com", "MAPS_API_KEY", kinds::API_TOKEN),
];

fn system(part: Part) -> &'static str {
    if part == Part::GitHub { "github" } else { "gitlab" }
}

pub(super) fn make(one: &mut One<'_>, batch: &mut Batch) {
    if one.group.kind == kinds::API_CLIENT {
        client(one, batch);
    } else if one.group.kind == kinds::CI_PIPELINE {
        pipeline(one, batch);
    } else {
        account(one, batch);
    }
}

fn client(one: &mut One<'_>, batch: &mut Batch) {
    let draw = usize::try_from(one.chance.below(SERVICES.len() as u64)).unwrap_or(0);
    let Some(&(service, host, variable, kind)) = SERVICES.get(draw) else { return };
    let native_id = format!("{}:{}#{variable}", one.area.name, mark(one.life));
    let mut identity = one.identity(kinds::API_CLIENT, service, host, native_id);
    identity.name = format!("{variable} of {}", one.area.name);
    one.owners(&identity, "codeowners", batch);
    for n in 0..one.n_credentials {
        let native_id = nth(&identity.native_id, n);
        let mut credential = one.credential(kind, service, host, native_id, identity.id);
        variable.clone_into(&mut credential.name);
        let confidence = if one.chance.permille(700) { "verified" } else { "likely" };
        credential.fact("confidence", Fact::known(confidence));
        credential.expires_at = if one.chance.permille(650) {
            Fact::absent()
        } else {
            let expires_at = one.expiry(300 * super::DAY);
            Fact::known(expires_at)
        };
        one.store(&mut credential);
        batch.credentials.push(credential);
    }
    batch.identities.push(identity);
}

fn pipeline(one: &mut One<'_>, batch: &mut Batch) {
    let system = system(one.group.part);
    let mark = mark(one.life);
    let path = if system == "github" {
        let purpose = one.chance.pick(&["build", "deploy", "release", "nightly", "terraform"]);
        format!(".github/workflows/{purpose}-{mark}.yml")
    } else {
        format!("ci/{mark}.gitlab-ci.yml")
    };
    let repository = one.area.name.clone();
    let mut identity = one.identity(kinds::CI_PIPELINE, system, "", format!("{repository}:{path}"));
    identity.name = format!("{repository} {path}");
    identity.loci.push(path.clone());
    let unpinned = one.chance.below(4);
    identity.fact("unpinned_actions", Fact::known(i64::try_from(unpinned).unwrap_or(0)));
    one.owners(&identity, "codeowners", batch);
    let mut grant = Grant::new(
        "workflow-permissions",
        system,
        "",
        &identity.native_id,
        one.scope(),
        identity.id,
    );
    grant.actions = if one.chance.permille(180) {
        vec!["write-all".into()]
    } else {
        vec!["contents: read".into(), "id-token: write".into()]
    };
    grant.resources = vec![repository.clone()];
    grant.evidence.push(Evidence::at(path.as_str()).line(9).pointer("/permissions"));
    batch.grants.push(grant);
    let n_accounts = one.world.areas(Part::Aws).skew.len();
    let account = one.chance.below(n_accounts);
    if one.chance.permille(450)
        && let Some((role, arn)) = super::aws::role_of(one.world, account, &mut one.chance)
    {
        let from = Subject::Identity { identity: identity.id };
        let mut trust =
            Trust::new("web-identity", "aws", "", &identity.native_id, one.scope(), from, role);
        trust.evidence.push(Evidence::at(path.as_str()).line(24).shows(format!("assumes {arn}")));
        trust.loci.push(path);
        batch.trusts.push(trust);
    }
    for n in 0..one.n_credentials {
        let name = format!(
            "{}_{}",
            one.chance.pick(&["NPM", "DOCKER", "DEPLOY", "AWS", "SONAR", "SLACK"]),
            one.chance.pick(&["TOKEN", "PASSWORD", "API_KEY", "SECRET"])
        );
        let native_id = format!("{repository}:{name}_{mark}_{n}");
        let mut credential = one.credential(kinds::CI_SECRET, system, "", native_id, identity.id);
        credential.name = name;
        one.store(&mut credential);
        batch.credentials.push(credential);
    }
    batch.identities.push(identity);
}

/// Registry accounts, bots and OAuth apps.
fn account(one: &mut One<'_>, batch: &mut Batch) {
    let kind = one.group.kind;
    let name = format!("{}-{}", service(&mut one.chance), mark(one.life));
    let (system, host, credential_kind) = if kind == kinds::REGISTRY_ACCOUNT {
        let registry = one.chance.pick(&["npm", "docker", "pypi", "maven"]);
        (registry, format!("{registry}.meridian.example"), kinds::API_TOKEN)
    } else if kind == kinds::BOT {
        ("github", String::new(), kinds::PERSONAL_ACCESS_TOKEN)
    } else {
        ("github", String::new(), kinds::CLIENT_SECRET)
    };
    let mut identity = one.identity(kind, system, &host, name);
    if kind == kinds::BOT {
        identity.name = format!("{}[bot]", identity.native_id);
    }
    one.owners(&identity, "codeowners", batch);
    let mut grant = Grant::new("scope", system, host.as_str(), "token", one.scope(), identity.id);
    grant.actions = match one.chance.below(10) {
        0 => vec!["admin:org".into(), "repo".into()],
        1..=4 => vec!["repo".into(), "workflow".into()],
        _ => vec!["contents:read".into()],
    };
    grant.resources = vec![one.area.name.clone()];
    batch.grants.push(grant);
    for n in 0..one.n_credentials {
        let native_id = nth(&identity.native_id, n);
        let mut credential = one.credential(credential_kind, system, &host, native_id, identity.id);
        credential.expires_at = if one.chance.permille(500) {
            Fact::absent()
        } else {
            let expires_at = one.expiry(360 * super::DAY);
            Fact::known(expires_at)
        };
        one.store(&mut credential);
        batch.credentials.push(credential);
    }
    batch.identities.push(identity);
}

pub(super) fn repository(area: &Area) -> Place {
    Place::new(kinds::PLACE_REPOSITORY, "git", "", area.name.as_str(), area.scope_id())
}

/// The store of secrets that pipelines read, or a file that somebody checked in.
pub(super) fn place(area: &Area, group: usize, number: u64, chance: &mut Chance) -> Place {
    let mark = format!("{group}{}", mark(number));
    if chance.permille(760) {
        let name =
            format!("{}:{}-{mark}", area.name, chance.pick(&["production", "staging", "release"]));
        let mut place = Place::new(kinds::PLACE_CI_SECRETS, "github", "", name, area.scope_id());
        place.fact("exposure", Fact::known("owner"));
        return place;
    }
    let folder = chance.pick(&["config", "deploy", "scripts", "test/fixtures", "."]);
    let file = chance.pick(&["settings.py", ".env", "application.yml", "values.yaml", "notes.md"]);
    let path = format!("{folder}/{mark}/{file}");
    let native_id = format!("/srv/git/{}/{path}", area.name);
    let mut place = Place::new(kinds::PLACE_FILE, "file", "", native_id, area.scope_id());
    place.container = Some(Place::id_of(kinds::PLACE_REPOSITORY, "git", "", area.name.as_str()));
    place.loci.push(path.clone());
    place.path = path;
    place.fact("tracked", Fact::known(chance.permille(850)));
    place.fact("exposure", Fact::known("owner"));
    place
}
