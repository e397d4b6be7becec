//! AWS as its own interfaces state it, and the part of it that Terraform's state declares.

use model::kinds;
use model::{
    Authority, Batch, Condition, Evidence, Fact, Grant, Identity, IdentityId, OwnerLink, Place,
    Subject, Trust,
};

use super::{DAY, One, group_number, name, neighbour, nth};
use crate::chance::Chance;
use crate::plan::Part;
use crate::world::{Area, ORGANISATION, World, mark, service, sort, team_name, team_party};

const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// What policies allow, and on what; `{}` is the account.
const POLICIES: [(&str, &[&str], &str); 12] = [
    ("read-objects", &["s3:GetObject", "s3:ListBucket"], "arn:aws:s3:::meridian-{}-data/*"),
    ("write-objects", &["s3:PutObject", "s3:DeleteObject"], "arn:aws:s3:::meridian-{}-data/*"),
    ("all-objects", &["s3:*"], "*"),
    ("consume", &["sqs:ReceiveMessage", "sqs:DeleteMessage"], "arn:aws:sqs:eu-west-1:{}:*"),
    ("publish", &["sns:Publish"], "arn:aws:sns:eu-west-1:{}:*"),
    (
        "table",
        &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
        "arn:aws:dynamodb:eu-west-1:{}:table/*",
    ),
    ("logs", &["logs:CreateLogGroup", "logs:PutLogEvents"], "arn:aws:logs:*:{}:*"),
    ("secrets", &["secretsmanager:GetSecretValue"], "arn:aws:secretsmanager:eu-west-1:{}:secret:*"),
    ("decrypt", &["kms:Decrypt"], "arn:aws:kms:eu-west-1:{}:key/*"),
    ("pass-role", &["iam:PassRole"], "*"),
    ("assume", &["sts:AssumeRole"], "arn:aws:iam::{}:role/*"),
    ("AdministratorAccess", &["*"], "*"),
];

pub(super) fn role_arn(world: &World, number: u64, account: &str) -> (String, String) {
    let name = name(world, group_number(Part::Aws, kinds::IAM_ROLE), number);
    (format!("arn:aws:iam::{account}:role/{name}"), name)
}

/// A role of the account, for what runs there.
pub(super) fn role_of(
    world: &World,
    area: u64,
    chance: &mut Chance,
) -> Option<(IdentityId, String)> {
    let group = group_number(Part::Aws, kinds::IAM_ROLE);
    let (number, area) = neighbour(world, Part::Aws, group, area, chance)?;
    let (arn, _) = role_arn(world, number, &area.instance);
    Some((Identity::id_of(kinds::IAM_ROLE, "aws", &area.instance, &arn), arn))
}

fn user_arn(world: &World, number: u64, account: &str) -> (String, String) {
    let name = format!("svc-{}", name(world, group_number(Part::Aws, kinds::IAM_USER), number));
    (format!("arn:aws:iam::{account}:user/{name}"), name)
}

/// Key ids look as AWS makes them, and end in a mark so that no two are the same.
fn key_id(one: &One<'_>, n: u64) -> String {
    let mut chance = one.world.chance(sort::NAME + 64, one.group_number, one.life * 64 + n);
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let unique = mark(one.life).to_uppercase();
    let order =
        char::from(letters.get(usize::try_from(n).unwrap_or(0) % 32).copied().unwrap_or(b'A'));
    format!("AKIA{}{order}{}{unique}", chance.text(letters, 8), n / 32 % 10)
}

pub(super) fn make(one: &mut One<'_>, batch: &mut Batch) {
    if one.group.kind == kinds::IAM_ROLE {
        role(one, batch);
    } else if one.group.kind == kinds::IAM_USER {
        user(one, batch);
    } else {
        function(one, batch);
    }
}

fn tagged(one: &mut One<'_>, identity: &mut Identity) {
    if one.chance.permille(620) {
        identity.tags.insert("team".into(), team_name(one.area.team));
        identity.tags.insert("environment".into(), one.area.environment.into());
        let centre = format!("cc-{}", 1000 + one.area.team);
        identity.tags.insert("cost-centre".into(), centre);
    }
}

fn role(one: &mut One<'_>, batch: &mut Batch) {
    let account = one.area.instance.clone();
    let (arn, name) = role_arn(one.world, one.number, &account);
    let mut identity = one.identity(kinds::IAM_ROLE, "aws", &account, arn);
    identity.name = name;
    identity.fact("max_session_s", Fact::known(3600_i64));
    tagged(one, &mut identity);
    one.owners(&identity, "tag", batch);
    grants(one, &identity, batch);
    trusts(one, &identity, batch);
    batch.identities.push(identity);
}

