//! Orders as records of their contacts.

use contract::{
    Account, Destination, Item, Op, Outcome, Parcel, Ref, Subject,
    destination::{Mapped, Shown},
};
use destinations::dotdigital::Connector;
use model::{Address, ConsentTo, Filtered, Kind, Localized, Order, OrderLine, OrderStatus, Timestamp, Totals};
use serde_json::{Value as Json, json};

use super::{Desk, UNSUBSCRIBED, ann, delivered, desk, email, outcomes, put, with};
use crate::{
    dotdigital::{connector, market},
    sample::eur,
};

const STATES: [OrderStatus; 5] =
    [OrderStatus::Open, OrderStatus::Confirmed, OrderStatus::Shipped, OrderStatus::Complete, OrderStatus::Cancelled];

fn line(id: &str, product: &str, quantity: u64, total: i64) -> OrderLine {
    OrderLine {
        id: id.to_owned(),
        product: (!product.is_empty()).then(|| product.into()),
        variant: Some("2".into()),
        sku: Some("HAT-B".into()),
        name: Localized::plain("Hat"),
        quantity,
        unit_price: None,
        total: eur(total),
        tax: Some(eur(total / 6)),
        tax_included: Some(true),
    }
}

/// An order of a guest.
pub(super) fn order() -> Order {
    Order {
        id: "o-1".into(),
        number: Some("10045".to_owned()),
        customer: None,
        email: email("Guest@Example.com"),
        placed_at: Timestamp::parse("2026-05-01T10:00:00.900Z").unwrap(),
        currency: "EUR".parse().unwrap(),
        store: Some("de".into()),
        country: None,
        locale: None,
        status: OrderStatus::Confirmed,
        states: Vec::new(),
        lines: vec![line("l-1", "p-1", 3, 3_000), line("l-2", "", 1, 499)],
        totals: Totals {
            total: eur(3_499),
            gross: Some(eur(3_499)),
            net: None,
            tax: None,
            shipping: Some(eur(499)),
            discount: None,
        },
        coupons: vec!["MAY".to_owned(), "ANN".to_owned()],
        shipping: Some(Address { city: Some("Berlin".to_owned()), country: "DE".parse().ok(), ..Address::default() }),
        billing: None,
        returns: Vec::new(),
        attributes: Vec::new(),
        notices: Vec::new(),
    }
}

fn of_ann() -> Order {
    Order { customer: Some("c-1".into()), email: email("ann@example.com"), ..order() }
}

fn mapped(connector: &Connector, account: &Account, order: &Order) -> Mapped {
    let (market, order) = (market("en"), &order);
    connector.map(&Subject::Order(Shown::in_one(&market, order)), account, &|_| false).unwrap()
}

pub(super) fn items(connector: &Connector, account: &Account, order: &Order) -> Vec<Item> {
    match mapped(connector, account, order) {
        Mapped::Items(made) => made.into_iter().map(|made| made.item).collect(),
        Mapped::Filtered(rule) => panic!("{rule}"),
    }
}

impl Desk {
    fn items(&self, order: &Order) -> Vec<Item> {
        items(&self.bench.connector, &self.account, order)
    }

    async fn order(&self, items: &[&Item]) -> Vec<Outcome> {
        outcomes(&self.send_of(Kind::Order, Op::Put, items.iter().map(|item| put(item)).collect()).await)
    }

    fn record(&self, key: &str) -> Json {
        self.bench.account.records("Orders")[key].clone()
    }
}

#[tokio::test]
async fn an_order_is_a_record_of_its_contact() {
    let desk = desk(UNSUBSCRIBED).await;
    desk.put(&ann()).await;
    let made = desk.items(&of_ann());
    assert_eq!(made.len(), 1, "the contact is its customer's");
    assert_eq!(desk.order(&[&made[0]]).await, [Outcome::Delivered]);
    assert_eq!(
        desk.record("o-1"),
        json!({
            "id": "o-1", "email": "ann@example.com", "purchase_date": "2026-05-01T10:00:00.900Z", "order_status": "Paid",
            "currency": "EUR", "order_total": 34.99, "order_subtotal": 25.0, "delivery_total": 4.99, "couponcode": "MAY, ANN",
            "store_name": "de", "delivery_address": { "delivery_city": "Berlin", "delivery_country": "DE" },
            "products": [{
                "product_id": "p-1-2", "parent_id": "p-1", "name": "Hat", "sku": "HAT-B", "qty": 3, "price": 8.33,
                "price_inc_tax": 10.0,
            }],
        })
    );
    assert_eq!(desk.bench.account.owner("Orders", "o-1").as_deref(), Some("ann@example.com"));
    // The same by an import.
    let second = desk.items(&Order { id: "o-2".into(), status: OrderStatus::Cancelled, ..of_ann() });
    assert_eq!(desk.order(&[&made[0], &second[0]]).await, [Outcome::Delivered, Outcome::Delivered]);
    assert_eq!(
        (desk.record("o-1")["order_status"].as_str(), desk.record("o-2")["order_status"].as_str()),
        (Some("Paid"), Some("Cancelled"))
    );
}

