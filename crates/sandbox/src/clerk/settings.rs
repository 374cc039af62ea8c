//! Settings: the stores, and behaviour that the sources leave open.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Behaviour of the emulator and its stores.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The stores; each has its own keys and data.
    pub stores: Vec<StoreSettings>,
    /// How objects with missing or mistyped fields are treated.
    pub validation: Validation,
    /// Answer every error with HTTP 200, as the published examples do; the envelope tells them apart.
    pub errors_as_200: bool,
    /// What a PATCH of an unknown id does.
    pub patch_unknown: PatchUnknown,
    /// What `DELETE /categories` does; it isn't published.
    pub category_delete: CategoryDelete,
    /// Refuse ids of another type (number, text) than the store's first id.
    pub strict_id_types: bool,
    /// Largest number of objects in one call; `None` = any. The real limit is unpublished.
    pub max_batch_items: Option<usize>,
    /// Refuse queries without `limit`. The documentation requires it; an official plugin leaves it out.
    pub require_limit: bool,
    /// Objects the feed importer asks for per page.
    pub feed_limit: usize,
    /// Largest request body in bytes.
    pub body_bytes: usize,
    /// Write calls kept for tests, per store; their bodies are kept up to [`Settings::journal_bytes`].
    pub journal_calls: usize,
    /// Bytes of request bodies kept, per store; the oldest are dropped first.
    pub journal_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stores: vec![StoreSettings::sandbox("de", "german", "EUR"), StoreSettings::sandbox("uk", "english", "GBP")],
            validation: Validation::Strict,
            errors_as_200: false,
            patch_unknown: PatchUnknown::Ignore,
            category_delete: CategoryDelete::Refuse,
            strict_id_types: false,
            max_batch_items: None,
            require_limit: true,
            feed_limit: 500,
            body_bytes: 64 * 1024 * 1024,
            journal_calls: 256,
            journal_bytes: 4 * 1024 * 1024,
        }
    }
}

/// One store: a domain, language and currency with a key pair of its own.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Name of the store in this emulator's own endpoints.
    pub name: String,
    /// Identifies the store; argument `key`.
    pub public_key: String,
    /// Allows writing; argument `private_key`.
    pub private_key: String,
    /// Language of the texts, for example `english`.
    pub language: String,
    /// ISO 4217 code of the prices.
    pub currency: String,
}

impl StoreSettings {
    /// A store with well-known keys: `sandbox<NAME>public` and `sandbox<NAME>private`, with the name in capitals.
    pub fn sandbox(name: &str, language: &str, currency: &str) -> Self {
        let capitals = name.to_uppercase();
        Self {
            name: name.to_owned(),
            public_key: format!("sandbox{capitals}public"),
            private_key: format!("sandbox{capitals}private"),
            language: language.to_owned(),
            currency: currency.to_owned(),
        }
    }
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StoreSettings")
            .field("name", &self.name)
            .field("language", &self.language)
            .field("currency", &self.currency)
            .finish_non_exhaustive()
    }
}

/// How objects with missing or mistyped fields are treated. How strictly the real server looks is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// The whole batch is refused.
    Strict,
    /// The object is stored and left out of results, and a warning is counted.
    Lenient,
}

/// What a PATCH of an unknown id does; unpublished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchUnknown {
    /// Nothing, and the call succeeds.
    Ignore,
    /// The whole batch is refused.
    LogicalError,
}

/// What `DELETE /categories` does; unpublished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CategoryDelete {
    /// It isn't known and answers with an error envelope.
    Refuse,
    /// It works like the other resources.
    Accept,
}
