//! Attribute values.

use super::*;

fn set(name: &str, value: &Json) -> Json {
    json!([{ "action": "setAttribute", "variantId": 1, "name": name, "value": value, "staged": false }])
}

#[tokio::test]
async fn values_of_the_wrong_kind_are_refused() {
    let shop = Shop::open().await;
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (name, value) in [
        ("weight", json!("twelve")),
        ("vegan", json!("yes")),
        ("material", json!("plain")),
        ("material", json!({ "en": 1 })),
        ("launch-date", json!("28.11.2026")),
        ("launch-time", json!("noon")),
        ("launch", json!("2026-05-01")),
        ("deposit", json!(12)),
        ("deposit", json!({ "currencyCode": "Euro", "centAmount": 1 })),
        ("goes-with", json!("x")),
        ("goes-with", json!(["x"])),
        ("part", json!("x")),
        ("size", json!(null_key())),
    ] {
        let members = json!({ "field": name });
        cases.push((name, "UPDATE /products/key=shirt", set(name, &value), "InvalidField", members));
    }
    let huge = json!({ "field": "size", "invalidValue": "huge", "allowedValues": ["s", "m", "l"] });
    cases.push(("enum", "UPDATE /products/key=shirt", set("size", &json!("huge")), "InvalidField", huge));
    let nested = set("part", &json!([{ "name": "width", "value": "wide" }]));
    cases.push(("nested", "UPDATE /products/key=shirt", nested, "InvalidField", json!({ "field": "width" })));
    let unknown = set("part", &json!([{ "name": "depth", "value": 1 }]));
    let depth = json!({ "invalidAttributeName": "depth" });
    cases.push(("nested", "UPDATE /products/key=shirt", unknown, "AttributeNameDoesNotExist", depth));
    let gone = set("goes-with", &json!([{ "typeId": "product", "key": "none" }]));
    let none = json!({ "typeId": "product", "key": "none" });
    cases.push(("reference", "UPDATE /products/key=shirt", gone, "ReferencedResourceNotFound", none));
    let brand = json!([{ "action": "setProductAttribute", "name": "brand", "value": 12 }]);
    cases.push(("text", "UPDATE /products/key=shirt", brand, "InvalidField", json!({ "invalidValue": 12 })));
    let draft = json!({
        "productType": { "key": "main" }, "name": { "en": "N" }, "slug": { "en": "new" },
        "masterVariant": { "attributes": [{ "name": "weight", "value": "twelve" }] },
    });
    cases.push(("draft", "POST /products", draft, "InvalidField", json!({ "invalidValue": "twelve" })));
    shop.refuses(&cases).await;
}

fn null_key() -> Json {
    json!({ "label": "no key" })
}

#[tokio::test]
async fn an_attribute_stands_on_its_level() {
    let shop = Shop::open().await;
    let draft = |part: &str, name: &str| {
        let mut draft = json!({ "productType": { "key": "main" }, "name": { "en": "N" }, "slug": { "en": "new" } });
        let attributes = json!([{ "name": name, "value": "m" }]);
        match part {
            "product" => draft["attributes"] = attributes,
            _ => draft["masterVariant"] = json!({ "attributes": attributes }),
        }
        draft
    };
    let brand = |action: &str| json!([{ "action": action, "variantId": 1, "name": "brand", "value": "x" }]);
    let size = json!([{ "action": "setProductAttribute", "name": "size", "value": "m" }]);
    let path = "UPDATE /products/key=shirt";
    shop.refuses(&[
        ("product's on a variant", path, brand("setAttribute"), "InvalidOperation", json!({})),
        ("product's on all variants", path, brand("setAttributeInAllVariants"), "InvalidOperation", json!({})),
        ("variant's on the product", path, size, "InvalidOperation", json!({})),
        ("product's on a variant", "POST /products", draft("variant", "brand"), "InvalidOperation", json!({})),
        ("variant's on the product", "POST /products", draft("product", "size"), "InvalidOperation", json!({})),
    ])
    .await;
}

#[tokio::test]
async fn values_are_served_in_the_platforms_form() {
    let shop = Shop::open().await;
    for (name, sent, served) in [
        (
            "deposit",
            json!({ "currencyCode": "EUR", "centAmount": 250 }),
            json!({ "type": "centPrecision", "currencyCode": "EUR", "centAmount": 250, "fractionDigits": 2 }),
        ),
        ("launch", json!("2026-05-01T14:00:00+02:00"), json!("2026-05-01T12:00:00.000Z")),
        ("launch-date", json!("2026-05-02"), json!("2026-05-02")),
        ("launch-time", json!("08:30"), json!("08:30:00.000")),
        ("size", json!({ "key": "l", "label": "anything" }), json!({ "key": "l", "label": "L" })),
        (
            "goes-with",
            json!([{ "typeId": "product", "key": "boot" }]),
            json!([{ "typeId": "product", "id": "id:/products/key=boot" }]),
        ),
        ("part", json!([{ "name": "width", "value": 4 }]), json!([{ "name": "width", "value": 4 }])),
    ] {
        shop.made("UPDATE /products/key=shirt", set(name, &sent)).await;
        let shirt = shop.projection("shirt").await;
        let attributes = shirt["masterVariant"]["attributes"].as_array().unwrap();
        let kept = attributes.iter().find(|attribute| attribute["name"] == name).unwrap();
        assert_eq!(kept["value"], shop.with_ids(&served).await, "{name}");
    }
    if let Some(checker) = checker() {
        checker.assert(&shop.projection("shirt").await, "ProductProjection");
    }
}
