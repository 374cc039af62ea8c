//! What `init --from-project` drafts works as it is, wherever the shop is.

use std::fs;

use crate::harness::{Shop, cartage};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_drafted_from_a_project_passes_check_and_is_synced() {
    let shop = Shop::uniform(20).await;
    let drafted = shop.cartage(&["init", "--from-project"]).await.ended(0).out;
    for found in [
        "#   currencies: EUR, GBP",
        "warehouse-uk",
        "[markets.uk]",
        "currency = \"GBP\"",
        "store = \"uk\"",
        "price_channel = \"shop-uk\"",
        "destination = \"clerk-uk\"",
    ] {
        assert!(drafted.contains(found), "{found:?} is not in\n{drafted}");
    }
    fs::write(&shop.config, drafted).unwrap();
    shop.cartage(&["check"]).await.ended(0).says(&["market de", "market uk"]);
    shop.cartage(&["sync"]).await.ended(0);
    for market in ["de", "uk"] {
        assert_eq!(shop.store(market).products().len(), 20, "{market}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_on_another_platform_is_drafted_too() {
    let shop = Shop::uniform_on_bigcommerce(20).await;
    let drafted = shop.cartage(&["init", "--from-project"]).await.ended(0).out;
    // The store of a market is a channel, which is named there and has no key.
    assert!(drafted.contains("[markets.deutschland]") && drafted.contains("does not say its language"), "{drafted}");
    // Its destinations are new, and so are their keys: those of the sandbox take their place.
    let drafted = drafted.replace("deutschland", "de").replace("gro-britannien", "uk");
    let (before, after) =
        drafted.split_once("\n[destinations.clerk-de]\nkind = \"clerk\"\npublic_key = \"env:").unwrap();
    let drafted = format!("{before}\n{}", after.split_once("\n\n").unwrap().1);
    let (before, after) =
        drafted.split_once("\n[destinations.clerk-uk]\nkind = \"clerk\"\npublic_key = \"env:").unwrap();
    let drafted = format!("{before}\n{}", after.split_once("\n\n").unwrap().1);
    fs::write(&shop.config, &drafted).unwrap();
    shop.cartage(&["check"]).await.ended(0);
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(shop.store("de").products().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_source_nobody_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cartage.toml");
    fs::write(&file, "[server]\nlisten = \"127.0.0.1:8470\"\n").unwrap();
    let file = file.display().to_string();
    cartage(&["--config", &file, "init", "--from-project"]).await.ended(2).says(&["error[C0804]", "no source"]);
    cartage(&["--config", "/none/here.toml", "init", "--from-project"]).await.ended(2).says(&["error[C0801]"]);
}
