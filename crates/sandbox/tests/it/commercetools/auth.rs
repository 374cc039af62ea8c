//! Tokens, scopes, and the answers when they are missing.

use super::*;

#[tokio::test]
async fn a_token_carries_the_scopes_asked_for_and_all_of_the_clients_when_none_are() {
    let shop = Shop::open().await;
    let form = "grant_type=client_credentials&scope=view_published_products%3Asandbox+view_categories%3Asandbox";
    let (status, answer) = shop.ask_token(&shop.basic(), form).await;
    assert_eq!(status, 200);
    assert_eq!(answer["scope"], "view_published_products:sandbox view_categories:sandbox");
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(172_800)));
    let (_, answer) = shop.ask_token(&shop.basic(), "grant_type=client_credentials").await;
    assert!(answer["scope"].as_str().unwrap().contains("manage_project:sandbox"));
}

#[tokio::test]
async fn a_wrong_client_a_wrong_grant_and_a_wrong_scope_are_told_apart() {
    let limited = ["view_products", "view_categories"].map(str::to_owned).to_vec();
    let shop = Shop::with(Settings { client_scopes: limited, ..Settings::default() }).await;
    let form = "grant_type=client_credentials";
    let wrong = base64::engine::general_purpose::STANDARD.encode("sandbox:guess");
    for (authorization, form, status, code) in [
        (format!("Basic {wrong}"), form, 401, "invalid_client"),
        (String::new(), form, 401, "invalid_client"),
        (shop.basic(), "grant_type=password", 400, "unsupported_grant_type"),
        (shop.basic(), "", 400, "invalid_request"),
        (shop.basic(), "grant_type=client_credentials&scope=view_stores:sandbox", 400, "invalid_scope"),
        (shop.basic(), "grant_type=client_credentials&scope=view_products:other", 400, "invalid_scope"),
    ] {
        let (given, answer) = shop.ask_token(&authorization, form).await;
        assert_eq!(given, status, "{answer}");
        assert_eq!(
            (error_code(&answer), &answer["error"], &answer["statusCode"]),
            (code, &json!(code), &json!(status))
        );
        assert!(answer["error_description"].is_string());
    }
}

#[tokio::test]
async fn unknown_expired_and_revoked_tokens_are_refused() {
    let shop = Shop::open().await;
    for token in ["", "nonsense"] {
        let (status, answer) = read(shop.raw(Method::GET, "/products", token, None).await).await;
        assert_eq!((status, error_code(&answer), &answer["error"]), (401, "invalid_token", &json!("invalid_token")));
    }
    shop.wait(172_799_000);
    assert_eq!(shop.get("/products", &[]).await.0, 200);
    shop.wait(1_000);
    assert_eq!(shop.get("/products", &[]).await.0, 401);
    let token = shop.new_token("").await;
    assert_eq!(shop.raw(Method::GET, "/products", &token, None).await.status(), 200);
    shop.emulator.revoke_tokens();
    assert_eq!(shop.raw(Method::GET, "/products", &token, None).await.status(), 401);
}

#[tokio::test]
async fn each_endpoint_names_the_scope_it_misses() {
    let shop = Shop::open().await;
    for (path, enough, short, named) in [
        ("/product-projections", "view_published_products", "view_categories", "view_published_products:sandbox"),
        ("/product-projections", "view_products", "view_stores", "view_products:sandbox"),
        ("/product-projections?staged=true", "view_products", "view_published_products", "view_products:sandbox"),
        ("/products", "view_products", "view_published_products", "view_products:sandbox"),
        ("/inventory", "view_products", "view_published_products", "view_products:sandbox"),
        ("/categories", "view_categories", "view_published_products", "view_categories:sandbox"),
        ("/categories", "view_products", "view_published_products", "view_categories:sandbox"),
        ("/product-types", "view_product_types", "view_categories", "view_product_types:sandbox"),
        ("/standalone-prices", "view_standalone_prices", "view_products", "view_standalone_prices:sandbox"),
        ("/stores", "view_stores", "view_products", "view_stores:sandbox"),
        ("/channels", "view_channels", "view_stores", "view_channels:sandbox"),
        ("/customer-groups", "view_customer_groups", "view_products", "view_customer_groups:sandbox"),
        ("/product-selections", "view_product_selections", "view_products", "view_product_selections:sandbox"),
        (
            "/in-store/key=de/product-selection-assignments",
            "view_product_selections",
            "view_stores",
            "view_product_selections:sandbox",
        ),
        ("/messages", "view_messages", "view_products", "view_messages:sandbox"),
        ("", "view_project_settings", "view_products", "view_project_settings:sandbox"),
        ("/products", "manage_products", "manage_categories", "view_products:sandbox"),
        ("/messages", "manage_project", "manage_products", "view_messages:sandbox"),
    ] {
        let token = shop.new_token(&format!("{enough}:sandbox")).await;
        let response = shop.raw(Method::GET, path, &token, None).await;
        assert_eq!(response.status(), 200, "{path} with {enough}");
        let token = shop.new_token(&format!("{short}:sandbox")).await;
        let (status, answer) = read(shop.raw(Method::GET, path, &token, None).await).await;
        assert_eq!((status, error_code(&answer)), (403, "insufficient_scope"), "{path} with {short}");
        assert!(answer["message"].as_str().unwrap().contains(named), "{path}: {answer}");
    }
}

#[tokio::test]
async fn reading_scopes_do_not_allow_writing() {
    let shop = Shop::open().await;
    let token = shop.new_token("view_products:sandbox").await;
    for (method, path) in [(Method::POST, "/products/key=shirt"), (Method::DELETE, "/products/key=shirt?version=1")] {
        let (status, answer) = read(shop.raw(method, path, &token, Some(&json!({}))).await).await;
        assert_eq!((status, error_code(&answer)), (403, "insufficient_scope"));
        assert!(answer["message"].as_str().unwrap().contains("manage_products:sandbox"));
    }
}

#[tokio::test]
async fn tokens_can_be_looked_into() {
    let shop = Shop::open().await;
    let request = |token: &str| {
        Request::builder()
            .method(Method::POST)
            .uri("/oauth/introspect")
            .header("authorization", shop.basic())
            .body(Body::from(format!("token={token}")))
            .unwrap()
    };
    let (_, answer) = read(shop.emulator.router().oneshot(request(&shop.token)).await.unwrap()).await;
    assert_eq!((&answer["active"], &answer["exp"]), (&json!(true), &json!(START_MS + 172_800_000)));
    let (_, answer) = read(shop.emulator.router().oneshot(request("other")).await.unwrap()).await;
    assert_eq!(answer, json!({ "active": false }));
}

#[tokio::test]
async fn the_whole_server_can_stand_below_a_path() {
    let shop = Shop::open().await;
    let nested = axum::Router::new().nest("/eu/ct", shop.emulator.router());
    let ask = |uri: &str, authorization: String, method: Method, body: &'static str| {
        let request =
            Request::builder().method(method).uri(uri).header("authorization", authorization).body(Body::from(body));
        nested.clone().oneshot(request.unwrap())
    };
    let form = "grant_type=client_credentials";
    let (status, token) = read(ask("/eu/ct/oauth/token", shop.basic(), Method::POST, form).await.unwrap()).await;
    assert_eq!(status, 200);
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let (status, answer) = read(ask("/eu/ct/sandbox/categories?limit=1", bearer, Method::GET, "").await.unwrap()).await;
    assert_eq!((status, &answer["count"]), (200, &json!(1)));
}
