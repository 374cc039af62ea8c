//! Which record owns an item, where ids are shared.
//!
//! A record claims its items with its rank; the claim with the highest rank owns the item. An item that a row holds and
//! its record does not claim has a claim of the lowest rank.
//!
//! **Invariants:** no row holds an item that another one owns; every item that a row holds has a claim of that row; by the
//! end of the transaction in which an item gets another owner both records are due, and the new one holds it in doubt.

use std::{cmp::Reverse, collections::BTreeMap};

use contract::store::{Claim, Claimed, Contested, ItemEntry, Lease, Number, Owner};
use model::{FlowName, Kind, RemoteId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    codec::Codec,
    ledger::{self, Flow, base, flow_unknown, number},
    trouble::Outcome,
    workload::Reader,
    writer::{Tx, fence},
};

/// The rank of an item that is held and not claimed.
const LEFT: i64 = i64::MIN;
/// The rank of a record whose time of creation is not known.
const UNDATED: i64 = LEFT + 1;
/// The rank of items that were held before ids were shared: until their record is processed.
const HELD_BEFORE: i64 = i64::MAX;
/// Ledger rows read at once.
const PAGE: u32 = 1000;

fn rank(created_at: Option<Timestamp>) -> i64 {
    created_at.map_or(UNDATED, |at| at.millis().clamp(UNDATED + 1, HELD_BEFORE - 1))
}

/// A ledger row.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) flow: i64,
    pub(super) kind: u8,
    pub(super) key: i64,
}

/// An item that got another owner.
pub(super) struct Passed {
    id: RemoteId,
    from: i64,
    to: i64,
}

pub(super) fn owners(
    db: &Connection,
    codec: &Codec,
    name: &FlowName,
    kind: Kind,
    items: Vec<RemoteId>,
) -> Outcome<Vec<Owner>> {
    let flow = ledger::flow(db, name)?.ok_or_else(|| flow_unknown(name))?;
    let mut owners = Vec::new();
    let mut by_id = db.prepare_cached("SELECT n FROM record WHERE source = ?1 AND kind = ?2 AND id = ?3")?;
    for item in items {
        let stored = codec.name(kind, item.as_str())?;
        let number = if flow.shared {
            owner(db, flow.key, kind.number(), &stored)?.map(|key| number(flow.key, key))
        } else {
            by_id.query_row((flow.source, kind.number(), stored), |row| row.get(0).map(Number)).optional()?
        };
        owners.extend(number.map(|number| named(db, codec, number, item)).transpose()?.flatten());
    }
    Ok(owners)
}

/// The ledger key of the record that owns an item. `id`: as it is stored.
fn owner(db: &Connection, flow: i64, kind: u8, id: &str) -> Outcome<Option<i64>> {
    let read = "SELECT key FROM claim WHERE flow = ?1 AND kind = ?2 AND id = ?3 ORDER BY rank DESC, key DESC LIMIT 1";
    Ok(db.prepare_cached(read)?.query_row((flow, kind, id), |row| row.get(0)).optional()?)
}

