//! Invariants that must hold after every step. The checks read the database through a connection of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use contract::{
    Clock as _, Fault, Store,
    store::{ItemEntry, Number, Revision, State, States, Tally},
};
use model::{FlowName, Kind, RemoteId, SourceName, Timestamp};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use store::sqlite::{Options, Sqlite};

use crate::{
    clock::SimClock,
    executor::Plain,
    probe::Probe,
    steps::Steps,
    world::{World, host_of},
};

/// The check of owners reads every record: it runs once in so many transactions, and at every start.
const SELDOM: u64 = 100;

/// The rows themselves are counted once in so many transactions.
const RECOUNT: u64 = 4;

/// How far a mark may go back: the source's time is known from the `Date` of answers, which may be this late and has no
/// fractions of a second. Records after a mark are read again, which changes nothing.
const LATE: i64 = 45_000;

/// The state at the last check.
#[derive(Debug, Default)]
struct Last {
    revision: Revision,
    marks: BTreeMap<String, i64>,
    looks: u64,
}

/// The checks of a run.
pub(crate) struct Checks {
    steps: Arc<Steps>,
    /// The time at the source.
    clock: Arc<SimClock>,
    flows: Vec<FlowName>,
    /// By how much the hub's clock is set back, in milliseconds: marks follow the earlier of two clocks.
    set_back: i64,
    looking: Mutex<Option<Looking>>,
    last: Mutex<Last>,
}

