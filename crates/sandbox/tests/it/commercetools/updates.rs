//! Update actions, versions and conflicts.

use super::*;

#[tokio::test]
async fn an_update_against_an_old_version_conflicts_and_changes_nothing() {
    let shop = Shop::open().await;
    let body = json!({ "version": 7, "actions": [{ "action": "changeName", "name": { "en": "x" } }] });
    let before = shop.by_key("/products", "shirt").await;
    let (status, answer) = shop.call(Method::POST, "/products/key=shirt", Some(&body)).await;
    assert_eq!((status, error_code(&answer)), (409, "ConcurrentModification"));
    assert_eq!(answer["errors"][0]["currentVersion"], 1);
    let id = before["id"].as_str().unwrap();
    assert_eq!(
        answer["message"],
        format!("Object {id} has a different version than expected. Expected: 7 - Actual: 1.")
    );
    let (status, answer) = shop.call(Method::DELETE, "/products/key=shirt?version=9", None).await;
    assert_eq!((status, error_code(&answer)), (409, "ConcurrentModification"));
    assert_eq!(shop.by_key("/products", "shirt").await, before);
}

#[tokio::test]
async fn either_all_actions_apply_or_none() {
    let shop = Shop::open().await;
    let before = shop.by_key("/products", "shirt").await;
    let actions = json!([{ "action": "changeName", "name": { "en": "x" } }, { "action": "fly" }]);
    let (status, answer) = shop.update("/products", "shirt", actions).await;
    assert_eq!((status, error_code(&answer)), (400, "InvalidJsonInput"));
    assert_eq!(shop.by_key("/products", "shirt").await, before);
    let actions = json!([
        { "action": "addProduct", "product": { "key": "boot" } },
        { "action": "addProduct", "product": { "key": "none" } },
    ]);
    let (status, answer) = shop.update("/product-selections", "summer", actions).await;
    assert_eq!((status, error_code(&answer)), (400, "ReferencedResourceNotFound"));
    assert_eq!(shop.list("/product-selections/key=summer/products", &[]).await.len(), 2);
}

#[tokio::test]
async fn broken_bodies_are_refused() {
    let shop = Shop::open().await;
    for (body, code) in [
        (json!([]), "InvalidJsonInput"),
        (json!({ "actions": [] }), "RequiredField"),
        (json!({ "version": 1 }), "RequiredField"),
        (json!({ "version": "one", "actions": [] }), "InvalidJsonInput"),
        (json!({ "version": 1, "actions": [{ "name": "x" }] }), "RequiredField"),
        (json!({ "version": 1, "actions": [{ "action": "changeName" }] }), "RequiredField"),
        (json!({ "version": 1, "actions": [{ "action": "changeName", "name": "x" }] }), "InvalidJsonInput"),
        (
            json!({ "version": 1, "actions": [{ "action": "changePrice", "priceId": "x", "price": {} }] }),
            "InvalidOperation",
        ),
        (
            json!({ "version": 1, "actions": [{ "action": "setAttribute", "variantId": 1, "name": "none", "value": 1 }] }),
            "AttributeNameDoesNotExist",
        ),
        (
            json!({ "version": 1, "actions": [{ "action": "setAttribute", "variantId": 1, "name": "size", "value": "huge" }] }),
            "InvalidField",
        ),
        (
            json!({ "version": 1, "actions": [{ "action": "setAttribute", "variantId": 9, "name": "size", "value": "m" }] }),
            "InvalidOperation",
        ),
        (
            json!({ "version": 1, "actions": [{ "action": "setSku", "variantId": 1, "sku": "boot-1" }] }),
            "DuplicateField",
        ),
    ] {
        let (status, answer) = shop.call(Method::POST, "/products/key=shirt", Some(&body)).await;
        assert_eq!((status, error_code(&answer)), (400, code), "{body}: {answer}");
    }
}

