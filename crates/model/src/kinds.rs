//! What an identity, a credential or a place can be.
//!
//! A row is data: an id that is stored and published, a title for people, and the general type
//! that people sort by. The rows here are those of systems that more than one connector speaks of;
//! a connector's descriptor may add rows of its own, so no list elsewhere is closed.

/// The sorts of non-human identity that people speak of, whatever the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum General {
    ServiceAccount,
    ApiKey,
    ServicePrincipal,
    Certificate,
    ManagedIdentity,
    WorkloadIdentity,
    Bot,
    Device,
    Pipeline,
    OAuthApp,
    AiAgent,
    McpServer,
    /// A person's account, kept because credentials and grants hang on it; not an NHI.
    Person,
    Unknown,
}

impl General {
    pub const ALL: [Self; 14] = [
        Self::ServiceAccount,
        Self::ApiKey,
        Self::ServicePrincipal,
        Self::Certificate,
        Self::ManagedIdentity,
        Self::WorkloadIdentity,
        Self::Bot,
        Self::Device,
        Self::Pipeline,
        Self::OAuthApp,
        Self::AiAgent,
        Self::McpServer,
        Self::Person,
        Self::Unknown,
    ];

    pub const fn id(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service-account",
            Self::ApiKey => "api-key",
            Self::ServicePrincipal => "service-principal",
            Self::Certificate => "certificate",
            Self::ManagedIdentity => "managed-identity",
            Self::WorkloadIdentity => "workload-identity",
            Self::Bot => "bot",
            Self::Device => "device",
            Self::Pipeline => "pipeline",
            Self::OAuthApp => "oauth-app",
            Self::AiAgent => "ai-agent",
            Self::McpServer => "mcp-server",
            Self::Person => "person",
            Self::Unknown => "unknown",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::ServiceAccount => "Service account",
            Self::ApiKey => "API key or token",
            Self::ServicePrincipal => "Service principal",
            Self::Certificate => "Certificate",
            Self::ManagedIdentity => "Managed identity",
            Self::WorkloadIdentity => "Workload identity",
            Self::Bot => "Bot",
            Self::Device => "Device",
            Self::Pipeline => "Pipeline",
            Self::OAuthApp => "OAuth app",
            Self::AiAgent => "AI agent",
            Self::McpServer => "MCP server",
            Self::Person => "Person",
            Self::Unknown => "Unknown",
        }
    }
}

/// A kind of identity.
///
/// `class` is the namespace of native ids in its system: two kinds share a class when their native
/// ids can never be equal for different things (an AWS user and a role both have ARNs).
#[derive(Debug, PartialEq, Eq)]
pub struct IdentityKind {
    pub id: &'static str,
    pub title: &'static str,
    pub general: General,
    pub class: &'static str,
}

/// A kind of credential. `secret` says whether holding its bytes is enough to act as the identity.
#[derive(Debug, PartialEq, Eq)]
pub struct CredentialKind {
    pub id: &'static str,
    pub title: &'static str,
    pub secret: bool,
}

/// A kind of place.
#[derive(Debug, PartialEq, Eq)]
pub struct PlaceKind {
    pub id: &'static str,
    pub title: &'static str,
}

macro_rules! identity_kinds {
    ($($name:ident = $id:literal, $title:literal, $general:ident, $class:literal;)*) => {
        $(pub const $name: &IdentityKind = &IdentityKind {
            id: $id, title: $title, general: General::$general, class: $class,
        };)*
        /// Every kind of identity that this crate knows.
        pub const IDENTITY_KINDS: &[&IdentityKind] = &[$($name),*];
    };
}

