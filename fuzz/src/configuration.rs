//! Any text is a configuration or is refused with errors that can be shown.

pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(errors) = cartage::config::Config::parse(text, "cartage.toml") {
        assert!(!errors.is_empty(), "refused without a reason");
        let shown = cartage::config::ConfigErrors(errors).to_string();
        assert!(!shown.is_empty(), "an error that shows nothing");
    }
}
