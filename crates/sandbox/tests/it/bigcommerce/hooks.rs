//! The store's webhooks: what may be registered, how often a delivery is attempted, and when the store gives up.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use ring::hmac;
use sandbox::{
    bigcommerce::{Change, Settings},
    catalogue::{Options, generate},
};
use serde_json::{Value, json};

use super::{START, Shop};
use crate::host::Host;

/// Waits between attempts, in seconds, as the platform publishes them.
const LADDER: [i64; 11] = [60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400];

/// A receiver that refuses so many deliveries, and accepts the others.
#[derive(Clone, Default)]
struct Receiver {
    refuses: Arc<AtomicUsize>,
    came: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.came.lock().unwrap().push((headers, body));
    let refuses = receiver.refuses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    if refuses.is_ok() { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }
}

/// A store, and a receiver of its webhooks.
struct Hooked {
    shop: Shop,
    receiver: Receiver,
    host: Host,
    product: String,
}

impl Hooked {
    async fn start(refuses: usize) -> Self {
        let catalogue = generate(&Options { products: 1, ..Options::default() });
        let settings = Settings { local_hooks: true, hook_warm_up_ms: 0, ..Settings::default() };
        let shop = Shop::open(settings, &catalogue).await;
        let receiver = Receiver { refuses: Arc::new(AtomicUsize::new(refuses)), ..Receiver::default() };
        let host = Host::start(Router::new().fallback(take).with_state(receiver.clone())).await;
        Self { shop, receiver, host, product: (catalogue.products)().next().unwrap().key }
    }

