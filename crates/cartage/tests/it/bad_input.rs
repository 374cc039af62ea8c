//! Mistakes in a configuration are reported with place and remedy; bad data has its documented outcome, and other
//! records go on.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use sandbox::{
    catalogue::Localized,
    commercetools::{CatalogModel, Change, Emulator, PriceScope, Settings},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::harness::{MARKETS, Ran, Shop, catalogue, serve};

// ── the configuration ───────────────────────────────────────────────────────────────────────────────────────────────

/// Replaces `from` by `to`, and runs `cartage check`: it must end with 2 and name the line that has `mark`.
async fn refused(shop: &Shop, from: &str, to: &str, mark: &str) -> Ran {
    let before = fs::read_to_string(&shop.config).unwrap();
    shop.replace(from, to);
    let text = fs::read_to_string(&shop.config).unwrap();
    let line = text.lines().position(|line| line.contains(mark)).unwrap() + 1;
    let place = format!("cartage.toml:{line}:");
    let ran = shop.cartage(&["check"]).await.ended(2).says(&[&place, "hint: "]);
    fs::write(&shop.config, before).unwrap();
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn two_destinations_with_the_keys_of_one_store_are_refused() {
    let shop = Shop::uniform(1).await;
    for key in ["public", "private"] {
        shop.replace(&format!("sandbox-uk-{key}.secret"), &format!("sandbox-de-{key}.secret"));
    }
    shop.cartage(&["check"]).await.ended(2).says(&["error[C0811]", "clerk-de and clerk-uk", "cartage.toml:"]);
    shop.cartage(&["sync"]).await.ended(2).says(&["error[C0811]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_flows_into_one_store_are_refused_at_the_second() {
    let shop = Shop::uniform(1).await;
    shop.configure("[flows.second]\nsource = \"shop\"\ndestination = \"clerk-de\"\nmarket = \"uk\"");
    let says = ["error[C0811]", "flows clerk-de and second write to the same place", "would overwrite and remove"];
    shop.cartage(&["check"]).await.ended(2).says(&says);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_markets_are_refused_where_the_destination_takes_one() {
    let shop = Shop::uniform(1).await;
    shop.replace("market = \"de\"", "markets = [\"de\", \"uk\"]");
    shop.cartage(&["check"]).await.ended(2).says(&["error[C0812]", "markets = [\"de\", \"uk\"]"]);
    shop.replace("markets = [\"de\", \"uk\"]", "markets = [\"de\"]");
    shop.cartage(&["sync"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_the_configuration_are_reported_with_place_and_remedy() {
    let shop = Shop::uniform(1).await;
    shop.cartage(&["check"]).await.ended(0);
    let currency = "currency = \"EUR\"";
    refused(&shop, currency, "currency = ", "currency = ").await.says(&["error[C0802]", "quotes"]);
    refused(&shop, "[markets.de]", "[markets.de", "[markets.de").await.says(&["error[C0802]"]);
    refused(&shop, currency, "curency = \"EUR\"", "curency")
        .await
        .says(&["error[C0803]", "did you mean \"currency\"?"]);
    refused(&shop, "[sources.shop]", "[sources.shop]\nbatch = 3", "batch").await.says(&["error[C0803]", "batch"]);
    refused(&shop, currency, "currency = \"EURO\"", "EURO").await.says(&["error[C0809]", "did you mean \"EUR\"?"]);
    refused(&shop, currency, "currency = \"XYZ\"", "XYZ").await.says(&["error[C0809]", "\"XYZ\" is no currency"]);
    refused(&shop, "market = \"de\"", "market = \"fr\"", "market = \"fr\"").await.says(&["error[C0807]", "\"fr\""]);
    let lane = "[sources.shop.cadence]\nprodcts = \"5s\"\n\n[destinations.clerk-de]";
    refused(&shop, "[destinations.clerk-de]", lane, "prodcts").await.says(&[
        "error[C0803]",
        "did you mean \"products\"?",
        "product_types, channels",
    ]);
    let secret = "client_secret = \"file:";
    let ran = refused(&shop, secret, "client_secret = \"hunter2", "client_secret").await.says(&["error[C0806]"]);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_that_can_t_work_are_reported_when_they_are_loaded() {
    let shop = Shop::uniform(1).await;
    let section = "[flows.clerk-de.fields]\n";
    for (field, expected) in [
        ("colour = \"variant.attributes.color.\"", "C0511"),
        ("colour = \"produkt.name\"", "C0512"),
        ("colour = \"uper(product.name)\"", "C0513"),
        ("colour = \"product.nam\"", "C0514"),
        ("price = \"product.name\"", "C0516"),
        ("id = \"product.key\"", "C0515"),
    ] {
        refused(&shop, section, &format!("{section}{field}\n"), field).await.says(&[&format!("error[{expected}]")]);
    }
    // A valid one is used, as the store shows.
    shop.replace(section, &format!("{section}shout = \"product.name + '!'\"\n"));
    shop.cartage(&["sync"]).await.ended(0);
    let product = shop.store("de").products().into_values().next().unwrap();
    assert_eq!(product["shout"], json!(format!("{}!", product["name"].as_str().unwrap())));
    assert!(shop.store("uk").products().into_values().next().unwrap().get("shout").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_that_fails_on_one_product_sets_that_one_aside() {
    let shop = Shop::altered(20, |_, products| {
        let gtin = products[3].variants[0].attributes.iter_mut().find(|(name, _)| name == "gtin").unwrap();
        gtin.1 = sandbox::catalogue::Value::Text("none".to_owned());
    })
    .await;
    let section = "[flows.clerk-de.fields]\n";
    shop.replace(section, &format!("{section}ean = \"int(variant.attributes.gtin.value)\"\n"));
    shop.cartage(&["sync"]).await.ended(1).says(&["cartage dead list"]);
    let id = shop.id("p-000003");
    shop.cartage(&["dead", "show", &id]).await.ended(1).says(&["C0521", "ean", "hint: "]);
    assert_eq!((shop.store("de").products().len(), shop.store("uk").products().len()), (19, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_can_t_be_had_is_named_but_not_shown() {
    let shop = Shop::uniform(1).await;
    let text = fs::read_to_string(&shop.config).unwrap();
    let reference = text.lines().find(|line| line.starts_with("client_secret")).unwrap().to_owned();
    shop.replace(&reference, "client_secret = \"env:CARTAGE_TEST_NO_SUCH_SECRET\"");
    let missing = ["source shop", "client_secret", "the environment variable CARTAGE_TEST_NO_SUCH_SECRET is not set"];
    shop.cartage(&["check"]).await.ended(2).says(&missing).says(&["error[C0214]"]);
    shop.cartage(&["sync"]).await.ended(2).says(&missing);
    shop.replace("client_secret = \"env:CARTAGE_TEST_NO_SUCH_SECRET\"", "client_secret = \"file:/nowhere/secret\"");
    shop.cartage(&["check"]).await.ended(2).says(&["/nowhere/secret"]);
    shop.replace("client_secret = \"file:/nowhere/secret\"", &reference);
    shop.write("sandbox-de-private.secret", "\n");
    shop.cartage(&["check"]).await.ended(2).says(&["destination clerk-de", "private_key", "is empty"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_secrets_count_from_the_folder_of_the_configuration() {
    let shop = Shop::uniform(1).await;
    let folder = shop.config.parent().unwrap().display().to_string();
    // The tests run in another folder than that of the configuration.
    shop.replace(&format!("file:{folder}/"), "file:");
    let secret = fs::read_to_string(shop.config.with_file_name("sandbox-uk-public.secret")).unwrap();
    shop.write("sandbox-uk-public.secret", &format!("\u{feff}{secret}\r\n"));
    shop.cartage(&["check"]).await.ended(0);
    shop.cartage(&["sync"]).await.ended(0);
    shop.cartage(&["support-bundle"]).await.ended(0).says(&["file:sandbox-uk-public.secret (present)"]);
    shop.write("sandbox-uk-public.secret", "\u{feff}\n");
    let ran = shop.cartage(&["sync"]).await.ended(2).says(&["file:sandbox-uk-public.secret is empty"]);
    assert!(!ran.err.contains("environment variable"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_end_with_3_and_say_whose() {
    let shop = Shop::uniform(2).await;
    shop.write("sandbox-client-secret.secret", "guessed-wrong");
    let ran =
        shop.cartage(&["check"]).await.ended(3).says(&["source shop", "FAIL  credentials", "hint: ", "ok    keys"]);
    assert!(!format!("{}{}", ran.out, ran.err).contains("guessed-wrong"), "{ran:?}");
    let ran = shop.cartage(&["sync"]).await.ended(3).says(&["source shop", "C0307", "invalid_client", "client secret"]);
    assert!(!format!("{}{}", ran.out, ran.err).contains("guessed-wrong"), "{ran:?}");
    shop.write("sandbox-client-secret.secret", "sandbox-secret");
    shop.write("sandbox-uk-private.secret", "guessed-wrong");
    let ran = shop.cartage(&["check"]).await.ended(3).says(&["flow clerk-uk", "FAIL  private_key", "C0402", "hint: "]);
    assert!(!format!("{}{}", ran.out, ran.err).contains("guessed-wrong"), "{ran:?}");
    shop.cartage(&["sync", "--patience", "2"]).await.ended(3).says(&["flow clerk-uk stopped", "C0402"]);
    assert_eq!((shop.store("de").products().len(), shop.store("uk").products().len()), (2, 0));
}

/// Another project in place of the shop's.
async fn other_project(shop: &Shop, settings: Settings) {
    let emulator = Emulator::new(settings);
    emulator.seed(&catalogue(2, |_, _| {})).unwrap();
    shop.replace(&shop.world.shop_url, &serve(emulator.router()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_is_named_with_what_it_is_for() {
    let shop = Shop::uniform(1).await;
    let scopes = [
        "view_products",
        "view_product_types",
        "view_categories",
        "view_channels",
        "view_project_settings",
        "view_stores",
        "view_product_selections",
        "view_messages",
    ];
    let client_scopes = scopes.map(str::to_owned).to_vec();
    other_project(&shop, Settings { client_scopes, ..Settings::default() }).await;
    let missing = ["view_standalone_prices:sandbox", "standalone prices", "hint: "];
    shop.cartage(&["check"]).await.ended(3).says(&missing).says(&["C0202", "ok    credentials"]);
    let ran = shop.cartage(&["sync"]).await.ended(3);
    ran.says(&["source shop, lanes product_types, channels", "invalid_scope", "grant the API client the scopes"]);
    shop.configure("[sources.shop.lanes]\nstandalone_prices = false\n");
    shop.cartage(&["check"]).await.ended(0);
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(shop.store("de").products().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modular_project_is_refused_with_settings_that_would_read_it_as_empty() {
    let shop = Shop::uniform(1).await;
    other_project(&shop, Settings { catalog_model: CatalogModel::Modular, ..Settings::default() }).await;
    shop.cartage(&["check"]).await.ended(0).says(&["Modular: variants are records of their own"]);
    shop.configure("[sources.shop.lanes]\nstandalone_prices = false\n");
    shop.cartage(&["check"]).await.ended(2).says(&["C0203", "Modular", "standalone_prices = true"]);
    let checked = shop.destination_calls();
    shop.cartage(&["sync"]).await.ended(2).says(&["C0203", "Modular"]);
    assert_eq!(shop.destination_calls(), checked, "only the check asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_that_names_what_the_shop_does_not_have_pauses_with_a_list_of_what_it_has() {
    let shop = Shop::uniform(3).await;
    shop.replace("[markets.de]\n", "[markets.de]\nsupply_channels = [\"warehouse-fr\"]\n");
    shop.replace("[markets.uk]\n", "[markets.uk]\nstore = \"gb\"\n");
    let ran = shop.cartage(&["sync", "--patience", "2"]).await.ended(2);
    let ran = ran.says(&["flow clerk-de stopped", "C0501", "\"warehouse-fr\"", "warehouse-de, warehouse-uk"]);
    ran.says(&["flow clerk-uk stopped", "C0502", "\"gb\"", "de, uk"]);
    assert!(shop.held().values().all(|[products, _]| products.is_empty()));
}

// ── what the source sends ───────────────────────────────────────────────────────────────────────────────────────────

/// A change of the answers of `/product-projections`.
type Tampering = Arc<Mutex<Option<fn(&mut Value) -> Option<String>>>>;

/// Puts a proxy between Cartage and the shop that changes pages of products.
async fn tampered(shop: &Shop) -> Tampering {
    let tampering = Tampering::default();
    let (router, how) = (shop.world.shop.router(), Arc::clone(&tampering));
    let between = Router::new().fallback(move |request: Request| {
        let (router, how) = (router.clone(), *how.lock().unwrap());
        async move { tamper(router, request, how).await }
    });
    shop.replace(&shop.world.shop_url, &serve(between).await);
    tampering
}

async fn tamper(router: Router, request: Request, how: Option<fn(&mut Value) -> Option<String>>) -> Response {
    let is_meant = request.uri().path().ends_with("/product-projections");
    let mut request = request;
    request.headers_mut().remove(http::header::ACCEPT_ENCODING);
    let response = router.oneshot(request).await.unwrap();
    let Some(how) = how.filter(|_| is_meant) else { return response };
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let mut page: Value = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
    let text = how(&mut page).unwrap_or_else(|| page.to_string());
    Response::from_parts(parts, Body::from(text))
}

fn set(tampering: &Tampering, how: Option<fn(&mut Value) -> Option<String>>) {
    *tampering.lock().unwrap() = how;
}

/// Makes the product with this key unreadable.
fn spoil(page: &mut Value) -> Option<String> {
    for product in page["results"].as_array_mut().unwrap() {
        if product["key"] == json!("p-000005") {
            product["masterVariant"] = json!("what is this");
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_can_t_be_read_counts_as_unread_and_is_left_alone_and_its_neighbours_go_on() {
    let shop = Shop::uniform(30).await;
    let tampering = tampered(&shop).await;
    set(&tampering, Some(spoil));
    let ran = shop.cartage(&["sync"]).await.ended(1);
    ran.says(&["lane products: 1 records could not be understood", "cartage status", "clerk-de unread: 1"]);
    assert_eq!((shop.store("de").products().len(), shop.store("uk").products().len()), (29, 29));
    let id = shop.id("p-000005");
    shop.cartage(&["status"]).await.ended(1).says(&["not understood: product", &id, "C0206"]);
    let status = shop.cartage(&["status", "--json"]).await.ended(1).json();
    let unread = &status["sources"][0]["unread"][0];
    assert_eq!((&unread["id"], &unread["fault"]["code"]), (&json!(id), &json!("C0206")));
    for flow in status["flows"].as_array().unwrap() {
        assert_eq!((&flow["unread"], &flow["converged"]), (&json!(1), &json!(false)), "{flow}");
    }
    // A later pass that reads only changes must still report it.
    shop.cartage(&["sync"]).await.ended(1);
    shop.cartage(&["explain", &id]).await.ended(0).says(&["could not be understood", "C0206", "never understood"]);
    let plan = shop.cartage(&["plan", "--offline", "--json"]).await.ended(0).json();
    assert_eq!(plan[0]["unread"], json!(1));

    // Once readable, it is sent; unreadable again, its last form stays, and no sweep deletes it.
    set(&tampering, None);
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert_eq!(shop.store("de").products().len(), 30);
    let before = shop.held();
    set(&tampering, Some(spoil));
    shop.forget_calls();
    shop.cartage(&["sync", "--full"]).await.ended(1);
    assert_eq!((shop.held(), shop.destination_calls()), (before, 0));
    let journey = shop.cartage(&["explain", "p-000005", "--json"]).await.ended(0).json();
    assert_eq!(journey[0]["flows"][0]["verdict"], json!("unread"));
    assert_eq!(journey[0]["unread"]["fault"]["code"], json!("C0206"));
    shop.cartage(&["plan", "p-000005", "--offline"]).await.says(&["C0609"]);
    set(&tampering, None);
    shop.cartage(&["sync", "--full"]).await.ended(0);
    let status = shop.cartage(&["status", "--json"]).await.ended(0).json();
    assert_eq!(status["sources"][0]["unread"], json!([]));
}

/// Adds a price in an invalid currency to this product's main variant.
fn add_odd_price(page: &mut Value) -> Option<String> {
    for product in page["results"].as_array_mut().unwrap() {
        if product["key"] == json!("p-000005") {
            let prices = product["masterVariant"]["prices"].as_array_mut().unwrap();
            let mut odd = prices[0].clone();
            (odd["id"], odd["value"]["currencyCode"]) = (json!("odd"), json!("XBT"));
            prices.push(odd);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detail_that_is_left_out_is_reported_and_its_product_is_sent() {
    let shop = Shop::uniform(6).await;
    let tampering = tampered(&shop).await;
    set(&tampering, Some(add_odd_price));
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!((shop.store("de").products().len(), shop.store("uk").products().len()), (6, 6));
    let id = shop.id("p-000005");
    shop.cartage(&["status"]).await.ended(0).says(&[&format!("left out of product {id}: prices: "), "XBT"]);
    let status = shop.cartage(&["status", "--json"]).await.ended(0).json();
    assert_eq!(status["sources"][0]["noticed"][0]["id"], json!(id));
    shop.cartage(&["explain", "p-000005"]).await.ended(0).says(&["left out prices: ", "XBT", "in_sync"]);
    set(&tampering, None);
    shop.cartage(&["sync", "--full"]).await.ended(0);
    let status = shop.cartage(&["status", "--json"]).await.ended(0).json();
    assert_eq!(status["sources"][0]["noticed"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_destination_holds_of_an_unread_record_is_not_repaired_and_stays_in_the_feed() {
    let shop = Shop::uniform(30).await;
    let tampering = tampered(&shop).await;
    let process = shop.synced().await;
    let (edges, token) = (crate::feeds::edges(&process), crate::feeds::token(&shop, "de").await);
    let path = "/feed/clerk-de/products";
    assert_eq!(crate::feeds::get(&edges, "/readyz", None).await.0, 200);

    // Its last good form stands in for it, in the feed and in a comparison.
    set(&tampering, Some(spoil));
    process.sync_full().await;
    assert_eq!(crate::feeds::items(&edges, path, &token).await.len(), 30);
    let (status, _, body) = crate::feeds::get(&crate::feeds::edges(&process), "/readyz", None).await;
    assert!(status == 503 && body.contains("\"unread\":1"), "{status} {body}");
    drop((process, edges));
    shop.store("de").clear();
    let ran = shop.cartage(&["verify", "--repair", "--flow", "clerk-de"]).await.ended(1);
    ran.says(&["could not be understood when it was read last"]);
    let held = shop.store("de").products();
    assert!(held.len() == 29 && !held.contains_key(&shop.id("p-000005")), "{}", held.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_would_leave_out_an_unread_record_fails() {
    let shop = Shop::uniform(30).await;
    let tampering = tampered(&shop).await;
    set(&tampering, Some(spoil));
    let process = shop.open().await;
    process.sync().await;
    let (edges, token) = (crate::feeds::edges(&process), crate::feeds::token(&shop, "de").await);
    let (status, _, body) = crate::feeds::get(&edges, "/feed/clerk-de/products", Some(&token)).await;
    assert!(status == 503 && body.contains("C0610"), "{status} {body}");
    // Nothing is deleted for being absent from a feed of changes, nor from that of another kind.
    let changes = "/feed/clerk-de/products?modified_after=1";
    assert_eq!(crate::feeds::items(&edges, changes, &token).await.len(), 29);
    assert!(!crate::feeds::items(&edges, "/feed/clerk-de/categories", &token).await.is_empty());
    // Once it can be read, the feed is whole.
    set(&tampering, None);
    process.sync_full().await;
    assert_eq!(crate::feeds::items(&edges, "/feed/clerk-de/products", &token).await.len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_no_json_stops_its_lane_only_and_deletes_nothing() {
    let shop = Shop::uniform(30).await;
    shop.replace("[sources.shop]\n", "[sources.shop]\nretry_wait_milliseconds = 5\n");
    let tampering = tampered(&shop).await;
    shop.cartage(&["sync"]).await.ended(0);
    let before = shop.held();
    let (category, locale) = (shop.world.shop.category_keys()[0].clone(), "de".to_owned());
    for how in [
        (|page: &mut Value| Some(page.to_string().chars().take(200).collect())) as fn(&mut Value) -> Option<String>,
        |_| Some("<html><body>Wartung</body></html>".to_owned()),
        |_| Some("{\"results\":7}".to_owned()),
        |_| Some(String::new()),
    ] {
        set(&tampering, Some(how));
        let ran = shop.cartage(&["sync", "--full"]).await.ended(1);
        ran.says(&["source shop, lane products: error[C0207]", "hint: "]);
        assert_eq!(shop.held()["de"][0], before["de"][0]);
    }
    // The other lanes go on.
    shop.change(Change::RenameCategory { category, locale, name: "Umbenannt".to_owned() });
    shop.cartage(&["sync"]).await.ended(1);
    assert!(shop.store("de").categories().values().any(|category| category["name"] == json!("Umbenannt")));
    shop.cartage(&["status"]).await.says(&["is no page of records"]);
    set(&tampering, None);
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert_eq!(shop.store("de").products().len(), 30);
}

/// Right-to-left scripts, emoji of several code points, a combining mark, quotes and markup.
const SCRIPTS: &str = "חורף · شتاء \u{200f}🧥 👩🏽\u{200d}🚒 e\u{301} \"x\" \\ <b>";

#[tokio::test(flavor = "multi_thread")]
async fn odd_products_have_their_documented_outcome_and_their_neighbours_arrive() {
    let long = "Länge ".repeat(350_000);
    let text = long.clone();
    let shop = Shop::altered(20, move |_, products| {
        // No SKU anywhere; two products with one SKU; a hundred variants; two megabytes.
        for variant in &mut products[0].variants {
            variant.sku = None;
            variant.stock.clear();
        }
        let taken = products[1].variants[0].sku.clone();
        products[2].variants[0].sku = taken;
        products[2].variants[0].stock.clear();
        let first = products[3].variants[0].clone();
        products[3].variants = (0..100)
            .map(|number| {
                let mut variant = first.clone();
                variant.sku = Some(format!("many-{number}"));
                variant.prices[0].minor = 1000 + number;
                variant
            })
            .collect();
        products[4].description = Localized::from([("de".to_owned(), text)]);
        // Right to left, emoji, combining marks, quotes.
        products[5].name.insert("de".to_owned(), SCRIPTS.to_owned());
        // One text only.
        products[6].name.remove("en");
        products[7].name.clear();
        // No price anywhere; a price of nothing.
        for variant in &mut products[8].variants {
            variant.prices.clear();
        }
        for variant in &mut products[9].variants {
            variant.prices[0].minor = 0;
        }
    })
    .await;
    let process = shop.open().await;
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    let (de, uk) = (shop.store("de").products(), shop.store("uk").products());
    let held = |number: usize| de[&shop.id(&format!("p-{number:06}"))].clone();

    let product = held(0);
    assert!(product["variant_skus"].as_array().unwrap().iter().all(|sku| sku == ""), "{product}");
    assert!(product.get("sku").is_none());
    assert_eq!(product["variant_stocks"], json!([1, 1, 1, 1, 1]), "what has no SKU has no stock that could be counted");

    // Both have it, and the stock that is kept under it.
    assert_eq!(held(1)["variant_skus"][0], held(2)["variant_skus"][0]);
    assert_eq!(held(1)["variant_stocks"][0], held(2)["variant_stocks"][0]);

    let product = held(3);
    for list in ["variant_ids", "variant_skus", "variant_images", "variant_options", "variant_prices", "variant_stocks"]
    {
        assert_eq!(product[list].as_array().unwrap().len(), 100, "{list}");
    }
    assert_eq!((&product["price"], &product["variant_prices"][99]), (&json!(10.0), &json!(10.99)));

    assert_eq!(held(4)["description"].as_str().unwrap().trim(), long.trim());
    assert_eq!(held(5)["name"], json!(SCRIPTS));

    let rules = |market: &str| pass.flows[market].tally.rules.clone();
    assert_eq!(rules("de"), [("no_price".to_owned(), 1), ("no_text".to_owned(), 1)].into());
    assert_eq!(rules("uk"), [("no_price".to_owned(), 1), ("no_text".to_owned(), 2)].into());
    let sixth = shop.id("p-000006");
    assert!(de.contains_key(&sixth) && !uk.contains_key(&sixth));
    assert_eq!((&held(9)["price"], &held(9)["on_sale"]), (&json!(0.0), &json!(false)));
    assert_eq!((de.len(), uk.len()), (18, 17));

    // With another locale to fall back to, the text of that one is shown.
    drop(process);
    shop.replace("[markets.uk]\nlocale = \"en\"\n", "[markets.uk]\nlocale = \"en\"\nfallback = [\"de\"]\n");
    assert!(shop.open().await.sync().await.converged());
    assert_eq!(shop.store("uk").products()[&sixth]["name"], de[&sixth]["name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_below_zero_is_never_sent() {
    let shop = Shop::uniform(10).await;
    let process = shop.synced().await;
    let (skus, id) = (shop.skus("p-000003"), shop.id("p-000003"));
    let scope = PriceScope::of("EUR");
    for sku in skus {
        shop.change(Change::SetPrice { sku, scope: scope.clone(), minor: -500, discounted: None });
    }
    let pass = process.sync().await;
    let tally = &pass.flows["de"].tally;
    assert_eq!(
        (tally.rules.get("no_price"), tally.dead, pass.flows["uk"].tally.filtered),
        (Some(&1), 0, 0),
        "{tally:?}"
    );
    assert!(!shop.store("de").products().contains_key(&id));
    assert!(shop.store("uk").products().contains_key(&id));
    assert_eq!(shop.store("de").products().len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_variants_with_one_sku_can_t_be_items_of_their_own() {
    let shop = Shop::altered(10, |_, products| {
        let taken = products[2].variants[0].sku.clone();
        products[2].variants[1].sku = taken;
    })
    .await;
    for market in MARKETS {
        let section = format!("[destinations.clerk-{market}]\n");
        shop.replace(&section, &format!("{section}grain = \"variant\"\n"));
    }
    shop.cartage(&["sync"]).await.ended(1);
    let id = shop.id("p-000002");
    shop.cartage(&["dead", "show", &id]).await.ended(1).says(&[
        "error[C0412]",
        "two of its variants",
        "grain = \"product\"",
    ]);
    assert_eq!(shop.store("de").products().len(), 9 * 5);
    assert!(shop.store("de").products().values().all(|item| item["parent_id"] != json!(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn categories_that_hang_below_themselves_are_kept_out_and_their_products_stay() {
    let shop = Shop::altered(20, |head, products| {
        let ring: Vec<String> = head.categories.iter().take(3).map(|category| category.key.clone()).collect();
        for (at, parent) in [(0, 2), (1, 0), (2, 1)] {
            head.categories[at].parent = Some(ring[parent].clone());
        }
        products[0].categories = vec![ring[1].clone()];
    })
    .await;
    let process = shop.open().await;
    let pass = process.sync().await;
    assert!(pass.converged(), "{pass:?}");
    for market in MARKETS {
        assert_eq!(pass.flows[market].tally.rules, [("category_cycle".to_owned(), 3)].into());
        assert_eq!(shop.store(market).products().len(), 20);
        let categories = shop.store(market).categories();
        assert_eq!(categories.len(), shop.world.shop.category_keys().len() - 3);
        // No visible record refers to a hidden one.
        for category in categories.values() {
            let parent = category.get("parent").and_then(Value::as_str);
            assert!(parent.is_none_or(|parent| categories.contains_key(parent)), "{category}");
        }
    }
}
