use model::{Channel, Localized, Market, Record, Stock, StockLevel, Storefront, Timestamp, market::Untracked};

use super::build::*;

fn channels() -> Vec<Record> {
    let channel = |id: &str| {
        Record::Channel(Channel { id: id.into(), key: format!("{id}-key"), name: Localized::empty(), untracked: None })
    };
    let store = |key: &str, supply: &[&str]| {
        Record::Storefront(Storefront {
            key: key.into(),
            name: Localized::empty(),
            locales: Vec::new(),
            countries: Vec::new(),
            distribution: Vec::new(),
            supply: supply.iter().map(|id| (*id).into()).collect(),
            selections: Vec::new(),
            notices: Vec::new(),
        })
    };
    vec![channel("a"), channel("b"), store("supplied", &["b"]), store("bare", &[])]
}

fn pieces(market: &Market, joined: &[Record], own: &[(Option<&str>, i64)]) -> (Option<i64>, bool) {
    let mut shirt = variant("S");
    let level = |(channel, available): &(Option<&str>, i64)| StockLevel::limited(channel.map(Into::into), *available);
    shirt.stock = own.iter().map(level).collect();
    let product = product(vec![shirt]);
    let view = view(market, channels());
    let listing = view.product(&product, joined, NOW).listing.unwrap();
    (listing.variants[0].stock, listing.variants[0].in_stock)
}

#[test]
fn stock_comes_from_the_places_the_market_sells_from() {
    let plain = market();
    let supplied = |keys: &[&str]| Market { supply_channels: keys.iter().map(|it| (*it).into()).collect(), ..market() };
    let in_store = |key: &str| Market { store: Some(key.into()), ..market() };
    let joined = [stock("S", None, 1), stock("S", Some("a"), 10), stock("S", Some("b"), 100), stock("T", None, 1000)];
    let cases = [
        ("unassigned, and no sum over the channels", &plain, Some(1)),
        ("one channel", &supplied(&["a-key"]), Some(10)),
        ("two channels add up", &supplied(&["a-key", "b-key"]), Some(110)),
        ("a channel named twice counts once", &supplied(&["a-key", "a-key"]), Some(10)),
        ("the store's channels", &in_store("supplied"), Some(100)),
        ("a store without channels", &in_store("bare"), Some(1)),
        (
            "the market's own go before the store's",
            &Market { supply_channels: vec!["a-key".into()], ..in_store("supplied") },
            Some(10),
        ),
    ];
    for (name, market, expected) in cases {
        assert_eq!(pieces(market, &joined, &[]).0, expected, "{name}");
    }
}

#[test]
fn what_is_not_tracked_is_not_out_of_stock() {
    let plain = market();
    assert_eq!(pieces(&plain, &[], &[]), (None, true));
    assert_eq!(pieces(&Market { untracked: Untracked::Unavailable, ..market() }, &[], &[]), (None, false));
    assert_eq!(pieces(&plain, &[stock("S", Some("a"), 5)], &[]), (Some(0), false), "tracked, but elsewhere");
    assert_eq!(pieces(&plain, &[stock("S", None, 0)], &[]), (Some(0), false));
}

#[test]
fn oversold_pieces_are_owed_and_never_shown() {
    let both = Market { supply_channels: vec!["a-key".into(), "b-key".into()], ..market() };
    assert_eq!(pieces(&both, &[stock("S", Some("a"), -3), stock("S", Some("b"), 5)], &[]), (Some(2), true));
    assert_eq!(pieces(&both, &[stock("S", Some("a"), -3), stock("S", Some("b"), 1)], &[]), (Some(0), false));
    let most = [stock("S", Some("a"), i64::MAX), stock("S", Some("b"), i64::MAX)];
    assert_eq!(pieces(&both, &most, &[]), (Some(i64::MAX), true));
}

#[test]
fn records_go_before_what_the_product_brings_along() {
    let plain = market();
    assert_eq!(pieces(&plain, &[], &[(None, 7), (Some("a"), 9)]), (Some(7), true));
    assert_eq!(pieces(&plain, &[stock("S", None, 2)], &[(None, 7)]), (Some(2), true));
    assert_eq!(
        pieces(&plain, &[stock("T", None, 2)], &[(None, 7)]),
        (Some(7), true),
        "another SKU's record is no word"
    );
}

/// A shop deletes an entry and creates another for the same place, and the deletion is not known yet.
#[test]
fn of_two_entries_of_one_place_the_one_created_later_counts() {
    let entry = |id: &str, created: i64, channel: Option<&str>, available| {
        let Record::Stock(stock) = stock("S", channel, available) else { panic!("no stock") };
        Record::Stock(Stock { id: id.into(), created_at: Some(Timestamp::from_millis(created)), ..stock })
    };
    let both = Market { supply_channels: vec!["a-key".into(), "b-key".into()], ..market() };
    // Neither the order of ids nor of arrival decides.
    for (old, new) in [("1", "2"), ("2", "1")] {
        let mut joined =
            vec![entry(old, 100, Some("a"), 40), entry(new, 200, Some("a"), 7), entry("3", 50, Some("b"), 1)];
        for _ in 0..2 {
            assert_eq!(pieces(&both, &joined, &[]).0, Some(8), "{old} before {new}");
            joined.reverse();
        }
        // Once the later one is deleted, the other counts again.
        joined.retain(|record| record.id().as_str() != new);
        assert_eq!(pieces(&both, &joined, &[]).0, Some(41));
    }
}

#[test]
fn places_say_how_they_take_what_they_do_not_list() {
    let place = |id: &str, untracked| {
        Record::Channel(Channel { id: id.into(), key: format!("{id}-key"), name: Localized::empty(), untracked })
    };
    let (yes, no) = (Some(Untracked::Available), Some(Untracked::Unavailable));
    let sold = |here: &[(&str, Option<Untracked>)], otherwise: Untracked, joined: &[Record]| {
        let records = ["a", "b"].map(|id| place(id, here.iter().find(|(of, _)| *of == id).and_then(|(_, says)| *says)));
        let supply_channels = here.iter().map(|(id, _)| format!("{id}-key")).collect();
        let market = Market { supply_channels, untracked: otherwise, ..market() };
        let product = product(vec![variant("S")]);
        let view = view(&market, records.to_vec());
        let listing = view.product(&product, joined, NOW).listing.unwrap();
        (listing.variants[0].stock, listing.variants[0].in_stock)
    };
    let elsewhere = [stock("S", Some("c"), 5)];
    for (otherwise, of_market) in [(Untracked::Available, true), (Untracked::Unavailable, false)] {
        assert_eq!(sold(&[("a", yes)], otherwise, &[]), (None, true));
        assert_eq!(sold(&[("a", no)], otherwise, &[]), (None, false));
        assert_eq!(sold(&[("a", no), ("b", yes)], otherwise, &[]), (None, true));
        assert_eq!(sold(&[("a", yes)], otherwise, &elsewhere), (None, true), "other places do not count");
        assert_eq!(sold(&[("a", yes)], otherwise, &[stock("S", Some("a"), 0)]), (Some(0), false), "it is listed");
        // One of them does not say.
        assert_eq!(sold(&[("a", no), ("b", None)], otherwise, &[]), (None, of_market));
        assert_eq!(sold(&[("a", yes), ("b", None)], otherwise, &elsewhere), (Some(0), false));
    }
}
