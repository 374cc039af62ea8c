//! Settings of one Clerk.io store. The doc comments are the reference that users read.

use contract::{BadSetting, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{Checks, Url};

pub use crate::id::ProductId;

/// One Clerk.io store: one domain, language and currency, so one per market.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Public key of the store: `env:NAME` or `file:/path`, never the key itself.
    pub public_key: SecretRef,
    /// Private key of the store: `env:NAME` or `file:/path`, never the key itself.
    pub private_key: SecretRef,
    /// Base URL of the API with its version. Any host and path prefix that speaks the same API will do.
    #[serde(default = "defaults::url")]
    pub url: String,
    /// What one item is: `product` (variants become index-aligned lists) or `variant` (an item each; orders and clicks
    /// must then carry variant ids too).
    #[serde(default)]
    pub grain: Grain,
    /// The one type that all ids of the store have. `integer` needs ids that are whole numbers at the source.
    #[serde(default)]
    pub id_type: IdType,
    /// What a product's id is made from: its id at the source, its key, or the SKU of its main variant. Must be what the
    /// shop's own tracking sends.
    #[serde(default)]
    pub product_id: ProductId,
    /// What a category's id is made from: its id at the source, its key, its external id, or a `number` computed from
    /// its id, and so the same in every database (for `id_type = "integer"` where ids are no integers).
    #[serde(default)]
    pub category_id: CategoryId,
    /// What an order's id is made from: its id at the source, or the number shown to people. Must be what the shop's own
    /// tracking sends, so that a sale counts once.
    #[serde(default)]
    pub order_id: OrderId,
    /// What happens to a product out of stock: `keep` (stock 0), `hide` (`index` false: kept as history, never shown),
    /// or `remove`.
    #[serde(default)]
    pub out_of_stock: OutOfStock,
    /// The stock sent for a variant that can be bought and whose stock the shop does not count. One that can't be
    /// bought has 0.
    #[serde(default = "defaults::untracked_quantity")]
    pub untracked_quantity: u32,
    /// Descriptions as plain `text` (tags removed, entities decoded), which is what Clerk.io asks for, or as the shop's
    /// own `html`.
    #[serde(default)]
    pub description: Description,
    /// What happens to an item without any image: `send_without`, or `reject` (it becomes a dead letter). Clerk.io
    /// calls the image required and does not publish whether it refuses an item without one. To send a placeholder
    /// instead, map `image` yourself.
    #[serde(default)]
    pub missing_image: MissingImage,
    /// A variant without an image of its own shows the main image of its product.
    #[serde(default = "wire::settings::yes")]
    pub parent_image: bool,
    /// Attributes and options that become fields of their own, to filter and facet on: `all`, or a list of names.
    /// `brand` and `gender` are always sent.
    #[serde(default)]
    pub attributes: Attributes,
    /// How categories are removed. Clerk.io publishes no call for it: `keep` leaves them there, under the rule
    /// `left_to_import`, until an import of the hosted feed removes them; `feed` waits for that import; `delete` sends
    /// DELETE nevertheless.
    #[serde(default)]
    pub category_removal: CategoryRemoval,
    /// Items per call. The limit is not published.
    #[serde(default = "defaults::batch_items")]
    #[schemars(range(min = 1, max = 500))]
    pub batch_items: u16,
    /// Bytes of items per call; a larger item is sent alone.
    #[serde(default = "defaults::batch_bytes")]
    #[schemars(range(min = 10_000, max = 50_000_000))]
    pub batch_bytes: u32,
    /// Calls under way at once.
    #[serde(default = "defaults::concurrency")]
    #[schemars(range(min = 1, max = 32))]
    pub concurrency: u8,
    /// Longest wait for an answer.
    #[serde(default = "wire::settings::timeout_seconds")]
    #[schemars(range(min = 1, max = 600))]
    pub timeout_seconds: u16,
}

/// What one item is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// A product with all its variants.
    #[default]
    Product,
    /// A variant.
    Variant,
}

/// The type of all ids of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdType {
    /// Strings.
    #[default]
    Text,
    /// Whole numbers.
    Integer,
}

/// What a category's id is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CategoryId {
    /// Its id at the source.
    #[default]
    Id,
    /// Its key at the source.
    Key,
    /// Its id in a system beside the source.
    ExternalId,
    /// A number computed from its id at the source.
    Number,
}

/// What an order's id is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderId {
    /// Its id at the source.
    #[default]
    Id,
    /// The number shown to people.
    Number,
}

/// What happens to a product out of stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutOfStock {
    /// It stays, with stock 0.
    #[default]
    Keep,
    /// It stays, but is never shown.
    Hide,
    /// It is removed.
    Remove,
}

/// The form of descriptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Description {
    /// Without markup.
    #[default]
    Text,
    /// As the shop has it.
    Html,
}

/// What happens to an item without any image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingImage {
    /// It is sent without one.
    #[default]
    SendWithout,
    /// It becomes a dead letter.
    Reject,
}

/// Which attributes become fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attributes {
    /// All of them.
    #[default]
    All,
    /// Those with these names at the source.
    #[serde(untagged)]
    Only(Vec<String>),
}

impl Attributes {
    /// Whether the attribute of this name becomes a field.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|it| it == name),
        }
    }
}

/// How categories are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CategoryRemoval {
    /// They stay until there is an import of the hosted feed.
    #[default]
    Keep,
    /// With the next import of the hosted feed.
    Feed,
    /// With a call.
    Delete,
}

const CHECKS: Checks = Checks::of("clerk", "C0401");

impl Config {
    /// Checks bounds that no type expresses.
    ///
    /// # Errors
    /// `C0401`, naming the setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        self.checked().map(drop)
    }

    /// The base URL, once every setting is in its range.
    ///
    /// # Errors
    /// `C0401` naming the setting, what it is and what it may be.
    pub fn checked(&self) -> Result<Url, BadSetting> {
        CHECKS.within("batch_items", self.batch_items, 1..=500)?;
        CHECKS.within("batch_bytes", self.batch_bytes, 10_000..=50_000_000)?;
        CHECKS.within("concurrency", self.concurrency, 1..=32)?;
        CHECKS.within("timeout_seconds", self.timeout_seconds, 1..=600)?;
        CHECKS.base_url("url", &self.url, "https://api.clerk.io/v2")
    }
}

mod defaults {
    pub(super) fn url() -> String {
        "https://api.clerk.io/v2".to_owned()
    }
    pub(super) const fn untracked_quantity() -> u32 {
        1
    }
    pub(super) const fn batch_items() -> u16 {
        100
    }
    pub(super) const fn batch_bytes() -> u32 {
        1_000_000
    }
    pub(super) const fn concurrency() -> u8 {
        2
    }
}
