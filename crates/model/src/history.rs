//! Prices over time, and the lowest of the 30 days before a reduction: the "prior price" of Article 6a of Directive
//! 98/6/EC (as Directive (EU) 2019/2161 has it), which a shop in the European Union shows with a reduction.
//!
//! The rule, per market and variant:
//! 1. What counts is what a shopper paid for one piece in the market, from the instant at which that began.
//! 2. A reduction is a price below its list price. It begins when such a price begins, and when one rises; it goes on
//!    while the price falls further, and ends with a price that is not reduced. Article 6a(5): a price that falls in
//!    steps without interruption keeps the prior price of its first step.
//! 3. The lowest price is that of the prices that were valid at some instant of the [`SPAN`] before the reduction began;
//!    the reduction itself is not among them. It stays the same as long as the reduction does.
//! 4. Of a reduction that had begun before its prices were seen nothing is known, until the price falls further: what
//!    was seen before that counts then.
//! 5. While the market does not sell a variant it has no price. A reduction goes on after that as if there had been no
//!    pause, unless none of its prices is left in the [`SPAN`].

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Money, Timestamp, VariantId};

/// How far back prices count.
pub const SPAN: Duration = Duration::from_hours(30 * 24);

/// Most prices of a variant that are kept; of more, the two oldest become one: the lower of both, for the time of both.
const MOST_STEPS: usize = 200;

/// The prices that a flow has seen of a product. Its serde form is a storage format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceHistory {
    /// Until when they hold by time alone.
    pub until: Option<Timestamp>,
    /// By the market's key, and by variant.
    markets: BTreeMap<String, BTreeMap<VariantId, Prices>>,
}

/// The prices of a variant in a market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// Since when they are known.
    pub since: Timestamp,
    /// By rising time; never empty.
    steps: Vec<Step>,
}

/// A price, valid until the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    at: Timestamp,
    /// None: it is not sold.
    price: Option<Money>,
    /// The reduction that it belongs to.
    reduction: Option<Reduction>,
}

/// A reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduction {
    /// When it began, as far as that was seen.
    pub since: Timestamp,
    /// The lowest price of the [`SPAN`] before; `None`: no price was seen then.
    pub lowest: Option<Lowest>,
}

/// The lowest price of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lowest {
    /// The price.
    pub price: Money,
    /// When it began.
    pub from: Timestamp,
}

/// What a market asks for a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What one piece costs.
    pub price: Money,
    /// Whether that is below its list price.
    pub reduced: bool,
}

impl PriceHistory {
    /// The prices of a variant; `None`: none was ever seen.
    pub fn of(&self, market: &str, variant: &VariantId) -> Option<&Prices> {
        self.markets.get(market)?.get(variant)
    }

    /// Whether no price was ever seen.
    pub fn is_empty(&self) -> bool {
        self.markets.is_empty()
    }

    /// Forgets markets other than these, and prices that a clock far ahead noted: more than a [`SPAN`] after `now`.
    /// Those that are less far ahead stay, and what follows is noted as from the same instant.
    pub fn keep(&mut self, is_market: impl Fn(&str) -> bool, now: Timestamp) {
        let latest = now.plus(SPAN);
        self.retain(|market, prices| is_market(market) && prices.last().is_none_or(|last| last.at <= latest));
    }

