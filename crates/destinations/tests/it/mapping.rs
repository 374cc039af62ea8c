//! The exact bytes of items.

use contract::{Facet, destination::Mapped};
use destinations::clerk::map;
use insta::assert_snapshot;
use model::{
    CategoryId, CategoryListing, Listing,
    listing::{CategoryName, CategoryRef, Plain},
};

use crate::sample::{Ids, config, eur, field, full, items, members, option, sent, text};

#[test]
fn the_least_a_product_can_be() {
    let ids = Ids::new("p1", &["A-1"], &[]);
    assert_snapshot!(sent(&config(""), &ids.listing()));
}

#[test]
fn everything_a_product_can_be() {
    let ids = full();
    assert_snapshot!(sent(&config(""), &ids.full()));
}

#[test]
fn a_discount_shows_in_price_list_price_and_on_sale() {
    let ids = Ids::new("p1", &["A-1"], &[]);
    let mut listing = ids.listing();
    let offer = &mut listing.variants[0];
    (offer.price, offer.on_sale) = (eur(1500), true);
    let members = members(&config(""), &listing);
    assert_eq!(members["price"].to_string(), "15.0");
    assert_eq!(members["list_price"].to_string(), "19.99");
    assert_eq!(members["on_sale"], true);
}

#[test]
fn money_is_written_as_people_write_it() {
    let ids = Ids::new("p1", &["A-1"], &[]);
    let mut listing = ids.listing();
    for (minor, written) in
        [(0, "0.0"), (1, "0.01"), (1999, "19.99"), (2000, "20.0"), (1010, "10.1"), (123_456_789, "1234567.89")]
    {
        listing.variants[0].price = eur(minor);
        listing.variants[0].list_price = eur(minor);
        assert_eq!(members(&config(""), &listing)["price"].to_string(), written);
    }
    for (currency, minor, written) in [("JPY", 1999, "1999.0"), ("KWD", 1999, "1.999")] {
        listing.variants[0].price = model::Money::new(minor, currency.parse().unwrap());
        assert_eq!(members(&config(""), &listing)["price"].to_string(), written);
    }
}

#[test]
fn the_price_is_that_of_the_cheapest_variant_that_can_be_bought() {
    let ids = Ids::new("p1", &["A", "B", "C"], &[]);
    let mut listing = ids.listing();
    for (offer, (minor, in_stock)) in listing.variants.iter_mut().zip([(3000, true), (1000, false), (2000, true)]) {
        (offer.price, offer.list_price, offer.in_stock) = (eur(minor), eur(minor + 1), in_stock);
    }
    assert_eq!(members(&config(""), &listing)["price"], 20.0);
    assert_eq!(members(&config(""), &listing)["list_price"], 20.01);
    for offer in &mut listing.variants {
        offer.in_stock = false;
    }
    assert_eq!(members(&config(""), &listing)["price"], 10.0);
}

#[test]
fn stock_that_is_not_tracked_counts_as_the_setting_says() {
    let ids = Ids::new("p1", &["A", "B", "C"], &[]);
    let mut listing = ids.listing();
    listing.variants[0].stock = None;
    (listing.variants[1].stock, listing.variants[1].in_stock) = (None, false);
    let told = members(&config("untracked_quantity = 7"), &listing);
    assert_eq!((told["stock"].to_string(), told["variant_stocks"].to_string()), ("12".into(), "[7,0,5]".into()));
    let told = members(&config(""), &listing);
    assert_eq!((told["stock"].to_string(), told["variant_stocks"].to_string()), ("6".into(), "[1,0,5]".into()));
}

