//! Customers and orders at Clerk.io, against the emulator.

use contract::{
    Account, Call, Destination, Facet, Facets, Item, Op, Outcome, Parcel, Receipt,
    destination::{Mapped, Verdict},
};
use destinations::clerk::{map, schema::CONSENT};
use model::{
    Address, Consent, ConsentTo, Customer, Email, Filtered, Kind, Localized, Order, OrderLine, OrderStatus, PersonName,
    ReturnedLine, Timestamp, Totals,
};
use sandbox::clerk::{Resource, Returned};
use serde_json::json;

use crate::{
    calls::{Bench, bench_with},
    emulator::{PRIVATE, PUBLIC, Shop, shop},
    sample::{config, eur},
};

fn ann() -> Customer {
    let given = |text: &str| Some(text.to_owned());
    Customer {
        email: Email::parse("ann@example.com").ok(),
        name: PersonName { given: given("Ann"), family: given("Lee"), ..PersonName::default() },
        addresses: vec![Address { postal_code: given("10115"), country: "DE".parse().ok(), ..Address::default() }],
        ..Customer::new("c-1".into())
    }
}

fn consents(customer: &mut Customer, granted: bool) {
    let (field, at, text) = ("custom.newsletter".to_owned(), None, None);
    customer.consents = vec![Consent { to: ConsentTo::Email, granted, field, at, text }];
}

fn line(id: &str, product: &str, quantity: u64, total: i64) -> OrderLine {
    OrderLine {
        id: id.to_owned(),
        product: (!product.is_empty()).then(|| product.into()),
        variant: Some("2".into()),
        sku: None,
        name: Localized::empty(),
        quantity,
        unit_price: None,
        total: eur(total),
        tax: None,
        tax_included: None,
    }
}

fn order() -> Order {
    Order {
        id: "o-1".into(),
        number: Some("10045".to_owned()),
        customer: Some("c-1".into()),
        email: Email::parse("ann@example.com").ok(),
        placed_at: Timestamp::parse("2026-05-01T10:00:00.900Z").unwrap(),
        currency: "EUR".parse().unwrap(),
        store: None,
        country: None,
        locale: None,
        status: OrderStatus::Confirmed,
        states: Vec::new(),
        lines: vec![line("l-1", "p-1", 3, 2_999), line("l-2", "", 1, 499), line("l-3", "p-2", 1, 0)],
        totals: Totals { total: eur(3_498), gross: None, net: None, tax: None, shipping: None, discount: None },
        coupons: Vec::new(),
        shipping: None,
        billing: None,
        returns: Vec::new(),
        attributes: Vec::new(),
        notices: Vec::new(),
    }
}

fn returned(id: &str, line: &str, quantity: u64, is_back: bool) -> ReturnedLine {
    ReturnedLine { id: id.to_owned(), line: line.to_owned(), quantity, is_back, is_refunded: false, at: None }
}

fn items(mapped: Mapped) -> Vec<Item> {
    match mapped {
        Mapped::Items(made) => made.into_iter().map(|it| it.item).collect(),
        Mapped::Filtered(rule) => panic!("{rule}"),
    }
}

fn of_customer(settings: &str, customer: &Customer) -> Item {
    items(map::customer(&config(settings), customer, &|_| false).unwrap()).remove(0)
}

fn of_order(settings: &str, order: &Order) -> Vec<Item> {
    items(map::order(&config(settings), order, &|_| false).unwrap())
}

async fn bench() -> (Shop, Bench) {
    let shop = shop(|_| {}).await;
    let bench = bench_with(&shop.url, "", PUBLIC, PRIVATE);
    (shop, bench)
}

async fn send(bench: &Bench, kind: Kind, op: Op, parcels: Vec<Parcel>) -> Receipt {
    bench.connector.send(&Call { account: Account::default(), kind, op, parcels }).await
}

fn delivered(receipt: &Receipt) {
    assert_eq!(receipt.verdict, Verdict::Whole(Outcome::Delivered), "{receipt:?}");
}

fn put(item: &Item) -> Parcel {
    Parcel::new(item.id.clone(), item.payload.clone())
}

