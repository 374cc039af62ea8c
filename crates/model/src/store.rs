//! Stores, channels, groups and assortments: what decides which market sells what.

use serde::{Deserialize, Serialize};

use crate::{ChannelId, Country, GroupId, Locale, Localized, ProductId, SelectionId, Sku, StoreKey};

/// A supply or distribution channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Id at the source; prices and stock refer to it.
    pub id: ChannelId,
    /// Key given by the shop; the configuration refers to it.
    pub key: String,
    /// Shown name.
    pub name: Localized,
}

/// A customer group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerGroup {
    /// Id at the source; prices refer to it.
    pub id: GroupId,
    /// Key given by the shop; the configuration refers to it.
    pub key: Option<String>,
    /// Shown name.
    pub name: String,
}

/// A store of the shop: the part of the offer that one storefront shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Store {
    /// Key given by the shop.
    pub key: StoreKey,
    /// Shown name.
    pub name: Localized,
    /// Locales it speaks.
    pub locales: Vec<Locale>,
    /// Countries it serves.
    pub countries: Vec<Country>,
    /// Channels whose prices it shows.
    pub distribution: Vec<ChannelId>,
    /// Channels whose stock it sells.
    pub supply: Vec<ChannelId>,
    /// Its assortments, and whether each is switched on.
    pub selections: Vec<(SelectionId, bool)>,
}

/// A named assortment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Id at the source.
    pub id: SelectionId,
    /// Key given by the shop.
    pub key: Option<String>,
    /// False: sells what is assigned to it. True: sells everything but what is assigned to it.
    pub excludes: bool,
}

/// A product's place in an assortment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The assortment.
    pub selection: SelectionId,
    /// The product.
    pub product: ProductId,
    /// Which of its variants.
    pub members: Members,
}

/// Which variants of an assigned product are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Members {
    /// All of them.
    All,
    /// Only these.
    Only(Vec<Sku>),
    /// All but these.
    Except(Vec<Sku>),
}

impl Members {
    /// Whether the variant with this SKU is meant; one without a SKU is never named.
    pub fn holds(&self, sku: Option<&Sku>) -> bool {
        let named = |list: &[Sku]| sku.is_some_and(|sku| list.contains(sku));
        match self {
            Self::All => true,
            Self::Only(list) => named(list),
            Self::Except(list) => !named(list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_without_a_sku_is_never_named() {
        let named = vec![Sku::new("A")];
        let (a, b) = (Sku::new("A"), Sku::new("B"));
        let holds = |members: &Members| [members.holds(Some(&a)), members.holds(Some(&b)), members.holds(None)];
        assert_eq!(holds(&Members::All), [true, true, true]);
        assert_eq!(holds(&Members::Only(named.clone())), [true, false, false]);
        assert_eq!(holds(&Members::Except(named)), [false, true, true]);
    }
}
