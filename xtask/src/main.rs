//! The project's own chores: `test`, `simulate`, `tidy`, `generate`, `bench`.
//!
//! **Invariants:** it needs the Rust toolchain and nothing else; every chore ends with a line about its result, and
//! with exit code 1 if something has to be done.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who started it")]

mod bench;
mod generate;
mod simulate;
mod test;
mod tidy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};

const USAGE: &str = "\
cargo xtask <chore>

  test [FILTER..]     format, clippy, tidy, generated files, all tests; FILTER goes to the test runner
  simulate [--seeds A..B | --seed N] [--scenario NAME] [--jobs N] [--trace] | --meta --seed N | --mutants [--mutant NAME] | --quota [--products N] | --list
                      the hub and its emulators in one thread on virtual time
  tidy                the walls between crates and the rules of the house
  generate [--check]  writes docs/reference anew; with --check only says whether it is fresh
  bench [ARG..]       measures a release build";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> anyhow::Result<()> {
    let root = root()?;
    let mut arguments = arguments.into_iter();
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match chore.as_str() {
        "test" => test::run(&root, &rest),
        "simulate" => simulate::run(&root, &rest),
        "tidy" => tidy::run(&root),
        "generate" => generate::run(&root, rest.iter().any(|argument| argument == "--check")),
        "bench" => bench::run(&root, &rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        "" => bail!("no chore named\n\n{USAGE}"),
        unknown => bail!("there is no chore {unknown:?}\n\n{USAGE}"),
    }
}

/// The workspace's folder.
fn root() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in no workspace")?;
    Ok(root.to_owned())
}

/// Cargo, of the toolchain that runs us.
fn cargo() -> std::process::Command {
    std::process::Command::new("cargo")
}
