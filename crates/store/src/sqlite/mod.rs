//! The store of one machine: a SQLite file with one writer and some readers.
//!
//! **Invariants:** every method is one transaction, durable when it returns (WAL, `synchronous=FULL`), except what pulls
//! write: it is durable at the latest with the next transaction of any other kind, and a power cut before that takes it back
//! together with how far was read; a second process that wants to write is refused; what is bounded stays bounded (page
//! caches, queue, write-ahead log).
//!
//! What costs CPU and needs no database (encoding, hashing, compressing) happens beside the writing thread.

mod codec;
mod erasures;
mod flows;
mod hints;
mod ledger;
mod leftovers;
mod links;
mod lock;
mod mirror;
mod owners;
mod parts;
mod people;
mod readers;
mod removals;
mod report;
mod rows;
mod schema;
mod seal;
mod sweep;
mod trouble;
mod unread;
mod upkeep;
mod wholes;
mod workload;
mod writer;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Admin, Erasures, Executor, Fault, Hints, Ledger, Leftovers, Mirror, Threads, executor,
    source::Scope,
    store::{
        Claim, Claimed, Count, DeadLetter, Declaration, Declared, EntryView, ErasedFrom, Erasing, Erasure, FlowId,
        Found, Freshness, HeldItems, Hint, HookState, Intake, Kept, KeptBy, LaneState, Lease, Leased, Leftover, Number,
        Owner, Pruned, ReadBack, Recovered, Registration, Removals, Retention, Revision, Step, Sweep, Swept, Take,
        Taken, Tally, Ticketed, Touch, Trouble as Stuck, UnreadRow, Waiting, Wake, Which, Who, Work, Workload,
    },
};
use model::{FlowName, Kind, Record, RecordId, RemoteId, SourceName, Timestamp};
use rusqlite::{Connection, OpenFlags, config::DbConfig};

pub use seal::{OperatorKey, OperatorKeys, Signature};

use self::{
    codec::{Codec, Training},
    ledger::{Flow, PreparedStep, flow_unknown},
    lock::Lock,
    mirror::Prepared,
    people::PERSONAL,
    readers::Readers,
    schema::Standing,
    trouble::{Outcome, Trouble},
    wholes::Wholes,
    workload::Reader,
    writer::{Writer, kind_bit},
};
use crate::Scratch;

/// How a database is used. The defaults suit a catalogue of some million SKUs.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Page cache of the writing connection, in KiB.
    pub cache_kib: u32,
    /// Page cache of each reading connection, in KiB.
    pub reader_cache_kib: u32,
    /// Reading connections, at least 1.
    pub readers: usize,
    /// Records of a kind (and payloads of a flow) after which a compression dictionary is trained; 0: never.
    pub dictionary_after: u32,
    /// Pages of 4 KiB in the write-ahead log after which it is folded into the database. The more, the more often a page
    /// is written that is folded in once only.
    pub log_pages: u32,
    /// Wait for the disk at every commit. Without it a power cut may take the last commits back; a crash does not.
    pub durable: bool,
    /// The database may grow to so many pages of 4 KiB; `None`: to what the disk holds.
    pub most_pages: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_kib: 12 * 1024,
            reader_cache_kib: 2 * 1024,
            readers: 2,
            dictionary_after: 1000,
            log_pages: 12_000,
            durable: true,
            most_pages: None,
        }
    }
}

/// A [`contract::Store`] in a SQLite file. Dropping it finishes what was begun and closes the file.
pub struct Sqlite {
    // Dropped in this order: the writer is the last connection and folds the log in, then the lock goes.
    readers: Arc<Readers>,
    writer: Option<Writer>,
    codec: Arc<Codec>,
    wholes: Arc<Wholes>,
    executor: Arc<dyn Executor>,
    /// Locked while one is taken, so that no two tasks take one for the same.
    leases: tokio::sync::Mutex<HashMap<Leased, Lease>>,
    path: PathBuf,
    _lock: Option<Lock>,
    scratch: Option<Scratch>,
}

