//! Kerberos keytabs (MIT file format 0x0501 and 0x0502).

use model::{Secret, Time};

/// A keytab with more entries than this is read up to here.
pub const MAX_ENTRIES: usize = 10_000;
/// A principal with more components than this is refused; real ones have one to three.
const MAX_COMPONENTS: usize = 16;

#[derive(Debug, Clone)]
pub struct Entry {
    /// `HTTP/web.example.org`.
    pub principal: String,
    pub realm: String,
    pub created_at: Time,
    /// Key version number.
    pub version: u32,
    /// Number and name, such as 18 and `aes256-cts-hmac-sha1-96`.
    pub encryption_type: u16,
    pub encryption: &'static str,
    pub weak: bool,
    pub key: Secret<Vec<u8>>,
}

/// The entries of a keytab. One that breaks off gives those before the break; [`read_all`] says
/// that it did.
pub fn read(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    match read_all(bytes) {
        (entries, Some(problem)) if entries.is_empty() => Err(problem),
        (entries, _) => Ok(entries),
    }
}

/// The entries of a keytab, and why reading stopped before its end.
pub fn read_all(bytes: &[u8]) -> (Vec<Entry>, Option<String>) {
    let mut entries = Vec::new();
    // Format 1 is in the byte order of the machine that wrote it, which was nearly always small
    // end first; format 2 is big end first.
    let (order, mut rest) = match bytes {
        [5, 2, rest @ ..] => (Order::BigEnd, rest),
        [5, 1, rest @ ..] => (Order::SmallEnd, rest),
        _ => return (entries, Some("it does not start as a keytab does".into())),
    };
    while !rest.is_empty() {
        let mut bytes = Bytes { rest, order };
        let Some(size) = bytes.number().map(u32::cast_signed) else {
            return (entries, Some("it ends within the length of an entry".into()));
        };
        if size == 0 {
            break; // what stands behind is unused space
        }
        let length = usize::try_from(size.unsigned_abs()).unwrap_or(usize::MAX);
        let Some(body) = bytes.take(length) else {
            return (entries, Some("it ends before the length that an entry states".into()));
        };
        rest = bytes.rest;
        if size < 0 {
            continue; // a hole where an entry was removed
        }
        if entries.len() == MAX_ENTRIES {
            return (
                entries,
                Some(format!("more than {MAX_ENTRIES} entries; the rest is not read")),
            );
        }
        match entry(Bytes { rest: body, order }) {
            Some(entry) => entries.push(entry),
            None => return (entries, Some("an entry that cannot be parsed".into())),
        }
    }
    (entries, None)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    SmallEnd,
    BigEnd,
}

struct Bytes<'a> {
    rest: &'a [u8],
    order: Order,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(match self.order {
            Order::BigEnd => u32::from_be_bytes(bytes),
            Order::SmallEnd => u32::from_le_bytes(bytes),
        })
    }

    fn number16(&mut self) -> Option<u16> {
        let bytes = self.take(2)?.try_into().ok()?;
        Some(match self.order {
            Order::BigEnd => u16::from_be_bytes(bytes),
            Order::SmallEnd => u16::from_le_bytes(bytes),
        })
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.number16()?);
        self.take(length)
    }
}

fn entry(mut bytes: Bytes<'_>) -> Option<Entry> {
    let mut n_components = usize::from(bytes.number16()?);
    if bytes.order == Order::SmallEnd {
        n_components = n_components.checked_sub(1)?; // format 1 counts the realm
    }
    if n_components == 0 || n_components > MAX_COMPONENTS {
        return None;
    }
    let text = |bytes: &[u8]| model::text::lossless(bytes);
    let realm = text(bytes.counted()?);
    let mut components = Vec::with_capacity(n_components);
    for _ in 0..n_components {
        components.push(text(bytes.counted()?));
    }
    if bytes.order == Order::BigEnd {
        bytes.number()?; // the type of the name
    }
    let created_at = Time::from_seconds(bytes.number()?.into());
    let mut version = u32::from(*bytes.take(1)?.first()?);
    let encryption_type = bytes.number16()?;
    let key = bytes.counted()?.to_vec();
    // Versions above 255 stand at the end; zero there means that they do not.
    if let Some(long) = bytes.number().filter(|version| *version != 0) {
        version = long;
    }
    let (encryption, weak) = encryption(encryption_type);
    Some(Entry {
        principal: components.join("/"),
        realm,
        created_at,
        version,
        encryption_type,
        encryption,
        weak,
        key: key.into(),
    })
}

/// Names of the IANA registry; weak are those that RFC 6649 and RFC 8429 deprecate.
const fn encryption(number: u16) -> (&'static str, bool) {
    match number {
        1 => ("des-cbc-crc", true),
        2 => ("des-cbc-md4", true),
        3 => ("des-cbc-md5", true),
        16 => ("des3-cbc-sha1", true),
        17 => ("aes128-cts-hmac-sha1-96", false),
        18 => ("aes256-cts-hmac-sha1-96", false),
        19 => ("aes128-cts-hmac-sha256-128", false),
        20 => ("aes256-cts-hmac-sha384-192", false),
        23 => ("arcfour-hmac", true),
        24 => ("arcfour-hmac-exp", true),
        25 => ("camellia128-cts-cmac", false),
        26 => ("camellia256-cts-cmac", false),
        _ => ("unknown", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A keytab of format 2 with `HTTP/web.example.org@EXAMPLE.ORG` in two versions and a hole.
    fn keytab() -> Vec<u8> {
        let counted = |text: &str| {
            [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
        };
        let entry = |version: u8, long: Option<u32>, encryption: u16| {
            let mut body = 2_u16.to_be_bytes().to_vec();
            body.extend(counted("EXAMPLE.ORG"));
            body.extend(counted("HTTP"));
            body.extend(counted("web.example.org"));
            body.extend(1_u32.to_be_bytes());
            body.extend(1_700_000_000_u32.to_be_bytes());
            body.push(version);
            body.extend(encryption.to_be_bytes());
            body.extend(counted("not a key"));
            body.extend(long.map(u32::to_be_bytes).iter().flatten());
            [&u32::try_from(body.len()).unwrap().to_be_bytes(), body.as_slice()].concat()
        };
        let mut bytes = vec![5, 2];
        bytes.extend(entry(3, None, 18));
        bytes.extend((-4_i32).to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(entry(1, Some(257), 23));
        bytes
    }

    #[test]
    fn entries_and_holes() {
        let entries = read(&keytab()).unwrap();
        let shown: Vec<_> = entries
            .iter()
            .map(|it| {
                format!(
                    "{}@{} {} {} {}",
                    it.principal, it.realm, it.version, it.encryption, it.weak
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "HTTP/web.example.org@EXAMPLE.ORG 3 aes256-cts-hmac-sha1-96 false",
                "HTTP/web.example.org@EXAMPLE.ORG 257 arcfour-hmac true",
            ]
        );
        assert_eq!(entries[0].created_at.to_string(), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn every_cut_is_noticed_or_clean() {
        let whole = keytab();
        for n in 2..whole.len() {
            let (entries, problem) = read_all(&whole[..n]);
            assert!(entries.len() < 2, "{n}");
            let is_clean = [2, 66, 74].contains(&n);
            assert_eq!(problem.is_none(), is_clean, "{n} {problem:?}");
        }
        assert!(read(b"\x05\x02\x7f\xff\xff\xff").is_err());
        assert!(read(b"text").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>, format in 1..=2_u8) {
            let _entries = read(&[&[5, format], bytes.as_slice()].concat());
        }
    }
}
