//! What a product becomes.

use model::{Money, listing::CategoryName};
use serde_json::json;

use super::{config, de, items, market, members, uk};
use crate::sample::{Ids, full, text};

#[test]
fn an_item_holds_its_fields_by_place() {
    let ids = full();
    let listing = ids.full();
    let (de, uk) = (de(), uk());
    let items =
        items(&config("attributes = [\"uses\", \"weight-g\", \"none\"]"), &[(&de, &listing), (&uk, &listing)]).unwrap();
    assert_eq!(items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["TJ-S", "TJ-M", "TJ-L"]);
    let both = |value: serde_json::Value| json!({ "de_DE": value, "en_GB": value });
    assert_eq!(
        members(&items[1]),
        json!({
            "$locales": { "de_DE": ["de"], "en_GB": ["uk"] },
            "name": both(json!("Trail Jacket")),
            "url": both(json!("https://shop.example/p/trail-jacket")),
            "image_url": both(json!("https://img.example/b.jpg")),
            "category": both(json!(["Jackets"])),
            "brand": both(json!("Nordby")),
            "sku": both(json!("TJ-M")),
            "color": both(json!("blue")),
            "size": both(json!("M")),
            "tags": both(json!(["anorak", "windbreaker"])),
            "groupcode": both(json!("c2a1")),
            "rating": both(json!(4.5)),
            "product_attributes": both(json!({ "uses": ["hike", "run"], "weight-g": 310 })),
            "description": both(json!("Light shell 3 layers")),
            "price": { "de_DE": { "EUR": 14.99 }, "en_GB": { "GBP": 14.99 } },
            "original_price": { "de_DE": { "EUR": 19.99 }, "en_GB": { "GBP": 19.99 } },
            "in_stock": both(json!(1)),
            "stock_count": both(json!(5)),
        })
    );
}

#[test]
fn a_variant_that_only_a_later_market_sells_is_an_item_of_that_market() {
    let ids = full();
    let (mut first, second) = (ids.full(), ids.full());
    first.variants.remove(1);
    let (de, uk) = (de(), uk());
    let items = items(&config(""), &[(&de, &first), (&uk, &second)]).unwrap();
    let places = |at: usize| members(&items[at])["$locales"].clone();
    assert_eq!(items[2].id.as_str(), "TJ-M");
    assert_eq!((places(0), places(2)), (json!({ "de_DE": ["de"], "en_GB": ["uk"] }), json!({ "en_GB": ["uk"] })));
}

#[test]
fn long_texts_are_cut_with_a_note_and_long_addresses_refused() {
    let ids = full();
    let mut listing = ids.full();
    let (name, words) = ("ü".repeat(600), "word ".repeat(500));
    listing.name = &name;
    listing.description = Some(&words);
    let de = de();
    let made = items(&config(""), &[(&de, &listing)]).unwrap();
    let fields = members(&made[0]);
    assert_eq!(fields["name"]["de_DE"], json!("ü".repeat(512)));
    assert_eq!(fields["description"]["de_DE"].as_str().unwrap().chars().count(), 1024);
    let notes = json!([
        "name of de_DE was cut from 600 to 512 characters",
        "description of de_DE was cut from 2499 to 1024 characters"
    ]);
    assert_eq!(fields["$notes"], notes);
    for (url, what) in
        [(format!("https://shop.example/{}", "x".repeat(500)), "longer than 512"), ("/p/1".to_owned(), "no absolute")]
    {
        listing.url = url;
        let refused = items(&config(""), &[(&de, &listing)]).unwrap_err();
        assert!(refused.starts_with("C0428") && refused.contains(what), "{refused}");
    }
}

#[test]
fn what_insider_takes_for_missing_is_refused_before_it_is_sent() {
    let ids = full();
    let de = de();
    for name in ["null", "undefined", " unknown "] {
        let mut listing = ids.full();
        listing.name = name;
        let refused = items(&config(""), &[(&de, &listing)]).unwrap_err();
        assert!(refused.starts_with("C0428") && refused.contains("missing value"), "{refused}");
    }
    let mut listing = ids.full();
    listing.images.clear();
    listing.variants.iter_mut().for_each(|offer| offer.images.clear());
    let refused = items(&config(""), &[(&de, &listing)]).unwrap_err();
    assert!(refused.contains("image_url is missing"), "{refused}");
}

#[test]
fn categories_are_one_path_or_a_list_as_the_account_has_it() {
    let ids = full();
    let mut listing = ids.full();
    let category = |at: usize, name: &'static str, path: Vec<&'static str>| CategoryName {
        key: None,
        external_id: None,
        id: &ids.categories[at],
        name: Some(name),
        primary: false,
        position: None,
        path,
    };
    listing.categories = vec![category(0, "Sale", vec!["Sale"]), category(1, "Jackets", vec!["Clothes", "Jackets"])];
    let de = de();
    let of = |toml: &str, listing: &model::Listing<'_>| {
        members(&items(&config(toml), &[(&de, listing)]).unwrap()[0])["category"]["de_DE"].clone()
    };
    assert_eq!(of("", &listing), json!(["Clothes", "Jackets"]));
    assert_eq!(of("categories = \"flat\"", &listing), json!(["Sale", "Jackets"]));
    listing.categories[0].primary = true;
    assert_eq!(of("", &listing), json!(["Sale"]));
    let long = "x".repeat(513);
    listing.categories[0].path = vec!["Sale", &long, "More"];
    assert_eq!(of("", &listing), json!(["Sale"]), "the path of a category above");
}

