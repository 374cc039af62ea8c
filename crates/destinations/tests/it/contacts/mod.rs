//! Customers and orders at Dotdigital, against the emulator.

mod histories;
mod orders;
mod reports;

use std::{collections::BTreeMap, time::Duration};

use contract::{
    Account, Call, Destination, Facets, FaultClass, Item, Op, Outcome, Parcel, Payload, Receipt, Removal, Subject,
    destination::{Mapped, Need, Shown, Verdict},
};
use destinations::dotdigital::{
    Connector,
    schema::{CONSENT, IDENTITY},
};
use model::{Consent, ConsentTo, Customer, Date, Email, Filtered, Kind, Market, PersonName, Phone};
use sandbox::dotdigital::{Contact, DataType, MobileDefault, Settings};
use serde_json::json;

use crate::dotdigital::{Bench, bench, connector, market};

const UNSUBSCRIBED: &str = "unknown_consent = \"unsubscribed\"\n";

/// An address; a text that is none would make a customer without one, of whom nothing is sent.
fn email(text: &str) -> Option<Email> {
    Email::parse(text).ok()
}

fn ann() -> Customer {
    let given = |text: &str| Some(text.to_owned());
    Customer {
        email: email("Ann@Example.com"),
        name: PersonName { given: given("Ann"), family: given("Lee"), ..PersonName::default() },
        birth_date: Date::parse("1990-02-03"),
        ..Customer::new("c-1".into())
    }
}

fn with(customer: &Customer, consents: &[(ConsentTo, bool)]) -> Customer {
    let of = |&(to, granted): &(ConsentTo, bool)| Consent {
        to,
        granted,
        field: "custom.it".to_owned(),
        at: None,
        text: None,
    };
    Customer { consents: consents.iter().map(of).collect(), ..customer.clone() }
}

fn need(markets: &[Market]) -> Need {
    let fields = BTreeMap::from([(Kind::Customer, Vec::new()), (Kind::Order, Vec::new())]);
    Need { markets: markets.to_vec(), fields, creates: true }
}

async fn prepared(bench: &Bench) -> Account {
    bench.connector.prepare(&need(&[market("en")])).await.unwrap()
}

fn mapped(connector: &Connector, account: &Account, customer: &Customer) -> Mapped {
    let (market, customer) = (market("en"), &customer);
    let subject = Subject::Customer(Shown::in_one(&market, customer));
    connector.map(&subject, account, &|_| false).unwrap()
}

fn item(connector: &Connector, account: &Account, customer: &Customer) -> Item {
    match mapped(connector, account, customer) {
        Mapped::Items(made) => made.into_iter().next().unwrap().item,
        Mapped::Filtered(rule) => panic!("{rule}"),
    }
}

/// An account with a connector, and what the connector knows of it.
struct Desk {
    bench: Bench,
    account: Account,
}

async fn desk_with(settings: &str, change: impl FnOnce(&mut Settings)) -> Desk {
    let bench = bench(settings, change).await;
    let account = prepared(&bench).await;
    Desk { bench, account }
}

async fn desk(settings: &str) -> Desk {
    desk_with(settings, |_| {}).await
}

impl Desk {
    fn item(&self, customer: &Customer) -> Item {
        item(&self.bench.connector, &self.account, customer)
    }

    async fn send(&self, op: Op, parcels: Vec<Parcel>) -> Receipt {
        self.send_of(Kind::Customer, op, parcels).await
    }

    async fn send_of(&self, kind: Kind, op: Op, parcels: Vec<Parcel>) -> Receipt {
        let account = self.account.clone();
        let call = Call { account, kind, op, parcels };
        let ids: Vec<_> = call.parcels.iter().map(|parcel| parcel.id.clone()).collect();
        let receipt = self.bench.connector.send(&call).await;
        ended(&self.bench.connector, &ids, receipt).await
    }

    async fn put(&self, customer: &Customer) {
        delivered(&self.send(Op::Put, vec![put(&self.item(customer))]).await);
    }

    /// Changes what differs between the two, as the engine does.
    async fn change(&self, before: &Customer, after: &Customer) -> Receipt {
        let (before, after) = (self.item(before), self.item(after));
        let facets = after.payload.digests().differing(&before.payload.digests());
        self.send(Op::Patch(facets), vec![changed(&before, &after, facets)]).await
    }

