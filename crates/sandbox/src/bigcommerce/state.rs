//! What the store holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::amount::Amount;

/// The channel that every store has.
pub(super) const DEFAULT_CHANNEL: u64 = 1;
/// The location that every store has.
pub(super) const DEFAULT_LOCATION: u64 = 1;

/// Whose stock is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tracking {
    None,
    Product,
    Variant,
}

impl Tracking {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Product => "product",
            Self::Variant => "variant",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) id: u64,
    /// The catalogue's key. The platform has none.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) sku: String,
    pub(super) description: String,
    pub(super) prices: Prices,
    pub(super) categories: Vec<u64>,
    /// 0: none.
    pub(super) brand: u64,
    pub(super) tracking: Tracking,
    /// `available`, `disabled` or `preorder`.
    pub(super) availability: &'static str,
    pub(super) visible: bool,
    pub(super) price_hidden: bool,
    pub(super) gtin: String,
    /// Path, such as `/ocean-shirt/`.
    pub(super) url: String,
    pub(super) images: Vec<(u64, String)>,
    pub(super) custom_fields: Vec<(u64, String, String)>,
    pub(super) rules: Vec<Rule>,
    pub(super) options: Vec<Choice>,
    pub(super) variants: Vec<Variant>,
    /// Ids of related products; empty: the platform chooses.
    pub(super) related: Vec<u64>,
    /// Id, title and id at YouTube.
    pub(super) videos: Vec<(u64, String, String)>,
    pub(super) modifiers: Vec<Modifier>,
    /// `preorder_release_date`, in milliseconds since 1970.
    pub(super) release: Option<i64>,
    /// Texts in other languages than the default one, in every channel.
    pub(super) texts: BTreeMap<String, Words>,
    /// Those of single channels.
    pub(super) own_texts: BTreeMap<(u64, String), Words>,
    /// Milliseconds since 1970, as all instants here; shown without fractions of a second.
    pub(super) created: i64,
    pub(super) modified: i64,
}

impl Product {
    /// Texts of a channel and locale.
    pub(super) fn words(&self, channel: u64, locale: &str) -> Option<&Words> {
        self.own_texts.get(&(channel, locale.to_owned())).or_else(|| self.texts.get(locale))
    }
}

/// Texts in one language. What is not there is that of the default language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) page_title: Option<String>,
    pub(super) meta_description: Option<String>,
    pub(super) path: Option<String>,
}

/// Catalogue, sale and retail price.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Prices {
    pub(super) price: Option<Amount>,
    pub(super) sale: Option<Amount>,
    pub(super) retail: Option<Amount>,
}

/// A price for larger quantities.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) id: u64,
    pub(super) from: u32,
    /// 0: open.
    pub(super) until: u32,
    /// `price`, `percent` or `fixed`.
    pub(super) kind: &'static str,
    pub(super) amount: Amount,
}

/// An option by which variants differ.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) values: Vec<(u64, String)>,
}

/// A choice that has no variant of its own.
#[derive(Clone, Debug)]
pub(super) struct Modifier {
    pub(super) id: u64,
    pub(super) name: String,
    /// `dropdown`, `text` and others.
    pub(super) kind: &'static str,
    /// Id, label, and what is added to the price.
    pub(super) values: Vec<(u64, String, Option<Amount>)>,
}

/// Whose a metafield is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Product,
    Variant,
}

#[derive(Clone, Debug)]
pub(super) struct Metafield {
    pub(super) id: u64,
    pub(super) of: Resource,
    pub(super) resource: u64,
    pub(super) namespace: String,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) created: i64,
    pub(super) modified: i64,
}

/// A route of a headless storefront.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) matching: String,
    pub(super) path: String,
}

#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) id: u64,
    pub(super) sku: String,
    pub(super) prices: Prices,
    pub(super) gtin: String,
    pub(super) image: String,
    pub(super) purchasing_disabled: bool,
    /// Option and value.
    pub(super) values: Vec<(u64, u64)>,
}

