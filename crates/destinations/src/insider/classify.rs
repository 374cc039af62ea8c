//! Classifies an answer of Insider into outcomes of the items that were sent.
//!
//! A write is answered with 200 also if records were refused: the body's details decide. They name items without their
//! locale, and may name fewer than they count. So a refusal of any record of an item is one of the item, and if the details
//! don't name every refused record, the call is refused as a whole, which the engine halves until they do.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Fault, FaultClass, Outcome, destination::Remarks};
use wire::{Broken, Effect, Redactor, Response};

use super::api::{Detail, LOCALE, Problems, Refused, Written};

/// What an answer says.
#[derive(Debug)]
pub enum Answer {
    /// One outcome for all items.
    Whole {
        /// The outcome.
        outcome: Outcome,
        /// Whether fewer items may be accepted.
        too_many: bool,
    },
    /// One outcome per item, in their order.
    Each(Vec<Outcome>),
}

impl Answer {
    const fn whole(outcome: Outcome) -> Self {
        Self::Whole { outcome, too_many: false }
    }
}

/// The outcomes of a write that was answered. `items`: ids and numbers of records. `counts`: whether every record is counted.
pub fn answered(
    what: &str,
    response: &Response,
    items: &[(&str, u64)],
    counts: bool,
    redactor: &Redactor,
) -> Answer {
    if !response.is_success() {
        let (fault, too_many) = refused(what, response, redactor);
        return Answer::Whole { outcome: outcome(response.status, fault), too_many };
    }
    let shown = || redactor.excerpt(&response.body);
    let Ok(written) = serde_json::from_slice::<Written>(&response.body) else {
        return Answer::whole(unclear(what, response, redactor));
    };
    if !written.success {
        let fault = Fault::protocol("C0426", format!("{what} was answered with success false and HTTP {}", response.status));
        return Answer::whole(Outcome::Unknown(fault.response(shown())));
    }
    let report = written.message;
    let all: u64 = items.iter().map(|(_, records)| records).sum();
    if counts && report.valid.count == 0 && report.invalid.count == 0 && all > 0 {
        let fault = Fault::protocol("C0426", format!("{what} was answered, but no record was counted"));
        return Answer::whole(Outcome::Unknown(fault.response(shown())));
    }
    let said = said(&report.invalid, items, redactor);
    let named: u64 = items.iter().filter(|(id, _)| said.contains_key(id)).map(|(_, records)| records).sum();
    if report.invalid.count > named {
        let first = report.invalid.details.first().map(|detail| words(detail, redactor)).unwrap_or_default();
        let message = format!("Insider refused {} records of {what}: {first}", report.invalid.count);
        let hint = "nothing to do for a batch: it is halved until the refused items are known";
        return Answer::whole(Outcome::Rejected(Fault::record("C0423", message).hint(hint).response(shown())));
    }
    let warned = self::said(&report.warnings, items, redactor);
    let each = items.iter().map(|(id, _)| match (said.get(id), warned.get(id)) {
        (Some(said), _) => one_refused(what, id, said, shown()),
        (None, Some(said)) => {
            let warnings = said.iter().map(|it| Fault::record("C0432", format!("item {id:?}: {}", it.words)));
            Outcome::DeliveredWith(Box::new(Remarks { warnings: warnings.collect() }))
        }
        (None, None) => Outcome::Delivered,
    });
    Answer::Each(each.collect())
}

/// A problem of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    is_locale: bool,
    words: String,
}

/// The problems of each item that has some.
fn said<'i>(problems: &Problems, items: &[(&'i str, u64)], redactor: &Redactor) -> BTreeMap<&'i str, BTreeSet<Said>> {
    let mut said: BTreeMap<&str, BTreeSet<Said>> = BTreeMap::new();
    let mut add = |id: &'i str, detail: &Detail| {
        let words = words(detail, redactor);
        said.entry(id).or_default().insert(Said { is_locale: detail.field == LOCALE, words });
    };
    let known: BTreeMap<&str, &'i str> = items.iter().map(|(id, _)| (*id, *id)).collect();
    for detail in &problems.details {
        for id in detail.document_ids.iter().filter_map(|id| known.get(id.as_str())) {
            add(id, detail);
        }
    }
    if let ([(id, _)], 1..) = (items, problems.count) {
        // There is nobody else whom it could be about.
        let unnamed = problems.details.iter().filter(|detail| detail.document_ids.is_empty());
        unnamed.for_each(|detail| add(id, detail));
        if problems.details.is_empty() {
            said.entry(id).or_default().insert(Said { is_locale: false, words: "without a reason".to_owned() });
        }
    }
    said
}

fn words(detail: &Detail, redactor: &Redactor) -> String {
    let message = if detail.message.is_empty() { "no message" } else { &detail.message };
    redactor.redact(message).chars().take(300).collect()
}

