//! Addresses (URLs) from configuration, taken apart so that the part that may be shown and the
//! parts that are secret never mix.

use std::borrow::Cow;

/// An address without anything that could be a secret, and what was taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Scheme, host, port and path; path components that look like tokens are `…`.
    pub public: String,
    pub scheme: String,
    /// With the port, lower case.
    pub host: String,
    pub user: Option<String>,
    pub password: Option<String>,
    /// Query parameters and path components that look secret, with a name for each.
    pub hidden: Vec<(String, String)>,
}

impl Address {
    /// None for what is no address with a host: then nothing of the text may be shown.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let is_scheme = !scheme.is_empty()
            && scheme.len() <= 40
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
        if !is_scheme {
            return None;
        }
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // A password may itself hold an `@` that nobody escaped.
        let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let is_host = !host.is_empty()
            && host.len() <= 300
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]%,*".contains(&byte));
        if !is_host {
            return None;
        }
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let mut hidden = Vec::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or(("", pair));
            if crate::dossier::tells_secret(name)
                || name.eq_ignore_ascii_case("key")
                || looks_random(value)
            {
                let name = if looks_random(name) { "query" } else { name };
                hidden.push((name.to_owned(), decoded(value)));
            }
        }
        let mut shown = Vec::new();
        for component in path.split('/') {
            if looks_random(component) {
                hidden.push(("path".into(), decoded(component)));
                shown.push("…");
            } else {
                shown.push(component);
            }
        }
        let (scheme, host) = (scheme.to_lowercase(), host.to_lowercase());
        let mut public = format!("{scheme}://{host}");
        let path = shown.join("/");
        if !path.is_empty() {
            public.push('/');
            public.push_str(&path);
        }
        let stated = |text: &str| (!text.is_empty()).then(|| decoded(text));
        Some(Self { public, scheme, host, user: stated(user), password: stated(password), hidden })
    }
}

/// Parameters of a query that say which version of a thing is meant and can hold no secret.
const PUBLIC_PARAMETERS: &[&str] =
    &["api-version", "archive", "branch", "depth", "ref", "region", "sslmode", "tag", "version"];

/// A text for people and records, the addresses in it without logins, fragments and parameters that
/// could be a secret. What has no address in it is the same text.
///
/// Paths stay whole: issuers and tenants have ids in theirs that look made by a machine. Where a
/// path may be a secret, [`Address::parse`] is the way.
pub fn public_text(text: &str) -> Cow<'_, str> {
    if !text.contains("//") {
        return Cow::Borrowed(text);
    }
    let ends_address = |c: char| c.is_whitespace() || c.is_control() || "\"'<>`|;()".contains(c);
    let mut public = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("//") {
        let has_scheme = before.ends_with(':');
        let is_start = before.is_empty() || before.ends_with(ends_address);
        public.push_str(before);
        public.push_str("//");
        rest = after;
        if has_scheme || is_start {
            let end = after.find(ends_address).unwrap_or(after.len());
            let (address, behind) = after.split_at_checked(end).unwrap_or((after, ""));
            public.push_str(&public_rest(address));
            rest = behind;
        }
    }
    public.push_str(rest);
    if public == text { Cow::Borrowed(text) } else { Cow::Owned(public) }
}

/// What follows the `//` of an address.
fn public_rest(address: &str) -> String {
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (authority, rest) = address.split_at_checked(end).unwrap_or((address, ""));
    let host = public_host(authority);
    // A `/` within a password that nobody escaped: where the login ends is anybody's guess.
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit() || b"]*".contains(&byte));
    if !is_port && !port.contains(['$', '{', '%', ']']) && rest.contains('@') {
        return "…".into();
    }
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let name = pair.split_once('=').map_or("", |(name, _)| name);
            PUBLIC_PARAMETERS.contains(&name)
        })
        .collect();
    let mut public = format!("{host}{path}");
    if !kept.is_empty() {
        public.push('?');
        public.push_str(&kept.join("&"));
    }
    public
}

/// The host of `user:password@host`, with its port.
pub fn public_host(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// A comment, a description or a condition with `…` in place of what could be a secret: what
/// follows an option or variable whose name tells or is compared with it, a password of
/// `-u user:password`, words that look made by a machine. What is a command line for certain has
/// [`crate::command_line`].
pub fn public_command(text: &str) -> String {
    public_words(text, true)
}

/// The words of a text, quoted ones in one piece with their quotes. Only a quote at the start of a
/// word or value that is closed again is one: people write `don't`.
fn quoted_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut end = rest.len();
        let mut previous = ' ';
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            if c.is_whitespace() {
                end = at;
                break;
            }
            if matches!(c, '"' | '\'') && matches!(previous, ' ' | '=' | ':' | '(' | ',') {
                let after = chars.as_str();
                // A longer quotation is none that people write: looking for its end stays cheap.
                if let Some(n) = after.bytes().take(MAX_QUOTED).position(|b| char::from(b) == c) {
                    chars = rest.char_indices();
                    chars.by_ref().take_while(|(here, _)| *here < at + 1 + n).for_each(drop);
                }
            }
            previous = c;
        }
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        words.push(word);
        rest = after.trim_start();
    }
    words
}

