//! Subscriptions of the emulated commercetools to Clerk.io: by Google Pub/Sub and by Azure Event Grid.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, http::StatusCode};
use base64::Engine as _;
use contract::source::{Reach, Registered};
use sandbox::commercetools::{Change, Disturbed, Push};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::{
    feeds::edges,
    harness::{FakeClock, Process, Shop},
};

const AUDIENCE: &str = "https://cartage.shop.example";
const ACCOUNT: &str = "push@shop.example";
const GRID_TOKEN: &str = "grid-token";

/// A shop whose subscription arrives at a hub that has read everything, and its receiver.
struct Hooked {
    shop: Shop,
    process: Process,
    edges: Router,
}

impl Hooked {
    async fn by_pubsub() -> Self {
        let settings = |shop: &Shop| {
            format!(
                "[sources.shop.webhooks.pubsub]\nproject = \"p\"\ntopic = \"t\"\nservice_account = \"{ACCOUNT}\"\n\
                 audience = \"{AUDIENCE}\"\nkeys_url = \"{}/oauth2/v3/certs\"\n",
                shop.world.commercetools_url
            )
        };
        let push = |own: &str| Push::PubSub {
            endpoint: format!("{own}/hooks/shop"),
            audience: AUDIENCE.to_owned(),
            service_account: ACCOUNT.to_owned(),
        };
        Self::start(settings, push).await
    }

    async fn by_event_grid() -> Self {
        let settings = |shop: &Shop| {
            let secret = |name: &str, text: &str| format!("file:{}", shop.write(name, text).display());
            format!(
                "[sources.shop.webhooks.event_grid]\nuri = \"https://t.westeurope-1.eventgrid.azure.net/api/events\"\n\
                 access_key = {:?}\ntoken = {:?}\n",
                secret("access-key", "key"),
                secret("token", GRID_TOKEN)
            )
        };
        Self::start(settings, |own| Push::EventGrid { endpoint: format!("{own}/hooks/shop?token={GRID_TOKEN}") }).await
    }

    async fn start(settings: impl FnOnce(&Shop) -> String, push: impl FnOnce(&str) -> Push) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let shop = Shop::uniform(10).await;
        shop.configure(&format!("[server]\npublic_url = \"{own}\"\n{}", settings(&shop)));
        let lanes = [
            "product_types",
            "channels",
            "stores",
            "categories",
            "standalone_prices",
            "inventory",
            "products",
            "deletions",
        ];
        let resting: Vec<String> = lanes.iter().map(|lane| format!("{lane} = \"24h\"")).collect();
        shop.configure(&format!("[sources.shop.cadence]\n{}", resting.join("\n")));
        let process = shop.open_with(FakeClock::new(1), false).await;
        let edges = edges(&process);
        tokio::spawn(sandbox::serve::serve(edges.clone(), listener, std::future::pending()));
        assert!(process.sync().await.converged());
        shop.world.shop.push_to(vec![push(&own)]);
        Self { shop, process, edges }
    }

    async fn ensure(&self, reach: Reach) -> Registered {
        let origin = &self.process.engine.origins[0];
        let address = origin.hooks.clone().unwrap();
        self.process.engine.ensure_hooks(origin, &address, reach).await.unwrap().unwrap()
    }

    /// Has the cloud push until nothing waits.
    async fn push(&self) {
        let emulator = self.shop.world.shop.clone();
        let idle = async {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if emulator.notifications_waiting() == 0 {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    return;
                }
            }
        };
        let pushing = self.shop.world.shop.push_notifications(idle);
        tokio::time::timeout(Duration::from_mins(1), pushing).await.expect("notifications wait for ever").unwrap();
    }

    fn rename(&self, product: &str, name: &str) {
        let (product, locale, text) = (product.to_owned(), "de".to_owned(), Some(name.to_owned()));
        self.shop.change(Change::SetName { product, locale, text });
    }

    fn name(&self, product: &str) -> Value {
        self.shop.store("de").products().get(&self.shop.id(product)).map(|it| it["name"].clone()).unwrap_or_default()
    }

    async fn hints(&self) -> usize {
        self.process.engine.store.hints(&"shop".into(), 1000).await.unwrap().len()
    }

    async fn refresh(&self) -> u64 {
        let taken = self.process.engine.origins[0].pull.refresh().await.map_err(engine::pull::Stopped::fault).unwrap();
        taken.changed + taken.new + taken.gone
    }

    async fn send(&self, request: Request) -> StatusCode {
        self.edges.clone().oneshot(request).await.unwrap().status()
    }
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

