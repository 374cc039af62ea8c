//! Against the emulator of Clerk.io, which was written separately from the reference.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use conformance::destination::{Emulator, Failure};
use contract::{Call, Destination, Importer, Item, Op, Outcome, Parcel, Removal, destination::Verdict};
use model::Kind;
use sandbox::{
    clerk::{self, CategoryDelete, Rejection, Resource, Settings, StoreSettings, StoreView},
    fault::Faults,
    serve::Port,
};
use serde_json::Value as Json;

use crate::{
    calls::bench_with,
    careless::Careless,
    faults::plan,
    sample::{config, full, items, sent},
};

pub(crate) const PUBLIC: &str = "PUBLIC+key/one";
pub(crate) const PRIVATE: &str = "PRIVATE+key/one";

pub(crate) struct Shop {
    pub(crate) url: String,
    faults: Faults,
    pub(crate) store: StoreView,
}

pub(crate) async fn shop(change: impl FnOnce(&mut Settings)) -> Shop {
    let store = |name: &str, public: &str, private: &str| StoreSettings {
        public_key: public.to_owned(),
        private_key: private.to_owned(),
        ..StoreSettings::sandbox(name, "german", "EUR")
    };
    let mut settings = Settings {
        stores: vec![store("de", PUBLIC, PRIVATE), store("at", "PUBLIC+other", "PRIVATE+other")],
        category_delete: CategoryDelete::Accept,
        ..Settings::default()
    };
    change(&mut settings);
    let emulator = clerk::Emulator::new(settings);
    let faults = Faults::new(clerk::fault_body);
    let url = Port::free().await.unwrap().serve(faults.wrap(emulator.router())) + "/v2";
    Shop { url, faults, store: emulator.store(PUBLIC).unwrap() }
}

#[async_trait]
impl Emulator for Shop {
    async fn fail(&self, failure: Option<Failure>) {
        self.store.disable(failure == Some(Failure::KeysRefused));
        self.faults.set(plan(failure)).unwrap();
    }

    async fn refuse(&self, id: Option<&str>) {
        self.store.accept_all();
        if let Some(id) = id {
            self.store.reject(Rejection { resource: Resource::Products, field: "id".to_owned(), equals: id.into() });
        }
    }

