//! Persons who ask to be erased, at Clerk.io and Dotdigital at once.
//!
//! Whether anything of a person is left is searched for in bytes: in every file, in what is printed, and in what the
//! emulators hold.

use std::{collections::BTreeSet, fs, path::Path};

use contract::{Clock as _, SystemClock, store::Who};
use model::Email;
use sandbox::{
    clerk::Resource,
    commercetools::Change,
    people::{Customer, Order, People},
};
use serde_json::Value;

use crate::{
    dotdigital::World,
    harness::Ran,
    json,
    people::{customer_id, files, finds, is_of, shop, subscriber},
};

/// A shop with people, at a Clerk.io store for each market and one Dotdigital account for all, synced.
async fn synced(customers: usize, orders: usize) -> (World, People) {
    let (shop, people) = shop(customers, orders).await;
    let world = World::of(shop, "unknown_consent = \"unsubscribed\"").await;
    let flow = "destination = \"dotdigital\"\n";
    world.shop.replace(flow, &format!("{flow}carry = [\"products\", \"customers\", \"orders\"]\n"));
    world.shop.cartage(&["sync"]).await.ended(0);
    (world, people)
}

fn order_id(world: &World, order: &Order) -> String {
    world.shop.world.shop.order(&order.key).unwrap()["id"].as_str().unwrap().to_owned()
}

/// What tells a person from all others: address, id, phones, and ids and numbers of orders.
fn marks_of(world: &World, people: &People, person: &Customer) -> BTreeSet<String> {
    let phones = |it: &Customer| -> BTreeSet<String> {
        it.addresses.iter().flat_map(|it| [it.phone.clone(), it.mobile.clone()]).flatten().collect()
    };
    let others: BTreeSet<String> = people.customers.iter().filter(|it| it.key != person.key).flat_map(phones).collect();
    let own = |order: &&Order| order.customer.as_ref() == Some(&person.key);
    let orders = people.orders.iter().filter(own);
    let mut marks: BTreeSet<String> =
        orders.flat_map(|it| [Some(order_id(world, it)), it.number.clone()]).flatten().collect();
    marks.extend([person.email.clone(), customer_id(&world.shop, &person.key)]);
    marks.extend(phones(person).difference(&others).cloned());
    marks.retain(|mark| mark.len() > 4);
    marks
}

/// What destinations hold of people, as text.
fn held(world: &World) -> String {
    let mut held = vec![format!("{:?}{:?}", world.account.contacts(), world.account.records("Orders"))];
    for market in &world.shop.world.markets {
        for resource in [Resource::Customers, Resource::Orders] {
            held.push(format!("{:?}", world.shop.store(&market.key).objects(resource)));
        }
    }
    held.concat()
}

/// Nothing of this is in any file beside the configuration, or at any destination.
#[track_caller]
fn is_nowhere(world: &World, marks: &BTreeSet<String>, printed: &[&Ran]) {
    let mut written = files(world.shop.database().parent().unwrap());
    written.retain(|(name, _)| Path::new(name).extension().is_none_or(|it| it != "toml"));
    written.push(("what destinations hold".to_owned(), held(world).into_bytes()));
    written.extend(
        printed.iter().map(|ran| ("what was printed".to_owned(), format!("{}{}", ran.out, ran.err).into_bytes())),
    );
    for (name, bytes) in &written {
        for mark in marks {
            assert!(!finds(bytes, mark), "{mark} is in {name}");
        }
    }
}

