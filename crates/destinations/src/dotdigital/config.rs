//! Settings of one Dotdigital account. The doc comments are the reference that users read.

use contract::{BadSetting, SecretRef};
use model::Market;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{Checks, Url};

pub use crate::id::ProductId;

/// One Dotdigital account; each market has a collection of Insight data in it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Login of the API user, such as `apiuser-…@apiconnector.com`: `env:NAME` or `file:/path`.
    pub user: SecretRef,
    /// Its password: `env:NAME` or `file:/path`, never the password itself.
    pub password: SecretRef,
    /// Where the account is asked for. The host that it names for its region is used from then on; the vendor's first
    /// region answers for accounts of every region.
    #[serde(default = "defaults::url")]
    pub url: String,
    /// Name of a market's collection, with `{market}` for the market's key. Dotdigital uses a collection in campaigns and
    /// recommendations only if its name begins with `Catalog_`.
    #[serde(default = "defaults::collection")]
    pub collection: String,
    /// Records of a product with several variants: `parent_and_children` (one of the product, and one of each variant,
    /// which orders name) or `parents` (one of the product).
    #[serde(default)]
    pub variants: Variants,
    /// What a product's key is made from: its id at the source, its key, or the SKU of its main variant.
    #[serde(default)]
    pub product_id: ProductId,
    /// What happens to a product out of stock: `keep` (stock 0), or `remove`.
    #[serde(default)]
    pub out_of_stock: OutOfStock,
    /// The stock sent for a variant that can be bought and whose stock the shop does not count. One that can't be
    /// bought has 0.
    #[serde(default = "defaults::untracked_quantity")]
    pub untracked_quantity: u32,
    /// Attributes that become fields of their own, by their names at the source; characters that a field's name can't
    /// hold become `_`.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// Most characters of a text. The limit is not published; the vendor's own connectors keep to 1,000. A longer name is
    /// cut; another longer text makes its product a dead letter.
    #[serde(default = "defaults::longest_text")]
    #[schemars(range(min = 100, max = 100_000))]
    pub longest_text: u32,
    /// Records per bulk import.
    #[serde(default = "defaults::batch_items")]
    #[schemars(range(min = 1, max = 20_000))]
    pub batch_items: u16,
    /// Bytes of records per bulk import. Dotdigital refuses more than 50 MB.
    #[serde(default = "defaults::batch_bytes")]
    #[schemars(range(min = 10_000, max = 45_000_000))]
    pub batch_bytes: u32,
    /// Calls and bulk imports under way at once. An account may have 5 imports, whoever started them.
    #[serde(default = "defaults::concurrency")]
    #[schemars(range(min = 1, max = 5))]
    pub concurrency: u8,
    /// A bulk import that is not over after so many minutes is given up, and its records are sent again.
    #[serde(default = "defaults::import_minutes")]
    #[schemars(range(min = 5, max = 1_440))]
    pub import_minutes: u16,
    /// Longest wait for an answer. The vendor asks for at least 121.
    #[serde(default = "defaults::timeout_seconds")]
    #[schemars(range(min = 1, max = 600))]
    pub timeout_seconds: u16,
}

/// Records of a product with several variants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variants {
    /// One of the product, and one of each variant.
    #[default]
    ParentAndChildren,
    /// One of the product.
    Parents,
}

/// What happens to a product out of stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutOfStock {
    /// It stays, with stock 0.
    #[default]
    Keep,
    /// It is removed.
    Remove,
}

const CHECKS: Checks = Checks::of("dotdigital", "C0440");

/// Stands for the market's key in `collection`.
const MARKET: &str = "{market}";

impl Config {
    /// Checks bounds that no type expresses.
    ///
    /// # Errors
    /// `C0440`, naming the setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        self.checked().map(drop)
    }

    /// The base URL, once every setting is in its range.
    ///
    /// # Errors
    /// `C0440` naming the setting, what it is and what it may be.
    pub fn checked(&self) -> Result<Url, BadSetting> {
        CHECKS.within("longest_text", self.longest_text, 100..=100_000)?;
        CHECKS.within("batch_items", self.batch_items, 1..=20_000)?;
        CHECKS.within("batch_bytes", self.batch_bytes, 10_000..=45_000_000)?;
        CHECKS.within("concurrency", self.concurrency, 1..=5)?;
        CHECKS.within("import_minutes", self.import_minutes, 5..=1_440)?;
        CHECKS.within("timeout_seconds", self.timeout_seconds, 1..=600)?;
        let sample = self.collection.replace(MARKET, "x");
        let first = sample.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
        if !first || !sample.bytes().all(is_name_byte) || !(2..=200).contains(&sample.len()) {
            let must = "use letters, digits, - and _, not a digit first, and {market}, such as Catalog_{market}";
            return Err(CHECKS.refused("collection", format_args!("is {:?}", self.collection), must));
        }
        CHECKS.base_url("url", &self.url, "https://r1-api.dotdigital.com")
    }

    /// Name of a market's collection. Characters that it can't hold become `_`.
    pub fn collection_of(&self, market: &Market) -> String {
        let key: String = market.key.chars().map(|c| if is_name_char(c) { c } else { '_' }).collect();
        self.collection.replace(MARKET, &key)
    }
}

/// Whether names of collections and members, and keys of records, may hold this character.
pub(super) const fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

mod defaults {
    pub(super) fn url() -> String {
        "https://r1-api.dotdigital.com".to_owned()
    }
    pub(super) fn collection() -> String {
        "Catalog_{market}".to_owned()
    }
    pub(super) const fn untracked_quantity() -> u32 {
        1
    }
    pub(super) const fn longest_text() -> u32 {
        1_000
    }
    pub(super) const fn batch_items() -> u16 {
        2_000
    }
    pub(super) const fn batch_bytes() -> u32 {
        20_000_000
    }
    pub(super) const fn concurrency() -> u8 {
        5
    }
    pub(super) const fn import_minutes() -> u16 {
        360
    }
    pub(super) const fn timeout_seconds() -> u16 {
        121
    }
}
