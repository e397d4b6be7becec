//! Every seed through its parser, as a fuzzer would; and that none is missing.

use std::path::Path;

use testkit::parsers::PARSERS;

fn checkout() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn every_seed_is_read() {
    for parser in PARSERS {
        let seeds = parser.seeds(checkout());
        assert!(!seeds.is_empty(), "{} has no seeds in fuzz/seeds/{0}", parser.name);
        for (name, seed) in seeds {
            println!("{} {name}", parser.name);
            (parser.run)(&seed);
            // What is cut off in the middle is the most frequent damage of all.
            (parser.run)(&seed[..seed.len() / 2]);
        }
    }
}

#[test]
fn every_parser_is_a_fuzz_target() {
    let manifest = std::fs::read_to_string(checkout().join("fuzz/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let targets: Vec<&str> = manifest["bin"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["name"].as_str().unwrap())
        .collect();
    let parsers: Vec<&str> = PARSERS.iter().map(|parser| parser.name).collect();
    assert_eq!(targets, parsers);
    assert!(parsers.is_sorted());
    let readme = std::fs::read_to_string(checkout().join("fuzz/README.md")).unwrap();
    for parser in PARSERS {
        let row = format!("| `{}` | {} |", parser.name, parser.reads);
        assert!(readme.contains(&row), "fuzz/README.md lacks the row {row}");
    }
}
