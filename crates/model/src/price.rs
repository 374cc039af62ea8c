//! Prices and their scopes.

use serde::{Deserialize, Serialize};

use crate::{ChannelId, Country, Currency, GroupId, Money, Precise, PriceId, Sku, Timestamp};

/// A price with everything that decides where, for whom and when it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The amount for one piece, rounded to minor units.
    pub value: Money,
    /// The exact amount where the shop prices finer than the minor unit.
    pub precise: Option<Precise>,
    /// Where and for whom it holds.
    pub scope: Scope,
    /// When it holds.
    pub window: Window,
    /// The reduced amount while a discount of the shop applies.
    pub discounted: Option<Money>,
    /// Lower amounts for larger quantities, by rising quantity.
    pub tiers: Vec<Tier>,
    /// Only for recurring orders; never the price shown to everyone.
    pub recurring: bool,
}

/// Where and for whom a price holds. What is `None` is not restricted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Only in this country.
    pub country: Option<Country>,
    /// Only for this customer group.
    pub group: Option<GroupId>,
    /// Only in this distribution channel.
    pub channel: Option<ChannelId>,
}

/// A span of time, from inclusive, until exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First instant; none: since ever.
    pub from: Option<Timestamp>,
    /// First instant after; none: for ever.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether `at` lies in the window.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Neither end is set.
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }

    /// The first boundary after `at`.
    pub fn next_boundary(&self, at: Timestamp) -> Option<Timestamp> {
        [self.from, self.until].into_iter().flatten().filter(|boundary| *boundary > at).min()
    }
}

/// The amount for one piece from a quantity on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// From this many pieces, at least 2.
    pub minimum: u32,
    /// The amount for one piece.
    pub value: Money,
}

/// A price that is a resource of its own and belongs to a SKU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceEntry {
    /// Id at the source.
    pub id: PriceId,
    /// The SKU it prices; a product with it need not exist yet.
    pub sku: Sku,
    /// Switched on.
    pub active: bool,
    /// The price.
    pub price: Price,
}

/// The order in which scopes are tried when one price is chosen for a market; the first level with a match wins.
/// Each level says which parts of a [`Scope`] must equal the market's; the others must be `None`.
pub type ScopeOrder = &'static [Level];

/// One level of a [`ScopeOrder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The price names the market's customer group.
    pub group: bool,
    /// The price names the market's price channel.
    pub channel: bool,
    /// The price names the market's country.
    pub country: bool,
}

/// Whom a price is chosen for.
#[derive(Clone, Copy, Debug)]
pub struct Buyer<'a> {
    /// The currency, always.
    pub currency: Currency,
    /// The country, if the market has one.
    pub country: Option<Country>,
    /// The customer group, if the market has one.
    pub group: Option<&'a GroupId>,
    /// The distribution channel, if the market has one.
    pub channel: Option<&'a ChannelId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_window_holds_its_first_instant_and_not_the_one_after() {
        let window = Window { from: Some(at(10)), until: Some(at(20)) };
        assert!(!window.contains(at(9)));
        assert!(window.contains(at(10)));
        assert!(window.contains(at(19)));
        assert!(!window.contains(at(20)));
        assert!(Window::default().contains(at(i64::MIN)));
    }

    #[test]
    fn the_next_boundary_is_the_first_one_still_to_come() {
        let window = Window { from: Some(at(10)), until: Some(at(20)) };
        assert_eq!(window.next_boundary(at(0)), Some(at(10)));
        assert_eq!(window.next_boundary(at(10)), Some(at(20)));
        assert_eq!(window.next_boundary(at(20)), None);
    }
}
