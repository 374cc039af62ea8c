//! What a product has besides texts, prices and stock.

use contract::{Position, Ref, Source as _};
use model::{Attribute, Kind, Product, Record, Value as Held};
use sandbox::{
    bigcommerce::Change,
    catalogue::{Options, generate},
};
use serde_json::json;

use super::{Walked, settings, shop, source, walk};

fn product<'w>(walked: &'w Walked, id: &str) -> &'w Product {
    for record in walked.records() {
        if let Record::Product(product) = record
            && product.id.as_str() == id
        {
            return product;
        }
    }
    panic!("no product {id}");
}

fn held<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Held> {
    attributes.iter().find(|it| it.name == name).map(|it| &it.value)
}

fn text(text: &str) -> Held {
    Held::Text(text.to_owned())
}

#[tokio::test]
async fn related_products_videos_and_pre_orders_are_attributes() {
    let catalogue = generate(&Options { products: 5, oddities: false, ..Options::default() });
    let (emulator, host) = shop(settings(), &catalogue).await;
    let keys: Vec<String> = (catalogue.products)().map(|it| it.key).collect();
    let id = |place: usize| emulator.product_id(&keys[place]).unwrap().to_string();
    let of = keys[0].clone();
    let related = vec![keys[2].clone(), keys[1].clone()];
    emulator.change(Change::SetRelated { product: of.clone(), related }).unwrap();
    for video in ["z3fRu9pkuXE", "no id at all"] {
        emulator.change(Change::AddVideo { product: of.clone(), video: video.to_owned() }).unwrap();
    }
    emulator.change(Change::SetPreorder { product: of, release: 1_800_000_000_000 }).unwrap();
    let walked = walk(&source(&host, json!({})), "products", Position::Full).await;
    let attributes = &product(&walked, &id(0)).attributes;
    let reference =
        |place| Held::Reference { of: "product".to_owned(), kind: Some(Kind::Product), id: id(place).into() };
    assert_eq!(held(attributes, "related_products"), Some(&Held::Set(vec![reference(2), reference(1)])));
    let video = text("https://www.youtube.com/watch?v=z3fRu9pkuXE");
    assert_eq!(held(attributes, "videos"), Some(&Held::Set(vec![video])));
    assert_eq!(held(attributes, "availability"), Some(&text("preorder")));
    assert_eq!(held(attributes, "preorder_release_date"), Some(&text("2027-01-15T08:00:00+00:00")));
    let others = &product(&walked, &id(1)).attributes;
    assert!(["related_products", "videos", "preorder_release_date"].iter().all(|name| held(others, name).is_none()));
}

#[tokio::test]
async fn metafields_of_the_chosen_namespaces_are_attributes_of_products_and_variants() {
    let catalogue = generate(&Options { products: 300, oddities: false, ..Options::default() });
    let (emulator, host) = shop(settings(), &catalogue).await;
    let products: Vec<_> = (catalogue.products)().collect();
    let set = |of: &str, namespace: &str, value: &str| {
        let (of, key) = (of.to_owned(), "story".to_owned());
        emulator
            .change(Change::SetMetafield { of, namespace: namespace.to_owned(), key, value: value.to_owned() })
            .unwrap();
    };
    for product in &products {
        set(&product.key, "pim", &format!("of {}", product.key));
        set(&product.key, "erp", "not asked for");
    }
    let sku = products[0].variants[1].sku.clone().unwrap();
    set(&sku, "pim", "of a variant");
    let id = |place: usize| emulator.product_id(&products[place].key).unwrap().to_string();
    let plain = walk(&source(&host, json!({})), "products", Position::Full).await;
    assert_eq!(held(&product(&plain, &id(0)).attributes, "pim.story"), None);
    let source = source(&host, json!({ "metafields": ["pim"] }));
    emulator.reset_counters();
    let walked = walk(&source, "products", Position::Full).await;
    for place in [0, 150, 299] {
        let attributes = &product(&walked, &id(place)).attributes;
        assert_eq!(held(attributes, "pim.story"), Some(&text(&format!("of {}", products[place].key))));
        assert_eq!(held(attributes, "erp.story"), None);
    }
    let variants = &product(&walked, &id(0)).variants;
    assert_eq!(held(&variants[1].attributes, "pim.story"), Some(&text("of a variant")));
    assert_eq!(held(&variants[0].attributes, "pim.story"), None);
    let counters = emulator.counters();
    let calls = ["products", "variants"].map(|of| counters[&format!("GET /v3/catalog/{of}/metafields")]);
    assert_eq!(calls, [2, 1], "300 of products and one of a variant, once for the whole walk");
    // The next walk over all products sees what changed.
    set(&products[0].key, "pim", "changed");
    let swept = walk(&source, "variants", Position::Full).await;
    assert_eq!(held(&product(&swept, &id(0)).attributes, "pim.story"), Some(&text("changed")));
}

