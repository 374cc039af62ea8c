//! The catalogue of a shop, in no platform's form: the emulators are seeded from it.
//!
//! A catalogue comes from the built-in generator ([`generate()`]) or from real data in a folder ([`load()`]). Products
//! are streamed, so that a large catalogue is never held twice.

pub(crate) mod dice;
mod example;
pub mod generate;
pub mod load;

use std::{collections::BTreeMap, fmt};

pub use example::{KEY as EXAMPLE, with_example};
pub use generate::{Oddity, Options, generate};
pub use load::{DataSet, LoadError, Loaded, Skipped, load};

/// Text by locale (`de`, `en`, `de-DE`). A locale may be missing.
pub type Localized = BTreeMap<String, String>;

/// A shop: its settings and reference data, and its products as a stream.
pub struct Catalogue {
    /// Everything but the products.
    pub head: Head,
    /// How many products [`Catalogue::products`] yields.
    pub product_count: usize,
    /// The products, in a fixed order; each call starts again from the first.
    pub products: Box<dyn Fn() -> Box<dyn Iterator<Item = Product> + Send> + Send + Sync>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("products", &self.product_count).finish_non_exhaustive()
    }
}

/// A market for which a catalogue was made, as the configuration of the demo needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// Short unique name (`de`).
    pub key: String,
    /// Locale of its texts.
    pub locale: String,
    /// ISO 4217 code.
    pub currency: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// Key of its store, where the shop has stores for it.
    pub store: Option<String>,
    /// Keys of the channels it is supplied from. Empty: stock that is assigned to no channel.
    pub supply_channels: Vec<String>,
}

/// Settings and reference data of a shop.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Locales, the first is the main one.
    pub languages: Vec<String>,
    /// ISO 4217 codes.
    pub currencies: Vec<String>,
    /// ISO 3166-1 alpha-2 codes.
    pub countries: Vec<String>,
    /// Types of products with their attributes.
    pub product_types: Vec<ProductType>,
    /// Categories, parents before children.
    pub categories: Vec<Category>,
    /// Supply and distribution channels.
    pub channels: Vec<Channel>,
    /// Keys of customer groups.
    pub customer_groups: Vec<String>,
    /// Stores of the shop.
    pub stores: Vec<Store>,
    /// Named assortments that stores may use.
    pub selections: Vec<Selection>,
    /// Stock entries of SKUs outside the products (for example from warehouse files); the stock of products is in
    /// [`Variant::stock`].
    pub loose_stock: Vec<(String, Stock)>,
}

/// A type of products and the attributes its products may have.
#[derive(Clone, Debug)]
pub struct ProductType {
    /// Unique key.
    pub key: String,
    /// Shown name.
    pub name: String,
    /// Attribute definitions.
    pub attributes: Vec<AttributeDefinition>,
}

/// Definition of one attribute.
#[derive(Clone, Debug)]
pub struct AttributeDefinition {
    /// Machine name, `[A-Za-z0-9_-]{2,256}`.
    pub name: String,
    /// Shown label.
    pub label: Localized,
    /// Type of its values.
    pub kind: AttributeKind,
    /// Set on the product (true) or on each variant (false).
    pub product_level: bool,
    /// Variants of one product differ by this attribute (an option such as size or colour).
    pub option: bool,
}

/// Types of attribute values.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum AttributeKind {
    Text,
    LocalizedText,
    /// Allowed keys with labels.
    Enum(Vec<(String, String)>),
    /// Allowed keys with localised labels.
    LocalizedEnum(Vec<(String, Localized)>),
    Number,
    Money,
    Date,
    Time,
    DateTime,
    Boolean,
    /// Reference to another product, by product key.
    ProductReference,
    /// Attributes of another product type, by its key.
    Nested(String),
    Set(Box<AttributeKind>),
}

/// A value of an attribute.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Value {
    Text(String),
    Localized(Localized),
    /// Key of an enum or localised enum value.
    Key(String),
    Number(f64),
    Money {
        minor: i64,
        currency: String,
    },
    Date(String),
    Time(String),
    DateTime(String),
    Boolean(bool),
    /// Key of a product.
    Product(String),
    Nested(Vec<(String, Value)>),
    Set(Vec<Value>),
}

