//! The shop that is made up.

use std::collections::BTreeSet;

use jiff::Timestamp;

use sandbox::catalogue::{
    AttributeKind, Catalogue, EXAMPLE, Localized, Price, Product, Value, Variant,
    generate::{MAX_VARIANTS, Oddity, Options, generate},
    with_example,
};
use sandbox::commercetools::{Emulator, Settings};
use serde_json::{Value as Json, json};

use super::{assert_sound, products};

fn locales(locales: &[&str]) -> Vec<String> {
    locales.iter().map(|locale| (*locale).to_owned()).collect()
}

fn text(catalogue: &Catalogue) -> String {
    format!("{:?} {:?}", catalogue.head, products(catalogue))
}

#[test]
fn the_same_options_give_the_same_shop_and_another_seed_another() {
    let options = Options { products: 120, ..Options::default() };
    let one = generate(&options);
    assert_eq!(text(&one), text(&generate(&options)));
    assert_eq!(format!("{:?}", products(&one)), format!("{:?}", products(&one)), "the stream begins again");
    assert_ne!(text(&one), text(&generate(&Options { seed: 2, ..options })));
}

#[test]
fn a_product_does_not_depend_on_how_many_there_are() {
    let few = generate(&Options { products: 3, oddities: false, ..Options::default() });
    let many = generate(&Options { products: 1_000, oddities: false, ..Options::default() });
    let first: Vec<_> = (many.products)().take(3).collect();
    assert_eq!(format!("{:?}", products(&few)), format!("{first:?}"));
}

#[test]
fn every_shop_is_sound() {
    for options in [
        Options { products: 400, ..Options::default() },
        Options { products: 200, oddities: false, ..Options::default() },
        Options { products: 60, variants_per_product: MAX_VARIANTS, ..Options::default() },
        Options { products: 60, variants_per_product: MAX_VARIANTS, oddities: false, ..Options::default() },
        Options { products: 60, locales: locales(&["fr", "ar", "zh", "ja", "el", "he", "ru"]), ..Options::default() },
        Options { products: 60, currencies: locales(&["USD", "JPY", "KWD"]), ..Options::default() },
        Options { products: 0, ..Options::default() },
        Options { products: 10, variants_per_product: 0, locales: vec![], currencies: vec![], ..Options::default() },
    ] {
        assert_sound(&generate(&options));
    }
}

#[test]
fn texts_differ_by_locale() {
    let options = Options { products: 60, locales: locales(&["de", "en", "fr", "it", "ar"]), ..Options::default() };
    let shop = generate(&options);
    for product in products(&shop).iter().filter(|product| product.name.len() == 5) {
        assert_eq!(product.name.values().collect::<BTreeSet<_>>().len(), 5, "{:?}", product.name);
        let described = product.description.len();
        assert_eq!(product.description.values().collect::<BTreeSet<_>>().len(), described);
    }
    for category in &shop.head.categories {
        assert!(category.name.values().collect::<BTreeSet<_>>().len() >= 4, "{:?}", category.name);
    }
}

#[test]
fn the_category_tree_has_three_levels() {
    let shop = generate(&Options::default());
    let depth = |key: &str| {
        let mut depth = 1;
        let mut at = shop.head.categories.iter().find(|category| category.key == key).unwrap();
        while let Some(parent) = &at.parent {
            at = shop.head.categories.iter().find(|category| category.key == *parent).unwrap();
            depth += 1;
        }
        depth
    };
    let depths: BTreeSet<_> = shop.head.categories.iter().map(|category| depth(&category.key)).collect();
    assert_eq!(depths, BTreeSet::from([1, 2, 3]));
}

#[test]
fn attributes_of_every_kind_are_defined_and_used() {
    fn names(kind: &AttributeKind) -> &'static str {
        match kind {
            AttributeKind::Text => "text",
            AttributeKind::LocalizedText => "localised text",
            AttributeKind::Enum(_) => "enum",
            AttributeKind::LocalizedEnum(_) => "localised enum",
            AttributeKind::Number => "number",
            AttributeKind::Money => "money",
            AttributeKind::Date => "date",
            AttributeKind::Time => "time",
            AttributeKind::DateTime => "datetime",
            AttributeKind::Boolean => "boolean",
            AttributeKind::ProductReference => "reference",
            AttributeKind::Nested(_) => "nested",
            AttributeKind::Set(_) => "set",
        }
    }
    let shop = generate(&Options { products: 300, ..Options::default() });
    let definitions = || shop.head.product_types.iter().flat_map(|of_type| &of_type.attributes);
    let all = products(&shop);
    let used: BTreeSet<&str> = all
        .iter()
        .flat_map(|product| product.attributes.iter().chain(product.variants.iter().flat_map(|v| &v.attributes)))
        .map(|(name, _)| names(&definitions().find(|definition| definition.name == *name).unwrap().kind))
        .collect();
    assert_eq!(used.len(), 13, "{used:?}");
}