#[test]
fn a_missing_sku_leaves_the_lists_aligned() {
    let ids = Ids::new("p1", &["", "B", ""], &[]);
    let told = members(&config(""), &ids.listing());
    assert_eq!(told["variant_skus"].to_string(), r#"["","B",""]"#);
    assert!(!told.contains_key("sku"));
}

#[test]
fn a_hundred_variants_stay_aligned() {
    let skus: Vec<String> = (0..100).map(|number| format!("S{number}")).collect();
    let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
    let ids = Ids::new("p1", &skus, &[]);
    let mut listing = ids.listing();
    listing.options = vec![option("size", &["x"])];
    let told = members(&config(""), &listing);
    let lists: Vec<_> = told.iter().filter(|(name, _)| name.starts_with("variant_")).collect();
    assert_eq!(lists.len(), 7);
    for (name, list) in lists {
        assert_eq!(list.as_array().unwrap().len(), 100, "{name}");
    }
}

#[test]
fn texts_of_any_script_arrive_as_they_are() {
    let ids = Ids::new("p1", &["قميص-1"], &["c"]);
    let mut listing = ids.listing();
    listing.name = "قميص أحمر 👕 \"x\" \u{202e}abc\u{7}";
    listing.description = Some("日本語 <b>太字</b> 👩‍👩‍👧\u{2028}");
    listing.categories = vec![CategoryName {
        key: None,
        external_id: None,
        id: &ids.categories[0],
        name: Some("חולצות"),
        primary: false,
        position: None,
        path: Vec::new(),
    }];
    listing.attributes = vec![text("größe", "große"), text("颜色", "红色")];
    assert_snapshot!(sent(&config(""), &listing));
}

#[test]
fn names_of_attributes_become_names_of_fields() {
    let ids = Ids::new("p1", &["A"], &[]);
    let mut listing = ids.listing();
    let names = ["a-b", "a_b", "a.b", "price", "variant-ids", "age", "id", "", "_", "1x", "A-B", "brand", "a_b_2"];
    listing.attributes = names.iter().map(|name| text(name, name)).collect();
    listing.attributes[7].label = Plain::Text("nameless".into());
    let told = |listing: &Listing<'_>| {
        let fields = members(&config(""), listing);
        let of = |name: &&str| {
            fields.iter().find(|(_, value)| **value == **name).map_or("-", |(field, _)| field.as_str()).to_owned()
        };
        names
            .iter()
            .map(|name| format!("{name:?} {}", of(if name.is_empty() { &"nameless" } else { name })))
            .collect::<Vec<_>>()
    };
    let before = told(&listing);
    assert_snapshot!(before.join("\n"));
    listing.attributes.reverse();
    assert_eq!(told(&listing), before, "the order of attributes does not matter");
}

