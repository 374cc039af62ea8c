//! Classifies an answer: a page to read, or a fault and whether a smaller page would help.

use contract::Fault;
use serde::Deserialize;
use wire::{Broken, Reason, Redactor, Response};

use super::pace;

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
    /// A smaller page, now.
    Smaller,
    /// A smaller page, after a wait.
    SmallerLater,
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

/// An error of v3. Each field may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    title: String,
    errors: serde_json::Map<String, serde_json::Value>,
    /// Of v2.
    message: String,
}

/// What an error says: v3 answers with an object, v2 with a list of objects, some endpoints with plain text.
fn said(body: &[u8]) -> String {
    let said: Said = serde_json::from_slice(body)
        .or_else(|_| serde_json::from_slice::<Vec<Said>>(body).map(|list| list.into_iter().next().unwrap_or_default()))
        .unwrap_or_default();
    let title = if said.title.is_empty() { said.message } else { said.title };
    let reasons = said.errors.iter().filter_map(|(field, why)| Some(format!("{field} {}", why.as_str()?)));
    std::iter::once(title).filter(|title| !title.is_empty()).chain(reasons).collect::<Vec<_>>().join(": ")
}

/// Classifies an answer that is no success. `what` names the request, such as `GET /v3/catalog/products`.
pub(super) fn refusal(what: &str, response: &Response, redactor: &Redactor) -> Refusal {
    let status = response.status;
    let detail = redactor.redact(&said(&response.body));
    let message = if detail.is_empty() {
        format!("{what} was answered with status {status}")
    } else {
        format!("{what} was answered with status {status}: {detail}")
    };
    let (fault, remedy) = meaning(status, message);
    let wait = if status == 429 { pace::wait(response) } else { response.retry_after() };
    Refusal { fault: fault.after(wait).response(redactor.excerpt(&response.body)), remedy }
}

fn meaning(status: u16, message: String) -> (Fault, Remedy) {
    match status {
        401 => {
            let fault = Fault::credentials("C0201", message)
                .hint("check access_token and store_hash: the API account may be deleted, or belong to another store");
            (fault, Remedy::None)
        }
        403 => {
            let fault = Fault::credentials("C0202", message).hint(
                "make an API account with the read-only scope that this needs (scopes can't be added later), or switch \
                 off the lane; a plan of the store may lack price lists",
            );
            (fault, Remedy::None)
        }
        404 => {
            let fault = Fault::config("C0204", message).hint("check store_hash and api_url");
            (fault, Remedy::Missing)
        }
        413 => (Fault::transient("C0210", message).hint("lower page_size"), Remedy::Smaller),
        429 => (Fault::throttled("C0208", message), Remedy::None),
        503 => {
            let hint = "if it lasts, the store is suspended, expired or under maintenance: look at it in a browser";
            (Fault::transient("C0209", message).hint(hint), Remedy::None)
        }
        500 | 504 | 507 => (Fault::transient("C0209", message), Remedy::SmallerLater),
        408 | 409 | 423 | 425 | 499 | 501.. => (Fault::transient("C0209", message), Remedy::None),
        400.. => {
            let hint = "the server does not understand this request: check api_url";
            (Fault::config("C0205", message).hint(hint), Remedy::None)
        }
        _ => {
            let hint = "something between here and the API answers in its place: check api_url";
            (Fault::protocol("C0218", message).hint(hint), Remedy::None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_both_versions_and_plain_text_are_understood() {
        let v3 = br#"{"status":422,"title":"Invalid","type":"https://x","errors":{"limit":"is too high"}}"#;
        assert_eq!(said(v3), "Invalid: limit is too high");
        assert_eq!(said(br#"[{"status":413,"message":"Too much.","details":{"max_limit":250}}]"#), "Too much.");
        assert_eq!(said(b"Unauthorized"), "");
        assert_eq!(said(b"[]"), "");
    }
}
