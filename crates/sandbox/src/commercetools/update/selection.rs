//! Update actions of product selections. None of them touches a product.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{need, need_localized, resolve, text};
use super::super::order::Id;
use super::super::rules::selection::Mode;
use super::super::state::{Kind, Member, Object};
use super::super::write::{Edit, Writer};
use super::{set_key, unknown};

pub(super) fn apply(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "changeName" => edit.set("name", Some(need_localized(action, "name")?)),
        "setKey" => set_key(writer, edit, text(action, "key")?.map(str::to_owned))?,
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
    let mode = Mode::of(&edit.members)?;
    let wanted = match name {
        "addProduct" | "setVariantSelection" => Mode::Individual,
        "excludeProduct" | "setVariantExclusion" => Mode::IndividualExclusion,
        _ => mode,
    };
    if wanted != mode {
        return Err(ApiError::operation(format!("'{name}' does not fit the mode of the product selection.")));
    }
    let field = mode.variants();
    let variants = mode.variants_in(action)?;
    let known = edit.assigned.take().or_else(|| writer.state.members.get(&edit.id).cloned());
    let mut members = known.unwrap_or_default();
    match name {
        "addProduct" | "excludeProduct" => match members.get(&id).map(Member::variants) {
            Some(existing) if existing == variants.as_ref() => {}
            Some(existing) => return Err(mode.present(product, existing.cloned())),
            None => {
                let kind = match mode {
                    Mode::Individual => "ProductSelectionProductAdded",
                    Mode::IndividualExclusion => "ProductSelectionProductExcluded",
                };
                edit.message(kind, json!({ "product": product, field: variants }));
                let variants = variants.map(|variants| (field, variants));
                members.insert(id, Member { variants, created: writer.now });
            }
        },
        "removeProduct" => {
            if members.remove(&id).is_none() {
                return Err(mode.missing(product));
            }
            edit.message("ProductSelectionProductRemoved", json!({ "product": product }));
        }
        _ => {
            let Some(member) = members.get_mut(&id) else { return Err(mode.missing(product)) };
            let old = std::mem::replace(&mut member.variants, variants.clone().map(|variants| (field, variants)));
            let old = old.map(|(_, variants)| variants);
            let (kind, message) = match mode {
                Mode::Individual => (
                    "ProductSelectionVariantSelectionChanged",
                    json!({ "product": product, "oldVariantSelection": old, "newVariantSelection": variants }),
                ),
                Mode::IndividualExclusion => (
                    "ProductSelectionVariantExclusionChanged",
                    json!({ "product": product, "oldVariantExclusion": old, "newVariantExclusion": variants }),
                ),
            };
            edit.message(kind, message);
        }
    }
    edit.set("productCount", Some(&json!(members.len())));
    edit.assigned = Some(members);
    Ok(())
}
