//! The one file that names the database engine: connections, values, statements, failures.
//!
//! Everything else speaks SQL text and [`Value`]s to a [`Connection`].

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags};

use crate::error::Error;
use crate::reference;

/// Memory that the writing connection may use for pages.
const WRITER_CACHE_KIB: i64 = 96 * 1024;
/// The same for each reading connection.
const READER_CACHE_KIB: i64 = 16 * 1024;
/// Pages of the write-ahead log after which it is folded into the database.
const CHECKPOINT_PAGES: i64 = 8_000;
/// What is left of the write-ahead log after it was folded; a large publication makes it larger.
const MAX_LOG_BYTES: i64 = 64 << 20;
/// Larger than the default of 4096: rows with their bodies are some hundred bytes, and whole-table
/// reads go faster.
const PAGE_BYTES: i64 = 8_192;
/// Prepared statements kept per connection.
const STATEMENTS: usize = 128;
/// Steps of the engine are counted by so many.
const STEPS_AT_ONCE: i32 = 10_000;
const UNLIMITED: u64 = u64::MAX;
/// Reading connections kept open when nobody uses them.
const IDLE_READERS: usize = 4;

/// A value of a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<model::Time> for Value<'_> {
    fn from(value: model::Time) -> Self {
        Self::Int(value.micros())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(value),
            Self::Real(value) => ValueRef::Real(value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

/// A value that is kept, for statements put together at run time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Owned {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Owned {
    pub(crate) fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(value) => Value::Int(*value),
            Self::Real(value) => Value::Real(*value),
            Self::Text(value) => Value::Text(value),
            Self::Blob(value) => Value::Blob(value),
        }
    }
}

/// One row of an answer; columns are counted from 0.
pub(crate) struct Row<'a> {
    inner: &'a rusqlite::Row<'a>,
    doing: &'static str,
}

impl Row<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, Error> {
        self.inner.get_ref(column).map_err(|error| failed(self.doing, error))
    }

    fn unfit(&self, column: usize) -> Error {
        Error::Corrupt { doing: self.doing, what: format!("column {column} has an odd type") }
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, Error> {
        match self.value(column)? {
            ValueRef::Integer(value) => Ok(value),
            _ => Err(self.unfit(column)),
        }
    }

    pub(crate) fn maybe_int(&self, column: usize) -> Result<Option<i64>, Error> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(value) => Ok(Some(value)),
            _ => Err(self.unfit(column)),
        }
    }

    pub(crate) fn real(&self, column: usize) -> Result<f64, Error> {
        match self.value(column)? {
            ValueRef::Real(value) => Ok(value),
            _ => Err(self.unfit(column)),
        }
    }

    pub(crate) fn count(&self, column: usize) -> Result<u64, Error> {
        self.int(column).map(|value| u64::try_from(value).unwrap_or(0))
    }

    pub(crate) fn truth(&self, column: usize) -> Result<bool, Error> {
        self.int(column).map(|value| value != 0)
    }

    pub(crate) fn time(&self, column: usize) -> Result<model::Time, Error> {
        self.int(column).map(model::Time::from_micros)
    }

    pub(crate) fn maybe_time(&self, column: usize) -> Result<Option<model::Time>, Error> {
        Ok(self.maybe_int(column)?.map(model::Time::from_micros))
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str, Error> {
        self.maybe_text(column)?.ok_or_else(|| self.unfit(column))
    }

    pub(crate) fn maybe_text(&self, column: usize) -> Result<Option<&str>, Error> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(bytes) => {
                std::str::from_utf8(bytes).map(Some).map_err(|_| self.unfit(column))
            }
            _ => Err(self.unfit(column)),
        }
    }

    pub(crate) fn id(&self, column: usize) -> Result<[u8; 16], Error> {
        self.maybe_id(column)?.ok_or_else(|| self.unfit(column))
    }

    pub(crate) fn maybe_id(&self, column: usize) -> Result<Option<[u8; 16]>, Error> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => bytes.try_into().map(Some).map_err(|_| self.unfit(column)),
            _ => Err(self.unfit(column)),
        }
    }

    pub(crate) fn hash(&self, column: usize) -> Result<[u8; 32], Error> {
        match self.value(column)? {
            ValueRef::Blob(bytes) => bytes.try_into().map_err(|_| self.unfit(column)),
            _ => Err(self.unfit(column)),
        }
    }

    pub(crate) fn owned(&self, column: usize) -> Result<Owned, Error> {
        Ok(match self.value(column)? {
            ValueRef::Null => Owned::Null,
            ValueRef::Integer(value) => Owned::Int(value),
            ValueRef::Real(value) => Owned::Real(value),
            ValueRef::Text(bytes) => Owned::Text(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Blob(bytes) => Owned::Blob(bytes.to_vec()),
        })
    }
}

