//! The rules' documentation, made from the rules themselves.

use std::borrow::Cow;

use crate::rules;

const HEAD: &str = "\
# Rules

Made from `crates/assess/rules/`; a test keeps it true.
A rule that needs something which is not known stays silent, and is counted as \"cannot say\".
";

/// The reference of all rules, as Markdown.
pub fn reference() -> String {
    let mut text = String::from(HEAD);
    let mut say = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    for rule in rules() {
        let written = &rule.written;
        say(&format!("\n## `{}`\n\n**{}.**\n{}\n", rule.id, rule.title, rule.why));
        let one = if rule.one_for_identity { "; one finding for each identity" } else { "" };
        say(&format!("- Looks at: each {}{one}", rule.subject.name()));
        let numbers = if rule.owasp.is_empty() { "none".into() } else { rule.owasp.join(", ") };
        say(&format!("- OWASP NHI Top 10: {numbers}"));
        if !rule.tags.is_empty() {
            say(&format!("- Tags: {}", rule.tags.join(", ")));
        }
        say(&format!("- Severity: {}", rule.severity.name()));
        for (severity, condition, because) in &written.severity_when {
            let because = because.as_ref().map_or(String::new(), |why| format!(": {why}"));
            say(&format!("  - {} when `{condition}`{because}", severity.name()));
        }
        say(&format!("- Fires when: `{}`", written.when));
        let needs: Cow<'_, str> = if rule.needs.is_empty() {
            "nothing beyond the record".into()
        } else {
            rule.needs.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ").into()
        };
        say(&format!("- Needs to be known: {needs}"));
        say("- Fix:");
        for step in &written.fix {
            say(&format!("  - {step}"));
        }
    }
    text
}
