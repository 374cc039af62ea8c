//! Records to project, with as little as each needs.

use engine::market::{Reference, View};
use model::{
    Attribute, Category, Image, Level, Locale, Localized, Market, Money, Price, PriceHome, Product, Record, Stock,
    Timestamp, Value, Variant,
    market::Untracked,
    price::{self, Scope, ScopeOrder, Window},
};

const fn level(group: bool, channel: bool, country: bool) -> price::Level {
    price::Level { group, channel, country }
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
        product_url: "https://shop.example/{locale}/p/{slug}?sku={sku}".into(),
        category_url: "https://shop.example/c/{slug}".into(),
        untracked: Untracked::Available,
    }
}

pub(crate) fn locale(tag: &str) -> Locale {
    Locale::parse(tag).unwrap()
}

pub(crate) fn texts(texts: &[(&str, &str)]) -> Localized {
    texts.iter().map(|(tag, text)| (locale(tag), (*text).to_owned())).collect()
}

pub(crate) fn euros(minor: i64) -> Price {
    price(minor, "EUR")
}

pub(crate) fn price(minor: i64, currency: &str) -> Price {
    Price {
        value: Money::new(minor, currency.parse().unwrap()),
        precise: None,
        scope: Scope::default(),
        window: Window::default(),
        discounted: None,
        tiers: Vec::new(),
        recurring: false,
    }
}

pub(crate) fn variant(sku: &str) -> Variant {
    Variant {
        id: sku.into(),
        sku: Some(sku.into()),
        key: None,
        gtin: None,
        attributes: Vec::new(),
        prices: vec![euros(1999)],
        images: Vec::new(),
        stock: Vec::new(),
    }
}

pub(crate) fn product(variants: Vec<Variant>) -> Product {
    Product {
        id: "p".into(),
        key: Some("shirt".into()),
        product_type: None,
        published: true,
        name: texts(&[("de", "Hemd"), ("en", "Shirt")]),
        slug: texts(&[("de", "hemd")]),
        description: Localized::empty(),
        meta_title: Localized::empty(),
        meta_description: Localized::empty(),
        keywords: Localized::empty(),
        categories: Vec::new(),
        attributes: Vec::new(),
        variants,
        price_home: PriceHome::Variant,
        rating: None,
        created_at: None,
    }
}

pub(crate) fn category(id: &str, parent: Option<&str>) -> Category {
    Category {
        id: id.into(),
        key: None,
        parent: parent.map(Into::into),
        name: texts(&[("de", id)]),
        slug: Localized::empty(),
        description: Localized::empty(),
        order: None,
        image: None,
        created_at: None,
    }
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
        sku: sku.into(),
        level: Level { channel: channel.map(Into::into), available, expected: None },
    })
}

pub(crate) fn view(market: &Market, records: Vec<Record>) -> View {
    View::new(market, &Reference::new(records), ORDER).unwrap()
}

pub(crate) fn plain_view() -> View {
    view(&market(), Vec::new())
}
