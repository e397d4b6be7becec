//! YAML from strangers, with line numbers and within limits.
//!
//! Aliases are resolved (GitLab and compose files use them), and every node and every byte of text
//! an alias repeats is counted, so that a "billion laughs" file is refused instead of expanded: who
//! copies the documents pays for what was written out. Tags are ignored.

use std::rc::Rc;

use model::GapReason;
use saphyr_parser::{Event, Parser, ScalarStyle};

/// A file with more nodes than this, aliases expanded, is refused.
pub const MAX_NODES: usize = 500_000;
/// A file whose aliases repeat more bytes of text than this is refused.
pub const MAX_REPEATED_BYTES: usize = 8 << 20;
/// A file nested deeper than this is refused.
pub const MAX_DEPTH: usize = 64;
/// A file with more documents than this is refused.
pub const MAX_DOCUMENTS: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// From 1.
    pub line: u32,
    pub value: Value,
    /// Nodes in it, itself included, aliases expanded.
    size: usize,
    /// Bytes of text in it, aliases expanded.
    n_bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `plain` when written without quotes, so that `no` and `"no"` can be told apart.
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Rc<Node>>),
    /// In file order; a key that stands twice is there twice and the last one counts.
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// Why a text gave no documents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("line {line}: {message}")]
    Syntax { line: u32, message: String },
    #[error("more than {MAX_NODES} nodes with aliases expanded")]
    TooManyNodes,
    #[error("aliases repeat more than {MAX_REPEATED_BYTES} bytes")]
    TooMuchRepeated,
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("more than {MAX_DOCUMENTS} documents")]
    TooManyDocuments,
}

impl Problem {
    pub fn reason(&self) -> GapReason {
        match self {
            Self::Syntax { .. } => GapReason::Malformed,
            Self::TooManyNodes | Self::TooMuchRepeated | Self::TooManyDocuments => {
                GapReason::TooLarge
            }
            Self::TooDeep => GapReason::TooDeep,
        }
    }
}

/// All documents of a text. A syntax error gives what stood before it, and the error.
pub fn load(text: &str) -> (Vec<Rc<Node>>, Option<Problem>) {
    let mut loader = Loader::default();
    let problem = loader.run(text).err();
    (loader.documents, problem)
}

#[derive(Default)]
struct Loader {
    documents: Vec<Rc<Node>>,
    /// By anchor id; none while the anchored node is not closed, so an alias cannot hold itself.
    anchors: Vec<Option<Rc<Node>>>,
    stack: Vec<Open>,
    n_nodes: usize,
    n_repeated_bytes: usize,
}

struct Open {
    line: u32,
    anchor: usize,
    size: usize,
    n_bytes: usize,
    items: Items,
}

enum Items {
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>, Option<Rc<Node>>),
}

impl Loader {
    fn run(&mut self, text: &str) -> Result<(), Problem> {
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| match error.info() {
                // The scanner's own limit on `[[[[…`, reached before ours.
                "recursion limit exceeded" => Problem::TooDeep,
                message => Problem::Syntax {
                    line: u32::try_from(error.marker().line()).unwrap_or(u32::MAX),
                    message: message.chars().take(200).collect(),
                },
            })?;
            let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
            match event {
                Event::Scalar(text, style, anchor, _) => {
                    let plain = style == ScalarStyle::Plain;
                    let n_bytes = text.len();
                    let value = Value::Scalar { text: text.into_owned(), plain };
                    self.close(Node { line, value, size: 1, n_bytes }, anchor)?;
                }
                Event::Alias(anchor) => {
                    let node = self.anchors.get(anchor).cloned().flatten().ok_or_else(|| {
                        Problem::Syntax {
                            line,
                            message: "an alias to a node that is not closed".into(),
                        }
                    })?;
                    self.n_repeated_bytes = self.n_repeated_bytes.saturating_add(node.n_bytes);
                    if self.n_repeated_bytes > MAX_REPEATED_BYTES {
                        return Err(Problem::TooMuchRepeated);
                    }
                    self.place(node)?;
                }
                Event::SequenceStart(anchor, _) => {
                    self.open(line, anchor, Items::Sequence(Vec::new()))?;
                }
                Event::MappingStart(anchor, _) => {
                    self.open(line, anchor, Items::Mapping(Vec::new(), None))?;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(open) = self.stack.pop() else { continue };
                    let value = match open.items {
                        Items::Sequence(items) => Value::Sequence(items),
                        Items::Mapping(pairs, _) => Value::Mapping(pairs),
                    };
                    // The members were counted when they were placed.
                    self.n_nodes = self.n_nodes.saturating_sub(open.size - 1);
                    let Open { line, anchor, size, n_bytes, .. } = open;
                    self.close(Node { line, value, size, n_bytes }, anchor)?;
                }
                Event::DocumentStart(_) => self.anchors.clear(),
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn open(&mut self, line: u32, anchor: usize, items: Items) -> Result<(), Problem> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Problem::TooDeep);
        }
        self.stack.push(Open { line, anchor, size: 1, n_bytes: 0, items });
        Ok(())
    }

    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        let node = Rc::new(node);
        if anchor > 0 && anchor <= MAX_NODES {
            if self.anchors.len() <= anchor {
                self.anchors.resize(anchor + 1, None);
            }
            if let Some(slot) = self.anchors.get_mut(anchor) {
                *slot = Some(Rc::clone(&node));
            }
        }
        self.place(node)
    }

    fn place(&mut self, node: Rc<Node>) -> Result<(), Problem> {
        self.n_nodes = self.n_nodes.saturating_add(node.size);
        if self.n_nodes > MAX_NODES {
            return Err(Problem::TooManyNodes);
        }
        let Some(open) = self.stack.last_mut() else {
            if self.documents.len() >= MAX_DOCUMENTS {
                return Err(Problem::TooManyDocuments);
            }
            self.documents.push(node);
            return Ok(());
        };
        open.size = open.size.saturating_add(node.size);
        open.n_bytes = open.n_bytes.saturating_add(node.n_bytes);
        match &mut open.items {
            Items::Sequence(items) => items.push(node),
            Items::Mapping(pairs, key) => match key.take() {
                None => *key = Some(node),
                Some(key) => pairs.push((key, node)),
            },
        }
        Ok(())
    }
}

