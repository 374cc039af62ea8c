//! The exact requests, against a server that only records them.

use std::time::Duration;

use contract::{Call, Destination, Facet, Facets, Op, Outcome, Parcel, Receipt, Writer, destination::Verdict};
use destinations::clerk::{Config, Connector};
use model::{Kind, RemoteId};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use crate::sample::config;

/// A connector whose keys come from files, as tests must not change the environment.
pub(crate) struct Bench {
    pub(crate) connector: Connector,
    _keys: tempfile::TempDir,
}

fn bench(url: &str, settings: &str) -> Bench {
    bench_with(url, settings, "PUB-é\"1", "PRIV+secret/1")
}

pub(crate) fn bench_with(url: &str, settings: &str, public_key: &str, private_key: &str) -> Bench {
    let keys = tempfile::tempdir().unwrap();
    let (public, private) = (keys.path().join("public"), keys.path().join("private"));
    std::fs::write(&public, format!("{public_key}\n")).unwrap();
    std::fs::write(&private, format!("{private_key}\n")).unwrap();
    let config: Config = toml::from_str(&format!(
        "public_key = \"file:{}\"\nprivate_key = \"file:{}\"\nurl = \"{url}\"\n{settings}",
        public.display(),
        private.display(),
    ))
    .unwrap();
    Bench { connector: Connector::new(&config, &wire::Environment::machine()).unwrap(), _keys: keys }
}

fn parcel(id: &str, members: &str) -> Parcel {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&format!("{{{members}}}")).unwrap();
    let mut writer = Writer::new(&|_| false);
    for (name, value) in &fields {
        writer.put(Facet::CONTENT, name, value).unwrap();
    }
    Parcel::new(id.into(), writer.finish())
}

fn whole(receipt: &Receipt) -> &Outcome {
    match &receipt.verdict {
        Verdict::Pending { .. } => panic!("{receipt:?}"),
        Verdict::Whole(outcome) => outcome,
        Verdict::Each(_) => panic!("one verdict per item"),
    }
}

async fn recorded(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .map(|it| {
            let query = it.url.query().map(|query| format!("?{query}")).unwrap_or_default();
            format!("{} {}{query} {}", it.method, it.url.path(), String::from_utf8_lossy(&it.body))
        })
        .collect()
}

