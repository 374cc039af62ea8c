//! Items that destinations hold, calls made to them, and dead letters.
//!
//! **Invariants:** the stored payload is always what the destination acknowledged last; a settlement of an older
//! revision never replaces that of a newer one; items of an unfinished call are in doubt once the flow is taken over;
//! every item of a row has a claim if ids are shared (`owners.rs`); the prices that were seen of a record are written only
//! together with a settlement of it.

use std::collections::{BTreeSet, HashSet};

use contract::{
    Digests, Fault, Item,
    store::{
        Closed, Cursor, Held, HeldItem, Hold, ItemEntry, Lease, Number, Open, Revision, Settled, State, Step, Ticket,
    },
};
use model::{FlowName, Kind, PriceHistory, RemoteId, Timestamp, Window};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    codec::{Codec, Place, Purpose},
    erasures::is_erasing,
    owners::Row,
    seal::DataKey,
    trouble::{Outcome, Trouble, fault_text, unless_forgotten},
    writer::{Tx, fence, kind_bit},
};

pub(super) const IN_SYNC: u8 = 0;
pub(super) const FILTERED: u8 = 1;
pub(super) const DEAD: u8 = 2;
pub(super) const GONE: u8 = 3;
pub(super) const RETRY: u8 = 4;
pub(super) const AWAITS_FEED: u8 = 5;
pub(super) const AWAITS_IMPORT: u8 = 6;
pub(super) const HELD: u8 = 7;

/// Bits of a ledger key that hold the record's number.
const NUMBER_BITS: u32 = 40;

/// The first ledger key of a flow; a record's key is this plus its number.
pub(super) const fn base(flow: i64) -> i64 {
    flow << NUMBER_BITS
}

pub(super) fn key(flow: i64, number: Number) -> i64 {
    base(flow).saturating_add(i64::try_from(number.0).unwrap_or(i64::MAX))
}

/// The number of the record of a ledger key.
pub(super) fn number(flow: i64, key: i64) -> Number {
    Number(u64::try_from(key - base(flow)).unwrap_or(0))
}

pub(super) fn flow_unknown(flow: &FlowName) -> Trouble {
    Fault::config("C0108", format!("flow {flow} is not known to the database yet"))
        .hint("run `cartage sync` or `cartage run` once, which registers the configured flows")
        .into()
}

/// The stored flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub(super) key: i64,
    pub(super) source: i64,
    pub(super) cursor: Cursor,
    /// Whether several records may claim the same item.
    pub(super) shared: bool,
    /// The kinds that it carries, as bits.
    pub(super) kinds: u64,
    /// The latest lease.
    pub(super) token: u64,
    /// Since when it is paused, in milliseconds.
    pub(super) paused: Option<i64>,
    /// Whether it keeps a history of prices.
    pub(super) prices: bool,
}

pub(super) fn flow(db: &Connection, name: &FlowName) -> Outcome<Option<Flow>> {
    let read = "SELECT key, source, urgent, live, backfill, shared, kinds, token, paused, prices
        FROM flow WHERE name = ?1 AND current = 1";
    let found = db.prepare_cached(read)?.query_row([name.as_str()], |row| {
        let cursor = Cursor([Revision(row.get(2)?), Revision(row.get(3)?), Revision(row.get(4)?)]);
        Ok(Flow {
            key: row.get(0)?,
            source: row.get(1)?,
            cursor,
            shared: row.get(5)?,
            kinds: row.get(6)?,
            token: row.get(7)?,
            paused: row.get(8)?,
            prices: row.get(9)?,
        })
    });
    Ok(found.optional()?)
}

/// A state as it is stored: its number, and until when, since when or up to where it waits.
fn state_columns(state: &State, revision: Revision, at: Timestamp) -> (u8, Option<i64>, Option<&str>) {
    match state {
        State::InSync => (IN_SYNC, None, None),
        State::Filtered(rule) => (FILTERED, None, Some(rule)),
        State::Dead => (DEAD, Some(at.millis()), None),
        State::Gone => (GONE, None, None),
        State::Retry(until) => (RETRY, Some(until.millis()), None),
        State::AwaitsFeed => (AWAITS_FEED, i64::try_from(revision.0).ok(), None),
        State::AwaitsImport => (AWAITS_IMPORT, None, None),
        State::Held(hold) => (HELD, Some(at.millis()), Some(hold.name())),
    }
}