    /// Notes what a market asks from `at` on: for these variants, and nothing for others. An instant before the last one is
    /// taken as that one.
    pub fn note<'v>(&mut self, market: &str, asked: impl Iterator<Item = (&'v VariantId, Asked)>, at: Timestamp) {
        let asked: BTreeMap<&VariantId, Asked> = asked.collect();
        for (variant, prices) in self.markets.get_mut(market).into_iter().flatten() {
            if !asked.contains_key(variant) {
                prices.note(None, at);
            }
        }
        for (variant, now) in asked {
            let known = self.markets.get_mut(market).and_then(|of| of.get_mut(variant));
            if let Some(prices) = known.filter(|prices| prices.is_in_currency_of(now.price)) {
                prices.note(Some(now), at);
            } else {
                let of = self.markets.entry(market.to_owned()).or_default();
                of.insert(variant.clone(), Prices::begin(now, at));
            }
        }
        // Of what is no longer sold nothing will be asked for.
        let before = at.minus(SPAN);
        self.retain(|_, prices| prices.last().is_none_or(|last| last.price.is_some() || last.at > before));
    }

    fn retain(&mut self, keep: impl Fn(&str, &Prices) -> bool) {
        self.markets.retain(|market, of| {
            of.retain(|_, prices| keep(market, prices));
            !of.is_empty()
        });
    }
}

impl Prices {
    fn begin(asked: Asked, at: Timestamp) -> Self {
        let reduction = asked.reduced.then_some(Reduction { since: at, lowest: None });
        Self { since: at, steps: vec![Step { at, price: Some(asked.price), reduction }] }
    }

    /// The reduction that holds now; `None`: the price is not reduced, or the market does not sell the variant.
    pub fn reduction(&self) -> Option<Reduction> {
        self.last().filter(|last| last.price.is_some())?.reduction
    }

    /// The lowest price of the [`SPAN`] before the reduction that holds now.
    pub fn lowest(&self) -> Option<Lowest> {
        self.reduction()?.lowest
    }

    /// How many prices are kept.
    pub fn kept(&self) -> usize {
        self.steps.len()
    }

    fn last(&self) -> Option<&Step> {
        self.steps.last()
    }

    fn is_in_currency_of(&self, money: Money) -> bool {
        self.steps.iter().filter_map(|step| step.price).all(|price| price.currency == money.currency)
    }

    fn note(&mut self, asked: Option<Asked>, at: Timestamp) {
        let Some(last) = self.last() else { return };
        let at = at.max(last.at);
        let is_same = match asked {
            None => last.price.is_none(),
            Some(asked) => last.price == Some(asked.price) && last.reduction.is_some() == asked.reduced,
        };
        if is_same {
            return;
        }
        let reduction = match asked {
            // It is remembered during a pause.
            None => last.reduction,
            Some(asked) => asked.reduced.then(|| self.reduction_from(asked.price, at)),
        };
        // The oldest price that is kept is valid at the beginning of the span.
        let before = at.minus(SPAN);
        while self.steps.get(1).is_some_and(|second| second.at <= before) {
            self.steps.remove(0);
        }
        self.steps.push(Step { at, price: asked.map(|asked| asked.price), reduction });
        if self.steps.len() > MOST_STEPS {
            let second = self.steps.remove(1).price;
            if let Some(first) = self.steps.first_mut() {
                first.price = [first.price, second].into_iter().flatten().min_by(|left, right| left.compare(*right));
            }
        }
    }

    /// The reduction of a reduced price that begins at `at`.
    fn reduction_from(&self, price: Money, at: Timestamp) -> Reduction {
        let before = || self.valid_since(at.minus(SPAN), at);
        let last = before().filter(|step| step.price.is_some()).last();
        if let Some(&Step { price: Some(earlier), reduction: Some(reduction), .. }) = last {
            let falls = price.compare(earlier);
            if falls.is_eq() || (falls.is_lt() && reduction.lowest.is_some()) {
                return reduction;
            }
        }
        let prices = before().filter_map(|step| Some(Lowest { price: step.price?, from: step.at }));
        Reduction { since: at, lowest: prices.min_by(|left, right| left.price.compare(right.price)) }
    }

    /// The steps that were valid at some instant from `begin` until `end`, where the last of all ends.
    fn valid_since(&self, begin: Timestamp, end: Timestamp) -> impl Iterator<Item = &Step> {
        let ends = self.steps.iter().skip(1).map(|next| next.at).chain([end]);
        self.steps.iter().zip(ends).filter(move |(_, ends)| *ends > begin).map(|(step, _)| step)
    }
}
