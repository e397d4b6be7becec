//! What a verdict depends on: conditions on keys nobody knows, joined by and, or and not.

use std::collections::{BTreeMap, BTreeSet};

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

/// Steps that are spent on finding alternatives and on trying what may turn out.
const MAX_STEPS: usize = 1 << 22;

/// Literals by their number, and whether each is negated.
type Cube = BTreeSet<(usize, bool)>;

/// Finds alternatives, with so many steps left.
struct Search<'f> {
    numbers: BTreeMap<&'f Literal, usize>,
    steps_left: usize,
    is_cut: bool,
}

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
        let n_nodes = self.literals(&mut literals);
        let n_ways = 1 << literals.len().min(MAX_TRIED);
        if literals.is_empty() || literals.len() > MAX_TRIED || n_nodes * n_ways > MAX_STEPS {
            return self;
        }
        let numbers: BTreeMap<&Literal, usize> = literals.into_iter().zip(0..).collect();
        let mut outcomes = (0..n_ways).map(|way| {
            self.holds(&|literal| numbers.get(literal).is_some_and(|n| way & (1 << n) != 0))
        });
        let first = outcomes.next();
        match first {
            Some(first) if outcomes.all(|outcome| outcome == first) => Self::Is(first),
            _ => self,
        }
    }

    /// Gathers the literals; gives the number of nodes.
    fn literals<'f>(&'f self, found: &mut BTreeSet<&'f Literal>) -> usize {
        match self {
            Self::Is(_) => 1,
            Self::Literal(literal) => {
                found.insert(literal);
                1
            }
            Self::Not(inner) => 1 + inner.literals(found),
            Self::All(parts) | Self::Any(parts) => {
                1 + parts.iter().map(|part| part.literals(found)).sum::<usize>()
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

    /// The key of some literal.
    pub(super) fn some_key(&self) -> Option<&str> {
        match self {
            Self::Is(_) => None,
            Self::Literal(literal) => Some(&literal.key),
            Self::Not(inner) => inner.some_key(),
            Self::All(parts) | Self::Any(parts) => parts.iter().find_map(Self::some_key),
        }
    }

    pub(super) fn residual(&self) -> Residual {
        let mut literals = BTreeSet::new();
        self.literals(&mut literals);
        let literals: Vec<&Literal> = literals.into_iter().collect();
        let numbers = literals.iter().copied().zip(0..).collect();
        let mut search = Search { numbers, steps_left: MAX_STEPS, is_cut: false };
        let mut cubes: Vec<Cube> = search.cubes(self, true);
        // In the order of what they say, which is that of their literals.
        cubes.sort_unstable();
        let told = |(n, negated): (usize, bool)| {
            literals.get(n).map(|literal| Condition {
                key: literal.key.clone(),
                operator: literal.operator.clone(),
                values: literal.values.clone(),
                negated,
            })
        };
        let cubes = cubes.into_iter().map(|cube| cube.into_iter().filter_map(told).collect());
        Residual { cubes: cubes.collect(), is_cut: search.is_cut }
    }
}

impl<'f> Search<'f> {
    /// The alternatives under which a formula turns out as wanted. Contradictions and alternatives
    /// that another one covers are left out.
    fn cubes(&mut self, formula: &'f Formula, wanted: bool) -> Vec<Cube> {
        match formula {
            Formula::Is(is_so) if *is_so == wanted => vec![Cube::new()],
            Formula::Is(_) => Vec::new(),
            Formula::Literal(literal) => {
                let number = self.numbers.get(&**literal).copied();
                number.map(|n| Cube::from([(n, !wanted)])).into_iter().collect()
            }
            Formula::Not(inner) => self.cubes(inner, !wanted),
            Formula::All(parts) if wanted => self.product(parts, wanted),
            Formula::Any(parts) if !wanted => self.product(parts, wanted),
            Formula::All(parts) | Formula::Any(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    for cube in self.cubes(part, wanted) {
                        self.push(&mut all, cube);
                    }
                }
                all
            }
        }
    }

    fn product(&mut self, parts: &'f [Formula], wanted: bool) -> Vec<Cube> {
        let mut all = vec![Cube::new()];
        for part in parts {
            let more = self.cubes(part, wanted);
            let mut both = Vec::new();
            for cube in &all {
                for other in &more {
                    let contradicts =
                        other.iter().any(|(n, negated)| cube.contains(&(*n, !negated)));
                    if !contradicts {
                        self.push(&mut both, cube.union(other).copied().collect());
                    }
                }
            }
            all = both;
        }
        // Some parts may not have been looked at any more: what was found says too little.
        if self.steps_left == 0 { Vec::new() } else { all }
    }

    fn push(&mut self, all: &mut Vec<Cube>, cube: Cube) {
        let steps = all.iter().map(Cube::len).sum::<usize>() + cube.len();
        self.steps_left = self.steps_left.saturating_sub(steps);
        if self.steps_left == 0 {
            self.is_cut = true;
            return;
        }
        if all.iter().any(|known| known.is_subset(&cube)) {
            return;
        }
        all.retain(|known| !cube.is_subset(known));
        if all.len() < MAX_CUBES {
            all.push(cube);
        } else {
            self.is_cut = true;
        }
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

    /// However many conditions there are, an answer comes.
    #[test]
    fn residuals_end() {
        let pair = |n: usize| literal(&format!("a{n}")).and(literal(&format!("b{n}"))).not();
        let all = Formula::all((0..2_000).map(pair));
        let residual = all.residual();
        assert!(residual.is_cut);
        assert_eq!(all.clone().settled(), all);
        let few = Formula::all((0..6).map(pair));
        assert_eq!(few.residual().cubes.len(), 64);
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
