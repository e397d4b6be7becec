//! How fast files that hold nothing are passed over: reads every file below a folder into memory,
//! then times [`credentials::find`] alone.
//!
//!     cargo run --release -p credentials --example throughput -- ~/.cargo/registry/src

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measuring program")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// As much as is read into memory.
const MAX_BYTES: usize = 1 << 30;

fn main() {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let (mut files, mut n_bytes) = (Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && n_bytes < MAX_BYTES => {
                    let Ok(bytes) = std::fs::read(entry.path()) else { continue };
                    n_bytes += bytes.len();
                    files.push((entry.path(), bytes));
                }
                _ => {}
            }
        }
    }
    let start = Instant::now();
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, bytes) in &files {
        credentials::find(bytes, &mut |it| {
            let name = it.name.unwrap_or_default();
            found.entry(it.rule).or_default().push(format!(
                "{}:{} {name}",
                path.display(),
                it.line
            ));
        });
    }
    let seconds = start.elapsed().as_secs_f64();
    for (rule, places) in &found {
        println!("{rule}: {}", places.len());
        if std::env::args().any(|it| it == "--places") {
            println!("    {}", places.join("\n    "));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let megabytes = n_bytes as f64 / 1e6;
    println!(
        "{} files, {megabytes:.0} MB, {seconds:.2} s: {:.0} MB/s",
        files.len(),
        megabytes / seconds
    );
}
