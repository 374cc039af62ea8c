//! Messages.

use sandbox::commercetools::{Change, PriceScope};

use super::*;

async fn talking() -> Shop {
    Shop::with(Settings { messages_enabled: true, availability_lag_ms: 0, ..Settings::default() }).await
}

fn own(text: &str) -> String {
    text.to_owned()
}

#[tokio::test]
async fn messages_are_off_unless_enabled() {
    let shop = Shop::open().await;
    shop.emulator.change(Change::Unpublish { product: own("shirt") }).unwrap();
    assert!(shop.list("/messages", &[]).await.is_empty());
    shop.emulator.change(Change::SetMessages { enabled: true }).unwrap();
    shop.emulator.change(Change::Publish { product: own("shirt") }).unwrap();
    assert_eq!(shop.list("/messages", &[]).await.len(), 1);
}

#[tokio::test]
async fn each_change_tells_its_message() {
    let shop = talking().await;
    let scope = PriceScope::of("EUR");
    let germany = PriceScope { country: Some(own("DE")), ..scope.clone() };
    for (change, expected) in [
        (Change::Unpublish { product: own("shirt") }, vec!["ProductUnpublished"]),
        (Change::Publish { product: own("shirt") }, vec!["ProductPublished"]),
        (Change::SetName { product: own("shirt"), locale: own("de"), text: None }, vec![]),
        (
            Change::SetPrice { sku: own("shirt-l"), scope: scope.clone(), minor: 1, discounted: None },
            vec!["ProductPriceChanged"],
        ),
        (
            Change::SetPrice { sku: own("shirt-l"), scope: germany.clone(), minor: 1, discounted: None },
            vec!["ProductPriceAdded"],
        ),
        (Change::RemovePrice { sku: own("shirt-l"), scope: germany.clone() }, vec!["ProductPriceRemoved"]),
        (Change::SetStock { sku: own("shirt-l"), channel: None, quantity: 9 }, vec!["InventoryEntryQuantitySet"]),
        (Change::Sell { sku: own("shirt-l"), channel: None, quantity: 1 }, vec![]),
        (Change::SetStock { sku: own("fresh"), channel: None, quantity: 9 }, vec!["InventoryEntryCreated"]),
        (Change::DeleteInventory { sku: own("fresh"), channel: None }, vec!["InventoryEntryDeleted"]),
        (
            Change::SetPrice { sku: own("boot-1"), scope: scope.clone(), minor: 1, discounted: None },
            vec!["StandalonePriceValueChanged"],
        ),
        (
            Change::SetPrice { sku: own("boot-1"), scope: scope.clone(), minor: 3, discounted: Some(2) },
            vec!["StandalonePriceValueChanged", "StandalonePriceExternalDiscountSet"],
        ),
        (
            Change::SetStandalonePriceActive { sku: own("boot-1"), scope: germany.clone(), active: false },
            vec!["StandalonePriceActiveChanged"],
        ),
        (
            Change::SetStandalonePrice { sku: own("fresh"), scope: scope.clone(), minor: 1, discounted: None },
            vec!["StandalonePriceCreated"],
        ),
        (Change::DeleteStandalonePrice { sku: own("fresh"), scope }, vec!["StandalonePriceDeleted"]),
        (
            Change::AddToSelection { selection: own("summer"), product: own("boot") },
            vec!["ProductSelectionProductAdded"],
        ),
        (
            Change::RemoveFromSelection { selection: own("summer"), product: own("boot") },
            vec!["ProductSelectionProductRemoved"],
        ),
        (
            Change::AddToSelection { selection: own("not-here"), product: own("boot") },
            vec!["ProductSelectionProductExcluded"],
        ),
        (Change::SetStoreSelections { store: own("de"), selections: vec![] }, vec!["StoreProductSelectionsChanged"]),
        (Change::RenameCategory { category: own("shoes"), locale: own("de"), name: own("x") }, vec![]),
        (Change::DeleteCategory { category: own("linen") }, vec![]),
        (Change::AddToCategory { product: own("shirt"), category: own("shoes") }, vec!["ProductAddedToCategory"]),
        (
            Change::RemoveFromCategory { product: own("shirt"), category: own("shoes") },
            vec!["ProductRemovedFromCategory"],
        ),
        (Change::DeleteProduct { product: own("sandal") }, vec!["ProductDeleted"]),
        (
            Change::AddProduct(Box::new(product("new", vec![variant("new-1", vec![], vec![stock(None, 1)])]))),
            vec!["InventoryEntryCreated", "ProductCreated", "ProductPublished"],
        ),
    ] {
        let told = format!("{change:?}");
        shop.wait(1000);
        let now = shop.emulator.instant().to_string();
        shop.emulator.change(change).unwrap();
        let since = format!("createdAt >= \"{now}\"");
        let found = shop
            .list("/messages", &[("where", &since), ("sort", "createdAt asc"), ("sort", "sequenceNumber asc")])
            .await;
        let mut types: Vec<&str> = found.iter().map(|message| message["type"].as_str().unwrap()).collect();
        let mut expected = expected;
        types.sort_unstable();
        expected.sort_unstable();
        assert_eq!(types, expected, "{told}");
    }
}

