//! What a running sync states that is new or differs, kept beside the database until it is
//! published.
//!
//! A file without a name: whatever ends the process, nothing of it is left. Entries are appended
//! and read back once, in order; nothing waits for a disk, since a lost spool is a lost sync.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::engine::Value;
use crate::error::Error;

const SPOOL_FILE: &str = "spool";

/// Entries are written in parts of this size.
const WRITE_BYTES: usize = 1 << 20;

/// Entries: of which kind of record, then its values.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    /// None for a store that keeps nothing: all is in `waiting`.
    file: Option<(File, PathBuf)>,
    /// What is in the file.
    written: u64,
    waiting: Vec<u8>,
}

/// An entry's place; they rise.
pub(crate) type Offset = u64;

const HEAD_BYTES: usize = 5;

impl Spool {
    /// In the folder, or in memory where there is none. Two callers at once would take each
    /// other's file away: call it under the write lock.
    pub(crate) fn new(folder: Option<&Path>) -> Result<Self> {
        let file = folder.map(nameless).transpose()?;
        Ok(Self { file, written: 0, waiting: Vec::new() })
    }

    pub(crate) fn push<'a>(
        &mut self,
        table: u8,
        values: impl IntoIterator<Item = Value<'a>>,
    ) -> Result<Offset> {
        let start = self.waiting.len();
        let offset = self.written + start as u64;
        self.waiting.extend([table, 0, 0, 0, 0]);
        for value in values {
            write(&mut self.waiting, value)?;
        }
        let n_bytes = length(self.waiting.len() - start - HEAD_BYTES)?;
        if let Some(place) = self.waiting.get_mut(start + 1..start + HEAD_BYTES) {
            place.copy_from_slice(&n_bytes);
        }
        if self.waiting.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(offset)
    }

    fn flush(&mut self) -> Result<()> {
        if let Some((file, path)) = &mut self.file {
            file.write_all(&self.waiting).map_err(|source| failed(path, source))?;
            self.written += self.waiting.len() as u64;
            self.waiting.clear();
        }
        Ok(())
    }

    /// The values of one entry, encoded.
    pub(crate) fn is_empty(&self) -> bool {
        self.written == 0 && self.waiting.is_empty()
    }

    pub(crate) fn entry(&mut self, offset: Offset) -> Result<Vec<u8>> {
        self.flush()?;
        let Some((file, path)) = &self.file else {
            let start = usize::try_from(offset).map_err(|_| odd())?;
            let mut rest = self.waiting.get(start..).ok_or_else(odd)?;
            let mut entry = Vec::new();
            read_entry(&mut rest, &mut entry, Path::new(SPOOL_FILE))?;
            return Ok(entry);
        };
        let mut head = [0; HEAD_BYTES];
        file.read_exact_at(&mut head, offset).map_err(|source| failed(path, source))?;
        let [_, length @ ..] = head;
        let mut entry = vec![0; u32::from_le_bytes(length) as usize];
        file.read_exact_at(&mut entry, offset + HEAD_BYTES as u64)
            .map_err(|source| failed(path, source))?;
        Ok(entry)
    }

    /// Hands out every entry in the order in which they came.
    pub(crate) fn each(
        &mut self,
        mut visit: impl FnMut(Offset, u8, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.flush()?;
        let mut offset = 0;
        let mut entry = Vec::new();
        let mut all = |input: &mut dyn BufRead, path: &Path| {
            while let Some(table) = read_entry(input, &mut entry, path)? {
                visit(offset, table, &entry)?;
                offset += (HEAD_BYTES + entry.len()) as u64;
            }
            Ok(())
        };
        match &mut self.file {
            None => all(&mut self.waiting.as_slice(), Path::new(SPOOL_FILE)),
            Some((file, path)) => {
                file.seek(SeekFrom::Start(0)).map_err(|source| failed(path, source))?;
                all(&mut BufReader::with_capacity(WRITE_BYTES, &mut *file), path)
            }
        }
    }
}

fn read_entry(input: &mut dyn BufRead, entry: &mut Vec<u8>, path: &Path) -> Result<Option<u8>> {
    let mut head = [0; HEAD_BYTES];
    match input.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(failed(path, error)),
    }
    let [table, length @ ..] = head;
    let n_bytes = u32::from_le_bytes(length);
    entry.clear();
    input.take(n_bytes.into()).read_to_end(entry).map_err(|source| failed(path, source))?;
    if entry.len() == n_bytes as usize { Ok(Some(table)) } else { Err(odd()) }
}

/// A new file that has no name any more.
fn nameless(folder: &Path) -> Result<(File, PathBuf)> {
    let path = folder.join(SPOOL_FILE);
    let remove = || match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&path, error)),
        _ => Ok(()),
    };
    // One is there when a process was killed between the next two acts.
    remove()?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|source| failed(&path, source))?;
    remove()?;
    Ok((file, path))
}

