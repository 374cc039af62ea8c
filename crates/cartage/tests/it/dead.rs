//! A product that the destination refuses becomes a dead letter, with everything a person needs; other products arrive.

use contract::store::{Held, HeldItem, Hold, Leased, Settled, State, Step};
use model::Timestamp;
use sandbox::{
    clerk::{Rejection, Resource},
    commercetools::Change,
};
use serde_json::{Value, json};

use crate::{
    feeds,
    harness::{Process, Shop},
};

/// A shop whose German store refuses one product; its id.
async fn refused() -> (Shop, String) {
    let shop = Shop::uniform(130).await;
    let name = shop.current("p-000042")["name"]["de"].clone();
    reject(&shop, "name", name);
    let id = shop.id("p-000042");
    (shop, id)
}

fn reject(shop: &Shop, field: &str, equals: Value) {
    shop.store("de").reject(Rejection { resource: Resource::Products, field: field.to_owned(), equals });
}

fn rename(shop: &Shop, text: &str) {
    let (product, locale, text) = ("p-000042".to_owned(), "de".to_owned(), Some(text.to_owned()));
    shop.change(Change::SetName { product, locale, text });
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_product_is_set_aside_with_payload_answer_and_reason_and_its_neighbours_arrive() {
    let (shop, id) = refused().await;
    let process = shop.open().await;
    let pass = process.sync().await;
    assert_eq!((pass.flows["de"].tally.dead, pass.flows["uk"].tally.dead), (1, 0));
    assert!(pass.flows["uk"].converged && !pass.flows["de"].converged, "a refused record is not agreed on");
    assert_eq!(shop.store("de").products().len(), 129);
    assert_eq!(shop.store("uk").products().len(), 130);
    assert!(pass.synced.flows.iter().all(|(_, pushed)| pushed.paused.is_none()));

    let letters = process.store.dead(&"clerk-de".into(), 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.id.as_str(), letter.fault.code.as_ref()), (id.as_str(), "C0403"));
    assert!(letter.fault.message.contains("POST /products"), "{}", letter.fault);
    assert!(letter.fault.hint.is_some());
    assert!(letter.fault.response.as_ref().unwrap().contains("LogicalError"), "{:?}", letter.fault.response);
    let payload: Value = serde_json::from_str(&letter.items[0].payload.object()).unwrap();
    assert_eq!(payload["name"], shop.current("p-000042")["name"]["de"]);
    assert_eq!(payload["variant_skus"], json!(shop.skus("p-000042")));

    // It is left alone until it changes: no further call is made for it.
    shop.forget_calls();
    shop.age();
    assert_eq!(process.sync().await.flows["de"].tally.dead, 1);
    assert_eq!(process.sync_full().await.flows["de"].tally.dead, 1);
    assert_eq!(shop.destination_calls(), 0);

    // A later version that is no better replaces the letter; one that is good clears it.
    reject(&shop, "name", json!("Immer noch schlecht"));
    rename(&shop, "Immer noch schlecht");
    assert_eq!(process.sync().await.flows["de"].tally.dead, 1);
    let letters = process.store.dead(&"clerk-de".into(), 10).await.unwrap();
    assert!(letters[0].items[0].payload.object().contains("Immer noch schlecht"), "{letters:?}");
    rename(&shop, "Endlich gut");
    assert!(process.sync().await.converged());
    assert_eq!(process.store.dead(&"clerk-de".into(), 10).await.unwrap().len(), 0);
    assert_eq!(shop.store("de").products()[&id]["name"], json!("Endlich gut"));
    assert_eq!(shop.store("de").products().len(), 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_stays_as_it_was_while_a_worse_version_is_refused() {
    let shop = Shop::uniform(20).await;
    let process = shop.synced().await;
    let id = shop.id("p-000004");
    let before = shop.store("de").products();
    reject(&shop, "name", json!("Schlecht"));
    let (product, locale) = ("p-000004".to_owned(), "de".to_owned());
    shop.change(Change::SetName { product, locale, text: Some("Schlecht".to_owned()) });
    assert_eq!(process.sync().await.flows["de"].tally.dead, 1);
    assert_eq!(shop.store("de").products(), before);
    // Deleted at the source, it goes, dead or not.
    shop.change(Change::DeleteProduct { product: "p-000004".to_owned() });
    assert!(process.sync_full().await.converged());
    assert!(!shop.store("de").products().contains_key(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_shown_replayed_and_dropped() {
    let (shop, id) = refused().await;
    shop.cartage(&["dead", "list"]).await.ended(2).says(&["cartage sync"]);
    shop.cartage(&["sync"]).await.ended(1).says(&["cartage dead list"]);
    shop.cartage(&["dead", "list"]).await.ended(1).says(&["clerk-de", "product", &id, "C0403", "cartage dead show"]);
    shop.cartage(&["dead", "list", "--flow", "clerk-uk"]).await.ended(0).says(&["no record is dead"]);
    shop.cartage(&["dead", "list", "--flow", "clerk-fr"]).await.ended(2).says(&["no flow", "clerk-de, clerk-uk"]);
    let list = shop.cartage(&["dead", "list", "--json"]).await.ended(1).json();
    assert_eq!(
        (&list[0]["flow"], &list[0]["id"], &list[0]["fault"]["code"]),
        (&json!("clerk-de"), &json!(id), &json!("C0403"))
    );

    shop.cartage(&["dead", "show", &id]).await.ended(1).says(&[
        "error[C0403]",
        "hint:",
        "answer: ",
        "LogicalError",
        "payload of",
        "\"price\"",
    ]);
    shop.cartage(&["dead", "show", "nobody"]).await.ended(1).says(&["\"nobody\"", "cartage dead list"]);
    shop.cartage(&["dead", "replay", "nobody"]).await.ended(1).says(&["\"nobody\""]);
    shop.cartage(&["dead", "drop"]).await.ended(2).says(&["--all"]);

    // Replayed without a correction, the dead letter returns; after a correction it does not.
    shop.cartage(&["dead", "replay", &id]).await.ended(0).says(&["1 records will be tried again"]);
    shop.cartage(&["sync"]).await.ended(1);
    shop.store("de").accept_all();
    shop.cartage(&["sync"]).await.ended(1);
    shop.cartage(&["dead", "replay"]).await.ended(0);
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(shop.store("de").products().len(), 130);
    shop.cartage(&["dead", "list"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_are_set_aside_all_are_replayed_or_dropped() {
    let shop = Shop::altered(1050, |_, products| products.iter_mut().for_each(|it| it.variants.truncate(1))).await;
    let section = "[flows.clerk-de.fields]\n";
    let unfit = "url = \"has(product.key) && product.key.startsWith('p-') ? 'nowhere' : product.url\"\n";
    shop.replace(section, &format!("{section}{unfit}"));
    shop.cartage(&["sync"]).await.ended(1);
    let all = json!([{ "flow": "clerk-de", "records": 1050, "held": 0 }]);
    assert_eq!(shop.cartage(&["dead", "replay", "--json"]).await.ended(0).json(), all);
    shop.cartage(&["sync"]).await.ended(1);
    let list = shop.cartage(&["dead", "list"]).await.ended(1).says(&["the latest 1000"]);
    for at in [0, 500, 1049] {
        let id = shop.id(&format!("p-{at:06}"));
        shop.cartage(&["dead", "show", &id]).await.ended(1).says(&[&id]);
    }
    assert_eq!(list.out.matches("C0522").count(), 1000);
    assert_eq!(shop.cartage(&["dead", "drop", "--all", "--json"]).await.ended(0).json(), all);
    shop.cartage(&["dead", "list"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_record_is_kept_out_until_it_changes() {
    let (shop, id) = refused().await;
    shop.cartage(&["sync"]).await.ended(1);
    shop.cartage(&["dead", "drop", &id]).await.ended(0).says(&["1 records were dropped"]);
    let status = shop.cartage(&["status", "--json"]).await.ended(0).json();
    assert_eq!(status["flows"][0]["rules"], json!({ "dropped": 1 }));
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert!(!shop.store("de").products().contains_key(&id));
    // Out of the feed as well.
    let (process, token) = (shop.open().await, feeds::token(&shop, "de").await);
    let fed = feeds::items(&feeds::edges(&process), "/feed/clerk-de/products", &token).await;
    assert!(fed.len() == 129 && fed.iter().all(|item| item["id"] != json!(id)));
    drop(process);
    rename(&shop, "Endlich gut");
    shop.cartage(&["sync"]).await.ended(0);
    assert!(shop.store("de").products().contains_key(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_everything_is_refused_the_flow_pauses_rather_than_setting_the_catalogue_aside() {
    let shop = Shop::uniform(300).await;
    reject(&shop, "in_stock", json!(true));
    let ran = shop.cartage(&["sync", "--patience", "5"]).await.ended(2);
    let ran = ran.says(&["flow clerk-de stopped", "C0603", "50 items in a row", "hint:"]);
    assert!(!ran.out.contains("flow clerk-uk stopped"), "{}", ran.out);
    let status = shop.cartage(&["status", "--json"]).await.ended(2).json();
    let flow = &status["flows"][0];
    assert!(flow["dead"].as_u64().unwrap() <= 55, "{flow}");
    assert!(flow["pending"].as_u64().unwrap() >= 240, "{flow}");
    assert_eq!(status["flows"][1]["in_sync"], json!(300 + shop.store("uk").categories().len()));
    // After the correction everything arrives: most records by themselves, the dead letters from before the pause when
    // they are replayed.
    shop.store("de").accept_all();
    shop.cartage(&["sync"]).await;
    shop.cartage(&["dead", "replay"]).await.ended(0);
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(shop.store("de").products().len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_which_a_call_may_have_arrived_is_listed_and_decided_by_name() {
    let shop = Shop::uniform(20).await;
    let process = shop.synced().await;
    let (flow, id, sku) = ("clerk-de".into(), shop.id("p-000007"), shop.skus("p-000007")[0].clone());
    let hold = async |process: &Process| {
        let number = process.store.find(&"shop".into(), &id).await.unwrap()[0].number;
        let entry = process.store.work(&flow, number).await.unwrap().unwrap().entry.unwrap();
        let items = entry.items.into_iter().map(|item| HeldItem { id: item.id, digests: None, payload: None });
        let settled = Settled {
            number,
            revision: entry.revision,
            state: State::Held(Hold::UnknownOutcome),
            items: Held::Items(items.collect()),
            holds: model::Window::OPEN,
            call: None,
            fault: None,
            refused: Vec::new(),
            trial: None,
            turn: entry.turn,
            prices: None,
        };
        let lease = process.store.lease(&Leased::Flow(flow.clone())).await.unwrap();
        let (close, open, tickets) = (Vec::new(), Vec::new(), Vec::new());
        let at = Timestamp::from_millis(0);
        let step = Step {
            flow: flow.clone(),
            lease,
            close,
            settled: vec![settled],
            cursor: None,
            open,
            removed: 0,
            tickets,
            at,
        };
        process.store.advance(step).await.unwrap();
    };
    hold(&process).await;
    drop(process);
    shop.cartage(&["status"]).await.ended(1).says(&["1 of which nobody knows", "cartage dead list"]);
    shop.cartage(&["dead", "list"]).await.ended(1).says(&[&id, "· held", "C0635", "takes it as delivered"]);
    let listed = shop.cartage(&["dead", "list", "--json"]).await.ended(1).json();
    assert_eq!((&listed[0]["state"], &listed[0]["id"]), (&json!("held"), &json!(id)));
    // Nobody sends a call twice without meaning to.
    shop.cartage(&["dead", "replay"]).await.ended(0).says(&["no record is dead"]);
    shop.cartage(&["dead", "drop", "--all"]).await.ended(0).says(&["no record is dead"]);
    shop.cartage(&["dead", "drop", &sku]).await.ended(0).says(&["1 held records were taken as delivered"]);
    shop.cartage(&["sync"]).await.ended(0);
    let process = shop.open().await;
    hold(&process).await;
    drop(process);
    shop.forget_calls();
    shop.cartage(&["dead", "replay", "--held"]).await.ended(0).says(&["1 held records will be sent again"]);
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(shop.sent("de").len(), 1);
    shop.cartage(&["dead", "replay", "--held"]).await.ended(0).says(&["no record is held"]);
    shop.cartage(&["dead", "replay", &id]).await.ended(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_is_set_aside_from_what_would_be_sent() {
    let (shop, id) = refused().await;
    shop.cartage(&["sync"]).await.ended(1);
    let plan = async || shop.cartage(&["plan", "--offline", "--json", "--flow", "clerk-de"]).await.ended(0).json();
    let counts = |plan: &Value| ["create", "change", "dead"].map(|name| plan[0][name].as_u64().unwrap());
    assert_eq!(counts(&plan().await), [0, 0, 1]);
    shop.cartage(&["plan", "--offline", &id]).await.ended(0).says(&["it is dead, so nothing is sent for it now"]);
    shop.cartage(&["dead", "drop", &id]).await.ended(0);
    let dropped = plan().await;
    assert_eq!((counts(&dropped), &dropped[0]["filtered"]["dropped"]), ([0, 0, 0], &json!(1)));
    // A change is tried like any other, and named by what people know.
    shop.age();
    rename(&shop, "Neuer Name");
    let sku = shop.skus("p-000042")[0].clone();
    shop.cartage(&["plan", "--flow", "clerk-de"]).await.ended(0).says(&[&format!("product {sku} "), "Neuer Name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_whose_keys_are_refused_is_shown_as_stopped_until_they_are_accepted() {
    let shop = Shop::uniform(20).await;
    shop.cartage(&["sync"]).await.ended(0);
    shop.store("de").disable(true);
    rename_first(&shop);
    shop.cartage(&["sync"]).await.ended(3);
    let says = ["flow clerk-de has stopped since 2", "C0402"];
    shop.cartage(&["status"]).await.ended(3).says(&says);
    let status = shop.cartage(&["status", "--json"]).await.ended(3).json();
    assert_eq!(status["flows"][0]["stopped"]["fault"]["code"], "C0402");
    assert_eq!(status["flows"][1]["stopped"], Value::Null);
    let explained = shop.cartage(&["explain", &shop.id("p-000003")]).await.ended(0);
    explained.says(&["clerk-de (market de): pending", "the flow sends nothing since"]);
    shop.store("de").disable(false);
    shop.cartage(&["sync"]).await.ended(0);
    let status = shop.cartage(&["status", "--json"]).await.ended(0).json();
    assert_eq!(status["flows"][0]["stopped"], Value::Null);
}

fn rename_first(shop: &Shop) {
    let (product, locale, text) = ("p-000003".to_owned(), "de".to_owned(), Some("Umbenannt".to_owned()));
    shop.age();
    shop.change(Change::SetName { product, locale, text });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_a_document_too_where_json_is_asked_for() {
    let shop = Shop::uniform(1).await;
    shop.cartage(&["sync"]).await.ended(0);
    let failed = shop.cartage(&["explain", "nobody", "--json"]).await.ended(1).json();
    assert_eq!(failed["errors"][0]["code"], "C0822");
    shop.replace("currency = \"EUR\"", "currency = \"EURO\"");
    let failed = shop.cartage(&["status", "--json"]).await.ended(2).json();
    assert_eq!((&failed["errors"][0]["code"], failed["errors"][0]["line"].is_u64()), (&json!("C0809"), true));
}
