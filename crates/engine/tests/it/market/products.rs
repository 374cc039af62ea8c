use contract::{Fault, FaultClass};
use engine::market::{Reference, View};
use model::{
    Category, Channel, CustomerGroup, Filtered, Locale, Localized, Market, Online, PerStorefront, PricePolicy, Product,
    ProductType, Rating, Record, Scope,
};

use super::build::*;

fn rule(product: &Product) -> Filtered {
    let view = plain_view();
    view.product(product, &[], NOW).listing.unwrap_err()
}

fn off() -> PerStorefront<Online> {
    PerStorefront::everywhere(Online::NEVER)
}

#[test]
fn each_rule_says_why() {
    let good = || product(vec![variant("S")]);
    let unnamed = |name: Localized| Product { name, ..good() };
    assert_eq!(rule(&Product { online: off(), ..good() }), Filtered::Unpublished);
    assert_eq!(rule(&product(Vec::new())), Filtered::NoVariant);
    assert_eq!(rule(&unnamed(Localized::empty())), Filtered::NoText);
    assert_eq!(rule(&unnamed(texts(&[("fr", "Chemise")]))), Filtered::NoText);
    assert_eq!(rule(&unnamed(texts(&[("de", " \t"), ("en", "")]))), Filtered::NoText);
    let mut unpriced = good();
    unpriced.variants[0].prices.clear();
    assert_eq!(rule(&unpriced), Filtered::NoPrice);
    let hidden = Product { online: off(), variants: Vec::new(), ..unnamed(Localized::empty()) };
    assert_eq!(rule(&hidden), Filtered::Unpublished, "the first rule that applies is the reason");
}

#[test]
fn texts_fall_back_along_the_locales() {
    let view = plain_view();
    let name = |name: &[(&str, &str)]| {
        let product = Product { name: texts(name), ..product(vec![variant("S")]) };
        view.product(&product, &[], NOW).listing.map(|listing| listing.name.to_owned())
    };
    assert_eq!(name(&[("en", "Shirt"), ("de", "Hemd"), ("de-AT", "Pfoad")]).unwrap(), "Pfoad");
    assert_eq!(name(&[("en", "Shirt"), ("de", "Hemd"), ("de-CH", "Hömmli")]).unwrap(), "Hemd");
    assert_eq!(name(&[("en", "Shirt"), ("de", "")]).unwrap(), "Shirt");
    assert_eq!(name(&[("en-GB", "Shirt")]), Err(Filtered::NoText));
}

#[test]
fn right_to_left_and_emoji_texts_arrive_as_they_are() {
    let arabic = Market { locales: vec![Locale::parse("ar").unwrap()], ..market() };
    let view = view(&arabic, Vec::new());
    let name = "قميص \u{202b}أحمر\u{202c} 👩‍👩‍👧‍👦🏳️‍🌈";
    let product = Product {
        name: texts(&[("ar", name)]),
        slug: texts(&[("ar", "قميص/👕")]),
        description: texts(&[("ar", &"ه".repeat(1_000_000))]),
        ..product(vec![variant("S")])
    };
    let listing = view.product(&product, &[], NOW).listing.unwrap();
    assert_eq!(listing.name, name);
    assert_eq!(listing.description.unwrap().len(), 2_000_000);
    assert_eq!(listing.url, "https://shop.example/ar/p/%D9%82%D9%85%D9%8A%D8%B5%2F%F0%9F%91%95?sku=S");
}

#[test]
fn a_url_falls_back_and_stays_one_segment() {
    let view = plain_view();
    let url = |product: &Product| view.product(product, &[], NOW).listing.unwrap().url;
    let mut it = product(vec![variant("S/1&x=2")]);
    assert_eq!(url(&it), "https://shop.example/de-AT/p/hemd?sku=S%2F1%26x%3D2");
    it.slug = texts(&[("fr", "chemise")]);
    it.variants[0].sku = None;
    assert_eq!(url(&it), "https://shop.example/de-AT/p/shirt?sku=shirt");
    it.key = None;
    assert_eq!(url(&it), "https://shop.example/de-AT/p/p?sku=p");
}

#[test]
fn a_hundred_variants_keep_their_order_and_the_main_one_first() {
    let mut variants: Vec<_> = (0..100).map(|at| variant(&format!("S{at:03}"))).collect();
    for (at, variant) in variants.iter_mut().enumerate() {
        variant.images = vec![image("https://cdn.example/shared.jpg"), image(&format!("https://cdn.example/{at}.jpg"))];
    }
    variants[0].prices.clear();
    let joined: Vec<_> = (0..100).rev().map(|at| stock(&format!("S{at:03}"), None, at)).collect();
    let product = product(variants);
    let view = plain_view();
    let listing = view.product(&product, &joined, NOW).listing.unwrap();
    assert_eq!(listing.variants.len(), 99);
    for (offer, at) in listing.variants.iter().zip(1_i64..) {
        assert_eq!(offer.sku.unwrap().as_str(), format!("S{at:03}"));
        assert_eq!(offer.stock, Some(at));
    }
    assert_eq!(listing.images.len(), 100, "without repeats");
    assert_eq!(&listing.images[..2], ["https://cdn.example/shared.jpg", "https://cdn.example/1.jpg"]);
    assert!(listing.url.ends_with("sku=S000"), "the main variant, though it is not sold");
}

