//! Settings of one Dotdigital account. The doc comments are the reference that users read.

use contract::{BadSetting, SecretRef};
use model::{Market, OrderStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{Checks, Url};

pub use crate::id::ProductId;

/// One Dotdigital account; each market has a collection of Insight data in it, and each customer a contact.
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
    /// What becomes of a customer of whom the shop does not know whether they agreed to e-mail. Needed for customers and
    /// orders, and without a default: Dotdigital subscribes a new contact of whom it is not told, and writes to it.
    /// `unsubscribed`: the contact is created unsubscribed, and one that Dotdigital has already is unsubscribed;
    /// `filtered`: there is no contact, and one that Dotdigital has already is left alone; `subscribed`: a new contact is
    /// subscribed, and one that Dotdigital has already keeps what it has.
    pub unknown_consent: Option<UnknownConsent>,
    /// The list that every contact is added to: its name or its id. None: no list.
    pub list: Option<String>,
    /// How a granted consent was asked for, as Dotdigital notes it: `unknown`, `single`, `double` or `verified_double`. With
    /// the last one Dotdigital itself asks by e-mail first.
    #[serde(default)]
    pub opt_in_type: OptInType,
    /// Name of the data field of text that holds a customer's id at the source, at most 20 of `[A-Za-z0-9_-]`.
    #[serde(default = "defaults::customer_id_field")]
    pub customer_id_field: String,
    /// Whether contacts have the customer's first phone number. No two contacts of an account may have the same one: a customer
    /// whose number another contact has becomes a dead letter, and the contact keeps what it has.
    #[serde(default)]
    pub phones: bool,
    /// What becomes of the contact of a customer who is gone: `unsubscribe` (it stays, with its orders, and nobody writes to
    /// it) or `delete` (with everything that Dotdigital knows of it).
    #[serde(default)]
    pub removed_customers: RemovedCustomers,
    /// Name of the collection of orders. Dotdigital counts sales in the collection `Orders`.
    #[serde(default = "defaults::order_collection")]
    pub order_collection: String,
    /// What an order's key is: its id at the source, or its number.
    #[serde(default)]
    pub order_id: OrderId,
    /// Whose contacts are created from orders where there are none: `guests` (those who ordered without an account), `all`
    /// (those of customers as well, for orders with another address than their customer's), or `none`. A contact that is
    /// there is never changed by it. Each takes a call. One of a guest has the consent that `unknown_consent` says, one of a
    /// customer is unsubscribed.
    #[serde(default)]
    pub order_contacts: OrderContacts,
    /// What the states of an order are called in Dotdigital.
    #[serde(default)]
    pub order_status: OrderStatuses,
}

/// What becomes of a customer whose consent to e-mail is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownConsent {
    /// A contact that is unsubscribed.
    Unsubscribed,
    /// No contact.
    Filtered,
    /// A contact that is subscribed, if it is new.
    Subscribed,
}

/// How a granted consent was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptInType {
    /// It is not known.
    #[default]
    Unknown,
    /// Asked once.
    Single,
    /// Confirmed.
    Double,
    /// Dotdigital asks for a confirmation.
    VerifiedDouble,
}

impl OptInType {
    /// As Dotdigital takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Single => "single",
            Self::Double => "double",
            Self::VerifiedDouble => "verifiedDouble",
        }
    }
}

/// What becomes of the contact of a customer who is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemovedCustomers {
    /// It stays, unsubscribed on every channel.
    #[default]
    Unsubscribe,
    /// It is deleted.
    Delete,
}

/// What an order's key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderId {
    /// Its id at the source.
    #[default]
    Id,
    /// Its number.
    Number,
}

/// Whose contacts are created from orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderContacts {
    /// Those of orders without a customer.
    #[default]
    Guests,
    /// Those of all orders.
    All,
    /// None.
    None,
}

/// What the states of an order are called in Dotdigital, which has no list of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrderStatuses {
    /// Placed.
    pub open: String,
    /// Accepted by the shop.
    pub confirmed: String,
    /// On its way.
    pub shipped: String,
    /// Finished.
    pub complete: String,
    /// Cancelled.
    pub cancelled: String,
}

impl Default for OrderStatuses {
    fn default() -> Self {
        let [open, confirmed, shipped, complete, cancelled] =
            ["Pending", "Paid", "Shipped", "Completed", "Cancelled"].map(str::to_owned);
        Self { open, confirmed, shipped, complete, cancelled }
    }
}

impl OrderStatuses {
    /// The name of this state.
    pub fn name(&self, status: OrderStatus) -> &str {
        match status {
            OrderStatus::Open => &self.open,
            OrderStatus::Confirmed => &self.confirmed,
            OrderStatus::Shipped => &self.shipped,
            OrderStatus::Complete => &self.complete,
            OrderStatus::Cancelled => &self.cancelled,
        }
    }
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
        if !is_collection_name(&self.collection.replace(MARKET, "x")) {
            let must = "use letters, digits, - and _, not a digit first, and {market}, such as Catalog_{market}";
            return Err(CHECKS.refused("collection", format_args!("is {:?}", self.collection), must));
        }
        if !is_collection_name(&self.order_collection) {
            let must = "use letters, digits, - and _, not a digit first, such as Orders";
            return Err(CHECKS.refused("order_collection", format_args!("is {:?}", self.order_collection), must));
        }
        let field = &self.customer_id_field;
        if !(1..=20).contains(&field.len()) || !field.bytes().all(is_name_byte) {
            let must = "use at most 20 letters, digits, - and _, such as CUSTOMER_ID";
            return Err(CHECKS.refused("customer_id_field", format_args!("is {field:?}"), must));
        }
        if OWN_FIELDS.iter().chain(&RESERVED_FIELDS).any(|own| own.eq_ignore_ascii_case(field)) {
            let must = "choose a name that no other field has, such as CUSTOMER_ID";
            return Err(CHECKS.refused("customer_id_field", format_args!("is {field:?}, which holds something else"), must));
        }
        CHECKS.base_url("url", &self.url, "https://r1-api.dotdigital.com")
    }

    /// Whether it takes people and what they ordered.
    pub const fn takes_people(&self) -> bool {
        self.unknown_consent.is_some()
    }

    /// Name of a market's collection. Characters that it can't hold become `_`.
    pub fn collection_of(&self, market: &Market) -> String {
        let key: String = market.key.chars().map(|c| if is_name_char(c) { c } else { '_' }).collect();
        self.collection.replace(MARKET, &key)
    }
}

/// Names that Dotdigital keeps for itself.
const RESERVED_FIELDS: [&str; 16] = [
    "account", "campaign", "campaignid", "contact", "contact_api_id", "contactid", "email", "hcontactid", "hemail",
    "hemail256", "id", "messagecontent", "mobilenumberid", "notes", "unsubscribed", "uniquecontactid",
];

/// Data fields of a contact beside the one of the customer's id.
pub(super) const OWN_FIELDS: [&str; 4] = ["FIRSTNAME", "LASTNAME", "FULLNAME", "DOB"];

fn is_collection_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    first && name.bytes().all(is_name_byte) && (2..=200).contains(&name.len())
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
    pub(super) fn customer_id_field() -> String {
        "CUSTOMER_ID".to_owned()
    }
    pub(super) fn order_collection() -> String {
        "Orders".to_owned()
    }
}
