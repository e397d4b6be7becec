//! What is a credential and what only looks like one, side by side.
//!
//! Nothing here is or was a real credential: `made` invents the random parts, so that no line of
//! this file has the shape of a token itself.

use std::fmt::Write as _;

use credentials::{Found, classify, find, might_hold};

const ALNUM: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// So many characters of an alphabet, always the same ones.
fn made(alphabet: &str, n: usize) -> String {
    let symbols = alphabet.as_bytes();
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15 ^ n as u64;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(symbols[usize::try_from(state >> 33).unwrap() % symbols.len()])
        })
        .collect()
}

fn base64url(text: &str) -> String {
    data_encoding::BASE64URL_NOPAD.encode(text.as_bytes())
}

fn jwt(header: &str, claims: &str) -> String {
    format!("{}.{}.{}", base64url(header), base64url(claims), made(ALNUM, 43))
}

fn all(text: &str) -> Vec<Found> {
    let mut all = Vec::new();
    assert!(find(text.as_bytes(), &mut |found| all.push(found)));
    assert_eq!(might_hold(text.as_bytes()), !all.is_empty(), "{text}");
    for found in &all {
        let line = text[..found.span.start].matches('\n').count() + 1;
        assert_eq!(found.line as usize, line, "{text}");
    }
    assert!(all.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start), "{all:#?}");
    all
}