fn with(oddity: Oddity, second: bool) -> Product {
    let index = (0..50).find(|index| Oddity::of(*index) == oddity).unwrap() + if second { 50 } else { 0 };
    let shop = generate(&Options { products: 100, ..Options::default() });
    (shop.products)().nth(index).unwrap()
}

fn prices(product: &Product) -> impl Iterator<Item = &Price> {
    product.variants.iter().flat_map(|variant| &variant.prices)
}

#[test]
fn prices_come_in_every_scope() {
    assert!(prices(&with(Oddity::NotSoldInUk, false)).all(|price| price.currency == "EUR"));
    assert_eq!(prices(&with(Oddity::NoPrice, false)).count(), 0);
    let countries = with(Oddity::CountryPrices, false);
    assert!(prices(&countries).filter(|price| price.currency == "EUR").all(|price| price.country.is_some()));
    assert!(prices(&countries).any(|price| price.country.as_deref() == Some("DE")));
    assert!(prices(&with(Oddity::CustomerGroupPrice, false)).any(|price| price.customer_group.is_some()));
    assert!(prices(&with(Oddity::ChannelPrice, false)).any(|price| price.channel.is_some()));
    assert!(prices(&with(Oddity::Tiers, false)).all(|price| price.tiers.len() == 2));
    assert!(prices(&with(Oddity::Discounted, false)).all(|price| price.discounted.is_some()));
    let windows = with(Oddity::ValidityWindows, false);
    let froms: BTreeSet<_> = prices(&windows).map(|price| price.valid_from.clone()).collect();
    assert_eq!(froms.len(), 4, "no window, a past one, the current one, one to come: {froms:?}");
    let every = with(Oddity::EveryScope, false);
    assert!(prices(&every).any(|price| price.country.is_some() && price.customer_group.is_some()));
}

#[test]
fn whatever_is_sold_has_a_price_for_germany_and_unless_it_is_not_sold_there_for_the_uk() {
    let shop = generate(&Options { products: 500, ..Options::default() });
    for (index, product) in products(&shop).iter().enumerate() {
        for variant in &product.variants {
            let open = |price: &&Price| {
                price.customer_group.is_none() && price.channel.is_none() && price.valid_from.is_none()
            };
            let mut open = variant.prices.iter().filter(open);
            let euro =
                open.clone().any(|price| price.currency == "EUR" && price.country.as_deref().is_none_or(|c| c == "DE"));
            let pound = open.any(|price| price.currency == "GBP" && price.country.is_none());
            assert_eq!(euro, Oddity::of(index) != Oddity::NoPrice);
            assert_eq!(pound, !matches!(Oddity::of(index), Oddity::NoPrice | Oddity::NotSoldInUk));
        }
    }
}

#[test]
fn oddities_are_as_they_are_called() {
    assert!(!with(Oddity::Unpublished, false).published);
    assert!(with(Oddity::StandalonePrices, false).standalone_prices);
    assert_eq!(with(Oddity::MissingLocale, false).name.keys().collect::<Vec<_>>(), ["de"]);
    assert_eq!(with(Oddity::MissingLocale, true).name.keys().collect::<Vec<_>>(), ["en"]);
    assert!(with(Oddity::NoSku, false).variants.iter().all(|variant| variant.sku.is_none()));
    assert!(with(Oddity::NoSku, true).variants.last().unwrap().sku.is_none());
    assert!(with(Oddity::LongText, false).description["de"].len() > 19_000);
    let scripts = with(Oddity::Scripts, false);
    assert!(scripts.name["en"].contains('ש') || scripts.name["en"].contains('ח'), "Hebrew");
    assert!(scripts.name["en"].contains('🧥') && scripts.name["de"].contains('ش'), "emoji and Arabic");
    assert!(with(Oddity::NoImage, false).variants.iter().all(|variant| variant.images.is_empty()));
    assert!(with(Oddity::NoDescription, false).description.is_empty());
    assert!(with(Oddity::NoCategory, false).categories.is_empty());
    assert!(with(Oddity::Untracked, false).variants.iter().all(|variant| variant.stock.is_empty()));
    let sold_out = with(Oddity::SoldOut, false);
    assert!(sold_out.variants.iter().flat_map(|variant| &variant.stock).all(|stock| stock.quantity == 0));
    let one = with(Oddity::OneWarehouse, false);
    let channels: BTreeSet<_> = one.variants.iter().flat_map(|v| &v.stock).filter_map(|s| s.channel.clone()).collect();
    assert_eq!(channels.len(), 1);
}

