//! What commerce is: products with variants and prices, stock, categories, stores, markets, customers, orders.
//!
//! **Invariants:** no I/O, no async, no platform's word. Money is integer minor units plus currency; times are instants
//! in UTC; ids are types of their own. The types here are also what the mirror keeps, so their serde form is a storage
//! format: raise [`FORMAT`] whenever an encoded record of the last release would no longer decode to the same value.

pub mod attribute;
pub mod category;
pub mod customer;
pub mod history;
pub mod id;
pub mod item;
pub mod listing;
pub mod locale;
pub mod market;
pub mod money;
pub mod notice;
pub mod order;
pub mod outside;
pub mod person;
pub mod price;
pub mod product;
pub mod record;
pub mod stock;
pub mod storefront;
pub mod time;

pub use attribute::{Attribute, AttributeDefinition, AttributeType, ProductType, Spread, Value};
pub use category::{Brand, Category, Tree};
pub use customer::Customer;
pub use history::PriceHistory;
pub use id::{
    BookId, BrandId, CategoryId, ChannelId, CustomerId, FlowName, GroupId, OrderId, PriceId, ProductId, ProductTypeId,
    RecordId, RemoteId, SelectionId, Sku, SourceName, StockId, StorefrontKey, TreeId, VariantId,
};
pub use item::ItemKey;
pub use listing::{CategoryListing, Filtered, Listing, Offer};
pub use locale::{Keywords, Locale, Localized};
pub use market::Market;
pub use money::{Country, Currency, Money, Precise};
pub use notice::Notice;
pub use order::{Order, OrderLine, OrderStatus, ReturnedLine, Totals};
pub use outside::{fitting, fitting_line};
pub use person::{Address, Consent, ConsentTo, Date, Email, PersonName, Phone};
pub use price::{Book, Price, PriceEntry, PricePolicy, Rate, Scope, TaxMode, Tier, Window};
pub use product::{Image, PriceHome, Product, Rating, Tailored, Tailoring, Variant, VariantEntry};
pub use record::{Hub, Kind, Record};
pub use stock::{Stock, StockLevel, Supply};
pub use storefront::{
    Assignment, Channel, CustomerGroup, Members, Online, PerStorefront, Placement, Selection, Storefront,
};
pub use time::Timestamp;

/// Version of the encoded form of [`Record`]. A store that finds another one forgets the mirror's bodies and has the
/// source read again; the ledger stays, so nothing is sent twice for it.
pub const FORMAT: u32 = 4;
