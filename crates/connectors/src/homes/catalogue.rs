//! Every file this source knows, in the order in which they are read: a row is a path below the
//! home and how to read it. The first row that fits a file reads it.
//!
//! Most of these files lie in other folders too, copied for a container or by mistake: [`in_folder`].

use model::kinds;

use super::files::Parser;
use super::logins::{Keys, Name, Token};
use super::{
    aws, azure, builds, databases, gcp, keys, kubernetes, netrc, packages, registries, shells,
};
use crate::agents::component_matches;
use crate::document::Syntax::{Json, Toml, Yaml};

#[derive(Debug)]
pub(super) struct Row {
    /// Relative to the home; `*` stands for any run of characters of one component.
    pub path: &'static str,
    /// What people call it.
    pub title: &'static str,
    pub how: How,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    Parser(Parser),
    Keys(&'static [Keys]),
    Whole(&'static Token),
}

const fn row(path: &'static str, title: &'static str, parser: Parser) -> Row {
    Row { path, title, how: How::Parser(parser) }
}

const fn keys_of(path: &'static str, title: &'static str, keys: &'static [Keys]) -> Row {
    Row { path, title, how: How::Keys(keys) }
}

const fn whole(path: &'static str, title: &'static str, token: &'static Token) -> Row {
    Row { path, title, how: How::Whole(token) }
}

const fn token(system: &'static str, host: &'static str) -> Token {
    Token { kind: kinds::API_CLIENT, system, host, secret: kinds::API_TOKEN }
}

const HUGGING_FACE: Token = token("hugging-face", "huggingface.co");
const VAULT: Token = token("vault", "");
const FLY: Token = token("fly", "api.fly.io");

/// A document that is one login.
const PLAIN: Keys = Keys {
    syntax: Json,
    system: "unknown",
    host: "",
    logins: "",
    user: &[],
    address: &[],
    name: Name::Label,
    secrets: &[],
    expires: "",
};

const GH: &[Keys] = &[
    Keys {
        syntax: Yaml,
        system: "github",
        logins: "*",
        user: &["user"],
        name: Name::Host,
        secrets: &[("oauth_token", kinds::OAUTH_TOKEN)],
        ..PLAIN
    },
    Keys {
        syntax: Yaml,
        system: "github",
        host: "github.com",
        logins: "*/users/*",
        name: Name::User,
        secrets: &[("oauth_token", kinds::OAUTH_TOKEN)],
        ..PLAIN
    },
];

const HUB: &[Keys] = &[Keys {
    syntax: Yaml,
    system: "github",
    host: "github.com",
    logins: "*/*",
    user: &["user"],
    secrets: &[("oauth_token", kinds::OAUTH_TOKEN)],
    ..PLAIN
}];

const GLAB: &[Keys] = &[Keys {
    syntax: Yaml,
    system: "gitlab",
    logins: "hosts/*",
    user: &["user"],
    name: Name::Host,
    secrets: &[("token", kinds::API_TOKEN), ("oauth2_refresh_token", kinds::REFRESH_TOKEN)],
    ..PLAIN
}];

const COPILOT: &[Keys] = &[Keys {
    system: "github",
    host: "github.com",
    logins: "*",
    user: &["user"],
    secrets: &[("oauth_token", kinds::OAUTH_TOKEN)],
    ..PLAIN
}];

const TERRAFORM: &[Keys] = &[Keys {
    system: "terraform",
    logins: "credentials/*",
    name: Name::Host,
    secrets: &[("token", kinds::API_TOKEN)],
    ..PLAIN
}];

const PULUMI: &[Keys] = &[Keys {
    system: "pulumi",
    logins: "accessTokens/*",
    name: Name::Host,
    secrets: &[("", kinds::API_TOKEN)],
    ..PLAIN
}];

const DOCTL: &[Keys] = &[
    Keys {
        syntax: Yaml,
        system: "digitalocean",
        host: "api.digitalocean.com",
        secrets: &[("access-token", kinds::API_TOKEN)],
        ..PLAIN
    },
    Keys {
        syntax: Yaml,
        system: "digitalocean",
        host: "api.digitalocean.com",
        logins: "auth-contexts/*",
        secrets: &[("", kinds::API_TOKEN)],
        ..PLAIN
    },
];

const FLYCTL: &[Keys] = &[Keys {
    syntax: Yaml,
    system: "fly",
    host: "api.fly.io",
    secrets: &[("access_token", kinds::API_TOKEN), ("metrics_token", kinds::API_TOKEN)],
    ..PLAIN
}];

const STRIPE: &[Keys] = &[
    Keys {
        syntax: Toml,
        system: "stripe",
        host: "api.stripe.com",
        logins: "*",
        address: &[],
        secrets: &[("test_mode_api_key", kinds::API_TOKEN)],
        expires: "test_mode_key_expires_at",
        ..PLAIN
    },
    Keys {
        syntax: Toml,
        system: "stripe",
        host: "api.stripe.com",
        logins: "*",
        secrets: &[("live_mode_api_key", kinds::API_TOKEN)],
        expires: "live_mode_key_expires_at",
        ..PLAIN
    },
];

const NGROK: &[Keys] = &[Keys {
    syntax: Yaml,
    system: "ngrok",
    host: "ngrok.com",
    secrets: &[
        ("authtoken", kinds::API_TOKEN),
        ("agent/authtoken", kinds::API_TOKEN),
        ("api_key", kinds::API_TOKEN),
        ("agent/api_key", kinds::API_TOKEN),
    ],
    ..PLAIN
}];

const WRANGLER: &[Keys] = &[Keys {
    syntax: Toml,
    system: "cloudflare",
    host: "api.cloudflare.com",
    secrets: &[
        ("oauth_token", kinds::OAUTH_TOKEN),
        ("refresh_token", kinds::REFRESH_TOKEN),
        ("api_token", kinds::API_TOKEN),
    ],
    expires: "expiration_time",
    ..PLAIN
}];

const SNOWFLAKE_SECRETS: &[(&str, &kinds::CredentialKind)] = &[
    ("password", kinds::PASSWORD),
    ("token", kinds::PERSONAL_ACCESS_TOKEN),
    ("private_key_passphrase", kinds::PASSWORD),
];

const SNOWFLAKE: &[Keys] = &[Keys {
    syntax: Toml,
    system: "snowflake",
    logins: "*",
    user: &["user", "username"],
    address: &["host", "account", "accountname"],
    secrets: SNOWFLAKE_SECRETS,
    ..PLAIN
}];

const SNOWFLAKE_CONFIG: &[Keys] = &[Keys {
    syntax: Toml,
    system: "snowflake",
    logins: "connections/*",
    user: &["user", "username"],
    address: &["host", "account", "accountname"],
    secrets: SNOWFLAKE_SECRETS,
    ..PLAIN
}];

const KAGGLE: &[Keys] = &[Keys {
    system: "kaggle",
    host: "www.kaggle.com",
    user: &["username"],
    secrets: &[("key", kinds::API_TOKEN)],
    ..PLAIN
}];

const VERCEL: &[Keys] = &[Keys {
    system: "vercel",
    host: "api.vercel.com",
    secrets: &[("token", kinds::API_TOKEN)],
    ..PLAIN
}];

const NETLIFY: &[Keys] = &[Keys {
    system: "netlify",
    host: "api.netlify.com",
    logins: "users/*",
    user: &["email"],
    secrets: &[("auth/token", kinds::API_TOKEN)],
    ..PLAIN
}];

const FIREBASE: &[Keys] = &[Keys {
    system: "gcp",
    host: "firebase",
    user: &["user/email"],
    secrets: &[
        ("tokens/refresh_token", kinds::REFRESH_TOKEN),
        ("tokens/access_token", kinds::OAUTH_TOKEN),
    ],
    expires: "tokens/expires_at",
    ..PLAIN
}];

const CIRCLECI: &[Keys] = &[Keys {
    syntax: Yaml,
    system: "circleci",
    host: "circleci.com",
    address: &["host"],
    secrets: &[("token", kinds::API_TOKEN)],
    ..PLAIN
}];

const HCLOUD: &[Keys] = &[Keys {
    syntax: Toml,
    system: "hetzner",
    host: "api.hetzner.cloud",
    logins: "contexts/*",
    secrets: &[("token", kinds::API_TOKEN)],
    ..PLAIN
}];

const ARGOCD: &[Keys] = &[Keys {
    syntax: Yaml,
    system: "argocd",
    logins: "users/*",
    name: Name::Host,
    secrets: &[("auth-token", kinds::JWT), ("refresh-token", kinds::REFRESH_TOKEN)],
    ..PLAIN
}];

const ALIYUN: &[Keys] = &[Keys {
    system: "alibaba-cloud",
    logins: "profiles/*",
    user: &["access_key_id"],
    secrets: &[("access_key_secret", kinds::ACCESS_KEY), ("sts_token", kinds::SESSION_KEY)],
    ..PLAIN
}];

const CLAUDE_CODE: &[Keys] = &[Keys {
    system: "anthropic",
    host: "claude.ai",
    logins: "claudeAiOauth",
    secrets: &[("accessToken", kinds::OAUTH_TOKEN), ("refreshToken", kinds::REFRESH_TOKEN)],
    expires: "expiresAt",
    ..PLAIN
}];

const CODEX: &[Keys] = &[Keys {
    system: "openai",
    host: "api.openai.com",
    user: &["tokens/account_id"],
    secrets: &[
        ("OPENAI_API_KEY", kinds::API_TOKEN),
        ("tokens/id_token", kinds::JWT),
        ("tokens/access_token", kinds::OAUTH_TOKEN),
        ("tokens/refresh_token", kinds::REFRESH_TOKEN),
    ],
    ..PLAIN
}];

const GEMINI: &[Keys] = &[Keys {
    system: "gcp",
    host: "gemini-cli",
    secrets: &[
        ("access_token", kinds::OAUTH_TOKEN),
        ("refresh_token", kinds::REFRESH_TOKEN),
        ("id_token", kinds::JWT),
    ],
    expires: "expiry_date",
    ..PLAIN
}];

const OPENCODE: &[Keys] = &[Keys {
    system: "opencode",
    logins: "*",
    name: Name::Host,
    secrets: &[
        ("key", kinds::API_TOKEN),
        ("access", kinds::OAUTH_TOKEN),
        ("refresh", kinds::REFRESH_TOKEN),
    ],
    expires: "expires",
    ..PLAIN
}];

#[rustfmt::skip]
const TOOLS: &[Row] = &[
    // clouds
    row(".aws/credentials", "AWS credentials", aws::credentials_file),
    row(".aws/config", "AWS configuration", aws::config),
    row(".aws/sso/cache/*.json", "AWS sign-in session", aws::sso_cache),
    row(".aws/cli/cache/*.json", "AWS assumed role", aws::cli_cache),
    row(".config/gcloud/application_default_credentials.json", "Google application default credentials", gcp::credentials_file),
    row(".config/gcloud/legacy_credentials/*/adc.json", "Google account of gcloud", gcp::credentials_file),
    row(".config/gcloud/*.json", "Google credentials", gcp::credentials_file),
    row(".config/gcloud/*/*.json", "Google credentials", gcp::credentials_file),
    row(".config/gcloud/credentials.db", "gcloud accounts", gcp::database),
    row(".azure/azureProfile.json", "Azure subscriptions", azure::profile),
    row(".azure/service_principal_entries.json", "Azure service principals", azure::principals),
    row(".azure/service_principal_entries.bin", "Azure service principals", azure::binary),
    row(".azure/msal_token_cache.json", "Azure tokens", azure::token_cache),
    row(".azure/msal_token_cache.bin", "Azure tokens", azure::binary),
    row(".azure/accessTokens.json", "Azure tokens", azure::access_tokens),
    keys_of(".config/doctl/config.yaml", "DigitalOcean", DOCTL),
    keys_of(".fly/config.yml", "Fly.io", FLYCTL),
    whole(".fly/access_token", "Fly.io", &FLY),
    keys_of(".config/.wrangler/config/default.toml", "Cloudflare Wrangler", WRANGLER),
    keys_of(".wrangler/config/default.toml", "Cloudflare Wrangler", WRANGLER),
    keys_of(".config/hcloud/cli.toml", "Hetzner Cloud", HCLOUD),
    keys_of(".aliyun/config.json", "Alibaba Cloud", ALIYUN),
    keys_of(".local/share/com.vercel.cli/auth.json", "Vercel", VERCEL),
    keys_of(".config/netlify/config.json", "Netlify", NETLIFY),
    keys_of(".netlify/config.json", "Netlify", NETLIFY),
    keys_of(".config/configstore/firebase-tools.json", "Firebase", FIREBASE),
    row(".config/linode-cli", "Linode", keys::telling),
    row(".oci/config", "Oracle Cloud", keys::telling),
    // clusters and registries
    row(".kube/config", "kubeconfig", kubernetes::config),
    row(".kube/*", "kubeconfig", kubernetes::config),
    row(".kube/configs/*", "kubeconfig", kubernetes::config),
    row(".kube/config.d/*", "kubeconfig", kubernetes::config),
    row(".docker/config.json", "Docker registries", registries::docker),
    row(".dockercfg", "Docker registries", registries::docker),
    row(".config/containers/auth.json", "container registries", registries::docker),
    row(".config/helm/registry/config.json", "Helm registries", registries::docker),
    row(".config/helm/registry.json", "Helm registries", registries::docker),
    row(".config/helm/repositories.yaml", "Helm repositories", registries::helm),
    keys_of(".config/argocd/config", "Argo CD", ARGOCD),
    keys_of(".argocd/config", "Argo CD", ARGOCD),
    // packages and builds
    row(".npmrc", "npm", packages::npm),
    row(".config/npm/npmrc", "npm", packages::npm),
    row(".pypirc", "PyPI", packages::pypi),
    row(".config/pip/pip.conf", "pip", packages::pip),
    row(".pip/pip.conf", "pip", packages::pip),
    row(".cargo/credentials.toml", "Cargo registries", packages::cargo),
    row(".cargo/credentials", "Cargo registries", packages::cargo),
    row(".nuget/NuGet/NuGet.Config", "NuGet", packages::nuget),
    row(".config/NuGet/NuGet.Config", "NuGet", packages::nuget),
    row(".composer/auth.json", "Composer", packages::composer),
    row(".config/composer/auth.json", "Composer", packages::composer),
    row(".gem/credentials", "RubyGems", packages::gems),
    row(".local/share/gem/credentials", "RubyGems", packages::gems),
    row(".m2/settings.xml", "Maven", builds::maven),
    row(".m2/settings-security.xml", "Maven master password", builds::maven_master),
    row(".gradle/gradle.properties", "Gradle", builds::gradle),
    // forges and hosts
    row(".netrc", "netrc", netrc::netrc),
    row("_netrc", "netrc", netrc::netrc),
    row(".git-credentials", "git credential store", netrc::git_credentials),
    row(".config/git/credentials", "git credential store", netrc::git_credentials),
    keys_of(".config/gh/hosts.yml", "GitHub CLI", GH),
    keys_of(".config/hub", "hub", HUB),
    keys_of(".config/glab-cli/config.yml", "GitLab CLI", GLAB),
    keys_of(".config/github-copilot/apps.json", "GitHub Copilot", COPILOT),
    keys_of(".config/github-copilot/hosts.json", "GitHub Copilot", COPILOT),
    keys_of(".circleci/cli.yml", "CircleCI", CIRCLECI),
    row(".sentryclirc", "Sentry", keys::telling),
    keys_of(".config/ngrok/ngrok.yml", "ngrok", NGROK),
    keys_of(".ngrok2/ngrok.yml", "ngrok", NGROK),
    keys_of(".config/stripe/config.toml", "Stripe", STRIPE),
    // databases and storage
    row(".pgpass", "PostgreSQL passwords", databases::pgpass),
    row(".pg_service.conf", "PostgreSQL services", databases::pg_service),
    row(".my.cnf", "MySQL", databases::my_cnf),
    row(".mylogin.cnf", "MySQL login paths", databases::mylogin),
    row(".snowsql/config", "SnowSQL", databases::snowsql),
    keys_of(".snowflake/connections.toml", "Snowflake", SNOWFLAKE),
    keys_of(".config/snowflake/connections.toml", "Snowflake", SNOWFLAKE),
    keys_of(".snowflake/config.toml", "Snowflake", SNOWFLAKE_CONFIG),
    keys_of(".config/snowflake/config.toml", "Snowflake", SNOWFLAKE_CONFIG),
    row(".databrickscfg", "Databricks", databases::databricks),
    row(".s3cfg", "s3cmd", keys::telling),
    row(".boto", "boto", keys::telling),
    row(".config/rclone/rclone.conf", "rclone", keys::rclone),
    row(".rclone.conf", "rclone", keys::rclone),
    keys_of(".kaggle/kaggle.json", "Kaggle", KAGGLE),
    keys_of(".config/kaggle/kaggle.json", "Kaggle", KAGGLE),
    whole(".cache/huggingface/token", "Hugging Face", &HUGGING_FACE),
    whole(".huggingface/token", "Hugging Face", &HUGGING_FACE),
    row(".cache/huggingface/stored_tokens", "Hugging Face", keys::telling),
    // infrastructure
    keys_of(".terraform.d/credentials.tfrc.json", "Terraform", TERRAFORM),
    row(".terraformrc", "Terraform", keys::terraformrc),
    keys_of(".pulumi/credentials.json", "Pulumi", PULUMI),
    whole(".vault-token", "Vault", &VAULT),
    row(".gnupg/private-keys-v1.d/*.key", "GnuPG private key", keys::gnupg),
    // agents; their settings and MCP servers are in `agents::FILES`
    keys_of(".claude/.credentials.json", "Claude Code", CLAUDE_CODE),
    keys_of(".codex/auth.json", "Codex", CODEX),
    keys_of(".gemini/oauth_creds.json", "Gemini CLI", GEMINI),
    keys_of(".local/share/opencode/auth.json", "opencode", OPENCODE),
];

/// Variables, after everything that says more; in other folders `repository` has its own readers.
#[rustfmt::skip]
const VARIABLES: &[Row] = &[
    row(".env", "environment file", shells::variables),
    row(".env.*", "environment file", shells::variables),
    row(".bashrc", "bash", shells::variables),
    row(".bash_profile", "bash", shells::variables),
    row(".bash_login", "bash", shells::variables),
    row(".bash_aliases", "bash", shells::variables),
    row(".profile", "shell", shells::variables),
    row(".zshrc", "zsh", shells::variables),
    row(".zshenv", "zsh", shells::variables),
    row(".zprofile", "zsh", shells::variables),
    row(".zlogin", "zsh", shells::variables),
    row(".config/fish/config.fish", "fish", shells::variables),
    row(".config/fish/conf.d/*.fish", "fish", shells::variables),
    row(".config/environment.d/*.conf", "systemd user environment", shells::variables),
    row(".pam_environment", "login environment", shells::variables),
    row(".envrc", "direnv", shells::variables),
];

/// Files whose name alone says what they are, wherever they lie.
const ANYWHERE: &[Row] = &[
    row(
        "application_default_credentials.json",
        "Google application default credentials",
        gcp::credentials_file,
    ),
    row("pip.conf", "pip", packages::pip),
    row("pip.ini", "pip", packages::pip),
    row(".dockerconfigjson", "Docker registries", registries::docker),
];

/// What is looked for below a home.
pub(super) fn in_home() -> impl Iterator<Item = &'static Row> {
    TOOLS.iter().chain(VARIABLES)
}

/// The row for a file of any folder: `build/.docker/config.json` is read as `.docker/config.json`.
/// Asked for every file of a tree, so most rows cost one comparison of ends.
pub(super) fn in_folder(path: &str) -> Option<&'static Row> {
    let fits = |row: &&Row| {
        if !row.path.contains('*') {
            let folder = path.strip_suffix(row.path);
            return folder.is_some_and(|folder| folder.is_empty() || folder.ends_with('/'));
        }
        let mut components = path.rsplit('/');
        row.path.rsplit('/').all(|pattern| {
            components.next().is_some_and(|component| component_matches(pattern, component))
        })
    };
    ANYWHERE.iter().chain(TOOLS).find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_any_folder() {
        let check = |path: &str, title: Option<&str>| {
            assert_eq!(in_folder(path).map(|row| row.title), title, "{path}");
        };
        check(".docker/config.json", Some("Docker registries"));
        check("a/b/.docker/config.json", Some("Docker registries"));
        check("docker/config.json", None);
        check("config.json", None);
        check("a/.kube/staging", Some("kubeconfig"));
        check("a/pip.conf", Some("pip"));
        check("a/.env", None);
        check("", None);
    }

    #[test]
    fn no_row_hides_another() {
        for (n, row) in in_home().enumerate() {
            assert!(!row.title.is_empty() && !row.path.starts_with('/'), "{}", row.path);
            for earlier in in_home().take(n) {
                assert!(
                    !crate::agents::matches(earlier.path, row.path),
                    "{} hides {}",
                    earlier.path,
                    row.path
                );
            }
        }
    }
}
