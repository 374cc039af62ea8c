//! Update actions of products. Most change the staged data only, unless `staged` is false.

use serde_json::{Value, json};

use super::super::draft::{
    self, attribute, check_price_scopes, discounted, highest_variant, list, need, need_localized, need_text, resolve,
    text, wrong,
};
use super::super::error::ApiError;
use super::super::state::{Kind, Object, State, variants, variants_mut};
use super::super::table::Term;
use super::super::write::{Edit, ProductEdit, Writer, leave_category, publish, set, with_term};
use super::{set_key, unknown};

pub(super) fn apply(writer: &mut Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "publish" => publish(edit, &text(action, "scope").unwrap_or_else(|| "All".to_owned())),
        "unpublish" => {
            product(edit)?.published = false;
            edit.message("ProductUnpublished", json!({}));
        }
        "revertStagedChanges" => {
            let current = edit.members.clone();
            product(edit)?.staged = current;
        }
        "setKey" => return set_key(writer, edit, action),
        "setPriceMode" | "setTaxCategory" => {
            let field = if name == "setPriceMode" { "priceMode" } else { "taxCategory" };
            set(&mut product(edit)?.fixed, field, action.get(field));
        }
        "changeName" => set_text(edit, action, "name", true)?,
        "changeSlug" => change_slug(edit, action)?,
        "setDescription" => set_text(edit, action, "description", false)?,
        "setMetaTitle" => set_text(edit, action, "metaTitle", false)?,
        "setMetaDescription" => set_text(edit, action, "metaDescription", false)?,
        "setMetaKeywords" => set_text(edit, action, "metaKeywords", false)?,
        "setSearchKeywords" => {
            let keywords = need(action, "searchKeywords")?.clone();
            each_side(edit, action, |side| set(side, "searchKeywords", Some(&keywords)))?;
        }
        "addToCategory" | "removeFromCategory" | "setCategoryOrderHint" => categories(writer, edit, name, action)?,
        "setAttribute" | "setAttributeInAllVariants" | "setProductAttribute" => {
            set_attribute(writer.state, edit, name, action)?;
        }
        "addPrice" | "changePrice" | "removePrice" | "setPrices" | "setDiscountedPrice" => {
            prices(writer, edit, name, action)?;
        }
        "addVariant" => add_variant(writer, edit, action)?,
        "removeVariant" => remove_variant(edit, action)?,
        "changeMasterVariant" => change_master(edit, action)?,
        "setSku" | "setSKU" | "setProductVariantKey" | "addExternalImage" | "removeImage" => {
            change_variant(writer, edit, name, action)?;
        }
        _ => return Err(unknown(name)),
    }
    Ok(())
}

fn product(edit: &mut Edit) -> Result<&mut ProductEdit, ApiError> {
    edit.product.as_mut().ok_or_else(|| ApiError::operation("The resource is not a product."))
}

fn staged_only(action: &Object) -> bool {
    action.get("staged").and_then(Value::as_bool).unwrap_or(true)
}

/// Changes the staged side, and the current one too when the action says `staged: false`.
fn each_side(edit: &mut Edit, action: &Object, mut change: impl FnMut(&mut Object)) -> Result<(), ApiError> {
    change(&mut product(edit)?.staged);
    if !staged_only(action) {
        change(&mut edit.members);
    }
    Ok(())
}

fn set_text(edit: &mut Edit, action: &Object, field: &str, required: bool) -> Result<(), ApiError> {
    let value = match action.get(field) {
        None | Some(Value::Null) if !required => None,
        _ => Some(need_localized(action, field)?),
    };
    each_side(edit, action, |side| set(side, field, value))
}

fn change_slug(edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let old = edit.members.get("slug").cloned();
    set_text(edit, action, "slug", true)?;
    if !staged_only(action) {
        let mut message = json!({ "slug": action.get("slug") });
        if let (Some(message), Some(old)) = (message.as_object_mut(), old) {
            message.insert("oldSlug".to_owned(), old);
        }
        edit.message("ProductSlugChanged", message);
    }
    Ok(())
}

fn categories(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    if name == "setCategoryOrderHint" {
        let (category, hint) = (need_text(action, "categoryId")?, action.get("orderHint"));
        return each_side(edit, action, |side| {
            if let Some(hints) = side.get_mut("categoryOrderHints").and_then(Value::as_object_mut) {
                set(hints, category, hint);
            }
        });
    }
    let category = resolve(writer.state, Kind::Category, need(action, "category")?)?;
    let id = category.get("id").and_then(Value::as_str).unwrap_or_default();
    let message = json!({ "category": category, "staged": staged_only(action) });
    if name == "removeFromCategory" {
        each_side(edit, action, |side| {
            leave_category(side, id);
        })?;
        edit.message("ProductRemovedFromCategory", message);
        return Ok(());
    }
    each_side(edit, action, |side| {
        let entry = side.entry("categories").or_insert_with(|| json!([]));
        if let Some(categories) = entry.as_array_mut()
            && !categories.contains(&category)
        {
            categories.push(category.clone());
        }
        if let (Some(hint), Some(hints)) =
            (action.get("orderHint"), side.get_mut("categoryOrderHints").and_then(Value::as_object_mut))
        {
            set(hints, id, Some(hint));
        }
    })?;
    edit.message("ProductAddedToCategory", message);
    Ok(())
}

