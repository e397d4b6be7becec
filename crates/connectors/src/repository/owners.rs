//! Who answers for what a folder defines: CODEOWNERS, OWNERS files, catalogue entries, package
//! manifests, git history and the writers of lines, each with how sure it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use globset::GlobMatcher;
use model::{
    Authority, Batch, Evidence, Gap, GapReason, IdentityId, OwnerLink, Party, PartyKind, ScopeId,
};

use super::checkout::Checkout;
use super::history;
use crate::contract::Request;
use crate::files::{Links, Tree, shown};
use crate::glob;
use crate::yaml;

/// Owner files are read up to this size.
const MAX_OWNER_FILE_BYTES: u64 = 4 << 20;
/// Rules of a CODEOWNERS beyond this are not read.
const MAX_RULES: usize = 20_000;
/// Owners beyond this that one rule or one file names are not told, nor claims on one file.
const MAX_OWNERS: usize = 200;
const MAX_CLAIMS: usize = 1_000;
/// Owner links of a scanned folder are told up to this size, all together.
const MAX_LINK_BYTES: usize = 64 << 20;
/// The best authors of a file that are named.
const MAX_AUTHORS: usize = 3;

const CODEOWNERS: f64 = 0.9;
const CATALOGUE: f64 = 0.8;
const OWNERS_FILE: f64 = 0.8;
const MAINTAINERS: f64 = 0.6;
const GIT_AUTHOR: f64 = 0.5;
const GIT_BLAME: f64 = 0.5;

/// Adds owner links for every identity that files of the folder define.
pub(super) fn assign(
    request: &Request<'_>,
    scope: ScopeId,
    checkouts: &[Arc<Checkout>],
    with_history: bool,
    batch: &mut Batch,
) -> Vec<Gap> {
    let mut defined: BTreeMap<String, BTreeSet<IdentityId>> = BTreeMap::new();
    for identity in &batch.identities {
        if identity.authority != Authority::Mentioned && !identity.is_person() {
            for locus in &identity.loci {
                defined.entry(locus.clone()).or_default().insert(identity.id);
            }
        }
    }
    let mut of_checkout: BTreeMap<usize, Vec<(String, &BTreeSet<IdentityId>)>> = BTreeMap::new();
    let roots = roots(checkouts);
    for (locus, identities) in &defined {
        if let Some(n) = nearest(&roots, locus) {
            of_checkout.entry(n).or_default().push((locus.clone(), identities));
        }
    }
    // Where a file defines an identity.
    let mut lines: BTreeMap<(IdentityId, &str), u32> = BTreeMap::new();
    for identity in &batch.identities {
        for evidence in &identity.evidence {
            if let Some(line) = evidence.line {
                lines.entry((identity.id, &evidence.at)).or_insert(line);
            }
        }
    }
    let mut links = Vec::new();
    let mut gaps = Vec::new();
    let mut budget = history::Budget::default();
    let mut left = MAX_LINK_BYTES;
    for (n, files) in of_checkout {
        let Some(checkout) = checkouts.get(n) else { continue };
        let Ok(tree) = Tree::open(&checkout.folder) else { continue };
        let evidence =
            Gathered::of(request, &tree, checkout, &files, with_history, &mut budget, &mut gaps);
        for (locus, identities) in files {
            let within = checkout.within(&locus);
            if within.starts_with(".git/") {
                continue;
            }
            let claims = evidence.claims(&within);
            for identity in identities {
                let line = lines.get(&(*identity, locus.as_str())).copied();
                for claim in claims.iter().chain(&evidence.writers(&within, &locus, line)) {
                    let Some(rest) = left.checked_sub(claim.cost(&locus)) else {
                        if left > 0 {
                            let detail = format!("more than {MAX_LINK_BYTES} bytes of owners");
                            gaps.push(Gap::new(&locus, GapReason::TooLarge).detail(detail));
                        }
                        left = 0;
                        break;
                    };
                    left = rest;
                    links.push(claim.link(*identity, scope, &locus));
                }
            }
        }
    }
    batch.owners.extend(links);
    gaps
}

/// Checkouts by where they begin.
fn roots(checkouts: &[Arc<Checkout>]) -> BTreeMap<&Path, usize> {
    checkouts.iter().enumerate().map(|(n, checkout)| (checkout.root.as_path(), n)).collect()
}

