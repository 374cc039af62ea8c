//! See `fuzz::predicate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::predicate::run(input));