#[tokio::test]
async fn modifiers_are_read_where_they_are_wanted_ten_products_at_once() {
    let catalogue = generate(&Options { products: 24, oddities: false, ..Options::default() });
    let (emulator, host) = shop(settings(), &catalogue).await;
    let keys: Vec<String> = (catalogue.products)().map(|it| it.key).collect();
    let of = keys[3].clone();
    let values = vec![("Red ribbon".to_owned(), None), ("Gold ribbon".to_owned(), Some(250))];
    emulator.change(Change::AddModifier { product: of.clone(), name: "Wrapping".to_owned(), values }).unwrap();
    emulator
        .change(Change::AddModifier { product: of.clone(), name: "Engraving".to_owned(), values: Vec::new() })
        .unwrap();
    let id = emulator.product_id(&of).unwrap().to_string();
    let without = walk(&source(&host, json!({})), "products", Position::Full).await;
    assert_eq!(held(&product(&without, &id).attributes, "Wrapping"), None);
    emulator.reset_counters();
    let source = source(&host, json!({ "modifiers": true }));
    let with = walk(&source, "products", Position::Full).await;
    assert_eq!(with.changes.len(), 24);
    assert_eq!(emulator.counters()["GET /v3/catalog/products"], 3);
    let read = product(&with, &id);
    let choices = Held::Set(vec![text("Red ribbon"), text("Gold ribbon")]);
    assert_eq!(held(&read.attributes, "Wrapping"), Some(&choices));
    assert_eq!(held(&read.attributes, "Engraving"), Some(&text("text")));
    assert!(
        read.notices.iter().any(|it| it.field == "modifiers" && it.what.contains("Wrapping")),
        "{:?}",
        read.notices
    );
    assert_eq!(read.notices.len(), 1, "an engraving costs nothing");
    // By id, too, more than a page holds.
    let all: Vec<Ref> = keys
        .iter()
        .map(|key| Ref { kind: Kind::Product, id: emulator.product_id(key).unwrap().to_string().into() })
        .collect();
    let fetched = source.fetch(&all).await.unwrap();
    assert_eq!(fetched.changes.iter().filter(|it| matches!(it, contract::Change::Is { .. })).count(), 24);
}

#[tokio::test]
async fn check_shows_the_routes_of_a_headless_storefront_and_what_becomes_of_what_is_sold_out() {
    let (emulator, host) = shop(settings(), &generate(&Options { products: 1, ..Options::default() })).await;
    let channel = emulator.channel_id("uk").unwrap();
    let add = |kind: &str, matching: &str, route: &str| {
        let (kind, matching, route) = (kind.to_owned(), matching.to_owned(), route.to_owned());
        emulator.change(Change::AddRoute { channel, kind, matching, route }).unwrap();
    };
    add("product", "12", "/the-one");
    add("product", "*", "/{lang}/{slug}?id={id}");
    add("category", "*", "/c/{id}");
    let told = async || {
        let found = source(&host, json!({})).check().await;
        found.into_iter().map(|it| format!("{}: {}", it.what, it.result.unwrap())).collect::<Vec<_>>()
    };
    let lines = told().await;
    let routed = "product_url = \"https://uk.shop.example/{locale}/{path}?id={id}\", category_url = \
                  \"https://uk.shop.example/c/{id}\", by its routes";
    assert!(
        lines.iter().any(|it| it.starts_with(&format!("channel: {channel}: ")) && it.ends_with(routed)),
        "{lines:#?}"
    );
    assert!(lines.iter().any(|it| it.starts_with("sold out: storefronts go on showing")), "{lines:#?}");
    emulator.change(Change::HideSoldOut(true)).unwrap();
    let lines = told().await;
    assert!(lines.iter().any(|it| it.starts_with("sold out: storefronts hide")), "{lines:#?}");
}

#[tokio::test]
async fn the_order_of_products_in_categories_is_read_where_it_is_wanted() {
    let catalogue = generate(&Options { products: 30, oddities: false, ..Options::default() });
    let (emulator, host) = shop(settings(), &catalogue).await;
    let products: Vec<_> = (catalogue.products)().collect();
    let category = products[0].categories[0].clone();
    let here: Vec<&str> =
        products.iter().filter(|it| it.categories.contains(&category)).map(|it| it.key.as_str()).collect();
    for (place, key) in (0..).zip(here.iter().rev().take(2)) {
        let (category, product) = (category.clone(), (*key).to_owned());
        emulator.change(Change::SetPlace { category, product, place }).unwrap();
    }
    assert!(source(&host, json!({})).lanes().iter().all(|lane| lane.name != "product_order"));
    let settings = json!({ "lanes": { "product_order": true }, "page_size": { "others": 1 } });
    let walked = walk(&source(&host, settings), "product_order", Position::Full).await;
    let mut placed: Vec<(String, String, Option<i64>)> = Vec::new();
    for record in walked.records() {
        let Record::Placement(it) = record else { panic!("{record:?}") };
        placed.push((it.category.to_string(), it.product.to_string(), it.position));
    }
    let mut expected = Vec::new();
    for id in emulator.category_ids(&category) {
        for (place, key) in (0..).zip(here.iter().rev().take(2)) {
            expected.push((id.to_string(), emulator.product_id(key).unwrap().to_string(), Some(place)));
        }
    }
    placed.sort();
    expected.sort();
    assert_eq!(placed, expected);
}
