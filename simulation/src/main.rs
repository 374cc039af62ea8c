//! The whole hub with its emulators, in one thread on virtual time, from one seed.
//!
//! The seed decides everything random, so the number of a failing seed replays the failure. The network is in this
//! process: a connector's calls go through `wire`'s transport to the emulators' routers, and tokio's paused clock jumps
//! over idle time. After a crash of the hub, the database and the shops remain, as they would on disk.

mod check;
mod clock;
mod end;
mod executor;
mod hooks;
mod hub;
mod log;
mod meta;
mod mutant;
mod network;
mod probe;
mod quota;
mod run;
mod scenario;
mod seed;
mod shop;
mod steps;
mod world;

use std::{
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context as _, bail};

use crate::{
    mutant::Mutant,
    run::{Done, Order},
    scenario::Choice,
};

const USAGE: &str = "usage: simulation run --seeds A..B [--scenario NAME] [--mutant NAME] [--jobs N] [--trace]
       simulation meta --seed N [--scenario NAME]
       simulation mutants --seeds A..B [--mutant NAME] [--jobs N]
       simulation quota [--products N] [--batch N]
       simulation list";

/// Arguments of the command line.
#[derive(Clone, Debug, Default)]
struct Arguments {
    seeds: std::ops::Range<u64>,
    scenario: Choice,
    mutant: Option<Mutant>,
    trace: bool,
    jobs: usize,
    products: usize,
    batch: Option<u16>,
}

fn main() -> ExitCode {
    match command() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulation: {error:#}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn command() -> anyhow::Result<bool> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let arguments = Arguments::read(words)?;
    match command.as_str() {
        "run" => Ok(run_all(&arguments)),
        "meta" => {
            let (same, told) = meta::compare(&arguments)?;
            println!("{told}");
            Ok(same)
        }
        "mutants" => Ok(mutant::each_is_caught(&arguments)),
        "quota" => quota::measure(arguments.products, arguments.batch),
        "list" => {
            println!("scenarios: {}", Choice::names());
            println!("mutants: {}", Mutant::ALL.map(Mutant::name).join(", "));
            Ok(true)
        }
        other => bail!("{other:?} is no command"),
    }
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut read = Self { seeds: 1..2, jobs: 1, products: 20_000, ..Self::default() };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--seeds" => {
                    let text = value()?;
                    let (from, to) = text.split_once("..").context("--seeds is written A..B")?;
                    read.seeds = from.parse()?..to.parse()?;
                }
                "--seed" => {
                    let seed = value()?.parse()?;
                    read.seeds = seed..seed + 1;
                }
                "--scenario" => read.scenario = Choice::named(&value()?)?,
                "--mutant" => read.mutant = Some(Mutant::named(&value()?)?),
                "--jobs" => read.jobs = value()?.parse()?,
                "--products" => read.products = value()?.parse()?,
                "--batch" => read.batch = Some(value()?.parse()?),
                "--trace" => read.trace = true,
                other => bail!("{other:?} is no option"),
            }
        }
        Ok(read)
    }

    fn order(&self, seed: u64) -> Order {
        Order { seed, scenario: self.scenario.of(seed), mutant: self.mutant, trace: self.trace }
    }
}

/// Runs every seed, prints a line for each that fails and a summary; true when none fails.
fn run_all(arguments: &Arguments) -> bool {
    let next = AtomicU64::new(arguments.seeds.start);
    let sum = Mutex::new((Done::default(), 0_u64, 0_u64));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= arguments.seeds.end {
                        return;
                    }
                    let order = arguments.order(seed);
                    let ended = run::run(&order);
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.1 += 1;
                    match ended {
                        Ok(done) => sum.0.add(&done),
                        Err(why) => {
                            sum.2 += 1;
                            println!("seed {seed}, scenario {}: {why}", order.scenario.name());
                            println!("  replay: {}", order.replay());
                        }
                    }
                }
            });
        }
    });
    let (done, seeds, failed) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{seeds} seeds, {failed} failed; {} crashes, {} steps, {} calls, {} edits, {:.1} simulated hours",
        done.crashes,
        done.steps,
        done.calls,
        done.edits,
        done.simulated.as_secs_f64() / 3600.0
    );
    failed == 0
}
