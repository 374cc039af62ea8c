//! An emulated Salesforce B2C Commerce instance to emulated Clerk.io stores, end to end. The same shop on commercetools says
//! what each market sells: another connector, and another emulator.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use sandbox::{
    catalogue::Price,
    fault::Faults,
    serve::Port,
    sfcc::{
        Emulator, OCAPI_CLIENT, OCAPI_SECRET, SCAPI_CLIENT, SCAPI_SECRET, SLAS_CLIENT, SLAS_SECRET, Settings,
        fault_body,
    },
    shop::Edit,
};
use serde_json::Value;

use crate::harness::{MARKETS, Shop, catalogue};

/// What a market sells, by SKU: name of the product, price, price without discount, stock.
type Sold = BTreeMap<String, (Value, Value, Value, Value)>;

fn sold(shop: &Shop, market: &str) -> Sold {
    let mut sold = Sold::new();
    for product in shop.store(market).products().values() {
        let list = |name: &str| product[name].as_array().unwrap().clone();
        for (place, sku) in list("variant_skus").iter().enumerate() {
            let of = |name: &str| list(name)[place].clone();
            let known =
                (product["name"].clone(), of("variant_prices"), of("variant_list_prices"), of("variant_stocks"));
            assert!(sold.insert(sku.as_str().unwrap().to_owned(), known).is_none(), "{sku} stands there twice");
        }
    }
    sold
}

/// How the instance is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// By exports that take so many milliseconds.
    Exports(u64),
    Apis,
}

/// Has a shop read the instance that is here by its APIs rather than by exports.
pub(crate) fn read_by_apis(shop: &Shop, url: &str) {
    let secret = |name: &str, value: &str| format!("file:{}", shop.write(name, value).display());
    shop.set(&format!(
        "route = \"api\"\nscapi.short_code = \"kv7kzm78\"\nscapi.tenant = \"zzte_053\"\nscapi.url = {url:?}\n\
         scapi.client_id = {:?}\nscapi.client_secret = {:?}\nscapi.slas_client_id = {:?}\n\
         scapi.slas_client_secret = {:?}",
        secret("scapi-id", SCAPI_CLIENT),
        secret("scapi-secret", SCAPI_SECRET),
        secret("slas-id", SLAS_CLIENT),
        secret("slas-secret", SLAS_SECRET)
    ));
    // No API has page URLs.
    shop.replace("{slug}", "{id}");
}

/// Has the flows read an instance with the same catalogue, into a new database, `sfcc.db`; the instance and its faults.
pub(crate) async fn move_to_sfcc(shop: &Shop, products: usize, route: Route) -> (Emulator, Faults) {
    let mut settings = Settings::default();
    if let Route::Exports(milliseconds) = route {
        settings.job_duration_ms = milliseconds;
    }
    move_to(shop, products, route, settings).await
}

