//! Looking: how things stand, counted from what is stored and from nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contract::{
    Fault, Item,
    store::{CallView, Count, DeadLetter, EntryView, Found, LaneState, Number, Revision, Tally, UnreadRow, Wake},
};
use model::{FlowName, Hub, Kind, Record, RecordId, SourceName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, types::FromSql};
use serde::de::DeserializeOwned;

use super::{
    codec::Codec,
    ledger::{self, AWAITS_FEED, AWAITS_IMPORT, DEAD, FILTERED, GONE, HELD, IN_SYNC, RETRY, base},
    links::{hub_key, key_hub, record_key, users, waiting},
    trouble::{Outcome, Trouble},
    window::{NEXT_RETRY, kind},
    writer::source_key,
};

/// The highest revision given so far.
pub(super) fn revision(db: &Connection) -> Outcome<Revision> {
    let read = "SELECT value FROM meta WHERE name = 'revision'";
    Ok(Revision(db.prepare_cached(read)?.query_row([], |row| row.get(0))?))
}

fn text<T: DeserializeOwned>(what: &str, text: &str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|error| Trouble::unreadable(what, error))
}

fn fault(row: &Row<'_>, column: usize) -> Outcome<Option<Fault>> {
    row.get::<_, Option<String>>(column)?.map(|fault| text("a fault", &fault)).transpose()
}

fn instant(row: &Row<'_>, column: usize) -> Outcome<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

pub(super) fn lanes(db: &Connection, source: &SourceName) -> Outcome<BTreeMap<String, LaneState>> {
    let mut lanes = BTreeMap::new();
    let Some(source) = source_key(db, source)? else { return Ok(lanes) };
    let mut query = db.prepare_cached("SELECT name, state FROM lane WHERE source = ?1")?;
    let mut rows = query.query([source])?;
    while let Some(row) = rows.next()? {
        let state: String = row.get(1)?;
        lanes.insert(row.get(0)?, text("a lane's state", &state)?);
    }
    Ok(lanes)
}

pub(super) fn lane(db: &Connection, source: &SourceName, lane: &str) -> Outcome<LaneState> {
    let Some(source) = source_key(db, source)? else { return Ok(LaneState::default()) };
    let read = "SELECT state FROM lane WHERE source = ?1 AND name = ?2";
    let state: Option<String> = db.prepare_cached(read)?.query_row((source, lane), |row| row.get(0)).optional()?;
    state.map_or_else(|| Ok(LaneState::default()), |state| text("a lane's state", &state))
}

pub(super) fn counts(db: &Connection, source: &SourceName) -> Outcome<Vec<Count>> {
    let mut counts = Vec::new();
    let Some(source) = source_key(db, source)? else { return Ok(counts) };
    let mut query = db.prepare_cached(
        "SELECT kind, sum(live), sum(tombstones), sum(unread) FROM (
             SELECT kind, live, tombstones, 0 AS unread FROM census WHERE source = ?1
             UNION ALL SELECT kind, 0, 0, times FROM unread WHERE source = ?1
         ) GROUP BY kind ORDER BY kind",
    )?;
    let mut rows = query.query([source])?;
    while let Some(row) = rows.next()? {
        let kind = kind(row.get(0)?)?;
        counts.push(Count { kind, live: row.get(1)?, tombstones: row.get(2)?, unread: row.get(3)? });
    }
    Ok(counts)
}

pub(super) fn reference_revision(db: &Connection, source: &SourceName) -> Outcome<Revision> {
    let Some(source) = source_key(db, source)? else { return Ok(Revision::default()) };
    let mut query = db.prepare_cached("SELECT revision FROM census WHERE source = ?1 AND kind = ?2")?;
    let mut highest = 0;
    for kind in Kind::REFERENCE {
        highest = highest.max(query.query_row((source, kind.number()), |row| row.get(0)).optional()?.unwrap_or(0));
    }
    Ok(Revision(highest))
}

