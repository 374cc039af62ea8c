//! Dotdigital: the catalogue as Insight data. One collection per market; see README.md beside this file.

pub mod account;
pub mod api;
pub mod check;
pub mod classify;
pub mod client;
pub mod column;
pub mod config;
pub mod import;
pub mod map;
pub mod schema;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Account, Call, Carry, Destination, DestinationDescriptor, Facet, Fault, Item, Limits, Op, Outcome, Payload, Receipt,
    Subject, Writer,
    destination::{Ids, Mapped, Need, Ticket, Use, Verdict},
    source::Finding,
};
use model::{Kind, Market, RemoteId};
use serde_json::{Map, Value};
use wire::Environment;

pub use config::Config;

use account::Facts;
use client::Client;
use config::ProductId;
use import::Import;

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
    carries: [Carry; 1],
    client: Client,
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
        // A SKU can move from one product to another, and so can a key.
        let ids = if config.product_id == ProductId::Id { Ids::Own } else { Ids::Shared };
        let carries = [Carry { ids, ..Carry::of(Kind::Product) }];
        Ok(Self { client: Client::new(config, environment)?, carries, config: config.clone(), listing: Mutex::default() })
    }

    async fn put(&self, call: &Call, collection: &str, keys: &[&str]) -> Receipt {
        if let ([parcel], [key]) = (call.parcels.as_slice(), keys)
            && !self.client.is_missing(collection)
        {
            return self.receipt(self.client.put(collection, key, parcel).await);
        }
        match self.client.import(collection, keys.iter().copied().zip(&call.parcels)).await {
            Ok((id, response)) => Receipt {
                verdict: Import::begun(id, self.client.now()).pending(),
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
            let ids: Vec<RemoteId> = keys.iter().map(|key| map::remote_id(collection, key)).collect();
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

    fn spaces(&self, markets: &[Market]) -> Vec<String> {
        let account = self.client.account();
        markets.iter().map(|market| format!("{account} {}", self.config.collection_of(market))).collect()
    }

    fn carries(&self) -> &[Carry] {
        &self.carries
    }

    fn limits(&self, _: Kind, op: Op) -> Limits {
        Limits {
            items: if op == Op::Remove { MOST_REMOVED } else { self.config.batch_items.into() },
            bytes: usize::try_from(self.config.batch_bytes).unwrap_or(usize::MAX),
            concurrency: self.config.concurrency.into(),
        }
    }

    async fn prepare(&self, need: &Need) -> Result<Account, Fault> {
        account::prepare(&self.client, &self.config, need).await.map(Account::new)
    }

    fn map(&self, subject: &Subject<'_>, _: &Account, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        match subject {
            Subject::Product(shown) => map::product(&self.config, shown.first.0, shown.first.1, taken),
            Subject::Category(_) | Subject::Customer(_) | Subject::Order(_) => Err(Fault::config("C0440", "dotdigital: only products have a place here")),
        }
    }

    fn fit(&self, item: &mut Item, account: &Account) -> Result<(), Fault> {
        let collection = map::parts(&item.id).map_or("", |(collection, _)| collection);
        let none = column::Columns::new();
        let columns = account.facts().and_then(|facts: &Facts| facts.columns.get(collection)).unwrap_or(&none);
        let mut record: Map<String, Value> = serde_json::from_str(&item.payload.object()).unwrap_or_default();
        let longest = usize::try_from(self.config.longest_text).unwrap_or(usize::MAX);
        let changed = column::fit(&mut record, columns, longest).map_err(|clash| {
            let column::Clash { path, what } = clash;
            Fault::record("C0449", format!("{}: {path} {what}", item.id))
                .hint("map the field in the type that the collection holds, or leave it out")
        })?;
        if changed {
            let mut writer = Writer::resume(Payload::default());
            let written = record.iter().try_for_each(|(name, value)| writer.force(Facet::CONTENT, name, value));
            written.map_err(|error| Fault::record("C0449", format!("{}: {error}", item.id)))?;
            item.payload = writer.finish();
        }
        Ok(())
    }

    fn call_group<'i>(&self, item: &'i RemoteId) -> &'i str {
        map::parts(item).map_or("", |(collection, _)| collection)
    }

    async fn send(&self, call: &Call) -> Receipt {
        let parts: Option<Vec<(&str, &str)>> = call.parcels.iter().map(|parcel| map::parts(&parcel.id)).collect();
        let Some(parts) = parts.filter(|parts| parts.windows(2).all(|pair| matches!(pair, [a, b] if a.0 == b.0))) else {
            let fault = Fault::config("C0440", "dotdigital: a call is for records of one collection");
            return unsent(Outcome::Deferred(fault));
        };
        let collection = parts.first().map_or("", |(collection, _)| collection);
        let keys: Vec<&str> = parts.iter().map(|(_, key)| *key).collect();
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
        import::poll(&self.client, ticket, items, longest).await
    }

    async fn read(&self, _: Kind, ids: &[RemoteId]) -> Option<Result<Vec<(RemoteId, Value)>, Fault>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let Some((collection, key)) = map::parts(id) else { continue };
            match self.client.record(collection, key).await {
                Ok(record) => found.extend(record.map(|record| (id.clone(), record))),
                Err(fault) => return Some(Err(fault)),
            }
        }
        Some(Ok(found))
    }

    async fn list(
        &self,
        _: Kind,
        markets: &[Market],
        after: Option<&RemoteId>,
    ) -> Option<Result<Vec<RemoteId>, Fault>> {
        let collections: Vec<String> = markets.iter().map(|market| self.config.collection_of(market)).collect();
        Some(self.page(&collections, after).await)
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(&self.client).await
    }

    fn use_of_items(&self) -> Option<Use> {
        Some(Use { name: "product recommendations", lacks: schema::lacks })
    }

    fn calls(&self) -> u64 {
        self.client.calls()
    }
}
