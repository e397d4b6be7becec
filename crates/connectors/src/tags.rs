//! What tags and labels say, whatever system carries them: who owns a thing, and which environment
//! it is of.

use model::{Party, PartyKind};

/// How sure an owner is whom a tag names, and whoever made the thing.
const TAG: f64 = 0.8;
const CREATOR: f64 = 0.5;

/// How sure an owner is whom a tag of this name names; none when it names no owner.
pub fn tells_owner(key: &str) -> Option<f64> {
    let key = key.rsplit(['/', ':']).next().unwrap_or(key).to_lowercase().replace(['-', '.'], "_");
    match key.as_str() {
        "owner" | "owners" | "team" | "contact" | "owner_email" | "owneremail" | "owned_by"
        | "ownedby" | "service_owner" | "app_owner" | "application_owner" | "technical_owner"
        | "business_owner" | "owner_team" | "team_name" | "squad" | "maintainer"
        | "maintainers" | "responsible" | "contact_email" | "support_team" => Some(TAG),
        "creator" | "created_by" | "createdby" | "author" | "managed_by" | "managedby" => {
            Some(CREATOR)
        }
        _ => None,
    }
}

/// A person for an address of one, a team otherwise; none for the names of tools.
pub fn party(value: &str) -> Option<Party> {
    let value = value.trim();
    let is_tool = ["terraform", "opentofu", "tofu", "pulumi", "helm", "ansible", "argocd", "flux"];
    let is_nobody = ["", "none", "n/a", "na", "unknown", "tbd", "todo", "-"];
    let lower = value.to_lowercase();
    if is_tool.contains(&lower.as_str())
        || is_nobody.contains(&lower.as_str())
        || value.chars().count() > 200
    {
        return None;
    }
    let is_address = addresses(value).len() == 1;
    let kind = if is_address { PartyKind::Person } else { PartyKind::Team };
    Some(Party::new(kind, value, value))
}

/// The e-mail addresses in a text.
pub fn addresses(text: &str) -> Vec<Party> {
    let separator = |c: char| c.is_whitespace() || ",;<>()[]\"'".contains(c);
    let is_address = |word: &&str| {
        let Some((name, domain)) = word.split_once('@') else { return false };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        !name.is_empty()
            && name.chars().all(is_plain)
            && domain.contains('.')
            && domain.chars().all(is_plain)
            && !domain.ends_with("gserviceaccount.com")
    };
    text.split(separator)
        .map(|word| word.trim_end_matches('.').trim_start_matches("mailto:"))
        .filter(is_address)
        .take(8)
        .map(|word| Party::new(PartyKind::Person, word, word))
        .collect()
}

/// One word for one environment.
pub fn environment(name: &str) -> String {
    match name.trim().to_lowercase().as_str() {
        "production" | "prd" | "live" => "prod".into(),
        "development" | "develop" => "dev".into(),
        "stage" | "stg" | "preprod" => "staging".into(),
        other => other.into(),
    }
}
