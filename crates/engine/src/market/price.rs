//! Which of a variant's prices holds for a buyer at an instant, where scopes decide. [`super::book`] has the policies of
//! price lists and price books.
//!
//! The rule of [`PricePolicy::FirstScope`](model::PricePolicy), in this order:
//! 1. A price counts only if it is in the buyer's currency, not for recurring orders, switched on, and its window holds the
//!    instant.
//! 2. The first level of the [`ScopeOrder`] with a match wins. A price that names a country, group or channel the buyer
//!    does not have is never chosen.
//! 3. Within a level a price with a window beats one without.
//! 4. Shops forbid two prices of one scope whose windows overlap. Where that happens all the same, the window that began
//!    last wins, then the one that ends first, then the entry that was created last (the other is a deletion that is not
//!    known yet), then the lower amount: the order of the prices never decides.
//! 5. A variant without a price that holds has the price of its product.
//!
//! Tiers start at two pieces and are left alone. What one piece costs is the discounted amount where there is one.
//! **Zero is a price. A negative price is none**: no higher price is taken instead, so the variant is not sold until
//! the shop corrects it.

use std::cmp::{Ordering, Reverse};

use model::{
    Currency, Money, Precise, Price, PriceEntry, Timestamp, Window,
    listing::{PriceBasis, PriceRule},
    price::{Buyer, ScopeMatch, ScopeOrder},
};

/// A price that may be chosen, and the record that holds it, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The price.
    pub price: &'a Price,
    /// Its record.
    pub entry: Option<&'a PriceEntry>,
}

impl<'a> From<&'a Price> for Candidate<'a> {
    fn from(price: &'a Price) -> Self {
        Self { price, entry: None }
    }
}

impl<'a> From<&'a PriceEntry> for Candidate<'a> {
    fn from(entry: &'a PriceEntry) -> Self {
        Self { price: &entry.price, entry: Some(entry) }
    }
}

impl<'a> Candidate<'a> {
    /// Whether a buyer could get it now or later: it is switched on and not for recurring orders.
    pub(super) fn is_offered(self) -> bool {
        !self.price.recurring && self.entry.is_none_or(|entry| entry.active)
    }

    pub(super) fn basis(self, rule: PriceRule, inherited: bool) -> PriceBasis<'a> {
        let book = self.entry.and_then(|entry| entry.book.as_ref());
        let entry = self.entry.map(|entry| &entry.id);
        PriceBasis { price: self.price, rule, entry, book, list_book: None, inherited }
    }

    /// Compares two valid prices: [`Ordering::Less`] if this one wins.
    pub(super) fn compare(self, other: Self) -> Ordering {
        let window = |it: Self| {
            let window = it.price.window;
            let until = window.until.unwrap_or(Timestamp::from_millis(i64::MAX));
            (window.is_open(), Reverse(window.from), until)
        };
        let created = |it: Self| it.entry.and_then(|entry| entry.created_at);
        window(self)
            .cmp(&window(other))
            .then_with(|| created(other).cmp(&created(self)))
            .then_with(|| amount(self.price).compare(amount(other.price)))
            .then_with(|| self.price.value.compare(other.price.value))
            .then_with(|| self.entry.map(|entry| &entry.id).cmp(&other.entry.map(|entry| &entry.id)))
    }
}

/// The chosen prices, and how long the choice holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Choice<'a> {
    /// The price that holds, whatever its sign.
    pub basis: Option<PriceBasis<'a>>,
    /// The list price, if it is another price.
    pub list: Option<&'a Price>,
    /// The rate and currency by which both are converted.
    pub rate: Option<(Precise, Currency)>,
    /// The span around the instant in which no window of a price that this buyer could get begins or ends.
    pub holds: Window,
}

impl Choice<'_> {
    /// The price of one piece, and its price without the discount (never lower); `None` if nothing was chosen or either
    /// is negative.
    pub fn amounts(&self) -> Option<(Money, Money)> {
        let price = self.basis?.price;
        let convert = |money: Money| match self.rate {
            Some((rate, into)) => money.converted(rate, into),
            None => Some(money),
        };
        let now = convert(amount(price))?;
        let list = convert(self.list.unwrap_or(price).value)?;
        let sold = !now.is_negative() && !list.is_negative() && !price.value.is_negative();
        sold.then_some((now, if list.compare(now) == Ordering::Less { now } else { list }))
    }
}

/// Chooses for `buyer` at `at` by scope; `own` prices are the variant's, `inherited` ones its product's.
pub fn choose<'a>(
    own: impl IntoIterator<Item = Candidate<'a>>,
    inherited: impl IntoIterator<Item = Candidate<'a>>,
    buyer: &Buyer<'_>,
    order: ScopeOrder,
    at: Timestamp,
) -> Choice<'a> {
    let mut choice = by_scope(own, false, buyer, order, at);
    if choice.basis.is_none() {
        let of_product = by_scope(inherited, true, buyer, order, at);
        choice = Choice { holds: choice.holds.and(of_product.holds), ..of_product };
    }
    choice
}

fn by_scope<'a>(
    prices: impl IntoIterator<Item = Candidate<'a>>,
    inherited: bool,
    buyer: &Buyer<'_>,
    order: ScopeOrder,
    at: Timestamp,
) -> Choice<'a> {
    let mut holds = Window::OPEN;
    let mut best: Option<(usize, ScopeMatch, Candidate<'a>)> = None;
    for candidate in prices {
        let Some((level, scope)) = level(candidate, buyer, order) else { continue };
        holds = holds.and(candidate.price.window.steady(at));
        if candidate.price.window.contains(at)
            && best.is_none_or(|(of, _, it)| level.cmp(&of).then_with(|| candidate.compare(it)).is_lt())
        {
            best = Some((level, scope, candidate));
        }
    }
    let basis = best.map(|(_, scope, candidate)| candidate.basis(PriceRule::Scope(scope), inherited));
    Choice { basis, holds, ..Choice::default() }
}

/// A discount in another currency is an error of the shop and is not applied.
pub(super) fn amount(price: &Price) -> Money {
    price.discounted.filter(|discounted| discounted.currency == price.value.currency).unwrap_or(price.value)
}

/// Index of the price's scope in the order; `None` if the buyer never gets it.
fn level(candidate: Candidate<'_>, buyer: &Buyer<'_>, order: ScopeOrder) -> Option<(usize, ScopeMatch)> {
    let price = candidate.price;
    if price.value.currency != buyer.currency || !candidate.is_offered() {
        return None;
    }
    let fits = |level: &ScopeMatch| {
        part(level.group, price.scope.group.as_ref(), buyer.group)
            && part(level.channel, price.scope.channel.as_ref(), buyer.channel)
            && part(level.country, price.scope.country.as_ref(), buyer.country.as_ref())
    };
    order.iter().enumerate().find(|(_, level)| fits(level)).map(|(place, level)| (place, *level))
}

/// Whether a part of a scope matches the buyer's if `must` is set, and is unrestricted otherwise.
pub(super) fn part<T: PartialEq>(named: bool, scope: Option<&T>, buyer: Option<&T>) -> bool {
    if named { scope.is_some() && scope == buyer } else { scope.is_none() }
}
