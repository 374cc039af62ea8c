//! `cartage bench`: what a pass costs, with the emulators in a process of their own (this one), and the floor beside it.
//!
//! The floor receives and parses the same pages with serde and does nothing else; every figure is a ratio to it in the
//! same run, because machines differ and are shared.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use sandbox::commercetools::Change;
use serde::{Deserialize, Serialize};

use super::{
    args::{BenchArgs, ShopArgs},
    world::{Listen, Scratch, World},
};
use crate::output::{Exit, Failure, Output, cpu_seconds, table};

/// What a step cost.
#[derive(Clone, Debug, Serialize)]
struct Figure {
    step: String,
    products: usize,
    markets: usize,
    /// Records that differed, for deltas.
    changes: Option<usize>,
    seconds: f64,
    /// Of Cartage alone, user and system.
    cpu_seconds: f64,
    /// Of the emulators meanwhile.
    sandbox_cpu_seconds: f64,
    products_per_second: f64,
    products_per_cpu_second: f64,
    peak_rss_bytes: u64,
    source_calls: u64,
    destination_calls: u64,
}

#[derive(Serialize)]
struct Bench {
    figures: Vec<Figure>,
    /// CPU of a full job over CPU of the floor on the same products, medians.
    ratio_to_floor: Vec<Ratio>,
}

#[derive(Serialize)]
struct Ratio {
    products: usize,
    markets: usize,
    to_floor: f64,
}

/// What `sync --json` and `bench-floor --json` report.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    flows: Vec<Flow>,
    seconds: f64,
    cpu_seconds: f64,
    peak_rss_bytes: u64,
    source_calls: u64,
    #[serde(default)]
    destination_calls: u64,
}

#[derive(Deserialize)]
struct Flow {
    mirror: u64,
    pending: u64,
    dead: u64,
}

pub(super) async fn run(args: &BenchArgs, output: Output) -> Result<Exit, Failure> {
    let mut figures = Vec::new();
    let scratch = Scratch::new()?;
    let main = Job::start(scratch.path(), args.products, output).await?;
    for _ in 0..args.runs.max(1) {
        figures.push(main.floor().await?);
        figures.push(main.full(1).await?);
        figures.push(main.full(2).await?);
    }
    figures.push(main.sync("unchanged poll", 2, None).await?);
    main.world.stop().await;
    if args.large > 0 {
        let large = Job::start(scratch.path(), args.large, output).await?;
        figures.push(large.floor().await?);
        figures.push(large.full(1).await?);
        figures.push(large.sync("unchanged poll", 1, None).await?);
        for changes in [1, 100, 10_000] {
            let changes = changes.min(args.large);
            large.rename(changes)?;
            figures.push(large.sync("delta", 1, Some(changes)).await?);
        }
        large.world.stop().await;
    }
    let ratio_to_floor = ratios(&figures);
    let bench = Bench { figures, ratio_to_floor };
    write(&args.out, &bench)?;
    output.document(&bench)?;
    output.line(format!("\n{}", text(&bench)))?;
    output.line(format!("figures as JSON: {}", args.out.display()))?;
    Ok(Exit::Done)
}

/// Emulators with a shop, and the configuration that reaches them.
struct Job {
    world: World,
    folder: PathBuf,
    products: usize,
    output: Output,
}

