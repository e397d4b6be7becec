//! Whether two patterns can match one text, and whether one surely matches all that another does.

use crate::glob::{Case, Glob, Token};

use super::super::arn::split_outside_variables;

/// The pattern of an ARN: its parts, or one where it has fewer than six.
#[derive(Debug, Clone)]
pub(super) struct Arn {
    parts: Vec<Vec<Token>>,
    whole: Vec<Token>,
}

impl Arn {
    /// Where there are variables, `${…}` may stand for anything.
    pub(super) fn new(text: &str, variables: bool) -> Self {
        let parts = split_outside_variables(text);
        let parts = parts.into_iter().map(|part| tokens(part, variables)).collect();
        Self { parts, whole: tokens(text, variables) }
    }

    /// Whether there is an ARN that both match. Takes as many steps as the product of their lengths.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        if self.parts.len() == 6 && other.parts.len() == 6 {
            self.parts.iter().zip(&other.parts).all(|(one, other)| overlap(one, other))
        } else {
            overlap(&self.whole, &other.whole)
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.whole.len()
    }
}

fn tokens(text: &str, variables: bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    let end = text.rfind('}').unwrap_or_default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        // What is not closed is text.
        let inside = rest.strip_prefix("${").filter(|_| variables && rest.len() > text.len() - end);
        if let Some((_, behind)) = inside.and_then(|inside| inside.split_once('}')) {
            tokens.push(Token::Any);
            rest = behind;
            continue;
        }
        tokens.push(match c {
            '*' => Token::Any,
            '?' => Token::One,
            c => Token::Char(c.to_ascii_lowercase()),
        });
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    tokens.dedup_by(|one, other| *one == Token::Any && *other == Token::Any);
    tokens
}

/// Whether there is a text that both match.
fn overlap(one: &[Token], other: &[Token]) -> bool {
    // Which beginnings of `other` the beginning of `one` so far has a text in common with.
    let skip = |row: &mut [bool]| {
        // A `*` of the other takes nothing.
        let mut before = false;
        for (n, here) in row.iter_mut().enumerate() {
            *here |= before && n > 0 && other.get(n - 1) == Some(&Token::Any);
            before = *here;
        }
    };
    let mut row = vec![false; other.len() + 1];
    if let Some(first) = row.first_mut() {
        *first = true;
    }
    skip(&mut row);
    for token in one {
        let mut next = vec![false; row.len()];
        let mut before = false;
        for (n, here) in next.iter_mut().enumerate() {
            let up = row.get(n).copied().unwrap_or_default();
            let aslant = n.checked_sub(1).and_then(|n| row.get(n)).copied().unwrap_or_default();
            let theirs = n.checked_sub(1).and_then(|n| other.get(n));
            *here = match (token, theirs) {
                // It takes nothing, or what the other's next takes.
                (Token::Any, theirs) => up || (theirs.is_some() && before),
                (_, Some(Token::Any)) => up || before,
                (Token::One, Some(_)) | (_, Some(Token::One)) => aslant,
                (Token::Char(a), Some(Token::Char(b))) => a == b && aslant,
                (_, None) => false,
            };
            before = *here;
        }
        skip(&mut next);
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A pattern that is compared with many.
pub(super) struct Cover<'t> {
    text: &'t str,
    glob: Glob,
    /// As a text, in which characters that only a wildcard takes stand for the wildcards.
    marked: String,
    /// What stands before the first wildcard.
    start: &'t str,
}

impl<'t> Cover<'t> {
    pub(super) fn new(text: &'t str, case: Case) -> Self {
        let mark = |c| match c {
            '*' => '\u{1}',
            '?' => '\u{2}',
            c => c,
        };
        let start = text.split(['*', '?']).next().unwrap_or_default();
        Self { text, glob: Glob::new(text, case), marked: text.chars().map(mark).collect(), start }
    }

    pub(super) fn is_pattern(&self) -> bool {
        self.start.len() < self.text.len()
    }

    /// Whether it surely matches all that the other does; seldom missed, never wrong.
    pub(super) fn covers(&self, other: &Self) -> bool {
        if (self.text.contains('?') && other.text.contains('*')) || self.text.contains("${") {
            return self.text == other.text;
        }
        self.starts_alike(other) && self.glob.matches(&other.marked)
    }

    /// How long comparing takes: behind equal beginnings, the product of both lengths.
    pub(super) fn n_steps(&self, other: &Self) -> usize {
        let behind = |text: &str| text.len().saturating_sub(self.start.len());
        let n_behind = match behind(self.text) {
            n if n > 1 && self.starts_alike(other) => n.saturating_mul(behind(other.text)),
            _ => 0,
        };
        1 + self.start.len() / 16 + n_behind
    }

    fn starts_alike(&self, other: &Self) -> bool {
        let theirs = other.marked.as_bytes().get(..self.start.len());
        theirs.is_some_and(|theirs| theirs.eq_ignore_ascii_case(self.start.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn overlap_is_a_common_text(one in "[ab?*]{0,5}", other in "[ab?*]{0,5}") {
            let mut texts = vec![String::new()];
            for n in 0..texts.len() + 6 {
                let longest: Vec<String> =
                    texts.iter().filter(|text| text.len() == n).cloned().collect();
                texts.extend(longest.iter().flat_map(|text| ["a", "b"].map(|c| format!("{text}{c}"))));
            }
            let globs = [&one, &other].map(|pattern| Glob::new(pattern, Case::Matters));
            let wanted = texts.iter().any(|text| globs.iter().all(|glob| glob.matches(text)));
            let found = overlap(&tokens(&one, true), &tokens(&other, true));
            // A common text may be longer than those that were tried.
            prop_assert!(found || !wanted, "{} {}", one, other);
            prop_assert_eq!(found, overlap(&tokens(&other, true), &tokens(&one, true)));
            if one.len() + other.len() <= 7 {
                prop_assert_eq!(found, wanted, "{} {}", one, other);
            }
            let [wide, narrow] = [&one, &other].map(|text| Cover::new(text, Case::Matters));
            if wide.covers(&narrow) {
                for text in &texts {
                    prop_assert!(!globs[1].matches(text) || globs[0].matches(text));
                }
            }
        }
    }

    #[test]
    fn variables_are_anything() {
        let overlaps =
            |one: &str, other: &str| Arn::new(one, true).overlaps(&Arn::new(other, true));
        let object = "arn:${Partition}:s3:::${BucketName}/${ObjectName}";
        assert!(overlaps("arn:aws:s3:::a/*", object));
        assert!(overlaps("arn:aws:s3:::${aws:username}", object));
        assert!(!overlaps("arn:aws:s3:::a", object));
        assert!(!overlaps("arn:aws:sqs:*:*:*", object));
    }
}
