//! Everything that reads foreign bytes, one [`Parser`] for each. None may panic, hang or take more
//! memory than a small multiple of its input, whatever the bytes are.
//!
//! An input of the parsers that read files of a folder is the file's path, a line feed and its
//! bytes: what a connector makes of a file depends on where it lies.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use connectors::{Descriptor, Settings};
use model::kinds;
use model::{Fingerprinter, Place, Scope, Secret};

use crate::folder::{self, NOW};

/// One reader of foreign bytes.
#[derive(Debug)]
pub struct Parser {
    /// The name of the fuzz target and of its folder of seeds.
    pub name: &'static str,
    pub reads: &'static str,
    pub run: fn(&[u8]),
    /// Folders of test scenarios whose files are seeds too; `*` stands for each folder there.
    pub scenarios: &'static [&'static str],
}

const fn parser(name: &'static str, reads: &'static str, run: fn(&[u8])) -> Parser {
    Parser { name, reads, run, scenarios: &[] }
}

/// Sorted by name.
pub const PARSERS: &[Parser] = &[
    parser("agents", "configuration of AI agents and MCP servers", agents),
    parser("authorized_keys", "OpenSSH's `authorized_keys`, public keys, certificates", |bytes| {
        credentials::ssh::authorized_keys(&String::from_utf8_lossy(bytes));
    }),
    Parser {
        scenarios: &["crates/connector-aws/src/fixtures/*"],
        ..parser("aws", "saved replies of AWS's API, credential reports", |input| {
            let path = split(input).map(|(path, _)| path.display().to_string());
            let bytes = split(input).map_or(input, |(_, bytes)| bytes);
            connector_aws::read_any(path.as_deref().unwrap_or("reply.json"), bytes);
        })
    },
    parser("baseline", "a baseline of known findings", |bytes| {
        _ = app::suppress::read_baseline(&String::from_utf8_lossy(bytes));
    }),
    parser("certificates", "X.509 in PEM and DER", |bytes| {
        credentials::x509::certificates(bytes);
    }),
    parser("classify", "a value whose place says that it is secret", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        credentials::classify(text.split('=').next(), &text);
    }),
    parser("cloudtrail", "CloudTrail: trails, exports, envelopes, lines, gzip", cloudtrail),
    parser("documents", "JSON, YAML, TOML and XML as one sort of document", documents),
    parser("find", "any bytes, by the rules of recognition", find),
    Parser {
        scenarios: &[],
        ..parser("git", "git's own files: config, HEAD, refs, index, objects", git)
    },
    Parser {
        scenarios: &["crates/connectors/src/homes/fixtures/*/home/*"],
        ..parser("homes", "credential files of tools in a home folder", homes)
    },
    Parser {
        scenarios: &["crates/connectors/src/host/fixtures/*/root"],
        ..parser(
            "host",
            "passwd, group, shadow, sudoers, units, crontabs, sshd_config, keys, keytabs",
            host,
        )
    },
    parser("ignore_file", "the file of findings to leave out", |bytes| {
        _ = app::suppress::read_ignore_file(&String::from_utf8_lossy(bytes));
    }),
    parser("keytab", "Kerberos keytabs", |bytes| {
        _ = credentials::keytab::read(bytes);
    }),
    parser("known_hosts", "OpenSSH's `known_hosts`", |bytes| {
        credentials::ssh::known_hosts(&String::from_utf8_lossy(bytes));
    }),
    parser("lists", "a query of a list: filters, search, sort, cursor", lists),
    parser("pkcs12", "PKCS#12 and Java key stores", |bytes| {
        _ = credentials::pkcs12::read(bytes, &credentials::pkcs12::Rounds::default());
    }),
    parser(
        "policy",
        "a case of a request and AWS policies, a policy, a pattern of actions",
        |bytes| {
            let text = String::from_utf8_lossy(bytes);
            policy::aws::case::answer(&text, 1);
            policy::aws::lint::lint(&text, None);
            let catalogue = policy::aws::catalogue::Catalogue::get();
            let pattern = text.lines().next().unwrap_or_default();
            let (may, surely) = (catalogue.matching(pattern), catalogue.matching_surely(pattern));
            assert!(surely.is_subset(&may), "a pattern surely means what it cannot mean");
        },
    ),
    parser("private_keys", "PKCS#1, PKCS#8, SEC1, OpenSSH, PuTTY", |bytes| {
        credentials::keys::private_keys(bytes);
    }),
    parser("records", "records as JSON: batches, facts, times, ids", records),
    Parser {
        scenarios: &["crates/connectors/src/repository/fixtures/*"],
        ..parser(
            "repository",
            "CI definitions, Dockerfile, Compose, Kubernetes, Ansible, .env, CODEOWNERS, manifests",
            repository,
        )
    },
    parser("rules", "a rule file with its conditions and templates", |bytes| {
        _ = assess::rule::parse("rule.toml", &String::from_utf8_lossy(bytes));
    }),
    Parser {
        scenarios: &["crates/connectors/src/terraform/fixtures"],
        ..parser("terraform", "Terraform state v3 and v4, plans as JSON", terraform)
    },
    parser("yaml", "YAML within limits", |bytes| {
        connectors::yaml::load(&String::from_utf8_lossy(bytes));
    }),
];