impl Sqlite {
    /// Opens the database at `path` for reading and writing; makes it where there is none.
    ///
    /// # Errors
    /// `C0101` newer than this release, `C0102` not ours, `C0103` another process writes it, `C0105` it can't be used,
    /// `C0106` it is damaged.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        Self::with_options(path, Options::default())
    }

    /// As [`Sqlite::open`], with settings.
    pub fn with_options(path: &Path, options: Options) -> Result<Self, Fault> {
        Self::with_executor(path, options, Arc::new(Threads))
    }

    /// As [`Sqlite::with_options`], with blocking work done by `executor`.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn with_executor(path: &Path, options: Options, executor: Arc<dyn Executor>) -> Result<Self, Fault> {
        Self::sealed(path, options, executor, OperatorKeys::default())
    }

    /// As [`Sqlite::with_executor`], with keys to seal data about people. Without any, such data is refused with `C0114`.
    /// Keys of data that another one than the first wrapped are wrapped anew.
    ///
    /// # Errors
    /// As [`Sqlite::open`]; `C0114` it holds data about people and there is no key, `C0115` there are others.
    pub fn sealed(
        path: &Path,
        options: Options,
        executor: Arc<dyn Executor>,
        keys: OperatorKeys,
    ) -> Result<Self, Fault> {
        let lock = lock::lock(path)?;
        Self::open_locked(path, options, lock, executor, keys).map_err(|trouble| trouble.fault(path))
    }

    fn open_locked(
        path: &Path,
        options: Options,
        lock: Lock,
        executor: Arc<dyn Executor>,
        keys: OperatorKeys,
    ) -> Outcome<Self> {
        let mut db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | CREATE)?;
        schema::standing(&db, path)?;
        set_up(&db, options.cache_kib)?;
        // What is deleted is overwritten: keys and data of people may not stay in free pages.
        db.pragma_update(None, "secure_delete", !keys.is_empty())?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", if options.durable { "FULL" } else { "NORMAL" })?;
        db.pragma_update(None, "wal_autocheckpoint", options.log_pages)?;
        db.pragma_update(None, "journal_size_limit", i64::from(options.log_pages).saturating_mul(2 * 4096))?;
        if let Some(pages) = options.most_pages {
            db.pragma_update(None, "max_page_count", pages)?;
        }
        let codec = Arc::new(Codec::new(options.dictionary_after, keys));
        // A missing key is named before anything is written: what is migrated can't be read by the release before.
        codec.people.check(&db)?;
        schema::migrate(&mut db, path)?;
        let number = lock::take_over(&db)?;
        codec.people.rotate(&mut db, number, path)?;
        codec.load(&db)?;
        let readers = readers(path, options, &codec, &executor)?;
        let writer = Some(Writer::new(db, number, Arc::clone(&codec), options.durable, path, Arc::clone(&executor)));
        Ok(Self {
            readers,
            writer,
            codec,
            wholes: Arc::default(),
            executor,
            leases: tokio::sync::Mutex::default(),
            path: path.into(),
            _lock: Some(lock),
            scratch: None,
        })
    }

    /// Opens the database at `path` beside the process that writes it. Methods that write fail with `C0107`.
    ///
    /// # Errors
    /// As [`Sqlite::open`] without `C0103`; `C0107` where it is of an older release and has first to be opened for
    /// writing, and `C0105` where there is none.
    pub fn open_read_only(path: &Path) -> Result<Self, Fault> {
        Self::read_only_with_executor(path, Options::default(), Arc::new(Threads))
    }

    /// As [`Sqlite::open_read_only`], with settings, and with blocking work done by `executor`.
    ///
    /// # Errors
    /// As [`Sqlite::open_read_only`].
    pub fn read_only_with_executor(path: &Path, options: Options, executor: Arc<dyn Executor>) -> Result<Self, Fault> {
        Self::read_only_sealed(path, options, executor, OperatorKeys::default())
    }

    /// As [`Sqlite::read_only_with_executor`], with keys to open data about people.
    ///
    /// # Errors
    /// As [`Sqlite::open_read_only`]; `C0114` it holds data about people and there is no key, `C0115` there are others.
    pub fn read_only_sealed(
        path: &Path,
        options: Options,
        executor: Arc<dyn Executor>,
        keys: OperatorKeys,
    ) -> Result<Self, Fault> {
        Self::open_beside(path, options, executor, keys).map_err(|trouble| trouble.fault(path))
    }

    fn open_beside(path: &Path, options: Options, executor: Arc<dyn Executor>, keys: OperatorKeys) -> Outcome<Self> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | NO_MUTEX)?;
        if matches!(schema::standing(&db, path)?, Standing::Behind) {
            let what = format!("the database {} is of an older release", path.display());
            return Err(Fault::config("C0107", what)
                .hint("run `cartage sync` or `cartage run` once: opening it for writing brings it up to date")
                .into());
        }
        let codec = Arc::new(Codec::new(0, keys));
        codec.people.check(&db)?;
        codec.load(&db)?;
        let readers = readers(path, options, &codec, &executor)?;
        Ok(Self {
            readers,
            writer: None,
            codec,
            wholes: Arc::default(),
            executor,
            leases: tokio::sync::Mutex::default(),
            path: path.into(),
            _lock: None,
            scratch: None,
        })
    }

    /// A database in a new folder of the system's temporary one, which goes with it, as does the key of its data about
    /// people: for tests and demonstrations.
    pub fn memory() -> Result<Self, Fault> {
        let folder = Scratch::new()?;
        let options = Options { durable: false, ..Options::default() };
        let path = folder.path().join("cartage.db");
        let mut store = Self::sealed(&path, options, Arc::new(Threads), OperatorKeys::passing()?)?;
        store.scratch = Some(folder);
        Ok(store)
    }

    /// Reads the whole file and looks for damage.
    ///
    /// # Errors
    /// `C0106` it is damaged; `C0105` it can't be read.
    pub async fn check(&self) -> Result<(), Fault> {
        let path = self.path.clone();
        let looked = self.readers.run(move |db, _| {
            let said: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if said == "ok" { Ok(()) } else { Err(trouble::damaged(&path, &said).into()) }
        });
        looked.await
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn writer(&self) -> Result<&Writer, Fault> {
        self.writer.as_ref().ok_or_else(|| {
            Fault::config("C0107", format!("the database {} is open for reading only", self.path.display()))
                .hint("use a command that writes, while no other process does")
        })
    }

    /// Does work that needs no database on a thread that may block.
    async fn prepare<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Codec) -> Outcome<T> + Send + 'static,
    {
        let codec = Arc::clone(&self.codec);
        let done = executor::execute(self.executor.as_ref(), move || work(&codec)).await;
        let done = done.ok_or_else(|| Fault::transient("C0105", "a step of the store did not end"))?;
        done.map_err(|trouble| trouble.fault(&self.path))
    }

    /// Trains dictionaries for which there is enough to learn from by now. What was asked for is committed already, so
    /// a failure is only logged: bodies stay larger.
    async fn learn(&self) {
        while let Some(training) = self.codec.training() {
            let purpose = training.purpose;
            if let Err(fault) = self.learn_from(training).await {
                tracing::warn!(%purpose, %fault, "no compression dictionary could be made");
            }
        }
    }

    async fn learn_from(&self, training: Training) -> Result<(), Fault> {
        let purpose = training.purpose;
        let Some(bytes) = self.prepare(move |_| Ok(training.train())).await? else { return Ok(()) };
        self.writer()?.run(move |tx| Codec::store(tx.db, purpose, &bytes)).await?;
        self.readers.run(|db, codec| codec.load(db)).await
    }

    /// Makes the keys that data about people needs, before the first of these kinds, as bits, is taken.
    async fn expect(&self, kinds: u64) -> Result<(), Fault> {
        if kinds & PERSONAL == 0 || self.codec.people.is_ready() {
            return Ok(());
        }
        self.writer()?.run(|tx| tx.make_common_keys()).await?;
        // Every read loads what is committed.
        self.readers.run(|_, _| Ok(())).await
    }

    async fn flow(&self, name: &FlowName) -> Result<Flow, Fault> {
        let wanted = name.clone();
        let found = self.readers.run(move |db, _| ledger::flow(db, &wanted)?.ok_or_else(|| flow_unknown(&wanted)));
        found.await
    }

    async fn take(&self, of: &Leased, leases: &mut HashMap<Leased, Lease>) -> Result<Lease, Fault> {
        let wanted = of.clone();
        let lease = self.writer()?.run(move |tx| tx.take_over(&wanted)).await?;
        leases.insert(of.clone(), lease);
        Ok(lease)
    }
}

