//! The form of `cartage.toml`. Doc comments here are the configuration reference.
//!
//! What a text must be beyond its shape (a currency, a time zone, a flow's source) is decided in `check`.

use std::collections::BTreeMap;

use contract::SecretRef;
use model::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the mirror and the ledger are kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Store {
    /// Path of the database file. Relative to the folder of the configuration file.
    #[serde(default = "defaults::store_path")]
    pub(super) path: String,
    /// How long finished calls and their answers are kept, a time span such as `720h`. The call of a dead or held
    /// record is kept as long as the record is dead or held.
    #[serde(default = "defaults::keep_calls")]
    pub(super) keep_calls: String,
    /// How long a record that was deleted at its source is kept after every flow has settled its deletion, a time span
    /// such as `2160h`. `cartage explain` shows it so long.
    #[serde(default = "defaults::keep_deleted")]
    pub(super) keep_deleted: String,
}

/// How data about people (customers and orders) is kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonalData {
    /// Keys that seal data about people in the database, such as `["env:CARTAGE_DATA_KEY"]`: each of 32 bytes in base64,
    /// as `openssl rand -base64 32` makes them, or 64 hexadecimal digits. The first one seals; the others only open what
    /// they sealed, until the next start has replaced them by the first. Needed as soon as a flow carries customers or orders.
    #[serde(default)]
    pub(super) keys: Vec<SecretRef>,
}

/// What `cartage run` serves: feeds, health and metrics.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// Address and port to listen on. Keep it on the loopback address and put a proxy with TLS in front.
    #[serde(default = "defaults::listen")]
    pub(super) listen: String,
    /// Address under which the proxy makes it reachable, such as `https://cartage.shop.example`. `cartage check` shows the
    /// addresses of the feeds below it, as they are entered at the destination.
    pub(super) public_url: Option<String>,
}

/// Logs and traces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Telemetry {
    /// What is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`, also for a part of the program, such as
    /// `info,engine=debug`. The environment variable `RUST_LOG` and the switches `-v` and `-q` take precedence.
    #[serde(default = "defaults::log")]
    pub(super) log: String,
    /// How log lines are written.
    #[serde(default)]
    pub(super) format: super::LogFormat,
    /// Base address of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`. Without
    /// it nothing is traced.
    pub(super) otlp_endpoint: Option<String>,
}

/// What every source has, whatever its kind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// The largest share of records that may be missing from one full read before deletions stop and wait for
    /// `--allow-deletes`. 0.1 is a tenth; 1 allows the deletion of all records but one.
    #[serde(default = "defaults::sweep_guard")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(super) sweep_guard: f64,
    /// How often everything is read again, to find what was deleted: a time span such as `24h`. The first pass of
    /// `cartage sync` after it reads everything too.
    #[serde(default = "defaults::full_every")]
    pub(super) full_every: String,
    /// Fixed intervals by lane, such as `products = "30s"`. A lane that is not named tunes its own.
    #[serde(default)]
    pub(super) cadence: BTreeMap<String, String>,
}

/// Where something is sold: language, money, prices, stock and addresses.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Market {
    /// Its locale, a language tag such as `de-DE`.
    pub(super) locale: String,
    /// Locales that are tried, in this order, where a text is missing. Each is also tried without its country.
    #[serde(default)]
    pub(super) fallback: Vec<String>,
    /// Its currency, an ISO 4217 code such as `EUR`.
    pub(super) currency: String,
    /// Its country, an ISO 3166 code such as `DE`: prices bound to it come first, prices bound to others never count.
    pub(super) country: Option<String>,
    /// Key of the customer group whose prices are shown.
    pub(super) customer_group: Option<String>,
    /// Key of the channel whose prices are shown.
    pub(super) price_channel: Option<String>,
    /// Keys of the channels whose stock is sold. Without any: those of the store; without a store, stock that belongs
    /// to no channel.
    #[serde(default)]
    pub(super) supply_channels: Vec<String>,
    /// Key of the store whose assortment is sold. Without it, everything is.
    pub(super) store: Option<String>,
    /// Its time zone, an IANA name such as `Europe/Berlin`: `market.time_zone` in expressions. Prices and offers begin and
    /// end at the instants that the source gives, whatever the time zone.
    #[serde(default = "defaults::time_zone")]
    pub(super) time_zone: String,
    /// Address of a product's page. `{slug}`, `{path}`, `{id}`, `{key}`, `{sku}` and `{locale}` are replaced; `{path}` is the
    /// slug with its slashes; `{slug|key}` is the first that has a value. A product without any is not sent.
    pub(super) product_url: String,
    /// Address of a category's page. `{slug}`, `{path}`, `{id}`, `{key}` and `{locale}` are replaced, as in `product_url`.
    pub(super) category_url: String,
    /// How a variant is treated whose stock the shop does not track.
    #[serde(default)]
    pub(super) untracked: Untracked,
}

