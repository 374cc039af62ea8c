//! Prices, embedded and standalone: their members, scopes and windows.
//!
//! The scope of a price is its currency, country, customer group, channel and recurrence policy. Two prices of one scope
//! have windows that don't overlap; one without a window stands beside them.

use serde_json::{Map, Value, json};

use super::super::error::ApiError;
use super::super::input::{
    country, instant, key, list, need, need_number, need_text, object, refuse_custom, refuse_reference, resolve_given,
};
use super::super::order::Id;
use super::super::render;
use super::super::state::{Kind, Object, State, View, reference};
use super::super::table::Term;
use super::super::time;
use super::super::write::with_term;
use super::money::money;

/// The members that embedded and standalone prices share. The key is not among them.
pub(in super::super) fn members(state: &State, given: &Object) -> Result<Object, ApiError> {
    let mut price = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            price.insert(name.to_owned(), value);
        }
    };
    let value = money(need(given, "value")?)?;
    let tiers = tiers(list(given, "tiers")?, &value)?;
    set("value", Some(value));
    set("country", country(given, "country")?.map(|code| json!(code)));
    set("customerGroup", resolve_given(state, Kind::CustomerGroup, given, "customerGroup")?);
    set("channel", resolve_given(state, Kind::Channel, given, "channel")?);
    set("validFrom", instant(given, "validFrom")?);
    set("validUntil", instant(given, "validUntil")?);
    set("discounted", given.get("discounted").filter(|value| !value.is_null()).map(discounted).transpose()?);
    set("tiers", Some(json!(tiers)).filter(|_| !tiers.is_empty()));
    refuse_reference(given, "recurrencePolicy", "recurrence-policy")?;
    refuse_custom(given)?;
    check_window(&price)?;
    Ok(price)
}

/// An embedded price as kept; `id` when it replaces one.
pub(in super::super) fn embedded(state: &mut State, given: &Value, id: Option<&str>) -> Result<Value, ApiError> {
    let given = object(given, "price")?;
    let mut price = members(state, given)?;
    let id = id.map_or_else(|| Id::of("price", &format!("\u{1}{}", state.next_number())).to_string(), str::to_owned);
    price.insert("id".to_owned(), json!(id));
    if let Some(key) = key(given)? {
        price.insert("key".to_owned(), json!(key));
    }
    Ok(Value::Object(price))
}

/// A discounted price as kept. Its product discount is the one that the emulated project has.
pub(in super::super) fn discounted(given: &Value) -> Result<Value, ApiError> {
    let given = object(given, "discounted")?;
    let value = money(need(given, "value")?)?;
    let discount = need_text(object(need(given, "discount")?, "discount")?, "id")?;
    let known = render::product_discount();
    if known.get("id").and_then(Value::as_str) != Some(discount) {
        return Err(ApiError::dangling("product-discount", "id", discount));
    }
    Ok(json!({ "value": value, "discount": known }))
}

/// Tiers as kept: from two pieces on, each quantity once, in the currency of the price.
pub(in super::super) fn tiers(given: &[Value], price: &Value) -> Result<Vec<Value>, ApiError> {
    let mut tiers: Vec<Value> = Vec::with_capacity(given.len());
    for tier in given {
        let tier = tier_of(tier, price)?;
        check_new_tier(&tiers, &tier)?;
        tiers.push(tier);
    }
    Ok(tiers)
}

/// One tier as kept, in the currency of the price.
pub(in super::super) fn tier_of(given: &Value, price: &Value) -> Result<Value, ApiError> {
    let given = object(given, "tiers")?;
    let quantity = need_number(given, "minimumQuantity")?;
    if quantity < 2 {
        return Err(ApiError::field("minimumQuantity", &json!(quantity)));
    }
    let value = money(need(given, "value")?)?;
    let currency = value.get("currencyCode");
    if currency != price.get("currencyCode") {
        return Err(ApiError::field("currencyCode", currency.unwrap_or(&Value::Null)));
    }
    Ok(json!({ "minimumQuantity": quantity, "value": value }))
}

/// Refuses a tier for a quantity that has one.
pub(in super::super) fn check_new_tier(tiers: &[Value], tier: &Value) -> Result<(), ApiError> {
    let quantity = tier.get("minimumQuantity");
    if tiers.iter().any(|known| known.get("minimumQuantity") == quantity) {
        return Err(ApiError::field("minimumQuantity", quantity.unwrap_or(&Value::Null)));
    }
    Ok(())
}

/// Refuses a window that ends before it begins.
pub(in super::super) fn check_window(price: &Object) -> Result<(), ApiError> {
    match window(|name| price.get(name)) {
        (Some(from), Some(until)) if from >= until => {
            Err(ApiError::field("validUntil", price.get("validUntil").unwrap_or(&Value::Null)))
        }
        _ => Ok(()),
    }
}

fn window<'a>(member: impl Fn(&str) -> Option<&'a Value>) -> (Option<i64>, Option<i64>) {
    let at = |name: &str| member(name).and_then(Value::as_str).and_then(time::milliseconds);
    (at("validFrom"), at("validUntil"))
}

/// How two prices are in each other's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clash {
    /// Same scope, same window or none.
    Scope,
    /// Same scope, windows that overlap.
    Validity,
}

const SCOPE: [&str; 5] =
    ["/value/currencyCode", "/country", "/customerGroup/id", "/channel/id", "/recurrencePolicy/id"];