fn set_attribute(state: &State, edit: &mut Edit, kind: &str, action: &Object) -> Result<(), ApiError> {
    let name = need_text(action, "name")?;
    let value = match action.get("value") {
        None | Some(Value::Null) => None,
        Some(value) => Some(attribute(state, &product(edit)?.fixed, name, value)?),
    };
    let put = |holder: &mut Object| {
        let entry = holder.entry("attributes").or_insert_with(|| json!([]));
        let Some(attributes) = entry.as_array_mut() else { return };
        let place = attributes.iter().position(|known| known.get("name").and_then(Value::as_str) == Some(name));
        match (&value, place) {
            (None, Some(place)) => {
                attributes.remove(place);
            }
            (None, None) => {}
            (Some(value), Some(place)) => {
                if let Some(known) = attributes.get_mut(place) {
                    *known = json!({ "name": name, "value": value });
                }
            }
            (Some(value), None) => attributes.push(json!({ "name": name, "value": value })),
        }
    };
    match kind {
        "setProductAttribute" => each_side(edit, action, put),
        "setAttributeInAllVariants" => each_side(edit, action, |side| variants_mut(side).for_each(put)),
        _ => on_variant(edit, action, put),
    }
}

/// Whether a variant is the one that an action names by `variantId` (or `id`) or `sku`.
fn named(action: &Object) -> Result<impl Fn(&Object) -> bool + '_, ApiError> {
    let number = action.get("variantId").or_else(|| action.get("id")).and_then(Value::as_i64);
    let sku = action.get("sku").and_then(Value::as_str);
    if number.is_none() && sku.is_none() {
        return Err(ApiError::required("variantId"));
    }
    Ok(move |variant: &Object| match number {
        Some(number) => variant.get("id").and_then(Value::as_i64) == Some(number),
        None => variant.get("sku").and_then(Value::as_str) == sku,
    })
}

/// Changes the variant an action names, on the sides the action means.
fn on_variant(edit: &mut Edit, action: &Object, mut change: impl FnMut(&mut Object)) -> Result<(), ApiError> {
    let wanted = named(action)?;
    let mut found = false;
    each_side(edit, action, |side| {
        for variant in variants_mut(side).filter(|variant| wanted(variant)) {
            change(variant);
            found = true;
        }
    })?;
    if found { Ok(()) } else { Err(no_variant(action)) }
}

fn no_variant(action: &Object) -> ApiError {
    let number = action.get("variantId").or_else(|| action.get("id"));
    match number.or_else(|| action.get("sku")) {
        Some(name) => ApiError::operation(format!("The variant {name} does not exist.")),
        None => ApiError::operation("The variant does not exist."),
    }
}

fn change_variant(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "setSku" | "setSKU" => {
            let sku = text(action, "sku");
            if let Some(sku) = &sku
                && with_term(writer.state.table(Kind::Product), Term::Sku, sku).iter().any(|id| *id != edit.id)
            {
                return Err(ApiError::duplicate("sku", sku));
            }
            let availability = sku.as_deref().and_then(|sku| writer.availability(sku));
            let mut by_number = action.clone();
            by_number.remove("sku");
            on_variant(edit, &by_number, |variant| {
                set(variant, "sku", action.get("sku"));
                set(variant, "availability", availability.as_ref());
            })
        }
        "setProductVariantKey" => on_variant(edit, action, |variant| set(variant, "key", action.get("key"))),
        "addExternalImage" => {
            let image = need(action, "image")?;
            on_variant(edit, action, |variant| {
                if let Some(images) = variant.entry("images").or_insert_with(|| json!([])).as_array_mut() {
                    images.push(image.clone());
                }
            })
        }
        _ => {
            let url = need_text(action, "imageUrl")?;
            on_variant(edit, action, |variant| {
                if let Some(images) = variant.get_mut("images").and_then(Value::as_array_mut) {
                    images.retain(|image| image.get("url").and_then(Value::as_str) != Some(url));
                }
            })
        }
    }
}

fn add_variant(writer: &mut Writer<'_>, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let ProductEdit { fixed, staged, .. } = product(edit)?;
    let (fixed, in_staged) = (fixed.clone(), highest_variant(staged));
    let id = in_staged.max(highest_variant(&edit.members)) + 1;
    let variant = draft::variant(writer, &fixed, &Value::Object(action.clone()), id)?;
    each_side(edit, action, |side| {
        if let Some(variants) = side.entry("variants").or_insert_with(|| json!([])).as_array_mut() {
            variants.push(variant.clone());
        }
    })?;
    edit.message("ProductVariantAdded", json!({ "variant": variant, "staged": staged_only(action) }));
    Ok(())
}