/// A category.
#[derive(Clone, Debug)]
pub struct Category {
    /// Unique key.
    pub key: String,
    /// Key of the parent, none for a root.
    pub parent: Option<String>,
    /// Shown name.
    pub name: Localized,
    /// Part of a URL.
    pub slug: Localized,
    /// Order among siblings, a decimal in (0, 1).
    pub order_hint: String,
}

/// A supply or distribution channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Unique key.
    pub key: String,
    /// Shown name.
    pub name: Localized,
    /// Stock is kept per this channel.
    pub supply: bool,
    /// Prices may be bound to this channel.
    pub distribution: bool,
}

/// A store of the shop.
#[derive(Clone, Debug)]
pub struct Store {
    /// Unique key.
    pub key: String,
    /// Shown name.
    pub name: Localized,
    /// Locales.
    pub languages: Vec<String>,
    /// Country codes.
    pub countries: Vec<String>,
    /// Keys of distribution channels.
    pub distribution_channels: Vec<String>,
    /// Keys of supply channels.
    pub supply_channels: Vec<String>,
    /// Keys of selections and whether each is active.
    pub selections: Vec<(String, bool)>,
}

/// A named assortment.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Unique key.
    pub key: String,
    /// Shown name.
    pub name: Localized,
    /// False: the products named are sold. True: all but the products named are sold.
    pub excludes: bool,
    /// Keys of the products named.
    pub products: Vec<String>,
}

/// A product.
#[derive(Clone, Debug)]
pub struct Product {
    /// Unique key.
    pub key: String,
    /// Key of its product type.
    pub product_type: String,
    /// Shown name.
    pub name: Localized,
    /// Part of a URL.
    pub slug: Localized,
    /// Description, may hold HTML.
    pub description: Localized,
    /// Keys of its categories.
    pub categories: Vec<String>,
    /// Attributes set on the product.
    pub attributes: Vec<(String, Value)>,
    /// Variants, the first is the master.
    pub variants: Vec<Variant>,
    /// Visible to shoppers.
    pub published: bool,
    /// Prices are resources of their own rather than parts of the variant.
    pub standalone_prices: bool,
}

/// A purchasable variant.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Unique across the shop; a few products of a bad catalogue have none.
    pub sku: Option<String>,
    /// Attributes set on the variant.
    pub attributes: Vec<(String, Value)>,
    /// Prices in every scope.
    pub prices: Vec<Price>,
    /// Absolute image URLs.
    pub images: Vec<String>,
    /// Stock per supply channel (`None`: no channel). Empty: not tracked.
    pub stock: Vec<Stock>,
}

/// A price with its scope.
#[derive(Clone, Debug, Default)]
pub struct Price {
    /// Minor units of the currency.
    pub minor: i64,
    /// The exact amount and its decimal places, where it has more of them than the currency; `minor` is it, rounded.
    pub precise: Option<(i64, u32)>,
    /// ISO 4217 code.
    pub currency: String,
    /// Only in this country.
    pub country: Option<String>,
    /// Only for this customer group (key).
    pub customer_group: Option<String>,
    /// Only in this distribution channel (key).
    pub channel: Option<String>,
    /// RFC 3339 instant from which it holds.
    pub valid_from: Option<String>,
    /// RFC 3339 instant until which it holds.
    pub valid_until: Option<String>,
    /// Reduced amount in minor units.
    pub discounted: Option<i64>,
    /// Quantity tiers: (minimum quantity, minor units).
    pub tiers: Vec<(u32, i64)>,
}

/// A stock level.
#[derive(Clone, Debug)]
pub struct Stock {
    /// Key of the supply channel, none for the unassigned stock.
    pub channel: Option<String>,
    /// Pieces on stock.
    pub quantity: i64,
}

/// Decimal places of a currency (ISO 4217).
pub(crate) fn fraction_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// A part of a URL: lower-case ASCII letters, digits and single hyphens. Umlauts are spelt out; other scripts vanish.
pub(crate) fn slugify(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            'a'..='z' | '0'..='9' => slug.push(character),
            'ä' | 'æ' => slug.push_str("ae"),
            'ö' | 'ø' => slug.push_str("oe"),
            'ü' => slug.push_str("ue"),
            'ß' => slug.push_str("ss"),
            'é' | 'è' | 'ê' => slug.push('e'),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}
