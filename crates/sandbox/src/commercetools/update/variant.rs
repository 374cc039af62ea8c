//! Update actions of a product's variants: which there are, and their SKUs, keys, attributes and images.

use serde_json::{Value, json};

use super::super::draft;
use super::super::error::ApiError;
use super::super::input::{need, need_number, need_text, number, text};
use super::super::rules::attribute::Level;
use super::super::rules::product::{check_new_image, check_sku, check_sku_is_free, check_variants, image};
use super::super::state::{Object, variants, variants_mut};
use super::super::write::{Edit, ProductEdit, Writer, set};
use super::product::{attribute, each_side, product, put_attribute, staged_only};
use super::unknown;

pub(super) fn apply(writer: &mut Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "addVariant" => add(writer, edit, action),
        "removeVariant" => remove(edit, action),
        "changeMasterVariant" => change_master(edit, action),
        "revertStagedVariantChanges" => revert(edit, action),
        "setSku" | "setSKU" => set_sku(writer, edit, action),
        "setProductVariantKey" => {
            let key = text(action, "key")?.map(|key| json!(key));
            on_variant(edit, action, |variant| {
                set(variant, "key", key.as_ref());
                Ok(())
            })?;
            each_side(edit, action, |side| check_variants(side, "key"))
        }
        "setAttribute" => {
            let (name, value) = attribute(writer.state, edit, Level::Variant, action)?;
            on_variant(edit, action, |variant| {
                put_attribute(variant, name, value.as_ref());
                Ok(())
            })
        }
        "setAttributeInAllVariants" => {
            let (name, value) = attribute(writer.state, edit, Level::Variant, action)?;
            each_side(edit, action, |side| {
                variants_mut(side).for_each(|variant| put_attribute(variant, name, value.as_ref()));
                Ok(())
            })
        }
        "addExternalImage" => add_image(edit, action),
        "removeImage" => on_image(edit, action, |images, place| {
            images.remove(place);
            Ok(())
        }),
        "moveImageToPosition" => {
            let position = need_number(action, "position")?;
            on_image(edit, action, |images, place| {
                let to = usize::try_from(position).ok().filter(|to| *to < images.len());
                let to = to.ok_or_else(|| ApiError::field("position", &json!(position)))?;
                let image = images.remove(place);
                images.insert(to, image);
                Ok(())
            })
        }
        "setImageLabel" => {
            let label = text(action, "label")?.map(|label| json!(label));
            on_image(edit, action, |images, place| {
                if let Some(image) = images.get_mut(place).and_then(Value::as_object_mut) {
                    set(image, "label", label.as_ref());
                }
                Ok(())
            })
        }
        _ => Err(unknown(name)),
    }
}

/// Whether a variant is the one that an action names by `variantId` (or `id`) or `sku`.
pub(super) fn named(action: &Object) -> Result<impl Fn(&Object) -> bool + '_, ApiError> {
    let id = number(action, "variantId")?.or(number(action, "id")?);
    let sku = text(action, "sku")?;
    if id.is_none() && sku.is_none() {
        return Err(ApiError::required("variantId"));
    }
    Ok(move |variant: &Object| match id {
        Some(id) => variant.get("id").and_then(Value::as_i64) == Some(id),
        None => variant.get("sku").and_then(Value::as_str) == sku,
    })
}

/// Changes the variant an action names, on the sides the action means.
fn on_variant(
    edit: &mut Edit,
    action: &Object,
    mut change: impl FnMut(&mut Object) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let wanted = named(action)?;
    let mut found = false;
    each_side(edit, action, |side| {
        for variant in variants_mut(side).filter(|variant| wanted(variant)) {
            change(variant)?;
            found = true;
        }
        Ok(())
    })?;
    if found { Ok(()) } else { Err(no_variant(action)) }
}

/// The refusal of an action that names no variant of the product.
pub(super) fn no_variant(action: &Object) -> ApiError {
    let number = action.get("variantId").or_else(|| action.get("id"));
    match number.or_else(|| action.get("sku")) {
        Some(name) => ApiError::operation(format!("The variant {name} does not exist.")),
        None => ApiError::operation("The variant does not exist."),
    }
}

