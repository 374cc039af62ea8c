//! Hints that records may have changed, kept until they are answered.

use contract::store::{Hint, HookState, Lease, Registration, Waiting};
use model::{RecordId, SourceName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    codec::Codec,
    trouble::{Outcome, Trouble},
    workload::kind,
    writer::{Tx, kind_bit, source_key},
};

/// The kinds that hints are about, as bits.
pub(super) fn kinds(hints: &[Hint]) -> u64 {
    hints.iter().fold(0, |kinds, hint| kinds | kind_bit(hint.kind))
}

impl Tx<'_> {
    pub(super) fn hint(&self, source: &SourceName, hints: &[Hint], at: Timestamp) -> Outcome<()> {
        let source = self.source(source)?;
        // The number is given anew, so that the answer to an earlier hint does not answer this one.
        let mut write =
            self.db.prepare_cached("INSERT OR REPLACE INTO hint (source, kind, id, at) VALUES (?1, ?2, ?3, ?4)")?;
        for hint in hints {
            let id =
                hint.id.as_ref().map(|id| self.codec.name(hint.kind, id.as_str())).transpose()?.unwrap_or_default();
            write.execute((source, hint.kind.number(), id, at.millis()))?;
        }
        Ok(())
    }

    pub(super) fn deliver(&self, source: &SourceName, hints: &[Hint], is_gap: bool, at: Timestamp) -> Outcome<()> {
        let (key, gap) = (self.source(source)?, is_gap.then_some(at.millis()));
        let mut write = self.db.prepare_cached(
            "INSERT INTO hook (source, delivered_at, gap_at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE
             SET delivered_at = excluded.delivered_at, gap_at = coalesce(excluded.gap_at, gap_at)",
        )?;
        write.execute((key, at.millis(), gap))?;
        self.hint(source, hints, at)
    }

    pub(super) fn register(&self, source: &SourceName, registration: &Registration) -> Outcome<()> {
        let key = self.source(source)?;
        let registration = serde_json::to_string(registration)
            .map_err(|error| Trouble::unreadable("a registration on its way", error))?;
        let mut write = self.db.prepare_cached(
            "INSERT INTO hook (source, registration) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET registration = excluded.registration",
        )?;
        write.execute((key, registration))?;
        Ok(())
    }

    pub(super) fn done(&self, source: &SourceName, lease: Lease, hints: &[u64]) -> Outcome<()> {
        let source = self.source(source)?;
        self.fence_source(source, lease)?;
        self.forget_hints(source, hints)
    }

    pub(super) fn forget_hints(&self, source: i64, hints: &[u64]) -> Outcome<()> {
        for number in hints {
            self.db.prepare_cached("DELETE FROM hint WHERE source = ?1 AND number = ?2")?.execute((source, number))?;
        }
        Ok(())
    }
}

pub(super) fn waiting(db: &Connection, codec: &Codec, source: &SourceName, limit: usize) -> Outcome<Vec<Waiting>> {
    let Some(source) = source_key(db, source)? else { return Ok(Vec::new()) };
    let mut query =
        db.prepare_cached("SELECT number, kind, id, at FROM hint WHERE source = ?1 ORDER BY number LIMIT ?2")?;
    let mut rows = query.query((source, limit as u64))?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(2)?;
        let kind = kind(row.get(1)?)?;
        let id = (!id.is_empty()).then(|| codec.name_of(kind, id)).transpose()?;
        let hint = Hint { kind, id: id.map(RecordId::from) };
        waiting.push(Waiting { number: row.get(0)?, hint, at: Timestamp::from_millis(row.get(3)?) });
    }
    Ok(waiting)
}

pub(super) fn hook(db: &Connection, source: &SourceName) -> Outcome<Option<HookState>> {
    let Some(source) = source_key(db, source)? else { return Ok(None) };
    let mut query = db.prepare_cached("SELECT delivered_at, gap_at, registration FROM hook WHERE source = ?1")?;
    let found = query.query_row([source], |row| {
        let at = |at: Option<i64>| at.map(Timestamp::from_millis);
        Ok((at(row.get(0)?), at(row.get(1)?), row.get::<_, Option<String>>(2)?))
    });
    let Some((delivered_at, gap_at, registration)) = found.optional()? else { return Ok(None) };
    // What another release wrote and this one can't read is found out anew.
    let registration: Option<Registration> = registration.and_then(|text| serde_json::from_str(&text).ok());
    Ok(Some(HookState { delivered_at, gap_at, registration: registration.unwrap_or_default() }))
}
