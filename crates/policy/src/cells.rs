//! Which sets of patterns some text matches at once, each with such a text.
//!
//! Every pattern is an automaton over positions; their product is walked breadth first, so that the
//! texts are the shortest. Two texts in one cell are alike to all the patterns.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::glob::{Case, Glob, Token};

/// A pattern with more pieces has no automaton here.
pub const MAX_PIECES: usize = 126;
/// The product is walked up to this many states.
pub const MAX_STATES: usize = 20_000;
/// Of all states together, so many positions of patterns are kept: 64 MiB.
pub const MAX_POSITIONS: usize = 4 << 20;
/// What one search may spend on cells: so often a pattern is taken one character further, or held
/// against a text. About a second.
pub const MAX_STEPS: usize = 100_000_000;

/// A text and which of the patterns match it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    /// As many as there are patterns.
    pub matched: Vec<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cells {
    pub found: Vec<Cell>,
    /// Whether there is no other cell.
    pub is_all: bool,
}

/// A pattern as sets of positions, a bit for each.
struct Automaton {
    any: u128,
    one: u128,
    of_char: HashMap<char, u128>,
    case: Case,
    last: u128,
}

impl Automaton {
    fn new(glob: &Glob) -> Option<Self> {
        let tokens = glob.tokens();
        if tokens.len() > MAX_PIECES {
            return None;
        }
        let mut all = Self {
            any: 0,
            one: 0,
            of_char: HashMap::new(),
            case: glob.case(),
            last: 1 << tokens.len(),
        };
        for (n, token) in tokens.iter().enumerate() {
            match token {
                Token::Any => all.any |= 1 << n,
                Token::One => all.one |= 1 << n,
                Token::Char(c) => *all.of_char.entry(*c).or_default() |= 1 << n,
            }
        }
        Some(all)
    }

    /// Positions after the text so far; no two `*` stand side by side.
    const fn closed(&self, positions: u128) -> u128 {
        positions | (positions & self.any) << 1
    }

    fn start(&self) -> u128 {
        self.closed(1)
    }

    fn step(&self, positions: u128, c: char) -> u128 {
        if positions == 0 {
            return 0;
        }
        let c = if self.case == Case::Ignored { c.to_ascii_lowercase() } else { c };
        let of_char = self.of_char.get(&c).copied().unwrap_or_default();
        self.closed((positions & (self.one | of_char)) << 1 | positions & self.any)
    }
}

/// The cells within `base`, in the order of their texts' lengths; those that a preferred text is in
/// come first, with that text. Texts hold none of `without`; an empty one is in no cell when
/// `is_filled`. What it takes comes off `steps_left`; with none left not all are found.
pub fn cells(
    base: &Glob,
    others: &[&Glob],
    without: Option<char>,
    is_filled: bool,
    preferred: &[&str],
    steps_left: &mut usize,
) -> Cells {
    let mut cells = Cells { found: Vec::new(), is_all: true };
    let mut spend = |n_steps: usize| {
        let left = steps_left.checked_sub(n_steps);
        *steps_left = left.unwrap_or_default();
        left.is_some()
    };
    let mut seen: HashSet<Vec<bool>> = HashSet::new();
    for text in preferred.iter().filter(|text| base.matches(text)) {
        if !spend(others.len()) {
            break;
        }
        let matched: Vec<bool> = others.iter().map(|glob| glob.matches(text)).collect();
        if seen.insert(matched.clone()) {
            cells.found.push(Cell { text: (*text).to_owned(), matched });
        }
    }
    if let Some(text) = base.whole() {
        if cells.found.is_empty()
            || base.case() == Case::Ignored && others.iter().any(|it| it.case() == Case::Matters)
        {
            let matched: Vec<bool> = others.iter().map(|glob| glob.matches(text)).collect();
            if seen.insert(matched.clone()) {
                cells.found.push(Cell { text: text.to_owned(), matched });
            }
        }
        if base.case() == Case::Matters || others.iter().all(|it| it.case() == Case::Ignored) {
            return cells;
        }
    }
    let Some(base) = Automaton::new(base) else { return Cells::default() };
    let mut automata = Vec::with_capacity(others.len() + 1);
    automata.push(base);
    for glob in others {
        let Some(automaton) = Automaton::new(glob) else { return Cells::default() };
        automata.push(automaton);
    }
    let alphabet = alphabet(&automata, without);
    let n_steps = alphabet.len().saturating_mul(automata.len());
    // The last tells the empty text from others, where it is not wanted.
    let mut start: Vec<u128> = automata.iter().map(Automaton::start).collect();
    start.push(u128::from(is_filled));
    let mut known: HashMap<Vec<u128>, usize> = HashMap::from([(start.clone(), 0)]);
    // How each state was come by: the state before and the character.
    let mut from: Vec<Option<(usize, char)>> = vec![None];
    let mut waiting = VecDeque::from([(0, start)]);
    while let Some((number, state)) = waiting.pop_front() {
        let accepts =
            |n: usize| automata.get(n).zip(state.get(n)).is_some_and(|(it, at)| at & it.last != 0);
        if accepts(0) && state.last() == Some(&0) {
            let matched: Vec<bool> = (1..automata.len()).map(accepts).collect();
            if seen.insert(matched.clone()) {
                cells.found.push(Cell { text: text(&from, number), matched });
            }
        }
        if !spend(n_steps) {
            cells.is_all = false;
            return cells;
        }
        for c in &alphabet {
            let mut next: Vec<u128> =
                automata.iter().zip(&state).map(|(it, at)| it.step(*at, *c)).collect();
            next.push(0);
            if next.first().is_none_or(|base| *base == 0) || known.contains_key(&next) {
                continue;
            }
            if known.len() == MAX_STATES || known.len() * next.len() > MAX_POSITIONS {
                cells.is_all = false;
                return cells;
            }
            let n = known.len();
            known.insert(next.clone(), n);
            from.push(Some((number, *c)));
            waiting.push_back((n, next));
        }
    }
    cells
}

