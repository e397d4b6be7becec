//! What the command line of a local MCP server starts: the package and its version, an image, a
//! script, or a bridge to a remote server.
//!
//! Arguments may hold secrets, so nothing of them leaves here but package names, versions, image
//! names, script paths and the names of variables that are handed on.

use crate::command_line;
use crate::dossier::tells_secret;

/// Command lines with more arguments than this are read up to here.
const MAX_ARGUMENTS: usize = 1_000;
/// Options of programs that scripts are given to, which take no value.
const SWITCHES: &[&str] =
    &["--", "-A", "-B", "-E", "-I", "-i", "-O", "-q", "-s", "-S", "-u", "--quiet", "--yes", "-y"];
/// Launchers wrapped in one another are unwrapped this many times: `env X=1 sh -c "npx …"`.
const MAX_WRAPPERS: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Launch {
    /// The program, without its folder: `npx`, `docker`.
    pub command: String,
    pub package: Option<Package>,
    /// The program's first argument that is a path or a plain word, when it names no package.
    pub script: Option<String>,
    /// The address of the remote server that this is a bridge to.
    pub url: Option<String>,
    /// Variables set on the command line itself, and their values.
    pub variables: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// `npm`, `pypi`, `oci`, `deno`, `go`.
    pub ecosystem: &'static str,
    pub name: String,
    /// As written: `1.2.3`, `latest`, `^2`.
    pub version: Option<String>,
    /// Whether the same bytes come every time: an exact version, or the digest of an image.
    pub pinned: bool,
}

impl Launch {
    /// What the server is called by: the same program in two clients is one server.
    pub(super) fn native_id(&self) -> Option<String> {
        let what = self.package.as_ref().map(|package| &package.name).or(self.script.as_ref())?;
        Some(format!("{} {what}", self.command))
    }
}

pub(super) fn read(command: &str, arguments: &[String]) -> Launch {
    let mut launch = Launch::default();
    let mut words: Vec<String> = Vec::with_capacity(arguments.len() + 1);
    words.push(command.to_owned());
    words.extend(arguments.iter().take(MAX_ARGUMENTS).cloned());
    if arguments.is_empty() && command.contains(' ') && !command.contains(['/', '\\']) {
        // Some clients take the whole line as the command.
        words = command_line::words(command);
    }
    for _ in 0..MAX_WRAPPERS {
        match unwrap(&words, &mut launch.variables) {
            Some(inner) => words = inner,
            None => break,
        }
    }
    let Some((program, rest)) = words.split_first() else { return launch };
    launch.command = base_name(program);
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    start(&mut launch, &rest);
    launch
}

/// The program's own name: `C:\\node\\npx.cmd` and `/usr/bin/npx` are `npx`.
fn base_name(program: &str) -> String {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program).trim();
    let name =
        [".exe", ".cmd", ".bat"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    // A command that is a whole line may hold a secret: only a plain word is a name.
    let is_line = program.contains('=') || program.contains(" -");
    if is_plain(name) && !is_line { name.to_lowercase() } else { "command".into() }
}

/// What a launcher of launchers starts.
fn unwrap(words: &[String], variables: &mut Vec<(String, String)>) -> Option<Vec<String>> {
    let (program, rest) = words.split_first()?;
    if let Some((name, value)) = program.split_once('=') {
        variables.push((name.to_owned(), value.to_owned()));
        return Some(rest.to_vec()).filter(|inner| !inner.is_empty());
    }
    match base_name(program).as_str() {
        "cmd" => {
            let at = rest.iter().position(|word| word.eq_ignore_ascii_case("/c"))?;
            Some(rest.get(at + 1..)?.to_vec()).filter(|inner| !inner.is_empty())
        }
        "sh" | "bash" | "zsh" | "dash" => {
            let at = rest.iter().position(|word| word.starts_with('-') && word.ends_with('c'))?;
            let script = rest.get(at + 1)?;
            // Only a single plain command: a script could be anything.
            if script.contains([';', '|', '&', '`', '\n', '<', '>', '(']) {
                return None;
            }
            Some(command_line::words(script.trim_start_matches("exec ")))
        }
        "env" => {
            let mut rest = rest.iter().skip_while(|word| word.starts_with('-')).peekable();
            while let Some((name, value)) = rest.peek().and_then(|word| word.split_once('=')) {
                variables.push((name.to_owned(), value.to_owned()));
                rest.next();
            }
            Some(rest.cloned().collect::<Vec<_>>()).filter(|inner| !inner.is_empty())
        }
        "sudo" | "nice" | "timeout" | "doppler" | "op" | "infisical" | "dotenv" | "aws-vault" => {
            let at = rest.iter().position(|word| word == "--")?;
            Some(rest.get(at + 1..)?.to_vec()).filter(|inner| !inner.is_empty())
        }
        _ => None,
    }
}

