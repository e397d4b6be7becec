//! Configuration from strangers as one tree with line numbers, whatever its syntax: JSON (with the
//! comments and trailing commas that editors allow), YAML, TOML, XML.
//!
//! A parser of a tool's file then asks for keys and need not know the syntax, and every value
//! knows its line. Size, depth and the number of nodes are capped; what does not parse is a
//! [`Problem`] without any of the text, since the text may hold secrets.

use model::{Gap, GapReason};

/// A document with more nodes than this is refused.
pub const MAX_NODES: usize = 1_000_000;
/// A document nested deeper than this is refused.
pub const MAX_DEPTH: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// From 1.
    pub line: u32,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Truth(bool),
    /// As written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In file order; of a key that stands twice the last one counts.
    Map(Vec<(String, Node)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    Json,
    Yaml,
    Toml,
    /// Elements are keys; attributes are keys with `@` before; text beside either is `#text`.
    Xml,
}

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("line {line}: {message}")]
    Syntax { line: u32, message: &'static str },
    #[error("more than {MAX_NODES} values")]
    TooManyNodes,
    #[error("more than {MAX_TOML_MARKS} dots, commas, brackets and equals signs")]
    TooManyMarks,
    #[error("aliases repeat more than {} bytes", crate::yaml::MAX_REPEATED_BYTES)]
    TooMuchRepeated,
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("binary, not text")]
    Binary,
}

impl Problem {
    pub fn gap(&self, locus: &str) -> Gap {
        let reason = match self {
            Self::Syntax { .. } | Self::Binary => GapReason::Malformed,
            Self::TooManyNodes | Self::TooManyMarks | Self::TooMuchRepeated => GapReason::TooLarge,
            Self::TooDeep => GapReason::TooDeep,
        };
        Gap::new(locus, reason).detail(self.to_string())
    }
}

/// A file's bytes as text: UTF-8 with or without a byte order mark, or UTF-16 with one. Bytes that
/// are no valid text become U+FFFD; NUL bytes mean that it is no text at all.
pub fn text(bytes: &[u8]) -> Result<String, Problem> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).filter_map(|pair| Some(unit(pair.try_into().ok()?)));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    let text: String = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    if text.contains('\0') { Err(Problem::Binary) } else { Ok(text) }
}

/// Reads a document. An empty text is an empty one.
pub fn read(syntax: Syntax, text: &str) -> Result<Node, Problem> {
    match syntax {
        Syntax::Json => json(text),
        Syntax::Yaml => yaml(text),
        Syntax::Toml => toml(text),
        Syntax::Xml => xml(text),
    }
}

impl Node {
    fn empty(line: u32) -> Self {
        Self { line, value: Value::Map(Vec::new()) }
    }

    /// The member of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(pairs) = &self.value else { return None };
        pairs.iter().rev().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// A path of keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// A text, unless it is empty.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A text member that is not empty.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// A text, or a number as written: for ids that some tools write without quotes.
    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Number(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub fn scalar_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.scalar()
    }

    pub fn number_of(&self, key: &str) -> Option<i64> {
        let text = self.get(key)?.scalar()?;
        text.parse().ok().or_else(|| {
            // Times in JSON are often written with a fraction.
            let (whole, _) = text.split_once('.')?;
            whole.parse().ok()
        })
    }

