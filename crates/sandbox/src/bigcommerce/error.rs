//! Errors in the platform's shapes: an object in v3, an array in v2.

use serde_json::{Map, Value, json};

const TYPE: &str = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes";

/// An error answer.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    /// HTTP status.
    pub(super) status: u16,
    /// Title in v3, message in v2.
    pub(super) title: String,
    /// Reasons by field.
    pub(super) errors: Vec<(String, String)>,
    /// Members of `details` in v2.
    pub(super) details: Vec<(&'static str, Value)>,
}

impl ApiError {
    pub(super) fn new(status: u16, title: impl Into<String>) -> Self {
        Self { status, title: title.into(), errors: Vec::new(), details: Vec::new() }
    }

    /// 422 for a parameter or field.
    pub(super) fn invalid(field: &str, why: impl Into<String>) -> Self {
        let mut error = Self::new(422, "JSON data is missing or invalid");
        error.errors.push((field.to_owned(), why.into()));
        error
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "You are not authorized to access this resource, or the access token is invalid.")
    }

    pub(super) fn no_scope() -> Self {
        Self::new(403, "You don't have a required scope to access the endpoint")
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "The requested resource was not found.")
    }

    /// The body in v3.
    pub(super) fn v3(&self) -> Value {
        let errors: Map<String, Value> = self.errors.iter().map(|(field, why)| (field.clone(), json!(why))).collect();
        json!({ "status": self.status, "title": self.title, "type": TYPE, "errors": errors })
    }

    /// The body in v2.
    pub(super) fn v2(&self) -> Value {
        let details: Map<String, Value> =
            self.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let why = self.errors.first().map(|(field, why)| format!("{field}: {why}"));
        json!([{ "status": self.status, "message": why.as_ref().unwrap_or(&self.title), "details": details }])
    }
}

/// The body of an injected fault.
pub fn fault_body(status: http::StatusCode) -> Value {
    ApiError::new(status.as_u16(), status.canonical_reason().unwrap_or("Error")).v3()
}
