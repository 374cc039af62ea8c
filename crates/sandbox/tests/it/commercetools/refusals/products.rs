//! Products, their variants, and categories.

use super::*;

fn draft(changes: &Json) -> Json {
    let mut draft =
        json!({ "key": "new", "productType": { "key": "main" }, "name": { "en": "N" }, "slug": { "en": "new" } });
    draft.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    draft
}

#[tokio::test]
async fn slugs_have_a_form_and_one_owner() {
    let shop = Shop::open().await;
    shop.made("UPDATE /products/key=sandal", json!([{ "action": "changeSlug", "slug": { "en": "staged-one" } }])).await;
    let long = "x".repeat(257);
    let slug = |text: &str| json!({ "slug": { "en": text } });
    let category = |text: &str| json!({ "name": { "en": "N" }, "slug": { "en": text } });
    let change = |text: &str| json!([{ "action": "changeSlug", "slug": { "en": text } }]);
    let mut cases: Vec<Case<'_>> = Vec::new();
    for text in ["with space", "größe", "wow!", "x", long.as_str()] {
        let members = json!({ "field": "slug", "invalidValue": { "en": text } });
        cases.push(("slug", "POST /products", draft(&slug(text)), "InvalidField", members.clone()));
        cases.push(("slug", "POST /categories", category(text), "InvalidField", members.clone()));
        cases.push(("slug", "UPDATE /products/key=boot", change(text), "InvalidField", members.clone()));
        cases.push(("slug", "UPDATE /categories/key=shoes", change(text), "InvalidField", members));
    }
    let taken = |text: &str| json!({ "field": "slug.en", "duplicateValue": text });
    cases.push(("slug", "POST /products", draft(&slug("shirt")), "DuplicateField", taken("shirt")));
    cases.push(("staged slug", "POST /products", draft(&slug("staged-one")), "DuplicateField", taken("staged-one")));
    cases.push(("slug", "UPDATE /products/key=boot", change("shirt"), "DuplicateField", taken("shirt")));
    cases.push(("slug", "POST /categories", category("linen"), "DuplicateField", taken("linen")));
    cases.push(("slug", "UPDATE /categories/key=shoes", change("linen"), "DuplicateField", taken("linen")));
    shop.refuses(&cases).await;
    // Its own slug in another locale, and one that only a category has.
    let own = json!([{ "action": "changeSlug", "slug": { "en": "boot", "de": "boot" } }]);
    shop.made("UPDATE /products/key=boot", own).await;
    shop.made("UPDATE /products/key=boot", change("linen")).await;
}

#[tokio::test]
async fn variants_are_told_apart_and_the_first_is_required() {
    let shop = Shop::open().await;
    shop.made("UPDATE /products/key=shirt", json!([{ "action": "setProductVariantKey", "variantId": 1, "key": "m" }]))
        .await;
    let add = |variant: Json| {
        let mut action = variant;
        action["action"] = json!("addVariant");
        json!([action])
    };
    shop.refuses(&[
        (
            "no master",
            "POST /products",
            draft(&json!({ "variants": [{ "sku": "a-1" }] })),
            "RequiredField",
            json!({ "field": "masterVariant" }),
        ),
        (
            "variant key twice",
            "POST /products",
            draft(&json!({ "masterVariant": { "key": "a" }, "variants": [{ "key": "a" }] })),
            "DuplicateField",
            json!({ "field": "key", "duplicateValue": "a" }),
        ),
        (
            "SKU twice",
            "POST /products",
            draft(&json!({ "masterVariant": { "sku": "a" }, "variants": [{ "sku": "a" }] })),
            "DuplicateField",
            json!({ "field": "sku", "duplicateValue": "a" }),
        ),
        (
            "SKU of another product",
            "UPDATE /products/key=shirt",
            add(json!({ "sku": "boot-1" })),
            "DuplicateField",
            json!({ "field": "sku", "duplicateValue": "boot-1" }),
        ),
        (
            "variant key twice",
            "UPDATE /products/key=shirt",
            add(json!({ "key": "m" })),
            "DuplicateField",
            json!({ "field": "key", "duplicateValue": "m" }),
        ),
        (
            "variant key twice",
            "UPDATE /products/key=shirt",
            json!([{ "action": "setProductVariantKey", "variantId": 2, "key": "m" }]),
            "DuplicateField",
            json!({ "field": "key", "duplicateValue": "m" }),
        ),
        (
            "SKU of another variant",
            "UPDATE /products/key=sandal",
            json!([{ "action": "addVariant", "sku": "sandal-2" }, { "action": "setSku", "variantId": 2, "sku": "sandal-1" }]),
            "DuplicateField",
            json!({ "field": "sku", "duplicateValue": "sandal-1" }),
        ),
        (
            "SKU with stock",
            "UPDATE /products/key=shirt",
            json!([{ "action": "setSku", "variantId": 2, "sku": "shirt-large" }]),
            "InvalidOperation",
            json!({}),
        ),
        (
            "SKU with stock",
            "UPDATE /products/key=shirt",
            json!([{ "action": "setSku", "variantId": 2 }]),
            "InvalidOperation",
            json!({}),
        ),
    ])
    .await;
    shop.made("UPDATE /products/key=shirt", json!([{ "action": "setSku", "variantId": 2, "sku": "shirt-l" }])).await;
    shop.made("UPDATE /products/key=sandal", json!([{ "action": "setSku", "variantId": 1, "sku": "sandal-9" }])).await;
}