/// Whether two prices have one scope, whatever their windows.
fn one_scope(one: &Value, other: &Value) -> bool {
    SCOPE.iter().all(|part| one.pointer(part) == other.pointer(part))
}

fn clash(one: &Value, other: &Value) -> Option<Clash> {
    if !one_scope(one, other) {
        return None;
    }
    let (a, b) = (window(|name| one.get(name)), window(|name| other.get(name)));
    if a == b {
        return Some(Clash::Scope);
    }
    if a == (None, None) || b == (None, None) {
        return None;
    }
    let begins_before_end = |from: Option<i64>, until: Option<i64>| match (from, until) {
        (Some(from), Some(until)) => from < until,
        _ => true,
    };
    (begins_before_end(a.0, b.1) && begins_before_end(b.0, a.1)).then_some(Clash::Validity)
}

/// Whether two prices say the same about when and for whom they hold, and have one key.
pub(in super::super) fn same_place(one: &Value, other: &Value) -> bool {
    clash(one, other) == Some(Clash::Scope) && one.get("key") == other.get("key")
}

/// Refuses an embedded price that is `new` and in the way of another of its variant.
pub(in super::super) fn check_embedded(prices: &[Value], new: impl Fn(&Value) -> bool) -> Result<(), ApiError> {
    for (place, price) in prices.iter().enumerate() {
        for other in prices.iter().take(place) {
            // Of two the earlier is the known one, unless only the earlier is new.
            let (price, known) = match (new(price), new(other)) {
                (true, _) => (price, other),
                (false, true) => (other, price),
                (false, false) => continue,
            };
            check_pair(price, known)?;
        }
    }
    Ok(())
}

fn check_pair(price: &Value, known: &Value) -> Result<(), ApiError> {
    let key = price.get("key");
    if key.is_some() && key == known.get("key") {
        let key = key.and_then(Value::as_str).unwrap_or_default();
        let message = format!("Duplicate price key: {key}. The price key must be unique per variant.");
        return Err(ApiError::new(400, "DuplicatePriceKey", message).with("conflictingPrice", known.clone()));
    }
    match clash(price, known) {
        None => Ok(()),
        Some(Clash::Scope) => {
            let message = format!(
                "Duplicate price scope: {}. The combination of currency, country, customerGroup and channel must be \
                 unique for each price of a product variant.",
                scope_text(price)
            );
            Err(ApiError::new(400, "DuplicatePriceScope", message).with("conflictingPrice", known.clone()))
        }
        Some(Clash::Validity) => {
            let error = ApiError::new(400, "OverlappingPriceValidity", "Two prices have overlapping validity periods.")
                .with("conflictingPrice", known.get("id").cloned().unwrap_or_default());
            Err(with_conflicting_window(with_scope(error, price), known))
        }
    }
}

fn scope_text(price: &Value) -> String {
    let parts: Vec<&str> = SCOPE.iter().filter_map(|part| price.pointer(part)?.as_str()).collect();
    parts.join("-")
}

/// Adds the scope and window of a price to an error.
fn with_scope(mut error: ApiError, price: &Value) -> ApiError {
    let currency = price.pointer("/value/currencyCode").cloned().unwrap_or_default();
    error = error.with("currency", currency);
    for name in ["country", "customerGroup", "channel", "validFrom", "validUntil"] {
        if let Some(value) = price.get(name) {
            error = error.with(name, value.clone());
        }
    }
    error
}

fn with_conflicting_window(mut error: ApiError, known: &Value) -> ApiError {
    for (name, member) in [("conflictingValidFrom", "validFrom"), ("conflictingValidUntil", "validUntil")] {
        if let Some(value) = known.get(member) {
            error = error.with(name, value.clone());
        }
    }
    error
}

/// Refuses a standalone price that is in the way of another of its SKU, active or not. `own` is its id when it is known.
pub(in super::super) fn check_standalone(state: &State, price: &Object, own: Option<Id>) -> Result<(), ApiError> {
    let (sku, price) = (price.get("sku").and_then(Value::as_str).unwrap_or_default(), Value::Object(price.clone()));
    let table = state.table(Kind::StandalonePrice);
    for id in with_term(table, Term::Sku, sku).into_iter().filter(|id| Some(*id) != own) {
        let Some(row) = table.find(id) else { continue };
        let known = state.value(row, View::Resource(Kind::StandalonePrice));
        if known.get("sku").and_then(Value::as_str) != Some(sku) {
            continue;
        }
        let conflicting = reference(Kind::StandalonePrice, id);
        let refused = |code, message: String| {
            let error = ApiError::new(400, code, message).with("conflictingStandalonePrice", conflicting.clone());
            with_scope(error.with("sku", sku), &price)
        };
        match clash(&price, &known) {
            None => {}
            Some(Clash::Scope) => {
                let message = format!(
                    "Duplicate standalone price scope for SKU: {sku}. The combination of SKU, currency, country, \
                     customerGroup, channel, validFrom and validUntil must be unique for each standalone price."
                );
                return Err(refused("DuplicateStandalonePriceScope", message));
            }
            Some(Clash::Validity) => {
                let message = "Two standalone prices have overlapping validity periods.".to_owned();
                let error = refused("OverlappingStandalonePriceValidity", message);
                return Err(with_conflicting_window(error, &known));
            }
        }
    }
    Ok(())
}
