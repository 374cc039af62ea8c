//! Delta exports: archives of what was changed, numbered from 1, in a folder for each consumer.
//!
//! What the clock and what orders change is in none of them: prices whose time begins, stock that is sold.

use std::sync::Arc;

use tempfile::NamedTempFile;

use super::archive::{self, Changed};
use super::state::State;
use super::uptime::Moment;
use super::webdav::Files;
use super::{Emulator, opened};

/// A delta export with its schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deltas {
    /// The consumer it is for.
    pub consumer: String,
    /// Name of the export.
    pub job: String,
    /// How often it runs, in milliseconds of the emulator's clock.
    pub every_ms: u64,
    /// How long a file is being written: until then less of it is there.
    pub write_ms: u64,
}

impl Default for Deltas {
    fn default() -> Self {
        Self { consumer: "cartage".to_owned(), job: "shop-delta".to_owned(), every_ms: 60_000, write_ms: 500 }
    }
}

/// What was changed since the last archive.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) changed: Changed,
    /// Number of the last archive.
    last: u32,
    /// The uptime at which the next one is written.
    due: Option<i64>,
}

impl Outbox {
    /// Writes an archive if it is time.
    pub(super) fn settle(&mut self, deltas: &Deltas, state: &State, files: &mut Files, moment: Moment) {
        let every = i64::try_from(deltas.every_ms).unwrap_or(i64::MAX);
        let due = *self.due.get_or_insert(moment.uptime.saturating_add(every));
        if due <= moment.uptime {
            self.due = Some(moment.uptime.saturating_add(every));
            self.write(deltas, state, files, moment);
        }
    }

    /// Writes an archive; none where nothing was changed.
    fn write(&mut self, deltas: &Deltas, state: &State, files: &mut Files, moment: Moment) {
        if self.changed.is_empty() {
            return;
        }
        let number = self.last + 1;
        let top = uuid(&format!("{}/{}/{number}", deltas.consumer, deltas.job));
        let written = NamedTempFile::new().and_then(|file| {
            let file = archive::write_delta(std::io::BufWriter::new(file), state, &self.changed, &top, moment.now)?;
            super::jobs::finished(file)
        });
        let begin = format!("Impex/src/platform/outbox/{}/{}/{number:06}", deltas.consumer, deltas.job);
        let after = i64::try_from(deltas.write_ms).unwrap_or(i64::MAX);
        let put = written.and_then(|file| {
            files.put(format!("{begin}.zip"), file, moment, after)?;
            files.put(format!("{begin}.meta"), Arc::new(NamedTempFile::new()?), moment, 0)
        });
        match put {
            Ok(()) => {
                self.changed = Changed::default();
                self.last = number;
            }
            Err(error) => tracing::warn!(%error, "a delta can't be written; the next one has its changes too"),
        }
    }
}

/// A UUID that follows from a text.
pub(super) fn uuid(text: &str) -> String {
    let hex = blake3::hash(text.as_bytes()).to_hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

impl Emulator {
    /// Runs the delta export now, if the instance has one.
    pub fn export_deltas(&self) {
        if let Some(deltas) = &self.inner.settings.deltas {
            let (moment, state) = (self.moment(), self.state());
            let mut outbox = opened(self.inner.outbox.lock());
            outbox.write(deltas, &state, &mut self.files(), moment);
        }
    }
}