fn one_refused(what: &str, id: &str, said: &BTreeSet<Said>, shown: String) -> Outcome {
    let all: Vec<&str> = said.iter().map(|it| it.words.as_str()).collect();
    let message = format!("Insider refused item {id:?} of {what}: {}", all.join("; "));
    if said.iter().all(|it| it.is_locale) {
        // Every item of the locale would be refused.
        let hint = "register the locale in the panel, exactly as it is written here, or correct the destination's locales; \
                    `cartage check` and a restart register them anew";
        return Outcome::Deferred(Fault::config("C0421", message).hint(hint).response(shown));
    }
    let hint = "correct the field at the source or map it yourself; `explain` shows what was sent";
    Outcome::Rejected(Fault::record("C0423", message).hint(hint).response(shown))
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

/// What a fault of an answer with this status means for the items.
fn outcome(status: u16, fault: Fault) -> Outcome {
    match fault.class {
        FaultClass::Record => Outcome::Rejected(fault),
        FaultClass::Throttled | FaultClass::Credentials | FaultClass::Config => Outcome::Deferred(fault),
        // Nothing is known of what was done before the error.
        FaultClass::Transient | FaultClass::Protocol if status >= 300 => Outcome::Unknown(fault),
        FaultClass::Transient | FaultClass::Protocol => Outcome::Unknown(fault),
    }
}

/// The fault of an answer that is no success, and whether fewer items may be accepted.
pub fn refused(what: &str, response: &Response, redactor: &Redactor) -> (Fault, bool) {
    let (status, shown) = (response.status, redactor.excerpt(&response.body));
    let parsed = serde_json::from_slice::<Refused>(&response.body).ok();
    let text = parsed.map(|it| if it.message.is_empty() { it.error } else { it.message }).unwrap_or_default();
    let text: String = redactor.redact(&text).chars().take(300).collect();
    let is_json = !text.is_empty();
    // Some hosts throttle with 403.
    let throttled = status == 429 || (status == 403 && text.contains("Too many attempts"));
    let many = text.contains("records were sent") || text.contains("Maximum allowed size is");
    let large = status == 413 || text.contains("bigger than maximum allowed size");
    let fault = match status {
        _ if throttled => Fault::throttled("C0424", format!("{what} was refused because of too many calls"))
            .hint("the account's quota is shared by all that uses its catalogue API; lower calls_per_minute"),
        400 if text.starts_with("Partner is invalid") => {
            Fault::credentials("C0422", format!("Insider does not know the partner name: {what}: {text}"))
                .hint("check partner_name: InOne Settings, Account Settings; it is written in lower case")
        }
        401 | 403 if is_json => Fault::credentials("C0422", format!("Insider refused the key for {what}: {text}"))
            .hint("check token and partner_name: the key must be of the type \"Product Catalog\", of this account, and allow \
                   this host's address"),
        _ if many || large => Fault::record("C0427", format!("{what} was too large for Insider (HTTP {status}): {text}"))
            .hint("nothing to do for a batch: it is halved until it fits; one item alone has to become smaller"),
        400 | 422 if is_json => Fault::record("C0423", format!("Insider refused {what}: {text}"))
            .hint("a batch is halved until the item at fault is alone; `explain` shows what was sent"),
        404 | 405 if is_json => Fault::config("C0421", format!("insider: url has no {what}: {text}"))
            .hint("write url like https://catalog.api.useinsider.com/v2"),
        _ => {
            let fault = Fault::transient("C0425", format!("{what} was answered with HTTP {status}: {}", said_or_not(&text)));
            match status {
                300..=399 => fault.hint("the server redirects: set url to where it really is"),
                401 | 403 => fault.hint("a firewall or proxy between here and Insider seems to refuse the call"),
                _ => fault,
            }
        }
    };
    (fault.after(response.retry_after()).response(shown), many)
}

fn said_or_not(text: &str) -> &str {
    if text.is_empty() { "no words of Insider's" } else { text }
}

/// The outcome of a success that can't be read.
fn unclear(what: &str, response: &Response, redactor: &Redactor) -> Outcome {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&response.body).is_ok();
    let fault = if is_json {
        Fault::protocol("C0426", format!("{what} was answered with JSON that says nothing of the records"))
            .hint("check that url is that of Insider's catalogue API")
    } else {
        let kind = if response.body.is_empty() { "an empty body" } else { "something that is not JSON" };
        Fault::transient("C0425", format!("{what} was answered with {kind} (HTTP {})", response.status))
    };
    Outcome::Unknown(fault.after(response.retry_after()).response(redactor.excerpt(&response.body)))
}

/// Whether a registration of locales succeeded.
pub fn registered(what: &str, response: &Response, redactor: &Redactor) -> Result<(), Fault> {
    let answer: Result<serde_json::Value, _> = serde_json::from_slice(&response.body);
    match answer {
        Ok(answer) if answer.get("success") == Some(&serde_json::Value::Bool(true)) => Ok(()),
        Ok(_) => Err(Fault::protocol("C0426", format!("{what} was answered without success"))
            .response(redactor.excerpt(&response.body))),
        Err(_) => Err(unclear(what, response, redactor).fault().cloned().unwrap_or_else(|| {
            Fault::protocol("C0426", format!("{what} has no answer"))
        })),
    }
}
