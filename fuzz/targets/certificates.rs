#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    credentials::x509::certificates(bytes);
});
