//! A [`Report`] as SARIF 2.1.0, which code hosts show beside the code: findings with their places
//! and rules, and what was not read as notifications.
//!
//! Records that no finding is about are not in it.

use model::{Finding, Severity};
use serde_json::json;

use super::{Report, Suppressed};

/// A result per finding, at each of its places; suppressed findings carry their suppression.
pub fn document(report: &Report) -> serde_json::Value {
    let rules: Vec<serde_json::Value> = assess::rules()
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "name": rule.id,
                "shortDescription": { "text": rule.title },
                "fullDescription": { "text": rule.why },
                "defaultConfiguration": { "level": level(rule.severity) },
                "properties": { "tags": rule.tags, "security-severity": score(rule.severity) },
            })
        })
        .collect();
    let open = report.findings.iter().map(|finding| result(finding, None));
    let suppressed = report.suppressed.iter().map(|row| result(&row.finding, Some(row)));
    let results: Vec<serde_json::Value> = open.chain(suppressed).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Tutela",
                "version": report.tool.version,
                "semanticVersion": report.tool.version,
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": true,
                "endTimeUtc": report.generated_at,
                "toolExecutionNotifications": notifications(report),
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn notifications(report: &Report) -> Vec<serde_json::Value> {
    let gaps = report.coverage.iter().filter(|row| row.kind == "gap").map(|row| {
        let reason = row.reason.as_deref().unwrap_or("not read");
        format!("not read: {} ({reason})", row.scope)
    });
    let expired = report
        .expired
        .iter()
        .map(|row| format!("{} is back: its entry expired; {}", row.finding, row.sentence()));
    gaps.chain(expired)
        .map(|text| json!({ "level": "warning", "message": { "text": plain(&text) } }))
        .collect()
}

fn result(finding: &Finding, suppressed: Option<&Suppressed>) -> serde_json::Value {
    let mut locations: Vec<serde_json::Value> = finding
        .places
        .iter()
        .map(|stored| {
            let mut physical = json!({ "artifactLocation": { "uri": uri(&stored.path) } });
            if let (Some(line), Some(object)) = (stored.line, physical.as_object_mut()) {
                object.insert("region".into(), json!({ "startLine": line }));
            }
            json!({ "physicalLocation": physical })
        })
        .collect();
    // Code hosts refuse a file in which any result has no location.
    if locations.is_empty() {
        let path = finding.evidence.first().map_or(".", |evidence| &evidence.at);
        locations.push(json!({ "physicalLocation": { "artifactLocation": { "uri": uri(path) } } }));
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": { "text": plain(&format!("{}. {}", finding.title, finding.fix)) },
        "locations": locations,
        "partialFingerprints": { "tutela/v1": finding.id },
    });
    if let (Some(row), Some(object)) = (suppressed, result.as_object_mut()) {
        object.insert(
            "suppressions".into(),
            json!([{ "kind": "external", "justification": row.reason }]),
        );
    }
    result
}

/// Text as a message that is read as it stands: brackets would be a link (SARIF 2.1.0, §3.11.6) and
/// braces a placeholder (§3.11.5), and both come from names that others chose.
///
/// A backslash is doubled only where it would become part of such an escape. Anywhere else a viewer
/// that shows messages as they are would show a command whose `'\''` quotes no longer.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 16);
    let mut n_backslashes = 0;
    for c in text.chars() {
        match c {
            '[' | ']' => {
                plain.extend(std::iter::repeat_n('\\', n_backslashes + 1));
                plain.push(c);
            }
            '{' | '}' => plain.extend([c, c]),
            c => plain.push(c),
        }
        n_backslashes = if c == '\\' { n_backslashes + 1 } else { 0 };
    }
    plain
}

/// A path as a URI reference (RFC 3986): what is not unreserved or `/` is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(byte as char);
        } else {
            uri.push('%');
            uri.push_str(&data_encoding::HEXUPPER.encode(&[byte]));
        }
    }
    uri
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// What code hosts sort by, 0 to 10.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_messages_are_neither_links_nor_placeholders() {
        let check = |text: &str, expected: &str| assert_eq!(plain(text), expected);
        check("[Fix now](https://evil.example/x)", r"\[Fix now\](https://evil.example/x)");
        check("{0} of {name}", "{{0}} of {{name}}");
        check(r"\[a](b)", r"\\\[a\](b)");
        check(r"rm 'it'\''s'; C:\a", r"rm 'it'\''s'; C:\a");
    }
}
