//! The shop that never rests.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use sandbox::{
    catalogue::{Catalogue, Head, Options, Price, Product, generate},
    clock,
    commercetools::{Change, Driven, Emulator, Settings, drive},
    shop::{Edit, LivingShop, MOST_HIDDEN},
};

fn shop(products: usize) -> Catalogue {
    generate(&Options { products, ..Options::default() })
}

fn kind(edit: &Edit) -> &'static str {
    match edit {
        Edit::Stock { .. } => "stock",
        Edit::Price { .. } => "price",
        Edit::PriceWindow { .. } => "window",
        Edit::Name { .. } => "name",
        Edit::Category { .. } => "category",
        Edit::Published { .. } => "published",
        Edit::Added(_) | Edit::Removed { .. } => "assortment",
    }
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let life = |seed| LivingShop::new(&shop(100), seed).take(500).map(|edit| format!("{edit:?}")).collect::<Vec<_>>();
    assert_eq!(life(7), life(7));
    assert_ne!(life(7), life(8));
}

#[test]
fn stock_moves_most_then_prices_texts_categories_and_publication() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for edit in LivingShop::new(&shop(1_000), 1).take(20_000) {
        *counts.entry(kind(&edit)).or_default() += 1;
    }
    assert_eq!(counts.len(), 7, "{counts:?}");
    assert!(counts["stock"] > counts["price"] && counts["price"] > counts["name"], "{counts:?}");
    assert!(counts["name"] > counts["category"] && counts["name"] > counts["published"], "{counts:?}");
}

#[test]
fn every_edit_is_about_something_that_is_there_and_changes_it_plausibly() {
    let shop = shop(200);
    let mut products: BTreeMap<String, Product> =
        (shop.products)().map(|product| (product.key.clone(), product)).collect();
    let categories: BTreeSet<_> = shop.head.categories.iter().map(|category| category.key.clone()).collect();
    let mut added: HashSet<String> = HashSet::new();
    let mut windows: HashSet<String> = HashSet::new();
    let mut hidden = 0;
    for edit in LivingShop::new(&shop, 3).take(5_000) {
        match edit {
            Edit::Stock { sku, channel, quantity } => {
                let mut variants = products.values().flat_map(|product| &product.variants);
                let variant = variants.find(|variant| variant.sku.as_ref() == Some(&sku)).unwrap();
                assert!(variant.stock.iter().any(|stock| stock.channel == channel) && quantity >= 0);
            }
            Edit::Price { product, sku, price } => {
                let variants = &products[&product].variants;
                let variant = variants.iter().find(|variant| variant.sku.as_ref() == Some(&sku)).unwrap();
                let of = |known: &&Price| {
                    (&known.currency, &known.country, &known.customer_group, &known.channel, &known.valid_from)
                        == (&price.currency, &price.country, &price.customer_group, &price.channel, &price.valid_from)
                };
                let first = variant.prices.iter().find(of).unwrap().minor;
                assert!(price.minor * 100 >= first * 84 && price.minor * 100 <= first * 116);
                assert!(price.discounted.is_none_or(|discounted| discounted < price.minor));
            }
            Edit::PriceWindow { product, sku, price, opens_in, lasts } => {
                assert!(windows.insert(sku), "a second window might overlap the first");
                assert!(products.contains_key(&product) && price.valid_from.is_none());
                assert!(opens_in.as_secs() >= 3 && lasts.as_secs() >= 60);
            }
            Edit::Name { product, locale, text } => {
                assert!(text.starts_with(&products[&product].name[&locale]));
            }
            Edit::Category { category, text, .. } => assert!(categories.contains(&category) && !text.is_empty()),
            Edit::Published { product, published } => {
                assert_ne!(products[&product].published, published, "it is so already");
                products.get_mut(&product).unwrap().published = published;
                hidden = if published { hidden - 1 } else { hidden + 1 };
                assert!(hidden <= MOST_HIDDEN);
            }
            Edit::Added(product) => {
                assert!(added.insert(product.key.clone()) && !products.contains_key(&product.key));
            }
            Edit::Removed { product } => assert!(added.remove(&product), "only what was added is removed"),
        }
    }
    assert!(!windows.is_empty());
}

