//! A Modular project: products without variants, and variants as resources of their own.

use sandbox::commercetools::{CatalogModel, Change, PriceScope};

use super::*;

async fn modular(settings: Settings) -> Shop {
    Shop::with(Settings { catalog_model: CatalogModel::Modular, messages_enabled: true, ..settings }).await
}

async fn open() -> Shop {
    modular(Settings::default()).await
}

/// The variant with a SKU.
fn variant_of(shop: &Shop, sku: &str) -> Json {
    shop.emulator.variant(sku).unwrap_or_else(|| panic!("no variant {sku}"))
}

/// Applies actions to the variant with a SKU.
async fn act(shop: &Shop, sku: &str, actions: Json) -> (u16, Json) {
    let variant = variant_of(shop, sku);
    let body = json!({ "version": variant["version"], "actions": actions });
    shop.call(Method::POST, &format!("/variants/{}", variant["id"].as_str().unwrap()), Some(&body)).await
}

#[track_caller]
fn refused((status, answer): (u16, Json), code: &str) {
    assert_eq!((status, error_code(&answer)), (400, code), "{answer}");
}

/// Types of the messages about a resource, in their order.
async fn messages(shop: &Shop, id: &Json) -> Vec<String> {
    let found = format!("resource(id = {id})");
    let list = shop.list("/messages", &[("where", &found), ("sort", "createdAt asc"), ("limit", "500")]).await;
    let mut list: Vec<(u64, String)> = list
        .iter()
        .map(|it| (it["sequenceNumber"].as_u64().unwrap(), it["type"].as_str().unwrap().to_owned()))
        .collect();
    list.sort();
    list.into_iter().map(|(_, of)| of).collect()
}

#[tokio::test]
async fn products_show_no_variants_and_variants_name_their_product() {
    let (shop, classic) = (open().await, Shop::open().await);
    let whole = classic.by_key("/products", "shirt").await;
    let product = shop.by_key("/products", "shirt").await;
    let (old, new) = (&whole["masterData"]["current"], &product["masterData"]["current"]);
    assert_eq!(
        (&new["variants"], new.get("masterVariant"), &product["priceMode"]),
        (&json!([]), None, &json!("Standalone"))
    );
    assert_eq!((&new["name"], &new["attributes"]), (&old["name"], &old["attributes"]));
    assert_eq!(shop.projection("shirt").await.get("masterVariant"), None);
    let found = format!("product(id = {})", product["id"]);
    let variants = shop.list("/variants", &[("where", &found), ("sort", "variantId asc")]).await;
    let embedded = [&old["masterVariant"], &old["variants"][0]];
    assert_eq!(variants.len(), embedded.len());
    for (variant, old) in variants.iter().zip(embedded) {
        assert_eq!((&variant["variantId"], &variant["published"]), (&old["id"], &json!(true)));
        for name in ["sku", "images", "attributes", "assets"] {
            assert_eq!(variant["current"][name], old[name], "{name}");
        }
        assert_eq!((variant["current"].get("prices"), variant.get("staged")), (None, None));
    }
    let hidden = variant_of(&shop, "hidden-1");
    assert_eq!(hidden["published"], false);
    // What was inside of variants are standalone prices.
    let prices = shop.list("/standalone-prices", &[("where", "sku = \"shirt-m\"")]).await;
    assert_eq!(prices.len(), old["masterVariant"]["prices"].as_array().unwrap().len());
    let published = shop.list("/variants", &[("where", "published = true"), ("limit", "500")]).await;
    assert!(published.len() + 1 == shop.list("/variants", &[("limit", "500")]).await.len());
}

