//! Everything that must hold before a change lands, cheapest first, stopping at the first failure.

use std::{
    io::{BufRead as _, BufReader, IsTerminal as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use crate::{cargo, generate, simulate, tidy};

/// A property draws the same cases for every change, so that a failure comes from the change. To look for new cases,
/// set another seed.
const SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "20260101");

/// How many tests run at once, to cargo-nextest and to cargo.
const AT_ONCE: [&str; 2] = ["NEXTEST_TEST_THREADS", "RUST_TEST_THREADS"];

#[expect(clippy::disallowed_methods, reason = "how long it takes is for people")]
/// Format, tidy, licences of dependencies, clippy, generated files, tests, simulation. The test runner's own closing line comes last.
pub(crate) fn run(root: &Path, filters: &[String]) -> anyhow::Result<()> {
    let began = Instant::now();
    step("format", || succeed(root, &["fmt", "--all", "--check"], "run `cargo fmt --all`"))?;
    step("tidy", || tidy::run(root))?;
    if is_installed("deny") {
        // Advisories need a network, and are looked at on demand: `cargo deny check`.
        let deny = ["deny", "--log-level", "error", "check", "bans", "licenses", "sources"];
        step("bans, licences and sources", || succeed(root, &deny, "see deny.toml"))?;
    } else {
        println!("bans, licences and sources are not checked: `cargo install cargo-deny --locked` adds that");
    }
    let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    step("clippy", || succeed(root, &clippy, "fix the warnings of clippy above"))?;
    step("generated files", || generate::run(root, true))?;

    let runner = Runner::installed();
    println!("test runner: {}", runner.name());
    let mut closing = String::new();
    step("tests", || {
        closing = runner.run(root, filters)?;
        Ok(())
    })?;
    if runner == Runner::Nextest && filters.is_empty() {
        let examples = ["test", "--quiet", "--workspace", "--doc"];
        step("examples in the documentation", || succeed(root, &examples, "fix the examples named above"))?;
    }
    if filters.is_empty() {
        step("simulation", || simulate::guard(root))?;
    }
    println!("everything holds, in {}", time(began.elapsed()));
    println!("{closing}");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "how long it takes is for people")]
/// Runs a step and prints how long it took.
fn step(name: &str, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    println!("── {name}");
    let began = Instant::now();
    match work() {
        Ok(()) => {
            println!("   {name}: ok, {}", time(began.elapsed()));
            Ok(())
        }
        Err(error) => bail!("{name} failed after {}: {error:#}", time(began.elapsed())),
    }
}

fn succeed(root: &Path, arguments: &[&str], remedy: &str) -> anyhow::Result<()> {
    let ended = cargo().args(arguments).current_dir(root).status().context("cargo can't be started")?;
    ensure!(ended.success(), "cargo {} ({ended}); {remedy}", arguments.join(" "));
    Ok(())
}

/// Whether cargo has this command.
fn is_installed(command: &str) -> bool {
    let answer = cargo().args([command, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    answer.is_ok_and(|status| status.success())
}

/// The test runner.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    fn installed() -> Self {
        if is_installed("nextest") { Self::Nextest } else { Self::Cargo }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Nextest => "cargo nextest",
            Self::Cargo => "cargo test (cargo-nextest is not installed; it is faster but not needed)",
        }
    }

    /// Runs all tests and returns the closing line.
    fn run(self, root: &Path, filters: &[String]) -> anyhow::Result<String> {
        let mut command = cargo();
        command.current_dir(root);
        match self {
            Self::Nextest => command.args(["nextest", "run", "--workspace"]).stderr(Stdio::piped()),
            Self::Cargo => command.args(["test", "--workspace", "--no-fail-fast"]).stdout(Stdio::piped()),
        };
        command.args(filters);
        if !is_set(SEED.0) {
            command.env(SEED.0, SEED.1);
        }
        for name in AT_ONCE {
            if !is_set(name) {
                command.env(name, at_once().to_string());
            }
        }
        if std::io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        self.watch(command)
    }

    /// Passes the runner's lines on and keeps those that sum up.
    fn watch(self, mut command: Command) -> anyhow::Result<String> {
        let mut child = command.spawn().context("the test runner can't be started")?;
        let lines: Box<dyn std::io::Read> = match (child.stdout.take(), child.stderr.take()) {
            (Some(out), _) => Box::new(out),
            (None, Some(error)) => Box::new(error),
            (None, None) => bail!("the test runner has no output"),
        };
        let mut sums = Vec::new();
        for line in BufReader::new(lines).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            println!("{line}");
            let plain = plain(&line);
            if plain.starts_with("test result:") || plain.starts_with("Summary [") {
                sums.push(plain);
            }
        }
        let ended = child.wait()?;
        ensure!(ended.success(), "the tests named above fail ({ended})");
        match self {
            Self::Nextest => sums.pop().context("the test runner gave no summary"),
            Self::Cargo => total(&sums).context("the test runner gave no summary"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "they are no secrets")]
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// Tests at once: most wait for processes, timers and the disk, and none depends on how busy the machine is.
fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from) * 3
}

/// A line without colours and indentation.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        text.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.trim().to_owned()
}

/// The results of several test binaries as one line of the same form.
fn total(sums: &[String]) -> Option<String> {
    if sums.is_empty() {
        return None;
    }
    let count = |word: &str| -> u64 {
        let of = |line: &String| {
            let mut parts = line.split([';', '.']).map(str::trim);
            parts.find_map(|part| part.strip_suffix(word)?.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        sums.iter().map(of).sum()
    };
    let verdict = if sums.iter().all(|line| line.starts_with("test result: ok")) { "ok" } else { "FAILED" };
    Some(format!(
        "test result: {verdict}. {} passed; {} failed; {} ignored; in {} test binaries",
        count("passed"),
        count("failed"),
        count("ignored"),
        sums.len()
    ))
}

fn time(took: Duration) -> String {
    if took.as_secs() >= 60 {
        format!("{} min {} s", took.as_secs() / 60, took.as_secs() % 60)
    } else {
        format!("{:.1} s", took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_several_binaries_are_added_up() {
        let sums = [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s".to_owned(),
            "test result: ok. 30 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.10s".to_owned(),
        ];
        let line = total(&sums);
        assert_eq!(line.as_deref(), Some("test result: ok. 42 passed; 0 failed; 1 ignored; in 2 test binaries"));
        assert_eq!(total(&[]), None);
    }

    #[test]
    fn colours_are_taken_off_a_line() {
        assert_eq!(plain("   \u{1b}[32;1m Summary\u{1b}[0m [ 0.1s] 3 tests run"), "Summary [ 0.1s] 3 tests run");
    }
}
