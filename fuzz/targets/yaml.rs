#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    connectors::yaml::load(text);
});
