//! Output for people and programs: text or one JSON document, on standard output; faults with their hint.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use contract::{Fault, FaultClass};
use model::Timestamp;
use serde::Serialize;

use crate::{
    config::{ConfigError, ConfigErrors},
    telemetry::levels::Verbosity,
};

/// How a command ended; the number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, with no work left.
    Done = 0,
    /// Something failed, or records are pending, waiting, dead or unread.
    Left = 1,
    /// The command line or the configuration is wrong.
    Wrong = 2,
    /// Credentials or rights were refused.
    Refused = 3,
    /// Deletions are held back.
    Held = 4,
}

impl Exit {
    /// The exit code of this number, as another process gives it.
    pub fn of(number: u8) -> Self {
        let all = [Self::Done, Self::Wrong, Self::Refused, Self::Held];
        all.into_iter().find(|exit| *exit as u8 == number).unwrap_or(Self::Left)
    }
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error("the configuration is wrong")]
    Config(ConfigErrors),
    /// A fault of Cartage or of a platform.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Several faults.
    #[error("{} things are wrong", .0.len())]
    Faults(Vec<Fault>),
    /// Any other error of the machine.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
    /// The process that runs says why, and with which exit code.
    #[error("{text}")]
    There {
        /// Why, as a person reads it.
        text: String,
        /// Why, as a program reads it.
        document: serde_json::Value,
        /// The exit code.
        exit: Exit,
    },
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

impl Failure {
    /// Its exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) => Exit::Wrong,
            Self::Fault(fault) => exit_of(fault),
            Self::Faults(faults) => faults.iter().map(exit_of).max().unwrap_or(Exit::Left),
            Self::Other(_) => Exit::Left,
            Self::There { exit, .. } => *exit,
        }
    }
}

/// The exit code of a fault.
pub fn exit_of(fault: &Fault) -> Exit {
    match fault.class {
        // A key for data about people is missing, is another one, or is none.
        FaultClass::Config if matches!(&*fault.code, "C0114" | "C0115" | "C0117") => Exit::Wrong,
        // Nothing that a person wrote is wrong where the database is locked, damaged or from a newer release.
        FaultClass::Config if fault.code.starts_with("C01") => Exit::Left,
        FaultClass::Config => Exit::Wrong,
        FaultClass::Credentials => Exit::Refused,
        FaultClass::Record | FaultClass::Throttled | FaultClass::Transient | FaultClass::Protocol => Exit::Left,
    }
}

/// Where a command writes: standard output, or what is kept for another process.
#[derive(Clone, Copy, Debug)]
pub struct Output<'k> {
    /// One JSON document rather than text.
    pub json: bool,
    /// How much more or less is logged than the configuration says.
    pub verbosity: Verbosity,
    /// Text and document are kept here; none: they go to standard output.
    kept: Option<&'k Kept>,
}

/// What a command wrote, for another process.
#[derive(Debug, Default)]
pub struct Kept(Mutex<(String, serde_json::Value)>);

impl Kept {
    /// Text and document.
    pub fn take(&self) -> (String, serde_json::Value) {
        std::mem::take(&mut *self.locked())
    }

    fn locked(&self) -> MutexGuard<'_, (String, serde_json::Value)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'k> Output<'k> {
    /// To standard output: one JSON document, or text.
    pub const fn new(json: bool) -> Self {
        Self { json, verbosity: Verbosity { more: 0, less: 0 }, kept: None }
    }

    /// Keeps text and document.
    pub const fn keeping(kept: &'k Kept) -> Self {
        Self { kept: Some(kept), ..Self::new(false) }
    }

    /// The same, with this much more or less logged.
    #[must_use]
    pub const fn logging(self, verbosity: Verbosity) -> Self {
        Self { verbosity, ..self }
    }

    /// Writes a line of text; nothing when JSON is wanted.
    ///
    /// # Errors
    /// Standard output's.
    pub fn line(self, text: impl AsRef<str>) -> io::Result<()> {
        match self.kept {
            Some(kept) => kept.locked().0 += &format!("{}\n", text.as_ref()),
            None if self.json => {}
            None => writeln!(io::stdout().lock(), "{}", text.as_ref())?,
        }
        Ok(())
    }

    /// Writes the document when JSON is wanted.
    ///
    /// # Errors
    /// Standard output's.
    pub fn document(self, document: &impl Serialize) -> io::Result<()> {
        match self.kept {
            Some(kept) => kept.locked().1 = serde_json::to_value(document)?,
            None if self.json => {
                let mut out = io::stdout().lock();
                serde_json::to_writer_pretty(&mut out, document)?;
                writeln!(out)?;
            }
            None => {}
        }
        Ok(())
    }

    /// Whether standard error is a terminal.
    pub fn is_watched(self) -> bool {
        self.kept.is_none() && !self.json && io::stderr().is_terminal()
    }
}

/// A fault as a person reads it: code, what happened, what to do.
pub fn fault_text(fault: &Fault) -> String {
    let mut text = format!("error[{}]: {fault}", fault.code);
    if let Some(hint) = &fault.hint {
        text += &format!("\n  hint: {hint}");
    }
    text
}

