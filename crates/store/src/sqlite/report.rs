//! Reports, counted from the stored rows alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contract::{
    Fault, Item,
    source::Scope,
    store::{
        CallView, Count, DeadLetter, EntryView, Found, Freshness, Kept, KeptBy, LaneState, Number, Retrying, Revision,
        States, Stopped, Tally, Trouble as Stuck, UnreadRow, Wake,
    },
};
use model::{FlowName, Hub, Kind, Record, RecordId, SourceName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, ToSql, types::FromSql};
use serde::de::DeserializeOwned;

use super::{
    codec::{Codec, Place},
    ledger::{self, AWAITS_FEED, AWAITS_IMPORT, DEAD, FILTERED, Flow, GONE, HELD, IN_SYNC, RETRY, base},
    links::{hub_key, key_hub, record_keys, users, waiting},
    parts,
    trouble::{Outcome, Trouble, forgotten, unless_forgotten},
    workload::{NEXT_RETRY, kind},
    writer::{kind_bit, source_key},
};

/// The highest revision of a source given so far.
pub(super) fn revision(db: &Connection, source: i64) -> Outcome<Revision> {
    let read = "SELECT revision FROM source WHERE key = ?1";
    Ok(Revision(db.prepare_cached(read)?.query_row([source], |row| row.get(0)).optional()?.unwrap_or(0)))
}

pub(super) fn revision_of(db: &Connection, source: &SourceName) -> Outcome<Revision> {
    source_key(db, source)?.map_or_else(|| Ok(Revision::default()), |source| revision(db, source))
}

pub(super) fn as_of(db: &Connection, source: &SourceName) -> Outcome<Timestamp> {
    let read = "SELECT as_of FROM source WHERE name = ?1";
    let as_of = db.prepare_cached(read)?.query_row([source.as_str()], |row| row.get(0)).optional()?;
    Ok(Timestamp::from_millis(as_of.unwrap_or(0)))
}

pub(super) fn read(
    db: &Connection,
    codec: &Codec,
    source: &SourceName,
    kind: Kind,
    after: Option<&RecordId>,
    limit: usize,
) -> Outcome<Vec<Found>> {
    let Some(source) = source_key(db, source)? else { return Ok(Vec::new()) };
    let numbers: Vec<u64> = {
        let mut query =
            db.prepare_cached("SELECT n FROM record WHERE source = ?1 AND kind = ?2 AND id > ?3 ORDER BY id LIMIT ?4")?;
        let after = after.map(|after| codec.name(kind, after.as_str())).transpose()?.unwrap_or_default();
        let numbers = query.query_map((source, kind.number(), after, limit as u64), |row| row.get(0))?;
        numbers.collect::<Result<_, _>>()?
    };
    numbers.into_iter().filter_map(|n| found_record(db, codec, n).transpose()).collect()
}

pub(super) fn scopes(db: &Connection, source: &SourceName) -> Outcome<Vec<(Kind, Option<Scope>)>> {
    let Some(source) = source_key(db, source)? else { return Ok(Vec::new()) };
    // Without scopes the stored counts are enough; records are read only if there are scopes.
    if !db.prepare_cached("SELECT 1 FROM scope WHERE source = ?1")?.exists([source])? {
        let mut query = db.prepare_cached("SELECT kind FROM census WHERE source = ?1 AND live > 0 ORDER BY kind")?;
        let kinds = query.query_map([source], |row| row.get::<_, u8>(0))?;
        return kinds.map(|number| Ok((kind(number?)?, None))).collect();
    }
    let mut query = db.prepare_cached(
        "SELECT DISTINCT r.kind, s.name FROM record r LEFT JOIN scope s ON s.key = r.scope
         WHERE r.source = ?1 AND r.ended = 0 ORDER BY r.kind, s.name",
    )?;
    let rows = query.query_map([source], |row| Ok((row.get::<_, u8>(0)?, row.get::<_, Option<String>>(1)?)))?;
    rows.map(|row| {
        let (number, scope) = row?;
        Ok((kind(number)?, scope.map(Scope)))
    })
    .collect()
}

