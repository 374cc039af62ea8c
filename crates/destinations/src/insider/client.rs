//! The endpoints. Each function makes one call; the key travels in a header, which is never logged.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use contract::{
    Digest, Fault, Op, Outcome, Parcel, Receipt,
    destination::{Remarks, Verdict},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use wire::{Environment, HeaderValue, Method, Options, Quota, Redactor, Request, Url};

use super::{
    api::STORE_FIELDS,
    classify::{self, Answer},
    compose::{Parts, Writing},
    config::{Config, Form},
    place::Place,
};

/// Most bytes of a body. Published.
const MOST_BYTES: usize = 5_000_000;
/// Most bytes of a record. Published.
const MOST_RECORD_BYTES: usize = 512 * 1024;
/// So many calls may follow each other at once.
const AT_ONCE: u16 = 2;
/// An item that no shop has, for a call that changes nothing.
const NOBODY: &str = "cartage-check";

/// Calls one account.
#[derive(Debug)]
pub struct Client {
    http: wire::Client,
    base: Url,
    partner: HeaderValue,
    token: HeaderValue,
    account: String,
    form: Form,
    /// Items per call that the account turned out to take.
    most: AtomicUsize,
    pace: Duration,
    redactor: Redactor,
}

/// An item of a call, as it is sent.
struct Sent {
    /// Place in the call.
    at: usize,
    id: String,
    bodies: Vec<Json>,
    records: u64,
    notes: Vec<String>,
}

impl Client {
    /// A client for the account of these settings. Fetches the key; makes no call.
    ///
    /// # Errors
    /// `C0421` for a setting that can't be used or a key that can't be read.
    pub fn new(config: &Config, environment: &Environment) -> Result<Self, Fault> {
        let base = config.checked()?;
        let hint = "make a key of the type \"Product Catalog\" in the panel: InOne Settings, Integration Settings";
        let token: SecretString = environment
            .secret(&config.token)
            .map_err(|error| Fault::config("C0421", format!("insider: token: {error}")).hint(hint))?;
        let header = |name: &str, text: &str| {
            HeaderValue::from_str(text).map_err(|_| {
                Fault::config("C0421", format!("insider: {name} has characters that no header can hold")).hint(hint)
            })
        };
        let partner = header("partner_name", &config.partner_name)?;
        let mut key = header("token", token.expose_secret())?;
        key.set_sensitive(true);
        let pace = pace(config.calls_per_minute);
        let quota = NonZeroU32::new(AT_ONCE.into()).map(|calls| Quota { calls, per: pace * AT_ONCE.into() });
        let http = environment.client(&Options {
            request_timeout: Duration::from_secs(config.timeout_seconds.into()),
            concurrency: config.concurrency.into(),
            quota,
            ..Options::default()
        })?;
        let account = format!("insider {:?}", Digest::of(format!("{base}\n{}", config.partner_name).as_bytes()));
        let most = AtomicUsize::new(config.batch_items.into());
        let redactor = Redactor::new([&token]);
        Ok(Self { http, base, partner, token: key, account, form: config.form, most, pace, redactor })
    }

    /// Names the account, without the key.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Calls made so far.
    pub fn calls(&self) -> u64 {
        self.http.calls()
    }

    /// Items per call.
    pub fn most_items(&self) -> usize {
        self.most.load(Ordering::Relaxed).max(1)
    }

    /// The time between two calls in the long run.
    pub const fn pace(&self) -> Duration {
        self.pace
    }