/// The parser of this name.
pub fn parser_named(name: &str) -> Option<&'static Parser> {
    PARSERS.iter().find(|parser| parser.name == name)
}

/// For fuzzing: one input to the parser of this name.
///
/// # Panics
/// When there is no such parser, and when the parser does.
pub fn run(name: &str, bytes: &[u8]) {
    let parser = parser_named(name);
    assert!(parser.is_some(), "no parser is called {name}");
    if let Some(parser) = parser {
        (parser.run)(bytes);
    }
}

impl Parser {
    /// What it is known to read: the committed seeds and the files of test scenarios.
    pub fn seeds(&self, checkout: &Path) -> Vec<(String, Vec<u8>)> {
        let named = |(path, bytes): (PathBuf, Vec<u8>)| (path.display().to_string(), bytes);
        let committed = folder::files(&checkout.join("fuzz/seeds").join(self.name));
        let mut seeds: Vec<(String, Vec<u8>)> = committed.into_iter().map(named).collect();
        for pattern in self.scenarios {
            for scenario in expanded(checkout, pattern) {
                for (path, bytes) in folder::files(&scenario) {
                    let mut input = path.as_os_str().as_encoded_bytes().to_vec();
                    input.push(b'\n');
                    input.extend(bytes);
                    seeds.push((scenario.join(path).display().to_string(), input));
                }
            }
        }
        seeds
    }
}

/// The folders that a pattern means.
fn expanded(checkout: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut folders = vec![checkout.to_owned()];
    for part in pattern.split('/') {
        folders = folders
            .into_iter()
            .flat_map(|folder| match part {
                "*" => std::fs::read_dir(&folder)
                    .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
                    .unwrap_or_default(),
                name => vec![folder.join(name)],
            })
            .filter(|folder| folder.is_dir())
            .collect();
    }
    folders.sort();
    folders
}

fn find(bytes: &[u8]) {
    let mut end = 0;
    let mut n_found = 0;
    credentials::find(bytes, &mut |found| {
        assert!(found.span.start >= end && found.span.end <= bytes.len(), "{:?}", found.span);
        end = found.span.end;
        n_found += 1;
    });
    assert_eq!(credentials::might_hold(bytes), n_found > 0);
}

fn cloudtrail(bytes: &[u8]) {
    let mut summaries = activity::Summaries::default();
    activity::Reader::default().read(bytes, &mut |event| {
        summaries.add(event);
        assert!(!summaries.add(event), "an event counts once");
    });
    summaries.view();
}

/// The first byte chooses the syntax.
fn documents(bytes: &[u8]) {
    use connectors::document::{self, Syntax};
    let Some((first, rest)) = bytes.split_first() else { return };
    let syntax = match first % 4 {
        0 => Syntax::Json,
        1 => Syntax::Yaml,
        2 => Syntax::Toml,
        _ => Syntax::Xml,
    };
    let document = document::text(rest).and_then(|text| document::read(syntax, &text));
    if let Ok(document) = document {
        document.texts(&mut |_, _, _| {});
    }
}

/// Path and bytes of an input; without a path that can be written, another file of the parser.
fn split(input: &[u8]) -> Option<(PathBuf, &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let (path, rest) = input.split_at_checked(end)?;
    Some((folder::relative(path)?, rest.get(1..)?))
}

thread_local! {
    /// Folders are made once for each thread: making one costs more than reading it.
    static ROOT: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

/// Reads one file with a connector, in a root where nothing else lies but what `prepare` wrote.
fn with_file(
    connector: &Descriptor,
    below: &str,
    settings: impl Fn(&Path) -> Settings,
    prepare: &[(&str, &str)],
    input: &[u8],
) {
    let Some((path, bytes)) = split(input) else { return };
    ROOT.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = folder::temporary().ok();
        }
        let Some(root) = slot.as_ref() else { return };
        let home = root.path().join(below);
        let mut written = prepare
            .iter()
            .map(|(path, text)| folder::write(root.path(), Path::new(path), text.as_bytes()));
        let ready = written.all(|result| result.is_ok()) && std::fs::create_dir_all(&home).is_ok();
        // A path that runs through a prepared file cannot be written, and is no input.
        if ready && folder::write(&home, &path, bytes).is_ok() {
            _ = folder::discover(connector, root.path(), &settings(&home));
        }
        if let Ok(entries) = std::fs::read_dir(root.path()) {
            for entry in entries.flatten() {
                let path = entry.path();
                _ = if path.is_dir() {
                    std::fs::remove_dir_all(path)
                } else {
                    std::fs::remove_file(path)
                };
            }
        }
    });
}

