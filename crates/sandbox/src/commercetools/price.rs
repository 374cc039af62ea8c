//! Price selection: which of a variant's prices holds for a currency, country, customer group and channel now.
//!
//! Currency and validity are hard filters. Then the scopes are tried from the most specific to the least: customer
//! group, then channel, then country weigh in that order, and a price is never chosen for a scope the request does not
//! name. Within a scope a price whose window is open beats one without a window. The order of scopes is from memory of
//! the vendor's documentation; the rest is documented. Prices of a recurrence policy are chosen only for that policy.

use serde_json::Value;

use super::error::ApiError;
use super::input::{is_country, is_currency};
use super::order::Id;
use super::query::Parameters;
use super::state::View;
use super::state::{Kind, Object, State, variants, variants_mut};
use super::table::{Term, term};
use super::time;

/// What a request selects prices for.
#[derive(Debug)]
pub(super) struct Selection {
    currency: String,
    country: Option<String>,
    customer_groups: Vec<String>,
    channel: Option<String>,
    recurrence_policy: Option<String>,
}

impl Selection {
    /// Reads the parameters of a request. `None` when it selects no prices.
    pub(super) fn read(parameters: &Parameters) -> Result<Option<Self>, ApiError> {
        let one = |name: &str| parameters.one(name).map(str::to_owned);
        let is_id = |text: &str| Id::parse(text).is_some();
        for (name, fits, wanted) in [
            ("priceCurrency", &is_currency as &dyn Fn(&str) -> bool, "a currency code"),
            ("priceCountry", &is_country, "a country code"),
            ("priceCustomerGroup", &is_id, "an id"),
            ("priceCustomerGroupAssignments", &is_id, "an id"),
            ("priceChannel", &is_id, "an id"),
            ("priceRecurrencePolicy", &is_id, "an id"),
        ] {
            if let Some(wrong) = parameters.all(name).find(|value| !fits(value)) {
                return Err(ApiError::malformed(name, format!("'{wrong}' is not {wanted}.")));
            }
        }
        let rest = ["priceCountry", "priceCustomerGroup", "priceChannel", "priceRecurrencePolicy"];
        let Some(currency) = one("priceCurrency") else {
            return match rest.iter().find(|name| parameters.one(name).is_some()) {
                Some(name) => Err(ApiError::malformed(name, "It needs the parameter 'priceCurrency'.")),
                None => Ok(None),
            };
        };
        let mut customer_groups: Vec<String> = one("priceCustomerGroup").into_iter().collect();
        customer_groups.extend(parameters.all("priceCustomerGroupAssignments").map(str::to_owned));
        Ok(Some(Self {
            currency,
            country: one("priceCountry"),
            customer_groups,
            channel: one("priceChannel"),
            recurrence_policy: one("priceRecurrencePolicy"),
        }))
    }

    /// The price that holds at `now` (milliseconds).
    fn best<'a>(&self, prices: impl Iterator<Item = &'a Value>, now: i64) -> Option<&'a Value> {
        prices
            .enumerate()
            .filter_map(|(place, price)| Some((self.rank(price, now)?, std::cmp::Reverse(place), price)))
            .max_by_key(|(rank, place, _)| (*rank, *place))
            .map(|(_, _, price)| price)
    }

    /// How well a price fits, higher is better. `None` when it does not.
    fn rank(&self, price: &Value, now: i64) -> Option<(bool, bool, bool, bool)> {
        let text = |pointer: &str| price.pointer(pointer).and_then(Value::as_str);
        let fits = |scope: Option<&str>, wanted: Option<&str>| match scope {
            None => Some(false),
            scope => (scope == wanted).then_some(true),
        };
        if text("/value/currencyCode") != Some(&self.currency) {
            return None;
        }
        if text("/recurrencePolicy/id") != self.recurrence_policy.as_deref() {
            return None;
        }
        let group = match text("/customerGroup/id") {
            None => false,
            Some(group) => self.customer_groups.iter().any(|wanted| wanted == group).then_some(true)?,
        };
        let channel = fits(text("/channel/id"), self.channel.as_deref())?;
        let country = fits(text("/country"), self.country.as_deref())?;
        let (from, until) = (text("/validFrom"), text("/validUntil"));
        let from_passed = from.and_then(time::milliseconds).is_none_or(|from| from <= now);
        let until_ahead = until.and_then(time::milliseconds).is_none_or(|until| now < until);
        let window = from.is_some() || until.is_some();
        (from_passed && until_ahead).then_some((group, channel, country, window))
    }

    /// Fills `price` of the variants of one side of a product.
    pub(super) fn fill(&self, state: &State, side: &mut Object, standalone: bool, now: i64) {
        let found: Vec<Option<Value>> = variants(side)
            .map(|variant| {
                if standalone {
                    let prices = standalone_prices(state, variant.get("sku")?.as_str()?);
                    self.best(prices.iter(), now).map(embedded)
                } else {
                    self.best(variant.get("prices")?.as_array()?.iter(), now).cloned()
                }
            })
            .collect();
        for (variant, price) in variants_mut(side).zip(found) {
            if let Some(price) = price {
                variant.insert("price".to_owned(), price);
            }
        }
    }
}