/// A connection, and what it is used for at the moment: failures say so.
#[derive(Debug)]
pub(crate) struct Connection {
    inner: rusqlite::Connection,
    doing: Cell<&'static str>,
    /// How often [`STEPS_AT_ONCE`] may still be taken.
    left: Arc<AtomicU64>,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Write,
    /// Each commit is on the disk when it returns.
    WriteSynchronously,
    Read,
}

impl Connection {
    pub(crate) fn open(path: &Path, usage: Use) -> Result<Self, Error> {
        const DOING: &str = "open the database";
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
            | match usage {
                Use::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
                _ => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            };
        let inner = rusqlite::Connection::open_with_flags(path, flags)
            .map_err(|error| failed(DOING, error))?;
        let connection = Self::with(inner, DOING);
        if usage != Use::Read {
            connection.script(&format!("PRAGMA page_size = {PAGE_BYTES}"))?;
            connection.script("PRAGMA journal_mode = WAL")?;
            connection.script(&format!("PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"))?;
            connection.script(&format!("PRAGMA journal_size_limit = {MAX_LOG_BYTES}"))?;
        }
        connection.script(match usage {
            Use::WriteSynchronously => "PRAGMA synchronous = FULL",
            _ => "PRAGMA synchronous = NORMAL",
        })?;
        let cache = if usage == Use::Write { WRITER_CACHE_KIB } else { READER_CACHE_KIB };
        connection.script(&format!("PRAGMA cache_size = -{cache}"))?;
        connection.script("PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON")?;
        Ok(connection)
    }

    pub(crate) fn in_memory() -> Result<Self, Error> {
        const DOING: &str = "make a database in memory";
        let inner = rusqlite::Connection::open_in_memory().map_err(|error| failed(DOING, error))?;
        let connection = Self::with(inner, DOING);
        connection.script("PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON")?;
        Ok(connection)
    }

