//! Which known names somebody may have meant.

/// More are not told.
pub const MAX_NEAREST: usize = 3;

/// A longer text has no likeness: comparing takes time that grows with both lengths.
pub const MAX_NEAREST_BYTES: usize = 128;

/// The names that differ least from a text, in either case: by at most a quarter of its letters and
/// two, with two neighbours that changed places as one difference. The likest first. More would take
/// another verb for a slip of the finger.
pub fn nearest<'n>(text: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    if text.len() > MAX_NEAREST_BYTES {
        return Vec::new();
    }
    let wanted = lower(text);
    let most = (wanted.len() / 4).clamp(1, 2);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for name in names {
        if name.len().abs_diff(wanted.len()) <= most {
            let n_changes = changes(&wanted, &lower(name), most);
            found.extend(n_changes.map(|n_changes| (n_changes, name)));
        }
    }
    found.sort_by_key(|(n_changes, name)| (*n_changes, name.len().abs_diff(wanted.len()), *name));
    found.truncate(MAX_NEAREST);
    found.into_iter().map(|(_, name)| name).collect()
}

fn lower(text: &str) -> Vec<u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase()).collect()
}

/// How many letters have to be put in, taken out, changed or swapped with their neighbour; none
/// where that is more than `most`.
fn changes(one: &[u8], other: &[u8], most: usize) -> Option<usize> {
    // Rows of the usual table: the one before the last, the last.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut least = i + 1;
        for (j, b) in other.iter().enumerate() {
            let at = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut n =
                (at(&last, j) + usize::from(a != b)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped =
                |text: &[u8], n: usize| n.checked_sub(1).and_then(|n| text.get(n).copied());
            if swapped(one, i) == Some(*b) && swapped(other, j) == Some(*a) {
                n = n.min(at(&before, j - 1) + 1);
            }
            row.push(n);
            least = least.min(n);
        }
        if least > most {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|n| *n <= most)
}