    fn contact(&self, email: &str) -> Contact {
        self.bench.account.contact(email).unwrap_or_else(|| panic!("no contact {email}"))
    }
}

/// The receipt of a call once it is over.
async fn ended(connector: &Connector, ids: &[model::RemoteId], mut receipt: Receipt) -> Receipt {
    for _ in 0..2_000 {
        let Verdict::Pending { ticket, .. } = &receipt.verdict else { return receipt };
        assert!(!ticket.0.contains('@'), "{ticket:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
        receipt = connector.poll(ticket, ids).await;
    }
    panic!("it does not end");
}

fn put(item: &Item) -> Parcel {
    Parcel::new(item.id.clone(), item.payload.clone())
}

fn doubted(item: &Item, before: &Payload) -> Parcel {
    Parcel { before: Some(before.clone()), ..put(item) }
}

fn changed(before: &Item, after: &Item, facets: Facets) -> Parcel {
    Parcel { before: Some(before.payload.clone()), ..Parcel::new(after.id.clone(), after.payload.only(facets)) }
}

fn outcomes(receipt: &Receipt) -> Vec<Outcome> {
    match &receipt.verdict {
        Verdict::Whole(outcome) => vec![outcome.clone()],
        Verdict::Each(outcomes) => outcomes.clone(),
        Verdict::Pending { .. } => panic!("{receipt:?}"),
    }
}

fn delivered(receipt: &Receipt) {
    assert!(outcomes(receipt).iter().all(Outcome::is_delivered), "{receipt:?}");
}

#[test]
fn a_customer_is_a_contact_found_by_its_address_in_lower_case() {
    let (connector, _secrets) = connector("http://127.0.0.1:9", UNSUBSCRIBED, "secret");
    let of = |customer: &Customer| item(&connector, &Account::default(), customer);
    let whole = of(&with(&ann(), &[(ConsentTo::Email, true), (ConsentTo::Sms, true)]));
    let digest = format!("{:?}", contract::Digest::of(b"ann@example.com"));
    assert_eq!(
        whole.json(),
        json!({
            "id": "contact:c-1",
            "dataFields": {
                "FIRSTNAME": "Ann", "LASTNAME": "Lee", "FULLNAME": "Ann Lee", "DOB": "1990-02-03T00:00:00Z", "CUSTOMER_ID": "c-1",
            },
            "consent": { "email": true },
            "identifiers": { "email": "ann@example.com" },
            "addresses": { digest: "ann@example.com" },
        }),
        "without phones nothing is said of them"
    );
    // What is not known clears what was there, and says nothing of consent.
    let bare = of(&Customer { email: email("b@example.com"), ..Customer::new("c-2".into()) }).json();
    assert_eq!(bare["dataFields"]["FIRSTNAME"], json!(null));
    assert_eq!(bare.get("consent"), None);
    assert_eq!(
        mapped(&connector, &Account::default(), &Customer::new("c-3".into())),
        Mapped::Filtered(Filtered::NoEmail)
    );
}

#[test]
fn people_are_taken_only_once_it_is_decided_what_unknown_consent_is() {
    let of = |settings: &str| connector("http://127.0.0.1:9", settings, "secret");
    let (undecided, _secrets) = of("");
    assert!(undecided.carry(Kind::Customer).is_none() && undecided.carry(Kind::Order).is_none());
    let words = undecided.lacks(Kind::Customer).unwrap();
    assert!(words.contains("unknown_consent") && words.contains("subscribes a new contact"), "{words}");
    assert_eq!(undecided.lacks(Kind::Category), None);
    let (decided, _secrets) = of(UNSUBSCRIBED);
    assert_eq!(decided.lacks(Kind::Customer), None);
    assert_eq!(decided.carry(Kind::Customer).unwrap().removal, Removal::Hide);
    assert!(decided.carry(Kind::Customer).unwrap().needs_before);
    assert_eq!(decided.limits(Kind::Customer, Op::Patch(Facets::NONE.with(IDENTITY))).items, 1);
    assert!(decided.limits(Kind::Customer, Op::Patch(Facets::NONE.with(CONSENT))).items > 1);
    let (filters, _secrets) = of("unknown_consent = \"filtered\"");
    let account = Account::default();
    assert_eq!(mapped(&filters, &account, &ann()), Mapped::Filtered(Filtered::UnknownConsent));
    assert!(matches!(mapped(&filters, &account, &with(&ann(), &[(ConsentTo::Email, false)])), Mapped::Items(_)));
    // Databases from before people were taken send nothing again.
    assert_eq!(undecided.fingerprint(), of("list = \"x\"").0.fingerprint());
    assert_ne!(undecided.fingerprint(), decided.fingerprint());
}

#[tokio::test]
async fn data_fields_are_created_in_their_types_and_a_list_is_found_by_name_and_id() {
    let bench = bench(&format!("{UNSUBSCRIBED}list = \"Shop\""), |_| {}).await;
    let missing = bench.connector.prepare(&need(&[])).await.unwrap_err();
    assert_eq!((missing.class, missing.code.as_ref()), (FaultClass::Config, "C0450"));
    assert!(missing.message.contains("Shop"), "{missing}");
    let id = bench.account.add_list("Shop");
    let before = bench.account.data_fields();
    let fresh = crate::dotdigital::bench(UNSUBSCRIBED, |_| {}).await;
    fresh.connector.prepare(&Need { creates: false, ..need(&[]) }).await.unwrap();
    assert_eq!(fresh.account.data_fields().len(), 5, "a look creates nothing");
    assert!(fresh.account.collections().is_empty());
    prepared(&bench).await;
    prepared(&bench).await;
    let fields = bench.account.data_fields();
    assert_eq!((fields["DOB"], fields["CUSTOMER_ID"]), (DataType::Date, DataType::String));
    assert_eq!(fields.len(), before.len() + 2);
    assert_eq!(bench.account.collections(), ["Orders"], "a flow without products has no catalogue");
    for list in ["Shop".to_owned(), id.to_string()] {
        let url = bench.account.settings().api_endpoint.clone().unwrap();
        let settings = format!("{UNSUBSCRIBED}list = {list:?}");
        let (other, _secrets) = connector(url.trim_end_matches('/'), &settings, crate::dotdigital::PASSWORD);
        let account = other.prepare(&need(&[])).await.unwrap();
        assert_eq!(item(&other, &account, &ann()).json()["lists"], json!([id]));
    }
}

#[tokio::test]
async fn a_data_field_of_another_type_is_named_with_the_setting_for_another() {
    let bench = bench(UNSUBSCRIBED, |_| {}).await;
    bench.account.add_data_field("CUSTOMER_ID", DataType::Numeric);
    let fault = bench.connector.prepare(&need(&[])).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0450"));
    assert!(fault.hint.as_deref().unwrap().contains("customer_id_field"), "{fault:?}");
    let other = crate::dotdigital::bench(&format!("{UNSUBSCRIBED}customer_id_field = \"SHOP_ID\""), |_| {}).await;
    other.account.add_data_field("CUSTOMER_ID", DataType::Numeric);
    prepared(&other).await;
    assert_eq!(other.account.data_fields()["SHOP_ID"], DataType::String);
}

// ── consent ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Two customers, so that a call is an import, or one, so that it is answered at once.
fn company(of: &Customer, several: bool) -> Vec<Customer> {
    let other = Customer { id: "c-9".into(), email: email("zoe@example.com"), ..of.clone() };
    if several { vec![of.clone(), other] } else { vec![of.clone()] }
}

#[tokio::test]
async fn a_new_contact_has_what_the_customer_said_and_otherwise_what_was_decided() {
    for (settings, granted, status) in [
        ("unsubscribed", None, "unsubscribed"),
        ("subscribed", None, "subscribed"),
        ("unsubscribed", Some(true), "subscribed"),
        ("subscribed", Some(false), "unsubscribed"),
        ("filtered", Some(true), "subscribed"),
        ("filtered", Some(false), "unsubscribed"),
    ] {
        for several in [false, true] {
            let desk = desk(&format!("unknown_consent = \"{settings}\"")).await;
            let said: Vec<_> = granted.map(|granted| (ConsentTo::Email, granted)).into_iter().collect();
            let customers = company(&with(&ann(), &said), several);
            let parcels = customers.iter().map(|customer| put(&desk.item(customer))).collect();
            delivered(&desk.send(Op::Put, parcels).await);
            for contact in desk.bench.account.contacts() {
                assert_eq!(contact.email_status, status, "{settings} {granted:?} {several}");
                assert_eq!(contact.fields["FIRSTNAME"], "Ann");
                assert_eq!((contact.opt_in.as_str(), contact.challenges), ("unknown", 0));
            }
            assert_eq!(desk.bench.account.contacts().len(), customers.len());
        }
    }
}

#[tokio::test]
async fn a_contact_that_is_there_keeps_its_state_where_the_setting_only_speaks_of_new_ones() {
    for (settings, left, status) in [
        ("subscribed", true, "unsubscribed"),
        ("subscribed", false, "subscribed"),
        ("unsubscribed", true, "unsubscribed"),
        ("unsubscribed", false, "unsubscribed"),
    ] {
        let desk = desk(&format!("unknown_consent = \"{settings}\"")).await;
        let elsewhere = Customer { id: "before".into(), ..ann() };
        desk.put(&with(&elsewhere, &[(ConsentTo::Email, true)])).await;
        if left {
            desk.bench.account.unsubscribe("ann@example.com");
        }
        desk.put(&ann()).await;
        let contact = desk.contact("ann@example.com");
        assert_eq!((contact.email_status.as_str(), contact.challenges), (status, 0), "{settings}");
    }
}

#[tokio::test]
async fn no_phone_is_subscribed_by_the_account_s_own_default() {
    for (said, sms, whats_app) in [
        (vec![], "noSubscription", "noSubscription"),
        (vec![(ConsentTo::Sms, true)], "subscribed", "noSubscription"),
        (vec![(ConsentTo::Sms, false), (ConsentTo::WhatsApp, true)], "unsubscribed", "subscribed"),
    ] {
        for several in [false, true] {
            let subscribes = |settings: &mut Settings| settings.mobile_default = MobileDefault::Subscribed;
            let desk = desk_with(&format!("{UNSUBSCRIBED}phones = true"), subscribes).await;
            let phone = Phone::parse("+49 170 1234567").unwrap();
            let customer = with(&Customer { phones: vec![phone], ..ann() }, &said);
            let mut customers = company(&customer, several);
            if let Some(other) = customers.get_mut(1) {
                other.phones.clear();
            }
            let parcels = customers.iter().map(|customer| put(&desk.item(customer))).collect();
            delivered(&desk.send(Op::Put, parcels).await);
            let contact = desk.contact("ann@example.com");
            assert_eq!(contact.mobile.as_deref(), Some("491701234567"));
            assert_eq!((contact.sms.as_str(), contact.whats_app.as_str()), (sms, whats_app), "{said:?} {several}");
        }
    }
    // A number that comes later is no consent either, whatever else changes.
    let subscribes = |settings: &mut Settings| settings.mobile_default = MobileDefault::Subscribed;
    let desk = desk_with(&format!("{UNSUBSCRIBED}phones = true"), subscribes).await;
    desk.put(&ann()).await;
    let later = Customer { phones: vec![Phone::parse("+49 170 1234567").unwrap()], ..ann() };
    delivered(&desk.change(&ann(), &later).await);
    let contact = desk.contact("ann@example.com");
    assert_eq!((contact.sms.as_str(), contact.whats_app.as_str()), ("noSubscription", "noSubscription"));
    let agreed = with(&later, &[(ConsentTo::Sms, true)]);
    delivered(&desk.change(&later, &agreed).await);
    assert_eq!(desk.contact("ann@example.com").sms, "subscribed");
    delivered(&desk.change(&agreed, &later).await);
    assert_eq!(desk.contact("ann@example.com").sms, "unsubscribed");
}

#[tokio::test]
async fn a_change_of_something_else_leaves_what_dotdigital_has() {
    let desk = desk(UNSUBSCRIBED).await;
    let granted = with(&ann(), &[(ConsentTo::Email, true)]);
    desk.put(&granted).await;
    desk.bench.account.unsubscribe("ann@example.com");
    let renamed =
        Customer { name: PersonName { given: Some("Anna".to_owned()), ..PersonName::default() }, ..granted.clone() };
    delivered(&desk.change(&granted, &renamed).await);
    let contact = desk.contact("ann@example.com");
    assert_eq!((contact.email_status.as_str(), contact.challenges), ("unsubscribed", 0));
    assert_eq!((&contact.fields["FIRSTNAME"], contact.fields.get("LASTNAME")), (&json!("Anna"), None));
}

#[tokio::test]
async fn a_consent_that_is_not_known_any_more_is_withdrawn_and_one_that_comes_back_is_asked_for() {
    let desk = desk("unknown_consent = \"subscribed\"").await;
    let granted = with(&ann(), &[(ConsentTo::Email, true)]);
    desk.put(&granted).await;
    assert_eq!(desk.contact("ann@example.com").email_status, "subscribed");
    delivered(&desk.change(&granted, &ann()).await);
    assert_eq!(desk.contact("ann@example.com").email_status, "unsubscribed");
    delivered(&desk.change(&ann(), &granted).await);
    let contact = desk.contact("ann@example.com");
    assert_eq!((contact.email_status.as_str(), contact.challenges), ("unsubscribed", 1), "never without a question");
}

#[tokio::test]
async fn a_contact_that_somebody_deleted_is_not_subscribed_by_a_change() {
    for (said, status) in [(vec![], "unsubscribed"), (vec![(ConsentTo::Email, false)], "unsubscribed")] {
        let desk = desk(UNSUBSCRIBED).await;
        let customer = with(&ann(), &said);
        desk.put(&customer).await;
        desk.bench.account.delete_contact("ann@example.com");
        let renamed = Customer { name: PersonName::default(), ..customer.clone() };
        let receipt = desk.change(&customer, &renamed).await;
        assert!(matches!(outcomes(&receipt)[0], Outcome::Unknown(_)), "{receipt:?}");
        let (before, after) = (desk.item(&customer), desk.item(&renamed));
        delivered(&desk.send(Op::Put, vec![doubted(&after, &before.payload.overlaid(&after.payload))]).await);
        assert_eq!(desk.contact("ann@example.com").email_status, status);
    }
}

// ── addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn another_address_is_the_same_contact() {
    let desk = desk(UNSUBSCRIBED).await;
    let granted = with(&ann(), &[(ConsentTo::Email, true)]);
    desk.put(&granted).await;
    let id = desk.contact("ann@example.com").id;
    let moved = Customer { email: email("ann+lee@example.com"), ..granted.clone() };
    assert_eq!(desk.item(&moved).id, desk.item(&granted).id);
    delivered(&desk.change(&granted, &moved).await);
    let contacts = desk.bench.account.contacts();
    assert_eq!(contacts.iter().map(|it| (it.id, it.email.as_str())).collect::<Vec<_>>(), [(id, "ann+lee@example.com")]);
    assert_eq!(contacts[0].email_status, "subscribed");
}

