//! What Clerk.io is sent stays as it is recorded, byte for byte, whatever changes inside. Recorded was what the first edition
//! (commit d1a04ca) sent; whoever changes it on purpose records it anew and says in the commit which fields changed.
//!
//! `fixtures/payloads/*.json` hold, per shop, store and operation, how many items were sent and one digest
//! over all of them in the order of their ids. Which call carries an item is left out: that depends on timing. So is
//! `created_at`, the instant at which the emulated shop was made.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    body::Bytes,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::harness::{Shop, serve, shared};

/// Method, path and body of every request to Clerk.io.
type Requests = Arc<Mutex<Vec<(String, String, Bytes)>>>;

/// Passes every request on to `target` and keeps what it was.
#[expect(clippy::disallowed_methods, reason = "the bytes must pass through a client that changes nothing")]
async fn recorder(target: String) -> (String, Requests) {
    // A client can't be built without a provider, although it speaks plain HTTP here; a second one is refused.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let requests = Requests::default();
    let (kept, client) = (Arc::clone(&requests), reqwest::Client::new());
    let forward = move |request: Request| {
        let (kept, client, target) = (Arc::clone(&kept), client.clone(), target.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let path = head.uri.path_and_query().unwrap().to_string();
            kept.lock().unwrap().push((head.method.to_string(), head.uri.path().to_owned(), body.clone()));
            let mut headers = head.headers;
            headers.remove(http::header::HOST);
            let sent = client.request(head.method, format!("{target}{path}")).headers(headers).body(body).send();
            let answer = sent.await.unwrap();
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response: Response = (status, answer.bytes().await.unwrap()).into_response();
            *response.headers_mut() = headers;
            response
        }
    };
    (serve(axum::Router::new().fallback(forward)).await, requests)
}

#[derive(Deserialize)]
struct Body<'a> {
    key: String,
    #[serde(borrow)]
    products: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    categories: Option<Vec<&'a RawValue>>,
}

/// The item without the digits of its `created_at`.
fn timeless(item: &str) -> String {
    let Some((before, rest)) = item.split_once("\"created_at\":") else { return item.to_owned() };
    format!("{before}\"created_at\":{}", rest.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

/// Items by store and operation, and by id: their bytes.
pub(crate) type Items = BTreeMap<String, BTreeMap<String, String>>;

fn items(requests: &Requests) -> Items {
    let mut items = Items::new();
    for (method, path, body) in requests.lock().unwrap().iter().filter(|(_, _, body)| !body.is_empty()) {
        let body: Body<'_> = serde_json::from_slice(body).unwrap();
        for item in body.products.into_iter().chain(body.categories).flatten() {
            let parsed: Value = serde_json::from_str(item.get()).unwrap();
            let sent = items.entry(format!("{method} {path} {}", body.key)).or_default();
            let twice = sent.insert(parsed["id"].to_string(), timeless(item.get()));
            assert_eq!(twice, None, "{} was sent twice", parsed["id"]);
        }
    }
    items
}

/// Items by store and operation: their number, and a digest over all of them by id.
fn digests(items: &Items) -> Value {
    let digest = |items: &BTreeMap<String, String>| {
        let mut hasher = blake3::Hasher::new();
        for (id, item) in items {
            hasher.update(format!("{id} {item}\n").as_bytes());
        }
        json!({ "items": items.len(), "digest": hasher.finalize().to_hex().as_str() })
    };
    items.iter().map(|(name, items)| (name.clone(), digest(items))).collect()
}

/// What a first sync of the shop sends.
pub(crate) async fn sent(shop: Shop) -> Items {
    let clerk = shop.world.clerk_url.trim_end_matches("/v2").to_owned();
    let (url, requests) = recorder(clerk.clone()).await;
    shop.replace(&clerk, &url);
    let pass = shop.open().await.sync().await;
    assert_eq!(pass.flows.values().map(|flow| flow.tally.pending).sum::<u64>(), 0, "{pass:?}");
    items(&requests)
}

/// Holds what a shop is sent against the fixture; `CARTAGE_RECORD` writes what this version sends instead.
#[expect(clippy::disallowed_methods, reason = "recording is asked for by the person who runs the test")]
async fn stays(name: &str, shop: Shop) {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/payloads").join(name);
    let now = digests(&sent(shop).await);
    if std::env::var_os("CARTAGE_RECORD").is_some() {
        std::fs::write(&file, format!("{now:#}\n")).unwrap();
    }
    let before: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(now, before, "other bytes than recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_of_the_demo_is_sent_as_recorded() {
    stays("shop-500.json", Shop::odd(500).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_of_two_thousand_products_is_sent_as_recorded() {
    stays("shop-2000.json", Shop::odd(2_000).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_luma_shop_is_sent_as_recorded() {
    let Some(folder) = shared("magento-luma") else { return };
    stays("magento-luma.json", Shop::data(folder).await).await;
}
