//! Patterns in which `*` stands for any text and `?` for one character.

/// Whether letters of ASCII differ by case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Matters,
    Ignored,
}

/// A piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Any,
}

/// A pattern over whole texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    tokens: Vec<Token>,
    case: Case,
    shape: Shape,
}

/// What most patterns are, and is compared faster than piece by piece.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Any,
    Whole(Box<str>),
    /// A text and one `*` behind it.
    Start(Box<str>),
    Other,
}

impl Shape {
    fn of(tokens: &[Token]) -> Self {
        let texts = |tokens: &[Token]| {
            let each = tokens.iter().map(|token| match token {
                Token::Char(c) => Some(*c),
                _ => None,
            });
            each.collect::<Option<String>>()
        };
        match tokens {
            [Token::Any] => Self::Any,
            [start @ .., Token::Any] => {
                texts(start).map_or(Self::Other, |text| Self::Start(text.into()))
            }
            all => texts(all).map_or(Self::Other, |text| Self::Whole(text.into())),
        }
    }
}

impl Glob {
    pub fn new(pattern: &str, case: Case) -> Self {
        let token = |c| match c {
            '*' => Token::Any,
            '?' => Token::One,
            c => Token::Char(c),
        };
        Self::of(pattern.chars().map(token), case)
    }

    /// A pattern that only the text itself matches.
    pub fn literal(text: &str, case: Case) -> Self {
        Self::of(text.chars().map(Token::Char), case)
    }

    pub fn of(tokens: impl IntoIterator<Item = Token>, case: Case) -> Self {
        let mut kept: Vec<Token> = Vec::new();
        for token in tokens {
            // `**` says no more than `*`.
            if token != Token::Any || kept.last() != Some(&Token::Any) {
                kept.push(match token {
                    Token::Char(c) if case == Case::Ignored => Token::Char(c.to_ascii_lowercase()),
                    token => token,
                });
            }
        }
        let shape = Shape::of(&kept);
        Self { tokens: kept, case, shape }
    }

    /// As a policy writes it, where none of its characters is a wildcard meant as itself.
    pub fn written(&self) -> String {
        let written = |token: &Token| match token {
            Token::Any => '*',
            Token::One => '?',
            Token::Char(c) => *c,
        };
        self.tokens.iter().map(written).collect()
    }

    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    pub const fn case(&self) -> Case {
        self.case
    }

    /// Whether every text matches.
    pub fn is_any(&self) -> bool {
        self.shape == Shape::Any
    }

    /// Time grows with the product of both lengths at worst.
    pub fn matches(&self, text: &str) -> bool {
        match &self.shape {
            Shape::Any => true,
            Shape::Whole(whole) => self.is_same(text.as_bytes(), whole.as_bytes()),
            Shape::Start(start) => {
                let first = text.as_bytes().get(..start.len());
                first.is_some_and(|first| self.is_same(first, start.as_bytes()))
            }
            Shape::Other => self.matches_slowly(text),
        }
    }

    fn is_same(&self, one: &[u8], other: &[u8]) -> bool {
        match self.case {
            Case::Matters => one == other,
            Case::Ignored => one.eq_ignore_ascii_case(other),
        }
    }

    fn matches_slowly(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        // Where to go on when the text after the last `*` turns out to be another one.
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if let Some(Token::Any) = self.tokens.get(at) {
                at += 1;
                again = Some((at, rest.clone()));
                continue;
            }
            let here = rest.next();
            let fits = match (self.tokens.get(at), here) {
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