const CREATE: OpenFlags = OpenFlags::SQLITE_OPEN_CREATE.union(NO_MUTEX);
const NO_MUTEX: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// Statements that a connection keeps ready: all there are.
const STATEMENTS: usize = 160;

fn set_up(db: &Connection, cache_kib: u32) -> Outcome<()> {
    db.busy_timeout(Duration::from_secs(10))?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Otherwise the planner peeks at bound values, and prepares a statement again whenever one is bound anew.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    // Mapped pages would count as our memory.
    db.pragma_update(None, "mmap_size", 0)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

fn readers(path: &Path, options: Options, codec: &Arc<Codec>, executor: &Arc<dyn Executor>) -> Outcome<Arc<Readers>> {
    let connections = (0..options.readers.max(1)).map(|_| {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | NO_MUTEX)?;
        set_up(&db, options.reader_cache_kib)?;
        Ok::<_, Trouble>(db)
    });
    let connections = connections.collect::<Result<Vec<_>, _>>()?;
    Ok(Readers::new(connections, Arc::clone(codec), path.into(), Arc::clone(executor)))
}

#[async_trait]
impl Mirror for Sqlite {
    async fn lease(&self, of: &Leased) -> Result<Lease, Fault> {
        let mut leases = self.leases.lock().await;
        match leases.get(of) {
            Some(lease) => Ok(*lease),
            None => self.take(of, &mut leases).await,
        }
    }