    /// Carries out one operation on items: one call, or none if no item can be sent that way.
    pub async fn write(&self, op: Op, parcels: &[Parcel], places: &[Place]) -> Receipt {
        let path = match op {
            Op::Put => "ingest",
            Op::Patch(_) | Op::Hide => "update",
            Op::Remove | Op::Report => {
                let message = format!("insider: there is no call to {} products", op.name());
                return unsent(Verdict::Whole(Outcome::Deferred(Fault::config("C0421", message))));
            }
        };
        let path = if self.form == Form::Nested { format!("{path}/nested") } else { path.to_owned() };
        let what = format!("POST /{path}");
        let mut outcomes: Vec<Option<Outcome>> = vec![None; parcels.len()];
        let mut sent = Vec::with_capacity(parcels.len());
        for (at, parcel) in parcels.iter().enumerate() {
            match self.compose(op, parcel, places) {
                Ok((bodies, records, notes)) => {
                    sent.push(Sent { at, id: parcel.id.as_str().to_owned(), bodies, records, notes });
                }
                Err(fault) => {
                    if let Some(outcome) = outcomes.get_mut(at) {
                        *outcome = Some(Outcome::Rejected(fault));
                    }
                }
            }
        }
        let body = body(&sent);
        if sent.is_empty() || body.len() > MOST_BYTES {
            let message = format!("{what} would be larger than the {MOST_BYTES} bytes that Insider takes");
            let outcome = Outcome::Rejected(Fault::record("C0427", message).hint("a batch is halved until it fits"));
            let all = outcomes.into_iter().collect::<Option<Vec<_>>>();
            return unsent(all.map_or(Verdict::Whole(outcome), Verdict::Each));
        }
        let response = match self.http.call(self.post(&path, body)).await {
            Ok(response) => response,
            Err(broken) => return Self::all(outcomes, classify::broken(&what, broken), 0, String::new()),
        };
        let (status, shown) = (response.status, self.redactor.excerpt(&response.body));
        let items: Vec<(&str, u64)> = sent.iter().map(|item| (item.id.as_str(), item.records)).collect();
        match classify::answered(&what, &response, &items, op == Op::Put, &self.redactor) {
            Answer::Whole { outcome, too_many } => {
                if too_many {
                    self.most.fetch_min((sent.len() / 2).max(1), Ordering::Relaxed);
                }
                Self::all(outcomes, outcome, status, shown)
            }
            Answer::Each(each) => {
                for (item, outcome) in sent.into_iter().zip(each) {
                    if let Some(place) = outcomes.get_mut(item.at) {
                        *place = Some(noted(outcome, item.notes));
                    }
                }
                let lost = || Outcome::Unknown(Fault::protocol("C0426", format!("{what} was not answered for every item")));
                let each = outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect();
                Receipt { verdict: Verdict::Each(each), status, response: shown }
            }
        }
    }

    /// One outcome for all that were sent. Those that were not keep theirs.
    fn all(outcomes: Vec<Option<Outcome>>, outcome: Outcome, status: u16, response: String) -> Receipt {
        // Only a whole refusal is halved. What was not sent then is not sent by the halves either.
        let verdict = if outcomes.iter().all(Option::is_none) || matches!(outcome, Outcome::Rejected(_)) {
            Verdict::Whole(outcome)
        } else {
            Verdict::Each(outcomes.into_iter().map(|own| own.unwrap_or_else(|| outcome.clone())).collect())
        };
        Receipt { verdict, status, response }
    }

    /// The records of an item, how many there are, and what was cut off.
    fn compose(&self, op: Op, parcel: &Parcel, places: &[Place]) -> Result<(Vec<Json>, u64, Vec<String>), Fault> {
        let id = parcel.id.as_str();
        let before = parcel.before.as_ref().map(Parts::read);
        let mut now = Parts::read(&parcel.payload);
        let (bodies, records) = match op {
            Op::Patch(facets) => {
                // What was cut off of the content is cut off still.
                now.notes = before.as_ref().map(|before| before.notes.clone()).unwrap_or_default();
                let fields = fields(facets);
                let gone = before.as_ref().map_or_else(
                    || Some("what Insider has of it is not known".to_owned()),
                    |before| now.takes_away(before, &fields).map(|gone| format!("a change of fields can't take away {gone}")),
                );
                if let Some(why) = gone {
                    return Err(Fault::record("C0431", format!("item {id:?} has to be sent whole: {why}"))
                        .hint("nothing to do: it is sent whole next"));
                }
                Writing::Change(&now).compose(id, self.form)
            }
            Op::Hide => {
                if places.is_empty() && before.as_ref().is_none_or(|before| before.shown.is_empty()) {
                    let message = format!("nobody knows in which locales item {id:?} is, so that it can't be hidden");
                    return Err(Fault::record("C0433", message).hint("hide it in Insider's panel"));
                }
                Writing::Hide { before: before.as_ref(), places }.compose(id, self.form)
            }
            Op::Put | Op::Remove | Op::Report => {
                Writing::Whole { now: &now, before: before.as_ref() }.compose(id, self.form)
            }
        };
        let too_large = |body: &Json| body.to_string().len() > MOST_RECORD_BYTES;
        if bodies.iter().any(too_large) {
            let message = format!("item {id:?} is larger than the {MOST_RECORD_BYTES} bytes that Insider takes of a record");
            return Err(Fault::record("C0427", message).hint("shorten it at the source, or send fewer attributes"));
        }
        Ok((bodies, records, now.notes))
    }