/// The innermost checkout that a path lies in.
fn nearest(roots: &BTreeMap<&Path, usize>, locus: &str) -> Option<usize> {
    Path::new(locus).ancestors().find_map(|folder| roots.get(folder)).copied()
}

/// One statement that somebody answers for a file.
#[derive(Debug, Clone)]
struct Claim {
    party: Arc<Party>,
    method: &'static str,
    confidence: f64,
    evidence: Evidence,
}

impl Claim {
    fn link(&self, identity: IdentityId, scope: ScopeId, locus: &str) -> OwnerLink {
        let mut link = OwnerLink::new(
            identity,
            Party::clone(&self.party),
            self.method,
            self.confidence,
            scope,
        );
        link.loci = vec![locus.to_owned()];
        link.evidence = vec![self.evidence.clone()];
        link
    }

    /// Bytes of its link.
    fn cost(&self, locus: &str) -> usize {
        let told = self.party.key.len() + self.party.name.len() + self.evidence.at.len();
        size_of::<OwnerLink>() + size_of::<Evidence>() + told + locus.len()
    }
}

/// Everything a checkout tells about owners.
struct Gathered {
    rules: Option<CodeOwners>,
    /// Claims by folder, as the checkout names it.
    folders: BTreeMap<String, Vec<Claim>>,
    told: history::Told,
    locus: String,
}

impl Gathered {
    fn of(
        request: &Request<'_>,
        tree: &Tree,
        checkout: &Checkout,
        files: &[(String, &BTreeSet<IdentityId>)],
        with_history: bool,
        budget: &mut history::Budget,
        gaps: &mut Vec<Gap>,
    ) -> Self {
        let paths: Vec<String> = files.iter().map(|(locus, _)| checkout.within(locus)).collect();
        let mut folders = BTreeMap::new();
        let mut cut = Vec::new();
        for path in &paths {
            let mut folder = Some(path.as_str());
            while let Some(parent) = folder.and_then(parent_of) {
                folders
                    .entry(parent.to_owned())
                    .or_insert_with(|| claims_in(tree, parent, &mut cut));
                folder = Some(parent);
            }
        }
        let rules = code_owners(tree);
        cut.extend(rules.as_ref().filter(|rules| rules.is_cut).map(|rules| rules.path.clone()));
        gaps.extend(cut.into_iter().map(|path| {
            let locus = super::reading::join(&shown(&checkout.root), &path);
            let detail = format!(
                "more than {MAX_RULES} lines, or than {MAX_OWNERS} owners of one rule or file"
            );
            Gap::new(locus.trim_start_matches('/'), GapReason::TooLarge).detail(detail)
        }));
        let mut history = history::Told::default();
        if let Some(git) = checkout.git.as_ref().filter(|_| with_history) {
            match history::authors(git, &paths, budget, &|| request.is_cancelled()) {
                Ok(told) => {
                    if told.is_cut {
                        let detail = "history: more than is read of one folder; its older part";
                        gaps.push(Gap::new(&git.locus, GapReason::TooLarge).detail(detail));
                    }
                    history = told;
                }
                Err(gap) => gaps.push(gap),
            }
        }
        let locus = checkout.git.as_ref().map_or_else(String::new, |git| git.locus.clone());
        Self { rules, folders, told: history, locus }
    }

    fn claims(&self, path: &str) -> Vec<Claim> {
        let mut claims = Vec::new();
        if let Some(rules) = &self.rules {
            claims.extend(rules.claims(path));
        }
        // Of the files that speak for whole folders, the nearest of each sort counts.
        let mut told = BTreeSet::new();
        let mut folder = parent_of(path);
        while let Some(name) = folder {
            let here = self.folders.get(name).map(Vec::as_slice).unwrap_or_default();
            let fresh: Vec<&Claim> =
                here.iter().filter(|claim| !told.contains(claim.method)).collect();
            told.extend(fresh.iter().map(|claim| claim.method));
            claims.extend(fresh.into_iter().cloned());
            folder = parent_of(name);
        }
        for author in self
            .told
            .authors
            .get(path)
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .take(MAX_AUTHORS)
        {
            let shows = format!("{} of the changes to {path}", author.n_changes);
            claims.push(Claim {
                party: Party::new(PartyKind::Person, &author.email, author.name.clone()).into(),
                method: "git-author",
                confidence: GIT_AUTHOR * author.share,
                evidence: Evidence::at(self.locus.clone()).shows(shows),
            });
        }
        claims
    }
}