    pub fn truth_of(&self, key: &str) -> Option<bool> {
        match &self.get(key)?.value {
            Value::Truth(truth) => Some(*truth),
            Value::Text(text) => match text.as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a list; of anything else, none.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub fn items_of(&self, key: &str) -> &[Self] {
        self.get(key).map_or(&[], Self::items)
    }

    /// The pairs of a map; of anything else, none.
    pub fn pairs(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(pairs) => pairs,
            _ => &[],
        }
    }

    pub fn pairs_of(&self, key: &str) -> &[(String, Self)] {
        self.get(key).map_or(&[], Self::pairs)
    }

    /// Every member of that name, for XML, where an element may stand many times.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Self> {
        self.pairs().iter().filter(move |(name, _)| name == key).map(|(_, node)| node)
    }

    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// Calls `visit` with the keys above and the node, for every scalar text in it.
    pub fn texts<'a>(&'a self, visit: &mut dyn FnMut(&[&'a str], &'a Self, &'a str)) {
        self.walk(&mut Vec::new(), visit);
    }

    fn walk<'a>(
        &'a self,
        keys: &mut Vec<&'a str>,
        visit: &mut dyn FnMut(&[&'a str], &'a Self, &'a str),
    ) {
        match &self.value {
            Value::Text(text) => visit(keys, self, text),
            Value::List(items) => items.iter().for_each(|item| item.walk(keys, visit)),
            Value::Map(pairs) => {
                for (key, node) in pairs {
                    keys.push(key);
                    node.walk(keys, visit);
                    keys.pop();
                }
            }
            Value::Null | Value::Truth(_) | Value::Number(_) => {}
        }
    }
}

// ---- JSON ----

/// Our own reader: serde_json gives no lines, and refuses comments.
struct Json<'a> {
    bytes: &'a [u8],
    text: &'a str,
    position: usize,
    line: u32,
    n_nodes: usize,
}

fn json(text: &str) -> Result<Node, Problem> {
    let mut json = Json { bytes: text.as_bytes(), text, position: 0, line: 1, n_nodes: 0 };
    json.space()?;
    if json.peek().is_none() {
        return Ok(Node::empty(1));
    }
    let node = json.value(0)?;
    json.space()?;
    if json.peek().is_some() {
        return Err(json.wrong("more after the end of the document"));
    }
    Ok(node)
}

impl Json<'_> {
    fn wrong(&self, message: &'static str) -> Problem {
        Problem::Syntax { line: self.line, message }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        self.line = self.line.saturating_add(u32::from(byte == b'\n'));
        Some(byte)
    }