#[tokio::test]
async fn order_hints_are_for_categories_that_the_product_is_in() {
    let shop = Shop::open().await;
    let hints = |hint: Json| json!({ "categories": [{ "key": "shoes" }], "categoryOrderHints": hint });
    let set = |hint: Json| json!([{ "action": "setCategoryOrderHint", "categoryId": "id:/categories/key=shirts", "orderHint": hint }]);
    shop.refuses(&[
        (
            "not in the category",
            "POST /products",
            draft(&hints(json!({ "id:/categories/key=linen": "0.5" }))),
            "InvalidOperation",
            json!({}),
        ),
        (
            "not in the category",
            "UPDATE /products/key=shirt",
            json!([{ "action": "setCategoryOrderHint", "categoryId": "id:/categories/key=shoes", "orderHint": "0.5" }]),
            "InvalidOperation",
            json!({}),
        ),
        (
            "hint",
            "POST /products",
            draft(&hints(json!({ "id:/categories/key=shoes": "7" }))),
            "InvalidField",
            json!({ "field": "orderHint", "invalidValue": "7" }),
        ),
        ("hint", "UPDATE /products/key=shirt", set(json!("0.50")), "InvalidField", json!({ "invalidValue": "0.50" })),
        ("hint", "UPDATE /products/key=shirt", set(json!(0.5)), "InvalidField", json!({ "invalidValue": 0.5 })),
        (
            "hint",
            "UPDATE /categories/key=shoes",
            json!([{ "action": "changeOrderHint", "orderHint": "1.5" }]),
            "InvalidField",
            json!({ "field": "orderHint" }),
        ),
    ])
    .await;
    shop.made("UPDATE /products/key=shirt", set(json!("0.5"))).await;
    shop.made("POST /products", draft(&hints(json!({ "id:/categories/key=shoes": "0.5" })))).await;
}