    async fn take_over(&self, of: &Leased) -> Result<Lease, Fault> {
        self.take(of, &mut *self.leases.lock().await).await
    }

    async fn lane(&self, source: &SourceName, lane: &str) -> Result<LaneState, Fault> {
        let (source, lane) = (source.clone(), lane.to_owned());
        self.readers.run(move |db, codec| report::lane(db, codec, &source, &lane)).await
    }

    async fn lanes(&self, source: &SourceName) -> Result<BTreeMap<String, LaneState>, Fault> {
        let source = source.clone();
        self.readers.run(move |db, codec| report::lanes(db, codec, &source)).await
    }

    async fn intake(&self, intake: Intake) -> Result<Taken, Fault> {
        let writer = self.writer()?;
        self.expect(mirror::kinds(&intake)).await?;
        let page = self.prepare(move |codec| Prepared::new(codec, intake)).await?;
        if page.has_products {
            while writer.run_repeatable(|tx| tx.join_parts(parts::JOINED_AT_ONCE)).await? {}
        }
        let taken = writer.run_repeatable(move |tx| tx.intake(page)).await?;
        self.learn().await;
        Ok(taken)
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, Fault> {
        self.writer()?.run_repeatable(move |tx| tx.sweep(sweep)).await
    }

    async fn spread(&self, touch: &Touch, limit: usize) -> Result<u64, Fault> {
        let touch = touch.clone();
        self.writer()?.run_repeatable(move |tx| tx.spread(&touch, limit)).await
    }

    async fn wake(&self, touch: &Touch, limit: usize) -> Result<u64, Fault> {
        let touch = touch.clone();
        self.writer()?.run_repeatable(move |tx| tx.wake(&touch, limit)).await
    }

    async fn revision(&self, source: &SourceName) -> Result<Revision, Fault> {
        let source = source.clone();
        self.readers.run(move |db, _| report::revision_of(db, &source)).await
    }

    async fn as_of(&self, source: &SourceName) -> Result<Timestamp, Fault> {
        let source = source.clone();
        self.readers.run(move |db, _| report::as_of(db, &source)).await
    }

    async fn read(
        &self,
        source: &SourceName,
        kind: Kind,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<Found>, Fault> {
        let (source, after) = (source.clone(), after.cloned());
        self.readers.run(move |db, codec| report::read(db, codec, &source, kind, after.as_ref(), limit)).await
    }

    async fn scopes(&self, source: &SourceName) -> Result<Vec<(Kind, Option<Scope>)>, Fault> {
        let source = source.clone();
        self.readers.run(move |db, _| report::scopes(db, &source)).await
    }

    async fn reference_revision(&self, source: &SourceName) -> Result<Revision, Fault> {
        let source = source.clone();
        self.readers.run(move |db, _| report::reference_revision(db, &source)).await
    }

    async fn reference(&self, source: &SourceName) -> Result<Vec<Record>, Fault> {
        let source = source.clone();
        self.readers.run(move |db, codec| report::reference(db, codec, &source)).await
    }

    async fn counts(&self, source: &SourceName) -> Result<Vec<Count>, Fault> {
        let source = source.clone();
        self.readers.run(move |db, _| report::counts(db, &source)).await
    }

    async fn find(&self, source: &SourceName, text: &str) -> Result<Vec<Found>, Fault> {
        let (source, text) = (source.clone(), text.to_owned());
        self.readers.run(move |db, codec| report::find(db, codec, &source, &text)).await
    }

    async fn noticed(&self, source: &SourceName, limit: usize) -> Result<Vec<Found>, Fault> {
        let source = source.clone();
        self.readers.run(move |db, codec| report::noticed(db, codec, &source, limit)).await
    }

    async fn unread(&self, source: &SourceName, limit: usize) -> Result<Vec<UnreadRow>, Fault> {
        let source = source.clone();
        self.readers.run(move |db, codec| report::unread(db, codec, &source, limit)).await
    }
}

#[async_trait]
impl Ledger for Sqlite {
    async fn declare(&self, flow: &Declared) -> Result<Declaration, Fault> {
        let flow = flow.clone();
        self.expect(flow.carries.iter().fold(0, |kinds, kind| kinds | kind_bit(*kind))).await?;
        self.writer()?.run(move |tx| tx.declare(&flow)).await
    }

    async fn retire_others(&self, sources: &[SourceName], flows: &[FlowName]) -> Result<(), Fault> {
        let (sources, flows) = (sources.to_vec(), flows.to_vec());
        self.writer()?.run(move |tx| tx.retire_others(&sources, &flows)).await
    }

    async fn recover(&self, flow: &FlowName) -> Result<Recovered, Fault> {
        let mut leases = self.leases.lock().await;
        let wanted = flow.clone();
        let recovered = self.writer()?.run(move |tx| tx.recover(&wanted)).await?;
        leases.insert(Leased::Flow(flow.clone()), recovered.lease);
        Ok(recovered)
    }

    async fn workload(&self, flow: &FlowName, take: Take) -> Result<Workload, Fault> {
        let (flow, wholes) = (flow.clone(), Arc::clone(&self.wholes));
        self.readers.run(move |db, codec| Reader::new(db, codec, &flow)?.sharing(&wholes)?.workload(&take)).await
    }

    async fn scan(&self, flow: &FlowName, kind: Kind, after: Number, limit: usize) -> Result<Vec<Work>, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| Reader::new(db, codec, &flow)?.scan(kind, after, limit)).await
    }

