//! Update actions of products. Most change the staged data only, unless `staged` is false.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{
    flag, given, localized, need, need_localized, need_text, one_of, referenced, refuse_reference, resolve,
    resolve_given, text,
};
use super::super::rules::attribute::{self, Level, check_level};
use super::super::rules::{modular, product::check_in_category, product::check_order_hint, slug};
use super::super::state::{Kind, Object, State, variants};
use super::super::write::{Edit, ProductEdit, Writer, leave_category, publish, set};
use super::{owner_of_variant, price, set_key, variant};

pub(super) fn apply(writer: &mut Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    flag(action, "staged")?;
    modular::check_action(writer.state, name)?;
    match name {
        "publish" => publish(edit, one_of(action, "scope", &["All", "Prices"])?.unwrap_or("All")),
        "unpublish" => {
            modular::check_unpublishable(writer.state, edit.id)?;
            product(edit)?.published = false;
            edit.message("ProductUnpublished", json!({}));
        }
        "revertStagedChanges" => {
            let current = edit.members.clone();
            let staged = std::mem::replace(&mut product(edit)?.staged, current);
            let message = json!({ "removedImageUrls": images_not_in(&staged, &edit.members) });
            edit.message("ProductRevertedStagedChanges", message);
        }
        "setKey" => set_key(writer, edit, text(action, "key")?.map(str::to_owned))?,
        "setDefaultVariant" => set_default_variant(writer, edit, action)?,
        "setPriceMode" if writer.state.is_modular() => modular::check_price_mode(action)?,
        "setPriceMode" => {
            let mode = one_of(action, "priceMode", &["Embedded", "Standalone"])?.map(|mode| json!(mode));
            set(&mut product(edit)?.fixed, "priceMode", mode.as_ref());
        }
        "setTaxCategory" => {
            refuse_reference(action, "taxCategory", "tax-category")?;
            set(&mut product(edit)?.fixed, "taxCategory", None);
        }
        "changeName" => {
            need_localized(action, "name")?;
            set_text(edit, action, "name")?;
        }
        "changeSlug" => change_slug(writer.state, edit, action)?,
        "setDescription" => set_text(edit, action, "description")?,
        "setMetaTitle" => set_text(edit, action, "metaTitle")?,
        "setMetaDescription" => set_text(edit, action, "metaDescription")?,
        "setMetaKeywords" => set_text(edit, action, "metaKeywords")?,
        "setSearchKeywords" => {
            let keywords = need(action, "searchKeywords")?;
            each_side(edit, action, |side| {
                set(side, "searchKeywords", Some(keywords));
                Ok(())
            })?;
        }
        "addToCategory" => add_to_category(writer.state, edit, action)?,
        "removeFromCategory" => remove_from_category(writer.state, edit, action)?,
        "setCategoryOrderHint" => {
            let (category, hint) = (need_text(action, "categoryId")?, order_hint(action)?);
            each_side(edit, action, |side| {
                check_in_category(side, category)?;
                set_hint(side, category, hint);
                Ok(())
            })?;
        }
        "setProductAttribute" => {
            let (name, value) = attribute(writer.state, edit, Level::Product, action)?;
            each_side(edit, action, |side| {
                put_attribute(side, name, value.as_ref());
                Ok(())
            })?;
        }
        "addPrice" | "changePrice" | "removePrice" | "setPrices" | "setDiscountedPrice" | "setPriceKey" => {
            price::apply(writer, edit, name, action)?;
        }
        _ => variant::apply(writer, edit, name, action)?,
    }
    Ok(())
}

pub(super) fn product(edit: &mut Edit) -> Result<&mut ProductEdit, ApiError> {
    edit.product.as_mut().ok_or_else(|| ApiError::operation("The resource is not a product."))
}

/// Whether an action means the staged data only.
pub(super) fn staged_only(action: &Object) -> bool {
    action.get("staged").and_then(Value::as_bool).unwrap_or(true)
}

/// Changes the staged side, and the current one too when the action says `staged: false`.
pub(super) fn each_side(
    edit: &mut Edit,
    action: &Object,
    mut change: impl FnMut(&mut Object) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    change(&mut product(edit)?.staged)?;
    if !staged_only(action) {
        change(&mut edit.members)?;
    }
    Ok(())
}