fn public_words(text: &str, with_quotations: bool) -> String {
    let mut holds = false;
    credentials::find(text.as_bytes(), &mut |_| holds = true);
    let mut words: Vec<String> = Vec::new();
    // What the next word is: nothing special, a value of a telling name, a login.
    let (mut is_value, mut is_login, mut is_compared) = (false, false, false);
    for word in quoted_words(text) {
        let bare = word.trim_matches(['"', '\'']);
        let is_operator = matches!(bare, "=" | "==" | "!=" | "=~" | ":");
        let (name, value) = match bare.split_once('=') {
            Some((name, value)) if !is_operator => (name, Some(value)),
            _ => (bare.strip_suffix(':').unwrap_or(bare), None),
        };
        let is_option = name.starts_with('-');
        let is_quotation = with_quotations && value.is_none() && word.contains(char::is_whitespace);
        let tells = crate::dossier::tells_secret(name.trim_start_matches(['-', '$', '{']))
            || matches!(name, "-p" | "-H" | "--header" | "-pass" | "--pass");
        let tells = tells && !is_quotation;
        let shown = if is_value && !is_operator && !(is_option && value.is_none()) {
            "…".to_owned()
        } else if let Some(value) = value.filter(|value| tells && !value.is_empty()) {
            let sign = if value.starts_with('=') { "==" } else { "=" };
            format!("{name}{sign}…")
        } else if is_login && let Some((user, _)) = bare.split_once(':') {
            format!("{user}:…")
        } else if bare.len() > 2 && bare.starts_with("-p") && !bare.starts_with("-p=") && holds {
            "-p…".to_owned()
        } else if with_quotations && word.contains(char::is_whitespace) {
            let quotes: &[char] = &['"', '\''];
            let (before, quoted) = word.split_once(quotes).unwrap_or(("", word));
            let quote = word.chars().find(|c| quotes.contains(c)).unwrap_or('"');
            format!(
                "{before}{quote}{}{quote}",
                public_words(quoted.trim_end_matches(quotes), false)
            )
        } else {
            public_text(word).into_owned()
        };
        // `'literal' == $PASSWORD`: what stands before the sign is the value.
        let is_after_literal = is_compared && tells;
        if is_after_literal && let [.., literal, _] = words.as_mut_slice() {
            "…".clone_into(literal);
        }
        is_compared = is_operator && bare != ":";
        let is_hidden = !shown.contains('/') && shown.split('=').any(looks_random);
        words.push(if is_hidden { "…".to_owned() } else { shown });
        let goes_on = is_operator || is_value && bare.eq_ignore_ascii_case("bearer");
        is_value = (is_value && goes_on)
            || (tells && !is_after_literal && value.is_none_or(str::is_empty));
        is_login = matches!(bare, "-u" | "--user");
    }
    if !holds {
        return words.join(" ");
    }
    // What the recogniser knows as a secret and still stands there: only the program is told.
    let public = words.join(" ");
    let mut still_holds = false;
    credentials::find(public.as_bytes(), &mut |_| still_holds = true);
    match words.first() {
        Some(program) if still_holds => format!("{program} …"),
        _ => public,
    }
}

/// A quotation longer than this is read as words.
const MAX_QUOTED: usize = 1_000;

/// Whether a word looks like a token and not like a name: long, without separators, with digits
/// among letters. Words of the dictionary, versions and dates are not.
pub fn looks_random(word: &str) -> bool {
    let word = word.trim_end_matches('=');
    let n_digits = word.bytes().filter(u8::is_ascii_digit).count();
    let n_letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    let longest = word.split(|c: char| !c.is_ascii_alphanumeric()).map(str::len).max().unwrap_or(0);
    word.len() >= 20 && longest >= 12 && n_digits >= 2 && n_letters >= 4
        || longest >= 40
        || longest >= 20 && mixes_case(word)
        || longest >= 16 && n_digits >= 3 && n_letters >= 3
}

/// Upper and lower case in turn, as base64 has them and names do not.
fn mixes_case(word: &str) -> bool {
    let turns = word
        .as_bytes()
        .windows(2)
        .filter(|pair| match pair {
            [a, b] => a.is_ascii_lowercase() && b.is_ascii_uppercase(),
            _ => false,
        })
        .count();
    turns >= 4 && turns * 6 >= word.len()
}

