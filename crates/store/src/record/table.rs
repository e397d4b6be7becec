//! The tables that records are rows of: their columns, and the statements that write them.

use std::sync::OnceLock;

use crate::fields::List;
use crate::reference::{Role, roles};

/// The columns that every kind of record has, in the order in which they are written and read.
pub(crate) const COMMON: &[&str] = &[
    "id",
    "source_key",
    "scope_key",
    "sync_key",
    "lead",
    "authority",
    "hash",
    "changed_at",
    "kind",
    "system",
    "instance",
    "native_id",
    "name",
];

/// Where a table's texts come from.
pub(crate) struct Table {
    pub(crate) list: List,
    pub(crate) name: &'static str,
    pub(crate) history: &'static str,
    /// The columns between [`COMMON`] and `body` that claims state.
    pub(crate) extra: &'static [&'static str],
    /// The role of its rows' own ids.
    pub(crate) own: Role,
    /// The roles of the other ids that its rows name.
    pub(crate) others: &'static [Role],
    texts: OnceLock<Texts>,
    named: OnceLock<Vec<(u8, usize)>>,
}

/// The statements that write a table.
pub(crate) struct Texts {
    pub(crate) insert: String,
    pub(crate) update: String,
    pub(crate) close: String,
    pub(crate) delete: String,
}

pub(crate) static IDENTITY: Table = Table {
    list: List::Identities,
    name: "identity",
    history: "identity_history",
    extra: &[
        "environment",
        "environment_state",
        "enabled",
        "enabled_state",
        "created_at",
        "created_at_state",
        "last_used_at",
        "last_used_at_state",
        "parent_id",
    ],
    own: roles::IDENTITY,
    others: &[roles::PARENT],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static CREDENTIAL: Table = Table {
    list: List::Credentials,
    name: "credential",
    history: "credential_history",
    extra: &[
        "enabled",
        "enabled_state",
        "created_at",
        "created_at_state",
        "expires_at",
        "expires_at_state",
        "rotated_at",
        "rotated_at_state",
        "last_used_at",
        "last_used_at_state",
        "identity_id",
        "fingerprint",
        "n_places",
    ],
    own: roles::CREDENTIAL,
    others: &[roles::OF_CREDENTIAL, roles::FINGERPRINT, roles::LIES_IN],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static PLACE: Table = Table {
    list: List::Places,
    name: "place",
    history: "place_history",
    extra: &["container_id", "exposure"],
    own: roles::PLACE,
    others: &[roles::CONTAINER],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static GRANT: Table = Table {
    list: List::Grants,
    name: "grants",
    history: "grants_history",
    extra: &["identity_id", "effect", "via", "actions", "resources"],
    own: roles::GRANT,
    others: &[roles::OF_GRANT],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static TRUST: Table = Table {
    list: List::Trusts,
    name: "trust",
    history: "trust_history",
    extra: &["identity_id", "from_id"],
    own: roles::TRUST,
    others: &[roles::TO, roles::FROM],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static OWNER_LINK: Table = Table {
    list: List::Owners,
    name: "owner_link",
    history: "owner_link_history",
    extra: &["identity_id", "party_kind", "confidence"],
    own: roles::OWNER_LINK,
    others: &[roles::OF_OWNER_LINK],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};

pub(crate) static POLICY: Table = Table {
    list: List::Policies,
    name: "policy",
    history: "policy_history",
    extra: &["holder_id", "resource", "version"],
    own: roles::POLICY,
    others: &[roles::HOLDER],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};

/// All tables of records; the place in this list is the number of the kind in a spool.
pub(crate) static TABLES: [&Table; N_TABLES] =
    [&IDENTITY, &CREDENTIAL, &PLACE, &GRANT, &TRUST, &OWNER_LINK, &POLICY];
pub(crate) const N_TABLES: usize = 7;

impl Table {
    /// All columns that a claim writes.
    pub(crate) fn columns(&self) -> String {
        let mut all = COMMON.to_vec();
        all.extend(self.extra);
        all.push("body");
        all.join(", ")
    }

    pub(crate) fn n_columns(&self) -> usize {
        COMMON.len() + self.extra.len() + 1
    }

    fn insert_sql(&self) -> String {
        let marks: Vec<String> = (1..=self.n_columns()).map(|n| format!("?{n}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, self.columns(), marks.join(", "))
    }

    /// Of what a claim states (see [`stated`](crate::sync)): which values name an id, and in which
    /// role.
    pub(crate) fn named(&self) -> &[(u8, usize)] {
        self.named.get_or_init(|| {
            let stated: Vec<&str> = ["id"]
                .into_iter()
                .chain(COMMON.iter().skip_while(|name| **name != "authority").copied())
                .chain(self.extra.iter().copied())
                .collect();
            let place = |role: &Role| {
                let at = stated.iter().position(|name| *name == role.column)?;
                Some((role.number, at))
            };
            self.roles().filter_map(place).collect()
        })
    }

    fn roles(&self) -> impl Iterator<Item = &Role> {
        [&self.own].into_iter().chain(self.others)
    }

    /// The role in which rows name what is in a column.
    pub(crate) fn role(&self, column: &str) -> Option<Role> {
        self.roles().find(|role| role.column == column).copied()
    }

    /// The statements of the table, put together once.
    pub(crate) fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| Texts {
            insert: self.insert_sql(),
            update: self.update_sql(),
            close: self.close_sql(),
            delete: format!("DELETE FROM {} WHERE key = ?1", self.name),
        })
    }

    /// Puts a new version over an old one; the key is the last value.
    fn update_sql(&self) -> String {
        let mut all = COMMON.to_vec();
        all.extend(self.extra);
        all.push("body");
        let sets: Vec<String> =
            all.iter().enumerate().map(|(n, name)| format!("{name} = ?{}", n + 1)).collect();
        format!("UPDATE {} SET {} WHERE key = ?{}", self.name, sets.join(", "), all.len() + 1)
    }

    /// Copies a row that stands into the history: from ?2 to ?3; its key is ?1.
    fn close_sql(&self) -> String {
        let columns = self.columns();
        format!(
            "INSERT INTO {history} (claim_key, seen_from, seen_to, {columns}) \
             SELECT key, COALESCE((SELECT finished_at FROM sync WHERE sync.key = sync_key), ?2), ?2, \
             {columns} FROM {name} WHERE key = ?1",
            history = self.history,
            name = self.name,
        )
    }
}
