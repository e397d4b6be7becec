//! Where in a text the values of its JSON stand.

use std::collections::HashMap;

use crate::json::below;

/// Counted from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// By JSON pointer: of a member where its name stands. Of two members of one name, the second.
pub(super) fn places(text: &str) -> HashMap<String, Place> {
    let mut walk = Walk {
        rest: text.chars().peekable(),
        at: Place { line: 1, column: 1 },
        found: HashMap::new(),
    };
    walk.space();
    let start = walk.at;
    walk.value(String::new(), start);
    walk.found
}

/// Takes for granted that the text is JSON and is not nested deeper than a reader of JSON goes.
struct Walk<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    at: Place,
    found: HashMap<String, Place>,
}

impl Walk<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.at = Place { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn space(&mut self) {
        while self.rest.peek().is_some_and(char::is_ascii_whitespace) {
            self.next();
        }
    }

    /// Whether it is next; passes over it.
    fn passes(&mut self, wanted: char) -> bool {
        self.space();
        let is_next = self.rest.peek() == Some(&wanted);
        if is_next {
            self.next();
        }
        is_next
    }

    fn value(&mut self, pointer: String, start: Place) {
        self.space();
        match self.rest.peek() {
            Some('{') => {
                self.next();
                while !self.passes('}') {
                    self.space();
                    let start = self.at;
                    let Some(name) = self.text() else { return };
                    self.passes(':');
                    self.value(below(&pointer, &name), start);
                    self.passes(',');
                }
            }
            Some('[') => {
                self.next();
                let mut n = 0;
                while !self.passes(']') {
                    self.space();
                    if self.rest.peek().is_none() {
                        return;
                    }
                    let start = self.at;
                    self.value(below(&pointer, &n.to_string()), start);
                    self.passes(',');
                    n += 1;
                }
            }
            Some('"') => drop(self.text()),
            _ => {
                while self
                    .rest
                    .peek()
                    .is_some_and(|c| !c.is_ascii_whitespace() && !",]}".contains(*c))
                {
                    self.next();
                }
            }
        }
        self.found.insert(pointer, start);
    }

    fn text(&mut self) -> Option<String> {
        let mut written = String::from(self.next()?);
        loop {
            let c = self.next()?;
            written.push(c);
            match c {
                '\\' => written.push(self.next()?),
                '"' => return serde_json::from_str(&written).ok(),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place() {
        let text = "{ \"a/b\": [1, \"ä\\\"x\", {}],\n  \"c\":\n {\"\\u0064\": null}, \"e\" :[]}";
        let places = places(text);
        let mut told: Vec<String> = places
            .iter()
            .map(|(pointer, at)| format!("{pointer} {}:{}", at.line, at.column))
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                " 1:1",
                "/a~1b 1:3",
                "/a~1b/0 1:11",
                "/a~1b/1 1:14",
                "/a~1b/2 1:22",
                "/c 2:3",
                "/c/d 3:3",
                "/e 3:20"
            ]
        );
    }
}
