//! Feeds that the destination imports itself: complete or refused; and items that only an import removes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, http::StatusCode, response::Response};
use cartage::commands::{run::receivers, status::FlowStatus};
use sandbox::{
    clerk::{FeedImport, SyncRecord},
    commercetools::Change,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::harness::{MARKETS, Process, Shop, serve};

/// The edges of a process, as `cartage run` serves them.
pub(crate) fn edges(process: &Process) -> Router {
    let lanes = process.engine.origins[0].pull.source.lanes();
    let flows = process.engine.flows.iter().map(|flow| (flow.name.clone(), (Arc::clone(flow), lanes.clone())));
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
    let (ledger, clock) = (Arc::clone(&process.engine.store), Arc::clone(&process.engine.clock));
    let store = Arc::new(store::Sqlite::open_read_only(&process.database).unwrap());
    let (health, cadence) = (Arc::clone(&process.engine.health), BTreeMap::new());
    let hooks = receivers(&process.engine);
    server::router(server::Served { flows: flows.collect(), store, ledger, cadence, clock, health, hooks, metrics })
}

/// A token that Clerk.io gives to a store's importer, as the server of a feed sees it.
pub(crate) async fn token(shop: &Shop, market: &str) -> String {
    let seen = Arc::new(Mutex::new(String::new()));
    let see = Arc::clone(&seen);
    let asked = Router::new().fallback(move |request: Request| async move {
        let token = request.headers()["x-clerk-authorization"].to_str().unwrap().to_owned();
        *see.lock().unwrap() = token;
        StatusCode::SERVICE_UNAVAILABLE
    });
    let products_url = Some(serve(asked).await);
    shop.world.clerk.import_feed(market, &FeedImport { products_url, ..FeedImport::default() }).await.unwrap();
    let token = seen.lock().unwrap().clone();
    assert!(token.starts_with("Bearer "));
    token
}

/// Asks for a feed; status, content type and body.
pub(crate) async fn get(edges: &Router, path: &str, token: Option<&str>) -> (u16, String, String) {
    let mut request = Request::builder().uri(path);
    if let Some(token) = token {
        request = request.header("X-Clerk-Authorization", token);
    }
    let response: Response = edges.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let of = response.headers().get("content-type").map(|of| of.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, of, String::from_utf8(body.to_vec()).unwrap())
}

pub(crate) async fn items(edges: &Router, path: &str, token: &str) -> Vec<Value> {
    let (status, _, body) = get(edges, path, Some(token)).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn by_id(items: Vec<Value>) -> BTreeMap<String, Value> {
    items.into_iter().map(|item| (item["id"].as_str().unwrap().to_owned(), item)).collect()
}

/// Imports both feeds of the German flow.
async fn import(shop: &Shop, base: &str, format: &str) -> SyncRecord {
    let url = |feed: &str| {
        Some(format!(
            "{base}/feed/clerk-de/{feed}?limit={{{{limit}}}}&offset={{{{offset}}}}&modified_after={{{{modified_after}}}}&format={format}"
        ))
    };
    let feeds =
        FeedImport { products_url: url("products"), categories_url: url("categories"), ..FeedImport::default() };
    let record = shop.world.clerk.import_feed("de", &feeds).await.unwrap();
    assert_eq!(record.aborted, None, "{record:?}");
    assert!(record.feeds.iter().all(|feed| feed.refused == 0), "{record:?}");
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_the_feed_gives_the_store_exactly_what_the_calls_gave_it() {
    let shop = Shop::odd(100).await;
    let process = shop.synced().await;
    let base = serve(edges(&process)).await;
    let pushed = shop.held();
    for format in ["json", "ndjson"] {
        // Nothing to change, then everything to recover, then something to remove.
        let record = import(&shop, &base, format).await;
        assert_eq!(record.feeds.iter().map(|feed| feed.deleted).sum::<usize>(), 0);
        assert_eq!(shop.held(), pushed, "{format}");
        shop.store("de").clear();
        import(&shop, &base, format).await;
        assert_eq!(shop.held(), pushed, "{format}");
    }
    // Serving a feed costs the destination only the check of the token.
    assert!(process.sync().await.converged());
    assert!(shop.sent("de").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_more_than_one_page_is_imported_whole() {
    let shop = Shop::altered(520, |_, products| {
        for product in products {
            product.description.clear();
            product.variants.truncate(1);
        }
    })
    .await;
    let process = shop.synced().await;
    let base = serve(edges(&process)).await;
    let pushed = shop.held();
    shop.store("de").clear();
    let record = import(&shop, &base, "ndjson").await;
    let products = record.feeds.iter().find(|feed| feed.fetched == 520).unwrap();
    assert_eq!((products.pages, products.stored), (2, 520));
    assert_eq!(shop.held(), pushed);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_lines_and_changes_are_given_as_asked() {
    let shop = Shop::uniform(25).await;
    let process = shop.synced().await;
    let (edges, token) = (edges(&process), token(&shop, "de").await);
    let whole = items(&edges, "/feed/clerk-de/products", &token).await;
    assert_eq!(by_id(whole.clone()), shop.store("de").products());
    let (_, of, lines) = get(&edges, "/feed/clerk-de/products?format=ndjson", Some(&token)).await;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((of.as_str(), &lines), ("application/x-ndjson", &whole));
    // Page by page, also out of order and by another process that remembers nothing.
    let mut paged = Vec::new();
    for offset in (0..).step_by(7) {
        let page = items(&edges, &format!("/feed/clerk-de/products?limit=7&offset={offset}"), &token).await;
        let last = page.len() < 7;
        paged.extend(page);
        if last {
            break;
        }
    }
    assert_eq!(paged, whole);
    assert_eq!(items(&edges, "/feed/clerk-de/products?limit=3&offset=11", &token).await, whole[11..14]);
    assert_eq!(items(&self::edges(&process), "/feed/clerk-de/products?limit=3&offset=11", &token).await, whole[11..14]);
    assert_eq!(items(&edges, "/feed/clerk-de/products?limit=5&offset=25", &token).await, Vec::<Value>::new());

    // What changed since: the clock of the engine counts.
    let since = process.engine.clock.now().plus(Duration::from_secs(1));
    tokio::time::sleep(Duration::from_millis(200)).await;
    shop.change(Change::SetName {
        product: "p-000003".to_owned(),
        locale: "de".to_owned(),
        text: Some("Neu".to_owned()),
    });
    process.sync().await;
    let path = format!("/feed/clerk-de/products?modified_after={}", since.to_string().replace('+', "%2B"));
    let changed = items(&edges, &path, &token).await;
    assert_eq!(changed.iter().map(|item| item["name"].clone()).collect::<Vec<_>>(), [json!("Neu")]);
    // So does what only something that a product uses changed.
    let since = process.engine.clock.now().plus(Duration::from_secs(1));
    tokio::time::sleep(Duration::from_millis(200)).await;
    shop.change(Change::SetStock { sku: shop.skus("p-000004")[0].clone(), channel: None, quantity: 7 });
    assert!(process.sync().await.converged());
    let path = format!("/feed/clerk-de/products?modified_after={}", since.to_string().replace('+', "%2B"));
    let changed = items(&edges, &path, &token).await;
    assert_eq!(changed.iter().map(|item| item["id"].clone()).collect::<Vec<_>>(), [json!(shop.id("p-000004"))]);
    // Hours back.
    assert_eq!(items(&edges, "/feed/clerk-de/products?modified_after=24", &token).await.len(), 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_may_end_within_a_product_also_behind_one_that_is_gone() {
    let shop = Shop::uniform(5).await;
    shop.replace("[destinations.clerk-de]\n", "[destinations.clerk-de]\ngrain = \"variant\"\n");
    let process = shop.synced().await;
    shop.change(Change::Unpublish { product: "p-000002".to_owned() });
    assert!(process.sync().await.converged());
    let (edges, token) = (edges(&process), token(&shop, "de").await);
    let whole = items(&edges, "/feed/clerk-de/products", &token).await;
    assert_eq!(by_id(whole.clone()), shop.store("de").products());
    for limit in [1, 2, 3] {
        let mut paged = Vec::new();
        while paged.len() < whole.len() {
            let page = format!("/feed/clerk-de/products?limit={limit}&offset={}", paged.len());
            paged.extend(items(&edges, &page, &token).await);
        }
        assert_eq!(paged, whole, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_t_be_made_any_more_is_in_the_feed_as_it_was_acknowledged_last() {
    let shop = Shop::uniform(10).await;
    let section = "[flows.clerk-de.fields]\n";
    shop.replace(section, &format!("{section}url = \"product.name == 'kaputt' ? 'nowhere' : product.url\"\n"));
    let process = shop.synced().await;
    let base = serve(edges(&process)).await;
    let (product, locale) = ("p-000003".to_owned(), "de".to_owned());
    shop.change(Change::SetName { product, locale, text: Some("kaputt".to_owned()) });
    assert_eq!(process.sync().await.flows["de"].tally.dead, 1);
    let held = shop.held();
    let record = import(&shop, &base, "json").await;
    assert_eq!(record.feeds.iter().map(|feed| feed.deleted).sum::<usize>(), 0, "{record:?}");
    assert_eq!(shop.held(), held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_refused_to_strangers_and_for_what_can_t_be_whole() {
    let shop = Shop::uniform(10).await;
    let process = shop.open().await;
    let (edges, good) = (edges(&process), token(&shop, "de").await);
    let path = "/feed/clerk-de/products";
    // Before the first full read absence would delete.
    let (status, _, body) = get(&edges, path, Some(&good)).await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("C0607") && body.contains("was not read completely"), "{body}");
    assert!(process.sync().await.converged());
    assert_eq!(get(&edges, path, Some(&good)).await.0, 200);

    let other = token(&shop, "uk").await;
    let forged = format!("{good}x");
    let strangers = [
        None,
        Some(""),
        Some("Bearer "),
        Some("Bearer nonsense"),
        Some(forged.as_str()),
        Some(other.as_str()),
        good.strip_prefix("Bearer "),
    ];
    for token in strangers {
        let (status, _, body) = get(&edges, path, token).await;
        assert_eq!(status, 403, "{token:?}: {body}");
        assert!(!body.contains("sandbox"), "a key is shown: {body}");
    }
    // If the token can't be checked, every request is refused.
    shop.store("de").disable(true);
    assert_eq!(get(&edges, path, Some(&good)).await.0, 403);
    shop.store("de").disable(false);

    for (path, expected) in [
        ("/feed/clerk-fr/products", 404),
        ("/feed/clerk-de/orders", 404),
        ("/feed/clerk-de/products?limit=0", 400),
        ("/feed/clerk-de/products?offset=-1", 400),
        ("/feed/clerk-de/products?modified_after=yesterday", 400),
        ("/feed/clerk-de/products?format=xml", 400),
        ("/nowhere", 404),
    ] {
        assert_eq!(get(&edges, path, Some(&good)).await.0, expected, "{path}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(&edges, path, None).await.0, 200, "{path}");
    }
    assert!(get(&edges, "/metrics", None).await.2.is_ascii());
}

/// Deletes a category without children, whose products stay; its id.
async fn delete_category(shop: &Shop) -> String {
    let leaf = shop.store("de").categories().into_values().find(|it| it["subcategories"] == json!([])).unwrap();
    let id = leaf["id"].as_str().unwrap().to_owned();
    let key = shop
        .world
        .shop
        .category_keys()
        .into_iter()
        .filter(|key| leaf["url"].as_str().unwrap().ends_with(&format!("-{key}")));
    shop.change(Change::DeleteCategory { category: key.max_by_key(String::len).unwrap() });
    tokio::time::sleep(Duration::from_millis(600)).await;
    id
}

/// Has the categories of every store wait for the import of a feed.
fn wait_for_feeds(shop: &Shop) {
    for market in MARKETS {
        let section = format!("[destinations.clerk-{market}]\n");
        shop.replace(&section, &format!("{section}category_removal = \"feed\"\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_is_not_taken_for_gone_where_nobody_has_read_the_whole_feed() {
    let shop = Shop::uniform(30).await;
    wait_for_feeds(&shop);
    let process = shop.synced().await;
    let token = token(&shop, "de").await;
    delete_category(&shop).await;
    process.sync_full().await;
    let path = "/feed/clerk-de/categories";
    let waiting = async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        process.status().await["de"].tally.waiting
    };
    // Asked for its head only, or left by whoever asked.
    for method in ["HEAD", "GET"] {
        let request = Request::builder().method(method).uri(path).header("X-Clerk-Authorization", &token);
        let response = edges(&process).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!((response.status().as_u16(), waiting().await), (200, 1), "{method}");
        drop(response);
        assert_eq!(waiting().await, 1, "{method}");
    }
    // The first page was another process's, before the category went.
    let edges = edges(&process);
    for page in ["?limit=1&offset=1", "?limit=1000&offset=2"] {
        assert!(!items(&edges, &format!("{path}{page}"), &token).await.is_empty());
    }
    assert_eq!(waiting().await, 1);
    // Read whole, but by nobody who imports it: the destination still has the category, and the record still waits.
    items(&edges, path, &token).await;
    assert_eq!(waiting().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_goes_with_the_next_import_as_no_call_removes_it() {
    let shop = Shop::uniform(30).await;
    wait_for_feeds(&shop);
    let process = shop.synced().await;
    let base = serve(edges(&process)).await;
    let id = delete_category(&shop).await;
    let pass = process.sync_full().await;
    for flow in pass.flows.values() {
        assert_eq!((flow.tally.waiting, flow.tally.gone, flow.converged), (1, 0, false), "{flow:?}");
    }
    assert!(shop.store("de").categories().contains_key(&id));
    assert!(shop.store("de").operations().keys().all(|operation| !operation.starts_with("DELETE")));
    let inside = |product: &Value| product["categories"].as_array().unwrap().contains(&json!(id));
    assert!(!shop.store("de").products().values().any(inside));
    assert_eq!(shop.store("de").count(sandbox::clerk::Resource::Products), 30);

    let record = import(&shop, &base, "json").await;
    assert_eq!(record.feeds.iter().map(|feed| feed.deleted).sum::<usize>(), 1);
    assert!(!shop.store("de").categories().contains_key(&id));
    let mut flows = process.status().await;
    for _ in 0..100 {
        if flows["de"].converged {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        flows = process.status().await;
    }
    assert_eq!((flows["de"].tally.waiting, flows["de"].tally.gone, flows["de"].converged), (0, 1, true));
    // The other store has not imported anything.
    assert_eq!((flows["uk"].tally.waiting, flows["uk"].tally.gone), (1, 0));
    assert!(shop.store("uk").categories().contains_key(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_account_has_a_call_for_it_a_category_is_removed_by_call() {
    let shop = Shop::uniform(10).await;
    for market in MARKETS {
        let section = format!("[destinations.clerk-{market}]\n");
        shop.replace(&section, &format!("{section}category_removal = \"delete\"\n"));
    }
    let process = shop.synced().await;
    let category = shop.world.shop.category_keys().pop().unwrap();
    shop.change(Change::DeleteCategory { category });
    tokio::time::sleep(Duration::from_millis(600)).await;
    let pass = process.sync_full().await;
    // The emulated account does not have it, and says so; the record becomes dead rather than being asked for without end.
    for market in MARKETS {
        assert_eq!((pass.flows[market].tally.dead, pass.flows[market].tally.pending), (1, 0), "{pass:?}");
        assert_eq!(shop.store(market).operations()["DELETE categories"].refused, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_that_waits_for_the_feed_is_removed_by_call_once_that_is_the_setting() {
    let shop = Shop::uniform(10).await;
    wait_for_feeds(&shop);
    let process = shop.synced().await;
    delete_category(&shop).await;
    assert_eq!(process.sync_full().await.flows["de"].tally.waiting, 1);
    drop(process);
    let section = "[destinations.clerk-de]\ncategory_removal = ";
    shop.replace(&format!("{section}\"feed\""), &format!("{section}\"delete\""));
    let pass = shop.open().await.sync().await;
    // The emulated account does not have that call, and says so.
    assert_eq!((pass.flows["de"].tally.dead, pass.flows["de"].tally.pending), (1, 0), "{pass:?}");
    assert_eq!(pass.flows["uk"].tally.waiting, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_category_is_left_to_an_import_and_keeps_nothing_from_converging() {
    let shop = Shop::uniform(30).await;
    let process = shop.synced().await;
    let base = serve(edges(&process)).await;
    let id = delete_category(&shop).await;
    let left = |flow: &FlowStatus| flow.tally.rules.get("left_to_import").copied().unwrap_or(0);
    for flow in process.sync_full().await.flows.values() {
        assert_eq!((left(flow), flow.tally.waiting, flow.converged), (1, 0, true), "{flow:?}");
    }
    // It stays there, and nothing is sent for it again.
    assert!(shop.store("de").categories().contains_key(&id));
    let calls = format!("{:?}", shop.store("de").operations());
    assert!(process.sync_full().await.flows.values().all(|flow| flow.converged));
    assert_eq!(format!("{:?}", shop.store("de").operations()), calls);

    import(&shop, &base, "json").await;
    assert!(!shop.store("de").categories().contains_key(&id));
    let mut flows = process.status().await;
    for _ in 0..100 {
        if flows["de"].tally.gone == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        flows = process.status().await;
    }
    assert_eq!((left(&flows["de"]), flows["de"].tally.gone), (0, 1));
    assert_eq!((left(&flows["uk"]), flows["uk"].tally.gone), (1, 0), "the other store has not imported anything");
}
