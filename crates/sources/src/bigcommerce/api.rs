//! The vendor's JSON, as far as it is read. Members that are not named here are ignored; most may be absent.

use model::Precise;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;

/// An amount of money or another decimal: a JSON number or the text of one, exactly as it was written. Null, an empty text
/// and `{}` are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decimal(pub Option<Precise>);

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?.get().trim();
        let text = raw.trim_matches('"').trim();
        if matches!(text, "null" | "") || text.starts_with('{') {
            return Ok(Self(None));
        }
        Precise::parse(text).map(|it| Self(Some(it))).ok_or_else(|| D::Error::custom(format!("{text:.40} is no amount")))
    }
}

/// A page of v3: its rows, and how it goes on.
#[derive(Debug, Deserialize)]
pub struct Page<R> {
    /// The rows.
    pub data: Vec<R>,
    /// How it goes on.
    #[serde(default, deserialize_with = "or_default")]
    pub meta: Meta,
}

/// How a page of v3 goes on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// Pages by number.
    pub pagination: Option<Pagination>,
    /// Pages by cursor.
    pub cursor_pagination: Option<CursorPagination>,
}

/// Pages by number.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pagination {
    /// Rows of all pages.
    pub total: u64,
    /// Rows per page, which may be fewer than were asked for.
    pub per_page: u64,
    /// This page, from 1.
    pub current_page: u64,
    /// The last page.
    pub total_pages: u64,
}

/// Pages by cursor.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CursorPagination {
    /// Where the next page starts.
    pub end_cursor: Option<String>,
    /// Links.
    pub links: Links,
}

/// Links of a page by cursor.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Links {
    /// The query of the next page; absent at the end.
    pub next: Option<String>,
}

/// `GET /v2/store`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Store {
    /// Shown name.
    pub name: String,
    /// ISO 4217 code of the default currency.
    pub currency: String,
    /// Language of all texts that REST shows.
    pub language: Option<String>,
    /// Whether tax is in the prices.
    pub is_price_entered_with_tax: bool,
    /// Name of the plan.
    pub plan_name: String,
}

/// `GET /v3/channels`
#[derive(Debug, Deserialize)]
pub struct Channel {
    /// Id.
    pub id: u64,
    /// Shown name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// `storefront`, `marketplace`, `marketing` or `pos`.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub of: String,
    /// `active`, `prelaunch`, `inactive`, `connected`, `disconnected`, `archived`, `deleted` or `terminated`.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
}

/// `GET /v3/settings/inventory`. Null in a channel's settings: as for all channels.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct InventorySettings {
    /// `do_nothing`, `hide_product`, `hide_product_and_accessible` or `hide_product_and_redirect`.
    pub product_out_of_stock_behavior: Option<String>,
    /// `do_nothing`, `hide_option` or `label_option`.
    pub option_out_of_stock_behavior: Option<String>,
}

/// `GET /v3/sites/{id}/routes`
#[derive(Debug, Deserialize)]
pub struct Route {
    /// `product`, `category` or another kind of page.
    #[serde(rename = "type")]
    pub of: String,
    /// The id of one record, or `*` for all.
    #[serde(default, deserialize_with = "or_default")]
    pub matching: String,
    /// The path, with `{id}`, `{slug}` and `{lang}`.
    pub route: String,
}

/// `GET /v3/channels/{id}/site`
#[derive(Debug, Deserialize)]
pub struct Site {
    /// Id.
    #[serde(default, deserialize_with = "or_default")]
    pub id: u64,
    /// Address.
    pub url: String,
}

/// `GET /v2/currencies`
#[derive(Debug, Deserialize)]
pub struct Currency {
    /// Id.
    pub id: Option<u64>,
    /// ISO 4217 code.
    pub currency_code: String,
    /// Units of it for one of the default currency.
    #[serde(default)]
    pub currency_exchange_rate: Decimal,
    /// Whether it is the default currency.
    #[serde(default, deserialize_with = "or_default")]
    pub is_default: bool,
    /// Whether shoppers can choose it.
    #[serde(default, deserialize_with = "or_default")]
    pub enabled: bool,
}

/// `GET /v2/customer_groups`
#[derive(Debug, Deserialize)]
pub struct Group {
    /// Id.
    pub id: u64,
    /// Shown name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// How its prices come about.
    #[serde(default, deserialize_with = "or_default")]
    pub discount_rules: Vec<DiscountRule>,
}

/// A rule of a customer group.
#[derive(Debug, Deserialize)]
pub struct DiscountRule {
    /// `price_list`, `all`, `category` or `product`.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub of: String,
}

