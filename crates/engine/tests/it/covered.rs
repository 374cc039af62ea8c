//! A lane whose records come by another lane's full walk as well: nothing is read twice that need not be, and nothing is
//! missed for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use conformance::destination::scripted::nested::{Nested, Service};
use contract::{
    Change, Clock, Fault, Lane, Next, Page, Position, Source, SourceDescriptor, Token,
    executor::{Executor, Job},
    source::Finding,
    store::{LaneState, Retention},
};
use engine::{
    Flow, Turns,
    mapping::Mapping,
    market::CachedReference,
    pull::{Mode, Pull, Stopped},
    push::gate::Gate,
    run::{Engine, Health, Origin, SyncOptions, Synced},
};
use model::{Channel, Kind, Localized, PricePolicy, Record, SourceName, Timestamp};
use proptest::{prelude::*, test_runner::TestCaseResult};
use store::sqlite::{Options, Sqlite};
use tokio::sync::{OnceCell, oneshot, watch};

use crate::{
    pull::{Deaf, lane},
    push::clock::FakeClock,
};

static DESCRIPTOR: SourceDescriptor = SourceDescriptor {
    name: "shop",
    title: "Shop",
    price_policy: PricePolicy::FirstScope(&[]),
    lacks: &[],
    lacks_with: &[],
    leaves_out: &[],
};

const PAGE: usize = 2;
/// How often everything is read.
const FULL_EVERY: Duration = Duration::from_mins(30);

/// The lane that sweeps.
fn products() -> Lane {
    Lane { name: "products".into(), interval_seconds: (10, 60), ..lane() }
}

/// The same records again: some of their changes move no date.
fn variants() -> Lane {
    Lane {
        name: "variants".into(),
        sweeps: Vec::new(),
        delta: false,
        needed: false,
        interval_seconds: (60, 600),
        covered_by: Some("products".into()),
        ..lane()
    }
}

/// A record of the shop: its text, and when it changed in a way that moves its date.
type Row = (u64, u64);

/// A shop whose records are read two at a time, in the order of their ids.
struct Shop {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    /// How long a page takes.
    takes: Duration,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<u64, Row>,
    /// Grows with each change.
    date: u64,
    /// What was asked for, and when.
    asked: Vec<(Timestamp, String, Position)>,
    /// So many pages are given before a call fails; `None`: all.
    pages: Option<usize>,
}

impl Shop {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, id: u64, moves_date: bool) {
        let mut state = self.state();
        state.date += 1;
        let date = state.date;
        let row = state.rows.entry(id).or_insert((0, date));
        *row = (date, if moves_date { date } else { row.1 });
    }
}

fn change(id: u64, text: u64) -> Change {
    let (id, key, name) = (id.to_string().as_str().into(), text.to_string(), Localized::empty());
    Change::Is { record: Record::Channel(Channel { id, key, name, untracked: None }), version: 0, modified_at: None }
}

#[async_trait]
impl Source for Shop {
    fn descriptor(&self) -> &'static SourceDescriptor {
        &DESCRIPTOR
    }

    fn lanes(&self) -> Vec<Lane> {
        vec![products(), variants()]
    }

    async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        {
            let mut state = self.state();
            state.asked.push((self.clock.now(), lane.name.to_string(), position.clone()));
            if let Some(pages) = &mut state.pages {
                *pages = pages.checked_sub(1).ok_or_else(|| Fault::transient("C0999", "not now"))?;
            }
        }
        if !self.takes.is_zero() {
            self.clock.sleep_until(self.clock.now().plus(self.takes)).await;
        }
        let state = self.state();
        // Changes since when, the date at which the walk began, and the last record that was read.
        let (since, began, after) = match position {
            Position::Full => (0, state.date, 0),
            Position::Delta(Token(mark)) => (mark.parse::<u64>().unwrap(), state.date, 0),
            Position::Within(Token(place)) => {
                let numbers: Vec<u64> = place.split(' ').map(|number| number.parse().unwrap()).collect();
                (numbers[0], numbers[1], numbers[2])
            }
        };
        let there = state.rows.iter().filter(|(id, (_, date))| **id > after && *date > since);
        let rows: Vec<_> = there.take(PAGE + 1).map(|(id, (text, _))| (*id, *text)).collect();
        let next = match rows.get(PAGE) {
            Some(_) => Next::Within(Token(format!("{since} {began} {}", rows[PAGE - 1].0))),
            None => Next::End(Token(began.to_string())),
        };
        let changes = rows.into_iter().take(PAGE).map(|(id, text)| change(id, text)).collect();
        Ok(Page { changes, unread: Vec::new(), next, age: Duration::ZERO })
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn calls(&self) -> u64 {
        self.state().asked.len() as u64
    }
}

/// Does the store's work at once.
struct Inline;

