//! Which record an item belongs to: an index of every flow from item to record.
//!
//! **Invariants:** `owner` has the items that ledger rows of the flow hold and those that open calls carry, and no item
//! twice; of the dead rows that want an item, some are due by the end of the transaction in which it became nobody's.

use std::collections::BTreeSet;

use contract::store::{ItemEntry, Number, Owner};
use model::{FlowName, Kind, RemoteId};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    codec::Codec,
    ledger::{self, DEAD, Flow, base, flow_unknown, payloads},
    trouble::Outcome,
    writer::Tx,
};

/// So many of those that want an item are tried when it is nobody's. One that does not take it lets others be tried, so
/// that none is forgotten, and letting go costs the same however many there are.
const MOST_TRIED: u32 = 8;
/// Ledger rows read at once.
const PAGE: u32 = 1000;

/// Both are the same items, whatever is known of them.
pub(super) fn is_same(before: &[ItemEntry], now: &[ItemEntry]) -> bool {
    before.len() == now.len() && before.iter().zip(now).all(|(before, now)| before.id == now.id)
}

/// Items of a flow, by kind, that may have become nobody's.
#[derive(Default)]
pub(super) struct Loose(BTreeSet<(u8, RemoteId)>);

/// A ledger row of which it is to be found out what it owns.
struct Row {
    key: i64,
    kind: u8,
    settled_at: i64,
    items: Vec<ItemEntry>,
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
    let mut query = db.prepare_cached(
        "SELECT r.n, r.id FROM owner o JOIN record r ON r.n = o.key - ?4
         WHERE o.flow = ?1 AND o.kind = ?2 AND o.id = ?3",
    )?;
    for item in items {
        let found = query
            .query_row((flow.key, kind.number(), codec.name(kind, item.as_str()), base(flow.key)), |row| {
                Ok((Number(row.get(0)?), row.get::<_, String>(1)?))
            });
        if let Some((number, id)) = found.optional()? {
            owners.push(Owner { item, number, id: codec.name_of(kind, id)?.into() });
        }
    }
    Ok(owners)
}

