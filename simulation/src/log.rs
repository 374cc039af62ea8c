//! The log lines of a run: with simulated times, searched for secrets, printed if a trace is wanted.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use contract::Clock as _;
use tracing::{Dispatch, level_filters::LevelFilter};
use tracing_subscriber::fmt::{MakeWriter, format::Writer, time::FormatTime};

use crate::clock::SimClock;

/// Simulated time before each line.
struct SimTime(Arc<SimClock>);

impl FormatTime for SimTime {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{}", self.0.now())
    }
}

/// Where lines go.
#[derive(Clone)]
struct Lines {
    secrets: Arc<Vec<String>>,
    leaked: Arc<Mutex<Option<String>>>,
    shown: bool,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if let Some(secret) = self.secrets.iter().find(|secret| text.contains(secret.as_str())) {
            let line = text.replace(secret.as_str(), "(secret)");
            self.leaked.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(line);
        }
        if self.shown {
            io::stdout().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A log in which no secret may stand.
pub(crate) struct Log {
    lines: Lines,
    clock: Arc<SimClock>,
}

impl Log {
    pub(crate) fn new(secrets: Vec<String>, clock: Arc<SimClock>, shown: bool) -> Self {
        Self { lines: Lines { secrets: Arc::new(secrets), leaked: Arc::default(), shown }, clock }
    }

    /// The subscriber for the lines of this thread.
    pub(crate) fn dispatch(&self) -> Dispatch {
        // A lower level where traces are not compared: most lines of a trace come from libraries.
        let level = if self.lines.shown { LevelFilter::TRACE } else { LevelFilter::DEBUG };
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_timer(SimTime(Arc::clone(&self.clock)))
            .with_writer(self.lines.clone())
            .finish();
        Dispatch::new(subscriber)
    }

    /// The first line that held a secret.
    pub(crate) fn leaked(&self) -> Option<String> {
        self.lines.leaked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
