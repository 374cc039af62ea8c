//! References to secrets: the configuration never holds the secret itself.

use std::{fmt, path::Path};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The form of a reference to a secret, as the pattern in its JSON Schema.
pub const FORM: &str = "^(env:|file:).+";

/// Where a secret is kept: `env:NAME` (an environment variable) or `file:/path` (its first line).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = FORM))]
pub struct SecretRef(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Env(String),
    File(String),
}

/// A secret can't be read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SecretError {
    /// Not of the two forms. The text is not repeated: it may be the secret itself.
    #[error("a secret is written as env:NAME or file:/path, never as the secret itself")]
    Form,
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    #[error("{0} is empty")]
    Empty(String),
    #[error("the secret file {path} can't be read: {source}")]
    File { path: String, source: std::io::Error },
}

impl SecretRef {
    /// Fetches the secret. A relative path of a file counts from this folder.
    ///
    /// # Errors
    /// The variable is not set, the file can't be read, or the value is empty.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads secrets")]
    pub fn resolve(&self, folder: &Path) -> Result<SecretString, SecretError> {
        let text = match &self.0 {
            Place::Env(name) => std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?,
            Place::File(path) => std::fs::read_to_string(folder.join(path))
                .map_err(|source| SecretError::File { path: path.clone(), source })?
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        // A byte order mark is no part of the secret, and no white space.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() { Err(SecretError::Empty(self.to_string())) } else { Ok(text.to_owned().into()) }
    }
}

impl TryFrom<String> for SecretRef {
    type Error = SecretError;

    fn try_from(text: String) -> Result<Self, SecretError> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self(Place::Env(name.to_owned()))),
            Some(("file", path)) if !path.is_empty() => Ok(Self(Place::File(path.to_owned()))),
            _ => Err(SecretError::Form),
        }
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> Self {
        secret.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Env(name) => write!(out, "env:{name}"),
            Place::File(path) => write!(out, "file:{path}"),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}
