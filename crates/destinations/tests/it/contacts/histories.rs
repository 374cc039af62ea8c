//! Whatever is granted, withdrawn, changed, lost and repeated in whatever order: nobody is subscribed who has not agreed.
//!
//! A ledger like the engine's stands between the customers and the connector: what was acknowledged, what is in doubt, and
//! what a call may have left.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Call, Destination, Digests, Facets, Item, Op, Outcome, Parcel, Payload, Random, Receipt, destination::Verdict,
};
use destinations::dotdigital::Connector;
use model::{ConsentTo, Customer, Kind, RemoteId};
use sandbox::dotdigital::Ending;

use super::{Desk, ann, desk_with, email, item, with};
use crate::dotdigital::{PASSWORD, connector};

const CUSTOMERS: usize = 3;
const ADDRESSES: usize = 3;
const STEPS: usize = 40;

/// What the ledger has of a contact.
#[derive(Clone)]
struct Entry {
    /// `None`: in doubt.
    digests: Option<Digests>,
    payload: Payload,
}

struct History {
    desk: Desk,
    connector: Connector,
    settings: String,
    secrets: tempfile::TempDir,
    random: Random,
    customers: Vec<Option<Customer>>,
    ledger: BTreeMap<usize, Entry>,
    /// A call of these was cut off, so that the ledger does not know what it said.
    cut_off: Vec<bool>,
    /// Addresses whose customer has agreed at some time.
    granted: BTreeSet<String>,
    /// Addresses whose contact was deleted at Dotdigital: the next change creates it, and the call after that states its
    /// status.
    deleted: BTreeSet<String>,
    told: Vec<String>,
}

fn address(customer: usize, place: usize) -> String {
    format!("c{customer}-{place}@example.com")
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Arrives,
    /// It has its effect, and nobody hears of it.
    AnswerLost,
    /// The process ends after it was sent.
    CutOff,
    ImportFails,
}

impl History {
    async fn new(settings: &str, seed: u64) -> Self {
        let desk = desk_with(settings, |account| account.import_ms = 0).await;
        let url = desk.bench.account.settings().api_endpoint.clone().unwrap();
        let (connector, secrets) = connector(url.trim_end_matches('/'), settings, PASSWORD);
        let customers = (0..CUSTOMERS).map(|number| {
            Some(Customer { id: format!("c-{number}").into(), email: email(&address(number, 0)), ..ann() })
        });
        Self {
            desk,
            connector,
            settings: settings.to_owned(),
            secrets,
            random: Random::seeded(seed),
            customers: customers.collect(),
            ledger: BTreeMap::new(),
            cut_off: vec![false; CUSTOMERS],
            granted: BTreeSet::new(),
            deleted: BTreeSet::new(),
            told: Vec::new(),
        }
    }

    fn draw(&self, below: usize) -> usize {
        usize::try_from(self.random.draw() % u64::try_from(below).unwrap()).unwrap()
    }

    fn item(&self, customer: usize) -> Option<Item> {
        self.customers[customer].as_ref().map(|it| item(&self.connector, &self.desk.account, it))
    }

    /// The source changes.
    fn live(&mut self) {
        let number = self.draw(CUSTOMERS);
        let what = self.draw(8);
        self.told.push(format!("customer {number}: change {what}"));
        // What a call said that was cut off is not in the ledger: an address that it gave is known only by the customer.
        let (place, cut_off) = (self.draw(ADDRESSES), self.cut_off[number]);
        if what == 7 && !cut_off {
            let gone = self.customers[number].take();
            self.customers[number] = gone.is_none().then(|| Customer {
                id: format!("c-{number}").into(),
                email: email(&address(number, 0)),
                ..ann()
            });
            return;
        }
        let Some(customer) = &mut self.customers[number] else { return };
        match what {
            0 | 1 => *customer = with(customer, &[(ConsentTo::Email, true)]),
            2 => *customer = with(customer, &[(ConsentTo::Email, false)]),
            3 => *customer = with(customer, &[]),
            4 => customer.name.given = Some(format!("Ann {place}")),
            _ if cut_off => {}
            _ => customer.email = email(&address(number, place)),
        }
    }

    /// Somebody does something at Dotdigital.
    fn meddle(&mut self) {
        let at = address(self.draw(CUSTOMERS), self.draw(ADDRESSES));
        let deletes = self.draw(2) == 0 && !self.subscribes();
        self.told.push(format!("{at} {}", if deletes { "is deleted" } else { "leaves" }));
        if !deletes {
            return self.desk.bench.account.unsubscribe(&at);
        }
        self.desk.bench.account.delete_contact(&at);
        self.deleted.insert(at);
    }

