//! Opens the known files below each home and counts what was asked, got and refused.
//!
//! Only what exists is asked for. A link is followed when it stays within the home and is a gap
//! when it leads out: else an account could have another one's file read in its name.

use std::collections::BTreeSet;
use std::path::Path;

use model::{
    Authority, Batch, Coverage, Fact, Gap, GapReason, Place, Scope, Subject, Trust, kinds,
};

use super::catalogue::{self, How, Row};
use super::files::{File, Known};
use super::logins;
use super::people::{self, Account, Home, Person};
use crate::agents::{self, AgentFile, component_matches};
use crate::contract::{Outbox, Request, SourceError};
use crate::dossier::Dossier;
use crate::files::{Content, Links, MAX_PARSED_BYTES, Tree, shown};
use crate::material::At;
use crate::outlet;

/// Of the files that fit one pattern of one home, this many are read.
pub(super) const MAX_MATCHES: usize = 1_000;
/// `/etc/passwd` of a machine joined to a directory stays far below this.
const MAX_PASSWD_BYTES: u64 = 64 << 20;

pub(super) fn discover(request: &Request<'_>, out: Outbox<'_>) -> Result<(), SourceError> {
    let (root, homes, accounts) = survey(request)?;
    let total = u64::try_from(homes.len()).ok();
    // One MCP server or registry account is in many homes: one batch makes one record of it.
    let mut batch = Batch::default();
    for (n, home) in homes.iter().enumerate() {
        if request.is_cancelled() {
            return Err(SourceError::Cancelled);
        }
        request.report(home.path.as_str(), u64::try_from(n).unwrap_or(0), total);
        batch.extend(one(request, &root, home, &accounts));
    }
    outlet::settle(&mut batch);
    out(batch);
    Ok(())
}

pub(super) fn test(request: &Request<'_>) -> Result<String, SourceError> {
    let (root, homes, _) = survey(request)?;
    let n_readable = homes
        .iter()
        .filter(|home| {
            open(&root, home).is_ok_and(|tree| tree.list(Path::new(""), Links::Refuse).is_ok())
        })
        .count();
    Ok(format!("{n_readable} of {} homes can be read", homes.len()))
}

fn survey(request: &Request<'_>) -> Result<(Tree, Vec<Home>, Vec<Account>), SourceError> {
    let root = Tree::open(&request.machine.root).map_err(|gap| SourceError::NotFound(gap.locus))?;
    let passwd = root.read(Path::new("etc/passwd"), MAX_PASSWD_BYTES, Links::WithinTree);
    let accounts = passwd
        .map(|content| people::accounts(&String::from_utf8_lossy(&content.bytes)))
        .unwrap_or_default();
    let given = request.settings.list("homes");
    if !given.is_empty() {
        return Ok((root, people::given(given, &request.machine.root, &accounts), accounts));
    }
    let folders: Vec<String> = root
        .list(Path::new("home"), Links::WithinTree)
        .map(|(entries, _)| entries)
        .unwrap_or_default()
        .iter()
        .filter(|entry| {
            root.meta(&entry.path, Links::Refuse).is_ok_and(crate::files::Meta::is_folder)
        })
        .map(|entry| format!("/{}", shown(&entry.path)))
        .collect();
    let mut homes = people::homes(&accounts, &folders);
    homes.retain(|home| match open(&root, home) {
        Ok(_) => true,
        Err(gap) => !matches!(gap.reason, GapReason::NotFound | GapReason::NotRegular),
    });
    Ok((root, homes, accounts))
}

fn open(root: &Tree, home: &Home) -> Result<Tree, Gap> {
    match &home.given {
        Some(path) => Ok(Tree::open(path)?.seen_as(Path::new(&home.path))),
        None => root.below(Path::new(&home.path)),
    }
}

fn read(row: &Row, file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    match row.how {
        How::Parser(parser) => parser(file, dossier),
        How::Keys(keys) => logins::keys(keys, file, dossier),
        How::Whole(token) => logins::whole(token, file, dossier),
    }
}

/// Whether a file of a folder that is no home is one that this source can read.
pub(crate) fn is_in_folder(path: &str) -> bool {
    catalogue::in_folder(path).is_some()
}

/// Reads a tool's file that lies in a folder: who it makes one, and what else in it is secret.
pub(crate) fn read_in_folder(path: &str, bytes: &[u8], at: At<'_>) -> (Batch, Vec<Gap>) {
    let mut dossier = Dossier::new(at);
    if let Some(row) = catalogue::in_folder(path) {
        read(row, &mut File { path, bytes, known: &mut Known::default() }, &mut dossier);
    }
    dossier.sweep(bytes, None);
    dossier.finish()
}

