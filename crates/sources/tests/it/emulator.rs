//! Against the emulator, which was written separately from the same specification.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::Router;
use contract::{Change, Position, Ref, Source, source::Reach};
use model::{Kind, Record, RecordId};
use sandbox::{
    catalogue::{
        Catalogue, Product,
        generate::{Options, generate},
    },
    commercetools::{Change as Act, Emulator, PriceScope, Settings},
    fault::{FaultPlan, Faults},
};
use serde_json::{Value, json};
use sources::commercetools::Commercetools;

use super::{Walked, source, walk};
use crate::openapi::{self, Calls, assert_described};

/// 2026-05-01T10:00:00Z.
const START: i64 = 1_777_629_600_000;

pub(super) struct Shop {
    pub(super) emulator: Emulator,
    faults: Faults,
    clock: Arc<AtomicI64>,
    pub(super) host: String,
}

impl Shop {
    /// A shop of made-up products on a loopback port, with a clock that only moves when it is set.
    pub(super) async fn open(products: usize, settings: Settings) -> Self {
        Self::of(&generate(&Options { products, ..Options::default() }), settings).await
    }

    pub(super) async fn of(catalogue: &Catalogue, settings: Settings) -> Self {
        Self::wrapped(catalogue, settings, |router| router).await
    }

    async fn wrapped(catalogue: &Catalogue, settings: Settings, wrap: impl FnOnce(Router) -> Router) -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        let told = Arc::clone(&clock);
        let faults = Faults::with_clock(
            |status| json!({ "statusCode": status.as_u16(), "message": "injected", "errors": [] }),
            Arc::new(move || jiff::Timestamp::from_millisecond(told.load(Ordering::Relaxed)).unwrap()),
        );
        let emulator = Emulator::new(Settings {
            project_key: "shop".to_owned(),
            client_id: "client".to_owned(),
            client_secret: "very-secret".to_owned(),
            availability_lag_ms: 0,
            ..settings
        });
        emulator.set_clock(faults.clock());
        emulator.seed(catalogue).unwrap();
        let host = sandbox::serve::Port::free().await.unwrap().serve(wrap(faults.wrap(emulator.router())));
        let shop = Self { emulator, faults, clock, host };
        shop.wait(3_600_000);
        shop
    }

    pub(super) fn wait(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    pub(super) fn act(&self, act: Act) {
        self.emulator.change(act).unwrap();
    }

    pub(super) fn source(&self, settings: Value) -> Commercetools {
        source(&self.host, settings)
    }
}

/// A minimal mirror.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Mirror(pub(super) BTreeMap<(Kind, RecordId), Record>);

impl Mirror {
    pub(super) fn take(&mut self, walked: &Walked) {
        assert!(walked.unread.is_empty(), "{:?}", walked.unread);
        for change in &walked.changes {
            match change {
                Change::Is { record, .. } => drop(self.0.insert((record.kind(), record.id()), record.clone())),
                Change::Gone { kind, id, .. } => drop(self.0.remove(&(*kind, id.clone()))),
            }
        }
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.0.keys().filter(|(of, _)| *of == kind).count()
    }
}

pub(super) async fn everything(source: &Commercetools) -> Mirror {
    let mut mirror = Mirror::default();
    for lane in source.lanes() {
        mirror.take(&walk(source, &lane.name, Position::Full).await.unwrap());
    }
    mirror
}

pub(super) fn published(shop: &Shop) -> BTreeSet<String> {
    let keys = shop.emulator.product_keys();
    keys.into_iter().filter(|key| shop.emulator.product(key).unwrap()["masterData"]["published"] == true).collect()
}

pub(super) fn product_keys(mirror: &Mirror) -> BTreeSet<String> {
    mirror.0.values().filter_map(|it| if let Record::Product(it) = it { it.key.clone() } else { None }).collect()
}

