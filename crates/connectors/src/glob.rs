//! Patterns with wildcards from foreign files, compiled within limits: the library that compiles
//! them ends in a panic where one becomes too large.

use globset::{GlobBuilder, GlobMatcher};

/// A longer pattern matches nothing: no path that people write patterns for is as long.
const MAX_PATTERN_BYTES: usize = 512;

/// Names with wildcards, as shells and servers take them: `*` is anything.
pub fn of_names(pattern: &str) -> Option<GlobMatcher> {
    compile(&GlobBuilder::new(short(pattern)?))
}

/// Paths with wildcards: `*` stays within a folder, `**` does not.
pub fn of_paths(pattern: &str) -> Option<GlobMatcher> {
    let mut builder = GlobBuilder::new(short(pattern)?);
    builder.literal_separator(true).backslash_escape(true);
    compile(&builder)
}

fn short(pattern: &str) -> Option<&str> {
    (pattern.len() <= MAX_PATTERN_BYTES).then_some(pattern)
}

fn compile(builder: &GlobBuilder<'_>) -> Option<GlobMatcher> {
    builder.build().ok().map(|glob| glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_any_sort() {
        assert!(of_names("web-*").unwrap().is_match("web-1/x"));
        assert!(!of_paths("src/*.rs").unwrap().is_match("src/a/b.rs"));
        for part in
            ["x", "*", "**/", "?", "[!a-z]", "[\u{e9}-\u{2603}]", "{a,b}", "{a,{b,c}}", "\\"]
        {
            let n = MAX_PATTERN_BYTES / part.len();
            of_names(&part.repeat(n));
            of_paths(&part.repeat(n));
            assert!(of_names(&part.repeat(MAX_PATTERN_BYTES + 1)).is_none());
        }
    }
}