#[tokio::test]
async fn an_address_that_another_contact_has_is_taken_and_the_old_one_is_left_alone() {
    let desk = desk(UNSUBSCRIBED).await;
    let granted = with(&ann(), &[(ConsentTo::Email, true)]);
    desk.put(&granted).await;
    let there = Customer { id: "elsewhere".into(), email: email("new@example.com"), ..Customer::new("x".into()) };
    desk.put(&there).await;
    let moved = Customer { email: email("new@example.com"), ..granted.clone() };
    let receipt = desk.change(&granted, &moved).await;
    assert!(matches!(outcomes(&receipt)[0], Outcome::Rejected(_)), "{receipt:?}");
    assert_eq!(receipt.response.find('@'), None, "{receipt:?}");
    // The engine sends what was refused as a change as a whole.
    delivered(&desk.send(Op::Put, vec![doubted(&desk.item(&moved), &desk.item(&granted).payload)]).await);
    assert_eq!(desk.contact("ann@example.com").email_status, "unsubscribed");
    let contact = desk.contact("new@example.com");
    assert_eq!((contact.fields["CUSTOMER_ID"].as_str(), contact.challenges), (Some("c-1"), 1));
}

#[tokio::test]
async fn a_phone_that_left_is_not_subscribed_by_another_address() {
    let desk = desk(&format!("{UNSUBSCRIBED}phones = true")).await;
    let phone = Phone::parse("+49 170 1234567").unwrap();
    let agreed =
        with(&Customer { phones: vec![phone], ..ann() }, &[(ConsentTo::Sms, true), (ConsentTo::WhatsApp, true)]);
    desk.put(&agreed).await;
    desk.bench.account.stop("ann@example.com");
    let moved = Customer { email: email("ann.lee@example.com"), ..agreed.clone() };
    delivered(&desk.change(&agreed, &moved).await);
    let contact = desk.contact("ann.lee@example.com");
    assert_eq!((contact.sms.as_str(), contact.whats_app.as_str()), ("unsubscribed", "unsubscribed"));
    assert_eq!(contact.mobile.as_deref(), Some("491701234567"));
}

