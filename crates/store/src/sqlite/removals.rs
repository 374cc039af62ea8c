//! Recent removals of flows, and the removals that their guard holds.
//!
//! **Invariants:** removals are counted in the transaction that settles them; an approval reduces the count by the
//! number of held removals, for as long as removals are counted.

use contract::store::{Hold, Removals, STILL_COUNTED};
use model::{FlowName, Timestamp};
use rusqlite::Connection;

use super::{
    codec::Codec,
    ledger::{self, HELD, RETRY, flow_unknown},
    trouble::Outcome,
    writer::Tx,
};

/// Removals are added up by the hour.
const HOUR: i64 = 3_600_000;

pub(super) fn removals(db: &Connection, codec: &Codec, name: &FlowName, now: Timestamp) -> Outcome<Removals> {
    let flow = ledger::flow(db, name)?.ok_or_else(|| flow_unknown(name))?;
    let since = now.minus(STILL_COUNTED).millis().div_euclid(HOUR);
    let mut removals = Removals {
        items: db
            .prepare_cached("SELECT coalesce(sum(items), 0) FROM standing WHERE flow = ?1")?
            .query_row([flow.key], |row| row.get(0))?,
        removed: db
            .prepare_cached("SELECT coalesce(sum(items), 0) FROM removal WHERE flow = ?1 AND hour >= ?2")?
            .query_row((flow.key, since), |row| row.get(0))?,
        held: 0,
    };
    let mut query = db.prepare_cached(
        "SELECT key, items FROM ledger
         WHERE flow = ?1 AND state = ?2 AND waits IS NOT NULL AND rule = ?3 AND items IS NOT NULL",
    )?;
    let mut rows = query.query((flow.key, HELD, Hold::Removal.name()))?;
    while let Some(row) = rows.next()? {
        let items = row.get_ref(1)?.as_blob_or_null().unwrap_or_default();
        removals.held += ledger::items(db, codec, row.get(0)?, items)?.len() as u64;
    }
    Ok(removals)
}

impl Tx<'_> {
    /// Counts items that were removed.
    pub(super) fn count_removed(&self, flow: i64, items: u64, at: Timestamp) -> Outcome<()> {
        if items == 0 {
            return Ok(());
        }
        let since = at.minus(STILL_COUNTED).millis().div_euclid(HOUR);
        self.db.prepare_cached("DELETE FROM removal WHERE flow = ?1 AND hour < ?2")?.execute((flow, since))?;
        self.add_removed(flow, i64::try_from(items).unwrap_or(i64::MAX), at)
    }

    fn add_removed(&self, flow: i64, items: i64, at: Timestamp) -> Outcome<()> {
        self.db
            .prepare_cached(
                "INSERT INTO removal VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET items = items + excluded.items",
            )?
            .execute((flow, at.millis().div_euclid(HOUR), items))?;
        Ok(())
    }

    /// Has held removals retried, and resets the count without them.
    pub(super) fn approve_removals(&self, name: &FlowName, at: Timestamp) -> Outcome<u64> {
        let flow = ledger::flow(self.db, name)?.ok_or_else(|| flow_unknown(name))?;
        let held = removals(self.db, self.codec, name, at)?.held;
        self.db.prepare_cached("DELETE FROM removal WHERE flow = ?1")?.execute([flow.key])?;
        if held > 0 {
            self.add_removed(flow.key, -i64::try_from(held).unwrap_or(i64::MAX), at)?;
        }
        let written = self
            .db
            .prepare_cached(
                "UPDATE ledger SET state = ?3, waits = 0, rule = NULL, attempts = 0
                 WHERE flow = ?1 AND state = ?2 AND waits IS NOT NULL AND rule = ?4",
            )?
            .execute((flow.key, HELD, RETRY, Hold::Removal.name()))?;
        Ok(written as u64)
    }
}
