//! `tutela up` and the commands that talk to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::{json, rows, run, said, tutela, write};

/// A running `tutela up`; killed when dropped.
struct Up {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    address: String,
    link: Option<String>,
}

impl Up {
    /// Starts it over a folder and waits until it says where it is.
    fn start(home: &Path, data: &Path, read: &Path) -> Self {
        let mut child = tutela(home)
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .arg(read)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut up = Self { child, stderr, address: String::new(), link: None };
        let line = up.wait_for("serves http://");
        line.split("http://").nth(1).unwrap().trim().clone_into(&mut up.address);
        up
    }

    fn wait_for(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "ended before `{text}`:\n{all}");
            if let Some((_, link)) = line.split_once("/sign-in#") {
                self.link = Some(link.trim().to_owned());
            }
            if line.contains(text) {
                return line;
            }
            all.push_str(&line);
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn get(&self, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct World {
    home: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let token = ["glpat-", "xK3vQ9mZ2pL7wR4tY8nB"].concat();
        write(home.path(), "repository/prod.env", &format!("GITLAB_TOKEN={token}\n"));
        Self { home }
    }

    fn data(&self) -> std::path::PathBuf {
        self.home.path().join("data")
    }

    fn up(&self) -> Up {
        Up::start(self.home.path(), &self.data(), &self.home.path().join("repository"))
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut all = arguments.to_vec();
        let data = self.data();
        all.extend(["--data", data.to_str().unwrap()]);
        run(self.home.path(), &all)
    }
}

#[test]
fn it_serves_syncs_and_answers_commands_through_its_socket() {
    let world = World::new();
    let mut up = world.up();
    up.wait_for("read ");
    up.wait_for("new findings");
    assert!(up.link.is_some(), "the first start prints a sign-in link");
    let address = up.address.clone();
    assert!(up.get("/healthz", &address).starts_with("HTTP/1.1 200"), "health");
    assert!(up.get("/api/v1/identities", &address).starts_with("HTTP/1.1 401"), "nobody is let in");
    assert!(up.get("/healthz", "evil.example").starts_with("HTTP/1.1 421"), "another host's name");

    let sources = world.run(&["source", "list", "--format", "json"]);
    assert!(sources.status.success(), "{}", said(&sources));
    let second = tutela(world.home.path())
        .args(["up", "--listen", "127.0.0.1:0", "--data"])
        .arg(world.data())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(said(&second).contains("in use by"), "{}", said(&second));

    up.signal(rustix::process::Signal::TERM);
    assert!(up.child.wait().unwrap().success(), "a clean shutdown");
    assert!(!world.data().join("tutela.sock").exists(), "the socket is removed");
}

#[test]
fn commands_work_on_the_folder_when_nobody_serves_it() {
    let world = World::new();
    let repository = world.home.path().join("repository");
    let set = format!("paths={}", repository.display());
    let added = world.run(&["source", "add", "repository", "--set", &set, "--format", "json"]);
    assert!(added.status.success(), "{}", said(&added));
    let id = json(&added)["id"].as_str().unwrap().to_owned();
    let synced = world.run(&["source", "sync", &id, "--format", "json"]);
    assert!(synced.status.success(), "{}", said(&synced));
    let credentials = json(&world.run(&["credentials", "list", "--format", "json"]));
    let credential = &rows(&credentials, "items")[0]["record"];
    assert_eq!(credential["places"][0]["path"], "prod.env");
    assert!(credential["fingerprint"].as_str().unwrap().starts_with("b3:"));
    let id = credential["id"].as_str().unwrap();
    let explained = world.run(&["explain", id]);
    assert!(explained.status.success(), "{}", said(&explained));
    let findings = json(&world.run(&["findings", "list", "--format", "json"]));
    assert!(!rows(&findings, "items").is_empty());
    for command in [
        &["coverage"][..],
        &["doctor"],
        &["owners", "list"],
        &["places", "list"],
        &["audit"],
        &["people", "list"],
    ] {
        let output = world.run(command);
        assert_ne!(output.status.code(), Some(2), "{command:?}: {}", said(&output));
    }
    let source = json(&world.run(&["source", "list", "--format", "json"]));
    let source = source[0]["id"].as_str().unwrap().to_owned();
    for command in [
        &["source", "change", &source, "--every", "0", "--set", "history=false"][..],
        &["people", "add", "ada", "--role", "administrator"],
        &["token", "create", "ci"],
    ] {
        let output = world.run(command);
        assert!(output.status.success(), "{command:?}: {}", said(&output));
    }
    let source = world.run(&["source", "list", "--format", "json"]);
    let settings = json(&source)[0]["settings"].as_str().unwrap().to_owned();
    assert!(settings.contains("repository") && settings.contains("history"), "{settings}");
    let unknown = world.run(&["identities", "list", "--filter", "colour:blue"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown).contains("colour"), "{}", said(&unknown));
}

#[test]
fn killed_in_the_middle_it_starts_again() {
    let world = World::new();
    for _ in 0..3 {
        let up = world.up();
        up.signal(rustix::process::Signal::KILL);
    }
    let mut up = world.up();
    up.wait_for("new findings");
    let sources = world.run(&["source", "list", "--format", "json"]);
    assert!(sources.status.success(), "{}", said(&sources));
}
