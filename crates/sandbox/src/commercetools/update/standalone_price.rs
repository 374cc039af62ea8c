//! Update actions of standalone prices. They never touch a product.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{flag, given, instant, key, list, need, need_flag, need_number};
use super::super::rules::money::money;
use super::super::rules::price::{check_new_tier, check_standalone, check_window, discounted, tier_of, tiers};
use super::super::state::Object;
use super::super::write::{Edit, Writer};
use super::{set_key, unknown};

pub(super) fn apply(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "changeValue" => change_value(edit, action)?,
        "changeActive" => {
            let active = need_flag(action, "active")?;
            let old = edit.members.get("active").cloned().unwrap_or(json!(true));
            edit.set("active", Some(&json!(active)));
            edit.message("StandalonePriceActiveChanged", json!({ "active": active, "oldActive": old }));
        }
        "setValidFrom" => window(writer, edit, action, &["validFrom"], "StandalonePriceValidFromSet")?,
        "setValidUntil" => window(writer, edit, action, &["validUntil"], "StandalonePriceValidUntilSet")?,
        "setValidFromAndUntil" => {
            let message = "StandalonePriceValidFromAndUntilSet";
            window(writer, edit, action, &["validFrom", "validUntil"], message)?;
        }
        "setDiscountedPrice" => {
            let given = given(action, "discounted").map(discounted).transpose()?;
            edit.set("discounted", given.as_ref());
            edit.message("StandalonePriceExternalDiscountSet", json!({ "discounted": given }));
        }
        "setPriceTiers" => {
            need(action, "tiers")?;
            let tiers = tiers(list(action, "tiers")?, value(edit))?;
            let previous = kept_tiers(edit);
            set_tiers(edit, &tiers);
            edit.message("StandalonePriceTiersSet", json!({ "tiers": tiers, "previousTiers": previous }));
        }
        "addPriceTier" => {
            let tier = tier_of(need(action, "tier")?, value(edit))?;
            let mut tiers = kept_tiers(edit);
            check_new_tier(&tiers, &tier)?;
            tiers.push(tier.clone());
            set_tiers(edit, &tiers);
            edit.message("StandalonePriceTierAdded", json!({ "tier": tier }));
        }
        "removePriceTier" => remove_tier(edit, need_number(action, "minimumQuantity")?)?,
        "applyStagedChanges" => match edit.members.remove("staged") {
            Some(Value::Object(staged)) => {
                edit.members.extend(staged.clone());
                edit.message("StandalonePriceStagedChangesApplied", json!({ "stagedChanges": staged }));
            }
            _ => return Err(ApiError::operation("The standalone price has no staged changes.")),
        },
        "removeStagedChanges" => {
            if let Some(staged) = edit.members.remove("staged") {
                edit.message("StandalonePriceStagedChangesRemoved", json!({ "stagedChanges": staged }));
            }
        }
        "setKey" => {
            let old = edit.key.clone();
            set_key(writer, edit, key(action)?)?;
            edit.message("StandalonePriceKeySet", json!({ "key": edit.key, "oldKey": old }));
        }
        _ => return Err(unknown(name)),
    }
    Ok(())
}

fn value(edit: &Edit) -> &Value {
    edit.members.get("value").unwrap_or(&Value::Null)
}

fn kept_tiers(edit: &Edit) -> Vec<Value> {
    edit.members.get("tiers").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn set_tiers(edit: &mut Edit, tiers: &[Value]) {
    edit.set("tiers", Some(&json!(tiers)).filter(|_| !tiers.is_empty()));
}

fn remove_tier(edit: &mut Edit, quantity: i64) -> Result<(), ApiError> {
    let mut tiers = kept_tiers(edit);
    let of_quantity = |tier: &Value| tier.get("minimumQuantity").and_then(Value::as_i64) == Some(quantity);
    let Some(place) = tiers.iter().position(of_quantity) else {
        return Err(ApiError::operation(format!("The price has no tier for the quantity {quantity}.")));
    };
    let removed = tiers.remove(place);
    set_tiers(edit, &tiers);
    edit.message("StandalonePriceTierRemoved", json!({ "removedTier": removed }));
    Ok(())
}

fn change_value(edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let new = money(need(action, "value")?)?;
    let staged = flag(action, "staged")?.unwrap_or(false);
    let old = value(edit).clone();
    if old.get("currencyCode") != new.get("currencyCode") {
        return Err(ApiError::operation("The currency of a standalone price can't be changed."));
    }
    if staged {
        let mut changes = edit.members.get("staged").and_then(Value::as_object).cloned().unwrap_or_default();
        changes.insert("value".to_owned(), new.clone());
        edit.set("staged", Some(&Value::Object(changes)));
    } else {
        edit.set("value", Some(&new));
    }
    edit.message("StandalonePriceValueChanged", json!({ "value": new, "staged": staged, "oldValue": old }));
    Ok(())
}

fn window(
    writer: &Writer<'_>,
    edit: &mut Edit,
    action: &Object,
    names: &[&str],
    message: &'static str,
) -> Result<(), ApiError> {
    let mut told = Object::new();
    for name in names {
        let new = instant(action, name)?;
        let previous = match *name {
            "validFrom" => "previousValidFrom",
            _ => "previousValidUntil",
        };
        if let Some(old) = edit.members.get(*name) {
            told.insert(previous.to_owned(), old.clone());
        }
        if let Some(new) = &new {
            told.insert((*name).to_owned(), new.clone());
        }
        edit.set(name, new.as_ref());
    }
    check_window(&edit.members)?;
    check_standalone(writer.state, &edit.members, Some(edit.id))?;
    edit.message(message, Value::Object(told));
    Ok(())
}
