//! What commerce is: products with variants and prices, stock, categories, stores, markets.
//!
//! **Invariants:** no I/O, no async, no platform's word. Money is integer minor units plus currency; times are instants
//! in UTC; ids are types of their own. The types here are also what the mirror keeps, so their serde form is a storage
//! format: raise [`FORMAT`] whenever an encoded record of the last release would no longer decode to the same value.

pub mod attribute;
pub mod category;
pub mod id;
pub mod listing;
pub mod locale;
pub mod market;
pub mod money;
pub mod price;
pub mod product;
pub mod record;
pub mod stock;
pub mod store;
pub mod time;

pub use attribute::{Attribute, AttributeDefinition, AttributeType, ProductType, Value};
pub use category::Category;
pub use id::{
    CategoryId, ChannelId, FlowName, GroupId, PriceId, ProductId, ProductTypeId, RecordId, RemoteId, SelectionId, Sku,
    SourceName, StockId, StoreKey, VariantId,
};
pub use listing::{CategoryListing, Filtered, Listing, Offer};
pub use locale::{Locale, Localized};
pub use market::Market;
pub use money::{Country, Currency, Money, Precise};
pub use price::{Price, PriceEntry, Scope, Tier, Window};
pub use product::{Image, PriceHome, Product, Rating, Variant};
pub use record::{Hub, Kind, Record};
pub use stock::{Level, Stock};
pub use store::{Assignment, Channel, CustomerGroup, Members, Selection, Store};
pub use time::Timestamp;

/// Version of the encoded form of [`Record`]. A store that finds another one forgets the mirror's bodies and has the
/// source read again; the ledger stays, so nothing is sent twice for it.
pub const FORMAT: u32 = 1;
