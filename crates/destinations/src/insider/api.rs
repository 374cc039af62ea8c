//! Insider's JSON, verbatim. Only answers are typed: requests are written from payloads (`compose`).

use serde::{Deserialize, Deserializer};

/// Field of a problem that is about the locale of a record.
pub const LOCALE: &str = "locale";

/// Fields that a store of a nested item may have.
pub const STORE_FIELDS: [&str; 5] = ["price", "original_price", "omnibus_price", "in_stock", "stock_count"];

/// The answer to a write, also if some records were refused.
#[derive(Debug, Deserialize)]
pub struct Written {
    /// Whether the request was processed.
    pub success: bool,
    /// What became of the records.
    pub message: Report,
}

/// What became of the records of a write.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// Records that were taken in.
    pub valid: Count,
    /// Records that were refused.
    #[serde(default)]
    pub invalid: Problems,
    /// Remarks about records that were taken in.
    #[serde(default)]
    pub warnings: Problems,
}

/// A number of records.
#[derive(Debug, Deserialize)]
pub struct Count {
    /// The number.
    pub count: u64,
}

/// Problems of records.
#[derive(Debug, Default, Deserialize)]
pub struct Problems {
    /// Records that have some.
    #[serde(default)]
    pub count: u64,
    /// One entry per field and message.
    #[serde(default)]
    pub details: Vec<Detail>,
}

/// A problem that some records have.
#[derive(Debug, Deserialize)]
pub struct Detail {
    /// The field.
    #[serde(default, deserialize_with = "text")]
    pub field: String,
    /// What is wrong with it.
    #[serde(default, deserialize_with = "text")]
    pub message: String,
    /// Records that have it.
    #[serde(default)]
    pub count: u64,
    /// Ids of the items of these records, without the locale.
    #[serde(default)]
    pub document_ids: Vec<String>,
}

/// Any other answer: one of two envelopes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refused {
    /// What is wrong, in the one envelope.
    #[serde(deserialize_with = "text")]
    pub message: String,
    /// What is wrong, in the other.
    #[serde(deserialize_with = "text")]
    pub error: String,
}

/// Only the words matter: a member may be of any type, and is shown as it is.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    })
}