/// How a variant is treated whose stock the shop does not track.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Untracked {
    /// It can be bought.
    #[default]
    Available,
    /// It can't be bought.
    Unavailable,
}

/// What a flow may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Carried {
    /// Products with their variants, prices and stock.
    Products,
    /// Categories.
    Categories,
    /// Customers, with what they have agreed to.
    Customers,
    /// Orders, with what came back of them.
    Orders,
}

impl From<Carried> for Kind {
    fn from(carried: Carried) -> Self {
        match carried {
            Carried::Products => Self::Product,
            Carried::Categories => Self::Category,
            Carried::Customers => Self::Customer,
            Carried::Orders => Self::Order,
        }
    }
}

/// One source into one destination, in one market or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Flow {
    /// Name of the source.
    pub(super) source: String,
    /// Name of the destination. Flows that share one must fill different spaces of it: a store of Clerk.io takes one flow.
    pub(super) destination: String,
    /// Name of the market. A flow has either this or `markets`.
    pub(super) market: Option<String>,
    /// Names of the markets, for a destination that holds several markets in one item. Others take one market per flow.
    #[serde(default)]
    pub(super) markets: Vec<String>,
    /// What it carries. None: products and categories, as far as the destination takes them. Customers and orders are about
    /// people: they are carried only where they are named here.
    pub(super) carry: Option<Vec<Carried>>,
    /// Product fields of your own, or in place of built-in ones: name = CEL expression over `product` (and `variant`,
    /// the one an item stands for or the main one), such as `colour = "variant.attributes.color.label"`.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, String>,
    /// Category fields of your own, or in place of built-in ones: name = CEL expression over `category`.
    #[serde(default)]
    pub(super) category_fields: BTreeMap<String, String>,
    /// Removals are held until they are approved, if the flow would remove more than this share of its items within 24
    /// hours, 0 to 1, and more than `removal_guard_items`. 1 removes everything without approval.
    #[serde(default = "defaults::removal_guard")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(super) removal_guard: f64,
    /// So many items may be removed within 24 hours without approval, whatever their share.
    #[serde(default = "defaults::removal_guard_items")]
    pub(super) removal_guard_items: u64,
}

pub(super) mod defaults {
    pub(in crate::config) fn store_path() -> String {
        "cartage.db".to_owned()
    }
    pub(in crate::config) fn keep_calls() -> String {
        "720h".to_owned()
    }
    pub(in crate::config) fn keep_deleted() -> String {
        "2160h".to_owned()
    }
    pub(in crate::config) fn listen() -> String {
        "127.0.0.1:8470".to_owned()
    }
    pub(in crate::config) fn log() -> String {
        "info".to_owned()
    }
    pub(in crate::config) const fn sweep_guard() -> f64 {
        0.1
    }
    pub(in crate::config) const fn removal_guard() -> f64 {
        0.1
    }
    pub(in crate::config) const fn removal_guard_items() -> u64 {
        20
    }
    pub(in crate::config) fn full_every() -> String {
        "24h".to_owned()
    }
    pub(in crate::config) fn time_zone() -> String {
        "UTC".to_owned()
    }
}