#[tokio::test]
async fn staged_changes_are_hidden_until_published_and_move_the_timestamp_at_once() {
    let shop = Shop::open().await;
    let before = shop.projection("shirt").await;
    shop.wait(5000);
    let actions = json!([{ "action": "changeName", "name": { "en": "New" } }]);
    let (status, answer) = shop.update("/products", "shirt", actions).await;
    assert_eq!((status, &answer["version"]), (200, &json!(2)));
    assert_eq!(answer["masterData"]["hasStagedChanges"], true);
    let staged_only = shop.projection("shirt").await;
    assert_eq!(staged_only["name"], before["name"]);
    assert_eq!(staged_only["lastModifiedAt"], "2026-05-01T10:00:05.000Z");
    assert_eq!(staged_only["createdAt"], before["createdAt"]);
    let (_, staged) = shop.get("/product-projections/key=shirt", &[("staged", "true")]).await;
    assert_eq!((&staged["name"], &staged["hasStagedChanges"]), (&json!({ "en": "New" }), &json!(true)));
    shop.update("/products", "shirt", json!([{ "action": "publish" }])).await;
    let after = shop.projection("shirt").await;
    assert_eq!((&after["name"], &after["hasStagedChanges"]), (&json!({ "en": "New" }), &json!(false)));
    assert_eq!(after["version"], 3);
    shop.update("/products", "shirt", json!([{ "action": "setDescription" }])).await;
    shop.update("/products", "shirt", json!([{ "action": "revertStagedChanges" }])).await;
    assert_eq!(shop.projection("shirt").await["hasStagedChanges"], false);
}

#[tokio::test]
async fn unpublishing_takes_a_product_out_of_the_published_projections() {
    let shop = Shop::open().await;
    shop.wait(1000);
    let (_, answer) = shop.update("/products", "shirt", json!([{ "action": "unpublish" }])).await;
    assert_eq!(answer["masterData"]["published"], false);
    assert_eq!(shop.get("/product-projections/key=shirt", &[]).await.0, 404);
    let gone = [("where", "masterData(published = false) and lastModifiedAt >= \"2026-05-01T10:00:01Z\"")];
    assert_eq!(shop.keys("/products", &gone).await, ["shirt"]);
    shop.update("/products", "shirt", json!([{ "action": "publish" }])).await;
    assert_eq!(shop.projection("shirt").await["published"], true);
}