#[test]
fn a_customer_has_every_member_that_a_patch_could_not_remove() {
    let mut customer = ann();
    let of = |customer: &Customer| of_customer("", customer).json();
    assert_eq!(
        of(&customer),
        json!({ "id": "c-1", "name": "Ann Lee", "zip": "10115", "country": "DE", "language": "", "email": "ann@example.com" })
    );
    consents(&mut customer, false);
    assert_eq!(of(&customer)["subscribed"], false);
    consents(&mut customer, true);
    assert_eq!(of(&customer)["subscribed"], true);
    let nobody = of(&Customer::new("c-2".into()));
    assert_eq!(nobody, json!({ "id": "c-2", "name": "", "zip": "", "country": "", "language": "" }));
}

#[test]
fn an_order_has_what_a_piece_cost_and_no_fees() {
    let made = of_order("", &order());
    assert_eq!(made.len(), 1);
    assert_eq!(
        made[0].json(),
        json!({
            "id": "o-1", "time": 1_777_629_600, "status": "CONFIRMED", "email": "ann@example.com", "customer": "c-1",
            "products": [{ "id": "p-1", "quantity": 3, "price": 10.0 }, { "id": "p-2", "quantity": 1, "price": 0.0 }],
        })
    );
    assert_eq!(of_order("order_id = \"number\"", &order())[0].id.as_str(), "10045");
    let by_variant = of_order("grain = \"variant\"", &order())[0].json();
    assert_eq!(by_variant["products"][0]["id"], "p-1_2");
}

#[test]
fn orders_that_can_not_be_sent_say_why_and_name_nobody() {
    let fees = Order { lines: vec![line("l-2", "", 1, 499)], ..order() };
    let mapped = map::order(&config(""), &fees, &|_| false).unwrap();
    assert_eq!(mapped, Mapped::Filtered(Filtered::NothingBought));
    for (settings, order) in [
        ("id_type = \"integer\"", order()),
        ("order_id = \"number\"", Order { number: None, ..order() }),
        ("", Order { id: "return/1".into(), ..order() }),
        ("id_type = \"integer\"", Order { id: "7".into(), lines: vec![line("l-1", "8", 1, 100)], ..order() }),
    ] {
        let fault = map::order(&config(settings), &order, &|_| false).unwrap_err();
        assert_eq!(fault.code, "C0411", "{settings}");
        let text = format!("{fault:?}");
        assert!(!text.contains("ann") && !text.contains("c-1"), "{text}");
    }
}

#[test]
fn every_state_has_one_of_clerk_io() {
    let back = |quantity| vec![returned("r-1", "l-1", quantity, true)];
    for (status, returns, is) in [
        (OrderStatus::Open, vec![], "CONFIRMED"),
        (OrderStatus::Shipped, vec![], "SENT"),
        (OrderStatus::Complete, vec![], "DELIVERED"),
        (OrderStatus::Complete, back(3), "DELIVERED"),
        (OrderStatus::Complete, back(4), "RETURNED"),
        (OrderStatus::Cancelled, back(4), "CANCELLED"),
    ] {
        let order = Order { status, returns, ..order() };
        assert_eq!(of_order("", &order)[0].json()["status"], is);
    }
}

#[tokio::test]
async fn a_return_is_reported_for_each_line_that_is_back() {
    let (shop, bench) = bench().await;
    let order = Order {
        returns: vec![
            returned("r-1", "l-1", 2, true),
            returned("r-2", "l-3", 1, false),
            returned("r-3", "l-2", 1, true),
        ],
        ..order()
    };
    let made = of_order("", &order);
    let ids: Vec<&str> = made.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["o-1", "return/o-1/r-1"], "what was only announced, and a fee, are no returns");
    assert!(!bench.connector.is_event(Kind::Order, &made[0].id) && bench.connector.is_event(Kind::Order, &made[1].id));
    assert_eq!(bench.connector.limits(Kind::Order, Op::Report).items, 1);
    delivered(&send(&bench, Kind::Order, Op::Put, vec![put(&made[0])]).await);
    delivered(&send(&bench, Kind::Order, Op::Report, vec![put(&made[1])]).await);
    let (order, product) = ("o-1".to_owned(), "p-1".to_owned());
    assert_eq!(shop.store.returns(), [Returned { order, product, quantity: 2 }]);
    assert_eq!(shop.store.objects(Resource::Orders)["o-1"]["products"][0]["quantity"], 3);
}

