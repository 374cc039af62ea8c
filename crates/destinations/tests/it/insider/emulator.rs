//! Against the emulator of Insider.

use std::collections::BTreeMap;

use async_trait::async_trait;
use conformance::destination::{Emulator, Failure};
use contract::{
    Account, Call, Destination, Digests, FaultClass, Item, Op, Outcome, Parcel, Receipt,
    destination::{Need, Verdict},
};
use destinations::insider::Connector;
use model::Kind;
use sandbox::{
    fault::Faults,
    insider::{self, AccountSettings, AccountView, Moved, Rejection, Settings},
    serve::Port,
};
use serde_json::{Map, Value as Json, json};

use super::{TOKEN, bench, bench_with, de, made, market, prepared, uk};
use crate::{
    faults::plan,
    sample::{eur, full},
};

pub(crate) struct Shop {
    pub(crate) url: String,
    pub(crate) faults: Faults,
    pub(crate) account: AccountView,
}

pub(crate) async fn shop(change: impl FnOnce(&mut Settings)) -> Shop {
    let account =
        AccountSettings { partner_name: "shop".to_owned(), token: TOKEN.to_owned(), ..AccountSettings::sandbox() };
    let mut settings = Settings { accounts: vec![account], requests_per_minute: None, ..Settings::default() };
    change(&mut settings);
    let emulator = insider::Emulator::new(settings);
    let faults = Faults::new(insider::fault_body);
    let url = Port::free().await.unwrap().serve(faults.wrap(emulator.router())) + "/v2";
    Shop { url, faults, account: emulator.account("shop").unwrap() }
}

#[async_trait]
impl Emulator for Shop {
    async fn fail(&self, failure: Option<Failure>) {
        self.account.disable(failure == Some(Failure::KeysRefused));
        self.faults.set(plan(failure)).unwrap();
    }

    async fn refuse(&self, id: Option<&str>) {
        self.account.accept_all();
        if let Some(id) = id {
            self.account.reject(Rejection { item_id: id.to_owned(), locale: None });
        }
    }

    /// Fields with their values by locale, as payloads hold them.
    async fn objects(&self, kind: Kind) -> BTreeMap<String, Json> {
        if kind != Kind::Product {
            return BTreeMap::new();
        }
        let mut objects = BTreeMap::new();
        for (id, locales) in self.account.records() {
            let mut object = Map::new();
            for (locale, record) in locales.iter().filter(|(_, record)| record["is_status_passive"] != 1) {
                let Json::Object(record) = record else { panic!("{record}") };
                let own = |name: &&String| !matches!(name.as_str(), "item_id" | "locale" | "is_status_passive");
                for name in record.keys().filter(own) {
                    let values = object.entry(name.clone()).or_insert_with(|| json!({}));
                    values[locale] = record[name].clone();
                }
                // An empty member of a payload is not sent.
                object.entry("stock_count").or_insert_with(|| json!({}));
            }
            if !object.is_empty() {
                objects.insert(id, Json::Object(object));
            }
        }
        objects
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned(), TOKEN.replace('+', "%2B").replace('/', "%2F")]
    }
}

async fn conforms(settings: &str) {
    let shop = shop(|_| {}).await;
    let bench = bench(&shop.url, settings);
    let checks = conformance::destination::destination(&bench.connector, &shop).await;
    assert!(checks.len() > 25);
    let failed: Vec<_> = checks.into_iter().filter(|check| check.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(shop.account.unknown_updates(), 0, "an update of what is not there changes nothing, in silence");
}

#[tokio::test]
async fn it_conforms_as_it_comes() {
    conforms("").await;
}

#[tokio::test]
async fn it_conforms_with_an_item_per_product() {
    conforms("grain = \"product\"\ncategories = \"flat\"").await;
}

#[tokio::test]
async fn it_conforms_with_flat_records() {
    conforms("form = \"flat\"\nvariant_id = \"id\"").await;
}

/// What the ledger would hold, and the calls it would lead to.
pub(crate) struct Ledger<'c> {
    connector: &'c Connector,
    pub(crate) account: Account,
    held: BTreeMap<String, Item>,
}

impl<'c> Ledger<'c> {
    pub(crate) async fn new(connector: &'c Connector, markets: &[&model::Market]) -> Self {
        Self { connector, account: prepared(connector, markets).await, held: BTreeMap::new() }
    }

