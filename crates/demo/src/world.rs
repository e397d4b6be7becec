//! What the estate is made around: teams and people, and the areas (accounts, clusters,
//! repositories, hosts) that identities live in. Small, and made once; everything else is made from
//! it by number.

use std::time::Duration;

use model::{Party, PartyKind, Scope, ScopeId, Time};

use crate::chance::{Chance, Skew};
use crate::plan::{MIX, Part, Plan, Sizes};

/// The organisation's name in addresses, buckets and repositories.
pub(crate) const ORGANISATION: &str = "meridian";
pub(crate) const DOMAIN: &str = "meridian.example";

/// What a draw is for, so that two draws about one thing are not the same.
pub(crate) mod sort {
    pub(crate) const PERSON: u64 = 1;
    pub(crate) const AREA: u64 = 2;
    pub(crate) const THING: u64 = 3;
    pub(crate) const CHURN: u64 = 4;
    pub(crate) const PLACE: u64 = 5;
    pub(crate) const NAME: u64 = 6;
}

const TEAMS: [&str; 60] = [
    "payments",
    "ledger",
    "search",
    "checkout",
    "platform",
    "identity",
    "fraud",
    "billing",
    "catalog",
    "shipping",
    "warehouse",
    "pricing",
    "risk",
    "data",
    "insights",
    "mobile",
    "web",
    "messaging",
    "notifications",
    "onboarding",
    "partners",
    "treasury",
    "tax",
    "compliance",
    "support",
    "routing",
    "fleet",
    "customs",
    "returns",
    "loyalty",
    "recommendations",
    "experiments",
    "media",
    "maps",
    "telemetry",
    "observability",
    "networking",
    "storage",
    "databases",
    "security",
    "release",
    "developer-tools",
    "finance",
    "people",
    "legal",
    "marketing",
    "growth",
    "sales",
    "contracts",
    "forecasting",
    "inventory",
    "suppliers",
    "quality",
    "labels",
    "tracking",
    "invoicing",
    "archive",
    "reporting",
    "machine-learning",
    "edge",
];

const SUBJECTS: [&str; 32] = [
    "invoice", "order", "session", "event", "document", "customer", "parcel", "rate", "token",
    "image", "report", "ledger", "address", "webhook", "audit", "metric", "price", "stock",
    "driver", "label", "quote", "refund", "claim", "profile", "message", "feature", "index",
    "queue", "schema", "backup", "manifest", "receipt",
];

const VERBS: [&str; 20] = [
    "export",
    "import",
    "sync",
    "api",
    "worker",
    "router",
    "archiver",
    "enricher",
    "loader",
    "checker",
    "renderer",
    "notifier",
    "gateway",
    "scheduler",
    "cleaner",
    "mirror",
    "proxy",
    "indexer",
    "signer",
    "relay",
];

const FIRST: [&str; 40] = [
    "Ada", "Amira", "Bram", "Carla", "Chidi", "Dana", "Elif", "Emil", "Farah", "Goran", "Hana",
    "Ines", "Ivo", "Jana", "Jonas", "Kaja", "Kofi", "Lars", "Leila", "Lucia", "Mateo", "Mei",
    "Milan", "Nadia", "Nils", "Olga", "Omar", "Priya", "Rafael", "Rosa", "Samir", "Sanna", "Tariq",
    "Tove", "Ulla", "Viktor", "Wanda", "Yara", "Yusuf", "Zoe",
];

const LAST: [&str; 40] = [
    "Adeyemi", "Almeida", "Bakker", "Bauer", "Costa", "Dahl", "Demir", "Duarte", "Eriksen",
    "Fischer", "Ferrari", "Garcia", "Haddad", "Hansen", "Horvat", "Ito", "Jansen", "Kaya",
    "Keller", "Kowalski", "Laine", "Lopez", "Maric", "Mensah", "Meyer", "Moreau", "Nakamura",
    "Novak", "Okafor", "Olsen", "Patel", "Petrov", "Rossi", "Santos", "Schmidt", "Silva", "Tanaka",
    "Varga", "Weber", "Zeman",
];