const NULL: u8 = 0;
const INT: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

fn write(out: &mut Vec<u8>, value: Value<'_>) -> Result<()> {
    match value {
        Value::Null => out.push(NULL),
        Value::Int(value) => {
            out.push(INT);
            out.extend(value.to_le_bytes());
        }
        Value::Real(value) => {
            out.push(REAL);
            out.extend(value.to_le_bytes());
        }
        Value::Text(text) => {
            out.push(TEXT);
            out.extend(length(text.len())?);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Blob(bytes) => {
            out.push(BLOB);
            out.extend(length(bytes.len())?);
            out.extend_from_slice(bytes);
        }
    }
    Ok(())
}

/// The values of an entry.
pub(crate) fn values(mut rest: &[u8]) -> Result<Vec<Value<'_>>> {
    let mut values = Vec::with_capacity(32);
    while let Some((&tag, after)) = rest.split_first() {
        rest = after;
        values.push(match tag {
            NULL => Value::Null,
            INT => Value::Int(i64::from_le_bytes(take(&mut rest)?)),
            REAL => Value::Real(f64::from_le_bytes(take(&mut rest)?)),
            TEXT => Value::Text(std::str::from_utf8(sized(&mut rest)?).map_err(|_| odd())?),
            BLOB => Value::Blob(sized(&mut rest)?),
            _ => return Err(odd()),
        });
    }
    Ok(values)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, after) = rest.split_first_chunk().ok_or_else(odd)?;
    *rest = after;
    Ok(*taken)
}

fn sized<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let n_bytes = u32::from_le_bytes(take(rest)?) as usize;
    let (taken, after) = rest.split_at_checked(n_bytes).ok_or_else(odd)?;
    *rest = after;
    Ok(taken)
}

fn length(n_bytes: usize) -> Result<[u8; 4]> {
    let n_bytes = u32::try_from(n_bytes).map_err(|_| Error::Database {
        doing: DOING,
        source: "a record of more than 4 GiB".into(),
    })?;
    Ok(n_bytes.to_le_bytes())
}

const DOING: &str = "keep what a source states";

pub(crate) fn odd() -> Error {
    Error::Corrupt { doing: DOING, what: "the spool of a sync does not read back".into() }
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    if source.kind() == ErrorKind::StorageFull {
        return Error::Full { doing: DOING };
    }
    Error::File { doing: DOING, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(folder: Option<&Path>, entries: &[(u8, Vec<Option<String>>)]) {
        let mut spool = Spool::new(folder).unwrap();
        let mut offsets = Vec::new();
        for (table, texts) in entries {
            let values = texts.iter().map(|text| match text {
                None => Value::Real(0.5),
                Some(text) if text.len() % 2 == 0 => Value::Text(text),
                Some(text) => Value::Blob(text.as_bytes()),
            });
            let ends = [Value::Null, Value::Int(-1)];
            offsets.push(spool.push(*table, values.chain(ends)).unwrap());
        }
        let mut read = Vec::new();
        spool
            .each(|offset, table, entry| {
                let mut texts = Vec::new();
                for value in values(entry)? {
                    match value {
                        Value::Real(value) => {
                            assert_eq!(value.to_bits(), 0.5_f64.to_bits());
                            texts.push(None);
                        }
                        Value::Text(text) => texts.push(Some(text.to_owned())),
                        Value::Blob(bytes) => {
                            texts.push(Some(String::from_utf8(bytes.to_vec()).unwrap()));
                        }
                        Value::Null => {}
                        Value::Int(value) => assert_eq!(value, -1),
                    }
                }
                read.push((offset, table, texts, entry.to_vec()));
                Ok(())
            })
            .unwrap();
        assert_eq!(read.len(), entries.len());
        for (((offset, table, texts, entry), wanted), at) in
            read.into_iter().zip(entries).zip(offsets)
        {
            assert_eq!((offset, (table, texts)), (at, wanted.clone()));
            assert_eq!(spool.entry(at).unwrap(), entry);
        }
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read_back(
            entries in prop::collection::vec(
                (any::<u8>(), prop::collection::vec(prop::option::of(".{0,9}"), 0..5)), 0..9),
        ) {
            let folder = tempfile::tempdir().unwrap();
            check(None, &entries);
            check(Some(folder.path()), &entries);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }

        #[test]
        fn any_bytes_are_values_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            drop(values(&bytes));
        }
    }

    #[test]
    fn entries_larger_than_a_write_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let long = "é".repeat(WRITE_BYTES);
        check(Some(folder.path()), &[(1, vec![Some(long.clone())]), (2, vec![None, Some(long)])]);
    }
}
