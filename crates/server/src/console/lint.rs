//! A policy that somebody pastes, with what is wrong or odd about it at its lines.

use app::policy::{Lint, LintSeverity, Linted, PolicyKind};
use askama::Template;
use model::text::shown;

use super::ask::{Ask, html};
use super::frame::{Frame, Here};
use crate::problem::Reply;
use crate::wire::Fields;

/// Of a longer policy only the lines with something about them are shown.
const MAX_LINES: usize = 2_000;

#[derive(Template)]
#[template(path = "pages/lint.html")]
struct LintPage {
    frame: Frame,
    kinds: &'static [(&'static str, &'static str)],
    kind: String,
    text: String,
    result: Option<Told>,
}

#[derive(Template)]
#[template(path = "parts/lints.html")]
struct Lints {
    result: Option<Told>,
}

struct Told {
    summary: String,
    is_cut: bool,
    lines: Vec<Line>,
}

struct Line {
    number: usize,
    text: String,
    lints: Vec<LintView>,
}

struct LintView {
    class: &'static str,
    severity: &'static str,
    rule: &'static str,
    what: String,
    why: &'static str,
    fix: Option<String>,
}

const KINDS: &[(&str, &str)] = &[
    ("", "tell by the document"),
    ("identity", "a user, a group or a role"),
    ("resource", "a resource"),
    ("trust", "a role: who may take it"),
    ("scp", "an organisation: service control"),
    ("rcp", "an organisation: resource control"),
    ("boundary", "a principal: its boundary"),
];

fn kind_title(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "a policy of an identity",
        PolicyKind::Resource => "a policy of a resource",
        PolicyKind::Trust => "a trust policy",
        PolicyKind::Scp => "a service control policy",
        PolicyKind::Rcp => "a resource control policy",
        PolicyKind::Boundary => "a permissions boundary",
    }
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn result(text: &str, linted: Linted) -> Told {
    let summary = if linted.lints.is_empty() {
        format!("Nothing is wrong or odd. It was read as {}.", kind_title(linted.kind))
    } else {
        format!(
            "{}, {}, {}. It was read as {}.",
            counted(linted.n(LintSeverity::Error), "error"),
            counted(linted.n(LintSeverity::Warning), "warning"),
            counted(linted.n(LintSeverity::Info), "info"),
            kind_title(linted.kind)
        )
    };
    let is_long = text.lines().nth(MAX_LINES).is_some();
    let mut lints = linted.lints;
    lints.sort_by_key(|lint| lint.line);
    let mut later = lints.into_iter().peekable();
    let mut lines = Vec::new();
    let mut n_lines = 0;
    for line in text.lines() {
        n_lines += 1;
        let here = std::iter::from_fn(|| later.next_if(|it| it.line.unwrap_or(1) <= n_lines));
        let lints: Vec<LintView> = here.map(view).collect();
        if !is_long || !lints.is_empty() {
            lines.push(Line { number: n_lines, text: shown(line).into_owned(), lints });
        }
    }
    // About the end of a text that stops too soon.
    let lints: Vec<LintView> = later.map(view).collect();
    if !lints.is_empty() {
        lines.push(Line { number: n_lines + 1, text: String::new(), lints });
    }
    Told { summary, is_cut: linted.is_cut, lines }
}

fn view(lint: Lint) -> LintView {
    LintView {
        class: match lint.severity {
            LintSeverity::Error => "high",
            LintSeverity::Warning => "medium",
            LintSeverity::Info => "info",
        },
        severity: lint.severity.name(),
        rule: lint.rule,
        what: shown(&lint.what).into_owned(),
        why: lint.why,
        fix: lint.fix.map(|fix| shown(&fix).into_owned()),
    }
}

pub(crate) async fn page(ask: Ask) -> Reply {
    answer(ask, String::new(), String::new(), None).await
}

pub(crate) async fn lint(ask: Ask, fields: Fields) -> Reply {
    let text = fields.text("policy").replace("\r\n", "\n");
    let named = fields.text("kind").to_owned();
    let (given, attached) = (text.clone(), PolicyKind::of_name(&named));
    let result =
        ask.server.ask(move |_| Ok(result(&given, app::policy::lint(&given, attached)))).await?;
    answer(ask, text, named, Some(result)).await
}

async fn answer(ask: Ask, text: String, kind: String, result: Option<Told>) -> Reply {
    if ask.fragment {
        return html(&Lints { result });
    }
    let server = ask.server.clone();
    let frame = server
        .ask(move |app| {
            let question = "Does a policy of AWS say what its author meant?";
            ask.frame(app, Here::Lint, "Policy check", question)
        })
        .await?;
    html(&LintPage { frame, kinds: KINDS, kind, text, result })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stands_at_its_line() {
        let text = "{\"Statement\": {\n\"Effect\": \"Allow\",\n\"Action\": \"s3:GetObjct\",\n\"Resource\": \"*\"}}";
        let found = result(text, app::policy::lint(text, None));
        let rules: Vec<Vec<&str>> = found
            .lines
            .iter()
            .map(|line| line.lints.iter().map(|lint| lint.rule).collect())
            .collect();
        assert_eq!(rules, [vec!["no-version"], vec![], vec!["unknown-action"], vec![]]);
        assert!(found.summary.starts_with("0 errors, 1 warning, 1 info."), "{}", found.summary);
        let found = result("", app::policy::lint("", None));
        assert_eq!(found.lines.len(), 1);
        let long = format!("{text}{}", "\n".repeat(MAX_LINES));
        assert_eq!(result(&long, app::policy::lint(&long, None)).lines.len(), 2);
    }
}
