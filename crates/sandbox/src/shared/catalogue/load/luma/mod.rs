//! The Luma sample shop (Magento 2 sample data): 147 configurable products with 1,847 SKUs, and 44 simple ones.
//!
//! The source has one language and one currency; two markets are derived by the rule below. It is also told, with
//! examples, in `docs/guides/luma-markets.md`.
//!
//! **The two markets**
//! - `uk` is English (`en`) and GBP: texts as in the source, pence = US cents × 79 / 100.
//! - `de` is German (`de`) and EUR: texts with `[de] ` before them, cents = US cents × 92 / 100.
//! - Amounts are rounded to whole minor units, half up. Prices have no other scope.
//!
//! **Products**
//! - A row of `configurable/products.csv` that is `configurable` is a product; its variants are the SKUs of
//!   `configurable_variations`, in that order, whose rows are in the same file. Every row of another CSV file in `simple/`
//!   that has a `sku` column, and every `simple` row that is no variant, is a product with one variant.
//! - Key and SKU as in the source. Slug (`en`): `url_key`, else the SKU, in lower case with hyphens; `de`: the same with
//!   `de-` before it. One that is another product's already gets a number behind it.
//! - Names and descriptions are kept to the letter, with their HTML entities and spaces.
//! - Price: the variant's own, else the parent's. A `special_price` lower than it is the discounted price.
//! - Stock (in no channel): `qty`, or 0 where `is_in_stock` isn't 1. An empty `qty` is stock that isn't tracked.
//! - Published unless `product_online` is 0 or `visibility` is `Not Visible Individually` (in `simple/`: 1).
//! - Pictures: `base_image`, then `additional_images`, with [`IMAGE_BASE`] before each; a variant without takes its
//!   parent's.
//!
//! **Attributes** are those of the two `attributes.csv`. `select` (size, color) is an enum on the variant and an option;
//! `multiselect` a set of enums on the product, split at `|` or line breaks; `boolean` is `Yes`/`1` or `No`/`0`. Keys and
//! labels of enums are the texts of the source. Others in `additional_attributes` are Magento's own and left out.
//!
//! **Categories** are those of the two `categories.csv`, keyed by `url_key`. In `products.csv` a category is a path below
//! `Default Category`, which is no category itself. In `simple/` the lines are names: each is a child of the one before,
//! or else a top category, and the product is in each of them.

mod attributes;
mod categories;

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use super::{
    DataSet, LoadError, Loaded, Parts, Skipped, add_once,
    slugs::Slugs,
    table::{Row, Table},
};
use crate::catalogue::{Head, Localized, Market, Price, Product, Stock, Value, Variant, slugify};
use attributes::Attributes;
use categories::Categories;

/// What stands before the path of every picture.
pub const IMAGE_BASE: &str = "https://luma.example/media/catalog/product";

/// What stands before every German text.
pub const GERMAN_MARK: &str = "[de] ";

/// Currencies of the two markets and what a hundred US cents are in them.
const RATES: [(&str, i64); 2] = [("EUR", 92), ("GBP", 79)];

pub(super) fn load(folder: &Path) -> Result<Loaded, LoadError> {
    let mut skipped = Vec::new();
    let mut attributes = Attributes::default();
    let mut categories = Categories::default();
    for part in ["configurable", "simple"] {
        attributes.read(&folder.join(part).join("attributes.csv"), &mut skipped)?;
        categories.read(&folder.join(part).join("categories.csv"), &mut skipped)?;
    }
    let file = folder.join("configurable/products.csv");
    let needed = ["sku", "product_type", "name", "price", "categories", "configurable_variations"];
    let table = Table::read(&file, &needed, &mut skipped)?;
    let mut shop =
        Shop { attributes, categories, skipped, products: Vec::new(), skus: HashSet::new(), slugs: Slugs::default() };
    shop.configurable(&table);
    for file in simple_files(folder) {
        let table = Table::read(&file, &[], &mut shop.skipped)?;
        for row in table.rows.iter().filter(|row| !row.cell("sku").is_empty()) {
            shop.single(row, "\n");
        }
    }
    let head = Head {
        languages: ["de", "en"].map(str::to_owned).to_vec(),
        currencies: RATES.map(|(currency, _)| currency.to_owned()).to_vec(),
        countries: ["DE", "GB"].map(str::to_owned).to_vec(),
        product_types: shop.attributes.product_types(),
        categories: shop.categories.sorted(),
        ..Head::default()
    };
    let parts =
        Parts { data_set: DataSet::Luma, head, products: shop.products, markets: markets(), skipped: shop.skipped };
    Ok(parts.into_loaded())
}