pub(super) fn reference(db: &Connection, codec: &Codec, source: &SourceName) -> Outcome<Vec<Record>> {
    let mut records = Vec::new();
    let Some(source) = source_key(db, source)? else { return Ok(records) };
    let mut query = db.prepare_cached(
        "SELECT b.bytes FROM record r JOIN body b ON b.n = r.n WHERE r.source = ?1 AND r.kind = ?2 ORDER BY r.id",
    )?;
    for kind in Kind::REFERENCE {
        let mut rows = query.query((source, kind.number()))?;
        while let Some(row) = rows.next()? {
            records.push(codec.unpack_value(db, "a record", row.get_ref(0)?.as_blob().unwrap_or_default())?);
        }
    }
    Ok(records)
}

// ── finding ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// So many are found at most.
const MOST_FOUND: usize = 50;

pub(super) fn find(db: &Connection, codec: &Codec, name: &SourceName, wanted: &str) -> Outcome<Vec<Found>> {
    let Some(source) = source_key(db, name)? else { return Ok(Vec::new()) };
    let mut found = BTreeMap::new();
    let mut by_id = db.prepare_cached("SELECT n FROM record WHERE source = ?1 AND kind = ?2 AND id = ?3")?;
    for kind in Kind::ALL {
        let n: Option<u64> = by_id.query_row((source, kind.number(), wanted), |row| row.get(0)).optional()?;
        if let Some(it) = n.map(|n| found_record(db, codec, n)).transpose()?.flatten() {
            found.insert(it.number, it);
        }
    }
    let sku = Hub::Sku(wanted.into());
    let hubs: Vec<i64> = hub_key(name, &sku).into_iter().chain([key_hub(name, wanted)]).collect();
    let candidates: BTreeSet<u64> = hubs.into_iter().try_fold(BTreeSet::new(), |mut numbers, hub| {
        numbers.extend(users(db, hub, 0, MOST_FOUND)?);
        Ok::<_, Trouble>(numbers)
    })?;
    for n in candidates {
        let Some(it) = found_record(db, codec, n)? else { continue };
        // Another name may have the same hash.
        let is_it =
            it.record.as_ref().is_some_and(|record| record_key(record) == Some(wanted) || record.uses().contains(&sku));
        if is_it {
            found.insert(it.number, it);
        }
    }
    Ok(found.into_values().take(MOST_FOUND).collect())
}

fn found_record(db: &Connection, codec: &Codec, n: u64) -> Outcome<Option<Found>> {
    let mut query = db.prepare_cached(
        "SELECT r.revision, r.kind, r.id, r.version, r.modified_at, r.changed_at, b.bytes
         FROM record r LEFT JOIN body b ON b.n = r.n WHERE r.n = ?1",
    )?;
    let mut rows = query.query([n])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let record = match row.get_ref(6)?.as_blob_or_null().unwrap_or_default() {
        Some(blob) => Some(codec.unpack_value(db, "a record", blob)?),
        None => None,
    };
    Ok(Some(Found {
        number: Number(n),
        revision: Revision(row.get(0)?),
        kind: kind(row.get(1)?)?,
        id: row.get::<_, String>(2)?.into(),
        record,
        version: row.get(3)?,
        modified_at: instant(row, 4)?,
        changed_at: Timestamp::from_millis(row.get(5)?),
    }))
}

pub(super) fn unread(db: &Connection, source: &SourceName, limit: usize) -> Outcome<Vec<UnreadRow>> {
    let mut unread = Vec::new();
    let Some(source) = source_key(db, source)? else { return Ok(unread) };
    let mut query = db.prepare_cached(
        "SELECT kind, id, at, fault FROM unread WHERE source = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2",
    )?;
    let mut rows = query.query((source, limit as u64))?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(3)?;
        unread.push(UnreadRow {
            kind: kind(row.get(0)?)?,
            id: row.get::<_, Option<String>>(1)?.map(RecordId::from),
            at: Timestamp::from_millis(row.get(2)?),
            fault: text("a fault", &said)?,
        });
    }
    Ok(unread)
}

