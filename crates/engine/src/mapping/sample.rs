//! Two products and two categories that expressions are tried on when they are loaded: one with the fields that always
//! exist, one with all fields.

use std::{borrow::Cow, collections::BTreeSet, sync::LazyLock};

use model::{
    Attribute, Brand, Category, Country, Image, Keywords, Locale, Localized, Market, Money, Price, PricePolicy,
    Product, ProductType, Rating, Record, Spread, StockLevel, TaxMode, Tier, Timestamp, Value, Variant,
    listing::{Field, Listing, Plain, ProductOption},
    market::Untracked,
    price::ScopeMatch,
};

use crate::market::{Reference, View};

/// A record with its market.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) view: View,
    product: Product,
    category: Category,
}

/// Values of the sample's attributes, for names that only the user's shop knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    Integer,
    Number,
    Boolean,
    List,
}

impl Holds {
    pub(super) const ALL: [Self; 5] = [Self::Text, Self::Integer, Self::Number, Self::Boolean, Self::List];

    fn plain(self) -> Plain<'static> {
        // A date, so that expressions that split text work as well.
        let text = Plain::Text(Cow::Borrowed("2026-05-01"));
        match self {
            Self::Text => text,
            Self::Integer => Plain::Integer(1),
            Self::Number => Plain::Number(1.5),
            Self::Boolean => Plain::Boolean(true),
            Self::List => Plain::List(vec![text]),
        }
    }
}

/// The samples: minimal, then full.
pub(super) fn samples() -> &'static [Sample] {
    static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| [false, true].into_iter().filter_map(sample).collect());
    &SAMPLES
}

impl Sample {
    /// The category, for expressions of categories.
    pub(super) fn category(&self) -> Option<model::CategoryListing<'_>> {
        self.view.category(&self.category, NOW).listing.ok()
    }

    /// The product, with these attributes and options on it.
    pub(super) fn listing<'a>(
        &'a self,
        attributes: &[(&'a str, Holds)],
        options: &'a BTreeSet<String>,
    ) -> Option<Listing<'a>> {
        let mut listing = self.view.product(&self.product, &[], NOW).listing.ok()?;
        let fields: Vec<_> = attributes
            .iter()
            .map(|(name, holds)| Field {
                name,
                spread: Spread::Variant,
                title: Some("Title"),
                value: holds.plain(),
                label: holds.plain(),
            })
            .collect();
        listing.attributes.extend(fields.iter().cloned());
        for offer in &mut listing.variants {
            offer.attributes.extend(fields.iter().cloned());
            // What the full sample has.
            offer.lowest_price_30d = offer.tax.map(|_| offer.price);
            offer.price_seen_since = offer.tax.map(|_| NOW);
        }
        let values = || vec![Cow::Borrowed("first"), Cow::Borrowed("second")];
        listing.options.extend(options.iter().map(|name| ProductOption {
            name,
            title: Some("Title"),
            values: values(),
        }));
        Some(listing)
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_777_629_600_000);
const POLICY: PricePolicy = PricePolicy::FirstScope(&[ScopeMatch { group: false, channel: false, country: false }]);

fn sample(full: bool) -> Option<Sample> {
    let market = market(full)?;
    let text = |text: &str| localized(&market, text);
    let maybe = |words: &str| if full { text(words) } else { Localized::empty() };
    let type_of = ProductType {
        id: "type".into(),
        key: None,
        name: "Clothing".to_owned(),
        attributes: Vec::new(),
        notices: Vec::new(),
    };
    let brand = Brand { id: "brand".into(), name: text("Nordby") };
    let root = Category {
        key: full.then(|| "root".to_owned()),
        external_id: full.then(|| "12".to_owned()),
        name: text("Women"),
        slug: maybe("women"),
        description: maybe("All for women"),
        image: full.then(|| "https://shop.example/women.jpg".to_owned()),
        ..Category::new("root")
    };
    let leaf =
        Category { id: "leaf".into(), parent: full.then(|| root.id.clone()), name: text("Shirts"), ..root.clone() };
    let product = Product {
        key: full.then(|| "shirt".to_owned()),
        product_type: full.then(|| type_of.id.clone()),
        brand: full.then(|| brand.id.clone()),
        name: text("Shirt"),
        slug: maybe("shirt"),
        description: maybe("<p>A shirt</p>"),
        meta_title: maybe("Shirt"),
        meta_description: maybe("A shirt"),
        keywords: words(&market, if full { &["tee", "top"] } else { &[] }),
        categories: if full { vec![leaf.id.clone()] } else { Vec::new() },
        attributes: if full { attributes("sample_material", "Cotton") } else { Vec::new() },
        variants: variants(&market, full),
        rating: full.then_some(Rating { average: 4.5, count: 12 }),
        created_at: full.then_some(NOW),
        ..Product::new("product")
    };
    let mut records = vec![Record::ProductType(type_of), Record::Brand(brand), Record::Category(leaf.clone())];
    let category = if full { root.clone() } else { leaf };
    if full {
        records.push(Record::Category(root));
    }
    let view = View::new(&market, &Reference::new(records), POLICY).ok()?;
    Some(Sample { view, product, category })
}