    /// Skips white space and comments.
    fn space(&mut self) -> Result<(), Problem> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    self.next();
                }
                b'/' => match self.bytes.get(self.position + 1) {
                    Some(b'/') => while self.next().is_some_and(|byte| byte != b'\n') {},
                    Some(b'*') => {
                        self.position += 2;
                        loop {
                            match self.next() {
                                Some(b'*') if self.peek() == Some(b'/') => {
                                    self.next();
                                    break;
                                }
                                Some(_) => {}
                                None => return Err(self.wrong("a comment is not closed")),
                            }
                        }
                    }
                    _ => return Err(self.wrong("not JSON")),
                },
                _ => break,
            }
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Node, Problem> {
        if depth > MAX_DEPTH {
            return Err(Problem::TooDeep);
        }
        self.n_nodes += 1;
        if self.n_nodes > MAX_NODES {
            return Err(Problem::TooManyNodes);
        }
        let line = self.line;
        let value = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(_) => self.word()?,
            None => return Err(self.wrong("ends in the middle")),
        };
        Ok(Node { line, value })
    }

    fn map(&mut self, depth: usize) -> Result<Value, Problem> {
        self.next();
        let mut pairs = Vec::new();
        loop {
            self.space()?;
            match self.peek() {
                Some(b'}') => {
                    self.next();
                    return Ok(Value::Map(pairs));
                }
                Some(b'"') => {}
                Some(_) => return Err(self.wrong("a key was expected")),
                None => return Err(self.wrong("ends in the middle")),
            }
            let key = self.string()?;
            self.space()?;
            if self.next() != Some(b':') {
                return Err(self.wrong("a colon was expected"));
            }
            self.space()?;
            pairs.push((key, self.value(depth + 1)?));
            self.space()?;
            match self.peek() {
                Some(b',') => {
                    self.next();
                }
                Some(b'}') => {}
                Some(_) => return Err(self.wrong("a comma was expected")),
                None => return Err(self.wrong("ends in the middle")),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        self.next();
        let mut items = Vec::new();
        loop {
            self.space()?;
            if self.peek() == Some(b']') {
                self.next();
                return Ok(Value::List(items));
            }
            items.push(self.value(depth + 1)?);
            self.space()?;
            match self.peek() {
                Some(b',') => {
                    self.next();
                }
                Some(b']') => {}
                Some(_) => return Err(self.wrong("a comma was expected")),
                None => return Err(self.wrong("ends in the middle")),
            }
        }
    }

    fn string(&mut self) -> Result<String, Problem> {
        self.next();
        let mut string = String::new();
        loop {
            let start = self.position;
            while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\') {
                self.next();
            }
            // Both ends stand at an ASCII byte, so this never cuts a character.
            string.push_str(self.text.get(start..self.position).unwrap_or_default());
            match self.next() {
                Some(b'"') => return Ok(string),
                Some(_) => string.push(self.escape()?),
                None => return Err(self.wrong("a string is not closed")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        Ok(match self.next() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let high = self.hex()?;
                if !(0xd800..0xdc00).contains(&high) {
                    return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                if !self.bytes.get(self.position..).is_some_and(|rest| rest.starts_with(b"\\u")) {
                    return Ok(char::REPLACEMENT_CHARACTER);
                }
                self.position += 2;
                let low = self.hex()?;
                let pair = 0x10000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
                char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            _ => return Err(self.wrong("an escape that JSON does not have")),
        })
    }

    fn hex(&mut self) -> Result<u32, Problem> {
        let digits = self.text.get(self.position..self.position + 4);
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.position += 4;
        code.ok_or_else(|| self.wrong("an escape that JSON does not have"))
    }

    fn word(&mut self) -> Result<Value, Problem> {
        let start = self.position;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        {
            self.position += 1;
        }
        match self.text.get(start..self.position).unwrap_or_default() {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Truth(true)),
            "false" => Ok(Value::Truth(false)),
            word if word.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                Ok(Value::Number(word.into()))
            }
            _ => Err(self.wrong("not JSON")),
        }
    }
}

// ---- YAML ----

fn yaml(text: &str) -> Result<Node, Problem> {
    let (documents, problem) = crate::yaml::load(text);
    match (documents.first(), problem) {
        (Some(document), None) => Ok(from_yaml(document)),
        (None, None) => Ok(Node::empty(1)),
        (_, Some(problem)) => Err(match problem {
            crate::yaml::Problem::Syntax { line, .. } => {
                Problem::Syntax { line, message: "not YAML" }
            }
            crate::yaml::Problem::TooDeep => Problem::TooDeep,
            crate::yaml::Problem::TooMuchRepeated => Problem::TooMuchRepeated,
            crate::yaml::Problem::TooManyNodes | crate::yaml::Problem::TooManyDocuments => {
                Problem::TooManyNodes
            }
        }),
    }
}

/// The size and depth were capped when it was loaded.
fn from_yaml(node: &crate::yaml::Node) -> Node {
    let value = match &node.value {
        crate::yaml::Value::Scalar { text, plain: false } => Value::Text(text.clone()),
        crate::yaml::Value::Scalar { text, plain: true } => match text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => Value::Truth(true),
            "false" | "False" | "FALSE" => Value::Truth(false),
            // A plain number is kept as text: a token of digits is as likely as a count.
            _ => Value::Text(text.clone()),
        },
        crate::yaml::Value::Sequence(items) => {
            Value::List(items.iter().map(|item| from_yaml(item)).collect())
        }
        crate::yaml::Value::Mapping(_) => Value::Map(
            node.pairs().map(|(key, value)| (key.to_owned(), from_yaml(value))).collect(),
        ),
    };
    Node { line: node.line, value }
}

// ---- TOML ----

