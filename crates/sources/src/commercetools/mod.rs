//! commercetools (Composable Commerce) as a source.
//!
//! README.md in this folder lists endpoints, scopes, limits and how certain each fact is.

pub mod api;
pub mod catalog_model;
mod check;
mod classify;
mod client;
pub mod config;
pub mod decode;
mod hooks;
pub mod map;
mod mend;
pub mod place;
mod profile;
mod read;
mod sns;

use async_trait::async_trait;
use contract::{
    Fault, Fetched, Lack, Lane, Page, Position, Profile, Ref, SecretRef, Source, SourceDescriptor,
    source::{Finding, Hooks, Urgency},
};
use model::{Kind, PricePolicy, price::ScopeMatch};
use secrecy::SecretString;
use wire::Environment;

use crate::Setup;
pub use client::Secrets;
pub use config::Config;
use config::SelectionPaging;
pub use self::Commercetools as Connector;
use read::Reader;

/// Describes a commercetools source.
pub static DESCRIPTOR: SourceDescriptor = SourceDescriptor {
    name: "commercetools",
    title: "commercetools Composable Commerce",
    price_policy: PRICE_POLICY,
    lacks: &LACKS,
    lacks_with: &[],
    leaves_out: &LEAVES_OUT,
};

const LEAVES_OUT: [Lack; 1] =
    [Lack { name: "promotions", why: "cart discounts depend on the cart; product discounts are in the prices" }];

const LACKS: [Lack; 3] = [
    Lack { name: "product.brand", why: "brands are attributes there" },
    Lack { name: "product.searchable", why: "no such switch: always true" },
    Lack { name: "variant.tax", why: "the tax category decides it in the cart" },
];

/// The vendor's order: customer group before channel before country.
const PRICE_POLICY: PricePolicy = PricePolicy::FirstScope(&[
    ScopeMatch { group: true, channel: true, country: true },
    ScopeMatch { group: true, channel: true, country: false },
    ScopeMatch { group: true, channel: false, country: true },
    ScopeMatch { group: true, channel: false, country: false },
    ScopeMatch { group: false, channel: true, country: true },
    ScopeMatch { group: false, channel: true, country: false },
    ScopeMatch { group: false, channel: false, country: true },
    ScopeMatch { group: false, channel: false, country: false },
]);

/// The source of this configuration. Its lanes read all stores, currencies and locales in one walk, whichever the flows
/// need, and nothing that it reads is too large for memory. Customers and orders are read where a flow carries them.
///
/// # Errors
/// Those of [`Commercetools::new`].
pub fn build(mut config: Config, setup: &Setup<'_>) -> Result<Commercetools, Fault> {
    config.lanes.customers = setup.demand.kinds.contains(&Kind::Customer);
    config.lanes.orders = setup.demand.kinds.contains(&Kind::Order);
    Commercetools::new(config, setup.environment)
}

/// A commercetools project that is read.
#[derive(Debug)]
pub struct Commercetools {
    config: Config,
    reader: Reader,
    fetches: Vec<Kind>,
    webhooks: Option<hooks::Receiver>,
}

impl Commercetools {
    /// The source of this configuration; fetches its secrets, makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used, `C0214` for a secret that can't be read.
    pub fn new(config: Config, environment: &Environment) -> Result<Self, Fault> {
        let secrets = Secrets {
            client_id: read("client_id", &config.client_id, environment)?,
            client_secret: read("client_secret", &config.client_secret, environment)?,
        };
        Self::with_secrets(config, &secrets, environment)
    }

    /// The same with these secrets instead of those that the configuration names.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used, `C0214` for a secret of webhooks that can't be read.
    pub fn with_secrets(config: Config, secrets: &Secrets, environment: &Environment) -> Result<Self, Fault> {
        let api = client::Api::new(&config, secrets, environment)?;
        // Only kinds that a lane reads: the API client may lack the right to others.
        let read: Vec<Lane> = lanes(&config);
        let fetches = read::FETCHES.iter().copied().filter(|kind| read.iter().any(|lane| lane.reads(*kind))).collect();
        let webhooks = config.webhooks.as_ref().map(|settings| hooks::Receiver::new(settings, environment)).transpose()?;
        Ok(Self { reader: Reader::new(api, config.clone()), config, fetches, webhooks })
    }
}

