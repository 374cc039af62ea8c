//! Another reading of the catalogue: it goes neither through a connector nor through the model.

use std::collections::BTreeMap;

use sandbox::catalogue::{Catalogue, Price, Product, Variant};
use serde_json::{Map, Value, json};

use super::Buyer;

/// Holds what a buyer is shown against the catalogue: which products, their names and addresses, and of each variant SKU,
/// price, price without discount, and stock where it is counted.
pub(super) fn agrees(catalogue: &Catalogue, buyer: &Buyer, items: &BTreeMap<String, Map<String, Value>>) {
    let mut left = items.clone();
    let mut count = 0;
    for product in (catalogue.products)().filter(|product| is_sold(catalogue, product, buyer)) {
        let sold: Vec<(&Variant, &Price)> =
            product.variants.iter().filter_map(|variant| Some((variant, price(variant, buyer)?))).collect();
        let Some(name) = product.name.get(&buyer.market.locale).filter(|_| !sold.is_empty()) else { continue };
        let what = format!("{} for {}", product.key, buyer.key);
        let item = left.remove(&product.key).unwrap_or_else(|| panic!("{what} is missing"));
        let is = |field: &str, expected: Value| assert_eq!(item[field], expected, "{field} of {what}");
        is("name", json!(name));
        is("url", json!(format!("https://shop.example/{}/", product.slug[&buyer.market.locale])));
        is("variant_skus", sold.iter().map(|(variant, _)| json!(variant.sku.as_deref().unwrap_or_default())).collect());
        let digits = if buyer.market.currency == "JPY" { 0 } else { 2 };
        let minor = |field: &str| -> Vec<i64> {
            let all = item[field].as_array().unwrap_or_else(|| panic!("{field} of {what}: {item:?}")).iter();
            #[expect(clippy::cast_possible_truncation, reason = "prices are small")]
            all.map(|it| (it.as_f64().unwrap() * 10_f64.powi(digits)).round() as i64).collect()
        };
        let now: Vec<i64> = sold.iter().map(|(_, price)| price.discounted.unwrap_or(price.minor)).collect();
        let before: Vec<i64> = sold.iter().map(|(_, price)| price.minor).collect();
        assert_eq!((minor("variant_prices"), minor("variant_list_prices")), (now, before), "prices of {what}");
        for ((variant, _), shown) in sold.iter().zip(item["variant_stocks"].as_array().unwrap()) {
            if let Some(pieces) = pieces(variant, buyer) {
                assert_eq!(*shown, json!(pieces), "stock of {what}");
            }
        }
        count += 1;
    }
    assert!(count > 100, "{} sees {count}", buyer.key);
    assert_eq!(left.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "more than {} can buy", buyer.key);
}

/// Whether a product is published and in an assortment of the market's store.
fn is_sold(catalogue: &Catalogue, product: &Product, buyer: &Buyer) -> bool {
    let store = catalogue.head.stores.iter().find(|store| Some(&store.key) == buyer.market.store.as_ref());
    let active = store.iter().flat_map(|store| &store.selections).filter(|(_, active)| *active);
    let mut selections =
        active.filter_map(|(key, _)| catalogue.head.selections.iter().find(|it| it.key == *key)).peekable();
    let in_one = selections.peek().is_none() || selections.any(|it| it.products.contains(&product.key) != it.excludes);
    product.published && in_one
}

/// The price with the narrowest scope of those that hold now: group before channel before country before time.
fn price<'a>(variant: &'a Variant, buyer: &Buyer) -> Option<&'a Price> {
    // The windows of the catalogue are over, hold, or are to come for decades.
    let now: jiff::Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let at = |text: &Option<String>| text.as_ref().map(|text| text.parse::<jiff::Timestamp>().unwrap());
    let fits = |scope: &Option<String>, own: Option<&str>| scope.is_none() || scope.as_deref() == own;
    let holds = |price: &&Price| {
        price.currency == buyer.market.currency
            && fits(&price.country, Some(&buyer.market.country))
            && fits(&price.customer_group, buyer.group)
            && fits(&price.channel, buyer.price_channel)
            && at(&price.valid_from).is_none_or(|from| from <= now)
            && at(&price.valid_until).is_none_or(|until| now < until)
    };
    variant.prices.iter().filter(holds).max_by_key(|price| {
        (price.customer_group.is_some(), price.channel.is_some(), price.country.is_some(), price.valid_from.is_some())
    })
}

/// The pieces that the market's warehouses have; `None` where they are not counted there.
fn pieces(variant: &Variant, buyer: &Buyer) -> Option<i64> {
    let here = |channel: &Option<String>| match channel {
        None => buyer.market.supply_channels.is_empty(),
        Some(key) => buyer.market.supply_channels.contains(key),
    };
    let counted: Vec<i64> =
        variant.stock.iter().filter(|stock| here(&stock.channel)).map(|stock| stock.quantity).collect();
    (!counted.is_empty()).then(|| counted.iter().sum())
}
