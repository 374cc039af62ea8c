//! Products whose variants, prices, stock and categories are records of their own.

use model::{
    Brand, Category, Filtered, ItemKey, Keywords, Localized, Market, Online, PerStorefront, Placement, Price,
    PriceEntry, PriceHome, Product, Record, Sku, Stock, StockLevel, Storefront, Supply, Tailored, Timestamp, Tree,
    Variant, VariantEntry, Window,
};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::build::*;

fn variant_record(product: Option<&str>, position: i64, variant: Variant) -> Record {
    let (id, product) = (variant.id.as_str().into(), product.map(Into::into));
    Record::Variant(VariantEntry { id, product, position, variant, notices: Vec::new() })
}

fn stock_of(id: &str, item: ItemKey, level: StockLevel, created_at: Option<Timestamp>) -> Record {
    Record::Stock(Stock { id: id.into(), item, level, created_at })
}

fn price_of(id: &str, item: ItemKey, price: Price, created_at: Option<Timestamp>) -> Record {
    let (id, notices) = (id.into(), Vec::new());
    Record::Price(PriceEntry { id, item, book: None, active: true, price, created_at, notices })
}

fn placement(category: &str, primary: bool) -> Record {
    Record::Placement(Placement { category: category.into(), product: "p".into(), position: Some(3), primary })
}

fn storefront(key: &str) -> Record {
    Record::Storefront(Storefront {
        key: key.into(),
        name: Localized::empty(),
        locales: Vec::new(),
        countries: Vec::new(),
        distribution: Vec::new(),
        supply: Vec::new(),
        selections: Vec::new(),
        notices: Vec::new(),
    })
}

fn in_store(key: &str) -> Market {
    Market { store: Some(key.into()), ..market() }
}

/// A whole product, and the same product in parts.
type Pair = (Product, Product, Vec<Record>);

/// It has a SKU, its parts name it and not its SKU, prices with the beginning of their window, stock (in the channel or
/// in none), and that it is switched off.
type Drawn = (bool, bool, Vec<(i64, Option<i64>)>, Vec<(bool, i64)>, bool);

fn any_variant() -> impl Strategy<Value = Drawn> {
    let prices = proptest::collection::vec((1_i64..4, proptest::option::of(-2_i64..=2)), 0..3);
    let levels = proptest::collection::vec((any::<bool>(), -2_i64..5), 0..3);
    (any::<bool>(), any::<bool>(), prices, levels, proptest::bool::weighted(0.2))
}

fn pair(variants: Vec<Drawn>, categories: &[bool]) -> Pair {
    let mut whole = product(Vec::new());
    let mut records = Vec::new();
    for (at, (has_sku, by_variant, prices, levels, off)) in variants.into_iter().enumerate() {
        let mut bare = Variant::new(format!("v{at}"));
        bare.sku = has_sku.then(|| format!("SKU-{at}").into());
        bare.attributes = vec![attribute("size", model::Value::Text(at.to_string()))];
        if off {
            bare.online = PerStorefront::everywhere(Online::NEVER);
        }
        let item = match &bare.sku {
            Some(sku) if !by_variant => ItemKey::Sku(sku.clone()),
            _ => ItemKey::Variant("p".into(), bare.id.clone()),
        };
        let mut full = bare.clone();
        for (number, (minor, from)) in prices.into_iter().enumerate() {
            let window = Window { from: from.map(later), until: None };
            let price = Price { window, ..euros(minor) };
            records.push(price_of(&format!("{at}/{number}"), item.clone(), price.clone(), None));
            full.prices.push(price);
        }
        for (in_channel, available) in levels {
            let channel = in_channel.then(|| "a".into());
            if full.stock.iter().all(|it| it.channel != channel) {
                let level = StockLevel::limited(channel, available);
                records.push(stock_of(&format!("{at}/{in_channel}"), item.clone(), level.clone(), None));
                full.stock.push(level);
            }
        }
        records.push(variant_record(Some("p"), at.try_into().unwrap(), bare));
        whole.variants.push(full);
    }
    for (id, _) in ["c1", "c2", "c3"].iter().zip(categories).filter(|(_, is_in)| **is_in) {
        whole.categories.push((*id).into());
        records.push(placement(id, false));
    }
    let bare =
        Product { variants: Vec::new(), categories: Vec::new(), price_home: PriceHome::Entries, ..whole.clone() };
    (whole, bare, records)
}