    fn with(mut inner: rusqlite::Connection, doing: &'static str) -> Self {
        inner.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise a statement is compiled anew each time it is given other values, since they might
        // ask for another plan: that took three quarters of an evaluation.
        if let Err(error) = inner.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true) {
            tracing::warn!(%error, "statements will be compiled again and again");
        }
        // The engine's own `lower` knows ASCII only.
        let flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_INNOCUOUS;
        let added = inner.create_scalar_function("fold", 1, flags, |context| {
            let text = context.get_raw(0);
            Ok(text.as_str_or_null()?.map(str::to_lowercase))
        });
        if let Err(error) = added {
            tracing::warn!(%error, "searches will fail: no function for lower case");
        }
        let added = inner.create_scalar_function("mark", 2, flags, |context| {
            let role = u8::try_from(context.get_raw(0).as_i64()?).unwrap_or(u8::MAX);
            Ok(context.get_raw(1).as_blob_or_null()?.map(|id| reference::mark(role, id)))
        });
        if let Err(error) = added {
            tracing::warn!(%error, "nothing will be found by its id: no function for marks");
        }
        // Another reader of the same person (a `sqlite3` shell) may hold a lock for a moment.
        inner.busy_timeout(std::time::Duration::from_secs(10)).ok();
        let left = Arc::new(AtomicU64::new(UNLIMITED));
        let counted = Arc::clone(&left);
        let is_over = move || match counted.load(Ordering::Relaxed) {
            UNLIMITED => false,
            0 => true,
            _ if is_unwanted() => true,
            left => {
                counted.store(left - 1, Ordering::Relaxed);
                false
            }
        };
        if let Err(error) = inner.progress_handler(STEPS_AT_ONCE, Some(is_over)) {
            tracing::warn!(%error, "questions may take as long as they like");
        }
        Self { inner, doing: Cell::new(doing), left }
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        failed(self.doing.get(), error)
    }

    /// Several statements without values.
    pub(crate) fn script(&self, sql: &str) -> Result<(), Error> {
        self.inner.execute_batch(sql).map_err(|error| self.failed(error))
    }

    /// A statement that is run many times.
    pub(crate) fn statement(&self, sql: &str) -> Result<Statement<'_>, Error> {
        let inner = self.inner.prepare_cached(sql).map_err(|error| self.failed(error))?;
        Ok(Statement { inner, of: self })
    }

    /// Runs one statement; gives the number of rows it changed.
    pub(crate) fn run(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        self.statement(sql)?.run(values)
    }

    /// Inserts one row; gives its key.
    pub(crate) fn insert(&self, sql: &str, values: &[Value<'_>]) -> Result<i64, Error> {
        self.run(sql, values)?;
        Ok(self.inner.last_insert_rowid())
    }

    /// Hands every row of an answer to `visit`, until it says that it wants no more.
    pub(crate) fn visit(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut visit: impl FnMut(&Row<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut statement = self.inner.prepare_cached(sql).map_err(|error| self.failed(error))?;
        for (n, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(n + 1, value).map_err(|error| self.failed(error))?;
        }
        let mut rows = statement.raw_query();
        while let Some(inner) = rows.next().map_err(|error| self.failed(error))? {
            if !visit(&Row { inner, doing: self.doing.get() })? {
                break;
            }
        }
        Ok(())
    }

    /// All rows of an answer.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        self.visit(sql, values, |row| {
            all.push(read(row)?);
            Ok(true)
        })?;
        Ok(all)
    }

    /// The first row of an answer.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut first = None;
        self.visit(sql, values, |row| {
            first = Some(read(row)?);
            Ok(false)
        })?;
        Ok(first)
    }

    /// Runs `act` in one transaction that others see whole or not at all.
    pub(crate) fn write<T>(
        &self,
        doing: &'static str,
        act: impl FnOnce(&Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.doing.set(doing);
        self.clear()?;
        self.script("BEGIN IMMEDIATE")?;
        let done = act(self).and_then(|done| self.script("COMMIT").map(|()| done));
        if done.is_err() && !self.inner.is_autocommit() {
            // The failure that is reported is the one before; a rollback has nothing to add.
            self.script("ROLLBACK").ok();
        }
        done
    }

    /// Runs `ask` over one unchanging view of the database.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.doing.set(doing);
        self.clear()?;
        self.script("BEGIN")?;
        let answer = ask(self);
        let end = self.script("COMMIT");
        let answer = answer?;
        end?;
        Ok(answer)
    }

    /// Lets `ask` take so many steps of the engine, and fails with [`Error::TooLong`] after that.
    pub(crate) fn limited<T>(
        &self,
        max_steps: u64,
        ask: impl FnOnce(&Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let pieces = max_steps / u64::from(STEPS_AT_ONCE.unsigned_abs());
        self.left.store(pieces.min(UNLIMITED - 1), Ordering::Relaxed);
        let answer = ask(self);
        self.left.store(UNLIMITED, Ordering::Relaxed);
        answer
    }

    /// Ends a transaction that a panic of its thread left open.
    fn clear(&self) -> Result<(), Error> {
        self.left.store(UNLIMITED, Ordering::Relaxed);
        if self.inner.is_autocommit() { Ok(()) } else { self.script("ROLLBACK") }
    }

    /// Copies the whole database into a new file, as one statement of the engine.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), Error> {
        self.doing.set("copy the database");
        let path = path.to_string_lossy();
        self.run("VACUUM INTO ?1", &[Value::Text(&path)]).map(drop)
    }

    /// Reads everything and says what is wrong with it, if anything is.
    pub(crate) fn unsound(&self, thorough: bool) -> Result<Option<String>, Error> {
        let sql = if thorough { "PRAGMA integrity_check(1)" } else { "PRAGMA quick_check(1)" };
        let word = self.one(sql, &[], |row| row.text(0).map(str::to_owned))?;
        Ok(word.filter(|word| word != "ok"))
    }

    /// Lets the engine refresh what it knows of the data, so that it chooses indexes well.
    pub(crate) fn optimize(&self) -> Result<(), Error> {
        self.script("PRAGMA analysis_limit = 400; PRAGMA optimize = 0x10002")
    }

    pub(crate) fn limit_pages(&self, more: i64) -> Result<(), Error> {
        let now = self.one("PRAGMA page_count", &[], |row| row.int(0))?.unwrap_or(0);
        self.script(&format!("PRAGMA max_page_count = {}", now + more))
    }
}