/// Something a source reads as a whole, and the instance of what lives in it.
#[derive(Debug)]
pub(crate) struct Area {
    pub scope: Scope,
    /// Account number, cluster address, machine id; empty where the system has none.
    pub instance: String,
    /// As people call it.
    pub name: String,
    pub team: u64,
    pub environment: &'static str,
    /// Whether the source was refused a part of it.
    pub refused: bool,
}

#[derive(Debug)]
pub(crate) struct Areas {
    pub list: Vec<Area>,
    pub skew: Skew,
}

impl Areas {
    fn new(list: Vec<Area>, flat: u64) -> Self {
        let skew = Skew::new(list.len() as u64, flat);
        Self { list, skew }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Area> {
        self.list.get(usize::try_from(number).ok()?)
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub plan: Plan,
    pub sizes: Sizes,
    pub teams: Skew,
    n_people: u64,
    accounts: Areas,
    production: Areas,
    development: Areas,
    github: Areas,
    gitlab: Areas,
    hosts: Areas,
    servers: Areas,
    machines: Areas,
    states: Areas,
}

/// The cube root times a factor: a larger organisation has more teams, and larger ones.
fn grown(usual: u64, plan: &Plan) -> u64 {
    let mut growth = 1;
    while growth * growth * growth < plan.scaled(1_000) {
        growth += 1;
    }
    (usual * growth / 10).max(1)
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let sizes = Sizes::of(plan);
        let teams = Skew::new(grown(60, plan), 12);
        let n_hosts = MIX
            .iter()
            .zip(&sizes.identities)
            .find(|(group, _)| group.kind == model::kinds::HOST)
            .map_or(1, |(_, &n)| n.max(1));
        let make =
            |part, n: u64| -> Vec<Area> { (0..n).map(|k| area(plan, &teams, part, k)).collect() };
        let accounts = Areas::new(make(Part::Aws, plan.scaled(40).min(400)), 4);
        let states = Areas::new(make(Part::Terraform, accounts.skew.len()), 4);
        Self {
            n_people: plan.people(),
            accounts,
            states,
            production: Areas::new(make(Part::Production, plan.scaled(9).min(300)), 2),
            development: Areas::new(make(Part::Development, plan.scaled(5).min(150)), 2),
            github: Areas::new(make(Part::GitHub, plan.scaled(900)), 20),
            gitlab: Areas::new(make(Part::GitLab, plan.scaled(240)), 20),
            hosts: Areas::new(make(Part::Hosts, n_hosts), 40),
            servers: Areas::new(make(Part::Postgres, plan.scaled(45)), 5),
            machines: Areas::new(make(Part::Homes, plan.scaled(60)), 20),
            teams,
            sizes,
            plan: plan.clone(),
        }
    }

    pub(crate) fn areas(&self, part: Part) -> &Areas {
        match part {
            Part::Aws => &self.accounts,
            Part::Production => &self.production,
            Part::Development => &self.development,
            Part::GitHub => &self.github,
            Part::GitLab => &self.gitlab,
            Part::Hosts => &self.hosts,
            Part::Postgres => &self.servers,
            Part::Homes => &self.machines,
            Part::Terraform => &self.states,
        }
    }

    pub(crate) fn chance(&self, sort: u64, group: usize, number: u64) -> Chance {
        Chance::of(self.plan.seed, sort | (group as u64) << 8, number)
    }

    pub(crate) fn ago(&self, seconds: u64) -> Time {
        self.plan.now.minus(Duration::from_secs(seconds))
    }

    pub(crate) fn ahead(&self, seconds: u64) -> Time {
        self.plan.now.plus(Duration::from_secs(seconds))
    }

    /// A person and whether they still work here.
    pub(crate) fn person(&self, number: u64) -> (Party, bool) {
        let number = number % self.n_people;
        let mut chance = Chance::of(self.plan.seed, sort::PERSON, number);
        let (first, last) = (chance.pick(&FIRST), chance.pick(&LAST));
        let address = format!("{first}.{last}{number}@{DOMAIN}").to_lowercase();
        let stays = !chance.permille(80);
        (Party::new(PartyKind::Person, &address, format!("{first} {last}")), stays)
    }

    /// A member of a team.
    pub(crate) fn member(&self, team: u64, chance: &mut Chance) -> (Party, bool) {
        let range = self.teams.range(team, self.n_people);
        let size = range.end - range.start;
        self.person(range.start + chance.below(size.max(1)))
    }
}

pub(crate) fn team_party(team: u64) -> Party {
    let name = team_name(team);
    Party::new(PartyKind::Team, &format!("@{ORGANISATION}/{name}"), name)
}

pub(crate) fn team_name(team: u64) -> String {
    let n = TEAMS.len() as u64;
    let name =
        usize::try_from(team % n).ok().and_then(|k| TEAMS.get(k)).copied().unwrap_or_default();
    match team / n {
        0 => name.to_owned(),
        more => format!("{name}-{}", more + 1),
    }
}

/// `invoice-export`.
pub(crate) fn service(chance: &mut Chance) -> String {
    format!("{}-{}", chance.pick(&SUBJECTS), chance.pick(&VERBS))
}

/// A short mark that is different for each number below 2^30 and looks as if a tool had made it.
pub(crate) fn mark(number: u64) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    // An odd factor permutes the numbers below a power of two.
    let mut mixed = number.wrapping_add(0x0123_4567).wrapping_mul(0x2545_f491) & 0x3fff_ffff;
    let mut mark = String::with_capacity(6);
    for _ in 0..6 {
        let letter = usize::try_from(mixed & 31).ok().and_then(|k| LETTERS.get(k));
        mark.push(char::from(letter.copied().unwrap_or(b'a')));
        mixed >>= 5;
    }
    mark
}

