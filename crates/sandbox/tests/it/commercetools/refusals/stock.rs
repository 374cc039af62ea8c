//! Inventory entries.

use super::*;

#[tokio::test]
async fn one_entry_for_a_sku_and_channel_with_numbers_in_their_range() {
    let shop = Shop::open().await;
    shop.made("POST /inventory", json!({ "key": "here", "sku": "n", "quantityOnStock": 1 })).await;
    let berlin = json!({ "key": "berlin" });
    shop.made("POST /inventory", json!({ "key": "there", "sku": "n", "quantityOnStock": 1, "supplyChannel": berlin }))
        .await;
    let online = json!({ "sku": "n", "quantityOnStock": 1, "supplyChannel": berlin });
    let channel = json!({ "typeId": "channel", "id": "id:/channels/key=berlin" });
    let path = "UPDATE /inventory/key=here";
    let set = |action: &str, field: &str, value: Json| json!([{ "action": action, field: value }]);
    let pair = json!({ "field": "supplyChannel", "duplicateValue": channel });
    shop.refuses(&[
        ("pair", "POST /inventory", online, "DuplicateField", pair.clone()),
        (
            "pair",
            "POST /inventory",
            json!({ "sku": "n", "quantityOnStock": 2 }),
            "DuplicateField",
            json!({ "field": "sku", "duplicateValue": "n" }),
        ),
        ("pair", path, set("setSupplyChannel", "supplyChannel", berlin), "DuplicateField", pair),
        (
            "limit",
            path,
            set("setInventoryLimits", "minCartQuantity", json!(0)),
            "InvalidField",
            json!({ "invalidValue": 0 }),
        ),
        (
            "minutes",
            path,
            set("setReservationExpirationInMinutes", "reservationExpirationInMinutes", json!(44_641)),
            "InvalidField",
            json!({ "field": "reservationExpirationInMinutes" }),
        ),
        ("level", path, set("setReorderPoint", "quantity", json!("five")), "InvalidJsonInput", json!({})),
        (
            "delivery",
            path,
            set("setExpectedDelivery", "expectedDelivery", json!("soon")),
            "InvalidJsonInput",
            json!({}),
        ),
    ])
    .await;
    shop.made(path, set("setSupplyChannel", "supplyChannel", json!({ "key": "online" }))).await;
}
