//! Who last wrote each line of a file that stands.
//!
//! Lines are followed from version to version while [`history`](super::history) walks from the
//! newest commit back: a line that a commit's version has and its parent's lacks was written by that
//! commit's author. At a merge a line goes on with the first parent that has it.

use std::collections::BTreeMap;

use gix::ObjectId;
use gix::diff::blob::{Algorithm, Diff, InternedInput};

/// Files longer than this are not followed.
pub(super) const MAX_BLAMED_BYTES: usize = 1 << 20;
const MAX_BLAMED_LINES: usize = 20_000;

/// The lines of one file.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Who wrote each, as a number of the walk; none where that is not known (yet).
    writers: Vec<Option<u32>>,
    /// Lines that are still followed, by the version they were followed to: the line of the file
    /// that stands, and the line of that version, from 0.
    open: BTreeMap<ObjectId, Vec<(u32, u32)>>,
}

impl Lines {
    /// Begins with the version that stands.
    pub(super) fn of(id: ObjectId, text: &[u8]) -> Self {
        let n = text.split_inclusive(|byte| *byte == b'\n').count();
        if text.len() > MAX_BLAMED_BYTES || n > MAX_BLAMED_LINES || text.contains(&0) {
            return Self::default();
        }
        let n = u32::try_from(n).unwrap_or(0);
        let open = (0..n).map(|line| (line, line)).collect();
        Self { writers: vec![None; n as usize], open: BTreeMap::from([(id, open)]) }
    }

    /// Whether some of its lines are in this version.
    pub(super) fn follows(&self, id: ObjectId) -> bool {
        self.open.contains_key(&id)
    }

    /// A commit made version `now` out of those of its parents: each line goes on with the first
    /// that has it, and what none has its author wrote (none for a bot).
    pub(super) fn step(
        &mut self,
        (now, text): (ObjectId, &[u8]),
        parents: &[(ObjectId, Vec<u8>)],
        writer: Option<u32>,
    ) {
        let Some(mut left) = self.open.remove(&now) else { return };
        for (parent, before) in parents {
            let earlier = Earlier::of(before, text);
            let mut rest = Vec::new();
            let went_on = self.open.entry(*parent).or_default();
            for (line, at) in left {
                match earlier.line(at) {
                    Some(at) => went_on.push((line, at)),
                    None => rest.push((line, at)),
                }
            }
            left = rest;
        }
        for (line, _) in left {
            if let Some(slot) = self.writers.get_mut(line as usize) {
                *slot = writer;
            }
        }
    }

    pub(super) fn into_writers(self) -> Vec<Option<u32>> {
        self.writers
    }
}

/// What it costs to compare two versions, as bytes to unpack: each line between what they begin and
/// end with may be held against each.
pub(super) fn diff_cost(before: &[u8], now: &[u8]) -> u64 {
    const PAIRS_PER_BYTE: u64 = 16;
    let start = before.iter().zip(now).take_while(|(one, other)| one == other).count();
    let (before, now) = (before.get(start..), now.get(start..));
    let (before, now) = (before.unwrap_or_default(), now.unwrap_or_default());
    let both = before.iter().rev().zip(now.iter().rev());
    let end = both.take_while(|(one, other)| one == other).count();
    let n_lines = |text: &[u8]| {
        let text = text.get(..text.len() - end).unwrap_or_default();
        memchr::memchr_iter(b'\n', text).count() as u64 + 1
    };
    n_lines(before) * n_lines(now) / PAIRS_PER_BYTE
}

/// Where lines were in the version before.
struct Earlier {
    /// Of each piece that was put in or taken out: where it begins and ends now, and by how much
    /// lines after it have moved.
    pieces: Vec<(u32, u32, i64)>,
}

impl Earlier {
    fn of(before: &[u8], now: &[u8]) -> Self {
        let diff = Diff::compute(Algorithm::Histogram, &InternedInput::new(before, now));
        let pieces = diff.hunks().map(|hunk| {
            let moved = i64::from(hunk.before.end) - i64::from(hunk.after.end);
            (hunk.after.start, hunk.after.end, moved)
        });
        Self { pieces: pieces.collect() }
    }

