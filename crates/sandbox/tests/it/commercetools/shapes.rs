//! What resources look like.

use super::*;

#[tokio::test]
async fn a_projection_has_everything_the_catalogue_told() {
    let shop = Shop::open().await;
    let shirt = shop.projection("shirt").await;
    assert_eq!(shirt["version"], 1);
    assert_eq!(shirt["createdAt"], "2026-04-30T10:00:00.000Z");
    assert_eq!(shirt["name"], json!({ "de": "shirt (de)", "en": "shirt (en)" }));
    assert_eq!(shirt["description"], json!({ "en": "<p>A shirt</p>" }));
    assert_eq!((&shirt["published"], &shirt["hasStagedChanges"]), (&json!(true), &json!(false)));
    assert_eq!(shirt["priceMode"], "Embedded");
    assert_eq!(shirt["attributes"], json!([{ "name": "brand", "value": "Acme" }]));
    assert_eq!(shirt["variants"][0]["sku"], "shirt-l");
    let master = &shirt["masterVariant"];
    assert_eq!((&master["id"], &master["sku"]), (&json!(1), &json!("shirt-m")));
    assert_eq!(master["images"][0]["url"], "https://shop.example/shirt-m.jpg");
    let bare = shop.projection("bare").await;
    assert!(bare["masterVariant"].get("sku").is_none() && bare.get("description").is_none());
}

#[tokio::test]
async fn attribute_values_have_the_form_of_their_type() {
    let shop = Shop::open().await;
    let shirt = shop.projection("shirt").await;
    let value = |name: &str| {
        let attributes = shirt["masterVariant"]["attributes"].as_array().unwrap();
        attributes.iter().find(|known| known["name"] == name).unwrap()["value"].clone()
    };
    let sandal = shop.projection("sandal").await["id"].clone();
    assert_eq!(value("size"), json!({ "key": "m", "label": "M" }));
    assert_eq!(value("colour"), json!({ "key": "red", "label": { "de": "Rot", "en": "Red" } }));
    assert_eq!(value("material"), json!({ "de": "Leinen", "en": "Linen" }));
    assert_eq!(value("weight"), json!(12.5));
    let deposit = json!({ "type": "centPrecision", "currencyCode": "JPY", "centAmount": 100, "fractionDigits": 0 });
    assert_eq!(value("deposit"), deposit);
    assert_eq!(value("launch"), json!("2026-05-01T12:34:56.000Z"));
    assert_eq!(value("vegan"), json!(true));
    assert_eq!(value("goes-with"), json!([{ "typeId": "product", "id": sandal }]));
    assert_eq!(value("also-in"), json!([{ "key": "s", "label": "S" }]));
    assert_eq!(value("part"), json!([{ "name": "width", "value": 3 }]));
}

#[tokio::test]
async fn prices_tell_scope_window_discount_and_tiers() {
    let shop = Shop::open().await;
    let shirt = shop.projection("shirt").await;
    let prices = shirt["masterVariant"]["prices"].as_array().unwrap();
    let money = |cents: i64| json!({ "type": "centPrecision", "currencyCode": "EUR", "centAmount": cents, "fractionDigits": 2 });
    assert_eq!(prices[0]["value"], money(1999));
    assert_eq!(prices[0]["discounted"]["value"], money(1599));
    assert_eq!(prices[0]["discounted"]["discount"]["typeId"], "product-discount");
    assert_eq!(prices[0]["tiers"], json!([{ "minimumQuantity": 10, "value": money(1499) }]));
    assert_eq!(prices[1]["country"], "GB");
    let vip = shop.by_key("/customer-groups", "vip").await["id"].clone();
    assert_eq!(prices[2]["customerGroup"], json!({ "typeId": "customer-group", "id": vip }));
    let online = shop.by_key("/channels", "online").await["id"].clone();
    assert_eq!(prices[3]["channel"], json!({ "typeId": "channel", "id": online }));
    assert_eq!(prices[4]["validFrom"], "2026-05-01T11:00:00.000Z");
    assert_eq!(prices[4]["validUntil"], "2026-05-01T12:00:00.000Z");
}

