//! An emulated commercetools to an emulated agent with a product feed for each market, end to end. The Clerk.io stores of the
//! same shop say what each market shows: another connector, and another emulator.

use std::collections::BTreeMap;

use sandbox::{
    acp::{Emulator, Settings},
    commercetools::Change,
    fault::{FaultPlan, Faults},
};
use serde_json::Value;

use crate::{
    crash,
    feeds::edges,
    harness::{MARKETS, Shop, serve},
    json::fits,
};

/// A product of every made-up shop.
const KEY: &str = "p-000003";

struct World {
    shop: Shop,
    agent: Emulator,
    faults: Faults,
    token: String,
}

impl World {
    async fn start(products: usize) -> Self {
        Self::of(Shop::uniform(products).await).await
    }

    async fn of(shop: Shop) -> Self {
        let settings = Settings::default();
        let token = settings.token.clone();
        let agent = Emulator::new(settings);
        let faults = Faults::new(sandbox::acp::fault_body);
        let url = serve(faults.wrap(agent.router())).await;
        let file = shop.write("acp-token", &token);
        let part = |market: &str| {
            format!(
                "[destinations.agent-{market}]\nkind = \"acp\"\nurl = {url:?}\nfeed = \"feed-{market}\"\ntoken = \"file:{}\"\n\
                 [flows.agent-{market}]\nsource = \"shop\"\ndestination = \"agent-{market}\"\nmarket = \"{market}\"\n",
                file.display()
            )
        };
        shop.configure(&MARKETS.iter().map(|market| part(market)).collect::<String>());
        Self { shop, agent, faults, token }
    }

    fn feed(&self, market: &str) -> BTreeMap<String, Value> {
        self.agent.products(&format!("feed-{market}"))
    }

    /// That a feed holds what Clerk.io holds of the market.
    #[track_caller]
    fn agrees(&self, market: &str) {
        let sold = self.shop.store(market).products();
        let shown = |product: &&Value| product["variants"][0]["availability"]["status"] != "discontinued";
        let feed = self.feed(market);
        assert_eq!(feed.values().filter(shown).count(), sold.len());
        for (id, product) in &sold {
            let held = &feed[id];
            assert_eq!((&held["title"], &held["url"]), (&product["name"], &product["url"]), "{market} {id}");
            let variants = held["variants"].as_array().unwrap();
            let list = |name: &str| product[name].as_array().unwrap().clone();
            assert_eq!(variants.len(), list("variant_skus").len());
            for (place, variant) in variants.iter().enumerate() {
                assert_eq!(variant["id"], list("variant_skus")[place]);
                let cents = |amount: &Value| format!("{:.0}", amount.as_f64().unwrap() * 100.0);
                assert_eq!(variant["price"]["amount"].to_string(), cents(&list("variant_prices")[place]), "{id}");
                let before = &list("variant_list_prices")[place];
                let is_reduced = before != &list("variant_prices")[place];
                let list_price = variant.get("list_price").map(|price| price["amount"].to_string());
                assert_eq!(list_price, is_reduced.then(|| cents(before)), "{market} {id}");
                let in_stock = list("variant_stocks")[place].as_i64().unwrap() > 0;
                assert_eq!(variant["availability"]["available"], in_stock, "{market} {id}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_market_has_a_feed_that_agrees_with_its_store_and_with_the_protocol() {
    let world = World::start(40).await;
    let process = world.shop.open().await;
    assert!(process.sync().await.converged());
    let schema = crate::harness::shared("../specs/acp/schema.feed.json");
    let schema: Option<Value> =
        schema.map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap());
    for market in MARKETS {
        world.agrees(market);
        for product in world.feed(market).values() {
            if let Some(schema) = &schema {
                fits(&schema["$defs"]["Product"], schema, product, "product").unwrap();
            }
        }
    }
    let calls = world.agent.calls();
    assert!(calls.iter().all(|call| call.status == 200));
    let before = calls.len();
    assert!(process.sync_full().await.converged());
    assert_eq!(world.agent.calls().len(), before, "what has not changed is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_the_market_is_discontinued_and_leaves_the_file() {
    let world = World::start(12).await;
    let process = world.shop.open().await;
    assert!(process.sync().await.converged());
    let id = world.shop.id(KEY);
    world.shop.change(Change::Unpublish { product: KEY.to_owned() });
    assert!(process.sync_full().await.converged());
    let gone = &world.feed("de")[&id];
    let variants = gone["variants"].as_array().unwrap();
    assert!(!variants.is_empty());
    for variant in variants {
        assert_eq!(
            (&variant["availability"]["available"], &variant["availability"]["status"]),
            (&false.into(), &"discontinued".into())
        );
    }
    let file = async |token: &str| {
        let request = axum::extract::Request::builder().uri("/feed/agent-de/products");
        let request =
            request.header("authorization", format!("Bearer {token}")).body(axum::body::Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(edges(&process), request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(file("another").await.0, 403);
    let (status, text) = file(&world.token).await;
    assert_eq!(status, 200);
    let lines: BTreeMap<String, Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|product| (product["id"].as_str().unwrap().to_owned(), product))
        .collect();
    let mut expected = world.feed("de");
    expected.remove(&id);
    assert_eq!(lines, expected);
    world.shop.change(Change::Publish { product: KEY.to_owned() });
    assert!(process.sync_full().await.converged());
    world.agrees("de");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_agents_calls_fail() {
    let world = World::start(60).await;
    let plan = FaultPlan {
        throttle_rate: 0.2,
        retry_after_seconds: Some(1),
        reset_after_effect_rate: 0.2,
        truncate_rate: 0.1,
        error_rate: BTreeMap::from([(503, 0.2)]),
        ..FaultPlan::default()
    };
    world.faults.set(plan).unwrap();
    let process = world.shop.open().await;
    assert!(process.sync().await.converged());
    world.faults.set(FaultPlan::default()).unwrap();
    for market in MARKETS {
        world.agrees(market);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_the_feeds_come_to_hold_what_clerk_holds() {
    let world = World::of(Shop::odd(60).await).await;
    crash::for_trial(&world.shop, &MARKETS.map(|market| format!("agent-{market}")).each_ref().map(String::as_str));
    crash::trial(&world.shop, &world.faults, (60, 10)).await;
    for market in MARKETS {
        let sold = world.shop.store(market).products();
        let is_shown = |product: &Value| product["variants"][0]["availability"]["status"] != "discontinued";
        let mut feed = world.feed(market);
        feed.retain(|_, product| is_shown(product));
        assert_eq!(feed.keys().collect::<Vec<_>>(), sold.keys().collect::<Vec<_>>(), "{market}");
        for (id, product) in &sold {
            let held = &feed[id];
            assert_eq!((&held["title"], &held["url"]), (&product["name"], &product["url"]), "{market} {id}");
            let in_stock = |stock: &Value| stock.as_i64().is_some_and(|pieces| pieces > 0);
            let stocks: Vec<bool> = product["variant_stocks"].as_array().unwrap().iter().map(in_stock).collect();
            let variants = held["variants"].as_array().unwrap();
            let available: Vec<bool> =
                variants.iter().map(|variant| variant["availability"]["available"] == true).collect();
            assert_eq!(available, stocks, "{market} {id}");
        }
    }
}
