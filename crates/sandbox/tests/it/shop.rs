//! The shop that never rests.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sandbox::{
    catalogue::{Catalogue, Head, Options, Product, generate},
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
                let of = |known: &&sandbox::catalogue::Price| {
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
