//! A made-up shop of any size: the same options give the same shop, product by product.
//!
//! A product depends on nothing but the options and its own index, so products are composed on demand and never held.
//! With [`Options::oddities`] every fiftieth product has a given oddity (see [`Oddity`]), so that a shop of a hundred
//! products already shows each of them twice; without, all products are alike in shape, which is what a benchmark
//! needs.

mod prices;
mod product;
mod size;
mod types;
mod words;

use std::sync::Arc;

use super::{Catalogue, Category, Channel, Head, Market, Selection, Store};
use words::{DEPARTMENTS, in_all, language, translated};

/// Most variants a product may have (the limit of the platform that allows fewest).
pub const MAX_VARIANTS: usize = 100;

/// Options of a generated shop.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many products.
    pub products: usize,
    /// Variants per product, 1 to [`MAX_VARIANTS`]: exactly so many without oddities, at most so many with them.
    pub variants_per_product: usize,
    /// Locales, the first is the main one. German and English are written out, any other language is composed.
    pub locales: Vec<String>,
    /// ISO 4217 codes, the first is the main one. Every priced variant has a price in each.
    pub currencies: Vec<String>,
    /// Another seed gives another shop.
    pub seed: u64,
    /// Products as real shops have them: missing texts, prices in every scope, sold out, unpublished, without SKU.
    /// False: every product is complete, alike in shape, and sold in every market.
    pub oddities: bool,
    /// About how many bytes a product has as JSON on commercetools; the description is as long as that takes. Other
    /// fields are not cut, so 5 variants take about 4,000 bytes at least.
    pub json_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            products: 500,
            variants_per_product: 5,
            locales: vec!["de".into(), "en".into()],
            currencies: vec!["EUR".into(), "GBP".into()],
            seed: 1,
            oddities: true,
            json_bytes: 5_000,
        }
    }
}

impl Options {
    /// The two markets the shop is made for: `de` (German and EUR, if the shop has them) and `uk` (English and GBP).
    pub fn markets(&self) -> Vec<Market> {
        let first = |list: &[String], wanted: &str, fallback: Option<&String>| {
            list.iter()
                .find(|entry| language(entry) == wanted)
                .or(fallback)
                .cloned()
                .unwrap_or_else(|| wanted.to_owned())
        };
        let market = |key: &str, locale: String, currency: String, country: &str| Market {
            key: key.to_owned(),
            locale,
            currency,
            country: country.to_owned(),
            store: self.oddities.then(|| key.to_owned()),
            supply_channels: self.oddities.then(|| format!("warehouse-{key}")).into_iter().collect(),
        };
        let (locales, currencies) = (&self.locales, &self.currencies);
        vec![
            market("de", first(locales, "de", locales.first()), first(currencies, "EUR", currencies.first()), "DE"),
            market("uk", first(locales, "en", locales.last()), first(currencies, "GBP", currencies.last()), "GB"),
        ]
    }
}

/// Oddities of products. With [`Options::oddities`], product `index` has the oddity of `index % 50`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Nothing.
    None,
    /// No price in the market `uk`'s currency (3).
    NotSoldInUk,
    /// EUR prices for DE, AT and FR instead of one for all (5).
    CountryPrices,
    /// Not visible to shoppers (7).
    Unpublished,
    /// A lower price for a customer group (9).
    CustomerGroupPrice,
    /// Name and description only in the first locale, or only in the others, by turns (11).
    MissingLocale,
    /// No SKU on any variant, or none on the last, by turns (13).
    NoSku,
    /// A price for a distribution channel (15).
    ChannelPrice,
    /// No price at all (17).
    NoPrice,
    /// A description of about 20 KB (19).
    LongText,
    /// Prices with a validity: past, current and yet to come (21).
    ValidityWindows,
    /// Right-to-left text, emoji and combining marks in the name, quotes and markup in the description (23).
    Scripts,
    /// Quantity tiers (25).
    Tiers,
    /// A discounted price on every variant (27).
    Discounted,
    /// Prices as resources of their own (29).
    StandalonePrices,
    /// Stock isn't tracked (31).
    Untracked,
    /// Nothing on stock in any warehouse (33).
    SoldOut,
    /// No picture (35).
    NoImage,
    /// No description (37).
    NoDescription,
    /// Country, customer group, channel, validity, tiers and discount at once (39).
    EveryScope,
    /// In no category (41).
    NoCategory,
    /// On stock in one of the two warehouses only (43).
    OneWarehouse,
    /// A selection keeps it out of one store: `de` for even, `uk` for odd fifties (45).
    NotInSelection,
    /// Prices with more decimal places than their currency has (47).
    HighPrecision,
}

impl Oddity {
    /// The oddity of a product by its index.
    pub fn of(index: usize) -> Self {
        match index % 50 {
            3 => Self::NotSoldInUk,
            5 => Self::CountryPrices,
            7 => Self::Unpublished,
            9 => Self::CustomerGroupPrice,
            11 => Self::MissingLocale,
            13 => Self::NoSku,
            15 => Self::ChannelPrice,
            17 => Self::NoPrice,
            19 => Self::LongText,
            21 => Self::ValidityWindows,
            23 => Self::Scripts,
            25 => Self::Tiers,
            27 => Self::Discounted,
            29 => Self::StandalonePrices,
            31 => Self::Untracked,
            33 => Self::SoldOut,
            35 => Self::NoImage,
            37 => Self::NoDescription,
            39 => Self::EveryScope,
            41 => Self::NoCategory,
            43 => Self::OneWarehouse,
            45 => Self::NotInSelection,
            47 => Self::HighPrecision,
            _ => Self::None,
        }
    }