    /// Whether a new contact is subscribed where nothing is known. Then a contact that was deleted is a new one, and so may be
    /// one of which a call was cut off.
    fn subscribes(&self) -> bool {
        self.settings.contains("\"subscribed\"")
    }

    /// What has to be done for a customer, if anything.
    fn work(&self, number: usize) -> Option<(Op, Parcel)> {
        let entry = self.ledger.get(&number);
        let id: RemoteId = format!("contact:c-{number}").as_str().into();
        let before = entry.map(|entry| entry.payload.clone());
        match (self.item(number), entry) {
            (None, None) => None,
            (None, Some(_)) => Some((Op::Hide, Parcel { before, ..Parcel::named(id) })),
            (Some(item), Some(Entry { digests: Some(held), .. })) => {
                let facets = item.payload.digests().differing(held);
                let parcel = Parcel { before, ..Parcel::new(id, item.payload.only(facets)) };
                (facets != Facets::NONE).then_some((Op::Patch(facets), parcel))
            }
            (Some(item), _) => Some((Op::Put, Parcel { before, ..Parcel::new(id, item.payload) })),
        }
    }

    /// Sends what a customer needs, together with others that need the same.
    async fn push(&mut self, fate: Fate) {
        let first = self.draw(CUSTOMERS);
        let Some((op, parcel)) = self.work(first) else { return };
        let mut group = vec![(first, parcel)];
        for number in (0..CUSTOMERS).filter(|number| *number != first) {
            let room = self.connector.limits(Kind::Customer, op).items > group.len();
            if let Some((_, parcel)) = self.work(number).filter(|(other, _)| *other == op && room) {
                group.push((number, parcel));
            }
        }
        self.told.push(format!("{op:?} of {:?}: {fate:?}", group.iter().map(|(number, _)| number).collect::<Vec<_>>()));
        self.call(op, group, fate).await;
    }

    async fn call(&mut self, op: Op, group: Vec<(usize, Parcel)>, fate: Fate) {
        for customer in self.customers.iter().flatten() {
            if customer.consent(ConsentTo::Email) == Some(true) {
                self.granted.insert(customer.email.as_ref().unwrap().key());
            }
        }
        self.desk.bench.account.end_imports(if fate == Fate::ImportFails { Ending::Failed } else { Ending::Normal });
        let account = self.desk.account.clone();
        let parcels: Vec<Parcel> = group.iter().map(|(_, parcel)| parcel.clone()).collect();
        let ids: Vec<RemoteId> = parcels.iter().map(|parcel| parcel.id.clone()).collect();
        let receipt = self.connector.send(&Call { account, kind: Kind::Customer, op, parcels }).await;
        if let Verdict::Whole(Outcome::Rejected(_)) = &receipt.verdict
            && group.len() > 1
        {
            for one in group {
                Box::pin(self.call(op, vec![one], fate)).await;
            }
            return;
        }
        let pending = matches!(receipt.verdict, Verdict::Pending { .. });
        if fate == Fate::CutOff {
            // The call is open in the store: its items are in doubt, with what was acknowledged before.
            self.over(receipt, &ids).await;
            for (number, _) in group {
                let payload = self.ledger.get(&number).map(|entry| entry.payload.clone()).unwrap_or_default();
                self.ledger.insert(number, Entry { digests: None, payload });
                self.cut_off[number] = true;
            }
            return self.restart();
        }
        if pending {
            for (number, parcel) in &group {
                self.note(*number, parcel, op, true);
            }
            if fate == Fate::AnswerLost {
                // Another process asks for the import.
                self.restart();
            }
        }
        let receipt = self.over(receipt, &ids).await;
        let outcomes = super::outcomes(&receipt);
        for (place, (number, parcel)) in group.into_iter().enumerate() {
            let outcome = outcomes.get(place).unwrap_or(&outcomes[0]).clone();
            self.cut_off[number] = false;
            match outcome {
                Outcome::Delivered | Outcome::DeliveredWith(_) if fate == Fate::AnswerLost && !pending => {
                    self.note(number, &parcel, op, false);
                }
                Outcome::Delivered | Outcome::DeliveredWith(_) => match self.item(number) {
                    // An import that is over leaves in the ledger what was noted when it began.
                    Some(_) if pending => {}
                    Some(item) => {
                        let digests = Some(item.payload.digests());
                        self.ledger.insert(number, Entry { digests, payload: item.payload });
                    }
                    None => drop(self.ledger.remove(&number)),
                },
                Outcome::Rejected(_) if matches!(op, Op::Patch(_)) => {
                    let item = self.item(number).unwrap();
                    let whole = Parcel { before: parcel.before, ..Parcel::new(item.id, item.payload) };
                    Box::pin(self.call(Op::Put, vec![(number, whole)], Fate::Arrives)).await;
                }
                Outcome::Deferred(_) => {}
                Outcome::Rejected(_) | Outcome::Unknown(_) | Outcome::Blocked(_) => {
                    self.note(number, &parcel, op, false);
                }
            }
            if pending && self.item(number).is_none() && self.ledger.get(&number).is_some_and(|it| it.digests.is_some())
            {
                self.ledger.remove(&number);
            }
        }
    }