fn repository(input: &[u8]) {
    let settings = |home: &Path| Settings::default().with("paths", [home.display().to_string()]);
    with_file(&connectors::repository::DESCRIPTOR, "src/shop", settings, &[], input);
}

/// A checkout with a commit-less git folder, of which one file is replaced.
fn git(input: &[u8]) {
    const PREPARED: &[(&str, &str)] = &[
        ("src/shop/.git/HEAD", "ref: refs/heads/main\n"),
        ("src/shop/.git/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"),
        ("src/shop/.git/objects/.keep", ""),
        ("src/shop/.git/refs/heads/other", ""),
        ("src/shop/.env", "DB_PASSWORD=Tr0ub4dor&3\n"),
        ("src/shop/CODEOWNERS", "* @example/team\n"),
    ];
    let settings = |home: &Path| {
        let shop = home.parent().unwrap_or(home);
        Settings::default().with("paths", [shop.display().to_string()])
    };
    with_file(&connectors::repository::DESCRIPTOR, "src/shop/.git", settings, PREPARED, input);
}

fn homes(input: &[u8]) {
    const PASSWD: &[(&str, &str)] = &[("etc/passwd", "ada:x:1000:1000:Ada:/home/ada:/bin/bash\n")];
    let settings = |_: &Path| Settings::default();
    with_file(&connectors::homes::DESCRIPTOR, "home/ada", settings, PASSWD, input);
}

fn host(input: &[u8]) {
    const PREPARED: &[(&str, &str)] = &[
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n"),
        ("etc/group", "root:x:0:\nsudo:x:27:ada\n"),
    ];
    let settings = |_: &Path| Settings::default();
    with_file(&connectors::host::DESCRIPTOR, "", settings, PREPARED, input);
}

/// Calls `read` with a place for a file that another connector would have opened.
fn at_a_place(read: impl FnOnce(connectors::material::At<'_>)) {
    let scope = Scope::new("linux", "machine", "folder", "/src");
    let place = Place::new(kinds::PLACE_STATE, "file", "machine", "/src/file", scope.id);
    let fingerprinter = Fingerprinter::new(Secret::new([7; 32]));
    read(connectors::material::At {
        scope: scope.id,
        place: &place,
        locus: "/src/file",
        meta: None,
        machine: "machine",
        fingerprinter: Some(&fingerprinter),
    });
}

/// The first line of a seed names the file it was, which does not matter here.
fn terraform(input: &[u8]) {
    let bytes = split(input).map_or(input, |(_, bytes)| bytes);
    at_a_place(|at| {
        connectors::terraform::read_file(bytes, at);
    });
}

fn agents(input: &[u8]) {
    let Some((path, bytes)) = split(input) else { return };
    let path = path.display().to_string();
    let file = connectors::agents::file_at(connectors::agents::Base::Home, &path)
        .or_else(|| connectors::agents::project_file(&path));
    if let Some(file) = file {
        at_a_place(|at| {
            connectors::agents::read(file, bytes, at);
        });
    }
}

/// A query as JSON, asked of every list of an empty store.
fn lists(bytes: &[u8]) {
    thread_local! {
        static STORE: Option<store::Store> = store::Store::in_memory(NOW).ok();
    }
    let Ok(query) = serde_json::from_slice::<store::ListQuery>(bytes) else { return };
    STORE.with(|store| {
        let Some(store) = store else { return };
        _ = store.list_identities(&query);
        _ = store.list_credentials(&query);
        _ = store.list_places(&query);
        _ = store.list_grants(&query);
        _ = store.list_trusts(&query);
        _ = store.list_owners(&query);
        if let Some(text) = &query.search {
            _ = store.search(text, 10);
        }
    });
}

fn records(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    _ = text.parse::<model::Time>();
    _ = text.parse::<model::IdentityId>();
    model::text::shown(&text);
    model::purpose::purpose_of(&text);
    if let Ok(mut batch) = serde_json::from_str::<model::Batch>(&text) {
        batch.settle();
        let once = batch.clone();
        batch.settle();
        assert!(once == batch, "settling twice changes nothing");
    }
}
