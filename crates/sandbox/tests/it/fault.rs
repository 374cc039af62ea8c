//! Each fault as a client meets it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use sandbox::fault::{FaultPlan, Faults, Latency, SlowDrip};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::host::{Host, client};

struct Shop {
    host: Host,
    faults: Faults,
    effects: Arc<AtomicUsize>,
    client: reqwest::Client,
}

async fn shop(plan: FaultPlan) -> Shop {
    let effects = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&effects);
    let router = Router::new()
        .route("/orders/{id}", post(async move || counted.fetch_add(1, Ordering::SeqCst).to_string()))
        .route("/page", get(async || "x".repeat(1000)));
    let faults = Faults::default();
    faults.set(plan).unwrap();
    Shop { host: Host::start(faults.wrap(router)).await, faults, effects, client: client() }
}

impl Shop {
    async fn order(&self) -> reqwest::Result<reqwest::Response> {
        self.client.post(self.host.url("/orders/7")).send().await
    }

    async fn page(&self) -> reqwest::Result<reqwest::Response> {
        self.client.get(self.host.url("/page")).send().await
    }

    fn effects(&self) -> usize {
        self.effects.load(Ordering::SeqCst)
    }
}

fn none() -> FaultPlan {
    FaultPlan::default()
}

#[tokio::test]
async fn without_a_plan_nothing_goes_wrong() {
    let shop = shop(none()).await;
    assert_eq!(shop.order().await.unwrap().status(), 200);
    assert_eq!(shop.page().await.unwrap().text().await.unwrap().len(), 1000);
    let calls = shop.faults.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (calls[0].method.as_str(), calls[0].path.as_str(), calls[0].status),
        ("POST", "/orders/{id}", Some(200))
    );
}

#[tokio::test]
async fn a_reset_after_the_effect_leaves_the_effect_and_no_answer() {
    let shop = shop(FaultPlan { reset_after_effect_rate: 1.0, ..none() }).await;
    let error = shop.order().await.unwrap_err();
    assert!(error.is_request() && error.status().is_none(), "{error:?}");
    assert_eq!(shop.effects(), 1);
    let calls = shop.faults.calls();
    assert_eq!((calls[0].status, calls[0].fault), (None, Some("reset_after_effect")));
}

#[tokio::test]
async fn a_reset_before_the_effect_leaves_nothing() {
    let shop = shop(FaultPlan { reset_before_effect_rate: 1.0, ..none() }).await;
    assert!(shop.order().await.is_err());
    assert_eq!(shop.effects(), 0);
}