#[test]
fn attributes_of_variants_become_lists_and_those_of_the_product_one_value() {
    let ids = Ids::new("p1", &["A", "B"], &[]);
    let mut listing = ids.listing();
    listing.variants[0].attributes = vec![
        text("brand", "Nordby"),
        text("material", "wool"),
        field("weight", Plain::Number(1.5)),
        field("tags", Plain::List(vec![Plain::Text("a".into()), Plain::Text("b".into())])),
        text("blank", ""),
        field("nothing", Plain::Number(f64::NAN)),
    ];
    listing.variants[1].attributes = vec![
        text("material", "wool"),
        text("brand", "Sudby"),
        field("weight", Plain::Integer(2)),
        field("tags", Plain::List(vec![Plain::Text("b".into()), Plain::Text("c".into())])),
        text("only_here", "x"),
    ];
    let told = members(&config(""), &listing);
    assert_eq!(told["brand"], "Nordby, Sudby");
    assert_eq!(told["material"].to_string(), r#"["wool"]"#, "a list also where all agree");
    assert_eq!(told["weight"].to_string(), "[1.5,2]");
    assert_eq!(told["tags"].to_string(), r#"["a","b","c"]"#);
    assert_eq!(told["only_here"].to_string(), r#"["x"]"#);
    assert!(!told.contains_key("blank") && !told.contains_key("nothing"));

    let told = members(&config("attributes = [\"material\"]"), &listing);
    assert!(told.contains_key("material") && told.contains_key("brand") && !told.contains_key("weight"));
    let told = members(&config("attributes = []"), &listing);
    assert!(told.contains_key("brand") && !told.contains_key("material"));
}

#[test]
fn a_variant_can_be_an_item_of_its_own() {
    let ids = full();
    assert_snapshot!(sent(&config("grain = \"variant\"\nattributes = [\"size\", \"uses\"]"), &ids.full()));
}

#[test]
fn ids_are_whole_numbers_where_the_store_has_them() {
    let ids = Ids::new("135", &["A"], &["12", "34"]);
    let mut listing = ids.listing();
    listing.categories = ids
        .categories
        .iter()
        .map(|id| CategoryName {
            key: None,
            external_id: None,
            id,
            name: None,
            primary: false,
            position: None,
            path: Vec::new(),
        })
        .collect();
    let integer = config("id_type = \"integer\"");
    assert_eq!(members(&integer, &listing)["categories"].to_string(), "[12,34]");
    assert_eq!(members(&integer, &listing)["variant_ids"].to_string(), "[1]");

    for (id, category) in [("c2a1", "12"), ("0135", "12"), ("+5", "12"), ("99999999999999999999", "12"), ("135", "x")] {
        let ids = Ids::new(id, &["A"], &[category]);
        let mut listing = ids.listing();
        listing.categories = ids
            .categories
            .iter()
            .map(|id| CategoryName {
                key: None,
                external_id: None,
                id,
                name: None,
                primary: false,
                position: None,
                path: Vec::new(),
            })
            .collect();
        let refused = items(&integer, &listing).unwrap_err();
        assert!(refused.starts_with(&format!("C0411 product {id}: ")), "{refused}");
    }
}

#[test]
fn the_id_is_what_the_settings_say() {
    let ids = Ids::new("c2a1", &["A-1", "A-2"], &[]);
    let id = |settings: &str| items(&config(settings), &ids.listing()).map(|items| items[0].id.to_string());
    assert_eq!(id("").unwrap(), "c2a1");
    assert_eq!(id("product_id = \"key\"").unwrap(), "trail-jacket");
    assert_eq!(id("product_id = \"sku\"").unwrap(), "A-1");
    let mut nameless = Ids::new("c2a1", &[""], &[]);
    nameless.product.key = None;
    for setting in ["key", "sku"] {
        let refused = items(&config(&format!("product_id = \"{setting}\"")), &nameless.listing()).unwrap_err();
        assert!(refused.starts_with("C0411 product c2a1 has no"), "{refused}");
    }
}

#[test]
fn variants_that_would_be_one_item_are_refused() {
    let ids = Ids::new("p1", &["A", "A"], &[]);
    assert_snapshot!(
        items(&config("grain = \"variant\""), &ids.listing()).unwrap_err(),
        @r#"C0412 product p1: two of its variants would both be item "A""#
    );
    assert!(items(&config(""), &ids.listing()).is_ok(), "as one product they do no harm");
    let ids = Ids::new("p1", &["", ""], &[]);
    let made = items(&config("grain = \"variant\""), &ids.listing()).unwrap();
    assert_eq!(made.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["p1_1", "p1_2"]);
}

#[test]
fn out_of_stock_stays_hides_or_goes() {
    let ids = Ids::new("p1", &["A", "B"], &[]);
    let mut listing = ids.listing();
    (listing.variants[0].stock, listing.variants[0].in_stock) = (Some(0), false);
    assert_eq!(members(&config(""), &listing)["index"], true);
    let hide = config("out_of_stock = \"hide\"");
    assert_eq!(members(&hide, &listing)["index"], true);
    let remove = config("out_of_stock = \"remove\"");
    assert_eq!(members(&remove, &listing)["variant_stocks"].to_string(), "[0,5]");
    let variants = config("out_of_stock = \"remove\"\ngrain = \"variant\"");
    assert_eq!(items(&variants, &listing).unwrap().len(), 1);

    (listing.variants[1].stock, listing.variants[1].in_stock) = (Some(0), false);
    assert_eq!(members(&config(""), &listing)["stock"], 0);
    assert_eq!(members(&config(""), &listing)["index"], true);
    assert_eq!(members(&hide, &listing)["index"], false);
    let gone = "filtered: all its variants are out of stock, and this flow removes such products";
    assert_eq!(items(&remove, &listing).unwrap_err(), gone);
    assert_eq!(items(&variants, &listing).unwrap_err(), gone);
}

#[test]
fn what_clerk_has_no_use_for_is_refused_and_says_where() {
    let ids = Ids::new("p1", &["A"], &[]);
    let refused = |change: &dyn Fn(&mut Listing<'_>)| {
        let mut listing = ids.listing();
        change(&mut listing);
        items(&config("missing_image = \"reject\""), &listing).unwrap_err()
    };
    let messages = [
        refused(&|it| it.name = " "),
        refused(&|it| it.url = "/p/1".to_owned()),
        refused(&|it| it.images = vec!["//img.example/a.jpg"]),
        refused(&|_| {}),
        refused(&|it| {
            it.images = vec!["https://img.example/a.jpg"];
            it.variants[0].price = eur(-1);
        }),
    ];
    assert_snapshot!(messages.join("\n"));
}

#[test]
fn an_item_without_image_says_which_address_was_left_out() {
    let mut ids = Ids::new("p1", &["A"], &[]);
    let what = "SKU A: the address \"/a.jpg\" is no absolute http(s) address";
    ids.product.notices.push(model::Notice::new("images", what));
    ids.product.notices.push(model::Notice::new("prices", "something else"));
    let said = items(&config("missing_image = \"reject\""), &ids.listing()).unwrap_err();
    assert!(said.contains(what) && said.contains("it was not sent") && !said.contains("something else"), "{said}");
}

#[test]
fn what_the_user_maps_is_neither_written_nor_refused() {
    let ids = Ids::new("p1", &["A"], &[]);
    let mut listing = ids.listing();
    (listing.name, listing.url) = (" ", "/p".to_owned());
    listing.variants[0].price = eur(-1);
    listing.attributes = vec![text("fit", "slim")];
    let mine = ["name", "url", "image", "price", "variant_prices", "fit"];
    let taken = |name: &str| mine.contains(&name);
    let settings = config("missing_image = \"reject\"");
    let Ok(Mapped::Items(items)) = map::product(&settings, &listing, &taken) else { panic!("no items") };
    for name in mine {
        assert!(!items[0].item.payload.object().contains(&format!("\"{name}\":")), "{name}");
    }
}

#[test]
fn descriptions_are_text_or_html() {
    let ids = full();
    assert_eq!(members(&config(""), &ids.full())["description"], "Light shell 3 layers");
    let html = members(&config("description = \"html\""), &ids.full());
    assert_eq!(html["description"], ids.full().description.unwrap());
    let long = format!("<p>{}</p>", "é".repeat(24)).repeat(38_000);
    let mut listing = ids.full();
    listing.description = Some(&long);
    assert_eq!(members(&config(""), &listing)["description"].as_str().unwrap().len(), 38_000 * 49 - 1);
}

#[test]
fn a_variant_without_image_has_that_of_its_product_or_none() {
    let ids = full();
    let told = members(&config(""), &ids.full());
    assert_eq!(told["variant_images"][2], "https://img.example/a.jpg");
    let told = members(&config("parent_image = false"), &ids.full());
    assert_eq!(told["variant_images"][2], "");
}

/// PATCH merges, so a member that is sometimes missing could never be taken back.
#[test]
fn every_member_of_price_and_availability_is_always_there() {
    let names = |members: &str| {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&format!("{{{members}}}")).unwrap();
        object.keys().cloned().collect::<Vec<_>>()
    };
    for settings in
        ["", "out_of_stock = \"hide\"", "grain = \"variant\"", "grain = \"variant\"\nout_of_stock = \"hide\""]
    {
        let settings = config(settings);
        let (small, large) = (Ids::new("p1", &[""], &[]), full());
        let mut gone = large.full();
        for offer in &mut gone.variants {
            (offer.stock, offer.in_stock, offer.on_sale) = (None, false, false);
        }
        let mut seen = Vec::new();
        for listing in [small.listing(), large.full(), gone] {
            for item in items(&settings, &listing).unwrap() {
                let payload = &item.payload;
                seen.push((names(payload.members(Facet::PRICE)), names(payload.members(Facet::AVAILABILITY))));
                assert!(!payload.object().contains("null"));
            }
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:?}");
    }
}

#[test]
fn a_change_of_stock_changes_availability_only() {
    let ids = full();
    let before = items(&config(""), &ids.full()).unwrap()[0].payload.digests();
    let mut listing = ids.full();
    listing.variants[0].stock = Some(4);
    let after = items(&config(""), &listing).unwrap()[0].payload.digests();
    assert_eq!(after.differing(&before), contract::Facets::NONE.with(Facet::AVAILABILITY));
    (listing.variants[0].price, listing.variants[0].list_price) = (eur(100), eur(200));
    listing.variants[0].stock = Some(5);
    let after = items(&config(""), &listing).unwrap()[0].payload.digests();
    assert_eq!(after.differing(&before), contract::Facets::NONE.with(Facet::PRICE));
}

#[test]
fn a_category_names_its_immediate_children() {
    let ids: Vec<CategoryId> = ["c1", "c0", "c2", "c3"].into_iter().map(CategoryId::from).collect();
    let to = |id| CategoryRef { id, key: None, external_id: None };
    let mut listing = CategoryListing {
        id: &ids[0],
        key: Some("jackets"),
        external_id: None,
        parent: Some(to(&ids[1])),
        name: "Jackets",
        description: Some("<p>All of them</p>"),
        slug: None,
        url: "https://shop.example/c/jackets".to_owned(),
        image: Some("https://img.example/c.jpg"),
        children: vec![to(&ids[2]), to(&ids[3])],
        path: vec!["Clothes", "Jackets"],
    };
    let shown = |listing: &CategoryListing<'_>| match map::category(&config(""), listing, &|_| false) {
        Ok(Mapped::Items(items)) => format!("{} {}", items[0].item.id, items[0].item.payload.object()),
        other => format!("{other:?}"),
    };
    let mut all = vec![shown(&listing)];
    (listing.parent, listing.description, listing.image) = (None, None, None);
    (listing.children, listing.path) = (Vec::new(), vec!["Jackets"]);
    all.push(shown(&listing));
    assert_snapshot!(all.join("\n"));
    let refused = map::category(&config("id_type = \"integer\""), &listing, &|_| false).unwrap_err();
    assert_eq!(refused.message, "category c1: its id is no whole number, and id_type is integer");
}

#[test]
fn the_fingerprint_follows_what_changes_payloads_or_their_removal_and_nothing_else() {
    let of = |settings: &str| map::fingerprint(&config(settings), 1);
    assert_eq!(of(""), of("url = \"http://127.0.0.1:1/clerk\"\nbatch_items = 7\nconcurrency = 9"));
    let settings = [
        "",
        "grain = \"variant\"",
        "id_type = \"integer\"",
        "product_id = \"key\"",
        "category_id = \"key\"",
        "out_of_stock = \"hide\"",
        "untracked_quantity = 2",
        "description = \"html\"",
        "missing_image = \"reject\"",
        "parent_image = false",
        "category_removal = \"delete\"",
        "attributes = []",
        "attributes = [\"a\", \"b\"]",
        "attributes = [\"a, b\"]",
    ];
    let mut seen: Vec<_> = settings.iter().map(|it| of(it)).collect();
    seen.push(map::fingerprint(&config(""), 2));
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}
