//! Error answers: `{"errorCode","description","details"}` in v3, `{"message"}` in v2.

use http::StatusCode;
use serde_json::{Value, json};

/// An answer that is no success.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) body: Body,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Json(Value),
    Text(&'static str),
}

impl Refusal {
    pub(super) fn v3(status: u16, code: &str, description: impl Into<String>) -> Self {
        let body = json!({ "errorCode": format!("insightData:{code}"), "description": description.into() });
        Self { status, body: Body::Json(body) }
    }

    /// About contacts.
    pub(super) fn contacts(status: u16, code: &str, description: impl Into<String>) -> Self {
        let body = json!({ "errorCode": format!("contacts:{code}"), "description": description.into() });
        Self { status, body: Body::Json(body) }
    }

    /// In version 2.
    pub(super) fn v2(message: &str) -> Self {
        Self { status: 400, body: Body::Json(json!({ "message": message })) }
    }

    /// The same about this item.
    pub(super) fn about(mut self, item: &str, detail: &str) -> Self {
        if let Body::Json(body) = &mut self.body {
            body["details"] = json!([{ "item": item, "description": detail }]);
        }
        self
    }

    /// The same about this item.
    pub(super) fn of(status: u16, code: &str, description: impl Into<String>, item: &str, detail: &str) -> Self {
        Self::v3(status, code, description).about(item, detail)
    }

    pub(super) fn unauthorized() -> Self {
        let body = json!({ "message": "Authorization has been denied for this request." });
        Self { status: 401, body: Body::Json(body) }
    }

    /// The host of another region was asked.
    pub(super) fn other_region() -> Self {
        Self { status: 403, body: Body::Text("Forbidden: Access is denied") }
    }

    pub(super) fn bad_json() -> Self {
        Self::v3(400, "badJson", "The request JSON is badly formed")
    }

    pub(super) fn bad_request(description: impl Into<String>) -> Self {
        Self::v3(400, "badRequest", description)
    }

    pub(super) fn collection_name(name: &str) -> Self {
        Self::v3(400, "invalidId", format!("The collectionName value '{name}' is invalid"))
    }

    pub(super) fn no_collection(name: &str) -> Self {
        Self::of(404, "collectionNotFound", "The collection could not be found", name, "Not found")
    }

    pub(super) fn no_record(collection: &str, key: &str) -> Self {
        let detail = format!("Not found in the account collection '{collection}'");
        Self::of(404, "recordNotFound", "The Insight data record could not be found", key, &detail)
    }

    pub(super) fn too_many_calls() -> Self {
        Self::v3(429, "tooManyRequests", "The call limit of this minute is used up")
    }
}

/// The body of an injected fault.
pub fn fault_body(status: StatusCode) -> Value {
    let code = if status == StatusCode::TOO_MANY_REQUESTS { "tooManyRequests" } else { "unknown" };
    let description = status.canonical_reason().unwrap_or("Error");
    json!({ "errorCode": format!("insightData:{code}"), "description": description })
}
