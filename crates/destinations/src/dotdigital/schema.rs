//! The fields of a catalogue record, as data: those of the vendor's own commercetools connector, and the two by which its
//! other connectors tell parents from children.

use contract::{
    Constraint, Facet, FacetSpec, FieldSpec, FieldType,
    FieldType::{Integer, Number, Text},
    Payload,
};
use model::Kind;
use serde_json::{Map, Value};

/// Longest name of a member. The limit is not published.
const LONGEST_NAME: usize = 100;

/// Fields of a kind of record; none for kinds that Dotdigital does not get.
pub fn fields(kind: Kind) -> &'static [FieldSpec] {
    match kind {
        Kind::Product => &PRODUCT,
        _ => &[],
    }
}

/// Every record is replaced as a whole.
pub fn facets(_: Kind) -> &'static [FacetSpec] {
    &FacetSpec::WHOLE
}

/// Names of fields that a user may add.
pub fn is_extra_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(super::config::is_name_char)
}

/// What a record lacks for product recommendations, which leave it out then.
pub fn lacks(payload: &Payload) -> Vec<&'static str> {
    let record: Map<String, Value> = serde_json::from_str(&payload.object()).unwrap_or_default();
    let has_text = |name: &str| record.get(name).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
    let texts = [("name", "no name"), ("url", "no url"), ("sku", "no sku"), ("image_path", "no image_path")];
    let mut lacks: Vec<&str> = texts.into_iter().filter(|(name, _)| !has_text(name)).map(|(_, what)| what).collect();
    if !record.get("price").and_then(Value::as_f64).is_some_and(|price| price > 0.0) {
        lacks.push("no price above 0");
    }
    lacks
}

const fn field(name: &'static str, of: FieldType, default: &'static str, note: &'static str) -> FieldSpec {
    FieldSpec { name, of, required: false, facet: Facet::CONTENT, default, constraint: Constraint::None, note }
}

const fn required(constraint: Constraint, field: FieldSpec) -> FieldSpec {
    FieldSpec { required: true, constraint, ..field }
}

const fn constrained(constraint: Constraint, field: FieldSpec) -> FieldSpec {
    FieldSpec { constraint, ..field }
}

const PRODUCT: [FieldSpec; 12] = [
    field("id", Text, "product.id", "Key of the record; of a variant's record, the product's and the variant's id."),
    required(Constraint::NotBlank, field("name", Text, "product.name", "Shown name.")),
    required(
        Constraint::NotNegative,
        field(
            "price",
            Number,
            "product.variants.filter(v, v.in_stock || !product.variants.exists(o, o.in_stock))\
             .sortBy(v, v.price)[0].list_price",
            "Price without its discount, of the cheapest variant that can be bought.",
        ),
    ),
    constrained(
        Constraint::NotNegative,
        field(
            "specialPrice",
            Number,
            "product.variants.filter(v, v.in_stock || !product.variants.exists(o, o.in_stock))\
             .sortBy(v, v.price)[0].on_sale ? \
             product.variants.filter(v, v.in_stock || !product.variants.exists(o, o.in_stock))\
             .sortBy(v, v.price)[0].price : null",
            "What the same variant costs now, where that is less.",
        ),
    ),
    required(Constraint::AbsoluteUrl, field("url", Text, "product.url", "The product's page.")),
    field(
        "sku",
        Text,
        "size(product.variants) > 1 ? (product.key != null ? product.key : product.id) : product.variants[0].sku",
        "SKU of the variant. A product that has records of its variants beside it has its key here, or its id, so that \
         every SKU is there once; with variants = \"parents\" the SKU of its main variant.",
    ),
    constrained(
        Constraint::NotNegative,
        field(
            "stock",
            Integer,
            "sum(product.variants.map(v, v.stock != null ? v.stock : v.in_stock ? 1 : 0))",
            "Pieces of all variants; one whose stock is not counted has untracked_quantity.",
        ),
    ),
    field(
        "status",
        Text,
        "product.variants.exists(v, v.in_stock) ? \"In stock\" : \"Out of stock\"",
        "Whether some variant can be bought.",
    ),
    constrained(
        Constraint::AbsoluteUrl,
        field(
            "image_path",
            Text,
            "size(product.images) > 0 ? product.images[0] : null",
            "Main image; of a variant without one, the product's.",
        ),
    ),
    field("currency", Text, "market.currency", "ISO 4217 code of the prices."),
    field(
        "type",
        Text,
        "size(product.variants) > 1 ? \"Configurable\" : \"Simple\"",
        "`Simple`, `Configurable` (with records of its variants), or `Variant`. Not with variants = \"parents\".",
    ),
    field("parent_id", Text, "null", "Key of the product, in the record of a variant."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_the_characters_that_a_member_may_have() {
        assert!(PRODUCT.iter().all(|field| is_extra_name(field.name)));
        assert!(is_extra_name("a-b_C9"));
        assert!(!is_extra_name("") && !is_extra_name("a b") && !is_extra_name("größe") && !is_extra_name("a.b"));
    }
}