impl Gathered {
    /// Who wrote the line that defines an identity; where none is known to, who wrote most of the
    /// file as it stands.
    fn writers(&self, path: &str, locus: &str, line: Option<u32>) -> Vec<Claim> {
        let Some(writers) = self.told.writers.get(path) else { return Vec::new() };
        let claim = |writer: u32, confidence: f64, evidence: Evidence| {
            let (email, name) = self.told.people.get(writer as usize)?;
            let party = Party::new(PartyKind::Person, email, name.clone()).into();
            Some(Claim { party, method: "git-blame", confidence, evidence })
        };
        let of_line = line.and_then(|line| *writers.get(line.checked_sub(1)? as usize)?);
        if let (Some(line), Some(writer)) = (line, of_line) {
            let evidence = Evidence::at(locus).line(line).shows("last wrote this line");
            return claim(writer, GIT_BLAME, evidence).into_iter().collect();
        }
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for writer in writers.iter().flatten() {
            *counts.entry(*writer).or_default() += 1;
        }
        let mut counts: Vec<(u32, u32)> = counts.into_iter().collect();
        counts.sort_by_key(|(writer, n)| (std::cmp::Reverse(*n), *writer));
        let n_lines = u32::try_from(writers.len()).unwrap_or(u32::MAX);
        counts
            .into_iter()
            .take(MAX_AUTHORS)
            .filter_map(|(writer, n)| {
                let shows = format!("wrote {n} of its {n_lines} lines");
                let share = f64::from(n) / f64::from(n_lines.max(1));
                claim(writer, GIT_BLAME * share, Evidence::at(locus).shows(shows))
            })
            .collect()
    }
}

/// The folder that a path lies in, `""` at last.
fn parent_of(path: &str) -> Option<&str> {
    (!path.is_empty()).then(|| path.rsplit_once('/').map_or("", |(folder, _)| folder))
}

/// A CODEOWNERS of GitHub, GitLab or Bitbucket.
#[derive(Debug)]
struct CodeOwners {
    path: String,
    rules: Vec<Rule>,
    /// Whether it says more than is read.
    is_cut: bool,
}

/// Very many rules may share those of their section.
type Owners = Arc<[Arc<Party>]>;

#[derive(Debug)]
struct Rule {
    section: usize,
    matcher: Pattern,
    owners: Owners,
    line: u32,
}

fn code_owners(tree: &Tree) -> Option<CodeOwners> {
    const PLACES: &[&str] = &[
        ".github/CODEOWNERS",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        ".gitlab/CODEOWNERS",
        ".bitbucket/CODEOWNERS",
        ".gitea/CODEOWNERS",
    ];
    PLACES.iter().find_map(|path| {
        let content = tree.read(Path::new(path), MAX_OWNER_FILE_BYTES, Links::Refuse).ok()?;
        Some(CodeOwners::parse(path, &String::from_utf8_lossy(&content.bytes)))
    })
}

impl CodeOwners {
    fn parse(path: &str, text: &str) -> Self {
        let mut rules = Vec::new();
        let mut section = 0;
        let mut default = Owners::default();
        let mut is_cut = text.lines().nth(MAX_RULES).is_some();
        let mut capped = |mut owners: Vec<Arc<Party>>| {
            is_cut |= owners.len() > MAX_OWNERS;
            owners.truncate(MAX_OWNERS);
            Owners::from(owners)
        };
        for (line, number) in text.lines().zip(1_u32..).take(MAX_RULES) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let header = line.strip_prefix('^').unwrap_or(line);
            if header.starts_with('[') {
                section += 1;
                let owners = header.rsplit(']').next().unwrap_or_default();
                default = capped(parties(owners));
                continue;
            }
            let line = line.split(" #").next().unwrap_or(line);
            let mut words = split_unescaped(line);
            let Some(pattern) = words.next() else { continue };
            let named = parties(&words.collect::<Vec<_>>().join(" "));
            let owners = if named.is_empty() { Arc::clone(&default) } else { capped(named) };
            if let Some(matcher) = Pattern::new(&pattern) {
                rules.push(Rule { section, matcher, owners, line: number });
            }
        }
        Self { path: path.to_owned(), rules, is_cut }
    }

    /// In each section the last rule that matches counts; one without owners takes ownership away.
    fn claims(&self, path: &str) -> Vec<Claim> {
        let mut last: BTreeMap<usize, &Rule> = BTreeMap::new();
        for rule in self.rules.iter().filter(|rule| rule.matcher.matches(path)) {
            last.insert(rule.section, rule);
        }
        let claim = |rule: &Rule, party: &Arc<Party>| Claim {
            party: Arc::clone(party),
            method: "codeowners",
            confidence: CODEOWNERS,
            evidence: Evidence::at(self.path.clone()).line(rule.line).shows("owns this path"),
        };
        let owned = last.into_values();
        let owned = owned.flat_map(|rule| rule.owners.iter().map(move |party| (rule, party)));
        owned.take(MAX_CLAIMS).map(|(rule, party)| claim(rule, party)).collect()
    }
}