/// Everything of one home.
fn one(request: &Request<'_>, root: &Tree, home: &Home, accounts: &[Account]) -> Batch {
    let scope = Scope::new("linux", &request.machine.id, "home", home.path.as_str());
    let mut reader = Reader {
        request,
        home,
        accounts,
        coverage: Coverage::new(scope),
        batch: Batch::default(),
        known: Known::default(),
        seen: BTreeSet::new(),
        inodes: BTreeSet::new(),
        person: None,
    };
    match open(root, home) {
        Ok(tree) => reader.read_all(&tree),
        Err(gap) => reader.miss(gap, ""),
    }
    reader.finish()
}

struct Reader<'a> {
    request: &'a Request<'a>,
    home: &'a Home,
    accounts: &'a [Account],
    coverage: Coverage,
    batch: Batch,
    known: Known,
    /// Paths that a row has taken: the first row that fits a file reads it.
    seen: BTreeSet<String>,
    inodes: BTreeSet<(u64, u64)>,
    person: Option<Person>,
}

impl Reader<'_> {
    fn read_all(&mut self, tree: &Tree) {
        let entries = match tree.list(Path::new(""), Links::Refuse) {
            Ok((entries, truncated)) => {
                self.coverage.truncated |= truncated;
                Some(entries)
            }
            Err(gap) => {
                // A home that may be passed through and not listed still gives its known files.
                self.miss(gap, "");
                None
            }
        };
        let is_there = |pattern: &str| {
            let first = pattern.split('/').next().unwrap_or(pattern);
            entries.as_ref().is_none_or(|entries| {
                entries.iter().any(|entry| {
                    entry.name.to_str().is_some_and(|name| component_matches(first, name))
                })
            })
        };
        let can_list = entries.is_some();
        let gitconfig = tree.read(Path::new(".gitconfig"), MAX_PARSED_BYTES, Links::WithinTree);
        let gitconfig = match gitconfig {
            Ok(content) => Some(String::from_utf8_lossy(&content.bytes).into_owned()),
            Err(gap) if gap.reason == GapReason::NotFound => None,
            // The gap of the whole home says it already.
            Err(gap) if gap.reason == GapReason::Denied && !can_list => None,
            Err(gap) => {
                self.miss(gap, ".gitconfig");
                None
            }
        };
        self.person = Person::of(self.home, gitconfig.as_deref(), &self.request.machine.name);
        for row in catalogue::in_home().filter(|row| is_there(row.path)) {
            self.files(tree, row.path, can_list, &mut |reader, path, content| {
                reader.parse(row, path, content);
            });
        }
        for file in agents::FILES {
            if file.base == agents::Base::Home && is_there(file.path) {
                self.files(tree, file.path, can_list, &mut |reader, path, content| {
                    reader.parse_agent(file, path, content);
                });
            }
        }
    }

    /// Reads every file that fits a pattern and exists.
    fn files(
        &mut self,
        tree: &Tree,
        pattern: &str,
        can_list: bool,
        parse: &mut dyn FnMut(&mut Self, &str, &Content),
    ) {
        for path in self.matches(tree, pattern) {
            if !self.seen.insert(path.clone()) {
                continue;
            }
            match tree.read(Path::new(&path), MAX_PARSED_BYTES, Links::WithinTree) {
                // Two names of one file, by a link.
                Ok(content) if !self.inodes.insert(content.meta.inode) => {}
                Ok(content) => parse(self, &path, &content),
                Err(gap) if gap.reason == GapReason::NotFound => {}
                // The gap of the whole home says it already.
                Err(gap) if gap.reason == GapReason::Denied && !can_list => {}
                Err(gap) => self.miss(gap, &path),
            }
        }
    }

    /// The paths that fit a pattern; folders on the way are listed only where it has a `*`.
    fn matches(&mut self, tree: &Tree, pattern: &str) -> Vec<String> {
        let mut paths = vec![String::new()];
        for component in pattern.split('/') {
            let join = |path: &String, name: &str| {
                if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
            };
            if !component.contains('*') {
                for path in &mut paths {
                    *path = join(path, component);
                }
                continue;
            }
            let mut next = Vec::new();
            for path in &paths {
                let entries = match tree.list(Path::new(path), Links::WithinTree) {
                    Ok((entries, _)) => entries,
                    Err(gap) => {
                        if gap.reason == GapReason::Denied && self.seen.insert(path.clone()) {
                            self.miss(gap, path);
                        }
                        continue;
                    }
                };
                for entry in entries {
                    // Names that are not UTF-8 are no tool's.
                    let Some(name) = entry.name.to_str() else { continue };
                    if component_matches(component, name) {
                        next.push(join(path, name));
                    }
                }
            }
            if next.len() > MAX_MATCHES {
                next.truncate(MAX_MATCHES);
                self.coverage.truncated = true;
                let folder = paths.first().cloned().unwrap_or_default();
                let detail = format!("more than {MAX_MATCHES} files that fit {pattern}");
                self.miss(Gap::new(folder.as_str(), GapReason::TooLarge).detail(detail), &folder);
            }
            paths = next;
        }
        // A pattern may also fit folders.
        if pattern.rsplit('/').next().is_some_and(|last| last.contains('*')) {
            paths.retain(|path| {
                !tree
                    .meta(Path::new(path), Links::WithinTree)
                    .is_ok_and(crate::files::Meta::is_folder)
            });
        }
        paths
    }

    fn parse(&mut self, row: &Row, path: &str, content: &Content) {
        let mut known = std::mem::take(&mut self.known);
        self.dossier(path, row.title, content, |dossier| {
            let mut file = File { path, bytes: &content.bytes, known: &mut known };
            read(row, &mut file, dossier);
        });
        self.known = known;
    }

    fn parse_agent(&mut self, file: &AgentFile, path: &str, content: &Content) {
        self.dossier(path, file.title, content, |dossier| {
            let (batch, gaps) = agents::read(file, &content.bytes, dossier.at);
            dossier.batch.extend(batch);
            dossier.gaps.extend(gaps);
        });
    }

    /// Lets a parser fill a dossier for one file, and takes it in with its place, its holder and
    /// its owner.
    fn dossier(
        &mut self,
        path: &str,
        title: &'static str,
        content: &Content,
        fill: impl FnOnce(&mut Dossier<'_>),
    ) {
        let locus = format!("{}/{path}", self.home.path);
        let scope = self.coverage.scope.id;
        let machine = self.request.machine.id.as_str();
        let mut place = Place::new(kinds::PLACE_FILE, "file", machine, locus.as_str(), scope);
        place.loci.push(locus.clone());
        place.fact("tool", Fact::known(title));
        place.fact("mode", content.meta.mode_fact());
        place.fact("exposure", content.meta.exposure_fact());
        let owner = self.accounts.iter().find(|account| account.uid == content.meta.uid);
        place.fact(
            "owner",
            match owner {
                Some(account) => Fact::known(account.name.as_str()),
                None => Fact::known(i64::from(content.meta.uid)),
            },
        );
        let at = At {
            scope,
            place: &place,
            locus: &locus,
            meta: Some(content.meta),
            machine,
            fingerprinter: self.request.fingerprinter,
        };
        let mut dossier = Dossier::new(at);
        fill(&mut dossier);
        let (batch, gaps) = dossier.finish();
        if gaps.is_empty() {
            self.coverage.read();
        }
        for (n, gap) in gaps.into_iter().enumerate() {
            // However many things are wrong with it, it is one file.
            self.coverage.asked -= u64::from(n > 0);
            self.coverage.miss(gap);
        }
        self.take_in(batch, place);
    }

    fn take_in(&mut self, batch: Batch, place: Place) {
        if batch.n_records() == 0 {
            return;
        }
        let scope = self.coverage.scope.id;
        let locus = place.native_id.clone();
        let account = self.home.account.as_ref();
        let account = account.map(|account| account.identity(&self.request.machine.id, scope));
        let held: BTreeSet<_> =
            batch.credentials.iter().filter_map(|credential| credential.identity).collect();
        let mut links = |mechanism: &'static str, from, to| {
            let mut trust = Trust::new(
                mechanism,
                "linux",
                self.request.machine.id.as_str(),
                self.home.path.as_str(),
                scope,
                Subject::Identity { identity: from },
                to,
            );
            trust.loci.push(locus.clone());
            trust
                .evidence
                .push(model::Evidence::at(locus.as_str()).shows("lies in the account's home"));
            self.batch.trusts.push(trust);
        };
        if let Some(account) = &account {
            for identity in held {
                links("holds-credential", account.id, identity);
            }
            for agent in batch.identities.iter().filter(|it| it.kind == kinds::AI_AGENT.id) {
                // Whatever the agent runs, runs as the account.
                links("runs-as", agent.id, account.id);
            }
        }
        for identity in &batch.identities {
            let is_named_only = identity.authority == Authority::Mentioned;
            if let Some(person) = self.person.as_ref().filter(|_| !is_named_only) {
                let mut owner = person.owns(identity.id, scope);
                owner.loci.push(locus.clone());
                owner
                    .evidence
                    .push(model::Evidence::at(locus.as_str()).shows("lies in the person's home"));
                self.batch.owners.push(owner);
            }
        }
        if let Some(mut account) = account {
            account.loci.push(locus);
            self.batch.identities.push(account);
        }
        self.batch.extend(batch);
        self.batch.places.push(place);
    }

    /// Counts what was not read; the tree names paths relative to the home.
    fn miss(&mut self, mut gap: Gap, path: &str) {
        gap.locus = if path.is_empty() {
            self.home.path.clone()
        } else {
            format!("{}/{path}", self.home.path)
        };
        self.coverage.miss(gap);
    }

    fn finish(mut self) -> Batch {
        self.batch.coverage.push(self.coverage);
        self.batch
    }
}
