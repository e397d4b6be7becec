//! The estate as records, in batches, without holding more than one batch.
//!
//! A source is made area by area (account, cluster, repository, host): first the area's places,
//! then one identity after the other with all that hangs on it. What one thing says of another
//! (a function's role, a pod's service account) is worked out from the other's number.

mod aws;
mod code;
mod hosts;
mod kubernetes;
mod others;

use std::borrow::Cow;
use std::rc::Rc;

use model::kinds::{self, CredentialKind, IdentityKind};
use model::{
    Batch, Coverage, Credential, Evidence, Fact, Fingerprint, Gap, GapReason, Identity, IdentityId,
    OwnerLink, Place, ScopeId, Time, Window,
};

use crate::chance::Chance;
use crate::plan::{Group, MIX, Part, Plan, SOURCES, Source};
use crate::world::{Area, World, mark, service, sort, team_party};

/// A batch is handed out when it has at least this many records: few enough that they are still in
/// the processor's own cache when they are compared and dropped.
const BATCH_RECORDS: usize = 250;

pub(crate) const DAY: u64 = 86_400;

/// Everything, one source after the other.
pub fn records(plan: &Plan) -> impl Iterator<Item = Batch> {
    let world = Rc::new(World::new(plan));
    SOURCES.iter().flat_map(move |source| Batches::new(Rc::clone(&world), source.part))
}

/// What one source states.
pub fn batches(plan: &Plan, source: &Source) -> impl Iterator<Item = Batch> + use<> {
    Batches::new(Rc::new(World::new(plan)), source.part)
}

struct Batches {
    world: Rc<World>,
    part: Part,
    /// Where the next identity is: the group, the area, and the number in the group.
    group: usize,
    area: u64,
    number: u64,
    /// Those of the group in the area.
    places: Rc<[Place]>,
    is_done: bool,
}

impl Batches {
    fn new(world: Rc<World>, part: Part) -> Self {
        Self { world, part, group: 0, area: 0, number: 0, places: Rc::from([]), is_done: false }
    }
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.is_done {
            return None;
        }
        let world = Rc::clone(&self.world);
        let mut batch = Batch::default();
        batch.credentials.reserve(BATCH_RECORDS);
        let groups = groups_of(self.part);
        while let Some(group) = MIX.get(self.group) {
            if !groups(group) {
                self.group += 1;
                continue;
            }
            let n = world.sizes.identities.get(self.group).copied().unwrap_or_default();
            let areas = world.areas(self.part);
            let Some(area) = areas.get(self.area) else {
                (self.group, self.area, self.number) = (self.group + 1, 0, 0);
                continue;
            };
            let range = if group.kind == kinds::HOST {
                self.area..(self.area + 1).min(n)
            } else {
                areas.skew.range(self.area, n)
            };
            if self.number <= range.start && !range.is_empty() {
                self.number = range.start;
                self.places = places(&world, self.part, self.group, area, range.end - range.start);
                batch.places.extend(self.places.iter().cloned());
            }
            while self.number < range.end {
                let places = Rc::clone(&self.places);
                let mut one = One::new(
                    &world,
                    &places,
                    self.group,
                    group,
                    (self.part, self.area, area),
                    &range,
                    self.number,
                );
                one.make(self.part, &mut batch);
                self.number += 1;
                if batch.n_records() >= BATCH_RECORDS {
                    batch.settle();
                    return Some(batch);
                }
            }
            self.area += 1;
        }
        self.is_done = true;
        batch.coverage = coverage(&world, self.part);
        if matches!(self.part, Part::GitHub | Part::GitLab) {
            batch.places.extend(world.areas(self.part).list.iter().map(code::repository));
        }
        batch.settle();
        Some(batch)
    }
}

/// Terraform states again, as declared, what is in AWS.
fn groups_of(part: Part) -> fn(&Group) -> bool {
    match part {
        Part::Aws => |group| group.part == Part::Aws,
        Part::Production => |group| group.part == Part::Production,
        Part::Development => |group| group.part == Part::Development,
        Part::GitHub => |group| group.part == Part::GitHub,
        Part::GitLab => |group| group.part == Part::GitLab,
        Part::Hosts => |group| group.part == Part::Hosts,
        Part::Postgres => |group| group.part == Part::Postgres,
        Part::Homes => |group| group.part == Part::Homes,
        Part::Terraform => |group| group.kind == kinds::IAM_ROLE || group.kind == kinds::IAM_USER,
    }
}

