//! Update actions of product selections and stores. None of them touches a product.

use serde_json::{Value, json};

use super::super::draft::{list, need, need_localized, object, resolve, store_selections};
use super::super::error::ApiError;
use super::super::order::Id;
use super::super::state::{Kind, Member, Object, State};
use super::super::write::{Edit, Writer};
use super::{set_key, unknown};

pub(super) fn apply_selection(
    writer: &Writer<'_>,
    edit: &mut Edit,
    name: &str,
    action: &Object,
) -> Result<(), ApiError> {
    match name {
        "changeName" => edit.set("name", Some(need_localized(action, "name")?)),
        "setKey" => set_key(writer, edit, action)?,
        "addProduct" | "excludeProduct" | "removeProduct" | "setVariantSelection" | "setVariantExclusion" => {
            members(writer, edit, name, action)?;
        }
        _ => return Err(unknown(name)),
    }
    Ok(())
}

fn members(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    let product = resolve(writer.state, Kind::Product, need(action, "product")?)?;
    let id = product.get("id").and_then(Value::as_str).and_then(Id::parse);
    let id = id.ok_or_else(|| ApiError::required("product"))?;
    let excludes = edit.members.get("mode").and_then(Value::as_str) == Some("IndividualExclusion");
    let field = if excludes { "variantExclusion" } else { "variantSelection" };
    let variants = action.get(field).filter(|value| !value.is_null()).map(|value| (field, value.clone()));
    let mut message = json!({ "product": product });
    if let (Some(message), Some((field, variants))) = (message.as_object_mut(), &variants) {
        message.insert((*field).to_owned(), variants.clone());
    }
    let known = edit.assigned.take().or_else(|| writer.state.members.get(&edit.id).cloned());
    let mut members = known.unwrap_or_default();
    match name {
        "addProduct" | "excludeProduct" => {
            if (name == "excludeProduct") != excludes {
                return Err(ApiError::operation(format!("'{name}' does not fit the mode of the product selection.")));
            }
            members.entry(id).or_insert(Member { variants, created: writer.now });
            let kind = if excludes { "ProductSelectionProductExcluded" } else { "ProductSelectionProductAdded" };
            edit.message(kind, message);
        }
        "removeProduct" => {
            if members.remove(&id).is_none() {
                return Err(ApiError::new(
                    400,
                    "ProductAssignmentMissing",
                    format!("A product with ID '{id}' is not assigned to the product selection."),
                ));
            }
            edit.message("ProductSelectionProductRemoved", message);
        }
        _ => {
            let Some(member) = members.get_mut(&id) else {
                return Err(ApiError::operation(format!("The product with ID '{id}' is not assigned.")));
            };
            let old = std::mem::replace(&mut member.variants, variants);
            let old = old.map(|(_, variants)| variants);
            let new = member.variants.as_ref().map(|(_, variants)| variants);
            if excludes {
                let message = json!({ "product": product, "oldVariantExclusion": old, "newVariantExclusion": new });
                edit.message("ProductSelectionVariantExclusionChanged", message);
            } else {
                let message = json!({ "product": product, "oldVariantSelection": old, "newVariantSelection": new });
                edit.message("ProductSelectionVariantSelectionChanged", message);
            }
        }
    }
    let count = members.len();
    edit.set("productCount", Some(&json!(count)));
    edit.assigned = Some(members);
    Ok(())
}

pub(super) fn apply_store(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "setName" => {
            edit.set("name", action.get("name"));
            edit.message("StoreNameSet", json!({ "name": action.get("name") }));
        }
        "setLanguages" => change_list(edit, "languages", action, "StoreLanguagesChanged"),
        "setCountries" => change_list(edit, "countries", action, "StoreCountriesChanged"),
        "setDistributionChannels" => {
            channels(writer.state, edit, action, "distributionChannels", "StoreDistributionChannelsChanged")?;
        }
        "setSupplyChannels" => channels(writer.state, edit, action, "supplyChannels", "StoreSupplyChannelsChanged")?,
        "setProductSelections" => {
            let selections = store_selections(writer.state, action)?;
            set_selections(edit, &selections);
        }
        "addProductSelection" | "removeProductSelection" | "changeProductSelectionActive" => {
            one_selection(writer.state, edit, name, action)?;
        }
        _ => return Err(unknown(name)),
    }
    Ok(())
}

fn change_list(edit: &mut Edit, field: &str, action: &Object, message: &'static str) {
    let new = action.get(field).filter(|value| value.is_array()).cloned().unwrap_or(json!([]));
    let old = edit.members.get(field).cloned().unwrap_or(json!([]));
    edit.set(field, Some(&new));
    edit.message(message, difference(field, &old, &new));
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

fn channels(
    state: &State,
    edit: &mut Edit,
    action: &Object,
    field: &str,
    message: &'static str,
) -> Result<(), ApiError> {
    let channels = list(action, field).map(|channel| resolve(state, Kind::Channel, channel));
    let mut resolved = Object::new();
    resolved.insert(field.to_owned(), Value::Array(channels.collect::<Result<_, _>>()?));
    change_list(edit, field, &resolved, message);
    Ok(())
}

fn one_selection(state: &State, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    let selection = resolve(state, Kind::ProductSelection, need(action, "productSelection")?)?;
    let mut selections = edit.members.get("productSelections").and_then(Value::as_array).cloned().unwrap_or_default();
    selections.retain(|setting| setting.get("productSelection") != Some(&selection));
    if name != "removeProductSelection" {
        let active = object(&Value::Object(action.clone()), "actions")?.get("active").and_then(Value::as_bool);
        selections.push(json!({ "productSelection": selection, "active": active.unwrap_or(false) }));
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
