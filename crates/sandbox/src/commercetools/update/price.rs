//! Update actions of a product's embedded prices.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{given, key, list, need, need_text, object, wrong};
use super::super::rules::price::{check_embedded, discounted, embedded, same_place};
use super::super::state::{Object, variants, variants_mut};
use super::super::write::{Edit, Writer, set};
use super::product::{each_side, product, staged_only};
use super::unknown;
use super::variant::{named, no_variant};

pub(super) fn apply(writer: &mut Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    let staged = staged_only(action);
    match name {
        "addPrice" => {
            let price = embedded(writer.state, need(action, "price")?, None)?;
            let variant = change_prices(edit, action, named(action)?, |prices| {
                prices.push(price.clone());
                check_embedded(prices, |other| *other == price)
            })?;
            edit.message("ProductPriceAdded", json!({ "variantId": variant, "price": price, "staged": staged }));
        }
        "setPrices" => {
            need(action, "prices")?;
            let mut prices = Vec::new();
            for draft in list(action, "prices")? {
                prices.push(embedded(writer.state, draft, None)?);
            }
            check_embedded(&prices, |_| true)?;
            let variant = change_prices(edit, action, named(action)?, |kept| {
                kept.clone_from(&prices);
                Ok(())
            })?;
            edit.message("ProductPricesSet", json!({ "variantId": variant, "prices": prices, "staged": staged }));
        }
        "changePrice" | "setDiscountedPrice" | "setPriceKey" | "removePrice" => one(writer, edit, name, action)?,
        _ => return Err(unknown(name)),
    }
    Ok(())
}

/// Changes one price that is named by its id.
fn one(writer: &mut Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    let staged = staged_only(action);
    let id = need_text(action, "priceId")?;
    let has_id = |price: &Value| price.get("id").and_then(Value::as_str) == Some(id);
    let holds = |variant: &Object| prices_of(variant).iter().any(has_id);
    let known = variants(&product(edit)?.staged).filter_map(Value::as_object).flat_map(prices_of);
    let Some(old) = known.into_iter().find(|price| has_id(price)).cloned() else {
        return Err(ApiError::operation(format!("The price with id '{id}' does not exist.")));
    };
    if name == "removePrice" {
        let variant = change_prices(edit, action, holds, |prices| {
            prices.retain(|price| !has_id(price));
            Ok(())
        })?;
        edit.message("ProductPriceRemoved", json!({ "variantId": variant, "price": old, "staged": staged }));
        return Ok(());
    }
    let new = match name {
        "changePrice" => embedded(writer.state, need(action, "price")?, Some(id))?,
        "setPriceKey" => with(&old, "key", key(action)?.map(|key| json!(key)).as_ref())?,
        _ => with(&old, "discounted", given(action, "discounted").map(discounted).transpose()?.as_ref())?,
    };
    let moved = !same_place(&old, &new);
    let variant = change_prices(edit, action, holds, |prices| {
        prices.iter_mut().filter(|price| has_id(price)).for_each(|price| price.clone_from(&new));
        check_embedded(prices, |price| moved && has_id(price))
    })?;
    let message = match name {
        "changePrice" => json!({ "variantId": variant, "oldPrice": old, "newPrice": new, "staged": staged }),
        "setPriceKey" => json!({
            "variantId": variant, "priceId": id, "oldKey": old.get("key"), "key": new.get("key"), "staged": staged,
        }),
        _ => json!({ "variantId": variant, "priceId": id, "discounted": new.get("discounted"), "staged": staged }),
    };
    let told = match name {
        "changePrice" => "ProductPriceChanged",
        "setPriceKey" => "ProductPriceKeySet",
        _ => "ProductPriceExternalDiscountSet",
    };
    edit.message(told, message);
    Ok(())
}

fn prices_of(variant: &Object) -> &[Value] {
    variant.get("prices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A price with another member, or without it.
fn with(price: &Value, name: &str, value: Option<&Value>) -> Result<Value, ApiError> {
    let mut price = object(price, "price")?.clone();
    set(&mut price, name, value);
    Ok(Value::Object(price))
}

/// Changes the prices of the variant that is `wanted` and tells its id.
fn change_prices(
    edit: &mut Edit,
    action: &Object,
    wanted: impl Fn(&Object) -> bool,
    mut change: impl FnMut(&mut Vec<Value>) -> Result<(), ApiError>,
) -> Result<i64, ApiError> {
    let mut found = None;
    each_side(edit, action, |side| {
        for variant in variants_mut(side).filter(|variant| wanted(variant)) {
            let id = variant.get("id").and_then(Value::as_i64);
            let prices = variant.entry("prices").or_insert_with(|| json!([])).as_array_mut();
            change(prices.ok_or_else(|| wrong("prices", "a list"))?)?;
            found = found.or(id);
        }
        Ok(())
    })?;
    found.ok_or_else(|| no_variant(action))
}
