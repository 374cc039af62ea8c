//! `run` and `sync` pause, go on and end as they should, whatever the database says.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sandbox::{commercetools::Change, fault::FaultPlan};
use serde_json::json;
use tokio::sync::watch;

use crate::harness::{FakeClock, Shop};

/// Waits until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain for {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_database_pauses_run_and_does_not_end_it() {
    let shop = Shop::uniform(10).await;
    let process = shop.synced().await;
    let (ending, stopped) = watch::channel(false);
    let engine = Arc::clone(&process.engine);
    let running = tokio::spawn(async move { engine.run(&stopped).await });
    let health = Arc::clone(&process.engine.health);

    // Another connection takes a table away: every step of a push fails, as on a full disk.
    let file = rusqlite::Connection::open(shop.config.with_file_name("sandbox.db")).unwrap();
    file.execute_batch("ALTER TABLE ledger RENAME TO hidden").unwrap();
    let (product, locale) = ("p-000003".to_owned(), "de".to_owned());
    shop.change(Change::SetName { product, locale, text: Some("Neu".to_owned()) });
    let flow_stands = || health.problems().iter().any(|problem| problem.task == "flow clerk-de");
    until("the flow to tell why it stands", flow_stands).await;
    assert_eq!(health.problems()[0].fault.code, "C0105");
    assert!(!running.is_finished(), "run ended over a fault that may pass");

    file.execute_batch("ALTER TABLE hidden RENAME TO ledger").unwrap();
    let id = shop.id("p-000003");
    until("the change to arrive", || shop.store("de").products()[&id]["name"] == json!("Neu")).await;
    until("every task to work", || health.problems().is_empty()).await;
    ending.send_replace(true);
    running.await.unwrap().unwrap();
}

/// Times at which Clerk.io is asked with refused keys, while a lot of time passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_flow_is_tried_less_and_less_often() {
    let shop = Shop::uniform(10).await;
    shop.store("de").disable(true);
    let process = shop.open_with(FakeClock::new(100), false).await;
    let (ending, stopped) = watch::channel(false);
    let engine = Arc::clone(&process.engine);
    let running = tokio::spawn(async move { engine.run(&stopped).await });
    let refused = || -> u64 {
        let calls = shop.world.clerk_faults.calls();
        calls.iter().filter(|call| call.status == Some(401)).map(|call| call.count).sum()
    };
    until("the first refusal", || refused() > 0).await;
    // Six seconds are ten minutes: pauses of 5, 10, 20, 40, 80, 160 and 300 seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let calls = refused();
    assert!((3..=18).contains(&calls), "{calls} calls in ten minutes");
    ending.send_replace(true);
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_ends_although_a_retry_of_a_renamed_source_is_due() {
    let shop = Shop::uniform(10).await;
    let down = FaultPlan { error_rate: BTreeMap::from([(503, 1.0)]), ..FaultPlan::default() };
    shop.world.clerk_faults.set(down).unwrap();
    shop.cartage(&["sync", "--patience", "0"]).await.ended(1);
    shop.world.clerk_faults.set(FaultPlan::default()).unwrap();
    shop.replace("[sources.shop]", "[sources.renamed]");
    shop.replace("source = \"shop\"", "source = \"renamed\"");
    // The harness fails where a command takes minutes.
    let ran = shop.cartage(&["sync", "--patience", "2"]).await;
    assert!(ran.code >= 0, "{ran:?}");
    assert_eq!(shop.store("de").products().len(), 10, "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_calls_are_kept_as_long_as_is_set_and_no_longer() {
    let shop = Shop::uniform(10).await;
    shop.cartage(&["sync"]).await.ended(0);
    let calls = || -> u64 {
        let file = rusqlite::Connection::open(shop.config.with_file_name("sandbox.db")).unwrap();
        file.query_row("SELECT count(*) FROM call", [], |row| row.get(0)).unwrap()
    };
    let before = calls();
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert_eq!(calls(), before, "a month is kept by default");
    shop.replace("[store]\n", "[store]\nkeep_calls = \"1s\"\n");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert!(calls() < before, "{} of {before} calls are left", calls());
    // The ledger goes without the call that settled a record.
    let journey = shop.cartage(&["explain", "p-000003", "--json"]).await.ended(0).json();
    let ledger = &journey[0]["flows"][0]["ledger"];
    assert!(ledger["state"] == "in_sync" && ledger["call"].is_null(), "{journey}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_records_are_known_as_long_as_is_set_and_no_longer() {
    let shop = Shop::uniform(10).await;
    shop.cartage(&["sync"]).await.ended(0);
    let id = shop.id("p-000003");
    let is_known = || -> bool {
        let file = rusqlite::Connection::open(shop.config.with_file_name("sandbox.db")).unwrap();
        file.query_row("SELECT EXISTS (SELECT 1 FROM record WHERE id = ?1)", [&id], |row| row.get(0)).unwrap()
    };
    shop.change(Change::DeleteProduct { product: "p-000003".to_owned() });
    shop.age();
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert!(!shop.store("de").products().contains_key(&id) && is_known(), "three months are kept by default");
    shop.replace("[store]\n", "[store]\nkeep_deleted = \"1s\"\n");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert!(!is_known());
    shop.cartage(&["status"]).await.ended(0);
}
