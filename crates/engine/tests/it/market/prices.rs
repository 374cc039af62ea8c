use engine::market::price::{Candidate, Choice, choose};
use model::{
    Country, Currency, Filtered, GroupId, Money, Price, PriceEntry, PriceHome, Record, Timestamp,
    price::{Buyer, Scope, Window},
};
use proptest::prelude::*;

use super::build::*;

fn scope(group: Option<&str>, channel: Option<&str>, country: Option<&str>) -> Scope {
    Scope {
        group: group.map(Into::into),
        channel: channel.map(Into::into),
        country: country.map(|code| code.parse().unwrap()),
    }
}

fn window(from: Option<i64>, until: Option<i64>) -> Window {
    Window { from: from.map(later), until: until.map(later) }
}

/// Chooses among prices of the variant itself.
fn own<'a>(prices: &'a [Price], buyer: &Buyer<'_>, at: Timestamp) -> Choice<'a> {
    choose(prices.iter().map(Candidate::from), [], buyer, ORDER, at)
}

fn price_of<'a>(choice: &Choice<'a>) -> Option<&'a Price> {
    choice.basis.map(|basis| basis.price)
}

/// Amount that is chosen for a buyer in DE, of group g, in channel c.
fn chosen(prices: &[Price]) -> Option<i64> {
    let (group, channel) = ("g".into(), "c".into());
    let buyer = Buyer {
        currency: "EUR".parse().unwrap(),
        country: Some("DE".parse().unwrap()),
        group: Some(&group),
        channel: Some(&channel),
        store: None,
    };
    price_of(&own(prices, &buyer, NOW)).map(|price| price.value.minor)
}

#[test]
fn the_most_specific_scope_wins_level_by_level() {
    let (group, channel, country) = (Some("g"), Some("c"), Some("DE"));
    let levels = [
        scope(group, channel, country),
        scope(group, channel, None),
        scope(group, None, country),
        scope(group, None, None),
        scope(None, channel, country),
        scope(None, channel, None),
        scope(None, None, country),
        scope(None, None, None),
    ];
    let mut prices: Vec<Price> =
        levels.iter().zip(1..).map(|(scope, minor)| Price { scope: scope.clone(), ..euros(minor) }).collect();
    for expected in 1..=8 {
        assert_eq!(chosen(&prices), Some(expected));
        prices.reverse();
        assert_eq!(chosen(&prices), Some(expected), "the order of the prices decides nothing");
        prices.reverse();
        prices.remove(0);
    }
    assert_eq!(chosen(&prices), None);
}

#[test]
fn a_scope_the_buyer_does_not_have_is_never_chosen() {
    for foreign in [
        scope(Some("other"), None, None),
        scope(None, Some("other"), None),
        scope(None, None, Some("AT")),
        scope(Some("g"), Some("c"), Some("AT")),
        scope(Some("g"), Some("other"), Some("DE")),
    ] {
        assert_eq!(chosen(&[Price { scope: foreign, ..euros(1) }]), None);
    }
    let nobody = Buyer { currency: "EUR".parse().unwrap(), country: None, group: None, channel: None, store: None };
    for named in [scope(Some("g"), None, None), scope(None, Some("c"), None), scope(None, None, Some("DE"))] {
        let priced = [Price { scope: named, ..euros(1) }];
        assert_eq!(own(&priced, &nobody, NOW), Choice::default());
    }
}

