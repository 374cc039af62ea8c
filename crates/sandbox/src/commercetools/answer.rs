//! What an endpoint answers, before it is an HTTP response.

use bytes::Bytes;
use serde_json::Value;

/// An answer.
pub(super) enum Answer {
    /// A JSON document, perhaps as gzip already.
    Page { status: u16, body: Bytes, gzip: bool },
    /// Only a status.
    Empty(u16),
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::Page { status, body: Bytes::from(body.to_string()), gzip: false }
    }
}
