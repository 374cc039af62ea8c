//! The quota, which all apps of a store share.

use std::time::Duration;

use contract::{FaultClass, Position, Source as _};
use sandbox::{
    bigcommerce::Settings,
    catalogue::{Options, generate},
};
use serde_json::json;
use tokio::time::Instant;

use super::{lane, settings, shop, source};

#[tokio::test]
async fn a_quota_that_other_apps_have_spent_is_waited_for() {
    let catalogue = generate(&Options { products: 3, ..Options::default() });
    let (emulator, host) = shop(Settings { quota: 40, ..settings() }, &catalogue).await;
    emulator.spend(40);
    let source = source(&host, json!({}));
    let before = emulator.counters();
    let fault = source.page(&lane(&source, "products"), &Position::Full).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Throttled, "C0208"));
    let wait = fault.retry_after.unwrap();
    assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
    assert_eq!(emulator.counters(), before, "nothing was answered");
}

#[tokio::test]
async fn once_half_of_the_quota_is_spent_the_calls_are_spread() {
    let catalogue = generate(&Options { products: 12, ..Options::default() });
    let (emulator, host) = shop(Settings { quota: 600, ..settings() }, &catalogue).await;
    emulator.spend(290);
    let source = source(&host, json!({ "page_size": { "products": 1 }, "quota_reserve_percent": 0 }));
    let lane = lane(&source, "products");
    let began = Instant::now();
    let mut position = Position::Full;
    while let contract::Next::Within(token) = source.page(&lane, &position).await.unwrap().next {
        position = Position::Within(token);
    }
    // Of 13 calls the first ones are free, and some hundred milliseconds lie between the others.
    assert!(began.elapsed() > Duration::from_millis(200), "{:?}", began.elapsed());
}