#[tokio::test]
async fn a_classic_project_has_no_variants_of_their_own_and_a_modular_one_none_inside_products() {
    let (shop, classic) = (open().await, Shop::open().await);
    refused(classic.get("/variants", &[]).await, "InvalidOperation");
    let default = json!([{ "action": "setDefaultVariant" }]);
    refused(classic.update("/products", "shirt", default).await, "InvalidOperation");
    for action in [
        json!({ "action": "addVariant", "sku": "another" }),
        json!({ "action": "setAttribute", "variantId": 1, "name": "weight", "value": 1 }),
        json!({ "action": "setPrices", "variantId": 1, "prices": [] }),
        json!({ "action": "setPriceMode", "priceMode": "Embedded" }),
    ] {
        refused(shop.update("/products", "shirt", json!([action])).await, "InvalidOperation");
    }
    let draft = |more: Json| {
        let mut draft = json!({ "productType": { "key": "main" }, "name": { "en": "x" }, "slug": { "en": "xx" } });
        draft.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        draft
    };
    for more in [json!({ "masterVariant": {} }), json!({ "variants": [] }), json!({ "priceMode": "Embedded" })] {
        refused(shop.call(Method::POST, "/products", Some(&draft(more))).await, "InvalidOperation");
    }
    let (status, made) = shop.call(Method::POST, "/products", Some(&draft(json!({})))).await;
    assert_eq!(
        (status, &made["priceMode"], &made["masterData"]["current"]["variants"]),
        (201, &json!("Standalone"), &json!([]))
    );
}

#[tokio::test]
async fn a_variant_is_made_staged_published_hidden_and_deleted() {
    let shop = open().await;
    let draft = |sku: &str| {
        json!({
            "product": { "key": "shirt" }, "sku": sku, "key": "of-shirt", "publish": true,
            "attributes": [{ "name": "size", "value": "s" }],
        })
    };
    refused(shop.call(Method::POST, "/variants", Some(&draft("shirt-m"))).await, "DuplicateField");
    let (status, made) = shop.call(Method::POST, "/variants", Some(&draft("shirt-s"))).await;
    assert_eq!(
        (status, &made["variantId"], &made["published"], &made["version"]),
        (201, &json!(3), &json!(true), &json!(1))
    );
    assert_eq!(made["current"]["attributes"], json!([{ "name": "size", "value": { "key": "s", "label": "S" } }]));
    // An action changes what is staged, unless it says otherwise.
    let weight = |value: i64, staged: bool| json!([{ "action": "setAttribute", "name": "weight", "value": value, "staged": staged }]);
    let (_, now) = act(&shop, "shirt-s", weight(5, true)).await;
    assert_eq!((&now["current"], now["staged"]["attributes"].as_array().unwrap().len()), (&made["current"], 2));
    let (_, now) = act(&shop, "shirt-s", json!([{ "action": "publish" }])).await;
    assert_eq!((now["current"]["attributes"][1]["value"].clone(), now.get("staged")), (json!(5), None));
    let (_, now) = act(&shop, "shirt-s", weight(6, false)).await;
    assert_eq!((now["current"]["attributes"][1]["value"].clone(), now.get("staged")), (json!(6), None));
    let (_, now) = act(&shop, "shirt-s", weight(7, true)).await;
    assert_eq!(now["staged"]["attributes"][1]["value"], 7);
    let (_, now) = act(&shop, "shirt-s", json!([{ "action": "removeStagedChanges" }])).await;
    assert_eq!(now.get("staged"), None);
    let sku = json!([{ "action": "setSku", "sku": "shirt-xs", "staged": false }, { "action": "setKey" }]);
    let (_, now) = act(&shop, "shirt-s", sku).await;
    assert_eq!((&now["current"]["sku"], now.get("key")), (&json!("shirt-xs"), None));
    let images = json!([
        { "action": "setImages", "images": [{ "url": "https://x.example/a", "dimensions": { "w": 1, "h": 1 } }] },
        { "action": "addExternalImage", "image": { "url": "https://x.example/b", "dimensions": { "w": 1, "h": 1 } } },
    ]);
    let (_, now) = act(&shop, "shirt-xs", images).await;
    assert_eq!(now["staged"]["images"].as_array().unwrap().len(), 2);
    let (_, now) = act(&shop, "shirt-xs", json!([{ "action": "unpublish" }])).await;
    assert_eq!((&now["published"], &now["version"]), (&json!(false), &json!(9)));
    let path = format!("/variants/{}?version=9", now["id"].as_str().unwrap());
    assert_eq!(shop.call(Method::DELETE, &path, None).await.0, 200);
    assert_eq!(shop.call(Method::GET, &path, None).await.0, 404);
    let told = messages(&shop, &now["id"]).await;
    let expected = [
        "VariantCreated",
        "VariantPublished",
        "VariantStagedChangesRemoved",
        "VariantSkuSet",
        "VariantKeySet",
        "VariantImagesSet",
        "VariantImageAdded",
        "VariantUnpublished",
        "VariantDeleted",
    ];
    assert_eq!(told, expected, "none for attributes");
    // Its number is not given again.
    let (_, again) = shop.call(Method::POST, "/variants", Some(&draft("shirt-s"))).await;
    assert_eq!(again["variantId"], 4);
}

