//! An emulated commercetools to an emulated Dotdigital account, end to end.

use std::{collections::BTreeMap, time::Duration};

use contract::Ledger as _;
use sandbox::{
    catalogue::{Options, generate},
    dotdigital::{self, Settings},
    fault::Faults,
    shop::{Edit, LivingShop},
};
use serde_json::{Value, json};

use crate::{
    crash,
    guides::blocks,
    harness::{MARKETS, Pass, Shop, catalogue, serve, until},
    people,
};

/// A shop, and an account that one flow fills for both markets.
pub(crate) struct World {
    pub(crate) shop: Shop,
    pub(crate) account: dotdigital::Emulator,
    faults: Faults,
}

impl World {
    pub(crate) async fn of(shop: Shop, settings: &str) -> Self {
        Self::importing(shop, settings, 50).await
    }

    /// Imports take so many milliseconds.
    async fn importing(shop: Shop, settings: &str, import_ms: u64) -> Self {
        let account = dotdigital::Emulator::new(Settings { import_ms, low: 10_000, ..Settings::default() });
        let faults = Faults::new(dotdigital::fault_body);
        let url = serve(faults.wrap(account.router())).await;
        let own = account.settings();
        let secret = |name: &str, text: &str| format!("file:{}", shop.write(name, text).display());
        let (user, password) = (secret("dd-user", &own.user), secret("dd-password", &own.password));
        let markets = MARKETS.map(|market| format!("{market:?}")).join(", ");
        shop.configure(&format!(
            "[destinations.dotdigital]\nkind = \"dotdigital\"\nurl = {url:?}\nuser = {user:?}\npassword = {password:?}\n\
             {settings}\n[flows.dotdigital]\nsource = \"shop\"\ndestination = \"dotdigital\"\nmarkets = [{markets}]\n"
        ));
        Self { shop, account, faults }
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

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_under_way_at_a_kill_is_asked_for_after_the_restart_and_not_sent_again() {
    let world = World::importing(Shop::uniform(30).await, "", 15_000).await;
    let child = crash::begin(&world.shop.config, &["--flow", "dotdigital"]);
    // Their tickets are on record.
    until("imports are under way", || world.account.imports().len() == 2).await;
    let store = store::Sqlite::open_read_only(&world.shop.database()).unwrap();
    let began = tokio::time::Instant::now();
    while store.tickets(&"dotdigital".into()).await.unwrap().len() < 2 {
        assert!(began.elapsed() < Duration::from_mins(1), "no tickets");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(store);
    assert!(crash::kill(child).await, "it ended before its imports");
    let asked = |world: &World| world.account.imports().iter().map(|import| import.asked).collect::<Vec<_>>();
    let before = asked(&world);
    crash::pass(&world.shop.config, &["--flow", "dotdigital"]).await.ended(0);
    let imports = world.account.imports();
    assert_eq!(imports.len(), 2, "an import was sent again");
    assert!(imports.iter().all(|import| import.rejected == Some(0)));
    assert!(asked(&world).iter().zip(&before).all(|(after, before)| after > before), "{before:?}, {:?}", asked(&world));
    for market in MARKETS {
        assert!(world.held(market).len() > 100, "{market}");
    }
    // What was imported is in the ledger: it costs no further call that writes.
    crash::pass(&world.shop.config, &["--full", "--flow", "dotdigital"]).await.ended(0);
    assert_eq!(world.account.imports().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_comes_to_hold_what_clerk_holds() {
    let world = World::of(Shop::odd(60).await, "batch_items = 150").await;
    crash::for_trial(&world.shop, &["dotdigital"]);
    crash::trial(&world.shop, &world.faults, (60, 10)).await;
    let held = world.all();
    for (market, records) in &held {
        let clerk = world.shop.store(market).products();
        let parents: BTreeMap<_, _> = records.iter().filter(|(_, it)| it["type"] != "Variant").collect();
        assert_eq!(parents.keys().copied().collect::<Vec<_>>(), clerk.keys().collect::<Vec<_>>(), "{market}");
        for (key, record) in parents {
            for (name, of_clerk) in [("name", "name"), ("price", "list_price"), ("stock", "stock"), ("url", "url")] {
                assert_eq!(record[name], clerk[key][of_clerk], "{name} of {key} in {market}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn products_that_recommendations_would_leave_out_are_counted_with_the_reason() {
    let shop = Shop::uniform(1).await;
    let made = catalogue(20, |_, products| {
        for product in products.iter_mut().take(3) {
            product.variants.iter_mut().for_each(|variant| variant.images.clear());
        }
        for product in products.iter_mut().skip(2).take(2) {
            let prices = product.variants.iter_mut().flat_map(|variant| &mut variant.prices);
            prices.for_each(|price| price.minor = 0);
        }
    });
    shop.world.shop.seed(&made).unwrap();
    let world = World::of(shop, "").await;
    let said = "4 of 20 products lack what product recommendations need: 3 have no image_path, 2 have no price above 0";
    world.shop.cartage(&["check"]).await.ended(0).says(&[said, "read now"]);
    let plan = ["plan", "--flow", "dotdigital"];
    world.shop.cartage(&plan).await.ended(0).says(&[&format!("dotdigital: {said}")]);
    assert!(world.account.collections().is_empty(), "looking creates nothing");
    let plans = world.shop.cartage(&[&plan[..], &["--json"]].concat()).await.ended(0).json();
    let counted = json!({
        "name": "product recommendations", "products": 20, "lacking": 4,
        "reasons": { "no image_path": 3, "no price above 0": 2 },
    });
    assert_eq!(plans[0]["lacking"], counted);
    // With the line of the guide only prices are missing, and the flow says so from its mirror, too.
    world.shop.configure("[flows.dotdigital.fields]\nimage_path = \"'https://shop.example/no-image.png'\"\n");
    world.shop.cartage(&["sync"]).await.ended(0);
    let said = "2 of 20 products lack what product recommendations need: 2 have no price above 0 (in the mirror)";
    world.shop.cartage(&["check"]).await.ended(0).says(&[said]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_can_be_followed_to_the_letter() {
    let guide = include_str!("../../../../docs/guides/connect-dotdigital.md");
    let blocks = blocks(guide, "toml");
    let world = World::of(Shop::with_example(30).await, "").await;
    // What the world added is what the guide says, but for the address and where user and password are.
    let text = std::fs::read_to_string(&world.shop.config).unwrap();
    let (own, added) = text.split_once("[destinations.dotdigital]").unwrap();
    let line = |name: &str| added.lines().find(|line| line.starts_with(name)).unwrap();
    let guided = blocks[0]
        .replace("user = \"env:DOTDIGITAL_USER\"", &format!("{}\n{}", line("user"), line("url")))
        .replace("password = \"env:DOTDIGITAL_PASSWORD\"", line("password"));
    assert!(!guided.contains("env:"), "{guided}");
    std::fs::write(&world.shop.config, format!("{own}\n{guided}")).unwrap();
    let (section, lines) = blocks[1].split_once('\n').unwrap();
    world.shop.replace(&format!("{section}\n"), &format!("{section}\n{lines}"));
    world.shop.cartage(&["check"]).await.ended(0).says(&[
        "the account is at",
        "the account has 0 collections",
        " products lack what product recommendations need",
    ]);
    world.shop.cartage(&["plan", "--flow", "dotdigital"]).await.ended(0).says(&["dotdigital would take about"]);
    assert!(world.account.collections().is_empty(), "looking creates nothing");
    world.shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(world.account.collections(), ["Catalog_de", "Catalog_uk"]);
    let records = world.held("de");
    let of_type = |of: &str| records.values().filter(|record| record["type"] == of).count();
    assert!(of_type("Configurable") > 10 && of_type("Variant") > 30, "{records:?}");
    assert!(records.values().all(|record| record["brand"].is_string() && record["image_path"].is_string()));
    let verified = world.shop.cartage(&["verify", "--flow", "dotdigital", "--json"]).await.ended(0).json();
    assert_eq!(verified[0]["expected"], verified[0]["right"]);
    let forget = ["forget", "dotdigital", "--remove-items", "--destination", "dotdigital", "--json"];
    world.shop.replace("[flows.dotdigital]\n", "[flows.former]\n");
    world.shop.replace("[flows.dotdigital.fields]\n", "[flows.former.fields]\n");
    world.shop.replace("markets = [\"de\", \"uk\"]", "markets = [\"de\"]");
    world.shop.cartage(&forget).await.ended(0);
    assert!(world.held("uk").is_empty());
}

/// Dotdigital unsubscribes several contacts by an import, which ends later than the call that starts it.
#[tokio::test(flavor = "multi_thread")]
async fn customers_who_are_carried_no_more_are_removed_by_one_command() {
    let (shop, _) = people::shop(30, 1).await;
    let world = World::of(shop, "unknown_consent = \"unsubscribed\"").await;
    let flow = "destination = \"dotdigital\"\n";
    let with_people = format!("{flow}carry = [\"products\", \"customers\"]\n");
    world.shop.replace(flow, &with_people);
    world.shop.cartage(&["sync"]).await.ended(0);
    let subscribed = || world.account.contacts().iter().filter(|it| it.email_status == "subscribed").count();
    assert!(subscribed() > 3);
    world.shop.replace(&with_people, &format!("{flow}carry = [\"products\"]\n"));
    world.shop.cartage(&["sync"]).await.ended(1).says(&["no longer carries"]);
    let forgotten = world.shop.cartage(&["forget", "dotdigital", "--remove-items", "--json"]).await.ended(0).json();
    assert_eq!((&forgotten[0]["left"], &forgotten[0]["kind"]), (&serde_json::json!(0), &serde_json::json!("customer")));
    assert_eq!(subscribed(), 0);
    world.shop.cartage(&["status"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_guests_and_their_orders_arrive_and_nobody_is_subscribed_who_has_not_agreed() {
    let (shop, people) = people::shop(40, 120).await;
    let world = World::of(shop, "unknown_consent = \"unsubscribed\"").await;
    let flow = "destination = \"dotdigital\"\n";
    world.shop.replace(flow, &format!("{flow}carry = [\"products\", \"customers\", \"orders\"]\n"));
    let process = world.shop.open().await;
    assert_converged(&process.sync().await);
    let markets = &world.shop.world.markets;
    let has_address = |email: &str| email.rsplit_once('@').is_some_and(|(_, domain)| domain.contains('.'));
    for person in people.customers.iter().filter(|person| has_address(&person.email)) {
        let contact = world.account.contact(&person.email.to_lowercase()).unwrap();
        let status = if person.agrees_to_email == Some(true) { "subscribed" } else { "unsubscribed" };
        assert_eq!(contact.email_status, status, "{person:?}");
    }
    let held = world.account.records("Orders");
    let (mut guests, mut sold, mut arrived) = (0, 0, 0);
    for order in people.orders.iter().filter(|order| markets.iter().any(|market| people::is_of(market, order))) {
        sold += 1;
        let Some(email) = order.email.as_deref().filter(|email| has_address(email)) else { continue };
        if order.lines.iter().all(|line| line.quantity < 1) {
            continue;
        }
        let id = world.shop.world.shop.order(&order.key).unwrap()["id"].as_str().unwrap().to_owned();
        let record = held.get(&id).unwrap_or_else(|| panic!("{order:?} is not there"));
        arrived += 1;
        assert_eq!(world.account.owner("Orders", &id), Some(email.to_lowercase()));
        let sums = order.sums();
        let total = sums.taxed.map_or(sums.total, |taxed| taxed.gross);
        let sent = (record["order_total"].as_f64().unwrap() * 100.0).round();
        assert!((sent - f64::from(i32::try_from(total).unwrap())).abs() < 0.5, "{total} is sent as {record}");
        if order.customer.is_none() && !people.customers.iter().any(|person| person.email.eq_ignore_ascii_case(email)) {
            guests += 1;
            assert_eq!(world.account.contact(&email.to_lowercase()).unwrap().email_status, "unsubscribed");
        }
    }
    assert!(guests > 0 && arrived * 10 >= sold * 9, "{guests} guests, {arrived} of {sold}");
    // Nothing that did not change is sent again.
    let calls = |world: &World| world.faults.calls().iter().map(|call| call.count).sum::<u64>();
    let before = calls(&world);
    world.shop.age();
    assert_converged(&process.sync().await);
    assert_eq!(calls(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flow_alone_has_the_contacts_of_an_account() {
    let (shop, _) = people::shop(1, 1).await;
    let world = World::of(shop, "unknown_consent = \"unsubscribed\"").await;
    world.shop.replace("markets = [\"de\", \"uk\"]", "markets = [\"de\"]\ncarry = [\"products\", \"customers\"]");
    let second = |carry: &str| {
        format!(
            "[flows.second]\nsource = \"shop\"\ndestination = \"dotdigital\"\nmarkets = [\"uk\"]\ncarry = [{carry}]\n"
        )
    };
    let without = std::fs::read_to_string(&world.shop.config).unwrap();
    world.shop.configure(&second("\"products\""));
    assert_eq!(
        world.shop.cartage(&["check"]).await.code,
        0,
        "products of each market are in a collection of their own"
    );
    std::fs::write(&world.shop.config, &without).unwrap();
    world.shop.configure(&second("\"orders\""));
    let ran = world.shop.cartage(&["check"]).await;
    assert!(ran.code == 2 && ran.err.contains("C0811"), "{}{}", ran.out, ran.err);
}