fn start(launch: &mut Launch, rest: &[&str]) {
    match (launch.command.as_str(), rest.first().copied()) {
        ("npx" | "bunx" | "pnpx", _) => node(launch, rest),
        ("pnpm" | "yarn", Some("dlx")) | ("npm", Some("exec" | "x")) | ("bun", Some("x")) => {
            node(launch, rest.get(1..).unwrap_or_default());
        }
        ("uvx", _) => python(launch, rest),
        ("pipx", Some("run")) => python(launch, rest.get(1..).unwrap_or_default()),
        ("uv", Some("tool")) => python(launch, rest.get(2..).unwrap_or_default()),
        ("uv" | "poetry" | "pipenv" | "hatch", Some("run")) => {
            const VALUED: &[&str] =
                &["--directory", "--project", "--with", "--python", "-p", "--env-file"];
            launch.script = argument(rest.get(1..).unwrap_or_default(), VALUED);
        }
        ("uv", Some("--directory" | "--project")) => {
            launch.script = rest.get(1).and_then(|folder| script(folder));
        }
        ("docker" | "podman" | "nerdctl", _) => image(launch, rest),
        ("python" | "python3" | "py", _) => {
            const VALUED: &[&str] = &["-m", "-W", "-X"];
            launch.script = match option(options(rest, VALUED), &["-m"]) {
                Some(module) => script(module),
                None => argument(rest, VALUED),
            };
        }
        ("java", _) => {
            const VALUED: &[&str] = &["-jar", "-cp", "-classpath", "--class-path"];
            launch.script = option(options(rest, VALUED), &["-jar"]).and_then(script);
        }
        ("deno", _) => {
            let rest = rest.get(1..).unwrap_or_default();
            let started = operand(rest, &[]).map(|(word, _)| word).unwrap_or_default();
            match started.strip_prefix("npm:").or_else(|| started.strip_prefix("jsr:")) {
                Some(package) => launch.package = npm_package("deno", package),
                None => launch.script = argument(rest, &[]),
            }
        }
        ("go", Some("run")) => {
            if let Some((module, _)) = operand(rest.get(1..).unwrap_or_default(), &[]) {
                let (name, version) = module.split_once('@').unwrap_or((module, ""));
                let pinned = version.starts_with('v') && version.contains('.');
                launch.package = package("go", name, version, pinned);
            }
        }
        _ => launch.script = argument(rest, &[]),
    }
    launch.url = bridge(launch, rest);
}

/// The script or subcommand that a program is given.
///
/// What follows an option that may take a value may be that value, and a secret: only what is
/// clearly a program's own file is a script there.
fn argument(words: &[&str], valued: &[&str]) -> Option<String> {
    let mut rest = words;
    while let Some((word, after)) = operand(rest, valued) {
        let n_before = rest.len() - after.len() - 1;
        let before = n_before.checked_sub(1).and_then(|at| rest.get(at)).copied();
        let may_be_value = before.is_some_and(|before| {
            before.starts_with('-') && !before.contains('=') && !SWITCHES.contains(&before)
        });
        if is_program_file(word) || !may_be_value {
            let is_word = word.bytes().all(|b| b.is_ascii_lowercase() || b"-_".contains(&b));
            let is_path = word.contains(['/', '\\']) || is_program_file(word);
            return script(word).filter(|_| is_word || is_path);
        }
        rest = after;
    }
    None
}

fn is_program_file(word: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "cjs", "csproj", "dll", "exe", "jar", "js", "mjs", "mts", "php", "pl", "ps1", "py", "rb",
        "sh", "ts",
    ];
    word.rsplit_once('.').is_some_and(|(name, end)| !name.is_empty() && ENDINGS.contains(&end))
}

/// The options that stand before what is started, with their values.
fn options<'w, 'r>(words: &'r [&'w str], valued: &[&str]) -> &'r [&'w str] {
    let n_after = operand(words, valued).map_or(0, |(_, after)| after.len() + 1);
    words.get(..words.len() - n_after).unwrap_or_default()
}

