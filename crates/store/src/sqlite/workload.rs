//! Reads the work of a flow in one snapshot.
//!
//! **Invariants:** a workload holds every record that its cursor passes; a live record whose body was deleted is never
//! shown as gone.

use std::{cell::Cell, collections::HashSet, sync::Arc};

use contract::{
    Fault,
    source::Urgency,
    store::{Entry, Number, Revision, Take, Whole, Work, Workload},
};
use model::{FlowName, Hub, Kind, PriceHistory, Record, SourceName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Params, Row};

use super::{
    codec::{Codec, Place},
    erasures,
    ledger::{self, Flow, RETRY, base, flow_unknown},
    links::{hub_key, live},
    parts,
    trouble::{Outcome, Trouble, unless_forgotten},
    wholes::Wholes,
    writer::kind_bit,
};

macro_rules! work {
    ($tables:expr, $rest:expr) => {
        concat!(
            "SELECT r.n, r.revision, r.kind, r.id, r.changed_at, r.ended, r.unread, r.touched_at,
             l.state, l.revision, l.waits, l.attempts, l.items, l.rule, l.trial, l.turn, r.urgency FROM ",
            $tables,
            " ",
            $rest
        )
    };
}

// The retries of a flow: the same condition for workloads and for waking the flow. A retry that no workload shows would be
// due for ever.
macro_rules! retry_tables {
    () => {
        "ledger l JOIN record r ON r.n = l.key - ?1"
    };
}
macro_rules! is_retry {
    () => {
        "l.flow = ?2 AND l.state = ?3 AND r.source = ?4 AND l.waits <= ?5 AND r.unread = 0 AND (?6 >> r.kind) & 1
         AND (r.ended <> 0 OR r.digest IS NOT NULL)"
    };
}

const FRESH: &str = work!(
    "record r INDEXED BY record_walk LEFT JOIN ledger l ON l.key = ?1 + r.n",
    "WHERE r.urgency < 3 AND r.source = ?2 AND r.urgency = ?3 AND r.revision > ?4 AND (?6 >> r.kind) & 1
     ORDER BY r.revision LIMIT ?5"
);
/// The first of a flow's retries that wait until `?5` at most.
pub(super) const NEXT_RETRY: &str =
    concat!("SELECT l.waits FROM ", retry_tables!(), " WHERE ", is_retry!(), " ORDER BY l.waits LIMIT 1");
const RETRIES: &str = work!(retry_tables!(), concat!("WHERE ", is_retry!(), " ORDER BY l.waits LIMIT ?7"));
const SCAN: &str = work!(
    "record r INDEXED BY record_scan LEFT JOIN ledger l ON l.key = ?1 + r.n",
    "WHERE r.urgency < 3 AND r.source = ?2 AND r.kind = ?3 AND r.n > ?4 ORDER BY r.n LIMIT ?5"
);
const ONE: &str = work!("record r LEFT JOIN ledger l ON l.key = ?1 + r.n", "WHERE r.n = ?2 AND r.source = ?3");

/// So many unpacked bytes are read at once, and one record more: records may be of any size.
const MOST_BYTES: usize = 16 << 20;

/// No retry waits for so many milliseconds: one that seems to was set by a clock that was ahead, and is due.
const LONGEST_RETRY: i64 = 2 * 60 * 60 * 1000;

/// Reads the work of one flow.
pub(super) struct Reader<'a> {
    db: &'a Connection,
    codec: &'a Codec,
    flow: Flow,
    source: SourceName,
    /// Records that other flows have read, and the kinds that each of the other flows will read.
    shared: Option<(&'a Wholes, Vec<u64>)>,
    /// Whether the source has parts, so that products have to be joined to theirs.
    has_parts: bool,
    /// Bytes that were unpacked so far.
    unpacked: Cell<usize>,
}

/// A row: the work, or a live record without body, with its revision.
enum Read {
    Work(Work),
    Forgotten(u64),
}

impl<'a> Reader<'a> {
    pub(super) fn new(db: &'a Connection, codec: &'a Codec, name: &FlowName) -> Outcome<Self> {
        let flow = ledger::flow(db, name)?.ok_or_else(|| flow_unknown(name))?;
        let source: String =
            db.prepare_cached("SELECT name FROM source WHERE key = ?1")?.query_row([flow.source], |row| row.get(0))?;
        let any = |any, kind: &Kind| Ok::<_, Trouble>(any || live(db, flow.source, *kind)? > 0);
        let has_parts = Kind::PARTS.iter().try_fold(false, any)?;
        Ok(Self { db, codec, flow, source: source.into(), shared: None, has_parts, unpacked: Cell::new(0) })
    }

    /// Shares what it reads with the other flows of the source.
    pub(super) fn sharing(self, wholes: &'a Wholes) -> Outcome<Self> {
        let others = "SELECT kinds FROM flow WHERE source = ?1 AND current = 1 AND key <> ?2";
        let others = {
            let mut query = self.db.prepare_cached(others)?;
            let rows = query.query_map((self.flow.source, self.flow.key), |row| row.get(0))?;
            rows.collect::<Result<Vec<u64>, _>>()?
        };
        Ok(Self { shared: Some((wholes, others)), ..self })
    }