fn remove_variant(edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let wanted = named(action)?;
    let is_master = |side: &Object| side.get("masterVariant").and_then(Value::as_object).is_some_and(&wanted);
    if is_master(&product(edit)?.staged) {
        return Err(ApiError::operation("The master variant can't be removed."));
    }
    let mut removed = None;
    each_side(edit, action, |side| {
        if let Some(variants) = side.get_mut("variants").and_then(Value::as_array_mut) {
            let place = variants.iter().position(|variant| variant.as_object().is_some_and(&wanted));
            removed = place.map(|place| variants.remove(place)).or(removed.take());
        }
    })?;
    let removed = removed.ok_or_else(|| no_variant(action))?;
    edit.message(
        "ProductVariantDeleted",
        json!({ "variant": removed, "removedImageUrls": [], "staged": staged_only(action) }),
    );
    Ok(())
}

fn change_master(edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let wanted = named(action)?;
    let mut found = false;
    each_side(edit, action, |side| {
        let mut all: Vec<Value> = variants(side).cloned().collect();
        let Some(place) = all.iter().position(|variant| variant.as_object().is_some_and(&wanted)) else { return };
        let master = all.remove(place);
        set(side, "masterVariant", Some(&master));
        set(side, "variants", Some(&Value::Array(all)));
        found = true;
    })?;
    if found { Ok(()) } else { Err(no_variant(action)) }
}

fn prices(writer: &mut Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    let staged = staged_only(action);
    match name {
        "addPrice" => {
            let price = draft::price(writer.state, need(action, "price")?, None)?;
            let variant = change_prices(edit, action, named(action)?, |prices| prices.push(price.clone()))?;
            edit.message("ProductPriceAdded", json!({ "variantId": variant, "price": price, "staged": staged }));
        }
        "setPrices" => {
            let mut prices = Vec::new();
            for draft in list(action, "prices") {
                prices.push(draft::price(writer.state, draft, None)?);
            }
            let variant = change_prices(edit, action, named(action)?, |kept| kept.clone_from(&prices))?;
            edit.message("ProductPricesSet", json!({ "variantId": variant, "prices": prices, "staged": staged }));
        }
        "changePrice" | "setDiscountedPrice" | "removePrice" => one_price(writer, edit, name, action)?,
        _ => return Err(unknown(name)),
    }
    Ok(())
}

/// Changes one price that is named by its id.
fn one_price(writer: &mut Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    let staged = staged_only(action);
    let id = need_text(action, "priceId")?;
    let has_id = |price: &Value| price.get("id").and_then(Value::as_str) == Some(id);
    let holds = |variant: &Object| list(variant, "prices").any(has_id);
    let known =
        variants(&product(edit)?.staged).filter_map(Value::as_object).flat_map(|variant| list(variant, "prices"));
    let Some(old) = known.into_iter().find(|price| has_id(price)).cloned() else {
        return Err(ApiError::operation(format!("The price with id '{id}' does not exist.")));
    };
    if name == "removePrice" {
        let variant = change_prices(edit, action, holds, |prices| prices.retain(|price| !has_id(price)))?;
        edit.message("ProductPriceRemoved", json!({ "variantId": variant, "price": old, "staged": staged }));
        return Ok(());
    }
    let new = if name == "changePrice" {
        draft::price(writer.state, need(action, "price")?, Some(id))?
    } else {
        let mut new = old.clone();
        let reduced = action.get("discounted").filter(|value| !value.is_null()).map(discounted).transpose()?;
        set(new.as_object_mut().ok_or_else(|| wrong("price", "an object"))?, "discounted", reduced.as_ref());
        new
    };
    let variant = change_prices(edit, action, holds, |prices| {
        for price in prices.iter_mut().filter(|price| has_id(price)) {
            *price = new.clone();
        }
    })?;
    let message = json!({ "variantId": variant, "oldPrice": old, "newPrice": new, "staged": staged });
    edit.message("ProductPriceChanged", message);
    Ok(())
}

/// Changes the prices of the variant that is `wanted` and tells its id.
fn change_prices(
    edit: &mut Edit,
    action: &Object,
    wanted: impl Fn(&Object) -> bool,
    mut change: impl FnMut(&mut Vec<Value>),
) -> Result<i64, ApiError> {
    let (mut found, mut outcome) = (None, Ok(()));
    each_side(edit, action, |side| {
        for variant in variants_mut(side).filter(|variant| wanted(variant)) {
            let id = variant.get("id").and_then(Value::as_i64);
            if let Some(prices) = variant.entry("prices").or_insert_with(|| json!([])).as_array_mut() {
                change(prices);
                if let Err(error) = check_price_scopes(prices) {
                    outcome = Err(error);
                }
            }
            found = found.or(id);
        }
    })?;
    outcome?;
    found.ok_or_else(|| no_variant(action))
}
