//! The one connection that writes, one job after the other in the order of their arrival.
//!
//! **Invariants:** every job is one transaction and either happens wholly or not at all; a job that waits holds no
//! thread; revisions are given here and nowhere else, so they grow in the order of commits.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use contract::{Fault, source::Urgency, store::Revision};
use model::{Kind, SourceName};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use tokio::sync::Semaphore;

use super::{
    codec::Codec,
    executor::{self, Executor},
    trouble::{Outcome, Trouble},
};

/// The way to the writing connection.
pub(super) struct Writer {
    /// None once the database is closed: what still waits then is not begun.
    desk: Arc<Mutex<Option<Desk>>>,
    turn: Arc<Semaphore>,
    executor: Arc<dyn Executor>,
    path: PathBuf,
}

/// The writing connection and what belongs to it.
struct Desk {
    db: Connection,
    codec: Arc<Codec>,
    revision: u64,
}

impl Writer {
    pub(super) fn new(db: Connection, codec: Arc<Codec>, path: &Path, executor: Arc<dyn Executor>) -> Outcome<Self> {
        let revision = db.query_row("SELECT value FROM meta WHERE name = 'revision'", [], |row| row.get(0))?;
        let desk = Arc::new(Mutex::new(Some(Desk { db, codec, revision })));
        Ok(Self { desk, turn: Arc::new(Semaphore::new(1)), executor, path: path.to_owned() })
    }

    /// Does `work` in a transaction.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    {
        let stopped = || {
            Fault::transient("C0105", format!("a write to {} did not end", self.path.display()))
                .hint("restart; what was committed is safe")
        };
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| stopped())?;
        let desk = Arc::clone(&self.desk);
        let written = executor::run(self.executor.as_ref(), move || {
            // A panic rolls its transaction back, and the connection is as good as before.
            let done = desk.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(|desk| desk.transact(work));
            drop(turn);
            done
        });
        written.await.flatten().ok_or_else(stopped)?.map_err(|trouble| trouble.fault(&self.path))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Waits for the job under way, then closes the connection.
        drop(self.desk.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Desk {
    fn transact<T>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Outcome<T>) -> Outcome<T> {
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut tx = Tx {
            db: &transaction,
            codec: &self.codec,
            began: self.revision,
            revision: self.revision,
            census: BTreeMap::new(),
            floors: HashMap::new(),
        };
        let done = work(&mut tx)?;
        tx.write_census()?;
        let revision = tx.revision;
        if revision != self.revision {
            transaction.prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'revision'")?.execute([revision])?;
        }
        transaction.commit()?;
        self.revision = revision;
        Ok(done)
    }
}

/// How the census of a kind changes in a transaction.
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
    /// The highest revision before it.
    pub(super) began: u64,
    revision: u64,
    census: BTreeMap<(i64, u8), Shift>,
    floors: HashMap<i64, [u64; 3]>,
}

impl Tx<'_> {
    /// A new revision.
    pub(super) fn next_revision(&mut self, _source: i64) -> Revision {
        self.revision += 1;
        Revision(self.revision)
    }

    /// A new revision, for a record of this kind whose content changed.
    pub(super) fn changed(&mut self, source: i64, kind: Kind) -> Revision {
        let revision = self.next_revision(source);
        self.census.entry((source, kind.number())).or_default().revision = revision.0;
        revision
    }

    /// Notes that there are so many more live records and tombstones of this kind.
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

    /// The source's key, made where it has none yet.
    pub(super) fn source(&self, name: &SourceName) -> Outcome<i64> {
        if let Some(key) = source_key(self.db, name)? {
            return Ok(key);
        }
        self.db.prepare_cached("INSERT INTO source (name) VALUES (?1)")?.execute([name.as_str()])?;
        Ok(self.db.last_insert_rowid())
    }

    /// Which place a record gets that stands at (`revision`, `urgency`) and is now `wanted` at another: one that some
    /// flow has still to look at keeps the more urgent of the two.
    pub(super) fn place(&mut self, source: i64, stands: (u64, u8), wanted: Urgency) -> Outcome<u8> {
        let (revision, urgency) = stands;
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

    /// Per urgency, the revision up to which every flow of the source has looked.
    fn load_floors(&mut self, source: i64) -> Outcome<[u64; 3]> {
        let none = i64::MAX;
        let floors = self
            .db
            .prepare_cached(
                "SELECT coalesce(min(urgent), ?2), coalesce(min(live), ?2), coalesce(min(backfill), ?2)
                 FROM flow WHERE source = ?1",
            )?
            .query_row((source, none), |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
        self.floors.insert(source, floors);
        Ok(floors)
    }
}

/// The source's key, if it was ever read.
pub(super) fn source_key(db: &Connection, name: &SourceName) -> Outcome<Option<i64>> {
    db.prepare_cached("SELECT key FROM source WHERE name = ?1")?
        .query_row([name.as_str()], |row| row.get(0))
        .optional()
        .map_err(Trouble::from)
}
