//! Classifies an answer: a page to read, or a fault and whether a smaller page would help.
//!
//! The error's `code` decides, and the HTTP status only if there is none: proxies in front of the API answer in a form
//! of their own.

use contract::Fault;
use wire::{Broken, Reason, Redactor, Response};

use super::api::ErrorResponse;

/// A call without a readable answer.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The fault.
    pub fault: Fault,
    /// What helps, other than waiting.
    pub remedy: Remedy,
}

/// What helps, other than waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing.
    None,
    /// A new token.
    Token,
    /// A smaller page, now.
    Smaller,
    /// A smaller page, after a wait.
    SmallerLater,
    /// Another query: the server does not accept this one (400).
    OtherQuery,
    /// Nothing, because the resource does not exist (404).
    Missing,
}

impl Remedy {
    /// Whether a smaller page would help.
    pub(super) const fn shrinks(self) -> bool {
        matches!(self, Self::Smaller | Self::SmallerLater)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, remedy: Remedy::None }
    }
}

impl From<Broken> for Refusal {
    fn from(broken: Broken) -> Self {
        let remedy = match broken.reason {
            Reason::TooLarge => Remedy::Smaller,
            Reason::Timeout => Remedy::SmallerLater,
            Reason::Request | Reason::Connect | Reason::Connection => Remedy::None,
        };
        Self { fault: broken.fault, remedy }
    }
}

/// Classifies an answer that is no success. `what` names the request, such as `GET /product-projections`.
pub(super) fn refusal(what: &str, response: &Response, redactor: &Redactor) -> Refusal {
    let status = response.status;
    let said: ErrorResponse = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = said.errors.first().map(|error| error.code.clone()).filter(|code| !code.is_empty()).or(said.error);
    let code = code.unwrap_or_default();
    let detail = said.errors.first().map(|error| error.message.clone()).filter(|text| !text.is_empty());
    let detail = detail.or(said.error_description).or(said.message).unwrap_or_default();
    let detail = redactor.redact(&detail);
    let message = match (code.is_empty(), detail.is_empty() || detail == code) {
        (true, true) => format!("{what} was answered with status {status}"),
        (true, false) => format!("{what} was answered with status {status}: {detail}"),
        (false, true) => format!("{what} was answered with status {status} {code}"),
        (false, false) => format!("{what} was answered with status {status} {code}: {detail}"),
    };
    let (fault, remedy) = meaning(&code, status, message);
    let fault = fault.after(response.retry_after()).response(redactor.excerpt(&response.body));
    Refusal { fault, remedy }
}

fn meaning(code: &str, status: u16, message: String) -> (Fault, Remedy) {
    match (code, status) {
        ("ContentTooLarge" | "QueryTimedOut", _) | (_, 413) => {
            let fault =
                Fault::transient("C0210", message).hint("lower page_size, or trim what makes these records large");
            (fault, Remedy::Smaller)
        }
        ("insufficient_scope", _) | (_, 403) => {
            let fault = Fault::credentials("C0202", message)
                .hint("grant the API client the scope that is named, or switch off the lane that needs it");
            (fault, Remedy::None)
        }
        (_, 401) => {
            let fault = Fault::credentials("C0201", message)
                .hint("check that the API client still exists and belongs to this project and region");
            (fault, Remedy::Token)
        }
        ("TooManyRequests", _) | (_, 429) => (Fault::throttled("C0208", message), Remedy::None),
        (_, 504) => (Fault::transient("C0209", message), Remedy::SmallerLater),
        ("OverCapacity" | "PendingOperation" | "BadGateway" | "General", _) | (_, 408 | 409 | 425 | 500..) => {
            (Fault::transient("C0209", message), Remedy::None)
        }
        (_, 404) => {
            let fault = Fault::config("C0204", message).hint("check project_key, region, api_url and auth_url");
            (fault, Remedy::Missing)
        }
        (_, 400..) => {
            let hint = "the server does not understand this request: check api_url, and the settings of paging";
            (Fault::config("C0205", message).hint(hint), Remedy::OtherQuery)
        }
        _ => {
            let hint = "something between here and the API answers in its place: check api_url";
            (Fault::protocol("C0218", message).hint(hint), Remedy::None)
        }
    }
}