    pub(super) fn workload(&self, take: &Take) -> Outcome<Workload> {
        let top = super::report::revision(self.db, self.flow.source)?;
        let mut work = Vec::new();
        let mut cursor = take.after.unwrap_or(self.flow.cursor);
        if self.flow.paused.is_some() {
            return Ok(Workload { work, cursor, shared: self.flow.shared });
        }
        let places = Urgency::ALL.into_iter().zip(take.fresh).zip(&mut cursor.0);
        for ((urgency, most), place) in places {
            // Retries come before backfill.
            if urgency == Urgency::Backfill {
                self.retries(take, &mut work)?;
            }
            *place = self.fresh(urgency, most, *place, top, &mut work)?;
        }
        let mut seen = HashSet::with_capacity(work.len());
        work.retain(|work: &Work| seen.insert(work.number));
        Ok(Workload { work, cursor, shared: self.flow.shared })
    }

    /// Reads the records beyond the cursor of one urgency; returns the new cursor.
    fn fresh(
        &self,
        urgency: Urgency,
        most: usize,
        from: Revision,
        top: Revision,
        work: &mut Vec<Work>,
    ) -> Outcome<Revision> {
        if most == 0 {
            return Ok(from);
        }
        if self.is_full() {
            return Ok(from);
        }
        let mut last = from;
        let mut read = 0;
        let limit = most as u64;
        let flow = self.flow;
        let keys = (base(flow.key), flow.source, urgency as u8, from.0, limit, flow.kinds);
        let ended = self.each(FRESH, keys, |found| {
            read += 1;
            last = match found {
                Read::Forgotten(revision) => Revision(revision),
                Read::Work(found) => {
                    let revision = found.revision;
                    if !found.unread {
                        work.push(Work { urgency: Some(urgency), ..found });
                    }
                    revision
                }
            };
            Ok(())
        })?;
        Ok(if read < most && ended { top.max(from) } else { last })
    }

    fn retries(&self, take: &Take, work: &mut Vec<Work>) -> Outcome<()> {
        if take.retries == 0 || self.is_full() {
            return Ok(());
        }
        let (flow, limit, due) = (self.flow, take.retries as u64, self.due(take.now)?);
        self.each(RETRIES, (base(flow.key), flow.key, RETRY, flow.source, due, flow.kinds, limit), |found| {
            if let Read::Work(found) = found {
                work.push(found);
            }
            Ok(())
        })
        .map(|_ended| ())
    }

    /// Until when a retry is due: now; where the first one waits too long for that to be right, until then.
    fn due(&self, now: Timestamp) -> Outcome<i64> {
        let flow = self.flow;
        let keys = (base(flow.key), flow.key, RETRY, flow.source, i64::MAX, flow.kinds);
        let first: Option<i64> = self.db.prepare_cached(NEXT_RETRY)?.query_row(keys, |row| row.get(0)).optional()?;
        Ok(first.filter(|first| *first > now.millis().saturating_add(LONGEST_RETRY)).unwrap_or(now.millis()))
    }

    pub(super) fn scan(&self, kind: Kind, after: Number, limit: usize) -> Outcome<Vec<Work>> {
        let mut work = Vec::new();
        let keys = (base(self.flow.key), self.flow.source, kind.number(), after.0, limit as u64);
        self.each(SCAN, keys, |found| match found {
            Read::Work(found) => {
                work.push(found);
                Ok(())
            }
            Read::Forgotten(_) => Err(being_read_again().into()),
        })?;
        Ok(work)
    }

    pub(super) fn one(&self, number: Number) -> Outcome<Option<Work>> {
        let mut one = None;
        self.each(ONE, (base(self.flow.key), number.0, self.flow.source), |found| match found {
            Read::Work(found) => {
                one = Some(found);
                Ok(())
            }
            Read::Forgotten(_) => Err(being_read_again().into()),
        })?;
        Ok(one)
    }

    fn count(&self, blob: &[u8]) {
        self.unpacked.set(self.unpacked.get().saturating_add(Codec::unpacked_len(blob)));
    }

    /// Whether enough was read for once.
    fn is_full(&self) -> bool {
        self.unpacked.get() >= MOST_BYTES
    }

    /// Reads row by row until enough was read; whether it came to the end.
    fn each(&self, query: &str, keys: impl Params, mut take: impl FnMut(Read) -> Outcome<()>) -> Outcome<bool> {
        let mut query = self.db.prepare_cached(query)?;
        let mut rows = query.query(keys)?;
        while !self.is_full() {
            let Some(row) = rows.next()? else { return Ok(true) };
            take(self.read(row)?)?;
        }
        Ok(false)
    }