fn places(world: &World, part: Part, group: usize, area: &Area, n: u64) -> Rc<[Place]> {
    let shelf = Shelf { part, group, area, n_identities: n };
    (0..shelf.n_places()).map(|number| shelf.place(world, number)).collect()
}

/// The places of one group in one area; a few of them hold most of the credentials.
#[derive(Debug, Clone, Copy)]
struct Shelf<'a> {
    part: Part,
    group: usize,
    area: &'a Area,
    n_identities: u64,
}

impl Shelf<'_> {
    fn n_places(&self) -> u64 {
        match self.part {
            // One state file, which the users' keys lie in.
            Part::Terraform => u64::from(self.is_of(kinds::IAM_USER)),
            // AWS does not say where its keys lie; functions fetch from its secret manager.
            Part::Aws if !self.is_of(kinds::FUNCTION) => 0,
            Part::Homes | Part::Postgres => self.n_identities,
            _ => self.n_identities.div_ceil(4),
        }
    }

    fn is_of(&self, kind: &IdentityKind) -> bool {
        MIX.get(self.group).is_some_and(|group| group.kind == kind)
    }

    fn place(&self, world: &World, number: u64) -> Place {
        let chance = &mut world.chance(sort::PLACE, self.group, area_number(self.area, number));
        match self.part {
            Part::Aws => aws::place(self.area, number, chance),
            Part::Production | Part::Development => {
                kubernetes::place(self.area, self.group, number, chance)
            }
            Part::GitHub | Part::GitLab => code::place(self.area, self.group, number, chance),
            Part::Hosts => hosts::place(self.area, self.group, number, chance),
            Part::Postgres | Part::Homes | Part::Terraform => {
                others::place(self.part, self.area, self.group, number, chance)
            }
        }
    }

    /// Any of the places, the first ones more often.
    fn draw<'p>(&self, places: &'p [Place], world: &World, chance: &mut Chance) -> Cow<'p, Place> {
        let n = self.n_places().max(1);
        let far = chance.below(n);
        let number = if chance.permille(600) { chance.below(far + 1) } else { far };
        match usize::try_from(number).ok().and_then(|number| places.get(number)) {
            Some(place) => Cow::Borrowed(place),
            None => Cow::Owned(self.place(world, number)),
        }
    }
}

fn area_number(area: &Area, number: u64) -> u64 {
    let id = area.scope_id();
    let bytes = id.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
    u64::from_le_bytes(bytes).wrapping_add(number)
}

/// What was read of each area; now and then something was refused.
fn coverage(world: &World, part: Part) -> Vec<Coverage> {
    let mut list = Vec::new();
    for (number, area) in world.areas(part).list.iter().enumerate() {
        let mut coverage = Coverage::new(area.scope.clone());
        let mut chance = world.chance(sort::AREA, 0xff, number as u64);
        coverage.asked = 20 + chance.below(200);
        coverage.got = coverage.asked;
        coverage.window = Some(Window { from: world.ago(400 * DAY), to: world.plan.now });
        if area.refused {
            coverage.miss(gap(part, area));
        }
        list.push(coverage);
    }
    list
}

fn gap(part: Part, area: &Area) -> Gap {
    let (locus, missing) = match part {
        Part::Aws => ("iam:GenerateCredentialReport".to_owned(), "iam:GenerateCredentialReport"),
        Part::Production | Part::Development => {
            ("secrets".to_owned(), "list secrets in all namespaces")
        }
        Part::GitHub | Part::GitLab => (format!("{}/settings/secrets", area.name), "actions: read"),
        Part::Hosts => ("/root/.ssh".to_owned(), "read as root, or CAP_DAC_READ_SEARCH"),
        Part::Postgres => {
            ("pg_authid".to_owned(), "pg_read_all_settings and superuser for pg_authid")
        }
        Part::Homes => ("/home/ada/.config".to_owned(), "read as root, or CAP_DAC_READ_SEARCH"),
        Part::Terraform => (area.name.clone(), "s3:GetObject on the state bucket"),
    };
    Gap::new(locus, GapReason::Denied).missing(missing)
}