    async fn register(&self, scope: &str) -> u64 {
        let body = json!({
            "scope": scope, "destination": self.host.url("/in"), "is_active": true, "headers": { "x-key": "word" },
        });
        let answer = self.shop.ask("POST", "v3/hooks", "sandbox-token", &body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["data"]["id"].as_u64().unwrap()
    }

    fn rename(&self, name: &str) {
        self.shop.emulator.change(Change::SetName { product: self.product.clone(), name: name.to_owned() }).unwrap();
    }

    /// Attempts what is due so many seconds after the start, and returns how many attempts came.
    async fn attempts(&self, seconds: i64) -> usize {
        let before = self.receiver.came.lock().unwrap().len();
        self.shop.emulator.set_clock_offset(seconds * 1000);
        self.shop.emulator.deliver_hooks(std::future::ready(())).await.unwrap();
        self.receiver.came.lock().unwrap().len() - before
    }

    /// What the store says of the webhook's state, and of domains that it blocks.
    async fn admin(&self) -> (String, Vec<Value>) {
        let admin = self.shop.get("v3/hooks/admin").await.json();
        let state = admin["data"]["hooks_list"][0]["status"].as_str().unwrap().to_owned();
        (state, admin["data"]["blocked_domains"].as_array().unwrap().clone())
    }
}

#[tokio::test]
async fn a_refused_delivery_is_repeated_on_the_ladder_and_then_the_webhook_is_switched_off() {
    let hooked = Hooked::start(usize::MAX).await;
    let id = hooked.register("store/product/*").await;
    hooked.rename("Refused");
    assert_eq!(hooked.attempts(0).await, 1);
    let mut at = 0;
    for wait in LADDER {
        assert_eq!(hooked.attempts(at + wait - 1).await, 0, "before {wait} s are over");
        at += wait;
        assert_eq!(hooked.admin().await.0, "active");
        assert_eq!(hooked.attempts(at).await, 1, "after {wait} s");
    }
    assert_eq!(hooked.admin().await.0, "deactivated");
    let ids: Vec<_> =
        hooked.receiver.came.lock().unwrap().iter().map(|(headers, _)| headers["webhook-id"].clone()).collect();
    assert!(ids.len() == 12 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    // What happens now is lost, also once it is switched on again.
    hooked.rename("Lost");
    let on = json!({ "is_active": true }).to_string();
    assert_eq!(hooked.shop.ask("PUT", &format!("v3/hooks/{id}"), "sandbox-token", &on).await.status, 200);
    assert_eq!((hooked.attempts(at + 90_000).await, hooked.admin().await.0.as_str()), (0, "active"));
    hooked.rename("Delivered");
    assert_eq!(hooked.attempts(at + 90_000).await, 1);
}

#[tokio::test]
async fn a_delivery_that_is_accepted_is_not_repeated() {
    let hooked = Hooked::start(2).await;
    hooked.register("store/product/updated").await;
    hooked.rename("Accepted at the third attempt");
    let mut came = Vec::new();
    for at in [0, 60, 240, 540, 100_000] {
        came.push(hooked.attempts(at).await);
    }
    assert_eq!(came, [1, 1, 1, 0, 0]);
}

#[tokio::test]
async fn a_domain_that_refuses_more_than_a_tenth_of_100_is_blocked_for_three_minutes() {
    let tenth = Hooked::start(10).await;
    tenth.register("store/product/*").await;
    let worse = Hooked::start(11).await;
    worse.register("store/product/*").await;
    for hooked in [&tenth, &worse] {
        for number in 0..100 {
            hooked.rename(&format!("Name {number}"));
        }
        assert_eq!(hooked.attempts(0).await, 100);
    }
    assert_eq!(tenth.admin().await.1, Vec::<Value>::new());
    let (state, blocked) = worse.admin().await;
    assert_eq!(
        (state.as_str(), &blocked[0]["destination"], &blocked[0]["time_left"]),
        ("active", &json!("127.0.0.1"), &json!(180))
    );
    // Some of what happens meanwhile comes late, the rest never: nobody may count on it.
    for number in 100..120 {
        worse.rename(&format!("Name {number}"));
    }
    assert_eq!(worse.attempts(1).await, 0);
    let (_, blocked) = worse.admin().await;
    assert_eq!(blocked[0]["time_left"], json!(179));
    assert_eq!(worse.attempts(100).await, 0, "refused ones wait too");
    worse.attempts(200).await;
    assert_eq!(worse.admin().await.1, Vec::<Value>::new());
    worse.attempts(400).await;
    let names: Vec<String> = worse.receiver.came.lock().unwrap().iter().skip(100).map(body).collect();
    assert!(!names.is_empty() && names.len() < 31, "{names:?}");
}

fn body((_, body): &(HeaderMap, Bytes)) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn refusals_of_more_than_two_minutes_ago_do_not_count() {
    let hooked = Hooked::start(20).await;
    hooked.register("store/product/*").await;
    for number in 0..20 {
        hooked.rename(&format!("Name {number}"));
    }
    hooked.attempts(0).await;
    // They are attempted again after a minute, and count as successes then.
    assert_eq!(hooked.attempts(60).await, 20);
    for number in 20..100 {
        hooked.rename(&format!("Name {number}"));
    }
    assert_eq!(hooked.attempts(121).await, 80);
    assert_eq!(hooked.admin().await.1, Vec::<Value>::new());
}

#[tokio::test]
async fn a_delivery_carries_the_headers_asked_for_and_a_signature_over_what_it_holds() {
    let hooked = Hooked::start(0).await;
    hooked.register("store/product/updated").await;
    hooked.rename("Signed");
    assert_eq!(hooked.attempts(5).await, 1);
    let (headers, body) = hooked.receiver.came.lock().unwrap()[0].clone();
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!((text("x-key").as_str(), text("webhook-timestamp")), ("word", (START / 1000 + 5).to_string()));
    let content = [text("webhook-id"), text("webhook-timestamp"), String::from_utf8(body.to_vec()).unwrap()].join(".");
    let code = STANDARD.decode(text("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"sandbox-client-secret");
    hmac::verify(&key, content.as_bytes(), &code).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let id = hooked.shop.emulator.product_id(&hooked.product).unwrap();
    assert_eq!(body["scope"], "store/product/updated");
    assert_eq!(body["producer"], "stores/sandbox");
    assert_eq!(body["data"], json!({ "type": "product", "id": id }));
}

#[tokio::test]
async fn only_https_on_port_443_may_be_registered_once_for_a_scope_and_address_and_ten_for_a_scope() {
    let shop = Shop::of(1).await;
    let create = async |scope: &str, to: &str| {
        let body = json!({ "scope": scope, "destination": to }).to_string();
        shop.ask("POST", "v3/hooks", "sandbox-token", &body).await.status
    };
    for refused in ["http://a.example/in", "https://a.example:8443/in", "ftp://a.example", "a.example", ""] {
        assert_eq!(create("store/product/*", refused).await, 422, "{refused}");
    }
    assert_eq!(create("products", "https://a.example/in").await, 422, "it is no scope");
    assert_eq!(create("store/product/*", "https://a.example/in").await, 200);
    assert_eq!(create("store/product/*", "https://a.example/in").await, 422, "there is one already");
    for number in 1..10 {
        assert_eq!(create("store/product/*", &format!("https://a.example/{number}")).await, 200);
    }
    assert_eq!(create("store/product/*", "https://a.example/more").await, 422, "there are ten already");
    assert_eq!(create("store/sku/*", "https://a.example/in").await, 200);
}

#[tokio::test]
async fn a_new_webhook_delivers_nothing_for_a_minute_and_an_idle_one_is_switched_off_after_90_days() {
    let catalogue = generate(&Options { products: 1, ..Options::default() });
    let shop = Shop::open(Settings { local_hooks: true, ..Settings::default() }, &catalogue).await;
    let hooked = Hooked { shop, ..Hooked::start(0).await };
    hooked.register("store/product/updated").await;
    hooked.rename("Too soon");
    assert_eq!(hooked.attempts(61).await, 0);
    hooked.rename("Delivered");
    assert_eq!(hooked.attempts(61).await, 1);
    let days = |days: i64| 61 + days * 86_400;
    hooked.attempts(days(90)).await;
    assert_eq!(hooked.admin().await.0, "active");
    hooked.attempts(days(90) + 1).await;
    assert_eq!(hooked.admin().await.0, "deactivated");
}
