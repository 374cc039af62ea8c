//! What the id of a product at a destination is made from.

use model::{Listing, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a product's id is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductId {
    /// Its id at the source.
    #[default]
    Id,
    /// Its key at the source.
    Key,
    /// The SKU of its main variant.
    Sku,
}

impl ProductId {
    /// The id of a product.
    ///
    /// # Errors
    /// What the product lacks, for people.
    pub fn of<'a>(self, listing: &Listing<'a>) -> Result<&'a str, &'static str> {
        let (id, what) = match self {
            Self::Id => (Some(listing.id.as_str()), "id"),
            Self::Key => (listing.key, "key"),
            Self::Sku => (listing.sku.map(Sku::as_str), "SKU of its main variant"),
        };
        id.filter(|id| !id.is_empty()).ok_or(what)
    }
}
