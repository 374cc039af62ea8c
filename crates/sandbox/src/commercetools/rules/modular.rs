//! Modular projects: products without variants of their own, and variants that are published one by one.

use serde_json::Value;

use super::super::error::ApiError;
use super::super::input::{given, one_of};
use super::super::order::Id;
use super::super::state::{Object, State};
use super::super::write::Edit;

/// Update actions of products that a Modular project does not have: those of variants, and of prices inside them.
const OF_VARIANTS: [&str; 19] = [
    "addVariant",
    "removeVariant",
    "changeMasterVariant",
    "revertStagedVariantChanges",
    "setSku",
    "setSKU",
    "setProductVariantKey",
    "setAttribute",
    "setAttributeInAllVariants",
    "addExternalImage",
    "removeImage",
    "moveImageToPosition",
    "setImageLabel",
    "addPrice",
    "changePrice",
    "removePrice",
    "setPrices",
    "setDiscountedPrice",
    "setPriceKey",
];

/// Refuses a draft of a product that brings variants, or another price mode than the one that there is.
pub(in super::super) fn check_product(draft: &Object) -> Result<(), ApiError> {
    if let Some(name) = ["masterVariant", "variants"].into_iter().find(|name| given(draft, name).is_some()) {
        let message = format!("'{name}' must not be provided in a Project with the product catalog model 'Modular'.");
        return Err(ApiError::operation(message));
    }
    check_price_mode(draft)
}

/// Refuses another price mode than the one that there is.
pub(in super::super) fn check_price_mode(body: &Object) -> Result<(), ApiError> {
    match one_of(body, "priceMode", &["Embedded", "Standalone"])? {
        Some("Embedded") => Err(ApiError::operation("The price mode is always 'Standalone' in this Project.")),
        _ => Ok(()),
    }
}

/// Refuses an update action of a product that is not there with this model of the project.
pub(in super::super) fn check_action(state: &State, name: &str) -> Result<(), ApiError> {
    let fits = if state.is_modular() { !OF_VARIANTS.contains(&name) } else { name != "setDefaultVariant" };
    let model = state.project.model.name();
    let refused =
        || ApiError::operation(format!("'{name}' is not available with the product catalog model '{model}'."));
    if fits { Ok(()) } else { Err(refused()) }
}

/// Refuses to publish a variant whose product is not.
pub(in super::super) fn check_publishable(product: &Edit, publish: bool) -> Result<(), ApiError> {
    if publish && product.product.as_ref().is_none_or(|part| !part.published) {
        return Err(ApiError::operation("A Variant can't be published while its Product is not."));
    }
    Ok(())
}

/// Refuses to unpublish a product that has published variants.
pub(in super::super) fn check_unpublishable(state: &State, product: Id) -> Result<(), ApiError> {
    let is_published = |body: Object| body.get("published").and_then(Value::as_bool) == Some(true);
    if state.variants_of(product).any(|row| is_published(State::members_of(&row.body))) {
        return Err(ApiError::operation("A Product can't be unpublished while it has published Variants."));
    }
    Ok(())
}

/// The number of a new variant of a product: one more than any that it has or had.
pub(in super::super) fn next_number(state: &State, product: Id) -> i64 {
    let numbers = state.variants_of(product).filter_map(|row| State::members_of(&row.body).get("variantId")?.as_i64());
    numbers.chain(state.variant_numbers.get(&product).copied()).max().unwrap_or(0) + 1
}
