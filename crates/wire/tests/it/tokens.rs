//! One token, shared and renewed.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use contract::{Fault, FaultClass};
use secrecy::SecretString;
use serde_json::{Value, json};
use wire::{ClientCredentials, Options, Redactor, Retry, TokenCache, Url};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{body_string, header, method},
};

use super::call::client;

fn cache(server: &MockServer) -> TokenCache {
    let secret = SecretString::from("s3cret-value".to_owned());
    let redactor = Redactor::new([&secret]);
    let credentials = ClientCredentials {
        url: Url::parse(&format!("{}/oauth/token", server.uri())).unwrap(),
        client_id: SecretString::from("id".to_owned()),
        client_secret: secret,
        scope: Some("view_products:p view_stores:p".to_owned()),
        fields: vec![("channel", "a&b".to_owned())],
    };
    let retry = Retry { attempts: 3, first: Duration::from_millis(1), longest: Duration::from_secs(1) };
    TokenCache::new(client(&Options::default()), credentials, redactor, retry)
}

/// Grants a token with another name each time.
async fn grants(server: &MockServer, life: Value) {
    let next = AtomicUsize::new(1);
    let grant = move |_: &Request| {
        let name = format!("t{}", next.fetch_add(1, Ordering::Relaxed));
        let token =
            json!({ "access_token": name, "expires_in": life, "scope": "view_products:p", "token_type": "Bearer" });
        ResponseTemplate::new(200).set_body_json(token).set_delay(Duration::from_millis(30))
    };
    Mock::given(method("POST"))
        .and(header("authorization", "Basic aWQ6czNjcmV0LXZhbHVl"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string("grant_type=client_credentials&scope=view_products%3Ap%20view_stores%3Ap&channel=a%26b"))
        .respond_with(grant)
        .mount(server)
        .await;
}

#[tokio::test]
async fn everyone_waits_for_the_one_call_and_shares_its_token() {
    let server = MockServer::start().await;
    grants(&server, json!(172_800)).await;
    let cache = cache(&server);
    let got = futures::future::join_all((0..20).map(|_| cache.get())).await;
    assert!(got.iter().all(|grant| grant.as_ref().unwrap().bearer == "Bearer t1"));
    assert_eq!(got[0].as_ref().unwrap().scope.as_deref(), Some("view_products:p"));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_dropped_once_however_many_were_refused() {
    let server = MockServer::start().await;
    grants(&server, json!(172_800)).await;
    let cache = cache(&server);
    let old = cache.get().await.unwrap();
    cache.invalidate(&old).await;
    assert_eq!(cache.get().await.unwrap().bearer, "Bearer t2");
    // A neighbour that was refused with the old one does not end the new one.
    cache.invalidate(&old).await;
    assert_eq!(cache.get().await.unwrap().bearer, "Bearer t2");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let server = MockServer::start().await;
    // Half an hour: renewed before its last three minutes, so a second use does not ask again.
    grants(&server, json!(1_800)).await;
    let long = cache(&server);
    assert_eq!(long.get().await.unwrap().bearer, "Bearer t1");
    assert_eq!(long.get().await.unwrap().bearer, "Bearer t1");

    let server = MockServer::start().await;
    grants(&server, json!(0.3)).await;
    let short = cache(&server);
    assert_eq!(short.get().await.unwrap().bearer, "Bearer t1");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(short.get().await.unwrap().bearer, "Bearer t2");
}

#[tokio::test]
async fn a_token_that_runs_out_at_once_is_not_fetched_for_every_call() {
    let server = MockServer::start().await;
    grants(&server, json!(0)).await;
    let cache = cache(&server);
    for _ in 0..20 {
        cache.get().await.unwrap();
    }
    assert!(server.received_requests().await.unwrap().len() <= 2);
}

#[tokio::test]
async fn a_token_that_a_server_says_back_is_not_shown() {
    let server = MockServer::start().await;
    let token = json!({ "access_token": "an-opaque-token", "expires_in": 1000 });
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200).set_body_json(token)).mount(&server).await;
    let redactor = Redactor::default();
    let (url, id) = (Url::parse(&server.uri()).unwrap(), SecretString::from("id".to_owned()));
    let credentials =
        ClientCredentials { url, client_id: id.clone(), client_secret: id, scope: None, fields: Vec::new() };
    let cache = TokenCache::new(client(&Options::default()), credentials, redactor.clone(), Retry::once());
    cache.get().await.unwrap();
    assert_eq!(redactor.redact("an-opaque-token is not known"), "[redacted] is not known");
}

#[tokio::test]
async fn refusals_are_told_apart_and_hold_no_secret() {
    for (answer, class, code, calls) in [
        (
            ResponseTemplate::new(401).set_body_json(json!({ "error": "invalid_client" })),
            FaultClass::Credentials,
            "C0307",
            1,
        ),
        (
            ResponseTemplate::new(400)
                .set_body_json(json!({ "error": "invalid_scope", "error_description": "for s3cret-value" })),
            FaultClass::Credentials,
            "C0307",
            1,
        ),
        (ResponseTemplate::new(404), FaultClass::Config, "C0308", 1),
        (ResponseTemplate::new(503).set_body_string("<html>"), FaultClass::Transient, "C0309", 3),
        (ResponseTemplate::new(429), FaultClass::Throttled, "C0309", 3),
        (ResponseTemplate::new(200).set_body_string("<html>s3cret-value</html>"), FaultClass::Protocol, "C0308", 3),
        (ResponseTemplate::new(200).set_body_json(json!({ "access_token": "a\nb" })), FaultClass::Protocol, "C0308", 3),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        let cache = cache(&server);
        let fault = Fault::from(cache.get().await.unwrap_err());
        assert_eq!((fault.class, &*fault.code), (class, code), "{fault}");
        assert_eq!(server.received_requests().await.unwrap().len(), calls, "{fault}");
        let shown = format!("{fault:?} {cache:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("czNjcmV0"), "{shown}");
    }
}

#[tokio::test]
async fn refused_credentials_are_asked_about_once_for_all_who_need_a_token() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(401).set_body_json(json!({ "error": "invalid_client" }));
    Mock::given(method("POST")).respond_with(refusal).mount(&server).await;
    let cache = cache(&server);
    for got in futures::future::join_all((0..9).map(|_| cache.get())).await {
        assert_eq!(Fault::from(got.unwrap_err()).code, "C0307");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn odd_lifetimes_do_not_break() {
    for life in [json!(0), json!(-5), json!(1e300), json!(null)] {
        let server = MockServer::start().await;
        grants(&server, life).await;
        assert_eq!(cache(&server).get().await.unwrap().bearer, "Bearer t1");
    }
}
