//! Settings of an ACP product feed. The doc comments are the reference that users read.

use contract::{BadSetting, Fault, SecretRef, schema::is_absolute_url};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// What a product's id is made from: the `id` at the source, or its `key` (the id where there is none).
    #[serde(default)]
    pub product_id: ProductId,
    /// What a variant's id is made from: its `sku`, or the ids of product and `variant` (which a variant without a SKU
    /// always has). Agents order by it: never change it.
    #[serde(default)]
    pub variant_id: VariantIds,
    /// Up to so many pieces of stock are called `limited_stock`; 0: none are.
    #[serde(default)]
    #[schemars(range(max = 1000))]
    pub limited_stock: i64,
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
    #[serde(default = "defaults::timeout")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: u16,
}

/// What a product's id is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductId {
    /// The id at the source.
    #[default]
    Id,
    /// The key.
    Key,
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

impl Config {
    /// Checks bounds that no type expresses.
    ///
    /// # Errors
    /// `C0461`, naming the setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        let wrong = |name: &'static str, what: String, hint: &'static str| {
            Err(Fault::config("C0461", format!("acp: {what}")).hint(hint).of_setting(name))
        };
        if !is_absolute_url(&self.url) {
            let what = format!("url is {:?}, which is no absolute http(s) URL", self.url);
            return wrong("url", what, "write it like https://agent.example/agentic_commerce");
        }
        if self.feed.trim().is_empty() || self.feed.contains(['/', '?', '#']) {
            return wrong("feed", format!("feed is {:?}, which is no id", self.feed), "the agent names the id of the feed");
        }
        if self.api_version.is_empty() || !self.api_version.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = format!("api_version is {:?}, which no header can hold", self.api_version);
            return wrong("api_version", what, "write it like 2026-04-17");
        }
        let bounds = [
            ("limited_stock", self.limited_stock, 0, 1000),
            ("batch_items", self.batch_items.into(), 1, 1000),
            ("batch_bytes", self.batch_bytes.into(), 10_000, 20_000_000),
            ("concurrency", self.concurrency.into(), 1, 16),
            ("timeout_seconds", self.timeout_seconds.into(), 1, 300),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return wrong(name, format!("{name} is {value}"), "see the range in the reference");
            }
        }
        Ok(())
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
    pub(super) const fn timeout() -> u16 {
        60
    }
}
