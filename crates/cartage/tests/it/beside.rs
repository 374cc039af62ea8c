//! Commands beside a process that runs: it carries out those that write.

use std::process::Stdio;

use sandbox::{
    clerk::{Rejection, Resource},
    commercetools::Change,
};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::harness::{Shop, until};

/// `cartage run`, which listens to commands and has sent everything once.
pub(crate) struct Running<'s> {
    shop: &'s Shop,
    child: Child,
}

impl<'s> Running<'s> {
    pub(crate) async fn start(shop: &'s Shop) -> Self {
        shop.configure("[server]\nlisten = \"127.0.0.1:0\"\n");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartage"));
        command.args(["--config", &shop.config.display().to_string(), "run"]).kill_on_drop(true);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let products = shop.world.products;
        let full = || ["de", "uk"].iter().all(|market| shop.store(market).products().len() == products);
        until("the first sync", full).await;
        // What an earlier `sync` has sent is there before this process has the database.
        let socket = server::control::path(&shop.database());
        until("its control socket", || socket.exists()).await;
        Self { shop, child }
    }

    async fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
    }

    pub(crate) async fn end(mut self) {
        self.signal("-TERM").await;
        assert_eq!(self.child.wait().await.unwrap().code(), Some(0));
        let socket = server::control::path(&self.shop.database());
        assert!(!socket.exists(), "the socket goes with the process");
    }
}

fn rename(shop: &Shop, product: &str, text: &str) {
    let (product, locale) = (product.to_owned(), "de".to_owned());
    shop.change(Change::SetName { product, locale, text: Some(text.to_owned()) });
}

