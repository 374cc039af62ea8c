//! Against the emulator of Dotdigital, which was written separately.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use conformance::destination::{Emulator, Failure};
use contract::{
    Call, Destination, Facet, FaultClass, Op, Outcome, Parcel, Receipt, Writer,
    destination::{Need, Ticket, Verdict},
};
use destinations::dotdigital::{Config, Connector};
use model::{Kind, Locale, Market, RemoteId, market::Untracked};
use sandbox::{
    dotdigital::{self, Complete, Ending, Settings},
    fault::Faults,
    serve::Port,
};
use serde_json::{Value as Json, json};

use crate::faults::plan;

pub(crate) const USER: &str = "apiuser-0123456789ab@apiconnector.com";
pub(crate) const PASSWORD: &str = "pass:word+1/é";

/// An emulated account, and a connector whose credentials come from files.
pub(crate) struct Bench {
    pub(crate) connector: Connector,
    pub(crate) account: dotdigital::Emulator,
    pub(crate) faults: Faults,
    _secrets: tempfile::TempDir,
}

pub(crate) fn connector(url: &str, settings: &str, password: &str) -> (Connector, tempfile::TempDir) {
    let secrets = tempfile::tempdir().unwrap();
    let (user, file) = (secrets.path().join("user"), secrets.path().join("password"));
    std::fs::write(&user, USER).unwrap();
    std::fs::write(&file, password).unwrap();
    let text = format!(
        "user = \"file:{}\"\npassword = \"file:{}\"\nurl = \"{url}\"\n{settings}",
        user.display(),
        file.display()
    );
    let config: Config = toml::from_str(&text).unwrap();
    (Connector::new(&config, &wire::Environment::machine()).unwrap(), secrets)
}

/// The account is at another host than the one that is asked first.
pub(crate) async fn bench(settings: &str, change: impl FnOnce(&mut Settings)) -> Bench {
    let region = Port::free().await.unwrap();
    let mut own = Settings {
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
        api_endpoint: Some(format!("{}/", region.url())),
        import_ms: 40,
        low: 10_000,
        ..Settings::default()
    };
    change(&mut own);
    let account = dotdigital::Emulator::new(own);
    let faults = Faults::new(dotdigital::fault_body);
    region.serve(faults.wrap(account.router()));
    let first = Port::free().await.unwrap().serve(account.other_region());
    let (connector, secrets) = connector(&first, settings, PASSWORD);
    Bench { connector, account, faults, _secrets: secrets }
}

const COLLECTION: &str = "Catalog_en";

#[async_trait]
impl Emulator for Bench {
    async fn fail(&self, failure: Option<Failure>) {
        self.account.disable(failure == Some(Failure::KeysRefused));
        self.faults.set(plan(failure)).unwrap();
    }

    async fn refuse(&self, id: Option<&str>) {
        self.account.accept_all();
        if let Some(id) = id {
            self.account.refuse(id.split_once('/').unwrap().1);
        }
    }

    async fn objects(&self, _: Kind) -> BTreeMap<String, Json> {
        let records = self.account.records(COLLECTION).into_iter();
        records.map(|(key, record)| (format!("{COLLECTION}/{key}"), record)).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned(), USER.to_owned(), STANDARD.encode(format!("{USER}:{PASSWORD}"))]
    }
}

