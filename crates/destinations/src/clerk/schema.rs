//! The fields of a product and a category, as data.
//!
//! An item's `id` is not among them: the ledger identifies the item by it, the settings `grain` and `product_id` decide
//! it, and it can't be mapped. `default` is the built-in mapping as an expression over `product`, `variant`, `category`
//! and `market`, valid for the default settings; a test compares it with the code. `plain_text(html)` and
//! `options_text(product, variant)` name code of this folder that a user's expression can't call.

use contract::{
    Constraint, Facet, FacetSpec, FieldSpec, FieldType,
    FieldType::{Boolean, Id, IdList, Integer, IntegerList, Number, NumberList, Text, TextList},
};
use model::Kind;

/// Fields of a kind of record; none for kinds that Clerk.io does not get.
pub fn fields(kind: Kind) -> &'static [FieldSpec] {
    match kind {
        Kind::Product => &PRODUCT,
        Kind::Category => &CATEGORY,
        Kind::Customer => &CUSTOMER,
        Kind::Order => &ORDER,
        _ => &[],
    }
}

/// Names of fields that a user may add: Clerk.io ignores any other.
pub fn is_extra_name(name: &str) -> bool {
    !name.is_empty() && name != "id" && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Names that an attribute never gets: those of [`PRODUCT`] other than `brand` and `gender`, which attributes are meant
/// to fill, and two names with a meaning at Clerk.io.
pub fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "id" | "age"
            | "name"
            | "description"
            | "price"
            | "list_price"
            | "on_sale"
            | "url"
            | "image"
            | "categories"
            | "category_names"
            | "created_at"
            | "brand"
            | "gender"
            | "sku"
            | "keywords"
            | "rating"
            | "rating_count"
            | "stock"
            | "in_stock"
            | "index"
            | "variant_ids"
            | "variant_skus"
            | "variant_images"
            | "variant_options"
            | "variant_prices"
            | "variant_list_prices"
            | "variant_stocks"
            | "parent_id"
            | "options"
    )
}

/// What a customer has agreed to.
pub const CONSENT: Facet = Facet::ALL[1];
/// The e-mail address of a customer: Clerk.io can't change it.
pub const IDENTITY: Facet = Facet::ALL[2];

/// The facets of a customer: [`Facet::CONTENT`], [`CONSENT`], [`IDENTITY`].
const CUSTOMER_FACETS: [FacetSpec; 3] = [
    FacetSpec { name: "content", urgency: 2, patchable: true },
    FacetSpec { name: "consent", urgency: 0, patchable: true },
    FacetSpec { name: "identity", urgency: 1, patchable: false },
];

/// The facets of payloads. A category or an order is always replaced as a whole.
pub fn facets(kind: Kind) -> &'static [FacetSpec] {
    match kind {
        Kind::Product => &FacetSpec::CATALOGUE,
        Kind::Customer => &CUSTOMER_FACETS,
        _ => &FacetSpec::WHOLE,
    }
}

const fn field(facet: Facet, name: &'static str, of: FieldType, default: &'static str, note: &'static str) -> FieldSpec {
    FieldSpec { name, of, required: false, facet, default, constraint: Constraint::None, note }
}

const fn content(name: &'static str, of: FieldType, default: &'static str, note: &'static str) -> FieldSpec {
    field(Facet::CONTENT, name, of, default, note)
}

const fn price(name: &'static str, of: FieldType, default: &'static str, note: &'static str) -> FieldSpec {
    field(Facet::PRICE, name, of, default, note)
}

const fn availability(name: &'static str, of: FieldType, default: &'static str, note: &'static str) -> FieldSpec {
    field(Facet::AVAILABILITY, name, of, default, note)
}

const fn required(constraint: Constraint, field: FieldSpec) -> FieldSpec {
    FieldSpec { required: true, constraint, ..field }
}

const fn constrained(constraint: Constraint, field: FieldSpec) -> FieldSpec {
    FieldSpec { constraint, ..field }
}