fn toml(text: &str) -> Result<Node, Problem> {
    // The parser recurses on brackets and builds a table per dot of a key: both are capped first.
    if text.lines().any(is_deep) {
        return Err(Problem::TooDeep);
    }
    let is_mark = |byte: &u8| matches!(byte, b'.' | b'=' | b'[' | b'{' | b',');
    if text.bytes().filter(|byte| is_mark(byte)).count() > MAX_TOML_MARKS {
        return Err(Problem::TooManyMarks);
    }
    let lines = Lines::of(text);
    match toml::de::DeTable::parse(text) {
        Ok(table) => {
            let line = lines.at(table.span().start);
            let mut n_nodes = 0;
            from_toml_table(table.get_ref(), line, &lines, 0, &mut n_nodes)
        }
        Err(error) => {
            let line = lines.at(error.span().map_or(0, |span| span.start));
            Err(Problem::Syntax { line, message: "not TOML" })
        }
    }
}

/// TOML with more marks that may begin a table or a value is not parsed: the parser makes up to some
/// kilobytes of each.
pub const MAX_TOML_MARKS: usize = 200_000;

/// More brackets or dots in a row than [`MAX_DEPTH`] nestings can have.
fn is_deep(line: &str) -> bool {
    let (mut opened, mut dots) = (0_usize, 0_usize);
    let mut in_key = true;
    for byte in line.bytes() {
        match byte {
            b'[' | b'{' => opened += 1,
            b'.' if in_key => dots += 1,
            b'=' => in_key = false,
            _ => {}
        }
    }
    opened > 16 * MAX_DEPTH || dots > MAX_DEPTH
}

fn from_toml_table(
    table: &toml::de::DeTable<'_>,
    line: u32,
    lines: &Lines,
    depth: usize,
    n_nodes: &mut usize,
) -> Result<Node, Problem> {
    let mut pairs = Vec::new();
    for (key, value) in table {
        let line = lines.at(value.span().start);
        let node = from_toml(value.get_ref(), line, lines, depth + 1, n_nodes)?;
        pairs.push((key.get_ref().to_string(), node));
    }
    // The parser sorts keys; the file's order is by line.
    pairs.sort_by_key(|(_, node)| node.line);
    Ok(Node { line, value: Value::Map(pairs) })
}

fn from_toml(
    value: &toml::de::DeValue<'_>,
    line: u32,
    lines: &Lines,
    depth: usize,
    n_nodes: &mut usize,
) -> Result<Node, Problem> {
    use toml::de::DeValue;
    if depth > MAX_DEPTH {
        return Err(Problem::TooDeep);
    }
    *n_nodes += 1;
    if *n_nodes > MAX_NODES {
        return Err(Problem::TooManyNodes);
    }
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Number(number.as_str().to_owned()),
        DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Value::Truth(*truth),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(items) => {
            let mut list = Vec::new();
            for item in items {
                let line = lines.at(item.span().start);
                list.push(from_toml(item.get_ref(), line, lines, depth + 1, n_nodes)?);
            }
            Value::List(list)
        }
        DeValue::Table(table) => return from_toml_table(table, line, lines, depth, n_nodes),
    };
    Ok(Node { line, value })
}

/// Where the lines of a text start.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    fn at(&self, offset: usize) -> u32 {
        let above = self.0.partition_point(|end| *end < offset);
        u32::try_from(above + 1).unwrap_or(u32::MAX)
    }
}

// ---- XML ----

struct Open {
    name: String,
    line: u32,
    pairs: Vec<(String, Node)>,
    text: String,
}

impl Open {
    fn close(self) -> (String, Node) {
        let Self { name, line, mut pairs, text } = self;
        let text = text.trim();
        let value = if pairs.is_empty() {
            Value::Text(text.to_owned())
        } else {
            if !text.is_empty() {
                pairs.push(("#text".into(), Node { line, value: Value::Text(text.to_owned()) }));
            }
            Value::Map(pairs)
        };
        (name, Node { line, value })
    }
}

