//! Flows and sources that are no longer configured are named, and their items can be removed.

use serde_json::json;

use crate::{beside::Running, harness::Shop};

/// Takes the British flow out of the configuration, with its fields.
fn remove_flow(shop: &Shop) {
    let text = std::fs::read_to_string(&shop.config).unwrap();
    let at = text.find("[flows.clerk-uk]").unwrap();
    let end = text[at..].find("\n[flows.clerk-uk.fields]").map_or(text.len(), |fields| {
        let fields = at + fields + 1;
        text[fields + 1..].find("\n[").map_or(text.len(), |next| fields + 1 + next)
    });
    std::fs::write(&shop.config, format!("{}{}", &text[..at], &text[end..])).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_flow_is_named_until_it_is_forgotten_and_its_items_go_only_on_request() {
    let shop = Shop::uniform(20).await;
    shop.cartage(&["sync"]).await.ended(0);
    let held = shop.store("uk").products().len() + shop.store("uk").categories().len();
    remove_flow(&shop);
    let says = ["flow clerk-uk of source shop is no longer configured", "cartage forget clerk-uk"];
    let items = format!("{held} items");
    for (command, code) in [(&["status"][..], 1), (&["sync"], 1), (&["plan", "--offline"], 0), (&["check"], 0)] {
        shop.cartage(command).await.ended(code).says(&[says[0], says[1], &items]);
    }
    let status = shop.cartage(&["status", "--json"]).await.ended(1).json();
    assert_eq!((&status["leftovers"][0]["flow"], &status["leftovers"][0]["items"]), (&json!("clerk-uk"), &json!(held)));

    shop.cartage(&["forget", "nobody"]).await.ended(2).says(&["C0826", "clerk-uk (source shop)"]);
    shop.cartage(&["forget", "clerk-de"]).await.ended(2).says(&["C0826"]);
    shop.cartage(&["forget", "clerk-uk", "--remove-items"]).await.ended(2).says(&["C0827", "--destination"]);
    // Products go by call; categories only with an import, so they stay and are not forgotten.
    let remove = ["forget", "clerk-uk", "--remove-items", "--destination", "clerk-uk"];
    shop.cartage(&remove).await.ended(1).says(&["20 items were removed", "could not be removed", "C0611"]);
    assert!(shop.store("uk").products().is_empty() && !shop.store("uk").categories().is_empty());
    assert_eq!(shop.store("de").products().len(), 20);
    shop.cartage(&["status"]).await.ended(1).says(&[&format!("{} items", held - 20)]);
    shop.cartage(&["forget", "clerk-uk"]).await.ended(0);
    shop.cartage(&["status"]).await.ended(0);
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(shop.store("de").products().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_forgotten_by_the_process_that_runs() {
    let shop = Shop::uniform(20).await;
    shop.cartage(&["sync"]).await.ended(0);
    remove_flow(&shop);
    let running = Running::start(&shop).await;
    let remove = ["forget", "clerk-uk", "--remove-items", "--destination", "clerk-uk"];
    shop.cartage(&remove).await.ended(1).says(&["20 items were removed", "could not be removed", "C0611"]);
    assert!(shop.store("uk").products().is_empty());
    shop.cartage(&["forget", "clerk-uk"]).await.ended(0);
    shop.cartage(&["status"]).await.ended(0);
    running.end().await;
    assert_eq!(shop.store("de").products().len(), 20);
    shop.cartage(&["forget", "clerk-uk"]).await.ended(2).says(&["C0826"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_refuses_keeps_what_it_holds_in_the_ledger() {
    let shop = Shop::uniform(20).await;
    shop.cartage(&["sync"]).await.ended(0);
    remove_flow(&shop);
    shop.store("uk").disable(true);
    let remove = ["forget", "clerk-uk", "--remove-items", "--destination", "clerk-uk"];
    shop.cartage(&remove).await.ended(3).says(&["0 items were removed", "C0402"]);
    shop.store("uk").disable(false);
    shop.cartage(&remove).await.says(&["20 items were removed"]);
    assert!(shop.store("uk").products().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_from_the_source_before_is_named_and_what_the_new_one_holds_is_never_removed() {
    let shop = Shop::uniform(20).await;
    shop.cartage(&["sync"]).await.ended(0);
    shop.replace("[sources.shop]", "[sources.renamed]");
    shop.replace("source = \"shop\"", "source = \"renamed\"");
    shop.cartage(&["sync"]).await.ended(1).says(&["flow clerk-de of source shop is no longer configured"]);
    let (de, uk) = (shop.store("de").products(), shop.store("uk").products());
    let ran = shop.cartage(&["forget", "clerk-de", "--source", "shop", "--remove-items"]).await.ended(0);
    ran.says(&["0 items were removed", "because a configured flow holds them too"]);
    shop.cartage(&["forget", "clerk-uk"]).await.ended(0);
    assert_eq!((shop.store("de").products(), shop.store("uk").products()), (de, uk));
    let status = shop.cartage(&["status", "--json"]).await.ended(0).json();
    assert_eq!(status["leftovers"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_flow_takes_over_what_it_sends_and_its_old_name_is_named() {
    let shop = Shop::uniform(20).await;
    shop.cartage(&["sync"]).await.ended(0);
    shop.replace("[flows.clerk-uk", "[flows.britain");
    shop.cartage(&["sync"]).await.ended(1).says(&["flow clerk-uk of source shop is no longer configured"]);
    let remove = ["forget", "clerk-uk", "--remove-items", "--destination", "clerk-uk"];
    shop.cartage(&remove).await.ended(0).says(&["0 items were removed"]);
    assert_eq!(shop.store("uk").products().len(), 20);
    shop.cartage(&["sync"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_account_send_everything_there_and_name_what_the_former_one_holds() {
    let shop = Shop::uniform(20).await;
    remove_flow(&shop);
    shop.cartage(&["sync"]).await.ended(0);
    let held = shop.store("de").products().len() + shop.store("de").categories().len();
    assert!(shop.store("uk").products().is_empty());
    let swap = |from: &str, to: &str| {
        for key in ["public", "private"] {
            shop.replace(&format!("sandbox-{from}-{key}.secret"), &format!("sandbox-{to}-{key}.secret"));
        }
    };
    // Of the British destination only the keys are needed.
    shop.replace("[destinations.clerk-uk]", "[destinations.former]");
    swap("de", "none");
    swap("uk", "de");
    swap("none", "uk");
    let says = ["flow clerk-de goes to another account than before", &format!("{held} items")];
    shop.cartage(&["sync"]).await.ended(1).says(&says);
    shop.cartage(&["status"]).await.ended(1).says(&says);
    assert_eq!(shop.store("uk").products().len(), 20);
    assert_eq!(shop.store("uk").products(), shop.store("de").products());
    shop.forget_calls();
    shop.cartage(&["sync"]).await.ended(1);
    assert_eq!(shop.destination_calls(), 0, "nothing has changed since");

    // Under the ids of the former account nothing is removed from the other one.
    shop.cartage(&["forget", "clerk-de", "--remove-items"]).await.ended(2).says(&["C0827", "another account"]);
    let remove = ["forget", "clerk-de", "--remove-items", "--destination", "former"];
    shop.cartage(&remove).await.says(&["20 items were removed"]);
    assert_eq!((shop.store("de").products().len(), shop.store("uk").products().len()), (0, 20));
    shop.cartage(&["forget", "clerk-de"]).await.ended(0);
    shop.cartage(&["status"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_comes_back_to_its_account_goes_on_where_it_was() {
    let shop = Shop::uniform(20).await;
    remove_flow(&shop);
    shop.cartage(&["sync"]).await.ended(0);
    let text = std::fs::read_to_string(&shop.config).unwrap();
    let other = text.replace("sandbox-de-", "sandbox-uk-");
    std::fs::write(&shop.config, &other).unwrap();
    shop.cartage(&["sync"]).await.ended(1);
    assert_eq!(shop.store("uk").products().len(), 20);
    std::fs::write(&shop.config, &text).unwrap();
    shop.forget_calls();
    shop.cartage(&["sync"]).await.ended(1).says(&["goes to another account"]);
    assert_eq!(shop.destination_calls(), 0);
}