fn text<T: DeserializeOwned>(what: &str, text: &str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|error| Trouble::unreadable(what, error))
}

fn fault(db: &Connection, codec: &Codec, place: Place, row: &Row<'_>, column: usize) -> Outcome<Option<Fault>> {
    let Some(stored) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    match codec.text_of(db, place, stored) {
        Ok(said) => text("a fault", &said).map(Some),
        Err(Trouble::Forgotten(what)) => Ok(Some(forgotten(&what))),
        Err(trouble) => Err(trouble),
    }
}

fn instant(row: &Row<'_>, column: usize) -> Outcome<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

pub(super) fn lanes(db: &Connection, codec: &Codec, source: &SourceName) -> Outcome<BTreeMap<String, LaneState>> {
    let mut lanes = BTreeMap::new();
    let Some(source) = source_key(db, source)? else { return Ok(lanes) };
    let mut query = db.prepare_cached("SELECT name, state, version FROM lane WHERE source = ?1")?;
    let mut rows = query.query([source])?;
    while let Some(row) = rows.next()? {
        let state = codec.text_of(db, Place::Lane(source), row.get(1)?)?;
        let state = LaneState { version: row.get(2)?, ..text("a lane's state", &state)? };
        lanes.insert(row.get(0)?, state);
    }
    Ok(lanes)
}

pub(super) fn lane(db: &Connection, codec: &Codec, source: &SourceName, lane: &str) -> Outcome<LaneState> {
    let Some(source) = source_key(db, source)? else { return Ok(LaneState::default()) };
    let read = "SELECT state, version FROM lane WHERE source = ?1 AND name = ?2";
    let state = db.prepare_cached(read)?.query_row((source, lane), |row| Ok((row.get::<_, String>(0)?, row.get(1)?)));
    match state.optional()? {
        None => Ok(LaneState::default()),
        Some((state, version)) => {
            let state = codec.text_of(db, Place::Lane(source), state)?;
            Ok(LaneState { version, ..text("a lane's state", &state)? })
        }
    }
}

pub(super) fn counts(db: &Connection, source: &SourceName) -> Outcome<Vec<Count>> {
    let mut counts = Vec::new();
    let Some(source) = source_key(db, source)? else { return Ok(counts) };
    let mut query = db.prepare_cached(
        "SELECT kind, sum(live), sum(tombstones), sum(unread), sum(noticed) FROM (
             SELECT kind, live, tombstones, 0 AS unread, 0 AS noticed FROM census WHERE source = ?1
             UNION ALL SELECT kind, 0, 0, times, 0 FROM unread WHERE source = ?1
             UNION ALL SELECT kind, 0, 0, 0, noticed FROM record WHERE source = ?1 AND noticed <> 0
         ) GROUP BY kind ORDER BY kind",
    )?;
    let mut rows = query.query([source])?;
    while let Some(row) = rows.next()? {
        let kind = kind(row.get(0)?)?;
        let (live, tombstones, unread, noticed) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        counts.push(Count { kind, live, tombstones, unread, noticed });
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
        "SELECT b.bytes, b.n FROM record r JOIN body b ON b.n = r.n WHERE r.source = ?1 AND r.kind = ?2 ORDER BY r.id",
    )?;
    for kind in Kind::REFERENCE {
        let mut rows = query.query((source, kind.number()))?;
        while let Some(row) = rows.next()? {
            let blob = row.get_ref(0)?.as_blob().unwrap_or_default();
            records.push(codec.unpack_value(db, Place::Body(row.get(1)?), blob)?);
        }
    }
    Ok(records)
}

// ── finding ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Most records that are found.
const MOST_FOUND: usize = 50;

