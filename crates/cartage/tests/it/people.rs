//! Customers and orders, from an emulated commercetools to Clerk.io.
//!
//! What is expected at Clerk.io is worked out here from what the shop was filled with, not by code of the product.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use sandbox::{
    catalogue::Market,
    clerk::{Resource, Returned},
    commercetools::Change,
    people::{Customer, Options, Order, People, State, generate},
};
use serde_json::{Value, json};

use crate::harness::{Process, Shop};

/// Flows that carry people, and the key that seals what is kept of them.
pub(crate) async fn shop(customers: usize, orders: usize) -> (Shop, People) {
    let shop = Shop::uniform(20).await;
    let currencies = shop.world.markets.iter().map(|market| market.currency.clone()).collect();
    let mut people = generate(&Options { customers, orders, currencies, ..Options::default() }, &shop.world.catalogue);
    // Clerk.io tells customers apart by their addresses, too: `two_accounts_…` has two with one.
    let mut seen = BTreeSet::new();
    for person in people.customers.iter_mut().filter(|person| !person.email.is_empty()) {
        if !seen.insert(person.email.clone()) {
            person.email = person.another_email();
        }
    }
    shop.world.shop.seed_people(&people).unwrap();
    carrying(&shop);
    (shop, people)
}

fn carrying(shop: &Shop) {
    let text = fs::read_to_string(&shop.config).unwrap();
    let carry = "carry = [\"products\", \"categories\", \"customers\", \"orders\"]";
    let lines = text.lines().flat_map(|line| {
        let is_flow = line.starts_with("[flows.") && line.matches('.').count() == 1;
        [Some(line), is_flow.then_some(carry)].into_iter().flatten()
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let key = shop.write("data.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    fs::write(&shop.config, format!("{text}\n\n[personal_data]\nkeys = [\"file:{}\"]\n", key.display())).unwrap();
    shop.set(
        "consent = [{ to = \"email\", field = \"custom.newsletterOptIn\", granted = [\"true\"], denied = [\"false\"], \
         at = \"custom.newsletterSince\" }]",
    );
}

pub(crate) fn is_of(market: &Market, order: &Order) -> bool {
    let in_store = market.store.is_none() || market.store == order.store;
    let goes_to = order.address.as_ref().map(|address| &address.country);
    let in_country = order.country.as_ref().or(goes_to).is_none_or(|country| *country == market.country);
    order.currency == market.currency && in_store && in_country
}

/// Orders that a market's store holds, by id.
fn wanted<'p>(shop: &Shop, market: &Market, people: &'p People) -> BTreeMap<String, &'p Order> {
    let of =
        people.orders.iter().filter(|order| is_of(market, order) && order.lines.iter().any(|line| line.quantity > 0));
    let id = |order: &Order| shop.world.shop.order(&order.key).unwrap()["id"].as_str().unwrap().to_owned();
    of.map(|order| (id(order), order)).collect()
}

fn digits(currency: &str) -> i32 {
    match currency {
        "JPY" => 0,
        "KWD" => 3,
        _ => 2,
    }
}

