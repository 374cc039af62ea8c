//! What each lane brings, and what it finds that moves no date.

use std::collections::BTreeMap;

use contract::{Position, Source as _};
use model::{ItemKey, Record, Value as Attribute};
use sandbox::{
    bigcommerce::{Change, Settings, Whose},
    catalogue::{Options, Stock, generate},
};
use serde_json::json;

use super::{Walked, settings, shop, source, walk};

/// Stock by variant.
fn levels(walked: &Walked) -> BTreeMap<String, i64> {
    let level = |record: &&Record| match record {
        Record::Stock(stock) => match &stock.item {
            ItemKey::Variant(_, variant) => Some((variant.to_string(), stock.level.available)),
            _ => None,
        },
        _ => None,
    };
    walked.records().iter().filter_map(level).collect()
}

#[tokio::test]
async fn products_come_whole_with_what_their_variants_inherit() {
    let (emulator, host) = shop(settings(), &generate(&Options { products: 60, ..Options::default() })).await;
    let source = source(&host, json!({ "page_size": { "products": 7 } }));
    let walked = walk(&source, "products", Position::Full).await;
    assert!(walked.unread.is_empty(), "{:?}", walked.unread);
    let shown = emulator.variant_ids();
    assert_eq!(walked.changes.len(), shown.len());
    for record in walked.records() {
        let Record::Product(product) = record else { panic!("{record:?}") };
        let variants: Vec<u64> = product.variants.iter().map(|it| it.id.as_str().parse().unwrap()).collect();
        assert_eq!(variants, shown[&product.id.as_str().parse().unwrap()]);
        assert!(product.brand.is_some() && product.name.get("und").is_some(), "{product:?}");
        assert!(product.slug.get("und").unwrap().ends_with('/'), "the path is kept as it is");
        let priced = product.variants.iter().all(|variant| variant.prices.len() == 1);
        assert!(priced || !product.online.default.on, "{product:?}");
        let axes = product.variants.iter().all(|it| it.axes == product.variants[0].axes);
        assert!(axes, "all variants have the same options");
        for variant in product.variants.iter().filter(|it| !it.axes.is_empty()) {
            let has = |axis: &String| {
                variant.attributes.iter().any(|it| it.name == *axis && matches!(it.value, Attribute::Text(_)))
            };
            assert!(variant.axes.iter().all(has), "{variant:?}");
        }
    }
}

#[tokio::test]
async fn what_moves_no_date_is_found_by_the_sweep_and_not_by_the_delta() {
    let (emulator, host) =
        shop(settings(), &generate(&Options { products: 5, oddities: false, ..Options::default() })).await;
    let source = source(&host, json!({}));
    emulator.set_clock_offset(3_600_000);
    let before = walk(&source, "products", Position::Full).await;
    emulator.set_clock_offset(7_200_000);
    let Record::Product(product) = before.records()[0] else { panic!() };
    let sku = product.variants[1].sku.clone().unwrap().to_string();
    let edit = Change::SetPrice {
        sku: sku.clone(),
        whose: Whose::Everyone,
        currency: "EUR".to_owned(),
        minor: 4711,
        sale: None,
    };
    emulator.change(edit).unwrap();
    let delta = walk(&source, "products", Position::Delta(before.end.clone().unwrap())).await;
    assert!(delta.changes.is_empty(), "a variant moves no date");
    let swept = walk(&source, "variants", Position::Full).await;
    let Record::Product(now) = swept.records()[0] else { panic!() };
    assert_eq!(now.variants[1].prices[0].value.minor, 4711);
    assert_eq!(now.variants[0].prices, product.variants[0].prices);
}