fn area(plan: &Plan, teams: &Skew, part: Part, number: u64) -> Area {
    // The state of an account is about the same account.
    let drawn_as = if part == Part::Terraform { Part::Aws } else { part };
    let mut chance = Chance::of(plan.seed, sort::AREA | (drawn_as as u64) << 8, number);
    let team = teams.draw(&mut chance);
    let team_name = team_name(team);
    let environment = match part {
        Part::Production => "prod",
        Part::Development => chance.pick(&["dev", "staging", "test"]),
        _ => chance.pick(&["prod", "prod", "prod", "staging", "staging", "dev", "dev", "test"]),
    };
    let mark = mark(number);
    let (system, instance, kind, name) = match part {
        Part::Aws | Part::Terraform => {
            let account = format!("{:012}", 100_000_000_000 + number * 7_919 + chance.below(7_919));
            let name = format!("{team_name}-{environment}-{mark}");
            if part == Part::Aws {
                ("aws", account, "account", name)
            } else {
                ("terraform", account, "state", format!("s3://{ORGANISATION}-state/{name}.tfstate"))
            }
        }
        Part::Production | Part::Development => {
            let name = format!("{environment}-{}-{number}", chance.pick(&["eu", "us", "ap"]));
            ("kubernetes", format!("https://{name}.k8s.{DOMAIN}:6443"), "cluster", name)
        }
        Part::GitHub | Part::GitLab => {
            let system = if part == Part::GitHub { "github" } else { "gitlab" };
            let name = format!("{ORGANISATION}/{team_name}-{}-{mark}", service(&mut chance));
            (system, String::new(), "repository", name)
        }
        Part::Hosts => {
            let machine = chance.text(b"0123456789abcdef", 32);
            let name =
                format!("{}-{mark}.{DOMAIN}", chance.pick(&["app", "db", "build", "edge", "job"]));
            ("linux", machine, "host", name)
        }
        Part::Postgres => {
            let name = format!("{team_name}-{environment}-{mark}.db.{DOMAIN}:5432");
            ("postgres", name.clone(), "server", name)
        }
        Part::Homes => {
            let machine = chance.text(b"0123456789abcdef", 32);
            ("linux", machine, "homes", format!("laptop-{mark}.{DOMAIN}"))
        }
    };
    Area {
        scope: Scope::new(system, &instance, kind, &name),
        instance,
        name,
        team,
        environment,
        refused: chance.permille(25),
    }
}

impl Area {
    pub(crate) const fn scope_id(&self) -> ScopeId {
        self.scope.id
    }
}
