//! What a stock entry or a price entry refers to.

use serde::{Deserialize, Serialize};

use crate::{Hub, ProductId, Sku, VariantId};

/// What a stock entry counts or a price entry prices. A SKU alone is not enough: some variants have none, and some shops
/// count a product as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ItemKey {
    /// Every variant with this SKU; a product with it, where it has no variant of its own.
    Sku(Sku),
    /// One variant of a product.
    Variant(ProductId, VariantId),
    /// A product as a whole.
    Product(ProductId),
}

impl ItemKey {
    /// The hub under which products find the stock and prices of this key.
    pub fn hub(&self) -> Hub {
        match self {
            Self::Sku(sku) => Hub::Sku(sku.clone()),
            Self::Variant(product, _) | Self::Product(product) => Hub::Product(product.clone()),
        }
    }
}

impl From<Sku> for ItemKey {
    fn from(sku: Sku) -> Self {
        Self::Sku(sku)
    }
}

impl From<&str> for ItemKey {
    fn from(sku: &str) -> Self {
        Self::Sku(sku.into())
    }
}
