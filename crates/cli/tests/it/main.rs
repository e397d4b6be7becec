//! The real binary against small worlds.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "what cannot go on in a test ends it"
)]

mod explain;
mod policy;
mod scan;
mod up;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The binary with a home of its own, so that nothing of the developer's leaks in.
fn tutela(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tutela"));
    command
        .env_clear()
        .env("HOME", home)
        .env("USER", "tester")
        .env("PATH", "/usr/bin:/bin")
        .current_dir(home);
    command
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    tutela(home).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}\n{}", String::from_utf8_lossy(&output.stdout), said(output))
    })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn rows<'a>(report: &'a Value, name: &str) -> &'a [Value] {
    report[name].as_array().unwrap_or_else(|| panic!("no array `{name}`"))
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
