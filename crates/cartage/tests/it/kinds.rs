//! What a flow carries, kind by kind: the states of each, what it no longer carries, and records that are asked for by what
//! people know them by.

use std::collections::BTreeMap;

use sandbox::{
    clerk::{Rejection, Resource},
    commercetools::Change,
};
use serde_json::{Value, json};

use crate::{
    harness::Shop,
    people::{is_of, shop},
};

const ALL: &str = "carry = [\"products\", \"categories\", \"customers\", \"orders\"]";

/// Has a flow carry something else.
fn carry(shop: &Shop, flow: &str, from: &str, to: &str) {
    shop.replace(&format!("[flows.{flow}]\n{from}"), &format!("[flows.{flow}]\n{to}"));
}

const STATES: [&str; 8] = ["in_sync", "pending", "waiting", "held", "filtered", "dead", "unread", "gone"];

/// The states of each kind of a flow, which add up to those of the flow.
#[track_caller]
fn kinds(flow: &Value) -> BTreeMap<String, Value> {
    let kinds: BTreeMap<String, Value> = serde_json::from_value(flow["kinds"].clone()).unwrap();
    let sum = |state: &str| kinds.values().map(|kind| kind[state].as_u64().unwrap()).sum::<u64>();
    for state in STATES.into_iter().chain(["mirror"]) {
        assert_eq!(sum(state), flow[state].as_u64().unwrap(), "{state} of {flow:#}");
    }
    for kind in kinds.values() {
        let sum: u64 = STATES.iter().map(|state| kind[state].as_u64().unwrap()).sum();
        assert_eq!(sum, kind["mirror"].as_u64().unwrap(), "{flow:#}");
        for (state, names) in [("filtered", "rules"), ("held", "holds")] {
            let names: BTreeMap<String, u64> = serde_json::from_value(kind[names].clone()).unwrap();
            assert_eq!(names.values().sum::<u64>(), kind[state].as_u64().unwrap(), "{flow:#}");
        }
    }
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_has_states_that_add_up_to_those_of_its_flow() {
    let (shop, people) = shop(30, 60).await;
    carry(&shop, "clerk-uk", ALL, "carry = [\"products\", \"categories\"]");
    let refused = shop.world.shop.customer(&people.customers[0].key).unwrap()["id"].clone();
    shop.store("de").reject(Rejection { resource: Resource::Customers, field: "id".to_owned(), equals: refused });
    for command in ["sync", "status"] {
        let report = shop.cartage(&[command, "--json"]).await.ended(1).json();
        let (de, uk) = (kinds(&report["flows"][0]), kinds(&report["flows"][1]));
        assert_eq!(de.keys().collect::<Vec<_>>(), ["category", "customer", "order", "product"], "{command}");
        assert_eq!(uk.keys().collect::<Vec<_>>(), ["category", "product"], "{command}");
        let market = &shop.world.markets[0];
        let is_there = |order: &&sandbox::people::Order| is_of(market, order) && !order.lines.is_empty();
        let orders = people.orders.iter().filter(is_there).count() as u64;
        assert!(orders > 5);
        assert_eq!((&de["order"]["in_sync"], &de["order"]["mirror"]), (&json!(orders), &json!(60)));
        assert_eq!(de["order"]["rules"]["other_market"], json!(60 - orders - nothing_bought(&de)), "{de:#?}");
        assert_eq!((&de["customer"]["dead"], &de["customer"]["mirror"]), (&json!(1), &json!(30)));
        assert_eq!((&de["product"]["in_sync"], &de["product"]["dead"]), (&json!(20), &json!(0)));
    }
    // A flow says nothing of what it does not carry.
    let email = people.customers[1].email.as_str();
    let flows = |explained: &Value| {
        let flows = explained[0]["flows"].as_array().unwrap().iter();
        flows.map(|stop| stop["flow"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(flows(&shop.cartage(&["explain", email, "--json"]).await.ended(0).json()), ["clerk-de"]);
    let planned = shop.cartage(&["plan", "--offline", email, "--json"]).await.ended(0).json();
    let planned = planned.as_array().unwrap();
    assert!(!planned.is_empty() && planned.iter().all(|plan| plan["flow"] == "clerk-de"), "{planned:#?}");
    let of_uk = ["plan", "--offline", email, "--flow", "clerk-uk"];
    shop.cartage(&of_uk).await.ended(1).says(&["C0822", ", which none of these flows carries"]);
    // A line for each kind, where it is more than the catalogue.
    let status = shop.cartage(&["status"]).await.ended(1);
    let table: Vec<&str> = status.out.lines().take(7).collect();
    let firsts: Vec<&str> = table.iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(firsts, ["flow", "clerk-de", "product", "category", "customer", "order", "clerk-uk"], "{}", status.out);
    assert!(table.iter().all(|line| line.len() <= 80), "{}", status.out);
}

fn nothing_bought(kinds: &BTreeMap<String, Value>) -> u64 {
    kinds["order"]["rules"]["nothing_bought"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_carried_no_more_is_named_until_it_is_carried_again_or_forgotten() {
    let (shop, _) = shop(30, 200).await;
    shop.cartage(&["sync"]).await.ended(0);
    let count = |market: &str, resource| shop.store(market).objects(resource).len();
    let [customers, orders] = [Resource::Customers, Resource::Orders].map(|of| count("uk", of));
    let returns = shop.store("uk").returns().len();
    assert!(customers > 10 && orders > 5 && returns > 0, "{customers} {orders} {returns}");
    let catalogue = "carry = [\"products\", \"categories\"]";
    carry(&shop, "clerk-uk", ALL, catalogue);
    let of_customers = format!(
        "{customers} items of kind customer are still at the destination, because flow clerk-uk no longer carries"
    );
    let of_orders = format!("{} items of kind order are still at", orders + returns);
    // At once, before a sync has made it so, and after.
    for (command, code) in [(&["check"][..], 0), (&["status"], 1), (&["sync"], 1), (&["plan", "--offline"], 0)] {
        let ran = shop.cartage(command).await.ended(code);
        ran.says(&[&of_customers, &of_orders, "carry them again", "cartage forget clerk-uk", "--remove-items"]);
    }
    let status = shop.cartage(&["status", "--json"]).await.ended(1).json();
    let told = |leftover: &Value| ["flow", "former", "kind", "items"].map(|name| leftover[name].clone());
    let wanted = |kind: &str, items: usize| [json!("clerk-uk"), json!("kind"), json!(kind), json!(items)];
    let left = status["leftovers"].as_array().unwrap();
    assert_eq!(
        left.iter().map(told).collect::<Vec<_>>(),
        [wanted("customer", customers), wanted("order", orders + returns)]
    );
    assert_eq!(status["flows"][1]["kinds"].as_object().unwrap().len(), 2, "it is not counted");
    assert_eq!((count("uk", Resource::Customers), count("uk", Resource::Orders)), (customers, orders), "nothing went");
    // Carried again it goes on where it was.
    carry(&shop, "clerk-uk", catalogue, ALL);
    shop.forget_calls();
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(shop.destination_calls(), 0, "nothing has changed since");

    carry(&shop, "clerk-uk", ALL, "carry = [\"products\", \"categories\", \"orders\"]");
    shop.cartage(&["sync"]).await.ended(1);
    shop.store("uk").disable(true);
    let remove = ["forget", "clerk-uk", "--remove-items"];
    shop.cartage(&remove).await.ended(3).says(&["0 items were removed"]);
    shop.store("uk").disable(false);
    let de = count("de", Resource::Customers);
    let removed = format!("{customers} items were removed");
    shop.cartage(&remove).await.ended(0).says(&["records of kind customer were forgotten", &removed]);
    assert_eq!((count("uk", Resource::Customers), count("uk", Resource::Orders)), (0, orders));
    assert_eq!((count("de", Resource::Customers), shop.store("uk").products().len()), (de, 20));
    shop.cartage(&["status"]).await.ended(0);
    shop.cartage(&["forget", "clerk-uk"]).await.ended(2).says(&["C0826", "or a kind that it carries"]);
    // And forgotten without being removed, orders with what came back of them.
    carry(&shop, "clerk-uk", "carry = [\"products\", \"categories\", \"orders\"]", catalogue);
    let forgotten = shop.cartage(&["forget", "clerk-uk", "--json"]).await.ended(0).json();
    let counts = ["kind", "records", "removed", "left"].map(|name| forgotten[0][name].clone());
    assert_eq!(counts, [json!("order"), json!(orders), json!(0), json!(0)], "{forgotten}");
    assert_eq!(count("uk", Resource::Orders), orders);
    shop.cartage(&["sync"]).await.ended(0);
    // What was forgotten is sent anew; no return is reported twice in silence.
    carry(&shop, "clerk-uk", catalogue, ALL);
    shop.forget_calls();
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!((count("uk", Resource::Customers), count("uk", Resource::Orders)), (customers, orders));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_orders_are_planned_and_decided_by_what_people_know_them_by() {
    let (shop, people) = shop(30, 60).await;
    let market = &shop.world.markets[0];
    let person = people.customers.iter().find(|it| it.stores.is_empty() && it.family.is_some()).unwrap();
    let is_known = |order: &&sandbox::people::Order| {
        is_of(market, order) && order.number.is_some() && order.email.is_some() && !order.lines.is_empty()
    };
    let order = people.orders.iter().find(is_known).unwrap();
    let (email, number) = (person.email.clone(), order.number.clone().unwrap());
    let id = |found: Option<Value>| found.unwrap()["id"].clone();
    for (resource, id) in [
        (Resource::Customers, id(shop.world.shop.customer(&person.key))),
        (Resource::Orders, id(shop.world.shop.order(&order.key))),
    ] {
        shop.store("de").reject(Rejection { resource, field: "id".to_owned(), equals: id });
    }
    let hides = |text: &str| {
        for mark in [".example", person.family.as_deref().unwrap()] {
            assert!(!text.contains(mark), "{mark} in {text}");
        }
    };
    // Before anything is sent.
    shop.cartage(&["plan", "--json"]).await.ended(0);
    for asked in [&email, &email.to_uppercase(), &number] {
        let planned = shop.cartage(&["plan", "--offline", asked, "--flow", "clerk-de"]).await.ended(0);
        hides(&planned.out);
        assert!(planned.out.contains("***"), "{}", planned.out);
        let json = shop.cartage(&["plan", "--offline", asked, "--flow", "clerk-de", "--json"]).await.ended(0);
        hides(&json.out);
        let shown = shop.cartage(&["plan", "--offline", asked, "--flow", "clerk-de", "--reveal"]).await.ended(0);
        assert!(shown.out.contains(".example"), "{}", shown.out);
    }
    shop.cartage(&["sync"]).await.ended(1);
    for (asked, kind) in [(&email, "customer"), (&email.to_uppercase(), "customer"), (&number, "order")] {
        for command in [&["dead", "show", asked][..], &["dead", "show", asked, "--json"], &["dead", "list", asked]] {
            let ran = shop.cartage(command).await.ended(1);
            hides(&ran.out);
            assert!(ran.out.contains(kind), "{command:?}: {}", ran.out);
        }
        let shown = shop.cartage(&["dead", "show", asked, "--reveal"]).await.ended(1);
        assert!(shown.out.contains(".example"), "{}", shown.out);
        let explained = shop.cartage(&["explain", asked]).await.ended(0);
        hides(&explained.out);
        assert!(explained.out.contains("(market de): dead"), "{}", explained.out);
    }
    hides(&shop.cartage(&["dead", "list"]).await.ended(1).out);
    shop.cartage(&["dead", "drop", &number]).await.ended(0).says(&["1 records were dropped"]);
    shop.store("de").accept_all();
    shop.cartage(&["dead", "replay", &email]).await.ended(0).says(&["1 records will be tried again"]);
    shop.cartage(&["sync"]).await.ended(0);
    shop.cartage(&["dead", "show", &email]).await.ended(1);
    // One who has another address since is found by it, and no longer by the former one.
    shop.age();
    shop.change(Change::ChangeEmail { customer: person.key.clone(), email: person.another_email() });
    shop.cartage(&["plan"]).await.ended(0);
    let planned = shop.cartage(&["plan", "--offline", &person.another_email(), "--flow", "clerk-de"]).await.ended(0);
    hides(&planned.out);
    assert!(planned.out.contains("email") && planned.out.contains("***"), "{}", planned.out);
}