async fn answering(body: &str) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/a/v2/products"))
        .respond_with(ResponseTemplate::new(200).set_body_string(body))
        .mount(&server)
        .await;
    Mock::given(path("/a/v2/categories"))
        .respond_with(ResponseTemplate::new(200).set_body_string(body))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn writes_carry_keys_and_items_in_the_body() {
    let server = answering(r#"{"status":"ok"}"#).await;
    let bench = bench(&format!("{}/a/v2/", server.uri()), "");
    let price = Facets::NONE.with(Facet::PRICE);
    for (kind, op, parcels) in [
        (Kind::Product, Op::Put, vec![parcel("a\"1", r#""name":"Ü""#), parcel("2", r#""name":"B""#)]),
        (Kind::Product, Op::Patch(price), vec![parcel("2", r#""price":1.5"#)]),
        (Kind::Category, Op::Put, vec![parcel("c", "")]),
    ] {
        let receipt = bench.connector.send(&Call { account: contract::Account::default(), kind, op, parcels }).await;
        assert_eq!((whole(&receipt), receipt.status), (&Outcome::Delivered, 200));
        assert_eq!(receipt.response, r#"{"status":"ok"}"#);
    }
    let keys = r#""key":"PUB-é\"1","private_key":"PRIV+secret/1""#;
    assert_eq!(
        recorded(&server).await,
        [
            format!(
                r#"POST /a/v2/products {{{keys},"products":[{{"id":"a\"1","name":"Ü"}},{{"id":"2","name":"B"}}]}}"#
            ),
            format!(r#"PATCH /a/v2/products {{{keys},"products":[{{"id":"2","price":1.5}}]}}"#),
            format!(r#"POST /a/v2/categories {{{keys},"categories":[{{"id":"c"}}]}}"#),
        ]
    );
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers.get("content-type").unwrap(), "application/json");
    assert_eq!(bench.connector.calls(), 3);
}

#[tokio::test]
async fn whole_numbers_go_without_quotes() {
    let server = answering(r#"{"status":"ok"}"#).await;
    let bench = bench(&format!("{}/a/v2", server.uri()), "id_type = \"integer\"");
    let parcels = vec![parcel("7", ""), parcel("-1", ""), parcel("left-over", ""), parcel("007", "")];
    bench
        .connector
        .send(&Call { account: contract::Account::default(), kind: Kind::Product, op: Op::Put, parcels })
        .await;
    let sent = recorded(&server).await.remove(0);
    assert!(sent.ends_with(r#""products":[{"id":7},{"id":-1},{"id":"left-over"},{"id":"007"}]}"#), "{sent}");
}

#[tokio::test]
async fn removals_carry_keys_and_ids_in_the_query() {
    let server = answering(r#"{"status":"ok"}"#).await;
    let bench = bench(&format!("{}/a/v2", server.uri()), "");
    let parcels = vec![parcel("a b", ""), parcel("é", "")];
    let receipt = bench
        .connector
        .send(&Call { account: contract::Account::default(), kind: Kind::Product, op: Op::Remove, parcels })
        .await;
    assert_eq!(whole(&receipt), &Outcome::Delivered);
    assert_eq!(
        recorded(&server).await,
        ["DELETE /a/v2/products?key=PUB-%C3%A9%221&private_key=PRIV%2Bsecret%2F1\
          &products=%5B%22a%20b%22%2C%22%C3%A9%22%5D "]
    );
}

#[tokio::test]
async fn a_removal_whose_url_would_be_too_long_is_refused_without_a_call() {
    let bench = bench("http://127.0.0.1:9/v2", "");
    let most = bench.connector.limits(Kind::Product, Op::Remove).items;
    let parcels: Vec<_> = (0..most).map(|number| parcel(&format!("{number:0>200}"), "")).collect();
    let receipt = bench
        .connector
        .send(&Call { account: contract::Account::default(), kind: Kind::Product, op: Op::Remove, parcels })
        .await;
    let Outcome::Rejected(fault) = whole(&receipt) else { panic!("{receipt:?}") };
    assert_eq!((fault.code.as_ref(), bench.connector.calls()), ("C0407", 0));

    let uuids: Vec<_> = (0..most).map(|number| parcel(&format!("{number:0>36}"), "")).collect();
    let receipt = bench
        .connector
        .send(&Call { account: contract::Account::default(), kind: Kind::Product, op: Op::Remove, parcels: uuids })
        .await;
    assert_eq!((bench.connector.calls(), receipt.status), (1, 0), "ids of usual length fit");
}

#[tokio::test]
async fn what_was_never_sent_had_no_effect() {
    // Nothing listens on a port that was just released.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let bench = bench(&format!("http://127.0.0.1:{port}"), "");
    let parcels = vec![parcel("1", "")];
    let receipt = bench
        .connector
        .send(&Call { account: contract::Account::default(), kind: Kind::Product, op: Op::Put, parcels })
        .await;
    let Outcome::Deferred(fault) = whole(&receipt) else { panic!("{receipt:?}") };
    assert_eq!(fault.class, contract::FaultClass::Transient);
    assert!(fault.message.starts_with("POST /products: "), "{}", fault.message);
}

#[tokio::test]
async fn an_answer_that_does_not_come_leaves_the_effect_unknown() {
    let server = MockServer::start().await;
    Mock::given(method("DELETE"))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(30)))
        .mount(&server)
        .await;
    let bench = bench(&server.uri(), "timeout_seconds = 1");
    let parcels = vec![parcel("1", "")];
    let receipt = bench
        .connector
        .send(&Call { account: contract::Account::default(), kind: Kind::Product, op: Op::Remove, parcels })
        .await;
    let Outcome::Unknown(fault) = whole(&receipt) else { panic!("{receipt:?}") };
    assert_eq!(fault.class, contract::FaultClass::Transient);
    assert!(!format!("{receipt:?}").contains("secret"), "{receipt:?}");
}

#[tokio::test]
async fn many_ids_are_read_in_several_calls() {
    let server = answering(r#"{"status":"ok","products":[{"id":"1","name":"A"},{"id":2},{"name":"no id"}]}"#).await;
    let bench = bench(&format!("{}/a/v2", server.uri()), "");
    let ids: Vec<RemoteId> = (0..400).map(|number| format!("{number:0>36}").into()).collect();
    let found = bench.connector.read(Kind::Product, &ids).await.unwrap().unwrap();
    let requests = server.received_requests().await.unwrap();
    assert!(requests.len() > 1 && requests.iter().all(|it| it.url.as_str().len() < 8000));
    assert_eq!(found.len(), requests.len() * 2);
    assert_eq!((found[0].0.as_str(), found[1].0.as_str()), ("1", "2"));
    let asked: String = requests.iter().map(|it| it.url.query().unwrap().to_owned()).collect();
    assert!(ids.iter().all(|id| asked.contains(id.as_str())));
    assert!(bench.connector.read(Kind::Stock, &ids).await.is_none());
}

#[tokio::test]
async fn a_read_that_is_not_understood_is_a_fault() {
    let server = answering(r#"{"status":"ok"}"#).await;
    let bench = bench(&format!("{}/a/v2", server.uri()), "");
    let fault = bench.connector.read(Kind::Category, &["1".into()]).await.unwrap().unwrap_err();
    assert_eq!((fault.class, fault.code.as_ref()), (contract::FaultClass::Protocol, "C0406"));
    assert!(bench.connector.read(Kind::Category, &[]).await.unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn checks_tell_which_key_is_wrong() {
    let refused = r#"{"status":"error","message":"Invalid","type":"AuthenticationError"}"#;
    let ok = r#"{"status":"ok","products":[],"result":[]}"#;
    for (account, popular, products, expected) in [
        (ok, refused, refused, vec![("keys", None)]),
        (refused, ok, ok, vec![("public_key", None), ("private_key", None)]),
        (refused, ok, refused, vec![("public_key", None), ("private_key", Some("C0402"))]),
        (refused, refused, refused, vec![("public_key", Some("C0402")), ("private_key", Some("C0402"))]),
    ] {
        let server = MockServer::start().await;
        for (at, body) in
            [("/client/account/info", account), ("/recommendations/popular", popular), ("/products", products)]
        {
            Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&server).await;
        }
        let findings = bench(&server.uri(), "").connector.check().await;
        let seen: Vec<_> = findings
            .iter()
            .map(|it| (it.what.as_str(), it.result.as_ref().err().map(|fault| fault.code.as_ref())))
            .collect();
        assert_eq!(seen, expected);
        assert!(findings.iter().filter_map(|it| it.result.as_ref().err()).all(|fault| fault.hint.is_some()));
    }
    let findings = bench("http://127.0.0.1:9/v2", "").connector.check().await;
    assert_eq!(findings.iter().map(|it| it.what.as_str()).collect::<Vec<_>>(), ["url"]);
}

#[test]
fn settings_out_of_range_are_refused_with_what_they_may_be() {
    for (settings, message) in [
        ("batch_items = 0", "clerk: batch_items is 0"),
        ("batch_items = 501", "clerk: batch_items is 501"),
        ("batch_bytes = 9", "clerk: batch_bytes is 9"),
        ("concurrency = 0", "clerk: concurrency is 0"),
        ("timeout_seconds = 0", "clerk: timeout_seconds is 0"),
        (
            "url = \"api.clerk.io/v2\"",
            "clerk: url is no absolute http(s) URL without user, password, query and fragment",
        ),
        (
            "url = \"https://api.clerk.io/v2?key=x\"",
            "clerk: url is no absolute http(s) URL without user, password, query and fragment",
        ),
        ("", "clerk: public_key: the environment variable CLERK_PUBLIC is not set"),
    ] {
        let fault = Connector::new(&config(settings), &wire::Environment::machine()).unwrap_err();
        assert_eq!((fault.code.as_ref(), fault.message.as_str()), ("C0401", message));
        assert!(fault.hint.is_some());
    }
}
