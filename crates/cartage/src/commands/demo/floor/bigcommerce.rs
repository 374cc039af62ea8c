//! The JSON of BigCommerce, typed from its specification as far as a catalogue needs it: the fixed floor of benchmarks.
//!
//! **Invariant:** this file does not follow the connector, for the reason that `commercetools.rs` gives.

#![expect(dead_code, reason = "the floor parses every field and reads none")]
#![expect(clippy::struct_field_names, reason = "they are the platform's")]

use serde::{Deserialize, de::IgnoredAny};

use super::rows::{self, Text};

/// Parses what a path below `/stores/{store_hash}/` gives; returns the number of rows.
pub(super) fn parse(path: &str, body: &str) -> Result<usize, serde_json::Error> {
    let segments: Vec<&str> = path.split('/').skip(3).collect();
    match segments.as_slice() {
        // A page of v2 without rows has no body.
        ["v2", ..] if body.is_empty() => Ok(0),
        ["v2", "store"] => serde_json::from_str::<Store<'_>>(body).map(|_| 1),
        ["v2", "currencies"] => rows::list::<Currency<'_>>(body),
        ["v2", "customer_groups"] => rows::list::<CustomerGroup<'_>>(body),
        ["v3", "channels"] => page::<Channel<'_>>(body),
        ["v3", "catalog", "trees"] => page::<Tree<'_>>(body),
        ["v3", "catalog", "trees", "categories"] => page::<Category<'_>>(body),
        ["v3", "catalog", "brands"] => page::<Brand<'_>>(body),
        ["v3", "catalog", "products"] => page::<Product<'_>>(body),
        ["v3", "catalog", "products", "channel-assignments"] => page::<ChannelAssignment>(body),
        ["v3", "pricelists"] => page::<PriceList<'_>>(body),
        ["v3", "pricelists", "assignments"] => page::<PriceListAssignment>(body),
        ["v3", "pricelists", _, "records"] => page::<PriceRecord<'_>>(body),
        ["v3", "inventory", "items"] => page::<InventoryItem<'_>>(body),
        _ => serde_json::from_str::<IgnoredAny>(body).map(|_| 1),
    }
}

fn page<'a, T: Deserialize<'a>>(body: &'a str) -> Result<usize, serde_json::Error> {
    rows::page::<T>("data", body)
}

/// `GET /v2/store`
#[derive(Deserialize)]
struct Store<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    currency: Text<'a>,
    language: Option<Text<'a>>,
    plan_name: Option<Text<'a>>,
    is_price_entered_with_tax: Option<bool>,
}

/// `GET /v2/currencies`
#[derive(Deserialize)]
struct Currency<'a> {
    id: u64,
    #[serde(borrow)]
    currency_code: Text<'a>,
    currency_exchange_rate: Option<Text<'a>>,
    is_default: Option<bool>,
    enabled: Option<bool>,
}

/// `GET /v2/customer_groups`
#[derive(Deserialize)]
struct CustomerGroup<'a> {
    id: u64,
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// `GET /v3/channels`
#[derive(Deserialize)]
struct Channel<'a> {
    id: u64,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(rename = "type")]
    of: Option<Text<'a>>,
    status: Option<Text<'a>>,
}

/// `GET /v3/catalog/trees`
#[derive(Deserialize)]
struct Tree<'a> {
    id: u64,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    channels: Vec<u64>,
}

/// `GET /v3/catalog/trees/categories`
#[derive(Deserialize)]
struct Category<'a> {
    category_id: u64,
    tree_id: u64,
    parent_id: Option<u64>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    description: Option<Text<'a>>,
    sort_order: Option<i64>,
    image_url: Option<Text<'a>>,
    is_visible: Option<bool>,
    url: Option<CategoryUrl<'a>>,
}

/// `url` of a category.
#[derive(Deserialize)]
struct CategoryUrl<'a> {
    #[serde(borrow)]
    path: Option<Text<'a>>,
}

/// `GET /v3/catalog/brands`
#[derive(Deserialize)]
struct Brand<'a> {
    id: u64,
    #[serde(borrow)]
    name: Text<'a>,
}

/// `GET /v3/catalog/products/channel-assignments`
#[derive(Deserialize)]
struct ChannelAssignment {
    product_id: u64,
    channel_id: u64,
}

/// `GET /v3/pricelists`
#[derive(Deserialize)]
struct PriceList<'a> {
    id: u64,
    active: Option<bool>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    date_modified: Option<Text<'a>>,
}

/// `GET /v3/pricelists/assignments`
#[derive(Deserialize)]
struct PriceListAssignment {
    price_list_id: u64,
    customer_group_id: Option<u64>,
    channel_id: Option<u64>,
}

/// `GET /v3/pricelists/{id}/records`
#[derive(Deserialize)]
struct PriceRecord<'a> {
    variant_id: u64,
    product_id: u64,
    #[serde(borrow)]
    currency: Text<'a>,
    price: Option<f64>,
    sale_price: Option<f64>,
    retail_price: Option<f64>,
    bulk_pricing_tiers: Option<Vec<BulkPricing<'a>>>,
    date_created: Option<Text<'a>>,
    date_modified: Option<Text<'a>>,
}

/// `bulk_pricing_rules` and `bulk_pricing_tiers`. The amount of a percentage is text.
#[derive(Deserialize)]
struct BulkPricing<'a> {
    quantity_min: u32,
    quantity_max: Option<u32>,
    #[serde(rename = "type", borrow)]
    of: Text<'a>,
    amount: Option<IgnoredAny>,
}

/// `GET /v3/inventory/items`
#[derive(Deserialize)]
struct InventoryItem<'a> {
    #[serde(borrow)]
    identity: Identity<'a>,
    locations: Vec<Level<'a>>,
}

