//! What a source's settings say of a collection: with whose credentials, of which accounts and
//! regions, from where.

use std::path::PathBuf;

use connectors::{Setting, SettingKind, Settings, SourceError};

use crate::live::request::{is_region, partition_of};

pub(crate) const KEYS: &str = "keys";
const WEB_IDENTITY: &str = "web-identity";
const INSTANCE: &str = "instance";

/// Where requests that have no region of their own go.
const HOME_REGION: &str = "us-east-1";

const fn setting(
    name: &'static str,
    kind: SettingKind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, kind, default, help }
}

pub(crate) const SIGN_IN: Setting = setting(
    "sign_in",
    SettingKind::Text,
    "",
    "Ask AWS itself: with `keys` of a file, a `web-identity` token, or the role of this `instance`",
);
pub(crate) const KEYS_FILE: Setting = setting(
    "keys_file",
    SettingKind::Path,
    "",
    "With `keys`: a file as `~/.aws/credentials`, from which nothing but keys is taken",
);
pub(crate) const PROFILE: Setting =
    setting("profile", SettingKind::Text, "default", "With `keys`: the section of that file");
pub(crate) const TOKEN_FILE: Setting = setting(
    "token_file",
    SettingKind::Path,
    "",
    "With `web-identity`: the file of the token, which is read anew each time",
);
pub(crate) const ROLE: Setting =
    setting("role", SettingKind::Text, "", "With `web-identity`: the ARN of the role it is for");
pub(crate) const REGION: Setting = setting(
    "region",
    SettingKind::Text,
    HOME_REGION,
    "The region to begin in; it tells the partition (`cn-north-1`, `us-gov-west-1`)",
);
pub(crate) const REGIONS: Setting = setting(
    "regions",
    SettingKind::List,
    "",
    "The regions to read; without it, all that an account has enabled",
);
pub(crate) const ACCOUNTS: Setting = setting(
    "accounts",
    SettingKind::List,
    "",
    "The accounts to read, or `organization` for all of it; without it, the one signed in to",
);
pub(crate) const ACCOUNT_ROLE: Setting = setting(
    "account_role",
    SettingKind::Text,
    "tutela",
    "The name of the role to assume in each other account",
);
pub(crate) const EXTERNAL_ID: Setting =
    setting("external_id", SettingKind::Text, "", "The external id that those roles ask for");
pub(crate) const LAST_ACCESSED: Setting = setting(
    "last_accessed",
    SettingKind::Truth,
    "true",
    "Ask for each user and role which services it used: two requests for each",
);
pub(crate) const ENDPOINT: Setting = setting(
    "endpoint",
    SettingKind::Text,
    "",
    "A stand-in of AWS on this machine to ask instead, for tests: http://127.0.0.1:5000",
);

/// Whose credentials the collector has at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignIn {
    Keys { file: PathBuf, profile: String },
    WebIdentity { file: PathBuf, role: String },
    Instance,
}

/// Which accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accounts {
    Own,
    Organization,
    These(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) sign_in: SignIn,
    pub(crate) region: String,
    /// Empty: all that are enabled.
    pub(crate) regions: Vec<String>,
    pub(crate) accounts: Accounts,
    pub(crate) account_role: String,
    pub(crate) external_id: Option<String>,
    pub(crate) asks_last_accessed: bool,
    pub(crate) endpoint: Option<String>,
}

