//! Settings of a BigCommerce source. The doc comments are the reference text.

use std::collections::BTreeMap;

use contract::{BadSetting, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Checks, Url};

/// A BigCommerce store that is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "bigcommerce")]
pub struct Config {
    /// Hash of the store: the part after `/stores/` in the API path that the control panel shows.
    pub store_hash: String,
    /// Token of the API account. Write `env:NAME` or `file:/path`; never the token itself.
    pub access_token: SecretRef,
    /// Where the API is, without `/stores/…`, with its path prefix if there is one: for proxies and for other servers of
    /// the same API. Default: `https://api.bigcommerce.com`.
    pub api_url: Option<String>,
    /// What is read besides products, categories, brands and currencies.
    #[serde(default)]
    pub lanes: Lanes,
    /// Codes of the locations whose stock is added up. Default: the default location, which is what a storefront counts
    /// unless BigCommerce's support has switched on all locations.
    pub stock_locations: Option<Vec<String>>,
    /// Where prices come from.
    #[serde(default)]
    pub prices: Prices,
    /// What a price is compared with when it is shown as reduced.
    #[serde(default)]
    pub list_price: ListPrice,
    /// What becomes of products whose purchasability is off (`availability` is `disabled`).
    #[serde(default)]
    pub disabled_products: DisabledProducts,
    /// Where texts in other languages than the store's default one come from. Markets without `store` show the default one.
    #[serde(default)]
    pub texts: Texts,
    /// Languages of channels, by the channel's id: `"2" = ["fr", "de"]`. Default: those that GraphQL Admin names. Only for
    /// `texts`.
    #[serde(default)]
    pub locales: BTreeMap<String, Vec<String>>,
    /// Namespaces of metafields of products and variants that become attributes, each called `namespace.key`. All of them
    /// are kept in memory, at most 64 MiB. Other apps' fields that only they may read are not shown to Cartage.
    #[serde(default)]
    pub metafields: Vec<String>,
    /// Read modifiers: choices that have no variant of their own, such as an engraving. BigCommerce then gives 10 products
    /// at once rather than 250.
    #[serde(default)]
    pub modifiers: bool,
    /// Webhooks: changes arrive within seconds rather than with the next read. Needs `server.public_url`.
    pub webhooks: Option<Webhooks>,
    /// Records per call.
    #[serde(default)]
    pub page_size: PageSize,
    /// Share of the store's quota that is left to its other apps, in percent. Range 0–90.
    #[serde(default = "defaults::quota_reserve_percent")]
    pub quota_reserve_percent: u8,
    /// Calls under way at once. Range 1–50.
    #[serde(default = "defaults::max_concurrency")]
    pub max_concurrency: u16,
    /// How far a read of changes stays behind the server's clock, in seconds.
    #[serde(default = "defaults::lag_seconds")]
    pub lag_seconds: u32,
    /// How far a read of changes goes back behind the end of the one before, in seconds. Records that did not change
    /// cost nothing further.
    #[serde(default = "defaults::overlap_seconds")]
    pub overlap_seconds: u32,
    /// Longest wait for an answer, in seconds. Range 1–600.
    #[serde(default = "wire::settings::timeout_seconds")]
    pub request_timeout_seconds: u16,
    /// Most attempts of a call that fails for a temporary reason. Range 1–10.
    #[serde(default = "defaults::attempts")]
    pub attempts: u16,
    /// Wait before the second attempt, in milliseconds; it doubles with each further attempt.
    #[serde(default = "defaults::retry_wait_milliseconds")]
    pub retry_wait_milliseconds: u32,
    /// Ask for gzip answers. Switch it off where the network is faster than the processor.
    #[serde(default = "wire::settings::yes")]
    pub compressed: bool,
}

/// What is read besides products, categories, brands and currencies.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the configuration file")]
pub struct Lanes {
    /// Channels and the products that are assigned to them: the stores that markets name by the channel's id. Scope
    /// `store_channel_settings_read_only`.
    pub channels: bool,
    /// Price lists with their assignments and records, which the plan of the store may lack; or the prices of the calculator.
    pub price_lists: bool,
    /// Stock by variant from the inventory API. Scope `store_inventory_read_only`. Off: the levels inside products, which
    /// change without a date and are read with the lane `variants`.
    pub inventory: bool,
    /// The order of products within categories, which takes a call for each category.
    pub product_order: bool,
    /// Customer groups, for markets that show a group's prices. Scope `store_v2_customers_read_only`.
    pub customer_groups: bool,
    /// All products again from time to time, because changes of variants move no date.
    pub variants: bool,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { channels: true, price_lists: true, inventory: true, product_order: false, customer_groups: false, variants: true }
    }
}

/// Webhooks of the store. `cartage run` registers them and switches them on again; BigCommerce signs what it delivers with
/// the client secret.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Client secret of the API account. Write `env:NAME` or `file:/path`; never the secret itself.
    pub client_secret: SecretRef,
    /// Accept deliveries without a signature that carry the key which Cartage gave to the webhook, for stores whose
    /// deliveries are not signed yet.
    #[serde(default)]
    pub unsigned: bool,
}

