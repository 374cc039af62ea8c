//! Notes what the markets of a flow ask for a product in its history of prices, and gives its offers what that tells.
//! Pure: no clock, no store.
//!
//! A price begins at the instant at which the record, or what it is projected with, came into the mirror, or at which a
//! window of time began or ended, whenever that is noted: a hub that was stopped finds the windows that passed meanwhile
//! in the record. Only another price by other settings begins when it is noted. Two things are not known: what a record said
//! meanwhile that the mirror never had, and what its windows asked for between a change and a later touch, where this flow
//! was not pushed in between.
//!
//! **Invariant:** the same record, history and entry give the same history, whenever it is noted, up to the prices that
//! begin later.

use contract::store::Work;
use model::{
    Listing, PriceHistory, Product, Timestamp,
    history::{Asked, Prices},
};

use crate::market::{Projections, View, Views};

/// So many instants at which a projection changed by time alone are looked at; what lies between these and now is
/// skipped.
const MOST_PASSED: usize = 100;

/// The history of a product's prices with those of `projections`, which are its present ones, and those that passed since
/// it was noted last. The offers get what the history tells of them.
pub(crate) fn observe<'a>(
    views: &'a Views,
    product: &'a Product,
    work: &'a Work,
    projections: &mut Projections<'a, Listing<'a>>,
    now: Timestamp,
) -> PriceHistory {
    let mut history = known(views.each(), work, now);
    let mut at = since(work, now);
    let begin = projections.holds.from;
    for _ in 0..MOST_PASSED {
        if begin.is_none_or(|begin| begin <= at) {
            break;
        }
        let past = views.product(product, work.joined(), at);
        note(&mut history, &past, at);
        let Some(next) = past.holds.until.filter(|next| *next > at) else { break };
        at = next;
    }
    note(&mut history, projections, begin.map_or(at, |begin| begin.max(at)));
    history.until = if history.is_empty() { None } else { projections.holds.until };
    for (market, listing) in &mut projections.markets {
        for offer in listing.iter_mut().flat_map(|listing| &mut listing.variants) {
            let prices = history.of(&market.key, offer.id);
            offer.lowest_price_30d = prices.and_then(Prices::lowest).map(|lowest| lowest.price);
            offer.price_seen_since = prices.map(|prices| prices.since);
        }
    }
    history
}

/// The history of the prices of a product that was deleted.
pub(crate) fn gone(views: &[View], work: &Work, now: Timestamp) -> PriceHistory {
    let mut history = known(views, work, now);
    let at = since(work, now);
    for view in views {
        history.note(&view.market().key, std::iter::empty(), at);
    }
    history.until = None;
    history
}

fn known(views: &[View], work: &Work, now: Timestamp) -> PriceHistory {
    let mut history = work.prices.clone().unwrap_or_default();
    history.keep(|key| views.iter().any(|view| view.market().key == key), now);
    history
}

/// From when on the record, as it is now, tells its prices: since it was touched; if it was not since it was settled, since
/// what was noted of it then stopped being valid by time alone.
fn since(work: &Work, now: Timestamp) -> Timestamp {
    let is_settled = |entry: &contract::store::Entry| entry.revision >= work.revision;
    let is_noted = work.prices.is_some() && work.entry.as_ref().is_some_and(is_settled);
    let touched = (!is_noted).then_some(work.touched_at);
    let ended = work.prices.as_ref().and_then(|prices| prices.until);
    touched.into_iter().chain(ended).fold(now, Timestamp::min)
}

fn note(history: &mut PriceHistory, projections: &Projections<'_, Listing<'_>>, at: Timestamp) {
    for (market, listing) in &projections.markets {
        let offers = listing.iter().flat_map(|listing| &listing.variants);
        let asked = offers.map(|offer| (offer.id, Asked { price: offer.price, reduced: offer.on_sale }));
        history.note(&market.key, asked, at);
    }
}
