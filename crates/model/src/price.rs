//! Prices, their scopes and books, and the policies by which one is chosen.

use serde::{Deserialize, Serialize};

use crate::{
    BookId, ChannelId, Country, Currency, GroupId, ItemKey, Money, Notice, Precise, PriceId, StorefrontKey, Timestamp,
};

/// A price with everything that decides where, for whom and when it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The amount for one piece.
    pub value: Money,
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
    /// Whether tax is in it; `None` if the source does not say.
    pub tax: Option<TaxMode>,
}

impl Price {
    /// An amount that holds everywhere, always and for everyone.
    pub const fn new(value: Money) -> Self {
        Self {
            value,
            scope: Scope { country: None, group: None, channel: None },
            window: Window::OPEN,
            discounted: None,
            tiers: Vec::new(),
            recurring: false,
            tax: None,
        }
    }
}

/// Whether tax is in a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxMode {
    /// Tax is in the price.
    Gross,
    /// Tax is added to the price.
    Net,
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
    /// First instant; `None`: no beginning.
    pub from: Option<Timestamp>,
    /// First instant after it; `None`: no end.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Without beginning and end.
    pub const OPEN: Self = Self { from: None, until: None };

    /// Whether `at` lies in the window.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Whether neither end is set.
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }

    /// The longest span around `at` in which [`Self::contains`] does not change.
    #[must_use]
    pub fn steady(&self, at: Timestamp) -> Self {
        let boundaries = || [self.from, self.until].into_iter().flatten();
        Self {
            from: boundaries().filter(|boundary| *boundary <= at).max(),
            until: boundaries().filter(|boundary| *boundary > at).min(),
        }
    }

    /// The span that lies in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.into_iter().chain(other.until).min() }
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

/// A price that is a record of its own.
///
/// Two entries of one item with the same scope, window, recurrence and book are both kept: a shop deleted one and created
/// the other, and the deletion is not known yet. Of those that are switched on the one created later counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceEntry {
    /// Id at the source.
    pub id: PriceId,
    /// What it prices; a product with it need not exist yet.
    pub item: ItemKey,
    /// The price list or price book that holds it; `None`: the catalogue.
    pub book: Option<BookId>,
    /// Switched on.
    pub active: bool,
    /// The price.
    pub price: Price,
    /// When the entry was created.
    pub created_at: Option<Timestamp>,
    /// Details that were left out.
    pub notices: Vec<Notice>,
}

/// A price list or price book: prices that hold for some stores or customer groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Id at the source; prices refer to it.
    pub id: BookId,
    /// The only currency it has prices in; `None`: it may have several.
    pub currency: Option<Currency>,
    /// Switched on.
    pub active: bool,
    /// When it holds.
    pub window: Window,
    /// The book whose prices hold where this one has none.
    pub parent: Option<BookId>,
    /// The buyers it is for; empty: none.
    pub assigned: Vec<Audience>,
    /// The buyers whose list prices it holds, whatever book their prices are from; empty: none.
    pub lists: Vec<Audience>,
}

/// Whom a book is for. What is `None` is not restricted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// Only in this store.
    pub store: Option<StorefrontKey>,
    /// Only for this customer group.
    pub group: Option<GroupId>,
}

/// What one unit of a currency costs in another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The currency that is converted.
    pub from: Currency,
    /// The currency it is converted into.
    pub to: Currency,
    /// Units of `to` for one of `from`.
    pub rate: Precise,
}

/// How a source chooses one of several prices; the source names it, the engine carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PricePolicy {
    /// The first level of scopes with a price that holds wins. Books are ignored.
    FirstScope(ScopeOrder),
    /// Books are tried in this order, and the first that has a price wins; then the catalogue's price; then the catalogue's
    /// price in another currency, converted by the source's [`Rate`].
    FirstBook(BookOrder),
    /// The lowest price of all books that are for the buyer; of one book the price whose window began last, or else that of
    /// its parent. The list price is that of the first book with the buyer's list prices that has one, or else of the book
    /// that the chosen one descends from. Where the books have none for the variant, those of its product count.
    LowestBook,
}

/// The order in which scopes are tried when one price is chosen for a market; the first level with a match wins.
/// Each level says which parts of a [`Scope`] must equal the market's; the others must be `None`.
pub type ScopeOrder = &'static [ScopeMatch];

/// One level of a [`ScopeOrder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeMatch {
    /// The price names the market's customer group.
    pub group: bool,
    /// The price names the market's price channel.
    pub channel: bool,
    /// The price names the market's country.
    pub country: bool,
}

/// The order in which books are tried. Each level says which parts of an [`Audience`] must equal the market's; the others
/// must be `None`.
pub type BookOrder = &'static [BookMatch];

/// One level of a [`BookOrder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookMatch {
    /// The book is for the market's customer group.
    pub group: bool,
    /// The book is for the market's store.
    pub store: bool,
}

/// The buyer for whom a price is chosen.
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
    /// The store, if the market has one.
    pub store: Option<&'a StorefrontKey>,
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
    fn a_window_is_steady_between_its_boundaries() {
        let window = Window { from: Some(at(10)), until: Some(at(20)) };
        let span = |from, until| Window { from, until };
        assert_eq!(window.steady(at(9)), span(None, Some(at(10))));
        assert_eq!(window.steady(at(10)), span(Some(at(10)), Some(at(20))));
        assert_eq!(window.steady(at(20)), span(Some(at(20)), None));
        assert_eq!(window.steady(at(10)).and(Window::OPEN), window);
        assert_eq!(window.and(span(Some(at(15)), None)), span(Some(at(15)), Some(at(20))));
    }
}