/// The database that is checked.
struct Looking {
    store: Arc<Sqlite>,
    /// SQLite's counter of changes by other connections.
    version: Connection,
    seen: i64,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checks {
    pub(crate) fn new(steps: Arc<Steps>, clock: Arc<SimClock>, flows: Vec<FlowName>, jump: Option<i64>) -> Arc<Self> {
        let set_back = jump.map_or(0, |jump| (-jump).max(0));
        Arc::new(Self { steps, clock, flows, set_back, looking: Mutex::default(), last: Mutex::default() })
    }

    /// Checks this database from now on; `None`: none.
    pub(crate) fn look_at(&self, database: Option<&Path>) -> anyhow::Result<()> {
        let options = Options { readers: 1, reader_cache_kib: 512, ..Options::default() };
        let opened = database.map(|path| -> anyhow::Result<Looking> {
            let store = Sqlite::read_only_with_executor(path, options, Arc::new(Plain));
            let store = Arc::new(store.map_err(|fault| anyhow::anyhow!("{fault}"))?);
            let version = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            Ok(Looking { store, version, seen: -1 })
        });
        *locked(&self.looking) = opened.transpose()?;
        Ok(())
    }

    fn store(&self) -> Option<Arc<Sqlite>> {
        locked(&self.looking).as_ref().map(|looking| Arc::clone(&looking.store))
    }

    /// The database, if something changed since the last check.
    fn changed(&self) -> anyhow::Result<Option<Arc<Sqlite>>> {
        let mut looking = locked(&self.looking);
        let Some(looking) = looking.as_mut() else { return Ok(None) };
        let now = looking.version.pragma_query_value(None, "data_version", |row| row.get(0))?;
        let changed = std::mem::replace(&mut looking.seen, now) != now;
        Ok(changed.then(|| Arc::clone(&looking.store)))
    }

    /// Runs the checks, and ends the run if a promise is broken.
    pub(crate) async fn after_step(&self) {
        let store = match self.changed() {
            Ok(Some(store)) => store,
            Ok(None) => return,
            Err(error) => return self.steps.fail(format!("the database can't be looked at: {error}")),
        };
        let looks = {
            let mut last = locked(&self.last);
            last.looks += 1;
            last.looks
        };
        match self.look(store.as_ref(), looks).await {
            Ok(None) => {}
            Ok(Some(broken)) => self.steps.fail(broken),
            Err(fault) => self.steps.fail(format!("the database can't be looked at: {fault}")),
        }
    }

    async fn look(&self, store: &dyn Store, looks: u64) -> Result<Option<String>, Fault> {
        let revision = store.revision(&SourceName::new("shop")).await?;
        {
            let mut last = locked(&self.last);
            if revision < last.revision {
                return Ok(Some(format!("revisions go back: {revision:?} after {:?}", last.revision)));
            }
            last.revision = revision;
        }
        for flow in &self.flows {
            // Before the first start declares the flow there is nothing to count.
            let tally = match store.tally(flow).await {
                Err(_) if revision == Revision(0) => continue,
                tally => tally?,
            };
            if tally.sum() != tally.mirror {
                return Ok(Some(format!("the states of {flow} do not add up: {tally:?}")));
            }
            if looks.is_multiple_of(RECOUNT)
                && let Some(broken) = self.recounted(flow, &tally)
            {
                return Ok(Some(broken));
            }
        }
        match self.marks(store).await? {
            None if looks.is_multiple_of(SELDOM) => self.owners(store).await,
            broken => Ok(broken),
        }
    }

    /// Differences between the tally and the counted rows, and records that the cursor passed without settling them.
    fn recounted(&self, flow: &FlowName, tally: &Tally) -> Option<String> {
        let looking = locked(&self.looking);
        let version = &looking.as_ref()?.version;
        match carried(version, flow) {
            Ok(kinds) if tally.kinds.keys().copied().eq(kinds.iter().copied()) => {}
            Ok(kinds) => return Some(format!("{flow} carries {kinds:?}, and its tally has {:?}", tally.kinds.keys())),
            Err(error) => return Some(format!("the row of {flow} can't be read: {error}")),
        }
        let broken = tally.kinds.iter().find_map(|(kind, states)| match count(version, flow, *kind) {
            Ok(counted) if counted.passed > 0 => {
                Some(format!("the cursor of {flow} passes {} {kind} that are not settled", counted.passed))
            }
            Ok(counted) if counted.is(states) => None,
            Ok(counted) => Some(format!("{kind} of {flow} are {states:?}, and by their rows {counted:?}")),
            Err(error) => Some(format!("the rows of {flow} can't be counted: {error}")),
        });
        let sum: u64 = tally.kinds.values().map(|states| states.mirror).sum();
        broken.or_else(|| (sum != tally.mirror).then(|| format!("the kinds of {flow} do not add up: {tally:?}")))
    }

    /// A lane's mark never goes back further than an answer may be late or the hub's clock is set back, and stays behind the source's time.
    async fn marks(&self, store: &dyn Store) -> Result<Option<String>, Fault> {
        let now = self.clock.now();
        for (lane, state) in store.lanes(&SourceName::new("shop")).await? {
            let Some(at) = state.watermark.as_ref().and_then(|token| since(&token.0)) else { continue };
            let mut last = locked(&self.last);
            let before = last.marks.insert(lane.clone(), at);
            if before.is_some_and(|before| at < before - LATE - self.set_back) {
                return Ok(Some(format!("the mark of lane {lane} goes back from {before:?} to {at}")));
            }
            if Timestamp::from_millis(at + 2_000) > now {
                return Ok(Some(format!("the mark of lane {lane} is at {at}, not behind the source's time {now}")));
            }
        }
        Ok(None)
    }

    /// No item is held by two records.
    async fn owners(&self, store: &dyn Store) -> Result<Option<String>, Fault> {
        for flow in &self.flows {
            let mut owners: BTreeMap<(Kind, RemoteId), Number> = BTreeMap::new();
            for (kind, number, item) in items(store, flow).await? {
                let id = item.id;
                if let Some(other) = owners.insert((kind, id.clone()), number).filter(|other| *other != number) {
                    return Ok(Some(format!("{flow}: {kind} {id} is held by records {} and {}", other.0, number.0)));
                }
            }
        }
        Ok(None)
    }

    /// After a restart of the hub: the stores hold every item as the ledger notes it, and no item that it does not
    /// know. Items in doubt may be sent again.
    pub(crate) async fn after_restart(&self, probe: &Probe, world: &World) -> anyhow::Result<()> {
        let Some(store) = self.store() else { return Ok(()) };
        let store: &dyn Store = store.as_ref();
        let failed = |fault: Fault| anyhow::anyhow!("{fault}");
        if let Some(broken) = self.owners(store).await.map_err(failed)? {
            anyhow::bail!("{broken}");
        }
        let held_there = world.held(&world.clerk);
        let mut sure = BTreeSet::new();
        for flow in &self.flows {
            let market = flow.as_str().trim_start_matches("clerk-");
            let [products, categories] = held_there.get(market).cloned().unwrap_or_default();
            let mut unknown: BTreeSet<(Kind, String)> = products.keys().map(|id| (Kind::Product, id.clone())).collect();
            unknown.extend(categories.keys().map(|id| (Kind::Category, id.clone())));
            for (kind, number, item) in items(store, flow).await.map_err(failed)? {
                let id = item.id.to_string();
                unknown.remove(&(kind, id.clone()));
                if item.digests.is_none() {
                    continue;
                }
                let Some(entry) = store.entry(flow, number).await.map_err(failed)? else { continue };
                let noted = entry.items.iter().find(|noted| noted.id == item.id).map(|noted| noted.payload.object());
                let noted: Option<Value> = noted.map(|object| serde_json::from_str(&object)).transpose()?;
                let mut there = if kind == Kind::Category { &categories } else { &products }.get(&id).cloned();
                // The id is not part of the payload.
                if let Some(object) = there.as_mut().and_then(Value::as_object_mut) {
                    object.shift_remove("id");
                }
                if noted != there {
                    let noted = noted.map(|it| it.to_string());
                    let there = there.map(|it| it.to_string());
                    anyhow::bail!("{flow}: the ledger holds {kind} {id} as {noted:?}, the store as {there:?}");
                }
                if entry.state == State::InSync {
                    let resource = if kind == Kind::Category { "categories" } else { "products" };
                    sure.insert((host_of(market), resource.to_owned(), id));
                }
            }
            anyhow::ensure!(
                unknown.is_empty(),
                "{flow}: the store holds what the ledger knows nothing of: {unknown:?}"
            );
        }
        probe.keep(|host, resource, id| sure.contains(&(host.to_owned(), resource.to_owned(), id.to_owned())));
        Ok(())
    }
}

/// Items of a flow that the destination holds or may hold, with their owners.
async fn items(store: &dyn Store, flow: &FlowName) -> Result<Vec<(Kind, Number, ItemEntry)>, Fault> {
    let mut held = Vec::new();
    for kind in [Kind::Category, Kind::Product] {
        let mut after = Number(0);
        loop {
            let page = store.scan(flow, kind, after, 500).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for work in &page {
                let items = work.entry.iter().flat_map(|entry| &entry.items);
                held.extend(items.map(|item| (kind, work.number, item.clone())));
            }
        }
    }
    Ok(held)
}

/// Records of a kind by state, counted from the rows.
#[derive(Debug)]
struct Counted {
    /// Records, and unread ones among them.
    records: u64,
    unread: u64,
    /// Settled records by the number of their state.
    settled: BTreeMap<u8, u64>,
    /// Records that the cursor passed and whose row is missing or older.
    passed: u64,
}

/// A flow's records of a kind that its cursor has passed and that can be understood, with their rows. A record with a due retry
/// may be settled at an older revision: the retry reads the present one.
const BEHIND: &str = "FROM flow f JOIN record r ON r.source = f.source AND r.urgency < 3 AND r.kind = ?2
    LEFT JOIN ledger l ON l.key = (f.key << 40) + r.n AND (l.revision >= r.revision OR l.state = 4)
    WHERE f.name = ?1 AND f.current AND r.unread = 0
    AND r.revision <= CASE r.urgency WHEN 0 THEN f.urgent WHEN 1 THEN f.live ELSE f.backfill END";

/// The kinds that a flow carries, as its row has them.
fn carried(db: &Connection, flow: &FlowName) -> rusqlite::Result<BTreeSet<Kind>> {
    let mut query = db.prepare_cached("SELECT kinds FROM flow WHERE name = ?1 AND current")?;
    let kinds: u64 = query.query_row([flow.as_str()], |row| row.get(0))?;
    Ok(Kind::ALL.into_iter().filter(|kind| (kinds >> kind.number()) & 1 == 1).collect())
}

fn count(db: &Connection, flow: &FlowName, kind: Kind) -> rusqlite::Result<Counted> {
    let of = (flow.as_str(), kind.number());
    let (records, unread) = db
        .prepare_cached(
            "SELECT count(*), coalesce(sum(r.unread <> 0), 0) FROM flow f
         JOIN record r ON r.source = f.source AND r.kind = ?2 WHERE f.name = ?1 AND f.current",
        )?
        .query_row(of, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut query =
        db.prepare_cached(&format!("SELECT l.state, count(*) {BEHIND} AND l.key IS NOT NULL GROUP BY 1"))?;
    let settled = query.query_map(of, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut query = db.prepare_cached(&format!("SELECT count(*) {BEHIND} AND l.key IS NULL"))?;
    Ok(Counted { records, unread, settled, passed: query.query_row(of, |row| row.get(0))? })
}

impl Counted {
    /// Whether these are the same counts. Records whose id could not be read have no row.
    fn is(&self, states: &States) -> bool {
        let of = |states: &[u8]| states.iter().filter_map(|state| self.settled.get(state)).sum::<u64>();
        let settled = [
            (states.in_sync, of(&[0])),
            (states.filtered, of(&[1])),
            (states.dead, of(&[2])),
            (states.gone, of(&[3])),
            (states.waiting, of(&[5, 6])),
            (states.held, of(&[7])),
        ];
        let strange = states.unread.checked_sub(self.unread);
        let behind: u64 = self.settled.values().sum();
        let pending = (self.records - self.unread).checked_sub(behind).map(|left| left + of(&[4]));
        settled.iter().all(|(told, counted)| told == counted)
            && pending == Some(states.pending)
            && strange.is_some_and(|strange| states.mirror == self.records + strange)
    }
}

/// The instant in a token of a lane that reads changes, in milliseconds.
fn since(token: &str) -> Option<i64> {
    let token: serde_json::Value = serde_json::from_str(token).ok()?;
    match token.get("since")? {
        serde_json::Value::Number(number) => number.as_i64(),
        serde_json::Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond()),
        _ => None,
    }
}
