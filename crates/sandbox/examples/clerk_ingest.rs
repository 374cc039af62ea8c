//! How many products per second the Clerk emulator takes in, per core: `cargo run --release --example clerk_ingest`.
//!
//! Prints the rate of the emulator alone (its router called directly), then over HTTP on loopback with the client's
//! share in the same figure. Counts the processor's time where the system tells it (Linux), so that a busy machine
//! doesn't change the figure.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "an example that measures"
)]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use sandbox::clerk::{Emulator, Settings};
use serde_json::json;
use tower::ServiceExt as _;

const PRODUCTS: usize = 20_000;

fn batches(size: usize) -> Vec<Bytes> {
    let ids = (1..=PRODUCTS).collect::<Vec<_>>();
    ids.chunks(size)
        .map(|ids| {
            let products = ids.iter().map(|&id| product(id)).collect::<Vec<_>>();
            let body = json!({"key": "sandboxDEpublic", "private_key": "sandboxDEprivate", "products": products});
            Bytes::from(body.to_string())
        })
        .collect()
}

/// About 4 KB, as a connector sends it: a description, five variants in parallel lists, a few attributes.
fn product(id: usize) -> serde_json::Value {
    let five = |what: &str| (0..5).map(|n| format!("{what}-{id}-{n}")).collect::<Vec<_>>();
    let sentence = "Eine leichte Jacke für jeden Weg, mit \"Kapuze\" & Taschen – gemacht für Regen und Wind.\n";
    json!({
        "id": id.to_string(), "name": format!("Trail Jacket {id}"), "description": sentence.repeat(32),
        "price": 89.9, "list_price": 119.0, "on_sale": true, "stock": 17, "brand": "Nordby", "sku": format!("TJ-{id}"),
        "image": format!("https://shop.example/i/{id}.jpg"), "url": format!("https://shop.example/p/{id}"),
        "categories": ["c12", "c34", "c56"], "created_at": 1_718_000_000, "color": ["red", "blue"], "size": ["S", "M", "L"],
        "variant_ids": five("v"), "variant_skus": five("TJ"), "variant_prices": [89.9, 89.9, 89.9, 89.9, 95.0],
        "variant_stocks": [5, 12, 0, 0, 0], "variant_images": five("https://shop.example/images/variants/of/product"),
        "variant_options": five("red / S"), "material": "Polyamid", "season": "winter", "waterproof": true,
    })
}

/// What this thread has used of a processor.
fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse::<u64>().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn rate(start: Duration) -> f64 {
    PRODUCTS as f64 / processor_time().saturating_sub(start).as_secs_f64()
}

async fn direct(size: usize) -> f64 {
    let router = Emulator::new(Settings::default()).router();
    let batches = batches(size);
    let start = processor_time();
    for body in batches {
        let request = http::Request::post("/v2/products").body(Body::from(body)).unwrap();
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 200);
    }
    rate(start)
}

async fn over_http(size: usize) -> f64 {
    let emulator = Emulator::new(Settings::default());
    let router = sandbox::fault::Faults::default().wrap(emulator.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v2/products", listener.local_addr().unwrap());
    tokio::spawn(sandbox::serve::serve(router, listener, std::future::pending()));
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let batches = batches(size);
    let start = processor_time();
    for body in batches {
        assert_eq!(client.post(&url).body(body).send().await.unwrap().status(), 200);
    }
    rate(start)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("a product is {} bytes", product(1000).to_string().len());
    for size in [100, 500] {
        for _ in 0..3 {
            let (direct, http) = (direct(size).await, over_http(size).await);
            println!("batches of {size}: {direct:.0} products/s in the router, {http:.0} over HTTP with the client");
        }
    }
}
