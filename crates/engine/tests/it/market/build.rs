//! Minimal records to project.

use engine::market::{Reference, View};
use model::{
    Attribute, Category, Image, Keywords, Locale, Localized, Market, Money, Price, PricePolicy, Product, Record, Stock,
    StockLevel, Timestamp, Value, Variant,
    market::Untracked,
    price::{ScopeMatch, ScopeOrder},
};

const fn level(group: bool, channel: bool, country: bool) -> ScopeMatch {
    ScopeMatch { group, channel, country }
}

/// Most specific first, as the first source has it.
pub(crate) const ORDER: ScopeOrder = &[
    level(true, true, true),
    level(true, true, false),
    level(true, false, true),
    level(true, false, false),
    level(false, true, true),
    level(false, true, false),
    level(false, false, true),
    level(false, false, false),
];

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_777_629_600_000);

pub(crate) fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + millis)
}

pub(crate) fn market() -> Market {
    Market {
        key: "de".into(),
        locales: vec![locale("de-AT"), locale("en")],
        currency: "EUR".parse().unwrap(),
        country: Some("DE".parse().unwrap()),
        customer_group: None,
        price_channel: None,
        supply_channels: Vec::new(),
        store: None,
        time_zone: "Europe/Berlin".into(),
        product_url: "https://shop.example/{locale}/p/{slug|key|id}?sku={sku|key|id}".into(),
        category_url: "https://shop.example/c/{slug|key|id}".into(),
        untracked: Untracked::Available,
    }
}

pub(crate) fn locale(tag: &str) -> Locale {
    Locale::parse(tag).unwrap()
}

pub(crate) fn texts(texts: &[(&str, &str)]) -> Localized {
    texts.iter().map(|(tag, text)| (locale(tag), (*text).to_owned())).collect()
}

pub(crate) fn words(tag: &str, words: &[&str]) -> Keywords {
    std::iter::once((locale(tag), words.iter().map(|word| (*word).to_owned()).collect())).collect()
}

pub(crate) fn euros(minor: i64) -> Price {
    price(minor, "EUR")
}

pub(crate) fn price(minor: i64, currency: &str) -> Price {
    Price::new(Money::new(minor, currency.parse().unwrap()))
}

pub(crate) fn variant(sku: &str) -> Variant {
    Variant { sku: Some(sku.into()), prices: vec![euros(1999)], ..Variant::new(sku) }
}

pub(crate) fn product(variants: Vec<Variant>) -> Product {
    Product {
        key: Some("shirt".into()),
        name: texts(&[("de", "Hemd"), ("en", "Shirt")]),
        slug: texts(&[("de", "hemd")]),
        variants,
        ..Product::new("p")
    }
}

pub(crate) fn category(id: &str, parent: Option<&str>) -> Category {
    Category { parent: parent.map(Into::into), name: texts(&[("de", id)]), ..Category::new(id) }
}

pub(crate) fn attribute(name: &str, value: Value) -> Attribute {
    Attribute { name: name.into(), value }
}

pub(crate) fn image(url: &str) -> Image {
    Image { url: url.into(), label: None }
}

pub(crate) fn stock(sku: &str, channel: Option<&str>, available: i64) -> Record {
    Record::Stock(Stock {
        id: format!("{sku}/{channel:?}").into(),
        item: sku.into(),
        level: StockLevel::limited(channel.map(Into::into), available),
        created_at: None,
    })
}

pub(crate) fn view(market: &Market, records: Vec<Record>) -> View {
    View::new(market, &Reference::new(records), PricePolicy::FirstScope(ORDER)).unwrap()
}

pub(crate) fn plain_view() -> View {
    view(&market(), Vec::new())
}