fn any_pair() -> impl Strategy<Value = Pair> {
    let variants = proptest::collection::vec(any_variant(), 0..4);
    let shuffled = (variants, any::<[bool; 3]>()).prop_map(|(variants, categories)| pair(variants, &categories));
    shuffled.prop_flat_map(|(whole, bare, records)| (Just(whole), Just(bare), Just(records).prop_shuffle()))
}

/// The listing, and until when it is valid.
fn seen(
    view: &engine::market::View,
    product: &Product,
    joined: &[Record],
) -> (Result<Json, Filtered>, Option<Timestamp>) {
    let projection = view.product(product, joined, NOW);
    let listing = projection.listing.map(|mut listing| {
        // If a source gives the position, the listing has it too; a whole product has none.
        listing.categories.iter_mut().for_each(|it| it.position = None);
        serde_json::to_value(&listing).unwrap()
    });
    (listing, projection.holds.until)
}

proptest! {
    #[test]
    fn a_product_in_parts_is_what_it_is_whole((whole, bare, records) in any_pair()) {
        let categories = ["c1", "c2", "c3"].map(|id| Record::Category(category(id, None)));
        let view = view(&market(), categories.to_vec());
        prop_assert_eq!(seen(&view, &whole, &[]), seen(&view, &bare, &records));
    }
}

