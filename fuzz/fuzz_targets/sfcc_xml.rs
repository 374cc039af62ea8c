//! See `fuzz::sfcc_xml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::sfcc_xml::run(input));
