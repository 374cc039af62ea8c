//! A change of any record that contributes to a listing touches its products: otherwise a destination keeps the old
//! listing.

use contract::{
    Change, Ledger as _, Mirror as _,
    destination::Ids,
    source::Urgency,
    store::{Declared, Intake, LaneState, Number, Revision},
};
use model::{
    Attribute, AttributeDefinition, AttributeType, Category, Channel, CustomerGroup, FlowName, Kind, Localized,
    Placement, PriceHome, Product, ProductType, Record, Value, Variant, VariantEntry,
};
use store::sqlite::{Options, Sqlite};

use super::build::*;

async fn intake(store: &Sqlite, version: u64, records: Vec<Record>) {
    let change = |record| Change::Is { record, version, modified_at: None };
    let intake = Intake {
        source: "shop".into(),
        lane: "any".to_owned(),
        lease: contract::store::Lease::default(),
        state: LaneState::default(),
        expected: None,
        as_of: NOW,
        fetched: false,
        confirm: Vec::new(),
        scopes: Vec::new(),
        hints: Vec::new(),
        changes: records.into_iter().map(change).collect(),
        unread: Vec::new(),
        pass: None,
        marks: false,
        urgency: Urgency::Live,
        at: NOW,
    };
    store.intake(intake).await.unwrap();
    let touch = contract::store::Touch { source: "shop".into(), lease: contract::store::Lease::default(), at: NOW };
    while store.spread(&touch, 100).await.unwrap() > 0 {}
}

async fn revision(store: &Sqlite) -> Revision {
    store.find(&"shop".into(), "p").await.unwrap().first().unwrap().revision
}

/// Declares a flow, so that products are carried.
async fn declare(store: &Sqlite, flow: &str) {
    let declared = Declared {
        flow: flow.into(),
        source: "shop".into(),
        account: String::new(),
        fingerprint: String::new(),
        carries: Kind::CATALOGUE.to_vec(),
        markets: Vec::new(),
        ids: Ids::Own,
        price_history: false,
    };
    store.declare(&declared).await.unwrap();
}

/// Whether the product is processed again when `before` becomes `after`.
async fn touches(attributes: Vec<Attribute>, before: Vec<Record>, after: Vec<Record>) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::with_options(&folder.path().join("cartage.db"), Options::default()).unwrap();
    declare(&store, "to").await;
    let variant = Variant { attributes, ..variant("S") };
    let mut product = product(vec![variant]);
    product.product_type = Some("outer".into());
    intake(&store, 1, before).await;
    intake(&store, 1, vec![Record::Product(Box::new(product))]).await;
    let stood = revision(&store).await;
    intake(&store, 2, after).await;
    revision(&store).await != stood
}

/// A product, a variant and a placement of it, each a record of its own.
fn in_parts() -> Vec<Record> {
    let parts = Product { price_home: PriceHome::Entries, ..product(Vec::new()) };
    let variant = Variant { sku: Some("S".into()), ..Variant::new("v") };
    let (product, position, notices) = (Some("p".into()), 0, Vec::new());
    let placed = Placement { category: "c".into(), product: "p".into(), position: None, primary: true };
    vec![
        Record::Product(Box::new(parts)),
        Record::Variant(VariantEntry { id: "v".into(), product, position, variant, notices }),
        Record::Placement(placed),
        Record::Category(category("c", None)),
    ]
}

#[tokio::test]
async fn what_a_part_hangs_on_reaches_its_product_and_is_joined_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::with_options(&folder.path().join("cartage.db"), Options::default()).unwrap();
    declare(&store, "flow").await;
    for record in in_parts() {
        intake(&store, 1, vec![record]).await;
    }
    let renamed = Category { name: texts(&[("de", "Hemden")]), ..category("c", None) };
    let stood = revision(&store).await;
    intake(&store, 2, vec![Record::Category(renamed)]).await;
    let placed = revision(&store).await;
    assert!(placed > stood, "a category that a placement names");
    intake(&store, 2, vec![stock("S", None, 4)]).await;
    let counted = revision(&store).await;
    assert!(counted > placed, "stock of a variant that is a record");
    let flow = FlowName::from("flow");
    let work = store.scan(&flow, Kind::Product, Number(0), 10).await.unwrap();
    let kinds: Vec<_> = work[0].joined().iter().map(Record::kind).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!([Kind::Variant, Kind::Placement, Kind::Stock].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
}

fn channel(id: &str, key: &str) -> Record {
    Record::Channel(Channel { id: id.into(), key: key.into(), name: Localized::empty(), untracked: None })
}

fn group(id: &str, key: &str) -> Record {
    Record::CustomerGroup(CustomerGroup { id: id.into(), key: Some(key.into()), name: key.into() })
}

#[tokio::test]
async fn a_key_that_another_channel_or_group_has_now_reaches_products() {
    let before = vec![channel("1", "retail"), channel("2", "outlet")];
    let after = vec![channel("1", "closed"), channel("2", "retail")];
    assert!(touches(Vec::new(), before, after).await, "a market that shows the prices of retail");
    assert!(touches(Vec::new(), vec![group("1", "b2b")], vec![group("1", "old"), group("2", "b2b")]).await);
}

fn product_type(id: &str, attribute: &str, title: &str, of: AttributeType) -> Record {
    let label = texts(&[("de", title)]);
    let attributes = vec![AttributeDefinition { name: attribute.into(), label, of, spread: model::Spread::Variant }];
    Record::ProductType(ProductType { id: id.into(), key: None, name: id.into(), attributes, notices: Vec::new() })
}

#[tokio::test]
async fn a_title_within_a_nested_attribute_reaches_products() {
    let outer = || product_type("outer", "box", "Karton", AttributeType::Nested("inner".into()));
    let inner = |title| product_type("inner", "size", title, AttributeType::Text);
    let before = || vec![outer(), inner("Format")];
    let nested = || Value::Nested(vec![attribute("size", Value::Text("L".into()))]);
    for value in [nested(), Value::Set(vec![nested()])] {
        assert!(touches(vec![attribute("box", value)], before(), vec![inner("Größe")]).await);
    }
    let plain = vec![attribute("box", Value::Text("L".into()))];
    assert!(!touches(plain, before(), vec![inner("Größe")]).await, "it shows nothing of that type");
}
