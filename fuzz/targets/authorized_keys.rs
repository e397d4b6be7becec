#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    credentials::ssh::authorized_keys(text);
});