/// Where prices come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prices {
    /// From products and price lists, from which Cartage works out what each market pays. Changes are read alone.
    #[default]
    Lists,
    /// From BigCommerce's own calculator (`POST /v3/pricing/products`), for each channel, currency and customer group that
    /// markets name: it also knows discount rules of customer groups. All prices are read again every time, a call for
    /// each `page_size.priced` variants and each of those. Markets without `store` show the catalogue's prices.
    Calculator,
}

/// What a price is compared with when it is shown as reduced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListPrice {
    /// The price without its sale.
    #[default]
    Price,
    /// The retail price (MSRP), where it is higher than that.
    Retail,
}

/// What becomes of products that can't be bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledProducts {
    /// They are left out of every market.
    #[default]
    LeaveOut,
    /// They are sold like others, unless their price is hidden.
    Keep,
}

/// Where texts in other languages come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Texts {
    /// Nowhere: every market shows the store's default language.
    #[default]
    DefaultLanguage,
    /// From overrides of products by channel and language: International Enhancements for Multi-Storefront, which
    /// Enterprise plans have.
    Overrides,
    /// From the Translations API, which storefronts with Catalyst have: products, categories and brands. A beta of
    /// BigCommerce. Scope `store_translations_read_only`.
    Translations,
}

/// Records per call. Pages of products shrink by themselves where answers are too large or too slow.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PageSize {
    /// Most products. Range 1–250.
    pub products: u16,
    /// Most rows of stock. Range 1–1000.
    pub inventory: u16,
    /// Most variants of which the calculator is asked for prices: BigCommerce publishes no limit. Range 1–250.
    pub priced: u16,
    /// Most of anything else. Range 1–250.
    pub others: u16,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { products: 250, inventory: 1000, priced: 50, others: 250 }
    }
}

mod defaults {
    pub(super) const fn quota_reserve_percent() -> u8 {
        20
    }
    pub(super) const fn max_concurrency() -> u16 {
        4
    }
    pub(super) const fn lag_seconds() -> u32 {
        5
    }
    pub(super) const fn overlap_seconds() -> u32 {
        600
    }
    pub(super) const fn attempts() -> u16 {
        5
    }
    pub(super) const fn retry_wait_milliseconds() -> u32 {
        500
    }
}

const CHECKS: Checks = Checks::of("bigcommerce", "C0213");

impl Config {
    /// Checks bounds that no type expresses.
    ///
    /// # Errors
    /// `C0213`, naming the setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        self.address().map(drop)
    }

    /// Checks bounds that no type expresses, and returns the address of the store's API, without a version.
    ///
    /// # Errors
    /// `C0213`, naming the setting.
    pub fn address(&self) -> Result<Url, BadSetting> {
        self.check_numbers()?;
        let hash = &self.store_hash;
        if hash.is_empty() || !hash.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let must = "it is letters and digits, as in https://api.bigcommerce.com/stores/abc123";
            return Err(CHECKS.refused("store_hash", format_args!("is {hash:?}"), must));
        }
        let text = self.api_url.as_deref().unwrap_or("https://api.bigcommerce.com");
        let url = CHECKS.base_url("api_url", text, "https://api.bigcommerce.com")?;
        Ok(wire::query::with_segment(&wire::query::with_segment(&url, "stores"), hash))
    }

    fn check_numbers(&self) -> Result<(), BadSetting> {
        let sizes = [
            ("page_size.products", self.page_size.products, 250),
            ("page_size.inventory", self.page_size.inventory, 1000),
            ("page_size.priced", self.page_size.priced, 250),
            ("page_size.others", self.page_size.others, 250),
            ("max_concurrency", self.max_concurrency, 50),
            ("attempts", self.attempts, 10),
        ];
        for (setting, size, most) in sizes {
            CHECKS.within(setting, size, 1..=most)?;
        }
        CHECKS.within("request_timeout_seconds", self.request_timeout_seconds, 1..=600)?;
        CHECKS.within("quota_reserve_percent", self.quota_reserve_percent, 0..=90)?;
        if self.prices == Prices::Calculator && !self.lanes.price_lists {
            let must = "it needs lanes.price_lists, which reads prices other than those of products";
            return Err(CHECKS.refused("prices", "asks for prices of channels", must));
        }
        if self.texts != Texts::DefaultLanguage && !self.lanes.channels {
            let must = "it needs lanes.channels, because texts belong to channels";
            return Err(CHECKS.refused("texts", "reads texts of channels", must));
        }
        if let Some(wrong) = self.metafields.iter().find(|name| name.trim().is_empty() || name.contains(',')) {
            let must = "write each namespace by itself, as the app that makes the metafields names it";
            return Err(CHECKS.refused("metafields", format_args!("names {wrong:?}"), must));
        }
        for (channel, codes) in &self.locales {
            if channel.parse::<u64>().is_err() {
                return Err(CHECKS.refused("locales", format_args!("names {channel:?}"), "name channels by their ids"));
            }
            if let Some(wrong) = codes.iter().find_map(|code| model::Locale::parse(code).err()) {
                return Err(CHECKS.refused("locales", format_args!("names a language: {wrong}"), "write tags such as fr or de-AT"));
            }
        }
        if self.stock_locations.as_ref().is_some_and(Vec::is_empty) {
            return Err(CHECKS.refused("stock_locations", "is empty", "name at least one location, or leave it out"));
        }
        Ok(())
    }
}