/// Active standalone prices of a SKU.
pub(super) fn standalone_prices(state: &State, sku: &str) -> Vec<Value> {
    let table = state.table(Kind::StandalonePrice);
    table
        .with_term(term(Term::Sku, sku))
        .filter_map(|slot| table.row(slot))
        .map(|row| state.value(row, View::Resource(Kind::StandalonePrice)))
        .filter(|price| price.get("sku").and_then(Value::as_str) == Some(sku))
        .filter(|price| price.get("active") != Some(&Value::Bool(false)))
        .collect()
}

/// A standalone price in the form of a variant's price.
fn embedded(price: &Value) -> Value {
    let mut price = price.clone();
    if let Some(price) = price.as_object_mut() {
        for name in ["version", "createdAt", "lastModifiedAt", "createdBy", "lastModifiedBy", "sku", "active", "staged"]
        {
            price.remove(name);
        }
    }
    price
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use serde_json::json;

    use super::*;

    const GROUP: &str = "11111111-1111-4111-8111-111111111111";
    const CHANNEL: &str = "22222222-2222-4222-8222-222222222222";
    const MONTHLY: &str = "33333333-3333-4333-8333-333333333333";

    fn selection(query: &str) -> Selection {
        Selection::read(&Parameters::read(query).unwrap()).unwrap().unwrap()
    }

    fn price(id: &str, scope: &Value) -> Value {
        let mut price = json!({ "id": id, "value": { "currencyCode": "EUR", "centAmount": 1 } });
        price.as_object_mut().unwrap().extend(scope.as_object().unwrap().clone());
        price
    }

    fn best(query: &str, prices: &[Value]) -> Option<String> {
        let found = selection(query).best(prices.iter(), 1000)?;
        Some(found["id"].as_str().unwrap().to_owned())
    }

    #[test]
    fn the_most_specific_scope_wins_and_none_is_chosen_that_was_not_asked_for() {
        let (group, channel) = (json!({ "id": GROUP }), json!({ "id": CHANNEL }));
        let prices = [
            price("none", &json!({})),
            price("country", &json!({ "country": "DE" })),
            price("channel", &json!({ "channel": channel })),
            price("channel+country", &json!({ "channel": channel, "country": "DE" })),
            price("group", &json!({ "customerGroup": group })),
            price("group+country", &json!({ "customerGroup": group, "country": "DE" })),
            price("group+channel", &json!({ "customerGroup": group, "channel": channel })),
            price("all", &json!({ "customerGroup": group, "channel": channel, "country": "DE" })),
        ];
        let all = &format!("priceCurrency=EUR&priceCountry=DE&priceCustomerGroup={GROUP}&priceChannel={CHANNEL}");
        let mut left = prices.to_vec();
        let order = ["all", "group+channel", "group+country", "group", "channel+country", "channel", "country", "none"];
        for expected in order {
            assert_eq!(best(all, &left).unwrap(), expected);
            left.retain(|price| price["id"] != expected);
        }
        assert_eq!(best("priceCurrency=EUR", &prices).unwrap(), "none");
        assert_eq!(best("priceCurrency=EUR&priceCountry=DE", &prices).unwrap(), "country");
        assert_eq!(best("priceCurrency=EUR&priceCountry=FR", &prices[1..]), None);
        assert_eq!(best("priceCurrency=USD", &prices), None);
    }

    #[test]
    fn windows_are_hard_filters_and_an_open_one_beats_no_window_in_its_scope_only() {
        let open = json!({ "validFrom": "1970-01-01T00:00:01Z", "validUntil": "1970-01-01T00:00:02Z" });
        let prices = [price("always", &json!({})), price("open", &open)];
        assert_eq!(best("priceCurrency=EUR", &prices).unwrap(), "open");
        let over = price("over", &json!({ "validUntil": "1970-01-01T00:00:01Z" }));
        let later = price("later", &json!({ "validFrom": "1970-01-01T00:00:01.001Z" }));
        assert_eq!(best("priceCurrency=EUR", &[over, later]), None);
        let scoped = [price("scoped", &json!({ "country": "DE" })), prices[1].clone()];
        assert_eq!(best("priceCurrency=EUR&priceCountry=DE", &scoped).unwrap(), "scoped");
    }

    #[test]
    fn subscription_prices_are_left_out_and_the_currency_is_required() {
        let recurring = price("r", &json!({ "recurrencePolicy": { "id": MONTHLY } }));
        assert_eq!(best("priceCurrency=EUR", std::slice::from_ref(&recurring)), None);
        assert_eq!(best(&format!("priceCurrency=EUR&priceRecurrencePolicy={MONTHLY}"), &[recurring]).unwrap(), "r");
        let error = Selection::read(&Parameters::read("priceCountry=DE").unwrap()).unwrap_err();
        assert_eq!(error.status, 400);
    }
}
