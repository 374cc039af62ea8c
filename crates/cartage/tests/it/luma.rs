//! Real catalogues, and what arrives of them, held against another reading of their files.
//!
//! The reading of the Luma shop here knows nothing but the CSV files and the rule of `docs/guides/luma-markets.md`: it
//! goes neither through the loader nor through the model.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
};

use serde_json::{Map, Value, json};

use crate::harness::{Shop, cartage, shared};

// ── the Luma shop ───────────────────────────────────────────────────────────────────────────────────────────────────

type Row = BTreeMap<String, String>;

const PICTURES: &str = "https://luma.example/media/catalog/product";

fn rows(file: &Path) -> Vec<Row> {
    csv::Reader::from_path(file).unwrap().deserialize().map(Result::unwrap).collect()
}

fn cell<'a>(row: &'a Row, name: &str) -> &'a str {
    row.get(name).map_or("", String::as_str)
}

/// A market: its key, what stands before its texts and its slugs, and what a hundred US cents are in it.
struct Rule {
    market: &'static str,
    mark: &'static str,
    slug: &'static str,
    rate: u32,
}

const RULES: [Rule; 2] =
    [Rule { market: "uk", mark: "", slug: "", rate: 79 }, Rule { market: "de", mark: "[de] ", slug: "de-", rate: 92 }];

/// A product of the files, in no market yet.
struct Luma {
    slug: String,
    name: String,
    description: String,
    categories: BTreeSet<String>,
    attributes: BTreeMap<String, Value>,
    variants: Vec<LumaVariant>,
}

struct LumaVariant {
    sku: String,
    /// US cents: regular, and reduced where it is.
    cents: (u32, u32),
    pieces: u32,
    image: Option<String>,
    /// Values by option.
    options: BTreeMap<String, String>,
}

fn cents(dollars: &str) -> u32 {
    let (whole, rest) = dollars.split_once('.').unwrap_or((dollars, ""));
    let rest: String = format!("{rest}00").chars().take(2).collect();
    whole.parse::<u32>().unwrap() * 100 + rest.parse::<u32>().unwrap()
}

/// Minor units of a market, rounded half up, as a JSON number.
fn amount(cents: u32, rate: u32) -> f64 {
    f64::from((cents * rate + 50) / 100) / 100.0
}

fn hyphenated(text: &str) -> String {
    let lower = text.to_lowercase();
    let parts = lower.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}

