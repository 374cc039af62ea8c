//! Which of a variant's prices holds for a buyer at an instant.
//!
//! The rule, in this order:
//! 1. A price counts only if it is in the buyer's currency, not for recurring orders, and its window holds the instant.
//! 2. The first level of the [`ScopeOrder`] with a match wins. A price that names a country, group or channel the buyer
//!    does not have is never chosen.
//! 3. Within a level a price with a window beats one without.
//! 4. Shops forbid two prices of one scope whose windows overlap. Where that happens all the same, the window that began
//!    last wins, then the one that ends first, then the lower amount: the order of the prices never decides.
//!
//! Tiers start at two pieces and are left alone. What one piece costs is the discounted amount where there is one.
//! **Zero is a price. A negative price is none**: it is not passed over for a dearer one either, so the variant is not
//! sold until the shop corrects it.

use std::cmp::Reverse;

use model::{
    Money, Price, Timestamp,
    price::{Buyer, Level, ScopeOrder},
};

/// What was chosen, and when that may change by time alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice<'a> {
    /// The price that holds, whatever its sign.
    pub price: Option<&'a Price>,
    /// The first boundary of a window, after the instant, among prices that this buyer could get.
    pub next: Option<Timestamp>,
}

/// Chooses for `buyer` at `at`.
pub fn choose<'a>(
    prices: impl IntoIterator<Item = &'a Price>,
    buyer: &Buyer<'_>,
    order: ScopeOrder,
    at: Timestamp,
) -> Choice<'a> {
    let mut choice = Choice { price: None, next: None };
    let mut best = None;
    for price in prices {
        let Some(level) = level(price, buyer, order) else { continue };
        choice.next = earlier(choice.next, price.window.next_boundary(at));
        if !price.window.contains(at) {
            continue;
        }
        let rank = (
            level,
            price.window.is_open(),
            Reverse(price.window.from),
            price.window.until.unwrap_or(Timestamp::from_millis(i64::MAX)),
            amount(price).minor,
            price.value.minor,
        );
        if best.is_none_or(|best| rank < best) {
            best = Some(rank);
            choice.price = Some(price);
        }
    }
    choice
}

/// What one piece costs and what it costs without the discount (never less); none where either is negative.
pub fn amounts(price: &Price) -> Option<(Money, Money)> {
    let now = amount(price);
    let list = if price.value.minor < now.minor { now } else { price.value };
    (now.minor >= 0 && price.value.minor >= 0).then_some((now, list))
}

/// The earlier of two instants that may not come.
pub fn earlier(left: Option<Timestamp>, right: Option<Timestamp>) -> Option<Timestamp> {
    left.into_iter().chain(right).min()
}

/// A discount in another currency is an error of the shop and is not applied.
fn amount(price: &Price) -> Money {
    price.discounted.filter(|discounted| discounted.currency == price.value.currency).unwrap_or(price.value)
}

/// Place of the price's scope in the order; none where the buyer never gets it.
fn level(price: &Price, buyer: &Buyer<'_>, order: ScopeOrder) -> Option<usize> {
    if price.recurring || price.value.currency != buyer.currency {
        return None;
    }
    order.iter().position(|level| fits(price, buyer, *level))
}

fn fits(price: &Price, buyer: &Buyer<'_>, level: Level) -> bool {
    part(level.group, price.scope.group.as_ref(), buyer.group)
        && part(level.channel, price.scope.channel.as_ref(), buyer.channel)
        && part(level.country, price.scope.country.as_ref(), buyer.country.as_ref())
}

fn part<T: PartialEq>(named: bool, scope: Option<&T>, buyer: Option<&T>) -> bool {
    if named { scope.is_some() && scope == buyer } else { scope.is_none() }
}
