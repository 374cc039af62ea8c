//! Settings of product data feeds. The doc comments are the reference that users read.

use contract::{BadSetting, SecretRef, schema::is_absolute_url};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::Checks;

/// Product data as Google Merchant Center and marketplaces read it: a feed for each market, hosted here.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the shop, which the RSS feed names as its link.
    pub shop_url: String,
    /// Title of the RSS feed.
    #[serde(default = "defaults::title")]
    pub title: String,
    /// User name with which the feeds are fetched (HTTP Basic).
    #[serde(default = "defaults::user")]
    pub user: String,
    /// Password that goes with it: `env:NAME` or `file:/path`, never the password itself.
    pub password: SecretRef,
    /// What an item's id is made from: the `sku` of the variant, or the ids of product and `variant` (which a variant
    /// without a SKU always has). Never change it: the merchant account loses the history of its items.
    #[serde(default)]
    pub item_id: ItemId,
    /// What happens to a variant out of stock: `keep` (`out_of_stock`), or `remove`. Items that come back after they were
    /// removed are reviewed again and take days to be shown.
    #[serde(default)]
    pub out_of_stock: OutOfStock,
}

/// What an item's id is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemId {
    /// The SKU of the variant.
    #[default]
    Sku,
    /// The ids of product and variant.
    Variant,
}

/// What happens to a variant out of stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutOfStock {
    /// It stays, as `out_of_stock`.
    #[default]
    Keep,
    /// It is left out.
    Remove,
}

const CHECKS: Checks = Checks::of("merchant", "C0451");

impl Config {
    /// Checks bounds that no type expresses.
    ///
    /// # Errors
    /// `C0451`, naming the setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        if !is_absolute_url(&self.shop_url) {
            let wrong = format!("is {:?}, which is no absolute http(s) URL", self.shop_url);
            return Err(CHECKS.refused("shop_url", wrong, "write it like https://shop.example"));
        }
        if self.user.is_empty() || self.user.contains(':') {
            let must = "a user name of HTTP Basic has at least one character and no colon";
            return Err(CHECKS.refused("user", format_args!("is {:?}", self.user), must));
        }
        Ok(())
    }
}

mod defaults {
    pub(super) fn title() -> String {
        "Products".to_owned()
    }
    pub(super) fn user() -> String {
        "feed".to_owned()
    }
}
