//! The demo store with three currencies against an independent reading of its files.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::catalogue::load::{DataSet, load};

use super::{assert_sound, data_set, json, products};

#[test]
fn has_every_sku_with_its_three_prices_and_its_two_warehouses() {
    let Some(folder) = data_set("commercelayer-demo-store") else { return };
    let loaded = load(&folder).unwrap();
    assert_eq!(loaded.data_set, DataSet::DemoStore);
    assert_eq!(loaded.skipped, []);
    assert_sound(&loaded.catalogue);
    let all = products(&loaded.catalogue);
    assert_eq!(all.len(), 58);
    let mut prices = BTreeMap::new();
    for row in json(&folder.join("prices.json")).as_array().unwrap() {
        let currency = match row["price_list"].as_str().unwrap() {
            "price_list_1" => "EUR",
            "price_list_2" => "USD",
            _ => "GBP",
        };
        let scope = (row["sku_code"].as_str().unwrap().to_owned(), currency.to_owned());
        prices.insert(scope, (row["compare_at_amount_cents"].as_i64().unwrap(), row["amount_cents"].as_i64()));
    }
    let mut stock = BTreeMap::new();
    for row in json(&folder.join("stock_items.json")).as_array().unwrap() {
        let place = (row["sku_code"].as_str().unwrap().to_owned(), row["stock_location"].as_str().unwrap().to_owned());
        stock.insert(place, row["quantity"].as_i64().unwrap());
    }
    let (mut read_prices, mut read_stock, mut skus) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for variant in all.iter().flat_map(|product| &product.variants) {
        let sku = variant.sku.clone().unwrap();
        for price in &variant.prices {
            read_prices.insert((sku.clone(), price.currency.clone()), (price.minor, price.discounted));
        }
        for level in &variant.stock {
            read_stock.insert((sku.clone(), level.channel.clone().unwrap()), level.quantity);
        }
        skus.insert(sku);
    }
    assert_eq!((skus.len(), prices.len(), stock.len()), (250, 750, 500));
    assert_eq!(read_prices, prices);
    assert_eq!(read_stock, stock);
}

#[test]
fn products_are_in_the_taxons_that_name_one_of_their_skus() {
    let Some(folder) = data_set("commercelayer-demo-store") else { return };
    let loaded = load(&folder).unwrap();
    assert_eq!(loaded.catalogue.head.categories.len(), 15);
    let all = products(&loaded.catalogue);
    for taxon in json(&folder.join("taxons.json")).as_array().unwrap() {
        let skus: BTreeSet<_> =
            taxon["references"].as_array().unwrap().iter().map(|sku| sku.as_str().unwrap()).collect();
        for product in &all {
            let named = product.variants.iter().any(|variant| skus.contains(variant.sku.as_deref().unwrap()));
            let inside = product.categories.iter().any(|key| key == taxon["id"].as_str().unwrap());
            assert_eq!(named, inside, "{} in {}", product.key, taxon["id"]);
        }
    }
    let dark = loaded.catalogue.head.categories.iter().find(|category| category.key == "taxon_7AA").unwrap();
    assert_eq!((dark.parent.as_deref(), dark.name["it"].as_str()), (Some("taxon_7A"), "Polo Scure"));
}

#[test]
fn markets_are_supplied_from_the_warehouses_that_are_not_on_hold() {
    let Some(folder) = data_set("commercelayer-demo-store") else { return };
    let markets = load(&folder).unwrap().markets;
    let supply: Vec<_> = markets.iter().map(|market| (market.key.as_str(), market.supply_channels.clone())).collect();
    let (eu, us) = ("stock_location_1".to_owned(), "stock_location_2".to_owned());
    assert_eq!(supply, [("it", vec![eu.clone()]), ("uk", vec![eu.clone()]), ("us", vec![us, eu])]);
}
