//! Changes made in process, what they move, and what they do not.

use sandbox::commercetools::{Change, PriceScope};

use super::*;

impl Shop {
    fn change(&self, change: Change) {
        self.emulator.change(change).unwrap();
    }

    fn set_stock(&self, sku: &str, channel: Option<&str>, quantity: i64) {
        self.change(Change::SetStock { sku: sku.to_owned(), channel: channel.map(str::to_owned), quantity });
    }
}

fn own(text: &str) -> String {
    text.to_owned()
}

#[tokio::test]
async fn stock_reaches_the_product_later_with_a_new_version_and_the_old_timestamp() {
    let shop = Shop::open().await;
    let before = shop.projection("shirt").await;
    shop.set_stock("shirt-m", None, 1);
    let entry = &shop.list("/inventory", &[("where", "sku = \"shirt-m\" and supplyChannel is not defined")]).await[0];
    assert_eq!((&entry["availableQuantity"], &entry["version"]), (&json!(1), &json!(2)), "seen at once on the entry");
    assert_eq!(entry["lastModifiedAt"], "2026-05-01T10:00:00.000Z");
    assert_eq!(shop.projection("shirt").await, before);
    shop.wait(500);
    let after = shop.projection("shirt").await;
    assert_eq!(after["masterVariant"]["availability"]["availableQuantity"], 1);
    assert_eq!(after["masterVariant"]["availability"]["version"], 2);
    assert_eq!((&after["version"], &after["lastModifiedAt"]), (&json!(2), &before["lastModifiedAt"]));
    assert_eq!(after["hasStagedChanges"], false, "both sides are updated");
    shop.set_stock("shirt-l", Some("berlin"), 7);
    shop.change(Change::DeleteInventory { sku: own("shirt-l"), channel: None });
    shop.wait(500);
    let after = shop.projection("shirt").await;
    let availability = &after["variants"][0]["availability"];
    assert!(availability.get("availableQuantity").is_none());
    assert_eq!(availability["channels"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn stock_moves_the_timestamp_where_that_is_set_and_at_once_without_lag() {
    let settings = Settings { availability_moves_last_modified: true, availability_lag_ms: 0, ..Settings::default() };
    let shop = Shop::with(settings).await;
    shop.set_stock("shirt-m", None, 1);
    let after = shop.projection("shirt").await;
    assert_eq!(after["masterVariant"]["availability"]["availableQuantity"], 1);
    assert_eq!(after["lastModifiedAt"], "2026-05-01T10:00:00.000Z");
}

#[tokio::test]
async fn what_must_not_move_a_product_does_not() {
    let shop = Shop::open().await;
    let before = [shop.by_key("/products", "shirt").await, shop.by_key("/products", "boot").await];
    shop.change(Change::SetPrice { sku: own("boot-1"), scope: PriceScope::of("EUR"), minor: 1, discounted: None });
    let scope = PriceScope { country: Some(own("DE")), ..PriceScope::of("EUR") };
    shop.change(Change::SetStandalonePriceActive { sku: own("boot-1"), scope: scope.clone(), active: false });
    shop.change(Change::SetStandalonePrice { sku: own("later"), scope: scope.clone(), minor: 5, discounted: Some(4) });
    shop.change(Change::DeleteStandalonePrice { sku: own("later"), scope });
    shop.change(Change::RenameCategory { category: own("shoes"), locale: own("de"), name: own("Neu") });
    shop.change(Change::MoveCategory { category: own("linen"), parent: own("shoes") });
    shop.change(Change::AddToSelection { selection: own("summer"), product: own("boot") });
    shop.change(Change::RemoveFromSelection { selection: own("summer"), product: own("shirt") });
    shop.change(Change::SetStoreSelections { store: own("de"), selections: vec![(own("winter"), true)] });
    shop.wait(100_000_000);
    assert_eq!([shop.by_key("/products", "shirt").await, shop.by_key("/products", "boot").await], before);
    let (_, boot) =
        shop.get("/product-projections/key=boot", &[("priceCurrency", "EUR"), ("priceCountry", "DE")]).await;
    assert_eq!(boot["masterVariant"]["price"]["value"]["centAmount"], 1, "the inactive price is out");
    assert_eq!(shop.by_key("/categories", "shoes").await["name"], json!({ "de": "Neu", "en": "Shoes" }));
    let assigned = shop.list("/in-store/key=de/product-selection-assignments", &[]).await;
    assert_eq!((assigned.len(), &assigned[0]["product"]["id"]), (1, &before[1]["id"]));
    assert_eq!(shop.by_key("/product-selections", "summer").await["productCount"], 2);
}

#[tokio::test]
async fn what_must_move_a_product_does() {
    let shop = Shop::open().await;
    let mut version = 1;
    for (change, check) in [
        (
            Change::SetPrice { sku: own("shirt-l"), scope: PriceScope::of("EUR"), minor: 7, discounted: Some(5) },
            ("/variants/0/prices/0/discounted/value/centAmount", json!(5)),
        ),
        (
            Change::SetPrice { sku: own("shirt-l"), scope: PriceScope::of("GBP"), minor: 8, discounted: None },
            ("/variants/0/prices/1/value/centAmount", json!(8)),
        ),
        (
            Change::RemovePrice { sku: own("shirt-l"), scope: PriceScope::of("EUR") },
            ("/variants/0/prices/0/value/currencyCode", json!("GBP")),
        ),
        (
            Change::SetName { product: own("shirt"), locale: own("de"), text: Some(own("Hemd")) },
            ("/name", json!({ "de": "Hemd", "en": "shirt (en)" })),
        ),
        (
            Change::SetName { product: own("shirt"), locale: own("de"), text: None },
            ("/name", json!({ "en": "shirt (en)" })),
        ),
        (
            Change::SetDescription { product: own("shirt"), locale: own("de"), text: Some(own("Text")) },
            ("/description/de", json!("Text")),
        ),
        (
            Change::SetAttribute { sku: own("shirt-l"), name: own("size"), value: json!("l") },
            ("/variants/0/attributes/0/value/label", json!("L")),
        ),
        (
            Change::StageName { product: own("shirt"), locale: own("en"), text: own("Later") },
            ("/name/en", json!("shirt (en)")),
        ),
        (Change::Publish { product: own("shirt") }, ("/name/en", json!("Later"))),
    ] {
        shop.wait(1000);
        let told = format!("{change:?}");
        shop.change(change);
        version += 1;
        let shirt = shop.projection("shirt").await;
        assert_eq!(shirt.pointer(check.0), Some(&check.1), "{told}");
        assert_eq!(shirt["version"], version, "{told}");
        assert_eq!(shirt["lastModifiedAt"], format!("2026-05-01T10:00:0{}.000Z", version - 1), "{told}");
    }
}

#[tokio::test]
async fn products_come_go_and_hide() {
    let shop = Shop::open().await;
    let mut new = product("new", vec![variant("new-1", vec![price(5, "EUR")], vec![stock(None, 4)])]);
    new.categories = vec![own("shoes")];
    shop.change(Change::AddProduct(Box::new(new.clone())));
    assert_eq!(shop.projection("new").await["masterVariant"]["availability"]["availableQuantity"], 4);
    assert_eq!(shop.emulator.product_keys().last().unwrap(), "new");
    let error = shop.emulator.change(Change::AddProduct(Box::new(new))).unwrap_err();
    assert_eq!(error.code, "DuplicateField");
    shop.change(Change::Unpublish { product: own("new") });
    assert_eq!(shop.get("/product-projections/key=new", &[]).await.0, 404);
    shop.change(Change::DeleteProduct { product: own("new") });
    assert_eq!(shop.get("/products/key=new", &[]).await.0, 404);
    assert_eq!(shop.list("/inventory", &[("where", "sku = \"new-1\"")]).await.len(), 1, "stock stays");
    shop.change(Change::DeleteCategory { category: own("clothes") });
    assert_eq!(shop.keys("/categories", &[]).await, ["shoes"], "children go with their parent");
    shop.wait(1000);
    assert_eq!(shop.projection("shirt").await["categories"], json!([]));
    for change in [
        Change::Publish { product: own("none") },
        Change::SetPrice { sku: own("none"), scope: PriceScope::of("EUR"), minor: 1, discounted: None },
        Change::DeleteInventory { sku: own("none"), channel: None },
    ] {
        assert!(shop.emulator.change(change).is_err());
    }
}

#[tokio::test]
async fn accessors_tell_what_there_is_to_change() {
    let shop = Shop::open().await;
    assert_eq!(shop.emulator.product_keys(), ["shirt", "sandal", "boot", "hidden", "bare"]);
    assert_eq!(shop.emulator.skus(), ["shirt-m", "shirt-l", "sandal-1", "boot-1", "hidden-1"]);
    assert_eq!(shop.emulator.category_keys(), ["clothes", "shirts", "linen", "shoes"]);
    assert_eq!((shop.emulator.store_keys(), shop.emulator.selection_keys().len()), (vec![own("de")], 3));
    assert_eq!(shop.emulator.product("shirt").unwrap(), shop.by_key("/products", "shirt").await);
    assert_eq!(shop.emulator.instant().as_millisecond(), START_MS);
}

#[tokio::test]
async fn two_runs_agree_on_every_id() {
    let (one, two) = (Shop::open().await, Shop::open().await);
    for path in ["/products", "/categories", "/inventory", "/standalone-prices", "/stores", "/product-types"] {
        assert_eq!(one.list(path, &[]).await, two.list(path, &[]).await, "{path}");
    }
}

#[tokio::test]
async fn timestamps_may_lie_behind_the_clock() {
    let shop = Shop::with(Settings { timestamp_behind_ms: 60_000, ..Settings::default() }).await;
    shop.wait(600_000);
    let mut told = Vec::new();
    for key in ["shirt", "sandal", "boot"] {
        shop.change(Change::SetName { product: own(key), locale: own("en"), text: Some(own("x")) });
        told.push(shop.projection(key).await["lastModifiedAt"].as_str().unwrap().to_owned());
    }
    assert!(told.iter().all(|at| ("2026-05-01T10:09:00.000Z"..="2026-05-01T10:10:00.000Z").contains(&at.as_str())));
    assert!(!told.is_sorted() || told[0] != told[1], "{told:?}");
}

#[tokio::test]
async fn another_process_can_change_the_shop_and_read_the_counters() {
    let shop = Shop::open().await;
    let admin = async |method: Method, path: &str, body: Json| {
        let request = Request::builder().method(method).uri(format!("/_admin/{path}"));
        read(shop.emulator.router().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap()).await
    };
    let changes = json!([
        { "change": "set-stock", "sku": "shirt-m", "quantity": 9 },
        { "change": "set-price", "sku": "shirt-l", "scope": { "currency": "EUR" }, "minor": 10 },
        { "change": "set-name", "product": "boot", "locale": "de", "text": "Stiefel" },
    ]);
    assert_eq!(admin(Method::POST, "change", changes).await, (200, json!({ "changed": 3 })));
    assert_eq!(shop.projection("boot").await["name"]["de"], "Stiefel");
    let (status, answer) = admin(Method::POST, "change", json!({ "change": "fly" })).await;
    assert_eq!((status, error_code(&answer)), (400, "InvalidJsonInput"));
    let (_, counters) = admin(Method::GET, "counters", Json::Null).await;
    assert_eq!(counters["GET /product-projections/key={key}"], 1);
    assert_eq!(admin(Method::DELETE, "counters", Json::Null).await.0, 204);
    assert_eq!(admin(Method::GET, "counters", Json::Null).await, (200, json!({})));
    let (_, sizes) = admin(Method::GET, "stats", Json::Null).await;
    assert_eq!(sizes["rows"]["products"], 5);
    assert_eq!(admin(Method::POST, "clock", json!({ "offset_ms": 1000 })).await.0, 204);
    assert_eq!(shop.emulator.instant().as_millisecond(), START_MS + 1000);
    assert_eq!(admin(Method::DELETE, "tokens", Json::Null).await.0, 204);
    assert_eq!(shop.get("/products", &[]).await.0, 401);
}