    /// Sends what differs of these items, as a push does: put, or patch where that will do; hides those that are not named.
    pub(crate) async fn push(&mut self, items: Vec<Item>) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        let ids: Vec<String> = items.iter().map(|item| item.id.to_string()).collect();
        let gone: Vec<String> = self.held.keys().filter(|id| !ids.contains(id)).cloned().collect();
        for id in gone {
            let parcel =
                Parcel { before: self.held.get(&id).map(|it| it.payload.clone()), ..Parcel::named(id.as_str().into()) };
            receipts.push(self.send(Op::Hide, parcel).await);
            self.held.remove(&id);
        }
        for item in items {
            let before = self.held.get(item.id.as_str()).map(|it| it.payload.clone());
            let differing =
                before.as_ref().map(|before| Digests::differing(&item.payload.digests(), &before.digests()));
            let op = match differing {
                Some(facets) if facets.is_empty() => continue,
                Some(facets) if self.connector.can_patch(Kind::Product, facets) => Op::Patch(facets),
                _ => Op::Put,
            };
            let payload = match op {
                Op::Patch(facets) => item.payload.only(facets),
                _ => item.payload.clone(),
            };
            let parcel = Parcel { id: item.id.clone(), payload, before: before.clone() };
            let receipt = self.send(op, parcel).await;
            if matches!((op, outcome(&receipt)), (Op::Patch(_), Outcome::Rejected(_))) {
                let whole = Parcel { id: item.id.clone(), payload: item.payload.clone(), before };
                receipts.push(self.send(Op::Put, whole).await);
            }
            receipts.push(receipt);
            self.held.insert(item.id.to_string(), item);
        }
        receipts
    }

    async fn send(&self, op: Op, parcel: Parcel) -> Receipt {
        let call = Call { account: self.account.clone(), kind: Kind::Product, op, parcels: vec![parcel] };
        self.connector.send(&call).await
    }
}

pub(crate) fn outcome(receipt: &Receipt) -> Outcome {
    match &receipt.verdict {
        Verdict::Whole(outcome) => outcome.clone(),
        Verdict::Each(each) => each[0].clone(),
        Verdict::Pending { .. } => panic!("{receipt:?}"),
    }
}

fn put(account: &Account, items: &[Item]) -> Call {
    let parcels = items.iter().map(|item| Parcel::new(item.id.clone(), item.payload.clone())).collect();
    Call { account: account.clone(), kind: Kind::Product, op: Op::Put, parcels }
}

/// Records of an item with its locale and these fields.
fn shown(shop: &Shop, id: &str, fields: &[&str]) -> Json {
    let records = shop.account.records();
    let of =
        |record: &Json| fields.iter().map(|name| ((*name).to_owned(), record[name].clone())).collect::<Map<_, _>>();
    records
        .get(id)
        .into_iter()
        .flatten()
        .map(|(locale, record)| (locale.clone(), Json::Object(of(record))))
        .collect::<Map<_, _>>()
        .into()
}

