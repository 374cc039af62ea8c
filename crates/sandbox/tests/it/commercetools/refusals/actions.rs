//! Actions that are taken, and the messages they send.

use super::*;

/// A shop that keeps messages.
async fn talking() -> Shop {
    Shop::with(Settings { messages_enabled: true, availability_lag_ms: 0, ..Settings::default() }).await
}

impl Shop {
    /// Messages since the last call, checked against the description.
    async fn told(&self, seen: &mut usize) -> Vec<Json> {
        let messages = self.list("/messages", &[("limit", "500")]).await;
        let new = messages[*seen..].to_vec();
        *seen = messages.len();
        if let Some(checker) = checker() {
            for message in &new {
                checker.assert(message, &format!("{}Message", message["type"].as_str().unwrap()));
            }
        }
        new
    }

    /// Applies actions one by one; each leaves the resource with a member as told and sends one message or none.
    async fn acts(&self, path: &str, schema: &str, steps: &[(Json, &str, Json, &str)]) {
        let mut seen = self.list("/messages", &[("limit", "500")]).await.len();
        for (action, pointer, expected, message) in steps {
            let after = self.made(&format!("UPDATE {path}"), json!([action])).await;
            let expected = self.with_ids(expected).await;
            assert_eq!(after.pointer(pointer).unwrap_or(&Json::Null), &expected, "{action}: {after}");
            let told: Vec<String> =
                self.told(&mut seen).await.iter().map(|told| told["type"].as_str().unwrap().to_owned()).collect();
            let wanted: Vec<&str> = Some(*message).filter(|message| !message.is_empty()).into_iter().collect();
            assert_eq!(told, wanted, "{action}");
            if let Some(checker) = checker() {
                checker.assert(&after, schema);
            }
        }
    }
}

