//! A market: one locale, one currency and one offer.

use serde::{Deserialize, Serialize};

use crate::{Country, Currency, Locale, StorefrontKey};

/// Where something is sold: language, money, prices, stock and addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Market {
    /// Name in the configuration.
    pub key: String,
    /// The locale and its fallbacks, in the order they are tried.
    pub locales: Vec<Locale>,
    /// Currency of its prices.
    pub currency: Currency,
    /// Country that prices may be bound to.
    #[serde(serialize_with = "country")]
    pub country: Option<Country>,
    /// Key of the customer group whose prices are shown.
    pub customer_group: Option<String>,
    /// Key of the distribution channel whose prices are shown.
    pub price_channel: Option<String>,
    /// Keys of the supply channels whose stock is sold. Empty: those of the store; without a store (or where it has
    /// none), stock that is assigned to no channel.
    pub supply_channels: Vec<String>,
    /// The store whose assortment is sold. None: everything.
    pub store: Option<StorefrontKey>,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// URL of a product page with `{slug}`, `{id}`, `{key}`, `{sku}`, `{locale}` replaced; `{slug|key}` is the
    /// first that has a value.
    pub product_url: String,
    /// URL of a category page with `{slug}`, `{id}`, `{key}`, `{locale}` replaced.
    pub category_url: String,
    /// How variants are treated whose stock the shop does not track.
    pub untracked: Untracked,
}

/// How a variant is treated whose stock is not tracked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Untracked {
    /// It can be bought.
    #[default]
    Available,
    /// It can't be bought.
    Unavailable,
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn country<S: serde::Serializer>(country: &Option<Country>, out: S) -> Result<S::Ok, S::Error> {
    match country {
        Some(country) => out.collect_str(country),
        None => out.serialize_none(),
    }
}
