//! `cartage bench-floor`: receives and parses the pages that a pass read, and does nothing else.
//!
//! The benchmark lists the requests of a pass as its emulator saw them, so the floor reads all lanes, page by page, as
//! the pass did. What a pass costs beyond this is Cartage's own work.

mod json;

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use wire::{Client, Environment, HeaderName, HeaderValue, Options, Request, Url};

use super::super::clock;
use crate::output::{Exit, Failure, Output, cpu_seconds, peak_rss_bytes};

/// What to read: the requests of a pass, in their order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The emulator's address, without a slash at the end.
    pub(super) base: String,
    /// The header `authorization`, as the pass sent it.
    pub(super) authorization: String,
    /// Path and query of each `GET`.
    pub(super) pages: Vec<String>,
}

/// What it cost.
#[derive(Serialize)]
struct Report {
    /// Records of every kind.
    records: u64,
    seconds: f64,
    /// User and system.
    cpu_seconds: f64,
    peak_rss_bytes: u64,
    source_calls: u64,
}

pub(super) async fn run(plan: &Path, output: Output<'static>) -> Result<Exit, Failure> {
    let clock = clock();
    let began = clock.now();
    let text = fs::read_to_string(plan).with_context(|| format!("{} can't be read", plan.display()))?;
    let plan: Plan = serde_json::from_str(&text).context("the list of pages is not as bench writes it")?;
    let client = Environment::machine().client(&Options { max_body_bytes: 64 << 20, ..Options::default() })?;
    let authorization = HeaderValue::from_str(&plan.authorization).context("the authorization is no header")?;
    let mut records = 0;
    for page in &plan.pages {
        records += receive_and_parse(&client, &plan.base, &authorization, page).await? as u64;
    }
    let report = Report {
        records,
        seconds: began.until(clock.now()).as_secs_f64(),
        cpu_seconds: cpu_seconds(),
        peak_rss_bytes: peak_rss_bytes(),
        source_calls: client.calls(),
    };
    output.document(&report)?;
    output.line(format!("{records} records in {:.2} s, {:.2} CPU s", report.seconds, report.cpu_seconds))?;
    Ok(Exit::Done)
}

async fn receive_and_parse(
    client: &Client,
    base: &str,
    authorization: &HeaderValue,
    page: &str,
) -> anyhow::Result<usize> {
    let url = Url::parse(&format!("{base}{page}")).with_context(|| format!("{page} is no address"))?;
    let path = url.path().to_owned();
    let request = Request::get(url)
        .header(HeaderName::from_static("authorization"), authorization.clone())
        .header(HeaderName::from_static("accept"), HeaderValue::from_static("application/json"));
    let response = client.call(request).await.map_err(|broken| broken.fault)?;
    ensure!(response.is_success(), "GET {page} was answered with {}", response.status);
    let body = str::from_utf8(&response.body).context("an answer is no text")?;
    parse(&path, body).with_context(|| format!("the answer to GET {page} can't be parsed"))
}

/// Parses what a path below `/{project}/` gives; returns the number of records.
fn parse(path: &str, body: &str) -> Result<usize, serde_json::Error> {
    let mut segments = path.split('/').skip(2);
    match (segments.next(), segments.nth(1)) {
        (Some("product-projections"), None) => json::page::<json::ProductProjection<'_>>(body),
        (Some("products"), None) => json::page::<json::UnpublishedProduct<'_>>(body),
        (Some("categories"), None) => json::page::<json::Category<'_>>(body),
        (Some("product-types"), None) => json::page::<json::ProductType<'_>>(body),
        (Some("inventory"), None) => json::page::<json::InventoryEntry<'_>>(body),
        (Some("standalone-prices"), None) => json::page::<json::StandalonePrice<'_>>(body),
        (Some("channels"), None) => json::page::<json::Channel<'_>>(body),
        (Some("customer-groups"), None) => json::page::<json::CustomerGroup<'_>>(body),
        (Some("stores"), None) => json::page::<json::Store<'_>>(body),
        (Some("product-selections"), None) => json::page::<json::ProductSelection<'_>>(body),
        (Some("product-selections"), Some("products")) => json::page::<json::AssignedProductReference<'_>>(body),
        (Some("messages"), None) => json::page::<json::Message<'_>>(body),
        (None, _) => serde_json::from_str::<json::Project>(body).map(|_| 1),
        _ => serde_json::from_str::<IgnoredAny>(body).map(|_| 1),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_kind_of_page_is_parsed_as_what_it_is() {
        let entry = r#"{"limit": 1, "results": [{"id": "a", "sku": "A-1"}]}"#;
        assert_eq!(parse("/shop/inventory", entry).unwrap(), 1);
        assert!(parse("/shop/product-projections", entry).is_err(), "an inventory entry is no product");
        assert!(parse("/shop/product-selections/s/products", entry).is_err(), "nor an assignment");
        assert_eq!(parse("/shop", r#"{"key": "shop"}"#).unwrap(), 1);
    }
}