/// The store holds these orders and no others, with what was bought and what was paid for it.
#[track_caller]
fn holds(shop: &Shop, market: &Market, people: &People) -> usize {
    let wanted = wanted(shop, market, people);
    let held = shop.store(&market.key).objects(Resource::Orders);
    assert_eq!(held.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{}", market.key);
    for (id, order) in &wanted {
        let own = &held[id];
        let scale = 10_f64.powi(digits(&order.currency));
        let lines: Vec<_> = order.lines.iter().filter(|line| line.quantity > 0).collect();
        let sent = own["products"].as_array().unwrap();
        assert_eq!(sent.len(), lines.len(), "{own}");
        for (sent, line) in sent.iter().zip(lines) {
            assert_eq!(sent["quantity"], line.quantity, "{own}");
            #[expect(clippy::cast_possible_truncation, reason = "prices of a made-up shop")]
            // In hundredths of minor units, so that halves stay whole.
            let each = (sent["price"].as_f64().unwrap() * scale * 100.0).round() as i64;
            let (paid, total) = (each * line.quantity, line.total() * 100);
            assert!((paid - total).abs() <= 51 * line.quantity, "{paid} for {total} of {own}");
        }
        let email = order.email.as_deref().filter(|email| email.contains('@') && email.contains('.'));
        assert_eq!(own["email"].as_str(), email, "{own}");
        assert_eq!(own.get("customer").is_some(), order.customer.is_some(), "{own}");
        if order.state == State::Cancelled {
            assert_eq!(own["status"], "CANCELLED");
        }
    }
    wanted.len()
}

pub(crate) fn customer_id(shop: &Shop, key: &str) -> String {
    shop.world.shop.customer(key).unwrap()["id"].as_str().unwrap().to_owned()
}

fn customer(shop: &Shop, market: &str, key: &str) -> Option<Value> {
    shop.store(market).objects(Resource::Customers).get(&customer_id(shop, key)).cloned()
}

/// A customer with an address who agrees to e-mails, and is in every market.
pub(crate) fn subscriber(people: &People) -> &Customer {
    let is_it = |it: &&Customer| it.agrees_to_email == Some(true) && it.stores.is_empty() && it.email.contains('@');
    people.customers.iter().find(is_it).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_orders_are_at_clerk_io_as_the_shop_has_them() {
    let (shop, people) = shop(60, 300).await;
    let process = shop.open().await;
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    let markets = &shop.world.markets;
    let arrived: usize = markets.iter().map(|market| holds(&shop, market, &people)).sum();
    let is_sold = |order: &&Order| markets.iter().any(|market| is_of(market, order));
    let sold = people.orders.iter().filter(is_sold).count();
    assert!(arrived * 10 >= sold * 9, "{arrived} of {sold}");
    let (mut granted, mut denied, mut unknown) = (0, 0, 0);
    for market in markets {
        for person in &people.customers {
            let sells = market
                .store
                .as_ref()
                .is_none_or(|it| person.stores.is_empty() || person.stores.iter().any(|own| own == it.as_str()));
            let Some(held) = customer(&shop, &market.key, &person.key) else {
                assert!(!sells, "{person:?} is not at {market:?}");
                continue;
            };
            assert!(sells);
            assert_eq!(held.get("subscribed").and_then(Value::as_bool), person.agrees_to_email, "{held}");
            match person.agrees_to_email {
                Some(true) => granted += 1,
                Some(false) => denied += 1,
                None => unknown += 1,
            }
        }
    }
    assert!(granted > 0 && denied > 0 && unknown > 0, "{granted} {denied} {unknown}");
    let returned: usize = markets.iter().map(|market| shop.store(&market.key).returns().len()).sum();
    assert!(returned > 0);
    // Nothing that did not change is sent again.
    shop.forget_calls();
    shop.age();
    assert!(process.sync().await.converged());
    assert_eq!(shop.destination_calls(), 0);
}

/// The store's calls about people since the last time, in order.
fn calls(shop: &Shop, market: &str) -> Vec<String> {
    let calls = shop.sent(market).into_iter().map(|sent| sent.operation);
    calls.filter(|it| !it.ends_with("products") && !it.ends_with("categories")).collect()
}

async fn changed(shop: &Shop, process: &Process, change: Change) -> Vec<String> {
    shop.forget_calls();
    shop.change(change);
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    calls(shop, "de")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_a_person_or_an_order_is_told_once() {
    let (shop, people) = shop(30, 200).await;
    let process = shop.synced().await;
    let person = subscriber(&people).clone();
    let key = person.key.clone();
    let told =
        changed(&shop, &process, Change::ChangeEmail { customer: key.clone(), email: person.another_email() }).await;
    assert_eq!(told, ["DELETE customers", "POST customers"], "Clerk.io changes no address");
    assert_eq!(customer(&shop, "de", &key).unwrap()["email"], person.another_email());
    let field = "newsletterOptIn".to_owned();
    let withdrawn = Change::SetCustomerField { customer: key.clone(), field: field.clone(), value: json!(false) };
    assert_eq!(changed(&shop, &process, withdrawn).await, ["PATCH customers"]);
    assert_eq!(customer(&shop, "de", &key).unwrap()["subscribed"], false);
    let granted = Change::SetCustomerField { customer: key.clone(), field: field.clone(), value: json!(true) };
    assert_eq!(changed(&shop, &process, granted).await, ["PATCH customers"]);
    // What is not known any more is not granted.
    let unknown = Change::SetCustomerField { customer: key.clone(), field, value: Value::Null };
    assert_eq!(changed(&shop, &process, unknown).await, ["PATCH customers"]);
    assert_eq!(customer(&shop, "de", &key).unwrap()["subscribed"], false);

    let market = shop.world.markets.iter().find(|market| market.key == "de").unwrap();
    let is_open = |order: &&Order| {
        let bought = !order.lines.is_empty() && order.lines.iter().all(|line| line.quantity > 0);
        bought && order.returns.is_empty() && order.state != State::Cancelled && is_of(market, order)
    };
    let order = people.orders.iter().find(is_open).unwrap();
    let id = shop.world.shop.order(&order.key).unwrap()["id"].as_str().unwrap().to_owned();
    let before = shop.store("de").returns().len();
    let back = |quantity| Change::ReturnPieces { order: order.key.clone(), line: 0, quantity, refunded: false };
    let told = changed(&shop, &process, back(1)).await;
    assert!(told.iter().filter(|it| it.ends_with("log/returned")).count() <= 1, "{told:?}");
    let returns: Vec<Returned> =
        shop.store("de").returns().into_iter().skip(before).filter(|it| it.order == id).collect();
    let state = Change::SetOrderState { order: order.key.clone(), state: "Cancelled".to_owned() };
    let told = changed(&shop, &process, state).await;
    assert_eq!(told, ["POST orders"]);
    assert_eq!(shop.store("de").objects(Resource::Orders)[&id]["status"], "CANCELLED");
    let again: Vec<Returned> =
        shop.store("de").returns().into_iter().skip(before).filter(|it| it.order == id).collect();
    assert_eq!(again, returns, "a return is told once, whatever happens to its order");
    let gone = customer_id(&shop, &key);
    shop.forget_calls();
    shop.change(Change::SetMessages { enabled: true });
    shop.change(Change::DeleteCustomer { customer: key });
    assert!(process.sync_full().await.converged());
    assert!(!shop.store("de").objects(Resource::Customers).contains_key(&gone));
}

/// Every file of a folder and of those below it.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.push((entry.path().display().to_string(), fs::read(entry.path()).unwrap()));
        }
    }
    all
}

