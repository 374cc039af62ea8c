//! What a second look at the emulator by other clients found: methods, tokens, projects, order, places, and stores.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;
use tower::ServiceExt as _;

use super::{Shop, error_code, read};

#[tokio::test]
async fn a_method_that_a_path_lacks_is_answered_with_those_that_it_has() {
    let shop = Shop::open().await;
    for (method, path, allowed) in [
        (Method::PUT, "/products", "GET, HEAD, POST"),
        (Method::PUT, "/products/key=shirt", "GET, HEAD, POST, DELETE"),
        (Method::POST, "/product-types", "GET, HEAD"),
        (Method::DELETE, "/product-projections/key=shirt", "GET, HEAD"),
        (Method::POST, "/messages", "GET, HEAD"),
        (Method::DELETE, "", "GET, HEAD, POST"),
        (Method::POST, "/products/key=shirt/product-selections", "GET, HEAD"),
    ] {
        let response = shop.raw(method.clone(), path, &shop.token, None).await;
        assert_eq!(response.status(), 405, "{method} {path}");
        assert_eq!(response.headers()["allow"], allowed, "{method} {path}");
    }
    let request = Request::builder().uri("/oauth/token").body(Body::empty()).unwrap();
    let response = shop.emulator.router().oneshot(request).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
}

#[tokio::test]
async fn who_is_not_known_is_told_how_to_say_who_it_is_whatever_project_it_asks_for() {
    let shop = Shop::open().await;
    for path in ["/sandbox/products", "/another/products", "/another"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = shop.emulator.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{path}");
    }
    let bearer = format!("Bearer {}", shop.token);
    let request = Request::builder().uri("/another/products").header("authorization", bearer);
    let response = shop.emulator.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 404);
    let request = Request::builder().method(Method::POST).uri("/oauth/token").body(Body::empty()).unwrap();
    let response = shop.emulator.router().oneshot(request).await.unwrap();
    assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_more() {
    let shop = Shop::open().await;
    let revoke = async |authorization: &str, form: String| {
        let request = Request::builder().method(Method::POST).uri("/oauth/token/revoke");
        let request = request.header("authorization", authorization).body(Body::from(form)).unwrap();
        read(shop.emulator.router().oneshot(request).await.unwrap()).await
    };
    let (form, basic) = (format!("token={}&token_type_hint=access_token", shop.token), shop.basic());
    assert_eq!(revoke("Basic bm86Ym9keQ==", form.clone()).await.0, 401);
    assert_eq!(shop.get("/products", &[]).await.0, 200);
    assert_eq!(revoke(&basic, String::new()).await.0, 400);
    for _ in 0..2 {
        assert_eq!(revoke(&basic, form.clone()).await, (200, serde_json::Value::Null));
    }
    assert_eq!(shop.get("/products", &[]).await.0, 401);
}

#[tokio::test]
async fn assignments_come_in_the_order_that_is_asked_for() {
    let shop = Shop::open().await;
    let path = "/product-selections/key=summer/products";
    let ids = async |sort: &str| -> Vec<String> {
        let found = shop.list(path, &[("sort", sort)]).await;
        found.iter().map(|it| it["product"]["id"].as_str().unwrap().to_owned()).collect()
    };
    let (up, mut down) = (ids("product.id asc").await, ids("product.id desc").await);
    assert_eq!(up.len(), 2);
    assert_ne!(up, down);
    down.reverse();
    assert_eq!(up, down);
    let of_product = "/products/key=shirt/product-selections";
    assert_eq!(shop.list(of_product, &[("sort", "createdAt desc")]).await.len(), 1);
    for path in [path, of_product] {
        for nonsense in ["nothing asc", "product.id up", "product"] {
            let (status, answer) = shop.get(path, &[("sort", nonsense)]).await;
            assert_eq!((status, error_code(&answer)), (400, "InvalidInput"), "{path} {nonsense}");
        }
    }
}

#[tokio::test]
async fn channels_are_found_by_their_distance() {
    let shop = Shop::open().await;
    let place = |longitude: f64, latitude: f64| {
        json!([{ "action": "setGeoLocation",
                 "geoLocation": { "type": "Point", "coordinates": [longitude, latitude] } }])
    };
    assert_eq!(shop.update("/channels", "berlin", place(13.3777, 52.5163)).await.0, 200);
    // Potsdam, 27 km away.
    assert_eq!(shop.update("/channels", "online", place(13.0635, 52.3989)).await.0, 200);
    let near = async |radius: u32| {
        let circle = format!("geoLocation within circle(13.3777, 52.5163, {radius})");
        shop.keys("/channels", &[("where", &circle), ("sort", "key asc")]).await
    };
    assert_eq!(near(1_000).await, ["berlin"]);
    assert_eq!(near(24_000).await, ["berlin"]);
    assert_eq!(near(26_000).await, ["berlin", "online"]);
    for wrong in ["key within circle(1, 2, 3)", "geoLocation within circle(1, 2)", "geoLocation within box(1, 2, 3)"] {
        assert_eq!(shop.get("/channels", &[("where", wrong)]).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_projection_by_store_shows_its_languages_countries_and_channels() {
    let shop = Shop::open().await;
    let all = shop.projection("shirt").await;
    let (status, de) = shop.get("/product-projections/key=shirt", &[("storeProjection", "de")]).await;
    assert_eq!(status, 200, "{de}");
    assert_eq!(de["name"], json!({ "de": "shirt (de)" }));
    assert_eq!(de["slug"], json!({}));
    let colour = |product: &serde_json::Value| {
        let attributes = product["masterVariant"]["attributes"].as_array().unwrap();
        attributes.iter().find(|it| it["name"] == "colour").unwrap()["value"]["label"].clone()
    };
    assert_eq!((colour(&all), colour(&de)), (json!({ "de": "Rot", "en": "Red" }), json!({ "de": "Rot" })));
    let amounts = |product: &serde_json::Value| -> Vec<i64> {
        let prices = product["masterVariant"]["prices"].as_array().unwrap();
        prices.iter().map(|price| price["value"]["centAmount"].as_i64().unwrap()).collect()
    };
    let mut expected = amounts(&all);
    expected.retain(|amount| *amount != 1799);
    assert_eq!(amounts(&de), expected, "only the price of the other country is not shown");
    let channels = |product: &serde_json::Value| -> Vec<String> {
        product["masterVariant"]["availability"]["channels"].as_object().unwrap().keys().cloned().collect()
    };
    let berlin = shop.by_key("/channels", "berlin").await["id"].as_str().unwrap().to_owned();
    assert_eq!((channels(&all).len(), channels(&de)), (2, vec![berlin]));
    assert!(de["masterVariant"]["availability"]["isOnStock"].is_boolean());
    // A store without channels of its own shows the prices of all.
    let only = json!([{ "action": "setDistributionChannels", "distributionChannels": [] }]);
    assert_eq!(shop.update("/stores", "de", only).await.0, 200);
    let listed = shop.list("/product-projections", &[("storeProjection", "de"), ("where", "key = \"shirt\"")]).await;
    assert_eq!(amounts(&listed[0]), expected);
    // A price is selected among those that are shown, and the store's selections are not asked.
    let british = [("storeProjection", "de"), ("priceCurrency", "GBP"), ("priceCountry", "GB")];
    let (_, shown) = shop.get("/product-projections/key=shirt", &british).await;
    assert!(shown["masterVariant"].get("price").is_none(), "{shown}");
    assert_eq!(shop.get("/product-projections/key=boot", &[("storeProjection", "de")]).await.0, 200);
}
