//! Modular projects: variants are records of their own, and all prices standalone ones.

use std::{collections::BTreeMap, sync::Arc};

use axum::{extract::Request, middleware::Next, response::Response};
use contract::{Change, Position, Ref, Source, Token};
use model::{Kind, ProductId, Record, RecordId, Variant, VariantEntry};
use sandbox::commercetools::{CatalogModel, Change as Act, Emulator, PriceScope, Settings};
use serde_json::{Value, json};
use sources::commercetools::Commercetools;

use super::{
    emulator::{Mirror, Shop, everything, product_keys, published},
    platform, source, walk,
};

fn modular() -> Settings {
    Settings { catalog_model: CatalogModel::Modular, messages_enabled: true, ..Settings::default() }
}

fn entries(mirror: &Mirror) -> impl Iterator<Item = &VariantEntry> {
    mirror.0.values().filter_map(|it| if let Record::Variant(it) = it { Some(it) } else { None })
}

/// SKUs of the product with this key whose variants have some, the first one first.
fn skus(mirror: &Mirror, id: &RecordId) -> Vec<String> {
    let mut of: Vec<&VariantEntry> = entries(mirror).filter(|it| is_of(it, id)).collect();
    of.sort_by_key(|it| it.position);
    of.into_iter().filter_map(|it| Some(it.variant.sku.as_ref()?.to_string())).collect()
}

fn is_of(entry: &VariantEntry, id: &RecordId) -> bool {
    entry.product.as_ref().is_some_and(|product| product.as_str() == id.as_str())
}

fn id(shop: &Shop, key: &str) -> RecordId {
    shop.emulator.product(key).unwrap()["id"].as_str().unwrap().into()
}

/// Variants by product, as one project or the other gives them, without the prices that a Classic one may hold in them.
fn variants(mirror: &Mirror) -> BTreeMap<ProductId, Vec<Variant>> {
    let mut all: BTreeMap<ProductId, Vec<(i64, Variant)>> = BTreeMap::new();
    for record in mirror.0.values() {
        match record {
            Record::Product(it) => {
                let own = it.variants.iter().map(|own| (own.id.as_str().parse().unwrap(), own.clone()));
                all.entry(it.id.clone()).or_default().extend(own);
            }
            Record::Variant(it) => {
                all.entry(it.product.clone().unwrap()).or_default().push((it.position, it.variant.clone()));
            }
            _ => {}
        }
    }
    let sorted = |(product, mut list): (ProductId, Vec<(i64, Variant)>)| {
        list.sort_by_key(|(number, _)| *number);
        (product, list.into_iter().map(|(_, variant)| Variant { prices: Vec::new(), ..variant }).collect())
    };
    all.into_iter().map(sorted).collect()
}

#[tokio::test]
async fn a_modular_project_gives_the_variants_that_a_classic_one_gives_inside_products() {
    let classic = Shop::open(90, Settings::default()).await;
    let shop = Shop::open(90, modular()).await;
    let (whole, parts) = (everything(&classic.source(json!({}))).await, everything(&shop.source(json!({}))).await);
    assert_eq!(product_keys(&parts), published(&shop));
    assert!(parts.count(Kind::Variant) > 2 * parts.count(Kind::Product));
    assert_eq!(variants(&parts), variants(&whole));
    assert!(parts.0.values().all(|it| !matches!(it, Record::Product(it) if !it.variants.is_empty())));
    assert!(parts.count(Kind::Price) > whole.count(Kind::Price));
    for kind in [Kind::Stock, Kind::Category, Kind::Selection, Kind::Assignment, Kind::Storefront] {
        assert_eq!(parts.count(kind), whole.count(kind), "{kind}");
    }
    let small = shop.source(json!({ "page_size": { "first_products": 7, "products": 13, "others": 11 } }));
    assert_eq!(everything(&small).await, parts);
}

