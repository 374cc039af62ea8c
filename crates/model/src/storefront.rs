//! Stores of the shop, channels, groups, assortments and placements: records that decide what each market sells.

use serde::{Deserialize, Serialize};

use crate::{
    CategoryId, ChannelId, Country, GroupId, Locale, Localized, Notice, ProductId, SelectionId, Sku, StorefrontKey,
    Timestamp, Window, market::Untracked,
};

/// A supply or distribution channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Id at the source; prices and stock refer to it.
    pub id: ChannelId,
    /// Key given by the shop; the configuration refers to it.
    pub key: String,
    /// Shown name.
    pub name: Localized,
    /// How a variant counts there that is not listed there; `None`: as the market treats untracked stock.
    pub untracked: Option<Untracked>,
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

/// A store of the shop (a site, a sales channel): the part of the offer that it shows. Not to be confused with the
/// database, which is the store of Cartage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Storefront {
    /// Key given by the shop.
    pub key: StorefrontKey,
    /// Shown name.
    pub name: Localized,
    /// Its locales.
    pub locales: Vec<Locale>,
    /// Countries it serves.
    pub countries: Vec<Country>,
    /// Channels whose prices it shows.
    pub distribution: Vec<ChannelId>,
    /// Channels whose stock it sells.
    pub supply: Vec<ChannelId>,
    /// Its assortments, and whether each is switched on.
    pub selections: Vec<(SelectionId, bool)>,
    /// Details that were left out.
    pub notices: Vec<Notice>,
}

/// A value that may differ from store to store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerStorefront<T> {
    /// The value in every store that is not named.
    pub default: T,
    /// The stores with a value of their own, each once.
    pub own: Vec<(StorefrontKey, T)>,
}

impl<T> PerStorefront<T> {
    /// The same value in every store.
    pub const fn everywhere(value: T) -> Self {
        Self { default: value, own: Vec::new() }
    }

    /// The value in this store; the default without a store.
    pub fn in_store(&self, store: Option<&StorefrontKey>) -> &T {
        let own = store.and_then(|store| self.own.iter().find(|(key, _)| key == store));
        own.map_or(&self.default, |(_, value)| value)
    }
}

/// Whether something is shown to shoppers, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Online {
    /// Switched on.
    pub on: bool,
    /// When it is shown while switched on.
    pub window: Window,
}

impl Online {
    /// Always shown.
    pub const ALWAYS: Self = Self { on: true, window: Window::OPEN };
    /// Never shown.
    pub const NEVER: Self = Self { on: false, window: Window::OPEN };

    /// Whether it is shown at `at`.
    pub fn at(&self, at: Timestamp) -> bool {
        self.on && self.window.contains(at)
    }

    /// The longest span around `at` in which that does not change.
    pub fn steady(&self, at: Timestamp) -> Window {
        if self.on { self.window.steady(at) } else { Window::OPEN }
    }
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

/// A product in a category, where a source keeps that apart from the product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The category.
    pub category: CategoryId,
    /// The product.
    pub product: ProductId,
    /// Its place in the category's merchandising order, lowest first.
    pub position: Option<i64>,
    /// It is the product's main category.
    pub primary: bool,
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
    fn a_store_without_a_value_of_its_own_has_the_default() {
        let value = PerStorefront { default: 1, own: vec![("de".into(), 2)] };
        let of = |key: &str| *value.in_store(Some(&key.into()));
        assert_eq!((of("de"), of("at"), *value.in_store(None)), (2, 1, 1));
    }

    #[test]
    fn a_window_of_what_is_switched_off_announces_nothing() {
        let at = Timestamp::from_millis;
        let window = Window { from: Some(at(10)), until: Some(at(20)) };
        let online = Online { on: true, window };
        assert_eq!([9, 10, 19, 20].map(|millis| online.at(at(millis))), [false, true, true, false]);
        assert_eq!([9, 10, 20].map(|millis| online.steady(at(millis)).until), [Some(at(10)), Some(at(20)), None]);
        let off = Online { on: false, window };
        assert_eq!((off.at(at(15)), off.steady(at(15))), (false, Window::OPEN));
    }

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
