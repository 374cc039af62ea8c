//! Work by time: due projections, and the deletion of finished rows.
//!
//! **Invariants:** rows that a flow has still work for, or whose items a destination may hold, are never deleted; one
//! call deletes a bounded number of rows.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    source::Urgency,
    store::{Number, Pruned, Retention, Touch},
};
use model::{Kind, SourceName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    ledger::{DEAD, GONE, HELD, base, key},
    links::Links,
    trouble::Outcome,
    writer::{NOT_CARRIED, Tx, kind_bit},
};

/// How far a flow is.
pub(super) struct Mark {
    pub(super) key: i64,
    kinds: u64,
    /// None: a former flow.
    cursor: Option<[u64; 3]>,
}

/// A deleted record.
pub(super) struct Tombstone {
    pub(super) n: u64,
    pub(super) source: i64,
    pub(super) kind: u8,
    pub(super) urgency: u8,
    pub(super) revision: u64,
}

impl Mark {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let cursor = [row.get(2)?, row.get(3)?, row.get(4)?];
        Ok(Self { key: row.get(0)?, kinds: row.get(1)?, cursor: row.get::<_, bool>(5)?.then_some(cursor) })
    }

    /// Whether the flow has nothing more to do for a deleted record. A flow that does not process the record, because it is
    /// not configured or carries no records of the kind, has something to do as long as its destination may hold an item.
    pub(super) fn has_settled(&self, db: &Connection, of: &Tombstone) -> Outcome<bool> {
        let mut query = db.prepare_cached("SELECT state, held FROM ledger WHERE key = ?1")?;
        let entry = query.query_row([key(self.key, Number(of.n))], |row| Ok((row.get(0)?, row.get(1)?)));
        let entry: Option<(u8, u64)> = entry.optional()?;
        let carries = Kind::from_number(of.kind).is_some_and(|kind| self.kinds & kind_bit(kind) != 0);
        let Some(cursor) = self.cursor.filter(|_| carries && of.urgency != NOT_CARRIED) else {
            return Ok(entry.is_none_or(|(_, held)| held == 0));
        };
        let passed = cursor.get(usize::from(of.urgency)).is_some_and(|at| of.revision <= *at);
        Ok(passed && entry.is_some_and(|(state, _)| state == GONE))
    }
}

const MARK: &str = "SELECT key, kinds, urgent, live, backfill, current FROM flow";

/// The flows of a source, former ones too.
pub(super) fn flows_of(db: &Connection, source: i64) -> Outcome<Vec<Mark>> {
    let mut query = db.prepare_cached(&format!("{MARK} WHERE source = ?1"))?;
    Ok(query.query_map([source], Mark::read)?.collect::<Result<_, _>>()?)
}

/// A flow by its key.
pub(super) fn mark_of(db: &Connection, flow: i64) -> Outcome<Option<Mark>> {
    Ok(db.prepare_cached(&format!("{MARK} WHERE key = ?1"))?.query_row([flow], Mark::read).optional()?)
}

