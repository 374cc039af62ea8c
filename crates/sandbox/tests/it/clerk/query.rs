//! Searches and recommendations answer from what was written.

use reqwest::Method;
use sandbox::clerk::Settings;
use serde_json::{Value, json};

use super::{Clerk, KEY, category, product_with};

async fn shop() -> Clerk {
    let clerk = Clerk::start().await;
    let categories = json!([
        category(1, "Clothes", &[2, 3]),
        category(2, "Jackets", &[]),
        // A cycle, as shops have them.
        category(3, "Trousers", &[1]),
        category(4, "Tents", &[]),
    ]);
    assert_eq!(clerk.post("/v2/categories", json!({"categories": categories})).await.status, 200);
    let products = json!([
        product_with(
            1,
            json!({"name": "Trail Jacket", "description": "For trails.", "brand": "Nordby", "sku": "TJ-1", "price": 120, "categories": [2], "on_sale": true, "tags": ["outdoor", "rain"], "stock": 3})
        ),
        product_with(
            2,
            json!({"name": "Rain Jacket", "brand": "Nordby", "sku": "RJ-2", "price": 80, "categories": [2], "on_sale": false, "created_at": 1_800_000_000, "stock": 0})
        ),
        product_with(
            3,
            json!({"name": "Linen Trousers", "description": "Go with any jacket.", "brand": "Sol", "sku": "LT-3", "price": 60, "categories": [3], "on_sale": false, "stock": 9})
        ),
        product_with(
            4,
            json!({"name": "Tent", "brand": "Sol", "sku": "T-4", "price": 300, "categories": [4], "variant_skus": ["T-4-RED"], "on_sale": true})
        ),
        product_with(5, json!({"name": "Old Jacket", "index": false, "categories": [2]})),
    ]);
    assert_eq!(clerk.post("/v2/products", json!({"products": products})).await.status, 200);
    let line = |id: i64, quantity: i64| json!({"id": id, "quantity": quantity, "price": 1.0});
    let orders = json!([
        {"id": 1, "time": 1_600_000_000, "products": [line(3, 5), line(1, 1)]},
        {"id": 2, "time": 1_600_000_100, "products": [line(1, 1)]},
    ]);
    assert_eq!(clerk.post("/v2/orders", json!({"orders": orders})).await.status, 200);
    clerk.store().analyse();
    clerk
}

impl Clerk {
    /// The answer to a query with the public key, by POST; the same by GET must be the same.
    async fn ask(&self, path: &str, mut arguments: Value) -> Value {
        arguments["key"] = json!(KEY);
        let posted = self.send(Method::POST, &format!("/v2/{path}"), arguments.to_string()).await;
        let mut url = reqwest::Url::parse(&self.host.url(&format!("/v2/{path}"))).unwrap();
        for (name, value) in arguments.as_object().unwrap() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            url.query_pairs_mut().append_pair(name, &text);
        }
        let got = self.client.get(url).send().await.unwrap().text().await.unwrap();
        let (posted, got) = (posted.json(), serde_json::from_str::<Value>(&got).unwrap());
        if posted["status"] == "ok" {
            assert_eq!(posted, got);
        }
        posted
    }

    async fn result(&self, path: &str, arguments: Value) -> Value {
        let answer = self.ask(path, arguments).await;
        assert_eq!(answer["status"], "ok", "{answer}");
        answer["result"].clone()
    }
}

#[tokio::test]
async fn a_search_finds_words_and_puts_names_first() {
    let clerk = shop().await;
    let answer =
        clerk.ask("search/search", json!({"query": "jacket", "limit": 10, "attributes": ["id", "name"]})).await;
    assert_eq!(answer["result"], json!([1, 2, 3]));
    assert_eq!(answer["product_data"][2], json!({"id": 3, "name": "Linen Trousers"}));
    assert_eq!((&answer["count"], &answer["no_exact_match"]), (&json!(3), &json!(false)));
    assert!(answer.get("facets").is_none());
    assert_eq!(
        clerk.result("search/search", json!({"query": "Rain JACK", "limit": 9})).await,
        json!([2, 1]),
        "tags are text"
    );
    assert_eq!(clerk.result("search/search", json!({"query": "trail tent", "limit": 9})).await, json!([]));
    assert_eq!(
        clerk.result("search/search", json!({"query": "trail tent", "limit": 9, "longtail": true})).await,
        json!([1, 4])
    );
    assert_eq!(clerk.result("search/search", json!({"query": "jacket", "limit": 1, "offset": 1})).await, json!([2]));
    assert_eq!(clerk.result("search/search", json!({"query": "jacket", "limit": 1, "offset": 9})).await, json!([]));
    assert_eq!(
        clerk.result("search/search", json!({"query": "jacket", "limit": 9, "exclude": ["1"]})).await,
        json!([2, 3])
    );
}

