//! commercetools (Composable Commerce, Classic catalogue) as a source.
//!
//! See the README beside this file for endpoints, scopes, limits and how certain each fact is.

pub mod api;
mod check;
mod classify;
mod client;
pub mod config;
pub mod decode;
pub mod map;
pub mod place;
pub mod floor;
mod read;

use async_trait::async_trait;
use contract::{
    Fault, Lane, Page, Position, SecretRef, Source, SourceDescriptor,
    source::{Finding, Urgency},
};
use model::{Kind, PricePolicy, price::ScopeMatch};
use secrecy::SecretString;
use wire::Environment;

pub use client::Secrets;
pub use config::Config;
pub use self::Commercetools as Connector;
use read::Reader;

/// What a commercetools source is.
pub static DESCRIPTOR: SourceDescriptor =
    SourceDescriptor { name: "commercetools", title: "commercetools Composable Commerce", price_policy: PRICE_POLICY };

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

/// A commercetools project that is read.
#[derive(Debug)]
pub struct Commercetools {
    config: Config,
    reader: Reader,
}

impl Commercetools {
    /// The source of this configuration; fetches its secrets, makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used, `C0214` for a secret that can't be had.
    pub fn new(config: Config, environment: &Environment) -> Result<Self, Fault> {
        let secrets = Secrets {
            client_id: resolve("client_id", &config.client_id)?,
            client_secret: resolve("client_secret", &config.client_secret)?,
        };
        Self::with_secrets(config, &secrets, environment)
    }

    /// The same with secrets from elsewhere than the configuration.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used.
    pub fn with_secrets(config: Config, secrets: &Secrets, environment: &Environment) -> Result<Self, Fault> {
        let api = client::Api::new(&config, secrets, environment)?;
        Ok(Self { reader: Reader::new(api, config.clone()), config })
    }
}

fn resolve(setting: &str, secret: &SecretRef) -> Result<SecretString, Fault> {
    secret.resolve().map_err(|error| {
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
        let lanes = &self.config.lanes;
        let on = [
            (true, PRODUCT_TYPES),
            (true, CHANNELS),
            (lanes.customer_groups, CUSTOMER_GROUPS),
            (lanes.stores, STORES),
            (true, CATEGORIES),
            (lanes.standalone_prices, STANDALONE_PRICES),
            (self.config.reads_inventory(), INVENTORY),
            (true, PRODUCTS),
            (lanes.messages, DELETIONS),
        ];
        on.into_iter().filter(|(on, _)| *on).map(|(_, lane)| lane).collect()
    }

    async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        self.reader.page(lane, position).await
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(&self.reader.api, &self.config).await
    }

    fn calls(&self) -> u64 {
        self.reader.api.calls()
    }
}

const PRODUCT_TYPES: Lane = Lane {
    name: "product_types",
    kinds: &[Kind::ProductType],
    urgency: Urgency::Live,
    delta: false,
    needed: true,
    interval_seconds: (60, 3600),
};
const CHANNELS: Lane = Lane { name: "channels", kinds: &[Kind::Channel], ..PRODUCT_TYPES };
const CUSTOMER_GROUPS: Lane = Lane { name: "customer_groups", kinds: &[Kind::CustomerGroup], ..PRODUCT_TYPES };
const STORES: Lane = Lane {
    name: "stores",
    kinds: &[Kind::Storefront, Kind::Selection, Kind::Assignment],
    interval_seconds: (30, 1800),
    ..PRODUCT_TYPES
};
const CATEGORIES: Lane = Lane {
    name: "categories",
    kinds: &[Kind::Category],
    urgency: Urgency::Live,
    delta: true,
    needed: true,
    interval_seconds: (10, 900),
};
const STANDALONE_PRICES: Lane = Lane {
    name: "standalone_prices",
    kinds: &[Kind::Price],
    urgency: Urgency::Urgent,
    delta: true,
    needed: true,
    interval_seconds: (5, 300),
};
const INVENTORY: Lane = Lane { name: "inventory", kinds: &[Kind::Stock], ..STANDALONE_PRICES };
const PRODUCTS: Lane = Lane {
    name: "products",
    kinds: &[Kind::Product],
    urgency: Urgency::Live,
    delta: true,
    needed: false,
    interval_seconds: (5, 600),
};
const DELETIONS: Lane = Lane { name: "deletions", kinds: &[], interval_seconds: (10, 600), ..PRODUCTS };
