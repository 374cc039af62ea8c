//! See `fuzz::delivery`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::delivery::commercetools(input));