/// The first word that is no option, and what follows it. `valued` options take the next word, and
/// so do those whose name tells that it is a secret.
fn operand<'w, 'r>(words: &'r [&'w str], valued: &[&str]) -> Option<(&'w str, &'r [&'w str])> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if *word == "--" {
            let next = words.get(at + 1)?;
            return Some((next, words.get(at + 2..).unwrap_or_default()));
        }
        if !word.starts_with('-') {
            return Some((word, words.get(at + 1..).unwrap_or_default()));
        }
        let name = word.trim_start_matches('-');
        let tells = !name.contains('=') && tells_secret(name);
        at += if tells || valued.contains(word) { 2 } else { 1 };
    }
    None
}

fn option<'w>(words: &[&'w str], names: &[&str]) -> Option<&'w str> {
    words.iter().enumerate().find_map(|(at, word)| {
        if names.contains(word) {
            return words.get(at + 1).copied();
        }
        let (name, value) = word.split_once('=')?;
        names.contains(&name).then_some(value)
    })
}

fn node(launch: &mut Launch, rest: &[&str]) {
    const VALUED: &[&str] =
        &["-p", "--package", "-c", "--call", "--registry", "--cache", "--prefix"];
    let named = option(options(rest, VALUED), &["-p", "--package"])
        .or_else(|| operand(rest, VALUED).map(|(word, _)| word));
    launch.package = named.and_then(|name| npm_package("npm", name));
}

fn python(launch: &mut Launch, rest: &[&str]) {
    const VALUED: &[&str] = &[
        "--from",
        "--with",
        "--python",
        "-p",
        "--index-url",
        "--directory",
        "--spec",
        "--index",
        "--extra-index-url",
        "--with-editable",
        "--refresh-package",
    ];
    let named = option(options(rest, VALUED), &["--from", "--spec"])
        .or_else(|| operand(rest, VALUED).map(|(word, _)| word));
    launch.package = named.and_then(pypi_package);
}

fn npm_package(ecosystem: &'static str, text: &str) -> Option<Package> {
    if let Some(package) = from_git(text) {
        return Some(package);
    }
    // The first `@` of a scoped package is part of its name.
    let scope = usize::from(text.starts_with('@'));
    let at = text.get(scope..)?.find('@').map(|at| at + scope);
    let (name, version) = match at {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, ""),
    };
    package(ecosystem, name, version, is_exact(version))
}

fn pypi_package(text: &str) -> Option<Package> {
    if let Some(package) = from_git(text) {
        return Some(package);
    }
    if let Some((name, version)) = text.split_once("==") {
        return package("pypi", without_extras(name), version, is_exact(version));
    }
    if let Some((name, version)) = text.split_once('@') {
        return package("pypi", without_extras(name), version, is_exact(version));
    }
    let end = text.find(['>', '<', '~', '!', '=']).unwrap_or(text.len());
    package("pypi", without_extras(text.get(..end)?), text.get(end..)?, false)
}

fn without_extras(name: &str) -> &str {
    name.split_once('[').map_or(name, |(name, _)| name).trim()
}

/// `git+https://host/owner/repo@revision`, without user and password.
fn from_git(text: &str) -> Option<Package> {
    let address = text.strip_prefix("git+").or_else(|| text.strip_prefix("github:"))?;
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let address = address.split(['?', '#']).next().unwrap_or(address);
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    let (path, revision) = path.split_once('@').unwrap_or((path, ""));
    let is_commit = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    package("git", &format!("{host}/{path}"), revision, is_commit)
}