#[tokio::test]
async fn products_and_their_variants_are_published_and_deleted_in_this_order() {
    let shop = open().await;
    refused(act(&shop, "hidden-1", json!([{ "action": "publish" }])).await, "InvalidOperation");
    let of_hidden = json!({ "product": { "key": "hidden" }, "publish": true });
    refused(shop.call(Method::POST, "/variants", Some(&of_hidden)).await, "InvalidOperation");
    refused(shop.update("/products", "shirt", json!([{ "action": "unpublish" }])).await, "InvalidOperation");
    let shirt = shop.by_key("/products", "shirt").await;
    let path = format!("/products/key=shirt?version={}", shirt["version"]);
    let (status, answer) = shop.call(Method::DELETE, &path, None).await;
    assert_eq!(
        (status, error_code(&answer), &answer["errors"][0]["referencedBy"]),
        (400, "ReferenceExists", &json!("variant"))
    );
    // The shop's own changes do it in the order that the platform wants.
    let product = || "shirt".to_owned();
    shop.emulator.change(Change::Unpublish { product: product() }).unwrap();
    assert_eq!(variant_of(&shop, "shirt-m")["published"], false);
    shop.emulator.change(Change::Publish { product: product() }).unwrap();
    assert_eq!(variant_of(&shop, "shirt-l")["published"], true);
    shop.emulator.change(Change::DeleteProduct { product: product() }).unwrap();
    assert_eq!((shop.emulator.variant("shirt-m"), shop.get("/products/key=shirt", &[]).await.0), (None, 404));
    let new = product_named_again();
    shop.emulator.change(Change::AddProduct(Box::new(new))).unwrap();
    let again = shop.by_key("/products", "shirt").await;
    assert_ne!(again["id"], shirt["id"]);
    assert_eq!(variant_of(&shop, "shirt-new")["product"]["id"], again["id"]);
}

fn product_named_again() -> Product {
    product("shirt", vec![variant("shirt-new", vec![price(1, "EUR")], vec![stock(None, 1)])])
}

#[tokio::test]
async fn a_product_names_a_default_variant_until_that_is_deleted() {
    let shop = open().await;
    shop.emulator.change(Change::SetMainVariant { sku: "shirt-l".to_owned() }).unwrap();
    let large = variant_of(&shop, "shirt-l");
    let default = |product: &Json| product["masterData"]["current"]["defaultVariant"].clone();
    let named = json!({ "typeId": "variant", "id": large["id"] });
    assert_eq!(default(&shop.by_key("/products", "shirt").await), named);
    let of_another = json!([{ "action": "setDefaultVariant", "variant": { "typeId": "variant", "id": large["id"] } }]);
    refused(shop.update("/products", "boot", of_another).await, "InvalidOperation");
    let (_, expanded) = shop.get("/products/key=shirt", &[("expand", "masterData.current.defaultVariant")]).await;
    assert_eq!(expanded["masterData"]["current"]["defaultVariant"]["obj"]["current"]["sku"], "shirt-l");
    shop.emulator.change(Change::RemoveVariant { sku: "shirt-l".to_owned() }).unwrap();
    assert_eq!(default(&shop.by_key("/products", "shirt").await), Json::Null);
}

#[tokio::test]
async fn changes_of_the_shop_reach_variants_and_their_prices() {
    let shop = open().await;
    let product = || "boot".to_owned();
    shop.emulator.change(Change::AddVariant { product: product(), sku: "boot-2".to_owned() }).unwrap();
    let before = shop.by_key("/products", "boot").await;
    let own = |text: &str| text.to_owned();
    for change in [
        Change::SetAttribute { sku: own("boot-2"), name: own("size"), value: json!("l") },
        Change::SetPrice { sku: own("boot-2"), scope: PriceScope::of("EUR"), minor: 7, discounted: None },
        Change::SetSku { sku: own("boot-2"), to: own("boot-3") },
        Change::SetVariantPublished { sku: own("boot-3"), published: false },
        Change::RemovePrice { sku: own("boot-1"), scope: PriceScope::of("EUR") },
    ] {
        shop.emulator.change(change).unwrap();
    }
    let now = variant_of(&shop, "boot-3");
    assert_eq!((&now["published"], &now["current"]["attributes"][0]["value"]["key"]), (&json!(false), &json!("l")));
    assert_eq!(shop.by_key("/products", "boot").await, before, "a product does not move with its variants");
    // A SKU that stock is counted of stays.
    let refusal = shop.emulator.change(Change::SetSku { sku: own("boot-1"), to: own("boot-9") }).unwrap_err();
    assert_eq!(refusal.code, "InvalidOperation");
    assert!(shop.emulator.skus().contains(&own("boot-3")));
}