/// `GET /v3/catalog/trees`
#[derive(Debug, Deserialize)]
pub struct Tree {
    /// Id.
    pub id: u64,
    /// Ids of the channels that show it.
    #[serde(default, deserialize_with = "or_default")]
    pub channels: Vec<u64>,
}

/// `GET /v3/catalog/trees/categories`
#[derive(Debug, Deserialize)]
pub struct Category {
    /// Id.
    pub category_id: u64,
    /// Id of its tree.
    pub tree_id: u64,
    /// Id of the category above; 0: none.
    #[serde(default, deserialize_with = "or_default")]
    pub parent_id: u64,
    /// Shown name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// HTML.
    pub description: Option<String>,
    /// Place among its siblings.
    #[serde(default, deserialize_with = "or_default")]
    pub sort_order: f64,
    /// Absolute address.
    pub image_url: Option<String>,
    /// Whether it is shown.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_visible: bool,
    /// Its page.
    pub url: Option<CategoryUrl>,
}

/// The page of a category.
#[derive(Debug, Deserialize)]
pub struct CategoryUrl {
    /// Path, such as `/shirts/`.
    pub path: Option<String>,
}

/// `GET /v3/catalog/categories/{id}/products/sort-order`
#[derive(Debug, Deserialize)]
pub struct Ordered {
    /// Id of the product.
    pub product_id: u64,
    /// Its place; none: after those that have one.
    pub sort_order: Option<i64>,
}

/// `GET /v3/catalog/brands`
#[derive(Debug, Deserialize)]
pub struct Brand {
    /// Id.
    pub id: u64,
    /// Shown name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
}

/// `GET /v3/catalog/products/channel-assignments`
#[derive(Debug, Deserialize)]
pub struct Assignment {
    /// Id of the product.
    pub product_id: u64,
    /// Id of the channel.
    pub channel_id: u64,
}

/// `GET /v3/pricelists`
#[derive(Debug, Deserialize)]
pub struct PriceList {
    /// Id.
    pub id: u64,
    /// Whether it counts.
    #[serde(default, deserialize_with = "or_default")]
    pub active: bool,
    /// When it last changed.
    pub date_modified: Option<String>,
}

/// `GET /v3/pricelists/assignments`
#[derive(Debug, Deserialize)]
pub struct ListAssignment {
    /// Id of the list.
    pub price_list_id: u64,
    /// Id of the group; none: everyone.
    pub customer_group_id: Option<u64>,
    /// Id of the channel; none: every channel.
    pub channel_id: Option<u64>,
}

/// `GET /v3/pricelists/{id}/records`
#[derive(Debug, Deserialize)]
pub struct PriceRecord {
    /// Id of the variant.
    pub variant_id: u64,
    /// Id of its product.
    pub product_id: u64,
    /// ISO 4217 code, in lower case.
    pub currency: String,
    /// Price without its sale.
    #[serde(default)]
    pub price: Decimal,
    /// Reduced price.
    #[serde(default)]
    pub sale_price: Decimal,
    /// Manufacturer's price.
    #[serde(default)]
    pub retail_price: Decimal,
    /// Prices for larger quantities.
    #[serde(default, deserialize_with = "or_default")]
    pub bulk_pricing_tiers: Vec<Rule>,
    /// When it was created.
    pub date_created: Option<String>,
    /// When it last changed.
    pub date_modified: Option<String>,
}

/// A price for larger quantities. The calculator has names of its own for its members.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    /// From this quantity.
    #[serde(alias = "minimum")]
    pub quantity_min: u32,
    /// Up to this one; 0 or none: open.
    #[serde(default, alias = "maximum")]
    pub quantity_max: Option<u32>,
    /// `price`: so much less each · `percent` · `fixed`: the price of each.
    #[serde(rename = "type", alias = "discount_type")]
    pub of: String,
    /// How much.
    #[serde(default, alias = "discount_amount")]
    pub amount: Decimal,
}

/// The members of `GET /v3/catalog/products` that say what has a price.
#[derive(Debug, Deserialize)]
pub struct Sold {
    /// Id of the product.
    pub id: u64,
    /// Its variants.
    #[serde(default, deserialize_with = "or_default")]
    pub variants: Vec<SoldVariant>,
}

/// A variant of [`Sold`].
#[derive(Debug, Deserialize)]
pub struct SoldVariant {
    /// Id.
    pub id: u64,
}

/// The request of `POST /v3/pricing/products`.
#[derive(Debug, Serialize)]
pub struct Calculation<'a> {
    /// Where it is bought.
    pub channel_id: u64,
    /// In what it is paid.
    pub currency_code: &'a str,
    /// The buyer's group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_group_id: Option<u64>,
    /// What is bought.
    pub items: &'a [Priced],
}