    async fn work(&self, flow: &FlowName, number: Number) -> Result<Option<Work>, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| Reader::new(db, codec, &flow)?.one(number)).await
    }

    async fn claim(&self, flow: &FlowName, lease: Lease, claims: Vec<Claim>) -> Result<Claimed, Fault> {
        let flow = flow.clone();
        self.writer()?.run(move |tx| tx.claim(&flow, lease, &claims)).await
    }

    async fn owners(&self, flow: &FlowName, kind: Kind, items: &[RemoteId]) -> Result<Vec<Owner>, Fault> {
        let (flow, items) = (flow.clone(), items.to_vec());
        self.readers.run(move |db, codec| owners::owners(db, codec, &flow, kind, items)).await
    }

    async fn advance(&self, step: Step) -> Result<Vec<u64>, Fault> {
        let writer = self.writer()?;
        let read = self.readers.run(move |db, codec| {
            let flow = ledger::flow(db, &step.flow)?.ok_or_else(|| flow_unknown(&step.flow))?;
            Ok((flow, ledger::people(db, codec, &step.settled)?, step))
        });
        let (flow, people, step) = read.await?;
        let step = self.prepare(move |codec| PreparedStep::new(codec, flow, &people, step)).await?;
        let opened = writer.run(move |tx| tx.advance(&step)).await?;
        self.learn().await;
        Ok(opened)
    }

    async fn removals(&self, flow: &FlowName, now: Timestamp) -> Result<Removals, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| removals::removals(db, codec, &flow, now)).await
    }

    async fn release(&self, flow: &FlowName, kind: Kind, up_to: Revision) -> Result<u64, Fault> {
        let flow = flow.clone();
        self.writer()?.run(move |tx| tx.release(&flow, kind, up_to)).await
    }

    async fn tickets(&self, flow: &FlowName) -> Result<Vec<Ticketed>, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| flows::tickets(db, codec, &flow)).await
    }

    async fn note_stop(&self, flow: &FlowName, fault: Option<&Fault>, at: Timestamp) -> Result<(), Fault> {
        let (flow, fault) = (flow.clone(), fault.cloned());
        self.writer()?.run(move |tx| tx.note_stop(&flow, fault.as_ref(), at)).await
    }

    async fn next_wake(&self, flow: &FlowName) -> Result<Wake, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, _| report::next_wake(db, &flow)).await
    }
}

