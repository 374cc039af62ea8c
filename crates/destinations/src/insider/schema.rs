//! The fields of an item, as data. Expressions are over one market and one variant; a payload holds their values by place.

use contract::{
    Constraint, Facet, FacetSpec, FieldSpec, FieldType,
    FieldType::{Any, Integer, Number, Text, TextList},
};
use model::Kind;

/// The fields of this kind's payloads.
pub fn fields(kind: Kind) -> &'static [FieldSpec] {
    match kind {
        Kind::Product => &PRODUCT,
        _ => &[],
    }
}

/// The facets of payloads.
pub fn facets(_: Kind) -> &'static [FacetSpec] {
    &FacetSpec::CATALOGUE
}

const fn field(facet: Facet, name: &'static str, of: FieldType, default: &'static str, note: &'static str) -> FieldSpec {
    FieldSpec { name, of, required: false, facet, default, constraint: Constraint::None, note }
}

const fn content(name: &'static str, of: FieldType, default: &'static str, note: &'static str) -> FieldSpec {
    field(Facet::CONTENT, name, of, default, note)
}

const fn required(constraint: Constraint, field: FieldSpec) -> FieldSpec {
    FieldSpec { required: true, constraint, ..field }
}

const PRODUCT: [FieldSpec; 23] = [
    required(Constraint::NotBlank, content("name", Text, "product.name", "Shown name; at most 512 characters.")),
    required(Constraint::AbsoluteUrl, content("url", Text, "product.url", "The product's page; at most 512 characters.")),
    required(
        Constraint::None,
        content(
            "image_url",
            Text,
            "size(variant.images) > 0 ? variant.images[0] : size(product.images) > 0 ? product.images[0] : null",
            "Main image, absolute; at most 512 characters.",
        ),
    ),
    content(
        "category",
        TextList,
        "size(product.categories) > 0 ? product.categories.map(c, c.name) : null",
        "Path of the main category from the root; with categories = \"flat\" the names of all. At most 1024 characters.",
    ),
    content(
        "brand",
        Text,
        "has(variant.attributes.brand) ? variant.attributes.brand.label : \
         has(product.attributes.brand) ? product.attributes.brand.label : product.brand",
        "The attribute of that name, else the product's brand.",
    ),
    content("sku", Text, "variant.sku", "SKU of the variant; of the main one with grain = \"product\"."),
    content(
        "color",
        Text,
        "has(variant.attributes.color) ? variant.attributes.color.label : \
         has(product.attributes.color) ? product.attributes.color.label : null",
        "The attribute color or colour.",
    ),
    content(
        "size",
        Text,
        "has(variant.attributes.size) ? variant.attributes.size.label : \
         has(product.attributes.size) ? product.attributes.size.label : null",
        "The attribute of that name.",
    ),
    content(
        "gender",
        Text,
        "has(variant.attributes.gender) ? variant.attributes.gender.label : \
         has(product.attributes.gender) ? product.attributes.gender.label : null",
        "The attribute of that name.",
    ),
    content("tags", TextList, "size(product.keywords) > 0 ? product.keywords : null", "Search keywords; at most 4096 characters."),
    content("groupcode", Text, "product.id", "Links the variants of a product; see product_id. With grain = \"variant\" only."),
    content("variants", TextList, "null", "With grain = \"product\" only: the ids of its variants, see variant_id."),
    content(
        "rating",
        Number,
        "product.rating == null ? null : product.rating.average",
        "Mean rating; left out where it is not from 0 to 10.",
    ),
    content("product_attributes", Any, "null", "The attributes that the setting attributes names."),
    content("item_update_date", Text, "null", "`YYYY-MM-DD hh:mm:ss`; required by the feed type Published Time."),
    content("item_start_date", Text, "null", "`YYYY-MM-DD hh:mm:ss`; required by the feed type Start & End Time."),
    content("item_end_date", Text, "null", "`YYYY-MM-DD hh:mm:ss`; required by the feed type Start & End Time."),
    content(
        "description",
        Text,
        "product.description == null ? null : plain_text(product.description)",
        "Plain text; at most 1024 characters.",
    ),
    required(
        Constraint::None,
        field(
            Facet::PRICE,
            "price",
            Any,
            "{market.currency: variant.price}",
            "What a shopper pays, by currency. Of a product: of the cheapest variant that can be bought.",
        ),
    ),
    required(
        Constraint::None,
        field(
            Facet::PRICE,
            "original_price",
            Any,
            "{market.currency: variant.list_price}",
            "Without the discount, by currency; equals the price where there is none.",
        ),
    ),
    field(
        Facet::PRICE,
        "omnibus_price",
        Any,
        "variant.lowest_price_30d == null ? null : {market.currency: variant.lowest_price_30d}",
        "With a reduced price only: the lowest of the 30 days before the reduction, by currency, as far as prices were seen.",
    ),
    required(
        Constraint::None,
        field(Facet::AVAILABILITY, "in_stock", Integer, "variant.in_stock ? 1 : 0", "1 if it can be bought, else 0."),
    ),
    field(
        Facet::AVAILABILITY,
        "stock_count",
        Integer,
        "variant.stock",
        "Pieces; left out where the shop does not count them.",
    ),
];