fn markets() -> Vec<Market> {
    let market = |key: &str, locale: &str, currency: &str, country: &str| Market {
        key: key.to_owned(),
        locale: locale.to_owned(),
        currency: currency.to_owned(),
        country: country.to_owned(),
        store: None,
        supply_channels: Vec::new(),
    };
    vec![market("de", "de", "EUR", "DE"), market("uk", "en", "GBP", "GB")]
}

/// The CSV files of `simple/` in the order of their names.
fn simple_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("simple")).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| {
        let about_products = !(file.ends_with("attributes.csv") || file.ends_with("categories.csv"));
        about_products && file.extension().is_some_and(|extension| extension == "csv")
    });
    files.sort();
    files
}

/// Name of the set of attributes that a row has; each file has a column of its own for it.
fn set(row: &Row) -> &str {
    let cells = [row.cell("attribute_set_code"), row.cell("attribute_set")];
    cells.into_iter().find(|cell| !slugify(cell).is_empty()).unwrap_or("Default")
}

/// A text in the two languages.
fn both(english: &str) -> Localized {
    if english.is_empty() {
        return Localized::new();
    }
    let german = format!("{GERMAN_MARK}{english}");
    Localized::from([("en".to_owned(), english.to_owned()), ("de".to_owned(), german)])
}

/// A slug in the two languages.
fn both_slugs(english: &str) -> Localized {
    Localized::from([("en".to_owned(), english.to_owned()), ("de".to_owned(), format!("de-{english}"))])
}

struct Shop {
    attributes: Attributes,
    categories: Categories,
    skipped: Vec<Skipped>,
    products: Vec<Product>,
    /// SKUs and keys that are taken.
    skus: HashSet<String>,
    slugs: Slugs,
}

impl Shop {
    fn configurable(&mut self, table: &Table) {
        let rows: HashMap<&str, &Row> = table.rows.iter().rev().map(|row| (row.cell("sku"), row)).collect();
        for row in &table.rows {
            if row.cell("product_type") == "configurable" {
                self.with_variations(row, &rows);
            }
        }
        for row in &table.rows {
            let kind = row.cell("product_type");
            if kind != "configurable" && kind != "simple" {
                self.skipped.push(row.skip(format!("product type {kind:?} isn't known; row left out")));
            } else if row.cell("sku").is_empty() {
                self.skipped.push(row.skip("the row has no SKU; row left out"));
            } else if kind == "simple" && !self.skus.contains(row.cell("sku")) {
                self.single(row, ",");
            }
        }
    }

    /// A product and the rows that its variations name.
    fn with_variations(&mut self, row: &Row, rows: &HashMap<&str, &Row>) {
        let key = row.cell("sku");
        if key.is_empty() || !self.skus.insert(key.to_owned()) {
            self.skipped.push(row.skip(format!("SKU {key:?} is empty or there already; product left out")));
            return;
        }
        let mut product = self.product(row, ",");
        product.attributes.retain(|(name, _)| self.attributes.on_product(name));
        for variation in row.cell("configurable_variations").split('|').filter(|text| !text.is_empty()) {
            let mut pairs: Vec<_> =
                variation.split(',').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
            let at = pairs.iter().position(|(name, _)| *name == "sku");
            let sku = at.map(|at| pairs.remove(at).1).unwrap_or_default();
            let Some(child) = rows.get(sku) else {
                self.skipped.push(row.skip(format!("variation {variation:?} names no SKU that has a row; left out")));
                continue;
            };
            if !self.skus.insert(sku.to_owned()) {
                self.skipped.push(row.skip(format!("variation {sku} is another product already; left out")));
                continue;
            }
            let options = self.options(row, &pairs);
            if let Some(variant) = self.variant(child, Some(row), options) {
                product.variants.push(variant);
            }
        }
        if product.variants.is_empty() {
            self.skipped.push(row.skip(format!("product {key} has no variation that can be used; left out")));
        } else {
            self.add(row, product);
        }
    }

    fn add(&mut self, row: &Row, mut product: Product) {
        let told = self.slugs.take(&mut product.slug);
        self.skipped.extend(told.into_iter().map(|why| row.skip(why)));
        self.products.push(product);
    }

    /// The options of a variation.
    fn options(&mut self, row: &Row, pairs: &[(&str, &str)]) -> Vec<(String, Value)> {
        let mut options: Vec<(String, Value)> = Vec::with_capacity(pairs.len());
        for (name, text) in pairs {
            let usable = !self.attributes.on_product(name) && options.iter().all(|(known, _)| known != name);
            let value = if usable { self.attributes.value(row, set(row), name, text, &mut self.skipped) } else { None };
            match value {
                Some(value) => options.push(((*name).to_owned(), value)),
                None => self.skipped.push(row.skip(format!("{name} isn't an option, or is there twice; left out"))),
            }
        }
        options
    }