pub(super) fn find(db: &Connection, codec: &Codec, name: &SourceName, wanted: &str) -> Outcome<Vec<Found>> {
    let Some(source) = source_key(db, name)? else { return Ok(Vec::new()) };
    let mut found = BTreeMap::new();
    let mut by_id = db.prepare_cached("SELECT n FROM record WHERE source = ?1 AND kind = ?2 AND id = ?3")?;
    let kinds = || Kind::ALL.into_iter().filter(|kind| codec.can_hold(*kind));
    for kind in kinds() {
        let n: Option<u64> =
            by_id.query_row((source, kind.number(), codec.name(kind, wanted)?), |row| row.get(0)).optional()?;
        if let Some(it) = n.map(|n| found_record(db, codec, n)).transpose()?.flatten() {
            found.insert(it.number, it);
        }
    }
    let sku = Hub::Sku(wanted.into());
    // People write their own addresses in any case.
    let lower = wanted.to_lowercase();
    let mut hubs: BTreeSet<i64> = hub_key(name, &sku).into_iter().collect();
    for kind in kinds() {
        hubs.insert(key_hub(codec, name, kind, wanted)?);
        if kind.is_personal() {
            hubs.insert(key_hub(codec, name, kind, &lower)?);
        }
    }
    let candidates: BTreeSet<u64> = hubs.into_iter().try_fold(BTreeSet::new(), |mut numbers, hub| {
        numbers.extend(users(db, hub, 0, MOST_FOUND)?);
        Ok::<_, Trouble>(numbers)
    })?;
    for n in candidates {
        let Some(it) = found_record(db, codec, n)? else { continue };
        // Another name may have this hash.
        let is_it = it.record.as_ref().is_some_and(|record| {
            let is_wanted = |key: &str| key == wanted || record.kind().is_personal() && key == lower;
            record_keys(record).iter().flatten().any(|key| is_wanted(key)) || record.uses().contains(&sku)
        });
        if is_it {
            found.insert(it.number, it);
        }
    }
    Ok(found.into_values().take(MOST_FOUND).collect())
}

pub(super) fn found_record(db: &Connection, codec: &Codec, n: u64) -> Outcome<Option<Found>> {
    let mut query =
        db.prepare_cached("SELECT revision, kind, id, version, modified_at, changed_at FROM record WHERE n = ?1")?;
    let mut rows = query.query([n])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let kind = kind(row.get(1)?)?;
    Ok(Some(Found {
        number: Number(n),
        revision: Revision(row.get(0)?),
        kind,
        id: codec.name_of(kind, row.get(2)?)?.into(),
        record: parts::record(db, codec, n)?,
        version: row.get(3)?,
        modified_at: instant(row, 4)?,
        changed_at: Timestamp::from_millis(row.get(5)?),
    }))
}

pub(super) fn noticed(db: &Connection, codec: &Codec, source: &SourceName, limit: usize) -> Outcome<Vec<Found>> {
    let Some(source) = source_key(db, source)? else { return Ok(Vec::new()) };
    let mut query = db.prepare_cached(
        "SELECT n FROM record WHERE source = ?1 AND noticed <> 0 ORDER BY changed_at DESC, n LIMIT ?2",
    )?;
    let numbers = query.query_map((source, limit as u64), |row| row.get::<_, u64>(0))?;
    let mut found = Vec::new();
    for n in numbers {
        found.extend(found_record(db, codec, n?)?);
    }
    Ok(found)
}

pub(super) fn unread(db: &Connection, codec: &Codec, source: &SourceName, limit: usize) -> Outcome<Vec<UnreadRow>> {
    let mut unread = Vec::new();
    let Some(source) = source_key(db, source)? else { return Ok(unread) };
    let mut query = db.prepare_cached(
        "SELECT kind, id, at, fault FROM unread WHERE source = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2",
    )?;
    let mut rows = query.query((source, limit as u64))?;
    while let Some(row) = rows.next()? {
        let said = codec.text_of(db, Place::Unread(source), row.get(3)?)?;
        let kind = kind(row.get(0)?)?;
        let id = row.get::<_, Option<String>>(1)?.map(|id| codec.name_of(kind, id)).transpose()?;
        unread.push(UnreadRow {
            kind,
            id: id.map(RecordId::from),
            at: Timestamp::from_millis(row.get(2)?),
            fault: text("a fault", &said)?,
        });
    }
    Ok(unread)
}

