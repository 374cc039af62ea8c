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
    Settings {
        gtin_attributes: vec!["gtin".to_owned(), "ean".to_owned()],
        stock_from_products: false,
        ..Settings::default()
    }
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
        (r#"{"currencyCode":"HUF","centAmount":9223372036854775807,"fractionDigits":0}"#, "is beyond what HUF can be"),
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
fn a_window_of_a_price_that_is_none_sets_the_product_apart() {
    let decoded = read(Stage::Projections, &settings(), &priced(r#""validUntil":"yesterday""#));
    assert!(decoded.unread[0].fault.message.contains("\"yesterday\" is no time"), "{}", decoded.unread[0].fault);
}

/// A product with one price of 5 cents and these members of its own.
fn priced(members: &str) -> String {
    let price = format!(r#"{{"id":"p1","value":{{"currencyCode":"EUR","centAmount":5}},{members}}}"#);
    fixture("product_minimal").replace(r#""prices": []"#, &format!(r#""prices": [{price}]"#))
}

/// The product of a record that can be read, with the fields of its notices.
fn noted(record: &str) -> (model::Product, Vec<String>) {
    let mut decoded = read(Stage::Projections, &settings(), record);
    let Some(Change::Is { record: Record::Product(product), .. }) = decoded.changes.pop() else {
        panic!("{record}: {:?}", decoded.unread)
    };
    let fields = product.notices.iter().map(|notice| notice.field.clone()).collect();
    (*product, fields)
}

#[test]
fn a_time_that_no_market_needs_is_left_out_with_a_notice() {
    let record = fixture("product_minimal").replace(r#""2026-01-02T03:04:05.678Z""#, r#""yesterday""#);
    let (product, fields) = noted(&record);
    assert_eq!((product.created_at, fields), (None, vec!["createdAt".to_owned()]));
}

#[test]
fn a_window_beyond_the_calendar_is_open_at_that_end() {
    for window in [
        r#""validUntil":"+12026-01-01T00:00:00.000Z""#,
        r#""validFrom":"2026-01-01T00:00:00.000Z","validUntil":"292278994-08-17T07:12:55.807Z""#,
        r#""validFrom":"-0100-01-01T00:00:00.000Z""#,
    ] {
        let (product, fields) = noted(&priced(window));
        let window = product.variants[0].prices[0].window;
        assert!(window.contains(model::Timestamp::parse("2026-06-01T00:00:00Z").unwrap()), "{window:?}");
        assert!(fields.is_empty(), "{fields:?}");
    }
}

#[test]
fn an_amount_finer_than_the_minor_unit_is_exact() {
    for (money, minor, decimal) in [
        (r#"{"currencyCode":"EUR","centAmount":4,"fractionDigits":3}"#, 0, 0.004),
        (r#"{"currencyCode":"EUR","centAmount":-4,"fractionDigits":3}"#, 0, -0.004),
        (r#"{"currencyCode":"JPY","centAmount":19950,"fractionDigits":2}"#, 200, 199.5),
        (r#"{"currencyCode":"EUR","centAmount":1,"preciseAmount":995,"fractionDigits":5}"#, 1, 0.00995),
    ] {
        let price = priced(r#""country":"DE""#).replace(r#"{"currencyCode":"EUR","centAmount":5}"#, money);
        let value = noted(&price).0.variants[0].prices[0].value;
        assert_eq!((value.minor, value.decimal()), (minor, decimal), "{money}");
    }
}

#[test]
fn what_no_market_needs_of_a_price_costs_no_more_than_that() {
    // A discount in a currency that is none: the price stays. A country that is none: no market is there.
    let (product, fields) = noted(&priced(r#""discounted":{"value":{"currencyCode":"ANG","centAmount":3}}"#));
    let [price] = &product.variants[0].prices[..] else { panic!("{:?}", product.variants[0].prices) };
    assert_eq!((price.value.minor, price.discounted, fields), (5, None, vec!["discounted".to_owned()]));
    let (product, fields) = noted(&priced(r#""country":"DEU""#));
    assert_eq!((product.variants[0].prices.len(), fields), (0, vec!["prices".to_owned()]));
}

#[test]
fn an_attribute_that_can_t_be_represented_costs_no_more_than_itself() {
    let money = r#"{"currencyCode":"XBT","centAmount":1,"fractionDigits":2}"#;
    let both = format!(
        r#""attributes": [{{"name":"deposit","value":{money}}},{{"name":"deposits","value":[{money}]}},
        {{"name":"parts","value":[[{{"name":"fee","value":{money}}}]]}},{{"name":"material","value":"wood"}}]"#
    );
    let (product, fields) = noted(&fixture("product_minimal").replace(r#""images": [], "attributes": []"#, &both));
    let names: Vec<_> = product.variants[0].attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    assert_eq!((names, fields), (vec!["material"], vec!["attributes".to_owned(); 3]), "{:?}", product.notices);
}

#[test]
fn labels_in_a_locale_that_is_none_do_not_cost_the_others() {
    let attributes = r#""attributes": [
        {"name":"colour","value":{"key":"r","label":{"de_DE":"Rot","en":"Red"}}},
        {"name":"note","value":{"de_DE":"Holz","en":"Wood"}},
        {"name":"size","value":{"width_cm":"5","note":"wide"}}]"#;
    let (product, _) = noted(&fixture("product_minimal").replace(r#""attributes": []"#, attributes));
    let [colour, note, size] = &product.variants[0].attributes[..] else { panic!() };
    let Value::LocalizedEnum { key, label } = &colour.value else { panic!("{colour:?}") };
    assert_eq!((key.as_str(), label.get("en")), ("r", Some("Red")));
    let Value::Localized(note) = &note.value else { panic!("{note:?}") };
    assert_eq!(note.get("en"), Some("Wood"));
    assert!(matches!(size.value, Value::Nested(_)), "{size:?}");
}

#[test]
fn a_standalone_price_that_no_market_can_have_is_read_and_never_holds() {
    let wrong =
        [(r#""currencyCode": "GBP""#, r#""currencyCode": "ANG""#), (r#""country": "GB""#, r#""country": "Germany""#)];
    for (from, to) in wrong {
        let record = fixture("standalone_price");
        assert!(record.contains(from), "{from}");
        let decoded = read(Stage::StandalonePrices, &settings(), &record.replace(from, to));
        let [Change::Is { record: Record::Price(entry), .. }] = &decoded.changes[..] else {
            panic!("{:?}", decoded.unread)
        };
        assert!(!entry.active && entry.notices.iter().any(|notice| notice.field == "value"), "{entry:?}");
    }
}

#[test]
fn half_a_surrogate_pair_costs_a_character_and_says_where() {
    let record = fixture("product_minimal").replace("\"Pencil\"", r#""Pen\ud83dcil \ude00""#).replace(
        r#""images": [], "attributes": []"#,
        r#""attributes": [{"name":"note","value":["a\udfff"]}],"images":[{"url":"https://x/a","label":"\ud800"}]"#,
    );
    let both = format!("{},{record}", fixture("product_full"));
    let decoded = read(Stage::Projections, &settings(), &both);
    assert_eq!((decoded.changes.len(), decoded.unread.len()), (2, 0), "{:?}", decoded.unread);
    let Change::Is { record: Record::Product(product), .. } = &decoded.changes[1] else { panic!() };
    assert_eq!(product.name.get("en"), Some("Pen\u{fffd}cil \u{fffd}"));
    let told: Vec<_> = product.notices.iter().map(|it| format!("{}: {}", it.field, it.what)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    for expected in ["name: ", "no character in name.en was", "in attributes.note was", "in images.label was"] {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}: {told:?}");
    }
    let Change::Is { record: Record::Product(other), .. } = &decoded.changes[0] else { panic!() };
    assert!(other.notices.iter().all(|notice| !notice.what.contains("U+FFFD")), "{:?}", other.notices);
}

#[test]
fn every_text_may_hold_half_a_surrogate_pair() {
    for (stage, case, text) in [
        (Stage::Categories, "category", "name"),
        (Stage::ProductTypes, "product_type", "name"),
        (Stage::Stores, "store", "name"),
        (Stage::StandalonePrices, "standalone_price", "sku"),
    ] {
        let mut record: serde_json::Value = serde_json::from_str(&fixture(case)).unwrap();
        match &mut record[text] {
            serde_json::Value::Object(texts) => texts.values_mut().for_each(|text| *text = "half of one".into()),
            text => *text = "half of one".into(),
        }
        let decoded = read(stage, &settings(), &record.to_string().replace("half of", r"half \udc00 of"));
        let [Change::Is { record, .. }] = &decoded.changes[..] else { panic!("{case}: {:?}", decoded.unread) };
        assert!(record.notices().iter().any(|notice| notice.field == text), "{case}: {:?}", record.notices());
    }
    // One that is no UTF-8 at all.
    let body = page(&fixture("product_minimal")).replace("Pencil", "Pen~cil").into_bytes();
    let body: Vec<u8> = body.into_iter().map(|byte| if byte == b'~' { 0xff } else { byte }).collect();
    let decoded = decode(Stage::Projections, &settings(), "", &body).unwrap();
    let [Change::Is { record: Record::Product(product), .. }] = &decoded.changes[..] else {
        panic!("{:?}", decoded.unread)
    };
    assert_eq!(product.name.get("en"), Some("Pen\u{fffd}cil"));
    assert_eq!(product.notices.len(), 1, "{:?}", product.notices);
}

#[test]
fn addresses_of_images_are_canonical_and_others_are_named() {
    let images = r#""images": [{"url":"//img.example/a b.jpg"},{"url":" HTTPS://Img.example/ä.jpg\n"},{"url":"/c.jpg"},
        {"url":""},{"label":"none"},{"url":"https://img.example/d.jpg"}]"#;
    let record = fixture("product_minimal").replace(r#""images": []"#, &format!(r#""sku":"PEN",{images}"#));
    let (product, fields) = noted(&record);
    let urls: Vec<_> = product.variants[0].images.iter().map(|image| image.url.as_str()).collect();
    assert_eq!(urls, ["https://img.example/a%20b.jpg", "https://img.example/%C3%A4.jpg", "https://img.example/d.jpg"]);
    assert_eq!(fields, ["images"; 3], "{:?}", product.notices);
    assert!(product.notices[0].what.contains("SKU PEN, the address \"/c.jpg\" is no"), "{:?}", product.notices);
}

#[test]
fn the_image_of_a_category_needs_no_content_type() {
    for (sources, image) in [
        (r#"{"uri":"https://x.example/t.jpg","dimensions":{"w":1,"h":1}}"#, Some("https://x.example/t.jpg")),
        (r#"{"uri":"https://x.example/T.WEBP?v=1#x"}"#, Some("https://x.example/T.WEBP?v=1#x")),
        (r#"{"uri":"https://x.example/t","dimensions":{"w":1,"h":1}}"#, Some("https://x.example/t")),
        (r#"{"uri":"//x.example/t.png","contentType":""}"#, Some("https://x.example/t.png")),
        (r#"{"uri":"https://x.example/t","contentType":"Image/PNG"}"#, Some("https://x.example/t")),
        (r#"{"uri":"https://x.example/t.jpg","contentType":"text/html"}"#, None),
        (r#"{"uri":"https://x.example/t.pdf"},{"uri":"https://x.example/t"}"#, None),
        (
            r#"{"uri":"https://x.example/t.mp4","dimensions":{"w":1,"h":1}},{"uri":"https://x.example/t.gif"}"#,
            Some("https://x.example/t.gif"),
        ),
        (
            r#"{"uri":"https://x.example/1.jpg"},{"uri":"https://x.example/2","contentType":"image/jpeg"}"#,
            Some("https://x.example/2"),
        ),
        (r#"{"uri":"t.jpg"},{"uri":"https://x.example/2.jpg"}"#, Some("https://x.example/2.jpg")),
    ] {
        let record = format!(r#"{{"id":"c","version":1,"name":{{"en":"T"}},"assets":[{{"sources":[{sources}]}}]}}"#);
        let decoded = read(Stage::Categories, &settings(), &record);
        let [Change::Is { record: Record::Category(category), .. }] = &decoded.changes[..] else { panic!() };
        assert_eq!(category.image.as_deref(), image, "{sources}");
    }
}

#[test]
fn keywords_are_a_list_whichever_comma_parts_them() {
    let words = r#""searchKeywords": {"de":[{"text":"hemd, blau"},{"text":"bluse"}]},
        "metaKeywords": {"en":"shirt, blue,,cotton ","ja":"シャツ、青，綿","ar":"قميص، أزرق","de":"x,y"},"categories": []"#;
    let (product, _) = noted(&fixture("product_minimal").replace(r#""categories": []"#, words));
    assert_eq!(product.keywords.get("de"), ["hemd, blau", "bluse"]);
    assert_eq!(product.keywords.get("en"), ["shirt", "blue", "cotton"]);
    assert_eq!(product.keywords.get("ja"), ["シャツ", "青", "綿"]);
    assert_eq!(product.keywords.get("ar"), ["قميص", "أزرق"]);
}

#[test]
fn a_definition_says_how_values_lie_over_the_variants() {
    use model::Spread;
    for (level, constraint, expected) in [
        ("Variant", "None", Spread::Variant),
        ("Variant", "Unique", Spread::Identifier),
        ("Variant", "CombinationUnique", Spread::Option),
        ("Variant", "SameForAll", Spread::Product),
        ("Product", "None", Spread::Product),
    ] {
        let record = format!(
            r#"{{"id":"t","name":"T","attributes":[{{"name":"a","type":{{"name":"text"}},"level":"{level}","attributeConstraint":"{constraint}"}}]}}"#
        );
        let decoded = read(Stage::ProductTypes, &settings(), &record);
        let [Change::Is { record: Record::ProductType(of), .. }] = &decoded.changes[..] else { panic!() };
        assert_eq!(of.attributes[0].spread, expected, "{level} {constraint}");
    }
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
