//! See `fuzz::feed_parameters`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::feed_parameters::run(input));