#[test]
fn what_rules_a_price_out_and_what_settles_ties() {
    let dated = |minor, from, until| Price { window: window(from, until), ..euros(minor) };
    let cases: &[(&str, Vec<Price>, Option<i64>)] = &[
        ("none", vec![], None),
        ("another currency", vec![price(1, "GBP")], None),
        ("recurring", vec![Price { recurring: true, ..euros(1) }, euros(2)], Some(2)),
        ("not yet", vec![dated(1, Some(1), None)], None),
        ("from now on", vec![dated(1, Some(0), None)], Some(1)),
        ("until now", vec![dated(1, None, Some(0))], None),
        ("until just after now", vec![dated(1, None, Some(1))], Some(1)),
        ("a window beats none", vec![euros(1), dated(2, Some(-5), Some(5))], Some(2)),
        ("half a window is one", vec![euros(1), dated(2, None, Some(5))], Some(2)),
        ("a window that is over does not", vec![euros(1), dated(2, Some(-5), Some(0))], Some(1)),
        ("the later beginning", vec![dated(1, Some(-9), Some(9)), dated(2, Some(-5), Some(9))], Some(2)),
        ("the earlier end", vec![dated(1, Some(-5), Some(9)), dated(2, Some(-5), Some(8))], Some(2)),
        ("the lower amount", vec![euros(2), euros(1)], Some(1)),
        (
            "a scope beats a window",
            vec![Price { scope: scope(None, None, Some("DE")), ..euros(1) }, dated(2, Some(-5), Some(5))],
            Some(1),
        ),
        (
            "a window that is over gives way to the next level",
            vec![Price { scope: scope(None, None, Some("DE")), ..dated(1, None, Some(-1)) }, euros(2)],
            Some(2),
        ),
    ];
    for (name, prices, expected) in cases {
        assert_eq!(chosen(prices), *expected, "{name}");
        let backwards: Vec<_> = prices.iter().rev().cloned().collect();
        assert_eq!(chosen(&backwards), *expected, "{name}, backwards");
    }
}

fn amounts(price: &Price) -> Option<(Money, Money)> {
    let buyer = Buyer { currency: price.value.currency, country: None, group: None, channel: None, store: None };
    let unscoped = Price { scope: Scope::default(), window: Window::OPEN, recurring: false, ..price.clone() };
    own(&[unscoped], &buyer, NOW).amounts()
}

#[test]
fn amounts_take_the_discount_and_refuse_what_is_negative() {
    let discounted = |minor, to| Price { discounted: Some(Money::new(to, euros(0).value.currency)), ..euros(minor) };
    let minors = |price: &Price| amounts(price).map(|(now, list)| (now.minor, list.minor));
    assert_eq!(minors(&euros(1999)), Some((1999, 1999)));
    assert_eq!(minors(&discounted(1999, 1499)), Some((1499, 1999)));
    assert_eq!(minors(&discounted(1999, 0)), Some((0, 1999)));
    assert_eq!(minors(&euros(0)), Some((0, 0)));
    assert_eq!(minors(&discounted(1499, 1999)), Some((1999, 1999)), "a list price is never below the price");
    assert_eq!(minors(&euros(-1)), None);
    assert_eq!(minors(&discounted(1999, -1)), None);
    let foreign = Price { discounted: Some(Money::new(1, "GBP".parse().unwrap())), ..euros(1999) };
    assert_eq!(minors(&foreign), Some((1999, 1999)));
}

#[test]
fn a_window_opens_and_closes_by_the_clock_alone() {
    let view = plain_view();
    let sale = Price { window: window(Some(1000), Some(3000)), ..euros(999) };
    let mut shirt = variant("S");
    shirt.prices = vec![euros(1999), sale, Price { window: window(Some(2000), None), ..price(5, "GBP") }];
    let product = product(vec![shirt]);
    let look = |at: i64| {
        let projection = view.product(&product, &[], later(at));
        (projection.listing.unwrap().variants[0].price.minor, projection.holds.until)
    };
    assert_eq!(look(0), (1999, Some(later(1000))));
    assert_eq!(look(999), (1999, Some(later(1000))));
    assert_eq!(look(1000), (999, Some(later(3000))));
    assert_eq!(look(2999), (999, Some(later(3000))));
    assert_eq!(look(3000), (1999, None));
}

