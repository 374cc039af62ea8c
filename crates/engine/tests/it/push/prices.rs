//! The lowest price of the 30 days before a reduction, as flows find it out: by windows of time, through restarts, gaps,
//! and changes of the shop and of the settings.

use std::{collections::VecDeque, time::Duration};

use contract::{
    Change, Clock, Ledger as _, Leftovers as _, Mirror as _,
    source::Urgency,
    store::{Touch, Work},
};
use engine::{
    explain::explain,
    mapping::{Expression, Mapping, Place},
};
use model::{
    Book, BookId, Kind, Locale, Localized, Money, Price, PriceEntry, PricePolicy, Product, Record, Timestamp, Variant,
    Window, price::Audience,
};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};

use super::{Rig, flow_name, limits, runtime, shop, shop::NEWEST, steady::wait};
use crate::market::history::{Seen, changes, naive};

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// A price that is reduced from `list`, in a window of days from the beginning.
fn price(now: i64, list: i64) -> Price {
    let money = |minor| Money::new(minor, "EUR".parse().unwrap());
    Price { discounted: (now < list).then(|| money(now)), ..Price::new(money(list)) }
}

fn product(prices: Vec<Price>) -> Product {
    let variant = Variant { sku: Some("p.0".into()), prices, ..Variant::new("0") };
    let name: Localized = [(Locale::parse("en").unwrap(), "good".to_owned())].into_iter().collect();
    Product { name, variants: vec![variant], ..Product::new("p") }
}

impl Rig {
    fn is(&self, records: Vec<Record>) {
        let version = u64::try_from(self.clock.now().millis()).unwrap();
        let change = |record| Change::Is { record, version, modified_at: None };
        self.read(records.into_iter().map(change).collect(), Urgency::Live);
        self.spread();
    }

    fn priced(&self, prices: Vec<Price>) {
        self.is(vec![Record::Product(Box::new(product(prices)))]);
    }

    fn gone(&self) {
        self.read(vec![Change::Gone { kind: Kind::Product, id: "p".into(), version: None }], Urgency::Live);
    }

    /// What is due by time is touched.
    fn wake(&self) {
        let touch = Touch { source: shop::source(), lease: NEWEST, at: self.clock.now() };
        while wait(self.store.wake(&touch, 100)).unwrap() > 0 {}
    }

    /// Pushes everything, and says the lowest price that the destination holds.
    async fn lowest(&self) -> Option<String> {
        self.wake();
        self.settle().await;
        self.shown()
    }

    fn shown(&self) -> Option<String> {
        self.fake.held().get(&(Kind::Product, "p.0".to_owned()))?["lowest"].as_str().map(str::to_owned)
    }

    fn days(&self, days: i64) {
        self.clock.advance(Duration::from_millis(u64::try_from(days * DAY).unwrap()));
    }

    fn work(&self) -> Work {
        self.works().into_iter().find(|work| work.id.as_str() == "p").unwrap()
    }

    fn since(&self) -> Option<Timestamp> {
        Some(self.work().prices?.of("en", &"0".into())?.since)
    }
}

#[track_caller]
fn same(found: Option<&str>, wanted: &str) {
    assert_eq!(found, (!wanted.is_empty()).then_some(wanted));
}

#[test]
fn a_reduction_is_sent_with_the_lowest_price_before_it() {
    runtime().block_on(async {
        let rig = Rig::pricing();
        let began = rig.clock.now();
        for (days, now, wanted) in [
            (0, 100, ""),
            (10, 90, "0.90 EUR"),
            (1, 100, ""),
            (12, 80, "0.90 EUR"),
            (40, 80, "0.90 EUR"),
            (1, 70, "0.90 EUR"),
            (1, 75, "0.70 EUR"),
            (1, 100, ""),
        ] {
            rig.days(days);
            rig.priced(vec![price(now, if now == 90 { 90 } else { 100 })]);
            let wanted = if now == 90 { "" } else { wanted };
            same(rig.lowest().await.as_deref(), wanted);
        }
        assert_eq!(rig.since(), Some(began));
    });
}