fn image(launch: &mut Launch, rest: &[&str]) {
    const VALUED: &[&str] = &[
        "-e",
        "--env",
        "-v",
        "--volume",
        "--mount",
        "--name",
        "--network",
        "--net",
        "-p",
        "--publish",
        "--env-file",
        "-w",
        "--workdir",
        "--platform",
        "-u",
        "--user",
        "--entrypoint",
        "-l",
        "--label",
        "--add-host",
        "--memory",
        "-m",
        "--cpus",
        "--pull",
        "--restart",
        "--runtime",
        "--hostname",
        "-h",
        "--cap-add",
        "--cap-drop",
        "--security-opt",
        "--gpus",
        "--dns",
    ];
    const BEFORE: &[&str] = &["--context", "-c", "-H", "--host", "--config", "--log-level", "-l"];
    let Some(("run", rest) | ("container", ["run", rest @ ..])) = operand(rest, BEFORE) else {
        // `docker mcp gateway run` and the like: the words that say what it is.
        let is_word = |word: &&&str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let is_shown = |word: &&&str| is_plain(word) && is_word(word);
        let words: Vec<&str> = rest.iter().take_while(is_shown).copied().collect();
        launch.script = (!words.is_empty()).then(|| words.join(" "));
        return;
    };
    for (at, word) in rest.iter().enumerate() {
        let variable = match *word {
            "-e" | "--env" => rest.get(at + 1).copied(),
            _ => word.strip_prefix("--env=").or_else(|| word.strip_prefix("-e=")),
        };
        if let Some(variable) = variable {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            launch.variables.push((name.to_owned(), value.to_owned()));
        }
    }
    let Some((reference, _)) = operand(rest, VALUED) else { return };
    let (name, digest) = reference.split_once('@').unwrap_or((reference, ""));
    // A colon after the last slash starts a tag; one before it is a port.
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let colon = name.get(slash..).and_then(|rest| rest.find(':')).map(|at| at + slash);
    let (name, tag) = match colon {
        Some(at) => (name.get(..at).unwrap_or(name), name.get(at + 1..).unwrap_or("")),
        None => (name, ""),
    };
    let version = if digest.is_empty() { tag } else { digest };
    launch.package = package("oci", name, version, digest.starts_with("sha256:"));
}

/// The address that `mcp-remote` and its like connect to.
fn bridge(launch: &Launch, rest: &[&str]) -> Option<String> {
    let package = launch.package.as_ref()?;
    let is_bridge = matches!(
        package.name.as_str(),
        "mcp-remote" | "supergateway" | "mcp-proxy" | "mcp-remote-proxy"
    );
    if !is_bridge {
        return None;
    }
    rest.iter()
        .find(|word| word.starts_with("https://") || word.starts_with("http://"))
        .map(|url| (*url).to_owned())
}

fn package(ecosystem: &'static str, name: &str, version: &str, pinned: bool) -> Option<Package> {
    let is_name = !name.is_empty()
        && name.len() <= 200
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@/._-+:~".contains(&byte));
    let is_version = version.len() <= 100
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-+^~*<>=!,: ".contains(&byte));
    is_name.then(|| Package {
        ecosystem,
        name: name.to_owned(),
        version: (is_version && !version.is_empty()).then(|| version.to_owned()),
        pinned,
    })
}

/// `1.2.3`, `0.9`, `2025.4.1-beta.2`: not a tag, not a range.
fn is_exact(version: &str) -> bool {
    version.starts_with(|c: char| c.is_ascii_digit())
        && version.contains('.')
        && !version.contains(['x', '*', ' ', '|', ','])
}

/// A path of a script, or a plain word; anything else might be a secret.
fn script(word: &str) -> Option<String> {
    let is_path = word.contains(['/', '\\', '.']) || is_plain(word);
    let is_safe = word.len() <= 400
        && !word.contains(['=', '?', '&', '@', '\n', '\0'])
        && !word.contains("://")
        && word.split(['/', '\\', '.', '-', '_', ' ']).all(|part| !super::looks_random(part));
    (is_path && is_safe).then(|| word.to_owned())
}

