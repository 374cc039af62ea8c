//! Recommendations (`recommendation.api.useinsider.com/v2`), as far as the catalogue alone decides them.
//!
//! Algorithms that need shoppers' behaviour have none here, and answer with the newest products, as the real ones do while
//! they know too little: `types` names what answered.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Query;
use http::request::Parts;
use http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::account::Account;
use super::record::Record;
use super::{Emulator, Refusal};

/// Requests of an account within any 60 seconds. Published.
pub(super) const PER_MINUTE: u32 = 1_000;
/// Products of an answer, where none are asked for. Unpublished.
const USUAL: usize = 10;
/// Most products of an answer. Published.
const MOST: usize = 100;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    NewArrivals,
    HighestDiscounted,
    /// It needs behaviour.
    MostPopular,
}

impl Algorithm {
    /// By the last segment of their paths.
    pub(super) const ALL: [(&str, Self); 3] = [
        ("/v2/new-arrivals", Self::NewArrivals),
        ("/v2/highest-discounted", Self::HighestDiscounted),
        ("/v2/most-popular", Self::MostPopular),
    ];

    /// The code of what answers.
    const fn code(self) -> &'static str {
        match self {
            Self::NewArrivals | Self::MostPopular => "naop",
            Self::HighestDiscounted => "hdop",
        }
    }
}

impl Refusal {
    /// The envelope of recommendations.
    fn recommendation(status: StatusCode, message: &str) -> Self {
        Self { status, body: json!({ "success": false, "message": message, "data": [] }), retry_after: None }
    }

    fn missing(parameter: &str) -> Self {
        Self::recommendation(StatusCode::BAD_REQUEST, &format!("Missing parameter: {parameter}"))
    }
}

/// What a request asks for.
struct Asked {
    locale: String,
    currency: Option<String>,
    size: usize,
    details: bool,
    excludes_variants: bool,
}

impl Asked {
    fn read(uri: &Uri, algorithm: Algorithm) -> Result<(String, Self), Refusal> {
        let bad = |message: &str| Refusal::recommendation(StatusCode::BAD_REQUEST, message);
        let given = Query::<BTreeMap<String, String>>::try_from_uri(uri);
        let Query(mut given) = given.map_err(|_| bad("Query is invalid."))?;
        if given.contains_key("filter") {
            return Err(bad("Filter is not in correct format."));
        }
        let mut take = |name: &str| given.remove(name).filter(|value| !value.is_empty());
        let partner = take("partnerName").ok_or_else(|| Refusal::missing("partnerName"))?;
        let locale = take("locale").ok_or_else(|| Refusal::missing("locale"))?;
        let currency = take("currency");
        if currency.is_none() && algorithm == Algorithm::HighestDiscounted {
            return Err(Refusal::missing("currency"));
        }
        let size = take("size").map_or(Ok(USUAL), |size| size.parse().map_err(|_| bad("Size is invalid.")))?;
        if size > MOST {
            return Err(bad("Maximum allowed size is 100."));
        }
        let mut is_set = |name: &str| take(name).is_some_and(|value| value == "true");
        let (details, excludes_variants) = (is_set("details"), is_set("excludeVariants"));
        Ok((partner, Self { locale, currency, size, details, excludes_variants }))
    }
}

impl Emulator {
    /// The answer to a request for recommendations.
    pub(super) fn recommend(&self, algorithm: Algorithm, parts: &Parts, now: i64) -> Result<Value, Refusal> {
        let (partner, asked) = Asked::read(&parts.uri, algorithm)?;
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let account = self.inner.accounts.get(&partner);
        // The collection sends the one, the prose the other.
        let tokens = [header("x-request-token"), header("x-auth-token")];
        let account = account.filter(|it| tokens.contains(&it.settings.recommendation_token.as_str()));
        let account = account.ok_or_else(|| {
            let message = "Access Denied. You do not have sufficient access to perform this action.";
            Refusal::recommendation(StatusCode::FORBIDDEN, message)
        })?;
        account
            .admit_read(now, PER_MINUTE)
            .map_err(|_| Refusal::recommendation(StatusCode::TOO_MANY_REQUESTS, "Rate exceeded."))?;
        account.recommended(algorithm, &asked)
    }
}

impl Account {
    fn recommended(&self, algorithm: Algorithm, asked: &Asked) -> Result<Value, Refusal> {
        let state = self.state();
        if !state.locales.contains(&asked.locale) {
            return Err(Refusal::recommendation(StatusCode::BAD_REQUEST, "Locale is invalid."));
        }
        let currency = asked.currency.as_deref();
        let records = state.records.values().filter_map(|locales| locales.get(&asked.locale));
        let mut ranked: Vec<(f64, &Record)> = records
            .filter(|record| is_offered(record, currency))
            .filter_map(|record| Some((rank(algorithm, record, currency)?, record)))
            .collect();
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
        if asked.excludes_variants {
            let mut seen = BTreeSet::new();
            ranked.retain(|(_, record)| record.get("groupcode").is_none_or(|group| seen.insert(group.to_string())));
        }
        ranked.truncate(asked.size);
        let shown = |record: &Record| {
            if asked.details {
                Value::Object(record.clone())
            } else {
                record.get("item_id").cloned().unwrap_or_default()
            }
        };
        let data: Vec<Value> = ranked.iter().map(|(_, record)| shown(record)).collect();
        let total = data.len();
        Ok(json!({ "success": true, "total": total, "types": { algorithm.code(): total }, "data": data }))
    }
}

/// Passive products and those that are sold out are not recommended; nor are those without a price in the currency.
fn is_offered(record: &Record, currency: Option<&str>) -> bool {
    let is_set = |name: &str| record.get(name).and_then(Value::as_f64).unwrap_or(0.0) > 0.0;
    is_set("in_stock") && !is_set("is_status_passive") && currency.is_none_or(|it| price(record, "price", it).is_some())
}

fn price(record: &Record, name: &str, currency: &str) -> Option<f64> {
    record.get(name)?.get(currency)?.as_f64()
}

/// A higher one comes first; `None`: it does not belong here.
fn rank(algorithm: Algorithm, record: &Record, currency: Option<&str>) -> Option<f64> {
    if algorithm != Algorithm::HighestDiscounted {
        // All are as new as each other: records carry no date of creation.
        return Some(0.0);
    }
    let currency = currency?;
    let (before, now) = (price(record, "original_price", currency)?, price(record, "price", currency)?);
    (now < before).then(|| 1.0 - now / before)
}
