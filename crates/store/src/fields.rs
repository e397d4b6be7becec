//! The fields of every list: one table, so that CLI, API and console use the same names.

use serde::{Deserialize, Serialize};

use crate::query::MAX_PAGE_ROWS;

/// A list that can be filtered, sorted and paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum List {
    Identities,
    Credentials,
    Places,
    Grants,
    Trusts,
    Owners,
    Policies,
    Findings,
    Syncs,
    Gaps,
}

/// A field of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub title: &'static str,
    pub kind: FieldKind,
    /// The expression over the list's row alias `r`.
    pub(crate) column: &'static str,
    /// The column of the fact's state, where the field is a fact.
    pub(crate) state: Option<&'static str>,
    pub sortable: bool,
    pub facetable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// Any text.
    Text,
    /// One of a few words.
    Choice,
    Time,
    Truth,
    Number,
    /// A stable id with its prefix.
    Id,
}

impl List {
    pub const ALL: [Self; 10] = [
        Self::Identities,
        Self::Credentials,
        Self::Places,
        Self::Grants,
        Self::Trusts,
        Self::Owners,
        Self::Policies,
        Self::Findings,
        Self::Syncs,
        Self::Gaps,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Identities => "identities",
            Self::Credentials => "credentials",
            Self::Places => "places",
            Self::Grants => "grants",
            Self::Trusts => "trusts",
            Self::Owners => "owners",
            Self::Policies => "policies",
            Self::Findings => "findings",
            Self::Syncs => "syncs",
            Self::Gaps => "gaps",
        }
    }

    /// The table of a list that is not of records.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Findings => "finding",
            Self::Syncs => "sync",
            _ => "gap",
        }
    }

    /// Rows of one page. Policy documents may be a mebibyte each.
    pub(crate) const fn max_page_rows(self) -> usize {
        match self {
            Self::Policies => 100,
            _ => MAX_PAGE_ROWS,
        }
    }

    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Identities => IDENTITY,
            Self::Credentials => CREDENTIAL,
            Self::Places => PLACE,
            Self::Grants => GRANT,
            Self::Trusts => TRUST,
            Self::Owners => OWNER,
            Self::Policies => POLICY,
            Self::Findings => FINDING,
            Self::Syncs => SYNC,
            Self::Gaps => GAP,
        }
    }

    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }
}

const fn field(
    name: &'static str,
    title: &'static str,
    kind: FieldKind,
    column: &'static str,
) -> Field {
    let facetable = matches!(kind, Choice | Truth);
    Field { name, title, kind, column, state: None, sortable: true, facetable }
}

impl Field {
    const fn state(mut self, column: &'static str) -> Self {
        self.state = Some(column);
        self
    }

    const fn unsorted(mut self) -> Self {
        self.sortable = false;
        self
    }
}

use FieldKind::{Choice, Id, Number, Text, Time, Truth};

const ID: Field = field("id", "Id", Id, "r.id").unsorted();
const KIND: Field = field("kind", "Kind", Choice, "r.kind");
const SYSTEM: Field = field("system", "System", Choice, "r.system");
const INSTANCE: Field = field("instance", "Instance", Choice, "r.instance");
/// Not sorted by: people sort by name, and keeping a second order of all names costs too much.
const NATIVE_ID: Field = field("native_id", "Native id", Text, "r.native_id").unsorted();
const NAME: Field = field("name", "Name", Text, "r.name");
const SOURCE: Field = field("source", "Source", Choice, "r.source_key");
const SCOPE: Field = field("scope", "Scope", Choice, "r.scope_key");
const AUTHORITY: Field = field("authority", "Authority", Choice, "r.authority");
const SEEN_FROM: Field = field("seen_from", "Seen in this form since", Time, "r.sync_key");
const ENABLED: Field = field("enabled", "Enabled", Truth, "r.enabled").state("r.enabled_state");
const CREATED_AT: Field =
    field("created_at", "Created", Time, "r.created_at").state("r.created_at_state");
const LAST_USED_AT: Field =
    field("last_used_at", "Last used", Time, "r.last_used_at").state("r.last_used_at_state");
