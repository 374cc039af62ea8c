//! Webhooks from the emulated BigCommerce to Clerk.io: how soon they arrive, and what becomes of lost, repeated, reordered,
//! forged, late and flooding ones.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, http::StatusCode};
use cartage::commands::demo;
use contract::source::Reach;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sandbox::{
    bigcommerce::{Change, Mischief, Settings},
    catalogue::{Catalogue, Options, generate},
    serve::Port,
    shop::{Edit, LivingShop},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::watch, task::JoinSet, time::Instant};
use tower::ServiceExt as _;

use crate::{
    bigcommerce::{World, hooked, of_markets},
    crash::{self, Undisturbed},
    feeds::edges,
    harness::{Origin, Process, Shop},
};

const CLIENT_SECRET: &str = "sandbox-client-secret";

fn options() -> Options {
    Options { products: 10, oddities: false, ..Options::default() }
}

fn catalogue() -> Catalogue {
    generate(&options())
}

/// A store whose webhooks arrive at a hub that has read everything, and their receiver.
struct Hooked {
    world: World,
    process: Process,
    edges: Router,
}

impl Hooked {
    async fn start() -> Self {
        Self::start_with(Settings::default(), None).await
    }

    /// `busy`: the lane that is read every second, while all others rest.
    async fn start_with(settings: Settings, busy: Option<&str>) -> Self {
        let port = Port::free().await.unwrap();
        let options = options();
        let world = World::start_with(settings, &catalogue(), of_markets(&options.markets())).await;
        world.hook(port.url(), CLIENT_SECRET, busy);
        let process = world.open_at(1).await;
        let edges = edges(&process);
        port.serve(edges.clone());
        process.sync().await;
        Self { world, process, edges }
    }

    /// Registers the webhooks, as `run` does.
    async fn register(&self) -> Vec<String> {
        let origin = &self.process.engine.origins[0];
        let address = origin.hooks.clone().unwrap();
        let found = self.process.engine.ensure_hooks(origin, &address, Reach::Apply).await.unwrap().unwrap();
        assert!(found.is_whole, "{found:?}");
        found.steps
    }

    /// Has the emulator deliver until nothing waits.
    async fn deliver(&self) {
        let shop = self.world.shop.clone();
        let idle = async {
            loop {
                tokio::time::sleep(Duration::from_millis(30)).await;
                if shop.hooks_waiting() == 0 {
                    tokio::time::sleep(Duration::from_millis(60)).await;
                    return;
                }
            }
        };
        let delivering = self.world.shop.deliver_hooks(idle);
        tokio::time::timeout(Duration::from_mins(1), delivering).await.expect("deliveries wait for ever").unwrap();
    }

    fn name(&self, product: &str) -> Value {
        let id = self.world.shop.product_id(product).map(|id| id.to_string()).unwrap_or_default();
        self.world.store("de").products().get(&id).map(|product| product["name"].clone()).unwrap_or_default()
    }

    fn rename(&self, product: &str, name: &str) {
        self.world.shop.change(Change::SetName { product: product.to_owned(), name: name.to_owned() }).unwrap();
    }

    async fn hints(&self) -> usize {
        self.process.engine.store.hints(&"shop".into(), 10_000).await.unwrap().len()
    }

    /// Answers hints and pushes, without reading any lane.
    async fn refresh(&self) -> u64 {
        let before = self.asked_by_id();
        self.process.engine.origins[0].pull.refresh().await.map_err(engine::pull::Stopped::fault).unwrap();
        self.asked_by_id() - before
    }

    fn asked_by_id(&self) -> u64 {
        self.world.shop.counters().get("GET /v3/catalog/products").copied().unwrap_or_default()
    }

    async fn post(&self, headers: &[(&str, &str)], body: &str) -> StatusCode {
        self.edges.clone().oneshot(posted(headers, body)).await.unwrap().status()
    }

