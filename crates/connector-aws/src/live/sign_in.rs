//! Credentials: of the collector itself, and of the roles it assumes. They are never written down,
//! logged or recorded.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::error::ProvideErrorMetadata;
use connectors::files::{Links, Tree, shown};
use connectors::{SourceError, ini};
use model::Secret;

use crate::live::client::Clock;
use crate::live::settings::{Plan, SignIn};

/// Credentials are asked for anew when they end within this time.
const BEFORE_END: Duration = Duration::from_mins(5);
/// A file of keys has a few lines for each profile; a token is below 10 KiB.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// The name under which roles are assumed, as activity logs show it.
const SESSION: &str = "tutela";

/// Who a request is signed as.
#[derive(Debug)]
pub(crate) struct Session {
    how: How,
    held: RefCell<Option<Credentials>>,
}

#[derive(Debug)]
enum How {
    At(SignIn),
    Assumed { role: String, base: Rc<Session> },
}

impl Session {
    pub(crate) fn first(sign_in: &SignIn) -> Self {
        Self { how: How::At(sign_in.clone()), held: RefCell::default() }
    }

    pub(crate) fn assuming(role: String, base: Rc<Self>) -> Self {
        Self { how: How::Assumed { role, base }, held: RefCell::default() }
    }

    /// Credentials that are valid for some minutes yet.
    pub(crate) async fn credentials(
        &self,
        plan: &Plan,
        clock: Clock,
    ) -> Result<Credentials, SourceError> {
        let soon = clock.now() + BEFORE_END;
        if let Some(held) = self.held.borrow().clone()
            && held.expiry().is_none_or(|end| end > soon)
        {
            return Ok(held);
        }
        let obtained = match &self.how {
            How::At(SignIn::Keys { file, profile }) => keys(file, profile)?,
            How::At(SignIn::WebIdentity { file, role }) => web_identity(plan, file, role).await?,
            How::At(SignIn::Instance) => instance().await?,
            How::Assumed { role, base } => {
                let base = Box::pin(base.credentials(plan, clock)).await?;
                assume(plan, role, base).await?
            }
        };
        *self.held.borrow_mut() = Some(obtained.clone());
        Ok(obtained)
    }

    /// Forgets credentials that were refused, so that the next request asks for new ones.
    pub(crate) fn forget(&self) {
        self.held.borrow_mut().take();
    }
}

fn read(path: &Path) -> Result<String, SourceError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(SourceError::NotFound(shown(path)));
    };
    let refused = |gap: model::Gap| {
        SourceError::Unauthenticated(format!(
            "{} cannot be read: {}",
            shown(path),
            gap.reason.name()
        ))
    };
    let tree = Tree::open(folder).map_err(refused)?;
    let content = tree.read(Path::new(name), MAX_FILE_BYTES, Links::WithinTree).map_err(refused)?;
    String::from_utf8(content.bytes)
        .map_err(|_| SourceError::Unauthenticated(format!("{} is no text", shown(path))))
}

/// Static keys. What else a profile may say (a program to run, another profile, a role) is not
/// done: it is the file's owner who would choose it, and not who set up the source.
fn keys(file: &Path, profile: &str) -> Result<Credentials, SourceError> {
    let text = Secret::new(read(file)?);
    let sections = ini::read(text.reveal());
    let none = |what: &str| {
        SourceError::Unauthenticated(format!("{what} in {}, section `{profile}`", shown(file)))
    };
    let section = sections
        .iter()
        .find(|it| it.name == profile || it.name.strip_prefix("profile ") == Some(profile))
        .ok_or_else(|| none("no such section"))?;
    let (Some(id), Some(secret)) =
        (section.value("aws_access_key_id"), section.value("aws_secret_access_key"))
    else {
        return Err(none("no `aws_access_key_id` with `aws_secret_access_key`"));
    };
    let token = section.value("aws_session_token").map(String::from);
    Ok(Credentials::new(id, secret, token, None, "keys"))
}

async fn instance() -> Result<Credentials, SourceError> {
    let config = ProviderConfig::without_region();
    let provider = aws_config::imds::credentials::ImdsCredentialsProvider::builder()
        .configure(&config)
        .build();
    provider.provide_credentials().await.map_err(|error| {
        SourceError::Unauthenticated(format!(
            "this machine's metadata service has no credentials of a role: {error}"
        ))
    })
}

fn sts(plan: &Plan, credentials: Option<Credentials>) -> aws_sdk_sts::Client {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(plan.region.clone()));
    if let Some(endpoint) = &plan.endpoint {
        config = config.endpoint_url(endpoint);
    }
    if let Some(credentials) = credentials {
        config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
    }
    aws_sdk_sts::Client::new(&config.build())
}

async fn web_identity(plan: &Plan, file: &Path, role: &str) -> Result<Credentials, SourceError> {
    let token = Secret::new(read(file)?);
    let reply = sts(plan, None)
        .assume_role_with_web_identity()
        .role_arn(role)
        .role_session_name(SESSION)
        .web_identity_token(token.reveal().trim())
        .send()
        .await
        .map_err(|error| refused(role, error.code(), error.message()))?;
    held(role, reply.credentials)
}

async fn assume(plan: &Plan, role: &str, base: Credentials) -> Result<Credentials, SourceError> {
    let reply = sts(plan, Some(base))
        .assume_role()
        .role_arn(role)
        .role_session_name(SESSION)
        .set_external_id(plan.external_id.clone())
        .send()
        .await
        .map_err(|error| refused(role, error.code(), error.message()))?;
    held(role, reply.credentials)
}

fn held(
    role: &str,
    credentials: Option<aws_sdk_sts::types::Credentials>,
) -> Result<Credentials, SourceError> {
    let Some(given) = credentials else {
        return Err(SourceError::Protocol(format!("no credentials came back for {role}")));
    };
    let end = SystemTime::try_from(given.expiration).ok();
    Ok(Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        end,
        "role",
    ))
}

fn refused(role: &str, code: Option<&str>, message: Option<&str>) -> SourceError {
    match (code, message.unwrap_or_default()) {
        (Some("AccessDenied"), _) => {
            SourceError::Forbidden { missing: format!("sts:AssumeRole for {role}") }
        }
        (Some(code), message) => {
            SourceError::Unauthenticated(format!("{role} cannot be assumed: {code} {message}"))
        }
        (None, _) => SourceError::Unreachable(format!("STS, to assume {role}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_static_keys_are_taken_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("credentials");
        std::fs::write(
            &file,
            "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = plainly-fake\n\
             [run]\ncredential_process = /bin/false\n[profile far]\nrole_arn = x\nsource_profile = default\n",
        )
        .unwrap();
        let check = |profile: &str, expected: &str| {
            let told = match keys(&file, profile) {
                Ok(credentials) => credentials.access_key_id().to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(told.contains(expected), "{profile}: {told}");
            assert!(!told.contains("plainly-fake"), "{told}");
        };
        check("default", "AKIAEXAMPLE");
        check("run", "no `aws_access_key_id`");
        check("far", "no `aws_access_key_id`");
        check("none", "no such section");
        assert!(keys(Path::new("/nowhere/at/all"), "default").is_err());
    }
}
