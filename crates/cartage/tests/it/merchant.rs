//! Product data feeds, as an importer fetches and reads them.

use std::collections::BTreeMap;

use axum::{Router, body::Body, extract::Request, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cartage::commands::demo::{Goods, Platform, Service};
use sandbox::{
    catalogue::{Options, generate},
    commercetools::{Change, PriceScope},
};
use tower::ServiceExt as _;

use crate::{
    crash,
    feeds::edges,
    harness::{MARKETS, Process, Shop},
    matrix,
    shelf::{Shelf, Sold, agree},
};

pub(crate) const PASSWORD: &str = "a-password-of-the-test";
const GOOGLE: &str = "http://base.google.com/ns/1.0";

/// A shop with a merchant feed for each market beside its Clerk.io stores.
async fn shop(products: usize) -> Shop {
    let shop = Shop::uniform(products).await;
    let password = shop.write("password", PASSWORD);
    let destination = format!(
        "[destinations.merchant]\nkind = \"merchant\"\nshop_url = \"https://shop.example\"\npassword = \"file:{}\"\n",
        password.display()
    );
    let flow = |market: &str| {
        format!("[flows.merchant-{market}]\nsource = \"shop\"\ndestination = \"merchant\"\nmarket = \"{market}\"\n")
    };
    let extra = MARKETS.iter().fold(destination, |text, market| text + &flow(market));
    shop.configure(&extra);
    shop
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub(crate) async fn fetch(edges: &Router, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    edges.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

pub(crate) async fn text(response: Response) -> String {
    assert_eq!(response.status().as_u16(), 200);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

pub(crate) async fn feed(process: &Process, path: &str) -> String {
    text(fetch(&edges(process), path, &[("authorization", &basic("feed", PASSWORD))]).await).await
}

pub(crate) type Items = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// The items of an RSS feed by id, as an XML reader sees them.
pub(crate) fn read_rss(xml: &str) -> Items {
    let document = roxmltree::Document::parse(xml).unwrap();
    let rss = document.root_element();
    assert_eq!((rss.tag_name().name(), rss.attribute("version")), ("rss", Some("2.0")));
    let channel = rss.first_element_child().unwrap();
    for name in ["title", "link", "description"] {
        assert!(channel.children().any(|child| child.has_tag_name(name)), "{name}");
    }
    let mut items = Items::new();
    for item in channel.children().filter(|child| child.has_tag_name("item")) {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for field in item.children().filter(roxmltree::Node::is_element) {
            assert_eq!(field.tag_name().namespace(), Some(GOOGLE));
            let texts = fields.entry(field.tag_name().name().to_owned()).or_default();
            texts.push(field.text().unwrap_or_default().to_owned());
        }
        let id = fields["id"][0].clone();
        assert!(items.insert(id, fields).is_none(), "an item stands there twice");
    }
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_of_a_market_holds_every_variant_that_its_store_holds() {
    let shop = shop(30).await;
    let process = shop.open().await;
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    for (market, currency) in [("de", "EUR"), ("uk", "GBP")] {
        let items = read_rss(&feed(&process, &format!("/feed/merchant-{market}/products.xml")).await);
        let mut expected = BTreeMap::new();
        for (id, product) in shop.store(market).products() {
            let list = |name: &str| product[name].as_array().unwrap().clone();
            let several = list("variant_skus").len() > 1;
            for (place, sku) in list("variant_skus").iter().enumerate() {
                let money = |name: &str| format!("{:.2} {currency}", list(name)[place].as_f64().unwrap());
                let (price, list_price) = (money("variant_prices"), money("variant_list_prices"));
                let in_stock = list("variant_stocks")[place].as_i64().unwrap() > 0;
                let known = (
                    list_price.clone(),
                    (price != list_price).then_some(price),
                    if in_stock { "in_stock" } else { "out_of_stock" },
                    product["url"].as_str().unwrap().to_owned(),
                    several.then(|| id.clone()),
                );
                expected.insert(sku.as_str().unwrap().to_owned(), known);
            }
        }
        assert!(expected.len() > 30, "{}", expected.len());
        let one = |item: &BTreeMap<String, Vec<String>>, name: &str| item.get(name).map(|texts| texts[0].clone());
        let seen: BTreeMap<_, _> = items
            .iter()
            .map(|(id, item)| {
                let availability = if item["availability"] == ["in_stock"] { "in_stock" } else { "out_of_stock" };
                let page = item["link"][0].clone();
                (
                    id.clone(),
                    (item["price"][0].clone(), one(item, "sale_price"), availability, page, one(item, "item_group_id")),
                )
            })
            .collect();
        assert_eq!(seen, expected, "{market}");
        for item in items.values() {
            assert!(item["title"][0].chars().count() <= 150 && !item["description"][0].contains('<'));
            assert!(item["image_link"][0].starts_with("https://"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_hold_the_same_items() {
    let shop = shop(12).await;
    let process = shop.open().await;
    assert!(process.sync().await.converged());
    let items = read_rss(&feed(&process, "/feed/merchant-de/products.xml").await);
    let tsv = feed(&process, "/feed/merchant-de/products.tsv").await;
    let mut lines = tsv.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let mut rows = 0;
    for row in lines {
        assert_eq!(row.len(), names.len());
        let item = &items[row[0]];
        for (name, cell) in names.iter().zip(&row) {
            let values = item.get(*name).cloned().unwrap_or_default();
            assert_eq!(&cell.trim_matches('"').replace("\"\"", "\""), &values.join(","), "{name} of {}", row[0]);
        }
        rows += 1;
    }
    assert_eq!(rows, items.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_given_to_whoever_knows_user_and_password() {
    let shop = shop(2).await;
    let process = shop.open().await;
    assert!(process.sync().await.converged());
    let edges = edges(&process);
    let path = "/feed/merchant-de/products.xml";
    let bearer = basic("feed", PASSWORD).replace("Basic", "Bearer");
    for header in [None, Some(basic("feed", "wrong")), Some(basic("other", PASSWORD)), Some(bearer)] {
        let headers: Vec<_> = header.iter().map(|value| ("authorization", value.as_str())).collect();
        let refused = fetch(&edges, path, &headers).await;
        assert_eq!(refused.status().as_u16(), 401, "{headers:?}");
        assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    }
    let lower = basic("feed", PASSWORD).replace("Basic", "basic");
    text(fetch(&edges, path, &[("authorization", &lower)]).await).await;
    let unknown = fetch(&edges, "/feed/merchant-de/categories.xml", &[("authorization", &lower)]).await;
    assert_eq!(unknown.status().as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_feed_is_not_given_again_and_a_changed_one_is() {
    let shop = shop(5).await;
    let process = shop.open().await;
    assert!(process.sync().await.converged());
    shop.age();
    let edges = edges(&process);
    let (path, known) = ("/feed/merchant-uk/products.xml", basic("feed", PASSWORD));
    let first = fetch(&edges, path, &[("authorization", &known)]).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let again = fetch(&edges, path, &[("authorization", &known), ("if-none-match", &tag)]).await;
    assert_eq!(again.status().as_u16(), 304);
    let other =
        fetch(&edges, "/feed/merchant-uk/products.tsv", &[("authorization", &known), ("if-none-match", &tag)]).await;
    assert_eq!(other.status().as_u16(), 200);

    let sku = shop.skus("p-000003")[0].clone();
    shop.change(Change::SetPrice { sku: sku.clone(), scope: PriceScope::of("GBP"), minor: 4242, discounted: None });
    assert!(process.sync().await.converged());
    let changed = fetch(&edges, path, &[("authorization", &known), ("if-none-match", &tag)]).await;
    assert_eq!(read_rss(&text(changed).await)[&sku]["price"], ["42.42 GBP"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_leaves_the_feed_and_what_can_t_be_made_any_more_stays_as_it_was() {
    let shop = shop(6).await;
    let process = shop.open().await;
    assert!(process.sync().await.converged());
    shop.age();
    let path = "/feed/merchant-de/products.xml";
    let mut expected = read_rss(&feed(&process, path).await);
    drop(process);
    for sku in shop.skus("p-000001") {
        assert!(expected.remove(&sku).is_some());
    }
    shop.change(Change::DeleteProduct { product: "p-000001".to_owned() });
    shop.configure(
        "[flows.merchant-de.fields]\nmpn = 'product.key == \"p-000002\" ? string(1 / (size(product.key) - 8)) : null'\n",
    );
    let process = shop.open().await;
    let pass = process.sync_full().await;
    let flow = &pass.flows["de"];
    assert_eq!((flow.flow.as_str(), flow.tally.dead), ("merchant-de", 1), "{pass:?}");
    assert_eq!(read_rss(&feed(&process, path).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_the_feed_comes_to_hold_what_clerk_holds() {
    let goods = Goods::new(generate(&Options { products: 60, ..Options::default() }), Options::default().markets());
    let shop = Shop::serve(Platform::Commercetools, goods, &[Service::Clerk, Service::Merchant]).await;
    crash::for_trial(&shop, &["merchant-de", "merchant-uk"]);
    crash::trial(&shop, &shop.world.clerk_faults, (60, 15)).await;
    let process = shop.open().await;
    for market in &shop.world.markets {
        // A feed has two decimals at most.
        let cents = |amount: f64| (amount * 100.0).round() / 100.0;
        let rounded = |(sku, mut sold): (String, Sold)| {
            sold.prices = (cents(sold.prices.0), cents(sold.prices.1));
            (sku, sold)
        };
        let held: Shelf = matrix::clerk(&shop, market).into_iter().map(rounded).collect();
        assert!(held.len() > 50, "{}", held.len());
        agree("Merchant feed", &matrix::merchant(&process, market).await, &held);
    }
}