/// The record as the owner of an item.
fn named(db: &Connection, codec: &Codec, number: Number, item: RemoteId) -> Outcome<Option<Owner>> {
    let read = "SELECT kind, id FROM record WHERE n = ?1";
    let found = db.prepare_cached(read)?.query_row([number.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((kind, id)) = found else { return Ok(None) };
    Ok(Some(Owner { item, number, id: codec.item_of(kind, id)?.into() }))
}

impl Tx<'_> {
    pub(super) fn claim(&self, name: &FlowName, lease: Lease, claims: &[Claim]) -> Outcome<Claimed> {
        let flow = ledger::flow(self.db, name)?.ok_or_else(|| flow_unknown(name))?;
        fence(lease, flow.token)?;
        if !flow.shared {
            return Ok(Claimed::default());
        }
        // The highest rank first, so that no item changes its owner more than once.
        let mut by_rank: Vec<&Claim> = claims.iter().collect();
        by_rank.sort_by_key(|claim| Reverse((rank(claim.created_at), claim.number)));
        let mut passed = Vec::new();
        for claim in by_rank {
            let row = self.row(flow.key, claim.number)?;
            passed.extend(self.set_claims(row, &claim.items, rank(claim.created_at))?);
        }
        let reader = Reader::new(self.db, self.codec, name)?;
        let mut contested = Vec::new();
        for claim in claims {
            let row = self.row(flow.key, claim.number)?;
            let mut owners = Vec::new();
            for item in &claim.items {
                if let Some(other) = self.owner(row, item)?.filter(|key| *key != row.key) {
                    owners.extend(named(self.db, self.codec, number(flow.key, other), item.clone())?);
                }
            }
            if !owners.is_empty() || passed.iter().any(|passed| [passed.from, passed.to].contains(&row.key)) {
                let entry = reader.one(claim.number)?.and_then(|work| work.entry);
                contested.push(Contested { number: claim.number, entry, owners });
            }
        }
        let mut taken = Vec::new();
        for passed in passed {
            taken.extend(named(self.db, self.codec, number(flow.key, passed.from), passed.id)?);
        }
        Ok(Claimed { contested, taken })
    }

    /// The row of a record, whether or not there is one.
    pub(super) fn row(&self, flow: i64, number: Number) -> Outcome<Row> {
        Ok(Row { flow, kind: self.kind(number)?, key: ledger::key(flow, number) })
    }

    /// The stored number of a record's kind.
    fn kind(&self, number: Number) -> Outcome<u8> {
        let read = "SELECT kind FROM record WHERE n = ?1";
        Ok(self.db.prepare_cached(read)?.query_row([number.0], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// The ledger key of the record that owns an item.
    fn owner(&self, row: Row, id: &RemoteId) -> Outcome<Option<i64>> {
        owner(self.db, row.flow, row.kind, &self.codec.item(row.kind, id.as_str())?)
    }

    /// Replaces the claims of the row's record by these items with this rank.
    pub(super) fn set_claims(&self, row: Row, wanted: &[RemoteId], rank: i64) -> Outcome<Vec<Passed>> {
        let held = self.held(row.key)?.unwrap_or_default();
        let mut now: BTreeMap<RemoteId, i64> = held.into_iter().map(|item| (item.id, LEFT)).collect();
        now.extend(wanted.iter().map(|id| (id.clone(), rank)));
        let mut passed = Vec::new();
        for (id, before) in self.claims(row)? {
            let rank = now.remove(&id);
            if rank != Some(before) {
                passed.extend(self.change_claim(row, id, Some(before), rank)?);
            }
        }
        for (id, rank) in now {
            passed.extend(self.change_claim(row, id, None, Some(rank))?);
        }
        Ok(passed)
    }

    fn claims(&self, row: Row) -> Outcome<Vec<(RemoteId, i64)>> {
        let mut query = self.db.prepare_cached("SELECT id, rank FROM claim WHERE key = ?1")?;
        let found = query.query_map([row.key], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let stored: Vec<(String, i64)> = found.collect::<Result<_, _>>()?;
        stored.into_iter().map(|(id, rank)| Ok((self.codec.item_of(row.kind, id)?.into(), rank))).collect()
    }

    /// Replaces one claim, and transfers the item if its owner changes.
    fn change_claim(&self, row: Row, id: RemoteId, from: Option<i64>, to: Option<i64>) -> Outcome<Option<Passed>> {
        let before = self.owner(row, &id)?;
        let stored = self.codec.item(row.kind, id.as_str())?;
        let delete = |rank: i64, key: i64| {
            let delete = "DELETE FROM claim WHERE flow = ?1 AND kind = ?2 AND id = ?3 AND rank = ?4 AND key = ?5";
            self.db.prepare_cached(delete)?.execute((row.flow, row.kind, &stored, rank, key))
        };
        if let Some(rank) = from {
            delete(rank, row.key)?;
        }
        if let Some(rank) = to {
            self.db
                .prepare_cached("INSERT INTO claim (flow, kind, id, rank, key) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute((row.flow, row.kind, &stored, rank, row.key))?;
        }
        let (Some(from), Some(to)) = (before, self.owner(row, &id)?) else { return Ok(None) };
        if from == to {
            return Ok(None);
        }
        let mut loses = self.held(from)?.unwrap_or_default();
        loses.retain(|item| item.id != id);
        self.write_doubt(Row { key: from, ..row }, &loses)?;
        delete(LEFT, from)?;
        let mut gains = self.held(to)?.unwrap_or_default();
        gains.push(ItemEntry { id: id.clone(), digests: None });
        self.write_doubt(Row { key: to, ..row }, &gains)?;
        Ok(Some(Passed { id, from, to }))
    }

    /// Updates the claims of a row that holds these items: each has a claim; an item that is neither held nor claimed
    /// has none.
    pub(super) fn keep_claims(&self, row: Row, held: &[RemoteId]) -> Outcome<()> {
        for (id, _) in self.claims(row)?.iter().filter(|(id, rank)| *rank == LEFT && !held.contains(id)) {
            self.change_claim(row, id.clone(), Some(LEFT), None)?;
        }
        for id in held {
            if self.owner(row, id)?.is_none() {
                self.change_claim(row, id.clone(), None, Some(LEFT))?;
            }
        }
        Ok(())
    }

    /// Those of these items that no other record owns.
    pub(super) fn own(&self, row: Row, ids: &[RemoteId]) -> Outcome<Vec<RemoteId>> {
        let mut own = Vec::new();
        for id in ids {
            if self.owner(row, id)?.is_none_or(|key| key == row.key) {
                own.push(id.clone());
            }
        }
        Ok(own)
    }

    /// Claims all held items for their records, until these are processed.
    pub(super) fn claim_all_held(&self, flow: &Flow) -> Outcome<()> {
        let mut after = base(flow.key);
        loop {
            let rows: Vec<(i64, u8)> = {
                let mut query = self.db.prepare_cached(
                    "SELECT l.key, r.kind FROM ledger l JOIN record r ON r.n = l.key - ?1
                     WHERE l.key > ?2 AND l.key < ?3 AND l.items IS NOT NULL ORDER BY l.key LIMIT ?4",
                )?;
                let keys = (base(flow.key), after, base(flow.key + 1), PAGE);
                query.query_map(keys, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?
            };
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = *last;
            for (key, kind) in rows {
                let held: Vec<RemoteId> = self.held(key)?.unwrap_or_default().into_iter().map(|item| item.id).collect();
                self.set_claims(Row { flow: flow.key, kind, key }, &held, HELD_BEFORE)?;
            }
        }
    }
}