fn market(full: bool) -> Option<Market> {
    Some(Market {
        key: "sample".to_owned(),
        locales: vec![Locale::parse("en").ok()?],
        currency: "EUR".parse().ok()?,
        country: if full { "DE".parse::<Country>().ok() } else { None },
        customer_group: None,
        price_channel: None,
        supply_channels: Vec::new(),
        store: None,
        time_zone: "Europe/Berlin".to_owned(),
        product_url: "https://shop.example/p/{slug|id}".to_owned(),
        category_url: "https://shop.example/c/{slug|id}".to_owned(),
        untracked: Untracked::Available,
    })
}

fn variants(market: &Market, full: bool) -> Vec<Variant> {
    let sizes: &[&str] = if full { &["S", "M"] } else { &["S"] };
    let variant = |size: &&str| Variant {
        sku: full.then(|| format!("SHIRT-{size}").into()),
        key: full.then(|| format!("shirt-{size}")),
        gtin: full.then(|| "4006381333931".to_owned()),
        attributes: if full { attributes("sample_size", size) } else { Vec::new() },
        prices: vec![price(market, full)],
        images: images(full),
        stock: if full { vec![StockLevel::limited(None, 5)] } else { Vec::new() },
        ..Variant::new(*size)
    };
    sizes.iter().map(variant).collect()
}

fn images(full: bool) -> Vec<Image> {
    let url = "https://shop.example/shirt.jpg".to_owned();
    if full { vec![Image { url, label: None }] } else { Vec::new() }
}

fn price(market: &Market, full: bool) -> Price {
    Price {
        discounted: Some(Money::new(1499, market.currency)),
        tax: full.then_some(TaxMode::Gross),
        tiers: if full { vec![Tier { minimum: 10, value: Money::new(1299, market.currency) }] } else { Vec::new() },
        ..Price::new(Money::new(1999, market.currency))
    }
}

fn words(market: &Market, words: &[&str]) -> Keywords {
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    market.locales.iter().map(|locale| (locale.clone(), words.clone())).collect()
}

fn attributes(name: &str, text: &str) -> Vec<Attribute> {
    vec![Attribute { name: name.to_owned(), value: Value::Text(text.to_owned()) }]
}

fn localized(market: &Market, text: &str) -> Localized {
    market.locales.iter().map(|locale| (locale.clone(), text.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use model::Kind;
    use serde_json::Value as Json;

    use super::super::shape::{Record, Shape, variables};
    use super::*;

    /// Every field of the JSON is listed with its type, and every listed field is in it unless it is optional.
    fn compare(path: &str, record: &Record, json: &Json) {
        let json = json.as_object().unwrap_or_else(|| panic!("{path} is {json}"));
        for name in json.keys() {
            assert!(record.members.iter().any(|member| member.name == name), "{path}.{name} is not listed");
        }
        for member in record.members {
            let path = format!("{path}.{}", member.name);
            match &json[member.name] {
                Json::Null => assert!(member.optional, "{path} is missing"),
                value => matches(&path, member.of, value),
            }
        }
    }

    fn matches(path: &str, of: Shape, json: &Json) {
        match of {
            Shape::Text => assert!(json.is_string(), "{path}"),
            Shape::Integer => assert!(json.is_i64() || json.is_u64(), "{path}"),
            Shape::Number => assert!(json.is_f64(), "{path}"),
            Shape::Boolean => assert!(json.is_boolean(), "{path}"),
            Shape::Plain => assert!(!json.is_null() && !json.is_object(), "{path}"),
            Shape::Record(record) => compare(path, record, json),
            Shape::List(of) => json.as_array().unwrap().iter().for_each(|json| matches(path, *of, json)),
            Shape::Map(of) => json.as_object().unwrap().values().for_each(|json| matches(path, *of, json)),
        }
    }

    fn variable(kind: Kind, name: &str) -> &'static Record {
        variables(kind).iter().find(|variable| variable.name == name).unwrap().of
    }

    #[test]
    fn what_is_listed_is_what_listings_hold() {
        let [minimal, full] = samples() else { panic!("a sample is missing") };
        let options = BTreeSet::from(["size".to_owned()]);
        for (sample, is_full) in [(minimal, false), (full, true)] {
            let attributes: &[_] = if is_full { &[("color", Holds::Text)] } else { &[] };
            let listing = sample.listing(attributes, &options).unwrap();
            let json = serde_json::to_value(&listing).unwrap();
            compare("product", variable(Kind::Product, "product"), &json);
            compare("variant", variable(Kind::Product, "variant"), &json["variants"][0]);
            let category = serde_json::to_value(sample.category()).unwrap();
            compare("category", variable(Kind::Category, "category"), &category);
            let market = serde_json::to_value(sample.view.market()).unwrap();
            compare("market", variable(Kind::Product, "market"), &market);
        }
    }

    #[test]
    fn the_full_sample_lacks_nothing_and_the_minimal_one_everything_optional() {
        let [minimal, full] = samples() else { panic!("a sample is missing") };
        let product = variable(Kind::Product, "product");
        for (sample, is_full) in [(minimal, false), (full, true)] {
            let json = serde_json::to_value(sample.listing(&[], &BTreeSet::new()).unwrap()).unwrap();
            for member in product.members.iter().filter(|member| member.optional) {
                assert_eq!(!json[member.name].is_null(), is_full, "{}", member.name);
            }
        }
    }
}