#[tokio::test]
async fn channels() {
    let shop = talking().await;
    let address = json!({ "country": "DE", "city": "Berlin" });
    let place = json!({ "type": "Point", "coordinates": [13.4, 52.5] });
    shop.acts(
        "/channels/key=berlin",
        "Channel",
        &[
            (
                json!({ "action": "addRoles", "roles": ["Primary", "InventorySupply"] }),
                "/roles",
                json!(["InventorySupply", "Primary"]),
                "",
            ),
            (json!({ "action": "removeRoles", "roles": ["Primary"] }), "/roles", json!(["InventorySupply"]), ""),
            (json!({ "action": "setAddress", "address": address }), "/address", address.clone(), ""),
            (json!({ "action": "setGeoLocation", "geoLocation": place }), "/geoLocation", place.clone(), ""),
            (json!({ "action": "setAddress" }), "/address", json!(null), ""),
            (json!({ "action": "setGeoLocation" }), "/geoLocation", json!(null), ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn stores() {
    let shop = talking().await;
    let online = json!({ "key": "online" });
    let reference = json!([{ "typeId": "channel", "id": "id:/channels/key=online" }]);
    let berlin = json!({ "typeId": "channel", "id": "id:/channels/key=berlin" });
    let supply = json!([berlin, reference[0]]);
    let mut steps = vec![
        (
            json!({ "action": "addCountry", "country": { "code": "AT" } }),
            "/countries",
            json!([{ "code": "DE" }, { "code": "AT" }]),
            "StoreCountriesChanged",
        ),
        (json!({ "action": "addCountry", "country": { "code": "AT" } }), "/countries/1/code", json!("AT"), ""),
        (
            json!({ "action": "removeCountry", "country": { "code": "AT" } }),
            "/countries",
            json!([{ "code": "DE" }]),
            "StoreCountriesChanged",
        ),
        (
            json!({ "action": "removeDistributionChannel", "distributionChannel": online }),
            "/distributionChannels",
            json!([]),
            "StoreDistributionChannelsChanged",
        ),
        (
            json!({ "action": "addDistributionChannel", "distributionChannel": online }),
            "/distributionChannels",
            reference.clone(),
            "StoreDistributionChannelsChanged",
        ),
        (
            json!({ "action": "addSupplyChannel", "supplyChannel": online }),
            "/supplyChannels",
            supply,
            "StoreSupplyChannelsChanged",
        ),
        (
            json!({ "action": "removeSupplyChannel", "supplyChannel": online }),
            "/supplyChannels",
            json!([berlin]),
            "StoreSupplyChannelsChanged",
        ),
    ];
    let https = "https://shop.example/x";
    for (action, field, url, message) in [
        ("setContactUrl", "contactUrl", https, "StoreContactUrlSet"),
        ("setCookiePolicyUrl", "cookiePolicyUrl", https, "StoreCookiePolicyUrlSet"),
        ("setFaqUrl", "faqUrl", https, "StoreFaqUrlSet"),
        ("setImprintUrl", "imprintUrl", https, "StoreImprintUrlSet"),
        ("setPrivacyPolicyUrl", "privacyPolicyUrl", https, "StorePrivacyPolicyUrlSet"),
        ("setRefundPolicyUrl", "refundPolicyUrl", https, "StoreRefundPolicyUrlSet"),
        ("setShippingPolicyUrl", "shippingPolicyUrl", https, "StoreShippingPolicyUrlSet"),
        ("setTermsOfServiceUrl", "termsOfServiceUrl", https, "StoreTermsOfServiceUrlSet"),
        (
            "setCheckoutUrlTemplate",
            "checkoutUrlTemplate",
            "https://shop.example/checkout/{checkoutId}",
            "StoreCheckoutUrlTemplateSet",
        ),
        ("setOrderUrlTemplate", "orderUrlTemplate", "https://shop.example/o/{orderId}", "StoreOrderUrlTemplateSet"),
    ] {
        steps.push((json!({ "action": action, field: url }), "/storefront", json!({ field: url }), message));
        steps.push((json!({ "action": action, field: "" }), "/storefront", json!(null), message));
    }
    shop.acts("/stores/key=de", "Store", &steps).await;
    let made = shop.made("POST /stores", json!({ "key": "new", "storefront": { "faqUrl": https } })).await;
    assert_eq!(made["storefront"]["faqUrl"], https);
}

#[tokio::test]
async fn inventory_entries() {
    let shop = talking().await;
    shop.made("POST /inventory", json!({ "key": "here", "sku": "n", "quantityOnStock": 10 })).await;
    shop.acts(
        "/inventory/key=here",
        "InventoryEntry",
        &[
            (
                json!({ "action": "setInventoryLimits", "minCartQuantity": 2, "maxCartQuantity": 6 }),
                "/maxCartQuantity",
                json!(6),
                "",
            ),
            (json!({ "action": "setInventoryLimits" }), "/minCartQuantity", json!(null), ""),
            (json!({ "action": "setReorderPoint", "quantity": 5 }), "/stockLevels", json!({ "reorderPoint": 5 }), ""),
            (json!({ "action": "setSafetyStock", "quantity": 2 }), "/stockLevels/safetyStock", json!(2), ""),
            (
                json!({ "action": "setReservationExpirationInMinutes", "reservationExpirationInMinutes": 30 }),
                "/reservationExpirationInMinutes",
                json!(30),
                "InventoryEntryReservationExpirationInMinutesSet",
            ),
            (
                json!({ "action": "setReservationExpirationInMinutes" }),
                "/reservationExpirationInMinutes",
                json!(null),
                "InventoryEntryReservationExpirationInMinutesSet",
            ),
        ],
    )
    .await;
    let mut seen = shop.list("/messages", &[("limit", "500")]).await.len();
    for (quantity, expected) in [
        (6, vec!["InventoryEntryQuantitySet"]),
        (5, vec!["InventoryEntryQuantitySet", "InventoryEntryReorderPoint"]),
        (1, vec!["InventoryEntryQuantitySet", "InventoryEntrySafetyStock"]),
        (0, vec!["InventoryEntryQuantitySet"]),
        (9, vec!["InventoryEntryQuantitySet"]),
    ] {
        shop.made("UPDATE /inventory/key=here", json!([{ "action": "changeQuantity", "quantity": quantity }])).await;
        let told = shop.told(&mut seen).await;
        let told: Vec<&str> = told.iter().map(|told| told["type"].as_str().unwrap()).collect();
        assert_eq!(told, expected, "{quantity}");
    }
    let levels = json!([{ "action": "setReorderPoint" }, { "action": "setSafetyStock" }]);
    assert_eq!(shop.made("UPDATE /inventory/key=here", levels).await.get("stockLevels"), None);
}

#[tokio::test]
async fn standalone_prices() {
    let shop = talking().await;
    let money = json!({ "currencyCode": "EUR", "centAmount": 5 });
    shop.made("POST /standalone-prices", json!({ "key": "p-1", "sku": "n", "value": money })).await;
    shop.made("POST /standalone-prices", json!({ "key": "p-2", "sku": "m", "value": money })).await;
    let tier = |quantity: i64| json!({ "minimumQuantity": quantity, "value": money });
    shop.acts(
        "/standalone-prices/key=p-1",
        "StandalonePrice",
        &[
            (
                json!({ "action": "addPriceTier", "tier": tier(5) }),
                "/tiers/0/minimumQuantity",
                json!(5),
                "StandalonePriceTierAdded",
            ),
            (
                json!({ "action": "addPriceTier", "tier": tier(9) }),
                "/tiers/1/minimumQuantity",
                json!(9),
                "StandalonePriceTierAdded",
            ),
            (
                json!({ "action": "removePriceTier", "minimumQuantity": 5 }),
                "/tiers/0/minimumQuantity",
                json!(9),
                "StandalonePriceTierRemoved",
            ),
            (
                json!({ "action": "removePriceTier", "minimumQuantity": 9 }),
                "/tiers",
                json!(null),
                "StandalonePriceTierRemoved",
            ),
            (
                json!({ "action": "changeValue", "staged": true, "value": { "currencyCode": "EUR", "centAmount": 7 } }),
                "/staged/value/centAmount",
                json!(7),
                "StandalonePriceValueChanged",
            ),
            (
                json!({ "action": "applyStagedChanges" }),
                "/value/centAmount",
                json!(7),
                "StandalonePriceStagedChangesApplied",
            ),
        ],
    )
    .await;
    let path = "UPDATE /standalone-prices/key=p-1";
    let field = |quantity: i64| json!({ "field": "minimumQuantity", "invalidValue": quantity });
    shop.made(path, json!([{ "action": "addPriceTier", "tier": tier(5) }])).await;
    shop.refuses(&[
        ("below two", path, json!([{ "action": "addPriceTier", "tier": tier(1) }]), "InvalidField", field(1)),
        ("twice", path, json!([{ "action": "addPriceTier", "tier": tier(5) }]), "InvalidField", field(5)),
        (
            "no such tier",
            path,
            json!([{ "action": "removePriceTier", "minimumQuantity": 7 }]),
            "InvalidOperation",
            json!({}),
        ),
        (
            "taken key",
            path,
            json!([{ "action": "setKey", "key": "p-2" }]),
            "DuplicateField",
            json!({ "field": "key", "duplicateValue": "p-2" }),
        ),
    ])
    .await;
    let mut seen = shop.list("/messages", &[("limit", "500")]).await.len();
    shop.made(path, json!([{ "action": "setKey", "key": "p-3" }])).await;
    let told = shop.told(&mut seen).await.remove(0);
    assert_eq!(
        (&told["type"], &told["key"], &told["oldKey"]),
        (&json!("StandalonePriceKeySet"), &json!("p-3"), &json!("p-1"))
    );
}

#[tokio::test]
async fn products() {
    let shop = talking().await;
    let image = |url: &str| json!({ "url": url, "dimensions": { "w": 1, "h": 2 } });
    let (first, second) = ("https://shop.example/shirt-m.jpg", "https://shop.example/back.jpg");
    let price = shop.projection("shirt").await["masterVariant"]["prices"][0]["id"].clone();
    let images = "/masterData/staged/masterVariant/images";
    let move_to = |position: i64| json!({ "action": "moveImageToPosition", "variantId": 1, "imageUrl": second, "position": position });
    let label =
        |label: Json| json!({ "action": "setImageLabel", "sku": "shirt-m", "imageUrl": second, "label": label });
    shop.acts(
        "/products/key=shirt",
        "Product",
        &[
            (
                json!({ "action": "addExternalImage", "variantId": 1, "image": image(second) }),
                &format!("{images}/1"),
                image(second),
                "ProductImageAdded",
            ),
            (move_to(0), &format!("{images}/1/url"), json!(first), ""),
            (label(json!("Back")), &format!("{images}/0/label"), json!("Back"), ""),
            (label(json!(null)), &format!("{images}/0/label"), json!(null), ""),
            (
                json!({ "action": "setPriceKey", "priceId": price, "key": "p-1", "staged": false }),
                "/masterData/current/masterVariant/prices/0/key",
                json!("p-1"),
                "ProductPriceKeySet",
            ),
            (
                json!({ "action": "setDiscountedPrice", "priceId": price, "staged": false }),
                "/masterData/current/masterVariant/prices/0/discounted",
                json!(null),
                "ProductPriceExternalDiscountSet",
            ),
            (
                json!({ "action": "revertStagedVariantChanges", "variantId": 1 }),
                &format!("{images}/1"),
                json!(null),
                "",
            ),
            (
                json!({ "action": "addExternalImage", "variantId": 2, "image": image(second) }),
                "/masterData/hasStagedChanges",
                json!(true),
                "ProductImageAdded",
            ),
            (
                json!({ "action": "revertStagedChanges" }),
                "/masterData/hasStagedChanges",
                json!(false),
                "ProductRevertedStagedChanges",
            ),
        ],
    )
    .await;
    let messages = shop.list("/messages", &[("where", "type = \"ProductRevertedStagedChanges\"")]).await;
    assert_eq!(messages[0]["removedImageUrls"], json!([second]));
    let path = "UPDATE /products/key=shirt";
    shop.refuses(&[
        ("no such image", path, json!([move_to(0)]), "InvalidOperation", json!({})),
        (
            "no such place",
            path,
            json!([{ "action": "moveImageToPosition", "variantId": 1, "imageUrl": first, "position": 1 }]),
            "InvalidField",
            json!({ "field": "position", "invalidValue": 1 }),
        ),
        (
            "no such price",
            path,
            json!([{ "action": "setPriceKey", "priceId": "none", "key": "p-1" }]),
            "InvalidOperation",
            json!({}),
        ),
        ("scope", path, json!([{ "action": "publish", "scope": "Some" }]), "InvalidJsonInput", json!({})),
        (
            "staged",
            path,
            json!([{ "action": "changeName", "name": { "en": "x" }, "staged": "no" }]),
            "InvalidJsonInput",
            json!({}),
        ),
    ])
    .await;
}