fn read(setting: &str, secret: &SecretRef, environment: &Environment) -> Result<SecretString, Fault> {
    environment.secret(secret).map_err(|error| {
        Fault::config("C0214", format!("the setting {setting} can't be used: {error}")).hint(
            "id and secret are shown once, when an API client is made in the Merchant Center; export them, or name \
             another place for them (env:NAME or file:PATH)",
        )
    })
}

#[async_trait]
impl Source for Commercetools {
    fn descriptor(&self) -> &'static SourceDescriptor {
        &DESCRIPTOR
    }

    fn lanes(&self) -> Vec<Lane> {
        lanes(&self.config)
    }

    async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        self.reader.page(lane, position).await
    }

    fn fetches(&self) -> &[Kind] {
        &self.fetches
    }

    async fn fetch(&self, refs: &[Ref]) -> Result<Fetched, Fault> {
        self.reader.fetch(refs).await
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        self.webhooks.as_ref().map(|_| self as &dyn Hooks)
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(&self.reader.api, &self.config).await
    }

    async fn profile(&self) -> Result<Profile, Fault> {
        profile::read(&self.reader.api, &self.config).await
    }

    fn calls(&self) -> u64 {
        self.reader.api.calls()
    }
}

/// The lanes that this configuration reads.
fn lanes(config: &Config) -> Vec<Lane> {
    let lanes = &config.lanes;
    // Products of selections have no stable order by offset.
    let stable = config.selection_paging == SelectionPaging::Keyset;
    let stores = [Kind::Storefront, Kind::Selection, Kind::Assignment];
    let on = [
        (true, reference("product_types", &[Kind::ProductType])),
        (true, reference("channels", &[Kind::Channel])),
        (lanes.customer_groups, reference("customer_groups", &[Kind::CustomerGroup])),
        (lanes.stores, Lane { stable, interval_seconds: (30, 1800), ..reference("stores", &stores) }),
        (true, Lane { delta: true, interval_seconds: (10, 900), ..reference("categories", &[Kind::Category]) }),
        (lanes.standalone_prices, urgent("standalone_prices", Kind::Price)),
        (config.reads_inventory(), urgent("inventory", Kind::Stock)),
        (lanes.tailoring, Lane { delta: true, interval_seconds: (30, 1800), ..reference("tailoring", &[Kind::Tailoring]) }),
        // Of a Modular project, variants come first: no product is seen without those that it had then.
        (true, products("products", &[Kind::Product, Kind::Variant], (5, 600))),
        (lanes.customers, people("customers", Kind::Customer)),
        (lanes.orders, people("orders", Kind::Order)),
        (lanes.messages, products("deletions", &[], (10, 600))),
    ];
    on.into_iter().filter(|(on, _)| *on).map(|(_, lane)| lane).collect()
}

/// A lane of records that others refer to, read as a whole every time.
fn reference(name: &'static str, kinds: &[Kind]) -> Lane {
    Lane {
        name: name.into(),
        sweeps: kinds.iter().map(|kind| (*kind, None)).collect(),
        stable: true,
        urgency: Urgency::Live,
        delta: false,
        needed: true,
        interval_seconds: (60, 3600),
        covered_by: None,
    }
}

/// No product waits for what is about people.
fn people(name: &'static str, kind: Kind) -> Lane {
    Lane { delta: true, needed: false, interval_seconds: (10, 900), ..reference(name, &[kind]) }
}

fn urgent(name: &'static str, kind: Kind) -> Lane {
    Lane { urgency: Urgency::Urgent, delta: true, interval_seconds: (5, 300), ..reference(name, &[kind]) }
}

fn products(name: &'static str, kinds: &[Kind], interval_seconds: (u32, u32)) -> Lane {
    Lane { delta: true, needed: false, interval_seconds, ..reference(name, kinds) }
}
