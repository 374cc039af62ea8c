//! Update actions of inventory entries and standalone prices. Neither touches a product directly: stock reaches it in
//! the background, standalone prices never do.

use serde_json::{Value, json};

use super::super::draft::{self, discounted, instant, list, need, need_number, text, tier};
use super::super::error::ApiError;
use super::super::state::{Effect, Kind, Object};
use super::super::write::{Edit, Writer};
use super::{set_key, unknown};

pub(super) fn apply_inventory(
    writer: &Writer<'_>,
    edit: &mut Edit,
    name: &str,
    action: &Object,
) -> Result<(), ApiError> {
    match name {
        "changeQuantity" => set_quantity(edit, need_number(action, "quantity")?),
        "addQuantity" | "removeQuantity" => {
            let quantity = need_number(action, "quantity")?;
            let sign = if name == "addQuantity" { 1 } else { -1 };
            set_quantity(edit, number(edit, "quantityOnStock") + sign * quantity);
        }
        "setRestockableInDays" => edit.set("restockableInDays", action.get("restockableInDays")),
        "setExpectedDelivery" => edit.set("expectedDelivery", action.get("expectedDelivery")),
        "setSupplyChannel" => {
            let channel =
                action.get("supplyChannel").map(|channel| draft::resolve(writer.state, Kind::Channel, channel));
            edit.set("supplyChannel", channel.transpose()?.as_ref());
        }
        "setKey" => set_key(writer, edit, action)?,
        _ => return Err(unknown(name)),
    }
    let sku = text(&edit.members, "sku").unwrap_or_default();
    edit.effects.push(Effect::Availability(sku));
    Ok(())
}

fn number(edit: &Edit, name: &str) -> i64 {
    edit.members.get(name).and_then(Value::as_i64).unwrap_or(0)
}

/// Sets the quantity; what is reserved stays reserved.
fn set_quantity(edit: &mut Edit, quantity: i64) {
    let (old, old_available) = (number(edit, "quantityOnStock"), number(edit, "availableQuantity"));
    let available = quantity - (old - old_available);
    edit.set("quantityOnStock", Some(&json!(quantity)));
    edit.set("availableQuantity", Some(&json!(available)));
    let mut message = json!({
        "oldQuantityOnStock": old,
        "newQuantityOnStock": quantity,
        "oldAvailableQuantity": old_available,
        "newAvailableQuantity": available,
    });
    if let Some(message) = message.as_object_mut() {
        for name in ["sku", "supplyChannel"] {
            if let Some(value) = edit.members.get(name) {
                message.insert(name.to_owned(), value.clone());
            }
        }
    }
    edit.message("InventoryEntryQuantitySet", message);
}

pub(super) fn apply_price(edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "changeValue" => change_value(edit, action)?,
        "changeActive" => {
            let active = need(action, "active")?;
            let old = edit.members.get("active").cloned().unwrap_or(json!(true));
            edit.set("active", Some(active));
            edit.message("StandalonePriceActiveChanged", json!({ "active": active, "oldActive": old }));
        }
        "setValidFrom" => window(edit, action, &["validFrom"], "StandalonePriceValidFromSet")?,
        "setValidUntil" => window(edit, action, &["validUntil"], "StandalonePriceValidUntilSet")?,
        "setValidFromAndUntil" => {
            window(edit, action, &["validFrom", "validUntil"], "StandalonePriceValidFromAndUntilSet")?;
        }
        "setDiscountedPrice" => {
            let given = action.get("discounted").filter(|value| !value.is_null()).map(discounted).transpose()?;
            edit.set("discounted", given.as_ref());
            edit.message("StandalonePriceDiscountSet", members([("discounted", given)]));
        }
        "setPriceTiers" => {
            let tiers = json!(list(action, "tiers").map(tier).collect::<Result<Vec<_>, _>>()?);
            let previous = edit.members.get("tiers").cloned().unwrap_or(json!([]));
            edit.set("tiers", Some(&tiers));
            edit.message("StandalonePriceTiersSet", json!({ "tiers": tiers, "previousTiers": previous }));
        }
        "applyStagedChanges" => {
            if let Some(Value::Object(staged)) = edit.members.remove("staged") {
                edit.members.extend(staged.clone());
                edit.message("StandalonePriceStagedChangesApplied", json!({ "stagedChanges": staged }));
            }
        }
        "removeStagedChanges" => {
            if let Some(staged) = edit.members.remove("staged") {
                edit.message("StandalonePriceStagedChangesRemoved", json!({ "stagedChanges": staged }));
            }
        }
        "setKey" => edit.key = text(action, "key"),
        _ => return Err(unknown(name)),
    }
    Ok(())
}

fn change_value(edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let value = draft::money(need(action, "value")?)?;
    let staged = action.get("staged") == Some(&Value::Bool(true));
    let currency = |money: Option<&Value>| money.and_then(|money| money.get("currencyCode").cloned());
    let old = edit.members.get("value").cloned();
    if currency(old.as_ref()) != currency(Some(&value)) {
        return Err(ApiError::operation("The currency of a standalone price can't be changed."));
    }
    if staged {
        let mut changes = edit.members.get("staged").cloned().unwrap_or(json!({}));
        if let Some(changes) = changes.as_object_mut() {
            changes.insert("value".to_owned(), value.clone());
        }
        edit.set("staged", Some(&changes));
    } else {
        edit.set("value", Some(&value));
    }
    let message = members([("value", Some(value)), ("staged", Some(json!(staged))), ("oldValue", old)]);
    edit.message("StandalonePriceValueChanged", message);
    Ok(())
}

fn window(edit: &mut Edit, action: &Object, names: &[&str], message: &'static str) -> Result<(), ApiError> {
    let mut told = serde_json::Map::new();
    for name in names {
        let given = action.get(*name).filter(|value| !value.is_null()).map(|at| instant(at, name)).transpose()?;
        let previous = match *name {
            "validFrom" => "previousValidFrom",
            _ => "previousValidUntil",
        };
        if let Some(old) = edit.members.get(*name) {
            told.insert(previous.to_owned(), old.clone());
        }
        if let Some(given) = &given {
            told.insert((*name).to_owned(), given.clone());
        }
        edit.set(name, given.as_ref());
    }
    edit.message(message, Value::Object(told));
    Ok(())
}

/// An object of the members that are there.
fn members<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Value {
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Object>().into()
}
