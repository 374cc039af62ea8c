//! Settings: the accounts, limits, and behaviour that the sources leave open.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Behaviour of the emulator and its accounts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The accounts; each has its own key and catalogue.
    pub accounts: Vec<AccountSettings>,
    /// Requests of an account within any 60 seconds, over all endpoints; `None` = any number. Published: 60.
    pub requests_per_minute: Option<u32>,
    /// Whether a refusal for too many requests says how long to wait. Published as "sometimes".
    pub retry_after: bool,
    /// Largest request body in bytes. Published.
    pub body_bytes: usize,
    /// Largest record in bytes. Published.
    pub record_bytes: usize,
    /// Most records of a request, after nested items are expanded. The number is published without an endpoint.
    pub most_records: usize,
    /// Longest `item_id`. 128 on the API page, 32 on a page about troubleshooting.
    pub longest_item_id: usize,
    /// Whether an update of a price object keeps the currencies that it does not name. Unpublished.
    pub update_merges_prices: bool,
    /// Item ids that an answer names per problem; the count goes beyond them. Unpublished.
    pub most_document_ids: usize,
    /// Write calls kept for tests, per account.
    pub journal_calls: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            accounts: vec![AccountSettings::sandbox()],
            requests_per_minute: Some(60),
            retry_after: true,
            body_bytes: 5_000_000,
            record_bytes: 512 * 1024,
            most_records: 10_000,
            longest_item_id: 128,
            update_merges_prices: false,
            most_document_ids: usize::MAX,
            journal_calls: 1024,
        }
    }
}

/// One account, with what its panel sets.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// Partner name, lower case; header `X-PARTNER-NAME`.
    pub partner_name: String,
    /// Key of the type "Product Catalog"; header `X-REQUEST-TOKEN`.
    pub token: String,
    /// Key of the type "Recommendation"; header `X-REQUEST-TOKEN` or `X-Auth-Token`.
    pub recommendation_token: String,
    /// Decides which fields are required.
    pub feed: Feed,
    /// Keys of `product_attributes` that are defined.
    pub attributes: Vec<String>,
    /// Locales that are registered from the start, such as `de_DE` or `de_DE:berlin`.
    pub locales: Vec<String>,
}

impl AccountSettings {
    /// An account with a well-known name and key, without locales.
    pub fn sandbox() -> Self {
        Self {
            partner_name: "sandbox".to_owned(),
            token: "sandbox-catalog-token".to_owned(),
            recommendation_token: "sandbox-recommendation-token".to_owned(),
            feed: Feed::StockAndRevenue,
            attributes: Vec::new(),
            locales: Vec::new(),
        }
    }
}

impl fmt::Debug for AccountSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccountSettings").field("partner_name", &self.partner_name).finish_non_exhaustive()
    }
}

/// The feed type of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// Prices and `in_stock` are required.
    StockAndRevenue,
    /// `in_stock` is required.
    Availability,
    /// `item_update_date` is required.
    PublishedTime,
    /// `item_start_date` and `item_end_date` are required.
    StartAndEndTime,
}

impl Feed {
    /// The fields that it requires of a new record beyond those that every feed requires.
    pub(super) const fn required(self) -> &'static [&'static str] {
        match self {
            Self::StockAndRevenue => &["price", "original_price", "in_stock"],
            Self::Availability => &["in_stock"],
            Self::PublishedTime => &["item_update_date"],
            Self::StartAndEndTime => &["item_start_date", "item_end_date"],
        }
    }
}
