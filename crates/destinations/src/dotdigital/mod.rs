//! Dotdigital: the catalogue and orders as Insight data, customers as contacts. One collection per market; see README.md beside
//! this file.

pub mod account;
pub mod api;
pub mod check;
pub mod classify;
pub mod client;
pub mod column;
pub mod config;
pub mod contact;
pub mod ids;
pub mod import;
pub mod map;
pub mod order;
mod people;
pub mod schema;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Account, Call, Carry, Destination, DestinationDescriptor, Facet, Facets, Fault, Item, Limits, Op, Outcome,
    Receipt, Removal, Subject, Writer,
    destination::{Ids, Mapped, Markets, Need, Repeat, Ticket, Use, Verdict},
    source::Finding,
};
use model::{Kind, Market, RemoteId};
use serde_json::{Map, Value};
use wire::Environment;

pub use config::Config;

use account::Facts;
use client::Client;
use config::ProductId;
use ids::Place;
use import::{Asking, Carried, Import, Of};

/// Describes Dotdigital.
pub const DESCRIPTOR: DestinationDescriptor = DestinationDescriptor {
    name: "dotdigital",
    title: "Dotdigital",
    mapping: 1,
    fields: schema::fields,
    facets: schema::facets,
    extra_name: Some(schema::is_extra_name),
};

/// Keys per call of `deleteRecords`.
const MOST_REMOVED: usize = 5_000;

/// One Dotdigital account.
#[derive(Debug)]
pub struct Connector {
    config: Config,
    carries: Vec<Carry>,
    client: Client,
    /// What is found by in reports of imports under way.
    carried: Carried,
    /// Where the next page of a listing begins.
    listing: Mutex<Option<Listed>>,
}

/// A listing as far as it came.
#[derive(Clone, Debug)]
struct Listed {
    /// The last item of the last page.
    last: RemoteId,
    /// Place of its collection among those that are listed.
    place: usize,
    /// The next page of the collection; `None`: the next collection.
    marker: Option<String>,
}

impl Connector {
    /// The account of these settings. Fetches the credentials; makes no call.
    ///
    /// # Errors
    /// `C0440` for a setting out of its range or credentials that can't be read.
    pub fn new(config: &Config, environment: &Environment) -> Result<Self, Fault> {
        Ok(Self {
            client: Client::new(config, environment)?,
            carries: carries(config),
            carried: Carried::default(),
            config: config.clone(),
            listing: Mutex::default(),
        })
    }

    async fn put(&self, call: &Call, collection: &str, keys: &[&str]) -> Receipt {
        if let ([parcel], [key]) = (call.parcels.as_slice(), keys)
            && !self.client.is_missing(collection)
        {
            return self.receipt(self.client.put(collection, key, parcel).await);
        }
        match self.client.import(collection, keys.iter().copied().zip(&call.parcels)).await {
            Ok((id, response)) => Receipt {
                verdict: Import::begun(Of::Records, id, self.client.now()).pending(),
                status: response.status,
                response: self.client.redactor().excerpt(&response.body),
            },
            Err(outcome) => unsent(outcome),
        }
    }

    fn receipt(&self, answer: Result<wire::Response, Outcome>) -> Receipt {
        match answer {
            Ok(response) => Receipt {
                verdict: Verdict::Whole(Outcome::Delivered),
                status: response.status,
                response: self.client.redactor().excerpt(&response.body),
            },
            Err(outcome) => unsent(outcome),
        }
    }

    /// The next page of ids in these collections.
    async fn page(&self, collections: &[String], after: Option<&RemoteId>) -> Result<Vec<RemoteId>, Fault> {
        let known = self.listing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut place, mut marker) = match (after, known) {
            (None, _) => (0, None),
            (Some(after), Some(listed)) if listed.last == *after => match listed.marker {
                Some(marker) => (listed.place, Some(marker)),
                None => (listed.place + 1, None),
            },
            (Some(_), _) => return Err(Fault::transient("C0448", "the listing of records was begun anew meanwhile")),
        };
        while let Some(collection) = collections.get(place) {
            let (keys, next) = self.client.page(collection, marker.as_deref()).await?;
            let ids: Vec<RemoteId> = keys.iter().map(|key| Place::Record { collection, key }.id()).collect();
            if let Some(last) = ids.last() {
                let listed = Listed { last: last.clone(), place, marker: next };
                *self.listing.lock().unwrap_or_else(PoisonError::into_inner) = Some(listed);
                return Ok(ids);
            }
            (place, marker) = (place + 1, None);
        }
        Ok(Vec::new())
    }
}