#[tokio::test]
async fn stock_is_what_can_be_sold_at_the_locations_that_count() {
    let mut catalogue = generate(&Options { products: 4, oddities: false, ..Options::default() });
    let products: Vec<_> = (catalogue.products)().collect();
    let mut edited = products.clone();
    for variant in &mut edited[0].variants {
        variant.stock = vec![
            Stock { channel: Some("warehouse-de".to_owned()), quantity: 3 },
            Stock { channel: Some("warehouse-uk".to_owned()), quantity: 40 },
        ];
    }
    // One that is not counted, though the platform has rows for it.
    edited[1].variants.iter_mut().for_each(|variant| variant.stock.clear());
    catalogue.products = Box::new(move || Box::new(edited.clone().into_iter()));
    let (emulator, host) = shop(settings(), &catalogue).await;
    let ids = emulator.variant_ids();
    let of = |key: &str| ids[&emulator.product_id(key).unwrap()].iter().map(ToString::to_string).collect::<Vec<_>>();
    let first = levels(&walk(&source(&host, json!({})), "inventory", Position::Full).await);
    assert!(of(&products[0].key).iter().all(|variant| first[variant] == 3), "{first:?}");
    assert!(of(&products[1].key).iter().all(|variant| !first.contains_key(variant)), "{first:?}");
    let all = json!({ "stock_locations": emulator.location_codes(), "page_size": { "inventory": 2 } });
    let summed = levels(&walk(&source(&host, all), "inventory", Position::Full).await);
    assert!(of(&products[0].key).iter().all(|variant| summed[variant] == 43), "{summed:?}");
}

#[tokio::test]
async fn stock_is_asked_for_by_whole_pages() {
    let (emulator, host) =
        shop(settings(), &generate(&Options { products: 600, oddities: false, ..Options::default() })).await;
    let stock = levels(&walk(&source(&host, json!({})), "inventory", Position::Full).await);
    let variants: usize = emulator.variant_ids().values().map(Vec::len).sum();
    assert_eq!(stock.len(), variants);
    let counters = emulator.counters();
    let calls = ["GET /v3/catalog/products", "GET /v3/inventory/items"].map(|it| counters[it]);
    // 3,000 rows: the first page of 250 products takes two answers and says how many products fill one.
    assert_eq!((variants, calls), (3_000, [3, 4]));
}

#[tokio::test]
async fn check_names_channels_with_their_addresses_and_what_is_not_read() {
    let catalogue = generate(&Options { products: 3, ..Options::default() });
    let (emulator, host) = shop(settings(), &catalogue).await;
    let found = source(&host, json!({ "lanes": { "customer_groups": true } })).check().await;
    let told: Vec<String> = found.into_iter().map(|it| format!("{}: {}", it.what, it.result.unwrap())).collect();
    let channel = emulator.channel_id("de").unwrap();
    let line = format!(
        "channel: {channel}: Deutschland (storefront, active); product_url = \"https://de.shop.example/{{path}}\""
    );
    assert!(told.iter().any(|it| it.starts_with(&line)), "{told:#?}");
    assert!(told.iter().any(|it| it.starts_with("texts: in de only")), "{told:#?}");
    let profile = source(&host, json!({})).profile().await.unwrap();
    assert_eq!(profile.currencies, Some(vec!["EUR".to_owned(), "GBP".to_owned()]));
    assert_eq!(profile.stores.map(|stores| stores.len()), Some(2));
}

#[tokio::test]
async fn check_names_the_scope_that_a_lane_lacks() {
    let scopes = ["store_v2_products", "store_v2_information_read_only", "store_channel_settings_read_only"];
    let emulated = Settings { scopes: scopes.map(str::to_owned).to_vec(), ..settings() };
    let (_, host) = shop(emulated, &generate(&Options { products: 1, ..Options::default() })).await;
    let faults = async |lanes| {
        let found = source(&host, json!({ "lanes": lanes })).check().await;
        found.into_iter().filter_map(|it| it.result.err()).map(|fault| fault.message).collect::<Vec<_>>()
    };
    let lacking = faults(json!({})).await;
    assert!(lacking.len() == 1 && lacking[0].contains("store_inventory_read_only"), "{lacking:?}");
    assert_eq!(faults(json!({ "inventory": false })).await, Vec::<String>::new());
}
