//! What archives contain, against the platform's schemas and against the catalogue.

use std::path::{Path, PathBuf};

use roxmltree::{Document, Node};
use sandbox::catalogue::load;

use super::*;

fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path)
}

/// A schema of the platform. `None` when the schemas are not at hand.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(super) fn schema(name: &str) -> Option<String> {
    let text = std::fs::read_to_string(shared("specs/sfcc/impex-xsd").join(name)).ok();
    if text.is_none() {
        eprintln!("skipped: the schemas of the platform are not at hand");
    }
    text
}

/// Asserts that every file is as its schema says.
pub(super) fn assert_valid(files: &BTreeMap<String, String>) {
    for (name, text) in files {
        let schema = match name.rsplit('/').next().unwrap() {
            "catalog.xml" => "catalog.xsd",
            "site.xml" => "site.xsd",
            "locales.xml" => "locales.xsd",
            "system-objecttype-extensions.xml" => "metadata.xsd",
            _ if name.contains("pricebooks/") => "pricebook.xsd",
            _ if name.contains("inventory-lists/") => "inventory.xsd",
            // There is no schema of preferences.
            "preferences.xml" | "version.txt" => continue,
            _ => panic!("what is {name}?"),
        };
        let Some(schema) = self::schema(schema) else { return };
        let problems = xsd::problems(text, &schema);
        assert!(problems.is_empty(), "{name}: {:#?}", problems.iter().take(10).collect::<Vec<_>>());
    }
}

fn child<'n>(node: Node<'n, 'n>, name: &str) -> Option<Node<'n, 'n>> {
    node.children().find(|it| it.tag_name().name() == name)
}

/// The text of a locale.
fn text<'n>(node: Node<'n, 'n>, name: &str, locale: &str) -> Option<&'n str> {
    let all = node.children().filter(|it| it.tag_name().name() == name);
    let lang = ("http://www.w3.org/XML/1998/namespace", "lang");
    all.filter(|it| it.attribute(lang) == Some(locale)).find_map(|it| it.text())
}

fn products<'n>(document: &'n Document) -> BTreeMap<&'n str, Node<'n, 'n>> {
    let all = document.root_element().children().filter(|it| it.has_tag_name((CATALOG, "product")));
    all.map(|it| (it.attribute("product-id").unwrap(), it)).collect()
}

const CATALOG: &str = "http://www.demandware.com/xml/impex/catalog/2006-10-31";

#[tokio::test]
async fn an_archive_of_a_shop_with_every_oddity_is_as_the_schemas_say() {
    let instance = Instance::of(120).await;
    let files = instance.everything().await;
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "shop/catalogs/master-catalog/catalog.xml",
            "shop/catalogs/storefront-catalog/catalog.xml",
            "shop/inventory-lists/inventory-warehouse-de.xml",
            "shop/inventory-lists/inventory-warehouse-uk.xml",
            "shop/inventory-lists/inventory.xml",
            "shop/locales.xml",
            "shop/meta/system-objecttype-extensions.xml",
            "shop/pricebooks/eur-list-prices.xml",
            "shop/pricebooks/eur-sale-prices.xml",
            "shop/pricebooks/gbp-list-prices.xml",
            "shop/pricebooks/gbp-sale-prices.xml",
            "shop/sites/de/preferences.xml",
            "shop/sites/de/site.xml",
            "shop/sites/uk/preferences.xml",
            "shop/sites/uk/site.xml",
            "shop/version.txt",
        ]
    );
    assert_valid(&files);
    let preferences = &files["shop/sites/uk/preferences.xml"];
    for (name, value) in [
        ("SiteCatalog", "storefront-catalog"),
        ("SiteCurrencies", "EUR:GBP"),
        ("SiteDefaultLocale", "en"),
        ("SiteInventoryList", "inventory-warehouse-uk"),
        ("SiteLocales", "en:default"),
        ("SitePriceBooks", "eur-list-prices:eur-sale-prices:gbp-list-prices:gbp-sale-prices"),
    ] {
        assert!(preferences.contains(&format!("<preference preference-id=\"{name}\">{value}</preference>")), "{name}");
    }
    assert!(files["shop/sites/uk/site.xml"].contains("<currency>GBP</currency>"));
}

#[tokio::test]
async fn an_export_contains_given_files_where_that_is_set() {
    let instance = Instance::of(1).await;
    let files = BTreeMap::from([("catalogs/mine/catalog.xml".to_owned(), b"<catalog/>".to_vec())]);
    instance.emulator.set_export(Some(files));
    let units = json!({ "catalogs": { "mine": true } });
    let entries = unzip(&instance.export(&units).await);
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["shop/catalogs/mine/catalog.xml", "shop/version.txt"]);
    assert_eq!(entries["shop/catalogs/mine/catalog.xml"], "<catalog/>");
    instance.emulator.set_export(None);
    assert_eq!(instance.everything().await.len(), 16);
}

