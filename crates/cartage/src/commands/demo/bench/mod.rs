//! `cartage bench`: what a pass costs, with the emulators in a process of their own (this one), and its floor beside it.
//!
//! Two shapes of shop: *light* (uniform products with their stock inside, one market) and *default* (the generated shop
//! as `cartage demo` sells it: stock entries, selections, standalone prices, two markets, an expression of the user's).
//! The floor of a step receives and parses the very pages that the step read, with a parser that does not follow the
//! connector (`super::floor`). Machines differ and are shared, so the ratio of both CPU times of one run counts. What hostile
//! connections cost (`hostile`) is a ratio too, of two passes that follow each other. How soon a change arrives by its webhook
//! (`webhooks`) is a time, and says as much about the machine. Each service has a line of its own (`services`), and so have the
//! other platforms (`sources`).

mod changes;
pub(super) mod hostile;
mod job;
mod report;
mod services;
mod sources;
mod webhooks;

use std::fs;

use anyhow::Context as _;
use clap::ValueEnum as _;
use store::Scratch;

use super::args::{BenchArgs, Platform, Service};
use crate::output::{Exit, Failure, Output};
use changes::By;
use job::{Job, Shape};
use report::Bench;

/// How many records change at once.
const CHANGES: [usize; 3] = [1, 100, 10_000];

pub(super) async fn run(args: &BenchArgs, output: Output<'static>) -> Result<Exit, Failure> {
    let scratch = Scratch::new()?;
    let mut bench = Bench::default();
    for shape in Shape::ALL {
        if args.only.as_ref().is_some_and(|only| only != shape.name()) {
            continue;
        }
        let pairs = if shape == Shape::Light { args.pairs } else { 0 };
        for (products, runs, pairs) in [(args.products, args.runs.max(1), pairs), (args.large, 1, 0)] {
            if products > 0 {
                measure(&mut bench, &Job::start(scratch.path(), shape, products, output).await?, runs, pairs).await?;
            }
        }
    }
    for platform in [Platform::Commercetools, Platform::Bigcommerce].into_iter().filter(|_| args.webhooks > 0) {
        bench.webhooks.push(webhooks::measure(scratch.path(), platform, args.webhooks, output).await?);
    }
    if args.bigcommerce > 0 {
        bench.readings.extend(sources::bigcommerce(scratch.path(), args.bigcommerce, output).await?);
    }
    if args.sfcc > 0 {
        bench.readings.push(sources::sfcc(scratch.path(), args.sfcc, output).await?);
    }
    for service in Service::value_variants().iter().filter(|_| args.services > 0) {
        bench.deliveries.push(services::cost(scratch.path(), *service, args.services, output).await?);
    }
    if args.services > 0 && args.pairs > 0 {
        bench.troubles = services::beside_trouble(scratch.path(), args.services, args.pairs, output).await?;
    }
    let bench = bench.with_ratios();
    if let Some(folder) = args.out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&args.out, serde_json::to_string_pretty(&bench).context("the figures can't be written as JSON")?)
        .with_context(|| format!("{} can't be written", args.out.display()))?;
    output.document(&bench)?;
    output.line(format!("\n{}", bench.text()))?;
    output.line(format!("figures as JSON: {}", args.out.display()))?;
    Ok(Exit::Done)
}

/// Every step of one shop.
async fn measure(bench: &mut Bench, job: &Job, runs: usize, pairs: usize) -> anyhow::Result<()> {
    for _ in 0..runs {
        job.empty()?;
        bench.figures.push(job.sync("full job", None).await?);
    }
    bench.figures.push(job.sync("unchanged poll", None).await?);
    // Before anything changes: for a minute after it, polls read what changed once more. It begins with an empty database,
    // and leaves a full one.
    bench.memory.push(job.run().await?);
    for _ in 0..pairs {
        bench.pairs.push(hostile::pair(job).await?);
    }
    for by in job.shape().deltas() {
        for wanted in CHANGES {
            let made = by.make(&job.world, wanted)?;
            bench.figures.push(job.sync(by.step(), Some(made)).await?);
            if made < wanted {
                break;
            }
        }
    }
    Ok(())
}

impl Shape {
    /// What can change there and is seen without a full read: stock that is inside products moves no timestamp.
    const fn deltas(self) -> &'static [By] {
        match self {
            Self::Light => &[By::Price, By::Text, By::Category],
            Self::Default => &[By::Stock, By::Price, By::Text, By::Category],
        }
    }
}