#[tokio::test]
async fn a_whole_shop_is_read_whatever_the_page_size() {
    let shop = Shop::open(90, Settings::default()).await;
    let mirror = everything(&shop.source(json!({}))).await;
    assert_eq!(product_keys(&mirror), published(&shop));
    assert_eq!(mirror.count(Kind::Category), shop.emulator.category_keys().len());
    assert_eq!(mirror.count(Kind::Storefront), shop.emulator.store_keys().len());
    assert_eq!(mirror.count(Kind::Selection), shop.emulator.selection_keys().len());
    for kind in [Kind::ProductType, Kind::Stock, Kind::Channel, Kind::Assignment] {
        assert!(mirror.count(kind) > 0, "{kind}");
    }
    let small = shop.source(json!({ "page_size": { "first_products": 7, "products": 13, "others": 11 } }));
    assert_eq!(everything(&small).await, mirror);
}

#[tokio::test]
async fn changes_arrive_and_nothing_else_does() {
    let shop = Shop::open(60, Settings::default()).await;
    let source = shop.source(json!({}));
    let mut mirror = everything(&source).await;
    let mut ends = BTreeMap::new();
    for lane in source.lanes() {
        let end = walk(&source, &lane.name, Position::Full).await.unwrap().end;
        ends.insert(lane.name.into_owned(), end);
    }
    shop.wait(600_000);
    let calm = walk(&source, "products", Position::Delta(ends["products"].clone())).await.unwrap();
    assert!(calm.changes.is_empty(), "{:?}", calm.changes);
    shop.wait(600_000);

    let keys: Vec<String> = published(&shop).into_iter().collect();
    let sku = shop.emulator.product(&keys[3]).unwrap()["masterData"]["current"]["masterVariant"]["sku"].clone();
    let sku = sku.as_str().unwrap().to_owned();
    shop.act(Act::SetName { product: keys[0].clone(), locale: "de".into(), text: Some("Neuer Name".into()) });
    shop.act(Act::Unpublish { product: keys[1].clone() });
    shop.act(Act::SetStock { sku: sku.clone(), channel: None, quantity: 4711 });
    shop.act(Act::SetStandalonePrice { sku, scope: PriceScope::of("EUR"), minor: 999, discounted: None });
    let category = shop.emulator.category_keys()[0].clone();
    shop.act(Act::RenameCategory { category, locale: "de".into(), name: "Umbenannt".into() });

    for lane in ["categories", "standalone_prices", "inventory", "products"] {
        let delta = walk(&source, lane, Position::Delta(ends[lane].clone())).await.unwrap();
        assert!((1..=6).contains(&delta.changes.len()), "{lane}: {:?}", delta.changes);
        mirror.take(&delta);
    }
    assert_eq!(product_keys(&mirror), published(&shop));
    assert_eq!(mirror, everything(&source).await);
}

#[tokio::test]
async fn deletions_arrive_by_messages_where_they_are_on() {
    let shop = Shop::open(40, Settings { messages_enabled: true, ..Settings::default() }).await;
    let source = shop.source(json!({ "detect_unpublished": false }));
    let mut mirror = everything(&source).await;
    let end = walk(&source, "deletions", Position::Full).await.unwrap().end;
    shop.wait(600_000);
    let keys: Vec<String> = published(&shop).into_iter().collect();
    shop.act(Act::DeleteProduct { product: keys[0].clone() });
    shop.act(Act::Unpublish { product: keys[1].clone() });
    shop.wait(61_000);
    let deletions = walk(&source, "deletions", Position::Delta(end)).await.unwrap();
    assert_eq!(deletions.changes.len(), 2, "{:?}", deletions.changes);
    mirror.take(&deletions);
    assert_eq!(product_keys(&mirror), published(&shop));
}

#[tokio::test]
async fn without_messages_the_lane_of_deletions_is_empty_and_costs_nothing() {
    let shop = Shop::open(5, Settings::default()).await;
    let source = shop.source(json!({}));
    let first = walk(&source, "deletions", Position::Full).await.unwrap();
    assert!(first.changes.is_empty());
    let before = source.calls();
    drop(walk(&source, "deletions", Position::Delta(first.end)).await.unwrap());
    assert_eq!(source.calls(), before);
    let found = source.check().await;
    let messages = found.iter().find(|finding| finding.what == "messages").unwrap();
    assert!(messages.result.as_ref().unwrap().contains("switched off"));
}

