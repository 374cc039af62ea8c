//! Errors in the shapes of the platform's APIs.

use serde_json::{Value, json};

/// An error of OCAPI: `{"_v":"25.6","fault":{"arguments":{},"type":"…","message":"…"}}`.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) status: u16,
    kind: &'static str,
    message: String,
    arguments: Value,
}

impl Fault {
    pub(super) fn new(status: u16, kind: &'static str, message: impl Into<String>, arguments: Value) -> Self {
        Self { status, kind, message: message.into(), arguments }
    }

    /// 404 for a path or an object of it.
    pub(super) fn not_found(kind: &'static str, what: &str, argument: &str, id: &str) -> Self {
        Self::new(404, kind, format!("No {what} with ID '{id}' could be found."), json!({ argument: id }))
    }

    pub(super) fn no_resource(path: &str) -> Self {
        let message = format!("Resource path '{path}' not found.");
        Self::new(404, "ResourcePathNotFoundException", message, json!({ "path": path }))
    }

    pub(super) fn unknown_property(document: &str, property: &str) -> Self {
        let message = format!("Property '{property}' is not defined for document '{document}'.");
        Self::new(400, "UnknownPropertyException", message, json!({ "document": document, "property": property }))
    }

    pub(super) fn malformed(property: &str) -> Self {
        let message = format!("The value of the property '{property}' can't be read.");
        Self::new(400, "InvalidPropertyFormatException", message, json!({ "property": property }))
    }

    pub(super) fn search(message: impl Into<String>) -> Self {
        Self::new(400, "MalformedSearchParameterException", message, json!({}))
    }

    /// The body for a version as documents write it.
    pub(super) fn body(&self, version: &str) -> Value {
        json!({ "_v": version, "fault": { "arguments": self.arguments, "type": self.kind, "message": self.message } })
    }
}

/// The body of an injected fault. Gateways of all the APIs answer alike.
pub fn fault_body(status: http::StatusCode) -> Value {
    let title = status.canonical_reason().unwrap_or("Error");
    json!({
        "type": format!("https://api.commercecloud.salesforce.com/documentation/error/v1/errors/{}", title.to_lowercase().replace(' ', "-")),
        "title": title,
        "detail": title,
    })
}
