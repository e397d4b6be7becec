//! Jenkinsfiles: which stored credentials a pipeline takes, and on which agents it runs.
//!
//! Groovy is a programming language, so this is not a parser: comments are dropped, strings are kept
//! whole, and the few calls by which credentials are taken are looked for. What a library does, or
//! an id that is put together when it runs, is not seen.

use std::collections::BTreeSet;

use model::{Fact, GapReason};

use super::ci::{self, Names};
use super::cloud;
use super::reading::Reading;

/// A Jenkinsfile with more tokens than this is read up to here.
const MAX_TOKENS: usize = 200_000;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
}

pub(super) fn jenkinsfile(reading: &mut Reading<'_>) {
    let text = reading.text();
    let (tokens, is_whole) = tokens(&text);
    if !is_whole {
        reading.gap(GapReason::TooLarge, format!("more than {MAX_TOKENS} tokens"));
    }
    let mut identity = ci::pipeline(reading, "jenkins");
    let mut names = Names::new();
    let mut agents = BTreeSet::new();
    let mut libraries = BTreeSet::new();
    let mut roles = Vec::new();
    for (n, (token, line)) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        let next = |skip: usize| tokens.get(n + skip).map(|(token, _)| token);
        // `name: 'x'`, `name('x')` and `name 'x'`.
        let argument = match (next(1), next(2)) {
            (Some(Token::Mark(':' | '(')), Some(Token::Text(text))) => Some(text),
            (Some(Token::Text(text)), _) => Some(text),
            _ => None,
        };
        let Some(argument) = argument else { continue };
        match word.as_str() {
            "credentialsId" | "credentials" | "sshagent" | "sshUserPrivateKey" => {
                ci::note(&mut names, argument.clone(), *line);
            }
            "label" | "agent" | "node" => {
                agents.insert(argument.clone());
            }
            "library" | "Library" => {
                libraries.insert(argument.clone());
            }
            "role" | "roleArn" if cloud::iam_arn(argument).is_some() => {
                roles.push((argument.clone(), *line));
            }
            _ => {}
        }
    }
    // `sshagent(['a', 'b'])` and `sshagent(credentials: ['a'])` take several.
    for (name, line) in listed(&tokens) {
        ci::note(&mut names, name, line);
    }
    if !agents.is_empty() {
        identity.fact("runners", Fact::known(agents.into_iter().collect::<Vec<_>>()));
    }
    if !libraries.is_empty() {
        identity.fact("libraries", Fact::known(libraries.into_iter().collect::<Vec<_>>()));
    }
    for (role, line) in roles {
        let role = cloud::aws_role(reading, &role, line);
        ci::uses(reading, "assume-role", &identity, role, line);
    }
    ci::secrets(reading, &mut identity, "", &names);
    reading.batch.identities.push(identity);
}

/// Texts in the list that follows `sshagent` or `credentials`.
fn listed(tokens: &[(Token, u32)]) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut depth: Option<u32> = None;
    for (n, (token, line)) in tokens.iter().enumerate() {
        match token {
            Token::Word(word) if word == "sshagent" => depth = Some(0),
            Token::Word(word) if word == "credentials" && depth.is_none() => {
                let opens = |skip: usize| tokens.get(n + skip).map(|(token, _)| token.clone());
                if opens(1) == Some(Token::Mark(':')) && opens(2) == Some(Token::Mark('[')) {
                    depth = Some(0);
                }
            }
            Token::Mark('[') => depth = depth.map(|depth| depth + 1),
            Token::Mark(']' | '{') => depth = None,
            Token::Text(text) if depth.is_some_and(|depth| depth > 0) => {
                found.push((text.clone(), *line));
            }
            _ => {}
        }
    }
    found
}

fn tokens(text: &str) -> (Vec<(Token, u32)>, bool) {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if tokens.len() >= MAX_TOKENS {
            return (tokens, false);
        }
        match c {
            '\n' => line += 1,
            '/' if rest.peek() == Some(&'/') => {
                while rest.peek().is_some_and(|c| *c != '\n') {
                    rest.next();
                }
            }
            '/' if rest.peek() == Some(&'*') => {
                let mut before = ' ';
                rest.next();
                for c in rest.by_ref() {
                    line += u32::from(c == '\n');
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
            }
            '"' | '\'' => {
                let start = line;
                let mut value = String::new();
                let mut n_quotes = 1;
                while rest.peek() == Some(&c) && n_quotes < 3 {
                    rest.next();
                    n_quotes += 1;
                }
                if n_quotes == 2 {
                    tokens.push((Token::Text(value), start));
                    continue;
                }
                let mut n_closing = 0;
                while let Some(inner) = rest.next() {
                    line += u32::from(inner == '\n');
                    if inner == '\\' {
                        rest.next();
                        n_closing = 0;
                    } else if inner == c {
                        n_closing += 1;
                        if n_closing == n_quotes {
                            break;
                        }
                    } else {
                        n_closing = 0;
                        value.push(inner);
                    }
                }
                tokens.push((Token::Text(value), start));
            }
            c if c.is_alphanumeric() || c == '_' || c == '@' => {
                let mut word = String::new();
                if c != '@' {
                    word.push(c);
                }
                while let Some(c) =
                    rest.peek().copied().filter(|c| c.is_alphanumeric() || *c == '_')
                {
                    word.push(c);
                    rest.next();
                }
                tokens.push((Token::Word(word), line));
            }
            c if c.is_whitespace() => {}
            c => tokens.push((Token::Mark(c), line)),
        }
    }
    (tokens, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings() {
        let text = "// credentials('no')\n/* credentials('no') */ a = credentials('yes') \"\"\"x\ny\"\"\" 'it\\'s' ''";
        let texts: Vec<_> = tokens(text)
            .0
            .into_iter()
            .filter_map(|(token, line)| match token {
                Token::Text(text) => Some((text, line)),
                _ => None,
            })
            .collect();
        let expected = [("yes", 2), ("x\ny", 2), ("its", 3), ("", 3)];
        assert_eq!(texts, expected.map(|(text, line)| (text.to_owned(), line)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_tokens(text: String) {
            tokens(&text);
        }
    }
}