async fn conforms(settings: &str, change: impl FnOnce(&mut Settings)) {
    let bench = bench(settings, change).await;
    let checks = conformance::destination::destination(&bench.connector, &bench).await;
    assert!(checks.len() > 25);
    let failed: Vec<_> = checks.into_iter().filter(|check| check.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn it_conforms_as_it_comes() {
    conforms("", |_| {}).await;
}

#[tokio::test]
async fn it_conforms_with_a_record_per_product_and_the_other_name_of_the_last_state() {
    let settings =
        "variants = \"parents\"\nout_of_stock = \"remove\"\nattributes = [\"size\", \"brand\"]\nproduct_id = \"key\"";
    conforms(settings, |account| account.complete = Complete::Complete).await;
}

#[tokio::test]
async fn it_conforms_where_it_takes_people_too() {
    conforms("unknown_consent = \"unsubscribed\"\nphones = true\nremoved_customers = \"delete\"", |_| {}).await;
}

// ── imports ─────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) fn market(key: &str) -> Market {
    Market {
        key: key.into(),
        locales: Locale::parse("en").into_iter().collect(),
        currency: "EUR".parse().unwrap(),
        country: None,
        customer_group: None,
        price_channel: None,
        supply_channels: Vec::new(),
        store: None,
        time_zone: "UTC".into(),
        product_url: "https://shop.example/p/{id}".into(),
        category_url: "https://shop.example/c/{id}".into(),
        untracked: Untracked::Available,
    }
}

async fn prepared(bench: &Bench) -> contract::Account {
    let need = Need { markets: vec![market("en")], creates: true, ..Need::default() };
    bench.connector.prepare(&need).await.unwrap()
}

fn parcel(key: &str, record: &Json) -> Parcel {
    let mut writer = Writer::new(&|_| false);
    for (name, value) in record.as_object().unwrap() {
        writer.put(Facet::CONTENT, name, value).unwrap();
    }
    Parcel::new(RemoteId::from(format!("{COLLECTION}/{key}").as_str()), writer.finish())
}

fn put(records: &[(&str, Json)]) -> Call {
    let parcels = records.iter().map(|(key, record)| parcel(key, record)).collect();
    Call { account: contract::Account::default(), kind: Kind::Product, op: Op::Put, parcels }
}

fn two() -> Call {
    put(&[("a", json!({ "name": "A", "price": 1.5 })), ("b", json!({ "name": "B", "price": 2.5 }))])
}

fn ticket(receipt: &Receipt) -> Ticket {
    let Verdict::Pending { ticket, ask_in } = &receipt.verdict else { panic!("{receipt:?}") };
    assert!((Duration::from_secs(5)..=Duration::from_secs(30)).contains(ask_in), "{ask_in:?}");
    ticket.clone()
}

fn ids(call: &Call) -> Vec<RemoteId> {
    call.parcels.iter().map(|parcel| parcel.id.clone()).collect()
}

/// Asks until there is an outcome.
async fn ended(bench: &Bench, call: &Call, mut ticket: Ticket) -> Verdict {
    for _ in 0..500 {
        let receipt = bench.connector.poll(&ticket, &ids(call)).await;
        match receipt.verdict {
            Verdict::Pending { ticket: next, .. } => ticket = next,
            verdict => return verdict,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not end");
}

#[tokio::test]
async fn an_import_tells_what_became_of_each_record() {
    let bench = bench("", |_| {}).await;
    prepared(&bench).await;
    let first = put(&[("x", json!({ "name": "X", "price": 1.0, "tags": { "a": 1 } })), ("y", json!({ "name": "Y" }))]);
    let begun = ticket(&bench.connector.send(&first).await);
    assert_eq!(ended(&bench, &first, begun).await, Verdict::Each(vec![Outcome::Delivered, Outcome::Delivered]));
    // The collection is typed by now.
    let second = put(&[
        ("p", json!({ "name": "P", "price": "a price" })),
        ("q", json!({ "name": "Q", "price": 3 })),
        ("r", json!({ "name": "R", "tags": { "a": [] } })),
        ("s", json!({ "name": "S", "list": [[1]] })),
    ]);
    let begun = ticket(&bench.connector.send(&second).await);
    let Verdict::Each(outcomes) = ended(&bench, &second, begun).await else { panic!("no outcome per record") };
    let told: Vec<String> = outcomes.iter().map(|it| it.fault().map_or("ok".to_owned(), ToString::to_string)).collect();
    let clash = |name: &str, of: &str| {
        format!(
            "Dotdigital refused the record: JsonValueIncompatibleWithSchema: A value named '{name}' of type {of} already \
             exists in this collection and new values must be of this type."
        )
    };
    let nested = "Dotdigital refused the record: JsonContainsNestedArray: A list holds a list".to_owned();
    assert_eq!(told, [clash("price", "Number"), "ok".to_owned(), clash("a", "Number"), nested]);
    assert!(outcomes[0].fault().unwrap().hint.as_deref().unwrap().contains("first record"));
    let keys: Vec<String> = bench.account.records(COLLECTION).into_keys().collect();
    assert_eq!(keys, ["q", "x", "y"]);
}

#[tokio::test]
async fn a_ticket_outlives_its_connector() {
    let bench = bench("", |_| {}).await;
    prepared(&bench).await;
    let call = two();
    let begun = ticket(&bench.connector.send(&call).await);
    // Another process, which knows nothing of the first.
    let url = bench.account.settings().api_endpoint.clone().unwrap();
    let (other, _secrets) = connector(url.trim_end_matches('/'), "", PASSWORD);
    let mut ticket = begun;
    let outcome = loop {
        match other.poll(&ticket, &ids(&call)).await.verdict {
            Verdict::Pending { ticket: next, .. } => ticket = next,
            verdict => break verdict,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(outcome, Verdict::Each(vec![Outcome::Delivered, Outcome::Delivered]));
    assert_eq!(bench.account.imports().len(), 1);
}

#[tokio::test]
async fn an_import_that_fails_is_unknown_and_one_that_can_not_be_asked_for_goes_on() {
    let bench = bench("", |_| {}).await;
    prepared(&bench).await;
    bench.account.end_imports(Ending::Failed);
    let call = two();
    let begun = ticket(&bench.connector.send(&call).await);
    let verdict = ended(&bench, &call, begun.clone()).await;
    assert!(
        matches!(&verdict, Verdict::Whole(Outcome::Unknown(fault)) if fault.class == FaultClass::Transient),
        "{verdict:?}"
    );
    bench.account.end_imports(Ending::Normal);
    for failure in [
        Failure::ErrorPage,
        Failure::ServerError,
        Failure::ResetBefore,
        Failure::Throttled(None),
        Failure::KeysRefused,
        Failure::Truncated,
    ] {
        bench.fail(Some(failure)).await;
        let verdict = bench.connector.poll(&begun, &ids(&call)).await.verdict;
        assert!(matches!(verdict, Verdict::Whole(Outcome::Deferred(_))), "{failure:?} gave {verdict:?}");
    }
    bench.fail(None).await;
    // The vendor has forgotten it: its records are sent again.
    let parts: Vec<&str> = begun.0.splitn(3, ' ').collect();
    let lost = Ticket(format!("{} {} 00000000-0000-4000-a000-000000000000", parts[0], parts[1]));
    let verdict = bench.connector.poll(&lost, &ids(&call)).await.verdict;
    assert!(matches!(verdict, Verdict::Whole(Outcome::Unknown(_))), "{verdict:?}");
}

#[tokio::test]
async fn an_import_that_never_ends_is_asked_for_less_often_and_given_up() {
    let bench = bench("", |_| {}).await;
    prepared(&bench).await;
    bench.account.end_imports(Ending::Never);
    let call = two();
    let mut next = ticket(&bench.connector.send(&call).await);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let receipt = bench.connector.poll(&next, &ids(&call)).await;
        let Verdict::Pending { ticket, ask_in } = receipt.verdict else { panic!("{receipt:?}") };
        next = ticket;
        waits.push(ask_in.as_millis());
    }
    assert_eq!(waits, [7500, 11_250, 16_875, 25_312, 30_000, 30_000]);
    let id = next.0.splitn(3, ' ').nth(2).unwrap().to_owned();
    let verdict = bench.connector.poll(&Ticket(format!("1000 6 {id}")), &ids(&call)).await.verdict;
    assert!(
        matches!(&verdict, Verdict::Whole(Outcome::Unknown(fault)) if fault.message.contains("360 minutes")),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn a_sixth_import_waits() {
    let bench = bench("", |account| account.import_ms = 60_000).await;
    prepared(&bench).await;
    for _ in 0..5 {
        ticket(&bench.connector.send(&two()).await);
    }
    let receipt = bench.connector.send(&two()).await;
    let Verdict::Whole(Outcome::Deferred(fault)) = receipt.verdict else { panic!("{receipt:?}") };
    assert_eq!(fault.class, FaultClass::Throttled);
    assert!(fault.message.contains("tooManyActiveImports"), "{fault}");
}

// ── limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_minute_that_is_used_up_is_waited_for_without_a_call() {
    for retry_after in [false, true] {
        let bench = bench("", |account| {
            account.low = 2;
            account.retry_after = retry_after;
        })
        .await;
        prepared(&bench).await;
        ticket(&bench.connector.send(&two()).await);
        ticket(&bench.connector.send(&two()).await);
        let before = bench.connector.calls();
        let receipt = bench.connector.send(&two()).await;
        let Verdict::Whole(Outcome::Deferred(fault)) = receipt.verdict else { panic!("{receipt:?}") };
        assert_eq!((fault.class, bench.connector.calls()), (FaultClass::Throttled, before));
        let wait = fault.retry_after.unwrap();
        assert!((Duration::from_secs(40)..=Duration::from_secs(61)).contains(&wait), "{wait:?}");
        // Another connector has learned nothing yet and is refused.
        let url = bench.account.settings().api_endpoint.clone().unwrap();
        let (other, _secrets) = connector(url.trim_end_matches('/'), "", PASSWORD);
        let receipt = other.send(&two()).await;
        let Verdict::Whole(Outcome::Deferred(fault)) = receipt.verdict else { panic!("{receipt:?}") };
        assert_eq!(fault.class, FaultClass::Throttled);
        let wait = fault.retry_after.unwrap();
        assert!((Duration::from_secs(40)..=Duration::from_secs(61)).contains(&wait), "{wait:?}");
        // Single records count in another tier.
        let single = put(&[("a", json!({ "name": "A" }))]);
        assert_eq!(bench.connector.send(&single).await.verdict, Verdict::Whole(Outcome::Delivered));
    }
}

// ── collections ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn the_account_is_found_whatever_its_region_and_collections_are_created_once() {
    let bench = bench("collection = \"Catalog_shop_{market}\"", |_| {}).await;
    let need = Need { markets: vec![market("de"), market("en-GB"), market("fr/be")], creates: true, ..Need::default() };
    bench.connector.prepare(&Need { creates: false, ..need.clone() }).await.unwrap();
    assert!(bench.account.collections().is_empty(), "a look creates nothing");
    bench.connector.prepare(&need).await.unwrap();
    bench.connector.prepare(&need).await.unwrap();
    assert_eq!(bench.account.collections(), ["Catalog_shop_de", "Catalog_shop_en-GB", "Catalog_shop_fr_be"]);
    let spaces = bench.connector.spaces(&need.markets, &[Kind::Product]);
    assert!(spaces.iter().all(|space| space.starts_with(&bench.connector.account_id())), "{spaces:?}");
    assert_eq!(spaces.len(), 3);
    // Without the discovery, the host of another region refuses.
    let router = axum::Router::new().fallback(async || (http::StatusCode::FORBIDDEN, "Forbidden: Access is denied"));
    let (refused, _secrets) = connector(&Port::free().await.unwrap().serve(router), "", PASSWORD);
    let fault = refused.prepare(&need).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Credentials, "C0441"));
    assert!(fault.hint.unwrap().contains("region"));
}

#[tokio::test]
async fn values_come_in_the_types_of_a_collection_that_exists() {
    let bench = bench("", |_| {}).await;
    let there = json!({ "id": "p0", "sku": 17, "price": "19.90", "stock": 5, "brand": { "name": "N" } });
    bench.account.put(COLLECTION, "p0", there).unwrap();
    let account = prepared(&bench).await;
    let item = |record: &Json| {
        let Parcel { id, payload, .. } = parcel("p1", record);
        contract::Item { id, payload }
    };
    let mut fits = item(&json!({ "id": "p1", "sku": "42", "price": 7.5, "stock": 3, "brand": { "name": true } }));
    bench.connector.fit(&mut fits, &account).unwrap();
    let fitted: Json = serde_json::from_str(&fits.payload.object()).unwrap();
    assert_eq!(fitted, json!({ "id": "p1", "sku": 42, "price": "7.5", "stock": 3, "brand": { "name": "true" } }));
    let parcels = vec![Parcel::new(fits.id.clone(), fits.payload)];
    let call = Call { account, kind: Kind::Product, op: Op::Put, parcels };
    assert_eq!(bench.connector.send(&call).await.verdict, Verdict::Whole(Outcome::Delivered));
    let fault = bench.connector.fit(&mut item(&json!({ "sku": "A-42" })), &call.account).unwrap_err();
    assert_eq!(fault.to_string(), "Catalog_en/p1: sku is text here, and the collection holds a number there");
    assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Record, "C0449"));
}

