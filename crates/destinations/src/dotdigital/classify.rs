//! Classifies an answer of Dotdigital into an outcome of the items that were sent.

use std::time::Duration;

use contract::{Fault, Outcome};
use model::Timestamp;
use wire::{Broken, Effect, Redactor, Response};

use super::api::{Failure, Problem};

/// A reset below this is a number of seconds, as one of the vendor's own libraries says; above, it is seconds since the
/// epoch, as the vendor's pages say.
const EPOCH: i64 = 1_000_000;

/// Codes of v2 after which the same call may succeed later.
const PASSING: [&str; 3] =
    ["ERROR_APIUSAGE_EXCEEDED", "ERROR_IMPORT_TOOMANYACTIVEIMPORTS", "ERROR_SYSTEM_SERVICETEMPORARILYUNAVAILABLE"];
/// Codes of v2 that only a change of the account or its user can mend.
const STOPPING: [&str; 3] =
    ["ERROR_FEATURENOTACTIVE", "ERROR_ACCOUNT_INVALID", "ERROR_TRANSACTIONAL_DATA_STORAGE_ALLOWANCE_EXCEEDED"];

/// The outcome of a call that was answered with anything but success. `what` names it: `PUT /insightData/v3/import`.
/// `now` measures a reset where the answer has no date.
pub fn refused(what: &str, response: &Response, redactor: &Redactor, now: Timestamp) -> Outcome {
    let shown = redactor.excerpt(&response.body);
    let status = response.status;
    let problem: Option<Problem> = serde_json::from_slice(&response.body).ok();
    let said = problem.as_ref().and_then(|problem| said(problem, redactor));
    let said = said.as_deref().unwrap_or("no reason given");
    let has = |codes: &[&str]| codes.iter().any(|code| said.contains(code));
    if status == 429 || has(&PASSING) {
        let fault = Fault::throttled("C0443", format!("{what} was refused because of too many calls: {said}"));
        let wait = response.retry_after().or_else(|| reset_in(response, now));
        return Outcome::Deferred(fault.after(wait).response(shown));
    }
    let fault = match status {
        401 => Fault::credentials("C0441", format!("Dotdigital refused the API user for {what} (HTTP 401)"))
            .hint("check user and password, and that the API user is enabled: Settings > Access > API users"),
        403 => Fault::credentials("C0441", format!("Dotdigital refused access to {what} (HTTP 403): {said}"))
            .hint("the host of another region refuses like this: set url to the vendor's first region, or to the account's own"),
        _ if has(&STOPPING) => Fault::credentials("C0441", format!("the account does not allow {what}: {said}"))
            .hint("the account lacks a feature or its allowance is used up: ask the vendor"),
        412 => Fault::config("C0444", format!("{what} would need more collections than an account may have: {said}"))
            .hint("delete collections that nothing uses, in Dotdigital"),
        400 | 404 | 409 | 413 | 422 if problem.is_some() || status == 413 => {
            let fault = Fault::record("C0442", format!("Dotdigital refused {what} (HTTP {status}): {said}"))
                .hint("correct the field at the source or map it yourself; `explain` shows what was sent");
            return Outcome::Rejected(fault.response(shown));
        }
        300..=399 => Fault::transient("C0448", format!("{what} was answered with a redirection (HTTP {status})"))
            .hint("set url to where the API really is"),
        200..=299 => Fault::protocol("C0447", format!("{what} was answered with something else than is documented")),
        _ => Fault::transient("C0448", format!("Dotdigital failed at {what} (HTTP {status}): {said}"))
            .after(response.retry_after()),
    };
    let passing = fault.class.is_passing();
    let fault = fault.response(shown);
    if passing { Outcome::Unknown(fault) } else { Outcome::Deferred(fault) }
}

/// The answer without words of its own, for calls about people, whose data an answer may repeat: its code alone is kept.
pub fn impersonal(response: Response) -> Response {
    let Ok(problem) = serde_json::from_slice::<Problem>(&response.body) else {
        return Response { body: Vec::new().into(), ..response };
    };
    let of_v2 = || {
        let message = problem.message.as_deref()?;
        let code = message.split(|c: char| c != '_' && !c.is_ascii_uppercase()).find(|word| word.starts_with("ERROR_"))?;
        Some(code.to_owned())
    };
    let code = problem.error_code.clone().filter(|code| is_code(code)).or_else(of_v2);
    let description = "its words are not kept, because they may repeat data of people";
    let body = serde_json::json!({ "errorCode": code, "description": description }).to_string();
    Response { body: body.into(), ..response }
}

/// Whether a text is a code rather than words, which may be about people.
pub fn is_code(text: &str) -> bool {
    (1..=60).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b':')
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

/// The fault of a call that only reads.
pub fn fault(outcome: Outcome) -> Fault {
    match outcome {
        Outcome::Rejected(fault) | Outcome::Deferred(fault) | Outcome::Unknown(fault) => fault,
        Outcome::Delivered | Outcome::DeliveredWith(_) | Outcome::Blocked(_) => {
            Fault::protocol("C0447", "the call has no fault")
        }
    }
}

/// The refusal of one record of an import.
pub fn rejected(failure: &Failure, redactor: &Redactor) -> Outcome {
    let details = redactor.redact(&failure.details.join("; "));
    let reason = redactor.redact(&failure.failure_reason);
    let fault = Fault::record("C0442", format!("Dotdigital refused the record: {reason}: {details}"));
    Outcome::Rejected(match failure.failure_reason.as_str() {
        "JsonValueIncompatibleWithSchema" | "InconsistentTypes" | "JsonDoesNotMatchSchema" => fault.hint(
            "the first record of a collection fixes the type of each field: map the field in that type, or have the \
             collection emptied in Dotdigital and synchronised anew",
        ),
        _ => fault.hint("correct the field at the source or map it yourself; `explain` shows what was sent"),
    })
}

/// The refusal of one record of a person, of which nothing but the reason's name is kept.
pub fn rejected_order(failure: &Failure) -> Outcome {
    let known = is_code(&failure.failure_reason);
    let reason = if known { failure.failure_reason.as_str() } else { "a reason without a name" };
    let fault = Fault::record("C0442", format!("Dotdigital refused the order: {reason}"));
    Outcome::Rejected(match reason {
        "KeyExistingForDifferentContact" => fault.hint(
            "a record of this key belongs to another contact, such as that of an earlier address: delete it in Dotdigital, \
             then `cartage dead replay`",
        ),
        _ => fault.hint("correct the order at the source; `explain` shows what was sent"),
    })
}

/// How long until the minute of the call's tier is over, as the headers say.
pub fn reset_in(response: &Response, now: Timestamp) -> Option<Duration> {
    let reset: i64 = response.header("x-ratelimit-reset")?.trim().parse().ok()?;
    if reset < EPOCH {
        return u64::try_from(reset).ok().map(Duration::from_secs);
    }
    Some(response.date.unwrap_or(now).until(Timestamp::from_millis(reset.saturating_mul(1000))))
}

fn said(problem: &Problem, redactor: &Redactor) -> Option<String> {
    let detail = |detail: &super::api::Detail| {
        let parts = [detail.item.as_deref(), detail.description.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    };
    let details = problem.details.iter().map(detail);
    let heads = [problem.error_code.clone(), problem.description.clone(), problem.message.clone()];
    let all: Vec<String> = heads.into_iter().flatten().chain(details).filter(|text| !text.is_empty()).collect();
    let text: String = redactor.redact(&all.join("; ")).chars().take(400).collect();
    (!text.is_empty()).then_some(text)
}