    fn read(&self, row: &Row<'_>) -> Outcome<Read> {
        let (number, revision, urgency): (u64, u64, usize) = (row.get(0)?, row.get(1)?, row.get(16)?);
        let whole = self.whole(number, revision)?;
        if whole.is_none() && row.get::<_, u8>(5)? == 0 && !row.get::<_, bool>(6)? {
            return Ok(Read::Forgotten(revision));
        }
        let kind = kind(row.get(2)?)?;
        Ok(Read::Work(Work {
            number: Number(number),
            revision: Revision(revision),
            urgency: None,
            kind,
            id: self.codec.name_of(kind, row.get(3)?)?.into(),
            whole,
            changed_at: Timestamp::from_millis(row.get(4)?),
            touched_at: Timestamp::from_millis(row.get::<_, i64>(7)?.max(row.get(4)?)),
            unread: row.get(6)?,
            erased: kind.is_personal() && erasures::is_erasing(self.db, number)?,
            ahead: self.flow.cursor.0.get(urgency).is_some_and(|cursor| revision > cursor.0),
            entry: entry(self.db, self.codec, ledger::key(self.flow.key, Number(number)), row)?,
            prices: self.prices(Number(number))?,
        }))
    }

    fn prices(&self, number: Number) -> Outcome<Option<PriceHistory>> {
        if self.flow.prices { ledger::prices(self.db, ledger::key(self.flow.key, number)) } else { Ok(None) }
    }

    /// A record with its parts; `None` if it has no body.
    fn whole(&self, n: u64, revision: u64) -> Outcome<Option<Arc<Whole>>> {
        if let Some(whole) = self.shared.as_ref().and_then(|(wholes, _)| wholes.take(n, revision)) {
            return Ok(Some(whole));
        }
        let mut query = self.db.prepare_cached("SELECT bytes FROM body WHERE n = ?1")?;
        let mut rows = query.query([n])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let blob = row.get_ref(0)?.as_blob().unwrap_or_default();
        let record = unless_forgotten(self.codec.unpack_value(self.db, Place::Body(n), blob).map(Some), None)?;
        let Some(record): Option<Record> = record else { return Ok(None) };
        self.count(blob);
        let (joined, bytes) = self.joined(&record)?;
        let whole = Arc::new(Whole { record, joined });
        if let Some((wholes, others)) = &self.shared {
            let kind = kind_bit(whole.record.kind());
            let others = others.iter().filter(|kinds| *kinds & kind != 0).count();
            wholes.keep(n, revision, &whole, blob.len() + bytes, others);
        }
        Ok(Some(whole))
    }

    /// The parts of a record, and their parts; with their packed bytes.
    fn joined(&self, record: &Record) -> Outcome<(Vec<Record>, usize)> {
        let (mut joined, mut bytes) = (Vec::new(), 0);
        let mut done = HashSet::new();
        let mut hubs = if self.has_parts { record.joins() } else { Vec::new() };
        while !hubs.is_empty() {
            let from = joined.len();
            for hub in hubs.drain(..).filter(|hub| done.insert(hub.clone())) {
                bytes += self.join(&hub, &mut joined)?;
            }
            hubs.extend(joined.iter().skip(from).flat_map(Record::joins));
        }
        Ok((joined, bytes))
    }

    /// Adds the parts under a hub; returns their packed bytes.
    fn join(&self, hub: &Hub, joined: &mut Vec<Record>) -> Outcome<usize> {
        let Some(key) = hub_key(&self.source, hub) else { return Ok(0) };
        let mut bytes = 0;
        let mut query = self.db.prepare_cached(parts::JOINED)?;
        let mut rows = query.query([key])?;
        while let Some(row) = rows.next()? {
            let Some(blob) = row.get_ref(0)?.as_blob_or_null().unwrap_or_default() else { continue };
            bytes += blob.len();
            self.count(blob);
            let record: Record = self.codec.unpack_value(self.db, Place::Body(row.get(1)?), blob)?;
            // Another hub may have this hash.
            let is_double = matches!(record, Record::Variant(_)) && joined.contains(&record);
            if record.provides().contains(hub) && !is_double {
                joined.push(record);
            }
        }
        Ok(bytes)
    }
}

fn entry(db: &Connection, codec: &Codec, key: i64, row: &Row<'_>) -> Outcome<Option<Entry>> {
    let Some(state) = row.get::<_, Option<u8>>(8)? else { return Ok(None) };
    Ok(Some(Entry {
        state: ledger::state(state, row.get(10)?, row.get(13)?)?,
        revision: Revision(row.get(9)?),
        items: ledger::items(db, codec, key, row.get_ref(12)?.as_blob_or_null().unwrap_or_default())?,
        attempts: row.get(11)?,
        trial: match row.get_ref(14)?.as_blob_or_null().unwrap_or_default() {
            Some(blob) => Some(Codec::decode("a trial", blob)?),
            None => None,
        },
        turn: row.get(15)?,
    }))
}

pub(super) fn kind(number: u8) -> Outcome<Kind> {
    Kind::from_number(number).ok_or_else(|| Trouble::unreadable("a kind", format!("{number} stands for none")))
}

fn being_read_again() -> Fault {
    Fault::transient("C0109", "the mirror is being read again after an upgrade and is not whole yet")
        .hint("wait for the next full read of the source, or start one with `cartage sync --full`")
}
