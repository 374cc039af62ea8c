//! BigCommerce (REST Management API v2 and v3) as a source.
//!
//! README.md in this folder lists endpoints, scopes, limits, what is not read, and how certain each fact is.

mod admin;
pub mod api;
mod check;
mod classify;
mod by_id;
mod calculator;
mod client;
pub mod config;
pub mod decode;
mod hooks;
pub mod map;
mod metafields;
mod pace;
pub mod place;
mod profile;
mod read;
mod texts;

use async_trait::async_trait;
use contract::{
    Demand, Fault, Fetched, Lack, Lane, Page, Position, Profile, Ref, Source, SourceDescriptor,
    source::{Finding, Hooks, Urgency},
};
use model::{Kind, PricePolicy, price::BookMatch};
use secrecy::SecretString;
use wire::Environment;

use crate::Setup;
pub use config::Config;
use config::Prices;
use read::Reader;

/// Describes a BigCommerce source.
pub static DESCRIPTOR: SourceDescriptor = SourceDescriptor {
    name: "bigcommerce",
    title: "BigCommerce",
    price_policy: PRICE_POLICY,
    lacks: &LACKS,
    lacks_with: &[],
    leaves_out: &LEAVES_OUT,
};

const LEAVES_OUT: [Lack; 3] = [
    Lack { name: "promotions", why: "they depend on the cart" },
    Lack { name: "prices of options", why: "what the choice of a modifier adds is in no price" },
    Lack { name: "discount rules of customer groups", why: "only with `prices = \"calculator\"`" },
];

const LACKS: [Lack; 6] = [
    Lack { name: "product.key", why: "products have ids and SKUs alone" },
    Lack { name: "product.product_type", why: "every product has the same fields" },
    Lack { name: "product.searchable", why: "no such switch: always true" },
    Lack { name: "variant.key", why: "variants have ids and SKUs alone" },
    Lack { name: "category.key", why: "categories have ids alone" },
    Lack { name: "category.external_id", why: "categories have ids alone" },
];

/// The vendor's order: the list for group and channel, for the group, for the channel; then the catalogue. Discount rules of
/// a customer group, which stand between its list and that of the channel, are not read.
const PRICE_POLICY: PricePolicy = PricePolicy::FirstBook(&[
    BookMatch { group: true, store: true },
    BookMatch { group: true, store: false },
    BookMatch { group: false, store: true },
]);

/// The source of this configuration. Its lanes read all channels and currencies in one walk, whichever the flows need; the
/// calculator is asked for the prices that they need.
///
/// # Errors
/// Those of [`BigCommerce::new`].
pub fn build(config: Config, setup: &Setup<'_>) -> Result<BigCommerce, Fault> {
    BigCommerce::new(config, setup.demand, setup.environment)
}

/// A BigCommerce store that is read.
#[derive(Debug)]
pub struct BigCommerce {
    config: Config,
    reader: Reader,
    webhooks: Option<hooks::Secrets>,
    fetches: Vec<Kind>,
}

impl BigCommerce {
    /// The source of this configuration for what flows need; fetches its token, makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used, `C0214` for a token that can't be read.
    pub fn new(config: Config, demand: &Demand, environment: &Environment) -> Result<Self, Fault> {
        let token = environment.secret(&config.access_token).map_err(|error| {
            Fault::config("C0214", format!("the setting access_token can't be used: {error}")).hint(
                "the token is shown once, when an API account is made in the control panel; export it, or name another \
                 place for it (env:NAME or file:PATH)",
            )
        })?;
        Self::with_token(config, &token, demand, environment)
    }

    /// The same with this token instead of that which the configuration names.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used, `C0214` for the secret of webhooks if it can't be read.
    pub fn with_token(
        config: Config,
        token: &SecretString,
        demand: &Demand,
        environment: &Environment,
    ) -> Result<Self, Fault> {
        let api = client::Api::new(&config, token, environment)?;
        let webhooks = config.webhooks.as_ref();
        let webhooks = webhooks.map(|webhooks| hooks::Secrets::new(&config.store_hash, webhooks, environment));
        let (webhooks, fetches) = (webhooks.transpose()?, read::fetches(&config.lanes));
        let reader = Reader::new(api, config.clone(), calculator::buyers(demand));
        Ok(Self { config, reader, webhooks, fetches })
    }
}

#[async_trait]
impl Source for BigCommerce {
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
        check::check(&self.reader, &self.config).await
    }

    async fn profile(&self) -> Result<Profile, Fault> {
        profile::read(&self.reader, &self.config).await
    }

    fn calls(&self) -> u64 {
        self.reader.api.calls()
    }
}

/// The lanes that this configuration reads.
fn lanes(config: &Config) -> Vec<Lane> {
    let on = &config.lanes;
    let is_calculated = config.prices == Prices::Calculator;
    // Paging by number, which may miss a row while others come and go.
    let by_number = |name, kinds: &[Kind]| Lane { stable: false, ..reference(name, kinds) };
    let lanes = [
        (on.channels, by_number("channels", &[Kind::Storefront])),
        (true, by_number("currencies", &[Kind::Rate])),
        (on.customer_groups, by_number("customer_groups", &[Kind::CustomerGroup])),
        (true, by_number("categories", &[Kind::Tree, Kind::Category])),
        (true, by_number("brands", &[Kind::Brand])),
        (
            on.price_lists && !is_calculated,
            Lane { interval_seconds: (30, 1800), ..by_number("price_lists", &[Kind::Book]) },
        ),
        (
            on.channels,
            Lane { interval_seconds: (60, 1800), ..by_number("assignments", &[Kind::Assignment]) },
        ),
        (
            on.price_lists && !is_calculated,
            Lane { urgency: Urgency::Urgent, delta: true, interval_seconds: (10, 600), ..by_number("prices", &[Kind::Price]) },
        ),
        (
            on.price_lists && is_calculated,
            Lane {
                urgency: Urgency::Urgent,
                interval_seconds: (60, 1800),
                ..reference("prices", &[Kind::Book, Kind::Price])
            },
        ),
        (
            on.product_order,
            Lane { interval_seconds: (60, 3600), ..by_number("product_order", &[Kind::Placement]) },
        ),
        (
            on.inventory,
            Lane { urgency: Urgency::Urgent, interval_seconds: (30, 900), ..by_number("inventory", &[Kind::Stock]) },
        ),
        (
            true,
            Lane { delta: true, needed: false, interval_seconds: (10, 600), ..reference("products", &[Kind::Product]) },
        ),
        // Changes of variants move no date: the products are read again and again. It reports no deletions, because it
        // sweeps nothing. A walk over all products reads their variants, too.
        (
            on.variants,
            Lane {
                needed: false,
                interval_seconds: (600, 7200),
                covered_by: Some("products".into()),
                ..reference("variants", &[])
            },
        ),
    ];
    lanes.into_iter().filter(|(on, _)| *on).map(|(_, lane)| lane).collect()
}

/// A lane that is read as a whole every time, before any product is projected.
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
