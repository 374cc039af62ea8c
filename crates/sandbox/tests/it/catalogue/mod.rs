//! Catalogues: made up, read from real data sets, and refused.

mod best_buy;
mod demo_store;
mod generated;
mod luma;
mod malformed;
mod sunrise;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
};

use sandbox::{
    catalogue::{AttributeKind, Catalogue, Product, Value, load},
    commercetools::{Emulator, Settings},
};

/// The folder of a real data set; none, and a line that says so, where it isn't there.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should see what wasn't tested")]
fn data_set(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} isn't there", folder.display());
    None
}

/// Every data set can be sold on the emulated platform, which refuses what names something that isn't there.
#[test]
fn the_emulator_takes_every_data_set() {
    let sets = [
        ("magento-luma", 191, 1_891, 32),
        ("commercetools-sunrise/small", 27, 102, 39),
        ("commercetools-sunrise/full", 3, 3, 102),
        ("commercelayer-demo-store", 58, 250, 15),
        ("bestbuy-categories", 0, 0, 4_584),
    ];
    for (name, products, variants, categories) in sets {
        let Some(folder) = data_set(name) else { return };
        let emulator = Emulator::new(Settings::default());
        let seeded = emulator.seed(&load(&folder).unwrap().catalogue).unwrap();
        assert_eq!((seeded.products, seeded.variants, seeded.categories), (products, variants, categories), "{name}");
    }
}

fn products(catalogue: &Catalogue) -> Vec<Product> {
    (catalogue.products)().collect()
}

/// Rows of a CSV file by the names of its columns, read by the test itself.
fn table(file: &Path) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |row: csv::StringRecord| columns.iter().cloned().zip(row.iter().map(str::to_owned)).collect();
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn json(file: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// What any catalogue keeps, wherever it comes from: unique keys, and nothing that is named but isn't there.
fn assert_sound(catalogue: &Catalogue) {
    let head = &catalogue.head;
    let mut categories = BTreeSet::new();
    for category in &head.categories {
        if let Some(parent) = &category.parent {
            assert!(categories.contains(parent.as_str()), "{} stands before its parent {parent}", category.key);
        }
        assert!(categories.insert(category.key.as_str()), "category {} is there twice", category.key);
        let hint: f64 = category.order_hint.parse().unwrap();
        assert!((0.0..1.0).contains(&hint) && !category.order_hint.ends_with('0'), "{}", category.order_hint);
    }
    let channels: BTreeSet<_> = head.channels.iter().map(|channel| channel.key.as_str()).collect();
    let types: BTreeMap<_, _> = head.product_types.iter().map(|of_type| (of_type.key.as_str(), of_type)).collect();
    let (mut keys, mut skus, mut slugs) = (HashSet::new(), HashSet::new(), HashSet::new());
    let all = products(catalogue);
    assert_eq!(all.len(), catalogue.product_count);
    let known_keys: HashSet<_> = all.iter().map(|product| product.key.as_str()).collect();
    for product in &all {
        assert!(keys.insert(product.key.clone()), "product {} is there twice", product.key);
        for slug in &product.slug {
            assert!(slugs.insert(slug), "two products have the slug {slug:?}");
        }
        for category in &product.categories {
            assert!(categories.contains(category.as_str()), "{} is in {category}, which isn't there", product.key);
        }
        let of_type = types.get(product.product_type.as_str());
        let of_type = of_type.unwrap_or_else(|| panic!("{} has no type {}", product.key, product.product_type));
        let check = |(name, value): &(String, Value), product_level: bool| {
            let definition = of_type.attributes.iter().find(|attribute| attribute.name == *name);
            let definition = definition.unwrap_or_else(|| panic!("{} has no {name}", product.product_type));
            assert_eq!(definition.product_level, product_level, "{name} of {}", product.key);
            assert!(fits(&definition.kind, value, &types, &known_keys), "{name} of {} is {value:?}", product.key);
        };
        product.attributes.iter().for_each(|attribute| check(attribute, true));
        assert!(!product.variants.is_empty(), "{} has no variant", product.key);
        for variant in &product.variants {
            variant.attributes.iter().for_each(|attribute| check(attribute, false));
            if let Some(sku) = &variant.sku {
                assert!(skus.insert(sku.clone()), "SKU {sku} is there twice");
            }
            for price in &variant.prices {
                assert!(head.currencies.contains(&price.currency));
                assert!(price.minor >= 0 && price.discounted.is_none_or(|minor| minor < price.minor));
                assert!(price.country.as_ref().is_none_or(|country| head.countries.contains(country)));
                assert!(price.customer_group.as_ref().is_none_or(|group| head.customer_groups.contains(group)));
                assert!(price.channel.as_ref().is_none_or(|channel| channels.contains(channel.as_str())));
            }
            for stock in &variant.stock {
                assert!(stock.channel.as_ref().is_none_or(|channel| channels.contains(channel.as_str())));
            }
        }
    }
}

/// Whether a value is one of a kind.
fn fits(
    kind: &AttributeKind,
    value: &Value,
    types: &BTreeMap<&str, &sandbox::catalogue::ProductType>,
    products: &HashSet<&str>,
) -> bool {
    match (kind, value) {
        (AttributeKind::Text, Value::Text(_))
        | (AttributeKind::LocalizedText, Value::Localized(_))
        | (AttributeKind::Number, Value::Number(_))
        | (AttributeKind::Money, Value::Money { .. })
        | (AttributeKind::Date, Value::Date(_))
        | (AttributeKind::Time, Value::Time(_))
        | (AttributeKind::DateTime, Value::DateTime(_))
        | (AttributeKind::Boolean, Value::Boolean(_)) => true,
        (AttributeKind::Enum(keys), Value::Key(key)) => keys.iter().any(|(known, _)| known == key),
        (AttributeKind::LocalizedEnum(keys), Value::Key(key)) => keys.iter().any(|(known, _)| known == key),
        (AttributeKind::ProductReference, Value::Product(key)) => products.contains(key.as_str()),
        (AttributeKind::Nested(key), Value::Nested(inner)) => inner.iter().all(|(name, value)| {
            let definition = types[key.as_str()].attributes.iter().find(|attribute| attribute.name == *name);
            definition.is_some_and(|definition| fits(&definition.kind, value, types, products))
        }),
        (AttributeKind::Set(element), Value::Set(values)) => {
            values.iter().all(|value| fits(element, value, types, products))
        }
        _ => false,
    }
}