#[test]
fn a_product_is_one_item_where_the_grain_is_that() {
    let ids = full();
    let listing = ids.full();
    let de = de();
    let items = items(&config("grain = \"product\"\nproduct_id = \"key\""), &[(&de, &listing)]).unwrap();
    let fields = members(&items[0]);
    assert_eq!(items[0].id.as_str(), "trail-jacket");
    assert_eq!(fields["variants"]["de_DE"], json!(["TJ-S", "TJ-M", "TJ-L"]));
    assert_eq!((&fields["price"]["de_DE"]["EUR"], &fields["stock_count"]["de_DE"]), (&json!(14.99), &json!(10)));
    assert_eq!(fields["size"]["de_DE"], json!("S, M, L"));
    assert!(fields.get("groupcode").is_none());
}

#[test]
fn ids_that_are_too_long_or_not_unique_are_refused() {
    let ids = Ids::new("p1", &["A-very-long-SKU", "A"], &[]);
    let listing = {
        let mut listing = ids.listing();
        listing.images = vec!["https://img.example/a.jpg"];
        listing
    };
    let de = de();
    let refused = items(&config("longest_id = 8"), &[(&de, &listing)]).unwrap_err();
    assert!(refused.starts_with("C0429") && refused.contains("15 characters"), "{refused}");
    let twice = Ids::new("p1", &["A", "A"], &[]);
    let mut listing = twice.listing();
    listing.images = vec!["https://img.example/a.jpg"];
    assert!(items(&config(""), &[(&de, &listing)]).unwrap_err().starts_with("C0430"));
    assert_eq!(items(&config("variant_id = \"id\""), &[(&de, &listing)]).unwrap()[1].id.as_str(), "p1_2");
}

#[test]
fn markets_have_places_of_their_own_or_currencies_of_their_own() {
    let ids = full();
    let listing = ids.full();
    let of = |toml: &str, markets: &[model::Market]| {
        let shown: Vec<_> = markets.iter().map(|market| (market, &listing)).collect();
        items(&config(toml), &shown).map(|items| members(&items[0])["$locales"].clone())
    };
    let tagged = market("at", "de-AT", "", "EUR");
    assert_eq!(of("", &[de(), tagged]).unwrap(), json!({ "de_DE": ["de"], "de_AT": ["at"] }));
    let bare = market("de", "de", "", "EUR");
    assert_eq!(of("", &[bare]).unwrap(), json!({ "de": ["de"] }));
    let twin = market("de2", "de", "DE", "EUR");
    let refused = of("", &[de(), twin.clone()]).unwrap_err();
    assert!(refused.starts_with("C0421") && refused.contains("de and de2"), "{refused}");
    assert_eq!(
        of("locales = { de2 = \"de_DE:two\" }", &[de(), twin]).unwrap(),
        json!({ "de_DE": ["de"], "de_DE:two": ["de2"] })
    );
    let swiss = market("ch", "de", "DE", "CHF");
    assert_eq!(of("", &[de(), swiss]).unwrap(), json!({ "de_DE": ["de", "ch"] }));
}

#[test]
fn an_attribute_of_another_spelling_is_the_colour() {
    let ids = full();
    let mut listing = ids.full();
    listing.options.clear();
    for offer in &mut listing.variants {
        offer.attributes = vec![text("colour", "red")];
    }
    let de = de();
    assert_eq!(members(&items(&config(""), &[(&de, &listing)]).unwrap()[0])["color"]["de_DE"], json!("red"));
}

#[test]
fn a_reduced_price_has_the_lowest_of_thirty_days_by_place_and_currency() {
    let money = |minor, code: &str| Some(Money::new(minor, code.parse().unwrap()));
    let ids = full();
    let (mut first, mut second, mut third) = (ids.full(), ids.full(), ids.full());
    first.variants[1].lowest_price_30d = money(1799, "EUR");
    second.variants[1].lowest_price_30d = money(2400, "JPY");
    third.variants[1].lowest_price_30d = money(5250, "KWD");
    let (de, jp, kw) = (de(), market("jp", "de", "DE", "JPY"), market("kw", "en", "KW", "KWD"));
    let shown = [(&de, &first), (&jp, &second), (&kw, &third)];
    let made = items(&config("locales = { jp = \"de_DE\" }"), &shown).unwrap();
    let wanted = json!({ "de_DE": { "EUR": 17.99, "JPY": 2400.0 }, "en_KW": { "KWD": 5.25 } });
    assert_eq!(members(&made[1])["omnibus_price"], wanted);
    assert!(members(&made[0]).get("omnibus_price").is_none(), "of a price that is not reduced there is none");
    // The item of a product has the price of its cheapest variant, and that one's lowest price.
    let made = items(&config("grain = \"product\""), &[(&de, &first)]).unwrap();
    assert_eq!(members(&made[0])["price"], json!({ "de_DE": { "EUR": 14.99 } }));
    assert_eq!(members(&made[0])["omnibus_price"], json!({ "de_DE": { "EUR": 17.99 } }));
}
