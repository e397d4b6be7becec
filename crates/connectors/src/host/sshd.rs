//! The syntax of `sshd_config` (sshd_config(5)): keywords, quoted arguments, `Match` blocks.

/// A line of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    pub line: u32,
    /// Lower case: keywords are not case-sensitive.
    pub keyword: String,
    pub arguments: Vec<String>,
}

pub(super) fn parse(text: &str) -> Vec<Directive> {
    let mut lines = Vec::new();
    for (line, row) in (1..).zip(text.lines()) {
        let row = row.trim();
        if row.is_empty() || row.starts_with('#') {
            continue;
        }
        let at = row.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(row.len());
        let (keyword, rest) = row.split_at(at);
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
        let arguments = arguments(rest);
        if !arguments.is_empty() {
            lines.push(Directive { line, keyword: keyword.to_ascii_lowercase(), arguments });
        }
    }
    lines
}

/// Words, in quotes or not, up to a comment.
fn arguments(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut begun) = (false, false);
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            '#' if !quoted && !begun => break,
            c if c.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                begun = true;
                word.push(c);
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_configuration() {
        let text = "# x\nPermitRootLogin no # why\nAuthorizedKeysFile \"/a b/%u\" .ssh/k\nInclude=/etc/x\nBare\n  Match User ada\n";
        let lines: Vec<_> = parse(text)
            .into_iter()
            .map(|line| format!("{} {} {:?}", line.line, line.keyword, line.arguments))
            .collect();
        assert_eq!(
            lines,
            [
                "2 permitrootlogin [\"no\"]",
                "3 authorizedkeysfile [\"/a b/%u\", \".ssh/k\"]",
                "4 include [\"/etc/x\"]",
                "6 match [\"User\", \"ada\"]",
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text(text: String) {
            parse(&text);
        }
    }
}
