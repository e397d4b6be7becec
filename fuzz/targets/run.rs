//! Every fuzz target: the parser of `testkit` that has the target's own name.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    testkit::parsers::run(env!("CARGO_BIN_NAME"), bytes);
});