#[async_trait]
impl Admin for Sqlite {
    async fn tally(&self, flow: &FlowName) -> Result<Tally, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, _| report::tally(db, &flow)).await
    }

    async fn trouble(&self, flow: &FlowName) -> Result<Stuck, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| report::trouble(db, codec, &flow)).await
    }

    async fn freshness(&self, flow: &FlowName) -> Result<Freshness, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, _| report::freshness(db, &flow)).await
    }

    async fn entry(&self, flow: &FlowName, number: Number) -> Result<Option<EntryView>, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| report::entry(db, codec, &flow, number)).await
    }

    async fn dead(&self, flow: &FlowName, limit: usize) -> Result<Vec<DeadLetter>, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| report::dead(db, codec, &flow, limit)).await
    }

    async fn dead_of(&self, flow: &FlowName, id: &RecordId) -> Result<Vec<DeadLetter>, Fault> {
        let (flow, id) = (flow.clone(), id.clone());
        self.readers.run(move |db, codec| report::dead_of(db, codec, &flow, &id)).await
    }

    async fn kept(&self, flow: &FlowName, by: KeptBy, limit: usize) -> Result<Vec<Kept>, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| report::kept(db, codec, &flow, &by, limit)).await
    }

    async fn approve_removals(&self, flow: &FlowName, at: Timestamp) -> Result<u64, Fault> {
        let flow = flow.clone();
        self.writer()?.run(move |tx| tx.approve_removals(&flow, at)).await
    }

    async fn pause(&self, flow: &FlowName, since: Option<Timestamp>) -> Result<bool, Fault> {
        let flow = self.flow(flow).await?.key;
        self.writer()?.run(move |tx| tx.pause(flow, since)).await
    }

    async fn replay(&self, flow: &FlowName, which: Which<'_>) -> Result<u64, Fault> {
        let (flow, numbers) = (self.flow(flow).await?.key, numbers(which));
        self.writer()?.run(move |tx| tx.replay(flow, numbers.as_deref())).await
    }

    async fn discard(&self, flow: &FlowName, which: Which<'_>) -> Result<u64, Fault> {
        let (flow, numbers) = (self.flow(flow).await?.key, numbers(which));
        self.writer()?.run(move |tx| tx.discard(flow, numbers.as_deref())).await
    }

    async fn doubt(&self, flow: &FlowName, numbers: &[Number]) -> Result<u64, Fault> {
        let (flow, numbers) = (self.flow(flow).await?.key, numbers.to_vec());
        self.writer()?.run(move |tx| tx.doubt(flow, &numbers)).await
    }

    async fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<Pruned, Fault> {
        let (writer, retention) = (self.writer()?, *retention);
        let mut pruned = Pruned::default();
        let mut after = Some(upkeep::Places::new());
        while let Some(places) = after {
            let step = writer.run(move |tx| tx.prune(now, &retention, places, limit)).await?;
            pruned.calls += step.pruned.calls;
            pruned.tombstones += step.pruned.tombstones;
            pruned.former += step.pruned.former;
            pruned.more |= step.pruned.more;
            after = step.after;
        }
        if self.codec.people.is_ready() {
            // Also after an erasure during which a reader kept the log.
            writer.empty_log().await?;
        }
        Ok(pruned)
    }
}

fn numbers(which: Which<'_>) -> Option<Vec<Number>> {
    match which {
        Which::All => None,
        Which::These(numbers) => Some(numbers.to_vec()),
    }
}

#[async_trait]
impl Hints for Sqlite {
    async fn hint(&self, source: &SourceName, hints: &[Hint], at: Timestamp) -> Result<(), Fault> {
        let (source, hints) = (source.clone(), hints.to_vec());
        self.expect(hints::kinds(&hints)).await?;
        self.writer()?.run(move |tx| tx.hint(&source, &hints, at)).await
    }

    async fn deliver(&self, source: &SourceName, hints: &[Hint], is_gap: bool, at: Timestamp) -> Result<(), Fault> {
        let (source, hints) = (source.clone(), hints.to_vec());
        self.expect(hints::kinds(&hints)).await?;
        self.writer()?.run(move |tx| tx.deliver(&source, &hints, is_gap, at)).await
    }

    async fn hook(&self, source: &SourceName) -> Result<Option<HookState>, Fault> {
        let source = source.clone();
        self.readers.run(move |db, _| hints::hook(db, &source)).await
    }