#[test]
fn credentials_are_found() {
    let check = |rule: &str, text: &str, secret: &str| {
        for text in [
            text.to_owned(),
            format!("# a line\nx = 1; {text}\n"),
            format!("{{\"a\": \"{text}\"}}"),
        ] {
            let found = all(&text);
            assert_eq!(found.iter().map(|it| it.rule).collect::<Vec<_>>(), [rule], "{text}");
            assert_eq!(&text[found[0].span.clone()], secret, "{text}");
        }
    };
    let token = |rule: &str, token: String| check(rule, &token, &token);
    token("google-api-key", format!("AI{}{}", "za", made(ALNUM, 35)));
    token("google-oauth-client-secret", format!("GOC{}{}", "SPX-", made(ALNUM, 28)));
    token("google-oauth-access-token", format!("ya{}{}", "29.", made(ALNUM, 120)));
    token("azure-client-secret", format!("{}8Q~{}", made(ALNUM, 3), made(ALNUM, 34)));
    token("azure-devops-token", format!("{}AZDO{}", made(ALNUM, 76), made(ALNUM, 4)));
    token("digitalocean-token", format!("dop_{}{}", "v1_", made(HEX, 64)));
    token("planetscale-token", format!("pscale_{}{}", "tkn_", made(ALNUM, 43)));
    token("heroku-key", format!("HRKU{}{}", "-AA", made(ALNUM, 58)));
    token("supabase-token", format!("sb{}{}", "p_", made(HEX, 40)));
    token("databricks-token", format!("da{}{}", "pi", made(HEX, 32)));
    token("github-token", format!("gh{}{}", "p_", made(ALNUM, 36)));
    token(
        "github-fine-grained-token",
        format!("github{}{}_{}", "_pat_", made(ALNUM, 22), made(ALNUM, 59)),
    );
    token("gitlab-token", format!("gl{}{}", "pat-", made(ALNUM, 20)));
    token("gitlab-token", format!("gl{}{}.01.0{}", "rt-", made(ALNUM, 27), "w1x2y3"));
    token("atlassian-token", format!("ATA{}{}", "TT3", made(ALNUM, 180)));
    token("npm-token", format!("np{}{}", "m_", made(ALNUM, 36)));
    token("pypi-token", format!("pypi-{}{}", "AgE", made(ALNUM, 120)));
    token("rubygems-token", format!("rubygems{}{}", "_", made(HEX, 48)));
    token("docker-hub-token", format!("dckr{}{}", "_pat_", made(ALNUM, 27)));
    token("pulumi-token", format!("pu{}{}", "l-", made(HEX, 40)));
    token(
        "terraform-cloud-token",
        format!("{}.atlas{}.{}", made(ALNUM, 14), "v1", made(ALNUM, 67)),
    );
    token("postman-key", format!("PM{}{}-{}", "AK-", made(HEX, 24), made(HEX, 34)));
    token("vault-token", format!("hv{}{}", "s.", made(ALNUM, 24)));
    token("vault-token", format!("hv{}{}", "b.", made(ALNUM, 130)));
    token("doppler-token", format!("dp.{}{}", "st.prd.", made(ALNUM, 43)));
    token(
        "age-key",
        format!("AGE-SECRET{}{}", "-KEY-1", made("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
    );
    token(
        "slack-token",
        format!(
            "xo{}{}-{}-{}",
            "xb-",
            made("0123456789", 12),
            made("0123456789", 13),
            made(ALNUM, 24)
        ),
    );
    token("sendgrid-key", format!("S{}{}.{}", "G.", made(ALNUM, 22), made(ALNUM, 43)));
    token("mailgun-key", format!("ke{}{}", "y-", made(HEX, 32)));
    token("telegram-bot-token", format!("{}:{}{}", made("123456789", 10), "AA", made(ALNUM, 33)));
    token("linear-key", format!("lin{}{}", "_api_", made(ALNUM, 40)));
    token("notion-token", format!("nt{}{}", "n_", made(ALNUM, 46)));
    token("stripe-key", format!("sk{}{}", "_live_", made(ALNUM, 24)));
    token("stripe-webhook-secret", format!("whs{}{}", "ec_", made(ALNUM, 32)));
    token("shopify-token", format!("shp{}{}", "at_", made(HEX, 32)));
    token("square-token", format!("sq0{}{}", "csp-", made(ALNUM, 43)));
    let square = format!("EA{}{}", "AA", made(ALNUM, 60));
    check("square-access-token", &format!("SQUARE_ACCESS_TOKEN={square}"), &square);
    token(
        "openai-key",
        format!("sk-{}{}T3Blbk{}{}", "proj-", made(ALNUM, 58), "FJ", made(ALNUM, 58)),
    );
    token("openai-key", format!("sk-{}T3Blbk{}{}", made(ALNUM, 20), "FJ", made(ALNUM, 20)));
    token("anthropic-key", format!("sk-{}{}", "ant-api03-", made(ALNUM, 95)));
    token("anthropic-key", format!("sk-{}{}", "ant-oat01-", made(ALNUM, 95)));
    token("hugging-face-token", format!("h{}{}", "f_", made(LETTERS, 34)));
    token("groq-key", format!("gs{}{}", "k_", made(ALNUM, 52)));
    token("grafana-token", format!("gl{}{}_{}", "sa_", made(ALNUM, 32), made(HEX, 8)));
    token("new-relic-key", format!("NR{}{}", "AK-", made(UPPER, 27)));
    token("sentry-token", format!("sntr{}{}", "yu_", made(HEX, 64)));
    token(
        "jwt",
        jwt(
            r#"{"alg":"RS256","kid":"k1"}"#,
            r#"{"iss":"https://issuer.corp","sub":"svc","exp":1900000000}"#,
        ),
    );
    let id = format!("AK{}{}", "IA", made(UPPER, 16));
    token("aws-access-key", id.clone());
    let secret = made(ALNUM, 40);
    check("aws-access-key", &format!("{id},{secret}"), &secret);
    check(
        "aws-access-key",
        &format!("aws_access_key_id={id}\naws_secret_access_key={secret}"),
        &secret,
    );
    check("aws-access-key", &format!("secretAccessKey: {secret}\naccessKeyId: {id}"), &secret);
    check(
        "aws-access-key",
        &format!("AWS_ACCESS_KEY_ID_2={id}\nAWS_SECRET_ACCESS_KEY_2={secret}"),
        &secret,
    );
    check(
        "aws-access-key",
        &format!("- AWS_ACCESS_KEY_ID: `{id}`\n- AWS_SECRET_ACCESS_KEY: `{secret}`"),
        &secret,
    );
    let key = format!("{}==", made(ALNUM, 86));
    check(
        "azure-storage-key",
        &format!("AccountName=logs;AccountKey={key};EndpointSuffix=core.windows.net"),
        &key,
    );
    let key = format!("{}=", made(ALNUM, 43));
    check(
        "azure-shared-access-key",
        &format!(
            "Endpoint=sb://bus.servicebus.windows.net/;SharedAccessKeyName=all;SharedAccessKey={key}"
        ),
        &key,
    );
    let signature = format!("{}%3D", made(ALNUM, 43));
    check(
        "azure-sas",
        &format!(
            "https://logs.blob.core.windows.net/c?sv=2024-11-04&se=2027-01-01T00%3A00%3A00Z&sp=rl&sig={signature}"
        ),
        &signature,
    );
    let hook = format!("T{}/B{}/{}", made(UPPER, 8), made(UPPER, 8), made(ALNUM, 24));
    check("slack-webhook", &format!("https://hooks.slack.com/services/{hook}"), &hook);
    check("url-password", "postgres://app:Xy7-kkQ2vv@db.corp:5432/app", "Xy7-kkQ2vv");
    check("url-password", "mongodb+srv://app:Xy7-kkQ2vv@cluster0.abc.mongodb.net", "Xy7-kkQ2vv");
    check("url-password", "redis://:Xy7-kkQ2vv@cache:6379/0", "Xy7-kkQ2vv");
    check(
        "basic-authorization",
        "Authorization: Basic ZGVwbG95Olh5Ny1ra1Eydg==",
        "ZGVwbG95Olh5Ny1ra1Eydg==",
    );
    let bearer = made(ALNUM, 40);
    check("bearer-authorization", &format!("Authorization: Bearer {bearer}"), &bearer);
}

#[test]
fn assignments_are_found() {
    let check = |text: &str, name: &str, kind: &str, secret: &str, chosen: bool| {
        for text in [text.to_owned(), format!("a\n\n{text}\nb")] {
            let found = all(&text);
            assert_eq!(found.len(), 1, "{text} {found:#?}");
            assert_eq!(found[0].name.as_deref(), Some(name), "{text}");
            assert_eq!(found[0].kind.id, kind, "{text}");
            assert_eq!(&text[found[0].span.clone()], secret, "{text}");
            assert_eq!(found[0].chosen_by_person, chosen, "{text}");
        }
    };
    let random = &made(ALNUM, 32);
    let hex = &made(HEX, 40);
    check(&format!("export API_KEY={random}"), "API_KEY", "api-token", random, false);
    check(&format!("client_secret: {random}"), "client_secret", "client-secret", random, false);
    check(&format!("  \"apiKey\": \"{hex}\","), "apiKey", "api-token", hex, false);
    check(&format!("{{\\\"token\\\": \\\"{hex}\\\"}}"), "token", "api-token", hex, false);
    check(&format!("const SECRET_KEY = '{random}';"), "SECRET_KEY", "secret", random, false);
    check(
        &format!("os.environ[\"DD_API_KEY\"] = \"{hex}\""),
        "DD_API_KEY",
        "api-token",
        hex,
        false,
    );
    check(
        &format!("//registry.npmjs.org/:_authToken={random}"),
        "_authToken",
        "api-token",
        random,
        false,
    );
    check(&format!("<password>{random}</password>"), "password", "password", random, false);
    check(
        &format!("spring.datasource.password={random}"),
        "spring.datasource.password",
        "password",
        random,
        false,
    );
    check("DB_PASSWORD=Winter2024!", "DB_PASSWORD", "password", "Winter2024!", true);
    check("  password: Tr0ub4dor", "password", "password", "Tr0ub4dor", true);
    check("  password: Tr0ub4dor&3", "password", "password", "Tr0ub4dor&3", true);
    check("password = \"Tr0ub4dor&3\"", "password", "password", "Tr0ub4dor&3", true);
    check(
        "HEROKU_API_KEY=7f1c2a9e-04d3-4b7a-9c1e-5a2f8e6d3b10",
        "HEROKU_API_KEY",
        "api-token",
        "7f1c2a9e-04d3-4b7a-9c1e-5a2f8e6d3b10",
        false,
    );
}

#[test]
fn what_only_looks_like_a_credential_is_not_found() {
    let check = |text: &str| {
        let found = all(text);
        assert!(
            found.is_empty(),
            "{text} {:?}",
            found.iter().map(|it| (it.rule, &it.name)).collect::<Vec<_>>()
        );
    };
    // lock files, digests, ids
    check(&format!("checksum = \"{}\"", made(HEX, 64)));
    check(&format!("\"integrity\": \"sha512-{}==\",", made(ALNUM, 86)));
    check(&format!("github.com/a/b v1.2.3 h1:{}=", made(ALNUM, 43)));
    check(&format!("commit {}\nAuthor: a", made(HEX, 40)));
    check("id: 7f1c2a9e-04d3-4b7a-9c1e-5a2f8e6d3b10");
    check(&format!(
        "<img src=\"data:image/png;base64,{}AKIA{}==\">",
        made(ALNUM, 300),
        made(UPPER, 300)
    ));
    check(&format!("token_digest = \"sha256:{}\"", made(HEX, 64)));
    check(&format!("password_hash: \"$2b$12${}\"", made(ALNUM, 53)));
    check(&format!("password: \"$6$rounds$*{}\"", made(ALNUM, 60)));
    check(&format!("password: ENC[AES256_GCM,data:{},iv:x,tag:y,type:str]", made(ALNUM, 20)));
    // `EAAA` starts many lines of base64; what names Square nearby is no token either, then.
    let line = format!("EA{}{}", "AA", made(ALNUM, 60));
    check(&format!("\"{line}\\n\""));
    check(&format!("# square.png\n{line}\n{}\n", made(ALNUM, 64)));
    check(&format!("# square.png\n{}\n{line}\n", made(ALNUM, 64)));
    // placeholders and references
    check("API_KEY=your_api_key_here");
    check("password: changeme123");
    check("password: <your password 1>");
    check("TOKEN=${GITHUB_TOKEN1}");
    check("token: ${{ secrets.DEPLOY_TOKEN_2 }}");
    check("token: \"{{ vault_token2 }}\"");
    check("password: op://vault/item1/password");
    check("db_password = var.db_password2");
    check("password=$DB_PASSWORD1");
    check("secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf");
    check("api_key = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1\"");
    check("secret = \"0123456789abcdef0123456789abcdef\"");
    check(&format!("token = \"ghp_{}\"", "x".repeat(36)));
    check(&format!("gh{}{}", "p_", "1234567890abcdefghijklmnopqrstuvwxyz"));
    check("sk_live_xxxxxxxxxxxxxxxxxxxxxxxx");
    check("postgres://user:password@localhost/db");
    check("postgres://app:${DB_PASS1}@db/app");
    check("http_proxy=\"http://proxyuser:proxypass@proxyhost:port\"");
    check("http://jschmoe:xyzzy@www.bogus.net:8000/foo");
    check("https://alice:Sesame99x@example.com/");
    check("https://host:8080/a@b");
    check("git@github.com:owner/repository.git");
    check("http://localhost:3000/@vite/client");
    // source code
    check("let token = self.next_token2();");
    check("fn parse(token: Token2, secret: &Secret1) {}");
    check("password: String,");
    check("password = getpass.getpass('Password1: ')");
    check("if (password == \"Tr0ub4dor\") {}");
    check("const TOKEN_TYPE = 'Bearer1234567890abcd';");
    check("this.password=e.password1,this.token=t.token2");
    check("!function(e){var t={token:n(12),secret:o.secret,key:\"a1b2\"};return t}(window)");
    check("pub const STORAGE_KEY: HardwareKeyUsage2Flags64X = 4i32;");
    check("    generate_private_key: x25519_generate_private_key,");
    check("context->store_pass = sqlite3GetBoolean42x(right, 1);");
    check("let correct_password = b\"correct_master_key_123!\";");
    check("\"password\": \"%F0%9F%92%A9\",");
    check("\"password\": \"pass%5B%7F\",");
    check("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    check("proxy = http://Aladdin:opensesame@localhost:8887");
    check("secretName: my-tls-secret-2024");
    check("tokenizer: \"cl100k_base_tokenizer_v2\"");
    check("max_tokens: 4096000000");
    check("password_file: /run/secrets/db_password1");
    check("private_key = \"/etc/ssl/private/server1.key\"");
    check("ssh_key: ~/.ssh/id_ed25519");
    check("\"password\": \"Passwort ändern 2\"");
    check("\"token\": \"The token2 is not valid\"");
    check("SECRET_KEY = os.environ['SECRET_KEY1']");
    check("access_key = config.get(\"access_key1\")");
    check("secret_key: kubernetes.io/service-account-token1");
    check("api_key: abcdefghijklmnopqrstuvwxyz123456");
    check("Authorization: Bearer ${TOKEN1}");
    check("Authorization: Basic dXNlcjpwYXNzd29yZA==");
    check("eyJhbGciOiJIUzI1NiJ9");
    check(&format!("eyJ{}.eyJ{}.{}", made(ALNUM, 20), made(ALNUM, 20), made(ALNUM, 20)));
    check("-----BEGIN PRIVATE KEY-----\\n...\\n-----END PRIVATE KEY-----");
    check("begin = \"-----BEGIN RSA PRIVATE KEY-----\"");
}

#[test]
fn what_is_derived() {
    let mut text = String::new();
    let mut line = |sample: &str| {
        for found in all(sample) {
            let Found {
                rule,
                title,
                kind,
                system,
                instance,
                public_id,
                account,
                name,
                facts,
                confidence,
                ..
            } = found;
            writeln!(text, "{rule} | {title} | {} | {system} | {instance:?} | {public_id:?} | {account:?} | {name:?} | {confidence:?} | chosen {} | {:?} | {:?}", kind.id, found.chosen_by_person, found.created_at.value(), found.expires_at.value()).unwrap();
            for (fact, value) in facts {
                writeln!(text, "    {fact} = {:?}", value.value().map(ToString::to_string))
                    .unwrap();
            }
        }
    };
    let documented = ["AKIAIOSFODNN7", "EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "EXAMPLEKEY"];
    line(&format!(
        "[default]\naws_access_key_id = {}{}\naws_secret_access_key = {}{}\n",
        documented[0], documented[1], documented[2], documented[3]
    ));
    line(&format!("AWS_ACCESS_KEY_ID={}{}", "AKIASP2TPHJS", "QH3FJRUX"));
    line(&format!(
        "[a]\naws_access_key_id=AKIAQ{}\naws_secret_access_key={}\n[b]\naws_access_key_id=ASIAQ{}\naws_secret_access_key={}\naws_session_token={}\n",
        made(UPPER, 15),
        made(ALNUM, 40),
        made(UPPER, 15),
        made(ALNUM, 40),
        made(ALNUM, 300)
    ));
    let key = include_str!("fixtures/rsa-pkcs8.key").replace("@@", "-----").replace('\n', "\\n");
    line(&format!(
        "{{\"type\": \"service_account\", \"project_id\": \"shop-prod\", \"private_key_id\": \"{}\", \"private_key\": \"{key}\", \"client_email\": \"deploy@shop-prod.iam.gserviceaccount.com\"}}",
        made(HEX, 40)
    ));
    line(&include_str!("fixtures/ssh-ed25519-encrypted.key").replace("@@", "-----"));
    line(&format!(
        "kind: Secret\ndata:\n  key: |\n{}",
        include_str!("fixtures/ec-sec1.key").replace("@@", "    -----")
    ));
    line(&format!(
        "token: {}",
        jwt(
            r#"{"alg":"RS256","kid":"abc"}"#,
            r#"{"iss":"https://oidc.corp/id/1","sub":"system:serviceaccount:shop:checkout","aud":["api"],"exp":1900000000,"iat":1800000000}"#
        )
    ));
    line(&format!(
        "token: {}",
        jwt(
            r#"{"alg":"RS256"}"#,
            r#"{"iss":"kubernetes/serviceaccount","kubernetes.io/serviceaccount/namespace":"shop","sub":"system:serviceaccount:shop:legacy"}"#
        )
    ));
    line(&jwt(
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"sub":"1234567890","name":"John Doe","iat":1516239022}"#,
    ));
    line(&jwt(
        r#"{"alg":"RS256"}"#,
        r#"{"iss":"https://id.corp","sub":"billing-bot","aud":"api","jti":"j-1","exp":1900000000}"#,
    ));
    line("DATABASE_URL=postgresql+asyncpg://app:Xy7-kkQ2vv@db.corp:5432/app");
    line("Authorization: Basic ZGVwbG95Olh5Ny1ra1Eydg==");
    line(&format!("TWILIO_AUTH_TOKEN={}", made(HEX, 32)));
    line(&format!("{}:{}{}", made("123456789", 10), "AA", made(ALNUM, 33)));
    line(&format!("AccountName=logs;AccountKey={}==", made(ALNUM, 86)));
    line(&format!(
        "https://logs.blob.core.windows.net/c?sv=2024-11-04&se=2027-01-01T00%3A00%3A00Z&sp=rl&sig={}%3D",
        made(ALNUM, 43)
    ));
    insta::assert_snapshot!(text);
}

#[test]
fn a_checksum_is_verified() {
    let body = made(ALNUM, 30);
    let crc = {
        let mut crc = u32::MAX;
        for byte in body.bytes() {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        !crc
    };
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let (mut rest, mut checksum) = (crc, Vec::new());
    for _ in 0..6 {
        checksum.insert(0, digits[rest as usize % 62]);
        rest /= 62;
    }
    let token = format!("gh{}{body}{}", "p_", String::from_utf8(checksum).unwrap());
    assert_eq!(all(&token)[0].confidence, credentials::Confidence::Verified);
}

#[test]
fn values_that_their_place_says_are_secret() {
    let check = |name: &str, value: &str, expected: Option<(&str, &str, bool)>| {
        let found = classify(Some(name), value);
        let found = found.as_ref().map(|it| (it.rule, it.kind.id, it.chosen_by_person));
        assert_eq!(found, expected, "{name}={value}");
    };
    let random = &made(ALNUM, 32);
    check("password", "hunter2", Some(("assigned-secret", "password", true)));
    check("password", random, Some(("assigned-secret", "password", false)));
    check("_authToken", random, Some(("assigned-secret", "api-token", false)));
    check(
        "_authToken",
        &format!("np{}{}", "m_", made(ALNUM, 36)),
        Some(("npm-token", "api-token", false)),
    );
    check("whatever", random, Some(("assigned-secret", "secret", false)));
    check(
        "DATABASE_URL",
        "postgres://app:Xy7-kkQ2vv@db.corp/app",
        Some(("url-password", "connection-string", true)),
    );
    let key = include_str!("fixtures/ec-sec1.key").replace("@@", "-----");
    check("private_key_pem", &key, Some(("private-key", "private-key", false)));
    let packed = data_encoding::BASE64.encode(key.as_bytes());
    check("client-key-data", &packed, Some(("private-key", "private-key", false)));
    check("password", "", None);
    check("password", "  ", None);
    check("password", "changeme", None);
    check("password", "${DB_PASSWORD}", None);
    check("password", "$DB_PASSWORD", None);
    check("password", "op://vault/item/field", None);
    check("password", "{{ db_password }}", None);
    check("password", "<password>", None);
    check("password", "null", None);
    check("MYSQL_ALLOW_EMPTY_PASSWORD", "1", None);
    check("MARIADB_RANDOM_ROOT_PASSWORD", "yes", None);
    check("token", "xxxxxxxxxxxx", None);
}

proptest::proptest! {
    #[test]
    fn any_text(text in "[a-zA-Z0-9 =:\"'/+\n.@_{}$-]{0,300}") {
        all(&text);
    }

    #[test]
    fn any_bytes(bytes: Vec<u8>, keyword in "(AKIA|eyJ|://|token|password=|-----BEGIN PRIVATE KEY-----|:AA|sig=)") {
        let bytes = [&bytes, keyword.as_bytes(), &bytes].concat();
        let mut n_found = 0;
        find(&bytes, &mut |_| n_found += 1);
        assert_eq!(might_hold(&bytes), n_found > 0);
    }

    #[test]
    fn any_value(name: String, value: String) {
        classify(Some(&name), &value);
    }
}
