//! Requests, and the handling of their answers.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use contract::{Change, Fault, FaultClass, Next, Position, Source, Token};
use model::Kind;
use serde_json::{Value, json};
use sources::commercetools::Commercetools;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

use super::{config, lane, secrets, source, walk};

async fn host() -> MockServer {
    let server = MockServer::start().await;
    token(&server, json!({ "access_token": "first", "expires_in": 172_800, "scope": "view_products:shop" })).await;
    project(&server, json!({})).await;
    server
}

async fn token(server: &MockServer, answer: Value) {
    let answer = ResponseTemplate::new(200).set_body_json(answer);
    Mock::given(method("POST")).and(path("/oauth/token")).respond_with(answer).mount(server).await;
}

async fn project(server: &MockServer, more: Value) {
    let mut project = json!({
        "key": "shop", "name": "My shop", "version": 1, "countries": ["DE"], "currencies": ["EUR"], "languages": ["de"],
        "messages": { "enabled": false },
    });
    project.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = ResponseTemplate::new(200).set_body_json(project);
    Mock::given(method("GET")).and(path("/shop")).respond_with(answer).mount(server).await;
}

/// Answers calls of a resource one after another; the last answer stays.
async fn answers(server: &MockServer, resource: &str, answers: Vec<ResponseTemplate>) {
    let next = AtomicUsize::new(0);
    let answer = move |_: &Request| {
        let now = next.fetch_add(1, Ordering::Relaxed);
        answers[now.min(answers.len() - 1)].clone()
    };
    Mock::given(method("GET")).and(path(format!("/shop/{resource}"))).respond_with(answer).mount(server).await;
}

fn page(limit: usize, ids: &[&str]) -> ResponseTemplate {
    let results: Vec<Value> = ids
        .iter()
        .map(|id| json!({ "id": id, "version": 1, "lastModifiedAt": format!("2026-01-01T00:00:00.00{}Z", id.len()), "name": {} }))
        .collect();
    ResponseTemplate::new(200)
        .set_body_json(json!({ "limit": limit, "offset": 0, "count": ids.len(), "results": results }))
}

fn refused(status: u16, code: &str) -> ResponseTemplate {
    let message = format!("{code} happened");
    ResponseTemplate::new(status).set_body_json(
        json!({ "statusCode": status, "message": message, "errors": [{ "code": code, "message": message }] }),
    )
}