#[tokio::test]
async fn a_shop_that_fails_one_call_in_four_is_read_all_the_same() {
    let shop = Shop::open(120, Settings::default()).await;
    let settings = json!({ "page_size": { "first_products": 20, "products": 20, "others": 50 }, "attempts": 10 });
    let calm = everything(&shop.source(settings.clone())).await;
    shop.faults
        .set(FaultPlan {
            error_rate: [(500, 0.04), (502, 0.04), (503, 0.04), (504, 0.04)].into(),
            throttle_rate: 0.03,
            reset_before_effect_rate: 0.03,
            truncate_rate: 0.03,
            html_error_rate: 0.03,
            seed: 7,
            ..FaultPlan::default()
        })
        .unwrap();
    assert_eq!(everything(&shop.source(settings)).await, calm);
}

#[tokio::test]
async fn stock_can_come_with_the_products() {
    let shop = Shop::open(30, Settings::default()).await;
    let source = shop.source(json!({ "stock_from": "products" }));
    assert!(source.lanes().iter().all(|lane| lane.name != "inventory"));
    let with_stock = |mirror: &Mirror| {
        let products = mirror.0.values().filter_map(|it| if let Record::Product(it) = it { Some(it) } else { None });
        products.flat_map(|it| &it.variants).filter(|variant| !variant.stock.is_empty()).count()
    };
    assert!(with_stock(&everything(&source).await) > 0);
    assert_eq!(with_stock(&everything(&shop.source(json!({}))).await), 0);
}

#[tokio::test]
async fn members_of_a_selection_can_be_paged_by_product() {
    let shop = Shop::open(60, Settings::default()).await;
    let sizes = json!({ "page_size": { "others": 7 } });
    let by_offset = walk(&shop.source(sizes.clone()), "stores", Position::Full).await.unwrap();
    let mut settings = sizes;
    settings["selection_paging"] = json!("keyset");
    let by_key = walk(&shop.source(settings), "stores", Position::Full).await.unwrap();
    let mut mirrors = [Mirror::default(), Mirror::default()];
    mirrors[0].take(&by_offset);
    mirrors[1].take(&by_key);
    assert_eq!(mirrors[0], mirrors[1]);
}

#[tokio::test]
async fn a_selection_with_more_products_than_offsets_reach_is_read_whole() {
    let mut settings = Settings::default();
    let sizes = json!({ "page_size": { "others": 7 } });
    let whole = everything(&Shop::open(60, settings.clone()).await.source(sizes.clone())).await;
    settings.limits.max_offset = 20;
    let limited = everything(&Shop::open(60, settings).await.source(sizes)).await;
    assert!(whole.count(Kind::Assignment) > 2 * 27, "{}", whole.count(Kind::Assignment));
    assert_eq!(limited, whole);
}

/// The size that `cartage demo --help` names.
#[tokio::test]
async fn the_selections_of_a_shop_of_20000_products_are_read() {
    // Only the selections count here: the products are as small as they can be.
    let mut catalogue = generate(&Options { products: 20_000, ..Options::default() });
    let mut template = (catalogue.products)().next().unwrap();
    template.variants.truncate(1);
    template.variants[0].sku = None;
    template.variants[0].prices.clear();
    template.variants[0].attributes.clear();
    template.attributes.clear();
    template.slug.clear();
    let numbered = move |index| Product { key: format!("p-{index:06}"), ..template.clone() };
    catalogue.products = Box::new(move || Box::new((0..20_000).map(numbered.clone())));
    let shop = Shop::of(&catalogue, Settings::default()).await;
    let mut mirror = Mirror::default();
    mirror.take(&walk(&shop.source(json!({})), "stores", Position::Full).await.unwrap());
    assert!(mirror.count(Kind::Assignment) > 10_500, "{}", mirror.count(Kind::Assignment));
}