#[tokio::test]
async fn a_message_names_its_resource_and_counts_per_resource() {
    let shop = talking().await;
    let shirt = shop.by_key("/products", "shirt").await;
    shop.emulator.change(Change::Unpublish { product: own("shirt") }).unwrap();
    shop.emulator.change(Change::Unpublish { product: own("boot") }).unwrap();
    shop.wait(1);
    shop.emulator.change(Change::Publish { product: own("shirt") }).unwrap();
    let of_shirt = format!("resource(id = {})", shirt["id"]);
    let found = shop.list("/messages", &[("where", &of_shirt), ("sort", "sequenceNumber asc")]).await;
    let (first, second) = (&found[0], &found[1]);
    assert_eq!((&first["sequenceNumber"], &second["sequenceNumber"]), (&json!(1), &json!(2)));
    assert_eq!((&first["resourceVersion"], &second["resourceVersion"]), (&json!(2), &json!(3)));
    assert_eq!(first["resource"], json!({ "typeId": "product", "id": shirt["id"] }));
    assert_eq!(first["resourceUserProvidedIdentifiers"], json!({ "key": "shirt", "slug": { "en": "shirt" } }));
    assert_eq!((&first["version"], &first["createdAt"]), (&json!(1), &json!("2026-05-01T10:00:00.000Z")));
    assert_eq!(second["productProjection"], shop.projection("shirt").await);
    assert_eq!((&second["scope"], &second["removedImageUrls"]), (&json!("All"), &json!([])));
    let (_, expanded) =
        shop.get(&format!("/messages/{}", second["id"].as_str().unwrap()), &[("expand", "resource")]).await;
    assert_eq!(expanded["resource"]["obj"]["key"], "shirt");
}

#[tokio::test]
async fn messages_are_polled_by_type_time_and_id() {
    let shop = talking().await;
    for round in 0..30 {
        let product = own(["shirt", "boot", "sandal"][round % 3]);
        shop.emulator.change(Change::Unpublish { product: product.clone() }).unwrap();
        shop.emulator.change(Change::Publish { product }).unwrap();
        if round % 4 == 0 {
            shop.wait(10);
        }
    }
    let (mut time, mut id) = (own("2026-05-01T00:00:00Z"), own("00000000-0000-0000-0000-000000000000"));
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let predicate = format!(
            "type in (\"ProductUnpublished\",\"ProductDeleted\") and (createdAt > \"{time}\" or (createdAt = \"{time}\" and id > \"{id}\"))"
        );
        let page = [
            ("where", predicate.as_str()),
            ("sort", "createdAt asc"),
            ("sort", "id asc"),
            ("limit", "7"),
            ("withTotal", "false"),
        ];
        let found = shop.list("/messages", &page).await;
        let Some(last) = found.last() else { break };
        time = own(last["createdAt"].as_str().unwrap());
        id = own(last["id"].as_str().unwrap());
        for message in &found {
            assert_eq!(message["type"], "ProductUnpublished");
            assert!(seen.insert(own(message["id"].as_str().unwrap())));
        }
    }
    assert_eq!(seen.len(), 30);
}

#[tokio::test]
async fn messages_go_after_their_days_and_beyond_the_capacity() {
    let settings = Settings { messages_enabled: true, message_capacity: 3, messages_days: 1, ..Settings::default() };
    let shop = Shop::with(settings).await;
    for _ in 0..5 {
        shop.emulator.change(Change::Publish { product: own("shirt") }).unwrap();
    }
    assert_eq!(shop.list("/messages", &[]).await.len(), 3);
    shop.wait(25 * 3_600_000);
    shop.emulator.change(Change::Publish { product: own("shirt") }).unwrap();
    let left = shop.list("/messages", &[]).await;
    assert_eq!((left.len(), &left[0]["sequenceNumber"]), (1, &json!(6)));
}
