//! One record for all markets, imported asynchronously.

use std::{sync::Arc, time::Duration};

use conformance::destination::scripted::{
    Nested,
    nested::{ASK_IN, IMPORTS_AT_ONCE, ITEMS, Service},
};
use contract::{
    Admin as _,
    store::{State, Which},
};
use engine::mapping::{Expression, Mapping, Place};
use model::{Category, Kind, Localized, Product, Record};
use serde_json::json;

use super::{Process, Side, category, product, texts};

async fn start(side: &Side, service: &Arc<Service>) -> Process {
    side.start(Nested::new(service)).await
}

/// A process that has read a category and these products.
async fn with(side: &Side, service: &Arc<Service>, products: Vec<Product>) -> Process {
    let process = start(side, service).await;
    let category = Record::Category(category("c", "Shirts"));
    process
        .read(
            side.is(std::iter::once(category).chain(products.into_iter().map(Box::new).map(Record::Product)).collect()),
        )
        .await;
    process
}

#[tokio::test]
async fn a_record_holds_what_every_market_shows() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = with(&side, &service, vec![product("p", "Shirt")]).await;
    process.settle().await;
    let shown = |currency: &str, minor: i64| {
        let image = "https://img.example/1.jpg";
        json!({ "name": "Shirt", "category": "c", "image": image, "price": { currency: minor }, "stock": 5 })
    };
    let whole = json!({ "de": shown("EUR", 1999), "uk": shown("GBP", 1799) });
    assert_eq!(service.record(Kind::Product, "p"), Some(whole));
    assert_eq!(service.wrongs(), Vec::<String>::new());
}

#[tokio::test]
async fn an_import_is_asked_for_until_it_is_over_and_nothing_is_sent_again() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    service.takes(2);
    let process = with(&side, &service, vec![product("p", "Shirt"), product("q", "Skirt")]).await;
    process.once().await;
    let tally = process.tally().await;
    assert_eq!((tally.waiting, tally.in_sync, service.importing()), (2, 1, 1), "{tally:?}");
    process.settle().await;
    let tally = process.tally().await;
    assert_eq!((tally.in_sync, tally.mirror), (3, 3), "{tally:?}");
    assert_eq!((service.begun(), service.polls(), service.wrongs()), (1, 3, Vec::new()));
}

#[tokio::test]
async fn it_is_not_asked_for_before_its_time() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = with(&side, &service, vec![product("p", "Shirt")]).await;
    process.once().await;
    process.clock.advance(ASK_IN.saturating_sub(Duration::from_secs(1)));
    process.once().await;
    assert_eq!(service.polls(), 0);
    process.clock.advance(Duration::from_secs(1));
    process.once().await;
    assert_eq!((service.polls(), process.tally().await.in_sync), (1, 2));
}

#[tokio::test]
async fn a_ticket_outlives_the_process() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    service.takes(3);
    let mut process = with(&side, &service, vec![product("p", "Shirt"), product("poison", "poison")]).await;
    process.once().await;
    for _ in 0..3 {
        drop(process);
        process = start(&side, &service).await;
        assert_eq!(process.in_doubt, 0);
        process.clock.advance(ASK_IN);
        process.once().await;
    }
    process.settle().await;
    let tally = process.tally().await;
    assert_eq!((tally.in_sync, tally.dead, service.begun()), (2, 1, 1), "{tally:?}");
    // The dead letter has the refused payload, though the process that sent it has ended.
    let letters = process.store.dead(&super::flow_name(), 10).await.unwrap();
    assert!(letters[0].items[0].payload.object().contains("poison"), "{letters:?}");
    assert_eq!(service.wrongs(), Vec::<String>::new());
}

#[tokio::test]
async fn what_became_of_a_lost_import_is_not_known_and_it_is_sent_again() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = with(&side, &service, vec![product("p", "Shirt")]).await;
    process.once().await;
    service.forget_imports();
    process.settle().await;
    assert_eq!((service.begun(), process.tally().await.in_sync), (2, 2));
    assert!(service.record(Kind::Product, "p").is_some());
}

#[tokio::test]
async fn what_changes_during_an_import_is_sent_after_it() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    service.takes(2);
    let mut process = with(&side, &service, vec![product("p", "Shirt")]).await;
    process.once().await;
    process.read(side.is(vec![Record::Product(Box::new(product("p", "Shirt, new")))])).await;
    process.once().await;
    assert_eq!(service.begun(), 1);
    drop(process);
    process = start(&side, &service).await;
    process.settle().await;
    assert_eq!((service.begun(), service.wrongs()), (2, Vec::new()));
    assert_eq!(service.record(Kind::Product, "p").unwrap()["uk"]["name"], "Shirt, new");
    assert_eq!(process.tally().await.in_sync, 2);
}

#[tokio::test]
async fn imports_under_way_count_against_what_the_account_allows() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    service.takes(1);
    let process = with(&side, &service, Vec::new()).await;
    process.settle().await;
    let products = (0..ITEMS * (IMPORTS_AT_ONCE + 2)).map(|number| product(&format!("p{number}"), "Shirt"));
    process.read(side.is(products.map(Box::new).map(Record::Product).collect())).await;
    process.once().await;
    assert_eq!(service.importing(), IMPORTS_AT_ONCE);
    process.settle().await;
    assert_eq!((service.begun(), service.wrongs()), (IMPORTS_AT_ONCE + 2, Vec::new()));
    assert_eq!(process.tally().await.in_sync, (ITEMS * (IMPORTS_AT_ONCE + 2) + 1) as u64);
}