/// An item of [`Calculation`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Priced {
    /// Id of the product.
    pub product_id: u64,
    /// Id of the variant.
    pub variant_id: u64,
}

/// `POST /v3/pricing/products`
#[derive(Debug, Deserialize)]
pub struct Calculated {
    /// Id of the product.
    pub product_id: u64,
    /// Id of the variant.
    pub variant_id: u64,
    /// Price without its sale.
    #[serde(default)]
    pub price: Option<Entered>,
    /// What a shopper pays.
    #[serde(default)]
    pub calculated_price: Option<Entered>,
    /// Manufacturer's price.
    #[serde(default)]
    pub retail_price: Option<Entered>,
    /// Prices for larger quantities.
    #[serde(default, deserialize_with = "or_default")]
    pub bulk_pricing: Vec<Rule>,
}

/// An amount as the merchant entered it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Entered {
    /// The amount.
    #[serde(default)]
    pub as_entered: Decimal,
    /// Whether tax is in it.
    #[serde(default)]
    pub entered_inclusive: Option<bool>,
}

/// `GET /v3/inventory/items`
#[derive(Debug, Deserialize)]
pub struct Item {
    /// What is counted.
    pub identity: Identity,
    /// How much there is, by location.
    #[serde(default, deserialize_with = "or_default")]
    pub locations: Vec<Level>,
}

/// What is counted.
#[derive(Debug, Deserialize)]
pub struct Identity {
    /// Id of the variant.
    pub variant_id: u64,
    /// Id of its product.
    pub product_id: u64,
}

/// How much there is at a location.
#[derive(Debug, Deserialize)]
pub struct Level {
    /// Id of the location.
    pub location_id: u64,
    /// Its code.
    #[serde(default, deserialize_with = "or_default")]
    pub location_code: String,
    /// Whether it counts.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub location_enabled: bool,
    /// On hand, less the safety stock.
    #[serde(default, deserialize_with = "or_default")]
    pub available_to_sell: i64,
    /// More about it.
    #[serde(default, deserialize_with = "or_default")]
    pub settings: LevelSettings,
}

/// More about the stock at a location.
#[derive(Debug, Deserialize)]
pub struct LevelSettings {
    /// Whether anything of it is sold.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_in_stock: bool,
}

impl Default for LevelSettings {
    fn default() -> Self {
        Self { is_in_stock: true }
    }
}

/// The members of `GET /v3/catalog/products` that say where stock is counted.
#[derive(Debug, Deserialize)]
pub struct Tracked {
    /// Id of the product.
    pub id: u64,
    /// `none`, `product` or `variant`.
    #[serde(default, deserialize_with = "or_default")]
    pub inventory_tracking: String,
    /// Pieces, where the product is counted as a whole.
    #[serde(default, deserialize_with = "or_default")]
    pub inventory_level: i64,
    /// The only variant of a product without options.
    pub base_variant_id: Option<u64>,
}