#[test]
fn a_product_without_a_price_says_when_it_will_have_one() {
    let mut soon = variant("S");
    soon.prices = vec![Price { window: window(Some(1), None), ..euros(1) }];
    let mut never = variant("M");
    never.prices = vec![price(1, "GBP")];
    let product = product(vec![never, soon]);
    let view = plain_view();
    let projection = view.product(&product, &[], NOW);
    assert_eq!(projection.listing.unwrap_err(), Filtered::NoPrice);
    assert_eq!(projection.holds.until, Some(later(1)));
    let open = view.product(&product, &[], later(1)).listing.unwrap();
    assert_eq!(open.variants.len(), 1);
    assert_eq!(open.variants[0].sku.unwrap().as_str(), "S");
}

#[test]
fn zero_is_a_price_and_a_negative_one_is_none() {
    let mut free = variant("FREE");
    free.prices = vec![euros(0)];
    let mut wrong = variant("WRONG");
    // The dearer price is not taken instead, because the shop's intention is not known.
    wrong.prices = vec![euros(5000), Price { scope: scope(None, None, Some("DE")), ..euros(-1) }];
    let view = plain_view();
    let both = product(vec![wrong.clone(), free]);
    let listing = view.product(&both, &[], NOW).listing.unwrap();
    assert_eq!(listing.variants.iter().map(|offer| offer.price.minor).collect::<Vec<_>>(), [0]);
    let only = product(vec![wrong]);
    assert_eq!(view.product(&only, &[], NOW).listing.unwrap_err(), Filtered::NoPrice);
}

#[test]
fn prices_of_their_own_are_found_by_sku() {
    let entry = |id: &str, sku: &str, active, price| {
        Record::Price(PriceEntry {
            id: id.into(),
            item: sku.into(),
            book: None,
            active,
            price,
            created_at: None,
            notices: Vec::new(),
        })
    };
    let mut sized = product(vec![variant("S"), variant("M"), variant("L")]);
    sized.price_home = PriceHome::Entries;
    let mut nameless = variant("X");
    nameless.sku = None;
    sized.variants.push(nameless);
    let joined = [
        entry("1", "S", true, euros(100)),
        entry("2", "L", true, euros(300)),
        entry("3", "M", false, euros(200)),
        entry("4", "S", true, Price { window: window(Some(-1), Some(1)), ..euros(50) }),
        entry("5", "M", false, Price { window: window(Some(0), None), ..euros(7) }),
        entry("6", "S-2", true, euros(1)),
    ];
    let view = plain_view();
    let projection = view.product(&sized, &joined, NOW);
    let listing = projection.listing.unwrap();
    let offers: Vec<_> = listing.variants.iter().map(|it| (it.sku.unwrap().as_str(), it.price.minor)).collect();
    assert_eq!(offers, [("S", 50), ("L", 300)]);
    assert_eq!(projection.holds.until, Some(later(1)));
}

/// A shop deletes a price and creates another with the same scope, and the deletion is not known yet.
#[test]
fn of_two_prices_of_one_scope_the_one_created_later_counts() {
    let entry = |id: &str, created: i64, active, minor| {
        Record::Price(PriceEntry {
            id: id.into(),
            item: "S".into(),
            book: None,
            active,
            price: euros(minor),
            created_at: Some(Timestamp::from_millis(created)),
            notices: Vec::new(),
        })
    };
    let mut product = product(vec![variant("S")]);
    product.price_home = PriceHome::Entries;
    let view = plain_view();
    let price = |joined: &[Record]| view.product(&product, joined, NOW).listing.unwrap().variants[0].price.minor;
    // Neither the order of ids, of amounts nor of arrival decides.
    for (old, new) in [("1", "2"), ("2", "1")] {
        for (before, after) in [(100, 300), (300, 100)] {
            let mut joined = vec![entry(old, 1, true, before), entry(new, 2, true, after)];
            for _ in 0..2 {
                assert_eq!(price(&joined), after, "{old} at {before} before {new} at {after}");
                joined.reverse();
            }
            let switched_off = [entry(old, 1, true, before), entry(new, 2, false, after)];
            assert_eq!(price(&switched_off), before, "one that is switched off does not count");
        }
    }
}