#[async_trait]
impl Executor for Inline {
    async fn execute(&self, job: Job) {
        tokio::task::yield_now().await;
        job();
    }
}

/// A hub that reads a shop, and what remains when it ends.
struct Hub {
    shop: Arc<Shop>,
    clock: Arc<dyn Clock>,
    folder: tempfile::TempDir,
    engine: Arc<Engine>,
}

impl Hub {
    fn new(rows: u64, clock: Arc<dyn Clock>, takes: Duration) -> Self {
        let shop = Arc::new(Shop { state: Mutex::default(), clock: Arc::clone(&clock), takes });
        (1..=rows).for_each(|id| shop.change(id, true));
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&shop, &clock, &folder);
        Self { shop, clock, folder, engine }
    }

    /// The same after a crash.
    fn restarted(self) -> Self {
        let Self { shop, clock, folder, engine: before } = self;
        drop(before);
        let engine = engine(&shop, &clock, &folder);
        Self { shop, clock, folder, engine }
    }

    fn pull(&self) -> &Pull {
        &self.engine.origins[0].pull
    }

    async fn sync(&self, full: bool) -> Synced {
        let options = SyncOptions { full, flows: Vec::new(), patience: Duration::ZERO };
        self.engine.sync(&options, &watch::channel(false).1).await.unwrap()
    }

    async fn state(&self, lane: &Lane) -> LaneState {
        self.pull().store.lane(&self.pull().name, &lane.name).await.unwrap()
    }

    /// Texts of the records that the mirror holds.
    async fn mirrored(&self) -> BTreeMap<u64, u64> {
        let found = self.pull().store.read(&self.pull().name, Kind::Channel, None, 1000).await.unwrap();
        let row = |record| match record {
            Record::Channel(channel) => (channel.id.as_str().parse().unwrap(), channel.key.parse().unwrap()),
            other => panic!("{other:?}"),
        };
        found.into_iter().filter_map(|found| found.record).map(row).collect()
    }

    /// What was asked for since the last time: lanes with their positions.
    fn asked(&self) -> Vec<(String, Position)> {
        let asked = std::mem::take(&mut self.shop.state().asked);
        asked.into_iter().map(|(_, lane, position)| (lane, position)).collect()
    }
}