/// A state from its columns.
pub(super) fn state(number: u8, waits: Option<i64>, rule: Option<String>) -> Outcome<State> {
    Ok(match number {
        IN_SYNC => State::InSync,
        FILTERED => State::Filtered(rule.unwrap_or_default()),
        DEAD => State::Dead,
        GONE => State::Gone,
        RETRY => State::Retry(Timestamp::from_millis(waits.unwrap_or(0))),
        AWAITS_FEED => State::AwaitsFeed,
        AWAITS_IMPORT => State::AwaitsImport,
        HELD => {
            let name = rule.unwrap_or_default();
            State::Held(Hold::from_name(&name).ok_or_else(|| Trouble::unreadable("why a record is held", name))?)
        }
        other => return Err(Trouble::unreadable("a state", format!("{other} stands for none"))),
    })
}

/// The items of a ledger row; none if they belong to a person who was forgotten.
pub(super) fn items(db: &Connection, codec: &Codec, key: i64, blob: Option<&[u8]>) -> Outcome<Vec<ItemEntry>> {
    let Some(blob) = blob else { return Ok(Vec::new()) };
    unless_forgotten(codec.unpack_list(db, Place::Items(key), blob), Vec::new())
}

/// Those of these records that are about people. It looks only if the database has any.
pub(super) fn people(db: &Connection, codec: &Codec, settled: &[Settled]) -> Outcome<HashSet<Number>> {
    let mut people = HashSet::new();
    if codec.people.is_ready() {
        let mut query = db.prepare_cached("SELECT 1 FROM about WHERE n = ?1")?;
        for settled in settled {
            if query.exists([settled.number.0])? {
                people.insert(settled.number);
            }
        }
    }
    Ok(people)
}

/// A step after all work that needs no database.
pub(super) struct PreparedStep {
    flow: FlowName,
    lease: Lease,
    close: Vec<Closed>,
    settled: Vec<PreparedSettled>,
    cursor: Option<Cursor>,
    open: Vec<Open>,
    removed: u64,
    tickets: Vec<Ticket>,
    at: Timestamp,
}

struct PreparedSettled {
    number: Number,
    revision: Revision,
    state: State,
    items: PreparedHeld,
    /// Ids of `items`.
    ids: Vec<RemoteId>,
    holds: Window,
    call: Option<u64>,
    fault: Option<String>,
    refused: Option<Vec<u8>>,
    trial: Option<Vec<u8>>,
    turn: u32,
    prices: Option<Vec<u8>>,
}

enum PreparedHeld {
    Same,
    Nothing,
    Whole {
        items: Vec<u8>,
        payload: Vec<u8>,
    },
    /// Whether some payloads stay as they are stored.
    Mixed {
        items: Vec<u8>,
        held: Vec<HeldItem>,
    },
}

impl PreparedStep {
    /// Encodes and compresses. `people`: the numbers of records about people, which are sealed when they are written.
    pub(super) fn new(codec: &Codec, flow: Flow, people: &HashSet<Number>, step: Step) -> Outcome<Self> {
        let prepare = |settled: Settled| {
            let purpose = Codec::payload(flow.key, people.contains(&settled.number));
            prepare(codec, purpose, settled)
        };
        let settled = step.settled.into_iter().map(prepare);
        Ok(Self {
            settled: settled.collect::<Outcome<_>>()?,
            flow: step.flow,
            lease: step.lease,
            tickets: step.tickets,
            close: step.close,
            cursor: step.cursor,
            open: step.open,
            removed: step.removed,
            at: step.at,
        })
    }
}

