//! What a file is for, as far as its path tells: test files, examples and documentation hold
//! credentials that are made up far more often than real ones.
//!
//! One function, so that every source that reads other people's folders states the same fact
//! (`purpose` of a place). It is for paths within a folder of sources: on a machine, `/srv/test` is
//! where something real runs.

use crate::{Fact, Value};

/// The fact's name.
pub const PURPOSE: &str = "purpose";

/// `test`, `example` or `documentation`; absent when the path (relative, with `/`) says none of
/// them.
pub fn purpose_of(path: &str) -> Fact<Value> {
    match purpose(path) {
        Some(purpose) => Fact::known(purpose),
        None => Fact::absent(),
    }
}

fn purpose(path: &str) -> Option<&'static str> {
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    let of_folder = |purpose: &'static str, names: &[&str]| {
        folders.split('/').any(|folder| is_folder_of(folder, names)).then_some(purpose)
    };
    of_folder("test", TEST_FOLDERS)
        .or_else(|| of_file(file))
        .or_else(|| of_folder("example", EXAMPLE_FOLDERS))
        .or_else(|| of_folder("documentation", DOCUMENTATION_FOLDERS))
}

const TEST_FOLDERS: &[&str] = &[
    "test",
    "tests",
    "testing",
    "testdata",
    "testresources",
    "testfixtures",
    "fixture",
    "fixtures",
    "mock",
    "mocks",
    "spec",
    "specs",
    "e2e",
    "cassettes",
    "androidtest",
    "unittest",
    "unittests",
    "integrationtest",
    "integrationtests",
];
const EXAMPLE_FOLDERS: &[&str] = &["example", "examples", "sample", "samples"];
const DOCUMENTATION_FOLDERS: &[&str] = &["doc", "docs", "documentation"];

/// `__tests__` and `test-data` are written in many ways; `acme-tests` says it at its end.
fn is_folder_of(folder: &str, names: &[&str]) -> bool {
    let packed: String = folder.chars().filter(char::is_ascii_alphanumeric).collect();
    let last = folder.rsplit(['-', '_']).next().unwrap_or(folder);
    names.contains(&packed.to_ascii_lowercase().as_str())
        || matches!(last, "tests" | "testdata" | "fixtures" | "examples") && names.contains(&last)
}

fn of_file(file: &str) -> Option<&'static str> {
    let lower = file.to_ascii_lowercase();
    let (stem, extension) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    let words: Vec<&str> = stem.split(['.', '_', '-']).filter(|word| !word.is_empty()).collect();
    let says = |names: &[&str]| words.iter().any(|word| names.contains(word));
    let is_source = SOURCES.contains(&extension);
    // `settings-test.json` configures an environment, `parser_test.go` tests a parser.
    let at_an_end = [words.first(), words.last()]
        .into_iter()
        .flatten()
        .any(|word| matches!(*word, "test" | "tests" | "spec" | "conftest"));
    // `ParserTest.java`: capital letters are the border there.
    let camel = file.strip_suffix(extension).is_some_and(|stem| {
        ["Test.", "Tests.", "Spec.", "TestCase."].iter().any(|end| stem.ends_with(end))
    });
    if is_source && (at_an_end || camel) || stem.contains("testdata") {
        Some("test")
    } else if says(EXAMPLE_FOLDERS) || matches!(extension, "example" | "sample") {
        Some("example")
    } else if matches!(extension, "md" | "markdown" | "rst" | "adoc")
        || matches!(stem, "readme" | "changelog" | "changes" | "history")
        || matches!(lower.as_str(), "pkg-info" | "metadata")
    {
        Some("documentation")
    } else {
        None
    }
}

/// Extensions of program text, in which tests are named by a word of the file's name.
const SOURCES: &[&str] = &[
    "c", "cc", "cpp", "cs", "cxx", "dart", "erl", "ex", "exs", "go", "groovy", "h", "hpp", "hs",
    "java", "js", "jsx", "kt", "kts", "lua", "mjs", "ml", "php", "pl", "ps1", "py", "rb", "rs",
    "scala", "sh", "swift", "t", "ts", "tsx", "vue",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_paths_say() {
        let check = |path: &str, expected: &str| {
            assert_eq!(purpose(path).unwrap_or_default(), expected, "{path}");
        };
        check("pkg/server/handler_test.go", "test");
        check("app/test_login.py", "test");
        check("conftest.py", "test");
        check("src/login.spec.ts", "test");
        check("src/login.test.tsx", "test");
        check("src/main/ParserTest.java", "test");
        check("src/parser/tests.rs", "test");
        check("crypto/dsa/dsa_test.cc", "test");
        check("urltestdata.json", "test");
        check("internal/testdata/key.pem", "test");
        check("src/test/resources/key.pem", "test");
        check("web/__tests__/a.js", "test");
        check("server/test-data/a.pem", "test");
        check("acme-tests/a.pem", "test");
        check("Fixtures/a.json", "test");
        check("docs/tests/a.pem", "test");
        check("examples/deploy.yml", "example");
        check("sdk/samples/a.py", "example");
        check(".env.example", "example");
        check("config.sample.yml", "example");
        check("src/signature_rsa_example_private_key.der", "example");
        check("docs/setup.html", "documentation");
        check("README", "documentation");
        check("guide/setup.md", "documentation");
        check("PyJWT.egg-info/PKG-INFO", "documentation");
        // What runs somewhere, or only sounds like it.
        check(".env", "");
        check(".env.test", "");
        check("deploy/settings-test.json", "");
        check("environments/test.tfvars", "");
        check("src/latest.rs", "");
        check("src/contest.py", "");
        check("testament/key.pem", "");
        check("src/attest/key.pem", "");
        check("specification.json", "");
        check("docker/compose.yml", "");
        check("k8s/secret.yaml", "");
        check("", "");
    }

    proptest::proptest! {
        #[test]
        fn any_path_has_an_answer(path: String) {
            purpose(&path);
        }
    }
}
