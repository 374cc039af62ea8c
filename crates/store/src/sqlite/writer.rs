//! The one connection that writes, one job after the other in the order of their arrival.
//!
//! **Invariants:** every job is one transaction and either happens wholly or not at all; a job that waits holds no
//! thread; revisions are given here and nowhere else, so they grow in the order of commits; whatever was committed before
//! a job that is on the disk is on the disk too.

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use contract::{
    Executor, Fault, executor,
    source::Urgency,
    store::{Lease, Leased, Revision},
};
use model::{Kind, SourceName};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use tokio::sync::Semaphore;

use super::{
    codec::Codec,
    ledger::{self, flow_unknown},
    lock,
    trouble::{Outcome, Trouble},
};

/// Runs transactions on the writing connection, one at a time.
pub(super) struct Writer {
    /// `None` once the database is closed: work that still waits then is not begun.
    connection: Arc<Mutex<Option<WriteConnection>>>,
    turn: Arc<Semaphore>,
    executor: Arc<dyn Executor>,
    path: PathBuf,
}

/// The writing connection with its codec and durability.
struct WriteConnection {
    db: Connection,
    /// The number of this process among those that have written the database.
    number: u64,
    path: PathBuf,
    codec: Arc<Codec>,
    /// Durability that the connection is set to; `None`: transactions are never synced.
    durable: Option<Durable>,
}

/// When a transaction reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durable {
    /// Once it is committed.
    Now,
    /// With the next synced transaction, or when the log is folded into the database.
    Later,
}

impl Writer {
    /// `number`: of this process among those that have written the database; `durable`: whether transactions are synced to
    /// the disk at all.
    pub(super) fn new(
        db: Connection,
        number: u64,
        codec: Arc<Codec>,
        durable: bool,
        path: &Path,
        executor: Arc<dyn Executor>,
    ) -> Self {
        let durable = durable.then_some(Durable::Now);
        let path = path.to_owned();
        let connection = WriteConnection { db, number, path: path.clone(), codec, durable };
        let connection = Arc::new(Mutex::new(Some(connection)));
        Self { connection, turn: Arc::new(Semaphore::new(1)), executor, path }
    }