#[test]
fn a_shop_without_products_renames_categories_and_an_empty_one_rests() {
    let without = |head| Catalogue { head, product_count: 0, products: Box::new(|| Box::new(std::iter::empty())) };
    let head = shop(0).head;
    assert!(LivingShop::new(&without(head), 1).take(50).all(|edit| matches!(edit, Edit::Category { .. })));
    assert!(LivingShop::new(&without(Head::default()), 1).next().is_none());
}

fn emulator(catalogue: &Catalogue) -> Emulator {
    let emulator = Emulator::new(Settings::default());
    emulator.seed(catalogue).unwrap();
    emulator
}

#[test]
fn commercetools_takes_every_edit() {
    let catalogue = shop(100);
    let emulator = emulator(&catalogue);
    let mut kinds = BTreeSet::new();
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    for edit in LivingShop::new(&catalogue, 5).take(1_000) {
        kinds.insert(kind(&edit));
        let told = format!("{edit:?}");
        let change = edit.clone().into_change(now);
        emulator.change(change).unwrap_or_else(|error| panic!("{error}: {told}"));
        match edit {
            Edit::Name { product, locale, text } => {
                assert_eq!(emulator.product(&product).unwrap()["masterData"]["current"]["name"][locale], text);
            }
            Edit::Published { product, published } => {
                assert_eq!(emulator.product(&product).unwrap()["masterData"]["published"], published);
            }
            Edit::Added(product) => assert!(emulator.product(&product.key).is_some()),
            Edit::Removed { product } => assert!(emulator.product(&product).is_none()),
            _ => {}
        }
    }
    assert_eq!(kinds.len(), 7);
}

#[test]
fn a_price_window_has_its_instants_from_the_moment_it_is_set() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let price = Price { minor: 800, currency: "EUR".into(), ..Price::default() };
    let (opens_in, lasts) = (Duration::from_secs(5), Duration::from_millis(60_500));
    let edit = Edit::PriceWindow { product: "p".into(), sku: "s".into(), price, opens_in, lasts };
    let Change::SetPrice { scope, minor, .. } = edit.into_change(now) else { panic!("a price") };
    assert_eq!(minor, 800);
    assert_eq!(scope.valid_from.as_deref(), Some("2026-03-01T12:00:05.000Z"));
    assert_eq!(scope.valid_until.as_deref(), Some("2026-03-01T12:01:05.500Z"));
}

#[tokio::test]
async fn it_is_driven_at_its_pace_until_the_shutdown() {
    let catalogue = shop(50);
    let emulator = emulator(&catalogue);
    let living = LivingShop::new(&catalogue, 5);
    let shutdown = tokio::time::sleep(Duration::from_millis(300));
    let told = std::cell::Cell::new(0);
    let tell = |_: &Edit| told.set(told.get() + 1);
    let driven = drive(&emulator, living, Duration::from_millis(20), &clock::machine(), tell, shutdown).await;
    // At most one at once and then one every 20 ms; a busy machine makes fewer.
    assert!(driven.made >= 1 && driven.made <= 16 && driven.refused == 0, "{driven:?}");
    assert_eq!(told.get(), driven.made, "each edit that was made is passed on, and no other");
}

#[tokio::test]
async fn a_shop_in_which_nothing_can_be_edited_waits_for_the_shutdown() {
    let nothing =
        Catalogue { head: Head::default(), product_count: 0, products: Box::new(|| Box::new(std::iter::empty())) };
    let living = LivingShop::new(&nothing, 5);
    let shutdown = tokio::time::sleep(Duration::from_millis(30));
    let driven = drive(&emulator(&nothing), living, Duration::ZERO, &clock::machine(), |_| {}, shutdown).await;
    assert_eq!(driven, Driven::default());
}