#[tokio::test]
async fn a_sku_is_a_fallback_and_says_so() {
    let clerk = shop().await;
    let answer = clerk.ask("search/search", json!({"query": "t-4-red", "limit": 10})).await;
    assert_eq!((&answer["result"], &answer["no_exact_match"]), (&json!([4]), &json!(true)));
}

#[tokio::test]
async fn a_search_sees_every_change_at_once() {
    let clerk = shop().await;
    clerk.patch("/v2/products", json!({"products": [{"id": 4, "name": "Yurt"}]})).await;
    assert_eq!(clerk.result("search/search", json!({"query": "yurt", "limit": 9})).await, json!([4]));
    assert_eq!(clerk.result("search/search", json!({"query": "tent", "limit": 9})).await, json!([]));
    clerk.delete("products", &json!([4])).await;
    assert_eq!(clerk.result("search/search", json!({"query": "yurt", "limit": 9})).await, json!([]));
}

#[tokio::test]
async fn results_can_be_filtered_ordered_and_faceted() {
    let clerk = shop().await;
    let filtered = async |filter: &str| {
        clerk.ask("search/search", json!({"query": "", "limit": 9, "orderby": "id", "filter": filter})).await
    };
    assert_eq!(filtered("brand = 'Sol' and price <= 100").await["result"], json!([3]));
    assert_eq!(filtered("stock > 0 or on_sale = true").await["result"], json!([1, 3, 4]));
    assert_eq!(filtered("categories not in [2, 4]").await["result"], json!([3]));
    assert_eq!(filtered("tags contains 'rain'").await["result"], json!([1]));
    assert_eq!(filtered("brand = ").await["message"], "Invalid Syntax In Argument: filter");
    let ordered = |by: &str, order: &str| {
        clerk.result("search/search", json!({"query": "", "limit": 9, "orderby": by, "order": order}))
    };
    assert_eq!(ordered("price", "asc").await, json!([3, 2, 1, 4]));
    assert_eq!(ordered("price", "desc").await, json!([4, 1, 2, 3]));
    assert_eq!(ordered("stock", "desc").await, json!([3, 1, 2, 4]), "those without come last");
    let answer = clerk
        .ask("search/search", json!({"query": "", "limit": 1, "facets": ["brand", "price", "categories", "nothing"]}))
        .await;
    assert_eq!(
        answer["facets"]["brand"],
        json!([{"count": 2, "type": "unit", "name": "Nordby", "value": "Nordby"}, {"count": 2, "type": "unit", "name": "Sol", "value": "Sol"}]),
        "counts cover the whole match"
    );
    assert_eq!(answer["facets"]["categories"][0], json!({"count": 2, "type": "unit", "name": "Jackets", "value": 2}));
    assert_eq!(
        answer["facets"]["price"][0],
        json!({"count": 2, "type": "range", "name": "50 - 99", "min": 50.0, "max": 99.0})
    );
    assert_eq!(answer["facets"]["nothing"], json!([]));
}

#[tokio::test]
async fn small_searches_are_clamped_to_ten() {
    let clerk = shop().await;
    let products = (100..120).map(|id| product_with(id, json!({"name": format!("Sock {id}")}))).collect::<Vec<_>>();
    clerk.post("/v2/products", json!({"products": products})).await;
    let answer = clerk.ask("search/predictive", json!({"query": "sock", "limit": 50})).await;
    assert_eq!(
        (answer["result"].as_array().unwrap().len(), &answer["query"], &answer["count"]),
        (10, &json!("sock"), &json!(20))
    );
    assert_eq!(
        clerk.result("search/suggestions", json!({"query": "ja", "limit": 9})).await,
        json!(["jackets", "rain jacket", "trail jacket"])
    );
}

#[tokio::test]
async fn categories_and_pages_are_found() {
    let clerk = shop().await;
    let answer = clerk.ask("search/categories", json!({"query": "jack", "limit": 5})).await;
    assert_eq!((&answer["result"], &answer["categories"][0]["name"]), (&json!([2]), &json!("Jackets")));
    assert_eq!(clerk.result("search/categories", json!({"query": "", "limit": 9})).await, json!([1, 2, 3, 4]));
    let page = |id: i64, kind: &str| json!({"id": id, "type": kind, "url": "https://shop.example/b", "title": "Care", "text": "Wash cold"});
    clerk.post("/v2/pages", json!({"pages": [page(1, "blog"), page(2, "cms page")]})).await;
    assert_eq!(clerk.result("search/pages", json!({"query": "wash", "limit": 5, "type": "blog"})).await, json!([1]));
}

