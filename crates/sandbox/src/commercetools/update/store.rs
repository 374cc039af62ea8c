//! Update actions of stores. None of them touches a product.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{flag, localized, need, resolve};
use super::super::rules::store::{channel, channels, countries, country_of, languages, selections, url, url_of};
use super::super::state::{Kind, Object, State};
use super::super::write::{Edit, set};
use super::unknown;

pub(super) fn apply(state: &State, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "setName" => {
            let new = localized(action, "name")?;
            edit.set("name", new);
            edit.message("StoreNameSet", json!({ "name": new }));
        }
        "setLanguages" => change_list(edit, "languages", &languages(state, action)?),
        "setCountries" => change_list(edit, "countries", &countries(action)?),
        "addCountry" => add(edit, "countries", country_of(need(action, "country")?)?),
        "removeCountry" => remove(edit, "countries", &country_of(need(action, "country")?)?),
        "setDistributionChannels" | "setSupplyChannels" => {
            let field = if name == "setSupplyChannels" { "supplyChannels" } else { "distributionChannels" };
            change_list(edit, field, &channels(state, action, field)?);
        }
        "addDistributionChannel" => {
            let new = channel(state, "distributionChannels", need(action, "distributionChannel")?)?;
            add(edit, "distributionChannels", new);
        }
        "addSupplyChannel" => {
            let new = channel(state, "supplyChannels", need(action, "supplyChannel")?)?;
            add(edit, "supplyChannels", new);
        }
        "removeDistributionChannel" => {
            let old = resolve(state, Kind::Channel, need(action, "distributionChannel")?)?;
            remove(edit, "distributionChannels", &old);
        }
        "removeSupplyChannel" => {
            let old = resolve(state, Kind::Channel, need(action, "supplyChannel")?)?;
            remove(edit, "supplyChannels", &old);
        }
        "setProductSelections" => {
            let selections = selections(state, action)?;
            set_selections(edit, &selections);
        }
        "addProductSelection" | "removeProductSelection" | "changeProductSelectionActive" => {
            one_selection(state, edit, name, action)?;
        }
        _ => match url_of(name) {
            Some((field, message)) => set_url(edit, action, field, message)?,
            None => return Err(unknown(name)),
        },
    }
    Ok(())
}

fn set_url(edit: &mut Edit, action: &Object, field: &str, message: &'static str) -> Result<(), ApiError> {
    let url = url(field, action)?.map(|url| json!(url));
    let mut storefront = edit.members.get("storefront").and_then(Value::as_object).cloned().unwrap_or_default();
    set(&mut storefront, field, url.as_ref());
    edit.set("storefront", Some(&Value::Object(storefront.clone())).filter(|_| !storefront.is_empty()));
    edit.message(message, json!({ field: url }));
    Ok(())
}

fn kept(edit: &Edit, field: &str) -> Vec<Value> {
    edit.members.get(field).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn add(edit: &mut Edit, field: &str, element: Value) {
    let mut list = kept(edit, field);
    if !list.contains(&element) {
        list.push(element);
        change_list(edit, field, &Value::Array(list));
    }
}

fn remove(edit: &mut Edit, field: &str, element: &Value) {
    let mut list = kept(edit, field);
    if list.contains(element) {
        list.retain(|known| known != element);
        change_list(edit, field, &Value::Array(list));
    }
}

/// The message that tells of a change to a list of a store.
fn message_of(field: &str) -> &'static str {
    match field {
        "languages" => "StoreLanguagesChanged",
        "countries" => "StoreCountriesChanged",
        "supplyChannels" => "StoreSupplyChannelsChanged",
        _ => "StoreDistributionChannelsChanged",
    }
}

fn change_list(edit: &mut Edit, field: &str, new: &Value) {
    let old = edit.members.get(field).cloned().unwrap_or(json!([]));
    edit.set(field, Some(new));
    edit.message(message_of(field), difference(field, &old, new));
}

/// What was added and removed, in members such as `addedLanguages`.
fn difference(field: &str, old: &Value, new: &Value) -> Value {
    let capital: String = field.chars().take(1).flat_map(char::to_uppercase).chain(field.chars().skip(1)).collect();
    let without = |left: &Value, right: &Value| -> Vec<Value> {
        let right = right.as_array().cloned().unwrap_or_default();
        left.as_array().into_iter().flatten().filter(|value| !right.contains(value)).cloned().collect()
    };
    json!({
        format!("added{capital}"): without(new, old),
        format!("removed{capital}"): without(old, new),
    })
}

fn one_selection(state: &State, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    let selection = resolve(state, Kind::ProductSelection, need(action, "productSelection")?)?;
    let mut selections = kept(edit, "productSelections");
    let is_it = |setting: &Value| setting.get("productSelection") == Some(&selection);
    if name == "changeProductSelectionActive" && !selections.iter().any(is_it) {
        return Err(ApiError::operation("The store does not have the product selection."));
    }
    selections.retain(|setting| !is_it(setting));
    if name != "removeProductSelection" {
        let active = flag(action, "active")?.unwrap_or(false);
        selections.push(json!({ "productSelection": selection, "active": active }));
    }
    set_selections(edit, &Value::Array(selections));
    Ok(())
}

fn set_selections(edit: &mut Edit, new: &Value) {
    let old = edit.members.get("productSelections").cloned().unwrap_or(json!([]));
    let id = |setting: &Value| setting.get("productSelection").cloned();
    let missing_in = |left: &Value, right: &Value| -> Vec<Value> {
        let known: Vec<Option<Value>> = right.as_array().into_iter().flatten().map(id).collect();
        left.as_array().into_iter().flatten().filter(|setting| !known.contains(&id(setting))).cloned().collect()
    };
    let updated: Vec<Value> = new
        .as_array()
        .into_iter()
        .flatten()
        .filter(|setting| old.as_array().into_iter().flatten().any(|old| id(old) == id(setting) && old != *setting))
        .cloned()
        .collect();
    let message = json!({
        "addedProductSelections": missing_in(new, &old),
        "removedProductSelections": missing_in(&old, new),
        "updatedProductSelections": updated,
    });
    edit.set("productSelections", Some(new));
    edit.message("StoreProductSelectionsChanged", message);
}
