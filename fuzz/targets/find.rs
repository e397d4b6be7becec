#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut end = 0;
    let mut n_found = 0;
    credentials::find(bytes, &mut |found| {
        assert!(found.span.start >= end && found.span.end <= bytes.len());
        end = found.span.end;
        n_found += 1;
    });
    assert_eq!(credentials::might_hold(bytes), n_found > 0);
});
