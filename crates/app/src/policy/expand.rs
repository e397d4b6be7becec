//! Which actions the patterns of a policy mean.

use policy::aws::catalogue::{ActionSet, Catalogue, Named};
use policy::json::{Json, below};
use serde::Serialize;

use crate::error::{Error, Result};

use super::MAX_DOCUMENT_BYTES;

/// Of one document, so many patterns are expanded: `*` alone means more than 20,000 actions.
pub const MAX_PATTERNS: usize = 2_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExpandedAction {
    /// `service:Name`.
    pub action: String,
    /// `list`, `read`, `write`, `tagging` or `permissions-management`.
    pub level: &'static str,
}

/// One pattern of an `Action` element, or all of a `NotAction` element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expanded {
    /// Where it stands; none where it is of no document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    pub patterns: Vec<String>,
    /// Whether all but these is meant (`NotAction`).
    pub is_complement: bool,
    pub actions: Vec<ExpandedAction>,
    /// Prefixes of services of which it may mean more actions than are known; `*` for services that
    /// are not known.
    pub may_mean_more_of: Vec<&'static str>,
}

/// What a pattern means.
pub fn expand_pattern(pattern: &str) -> Expanded {
    let set = Catalogue::get().matching(pattern);
    expanded(None, None, vec![pattern.to_owned()], false, &set)
}

/// What each pattern of a policy means; `name` is what messages call it.
pub fn expand(name: &str, text: &str) -> Result<Vec<Expanded>> {
    let wrong = |message: String| Error::invalid("policy", message);
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(wrong(format!("`{name}` has more than {MAX_DOCUMENT_BYTES} bytes")));
    }
    let json: Json = serde_json::from_str(text).map_err(|error| {
        wrong(format!("`{name}`, line {}, column {}: {error}", error.line(), error.column()))
    })?;
    let statements: Vec<(String, &Json)> = match json.get("Statement") {
        Some(Json::List(list)) => {
            let each = list.iter().enumerate();
            each.map(|(n, one)| (format!("/Statement/{n}"), one)).collect()
        }
        Some(one) => vec![("/Statement".to_owned(), one)],
        None => return Err(wrong(format!("`{name}` has no `Statement`"))),
    };
    let catalogue = Catalogue::get();
    let mut all = Vec::new();
    for (pointer, statement) in statements {
        let effect = statement.get("Effect").and_then(Json::text).map(str::to_owned);
        let texts = |name: &str| {
            let pointer = below(&pointer, name);
            statement.get(name).map(|json| (texts(json, &pointer), pointer))
        };
        for (pointer, pattern) in texts("Action").into_iter().flat_map(|(texts, _)| texts) {
            let set = catalogue.matching(&pattern);
            all.push(expanded(Some(pointer), effect.clone(), vec![pattern], false, &set));
        }
        if let Some((texts, pointer)) = texts("NotAction") {
            let patterns: Vec<String> = texts.into_iter().map(|(_, pattern)| pattern).collect();
            let set = catalogue.matching_none(patterns.iter().map(String::as_str));
            all.push(expanded(Some(pointer), effect, patterns, true, &set));
        }
        if all.len() > MAX_PATTERNS {
            return Err(wrong(format!("`{name}` has more than {MAX_PATTERNS} patterns")));
        }
    }
    Ok(all)
}

fn texts(json: &Json, pointer: &str) -> Vec<(String, String)> {
    match json {
        Json::List(list) => {
            let each = list.iter().enumerate();
            each.filter_map(|(n, one)| {
                Some((below(pointer, &n.to_string()), one.text()?.to_owned()))
            })
            .collect()
        }
        one => one.text().map(|text| (pointer.to_owned(), text.to_owned())).into_iter().collect(),
    }
}

fn expanded(
    pointer: Option<String>,
    effect: Option<String>,
    patterns: Vec<String>,
    is_complement: bool,
    set: &ActionSet,
) -> Expanded {
    let catalogue = Catalogue::get();
    let (mut actions, mut may_mean_more_of) = (Vec::new(), Vec::new());
    for named in set.iter().filter_map(|id| catalogue.named(id)) {
        match named {
            Named::Action(action) => actions
                .push(ExpandedAction { action: action.full_name(), level: action.level.name() }),
            Named::UnknownOf(service) => may_mean_more_of.push(service.prefix),
            Named::Unknown => may_mean_more_of.push("*"),
        }
    }
    Expanded { pointer, effect, patterns, is_complement, actions, may_mean_more_of }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_expanded() {
        let told = |one: &Expanded| {
            let names: Vec<&str> = one.actions.iter().map(|one| one.action.as_str()).collect();
            (names.join(" "), one.may_mean_more_of.join(" "))
        };
        let one = expand_pattern("S3:getobject");
        assert_eq!(told(&one), ("s3:GetObject".to_owned(), String::new()));
        assert_eq!(one.actions[0].level, "read");
        let one = expand_pattern("sts:Get?aller*");
        assert_eq!(told(&one), ("sts:GetCallerIdentity".to_owned(), "sts".to_owned()));
        assert_eq!(told(&expand_pattern("nosuch:Get*")), (String::new(), "*".to_owned()));
        let text = r#"{"Statement":[
            {"Effect":"Allow","Action":["sqs:SendMessage","sns:Publish"],"Resource":"*"},
            {"Effect":"Deny","NotAction":["s3:*","*:Get*"],"Resource":"*"}]}"#;
        let all = expand("a.json", text).unwrap();
        let pointers: Vec<&str> = all.iter().filter_map(|one| one.pointer.as_deref()).collect();
        assert_eq!(
            pointers,
            ["/Statement/0/Action/0", "/Statement/0/Action/1", "/Statement/1/NotAction"]
        );
        let rest = &all[2];
        assert!(rest.is_complement && rest.actions.len() > 10_000);
        assert!(rest.actions.iter().all(|one| !one.action.starts_with("s3:")));
        assert!(!rest.may_mean_more_of.contains(&"s3") && rest.may_mean_more_of.contains(&"ec2"));
        assert!(
            expand("a.json", "{}").unwrap_err().message.contains("`a.json` has no `Statement`")
        );
    }
}
