//! Settings of one Insider account. The doc comments are the reference that users read.

use std::collections::BTreeMap;

use contract::{BadSetting, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{Checks, Url};

use super::place::Place;
pub use crate::id::ProductId;

/// The product catalogue of one Insider account. One flow with several markets fills it: each item is one record with all
/// its locales and stores.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Partner name of the account, in lower case: InOne Settings, Account Settings.
    pub partner_name: String,
    /// API key of the type "Product Catalog": `env:NAME` or `file:/path`, never the key itself.
    pub token: SecretRef,
    /// Base URL of the catalogue API with its version. Any host and path prefix that speaks the same API will do.
    #[serde(default = "defaults::url")]
    pub url: String,
    /// What one item is: `variant`, or `product` with all its variants. Events must name the same ids.
    #[serde(default)]
    pub grain: Grain,
    /// What a product's id is made from: its id at the source, its key, or the SKU of its main variant. It is the
    /// `item_id` of a product, and the `groupcode` of its variants.
    #[serde(default)]
    pub product_id: ProductId,
    /// What a variant's `item_id` is made from: its SKU, its id at the source (`{product}_{variant}`), or its key. A variant
    /// without SKU or key has the id at the source.
    #[serde(default)]
    pub variant_id: VariantIds,
    /// Most characters of an `item_id`. Insider's API page says 128, its page about troubleshooting 32.
    #[serde(default = "defaults::longest_id")]
    #[schemars(range(min = 8, max = 128))]
    pub longest_id: u8,
    /// The locale at Insider of each market, as `de_DE`, or with a store as `de_DE:berlin`. A market that is not named here
    /// has the one that its own locale and country give. Markets may share a locale if their currencies differ: their prices
    /// become one record.
    #[serde(default)]
    pub locales: BTreeMap<String, String>,
    /// Whether the locales of the flow's markets are registered in the account; otherwise register them in the panel.
    #[serde(default = "wire::settings::yes")]
    pub register_locales: bool,
    /// The account's setting for categories: `hierarchical` (one path from the root), or `flat` (a list of names).
    #[serde(default)]
    pub categories: Categories,
    /// Attributes and options that are sent as `product_attributes`, by their names at the source. Insider drops those that
    /// are not defined in its panel.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// Whether items are sent `nested` (a record with its locales and stores) or `flat` (a record for each locale).
    #[serde(default)]
    pub form: Form,
    /// Items per request.
    #[serde(default = "defaults::batch_items")]
    #[schemars(range(min = 1, max = 10_000))]
    pub batch_items: u16,
    /// Bytes of items per request, as they are kept here; a request never exceeds the 5 MB that Insider takes.
    #[serde(default = "defaults::batch_bytes")]
    #[schemars(range(min = 10_000, max = 5_000_000))]
    pub batch_bytes: u32,
    /// Requests per minute that the account allows, over all its flows.
    #[serde(default = "defaults::calls_per_minute")]
    #[schemars(range(min = 4, max = 60_000))]
    pub calls_per_minute: u16,
    /// Requests under way at once.
    #[serde(default = "defaults::concurrency")]
    #[schemars(range(min = 1, max = 8))]
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
    /// A variant.
    #[default]
    Variant,
    /// A product with all its variants.
    Product,
}

/// What a variant's id is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariantIds {
    /// Its SKU.
    #[default]
    Sku,
    /// Its id at the source, behind that of its product.
    Id,
    /// Its key at the source.
    Key,
}

/// What a list of categories means to the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Categories {
    /// One path from the root.
    #[default]
    Hierarchical,
    /// Names of any categories.
    Flat,
}

/// The form of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// One record per item, with its locales and stores.
    #[default]
    Nested,
    /// One record per item and locale.
    Flat,
}

const CHECKS: Checks = Checks::of("insider", "C0421");

impl Config {
    /// Checks bounds that no type expresses.
    ///
    /// # Errors
    /// `C0421`, naming the setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        self.checked().map(drop)
    }

    /// The base URL, once every setting is in its range.
    ///
    /// # Errors
    /// `C0421` naming the setting, what it is and what it may be.
    pub fn checked(&self) -> Result<Url, BadSetting> {
        CHECKS.within("longest_id", self.longest_id, 8..=128)?;
        CHECKS.within("batch_items", self.batch_items, 1..=10_000)?;
        CHECKS.within("batch_bytes", self.batch_bytes, 10_000..=5_000_000)?;
        CHECKS.within("calls_per_minute", self.calls_per_minute, 4..=60_000)?;
        CHECKS.within("concurrency", self.concurrency, 1..=8)?;
        CHECKS.within("timeout_seconds", self.timeout_seconds, 1..=600)?;
        let name = self.partner_name.as_str();
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || !name.bytes().all(is_plain) {
            let must = "it is written in lower case and without spaces: InOne Settings, Account Settings";
            return Err(CHECKS.refused("partner_name", format_args!("is {name:?}"), must));
        }
        for (market, locale) in &self.locales {
            if Place::parse(locale).is_none() {
                let must = "write it as Insider does, like de_DE, or with a store like de_DE:berlin; at most 64 characters";
                return Err(CHECKS.refused("locales", format_args!("has {locale:?} for market {market}"), must));
            }
        }
        CHECKS.base_url("url", &self.url, "https://catalog.api.useinsider.com/v2")
    }
}

mod defaults {
    pub(super) fn url() -> String {
        "https://catalog.api.useinsider.com/v2".to_owned()
    }
    pub(super) const fn longest_id() -> u8 {
        128
    }
    pub(super) const fn batch_items() -> u16 {
        500
    }
    pub(super) const fn batch_bytes() -> u32 {
        3_000_000
    }
    pub(super) const fn calls_per_minute() -> u16 {
        60
    }
    pub(super) const fn concurrency() -> u8 {
        2
    }
}