    /// A product that is its own only variant.
    fn single(&mut self, row: &Row, separator: &str) {
        let sku = row.cell("sku");
        if !self.skus.insert(sku.to_owned()) {
            self.skipped.push(row.skip(format!("SKU {sku} is there already; row left out")));
            return;
        }
        let mut product = self.product(row, separator);
        let (own, options): (Vec<_>, Vec<_>) =
            product.attributes.into_iter().partition(|(name, _)| self.attributes.on_product(name));
        product.attributes = own;
        if let Some(variant) = self.variant(row, None, options) {
            product.variants.push(variant);
            self.add(row, product);
        }
    }

    fn product(&mut self, row: &Row, separator: &str) -> Product {
        let sku = row.cell("sku");
        let set = set(row);
        self.attributes.add_set(set);
        let categories = if separator == "," {
            self.categories.of_paths(row, &mut self.skipped)
        } else {
            self.categories.of_names(row, &mut self.skipped)
        };
        let slug = slugify(if row.cell("url_key").is_empty() { sku } else { row.cell("url_key") });
        let hidden = ["Not Visible Individually", "1"].contains(&row.cell("visibility"));
        Product {
            key: sku.to_owned(),
            attributes: self.attributes.of_product(row, set, &mut self.skipped),
            product_type: slugify(set),
            name: both(row.cell("name")),
            slug: both_slugs(&slug),
            description: both(row.cell("description")),
            categories,
            variants: Vec::new(),
            published: row.cell("product_online") != "0" && !hidden,
            standalone_prices: false,
        }
    }

    /// A variant; none if its price or stock isn't a number.
    fn variant(&mut self, row: &Row, parent: Option<&Row>, attributes: Vec<(String, Value)>) -> Option<Variant> {
        let with_price = [Some(row), parent].into_iter().flatten().find(|row| !row.cell("price").is_empty());
        let sku = row.cell("sku");
        let read = with_price.map_or(Ok(Vec::new()), prices).and_then(|prices| Ok((prices, stock(row)?)));
        let (prices, stock) = match read {
            Ok(read) => read,
            Err(why) => {
                self.skipped.push(row.skip(format!("{why}; SKU {sku} left out")));
                return None;
            }
        };
        let mut pictures = images(row);
        if let (true, Some(parent)) = (pictures.is_empty(), parent) {
            pictures = images(parent);
        }
        Some(Variant { sku: Some(sku.to_owned()), attributes, prices, images: pictures, stock })
    }
}

fn prices(row: &Row) -> Result<Vec<Price>, String> {
    let cents = |column: &str| {
        let text = row.cell(column);
        cents(text).ok_or_else(|| format!("{column} {text:?} isn't an amount"))
    };
    let regular = cents("price")?;
    let special = if row.cell("special_price").is_empty() { None } else { Some(cents("special_price")?) };
    if special.is_some()
        && !(row.cell("special_price_from_date").is_empty() && row.cell("special_price_to_date").is_empty())
    {
        return Err("a special price with dates isn't supported".to_owned());
    }
    let special = special.filter(|special| *special < regular);
    let price = |(currency, rate): (&str, i64)| Price {
        minor: converted(regular, rate),
        discounted: special.map(|special| converted(special, rate)),
        currency: currency.to_owned(),
        ..Price::default()
    };
    Ok(RATES.map(price).to_vec())
}

/// US cents in another currency, rounded half up.
fn converted(cents: i64, rate: i64) -> i64 {
    (cents.saturating_mul(rate).saturating_add(50)) / 100
}

/// `32.5` as 3250. No sign, and nothing but zeros after the second decimal.
fn cents(text: &str) -> Option<i64> {
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) {
        return None;
    }
    let (counted, rest) = decimals.split_at_checked(2).unwrap_or((decimals, ""));
    if rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let hundredths: i64 = format!("{counted:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(hundredths)
}

fn stock(row: &Row) -> Result<Vec<Stock>, String> {
    let text = row.cell("qty");
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let pieces = text.split('.').next().unwrap_or(text);
    let quantity: i64 = pieces.trim().parse().map_err(|_| format!("qty {text:?} isn't a number"))?;
    let out = !["", "1"].contains(&row.cell("is_in_stock"));
    Ok(vec![Stock { channel: None, quantity: if out { 0 } else { quantity } }])
}

fn images(row: &Row) -> Vec<String> {
    let mut images = Vec::new();
    let paths = [row.cell("base_image")].into_iter().chain(row.cell("additional_images").split(','));
    for path in paths.map(str::trim).filter(|path| !path.is_empty()) {
        add_once(&mut images, format!("{IMAGE_BASE}{path}"));
    }
    images
}