// ── a flow ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Counts from stored counts: it reads only records that the flow has still to process, and unread ones.
pub(super) fn tally(db: &Connection, name: &FlowName) -> Outcome<Tally> {
    let spreading = waiting(db, None)?;
    let Some(flow) = ledger::flow(db, name)? else { return Ok(Tally { spreading, ..Tally::default() }) };
    let mut kinds: BTreeMap<Kind, States> = BTreeMap::new();
    for kind in Kind::ALL.into_iter().filter(|kind| flow.kinds & kind_bit(*kind) != 0) {
        kinds.insert(kind, States::default());
    }
    let mut settled = settled(db, &flow)?;
    // A settled record that changed since is pending; an unread record is only unread.
    for (counted, count) in not_standing(db, &flow)? {
        if let Some(total) = settled.get_mut(&counted) {
            *total = total.saturating_sub(count);
        }
    }
    for ((number, state, rule), count) in settled.into_iter().filter(|(_, count)| *count > 0) {
        let states = kinds.entry(kind(number)?).or_default();
        match state {
            IN_SYNC => states.in_sync += count,
            DEAD => states.dead += count,
            GONE => states.gone += count,
            AWAITS_FEED | AWAITS_IMPORT => states.waiting += count,
            FILTERED => {
                states.filtered += count;
                states.rules.insert(rule, count);
            }
            HELD => {
                states.held += count;
                states.holds.insert(rule, count);
            }
            _ => {}
        }
    }
    // Another index has the order of kinds, and every record.
    let unread = "SELECT kind, count(*) FROM record INDEXED BY record_unread
                  WHERE source = ?1 AND unread <> 0 AND (?2 >> kind) & 1 GROUP BY kind";
    for (kind, count) in by_kind(db, unread, &flow)? {
        kinds.entry(kind).or_default().unread = count;
    }
    let records = "SELECT kind, live + tombstones FROM census WHERE source = ?1 AND (?2 >> kind) & 1";
    for (kind, count) in by_kind(db, records, &flow)? {
        let states = kinds.entry(kind).or_default();
        states.pending = count.saturating_sub(states.sum());
    }
    for (kind, states) in &mut kinds {
        states.unread += strange(db, flow.source, *kind)?;
        states.mirror = states.sum();
    }
    Ok(Tally { spreading, paused_since: flow.paused.map(Timestamp::from_millis), ..Tally::of(kinds) })
}

/// What is counted by kind, of the kinds that a flow carries; the query takes its source and these kinds.
fn by_kind(db: &Connection, query: &str, flow: &Flow) -> Outcome<Vec<(Kind, u64)>> {
    let mut query = db.prepare_cached(query)?;
    let rows = query.query_map((flow.source, flow.kinds), |row| Ok((row.get::<_, u8>(0)?, row.get(1)?)))?;
    rows.map(|row| row.map_err(Trouble::from).and_then(|(number, count)| Ok((kind(number)?, count)))).collect()
}

/// What ledger rows are counted by: the number of the kind, the state, and its rule.
type Counted = (u8, u8, String);