#[test]
fn windows_begin_and_end_prices_also_while_nobody_looks() {
    runtime().block_on(async {
        let rig = Rig::pricing();
        let at = |day: i64| Some(rig.clock.now().plus(Duration::from_millis(u64::try_from(day * DAY).unwrap())));
        let window =
            |now, from, until| Price { window: Window { from: at(from), until: at(until) }, ..price(now, 100) };
        let prices = vec![price(100, 100), window(60, 5, 6), window(80, 10, 20), window(70, 38, 50)];
        let began = rig.clock.now();
        rig.priced(prices.clone());
        same(rig.lowest().await.as_deref(), "");
        // The hub is stopped, and nothing looks at day 5.
        rig.days(8);
        let rig = rig.reopen();
        same(rig.lowest().await.as_deref(), "");
        rig.days(2);
        same(rig.lowest().await.as_deref(), "0.60 EUR");
        let noted = rig.work().prices;
        rig.wake();
        rig.settle().await;
        assert_eq!(rig.work().prices, noted, "what was noted is not noted again");
        rig.days(10);
        same(rig.lowest().await.as_deref(), "");
        // Day 45: the reduction began on day 38, and what ended on day 6 is too long ago.
        rig.days(25);
        same(rig.lowest().await.as_deref(), "0.80 EUR");
        let told = rig.work().prices.unwrap();
        let reduction = told.of("en", &"0".into()).unwrap().reduction().unwrap();
        assert_eq!(reduction.since.millis(), began.millis() + 38 * DAY);
        assert_eq!(reduction.lowest.unwrap().from.millis(), began.millis() + 10 * DAY);
    });
}

#[test]
fn a_price_begins_when_it_was_read_and_not_when_it_is_sent() {
    runtime().block_on(async {
        let rig = Rig::pricing();
        rig.priced(vec![price(100, 100)]);
        rig.lowest().await;
        rig.days(10);
        rig.priced(vec![price(80, 100)]);
        let read = rig.clock.now();
        rig.days(3);
        same(rig.lowest().await.as_deref(), "1.00 EUR");
        let reduction = rig.work().prices.unwrap().of("en", &"0".into()).unwrap().reduction().unwrap();
        assert_eq!(reduction.since, read);
    });
}

#[test]
fn a_history_goes_on_through_restarts_and_calls_that_fail() {
    runtime().block_on(async {
        let rig = Rig::pricing();
        rig.priced(vec![price(100, 100)]);
        rig.lowest().await;
        rig.days(1);
        rig.priced(vec![price(90, 90)]);
        let mut rig = rig;
        for cut in 0..12 {
            rig.fake.behave(u64::from(cut), 50);
            rig.run(u64::from(cut), Some(cut), VecDeque::new()).await;
            rig = rig.reopen();
        }
        rig.lowest().await;
        rig.days(1);
        rig.priced(vec![price(80, 100)]);
        same(rig.lowest().await.as_deref(), "0.90 EUR");
        assert_eq!(rig.work().prices.unwrap().of("en", &"0".into()).unwrap().kept(), 3, "nothing is noted twice");
    });
}

#[test]
fn a_market_in_another_currency_begins_a_history() {
    runtime().block_on(async {
        let mut rig = Rig::pricing();
        let in_both = |now: i64, list: i64| {
            let of = |code: &str, factor: i64| {
                let money = |minor| Money::new(minor * factor, code.parse().unwrap());
                Price { discounted: (now < list).then(|| money(now)), ..Price::new(money(list)) }
            };
            vec![of("EUR", 1), of("KWD", 10), of("JPY", 7)]
        };
        rig.priced(in_both(100, 100));
        same(rig.lowest().await.as_deref(), "");
        for (code, lowest) in [("KWD", "1.000 KWD"), ("JPY", "700 JPY"), ("EUR", "1.00 EUR")] {
            rig.days(1);
            rig.market.currency = code.parse().unwrap();
            rig.register();
            same(rig.lowest().await.as_deref(), "");
            assert_eq!(rig.since(), Some(rig.clock.now()), "in {code} nothing was seen before");
            rig.days(1);
            rig.priced(in_both(80, 100));
            same(rig.lowest().await.as_deref(), lowest);
            rig.days(1);
            rig.priced(in_both(100, 100));
            same(rig.lowest().await.as_deref(), "");
        }
    });
}

