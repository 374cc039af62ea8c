//! Prices in price lists and price books: the policies [`PricePolicy::FirstBook`] and [`PricePolicy::LowestBook`].
//!
//! A book counts for a market if it is switched on, its window holds the instant, and one of those it is assigned to is the
//! market's store and customer group. Within one book the price wins whose window began last, as [`super::price`] has it.
//!
//! **First book.** Levels of the order are tried in turn; the first whose book has a price in the buyer's currency wins,
//! for the variant or else for its product. Then the catalogue's price, then the catalogue's price in another currency,
//! converted by the source's rate. Books of one level are tried by id.
//!
//! **Lowest book.** Every book for the buyer gives its price, or else the price that its parent has; the lowest wins,
//! and of equals the book with the lowest id. If no book has one for the variant, the prices of its product count. The
//! list price is that of the first book, by id, with the buyer's list prices that has one, or else that of the topmost
//! ancestor of the chosen book, if it is higher.

use model::{
    Book, BookId, Currency, Precise, PricePolicy, Timestamp, Window,
    listing::PriceRule,
    price::{Audience, BookMatch, Buyer, ScopeOrder},
};

use super::{
    price::{Candidate, Choice, amount, choose, part},
    reference::Reference,
};

/// Most ancestors of a book that are searched; a cycle of books ends here.
const MOST_ANCESTORS: usize = 8;

/// A source's policy with the books and rates for one market's buyer.
#[derive(Clone, Debug)]
pub(super) enum Policy {
    FirstScope(ScopeOrder),
    FirstBook {
        /// Books, in the order in which they are tried.
        books: Vec<(BookMatch, Shelf)>,
        /// Rates into the buyer's currency, by currency.
        rates: Vec<(Currency, Precise)>,
    },
    LowestBook {
        /// Books whose prices are asked.
        sold: Vec<Shelf>,
        /// Books with list prices.
        lists: Vec<Shelf>,
    },
}

/// A book that is switched on.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    id: BookId,
    window: Window,
    /// Its ancestors that are switched on, nearest first; ends at the first that is not.
    ancestors: Vec<(BookId, Window)>,
}

/// The prices of one variant.
#[derive(Clone, Debug)]
pub(super) struct Prices<O, P> {
    /// Prices of the variant itself.
    pub(super) own: O,
    /// Prices of its product.
    pub(super) inherited: P,
}

impl Policy {
    pub(super) fn new(policy: PricePolicy, reference: &Reference, buyer: &Buyer<'_>) -> Self {
        match policy {
            PricePolicy::FirstScope(order) => Self::FirstScope(order),
            PricePolicy::FirstBook(order) => {
                let fits = |audience: &Audience, level: &BookMatch| {
                    part(level.store, audience.store.as_ref(), buyer.store)
                        && part(level.group, audience.group.as_ref(), buyer.group)
                };
                let at = |level: &BookMatch| {
                    let level = *level;
                    let books = reference.books().filter(move |book| book.assigned.iter().any(|it| fits(it, &level)));
                    books.filter_map(|book| Shelf::new(book, reference)).map(move |shelf| (level, shelf)).collect()
                };
                let books: Vec<Vec<_>> = order.iter().map(at).collect();
                Self::FirstBook { books: books.concat(), rates: reference.rates_into(buyer.currency) }
            }
            PricePolicy::LowestBook => {
                let is_for = |audience: &Audience| {
                    audience.store.as_ref().is_none_or(|store| Some(store) == buyer.store)
                        && audience.group.as_ref().is_none_or(|group| Some(group) == buyer.group)
                };
                let shelves = |of: fn(&Book) -> &[Audience]| {
                    let books = reference.books().filter(|book| of(book).iter().any(is_for));
                    books.filter_map(|book| Shelf::new(book, reference)).collect()
                };
                Self::LowestBook { sold: shelves(|book| &book.assigned), lists: shelves(|book| &book.lists) }
            }
        }
    }

    /// Chooses for `buyer` at `at`.
    pub(super) fn choose<'a, O, P>(&self, prices: Prices<O, P>, buyer: &Buyer<'_>, at: Timestamp) -> Choice<'a>
    where
        O: IntoIterator<Item = Candidate<'a>>,
        P: IntoIterator<Item = Candidate<'a>>,
    {
        if let Self::FirstScope(order) = self {
            return choose(prices.own, prices.inherited, buyer, order, at);
        }
        let mut holds = Window::OPEN;
        let offered = |candidate: &Candidate<'a>| candidate.is_offered() && is_within_reach(*candidate, buyer);
        let Prices { own, inherited } = prices;
        let mut levels = [
            own.into_iter().filter(offered).collect::<Vec<_>>(),
            inherited.into_iter().filter(offered).collect::<Vec<_>>(),
        ];
        for candidates in &mut levels {
            candidates.retain(|candidate| {
                holds = holds.and(candidate.price.window.steady(at));
                candidate.price.window.contains(at)
            });
        }
        let shelves: Vec<&Shelf> = match self {
            Self::FirstScope(_) => Vec::new(),
            Self::FirstBook { books, .. } => books.iter().map(|(_, shelf)| shelf).collect(),
            Self::LowestBook { sold, lists } => sold.iter().chain(lists).collect(),
        };
        let windows = shelves
            .iter()
            .flat_map(|shelf| std::iter::once(shelf.window).chain(shelf.ancestors.iter().map(|(_, window)| *window)));
        holds = windows.fold(holds, |holds, window| holds.and(window.steady(at)));
        let choice = match self {
            Self::FirstScope(_) => Choice::default(),
            Self::FirstBook { books, rates } => first(books, rates, &levels, buyer.currency, at),
            Self::LowestBook { sold, lists } => lowest((sold, lists), &levels, buyer.currency, at),
        };
        Choice { holds, ..choice }
    }
}

