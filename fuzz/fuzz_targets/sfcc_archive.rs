//! See `fuzz::sfcc_archive`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::sfcc_archive::run(input));
