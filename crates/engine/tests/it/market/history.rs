//! The lowest price of the 30 days before a reduction.

use model::{
    Money, PriceHistory, Timestamp, VariantId,
    history::{Asked, Lowest},
};
use proptest::{collection::vec, prelude::*};

use super::build::NOW;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;
const SPAN: i64 = 30 * DAY;

/// A price from an instant on: what is asked, and the list price; `None`: it is not sold.
pub(crate) type Seen = (i64, Option<(i64, i64)>);

/// The lowest price with its beginning, worked out from everything that was ever seen, by the words of the rule.
pub(crate) fn naive(seen: &[Seen]) -> Option<(i64, i64)> {
    let ends = |place: usize, at: i64| seen.get(place + 1).map_or(at, |(next, _)| *next);
    let price = |place: usize| seen[place].1;
    let (last_price, last_list) = seen.last()?.1?;
    if last_price >= last_list {
        return None;
    }
    // The reductions, each with what it remembers, one price after the other.
    let mut remembered: Option<Option<(i64, i64)>> = None;
    for (place, &(at, asked)) in seen.iter().enumerate() {
        let Some((now, list)) = asked else { continue };
        if now >= list {
            remembered = None;
            continue;
        }
        let in_span = || (0..place).filter(|it| ends(*it, at) > at - SPAN && price(*it).is_some());
        let before = in_span().next_back().and_then(price);
        let goes_on = before.is_some_and(|(earlier, list)| {
            earlier < list && (now == earlier || (now < earlier && remembered.flatten().is_some()))
        });
        if !goes_on {
            let lowest = in_span().map(|it| (price(it).unwrap().0, seen[it].0)).min();
            remembered = Some(lowest);
        }
    }
    remembered.flatten()
}

fn euros(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap())
}

/// Notes in an own history what was seen in one market.
fn noted(seen: &[Seen]) -> (PriceHistory, Option<Lowest>) {
    let (mut history, variant) = (PriceHistory::default(), VariantId::from("v"));
    for &(at, asked) in seen {
        let asked = asked.map(|(price, list)| (&variant, Asked { price: euros(price), reduced: price < list }));
        history.note("de", asked.into_iter(), Timestamp::from_millis(at));
    }
    let lowest = history.of("de", &variant).and_then(model::history::Prices::lowest);
    (history, lowest)
}

/// The same without what says nothing new: prices that go on.
pub(crate) fn changes(seen: &[Seen]) -> Vec<Seen> {
    let mut changes: Vec<Seen> = Vec::new();
    for &(at, asked) in seen {
        let same = |(_, last): &Seen| match (last, asked) {
            (None, None) => true,
            (Some((price, list)), Some((now, other))) => *price == now && (price < list) == (now < other),
            _ => false,
        };
        if !changes.last().map_or(asked.is_none(), same) {
            changes.push((at, asked));
        }
    }
    changes
}

fn days(seen: &[(i64, Option<(i64, i64)>)]) -> Vec<Seen> {
    seen.iter().map(|(day, asked)| (NOW.millis() + day * DAY, *asked)).collect()
}

#[track_caller]
fn is(seen: &[(i64, Option<(i64, i64)>)], lowest: Option<(i64, i64)>) {
    let seen = days(seen);
    let wanted = lowest.map(|(price, day)| (price, NOW.millis() + day * DAY));
    assert_eq!(naive(&seen), wanted, "the naive one");
    let (_, found) = noted(&seen);
    assert_eq!(found.map(|it| (it.price.minor, it.from.millis())), wanted);
}

#[test]
fn a_reduction_has_the_lowest_price_of_the_thirty_days_before_it() {
    let full = Some((100, 100));
    is(&[(0, full)], None);
    is(&[(0, full), (1, Some((80, 100)))], Some((100, 0)));
    is(&[(0, full), (10, Some((90, 90))), (12, full), (30, Some((80, 100)))], Some((90, 10)));
    // A price that ended 30 days before has no instant in the span; one that ended a moment later has.
    is(&[(0, Some((90, 90))), (10, full), (40, Some((80, 100)))], Some((100, 10)));
    is(&[(0, Some((90, 90))), (11, full), (40, Some((80, 100)))], Some((90, 0)));
    // It ends, and the next one sees it.
    is(&[(0, full), (5, Some((70, 100))), (9, full)], None);
    is(&[(0, full), (5, Some((70, 100))), (9, full), (20, Some((80, 100)))], Some((70, 5)));
}

#[test]
fn a_reduction_keeps_it_while_it_lasts_and_falls_further() {
    let long = [(0, Some((100, 100))), (1, Some((80, 100))), (50, Some((70, 100))), (90, Some((60, 100)))];
    is(&long, Some((100, 0)));
    // A price that rises is another reduction, although it is still below its list price.
    is(&[&long[..], &[(100, Some((90, 100)))]].concat(), Some((60, 90)));
    // A list price that is only asserted hides nothing.
    is(&[(0, Some((80, 80))), (10, Some((80, 100)))], Some((80, 0)));
}

