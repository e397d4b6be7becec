//! Patterns in which `*` stands for any text and `?` for one character.

/// Whether letters of ASCII differ by case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Case {
    Matters,
    Ignored,
}

/// A piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Any,
}

impl Token {
    /// What a character of a pattern stands for.
    pub const fn of(c: char) -> Self {
        match c {
            '*' => Self::Any,
            '?' => Self::One,
            c => Self::Char(c),
        }
    }

    const fn written(self) -> char {
        match self {
            Self::Any => '*',
            Self::One => '?',
            Self::Char(c) => c,
        }
    }
}

fn fold(text: &str, case: Case) -> Box<str> {
    let mut text: Box<str> = text.into();
    if case == Case::Ignored {
        text.make_ascii_lowercase();
    }
    text
}

/// A pattern over whole texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    /// Without wildcards that say nothing more; letters in lower case where case is ignored.
    written: Box<str>,
    case: Case,
    shape: Shape,
}

/// What most patterns are, and is compared faster than piece by piece.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shape {
    Any,
    /// No wildcard.
    Whole,
    /// A text and one `*` behind it.
    Start,
    Other(Box<[Token]>),
}

impl Glob {
    pub fn new(pattern: &str, case: Case) -> Self {
        let (start, wildcards) = match pattern.find(['*', '?']) {
            Some(at) => pattern.split_at(at),
            None => (pattern, ""),
        };
        if wildcards.bytes().any(|byte| byte != b'*') {
            return Self::of(pattern.chars().map(Token::of), case);
        }
        let shape = match (start, wildcards) {
            (_, "") => Shape::Whole,
            ("", _) => Shape::Any,
            _ => Shape::Start,
        };
        // `**` says no more than `*`.
        let written = pattern.get(..start.len() + wildcards.len().min(1)).unwrap_or(pattern);
        Self { written: fold(written, case), case, shape }
    }

    /// A pattern that only the text itself matches.
    pub fn literal(text: &str, case: Case) -> Self {
        Self { written: fold(text, case), case, shape: Shape::Whole }
    }

    pub fn of(tokens: impl IntoIterator<Item = Token>, case: Case) -> Self {
        let mut kept: Vec<Token> = Vec::new();
        for token in tokens {
            if token != Token::Any || kept.last() != Some(&Token::Any) {
                kept.push(match token {
                    Token::Char(c) if case == Case::Ignored => Token::Char(c.to_ascii_lowercase()),
                    token => token,
                });
            }
        }
        let is_char = |token: &Token| matches!(token, Token::Char(_));
        let written: String = kept.iter().map(|token| token.written()).collect();
        let shape = match kept.as_slice() {
            [Token::Any] => Shape::Any,
            [start @ .., Token::Any] if start.iter().all(is_char) => Shape::Start,
            all if all.iter().all(is_char) => Shape::Whole,
            _ => Shape::Other(kept.into()),
        };
        Self { written: written.into(), case, shape }
    }

    /// As a policy writes it, where none of its characters is a wildcard meant as itself.
    pub fn written(&self) -> &str {
        &self.written
    }

    pub fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<Token> = match &self.shape {
            Shape::Other(tokens) => return tokens.to_vec(),
            Shape::Any => Vec::new(),
            Shape::Whole => self.written.chars().map(Token::Char).collect(),
            Shape::Start => self.start().chars().map(Token::Char).collect(),
        };
        if matches!(self.shape, Shape::Any | Shape::Start) {
            tokens.push(Token::Any);
        }
        tokens
    }

    pub const fn case(&self) -> Case {
        self.case
    }

    /// Without the `*` at its end.
    fn start(&self) -> &str {
        self.written.strip_suffix('*').unwrap_or(&self.written)
    }

    /// The only text that matches, but for its case.
    pub fn whole(&self) -> Option<&str> {
        (self.shape == Shape::Whole).then_some(&*self.written)
    }

    /// Whether every text matches.
    pub fn is_any(&self) -> bool {
        self.shape == Shape::Any
    }

    /// Time grows with the product of both lengths at worst.
    pub fn matches(&self, text: &str) -> bool {
        match &self.shape {
            Shape::Any => true,
            Shape::Whole => self.is_same(text.as_bytes(), self.written.as_bytes()),
            Shape::Start => {
                let start = self.start().as_bytes();
                text.as_bytes().get(..start.len()).is_some_and(|first| self.is_same(first, start))
            }
            Shape::Other(tokens) => self.matches_slowly(tokens, text),
        }
    }

    fn is_same(&self, one: &[u8], other: &[u8]) -> bool {
        match self.case {
            Case::Matters => one == other,
            Case::Ignored => one.eq_ignore_ascii_case(other),
        }
    }

    fn matches_slowly(&self, tokens: &[Token], text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        // Where to go on when the text after the last `*` turns out to be another one.
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if let Some(Token::Any) = tokens.get(at) {
                at += 1;
                again = Some((at, rest.clone()));
                continue;
            }
            let here = rest.next();
            let fits = match (tokens.get(at), here) {
                (None, None) => return true,
                (Some(Token::One), Some(_)) => true,
                (Some(Token::Char(wanted)), Some(c)) => *wanted == self.folded(c),
                _ => false,
            };
            if fits {
                at += 1;
                continue;
            }
            // Nothing is left of the text: no later start can fit either.
            if here.is_none() {
                return false;
            }
            let Some((after, from)) = &mut again else { return false };
            if from.next().is_none() {
                return false;
            }
            at = *after;
            rest = from.clone();
        }
    }

    const fn folded(&self, c: char) -> char {
        match self.case {
            Case::Matters => c,
            Case::Ignored => c.to_ascii_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each `*` takes nothing, or one character and stays.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                naive(rest, text) || (!text.is_empty() && naive(pattern, &text[1..]))
            }
            (['?', rest @ ..], [_, after @ ..]) => naive(rest, after),
            ([c, rest @ ..], [d, after @ ..]) => c == d && naive(rest, after),
            _ => false,
        }
    }

    #[test]
    fn whole_texts_match() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("?", "ä", true),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "aXbYb", false),
            ("*aab", "aaaab", true),
            ("s3:Get*", "s3:getObject", false),
        ] {
            assert_eq!(Glob::new(pattern, Case::Matters).matches(text), wanted, "{pattern} {text}");
        }
        assert!(Glob::new("s3:Get*", Case::Ignored).matches("S3:getobject"));
        assert!(Glob::literal("*", Case::Matters).matches("*"));
        assert!(!Glob::literal("*", Case::Matters).matches("a"));
        let hostile = "*a".repeat(200) + "b";
        assert!(!Glob::new(&hostile, Case::Matters).matches(&"a".repeat(5_000)));
    }

    proptest! {
        #[test]
        fn agrees_with_trying_everything(pattern in "[ab?*]{0,8}", text in "[abä]{0,10}") {
            let chars: (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            let wanted = naive(&chars.0, &chars.1);
            prop_assert_eq!(Glob::new(&pattern, Case::Matters).matches(&text), wanted);
        }
    }
}