    async fn objects(&self, kind: Kind) -> BTreeMap<String, Json> {
        match kind {
            Kind::Product => self.store.products(),
            Kind::Category => self.store.categories(),
            _ => BTreeMap::new(),
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![PRIVATE.to_owned(), PRIVATE.replace('+', "%2B").replace('/', "%2F")]
    }
}

async fn conforms(settings: &str) {
    let shop = shop(|_| {}).await;
    let bench = bench_with(&shop.url, settings, PUBLIC, PRIVATE);
    let checks = conformance::destination::destination(&bench.connector, &shop).await;
    assert!(checks.len() > 25);
    let failed: Vec<_> = checks.into_iter().filter(|check| check.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn it_conforms_as_it_comes() {
    conforms("").await;
}

#[tokio::test]
async fn it_conforms_with_an_item_per_variant() {
    conforms("grain = \"variant\"\nout_of_stock = \"hide\"").await;
}

#[tokio::test]
async fn it_conforms_with_other_settings() {
    conforms("out_of_stock = \"remove\"\ncategory_removal = \"delete\"\ndescription = \"html\"\nattributes = []").await;
}

#[tokio::test]
async fn it_conforms_where_errors_come_with_200() {
    let shop = shop(|settings| settings.errors_as_200 = true).await;
    let bench = bench_with(&shop.url, "category_removal = \"delete\"", PUBLIC, PRIVATE);
    let checks = conformance::destination::destination(&bench.connector, &shop).await;
    let failed: Vec<_> = checks.into_iter().filter(|check| check.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn a_destination_that_breaks_the_rules_does_not_conform() {
    let shop = shop(|_| {}).await;
    let careless = Careless(bench_with(&shop.url, "", PUBLIC, PRIVATE).connector);
    let checks = conformance::destination::destination(&careless, &shop).await;
    let passed: Vec<_> = checks.iter().filter(|check| check.result.is_ok()).map(|check| check.name).collect();
    insta::assert_debug_snapshot!(passed);
}

fn parcels(items: &[Item]) -> Vec<Parcel> {
    let of = |item: &Item| Parcel::new(item.id.clone(), item.payload.clone());
    items.iter().map(of).collect()
}

#[tokio::test]
async fn an_emulator_that_looks_closely_ignores_nothing_and_warns_of_nothing() {
    let shop = shop(|settings| settings.strict_id_types = true).await;
    let bench = bench_with(&shop.url, "", PUBLIC, PRIVATE);
    let ids = full();
    let made = items(&config(""), &ids.full()).unwrap();
    let receipt = bench
        .connector
        .send(&Call {
            account: contract::Account::default(),
            kind: Kind::Product,
            op: Op::Put,
            parcels: parcels(&made),
        })
        .await;
    assert_eq!(receipt.verdict, Verdict::Whole(Outcome::Delivered), "{}", sent(&config(""), &ids.full()));
    assert_eq!(shop.store.warnings(), BTreeMap::new());
    let held = shop.store.raw(Resource::Products, "c2a1").unwrap();
    assert_eq!(held, format!("{{\"id\":\"c2a1\",{}}}", parcels(&made)[0].payload.joined()), "byte by byte");
}

#[tokio::test]
async fn whole_numbers_are_ids_of_their_own_type() {
    let shop = shop(|settings| settings.strict_id_types = true).await;
    let bench = bench_with(&shop.url, "id_type = \"integer\"", PUBLIC, PRIVATE);
    let ids = crate::sample::Ids::new("135", &["A"], &["12"]);
    let mut listing = ids.full();
    listing.images = vec!["https://img.example/a.jpg"];
    let made = items(&config("id_type = \"integer\""), &listing).unwrap();
    let call = |op| Call { account: contract::Account::default(), kind: Kind::Product, op, parcels: parcels(&made) };
    assert_eq!(bench.connector.send(&call(Op::Put)).await.verdict, Verdict::Whole(Outcome::Delivered));
    let read = bench.connector.read(Kind::Product, &["135".into(), "136".into()]).await.unwrap().unwrap();
    assert_eq!((read.len(), &read[0].1["id"]), (1, &Json::from(135)));
    assert_eq!(bench.connector.send(&call(Op::Remove)).await.verdict, Verdict::Whole(Outcome::Delivered));
    assert!(shop.store.products().is_empty());
}

#[tokio::test]
async fn each_colour_is_a_text_or_a_list() {
    let shop = shop(|_| {}).await;
    let bench = bench_with(&shop.url, "", PUBLIC, PRIVATE);
    let ids = full();
    let mut listing = ids.full();
    listing.options.clear();
    for offer in &mut listing.variants {
        offer.attributes.clear();
    }
    for label in [
        model::listing::Plain::Integer(7),
        model::listing::Plain::Boolean(true),
        model::listing::Plain::Number(0.5),
        model::listing::Plain::List(vec![model::listing::Plain::Integer(7)]),
    ] {
        listing.attributes = vec![crate::sample::field("color", label)];
        let made = items(&config(""), &listing).unwrap();
        let call =
            Call { account: contract::Account::default(), kind: Kind::Product, op: Op::Put, parcels: parcels(&made) };
        assert_eq!(bench.connector.send(&call).await.verdict, Verdict::Whole(Outcome::Delivered), "{made:?}");
    }
}

#[tokio::test]
async fn keys_of_another_store_are_refused_and_told() {
    let shop = shop(|_| {}).await;
    for (public, private, wrong) in [
        (PUBLIC, "PRIVATE+other", vec!["private_key"]),
        ("PUBLIC+none", PRIVATE, vec!["public_key", "private_key"]),
        (PUBLIC, PRIVATE, vec![]),
    ] {
        let bench = bench_with(&shop.url, "", public, private);
        let findings = bench.connector.check().await;
        let found: Vec<_> = findings.iter().filter(|it| it.result.is_err()).map(|it| it.what.as_str()).collect();
        assert_eq!(found, wrong);
    }
    let bench = bench_with(&shop.url.replace("/v2", "/v9"), "", PUBLIC, PRIVATE);
    let findings = bench.connector.check().await;
    let hints: BTreeSet<_> = findings.iter().filter_map(|it| it.result.as_ref().err()?.hint.as_deref()).collect();
    assert!(hints.iter().any(|hint| hint.contains("url")), "{hints:?}");
}

#[tokio::test]
async fn categories_stay_unless_set_otherwise() {
    let shop = shop(|settings| settings.category_delete = CategoryDelete::Refuse).await;
    for (setting, removal) in [("", Removal::Leave), ("category_removal = \"feed\"", Removal::Feed)] {
        let bench = bench_with(&shop.url, setting, PUBLIC, PRIVATE);
        assert_eq!(bench.connector.carry(Kind::Category).unwrap().removal, removal);
        assert_eq!(bench.connector.carry(Kind::Product).unwrap().removal, Removal::Call);
    }
    let delete = bench_with(&shop.url, "category_removal = \"delete\"", PUBLIC, PRIVATE);
    assert_eq!(delete.connector.carry(Kind::Category).unwrap().removal, Removal::Call);
    let parcels = vec![Parcel::named("c1".into())];
    let receipt = delete
        .connector
        .send(&Call { account: contract::Account::default(), kind: Kind::Category, op: Op::Remove, parcels })
        .await;
    let Verdict::Whole(Outcome::Rejected(fault)) = receipt.verdict else { panic!("{receipt:?}") };
    assert!(fault.message.contains("Categories can not be deleted"), "{}", fault.message);
}

#[tokio::test]
async fn only_tokens_of_its_own_store_open_a_feed() {
    let shop = shop(|_| {}).await;
    let bench = bench_with(&shop.url, "", PUBLIC, PRIVATE);
    let importer = bench.connector.importer().unwrap();
    assert_eq!(importer.header(), "x-clerk-authorization");
    assert_eq!(importer.kind("products"), Some(Kind::Product));
    assert_eq!(importer.kind("categories"), Some(Kind::Category));
    assert_eq!((importer.kind("orders"), importer.kind("")), (None, None));

    for token in ["", "forged", "a.b.c", "' or 1=1"] {
        assert_eq!(importer.admits(token).await, Ok(false), "{token}");
    }
    for failure in [Failure::ErrorPage, Failure::ServerError, Failure::ResetBefore, Failure::Throttled(None)] {
        shop.fail(Some(failure)).await;
        assert!(importer.admits("forged").await.is_err(), "{failure:?}");
    }
    shop.fail(None).await;

    let token = a_token(&shop).await;
    assert_eq!(importer.admits(&token).await, Ok(true));
    let other = bench_with(&shop.url, "", "PUBLIC+other", "PRIVATE+other");
    assert_eq!(other.connector.importer().unwrap().admits(&token).await, Ok(false));
    let gone = bench_with("http://127.0.0.1:9/v2", "timeout_seconds = 1", PUBLIC, PRIVATE);
    assert!(gone.connector.importer().unwrap().admits(&token).await.is_err());
}

#[test]
fn an_object_of_a_feed_is_one_line() {
    let ids = full();
    let item = items(&config(""), &ids.full()).unwrap().remove(0);
    let bench = bench_with("http://127.0.0.1:9/v2", "", PUBLIC, PRIVATE);
    let object = Importer::object(&bench.connector, "products", &item).unwrap();
    assert_eq!(object, format!("{{\"id\":\"c2a1\",{}}}", item.payload.joined()));
    assert!(!object.contains('\n'));
    let integer = bench_with("http://127.0.0.1:9/v2", "id_type = \"integer\"", PUBLIC, PRIVATE);
    assert_eq!(Importer::object(&integer.connector, "products", &item).unwrap_err().code, "C0411");
}

/// The token that the emulator's importer shows when it asks for a feed.
async fn a_token(shop: &Shop) -> String {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
    let feed = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("[]")).mount(&feed).await;
    let import =
        serde_json::json!({"products_url": format!("{}/feed?limit={{{{limit}}}}&offset={{{{offset}}}}", feed.uri())});
    let origin = shop.url.trim_end_matches("/v2");
    let url = wire::Url::parse(&format!("{origin}/_admin/clerk/de/import")).unwrap();
    let client = wire::Environment::machine().client(&wire::Options::default()).unwrap();
    let answer = client.call(wire::Request::new(wire::Method::POST, url).json(import.to_string())).await.unwrap();
    let requests = feed.received_requests().await.unwrap();
    let request = requests.first().unwrap_or_else(|| panic!("{answer:?}"));
    let token = request.headers.get("x-clerk-authorization").unwrap().to_str().unwrap();
    token.strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test]
async fn a_patch_of_what_is_not_there_is_reported_where_the_server_tells_it() {
    let shop = shop(|settings| settings.patch_unknown = clerk::PatchUnknown::LogicalError).await;
    let bench = bench_with(&shop.url, "", PUBLIC, PRIVATE);
    let mut price = contract::Writer::new(&|_| false);
    price.put(contract::Facet::PRICE, "price", &1.0).unwrap();
    let op = Op::Patch(contract::Facets::NONE.with(contract::Facet::PRICE));
    let parcels = vec![Parcel::new("gone".into(), price.finish())];
    let receipt =
        bench.connector.send(&Call { account: contract::Account::default(), kind: Kind::Product, op, parcels }).await;
    assert!(matches!(receipt.verdict, Verdict::Whole(Outcome::Rejected(_))), "{receipt:?}");
    assert_eq!(receipt.status, 400);
}
