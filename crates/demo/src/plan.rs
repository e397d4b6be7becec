//! How large the estate is, what it is made of, and which source states which part of it.

use model::Time;
use model::kinds::{self, IdentityKind};

use crate::chance::apportion;

/// The estate that is asked for. The same plan gives the same bytes on every machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Identities that are not people. People, who own them, come on top in proportion.
    pub identities: u64,
    /// Credentials for each identity, on average.
    pub credentials_per: f64,
    pub seed: u64,
    /// The moment from which ages and expiries are counted.
    pub now: Time,
    /// What happened since the estate with this seed was first read.
    pub churn: Churn,
}

/// How much of the estate is different from the estate of round 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Churn {
    /// The part of the identities that something happened to: half of them are used or switched,
    /// half are gone and others have come in their place.
    pub fraction: f64,
    /// 0 is the estate itself; each other number is another way in which it changed.
    pub round: u32,
}

/// The mid-size organisation of the default: [`MIX`] added up.
pub const DEFAULT_IDENTITIES: u64 = 45_700;

/// People of the mid-size organisation.
const DEFAULT_PEOPLE: u64 = 1_000;

/// What [`MIX`] comes to without a wish: most functions and containers have a role instead of a
/// credential.
pub const DEFAULT_CREDENTIALS_PER: f64 = 0.8;

impl Plan {
    pub fn new(now: Time) -> Self {
        Self {
            identities: DEFAULT_IDENTITIES,
            credentials_per: DEFAULT_CREDENTIALS_PER,
            seed: 1,
            now,
            churn: Churn::default(),
        }
    }

    pub fn people(&self) -> u64 {
        self.scaled(DEFAULT_PEOPLE)
    }

    /// A number of the mid-size organisation, in proportion to this one, and at least 1.
    pub(crate) fn scaled(&self, number: u64) -> u64 {
        (number * self.identities / DEFAULT_IDENTITIES).max(1)
    }

    /// All credentials.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a wish of a person, far below 2^52"
    )]
    pub fn credentials(&self) -> u64 {
        (self.identities as f64 * self.credentials_per.clamp(0.0, 1000.0)).round() as u64
    }
}

/// A source of the estate: a connector as somebody would have configured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The connector's id, as stored with a source.
    pub connector: &'static str,
    /// The name its owner gave it.
    pub name: &'static str,
    pub(crate) part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Aws,
    Production,
    Development,
    GitHub,
    GitLab,
    Hosts,
    Postgres,
    Homes,
    Terraform,
}

/// Every source, in the order in which they are read.
pub const SOURCES: &[Source] = &[
    Source { connector: "aws", name: "meridian organisation", part: Part::Aws },
    Source { connector: "kubernetes", name: "production clusters", part: Part::Production },
    Source { connector: "kubernetes", name: "development clusters", part: Part::Development },
    Source { connector: "repository", name: "github.com/meridian", part: Part::GitHub },
    Source { connector: "repository", name: "gitlab.meridian.example", part: Part::GitLab },
    Source { connector: "host", name: "Linux fleet", part: Part::Hosts },
    Source { connector: "postgres", name: "PostgreSQL servers", part: Part::Postgres },
    Source { connector: "homes", name: "build machines and laptops", part: Part::Homes },
    Source { connector: "terraform", name: "state bucket", part: Part::Terraform },
];

/// Identities of one kind from one source.
#[derive(Debug)]
pub(crate) struct Group {
    pub part: Part,
    pub kind: &'static IdentityKind,
    /// How many the mid-size organisation has.
    pub usual: u64,
    /// Credentials for a hundred of them.
    pub credentials: u64,
}

const fn group(part: Part, kind: &'static IdentityKind, usual: u64, credentials: u64) -> Group {
    Group { part, kind, usual, credentials }
}

