//! `cartage bench-floor`: receives and parses the pages that a pass read, and does nothing else.
//!
//! The benchmark lists the requests of a pass as its emulator saw them, so the floor reads all lanes, page by page, as
//! the pass did. What a pass costs beyond this is Cartage's own work.

mod archive;
mod bigcommerce;
mod commercetools;
mod rows;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use wire::{Client, Environment, HeaderMap, HeaderName, HeaderValue, Options, Request, Url};

use super::{super::clock, args::Platform};
use crate::output::{Exit, Failure, Output, cpu_seconds, peak_rss_bytes};

/// What to read: the requests of a pass, in their order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Whose pages they are.
    pub(super) platform: Platform,
    /// The emulator's address, without a slash at the end.
    pub(super) base: String,
    /// Headers by which the pass was let in.
    pub(super) headers: BTreeMap<String, String>,
    /// Path and query of each `GET`; of SFCC those of archives alone.
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
    let headers = headers(&plan)?;
    let mut records = 0;
    for page in &plan.pages {
        let url = Url::parse(&format!("{}{page}", plan.base)).with_context(|| format!("{page} is no address"))?;
        let request = Request { headers: headers.clone(), ..Request::get(url) };
        let read = match plan.platform {
            Platform::Commercetools => parsed(&client, request, commercetools::parse).await,
            Platform::Bigcommerce => parsed(&client, request, bigcommerce::parse).await,
            Platform::Sfcc => archive::receive_and_parse(&client, request).await,
        };
        records += read.with_context(|| format!("the answer to GET {page} can't be used"))? as u64;
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

fn headers(plan: &Plan) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &plan.headers {
        let value = HeaderValue::from_str(value).with_context(|| format!("the value of {name} is no header"))?;
        headers.insert(HeaderName::try_from(name).context("a header has no such name")?, value);
    }
    Ok(headers)
}

/// Receives a page of JSON; `parse` takes its path and text, and returns the number of its records.
async fn parsed(
    client: &Client,
    request: Request,
    parse: impl Fn(&str, &str) -> Result<usize, serde_json::Error>,
) -> anyhow::Result<usize> {
    let path = request.url.path().to_owned();
    let request = request.header(HeaderName::from_static("accept"), HeaderValue::from_static("application/json"));
    let response = client.call(request).await.map_err(|broken| broken.fault)?;
    ensure!(response.is_success(), "it was answered with {}", response.status);
    let body = str::from_utf8(&response.body).context("it is no text")?;
    Ok(parse(&path, body)?)
}