fn engine(shop: &Arc<Shop>, clock: &Arc<dyn Clock>, folder: &tempfile::TempDir) -> Arc<Engine> {
    let options = Options { durable: false, dictionary_after: 0, ..Options::default() };
    let store = Sqlite::with_executor(&folder.path().join("cartage.db"), options, Arc::new(Inline)).unwrap();
    let store: Arc<dyn contract::Store> = Arc::new(store);
    let name = SourceName::from("shop");
    let pull = Pull {
        name: name.clone(),
        source: Arc::clone(shop) as Arc<dyn Source>,
        store: Arc::clone(&store),
        clock: Arc::clone(clock),
        observer: Arc::new(Deaf),
        guard: None,
        news: watch::channel(0).0,
        hinted: watch::channel(0).0,
        turns: Turns::default(),
    };
    let origin = Origin {
        pull,
        filling: watch::channel(0).0,
        ready: watch::channel(false).0,
        cadence: BTreeMap::new(),
        full_every: FULL_EVERY,
        hooks: None,
    };
    // It carries none of the records: a pass reads what flows need.
    let flow = Flow {
        name: "to".into(),
        source: name,
        markets: Vec::new(),
        price_policy: PricePolicy::FirstScope(&[]),
        destination: Arc::new(Nested::new(&Arc::<Service>::default())),
        gate: Gate::new(contract::Random::seeded(1)),
        account: OnceCell::new(),
        seen: OnceCell::new(),
        turns: Turns::default(),
        kinds: Kind::CATALOGUE.to_vec(),
        reference: Arc::<CachedReference>::default(),
        guard: None,
        products: Mapping::default(),
        categories: Mapping::default(),
    };
    Arc::new(Engine {
        origins: vec![Arc::new(origin)],
        flows: vec![Arc::new(flow)],
        store,
        clock: Arc::clone(clock),
        observer: Arc::new(Deaf),
        first_backoff: Duration::from_millis(500),
        retention: Retention::default(),
        health: Arc::new(Health::default()),
    })
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

fn lanes(asked: &[(String, Position)]) -> Vec<&str> {
    let mut lanes: Vec<&str> = asked.iter().map(|(lane, _)| lane.as_str()).collect();
    lanes.dedup();
    lanes
}

#[test]
fn a_full_walk_is_one_of_both_lanes_and_a_delta_is_not() {
    run(async {
        let clock = Arc::new(FakeClock::default());
        let hub = Hub::new(5, clock.clone(), Duration::ZERO);
        hub.engine.register().await.unwrap();
        let began = clock.now();
        let synced = hub.sync(false).await;
        let walked: Vec<_> =
            synced.lanes.iter().map(|(_, lane, walked)| (lane.as_str(), walked.clone().unwrap())).collect();
        let told = walked.iter().map(|(lane, walked)| (*lane, walked.full, walked.taken.new));
        assert_eq!(told.collect::<Vec<_>>(), [("products", true, 5), ("variants", true, 0)]);
        assert_eq!(hub.asked().len(), 3, "5 records are 3 pages");
        let (one, other) = (hub.state(&products()).await, hub.state(&variants()).await);
        assert_eq!((other.full_at, other.full_as_of), (one.full_at, one.full_as_of));
        assert!(other.read_at.is_some_and(|at| at >= began) && other.full_pass == other.passes);

        clock.advance(Duration::from_mins(1));
        hub.shop.change(3, false);
        hub.sync(false).await;
        assert_eq!(lanes(&hub.asked()), ["products", "variants"], "a delta does not find it");
        assert_eq!(hub.mirrored().await[&3], hub.shop.state().rows[&3].0);
        clock.advance(Duration::from_mins(1));
        hub.sync(true).await;
        assert_eq!(lanes(&hub.asked()), ["products"]);
        clock.advance(FULL_EVERY);
        hub.sync(false).await;
        assert_eq!(lanes(&hub.asked()), ["products"]);
    });
}

#[test]
fn what_a_lane_could_not_read_and_another_lane_reads_is_unread_no_more() {
    run(async {
        let hub = Hub::new(1, Arc::new(FakeClock::default()), Duration::ZERO);
        hub.engine.register().await.unwrap();
        hub.shop.state().pages = Some(0);
        let failed = hub.sync(false).await;
        assert!(failed.lanes.iter().all(|(_, _, walked)| walked.is_err()));
        assert!(hub.state(&variants()).await.fault.is_some());
        hub.shop.state().pages = None;
        hub.sync(false).await;
        assert_eq!(hub.state(&variants()).await.fault, None);
    });
}

/// What happens to a shop and to the hub that reads it.
#[derive(Clone, Debug)]
enum Act {
    Change(u64, bool),
    Remove(u64),
    Sync(bool),
    /// A pass that fails after so many pages, and in which the hub ends.
    Cut(bool, usize),
    /// The hub ends between the end of one lane's walk and the turn of the other.
    WalkAlone,
    Wait(u64),
    SetBack(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1..8u64, any::<bool>()).prop_map(|(id, dated)| Act::Change(id, dated)),
        2 => (1..8u64).prop_map(Act::Remove),
        4 => any::<bool>().prop_map(Act::Sync),
        3 => (any::<bool>(), 0..7usize).prop_map(|(full, pages)| Act::Cut(full, pages)),
        1 => Just(Act::WalkAlone),
        2 => (1..3_600u64).prop_map(Act::Wait),
        1 => (1..3_600u64).prop_map(Act::SetBack),
    ];
    proptest::collection::vec(act, 1..24)
}