impl Shelf {
    /// `None` if the book is switched off.
    fn new(book: &Book, reference: &Reference) -> Option<Self> {
        let mut ancestors = Vec::new();
        let mut above = book.parent.as_ref();
        while let Some(parent) = above.and_then(|id| reference.book(id)).filter(|book| book.active)
            && ancestors.len() < MOST_ANCESTORS
        {
            ancestors.push((parent.id.clone(), parent.window));
            above = parent.parent.as_ref();
        }
        book.active.then(|| Self { id: book.id.clone(), window: book.window, ancestors })
    }
}

/// The best price of a book for the variant, else for its product, and whether it is the product's.
type Found<'a> = (Candidate<'a>, bool);

fn in_book<'a>(book: Option<&BookId>, levels: &[Vec<Candidate<'a>>; 2], currency: Currency) -> Option<Found<'a>> {
    let [own, inherited] = levels;
    let of = |candidates: &[Candidate<'a>]| best(book, candidates, currency);
    of(own).map(|found| (found, false)).or_else(|| of(inherited).map(|found| (found, true)))
}

fn best<'a>(book: Option<&BookId>, candidates: &[Candidate<'a>], currency: Currency) -> Option<Candidate<'a>> {
    let stands = |it: &&Candidate<'a>| {
        it.entry.and_then(|entry| entry.book.as_ref()) == book && it.price.value.currency == currency
    };
    candidates.iter().filter(stands).copied().min_by(|left, right| left.compare(*right))
}

fn first<'a>(
    books: &[(BookMatch, Shelf)],
    rates: &[(Currency, Precise)],
    levels: &[Vec<Candidate<'a>>; 2],
    currency: Currency,
    at: Timestamp,
) -> Choice<'a> {
    let chosen = |(found, inherited): Found<'a>, rule, rate| Choice {
        basis: Some(found.basis(rule, inherited)),
        rate,
        ..Choice::default()
    };
    let open = books.iter().filter(|(_, shelf)| shelf.window.contains(at));
    let mut in_books = open.filter_map(|(level, shelf)| {
        in_book(Some(&shelf.id), levels, currency).map(|found| chosen(found, PriceRule::Book(*level), None))
    });
    let catalogue = || in_book(None, levels, currency).map(|found| chosen(found, PriceRule::Catalogue, None));
    let converted = || {
        rates.iter().find_map(|(from, rate)| {
            let found = in_book(None, levels, *from)?;
            Some(chosen(found, PriceRule::Converted(*from), Some((*rate, currency))))
        })
    };
    in_books.next().or_else(catalogue).or_else(converted).unwrap_or_default()
}

fn lowest<'a>(
    (sold, lists): (&[Shelf], &[Shelf]),
    levels: &[Vec<Candidate<'a>>; 2],
    currency: Currency,
    at: Timestamp,
) -> Choice<'a> {
    let in_lists = || {
        let mut open = lists.iter().filter(|shelf| shelf.window.contains(at));
        open.find_map(|shelf| in_book(Some(&shelf.id), levels, currency))
    };
    for (candidates, inherited) in levels.iter().zip([false, true]) {
        let of = |book: &BookId| best(Some(book), candidates, currency);
        let open = sold.iter().filter(|shelf| shelf.window.contains(at));
        let offers = open.filter_map(|shelf| {
            let parent = shelf.ancestors.first().filter(|(_, window)| window.contains(at));
            let found = of(&shelf.id).or_else(|| of(&parent?.0))?;
            Some((shelf, found))
        });
        let compare = |(_, left): &(&Shelf, Candidate<'_>), (_, right): &(&Shelf, Candidate<'_>)| {
            amount(left.price).compare(amount(right.price))
        };
        let Some((shelf, found)) = offers.min_by(compare) else { continue };
        let top = shelf.ancestors.last().filter(|(_, window)| window.contains(at));
        let list = in_lists().or_else(|| top.and_then(|(top, _)| in_book(Some(top), levels, currency)));
        let list = list.map(|(list, _)| list);
        let list = list.filter(|list| amount(found.price).compare(list.price.value).is_lt());
        let mut basis = found.basis(PriceRule::Lowest, inherited);
        basis.list_book = list.and_then(|list| list.entry).and_then(|entry| entry.book.as_ref());
        return Choice { basis: Some(basis), list: list.map(|list| list.price), ..Choice::default() };
    }
    Choice::default()
}

/// Whether every restriction of its scope matches the buyer.
fn is_within_reach(candidate: Candidate<'_>, buyer: &Buyer<'_>) -> bool {
    let scope = &candidate.price.scope;
    scope.country.is_none_or(|country| Some(country) == buyer.country)
        && scope.group.as_ref().is_none_or(|group| Some(group) == buyer.group)
        && scope.channel.as_ref().is_none_or(|channel| Some(channel) == buyer.channel)
}