#[test]
fn prices_finer_than_a_cent_are_served_with_both_amounts() {
    let options = Options { products: 50, currencies: vec!["EUR".into(), "JPY".into()], ..Options::default() };
    let emulator = Emulator::new(Settings::default());
    emulator.seed(&generate(&options)).unwrap();
    let product = emulator.product("p-000047").unwrap();
    let prices = product["masterData"]["current"]["masterVariant"]["prices"].as_array().unwrap();
    assert_eq!(prices.len(), 2);
    for (price, digits) in prices.iter().zip([4, 2]) {
        let value = &price["value"];
        assert_eq!((&value["type"], &value["fractionDigits"]), (&"highPrecision".into(), &digits.into()));
        let (precise, cents) = (value["preciseAmount"].as_i64().unwrap(), value["centAmount"].as_i64().unwrap());
        assert!(precise != cents * 100 && (precise - cents * 100).abs() < 50, "{value}");
    }
    let other = emulator.product("p-000048").unwrap();
    assert!(!other.to_string().contains("highPrecision"));
}

#[test]
fn selections_keep_products_out_of_one_store() {
    let shop = generate(&Options { products: 100, ..Options::default() });
    let [de, uk] = shop.head.selections.as_slice() else { panic!("two selections") };
    assert!(de.excludes && de.products == ["p-000045"]);
    assert!(!uk.excludes && uk.products.len() == 99 && !uk.products.contains(&"p-000095".to_owned()));
    for store in &shop.head.stores {
        let (selection, active) = &store.selections[0];
        assert!(*active && shop.head.selections.iter().any(|known| known.key == *selection));
    }
}

#[test]
fn every_gtin_has_the_right_check_digit() {
    for product in products(&generate(&Options { products: 50, ..Options::default() })) {
        for variant in product.variants {
            let Some((_, Value::Text(gtin))) = variant.attributes.iter().find(|(name, _)| name == "gtin") else {
                panic!("no GTIN")
            };
            let digits = gtin.chars().map(|digit| digit.to_digit(10).unwrap());
            let sum: u32 = digits.enumerate().map(|(at, digit)| digit * if at % 2 == 0 { 1 } else { 3 }).sum();
            assert!(gtin.len() == 13 && sum.is_multiple_of(10), "{gtin}");
        }
    }
}

#[test]
fn without_oddities_products_are_alike_and_complete() {
    let options = Options { products: 500, oddities: false, ..Options::default() };
    let shop = generate(&options);
    for product in products(&shop) {
        assert!(product.published && !product.standalone_prices);
        assert_eq!((product.name.len(), product.description.len(), product.categories.len()), (2, 2, 1));
        assert_eq!(product.variants.len(), 5);
        for variant in &product.variants {
            assert!(variant.sku.is_some());
            assert_eq!((variant.images.len(), variant.stock.len(), variant.attributes.len()), (1, 1, 3));
            assert_eq!(variant.prices.len(), 2);
            assert!(variant.prices.iter().all(|price| price.country.is_none() && price.valid_from.is_none()));
            assert!(variant.stock[0].quantity > 0);
        }
    }
    assert!(options.markets().iter().all(|market| market.store.is_none() && market.supply_channels.is_empty()));
}

/// The benchmark counts on products of 4.5 to 5.5 KB of JSON.
#[test]
fn a_product_is_about_five_kilobytes_of_json() {
    let shop = generate(&Options { products: 1_000, oddities: false, ..Options::default() });
    let sizes: Vec<usize> =
        products(&shop).iter().map(|product| projection(&shop, product).to_string().len()).collect();
    let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
    assert!(*least >= 4_500 && *most <= 5_500, "from {least} to {most} bytes");
}

#[test]
fn a_product_is_about_five_kilobytes_on_the_emulator_too() {
    let emulator = Emulator::new(Settings::default());
    emulator.seed(&generate(&Options { products: 200, oddities: false, ..Options::default() })).unwrap();
    for key in emulator.product_keys() {
        let mut product = emulator.product(&key).unwrap();
        // A projection is the current data beside the members of the product itself.
        let data = product.as_object_mut().unwrap().remove("masterData").unwrap();
        let bytes = product.to_string().len() + data["current"].to_string().len();
        assert!((4_500..=5_500).contains(&bytes), "{key} has {bytes} bytes");
    }
}

const ID: &str = "0b2f3e1c-7a8d-4c59-9f10-2a6d8e4b7c31";