#[tokio::test]
async fn what_is_gone_is_hidden_wherever_it_was_shown() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = with(&side, &service, vec![product("p", "Shirt")]).await;
    process.settle().await;
    assert_eq!(service.seen_in(Kind::Product, "p"), ["de", "uk"]);
    // No name in English: the other market goes on.
    let german = Product { name: texts(&[("de", "Hemd")]), ..product("p", "Shirt") };
    process.read(side.is(vec![Record::Product(Box::new(german))])).await;
    process.settle().await;
    assert_eq!(service.seen_in(Kind::Product, "p"), ["de"]);
    process.is_gone(Kind::Product, "p").await;
    process.settle().await;
    assert!(service.seen_in(Kind::Product, "p").is_empty() && service.record(Kind::Product, "p").is_some());
    assert_eq!(process.tally().await.gone, 1);
    process.read(side.is(vec![Record::Product(Box::new(product("p", "Shirt")))])).await;
    process.settle().await;
    assert_eq!(service.seen_in(Kind::Product, "p"), ["de", "uk"]);
    assert_eq!(service.wrongs(), Vec::<String>::new());
}

#[tokio::test]
async fn a_price_alone_is_patched_into_its_market_without_an_import() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = with(&side, &service, vec![product("p", "Shirt")]).await;
    process.settle().await;
    let mut dearer = product("p", "Shirt");
    dearer.variants[0].prices[1].value = model::Money::new(1899, "GBP".parse().unwrap());
    process.read(side.is(vec![Record::Product(Box::new(dearer))])).await;
    process.settle().await;
    let record = service.record(Kind::Product, "p").unwrap();
    assert_eq!((&record["uk"]["price"], &record["de"]["price"]), (&json!({"GBP": 1899}), &json!({"EUR": 1999})));
    assert_eq!((service.begun(), service.wrongs()), (1, Vec::new()));
}

#[tokio::test]
async fn a_warning_is_kept_and_the_record_is_in_sync() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let mut bare = product("p", "Shirt");
    bare.variants[0].images.clear();
    let process = with(&side, &service, vec![bare]).await;
    process.settle().await;
    let entry = process.entry(Kind::Product, "p").await;
    assert_eq!(entry.state, State::InSync);
    assert_eq!(entry.fault.unwrap().message, "product p has no image");
}

#[tokio::test]
async fn a_blocked_record_waits_for_the_other_without_being_sent_in_vain() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = start(&side, &service).await;
    process.read(side.is(vec![Record::Product(Box::new(product("p", "Shirt")))])).await;
    for _ in 0..6 {
        process.once().await;
        process.clock.advance(Duration::from_mins(11));
    }
    let tally = process.tally().await;
    assert_eq!((tally.pending, tally.dead, service.begun()), (1, 0, 1), "{tally:?}");
    assert_eq!(process.entry(Kind::Product, "p").await.fault.unwrap().code, "C0631");
    process.read(side.is(vec![Record::Category(category("c", "Shirts"))])).await;
    process.settle().await;
    assert_eq!((process.tally().await.in_sync, service.begun()), (2, 2));
}

#[tokio::test]
async fn it_is_kept_out_with_the_other_and_dead_with_the_other() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = start(&side, &service).await;
    // A category without a name is in no market.
    let nameless = Category { name: Localized::empty(), ..category("c", "") };
    process.read(side.is(vec![Record::Category(nameless), Record::Product(Box::new(product("p", "Shirt")))])).await;
    process.settle().await;
    let entry = process.entry(Kind::Product, "p").await;
    assert_eq!(entry.state, State::Filtered("needs_filtered".to_owned()));
    process.read(side.is(vec![Record::Category(category("c", "poison"))])).await;
    process.settle().await;
    let entry = process.entry(Kind::Product, "p").await;
    assert_eq!((entry.state, &*entry.fault.unwrap().code), (State::Dead, "C0632"));
    // Once corrected, both arrive.
    process.read(side.is(vec![Record::Category(category("c", "Shirts"))])).await;
    process.store.replay(&super::flow_name(), Which::All).await.unwrap();
    process.settle().await;
    let tally = process.tally().await;
    assert_eq!((tally.in_sync, tally.mirror), (2, 2), "{tally:?}");
}

#[tokio::test]
async fn the_user_s_own_fields_are_in_every_market() {
    let (mut side, service) = (Side::new(), Arc::new(Service::default()));
    let label = Expression {
        name: "label".to_owned(),
        text: "market.key + ' ' + product.name".to_owned(),
        at: Place { file: String::new(), line: 1, column: 1 },
    };
    side.fields = Mapping::compile(Kind::Product, &[], Some(|_| true), &[label]).unwrap();
    let process = with(&side, &service, vec![product("p", "Shirt")]).await;
    process.settle().await;
    let record = service.record(Kind::Product, "p").unwrap();
    assert_eq!((&record["de"]["label"], &record["uk"]["label"]), (&json!("de Shirt"), &json!("uk Shirt")));
}