/// What became of an identity since the estate was first read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Same,
    /// It was used, or switched.
    Changed,
    /// It is gone, and this one has come in its place; the number makes its ids different.
    Replaced(u32),
}

fn fate(world: &World, group: usize, number: u64) -> Fate {
    let churn = world.plan.churn;
    // The state of Terraform and the hosts themselves stay: other things are named after them.
    if churn.round == 0 || MIX.get(group).is_some_and(|group| group.kind == kinds::HOST) {
        return Fate::Same;
    }
    let mut chance = world.chance(sort::CHURN + 16 * u64::from(churn.round), group, number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction between 0 and 1 in millionths"
    )]
    let millionths = (churn.fraction.clamp(0.0, 1.0) * 1e6) as u64;
    if chance.below(1_000_000) >= millionths {
        return Fate::Same;
    }
    if chance.permille(500) { Fate::Changed } else { Fate::Replaced(churn.round) }
}

/// The number that stands in names: different for what has come in the place of another.
fn life(world: &World, group: usize, number: u64) -> u64 {
    match fate(world, group, number) {
        Fate::Replaced(round) => number + (u64::from(round) << 26),
        _ => number,
    }
}

/// What a thing is called: a service and a mark, the same wherever it is spoken of.
fn name(world: &World, group: usize, number: u64) -> String {
    let mut chance = world.chance(sort::NAME, group, number);
    // Different for each group, so that the first of each are not all called alike.
    let number = life(world, group, number) + (group as u64) * 7_654_321;
    format!("{}-{}", service(&mut chance), mark(number))
}

/// Where a group stands in [`MIX`].
fn group_number(part: Part, kind: &IdentityKind) -> usize {
    MIX.iter().position(|group| group.part == part && group.kind == kind).unwrap_or_default()
}

/// A member of a group that lives in the same area as something else, with its area; any member
/// where the area has none.
fn neighbour<'a>(
    world: &'a World,
    part: Part,
    group: usize,
    area: u64,
    chance: &mut Chance,
) -> Option<(u64, &'a Area)> {
    let n = world.sizes.identities.get(group).copied().filter(|&n| n > 0)?;
    let areas = world.areas(part);
    let range = areas.skew.range(area, n);
    let number = if range.is_empty() {
        chance.below(n)
    } else {
        range.start + chance.below(range.end - range.start)
    };
    Some((number, areas.get(areas.skew.share(number, n))?))
}

/// One identity that is being made.
struct One<'a> {
    world: &'a World,
    /// Those of its group in its area.
    places: &'a [Place],
    group_number: usize,
    group: &'a Group,
    area: &'a Area,
    area_number: u64,
    shelf: Shelf<'a>,
    number: u64,
    /// See [`life`].
    life: u64,
    is_changed: bool,
    n_credentials: u64,
    created_s: u64,
    chance: Chance,
}