/// The words of a rule; a backslash keeps a space in the pattern.
fn split_unescaped(line: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut is_escaped = false;
    for c in line.chars() {
        if c.is_whitespace() && !is_escaped {
            words.push(String::new());
        } else if c == '\\' && !is_escaped {
            is_escaped = true;
            continue;
        } else if let Some(word) = words.last_mut() {
            word.push(c);
        }
        is_escaped = false;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

/// A path pattern of CODEOWNERS: like `.gitignore`, without negation.
#[derive(Debug)]
struct Pattern {
    itself: GlobMatcher,
    /// What lies below, where the pattern may name a folder.
    below: Option<GlobMatcher>,
}

impl Pattern {
    fn new(pattern: &str) -> Option<Self> {
        let is_folder = pattern.ends_with('/');
        let body = pattern.trim_matches('/');
        let is_anchored = pattern.starts_with('/') || body.contains('/');
        if body.is_empty() {
            return (pattern == "/").then(|| Self::new("*")).flatten();
        }
        let body = if is_anchored { body.to_owned() } else { format!("**/{body}") };
        let itself = if is_folder { format!("{body}/**") } else { body.clone() };
        // `docs/*` names files directly in `docs`, and nothing deeper.
        let is_direct = is_anchored && body.ends_with("/*");
        let below =
            if is_folder || is_direct { None } else { glob::of_paths(&format!("{body}/**")) };
        Some(Self { itself: glob::of_paths(&itself)?, below })
    }

    fn matches(&self, path: &str) -> bool {
        self.itself.is_match(path) || self.below.as_ref().is_some_and(|below| below.is_match(path))
    }
}

/// Owners as CODEOWNERS writes them: `@org/team`, `@user`, an address.
fn parties(text: &str) -> Vec<Arc<Party>> {
    text.split_whitespace().filter_map(party).map(Arc::new).collect()
}

fn party(word: &str) -> Option<Party> {
    let word = word.trim_matches(|c: char| matches!(c, ',' | '<' | '>' | '"'));
    if let Some(handle) = word.strip_prefix('@') {
        let kind = if handle.contains('/') || handle.starts_with('@') {
            PartyKind::Team
        } else {
            PartyKind::Person
        };
        return (!handle.is_empty()).then(|| Party::new(kind, word, word));
    }
    word.contains('@').then(|| Party::new(PartyKind::Person, word, word))
}

/// `Ada Lovelace <ada@example.org> (https://…)` as package manifests write people.
fn person(text: &str) -> Option<Party> {
    let name = text.split(['<', '(']).next().unwrap_or(text).trim();
    let address = text.split_once('<').and_then(|(_, rest)| rest.split('>').next()).map(str::trim);
    let address = address.filter(|address| address.contains('@'));
    let kind = if is_organisation(name, address) { PartyKind::Team } else { PartyKind::Person };
    match (address, name) {
        (Some(address), "") => Some(Party::new(kind, address, address)),
        (Some(address), name) => Some(Party::new(kind, address, name)),
        (None, "") => None,
        (None, name) => Some(Party::new(kind, name, name)),
    }
}

/// Whether the author of a package is a company, project or team: its name has a word that no
/// person's has, its address is that of a desk, or name and domain of the address are one.
fn is_organisation(name: &str, address: Option<&str>) -> bool {
    let lower = name.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    if words.any(|word| ORGANISATION_WORDS.contains(&word)) {
        return true;
    }
    let Some((desk, domain)) = address.and_then(|address| address.split_once('@')) else {
        return false;
    };
    let desk = desk.to_lowercase();
    let packed: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let company = domain.rsplit('.').nth(1).unwrap_or_default().replace('-', "");
    desk.split(['.', '-', '_', '+']).any(|word| DESKS.contains(&word))
        || !packed.is_empty() && packed == company.to_lowercase() && packed != desk
}

const ORGANISATION_WORDS: &[&str] = &[
    "ab",
    "ag",
    "as",
    "association",
    "authors",
    "bv",
    "co",
    "collective",
    "community",
    "company",
    "consulting",
    "contributors",
    "corp",
    "corporation",
    "developers",
    "engineering",
    "foundation",
    "gmbh",
    "group",
    "inc",
    "incorporated",
    "industries",
    "initiative",
    "institute",
    "labs",
    "limited",
    "llc",
    "llp",
    "ltd",
    "maintainers",
    "network",
    "networks",
    "organisation",
    "organization",
    "oy",
    "plc",
    "project",
    "pty",
    "sarl",
    "services",
    "software",
    "solutions",
    "srl",
    "studio",
    "studios",
    "systems",
    "team",
    "technologies",
    "technology",
    "university",
    "working",
];

const DESKS: &[&str] = &[
    "admin",
    "build",
    "contact",
    "dev",
    "developers",
    "devs",
    "engineering",
    "hello",
    "hi",
    "info",
    "maintainers",
    "npm",
    "office",
    "opensource",
    "ops",
    "oss",
    "platform",
    "security",
    "support",
    "team",
];

/// What the files of one folder say about who answers for it; `cut` takes those that say too much.
fn claims_in(tree: &Tree, folder: &str, cut: &mut Vec<String>) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut read = |name: &str, tell: &dyn Fn(&str) -> Vec<Claim>| {
        let path = super::reading::join(folder, name);
        let path = path.trim_start_matches('/').to_owned();
        let read = tree.read(Path::new(&path), MAX_OWNER_FILE_BYTES, Links::Refuse);
        if let Ok(text) = read.map(|content| String::from_utf8_lossy(&content.bytes).into_owned()) {
            let told = tell(&text);
            if told.len() > MAX_OWNERS {
                cut.push(path.clone());
            }
            claims.extend(told.into_iter().take(MAX_OWNERS).map(|mut claim| {
                claim.evidence.at.clone_from(&path);
                claim
            }));
        }
    };
    read("OWNERS", &owners_file);
    read("catalog-info.yaml", &catalogue);
    read("catalog-info.yml", &catalogue);
    read("Chart.yaml", &chart);
    read("package.json", &package);
    claims
}

fn claim(party: Party, method: &'static str, confidence: f64, shows: &'static str) -> Claim {
    Claim { party: party.into(), method, confidence, evidence: Evidence::default().shows(shows) }
}

/// Kubernetes style: `approvers:` and `reviewers:` are GitHub names.
fn owners_file(text: &str) -> Vec<Claim> {
    let (documents, _) = yaml::load(text);
    let mut claims = Vec::new();
    for (key, confidence) in [("approvers", OWNERS_FILE), ("reviewers", OWNERS_FILE / 2.0)] {
        let listed = documents.first().and_then(|document| document.get(key));
        for node in listed.map(yaml::Node::items).unwrap_or_default() {
            let Some(name) = node.stated() else { continue };
            let handle = if name.contains('@') { name.to_owned() } else { format!("@{name}") };
            let kind = if name.contains("team")
                || name.ends_with("-approvers")
                || name.ends_with("-maintainers")
                || name.ends_with("-reviewers")
            {
                PartyKind::Team
            } else {
                PartyKind::Person
            };
            claims.push(claim(
                Party::new(kind, &handle, name),
                "owners-file",
                confidence,
                "OWNERS",
            ));
        }
    }
    claims
}

/// Backstage: `spec.owner` is `group:team` or `user:name`.
fn catalogue(text: &str) -> Vec<Claim> {
    let (documents, _) = yaml::load(text);
    let owner = documents.iter().find_map(|document| document.at(&["spec", "owner"])?.stated());
    let Some(owner) = owner else { return Vec::new() };
    let (kind, name) = match owner.split_once(':') {
        Some(("user", name)) => (PartyKind::Person, name),
        Some((_, name)) => (PartyKind::Team, name),
        None => (PartyKind::Team, owner),
    };
    let name = name.strip_prefix("default/").unwrap_or(name);
    vec![claim(Party::new(kind, name, name), "catalog", CATALOGUE, "spec.owner")]
}

fn chart(text: &str) -> Vec<Claim> {
    let (documents, _) = yaml::load(text);
    let listed = documents.first().and_then(|document| document.get("maintainers"));
    let mut claims = Vec::new();
    for node in listed.map(yaml::Node::items).unwrap_or_default() {
        let stated = |key: &str| node.get(key).and_then(yaml::Node::stated);
        let Some(key) = stated("email").or_else(|| stated("name")) else { continue };
        let party = Party::new(PartyKind::Person, key, stated("name").unwrap_or(key));
        claims.push(claim(party, "chart-maintainer", MAINTAINERS, "maintainers"));
    }
    claims
}

fn package(text: &str) -> Vec<Claim> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { return Vec::new() };
    let people = ["author", "maintainers", "contributors"]
        .into_iter()
        .take(2)
        .filter_map(|key| value.get(key));
    let mut claims = Vec::new();
    for people in people {
        let listed = people.as_array().cloned().unwrap_or_else(|| vec![people.clone()]);
        for one in listed {
            let party = match &one {
                serde_json::Value::String(text) => person(text),
                other => {
                    let field = |key: &str| {
                        other.get(key).and_then(serde_json::Value::as_str).unwrap_or_default()
                    };
                    person(&format!("{} <{}>", field("name"), field("email")))
                }
            };
            claims.extend(
                party.map(|party| claim(party, "package-author", MAINTAINERS - 0.2, "author")),
            );
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_are_people_or_organisations() {
        let check = |text: &str, kind: PartyKind, name: &str| {
            let party = person(text).unwrap();
            assert_eq!((party.kind, party.name.as_str()), (kind, name), "{text}");
        };
        let (one, many) = (PartyKind::Person, PartyKind::Team);
        check("Ada Lovelace <ada@example.org> (https://example.org)", one, "Ada Lovelace");
        check("Ada Lovelace", one, "Ada Lovelace");
        check("ada", one, "ada");
        check("ada <ada@ada.example>", one, "ada");
        check("<ada@example.org>", one, "ada@example.org");
        check("Example Corp. <ada@example.org>", many, "Example Corp.");
        check("Example, Inc.", many, "Example, Inc.");
        check("The Example Authors", many, "The Example Authors");
        check("Beispiel GmbH (https://beispiel.example)", many, "Beispiel GmbH");
        check("Acme <ada@acme.example>", many, "Acme");
        check("Acme <oss@example.org>", many, "Acme");
        check("<platform-team@example.org>", many, "platform-team@example.org");
    }

    #[test]
    fn the_last_match_of_each_section_owns() {
        let text = "\
* @acme/everyone
/docs/* writer@example.org
/docs/keys/
*.tf @infra # state
path\\ with\\ space/ @spacey
[Security][2] @acme/security
.github/workflows/
";
        let rules = CodeOwners::parse("CODEOWNERS", text);
        let check = |path: &str, expected: &[&str]| {
            let owners: Vec<String> =
                rules.claims(path).into_iter().map(|claim| claim.party.name.clone()).collect();
            assert_eq!(owners, expected, "{path}");
        };
        check("src/main.rs", &["@acme/everyone"]);
        check("docs/a.md", &["writer@example.org"]);
        check("docs/deep/a.md", &["@acme/everyone"]);
        check("docs/keys/a", &[]);
        check("deep/down/main.tf", &["@infra"]);
        check("path with space/x", &["@spacey"]);
        check(".github/workflows/x.yml", &["@acme/everyone", "@acme/security"]);
    }

    #[test]
    fn very_many_rules_share_their_owners() {
        let owners: String = (0..=MAX_OWNERS).map(|n| format!(" @o{n}")).collect();
        let rules = CodeOwners::parse("CODEOWNERS", &format!("[S]{owners}\n*.a\n*.b\n"));
        assert!(rules.is_cut);
        assert!(Arc::ptr_eq(&rules.rules[0].owners, &rules.rules[1].owners));
        assert_eq!(rules.claims("x.a").len(), MAX_OWNERS);
        let sections: String = (0..10).map(|n| format!("[S{n}]{owners}\n*\n")).collect();
        let rules = CodeOwners::parse("CODEOWNERS", &sections);
        assert_eq!(rules.claims("x.a").len(), MAX_CLAIMS);
        assert!(!CodeOwners::parse("CODEOWNERS", "* @o\n").is_cut);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_code_owners_file(text: String, path: String) {
            CodeOwners::parse("CODEOWNERS", &text).claims(&path);
            person(&text);
        }
    }
}
