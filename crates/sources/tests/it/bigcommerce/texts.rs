//! Texts in other languages.

use contract::{Position, Ref, Source as _};
use model::{Kind, Localized, Product, Record};
use sandbox::{
    bigcommerce::{Change, Localization, Settings},
    catalogue::{Catalogue, Options, generate},
};
use serde_json::json;

use super::{Walked, settings, shop, source, walk};

fn catalogue(products: usize) -> Catalogue {
    generate(&Options { products, locales: vec!["de".into(), "en".into(), "fr".into()], ..Options::default() })
}

fn speaking(localization: Localization) -> Settings {
    Settings { localization, ..settings() }
}

fn products(walked: &Walked) -> Vec<&Product> {
    let mut products = Vec::new();
    for record in walked.records() {
        if let Record::Product(product) = record {
            products.push(product.as_ref());
        }
    }
    products
}

/// The text that a store shows in a language.
fn shown<'p>(
    product: &'p Product,
    store: u64,
    text: fn(&model::Tailored) -> &Localized,
    locale: &str,
) -> Option<&'p str> {
    let own = product.tailored.iter().find(|it| it.store.as_str() == store.to_string())?;
    text(own).get(locale)
}

#[tokio::test]
async fn overrides_are_texts_of_single_stores() {
    let given = catalogue(120);
    let (emulator, host) = shop(speaking(Localization::Overrides), &given).await;
    let first = (given.products)().next().unwrap();
    let (de, uk) = (emulator.channel_id("de").unwrap(), emulator.channel_id("uk").unwrap());
    let own = Change::SetText {
        product: first.key.clone(),
        channel: Some(uk),
        locale: "fr".into(),
        name: "À Londres".into(),
    };
    emulator.change(own).unwrap();
    let source = source(&host, json!({ "texts": "overrides" }));
    let walked = walk(&source, "products", Position::Full).await;
    let keys = emulator.product_keys();
    let mut compared = 0;
    for product in products(&walked) {
        let key = &keys[&product.id.as_str().parse().unwrap()];
        let given = (given.products)().find(|it| it.key == *key).unwrap();
        for language in ["en", "fr"] {
            let wanted = |text: Option<&String>| {
                text.map(String::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
            };
            let name = shown(product, de, |it| &it.name, language).map(str::to_owned);
            assert_eq!(name, wanted(given.name.get(language)), "{key} in {language}");
            let description = shown(product, de, |it| &it.description, language).map(str::to_owned);
            assert_eq!(description, wanted(given.description.get(language)), "{key} in {language}");
            let slug = wanted(given.slug.get(language)).map(|slug| format!("{slug}/"));
            assert_eq!(shown(product, de, |it| &it.slug, language).map(str::to_owned), slug);
            compared += usize::from(name.is_some());
        }
    }
    assert!(compared > 200, "{compared}");
    let id = emulator.product_id(&first.key).unwrap().to_string();
    let fetched = source.fetch(&[Ref { kind: Kind::Product, id: id.as_str().into() }]).await.unwrap();
    let walked = Walked { changes: fetched.changes, ..Walked::default() };
    let product = products(&walked)[0];
    assert_eq!(shown(product, uk, |it| &it.name, "fr"), Some("À Londres"));
    assert_eq!(shown(product, de, |it| &it.name, "fr"), first.name.get("fr").map(String::as_str));
    // 50 products at a time, all six languages of two channels in two queries each.
    assert_eq!(emulator.counters()["POST /graphql"], 2 + 3 * 2 + 2);
}

#[tokio::test]
async fn translations_are_of_products_categories_and_brands_and_what_is_not_translated_is_none() {
    let given = catalogue(30);
    let (emulator, host) = shop(speaking(Localization::Translations), &given).await;
    let source = source(&host, json!({ "texts": "translations" }));
    let de = emulator.channel_id("de").unwrap();
    let walked = walk(&source, "products", Position::Full).await;
    let keys = emulator.product_keys();
    for product in products(&walked) {
        let key = &keys[&product.id.as_str().parse().unwrap()];
        let given = (given.products)().find(|it| it.key == *key).unwrap();
        let original = product.name.get("und");
        let wanted =
            given.name.get("fr").map(String::as_str).filter(|text| !text.trim().is_empty() && Some(*text) != original);
        assert_eq!(shown(product, de, |it| &it.name, "fr"), wanted, "{key}");
        assert_eq!(shown(product, de, |it| &it.name, "de"), None, "the default language is never translated");
    }
    let category = given.head.categories.iter().find(|it| it.name.get("fr") != it.name.get("de")).unwrap();
    let ids: Vec<String> = emulator.category_ids(&category.key).iter().map(ToString::to_string).collect();
    let walked = walk(&source, "categories", Position::Full).await;
    let of_key = |record: &&&Record| matches!(record, Record::Category(it) if ids.contains(&it.id.to_string()));
    let records = walked.records();
    let translated: Vec<_> = records.iter().filter(of_key).collect();
    assert_eq!(translated.len(), ids.len());
    for record in translated {
        let Record::Category(it) = record else { panic!() };
        let texts = [it.name.get("und"), it.name.get("fr")];
        assert_eq!(texts, ["de", "fr"].map(|language| category.name.get(language).map(String::as_str)));
    }
    walk(&source, "brands", Position::Full).await;
}

#[tokio::test]
async fn a_store_without_the_feature_is_a_fault_that_says_what_to_do() {
    let given = catalogue(3);
    let (emulator, host) = shop(speaking(Localization::None), &given).await;
    let wanted = source(&host, json!({ "texts": "overrides" }));
    let lane = super::lane(&wanted, "products");
    let fault = wanted.page(&lane, &Position::Full).await.unwrap_err();
    assert!(
        fault.code == "C0205" && fault.hint.as_deref().is_some_and(|hint| hint.contains("default_language")),
        "{fault:?}"
    );
    let texts = async |settings| {
        let found = source(&host, settings).check().await;
        found.into_iter().find(|it| it.what == "texts").unwrap().result
    };
    assert_eq!(texts(json!({})).await.unwrap(), "in de only, in every market: no other languages are read");
    // Languages that the settings name are not asked for.
    emulator.reset_counters();
    let channels: Vec<u64> = ["de", "uk"].iter().map(|key| emulator.channel_id(key).unwrap()).collect();
    let named =
        json!({ "texts": "overrides", "locales": { channels[0].to_string(): ["fr"], channels[1].to_string(): [] } });
    assert_eq!(texts(named).await.unwrap(), format!("in de, and by channel in {}: fr", channels[0]));
    assert_eq!(emulator.counters().get("POST /graphql"), None);
}

#[tokio::test]
async fn check_says_which_languages_there_are() {
    let (emulator, host) = shop(speaking(Localization::Overrides), &catalogue(1)).await;
    let texts = async |settings| {
        let source = source(&host, settings);
        let found = source.check().await.into_iter().find(|it| it.what == "texts").unwrap().result.unwrap();
        (found, source.profile().await.unwrap().stores.unwrap()[0].languages.clone())
    };
    let (told, languages) = texts(json!({})).await;
    assert!(
        told.starts_with("in de only") && told.contains("de, en, fr") && languages.is_empty(),
        "{told} {languages:?}"
    );
    let (told, languages) = texts(json!({ "texts": "overrides" })).await;
    let channel = emulator.channel_id("de").unwrap();
    assert!(told.starts_with(&format!("in de, and by channel in {channel}: de, en, fr")), "{told}");
    assert_eq!(languages, ["de", "en", "fr"]);
}
