//! The samples of the reference: what their XML says, written down by hand.
#![expect(clippy::too_many_lines, clippy::print_stderr, reason = "records in full, and a test that is skipped says so")]

use model::{
    Assignment, Attribute, Book, Category, Channel, Image, ItemKey, Kind, Locale, Localized, Money, Notice, Online,
    PerStorefront, Placement, Price, PriceEntry, PriceHome, Product, Record, Selection, Sku, Stock, StockLevel,
    Storefront, Supply, Tailored, TaxMode, Tier, Timestamp, Tree, Value, Variant, Window, market::Untracked,
    price::Audience, storefront::Members,
};

use super::{records, settings, unpacked};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/sfcc-impex-sample");

/// The files of a sample; `None`, which is printed, where it is not on this machine.
fn files(names: &[&'static str]) -> Option<Vec<(&'static str, String)>> {
    let read = |name: &&'static str| Some((*name, std::fs::read_to_string(format!("{SAMPLES}/{name}")).ok()?));
    let all: Option<Vec<_>> = names.iter().map(read).collect();
    if all.is_none() {
        eprintln!("skipped: {SAMPLES} is not on this machine");
    }
    all
}

fn texts(pairs: &[(&str, &str)]) -> Localized {
    pairs.iter().map(|(tag, text)| (Locale::parse(tag).unwrap(), (*text).to_owned())).collect()
}

fn text(name: &str, value: &str) -> Attribute {
    Attribute { name: name.to_owned(), value: Value::Text(value.to_owned()) }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn store(key: &str, catalog: &str, list: &str) -> Storefront {
    Storefront {
        key: key.into(),
        name: Localized::empty(),
        locales: Vec::new(),
        countries: Vec::new(),
        distribution: Vec::new(),
        supply: vec![list.into()],
        selections: vec![(catalog.into(), true)],
        notices: Vec::new(),
    }
}

fn list(id: &str, untracked: Untracked) -> Record {
    let untracked = Some(untracked);
    Record::Channel(Channel { id: id.into(), key: id.to_owned(), name: Localized::empty(), untracked })
}

fn selection(id: &str) -> Record {
    Record::Selection(Selection { id: id.into(), key: Some(id.to_owned()), excludes: false })
}

#[test]
fn the_composed_sample_is_what_its_xml_says() {
    let names = ["composed/catalog.xml", "composed/pricebook.xml", "composed/inventory.xml", "composed/order.xml"];
    let Some(files) = files(&names) else { return };
    let files: Vec<(&str, &str)> = files.iter().map(|(name, content)| (*name, content.as_str())).collect();
    let unpacked = unpacked(&files, &settings("ShopDE", "master-cat", &["eur-sale"], "inv-eu"));
    let (found, gone, unread) = records(unpacked.all());
    assert!(unread.is_empty(), "{unread:?}");
    assert_eq!(
        gone,
        [
            (Kind::Product, "OLD-9".into()),
            (Kind::Stock, "inv-eu/OLD-9".into()),
            (Kind::Placement, "master-cat/boots/OLD-8".into()),
        ]
    );
    let shown = |value, own: &[(&str, bool)]| PerStorefront {
        default: Online { on: value, window: Window::OPEN },
        own: own.iter().map(|(site, on)| ((*site).into(), Online { on: *on, window: Window::OPEN })).collect(),
    };
    let boot = Product {
        sku: Some("BOOT-1".into()),
        online: shown(true, &[("ShopDE", false)]),
        searchable: PerStorefront::everywhere(true),
        name: texts(&[("und", "Trail boot"), ("de-DE", "Wanderstiefel")]),
        slug: texts(&[("und", "trail-boot")]),
        description: texts(&[("und", "<p>Warm.</p>")]),
        attributes: vec![
            text("brand", "Acme"),
            text("manufacturer_sku", "AC-77"),
            text("tax_class_id", "standard"),
            text("classification_category", "boots"),
            text("isNew", "true"),
            Attribute { name: "material".to_owned(), value: Value::Localized(texts(&[("de-DE", "Leder")])) },
            Attribute {
                name: "badges".to_owned(),
                value: Value::Set(vec![Value::Text("vegan".to_owned()), Value::Text("sale".to_owned())]),
            },
        ],
        tailored: vec![Tailored {
            store: "ShopDE".into(),
            name: Localized::empty(),
            slug: Localized::empty(),
            description: Localized::empty(),
            meta_title: Localized::empty(),
            meta_description: Localized::empty(),
            attributes: vec![text("boost", "3")],
        }],
        variants: vec![Variant {
            sku: Some("BOOT-1-RED-42".into()),
            gtin: Some("4001234567890".to_owned()),
            attributes: vec![
                Attribute {
                    name: "color".to_owned(),
                    value: Value::LocalizedEnum {
                        key: "RED".to_owned(),
                        label: texts(&[("und", "Red"), ("de-DE", "Rot")]),
                    },
                },
                text("size", "42"),
            ],
            axes: vec!["color".to_owned(), "size".to_owned()],
            images: vec![Image {
                url: "https://shop.example/static/master-cat/images/large/boot-1-red.jpg".to_owned(),
                label: Some("Red boot".to_owned()),
            }],
            ..Variant::new("BOOT-1-RED-42")
        }],
        price_home: PriceHome::Entries,
        ..Product::new("BOOT-1")
    };
    // Flags that are not set: neither is online.
    let of_others = |id: &str, name: &str, member: &str| Product {
        online: shown(false, &[]),
        searchable: PerStorefront::everywhere(false),
        attributes: vec![Attribute { name: name.to_owned(), value: Value::Set(vec![Value::Text(member.to_owned())]) }],
        variants: vec![Variant { sku: Some(id.into()), ..Variant::new(id) }],
        price_home: PriceHome::Entries,
        ..Product::new(id)
    };
    let eur = |minor| Money::new(minor, "EUR".parse().unwrap());
    let window = Window { from: Some(at("2026-11-24T00:00:00Z")), until: Some(at("2026-11-27T00:00:00Z")) };
    let expected = vec![
        Record::Product(Box::new(boot)),
        Record::Product(Box::new(of_others("KIT-1", "bundled_products", "BOOT-1-RED-42"))),
        Record::Product(Box::new(of_others("LOOK-1", "set_products", "BOOT-1"))),
        Record::Category(Category {
            key: Some("boots".to_owned()),
            tree: Some("master-cat".into()),
            parent: Some("master-cat/root".into()),
            name: texts(&[("und", "Boots"), ("de-DE", "Stiefel")]),
            order: Some(1.0),
            ..Category::new("master-cat/boots")
        }),
        Record::Stock(Stock {
            id: "inv-eu/BOOT-1-RED-42".into(),
            item: ItemKey::Sku(Sku::new("BOOT-1-RED-42")),
            level: StockLevel {
                channel: Some("inv-eu".into()),
                available: 87,
                expected: Some(at("2026-12-05T00:00:00Z")),
                supply: Supply::Limited,
            },
            created_at: None,
        }),
        Record::Price(PriceEntry {
            // 24 November 2026 to 27 November, in milliseconds.
            id: "eur-sale/BOOT-1-RED-42/1795478400000-1795737600000".into(),
            item: ItemKey::Sku(Sku::new("BOOT-1-RED-42")),
            book: Some("eur-sale".into()),
            active: true,
            price: Price { window, tiers: vec![Tier { minimum: 10, value: eur(6990) }], ..Price::new(eur(7990)) },
            created_at: None,
            notices: Vec::new(),
        }),
        // 20 % off a price of a book that the sample does not have.
        Record::Price(PriceEntry {
            id: "eur-sale/BOOT-1-RED-43".into(),
            item: ItemKey::Sku(Sku::new("BOOT-1-RED-43")),
            book: Some("eur-sale".into()),
            active: false,
            price: Price::new(eur(0)),
            created_at: None,
            notices: vec![Notice::new(
                "price-table",
                "BOOT-1-RED-43: its percentage has no price in the parent book to be taken off",
            )],
        }),
        list("inv-eu", Untracked::Unavailable),
        Record::Storefront(store("ShopDE", "master-cat", "inv-eu")),
        selection("master-cat"),
        Record::Assignment(Assignment {
            selection: "master-cat".into(),
            product: "BOOT-1".into(),
            members: Members::All,
        }),
        Record::Placement(Placement {
            category: "master-cat/boots".into(),
            product: "BOOT-1".into(),
            position: Some(0),
            primary: true,
        }),
        Record::Tree(Tree {
            id: "master-cat".into(),
            stores: vec!["ShopDE".into()],
            root: Some("master-cat/root".into()),
        }),
        Record::Book(Book {
            id: "eur-sale".into(),
            currency: Some("EUR".parse().unwrap()),
            active: true,
            window: Window { from: Some(at("2026-11-20T23:00:00Z")), until: Some(at("2026-11-30T23:00:00Z")) },
            parent: Some("eur-list".into()),
            assigned: vec![Audience { store: Some("ShopDE".into()), group: None }],
            lists: Vec::new(),
        }),
    ];
    assert_records(&found, expected);
}

#[test]
fn the_sample_of_the_vendors_tool_is_what_its_xml_says() {
    let names = [
        "catalogs/TestCatalog/catalog.xml",
        "inventory-lists/inventory.xml",
        "pricebooks/pricebook.xml",
        "sites/TestSite/site.xml",
    ];
    let Some(files) = files(&names) else { return };
    let files: Vec<(&str, &str)> = files.iter().map(|(name, content)| (*name, content.as_str())).collect();
    let set = settings("TestSite", "TestCatalog", &["test-usd-pricebook"], "test-inventory");
    let (found, gone, unread) = records(unpacked(&files, &set).all());
    assert!(unread.is_empty() && gone.is_empty(), "{unread:?} {gone:?}");
    let id = "test-product-001";
    let one = |name: &str| Attribute { name: name.to_owned(), value: Value::Integer(1) };
    let sample = Product {
        online: PerStorefront::everywhere(Online::ALWAYS),
        searchable: PerStorefront::everywhere(true),
        name: texts(&[("und", "Sample Test Product")]),
        description: texts(&[("und", "This is a sample product created for end-to-end testing of the B2C CLI.")]),
        attributes: vec![
            text("brand", "TestBrand"),
            text("tax_class_id", "standard"),
            text("classification_category", "test-products"),
            one("min_order_quantity"),
            one("step_quantity"),
            Attribute {
                name: "short_description".to_owned(),
                value: Value::Localized(texts(&[("und", "A sample product for E2E testing")])),
            },
        ],
        variants: vec![Variant { sku: Some(id.into()), ..Variant::new(id) }],
        price_home: PriceHome::Entries,
        ..Product::new(id)
    };
    let category = |id: &str, name: &str, parent: Option<&str>| {
        Record::Category(Category {
            key: Some(id.to_owned()),
            tree: Some("TestCatalog".into()),
            parent: parent.map(Into::into),
            name: texts(&[("und", name)]),
            ..Category::new(format!("TestCatalog/{id}"))
        })
    };
    let placed = |category: &str| {
        Record::Placement(Placement { category: category.into(), product: id.into(), position: None, primary: false })
    };
    let usd = "USD".parse().unwrap();
    let expected = vec![
        Record::Product(Box::new(sample)),
        category("root", "Root Category", None),
        category("test-products", "Test Products", Some("TestCatalog/root")),
        Record::Stock(Stock {
            id: "test-inventory/test-product-001".into(),
            item: ItemKey::Sku(Sku::new(id)),
            level: StockLevel::limited(Some("test-inventory".into()), 100),
            created_at: None,
        }),
        Record::Price(PriceEntry {
            id: "test-usd-pricebook/test-product-001".into(),
            item: ItemKey::Sku(Sku::new(id)),
            book: Some("test-usd-pricebook".into()),
            active: true,
            price: Price { tax: Some(TaxMode::Net), ..Price::new(Money::new(1999, usd)) },
            created_at: None,
            notices: Vec::new(),
        }),
        list("test-inventory", Untracked::Available),
        Record::Storefront(Storefront {
            name: Localized::plain("Test Site"),
            ..store("TestSite", "TestCatalog", "test-inventory")
        }),
        selection("TestCatalog"),
        Record::Assignment(Assignment { selection: "TestCatalog".into(), product: id.into(), members: Members::All }),
        placed("TestCatalog/root"),
        placed("TestCatalog/test-products"),
        Record::Tree(Tree {
            id: "TestCatalog".into(),
            stores: vec!["TestSite".into()],
            root: Some("TestCatalog/root".into()),
        }),
        Record::Book(Book {
            id: "test-usd-pricebook".into(),
            currency: Some(usd),
            active: true,
            window: Window::OPEN,
            parent: None,
            assigned: vec![Audience { store: Some("TestSite".into()), group: None }],
            lists: Vec::new(),
        }),
    ];
    assert_records(&found, expected);
}

fn assert_records(found: &[Record], mut expected: Vec<Record>) {
    expected.sort_by_key(|record| (record.kind(), record.id()));
    let names = |records: &[Record]| records.iter().map(|it| format!("{} {}", it.kind(), it.id())).collect::<Vec<_>>();
    assert_eq!(names(found), names(&expected));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}