/// What is left of HTML to read, without any white space: how blocks are set apart is not what is compared.
fn readable(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => inside = false,
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    let entities = [
        ("&nbsp;", " "),
        ("&bull;", "•"),
        ("&trade;", "™"),
        ("&reg;", "®"),
        ("&quot;", "\""),
        ("&lsquo;", "‘"),
        ("&rsquo;", "’"),
        ("&ldquo;", "“"),
        ("&rdquo;", "”"),
        ("&eacute;", "é"),
        ("&frac12;", "½"),
        ("&frac34;", "¾"),
        ("&frac14;", "¼"),
        ("&ndash;", "–"),
        ("&mdash;", "—"),
        ("&deg;", "°"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    for (entity, letter) in entities {
        text = text.replace(entity, letter);
    }
    text.split_whitespace().collect()
}

/// Codes and input types of attributes.
fn attributes(folder: &Path) -> BTreeMap<String, String> {
    let files = ["configurable/attributes.csv", "simple/attributes.csv"];
    let of = |row: &Row| (cell(row, "attribute_code").to_owned(), cell(row, "frontend_input").to_owned());
    files.iter().flat_map(|file| rows(&folder.join(file))).map(|row| of(&row)).collect()
}

/// What the product itself says of its attributes: lists and switches.
fn values(
    known: &BTreeMap<String, String>,
    texts: &BTreeMap<String, String>,
    separator: char,
) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    for (code, text) in texts.iter().filter(|(_, text)| !text.trim().is_empty()) {
        let value = match known.get(code).map(String::as_str) {
            Some("multiselect") => {
                let list: BTreeSet<&str> = text.split(separator).map(str::trim).filter(|it| !it.is_empty()).collect();
                json!(list)
            }
            Some("boolean") => json!(["Yes", "1"].contains(&text.as_str())),
            _ => continue,
        };
        values.insert(code.clone(), value);
    }
    values
}

fn stock(row: &Row) -> u32 {
    if ["", "1"].contains(&cell(row, "is_in_stock")) { cell(row, "qty").parse().unwrap() } else { 0 }
}

fn image(row: &Row) -> Option<String> {
    Some(cell(row, "base_image")).filter(|path| !path.is_empty()).map(|path| format!("{PICTURES}{path}"))
}

fn price(row: &Row, parent: Option<&Row>) -> (u32, u32) {
    let priced = [Some(row), parent].into_iter().flatten().find(|row| !cell(row, "price").is_empty()).unwrap();
    let regular = cents(cell(priced, "price"));
    let special = Some(cell(priced, "special_price")).filter(|text| !text.is_empty()).map(cents);
    (regular, special.map_or(regular, |special| special.min(regular)))
}

/// Everything that is for sale by itself.
fn luma(folder: &Path) -> Vec<Luma> {
    let known = attributes(folder);
    let table = rows(&folder.join("configurable/products.csv"));
    let by_sku: HashMap<&str, &Row> = table.iter().map(|row| (cell(row, "sku"), row)).collect();
    let mut products = Vec::new();
    for parent in table.iter().filter(|row| cell(row, "product_type") == "configurable") {
        assert_eq!((cell(parent, "product_online"), cell(parent, "visibility")), ("1", "Catalog, Search"));
        let own: BTreeMap<String, String> = cell(parent, "additional_attributes")
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(code, text)| (code.to_owned(), text.to_owned()))
            .collect();
        let variants = cell(parent, "configurable_variations").split('|').map(|variation| {
            let mut options: BTreeMap<String, String> = variation
                .split(',')
                .filter_map(|pair| pair.split_once('='))
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect();
            let sku = options.remove("sku").unwrap();
            let row = by_sku[sku.as_str()];
            let image = image(row).or_else(|| image(parent));
            LumaVariant { cents: price(row, Some(parent)), pieces: stock(row), image, options, sku }
        });
        let paths = cell(parent, "categories").split(',').filter(|path| *path != "Default Category");
        let slug = [cell(parent, "url_key"), cell(parent, "sku")].into_iter().find(|text| !text.is_empty()).unwrap();
        products.push(Luma {
            slug: hyphenated(slug),
            name: cell(parent, "name").to_owned(),
            description: cell(parent, "description").to_owned(),
            categories: paths.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect(),
            attributes: values(&known, &own, '|'),
            variants: variants.collect(),
        });
    }
    let names: BTreeSet<String> = ["configurable", "simple"]
        .iter()
        .flat_map(|part| rows(&folder.join(part).join("categories.csv")))
        .map(|row| cell(&row, "name").to_owned())
        .collect();
    for file in ["bags", "fitness_equipment", "fitness_equipment_ball", "fitness_equipment_strap", "watches"] {
        for row in rows(&folder.join(format!("simple/{file}.csv"))) {
            if cell(&row, "visibility") == "1" {
                continue;
            }
            let texts: BTreeMap<String, String> = row.clone();
            let variant = LumaVariant {
                sku: cell(&row, "sku").to_owned(),
                cents: price(&row, None),
                pieces: stock(&row),
                image: None,
                options: BTreeMap::new(),
            };
            let categories = cell(&row, "category").lines().map(str::trim).filter(|name| names.contains(*name));
            products.push(Luma {
                slug: hyphenated(cell(&row, "sku")),
                name: cell(&row, "name").to_owned(),
                description: cell(&row, "description").to_owned(),
                categories: categories.map(str::to_owned).collect(),
                attributes: values(&known, &texts, '\n'),
                variants: vec![variant],
            });
        }
    }
    products
}

/// A product as a store must hold it, in the shape of [`comparable`].
fn expected(product: &Luma, rule: &Rule) -> Map<String, Value> {
    let text = |text: &str| format!("{}{text}", rule.mark);
    let regular = |it: &LumaVariant| amount(it.cents.0, rule.rate);
    let reduced = |it: &LumaVariant| amount(it.cents.1, rule.rate);
    let variants = &product.variants;
    let for_sale = variants.iter().filter(|it| it.pieces > 0);
    let cheapest = for_sale.min_by_key(|it| it.cents.1).unwrap_or(&variants[0]);
    let pieces: u32 = variants.iter().map(|it| it.pieces).sum();
    let mut object = json!({
        "name": text(&product.name),
        "description": readable(&text(&product.description)),
        "url": format!("https://shop.example/{}/p/{}{}", rule.market, rule.slug, product.slug),
        "image": variants[0].image.clone().unwrap_or_else(|| "https://shop.example/no-image.png".to_owned()),
        "category_names": product.categories.iter().map(|name| text(name)).collect::<BTreeSet<_>>(),
        "sku": variants[0].sku,
        "price": reduced(cheapest),
        "list_price": regular(cheapest),
        "on_sale": reduced(cheapest) < regular(cheapest),
        "stock": f64::from(pieces),
        "in_stock": pieces > 0,
        "index": true,
        "variant_skus": variants.iter().map(|it| it.sku.as_str()).collect::<Vec<_>>(),
        "variant_prices": variants.iter().map(reduced).collect::<Vec<_>>(),
        "variant_list_prices": variants.iter().map(regular).collect::<Vec<_>>(),
        "variant_stocks": variants.iter().map(|it| f64::from(it.pieces)).collect::<Vec<_>>(),
        "variant_images": variants.iter().map(|it| it.image.clone().unwrap_or_default()).collect::<Vec<_>>(),
    });
    let object = object.as_object_mut().unwrap();
    for (code, value) in &product.attributes {
        // Clerk.io's own field of that name is one text.
        let value = match (code.as_str(), value) {
            ("gender", Value::Array(list)) => {
                json!(list.iter().map(|it| it.as_str().unwrap()).collect::<BTreeSet<_>>())
            }
            (_, value) => value.clone(),
        };
        object.insert(code.clone(), value);
    }
    let options: BTreeSet<&String> = variants.iter().flat_map(|it| it.options.keys()).collect();
    for option in &options {
        let distinct: BTreeSet<&String> = variants.iter().filter_map(|it| it.options.get(*option)).collect();
        object.insert((*option).clone(), json!(distinct));
    }
    if !options.is_empty() {
        let texts = variants.iter().map(|it| it.options.values().cloned().collect::<BTreeSet<_>>());
        object.insert("variant_options".to_owned(), json!(texts.collect::<Vec<_>>()));
    }
    object.clone()
}