#[test]
fn states_have_the_vendor_s_names_or_those_of_the_settings() {
    for (settings, names) in [
        ("", ["Pending", "Paid", "Shipped", "Completed", "Cancelled"]),
        (
            "order_status = { confirmed = \"Processing\" }",
            ["Pending", "Processing", "Shipped", "Completed", "Cancelled"],
        ),
    ] {
        let (connector, _secrets) = connector("http://127.0.0.1:9", &format!("{UNSUBSCRIBED}{settings}"), "secret");
        let of = |status| {
            items(&connector, &Account::default(), &Order { status, ..order() })[0].json()["order_status"].clone()
        };
        assert_eq!(STATES.map(of), names.map(Json::from));
    }
}

#[test]
fn orders_that_can_not_be_sent_say_why_and_name_nobody() {
    let (connector, _secrets) = connector("http://127.0.0.1:9", UNSUBSCRIBED, "secret");
    let account = Account::default();
    let nameless = Order { email: None, ..order() };
    assert_eq!(mapped(&connector, &account, &nameless), Mapped::Filtered(Filtered::NoEmail));
    let fees = Order { lines: vec![line("l-2", "", 1, 499)], ..order() };
    assert_eq!(mapped(&connector, &account, &fees), Mapped::Filtered(Filtered::NothingBought));
    let (market, odd) = (market("en"), Order { id: "ann@example.com".into(), ..order() });
    let fault = connector.map(&Subject::Order(Shown::in_one(&market, &&odd)), &account, &|_| false).unwrap_err();
    assert_eq!(fault.code, "C0446");
    assert!(!format!("{fault:?}").contains('@'), "{fault:?}");
}

#[tokio::test]
async fn an_order_waits_for_its_customer_and_is_dead_only_if_that_does_not_help() {
    for several in [false, true] {
        let desk = desk(UNSUBSCRIBED).await;
        let made = desk.items(&of_ann());
        let other = desk.items(&Order { id: "o-2".into(), ..of_ann() });
        let sent: Vec<&Item> = if several { vec![&made[0], &other[0]] } else { vec![&made[0]] };
        let blocked = Outcome::Blocked(Ref { kind: Kind::Customer, id: "c-1".into() });
        assert!(desk.order(&sent).await.iter().all(|outcome| *outcome == blocked));
        desk.put(&ann()).await;
        assert!(desk.order(&sent).await.iter().all(Outcome::is_delivered));
        // It is forgotten that it waited.
        desk.bench.account.delete_contact("ann@example.com");
        assert!(desk.order(&sent).await.iter().all(|outcome| *outcome == blocked));
        // The customer is there, with another address than the order.
        let outcomes = desk.order(&sent).await;
        let Outcome::Rejected(fault) = &outcomes[0] else { panic!("{outcomes:?}") };
        assert!(fault.hint.as_deref().unwrap().contains("order_contacts"), "{fault:?}");
    }
}

