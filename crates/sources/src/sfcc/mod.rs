//! Salesforce B2C Commerce (SFCC) as a source: by site archives that it exports, or by its APIs.
//!
//! README.md in this folder lists what is read, permissions, limits, and how certain each fact is.

pub mod api;
pub mod archive;
mod check;
mod classify;
mod client;
pub mod config;
pub mod contents;
mod deltas;
mod export;
pub mod hooks;
mod join;
mod load;
pub mod map;
pub mod place;
mod read;
mod rest;
pub mod spool;
pub mod unpack;
pub mod xml;

use std::path::Path;

use async_trait::async_trait;
use contract::{
    Demand, Fault, Fetched, Lack, Lane, Page, Position, Profile, Ref, SecretRef, Source, SourceDescriptor,
    source::{Finding, Hooks},
};
use model::{Kind, PricePolicy};
use secrecy::SecretString;
use wire::Environment;

use crate::Setup;
pub use client::Secrets;
pub use config::Config;
use read::Reader;
pub use rest::ScapiSecrets;

/// Describes an SFCC source.
pub static DESCRIPTOR: SourceDescriptor = SourceDescriptor {
    name: "sfcc",
    title: "Salesforce B2C Commerce",
    price_policy: PricePolicy::LowestBook,
    lacks: &LACKS,
    lacks_with: &WITH_APIS,
    leaves_out: &LEAVES_OUT,
};

const LEAVES_OUT: [Lack; 4] = [
    Lack { name: "promotions", why: "they come on top of the prices of price books, which are read" },
    Lack { name: "prices of options", why: "what the choice of an option adds is in no price" },
    Lack {
        name: "price books by an API",
        why: "no API has them: with `route = \"api\"` the prices that sites show are read, without parents and prices to come",
    },
    Lack { name: "what is in delta exports", why: "a new one only leads to an export of everything" },
];

const LACKS: [Lack; 6] = [
    Lack { name: "product.key", why: "products have ids alone" },
    Lack { name: "product.brand", why: "brands are attributes there" },
    Lack { name: "product.rating", why: "reviews are kept in other systems" },
    Lack { name: "product.created_at", why: "exports name no dates" },
    Lack { name: "variant.key", why: "variants have ids alone" },
    Lack { name: "category.external_id", why: "categories have ids alone" },
];

const WITH_APIS: [(&str, Lack); 2] = [
    ("route = \"api\"", Lack { name: "product.slug", why: "the Products API has no page URL" }),
    ("route = \"api\"", Lack { name: "category.slug", why: "the Catalogs API has no page URL" }),
];

/// The source of this configuration. Its exports hold all sites and currencies, whichever the flows need; its APIs are asked
/// for the prices that they need.
///
/// # Errors
/// Those of [`Sfcc::new`] and [`Sfcc::by_apis`].
pub fn build(config: Config, setup: &Setup<'_>) -> Result<Sfcc, Fault> {
    let secret = |setting: &str, named: &SecretRef| -> Result<SecretString, Fault> {
        setup.environment.secret(named).map_err(|error| {
            Fault::config("C0214", format!("the setting {setting} can't be used: {error}")).hint(
                "export the variable that it names, or name another place for it (env:NAME or file:PATH)",
            )
        })
    };
    let secrets = Secrets {
        client_id: secret("client_id", &config.client_id)?,
        client_secret: secret("client_secret", &config.client_secret)?,
    };
    match (config.route, &config.scapi) {
        (config::Route::Api, Some(scapi)) => {
            let of_scapi = ScapiSecrets {
                client_id: secret("scapi.client_id", &scapi.client_id)?,
                client_secret: secret("scapi.client_secret", &scapi.client_secret)?,
                slas_client_id: secret("scapi.slas_client_id", &scapi.slas_client_id)?,
                slas_client_secret: secret("scapi.slas_client_secret", &scapi.slas_client_secret)?,
            };
            Sfcc::by_apis(config, (&secrets, &of_scapi), setup.demand, setup.environment)
        }
        _ => Sfcc::new(config, &secrets, setup.environment, setup.scratch),
    }
}

/// An instance that is read.
#[derive(Debug)]
pub struct Sfcc {
    config: Config,
    route: Route,
    webhooks: Option<hooks::Receiver>,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of a source")]
enum Route {
    Export(Reader),
    Api(rest::Reader),
}

impl Sfcc {
    /// The source of this configuration by exports, which keeps its archives in this folder; makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used.
    pub fn new(config: Config, secrets: &Secrets, environment: &Environment, folder: &Path) -> Result<Self, Fault> {
        let api = client::Api::new(&config, secrets, environment)?;
        Self::by(Route::Export(Reader::new(api, config.clone(), folder)), config, environment)
    }

    /// The source of this configuration by APIs, which are asked for what flows need; makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used.
    pub fn by_apis(
        config: Config,
        secrets: (&Secrets, &ScapiSecrets),
        demand: &Demand,
        environment: &Environment,
    ) -> Result<Self, Fault> {
        let reader = rest::Reader::new(config.clone(), secrets, demand, environment)?;
        Self::by(Route::Api(reader), config, environment)
    }

    fn by(route: Route, config: Config, environment: &Environment) -> Result<Self, Fault> {
        let webhooks = config.webhooks.as_ref().map(|it| hooks::Receiver::new(it, environment)).transpose()?;
        Ok(Self { config, route, webhooks })
    }
}

/// What the route by APIs reads by id.
const FETCHES: [Kind; 1] = [Kind::Product];

#[async_trait]
impl Source for Sfcc {
    fn descriptor(&self) -> &'static SourceDescriptor {
        &DESCRIPTOR
    }

    fn lanes(&self) -> Vec<Lane> {
        match &self.route {
            Route::Export(reader) => reader.lanes(),
            Route::Api(reader) => reader.lanes(),
        }
    }

    async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        match &self.route {
            Route::Export(reader) => reader.page(lane, position).await,
            Route::Api(reader) => reader.page(lane, position).await,
        }
    }

    fn fetches(&self) -> &[Kind] {
        match &self.route {
            Route::Export(_) => &[],
            Route::Api(_) => &FETCHES,
        }
    }

    async fn fetch(&self, refs: &[Ref]) -> Result<Fetched, Fault> {
        match &self.route {
            Route::Export(_) => Ok(Fetched::default()),
            Route::Api(reader) => reader.fetch(refs).await,
        }
    }

    fn is_sampled(&self) -> bool {
        matches!(self.route, Route::Api(_))
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        self.webhooks.as_ref().map(|_| self as &dyn Hooks)
    }

    async fn check(&self) -> Vec<Finding> {
        match &self.route {
            Route::Export(reader) => check::check(reader, &self.config).await,
            Route::Api(reader) => reader.check().await,
        }
    }

    async fn profile(&self) -> Result<Profile, Fault> {
        match &self.route {
            Route::Export(reader) => check::profile(reader).await,
            Route::Api(reader) => reader.profile().await,
        }
    }

    fn calls(&self) -> u64 {
        match &self.route {
            Route::Export(reader) => reader.api.calls(),
            Route::Api(reader) => reader.calls(),
        }
    }
}