/// A subscriber with orders that markets have.
fn buyer(world: &World, people: &People) -> Customer {
    let markets = &world.shop.world.markets;
    let buys = |person: &&Customer| {
        let own = |order: &&Order| order.customer.as_ref() == Some(&person.key);
        let sold = |order: &Order| markets.iter().any(|market| is_of(market, order));
        person.agrees_to_email == Some(true)
            && person.stores.is_empty()
            && person.email.contains('@')
            && people.orders.iter().filter(own).any(sold)
    };
    people.customers.iter().find(buys).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_person_is_left_and_a_hundred_reads_bring_nobody_back() {
    let (world, people) = synced(20, 120).await;
    let person = buyer(&world, &people);
    let marks = marks_of(&world, &people, &person);
    let others = world.account.contacts().len();
    let email = person.email.to_uppercase();
    assert!(marks.len() > 3 && finds(held(&world).as_bytes(), &person.email), "{marks:?}");

    let access = world.shop.cartage(&["access", "--email", &email]).await.ended(0);
    for mark in [person.family.as_deref().unwrap(), &person.email, &customer_id(&world.shop, &person.key)] {
        assert!(access.out.contains(mark), "{mark} is not in {}", access.out);
    }
    let shown =
        world.shop.cartage(&["erase", "--email", &email]).await.ended(0).says(&["clerk-de", "dotdigital", "--yes"]);
    assert!(finds(held(&world).as_bytes(), &person.email), "it was only asked what would go: {}", shown.out);

    let file = world.shop.database().with_file_name("receipt.json");
    let name = file.display().to_string();
    let erased = world.shop.cartage(&["erase", "--email", &email, "--yes", "-vv", "--receipt", &name]).await.ended(0);
    let status = world.shop.cartage(&["status"]).await.ended(0).says(&["1 erased persons", "`erased`"]);
    is_nowhere(&world, &marks, &[&erased, &status]);
    assert_eq!(world.account.contacts().len(), others - 1, "nobody else went");
    let receipt: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let flows = receipt["receipt"]["flows"].as_array().unwrap();
    let of = |flow: &str, kind: &str| flows.iter().find(|it| it["flow"] == flow && it["kind"] == kind).unwrap();
    assert!(of("dotdigital", "customer")["calls"][0]["status"].as_u64().unwrap() > 0, "{receipt}");
    assert_eq!(of("clerk-de", "customer")["calls"][0]["status"], 200, "{receipt}");
    assert!(flows.iter().all(|it| it["left"] == 0 && it["forgotten"] == false), "{receipt}");
    // Orders are all that can be asked for: by their ids, at Clerk.io.
    for it in flows {
        let is_asked = it["flow"] != "dotdigital" && it["kind"] == "order" && it["items"] != 0;
        assert_eq!(it["read_back"]["asked"].as_u64().is_some_and(|asked| asked > 0), is_asked, "{it}");
        assert!(it["read_back"]["found"].as_u64().is_none_or(|found| found == 0), "{it}");
    }
    assert!(flows.iter().any(|it| it["read_back"]["asked"].is_u64()), "{receipt}");
    world.shop.cartage(&["erase", "--verify", &name]).await.ended(0).says(&["genuine"]);
    let forged = fs::read_to_string(&file).unwrap().replacen("\"left\": 0", "\"left\": 1", 1);
    let forged = world.shop.write("forged.json", &forged).display().to_string();
    world.shop.cartage(&["erase", "--verify", &forged]).await.ended(1).says(&["C0835"]);

    let process = world.shop.open().await;
    for read in 0..50 {
        world.shop.change(Change::SetGivenName { customer: person.key.clone(), name: Some(format!("Name{read}")) });
        world.shop.age();
        let pass = process.sync().await;
        assert!(pass.converged(), "{pass:?}");
        assert!(process.sync_full().await.converged());
    }
    drop(process);
    is_nowhere(&world, &marks, &[]);
    world.shop.cartage(&["access", "--email", &email]).await.ended(0).says(&["\"records\": []"]);

    // Who signs up again is let in by a person.
    world.shop.cartage(&["erase", "--email", &email, "--lift"]).await.ended(0).says(&["sync --full"]);
    world.shop.cartage(&["sync", "--full"]).await.ended(0);
    assert!(finds(held(&world).as_bytes(), &person.email));
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_and_several_accounts_of_one_address_go_together_and_who_is_unknown_is_said_to_be() {
    let (world, people) = synced(20, 120).await;
    let has_account = |email: &str| people.customers.iter().any(|it| it.email.eq_ignore_ascii_case(email));
    let markets = &world.shop.world.markets;
    let is_guest = |order: &&Order| {
        let email = order.email.as_deref().filter(|email| email.ends_with(".example") && !has_account(email));
        let is_sold = order.lines.iter().any(|line| line.quantity > 0) && markets.iter().any(|it| is_of(it, order));
        order.customer.is_none() && email.is_some() && is_sold
    };
    let order = people.orders.iter().find(is_guest).unwrap();
    let guest = order.email.clone().unwrap();
    let marks = BTreeSet::from([guest.clone(), order_id(&world, order)]);
    assert!(world.account.contact(&guest.to_lowercase()).is_some());
    json::is("access", &world.shop.cartage(&["access", "--email", &guest]).await.ended(0));
    json::is("erase", &world.shop.cartage(&["erase", "--email", &guest, "--json"]).await.ended(0));
    let erased = world.shop.cartage(&["erase", "--email", &guest, "--yes", "--json"]).await.ended(0);
    json::is("erase", &erased);
    json::is("status", &world.shop.cartage(&["status", "--json"]).await.ended(0));
    is_nowhere(&world, &marks, &[&erased]);

    // Their accounts are for different stores, so they may have one address; Clerk.io refuses one of them where a market
    // shows both.
    let first = subscriber(&people);
    let second = people.customers.iter().find(|it| it.stores != first.stores && it.email.contains('@')).unwrap();
    world.shop.age();
    world.shop.change(Change::ChangeEmail { customer: second.key.clone(), email: first.email.clone() });
    world.shop.cartage(&["sync", "--patience", "2"]).await;
    let mut marks = marks_of(&world, &people, first);
    marks.extend(marks_of(&world, &people, second));
    let erased = world.shop.cartage(&["erase", "--email", &first.email, "--yes"]).await.ended(0);
    // What it was called before is the shop's to forget: no order says it.
    marks.retain(|mark| *mark != second.email);
    is_nowhere(&world, &marks, &[&erased]);
    world.shop.cartage(&["dead", "list"]).await.ended(0);

    let nobody = world.shop.cartage(&["erase", "--email", "nobody@nowhere.example", "--yes"]).await;
    nobody.ended(1).says(&["C0833", "nothing was removed"]);
    world.shop.cartage(&["access", "--customer", "nobody"]).await.ended(1).says(&["C0833"]);
    world.shop.cartage(&["erase", "--yes"]).await.ended(2).says(&["C0832"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_destination_or_a_crash_leaves_of_an_erasure_is_pending_and_gone_on_with() {
    let (world, people) = synced(20, 120).await;
    let person = buyer(&world, &people);
    let marks = marks_of(&world, &people, &person);
    // No guard holds an erasure back.
    let carry = "carry = [\"products\", \"categories\", \"customers\", \"orders\"]";
    world.shop.replace(carry, &format!("{carry}\nremoval_guard = 0.0\nremoval_guard_items = 0"));
    // Killed once it was marked.
    {
        let process = world.shop.open().await;
        let who = Who::Email(Email::parse(&person.email).unwrap());
        assert!(process.store.erase(&who, SystemClock.now()).await.unwrap().is_some());
    }
    assert!(finds(held(&world).as_bytes(), &person.email));
    world.shop.cartage(&["status"]).await.ended(1).says(&["erasure 1", "not removed yet"]);
    // One destination refuses everything.
    world.shop.store("de").disable(true);
    world.shop.cartage(&["erase", "--email", &person.email, "--lift"]).await.ended(1).says(&["C0836"]);
    let left = ["erase", "--email", &person.email, "--yes", "--patience", "1"];
    world.shop.cartage(&left).await.ended(1).says(&["clerk-de", "not acknowledged"]);
    assert!(world.account.contact(&person.email.to_lowercase()).is_none(), "others go on");
    let id = customer_id(&world.shop, &person.key);
    assert!(world.shop.store("de").objects(Resource::Customers).contains_key(&id));
    let name = world.shop.database().with_file_name("receipt.json").display().to_string();
    world.shop.cartage(&["erase", "--email", &person.email, "--receipt", &name]).await.ended(1);
    assert!(!Path::new(&name).exists(), "there is no receipt of what is not done");
    world.shop.store("de").disable(false);
    // A pass reads the shop, which still has the person.
    let went_on = world.shop.cartage(&["sync"]).await.ended(0);
    is_nowhere(&world, &marks, &[&went_on]);
    world.shop.cartage(&["erase", "--email", &person.email, "--receipt", &name]).await.ended(0).says(&["was erased"]);
    world.shop.cartage(&["erase", "--verify", &name]).await.ended(0);
}
