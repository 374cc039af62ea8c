//! The configuration as it may be shown to others: without secrets.

use std::path::Path;

use contract::{SecretRef, secret::SecretError};
use serde_json::Value as Json;
use toml::Value;

use super::Loaded;

impl Loaded {
    /// The configuration as JSON. The reference to a secret is followed by `(present)`, or by why it can't be read; of a file
    /// it names only the last part.
    pub fn without_secrets(&self) -> Json {
        self.text.parse::<toml::Table>().map(|table| shown(&Value::Table(table), self.folder())).unwrap_or_default()
    }
}

fn shown(value: &Value, folder: &Path) -> Json {
    match value {
        Value::Table(table) => {
            let member = |(name, value): (&String, &Value)| {
                let value = match (name.as_str(), value) {
                    ("path", Value::String(path)) => last(path).into(),
                    // A query may hold a token; users and passwords are refused in all addresses.
                    ("otlp_endpoint", Value::String(address)) => address.split('?').next().into(),
                    _ => shown(value, folder),
                };
                (name.clone(), value)
            };
            table.iter().map(member).collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(|item| shown(item, folder)).collect(),
        Value::String(text) => text_shown(text, folder).into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Boolean(value) => (*value).into(),
        Value::Datetime(at) => at.to_string().into(),
    }
}

#[expect(clippy::disallowed_methods, reason = "whether it can be read is the question")]
fn text_shown(text: &str, folder: &Path) -> String {
    if let Ok(secret) = SecretRef::try_from(text.to_owned()) {
        let reference = match text.strip_prefix("file:") {
            Some(path) => format!("file:{}", last(path)),
            None => text.to_owned(),
        };
        let state = match secret.resolve(folder) {
            Ok(_) => "present".to_owned(),
            Err(SecretError::Empty(_)) => "empty".to_owned(),
            Err(SecretError::File { source, .. }) => source.kind().to_string(),
            Err(SecretError::NoVariable(_) | SecretError::Form) => "missing".to_owned(),
        };
        return format!("{reference} ({state})");
    }
    text.to_owned()
}

/// The last part of a path: its folders may name a person.
fn last(path: &str) -> String {
    Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned()
}
