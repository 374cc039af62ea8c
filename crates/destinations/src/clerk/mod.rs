//! Clerk.io: search and recommendations. One store per market; see README.md beside this file.

pub mod api;
pub mod check;
pub mod classify;
pub mod client;
pub mod config;
pub mod map;
pub mod schema;

use async_trait::async_trait;
use contract::{
    Account, Call, Carry, Destination, DestinationDescriptor, Facets, Fault, Importer, Item, Limits, Op, Outcome, Receipt,
    Removal, Subject,
    destination::{Ids, Mapped, Verdict},
    source::Finding,
};
use model::{Kind, Market, RecordId, RemoteId};
use wire::Environment;

pub use config::Config;

use client::{Client, Resource};
use config::{CategoryRemoval, Grain, OrderId, ProductId};

/// Describes Clerk.io.
pub const DESCRIPTOR: DestinationDescriptor = DestinationDescriptor {
    name: "clerk",
    title: "Clerk.io",
    mapping: 2,
    fields: schema::fields,
    facets: schema::facets,
    extra_name: Some(schema::is_extra_name),
};

/// Ids per DELETE: the URL holds them, and 50 ids of usual length fit.
const MOST_REMOVED: usize = 50;

/// One Clerk.io store.
#[derive(Debug)]
pub struct Connector {
    config: Config,
    carries: Vec<Carry>,
    client: Client,
}

impl Connector {
    /// The store of these settings. Fetches the keys; makes no call.
    ///
    /// # Errors
    /// `C0401` for a setting out of its range or a key that can't be read.
    pub fn new(config: &Config, environment: &Environment) -> Result<Self, Fault> {
        let (client, carries) = (Client::new(config, environment)?, carries(config));
        Ok(Self { client, carries, config: config.clone() })
    }
}

/// The kinds of records that a store takes under these settings.
fn carries(config: &Config) -> Vec<Carry> {
    // A SKU can move from one product to another, and so can a key.
    let own = config.grain == Grain::Product && config.product_id == ProductId::Id;
    let products = Carry {
        ids: if own { Ids::Own } else { Ids::Shared },
        ..Carry::of(Kind::Product)
    };
    let removal = match config.category_removal {
        CategoryRemoval::Keep => Removal::Leave,
        CategoryRemoval::Feed => Removal::Feed,
        CategoryRemoval::Delete => Removal::Call,
    };
    let categories = Carry { removal, ..Carry::of(Kind::Category) };
    let customers = Carry { fixed: Facets::NONE.with(schema::IDENTITY), needs_before: true, ..Carry::of(Kind::Customer) };
    let mut carries = vec![products, categories, customers];
    // An order names products by their ids, and neither their keys nor the SKUs of their main variants.
    carries.extend((config.product_id == ProductId::Id).then_some(Carry::of(Kind::Order)));
    carries
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
        self.client.store()
    }

    /// A store has one language and one currency: whatever the market, its items would have the ids of another market's.
    fn spaces(&self, _: &[Market], _: &[Kind]) -> Vec<String> {
        vec![self.client.store()]
    }

    fn carries(&self) -> &[Carry] {
        &self.carries
    }

    fn limits(&self, _: Kind, op: Op) -> Limits {
        let most = usize::from(self.config.batch_items);
        Limits {
            items: match op {
                Op::Remove => most.min(MOST_REMOVED),
                Op::Report => 1,
                _ => most,
            },
            bytes: usize::try_from(self.config.batch_bytes).unwrap_or(usize::MAX),
            concurrency: self.config.concurrency.into(),
        }
    }

    fn map(&self, subject: &Subject<'_>, _: &Account, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        match subject {
            Subject::Product(shown) => map::product(&self.config, shown.first.1, taken),
            Subject::Category(shown) => map::category(&self.config, shown.first.1, taken),
            Subject::Customer(shown) => map::customer(&self.config, shown.first.1, taken),
            Subject::Order(shown) => map::order(&self.config, shown.first.1, taken),
        }
    }

    async fn send(&self, call: &Call) -> Receipt {
        if let Some(resource) = Resource::of(call.kind) {
            return self.client.write(resource, call.op, &call.parcels).await;
        }
        let fault = Fault::config("C0401", format!("clerk: a {} has no place at Clerk.io", call.kind));
        Receipt { verdict: Verdict::Whole(Outcome::Deferred(fault)), status: 0, response: String::new() }
    }

    fn ids_of(&self, kind: Kind, id: &RecordId) -> Vec<RemoteId> {
        let own = match kind {
            Kind::Product => self.ids() == Ids::Own,
            Kind::Category | Kind::Customer => true,
            Kind::Order => self.config.order_id == OrderId::Id,
            _ => false,
        };
        if own { vec![RemoteId::from(id.as_str())] } else { Vec::new() }
    }

    async fn read(&self, kind: Kind, ids: &[RemoteId]) -> Option<Result<Vec<(RemoteId, serde_json::Value)>, Fault>> {
        // They are read by their e-mail addresses, which their ids do not tell.
        let resource = Resource::of(kind).filter(|resource| *resource != Resource::Customers)?;
        Some(self.client.read(resource, ids).await)
    }

    /// Returns of orders: there is no call to take one back.
    fn is_event(&self, kind: Kind, id: &RemoteId) -> bool {
        kind == Kind::Order && id.as_str().starts_with(map::RETURN)
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(&self.client).await
    }

    async fn addresses(&self) -> Option<Result<Vec<String>, Fault>> {
        Some(check::addresses(&self.client).await)
    }

    fn calls(&self) -> u64 {
        self.client.calls()
    }

    fn importer(&self) -> Option<&dyn Importer> {
        Some(self)
    }
}

/// JSON Feed V2, one URL per kind.
#[async_trait]
impl Importer for Connector {
    fn feeds(&self) -> &'static [&'static str] {
        const FEEDS: [&str; 2] = [Resource::Products.name(), Resource::Categories.name()];
        &FEEDS
    }

    fn kind(&self, feed: &str) -> Option<Kind> {
        Kind::CATALOGUE.into_iter().find(|kind| Resource::of(*kind).is_some_and(|resource| resource.name() == feed))
    }

    fn header(&self) -> &'static str {
        "x-clerk-authorization"
    }

    /// A JSON Web Token: three parts in base64url.
    fn is_token(&self, token: &str) -> bool {
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        token.split('.').count() == 3 && token.split('.').all(is_part)
    }

    async fn admits(&self, token: &str) -> Result<bool, Fault> {
        if token.is_empty() { Ok(false) } else { self.client.issued(token).await }
    }

    fn object(&self, _: &str, item: &Item) -> Result<String, Fault> {
        map::fitting(&self.config, item)?;
        Ok(self.client.object(item))
    }
}