    /// Whether an oddity that comes in two forms has the second: by turns from one fifty to the next.
    fn second_form(index: usize) -> bool {
        (index / 50) % 2 == 1
    }
}

/// The input of every product.
struct Plan {
    options: Options,
    uk_currency: String,
}

/// Generates a shop. Products are composed one by one as the stream is read.
///
/// ```
/// use sandbox::catalogue::{Options, generate};
///
/// let shop = generate(&Options { products: 3, ..Options::default() });
/// let names: Vec<_> = (shop.products)().map(|product| product.name).collect();
/// assert_eq!(names.len(), 3);
/// assert_ne!(names[0]["de"], names[0]["en"]);
/// ```
pub fn generate(options: &Options) -> Catalogue {
    let variants_per_product = options.variants_per_product.clamp(1, MAX_VARIANTS);
    let options = Options { variants_per_product, ..options.clone() };
    let head = head(&options);
    let product_count = options.products;
    let uk_currency = options.markets().pop().map(|market| market.currency).unwrap_or_default();
    let plan = Arc::new(Plan { options, uk_currency });
    Catalogue {
        head,
        product_count,
        products: Box::new(move || {
            let plan = Arc::clone(&plan);
            Box::new((0..product_count).map(move |index| product::product(&plan, index)))
        }),
    }
}

/// Key of the product with an index.
pub(crate) fn product_key(index: usize) -> String {
    format!("p-{index:06}")
}

fn head(options: &Options) -> Head {
    let locales = &options.locales;
    Head {
        languages: locales.clone(),
        currencies: options.currencies.clone(),
        countries: ["DE", "GB", "AT", "FR"].map(str::to_owned).to_vec(),
        product_types: types::product_types(locales),
        categories: categories(locales),
        channels: channels(locales),
        customer_groups: ["b2b", "staff"].map(str::to_owned).to_vec(),
        stores: stores(options),
        selections: if options.oddities { selections(options) } else { Vec::new() },
        loose_stock: Vec::new(),
    }
}

fn categories(locales: &[String]) -> Vec<Category> {
    let mut categories = Vec::new();
    let mut add = |key: String, parent: Option<String>, name: words::Word| {
        let slug = locales.iter().map(|locale| (locale.clone(), slug(&translated(locale, name), &key))).collect();
        let order_hint = format!("0.{:04}5", categories.len());
        categories.push(Category { key, parent, name: in_all(locales, name), slug, order_hint });
    };
    for department in DEPARTMENTS {
        add(department.key.to_owned(), None, department.name);
        for group in department.groups {
            let group_key = format!("{}-{}", department.key, group.key);
            add(group_key.clone(), Some(department.key.to_owned()), group.name);
            for line in group.lines {
                add(format!("{group_key}-{}", line.key), Some(group_key.clone()), line.plural);
            }
        }
    }
    categories
}

fn channels(locales: &[String]) -> Vec<Channel> {
    let channel = |key: &str, name: words::Word, supply: bool| Channel {
        key: key.to_owned(),
        name: in_all(locales, name),
        supply,
        distribution: !supply,
    };
    vec![
        channel("warehouse-de", ("Warehouse Germany", "Lager Deutschland"), true),
        channel("warehouse-uk", ("Warehouse United Kingdom", "Lager Großbritannien"), true),
        channel("shop-de", ("Shop Germany", "Laden Deutschland"), false),
        channel("shop-uk", ("Shop United Kingdom", "Laden Großbritannien"), false),
    ]
}

fn stores(options: &Options) -> Vec<Store> {
    let store = |market: Market, name: words::Word| Store {
        name: in_all(&options.locales, name),
        languages: vec![market.locale],
        countries: vec![market.country],
        distribution_channels: vec![format!("shop-{}", market.key)],
        supply_channels: vec![format!("warehouse-{}", market.key)],
        selections: if options.oddities { vec![(format!("range-{}", market.key), true)] } else { Vec::new() },
        key: market.key,
    };
    let names = [("Germany", "Deutschland"), ("United Kingdom", "Großbritannien")];
    options.markets().into_iter().zip(names).map(|(market, name)| store(market, name)).collect()
}

/// One selection of each kind: `range-de` names what is not sold in `de`, `range-uk` names what is sold in `uk`.
fn selections(options: &Options) -> Vec<Selection> {
    let kept_out = |index: &usize, second: bool| {
        Oddity::of(*index) == Oddity::NotInSelection && Oddity::second_form(*index) == second
    };
    let selection = |key: &str, name: words::Word, excludes: bool, products: Vec<String>| Selection {
        key: key.to_owned(),
        name: in_all(&options.locales, name),
        excludes,
        products,
    };
    let all = 0..options.products;
    let not_in_de = all.clone().filter(|index| kept_out(index, false)).map(product_key).collect();
    let in_uk = all.filter(|index| !kept_out(index, true)).map(product_key).collect();
    vec![
        selection("range-de", ("All but a few", "Alles bis auf weniges"), true, not_in_de),
        selection("range-uk", ("Range for the United Kingdom", "Sortiment für Großbritannien"), false, in_uk),
    ]
}

/// A part of a URL, made unique by its end.
fn slug(text: &str, unique: &str) -> String {
    let mut slug = super::slugify(text);
    if !slug.is_empty() {
        slug.push('-');
    }
    slug.push_str(unique);
    slug
}
