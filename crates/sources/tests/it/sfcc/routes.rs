//! Both routes on the same instance: they give the same records, but for a list of differences.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next as Forth, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use contract::{Change, Demand, Next, Position, Source, source::Unread};
use model::{ItemKey, Kind, PriceEntry, Record, Stock, Supply};
use sandbox::{
    catalogue::{Catalogue, Options, generate},
    sfcc::{
        Client, Emulator, OCAPI_CLIENT, OCAPI_SECRET, SCAPI_CLIENT, SCAPI_SECRET, SLAS_CLIENT, SLAS_SECRET, Settings,
        SlasClient,
    },
    shop::Edit,
};
use serde_json::{Value, json};
use sources::sfcc::{Config, ScapiSecrets, Secrets, Sfcc};
use wire::Environment;

use crate::openapi::{self, Calls, assert_described};

/// What differs: a kind, a path in its records, and why. The guide and the capabilities name each.
const DIFFERENCES: [(Kind, &str, &str); 6] = [
    (Kind::Product, "slug", "the Products API does not have the page URL"),
    (Kind::Product, "attributes.min_order_quantity", "the Products API does not have it"),
    (Kind::Product, "attributes.step_quantity", "the Products API does not have it"),
    (Kind::Product, "variants.attributes.min_order_quantity", "the Products API does not have it"),
    (Kind::Product, "variants.attributes.step_quantity", "the Products API does not have it"),
    (Kind::Category, "slug", "the Catalogs API does not have the page URL"),
];
/// An instance with this catalogue.
struct Instance {
    emulator: Emulator,
    host: String,
    folder: tempfile::TempDir,
    way: Arc<Way>,
    calls: Calls,
}

/// What lies between the source and the emulator.
#[derive(Default)]
struct Way {
    /// A search of more products takes too long; 0: none does.
    most: AtomicU64,
    /// So many calls of SCAPI other than searches take too long.
    late: AtomicU64,
    /// How many products each search asked for, and whether it was answered.
    searches: Mutex<Vec<(u64, bool)>>,
}

