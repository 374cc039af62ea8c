//! The Sunrise sample shop (commercetools), its small and its full set.
//!
//! How it is read, so that an independent reader of the files can recompute it:
//! - Products: `products.csv`, or `products-ci.csv` where there is none (the full set; it has three products). A row with
//!   a `productType` begins a product, rows without are its further variants. Key: the SKU of its first variant.
//! - `prices`: `[<country>-]<currency> <minor units>[ <customer group>][#<channel>]`, separated by `;`.
//! - `categories`: paths of English names, separated by `;`.
//! - Columns `<attribute>` and `<attribute>.<locale>` are attributes of the variant, by their types in
//!   `product-type.json`; `;` separates the members of a set. `color` and `size` are the options.
//! - Categories, channels, stores, customer groups as in their files. Categories keep their `orderHint`, or are ordered
//!   as in the file.
//! - Stock: every `inventory*.csv`, in the order of their names. Rows of SKUs that no product has are loose stock.
//! - Languages are those of the project and then any other that a product or category has a text in; countries those of
//!   the project and then any other that a price has. Locales are in lower case (the project has them in capitals).
//! - Markets: `de` (German, EUR, DE, store `dach`), `uk` (English, EUR, GB, store `uk`: the set has no GBP), `us`
//!   (English, USD, US).

mod products;
mod types;

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    DataSet, LoadError, Loaded, Parts, Skipped, add_once, json, order_hint,
    table::{Row, Table},
    tree,
};
use crate::catalogue::{Category, Channel, Head, Localized, Market, Product, Stock, Store};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Project {
    currencies: Vec<String>,
    countries: Vec<String>,
    languages: Vec<String>,
}

#[derive(Deserialize)]
struct ChannelDraft {
    key: String,
    #[serde(default)]
    name: Localized,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Deserialize)]
struct StoreDraft {
    key: String,
    #[serde(default)]
    name: Localized,
    #[serde(default)]
    languages: Vec<String>,
}

#[derive(Deserialize)]
struct GroupDraft {
    key: String,
}

pub(super) fn load(folder: &Path) -> Result<Loaded, LoadError> {
    let mut skipped = Vec::new();
    let project: Project = json::object_or_default(&folder.join("project.json"))?;
    let product_types = types::read(&folder.join("product-type.json"), &mut skipped)?;
    let channels = json::entries_or_none::<ChannelDraft>(&folder.join("channels.json"), &mut skipped)?;
    let stores = json::entries_or_none::<StoreDraft>(&folder.join("stores.json"), &mut skipped)?;
    let groups = json::entries_or_none::<GroupDraft>(&folder.join("customer-groups.json"), &mut skipped)?;
    let mut head = Head {
        languages: project.languages.iter().map(|language| language.to_lowercase()).collect(),
        currencies: project.currencies,
        countries: project.countries,
        product_types,
        channels: channels.into_iter().map(|entry| channel(entry.value)).collect(),
        customer_groups: groups.into_iter().map(|entry| entry.value.key).collect(),
        stores: stores.into_iter().map(|entry| store(entry.value)).collect(),
        ..Head::default()
    };
    let paths = categories(&folder.join("categories.csv"), &mut head, &mut skipped)?;
    let file =
        ["products.csv", "products-ci.csv"].map(|name| folder.join(name)).into_iter().find(|file| file.is_file());
    let mut products = match file {
        Some(file) => products::read(&file, &head, &paths, &mut skipped)?,
        None => Vec::new(),
    };
    stock(folder, &mut head, &mut products, &mut skipped)?;
    complete(&mut head, &products);
    let markets = markets(&head);
    Ok(Parts { data_set: DataSet::Sunrise, head, products, markets, skipped }.into_loaded())
}

fn channel(draft: ChannelDraft) -> Channel {
    let has = |role: &str| draft.roles.iter().any(|own| own == role);
    Channel {
        supply: has("InventorySupply"),
        distribution: has("ProductDistribution"),
        key: draft.key,
        name: draft.name,
    }
}

fn store(draft: StoreDraft) -> Store {
    Store {
        key: draft.key,
        name: draft.name,
        languages: draft.languages,
        countries: Vec::new(),
        distribution_channels: Vec::new(),
        supply_channels: Vec::new(),
        selections: Vec::new(),
    }
}