#[test]
fn a_price_list_that_is_switched_is_a_price_from_then_on() {
    runtime().block_on(async {
        let rig = Rig { policy: PricePolicy::LowestBook, ..Rig::pricing() };
        rig.register();
        let book = |id: &str, parent: Option<&str>, active| {
            let parent: Option<BookId> = parent.map(Into::into);
            let assigned = vec![Audience::default()];
            Record::Book(Book {
                id: id.into(),
                currency: None,
                active,
                window: Window::OPEN,
                parent,
                assigned,
                lists: Vec::new(),
            })
        };
        let listed = |book: &str, minor| {
            let price = Price::new(Money::new(minor, "EUR".parse().unwrap()));
            let (id, book) = (book.into(), Some(book.into()));
            let (item, notices) = ("p.0".into(), Vec::new());
            Record::Price(PriceEntry { id, item, book, active: true, price, created_at: None, notices })
        };
        let books = |spring, summer| {
            vec![book("list", None, true), book("spring", Some("list"), spring), book("summer", Some("list"), summer)]
        };
        rig.is(books(false, false));
        rig.is(vec![listed("list", 100), listed("spring", 90), listed("summer", 80)]);
        rig.priced(Vec::new());
        same(rig.lowest().await.as_deref(), "");
        rig.days(10);
        rig.is(books(true, false));
        same(rig.lowest().await.as_deref(), "1.00 EUR");
        rig.days(10);
        rig.is(books(false, false));
        same(rig.lowest().await.as_deref(), "");
        rig.days(10);
        rig.is(books(false, true));
        same(rig.lowest().await.as_deref(), "0.90 EUR");
        let reduction = rig.work().prices.unwrap().of("en", &"0".into()).unwrap().reduction().unwrap();
        assert_eq!(reduction.since, rig.clock.now());
    });
}

#[test]
fn another_price_by_other_settings_begins_when_they_are_used() {
    runtime().block_on(async {
        let mut rig = Rig::pricing();
        let germany = Price {
            scope: model::Scope { country: Some("DE".parse().unwrap()), ..model::Scope::default() },
            ..price(80, 100)
        };
        rig.priced(vec![price(100, 100), germany]);
        rig.lowest().await;
        rig.days(20);
        rig.market.country = Some("DE".parse().unwrap());
        rig.policy = PricePolicy::FirstScope(crate::market::build::ORDER);
        rig.register();
        same(rig.lowest().await.as_deref(), "1.00 EUR");
        let reduction = rig.work().prices.unwrap().of("en", &"0".into()).unwrap().reduction().unwrap();
        assert_eq!(reduction.since, rig.clock.now());
    });
}

#[test]
fn a_clock_that_is_set_back_takes_no_price_away() {
    runtime().block_on(async {
        let rig = Rig::pricing();
        rig.priced(vec![price(100, 100)]);
        rig.lowest().await;
        rig.days(5);
        rig.priced(vec![price(90, 90)]);
        rig.lowest().await;
        rig.days(5);
        rig.priced(vec![price(100, 100)]);
        rig.lowest().await;
        rig.clock.set_back(Duration::from_millis(9 * DAY.unsigned_abs()));
        let rig = rig.reopen();
        let version = i64::MAX.unsigned_abs();
        let record = Record::Product(Box::new(product(vec![price(80, 100)])));
        rig.read(vec![Change::Is { record, version, modified_at: None }], Urgency::Live);
        same(rig.lowest().await.as_deref(), "0.90 EUR");
    });
}

#[test]
fn a_product_that_is_deleted_and_created_again_keeps_its_history() {
    runtime().block_on(async {
        let rig = Rig::pricing();
        rig.priced(vec![price(90, 90)]);
        rig.lowest().await;
        rig.days(1);
        rig.gone();
        rig.lowest().await;
        rig.days(5);
        rig.priced(vec![price(80, 100)]);
        same(rig.lowest().await.as_deref(), "0.90 EUR");
        // The pause is longer than prices count.
        rig.gone();
        rig.lowest().await;
        rig.days(31);
        rig.priced(vec![price(70, 100)]);
        same(rig.lowest().await.as_deref(), "");
    });
}