impl<'a> One<'a> {
    fn new(
        world: &'a World,
        places: &'a [Place],
        group_number: usize,
        group: &'a Group,
        (part, area_number, area): (Part, u64, &'a Area),
        range: &std::ops::Range<u64>,
        number: u64,
    ) -> Self {
        let n = world.sizes.identities.get(group_number).copied().unwrap_or_default();
        let all = world.sizes.credentials.get(group_number).copied().unwrap_or_default();
        // The area's part of the group's credentials, and this identity's part of that.
        let up_to = |number: u64| {
            u64::try_from(u128::from(all) * u128::from(number) / u128::from(n.max(1)))
                .unwrap_or(all)
        };
        let in_area = up_to(range.end) - up_to(range.start);
        let size = range.end - range.start;
        let before = spread(in_area, number - range.start, size);
        let after = spread(in_area, number - range.start + 1, size);
        let mut chance = world.chance(sort::THING, group_number, number);
        let fate = fate(world, group_number, number);
        let created_s = match fate {
            Fate::Replaced(_) => chance.below(DAY),
            _ => chance.span(520 * DAY, 1).min(4_400 * DAY) + DAY,
        };
        Self {
            world,
            places,
            group_number,
            group,
            area,
            area_number,
            shelf: Shelf { part, group: group_number, area, n_identities: size },
            number,
            life: life(world, group_number, number),
            is_changed: fate == Fate::Changed,
            n_credentials: after - before,
            created_s,
            chance,
        }
    }

    fn make(&mut self, part: Part, batch: &mut Batch) {
        match part {
            Part::Aws => aws::make(self, batch),
            Part::Terraform => aws::declare(self, batch),
            Part::Production | Part::Development => kubernetes::make(self, batch),
            Part::GitHub | Part::GitLab => code::make(self, batch),
            Part::Hosts => hosts::make(self, batch),
            Part::Postgres | Part::Homes => others::make(self, batch),
        }
    }

    const fn scope(&self) -> ScopeId {
        self.area.scope_id()
    }

    /// An identity with its ages, state and environment.
    fn identity(
        &mut self,
        kind: &'static IdentityKind,
        system: &'static str,
        instance: &str,
        native_id: String,
    ) -> Identity {
        let mut identity = Identity::new(kind, system, instance, native_id, self.scope());
        identity.environment = Fact::known(self.area.environment);
        identity.created_at = Fact::known(self.world.ago(self.created_s));
        identity.last_used_at = self.used();
        identity.enabled = Fact::known(!self.chance.permille(40));
        identity
    }

    /// When it was last used: most lately, some long ago, some never, some nobody knows.
    fn used(&mut self) -> Fact<Time> {
        if self.is_changed {
            return Fact::known(self.world.ago(60));
        }
        match self.chance.below(100) {
            0..=11 => {
                let from = self.world.ago(400 * DAY);
                Fact::absent().window(Window { from, to: self.world.plan.now })
            }
            12..=16 => Fact::not_observable("the system keeps no time of use"),
            17..=36 => {
                let ago = 90 * DAY + self.chance.span(140 * DAY, 1);
                Fact::known(self.world.ago(ago.min(self.created_s)))
            }
            _ => {
                let ago = self.chance.span(DAY, 3).min(89 * DAY);
                Fact::known(self.world.ago(ago.min(self.created_s)))
            }
        }
    }

    fn credential(
        &mut self,
        kind: &'static CredentialKind,
        system: &'static str,
        instance: &str,
        native_id: String,
        identity: IdentityId,
    ) -> Credential {
        let mut credential = Credential::new(kind, system, instance, native_id, self.scope());
        credential.identity = Some(identity);
        let age = self.chance.span(300 * DAY, 1).min(self.created_s);
        credential.created_at = Fact::known(self.world.ago(age));
        credential.last_used_at = self.used();
        credential.enabled = Fact::known(!self.chance.permille(50));
        if kind.secret {
            credential.fingerprint = Some(self.fingerprint());
        }
        credential
    }

    /// Of a secret that nobody else has, or, now and then, of one that was copied around.
    fn fingerprint(&mut self) -> Fingerprint {
        if self.chance.permille(15) {
            let n_copied = self.world.plan.scaled(40);
            let copied = self.chance.below(n_copied);
            let bytes = Chance::of(self.world.plan.seed, sort::THING, !copied).bytes();
            return Fingerprint::from_bytes(bytes);
        }
        Fingerprint::from_bytes(self.chance.bytes())
    }

    /// Puts a credential into one of the area's places, and sometimes into a second one.
    fn store(&mut self, credential: &mut Credential) {
        let place = self.shelf.draw(self.places, self.world, &mut self.chance);
        let line = u32::try_from(1 + self.chance.below(200)).ok();
        credential.loci.push(place.native_id.clone());
        credential.places.push(place.stored_at(line, None));
        if self.chance.permille(60) {
            let other = self.shelf.draw(self.places, self.world, &mut self.chance);
            if other.id != place.id {
                credential.loci.push(other.native_id.clone());
                credential.places.push(other.stored_at(line, None));
            }
        }
    }

    /// Who may own it: most have a team, many a person beside it; some have only a person who left,
    /// and some nobody.
    fn owners(&mut self, identity: &Identity, method: &'static str, batch: &mut Batch) {
        let draw = self.chance.below(100);
        if draw < 9 {
            return;
        }
        let team = if self.chance.permille(820) {
            self.area.team
        } else {
            self.world.teams.draw(&mut self.chance)
        };
        if draw >= 15 {
            let confidence = 0.7 + self.percent(25);
            let owner = team_party(team);
            let mut link = OwnerLink::new(identity.id, owner, method, confidence, self.scope());
            link.evidence.push(Evidence::at(&self.area.name).shows("names the team"));
            batch.owners.push(link);
        }
        if draw < 55 {
            let (owner, stays) = self.world.member(team, &mut self.chance);
            if draw >= 15 || !stays {
                let confidence = 0.3 + self.percent(30);
                let mut link =
                    OwnerLink::new(identity.id, owner, "git-author", confidence, self.scope());
                link.active = Fact::known(stays);
                link.evidence.push(Evidence::at(&self.area.name).shows("last changed it"));
                batch.owners.push(link);
            }
        }
    }

    fn percent(&mut self, n: u64) -> f64 {
        f64::from(u32::try_from(self.chance.below(n)).unwrap_or(0)) / 100.0
    }

    /// When a certificate or token ends: some have, some will soon.
    fn expiry(&mut self, longest: u64) -> Time {
        match self.chance.below(100) {
            0..=2 => {
                let ago = self.chance.span(40 * DAY, 2);
                self.world.ago(ago)
            }
            3..=9 => self.world.ahead(3_600 + self.chance.below(30 * DAY)),
            _ => self.world.ahead(30 * DAY + self.chance.below(longest)),
        }
    }
}

/// How many of `all` credentials the first `number` of `size` identities have: one each as far as
/// they go, and of the rest the first have several times as many as the last.
fn spread(all: u64, number: u64, size: u64) -> u64 {
    let even = all.min(size);
    let rest = all - even;
    let (number, size) = (u128::from(number), u128::from(size.max(1)));
    // 1 - (1 - x)^4, in whole numbers of 2^-20.
    let left = ((size - number) << 20) / size;
    let squared = (left * left) >> 20;
    let skewed = (1 << 20) - ((squared * squared) >> 20);
    let given = u128::from(even) * number / size + ((u128::from(rest) * skewed) >> 20);
    u64::try_from(given).unwrap_or(all)
}

/// The n-th credential of an identity.
fn nth(native_id: &str, n: u64) -> String {
    format!("{native_id}#{n}")
}

/// A certificate of a subject, and every other time the private key to it.
fn certificate(one: &mut One<'_>, subject: &Identity, name: &str, n: u64, batch: &mut Batch) {
    let sha256 = hex(one.chance.bytes::<32>());
    let spki = hex(one.chance.bytes::<32>());
    let is_key = n % 2 == 1;
    let mut credential = if is_key {
        one.credential(kinds::PRIVATE_KEY, "x509", "", format!("spki:{spki}"), subject.id)
    } else {
        one.credential(kinds::X509, "x509", "", format!("sha256:{sha256}"), subject.id)
    };
    name.clone_into(&mut credential.name);
    let algorithm = one.chance.pick(&["EC", "EC", "RSA", "RSA", "RSA", "Ed25519"]);
    let bits = match algorithm {
        "RSA" if one.chance.permille(40) => 1024_i64,
        "RSA" => 2048,
        _ => 256,
    };
    credential.fact("algorithm", Fact::known(algorithm));
    credential.fact("bits", Fact::known(bits));
    credential.fact("spki_sha256", Fact::known(spki));
    if is_key {
        credential.fact("encrypted", Fact::known(one.chance.permille(120)));
    } else {
        let expires_at = one.expiry(368 * DAY);
        credential.expires_at = Fact::known(expires_at);
        credential.fact("short_lived", Fact::known(false));
        credential.fact("san", Fact::known(vec![name.to_owned()]));
        credential.fact("issuer", Fact::known("CN=Meridian Issuing CA 3,O=Meridian"));
        credential.fact("subject", Fact::known(format!("CN={name}")));
        credential.fact("sha256", Fact::known(sha256));
    }
    one.store(&mut credential);
    batch.credentials.push(credential);
}

fn hex<const N: usize>(bytes: [u8; N]) -> String {
    let mut text = String::with_capacity(2 * N);
    for digit in bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
    }
    text
}

#[cfg(test)]
mod tests;
