//! The feed importer, against a shop that checks its tokens and one that misbehaves.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use reqwest::Method;
use sandbox::clerk::{FeedImport, Rejection, Resource, Settings, SyncRecord};
use sandbox::fault::{FaultPlan, Faults};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::{Clerk, KEY, category, product, product_with};
use crate::host::Host;

/// What a feed answers.
#[derive(Clone, Default)]
struct Feed {
    products: Vec<Value>,
    categories: Vec<Value>,
    lines: bool,
    /// Sent as they are instead of products.
    instead: Option<(u16, String)>,
    ignore_offset: bool,
}

#[derive(Clone, Default)]
struct Shop {
    feed: Arc<Mutex<Feed>>,
    tokens: Arc<Mutex<Vec<String>>>,
    asked: Arc<Mutex<Vec<Page>>>,
    /// The next request for products meets the test here twice: when it has come, and before it is answered.
    meeting: Arc<Mutex<Option<Arc<Barrier>>>>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Page {
    limit: usize,
    offset: usize,
    modified_after: Option<String>,
}

impl Shop {
    fn answer(&self, headers: &HeaderMap, page: Page, choose: fn(&Feed) -> &Vec<Value>) -> Response {
        let token = headers["x-clerk-authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
        self.tokens.lock().unwrap().push(token);
        let feed = self.feed.lock().unwrap().clone();
        if let Some((status, text)) = feed.instead {
            return (StatusCode::from_u16(status).unwrap(), text).into_response();
        }
        let offset = if feed.ignore_offset { 0 } else { page.offset };
        let items = choose(&feed).iter().skip(offset).take(page.limit).collect::<Vec<_>>();
        self.asked.lock().unwrap().push(page);
        if feed.lines {
            let lines = items.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            return ([("content-type", "application/x-ndjson")], lines).into_response();
        }
        ([("content-type", "application/json")], json!(items).to_string()).into_response()
    }
}

async fn products(State(shop): State<Shop>, headers: HeaderMap, Query(page): Query<Page>) -> Response {
    let meeting = shop.meeting.lock().unwrap().take();
    if let Some(meeting) = meeting {
        meeting.wait().await;
        meeting.wait().await;
    }
    shop.answer(&headers, page, |feed| &feed.products)
}

async fn categories(State(shop): State<Shop>, headers: HeaderMap, Query(page): Query<Page>) -> Response {
    shop.answer(&headers, page, |feed| &feed.categories)
}

struct Scene {
    clerk: Clerk,
    shop: Shop,
    faults: Faults,
    feeds: FeedImport,
    _host: Host,
}

async fn scene() -> Scene {
    let clerk = Clerk::with(Settings { feed_limit: 10, ..Settings::default() }).await;
    let shop = Shop::default();
    let router =
        Router::new().route("/products", get(products)).route("/categories", get(categories)).with_state(shop.clone());
    let faults = Faults::default();
    let host = Host::start(faults.wrap(router)).await;
    let url =
        |path: &str| {
            Some(host.url(&format!(
                "/{path}?limit={{{{limit}}}}&offset={{{{offset}}}}&modified_after={{{{modified_after}}}}"
            )))
        };
    let feeds =
        FeedImport { products_url: url("products"), categories_url: url("categories"), ..FeedImport::default() };
    Scene { clerk, shop, faults, feeds, _host: host }
}

impl Scene {
    fn feed(&self, change: impl FnOnce(&mut Feed)) {
        change(&mut self.shop.feed.lock().unwrap());
    }

    async fn import(&self) -> SyncRecord {
        self.clerk.emulator.import_feed("de", &self.feeds).await.unwrap()
    }