    /// A delivery about a product, as BigCommerce signs it.
    fn about(&self, product: u64) -> Request {
        let at = self.process.engine.clock.now().seconds();
        let data = format!(r#"{{"type":"product","id":{product}}}"#);
        let body = format!(r#"{{"scope":"store/product/updated","producer":"stores/shop","data":{data}}}"#);
        let (id, secret) = (format!("m{product}"), CLIENT_SECRET.as_bytes());
        let key = wire::signature::derived(secret, "cartage webhooks of stores/shop");
        let signature = signed(&id, at, &body, secret);
        let at = at.to_string();
        let headers = [
            ("x-cartage-key", &key),
            ("webhook-id", &id),
            ("webhook-timestamp", &at),
            ("webhook-signature", &signature),
        ];
        posted(&headers.map(|(name, value)| (name, value.as_str())), &body)
    }
}

fn posted(headers: &[(&str, &str)], body: &str) -> Request {
    let mut request = Request::post("/hooks/shop");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// A signature as Standard Webhooks says.
fn signed(id: &str, at: i64, body: &str, secret: &[u8]) -> String {
    use base64::Engine as _;
    let content = format!("{id}.{at}.{body}");
    let code = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret), content.as_bytes());
    format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(code.as_ref()))
}

fn keys() -> Vec<String> {
    (catalogue().products)().map(|product| product.key).collect()
}

