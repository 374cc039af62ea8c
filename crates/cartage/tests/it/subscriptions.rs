//! Subscriptions of the emulated commercetools to Clerk.io: by Google Pub/Sub, Amazon SNS and Azure Event Grid.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, http::StatusCode};
use base64::Engine as _;
use contract::source::{Reach, Registered};
use sandbox::{
    commercetools::{Change, Disturbed, Push},
    serve::Port,
};
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
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:cartage";

/// A shop whose subscription arrives at a hub that has read everything, and its receiver.
struct Hooked {
    shop: Shop,
    process: Process,
    edges: Router,
}

impl Hooked {
    async fn by_pubsub() -> Self {
        Self::by_pubsub_at(Shop::uniform(10).await, "").await
    }

    /// With further settings of the section `webhooks`.
    async fn by_pubsub_at(shop: Shop, more: &str) -> Self {
        let settings = |shop: &Shop| {
            format!(
                "[sources.shop.webhooks]\n{more}\n[sources.shop.webhooks.pubsub]\nproject = \"p\"\ntopic = \"t\"\nservice_account = \"{ACCOUNT}\"\n\
                 audience = \"{AUDIENCE}\"\nkeys_url = \"{}/oauth2/v3/certs\"\n",
                shop.world.shop_url
            )
        };
        let push = |own: &str, _: &Shop| Push::PubSub {
            endpoint: format!("{own}/hooks/shop"),
            audience: AUDIENCE.to_owned(),
            service_account: ACCOUNT.to_owned(),
        };
        Self::start_at(shop, settings, push).await
    }