#[tokio::test]
async fn every_real_catalogue_gives_a_valid_archive() {
    for folder in ["magento-luma", "commercetools-sunrise/small", "commercelayer-demo-store", "bestbuy-categories"] {
        let path = shared("data").join(folder);
        if !path.is_dir() {
            continue;
        }
        let loaded = load(&path).unwrap();
        let instance = Instance::open(Settings::default(), &loaded.catalogue).await;
        let files = instance.everything().await;
        assert_valid(&files);
        let catalog = Document::parse(&files["shop/catalogs/master-catalog/catalog.xml"]).unwrap();
        let ids = products(&catalog);
        let (mut groups, mut variants) = (0, 0);
        for node in ids.values() {
            if child(*node, "variations").is_some() { groups += 1 } else { variants += 1 }
        }
        let given: Vec<_> = (loaded.catalogue.products)().collect();
        assert_eq!(variants, given.iter().map(|product| product.variants.len()).sum::<usize>(), "{folder}");
        assert!(groups <= given.len(), "{folder}");
    }
}

#[tokio::test]
async fn a_product_is_written_as_the_catalogue_has_it() {
    let catalogue = generate(&Options { products: 100, ..Options::default() });
    let instance = Instance::open(Settings::default(), &catalogue).await;
    let files = instance.everything().await;
    let document = Document::parse(&files["shop/catalogs/master-catalog/catalog.xml"]).unwrap();
    let written = products(&document);
    let base = document.descendants().find(|it| it.has_tag_name((CATALOG, "https-url"))).unwrap().text().unwrap();
    for product in (catalogue.products)() {
        let master = written[instance.emulator.product_id(&product.key).unwrap().as_str()];
        for (locale, name) in &product.name {
            let lang = if locale == "de" { "x-default" } else { locale.as_str() };
            assert_eq!(text(master, "display-name", lang), Some(name.as_str()));
        }
        assert_eq!(
            child(master, "online-flag").unwrap().text(),
            Some(if product.published { "true" } else { "false" })
        );
        let variants = child(master, "variations").and_then(|it| child(it, "variants")).unwrap();
        let ids: Vec<&str> = variants.children().filter_map(|it| it.attribute("product-id")).collect();
        assert_eq!(ids.len(), product.variants.len());
        for (variant, id) in product.variants.iter().zip(ids) {
            let node = written[id];
            if let Some(sku) = &variant.sku {
                assert_eq!(id, sku);
            }
            let colour = variant.attributes.iter().find(|(name, _)| name == "colour").unwrap();
            let sandbox::catalogue::Value::Key(colour) = &colour.1 else { panic!("{colour:?}") };
            let custom = child(node, "custom-attributes").unwrap();
            let own = custom.children().find(|it| it.attribute("attribute-id") == Some("colour")).unwrap();
            assert_eq!(own.text(), Some(colour.as_str()));
            assert_eq!(child(node, "ean").unwrap().text().map(str::len), Some(13));
            // Its images are in the group of its colour, or in the one without.
            let groups: Vec<Node> =
                child(master, "images").map(|it| it.children().filter(Node::is_element).collect()).unwrap_or_default();
            let of_colour = groups.iter().find(|group| {
                child(**group, "variation").is_some_and(|it| it.attribute("value") == Some(colour.as_str()))
            });
            let group = of_colour.or_else(|| groups.iter().find(|group| child(**group, "variation").is_none()));
            let images: Vec<String> = group
                .map(|group| {
                    group
                        .children()
                        .filter_map(|it| it.attribute("path"))
                        .map(|path| format!("{base}/{path}"))
                        .collect()
                })
                .unwrap_or_default();
            assert_eq!(images, variant.images);
        }
    }
}

/// Beginning of a price table, and its amounts by quantity.
type Table = (Option<String>, Vec<(String, String)>);

