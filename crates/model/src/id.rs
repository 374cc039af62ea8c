//! Ids as types of their own, so that a SKU is never taken for a product.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the id as the platform writes it.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as the platform writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as the platform writes it, owned.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, out)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

ids! {
    /// A product at the source.
    ProductId,
    /// A variant. Unique within its product; within the source where variants are records of their own.
    VariantId,
    /// A stock keeping unit: what is bought and counted. A variant may have none, and two may have the same.
    Sku,
    /// A category at the source.
    CategoryId,
    /// A tree of categories at the source.
    TreeId,
    /// A brand at the source.
    BrandId,
    /// A type of products at the source.
    ProductTypeId,
    /// A supply or distribution channel at the source.
    ChannelId,
    /// A customer group at the source.
    GroupId,
    /// A price that is a resource of its own.
    PriceId,
    /// A price list or price book at the source.
    BookId,
    /// A stock entry at the source.
    StockId,
    /// A store of the shop at the source, by key.
    StorefrontKey,
    /// A named assortment at the source.
    SelectionId,
    /// A customer at the source.
    CustomerId,
    /// An order at the source.
    OrderId,
    /// Any record of the mirror, within its kind and source.
    RecordId,
    /// What a destination calls an item.
    RemoteId,
    /// A configured source.
    SourceName,
    /// A configured flow: one source into one destination in one market.
    FlowName,
}