    async fn register(&self, source: &SourceName, registration: &Registration) -> Result<(), Fault> {
        let (source, registration) = (source.clone(), registration.clone());
        self.writer()?.run(move |tx| tx.register(&source, &registration)).await
    }

    async fn hints(&self, source: &SourceName, limit: usize) -> Result<Vec<Waiting>, Fault> {
        let source = source.clone();
        self.readers.run(move |db, codec| hints::waiting(db, codec, &source, limit)).await
    }

    async fn done(&self, source: &SourceName, lease: Lease, hints: &[u64]) -> Result<(), Fault> {
        let (source, hints) = (source.clone(), hints.to_vec());
        self.writer()?.run(move |tx| tx.done(&source, lease, &hints)).await
    }
}

#[async_trait]
impl Erasures for Sqlite {
    async fn of_person(&self, who: &Who) -> Result<Vec<(SourceName, Found)>, Fault> {
        let who = who.clone();
        self.readers.run(move |db, codec| erasures::of_person(db, codec, &who)).await
    }

    async fn to_erase(&self, who: &Who) -> Result<Vec<ErasedFrom>, Fault> {
        let who = who.clone();
        self.readers.run(move |db, codec| erasures::to_erase(db, codec, &who)).await
    }

    async fn erase(&self, who: &Who, at: Timestamp) -> Result<Option<u64>, Fault> {
        let who = who.clone();
        let begun = self.writer()?.run(move |tx| tx.erase(&who, at)).await;
        self.wholes.clear();
        begun
    }

    async fn open_erasures(&self) -> Result<Vec<Erasure>, Fault> {
        self.readers.run(|db, _| erasures::open(db)).await
    }

    async fn ended_erasures(&self) -> Result<u64, Fault> {
        self.readers.run(|db, _| erasures::ended(db)).await
    }

    async fn erasure_of(&self, who: &Who) -> Result<Option<Erasure>, Fault> {
        let who = who.clone();
        self.readers.run(move |db, codec| erasures::erasure_of(db, codec, &who)).await
    }

    async fn erasing(&self, erasure: u64) -> Result<Vec<Erasing>, Fault> {
        self.readers.run(move |db, codec| erasures::erasing(db, codec, erasure)).await
    }

    async fn end_erasure(&self, erasure: u64, read_back: &[ReadBack], at: Timestamp) -> Result<bool, Fault> {
        let (writer, read_back) = (self.writer()?, read_back.to_vec());
        let ended = writer.run(move |tx| tx.end_erasure(erasure, &read_back, at)).await?;
        if ended {
            writer.empty_log().await?;
        }
        Ok(ended)
    }

    async fn lift(&self, who: &Who) -> Result<bool, Fault> {
        let who = who.clone();
        self.writer()?.run(move |tx| tx.lift(&who)).await
    }
}

#[async_trait]
impl Leftovers for Sqlite {
    async fn left_behind(&self, configured: &[Declared]) -> Result<Vec<Leftover>, Fault> {
        let configured = configured.to_vec();
        self.readers.run(move |db, _| leftovers::leftovers(db, &configured)).await
    }

    async fn held_items(&self, flow: &FlowId, after: Number, limit: usize) -> Result<Vec<HeldItems>, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| leftovers::held_items(db, codec, &flow, after, limit)).await
    }

    async fn held_payloads(&self, flow: &FlowId, number: Number) -> Result<Vec<contract::Item>, Fault> {
        let flow = flow.clone();
        self.readers.run(move |db, codec| leftovers::held_payloads(db, codec, &flow, number)).await
    }

    async fn forget_entries(&self, flow: &FlowId, numbers: &[Number]) -> Result<u64, Fault> {
        let (flow, numbers) = (flow.clone(), numbers.to_vec());
        self.writer()?.run(move |tx| tx.forget_entries(&flow, &numbers)).await
    }

    async fn forget_flow(&self, flow: &FlowId, limit: usize) -> Result<u64, Fault> {
        let flow = flow.clone();
        self.writer()?.run(move |tx| tx.forget_flow(&flow, limit)).await
    }

    async fn forget_source(&self, source: &SourceName, limit: usize) -> Result<u64, Fault> {
        let source = source.clone();
        let forgotten = self.writer()?.run(move |tx| tx.forget_source(&source, limit)).await;
        self.wholes.clear();
        forgotten
    }
}
