#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    credentials::ssh::known_hosts(text);
});
