//! Channels, stores, product selections, customer groups and the project.

use super::*;

#[tokio::test]
async fn a_channel_has_roles_and_a_key() {
    let shop = Shop::open().await;
    let path = "UPDATE /channels/key=online";
    let act = |action: &str, roles: Json| json!([{ "action": action, "roles": roles }]);
    let both = json!(["InventorySupply", "ProductDistribution"]);
    shop.refuses(&[
        ("no role", "POST /channels", json!({ "key": "new", "roles": [] }), "InvalidOperation", json!({})),
        ("unknown role", "POST /channels", json!({ "key": "new", "roles": ["Moon"] }), "InvalidJsonInput", json!({})),
        (
            "no list",
            "POST /channels",
            json!({ "key": "new", "roles": "ProductDistribution" }),
            "InvalidJsonInput",
            json!({}),
        ),
        ("empty key", "POST /channels", json!({ "key": "" }), "InvalidOperation", json!({})),
        (
            "taken key",
            "POST /channels",
            json!({ "key": "berlin" }),
            "DuplicateField",
            json!({ "field": "key", "duplicateValue": "berlin" }),
        ),
        ("no role", path, act("setRoles", json!([])), "InvalidOperation", json!({})),
        ("unknown role", path, act("setRoles", json!(["Moon"])), "InvalidJsonInput", json!({})),
        ("same roles", path, act("setRoles", both.clone()), "InvalidOperation", json!({})),
        ("role it has", path, act("addRoles", json!(["InventorySupply"])), "InvalidOperation", json!({})),
        ("role it lacks", path, act("removeRoles", json!(["Primary"])), "InvalidOperation", json!({})),
        ("all roles", path, act("removeRoles", both), "InvalidOperation", json!({})),
        ("empty key", path, json!([{ "action": "changeKey", "key": "" }]), "InvalidOperation", json!({})),
        (
            "taken key",
            path,
            json!([{ "action": "changeKey", "key": "berlin" }]),
            "DuplicateField",
            json!({ "field": "key" }),
        ),
        (
            "same name",
            path,
            json!([{ "action": "changeName", "name": { "en": "online" } }]),
            "InvalidOperation",
            json!({}),
        ),
        ("empty name", path, json!([{ "action": "changeName", "name": {} }]), "InvalidOperation", json!({})),
        (
            "address without country",
            path,
            json!([{ "action": "setAddress", "address": { "city": "Berlin" } }]),
            "RequiredField",
            json!({ "field": "country" }),
        ),
        (
            "no point",
            path,
            json!([{ "action": "setGeoLocation", "geoLocation": { "type": "Polygon" } }]),
            "InvalidJsonInput",
            json!({}),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_store_speaks_the_projects_languages_and_has_channels_with_roles() {
    let shop = Shop::open().await;
    shop.made("POST /channels", json!({ "key": "shop-only", "roles": ["ProductDistribution"] })).await;
    let path = "UPDATE /stores/key=de";
    let lacks = |channel: &str, role: &str| json!({ "channel": { "typeId": "channel", "id": format!("id:/channels/key={channel}") }, "missingRole": role });
    let sell = lacks("berlin", "ProductDistribution");
    let supply = lacks("shop-only", "InventorySupply");
    let french = json!({ "languages": ["de", "fr"] });
    shop.refuses(&[
        (
            "language",
            "POST /stores",
            json!({ "key": "new", "languages": ["de", "fr"] }),
            "ProjectNotConfiguredForLanguages",
            french.clone(),
        ),
        (
            "language",
            path,
            json!([{ "action": "setLanguages", "languages": ["de", "fr"] }]),
            "ProjectNotConfiguredForLanguages",
            french,
        ),
        ("name", "POST /stores", json!({ "key": "new", "name": 12.5 }), "InvalidJsonInput", json!({})),
        ("name", path, json!([{ "action": "setName", "name": 12.5 }]), "InvalidJsonInput", json!({})),
        (
            "distribution",
            "POST /stores",
            json!({ "key": "new", "distributionChannels": [{ "key": "berlin" }] }),
            "MissingRoleOnChannel",
            sell.clone(),
        ),
        (
            "supply",
            "POST /stores",
            json!({ "key": "new", "supplyChannels": [{ "key": "shop-only" }] }),
            "MissingRoleOnChannel",
            supply.clone(),
        ),
        (
            "distribution",
            path,
            json!([{ "action": "setDistributionChannels", "distributionChannels": [{ "key": "berlin" }] }]),
            "MissingRoleOnChannel",
            sell.clone(),
        ),
        (
            "distribution",
            path,
            json!([{ "action": "addDistributionChannel", "distributionChannel": { "key": "berlin" } }]),
            "MissingRoleOnChannel",
            sell,
        ),
        (
            "supply",
            path,
            json!([{ "action": "setSupplyChannels", "supplyChannels": [{ "key": "shop-only" }] }]),
            "MissingRoleOnChannel",
            supply.clone(),
        ),
        (
            "supply",
            path,
            json!([{ "action": "addSupplyChannel", "supplyChannel": { "key": "shop-only" } }]),
            "MissingRoleOnChannel",
            supply,
        ),
        (
            "country",
            path,
            json!([{ "action": "addCountry", "country": { "code": "Spain" } }]),
            "InvalidJsonInput",
            json!({}),
        ),
        ("country", path, json!([{ "action": "setCountries", "countries": ["DE"] }]), "InvalidJsonInput", json!({})),
        (
            "selection it lacks",
            path,
            json!([{ "action": "changeProductSelectionActive", "productSelection": { "key": "not-here" }, "active": true }]),
            "InvalidOperation",
            json!({}),
        ),
        (
            "URL",
            path,
            json!([{ "action": "setFaqUrl", "faqUrl": "http://shop.example/faq" }]),
            "InvalidField",
            json!({ "field": "faqUrl" }),
        ),
        (
            "template",
            path,
            json!([{ "action": "setOrderUrlTemplate", "orderUrlTemplate": "https://shop.example/order" }]),
            "InvalidField",
            json!({ "field": "orderUrlTemplate" }),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_selection_has_a_mode_and_a_product_once() {
    let shop = Shop::open().await;
    let only = |sku: &str| json!({ "type": "includeOnly", "skus": [sku] });
    let act = |action: &str, product: &str, more: Json| {
        let mut action = json!({ "action": action, "product": { "key": product } });
        action.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([action])
    };
    let some = |sku: &str| json!({ "variantSelection": only(sku) });
    shop.made("UPDATE /product-selections/key=summer", act("setVariantSelection", "shirt", some("shirt-m"))).await;
    let of = |key: &str| json!({ "typeId": "product", "id": format!("id:/products/key={key}") });
    let (summer, not_here) = ("UPDATE /product-selections/key=summer", "UPDATE /product-selections/key=not-here");
    shop.refuses(&[
        (
            "mode",
            "POST /product-selections",
            json!({ "name": { "en": "N" }, "mode": "Everything" }),
            "InvalidJsonInput",
            json!({}),
        ),
        (
            "other variants",
            summer,
            act("addProduct", "shirt", some("shirt-l")),
            "ProductPresentWithDifferentVariantSelection",
            json!({ "product": of("shirt"), "existingVariantSelection": only("shirt-m") }),
        ),
        (
            "all variants",
            summer,
            act("addProduct", "shirt", json!({})),
            "ProductPresentWithDifferentVariantSelection",
            json!({ "existingVariantSelection": only("shirt-m") }),
        ),
        (
            "some of all variants",
            summer,
            act("addProduct", "sandal", some("sandal-1")),
            "ProductPresentWithDifferentVariantSelection",
            json!({ "existingVariantSelection": { "type": "includeAllExcept", "skus": [] } }),
        ),
        (
            "not assigned",
            summer,
            act("setVariantSelection", "boot", some("boot-1")),
            "ProductAssignmentMissing",
            json!({ "product": of("boot") }),
        ),
        (
            "not assigned",
            not_here,
            act("setVariantExclusion", "boot", json!({ "variantExclusion": { "skus": ["boot-1"] } })),
            "ProductAssignmentMissing",
            json!({ "product": of("boot") }),
        ),
        (
            "not assigned",
            summer,
            act("removeProduct", "boot", json!({})),
            "ProductAssignmentMissing",
            json!({ "product": of("boot") }),
        ),
        ("another mode", summer, act("excludeProduct", "boot", json!({})), "InvalidOperation", json!({})),
        ("another mode", summer, act("setVariantExclusion", "shirt", json!({})), "InvalidOperation", json!({})),
        ("another mode", not_here, act("addProduct", "boot", json!({})), "InvalidOperation", json!({})),
        (
            "no SKUs",
            summer,
            act("addProduct", "boot", json!({ "variantSelection": { "type": "includeOnly", "skus": [] } })),
            "InvalidJsonInput",
            json!({}),
        ),
        (
            "unknown choice",
            summer,
            act("addProduct", "boot", json!({ "variantSelection": { "type": "some", "skus": ["boot-1"] } })),
            "InvalidJsonInput",
            json!({}),
        ),
    ])
    .await;
    shop.made(summer, act("addProduct", "shirt", some("shirt-m"))).await;
}

#[tokio::test]
async fn names_of_customer_groups_differ() {
    let shop = Shop::open().await;
    shop.made("POST /customer-groups", json!({ "key": "staff", "groupName": "Staff" })).await;
    let taken = json!({ "field": "name", "duplicateValue": "vip" });
    shop.refuses(&[
        ("name", "POST /customer-groups", json!({ "groupName": "vip" }), "DuplicateField", taken.clone()),
        (
            "name",
            "UPDATE /customer-groups/key=staff",
            json!([{ "action": "changeName", "name": "vip" }]),
            "DuplicateField",
            taken,
        ),
        ("no name", "POST /customer-groups", json!({ "name": "x" }), "RequiredField", json!({ "field": "groupName" })),
    ])
    .await;
    shop.made("UPDATE /customer-groups/key=staff", json!([{ "action": "changeName", "name": "Staff" }])).await;
}

#[tokio::test]
async fn the_project_keeps_what_its_stores_use_and_changes_as_a_whole() {
    let shop = Shop::open().await;
    let change = |field: &str, codes: Json| {
        let name = format!("change{}{}", field[..1].to_uppercase(), &field[1..]);
        json!([{ "action": name, field: codes }])
    };
    let path = "UPDATE ";
    shop.refuses(&[
        ("used by a store", path, change("languages", json!(["en"])), "LanguageUsedInStores", json!({})),
        ("empty", path, change("languages", json!([])), "InvalidOperation", json!({})),
        ("empty", path, change("currencies", json!([])), "InvalidOperation", json!({})),
        ("empty", path, change("countries", json!([])), "InvalidOperation", json!({})),
        ("form", path, change("currencies", json!(["Euro"])), "InvalidJsonInput", json!({})),
        ("form", path, change("countries", json!(["Spain"])), "InvalidJsonInput", json!({})),
    ])
    .await;
    let half = json!([{ "action": "changeCurrencies", "currencies": ["USD"] }, { "action": "fly" }]);
    shop.refuses(&[("either all or none", path, half, "InvalidJsonInput", json!({}))]).await;
    let (_, project) = shop.get("", &[]).await;
    assert_eq!((&project["currencies"], &project["version"]), (&json!(["EUR", "GBP"]), &json!(1)));
    shop.made(path, change("languages", json!(["de"]))).await;
}
