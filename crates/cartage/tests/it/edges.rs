//! Whoever reaches the port can't hold up the work, and nobody takes a broken feed for a whole one.

use std::{
    collections::BTreeMap,
    io::Read as _,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body, extract::Request, response::Response};
use cartage::{assemble, config::Config};
use contract::executor::{Executor, Job, Threads};
use engine::observe::Silent;
use sandbox::fault::{FaultPlan, Latency};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tower::ServiceExt as _;

use crate::{
    feeds::{edges, get, token},
    harness::{FakeClock, Process, Shop, until},
};

const SOON: Duration = Duration::from_secs(30);

async fn ask(edges: &Router, request: Request) -> Response {
    tokio::time::timeout(SOON, edges.clone().oneshot(request)).await.expect("it waits for the work").unwrap()
}

fn feed(token: &str) -> http::request::Builder {
    Request::builder().uri("/feed/clerk-de/products").header("X-Clerk-Authorization", token)
}

async fn whole(response: Response) -> Vec<u8> {
    let body = tokio::time::timeout(SOON, axum::body::to_bytes(response.into_body(), usize::MAX));
    body.await.expect("it waits for the work").unwrap().to_vec()
}

/// Does no job while it is shut: whoever needs the database over this waits.
#[derive(Default)]
struct Gated {
    shut: AtomicBool,
    waits: std::sync::atomic::AtomicUsize,
    never: tokio::sync::Notify,
}

