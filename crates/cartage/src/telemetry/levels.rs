//! Which log lines are written: a level for the whole program, and levels for its parts.
//!
//! **Invariant:** a word that is no level and a part that does not exist are refused, never ignored: either would silence the log.

/// The levels, from nothing to everything.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// The parts of the program that write lines.
const PARTS: [&str; 9] =
    ["cartage", "contract", "destinations", "engine", "sandbox", "server", "sources", "store", "wire"];
/// Libraries that may be named. Otherwise they write warnings at most, and everything at `trace`.
const LIBRARIES: [&str; 8] =
    ["axum", "hyper", "hyper_util", "opentelemetry", "opentelemetry_sdk", "reqwest", "rustls", "tower_http"];
/// What a level that can't be used is answered with.
pub const HINT: &str =
    "write off, error, warn, info, debug or trace, also for one part of the program: info,engine=debug";

/// How much more or less is logged than the configuration says: `-v` and `-q`, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbosity {
    /// How often `-v` was given.
    pub more: u8,
    /// How often `-q` was given.
    pub less: u8,
}

impl Verbosity {
    /// The level that was asked for, counted from `info`; none: neither was given.
    pub fn level(self) -> Option<&'static str> {
        match (self.more, self.less) {
            (0, 0) => None,
            (1, 0) => Some("debug"),
            (_, 0) => Some("trace"),
            (_, 1) => Some("warn"),
            (_, 2) => Some("error"),
            _ => Some("off"),
        }
    }
}

/// What shows the work of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// The log.
    Log,
    /// Lines or bars for people, so that the log at `info` has warnings only.
    Lines,
}

/// Directives for `tracing_subscriber` from levels as people write them, such as `info` or `info,engine=debug`. Without a
/// level of its own the whole program is at `info`.
///
/// # Errors
/// Why the levels can't be used.
pub fn directives(written: &str, shows: Shows) -> Result<String, String> {
    let (mut whole, mut named) = ("info", Vec::new());
    for part in written.split(',').map(str::trim) {
        match part.split_once('=') {
            None => whole = level(part)?,
            Some((target, of)) => named.push((self::target(target)?, level(of)?)),
        }
    }
    let whole = if shows == Shows::Lines && whole == "info" { "warn" } else { whole };
    let libraries = if matches!(whole, "info" | "debug") { "warn" } else { whole };
    let libraries = [libraries.to_owned(), "opentelemetry=off".to_owned()];
    let parts = PARTS.iter().map(|part| format!("{part}={whole}"));
    let named = named.into_iter().map(|(target, level)| format!("{target}={level}"));
    Ok(libraries.into_iter().chain(parts).chain(named).collect::<Vec<_>>().join(","))
}

fn level(word: &str) -> Result<&'static str, String> {
    let known = LEVELS.into_iter().find(|level| word.trim().eq_ignore_ascii_case(level));
    known.ok_or_else(|| format!("{word:?} is no level"))
}

/// A part of the program or a library, with the module in it that is meant.
fn target(written: &str) -> Result<&str, String> {
    let written = written.trim();
    let (first, _) = written.split_once("::").unwrap_or((written, ""));
    let is_name = written.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
    let is_known = PARTS.contains(&first) || LIBRARIES.contains(&first);
    if is_name && is_known {
        return Ok(written);
    }
    Err(format!("there is no part {written:?}; the parts are {}", PARTS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_for_the_program_and_not_for_its_libraries() {
        for (written, shows, holds) in [
            ("info", Shows::Log, ["warn,", "engine=info", "store=info"]),
            ("DEBUG", Shows::Log, ["warn,", "engine=debug", "cartage=debug"]),
            ("info", Shows::Lines, ["warn,", "engine=warn", "cartage=warn"]),
            ("debug", Shows::Lines, ["warn,", "engine=debug", "cartage=debug"]),
            ("trace", Shows::Lines, ["trace,", "engine=trace", "cartage=trace"]),
            ("error", Shows::Log, ["error,", "engine=error", "cartage=error"]),
            ("off", Shows::Log, ["off,", "engine=off", "cartage=off"]),
            ("warn, engine::push=debug", Shows::Log, ["warn,", "engine=warn", "engine::push=debug"]),
            ("hyper_util=debug", Shows::Log, ["warn,", "engine=info", "hyper_util=debug"]),
        ] {
            let all = directives(written, shows).unwrap();
            assert!(holds.iter().all(|part| all.contains(part)) && all.starts_with(holds[0]), "{written}: {all}");
            assert!(tracing_subscriber::EnvFilter::builder().parse(&all).is_ok(), "{all}");
        }
    }

    #[test]
    fn a_word_that_would_silence_the_log_is_refused() {
        for written in ["verbose", "", "info,", "engine=loud", "engin=debug", "engine[push]=debug", "3", "engine"] {
            assert!(directives(written, Shows::Log).is_err(), "{written:?}");
        }
    }

    #[test]
    fn switches_count_from_info() {
        let level = |more, less| Verbosity { more, less }.level();
        assert_eq!(
            [level(0, 0), level(1, 0), level(2, 0), level(9, 0)],
            [None, Some("debug"), Some("trace"), Some("trace")]
        );
        assert_eq!([level(0, 1), level(0, 2), level(0, 3)], [Some("warn"), Some("error"), Some("off")]);
    }
}
