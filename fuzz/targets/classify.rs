#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    credentials::classify(text.split('=').next(), text);
});
