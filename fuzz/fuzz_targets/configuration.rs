//! Any text is a configuration or is refused with errors that can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(errors) = cartage::config::Config::parse(text, "cartage.toml") {
        assert!(!errors.is_empty(), "refused without a reason");
        let shown = cartage::config::ConfigErrors(errors).to_string();
        assert!(!shown.is_empty(), "an error that shows nothing");
    }
});
