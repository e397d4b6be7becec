#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    credentials::keys::private_keys(bytes);
});