#[test]
fn nothing_is_known_of_a_reduction_that_had_begun_before() {
    let begun = [(0, Some((80, 100)))];
    is(&begun, None);
    is(&[(0, Some((80, 100))), (40, Some((70, 100)))], Some((80, 0)));
    is(&[(0, Some((80, 100))), (5, Some((100, 100))), (6, Some((80, 100)))], Some((80, 0)));
}

#[test]
fn a_pause_ends_a_reduction_only_where_nothing_is_left_of_it() {
    let start = [(0, Some((100, 100))), (5, Some((80, 100))), (6, None)];
    is(&start, None);
    is(&[&start[..], &[(10, Some((80, 100)))]].concat(), Some((100, 0)));
    is(&[&start[..], &[(10, Some((75, 100)))]].concat(), Some((100, 0)));
    is(&[&start[..], &[(10, Some((90, 100)))]].concat(), Some((80, 5)));
    is(&[&start[..], &[(36, Some((80, 100)))]].concat(), None);
}

#[test]
fn another_currency_begins_a_history_and_every_currency_is_exact() {
    let (mut history, variant) = (PriceHistory::default(), VariantId::from("v"));
    let mut note = |minor, code: &str, reduced, hour: i64| {
        let price = Money::new(minor, code.parse().unwrap());
        let at = Timestamp::from_millis(NOW.millis() + hour * HOUR);
        history.note("m", std::iter::once((&variant, Asked { price, reduced })), at);
        let prices = history.of("m", &variant).unwrap();
        (prices.lowest().map(|it| it.price.to_string()), prices.since == at)
    };
    let shown = |text: &str| Some(text.to_owned());
    assert_eq!(note(1999, "JPY", false, 0), (None, true));
    assert_eq!(note(1500, "JPY", true, 1), (shown("1999 JPY"), false));
    assert_eq!(note(1500, "KWD", true, 2), (None, true), "of dinars nothing was seen before");
    assert_eq!(note(1600, "KWD", false, 3), (None, false));
    assert_eq!(note(1234, "KWD", true, 4), (shown("1.500 KWD"), false));
}

#[test]
fn a_clock_that_was_set_back_loses_nothing_and_one_far_ahead_is_forgotten() {
    let (mut history, variant) = (PriceHistory::default(), VariantId::from("v"));
    let at = |day: i64| Timestamp::from_millis(NOW.millis() + day * DAY);
    let mut note = |price, reduced, day| {
        history.keep(|_| true, at(day));
        history.note("m", std::iter::once((&variant, Asked { price: euros(price), reduced })), at(day));
        let prices = history.of("m", &variant).unwrap();
        (prices.lowest().map(|it| it.price.minor), prices.since == at(day))
    };
    assert_eq!(note(100, false, 0), (None, true));
    assert_eq!(note(90, false, 10), (None, false));
    assert_eq!(note(95, false, 3), (None, false), "as from day 10");
    assert_eq!(note(80, true, 4), (Some(90), false));
    assert_eq!(note(100, false, 5000), (None, false));
    assert_eq!(note(80, true, 20), (None, true), "the clock was ahead by years, and its history says nothing");
}

#[test]
fn a_history_does_not_grow_without_end() {
    let seen: Vec<Seen> = (0..5000).map(|n| (NOW.millis() + n * HOUR / 8, Some((1000 - (n % 7), 1000)))).collect();
    let (history, lowest) = noted(&seen);
    assert!(history.of("de", &"v".into()).unwrap().kept() <= 200);
    assert_eq!(lowest.map(|it| it.price.minor), Some(994), "of prices that are too many the lower ones stay");
    let rare: Vec<Seen> = (0..100).map(|n| (NOW.millis() + n * 20 * DAY, Some((1000 - (n % 2), 1000)))).collect();
    assert!(noted(&rare).0.of("de", &"v".into()).unwrap().kept() <= 4, "what ended long ago is forgotten");
}

fn seen() -> impl Strategy<Value = Vec<Seen>> {
    let asked = proptest::option::weighted(0.85, (0..5_i64, 0..3_i64)).prop_map(|asked| {
        // Few prices, so that they often return.
        asked.map(|(price, off)| (price, price + off))
    });
    let gap =
        prop_oneof![4 => 1..(4 * DAY), 2 => (1..40_i64).prop_map(|days| days * DAY), 1 => Just(0), 1 => Just(SPAN)];
    vec((gap, asked), 1..40).prop_map(|steps| {
        let mut at = NOW.millis();
        let step = |(gap, asked)| {
            at += gap;
            (at, asked)
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn every_history_gives_what_the_rule_says(seen in seen()) {
        let changes = changes(&seen);
        for until in 1..=changes.len() {
            let (_, found) = noted(&changes[..until]);
            prop_assert_eq!(found.map(|it| (it.price.minor, it.from.millis())), naive(&changes[..until]));
        }
        // What says nothing new changes nothing.
        prop_assert_eq!(noted(&seen).1, noted(&changes).1);
    }
}
