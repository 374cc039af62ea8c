//! Codes of mistakes in a configuration; each has its page under `docs/errors/`.

/// The file can't be read.
pub const FILE: &str = "C0801";
/// The file is no TOML.
pub const SYNTAX: &str = "C0802";
/// An unknown key.
pub const UNKNOWN_KEY: &str = "C0803";
/// A required key is missing.
pub const MISSING: &str = "C0804";
/// A value of the wrong type, or out of its range.
pub const VALUE: &str = "C0805";
/// A secret in place of a reference to it.
pub const SECRET: &str = "C0806";
/// A name that is not configured.
pub const UNKNOWN_NAME: &str = "C0807";
/// A name with other characters than `a-z`, `0-9` and `-`.
pub const NAME: &str = "C0808";
/// A market's locale, currency, country or time zone does not exist.
pub const MARKET: &str = "C0809";
/// The address of a page can't be made from its template.
pub const TEMPLATE: &str = "C0810";
/// Several markets in one flow, into a destination that takes one.
pub const SEVERAL_MARKETS: &str = "C0812";
/// There is no flow.
pub const NO_FLOW: &str = "C0813";
/// Webhooks without an address at which they arrive.
pub const NO_PUBLIC_URL: &str = "C0814";
/// A flow carries what its destination does not take.
pub const NOT_TAKEN: &str = "C0815";
/// A flow carries data about people, and there is no key to seal it with; the store refuses it with the same code.
pub const NO_DATA_KEY: &str = "C0114";
/// Two flows into one destination.
pub const SHARED_DESTINATION: &str = "C0811";
