//! One record in several markets.

use engine::market::{Reference, Views};
use model::{Filtered, Market, Price, PricePolicy, Product, Record, Window};

use super::build::*;

fn views(markets: &[Market]) -> Views {
    let reference = Reference::new(vec![Record::Category(category("c", None))]);
    Views::new(markets, &reference, PricePolicy::FirstScope(ORDER)).unwrap()
}

fn pounds() -> Market {
    Market {
        key: "uk".into(),
        locales: vec![locale("en")],
        currency: "GBP".parse().unwrap(),
        country: None,
        ..market()
    }
}

#[test]
fn it_is_filtered_only_if_every_market_filters_it() {
    let views = views(&[market(), pounds()]);
    let mut shirt = variant("S");
    let told = |product: &Product| {
        let all = views.product(product, &[], NOW);
        let shown = all.shown().map(|(market, listing)| format!("{}: {}", market.key, listing.name));
        (shown.collect::<Vec<_>>(), all.filtered().cloned())
    };
    let both = vec![euros(5), price(4, "GBP")];
    shirt.prices = both;
    assert_eq!(told(&product(vec![shirt.clone()])), (vec!["de: Hemd".to_owned(), "uk: Shirt".to_owned()], None));
    shirt.prices.truncate(1);
    assert_eq!(told(&product(vec![shirt.clone()])), (vec!["de: Hemd".to_owned()], None));
    shirt.prices.clear();
    assert_eq!(told(&product(vec![shirt])), (Vec::new(), Some(Filtered::NoPrice)));
}

#[test]
fn the_earliest_change_of_any_market_is_announced() {
    let views = views(&[market(), pounds()]);
    let from = |at, price: Price| Price { window: Window { from: Some(later(at)), until: None }, ..price };
    let mut shirt = variant("S");
    shirt.prices = vec![from(20, euros(5)), from(10, price(4, "GBP"))];
    let product = product(vec![shirt]);
    assert_eq!(views.product(&product, &[], NOW).holds.until, Some(later(10)));
    assert_eq!(views.product(&product, &[], later(10)).holds.until, Some(later(20)));
    assert_eq!(views.category(&category("c", None), NOW).markets.len(), 2);
    assert_eq!(views.each().len(), 2);
}