    /// Does `work` in a transaction that is on the disk when this returns.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    {
        self.transact(Durable::Now, work).await
    }

    /// Does `work` in a transaction that a power cut may undo until a later [`Writer::run`]: for pages that can be read
    /// from the source again, together with the lane's state.
    pub(super) async fn run_repeatable<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    {
        self.transact(Durable::Later, work).await
    }

    /// When the last transaction was, or will be, on the disk.
    #[cfg(test)]
    fn durable(&self) -> Option<Durable> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .and_then(|connection| connection.durable)
    }

    async fn transact<T, F>(&self, durable: Durable, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    {
        self.alone(move |connection| connection.transact(durable, work)).await
    }

    /// Folds the log into the database and empties it, so that nothing that was deleted stays in it. If a reader is at work
    /// for longer than the connection waits, the log stays as it is.
    pub(super) async fn empty_log(&self) -> Result<(), Fault> {
        let fold = |connection: &mut WriteConnection| {
            Ok(connection.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
        };
        self.alone(fold).await
    }

    async fn alone<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut WriteConnection) -> Outcome<T> + Send + 'static,
    {
        let stopped = || {
            Fault::transient("C0105", format!("a write to {} did not end", self.path.display()))
                .hint("restart; what was committed is safe")
        };
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| stopped())?;
        let connection = Arc::clone(&self.connection);
        let written = executor::execute(self.executor.as_ref(), move || {
            // A panic rolls its transaction back, and the connection stays usable.
            let done = connection.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(work);
            drop(turn);
            done
        });
        written.await.flatten().ok_or_else(stopped)?.map_err(|trouble| trouble.fault(&self.path))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Waits for the job under way, then closes the connection.
        drop(self.connection.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl WriteConnection {
    fn transact<T>(&mut self, durable: Durable, work: impl FnOnce(&mut Tx<'_>) -> Outcome<T>) -> Outcome<T> {
        if self.durable.is_some_and(|now| now != durable) {
            let level = if durable == Durable::Now { "FULL" } else { "NORMAL" };
            self.db.pragma_update(None, "synchronous", level)?;
            self.durable = Some(durable);
        }
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        lock::fence(&transaction, self.number, &self.path)?;
        let mut tx = Tx {
            db: &transaction,
            codec: &self.codec,
            revisions: BTreeMap::new(),
            census: BTreeMap::new(),
            floors: HashMap::new(),
            carried: HashMap::new(),
            has_products: HashMap::new(),
            highest: None,
        };
        let done = work(&mut tx)?;
        tx.write_census()?;
        tx.write_revisions()?;
        transaction.commit()?;
        Ok(done)
    }
}

/// The change of a kind's census in a transaction.
#[derive(Default)]
struct Shift {
    live: i64,
    tombstones: i64,
    revision: u64,
}

/// A transaction under way.
pub(super) struct Tx<'a> {
    pub(super) db: &'a Connection,
    pub(super) codec: &'a Codec,
    /// Per source, the highest revision before it and by now.
    revisions: BTreeMap<i64, (u64, u64)>,
    census: BTreeMap<(i64, u8), Shift>,
    floors: HashMap<i64, [u64; 3]>,
    pub(super) carried: HashMap<i64, u64>,
    pub(super) has_products: HashMap<i64, bool>,
    /// The highest number of a record, once it is known.
    highest: Option<u64>,
}

impl Tx<'_> {
    /// The number that the next new record gets.
    pub(super) fn upcoming_number(&mut self) -> Outcome<u64> {
        if let Some(highest) = self.highest {
            return Ok(highest + 1);
        }
        let read = "SELECT coalesce(max(n), 0) FROM record";
        let highest: u64 = self.db.prepare_cached(read)?.query_row([], |row| row.get(0))?;
        self.highest = Some(highest);
        Ok(highest + 1)
    }

    /// New records of this kind got the numbers and revisions up to these.
    pub(super) fn given(&mut self, source: i64, kind: Kind, number: u64, revision: Revision) {
        self.highest = Some(number);
        if let Some((_, now)) = self.revisions.get_mut(&source) {
            *now = revision.0;
        }
        self.census.entry((source, kind.number())).or_default().revision = revision.0;
    }

    /// The highest revision of a source before this transaction, and by now.
    fn revisions(&mut self, source: i64) -> Outcome<&mut (u64, u64)> {
        match self.revisions.entry(source) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let read = "SELECT revision FROM source WHERE key = ?1";
                let stands = self.db.prepare_cached(read)?.query_row([source], |row| row.get(0))?;
                Ok(unknown.insert((stands, stands)))
            }
        }
    }

    /// The next revision.
    pub(super) fn upcoming_revision(&mut self, source: i64) -> Outcome<Revision> {
        Ok(Revision(self.revisions(source)?.1 + 1))
    }

    /// A new revision.
    pub(super) fn next_revision(&mut self, source: i64) -> Outcome<Revision> {
        let (_, now) = self.revisions(source)?;
        *now += 1;
        Ok(Revision(*now))
    }

    /// Whether the revision was given in this transaction.
    pub(super) fn is_new(&mut self, source: i64, revision: u64) -> Outcome<bool> {
        Ok(revision > self.revisions(source)?.0)
    }

    /// A new revision, for a record of this kind whose content changed.
    pub(super) fn changed(&mut self, source: i64, kind: Kind) -> Outcome<Revision> {
        let revision = self.next_revision(source)?;
        self.census.entry((source, kind.number())).or_default().revision = revision.0;
        Ok(revision)
    }

    fn write_revisions(&self) -> Outcome<()> {
        let mut write = self.db.prepare_cached("UPDATE source SET revision = ?2 WHERE key = ?1")?;
        for (source, (_, now)) in self.revisions.iter().filter(|(_, (began, now))| now > began) {
            write.execute((source, now))?;
        }
        Ok(())
    }

    /// Drops the changes of a deleted source.
    pub(super) fn forget_shifts(&mut self, source: i64) {
        self.census.retain(|(of, _), _| *of != source);
        self.revisions.remove(&source);
    }

    /// Adds to the census of live records and tombstones of this kind.
    pub(super) fn count(&mut self, source: i64, kind: Kind, live: i64, tombstones: i64) {
        let shift = self.census.entry((source, kind.number())).or_default();
        shift.live += live;
        shift.tombstones += tombstones;
    }

    fn write_census(&mut self) -> Outcome<()> {
        let mut write = self.db.prepare_cached(
            "INSERT INTO census (source, kind, live, tombstones, revision) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET live = live + excluded.live, tombstones = tombstones + excluded.tombstones,
                 revision = max(revision, excluded.revision)",
        )?;
        for ((source, kind), shift) in &self.census {
            write.execute((source, kind, shift.live, shift.tombstones, shift.revision))?;
        }
        Ok(())
    }

    /// The source's key, created if necessary.
    pub(super) fn source(&self, name: &SourceName) -> Outcome<i64> {
        if let Some(key) = source_key(self.db, name)? {
            return Ok(key);
        }
        self.db.prepare_cached("INSERT INTO source (name) VALUES (?1)")?.execute([name.as_str()])?;
        Ok(self.db.last_insert_rowid())
    }

    /// The kinds that flows of the source carry, as bits.
    pub(super) fn carried(&mut self, source: i64) -> Outcome<u64> {
        if let Some(kinds) = self.carried.get(&source) {
            return Ok(*kinds);
        }
        let mut query = self.db.prepare_cached("SELECT kinds FROM flow WHERE source = ?1")?;
        let kinds = query.query_map([source], |row| row.get::<_, u64>(0))?;
        let kinds = kinds.into_iter().try_fold(0, |all, kinds| Ok::<_, Trouble>(all | kinds?))?;
        self.carried.insert(source, kinds);
        Ok(kinds)
    }

    /// The urgency of a record of this kind: [`NOT_CARRIED`] where no flow carries it.
    pub(super) fn urgency(&mut self, source: i64, kind: Kind, urgency: Urgency) -> Outcome<u8> {
        Ok(if self.carried(source)? & kind_bit(kind) == 0 { NOT_CARRIED } else { urgency as u8 })
    }

    /// Refuses a lease older than the source's.
    pub(super) fn fence_source(&self, source: i64, lease: Lease) -> Outcome<()> {
        let read = "SELECT token FROM source WHERE key = ?1";
        fence(lease, self.db.prepare_cached(read)?.query_row([source], |row| row.get(0))?)
    }

    /// Takes a new lease.
    pub(super) fn take_over(&self, of: &Leased) -> Outcome<Lease> {
        let token: u64 = match of {
            Leased::Source(name) => {
                let source = self.source(name)?;
                let take = "UPDATE source SET token = token + 1 WHERE key = ?1 RETURNING token";
                self.db.prepare_cached(take)?.query_row([source], |row| row.get(0))?
            }
            Leased::Flow(name) => {
                let flow = ledger::flow(self.db, name)?.ok_or_else(|| flow_unknown(name))?;
                let take = "UPDATE flow SET token = token + 1 WHERE key = ?1 RETURNING token";
                self.db.prepare_cached(take)?.query_row([flow.key], |row| row.get(0))?
            }
        };
        Ok(Lease(token))
    }

    /// The urgency of a record at (`revision`, `urgency`) that is now `wanted` at another: a record that some flow has
    /// still to process keeps the more urgent of the two.
    pub(super) fn place(&mut self, source: i64, stands: (u64, u8), wanted: Urgency) -> Outcome<u8> {
        let (revision, urgency) = stands;
        if urgency == NOT_CARRIED {
            return Ok(NOT_CARRIED);
        }
        if urgency >= wanted as u8 {
            return Ok(wanted as u8);
        }
        let floors = match self.floors.get(&source) {
            Some(floors) => *floors,
            None => self.load_floors(source)?,
        };
        let seen_by_all = floors.get(usize::from(urgency)).is_none_or(|floor| revision <= *floor);
        Ok(if seen_by_all { wanted as u8 } else { urgency })
    }

    /// Per urgency, the revision up to which every flow of the source has processed.
    fn load_floors(&mut self, source: i64) -> Outcome<[u64; 3]> {
        let none = i64::MAX;
        let floors = self
            .db
            .prepare_cached(
                "SELECT coalesce(min(urgent), ?2), coalesce(min(live), ?2), coalesce(min(backfill), ?2)
                 FROM flow WHERE source = ?1 AND current = 1",
            )?
            .query_row((source, none), |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
        self.floors.insert(source, floors);
        Ok(floors)
    }
}