/// `%40` and its like, as the server will see them.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_shown_and_what_not() {
        let check = |text: &str, public: &str, login: (&str, &str), hidden: &[(&str, &str)]| {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.public, public, "{text}");
            assert_eq!(
                (address.user.as_deref().unwrap_or(""), address.password.as_deref().unwrap_or("")),
                login,
                "{text}"
            );
            let found: Vec<_> = address
                .hidden
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            assert_eq!(found, hidden, "{text}");
        };
        check("https://mcp.example.com/sse", "https://mcp.example.com/sse", ("", ""), &[]);
        check("https://a:b%40c@Host/x?y=1#z", "https://host/x", ("a", "b@c"), &[]);
        check("https://a:p@ss@host", "https://host", ("a", "p@ss"), &[]);
        check("https://host/mcp?api_key=abc", "https://host/mcp", ("", ""), &[("api_key", "abc")]);
        check(
            "https://actions.example.com/mcp/s/9f86d081884c7d659a2feaa0/sse",
            "https://actions.example.com/mcp/s/…/sse",
            ("", ""),
            &[("path", "9f86d081884c7d659a2feaa0")],
        );
        check("redis://:pw@localhost:6379/0", "redis://localhost:6379/0", ("", "pw"), &[]);
        assert_eq!(Address::parse("not an address"), None);
        assert_eq!(Address::parse("https://${HOST}/x"), None);
        assert_eq!(Address::parse("https:///x"), None);
    }

    #[test]
    fn texts_with_addresses_in_them() {
        let check = |text: &str, expected: &str| assert_eq!(public_text(text), expected, "{text}");
        check("no address, a//b", "no address, a//b");
        check("https://u:p@h.example.org/x?token=a#b", "https://h.example.org/x");
        check(
            "see https://u:p@h/x?token=a, and (http://h2?a=b)",
            "see https://h/x and (http://h2)",
        );
        check("git::https://x:y@h/m.git?ref=v1.2&token=a", "git::https://h/m.git?ref=v1.2");
        check("//u:p@npm.example.org/:_authToken", "//npm.example.org/:_authToken");
        check("https://u:p/w@h/x", "https://…");
        check("https://${HOST}:${PORT}/x", "https://${HOST}:${PORT}/x");
        check(
            "https://h:8443/id/9f86d081884c7d659a2feaa0",
            "https://h:8443/id/9f86d081884c7d659a2feaa0",
        );
        check("a['https://u:p@h/?k=v'].b", "a['https://h/'].b");
    }

    #[test]
    fn commands_without_their_secrets() {
        let check =
            |text: &str, expected: &str| assert_eq!(public_command(text), expected, "{text}");
        check("/usr/bin/systemctl restart app", "/usr/bin/systemctl restart app");
        check("/bin/mysql --password=abc -u root", "/bin/mysql --password=… -u root");
        check("/bin/x --token abc --verbose", "/bin/x --token … --verbose");
        check("/bin/curl -u admin:abc https://u:abc@h/?x=abc", "/bin/curl -u admin:… https://h/");
        check("/bin/env TOKEN=abc PORT=1 /bin/x", "/bin/env TOKEN=… PORT=1 /bin/x");
        check("curl -H Authorization: Bearer abc", "curl -H … … …");
        check(
            "$CI_COMMIT_BRANCH == \"main\" && $TOKEN == \"abc\"",
            "$CI_COMMIT_BRANCH == \"main\" && $TOKEN == …",
        );
        check("/bin/x 9f86d081884c7d659a2feaa0", "/bin/x …");
        check("ALL", "ALL");
        check("PGPASSWORD='Blue Tigger' psql", "PGPASSWORD=… psql");
        check("--http-password \"My Tigger\" x", "--http-password … x");
        check("'\"Tigger\" == $DEPLOY_PASSWORD'", "'… == $DEPLOY_PASSWORD'");
        check("\"Tigger\" == $DEPLOY_PASSWORD", "… == $DEPLOY_PASSWORD");
        check("\"a Tigger\" != $DEPLOY_PASSWORD && $X", "… != $DEPLOY_PASSWORD && $X");
        check("it's Ada's, don't touch", "it's Ada's, don't touch");
        check("says \"use --token Tigger here\" twice", "says \"use --token … here\" twice");
    }

    #[test]
    fn words_are_not_random() {
        for word in [
            "simple",
            "server-filesystem",
            "modelcontextprotocol",
            "2025-06-18",
            "internationalization-service",
            "v1.2.3-beta.4",
        ] {
            assert!(!looks_random(word), "{word}");
        }
        for word in [
            "9f86d081884c7d659a2feaa0",
            "dGhpc0lzTm90QVJlYWxUb2tlbg==",
            "550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert!(looks_random(word), "{word}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart(text in "[a-z]{0,3}(://)?[a-z:@/%?=&#.0-9]{0,60}") {
            drop(Address::parse(&text));
            decoded(&text);
            let public = public_text(&text).into_owned();
            proptest::prop_assert_eq!(public_text(&public), public.as_str());
            public_command(&text);
        }
    }
}
