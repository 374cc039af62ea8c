//! The simulation: builds it in its own workspace and runs it.

use std::{path::Path, process::Command};

use anyhow::{Context as _, bail, ensure};

use crate::cargo;

/// Seeds that run where none are named: about 1,000 crashes.
const SEEDS: &str = "1..75";
/// Seeds that run twice, in two processes that must print the same: one of each platform, among them webhooks and a shop that
/// can't be reached.
const DETERMINED: [&str; 5] = ["9", "15", "29", "33", "45"];
/// Seeds within which every mutant must be caught.
const MUTANTS: &str = "1..75";
/// A shop that takes minutes of a service's limits, in small calls.
const QUOTA: [&str; 5] = ["quota", "--products", "600", "--batch", "25"];

/// `simulate [--seeds A..B | --seed N] [--scenario NAME] [--trace] [--jobs N]`, `simulate --meta`, `simulate --mutants`,
/// `simulate --quota [--products N] [--batch N]`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    build(root)?;
    let rest = |without: &str| arguments.iter().filter(|it| *it != without).map(String::as_str).collect::<Vec<_>>();
    if arguments.iter().any(|it| it == "--mutants") {
        let mut words = vec!["mutants", "--jobs", "2"];
        words.extend(rest("--mutants"));
        return start(root, &with_seeds(words, MUTANTS));
    }
    if arguments.iter().any(|it| it == "--meta") {
        let mut words = vec!["meta"];
        words.extend(rest("--meta"));
        return start(root, &words);
    }
    if arguments.iter().any(|it| it == "--quota") {
        let mut words = vec!["quota"];
        words.extend(rest("--quota"));
        return start(root, &words);
    }
    if arguments.iter().any(|it| it == "--list") {
        return start(root, &["list"]);
    }
    let mut words = vec!["run"];
    words.extend(rest(""));
    start(root, &with_seeds(words, SEEDS))
}

/// The checks of a change: a run is determined by its seed, then the fixed seeds pass, two at a time.
pub(crate) fn guard(root: &Path) -> anyhow::Result<()> {
    let formatted = cargo().args(["fmt", "--check"]).current_dir(root.join("simulation")).status();
    let formatted = formatted.context("cargo can't be started")?;
    ensure!(formatted.success(), "simulation/ is not formatted ({formatted}); run `cargo fmt` there");
    build(root)?;
    for seed in DETERMINED {
        start(root, &["meta", "--seed", seed])?;
    }
    start(root, &QUOTA)?;
    start(root, &["run", "--jobs", "2", "--seeds", SEEDS])
}

fn with_seeds<'a>(mut words: Vec<&'a str>, seeds: &'a str) -> Vec<&'a str> {
    if !words.iter().any(|word| word.starts_with("--seed")) {
        words.extend(["--seeds", seeds]);
    }
    words
}

fn build(root: &Path) -> anyhow::Result<()> {
    // Its flags are in a file beside its manifest, and cargo searches for them from the folder it runs in.
    let folder = root.join("simulation");
    let ended = cargo().args(["build", "--quiet", "--locked"]).current_dir(&folder).status();
    let ended = ended.context("cargo can't be started")?;
    ensure!(ended.success(), "the simulation can't be built ({ended})");
    Ok(())
}

fn start(root: &Path, words: &[&str]) -> anyhow::Result<()> {
    let binary = root.join("target/simulation/debug/simulation");
    let ended = Command::new(&binary).args(words).status();
    let ended = ended.with_context(|| format!("{} can't be started", binary.display()))?;
    if !ended.success() {
        bail!("the simulation says so above ({ended})");
    }
    Ok(())
}