#[tokio::test]
async fn whichever_address_the_contact_of_one_who_is_gone_has_its_phone_is_not_called_either() {
    for at in ["ann@example.com", "ann.lee@example.com"] {
        let desk = desk(&format!("{UNSUBSCRIBED}phones = true")).await;
        let phone = Phone::parse("+49 170 1234567").unwrap();
        let said = [(ConsentTo::Email, true), (ConsentTo::Sms, true)];
        let first = with(&Customer { phones: vec![phone], ..ann() }, &said);
        let moved = Customer { email: email("ann.lee@example.com"), ..first.clone() };
        desk.put(&Customer { email: email(at), ..first.clone() }).await;
        // A change of the address whose outcome is not known.
        let (old, new) = (desk.item(&first), desk.item(&moved));
        let before = Some(old.payload.overlaid(&new.payload));
        delivered(&desk.send(Op::Hide, vec![Parcel { before, ..Parcel::named(new.id.clone()) }]).await);
        let contact = desk.contact(at);
        assert_eq!((contact.email_status.as_str(), contact.sms.as_str()), ("unsubscribed", "unsubscribed"), "{at}");
    }
}

#[tokio::test]
async fn two_customers_of_one_address_share_no_call() {
    let desk = desk(UNSUBSCRIBED).await;
    let twin = Customer { id: "c-2".into(), ..ann() };
    let receipt = desk.send(Op::Put, vec![put(&desk.item(&ann())), put(&desk.item(&twin))]).await;
    assert!(matches!(receipt.verdict, Verdict::Whole(Outcome::Rejected(_))), "halved until each is alone: {receipt:?}");
    assert!(desk.bench.account.contacts().is_empty());
}

