//! The program itself: its size, and how soon it answers.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::Args;
use super::estate::{CREDENTIALS_PER, FULL_IDENTITIES};
use super::figures::{Figures, bytes, percentiles, span};
use super::machine::{memory_of, timed};

const N_STARTS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["build", "--release", "--locked", "--package", "cli"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "`cargo build --release --package cli` failed");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .find(|path| path.file_stem().is_some_and(|stem| stem == "tutela"))
        .context("cargo did not say where it put `tutela`")
}

pub(crate) fn measure(scratch: &Path, program: &Path, figures: &mut Figures) -> Result<()> {
    let size = program.metadata()?.len();
    figures.add("program, stripped", &bytes(size), "60 MB", "");
    let (done, time) =
        timed(|| Command::new(program).arg("--version").stdout(Stdio::null()).status());
    ensure!(done?.success(), "`tutela --version` failed");
    figures.add("`tutela --version`", &span(time), "", "");
    let data = scratch.join("started");
    // The first start makes the folder; the others find it.
    start(program, &data)?;
    let mut times = Vec::new();
    let mut memory = 0;
    for _ in 0..N_STARTS {
        let started = start(program, &data)?;
        times.push(started.time);
        memory = memory.max(started.memory);
    }
    let (half, most) = percentiles(times);
    figures.add(
        "start to first byte, existing data folder",
        &format!("p50 {}, p99 {}", span(half), span(most)),
        "300 ms",
        "",
    );
    figures.add("  memory of a server that holds nothing", &bytes(memory), "", "");
    Ok(())
}

/// The demo estate through the program: made, synced, owners ranked, rules evaluated.
pub(crate) fn estate(
    args: &Args,
    scratch: &Path,
    program: &Path,
    figures: &mut Figures,
) -> Result<()> {
    let data = scratch.join("demo");
    let n = args.scaled(FULL_IDENTITIES);
    let credentials = CREDENTIALS_PER.to_string();
    let mut load = |what: &str, wanted: &str| -> Result<()> {
        let mut command = Command::new(program);
        command
            .args(["demo", "--identities", &n.to_string(), "--credentials-per", &credentials])
            .args(["--now", "2026-11-22T00:00:00Z", "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut memory = 0;
        let (done, time) = timed(|| -> Result<()> {
            let mut child = command.spawn().context("cannot start `tutela demo`")?;
            loop {
                if let Some(status) = child.try_wait()? {
                    ensure!(status.success(), "`tutela demo` ended with {status}");
                    return Ok(());
                }
                memory = memory.max(memory_of(&child.id().to_string()).0);
                pause(Duration::from_millis(50));
            }
        });
        done?;
        figures.add(what, &span(time), wanted, &format!("memory, peak: {}", bytes(memory)));
        Ok(())
    };
    load(&format!("`tutela demo --identities {n}`, with evaluation"), "120 s")?;
    load("the same again, nothing changed", "15 s")?;
    let started = start(program, &data)?;
    figures.add("start to first byte with that estate", &span(started.time), "300 ms", "");
    Ok(())
}

struct Started {
    time: Duration,
    memory: u64,
}

/// Starts a server without sources, waits for its first byte, and ends it.
fn start(program: &Path, data: &Path) -> Result<Started> {
    // Asks the system for a port that is free, and hopes that it stays so for a moment.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = Command::new(program);
    command
        .args(["up", "--no-sources", "--listen", &address.to_string(), "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let (started, time) = timed(|| -> Result<Child> {
        let mut child = command.spawn().context("cannot start `tutela up`")?;
        let answer = first_byte(address, &mut child);
        if answer.is_err() {
            child.kill()?;
        }
        answer?;
        Ok(child)
    });
    let mut child = started?;
    let (memory, _) = memory_of(&child.id().to_string());
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
    if !ended.success() {
        child.kill()?;
    }
    child.wait()?;
    Ok(Started { time, memory })
}

fn first_byte(address: SocketAddr, child: &mut Child) -> Result<()> {
    let (mut waited, step) = (Duration::ZERO, Duration::from_millis(2));
    loop {
        if let Ok(mut stream) = TcpStream::connect_timeout(&address, PATIENCE) {
            stream.set_read_timeout(Some(PATIENCE))?;
            write!(
                stream,
                "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
            )?;
            let mut byte = [0];
            stream.read_exact(&mut byte).context("the server closed without an answer")?;
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            let mut said = String::new();
            if let Some(stderr) = child.stderr.take() {
                BufReader::new(stderr).take(2_000).read_to_string(&mut said)?;
            }
            bail!("`tutela up` ended with {status}: {said}");
        }
        ensure!(waited < PATIENCE, "`tutela up` did not answer within {PATIENCE:?}");
        pause(step);
        waited += step;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when another process begins to listen"
)]
fn pause(span: Duration) {
    std::thread::sleep(span);
}