const PRODUCT: [FieldSpec; 28] = [
    required(Constraint::NotBlank, content("name", Text, "product.name", "Shown name.")),
    required(
        Constraint::None,
        content(
            "description",
            Text,
            "plain_text(product.description)",
            "Plain text; the shop's own HTML with description = \"html\". Empty where there is none.",
        ),
    ),
    required(
        Constraint::NotNegative,
        price(
            "price",
            Number,
            "math.least(product.variants.filter(v, v.in_stock || !product.variants.exists(o, o.in_stock))\
             .map(v, v.price))",
            "Lowest price of the variants that can be bought; of all where none can.",
        ),
    ),
    constrained(
        Constraint::NotNegative,
        price(
            "list_price",
            Number,
            "product.variants.filter(v, v.in_stock || !product.variants.exists(o, o.in_stock))\
             .sortBy(v, v.price)[0].list_price",
            "Of the same variant without its discount; equals the price where there is none, so that a PATCH can take \
             a discount back.",
        ),
    ),
    price(
        "on_sale",
        Boolean,
        "product.variants.filter(v, v.in_stock || !product.variants.exists(o, o.in_stock))\
         .sortBy(v, v.price)[0].on_sale",
        "Whether the price is below the list price.",
    ),
    constrained(
        Constraint::AbsoluteUrl,
        content(
            "image",
            Text,
            "size(product.images) > 0 ? product.images[0] : null",
            "Main image. Clerk.io calls it required; see the setting missing_image.",
        ),
    ),
    required(Constraint::AbsoluteUrl, content("url", Text, "product.url", "The product's page.")),
    required(
        Constraint::None,
        content("categories", IdList, "product.categories.map(c, c.id)", "Categories it is directly in."),
    ),
    content(
        "category_names",
        TextList,
        "product.categories.filter(c, c.name != null).map(c, c.name)",
        "Their names, to search and facet on.",
    ),
    constrained(
        Constraint::UnixSeconds,
        content(
            "created_at",
            Integer,
            "product.created_at",
            "Ranks new products. Clerk.io calls it required; left out where the source does not say.",
        ),
    ),
    content(
        "brand",
        Text,
        "has(product.attributes.brand) ? product.attributes.brand.label : \
         has(product.variants[0].attributes.brand) ? product.variants[0].attributes.brand.label : product.brand",
        "The attribute of that name, of the product or its variants, sold or not; else the product's brand.",
    ),
    content(
        "gender",
        Text,
        "has(product.attributes.gender) ? product.attributes.gender.label : \
         has(product.variants[0].attributes.gender) ? product.variants[0].attributes.gender.label : null",
        "The attribute of that name, of the product or its variants, sold or not.",
    ),
    content("sku", Text, "product.sku", "SKU of the main variant, whether it is sold in the market or not."),
    content(
        "keywords",
        TextList,
        "size(product.keywords) > 0 ? product.keywords : null",
        "Further search keywords.",
    ),
    content("rating", Number, "product.rating == null ? null : product.rating.average", "Mean rating, as the shop scales it."),
    content("rating_count", Integer, "product.rating == null ? null : product.rating.count", "Number of ratings."),
    constrained(
        Constraint::NotNegative,
        availability(
            "stock",
            Integer,
            "sum(product.variants.map(v, v.stock != null ? v.stock : v.in_stock ? 1 : 0))",
            "Pieces of all variants; one whose stock is not counted has untracked_quantity.",
        ),
    ),
    availability(
        "in_stock",
        Boolean,
        "product.variants.exists(v, v.in_stock)",
        "Whether some variant can be bought.",
    ),
    availability(
        "index",
        Boolean,
        "true",
        "Whether it is shown. With out_of_stock = \"hide\": whether some variant can be bought.",
    ),
    content("variant_ids", IdList, "product.variants.map(v, v.id)", "Ids of the variants within the product."),
    content(
        "variant_skus",
        TextList,
        "product.variants.map(v, v.sku == null ? \"\" : v.sku)",
        "A missing SKU is an empty text, so that the lists stay aligned.",
    ),
    content(
        "variant_images",
        TextList,
        "product.variants.map(v, size(v.images) > 0 ? v.images[0] : size(product.images) > 0 ? product.images[0] : \"\")",
        "A variant without an image has that of the product (see parent_image), else an empty text.",
    ),
    content(
        "variant_options",
        TextList,
        "size(product.options) > 0 ? product.variants.map(v, options_text(product, v)) : null",
        "The options of each variant in one text. Each option is also a list of its distinct values, under its own name.",
    ),
    price("variant_prices", NumberList, "product.variants.map(v, v.price)", "Price of each variant."),
    price(
        "variant_list_prices",
        NumberList,
        "product.variants.map(v, v.list_price)",
        "Price of each variant without its discount.",
    ),
    availability(
        "variant_stocks",
        IntegerList,
        "product.variants.map(v, v.stock != null ? v.stock : v.in_stock ? 1 : 0)",
        "Pieces of each variant.",
    ),
    content("parent_id", Id, "null", "With grain = \"variant\" only: the id of the product."),
    content("options", Text, "null", "With grain = \"variant\" only: the options of the variant in one text."),
];

