//! What a verdict depends on: conditions on keys nobody knows, joined by and, or and not.

use std::collections::BTreeSet;

use serde::Serialize;

/// A condition on one key of the context, without negation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Literal {
    /// In lower case.
    pub key: String,
    /// As policies name it; `Variable` for a policy variable, whose values are the text it stands in
    /// and the text that this has to match.
    pub operator: String,
    pub values: Vec<String>,
}

/// A literal of a residual, for a reader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Condition {
    pub key: String,
    pub operator: String,
    pub values: Vec<String>,
    pub negated: bool,
}

/// Never holds a constant inside another formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Formula {
    Is(bool),
    Literal(Box<Literal>),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

/// When a formula holds, as an or of ands; more than [`MAX_CUBES`] are not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Residual {
    pub(super) cubes: Vec<Vec<Condition>>,
    pub(super) is_cut: bool,
}

/// Of a residual, so many alternatives are told.
pub const MAX_CUBES: usize = 256;

/// Formulas over at most so many conditions are tried with each way these may turn out; larger ones
/// may be called conditional though they are not.
const MAX_TRIED: usize = 12;

type Cube = BTreeSet<(Literal, bool)>;

impl From<bool> for Formula {
    fn from(is_so: bool) -> Self {
        Self::Is(is_so)
    }
}

impl Formula {
    pub(super) const TRUE: Self = Self::Is(true);
    pub(super) const FALSE: Self = Self::Is(false);

    pub(super) fn literal(literal: Literal) -> Self {
        Self::Literal(Box::new(literal))
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Is(is_so) => Self::Is(!is_so),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Is(true) => {}
                Self::Is(false) => return Self::FALSE,
                part => kept.push(part),
            }
        }
        match kept.pop() {
            None => Self::TRUE,
            Some(last) if kept.is_empty() => last,
            Some(last) => {
                kept.push(last);
                Self::All(kept)
            }
        }
    }

    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Is(false) => {}
                Self::Is(true) => return Self::TRUE,
                part => kept.push(part),
            }
        }
        match kept.pop() {
            None => Self::FALSE,
            Some(last) if kept.is_empty() => last,
            Some(last) => {
                kept.push(last);
                Self::Any(kept)
            }
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self::all([self, other])
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self::any([self, other])
    }

    pub(super) const fn is_false(&self) -> bool {
        matches!(self, Self::Is(false))
    }

    pub(super) const fn is_true(&self) -> bool {
        matches!(self, Self::Is(true))
    }

    /// A constant, where every way that the conditions may turn out gives the same.
    pub(super) fn settled(self) -> Self {
        let mut literals = BTreeSet::new();
        self.literals(&mut literals);
        if literals.is_empty() || literals.len() > MAX_TRIED {
            return self;
        }
        let literals: Vec<&Literal> = literals.into_iter().collect();
        let mut outcomes = (0_u32..1 << literals.len()).map(|ways| {
            self.holds(&|wanted| {
                let n = literals.iter().position(|literal| *literal == wanted);
                n.is_some_and(|n| ways & (1 << n) != 0)
            })
        });
        let first = outcomes.next();
        match first {
            Some(first) if outcomes.all(|outcome| outcome == first) => Self::Is(first),
            _ => self,
        }
    }

    fn literals<'f>(&'f self, found: &mut BTreeSet<&'f Literal>) {
        match self {
            Self::Is(_) => {}
            Self::Literal(literal) => {
                found.insert(literal);
            }
            Self::Not(inner) => inner.literals(found),
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.literals(found);
                }
            }
        }
    }

    fn holds(&self, value: &dyn Fn(&Literal) -> bool) -> bool {
        match self {
            Self::Is(is_so) => *is_so,
            Self::Literal(literal) => value(literal),
            Self::Not(inner) => !inner.holds(value),
            Self::All(parts) => parts.iter().all(|part| part.holds(value)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(value)),
        }
    }

    pub(super) fn residual(&self) -> Residual {
        let mut is_cut = false;
        let cubes = self.cubes(true, &mut is_cut);
        let mut cubes: Vec<Vec<Condition>> = cubes
            .into_iter()
            .map(|cube| {
                let told = cube.into_iter().map(|(literal, is_so)| Condition {
                    key: literal.key,
                    operator: literal.operator,
                    values: literal.values,
                    negated: !is_so,
                });
                told.collect()
            })
            .collect();
        cubes.sort();
        Residual { cubes, is_cut }
    }

    /// The alternatives under which it turns out as wanted. Contradictions and alternatives that
    /// another one covers are left out.
    fn cubes(&self, wanted: bool, is_cut: &mut bool) -> Vec<Cube> {
        match self {
            Self::Is(is_so) if *is_so == wanted => vec![Cube::new()],
            Self::Is(_) => Vec::new(),
            Self::Literal(literal) => vec![Cube::from([((**literal).clone(), wanted)])],
            Self::Not(inner) => inner.cubes(!wanted, is_cut),
            Self::All(parts) if wanted => product(parts, wanted, is_cut),
            Self::Any(parts) if !wanted => product(parts, wanted, is_cut),
            Self::All(parts) | Self::Any(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    for cube in part.cubes(wanted, is_cut) {
                        push(&mut all, cube, is_cut);
                    }
                }
                all
            }
        }
    }
}

fn product(parts: &[Formula], wanted: bool, is_cut: &mut bool) -> Vec<Cube> {
    let mut all = vec![Cube::new()];
    for part in parts {
        let more = part.cubes(wanted, is_cut);
        let mut both = Vec::new();
        for cube in &all {
            for other in &more {
                let joined: Cube = cube.union(other).cloned().collect();
                let contradicts = joined
                    .iter()
                    .any(|(literal, is_so)| joined.contains(&(literal.clone(), !is_so)));
                if !contradicts {
                    push(&mut both, joined, is_cut);
                }
            }
        }
        all = both;
    }
    all
}

fn push(all: &mut Vec<Cube>, cube: Cube, is_cut: &mut bool) {
    if all.iter().any(|known| known.is_subset(&cube)) {
        return;
    }
    all.retain(|known| !cube.is_subset(known));
    if all.len() < MAX_CUBES {
        all.push(cube);
    } else {
        *is_cut = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(key: &str) -> Formula {
        let values = vec!["x".to_owned()];
        Formula::literal(Literal { key: key.into(), operator: "StringEquals".into(), values })
    }

    fn told(formula: &Formula) -> String {
        let residual = formula.residual();
        let sign = |one: &Condition| if one.negated { "!" } else { "" };
        let cube = |cube: &Vec<Condition>| {
            let parts: Vec<String> =
                cube.iter().map(|one| format!("{}{}", sign(one), one.key)).collect();
            parts.join("&")
        };
        residual.cubes.iter().map(cube).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn residuals_are_alternatives() {
        let [a, b, c] = [literal("a"), literal("b"), literal("c")];
        let allowed = a.clone().or(b.clone());
        assert_eq!(told(&allowed.clone().and(c.clone().not())), "a&!c | b&!c");
        assert_eq!(told(&allowed.and(a.clone().and(c).not())), "a&!c | !a&b | b&!c");
        assert_eq!(told(&a.clone().or(a.clone().and(b.clone()))), "a");
        assert_eq!(a.clone().or(a.clone().not()).settled(), Formula::TRUE);
        assert_eq!(a.clone().and(a.clone().not()).settled(), Formula::FALSE);
        assert_eq!(a.clone().and(b.clone()).settled(), a.and(b));
    }
}