fn prepare(codec: &Codec, purpose: Purpose, settled: Settled) -> Outcome<PreparedSettled> {
    let refused = if settled.refused.is_empty() { None } else { Some(codec.pack_value(purpose, &settled.refused)?) };
    Ok(PreparedSettled {
        number: settled.number,
        revision: settled.revision,
        ids: match &settled.items {
            Held::Same => Vec::new(),
            Held::Items(items) => items.iter().map(|item| item.id.clone()).collect(),
        },
        items: prepare_held(codec, purpose, settled.items)?,
        state: settled.state,
        holds: settled.holds,
        call: settled.call,
        fault: settled.fault.as_ref().map(fault_text).transpose()?,
        refused,
        turn: settled.turn,
        trial: settled.trial.as_ref().map(Codec::encode).transpose()?,
        prices: settled.prices.as_ref().map(Codec::encode).transpose()?,
    })
}

fn prepare_held(codec: &Codec, purpose: Purpose, held: Held) -> Outcome<PreparedHeld> {
    let held = match held {
        Held::Same => return Ok(PreparedHeld::Same),
        Held::Items(held) if held.is_empty() => return Ok(PreparedHeld::Nothing),
        Held::Items(held) => held,
    };
    let entries: Vec<(&RemoteId, Option<Digests>)> = held.iter().map(|item| (&item.id, item.digests)).collect();
    let items = Codec::encode(&entries)?;
    if held.iter().any(|item| item.payload.is_none()) {
        return Ok(PreparedHeld::Mixed { items, held });
    }
    let payloads: Vec<Item> = held.into_iter().filter_map(whole).collect();
    Ok(PreparedHeld::Whole { items, payload: codec.pack_value(purpose, &payloads)? })
}

fn whole(item: HeldItem) -> Option<Item> {
    item.payload.map(|payload| Item { id: item.id, payload })
}

const SETTLE: &str = "
INSERT INTO ledger (key, flow, revision, state, waits, attempts, settled_at, due, call, items, rule, fault, trial, held,
    since)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?14, ?15, ?16)
ON CONFLICT (key) DO UPDATE SET
    revision = excluded.revision, state = excluded.state, waits = excluded.waits,
    attempts = iif(excluded.attempts > 0, ledger.attempts + 1, 0), settled_at = excluded.settled_at,
    due = excluded.due, call = iif(?13, coalesce(excluded.call, ledger.call), excluded.call),
    items = iif(?13, ledger.items, excluded.items), rule = excluded.rule, fault = excluded.fault,
    trial = excluded.trial, held = iif(?13, ledger.held, excluded.held), since = excluded.since
WHERE excluded.revision >= ledger.revision";

