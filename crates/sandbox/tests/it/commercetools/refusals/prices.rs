//! Embedded and standalone prices.

use super::*;

fn price(more: Json) -> Json {
    let mut price = json!({ "value": { "currencyCode": "EUR", "centAmount": 1 } });
    let Json::Object(more) = more else { panic!("{more}") };
    price.as_object_mut().unwrap().extend(more);
    price
}

fn add(more: Json) -> Json {
    json!([{ "action": "addPrice", "variantId": 2, "price": price(more) }])
}

fn standalone(sku: &str, more: Json) -> Json {
    let mut draft = price(more);
    draft["sku"] = json!(sku);
    draft
}

fn product(prices: Json) -> Json {
    let mut draft = json!({ "productType": { "key": "main" }, "name": { "en": "N" }, "slug": { "en": "new" } });
    draft["masterVariant"] = json!({});
    draft["masterVariant"]["prices"] = prices;
    draft
}

const JUNE: (&str, &str) = ("2026-06-01T00:00:00.000Z", "2026-07-01T00:00:00.000Z");
const MID_JUNE: (&str, &str) = ("2026-06-15T00:00:00.000Z", "2026-07-15T00:00:00.000Z");
const JULY: (&str, &str) = ("2026-07-01T00:00:00.000Z", "2026-08-01T00:00:00.000Z");

fn window(window: (&str, &str)) -> Json {
    json!({ "validFrom": window.0, "validUntil": window.1 })
}

#[tokio::test]
async fn members_of_a_price_are_checked() {
    let shop = Shop::open().await;
    let mut cases: Vec<Case<'_>> = Vec::new();
    let tier = |quantity: i64, currency: &str| json!({ "minimumQuantity": quantity, "value": { "currencyCode": currency, "centAmount": 1 } });
    for (rule, more, code, members) in [
        ("country", json!({ "country": "Spain" }), "InvalidJsonInput", json!({})),
        ("currency", json!({ "value": { "currencyCode": "Euro", "centAmount": 1 } }), "InvalidJsonInput", json!({})),
        ("ends before it begins", window((JUNE.1, JUNE.0)), "InvalidField", json!({ "field": "validUntil" })),
        ("ends as it begins", window((JUNE.0, JUNE.0)), "InvalidField", json!({ "field": "validUntil" })),
        (
            "tier of one",
            json!({ "tiers": [tier(1, "EUR")] }),
            "InvalidField",
            json!({ "field": "minimumQuantity", "invalidValue": 1 }),
        ),
        (
            "tiers of one quantity",
            json!({ "tiers": [tier(5, "EUR"), tier(5, "EUR")] }),
            "InvalidField",
            json!({ "field": "minimumQuantity", "invalidValue": 5 }),
        ),
        (
            "tier in another currency",
            json!({ "tiers": [tier(5, "GBP")] }),
            "InvalidField",
            json!({ "field": "currencyCode", "invalidValue": "GBP" }),
        ),
        ("key", json!({ "key": "a b" }), "InvalidField", json!({ "field": "key" })),
        (
            "recurrence policy",
            json!({ "recurrencePolicy": { "key": "monthly" } }),
            "ReferencedResourceNotFound",
            json!({ "typeId": "recurrence-policy", "key": "monthly" }),
        ),
        (
            "custom type",
            json!({ "custom": { "type": { "key": "none" } } }),
            "ReferencedResourceNotFound",
            json!({ "typeId": "type", "key": "none" }),
        ),
        (
            "discount",
            json!({ "discounted": { "value": { "currencyCode": "EUR", "centAmount": 1 }, "discount": { "typeId": "product-discount", "id": "x" } } }),
            "ReferencedResourceNotFound",
            json!({ "typeId": "product-discount", "id": "x" }),
        ),
        (
            "rounded wrongly",
            json!({ "value": { "type": "highPrecision", "currencyCode": "EUR", "preciseAmount": 12345, "fractionDigits": 4, "centAmount": 125 } }),
            "InvalidInput",
            json!({}),
        ),
    ] {
        cases.push((rule, "UPDATE /products/key=shirt", add(more.clone()), code, members.clone()));
        cases.push((rule, "POST /standalone-prices", standalone("s", more.clone()), code, members.clone()));
        cases.push((rule, "POST /products", product(json!([price(more)])), code, members));
    }
    shop.refuses(&cases).await;
}