    fn ids(&self) -> Vec<String> {
        self.clerk.store().products().into_keys().collect()
    }
}

#[tokio::test]
async fn a_full_import_mirrors_the_feed_page_by_page() {
    let scene = scene().await;
    scene.clerk.post("/v2/products", json!({"products": [product(1), product(900)]})).await;
    scene.feed(|feed| {
        feed.products = (1..=25).map(product).collect();
        feed.categories = vec![category(1, "Coats", &[])];
    });
    let record = scene.import().await;
    assert_eq!((record.aborted, record.incremental), (None, false));
    let products = &record.feeds[1];
    assert_eq!((products.pages, products.fetched, products.stored, products.deleted), (3, 25, 25, 1));
    assert_eq!(scene.ids().len(), 25);
    let offsets = scene.shop.asked.lock().unwrap().iter().map(|page| (page.limit, page.offset)).collect::<Vec<_>>();
    assert_eq!(offsets, [(10, 0), (10, 0), (10, 10), (10, 20)]);

    // All is analysed now: the newest comes first.
    let newest = scene.clerk.get(&format!("/v2/recommendations/new?key={KEY}&limit=1")).await.json();
    assert_eq!(newest["result"], json!([25]));

    // A page that is exactly full is followed by an empty one.
    scene.feed(|feed| feed.products.truncate(20));
    let record = scene.import().await;
    assert_eq!((record.feeds[1].pages, record.feeds[1].deleted), (3, 5));
    assert_eq!(scene.clerk.store().imports().len(), 2);
}

#[tokio::test]
async fn lines_of_json_are_a_feed_too() {
    let scene = scene().await;
    scene.feed(|feed| {
        feed.lines = true;
        feed.products = (1..=12).map(product).collect();
    });
    assert_eq!(scene.import().await.feeds[1].stored, 12);
    // An empty feed is a whole one.
    scene.feed(|feed| feed.products.clear());
    assert_eq!(scene.import().await.feeds[1].deleted, 12);
}

#[tokio::test]
async fn an_incremental_import_deletes_nothing() {
    let mut scene = scene().await;
    scene.clerk.post("/v2/products", json!({"products": [product(1)]})).await;
    scene.feed(|feed| feed.products = vec![product(2)]);
    scene.feeds.modified_after = Some("24".to_owned());
    let record = scene.import().await;
    assert!(record.incremental);
    assert_eq!(scene.ids(), ["1", "2"]);
    assert_eq!(scene.shop.asked.lock().unwrap()[0].modified_after.as_deref(), Some("24"));
}

#[tokio::test]
async fn a_page_that_is_not_whole_aborts_and_deletes_nothing() {
    let scene = scene().await;
    scene.feed(|feed| feed.products = (1..=25).map(product).collect());
    scene.import().await;
    for (status, text, why) in [
        (503, "busy", "answered 503"),
        (204, "", "answered 204"),
        (200, "[{\"id\":1},", "not a JSON array"),
        (200, "{\"id\":1}\n{\"id\":", "line 2 of the page"),
        (200, "<html>", "line 1 of the page"),
    ] {
        scene.feed(|feed| feed.instead = Some((status, text.to_owned())));
        let record = scene.import().await;
        assert!(record.aborted.as_deref().unwrap().contains(why), "{record:?}");
        assert_eq!(scene.ids().len(), 25);
    }
    scene.feed(|feed| feed.instead = None);
    for plan in [
        FaultPlan { truncate_rate: 1.0, ..FaultPlan::default() },
        FaultPlan { reset_before_effect_rate: 1.0, ..FaultPlan::default() },
        FaultPlan { html_error_rate: 1.0, ..FaultPlan::default() },
    ] {
        scene.faults.set(plan).unwrap();
        assert!(scene.import().await.aborted.is_some());
        assert_eq!(scene.ids().len(), 25);
    }
}

#[tokio::test]
async fn a_feed_that_ignores_its_offset_is_noticed() {
    let scene = scene().await;
    scene.feed(|feed| {
        feed.products = (1..=25).map(product).collect();
        feed.ignore_offset = true;
    });
    let aborted = scene.import().await.aborted.unwrap();
    assert!(aborted.contains("does the feed heed its offset?"), "{aborted}");
}

#[tokio::test]
async fn a_bad_object_is_left_out_and_told_while_its_neighbours_arrive() {
    let scene = scene().await;
    scene.clerk.post("/v2/products", json!({"products": [product(2), product(3)]})).await;
    scene.clerk.store().reject(Rejection { resource: Resource::Products, field: "sku".into(), equals: json!("BAD") });
    scene.feed(|feed| {
        feed.products = vec![
            product(1),
            product_with(2, json!({"price": "free"})),
            product_with(3, json!({"sku": "BAD"})),
            json!({"name": 1}),
        ];
    });
    let record = scene.import().await;
    let products = &record.feeds[1];
    assert_eq!((products.stored, products.refused, products.deleted), (1, 3, 0));
    assert_eq!(
        products.errors,
        [
            "2: Invalid Syntax In Argument: price",
            "3: Value of sku is not accepted",
            "(without id): Invalid Syntax In Argument: name"
        ]
    );
    assert_eq!(scene.ids(), ["1", "2", "3"], "what the feed names isn't absent");
}

#[tokio::test]
async fn what_the_api_writes_meanwhile_is_newer_than_the_feed() {
    let scene = scene().await;
    let clerk = &scene.clerk;
    clerk.post("/v2/products", json!({"products": [product(1)]})).await;
    scene.feed(|feed| feed.products = vec![product(1)]);
    let meeting = Arc::new(Barrier::new(2));
    *scene.shop.meeting.lock().unwrap() = Some(Arc::clone(&meeting));
    let (record, ()) = tokio::join!(scene.import(), async {
        // The products have been asked for.
        meeting.wait().await;
        let newer = [product_with(1, json!({"stock": 5})), product(2)];
        clerk.post("/v2/products", json!({"products": newer})).await;
        meeting.wait().await;
    });
    assert_eq!(record.feeds[1].deleted, 0);
    assert_eq!(scene.ids(), ["1", "2"]);
    assert_eq!(clerk.store().products()["1"]["stock"], 5);
}

#[tokio::test]
async fn the_token_of_a_feed_request_can_be_verified() {
    let scene = scene().await;
    let clerk = &scene.clerk;
    scene.import().await;
    let token = scene.shop.tokens.lock().unwrap()[0].clone();
    assert_eq!(token.split('.').count(), 3);
    let verify = async |key: &str, token: &str| clerk.get(&format!("/v2/token/verify?key={key}&token={token}")).await;
    let answer = verify(KEY, &token).await.json();
    assert_eq!((&answer["status"], &answer["token_payload"]["sub"]), (&json!("ok"), &json!(KEY)));
    let posted = clerk.send(Method::POST, "/v2/token/verify", json!({"token": token}).to_string()).await;
    assert_eq!(posted.told(), "200 ok", "the key may be left out");
    let invalid = "401 AuthenticationError: Invalid token";
    assert_eq!(verify("sandboxUKpublic", &token).await.told(), invalid, "another store's");
    assert_eq!(verify(KEY, &format!("{token}x")).await.told(), invalid);
    assert_eq!(verify(KEY, "nonsense").await.told(), invalid);
    assert_eq!(verify(KEY, "").await.told(), invalid);
    // A cookie overrides the argument.
    let url = clerk.host.url(&format!("/v2/token/verify?key={KEY}&token=nonsense"));
    let response = clerk.client.get(url).header("cookie", format!("a=b; jwt={token}")).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_token_expires() {
    let now = Arc::new(Mutex::new(jiff::Timestamp::UNIX_EPOCH));
    let clock = {
        let now = Arc::clone(&now);
        Arc::new(move || *now.lock().unwrap())
    };
    let emulator = sandbox::clerk::Emulator::with_clock(Settings::default(), clock);
    let host = Host::start(emulator.router()).await;
    let shop = Shop::default();
    let shop_host = Host::start(Router::new().route("/products", get(products)).with_state(shop.clone())).await;
    let feeds = FeedImport { products_url: Some(shop_host.url("/products?limit=5&offset=0")), ..FeedImport::default() };
    crate::host::client();
    emulator.import_feed(KEY, &feeds).await.unwrap();
    let url = host.url(&format!("/v2/token/verify?token={}", shop.tokens.lock().unwrap()[0]));
    let verify = async || crate::host::client().get(&url).send().await.unwrap().status().as_u16();
    assert_eq!(verify().await, 200);
    *now.lock().unwrap() = jiff::Timestamp::from_second(3600).unwrap();
    assert_eq!(verify().await, 401);
}

#[tokio::test]
async fn an_import_is_started_over_http_and_tells_no_password() {
    let scene = scene().await;
    scene.feed(|feed| feed.products = vec![product(1)]);
    let body = json!({"products_url": scene.feeds.products_url, "modified_after": 24}).to_string();
    let record = scene.clerk.send(Method::POST, "/_admin/clerk/de/import", body).await.json();
    assert_eq!((&record["incremental"], &record["feeds"][0]["stored"]), (&json!(true), &json!(1)));
    let body = json!({"products_url": "http://user:secret@127.0.0.1:9/feed"}).to_string();
    let record = scene.clerk.send(Method::POST, "/_admin/clerk/de/import", body).await;
    assert!(record.json()["aborted"].is_string() && !record.text.contains("secret"), "{}", record.text);
    assert_eq!(scene.clerk.get("/_admin/clerk/de/imports").await.json()["imports"].as_array().unwrap().len(), 2);
}