// ── a flow ──────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(super) fn tally(db: &Connection, name: &FlowName) -> Outcome<Tally> {
    let mut tally = Tally { spreading: waiting(db)?, ..Tally::default() };
    let Some(flow) = ledger::flow(db, name)? else { return Ok(tally) };
    let mut query = db.prepare_cached(
        "SELECT r.urgency, r.revision, l.state, l.rule, r.unread
         FROM record r INDEXED BY record_walk LEFT JOIN ledger l ON l.key = ?1 + r.n
         WHERE r.kind IN (1, 2) AND r.source = ?2",
    )?;
    let mut rows = query.query((base(flow.key), flow.source))?;
    while let Some(row) = rows.next()? {
        if row.get(4)? {
            tally.unread += 1;
            continue;
        }
        let urgency: usize = row.get(0)?;
        let revision = Revision(row.get(1)?);
        let passed = flow.cursor.0.get(urgency).is_some_and(|cursor| revision <= *cursor);
        match row.get::<_, Option<u8>>(2)?.filter(|_| passed) {
            Some(IN_SYNC) => tally.in_sync += 1,
            Some(DEAD) => tally.dead += 1,
            Some(GONE) => tally.gone += 1,
            Some(AWAITS_FEED | AWAITS_IMPORT) => tally.waiting += 1,
            Some(FILTERED) => {
                tally.filtered += 1;
                count(&mut tally.rules, row.get_ref(3)?.as_str().unwrap_or_default());
            }
            Some(HELD) => {
                tally.held += 1;
                count(&mut tally.holds, row.get_ref(3)?.as_str().unwrap_or_default());
            }
            _ => tally.pending += 1,
        }
    }
    tally.unread +=
        Kind::CARRIED.into_iter().try_fold(0, |sum, kind| Ok::<_, Trouble>(sum + strange(db, flow.source, kind)?))?;
    tally.mirror = tally.sum();
    Ok(tally)
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}

/// How many records of a kind could never be understood, so that the mirror has no row for them.
fn strange(db: &Connection, source: i64, kind: Kind) -> Outcome<u64> {
    let count = "SELECT coalesce(sum(u.times), 0) FROM unread u WHERE u.source = ?1 AND u.kind = ?2 AND NOT EXISTS
                 (SELECT 1 FROM record r WHERE r.source = ?1 AND r.kind = ?2 AND r.id = u.id)";
    Ok(db.prepare_cached(count)?.query_row((source, kind.number()), |row| row.get(0))?)
}

pub(super) fn next_wake(db: &Connection, name: &FlowName) -> Outcome<Wake> {
    let Some(flow) = ledger::flow(db, name)? else { return Ok(Wake::default()) };
    let due = "SELECT min(due) FROM ledger WHERE flow = ?1 AND due IS NOT NULL";
    let keys = (base(flow.key), flow.key, RETRY, flow.source, i64::MAX);
    let retry: Option<i64> = db.prepare_cached(NEXT_RETRY)?.query_row(keys, |row| row.get(0)).optional()?;
    let due: Option<i64> = db.prepare_cached(due)?.query_row([flow.key], |row| row.get(0))?;
    Ok(Wake { retry: retry.map(Timestamp::from_millis), due: due.map(Timestamp::from_millis) })
}