#[tokio::test]
async fn availability_tells_stock_without_channel_and_per_channel() {
    let shop = Shop::open().await;
    let shirt = shop.projection("shirt").await;
    let availability = &shirt["masterVariant"]["availability"];
    assert_eq!((&availability["isOnStock"], &availability["availableQuantity"]), (&json!(true), &json!(5)));
    let id = async |key: &str| shop.by_key("/channels", key).await["id"].as_str().unwrap().to_owned();
    let online = &availability["channels"][id("online").await];
    assert_eq!((&online["isOnStock"], &online["availableQuantity"]), (&json!(false), &json!(0)));
    let berlin = &availability["channels"][id("berlin").await];
    assert_eq!(berlin["availableQuantity"], 3, "stock that stands apart belongs to its SKU");
    let entries = shop.list("/inventory", &[("where", "sku = \"shirt-m\" and supplyChannel is not defined")]).await;
    assert_eq!((entries.len(), &entries[0]["id"]), (1, &availability["id"]));
    assert!(shop.projection("sandal").await["masterVariant"].get("availability").is_none(), "not tracked");
}

#[tokio::test]
async fn a_product_has_both_sides_and_standalone_prices_stand_apart() {
    let shop = Shop::open().await;
    let boot = shop.by_key("/products", "boot").await;
    assert_eq!(boot["priceMode"], "Standalone");
    assert_eq!(boot["masterData"]["current"], boot["masterData"]["staged"]);
    assert_eq!(boot["masterData"]["current"]["masterVariant"]["prices"], json!([]));
    let prices = shop.list("/standalone-prices", &[("where", "sku = \"boot-1\"")]).await;
    assert_eq!(prices.len(), 2);
    assert_eq!(prices[0]["active"], true);
}

#[tokio::test]
async fn selected_prices_come_from_either_price_mode_and_from_the_clock() {
    let shop = Shop::open().await;
    let vip = shop.by_key("/customer-groups", "vip").await["id"].as_str().unwrap().to_owned();
    let selected = async |key: &str, parameters: &[(&str, &str)]| {
        let (_, found) = shop.get(&format!("/product-projections/key={key}"), parameters).await;
        found["masterVariant"].get("price").map(|price| price["value"]["centAmount"].as_i64().unwrap())
    };
    assert_eq!(selected("shirt", &[]).await, None);
    assert_eq!(selected("shirt", &[("priceCurrency", "EUR")]).await, Some(1999));
    assert_eq!(selected("shirt", &[("priceCurrency", "GBP")]).await, None, "only for GB");
    assert_eq!(selected("shirt", &[("priceCurrency", "GBP"), ("priceCountry", "GB")]).await, Some(1799));
    let group = [("priceCurrency", "EUR"), ("priceCustomerGroup", vip.as_str())];
    assert_eq!(selected("shirt", &group).await, Some(999));
    assert_eq!(selected("boot", &[("priceCurrency", "EUR")]).await, Some(9000));
    assert_eq!(selected("boot", &[("priceCurrency", "EUR"), ("priceCountry", "DE")]).await, Some(8000));
    let before = shop.projection("shirt").await;
    shop.wait(3_600_000);
    assert_eq!(selected("shirt", &[("priceCurrency", "EUR")]).await, Some(1), "the window is open");
    shop.wait(3_600_000);
    assert_eq!(selected("shirt", &[("priceCurrency", "EUR")]).await, Some(1999), "the window is over");
    assert_eq!(shop.projection("shirt").await, before, "the clock alone moves nothing");
    let (_, whole) = shop.get("/products/key=shirt", &[("priceCurrency", "EUR")]).await;
    assert_eq!(whole["masterData"]["current"]["masterVariant"]["price"]["value"]["centAmount"], 1999);
}

