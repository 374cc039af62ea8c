//! Where SKUs are ids at Clerk.io, a SKU may move from one product to another, or stand in two at once: nothing is lost,
//! nothing is taken from another, and the rule that keeps one out is named.

use std::collections::BTreeSet;

use engine::pull::Mode;
use serde_json::{Value, json};

use crate::{
    feeds,
    harness::{MARKETS, Process, Shop, catalogue},
};

const PRODUCTS: usize = 8;

/// A shop whose stores have an item per variant.
async fn shop() -> Shop {
    let shop = Shop::uniform(PRODUCTS).await;
    for market in MARKETS {
        let section = format!("[destinations.clerk-{market}]\n");
        shop.replace(&section, &format!("{section}grain = \"variant\"\n"));
    }
    shop
}

/// The second variant of the product `from` is now the last of the product `to`; of both where it is `copied`.
fn move_variant(shop: &Shop, from: usize, to: usize, copied: bool) {
    let altered = catalogue(PRODUCTS, |_, products| {
        let variant = if copied { products[from].variants[1].clone() } else { products[from].variants.remove(1) };
        products[to].variants.push(variant);
    });
    shop.world.shop.seed(&altered).unwrap();
}

/// The products that the German feed gives this SKU.
async fn fed(shop: &Shop, process: &Process, sku: &str) -> Vec<Value> {
    let token = feeds::token(shop, "de").await;
    let items = feeds::items(&feeds::edges(process), "/feed/clerk-de/products", &token).await;
    items.into_iter().filter(|item| item["id"] == json!(sku)).map(|item| item["parent_id"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_has_a_sku_once_and_as_the_product_s_whose_it_is() {
    for (from, to) in [(2, 5), (5, 2)] {
        let shop = shop().await;
        let process = shop.synced().await;
        let sku = shop.skus(&format!("p-{from:06}"))[1].clone();
        let [first, second] = [from, to].map(|place| json!(shop.id(&format!("p-{place:06}"))));
        // It stands in both: the product that is the later one has it.
        move_variant(&shop, from, to, true);
        process.sync_full().await;
        assert_eq!(fed(&shop, &process, &sku).await, [if from > to { first } else { second.clone() }]);
        // It was moved, and that is not sent yet.
        move_variant(&shop, from, to, false);
        let pull = &process.engine.origins[0].pull;
        for lane in pull.source.lanes() {
            pull.walk(&lane, Mode::Everything).await.unwrap();
        }
        assert_eq!(fed(&shop, &process, &sku).await, std::slice::from_ref(&second));
        assert!(process.sync().await.converged());
        assert_eq!(fed(&shop, &process, &sku).await, [second]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sku_that_moves_to_another_product_is_that_product_s_in_the_end() {
    // Whichever of the two is read first.
    for (from, to) in [(2, 5), (5, 2)] {
        let shop = shop().await;
        let process = shop.synced().await;
        let skus: BTreeSet<String> = shop.world.shop.skus().into_iter().collect();
        let sku = shop.skus(&format!("p-{from:06}"))[1].clone();
        move_variant(&shop, from, to, false);
        let owner = shop.id(&format!("p-{to:06}"));
        assert!(shop.skus(&format!("p-{to:06}")).contains(&sku));
        let pass = process.sync_full().await;
        assert!(pass.converged(), "{pass:?}");
        for market in MARKETS {
            let held = shop.store(market).products();
            assert_eq!(held.keys().cloned().collect::<BTreeSet<_>>(), skus, "nothing is lost");
            assert_eq!(held[&sku]["parent_id"], json!(owner));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_products_with_one_sku_the_later_one_has_it_and_the_other_is_filtered_until_that_is_mended() {
    let shop = shop().await;
    let process = shop.synced().await;
    move_variant(&shop, 2, 5, true);
    let (sku, first, second) = (shop.skus("p-000002")[1].clone(), shop.id("p-000002"), shop.id("p-000005"));
    for _ in 0..2 {
        let pass = process.sync_full().await;
        let tally = &pass.flows["de"].tally;
        assert_eq!((tally.dead, tally.rules["item_of_another"]), (0, 1), "{pass:?}");
        assert_eq!(shop.store("de").products()[&sku]["parent_id"], json!(second));
    }
    drop(process);
    let says = ["C0608", sku.as_str(), first.as_str(), second.as_str(), "at the source"];
    shop.cartage(&["explain", &first]).await.says(&says);
    // It is said at once, although nothing is left to do, and the records can be listed.
    let warning = ["warning: clerk-de: 1 records are not sent whole", "cartage status --records item_of_another"];
    shop.cartage(&["status"]).await.ended(0).says(&warning);
    shop.cartage(&["sync"]).await.ended(0).says(&warning);
    let listed = shop.cartage(&["status", "--records", "item_of_another"]).await.ended(0);
    listed.says(&["clerk-de · product ", &format!("({first})"), &sku, &second]);
    let listed = shop.cartage(&["status", "--records", "item_of_another", "--json"]).await.ended(0).json();
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|it| (&it["flow"], &it["id"])).collect();
    assert_eq!(ids, [(&json!("clerk-de"), &json!(first)), (&json!("clerk-uk"), &json!(first))]);
    shop.cartage(&["status", "--records", "no_price"]).await.ended(0).says(&["keeps no record back"]);
    // What is its own is there, and looked after.
    let all = shop.store("de").products().len() + shop.world.shop.category_keys().len();
    let found = shop.cartage(&["verify", "--json", "--flow", "clerk-de"]).await.ended(0).json();
    assert_eq!((&found[0]["expected"], &found[0]["right"]), (&json!(all), &json!(all)));
    let plans = shop.cartage(&["plan", "--offline", "--json"]).await.ended(0).json();
    for plan in plans.as_array().unwrap() {
        assert_eq!((&plan["create"], &plan["filtered"]["item_of_another"]), (&json!(0), &json!(1)), "{plan}");
    }
    shop.cartage(&["plan", "--offline", &first]).await.ended(0).says(&says[..4]);
    // Mended at the source, it goes by itself.
    let process = shop.open().await;
    move_variant(&shop, 2, 5, false);
    let pass = process.sync_full().await;
    assert!(pass.converged(), "{pass:?}");
    for market in MARKETS {
        assert_eq!(shop.store(market).products()[&sku]["parent_id"], json!(second));
    }
}