#[test]
fn variants_follow_the_product_that_lists_them_else_their_position() {
    let listed =
        Product { variant_skus: ["B", "A"].map(Sku::from).to_vec(), prices: vec![euros(5)], ..product(Vec::new()) };
    let unpriced = |sku: &str| Variant { sku: Some(sku.into()), ..Variant::new(sku) };
    let view = plain_view();
    let ids = |product: &Product, joined: &[Record]| {
        let listing = view.product(product, joined, NOW).listing.unwrap();
        listing.variants.iter().map(|it| it.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    let joined = ["A", "B", "C"].map(|sku| variant_record(None, 0, unpriced(sku)));
    assert_eq!(ids(&listed, &joined), ["B", "A"], "C is another product's");
    let own = Product { variant_skus: Vec::new(), ..listed };
    let places = [("A", 2), ("B", 1), ("C", 1)].map(|(id, at)| variant_record(Some("p"), at, unpriced(id)));
    assert_eq!(ids(&own, &places), ["B", "C", "A"]);
    let named = |main: &str| Product { main_variant: Some(main.into()), ..own.clone() };
    assert_eq!(ids(&named("A"), &places), ["A", "B", "C"]);
    assert_eq!(ids(&named("Z"), &places), ["B", "C", "A"], "what it names is not there");
}

#[test]
fn of_a_variant_that_is_in_the_product_and_a_record_too_the_products_own_counts() {
    let own = Product { variants: vec![variant("S"), variant("M")], ..product(Vec::new()) };
    let view = plain_view();
    let other = Variant { sku: Some("other".into()), ..own.variants[0].clone() };
    let joined =
        [variant_record(Some("p"), 1, other), variant_record(Some("p"), 2, Variant { id: "3".into(), ..variant("L") })];
    let listing = view.product(&own, &joined, NOW).listing.unwrap();
    let skus: Vec<_> = listing.variants.iter().filter_map(|it| it.sku.map(ToString::to_string)).collect();
    assert_eq!(skus, ["S", "M", "L"]);
}

#[test]
fn of_two_entries_for_one_thing_the_one_created_later_counts() {
    let view = plain_view();
    let item = || ItemKey::from("S");
    let level = |available| StockLevel::limited(None, available);
    let product = Product { price_home: PriceHome::Entries, ..product(vec![variant("S")]) };
    let old =
        || vec![stock_of("s1", item(), level(7), Some(later(1))), price_of("e1", item(), euros(100), Some(later(1)))];
    let new =
        || vec![stock_of("s0", item(), level(2), Some(later(2))), price_of("e0", item(), euros(300), Some(later(2)))];
    let told = |joined: &[Record]| {
        let listing = view.product(&product, joined, NOW).listing.unwrap();
        (listing.variants[0].stock, listing.variants[0].price.minor)
    };
    assert_eq!(told(&[old(), new()].concat()), (Some(2), 300), "neither added up nor the lower price");
    assert_eq!(told(&[new(), old()].concat()), (Some(2), 300), "the order decides nothing");
    assert_eq!(told(&old()), (Some(7), 100), "until one of them goes");
    let elsewhere = stock_of("s2", item(), StockLevel::limited(Some("a".into()), 9), Some(later(3)));
    assert_eq!(told(&[old(), vec![elsewhere]].concat()).0, Some(7), "another place is another entry");
    let off = Record::Price(PriceEntry { active: false, ..entry(&new()[1]) });
    assert_eq!(told(&[old(), vec![off]].concat()).1, 100, "one that is switched off does not hide the other");
}

fn entry(record: &Record) -> PriceEntry {
    let Record::Price(entry) = record else { panic!("{record:?}") };
    entry.clone()
}

#[test]
fn stock_may_be_ordered_below_zero_or_never_end() {
    let view = plain_view();
    let product = product(vec![variant("S"), variant("M")]);
    let told = |item: ItemKey, available, supply| {
        let level = StockLevel { supply, ..StockLevel::limited(None, available) };
        let joined = [stock_of("s", item, level, None)];
        let listing = view.product(&product, &joined, NOW).listing.unwrap();
        (listing.variants[0].stock, listing.variants[0].in_stock, listing.shares_stock)
    };
    assert_eq!(told("S".into(), -3, Supply::Limited), (Some(0), false, false));
    assert_eq!(told("S".into(), -3, Supply::Backorder), (Some(0), true, false));
    assert_eq!(told("S".into(), 999_999, Supply::Perpetual), (None, true, false));
    assert_eq!(told(ItemKey::Product("p".into()), 4, Supply::Limited), (Some(4), true, true));
    assert_eq!(told(ItemKey::Product("q".into()), 4, Supply::Limited), (None, true, false), "another product's");
}

#[test]
fn a_record_of_a_store_counts_before_what_the_product_holds_for_it() {
    let image = |url: &str| model::Image { url: url.to_owned(), label: None };
    let tailored = |store: &str, name: &str| Tailored {
        store: store.into(),
        name: texts(&[("en", name)]),
        slug: Localized::empty(),
        description: Localized::empty(),
        meta_title: Localized::empty(),
        meta_description: Localized::empty(),
        attributes: vec![attribute("care", model::Value::Text(name.to_owned()))],
    };
    let record = |id: &str, product: &str, store: &str, name: &str| {
        let images = vec![("S".into(), vec![image("https://a.example/own.jpg")])];
        let values = tailored(store, name);
        let tailoring =
            model::Tailoring { id: id.into(), product: product.into(), values, images, notices: Vec::new() };
        Record::Tailoring(Box::new(tailoring))
    };
    let of = Variant { images: vec![image("https://a.example/all.jpg")], ..variant("S") };
    let plain = Variant { images: vec![image("https://a.example/all.jpg")], ..variant("M") };
    let product =
        Product { tailored: vec![tailored("de", "inside"), tailored("at", "inside")], ..product(vec![of, plain]) };
    let joined =
        [record("2", "p", "de", "second"), record("1", "p", "de", "record"), record("3", "other", "at", "foreign")];
    let records = || vec![storefront("de"), storefront("at"), storefront("ch")];
    let seen = |store: &str| {
        let view = view(&in_store(store), records());
        let projection = view.product(&product, &joined, later(0));
        let listing = projection.listing.unwrap();
        let care =
            listing.attributes.iter().find(|it| it.name == "care").map(|it| it.label.text().unwrap().into_owned());
        let images: Vec<String> = listing.images.iter().map(|url| (*url).to_owned()).collect();
        (listing.name.to_owned(), care, images)
    };
    let own = vec!["https://a.example/own.jpg".to_owned(), "https://a.example/all.jpg".to_owned()];
    let all = vec!["https://a.example/all.jpg".to_owned()];
    assert_eq!(seen("de"), ("record".to_owned(), Some("record".to_owned()), own));
    assert_eq!(seen("at"), ("inside".to_owned(), Some("inside".to_owned()), all.clone()));
    let (name, care, images) = seen("ch");
    assert!(name != "inside" && name != "record");
    assert_eq!((care, images), (None, all));
}

#[test]
fn each_store_shows_it_in_its_own_time_and_words() {
    let records = || vec![storefront("de"), storefront("at")];
    let window = Window { from: Some(later(10)), until: Some(later(20)) };
    let product = Product {
        online: PerStorefront { default: Online::NEVER, own: vec![("at".into(), Online { on: true, window })] },
        searchable: PerStorefront { default: true, own: vec![("at".into(), false)] },
        attributes: vec![
            attribute("care", model::Value::Text("30".into())),
            attribute("fit", model::Value::Text("S".into())),
        ],
        tailored: vec![Tailored {
            store: "at".into(),
            name: texts(&[("en", "Loden shirt")]),
            slug: Localized::empty(),
            description: Localized::empty(),
            meta_title: Localized::empty(),
            meta_description: Localized::empty(),
            attributes: vec![attribute("care", model::Value::Text("60".into()))],
        }],
        ..product(vec![variant("S")])
    };
    let (de, at) = (view(&in_store("de"), records()), view(&in_store("at"), records()));
    assert_eq!(de.product(&product, &[], later(15)).listing.unwrap_err(), Filtered::Unpublished);
    let look = |millis| {
        let projection = at.product(&product, &[], later(millis));
        (projection.listing.is_ok(), projection.holds.until)
    };
    assert_eq!(look(9), (false, Some(later(10))));
    assert_eq!(look(10), (true, Some(later(20))));
    assert_eq!(look(20), (false, None));
    let projection = at.product(&product, &[], later(15));
    let listing = projection.listing.unwrap();
    assert_eq!((listing.name, listing.slug, listing.searchable), ("Loden shirt", Some("hemd"), false));
    let attributes: Vec<_> =
        listing.attributes.iter().map(|it| (it.name, it.label.text().unwrap().into_owned())).collect();
    assert_eq!(attributes, [("care", "60".to_owned()), ("fit", "S".to_owned())]);
}

#[test]
fn trees_hidden_categories_and_placements_decide_what_a_product_is_in() {
    let tree = |id: &str, store: &str| {
        Record::Tree(Tree { id: id.into(), stores: vec![store.into()], root: Some(format!("{id}-root").into()) })
    };
    let grown = |id: &str, parent: &str| Category { tree: Some("t".into()), ..category(id, Some(parent)) };
    let window = Window { from: None, until: Some(later(50)) };
    let categories = [
        Category { tree: Some("t".into()), ..category("t-root", None) },
        grown("shirts", "t-root"),
        Category { online: Online { on: true, window }, ..grown("sale", "t-root") },
        grown("sale-shirts", "sale"),
        Category { tree: Some("u".into()), ..category("elsewhere", None) },
    ];
    let mut records: Vec<_> = categories.iter().cloned().map(Record::Category).collect();
    records.extend([tree("t", "de"), tree("u", "at"), storefront("de"), storefront("at")]);
    let view = view(&in_store("de"), records);
    let shown = |id: &str, at| {
        let category = categories.iter().find(|it| it.id.as_str() == id).unwrap();
        let projection = view.category(category, later(at));
        (projection.listing.map(|it| (it.parent.is_some(), it.path.join(" / "))), projection.holds.until)
    };
    assert_eq!(shown("t-root", 0).0, Err(Filtered::TreeRoot));
    assert_eq!(shown("elsewhere", 0).0, Err(Filtered::OtherTree));
    assert_eq!(shown("shirts", 0).0, Ok((false, "shirts".to_owned())), "the root is no part of a path");
    assert_eq!(shown("sale-shirts", 0), (Ok((true, "sale / sale-shirts".to_owned())), Some(later(50))));
    assert_eq!(shown("sale-shirts", 50), (Err(Filtered::Unpublished), None), "what is above it hides it");

    let product = product(vec![variant("S")]);
    let joined = [placement("shirts", false), placement("sale-shirts", true), placement("elsewhere", false)];
    let is_in = |at| {
        let projection = view.product(&product, &joined, later(at));
        let listing = projection.listing.unwrap();
        let ids: Vec<_> = listing.categories.iter().map(|it| (it.id.to_string(), it.primary)).collect();
        (ids, projection.holds.until)
    };
    let (shirts, sale) = (("shirts".to_owned(), false), ("sale-shirts".to_owned(), true));
    assert_eq!(is_in(0), (vec![sale, shirts.clone()], Some(later(50))), "the main one first");
    assert_eq!(is_in(50), (vec![shirts], None));
}

#[test]
fn brands_axes_and_text_in_no_language() {
    let records = vec![Record::Brand(Brand { id: "b".into(), name: Localized::plain("Nordby") })];
    let view = view(&market(), records);
    let sized = |sku: &str, size: &str| Variant {
        attributes: vec![
            attribute("note", model::Value::Text(sku.into())),
            attribute("size", model::Value::Text(size.into())),
        ],
        axes: vec!["size".to_owned()],
        ..variant(sku)
    };
    let product = Product {
        brand: Some("b".into()),
        name: Localized::plain("Shirt"),
        keywords: Keywords::default(),
        ..product(vec![sized("S", "small"), sized("M", "medium")])
    };
    let projection = view.product(&product, &[], NOW);
    let listing = projection.listing.unwrap();
    assert_eq!((listing.brand, listing.name), (Some("Nordby"), "Shirt"));
    let options: Vec<_> = listing.options.iter().map(|it| (it.name, it.values.join(","))).collect();
    assert_eq!(options, [("size", "small,medium".to_owned())], "the note differs as well, and is no axis");
}