impl Job {
    async fn start(scratch: &Path, products: usize, output: Output) -> anyhow::Result<Self> {
        let folder = scratch.join(products.to_string());
        fs::create_dir_all(&folder)?;
        let shop = ShopArgs { products, data: None, uniform: true };
        let world = World::start(&shop, Listen::default()).await?;
        world.configure(&folder.join("cartage.toml"), "")?;
        // Stock rides in the products here, as it does in the pages that the floor parses.
        let text = fs::read_to_string(folder.join("cartage.toml"))?;
        let text = text.replace("kind = \"commercetools\"\n", "kind = \"commercetools\"\nstock_from = \"products\"\n");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("image = ")).collect();
        fs::write(folder.join("cartage.toml"), lines.join("\n"))?;
        Ok(Self { world, folder, products, output })
    }

    async fn floor(&self) -> anyhow::Result<Figure> {
        let report = self.cartage(&["bench-floor"]).await?;
        self.figure("floor", 0, None, &report)
    }

    /// A pass with an empty database.
    async fn full(&self, markets: usize) -> anyhow::Result<Figure> {
        for name in ["sandbox.db", "sandbox.db-wal", "sandbox.db-shm"] {
            let path = self.folder.join(name);
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        self.sync("full job", markets, None).await
    }

    async fn sync(&self, step: &str, markets: usize, changes: Option<usize>) -> anyhow::Result<Figure> {
        let flows: &[&str] = if markets == 1 { &["--flow", "clerk-de"] } else { &[] };
        let report = self.cartage(&[&["sync"], flows].concat()).await?;
        for Flow { mirror, pending, dead } in &report.0.flows {
            ensure!(*pending == 0 && *dead == 0, "{pending} pending and {dead} dead of {mirror}");
        }
        self.figure(step, markets, changes, &report)
    }

    /// Runs this program as a process of its own; the second figure is the emulators' CPU time meanwhile.
    async fn cartage(&self, arguments: &[&str]) -> anyhow::Result<(Report, f64)> {
        let before = cpu_seconds();
        let ended = tokio::process::Command::new(std::env::current_exe()?)
            .arg("--json")
            .arg("--config")
            .arg(self.folder.join("cartage.toml"))
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .await
            .context("cartage can't be started")?;
        ensure!(ended.status.success(), "cartage {arguments:?} failed ({})", ended.status);
        let report = serde_json::from_slice(&ended.stdout).context("cartage printed no report")?;
        Ok((report, cpu_seconds() - before))
    }

    fn figure(
        &self,
        step: &str,
        markets: usize,
        changes: Option<usize>,
        (report, sandbox_cpu_seconds): &(Report, f64),
    ) -> anyhow::Result<Figure> {
        #[expect(clippy::cast_precision_loss, reason = "a figure")]
        let products = changes.unwrap_or(self.products) as f64;
        let figure = Figure {
            step: step.to_owned(),
            products: self.products,
            markets,
            changes,
            seconds: report.seconds,
            cpu_seconds: report.cpu_seconds,
            sandbox_cpu_seconds: *sandbox_cpu_seconds,
            products_per_second: products / report.seconds.max(0.001),
            products_per_cpu_second: products / report.cpu_seconds.max(0.01),
            peak_rss_bytes: report.peak_rss_bytes,
            source_calls: report.source_calls,
            destination_calls: report.destination_calls,
        };
        self.output.line(format!(
            "{step}, {} products, {markets} markets: {:.2} s, {:.2} CPU s",
            self.products, figure.seconds, figure.cpu_seconds
        ))?;
        Ok(figure)
    }

    /// Renames so many products, spread over the catalogue.
    fn rename(&self, changes: usize) -> anyhow::Result<()> {
        let keys = self.world.shop.product_keys();
        for product in keys.iter().step_by((keys.len() / changes.max(1)).max(1)).take(changes) {
            let text = Some(format!("{product}, change {changes}"));
            let change = Change::SetName { product: product.clone(), locale: "de".to_owned(), text };
            self.world.shop.change(change).with_context(|| format!("{product} can't be renamed"))?;
        }
        Ok(())
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

fn ratios(figures: &[Figure]) -> Vec<Ratio> {
    let cpu = |step: &str, products: usize, markets: usize| {
        let of = |figure: &&Figure| figure.step == step && figure.products == products && figure.markets == markets;
        median(figures.iter().filter(of).map(|figure| figure.cpu_seconds).collect())
    };
    let mut jobs: Vec<(usize, usize)> = figures
        .iter()
        .filter(|figure| figure.step == "full job")
        .map(|figure| (figure.products, figure.markets))
        .collect();
    jobs.sort_unstable();
    jobs.dedup();
    let ratio = |(products, markets)| {
        let ratio = cpu("full job", products, markets) / cpu("floor", products, 0).max(0.01);
        Ratio { products, markets, to_floor: ratio }
    };
    jobs.into_iter().map(ratio).collect()
}

fn write(file: &Path, bench: &Bench) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, serde_json::to_string_pretty(bench)?)
        .with_context(|| format!("{} can't be written", file.display()))
}

fn text(bench: &Bench) -> String {
    let rows: Vec<Vec<String>> = bench
        .figures
        .iter()
        .map(|figure| {
            vec![
                figure.changes.map_or(figure.step.clone(), |changes| format!("{} of {changes}", figure.step)),
                figure.products.to_string(),
                figure.markets.to_string(),
                format!("{:.2}", figure.seconds),
                format!("{:.2}", figure.cpu_seconds),
                format!("{:.0}", figure.products_per_second),
                format!("{:.0}", figure.products_per_cpu_second),
                (figure.peak_rss_bytes / (1024 * 1024)).to_string(),
                figure.source_calls.to_string(),
                figure.destination_calls.to_string(),
                format!("{:.2}", figure.sandbox_cpu_seconds),
            ]
        })
        .collect();
    let header = [
        "step",
        "products",
        "markets",
        "s",
        "CPU s",
        "per s",
        "per CPU s",
        "MiB",
        "reads",
        "writes",
        "emulators' CPU s",
    ];
    let mut text = table(&header, &rows);
    for Ratio { products, markets, to_floor } in &bench.ratio_to_floor {
        text += &format!("{products} products into {markets} markets: {to_floor:.2} times the floor's CPU\n");
    }
    text
}
