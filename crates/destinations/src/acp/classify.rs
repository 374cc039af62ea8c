//! Classifies an answer of an agent into an outcome of the products that were sent.

use contract::{Fault, Outcome};
use wire::{Broken, Effect, Redactor, Response};

use super::api::Refused;

/// The outcome of a call that was answered with anything but success. `what` names it: `PATCH /feeds/{id}/products`.
pub(super) fn refused(what: &str, response: &Response, redactor: &Redactor) -> Outcome {
    let (status, shown) = (response.status, redactor.excerpt(&response.body));
    let refused: Option<Refused> = serde_json::from_slice(&response.body).ok();
    let (code, said) = refused.map_or_else(Default::default, |it| (it.code, it.message));
    let said: String = redactor.redact(&said).chars().take(300).collect();
    let said = if said.is_empty() { "no reason given".to_owned() } else { said };
    let fault = match status {
        429 => Fault::throttled("C0465", format!("{what} was refused because of too many calls: {said}"))
            .hint("lower concurrency, or raise batch_items if the agent allows it"),
        401 | 403 => Fault::credentials("C0464", format!("the agent refused the token for {what} (HTTP {status}): {said}"))
            .hint("check token, and that the agent issued it for this feed"),
        404 => Fault::config("C0461", format!("the agent has no such feed: {what}: {said}"))
            .hint("check url and feed: the agent names the id of a feed when it is created"),
        400 | 413 | 422 if !code.is_empty() || status == 413 => {
            let fault = Fault::record("C0462", format!("the agent refused {what} (HTTP {status}): {said}"))
                .hint("correct the field at the source or map it yourself; `explain` shows what was sent");
            return Outcome::Rejected(fault.response(shown));
        }
        200..=299 => Fault::protocol("C0466", format!("{what} was answered with something else than the protocol says")),
        300..=399 => Fault::transient("C0466", format!("{what} was answered with a redirection (HTTP {status})"))
            .hint("set url to where the API really is"),
        _ => Fault::transient("C0466", format!("the agent failed at {what} (HTTP {status}): {said}")),
    };
    let is_passing = fault.class.is_passing() && status != 429;
    let fault = fault.after(response.retry_after()).response(shown);
    if is_passing { Outcome::Unknown(fault) } else { Outcome::Deferred(fault) }
}

/// The outcome of a call without an answer, or with a part of one.
pub(super) fn broken(what: &str, broken: Broken) -> Outcome {
    let mut fault = broken.fault;
    fault.message = format!("{what}: {}", fault.message);
    match broken.effect {
        Effect::None => Outcome::Deferred(fault),
        Effect::Unknown => Outcome::Unknown(fault),
    }
}
