//! Which actions patterns mean.

use crate::glob::{Case, Glob, Token};

use super::{ActionId, ActionSet, Catalogue, Service};

/// The longest known action has 71; a pattern for many services that wants more matches none.
const MAX_ACTION_CHARACTERS: usize = 256;

/// How to take a pattern that also means actions that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The unknown actions of a service are in it if it can match one of them.
    Widest,
    /// The unknown actions of a service are in it if it matches all that there can be.
    Narrowest,
}

impl Catalogue {
    /// What a pattern of an `Action` element can mean: the known actions that it matches, and the id
    /// of a service's unknown actions wherever it could match one of them. So it is never smaller
    /// than what AWS takes the pattern for.
    ///
    /// To say that all of A is in B, take A as widest and B as narrowest; for what is in A and not in
    /// B, the same. Both at their widest, `s3:Get*` and `s3:Put*` seem to share unknown actions; both
    /// at their narrowest, `s3:Get*` seems to be no more than the list of today.
    pub fn matching(&self, pattern: &str) -> ActionSet {
        self.matched(pattern, Reach::Widest)
    }

    /// The known actions that a pattern matches, and the id of a service's unknown actions only where
    /// it matches whatever may come: `*`, `s3:*`. So it is never larger than what AWS takes it for.
    pub fn matching_surely(&self, pattern: &str) -> ActionSet {
        self.matched(pattern, Reach::Narrowest)
    }

    fn matched(&self, pattern: &str, reach: Reach) -> ActionSet {
        let mut set = ActionSet::empty(self.len());
        self.add_matching(pattern, reach, &mut set);
        set
    }

    /// What the patterns of one element mean together, as [`Catalogue::matching`].
    pub fn matching_any<'p>(&self, patterns: impl IntoIterator<Item = &'p str>) -> ActionSet {
        let mut set = ActionSet::empty(self.len());
        for pattern in patterns {
            self.add_matching(pattern, Reach::Widest, &mut set);
        }
        set
    }

    /// What `NotAction` with these patterns means, at its widest: all but what they surely match.
    pub fn matching_none<'p>(&self, patterns: impl IntoIterator<Item = &'p str>) -> ActionSet {
        let mut set = ActionSet::empty(self.len());
        for pattern in patterns {
            self.add_matching(pattern, Reach::Narrowest, &mut set);
        }
        self.all().difference(&set)
    }

    fn add_matching(&self, pattern: &str, reach: Reach, set: &mut ActionSet) {
        let literal = pattern.split_once(':').filter(|(prefix, _)| !prefix.contains(['*', '?']));
        if let Some((prefix, name)) = literal {
            match self.service(prefix) {
                Some(service) => self.add_of_literal_service(service, name, reach, set),
                None if reach == Reach::Widest && Rest::new(name).is_possible => {
                    set.insert(self.unknown());
                }
                None => {}
            }
            return;
        }
        let pattern = tokens(pattern);
        if pattern.iter().all(|token| char_of(*token).is_some()) {
            return;
        }
        let n_least = pattern.iter().filter(|token| **token != Token::Any).count();
        if n_least > MAX_ACTION_CHARACTERS {
            // No known action is as long; others are not worth the time to find out.
            if reach == Reach::Widest {
                self.services.iter().for_each(|service| set.insert(service.unknown()));
                set.insert(self.unknown());
            }
            return;
        }
        for service in &self.services {
            for rest in rests(&pattern, service.prefix) {
                self.add_of_service(service, &Rest::of(rest), reach, set);
            }
        }
        if reach == Reach::Widest || means_every_action(&pattern) {
            set.insert(self.unknown());
        }
    }

    /// Nearly all patterns are a name or the beginning of one: neither takes more than a search.
    fn add_of_literal_service(
        &self,
        service: &Service,
        name: &str,
        reach: Reach,
        set: &mut ActionSet,
    ) {
        let start = name.strip_suffix('*');
        if start.unwrap_or(name).contains(['*', '?']) {
            return self.add_of_service(service, &Rest::new(name), reach, set);
        }
        let may_be_unknown = match start {
            Some(start) => {
                set.insert_range(self.starting(service, start));
                start.is_empty() || (reach == Reach::Widest && start.chars().all(is_of_names))
            }
            None => match self.find(service, name) {
                Some(id) => {
                    set.insert(id);
                    false
                }
                None => reach == Reach::Widest && !name.is_empty() && name.chars().all(is_of_names),
            },
        };
        if may_be_unknown {
            set.insert(service.unknown());
        }
    }

    /// `rest` is what of a pattern is left for the names of a service.
    fn add_of_service(&self, service: &Service, rest: &Rest, reach: Reach, set: &mut ActionSet) {
        if rest.glob.is_none() {
            match self.find(service, &rest.start) {
                Some(id) => set.insert(id),
                None if reach == Reach::Widest && rest.is_possible => {
                    set.insert(service.unknown());
                }
                None => {}
            }
            return;
        }
        let ids = self.starting(service, &rest.start);
        match &rest.glob {
            Some(glob) if !rest.is_prefix => {
                for id in ids {
                    let line = usize::try_from(id).ok().and_then(|at| self.lines.get(at));
                    if line.is_some_and(|(name, _)| glob.matches(name)) {
                        set.insert(ActionId(id));
                    }
                }
            }
            _ => set.insert_range(ids),
        }
        if rest.is_whole || (reach == Reach::Widest && rest.is_possible) {
            set.insert(service.unknown());
        }
    }
}