identity_kinds! {
    // hosts
    SYSTEM_ACCOUNT = "system-account", "System account", ServiceAccount, "account";
    SERVICE_ACCOUNT = "service-account", "Service account", ServiceAccount, "account";
    USER_ACCOUNT = "user-account", "User account", Person, "account";
    SYSTEMD_SERVICE = "systemd-service", "systemd service", WorkloadIdentity, "unit";
    SCHEDULED_JOB = "scheduled-job", "Scheduled job", WorkloadIdentity, "job";
    HOST = "host", "Host", Device, "host";
    DEVICE = "device", "Device", Device, "device";
    SSH_PRINCIPAL = "ssh-principal", "SSH principal", ServiceAccount, "ssh-principal";
    TLS_SUBJECT = "tls-subject", "TLS subject", Certificate, "tls-subject";
    KERBEROS_PRINCIPAL = "kerberos-principal", "Kerberos principal", ServicePrincipal, "kerberos-principal";
    MACHINE_ACCOUNT = "machine-account", "Machine account", Device, "directory-object";
    MANAGED_SERVICE_ACCOUNT = "managed-service-account", "Managed service account", ServiceAccount, "directory-object";
    DIRECTORY_ACCOUNT = "directory-account", "Directory service account", ServiceAccount, "directory-object";
    // clouds
    IAM_USER = "iam-user", "IAM user", ServiceAccount, "principal";
    IAM_ROLE = "iam-role", "IAM role", ServicePrincipal, "principal";
    CLOUD_ACCOUNT = "cloud-account", "Cloud account", ServicePrincipal, "account";
    CLOUD_SERVICE = "cloud-service", "Cloud service", ServicePrincipal, "service";
    MANAGED_IDENTITY = "managed-identity", "Managed identity", ManagedIdentity, "principal";
    SERVICE_PRINCIPAL = "service-principal", "Service principal", ServicePrincipal, "principal";
    APP_REGISTRATION = "app-registration", "App registration", ServicePrincipal, "application";
    GCP_SERVICE_ACCOUNT = "gcp-service-account", "Google service account", ServiceAccount, "service-account";
    FUNCTION = "function", "Function", WorkloadIdentity, "workload";
    WORKLOAD = "workload", "Workload", WorkloadIdentity, "workload";
    SPIFFE_WORKLOAD = "spiffe-workload", "SPIFFE workload", WorkloadIdentity, "spiffe";
    K8S_SERVICE_ACCOUNT = "k8s-service-account", "Kubernetes service account", WorkloadIdentity, "service-account";
    K8S_USER = "k8s-user", "Kubernetes user", ServiceAccount, "user";
    CONTAINER = "container", "Container", WorkloadIdentity, "container";
    // software delivery and applications
    CI_PIPELINE = "ci-pipeline", "CI pipeline", Pipeline, "pipeline";
    CI_JOB = "ci-job", "CI job", Pipeline, "job";
    CI_RUNNER = "ci-runner", "CI runner", Device, "runner";
    OAUTH_APP = "oauth-app", "OAuth app", OAuthApp, "application";
    APP_INSTALLATION = "app-installation", "App installation", OAuthApp, "installation";
    BOT = "bot", "Bot", Bot, "account";
    DEPLOY_KEY = "deploy-key", "Deploy key", Bot, "deploy-key";
    API_CLIENT = "api-client", "API client", ApiKey, "client";
    REGISTRY_ACCOUNT = "registry-account", "Registry account", ApiKey, "account";
    SERVICE_LOGIN = "service-login", "Service login", ServiceAccount, "account";
    // data stores, brokers, secret managers
    DB_ROLE = "db-role", "Database role", ServiceAccount, "role";
    BROKER_USER = "broker-user", "Broker user", ServiceAccount, "user";
    VAULT_ROLE = "vault-role", "Vault role", WorkloadIdentity, "role";
    VAULT_ENTITY = "vault-entity", "Vault entity", ServiceAccount, "entity";
    // agents
    AI_AGENT = "ai-agent", "AI agent", AiAgent, "agent";
    MCP_SERVER = "mcp-server", "MCP server", McpServer, "mcp-server";
    UNKNOWN = "unknown", "Unknown", Unknown, "unknown";
}

macro_rules! credential_kinds {
    ($($name:ident = $id:literal, $title:literal, $secret:literal;)*) => {
        $(pub const $name: &CredentialKind = &CredentialKind { id: $id, title: $title, secret: $secret };)*
        /// Every kind of credential that this crate knows.
        pub const CREDENTIAL_KINDS: &[&CredentialKind] = &[$($name),*];
    };
}

