//! Classifies an answer of Clerk.io into an outcome of the items that were sent.
//!
//! The body's `status` decides, never the HTTP code alone: errors come with 200 as well. The code decides only if there
//! is no envelope. There is no result per item, so every verdict is for the whole call, and the engine halves a refused
//! one.

use contract::{Fault, Outcome};
use wire::{Broken, Effect, Redactor, Response};

use super::api::{Envelope, ErrorType};

/// The outcome of a call that was answered. `what` names it: `POST /products`.
pub fn answered(what: &str, response: &Response, redactor: &Redactor) -> Outcome {
    let shown = || redactor.excerpt(&response.body);
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(&response.body) {
        return enveloped(what, response, &envelope, redactor);
    }
    let status = response.status;
    if status == 429 {
        return throttled(what, response, shown());
    }
    if matches!(status, 413 | 414) {
        let fault = Fault::record("C0403", format!("{what} was too large for the server (HTTP {status})"))
            .hint("lower batch_bytes or batch_items; one item alone that is too large has to become smaller");
        return Outcome::Rejected(fault.response(shown()));
    }
    if serde_json::from_slice::<serde::de::IgnoredAny>(&response.body).is_ok() {
        let fault = Fault::protocol("C0406", format!("{what} was answered with JSON that has no status (HTTP {status})"))
            .hint("check that url is that of the Clerk.io API");
        return Outcome::Unknown(fault.response(shown()));
    }
    let kind = if response.body.is_empty() { "an empty body" } else { "something that is not JSON" };
    let fault = Fault::transient("C0405", format!("{what} was answered with {kind} (HTTP {status})"));
    let fault = match status {
        300..=399 => fault.hint("the server redirects: set url to where it really is"),
        401 | 403 => fault.hint("a firewall or proxy between here and Clerk.io seems to refuse the call"),
        _ => fault,
    };
    Outcome::Unknown(fault.after(response.retry_after()).response(shown()))
}

/// The answer without words of its own: its status, its type and the number of its error report, as far as they are known
/// ones. For calls about people, whose data an answer may repeat.
pub fn impersonal(response: Response) -> Response {
    let body = match serde_json::from_slice::<Envelope>(&response.body) {
        Ok(Envelope { status, error_type, id, .. }) => {
            let status = if matches!(status.as_str(), "ok" | "error") { status } else { "unknown".to_owned() };
            let error_type = error_type.filter(|text| ErrorType::parse(text).is_some());
            let is_number = |id: &String| id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let message = "its words are not kept, because they may repeat data of people";
            let id = id.filter(is_number);
            serde_json::json!({ "status": status, "type": error_type, "id": id, "message": message }).to_string()
        }
        Err(_) if serde_json::from_slice::<serde::de::IgnoredAny>(&response.body).is_ok() => "{}".to_owned(),
        Err(_) => String::new(),
    };
    Response { body: body.into(), ..response }
}

/// The outcome of a call without an answer, or with a part of one.
pub fn broken(what: &str, broken: Broken) -> Outcome {
    let mut fault = broken.fault;
    fault.message = format!("{what}: {}", fault.message);
    match broken.effect {
        Effect::None => Outcome::Deferred(fault),
        Effect::Unknown => Outcome::Unknown(fault),
    }
}

/// The fault of an outcome, `None` for a delivered one.
pub fn fault(outcome: Outcome) -> Option<Fault> {
    match outcome {
        Outcome::Delivered | Outcome::DeliveredWith(_) | Outcome::Blocked(_) => None,
        Outcome::Rejected(fault) | Outcome::Deferred(fault) | Outcome::Unknown(fault) => Some(fault),
    }
}

fn enveloped(what: &str, response: &Response, envelope: &Envelope, redactor: &Redactor) -> Outcome {
    let shown = || redactor.excerpt(&response.body);
    let said = || {
        let message = envelope.message.as_deref().unwrap_or("no message");
        let shortened: String = redactor.redact(message).chars().take(300).collect();
        let report = envelope.id.as_deref().map(|id| format!(" (error report {})", redactor.redact(id)));
        format!("{shortened}{}", report.unwrap_or_default())
    };
    match envelope.status.as_str() {
        "ok" => return Outcome::Delivered,
        "error" => {}
        other => {
            let message = format!("{what} was answered with the unknown status {:?}", redactor.redact(other));
            return Outcome::Unknown(Fault::protocol("C0406", message).response(shown()));
        }
    }
    if response.status == 429 {
        return throttled(what, response, shown());
    }
    match envelope.error_type.as_deref().and_then(ErrorType::parse) {
        Some(ErrorType::Authentication) => {
            let fault = Fault::credentials("C0402", format!("Clerk.io refused the keys for {what}: {}", said()));
            let hint = "check public_key and private_key (both of this very store) and url; an unknown path is refused \
                        this way too";
            Outcome::Deferred(fault.hint(hint).response(shown()))
        }
        Some(ErrorType::Parsing | ErrorType::Logical) => {
            let fault = Fault::record("C0403", format!("Clerk.io refused {what}: {}", said()))
                .hint("correct the field at the source or map it yourself; `explain` shows what was sent");
            Outcome::Rejected(fault.response(shown()))
        }
        Some(ErrorType::Internal) => {
            let fault = Fault::transient("C0405", format!("Clerk.io failed at {what}: {}", said()));
            Outcome::Unknown(fault.after(response.retry_after()).response(shown()))
        }
        None => {
            let message = format!("{what} was answered with an error of unknown type: {}", said());
            Outcome::Unknown(Fault::protocol("C0406", message).response(shown()))
        }
    }
}

fn throttled(what: &str, response: &Response, shown: String) -> Outcome {
    let fault = Fault::throttled("C0404", format!("{what} was refused because of too many calls"));
    Outcome::Deferred(fault.after(response.retry_after()).response(shown))
}
