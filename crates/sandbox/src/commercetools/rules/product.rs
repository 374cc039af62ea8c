//! Products and their variants: what must be unique within one or in the project, order hints, and images.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{given, need, need_number, need_text, object, text};
use super::super::order::Id;
use super::super::state::{Kind, Object, State, variants};
use super::super::table::Term;
use super::super::write::with_term;

/// Refuses a SKU that another product has, or another variant of a Modular project. `own` is the id of the product or of
/// that variant when it is known.
pub(in super::super) fn check_sku(state: &State, own: Option<Id>, sku: &str) -> Result<(), ApiError> {
    let kind = if state.is_modular() { Kind::Variant } else { Kind::Product };
    let owners = with_term(state.table(kind), Term::Sku, sku);
    if owners.into_iter().any(|id| Some(id) != own) { Err(ApiError::duplicate("sku", sku)) } else { Ok(()) }
}

/// Refuses to take a SKU away that an inventory entry counts.
pub(in super::super) fn check_sku_is_free(state: &State, sku: &str) -> Result<(), ApiError> {
    if with_term(state.table(Kind::InventoryEntry), Term::Sku, sku).is_empty() {
        return Ok(());
    }
    Err(ApiError::operation(format!("The SKU '{sku}' can't be changed while an inventory entry has it.")))
}

/// Refuses two variants of one side of a product with one `field` (`sku` or `key`).
pub(in super::super) fn check_variants(side: &Object, field: &str) -> Result<(), ApiError> {
    let mut seen = HashSet::new();
    let mut texts = variants(side).filter_map(|variant| variant.get(field)?.as_str());
    match texts.find(|text| !seen.insert(*text)) {
        Some(twice) => Err(ApiError::duplicate(field, twice)),
        None => Ok(()),
    }
}

/// Refuses a hint that is not a decimal number between 0 and 1 without trailing zero.
pub(in super::super) fn check_order_hint(hint: &Value) -> Result<(), ApiError> {
    let digits = hint.as_str().and_then(|hint| hint.strip_prefix("0."));
    let fits = digits.is_some_and(|digits| {
        digits.bytes().all(|digit| digit.is_ascii_digit()) && digits.ends_with(|last: char| ('1'..='9').contains(&last))
    });
    if fits { Ok(()) } else { Err(ApiError::field("orderHint", hint)) }
}

/// Refuses an order hint for a category (by id) in which this side of a product is not.
pub(in super::super) fn check_in_category(side: &Object, category: &str) -> Result<(), ApiError> {
    let mut categories = side.get("categories").and_then(Value::as_array).into_iter().flatten();
    if categories.any(|known| known.get("id").and_then(Value::as_str) == Some(category)) {
        return Ok(());
    }
    Err(ApiError::operation(format!("The product is not in the category with ID '{category}'.")))
}

/// An image as kept.
pub(in super::super) fn image(image: &Value) -> Result<Value, ApiError> {
    let image = object(image, "image")?;
    let size = object(need(image, "dimensions")?, "dimensions")?;
    let mut kept = json!({
        "url": need_text(image, "url")?,
        "dimensions": { "w": need_number(size, "w")?, "h": need_number(size, "h")? },
    });
    if let (Some(kept), Some(label)) = (kept.as_object_mut(), text(image, "label")?) {
        kept.insert("label".to_owned(), json!(label));
    }
    Ok(kept)
}

/// Refuses an image whose URL the variant has already.
pub(in super::super) fn check_new_image(images: &[Value], image: &Value) -> Result<(), ApiError> {
    let url = image.get("url");
    if images.iter().any(|known| known.get("url") == url) {
        return Err(ApiError::duplicate("url", url.cloned().unwrap_or_default()));
    }
    Ok(())
}

/// The images of a draft as kept.
pub(in super::super) fn images(given: &[Value]) -> Result<Vec<Value>, ApiError> {
    let mut images = Vec::with_capacity(given.len());
    for image in given {
        let image = self::image(image)?;
        check_new_image(&images, &image)?;
        images.push(image);
    }
    Ok(images)
}

/// Refuses variants without a first among them.
pub(in super::super) fn check_master(draft: &Object) -> Result<(), ApiError> {
    let others = given(draft, "variants").and_then(Value::as_array).is_some_and(|others| !others.is_empty());
    if others && given(draft, "masterVariant").is_none() {
        return Err(ApiError::required("masterVariant"));
    }
    Ok(())
}