/// Whether no flow has anything more to do for a deleted record.
pub(super) fn is_settled_by_all(db: &Connection, flows: &[Mark], of: &Tombstone) -> Outcome<bool> {
    for flow in flows {
        if !flow.has_settled(db, of)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The last tombstone of each source that was looked at: when it changed, and its number.
pub(super) type Places = BTreeMap<i64, (i64, u64)>;

/// A step of deleting what is finished.
pub(super) struct Step {
    pub(super) pruned: Pruned,
    /// Where to look on; `None`: no more, or something was deleted.
    pub(super) after: Option<Places>,
}

/// Tombstones that were looked at, and how many of them were deleted.
struct Looked {
    at: u64,
    deleted: u64,
    after: Places,
}

impl Tx<'_> {
    /// Touches records whose projections do not hold at this time: their due time has come, or the clock was set back. One that
    /// its flow has still to process keeps the instant of its change, from which on its prices count.
    pub(super) fn wake(&mut self, touch: &Touch, limit: usize) -> Outcome<u64> {
        let source = self.source(&touch.source)?;
        self.fence_source(source, touch.lease)?;
        let now = touch.at.millis();
        let flows: Vec<i64> = {
            let mut query =
                self.db.prepare_cached("SELECT key FROM flow WHERE source = ?1 AND current = 1 ORDER BY key")?;
            query.query_map([source], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        let mut due = BTreeSet::new();
        for flow in &flows {
            for query in [
                "SELECT key FROM ledger WHERE flow = ?1 AND due <= ?2 ORDER BY due, key LIMIT ?3",
                "SELECT key FROM ledger WHERE flow = ?1 AND since > ?2 ORDER BY since, key LIMIT ?3",
            ] {
                let room = limit.saturating_sub(due.len()) as u64;
                let mut query = self.db.prepare_cached(query)?;
                let keys = query.query_map((flow, now, room), |row| row.get::<_, i64>(0))?;
                for key in keys {
                    due.extend(u64::try_from(key? - base(*flow)));
                }
            }
        }
        for n in &due {
            let mut is_processed = false;
            // One touch serves all flows, so the span is cleared in each.
            for flow in &flows {
                let clear = "UPDATE ledger SET due = NULL, since = NULL WHERE key = ?1 AND (due <= ?2 OR since > ?2)
                             RETURNING revision >= (SELECT revision FROM record WHERE n = ?3)";
                let keys = (key(*flow, Number(*n)), now, n);
                is_processed |=
                    self.db.prepare_cached(clear)?.query_row(keys, |row| row.get(0)).optional()?.unwrap_or(false);
            }
            if is_processed {
                self.touch(*n, Urgency::Urgent, touch.at)?;
            }
        }
        Ok(due.len() as u64)
    }

    /// Deletes what is finished. `after`: the tombstones that were looked at before.
    pub(super) fn prune(
        &mut self,
        now: Timestamp,
        retention: &Retention,
        after: Places,
        limit: usize,
    ) -> Outcome<Step> {
        let mut pruned = Pruned::default();
        let millis = |kept: std::time::Duration| i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        let before = |kept| now.millis().saturating_sub(millis(kept));
        pruned.calls = self.prune_calls(before(retention.calls), limit)?;
        let looked = self.prune_tombstones(before(retention.tombstones), after, limit)?;
        pruned.tombstones = looked.deleted;
        pruned.former = self.prune_former(limit)?;
        let full = |count: u64| count >= limit as u64;
        pruned.more = full(pruned.calls) || (full(looked.at) && looked.deleted > 0) || full(pruned.former);
        // Tombstones that have to stay must not hide those behind them.
        let after = (full(looked.at) && looked.deleted == 0).then_some(looked.after);
        Ok(Step { pruned, after })
    }

    /// Calls that dead and held records refer to are kept.
    fn prune_calls(&self, before: i64, limit: usize) -> Outcome<u64> {
        let kept: BTreeSet<u64> = {
            let mut query = self.db.prepare_cached(
                "SELECT l.call FROM flow f CROSS JOIN ledger l
                 WHERE l.flow = f.key AND l.state IN (?1, ?2) AND l.waits IS NOT NULL AND l.call IS NOT NULL",
            )?;
            query.query_map((DEAD, HELD), |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        let room = limit.saturating_add(kept.len()) as u64;
        let old: Vec<u64> = {
            let mut query =
                self.db.prepare_cached("SELECT id FROM call WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2")?;
            query.query_map((before, room), |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        let mut deleted = 0;
        for id in old.iter().filter(|id| !kept.contains(id)).take(limit) {
            deleted += self.db.prepare_cached("DELETE FROM call WHERE id = ?1")?.execute([id])? as u64;
        }
        Ok(deleted)
    }

    /// Deletes tombstones that every flow has settled.
    fn prune_tombstones(&mut self, before: i64, after: Places, limit: usize) -> Outcome<Looked> {
        let mut looked = Looked { at: 0, deleted: 0, after };
        let sources: Vec<i64> = {
            let mut query = self.db.prepare_cached("SELECT key FROM source ORDER BY key")?;
            query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        for source in sources {
            let flows = flows_of(self.db, source)?;
            let (from, from_n) = looked.after.get(&source).copied().unwrap_or((i64::MIN, 0));
            let old: Vec<(Tombstone, i64)> = {
                let mut query = self.db.prepare_cached(
                    "SELECT n, kind, urgency, revision, changed_at FROM record
                     WHERE source = ?1 AND ended <> 0 AND (changed_at, n) > (?4, ?5) AND changed_at < ?2 AND unread = 0
                     AND NOT EXISTS (SELECT 1 FROM erasing e WHERE e.n = record.n)
                     ORDER BY changed_at, n LIMIT ?3",
                )?;
                let rows = query.query_map((source, before, limit as u64, from, from_n), |row| {
                    let (n, kind, urgency, revision) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                    Ok((Tombstone { n, source, kind, urgency, revision }, row.get(4)?))
                })?;
                rows.collect::<Result<_, _>>()?
            };
            for (tombstone, changed_at) in old {
                let Tombstone { n, kind, .. } = tombstone;
                looked.at += 1;
                looked.after.insert(source, (changed_at, n));
                if is_settled_by_all(self.db, &flows, &tombstone)? {
                    for flow in &flows {
                        self.delete_entry(key(flow.key, Number(n)))?;
                    }
                    self.delete_record(source, n, kind, 0, 1)?;
                    looked.deleted += 1;
                }
            }
        }
        Ok(looked)
    }

    pub(super) fn delete_entry(&self, key: i64) -> Outcome<()> {
        for delete in [
            "DELETE FROM ledger WHERE key = ?1",
            "DELETE FROM payload WHERE key = ?1",
            "DELETE FROM refused WHERE key = ?1",
            "DELETE FROM claim WHERE key = ?1",
            "DELETE FROM prices WHERE key = ?1",
        ] {
            self.db.prepare_cached(delete)?.execute([key])?;
        }
        Ok(())
    }

    pub(super) fn delete_record(&mut self, source: i64, n: u64, kind: u8, live: i64, tombstones: i64) -> Outcome<()> {
        self.db.prepare_cached("DELETE FROM record WHERE n = ?1")?.execute([n])?;
        if let Some(kind) = Kind::from_number(kind) {
            self.count(source, kind, -live, -tombstones);
            if kind.is_personal() {
                self.forget_about(n)?;
                self.db.prepare_cached("DELETE FROM erasing WHERE n = ?1")?.execute([n])?;
            }
        }
        Ok(())
    }

    /// Deletes former flows without items at a destination, and former sources without flows.
    fn prune_former(&mut self, limit: usize) -> Outcome<u64> {
        let empty: Vec<i64> = {
            let mut query = self.db.prepare_cached(
                "SELECT key FROM flow f WHERE current = 0
                 AND NOT EXISTS (SELECT 1 FROM standing s WHERE s.flow = f.key AND s.items > 0)",
            )?;
            query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        for flow in &empty {
            self.delete_flow(*flow)?;
        }
        let mut deleted = empty.len() as u64;
        let sources: Vec<(i64, String)> = {
            let mut query = self.db.prepare_cached(
                "SELECT key, name FROM source WHERE current = 0
                 AND NOT EXISTS (SELECT 1 FROM flow WHERE flow.source = source.key)",
            )?;
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?
        };
        for (source, name) in sources {
            deleted += self.delete_records(source, &name.as_str().into(), limit)?;
        }
        Ok(deleted)
    }

    /// Deletes at most `limit` records of a source, and the source with the last of them.
    pub(super) fn delete_records(&mut self, source: i64, name: &SourceName, limit: usize) -> Outcome<u64> {
        let records: Vec<(u64, u8, bool)> = {
            let mut query =
                self.db.prepare_cached("SELECT n, kind, ended = 0 FROM record WHERE source = ?1 LIMIT ?2")?;
            let rows = query.query_map((source, limit as u64), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        for (n, kind, live) in &records {
            let links = self.links_before(name, *n)?;
            self.relink(*n, &links, &Links::default())?;
            self.delete_body(*n, &links)?;
            self.delete_record(source, *n, *kind, i64::from(*live), i64::from(!*live))?;
        }
        if records.len() < limit {
            self.delete_source(source)?;
        }
        Ok(records.len() as u64)
    }

    fn delete_source(&mut self, source: i64) -> Outcome<()> {
        for table in ["lane", "census", "spreading", "unread", "hint", "hook", "scope"] {
            self.db.execute(&format!("DELETE FROM {table} WHERE source = ?1"), [source])?;
        }
        self.db.execute("DELETE FROM source WHERE key = ?1", [source])?;
        self.forget_shifts(source);
        Ok(())
    }
}
