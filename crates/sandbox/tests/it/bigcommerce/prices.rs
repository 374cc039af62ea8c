//! The calculator of prices.

use sandbox::{
    bigcommerce::{Change, Whose},
    catalogue::{Options, generate},
};
use serde_json::{Value, json};

use super::Shop;

#[tokio::test]
async fn the_list_for_the_group_comes_before_that_of_the_channel_and_both_before_the_catalogue() {
    let catalogue = generate(&Options { products: 1, oddities: false, ..Options::default() });
    let shop = Shop::open(sandbox::bigcommerce::Settings::default(), &catalogue).await;
    let (product, variants) = shop.emulator.variant_ids().into_iter().next().unwrap();
    let sku = (catalogue.products)().next().unwrap().variants[0].sku.clone().unwrap();
    let group = shop.emulator.group_id("b2b").unwrap();
    let channel = shop.emulator.channel_id("de").unwrap();
    let set = |whose, currency: &str, minor, sale| {
        let change = Change::SetPrice { sku: sku.clone(), whose, currency: currency.to_owned(), minor, sale };
        shop.emulator.change(change).unwrap();
    };
    let price = async |currency: &str, group: u64| {
        let wanted = json!({
            "channel_id": channel, "currency_code": currency, "customer_group_id": group,
            "items": [{ "product_id": product, "variant_id": variants[0] }],
        });
        let answer = shop.ask("POST", "v3/pricing/products", "sandbox-token", &wanted.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let item: Value = answer.json()["data"][0].clone();
        let amount = |name: &str| item[name]["as_entered"].as_f64();
        (amount("calculated_price"), amount("price"), amount("sale_price"))
    };
    set(Whose::Everyone, "EUR", 1000, Some(900));
    assert_eq!(price("EUR", 0).await, (Some(9.0), Some(10.0), Some(9.0)));
    set(Whose::Channel("shop-de".to_owned()), "EUR", 800, None);
    assert_eq!(price("EUR", 0).await, (Some(8.0), Some(8.0), None));
    assert_eq!(price("EUR", group).await, (Some(8.0), Some(8.0), None), "the group's list has no price");
    set(Whose::Group("b2b".to_owned()), "EUR", 700, None);
    assert_eq!(price("EUR", group).await, (Some(7.0), Some(7.0), None));
    assert_eq!(price("EUR", 0).await, (Some(8.0), Some(8.0), None));
    shop.emulator.change(Change::DeletePriceRecord { sku: sku.clone(), currency: "GBP".to_owned() }).unwrap();
    assert_eq!(price("GBP", group).await, (Some(7.65), Some(8.5), Some(7.65)), "the catalogue's price, converted");
}

#[tokio::test]
async fn what_can_not_be_calculated_is_refused() {
    let shop = Shop::of(1).await;
    let channel = shop.emulator.channel_id("de").unwrap();
    let (product, _) = shop.emulator.variant_ids().into_iter().next().unwrap();
    for (wanted, field) in [
        (json!({ "channel_id": 9, "currency_code": "EUR", "items": [{ "product_id": product }] }), "channel_id"),
        (
            json!({ "channel_id": channel, "currency_code": "XAU", "items": [{ "product_id": product }] }),
            "currency_code",
        ),
        (json!({ "channel_id": channel, "currency_code": "EUR", "items": [] }), "items"),
        (json!({ "channel_id": channel, "currency_code": "EUR", "items": [{ "product_id": 1 }] }), "product_id"),
        (json!({ "channel_id": channel, "currency_code": "EUR", "items": [{}] }), "body"),
    ] {
        let answer = shop.ask("POST", "v3/pricing/products", "sandbox-token", &wanted.to_string()).await;
        assert_eq!(answer.status, 422, "{wanted}");
        assert!(answer.json()["errors"].get(field).is_some(), "{wanted}: {}", answer.text);
    }
}

#[tokio::test]
async fn prices_for_quantities_are_told_from_two_pieces_on() {
    let catalogue = generate(&Options { products: 60, ..Options::default() });
    let shop = Shop::open(sandbox::bigcommerce::Settings::default(), &catalogue).await;
    let channel = shop.emulator.channel_id("de").unwrap();
    let mut found = 0;
    for (product, variants) in shop.emulator.variant_ids() {
        let items = json!([{ "product_id": product, "variant_id": variants[0] }]);
        let wanted = json!({ "channel_id": channel, "currency_code": "EUR", "items": items });
        let answer = shop.ask("POST", "v3/pricing/products", "sandbox-token", &wanted.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        for tier in answer.json()["data"][0]["bulk_pricing"].as_array().unwrap() {
            assert!(tier["minimum"].as_u64() > Some(1) && tier["discount_type"] == "fixed", "{tier}");
            assert!(tier["discount_amount"].as_f64() > Some(0.0), "{tier}");
            found += 1;
        }
    }
    assert!(found > 0);
}