/// What of a pattern stands behind the colon.
struct Rest {
    /// What every match begins with.
    start: String,
    /// None where nothing but `start` itself matches.
    glob: Option<Glob>,
    /// Whether it is `start` and one `*`.
    is_prefix: bool,
    /// Whether it matches whatever an action may be called.
    is_whole: bool,
    /// Whether it matches anything that an action may be called.
    is_possible: bool,
}

impl Rest {
    fn new(pattern: &str) -> Self {
        Self::of(&tokens(pattern))
    }

    fn of(tokens: &[Token]) -> Self {
        let start: String = tokens.iter().map_while(|token| char_of(*token)).collect();
        let behind = tokens.get(start.chars().count()..).unwrap_or_default();
        let glob = (!behind.is_empty()).then(|| Glob::of(tokens.iter().copied(), Case::Ignored));
        let is_prefix = !behind.is_empty() && behind.iter().all(|token| *token == Token::Any);
        let is_possible = !tokens.is_empty()
            && tokens.iter().all(|token| char_of(*token).is_none_or(is_of_names));
        Self { start, glob, is_prefix, is_whole: takes_any_text(tokens, 1), is_possible }
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = pattern.chars().map(Token::of).collect();
    // `**` says no more than `*`.
    tokens.dedup_by(|one, other| *one == Token::Any && *other == Token::Any);
    tokens
}

/// The character, where it stands for itself.
const fn char_of(token: Token) -> Option<char> {
    match token {
        Token::Char(c) => Some(c),
        Token::One | Token::Any => None,
    }
}

/// Whether every text of at least so many characters matches.
fn takes_any_text(tokens: &[Token], n_least: usize) -> bool {
    tokens.contains(&Token::Any)
        && tokens.iter().all(|token| matches!(token, Token::Any | Token::One))
        && tokens.iter().filter(|token| **token == Token::One).count() <= n_least
}

/// Whether it is a pattern like `*` or `*:*`.
fn means_every_action(pattern: &[Token]) -> bool {
    let mut halves = pattern.splitn(2, |token| *token == Token::Char(':'));
    match (halves.next(), halves.next()) {
        (Some(service), Some(name)) => takes_any_text(service, 1) && takes_any_text(name, 1),
        // The shortest action has three characters.
        _ => takes_any_text(pattern, 3),
    }
}

/// Whether AWS may one day call an action by this character.
const fn is_of_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// What may be left of a pattern for the name, after a service's prefix and the colon.
fn rests<'t>(pattern: &'t [Token], prefix: &str) -> Vec<&'t [Token]> {
    let mut starts = vec![0];
    for wanted in prefix.chars().chain([':']) {
        let mut next = Vec::new();
        let mut add = |at: usize| {
            if !next.contains(&at) {
                next.push(at);
            }
        };
        for start in starts {
            // A `*` may end before any token, or take one character more and stay.
            let mut at = start;
            while let Some(Token::Any) = pattern.get(at) {
                add(at);
                at += 1;
            }
            match pattern.get(at) {
                Some(Token::One) => add(at + 1),
                Some(Token::Char(c)) if c.eq_ignore_ascii_case(&wanted) => add(at + 1),
                _ => {}
            }
        }
        starts = next;
    }
    starts.into_iter().filter_map(|start| pattern.get(start..)).collect()
}
