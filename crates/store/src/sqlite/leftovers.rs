//! Reads and deletes the ledger entries of flows and sources that are no longer configured, and of kinds that a flow no longer
//! carries.
//!
//! **Invariant:** only what is asked for is deleted. Nothing here checks whether a configured flow needs it: the caller does.

use contract::{
    Item,
    store::{Declared, FlowId, Former, HeldItems, Leftover, Number},
};
use model::SourceName;
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    codec::Codec,
    ledger::{base, items, key, payloads},
    trouble::Outcome,
    workload::kind,
    writer::{Tx, source_key},
};

pub(super) fn leftovers(db: &Connection, configured: &[Declared]) -> Outcome<Vec<Leftover>> {
    let mut query = db.prepare_cached(
        "SELECT f.key, f.name, s.name, f.account FROM flow f JOIN source s ON s.key = f.source ORDER BY f.key",
    )?;
    let mut rows = query.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (key, flow, source): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let id = FlowId { flow: flow.into(), source: source.into(), account: row.get(3)? };
        let former = match present(&id, configured) {
            Ok(declared) => {
                found.extend(not_carried(db, key, &id, declared)?);
                continue;
            }
            Err(former) => former,
        };
        let (records, items) = held_by(db, key)?;
        // A removed flow is known even if nothing was ever sent; a source or account that a flow had before is not.
        if records > 0 || former == Former::Flow {
            found.push(Leftover { id, former, kind: None, records, items });
        }
    }
    Ok(found)
}

/// This flow as it is configured, or else what is no longer as it was.
fn present<'c>(flow: &FlowId, configured: &'c [Declared]) -> Result<&'c Declared, Former> {
    let mut former = Former::Flow;
    for declared in configured.iter().filter(|it| it.flow == flow.flow) {
        if declared.source != flow.source {
            former = if former == Former::Flow { Former::Source } else { former };
        } else if flow.account.is_empty() || declared.account == flow.account {
            return Ok(declared);
        } else {
            former = Former::Account;
        }
    }
    Err(former)
}

/// The kinds that a configured flow no longer carries and that its account holds items of.
fn not_carried(db: &Connection, key: i64, id: &FlowId, declared: &Declared) -> Outcome<Vec<Leftover>> {
    let mut query = db.prepare_cached(
        "SELECT kind, sum(total), sum(items) FROM standing WHERE flow = ?1 AND items > 0 GROUP BY kind ORDER BY kind",
    )?;
    let mut rows = query.query([key])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, records, items) = (kind(row.get(0)?)?, row.get(1)?, row.get(2)?);
        if !declared.carries.contains(&kind) {
            found.push(Leftover { id: id.clone(), former: Former::Kind, kind: Some(kind), records, items });
        }
    }
    Ok(found)
}

/// How many ledger rows a flow has, and how many items they hold.
fn held_by(db: &Connection, flow: i64) -> Outcome<(u64, u64)> {
    let read = "SELECT coalesce(sum(total), 0), coalesce(sum(items), 0) FROM standing WHERE flow = ?1";
    Ok(db.prepare_cached(read)?.query_row([flow], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// The key of a flow, whether or not it is configured.
fn flow_key(db: &Connection, id: &FlowId) -> Outcome<Option<i64>> {
    // The account of a flow that was not declared since accounts are known is an empty text.
    let find = "SELECT f.key FROM flow f JOIN source s ON s.key = f.source
                WHERE f.name = ?1 AND s.name = ?2 AND f.account IN (?3, '') ORDER BY f.account = '' LIMIT 1";
    let keys = (id.flow.as_str(), id.source.as_str(), id.account.as_str());
    Ok(db.prepare_cached(find)?.query_row(keys, |row| row.get(0)).optional()?)
}

pub(super) fn held_items(
    db: &Connection,
    codec: &Codec,
    flow: &FlowId,
    after: Number,
    limit: usize,
) -> Outcome<Vec<HeldItems>> {
    let Some(flow) = flow_key(db, flow)? else { return Ok(Vec::new()) };
    let mut query = db.prepare_cached(
        "SELECT r.n, r.kind, l.items, l.key FROM ledger l JOIN record r ON r.n = l.key - ?1
         WHERE l.key > ?2 AND l.key < ?3 AND l.items IS NOT NULL ORDER BY l.key LIMIT ?4",
    )?;
    let mut rows = query.query((base(flow), key(flow, after), base(flow + 1), limit as u64))?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        let items = items(db, codec, row.get(3)?, row.get_ref(2)?.as_blob_or_null().unwrap_or_default())?;
        let items = items.into_iter().map(|item| item.id).collect();
        held.push(HeldItems { number: Number(row.get(0)?), kind: kind(row.get(1)?)?, items });
    }
    Ok(held)
}

pub(super) fn held_payloads(db: &Connection, codec: &Codec, flow: &FlowId, number: Number) -> Outcome<Vec<Item>> {
    let Some(flow) = flow_key(db, flow)? else { return Ok(Vec::new()) };
    payloads(db, codec, key(flow, number))
}

impl Tx<'_> {
    pub(super) fn forget_entries(&self, flow: &FlowId, numbers: &[Number]) -> Outcome<u64> {
        let Some(flow) = flow_key(self.db, flow)? else { return Ok(0) };
        numbers.iter().try_fold(0, |forgotten, number| Ok(forgotten + self.forget_entry(flow, *number)?))
    }

    fn forget_entry(&self, flow: i64, number: Number) -> Outcome<u64> {
        let key = key(flow, number);
        if self.held(key)?.is_none() {
            return Ok(0);
        }
        self.delete_entry(key)?;
        Ok(1)
    }

    pub(super) fn forget_flow(&self, flow: &FlowId, limit: usize) -> Outcome<u64> {
        let Some(flow) = flow_key(self.db, flow)? else { return Ok(0) };
        let numbers: Vec<u64> = {
            let mut query =
                self.db.prepare_cached("SELECT key - ?1 FROM ledger WHERE key >= ?1 AND key < ?2 LIMIT ?3")?;
            let numbers = query.query_map((base(flow), base(flow + 1), limit as u64), |row| row.get(0))?;
            numbers.collect::<Result<_, _>>()?
        };
        for number in &numbers {
            self.forget_entry(flow, Number(*number))?;
        }
        if numbers.is_empty() {
            self.delete_flow(flow)?;
        }
        Ok(numbers.len() as u64)
    }

    pub(super) fn forget_source(&mut self, name: &SourceName, limit: usize) -> Outcome<u64> {
        let Some(source) = source_key(self.db, name)? else { return Ok(0) };
        let used = "SELECT EXISTS (SELECT 1 FROM flow WHERE source = ?1)";
        if self.db.prepare_cached(used)?.query_row([source], |row| row.get(0))? {
            return Ok(0);
        }
        self.delete_records(source, name, limit)
    }
}