credential_kinds! {
    PASSWORD = "password", "Password", true;
    ACCESS_KEY = "access-key", "Cloud access key", true;
    SESSION_KEY = "session-key", "Temporary cloud key", true;
    SERVICE_ACCOUNT_KEY = "service-account-key", "Service account key", true;
    API_TOKEN = "api-token", "API token", true;
    PERSONAL_ACCESS_TOKEN = "personal-access-token", "Personal access token", true;
    JWT = "jwt", "JSON Web Token", true;
    CLIENT_SECRET = "client-secret", "Client secret", true;
    REFRESH_TOKEN = "refresh-token", "OAuth refresh token", true;
    OAUTH_TOKEN = "oauth-token", "OAuth access token", true;
    CONNECTION_STRING = "connection-string", "Connection string", true;
    WEBHOOK_URL = "webhook-url", "Webhook address", true;
    PRIVATE_KEY = "private-key", "Private key", true;
    SSH_KEY = "ssh-key", "SSH key", true;
    SSH_PUBLIC_KEY = "ssh-public-key", "SSH public key", false;
    SSH_CERTIFICATE = "ssh-certificate", "SSH certificate", false;
    X509 = "x509", "X.509 certificate", false;
    KEY_STORE = "key-store", "Key store (PKCS#12, JKS)", true;
    KERBEROS_KEY = "kerberos-key", "Kerberos key", true;
    K8S_TOKEN = "k8s-token", "Kubernetes token", true;
    VAULT_TOKEN = "vault-token", "Vault token", true;
    VAULT_SECRET_ID = "vault-secret-id", "AppRole secret id", true;
    ENCRYPTED_CREDENTIAL = "encrypted-credential", "Encrypted credential", false;
    CI_SECRET = "ci-secret", "CI secret (by name)", false;
    SECRET_REFERENCE = "secret-reference", "Secret (by reference)", false;
    FEDERATED = "federated", "Federated trust (no secret)", false;
    UNIX_PASSWORD = "unix-password", "Unix password", false;
    SECRET = "secret", "Secret", true;
}

macro_rules! place_kinds {
    ($($name:ident = $id:literal, $title:literal;)*) => {
        $(pub const $name: &PlaceKind = &PlaceKind { id: $id, title: $title };)*
        /// Every kind of place that this crate knows.
        pub const PLACE_KINDS: &[&PlaceKind] = &[$($name),*];
    };
}

place_kinds! {
    PLACE_FILE = "file", "File";
    PLACE_FOLDER = "folder", "Folder";
    PLACE_REPOSITORY = "repository", "Repository";
    PLACE_COMMIT = "commit", "Commit";
    PLACE_HOST = "host", "Host";
    PLACE_UNIT = "unit", "systemd unit";
    PLACE_STATE = "terraform-state", "Terraform state";
    PLACE_CI_SECRETS = "ci-secrets", "CI secret store";
    PLACE_CI_CONTEXT = "ci-context", "CI environment or context";
    PLACE_POD = "pod", "Pod";
    PLACE_KUBERNETES_SECRET = "kubernetes-secret", "Kubernetes Secret";
    PLACE_SECRET_MANAGER = "secret-manager", "Secret manager entry";
    PLACE_KEYRING = "keyring", "OS keyring or hardware";
}

pub fn identity_kind(id: &str) -> Option<&'static IdentityKind> {
    IDENTITY_KINDS.iter().copied().find(|kind| kind.id == id)
}

pub fn credential_kind(id: &str) -> Option<&'static CredentialKind> {
    CREDENTIAL_KINDS.iter().copied().find(|kind| kind.id == id)
}

pub fn place_kind(id: &str) -> Option<&'static PlaceKind> {
    PLACE_KINDS.iter().copied().find(|kind| kind.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_every_general_type_has_a_kind() {
        let unique = |ids: Vec<&str>| {
            let mut sorted = ids.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), ids.len(), "{ids:?}");
        };
        unique(IDENTITY_KINDS.iter().map(|kind| kind.id).collect());
        unique(CREDENTIAL_KINDS.iter().map(|kind| kind.id).collect());
        unique(PLACE_KINDS.iter().map(|kind| kind.id).collect());
        for general in General::ALL {
            assert!(IDENTITY_KINDS.iter().any(|kind| kind.general == general), "{general:?}");
        }
    }
}
