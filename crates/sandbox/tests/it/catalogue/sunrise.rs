//! The Sunrise shop, small and full, against an independent reading of its files.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::catalogue::load::{DataSet, load};

use super::{assert_sound, data_set, products, table};

#[test]
fn the_small_set_has_its_products_with_every_price_and_all_stock() {
    let Some(folder) = data_set("commercetools-sunrise/small") else { return };
    let loaded = load(&folder).unwrap();
    assert_eq!(loaded.data_set, DataSet::Sunrise);
    assert_eq!(loaded.skipped, []);
    assert_sound(&loaded.catalogue);
    let all = products(&loaded.catalogue);
    let rows = table(&folder.join("products.csv"));
    let begins = rows.iter().filter(|row| !row["productType"].is_empty()).count();
    assert_eq!((all.len(), begins), (27, 27));
    let skus: Vec<_> = all.iter().flat_map(|product| &product.variants).map(|v| v.sku.clone().unwrap()).collect();
    assert_eq!(skus, rows.iter().map(|row| row["sku"].clone()).collect::<Vec<_>>());
    // Every price, written as in the file, in its order.
    for (variant, row) in all.iter().flat_map(|product| &product.variants).zip(&rows) {
        let prices: Vec<String> = variant
            .prices
            .iter()
            .map(|price| {
                let country = price.country.as_ref().map(|country| format!("{country}-")).unwrap_or_default();
                let group = price.customer_group.as_ref().map(|group| format!(" {group}")).unwrap_or_default();
                let channel = price.channel.as_ref().map(|channel| format!("#{channel}")).unwrap_or_default();
                format!("{country}{} {}{group}{channel}", price.currency, price.minor)
            })
            .collect();
        assert_eq!(prices.join(";"), row["prices"]);
        assert_eq!(variant.images, [row["images"].clone()]);
    }
    let mut stock: BTreeMap<(String, String), i64> = BTreeMap::new();
    for name in ["inventory", "inventory-stores", "inventory-stores-us"] {
        for row in table(&folder.join(format!("{name}.csv"))) {
            stock.insert((row["sku"].clone(), row["supplyChannel"].clone()), row["quantityOnStock"].parse().unwrap());
        }
    }
    assert_eq!(stock.len(), 102 + 510 + 510);
    let mut read: BTreeMap<(String, String), i64> = BTreeMap::new();
    for variant in all.iter().flat_map(|product| &product.variants) {
        for level in &variant.stock {
            let channel = level.channel.clone().unwrap_or_default();
            read.insert((variant.sku.clone().unwrap(), channel), level.quantity);
        }
    }
    assert_eq!(read, stock);
    assert!(loaded.catalogue.head.loose_stock.is_empty());
}

#[test]
fn the_small_set_has_its_texts_categories_and_reference_data() {
    let Some(folder) = data_set("commercetools-sunrise/small") else { return };
    let loaded = load(&folder).unwrap();
    let head = &loaded.catalogue.head;
    assert_eq!((head.categories.len(), head.channels.len(), head.customer_groups.len()), (39, 18, 5));
    assert_eq!(head.languages, ["en", "de", "it"]);
    assert_eq!(head.currencies, ["EUR", "USD"]);
    assert_eq!(head.countries, ["DE", "AT", "US", "NL", "IT", "GB"]);
    assert_eq!(
        head.stores.iter().map(|store| store.key.as_str()).collect::<Vec<_>>(),
        ["default", "dach", "europe", "uk"]
    );
    assert!(head.channels.iter().all(|channel| channel.supply && channel.distribution));
    assert_eq!(head.product_types[0].attributes.len(), 21);
    let starting: Vec<_> =
        table(&folder.join("products.csv")).into_iter().filter(|row| !row["productType"].is_empty()).collect();
    for (product, row) in products(&loaded.catalogue).iter().zip(&starting) {
        assert_eq!(product.name["de"], row["name.de"]);
        assert_eq!(product.name["en"], row["name.en"]);
        assert_eq!(product.description.get("de").cloned().unwrap_or_default(), row["description.de"]);
        let paths: BTreeSet<_> = product.categories.iter().map(|key| path(head, key)).collect();
        assert_eq!(paths, row["categories"].split(';').map(str::to_owned).collect());
    }
}

fn path(head: &sandbox::catalogue::Head, key: &str) -> String {
    let category = head.categories.iter().find(|category| category.key == key).unwrap();
    let above = category.parent.as_ref().map(|parent| path(head, parent) + ">").unwrap_or_default();
    above + &category.name["en"]
}

#[test]
fn the_full_set_has_its_stock_loose_but_for_its_three_products() {
    let Some(folder) = data_set("commercetools-sunrise/full") else { return };
    let loaded = load(&folder).unwrap();
    assert_eq!(loaded.skipped, []);
    assert_sound(&loaded.catalogue);
    let all = products(&loaded.catalogue);
    assert_eq!((all.len(), loaded.catalogue.head.categories.len()), (3, 102));
    let own: BTreeSet<_> = all.iter().flat_map(|product| &product.variants).filter_map(|v| v.sku.clone()).collect();
    let mut rows = table(&folder.join("inventory.csv"));
    assert_eq!(rows.len(), 26_137);
    rows.extend(table(&folder.join("inventory-stores.csv")));
    assert_eq!(rows.len(), 26_137 + 14_538);
    let loose = rows.iter().filter(|row| !own.contains(&row["sku"])).count();
    assert_eq!(loaded.catalogue.head.loose_stock.len(), loose);
    let levels: usize = all.iter().flat_map(|product| &product.variants).map(|variant| variant.stock.len()).sum();
    assert_eq!(levels + loose, rows.len());
    assert_eq!(loaded.catalogue.head.categories[3].order_hint, "0.0004");
}

#[test]
fn the_folder_above_the_two_sets_is_told_apart_from_them() {
    let Some(folder) = data_set("commercetools-sunrise") else { return };
    let error = load(&folder).unwrap_err();
    assert!(error.to_string().contains("name one of its folders: full, small"), "{error}");
}