/// Waits until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1200 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain for {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_arrives_by_its_webhook_rather_than_with_the_next_read() {
    // Every lane rests for a day: only a webhook brings a change.
    let hooked = Hooked::start().await;
    let (end, ending) = watch::channel(false);
    let (engine, shop) = (Arc::clone(&hooked.process.engine), hooked.world.shop.clone());
    let running = tokio::spawn(async move { engine.run(&ending).await });
    let (done, ended) = tokio::sync::oneshot::channel::<()>();
    let delivering = tokio::spawn(async move { shop.deliver_hooks(async { drop(ended.await) }).await });
    let shop = &hooked.world.shop;
    let registered = || shop.counters().get("POST /v3/hooks").copied().unwrap_or_default();
    until("the webhooks to be registered", || registered() >= 28).await;
    until("lanes to rest", || shop.counters().contains_key("GET /v3/inventory/items")).await;
    let products = keys();
    let product = products[0].clone();
    hooked.rename(&product, "By webhook");
    until("the name to arrive", || hooked.name(&product) == json!("By webhook")).await;
    let removed = products[1].clone();
    let id = hooked.world.shop.product_id(&removed).unwrap().to_string();
    hooked.world.shop.change(Change::DeleteProduct { product: removed }).unwrap();
    until("the deletion to arrive", || !hooked.world.store("de").products().contains_key(&id)).await;
    end.send_replace(true);
    running.await.unwrap().unwrap();
    drop(done);
    delivering.await.unwrap().unwrap();
    let found = hooked.process.store.hook(&"shop".into()).await.unwrap().unwrap();
    assert!(found.delivered_at.is_some() && found.registration.is_whole, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_twice_changes_nothing_and_what_is_missing_is_repaired() {
    let hooked = Hooked::start().await;
    let steps = hooked.register().await;
    assert!(steps.len() >= 28 && steps.iter().all(|step| step.starts_with("create the webhook")), "{steps:?}");
    assert_eq!(hooked.register().await, Vec::<String>::new());
    // The secret was changed: the webhooks get the key that belongs to the new one.
    hooked.world.secret("client-secret", "another");
    let other = hooked.world.open_beside().await;
    let origin = &other.engine.origins[0];
    let found = other.engine.ensure_hooks(origin, origin.hooks.as_ref().unwrap(), Reach::Look).await.unwrap().unwrap();
    assert!(found.steps.len() == steps.len() && found.steps[0].starts_with("give the present key"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_hint_and_read_loses_nothing() {
    let hooked = Hooked::start().await;
    hooked.register().await;
    let product = keys()[0].clone();
    hooked.rename(&product, "Before the kill");
    hooked.deliver().await;
    assert!(hooked.hints().await > 0, "it is durable before it is acknowledged");
    // The files as a kill leaves them.
    for end in ["", "-wal"] {
        let file = |name: &str| hooked.process.database.with_file_name(format!("{name}.db{end}"));
        std::fs::copy(file("shop"), file("beside")).unwrap();
    }
    let process = hooked.world.open_beside().await;
    let origin = &process.engine.origins[0];
    let taken = origin.pull.refresh().await.map_err(engine::pull::Stopped::fault).unwrap();
    assert_eq!(taken.changed, 1);
    assert_eq!(process.store.hints(&"shop".into(), 10).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_reordered_webhooks_cost_one_read_and_leave_the_present_state() {
    let hooked = Hooked::start().await;
    hooked.register().await;
    hooked.world.shop.disturb_hooks(Mischief { repeat: 3, reverse: true, ..Mischief::default() });
    let product = keys()[0].clone();
    for name in ["One", "Two", "Three"] {
        hooked.rename(&product, name);
    }
    hooked.deliver().await;
    // The product, and where its stock is counted.
    assert_eq!(hooked.refresh().await, 2);
    assert_eq!(hooked.hints().await, 0);
    let found = hooked
        .process
        .store
        .find(&"shop".into(), &hooked.world.shop.product_id(&product).unwrap().to_string())
        .await
        .unwrap();
    assert!(format!("{found:?}").contains("Three"));
    // What comes again is answered, and read no more.
    assert_eq!(hooked.refresh().await, 0);
}

/// Waits until a hub takes connections at this address.
async fn until_listening(address: std::net::SocketAddr) {
    let began = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        assert!(began.elapsed() < Duration::from_mins(3), "it never listens");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_repeat_in_any_order_bring_every_change_to_a_hub_that_is_killed() {
    const KILLS: i64 = 4;
    let shop = Shop::odd_on(Origin::Bigcommerce, 40, 25).await;
    let demo::Shop::Bigcommerce(store) = &shop.world.on else { panic!("it is on BigCommerce") };
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let secret = format!("file:{}", shop.write("client-secret", &store.settings().client_secret).display());
    // Every lane rests for a day: only webhooks bring changes.
    shop.configure(&hooked(&format!("http://{address}"), &secret, None));
    shop.replace("[server]\n", &format!("[server]\nlisten = \"{address}\"\n"));
    shop.set("retry_wait_milliseconds = 5");
    crash::pass(&shop.config, &[]).await.ended(0);
    store.disturb_hooks(Mischief { repeat: 2, reverse: true, ..Mischief::default() });
    let mut dice = StdRng::seed_from_u64(1);
    let is_told = |edit: &Edit| !matches!(edit, Edit::Price { .. } | Edit::PriceWindow { .. });
    let mut living = LivingShop::new(&shop.world.catalogue, dice.random()).filter(is_told);
    let registered = || store.counters().get("POST /v3/hooks").copied().unwrap_or_default() >= 28;
    let undisturbed = Undisturbed::new().await;
    let mut wanted = crash::Held::new();
    // The last round is not disturbed.
    for round in 0..=KILLS {
        let is_last = round == KILLS;
        let mut child = crash::spawn(&shop.config, &["run"]);
        until_listening(address).await;
        until("the webhooks to be registered", registered).await;
        let made = living.by_ref().filter_map(|edit| shop.world.on.edit(edit).ok()).take(5).count();
        assert_eq!(made, 5);
        if is_last {
            wanted = undisturbed.held(&shop).await;
        } else {
            crash::disturb(&shop, dice.random::<u32>().into(), None);
        }
        let (delivered, ended) = tokio::sync::oneshot::channel::<()>();
        let delivers = store.clone();
        let delivering = tokio::spawn(async move { delivers.deliver_hooks(async { drop(ended.await) }).await });
        if is_last {
            until("every change to arrive", || shop.held() == wanted).await;
        } else {
            let calls = || shop.source_calls() + shop.destination_calls();
            crash::until_answered(calls, dice.random_range(0..6), &mut child).await;
        }
        assert!(crash::kill(child).await, "it ended by itself");
        drop(delivered);
        delivering.await.unwrap().unwrap();
        // What did not arrive is delivered once more after a minute.
        store.set_clock_offset((round + 1) * 61_000);
    }
    shop.forget_calls();
    crash::pass(&shop.config, &["--full"]).await.ended(0);
    assert_eq!(shop.destination_calls(), 0, "webhooks brought everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_webhooks_of_one_product_is_one_read() {
    let hooked = Hooked::start().await;
    hooked.register().await;
    let product = keys()[0].clone();
    for number in 0..1000 {
        hooked.rename(&product, &format!("Name {number}"));
    }
    hooked.deliver().await;
    assert_eq!(hooked.hints().await, 2, "its product and its stock");
    assert_eq!(hooked.refresh().await, 2);
    assert_eq!(hooked.hints().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_late_webhooks_are_refused_and_change_nothing() {
    let hooked = Hooked::start().await;
    let secret = CLIENT_SECRET.as_bytes();
    let key = wire::signature::derived(secret, "cartage webhooks of stores/shop");
    let now = hooked.process.engine.clock.now();
    let body = r#"{"scope":"store/product/updated","producer":"stores/shop","data":{"type":"product","id":1}}"#;
    let deliver = async |key: &str, at: i64, signature: &str, body: &str| {
        let at = at.to_string();
        let headers =
            [("x-cartage-key", key), ("webhook-id", "m"), ("webhook-timestamp", &at), ("webhook-signature", signature)];
        hooked.post(&headers, body).await
    };
    let at = now.seconds();
    let right = signed("m", at, body, secret);
    assert_eq!(deliver("", at, &right, body).await, StatusCode::UNAUTHORIZED);
    assert_eq!(deliver("guessed", at, &right, body).await, StatusCode::UNAUTHORIZED);
    assert_eq!(deliver(&key, at, &signed("m", at, body, b"guessed"), body).await, StatusCode::UNAUTHORIZED);
    assert_eq!(deliver(&key, at, &right, &body.replace(":1}", ":2}")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(hooked.post(&[("x-cartage-key", &key)], body).await, StatusCode::UNAUTHORIZED, "it is not signed");
    let old = at - 7200;
    assert_eq!(deliver(&key, old, &signed("m", old, body, secret), body).await, StatusCode::UNAUTHORIZED, "late");
    let foreign = body.replace("stores/shop", "stores/other");
    assert_eq!(deliver(&key, at, &signed("m", at, &foreign, secret), &foreign).await, StatusCode::UNAUTHORIZED);
    let large = "x".repeat(2 << 20);
    assert_eq!(deliver(&key, at, &right, &large).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(hooked.hints().await, 0);
    assert_eq!(hooked.process.store.hook(&"shop".into()).await.unwrap(), None);
    let request = Request::post("/hooks/elsewhere").body(Body::empty()).unwrap();
    assert_eq!(hooked.edges.clone().oneshot(request).await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(deliver(&key, at, &right, body).await, StatusCode::OK);
    assert_eq!(hooked.hints().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_while_webhooks_were_switched_off_is_read_as_a_whole() {
    let hooked = Hooked::start().await;
    hooked.register().await;
    hooked.world.shop.disturb_hooks(Mischief { lose: true, ..Mischief::default() });
    let product = keys()[0].clone();
    let id = hooked.world.shop.product_id(&product).unwrap().to_string();
    hooked.world.shop.change(Change::DeleteProduct { product }).unwrap();
    hooked.world.shop.deactivate_hooks();
    hooked.process.sync().await;
    assert!(hooked.world.store("de").products().contains_key(&id), "a read of changes shows no deletion");
    let steps = hooked.register().await;
    assert!(steps.iter().all(|step| step.starts_with("switch on again")), "{steps:?}");
    let found = hooked.process.store.hook(&"shop".into()).await.unwrap().unwrap();
    assert!(found.registration.missed_at.is_some());
    hooked.process.sync().await;
    assert!(!hooked.world.store("de").products().contains_key(&id));
    assert_eq!(hooked.register().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_can_not_be_stored_is_not_acknowledged_and_is_stored_when_it_comes_again() {
    let hooked = Hooked::start().await;
    hooked.register().await;
    let file = rusqlite::Connection::open(&hooked.process.database).unwrap();
    file.execute_batch("ALTER TABLE hint RENAME TO hidden").unwrap();
    hooked.rename(&keys()[0], "Later");
    // A failed attempt waits for the next step of the ladder.
    let shop = hooked.world.shop.clone();
    let some_time = tokio::time::sleep(Duration::from_millis(400));
    shop.deliver_hooks(some_time).await.unwrap();
    assert_eq!(shop.hooks_waiting(), 1);
    file.execute_batch("ALTER TABLE hidden RENAME TO hint").unwrap();
    assert_eq!(hooked.hints().await, 0);
    shop.set_clock_offset(61_000);
    hooked.deliver().await;
    assert_eq!(hooked.hints().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_who_never_finish_their_body_keep_no_delivery_from_being_accepted() {
    let hooked = Hooked::start().await;
    let address = hooked.process.engine.origins[0].hooks.clone().unwrap();
    let host = address.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let mut slow = Vec::new();
    for length in std::iter::repeat_n([300, 300_000], 100).flatten() {
        let mut stream = TcpStream::connect(&host).await.unwrap();
        let some = "x".repeat(length * 2 / 3);
        let half = format!("POST /hooks/shop HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{some}");
        let sent = tokio::time::timeout(Duration::from_millis(200), stream.write_all(half.as_bytes()));
        // A large one is not taken further once too many of them are under way.
        drop(sent.await);
        slow.push(stream);
    }
    let accepted = tokio::time::timeout(Duration::from_secs(3), hooked.edges.clone().oneshot(hooked.about(1)));
    assert_eq!(accepted.await.expect("it waits for the slow ones").unwrap().status(), StatusCode::OK);
    assert_eq!(hooked.hints().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_webhooks_of_many_products_exceeds_no_quota_and_holds_up_no_sweep() {
    let window = Duration::from_secs(2);
    let settings = Settings { quota: 30, quota_window_ms: 2000, ..Settings::default() };
    let hooked = Hooked::start_with(settings, Some("brands")).await;
    let shop = &hooked.world.shop;
    let (end, ending) = watch::channel(false);
    let engine = Arc::clone(&hooked.process.engine);
    let running = tokio::spawn(async move { engine.run(&ending).await });
    let count = |endpoint: &str| shop.counters().get(endpoint).copied().unwrap_or_default();
    let (sweeps, by_id) = (|| count("GET /v3/catalog/brands"), || count("GET /v3/catalog/products"));
    until("webhooks to be registered", || count("POST /v3/hooks") >= 28).await;
    let calm = sweeps();
    until("sweeps while nothing happens", || sweeps() >= calm + 3).await;
    let before = by_id();
    let mut flood = JoinSet::new();
    for product in 1..=2000 {
        flood.spawn(hooked.edges.clone().oneshot(hooked.about(product)));
    }
    for answer in flood.join_all().await {
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
    let (mut gap, mut last, mut seen) = (Duration::ZERO, Instant::now(), sweeps());
    let began = Instant::now();
    while hooked.hints().await > 0 {
        assert!(began.elapsed() < Duration::from_mins(2), "hints wait for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
        if sweeps() > seen {
            (gap, last, seen) = (gap.max(last.elapsed()), Instant::now(), sweeps());
        }
    }
    let (gap, asked) = (gap.max(last.elapsed()), by_id() - before);
    // 4,000 hints, at most 100 at once; products and their stock are asked for apart.
    assert!((20..=160).contains(&asked), "{asked}");
    assert_eq!(shop.refused(), 0, "more calls than the quota allows");
    assert!(began.elapsed() > window, "the flood was no flood: {:?}", began.elapsed());
    assert!(gap < window * 5, "a lane that is read every second was not read for {gap:?}");
    end.send_replace(true);
    running.await.unwrap().unwrap();
}
