//! Whether a run is determined by its seed: one seed, two processes, the same bytes.

use std::{fmt::Write as _, process::Command};

use anyhow::Context as _;

use crate::Arguments;

/// Runs the first seed twice at the level TRACE, each time in a process of its own, and compares their output: returns
/// whether it is the same, and a line about it.
pub(crate) fn compare(arguments: &Arguments) -> anyhow::Result<(bool, String)> {
    let order = arguments.order(arguments.seeds.start);
    let once = || -> anyhow::Result<(Vec<u8>, Vec<u8>, Option<i32>)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["run", "--seed", &order.seed.to_string(), "--scenario", &order.scenario.name(), "--trace"]);
        if let Some(mutant) = order.mutant {
            command.args(["--mutant", mutant.name()]);
        }
        let output = command.output().context("the simulation can't start itself")?;
        Ok((output.stdout, output.stderr, output.status.code()))
    };
    let (one, other) = (once()?, once()?);
    let mut told = format!("seed {}, scenario {}: two processes ", order.seed, order.scenario.name());
    if one == other {
        write!(told, "print the same {} bytes", one.0.len())?;
        if one.2 != Some(0) {
            write!(told, ", and fail: {}", String::from_utf8_lossy(&one.0).lines().rev().nth(2).unwrap_or_default())?;
        }
        return Ok((true, told));
    }
    told += "differ";
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    for (one, other) in [(lines(&one.0), lines(&other.0)), (lines(&one.1), lines(&other.1))] {
        let longest = one.len().max(other.len());
        if let Some(at) = (0..longest).find(|at| one.get(*at) != other.get(*at)) {
            write!(told, ", line {}:\n  {:?}\n  {:?}", at + 1, one.get(at), other.get(at))?;
        }
    }
    Ok((false, told))
}
