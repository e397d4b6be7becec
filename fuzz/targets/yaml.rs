#![no_main]

#[allow(dead_code, reason = "only the loader is fuzzed")]
#[path = "../../crates/connectors/src/yaml.rs"]
mod yaml;

libfuzzer_sys::fuzz_target!(|text: &str| {
    yaml::load(text);
});
