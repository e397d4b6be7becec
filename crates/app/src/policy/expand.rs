//! Which actions the patterns of a policy mean.

use policy::aws::catalogue::{ActionSet, Catalogue, Named};
use policy::json::{Json, below};
use serde::Serialize;

use crate::error::{Error, Result};

use super::MAX_DOCUMENT_BYTES;

/// Of one document, so many patterns are expanded.
pub const MAX_PATTERNS: usize = 2_000;

/// What the patterns of one document mean is told up to so many actions; `*` alone means 22,000.
pub const MAX_ACTIONS: usize = 1_000_000;

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
    let Some(statements) = json.get("Statement") else {
        return Err(wrong(format!("`{name}` has no `Statement`")));
    };
    let catalogue = Catalogue::get();
    let mut all = Vec::new();
    let mut n_actions = 0;
    let mut add = |one: Expanded| {
        n_actions += one.actions.len();
        all.push(one);
        if all.len() > MAX_PATTERNS {
            return Err(wrong(format!("`{name}` has more than {MAX_PATTERNS} patterns")));
        }
        if n_actions > MAX_ACTIONS {
            let message = format!("the patterns of `{name}` mean more than {MAX_ACTIONS} actions");
            return Err(wrong(message));
        }
        Ok(())
    };
    for (pointer, statement) in placed(statements, "/Statement") {
        let effect = statement.get("Effect").and_then(Json::text).map(str::to_owned);
        if let Some(element) = statement.get("Action") {
            for (pointer, pattern) in placed(element, &below(&pointer, "Action")) {
                let Some(pattern) = pattern.text() else { continue };
                let set = catalogue.matching(pattern);
                let patterns = vec![pattern.to_owned()];
                add(expanded(Some(pointer), effect.clone(), patterns, false, &set))?;
            }
        }
        if let Some(element) = statement.get("NotAction") {
            let patterns: Vec<&str> =
                element.each().iter().filter_map(Json::text).take(MAX_PATTERNS + 1).collect();
            if patterns.len() > MAX_PATTERNS {
                return Err(wrong(format!("`{name}` has more than {MAX_PATTERNS} patterns")));
            }
            let set = catalogue.matching_none(patterns.iter().copied());
            let patterns = patterns.into_iter().map(str::to_owned).collect();
            let pointer = below(&pointer, "NotAction");
            add(expanded(Some(pointer), effect, patterns, true, &set))?;
        }
    }
    Ok(all)
}

/// The elements of a list or the one value itself, each with its pointer.
fn placed<'j>(json: &'j Json, pointer: &str) -> impl Iterator<Item = (String, &'j Json)> {
    let is_list = matches!(json, Json::List(_));
    json.each().iter().enumerate().map(move |(n, one)| {
        let pointer = if is_list { below(pointer, &n.to_string()) } else { pointer.to_owned() };
        (pointer, one)
    })
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
        let many =
            format!(r#"{{"Statement":{{"Action":[{}"*"]}}}}"#, r#""*","#.repeat(MAX_PATTERNS - 1));
        let error = expand("a.json", &many).unwrap_err();
        assert!(error.message.contains("mean more than 1000000 actions"), "{}", error.message);
        let many =
            format!(r#"{{"Statement":{{"Action":[{}"x"]}}}}"#, r#""x","#.repeat(MAX_PATTERNS));
        let error = expand("a.json", &many).unwrap_err();
        assert!(error.message.contains("more than 2000 patterns"), "{}", error.message);
        assert!(
            expand("a.json", "{}").unwrap_err().message.contains("`a.json` has no `Statement`")
        );
    }
}