/// A statement of a [`Connection`], ready to be run with other values each time.
pub(crate) struct Statement<'a> {
    inner: rusqlite::CachedStatement<'a>,
    of: &'a Connection,
}

impl Statement<'_> {
    /// Gives the number of rows it changed.
    pub(crate) fn run(&mut self, values: &[Value<'_>]) -> Result<usize, Error> {
        self.bind(values)?;
        self.inner.raw_execute().map_err(|error| self.of.failed(error))
    }

    /// Inserts one row; gives its key.
    pub(crate) fn insert(&mut self, values: &[Value<'_>]) -> Result<i64, Error> {
        self.run(values)?;
        Ok(self.of.inner.last_insert_rowid())
    }

    /// Whether there is any row in the answer.
    pub(crate) fn finds(&mut self, values: &[Value<'_>]) -> Result<bool, Error> {
        self.bind(values)?;
        let mut rows = self.inner.raw_query();
        Ok(rows.next().map_err(|error| self.of.failed(error))?.is_some())
    }

    fn bind(&mut self, values: &[Value<'_>]) -> Result<(), Error> {
        for (n, value) in values.iter().enumerate() {
            self.inner.raw_bind_parameter(n + 1, value).map_err(|error| self.of.failed(error))?;
        }
        Ok(())
    }
}

/// The reading connections of one file.
#[derive(Debug)]
pub(crate) struct Readers {
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) const fn new() -> Self {
        Self { idle: Mutex::new(Vec::new()) }
    }

    pub(crate) fn read<T>(
        &self,
        path: &Path,
        doing: &'static str,
        ask: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = lock(&self.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::open(path, Use::Read)?,
        };
        let answer = connection.read(doing, ask);
        let mut idle = lock(&self.idle);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        answer
    }
}

thread_local! {
    /// Set when nobody waits any more for what this thread asks. The engine calls its progress
    /// handler on the thread that asks, and knows nothing else of who that is.
    static UNWANTED: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Runs `act`, of which every limited question ends at its next [`STEPS_AT_ONCE`] once `unwanted`
/// is set. What is written is written to its end.
pub fn unless_unwanted<T>(unwanted: &Arc<AtomicBool>, act: impl FnOnce() -> T) -> T {
    /// A thread that panicked serves others after it.
    struct Wanted;
    impl Drop for Wanted {
        fn drop(&mut self) {
            UNWANTED.set(None);
        }
    }
    UNWANTED.set(Some(Arc::clone(unwanted)));
    let _wanted = Wanted;
    act()
}

fn is_unwanted() -> bool {
    UNWANTED.with_borrow(|unwanted| {
        unwanted.as_ref().is_some_and(|unwanted| unwanted.load(Ordering::Relaxed))
    })
}

/// A thread that panicked while it held the lock leaves nothing behind: a transaction it had begun
/// is rolled back before the next one begins.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(doing: &'static str, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full { doing },
        Some(ErrorCode::OperationInterrupted) => Error::TooLong { doing },
        Some(ErrorCode::ReadOnly) => Error::ReadOnly { doing },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::Corrupt { doing, what: error.to_string() }
        }
        _ => Error::Database { doing, source: Box::new(error) },
    }
}

/// The version of the engine, for `doctor`.
pub fn version() -> String {
    format!("SQLite {}", rusqlite::version())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_waits_for_ends_and_what_is_written_does_not() {
        const MANY: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n \
            WHERE x < 100000) SELECT COUNT(*) FROM n";
        let connection = Connection::in_memory().unwrap();
        let count = |c: &Connection| c.one(MANY, &[], |row| row.int(0));
        let unwanted = Arc::new(AtomicBool::new(false));
        let ask = || unless_unwanted(&unwanted, || connection.limited(u64::MAX, count));
        assert_eq!(ask().unwrap(), Some(100_000));
        unwanted.store(true, Ordering::Relaxed);
        assert!(matches!(ask(), Err(Error::TooLong { .. })));
        let written = unless_unwanted(&unwanted, || connection.write("count", count));
        assert_eq!(written.unwrap(), Some(100_000));
        assert_eq!(connection.limited(u64::MAX, count).unwrap(), Some(100_000), "others go on");
    }
}