/// What a store holds of a product, with lists that stand for sets sorted and ids of the platform left out.
fn comparable(product: &Value) -> Map<String, Value> {
    const IN_ORDER: [&str; 5] =
        ["variant_skus", "variant_prices", "variant_list_prices", "variant_stocks", "variant_images"];
    let number = |value: &Value| value.as_f64().map_or_else(|| value.clone(), |number| json!(number));
    let mut shown = Map::new();
    for (name, value) in product.as_object().unwrap() {
        let value = match (name.as_str(), value) {
            ("id" | "categories" | "variant_ids" | "created_at", _) => continue,
            ("description", text) => json!(readable(text.as_str().unwrap())),
            ("gender", text) => json!(text.as_str().unwrap().split(", ").collect::<BTreeSet<_>>()),
            ("variant_options", Value::Array(texts)) => {
                let parts =
                    |text: &Value| text.as_str().unwrap().split(" / ").map(str::to_owned).collect::<BTreeSet<_>>();
                json!(texts.iter().map(parts).collect::<Vec<_>>())
            }
            (name, Value::Array(list)) if IN_ORDER.contains(&name) => list.iter().map(number).collect(),
            (_, Value::Array(list)) => {
                let list: BTreeSet<&str> = list.iter().map(|it| it.as_str().unwrap()).collect();
                json!(list)
            }
            (_, value) => number(value),
        };
        shown.insert(name.clone(), value);
    }
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sellable_product_of_the_luma_shop_is_in_both_stores_as_its_files_say() {
    let Some(folder) = shared("magento-luma") else { return };
    let products = luma(&folder);
    assert_eq!((products.len(), products.iter().map(|it| it.variants.len()).sum::<usize>()), (179, 1879));
    let shop = Shop::data(folder).await;
    let process = shop.open().await;
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    for rule in &RULES {
        let store = shop.store(rule.market);
        let mut held: BTreeMap<String, Value> = store
            .products()
            .into_values()
            .map(|product| (product["url"].as_str().unwrap().to_owned(), product))
            .collect();
        let categories = store.categories();
        for product in &products {
            let expected = expected(product, rule);
            let found = held.remove(expected["url"].as_str().unwrap());
            let found = found.unwrap_or_else(|| panic!("{} is not in {}", product.slug, rule.market));
            let shown = comparable(&found);
            for name in expected.keys().chain(shown.keys()) {
                assert_eq!(shown.get(name), expected.get(name), "{name} of {} in {}", product.slug, rule.market);
            }
            // Ids of categories and their names tell the same.
            let named =
                found["categories"].as_array().unwrap().iter().map(|id| &categories[id.as_str().unwrap()]["name"]);
            assert_eq!(json!(named.collect::<Vec<_>>()), found["category_names"]);
            assert_eq!(found["variant_ids"].as_array().unwrap().len(), product.variants.len());
            assert!(found["created_at"].as_i64().unwrap() < 10_000_000_000, "seconds, not milliseconds");
        }
        assert_eq!(held.into_keys().collect::<Vec<_>>(), Vec::<String>::new(), "what is not sellable is absent");
        let tally = &pass.flows[rule.market].tally;
        assert_eq!((tally.in_sync, tally.mirror), (179 + categories.len() as u64, 179 + categories.len() as u64));
        assert_eq!(store.warnings(), BTreeMap::new());
    }
    assert_eq!((shop.forget_calls(), process.sync_full().await.converged(), shop.destination_calls()), ((), true, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_luma_demo_reports_its_flows_as_one_json_object() {
    let Some(folder) = shared("magento-luma") else { return };
    let ran = cartage(&["demo", "--once", "--json", "--data", &folder.display().to_string()]).await.ended(0);
    let report = ran.json();
    for flow in report["flows"].as_array().unwrap() {
        let count = |name: &str| flow[name].as_u64().unwrap_or_else(|| panic!("{name} of {flow}"));
        let states: u64 = ["in_sync", "pending", "waiting", "held", "filtered", "dead", "unread", "gone"]
            .into_iter()
            .map(count)
            .sum();
        assert_eq!((count("mirror"), &flow["converged"]), (states, &json!(true)));
        let kind = |name: &str| flow["kinds"][name]["in_sync"].as_u64().unwrap_or_else(|| panic!("{name} of {flow}"));
        assert_eq!(kind("product") + kind("category"), 211);
        assert!(kind("customer") > 0 && kind("order") > 0, "{flow}");
        assert_eq!(flow["flow"], json!(format!("clerk-{}", flow["market"].as_str().unwrap())));
    }
    assert_eq!(report["flows"].as_array().unwrap().len(), 2);
    for name in ["source_calls", "destination_calls", "seconds", "peak_rss_bytes"] {
        assert!(report[name].as_f64().unwrap() > 0.0, "{name} of {report}");
    }
}

// ── other shops ─────────────────────────────────────────────────────────────────────────────────────────────────────

fn read(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Syncs a data set twice; products and categories by market.
async fn counted(folder: &Path) -> BTreeMap<String, (usize, usize)> {
    let shop = Shop::data(folder.to_owned()).await;
    let process = shop.open().await;
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    let held = shop.held();
    for (market, [products, categories]) in &held {
        assert_eq!(pass.flows[market].tally.in_sync, (products.len() + categories.len()) as u64);
    }
    shop.forget_calls();
    assert!(process.sync_full().await.converged());
    assert_eq!(shop.destination_calls(), 0);
    held.into_iter().map(|(market, [products, categories])| (market, (products.len(), categories.len()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sunrise_shop_is_sold_where_it_has_prices_and_texts() {
    let Some(folder) = shared("commercetools-sunrise/small") else { return };
    let mut products: Vec<Vec<Row>> = Vec::new();
    for row in rows(&folder.join("products.csv")) {
        match products.last_mut() {
            Some(product) if cell(&row, "productType").is_empty() => product.push(row),
            _ => products.push(vec![row]),
        }
    }
    let categories = rows(&folder.join("categories.csv"));
    assert_eq!((products.len(), categories.len()), (27, 39));
    let found = counted(&folder).await;
    for (market, locale, currency, country) in
        [("de", "de", "EUR", "DE"), ("uk", "en", "EUR", "GB"), ("us", "en", "USD", "US")]
    {
        // Prices for everybody: of the currency, or of country and currency, for no group and no channel.
        let usable = [currency.to_owned(), format!("{country}-{currency}")];
        let priced = |row: &Row| {
            cell(row, "prices").split(';').filter_map(|price| price.trim().rsplit_once(' ')).any(|(scope, rest)| {
                usable.contains(&scope.to_owned()) && rest.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        let named = |row: &Row| !cell(row, &format!("name.{locale}")).is_empty();
        let expected = products.iter().filter(|product| named(&product[0]) && product.iter().any(priced)).count();
        let shown = categories.iter().filter(|row| named(row)).count();
        assert_eq!(found[market], (expected, shown), "{market}");
        assert!(expected > 20 && shown > 20, "{market}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_store_is_sold_in_three_currencies() {
    let Some(folder) = shared("commercelayer-demo-store") else { return };
    let list = |file: &str, key: &str| -> Vec<Value> {
        let whole = read(&folder.join(file));
        whole.as_array().or_else(|| whole[key].as_array()).unwrap().clone()
    };
    let products: BTreeSet<String> =
        list("products.json", "products").iter().map(|it| it["productCode"].as_str().unwrap().to_owned()).collect();
    let categories = list("taxons.json", "taxons").len();
    let found = counted(&folder).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["it", "uk", "us"]);
    assert_eq!(products.len(), 58);
    for (market, (sold, _)) in &found {
        assert_eq!(*sold, products.len(), "{market}");
    }
    // Every taxon is labelled in English; not all in Italian.
    assert_eq!((found["uk"].1, found["us"].1), (categories, categories));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_buy_tree_arrives_with_all_its_categories() {
    let Some(folder) = shared("bestbuy-categories") else { return };
    let entries = read(&folder.join("categories.json")).as_array().unwrap().len();
    assert_eq!(entries, 4584);
    let found = counted(&folder).await;
    // The tree has English names only.
    assert_eq!((found["de"], found["uk"]), ((0, 0), (0, entries)));
}