/// A hub that has read everything, and where its lanes stand.
struct Reading {
    source: Commercetools,
    mirror: Mirror,
    ends: BTreeMap<String, Token>,
}

impl Reading {
    async fn begin(shop: &Shop) -> Self {
        let source = shop.source(json!({}));
        let mut reading = Self { mirror: everything(&source).await, source, ends: BTreeMap::new() };
        reading.changes().await;
        shop.wait(600_000);
        assert_eq!(reading.changes().await, Vec::<(String, Kind)>::new());
        shop.wait(600_000);
        reading
    }

    /// What changed since the last time: lane and kind of each change, deletions with a `-` before the lane.
    async fn changes(&mut self) -> Vec<(String, Kind)> {
        let mut all = Vec::new();
        for lane in self.source.lanes().into_iter().filter(|lane| lane.delta) {
            let from = self.ends.get(&*lane.name).cloned().map_or(Position::Full, Position::Delta);
            let is_first = from == Position::Full;
            let walked = walk(&self.source, &lane.name, from).await.unwrap();
            self.mirror.take(&walked);
            if !is_first {
                all.extend(walked.changes.iter().map(|change| match change {
                    Change::Is { record, .. } => (lane.name.to_string(), record.kind()),
                    Change::Gone { kind, .. } => (format!("-{}", lane.name), *kind),
                }));
            }
            self.ends.insert(lane.name.into_owned(), walked.end);
        }
        all
    }
}

#[tokio::test]
async fn a_change_of_a_variant_is_one_change() {
    let shop = Shop::open(40, modular()).await;
    let mut reading = Reading::begin(&shop).await;
    let keys: Vec<String> = published(&shop).into_iter().collect();
    let of = skus(&reading.mirror, &id(&shop, &keys[2]));
    let (first, second) = (of[0].clone(), of[1].clone());
    let own = |text: &str| text.to_owned();
    let one = |lane: &str, kind: Kind| vec![(lane.to_owned(), kind)];
    let added = || own("added-1");
    for (act, expected) in [
        (
            Act::SetAttribute { sku: first.clone(), name: own("gtin"), value: json!("4711") },
            one("products", Kind::Variant),
        ),
        (
            Act::SetPrice { sku: first.clone(), scope: PriceScope::of("EUR"), minor: 4711, discounted: None },
            one("standalone_prices", Kind::Price),
        ),
        (Act::AddVariant { product: keys[3].clone(), sku: added() }, one("products", Kind::Variant)),
        (Act::SetSku { sku: added(), to: own("moved-1") }, one("products", Kind::Variant)),
        (Act::SetMainVariant { sku: second.clone() }, one("products", Kind::Product)),
        (Act::RemoveVariant { sku: own("moved-1") }, one("-deletions", Kind::Variant)),
    ] {
        shop.act(act.clone());
        shop.wait(61_000);
        assert_eq!(reading.changes().await, expected, "{act:?}");
        // What is read back over is the same once more.
        shop.wait(600_000);
        drop(reading.changes().await);
        shop.wait(600_000);
    }
    let changed =
        entries(&reading.mirror).find(|it| it.variant.sku.as_ref().is_some_and(|it| it.as_str() == first)).unwrap();
    assert_eq!(changed.variant.gtin.as_deref(), Some("4711"));
    let named =
        entries(&reading.mirror).find(|it| it.variant.sku.as_ref().is_some_and(|it| it.as_str() == second)).unwrap();
    let product = reading.mirror.0.get(&(Kind::Product, id(&shop, &keys[2])));
    assert!(matches!(product, Some(Record::Product(it)) if it.main_variant.as_ref() == Some(&named.id)), "{product:?}");
    assert_eq!(reading.mirror, everything(&reading.source).await);
}