/// What the settings say; what is wrong with them is said before anything is asked.
pub(crate) fn plan(settings: &Settings) -> Result<Plan, SourceError> {
    let wrong = |what: String| Err(SourceError::NotFound(what));
    let text = |setting: &Setting| {
        settings.text(setting.name).map(str::trim).filter(|text| !text.is_empty())
    };
    let of = |setting: &Setting| text(setting).unwrap_or(setting.default).to_owned();
    let path = |setting: &Setting| match text(setting) {
        Some(path) => Ok(PathBuf::from(path)),
        None => Err(SourceError::NotFound(format!(
            "no `{}` is given, which `sign_in={}` needs",
            setting.name,
            of(&SIGN_IN)
        ))),
    };
    let sign_in = match of(&SIGN_IN).as_str() {
        KEYS => SignIn::Keys { file: path(&KEYS_FILE)?, profile: of(&PROFILE) },
        WEB_IDENTITY => {
            let role = of(&ROLE);
            if connectors::aws::account_of(&role).is_none() || !role.contains(":role/") {
                return wrong("`role` must be the ARN of a role for `sign_in=web-identity`".into());
            }
            SignIn::WebIdentity { file: path(&TOKEN_FILE)?, role }
        }
        INSTANCE => SignIn::Instance,
        other => {
            return wrong(format!(
                "`sign_in` is `{other}`; it is one of `{KEYS}`, `{WEB_IDENTITY}` and `{INSTANCE}`"
            ));
        }
    };
    let region = of(&REGION);
    let regions = listed(settings, &REGIONS);
    for region in std::iter::once(&region).chain(&regions) {
        if !is_region(region) {
            return wrong(format!("`{region}` is not written as a region"));
        }
    }
    if let Some(other) = regions.iter().find(|it| partition_of(it) != partition_of(&region)) {
        return wrong(format!(
            "`{other}` is of another partition than `{region}`: each needs a source of its own"
        ));
    }
    let accounts = listed(settings, &ACCOUNTS);
    let accounts = match accounts.as_slice() {
        [] => Accounts::Own,
        [one] if one == "organization" => Accounts::Organization,
        these => match these.iter().find(|it| !is_account(it)) {
            Some(other) => return wrong(format!("`{other}` is no account: it has twelve digits")),
            None => Accounts::These(accounts),
        },
    };
    let account_role = of(&ACCOUNT_ROLE);
    let is_role = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte);
    if !account_role.bytes().all(is_role) {
        return wrong(format!("`{account_role}` is not written as the name of a role"));
    }
    let endpoint = text(&ENDPOINT).map(|text| text.trim_end_matches('/').to_owned());
    if let Some(endpoint) = &endpoint
        && !is_safe(endpoint)
    {
        return wrong(format!("`{endpoint}` is not on this machine"));
    }
    Ok(Plan {
        sign_in,
        region,
        regions,
        accounts,
        account_role,
        external_id: text(&EXTERNAL_ID).map(String::from),
        asks_last_accessed: settings.truth(LAST_ACCESSED.name).unwrap_or(true),
        endpoint,
    })
}

/// The texts of a list, whether given one by one or with commas between.
fn listed(settings: &Settings, setting: &Setting) -> Vec<String> {
    let texts = settings.list(setting.name).iter().flat_map(|text| text.split(','));
    texts.map(str::trim).filter(|text| !text.is_empty()).map(String::from).collect()
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Requests carry tokens of sessions: they go to AWS, or nowhere but here.
fn is_safe(endpoint: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(endpoint) else { return false };
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    is_bare && is_here && matches!(url.scheme(), "http" | "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_or_refused_with_the_reason() {
        let check = |given: &[(&str, &str)], expected: &str| {
            let settings = given
                .iter()
                .fold(Settings::default(), |settings, (name, value)| settings.with(name, [*value]));
            let told = match plan(&settings) {
                Ok(plan) => format!("{:?} {:?} {:?}", plan.sign_in, plan.regions, plan.accounts),
                Err(error) => error.to_string(),
            };
            assert!(told.contains(expected), "{given:?}: {told}");
        };
        let keys = [("sign_in", "keys"), ("keys_file", "/k")];
        let with = |more: (&'static str, &'static str)| [keys[0], keys[1], more];
        check(&keys, r#"Keys { file: "/k", profile: "default" } [] Own"#);
        check(&[("sign_in", "keys")], "no `keys_file` is given");
        check(&[("sign_in", "environment")], "it is one of `keys`");
        check(&[("sign_in", "web-identity"), ("token_file", "/t")], "the ARN of a role");
        check(
            &[
                ("sign_in", "web-identity"),
                ("token_file", "/t"),
                ("role", "arn:aws:iam::111122223333:role/a"),
            ],
            "WebIdentity",
        );
        check(&[("sign_in", "instance")], "Instance");
        check(&with(("regions", "eu-west-1, us-east-1")), r#"["eu-west-1", "us-east-1"]"#);
        check(&with(("regions", "eu-west-1.example.com/")), "not written as a region");
        check(&with(("regions", "cn-north-1")), "another partition");
        check(&with(("accounts", "organization")), "Organization");
        check(&with(("accounts", "111122223333")), r#"These(["111122223333"])"#);
        check(&with(("accounts", "1")), "`1` is no account");
        check(&with(("account_role", "a:b")), "not written as the name of a role");
        check(&with(("endpoint", "http://127.0.0.1:5000")), "Own");
        for far in ["http://169.254.169.254", "https://example.com", "https://a:b@localhost"] {
            check(&with(("endpoint", far)), "is not on this machine");
        }
    }
}
