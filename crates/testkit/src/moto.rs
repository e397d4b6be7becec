//! A local stand-in of AWS (moto, from PyPI), started for one test and stopped with it.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A running stand-in.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    pub endpoint: String,
}

/// What could not be started.
#[derive(Debug)]
pub enum Absent {
    /// There is no such program here.
    Missing,
    /// It ended before it listened; what it said.
    Failed(String),
}

impl Moto {
    /// Starts a stand-in. Where it is not installed a test is skipped, and says so, unless nothing may
    /// be.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    #[expect(clippy::panic, reason = "for tests")]
    pub fn or_skipped(test: &str) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "nothing is skipped where this is set")]
        let must = std::env::var_os("TUTELA_TEST_REQUIRE_ALL").is_some();
        match Self::start() {
            Ok(moto) => Some(moto),
            Err(Absent::Missing) if !must => {
                println!("skipped: {test}: `moto_server` is not installed (PyPI: moto[server])");
                None
            }
            Err(absent) => panic!("no stand-in of AWS: {absent:?}"),
        }
    }

    /// Starts `moto_server` on a free port of loopback and waits until it says that it listens.
    pub fn start() -> Result<Self, Absent> {
        let failed = |error: std::io::Error| Absent::Failed(error.to_string());
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .map_err(failed)?
            .port();
        let mut child = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Absent::Missing,
                _ => failed(error),
            })?;
        let mut said = String::new();
        let mut lines = child.stderr.take().map(BufReader::new);
        while let Some(stderr) = &mut lines {
            let mut line = String::new();
            if stderr.read_line(&mut line).unwrap_or(0) == 0 {
                drop(child.kill());
                drop(child.wait());
                return Err(Absent::Failed(said));
            }
            said.push_str(&line);
            if line.contains("Running on") {
                // What it goes on to say must not fill the pipe.
                let rest = lines.take();
                std::thread::spawn(move || {
                    rest.into_iter().flat_map(BufRead::lines).for_each(drop);
                });
            }
        }
        Ok(Self { child, endpoint: format!("http://127.0.0.1:{port}") })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