/// The rule again, as the vendor documents it rather than in one pass.
fn by_the_book<'a>(prices: &'a [Price], buyer: &Buyer<'_>, at: Timestamp) -> Option<&'a Price> {
    let alive: Vec<&Price> = prices
        .iter()
        .filter(|it| it.value.currency == buyer.currency && !it.recurring)
        .filter(|it| it.window.from.is_none_or(|from| at >= from) && it.window.until.is_none_or(|until| at < until))
        .collect();
    let groups = [buyer.group, None];
    let channels = [buyer.channel, None];
    let countries = [buyer.country, None];
    for group in groups {
        for channel in channels {
            for country in countries {
                let same = |it: &&&Price| {
                    it.scope.group.as_ref() == group
                        && it.scope.channel.as_ref() == channel
                        && it.scope.country == country
                };
                let level: Vec<&Price> = alive.iter().filter(same).copied().collect();
                let dated: Vec<&Price> = level.iter().filter(|it| !it.window.is_open()).copied().collect();
                let mut rest = if dated.is_empty() { level } else { dated };
                rest.sort_by_key(|it| {
                    let now = it.discounted.unwrap_or(it.value);
                    let until = it.window.until.map_or(i64::MAX, Timestamp::millis);
                    (std::cmp::Reverse(it.window.from), until, now.minor, it.value.minor)
                });
                if let Some(first) = rest.first() {
                    return Some(first);
                }
            }
        }
    }
    None
}

/// The amounts that the buyer sees. A discount to the full amount equals none, so either price may be chosen.
fn outcome(price: &Price) -> (Option<(Money, Money)>, Window) {
    (amounts(price), price.window)
}

fn any_price() -> impl Strategy<Value = Price> {
    let currency = prop_oneof![9 => Just("EUR"), 1 => Just("GBP")];
    let of = |names: [&'static str; 2]| proptest::option::of(proptest::sample::select(names.to_vec()));
    let edge = || proptest::option::of(-3_i64..=3);
    let amounts = (0_i64..4, proptest::option::of(0_i64..4));
    (currency, of(["g", "h"]), of(["c", "d"]), of(["DE", "AT"]), edge(), edge(), amounts, proptest::bool::weighted(0.1))
        .prop_map(|(currency, group, channel, country, from, until, (minor, discounted), recurring)| {
            let base = price(minor, currency);
            Price {
                discounted: discounted.map(|minor| Money::new(minor, base.value.currency)),
                scope: scope(group, channel, country),
                window: window(from, until),
                recurring,
                ..base
            }
        })
}

proptest! {
    #[test]
    fn it_chooses_what_the_book_says(
        prices in proptest::collection::vec(any_price(), 0..12),
        has_group: bool, has_channel: bool, has_country: bool,
    ) {
        let (group, channel) = (GroupId::from("g"), "c".into());
        let country: Country = "DE".parse().unwrap();
        let currency: Currency = "EUR".parse().unwrap();
        let buyer = Buyer {
            currency,
            country: has_country.then_some(country),
            group: has_group.then_some(&group),
            channel: has_channel.then_some(&channel),
            store: None,
        };
        // Within a span nothing changes, and every change is announced from both sides.
        for millis in -4..=4 {
            let at = later(millis);
            let found = own(&prices, &buyer, at);
            prop_assert_eq!(price_of(&found).map(outcome), by_the_book(&prices, &buyer, at).map(outcome));
            prop_assert!(found.holds.contains(at));
            if millis > -4 {
                let before = own(&prices, &buyer, later(millis - 1));
                if price_of(&before) != price_of(&found) {
                    prop_assert_eq!((before.holds.until, found.holds.from), (Some(at), Some(at)));
                }
            }
        }
        let backwards: Vec<_> = prices.iter().rev().cloned().collect();
        let (ahead, back) = (own(&prices, &buyer, NOW), own(&backwards, &buyer, NOW));
        prop_assert_eq!(price_of(&ahead).map(outcome), price_of(&back).map(outcome), "the order of the prices decides nothing");
        prop_assert_eq!(ahead.holds, back.holds);
    }
}