#[tokio::test]
async fn a_consent_that_is_not_known_any_more_is_withdrawn() {
    let (shop, bench) = bench().await;
    let mut customer = ann();
    consents(&mut customer, true);
    let before = of_customer("", &customer);
    delivered(&send(&bench, Kind::Customer, Op::Put, vec![put(&before)]).await);
    let subscribed = || shop.store.objects(Resource::Customers)["c-1"]["subscribed"].clone();
    assert_eq!(subscribed(), true);
    customer.consents.clear();
    let after = of_customer("", &customer);
    let facets = Facets::NONE.with(CONSENT);
    let parcel =
        Parcel { before: Some(before.payload.clone()), ..Parcel::new(after.id.clone(), after.payload.only(facets)) };
    delivered(&send(&bench, Kind::Customer, Op::Patch(facets), vec![parcel]).await);
    assert_eq!(subscribed(), false);
    // A change of something else leaves it alone.
    consents(&mut customer, true);
    let granted = of_customer("", &customer);
    delivered(
        &send(
            &bench,
            Kind::Customer,
            Op::Patch(facets),
            vec![Parcel::new(granted.id.clone(), granted.payload.only(facets))],
        )
        .await,
    );
    let content = Facets::NONE.with(Facet::CONTENT);
    let parcel = Parcel {
        before: Some(granted.payload.clone()),
        ..Parcel::new(granted.id.clone(), granted.payload.only(content))
    };
    delivered(&send(&bench, Kind::Customer, Op::Patch(content), vec![parcel]).await);
    assert_eq!(subscribed(), true);
}

#[tokio::test]
async fn an_address_is_changed_by_removing_the_customer_first() {
    let (shop, bench) = bench().await;
    delivered(&send(&bench, Kind::Customer, Op::Put, vec![put(&of_customer("", &ann()))]).await);
    let moved = Customer { email: Email::parse("ann.lee@example.com").ok(), ..ann() };
    let moved = of_customer("", &moved);
    let receipt = send(&bench, Kind::Customer, Op::Put, vec![put(&moved)]).await;
    assert!(matches!(receipt.verdict, Verdict::Whole(Outcome::Rejected(_))), "{receipt:?}");
    let carry = bench.connector.carry(Kind::Customer).unwrap();
    assert!(carry.fixed.has(Facet::ALL[2]) && carry.needs_before);
    delivered(&send(&bench, Kind::Customer, Op::Remove, vec![Parcel::named(moved.id.clone())]).await);
    delivered(&send(&bench, Kind::Customer, Op::Put, vec![put(&moved)]).await);
    assert_eq!(shop.store.objects(Resource::Customers)["c-1"]["email"], "ann.lee@example.com");
}

#[tokio::test]
async fn what_clerk_io_says_of_people_is_not_kept() {
    let server = wiremock::MockServer::start().await;
    let echo = "user ann@example.com (Ann Lee, +4930901820) is unknown";
    for (body, rejected) in [
        (json!({ "status": "error", "type": "LogicalError", "message": echo, "id": "9f3c" }).to_string(), true),
        (json!({ "status": "error", "type": echo, "message": echo, "id": echo }).to_string(), false),
        (json!({ "status": echo }).to_string(), false),
        (json!([echo]).to_string(), false),
        (echo.to_owned(), false),
    ] {
        server.reset().await;
        let answer = wiremock::ResponseTemplate::new(200).set_body_string(&body);
        wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
        let bench = bench_with(&server.uri(), "", PUBLIC, PRIVATE);
        for (kind, op) in [(Kind::Customer, Op::Put), (Kind::Order, Op::Put), (Kind::Order, Op::Report)] {
            let receipt = send(&bench, kind, op, vec![Parcel::named("c-1".into())]).await;
            let Verdict::Whole(outcome) = &receipt.verdict else { panic!("{receipt:?}") };
            assert_eq!(matches!(outcome, Outcome::Rejected(_)), rejected, "{body}");
            let text = format!("{receipt:?}");
            assert!(!text.contains("ann@") && !text.contains("Lee") && !text.contains("4930"), "{text}");
        }
    }
}

#[test]
fn a_store_that_names_products_by_another_id_takes_no_orders() {
    for (settings, takes) in [("", true), ("product_id = \"sku\"", false), ("product_id = \"key\"", false)] {
        let bench = bench_with("http://127.0.0.1:9", settings, PUBLIC, PRIVATE);
        assert_eq!(bench.connector.carry(Kind::Order).is_some(), takes, "{settings}");
    }
}