#[tokio::test]
async fn product_actions_do_what_they_say() {
    let shop = Shop::open().await;
    let shirt = shop.projection("shirt").await;
    let price = &shirt["masterVariant"]["prices"][0]["id"];
    let both = |action: Json| {
        let mut action = action;
        action["staged"] = json!(false);
        action
    };
    let actions = json!([
        both(json!({ "action": "changePrice", "priceId": price, "price": { "value": { "currencyCode": "EUR", "centAmount": 5 } } })),
        both(json!({ "action": "addPrice", "variantId": 2, "price": {
            "value": { "type": "highPrecision", "currencyCode": "EUR", "preciseAmount": 1_234_567, "fractionDigits": 6 },
            "country": "DE", "channel": { "typeId": "channel", "key": "online" } } })),
        both(json!({ "action": "setAttribute", "sku": "shirt-l", "name": "size", "value": "l" })),
        both(json!({ "action": "setAttribute", "variantId": 1, "name": "vegan" })),
        both(json!({ "action": "setProductAttribute", "name": "brand", "value": "Other" })),
        both(json!({ "action": "addToCategory", "category": { "key": "shoes" }, "orderHint": "0.3" })),
        both(json!({ "action": "removeFromCategory", "category": { "key": "shirts" } })),
        both(json!({ "action": "setDescription", "description": { "de": "Text" } })),
        both(json!({ "action": "addVariant", "sku": "shirt-xl", "prices": [{ "value": { "currencyCode": "EUR", "centAmount": 9 } }] })),
        both(json!({ "action": "changeMasterVariant", "sku": "shirt-l" })),
        both(json!({ "action": "setSku", "variantId": 3, "sku": "shirt-xxl" })),
        { "action": "setKey", "key": "shirt-2" },
    ]);
    let (status, answer) = shop.update("/products", "shirt", actions).await;
    assert_eq!(status, 200, "{answer}");
    let shirt = shop.projection("shirt-2").await;
    assert_eq!(shirt["hasStagedChanges"], false, "{shirt}");
    let master = &shirt["masterVariant"];
    assert_eq!((&master["id"], &master["attributes"][0]["value"]["label"]), (&json!(2), &json!("L")));
    assert_eq!(master["prices"][1]["value"]["centAmount"], 123);
    assert_eq!(master["prices"][1]["channel"]["typeId"], "channel");
    assert!(master["prices"][1]["channel"]["id"].is_string());
    let medium = &shirt["variants"][0];
    assert_eq!((&medium["id"], &medium["prices"][0]["value"]["centAmount"]), (&json!(1), &json!(5)));
    assert!(!medium["attributes"].as_array().unwrap().iter().any(|known| known["name"] == "vegan"));
    assert_eq!(shirt["variants"][1]["sku"], "shirt-xxl");
    assert_eq!(shirt["attributes"], json!([{ "name": "brand", "value": "Other" }]));
    let shoes = shop.by_key("/categories", "shoes").await["id"].as_str().unwrap().to_owned();
    assert_eq!(shirt["categories"], json!([{ "typeId": "category", "id": shoes }]));
    assert_eq!(shirt["categoryOrderHints"], json!({ shoes: "0.3" }));
    assert_eq!(shirt["description"], json!({ "de": "Text" }));
    assert_eq!(shop.keys("/product-projections", &[("where", "variants(sku = \"shirt-xxl\")")]).await, ["shirt-2"]);
    assert_eq!(shop.keys("/product-projections", &[("where", "variants(sku = \"shirt-xl\")")]).await, [""; 0]);
    let actions = json!([
        { "action": "removeVariant", "id": 3, "staged": false },
        { "action": "setPrices", "variantId": 1, "prices": [], "staged": false },
        { "action": "removePrice", "priceId": master["prices"][0]["id"], "staged": false },
        { "action": "setPriceMode", "priceMode": "Standalone" },
    ]);
    assert_eq!(shop.update("/products", "shirt-2", actions).await.0, 200);
    let shirt = shop.projection("shirt-2").await;
    assert_eq!(shirt["variants"].as_array().unwrap().len(), 1);
    assert_eq!((&shirt["variants"][0]["prices"], &shirt["priceMode"]), (&json!([]), &json!("Standalone")));
    assert_eq!(shirt["masterVariant"]["prices"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn two_prices_of_one_scope_are_refused() {
    let shop = Shop::open().await;
    let price = json!({ "value": { "currencyCode": "EUR", "centAmount": 1 } });
    let (status, answer) =
        shop.update("/products", "sandal", json!([{ "action": "addPrice", "variantId": 1, "price": price }])).await;
    assert_eq!((status, error_code(&answer)), (400, "DuplicatePriceScope"));
    let draft = json!({ "sku": "boot-1", "value": { "currencyCode": "EUR", "centAmount": 1 } });
    let (status, answer) = shop.call(Method::POST, "/standalone-prices", Some(&draft)).await;
    assert_eq!((status, error_code(&answer)), (400, "DuplicateStandalonePriceScope"));
}

#[tokio::test]
async fn renaming_and_moving_categories_leaves_products_alone() {
    let shop = Shop::open().await;
    let before = shop.projection("boot").await;
    let actions = json!([{ "action": "changeName", "name": { "de": "Flachs" } }]);
    let (_, linen) = shop.update("/categories", "linen", actions).await;
    assert_eq!((&linen["name"], &linen["version"]), (&json!({ "de": "Flachs" }), &json!(2)));
    let actions = json!([{ "action": "changeParent", "parent": { "key": "shoes" } }]);
    let (_, shirts) = shop.update("/categories", "shirts", actions).await;
    let shoes = shop.by_key("/categories", "shoes").await["id"].clone();
    assert_eq!(shirts["ancestors"], json!([{ "typeId": "category", "id": shoes }]));
    let linen = shop.by_key("/categories", "linen").await;
    assert_eq!((linen["ancestors"].as_array().unwrap().len(), &linen["version"]), (2, &json!(2)));
    shop.wait(1000);
    let linen = shop.by_key("/categories", "linen").await;
    assert_eq!((&linen["ancestors"][0]["id"], &linen["version"]), (&shoes, &json!(3)), "rewritten in the background");
    assert_eq!(shop.projection("boot").await, before);
    let (status, answer) =
        shop.update("/categories", "shoes", json!([{ "action": "changeParent", "parent": { "key": "linen" } }])).await;
    assert_eq!((status, error_code(&answer)), (400, "InvalidOperation"), "no cycles through the API");
}

#[tokio::test]
async fn a_deleted_category_leaves_its_products_in_the_background() {
    let shop = Shop::open().await;
    let (status, deleted) = shop.call(Method::DELETE, "/categories/key=linen?version=1", None).await;
    assert_eq!((status, &deleted["key"]), (200, &json!("linen")));
    assert_eq!(shop.get("/categories/key=linen", &[]).await.0, 404);
    assert_eq!(shop.projection("boot").await["categories"].as_array().unwrap().len(), 2);
    shop.wait(1000);
    let boot = shop.projection("boot").await;
    assert_eq!((boot["categories"].as_array().unwrap().len(), &boot["version"]), (1, &json!(2)));
}

#[tokio::test]
async fn resources_are_created_from_drafts() {
    let shop = Shop::open().await;
    let product = json!({
        "key": "new", "productType": { "key": "main" }, "name": { "en": "New" }, "slug": { "en": "new" },
        "publish": true, "categories": [{ "key": "shoes" }],
        "masterVariant": {
            "sku": "new-1",
            "prices": [{ "value": { "currencyCode": "EUR", "centAmount": 100 } }],
            "attributes": [{ "name": "size", "value": "s" }],
        },
        "variants": [{ "sku": "new-2" }],
    });
    for (path, draft, code) in [
        ("/products", product.clone(), ""),
        ("/products", product.clone(), "DuplicateField"),
        (
            "/products",
            json!({ "productType": { "key": "none" }, "name": {}, "slug": {} }),
            "ReferencedResourceNotFound",
        ),
        ("/products", json!({ "name": {} }), "RequiredField"),
        (
            "/categories",
            json!({ "key": "new", "name": { "en": "N" }, "slug": { "en": "nn" }, "parent": { "key": "linen" } }),
            "",
        ),
        ("/inventory", json!({ "sku": "new-1", "quantityOnStock": 3 }), ""),
        ("/inventory", json!({ "sku": "new-1", "quantityOnStock": 3 }), "DuplicateField"),
        ("/inventory", json!({ "sku": "new-1", "quantityOnStock": 3, "supplyChannel": { "key": "berlin" } }), ""),
        (
            "/standalone-prices",
            json!({ "key": "pp", "sku": "nowhere", "value": { "currencyCode": "EUR", "centAmount": 1 } }),
            "",
        ),
        ("/channels", json!({ "key": "new", "roles": ["ProductDistribution"] }), ""),
        ("/customer-groups", json!({ "key": "new", "groupName": "New" }), ""),
        ("/product-selections", json!({ "key": "new", "name": { "en": "N" } }), ""),
        (
            "/stores",
            json!({ "key": "uk", "languages": ["en"], "productSelections": [{ "productSelection": { "key": "new" }, "active": true }] }),
            "",
        ),
    ] {
        let (status, answer) = shop.call(Method::POST, path, Some(&draft)).await;
        if code.is_empty() {
            assert_eq!((status, &answer["version"]), (201, &json!(1)), "{path}: {answer}");
        } else {
            assert_eq!((status, error_code(&answer)), (400, code), "{path}");
        }
    }
    let new = shop.projection("new").await;
    assert_eq!(new["masterVariant"]["attributes"][0]["value"], json!({ "key": "s", "label": "S" }));
    assert!(new["masterVariant"].get("availability").is_none());
    assert_eq!(shop.by_key("/categories", "new").await["ancestors"].as_array().unwrap().len(), 3);
    shop.wait(1000);
    let availability = shop.projection("new").await["masterVariant"]["availability"].clone();
    assert_eq!(availability["availableQuantity"], 3);
    assert_eq!(availability["channels"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_used_again_after_deletion_has_a_new_id() {
    let shop = Shop::open().await;
    let old = shop.by_key("/products", "sandal").await["id"].clone();
    assert_eq!(shop.call(Method::DELETE, "/products/key=sandal", None).await.0, 400, "version is required");
    assert_eq!(shop.call(Method::DELETE, "/products/key=sandal?version=1", None).await.0, 200);
    assert_eq!(shop.get("/products/key=sandal", &[]).await.0, 404);
    let draft =
        json!({ "key": "sandal", "productType": { "key": "main" }, "name": { "en": "x" }, "slug": { "en": "other" } });
    let (_, new) = shop.call(Method::POST, "/products", Some(&draft)).await;
    assert_ne!(new["id"], old);
    assert_eq!(shop.by_key("/products", "sandal").await["id"], new["id"]);
}

#[tokio::test]
async fn the_project_can_be_told_to_keep_messages() {
    let shop = Shop::open().await;
    let body = json!({ "version": 1, "actions": [{
        "action": "changeMessagesConfiguration",
        "messagesConfiguration": { "enabled": true, "deleteDaysAfterCreation": 30 },
    }] });
    let (status, project) = shop.call(Method::POST, "", Some(&body)).await;
    assert_eq!((status, &project["version"]), (200, &json!(2)));
    assert_eq!(project["messages"], json!({ "enabled": true, "deleteDaysAfterCreation": 30 }));
    let (status, answer) = shop.call(Method::POST, "", Some(&body)).await;
    assert_eq!((status, error_code(&answer)), (409, "ConcurrentModification"));
}