/// A product as commercetools would give it, from the platform's documentation.
fn projection(shop: &Catalogue, product: &Product) -> Json {
    let [master, variants @ ..] = product.variants.as_slice() else { panic!("a product has a variant") };
    let attributes =
        |attributes: &[(String, Value)]| attributes.iter().map(|one| attribute(shop, one)).collect::<Vec<_>>();
    let variant = |(at, variant): (usize, &Variant)| {
        let prices: Vec<_> = variant.prices.iter().map(|price| json!({"id": ID, "value": money(price)})).collect();
        let dimensions = json!({"w": 1200, "h": 1200});
        let images: Vec<_> = variant.images.iter().map(|url| json!({"url": url, "dimensions": dimensions})).collect();
        let stock = variant.stock[0].quantity;
        json!({"id": at + 1, "sku": variant.sku, "prices": prices, "images": images, "assets": [],
            "attributes": attributes(&variant.attributes),
            "availability": {"isOnStock": stock > 0, "availableQuantity": stock, "id": ID, "version": 1}})
    };
    let categories: Vec<_> = product.categories.iter().map(|_| json!({"typeId": "category", "id": ID})).collect();
    json!({"id": ID, "version": 1, "key": product.key, "productType": {"typeId": "product-type", "id": ID},
        "name": product.name, "slug": product.slug, "description": product.description, "metaTitle": product.name,
        "categories": categories, "categoryOrderHints": {}, "searchKeywords": {}, "priceMode": "Embedded",
        "attributes": attributes(&product.attributes), "masterVariant": variant((0, master)),
        "variants": variants.iter().enumerate().map(|(at, one)| variant((at + 1, one))).collect::<Vec<_>>(),
        "published": true, "hasStagedChanges": false,
        "createdAt": "2026-01-01T00:00:00.000Z", "lastModifiedAt": "2026-01-01T00:00:00.000Z"})
}

fn money(price: &Price) -> Json {
    json!({"type": "centPrecision", "currencyCode": price.currency, "centAmount": price.minor, "fractionDigits": 2})
}

fn attribute(shop: &Catalogue, (name, value): &(String, Value)) -> Json {
    let mut definitions = shop.head.product_types.iter().flat_map(|of_type| &of_type.attributes);
    let kind = &definitions.find(|definition| definition.name == *name).unwrap().kind;
    json!({"name": name, "value": rendered(kind, value)})
}

fn rendered(kind: &AttributeKind, value: &Value) -> Json {
    let localized = |key: &str, keys: &[(String, Localized)]| json!({"key": key, "label": keys.iter().find(|(known, _)| known == key).unwrap().1});
    match (kind, value) {
        (AttributeKind::Enum(keys), Value::Key(key)) => {
            json!({"key": key, "label": keys.iter().find(|(known, _)| known == key).unwrap().1})
        }
        (AttributeKind::LocalizedEnum(keys), Value::Key(key)) => localized(key, keys),
        (AttributeKind::Set(element), Value::Set(values)) => {
            values.iter().map(|value| rendered(element, value)).collect()
        }
        (_, Value::Text(text)) => json!(text),
        (_, Value::Localized(text)) => json!(text),
        (_, Value::Boolean(yes)) => json!(yes),
        (_, Value::Number(number)) => json!(number),
        (kind, value) => panic!("a product without oddities has no {kind:?} {value:?}"),
    }
}

#[test]
fn the_example_of_help_texts_is_sold_in_both_markets_and_has_a_sale_to_come() {
    let shop = with_example(generate(&Options { products: 3, ..Options::default() }), Timestamp::UNIX_EPOCH);
    let products: Vec<_> = (shop.products)().collect();
    assert_eq!(products.len(), shop.product_count);
    let example = products.iter().find(|product| product.key == EXAMPLE).unwrap();
    for variant in &example.variants {
        assert!(variant.sku.as_ref().unwrap().starts_with(EXAMPLE));
        let currencies: Vec<_> = variant.prices.iter().map(|price| price.currency.as_str()).collect();
        assert_eq!(currencies, ["EUR", "EUR", "GBP"]);
        assert_eq!(variant.prices[1].valid_from.as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(variant.prices[1].valid_until.as_deref(), Some("1970-01-01T01:00:00.000Z"));
    }
    assert!(example.name.contains_key("en") && !example.description.contains_key("en"));
    assert!(shop.head.categories.iter().any(|category| example.categories.contains(&category.key)));
    let range = shop.head.selections.iter().find(|selection| !selection.excludes).unwrap();
    assert!(range.products.contains(&EXAMPLE.to_owned()));
}
