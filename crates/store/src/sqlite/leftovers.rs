//! What the ledger knows of flows and sources that are no longer configured, and how it is forgotten.
//!
//! **Invariant:** nothing here touches what a configured flow knows of its own source.

use contract::store::{HeldItems, ItemEntry, Leftover, Number};
use model::{FlowName, Kind, RemoteId, SourceName};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    codec::Codec,
    ledger::{base, key},
    trouble::{Outcome, Trouble},
    writer::Tx,
};

pub(super) fn leftovers(db: &Connection, configured: &[(FlowName, SourceName)]) -> Outcome<Vec<Leftover>> {
    let mut flows = db.prepare_cached("SELECT f.key, f.name, s.name FROM flow f JOIN source s ON s.key = f.source")?;
    let flows = flows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let flows: Vec<(i64, String, String)> = flows.collect::<Result<_, _>>()?;
    let sources: u64 = db.query_row("SELECT count(*) FROM source", [], |row| row.get(0))?;
    let mut found: Vec<Leftover> = Vec::new();
    for (flow, name, of_flow) in flows {
        let own = configured.iter().find(|(flow, _)| flow.as_str() == name).map(|(_, source)| source.as_str());
        // A store of one source has nothing else of a configured flow.
        if sources < 2 && own == Some(of_flow.as_str()) {
            continue;
        }
        let mut query = db.prepare_cached(
            "SELECT s.name, l.items FROM ledger l JOIN record r ON r.n = l.key - ?1 JOIN source s ON s.key = r.source
             WHERE l.key >= ?1 AND l.key < ?2 AND (?3 IS NULL OR s.name <> ?3)",
        )?;
        let mut rows = query.query((base(flow), base(flow + 1), own))?;
        let first = found.len();
        while let Some(row) = rows.next()? {
            let source = row.get_ref(0)?.as_str().unwrap_or_default();
            let items = row.get_ref(1)?.as_blob_or_null().ok().flatten().map_or(Ok(0), count)?;
            let of_flow = found.get_mut(first..).unwrap_or_default();
            match of_flow.iter_mut().find(|leftover| leftover.source.as_str() == source) {
                Some(leftover) => {
                    leftover.records += 1;
                    leftover.items += items;
                }
                None => found.push(Leftover {
                    flow: FlowName::new(name.as_str()),
                    source: SourceName::new(source),
                    records: 1,
                    items,
                }),
            }
        }
        // A flow of which nothing was ever sent is known all the same.
        if own.is_none() && found.len() == first {
            let (flow, source) = (FlowName::new(name), SourceName::new(of_flow));
            found.push(Leftover { flow, source, records: 0, items: 0 });
        }
    }
    Ok(found)
}

fn count(blob: &[u8]) -> Outcome<u64> {
    Ok(decode(blob)?.len() as u64)
}

fn decode(blob: &[u8]) -> Outcome<Vec<ItemEntry>> {
    Codec::decode("what a destination holds", blob)
}

fn source_key(db: &Connection, source: &SourceName) -> Outcome<Option<i64>> {
    let read = "SELECT key FROM source WHERE name = ?1";
    Ok(db.prepare_cached(read)?.query_row([source.as_str()], |row| row.get(0)).optional()?)
}

pub(super) fn held_items(
    db: &Connection,
    flow: &FlowName,
    source: &SourceName,
    after: Number,
    limit: usize,
) -> Outcome<Vec<HeldItems>> {
    let Some(source) = source_key(db, source)? else { return Ok(Vec::new()) };
    // The first ledger key of a flow is its own key, shifted: see ledger.rs.
    let mut query = db.prepare_cached(
        "SELECT r.n, r.kind, l.items FROM flow f
         JOIN ledger l ON l.key > (f.key << 40) + ?2 AND l.key < (f.key + 1) << 40
         JOIN record r ON r.n = l.key - (f.key << 40)
         WHERE f.name = ?1 AND l.items IS NOT NULL AND r.source = ?3 ORDER BY r.n LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query((flow.as_str(), after.0, source, limit))?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        let number: u8 = row.get(1)?;
        let kind = Kind::from_number(number);
        let kind = kind.ok_or_else(|| Trouble::unreadable("a kind", format!("{number} stands for none")))?;
        let items: Vec<RemoteId> =
            decode(row.get_ref(2)?.as_blob().unwrap_or_default())?.into_iter().map(|item| item.id).collect();
        held.push(HeldItems { number: Number(row.get(0)?), kind, items });
    }
    Ok(held)
}