#[tokio::test]
async fn embedded_prices_of_one_scope_have_different_windows() {
    let shop = Shop::open().await;
    let both = |window: Json| {
        let mut more = window;
        more["country"] = json!("DE");
        more
    };
    let first = shop.made("UPDATE /products/key=shirt", add(both(window(JUNE)))).await;
    let known = first["masterData"]["staged"]["variants"][0]["prices"][1].clone();
    let overlap = json!({
        "conflictingPrice": known["id"], "currency": "EUR", "country": "DE",
        "validFrom": MID_JUNE.0, "validUntil": MID_JUNE.1,
        "conflictingValidFrom": JUNE.0, "conflictingValidUntil": JUNE.1,
    });
    let with_key = json!([{ "action": "setPriceKey", "priceId": known["id"], "key": "p-1" }]);
    shop.refuses(&[
        (
            "same window",
            "UPDATE /products/key=shirt",
            add(both(window(JUNE))),
            "DuplicatePriceScope",
            json!({ "conflictingPrice": known }),
        ),
        ("overlap", "UPDATE /products/key=shirt", add(both(window(MID_JUNE))), "OverlappingPriceValidity", overlap),
        (
            "overlap without end",
            "UPDATE /products/key=shirt",
            add(both(json!({ "validFrom": MID_JUNE.0 }))),
            "OverlappingPriceValidity",
            json!({ "conflictingPrice": known["id"] }),
        ),
        (
            "overlap in a draft",
            "POST /products",
            product(json!([price(window(JUNE)), price(window(MID_JUNE))])),
            "OverlappingPriceValidity",
            json!({ "validFrom": MID_JUNE.0, "conflictingValidFrom": JUNE.0 }),
        ),
        (
            "key twice in a draft",
            "POST /products",
            product(json!([price(json!({ "key": "p-1" })), price(json!({ "key": "p-1", "country": "DE" }))])),
            "DuplicatePriceKey",
            json!({}),
        ),
        (
            "changed into another's scope",
            "UPDATE /products/key=shirt",
            json!([{ "action": "changePrice", "priceId": known["id"], "price": price(json!({})) }]),
            "DuplicatePriceScope",
            json!({}),
        ),
    ])
    .await;
    shop.made("UPDATE /products/key=shirt", add(both(window(JULY)))).await;
    shop.made("UPDATE /products/key=shirt", add(both(json!({})))).await;
    shop.made("UPDATE /products/key=shirt", with_key).await;
    shop.refuses(&[(
        "key twice",
        "UPDATE /products/key=shirt",
        add(json!({ "key": "p-1", "country": "GB" })),
        "DuplicatePriceKey",
        json!({}),
    )])
    .await;
}

