//! The table of what credentials look like: one row per type.
//!
//! A row has literal keywords (all rows' keywords are searched for in one pass), where the secret
//! starts relative to a keyword, a pattern anchored there, a check of what the shape alone does not
//! prove, and what can be derived offline. Adding a type is adding a row and its examples in
//! `recognise`'s tests.

use model::kinds::{self, CredentialKind};

use crate::derive::{self, Around};
use crate::recognise::Found;

/// A type of credential.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) kind: &'static CredentialKind,
    pub(crate) system: &'static str,
    pub(crate) keywords: &'static [&'static str],
    pub(crate) shape: Shape,
    pub(crate) check: Check,
    /// Where the secret is, when the pattern matches only the public part of it.
    pub(crate) secret: Option<derive::FindSecret>,
    pub(crate) derive: Option<fn(&mut Found, &Around<'_>)>,
    /// Where two rules claim the same bytes, the higher rank has them.
    pub(crate) rank: u8,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A pattern that starts at, or so many bytes before, the keyword; the first group is the
    /// secret if there is one. It sees `MAX_TOKEN` bytes, so large counts are left open: a pattern
    /// that counts to thousands is a slow one.
    Token { start: Start, pattern: &'static str },
    /// `scheme://user:password@host`; the keyword is `://`.
    Url,
    /// A PEM block of a private key.
    PrivateKey,
    /// `NAME=value` where the name tells; the keyword is part of the name.
    Assigned,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    AtKeyword,
    Before(usize),
    /// At the start of the run of token characters around the keyword, at most so far before it.
    OfRun(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Check {
    /// The issuer's own prefix and length; the rest must look random.
    Shape,
    /// A checksum: when it is wrong, the token is mistyped or made up, and only likely.
    Checksum(fn(&[u8]) -> bool),
    /// An inner structure; when it is not there, this is something else.
    Structure(fn(&[u8]) -> bool),
}

/// Ranks, from the least specific.
const ASSIGNED: u8 = 0;
const HEADER: u8 = 1;
const ADDRESS: u8 = 2;
const KEY: u8 = 3;
const TOKEN: u8 = 4;
const DOCUMENT: u8 = 5;

const fn token(
    id: &'static str,
    title: &'static str,
    system: &'static str,
    keywords: &'static [&'static str],
    pattern: &'static str,
) -> Rule {
    Rule {
        id,
        title,
        kind: kinds::API_TOKEN,
        system,
        keywords,
        shape: Shape::Token { start: Start::AtKeyword, pattern },
        check: Check::Shape,
        secret: None,
        derive: None,
        rank: TOKEN,
    }
}

impl Rule {
    /// Whether its keyword stands in a document that is the credential as a whole.
    pub(crate) const fn is_document(&self) -> bool {
        self.rank == DOCUMENT
    }

    const fn kind(mut self, kind: &'static CredentialKind) -> Self {
        self.kind = kind;
        self
    }

    const fn start(mut self, start: Start) -> Self {
        if let Shape::Token { pattern, .. } = self.shape {
            self.shape = Shape::Token { start, pattern };
        }
        self
    }

    const fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    const fn derive(mut self, derive: fn(&mut Found, &Around<'_>)) -> Self {
        self.derive = Some(derive);
        self
    }

    const fn secret(mut self, secret: derive::FindSecret) -> Self {
        self.secret = Some(secret);
        self
    }

    const fn rank(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }
}

pub(crate) static RULES: &[Rule] = &[
    // clouds
    token("aws-access-key", "AWS access key", "aws", &["AKIA", "ASIA"], "A[KS]IA[A-Z2-7]{16}")
        .kind(kinds::ACCESS_KEY)
        .secret(derive::aws_secret)
        .derive(derive::aws_access_key),
    token("aws-bedrock-key", "Amazon Bedrock API key", "aws", &["ABSKQmVkcm9ja0FQSUtleS"], "ABSKQmVkcm9ja0FQSUtleS[A-Za-z0-9+/=_-]{60,300}"),
    token("gcp-service-account-key", "Google service account key", "gcp", &["\"private_key_id\"", "\\\"private_key_id\\\""], r#"\\*"private_key_id\\*""#)
        .kind(kinds::SERVICE_ACCOUNT_KEY)
        .secret(derive::gcp_private_key)
        .derive(derive::gcp_service_account)
        .rank(DOCUMENT),
    token("google-api-key", "Google API key", "gcp", &["AIza"], "AIza[0-9A-Za-z_-]{35}"),
    token("google-oauth-client-secret", "Google OAuth client secret", "google", &["GOCSPX-"], "GOCSPX-[0-9A-Za-z_-]{28}").kind(kinds::CLIENT_SECRET),
    token("google-oauth-access-token", "Google OAuth access token", "google", &["ya29."], r"ya29\.[0-9A-Za-z_-]{30,}").kind(kinds::OAUTH_TOKEN),
    token("azure-storage-key", "Azure storage account key", "azure", &["AccountKey="], "AccountKey=([A-Za-z0-9+/]{86}==)")
        .kind(kinds::CONNECTION_STRING)
        .derive(derive::azure_storage),
    token("azure-shared-access-key", "Azure shared access key", "azure", &["SharedAccessKey="], "SharedAccessKey=([A-Za-z0-9+/]{43}=)")
        .kind(kinds::CONNECTION_STRING)
        .derive(derive::azure_bus),
    token("azure-sas", "Azure shared access signature", "azure", &["sig="], "sig=([A-Za-z0-9%+/_-]{43,80}(?:=|%3D|%3d))")
        .check(Check::Shape)
        .secret(derive::azure_sas_signature)
        .derive(derive::azure_sas),
    token("azure-client-secret", "Entra ID client secret", "azure", &["8Q~"], "[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{34}")
        .kind(kinds::CLIENT_SECRET)
        .start(Start::Before(3)),
    token("azure-devops-token", "Azure DevOps personal access token", "azure-devops", &["AZDO"], "[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}")
        .kind(kinds::PERSONAL_ACCESS_TOKEN)
        .start(Start::Before(76)),
    token("digitalocean-token", "DigitalOcean token", "digitalocean", &["dop_v1_", "doo_v1_", "dor_v1_"], "do[opr]_v1_[a-f0-9]{64}"),
    token("planetscale-token", "PlanetScale token", "planetscale", &["pscale_"], r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}"),
    token("heroku-key", "Heroku API key", "heroku", &["HRKU-AA"], "HRKU-AA[0-9A-Za-z_-]{58}"),
    token("fly-token", "Fly.io token", "fly", &["fm2_"], "fm2_[A-Za-z0-9+/=_-]{80,}"),
    token("supabase-token", "Supabase access token", "supabase", &["sbp_"], "sbp_[a-f0-9]{40}"),
    token("tailscale-key", "Tailscale key", "tailscale", &["tskey-"], "tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{6,24}-[A-Za-z0-9]{20,64}"),
    token("databricks-token", "Databricks token", "databricks", &["dapi"], "dapi[a-f0-9]{32}(?:-[0-9])?").kind(kinds::PERSONAL_ACCESS_TOKEN),
    // code, packages, delivery
    token("github-token", "GitHub token", "github", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], "gh[pousr]_[A-Za-z0-9]{36}")
        .check(Check::Checksum(derive::base62_checksum))
        .derive(derive::github),
    token("github-fine-grained-token", "GitHub fine-grained token", "github", &["github_pat_"], "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}").kind(kinds::PERSONAL_ACCESS_TOKEN),
    token("gitlab-token", "GitLab token", "gitlab", &["glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glsoat-", "glft-", "glimt-", "glagent-", "gloas-", "glffct-", "glwt-"], r"gl(?:pat|dt|rtr|rt|cbt|ptt|soat|ft|imt|agent|oas|ffct|wt)-[A-Za-z0-9_-]{20,300}(?:\.[0-9a-z]{2}\.[0-9a-z]{7,9})?").derive(derive::gitlab),
    token("bitbucket-token", "Bitbucket app password", "bitbucket", &["ATBB"], "ATBB[A-Za-z0-9]{24}[A-F0-9]{8}"),
    token("atlassian-token", "Atlassian API token", "atlassian", &["ATATT3", "ATCTT3"], "AT[AC]TT3[A-Za-z0-9_=-]{60,400}"),
    token("npm-token", "npm token", "npm", &["npm_"], "npm_[A-Za-z0-9]{36}").check(Check::Checksum(derive::base62_checksum)),
    token("pypi-token", "PyPI token", "pypi", &["pypi-AgE"], "pypi-AgE[A-Za-z0-9_-]{50,}"),
    token("rubygems-token", "RubyGems key", "rubygems", &["rubygems_"], "rubygems_[a-f0-9]{48}"),
    token("crates-io-token", "crates.io token", "crates.io", &["cio"], "cio[A-Za-z0-9]{32}"),
    token("nuget-key", "NuGet key", "nuget", &["oy2"], "oy2[a-z0-9]{43}"),
    token("docker-hub-token", "Docker Hub token", "docker", &["dckr_pat_", "dckr_oat_"], "dckr_[po]at_[A-Za-z0-9_-]{27,32}").kind(kinds::PERSONAL_ACCESS_TOKEN),
    token("jfrog-key", "JFrog API key", "jfrog", &["AKCp"], "AKCp[0-9A-Za-z]{69}"),
    token("circleci-token", "CircleCI token", "circleci", &["CCIPAT_", "CCIPRJ_"], "CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}"),
    token("buildkite-token", "Buildkite token", "buildkite", &["bkua_"], "bkua_[a-z0-9]{40}"),
    token("pulumi-token", "Pulumi token", "pulumi", &["pul-"], "pul-[a-f0-9]{40}"),
    token("terraform-cloud-token", "HCP Terraform token", "terraform", &[".atlasv1."], r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}").start(Start::Before(14)),
    token("postman-key", "Postman key", "postman", &["PMAK-"], "PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    // secrets and identity
    token("vault-token", "Vault token", "vault", &["hvs.", "hvb.", "hvr."], r"hv[sbr]\.[A-Za-z0-9_-]{24,300}").kind(kinds::VAULT_TOKEN).derive(derive::vault),
    token("doppler-token", "Doppler token", "doppler", &["dp.st.", "dp.pt.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."], r"dp\.(?:st|pt|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    token("onepassword-token", "1Password service account token", "1password", &["ops_eyJ"], "ops_eyJ[A-Za-z0-9_-]{200,}"),
    token("age-key", "age secret key", "age", &["AGE-SECRET-KEY-1"], "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}").kind(kinds::PRIVATE_KEY),
    token("jwt", "JSON Web Token", "unknown", &["eyJ"], r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{0,}")
        .kind(kinds::JWT)
        .check(Check::Structure(derive::is_jwt))
        .derive(derive::jwt),
    // messages and people
    token("slack-token", "Slack token", "slack", &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxe.xox", "xoxc-", "xoxd-", "xapp-1-"], r"(?:xox[bparsecd]-[A-Za-z0-9%-]{20,400}|xoxe\.xox[bp]-[0-9]-[A-Za-z0-9]{60,400}|xapp-1-A[A-Z0-9]{6,12}-[0-9]{10,14}-[a-f0-9]{64})"),
    token("slack-webhook", "Slack webhook", "slack", &["hooks.slack.com/"], "hooks[.]slack[.]com/(?:services|workflows|triggers)/((?:[TE][A-Z0-9]{6,14})/[A-Za-z0-9]{6,24}/[A-Za-z0-9/]{18,80})").kind(kinds::WEBHOOK_URL),
    token("discord-webhook", "Discord webhook", "discord", &["/api/webhooks/"], "/api/webhooks/[0-9]{16,20}/([A-Za-z0-9_-]{60,80})").kind(kinds::WEBHOOK_URL),
    token("teams-webhook", "Microsoft Teams webhook", "teams", &[".webhook.office.com/"], r"\.webhook\.office\.com/(webhookb2/[a-f0-9@-]{30,80}/IncomingWebhook/[a-f0-9]{32}/[a-f0-9-]{36})").kind(kinds::WEBHOOK_URL),
    token("telegram-bot-token", "Telegram bot token", "telegram", &[":AA"], "[0-9]{8,10}:AA[A-Za-z0-9_-]{33}").start(Start::OfRun(10)).derive(derive::telegram),
    token("sendgrid-key", "SendGrid key", "sendgrid", &["SG."], r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    token("mailgun-key", "Mailgun key", "mailgun", &["key-"], "key-[a-f0-9]{32}"),
    token("brevo-key", "Brevo key", "brevo", &["xkeysib-"], "xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    token("linear-key", "Linear key", "linear", &["lin_api_", "lin_oauth_"], "lin_(?:api|oauth)_[A-Za-z0-9]{40,64}"),
    token("notion-token", "Notion token", "notion", &["ntn_"], "ntn_[A-Za-z0-9]{40,50}"),
    token("notion-legacy-token", "Notion token", "notion", &["secret_"], "secret_[A-Za-z0-9]{43}"),
    token("figma-token", "Figma token", "figma", &["figd_"], "figd_[A-Za-z0-9_-]{38,60}"),
    // money
    token("stripe-key", "Stripe key", "stripe", &["sk_live_", "rk_live_"], "[sr]k_live_[A-Za-z0-9]{24,247}"),
    token("stripe-webhook-secret", "Stripe webhook secret", "stripe", &["whsec_"], "whsec_[A-Za-z0-9+/]{32,64}=?").kind(kinds::SECRET),
    token("shopify-token", "Shopify token", "shopify", &["shpat_", "shpca_", "shppa_", "shpss_"], "shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    token("square-token", "Square token", "square", &["sq0atp-", "sq0csp-"], "sq0(?:atp-[A-Za-z0-9_-]{22}|csp-[A-Za-z0-9_-]{43})"),
    token("square-access-token", "Square access token", "square", &["EAAA"], "EAAA[A-Za-z0-9_-]{60}").secret(derive::square_secret),
    // models
    token("openai-key", "OpenAI key", "openai", &["T3BlbkFJ"], "sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}").start(Start::OfRun(120)),
    token("anthropic-key", "Anthropic key", "anthropic", &["sk-ant-"], "sk-ant-(?:api|admin|oat|ort|sid)[0-9]{2}-[A-Za-z0-9_-]{80,120}"),
    token("openrouter-key", "OpenRouter key", "openrouter", &["sk-or-v1-"], "sk-or-v1-[a-f0-9]{64}"),
    token("hugging-face-token", "Hugging Face token", "hugging-face", &["hf_"], "hf_[A-Za-z]{34}"),
    token("groq-key", "Groq key", "groq", &["gsk_"], "gsk_[A-Za-z0-9]{52}"),
    token("xai-key", "xAI key", "xai", &["xai-"], "xai-[A-Za-z0-9]{80}"),
    token("perplexity-key", "Perplexity key", "perplexity", &["pplx-"], "pplx-[A-Za-z0-9]{48}"),
    token("replicate-token", "Replicate token", "replicate", &["r8_"], "r8_[A-Za-z0-9]{37}"),
    token("langsmith-key", "LangSmith key", "langsmith", &["lsv2_"], "lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    // watching
    token("grafana-token", "Grafana service account token", "grafana", &["glsa_"], "glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}"),
    token("grafana-cloud-token", "Grafana Cloud token", "grafana", &["glc_eyJ"], "glc_eyJ[A-Za-z0-9+/=]{40,}"),
    token("new-relic-key", "New Relic key", "new-relic", &["NRAK-"], "NRAK-[A-Z0-9]{27}"),
    token("sentry-token", "Sentry token", "sentry", &["sntrys_", "sntryu_"], "sntry(?:u_[a-f0-9]{64}|s_eyJ[A-Za-z0-9+/=_-]{60,})"),
    token("dynatrace-token", "Dynatrace token", "dynatrace", &["dt0c01.", "dt0s16.", "dt0s01."], r"dt0[cs](?:01|16)\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    // keys, addresses, headers, names
    Rule {
        shape: Shape::PrivateKey,
        check: Check::Structure(derive::is_private_key),
        ..token("private-key", "Private key", "x509", &["PRIVATE KEY-----"], "")
            .kind(kinds::PRIVATE_KEY)
            .derive(derive::private_key)
            .rank(KEY)
    },
    Rule {
        shape: Shape::Url,
        ..token("url-password", "Password in an address", "unknown", &["://"], "")
            .kind(kinds::CONNECTION_STRING)
            .derive(derive::address)
            .rank(ADDRESS)
    },
    token("basic-authorization", "Basic authorization header", "unknown", &["asic "], "[Bb]asic +([A-Za-z0-9+/]{12,400}={0,2})")
        .kind(kinds::PASSWORD)
        .start(Start::Before(1))
        .check(Check::Structure(derive::is_basic))
        .derive(derive::basic)
        .rank(HEADER),
    token("bearer-authorization", "Bearer authorization header", "unknown", &["earer "], "[Bb]earer +([A-Za-z0-9._~+/-]{20,}=*)")
        .start(Start::Before(1))
        .check(Check::Structure(derive::is_opaque_token))
        .rank(HEADER),
    Rule {
        shape: Shape::Assigned,
        ..token("assigned-secret", "Secret in an assignment", "unknown", NAMES, "")
            .kind(kinds::SECRET)
            .rank(ASSIGNED)
    },
];

/// Parts of names that tell; what a whole name says is decided in `assigned::name`.
const NAMES: &[&str] = &[
    "passw",
    "Passw",
    "PASSW",
    "pwd",
    "Pwd",
    "PWD",
    "passphrase",
    "Passphrase",
    "PASSPHRASE",
    "_pass",
    "_PASS",
    "-pass",
    "pass=",
    "PASS=",
    "\"pass\"",
    "pass:",
    "secret",
    "Secret",
    "SECRET",
    "token",
    "Token",
    "TOKEN",
    "_key",
    "_KEY",
    "-key",
    "-Key",
    "apikey",
    "apiKey",
    "ApiKey",
    "APIKEY",
    "APIKey",
    "accessKey",
    "AccessKey",
    "accesskey",
    "privateKey",
    "PrivateKey",
    "masterKey",
    "MasterKey",
    "signingKey",
    "encryptionKey",
    "accountKey",
    "sharedKey",
    "authKey",
    "subscriptionKey",
    "_auth",
    "_AUTH",
];