/// `GET /v3/catalog/products`
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of the vendor's")]
pub struct Product {
    /// Id.
    pub id: u64,
    /// Shown name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// SKU of the product as a whole.
    #[serde(default)]
    pub sku: Option<String>,
    /// HTML.
    pub description: Option<String>,
    /// Price without its sale.
    #[serde(default)]
    pub price: Decimal,
    /// Reduced price; 0: none.
    #[serde(default)]
    pub sale_price: Decimal,
    /// Manufacturer's price; 0: none.
    #[serde(default)]
    pub retail_price: Decimal,
    /// Ids of its categories, in all trees.
    #[serde(default, deserialize_with = "or_default")]
    pub categories: Vec<u64>,
    /// Id of its brand; 0: none.
    pub brand_id: Option<u64>,
    /// `none`, `product` or `variant`.
    #[serde(default, deserialize_with = "or_default")]
    pub inventory_tracking: String,
    /// Pieces, where the product is counted as a whole.
    #[serde(default, deserialize_with = "or_default")]
    pub inventory_level: i64,
    /// `available`, `disabled` or `preorder`.
    #[serde(default, deserialize_with = "or_default")]
    pub availability: String,
    /// Shown beside it.
    pub availability_description: Option<String>,
    /// Shown where it can only be ordered in advance.
    pub preorder_message: Option<String>,
    /// Whether it can be ordered in advance only until its release.
    #[serde(default, deserialize_with = "or_default")]
    pub is_preorder_only: bool,
    /// Release of a pre-order.
    pub preorder_release_date: Option<String>,
    /// Whether shoppers see it.
    #[serde(default, deserialize_with = "or_default")]
    pub is_visible: bool,
    /// Whether its price is hidden.
    #[serde(default, deserialize_with = "or_default")]
    pub is_price_hidden: bool,
    /// Whether it is featured.
    #[serde(default, deserialize_with = "or_default")]
    pub is_featured: bool,
    /// Whether shipping is free.
    #[serde(default, deserialize_with = "or_default")]
    pub is_free_shipping: bool,
    /// `New`, `Used` or `Refurbished`.
    pub condition: Option<String>,
    /// Warranty.
    pub warranty: Option<String>,
    /// GTIN.
    pub gtin: Option<String>,
    /// UPC or EAN.
    pub upc: Option<String>,
    /// Manufacturer's number.
    pub mpn: Option<String>,
    /// Its page.
    pub custom_url: Option<CustomUrl>,
    /// Words for search, separated by commas.
    pub search_keywords: Option<String>,
    /// Title for search engines.
    pub page_title: Option<String>,
    /// Description for search engines.
    pub meta_description: Option<String>,
    /// Sum of all ratings.
    #[serde(default, deserialize_with = "or_default")]
    pub reviews_rating_sum: f64,
    /// Number of ratings.
    #[serde(default, deserialize_with = "or_default")]
    pub reviews_count: u32,
    /// Ids of related products; -1: BigCommerce chooses them.
    #[serde(default, deserialize_with = "or_default")]
    pub related_products: Vec<i64>,
    /// When it was created.
    pub date_created: Option<String>,
    /// When it last changed.
    pub date_modified: Option<String>,
    /// Variants.
    #[serde(default, deserialize_with = "or_default")]
    pub variants: Vec<Variant>,
    /// Images.
    #[serde(default, deserialize_with = "or_default")]
    pub images: Vec<Image>,
    /// Custom fields; a name may repeat.
    #[serde(default, deserialize_with = "or_default")]
    pub custom_fields: Vec<CustomField>,
    /// Prices for larger quantities.
    #[serde(default, deserialize_with = "or_default")]
    pub bulk_pricing_rules: Vec<Rule>,
    /// Videos.
    #[serde(default, deserialize_with = "or_default")]
    pub videos: Vec<Video>,
    /// Choices without variants of their own; only where they are asked for.
    #[serde(default, deserialize_with = "or_default")]
    pub modifiers: Vec<Modifier>,
}

/// A video.
#[derive(Debug, Deserialize)]
pub struct Video {
    /// Its place.
    #[serde(default, deserialize_with = "or_default")]
    pub sort_order: i64,
    /// Its id at YouTube, the only host.
    pub video_id: Option<String>,
}

/// A choice that has no variant of its own.
#[derive(Debug, Deserialize)]
pub struct Modifier {
    /// Shown name.
    #[serde(default, deserialize_with = "or_default")]
    pub display_name: String,
    /// Form of the choice, such as `dropdown`, `checkbox` or `text`.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub of: String,
    /// What can be chosen; empty where shoppers write or upload something.
    #[serde(default, deserialize_with = "or_default")]
    pub option_values: Vec<ModifierValue>,
}

/// What can be chosen.
#[derive(Debug, Deserialize)]
pub struct ModifierValue {
    /// Shown name.
    #[serde(default, deserialize_with = "or_default")]
    pub label: String,
    /// What the choice changes.
    #[serde(default, deserialize_with = "or_default")]
    pub adjusters: Adjusters,
}

/// What a choice changes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Adjusters {
    /// The price; its form is not read.
    pub price: Option<serde::de::IgnoredAny>,
}

/// `GET /v3/catalog/products/metafields`, `/v3/catalog/variants/metafields`
#[derive(Debug, Deserialize)]
pub struct Metafield {
    /// Who it is for.
    pub namespace: String,
    /// Name within the namespace.
    pub key: String,
    /// Text.
    #[serde(default, deserialize_with = "or_default")]
    pub value: String,
    /// Id of the product or variant.
    pub resource_id: u64,
}

/// The page of a product.
#[derive(Debug, Deserialize)]
pub struct CustomUrl {
    /// Path, such as `/ocean-shirt/`.
    pub url: Option<String>,
}

/// A custom field.
#[derive(Debug, Deserialize)]
pub struct CustomField {
    /// Name.
    pub name: String,
    /// Text.
    pub value: String,
}