impl Node {
    /// What it costs to read it once more: its text, and a word for each of its nodes.
    pub fn cost(&self) -> usize {
        self.n_bytes.saturating_add(self.size.saturating_mul(size_of::<usize>()))
    }

    /// The member of a mapping; also looks through `<<` merges, which compose and GitLab use.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.find(key, MAX_DEPTH)
    }

    fn find(&self, key: &str, depth: usize) -> Option<&Self> {
        let Value::Mapping(pairs) = &self.value else { return None };
        let own = pairs.iter().rev().find(|(name, _)| name.text() == Some(key));
        if let Some((_, value)) = own {
            return Some(value);
        }
        let depth = depth.checked_sub(1)?;
        pairs.iter().filter(|(name, _)| name.text() == Some("<<")).find_map(|(_, merged)| {
            match &merged.value {
                Value::Sequence(items) => items.iter().find_map(|item| item.find(key, depth)),
                _ => merged.find(key, depth),
            }
        })
    }

    /// A path of mapping keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text, unless it is a plain null (`~`, `null`, nothing).
    pub fn stated(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, plain: true }
                if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") =>
            {
                None
            }
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub fn truth(&self) -> Option<bool> {
        match self.text()? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// The items of a sequence; of anything else, none.
    pub fn items(&self) -> &[Rc<Self>] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// A sequence's items, or the node itself when one stands where many could.
    pub fn one_or_many(&self) -> Vec<&Self> {
        match &self.value {
            Value::Sequence(items) => items.iter().map(Rc::as_ref).collect(),
            _ => vec![self],
        }
    }

    /// The pairs of a mapping whose keys are scalars, in file order; merges are not expanded.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &Self)> {
        let pairs = match &self.value {
            Value::Mapping(pairs) => pairs.as_slice(),
            _ => &[],
        };
        pairs.iter().filter_map(|(key, value)| Some((key.text()?, value.as_ref())))
    }

    pub fn is_mapping(&self) -> bool {
        matches!(self.value, Value::Mapping(_))
    }

    /// Calls `visit` for every scalar in the node with the mapping key it stands under.
    pub fn scalars<'a>(&'a self, visit: &mut dyn FnMut(Option<&'a str>, &'a Self)) {
        self.walk(None, visit);
    }

    fn walk<'a>(&'a self, key: Option<&'a str>, visit: &mut dyn FnMut(Option<&'a str>, &'a Self)) {
        match &self.value {
            Value::Scalar { .. } => visit(key, self),
            Value::Sequence(items) => items.iter().for_each(|item| item.walk(key, visit)),
            Value::Mapping(pairs) => {
                for (name, value) in pairs {
                    value.walk(name.text(), visit);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_merges_and_documents() {
        let text =
            "base: &base\n  image: x\njob:\n  <<: *base\n  script: [a, 'b']\n---\nkind: Pod\n";
        let (documents, problem) = load(text);
        assert_eq!(problem, None);
        assert_eq!(documents.len(), 2);
        let job = documents[0].get("job").unwrap();
        assert_eq!(job.get("image").and_then(Node::text), Some("x"));
        assert_eq!(job.get("script").unwrap().line, 5);
        assert_eq!(documents[1].get("kind").unwrap().text(), Some("Pod"));
    }

    #[test]
    fn hostile_files_are_refused() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..12 {
            let row = vec![format!("*a{}", n - 1); 10].join(", ");
            laughs.push_str(&format!("a{n}: &a{n} [{row}]\n"));
        }
        assert_eq!(load(&laughs).1, Some(Problem::TooManyNodes));
        assert_eq!(load(&"[".repeat(10_000)).1, Some(Problem::TooDeep));
        let nested: String = (0..100).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        assert_eq!(load(&nested).1, Some(Problem::TooDeep));
        assert!(matches!(load("a: &a [*a]").1, Some(Problem::Syntax { .. })));
        assert!(matches!(load("a: 'unterminated").1, Some(Problem::Syntax { .. })));
    }

    #[test]
    fn a_long_text_is_not_repeated_at_will() {
        let check = |text: &str, expected: Option<Problem>| assert_eq!(load(text).1, expected);
        let long = "A".repeat(1 << 20);
        check(&format!("x: &a {long}\ny: [{}]", "*a, ".repeat(9)), Some(Problem::TooMuchRepeated));
        check(&format!("x: &a {long}\ny: [{}]", "*a, ".repeat(8)), None);
        let nested = format!("x: &a {long}\ny: &b [*a, *a]\nz: {{c: *b, d: *b, *a : *b}}");
        check(&nested, Some(Problem::TooMuchRepeated));
    }

    #[test]
    fn what_stood_before_an_error_is_kept() {
        let (documents, problem) = load("a: 1\n---\nb: [\n");
        assert_eq!(documents.len(), 1);
        assert!(problem.is_some());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_loaded_or_refused(text in "[-:a-c\\[\\]{}&*!|>'\"#?, \n]{0,200}") {
            load(&text);
        }
    }
}
