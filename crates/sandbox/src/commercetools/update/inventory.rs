//! Update actions of inventory entries. Stock reaches its product in the background.

use serde_json::{Value, json};

use super::super::draft::{RESERVATION_MINUTES, check_new_entry};
use super::super::error::ApiError;
use super::super::input::{instant, key, need_number, number, number_in, resolve_given};
use super::super::state::{Effect, Kind, Object};
use super::super::write::{Edit, Writer, set};
use super::{set_key, unknown};

pub(super) fn apply(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "changeQuantity" => set_quantity(edit, need_number(action, "quantity")?),
        "addQuantity" => set_quantity(edit, on_stock(edit).saturating_add(need_number(action, "quantity")?)),
        "removeQuantity" => set_quantity(edit, on_stock(edit).saturating_sub(need_number(action, "quantity")?)),
        "setRestockableInDays" => {
            let days = number(action, "restockableInDays")?;
            edit.set("restockableInDays", days.map(|days| json!(days)).as_ref());
        }
        "setExpectedDelivery" => edit.set("expectedDelivery", instant(action, "expectedDelivery")?.as_ref()),
        "setSupplyChannel" => {
            let channel = resolve_given(writer.state, Kind::Channel, action, "supplyChannel")?;
            if edit.members.get("supplyChannel") != channel.as_ref() {
                check_new_entry(writer.state, &sku(edit), channel.as_ref())?;
            }
            edit.set("supplyChannel", channel.as_ref());
        }
        "setInventoryLimits" => {
            for limit in ["minCartQuantity", "maxCartQuantity"] {
                let quantity = number_in(action, limit, 1..=i64::MAX)?;
                edit.set(limit, quantity.map(|quantity| json!(quantity)).as_ref());
            }
        }
        "setReorderPoint" => set_level(edit, "reorderPoint", number(action, "quantity")?),
        "setSafetyStock" => set_level(edit, "safetyStock", number(action, "quantity")?),
        "setReservationExpirationInMinutes" => {
            let field = "reservationExpirationInMinutes";
            let new = number_in(action, field, RESERVATION_MINUTES)?.map(|minutes| json!(minutes));
            let old = edit.members.get(field).cloned();
            edit.set(field, new.as_ref());
            let message = json!({
                "newReservationExpirationInMinutes": new,
                "oldReservationExpirationInMinutes": old,
            });
            edit.message("InventoryEntryReservationExpirationInMinutesSet", message);
        }
        "setKey" => set_key(writer, edit, key(action)?)?,
        _ => return Err(unknown(name)),
    }
    edit.effects.push(Effect::Availability(sku(edit)));
    Ok(())
}

fn sku(edit: &Edit) -> String {
    edit.members.get("sku").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn kept(edit: &Edit, name: &str) -> i64 {
    edit.members.get(name).and_then(Value::as_i64).unwrap_or(0)
}

fn on_stock(edit: &Edit) -> i64 {
    kept(edit, "quantityOnStock")
}

/// Sets the quantity; what is reserved stays reserved.
fn set_quantity(edit: &mut Edit, quantity: i64) {
    let (old, old_available) = (on_stock(edit), kept(edit, "availableQuantity"));
    let available = quantity - (old - old_available);
    edit.set("quantityOnStock", Some(&json!(quantity)));
    edit.set("availableQuantity", Some(&json!(available)));
    let message = json!({
        "oldQuantityOnStock": old,
        "newQuantityOnStock": quantity,
        "oldAvailableQuantity": old_available,
        "newAvailableQuantity": available,
        "sku": edit.members.get("sku"),
        "supplyChannel": edit.members.get("supplyChannel"),
    });
    edit.message("InventoryEntryQuantitySet", message);
    for (level, told) in [("reorderPoint", "InventoryEntryReorderPoint"), ("safetyStock", "InventoryEntrySafetyStock")]
    {
        let level = edit.members.get("stockLevels").and_then(|levels| levels.get(level)?.as_i64());
        if level.is_some_and(|level| old > level && quantity <= level) {
            let message = json!({
                "sku": edit.members.get("sku"),
                "quantityOnStock": quantity,
                "supplyChannel": edit.members.get("supplyChannel"),
            });
            edit.message(told, message);
        }
    }
}

fn set_level(edit: &mut Edit, name: &str, level: Option<i64>) {
    let mut levels = edit.members.get("stockLevels").and_then(Value::as_object).cloned().unwrap_or_default();
    set(&mut levels, name, level.map(|level| json!(level)).as_ref());
    edit.set("stockLevels", Some(&Value::Object(levels.clone())).filter(|_| !levels.is_empty()));
}
