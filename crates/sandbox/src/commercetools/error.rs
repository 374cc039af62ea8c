//! Errors in the platform's two shapes: API errors and authentication errors.

use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

/// An error answer.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    /// HTTP status.
    pub(super) status: u16,
    /// Code of the error in `errors[]`.
    pub(super) code: &'static str,
    /// Text, the same in `message` and `errors[0].message`.
    pub(super) message: String,
    /// Further members of the error in `errors[]`.
    pub(super) details: Vec<(&'static str, Value)>,
    /// Authentication errors carry `error` and `error_description` too.
    pub(super) oauth: bool,
    /// The methods that there are, where another one was used.
    allow: &'static str,
}

impl ApiError {
    /// An error of the API.
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new(), oauth: false, allow: "" }
    }

    /// An error of authentication or authorisation.
    pub(super) fn auth(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { oauth: true, ..Self::new(status, code, message) }
    }

    /// 405 for a method that the path does not have; `allowed` lists those that it has.
    pub(super) fn no_method(method: &http::Method, allowed: &'static str) -> Self {
        let message = format!("The method {method} is not supported here.");
        Self { allow: allowed, ..Self::new(405, "InvalidOperation", message) }
    }

    /// The header that RFC 9110 asks for with this status.
    pub(super) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match (self.status, self.code) {
            (401, "invalid_client") => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""))),
            (401, _) => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))),
            (405, _) => Some((ALLOW, HeaderValue::from_static(self.allow))),
            _ => None,
        }
    }

    /// Adds a member to the error.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// 400 for a query parameter that can't be understood.
    pub(super) fn malformed(parameter: &str, why: impl AsRef<str>) -> Self {
        Self::new(400, "InvalidInput", format!("Malformed parameter: {parameter}: {}", why.as_ref()))
    }

    /// 400 for a body that can't be applied.
    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self::new(400, "InvalidInput", why)
    }

    /// 400 for an operation that the resource's state forbids.
    pub(super) fn operation(why: impl Into<String>) -> Self {
        Self::new(400, "InvalidOperation", why)
    }

    /// 400 for a missing member of a body.
    pub(super) fn required(field: &str) -> Self {
        Self::new(400, "RequiredField", format!("A value is required for field '{field}'.")).with("field", field)
    }

    /// 400 for a body that is JSON of the wrong form.
    pub(super) fn json(why: impl AsRef<str>) -> Self {
        Self::new(400, "InvalidJsonInput", "Request body does not contain valid JSON.")
            .with("detailedErrorMessage", why.as_ref())
    }

    /// 404 for a resource that isn't there.
    pub(super) fn not_found(how: &str, what: &str) -> Self {
        let message = match how {
            "id" => format!("The Resource with ID '{what}' was not found."),
            _ => format!("The Resource with {how} '{what}' was not found."),
        };
        Self::new(404, "ResourceNotFound", message)
    }

    /// 409 for a version that has moved on.
    pub(super) fn conflict(id: &str, expected: u64, actual: u32) -> Self {
        Self::new(
            409,
            "ConcurrentModification",
            format!("Object {id} has a different version than expected. Expected: {expected} - Actual: {actual}."),
        )
        .with("currentVersion", actual)
    }

    /// 400 for a value that another resource already has.
    pub(super) fn duplicate(field: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        Self::new(400, "DuplicateField", format!("A duplicate value '{value}' exists for field '{field}'."))
            .with("field", field)
            .with("duplicateValue", value)
    }

    /// 400 for a value that the field can't have.
    pub(super) fn field(field: &str, value: &Value) -> Self {
        Self::new(400, "InvalidField", format!("The value '{value}' is not valid for field '{field}'."))
            .with("field", field)
            .with("invalidValue", value.clone())
    }

    /// 400 for a reference to nothing; `how` is `id` or `key`.
    pub(super) fn dangling(kind: &str, how: &'static str, what: &str) -> Self {
        let message = format!(
            "The referenced object of type '{kind}' with {how} '{what}' was not found. It either doesn't exist, or it \
             can't be accessed from this endpoint (e.g., if the endpoint filters by store or customer account)."
        );
        Self::new(400, "ReferencedResourceNotFound", message).with("typeId", kind).with(how, what)
    }

    /// The body to send.
    pub(super) fn body(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(self.code));
        error.insert("message".to_owned(), json!(self.message));
        for (name, value) in &self.details {
            error.insert((*name).to_owned(), value.clone());
        }
        let mut body = json!({ "statusCode": self.status, "message": self.message, "errors": [error] });
        if self.oauth
            && let Some(body) = body.as_object_mut()
        {
            body.insert("error".to_owned(), json!(self.code));
            body.insert("error_description".to_owned(), json!(self.message));
        }
        body
    }
}