#[test]
fn a_history_is_forgotten_with_its_flow_and_by_a_flow_that_does_not_keep_it() {
    runtime().block_on(async {
        let rig = Rig::pricing();
        let began = rig.clock.now();
        let sells = |now| rig.priced(vec![price(now, 100)]);
        sells(100);
        rig.lowest().await;
        rig.days(1);
        let without = contract::store::Declared { price_history: false, ..rig.flow().declared() };
        wait(rig.store.declare(&without)).unwrap();
        assert_eq!(rig.work().prices, None);
        rig.register();
        assert_eq!(rig.work().prices, None, "what it missed meanwhile would make it wrong");
        sells(80);
        rig.lowest().await;
        assert_eq!(rig.since(), Some(rig.clock.now()));
        // A former flow keeps it, until it is forgotten.
        wait(rig.store.retire_others(&[shop::source()], &[])).unwrap();
        rig.days(1);
        rig.register();
        same(rig.lowest().await.as_deref(), "");
        assert_eq!(rig.since().map(Timestamp::millis), Some(began.millis() + DAY));
        wait(rig.store.retire_others(&[shop::source()], &[])).unwrap();
        while wait(rig.store.forget_flow(&rig.flow().id(), 10)).unwrap() > 0 {}
        rig.register();
        let work = wait(rig.store.work(&flow_name(), rig.work().number)).unwrap().unwrap();
        assert_eq!((work.entry, work.prices), (None, None));
    });
}

#[test]
fn a_field_of_the_users_own_has_a_history_kept() {
    runtime().block_on(async {
        let field = |text: &str| {
            let at = Place { file: "cartage.toml".into(), line: 1, column: 1 };
            let expression = Expression { name: "own".into(), text: text.into(), at };
            Mapping::compile(Kind::Product, &[], Some(|_| true), &[expression]).unwrap()
        };
        assert!(
            field("product.variants.map(v, has(v.price_seen_since) ? v.price_seen_since : 0)").uses_price_history()
        );
        let rig = Rig { products: field("variant.price"), ..Rig::new(0, limits(10), false) };
        assert!(!rig.flow().keeps_prices());
        let rig = Rig { products: field("variant.lowest_price_30d"), ..rig };
        rig.register();
        rig.priced(vec![price(100, 100)]);
        rig.settle().await;
        rig.days(1);
        rig.priced(vec![price(80, 100)]);
        rig.settle().await;
        let own = || rig.fake.held()[&(Kind::Product, "p.0".to_owned())].get("own").cloned();
        assert_eq!(own(), Some(1.0.into()));
        rig.days(1);
        rig.priced(vec![price(100, 100)]);
        rig.settle().await;
        assert_eq!(own(), None, "it goes with the reduction");
    });
}

#[test]
fn explain_says_which_price_it_is_and_since_when_prices_are_known() {
    runtime().block_on(async {
        let rig = Rig::pricing();
        let told = async || {
            let found = wait(rig.store.find(&shop::source(), "p.0")).unwrap().remove(0);
            let flow = rig.flow();
            let journey = explain(&found, None, &[&*flow], rig.store.as_ref(), rig.clock.as_ref()).await.unwrap();
            let origin = journey.flows[0].origins.iter().find(|origin| origin.field == "lowest_price_30d").unwrap();
            (origin.variant.clone().unwrap(), origin.value.clone(), origin.from.clone())
        };
        let began = rig.clock.now();
        rig.priced(vec![price(100, 100)]);
        rig.lowest().await;
        let known = format!("its prices are known since {began}");
        let (variant, value, from) = told().await;
        assert_eq!((variant.as_str(), value, from), ("p.0", None, format!("the price is not reduced; {known}")));
        rig.days(1);
        rig.priced(vec![price(80, 100)]);
        let reduced = rig.clock.now();
        // Also before it is sent.
        for _ in 0..2 {
            let (_, value, from) = told().await;
            assert_eq!(value.as_deref(), Some("1.00 EUR"));
            let wanted =
                format!("the lowest of the 30 days before the reduction of {reduced}: valid from {began}; {known}");
            assert_eq!(from, wanted);
            rig.lowest().await;
        }
    });
}

