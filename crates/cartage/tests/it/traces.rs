//! Traces that are asked for arrive at a collector whole and without secrets, and a collector that is not there neither
//! fails nor slows a pass.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Uri},
};

use crate::harness::{Shop, serve};

// ── a collector ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// What it was sent: path, content type, body.
type Received = Arc<Mutex<Vec<(String, String, Bytes)>>>;

/// A collector that keeps whatever it is sent; its address.
async fn collector(received: &Received) -> String {
    let received = Arc::clone(received);
    let keep = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let of = headers["content-type"].to_str().unwrap().to_owned();
        received.lock().unwrap().push((uri.path().to_owned(), of, body));
    };
    serve(Router::new().fallback(keep)).await
}

#[derive(Debug)]
struct Span {
    service: String,
    id: Vec<u8>,
    parent: Vec<u8>,
    trace: Vec<u8>,
    name: String,
    attributes: BTreeMap<String, String>,
}

/// Fields of a protobuf message: number and bytes; numbers of a fixed or variable length are left out.
fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
    fn varint(message: &mut &[u8]) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = message.split_first().unwrap();
            *message = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        match tag & 7 {
            0 => drop(varint(&mut message)),
            1 => message = &message[8..],
            5 => message = &message[4..],
            2 => {
                let length = usize::try_from(varint(&mut message)).unwrap();
                let (field, rest) = message.split_at(length);
                message = rest;
                fields.push((tag >> 3, field));
            }
            wire => panic!("no protobuf: wire type {wire}"),
        }
    }
    fields
}

fn all(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    fields(message).into_iter().filter(move |(found, _)| *found == number).map(|(_, field)| field)
}

fn text(message: &[u8], number: u64) -> String {
    all(message, number).next().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
}

/// Pairs of a list of `KeyValue`s; only values that are text.
fn pairs(message: &[u8], number: u64) -> BTreeMap<String, String> {
    all(message, number)
        .map(|pair| (text(pair, 1), all(pair, 2).next().map(|value| text(value, 1)).unwrap_or_default()))
        .collect()
}

/// The spans of an `ExportTraceServiceRequest` (numbers as in opentelemetry-proto, trace/v1/trace.proto).
fn spans(request: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    for resource in all(request, 1) {
        let service = all(resource, 1).next().map(|it| pairs(it, 1)["service.name"].clone()).unwrap();
        for span in all(resource, 2).flat_map(|scope| all(scope, 2)) {
            let bytes = |number| all(span, number).next().unwrap_or_default().to_vec();
            spans.push(Span {
                service: service.clone(),
                trace: bytes(1),
                id: bytes(2),
                parent: bytes(4),
                name: text(span, 5),
                attributes: pairs(span, 9),
            });
        }
    }
    spans
}

// ── what is promised ────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_traced_by_walk_push_and_call_and_no_secret_leaves_with_it() {
    let shop = Shop::odd(60).await;
    let received = Received::default();
    let url = collector(&received).await;
    shop.configure(&format!("[telemetry]\nlog = \"debug\"\notlp_endpoint = \"{url}\""));
    let _sets_some_aside = shop.cartage(&["sync"]).await;

    let received = received.lock().unwrap();
    assert!(!received.is_empty(), "nothing was exported");
    for (path, of, _) in received.iter() {
        assert_eq!((path.as_str(), of.as_str()), ("/v1/traces", "application/x-protobuf"));
    }
    let spans: Vec<Span> = received.iter().flat_map(|(.., body)| spans(body)).collect();
    assert!(spans.iter().all(|span| span.service == "cartage"), "{spans:?}");
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let (walks, pushes, calls) = (named("walk"), named("push"), named("call"));
    let lanes: Vec<&str> = walks.iter().map(|walk| walk.attributes["lane"].as_str()).collect();
    assert!(lanes.contains(&"products") && lanes.contains(&"categories"), "{lanes:?}");
    assert!(walks.iter().chain(&pushes).all(|span| span.parent.is_empty()), "{spans:?}");
    assert!(!calls.is_empty());
    for call in calls {
        let push = pushes.iter().find(|push| push.id == call.parent).unwrap_or_else(|| panic!("{call:?}"));
        assert_eq!(push.trace, call.trace);
        assert!(push.attributes["flow"].starts_with("clerk-"), "{push:?}");
    }

    let whole: Vec<u8> = received.iter().flat_map(|(.., body)| body.to_vec()).collect();
    let whole = String::from_utf8_lossy(&whole);
    let folder = shop.config.parent().unwrap();
    let mut secrets = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|of| of == "secret") {
            let secret = std::fs::read_to_string(&path).unwrap();
            assert!(!whole.contains(secret.trim()), "{} is in the traces", path.display());
            secrets += 1;
        }
    }
    assert_eq!(secrets, 6, "secrets are kept elsewhere by now");
    assert!(!whole.contains("Bearer") && !whole.contains("Basic"), "a header is in the traces");
    let name = shop.store("de").products().into_values().next().unwrap()["name"].as_str().unwrap().to_owned();
    assert!(!whole.contains(&name), "a payload is in the traces");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_is_reported_once_and_changes_nothing() {
    let shop = Shop::uniform(200).await;
    // A port that nobody listens on.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    shop.configure(&format!("[telemetry]\notlp_endpoint = \"http://{gone}\""));
    let ran = shop.cartage(&["sync"]).await.ended(0);
    assert_eq!(ran.err.matches("traces can't be exported").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("telemetry.otlp_endpoint") && !ran.err.contains("BatchSpanProcessor"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_holds_nothing_up() {
    let shop = Shop::uniform(200).await;
    let silent = serve(Router::new().fallback(std::future::pending::<()>)).await;
    shop.configure(&format!("[telemetry]\notlp_endpoint = \"{silent}\""));
    // The harness fails where it does not end.
    shop.cartage(&["sync"]).await.ended(0);
}
