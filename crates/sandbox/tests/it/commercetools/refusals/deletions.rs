//! What is referenced stays.

use super::*;

#[tokio::test]
async fn what_another_resource_references_is_not_deleted() {
    let shop = Shop::open().await;
    for (key, roles) in
        [("stocked", "InventorySupply"), ("priced", "ProductDistribution"), ("sold", "ProductDistribution")]
    {
        shop.made("POST /channels", json!({ "key": key, "roles": [roles] })).await;
    }
    shop.made("POST /inventory", json!({ "sku": "n", "quantityOnStock": 1, "supplyChannel": { "key": "stocked" } }))
        .await;
    let value = json!({ "currencyCode": "EUR", "centAmount": 1 });
    shop.made("POST /standalone-prices", json!({ "sku": "n", "value": value, "channel": { "key": "priced" } })).await;
    let add =
        json!([{ "action": "addPrice", "variantId": 1, "price": { "value": value, "channel": { "key": "sold" } } }]);
    shop.made("UPDATE /products/key=sandal", add).await;
    let by = |kind: &str| json!({ "referencedBy": kind });
    let none = json!(null);
    shop.refuses(&[
        ("store", "DELETE /channels/key=online", none.clone(), "ReferenceExists", by("store")),
        ("stock", "DELETE /channels/key=stocked", none.clone(), "ReferenceExists", by("inventory-entry")),
        ("standalone price", "DELETE /channels/key=priced", none.clone(), "ReferenceExists", by("standalone-price")),
        ("staged price", "DELETE /channels/key=sold", none.clone(), "ReferenceExists", by("product")),
        ("price", "DELETE /customer-groups/key=vip", none.clone(), "ReferenceExists", by("product")),
        ("store", "DELETE /product-selections/key=winter", none, "ReferenceExists", by("store")),
    ])
    .await;
    shop.made("UPDATE /products/key=sandal", json!([{ "action": "revertStagedChanges" }])).await;
    shop.made("DELETE /channels/key=sold", json!(null)).await;
    shop.made("DELETE /product-selections/key=not-here", json!(null)).await;
    assert_eq!(shop.get("/channels/key=sold", &[]).await.0, 404);
}

#[tokio::test]
async fn a_deleted_product_is_no_longer_counted_by_its_selections() {
    let shop = Shop::open().await;
    let before = shop.by_key("/product-selections", "summer").await;
    assert_eq!(before["productCount"], 2);
    shop.made("DELETE /products/key=sandal", json!(null)).await;
    assert_eq!(shop.list("/product-selections/key=summer/products", &[]).await.len(), 1);
    shop.wait(1000);
    let after = shop.by_key("/product-selections", "summer").await;
    assert_eq!((&after["productCount"], &after["version"]), (&json!(1), &json!(2)));
    assert_eq!(shop.by_key("/product-selections", "winter").await["version"], 1);
}

#[tokio::test]
async fn product_types_and_messages_are_only_read() {
    let shop = Shop::with(Settings { messages_enabled: true, ..Settings::default() }).await;
    shop.made("UPDATE /products/key=shirt", json!([{ "action": "unpublish" }])).await;
    let message = shop.list("/messages", &[]).await.remove(0);
    let message = format!("/messages/{}", message["id"].as_str().unwrap());
    for path in ["/product-types/key=main", message.as_str()] {
        let (status, answer) = shop.make(&format!("DELETE {path}"), &json!(null)).await;
        assert_eq!((status, error_code(&answer)), (405, "InvalidOperation"), "{path}");
        assert_eq!(shop.get(path, &[]).await.0, 200);
    }
}
