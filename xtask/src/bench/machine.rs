//! What this machine can do at best: the limits beside which figures mean something.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::figures::{Figures, rate, span};

const MEMORY_BYTES: usize = 256 << 20;
const FILE_BYTES: usize = 512 << 20;
const N_FSYNCS: u32 = 200;
const N_ROWS: u64 = 300_000;
/// A row of the estate is about this long.
const ROW_BYTES: usize = 400;

#[derive(Debug)]
pub(crate) struct Limits {
    copy: Duration,
    read: Duration,
    fsync: Duration,
    insert: Duration,
}

pub(crate) fn measure(scratch: &Path) -> Result<Limits> {
    Ok(Limits {
        copy: copy(),
        read: read(scratch)?,
        fsync: fsync(scratch)?,
        insert: insert(scratch)?,
    })
}

impl Limits {
    pub(crate) fn show(&self, figures: &mut Figures) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        figures.add("cores", &cores.to_string(), "", "");
        figures.add("copying memory", &rate(MEMORY_BYTES as u64, self.copy, "B"), "", "");
        figures.add(
            "reading a file from the page cache",
            &rate(FILE_BYTES as u64, self.read, "B"),
            "",
            "",
        );
        figures.add("write and fsync", &span(self.fsync), "", "");
        figures.add("SQLite insert, one table, no index", &self.insert_rate(), "", "");
    }

    pub(crate) fn insert_rate(&self) -> String {
        rate(N_ROWS, self.insert, " rows")
    }

    /// How long SQLite takes for so many bare rows.
    pub(crate) fn insert_floor(&self, n_rows: u64) -> Duration {
        self.insert.mul_f64(ratio(n_rows, N_ROWS))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for a person")]
pub(crate) fn ratio(n: u64, of: u64) -> f64 {
    n as f64 / of.max(1) as f64
}

/// The clock of every measurement.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// Processor time so far: of this process, and what other machines took of all cores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processor {
    used: Duration,
    stolen: Duration,
}

/// The kernel counts hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

impl Processor {
    pub(crate) fn now() -> Self {
        let ticks = |path: &str, places: [usize; 2], after: &str| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let fields = text.split_once(after).map_or("", |(_, fields)| fields);
            let mut ticks = 0_u32;
            for (n, field) in fields.lines().next().unwrap_or_default().split(' ').enumerate() {
                if places.contains(&n) {
                    ticks += field.parse::<u32>().unwrap_or(0);
                }
            }
            TICK * ticks
        };
        // proc(5): fields 14 and 15 of the process, the third of which follows the name; and the
        // eighth of all cores, after two blanks.
        Self {
            used: ticks("/proc/self/stat", [11, 12], ") "),
            stolen: ticks("/proc/stat", [7, 7], "cpu  "),
        }
    }

    /// What was used and taken since.
    pub(crate) fn since(self) -> String {
        let now = Self::now();
        format!(
            "{} of processor time, {} taken by other machines",
            span(now.used.saturating_sub(self.used)),
            span(now.stolen.saturating_sub(self.stolen))
        )
    }
}

/// The best of several runs: what disturbs a run only makes it slower.
fn best(mut work: impl FnMut()) -> Duration {
    (0..5).map(|_| timed(&mut work).1).min().unwrap_or_default()
}

fn copy() -> Duration {
    let from = vec![1_u8; MEMORY_BYTES];
    let mut to = vec![0_u8; MEMORY_BYTES];
    best(|| {
        to.copy_from_slice(&from);
        std::hint::black_box(&to);
    })
}

fn read(scratch: &Path) -> Result<Duration> {
    let path = scratch.join("read");
    std::fs::write(&path, vec![b'x'; FILE_BYTES])?;
    let mut buffer = vec![0; 1 << 20];
    let mut failed = None;
    let time = best(|| {
        let all = File::open(&path).and_then(|mut file| {
            while file.read(&mut buffer)? > 0 {}
            Ok(())
        });
        failed = all.err();
    });
    std::fs::remove_file(&path)?;
    failed.map_or(Ok(time), |error| Err(error).context("cannot read what was written"))
}

fn fsync(scratch: &Path) -> Result<Duration> {
    let path = scratch.join("fsync");
    let mut file = File::create(&path)?;
    let block = [b'x'; 4096];
    let (done, time) = timed(|| -> std::io::Result<()> {
        for _ in 0..N_FSYNCS {
            file.write_all(&block)?;
            file.sync_data()?;
        }
        Ok(())
    });
    done?;
    std::fs::remove_file(&path)?;
    Ok(time / N_FSYNCS)
}

/// Rows as bare as they get: an integer key and one blob, in one transaction.
fn insert(scratch: &Path) -> Result<Duration> {
    let path = scratch.join("insert.db");
    let mut connection = rusqlite::Connection::open(&path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; \
         CREATE TABLE bare (key INTEGER PRIMARY KEY, body BLOB)",
    )?;
    let body = vec![b'x'; ROW_BYTES];
    let (done, time) = timed(|| -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare("INSERT INTO bare (body) VALUES (?1)")?;
            for _ in 0..N_ROWS {
                insert.execute([&body])?;
            }
        }
        transaction.commit()
    });
    done?;
    drop(connection);
    std::fs::remove_file(&path)?;
    Ok(time)
}

/// The most memory this process had since [`forget_peak`], and what it has now, in bytes.
pub(crate) fn memory() -> (u64, u64) {
    memory_of("self")
}

pub(crate) fn memory_of(process: &str) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    };
    (field("VmHWM:"), field("VmRSS:"))
}

/// Starts a new peak. Where the kernel does not offer that, the peak is that of the process so far.
pub(crate) fn forget_peak() {
    if std::fs::write("/proc/self/clear_refs", "5").is_err() {
        eprintln!("the peak of memory includes what went before");
    }
}