/// `identity` of an item.
#[derive(Deserialize)]
struct Identity<'a> {
    variant_id: u64,
    product_id: u64,
    #[serde(borrow)]
    sku: Option<Text<'a>>,
}

/// What there is of an item at a location.
#[derive(Deserialize)]
struct Level<'a> {
    location_id: u64,
    #[serde(borrow)]
    location_code: Option<Text<'a>>,
    location_enabled: Option<bool>,
    available_to_sell: Option<i64>,
    settings: Option<LevelSettings>,
}

/// `settings` of a level.
#[derive(Deserialize)]
struct LevelSettings {
    is_in_stock: Option<bool>,
}

/// `GET /v3/catalog/products`. Of some pages only some members are asked for.
#[derive(Deserialize)]
struct Product<'a> {
    id: u64,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    sku: Option<Text<'a>>,
    description: Option<Text<'a>>,
    price: Option<f64>,
    sale_price: Option<f64>,
    retail_price: Option<f64>,
    categories: Option<Vec<u64>>,
    brand_id: Option<u64>,
    base_variant_id: Option<u64>,
    inventory_tracking: Option<Text<'a>>,
    inventory_level: Option<i64>,
    availability: Option<Text<'a>>,
    availability_description: Option<Text<'a>>,
    preorder_message: Option<Text<'a>>,
    is_preorder_only: Option<bool>,
    preorder_release_date: Option<Text<'a>>,
    is_visible: Option<bool>,
    is_price_hidden: Option<bool>,
    is_featured: Option<bool>,
    is_free_shipping: Option<bool>,
    condition: Option<Text<'a>>,
    warranty: Option<Text<'a>>,
    gtin: Option<Text<'a>>,
    upc: Option<Text<'a>>,
    mpn: Option<Text<'a>>,
    custom_url: Option<CustomUrl<'a>>,
    search_keywords: Option<Text<'a>>,
    page_title: Option<Text<'a>>,
    meta_description: Option<Text<'a>>,
    reviews_rating_sum: Option<f64>,
    reviews_count: Option<u32>,
    related_products: Option<Vec<i64>>,
    date_created: Option<Text<'a>>,
    date_modified: Option<Text<'a>>,
    variants: Option<Vec<Variant<'a>>>,
    images: Option<Vec<Image<'a>>>,
    custom_fields: Option<Vec<CustomField<'a>>>,
    bulk_pricing_rules: Option<Vec<BulkPricing<'a>>>,
    videos: Option<Vec<Video<'a>>>,
    modifiers: Option<Vec<Modifier<'a>>>,
}

/// `custom_url` of a product.
#[derive(Deserialize)]
struct CustomUrl<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

/// A variant of a product.
#[derive(Deserialize)]
struct Variant<'a> {
    id: u64,
    #[serde(borrow)]
    sku: Option<Text<'a>>,
    price: Option<f64>,
    sale_price: Option<f64>,
    retail_price: Option<f64>,
    purchasing_disabled: Option<bool>,
    image_url: Option<Text<'a>>,
    gtin: Option<Text<'a>>,
    upc: Option<Text<'a>>,
    mpn: Option<Text<'a>>,
    inventory_level: Option<i64>,
    option_values: Option<Vec<OptionValue<'a>>>,
}

/// What a variant is chosen by.
#[derive(Deserialize)]
struct OptionValue<'a> {
    #[serde(borrow)]
    option_display_name: Text<'a>,
    label: Text<'a>,
}

/// An image of a product.
#[derive(Deserialize)]
struct Image<'a> {
    is_thumbnail: Option<bool>,
    sort_order: Option<i64>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    url_zoom: Option<Text<'a>>,
    url_standard: Option<Text<'a>>,
}

/// A custom field of a product.
#[derive(Deserialize)]
struct CustomField<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    value: Text<'a>,
}

/// A video of a product.
#[derive(Deserialize)]
struct Video<'a> {
    sort_order: Option<i64>,
    #[serde(borrow)]
    video_id: Option<Text<'a>>,
}

/// A modifier of a product.
#[derive(Deserialize)]
struct Modifier<'a> {
    #[serde(borrow)]
    display_name: Option<Text<'a>>,
    #[serde(rename = "type")]
    of: Option<Text<'a>>,
    option_values: Option<Vec<ModifierValue<'a>>>,
}

/// What can be chosen of a modifier.
#[derive(Deserialize)]
struct ModifierValue<'a> {
    #[serde(borrow)]
    label: Option<Text<'a>>,
    adjusters: Option<Adjusters>,
}

/// What a choice changes.
#[derive(Deserialize)]
struct Adjusters {
    price: Option<Adjuster>,
}

/// What a choice adds to the price.
#[derive(Deserialize)]
struct Adjuster {
    adjuster_value: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_kind_of_page_is_parsed_as_what_it_is() {
        let items = r#"{"data": [{"identity": {"variant_id": 7, "product_id": 5}, "locations": []}], "meta": {}}"#;
        assert_eq!(parse("/stores/shop/v3/inventory/items", items).unwrap(), 1);
        for other in ["v3/catalog/products", "v3/catalog/brands", "v3/pricelists/7/records"] {
            assert!(parse(&format!("/stores/shop/{other}"), items).is_err(), "stock is none of {other}");
        }
        let currencies = r#"[{"id": 1, "currency_code": "EUR"}, {"id": 2, "currency_code": "GBP"}]"#;
        assert_eq!(parse("/stores/shop/v2/currencies", currencies).unwrap(), 2);
        assert_eq!(parse("/stores/shop/v2/customer_groups", "").unwrap(), 0);
        assert!(parse("/stores/shop/v3/catalog/brands", "").is_err(), "v3 always has a body");
    }
}
