//! Product feeds of the Agentic Commerce Protocol, for shopping agents; see README.md beside this file.

mod api;
mod classify;
mod client;
pub mod config;
mod map;
mod schema;

use async_trait::async_trait;
use contract::{
    Account, Call, Carry, Destination, DestinationDescriptor, Fault, Importer, Item, Limits, Op, Receipt, Removal, Subject,
    destination::{Form, Ids, Mapped},
    source::Finding,
};
use model::{Kind, Market, RecordId, RemoteId};
use wire::Environment;

pub use config::Config;

use client::Client;
use config::ProductId;

/// Describes a feed.
pub const DESCRIPTOR: DestinationDescriptor = DestinationDescriptor {
    name: "acp",
    title: "Agentic Commerce Protocol",
    mapping: 1,
    fields: schema::fields,
    facets: schema::facets,
    extra_name: None,
};

/// The feed as a file: a product per line, all of them.
const FILE: &str = "products";

/// One feed of an agent.
#[derive(Debug)]
pub struct Connector {
    config: Config,
    carries: [Carry; 1],
    client: Client,
}

impl Connector {
    /// The feed of these settings. Fetches the token; makes no call.
    ///
    /// # Errors
    /// `C0461` for a setting that can't be used or a token that can't be read.
    pub fn new(config: &Config, environment: &Environment) -> Result<Self, Fault> {
        let client = Client::new(config, environment)?;
        let products = Carry {
            // A key can move from one product to another.
            ids: if config.product_id == ProductId::Id { Ids::Own } else { Ids::Shared },
            removal: Removal::Hide,
            needs_before: true,
            ..Carry::of(Kind::Product)
        };
        Ok(Self { config: config.clone(), carries: [products], client })
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
        self.client.account()
    }

    /// A feed has one country, one language and one currency, whatever the market.
    fn spaces(&self, _: &[Market], _: &[Kind]) -> Vec<String> {
        vec![self.client.account()]
    }

    fn carries(&self) -> &[Carry] {
        &self.carries
    }

    fn limits(&self, _: Kind, _: Op) -> Limits {
        Limits {
            items: self.config.batch_items.into(),
            bytes: usize::try_from(self.config.batch_bytes).unwrap_or(usize::MAX),
            concurrency: self.config.concurrency.into(),
        }
    }

    fn map(&self, subject: &Subject<'_>, _: &Account, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        match subject {
            Subject::Product(shown) => map::product(&self.config, shown.first.1, taken),
            Subject::Category(_) | Subject::Customer(_) | Subject::Order(_) => Err(Fault::config("C0461", "acp: only products have a place here")),
        }
    }

    async fn send(&self, call: &Call) -> Receipt {
        self.client.write(call.op, &call.parcels).await
    }

    fn ids_of(&self, kind: Kind, id: &RecordId) -> Vec<RemoteId> {
        let own = kind == Kind::Product && self.ids() == Ids::Own;
        if own { vec![RemoteId::from(id.as_str())] } else { Vec::new() }
    }

    /// The protocol gives out only the whole feed, in one answer without bounds.
    async fn read(&self, _: Kind, _: &[RemoteId]) -> Option<Result<Vec<(RemoteId, serde_json::Value)>, Fault>> {
        None
    }

    async fn check(&self) -> Vec<Finding> {
        let found = self.client.feed().await.map(|feed| {
            let country = feed.target_country.map_or_else(|| "no country".to_owned(), |country| format!("country {country}"));
            format!("the agent has it, as {:?}, for {country}; compare that with the flow's market", feed.id)
        });
        vec![Finding::new("feed", found)]
    }

    fn calls(&self) -> u64 {
        self.client.calls()
    }

    fn importer(&self) -> Option<&dyn Importer> {
        Some(self)
    }
}

/// The file form, `products.jsonl`: whoever has the feed's token may fetch it.
#[async_trait]
impl Importer for Connector {
    fn feeds(&self) -> &'static [&'static str] {
        &[FILE]
    }

    fn kind(&self, feed: &str) -> Option<Kind> {
        (feed == FILE).then_some(Kind::Product)
    }

    fn header(&self) -> &'static str {
        "authorization"
    }

    async fn admits(&self, token: &str) -> Result<bool, Fault> {
        Ok(self.client.is_own(token))
    }

    fn form(&self, _: &str) -> Form {
        Form::lines()
    }

    fn object(&self, _: &str, item: &Item) -> Result<String, Fault> {
        Ok(client::object(&item.id, &item.payload))
    }
}