    /// `POST /locales/batch`: registers places; those that are registered stay as they are.
    pub async fn register(&self, places: &[Place]) -> Result<(), Fault> {
        let locale = |place: &Place| {
            let mut locale = json!({ "language_and_country_code": place.locale });
            if let (Some(store), Json::Object(locale)) = (&place.store, &mut locale) {
                locale.insert("store_id".to_owned(), json!(store));
            }
            locale
        };
        let body = Json::Array(places.iter().map(locale).collect());
        let what = "POST /locales/batch";
        match self.http.call(self.post("locales/batch", body.to_string())).await {
            Ok(response) if response.is_success() => classify::registered(what, &response, &self.redactor),
            Ok(response) => Err(classify::refused(what, &response, &self.redactor).0),
            Err(broken) => Err(classify::broken(what, broken).fault().cloned().unwrap_or_else(|| no_answer(what))),
        }
        .map_err(|fault| as_setting(fault, places))
    }

    /// Changes an item that nobody has, in a locale that nobody has: whether the key is accepted.
    pub async fn probe(&self) -> Result<(), Fault> {
        let body = json!([{ "item_id": NOBODY, "locale": "xx_XX", "in_stock": 0 }]).to_string();
        let what = "POST /update";
        let response = match self.http.call(self.post("update", body)).await {
            Ok(response) => response,
            Err(broken) => return Err(classify::broken(what, broken).fault().cloned().unwrap_or_else(|| no_answer(what))),
        };
        match classify::answered(what, &response, &[(NOBODY, 1)], false, &self.redactor) {
            Answer::Each(_) => Ok(()),
            Answer::Whole { outcome, .. } => Err(outcome.fault().cloned().unwrap_or_else(|| no_answer(what))),
        }
    }

    fn post(&self, path: &str, body: String) -> Request {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let mut request = Request::new(Method::POST, url).json(body);
        request.headers.insert("x-partner-name", self.partner.clone());
        request.headers.insert("x-request-token", self.token.clone());
        request
    }
}

/// The time between two calls so that no minute has more than so many, with [`AT_ONCE`] of them at once.
fn pace(calls_per_minute: u16) -> Duration {
    Duration::from_mins(1) / u32::from(calls_per_minute.saturating_sub(AT_ONCE).max(1))
}

/// Names of the fields of these facets.
fn fields(facets: contract::Facets) -> Vec<&'static str> {
    let fields = super::schema::fields(model::Kind::Product);
    let own = fields.iter().filter(|field| facets.has(field.facet)).map(|field| field.name);
    own.filter(|name| STORE_FIELDS.contains(name)).collect()
}

fn body(sent: &[Sent]) -> String {
    let items: Vec<&Json> = sent.iter().flat_map(|item| &item.bodies).collect();
    json!(items).to_string()
}

/// A delivered item with remarks about what was cut off.
fn noted(outcome: Outcome, notes: Vec<String>) -> Outcome {
    if notes.is_empty() {
        return outcome;
    }
    let of = |note: String| Fault::record("C0432", note).hint("shorten it at the source, or map the field yourself");
    let cut = notes.into_iter().map(of);
    match outcome {
        Outcome::Delivered => Outcome::DeliveredWith(Box::new(Remarks { warnings: cut.collect() })),
        Outcome::DeliveredWith(mut remarks) => {
            remarks.warnings.extend(cut);
            Outcome::DeliveredWith(remarks)
        }
        other => other,
    }
}

fn unsent(verdict: Verdict) -> Receipt {
    Receipt { verdict, status: 0, response: String::new() }
}

fn no_answer(what: &str) -> Fault {
    Fault::protocol("C0426", format!("{what} has no answer"))
}

/// A refusal of locales is a matter of the settings.
fn as_setting(fault: Fault, places: &[Place]) -> Fault {
    if fault.class != contract::FaultClass::Record {
        return fault;
    }
    let names: Vec<String> = places.iter().map(Place::to_string).collect();
    let message = format!("{} (locales {})", fault.message, names.join(", "));
    let fault_of_setting = Fault::config("C0421", message)
        .hint("correct the destination's locales, or register them in the panel and set register_locales = false");
    match fault.response {
        Some(response) => fault_of_setting.response(response),
        None => fault_of_setting,
    }
}


#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_calls_than_the_account_allows_and_few_are_wasted() {
        for calls_per_minute in [4, 5, 30, 60, 61, 600, 60_000] {
            let pace = pace(calls_per_minute);
            // Those that may follow at once, and one for each further interval that begins within the minute.
            let further = (Duration::from_mins(1).as_nanos() - 1) / pace.as_nanos();
            let most = u128::from(AT_ONCE) + further;
            assert!(most <= u128::from(calls_per_minute), "{most} calls a minute instead of {calls_per_minute}");
            assert!(most + 2 >= u128::from(calls_per_minute), "{most} calls a minute instead of {calls_per_minute}");
        }
        assert!(pace(60).as_secs_f64() < 1.05, "within 5 % of what the quota implies");
    }
}