fn urls(shop: &Shop) -> Vec<String> {
    let products = shop.store("de").products();
    products.values().map(|product| product["url"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_sync_verify_and_dead_work_while_it_runs() {
    let shop = Shop::uniform(10).await;
    let running = Running::start(&shop).await;
    let name = |product: &str| shop.store("de").products()[&shop.id(product)]["name"].clone();

    shop.cartage(&["plan"]).await.ended(0).says(&["clerk-de", "keep"]);
    // Once `sync` has ended, what the shop was told before it is there, whoever of the two sent it.
    shop.age();
    rename(&shop, "p-000003", "Neu");
    let report = shop.cartage(&["sync", "--json"]).await.ended(0).json();
    assert_eq!((name("p-000003"), report["flows"].as_array().unwrap().len()), (json!("Neu"), 2));
    shop.cartage(&["sync", "--full"]).await.ended(0).says(&["in sync"]);

    // The process that runs says what is wrong, and the command ends with its exit code.
    shop.cartage(&["sync", "--flow", "nosuch"]).await.ended(2).says(&["error[C0821]", "clerk-de"]);
    shop.cartage(&["forget", "nosuch"]).await.ended(2).says(&["error[C0826]"]);
    shop.cartage(&["dead", "drop"]).await.ended(2).says(&["error[C0823]"]);

    shop.cartage(&["verify"]).await.ended(0).says(&["are as acknowledged"]);
    shop.store("de").clear();
    shop.cartage(&["verify", "--flow", "clerk-de"]).await.ended(1).says(&["is missing"]);
    shop.cartage(&["verify", "--flow", "clerk-de", "--repair"]).await.ended(0).says(&["were sent again"]);
    assert_eq!(shop.store("de").products().len(), 10);

    let (resource, field) = (Resource::Products, "name".to_owned());
    shop.store("de").reject(Rejection { resource, field, equals: json!("Anders") });
    rename(&shop, "p-000004", "Anders");
    let sync = shop.cartage(&["sync"]).await.ended(1);
    sync.says(&["dead list"]);
    shop.store("de").accept_all();
    shop.cartage(&["dead", "replay"]).await.ended(0).says(&["clerk-de: 1 records"]);
    until("the dead record to be sent again", || name("p-000004") == json!("Anders")).await;
    running.end().await;
    shop.cartage(&["sync"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_read_and_push_at_once_is_sent_once() {
    let shop = Shop::uniform(60).await;
    let running = Running::start(&shop).await;
    shop.age();
    shop.forget_calls();
    for product in shop.world.shop.product_keys().iter().take(50) {
        rename(&shop, product, &format!("Neu {product}"));
    }
    let (one, two, three) =
        tokio::join!(shop.cartage(&["sync"]), shop.cartage(&["sync", "--full"]), shop.cartage(&["sync"]));
    for ran in [one, two, three] {
        ran.ended(0);
    }
    let items: u64 = shop.store("de").operations().values().map(|operation| operation.items).sum();
    assert_eq!(items, 50);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_read_again_and_a_wrong_one_is_refused() {
    let shop = Shop::uniform(10).await;
    shop.cartage(&["reload"]).await.ended(2).says(&["error[C0829]", "cartage run"]);
    let running = Running::start(&shop).await;
    assert!(urls(&shop).iter().all(|url| url.contains("/de/p/")), "{:?}", urls(&shop));

    shop.replace("/de/p/{slug}", "/de/p/{nosuch}");
    shop.cartage(&["reload"]).await.ended(2).says(&["nosuch"]);
    shop.cartage(&["sync", "--full"]).await.ended(2);
    shop.replace("/de/p/{nosuch}", "/de/produkt/{slug}");
    shop.cartage(&["reload"]).await.ended(0).says(&["was read again"]);
    let moved = |part: &'static str| move |url: &String| url.contains(part);
    until("the new addresses", || urls(&shop).iter().all(moved("/de/produkt/"))).await;

    shop.replace("/de/produkt/{slug}", "/de/artikel/{slug}");
    running.signal("-HUP").await;
    until("the newest addresses", || urls(&shop).iter().all(moved("/de/artikel/"))).await;

    shop.replace("path = \"sandbox.db\"", "path = \"other.db\"");
    let answer = server::control::ask(&shop.database(), &json!({ "command": "reload", "arguments": {} })).await;
    let answer = answer.unwrap().unwrap();
    assert!(answer.exit == 2 && answer.failure.contains("error[C0830]"), "{answer:?}");
    shop.replace("path = \"other.db\"", "path = \"sandbox.db\"");
    // A file that was cut off is no wish to stop every flow.
    let whole = std::fs::read_to_string(&shop.config).unwrap();
    std::fs::write(&shop.config, "").unwrap();
    let answer = server::control::ask(&shop.database(), &json!({ "command": "reload", "arguments": {} })).await;
    let answer = answer.unwrap().unwrap();
    assert!(answer.exit == 2 && answer.failure.contains("error[C0813]"), "{answer:?}");
    std::fs::write(&shop.config, whole).unwrap();
    shop.cartage(&["sync"]).await.ended(0);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_another_release_is_refused_with_the_reason() {
    let shop = Shop::uniform(3).await;
    let running = Running::start(&shop).await;
    let ask = |command: Value| {
        let database = shop.database();
        async move { server::control::ask(&database, &command).await }
    };
    for unknown in [json!({ "command": "explode" }), json!({ "command": "sync", "arguments": { "fast": true } })] {
        let fault = ask(unknown).await.unwrap_err();
        assert!(fault.code == "C0828" && fault.message.contains("unknown"), "{fault}");
    }
    // A console need not say what is as usual.
    let answer = ask(json!({ "command": "sync", "arguments": {} })).await.unwrap().unwrap();
    assert_eq!((answer.exit, answer.document["flows"].as_array().unwrap().len()), (0, 2));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_flow_sends_nothing_until_it_is_resumed() {
    let shop = Shop::uniform(10).await;
    let running = Running::start(&shop).await;
    shop.cartage(&["pause"]).await.ended(2);
    shop.cartage(&["pause", "nosuch"]).await.ended(2).says(&["error[C0821]"]);
    shop.cartage(&["pause", "clerk-de"]).await.ended(0).says(&["clerk-de is paused"]);
    shop.cartage(&["pause", "clerk-de"]).await.ended(0).says(&["was paused already"]);
    shop.age();
    shop.forget_calls();
    for (locale, product) in [("de", "p-000003"), ("en", "p-000003")] {
        let (product, locale) = (product.to_owned(), locale.to_owned());
        shop.change(Change::SetName { product, locale, text: Some("Neu".to_owned()) });
    }
    let name = |market: &str| shop.store(market).products()[&shop.id("p-000003")]["name"].clone();
    until("the other flow to go on", || name("uk") == json!("Neu")).await;
    shop.cartage(&["sync", "--patience", "1"]).await.ended(1).says(&["clerk-de is paused since", "cartage resume"]);
    assert!(shop.store("de").calls().is_empty() && name("de") != json!("Neu"));
    running.end().await;

    // It stays so for whatever process comes next.
    shop.cartage(&["sync", "--full", "--patience", "1"]).await.ended(1);
    assert!(shop.store("de").calls().is_empty());
    shop.cartage(&["status"]).await.says(&["clerk-de is paused since"]);
    shop.cartage(&["resume", "clerk-de"]).await.ended(0).says(&["clerk-de goes on"]);
    shop.cartage(&["resume", "clerk-de"]).await.ended(0).says(&["was not paused"]);
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(name("de"), json!("Neu"));
}