#[tokio::test]
async fn what_is_no_longer_published_is_gone_with_the_next_changes() {
    let shop = Shop::open(30, Settings { messages_enabled: false, ..modular() }).await;
    let mut reading = Reading::begin(&shop).await;
    let keys: Vec<String> = published(&shop).into_iter().collect();
    let (product, other) = (id(&shop, &keys[2]), id(&shop, &keys[4]));
    let of = skus(&reading.mirror, &product);
    shop.act(Act::SetVariantPublished { sku: of[1].clone(), published: false });
    shop.wait(61_000);
    assert_eq!(reading.changes().await, [("-products".to_owned(), Kind::Variant)]);
    assert_eq!(skus(&reading.mirror, &product).len(), of.len() - 1);
    shop.wait(1_200_000);
    drop(reading.changes().await);
    let count = entries(&reading.mirror).filter(|it| is_of(it, &other)).count();
    shop.wait(1_200_000);
    shop.act(Act::Unpublish { product: keys[4].clone() });
    shop.wait(61_000);
    let gone = reading.changes().await;
    assert_eq!(gone.iter().filter(|(lane, _)| lane == "-products").count(), count + 1, "{gone:?}");
    assert_eq!(product_keys(&reading.mirror), published(&shop));
    // Shown again, they come again.
    shop.act(Act::Publish { product: keys[4].clone() });
    shop.wait(61_000);
    drop(reading.changes().await);
    assert_eq!(reading.mirror, everything(&reading.source).await);
}

#[tokio::test]
async fn variants_are_read_by_id_as_they_are_now() {
    let shop = Shop::open(20, modular()).await;
    let reading = Reading::begin(&shop).await;
    let keys: Vec<String> = published(&shop).into_iter().collect();
    let of = skus(&reading.mirror, &id(&shop, &keys[1]));
    let by_sku =
        |sku: &str| Ref { kind: Kind::Variant, id: shop.emulator.variant(sku).unwrap()["id"].as_str().unwrap().into() };
    let refs = [by_sku(&of[0]), by_sku(&of[1]), by_sku(&of[2])];
    shop.act(Act::SetSku { sku: of[0].clone(), to: of[0].clone() });
    shop.act(Act::SetVariantPublished { sku: of[1].clone(), published: false });
    shop.act(Act::RemoveVariant { sku: of[2].clone() });
    let fetched = reading.source.fetch(&refs).await.unwrap();
    let mut told: BTreeMap<RecordId, Option<u64>> = BTreeMap::new();
    for change in fetched.changes {
        let (id, version) = match change {
            Change::Is { record, version, .. } => (record.id(), Some(version)),
            Change::Gone { id, .. } => (id, None),
        };
        assert_eq!(told.insert(id, version), None, "a record comes once");
    }
    assert_eq!(refs.map(|it| told[&it.id]), [Some(2), None, None]);
}

/// A server in front of the project that spoils the variants with this SKU.
async fn spoiling(emulator: &Emulator, sku: &str) -> String {
    let sku: Arc<str> = sku.into();
    let spoil = move |request: Request, next: Next| {
        let sku = Arc::clone(&sku);
        async move {
            let is_meant = request.uri().path().ends_with("/variants");
            let response: Response = next.run(request).await;
            if !is_meant {
                return response;
            }
            platform::each_row(response, "results", |row| {
                if row["current"]["sku"].as_str() == Some(&*sku) {
                    row["current"] = json!("unreadable");
                }
            })
            .await
        }
    };
    let router = emulator.router().layer(axum::middleware::from_fn(spoil));
    sandbox::serve::Port::free().await.unwrap().serve(router)
}

