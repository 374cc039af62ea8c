//! Reads settings for a registry of platforms, which does not know where they come from.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// Reads the settings of one connector into the type that its platform names.
pub trait ReadSettings {
    /// The settings; `None` where they can't be read, which the reader has noted.
    fn read<T: DeserializeOwned + JsonSchema>(&mut self) -> Option<T>;
}