#[tokio::test]
async fn a_locale_projection_keeps_only_its_locales() {
    let shop = Shop::open().await;
    let (_, shirt) = shop.get("/product-projections/key=shirt", &[("localeProjection", "de")]).await;
    assert_eq!(shirt["name"], json!({ "de": "shirt (de)" }));
    assert_eq!(shirt["description"], json!({}));
    let attributes = shirt["masterVariant"]["attributes"].as_array().unwrap();
    let value = |name: &str| &attributes.iter().find(|known| known["name"] == name).unwrap()["value"];
    assert_eq!(value("material"), &json!({ "de": "Leinen" }));
    assert_eq!(value("colour"), &json!({ "key": "red", "label": { "de": "Rot" } }));
    assert_eq!(value("size"), &json!({ "key": "m", "label": "M" }));
    assert_eq!(value("part"), &json!([{ "name": "width", "value": 3 }]));
    let both = [("localeProjection", "de"), ("localeProjection", "en")];
    let (_, shirt) = shop.get("/product-projections/key=shirt", &both).await;
    assert_eq!(shirt, shop.projection("shirt").await);
}

#[tokio::test]
async fn an_attribute_filter_trims_attributes() {
    let shop = Shop::open().await;
    let names = async |filter: &str| {
        let (_, shirt) = shop.get("/product-projections/key=shirt", &[("filter[attributes]", filter)]).await;
        let attributes = shirt["masterVariant"]["attributes"].as_array().unwrap().clone();
        attributes.iter().map(|known| known["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("size").await, ["size"]);
    assert!(!names("-size").await.contains(&"size".to_owned()));
}

#[tokio::test]
async fn the_project_tells_its_settings() {
    let shop = Shop::open().await;
    let (_, project) = shop.get("", &[]).await;
    assert_eq!(project["key"], "sandbox");
    assert_eq!((&project["languages"], &project["currencies"]), (&json!(["de", "en"]), &json!(["EUR", "GBP"])));
    assert_eq!(project["messages"]["enabled"], false);
    assert_eq!(project["productCatalogModel"], "Classic");
    let settings = Settings { catalog_model: sandbox::commercetools::CatalogModel::Modular, ..Settings::default() };
    let (_, project) = Shop::with(settings).await.get("", &[]).await;
    assert_eq!(project["productCatalogModel"], "Modular");
}

#[tokio::test]
async fn a_category_cycle_in_the_data_does_not_hang() {
    let mut given = catalogue();
    given.head.categories = vec![
        category("a", Some("b"), "A", "A"),
        category("b", Some("a"), "B", "B"),
        category("shirts", None, "S", "S"),
        category("shoes", None, "S", "S"),
        category("linen", Some("linen"), "L", "L"),
    ];
    let shop = Shop::seeded(Settings::default(), &given).await;
    let a = shop.by_key("/categories", "a").await;
    assert_eq!(a["ancestors"].as_array().unwrap().len(), 2);
    assert_eq!(shop.by_key("/categories", "linen").await["parent"]["typeId"], "category");
    let actions = json!([{ "action": "changeParent", "parent": { "key": "shirts" } }]);
    assert_eq!(shop.update("/categories", "a", actions).await.0, 200);
    shop.wait(1000);
    let b = shop.by_key("/categories", "b").await;
    assert_eq!((b["ancestors"].as_array().unwrap().len(), &b["version"]), (2, &json!(2)));
    let (status, _) = shop.call(Method::DELETE, "/categories/key=linen?version=1", None).await;
    assert_eq!(status, 200, "a category that is its own parent goes too");
}

#[tokio::test]
async fn a_catalogue_that_contradicts_itself_is_refused_by_name() {
    let emulator = Emulator::new(Settings::default());
    let mut given = catalogue();
    given.head.product_types.clear();
    assert!(emulator.seed(&given).unwrap_err().to_string().contains("product type main"));
    let mut given = catalogue();
    given.head.categories[1].parent = Some("gone".to_owned());
    assert!(emulator.seed(&given).unwrap_err().to_string().contains("category gone"));
    let mut given = catalogue();
    given.products = Box::new(|| Box::new(products().into_iter().chain(products())));
    assert!(emulator.seed(&given).unwrap_err().to_string().contains("two products have the key shirt"));
    assert_eq!(emulator.product_count(), 0);
}

#[test]
fn settings_do_not_print_the_secret() {
    let settings = Settings { client_secret: "very-secret".to_owned(), ..Settings::default() };
    assert!(!format!("{settings:?} {:?}", Emulator::new(settings.clone())).contains("very-secret"));
}