/// After each pass the mirror shows the shop, and no record was read twice that did not have to be.
async fn holds(acts: Vec<Act>) -> TestCaseResult {
    let clock = Arc::new(FakeClock::default());
    let mut hub = Hub::new(5, clock.clone(), Duration::ZERO);
    hub.engine.register().await.unwrap();
    let mut was_set_back = false;
    for act in acts.into_iter().chain([Act::Sync(false), Act::Sync(true)]) {
        match act {
            Act::Change(id, dated) => {
                // A new record has a new date.
                let dated = dated || !hub.shop.state().rows.contains_key(&id);
                hub.shop.change(id, dated);
            }
            Act::Remove(id) => {
                hub.shop.state().rows.remove(&id);
            }
            Act::Sync(full) => {
                let synced = hub.sync(full).await;
                let of = |lane: &str| synced.lanes.iter().find(|(_, name, _)| name == lane).unwrap().2.clone().unwrap();
                prop_assert!(of("variants").full);
                let there: BTreeMap<u64, u64> =
                    hub.shop.state().rows.iter().map(|(id, (text, _))| (*id, *text)).collect();
                let mut mirrored = hub.mirrored().await;
                // What was deleted behind a full walk that was cut off is found by the next full one.
                let walked = of("products");
                if !walked.full || (walked.resumed && !full) {
                    mirrored.retain(|id, _| there.contains_key(id));
                }
                prop_assert_eq!(mirrored, there);
                let asked = hub.asked();
                let begins = asked.iter().filter(|(_, position)| *position == Position::Full).count();
                prop_assert!(begins > 0, "changes without a date are found by full walks alone");
                prop_assert!(begins == 1 || was_set_back, "{:?}", asked);
                was_set_back = false;
                let (one, other) = (hub.state(&products()).await, hub.state(&variants()).await);
                prop_assert!(other.full_as_of >= one.full_as_of.filter(|_| of("products").full));
                prop_assert!(other.walk.is_none() && other.full_pass == other.passes);
            }
            Act::Cut(full, pages) => {
                hub.shop.state().pages = Some(pages);
                hub.sync(full).await;
                hub.shop.state().pages = None;
                hub.asked();
                hub = hub.restarted();
                hub.engine.register().await.unwrap();
            }
            Act::WalkAlone => {
                hub.pull().walk(&products(), Mode::Everything).await.map_err(Stopped::fault).unwrap();
                hub.asked();
                hub = hub.restarted();
                hub.engine.register().await.unwrap();
            }
            Act::Wait(seconds) => clock.advance(Duration::from_secs(seconds)),
            Act::SetBack(seconds) => {
                clock.set_back(Duration::from_secs(seconds));
                was_set_back = true;
            }
        }
        clock.advance(Duration::from_secs(1));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_pass_shows_the_shop_and_reads_nothing_twice(acts in acts()) {
        run(holds(acts))?;
    }
}

/// A clock that its owner moves from one wait to the next.
struct Stepped {
    now: AtomicI64,
    waits: Mutex<BTreeMap<(i64, usize), oneshot::Sender<()>>>,
}

impl Stepped {
    fn new() -> Self {
        Self { now: AtomicI64::new(1_777_629_600_000), waits: Mutex::default() }
    }

    fn waits(&self) -> MutexGuard<'_, BTreeMap<(i64, usize), oneshot::Sender<()>>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets so much time pass, wait by wait.
    async fn pass(&self, time: Duration) {
        let end = self.now().plus(time).millis();
        loop {
            for _ in 0..64 {
                tokio::task::yield_now().await;
            }
            let next = self.waits().pop_first();
            let Some(((at, _), ends)) = next else { continue };
            self.now.fetch_max(at.min(end), Ordering::Relaxed);
            // Whoever waited may have gone.
            let _gone = ends.send(());
            if at >= end {
                return;
            }
        }
    }
}

#[async_trait]
impl Clock for Stepped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }

    async fn sleep_until(&self, at: Timestamp) {
        let ended = {
            let mut waits = self.waits();
            let (ends, ended) = oneshot::channel();
            let number = waits.last_key_value().map_or(0, |((_, number), _)| number + 1).max(waits.len());
            waits.insert((at.millis(), number), ends);
            ended
        };
        let _ended = ended.await;
    }
}

/// Walks over everything: when they began and ended, by lane.
fn full_walks(asked: &[(Timestamp, String, Position)], takes: Duration) -> Vec<(&str, Timestamp, Timestamp)> {
    let mut walks: Vec<(&str, Timestamp, Timestamp)> = Vec::new();
    for (at, lane, position) in asked {
        match position {
            Position::Full => walks.push((lane, *at, at.plus(takes))),
            Position::Within(Token(place)) if place.starts_with("0 ") => {
                let walk = walks.iter_mut().rev().find(|(of, _, _)| of == lane).unwrap();
                walk.2 = at.plus(takes);
            }
            _ => {}
        }
    }
    walks
}

#[test]
fn a_running_hub_reads_everything_at_its_pace_by_one_lane_or_the_other() {
    run(async {
        let clock = Arc::new(Stepped::new());
        let takes = Duration::from_secs(20);
        // A full walk takes two minutes.
        let hub = Hub::new(12, clock.clone(), takes);
        hub.engine.register().await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let engine = Arc::clone(&hub.engine);
        let running = tokio::spawn(async move { engine.run(&stopped).await });
        clock.pass(Duration::from_mins(80)).await;
        let asked = std::mem::take(&mut hub.shop.state().asked);
        let walks = full_walks(&asked, takes);
        let of = |lane: &'static str| walks.iter().filter(move |(of, _, _)| *of == lane);
        assert!(walks[0].0 == "products" && of("products").count() >= 2, "{walks:?}");
        assert!(of("variants").count() >= 4, "{walks:?}");
        for (_, begins, ends) in of("products") {
            let beside = of("variants").find(|(_, begun, _)| begins < begun && begun < ends);
            assert!(beside.is_none(), "{beside:?} of {walks:?}");
        }
        for pair in walks.windows(2) {
            let apart = pair[0].1.until(pair[1].1);
            // Its own pace is 1 to 10 minutes from the end of a walk, and one that began before the other is no reason to wait.
            let least = if pair[1].0 == "products" { Duration::ZERO } else { Duration::from_mins(1) };
            assert!((least..=Duration::from_mins(13)).contains(&apart), "{pair:?} of {walks:?}");
        }
        stop.send_replace(true);
        clock.pass(Duration::from_mins(1)).await;
        running.await.unwrap().unwrap();
    });
}