/// Reads the categories into the head; gives their keys by the path of their English names.
fn categories(file: &Path, head: &mut Head, skipped: &mut Vec<Skipped>) -> Result<HashMap<String, String>, LoadError> {
    let table = Table::read(file, &["key", "externalId", "name.en", "slug.en", "parentId"], skipped)?;
    let keys: HashMap<&str, &str> = table.rows.iter().map(|row| (row.cell("externalId"), row.cell("key"))).collect();
    let locales = table.suffixes("name.");
    let mut taken = HashSet::new();
    let mut categories = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        let key = row.cell("key");
        if key.is_empty() || !taken.insert(key) {
            skipped.push(row.skip(format!("category key {key:?} is empty or there already; row left out")));
            continue;
        }
        let parent = row.cell("parentId");
        // A parent that isn't there stays as it is named, for the tree to tell.
        let parent = (!parent.is_empty()).then(|| keys.get(parent).copied().unwrap_or(parent).to_owned());
        let hint = row.cell("orderHint");
        categories.push(Category {
            key: key.to_owned(),
            parent,
            name: localized(row, "name", &locales),
            slug: localized(row, "slug", &locales),
            order_hint: if hint.is_empty() { order_hint(categories.len()) } else { hint.to_owned() },
        });
    }
    head.categories = tree::parents_first(categories, |key, why| {
        let row = table.rows.iter().find(|row| row.cell("key") == key);
        skipped.extend(row.map(|row| row.skip(format!("category {key}: {why}"))));
    });
    let mut paths: HashMap<&str, String> = HashMap::new();
    for category in &head.categories {
        let name = category.name.get("en").map(String::as_str).unwrap_or_default();
        let path = match category.parent.as_ref().and_then(|parent| paths.get(parent.as_str())) {
            Some(above) => format!("{above}>{name}"),
            None => name.to_owned(),
        };
        paths.insert(&category.key, path);
    }
    Ok(paths.into_iter().map(|(key, path)| (path, key.to_owned())).collect())
}

/// The cells `<name>.<locale>` that aren't empty.
fn localized(row: &Row, name: &str, locales: &[String]) -> Localized {
    let cells = locales.iter().map(|locale| (locale.to_lowercase(), row.cell(&format!("{name}.{locale}")).to_owned()));
    cells.filter(|(_, text)| !text.is_empty()).collect()
}

fn stock(
    folder: &Path,
    head: &mut Head,
    products: &mut [Product],
    skipped: &mut Vec<Skipped>,
) -> Result<(), LoadError> {
    let mut own: HashMap<String, &mut Vec<Stock>> = HashMap::new();
    for variant in products.iter_mut().flat_map(|product| &mut product.variants) {
        if let Some(sku) = &variant.sku {
            own.insert(sku.clone(), &mut variant.stock);
        }
    }
    let mut seen: HashSet<(String, String)> = HashSet::new();
    for file in inventories(folder) {
        let table = Table::read(&file, &["sku", "quantityOnStock"], skipped)?;
        for row in &table.rows {
            let (sku, text, channel) = (row.cell("sku"), row.cell("quantityOnStock"), row.cell("supplyChannel"));
            let Ok(quantity) = text.parse::<i64>() else {
                skipped.push(row.skip(format!("quantityOnStock {text:?} isn't a number; row left out")));
                continue;
            };
            if !channel.is_empty() && head.channels.iter().all(|known| known.key != channel) {
                skipped.push(row.skip(format!("there is no channel {channel}; row left out")));
                continue;
            }
            if sku.is_empty() || !seen.insert((sku.to_owned(), channel.to_owned())) {
                skipped.push(row.skip(format!("SKU {sku:?} is empty or has this stock already; row left out")));
                continue;
            }
            let level = Stock { channel: (!channel.is_empty()).then(|| channel.to_owned()), quantity };
            match own.get_mut(sku) {
                Some(levels) => levels.push(level),
                None => head.loose_stock.push((sku.to_owned(), level)),
            }
        }
    }
    Ok(())
}

fn inventories(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("inventory") && file.extension().is_some_and(|extension| extension == "csv")
    });
    files.sort();
    files
}

/// Adds the languages, countries and currencies that the project doesn't name but its data has.
fn complete(head: &mut Head, products: &[Product]) {
    let texts = head.categories.iter().map(|category| &category.name);
    for locale in texts.chain(products.iter().map(|product| &product.name)).flat_map(Localized::keys) {
        add_once(&mut head.languages, locale.clone());
    }
    for price in products.iter().flat_map(|product| &product.variants).flat_map(|variant| &variant.prices) {
        add_once(&mut head.currencies, price.currency.clone());
        if let Some(country) = &price.country {
            add_once(&mut head.countries, country.clone());
        }
    }
}

fn markets(head: &Head) -> Vec<Market> {
    let market = |key: &str, locale: &str, currency: &str, country: &str, store: Option<&str>| Market {
        key: key.to_owned(),
        locale: locale.to_owned(),
        currency: currency.to_owned(),
        country: country.to_owned(),
        store: store.filter(|key| head.stores.iter().any(|store| store.key == *key)).map(str::to_owned),
        supply_channels: Vec::new(),
    };
    vec![
        market("de", "de", "EUR", "DE", Some("dach")),
        market("uk", "en", "EUR", "GB", Some("uk")),
        market("us", "en", "USD", "US", None),
    ]
}
