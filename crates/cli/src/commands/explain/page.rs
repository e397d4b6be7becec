//! The page of one thing: what it is, what to do, who owns it, where it lies or what it can do, and
//! what is not known of it.
//!
//! Text is made of a reply that was read already: nothing is asked or printed here.

use anyhow::bail;
use model::{
    Condition, Credential, Effect, Evidence, Fact, Facts, FindingState, Grant, Identity,
    IdentityId, OwnerLink, Party, PolicyDocument, StoredAt, Subject, Time, Trust,
};

use super::Names;
use super::reply::{Explained, FindingRow, OfCredential, OfFinding, OfIdentity, OfPlace, Row};
use crate::output::{Talk, columns_of, finding_lines};

pub(super) fn of(explained: Explained, names: Names, talk: &Talk) -> anyhow::Result<String> {
    let mut page = Page { text: String::new(), names, talk };
    match explained {
        Explained::Identity(of) => page.identity(&of)?,
        Explained::Credential(of) => page.credential(&of)?,
        Explained::Place(of) => page.place(&of)?,
        Explained::Grant { claims } => page.grant(&claims)?,
        Explained::Trust { claims } => page.trust(&claims)?,
        Explained::Policy { claims } => page.policy(&claims)?,
        Explained::Finding(of) => page.finding(&of),
    }
    Ok(page.text)
}

struct Page<'a> {
    text: String,
    names: Names,
    talk: &'a Talk,
}

/// A fact by its name, as text.
struct Said {
    name: String,
    value: Result<String, &'static str>,
    source: String,
    at: Option<Time>,
    reason: String,
}

impl Said {
    fn of<T: std::fmt::Display>(name: &str, fact: &Fact<T>) -> Self {
        let value = match (fact.value(), fact.state_name()) {
            (Some(value), _) => Ok(value.to_string()),
            (None, "known_absent") => Ok("none".into()),
            (None, "not_observable") => Err("cannot be seen"),
            (None, "denied") => Err("refused"),
            (None, _) => Err("not asked for"),
        };
        let about = fact.about.as_deref();
        Self {
            name: name.replace('_', " "),
            value,
            source: about.and_then(|it| it.source.as_deref()).unwrap_or_default().to_owned(),
            at: about.and_then(|it| it.observed_at),
            reason: fact.reason().unwrap_or_default().to_owned(),
        }
    }

    /// A date reads better than a moment where the moment says no more.
    fn time(name: &str, fact: &Fact<Time>) -> Self {
        let mut said = Self::of(name, fact);
        if let Some(time) = fact.value() {
            said.value = Ok(moment(*time));
        }
        said
    }

    fn truth(name: &str, fact: &Fact<bool>) -> Self {
        let mut said = Self::of(name, fact);
        if let Some(truth) = fact.value() {
            said.value = Ok(if *truth { "yes" } else { "no" }.into());
        }
        said
    }
}

/// To the minute: `2026-11-22 10:00`.
fn moment(time: Time) -> String {
    let text = time.to_string();
    let minute: String = text.chars().take(16).collect();
    minute.replace('T', " ").trim_end_matches(" 00:00").to_owned()
}

fn at(path: &str, line: Option<u32>) -> String {
    line.map_or_else(|| path.to_owned(), |line| format!("{path}:{line}"))
}

fn shown_at(evidence: &[Evidence]) -> String {
    evidence.first().map_or_else(|| "not said".into(), |first| at(&first.at, first.line))
}

fn stored_in(places: &[StoredAt]) -> String {
    let Some(first) = places.first() else { return "no place seen".into() };
    let more = match places.len() - 1 {
        0 => String::new(),
        n_more => format!(" +{n_more}"),
    };
    format!("{}{more}", at(&first.path, first.line))
}

fn fact_text(fact: &Fact<Time>) -> String {
    Said::time("", fact).value.unwrap_or_else(str::to_owned)
}

fn joined(parts: &[String], none: &str) -> String {
    if parts.is_empty() { none.to_owned() } else { parts.join(", ") }
}

fn conditions(all: &[Condition]) -> String {
    let said = |one: &Condition| format!("{} {} {}", one.key, one.operator, one.values.join(","));
    joined(&all.iter().map(said).collect::<Vec<_>>(), "none")
}

fn party(party: &Party) -> &str {
    if party.name.is_empty() { &party.key } else { &party.name }
}