pub(crate) fn finds(bytes: &[u8], wanted: &str) -> bool {
    let wanted = wanted.as_bytes();
    bytes.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted))
}

/// What must not be found anywhere: addresses of e-mail, phones, streets, ids and numbers.
fn marks(shop: &Shop, people: &People) -> Vec<String> {
    let mut marks = Vec::new();
    for person in &people.customers {
        marks.extend([person.email.clone(), customer_id(shop, &person.key)]);
        marks.extend(person.addresses.iter().flat_map(|it| [it.phone.clone(), it.mobile.clone()]).flatten());
        marks.extend(person.addresses.iter().map(|it| it.street.clone()));
        marks.extend(person.family.clone());
    }
    marks.extend(people.orders.iter().filter_map(|order| order.number.clone()));
    marks.extend(shop.world.shop.order_ids());
    marks.retain(|mark| mark.len() > 4);
    marks.sort();
    marks.dedup();
    marks
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_about_people_is_found_on_disk_or_in_what_is_printed() {
    let (shop, people) = shop(30, 60).await;
    let marks = marks(&shop, &people);
    assert!(marks.len() > 100);
    // One is refused, with an answer that repeats it.
    let refused = customer_id(&shop, &people.customers[0].key);
    shop.store("de").reject(sandbox::clerk::Rejection {
        resource: Resource::Customers,
        field: "id".to_owned(),
        equals: json!(refused),
    });
    let ran = shop.cartage(&["sync", "--patience", "2", "-vv"]).await;
    assert!(ran.err.contains("C0403"), "{}", ran.err);
    let mut written = files(shop.database().parent().unwrap());
    for arguments in [
        &["status"][..],
        &["dead", "list"],
        &["plan", "--offline"],
        &["verify"],
        &["check"],
        &["support-bundle"],
        &["status", "--json"],
        &["dead", "list", "--json"],
    ] {
        let ran = shop.cartage(arguments).await;
        // Lists show ids, and neither names nor addresses.
        let printed = format!("{}{}", ran.out, ran.err);
        for mark in marks.iter().filter(|mark| mark.contains("example") || mark.starts_with('+')) {
            assert!(!finds(printed.as_bytes(), mark), "{mark} in {arguments:?}: {printed}");
        }
    }
    written.push(("what sync printed".to_owned(), format!("{}{}", ran.out, ran.err).into_bytes()));
    for (name, bytes) in written.iter().filter(|(name, _)| Path::new(name).extension().is_none_or(|it| it != "toml")) {
        for mark in &marks {
            assert!(!finds(bytes, mark), "{mark} is in {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_shown_to_who_asks_for_them() {
    let (shop, people) = shop(30, 60).await;
    let ran = shop.cartage(&["sync"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let person = subscriber(&people);
    let (email, family) = (person.email.clone(), person.family.clone().unwrap());
    let market = &shop.world.markets[0];
    let is_known = |order: &&Order| order.number.is_some() && order.email.is_some() && is_of(market, order);
    let order = people.orders.iter().find(is_known).unwrap();
    let number = order.number.clone().unwrap();
    for asked in [email.as_str(), &email.to_uppercase(), &number] {
        let hidden = shop.cartage(&["explain", asked]).await;
        assert_eq!(hidden.code, 0, "{}", hidden.err);
        assert!(hidden.out.contains("***"), "{}", hidden.out);
        assert!(!hidden.out.contains(&family) && !hidden.out.contains(".example"), "{}", hidden.out);
        let hidden = shop.cartage(&["explain", asked, "--json"]).await;
        assert!(!hidden.out.contains(".example"), "{}", hidden.out);
    }
    let shown = shop.cartage(&["explain", &email, "--reveal"]).await;
    assert!(shown.out.contains(&family) && shown.out.contains(&email), "{}", shown.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_of_people_is_kept() {
    let (shop, people) = shop(5, 5).await;
    let text = fs::read_to_string(&shop.config).unwrap();
    fs::write(&shop.config, text.split("[personal_data]").next().unwrap()).unwrap();
    let ran = shop.cartage(&["sync", "--patience", "2"]).await;
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("C0114") && ran.err.contains("personal_data"), "{}", ran.err);
    for (name, bytes) in files(shop.database().parent().unwrap()) {
        assert!(!finds(&bytes, &people.customers[0].email), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_with_one_address_are_not_both_said_to_be_there() {
    let (shop, people) = shop(7, 1).await;
    // Their accounts are for different stores, so they may have one address.
    let (first, second) = (&people.customers[5], &people.customers[6]);
    assert_ne!(first.stores, second.stores);
    let process = shop.open().await;
    assert!(process.sync().await.converged());
    shop.age();
    shop.change(Change::ChangeEmail { customer: second.key.clone(), email: first.email.clone() });
    let pass = process.sync().await;
    assert!(!pass.converged());
    let dead = process.store.dead(&"clerk-de".into(), 10).await.unwrap();
    assert_eq!(dead.iter().map(|it| &*it.fault.code).collect::<Vec<_>>(), ["C0403"]);
    assert_eq!(customer(&shop, "de", &first.key).unwrap()["email"], first.email);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_destination_does_not_take_is_refused_where_it_is_named() {
    let (shop, _) = shop(1, 1).await;
    shop.replace("[destinations.clerk-de]\n", "[destinations.clerk-de]\nproduct_id = \"sku\"\n");
    let ran = shop.cartage(&["check"]).await;
    assert!(ran.err.contains("C0815") && ran.err.contains("carry"), "{}{}", ran.out, ran.err);
}