/// An event in the life of a product.
#[derive(Clone, Debug)]
enum Act {
    /// Prices without and with a window (its beginning and its length in hours from now); `None`: it is deleted.
    Sells(Option<Form>),
    /// Hours pass.
    Wait(i64),
    /// A push that is cut off, and a restart.
    Crash(u32),
    /// What is due is touched and pushed.
    Push,
}

type Form = ((i64, i64), Option<(i64, i64, (i64, i64))>);

fn act() -> impl Strategy<Value = Act> {
    let cost = || (1..5_i64, 0..3_i64).prop_map(|(price, off)| (price, price + off));
    let window = proptest::option::of((-50..300_i64, 1..300_i64, cost()));
    prop_oneof![
        4 => proptest::option::weighted(0.85, (cost(), window)).prop_map(Act::Sells),
        4 => prop_oneof![1..100_i64, 100..1000_i64].prop_map(Act::Wait),
        1 => (0..20_u32).prop_map(Act::Crash),
        2 => Just(Act::Push),
    ]
}

/// What a form asks for from an instant on until another, and when that begins.
fn asked(form: Option<Form>, read: i64, until: i64) -> Vec<Seen> {
    let Some((always, window)) = form else { return vec![(read, None)] };
    let Some((from, length, inside)) = window else { return vec![(read, Some(always))] };
    let (from, end) = (read + from * HOUR, read + (from + length) * HOUR);
    let mut seen = vec![(read, Some(if (from..end).contains(&read) { inside } else { always }))];
    seen.extend(
        [(from, inside), (end, always)]
            .into_iter()
            .filter(|(at, _)| (read + 1..=until).contains(at))
            .map(|(at, it)| (at, Some(it))),
    );
    seen
}

async fn lives(acts: Vec<Act>) -> Result<(), TestCaseError> {
    let mut rig = Rig::pricing();
    // The forms that were pushed, with the instants at which they were read.
    let mut forms: Vec<(i64, Option<Form>)> = Vec::new();
    let mut known = false;
    for act in acts {
        match act {
            Act::Wait(hours) => rig.clock.advance(Duration::from_millis((hours * HOUR).unsigned_abs())),
            Act::Push => drop(rig.lowest().await),
            Act::Crash(cut) => {
                rig.wake();
                rig.fake.behave(u64::from(cut), 30);
                rig.run(u64::from(cut), Some(cut), VecDeque::new()).await;
                rig = rig.reopen();
            }
            Act::Sells(form) => {
                if !known && form.is_none() {
                    continue;
                }
                known = true;
                // Forms that nobody looked at before they changed are not known.
                rig.lowest().await;
                rig.clock.advance(Duration::from_secs(1));
                let read = rig.clock.now().millis();
                forms.push((read, form));
                match form {
                    None => rig.gone(),
                    Some((always, window)) => {
                        let windowed = window.map(|(from, length, inside)| {
                            let at = |hours: i64| Some(Timestamp::from_millis(read + hours * HOUR));
                            Price {
                                window: Window { from: at(from), until: at(from + length) },
                                ..price(inside.0, inside.1)
                            }
                        });
                        rig.priced([Some(price(always.0, always.1)), windowed].into_iter().flatten().collect());
                    }
                }
            }
        }
    }
    let found = rig.lowest().await;
    let now = rig.clock.now().millis();
    let ends = forms.iter().skip(1).map(|(read, _)| read - 1).chain([now]);
    let seen: Vec<Seen> = forms.iter().zip(ends).flat_map(|((read, form), end)| asked(*form, *read, end)).collect();
    let euros = |minor: i64| Money::new(minor, "EUR".parse().unwrap()).to_string();
    prop_assert_eq!(found, naive(&changes(&seen)).map(|(price, _)| euros(price)), "{:?}", seen);
    Ok(())
}

/// A window ends that an older form of the record had, before the newer one was pushed.
#[test]
fn a_price_between_a_change_and_its_push_counts_whatever_became_due_meanwhile() {
    let acts = vec![
        Act::Sells(Some(((2, 2), Some((54, 1, (1, 1)))))),
        Act::Sells(Some(((2, 3), Some((0, 1, (1, 1)))))),
        Act::Wait(100),
    ];
    runtime().block_on(lives(acts)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_lowest_price_is_the_one_of_the_rule(acts in vec(act(), 1..14)) {
        runtime().block_on(lives(acts))?;
    }
}
