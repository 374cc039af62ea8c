//! The envelope of every answer: `{"status":"ok",…}` or `{"status":"error",…}` with one of four types.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// The result of a call: a JSON text, or a problem.
pub(super) type Reply = Result<Vec<u8>, Problem>;

/// The four types of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorType {
    Authentication,
    Parsing,
    Logical,
    Internal,
}

impl ErrorType {
    fn name(self) -> &'static str {
        match self {
            Self::Authentication => "AuthenticationError",
            Self::Parsing => "ParsingError",
            Self::Logical => "LogicalError",
            Self::Internal => "InternalError",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Authentication => StatusCode::UNAUTHORIZED,
            Self::Parsing | Self::Logical => StatusCode::BAD_REQUEST,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The reason of an error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: ErrorType,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn authentication(message: &str) -> Self {
        Self { kind: ErrorType::Authentication, message: message.to_owned() }
    }

    pub(super) fn parsing(message: impl Into<String>) -> Self {
        Self { kind: ErrorType::Parsing, message: message.into() }
    }

    pub(super) fn missing(argument: &str) -> Self {
        Self::parsing(format!("Missing Argument {argument}"))
    }

    pub(super) fn invalid(argument: &str) -> Self {
        Self::parsing(format!("Invalid Syntax In Argument: {argument}"))
    }

    pub(super) fn logical(message: impl Into<String>) -> Self {
        Self { kind: ErrorType::Logical, message: message.into() }
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self { kind: ErrorType::Internal, message: message.into() }
    }
}

/// The form of an answer.
pub(super) struct Dress<'a> {
    /// Whether errors have HTTP status 200.
    pub(super) errors_as_200: bool,
    /// Name of the JSONP function.
    pub(super) callback: Option<&'a str>,
    /// Opaque id of an error report.
    pub(super) report: u64,
}

/// The HTTP response of `reply`.
pub(super) fn response(reply: Reply, dress: &Dress<'_>) -> Response {
    let (status, body) = match reply {
        Ok(body) => (StatusCode::OK, body),
        Err(problem) => {
            let status = if dress.errors_as_200 { StatusCode::OK } else { problem.kind.status() };
            (status, error_body(problem.kind, &problem.message, dress.report).to_string().into_bytes())
        }
    };
    let (content_type, body) = match dress.callback.filter(|name| is_function_name(name)) {
        None => ("application/json", body),
        Some(name) => ("application/javascript", [name.as_bytes(), b"(", &body, b");"].concat()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The answer of a successful write, which holds nothing else.
pub(super) fn ok() -> Vec<u8> {
    br#"{"status":"ok"}"#.to_vec()
}

/// The body of an injected HTTP error at Clerk: pass it to [`crate::fault::Faults::new`].
pub fn fault_body(status: StatusCode) -> Value {
    let kind = if status.is_client_error() { ErrorType::Logical } else { ErrorType::Internal };
    error_body(kind, status.canonical_reason().unwrap_or("Error"), 0)
}

fn error_body(kind: ErrorType, message: &str, report: u64) -> Value {
    let id = format!("{report:016x}");
    let more = format!("http://my.clerk.io/error/{id}");
    json!({ "status": "error", "message": message, "moreInfo": more, "type": kind.name(), "id": id })
}

fn is_function_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.' | b'[' | b']');
    !name.is_empty() && name.len() <= 128 && name.bytes().all(plain)
}