impl Tx<'_> {
    /// Marks items of a record as in doubt, whether or not the ledger knew of them, and makes the record due. Items
    /// that another record owns by now are in doubt there.
    pub(super) fn cut_off(&self, flow: &Flow, number: Number, ids: &[RemoteId]) -> Outcome<()> {
        let row = self.row(flow.key, number)?;
        let mut held = self.held(row.key)?.unwrap_or_default();
        let own = if flow.shared { self.own(row, ids)? } else { ids.to_vec() };
        for id in own {
            match held.iter_mut().find(|item| item.id == id) {
                Some(item) => item.digests = None,
                None => held.push(ItemEntry { id, digests: None }),
            }
        }
        self.write_doubt(row, &held)?;
        if flow.shared {
            self.keep_claims(row, &ids_of(&held))?;
        }
        Ok(())
    }

    /// Marks items of an asynchronous call as in doubt, unless the record was settled since: its row then has their
    /// payloads.
    pub(super) fn doubt_unsettled(&self, flow: &Flow, number: Number, ids: &[RemoteId]) -> Outcome<()> {
        let row = self.row(flow.key, number)?;
        let read = "SELECT 1 FROM ledger WHERE key = ?1 AND state <> ?2";
        if !self.db.prepare_cached(read)?.exists((row.key, AWAITS_IMPORT))? {
            return Ok(());
        }
        let mut held = self.held(row.key)?.unwrap_or_default();
        let mut was_certain = false;
        for item in held.iter_mut().filter(|item| ids.contains(&item.id)) {
            was_certain |= item.digests.take().is_some();
        }
        if was_certain { self.write_doubt(row, &held) } else { Ok(()) }
    }

    /// The row of a record; `None` if it was never settled.
    pub(super) fn held(&self, key: i64) -> Outcome<Option<Vec<ItemEntry>>> {
        let held: Option<Option<Vec<u8>>> = self
            .db
            .prepare_cached("SELECT items FROM ledger WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?;
        held.map(|held| items(self.db, self.codec, key, held.as_deref())).transpose()
    }

    /// Writes a row with these items, and makes its record due. A new row is older than any revision, so that every
    /// settlement of its record replaces it.
    pub(super) fn write_doubt(&self, row: Row, held: &[ItemEntry]) -> Outcome<()> {
        let person = self.key_of(number(row.flow, row.key).0)?;
        let plain = Codec::encode(held)?;
        let blob = Codec::sealed(person.as_deref(), Place::Items(row.key), &plain)?;
        let blob = (!held.is_empty()).then_some(blob);
        self.db
            .prepare_cached(
                "INSERT INTO ledger (key, flow, revision, state, waits, attempts, settled_at, items, held, turn)
                 SELECT ?1, ?2, 0, ?3, 0, 0, changed_at, ?4, ?5, 1 FROM record WHERE n = ?1 - ?6
                 ON CONFLICT (key) DO UPDATE SET state = excluded.state, waits = 0, rule = NULL, items = excluded.items,
                     held = excluded.held, turn = turn + 1",
            )?
            .execute((row.key, row.flow, RETRY, blob, held.len() as u64, base(row.flow)))?;
        self.db.prepare_cached("DELETE FROM refused WHERE key = ?1")?.execute([row.key])?;
        let mut stored = payloads(self.db, self.codec, row.key)?;
        let known = stored.len();
        stored.retain(|stored| held.iter().any(|item| item.id == stored.id));
        if stored.is_empty() {
            self.delete_payload(row.key)
        } else if stored.len() < known {
            let payload = self.codec.pack_value(Codec::payload(row.flow, person.is_some()), &stored)?;
            self.write_payload(row.key, person.as_deref(), &payload)
        } else {
            Ok(())
        }
    }

    /// Marks the items of these records as in doubt and has them sent again; returns the number of records with items.
    pub(super) fn doubt(&self, flow: i64, numbers: &[Number]) -> Outcome<u64> {
        let mut doubted = 0;
        for number in numbers {
            let row = self.row(flow, *number)?;
            let mut held = self.held(row.key)?.unwrap_or_default();
            if !held.is_empty() {
                for item in &mut held {
                    item.digests = None;
                }
                self.write_doubt(row, &held)?;
                doubted += 1;
            }
        }
        Ok(doubted)
    }

    pub(super) fn advance(&self, step: &PreparedStep) -> Outcome<Vec<u64>> {
        let flow = flow(self.db, &step.flow)?.ok_or_else(|| flow_unknown(&step.flow))?;
        fence(step.lease, flow.token)?;
        for closed in &step.close {
            self.close(&flow, closed, step.at)?;
        }
        if step.close.iter().any(|closed| closed.fault.is_none()) {
            let acknowledge = "UPDATE flow SET acknowledged_at = ?2 WHERE key = ?1";
            self.db.prepare_cached(acknowledge)?.execute((flow.key, step.at.millis()))?;
        }
        self.count_removed(flow.key, step.removed, step.at)?;
        for settled in &step.settled {
            self.settle(&flow, settled, step.at)?;
        }
        for ticket in &step.tickets {
            self.db
                .prepare_cached("UPDATE call SET ticket = ?3, ask_at = ?4 WHERE id = ?1 AND flow = ?2")?
                .execute((ticket.call, flow.key, &ticket.ticket, ticket.ask_at.millis()))?;
        }
        if let Some(Cursor([urgent, live, backfill])) = step.cursor {
            self.db
                .prepare_cached(
                    "UPDATE flow SET urgent = max(urgent, ?2), live = max(live, ?3), backfill = max(backfill, ?4)
                     WHERE key = ?1",
                )?
                .execute((flow.key, urgent.0, live.0, backfill.0))?;
        }
        step.open.iter().map(|open| self.open(&flow, open, step.at)).collect()
    }

    fn open(&self, flow: &Flow, open: &Open, at: Timestamp) -> Outcome<u64> {
        let records = open.items.iter().map(|(number, _)| number).collect::<BTreeSet<_>>().len();
        let (key, items) = (self.codec.general(kind_bit(open.kind))?, Codec::encode(&open.items)?);
        self.db
            .prepare_cached(
                "INSERT INTO call (flow, token, opened_at, kind, op, records, items)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((
                flow.key,
                flow.token,
                at.millis(),
                open.kind.number(),
                open.op,
                records as u64,
                Codec::sealed(key.as_deref(), Place::Call(flow.key), &items)?,
            ))?;
        let call = u64::try_from(self.db.last_insert_rowid()).unwrap_or(0);
        if open.kind.is_personal() {
            self.note_erasing_call(call, &open.items)?;
        }
        Ok(call)
    }

    fn close(&self, flow: &Flow, closed: &Closed, at: Timestamp) -> Outcome<()> {
        let kind = "SELECT kind FROM call WHERE id = ?1";
        let kind: Option<u8> = self.db.prepare_cached(kind)?.query_row([closed.id], |row| row.get(0)).optional()?;
        let key = self.codec.general(kind.map_or(0, |kind| 1 << kind))?;
        let fault = closed.fault.as_ref().map(fault_text).transpose()?;
        let fault = fault.as_ref().map(|fault| Codec::text(key.as_deref(), Place::Failure(closed.id), fault));
        self.db
            .prepare_cached(
                "UPDATE call SET items = NULL, ticket = NULL, ask_at = NULL, ended_at = ?3, status = ?4, took = ?5, response = ?6, fault = ?7
                 WHERE id = ?1 AND flow = ?2",
            )?
            .execute(rusqlite::params![
                closed.id,
                flow.key,
                at.millis(),
                closed.status,
                i64::try_from(closed.took.as_micros()).unwrap_or(i64::MAX),
                Codec::text(key.as_deref(), Place::Answer(closed.id), &closed.response)?,
                fault.transpose()?,
            ])?;
        Ok(())
    }

    fn settle(&self, flow: &Flow, settled: &PreparedSettled, at: Timestamp) -> Outcome<()> {
        if flow.shared && self.settle_outdated(flow, settled)? {
            return Ok(());
        }
        let key = key(flow.key, settled.number);
        let (state, waits, rule) = state_columns(&settled.state, settled.revision, at);
        let is_same = matches!(settled.items, PreparedHeld::Same);
        let person = self.key_of(settled.number.0)?;
        let person = person.as_deref();
        let fault = settled.fault.as_ref().map(|fault| Codec::text(person, Place::Fault(key), fault)).transpose()?;
        let items = match &settled.items {
            PreparedHeld::Same | PreparedHeld::Nothing => None,
            PreparedHeld::Whole { items, .. } | PreparedHeld::Mixed { items, .. } => {
                Some(Codec::sealed(person, Place::Items(key), items)?)
            }
        };
        let written = self.db.prepare_cached(SETTLE)?.execute(rusqlite::params![
            key,
            flow.key,
            settled.revision.0,
            state,
            waits,
            u8::from(state == RETRY),
            at.millis(),
            settled.holds.until.map(Timestamp::millis),
            settled.call,
            items,
            rule,
            fault,
            is_same,
            settled.trial,
            settled.ids.len() as u64,
            settled.holds.from.map(Timestamp::millis),
        ])?;
        if written == 0 {
            return Ok(());
        }
        if flow.shared && !is_same {
            self.keep_claims(self.row(flow.key, settled.number)?, &settled.ids)?;
        }
        if let Some(prices) = settled.prices.as_ref().filter(|_| flow.prices) {
            self.db.prepare_cached("INSERT OR REPLACE INTO prices VALUES (?1, ?2)")?.execute((key, prices))?;
        }
        match &settled.items {
            PreparedHeld::Same => {}
            PreparedHeld::Nothing => self.delete_payload(key)?,
            PreparedHeld::Whole { payload, .. } => self.write_payload(key, person, payload)?,
            PreparedHeld::Mixed { held, .. } => self.merge_payload(flow, key, person, held)?,
        }
        match &settled.refused {
            Some(refused) if state == DEAD => {
                let refused = Codec::sealed(person, Place::Refused(key), refused)?;
                self.db.prepare_cached("INSERT OR REPLACE INTO refused VALUES (?1, ?2)")?.execute((key, refused))?;
            }
            _ => {
                self.db.prepare_cached("DELETE FROM refused WHERE key = ?1")?.execute([key])?;
            }
        }
        Ok(())
    }

    /// Settles a record of which an item got another owner since it was processed: its items are in doubt, and it is
    /// due. False if no item did.
    fn settle_outdated(&self, flow: &Flow, settled: &PreparedSettled) -> Outcome<bool> {
        let row = self.row(flow.key, settled.number)?;
        let read = "SELECT revision, turn FROM ledger WHERE key = ?1";
        let found = self.db.prepare_cached(read)?.query_row([row.key], |row| Ok((row.get(0)?, row.get(1)?)));
        let (revision, turn): (u64, u32) = found.optional()?.unwrap_or_default();
        let own = self.own(row, &settled.ids)?;
        if turn == settled.turn && own.len() == settled.ids.len() {
            return Ok(false);
        }
        if revision <= settled.revision.0 {
            let mut held = self.held(row.key)?.unwrap_or_default();
            held.extend(own.into_iter().map(|id| ItemEntry { id, digests: None }));
            let mut ids = BTreeSet::new();
            held.retain_mut(|item| {
                item.digests = None;
                ids.insert(item.id.clone())
            });
            self.write_doubt(row, &held)?;
            self.keep_claims(row, &ids_of(&held))?;
        }
        Ok(true)
    }

    fn write_payload(&self, key: i64, person: Option<&DataKey>, payload: &[u8]) -> Outcome<()> {
        let payload = Codec::sealed(person, Place::Payload(key), payload)?;
        self.db.prepare_cached("INSERT OR REPLACE INTO payload VALUES (?1, ?2)")?.execute((key, payload))?;
        Ok(())
    }

    pub(super) fn delete_payload(&self, key: i64) -> Outcome<()> {
        self.db.prepare_cached("DELETE FROM payload WHERE key = ?1")?.execute([key])?;
        Ok(())
    }

    /// Stores the payloads that are given, and keeps those that are not.
    fn merge_payload(&self, flow: &Flow, key: i64, person: Option<&DataKey>, held: &[HeldItem]) -> Outcome<()> {
        let mut stored = payloads(self.db, self.codec, key)?;
        let merged: Vec<Item> = held
            .iter()
            .filter_map(|item| match &item.payload {
                Some(payload) => Some(Item { id: item.id.clone(), payload: payload.clone() }),
                None => stored.iter().position(|kept| kept.id == item.id).map(|at| stored.swap_remove(at)),
            })
            .collect();
        if merged.is_empty() {
            return self.delete_payload(key);
        }
        let purpose = Codec::payload(flow.key, person.is_some());
        self.write_payload(key, person, &self.codec.pack_value(purpose, &merged)?)
    }

    /// Settles records that waited for the feed. Tombstones become gone; filtered records are processed again and get
    /// their rule.
    pub(super) fn release(&self, name: &FlowName, kind: Kind, up_to: Revision) -> Outcome<u64> {
        let flow = flow(self.db, name)?.ok_or_else(|| flow_unknown(name))?.key;
        let waiting: Vec<(i64, bool)> = {
            let mut query = self.db.prepare_cached(
                "SELECT l.key, r.ended <> 0 FROM ledger l JOIN record r ON r.n = l.key - ?5
                 WHERE l.flow = ?1 AND l.state = ?2 AND l.waits <= ?3 AND r.kind = ?4",
            )?;
            let rows = query.query_map((flow, AWAITS_FEED, up_to.0, kind.number(), base(flow)), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            rows.collect::<Result<_, _>>()?
        };
        for (key, ended) in &waiting {
            let (state, waits) = if *ended { (GONE, None) } else { (RETRY, Some(0)) };
            self.db
                .prepare_cached(
                    "UPDATE ledger SET state = ?2, waits = ?3, attempts = 0, items = NULL, held = 0 WHERE key = ?1",
                )?
                .execute((key, state, waits))?;
            self.delete_payload(*key)?;
            self.keep_claims(Row { flow, kind: kind.number(), key: *key }, &[])?;
        }
        Ok(waiting.len() as u64)
    }

    /// Has dead letters retried now.
    pub(super) fn replay(&self, flow: i64, numbers: Option<&[Number]>) -> Outcome<u64> {
        self.dead_keys(flow, numbers)?.into_iter().try_fold(0, |sum, key| Ok(sum + self.try_again(key)?))
    }

    /// Has a dead letter retried now; returns whether it was one.
    pub(super) fn try_again(&self, key: i64) -> Outcome<u64> {
        let written = self
            .db
            .prepare_cached(
                "UPDATE ledger SET state = ?2, waits = 0, attempts = 0, trial = NULL WHERE key = ?1 AND state = ?3",
            )?
            .execute((key, RETRY, DEAD))?;
        self.delete_letter(key, written)
    }

    /// Drops dead letters until their records change.
    pub(super) fn discard(&self, flow: i64, numbers: Option<&[Number]>) -> Outcome<u64> {
        let mut dropped = 0;
        for key in self.dead_keys(flow, numbers)? {
            let read = "SELECT state FROM ledger WHERE key = ?1";
            let state: Option<u8> = self.db.prepare_cached(read)?.query_row([key], |row| row.get(0)).optional()?;
            if state != Some(DEAD) {
                continue;
            }
            // The next record that claims one of its items owns the item.
            self.set_claims(self.row(flow, number(flow, key))?, &[], 0)?;
            let written = self
                .db
                .prepare_cached(
                    "UPDATE ledger SET state = ?2, waits = NULL, rule = 'dropped', attempts = 0 WHERE key = ?1",
                )?
                .execute((key, FILTERED))?;
            dropped += self.delete_letter(key, written)?;
            if is_erasing(self.db, number(flow, key).0)? {
                // Somebody removed by hand what the destination refused to remove: the erasure has not to wait for it.
                let gone = "UPDATE ledger SET state = ?2, rule = NULL, items = NULL, held = 0 WHERE key = ?1";
                self.db.prepare_cached(gone)?.execute((key, GONE))?;
                self.delete_payload(key)?;
            }
        }
        Ok(dropped)
    }

    /// The ledger keys of these records, or of all dead ones.
    fn dead_keys(&self, flow: i64, numbers: Option<&[Number]>) -> Outcome<Vec<i64>> {
        if let Some(numbers) = numbers {
            return Ok(numbers.iter().map(|number| key(flow, *number)).collect());
        }
        let mut query =
            self.db.prepare_cached("SELECT key FROM ledger WHERE flow = ?1 AND state = ?2 AND waits IS NOT NULL")?;
        let keys = query.query_map((flow, DEAD), |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// Deletes the refused payload of a record that is dead no longer.
    fn delete_letter(&self, key: i64, written: usize) -> Outcome<u64> {
        if written > 0 {
            self.db.prepare_cached("DELETE FROM refused WHERE key = ?1")?.execute([key])?;
        }
        Ok(written as u64)
    }
}

fn ids_of(held: &[ItemEntry]) -> Vec<RemoteId> {
    held.iter().map(|item| item.id.clone()).collect()
}

/// The prices that a flow has seen of a record.
pub(super) fn prices(db: &Connection, key: i64) -> Outcome<Option<PriceHistory>> {
    let mut query = db.prepare_cached("SELECT bytes FROM prices WHERE key = ?1")?;
    let mut rows = query.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Codec::decode("a history of prices", row.get_ref(0)?.as_blob().unwrap_or_default()).map(Some)
}

/// The payloads that the destination acknowledged last, by item.
pub(super) fn payloads(db: &Connection, codec: &Codec, key: i64) -> Outcome<Vec<Item>> {
    let mut query = db.prepare_cached("SELECT bytes FROM payload WHERE key = ?1")?;
    let mut rows = query.query([key])?;
    let Some(row) = rows.next()? else { return Ok(Vec::new()) };
    let blob = row.get_ref(0)?.as_blob().unwrap_or_default();
    unless_forgotten(codec.unpack_value(db, Place::Payload(key), blob), Vec::new())
}