#[tokio::test]
async fn a_guest_s_contact_is_created_and_one_that_is_there_is_not_changed() {
    let desk = desk(UNSUBSCRIBED).await;
    let made = desk.items(&order());
    let [record, owner] = made.as_slice() else { panic!("{made:?}") };
    assert!(
        desk.bench.connector.is_event(Kind::Order, &owner.id)
            && !desk.bench.connector.is_event(Kind::Order, &record.id)
    );
    assert_ne!(desk.bench.connector.call_group(&owner.id), desk.bench.connector.call_group(&record.id));
    let early = desk.order(&[record]).await;
    assert!(
        matches!(&early[0], Outcome::Rejected(fault) if fault.code == "C0442"),
        "the engine reports its contact first"
    );
    assert!(desk.bench.connector.carry(Kind::Order).unwrap().events_first);
    delivered(&desk.send_of(Kind::Order, Op::Report, vec![put(owner)]).await);
    assert_eq!(desk.contact("guest@example.com").email_status, "unsubscribed");
    assert_eq!(desk.order(&[record]).await, [Outcome::Delivered]);
    // One who has agreed elsewhere stays subscribed.
    desk.put(&with(&super::Customer { email: email("guest@example.com"), ..ann() }, &[(ConsentTo::Email, true)])).await;
    desk.bench.account.delete_contact("guest@example.com");
    desk.put(&with(&super::Customer { email: email("guest@example.com"), ..ann() }, &[(ConsentTo::Email, true)])).await;
    delivered(&desk.send_of(Kind::Order, Op::Report, vec![put(owner)]).await);
    assert_eq!(desk.contact("guest@example.com").email_status, "subscribed");
}

#[tokio::test]
async fn whose_contacts_orders_create_is_a_setting() {
    for (settings, of_guest, of_customer) in
        [("order_contacts = \"guests\"", 2, 1), ("order_contacts = \"all\"", 2, 2), ("order_contacts = \"none\"", 1, 1)]
    {
        let desk = desk(&format!("{UNSUBSCRIBED}{settings}")).await;
        assert_eq!((desk.items(&order()).len(), desk.items(&of_ann()).len()), (of_guest, of_customer), "{settings}");
    }
    let (filters, _secrets) = connector("http://127.0.0.1:9", "unknown_consent = \"filtered\"", "secret");
    assert_eq!(mapped(&filters, &Account::default(), &order()), Mapped::Filtered(Filtered::UnknownConsent));
}

#[tokio::test]
async fn an_order_that_is_gone_is_deleted_and_one_of_another_contact_is_not_taken_over() {
    let desk = desk(UNSUBSCRIBED).await;
    desk.put(&ann()).await;
    desk.put(&super::Customer { id: "c-2".into(), email: email("zoe@example.com"), ..ann() }).await;
    let made = desk.items(&of_ann());
    assert_eq!(desk.order(&[&made[0]]).await, [Outcome::Delivered]);
    let moved = desk.items(&Order { email: email("zoe@example.com"), ..of_ann() });
    let other = desk.items(&Order { id: "o-2".into(), ..of_ann() });
    let outcomes = desk.order(&[&moved[0], &other[0]]).await;
    let Outcome::Rejected(fault) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(fault.message.contains("KeyExistingForDifferentContact"), "{fault}");
    assert!(outcomes[1].is_delivered());
    assert_eq!(desk.bench.account.owner("Orders", "o-1").as_deref(), Some("ann@example.com"));
    let gone = Parcel { before: Some(made[0].payload.clone()), ..Parcel::named(made[0].id.clone()) };
    // Its customer has another address since.
    let moved = super::Customer { email: email("ann.lee@example.com"), ..ann() };
    let (before, now) = (desk.item(&ann()), desk.item(&moved));
    let facets = now.payload.digests().differing(&before.payload.digests());
    let patch = Parcel { before: Some(before.payload), ..Parcel::new(now.id.clone(), now.payload.only(facets)) };
    delivered(&desk.send(Op::Patch(facets), vec![patch]).await);
    assert_eq!(desk.bench.account.owner("Orders", "o-1").as_deref(), Some("ann.lee@example.com"));
    for _ in 0..2 {
        delivered(&desk.send_of(Kind::Order, Op::Remove, vec![gone.clone()]).await);
    }
    assert_eq!(desk.bench.account.records("Orders").into_keys().collect::<Vec<_>>(), ["o-2"]);
}

#[tokio::test]
async fn only_a_guest_is_somebody_of_whom_nothing_is_known() {
    for (of, status) in
        [(order(), "subscribed"), (Order { email: email("second@example.com"), ..of_ann() }, "unsubscribed")]
    {
        let desk = desk("unknown_consent = \"subscribed\"\norder_contacts = \"all\"").await;
        desk.put(&with(&ann(), &[(ConsentTo::Email, false)])).await;
        let made = desk.items(&of);
        delivered(&desk.send_of(Kind::Order, Op::Report, vec![put(&made[1])]).await);
        let address = of.email.as_ref().unwrap().key();
        assert_eq!(desk.contact(&address).email_status, status, "{address}");
    }
}