/// A JSON text over several lines.
pub fn pretty(json: &str) -> String {
    let read = serde_json::from_str::<serde_json::Value>(json);
    read.and_then(|json| serde_json::to_string_pretty(&json)).unwrap_or_else(|_| json.to_owned())
}

/// Reports on standard error why a command could not be carried out. A closed pipe, as after `head`, is not reported.
pub fn print_failure(failure: &Failure) {
    let is_left = |error: &anyhow::Error| {
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    if !matches!(failure, Failure::Other(error) if is_left(error)) {
        // Without standard error there is no place to report.
        let _gone = writeln!(io::stderr().lock(), "{}", failure_text(failure));
    }
}

/// Why a command could not be carried out, as a person reads it.
pub fn failure_text(failure: &Failure) -> String {
    let text = match failure {
        Failure::Config(errors) => errors.to_string(),
        Failure::Fault(fault) => fault_text(fault),
        Failure::Faults(faults) => faults.iter().map(fault_text).collect::<Vec<_>>().join("\n"),
        Failure::Other(error) => format!("error: {error:#}"),
        Failure::There { text, .. } => text.clone(),
    };
    text.trim_end().to_owned()
}

/// Reports on standard output, for a program, why a command could not be carried out.
pub fn print_failure_json(failure: &Failure) {
    // Without standard output there is no place to report.
    let _gone = Output::new(true).document(&failure_document(failure));
}

/// Why a command could not be carried out, as a program reads it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Failed {
    /// Why, at least one reason.
    pub errors: Vec<Reason>,
}

/// A reason why a command could not be carried out.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Reason {
    /// The configuration is wrong at this place.
    Config(ConfigError),
    /// A fault of Cartage or of a platform.
    Fault(Fault),
    /// Any other error of the machine.
    Other {
        /// What is wrong.
        message: String,
    },
}

/// Why a command could not be carried out: [`Failed`], also where another process says so.
pub fn failure_document(failure: &Failure) -> serde_json::Value {
    let errors = match failure {
        Failure::Config(errors) => errors.0.iter().cloned().map(Reason::Config).collect(),
        Failure::Fault(fault) => vec![Reason::Fault(fault.clone())],
        Failure::Faults(faults) => faults.iter().cloned().map(Reason::Fault).collect(),
        Failure::Other(error) => vec![Reason::Other { message: format!("{error:#}") }],
        Failure::There { document, .. } => return document.clone(),
    };
    serde_json::to_value(Failed { errors }).unwrap_or_default()
}

/// The time of day, UTC, to the millisecond.
pub fn time_of_day(at: Timestamp) -> String {
    at.to_string().split_once('T').map(|(_, time)| time.trim_end_matches('Z').to_owned()).unwrap_or_default()
}

/// The widest column of a table that is still aligned; wider cells are shown whole.
const WIDEST: usize = 200;

/// A table with a header, columns aligned: text to the left, numbers to the right.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(header.get(column).map(|cell| cell.chars().count())).max().unwrap_or(0).min(WIDEST)
    };
    let is_number = |column: usize| {
        !rows.is_empty()
            && rows.iter().filter_map(|row| row.get(column)).all(|cell| cell.chars().all(|c| c.is_ascii_digit()))
    };
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        let padded = cells.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if is_number(column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    };
    line(&header.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
    for row in rows {
        line(row);
    }
    text
}

/// The largest resident set of this process so far, in bytes; 0 if the system does not report it.
pub fn peak_rss_bytes() -> u64 {
    resident_bytes_of("self").1
}

/// The resident set of a process, now and at its largest, in bytes; 0 if the system does not report it.
pub fn resident_bytes_of(process: &str) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    (bytes("VmRSS:"), bytes("VmHWM:"))
}

/// CPU time that the process had used when it became this program.
static BEFORE: OnceLock<f64> = OnceLock::new();

/// Notes how much CPU time the process has used up to here: a process that becomes another program, as `cargo run` does,
/// keeps what it used before.
pub fn begin() {
    BEFORE.get_or_init(|| cpu_seconds_of("self"));
}

/// CPU time of this process since [`begin`], user and system, in seconds; 0 where the system does not provide it.
pub fn cpu_seconds() -> f64 {
    (cpu_seconds_of("self") - BEFORE.get().copied().unwrap_or(0.0)).max(0.0)
}

/// CPU time of a process so far, user and system, in seconds; 0 if the system does not report it.
pub fn cpu_seconds_of(process: &str) -> f64 {
    /// Of `/proc`, on every Linux that matters (see proc(5) and `getconf CLK_TCK`).
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses and may hold anything.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: f64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_any_width_fits_into_a_table() {
        let long = "x".repeat(100_000);
        let text = table(&["a", "b"], &[vec![long.clone(), "1".to_owned()], vec!["y".to_owned(), "22".to_owned()]]);
        assert!(text.contains(&format!("{long}   1\n")), "{}", text.len());
        assert!(text.len() < long.len() + 1000);
    }

    #[test]
    fn what_the_process_used_before_it_became_this_program_is_not_counted() {
        const USED: f64 = 0.05;
        let mut sum = 0_u64;
        while cpu_seconds_of("self") < USED {
            sum = std::hint::black_box(sum).wrapping_add(1);
        }
        begin();
        assert!(cpu_seconds() < USED, "{} s", cpu_seconds());
    }
}