pub(super) fn entry(db: &Connection, codec: &Codec, name: &FlowName, number: Number) -> Outcome<Option<EntryView>> {
    let Some(flow) = ledger::flow(db, name)? else { return Ok(None) };
    let key = ledger::key(flow.key, number);
    let mut query = db.prepare_cached(
        "SELECT state, revision, waits, attempts, settled_at, due, call, items, rule, fault FROM ledger WHERE key = ?1",
    )?;
    let mut rows = query.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let held = ledger::items(row.get_ref(7)?.as_blob_or_null().unwrap_or_default())?;
    let mut items: Vec<Item> = ledger::payloads(db, codec, key)?;
    items.retain(|item| held.iter().any(|held| held.id == item.id));
    Ok(Some(EntryView {
        state: ledger::state(row.get(0)?, row.get(2)?, row.get(8)?)?,
        revision: Revision(row.get(1)?),
        settled_at: Timestamp::from_millis(row.get(4)?),
        items,
        in_doubt: held.iter().any(|held| held.digests.is_none()),
        attempts: row.get(3)?,
        due: instant(row, 5)?,
        fault: fault(row, 9)?,
        call: optional::<u64>(row, 6)?.map(|id| call(db, id)).transpose()?.flatten(),
    }))
}

fn optional<T: FromSql>(row: &Row<'_>, column: usize) -> Outcome<Option<T>> {
    Ok(row.get(column)?)
}

fn call(db: &Connection, id: u64) -> Outcome<Option<CallView>> {
    let mut query =
        db.prepare_cached("SELECT opened_at, kind, op, records, status, took, response FROM call WHERE id = ?1")?;
    let mut rows = query.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(CallView {
        id,
        at: Timestamp::from_millis(row.get(0)?),
        kind: kind(row.get(1)?)?,
        op: row.get(2)?,
        records: row.get(3)?,
        status: row.get(4)?,
        took: optional::<u64>(row, 5)?.map(Duration::from_micros),
        response: optional::<String>(row, 6)?.unwrap_or_default(),
    }))
}

macro_rules! letters {
    ($rest:literal) => {
        concat!(
            "SELECT r.n, r.kind, r.id, l.revision, l.settled_at, l.fault, l.call, d.bytes
             FROM ledger l JOIN record r ON r.n = l.key - ?1 LEFT JOIN refused d ON d.key = l.key
             WHERE l.flow = ?2 AND l.state = ?3 AND ",
            $rest
        )
    };
}

pub(super) fn dead(db: &Connection, codec: &Codec, name: &FlowName, limit: usize) -> Outcome<Vec<DeadLetter>> {
    let Some(flow) = ledger::flow(db, name)? else { return Ok(Vec::new()) };
    let query = letters!("l.waits IS NOT NULL ORDER BY l.waits DESC, l.key DESC LIMIT ?4");
    letters(db, codec, query, (base(flow.key), flow.key, DEAD, limit as u64))
}

pub(super) fn dead_of(db: &Connection, codec: &Codec, name: &FlowName, id: &RecordId) -> Outcome<Vec<DeadLetter>> {
    let Some(flow) = ledger::flow(db, name)? else { return Ok(Vec::new()) };
    let query = letters!("r.source = ?4 AND r.kind IN (1, 2) AND r.id = ?5 ORDER BY r.kind");
    letters(db, codec, query, (base(flow.key), flow.key, DEAD, flow.source, id.as_str()))
}

fn letters(db: &Connection, codec: &Codec, query: &str, keys: impl Params) -> Outcome<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    let mut query = db.prepare_cached(query)?;
    let mut rows = query.query(keys)?;
    while let Some(row) = rows.next()? {
        letters.push(DeadLetter {
            number: Number(row.get(0)?),
            kind: kind(row.get(1)?)?,
            id: row.get::<_, String>(2)?.into(),
            revision: Revision(row.get(3)?),
            at: Timestamp::from_millis(row.get(4)?),
            fault: fault(row, 5)?.unwrap_or_else(|| Fault::record("C0111", "it was set aside without a reason")),
            items: match row.get_ref(7)?.as_blob_or_null().unwrap_or_default() {
                Some(blob) => codec.unpack_value(db, "a dead letter", blob)?,
                None => Vec::new(),
            },
            call: row.get(6)?,
        });
    }
    Ok(letters)
}
