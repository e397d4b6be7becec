//! The `[section]` and `key = value` files that command line tools share, each in its own dialect:
//! this reader takes what any of them writes.

/// A file with more lines than this is read up to here.
pub const MAX_LINES: usize = 200_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Empty for what stands before the first section.
    pub name: String,
    pub line: u32,
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    /// Without quotes around it; empty when only the key stands there.
    pub value: String,
    pub line: u32,
}

impl Section {
    /// The last entry of that key counts; keys are compared without case.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.key.eq_ignore_ascii_case(key) && !entry.value.is_empty())
    }

    pub fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(|entry| entry.value.as_str())
    }
}

/// Reads any text: what is neither section, comment nor entry is passed over.
pub fn read(text: &str) -> Vec<Section> {
    let mut sections = vec![Section { name: String::new(), line: 1, entries: Vec::new() }];
    for (n, line) in text.lines().take(MAX_LINES).enumerate() {
        let number = u32::try_from(n + 1).unwrap_or(u32::MAX);
        let is_indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let name = rest.split_once(']').map_or(rest, |(name, _)| name).trim();
            // Git and AWS write `[profile "x"]` for `[profile x]`.
            let name = name.replace('"', "");
            sections.push(Section { name, line: number, entries: Vec::new() });
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        let (key, value) = match line.find(['=', ':']) {
            Some(at) => (line.get(..at).unwrap_or(line), line.get(at + 1..).unwrap_or("")),
            None => (line, ""),
        };
        if is_indented && value.is_empty() && !section.entries.is_empty() {
            // The next of several values below one key; none of the keys we ask for has them.
            continue;
        }
        section.entries.push(Entry {
            key: key.trim().to_owned(),
            value: plain(value),
            line: number,
        });
    }
    sections.retain(|section| !section.name.is_empty() || !section.entries.is_empty());
    sections
}

/// A value without the comment after it and the quotes around it.
fn plain(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote));
        if let Some((inner, after)) = inner
            && (after.trim_start().is_empty() || after.trim_start().starts_with(['#', ';']))
        {
            return inner.to_owned();
        }
    }
    // Only after white space: passwords hold `#` and `;`.
    let end = value.find(" #").into_iter().chain(value.find(" ;")).chain(value.find("\t#")).min();
    value.get(..end.unwrap_or(value.len())).unwrap_or(value).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects() {
        let text = "top = 1\r\n# no\r\n[profile \"a b\"]\r\nkey=value ; comment\r\nhash = p#ss;word\r\nquoted = \"x # y\" # z\r\nother: z\r\ns3 =\r\n  max = 1\r\nbare\r\n";
        let sections = read(text);
        let check = |section: usize, key: &str, expected: &str| {
            assert_eq!(sections[section].value(key), Some(expected), "{key}");
        };
        assert_eq!(sections[1].name, "profile a b");
        check(0, "top", "1");
        check(1, "KEY", "value");
        check(1, "hash", "p#ss;word");
        check(1, "quoted", "x # y");
        check(1, "other", "z");
        assert_eq!(sections[1].get("hash").unwrap().line, 5);
        assert_eq!(sections[1].get("bare"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "[\\[\\]=:#;\"' \n\ta-c]{0,200}") {
            let n_entries: usize = read(&text).iter().map(|section| section.entries.len()).sum();
            proptest::prop_assert!(n_entries <= text.lines().count());
        }

        #[test]
        fn what_is_written_is_read(key in "[a-z_]{1,12}", value in "[a-zA-Z0-9/+]{1,40}") {
            let sections = read(&format!("[s]\n{key} = {value}\n"));
            proptest::prop_assert_eq!(sections[0].value(&key), Some(value.as_str()));
        }
    }
}