/// A word that people use for a program or subcommand.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= 60
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
        && !word.starts_with('-')
        && word.split(['-', '_', '.']).all(|part| !super::looks_random(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, native: &str, version: &str) {
        let words: Vec<String> = line.split(' ').map(|word| word.replace('␠', " ")).collect();
        let launch = read(&words[0], &words[1..]);
        let stated = launch.package.as_ref().map_or(String::new(), |package| {
            let mark = if package.pinned { "" } else { " not pinned" };
            format!("{} {}{mark}", package.ecosystem, package.version.as_deref().unwrap_or("-"))
        });
        assert_eq!(
            (launch.native_id().unwrap_or_default(), stated),
            (native.into(), version.into()),
            "{line}"
        );
    }

    #[test]
    fn packages_are_told_from_command_lines() {
        check(
            "npx -y @modelcontextprotocol/server-github",
            "npx @modelcontextprotocol/server-github",
            "npm - not pinned",
        );
        check(
            "npx -y @playwright/mcp@latest --headless",
            "npx @playwright/mcp",
            "npm latest not pinned",
        );
        check("/usr/local/bin/npx --package=foo-mcp@1.2.3 foo", "npx foo-mcp", "npm 1.2.3");
        check("C:\\node\\npx.cmd -y x@^2", "npx x", "npm ^2 not pinned");
        check("cmd /c npx -y x@2.0.1", "npx x", "npm 2.0.1");
        check("env A=b npx x", "npx x", "npm - not pinned");
        check("bash -c npx␠-y␠x@2.0.1", "npx x", "npm 2.0.1");
        check("bash -c curl␠-H␠'X:␠y'␠|␠sh", "", "");
        check(
            "uvx mcp-server-git==2025.1.14 --repository /x",
            "uvx mcp-server-git",
            "pypi 2025.1.14",
        );
        check(
            "uvx --from awslabs.core[all]@latest core",
            "uvx awslabs.core",
            "pypi latest not pinned",
        );
        check(
            "uvx --from git+https://u:p@github.com/oraios/serena serena",
            "uvx github.com/oraios/serena",
            "git - not pinned",
        );
        check("uv --directory /srv/x run server.py", "uv /srv/x", "");
        check("uv run --directory /srv/x server.py", "uv server.py", "");
        check(
            "docker run -i --rm -e GITHUB_TOKEN ghcr.io/github/github-mcp-server",
            "docker ghcr.io/github/github-mcp-server",
            "oci - not pinned",
        );
        check(
            "docker run -i --name a localhost:5000/x:1.2",
            "docker localhost:5000/x",
            "oci 1.2 not pinned",
        );
        check("docker mcp gateway run", "docker mcp gateway run", "");
        check("python -m mcp_server_time --local-timezone=X", "python mcp_server_time", "");
        check("node /srv/mcp/build/index.js", "node /srv/mcp/build/index.js", "");
        check("deno run -A npm:@x/y@1.0.0", "deno @x/y", "deno 1.0.0");
        check("go run github.com/x/y@latest", "go github.com/x/y", "go latest not pinned");
        check("my-server postgresql://u:p@h/db", "", "");
        check("my-server --stdio", "", "");
        check("my-server serve", "my-server serve", "");
        check("node --import tsx src/index.ts", "node src/index.ts", "");
        check("docker mcp gateway Zebra77qx", "docker mcp gateway", "");
        check("my-server 9f86d081884c7d659a2feaa0c55ad015", "", "");
    }

    #[test]
    fn the_value_of_an_option_is_no_name() {
        for line in [
            "mytool --token Zebra77qx",
            "mytool --password Zebra77qx",
            "mytool --api-key Zebra77qx serve",
            "mytool --account Zebra77qx",
            "mytool -k Zebra77qx",
            "mytool Zebra77qx",
            "node --token Zebra77qx",
            "python --secret Zebra77qx server.py",
            "python server.py -m Zebra77qx",
            "java -cp a.jar Main -jar Zebra77qx",
            "deno run x.ts npm:Zebra77qx",
            "npx --token Zebra77qx some-mcp",
            "uvx --api-key Zebra77qx some-mcp",
            "uv run --token Zebra77qx server.py",
            "docker run --registry-token Zebra77qx some/mcp",
            "docker login Zebra77qx",
            "bash -c mytool␠--token␠\"My␠Zebra77qx\"",
            "bash -c TOKEN=ab/Zebra77qx␠mytool",
            "TOKEN=ab/Zebra77qx␠mytool",
            "/usr/bin/mytool␠--token␠ab/Zebra77qx",
        ] {
            let words: Vec<String> = line.split(' ').map(|word| word.replace('␠', " ")).collect();
            let launch = read(&words[0], &words[1..]);
            let shown =
                format!("{:?} {:?} {:?}", launch.native_id(), launch.package, launch.command);
            assert!(!shown.to_lowercase().contains("zebra"), "{line}: {shown}");
        }
    }

    #[test]
    fn bridges_and_variables() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let launch = read("npx", &words("-y mcp-remote https://mcp.example.com/sse --header x"));
        assert_eq!(launch.url.as_deref(), Some("https://mcp.example.com/sse"));
        let launch = read("docker", &words("run -e A=b -e C --env=D=e image"));
        let names: Vec<_> = launch.variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["A", "C", "D"]);
    }

    proptest::proptest! {
        #[test]
        fn any_command_line_is_read(words: Vec<String>) {
            let launch = read(words.first().map_or("npx", String::as_str), &words);
            proptest::prop_assert!(launch.native_id().is_none_or(|id| id.len() < 700));
        }
    }
}
