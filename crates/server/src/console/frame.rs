//! What is around every page: the rail, the search field, coverage, the moment, the person.

use axum::http::HeaderMap;

use super::parts::{Markup, When};

/// What a reader chose for their own eyes; kept in cookies of this browser.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// None: as the system says.
    pub(crate) theme: Option<&'static str>,
    pub(crate) roomy: bool,
}

impl Look {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let theme = match crate::session::cookie(headers, "theme") {
            Some("light") => Some("light"),
            Some("dark") => Some("dark"),
            _ => None,
        };
        Self { theme, roomy: crate::session::cookie(headers, "density") == Some("roomy") }
    }
}

/// The pages of the rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Here {
    Today,
    Findings,
    Permissions,
    Identities,
    Credentials,
    Places,
    Owners,
    Sources,
    Coverage,
    Lint,
    Changes,
    Audit,
    Settings,
    Elsewhere,
}

pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) struct Entry {
    pub(crate) title: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) href: String,
    pub(crate) here: bool,
}

/// Page, title, icon, address.
type Section = (Here, &'static str, &'static str, &'static str);

const RAIL: &[(&str, &[Section])] = &[
    (
        "See",
        &[
            (Here::Identities, "Identities", "identities", "/identities"),
            (Here::Credentials, "Credentials", "credentials", "/credentials"),
            (Here::Places, "Places", "places", "/places"),
            (Here::Owners, "Owners", "owners", "/owners"),
            (Here::Sources, "Sources", "sources", "/sources"),
            (Here::Coverage, "Coverage", "coverage", "/coverage"),
        ],
    ),
    (
        "Assess",
        &[
            (Here::Today, "Today", "today", "/"),
            (Here::Findings, "Findings", "findings", "/findings"),
            (Here::Permissions, "Permissions", "tick", "/permissions"),
            (Here::Lint, "Policy check", "note", "/lint"),
        ],
    ),
    (
        "Prove",
        &[
            (Here::Changes, "Changes", "clock", "/changes"),
            (Here::Audit, "Audit", "audit", "/audit"),
        ],
    ),
];

/// The person a page is made for.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) role: &'static str,
    /// Whether there is a session to sign out of.
    pub(crate) session: bool,
    pub(crate) reads_audit: bool,
}

/// How much of what was asked was read, over all sources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Badge {
    pub(crate) asked: u64,
    pub(crate) got: u64,
    pub(crate) n_gaps: u64,
}

impl Badge {
    /// Never rounded up to everything.
    pub(crate) fn percent(&self) -> String {
        percent(self.got, self.asked)
    }

    pub(crate) fn gaps(&self) -> String {
        match self.n_gaps {
            1 => "1 gap".into(),
            n => format!("{} gaps", super::parts::grouped(n)),
        }
    }

    pub(crate) fn sentence(&self) -> String {
        format!(
            "{} of {} things that the sources set out to read were read; {}",
            super::parts::grouped(self.got),
            super::parts::grouped(self.asked),
            if self.n_gaps == 0 { "there is no gap".into() } else { self.gaps() }
        )
    }

    pub(crate) fn ring(&self) -> Markup {
        ring(self.got, self.asked)
    }
}

/// `99.9 %`; all only when it is all.
pub(crate) fn percent(got: u64, asked: u64) -> String {
    if asked == 0 {
        return "nothing".into();
    }
    if got >= asked {
        return "100 %".into();
    }
    let thousandths = u128::from(got) * 1000 / u128::from(asked);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

fn ring(got: u64, asked: u64) -> Markup {
    // The circle is 36 units long.
    let length = if asked == 0 { 0 } else { u128::from(got.min(asked)) * 36 / u128::from(asked) };
    let partial = if got < asked { " partial" } else { "" };
    Markup(format!(
        "<svg class=\"ring\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><circle class=\"all\" cx=\"8\" cy=\"8\" r=\"5.73\"/>\
         <circle class=\"got{partial}\" cx=\"8\" cy=\"8\" r=\"5.73\" stroke-dasharray=\"{length} 36\" transform=\"rotate(-90 8 8)\"/></svg>"
    ))
}

/// What every page's template is handed as `frame`.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) title: String,
    /// The one question the page answers, as a sentence.
    pub(crate) question: String,
    pub(crate) here: Here,
    pub(crate) who: Option<Who>,
    pub(crate) look: Look,
    pub(crate) coverage: Option<Badge>,
    pub(crate) path: String,
    /// Where the page can be looked at as of a moment: the other parameters of its address.
    pub(crate) travel: Option<Vec<(String, String)>>,
    pub(crate) as_of: Option<When>,
    pub(crate) now_href: String,
    /// `2026-11-22`.
    pub(crate) today: String,
}

impl Frame {
    pub(crate) fn rail(&self) -> Vec<Group> {
        RAIL.iter()
            .map(|(title, entries)| Group {
                title,
                entries: entries
                    .iter()
                    .filter(|(here, ..)| {
                        *here != Here::Audit || self.who.as_ref().is_some_and(|who| who.reads_audit)
                    })
                    .map(|&(here, title, icon, href)| Entry {
                        title,
                        icon,
                        href: href.to_owned(),
                        here: here == self.here,
                    })
                    .collect(),
            })
            .collect()
    }

    pub(crate) fn is_settings(&self) -> bool {
        self.here == Here::Settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_only_said_of_all() {
        let check = |got, asked, expected: &str| assert_eq!(percent(got, asked), expected);
        check(0, 0, "nothing");
        check(0, 7, "0.0 %");
        check(9_999_999, 10_000_000, "99.9 %");
        check(7, 7, "100 %");
    }
}