/// URLs of the images of one side that the other doesn't have.
fn images_not_in(side: &Object, other: &Object) -> Vec<Value> {
    let urls = |side: &Object| -> Vec<Value> {
        let images = variants(side).filter_map(|variant| variant.get("images")?.as_array()).flatten();
        images.filter_map(|image| image.get("url").cloned()).collect()
    };
    let kept = urls(other);
    urls(side).into_iter().filter(|url| !kept.contains(url)).collect()
}

fn set_text(edit: &mut Edit, action: &Object, field: &str) -> Result<(), ApiError> {
    let value = localized(action, field)?;
    each_side(edit, action, |side| {
        set(side, field, value);
        Ok(())
    })
}

fn change_slug(state: &State, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let new = need_localized(action, "slug")?;
    slug::check(state, Kind::Product, Some(edit.id), new)?;
    let old = edit.members.get("slug").cloned();
    set_text(edit, action, "slug")?;
    if !staged_only(action) {
        edit.message("ProductSlugChanged", json!({ "slug": new, "oldSlug": old }));
    }
    Ok(())
}

/// Of a Modular project; there is none without a variant.
fn set_default_variant(writer: &Writer<'_>, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let variant = resolve_given(writer.state, Kind::Variant, action, "variant")?;
    if let Some(variant) = &variant {
        let of = writer.load(Kind::Variant, referenced(variant)?)?;
        if owner_of_variant(&of)? != edit.id {
            return Err(ApiError::operation("The Variant does not belong to the Product."));
        }
    }
    each_side(edit, action, |side| {
        set(side, "defaultVariant", variant.as_ref());
        Ok(())
    })
}

fn order_hint(action: &Object) -> Result<Option<&Value>, ApiError> {
    let hint = given(action, "orderHint");
    hint.map_or(Ok(()), check_order_hint)?;
    Ok(hint)
}

fn set_hint(side: &mut Object, category: &str, hint: Option<&Value>) {
    if let Some(hints) = side.entry("categoryOrderHints").or_insert_with(|| json!({})).as_object_mut() {
        set(hints, category, hint);
    }
}

fn add_to_category(state: &State, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let category = resolve(state, Kind::Category, need(action, "category")?)?;
    let id = category.get("id").and_then(Value::as_str).unwrap_or_default();
    let hint = order_hint(action)?;
    each_side(edit, action, |side| {
        let entry = side.entry("categories").or_insert_with(|| json!([]));
        if let Some(categories) = entry.as_array_mut()
            && !categories.contains(&category)
        {
            categories.push(category.clone());
        }
        set_hint(side, id, hint);
        Ok(())
    })?;
    edit.message("ProductAddedToCategory", json!({ "category": category, "staged": staged_only(action) }));
    Ok(())
}

fn remove_from_category(state: &State, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let category = resolve(state, Kind::Category, need(action, "category")?)?;
    let id = category.get("id").and_then(Value::as_str).unwrap_or_default();
    each_side(edit, action, |side| {
        leave_category(side, id);
        Ok(())
    })?;
    edit.message("ProductRemovedFromCategory", json!({ "category": category, "staged": staged_only(action) }));
    Ok(())
}

/// The name and new value of the attribute an action sets, without value when it is removed.
pub(super) fn attribute<'a>(
    state: &State,
    edit: &mut Edit,
    level: Level,
    action: &'a Object,
) -> Result<(&'a str, Option<Value>), ApiError> {
    let name = need_text(action, "name")?;
    let fixed = &product(edit)?.fixed;
    let Some(value) = given(action, "value") else {
        check_level(state, fixed, level, name)?;
        return Ok((name, None));
    };
    Ok((name, Some(attribute::value(state, fixed, level, name, value)?)))
}

/// Sets an attribute of a variant or of a side of a product, or removes it when it has no value.
pub(super) fn put_attribute(holder: &mut Object, name: &str, value: Option<&Value>) {
    let Some(attributes) = holder.entry("attributes").or_insert_with(|| json!([])).as_array_mut() else { return };
    let place = attributes.iter().position(|known| known.get("name").and_then(Value::as_str) == Some(name));
    let new = value.map(|value| json!({ "name": name, "value": value }));
    match (new, place) {
        (None, None) => {}
        (None, Some(place)) => {
            attributes.remove(place);
        }
        (Some(new), None) => attributes.push(new),
        (Some(new), Some(place)) => attributes.splice(place..=place, [new]).for_each(drop),
    }
}
