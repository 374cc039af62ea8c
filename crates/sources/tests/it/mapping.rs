//! The vendor's JSON to model, record by record.

use contract::Change;
use model::{Currency, Kind, Money, Price, PriceHome, Record, Value, Variant};
use sources::commercetools::{
    decode::{Decoded, decode},
    map::Settings,
    place::Stage,
};

fn fixture(case: &str) -> String {
    let path = format!("{}/../../fixtures/commercetools/{case}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn settings() -> Settings {
    Settings { gtin_attributes: vec!["gtin".to_owned(), "ean".to_owned()], stock_from_products: false }
}

fn page(records: &str) -> String {
    format!(r#"{{"limit":500,"offset":0,"count":1,"results":[{records}]}}"#)
}

fn read(stage: Stage, settings: &Settings, record: &str) -> Decoded {
    decode(stage, settings, "sel1", page(record).as_bytes()).unwrap()
}

/// The one record of a fixture, as it is mapped.
fn mapped(stage: Stage, case: &str) -> Record {
    mapped_with(stage, &settings(), case)
}

fn mapped_with(stage: Stage, settings: &Settings, case: &str) -> Record {
    let decoded = read(stage, settings, &fixture(case));
    assert!(decoded.unread.is_empty(), "{case}: {:?}", decoded.unread);
    let [Change::Is { record, version, modified_at }] = &decoded.changes[..] else { panic!("{:?}", decoded.changes) };
    assert!(*version > 0 && modified_at.is_some(), "{case}");
    record.clone()
}

fn variants(case: &str) -> Vec<Variant> {
    let Record::Product(product) = mapped(Stage::Projections, case) else { panic!() };
    product.variants
}

fn prices(case: &str) -> Vec<Price> {
    variants(case).remove(0).prices
}

#[test]
fn a_product_with_nothing_but_what_it_must_have() {
    insta::assert_json_snapshot!(mapped(Stage::Projections, "product_minimal"));
}

#[test]
fn a_product_with_all_that_it_can_have() {
    insta::assert_json_snapshot!(mapped(Stage::Projections, "product_full"));
}

#[test]
fn availability_is_mapped_only_where_stock_comes_from_products() {
    let from_products = Settings { stock_from_products: true, ..settings() };
    let Record::Product(product) = mapped_with(Stage::Projections, &from_products, "product_full") else { panic!() };
    // Not on stock without a number is none; on stock without a number is not tracked.
    insta::assert_json_snapshot!(product.variants[0].stock);
    assert!(product.variants[1].stock.is_empty());
    assert!(variants("product_full")[0].stock.is_empty());
}

#[test]
fn attributes_of_every_type() {
    let attributes = variants("product_attributes").remove(0).attributes;
    assert!(attributes.iter().all(|attribute| attribute.name != "null"));
    insta::assert_json_snapshot!(attributes);
}

#[test]
fn amounts_are_exact_whatever_digits_they_are_stated_in() {
    let prices = prices("product_high_precision");
    let minor = |code: &str, minor| Money::new(minor, code.parse::<Currency>().unwrap());
    assert_eq!(prices[0].value.minor, 123);
    let precise = prices[0].value.exact.unwrap();
    assert_eq!((precise.units, precise.digits), (1_234_567, 6));
    let tier = prices[0].tiers[0].value;
    assert_eq!(tier.minor, 1);
    assert!(tier.exact.is_some_and(|it| it.digits > 2), "{:?}", tier.exact);
    assert_eq!(prices[1].value, minor("KWD", 1250));
    assert_eq!(prices[2].value, minor("HUF", 50_000), "500 without digits is 500.00");
    assert_eq!(prices[3].value, minor("JPY", 900), "90000 with two digits is 900");
    assert_eq!(prices[4].value, minor("EUR", -5));
    assert!(prices[1..].iter().all(|price| price.value.exact.is_none()));
}

#[test]
fn a_product_in_standalone_mode_keeps_its_prices_elsewhere() {
    let Record::Product(product) = mapped(Stage::Projections, "product_standalone") else { panic!() };
    assert_eq!(product.price_home, PriceHome::Entries);
    insta::assert_json_snapshot!(mapped(Stage::StandalonePrices, "standalone_price"));
}

#[test]
fn what_is_odd_but_whole_is_passed_on() {
    insta::assert_json_snapshot!(mapped(Stage::Projections, "product_odd"));
}

#[test]
fn the_other_records() {
    insta::assert_json_snapshot!("category", mapped(Stage::Categories, "category"));
    insta::assert_json_snapshot!("product_type", mapped(Stage::ProductTypes, "product_type"));
    insta::assert_json_snapshot!("store", mapped(Stage::Stores, "store"));
    insta::assert_json_snapshot!("inventory", mapped(Stage::Inventory, "inventory"));
}

#[test]
fn members_of_a_selection() {
    let decoded = decode(Stage::Members, &settings(), "sel1", fixture("selection_members").as_bytes()).unwrap();
    let records: Vec<_> =
        decoded.changes.iter().map(|it| if let Change::Is { record, .. } = it { record } else { panic!() }).collect();
    insta::assert_json_snapshot!(records);
    let [unread] = &decoded.unread[..] else { panic!("{:?}", decoded.unread) };
    assert_eq!(unread.id.as_ref().unwrap().as_str(), "sel1/p6");
    assert!(unread.fault.message.contains("everySecond"), "{}", unread.fault);
}

#[test]
fn an_amount_that_no_minor_unit_holds_sets_the_product_apart() {
    for (money, told) in [
        (
            r#"{"currencyCode":"EUR","centAmount":1,"fractionDigits":3}"#,
            "price p1: 1 with 3 fraction digits is no whole",
        ),
        (r#"{"currencyCode":"HUF","centAmount":9223372036854775807,"fractionDigits":0}"#, "is no whole amount of HUF"),
        (r#"{"currencyCode":"EUR","centAmount":1,"fractionDigits":99}"#, "99 fraction digits"),
        (r#"{"currencyCode":"EUR","centAmount":1,"fractionDigits":-1}"#, "-1 fraction digits"),
    ] {
        let record = fixture("product_minimal")
            .replace(r#""prices": []"#, &format!(r#""prices": [{{"id":"p1","value":{money}}}]"#));
        let decoded = read(Stage::Projections, &settings(), &record);
        let [unread] = &decoded.unread[..] else { panic!("{money}: {:?}", decoded.changes) };
        assert_eq!(unread.fault.code, "C0212");
        assert!(unread.fault.message.contains("7a0c1f52-0000-4000-8000-000000000001"), "{}", unread.fault);
        assert!(unread.fault.message.contains(told), "{}", unread.fault);
        assert_eq!(unread.kind, Kind::Product);
    }
}

#[test]
fn a_time_that_is_none_sets_the_record_apart() {
    let record = fixture("product_minimal").replace(r#""2026-01-02T03:04:05.678Z""#, r#""yesterday""#);
    let decoded = read(Stage::Projections, &settings(), &record);
    assert!(decoded.unread[0].fault.message.contains("\"yesterday\" is no time"), "{}", decoded.unread[0].fault);
}

#[test]
fn a_detail_that_no_market_needs_is_left_out_with_a_notice() {
    let price = |money: &str, tier: &str| {
        let money = format!(r#"{{"currencyCode":"{money}","centAmount":1,"fractionDigits":2}}"#);
        format!(r#"{{"id":"p1","value":{money},"tiers":[{{"minimumQuantity":{tier},"value":{money}}}]}}"#)
    };
    let prices = format!(r#""prices": [{}, {}, {}]"#, price("XBT", "2"), price("EUR", "2"), price("EUR", "-2"));
    let record = fixture("product_minimal")
        .replace(r#"{ "en": "Pencil" }"#, r#"{ "en": "Pencil", "de_DE": "Bleistift" }"#)
        .replace(r#""prices": []"#, &prices);
    let decoded = read(Stage::Projections, &settings(), &record);
    let [Change::Is { record: Record::Product(product), .. }] = &decoded.changes[..] else {
        panic!("{:?}", decoded.unread)
    };
    assert_eq!(product.name.get("en"), Some("Pencil"));
    let kept: Vec<_> = product.variants[0].prices.iter().map(|it| (it.value.minor, it.tiers.len())).collect();
    assert_eq!(kept, [(1, 1), (1, 0)], "the price in an unknown currency and the tier of no quantity are gone");
    let fields: Vec<_> = product.notices.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["prices", "tiers", "name"], "{:?}", product.notices);
    assert!(product.notices[0].what.contains("price p1: \"XBT\" is no ISO 4217"), "{:?}", product.notices);
}

#[test]
fn a_price_that_holds_until_the_end_of_the_calendar_is_read() {
    let price = r#"{"id":"p1","value":{"currencyCode":"EUR","centAmount":5},"validUntil":"9999-12-31T23:59:59.999Z"}"#;
    let record = fixture("product_minimal").replace(r#""prices": []"#, &format!(r#""prices": [{price}]"#));
    let decoded = read(Stage::Projections, &settings(), &record);
    assert!(decoded.unread.is_empty(), "{:?}", decoded.unread);
}

#[test]
fn one_bad_record_does_not_keep_its_neighbours() {
    let good = fixture("product_full");
    for bad in [
        r#"{"id":"broken","version":"seven","masterVariant":{"id":1}}"#,
        r#"{"id":"broken","version":7,"masterVariant":null,"lastModifiedAt":"2026-01-01T00:00:00.000Z"}"#,
        r#"{"id":"broken","variants":[]}"#,
        r#"{"id":"broken","masterVariant":{"id":1,"prices":[{"value":{"centAmount":1.5}}]}}"#,
    ] {
        let both = format!("{good},{bad},{}", fixture("product_minimal"));
        let decoded = read(Stage::Projections, &settings(), &both);
        assert_eq!((decoded.changes.len(), decoded.unread.len(), decoded.envelope.count), (2, 1, 3));
        let unread = &decoded.unread[0];
        assert_eq!(unread.id.as_ref().unwrap().as_str(), "broken");
        assert_eq!((unread.kind, &*unread.fault.code), (Kind::Product, "C0206"));
        // The walk goes on from a bad record too, by its id.
        let last = read(Stage::Projections, &settings(), &format!("{good},{bad}")).last.unwrap();
        assert_eq!(last.id, "broken");
    }
}

#[test]
fn a_page_that_is_none_or_has_no_way_on_is_a_fault() {
    for body in ["", "<html>Bad gateway</html>", "{}", "[]", r#"{"results":[{"id":"a""#, r#"{"results":{}}"#, "null"] {
        let fault = decode(Stage::Categories, &settings(), "", body.as_bytes()).unwrap_err();
        assert_eq!(fault.code, "C0207", "{body}");
    }
    let fault = decode(Stage::Categories, &settings(), "", b"\xff\xfe{}").unwrap_err();
    assert_eq!(fault.code, "C0207");
    let fault =
        decode(Stage::Categories, &settings(), "", br#"{"results":[{"id":"a","name":{}},{"name":{}}]}"#).unwrap_err();
    assert_eq!(fault.code, "C0217");
}

#[test]
fn deep_nesting_is_a_bad_record_and_no_crash() {
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let record = fixture("product_minimal")
        .replace(r#""attributes": []"#, &format!(r#""attributes": [{{"name":"deep","value":{deep}}}]"#));
    let body = page(&record);
    // The page can't even be split: whoever sends this is not the vendor.
    let result = decode(Stage::Projections, &settings(), "", body.as_bytes());
    assert!(result.map_or_else(|fault| fault.code == "C0207", |decoded| decoded.unread.len() == 1));
}

#[test]
fn a_large_text_and_many_variants_are_read() {
    let long = "ß🙂".repeat(400_000);
    let variants: Vec<String> = (2..=100).map(|id| format!(r#"{{"id":{id},"sku":"V{id}"}}"#)).collect();
    let record = fixture("product_minimal")
        .replace("Pencil", &long)
        .replace(r#""variants": []"#, &format!(r#""variants": [{}]"#, variants.join(",")));
    let decoded = read(Stage::Projections, &settings(), &record);
    let Change::Is { record: Record::Product(product), .. } = &decoded.changes[0] else { panic!() };
    assert_eq!(product.name.get("en").unwrap().len(), long.len());
    assert_eq!(product.variants.len(), 100);
}

#[test]
fn gtin_is_taken_from_the_attribute_that_is_named() {
    let named = Settings { gtin_attributes: vec!["barcode".to_owned()], ..settings() };
    let record = fixture("product_full")
        .replace(r#""name": "ean", "value": "4006381333931""#, r#""name": "barcode", "value": " 96385074 ""#);
    let decoded = read(Stage::Projections, &named, &record);
    let Change::Is { record: Record::Product(product), .. } = &decoded.changes[0] else { panic!() };
    assert_eq!(product.variants[0].gtin.as_deref(), Some("96385074"));
    assert_eq!(product.variants[1].gtin, None);
    assert_eq!(variants("product_full")[1].gtin.as_deref(), Some("4006381333948"));
    assert!(matches!(variants("product_full")[1].attributes[0].value, Value::Integer(_)));
}