const IDENTITY_OF: Field = field("identity", "Identity", Id, "r.identity_id").unsorted();

/// The fields that a claim has whatever its kind, then those of its kind.
macro_rules! claim {
    ($($of_kind:expr,)*) => {
        &[
            ID, KIND, SYSTEM, INSTANCE, NATIVE_ID, NAME, SOURCE, SCOPE, AUTHORITY, SEEN_FROM,
            $($of_kind,)*
        ]
    };
}

const IDENTITY: &[Field] = claim![
    field("environment", "Environment", Choice, "r.environment").state("r.environment_state"),
    ENABLED,
    CREATED_AT,
    LAST_USED_AT,
    field("parent", "Part of", Id, "r.parent_id").unsorted(),
    field("owner", "Owner", Choice, "r.owner_key"),
    field("owner_confidence", "Confidence in the owner", Number, "r.owner_confidence"),
];

const CREDENTIAL: &[Field] = claim![
    ENABLED,
    CREATED_AT,
    field("expires_at", "Expires", Time, "r.expires_at").state("r.expires_at_state"),
    field("rotated_at", "Rotated", Time, "r.rotated_at").state("r.rotated_at_state"),
    LAST_USED_AT,
    IDENTITY_OF,
    field("fingerprint", "Fingerprint", Id, "r.fingerprint").unsorted(),
    field("n_places", "Places", Number, "r.n_places"),
];

const PLACE: &[Field] = claim![
    field("container", "Lies in", Id, "r.container_id").unsorted(),
    field("exposure", "Readable by", Choice, "r.exposure"),
];

const GRANT: &[Field] = claim![
    IDENTITY_OF,
    field("effect", "Effect", Choice, "r.effect"),
    field("via", "Through", Text, "r.via").unsorted(),
    field("actions", "Actions", Text, "r.actions").unsorted(),
    field("resources", "Resources", Text, "r.resources").unsorted(),
];

const TRUST: &[Field] = claim![
    field("from", "From", Text, "r.name").unsorted(),
    field("from_identity", "From identity", Id, "r.from_id").unsorted(),
    field("to", "To identity", Id, "r.identity_id").unsorted(),
];

const OWNER: &[Field] = &[
    ID,
    KIND,
    NAME,
    SOURCE,
    SCOPE,
    SEEN_FROM,
    IDENTITY_OF,
    field("owner", "Owner", Choice, "r.native_id"),
    field("party_kind", "Person, team or vendor", Choice, "r.party_kind"),
    field("confidence", "Confidence", Number, "r.confidence"),
];

const POLICY: &[Field] = claim![
    field("holder", "Part of", Id, "r.holder_id").unsorted(),
    field("resource", "Resource", Text, "r.resource").unsorted(),
    field("version", "Version", Text, "r.version").unsorted(),
];

const FINDING: &[Field] = &[
    ID,
    field("rule", "Rule", Choice, "r.rule"),
    field("severity", "Severity", Choice, "r.severity"),
    field("state", "State", Choice, "r.state"),
    field("title", "Title", Text, "r.title"),
    field("subject", "Subject", Id, "r.subject_id").unsorted(),
    IDENTITY_OF,
    field("first_seen", "First seen", Time, "r.first_seen"),
    field("opened_at", "Opened", Time, "r.opened_at"),
    field("last_seen", "Last seen", Time, FINDING_LAST_SEEN),
];

/// What is not resolved was seen by the last evaluation, whatever that looked at.
pub(crate) const FINDING_LAST_SEEN: &str = "CASE r.state WHEN 'resolved' THEN r.last_seen \
    ELSE MAX(r.last_seen, COALESCE((SELECT at FROM evaluation), 0)) END";

const SYNC: &[Field] = &[
    SOURCE,
    field("state", "State of the sync", Choice, "r.state"),
    field("started_at", "Started", Time, "r.started_at"),
    field("finished_at", "Finished", Time, "r.finished_at"),
];

const GAP: &[Field] = &[
    SOURCE,
    SCOPE,
    field("reason", "Reason", Choice, "r.reason"),
    field("locus", "Where", Text, "r.locus"),
];
