//! Product data feeds for Google Merchant Center and marketplaces that read its format; see README.md beside this file.

pub mod config;
mod form;
mod map;
mod schema;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{
    Account, Call, Carry, Destination, DestinationDescriptor, Digest, Fault, Importer, Item, Limits, Op, Outcome, Receipt,
    Subject,
    destination::{Form, Ids, Mapped, Scheme, Verdict},
    source::Finding,
};
use model::{Kind, Market, RecordId, RemoteId};
use secrecy::ExposeSecret as _;
use wire::Environment;

pub use config::Config;

use config::ItemId;
use form::Format;

/// Describes the feeds.
pub const DESCRIPTOR: DestinationDescriptor = DestinationDescriptor {
    name: "merchant",
    title: "Merchant feeds",
    mapping: 1,
    fields: schema::fields,
    facets: schema::facets,
    extra_name: None,
};

/// The feeds of these settings.
#[derive(Debug)]
pub struct Connector {
    config: Config,
    carries: [Carry; 1],
    /// Of the text that a request with user and password holds.
    credentials: Digest,
}

impl Connector {
    /// The feeds of these settings. Fetches the password; makes no call.
    ///
    /// # Errors
    /// `C0451` for a setting that can't be used or a password that can't be read.
    pub fn new(config: &Config, environment: &Environment) -> Result<Self, Fault> {
        config.check()?;
        let password = environment.secret(&config.password).map_err(|error| {
            Fault::config("C0451", format!("merchant: password: {error}"))
                .hint("set the variable or correct the path that `password` names")
        })?;
        let credentials = STANDARD.encode(format!("{}:{}", config.user, password.expose_secret()));
        // A SKU can move from one product to another.
        let ids = if config.item_id == ItemId::Sku { Ids::Shared } else { Ids::Own };
        Ok(Self {
            config: config.clone(),
            carries: [Carry { ids, ..Carry::of(Kind::Product) }],
            credentials: Digest::of(credentials.as_bytes()),
        })
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

    /// Each flow has feeds of its own; two of one market would be the same.
    fn spaces(&self, markets: &[Market], _: &[Kind]) -> Vec<String> {
        markets.iter().map(|market| format!("merchant {} {}", self.config.shop_url, market.key)).collect()
    }

    fn carries(&self) -> &[Carry] {
        &self.carries
    }

    fn limits(&self, _: Kind, _: Op) -> Limits {
        Limits { items: 500, bytes: 4_000_000, concurrency: 1 }
    }

    fn map(&self, subject: &Subject<'_>, _: &Account, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        match subject {
            Subject::Product(shown) => map::product(&self.config, shown.first.1, taken),
            Subject::Category(_) | Subject::Customer(_) | Subject::Order(_) => Err(Fault::config("C0451", "merchant: only products have a place here")),
        }
    }

    /// Nothing is called: what is decided here is in the feed that is fetched next.
    async fn send(&self, _: &Call) -> Receipt {
        Receipt { verdict: Verdict::Whole(Outcome::Delivered), status: 0, response: String::new() }
    }

    fn ids_of(&self, _: Kind, _: &RecordId) -> Vec<RemoteId> {
        Vec::new()
    }

    async fn read(&self, _: Kind, _: &[RemoteId]) -> Option<Result<Vec<(RemoteId, serde_json::Value)>, Fault>> {
        None
    }

    async fn check(&self) -> Vec<Finding> {
        let found = "fetched from here; shipping costs and taxes are settings of the merchant account";
        vec![Finding { what: "feeds".to_owned(), result: Ok(found.to_owned()) }]
    }

    fn calls(&self) -> u64 {
        0
    }

    fn importer(&self) -> Option<&dyn Importer> {
        Some(self)
    }
}

#[async_trait]
impl Importer for Connector {
    fn feeds(&self) -> &'static [&'static str] {
        &Format::FEEDS
    }

    fn kind(&self, feed: &str) -> Option<Kind> {
        Format::of(feed).map(|_| Kind::Product)
    }

    fn header(&self) -> &'static str {
        "authorization"
    }

    fn scheme(&self) -> Scheme {
        Scheme::Basic
    }

    async fn admits(&self, token: &str) -> Result<bool, Fault> {
        Ok(Digest::of(token.as_bytes()) == self.credentials)
    }

    fn form(&self, feed: &str) -> Form {
        Format::of(feed).map_or_else(Form::json, |format| format.around(&self.config))
    }

    fn object(&self, feed: &str, item: &Item) -> Result<String, Fault> {
        Ok(Format::of(feed).map_or_else(|| item.json().to_string(), |format| format.item(item)))
    }
}