#[tokio::test]
async fn a_variant_that_can_not_be_read_is_unread_and_not_gone_and_others_are_read() {
    let shop = Shop::open(20, modular()).await;
    let whole = everything(&shop.source(json!({}))).await;
    let keys: Vec<String> = published(&shop).into_iter().collect();
    let sku = skus(&whole, &id(&shop, &keys[1]))[0].clone();
    let spoiled = shop.emulator.variant(&sku).unwrap()["id"].as_str().unwrap().to_owned();
    let source = source(&spoiling(&shop.emulator, &sku).await, json!({ "compressed": false }));
    let walked = walk(&source, "products", Position::Full).await.unwrap();
    let unread: Vec<_> = walked.unread.iter().map(|it| (it.kind, it.id.as_ref().unwrap().as_str())).collect();
    assert_eq!(unread, [(Kind::Variant, spoiled.as_str())]);
    let read = walked.changes.iter().filter(|it| matches!(it, Change::Is { .. })).count();
    assert_eq!(read, whole.count(Kind::Product) + whole.count(Kind::Variant) - 1);
    assert!(!walked.changes.iter().any(|it| matches!(it, Change::Gone { .. })));
    let asked = Ref { kind: Kind::Variant, id: spoiled.as_str().into() };
    let fetched = source.fetch(&[asked]).await.unwrap();
    assert_eq!((fetched.changes.len(), fetched.unread.len()), (0, 1));
}

#[tokio::test]
async fn a_project_that_became_modular_is_read_anew_by_the_next_changes() {
    let classic = Shop::open(30, Settings::default()).await;
    let shop = Shop::open(30, modular()).await;
    let before = walk(&classic.source(json!({})), "products", Position::Full).await.unwrap();
    let source = shop.source(json!({}));
    shop.wait(86_400_000);
    let after = walk(&source, "products", Position::Delta(before.end.clone())).await.unwrap();
    let mut mirror = Mirror::default();
    mirror.take(&before);
    mirror.take(&after);
    let whole = walk(&source, "products", Position::Full).await.unwrap();
    let mut expected = Mirror::default();
    expected.take(&whole);
    assert_eq!(mirror, expected);
    // From there on, only changes are read; and back again everything.
    let calm = walk(&source, "products", Position::Delta(after.end.clone())).await.unwrap();
    assert!(calm.changes.is_empty());
    let back = walk(&classic.source(json!({})), "products", Position::Delta(after.end)).await.unwrap();
    assert_eq!(back.changes.len(), before.changes.len());
}

#[tokio::test]
async fn variants_come_before_products_so_that_none_is_seen_without_them() {
    let shop = Shop::open(20, modular()).await;
    let source = shop.source(json!({ "page_size": { "first_products": 5, "products": 5 } }));
    let walked = walk(&source, "products", Position::Full).await.unwrap();
    let kind = |it: &Change| match it {
        Change::Is { record, .. } => record.kind(),
        Change::Gone { kind, .. } => *kind,
    };
    let kinds: Vec<Kind> = walked.changes.iter().map(kind).collect();
    let first_product = kinds.iter().position(|kind| *kind == Kind::Product).unwrap();
    assert!(kinds[first_product..].iter().all(|kind| *kind == Kind::Product) && first_product > 20);
}

#[tokio::test]
async fn tailoring_names_variants_by_their_number() {
    let shop = Shop::open(20, modular()).await;
    let key = published(&shop).into_iter().nth(1).unwrap();
    let store = shop.emulator.store_keys()[0].clone();
    let images = json!([{ "url": "https://cdn.shop.example/here.jpg", "dimensions": { "w": 1, "h": 1 } }]);
    let data: Value = json!({ "variants": [{ "id": 2, "images": images }] });
    shop.act(Act::Tailor { product: key.clone(), store, data, published: true });
    let mirror = everything(&shop.source(json!({ "lanes": { "tailoring": true } }))).await;
    let tailoring =
        mirror.0.values().find_map(|it| if let Record::Tailoring(it) = it { Some(it) } else { None }).unwrap();
    let of = id(&shop, &key);
    let meant: Vec<_> =
        entries(&mirror).filter(|it| is_of(it, &of) && tailoring.images(&it.variant.id).is_some()).collect();
    assert_eq!(meant.iter().map(|it| it.position).collect::<Vec<_>>(), [2]);
}