/// 3,500 service accounts, 12,000 API keys, 4,200 certificates, 8,000 functions, 15,000 container
/// identities; and the roles, pipelines, hosts, bots and agents that come with them.
pub(crate) const MIX: &[Group] = &[
    group(Part::Aws, kinds::IAM_ROLE, 1_200, 0),
    group(Part::Aws, kinds::IAM_USER, 900, 160),
    group(Part::Aws, kinds::FUNCTION, 8_000, 40),
    group(Part::Production, kinds::K8S_SERVICE_ACCOUNT, 3_400, 30),
    group(Part::Production, kinds::CONTAINER, 5_200, 20),
    group(Part::Production, kinds::TLS_SUBJECT, 1_200, 130),
    group(Part::Development, kinds::K8S_SERVICE_ACCOUNT, 2_600, 30),
    group(Part::Development, kinds::CONTAINER, 3_800, 20),
    group(Part::GitHub, kinds::API_CLIENT, 9_000, 125),
    group(Part::GitHub, kinds::REGISTRY_ACCOUNT, 800, 120),
    group(Part::GitHub, kinds::CI_PIPELINE, 700, 350),
    group(Part::GitHub, kinds::BOT, 150, 150),
    group(Part::GitHub, kinds::OAUTH_APP, 100, 150),
    group(Part::GitLab, kinds::API_CLIENT, 2_200, 125),
    group(Part::GitLab, kinds::CI_PIPELINE, 300, 350),
    group(Part::Hosts, kinds::HOST, 350, 300),
    group(Part::Hosts, kinds::SERVICE_ACCOUNT, 1_900, 130),
    group(Part::Hosts, kinds::TLS_SUBJECT, 3_000, 130),
    group(Part::Postgres, kinds::DB_ROLE, 700, 100),
    group(Part::Homes, kinds::AI_AGENT, 60, 50),
    group(Part::Homes, kinds::MCP_SERVER, 140, 90),
];

/// How many identities and credentials each group of [`MIX`] has in a plan.
#[derive(Debug, Clone)]
pub(crate) struct Sizes {
    pub identities: Vec<u64>,
    pub credentials: Vec<u64>,
}

impl Sizes {
    pub(crate) fn of(plan: &Plan) -> Self {
        let usual: Vec<u64> = MIX.iter().map(|group| group.usual).collect();
        let identities = apportion(plan.identities, &usual);
        let weights: Vec<u64> =
            identities.iter().zip(MIX).map(|(n, group)| n * group.credentials).collect();
        let credentials = apportion(plan.credentials(), &weights);
        Self { identities, credentials }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_mid_size_organisation() {
        let plan = Plan::new(Time::from_seconds(1_795_000_000));
        let sizes = Sizes::of(&plan);
        assert_eq!(MIX.iter().map(|group| group.usual).sum::<u64>(), DEFAULT_IDENTITIES);
        let check = |kinds: &[&IdentityKind], expected: u64| {
            let groups = MIX.iter().zip(&sizes.identities);
            let of_kinds = groups.filter(|(group, _)| kinds.contains(&group.kind));
            assert_eq!(of_kinds.map(|(_, n)| n).sum::<u64>(), expected, "{kinds:?}");
        };
        check(&[kinds::IAM_USER, kinds::SERVICE_ACCOUNT, kinds::DB_ROLE], 3_500);
        check(&[kinds::API_CLIENT, kinds::REGISTRY_ACCOUNT], 12_000);
        check(&[kinds::TLS_SUBJECT], 4_200);
        check(&[kinds::FUNCTION], 8_000);
        check(&[kinds::K8S_SERVICE_ACCOUNT, kinds::CONTAINER], 15_000);
        assert_eq!(plan.people(), 1_000);
    }

    #[test]
    fn any_size_is_met_exactly() {
        for (identities, credentials_per) in [(1, 0.0), (17, 3.0), (1_000_000, 3.0), (5, 0.1)] {
            let plan = Plan { identities, credentials_per, ..Plan::new(Time::default()) };
            let sizes = Sizes::of(&plan);
            assert_eq!(sizes.identities.iter().sum::<u64>(), identities);
            assert_eq!(sizes.credentials.iter().sum::<u64>(), plan.credentials());
        }
    }
}