impl Tx<'_> {
    pub(super) fn forget_entries(&self, flow: &FlowName, numbers: &[Number]) -> Outcome<u64> {
        let mut forgotten = 0;
        for flow in self.flows_of(flow)? {
            for number in numbers {
                forgotten += self.forget_entry(flow, number.0)?;
            }
        }
        Ok(forgotten)
    }

    /// The keys of all flows of this name.
    fn flows_of(&self, name: &FlowName) -> Outcome<Vec<i64>> {
        let mut query = self.db.prepare_cached("SELECT key FROM flow WHERE name = ?1")?;
        let keys = query.query_map([name.as_str()], |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn forget_entry(&self, flow: i64, number: u64) -> Outcome<u64> {
        let key = key(flow, Number(number));
        let kind = "SELECT kind FROM record WHERE n = ?1";
        let kind: Option<u8> = self.db.prepare_cached(kind)?.query_row([number], |row| row.get(0)).optional()?;
        for item in self.held(key)?.unwrap_or_default() {
            self.db
                .prepare_cached("DELETE FROM owner WHERE flow = ?1 AND kind = ?2 AND id = ?3 AND key = ?4")?
                .execute((flow, kind, item.id.as_str(), key))?;
        }
        self.db.prepare_cached("DELETE FROM contender WHERE key = ?1")?.execute([key])?;
        for forget in ["DELETE FROM payload WHERE key = ?1", "DELETE FROM refused WHERE key = ?1"] {
            self.db.prepare_cached(forget)?.execute([key])?;
        }
        Ok(self.db.prepare_cached("DELETE FROM ledger WHERE key = ?1")?.execute([key])? as u64)
    }

    pub(super) fn forget_flow(&self, name: &FlowName, source: &SourceName, limit: usize) -> Outcome<u64> {
        let Some(source) = source_key(self.db, source)? else { return Ok(0) };
        let mut forgotten = 0;
        for flow in self.flows_of(name)? {
            let mut query = self.db.prepare_cached(
                "SELECT r.n FROM ledger l JOIN record r ON r.n = l.key - ?1
                 WHERE l.key >= ?1 AND l.key < ?2 AND r.source = ?3 LIMIT ?4",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let numbers = query.query_map((base(flow), base(flow + 1), source, limit), |row| row.get(0))?;
            let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
            for number in &numbers {
                forgotten += self.forget_entry(flow, *number)?;
            }
            let left: bool = self
                .db
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM ledger WHERE key >= ?1 AND key < ?2)")?
                .query_row((base(flow), base(flow + 1)), |row| row.get(0))?;
            if numbers.is_empty() && !left {
                self.db
                    .prepare_cached(
                        "DELETE FROM call WHERE flow = ?1 AND flow IN (SELECT key FROM flow WHERE source = ?2)",
                    )?
                    .execute((flow, source))?;
                self.db.prepare_cached("DELETE FROM flow WHERE key = ?1 AND source = ?2")?.execute((flow, source))?;
            }
        }
        Ok(forgotten)
    }

    pub(super) fn forget_source(&self, source: &SourceName, limit: usize) -> Outcome<u64> {
        let Some(source) = source_key(self.db, source)? else { return Ok(0) };
        let used: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM flow WHERE source = ?1) OR EXISTS (
                     SELECT 1 FROM flow f JOIN record r ON r.source = ?1 JOIN ledger l ON l.key = (f.key << 40) + r.n)",
            )?
            .query_row([source], |row| row.get(0))?;
        if used {
            return Ok(0);
        }
        let mut query = self.db.prepare_cached("SELECT n FROM record WHERE source = ?1 LIMIT ?2")?;
        let numbers = query.query_map((source, i64::try_from(limit).unwrap_or(i64::MAX)), |row| row.get(0))?;
        let numbers: Vec<i64> = numbers.collect::<Result<_, _>>()?;
        for number in &numbers {
            for delete in ["DELETE FROM body WHERE n = ?1", "DELETE FROM record WHERE n = ?1"] {
                self.db.prepare_cached(delete)?.execute([number])?;
            }
        }
        if numbers.is_empty() {
            // Links of records that are gone; they have no index by number.
            for table in ["uses", "joins"] {
                let delete = format!("DELETE FROM {table} WHERE n NOT IN (SELECT n FROM record)");
                self.db.execute(&delete, [])?;
            }
            for table in ["spreading", "unread", "census", "lane"] {
                self.db.execute(&format!("DELETE FROM {table} WHERE source = ?1"), [source])?;
            }
            self.db.execute("DELETE FROM source WHERE key = ?1", [source])?;
        }
        Ok(numbers.len() as u64)
    }
}