/// An image.
#[derive(Debug, Deserialize)]
pub struct Image {
    /// Whether it is the main one.
    #[serde(default, deserialize_with = "or_default")]
    pub is_thumbnail: bool,
    /// Its place.
    #[serde(default, deserialize_with = "or_default")]
    pub sort_order: i64,
    /// What it shows.
    pub description: Option<String>,
    /// Address of the largest form.
    pub url_zoom: Option<String>,
    /// Address of the usual form.
    pub url_standard: Option<String>,
}

/// A variant. What is null is that of the product.
#[derive(Debug, Deserialize)]
pub struct Variant {
    /// Id.
    pub id: u64,
    /// SKU.
    pub sku: Option<String>,
    /// Price without its sale.
    #[serde(default)]
    pub price: Decimal,
    /// Reduced price; 0: none.
    #[serde(default)]
    pub sale_price: Decimal,
    /// Manufacturer's price; 0: none.
    #[serde(default)]
    pub retail_price: Decimal,
    /// Whether it can't be bought.
    #[serde(default, deserialize_with = "or_default")]
    pub purchasing_disabled: bool,
    /// Absolute address.
    pub image_url: Option<String>,
    /// GTIN.
    pub gtin: Option<String>,
    /// UPC or EAN.
    pub upc: Option<String>,
    /// Manufacturer's number.
    pub mpn: Option<String>,
    /// Pieces, where variants are counted.
    #[serde(default, deserialize_with = "or_default")]
    pub inventory_level: i64,
    /// What it is chosen by. Empty: the base variant.
    #[serde(default, deserialize_with = "or_default")]
    pub option_values: Vec<OptionValue>,
}

/// What a variant is chosen by.
#[derive(Debug, Deserialize)]
pub struct OptionValue {
    /// Name of the option.
    pub option_display_name: String,
    /// Name of the value.
    pub label: String,
}

/// `GET /v3/hooks`
#[derive(Debug, Deserialize)]
pub struct Hook {
    /// Id.
    pub id: u64,
    /// What it is about, such as `store/product/created`.
    pub scope: String,
    /// Where it delivers to.
    pub destination: String,
    /// Headers that each delivery carries.
    #[serde(default, deserialize_with = "or_default")]
    pub headers: std::collections::BTreeMap<String, String>,
    /// Whether it delivers; BigCommerce switches it off after two days of failures or ninety without an event.
    #[serde(default, deserialize_with = "or_default")]
    pub is_active: bool,
}

/// `GET /v3/hooks/admin`, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct HooksAdmin {
    /// Domains to which nothing is delivered for a time, because too many deliveries failed.
    pub blocked_domains: Vec<BlockedDomain>,
}

/// A domain to which nothing is delivered for a time.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BlockedDomain {
    /// The domain or an address in it.
    pub destination: String,
}

/// The body of a webhook's delivery.
#[derive(Debug, Deserialize)]
pub struct Delivered {
    /// What happened, such as `store/product/updated`.
    pub scope: String,
    /// `stores/{store_hash}`
    pub producer: String,
    /// What it is about. Its form depends on the scope.
    #[serde(default)]
    pub data: serde_json::Value,
    /// When, in seconds.
    #[serde(default)]
    pub created_at: i64,
    /// A digest of `data`; no signature.
    #[serde(default)]
    pub hash: String,
}

const fn yes() -> bool {
    true
}

/// Null stands for a member that is absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

fn or_yes<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(from)?.unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        let read = |text: &str| serde_json::from_str::<Decimal>(text).ok().map(|it| it.0);
        let number = |units, digits| Some(Some(Precise { units, digits }));
        assert_eq!(read("79.95"), number(7995, 2));
        assert_eq!(read("\"12.5000\""), number(125, 1));
        for none in ["null", "{}", "\"\""] {
            assert_eq!(read(none), Some(None), "{none}");
        }
        for wrong in ["\"a\"", "[]", "true"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn null_stands_for_what_is_absent() {
        let product = r#"{"id":7,"name":null,"sku":null,"price":null,"inventory_level":null,"categories":null,
            "is_visible":null,"variants":[{"id":8,"sku":null,"purchasing_disabled":null,"option_values":null}],
            "images":null,"custom_fields":null,"bulk_pricing_rules":null,"reviews_count":null,"custom_url":null}"#;
        let product: Product = serde_json::from_str(product).unwrap();
        assert_eq!((product.id, product.variants.len(), product.categories.len()), (7, 1, 0));
        let level = r#"{"location_id":1,"location_enabled":null,"available_to_sell":3,"settings":null}"#;
        let level: Level = serde_json::from_str(level).unwrap();
        assert!(level.location_enabled && level.settings.is_in_stock);
    }
}