fn text(from: &[Option<(usize, char)>], mut at: usize) -> String {
    let mut text = Vec::new();
    while let Some(Some((before, c))) = from.get(at) {
        text.push(*c);
        at = *before;
    }
    text.iter().rev().collect()
}

/// The characters that some pattern tells from others, and one that none does.
fn alphabet(automata: &[Automaton], without: Option<char>) -> Vec<char> {
    let is_mixed = automata.iter().any(|it| it.case == Case::Ignored)
        && automata.iter().any(|it| it.case == Case::Matters);
    let mut all: Vec<char> = automata.iter().flat_map(|it| it.of_char.keys().copied()).collect();
    if is_mixed {
        let both = |c: &char| [c.to_ascii_lowercase(), c.to_ascii_uppercase()];
        all = all.iter().flat_map(both).collect();
    }
    all.sort_unstable();
    all.dedup();
    let folded: HashSet<char> = all.iter().map(char::to_ascii_lowercase).collect();
    let readable = "xyzwvq0123456789abcdefghijklmnoprstu-_/.";
    let rest = ('\u{100}'..='\u{fff}').chain(readable.chars().rev());
    let fresh = readable.chars().chain(rest).find(|c| !folded.contains(c) && Some(*c) != without);
    all.retain(|c| Some(*c) != without);
    // First, so that where any character will do it is this one.
    fresh.into_iter().chain(all).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_have_the_shortest_texts() {
        let check = |base: &str, others: &[&str], wanted: &[&str]| {
            let others: Vec<Glob> = others.iter().map(|it| Glob::new(it, Case::Matters)).collect();
            let others: Vec<&Glob> = others.iter().collect();
            let cells = cells(&Glob::new(base, Case::Matters), &others, None, false, &[], &mut {
                MAX_STEPS
            });
            assert!(cells.is_all);
            let told = |cell: &Cell| {
                let bits: String =
                    cell.matched.iter().map(|it| if *it { '1' } else { '0' }).collect();
                format!("{} {bits}", cell.text)
            };
            assert_eq!(cells.found.iter().map(told).collect::<Vec<_>>(), wanted, "{base}");
        };
        check("*", &[], &[" "]);
        check("a*", &["ab*", "*b"], &["a 00", "ab 11", "axb 01", "abx 10"]);
        check("a", &["b", "a", "?"], &["a 011"]);
        check("a*", &["*"], &["a 1"]);
    }

    proptest! {
        #[test]
        fn every_text_is_in_a_cell_that_is_found(
            base in "[ab?*]{0,6}",
            others in proptest::collection::vec("[abA?*]{0,6}", 0..4),
            folds in any::<[bool; 5]>(),
            texts in proptest::collection::vec("[abABx]{0,7}", 20),
        ) {
            let case = |n: usize| if folds[n] { Case::Ignored } else { Case::Matters };
            let base = Glob::new(&base, case(4));
            let others: Vec<Glob> =
                others.iter().enumerate().map(|(n, it)| Glob::new(it, case(n))).collect();
            let others: Vec<&Glob> = others.iter().collect();
            let cells = cells(&base, &others, None, false, &[], &mut { MAX_STEPS });
            prop_assert!(cells.is_all);
            for cell in &cells.found {
                prop_assert!(base.matches(&cell.text));
                let matched: Vec<bool> = others.iter().map(|it| it.matches(&cell.text)).collect();
                prop_assert_eq!(&matched, &cell.matched);
            }
            for text in texts.iter().filter(|text| base.matches(text)) {
                let matched: Vec<bool> = others.iter().map(|it| it.matches(text)).collect();
                prop_assert!(cells.found.iter().any(|cell| cell.matched == matched), "{}", text);
            }
        }
    }
}
