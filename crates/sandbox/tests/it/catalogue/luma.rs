//! The Luma shop against an independent reading of its files.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use sandbox::catalogue::{
    Loaded, Product, Value,
    load::{DataSet, load},
};

use super::{assert_sound, data_set, products, table};

type Row = HashMap<String, String>;

fn loaded(folder: &Path) -> Loaded {
    load(folder).unwrap()
}

/// Rounds half up by way of decimal digits rather than by the loader's sum.
fn converted(dollars: &str, rate: u64) -> i64 {
    let (whole, part) = dollars.split_once('.').unwrap_or((dollars, "0"));
    let cents = whole.parse::<u64>().unwrap() * 100 + format!("{part:0<2}")[..2].parse::<u64>().unwrap();
    let product = cents * rate;
    let up = u64::from(product % 100 >= 50);
    i64::try_from(product / 100 + up).unwrap()
}

#[test]
fn has_every_product_and_every_sku() {
    let Some(folder) = data_set("magento-luma") else { return };
    let loaded = loaded(&folder);
    assert_eq!(loaded.data_set, DataSet::Luma);
    assert_sound(&loaded.catalogue);
    let all = products(&loaded.catalogue);
    let rows = table(&folder.join("configurable/products.csv"));
    let configurable: BTreeSet<_> = of_type(&rows, "configurable").map(|row| row["sku"].clone()).collect();
    let variants: BTreeSet<_> = of_type(&rows, "simple").map(|row| row["sku"].clone()).collect();
    assert_eq!((configurable.len(), variants.len()), (147, 1_847));
    let mut singles = BTreeSet::new();
    for name in ["bags", "fitness_equipment", "fitness_equipment_ball", "fitness_equipment_strap", "watches"] {
        singles.extend(table(&folder.join(format!("simple/{name}.csv"))).into_iter().map(|row| row["sku"].clone()));
    }
    let keys: BTreeSet<_> = all.iter().map(|product| product.key.clone()).collect();
    assert_eq!(keys, configurable.union(&singles).cloned().collect());
    let skus: BTreeSet<_> = all.iter().flat_map(|p| &p.variants).filter_map(|v| v.sku.clone()).collect();
    assert_eq!(skus, variants.union(&singles).cloned().collect());
    assert_eq!((all.len(), skus.len()), (191, 1_891));
}

fn of_type<'a>(rows: &'a [Row], kind: &'a str) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| row["product_type"] == kind)
}

#[test]
fn every_field_of_a_configurable_product_is_that_of_the_file() {
    let Some(folder) = data_set("magento-luma") else { return };
    let all: BTreeMap<String, Product> =
        products(&loaded(&folder).catalogue).into_iter().map(|product| (product.key.clone(), product)).collect();
    let rows = table(&folder.join("configurable/products.csv"));
    let by_sku: HashMap<&str, &Row> = rows.iter().map(|row| (row["sku"].as_str(), row)).collect();
    for row in of_type(&rows, "configurable") {
        let product = &all[&row["sku"]];
        assert_eq!(product.name["en"], row["name"]);
        assert_eq!(product.name["de"], format!("[de] {}", row["name"]));
        assert_eq!(product.description["en"], row["description"]);
        assert_eq!(product.description["de"], format!("[de] {}", row["description"]));
        assert_eq!(product.slug["en"], row["sku"].to_lowercase());
        assert!(product.published);
        let variations: Vec<&str> = row["configurable_variations"].split('|').collect();
        assert_eq!(product.variants.len(), variations.len());
        for (variant, variation) in product.variants.iter().zip(variations) {
            let [sku, size, color] = variation.split(',').collect::<Vec<_>>()[..] else { panic!("{variation}") };
            let child = by_sku[&sku["sku=".len()..]];
            assert_eq!(variant.sku.as_deref(), Some(child["sku"].as_str()));
            let options: Vec<String> =
                variant.attributes.iter().map(|(name, value)| format!("{name}={}", key(value))).collect();
            assert_eq!(options, [size, color]);
            let prices: Vec<_> = variant.prices.iter().map(|p| (p.currency.as_str(), p.minor, p.discounted)).collect();
            let expected =
                [("EUR", converted(&child["price"], 92), None), ("GBP", converted(&child["price"], 79), None)];
            assert_eq!(prices, expected);
            assert_eq!(variant.stock.len(), 1);
            assert_eq!(variant.stock[0].quantity.to_string(), child["qty"]);
            let first = format!("https://luma.example/media/catalog/product{}", child["base_image"]);
            assert_eq!(variant.images.first(), Some(&first));
        }
    }
}