    async fn by_sns() -> Self {
        let settings = |shop: &Shop| {
            let url = &shop.world.shop_url;
            format!("[sources.shop.webhooks.sns]\ntopic_arn = \"{TOPIC}\"\nurl = \"{url}\"\n")
        };
        let push = |own: &str, shop: &Shop| Push::Sns {
            endpoint: format!("{own}/hooks/shop"),
            topic_arn: TOPIC.to_owned(),
            url: shop.world.shop_url.clone(),
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
        let push = |own: &str, _: &Shop| Push::EventGrid { endpoint: format!("{own}/hooks/shop?token={GRID_TOKEN}") };
        Self::start(settings, push).await
    }

    async fn start(settings: impl FnOnce(&Shop) -> String, push: impl FnOnce(&str, &Shop) -> Push) -> Self {
        Self::start_at(Shop::uniform(10).await, settings, push).await
    }

    async fn start_at(
        shop: Shop,
        settings: impl FnOnce(&Shop) -> String,
        push: impl FnOnce(&str, &Shop) -> Push,
    ) -> Self {
        let port = Port::free().await.unwrap();
        shop.configure(&format!("[server]\npublic_url = \"{}\"\n{}", port.url(), settings(&shop)));
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
        let own = port.serve(edges.clone());
        assert!(process.sync().await.converged());
        shop.world.shop.push_to(vec![push(&own, &shop)]);
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
async fn a_change_of_a_variant_arrives_from_a_modular_project_that_tells_of_them() {
    let shop = Shop::uniform(10).await.modular().await;
    let hooked = Hooked::by_pubsub_at(shop, "variants = true").await;
    let steps = hooked.ensure(Reach::Apply).await.steps;
    assert!(steps[0].ends_with("store, variant"), "{steps:?}");
    let key = "p-000003";
    let (before, sku) =
        (hooked.shop.store("de").products()[&hooked.shop.id(key)].clone(), hooked.shop.skus(key)[1].clone());
    hooked.shop.change(Change::SetVariantPublished { sku: sku.clone(), published: false });
    hooked.push().await;
    let hint = hooked.process.engine.store.hints(&"shop".into(), 1000).await.unwrap();
    assert_eq!(hint.len(), 1, "{hint:?}");
    assert!(hooked.process.sync().await.converged());
    let now = hooked.shop.store("de").products()[&hooked.shop.id(key)].clone();
    let skus = |item: &Value| item["variant_skus"].as_array().unwrap().clone();
    assert_eq!(skus(&now).len() + 1, skus(&before).len());
    assert!(skus(&before).contains(&json!(sku)) && !skus(&now).contains(&json!(sku)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_arrives_by_event_grid_rather_than_with_the_next_read() {
    arrives(Hooked::by_event_grid().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_arrives_by_sns_rather_than_with_the_next_read() {
    arrives(Hooked::by_sns().await).await;
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

/// A message of SNS as it is posted, with some members replaced after it was signed.
fn posted((headers, mut body): (http::HeaderMap, Value), altered: &[(&str, Value)]) -> Request {
    for (name, value) in altered {
        body[*name] = value.clone();
    }
    let mut request = Request::post("/hooks/shop");
    request.headers_mut().unwrap().extend(headers);
    request.body(Body::from(body.to_string())).unwrap()
}

impl Hooked {
    /// A notification that the emulated SNS has signed.
    fn sns(&self, topic: &str, payload: &Value) -> (http::HeaderMap, Value) {
        let members = [("Message", payload.to_string()), ("MessageId", "m".to_owned()), ("Subject", "any".to_owned())];
        self.shop.world.shop.sns_message("Notification", topic, &self.shop.world.shop_url, &members)
    }

    fn about(&self, product: &str) -> Value {
        json!({
            "notificationType": "ResourceUpdated", "projectKey": self.shop.world.shop.settings().project_key, "version": 2,
            "resource": { "typeId": "product", "id": self.shop.id(product) },
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_amazon_s_proof_is_refused() {
    let hooked = Hooked::by_sns().await;
    let (about, url) = (hooked.about("p-000003"), hooked.shop.world.shop_url.clone());
    let right = || hooked.sns(TOPIC, &about);
    let refused: [&[(&str, Value)]; 11] = [
        &[("Message", json!(hooked.about("p-000004").to_string()))],
        &[("MessageId", json!("other"))],
        &[("Subject", json!("other"))],
        &[("Timestamp", json!("2026-05-01T10:00:00.000Z"))],
        &[("Signature", json!("AAAA"))],
        &[("Signature", json!("no base64"))],
        &[("SignatureVersion", json!("1"))],
        &[("SignatureVersion", json!("3"))],
        &[("SigningCertURL", json!("http://127.0.0.1:1/SimpleNotificationService-sandbox.pem"))],
        &[("SigningCertURL", json!(format!("{url}/sns/SimpleNotificationService-sandbox.pem?a=.pem")))],
        &[("Type", json!("UnsubscribeConfirmation"))],
    ];
    for altered in refused {
        assert_eq!(hooked.send(posted(right(), altered)).await, StatusCode::UNAUTHORIZED, "{altered:?}");
    }
    let other = hooked.sns("arn:aws:sns:eu-west-1:123456789012:other", &about);
    assert_eq!(hooked.send(posted(other, &[])).await, StatusCode::UNAUTHORIZED, "another topic");
    let emulator = &hooked.shop.world.shop;
    for (offset, is_accepted) in [(-3_700_000, false), (310_000, false), (-3_500_000, true), (250_000, true)] {
        emulator.set_clock_offset(offset);
        let expected = if is_accepted { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        let heard = hooked.about(if is_accepted { "p-000003" } else { "p-000004" });
        assert_eq!(hooked.send(posted(hooked.sns(TOPIC, &heard), &[])).await, expected, "{offset}");
    }
    emulator.set_clock_offset(0);
    assert_eq!(hooked.hints().await, 1, "what was refused is about nothing");
    let mut raw = posted(right(), &[]);
    raw.headers_mut().insert("x-amz-sns-rawdelivery", http::HeaderValue::from_static("true"));
    assert_eq!(hooked.send(raw).await, StatusCode::UNAUTHORIZED);
    assert_eq!(hooked.send(posted(right(), &[("Message", Value::Null)])).await, StatusCode::BAD_REQUEST);
    let cloud = json!({
        "specversion": "1.0", "id": "1", "type": "com.commercetools.product.change.ResourceUpdated", "source": "/p/products",
        "subject": "a", "data": hooked.about("p-000005"),
    });
    assert_eq!(hooked.send(posted(hooked.sns(TOPIC, &cloud), &[])).await, StatusCode::OK);
    assert_eq!(hooked.hints().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_to_a_topic_is_confirmed_only_if_it_is_the_configured_one() {
    let hooked = Hooked::by_sns().await;
    let (emulator, url) = (&hooked.shop.world.shop, hooked.shop.world.shop_url.clone());
    let count = || emulator.counters().get("GET /sns/").copied().unwrap_or_default();
    // Whoever owns another topic can have SNS sign whatever it says.
    let other = emulator.sns_confirmation("arn:aws:sns:eu-west-1:123456789012:other", &url, "t");
    assert_eq!(hooked.send(posted(other, &[])).await, StatusCode::UNAUTHORIZED);
    let elsewhere = |address: String| {
        let members = [("Message", "m"), ("MessageId", "i"), ("Token", "t"), ("SubscribeURL", address.as_str())];
        let members = members.map(|(name, value)| (name, value.to_owned()));
        emulator.sns_message("SubscriptionConfirmation", TOPIC, &url, &members)
    };
    for address in [
        "http://127.0.0.1:1/sns/?Action=ConfirmSubscription".to_owned(),
        format!("{url}/sns/?Action=DeleteTopic&TopicArn={TOPIC}&Token=t"),
        format!("{url}/sns/?Action=ConfirmSubscription&TopicArn=other&Token=t"),
        String::new(),
    ] {
        assert_eq!(hooked.send(posted(elsewhere(address.clone()), &[])).await, StatusCode::UNAUTHORIZED, "{address}");
    }
    assert_eq!(count(), 0, "nothing was called");
    // A confirmation that fails is not acknowledged, so that it comes again.
    let unknown = emulator.sns_confirmation(TOPIC, &url, "unknown");
    assert_eq!(hooked.send(posted(unknown, &[])).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((count(), hooked.hints().await), (1, 0));
    hooked.ensure(Reach::Apply).await;
    hooked.push().await;
    assert_eq!(count(), 2);
    hooked.rename("p-000003", "Per Webhook");
    hooked.push().await;
    assert_eq!((hooked.refresh().await, count()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_certificates_are_named_few_are_asked_for() {
    let hooked = Hooked::by_sns().await;
    let (emulator, url) = (&hooked.shop.world.shop, hooked.shop.world.shop_url.clone());
    let right = || hooked.sns(TOPIC, &hooked.about("p-000003"));
    let asked = || emulator.counters().get("GET /sns/{certificate}").copied().unwrap_or_default();
    for _ in 0..20 {
        assert_eq!(hooked.send(posted(right(), &[])).await, StatusCode::OK);
    }
    assert_eq!(asked(), 1);
    for number in 0..50 {
        let named = [("SigningCertURL", json!(format!("{url}/sns/SimpleNotificationService-{number}.pem")))];
        let answer = hooked.send(posted(right(), &named)).await;
        assert!(answer == StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    }
    assert_eq!(asked(), 10);
    assert_eq!(hooked.send(posted(right(), &[])).await, StatusCode::OK, "its certificate is known");
}
