//! Texts of a policy with policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`,
//! and `${*}`, `${?}`, `${$}` for the characters themselves.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use crate::glob::{Case, Glob, Token};

use super::context::{Context, Held};
use super::formula::{Formula, Literal};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Wildcards are meant as such where the element or operator has them.
    Text(String),
    /// A character that is meant as itself.
    Char(char),
    Variable {
        /// In lower case.
        key: String,
        default: Option<String>,
    },
}

/// A text as it stands in a policy.
#[derive(Debug, Clone)]
pub(super) struct Template {
    written: String,
    /// Made once where no variable is in it.
    fixed: Option<Glob>,
    pieces: Vec<Piece>,
    manner: Manner,
}

/// How a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) wildcards: bool,
    pub(super) case: Case,
    /// Only policies of version 2012-10-17 have variables.
    pub(super) variables: bool,
}

impl Template {
    pub(super) fn new(text: &str, manner: Manner) -> Self {
        let pieces =
            if manner.variables { pieces(text) } else { vec![Piece::Text(text.to_owned())] };
        let is_fixed = !pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. }));
        let mut template = Self { written: text.to_owned(), fixed: None, pieces, manner };
        if is_fixed {
            template.fixed = template.glob(|_, _| None);
        }
        template
    }

    /// The pattern, where no variable is in it.
    pub(super) const fn fixed(&self) -> Option<&Glob> {
        self.fixed.as_ref()
    }

    /// Keys of its variables, in lower case.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    /// The pattern, with one text in the place of each variable.
    pub(super) fn filled(&self, text: &str) -> Glob {
        let glob = self.glob(|_, _| Some(text.to_owned()));
        glob.unwrap_or_else(|| Glob::literal(&self.written, self.manner.case))
    }

    /// Whether every text matches, whatever the context holds.
    pub(super) fn is_any(&self) -> bool {
        self.fixed.as_ref().is_some_and(Glob::is_any)
    }

    /// Whether a text matches. A variable without a value, or with several, matches nothing.
    pub(super) fn matches(&self, text: &str, context: &Context) -> Formula {
        if let Some(glob) = &self.fixed {
            return glob.matches(text).into();
        }
        let mut unknown = None;
        let glob = self.glob(|key, default| match context.get(key) {
            Held::Unknown => {
                unknown = Some(key.to_owned());
                None
            }
            Held::Absent => default.map(str::to_owned),
            Held::One(value) => Some(value.to_owned()),
            Held::Many(_) => None,
        });
        match (unknown, glob) {
            (Some(key), _) => self.unknown(key, text),
            (None, Some(glob)) => glob.matches(text).into(),
            (None, None) => Formula::FALSE,
        }
    }

    fn unknown(&self, key: String, text: &str) -> Formula {
        // Where the variable may be anything, the rest decides whether any value can fit.
        let widest = self.tokens(|_, _| Some(vec![Token::Any]));
        let can_fit = widest.is_some_and(|tokens| Glob::of(tokens, self.manner.case).matches(text));
        if !can_fit {
            return Formula::FALSE;
        }
        Formula::literal(Literal {
            key,
            operator: "Variable".into(),
            values: vec![self.written.clone(), text.to_owned()],
        })
    }

    /// The pattern with each variable's text in its place; none when one has no text.
    fn glob(&self, mut value: impl FnMut(&str, Option<&str>) -> Option<String>) -> Option<Glob> {
        let literal = |text: String| text.chars().map(Token::Char).collect();
        let tokens = self.tokens(|key, default| value(key, default).map(literal))?;
        Some(Glob::of(tokens, self.manner.case))
    }

    fn tokens(
        &self,
        mut value: impl FnMut(&str, Option<&str>) -> Option<Vec<Token>>,
    ) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => tokens.extend(text.chars().map(|c| match c {
                    '*' if self.manner.wildcards => Token::Any,
                    '?' if self.manner.wildcards => Token::One,
                    c => Token::Char(c),
                })),
                Piece::Char(c) => tokens.push(Token::Char(*c)),
                Piece::Variable { key, default } => tokens.extend(value(key, default.as_deref())?),
            }
        }
        Some(tokens)
    }
}

/// The pieces of a text. What begins like a variable and does not end is text.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else { break };
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(match inside {
            "*" => Piece::Char('*'),
            "?" => Piece::Char('?'),
            "$" => Piece::Char('$'),
            inside => variable(inside),
        });
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    pieces
}

fn variable(inside: &str) -> Piece {
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => (key, Some(default.trim())),
        None => (inside, None),
    };
    let unquoted = |text: &str| {
        text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).map(str::to_owned)
    };
    Piece::Variable { key: key.trim().to_ascii_lowercase(), default: default.and_then(unquoted) }
}
