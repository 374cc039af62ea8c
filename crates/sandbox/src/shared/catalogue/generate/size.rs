//! How many bytes a product has as JSON on commercetools, roughly.
//!
//! Only the generator uses it, to choose the length of descriptions. It counts what any rendering of a product has:
//! ids, references and envelopes have a fixed length there.

use crate::catalogue::{Localized, Product, Value, Variant};

/// Ids, versions, timestamps, type reference and the names of the fields.
const ENVELOPE: usize = 470;
const REFERENCE: usize = 75;
const ATTRIBUTE: usize = 20;
const VARIANT: usize = 90;
const PRICE: usize = 155;
const IMAGE: usize = 40;
const STOCK: usize = 110;

/// Bytes of the product, without its description.
pub(super) fn without_description(product: &Product) -> usize {
    ENVELOPE
        + product.key.len()
        + 2 * localized(&product.name)
        + localized(&product.slug)
        + product.categories.len() * REFERENCE
        + attributes(&product.attributes)
        + product.variants.iter().map(variant).sum::<usize>()
}

fn variant(variant: &Variant) -> usize {
    VARIANT
        + variant.sku.as_ref().map_or(0, String::len)
        + attributes(&variant.attributes)
        + variant.prices.len() * PRICE
        + variant.images.iter().map(|url| IMAGE + url.len()).sum::<usize>()
        + variant.stock.len() * STOCK
}

fn localized(text: &Localized) -> usize {
    text.iter().map(|(locale, text)| locale.len() + text.len() + 6).sum()
}

fn attributes(attributes: &[(String, Value)]) -> usize {
    attributes.iter().map(|(name, value)| ATTRIBUTE + name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Date(text) | Value::Time(text) | Value::DateTime(text) => text.len() + 2,
        Value::Localized(text) => localized(text),
        // With its label, which has a locale or two.
        Value::Key(key) => 30 + 3 * key.len(),
        Value::Number(_) | Value::Boolean(_) => 5,
        Value::Money { .. } => 80,
        Value::Product(_) => REFERENCE,
        Value::Nested(inner) => attributes(inner),
        Value::Set(values) => values.iter().map(size_of_value).sum(),
    }
}
