//! `cartage bench-floor`: receives and parses every page of products, and does nothing else.

use std::path::Path;

use serde::Serialize;
use sources::commercetools::{Connector, floor::receive_and_parse};
use wire::Environment;

use super::super::{clock, load};
use crate::output::{Exit, Failure, Output, cpu_seconds, peak_rss_bytes};

#[derive(Serialize)]
struct Report {
    products: u64,
    seconds: f64,
    cpu_seconds: f64,
    peak_rss_bytes: u64,
    source_calls: u64,
}

pub(super) async fn run(path: &Path, output: Output) -> Result<Exit, Failure> {
    let loaded = load(path)?;
    let clock = clock();
    let began = clock.now();
    let (mut products, mut source_calls) = (0, 0);
    for settings in loaded.config.sources.values() {
        let sources::Config::Commercetools(config) = &settings.connector;
        let source = Connector::new(config.clone(), &Environment::machine())?;
        products += receive_and_parse(&source).await?;
        source_calls += contract::Source::calls(&source);
    }
    let seconds = began.until(clock.now()).as_secs_f64();
    let report =
        Report { products, seconds, cpu_seconds: cpu_seconds(), peak_rss_bytes: peak_rss_bytes(), source_calls };
    output.document(&report)?;
    output.line(format!("{products} products in {seconds:.2} s, {:.2} CPU s", report.cpu_seconds))?;
    Ok(Exit::Done)
}