#[tokio::test]
async fn recommendations_follow_orders_categories_and_dates() {
    let clerk = shop().await;
    let ten = || json!({"limit": 10});
    let with = |more: Value| {
        let mut arguments = ten();
        for (name, value) in more.as_object().unwrap() {
            arguments[name.as_str()] = value.clone();
        }
        arguments
    };
    assert_eq!(clerk.result("recommendations/popular", ten()).await, json!([3, 1, 2, 4]));
    assert_eq!(clerk.result("recommendations/trending", ten()).await, json!([1, 2, 3, 4]), "no order is recent");
    assert_eq!(clerk.result("recommendations/new", ten()).await, json!([2, 4, 3, 1]));
    assert_eq!(
        clerk.result("recommendations/category/popular", with(json!({"category": 1}))).await,
        json!([3, 1, 2]),
        "and below"
    );
    assert_eq!(clerk.result("recommendations/category/popular", with(json!({"category": "2"}))).await, json!([1, 2]));
    assert_eq!(clerk.result("recommendations/category/new", with(json!({"category": 2}))).await, json!([2, 1]));
    assert_eq!(clerk.result("recommendations/keywords", with(json!({"keywords": "tent linen"}))).await, json!([3, 4]));
    assert_eq!(clerk.result("recommendations/substituting", with(json!({"products": [1]}))).await, json!([2]));
    assert_eq!(clerk.result("recommendations/complementary", with(json!({"products": ["1"]}))).await, json!([3]));
    assert_eq!(clerk.result("recommendations/most_sold_with", with(json!({"products": [404]}))).await, json!([]));
    assert_eq!(clerk.result("recommendations/recently_bought", json!({})).await, json!([1, 3]));
    let answer = clerk.ask("recommendations/category/popular_subcategories", with(json!({"category": 1}))).await;
    assert_eq!(answer["result"][0], json!({"id": 3, "name": "Trousers", "url": "https://shop.example/c"}));
}

#[tokio::test]
async fn what_the_analysis_has_not_seen_comes_last() {
    let clerk = shop().await;
    clerk
        .post(
            "/v2/products",
            json!({"products": [product_with(9, json!({"name": "Jacket", "created_at": 1_900_000_000}))]}),
        )
        .await;
    let last =
        async || clerk.result("recommendations/new", json!({"limit": 10})).await.as_array().unwrap().last().cloned();
    assert_eq!(last().await, Some(json!(9)));
    clerk.post("/_admin/clerk/de/analyse", json!({})).await;
    assert_eq!(last().await, Some(json!(1)));
}

#[tokio::test]
async fn required_arguments_are_asked_for_by_name() {
    let clerk = shop().await;
    for (path, arguments, message) in [
        ("search/search", json!({"limit": 1}), "Missing Argument query"),
        ("search/search", json!({"query": "x"}), "Missing Argument limit"),
        ("recommendations/popular", json!({}), "Missing Argument limit"),
        ("recommendations/popular", json!({"limit": "ten"}), "Invalid Syntax In Argument: limit"),
        ("recommendations/popular", json!({"limit": 1, "order": "up"}), "Invalid Syntax In Argument: order"),
        ("recommendations/category/popular", json!({"limit": 1}), "Missing Argument category"),
        ("recommendations/keywords", json!({"limit": 1}), "Missing Argument keywords"),
        ("recommendations/substituting", json!({"limit": 1}), "Missing Argument products"),
        ("recommendations/substituting", json!({"limit": 1, "products": 1}), "Invalid Syntax In Argument: products"),
        ("product/attributes", json!({}), "Missing Argument products"),
    ] {
        assert_eq!(clerk.ask(path, arguments).await["message"], message, "{path}");
    }
    let lax = Clerk::with(Settings { require_limit: false, ..Settings::default() }).await;
    assert_eq!(lax.ask("recommendations/popular", json!({})).await["status"], "ok");
}

#[tokio::test]
async fn a_callback_wraps_the_answer() {
    let clerk = shop().await;
    let answer = clerk.get(&format!("/v2/recommendations/popular?key={KEY}&limit=1&callback=Clerk.cb_1")).await;
    assert!(answer.text.starts_with("Clerk.cb_1({") && answer.text.ends_with("});"), "{}", answer.text);
    let answer = clerk.get(&format!("/v2/recommendations/popular?key={KEY}&limit=1&callback=alert(1)//")).await;
    assert!(answer.text.starts_with('{'), "{}", answer.text);
}

#[tokio::test]
async fn plugins_find_their_older_calls() {
    let clerk = shop().await;
    let attributes =
        clerk.ask("product/attributes", json!({"products": [3, 404], "attributes": "id,name", "status": "ok"})).await;
    assert_eq!(attributes, json!([{"id": 3, "name": "Linen Trousers"}]));
    let facets = clerk.ask("product/facets", json!({"attributes": ["brand"]})).await;
    assert_eq!(facets["facets"]["brand"][0]["count"], 2);
    let all = clerk.ask("product/facets", json!({})).await;
    assert!(all["facets"].as_object().unwrap().contains_key("on_sale"));
    let account = clerk.post("/v2/client/account/info", json!({})).await.json();
    assert_eq!((&account["status"], &account["currency"]), (&json!("ok"), &json!("EUR")));
    assert_eq!(clerk.ask("client/account/info", json!({})).await["type"], "AuthenticationError");
    assert_eq!(clerk.post("/v2/client/account/content/list", json!({})).await.json()["contents"], json!([]));
}
