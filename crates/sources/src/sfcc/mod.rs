//! Salesforce B2C Commerce (SFCC) as a source: site archives that it exports.
//!
//! README.md in this folder lists what is read, permissions, limits, and how certain each fact is.

pub mod api;
pub mod archive;
mod check;
mod classify;
mod client;
pub mod config;
pub mod contents;
mod export;
mod join;
pub mod map;
pub mod place;
mod read;
pub mod spool;
pub mod unpack;
pub mod xml;

use std::path::Path;

use async_trait::async_trait;
use contract::{Fault, Lack, Lane, Page, Position, Profile, SecretRef, Source, SourceDescriptor, source::Finding};
use model::PricePolicy;
use secrecy::SecretString;
use wire::Environment;

use crate::Setup;
pub use client::Secrets;
pub use config::Config;
use read::Reader;

/// Describes an SFCC source.
pub static DESCRIPTOR: SourceDescriptor = SourceDescriptor {
    name: "sfcc",
    title: "Salesforce B2C Commerce",
    price_policy: PricePolicy::LowestBook,
    lacks: &LACKS,
};

const LACKS: [Lack; 6] = [
    Lack { name: "product.key", why: "products have ids alone" },
    Lack { name: "product.brand", why: "brands are attributes there" },
    Lack { name: "product.rating", why: "reviews are kept in other systems" },
    Lack { name: "product.created_at", why: "exports name no dates" },
    Lack { name: "variant.key", why: "variants have ids alone" },
    Lack { name: "category.external_id", why: "categories have ids alone" },
];

/// The source of this configuration. Its exports hold all sites and currencies, whichever the flows need.
///
/// # Errors
/// Those of [`Sfcc::new`].
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
    Sfcc::new(config, &secrets, setup.environment, setup.scratch)
}

/// An instance that is read.
#[derive(Debug)]
pub struct Sfcc {
    config: Config,
    reader: Reader,
}

impl Sfcc {
    /// The source of this configuration, which keeps its archives in this folder; makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used.
    pub fn new(config: Config, secrets: &Secrets, environment: &Environment, folder: &Path) -> Result<Self, Fault> {
        let api = client::Api::new(&config, secrets, environment)?;
        Ok(Self { reader: Reader::new(api, config.clone(), folder), config })
    }
}

#[async_trait]
impl Source for Sfcc {
    fn descriptor(&self) -> &'static SourceDescriptor {
        &DESCRIPTOR
    }

    fn lanes(&self) -> Vec<Lane> {
        read::lanes(&self.config)
    }

    async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        self.reader.page(lane, position).await
    }

    fn is_sampled(&self) -> bool {
        false
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(&self.reader, &self.config).await
    }

    async fn profile(&self) -> Result<Profile, Fault> {
        check::profile(&self.reader).await
    }

    fn calls(&self) -> u64 {
        self.reader.api.calls()
    }
}