/// The kinds of records that an account takes under these settings.
fn carries(config: &Config) -> Vec<Carry> {
    // A SKU can move from one product to another, and so can a key.
    let ids = if config.product_id == ProductId::Id { Ids::Own } else { Ids::Shared };
    let mut carries = vec![Carry { ids, ..Carry::of(Kind::Product) }];
    if config.takes_people() {
        let removal = if contact::hides(config) { Removal::Hide } else { Removal::Call };
        let of_people = |kind| Carry { markets: Markets::Many, ..Carry::of(kind) };
        carries.push(Carry { removal, needs_before: true, ..of_people(Kind::Customer) });
        // The contact that an order needs is created before it, or is there already: no harm in saying so twice.
        carries.push(Carry { report: Repeat::Safe, events_first: true, ..of_people(Kind::Order) });
    }
    carries
}

/// The items of a call that has no answer of its own.
fn unsent(outcome: Outcome) -> Receipt {
    let response = outcome.fault().and_then(|fault| fault.response.clone()).unwrap_or_default();
    Receipt { verdict: Verdict::Whole(outcome), status: 0, response }
}

#[async_trait]
impl Destination for Connector {
    fn descriptor(&self) -> &'static DestinationDescriptor {
        &DESCRIPTOR
    }

    fn fingerprint(&self) -> String {
        map::fingerprint(&self.config, DESCRIPTOR.mapping)
    }

    fn account_id(&self) -> String {
        self.client.account()
    }

    /// A collection of each market, and the contacts of the account, which orders create, too.
    fn spaces(&self, markets: &[Market], kinds: &[Kind]) -> Vec<String> {
        let account = self.client.account();
        let markets = if kinds.contains(&Kind::Product) { markets } else { &[] };
        let collections = markets.iter().map(|market| self.config.collection_of(market));
        let contacts = kinds.iter().any(|kind| kind.is_personal()).then(|| "contacts".to_owned());
        collections.chain(contacts).map(|space| format!("{account} {space}")).collect()
    }

    fn carries(&self) -> &[Carry] {
        &self.carries
    }

    fn limits(&self, kind: Kind, op: Op) -> Limits {
        let moves = |facets: Facets| kind == Kind::Customer && facets.has(schema::IDENTITY);
        let items = match op {
            // An address is changed by a call that is answered at once.
            Op::Patch(facets) if moves(facets) => 1,
            Op::Remove | Op::Report if kind == Kind::Order => 1,
            Op::Remove => MOST_REMOVED,
            Op::Put | Op::Patch(_) | Op::Hide | Op::Report => self.config.batch_items.into(),
        };
        Limits {
            items,
            bytes: usize::try_from(self.config.batch_bytes).unwrap_or(usize::MAX),
            concurrency: self.config.concurrency.into(),
        }
    }

    async fn prepare(&self, need: &Need) -> Result<Account, Fault> {
        account::prepare(&self.client, &self.config, need).await.map(Account::new)
    }

    fn map(&self, subject: &Subject<'_>, account: &Account, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        match subject {
            Subject::Product(shown) => map::product(&self.config, shown.first.0, shown.first.1, taken),
            Subject::Customer(shown) => contact::customer(&self.config, account.facts(), shown.first.1),
            Subject::Order(shown) => order::order(&self.config, account.facts(), shown.first.1),
            Subject::Category(_) => Err(Fault::config("C0440", "dotdigital: categories have no place here")),
        }
    }

    fn fit(&self, item: &mut Item, account: &Account) -> Result<(), Fault> {
        let collection = match Place::of(&item.id) {
            Some(Place::Record { collection, .. }) => collection,
            Some(Place::Order(_)) => self.config.order_collection.as_str(),
            Some(Place::Contact(_) | Place::Owner(_)) | None => return Ok(()),
        };
        let none = column::Columns::new();
        let columns = account.facts().and_then(|facts: &Facts| facts.columns.get(collection)).unwrap_or(&none);
        let content = format!("{{{}}}", item.payload.members(Facet::CONTENT));
        let mut record: Map<String, Value> = serde_json::from_str(&content).unwrap_or_default();
        let longest = usize::try_from(self.config.longest_text).unwrap_or(usize::MAX);
        let changed = column::fit(&mut record, columns, longest).map_err(|clash| {
            let column::Clash { path, what } = clash;
            Fault::record("C0449", format!("{}: {path} {what}", item.id))
                .hint("map the field in the type that the collection holds, or leave it out")
        })?;
        if changed {
            let rest = Facet::ALL.into_iter().filter(|facet| *facet != Facet::CONTENT);
            let rest = rest.fold(Facets::NONE, Facets::with);
            let mut writer = Writer::resume(item.payload.only(rest));
            let written = record.iter().try_for_each(|(name, value)| writer.force(Facet::CONTENT, name, value));
            written.map_err(|error| Fault::record("C0449", format!("{}: {error}", item.id)))?;
            item.payload = writer.finish();
        }
        Ok(())
    }

    fn call_group<'i>(&self, item: &'i RemoteId) -> &'i str {
        Place::of(item).map_or("", Place::group)
    }

    async fn send(&self, call: &Call) -> Receipt {
        let places: Option<Vec<Place<'_>>> = call.parcels.iter().map(|parcel| Place::of(&parcel.id)).collect();
        let is_alike = |pair: &[Place<'_>]| matches!(pair, [a, b] if a.group() == b.group());
        let Some(places) = places.filter(|places| places.windows(2).all(is_alike)) else {
            let fault = Fault::config("C0440", "dotdigital: a call is for records of one collection");
            return unsent(Outcome::Deferred(fault));
        };
        match call.kind {
            Kind::Customer => return self.send_contacts(call).await,
            Kind::Order => return self.send_orders(call).await,
            _ => {}
        }
        let collection = places.first().map_or("", |place| place.group());
        let keys: Vec<&str> = places.iter().map(|place| place.key()).collect();
        match call.op {
            Op::Put => self.put(call, collection, &keys).await,
            Op::Remove => self.receipt(self.client.delete_records(collection, &keys).await),
            Op::Patch(_) | Op::Hide | Op::Report => {
                let message = format!("dotdigital: there is no call to {} records", call.op.name());
                unsent(Outcome::Deferred(Fault::config("C0440", message)))
            }
        }
    }

    async fn poll(&self, ticket: &Ticket, items: &[RemoteId]) -> Receipt {
        let longest = Duration::from_secs(u64::from(self.config.import_minutes) * 60);
        Asking { client: &self.client, carried: &self.carried, longest }.poll(ticket, items).await
    }

    /// The contact that an order needs: created once, and never taken back.
    fn is_event(&self, kind: Kind, id: &RemoteId) -> bool {
        kind == Kind::Order && matches!(Place::of(id), Some(Place::Owner(_)))
    }

    /// Deleting a contact takes back that it was created.
    fn takes_back(&self, kind: Kind, id: &RemoteId) -> bool {
        self.is_event(kind, id)
    }

    fn lacks(&self, kind: Kind) -> Option<&'static str> {
        (people::is_personal(kind) && !self.config.takes_people()).then_some(
            "say with unknown_consent what becomes of customers of whom the shop does not know whether they agreed to e-mail: \
             \"unsubscribed\", \"filtered\" (they get no contact) or \"subscribed\"; Dotdigital subscribes a new contact of \
             whom it is not told, and writes to it",
        )
    }

    async fn read(&self, kind: Kind, ids: &[RemoteId]) -> Option<Result<Vec<(RemoteId, Value)>, Fault>> {
        // Contacts and their orders are read by addresses, which their ids do not tell.
        if kind != Kind::Product {
            return None;
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(Place::Record { collection, key }) = Place::of(id) else { continue };
            match self.client.record(collection, key).await {
                Ok(record) => found.extend(record.map(|record| (id.clone(), record))),
                Err(fault) => return Some(Err(fault)),
            }
        }
        Some(Ok(found))
    }

    async fn list(
        &self,
        kind: Kind,
        markets: &[Market],
        after: Option<&RemoteId>,
    ) -> Option<Result<Vec<RemoteId>, Fault>> {
        if kind != Kind::Product {
            return None;
        }
        let collections: Vec<String> = markets.iter().map(|market| self.config.collection_of(market)).collect();
        Some(self.page(&collections, after).await)
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(&self.client, self.config.takes_people()).await
    }

    fn use_of_items(&self) -> Option<Use> {
        Some(Use { name: "product recommendations", lacks: schema::lacks })
    }

    fn calls(&self) -> u64 {
        self.client.calls()
    }
}