    /// The line before; none for one that was put in.
    fn line(&self, now: u32) -> Option<u32> {
        let n = self.pieces.partition_point(|(start, ..)| *start <= now);
        let Some((_, end, moved)) = n.checked_sub(1).and_then(|n| self.pieces.get(n)) else {
            return Some(now);
        };
        if now < *end {
            return None;
        }
        u32::try_from(i64::from(now) + moved).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::from_bytes_or_panic(&[n; 20])
    }

    /// `0`, `1` … for the commit that wrote a line, `?` where that is not known.
    fn told(lines: &Lines) -> String {
        lines.writers.iter().map(|by| by.map_or("?".into(), |by| by.to_string())).collect()
    }

    /// Versions from the newest to the oldest, each of one commit.
    fn check(versions: &[&str], expected: &str) {
        let mut lines = Lines::of(id(0), versions[0].as_bytes());
        for (n, version) in (0_u8..).zip(versions) {
            let before = versions.get(usize::from(n) + 1);
            let parents: Vec<_> =
                before.iter().map(|before| (id(n + 1), before.as_bytes().to_vec())).collect();
            lines.step((id(n), version.as_bytes()), &parents, Some(n.into()));
        }
        assert_eq!(told(&lines), expected);
    }

    #[test]
    fn lines_belong_to_who_wrote_them() {
        check(&["a\nb\n"], "00");
        check(&["a\nb\n", "a\n"], "10");
        check(&["a\nX\nc\n", "a\nb\nc\n"], "101");
        check(&["new\na\nb\n", "a\nb\n", "b\n"], "012");
        check(&["b\nc\n", "a\nb\nc\n", "a\nb\n"], "21");
        check(&["a\nb", "a\nb\n"], "10");
        check(&["", "a\n"], "");
    }

    #[test]
    fn a_merge_takes_from_both_sides() {
        let merged = (id(0), b"one\nmiddle\ntwo\nby hand\n".as_slice());
        let mut lines = Lines::of(merged.0, merged.1);
        let left = (id(1), b"one\nmiddle\n".to_vec());
        let right = (id(2), b"middle\ntwo\n".to_vec());
        lines.step(merged, &[left.clone(), right.clone()], Some(0));
        assert!(lines.follows(id(1)) && lines.follows(id(2)) && !lines.follows(id(0)));
        let base = (id(3), b"middle\n".to_vec());
        lines.step((left.0, &left.1), std::slice::from_ref(&base), Some(1));
        lines.step((right.0, &right.1), std::slice::from_ref(&base), Some(2));
        lines.step((base.0, &base.1), &[], Some(3));
        assert_eq!(told(&lines), "1320");
    }

    #[test]
    fn versions_that_share_little_cost_much() {
        let check = |before: &str, now: &str, expected: u64| {
            assert_eq!(diff_cost(before.as_bytes(), now.as_bytes()), expected);
        };
        let many = "a\n".repeat(160);
        check("", "", 0);
        check(&many, &many, 0);
        check(&format!("{many}b\n{many}"), &format!("{many}c\n{many}"), 0);
        check(&format!("b{many}b"), &format!("c{many}c"), 161 * 161 / 16);
    }

    #[test]
    fn what_is_no_text_or_too_long_is_not_followed() {
        assert!(Lines::of(id(0), b"a\0b\n").writers.is_empty());
        assert!(Lines::of(id(0), &[b'\n'].repeat(MAX_BLAMED_LINES + 1)).writers.is_empty());
        assert!(Lines::of(id(0), &[b'a'].repeat(MAX_BLAMED_BYTES + 1)).writers.is_empty());
    }

    proptest! {
        /// The file that stands is put together again from what its writers wrote.
        #[test]
        fn a_line_goes_on_as_it_is(versions in prop::collection::vec("[ab\n]{0,12}", 1..5)) {
            for pair in versions.windows(2) {
                let (now, before) = (pair[0].as_bytes(), pair[1].as_bytes());
                let earlier = Earlier::of(before, now);
                let split = |text: &[u8]| -> Vec<Vec<u8>> {
                    text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
                };
                let (now, before) = (split(now), split(before));
                for (n, line) in (0_u32..).zip(&now) {
                    if let Some(at) = earlier.line(n) {
                        prop_assert_eq!(before.get(at as usize), Some(line));
                    }
                }
            }
        }
    }
}