#[tokio::test]
async fn a_truncated_body_announces_its_full_length_and_ends_early() {
    let shop = shop(FaultPlan { truncate_rate: 1.0, ..none() }).await;
    let mut response = shop.page().await.unwrap();
    assert_eq!(response.content_length(), Some(1000));
    let mut received = 0;
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => panic!("the body ended as if whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(received, 500, "{error:?}");
}

#[tokio::test]
async fn errors_come_at_their_rate_and_repeat_with_the_seed() {
    let plan = FaultPlan { error_rate: BTreeMap::from([(500, 0.2), (503, 0.2)]), seed: 3, ..none() };
    let shop = shop(plan.clone()).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        shop.faults.set(plan.clone()).unwrap();
        let mut statuses = Vec::new();
        for _ in 0..200 {
            statuses.push(shop.order().await.unwrap().status().as_u16());
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    let failed = runs[0].iter().filter(|&&status| status != 200).count();
    assert!((50..95).contains(&failed), "{failed} of 200 failed");
    assert!(runs[0].contains(&500) && runs[0].contains(&503));
    assert_eq!(shop.effects(), 2 * (200 - failed));
}

#[tokio::test]
async fn a_gateway_timeout_hides_an_effect() {
    let shop = shop(FaultPlan { error_rate: BTreeMap::from([(504, 1.0)]), ..none() }).await;
    assert_eq!(shop.order().await.unwrap().status(), 504);
    assert_eq!(shop.effects(), 1);
}

#[tokio::test]
async fn throttling_comes_with_and_without_retry_after() {
    let shop = shop(FaultPlan { throttle_rate: 1.0, retry_after_seconds: Some(7), ..none() }).await;
    let response = shop.order().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    shop.faults.set(FaultPlan { throttle_rate: 1.0, ..none() }).unwrap();
    let response = shop.order().await.unwrap();
    assert_eq!(response.status(), 429);
    assert!(!response.headers().contains_key("retry-after"));
    assert_eq!(shop.effects(), 0);
}

#[tokio::test]
async fn a_quota_lets_its_number_through() {
    let shop = shop(FaultPlan { quota_per_minute: Some(3), ..none() }).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(shop.order().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(shop.effects(), 3);
}

#[tokio::test]
async fn an_html_page_can_stand_in_for_an_answer() {
    let shop = shop(FaultPlan { html_error_rate: 1.0, ..none() }).await;
    let response = shop.order().await.unwrap();
    assert_eq!(response.status(), 502);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(response.text().await.unwrap().starts_with("<html>"));
    assert_eq!(shop.effects(), 0);
}

#[tokio::test]
async fn latency_and_slow_bodies_take_their_time() {
    let shop = shop(FaultPlan { latency_ms: Some(Latency { min: 80, max: 90 }), ..none() }).await;
    let start = Instant::now();
    shop.order().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(80));

    let slow_drip = Some(SlowDrip { bytes_per_second: NonZeroU32::new(4000).unwrap() });
    shop.faults.set(FaultPlan { slow_drip, ..none() }).unwrap();
    let start = Instant::now();
    assert_eq!(shop.page().await.unwrap().text().await.unwrap().len(), 1000);
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_clock_can_be_wrong() {
    let shop = shop(FaultPlan { clock_skew_ms: 3_600_000, ..none() }).await;
    #[expect(clippy::disallowed_methods, reason = "the machine's clock is what is skewed")]
    let now = jiff::Timestamp::now().as_second();
    let response = shop.page().await.unwrap();
    let date = response.headers()["date"].to_str().unwrap();
    let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp();
    let ahead = date.as_second() - now;
    assert!((3600..=3610).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn only_the_named_paths_are_subject_to_the_plan() {
    let plan = FaultPlan { error_rate: BTreeMap::from([(500, 1.0)]), paths: vec!["/orders".to_owned()], ..none() };
    let shop = shop(plan).await;
    assert_eq!(shop.page().await.unwrap().status(), 200);
    assert_eq!(shop.order().await.unwrap().status(), 500);
}

#[tokio::test]
async fn the_plan_is_read_and_set_over_http_even_while_everything_fails() {
    let shop = shop(FaultPlan { reset_before_effect_rate: 1.0, ..none() }).await;
    let put = async |plan: Value| {
        let response = shop.client.put(shop.host.url("/_admin/faults")).body(plan.to_string()).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, text) = put(json!({"error_rates": {}})).await;
    assert!(status == 400 && text.contains("error_rates"), "{text}");
    let (status, text) = put(json!({"truncate_rate": 2})).await;
    assert!(status == 400 && text.contains("truncate_rate is 2"), "{text}");
    assert!(shop.order().await.is_err(), "a refused plan leaves the old one in force");

    let (status, _) = put(json!({"error_rate": {"503": 1.0}})).await;
    assert_eq!(status, 200);
    assert_eq!(shop.order().await.unwrap().status(), 503);

    let calls = shop.client.get(shop.host.url("/_admin/calls")).send().await.unwrap().text().await.unwrap();
    let calls = serde_json::from_str::<Value>(&calls).unwrap();
    assert_eq!(calls["total"], 2);
    assert_eq!(calls["calls"][1]["fault"], "error");
    shop.client.delete(shop.host.url("/_admin/calls")).send().await.unwrap();
    assert!(shop.faults.calls().is_empty());
}

#[tokio::test]
async fn a_call_under_way_is_answered_before_the_server_stops() {
    let (begun, mut begins) = tokio::sync::mpsc::channel(1);
    let slow = async move || {
        begun.send(()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
    };
    let mut host = Host::start(Router::new().route("/slow", get(slow))).await;
    let call = tokio::spawn(client().get(host.url("/slow")).send());
    begins.recv().await.unwrap();
    host.stop().await;
    assert_eq!(call.await.unwrap().unwrap().status(), 200);
    assert!(client().get(host.url("/slow")).send().await.is_err());
}