fn percent(confidence: f64) -> String {
    format!("{:.0} %", confidence * 100.0)
}

fn of_facts(facts: &Facts) -> impl Iterator<Item = Said> {
    facts.iter().map(|(name, fact)| Said::of(name, fact))
}

const GRANT: &[&str] = &["effect", "actions", "on", "through", "conditions", "shown at"];

fn grant_cells(grant: &Grant) -> Vec<String> {
    let effect = match grant.effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    };
    vec![
        effect.to_owned(),
        joined(&grant.actions, "not said"),
        joined(&grant.resources, "not said"),
        grant.via.clone().unwrap_or_else(|| "directly".into()),
        conditions(&grant.conditions),
        shown_at(&grant.evidence),
    ]
}

fn state_words(state: &FindingState) -> String {
    match state {
        FindingState::Open => "open".into(),
        FindingState::Acknowledged { by } => format!("acknowledged by {by}"),
        FindingState::Snoozed { by, until } => {
            format!("snoozed by {by} until {}", moment(*until))
        }
        FindingState::Accepted { by, until, reason } => {
            format!("accepted by {by} until {}: {reason}", moment(*until))
        }
        FindingState::Resolved { at } => format!("resolved {}", moment(*at)),
    }
}

/// Wide enough for an id behind a name, and for the subject of a token behind its issuer.
const MAX_CELL: usize = 100;

const NOT_READ: &str = "none that was read; `tutela coverage` says what was not";

