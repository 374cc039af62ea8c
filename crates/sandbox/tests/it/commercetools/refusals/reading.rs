//! Parameters of reading, and scopes.

use super::super::spec;
use super::*;

#[tokio::test]
async fn a_projection_by_a_store_that_is_not_there_is_refused_rather_than_ignored() {
    let shop = Shop::open().await;
    for (name, value) in [("storeProjection", ""), ("storeProjection", "no-such-store")] {
        for path in ["/product-projections", "/product-projections/key=shirt"] {
            let (status, answer) = shop.get(path, &[(name, value)]).await;
            assert_eq!((status, error_code(&answer)), (400, "InvalidInput"), "{path} {name}={value}");
            assert!(answer["message"].as_str().unwrap().starts_with("Malformed parameter: storeProjection: "));
        }
    }
}

#[tokio::test]
async fn prices_are_selected_by_codes_and_ids() {
    let shop = Shop::open().await;
    for (name, value) in [
        ("priceCurrency", "Euro"),
        ("priceCurrency", ""),
        ("priceCountry", "Deutschland"),
        ("priceCustomerGroup", "vip"),
        ("priceCustomerGroupAssignments", "vip"),
        ("priceChannel", "online"),
        ("priceRecurrencePolicy", "monthly"),
    ] {
        let mut parameters = vec![(name, value)];
        if name != "priceCurrency" {
            parameters.push(("priceCurrency", "EUR"));
        }
        let (status, answer) = shop.get("/product-projections", &parameters).await;
        assert_eq!((status, error_code(&answer)), (400, "InvalidInput"), "{name}={value}");
        assert!(answer["message"].as_str().unwrap().starts_with(&format!("Malformed parameter: {name}: ")));
    }
}

#[tokio::test]
async fn every_scope_of_the_platform_can_be_asked_for() {
    let shop = Shop::open().await;
    let mut scopes: Vec<String> = [
        "manage_customers",
        "manage_customer_groups",
        "view_customers",
        "view_orders",
        "manage_types",
        "view_types",
        "manage_subscriptions",
        "view_payments",
        "view_tax_categories",
    ]
    .map(|scope| format!("{scope}:sandbox"))
    .to_vec();
    if let Some(described) = spec::scopes() {
        assert!(described.len() > 80, "{described:?}");
        scopes.extend(described.into_iter().map(|scope| scope.replace("{projectKey}", "sandbox")));
    }
    for scope in &scopes {
        shop.new_token(scope).await;
    }
    let token = shop.new_token("manage_customer_groups:sandbox").await;
    let draft = json!({ "groupName": "New" });
    assert_eq!(shop.raw(Method::POST, "/customer-groups", &token, Some(&draft)).await.status(), 201);
}