#[tokio::test]
async fn a_collection_of_another_type_is_never_written_to() {
    let bench = bench("collection = \"Catalog_{market}\"", |_| {}).await;
    let url = bench.account.settings().api_endpoint.clone().unwrap();
    let client = wire::Environment::machine().client(&wire::Options::default()).unwrap();
    let create = format!("{url}insightData/v3/collections/{COLLECTION}?collectionScope=contact&collectionType=orders");
    let request = wire::Request::new(wire::Method::POST, wire::Url::parse(&create).unwrap());
    let value =
        wire::HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")))).unwrap();
    let answer = client.call(request.header(wire::HeaderName::from_static("authorization"), value)).await.unwrap();
    assert_eq!(answer.status, 201);
    let need = Need { markets: vec![market("en")], creates: true, ..Need::default() };
    let fault = bench.connector.prepare(&need).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0444"));
}

#[tokio::test]
async fn everything_in_the_collections_is_listed_page_by_page() {
    let bench = bench("", |_| {}).await;
    let markets = [market("de"), market("en"), market("fr")];
    bench.connector.prepare(&Need { markets: markets.to_vec(), creates: true, ..Need::default() }).await.unwrap();
    for number in 0..1_500 {
        bench.account.put("Catalog_de", &format!("d{number:04}"), json!({ "name": "D" })).unwrap();
    }
    bench.account.put("Catalog_fr", "f", json!({ "name": "F" })).unwrap();
    let (mut all, mut pages): (Vec<RemoteId>, Vec<usize>) = (Vec::new(), Vec::new());
    loop {
        let page = bench.connector.list(Kind::Product, &markets, all.last()).await.unwrap().unwrap();
        if page.is_empty() {
            break;
        }
        pages.push(page.len());
        all.extend(page);
    }
    assert_eq!(pages, [1000, 500, 1]);
    assert_eq!(all.last().unwrap().as_str(), "Catalog_fr/f");
}
