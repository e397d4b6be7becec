//! Counts of what held and what did not, in the form that `./test` adds up.

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Tally {
    /// Notes one check by its problems: none, and it holds.
    pub(crate) fn note(&mut self, check: &str, problems: &[String]) {
        if problems.is_empty() {
            self.passed += 1;
            return;
        }
        self.failed += 1;
        eprintln!("FAILED: {check}");
        for problem in problems {
            eprintln!("  {problem}");
        }
    }

    /// Prints the last line; whether nothing failed.
    pub(crate) fn finish(&self) -> bool {
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        self.failed == 0
    }
}