#[derive(Clone, Debug)]
pub(super) struct Category {
    pub(super) id: u64,
    pub(super) tree: u64,
    /// 0: root.
    pub(super) parent: u64,
    pub(super) name: String,
    pub(super) path: String,
    pub(super) sort_order: i64,
    pub(super) visible: bool,
    /// Texts in other languages than the default one.
    pub(super) texts: BTreeMap<String, Words>,
}

#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) id: u64,
    /// The catalogue's key. The platform has none.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) site: u64,
    pub(super) routes: Vec<Route>,
    pub(super) url: String,
    pub(super) created: i64,
    pub(super) modified: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Currency {
    pub(super) id: u64,
    pub(super) code: String,
    /// Units of it for one of the default currency: (units, digits).
    pub(super) rate: (i64, u32),
    pub(super) is_default: bool,
    pub(super) transactional: bool,
    pub(super) enabled: bool,
    pub(super) modified: i64,
}

#[derive(Clone, Debug)]
pub(super) struct PriceList {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) active: bool,
    pub(super) created: i64,
    pub(super) modified: i64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ListAssignment {
    pub(super) id: u64,
    pub(super) list: u64,
    pub(super) group: Option<u64>,
    pub(super) channel: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct PriceRecord {
    pub(super) product: u64,
    pub(super) prices: Prices,
    pub(super) tiers: Vec<Rule>,
    pub(super) created: i64,
    pub(super) modified: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Location {
    pub(super) id: u64,
    pub(super) code: String,
    pub(super) label: String,
    pub(super) enabled: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Stock {
    pub(super) on_hand: i64,
    pub(super) safety: i64,
    /// Whether anything of it is sold.
    pub(super) sold: bool,
}

impl Stock {
    /// What can be sold.
    pub(super) fn available(self) -> i64 {
        (self.on_hand - self.safety).max(0)
    }
}

/// One store.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Languages of the catalogue, the default one first. The REST API shows the default one.
    pub(super) languages: Vec<String>,
    /// The default currency.
    pub(super) currency: String,
    pub(super) tax_inclusive: bool,
    pub(super) products: BTreeMap<u64, Product>,
    /// Products by the catalogue's key.
    pub(super) keys: HashMap<String, u64>,
    /// Product and variant by SKU.
    pub(super) skus: HashMap<String, (u64, u64)>,
    pub(super) brands: BTreeMap<u64, String>,
    pub(super) brand_ids: HashMap<String, u64>,
    /// Tree and its channel.
    pub(super) trees: BTreeMap<u64, u64>,
    pub(super) categories: BTreeMap<u64, Category>,
    pub(super) channels: BTreeMap<u64, Channel>,
    pub(super) assigned: BTreeSet<(u64, u64)>,
    pub(super) currencies: Vec<Currency>,
    /// Customer groups: name by id.
    pub(super) groups: BTreeMap<u64, String>,
    pub(super) lists: BTreeMap<u64, PriceList>,
    pub(super) list_assignments: BTreeMap<u64, ListAssignment>,
    /// Places of products in categories, by category and product.
    pub(super) places: BTreeMap<(u64, u64), i64>,
    /// By id.
    pub(super) metafields: BTreeMap<u64, Metafield>,
    /// `product_out_of_stock_behavior`; empty: `do_nothing`.
    pub(super) sold_out: &'static str,
    /// By list, variant and currency.
    pub(super) records: BTreeMap<(u64, u64, String), PriceRecord>,
    pub(super) locations: BTreeMap<u64, Location>,
    /// By variant and location.
    pub(super) stock: BTreeMap<(u64, u64), Stock>,
    /// What seeding keeps of the catalogue: for products that are added later.
    pub(super) plan: super::seed::Plan,
    pub(super) last_id: u64,
}

impl State {
    /// A number that nothing else has.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn product_by_key(&mut self, key: &str) -> Option<&mut Product> {
        let id = self.keys.get(key)?;
        self.products.get_mut(id)
    }

    /// What can be sold of a variant at the default location.
    pub(super) fn level(&self, variant: u64) -> i64 {
        self.stock.get(&(variant, DEFAULT_LOCATION)).map_or(0, |stock| stock.available())
    }
}
