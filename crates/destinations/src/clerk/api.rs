//! Clerk.io's JSON, verbatim. Only answers are typed: requests are written straight into bytes (`map`, `client`).

use serde::{Deserialize, Deserializer};

/// The envelope of every answer.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    /// `ok` or `error`.
    pub status: String,
    /// What went wrong, in English.
    #[serde(default, deserialize_with = "text")]
    pub message: Option<String>,
    /// One of the [`ErrorType`]s.
    #[serde(default, rename = "type", deserialize_with = "text")]
    pub error_type: Option<String>,
    /// Number of the error report, for Clerk.io's support.
    #[serde(default, deserialize_with = "text")]
    pub id: Option<String>,
}

/// Only `status` decides: the other members may be of any type, and are shown as they are.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

/// Kinds of errors that Clerk.io publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// Invalid key or disabled account.
    Authentication,
    /// Not JSON, an argument missing, or of the wrong type.
    Parsing,
    /// An argument breaks documented behaviour.
    Logical,
    /// Unexpected fault of the server.
    Internal,
}

impl ErrorType {
    /// Reads the `type` of an [`Envelope`].
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "AuthenticationError" => Some(Self::Authentication),
            "ParsingError" => Some(Self::Parsing),
            "LogicalError" => Some(Self::Logical),
            "InternalError" => Some(Self::Internal),
            _ => None,
        }
    }
}

/// Answer to `GET /recommendations/…`.
#[derive(Debug, Deserialize)]
pub struct Recommended {
    /// Ids of products.
    #[serde(default)]
    pub result: Vec<serde_json::Value>,
}

/// Answer to `GET /products`. Its shape is not published.
#[derive(Debug, Deserialize)]
pub struct Products {
    /// The objects that exist.
    pub products: Vec<serde_json::Value>,
}

/// Answer to `GET /categories`. Its shape is not published.
#[derive(Debug, Deserialize)]
pub struct Categories {
    /// The objects that exist.
    pub categories: Vec<serde_json::Value>,
}

/// Answer to `GET /orders`. Its shape is not published.
#[derive(Debug, Deserialize)]
pub struct Orders {
    /// The objects that exist.
    pub orders: Vec<serde_json::Value>,
}

/// Answer to `GET /token/verify` for a good token.
#[derive(Debug, Deserialize)]
pub struct Verified {
    /// The token's claims.
    pub token_payload: serde_json::Value,
}
