#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _store = credentials::pkcs12::read(bytes);
});