/// How many ledger rows of the kinds that a flow carries are in each state.
fn settled(db: &Connection, flow: &Flow) -> Outcome<BTreeMap<Counted, u64>> {
    let mut query =
        db.prepare_cached("SELECT kind, state, rule, total FROM standing WHERE flow = ?1 AND (?2 >> kind) & 1")?;
    let rows =
        query.query_map((flow.key, flow.kinds), |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many of them are of records that the flow has still to process, or that are unread.
fn not_standing(db: &Connection, flow: &Flow) -> Outcome<Vec<(Counted, u64)>> {
    let mut counts = Vec::new();
    let mut collect = |query: &str, keys: &[&dyn ToSql]| -> Outcome<()> {
        let mut query = db.prepare_cached(query)?;
        let mut rows = query.query(keys)?;
        while let Some(row) = rows.next()? {
            counts.push(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?));
        }
        Ok(())
    };
    for (urgency, Revision(cursor)) in flow.cursor.0.into_iter().enumerate() {
        collect(
            "SELECT r.kind, l.state, coalesce(l.rule, ''), count(*)
             FROM record r INDEXED BY record_walk CROSS JOIN ledger l ON l.key = ?1 + r.n
             WHERE r.urgency < 3 AND r.source = ?2 AND r.urgency = ?3 AND r.revision > ?4 AND (?5 >> r.kind) & 1
             GROUP BY 1, 2, 3",
            &[&base(flow.key), &flow.source, &urgency, &cursor, &flow.kinds],
        )?;
    }
    let [urgent, live, backfill] = flow.cursor.0.map(|Revision(cursor)| cursor);
    collect(
        "SELECT r.kind, l.state, coalesce(l.rule, ''), count(*)
         FROM record r INDEXED BY record_unread CROSS JOIN ledger l ON l.key = ?1 + r.n
         WHERE r.unread <> 0 AND r.source = ?2 AND (?3 >> r.kind) & 1
         AND r.revision <= CASE r.urgency WHEN 0 THEN ?4 WHEN 1 THEN ?5 WHEN 2 THEN ?6 ELSE -1 END
         GROUP BY 1, 2, 3",
        &[&base(flow.key), &flow.source, &flow.kinds, &urgent, &live, &backfill],
    )?;
    Ok(counts)
}

/// How many records of a kind were never understood, so that the mirror has no row for them.
fn strange(db: &Connection, source: i64, kind: Kind) -> Outcome<u64> {
    let count = "SELECT coalesce(sum(u.times), 0) FROM unread u WHERE u.source = ?1 AND u.kind = ?2 AND NOT EXISTS
                 (SELECT 1 FROM record r WHERE r.source = ?1 AND r.kind = ?2 AND r.id = u.id)";
    Ok(db.prepare_cached(count)?.query_row((source, kind.number()), |row| row.get(0))?)
}

pub(super) fn trouble(db: &Connection, codec: &Codec, name: &FlowName) -> Outcome<Stuck> {
    let Some(flow) = ledger::flow(db, name)? else { return Ok(Stuck::default()) };
    let stopped = {
        let mut query =
            db.prepare_cached("SELECT stopped_at, stopped_by FROM flow WHERE key = ?1 AND stopped_at IS NOT NULL")?;
        let mut rows = query.query([flow.key])?;
        match rows.next()? {
            Some(row) => {
                let since = Timestamp::from_millis(row.get(0)?);
                fault(db, codec, Place::Stop(flow.key), row, 1)?.map(|fault| Stopped { since, fault })
            }
            None => None,
        }
    };
    let all = "SELECT count(*), min(waits) FROM ledger
               WHERE flow = ?1 AND state = ?2 AND waits IS NOT NULL AND fault IS NOT NULL";
    let all = db.prepare_cached(all)?.query_row((flow.key, RETRY), |row| Ok((row.get(0)?, row.get(1)?)));
    let (records, next): (u64, Option<i64>) = all?;
    let mut query = db.prepare_cached(
        "SELECT count(*), min(waits), fault, min(key) FROM
         (SELECT waits, fault, key FROM ledger
          WHERE flow = ?1 AND state = ?2 AND waits IS NOT NULL AND fault IS NOT NULL ORDER BY waits LIMIT ?3)
         GROUP BY fault ORDER BY 1 DESC, 2",
    )?;
    let mut rows = query.query((flow.key, RETRY, MOST_RETRIED))?;
    // Equal faults that are sealed differ, so they are counted once they are open.
    let mut faults: Vec<(Fault, u64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let count: u64 = row.get(0)?;
        let Some(fault) = fault(db, codec, Place::Fault(row.get(3)?), row, 2)? else { continue };
        let has_room = faults.len() < MOST_FAULTS;
        match faults.iter_mut().find(|(known, _)| *known == fault) {
            Some((_, total)) => *total += count,
            None if has_room => faults.push((fault, count)),
            None => {}
        }
    }
    // Of those that are as frequent, the one that is due first.
    let most = faults.into_iter().rev().max_by_key(|(_, count)| *count);
    let next = Timestamp::from_millis(next.unwrap_or(i64::MAX));
    Ok(Stuck { stopped, retrying: most.map(|(fault, _)| Retrying { records, next, fault }) })
}

/// The faults of so many records that are due first are counted. Sealed ones have to be opened one by one.
const MOST_RETRIED: u64 = 2000;

/// So many different faults of retried records are counted.
const MOST_FAULTS: usize = 50;

/// Reads one record per urgency, and those that are retried.
pub(super) fn freshness(db: &Connection, name: &FlowName) -> Outcome<Freshness> {
    let Some(flow) = ledger::flow(db, name)? else { return Ok(Freshness::default()) };
    let acknowledged = "SELECT acknowledged_at FROM flow WHERE key = ?1";
    let acknowledged: Option<i64> = db.prepare_cached(acknowledged)?.query_row([flow.key], |row| row.get(0))?;
    let retried = "SELECT min(max(r.changed_at, r.touched_at)) FROM ledger l CROSS JOIN record r ON r.n = l.key - ?3
         WHERE l.flow = ?1 AND l.state = ?2 AND l.waits IS NOT NULL";
    let keys = (flow.key, RETRY, base(flow.key));
    let mut pending: Option<i64> = db.prepare_cached(retried)?.query_row(keys, |row| row.get(0))?;
    // Of the records beyond the cursor the first one got its revision first.
    let mut first = db.prepare_cached(
        "SELECT max(changed_at, touched_at) FROM record INDEXED BY record_walk
         WHERE urgency < 3 AND source = ?1 AND urgency = ?2 AND revision > ?3 AND (?4 >> kind) & 1 AND unread = 0
         ORDER BY revision LIMIT 1",
    )?;
    for (urgency, Revision(cursor)) in flow.cursor.0.into_iter().enumerate() {
        let keys = (flow.source, urgency, cursor, flow.kinds);
        let at: Option<i64> = first.query_row(keys, |row| row.get(0)).optional()?;
        pending = [pending, at].into_iter().flatten().min();
    }
    let instant = |at: Option<i64>| at.map(Timestamp::from_millis);
    Ok(Freshness { acknowledged_at: instant(acknowledged), pending_since: instant(pending) })
}

pub(super) fn next_wake(db: &Connection, name: &FlowName) -> Outcome<Wake> {
    let Some(flow) = ledger::flow(db, name)? else { return Ok(Wake::default()) };
    let due = "SELECT min(due) FROM ledger WHERE flow = ?1 AND due IS NOT NULL";
    let ask = "SELECT min(ask_at) FROM call WHERE flow = ?1 AND ended_at IS NULL AND ask_at IS NOT NULL";
    let keys = (base(flow.key), flow.key, RETRY, flow.source, i64::MAX, flow.kinds);
    let mut retry: Option<i64> = db.prepare_cached(NEXT_RETRY)?.query_row(keys, |row| row.get(0)).optional()?;
    if flow.paused.is_some() {
        // No workload shows it.
        retry = None;
    }
    let due: Option<i64> = db.prepare_cached(due)?.query_row([flow.key], |row| row.get(0))?;
    let ask: Option<i64> = db.prepare_cached(ask)?.query_row([flow.key], |row| row.get(0))?;
    let instant = |at: Option<i64>| at.map(Timestamp::from_millis);
    Ok(Wake { retry: instant(retry), due: instant(due), ask: instant(ask) })
}

pub(super) fn entry(db: &Connection, codec: &Codec, name: &FlowName, number: Number) -> Outcome<Option<EntryView>> {
    let Some(flow) = ledger::flow(db, name)? else { return Ok(None) };
    let key = ledger::key(flow.key, number);
    let mut query = db.prepare_cached(
        "SELECT state, revision, waits, attempts, settled_at, due, call, items, rule, fault, since
         FROM ledger WHERE key = ?1",
    )?;
    let mut rows = query.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let held = ledger::items(db, codec, key, row.get_ref(7)?.as_blob_or_null().unwrap_or_default())?;
    let mut items: Vec<Item> = ledger::payloads(db, codec, key)?;
    items.retain(|item| held.iter().any(|held| held.id == item.id));
    Ok(Some(EntryView {
        state: ledger::state(row.get(0)?, row.get(2)?, row.get(8)?)?,
        revision: Revision(row.get(1)?),
        settled_at: Timestamp::from_millis(row.get(4)?),
        items,
        in_doubt: held.iter().any(|held| held.digests.is_none()),
        attempts: row.get(3)?,
        since: instant(row, 10)?,
        due: instant(row, 5)?,
        fault: fault(db, codec, Place::Fault(key), row, 9)?,
        call: optional::<u64>(row, 6)?.map(|id| call(db, codec, id)).transpose()?.flatten(),
    }))
}

fn optional<T: FromSql>(row: &Row<'_>, column: usize) -> Outcome<Option<T>> {
    Ok(row.get(column)?)
}

fn call(db: &Connection, codec: &Codec, id: u64) -> Outcome<Option<CallView>> {
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
        response: codec.text_of(db, Place::Answer(id), optional(row, 6)?.unwrap_or_default())?,
    }))
}