/// No entity but the five of XML itself is expanded, so nothing can grow or be fetched.
fn xml(text: &str) -> Result<Node, Problem> {
    use quick_xml::events::Event;
    let lines = Lines::of(text);
    let mut reader = quick_xml::Reader::from_str(text);
    let mut stack =
        vec![Open { name: String::new(), line: 1, pairs: Vec::new(), text: String::new() }];
    let mut n_nodes = 0;
    loop {
        let line = lines.at(usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX));
        let wrong = |_| Problem::Syntax { line, message: "not XML" };
        let event = reader.read_event().map_err(wrong)?;
        n_nodes += 1;
        if n_nodes > MAX_NODES {
            return Err(Problem::TooManyNodes);
        }
        match event {
            Event::Start(start) => {
                if stack.len() > MAX_DEPTH {
                    return Err(Problem::TooDeep);
                }
                stack.push(open_element(&start, line));
            }
            Event::Empty(start) => {
                let element = open_element(&start, line).close();
                if let Some(open) = stack.last_mut() {
                    open.pairs.push(element);
                }
            }
            Event::End(_) => {
                let Some(open) = stack.pop() else { continue };
                let element = open.close();
                if let Some(parent) = stack.last_mut() {
                    parent.pairs.push(element);
                }
            }
            Event::Text(part) => {
                if let Some(open) = stack.last_mut() {
                    open.text.push_str(&part.xml10_content());
                }
            }
            Event::CData(part) => {
                if let Some(open) = stack.last_mut() {
                    open.text.push_str(&part.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                if let Some(open) = stack.last_mut() {
                    open.text.push_str(&resolved(&reference.into_inner()));
                }
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if stack.len() > 1 {
        return Err(Problem::Syntax { line: lines.at(text.len()), message: "ends in the middle" });
    }
    let root = stack.pop().map_or(Value::Null, |open| Value::Map(open.pairs));
    Ok(Node { line: 1, value: root })
}

fn open_element(start: &quick_xml::events::BytesStart<'_>, line: u32) -> Open {
    let name = String::from_utf8_lossy(start.local_name().as_ref().as_bytes()).into_owned();
    let mut pairs = Vec::new();
    for attribute in start.attributes().with_checks(false).flatten() {
        let key = String::from_utf8_lossy(attribute.key.as_ref().as_bytes());
        let value = quick_xml::escape::unescape(&attribute.value)
            .map_or_else(|_| attribute.value.to_string(), std::borrow::Cow::into_owned);
        pairs.push((format!("@{key}"), Node { line, value: Value::Text(value) }));
    }
    Open { name, line, pairs, text: String::new() }
}

fn resolved(reference: &str) -> String {
    let entity = format!("&{reference};");
    match quick_xml::escape::unescape(&entity) {
        Ok(text) => text.into_owned(),
        Err(_) => entity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'a>(node: &'a Node, path: &str) -> (&'a str, u32) {
        let keys: Vec<&str> = path.split('/').collect();
        let node = node.at(&keys).unwrap();
        (node.scalar().unwrap(), node.line)
    }

    #[test]
    fn every_syntax_gives_keys_and_lines() {
        let check = |syntax, text: &str, path: &str, expected: (&str, u32)| {
            assert_eq!(get(&read(syntax, text).unwrap(), path), expected, "{text}");
        };
        check(
            Syntax::Json,
            "{\n// why\n\"a\": {\"b\": \"c\\u00e4\\ud83d\\ude00\",},\n}",
            "a/b",
            ("cä😀", 3),
        );
        check(Syntax::Json, "{\"a\": 1 /* x\n */ ,\n \"b\": -2.5e3}", "b", ("-2.5e3", 3));
        check(Syntax::Yaml, "a:\n  b: c\n", "a/b", ("c", 2));
        check(Syntax::Toml, "[a]\n\nb = 'c'\n", "a/b", ("c", 3));
        check(Syntax::Toml, "a.b = 7", "a/b", ("7", 1));
        check(Syntax::Xml, "<a>\n<b>c &amp; d</b></a>", "a/b", ("c & d", 2));
        check(Syntax::Xml, "<a>\n<b key=\"x\">c</b></a>", "a/b/@key", ("x", 2));
        check(Syntax::Xml, "<a>\n<b key=\"x\">c</b></a>", "a/b/#text", ("c", 2));
        for syntax in [Syntax::Json, Syntax::Yaml, Syntax::Toml, Syntax::Xml] {
            assert!(read(syntax, "").unwrap().pairs().is_empty());
        }
    }

    #[test]
    fn hostile_documents_are_refused() {
        let check = |syntax, text: &str, expected: &str| {
            assert_eq!(read(syntax, text).unwrap_err().to_string(), expected);
        };
        let deep = "nested deeper than 64";
        check(Syntax::Json, &"[".repeat(100_000), deep);
        check(Syntax::Json, &"{\"a\":".repeat(100_000), deep);
        check(Syntax::Yaml, &"[".repeat(100_000), deep);
        check(Syntax::Toml, &format!("a = {}", "[".repeat(100_000)), deep);
        check(
            Syntax::Toml,
            &format!("a = {}{}", "[".repeat(100), "]".repeat(100)),
            "line 1: not TOML",
        );
        check(Syntax::Toml, &format!("a{} = 1", ".a".repeat(100_000)), deep);
        check(Syntax::Toml, &format!("a = {}", "[\n".repeat(100_000)), "line 81: not TOML");
        check(
            Syntax::Toml,
            &"a.b.c = 1\n".repeat(100_000),
            "more than 200000 dots, commas, brackets and equals signs",
        );
        check(Syntax::Xml, &"<a>".repeat(100_000), deep);
        check(Syntax::Json, "{\"a\": ", "line 1: ends in the middle");
        check(Syntax::Json, "{\"a\": \"x", "line 1: a string is not closed");
        check(Syntax::Json, "{}\n{}", "line 2: more after the end of the document");
        check(Syntax::Xml, "<a>\n<b>", "line 2: ends in the middle");
        let repeated = format!("x: &a {}\ny: [{}]", "A".repeat(1 << 20), "*a, ".repeat(50));
        check(Syntax::Yaml, &repeated, "aliases repeat more than 8388608 bytes");
        let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>";
        assert_eq!(get(&read(Syntax::Xml, laughs).unwrap(), "x").0, "&b;");
    }

    #[test]
    fn encodings() {
        let check = |bytes: &[u8], expected: &str| assert_eq!(text(bytes).unwrap(), expected);
        check(b"\xef\xbb\xbfa", "a");
        check(b"\xff\xfea\0b\0", "ab");
        check(b"\xfe\xff\0a\0b", "ab");
        check(b"a\xff", "a\u{fffd}");
        assert_eq!(text(b"\x7fELF\0\0"), Err(Problem::Binary));
    }

    fn same(ours: &Node, theirs: &serde_json::Value) -> bool {
        match (&ours.value, theirs) {
            (Value::Null, serde_json::Value::Null) => true,
            (Value::Truth(a), serde_json::Value::Bool(b)) => a == b,
            (Value::Number(a), serde_json::Value::Number(b)) => a.parse::<f64>().ok() == b.as_f64(),
            (Value::Text(a), serde_json::Value::String(b)) => a == b,
            (Value::List(a), serde_json::Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Value::Map(_), serde_json::Value::Object(b)) => {
                b.iter().all(|(key, b)| ours.get(key).is_some_and(|a| same(a, b)))
            }
            _ => false,
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-:a-c\\[\\]{}&*!|>'\"#?, \n\t/\\\\=.<;0-9u]{0,200}") {
            for syntax in [Syntax::Json, Syntax::Yaml, Syntax::Toml, Syntax::Xml] {
                drop(read(syntax, &text));
            }
        }

        #[test]
        fn any_bytes_are_text_or_binary(bytes: Vec<u8>) {
            drop(text(&bytes));
        }

        #[test]
        fn what_serde_json_reads_we_read_the_same(text in "(\\{\"[a-c]\":|\\[|\"x\\\\u00e9\\\\n\"|null|true|-?[0-9.]{1,4}|,|\\]|\\}| ){0,12}") {
            if let Ok(theirs) = serde_json::from_str::<serde_json::Value>(&text) {
                let ours = read(Syntax::Json, &text).unwrap();
                proptest::prop_assert!(same(&ours, &theirs), "{}", text);
            }
        }
    }
}