#[tokio::test]
async fn markets_of_one_locale_share_a_record_and_stores_have_their_own() {
    for form in ["nested", "flat"] {
        let shop = shop(|_| {}).await;
        let locales = "locales = { berlin = \"de_DE:berlin\", ch = \"de_DE\" }";
        let bench = bench(&shop.url, &format!("{locales}\nform = {form:?}"));
        let (de, ch) = (de(), market("ch", "de", "CH", "CHF"));
        let (berlin, uk) = (market("berlin", "de", "DE", "EUR"), uk());
        let ids = full();
        let (listing, mut swiss, mut local) = (ids.full(), ids.full(), ids.full());
        for offer in &mut swiss.variants {
            (offer.price, offer.list_price) =
                (model::Money::new(2100, "CHF".parse().unwrap()), model::Money::new(2100, "CHF".parse().unwrap()));
        }
        for offer in &mut local.variants {
            (offer.price, offer.stock, offer.in_stock) = (eur(900), Some(0), false);
        }
        let mut ledger = Ledger::new(&bench.connector, &[&de, &ch, &berlin, &uk]).await;
        let all = [(&de, &listing), (&ch, &swiss), (&berlin, &local), (&uk, &listing)];
        let receipts = ledger.push(made(&bench.connector, &ledger.account, &all)).await;
        assert!(receipts.iter().all(|it| outcome(it) == Outcome::Delivered), "{receipts:?}");
        let fields = ["price", "in_stock", "stock_count", "groupcode"];
        assert_eq!(
            shown(&shop, "TJ-S", &fields),
            json!({
                "de_DE": { "price": { "EUR": 19.99, "CHF": 21.0 }, "in_stock": 1, "stock_count": 5, "groupcode": "c2a1" },
                "de_DE:berlin": { "price": { "EUR": 9.0 }, "in_stock": 0, "stock_count": 0, "groupcode": "c2a1" },
                "en_GB": { "price": { "GBP": 19.99 }, "in_stock": 1, "stock_count": 5, "groupcode": "c2a1" },
            }),
            "{form}"
        );

        // The Swiss market no longer shows it: its price goes, though a change of fields could not take it away.
        let all = [(&de, &listing), (&berlin, &local), (&uk, &listing)];
        ledger.push(made(&bench.connector, &ledger.account, &all)).await;
        assert_eq!(shown(&shop, "TJ-S", &["price"])["de_DE"]["price"], json!({ "EUR": 19.99 }));

        // Two more do not either: what they showed is hidden, and the third stays as it is.
        shop.account.forget_calls();
        ledger.push(made(&bench.connector, &ledger.account, &[(&de, &listing)])).await;
        let state = shown(&shop, "TJ-S", &["is_status_passive", "in_stock"]);
        assert_eq!(state["de_DE"], json!({ "is_status_passive": 0, "in_stock": 1 }));
        assert_eq!(state["en_GB"], json!({ "is_status_passive": 1, "in_stock": 1 }));
        assert_eq!(state["de_DE:berlin"]["in_stock"], 0);
        let moved: Vec<_> =
            shop.account.transitions().into_iter().filter(|it| it.item_id == "TJ-S" && it.locale == "de_DE").collect();
        assert_eq!(moved, []);

        // The product goes: every locale that shows it is hidden. Back again, it is shown.
        ledger.push(Vec::new()).await;
        let hidden = |state: &Json| {
            state.as_object().unwrap().values().all(|it| it["is_status_passive"] == 1 || it["in_stock"] == 0)
        };
        let state = shown(&shop, "TJ-S", &["is_status_passive", "in_stock"]);
        assert!(hidden(&state), "{state}");
        ledger.push(made(&bench.connector, &ledger.account, &[(&de, &listing), (&uk, &listing)])).await;
        let state = shown(&shop, "TJ-S", &["is_status_passive"]);
        assert_eq!(
            (&state["de_DE"]["is_status_passive"], &state["en_GB"]["is_status_passive"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(shop.account.unknown_updates(), 0, "{form}: hides only what was sent");
    }
}

#[tokio::test]
async fn an_item_is_refused_if_any_of_its_locales_is_and_the_others_arrive() {
    let shop = shop(|_| {}).await;
    let bench = bench(&shop.url, "");
    let (de, uk) = (de(), uk());
    let ids = full();
    let listing = ids.full();
    let account = prepared(&bench.connector, &[&de, &uk]).await;
    let items = made(&bench.connector, &account, &[(&de, &listing), (&uk, &listing)]);
    shop.account.reject(Rejection { item_id: "TJ-M".to_owned(), locale: Some("en_GB".to_owned()) });
    let receipt = bench.connector.send(&put(&account, &items)).await;
    let Verdict::Each(each) = &receipt.verdict else { panic!("{receipt:?}") };
    let [Outcome::Delivered, Outcome::Rejected(fault), Outcome::Delivered] = each.as_slice() else {
        panic!("{each:?}")
    };
    assert_eq!(fault.code, "C0423");
    assert!(fault.message.contains("TJ-M") && fault.message.contains("was refused on purpose"), "{}", fault.message);
    assert!(shop.account.records()["TJ-M"].contains_key("de_DE"), "it was refused in part");
}

#[tokio::test]
async fn an_answer_that_does_not_name_all_it_refuses_is_a_refusal_of_the_call() {
    let shop = shop(|settings| settings.most_document_ids = 1).await;
    let bench = bench(&shop.url, "");
    let de = de();
    let ids = full();
    let listing = ids.full();
    let account = prepared(&bench.connector, &[&de]).await;
    let items = made(&bench.connector, &account, &[(&de, &listing)]);
    for id in ["TJ-S", "TJ-M"] {
        shop.account.reject(Rejection { item_id: id.to_owned(), locale: None });
    }
    let receipt = bench.connector.send(&put(&account, &items)).await;
    assert!(matches!(&receipt.verdict, Verdict::Whole(Outcome::Rejected(_))), "{receipt:?}");
    for (item, delivered) in items.iter().zip([false, false, true]) {
        let alone = bench.connector.send(&put(&account, std::slice::from_ref(item))).await;
        assert_eq!(outcome(&alone).is_delivered(), delivered, "{alone:?}");
    }
}

#[tokio::test]
async fn a_locale_that_is_not_registered_stops_the_flow_and_blames_no_item() {
    let shop = shop(|_| {}).await;
    let bench = bench(&shop.url, "");
    let de = de();
    let ids = full();
    let listing = ids.full();
    let account = prepared(&bench.connector, &[&de]).await;
    assert!(shop.account.locales().contains("de_DE"));
    let items = made(&bench.connector, &account, &[(&de, &listing)]);
    shop.account.unregister("de_DE");
    let receipt = bench.connector.send(&put(&account, &items)).await;
    let Verdict::Each(each) = &receipt.verdict else { panic!("{receipt:?}") };
    for outcome in each {
        let Outcome::Deferred(fault) = outcome else { panic!("{outcome:?}") };
        assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0421"));
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved_and_the_size_is_remembered() {
    let shop = shop(|settings| settings.most_records = 4).await;
    let bench = bench(&shop.url, "");
    let (de, uk) = (de(), uk());
    let ids = full();
    let listing = ids.full();
    let account = prepared(&bench.connector, &[&de, &uk]).await;
    let items = made(&bench.connector, &account, &[(&de, &listing), (&uk, &listing)]);
    assert_eq!(bench.connector.limits(Kind::Product, Op::Put).items, 500);
    let receipt = bench.connector.send(&put(&account, &items)).await;
    let Verdict::Whole(Outcome::Rejected(fault)) = &receipt.verdict else { panic!("{receipt:?}") };
    assert_eq!(fault.code, "C0427");
    assert_eq!(bench.connector.limits(Kind::Product, Op::Put).items, 1);
    let half = bench.connector.send(&put(&account, &items[..1])).await;
    assert_eq!(outcome(&half), Outcome::Delivered);
}

#[tokio::test]
async fn keys_and_names_of_another_account_are_refused_with_a_hint() {
    let shop = shop(|_| {}).await;
    for (partner, token) in [("shop", "other"), ("nobody", TOKEN)] {
        let bench = bench_with(&shop.url, "", partner, token);
        let findings = bench.connector.check().await;
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        let fault = finding.result.as_ref().unwrap_err();
        assert_eq!((fault.code.as_ref(), fault.class), ("C0422", FaultClass::Credentials));
        assert!(fault.hint.is_some());
        let need = Need { markets: vec![de()], creates: true, ..Need::default() };
        let refused = bench.connector.prepare(&need).await.unwrap_err();
        assert_eq!(refused.class, FaultClass::Credentials);
    }
    let bench = bench(&shop.url, "attributes = [\"material\"]");
    let findings = bench.connector.check().await;
    assert!(findings.iter().all(|finding| finding.result.is_ok()), "{findings:?}");
    let told = format!("{findings:?}");
    assert!(told.contains("material") && told.contains("hierarchical"), "{told}");
    assert!(shop.account.records().is_empty(), "a check writes nothing");
}

#[tokio::test]
async fn undefined_attributes_are_dropped_with_a_warning_for_the_item() {
    let shop = shop(|settings| settings.accounts[0].attributes = vec!["season".to_owned()]).await;
    let bench = bench(&shop.url, "attributes = [\"season\", \"waterproof\"]");
    let de = de();
    let ids = full();
    let listing = ids.full();
    let account = prepared(&bench.connector, &[&de]).await;
    let items = made(&bench.connector, &account, &[(&de, &listing)]);
    let receipt = bench.connector.send(&put(&account, &items[..1])).await;
    let Outcome::DeliveredWith(remarks) = outcome(&receipt) else { panic!("{receipt:?}") };
    assert!(remarks.warnings[0].message.contains("'waterproof' is not defined"), "{remarks:?}");
    assert_eq!(shop.account.records()["TJ-S"]["de_DE"]["product_attributes"], json!({ "season": "winter" }));
}

#[tokio::test]
async fn an_item_that_may_be_anywhere_is_hidden_in_all_locales_of_its_flow_and_no_other() {
    let shop = shop(|_| {}).await;
    let bench = bench(&shop.url, "");
    let (de, uk) = (de(), uk());
    let ids = full();
    let listing = ids.full();
    let (german, british) = (prepared(&bench.connector, &[&de]).await, prepared(&bench.connector, &[&uk]).await);
    for (account, market) in [(&german, &de), (&british, &uk)] {
        let items = made(&bench.connector, account, &[(market, &listing)]);
        bench.connector.send(&put(account, &items)).await;
    }
    // Nothing is known of what was sent, as after a crash during the first call.
    let parcels = vec![Parcel::named("TJ-S".into())];
    let call = Call { account: german, kind: Kind::Product, op: Op::Hide, parcels };
    assert_eq!(outcome(&bench.connector.send(&call).await), Outcome::Delivered);
    let state = shown(&shop, "TJ-S", &["is_status_passive"]);
    assert_eq!((&state["de_DE"]["is_status_passive"], &state["en_GB"]["is_status_passive"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_price_that_falls_and_stock_that_returns_are_seen_once_each() {
    let shop = shop(|_| {}).await;
    let bench = bench(&shop.url, "");
    let de = de();
    let ids = full();
    let mut listing = ids.full();
    let mut ledger = Ledger::new(&bench.connector, &[&de]).await;
    ledger.push(made(&bench.connector, &ledger.account, &[(&de, &listing)])).await;
    listing.variants[0].price = eur(1499);
    ledger.push(made(&bench.connector, &ledger.account, &[(&de, &listing)])).await;
    listing.variants[2].in_stock = true;
    listing.variants[2].stock = Some(3);
    ledger.push(made(&bench.connector, &ledger.account, &[(&de, &listing)])).await;
    // Stock is no longer counted, and a text changes: the item is sent whole.
    listing.variants[2].stock = None;
    listing.name = "Trail Jacket II";
    ledger.push(made(&bench.connector, &ledger.account, &[(&de, &listing)])).await;
    let moved: Vec<_> = shop.account.transitions().into_iter().map(|it| (it.item_id, it.what)).collect();
    let drop = Moved::PriceDrop { currency: "EUR".to_owned(), from: 19.99, to: 14.99 };
    assert_eq!(moved, [("TJ-S".to_owned(), drop), ("TJ-L".to_owned(), Moved::BackInStock)]);
    let record = &shop.account.records()["TJ-L"]["de_DE"];
    assert_eq!((&record["stock_count"], &record["name"]), (&Json::Null, &json!("Trail Jacket II")));
}

#[tokio::test]
async fn the_lowest_price_comes_with_a_reduction_and_goes_with_it() {
    for form in ["nested", "flat"] {
        let shop = shop(|_| {}).await;
        let bench = bench(&shop.url, &format!("form = {form:?}\nlocales = {{ berlin = \"de_DE:berlin\" }}"));
        let (de, berlin) = (de(), market("berlin", "de", "DE", "EUR"));
        let mut ledger = Ledger::new(&bench.connector, &[&de, &berlin]).await;
        let ids = full();
        for (price, lowest) in [(1999, None), (1499, Some(1799)), (1299, Some(1799)), (1999, None)] {
            let (mut listing, plain) = (ids.full(), ids.full());
            (listing.variants[0].price, listing.variants[0].lowest_price_30d) = (eur(price), lowest.map(eur));
            let made = made(&bench.connector, &ledger.account, &[(&de, &listing), (&berlin, &plain)]);
            let receipts = ledger.push(made).await;
            assert!(receipts.iter().any(|it| outcome(it) == Outcome::Delivered), "{receipts:?}");
            let state = shown(&shop, "TJ-S", &["price", "omnibus_price"]);
            let (price, lowest) = (eur(price).decimal(), lowest.map(|it| json!({ "EUR": eur(it).decimal() })));
            assert_eq!(state["de_DE"], json!({ "price": { "EUR": price }, "omnibus_price": lowest }), "{form}");
            assert_eq!(state["de_DE:berlin"]["omnibus_price"], Json::Null, "{form}");
        }
    }
}