    /// Notes what a call may leave: everything that was there and everything that was sent.
    fn note(&mut self, number: usize, parcel: &Parcel, op: Op, goes_on: bool) {
        let before = parcel.before.clone().unwrap_or_default();
        let (digests, payload) = match (op, self.item(number)) {
            (Op::Hide, _) | (_, None) => (None, before),
            (_, Some(item)) => (goes_on.then(|| item.payload.digests()), before.overlaid(&item.payload)),
        };
        self.ledger.insert(number, Entry { digests, payload });
    }

    async fn over(&self, receipt: Receipt, ids: &[RemoteId]) -> Receipt {
        super::ended(&self.connector, ids, receipt).await
    }

    fn restart(&mut self) {
        let url = self.desk.bench.account.settings().api_endpoint.clone().unwrap();
        let (connector, secrets) = connector(url.trim_end_matches('/'), &self.settings, PASSWORD);
        (self.connector, self.secrets) = (connector, secrets);
    }

    /// What the ledger says is so.
    fn check(&self) {
        for contact in self.desk.bench.account.contacts().iter().filter(|it| it.email_status == "subscribed") {
            let may = self.granted.contains(&contact.email) || self.deleted.contains(&contact.email);
            assert!(may || self.subscribes(), "{} never agreed\n{}", contact.email, self.told.join("\n"));
        }
        for (number, customer) in self.customers.iter().enumerate() {
            let settled = self.work(number).is_none();
            let consent = customer.as_ref().and_then(|it| it.consent(ConsentTo::Email));
            let own = customer.as_ref().map(|it| it.email.as_ref().unwrap().key());
            if !settled {
                continue;
            }
            for place in 0..ADDRESSES {
                let at = address(number, place);
                let is_subscribed =
                    self.desk.bench.account.contact(&at).is_some_and(|it| it.email_status == "subscribed");
                let may = own.as_ref() == Some(&at)
                    && (consent == Some(true)
                        || (consent.is_none() && !self.granted.contains(&at) && self.subscribes()));
                assert!(!is_subscribed || may, "{at} is subscribed, {consent:?}\n{}", self.told.join("\n"));
            }
        }
    }

    async fn settle(&mut self) {
        for _ in 0..STEPS {
            if (0..CUSTOMERS).all(|number| self.work(number).is_none()) {
                return;
            }
            self.push(Fate::Arrives).await;
        }
        let left: Vec<_> = (0..CUSTOMERS).filter(|number| self.work(*number).is_some()).collect();
        assert!(left.is_empty(), "{left:?} never settle\n{}", self.told.join("\n"));
    }
}

#[tokio::test]
async fn whatever_happens_nobody_is_subscribed_who_has_not_agreed() {
    for settings in ["unknown_consent = \"unsubscribed\"", "unknown_consent = \"subscribed\""] {
        for seed in 0..15 {
            let mut history = History::new(settings, seed).await;
            history.told.push(format!("seed {seed} of {settings}"));
            for _ in 0..STEPS {
                match history.draw(12) {
                    0..5 => history.live(),
                    5 => history.meddle(),
                    6 => history.push(Fate::AnswerLost).await,
                    7 if !history.subscribes() => history.push(Fate::CutOff).await,
                    8 => history.push(Fate::ImportFails).await,
                    _ => history.push(Fate::Arrives).await,
                }
                history.check();
            }
            history.settle().await;
            history.check();
        }
    }
}
