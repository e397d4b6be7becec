//! Where in a text the values of its JSON stand.

use std::collections::HashMap;

use crate::json::below;

/// Counted from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Where the values stand that pointers lead to: of a member where its name stands. Of two members of
/// one name, the second.
pub(super) struct Places {
    /// The first is the whole text.
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    /// By parts of pointers, as these write them.
    below: HashMap<String, usize>,
    place: Option<Place>,
}

impl Places {
    /// Only what is asked for is kept: all pointers together may be much longer than the text.
    pub(super) fn of<'p>(text: &str, pointers: impl IntoIterator<Item = &'p str>) -> Self {
        let mut all = Self { nodes: vec![Node::default()] };
        for pointer in pointers {
            all.add(pointer);
        }
        let mut walk = Walk {
            rest: text.chars().peekable(),
            at: Place { line: 1, column: 1 },
            nodes: &mut all.nodes,
        };
        walk.space();
        let start = walk.at;
        walk.value(Some(0), start);
        all
    }

    fn add(&mut self, pointer: &str) {
        let mut at = 0;
        for part in pointer.split('/').skip(1) {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = *node.below.entry(part.to_owned()).or_insert(next);
            if at == next {
                self.nodes.push(Node::default());
            }
        }
    }

    pub(super) fn get(&self, pointer: &str) -> Option<Place> {
        let mut node = self.nodes.first()?;
        for part in pointer.split('/').skip(1) {
            node = self.nodes.get(*node.below.get(part)?)?;
        }
        node.place
    }
}

/// Takes for granted that the text is JSON and is not nested deeper than a reader of JSON goes.
struct Walk<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    at: Place,
    nodes: &'t mut [Node],
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

    /// The node of a member or element of a value that has a node.
    fn below(&self, node: Option<usize>, part: impl Fn() -> String) -> Option<usize> {
        let below = &self.nodes.get(node?)?.below;
        if below.is_empty() { None } else { below.get(&part()).copied() }
    }

    fn value(&mut self, node: Option<usize>, start: Place) {
        self.space();
        match self.rest.peek() {
            Some('{') => {
                self.next();
                while !self.passes('}') {
                    self.space();
                    let start = self.at;
                    let Some(name) = self.text() else { return };
                    self.passes(':');
                    // A pointer to it has a stroke in front.
                    let node = self.below(node, || below("", &name).split_off(1));
                    self.value(node, start);
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
                    let node = self.below(node, || n.to_string());
                    self.value(node, start);
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
        if let Some(node) = node.and_then(|node| self.nodes.get_mut(node)) {
            node.place = Some(start);
        }
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
        let pointers = ["", "/a~1b", "/a~1b/0", "/a~1b/1", "/a~1b/2", "/c", "/c/d", "/e"];
        let places = Places::of(text, pointers);
        let told = pointers.map(|pointer| {
            let at = places.get(pointer).unwrap();
            format!("{pointer} {}:{}", at.line, at.column)
        });
        assert_eq!(places.get("/a~1b/3"), None);
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