fn grants(one: &mut One<'_>, identity: &Identity, batch: &mut Batch) {
    let n = 1 + one.chance.below(3);
    for k in 0..n {
        // The last, which allows everything, is rare.
        let n_policies = if one.chance.permille(40) { 12 } else { 11 };
        let draw = one.chance.below(n_policies);
        let Some((policy, actions, resource)) =
            usize::try_from(draw).ok().and_then(|draw| POLICIES.get(draw))
        else {
            continue;
        };
        let native_id = format!("{}/{policy}/{k}", identity.native_id);
        let mut grant = Grant::new(
            "policy",
            "aws",
            identity.instance.as_str(),
            native_id,
            one.scope(),
            identity.id,
        );
        grant.actions = actions.iter().map(|&action| action.to_owned()).collect();
        grant.resources = vec![resource.replace("{}", &identity.instance)];
        grant.via = Some((*policy).to_owned());
        grant
            .evidence
            .push(Evidence::at(format!("{}/{policy}", identity.native_id)).pointer("/Statement/0"));
        batch.grants.push(grant);
    }
}

fn trusts(one: &mut One<'_>, identity: &Identity, batch: &mut Batch) {
    let draw = one.chance.below(100);
    let (mechanism, from, conditions) = match draw {
        0..=34 => ("assume-role", principal("lambda.amazonaws.com"), vec![]),
        35..=54 => ("assume-role", principal("ec2.amazonaws.com"), vec![]),
        55..=70 => pipeline_trust(one),
        71..=84 => pod_trust(one),
        85..=96 => {
            let Some((other, _)) = role_of(one.world, one.area_number, &mut one.chance) else {
                return;
            };
            if other == identity.id {
                return;
            }
            ("assume-role", Subject::Identity { identity: other }, vec![])
        }
        97..=98 => {
            let vendor = 900_000_000_000 + one.chance.below(99_999_999_999);
            let conditions = if one.chance.permille(600) {
                vec![Condition {
                    key: "sts:ExternalId".into(),
                    operator: "StringEquals".into(),
                    values: vec![format!("{ORGANISATION}-{}", mark(one.number))],
                }]
            } else {
                vec![]
            };
            ("assume-role", principal(&format!("arn:aws:iam::{vendor}:root")), conditions)
        }
        _ => ("assume-role", principal("*"), vec![]),
    };
    let mut trust = Trust::new(
        mechanism,
        "aws",
        identity.instance.as_str(),
        format!("{}/trust/0", identity.native_id),
        one.scope(),
        from,
        identity.id,
    );
    trust.conditions = conditions;
    trust
        .evidence
        .push(Evidence::at(&identity.native_id).pointer("/AssumeRolePolicyDocument/Statement/0"));
    batch.trusts.push(trust);
}

fn principal(principal: &str) -> Subject {
    Subject::Principal { principal: principal.to_owned() }
}

/// A role for a pipeline: most pin the branch or environment, some do not.
fn pipeline_trust(one: &mut One<'_>) -> (&'static str, Subject, Vec<Condition>) {
    let n = one.world.areas(Part::GitHub).skew.len();
    let repository = one.chance.below(n);
    let repository = one.world.areas(Part::GitHub).get(repository).map_or("", |area| &area.name);
    let subject = match one.chance.below(100) {
        0..=54 => format!("repo:{repository}:ref:refs/heads/main"),
        55..=84 => format!("repo:{repository}:environment:production"),
        85..=96 => format!("repo:{repository}:*"),
        97..=98 => format!("repo:{ORGANISATION}/*"),
        _ => "*".to_owned(),
    };
    let conditions = vec![Condition {
        key: "token.actions.githubusercontent.com:aud".into(),
        operator: "StringEquals".into(),
        values: vec!["sts.amazonaws.com".into()],
    }];
    let audience = Some("sts.amazonaws.com".to_owned());
    (
        "web-identity",
        Subject::Federated { issuer: GITHUB_ISSUER.into(), subject, audience },
        conditions,
    )
}

/// A role for a pod's service account.
fn pod_trust(one: &mut One<'_>) -> (&'static str, Subject, Vec<Condition>) {
    let n = one.world.areas(Part::Production).skew.len();
    let cluster = one.chance.below(n);
    let account =
        super::kubernetes::account_of(one.world, Part::Production, cluster, &mut one.chance);
    let subject = account.map_or_else(
        || "system:serviceaccount:default:default".to_owned(),
        |(_, native_id, _)| format!("system:serviceaccount:{}", native_id.replace('/', ":")),
    );
    let issuer =
        format!("https://oidc.eks.eu-west-1.amazonaws.com/id/{}", mark(cluster).to_uppercase());
    let audience = Some("sts.amazonaws.com".to_owned());
    ("web-identity", Subject::Federated { issuer, subject, audience }, vec![])
}