fn key(value: &Value) -> &str {
    let Value::Key(key) = value else { panic!("{value:?}") };
    key
}

#[test]
fn attributes_and_categories_are_those_of_the_file() {
    let Some(folder) = data_set("magento-luma") else { return };
    let loaded = loaded(&folder);
    let all: BTreeMap<String, Product> =
        products(&loaded.catalogue).into_iter().map(|product| (product.key.clone(), product)).collect();
    let hoodie = &all["MH01"];
    assert_eq!(hoodie.categories, ["hoodies-and-sweatshirts-men", "eco-friendly"]);
    let climate = hoodie.attributes.iter().find(|(name, _)| name == "climate").unwrap();
    let Value::Set(members) = &climate.1 else { panic!("{climate:?}") };
    assert_eq!(members.iter().map(key).collect::<Vec<_>>(), ["All-weather", "Cool", "Indoor", "Spring", "Windy"]);
    assert!(matches!(hoodie.attributes.iter().find(|(name, _)| name == "sale").unwrap().1, Value::Boolean(true)));
    // Counted from the file: paths are below the root, which is no category.
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for row in of_type(&table(&folder.join("configurable/products.csv")), "configurable") {
        for path in row["categories"].split(',').filter_map(|path| path.strip_prefix("Default Category/")) {
            *expected.entry(path.to_owned()).or_default() += 1;
        }
    }
    for (path, count) in expected {
        let key = category(&loaded, &path);
        let found = all.values().filter(|product| product.variants.len() > 1 && product.categories.contains(&key));
        assert_eq!(found.count(), count, "{path}");
    }
}

/// The key of a category by the names on its path.
fn category(loaded: &Loaded, path: &str) -> String {
    let mut parent = None;
    for name in path.split('/') {
        let here = |c: &&sandbox::catalogue::Category| c.parent == parent && c.name["en"] == name;
        parent = Some(loaded.catalogue.head.categories.iter().find(here).unwrap().key.clone());
    }
    parent.unwrap()
}

#[test]
fn simple_products_have_their_special_price_their_categories_and_their_visibility() {
    let Some(folder) = data_set("magento-luma") else { return };
    let loaded = loaded(&folder);
    let all: BTreeMap<String, Product> =
        products(&loaded.catalogue).into_iter().map(|product| (product.key.clone(), product)).collect();
    let (mut special, mut hidden) = (0, 0);
    for name in ["bags", "fitness_equipment", "fitness_equipment_ball", "fitness_equipment_strap", "watches"] {
        for row in table(&folder.join(format!("simple/{name}.csv"))) {
            let product = &all[&row["sku"]];
            let [variant] = product.variants.as_slice() else { panic!("one variant") };
            assert_eq!(product.name["en"], row["name"], "to the letter, with the spaces at its end");
            let reduced = row.get("special_price").filter(|special| !special.is_empty());
            // Five of the six special prices are the price itself, which is no reduction.
            let reduced = reduced.filter(|special| converted(special, 100) < converted(&row["price"], 100));
            special += usize::from(reduced.is_some());
            assert_eq!(variant.prices[0].minor, converted(&row["price"], 92));
            assert_eq!(variant.prices[0].discounted, reduced.map(|special| converted(special, 92)));
            assert_eq!(variant.prices[1].discounted, reduced.map(|special| converted(special, 79)));
            let visible = row.get("visibility").is_none_or(|visibility| visibility != "1");
            hidden += usize::from(!visible);
            assert_eq!(product.published, visible);
        }
    }
    assert_eq!((special, hidden), (1, 12));
    assert_eq!(all["24-MB04"].categories, ["gear", "bags", "collections", "erin-recommends"]);
    let [skipped] = loaded.skipped.as_slice() else { panic!("{:?}", loaded.skipped) };
    assert!(skipped.file.ends_with("simple/fitness_equipment.csv") && skipped.why.contains("Erin Recommends New"));
}