#[tokio::test]
async fn prices_are_in_the_book_of_their_currency_with_the_narrowest_scope() {
    let catalogue = generate(&Options { products: 50, ..Options::default() });
    let instance = Instance::open(Settings::default(), &catalogue).await;
    let files = instance.everything().await;
    let book = |name: &str| files[&format!("shop/pricebooks/{name}.xml")].clone();
    let (list, sale, pounds) = (book("eur-list-prices"), book("eur-sale-prices"), book("gbp-list-prices"));
    let (list, sale, pounds) =
        (Document::parse(&list).unwrap(), Document::parse(&sale).unwrap(), Document::parse(&pounds).unwrap());
    let tables = |document: &Document, id: &str| -> Vec<Table> {
        let all = document.descendants().filter(|it| it.tag_name().name() == "price-table");
        all.filter(|it| it.attribute("product-id") == Some(id))
            .map(|it| {
                let from = child(it, "online-from").and_then(|from| from.text()).map(str::to_owned);
                let amounts = it.children().filter(|it| it.tag_name().name() == "amount");
                let amounts =
                    amounts.map(|it| (it.attribute("quantity").unwrap().to_owned(), it.text().unwrap().to_owned()));
                (from, amounts.collect())
            })
            .collect()
    };
    // Where all variants agree, the tables are those of the master.
    let owner = |sku: &str, key: &str| {
        let own = [&list, &sale, &pounds].iter().any(|document| !tables(document, sku).is_empty());
        if own { sku.to_owned() } else { key.to_owned() }
    };
    let decimal = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
    for (index, product) in (catalogue.products)().enumerate() {
        let Some(variant) = product.variants.iter().find(|variant| variant.sku.is_some()) else { continue };
        let sku = &owner(variant.sku.as_ref().unwrap(), &product.key);
        let plain = |currency: &str| {
            variant.prices.iter().find(|price| {
                price.currency == currency
                    && price.customer_group.is_none()
                    && price.channel.is_none()
                    && price.valid_from.is_none()
            })
        };
        match index {
            // Not sold in GBP, prices of countries, of a channel, none at all, with times, tiers, discounted, precise.
            3 => assert_eq!(tables(&pounds, sku), []),
            15 => {
                let own = variant.prices.iter().find(|price| price.channel.is_some()).unwrap();
                assert_eq!(tables(&list, sku), [(None, vec![("1".to_owned(), decimal(own.minor))])]);
            }
            17 => assert_eq!(tables(&list, sku), []),
            21 => {
                let froms: Vec<_> = tables(&list, sku).into_iter().map(|(from, _)| from).collect();
                assert_eq!(froms.len(), 4);
                assert!(froms.contains(&Some("2024-01-01T00:00:00.000Z".to_owned())), "{froms:?}");
            }
            25 => {
                let price = plain("EUR").unwrap();
                let wanted =
                    [(1, price.minor), (price.tiers[0].0, price.tiers[0].1), (price.tiers[1].0, price.tiers[1].1)];
                let wanted = wanted.map(|(from, minor)| (from.to_string(), decimal(minor))).to_vec();
                assert_eq!(tables(&list, sku), [(None, wanted)]);
            }
            27 => {
                let price = plain("EUR").unwrap();
                assert_eq!(tables(&list, sku), [(None, vec![("1".to_owned(), decimal(price.minor))])]);
                assert_eq!(tables(&sale, sku), [(None, vec![("1".to_owned(), decimal(price.discounted.unwrap()))])]);
            }
            47 => assert_eq!(tables(&list, sku)[0].1[0].1.split_once('.').unwrap().1.len(), 4),
            _ if plain("EUR").is_some() && product.variants.len() == 1 => {
                assert_eq!(tables(&list, sku).iter().filter(|(from, _)| from.is_none()).count(), 1, "{index}");
            }
            _ => {}
        }
        if index == 5 {
            let own = variant.prices.iter().find(|price| price.country.as_deref() == Some("DE")).unwrap();
            assert_eq!(tables(&list, sku), [(None, vec![("1".to_owned(), decimal(own.minor))])]);
        }
    }
}

#[tokio::test]
async fn variants_that_agree_have_the_prices_of_their_master_until_one_differs() {
    let mut product =
        (generate(&Options { products: 1, oddities: false, ..Options::default() }).products)().next().unwrap();
    let price =
        sandbox::catalogue::Price { minor: 1000, currency: "EUR".into(), discounted: Some(900), ..Default::default() };
    product.variants.iter_mut().for_each(|variant| variant.prices = vec![price.clone()]);
    let catalogue = generate(&Options { products: 0, oddities: false, ..Options::default() });
    let given = product.clone();
    let catalogue = Catalogue {
        product_count: 1,
        products: Box::new(move || Box::new(std::iter::once(given.clone()))),
        ..catalogue
    };
    let instance = Instance::open(Settings::default(), &catalogue).await;
    let owners = |files: &BTreeMap<String, String>, book: &str| -> Vec<String> {
        let text = &files[&format!("shop/pricebooks/{book}.xml")];
        let document = Document::parse(text).unwrap();
        document.descendants().filter_map(|it| it.attribute("product-id").map(str::to_owned)).collect()
    };
    let files = instance.everything().await;
    assert_eq!(owners(&files, "eur-list-prices"), [product.key.clone()]);
    let sku = product.variants[0].sku.clone().unwrap();
    let price =
        sandbox::catalogue::Price { minor: 1100, currency: "EUR".into(), discounted: Some(900), ..Default::default() };
    instance
        .emulator
        .edit(sandbox::shop::Edit::Price { product: product.key.clone(), sku: sku.clone(), price })
        .unwrap();
    let files = instance.everything().await;
    for book in ["eur-list-prices", "eur-sale-prices"] {
        assert_eq!(owners(&files, book), [sku.clone(), product.key.clone()], "{book}");
    }
}

#[tokio::test]
async fn what_a_selection_keeps_out_is_offline_on_that_site() {
    let instance = Instance::of(100).await;
    let files = instance.everything().await;
    let document = Document::parse(&files["shop/catalogs/master-catalog/catalog.xml"]).unwrap();
    let written = products(&document);
    let offline = |key: &str| -> Vec<String> {
        let node = written[key];
        let flags = node.children().filter(|it| it.tag_name().name() == "online-flag");
        flags.filter_map(|it| it.attribute("site-id").map(str::to_owned)).collect()
    };
    assert_eq!(offline("p-000045"), ["de"]);
    assert_eq!(offline("p-000095"), ["uk"]);
    assert_eq!(offline("p-000044"), Vec::<String>::new());
}
