//! Settings of an ACP product feed. The doc comments are the reference that users read.

use contract::{BadSetting, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{Checks, Url};

pub use crate::id::ProductId;

/// A product feed of the Agentic Commerce Protocol, hosted by a shopping agent: one feed for one market.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base address of the agent's feed API: what stands before `/feeds`.
    pub url: String,
    /// Id of the feed at the agent. A feed has one country, one language and one currency.
    pub feed: String,
    /// Token that the agent issued for it: `env:NAME` or `file:/path`, never the token itself. Whoever fetches the feed as
    /// a file shows the same.
    pub token: SecretRef,
    /// The version of the protocol, as the header `API-Version` names it.
    #[serde(default = "defaults::version")]
    pub api_version: String,
    /// What a product's id is made from: the `id` at the source, its `key`, or the `sku` of its main variant. A product without
    /// it is a dead letter.
    #[serde(default)]
    pub product_id: ProductId,
    /// What a variant's id is made from: its `sku`, or the ids of product and `variant` (which a variant without a SKU
    /// always has). Agents order by it: never change it.
    #[serde(default)]
    pub variant_id: VariantIds,
    /// Up to so many pieces of stock are called `limited_stock`; 0: none are.
    #[serde(default)]
    #[schemars(range(max = 1000))]
    pub limited_stock: u16,
    /// Name of the seller, shown with every variant.
    #[serde(default)]
    pub seller: Option<String>,
    /// Products per call. The protocol names no limit.
    #[serde(default = "defaults::items")]
    #[schemars(range(min = 1, max = 1000))]
    pub batch_items: u16,
    /// Bytes per call. The protocol names no limit.
    #[serde(default = "defaults::bytes")]
    #[schemars(range(min = 10_000, max = 20_000_000))]
    pub batch_bytes: u32,
    /// Calls under way at once.
    #[serde(default = "defaults::concurrency")]
    #[schemars(range(min = 1, max = 16))]
    pub concurrency: u8,
    /// Seconds that a call may take.
    #[serde(default = "wire::settings::timeout_seconds")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: u16,
}

/// What a variant's id is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariantIds {
    /// The SKU.
    #[default]
    Sku,
    /// The ids of product and variant.
    Variant,
}

const CHECKS: Checks = Checks::of("acp", "C0461");

impl Config {
    /// Checks bounds that no type expresses.
    ///
    /// # Errors
    /// `C0461`, naming the setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        self.checked().map(drop)
    }

    /// The base URL, if every setting is within its bounds.
    ///
    /// # Errors
    /// `C0461`, naming the setting.
    pub(super) fn checked(&self) -> Result<Url, BadSetting> {
        CHECKS.within("limited_stock", self.limited_stock, 0..=1000)?;
        CHECKS.within("batch_items", self.batch_items, 1..=1000)?;
        CHECKS.within("batch_bytes", self.batch_bytes, 10_000..=20_000_000)?;
        CHECKS.within("concurrency", self.concurrency, 1..=16)?;
        CHECKS.within("timeout_seconds", self.timeout_seconds, 1..=300)?;
        if self.feed.trim().is_empty() || self.feed.contains(['/', '?', '#']) {
            let must = "write the id alone, such as feed_8f3K2x: the agent names it";
            return Err(CHECKS.refused("feed", format_args!("is {:?}, which is no id", self.feed), must));
        }
        if self.api_version.is_empty() || !self.api_version.bytes().all(|byte| byte.is_ascii_graphic()) {
            let wrong = format_args!("is {:?}, which no header can hold", self.api_version);
            return Err(CHECKS.refused("api_version", wrong, "write it like 2026-04-17"));
        }
        CHECKS.base_url("url", &self.url, "https://agent.example/agentic_commerce")
    }
}

mod defaults {
    pub(super) fn version() -> String {
        "2026-04-17".to_owned()
    }
    pub(super) const fn items() -> u16 {
        100
    }
    pub(super) const fn bytes() -> u32 {
        2_000_000
    }
    pub(super) const fn concurrency() -> u8 {
        2
    }
}
