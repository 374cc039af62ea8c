//! The attributes of Google's product data, as data: names, types and where the built-in mapping takes them from. The
//! columns of the tab-separated feed are these, in this order, after `id`.
//!
//! `default` is written as in the other destinations: an expression over `product`, `variant` and `market`, or a call
//! that names code of this folder. "none": a mapping of the user fills it.

use contract::{
    Constraint, Facet, FacetSpec, FieldSpec, FieldType,
    FieldType::{Text, TextList},
};
use model::Kind;

/// Attributes of a kind of record; none for kinds that have no place in product data.
pub(super) fn fields(kind: Kind) -> &'static [FieldSpec] {
    match kind {
        Kind::Product => &ITEM,
        _ => &[],
    }
}

/// Items are never changed in part: the feed is the whole truth.
pub(super) fn facets(_: Kind) -> &'static [FacetSpec] {
    &FacetSpec::WHOLE
}

const fn field(name: &'static str, of: FieldType, default: &'static str, note: &'static str) -> FieldSpec {
    FieldSpec { name, of, required: false, facet: Facet::CONTENT, default, constraint: Constraint::None, note }
}

const fn text(name: &'static str, default: &'static str, note: &'static str) -> FieldSpec {
    field(name, Text, default, note)
}

const fn url(field: FieldSpec) -> FieldSpec {
    FieldSpec { constraint: Constraint::AbsoluteUrl, ..field }
}

const fn required(field: FieldSpec) -> FieldSpec {
    let constraint = match field.constraint {
        Constraint::None => Constraint::NotBlank,
        stricter => stricter,
    };
    FieldSpec { required: true, constraint, ..field }
}

/// Mapped by the user alone.
const fn own(name: &'static str, note: &'static str) -> FieldSpec {
    text(name, "null", note)
}

const ITEM: [FieldSpec; 37] = [
    required(text("title", "title(product.name, product.options)", "Name, with the options of a variant; cut at 150 characters.")),
    required(text(
        "description",
        "plain_text(product.description or product.meta_description or product.name)",
        "Plain text, cut at 5,000 characters; the description for search engines or the name where there is none.",
    )),
    required(url(text("link", "product.url", "Page of the product."))),
    required(url(text("image_link", "images(variant.images, product.images)[0]", "Main image of the variant, else of the product."))),
    field("additional_image_link", TextList, "images(variant.images, product.images)[1..10]", "Its other images, at most 10."),
    required(text("availability", "variant.in_stock ? \"in_stock\" : \"out_of_stock\"", "Whether it can be bought now.")),
    required(text("price", "money(variant.list_price)", "Price without a discount, such as `19.99 EUR`.")),
    text("sale_price", "variant.on_sale ? money(variant.price) : null", "Price with the discount."),
    text(
        "sale_price_effective_date",
        "window(variant)",
        "From when until when the discount holds; only where the price has both.",
    ),
    text("item_group_id", "product.id", "The product, for the variants of one that has several."),
    text("brand", "product.brand or attribute(variant.attributes, product.attributes, \"brand\")", "Brand."),
    text("gtin", "variant.gtin", "Number of the maker; left out where its check digit is wrong."),
    text("mpn", "attribute(variant.attributes, product.attributes, \"mpn\")", "The maker's number of the part."),
    text("identifier_exists", "null", "`no` where no maker has given it a number."),
    text("condition", "attribute(variant.attributes, product.attributes, \"condition\")", "`new`, `refurbished` or `used`; nothing means new."),
    text("product_type", "product.categories[0].path", "The shop's own category: the main one, else the first."),
    own("google_product_category", "Category of Google's taxonomy, a number or a path."),
    text("color", "attribute(variant.attributes, product.attributes, \"color\", \"colour\")", "Colour."),
    text("size", "attribute(variant.attributes, product.attributes, \"size\")", "Size."),
    text("material", "attribute(variant.attributes, product.attributes, \"material\")", "Material."),
    text("pattern", "attribute(variant.attributes, product.attributes, \"pattern\")", "Pattern."),
    text("gender", "attribute(variant.attributes, product.attributes, \"gender\")", "`male`, `female` or `unisex`; other values are left out."),
    text("age_group", "attribute(variant.attributes, product.attributes, \"age_group\")", "`newborn`, `infant`, `toddler`, `kids` or `adult`."),
    own("unit_pricing_measure", "What one piece holds, such as `750ml`."),
    own("unit_pricing_base_measure", "The amount that the unit price is for, such as `100ml`."),
    own("shipping_weight", "Weight for shipping, such as `1.2 kg`."),
    own("shipping_label", "Label that shipping settings of the account refer to."),
    own("availability_date", "When it can be had, for `preorder` and `backorder`."),
    own("mobile_link", "Page of the product for telephones."),
    own("energy_efficiency_class", "Energy class."),
    own("adult", "`yes` for content for adults."),
    own("pause", "`ads` or `all` hides the item for a while."),
    own("custom_label_0", "Label of your own, to group items in campaigns."),
    own("custom_label_1", "See `custom_label_0`."),
    own("custom_label_2", "See `custom_label_0`."),
    own("custom_label_3", "See `custom_label_0`."),
    own("custom_label_4", "See `custom_label_0`."),
];