#[tokio::test]
async fn standalone_prices_of_one_scope_have_different_windows_active_or_not() {
    let shop = Shop::open().await;
    let scope = json!({
        "sku": "s", "currency": "EUR", "country": "DE", "customerGroup": { "typeId": "customer-group", "id": "id:/customer-groups/key=vip" },
        "channel": { "typeId": "channel", "id": "id:/channels/key=online" },
    });
    let full = |window: Json| {
        let mut more = json!({ "country": "DE", "customerGroup": { "key": "vip" }, "channel": { "key": "online" } });
        more.as_object_mut().unwrap().extend(window.as_object().unwrap().clone());
        standalone("s", more)
    };
    let mut inactive = full(window(JUNE));
    (inactive["active"], inactive["key"]) = (json!(false), json!("june"));
    shop.made("POST /standalone-prices", inactive).await;
    let known = json!({ "typeId": "standalone-price", "id": "id:/standalone-prices/key=june" });
    let told = |more: Json| {
        let mut members = scope.clone();
        members["conflictingStandalonePrice"] = known.clone();
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        members
    };
    shop.refuses(&[
        (
            "same window",
            "POST /standalone-prices",
            full(window(JUNE)),
            "DuplicateStandalonePriceScope",
            told(window(JUNE)),
        ),
        (
            "overlap",
            "POST /standalone-prices",
            full(window(MID_JUNE)),
            "OverlappingStandalonePriceValidity",
            told(json!({ "validFrom": MID_JUNE.0, "conflictingValidUntil": JUNE.1 })),
        ),
    ])
    .await;
    let mut july = full(window(JULY));
    july["key"] = json!("july");
    shop.made("POST /standalone-prices", july).await;
    shop.made("POST /standalone-prices", full(json!({}))).await;
    let path = "UPDATE /standalone-prices/key=july";
    let both = |window: (&str, &str)| json!([{ "action": "setValidFromAndUntil", "validFrom": window.0, "validUntil": window.1 }]);
    shop.refuses(&[
        ("moved onto another", path, both(JUNE), "DuplicateStandalonePriceScope", json!({})),
        ("moved over another", path, both(MID_JUNE), "OverlappingStandalonePriceValidity", json!({})),
        (
            "begins in another",
            path,
            json!([{ "action": "setValidFrom", "validFrom": MID_JUNE.0 }]),
            "OverlappingStandalonePriceValidity",
            json!({}),
        ),
        (
            "ends before it begins",
            path,
            json!([{ "action": "setValidUntil", "validUntil": JUNE.0 }]),
            "InvalidField",
            json!({ "field": "validUntil" }),
        ),
        ("no staged changes", path, json!([{ "action": "applyStagedChanges" }]), "InvalidOperation", json!({})),
        (
            "currency",
            path,
            json!([{ "action": "changeValue", "value": { "currencyCode": "GBP", "centAmount": 1 } }]),
            "InvalidOperation",
            json!({}),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_standalone_price_is_for_a_channel_that_is_sold_in() {
    let shop = Shop::open().await;
    let missing = json!({
        "channel": { "typeId": "channel", "id": "id:/channels/key=berlin" }, "missingRole": "ProductDistribution",
    });
    let draft = standalone("s", json!({ "channel": { "key": "berlin" } }));
    shop.refuses(&[("role", "POST /standalone-prices", draft, "MissingRoleOnChannel", missing)]).await;
}

#[tokio::test]
async fn a_price_of_seeded_odd_data_can_still_be_changed() {
    let mut catalogue = catalogue();
    let mut odd = super::super::product("odd", vec![variant("odd-1", vec![], vec![])]);
    odd.variants[0].prices = vec![super::super::price(100, "EUR"), super::super::price(200, "EUR")];
    let mut all = products();
    all.push(odd);
    catalogue.product_count = all.len();
    catalogue.products = Box::new(move || Box::new(all.clone().into_iter()));
    let shop = Shop::seeded(Settings::default(), &catalogue).await;
    let prices = shop.projection("odd").await["masterVariant"]["prices"].clone();
    let change =
        json!([{ "action": "changePrice", "priceId": prices[0]["id"], "price": price(json!({})), "staged": false }]);
    shop.made("UPDATE /products/key=odd", change).await;
    assert_eq!(shop.projection("odd").await["masterVariant"]["prices"][0]["value"]["centAmount"], 1);
}

#[tokio::test]
async fn amounts_between_minor_units_are_rounded_half_even() {
    let shop = Shop::open().await;
    for (country, precise, cents) in
        [("DE", 12_345, 123), ("AT", 12_350, 124), ("FR", 12_450, 124), ("IT", 12_451, 125)]
    {
        let value =
            json!({ "type": "highPrecision", "currencyCode": "EUR", "preciseAmount": precise, "fractionDigits": 4 });
        let draft = standalone("s", json!({ "country": country, "value": value }));
        assert_eq!(shop.made("POST /standalone-prices", draft).await["value"]["centAmount"], cents, "{precise}");
    }
}
