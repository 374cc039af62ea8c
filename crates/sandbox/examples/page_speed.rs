//! How fast the emulated commercetools pages a catalogue, and what it takes to hold one.
//!
//! `cargo run --release -p sandbox --example page_speed -- [products] [seconds the shop may take]`
//!
//! Pages all published projections by keyset on loopback, once as plain JSON and once as gzip, each page read to its
//! end and not parsed; then makes changes and follows them by delta.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement, run by hand"
)]

use std::time::{Duration, Instant};

use http::StatusCode;
use sandbox::catalogue::{Options, generate};
use sandbox::commercetools::{Change, Emulator, Settings};

#[tokio::main]
async fn main() {
    let products = std::env::args().nth(1).map_or(20_000, |text| text.parse().expect("a number of products"));
    let options = Options { products, oddities: false, ..Options::default() };
    let emulator = Emulator::new(Settings { messages_enabled: true, ..Settings::default() });
    let before = Instant::now();
    let seeded = emulator.seed(&generate(&options)).unwrap();
    println!("{seeded:?}");
    println!("seeded in {:.1} s, resident {} MiB", before.elapsed().as_secs_f64(), resident_mib());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(sandbox::serve::serve(emulator.router(), listener, std::future::pending()));
    rustls::crypto::ring::default_provider().install_default().ok();
    let client =
        Client { http: reqwest::Client::builder().no_gzip().no_proxy().build().unwrap(), base, token: String::new() };
    let client = client.with_token().await;

    for encoding in ["identity", "gzip"] {
        let processor = processor_time();
        let (records, bytes, took) = client.walk(encoding).await;
        let processor = processor_time().saturating_sub(processor);
        assert_eq!(records, products);
        println!(
            "{encoding}: {records} projections, {:.1} MB, {:.2} s; {:.2} s of processor for client and server",
            bytes as f64 / 1e6,
            took.as_secs_f64(),
            processor.as_secs_f64()
        );
    }
    for count in [1_usize, 100, 10_000] {
        let count = count.min(products);
        let since = emulator.instant();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let keys = emulator.product_keys();
        let start = Instant::now();
        for key in keys.iter().step_by(products / count).take(count) {
            let text = Some(format!("changed {count}"));
            emulator.change(Change::SetName { product: key.clone(), locale: "en".into(), text }).unwrap();
        }
        let (changed, start) = (start.elapsed(), Instant::now());
        let found = client.delta(&since.to_string()).await;
        println!(
            "{count} changes in {:.3} s, delta of {found} in {:.3} s",
            changed.as_secs_f64(),
            start.elapsed().as_secs_f64()
        );
    }
    println!("peak resident {} MiB", peak_mib());
}

struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    async fn with_token(mut self) -> Self {
        let request =
            self.http.post(format!("{}/oauth/token", self.base)).basic_auth("sandbox", Some("sandbox-secret"));
        let text = request.body("grant_type=client_credentials").send().await.unwrap().text().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        answer.get("access_token").unwrap().as_str().unwrap().clone_into(&mut self.token);
        self
    }

    async fn page(&self, query: &str, encoding: &str) -> Vec<u8> {
        let url = format!("{}/sandbox/product-projections?limit=500&withTotal=false&{query}", self.base);
        let request = self.http.get(url).bearer_auth(&self.token).header("accept-encoding", encoding);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.bytes().await.unwrap().into()
    }

    /// Records, bytes on the wire, time.
    async fn walk(&self, encoding: &str) -> (usize, usize, Duration) {
        let start = Instant::now();
        let (mut records, mut bytes, mut reading) = (0, 0, Duration::ZERO);
        let mut query = "sort=id%20asc".to_owned();
        loop {
            let page = self.page(&query, encoding).await;
            bytes += page.len();
            // What a client does with a page is its own time.
            let read = Instant::now();
            let text = if encoding == "gzip" { gunzip(&page) } else { page };
            let (count, last) = count_and_last(&text);
            reading += read.elapsed();
            let Some(last) = last else { break };
            records += count;
            query = format!("sort=id%20asc&where=id%20%3E%20%22{last}%22");
        }
        (records, bytes, start.elapsed().saturating_sub(reading))
    }

    async fn delta(&self, since: &str) -> usize {
        let mut after = format!("lastModifiedAt%20%3E%20%22{since}%22");
        let mut found = 0;
        loop {
            let query = format!("sort=lastModifiedAt%20asc&sort=id%20asc&where={after}");
            let page: serde_json::Value = serde_json::from_slice(&self.page(&query, "identity").await).unwrap();
            let results = page.get("results").unwrap().as_array().unwrap();
            let Some(last) = results.last() else { return found };
            found += results.len();
            let text = |name: &str| last.get(name).unwrap().as_str().unwrap();
            let (time, id) = (text("lastModifiedAt"), text("id"));
            after = format!(
                "lastModifiedAt%20%3E%20%22{time}%22%20or%20%28lastModifiedAt%20%3D%20%22{time}%22%20and%20id%20%3E%20%22{id}%22%29"
            );
        }
    }
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}

/// Number of results, and the id of the last: cheaply, by their common head.
fn count_and_last(page: &[u8]) -> (usize, Option<String>) {
    let text = std::str::from_utf8(page).unwrap();
    let heads: Vec<&str> =
        text.split("{\"id\":\"").skip(1).filter(|rest| rest.get(36..48) == Some("\",\"version\":")).collect();
    let with_dates = heads.iter().filter(|rest| rest.get(48..80).is_some_and(|rest| rest.contains("createdAt")));
    let last = with_dates.clone().next_back().and_then(|rest| rest.get(..36));
    (with_dates.count(), last.map(str::to_owned))
}

/// What this process has computed so far; the system counts it in hundredths of a second.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn resident_mib() -> u64 {
    status_kib("VmRSS") / 1024
}

fn peak_mib() -> u64 {
    status_kib("VmHWM") / 1024
}