/// Queries of the calls of a resource.
async fn asked(server: &MockServer, resource: &str) -> Vec<HashMap<String, Vec<String>>> {
    let calls = server.received_requests().await.unwrap();
    let of = calls.iter().filter(|call| call.url.path() == format!("/shop/{resource}"));
    of.map(|call| {
        let mut query = HashMap::<String, Vec<String>>::new();
        for (name, value) in call.url.query_pairs() {
            query.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        query
    })
    .collect()
}

fn small(host: &MockServer) -> Commercetools {
    source(&host.uri(), json!({ "page_size": { "first_products": 2, "products": 2, "others": 2 } }))
}

async fn fails(source: &Commercetools) -> Fault {
    source.page(&lane(source, "categories"), &Position::Full).await.unwrap_err()
}

#[tokio::test]
async fn a_walk_over_everything_echoes_the_last_id() {
    let host = host().await;
    answers(&host, "categories", vec![page(2, &["bbb", "a\"a"]), page(2, &["c"])]).await;
    let walked = walk(&small(&host), "categories", Position::Full).await.unwrap();
    assert_eq!((walked.changes.len(), walked.pages), (3, 2));
    let asked = asked(&host, "categories").await;
    assert_eq!(asked[0]["sort"], ["id asc"]);
    assert_eq!(asked[0]["withTotal"], ["false"]);
    assert_eq!(asked[0]["limit"], ["2"]);
    assert!(!asked[0].contains_key("where"));
    assert_eq!(asked[1]["where"], [r#"id > "a\"a""#]);
}

#[tokio::test]
async fn a_full_last_page_is_followed_by_an_empty_one() {
    let host = host().await;
    answers(&host, "categories", vec![page(2, &["a", "b"]), page(2, &[])]).await;
    let walked = walk(&small(&host), "categories", Position::Full).await.unwrap();
    assert_eq!((walked.changes.len(), walked.pages), (2, 2));
}

#[tokio::test]
async fn a_server_that_gives_less_than_was_asked_for_is_read_to_the_end() {
    let host = host().await;
    answers(&host, "categories", vec![page(1, &["a"]), page(1, &["b"]), page(1, &[])]).await;
    assert_eq!(walk(&small(&host), "categories", Position::Full).await.unwrap().changes.len(), 2);
}

#[tokio::test]
async fn changes_are_asked_for_by_time_and_id_up_to_the_servers_clock() {
    let host = host().await;
    let date = |answer: ResponseTemplate| answer.insert_header("date", "Fri, 01 May 2026 10:00:00 GMT");
    answers(&host, "categories", vec![date(page(2, &["a", "bb"])), date(page(2, &["ccc"]))]).await;
    let since = json!({ "since": 1_777_628_000_000_i64 }).to_string();
    let walked = walk(&small(&host), "categories", Position::Delta(Token(since))).await.unwrap();
    let asked = asked(&host, "categories").await;
    assert_eq!(asked[0]["sort"], ["lastModifiedAt asc", "id asc"]);
    assert_eq!(asked[0]["where"], [r#"lastModifiedAt >= "2026-05-01T09:33:20.000Z""#]);
    let second = &asked[1]["where"][0];
    let (until, beyond) = second.split_once(" and (").unwrap();
    assert!(until.starts_with(r#"lastModifiedAt <= "2026-05-01T10:00:0"#), "{until}");
    let t = r#""2026-01-01T00:00:00.002Z""#;
    assert_eq!(beyond, format!(r#"lastModifiedAt > {t} or (lastModifiedAt = {t} and id > "bb"))"#));
    // The next walk starts where this one began, less lag and overlap.
    let end: Value = serde_json::from_str(&walked.end.0).unwrap();
    let since = end["since"].as_i64().unwrap();
    assert!((1_777_629_474_000..=1_777_629_475_000).contains(&since), "{since}");
}

/// JSON knows neither, but servers that are careless with numbers write them.
#[tokio::test]
async fn what_is_no_number_sets_its_record_aside_and_not_the_page() {
    let host = host().await;
    let record = |id: &str, version: &str| {
        format!(
            r#"{{"id": "{id}", "version": {version}, "lastModifiedAt": "2026-01-01T00:00:00Z", "name": {{"de": "NaN"}}}}"#
        )
    };
    let results = [record("a", "1"), record("b", "NaN"), record("c", "-Infinity"), record("d", "2")].join(",");
    let body = format!(r#"{{"limit": 500, "offset": 0, "count": 4, "results": [{results}]}}"#);
    answers(&host, "categories", vec![ResponseTemplate::new(200).set_body_raw(body, "application/json")]).await;
    let source = source(&host.uri(), json!({}));
    let page = source.page(&lane(&source, "categories"), &Position::Full).await.unwrap();
    assert_eq!(page.changes.len(), 2);
    let unread: Vec<_> = page.unread.iter().map(|it| (it.id.clone().unwrap(), it.fault.code.clone())).collect();
    assert_eq!(unread, [("b".into(), "C0206".into()), ("c".into(), "C0206".into())]);
}

#[tokio::test]
async fn changed_products_are_followed_by_those_that_were_unpublished() {
    let host = host().await;
    answers(&host, "product-projections", vec![page(100, &[])]).await;
    answers(&host, "products", vec![page(100, &["gone"])]).await;
    let source = source(&host.uri(), json!({}));
    let walked = walk(&source, "products", Position::Delta(Token(json!({ "since": 0 }).to_string()))).await.unwrap();
    assert_eq!(walked.changes.len(), 1);
    let asked = asked(&host, "products").await;
    assert_eq!(
        asked[0]["where"],
        [r#"masterData(published = false) and lastModifiedAt >= "1970-01-01T00:00:00.000Z""#]
    );
}

#[tokio::test]
async fn a_walk_goes_on_from_its_token_in_another_process() {
    let host = host().await;
    answers(&host, "categories", vec![page(2, &["a", "b"]), page(2, &["c"])]).await;
    let first = small(&host);
    let page = first.page(&lane(&first, "categories"), &Position::Full).await.unwrap();
    let Next::Within(token) = page.next else { panic!() };
    assert!(token.0.len() < 200, "{}", token.0);
    let second = small(&host);
    let page = second.page(&lane(&second, "categories"), &Position::Within(token)).await.unwrap();
    assert!(matches!(page.next, Next::End(_)));
    assert_eq!(asked(&host, "categories").await[1]["where"], [r#"id > "b""#]);
}

#[tokio::test]
async fn pages_shrink_where_answers_are_too_large_and_grow_back() {
    let host = host().await;
    let ids: Vec<String> = (0..25).map(|id| format!("{id:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let large = || refused(413, "ContentTooLarge");
    let timed_out = refused(400, "QueryTimedOut");
    answers(&host, "categories", vec![large(), large(), timed_out, page(12, &ids[..12]), page(96, &ids[12..])]).await;
    let source = source(&host.uri(), json!({ "page_size": { "others": 100 } }));
    let walked = walk(&source, "categories", Position::Full).await.unwrap();
    assert_eq!(walked.changes.len(), 25);
    let limits: Vec<_> = asked(&host, "categories").await.iter().map(|query| query["limit"][0].clone()).collect();
    assert_eq!(limits, ["100", "50", "25", "12", "96"]);
}

#[tokio::test]
async fn a_single_record_that_is_too_large_is_reported() {
    let host = host().await;
    answers(&host, "categories", vec![refused(413, "ContentTooLarge")]).await;
    let fault = fails(&source(&host.uri(), json!({ "attempts": 2 }))).await;
    assert_eq!(fault.code, "C0210");
    assert!(fault.class.is_passing());
    assert_eq!(asked(&host, "categories").await.last().unwrap()["limit"], ["1"]);
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out() {
    let host = host().await;
    let html = ResponseTemplate::new(502).set_body_raw("<html>Bad gateway</html>", "text/html");
    let page_of_proxy = ResponseTemplate::new(200).set_body_raw("<html>Please log in</html>", "text/html");
    let truncated = ResponseTemplate::new(200).set_body_raw(r#"{"limit":2,"results":[{"id":"a""#, "application/json");
    let throttled = ResponseTemplate::new(429).insert_header("retry-after", "0");
    let trouble = vec![html, page_of_proxy, truncated, throttled, page(500, &["a"])];
    answers(&host, "categories", trouble).await;
    assert_eq!(walk(&source(&host.uri(), json!({})), "categories", Position::Full).await.unwrap().changes.len(), 1);
}

#[tokio::test]
async fn trouble_that_stays_is_reported_as_what_it_is() {
    for (answer, class, code) in [
        (refused(429, "TooManyRequests"), FaultClass::Throttled, "C0208"),
        (refused(500, "General"), FaultClass::Transient, "C0209"),
        (refused(503, "OverCapacity"), FaultClass::Transient, "C0209"),
        (ResponseTemplate::new(504).set_body_string("upstream timed out"), FaultClass::Transient, "C0209"),
        (refused(400, "InvalidInput"), FaultClass::Config, "C0205"),
        (refused(404, "ResourceNotFound"), FaultClass::Config, "C0204"),
        (ResponseTemplate::new(302).insert_header("location", "/login"), FaultClass::Protocol, "C0218"),
        (ResponseTemplate::new(200).set_body_string("<html>"), FaultClass::Protocol, "C0207"),
    ] {
        let host = host().await;
        answers(&host, "categories", vec![answer]).await;
        let fault = fails(&source(&host.uri(), json!({ "attempts": 2 }))).await;
        assert_eq!((fault.class, &*fault.code), (class, code), "{fault}");
        let attempts = asked(&host, "categories").await.len();
        assert_eq!(attempts, if class.is_passing() { 2 } else { 1 }, "{code}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_long_wait_is_left_to_the_engine() {
    let host = host().await;
    answers(&host, "categories", vec![refused(429, "TooManyRequests").insert_header("retry-after", "3600")]).await;
    let fault = fails(&source(&host.uri(), json!({}))).await;
    assert_eq!(fault.retry_after, Some(Duration::from_hours(1)));
    assert_eq!(asked(&host, "categories").await.len(), 1);
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let host = MockServer::start().await;
    let tokens = AtomicUsize::new(0);
    let grant = move |_: &Request| {
        let name = ["first", "second", "third"][tokens.fetch_add(1, Ordering::Relaxed)];
        ResponseTemplate::new(200).set_body_json(json!({ "access_token": name, "expires_in": 172_800 }))
    };
    Mock::given(method("POST")).and(path("/oauth/token")).respond_with(grant).mount(&host).await;
    project(&host, json!({})).await;
    let accepts = Mock::given(path("/shop/categories")).and(header("authorization", "Bearer second"));
    accepts.respond_with(page(500, &["a"])).with_priority(1).mount(&host).await;
    answers(&host, "categories", vec![refused(401, "invalid_token")]).await;
    let source = source(&host.uri(), json!({}));
    assert_eq!(walk(&source, "categories", Position::Full).await.unwrap().changes.len(), 1);
    // Token, project, a refusal, token, page.
    assert_eq!(source.calls(), 5);
}

#[tokio::test]
async fn a_second_refusal_is_final() {
    let host = host().await;
    answers(&host, "categories", vec![refused(401, "invalid_token")]).await;
    let fault = fails(&source(&host.uri(), json!({}))).await;
    assert_eq!((fault.class, &*fault.code), (FaultClass::Credentials, "C0201"));
    assert_eq!(asked(&host, "categories").await.len(), 2);
}

#[tokio::test]
async fn a_missing_scope_is_named_and_not_asked_for_again() {
    let host = host().await;
    let body = json!({
        "statusCode": 403,
        "message": "Insufficient scope. One of the following scopes is missing: view_categories:shop.",
        "errors": [{
            "code": "insufficient_scope",
            "message": "Insufficient scope. One of the following scopes is missing: view_categories:shop.",
        }],
        "error": "insufficient_scope",
    });
    answers(&host, "categories", vec![ResponseTemplate::new(403).set_body_json(body)]).await;
    let fault = fails(&source(&host.uri(), json!({}))).await;
    assert_eq!((fault.class, &*fault.code), (FaultClass::Credentials, "C0202"));
    assert!(fault.message.contains("view_categories:shop"), "{fault}");
    assert_eq!(asked(&host, "categories").await.len(), 1);
}

/// A source of a project with this model, and what its check says of it.
async fn modelled(model: &str, settings: Value) -> (MockServer, Commercetools, Result<String, Fault>) {
    let host = MockServer::start().await;
    token(&host, json!({ "access_token": "first", "expires_in": 172_800, "scope": "manage_project:shop" })).await;
    project(&host, json!({ "productCatalogModel": model })).await;
    let source = source(&host.uri(), settings);
    let found = source.check().await.into_iter().find(|finding| finding.what == "catalogue").unwrap();
    (host, source, found.result)
}

#[tokio::test]
async fn a_model_that_is_not_known_is_refused_before_anything_is_read() {
    let (_host, source, told) = modelled("Federated", json!({})).await;
    for fault in [fails(&source).await, told.unwrap_err()] {
        assert_eq!((fault.class, &*fault.code), (FaultClass::Config, "C0203"));
        assert!(fault.message.contains("project shop has the Federated"), "{fault}");
    }
}

#[tokio::test]
async fn settings_that_a_modular_project_can_not_be_read_with_are_refused() {
    let published_only = json!({ "detect_unpublished": false, "lanes": { "inventory": false } });
    for (settings, named) in [
        (json!({ "stock_from": "products" }), "no stock"),
        (json!({ "lanes": { "standalone_prices": false } }), "no prices"),
        (published_only, "view_products"),
    ] {
        let (_host, source, told) = modelled("Modular", settings).await;
        for fault in [fails(&source).await, told.unwrap_err()] {
            assert_eq!((fault.class, &*fault.code), (FaultClass::Config, "C0203"));
            assert!(fault.message.contains(named) && fault.hint.is_some(), "{fault}");
        }
    }
    assert!(modelled("Modular", json!({})).await.2.unwrap().contains("Modular: variants are records"));
}

#[tokio::test]
async fn a_project_that_is_under_way_to_modular_is_read_like_a_classic_one() {
    let (host, source, told) = modelled("InMigration", json!({})).await;
    assert!(told.unwrap().starts_with("InMigration"));
    answers(&host, "product-projections", vec![page(100, &[])]).await;
    drop(walk(&source, "products", Position::Full).await.unwrap());
    assert_eq!((asked(&host, "product-projections").await.len(), asked(&host, "variants").await.len()), (1, 0));
}

#[tokio::test]
async fn a_server_that_repeats_itself_does_not_keep_a_walk_going() {
    let host = host().await;
    answers(&host, "categories", vec![page(2, &["a", "b"])]).await;
    let fault = walk(&small(&host), "categories", Position::Full).await.err().unwrap();
    assert_eq!(fault.code, "C0217");
}

fn members(ids: &[&str]) -> ResponseTemplate {
    let member = |id: &&str| json!({ "product": { "typeId": "product", "id": id } });
    let results: Vec<Value> = ids.iter().map(member).collect();
    ResponseTemplate::new(200).set_body_json(json!({ "limit": 2, "results": results }))
}

/// A source with pages of two that pages the products of selections in this way.
fn paging(host: &MockServer, paging: &str) -> Commercetools {
    source(&host.uri(), json!({ "selection_paging": paging, "page_size": { "others": 2 } }))
}

/// A walk that is about to read the products of a selection, as many of which were read.
fn at_members(count: Option<u64>, offset: u32) -> Position {
    let selection = json!({ "id": "big", "count": count });
    let place = json!({ "stage": "members", "began": 0, "size": 2, "selections": [selection], "offset": offset });
    Position::Within(Token(place.to_string()))
}

/// How the pages of the selection were asked for.
async fn asked_by(host: &MockServer) -> Vec<&'static str> {
    let asked = asked(host, "product-selections/big/products").await;
    let by = |query: &HashMap<String, Vec<String>>| match (query.contains_key("offset"), query.contains_key("where")) {
        (true, false) => "offset",
        (false, false) => "first id",
        (false, true) => "id",
        (true, true) => "both",
    };
    asked.iter().map(by).collect()
}

#[tokio::test]
async fn a_selection_beyond_the_last_offset_is_reported_where_offset_is_set() {
    let host = host().await;
    answers(&host, "product-selections/big/products", vec![members(&["a", "b"])]).await;
    let fault = walk(&paging(&host, "offset"), "stores", at_members(None, 10_000)).await.err().unwrap();
    assert_eq!(fault.code, "C0211");
    assert!(fault.hint.unwrap().contains("auto"));
}

#[tokio::test]
async fn a_selection_beyond_the_last_offset_is_paged_by_product() {
    let host = host().await;
    let pages = vec![members(&["y", "z"]), members(&["a", "b"]), members(&["c"])];
    answers(&host, "product-selections/big/products", pages).await;
    answers(&host, "stores", vec![page(2, &[])]).await;
    let walked = walk(&paging(&host, "auto"), "stores", at_members(None, 10_000)).await.unwrap();
    assert_eq!(walked.changes.len(), 5);
    assert_eq!(asked_by(&host).await, ["offset", "first id", "id"]);
}

#[tokio::test]
async fn a_selection_that_says_it_is_large_is_paged_by_product_from_the_start() {
    let host = host().await;
    let ids: Vec<String> = (0..12_000).map(|id| format!("{id:05}")).collect();
    let pages = ids.chunks(2).map(|ids| members(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
    answers(&host, "product-selections/big/products", pages.chain([members(&[])]).collect()).await;
    let source = paging(&host, "auto");
    let first = source.page(&lane(&source, "stores"), &at_members(Some(12_000), 0)).await.unwrap();
    assert_eq!((first.changes.len(), asked_by(&host).await), (2, vec!["first id"]));
}

#[tokio::test]
async fn a_selection_whose_products_are_not_sorted_is_never_taken_for_whole() {
    let host = host().await;
    // The server ignores the order: behind the last id of an arbitrary page there is little left.
    answers(&host, "product-selections/big/products", vec![members(&["y", "b"]), members(&["z"])]).await;
    let fault = walk(&paging(&host, "auto"), "stores", at_members(Some(10_600), 0)).await.err().unwrap();
    assert_eq!(fault.code, "C0217");
    assert!(fault.message.contains("3 of 10600"), "{fault}");
}

#[tokio::test]
async fn a_selection_that_can_be_paged_in_no_way_is_reported() {
    let host = host().await;
    answers(&host, "product-selections/big/products", vec![refused(400, "InvalidInput")]).await;
    let fault = walk(&paging(&host, "auto"), "stores", at_members(Some(10_600), 0)).await.err().unwrap();
    assert_eq!((fault.class, &*fault.code), (FaultClass::Config, "C0211"));
    assert!(fault.message.contains("big") && fault.message.contains("InvalidInput"), "{fault}");
}

#[tokio::test]
async fn members_that_are_paged_another_way_from_now_on_are_read_from_their_first() {
    let host = host().await;
    answers(&host, "product-selections/big/products", vec![members(&["b", "z"])]).await;
    for (before, from_now_on) in [("offset", "keyset"), ("keyset", "offset")] {
        let (before, from_now_on) = (paging(&host, before), paging(&host, from_now_on));
        let stores = lane(&before, "stores");
        let Next::Within(token) = before.page(&stores, &at_members(None, 0)).await.unwrap().next else {
            panic!("there is more")
        };
        from_now_on.page(&stores, &Position::Within(token)).await.unwrap();
        let asked = asked(&host, "product-selections/big/products").await;
        let last = asked.last().unwrap();
        assert_eq!(last.get("where"), None);
        assert!(last.get("offset").is_none_or(|offset| offset[0] == "0"), "{last:?}");
    }
}

#[tokio::test]
async fn messages_that_are_off_are_read_from_when_that_was_last_known() {
    let host = host().await;
    let source = small(&host);
    let first = walk(&source, "deletions", Position::Full).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let second = walk(&source, "deletions", Position::Delta(first.end.clone())).await.unwrap();
    assert_eq!(second.end, first.end, "the project was not asked again: they may be on since");
}

/// The stores lane of a shop with one selection and one store, which last changed then; how often each was asked for.
async fn stores(changed: &str) -> (Vec<Kind>, usize, usize) {
    let host = host().await;
    let of = |records: Value| vec![ResponseTemplate::new(200).set_body_json(json!({ "limit": 2, "results": records }))];
    let setting = json!({ "productSelection": { "typeId": "product-selection", "id": "new" }, "active": true });
    let store = json!({ "id": "s", "key": "de", "lastModifiedAt": changed, "productSelections": [setting] });
    answers(&host, "stores", of(json!([store]))).await;
    answers(&host, "product-selections", of(json!([{ "id": "new", "mode": "Individual" }]))).await;
    let member = json!({ "product": { "typeId": "product", "id": "p" } });
    answers(&host, "product-selections/new/products", of(json!([member]))).await;
    let walked = walk(&small(&host), "stores", Position::Full).await.unwrap();
    let kinds = walked.changes.iter().filter_map(|change| match change {
        Change::Is { record, .. } => Some(record.kind()),
        Change::Gone { .. } => None,
    });
    let (selections, stores) = (asked(&host, "product-selections").await, asked(&host, "stores").await);
    (kinds.collect(), selections.len(), stores.len())
}

#[tokio::test]
async fn a_store_comes_after_all_that_it_sells() {
    let order = vec![Kind::Selection, Kind::Assignment, Kind::Storefront];
    assert_eq!(stores("2026-01-01T00:00:00.000Z").await, (order.clone(), 1, 1));
    let again = [vec![Kind::Selection, Kind::Assignment], order].concat();
    assert_eq!(stores("9000-01-01T00:00:00.000Z").await, (again, 2, 2), "it changed while its selections were read");
}

#[tokio::test]
async fn a_selection_that_went_meanwhile_has_no_members() {
    let host = host().await;
    let token =
        json!({ "stage": "members", "began": 0, "size": 2, "selections": [{ "id": "gone" }, { "id": "left" }] })
            .to_string();
    answers(&host, "product-selections/gone/products", vec![refused(404, "ResourceNotFound")]).await;
    let one = json!({ "limit": 2, "results": [{ "product": { "typeId": "product", "id": "a" } }] });
    answers(&host, "product-selections/left/products", vec![ResponseTemplate::new(200).set_body_json(one)]).await;
    answers(&host, "stores", vec![page(2, &[])]).await;
    let walked = walk(&small(&host), "stores", Position::Within(Token(token))).await.unwrap();
    assert_eq!(walked.changes.len(), 1);
}

#[tokio::test]
async fn a_token_of_another_release_is_reported_and_not_guessed_at() {
    let host = host().await;
    let source = small(&host);
    for position in [Position::Within(Token("{}".to_owned())), Position::Delta(Token("page=7".to_owned()))] {
        let fault = source.page(&lane(&source, "categories"), &position).await.unwrap_err();
        assert_eq!(fault.code, "C0216");
    }
}

#[tokio::test]
async fn a_check_names_each_missing_scope_and_what_it_is_for() {
    let host = MockServer::start().await;
    token(&host, json!({ "access_token": "t", "expires_in": 9, "scope": "view_products:shop view_categories:shop view_project_settings:shop view_channels:shop view_product_types:shop" })).await;
    project(&host, json!({ "messages": { "enabled": true, "deleteDaysAfterCreation": 15 } })).await;
    let found = source(&host.uri(), json!({ "lanes": { "standalone_prices": false } })).check().await;
    let lines: Vec<String> = found
        .iter()
        .map(|finding| match &finding.result {
            Ok(text) => format!("{} ok: {text}", finding.what),
            Err(fault) => format!("{} {}: {fault}", finding.what, fault.code),
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_client_that_lacks_a_scope_learns_which() {
    let host = MockServer::start().await;
    let grant = |request: &Request| {
        if String::from_utf8_lossy(&request.body).contains("scope=") {
            ResponseTemplate::new(400).set_body_json(json!({ "error": "invalid_scope", "error_description": "no" }))
        } else {
            let scope = "view_published_products:shop view_categories:shop";
            ResponseTemplate::new(200).set_body_json(json!({ "access_token": "t", "scope": scope }))
        }
    };
    Mock::given(path("/oauth/token")).respond_with(grant).mount(&host).await;
    let found = source(&host.uri(), json!({})).check().await;
    let missing: Vec<String> =
        found.iter().filter_map(|it| it.result.as_ref().err()).map(ToString::to_string).collect();
    assert!(missing.iter().any(|text| text.contains("view_products:shop")), "{missing:?}");
    assert!(missing.iter().any(|text| text.contains("view_stores:shop")), "{missing:?}");
    assert!(!missing.iter().any(|text| text.contains("view_categories:shop")), "{missing:?}");
}

#[tokio::test]
async fn the_error_code_of_the_token_endpoint_decides_and_not_its_text() {
    let host = MockServer::start().await;
    let refusal = json!({ "error": "invalid_client", "error_description": "unknown client, or invalid_scope" });
    Mock::given(path("/oauth/token"))
        .respond_with(ResponseTemplate::new(401).set_body_json(refusal))
        .mount(&host)
        .await;
    let found = source(&host.uri(), json!({})).check().await;
    let subjects: Vec<_> = found.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!(subjects, ["credentials"], "{found:?}");
    assert_eq!(host.received_requests().await.unwrap().len(), 1, "a token of other scopes is not asked for");
}

#[tokio::test]
async fn wrong_credentials_are_reported_without_the_secret() {
    let host = MockServer::start().await;
    let body =
        json!({ "error": "invalid_client", "error_description": "client very-secret of ann@example.com is unknown" });
    let answer = ResponseTemplate::new(401).set_body_json(body);
    Mock::given(path("/oauth/token")).respond_with(answer).expect(1).mount(&host).await;
    let source = source(&host.uri(), json!({}));
    let fault = fails(&source).await;
    assert_eq!((fault.class, &*fault.code), (FaultClass::Credentials, "C0307"));
    let told = format!("{fault:?} {source:?}");
    assert!(!told.contains("very-secret") && !told.contains("ann@example.com"), "{told}");
}

#[tokio::test]
async fn scopes_are_asked_for_by_what_is_read() {
    let host = host().await;
    answers(&host, "categories", vec![page(2, &[])]).await;
    let lanes = json!({ "inventory": false, "standalone_prices": false, "stores": false, "messages": false });
    let settings = json!({ "lanes": lanes, "detect_unpublished": false });
    walk(&source(&host.uri(), settings), "categories", Position::Full).await.unwrap();
    let calls = host.received_requests().await.unwrap();
    let body = String::from_utf8(calls[0].body.clone()).unwrap();
    insta::assert_snapshot!(body);
    assert_eq!(calls[0].headers["authorization"], "Basic Y2xpZW50OnZlcnktc2VjcmV0");
}

#[tokio::test]
async fn hosts_with_a_path_prefix_work() {
    let host = MockServer::start().await;
    let grant = ResponseTemplate::new(200).set_body_json(json!({ "access_token": "t", "expires_in": 100 }));
    Mock::given(method("POST")).and(path("/login/here/oauth/token")).respond_with(grant).mount(&host).await;
    let project = ResponseTemplate::new(200).set_body_json(json!({ "key": "shop" }));
    Mock::given(path("/proxy/ct/shop")).respond_with(project).mount(&host).await;
    Mock::given(path("/proxy/ct/shop/categories")).respond_with(page(500, &["a"])).mount(&host).await;
    let (api, auth) = (format!("{}/proxy/ct/", host.uri()), format!("{}/login/here", host.uri()));
    let source = source(&host.uri(), json!({ "api_url": api, "auth_url": auth }));
    assert_eq!(walk(&source, "categories", Position::Full).await.unwrap().changes.len(), 1);
}

#[test]
fn settings_that_can_not_work_are_named() {
    let refuse = |more: Value| {
        Commercetools::with_secrets(config("http://127.0.0.1:1", &more), &secrets(), &wire::Environment::machine())
            .unwrap_err()
    };
    for (settings, named) in [
        (json!({ "project_key": "my shop" }), "project_key"),
        (json!({ "api_url": "ftp://host" }), "api_url"),
        (json!({ "api_url": "http://user:word@host" }), "api_url"),
        (json!({ "auth_url": "host/path" }), "auth_url"),
        (json!({ "api_url": null, "region": "Europe West" }), "region"),
        (json!({ "api_url": null }), "api_url"),
        (json!({ "page_size": { "products": 501 } }), "page_size.products"),
        (json!({ "max_concurrency": 0 }), "max_concurrency"),
        (json!({ "request_timeout_seconds": 0 }), "request_timeout_seconds"),
        (json!({ "attempts": 11 }), "attempts"),
        (json!({ "max_calls_per_minute": 0 }), "max_calls_per_minute"),
        (json!({ "consent": [{ "to": "email", "field": "newsletter" }] }), "consent"),
        (json!({ "consent": [{ "to": "email", "field": "custom." }] }), "consent"),
        (json!({ "consent": [{ "to": "sms", "field": "custom.a", "at": "b" }] }), "consent"),
        (json!({ "consent": [{ "to": "sms", "field": "custom.a" }, { "to": "sms", "field": "custom.a" }] }), "consent"),
        (json!({ "consent": [{ "to": "sms", "field": "custom.a", "granted": [], "denied": [] }] }), "consent"),
    ] {
        let fault = refuse(settings);
        assert_eq!((fault.class, &*fault.code), (FaultClass::Config, "C0213"));
        assert!(fault.message.contains(named), "{fault}");
    }
}

#[test]
fn the_registry_builds_and_refuses() {
    let told = |mut settings: Value| {
        settings["kind"] = json!("commercetools");
        let config = serde_json::from_value::<sources::Config>(settings).map_err(|error| error.to_string())?;
        let (environment, demand) = (wire::Environment::machine(), contract::Demand::default());
        let scratch = std::path::Path::new("never-made");
        let setup = sources::Setup { environment: &environment, demand: &demand, scratch };
        config.build(&setup).map(drop).map_err(|fault| format!("{} {fault}", fault.code))
    };
    let unknown = told(json!({ "project_key": "p", "client_id": "env:A", "client_secret": "env:B", "regoin": "x" }));
    assert!(unknown.unwrap_err().contains("regoin"));
    let open = told(json!({ "project_key": "p", "client_id": "abc", "client_secret": "hunter2-hunter2" })).unwrap_err();
    assert!(open.contains("env:NAME") && !open.contains("hunter2"), "{open}");
    let missing = told(json!({
        "project_key": "p", "region": "europe-west1.gcp",
        "client_id": "env:CARTAGE_TEST_NOT_SET", "client_secret": "env:CARTAGE_TEST_NOT_SET",
    }));
    let missing = missing.unwrap_err();
    assert!(missing.starts_with("C0214") && missing.contains("CARTAGE_TEST_NOT_SET"), "{missing}");
    assert!(serde_json::from_value::<sources::Config>(json!({ "kind": "shopify" })).is_err());
}

#[test]
fn every_setting_has_a_reference_text() {
    for kind in sources::KINDS {
        let schema = (kind.schema)().to_value();
        let inner = schema.get("$defs").and_then(Value::as_object).into_iter().flatten().map(|(_, schema)| schema);
        for schema in std::iter::once(&schema).chain(inner) {
            for (property, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                assert!(schema.get("description").is_some(), "{property}");
            }
        }
    }
}
