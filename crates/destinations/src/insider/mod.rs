//! Insider: the product catalogue. One account for many markets; see README.md beside this file.

pub mod api;
pub mod check;
pub mod classify;
pub mod client;
pub mod compose;
pub mod config;
pub mod map;
pub mod place;
pub mod schema;

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Account, Call, Carry, Destination, DestinationDescriptor, Fault, Limits, Op, Outcome, Receipt, Removal, Subject,
    destination::{Ids, Mapped, Markets, Need, Verdict},
    source::Finding,
};
use model::{Kind, Market, RecordId, RemoteId};
use wire::Environment;

pub use config::Config;

use client::Client;
use config::{Grain, ProductId, VariantIds};
use place::{Place, Places};

/// Describes Insider.
pub const DESCRIPTOR: DestinationDescriptor = DestinationDescriptor {
    name: "insider",
    title: "Insider",
    mapping: 2,
    fields: schema::fields,
    facets: schema::facets,
    extra_name: None,
};

/// The catalogue of one Insider account.
#[derive(Debug)]
pub struct Connector {
    config: Config,
    carries: [Carry; 1],
    client: Client,
    /// Places that were registered.
    registered: Mutex<BTreeSet<Place>>,
}

impl Connector {
    /// The account of these settings. Fetches the key; makes no call.
    ///
    /// # Errors
    /// `C0421` for a setting out of its range or a key that can't be read.
    pub fn new(config: &Config, environment: &Environment) -> Result<Self, Fault> {
        let client = Client::new(config, environment)?;
        // A SKU can move from one product to another, and so can a key.
        let own = match config.grain {
            Grain::Variant => config.variant_id == VariantIds::Id,
            Grain::Product => config.product_id == ProductId::Id,
        };
        let products = Carry {
            markets: Markets::Many,
            ids: if own { Ids::Own } else { Ids::Shared },
            removal: Removal::Hide,
            needs_before: true,
            price_history: true,
            ..Carry::of(Kind::Product)
        };
        Ok(Self { config: config.clone(), carries: [products], client, registered: Mutex::default() })
    }

    /// Registers the places that were not registered before.
    async fn register(&self, places: &Places) -> Result<(), Fault> {
        let known = || self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<Place> = {
            let known = known();
            places.all().into_iter().filter(|place| !known.contains(place)).collect()
        };
        if new.is_empty() || !self.config.register_locales {
            return Ok(());
        }
        self.client.register(&new).await?;
        known().extend(new);
        Ok(())
    }
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
        self.client.account().to_owned()
    }

    /// Its locales, with their stores.
    fn spaces(&self, markets: &[Market], _: &[Kind]) -> Vec<String> {
        let places = Places::new(&self.config.locales, markets).unwrap_or_default();
        places.all().into_iter().map(|place| format!("{} {place}", self.client.account())).collect()
    }

    fn carries(&self) -> &[Carry] {
        &self.carries
    }

    fn limits(&self, _: Kind, _: Op) -> Limits {
        Limits {
            items: self.client.most_items(),
            bytes: usize::try_from(self.config.batch_bytes).unwrap_or(usize::MAX),
            concurrency: self.config.concurrency.into(),
        }
    }

    async fn prepare(&self, need: &Need) -> Result<Account, Fault> {
        let places = Places::new(&self.config.locales, &need.markets)?;
        if need.creates {
            self.register(&places).await?;
        }
        Ok(Account::new(places))
    }

    fn map(&self, subject: &Subject<'_>, account: &Account, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        match (subject, account.facts::<Places>()) {
            (Subject::Product(shown), Some(places)) => map::product(&self.config, shown, places, taken),
            (Subject::Product(_), None) => Err(Fault::config("C0421", "insider: the account was not prepared")),
            (Subject::Category(_) | Subject::Customer(_) | Subject::Order(_), _) => {
                Err(Fault::config("C0421", "insider: a category has no place in the catalogue but in its products"))
            }
        }
    }

    async fn send(&self, call: &Call) -> Receipt {
        if call.kind == Kind::Product {
            let places = call.account.facts::<Places>().map(Places::all).unwrap_or_default();
            return self.client.write(call.op, &call.parcels, &places).await;
        }
        let fault = Fault::config("C0421", format!("insider: a {} has no place in the catalogue", call.kind));
        Receipt { verdict: Verdict::Whole(Outcome::Deferred(fault)), status: 0, response: String::new() }
    }

    fn ids_of(&self, kind: Kind, id: &RecordId) -> Vec<RemoteId> {
        let own = kind == Kind::Product && self.config.grain == Grain::Product && self.ids() == Ids::Own;
        if own { vec![RemoteId::from(id.as_str())] } else { Vec::new() }
    }

    /// The API takes data in and gives none out.
    async fn read(&self, _: Kind, _: &[RemoteId]) -> Option<Result<Vec<(RemoteId, serde_json::Value)>, Fault>> {
        None
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(&self.config, &self.client).await
    }

    fn pace(&self) -> Option<Duration> {
        Some(self.client.pace())
    }

    fn calls(&self) -> u64 {
        self.client.calls()
    }
}