#[test]
fn images_without_an_absolute_url_are_left_out() {
    let mut shirt = variant("S");
    shirt.images = ["/a.jpg", "", "//cdn.example/b.jpg", "https://cdn.example/c d.jpg", "http://cdn.example/e.jpg"]
        .map(image)
        .to_vec();
    let product = product(vec![shirt]);
    let view = plain_view();
    assert_eq!(view.product(&product, &[], NOW).listing.unwrap().images, ["http://cdn.example/e.jpg"]);
}

#[test]
fn duplicate_and_missing_skus_are_listed_as_the_shop_has_them() {
    let mut nameless = variant("x");
    nameless.sku = None;
    let product = product(vec![variant("S"), variant("S"), nameless]);
    let view = plain_view();
    let joined = [stock("S", None, 3)];
    let listing = view.product(&product, &joined, NOW).listing.unwrap();
    let told: Vec<_> = listing.variants.iter().map(|it| (it.sku.map(ToString::to_string), it.stock)).collect();
    assert_eq!(told, [(Some("S".into()), Some(3)), (Some("S".into()), Some(3)), (None, None)]);
}

#[test]
fn a_listing_holds_what_the_product_refers_to() {
    let records = vec![
        Record::Category(category("Hemden", None)),
        Record::Category(Category { name: texts(&[("fr", "Chemises")]), ..category("fr", None) }),
        Record::ProductType(ProductType {
            id: "t".into(),
            key: None,
            name: "Kleidung".into(),
            attributes: Vec::new(),
            notices: Vec::new(),
        }),
    ];
    let view = view(&market(), records);
    let product = Product {
        product_type: Some("t".into()),
        categories: vec!["fr".into(), "unknown".into(), "Hemden".into()],
        rating: Some(Rating { average: 4.5, count: 2 }),
        created_at: Some(NOW),
        keywords: words("de", &["oben", "warm"]),
        ..product(vec![variant("S")])
    };
    let listing = view.product(&product, &[], NOW).listing.unwrap();
    assert_eq!(listing.product_type, Some("Kleidung"));
    assert_eq!(listing.keywords, ["oben", "warm"]);
    let categories: Vec<_> = listing.categories.iter().map(|it| (it.id.as_str(), it.name)).collect();
    assert_eq!(categories, [("Hemden", Some("Hemden"))], "only what the market has");
    assert_eq!((listing.rating, listing.created_at), (product.rating, Some(NOW)));
}

fn fault(market: &Market, records: Vec<Record>) -> Fault {
    View::new(market, &Reference::new(records), PricePolicy::FirstScope(ORDER)).unwrap_err()
}

#[test]
fn settings_that_name_what_is_not_there_say_what_is() {
    let channel = |key: &str| {
        Record::Channel(Channel { id: key.into(), key: key.into(), name: Localized::empty(), untracked: None })
    };
    let group = Record::CustomerGroup(CustomerGroup { id: "1".into(), key: Some("vip".into()), name: String::new() });
    let told = |market: Market, records| {
        let fault = fault(&market, records);
        assert_eq!(fault.class, FaultClass::Config);
        format!("{}: {}; {}", fault.code, fault.message, fault.hint.unwrap())
    };
    assert_eq!(
        told(Market { price_channel: Some("shp".into()), ..market() }, vec![channel("shop"), channel("b2b")]),
        r#"C0501: market de names the price channel "shp", which the source does not have; known: b2b, shop"#
    );
    assert_eq!(
        told(
            Market { supply_channels: vec!["x".into()], ..market() },
            (10..40).map(|at| channel(&at.to_string())).collect()
        ),
        "C0501: market de names the supply channel \"x\", which the source does not have; known: 10, 11, 12, 13, 14, \
         15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29 and 10 more"
    );
    assert_eq!(
        told(Market { store: Some("de".into()), ..market() }, Vec::new()),
        r#"C0502: market de names the store "de", which the source does not have; the source has none, or its key may not read them"#
    );
    assert_eq!(
        told(Market { customer_group: Some("VIP".into()), ..market() }, vec![group]),
        r#"C0503: market de names the customer group "VIP", which the source does not have; known: vip"#
    );
    for (url, what) in
        [("https://x/{slugg}", "{slugg}"), ("https://x/{slug", "{ without }"), ("https://x/slug}", "} without {")]
    {
        assert_eq!(
            told(Market { product_url: url.into(), ..market() }, Vec::new()),
            format!(
                "C0504: product_url of market de {url:?} holds {what}, which is no placeholder; use {{slug}}, {{path}}, {{id}}, {{key}}, {{sku}}, {{locale}}, or several in one, such as {{slug|key}}"
            )
        );
    }
    assert!(
        told(Market { category_url: "https://x/{sku}".into(), ..market() }, Vec::new())
            .starts_with("C0504: category_url")
    );
    assert!(
        told(Market { locales: Vec::new(), ..market() }, Vec::new()).starts_with("C0505: market de names no locale")
    );
}

#[test]
fn a_price_channel_is_named_by_key_and_found_by_id() {
    let channel =
        Record::Channel(Channel { id: "id-1".into(), key: "shop".into(), name: Localized::empty(), untracked: None });
    let group =
        Record::CustomerGroup(CustomerGroup { id: "id-2".into(), key: Some("vip".into()), name: String::new() });
    let special = Market { price_channel: Some("shop".into()), customer_group: Some("vip".into()), ..market() };
    let view = view(&special, vec![channel, group]);
    let mut shirt = variant("S");
    let scope = Scope { channel: Some("id-1".into()), group: Some("id-2".into()), country: None };
    shirt.prices.push(model::Price { scope, ..euros(5) });
    let product = product(vec![shirt]);
    assert_eq!(view.product(&product, &[], NOW).listing.unwrap().variants[0].price.minor, 5);
}