async fn under_way(State(way): State<Arc<Way>>, request: Request, next: Forth) -> Response {
    let path = request.uri().path().to_owned();
    let too_late = || (StatusCode::GATEWAY_TIMEOUT, axum::Json(json!({ "title": "Gateway Timeout" }))).into_response();
    if !path.ends_with("/product-search") {
        let less = |left: u64| left.checked_sub(1).filter(|_| path.starts_with("/product/"));
        let is_late = way.late.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        return if is_late { too_late() } else { next.run(request).await };
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let limit = serde_json::from_slice::<Value>(&body).unwrap()["limit"].as_u64().unwrap();
    let most = way.most.load(Ordering::Relaxed);
    let in_time = most == 0 || limit <= most;
    way.searches.lock().unwrap().push((limit, in_time));
    if in_time {
        return next.run(Request::from_parts(parts, Body::from(body))).await;
    }
    too_late()
}

impl Instance {
    async fn of(catalogue: &Catalogue) -> Self {
        Self::with(catalogue, Settings::default()).await
    }

    async fn with(catalogue: &Catalogue, settings: Settings) -> Self {
        let emulator = Emulator::new(Settings { job_duration_ms: 0, ..settings });
        emulator.seed(catalogue).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let (way, calls) = (Arc::new(Way::default()), Calls::default());
        let router = calls.wrap(emulator.router()).layer(from_fn_with_state(Arc::clone(&way), under_way));
        tokio::spawn(sandbox::serve::serve(router, listener, std::future::pending()));
        Self { emulator, host, folder: tempfile::tempdir().unwrap(), way, calls }
    }

    /// Settings; those under `scapi` are added to what is there.
    fn config(&self, more: &Value) -> Config {
        let mut settings = json!({
            "host": "instance.example", "api_url": self.host, "retry_wait_milliseconds": 1, "attempts": 2,
            "token_url": format!("{}/dwsso/oauth2/access_token", self.host), "client_id": "env:ID",
            "client_secret": "env:SECRET",
        });
        let mut scapi = json!({
            "short_code": "kv7kzm78", "tenant": "zzte_053", "url": self.host, "client_id": "env:ID",
            "client_secret": "env:SECRET", "slas_client_id": "env:ID", "slas_client_secret": "env:SECRET",
        });
        let add = |to: &mut Value, more: &Value| to.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        if let Some(more) = more.get("scapi") {
            add(&mut scapi, more);
        }
        add(&mut settings, more);
        settings["scapi"] = scapi;
        let config: Config = serde_json::from_value(settings).unwrap();
        config.check().unwrap();
        config
    }

    /// Settings by which stock is that which sites show.
    fn stock_from_sites(&self) -> Value {
        let site = |id: String| {
            let list = self.emulator.inventory_list_id(&id).unwrap();
            (id, json!({ "inventory_list": list }))
        };
        let sites: serde_json::Map<String, Value> = self.emulator.site_ids().into_iter().map(site).collect();
        json!({ "scapi": { "stock": "sites" }, "sites": sites })
    }

    fn by_exports(&self) -> Sfcc {
        self.by_exports_with(&json!({}))
    }

    fn by_exports_with(&self, more: &Value) -> Sfcc {
        Sfcc::new(self.config(more), &secrets(), &Environment::machine(), self.folder.path()).unwrap()
    }

    fn by_apis(&self, demand: &Demand, more: &Value) -> Sfcc {
        let mut all = json!({ "route": "api" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let config = self.config(&all);
        Sfcc::by_apis(config, (&secrets(), &scapi_secrets()), demand, &Environment::machine()).unwrap()
    }
}

fn secrets() -> Secrets {
    Secrets { client_id: OCAPI_CLIENT.to_owned().into(), client_secret: OCAPI_SECRET.to_owned().into() }
}

fn scapi_secrets() -> ScapiSecrets {
    ScapiSecrets {
        client_id: SCAPI_CLIENT.to_owned().into(),
        client_secret: SCAPI_SECRET.to_owned().into(),
        slas_client_id: SLAS_CLIENT.to_owned().into(),
        slas_client_secret: SLAS_SECRET.to_owned().into(),
    }
}

/// All records by kind and id.
type Records = BTreeMap<(Kind, String), Record>;

async fn read(source: &Sfcc) -> Records {
    let mut records = Records::new();
    for lane in source.lanes() {
        let mut position = Position::Full;
        loop {
            let page = source.page(&lane, &position).await.unwrap();
            let unread: Vec<&Unread> = page.unread.iter().collect();
            assert!(unread.is_empty(), "{unread:?}");
            for change in page.changes {
                let Change::Is { record, .. } = change else { panic!("{change:?}") };
                assert!(lane.reads(record.kind()), "{} brings {record:?}", lane.name);
                records.insert((record.kind(), record.id().to_string()), record);
            }
            position = match page.next {
                // The job ends at once.
                Next::Within(token) | Next::Later(token, _) => Position::Within(token),
                Next::End(_) => break,
                Next::Everything => panic!("the walk was over everything"),
            };
        }
    }
    records
}

/// Paths at which two values differ. An element of a list that has a name is compared with the one of that name.
fn differences(left: &Value, right: &Value, path: &str, found: &mut BTreeSet<String>) {
    let named = |value: &Value| -> Option<BTreeMap<String, Value>> {
        let rows = value.as_array()?.iter();
        rows.map(|row| Some((row.get("name").or(row.get("id"))?.as_str()?.to_owned(), row.clone()))).collect()
    };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (left, right) {
        (Value::Object(one), Value::Object(other)) => {
            for name in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
                let of = |members: &serde_json::Map<String, Value>| members.get(name).cloned().unwrap_or_default();
                differences(&of(one), &of(other), &below(name), found);
            }
        }
        (Value::Array(one), Value::Array(other)) => match (named(left), named(right)) {
            (Some(one), Some(other)) if !(one.is_empty() && other.is_empty()) => {
                for name in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
                    let of = |rows: &BTreeMap<String, Value>| rows.get(name).cloned().unwrap_or_default();
                    let is_variant = path.ends_with("variants");
                    differences(&of(&one), &of(&other), &if is_variant { path.to_owned() } else { below(name) }, found);
                }
            }
            _ if one == other => {}
            _ => {
                found.insert(path.to_owned());
            }
        },
        _ if left == right => {}
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// What one piece of a variant costs in a book, with what more costs less: its own price, else its product's.
fn priced(records: &Records) -> BTreeMap<(String, String), Value> {
    let now = Environment::machine().now();
    let entries = records.values().filter_map(|record| match record {
        Record::Price(entry) if entry.active && entry.price.window.contains(now) => Some(entry),
        _ => None,
    });
    let mut of_items: BTreeMap<(String, String), &PriceEntry> = BTreeMap::new();
    for entry in entries {
        let ItemKey::Sku(sku) = &entry.item else { panic!("{entry:?}") };
        let key = (entry.book.as_ref().unwrap().to_string(), sku.to_string());
        let known = of_items.entry(key).or_insert(entry);
        if known.price.window.from < entry.price.window.from {
            *known = entry;
        }
    }
    let books: BTreeSet<String> = of_items.keys().map(|(book, _)| book.clone()).collect();
    let mut all = BTreeMap::new();
    for record in records.values() {
        let Record::Product(product) = record else { continue };
        for variant in &product.variants {
            let sku = variant.sku.as_ref().unwrap().to_string();
            let own = books.iter().any(|book| of_items.contains_key(&(book.clone(), sku.clone())));
            let head = product.sku.as_ref().filter(|_| !own).map_or_else(|| sku.clone(), ToString::to_string);
            for book in &books {
                if let Some(entry) = of_items.get(&(book.clone(), head.clone())) {
                    let (value, tiers) = (&entry.price.value, &entry.price.tiers);
                    all.insert(
                        (book.clone(), sku.clone()),
                        json!({ "value": value, "tiers": tiers, "tax": entry.price.tax }),
                    );
                }
            }
        }
    }
    all
}

/// Variants that a site shows whose prices are read.
fn shown(records: &Records) -> BTreeSet<String> {
    let now = Environment::machine().now();
    let products = records.values().filter_map(|record| match record {
        Record::Product(product) => Some(product),
        _ => None,
    });
    let is_assigned =
        |id: &str| records.keys().any(|(kind, of)| *kind == Kind::Assignment && of.ends_with(&format!("/{id}")));
    let sites: Vec<_> =
        records.keys().filter(|(kind, _)| *kind == Kind::Storefront).map(|(_, id)| id.as_str().into()).collect();
    let on = products.filter(|it| is_assigned(it.id.as_str()));
    on.flat_map(|product| {
        let is_on = |variant: &model::Variant| {
            sites
                .iter()
                .any(|site| product.online.in_store(Some(site)).at(now) && variant.online.in_store(Some(site)).at(now))
        };
        product
            .variants
            .iter()
            .filter(move |it| is_on(it))
            .map(|it| it.sku.as_ref().unwrap().to_string())
            .collect::<Vec<_>>()
    })
    .collect()
}

/// Reads an instance by both routes; returns which of the known differences there are.
async fn compare(catalogue: &Catalogue) -> BTreeSet<(Kind, &'static str)> {
    let instance = Instance::of(catalogue).await;
    let currencies = catalogue.head.currencies.iter().map(|code| code.parse().unwrap());
    let demand = Demand { currencies: currencies.collect(), ..Demand::default() };
    let sites: Value = instance
        .emulator
        .site_ids()
        .into_iter()
        .map(|id| (id, json!({ "taxation": "gross" })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let (exported, asked) =
        (read(&instance.by_exports()).await, read(&instance.by_apis(&demand, &json!({ "sites": sites }))).await);
    let of_prices = [Kind::Price, Kind::Book];
    let ids = |records: &Records| {
        records.keys().filter(|(kind, _)| !of_prices.contains(kind)).cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(&exported), ids(&asked));
    let mut found: BTreeMap<(Kind, String), String> = BTreeMap::new();
    for (key, record) in exported.iter().filter(|((kind, _), _)| !of_prices.contains(kind)) {
        let of = |record: &Record| {
            serde_json::to_value(record).unwrap().as_object().unwrap().values().next().unwrap().clone()
        };
        let (left, right) = (of(record), of(&asked[key]));
        let mut paths = BTreeSet::new();
        differences(&left, &right, "", &mut paths);
        for path in paths {
            found.entry((key.0, path)).or_insert_with(|| format!("{}\n{left}\n{right}", key.1));
        }
    }
    let is_of = |known: &str, path: &str| path == known || path.starts_with(&format!("{known}."));
    let is_known =
        |(kind, path): &(Kind, String)| DIFFERENCES.iter().any(|(of, known, _)| of == kind && is_of(known, path));
    let new: Vec<_> = found.iter().filter(|(key, _)| !is_known(key)).collect();
    assert!(new.is_empty(), "{new:#?}");
    let (of_export, of_apis, shown) = (priced(&exported), priced(&asked), shown(&exported));
    assert!(of_apis.len() > 10);
    for (key, price) in &of_apis {
        assert_eq!(of_export.get(key), Some(price), "{key:?}");
    }
    for key in of_export.keys().filter(|(_, sku)| shown.contains(sku)) {
        assert!(of_apis.contains_key(key), "{key:?} is not among the prices of the APIs");
    }
    let is_there = |kind: Kind, known: &str| found.keys().any(|(of, path)| *of == kind && is_of(known, path));
    DIFFERENCES
        .into_iter()
        .filter(|(kind, known, _)| is_there(*kind, known))
        .map(|(kind, known, _)| (kind, known))
        .collect()
}

#[tokio::test]
async fn both_routes_give_the_same_records() {
    let several = |all: [&str; 3]| all.map(str::to_owned).to_vec();
    let (locales, currencies) = (several(["de", "en", "fr"]), several(["EUR", "GBP", "CHF"]));
    let found = compare(&generate(&Options { products: 60, locales, currencies, ..Options::default() })).await;
    assert_eq!(
        found,
        DIFFERENCES.map(|(kind, path, _)| (kind, path)).into(),
        "what does not differ any more is taken from the list"
    );
}

#[tokio::test]
async fn both_routes_give_the_same_records_of_a_real_catalogue() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/magento-luma");
    if !folder.is_dir() {
        println!("skipped: the catalogue is not here");
        return;
    }
    compare(&sandbox::catalogue::load(&folder).unwrap().catalogue).await;
}

#[tokio::test]
async fn what_is_asked_and_answered_is_described() {
    let Some(descriptions) = openapi::sfcc() else { return };
    let instance = Instance::of(&generate(&Options { products: 30, ..Options::default() })).await;
    // Tokens of Account Manager and files have no description.
    let operations = || {
        let calls = instance.calls.take(&["/s/-/", "/product/", "/shopper/"]);
        let refused: Vec<u16> = calls.iter().map(|call| call.status).filter(|status| *status >= 400).collect();
        (assert_described(&descriptions, &calls), refused)
    };
    // Stock by what sites show has calls of its own.
    let source = instance.by_apis(&in_euros(), &instance.stock_from_sites());
    source.check().await;
    read(&source).await;
    let source = instance.by_apis(&in_euros(), &json!({}));
    source.check().await;
    read(&source).await;
    let refs = ["p-000001", "none"].map(|id| contract::Ref { kind: Kind::Product, id: id.into() });
    source.fetch(&refs).await.unwrap();
    let (asked, refused) = operations();
    assert_eq!((asked.len(), refused), (11, Vec::new()), "{asked:#?}");
    let named =
        json!({ "catalogs": ["master-catalog", "storefront-catalog"], "inventory_lists": ["inventory-warehouse-de"] });
    let source = instance.by_exports_with(&named);
    source.check().await;
    read(&source).await;
    let (asked, refused) = operations();
    // The check looks whether it may see executions at one that there is not.
    assert_eq!((asked.len(), refused), (5, vec![404]), "{asked:#?}");
}

/// What can be sold from each list, by list and SKU; none: without an end.
fn stocked(records: &Records) -> BTreeMap<(String, String), Option<i64>> {
    let mut all = BTreeMap::new();
    for record in records.values() {
        if let Record::Stock(Stock { item: ItemKey::Sku(sku), level, .. }) = record {
            let pieces = (level.supply == Supply::Limited).then_some(level.available);
            all.insert((level.channel.as_ref().unwrap().to_string(), sku.to_string()), pieces);
        }
    }
    all
}

#[tokio::test]
async fn stock_that_sites_show_is_that_of_their_lists() {
    // The client of OCAPI may not read inventory lists.
    let mut few = Client::ocapi(OCAPI_CLIENT, OCAPI_SECRET);
    few.data
        .as_mut()
        .unwrap()
        .as_array_mut()
        .unwrap()
        .retain(|it| !it["resource_id"].as_str().unwrap().starts_with("/inventory_lists"));
    let settings = Settings { clients: vec![few, Client::scapi(SCAPI_CLIENT, SCAPI_SECRET)], ..Settings::default() };
    let instance = Instance::with(&generate(&Options { products: 60, ..Options::default() }), settings).await;
    let source = instance.by_apis(&in_euros(), &instance.stock_from_sites());
    let found = source.check().await;
    assert!(found.iter().all(|it| it.result.is_ok()), "{found:?}");
    assert!(found.iter().any(|it| it.what == "stock of site de"), "{found:?}");
    let exported = read(&instance.by_exports()).await;
    let (lists, sites) = (stocked(&exported), stocked(&read(&source).await));
    assert!(sites.len() > 50 && sites.values().any(Option::is_some), "{}", sites.len());
    for (key, pieces) in &sites {
        // A record that says nothing of a product is none, and nothing can be sold of it.
        assert_eq!(lists.get(key).copied().unwrap_or(Some(0)), *pieces, "{key:?}");
    }
    let shown = shown(&exported);
    let lists_of_sites: BTreeSet<&String> = sites.keys().map(|(list, _)| list).collect();
    assert_eq!(lists_of_sites.len(), 2, "{lists_of_sites:?}");
    // Some are shown on one site alone.
    let of_sites: BTreeSet<&String> = sites.keys().map(|(_, sku)| sku).collect();
    for sku in lists.keys().map(|(_, sku)| sku).filter(|sku| shown.contains(*sku)) {
        assert!(of_sites.contains(sku), "{sku} is not among what sites show");
    }
}

#[tokio::test]
async fn stock_of_sites_needs_their_lists() {
    let instance = Instance::of(&generate(&Options { products: 1, ..Options::default() })).await;
    let mut settings = json!({
        "host": "instance.example", "route": "api", "client_id": "env:ID", "client_secret": "env:SECRET",
        "scapi": {
            "short_code": "kv7kzm78", "tenant": "zzte_053", "client_id": "env:ID", "client_secret": "env:SECRET",
            "slas_client_id": "env:ID", "slas_client_secret": "env:SECRET", "stock": "sites",
        },
    });
    for (sites, is_right) in [
        (json!({}), false),
        (json!({ "de": { "inventory_list": "a" }, "uk": {} }), false),
        (instance.stock_from_sites()["sites"].clone(), true),
    ] {
        settings["sites"] = sites;
        let config: Config = serde_json::from_value(settings.clone()).unwrap();
        assert_eq!(config.check().is_ok(), is_right, "{settings}");
    }
}

/// A demand of prices in euros.
fn in_euros() -> Demand {
    Demand { currencies: ["EUR".parse().unwrap()].into(), ..Demand::default() }
}

#[tokio::test]
async fn what_changed_is_found_by_its_time() {
    let instance = Instance::of(&generate(&Options { products: 30, ..Options::default() })).await;
    let source = instance.by_apis(&in_euros(), &json!({}));
    let lane = source.lanes().into_iter().find(|lane| lane.name == "products").unwrap();
    assert!(lane.delta && !lane.needed);
    let mut position = Position::Full;
    let end = loop {
        position = match source.page(&lane, &position).await.unwrap().next {
            Next::Within(token) => Position::Within(token),
            Next::End(token) => break token,
            Next::Later(..) | Next::Everything => panic!("there is nothing to wait for"),
        };
    };
    let products = async |position: &Position| -> Vec<String> {
        let page = source.page(&lane, position).await.unwrap();
        let ids = page.changes.iter().filter_map(|change| match change {
            Change::Is { record: Record::Product(it), .. } => Some(it.id.to_string()),
            _ => None,
        });
        assert!(matches!(page.next, Next::End(_)));
        ids.collect()
    };
    let delta = Position::Delta(end);
    assert_eq!(products(&delta).await, Vec::<String>::new());
    let edit = Edit::Name { product: "p-000001".to_owned(), locale: "en".to_owned(), text: "New".to_owned() };
    instance.emulator.edit(edit).unwrap();
    assert_eq!(products(&delta).await, ["p-000001"]);
    let refs = ["p-000001", "none"].map(|id| contract::Ref { kind: Kind::Product, id: id.into() });
    let fetched = source.fetch(&refs).await.unwrap().changes;
    assert_eq!(fetched.len(), 2);
    assert!(fetched.iter().any(|it| matches!(it, Change::Gone { id, .. } if id.as_str() == "none")));
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_asked_for_fewer_products() {
    let instance = Instance::of(&generate(&Options { products: 40, ..Options::default() })).await;
    let source = instance.by_apis(&in_euros(), &json!({}));
    let whole = read(&source).await;
    instance.way.most.store(30, Ordering::Relaxed);
    instance.way.searches.lock().unwrap().clear();
    assert_eq!(read(&source).await, whole);
    let searches = instance.way.searches.lock().unwrap().clone();
    let late = searches.iter().filter(|(_, in_time)| !in_time).count();
    assert!(late > 0 && late * 3 < searches.len(), "{searches:?}");
    assert!(searches.iter().all(|(limit, _)| *limit <= 100), "{searches:?}");
}

#[tokio::test]
async fn a_call_that_can_not_ask_for_less_is_made_once_more_where_it_took_too_long() {
    let instance = Instance::of(&generate(&Options { products: 10, ..Options::default() })).await;
    let source = instance.by_apis(&in_euros(), &json!({}));
    let whole = read(&source).await;
    instance.way.late.store(1, Ordering::Relaxed);
    assert_eq!(read(&source).await, whole);
    assert_eq!(instance.way.late.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_check_names_each_right_that_is_missing() {
    let goods = generate(&Options { products: 3, ..Options::default() });
    let found = async |settings: Settings| -> BTreeMap<String, Result<String, String>> {
        let instance = Instance::with(&goods, settings).await;
        let found = instance.by_apis(&in_euros(), &json!({})).check().await;
        let shown = found.into_iter().map(|finding| {
            let result = finding.result.map_err(|fault| format!("{} {}", fault.code, fault.hint.unwrap_or_default()));
            (finding.what, result)
        });
        shown.collect()
    };
    let all = found(Settings::default()).await;
    assert!(all.values().all(Result::is_ok), "{all:#?}");
    assert_eq!(all["prices of site de"], Ok("in EUR".to_owned()));
    assert_eq!(all["permission /sites"], Ok("de, uk".to_owned()));
    let wrong = |all: &BTreeMap<String, Result<String, String>>| -> Vec<String> {
        all.iter().filter(|(_, result)| result.is_err()).map(|(what, _)| what.clone()).collect()
    };

    let few = Client { scopes: vec!["sfcc.products".to_owned()], ..Client::scapi(SCAPI_CLIENT, SCAPI_SECRET) };
    let settings = Settings { clients: vec![Client::ocapi(OCAPI_CLIENT, OCAPI_SECRET), few], ..Settings::default() };
    let all = found(settings).await;
    assert!(all["scope sfcc.products"].is_ok());
    assert_eq!(wrong(&all), ["catalogs", "products", "scope sfcc.catalogs"]);

    let mut few = Client::ocapi(OCAPI_CLIENT, OCAPI_SECRET);
    let resources = few.data.as_mut().unwrap().as_array_mut().unwrap();
    resources.retain(|it| it["resource_id"] != "/inventory_lists/**");
    let settings = Settings { clients: vec![few, Client::scapi(SCAPI_CLIENT, SCAPI_SECRET)], ..Settings::default() };
    let all = found(settings).await;
    assert_eq!(wrong(&all), ["permission /inventory_lists/*/product_inventory_records"]);
    let hint = all["permission /inventory_lists/*/product_inventory_records"].as_ref().unwrap_err();
    assert!(hint.contains("give the client get on /inventory_lists/*/product_inventory_records"), "{hint}");

    let few = SlasClient {
        scopes: vec!["sfcc.shopper-categories".to_owned()],
        ..SlasClient::catalogue(SLAS_CLIENT, SLAS_SECRET)
    };
    let all = found(Settings { slas: vec![few], ..Settings::default() }).await;
    assert_eq!(wrong(&all), ["prices of site de", "prices of site uk"]);
    let hint = all["prices of site de"].as_ref().unwrap_err();
    assert!(hint.starts_with("C0202") && hint.contains("sfcc.shopper-products"), "{hint}");

    let all = found(Settings { slas: vec![SlasClient::catalogue(SLAS_CLIENT, "other")], ..Settings::default() }).await;
    assert!(all["prices of site de"].as_ref().unwrap_err().starts_with("C0307"), "{all:#?}");
}