#[tokio::test]
async fn variants_are_subscribed_to_only_where_the_platform_is_said_to_have_that() {
    let draft = json!({
        "changes": [{ "resourceTypeId": "variant" }],
        "destination": { "type": "GoogleCloudPubSub", "projectId": "p", "topic": "t" },
    });
    let (status, answer) = open().await.call(Method::POST, "/subscriptions", Some(&draft)).await;
    assert_eq!((status, error_code(&answer)), (400, "InvalidInput"));
    let shop = modular(Settings { variant_subscriptions: true, ..Settings::default() }).await;
    assert_eq!(shop.call(Method::POST, "/subscriptions", Some(&draft)).await.0, 201);
}

#[tokio::test]
async fn what_a_modular_project_answers_is_as_the_description_says() {
    let Some(checker) = spec::checker() else { return };
    let shop = open().await;
    let (_, variants) = shop.get("/variants", &[("limit", "500")]).await;
    checker.assert(&variants, "VariantPagedQueryResponse");
    let (_, expanded) = shop.get("/variants", &[("expand", "product")]).await;
    let problems = |value: &Json, schema: &str| -> Vec<String> {
        // The description asks for a master variant and says beside it that a Modular project has none.
        checker.problems(value, schema).into_iter().filter(|it| !it.ends_with("masterVariant is missing")).collect()
    };
    for (value, schema) in [
        (expanded, "VariantPagedQueryResponse"),
        (shop.get("/products", &[]).await.1, "ProductPagedQueryResponse"),
        (shop.get("/product-projections", &[]).await.1, "ProductProjectionPagedQueryResponse"),
        (shop.get("", &[]).await.1, "Project"),
    ] {
        assert_eq!(problems(&value, schema), Vec::<String>::new());
    }
    for actions in [
        json!([{ "action": "setSku", "sku": "boot-9" }]),
        json!([{ "action": "unpublish" }, { "action": "setKey", "key": "of-boot" }]),
        json!([{ "action": "publish" }, { "action": "removeStagedChanges" }]),
        json!([{ "action": "setImages", "images": [] },
               { "action": "addExternalImage", "image": { "url": "https://x.example/b", "dimensions": { "w": 1, "h": 1 } } }]),
    ] {
        let sku = if shop.emulator.variant("sandal-1").is_some() { "sandal-1" } else { "boot-9" };
        let (status, answer) = act(&shop, sku, actions).await;
        assert_eq!(status, 200, "{answer}");
        checker.assert(&answer, "Variant");
    }
    let draft = json!({ "product": { "key": "shirt" }, "sku": "shirt-s", "publish": true });
    let (_, made) = shop.call(Method::POST, "/variants", Some(&draft)).await;
    checker.assert(&made, "Variant");
    shop.emulator.change(Change::RemoveVariant { sku: "shirt-s".to_owned() }).unwrap();
    let (_, page) = shop.get("/messages", &[("limit", "500")]).await;
    let of_variants = |it: &&Json| it["type"].as_str().unwrap().starts_with("Variant");
    let told: Vec<&Json> = page["results"].as_array().unwrap().iter().filter(of_variants).collect();
    assert!(told.len() >= 8, "{told:?}");
    for message in told {
        checker.assert(message, &format!("{}Message", message["type"].as_str().unwrap()));
    }
    for (_, refusal) in [
        act(&shop, "hidden-1", json!([{ "action": "publish" }])).await,
        shop.update("/products", "shirt", json!([{ "action": "unpublish" }])).await,
    ] {
        checker.assert(&refusal, "ErrorResponse");
    }
}