impl Page<'_> {
    fn line(&mut self, indent: usize, line: &str) {
        let line = format!("{}{}", " ".repeat(indent), model::text::shown(line));
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str) {
        let title = self.talk.style(anstyle::Style::new().bold(), title);
        self.text.push_str(&format!("\n{title}\n"));
    }

    fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        for line in columns_of(header, rows, MAX_CELL, self.talk).lines() {
            self.text.push_str(&format!("  {line}\n"));
        }
    }

    /// A table below its heading, or a sentence in its place.
    fn section(&mut self, title: &str, header: &[&str], rows: &[Vec<String>], nothing: &str) {
        self.heading(title);
        if rows.is_empty() {
            self.line(2, nothing);
        } else {
            self.table(header, rows);
        }
    }

    /// Name, kind, ids and who says so.
    fn head<R>(&mut self, name: &str, what: &str, ids: [&str; 2], claims: &[Row<R>]) {
        let name = model::text::shown(name).into_owned();
        let name = self.talk.style(anstyle::Style::new().bold(), &name);
        self.text.push_str(&format!("{name}\n"));
        self.line(0, what);
        let [native_id, id] = ids;
        self.line(0, &format!("{native_id}  {id}"));
        for (n, claim) in claims.iter().enumerate() {
            self.line(
                0,
                &format!(
                    "{} {}, so since {}, last seen {}",
                    if n == 0 { "stated by" } else { "and by" },
                    claim.source_name,
                    moment(claim.seen_from),
                    moment(claim.last_seen)
                ),
            );
        }
    }

    fn gone(&mut self, gone_at: Option<Time>) {
        if let Some(gone_at) = gone_at {
            self.line(0, &format!("GONE since {}: this is what was known last", moment(gone_at)));
        }
    }

    fn name(&self, id: IdentityId) -> String {
        match self.names.get(&id) {
            Some(name) => format!("{name} ({id})"),
            None => id.to_string(),
        }
    }

    fn subject(&self, subject: &Subject) -> String {
        match subject {
            Subject::Identity { identity } => self.name(*identity),
            other => other.to_string(),
        }
    }

    fn findings(&mut self, findings: &[FindingRow]) {
        self.heading("What to do");
        if findings.is_empty() {
            self.line(2, "nothing: no rule fires on it");
        }
        for row in findings {
            let state = match &row.state {
                FindingState::Open => String::new(),
                state => format!(" [{}]", state_words(state)),
            };
            let lines = finding_lines(&row.finding, &state, self.talk);
            self.text.push_str(&lines);
        }
    }

    /// What is known, with who says so and when; what is not comes last of all.
    fn facts(&mut self, facts: Vec<Said>) -> Vec<Said> {
        let (known, unknown): (Vec<Said>, Vec<Said>) =
            facts.into_iter().partition(|said| said.value.is_ok());
        let rows: Vec<Vec<String>> = known
            .into_iter()
            .map(|said| {
                let mut value = said.value.unwrap_or_default();
                if !said.reason.is_empty() {
                    value = format!("{value} ({})", said.reason);
                }
                vec![said.name, value, said.source, said.at.map(moment).unwrap_or_default()]
            })
            .collect();
        self.section(
            "What is known",
            &["fact", "value", "says", "seen"],
            &rows,
            "no fact of its own",
        );
        unknown
    }

    fn not_known(&mut self, unknown: Vec<Said>) {
        if unknown.is_empty() {
            return;
        }
        let rows: Vec<Vec<String>> = unknown
            .into_iter()
            .map(|said| {
                let state = said.value.err().unwrap_or_default().to_owned();
                let why = if said.reason.is_empty() {
                    "the source does not say".to_owned()
                } else {
                    said.reason
                };
                vec![said.name, state, said.source, why]
            })
            .collect();
        self.section("What is not known", &["fact", "state", "asked", "why"], &rows, "");
    }

    fn owners(&mut self, id: IdentityId, of: &OfIdentity) {
        self.heading("Who owns it, and why we think so");
        let leads = of.claims.first().and_then(|claim| claim.owner.as_ref());
        if let Some(claim) = &of.owner_claim {
            let reason =
                if claim.reason.is_empty() { String::new() } else { format!(": {}", claim.reason) };
            self.line(
                2,
                &format!(
                    "{}, claimed by {} at {}{reason}",
                    party(&claim.party),
                    claim.by,
                    moment(claim.at)
                ),
            );
        } else if let Some(owner) = leads {
            self.line(
                2,
                &format!(
                    "{}, {} sure, by {}",
                    party(&owner.party),
                    percent(owner.confidence),
                    owner.method
                ),
            );
        } else {
            self.line(
                2,
                &format!("nobody we are sure of; claim it: tutela owners claim OWNER {id}"),
            );
        }
        let mut links: Vec<&Row<OwnerLink>> = of.owners.iter().collect();
        links.sort_by(|one, other| other.record.confidence.total_cmp(&one.record.confidence));
        let rows: Vec<Vec<String>> = links
            .into_iter()
            .map(|row| {
                let link = &row.record;
                vec![
                    party(&link.owner).to_owned(),
                    link.method.to_string(),
                    percent(link.confidence),
                    shown_at(&link.evidence),
                    row.source_name.clone(),
                ]
            })
            .collect();
        if !rows.is_empty() {
            self.table(&["candidate", "method", "sure", "shown at", "says"], &rows);
        }
    }

    fn credentials(&mut self, title: &str, rows: &[Row<Credential>], n_all: usize) {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let record = &row.record;
                vec![
                    record.kind.to_string(),
                    record.name.clone(),
                    stored_in(&record.places),
                    fact_text(&record.expires_at),
                    record.id.to_string(),
                ]
            })
            .collect();
        self.section(title, &["kind", "name", "lies in", "expires", "id"], &cells, NOT_READ);
        if n_all > rows.len() {
            self.line(2, &format!("and {} more", n_all - rows.len()));
        }
    }

    fn trusts(&mut self, title: &str, who: &str, rows: &[(String, &Trust)]) {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|(party, trust)| {
                vec![
                    party.clone(),
                    trust.mechanism.to_string(),
                    conditions(&trust.conditions),
                    shown_at(&trust.evidence),
                ]
            })
            .collect();
        self.section(title, &[who, "how", "conditions", "shown at"], &cells, NOT_READ);
    }

    fn evidence(&mut self, evidence: &[Evidence]) {
        let rows: Vec<Vec<String>> = evidence
            .iter()
            .map(|one| {
                let pointer = one.pointer.clone().unwrap_or_default();
                let shows = one.shows.as_deref().unwrap_or_default().to_owned();
                vec![at(&one.at, one.line), pointer, shows]
            })
            .collect();
        if !rows.is_empty() {
            self.section("What shows it", &["at", "key", "shows"], &rows, "");
        }
    }

    fn identity(&mut self, of: &OfIdentity) -> anyhow::Result<()> {
        let Some(lead) = of.claims.first() else { bail!("nothing is claimed of it") };
        let record = &lead.record;
        let instance = format!("{} {}", record.system, record.instance);
        let what = format!("{}, {}", record.kind, instance.trim_end());
        self.head(&record.name, &what, [&record.native_id, &record.id.to_string()], &of.claims);
        self.gone(of.gone_at);
        self.findings(&of.findings);
        self.owners(record.id, of);
        let mut facts = vec![
            Said::of("environment", &record.environment),
            Said::truth("enabled", &record.enabled),
            Said::time("created", &record.created_at),
            Said::time("last used", &record.last_used_at),
        ];
        facts.extend(of_facts(&record.facts));
        let unknown = self.facts(facts);
        if let Some(parent) = record.parent {
            let parent = self.name(parent);
            self.line(2, &format!("part of {parent}"));
        }
        self.credentials("What proves it", &of.credentials, of.n_credentials);
        let grants: Vec<Vec<String>> =
            of.grants.iter().map(|row| grant_cells(&row.record)).collect();
        self.section("What it can do", GRANT, &grants, NOT_READ);
        let becomes: Vec<(String, &Trust)> =
            of.trusts_in.iter().map(|row| (self.subject(&row.record.from), &row.record)).collect();
        self.trusts("Who may become it", "who", &becomes);
        let becomes: Vec<(String, &Trust)> =
            of.trusts_out.iter().map(|row| (self.name(row.record.to), &row.record)).collect();
        if !becomes.is_empty() {
            self.trusts("Whom it may become", "whom", &becomes);
        }
        if !of.policies.is_empty() {
            let policy = |row: &Row<PolicyDocument>| {
                let policy = &row.record;
                vec![policy.kind.name().to_owned(), policy.name.clone(), policy.id.to_string()]
            };
            let policies: Vec<Vec<String>> = of.policies.iter().map(policy).collect();
            self.section("The documents that say so", &["kind", "name", "id"], &policies, "");
        }
        if !of.children.is_empty() {
            let part = |row: &Row<Identity>| {
                vec![
                    row.record.kind.to_string(),
                    row.record.name.clone(),
                    row.record.id.to_string(),
                ]
            };
            let parts: Vec<Vec<String>> = of.children.iter().map(part).collect();
            self.section("Its parts", &["kind", "name", "id"], &parts, "");
        }
        self.evidence(&record.evidence);
        self.not_known(unknown);
        Ok(())
    }

    fn credential(&mut self, of: &OfCredential) -> anyhow::Result<()> {
        let Some(lead) = of.claims.first() else { bail!("nothing is claimed of it") };
        let record = &lead.record;
        let what = format!("{}, {}", record.kind, record.system);
        self.head(&record.name, &what, [&record.native_id, &record.id.to_string()], &of.claims);
        self.gone(of.gone_at);
        self.findings(&of.findings);
        self.heading("Whose it is");
        match &of.identity {
            None => self.line(2, "it is not known whom it proves"),
            Some(identity) => {
                let id = identity.record.id;
                let line =
                    format!("it proves {} ({}, {id})", identity.record.name, identity.record.kind);
                self.line(2, &line);
                match &identity.owner {
                    None => self.line(
                        2,
                        &format!(
                            "which nobody is known to own; claim it: tutela owners claim OWNER {id}"
                        ),
                    ),
                    Some(owner) => self.line(
                        2,
                        &format!(
                            "owned by {}, {} sure, by {}; `tutela explain {id}` says why",
                            party(&owner.party),
                            percent(owner.confidence),
                            owner.method
                        ),
                    ),
                }
            }
        }
        let places: Vec<Vec<String>> = record
            .places
            .iter()
            .map(|stored| {
                let place = of.places.iter().find(|row| row.record.id == stored.place);
                let exposure = place.and_then(|row| row.record.facts.get("exposure"));
                vec![
                    at(&stored.path, stored.line),
                    stored.pointer.clone().unwrap_or_default(),
                    exposure.map_or_else(String::new, |fact| {
                        Said::of("", fact).value.unwrap_or_else(str::to_owned)
                    }),
                    stored.place.to_string(),
                ]
            })
            .collect();
        self.section(
            "Where it lies",
            &["path", "key", "readable by", "id"],
            &places,
            "no place seen",
        );
        if !of.same_secret.is_empty() {
            self.credentials("The same secret under other names", &of.same_secret, 0);
        }
        let mut facts = vec![
            Said::truth("enabled", &record.enabled),
            Said::time("created", &record.created_at),
            Said::time("expires", &record.expires_at),
            Said::time("rotated", &record.rotated_at),
            Said::time("last used", &record.last_used_at),
        ];
        facts.extend(of_facts(&record.facts));
        let unknown = self.facts(facts);
        self.evidence(&record.evidence);
        self.not_known(unknown);
        Ok(())
    }

    fn place(&mut self, of: &OfPlace) -> anyhow::Result<()> {
        let Some(lead) = of.claims.first() else { bail!("nothing is claimed of it") };
        let record = &lead.record;
        let what = match &of.container {
            Some(container) => format!("{}, in {}", record.kind, container.record.path),
            None => record.kind.to_string(),
        };
        self.head(&record.path, &what, [&record.native_id, &record.id.to_string()], &of.claims);
        self.gone(of.gone_at);
        self.credentials("What lies in it", &of.credentials, of.n_credentials);
        let unknown = self.facts(of_facts(&record.facts).collect());
        self.not_known(unknown);
        Ok(())
    }

    fn grant(&mut self, claims: &[Row<Grant>]) -> anyhow::Result<()> {
        let Some(lead) = claims.first() else { bail!("nothing is claimed of it") };
        let record = &lead.record;
        let name = format!("What {} can do", self.name(record.identity));
        let what = format!("{}, {}", record.kind, record.system);
        self.head(&name, &what, [&record.native_id, &record.id.to_string()], claims);
        self.section("What it can do", GRANT, &[grant_cells(record)], "");
        let unknown = self.facts(of_facts(&record.facts).collect());
        self.evidence(&record.evidence);
        self.not_known(unknown);
        Ok(())
    }

    fn trust(&mut self, claims: &[Row<Trust>]) -> anyhow::Result<()> {
        let Some(lead) = claims.first() else { bail!("nothing is claimed of it") };
        let record = &lead.record;
        let name = format!("Who may become {}", self.name(record.to));
        let what = format!("{}, {}", record.mechanism, record.system);
        self.head(&name, &what, [&record.native_id, &record.id.to_string()], claims);
        let from = self.subject(&record.from);
        self.trusts("Who may become it", "who", &[(from, record)]);
        let unknown = self.facts(of_facts(&record.facts).collect());
        self.evidence(&record.evidence);
        self.not_known(unknown);
        Ok(())
    }

    fn policy(&mut self, claims: &[Row<PolicyDocument>]) -> anyhow::Result<()> {
        let Some(lead) = claims.first() else { bail!("nothing is claimed of it") };
        let record = &lead.record;
        let version = record.version.as_deref().unwrap_or_default();
        let what = format!("{} {version}", record.kind.name());
        let named = [record.native_id.as_str(), &record.id.to_string()];
        self.head(&record.name, what.trim_end(), named, claims);
        if let Some(holder) = record.holder {
            let holder = self.name(holder);
            self.line(2, &format!("part of {holder}"));
        }
        for target in &record.targets {
            self.line(2, &format!("attached to {target}"));
        }
        self.heading("What it says");
        for line in record.document.lines() {
            self.line(2, line);
        }
        let unknown = self.facts(of_facts(&record.facts).collect());
        self.evidence(&record.evidence);
        self.not_known(unknown);
        Ok(())
    }

    fn finding(&mut self, of: &OfFinding) {
        let OfFinding { row, rule_title, why, tags } = of;
        let finding = &row.finding;
        let state = format!(" [{}]", state_words(&row.state));
        let lines = finding_lines(finding, &state, self.talk);
        self.text.push_str(&lines);
        self.line(
            0,
            &format!(
                "{}  first seen {}, last seen {}",
                finding.id,
                moment(row.first_seen),
                moment(row.last_seen)
            ),
        );
        self.heading(&format!("Why it matters: {rule_title}"));
        for line in why.lines() {
            self.line(2, line);
        }
        if !tags.is_empty() {
            self.line(2, &format!("tags: {}", tags.join(", ")));
        }
        self.heading("What it is about");
        self.line(2, &finding.subject.to_string());
        if let Some(identity) = finding.identity {
            let name = self.name(identity);
            self.line(2, &format!("of {name}"));
        }
        for stored in &finding.places {
            self.line(2, &format!("in {}", at(&stored.path, stored.line)));
        }
        self.evidence(&finding.evidence);
    }
}
