//! The push loop against a destination that fails at random, cut off and disturbed at counted points: the invariants
//! must hold at every stop, and in the end the destination holds exactly the right items.

mod bounds;
pub(crate) mod clock;
mod destination;
mod ears;
mod guard;
mod histories;
mod isolation;
mod order;
mod prices;
mod script;
mod shared;
mod shop;
mod steady;

use std::{
    collections::{BTreeSet, VecDeque},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contract::{
    Admin as _, Change, Clock, Destination, Ledger as _, Limits, Mirror as _,
    destination::Ids,
    source::Urgency,
    store::{Number, State, Work},
};
use engine::{
    Flow, Push, Turns,
    mapping::Mapping,
    market::CachedReference,
    observe::Pushed,
    push::{gate::Gate, guard::Guard},
};
use model::{FlowName, Kind, Locale, Market, PricePolicy, market::Untracked, price::ScopeMatch};
use store::sqlite::{Options, Sqlite};
use tokio::sync::{OnceCell, watch};

use self::{
    clock::FakeClock,
    destination::{Fake, difference, object},
    ears::Ears,
    script::{Hook, Script},
    shop::{Held, Shop, page, product_of, source},
    steady::{Asked, Steady, wait},
};

const FIRST_BACKOFF: Duration = Duration::from_millis(500);

/// Everything that a push needs, and the database, which remains after a crash.
struct Rig {
    folder: tempfile::TempDir,
    clock: Arc<FakeClock>,
    script: Script,
    ears: Arc<Ears>,
    fake: Arc<Fake>,
    gate: Arc<Gate>,
    reference: Arc<CachedReference>,
    /// How often the store was asked, by method.
    asked: Asked,
    /// `None`: any number may be removed.
    guard: Option<Guard>,
    market: Market,
    policy: PricePolicy,
    /// The user's own product fields.
    products: Mapping,
    shop: Arc<Mutex<Shop>>,
    store: Arc<Sqlite>,
    news: watch::Sender<u64>,
    filling: watch::Sender<u32>,
}

fn open(folder: &Path) -> Arc<Sqlite> {
    let options = Options { durable: false, dictionary_after: 0, ..Options::default() };
    Arc::new(Sqlite::with_options(&folder.join("cartage.db"), options).unwrap())
}

fn market() -> Market {
    Market {
        key: "en".into(),
        locales: vec![Locale::parse("en").unwrap()],
        currency: "EUR".parse().unwrap(),
        country: None,
        customer_group: None,
        price_channel: None,
        supply_channels: Vec::new(),
        store: None,
        time_zone: "UTC".into(),
        product_url: "https://shop.example/p/{id}".into(),
        category_url: "https://shop.example/c/{id}".into(),
        untracked: Untracked::Available,
    }
}

fn flow_name() -> FlowName {
    "to".into()
}

/// How a push ended.
#[derive(Debug)]
enum Ended {
    Idle(Pushed),
    Cut,
}

impl Rig {
    fn new(products: usize, limits: Limits, granular: bool) -> Self {
        Self::with(products, limits, granular, Ids::Own)
    }

    /// If products may claim the same item.
    fn sharing(products: usize, limits: Limits, granular: bool) -> Self {
        Self::with(products, limits, granular, Ids::Shared)
    }

    fn with(products: usize, limits: Limits, granular: bool, ids: Ids) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FakeClock::default());
        let script = Script::default();
        let rig = Self {
            ears: Arc::new(Ears::new(Arc::clone(&clock))),
            fake: Arc::new(Fake::new(script.clone(), limits, granular, ids)),
            gate: Gate::new(contract::Random::seeded(1)),
            reference: Arc::default(),
            asked: Asked::default(),
            guard: None,
            market: market(),
            products: Mapping::default(),
            policy: PricePolicy::FirstScope(&[ScopeMatch { group: false, channel: false, country: false }]),
            shop: Arc::new(Mutex::new(Shop::new(products))),
            store: open(folder.path()),
            news: watch::channel(0).0,
            filling: watch::channel(0).0,
            folder,
            clock,
            script,
        };
        rig.register();
        let shop = |rig: &Self| rig.shop().all();
        rig.read(shop(&rig), Urgency::Backfill);
        rig
    }

    /// A rig whose flow keeps a history of prices.
    fn pricing() -> Self {
        let rig = Self::new(0, limits(10), false);
        let fake = Fake::new(rig.script.clone(), limits(10), false, Ids::Own).keeping_prices();
        let rig = Self { fake: Arc::new(fake), ..rig };
        rig.register();
        rig
    }

    /// A rig whose destination never changes the price of an item that exists.
    fn fixing_prices(products: usize, limits: Limits, granular: bool) -> Self {
        let rig = Self::new(products, limits, granular);
        let fake = Fake::new(rig.script.clone(), limits, granular, Ids::Own).fixing_prices();
        let rig = Self { fake: Arc::new(fake), ..rig };
        rig.register();
        rig
    }

    fn shop(&self) -> std::sync::MutexGuard<'_, Shop> {
        self.shop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flow(&self) -> Arc<Flow> {
        Arc::new(Flow {
            name: flow_name(),
            source: source(),
            markets: vec![self.market.clone()],
            price_policy: self.policy,
            destination: Arc::<Fake>::clone(&self.fake),
            gate: Arc::clone(&self.gate),
            reference: Arc::clone(&self.reference),
            account: OnceCell::new(),
            seen: OnceCell::new(),
            turns: Turns::default(),
            kinds: Kind::CARRIED.to_vec(),
            guard: self.guard,
            products: self.products.clone(),
            categories: Mapping::default(),
        })
    }

    fn register(&self) {
        wait(self.store.declare(&self.flow().declared())).unwrap();
        wait(self.store.recover(&flow_name())).unwrap();
    }

    /// As after a crash.
    fn reopen(self) -> Self {
        let Self { folder, store, .. } = self;
        drop(store);
        let store = open(folder.path());
        let rig =
            Self { folder, store, gate: Gate::new(contract::Random::seeded(1)), reference: Arc::default(), ..self };
        rig.register();
        rig
    }

    /// Stores a page.
    fn read(&self, changes: Vec<Change>, urgency: Urgency) {
        wait(self.store.intake(page(changes, urgency, self.clock.now()))).unwrap();
        self.news.send_modify(|news| *news += 1);
    }

    /// Carries out waiting touches.
    fn spread(&self) {
        let touch = contract::store::Touch { source: source(), lease: shop::NEWEST, at: self.clock.now() };
        while wait(self.store.spread(&touch, 500)).unwrap() > 0 {}
    }

    fn push(&self) -> Push {
        let store = Steady {
            inner: Arc::clone(&self.store),
            script: self.script.clone(),
            ears: Arc::clone(&self.ears),
            asked: self.asked.clone(),
        };
        Push {
            flow: self.flow(),
            store: Arc::new(store),
            clock: Arc::<FakeClock>::clone(&self.clock),
            observer: Arc::<Ears>::clone(&self.ears),
            news: self.news.subscribe(),
            filling: self.filling.subscribe(),
            stop: watch::channel(false).1,
            first_backoff: FIRST_BACKOFF,
        }
    }

    /// Pushes until it is idle or cut off.
    async fn run(&self, seed: u64, cut_at: Option<u32>, hooks: VecDeque<(u32, Hook)>) -> Ended {
        self.script.begin(seed, cut_at, hooks);
        self.ears.begin();
        let push = self.push();
        let ended = tokio::select! {
            biased;
            () = self.script.cut() => Ended::Cut,
            pushed = push.until_idle() => Ended::Idle(pushed.unwrap()),
        };
        // The runtime drops abandoned calls.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.script.begin(seed, None, VecDeque::new());
        ended
    }

    /// Pushes without faults or cuts until no work is left, waiting for retries; returns the result.
    async fn settle(&self) -> Pushed {
        self.fake.behave(0, 0);
        let mut sum = Pushed::default();
        for _ in 0..200 {
            let Ended::Idle(pushed) = self.run(0, None, VecDeque::new()).await else { panic!("nothing was cut") };
            let (paused, resume_at) = (pushed.paused.is_some(), pushed.resume_at);
            sum.add(pushed);
            let wake = wait(self.store.next_wake(&flow_name())).unwrap();
            match resume_at.or_else(|| [wake.retry, wake.ask].into_iter().flatten().min()) {
                Some(at) => self.clock.advance_to(at),
                None if !paused => return sum,
                None => {}
            }
        }
        let works = self.works().into_iter().filter(|work| {
            let state = work.entry.as_ref().map(|entry| &entry.state);
            state.is_some_and(|state| matches!(state, State::Retry(_) | State::AwaitsImport))
        });
        let open: Vec<_> = works.map(|work| (work.id, work.revision, work.entry)).collect();
        panic!("it never comes to rest: {sum:?}: {open:?}, {:?}", wait(self.store.tickets(&flow_name())));
    }

    /// Every carried record with its entry.
    fn works(&self) -> Vec<Work> {
        let scan = |kind| wait(self.store.scan(&flow_name(), kind, Number(0), 100_000)).unwrap();
        Kind::CARRIED.into_iter().flat_map(scan).collect()
    }

    /// Invariants while no push is under way.
    fn is_sound(&self) -> Result<(), String> {
        let tally = wait(self.store.tally(&flow_name())).unwrap();
        let sum = tally.sum();
        if sum != tally.mirror || tally.mirror != self.shop().known() {
            return Err(format!("the states don't add up to {}: {tally:?}", self.shop().known()));
        }
        let wrongs = [self.fake.wrongs(), self.ears.wrongs()].concat();
        if !wrongs.is_empty() {
            return Err(wrongs.join("\n"));
        }
        // Every item at the destination is in the ledger, and items that are not in doubt are as noted.
        let held = self.fake.held();
        let mut known = BTreeSet::new();
        for work in self.works() {
            let Some(entry) = &work.entry else { continue };
            let view = wait(self.store.entry(&flow_name(), work.number)).unwrap().unwrap();
            for item in &entry.items {
                let key = (work.kind, item.id.to_string());
                // For asynchronous calls the ledger has the future payloads.
                if item.digests.is_some() && entry.state != State::AwaitsImport {
                    let payload = view.items.iter().find(|stored| stored.id == item.id).map(|it| object(&it.payload));
                    if held.get(&key) != payload.as_ref() {
                        let holds = held.get(&key);
                        return Err(format!("{} {} holds {holds:?}, the ledger says {payload:?}", key.0, key.1));
                    }
                }
                known.insert(key);
            }
        }
        for ticketed in wait(self.store.tickets(&flow_name())).unwrap() {
            known.extend(ticketed.items.into_iter().map(|(_, item)| (ticketed.kind, item.to_string())));
        }
        match held.keys().find(|key| !known.contains(*key)) {
            Some((kind, id)) => Err(format!("{kind} {id} is held, and the ledger knows nothing of it")),
            None => Ok(()),
        }
    }

    /// Once no work is left: the destination holds the right items.
    fn is_right(&self) -> Result<(), String> {
        self.is_sound()?;
        if self.fake.ids() == Ids::Shared {
            return self.is_shared_right();
        }
        let tally = wait(self.store.tally(&flow_name())).unwrap();
        let shop = self.shop();
        if tally.pending + tally.waiting > 0 || tally.dead != shop.dead() {
            return Err(format!("it is not at rest, or has not {} dead: {tally:?}", shop.dead()));
        }
        let letters = wait(self.store.dead(&flow_name(), 1000)).unwrap();
        if letters.len() as u64 != shop.dead() {
            return Err(format!("{} dead letters rather than {}", letters.len(), shop.dead()));
        }
        // Items of records that can't be sent stay as they were.
        let arrives = |(kind, id): &(Kind, String)| {
            let goods =
                if *kind == Kind::Product { product_of(id).and_then(|it| shop.products[it].as_ref()) } else { None };
            goods.is_none_or(|goods| match goods.nature {
                _ if goods.price.is_none() => true,
                shop::Nature::Good => true,
                shop::Nature::Poison => !id.ends_with(".0"),
                shop::Nature::Unmakeable | shop::Nature::Toxic => false,
            })
        };
        let only = |held: Held| held.into_iter().filter(|(key, _)| arrives(key)).collect::<Held>();
        let (got, wanted) = (only(self.fake.held()), only(shop.wanted()));
        if got == wanted { Ok(()) } else { Err(difference(&got, &wanted)) }
    }
}

/// A runtime whose tasks take turns.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn limits(items: usize) -> Limits {
    Limits { items, bytes: 1_000_000, concurrency: 2 }
}

fn calls(fake: &Fake) -> u64 {
    Destination::calls(fake)
}
