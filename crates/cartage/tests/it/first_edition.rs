//! An upgrade from the first edition: its database goes on with what destinations hold, and misses no deletion.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use model::Timestamp;
use sandbox::{
    catalogue::{Options, generate},
    commercetools::Change,
};

use crate::{
    feeds::{edges, items, token},
    harness::{FakeClock, MARKETS, Shop},
};

/// When the first edition read its shop, in milliseconds since 1970; the shop says that its products were made a day before.
const MADE: i64 = 1_795_967_025_791;

/// Puts the database that the first edition made of 60 products in the place of the shop's.
fn downgrade(shop: &Shop) {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/store/first-edition.db.zst");
    let database = zstd::decode_all(fs::File::open(packed).unwrap()).unwrap();
    assert!(!shop.database().with_extension("db-wal").exists(), "a clean end folds the log in");
    fs::write(shop.database(), database).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_first_edition_sends_nothing_twice_and_misses_no_deletion() {
    let shop = Shop::odd(1).await;
    let made = jiff::Timestamp::from_millisecond(MADE).unwrap();
    shop.world.shop.set_clock(Arc::new(move || made));
    shop.world.shop.seed(&generate(&Options { products: 60, ..Options::default() })).unwrap();
    let clock = || FakeClock::at(Timestamp::from_millis(MADE), 20);
    let first = shop.open_with(clock(), false).await;
    assert!(first.sync().await.converged());
    drop(first);
    downgrade(&shop);
    let mut expected = shop.held();
    let product = "p-000003".to_owned();
    let id = shop.id(&product);
    shop.forget_calls();
    shop.change(Change::DeleteProduct { product });
    shop.age();

    // What fidelity changed since is sent once; nothing else is.
    let plan: serde_json::Value = serde_json::from_str(&shop.cartage(&["plan", "--json"]).await.out).unwrap();
    let planned = |market: &str| {
        let flow = plan.as_array().unwrap().iter().find(|flow| flow["flow"] == format!("clerk-{market}")).unwrap();
        assert!(flow["keep"].as_u64() > flow["change"].as_u64(), "{flow}");
        usize::try_from(flow["change"].as_u64().unwrap()).unwrap()
    };

    let process = shop.open_with(clock(), false).await;
    let pass = process.sync_full().await;
    assert!(pass.converged(), "{pass:?}");
    for market in MARKETS {
        let sent: Vec<_> = shop.sent(market).into_iter().map(|call| (call.operation, call.items)).collect();
        let [products, _] = expected.get_mut(market).unwrap();
        let items = |operations: &[&str]| -> usize {
            sent.iter().filter(|(operation, _)| operations.contains(&operation.as_str())).map(|(_, items)| items).sum()
        };
        let removed = usize::from(products.remove(&id).is_some());
        assert_eq!(items(&["DELETE products"]), removed, "{market}: {sent:?}");
        assert_eq!(items(&["POST products", "PATCH products"]), planned(market), "{market}: {sent:?}");
        assert_eq!(sent.iter().map(|(_, items)| items).sum::<usize>(), removed + planned(market), "{market}: {sent:?}");
        assert!(market != "de" || removed == 1);
    }
    assert_eq!(shop.held(), expected);

    // Feeds, plan and verify are open.
    let (edges, token) = (edges(&process), token(&shop, "de").await);
    let feed = items(&edges, "/feed/clerk-de/products", &token).await;
    let feed: BTreeMap<_, _> = feed.into_iter().map(|item| (item["id"].as_str().unwrap().to_owned(), item)).collect();
    assert_eq!(feed, shop.store("de").products());
    drop((edges, process));
    shop.cartage(&["plan"]).await.ended(0);
    shop.cartage(&["verify"]).await.ended(0);
}
