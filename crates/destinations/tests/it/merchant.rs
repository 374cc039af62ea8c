//! Product data feeds, byte by byte.

use contract::{
    Account, Destination as _, Importer as _, Item, Subject,
    destination::{Mapped, Shown},
};
use destinations::merchant::{Config, Connector};
use insta::assert_snapshot;
use model::{Listing, Locale, Market, Money, Precise, market::Untracked};

use crate::sample::{Ids, eur, full, text};

fn connector(extra: &str) -> Connector {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "secret").unwrap();
    let settings = format!("shop_url = \"https://shop.example\"\npassword = \"file:{}\"\n{extra}", password.display());
    let config: Config = toml::from_str(&settings).unwrap();
    Connector::new(&config, &wire::Environment::machine()).unwrap()
}

fn market() -> Market {
    Market {
        key: "de".to_owned(),
        locales: vec![Locale::parse("de").unwrap()],
        currency: "EUR".parse().unwrap(),
        country: None,
        customer_group: None,
        price_channel: None,
        supply_channels: Vec::new(),
        store: None,
        time_zone: "Europe/Berlin".to_owned(),
        product_url: "https://shop.example/{slug}".to_owned(),
        category_url: "https://shop.example/c/{slug}".to_owned(),
        untracked: Untracked::Available,
    }
}

/// The items, or the fault's code and message.
fn items(connector: &Connector, listing: &Listing<'_>) -> Result<Vec<Item>, String> {
    let market = market();
    let subject = Subject::Product(Shown::in_one(&market, listing));
    match connector.map(&subject, &Account::default(), &|_| false) {
        Ok(Mapped::Items(items)) => Ok(items.into_iter().map(|made| made.item).collect()),
        Ok(Mapped::Filtered(filtered)) => Err(format!("filtered: {filtered}")),
        Err(fault) => Err(format!("{} {}", fault.code, fault.message)),
    }
}

fn feed(connector: &Connector, name: &str, items: &[Item]) -> String {
    let form = connector.form(name);
    let items = items.iter().map(|item| connector.object(name, item).unwrap() + form.end);
    format!("{}{}{}", form.head, items.collect::<Vec<_>>().join(form.between), form.tail)
}

#[test]
fn everything_an_item_can_be_as_rss() {
    let (ids, connector) = (full(), connector(""));
    assert_snapshot!(feed(&connector, "products.xml", &items(&connector, &ids.full()).unwrap()));
}

#[test]
fn everything_an_item_can_be_as_tab_separated_values() {
    let (ids, connector) = (full(), connector(""));
    assert_snapshot!(feed(&connector, "products.tsv", &items(&connector, &ids.full()).unwrap()));
}

#[test]
fn whatever_stands_in_a_text_the_forms_stay_whole() {
    let (ids, connector) = (full(), connector(""));
    let mut listing = ids.full();
    listing.name = "A <b>&amp; \"B\"\tC\u{0}\u{b}\u{fffe} ]]> D\r\nE";
    let items = items(&connector, &listing).unwrap();
    let xml = feed(&connector, "products.xml", &items);
    let document = roxmltree::Document::parse(&xml).unwrap();
    let title =
        document.descendants().find(|node| node.tag_name().name() == "title" && node.tag_name().namespace().is_some());
    assert_eq!(title.unwrap().text().unwrap(), "A <b>&amp; \"B\"\tC ]]> D\nE – S / red");
    let tsv = feed(&connector, "products.tsv", &items);
    let columns: Vec<usize> = tsv.lines().map(|line| line.split('\t').count()).collect();
    assert_eq!(columns, [columns[0]; 4]);
}

#[test]
fn an_item_without_what_it_needs_is_refused_by_name() {
    let ids = Ids::new("p1", &["A-1"], &[]);
    let connector = connector("");
    let no_image = ids.listing();
    assert_snapshot!(items(&connector, &no_image).unwrap_err(), @"C0452 product p1, variant 1: image_link is missing: neither the variant nor its product has an image");
    let mut listing = ids.listing();
    listing.images = vec!["https://img.example/a.jpg"];
    assert!(items(&connector, &listing).is_ok());
    for money in [eur(-1), Money::of(Precise::parse("0.004").unwrap(), eur(0).currency).unwrap()] {
        listing.variants[0].list_price = money;
        let refused = items(&connector, &listing).unwrap_err();
        assert!(refused.starts_with("C0452") && refused.contains("price"), "{refused}");
    }
    listing.variants[0].list_price = eur(0);
    assert!(items(&connector, &listing).unwrap()[0].payload.object().contains("\"price\":\"0.00 EUR\""));
}

#[test]
fn an_id_is_the_sku_or_the_ids_of_product_and_variant() {
    let ids = Ids::new("p1", &["A-1", ""], &[]);
    let mut listing = ids.listing();
    listing.images = vec!["https://img.example/a.jpg"];
    let of = |extra: &str, listing: &Listing<'_>| {
        let items = items(&connector(extra), listing)?;
        Ok::<_, String>(items.iter().map(|item| item.id.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(of("", &listing).unwrap(), ["A-1", "p1_2"]);
    assert_eq!(of("item_id = \"variant\"", &listing).unwrap(), ["p1_1", "p1_2"]);
    let long = "x".repeat(51);
    let ids = Ids::new("p1", &[&long], &[]);
    let mut listing = ids.listing();
    listing.images = vec!["https://img.example/a.jpg"];
    assert!(of("", &listing).unwrap_err().starts_with("C0453"));
    let ids = Ids::new("p1", &["A", "A"], &[]);
    let mut listing = ids.listing();
    listing.images = vec!["https://img.example/a.jpg"];
    assert!(of("", &listing).unwrap_err().starts_with("C0454"));
}

#[test]
fn what_is_sold_out_stays_or_goes_as_is_set() {
    let ids = full();
    let listing = ids.full();
    let count = |extra: &str| items(&connector(extra), &listing).unwrap().len();
    assert_eq!((count(""), count("out_of_stock = \"remove\"")), (3, 2));
    let mut none = ids.full();
    for offer in &mut none.variants {
        offer.in_stock = false;
    }
    assert!(items(&connector("out_of_stock = \"remove\""), &none).unwrap_err().starts_with("filtered"));
}

#[test]
fn values_that_the_format_names_are_taken_where_they_are_among_them() {
    let ids = Ids::new("p1", &["A-1"], &[]);
    let mut listing = ids.listing();
    listing.images = vec!["https://img.example/a.jpg"];
    listing.variants[0].gtin = Some("4006381333931");
    listing.attributes = vec![text("Gender", "FEMALE"), text("condition", "as new"), text("mpn", "N-7")];
    let item = &items(&connector(""), &listing).unwrap()[0];
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&item.payload.object()).unwrap();
    let of = |name: &str| members.get(name).and_then(|value| value.as_str());
    assert_eq!(
        (of("gender"), of("condition"), of("mpn"), of("gtin")),
        (Some("female"), None, Some("N-7"), Some("4006381333931"))
    );
    assert_eq!(of("item_group_id"), None, "it has one variant");
}