const CATEGORY: [FieldSpec; 7] = [
    required(Constraint::NotBlank, content("name", Text, "category.name", "Shown name.")),
    required(Constraint::AbsoluteUrl, content("url", Text, "category.url", "The category's page.")),
    required(
        Constraint::None,
        content("subcategories", IdList, "category.children", "Immediate children that the market shows."),
    ),
    content("parent", Id, "category.parent", "The category above; left out for a root."),
    content("path", TextList, "category.path", "Names from the root down to this category."),
    constrained(Constraint::AbsoluteUrl, content("image", Text, "category.image", "Image.")),
    content(
        "description",
        Text,
        "category.description == null ? null : plain_text(category.description)",
        "Plain text, or HTML with description = \"html\"; left out where there is none.",
    ),
];

const CUSTOMER: [FieldSpec; 6] = [
    content("name", Text, "customer.name", "Given, middle and family name; empty where there is none."),
    content("zip", Text, "customer.addresses[0].postal_code", "Postal code of the first address; empty where there is none."),
    content("country", Text, "customer.addresses[0].country", "Country of the first address; empty where there is none."),
    content("language", Text, "customer.locale", "The language the shop writes in; empty where it does not say."),
    field(
        CONSENT,
        "subscribed",
        Boolean,
        "customer.consents.email",
        "Whether the customer may get marketing mail; left out where the source does not know. A consent that was sent and is \
         not known any more is sent as false.",
    ),
    field(IDENTITY, "email", Text, "customer.email", "E-mail address. Where it changes, the customer is deleted and created."),
];

const ORDER: [FieldSpec; 5] = [
    required(
        Constraint::None,
        content(
            "products",
            FieldType::Any,
            "order.lines",
            "Id, quantity and what one piece cost after reductions, of each line that is a product.",
        ),
    ),
    required(Constraint::UnixSeconds, content("time", Integer, "order.placed_at", "When it was placed.")),
    content("status", Text, "order.status", "CONFIRMED, SENT, DELIVERED, RETURNED (all pieces are back) or CANCELLED."),
    content("email", Text, "order.email", "E-mail address of the customer or guest."),
    content("customer", Id, "order.customer", "The customer; left out for guests."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_attribute_overwrites_a_field() {
        for field in PRODUCT {
            assert!(is_reserved(field.name), "{}", field.name);
            assert!(is_extra_name(field.name), "{}", field.name);
        }
        assert!(!is_extra_name("id") && !is_extra_name("") && !is_extra_name("größe") && !is_extra_name("a-b"));
    }
}
