//! The fields of records and contacts, as data. Those of a catalogue are those of the vendor's own commercetools connector, and
//! the two by which its other connectors tell parents from children.

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
        Kind::Customer => &CUSTOMER,
        Kind::Order => &ORDER,
        _ => &[],
    }
}

/// What a customer has agreed to.
pub const CONSENT: Facet = Facet::ALL[1];
/// What the contact of a customer is found by.
pub const IDENTITY: Facet = Facet::ALL[2];
/// The customer that an order waits for: it is not sent.
pub const OWNER: Facet = Facet::ALL[1];

/// The facets of a customer: [`Facet::CONTENT`], [`CONSENT`], [`IDENTITY`].
const CUSTOMER_FACETS: [FacetSpec; 3] = [
    FacetSpec { name: "content", urgency: 2, patchable: true },
    FacetSpec { name: "consent", urgency: 0, patchable: true },
    FacetSpec { name: "identity", urgency: 1, patchable: true },
];

/// The facets of an order: [`Facet::CONTENT`], [`OWNER`].
const ORDER_FACETS: [FacetSpec; 2] = [
    FacetSpec { name: "content", urgency: 2, patchable: false },
    FacetSpec { name: "owner", urgency: 2, patchable: false },
];

/// The facets of payloads. Records are replaced as a whole.
pub fn facets(kind: Kind) -> &'static [FacetSpec] {
    match kind {
        Kind::Customer => &CUSTOMER_FACETS,
        Kind::Order => &ORDER_FACETS,
        _ => &FacetSpec::WHOLE,
    }
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

const fn of(facet: Facet, field: FieldSpec) -> FieldSpec {
    FieldSpec { facet, ..field }
}

const CUSTOMER: [FieldSpec; 6] = [
    field(
        "dataFields",
        FieldType::Any,
        "customer.name",
        "FIRSTNAME, LASTNAME, FULLNAME, DOB and, under the name that customer_id_field sets, the id at the source. null clears \
         one that was there.",
    ),
    field("lists", FieldType::Any, "null", "The list of the setting list."),
    of(
        CONSENT,
        field(
            "consent",
            FieldType::Any,
            "customer.consents",
            "Whether the customer agreed to e-mail, where that is known; sent as the status of the channel.",
        ),
    ),
    of(IDENTITY, field("identifiers", FieldType::Any, "customer.email", "E-mail address in lower case, and, with phones, the phone number.")),
    of(
        IDENTITY,
        field(
            "phoneConsent",
            FieldType::Any,
            "customer.consents",
            "Whether the customer agreed to SMS and WhatsApp, where that is known and phones are sent; sent as the status of each.",
        ),
    ),
    of(IDENTITY, field("addresses", FieldType::Any, "customer.email", "The addresses that the contact may have; not sent.")),
];

const ORDER: [FieldSpec; 15] = [
    field("id", Text, "order.id", "Key of the record; the number with order_id = \"number\"."),
    field("email", Text, "order.email", "Address that it was ordered with, in lower case: the contact's."),
    field("purchase_date", Text, "order.placed_at", "When it was placed, in UTC."),
    field("order_status", Text, "order.status", "Pending, Paid, Shipped, Completed or Cancelled; see order_status."),
    field("currency", Text, "order.currency", "ISO 4217 code of all amounts."),
    field("order_total", Number, "order.total", "What was to be paid. Returns do not lower it."),
    field("order_subtotal", Number, "order.lines", "What the products cost without tax, after reductions."),
    field("discount_amount", Number, "order.discount", "Reductions of the order."),
    field("delivery_total", Number, "order.shipping", "Shipping."),
    field("couponcode", Text, "order.coupons", "Codes of coupons, with commas."),
    field("store_name", Text, "order.store", "The store that it was placed in."),
    field("billing_address", FieldType::Any, "order.billing", "Who pays."),
    field("delivery_address", FieldType::Any, "order.shipping_address", "Where it goes."),
    field(
        "products",
        FieldType::Any,
        "order.lines",
        "product_id, parent_id, name, sku, qty, price (without tax) and price_inc_tax of each line that is a product; a price \
         is what one piece cost after reductions.",
    ),
    of(OWNER, field("customer", Text, "order.customer", "The customer whose contact it waits for; not sent.")),
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