/// A change arrives although every lane rests for a day.
async fn arrives(hooked: Hooked) {
    let steps = hooked.ensure(Reach::Apply).await.steps;
    assert!(steps.len() == 1 && steps[0].starts_with("create the subscription cartage for"), "{steps:?}");
    let (end, ending) = watch::channel(false);
    let engine = Arc::clone(&hooked.process.engine);
    let running = tokio::spawn(async move { engine.run(&ending).await });
    let emulator = hooked.shop.world.shop.clone();
    let (done, ended) = tokio::sync::oneshot::channel::<()>();
    let pushing = tokio::spawn(async move { emulator.push_notifications(async { drop(ended.await) }).await });
    hooked.rename("p-000003", "Per Webhook");
    until("the name to arrive", || hooked.name("p-000003") == json!("Per Webhook")).await;
    let id = hooked.shop.id("p-000004");
    hooked.shop.change(Change::DeleteProduct { product: "p-000004".to_owned() });
    until("the deletion to arrive", || !hooked.shop.store("de").products().contains_key(&id)).await;
    end.send_replace(true);
    running.await.unwrap().unwrap();
    drop(done);
    pushing.await.unwrap().unwrap();
    let found = hooked.process.store.hook(&"shop".into()).await.unwrap().unwrap();
    assert!(found.delivered_at.is_some() && found.registration.is_whole, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_arrives_by_pubsub_rather_than_with_the_next_read() {
    arrives(Hooked::by_pubsub().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_arrives_by_event_grid_rather_than_with_the_next_read() {
    arrives(Hooked::by_event_grid().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_planned_applied_once_and_repaired() {
    let hooked = Hooked::by_pubsub().await;
    let planned = hooked.ensure(Reach::Look).await;
    assert!(planned.steps.len() == 1 && !planned.is_whole && planned.state.contains("no subscription"), "{planned:?}");
    assert_eq!(hooked.ensure(Reach::Look).await.steps.len(), 1, "looking changes nothing");
    assert!(hooked.ensure(Reach::Apply).await.is_whole);
    let again = hooked.ensure(Reach::Apply).await;
    assert!(again.steps.is_empty() && again.state == "Healthy" && !again.missed, "{again:?}");
    // The platform has given up: what happened meanwhile is lost, and read once it delivers again.
    hooked.shop.world.shop.set_subscription_status("ConfigurationErrorDeliveryStopped");
    let stopped = hooked.ensure(Reach::Look).await;
    assert!(!stopped.missed && !stopped.is_whole && stopped.state.contains("Stopped"), "{stopped:?}");
    let id = hooked.shop.id("p-000004");
    hooked.shop.change(Change::DeleteProduct { product: "p-000004".to_owned() });
    hooked.process.sync().await;
    let repaired = hooked.ensure(Reach::Apply).await;
    assert!(repaired.missed && repaired.is_whole && repaired.steps == ["set the destination"], "{repaired:?}");
    hooked.process.sync().await;
    assert!(!hooked.shop.store("de").products().contains_key(&id));
    assert!(!hooked.ensure(Reach::Look).await.missed);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_reordered_and_lost_notifications_end_in_the_present_state() {
    let hooked = Hooked::by_pubsub().await;
    hooked.ensure(Reach::Apply).await;
    hooked.push().await;
    assert_eq!(hooked.hints().await, 0, "the platform's test is about nothing");
    hooked.shop.world.shop.disturb_notifications(Disturbed { repeat: 2, reverse: true, ..Disturbed::default() });
    for name in ["Eins", "Zwei", "Drei"] {
        hooked.rename("p-000003", name);
    }
    hooked.push().await;
    assert_eq!((hooked.refresh().await, hooked.hints().await), (1, 0));
    // Of three messages the second is lost: their numbers show it, and the lane is read.
    let product = || "p-000003".to_owned();
    let gap = async || hooked.process.store.hook(&"shop".into()).await.unwrap().unwrap().gap_at;
    hooked.shop.change(Change::Unpublish { product: product() });
    hooked.push().await;
    hooked.shop.world.shop.disturb_notifications(Disturbed { lose: true, ..Disturbed::default() });
    hooked.shop.change(Change::Publish { product: product() });
    hooked.push().await;
    assert_eq!(gap().await, None);
    hooked.shop.world.shop.disturb_notifications(Disturbed::default());
    hooked.shop.change(Change::Unpublish { product: product() });
    hooked.push().await;
    assert!(gap().await.is_some());
    let lanes = hooked.process.engine.origins[0].pull.source.lanes();
    let products = lanes.iter().find(|lane| lane.name == "products").unwrap();
    assert!(hooked.process.engine.origins[0].pull.is_hinted(products).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_without_google_s_proof_is_refused() {
    let hooked = Hooked::by_pubsub().await;
    let emulator = &hooked.shop.world.shop;
    let now = hooked.process.engine.clock.now().seconds();
    let notification = json!({
        "notificationType": "ResourceUpdated", "projectKey": emulator.settings().project_key, "version": 2,
        "resource": { "typeId": "product", "id": hooked.shop.id("p-000003") },
    });
    let data = base64::engine::general_purpose::STANDARD.encode(notification.to_string());
    let body = json!({ "message": { "data": data }, "subscription": "s" }).to_string();
    let push = async |token: Option<String>| {
        let request = Request::post("/hooks/shop");
        let request =
            if let Some(token) = token { request.header("authorization", format!("Bearer {token}")) } else { request };
        hooked.send(request.body(Body::from(body.clone())).unwrap()).await
    };
    let forged = emulator.google_token(AUDIENCE, ACCOUNT, now) + "x";
    let refused = [
        None,
        Some("nonsense".to_owned()),
        Some(forged),
        Some(emulator.google_token("https://elsewhere.example", ACCOUNT, now)),
        Some(emulator.google_token(AUDIENCE, "someone@elsewhere.example", now)),
        Some(emulator.google_token(AUDIENCE, ACCOUNT, now - 7200)),
    ];
    for token in refused {
        assert_eq!(push(token.clone()).await, StatusCode::UNAUTHORIZED, "{token:?}");
    }
    assert_eq!(hooked.hints().await, 0);
    assert_eq!(push(Some(emulator.google_token(AUDIENCE, ACCOUNT, now))).await, StatusCode::OK);
    assert_eq!(hooked.hints().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_grid_shakes_hands_and_is_refused_without_its_token() {
    let hooked = Hooked::by_event_grid().await;
    let options = async |token: &str, origin: &str| {
        let request = Request::builder().method("OPTIONS").uri(format!("/hooks/shop?token={token}"));
        let request = request.header("webhook-request-origin", origin).body(Body::empty()).unwrap();
        hooked.edges.clone().oneshot(request).await.unwrap()
    };
    let shaken = options(GRID_TOKEN, "eventgrid.azure.net").await;
    assert_eq!(shaken.status(), StatusCode::OK);
    assert_eq!(shaken.headers()["webhook-allowed-origin"], "eventgrid.azure.net");
    assert_eq!(options("guessed", "eventgrid.azure.net").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(options(GRID_TOKEN, "elsewhere.example").await.status(), StatusCode::UNAUTHORIZED);
    let post = |uri: &str, kind: Option<&str>, body: Value| {
        let request = Request::post(uri);
        let request = if let Some(kind) = kind { request.header("aeg-event-type", kind) } else { request };
        request.body(Body::from(body.to_string())).unwrap()
    };
    let right = format!("/hooks/shop?token={GRID_TOKEN}");
    let validation = json!([{ "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": { "validationCode": "512d" } }]);
    let shaken = hooked.edges.clone().oneshot(post(&right, Some("SubscriptionValidation"), validation)).await.unwrap();
    let body = axum::body::to_bytes(shaken.into_body(), 1000).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({ "validationResponse": "512d" }));
    let event = json!({ "specversion": "1.0", "id": "1", "type": "t", "source": "s", "data": {
        "notificationType": "ResourceDeleted", "projectKey": hooked.shop.world.shop.settings().project_key, "version": 2,
        "resource": { "typeId": "category", "id": "c" },
    } });
    for uri in ["/hooks/shop", "/hooks/shop?token=", "/hooks/shop?token=guessed"] {
        assert_eq!(hooked.send(post(uri, None, event.clone())).await, StatusCode::UNAUTHORIZED, "{uri}");
    }
    assert_eq!(hooked.send(post(&right, None, json!("no event"))).await, StatusCode::BAD_REQUEST);
    assert_eq!(hooked.hints().await, 0);
    assert_eq!(hooked.send(post(&right, None, event)).await, StatusCode::OK);
    assert_eq!(hooked.hints().await, 1);
}