impl Tx<'_> {
    /// Finds out whose the items are from what the ledger holds.
    pub(super) fn share(&self, flow: &Flow) -> Outcome<()> {
        self.db.prepare_cached("UPDATE flow SET indexed = 1 WHERE key = ?1")?.execute([flow.key])?;
        self.db.prepare_cached("DELETE FROM owner WHERE flow = ?1")?.execute([flow.key])?;
        self.db.prepare_cached("DELETE FROM contender WHERE flow = ?1")?.execute([flow.key])?;
        let mut after = base(flow.key);
        loop {
            let rows = self.rows(flow, after)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.key;
            for row in &rows {
                for item in &row.items {
                    self.share_item(flow.key, row, &item.id)?;
                }
            }
        }
    }

    fn rows(&self, flow: &Flow, after: i64) -> Outcome<Vec<Row>> {
        let mut query = self.db.prepare_cached(
            "SELECT l.key, r.kind, l.settled_at, l.items FROM ledger l JOIN record r ON r.n = l.key - ?1
             WHERE l.key > ?2 AND l.key < ?3 AND r.source = ?4 AND l.items IS NOT NULL ORDER BY l.key LIMIT ?5",
        )?;
        let mut found = query.query((base(flow.key), after, base(flow.key + 1), flow.source, PAGE))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let items = ledger::items(self.codec, row.get_ref(3)?.as_blob_or_null().unwrap_or_default())?;
            rows.push(Row { key: row.get(0)?, kind: row.get(1)?, settled_at: row.get(2)?, items });
        }
        Ok(rows)
    }

    /// Of two rows that hold the same item, the one that was settled last keeps it, in doubt.
    fn share_item(&self, flow: i64, row: &Row, id: &RemoteId) -> Outcome<()> {
        let other = self.owner(flow, row.kind, id)?.filter(|other| *other != row.key);
        let Some(other) = other else { return self.own(flow, row.kind, row.key, id) };
        let read = "SELECT settled_at FROM ledger WHERE key = ?1";
        let since: i64 = self.db.prepare_cached(read)?.query_row([other], |row| row.get(0))?;
        let (keeps, loses) = if row.settled_at >= since { (row.key, other) } else { (other, row.key) };
        self.own(flow, row.kind, keeps, id)?;
        self.lose(flow, row.kind, loses, id)?;
        let mut held = self.held(keeps)?.unwrap_or_default();
        for item in held.iter_mut().filter(|item| item.id == *id) {
            item.digests = None;
        }
        self.write_doubt(row.kind, keeps, &held)
    }

    /// The stored number of a record's kind.
    pub(super) fn kind(&self, number: Number) -> Outcome<u8> {
        let read = "SELECT kind FROM record WHERE n = ?1";
        Ok(self.db.prepare_cached(read)?.query_row([number.0], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// An item that is nobody's belongs to the row from now on: a call is about to carry it. What another row holds stays
    /// that row's until the outcome is settled, because the call may not arrive.
    pub(super) fn reserve(&self, flow: i64, kind: Kind, key: i64, id: &RemoteId) -> Outcome<()> {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO owner (flow, kind, id, key) VALUES (?1, ?2, ?3, ?4)")?
            .execute((flow, kind.number(), self.codec.name(kind, id.as_str()), key))?;
        Ok(())
    }

    /// What a call carried and the ledger does not hold now is nobody's.
    pub(super) fn free(&self, flow: &Flow, carried: &[(Kind, Number, RemoteId)], loose: &mut Loose) -> Outcome<()> {
        for (kind, number, id) in carried {
            let key = ledger::key(flow.key, *number);
            let kind = kind.number();
            if self.owner(flow.key, kind, id)? == Some(key)
                && !self.held(key)?.unwrap_or_default().iter().any(|item| item.id == *id)
            {
                self.disown(flow.key, kind, key, id)?;
                loose.0.insert((kind, id.clone()));
            }
        }
        Ok(())
    }

    /// The row held `before` and holds `now`. What another row held is taken from it.
    pub(super) fn reown(
        &self,
        flow: i64,
        kind: u8,
        key: i64,
        before: &[ItemEntry],
        now: &[ItemEntry],
        loose: &mut Loose,
    ) -> Outcome<()> {
        let ids = |items: &[ItemEntry]| items.iter().map(|item| item.id.clone()).collect::<BTreeSet<_>>();
        let (before, now) = (ids(before), ids(now));
        for id in before.difference(&now) {
            self.disown(flow, kind, key, id)?;
            loose.0.insert((kind, (*id).clone()));
        }
        for id in now.difference(&before) {
            match self.owner(flow, kind, id)? {
                Some(owner) if owner == key => continue,
                Some(other) => self.lose(flow, kind, other, id)?,
                None => {}
            }
            self.own(flow, kind, key, id)?;
        }
        Ok(())
    }

    pub(super) fn disown(&self, flow: i64, kind: u8, key: i64, id: &RemoteId) -> Outcome<()> {
        self.db
            .prepare_cached("DELETE FROM owner WHERE flow = ?1 AND kind = ?2 AND id = ?3 AND key = ?4")?
            .execute((flow, kind, self.codec.item(kind, id.as_str()), key))?;
        Ok(())
    }

    /// The row wants these items of other rows, and no others.
    pub(super) fn want(&self, flow: i64, kind: u8, key: i64, wants: &[RemoteId], loose: &mut Loose) -> Outcome<()> {
        let wanted: Vec<String> = {
            let mut query = self.db.prepare_cached("SELECT id FROM contender WHERE key = ?1")?;
            query.query_map([key], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        let wanted = wanted.into_iter().map(|id| self.codec.item_of(kind, id)).collect::<Outcome<Vec<_>>>()?;
        if !wanted.is_empty() {
            self.want_nothing(key)?;
        }
        for id in wants {
            self.db
                .prepare_cached("INSERT OR IGNORE INTO contender (flow, kind, id, key) VALUES (?1, ?2, ?3, ?4)")?
                .execute((flow, kind, self.codec.item(kind, id.as_str()), key))?;
        }
        loose.0.extend(wanted.into_iter().map(RemoteId::new).chain(wants.iter().cloned()).map(|id| (kind, id)));
        Ok(())
    }

    pub(super) fn want_nothing(&self, key: i64) -> Outcome<()> {
        self.db.prepare_cached("DELETE FROM contender WHERE key = ?1")?.execute([key])?;
        Ok(())
    }

    /// Has those tried again that want what is nobody's.
    pub(super) fn tend(&self, flow: i64, loose: &Loose) -> Outcome<()> {
        for (kind, id) in &loose.0 {
            if self.owner(flow, *kind, id)?.is_some() {
                continue;
            }
            let waiting: Vec<i64> = {
                let mut query = self.db.prepare_cached(
                    "SELECT c.key FROM contender c JOIN ledger l ON l.key = c.key
                     WHERE c.flow = ?1 AND c.kind = ?2 AND c.id = ?3 AND l.state = ?4 ORDER BY c.key DESC LIMIT ?5",
                )?;
                let keys = query
                    .query_map((flow, kind, self.codec.item(*kind, id.as_str()), DEAD, MOST_TRIED), |row| row.get(0))?;
                keys.collect::<Result<_, _>>()?
            };
            for key in waiting {
                self.try_again(key)?;
            }
        }
        Ok(())
    }

    pub(super) fn owner(&self, flow: i64, kind: u8, id: &RemoteId) -> Outcome<Option<i64>> {
        let read = "SELECT key FROM owner WHERE flow = ?1 AND kind = ?2 AND id = ?3";
        Ok(self
            .db
            .prepare_cached(read)?
            .query_row((flow, kind, self.codec.item(kind, id.as_str())), |row| row.get(0))
            .optional()?)
    }

    fn own(&self, flow: i64, kind: u8, key: i64, id: &RemoteId) -> Outcome<()> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO owner (flow, kind, id, key) VALUES (?1, ?2, ?3, ?4)")?
            .execute((flow, kind, self.codec.item(kind, id.as_str()), key))?;
        Ok(())
    }

    /// The row no longer holds the item; its record is looked at again. A row that never held it, because a call that
    /// carries it is still open, stays as it is.
    fn lose(&self, flow: i64, kind: u8, key: i64, id: &RemoteId) -> Outcome<()> {
        let mut held = self.held(key)?.unwrap_or_default();
        if !held.iter().any(|item| item.id == *id) {
            return Ok(());
        }
        held.retain(|item| item.id != *id);
        self.write_doubt(kind, key, &held)?;
        let mut stored = payloads(self.db, self.codec, key)?;
        stored.retain(|item| item.id != *id);
        let packed = if stored.is_empty() {
            None
        } else {
            Some(self.codec.pack_value(self.codec.payload(flow, 1 << kind), &stored)?)
        };
        self.write_payload(key, packed.as_deref())
    }
}