/// The urgency of records that no flow carries.
pub(super) const NOT_CARRIED: u8 = 3;

/// A kind as one of the bits of a flow's kinds.
pub(super) const fn kind_bit(kind: Kind) -> u64 {
    1 << kind.number()
}

pub(super) fn fence(lease: Lease, given: u64) -> Outcome<()> {
    if lease.0 >= given {
        return Ok(());
    }
    Err(Fault::transient("C0112", "another worker has taken over since this one got its lease")
        .hint("nothing to do: what the other one does is kept, and this one stops")
        .into())
}

/// The source's key, if it was ever read.
pub(super) fn source_key(db: &Connection, name: &SourceName) -> Outcome<Option<i64>> {
    db.prepare_cached("SELECT key FROM source WHERE name = ?1")?
        .query_row([name.as_str()], |row| row.get(0))
        .optional()
        .map_err(Trouble::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use conformance::store::samples::{self, is, plain, source};
    use contract::{
        Admin as _, Hints as _, Ledger as _, Mirror as _,
        destination::Ids,
        store::{Claim, Hint, Number, Retention, Which},
    };

    use super::*;
    use crate::Sqlite;

    /// `PRAGMA synchronous` within a job: 1 is NORMAL, 2 is FULL.
    fn level(tx: &mut Tx<'_>) -> Outcome<u8> {
        Ok(tx.db.pragma_query_value(None, "synchronous", |row| row.get(0))?)
    }

    #[tokio::test]
    async fn only_what_can_be_read_again_is_left_to_a_later_sync() {
        for (durable, expected) in [(true, [2, 1, 1, 2]), (false, [1, 1, 1, 1])] {
            let db = Connection::open_in_memory().unwrap();
            db.execute_batch(&format!(
                "PRAGMA synchronous = {};
                 CREATE TABLE meta (name, value); INSERT INTO meta VALUES ('writer', 1);
                 CREATE TABLE source (key INTEGER, revision INTEGER);
                 CREATE TABLE census (source, kind, live, tombstones, revision, PRIMARY KEY (source, kind));",
                if durable { "FULL" } else { "NORMAL" }
            ))
            .unwrap();
            let codec = Arc::new(Codec::new(0, super::super::seal::OperatorKeys::default()));
            let writer = Writer::new(db, 1, codec, durable, Path::new("x.db"), Arc::new(executor::Threads));
            let levels = [
                writer.run(level).await.unwrap(),
                writer.run_repeatable(level).await.unwrap(),
                writer.run_repeatable(level).await.unwrap(),
                writer.run(level).await.unwrap(),
            ];
            assert_eq!(levels, expected);
        }
    }

    #[tokio::test]
    async fn what_a_destination_was_sent_is_on_the_disk_before_and_what_a_source_said_may_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("x.db")).unwrap();
        let (flow, at) = ("to".into(), samples::at(300));
        // Each begins after a transaction of the other kind, so that it can't be right by what was before it.
        macro_rules! durable {
            ($expected:ident, $call:expr) => {
                match Durable::$expected {
                    Durable::Now => store.writer().unwrap().run_repeatable(|_| Ok(())).await.unwrap(),
                    Durable::Later => store.writer().unwrap().run(|_| Ok(())).await.unwrap(),
                }
                $call.await.unwrap();
                assert_eq!(store.writer().unwrap().durable(), Some(Durable::$expected), "{}", stringify!($call));
            };
        }
        durable!(Now, store.take_over(&Leased::Source(source())));
        durable!(Now, store.declare(&samples::declared(&flow, &source(), "1", Ids::Shared)));
        durable!(Now, store.recover(&flow));
        durable!(Later, store.intake(samples::full(1, vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])));
        durable!(Later, store.sweep(samples::sweep(1, None)));
        durable!(Later, store.spread(&samples::touch(at), 10));
        durable!(Later, store.wake(&samples::touch(at), 10));
        durable!(Now, store.hint(&source(), &[Hint { kind: Kind::Product, id: None }], at));
        durable!(Now, store.done(&source(), samples::NEWEST, &[1]));
        let workload = store.workload(&flow, samples::wide(at)).await.unwrap();
        let claims = workload.work.iter().map(|work| Claim {
            number: work.number,
            created_at: None,
            items: vec![work.id.as_str().into()],
        });
        durable!(Now, store.claim(&flow, samples::NEWEST, claims.clone().collect()));
        let opening = contract::store::Step {
            open: vec![samples::open(&[(Number(1), "a")])],
            ..samples::step(&flow, Vec::new(), None)
        };
        durable!(Now, store.advance(opening.clone()));
        let settled = workload.work.iter().map(samples::in_sync).collect::<Vec<_>>();
        durable!(Now, store.advance(samples::step(&flow, settled.clone(), Some(workload.cursor))));
        durable!(Now, store.replay(&flow, Which::All));
        durable!(Now, store.discard(&flow, Which::All));
        durable!(Now, store.doubt(&flow, &[Number(1)]));
        durable!(Now, store.approve_removals(&flow, at));
        durable!(Now, store.pause(&flow, Some(at)));
        durable!(Now, store.release(&flow, Kind::Product, Revision(1)));
        durable!(Now, store.prune(at, &Retention::default(), 10));
    }
}