/// The same with an instance of these settings.
pub(crate) async fn move_to(shop: &Shop, products: usize, route: Route, settings: Settings) -> (Emulator, Faults) {
    let instance = Emulator::new(settings);
    let faults = Faults::new(fault_body);
    // The stock of this catalogue is in no warehouse: both sites sell from the main list.
    let goods = catalogue(products, |head, _| head.stores.iter_mut().for_each(|store| store.supply_channels.clear()));
    instance.seed(&goods).unwrap();
    let url = Port::free().await.unwrap().serve(faults.wrap(instance.router()));
    let (id, secret) = (shop.write("sfcc-id", OCAPI_CLIENT), shop.write("sfcc-secret", OCAPI_SECRET));
    let source = format!(
        "[sources.shop]\nkind = \"sfcc\"\nhost = \"zzte-053.dx.commercecloud.salesforce.com\"\napi_url = {url:?}\n\
         token_url = \"{url}/dwsso/oauth2/access_token\"\nclient_id = \"file:{}\"\nclient_secret = \"file:{}\"\n\
         export.poll_seconds = 3\n",
        id.display(),
        secret.display()
    );
    let sites = instance.site_ids();
    let mut text = String::new();
    let mut section = "";
    for line in fs::read_to_string(&shop.config).unwrap().lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = match name {
                _ if name.starts_with("sources.") => "source",
                _ if name.starts_with("markets.") => "market",
                _ => "",
            };
            if section == "source" {
                text.push_str(&source);
            }
        }
        let of_market = |name: &str| section == "market" && line.starts_with(name);
        if section == "source" || of_market("store ") || of_market("supply_channels ") {
            continue;
        }
        text.push_str(&line.replace("sandbox.db", "sfcc.db"));
        text.push('\n');
        if let Some(key) = line.strip_prefix("[markets.").and_then(|rest| rest.strip_suffix(']')) {
            let site = sites.iter().find(|site| *site == key).or(sites.first()).unwrap();
            text.extend(["store = \"", site, "\"\n"]);
        }
        if line.starts_with("[flows.") && line.ends_with(".fields]") {
            text.push_str("created_at = \"0\"\n");
        }
    }
    fs::write(&shop.config, text).unwrap();
    if route == Route::Apis {
        read_by_apis(shop, &url);
    }
    (instance, faults)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_market_sells_what_it_sells_from_commercetools() {
    const PRODUCTS: usize = 40;
    let shop = Shop::uniform(PRODUCTS).await;
    shop.cartage(&["sync"]).await.ended(0);
    let expected: Vec<Sold> = MARKETS.iter().map(|market| sold(&shop, market)).collect();
    let categories: Vec<usize> = MARKETS.iter().map(|market| shop.store(market).categories().len()).collect();
    assert!(expected.iter().all(|sold| sold.len() >= PRODUCTS) && categories.iter().all(|count| *count > 5));
    for market in MARKETS {
        shop.store(market).clear();
    }

    let (instance, _) = move_to_sfcc(&shop, PRODUCTS, Route::Exports(8_000)).await;
    // A check has no export made, which it could not wait for and would leave there.
    let checked = shop.cartage(&["check"]).await.ended(0);
    checked.says(&["source shop", "coverage of market de: not counted"]);
    assert_eq!(instance.executions(), 0);
    shop.cartage(&["sync"]).await.ended(0);
    for ((market, expected), categories) in MARKETS.iter().zip(&expected).zip(&categories) {
        let seen = sold(&shop, market);
        assert_eq!(seen.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{market}");
        for (sku, known) in expected {
            assert_eq!(&seen[sku], known, "{market} {sku}");
        }
        assert_eq!(shop.store(market).categories().len(), *categories, "{market}");
    }
    assert_eq!(instance.file_paths(), Vec::<String>::new(), "the archive is deleted once it is read");

    // Nothing has changed: what is read once more is not sent once more.
    shop.forget_calls();
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert_eq!(shop.destination_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_apis_give_what_its_exports_give() {
    const PRODUCTS: usize = 30;
    let shop = Shop::uniform(PRODUCTS).await;
    let sales = ["EUR", "GBP"].map(|currency| Edit::Price {
        product: "p-000003".to_owned(),
        sku: shop.skus("p-000003")[0].clone(),
        price: Price { minor: 5000, discounted: Some(4000), currency: currency.to_owned(), ..Price::default() },
    });
    for sale in &sales {
        shop.world.on.edit(sale.clone()).unwrap();
    }
    shop.cartage(&["sync"]).await.ended(0);
    let expected: Vec<Sold> = MARKETS.iter().map(|market| sold(&shop, market)).collect();
    assert!(expected.iter().all(|sold| sold.len() >= PRODUCTS));
    for market in MARKETS {
        shop.store(market).clear();
    }
    let (instance, _) = move_to_sfcc(&shop, PRODUCTS, Route::Apis).await;
    for sale in sales {
        instance.edit(sale).unwrap();
    }
    // Which book holds the price before a discount no API tells, so that the configuration does. A sale has one of its own.
    let books = instance.site_ids().into_iter().flat_map(|site| instance.price_book_ids(&site).into_iter().step_by(2));
    let books: Vec<String> = books.collect::<BTreeSet<_>>().into_iter().collect();
    shop.set(&format!("list_price_books = {books:?}"));
    shop.cartage(&["check"]).await.ended(0).says(&["scope sfcc.products", "prices of site", "have a name"]);
    shop.cartage(&["sync"]).await.ended(0);
    for (market, expected) in MARKETS.iter().zip(&expected) {
        assert_eq!(&sold(&shop, market), expected, "{market}");
        assert!(expected.values().any(|(_, price, before, _)| price != before), "{market}: nothing is reduced");
    }
    let calls = instance.counters();
    assert!(calls.keys().all(|endpoint| !endpoint.contains("jobs")), "{calls:?}");
    shop.forget_calls();
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert_eq!(shop.destination_calls(), 0);
}