#[async_trait]
impl Executor for Gated {
    async fn execute(&self, job: Job) {
        if self.shut.load(Ordering::Relaxed) {
            self.waits.fetch_add(1, Ordering::Relaxed);
            self.never.notified().await;
        }
        Threads.execute(job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_take_no_connection_to_the_database_that_pushing_needs() {
    let shop = Shop::uniform(10).await;
    let gated = Arc::new(Gated::default());
    let loaded = Config::load(&shop.config).unwrap();
    let executor = Arc::<Gated>::clone(&gated);
    let store = store::Sqlite::with_executor(&shop.database(), store::Options::default(), executor).unwrap();
    let store: Arc<dyn contract::Store> = Arc::new(store);
    let parts = assemble::parts(&loaded).unwrap_or_else(|failure| panic!("{failure}"));
    let clock = FakeClock::new(20);
    let engine = assemble::engine_of(&loaded, parts, Arc::clone(&store), clock, Arc::new(Silent), false);
    engine.register().await.unwrap();
    let process = Process { engine, store, database: shop.database() };
    assert!(process.sync().await.converged());
    let (edges, token) = (edges(&process), token(&shop, "de").await);

    // Nothing of the engine's reaches its database any more; every answer from outside comes all the same.
    gated.shut.store(true, Ordering::Relaxed);
    for path in ["/healthz", "/readyz", "/metrics"] {
        let response = ask(&edges, Request::builder().uri(path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200, "{path}");
        whole(response).await;
    }
    let response = ask(&edges, feed(&token).body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert!(whole(response).await.len() > 1000);
    // Only what the import settles is the engine's, and it is settled in a task of its own.
    let waits = || gated.waits.load(Ordering::Relaxed);
    until("the import to be settled", || waits() > 0).await;
    assert_eq!(waits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_given_while_every_slot_of_the_push_is_taken_and_takes_none() {
    let shop = Shop::uniform(10).await;
    shop.synced().await;
    let (latency, paths) = (Latency { min: 3_600_000, max: 3_600_000 }, vec!["/v2/products".to_owned()]);
    shop.world.clerk_faults.set(FaultPlan { latency_ms: Some(latency), paths, ..FaultPlan::default() }).unwrap();
    shop.replace("[flows.clerk-de.fields]\n", "[flows.clerk-de.fields]\nother = \"'x'\"\n");
    let process = shop.open().await;
    let (ending, stopped) = watch::channel(false);
    let engine = Arc::clone(&process.engine);
    let running = tokio::spawn(async move { engine.run(&stopped).await });
    let (edges, token) = (edges(&process), token(&shop, "de").await);
    let calls = || shop.destination_calls();
    let before = calls();
    until("a call of the push to hang", || calls() > before || process.engine.flows[0].destination.calls() > 0).await;
    for _ in 0..5 {
        let response = ask(&edges, feed(&token).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        whole(response).await;
    }
    ending.send_replace(true);
    running.abort();
    let _cut_off = running.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_say_that_no_cache_may_keep_them_and_take_bearer_in_any_case() {
    let shop = Shop::uniform(3).await;
    let process = shop.synced().await;
    let (edges, token) = (edges(&process), token(&shop, "de").await);
    for token in [token.clone(), token.replace("Bearer", "bearer"), token.replace("Bearer", "BEARER"), "x".to_owned()] {
        let response = ask(&edges, feed(&token).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), if token == "x" { 403 } else { 200 });
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    // What was asked for is not said back.
    let (status, _, body) = get(&edges, "/feed/clerk-xyz/products", Some(&token)).await;
    assert!(status == 404 && !body.contains("xyz"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_compressed_for_whoever_accepts_that() {
    let shop = Shop::uniform(40).await;
    let process = shop.synced().await;
    let (edges, token) = (edges(&process), token(&shop, "de").await);
    let plain = ask(&edges, feed(&token).body(Body::empty()).unwrap()).await;
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = whole(plain).await;
    let request = feed(&token).header("Accept-Encoding", "gzip").body(Body::empty()).unwrap();
    let packed = ask(&edges, request).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = whole(packed).await;
    assert!(packed.len() * 2 < plain.len(), "{} of {}", packed.len(), plain.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
}

/// Serves the edges over a socket, as `cartage run` does.
async fn serve(edges: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server::serve(listener, edges, server::Limits::default(), std::future::pending()));
    address
}

/// Everything that is answered to a request of this HTTP version, to the end of the connection.
async fn raw(address: SocketAddr, version: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} {version}\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _end = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("no end");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Over HTTP/1.0 an answer ends with its connection: one that broke off would look whole, and absence deletes.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_over_http_1_0_is_refused_and_one_that_breaks_off_shows_it() {
    let shop = Shop::uniform(400).await;
    let process = shop.synced().await;
    let (address, token) = (serve(edges(&process)).await, token(&shop, "de").await);
    let header = format!("X-Clerk-Authorization: {token}\r\n");
    let path = "/feed/clerk-de/products?format=ndjson";
    let answer = raw(address, "HTTP/1.0", path, &header).await;
    assert!(answer.starts_with("HTTP/1.0 505") && answer.contains("proxy_http_version 1.1"), "{answer}");
    assert!(raw(address, "HTTP/1.0", "/healthz", "").await.contains("200 OK"));
    let answer = raw(address, "HTTP/1.1", path, &header).await;
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "a whole feed ends with the last chunk");

    // A body in the middle is damaged: the feed breaks off, visibly, whether it is compressed or not.
    let file = rusqlite::Connection::open(&process.database).unwrap();
    let spoil = "UPDATE body SET bytes = x'00' WHERE n = (SELECT max(n) - 5 FROM record WHERE kind = 1)";
    let kind = model::Kind::Product.number();
    assert_eq!(file.execute(&spoil.replace("kind = 1", &format!("kind = {kind}")), []).unwrap(), 1);
    for accept in ["", "Accept-Encoding: gzip\r\n"] {
        let answer = raw(address, "HTTP/1.1", path, &format!("{header}{accept}")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:.300}");
        assert!(!answer.ends_with("\r\n0\r\n\r\n"), "it looks whole {accept}");
    }
}

/// A hundred feeds that nobody reads on hold few records, and the others wait or are told to come again.
#[tokio::test(flavor = "multi_thread")]
async fn feeds_under_way_are_bounded() {
    let shop = Shop::uniform(400).await;
    let process = shop.synced().await;
    let (edges, token) = (edges(&process), token(&shop, "de").await);
    // Once the token is known, it is not among those of strangers.
    whole(ask(&edges, feed(&token).body(Body::empty()).unwrap()).await).await;
    let gate = Arc::new(Semaphore::new(0));
    let mut asked = BTreeMap::new();
    for number in 0..40 {
        let (edges, token, gate) = (edges.clone(), token.clone(), Arc::clone(&gate));
        let task = tokio::spawn(async move {
            let response = edges.oneshot(feed(&token).body(Body::empty()).unwrap()).await.unwrap();
            let status = response.status().as_u16();
            let held = gate.acquire().await;
            drop((held, response));
            status
        });
        asked.insert(number, task);
    }
    tokio::time::sleep(Duration::from_secs(8)).await;
    gate.add_permits(100);
    let mut statuses = Vec::new();
    for task in asked.into_values() {
        statuses.push(task.await.unwrap());
    }
    let given = statuses.iter().filter(|status| **status == 200).count();
    assert!((1..40).contains(&given), "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
}
