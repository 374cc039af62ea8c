//! An emulated commercetools to an emulated Dotdigital account, end to end.

use std::collections::BTreeMap;

use sandbox::{
    catalogue::{Options, generate},
    dotdigital::{self, Settings},
    shop::{Edit, LivingShop},
};
use serde_json::Value;

use crate::harness::{MARKETS, Pass, Shop, serve};

/// A shop, and an account that one flow fills for both markets.
struct World {
    shop: Shop,
    account: dotdigital::Emulator,
}

impl World {
    async fn of(shop: Shop, settings: &str) -> Self {
        let account = dotdigital::Emulator::new(Settings { import_ms: 50, ..Settings::default() });
        let url = serve(account.router()).await;
        let own = account.settings();
        let secret = |name: &str, text: &str| format!("file:{}", shop.write(name, text).display());
        let (user, password) = (secret("dd-user", &own.user), secret("dd-password", &own.password));
        let markets = MARKETS.map(|market| format!("{market:?}")).join(", ");
        shop.configure(&format!(
            "[destinations.dotdigital]\nkind = \"dotdigital\"\nurl = {url:?}\nuser = {user:?}\npassword = {password:?}\n\
             {settings}\n[flows.dotdigital]\nsource = \"shop\"\ndestination = \"dotdigital\"\nmarkets = [{markets}]\n"
        ));
        Self { shop, account }
    }

    /// The records of a market by key.
    fn held(&self, market: &str) -> BTreeMap<String, Value> {
        self.account.records(&format!("Catalog_{market}"))
    }

    fn all(&self) -> BTreeMap<&'static str, BTreeMap<String, Value>> {
        MARKETS.into_iter().map(|market| (market, self.held(market))).collect()
    }
}

fn assert_converged(pass: &Pass) {
    assert!(pass.converged(), "{pass:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shop_converges_in_a_collection_per_market_and_stays_so_while_it_changes() {
    let world = World::of(Shop::odd(120).await, "").await;
    let process = world.shop.open().await;
    assert_converged(&process.sync().await);
    let held = world.all();
    for (market, currency) in MARKETS.into_iter().zip(["EUR", "GBP"]) {
        let records = &held[market];
        let clerk = world.shop.store(market).products();
        let parents: BTreeMap<_, _> = records.iter().filter(|(_, it)| it["type"] != "Variant").collect();
        assert_eq!(parents.keys().copied().collect::<Vec<_>>(), clerk.keys().collect::<Vec<_>>(), "{market}");
        for (key, record) in records {
            assert_eq!(record["id"], **key);
            assert_eq!(record["currency"], currency);
            assert!(record["price"].is_f64() && record["stock"].is_u64(), "{record}");
            assert!(record["url"].as_str().unwrap().starts_with(&format!("https://shop.example/{market}/p/")));
            if record["type"] == "Variant" {
                assert!(parents.contains_key(&record["parent_id"].as_str().unwrap().to_owned()));
            } else {
                assert_eq!(record["name"], clerk[key]["name"]);
                assert_eq!(record["price"], clerk[key]["list_price"]);
                assert_eq!(record["stock"], clerk[key]["stock"]);
            }
        }
    }
    let imports = world.account.imports();
    assert!(imports.iter().all(|import| import.rejected == Some(0)), "{imports:?}");
    assert_eq!(imports.len(), 2, "one import per market");

    // Nothing changed, nothing is sent.
    assert_converged(&process.sync_full().await);
    assert_eq!(world.account.imports().len(), 2);

    // An hour of the shop's life.
    world.shop.age();
    let catalogue = generate(&Options { products: 120, ..Options::default() });
    let edits = LivingShop::new(&catalogue, 3).filter(|edit| !matches!(edit, Edit::PriceWindow { .. })).take(200);
    let made = edits
        .filter(|edit| {
            let change = edit.clone().into_change(world.shop.world.shop.instant());
            world.shop.world.shop.change(change).is_ok()
        })
        .count();
    assert!(made > 100, "{made}");
    assert_converged(&process.sync().await);
    let kept = world.all();
    assert_converged(&process.sync_full().await);
    assert_eq!(world.all(), kept);
    assert_ne!(kept, held);
    for market in MARKETS {
        let clerk = world.shop.store(market).products();
        let parents = kept[market].iter().filter(|(_, record)| record["type"] != "Variant");
        let prices: BTreeMap<_, _> = parents.map(|(key, record)| (key, &record["price"])).collect();
        let expected: BTreeMap<_, _> = clerk.iter().map(|(key, product)| (key, &product["list_price"])).collect();
        assert_eq!(prices, expected, "{market}");
    }
}
