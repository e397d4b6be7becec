//! Addresses (URLs) from configuration, taken apart so that the part that may be shown and the
//! parts that are secret never mix.

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
        }
    }
}