fn set_sku(writer: &Writer<'_>, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let sku = text(action, "sku")?;
    let mut by_number = action.clone();
    by_number.remove("sku");
    if let Some(sku) = sku {
        check_sku(writer.state, Some(edit.id), sku)?;
    }
    let availability = sku.and_then(|sku| writer.availability(sku));
    let new = sku.map(|sku| json!(sku));
    on_variant(edit, &by_number, |variant| {
        if let Some(old) = variant.get("sku").and_then(Value::as_str).filter(|old| Some(*old) != sku) {
            check_sku_is_free(writer.state, old)?;
        }
        set(variant, "sku", new.as_ref());
        set(variant, "availability", availability.as_ref());
        Ok(())
    })?;
    each_side(edit, action, |side| check_variants(side, "sku"))
}

fn add_image(edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let image = image(need(action, "image")?)?;
    let mut variant_id = None;
    on_variant(edit, action, |variant| {
        variant_id = variant_id.take().or_else(|| variant.get("id").cloned());
        if let Some(images) = variant.entry("images").or_insert_with(|| json!([])).as_array_mut() {
            check_new_image(images, &image)?;
            images.push(image.clone());
        }
        Ok(())
    })?;
    let message = json!({ "variantId": variant_id, "image": image, "staged": staged_only(action) });
    edit.message("ProductImageAdded", message);
    Ok(())
}

/// Changes the images of a variant, given the place of the one an action names by its URL.
fn on_image(
    edit: &mut Edit,
    action: &Object,
    mut change: impl FnMut(&mut Vec<Value>, usize) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let url = need_text(action, "imageUrl")?;
    let mut found = false;
    on_variant(edit, action, |variant| {
        let Some(images) = variant.get_mut("images").and_then(Value::as_array_mut) else { return Ok(()) };
        let place = images.iter().position(|image| image.get("url").and_then(Value::as_str) == Some(url));
        found |= place.is_some();
        place.map_or(Ok(()), |place| change(images, place))
    })?;
    if found { Ok(()) } else { Err(ApiError::operation(format!("The variant has no image with the URL '{url}'."))) }
}

fn add(writer: &mut Writer<'_>, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let ProductEdit { fixed, staged, .. } = product(edit)?;
    let (fixed, in_staged) = (fixed.clone(), draft::highest_variant(staged));
    let id = in_staged.max(draft::highest_variant(&edit.members)) + 1;
    let variant = draft::variant(writer, &fixed, &Value::Object(action.clone()), id)?;
    each_side(edit, action, |side| {
        if let Some(variants) = side.entry("variants").or_insert_with(|| json!([])).as_array_mut() {
            variants.push(variant.clone());
        }
        check_variants(side, "sku")?;
        check_variants(side, "key")
    })?;
    edit.message("ProductVariantAdded", json!({ "variant": variant, "staged": staged_only(action) }));
    Ok(())
}

fn remove(edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
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
        Ok(())
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
        let place = all.iter().position(|variant| variant.as_object().is_some_and(&wanted));
        let Some(place) = place else { return Ok(()) };
        let master = all.remove(place);
        set(side, "masterVariant", Some(&master));
        set(side, "variants", Some(&Value::Array(all)));
        found = true;
        Ok(())
    })?;
    if found { Ok(()) } else { Err(no_variant(action)) }
}

/// Makes a staged variant what it is in the current data.
fn revert(edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let wanted = named(action)?;
    let current = variants(&edit.members).find(|variant| variant.as_object().is_some_and(&wanted)).cloned();
    let current = current.as_ref().and_then(Value::as_object).ok_or_else(|| no_variant(action))?;
    let staged = variants_mut(&mut product(edit)?.staged).find(|variant| wanted(variant));
    staged.ok_or_else(|| no_variant(action))?.clone_from(current);
    Ok(())
}
