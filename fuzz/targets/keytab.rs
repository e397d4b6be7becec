#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _entries = credentials::keytab::read(bytes);
});