fn user(one: &mut One<'_>, batch: &mut Batch) {
    let account = one.area.instance.clone();
    let (arn, name) = user_arn(one.world, one.number, &account);
    let mut identity = one.identity(kinds::IAM_USER, "aws", &account, arn);
    identity.name = name;
    tagged(one, &mut identity);
    one.owners(&identity, "tag", batch);
    grants(one, &identity, batch);
    for n in 0..one.n_credentials {
        let key = key_id(one, n);
        let mut credential = one.credential(kinds::ACCESS_KEY, "aws", &account, key, identity.id);
        credential.expires_at = Fact::absent();
        credential.fingerprint = None;
        batch.credentials.push(credential);
    }
    batch.identities.push(identity);
}

fn function(one: &mut One<'_>, batch: &mut Batch) {
    let account = one.area.instance.clone();
    let name = name(one.world, one.group_number, one.number);
    let region = one.chance.pick(&["eu-west-1", "eu-west-1", "us-east-1", "ap-southeast-2"]);
    let arn = format!("arn:aws:lambda:{region}:{account}:function:{name}");
    let mut identity = one.identity(kinds::FUNCTION, "aws", &account, arn);
    identity.name = name;
    let runtime = one.chance.pick(&["python3.12", "nodejs20.x", "java21", "go", "python3.8"]);
    identity.fact("runtime", Fact::known(runtime));
    tagged(one, &mut identity);
    one.owners(&identity, "tag", batch);
    if let Some((role, arn)) = role_of(one.world, one.area_number, &mut one.chance) {
        let from = Subject::Identity { identity: identity.id };
        let mut trust = Trust::new(
            "runs-as",
            "aws",
            account.as_str(),
            &identity.native_id,
            one.scope(),
            from,
            role,
        );
        trust.evidence.push(Evidence::at(&identity.native_id).pointer("/Role").shows(arn));
        batch.trusts.push(trust);
    }
    for n in 0..one.n_credentials {
        // A value in the environment, or the name of a secret that is fetched.
        let kind =
            if one.chance.permille(350) { kinds::API_TOKEN } else { kinds::SECRET_REFERENCE };
        let native_id = nth(&identity.native_id, n);
        let mut credential = one.credential(kind, "aws", &account, native_id, identity.id);
        let name = one.chance.pick(&["API_TOKEN", "DATABASE_URL", "WEBHOOK_SECRET", "SIGNING_KEY"]);
        name.clone_into(&mut credential.name);
        one.store(&mut credential);
        batch.credentials.push(credential);
    }
    batch.identities.push(identity);
}

pub(super) fn place(area: &Area, number: u64, chance: &mut Chance) -> Place {
    let name = format!("{}/{}-{}", team_name(area.team), service(chance), mark(number));
    let arn = format!("arn:aws:secretsmanager:eu-west-1:{}:secret:{name}", area.instance);
    let mut place = Place::new(
        kinds::PLACE_SECRET_MANAGER,
        "aws",
        area.instance.as_str(),
        arn,
        area.scope_id(),
    );
    place.path = name;
    place.fact("exposure", Fact::known("owner"));
    place
}

/// What Terraform's state says of a part of the same account.
pub(super) fn declare(one: &mut One<'_>, batch: &mut Batch) {
    if !one.chance.permille(300) {
        return;
    }
    let account = one.area.instance.clone();
    let is_role = one.group.kind == kinds::IAM_ROLE;
    let (arn, name) = if is_role {
        role_arn(one.world, one.number, &account)
    } else {
        user_arn(one.world, one.number, &account)
    };
    let mut identity = Identity::new(one.group.kind, "aws", account.as_str(), arn, one.scope());
    identity.authority = Authority::Declared;
    identity.name = name;
    identity.created_at = Fact::known(one.world.ago(one.created_s));
    identity.loci.push(one.area.name.clone());
    identity.tags.insert("managed-by".into(), "terraform".into());
    let owner = team_party(one.area.team);
    let mut link = OwnerLink::new(identity.id, owner, "terraform-module", 0.75, one.scope());
    link.evidence
        .push(Evidence::at(&one.area.name).pointer(format!("module.{}", team_name(one.area.team))));
    link.loci.push(one.area.name.clone());
    batch.owners.push(link);
    if !is_role && one.n_credentials > 0 && one.chance.permille(400) {
        let key = key_id(one, 0);
        let mut credential = one.credential(kinds::ACCESS_KEY, "aws", &account, key, identity.id);
        credential.authority = Authority::Declared;
        credential.last_used_at = Fact::not_observable("a state does not say when a key was used");
        credential.created_at = Fact::known(one.world.ago(one.created_s.min(900 * DAY)));
        one.store(&mut credential);
        batch.credentials.push(credential);
    }
    batch.identities.push(identity);
}
