//! Classifies an answer: something to read, or a fault and what helps.

use contract::Fault;
use wire::{Broken, Redactor, Response};

use super::api;

/// A call without an answer that can be used.
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
    /// The job is to be told by parameters what to export.
    Parameters,
    /// Nothing before the job that runs has ended.
    Running,
    /// Nothing, because the resource does not exist (404).
    Missing,
    /// Asking for fewer records at once: the answer took too long.
    Smaller,
    /// Nothing, because the site does not sell in the currency.
    Currency,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, remedy: Remedy::None }
    }
}

impl From<Broken> for Refusal {
    fn from(broken: Broken) -> Self {
        broken.fault.into()
    }
}

/// Classifies an answer that is no success. `what` names the request, such as `GET /sites`; `right`, what permits it.
pub(super) fn refusal(what: &str, right: &str, response: &Response, redactor: &Redactor) -> Refusal {
    let status = response.status;
    let read = serde_json::from_slice::<api::Faulty>(&response.body);
    let is_other = read.is_err() && !response.body.is_empty();
    let said = read.unwrap_or_default().fault;
    let detail = match (said.of.as_str(), said.message.as_str()) {
        ("", "") => String::new(),
        (of, message) => format!(": {}", redactor.redact(&format!("{of} {message}"))),
    };
    let message = format!("{what} was answered with status {status}{detail}");
    let (fault, remedy) = match (status, said.of.as_str()) {
        (400, "JobAlreadyRunningException") => (Fault::transient("C0221", message), Remedy::Running),
        (400, "UnknownPropertyException") if said.arguments.get("document").and_then(|it| it.as_str()) == Some("job_execution_request") => {
            let fault = Fault::config("C0205", message)
                .hint("set export.request = \"parameters\": this instance is told by them what to export");
            (fault, Remedy::Parameters)
        }
        (401, of) if of.contains("AccessToken") || of.is_empty() => {
            let fault = Fault::credentials("C0201", message)
                .hint("check client_id and client_secret, and that the client belongs to this instance's realm");
            (fault, Remedy::Token)
        }
        // Some releases answer 401 where a permission is lacking.
        (401 | 403, _) => (Fault::credentials("C0202", message).hint(right.to_owned()), Remedy::None),
        (404, _) => (Fault::config("C0204", message).hint(format!("check host and api_version; {right}")), Remedy::Missing),
        (500.., _) if response.header("sfdc_maintenance").is_some() => {
            let fault = Fault::transient("C0209", message).hint("the instance is under maintenance; it is asked again");
            (fault, Remedy::None)
        }
        (429 | 503, _) => (Fault::throttled("C0208", message), Remedy::None),
        (408 | 409 | 423 | 425 | 500.., _) => (Fault::transient("C0209", message), Remedy::None),
        (400.., _) if is_other => {
            let hint = "the answer was cut short, or something between here and the instance answers in its place";
            (Fault::protocol("C0207", message).hint(hint), Remedy::None)
        }
        (400.., _) => {
            let hint = "the instance does not understand this request: check api_version and the settings of the export";
            (Fault::config("C0205", message).hint(hint), Remedy::None)
        }
        _ => {
            let hint = "something between here and the instance answers in its place: check host and api_url";
            (Fault::protocol("C0218", message).hint(hint), Remedy::None)
        }
    };
    Refusal { fault: fault.after(response.retry_after()).response(redactor.excerpt(&response.body)), remedy }
}
