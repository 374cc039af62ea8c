//! The fields of a product, as data.

use contract::{
    Constraint, Facet, FacetSpec, FieldSpec, FieldType,
    FieldType::{Any, Text},
};
use model::Kind;

/// The fields of this kind's payloads.
pub(super) fn fields(kind: Kind) -> &'static [FieldSpec] {
    match kind {
        Kind::Product => &PRODUCT,
        _ => &[],
    }
}

/// A call holds whole products.
pub(super) fn facets(_: Kind) -> &'static [FacetSpec] {
    &FacetSpec::WHOLE
}

const fn field(name: &'static str, of: FieldType, default: &'static str, note: &'static str) -> FieldSpec {
    FieldSpec { name, of, required: false, facet: Facet::CONTENT, default, constraint: Constraint::None, note }
}

const PRODUCT: [FieldSpec; 5] = [
    FieldSpec { constraint: Constraint::NotBlank, ..field("title", Text, "product.name", "Shown name.") },
    field(
        "description",
        Any,
        "description(product.description)",
        "`plain`, and `html` where the shop's text is that. Left out where there is none.",
    ),
    FieldSpec { constraint: Constraint::AbsoluteUrl, ..field("url", Text, "product.url", "The product's page.") },
    field("media", Any, "images(product.images)", "Its images, the main one first."),
    FieldSpec {
        required: true,
        ..field(
            "variants",
            Any,
            "variants(variant.id, variant.sku, product.options, variant.price, variant.list_price, variant.in_stock, \
             variant.stock, variant.gtin, variant.images, variant.attributes, product.categories)",
            "One object for each variant: `id`, `title`, `url`, `barcodes`, `price`, `list_price` where it is on sale, \
             `availability`, `categories`, `condition`, `variant_options`, `media`, `seller`.",
        )
    },
];