#[tokio::test]
async fn pages_shrink_until_they_fit() {
    let mut settings = Settings::default();
    settings.limits.max_response_bytes = 64 << 10;
    let shop = Shop::open(80, settings).await;
    let mirror = everything(&shop.source(json!({ "page_size": { "first_products": 80 } }))).await;
    assert_eq!(product_keys(&mirror), published(&shop));
}

#[tokio::test]
async fn prices_finer_than_a_cent_arrive_with_both_amounts() {
    let shop = Shop::open(50, Settings::default()).await;
    let mirror = everything(&shop.source(json!({}))).await;
    let products = mirror.0.values().filter_map(|it| if let Record::Product(it) = it { Some(it) } else { None });
    let mut fine = 0;
    for price in products.flat_map(|it| &it.variants).flat_map(|it| &it.prices) {
        let Some(precise) = price.value.exact else { continue };
        let beyond = precise.units - price.value.minor * 100;
        assert!(precise.digits == 4 && beyond != 0 && beyond.abs() < 50, "{price:?}");
        fine += 1;
    }
    assert!(fine > 0);
}

#[tokio::test]
async fn what_is_asked_and_answered_is_described() {
    let Some(description) = openapi::commercetools() else { return };
    let (calls, key) = (Calls::default(), "p-000002");
    let emulated = Settings { messages_enabled: true, ..Settings::default() };
    let goods = generate(&Options { products: 50, ..Options::default() });
    let shop = Shop::wrapped(&goods, emulated, |router| calls.wrap(router)).await;
    let data = json!({ "name": { "de": "Nur hier" }, "slug": { "de": "nur-hier" } });
    let people = sandbox::people::generate(&sandbox::people::Options::default(), &goods);
    shop.emulator.seed_people(&people).unwrap();
    shop.act(Act::Tailor { product: key.to_owned(), store: "de".to_owned(), data, published: true });
    let id = shop.emulator.product(key).unwrap()["id"].as_str().unwrap().to_owned();
    for (paging, clouds) in [
        (
            "offset",
            json!({ "pubsub": { "project": "p", "topic": "t", "service_account": "a@b.example", "audience": "x" } }),
        ),
        ("keyset", json!({ "sns": { "topic_arn": "arn:aws:sns:eu-west-1:123456789012:t" } })),
    ] {
        let source = shop.source(json!({
            "lanes": { "customer_groups": true, "tailoring": true, "messages": true, "customers": true, "orders": true }, "selection_paging": paging,
            "page_size": { "first_products": 20, "products": 20, "others": 50 }, "webhooks": clouds,
        }));
        source.check().await;
        source.profile().await.unwrap();
        for lane in source.lanes() {
            let end = walk(&source, &lane.name, Position::Full).await.unwrap().end;
            shop.wait(600_000);
            shop.act(Act::SetName { product: key.to_owned(), locale: "de".into(), text: Some(lane.name.to_string()) });
            shop.act(Act::Unpublish { product: "p-000004".to_owned() });
            shop.act(Act::Publish { product: "p-000004".to_owned() });
            if lane.delta {
                walk(&source, &lane.name, Position::Delta(end)).await.unwrap();
            }
        }
        for kind in source.fetches() {
            source.fetch(&[Ref { kind: *kind, id: id.as_str().into() }]).await.unwrap();
        }
        let hooks = source.hooks().unwrap();
        for reach in [Reach::Look, Reach::Apply, Reach::Apply] {
            hooks.ensure("https://cartage.example/hooks/shop", None, reach).await.unwrap();
        }
    }
    // The host of tokens has no description.
    let calls = calls.take(&["/shop"]);
    let refused: BTreeSet<u16> = calls.iter().map(|call| call.status).filter(|status| *status >= 400).collect();
    // What there is not: the subscription before it is made.
    assert_eq!(refused, [404].into());
    let operations = assert_described(std::slice::from_ref(&description), &calls);
    assert!(operations.len() > 15, "{operations:#?}");
}