macro_rules! letters {
    ($rest:literal) => {
        concat!(
            "SELECT r.n, r.kind, r.id, l.revision, l.settled_at, l.fault, l.call, d.bytes, l.key
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
    let query = letters!("r.source = ?4 AND r.kind = ?6 AND r.id = ?5");
    let mut found = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| flow.kinds & kind_bit(*kind) != 0) {
        let id = codec.name(kind, id.as_str())?;
        found.extend(letters(db, codec, query, (base(flow.key), flow.key, DEAD, flow.source, id, kind.number()))?);
    }
    Ok(found)
}

pub(super) fn kept(db: &Connection, codec: &Codec, name: &FlowName, by: &KeptBy, limit: usize) -> Outcome<Vec<Kept>> {
    let Some(flow) = ledger::flow(db, name)? else { return Ok(Vec::new()) };
    let (state, rule) = match by {
        KeptBy::Rule(rule) => (FILTERED, rule.as_str()),
        KeptBy::Hold(hold) => (HELD, hold.name()),
    };
    let mut query = db.prepare_cached(
        "SELECT r.n, r.kind, r.id, l.settled_at, l.fault, l.key FROM ledger l JOIN record r ON r.n = l.key - ?1
         WHERE l.key >= ?1 AND l.key < ?2 AND l.state = ?3 AND l.rule = ?4 AND l.revision >= r.revision AND r.unread = 0
         AND (?5 >> r.kind) & 1 ORDER BY l.settled_at DESC, l.key DESC LIMIT ?6",
    )?;
    let mut rows = query.query((base(flow.key), base(flow.key + 1), state, rule, flow.kinds, limit as u64))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = kind(row.get(1)?)?;
        found.push(Kept {
            number: Number(row.get(0)?),
            kind,
            id: codec.name_of(kind, row.get(2)?)?.into(),
            at: Timestamp::from_millis(row.get(3)?),
            fault: fault(db, codec, Place::Fault(row.get(5)?), row, 4)?,
        });
    }
    Ok(found)
}

fn letters(db: &Connection, codec: &Codec, query: &str, keys: impl Params) -> Outcome<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    let mut query = db.prepare_cached(query)?;
    let mut rows = query.query(keys)?;
    while let Some(row) = rows.next()? {
        let (kind, key) = (kind(row.get(1)?)?, row.get(8)?);
        letters.push(DeadLetter {
            number: Number(row.get(0)?),
            kind,
            id: codec.name_of(kind, row.get(2)?)?.into(),
            revision: Revision(row.get(3)?),
            at: Timestamp::from_millis(row.get(4)?),
            fault: fault(db, codec, Place::Fault(key), row, 5)?
                .unwrap_or_else(|| Fault::record("C0111", "it became dead without a reason")),
            items: match row.get_ref(7)?.as_blob_or_null().unwrap_or_default() {
                Some(blob) => unless_forgotten(codec.unpack_value(db, Place::Refused(key), blob), Vec::new())?,
                None => Vec::new(),
            },
            call: row.get(6)?,
        });
    }
    Ok(letters)
}