#[tokio::test]
async fn images_of_a_variant_have_different_urls() {
    let shop = Shop::open().await;
    let image = |url: &str| json!({ "url": url, "dimensions": { "w": 1, "h": 1 } });
    let add = |image: Json| json!([{ "action": "addExternalImage", "variantId": 1, "image": image }]);
    let known = "https://shop.example/shirt-m.jpg";
    let twice = json!({ "field": "url", "duplicateValue": known });
    shop.refuses(&[
        ("URL twice", "UPDATE /products/key=shirt", add(image(known)), "DuplicateField", twice.clone()),
        (
            "URL twice",
            "POST /products",
            draft(&json!({ "masterVariant": { "images": [image(known), image(known)] } })),
            "DuplicateField",
            twice,
        ),
        (
            "no size",
            "UPDATE /products/key=shirt",
            add(json!({ "url": "https://shop.example/x.jpg" })),
            "RequiredField",
            json!({ "field": "dimensions" }),
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_the_project_has_none_of_is_not_found() {
    let shop = Shop::open().await;
    let custom = json!({ "type": { "typeId": "type", "key": "none" }, "fields": {} });
    let missing = |kind: &str| json!({ "typeId": kind, "key": "none" });
    let none = |name: &str| json!({ name: { "key": "none" } });
    let mut cases: Vec<Case<'_>> = vec![
        (
            "tax category",
            "POST /products",
            draft(&none("taxCategory")),
            "ReferencedResourceNotFound",
            missing("tax-category"),
        ),
        ("state", "POST /products", draft(&none("state")), "ReferencedResourceNotFound", missing("state")),
        (
            "tax category",
            "UPDATE /products/key=shirt",
            json!([{ "action": "setTaxCategory", "taxCategory": { "key": "none" } }]),
            "ReferencedResourceNotFound",
            missing("tax-category"),
        ),
    ];
    for (call, draft) in [
        ("POST /categories", json!({ "name": { "en": "N" }, "slug": { "en": "n-1" } })),
        ("POST /inventory", json!({ "sku": "n", "quantityOnStock": 1 })),
        ("POST /standalone-prices", json!({ "sku": "n", "value": { "currencyCode": "EUR", "centAmount": 1 } })),
        ("POST /stores", json!({ "key": "new" })),
        ("POST /channels", json!({ "key": "new" })),
        ("POST /customer-groups", json!({ "groupName": "new" })),
        ("POST /product-selections", json!({ "name": { "en": "N" } })),
    ] {
        let mut draft = draft;
        draft["custom"] = custom.clone();
        cases.push(("custom type", call, draft, "ReferencedResourceNotFound", missing("type")));
    }
    shop.refuses(&cases).await;
}

#[tokio::test]
async fn a_resource_identifier_names_one_resource_of_the_type() {
    let shop = Shop::open().await;
    let to = |category: Json| json!([{ "action": "addToCategory", "category": category }]);
    shop.refuses(&[
        (
            "id and key",
            "UPDATE /products/key=shirt",
            to(json!({ "id": "id:/categories/key=shoes", "key": "shoes" })),
            "InvalidJsonInput",
            json!({}),
        ),
        ("neither", "UPDATE /products/key=shirt", to(json!({ "typeId": "category" })), "InvalidJsonInput", json!({})),
        (
            "another type",
            "UPDATE /products/key=shirt",
            to(json!({ "typeId": "store", "key": "shoes" })),
            "InvalidJsonInput",
            json!({}),
        ),
        (
            "unknown",
            "UPDATE /products/key=shirt",
            to(json!({ "key": "none" })),
            "ReferencedResourceNotFound",
            json!({ "typeId": "category", "key": "none" }),
        ),
    ])
    .await;
}

#[tokio::test]
async fn keys_and_locales_have_their_form() {
    let shop = Shop::open().await;
    let bad = json!({ "field": "key", "invalidValue": "with space" });
    let key = |more: Json| {
        let mut draft = more;
        draft["key"] = json!("with space");
        draft
    };
    let set = json!([{ "action": "setKey", "key": "with space" }]);
    let english = json!({ "English": "N" });
    shop.refuses(&[
        (
            "key",
            "POST /categories",
            key(json!({ "name": { "en": "N" }, "slug": { "en": "n-1" } })),
            "InvalidField",
            bad.clone(),
        ),
        ("key", "POST /inventory", key(json!({ "sku": "n", "quantityOnStock": 1 })), "InvalidField", bad.clone()),
        (
            "key",
            "POST /standalone-prices",
            key(json!({ "sku": "n", "value": { "currencyCode": "EUR", "centAmount": 1 } })),
            "InvalidField",
            bad.clone(),
        ),
        ("key", "POST /stores", key(json!({})), "InvalidField", bad.clone()),
        ("key", "POST /customer-groups", key(json!({ "groupName": "n" })), "InvalidField", bad.clone()),
        ("key", "UPDATE /categories/key=shoes", set.clone(), "InvalidField", bad.clone()),
        ("key", "UPDATE /customer-groups/key=vip", set, "InvalidField", bad),
        ("locale", "POST /products", draft(&json!({ "name": english })), "InvalidJsonInput", json!({})),
        (
            "locale",
            "UPDATE /categories/key=shoes",
            json!([{ "action": "changeName", "name": english }]),
            "InvalidJsonInput",
            json!({}),
        ),
    ])
    .await;
}