// ── removals ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn the_contact_of_a_customer_who_is_gone_stays_and_gets_no_mail() {
    for several in [false, true] {
        let desk = desk(&format!("{UNSUBSCRIBED}phones = true")).await;
        let granted = with(&ann(), &[(ConsentTo::Email, true), (ConsentTo::Sms, true)]);
        let mut customers = company(&granted, several);
        customers[0].phones = vec![Phone::parse("+49 170 1234567").unwrap()];
        let items: Vec<Item> = customers.iter().map(|customer| desk.item(customer)).collect();
        delivered(&desk.send(Op::Put, items.iter().map(put).collect()).await);
        let gone =
            items.iter().map(|item| Parcel { before: Some(item.payload.clone()), ..Parcel::named(item.id.clone()) });
        delivered(&desk.send(Op::Hide, gone.collect()).await);
        assert!(
            desk.bench.account.contacts().iter().all(|it| it.email_status == "unsubscribed" && it.sms != "subscribed")
        );
        assert_eq!(desk.bench.account.contacts().len(), customers.len());
    }
}

#[tokio::test]
async fn a_customer_who_is_gone_is_deleted_where_the_setting_says_so() {
    let desk = desk(&format!("{UNSUBSCRIBED}removed_customers = \"delete\"")).await;
    assert_eq!(desk.bench.connector.carry(Kind::Customer).unwrap().removal, Removal::Call);
    let items: Vec<Item> = company(&ann(), true).iter().map(|customer| desk.item(customer)).collect();
    delivered(&desk.send(Op::Put, items.iter().map(put).collect()).await);
    let gone = items.iter().map(|item| Parcel { before: Some(item.payload.clone()), ..Parcel::named(item.id.clone()) });
    delivered(&desk.send(Op::Remove, gone.clone().collect()).await);
    assert!(desk.bench.account.contacts().is_empty());
    delivered(&desk.send(Op::Remove, gone.collect()).await);
    // Without the address nobody can tell which contact it is.
    let receipt = desk.send(Op::Remove, vec![Parcel::named("contact:c-1".into())]).await;
    assert!(matches!(outcomes(&receipt)[0], Outcome::Rejected(_)), "{receipt:?}");
}
