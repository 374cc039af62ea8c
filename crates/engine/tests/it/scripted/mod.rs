//! The push against destinations that do what Clerk.io does not: imports with tickets, nested records, hiding, calls that
//! may not be repeated, signals. See `conformance::destination::scripted`.

mod events;
mod nested;
mod readback;
mod spaces;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contract::{
    Admin as _, Change, Clock as _, Destination, Ledger as _, Mirror as _,
    source::Urgency,
    store::{EntryView, Hold, Intake, Kept, KeptBy, LaneState, Lease, Number, Tally, Touch},
};
use engine::{
    Decision, Event, Flow, Observer, Push, Turns, decide, mapping::Mapping, observe::Pushed, push::gate::Gate,
};
use model::{
    Category, FlowName, Image, Kind, Locale, Localized, Market, Money, Price, PricePolicy, Product, Record, SourceName,
    StockLevel, Variant, market::Untracked, price::ScopeMatch,
};
use store::sqlite::{Options, Sqlite};
use tokio::sync::{OnceCell, watch};

use crate::push::clock::FakeClock;

const NEWEST: Lease = Lease(u64::MAX);

fn source() -> SourceName {
    "shop".into()
}

fn flow_name() -> FlowName {
    "to".into()
}

struct Deaf;

impl Observer for Deaf {
    fn notify(&self, _: &Event<'_>) {}
}

/// The shop and the database, which outlive a process.
struct Side {
    folder: tempfile::TempDir,
    clock: Arc<FakeClock>,
    versions: AtomicU64,
    fields: Mapping,
}

/// State that a start creates and a crash destroys.
struct Process {
    store: Arc<Sqlite>,
    clock: Arc<FakeClock>,
    push: Push,
    /// Records that a crash left in doubt.
    in_doubt: u64,
}

fn open(folder: &Path) -> Arc<Sqlite> {
    let options = Options { durable: false, dictionary_after: 0, ..Options::default() };
    Arc::new(Sqlite::with_options(&folder.join("cartage.db"), options).unwrap())
}

fn market(key: &str, locale: &str, currency: &str) -> Market {
    Market {
        key: key.into(),
        locales: vec![Locale::parse(locale).unwrap()],
        currency: currency.parse().unwrap(),
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

fn texts(texts: &[(&str, &str)]) -> Localized {
    texts.iter().map(|(tag, text)| (Locale::parse(tag).unwrap(), (*text).to_owned())).collect()
}

/// A product in both markets, in category `c`.
fn product(id: &str, name: &str) -> Product {
    let price = |minor, currency: &str| Price::new(Money::new(minor, currency.parse().unwrap()));
    Product {
        name: texts(&[("de", name), ("en", name)]),
        categories: vec!["c".into()],
        variants: vec![Variant {
            sku: Some(id.into()),
            images: vec![Image { url: "https://img.example/1.jpg".into(), label: None }],
            prices: vec![price(1999, "EUR"), price(1799, "GBP")],
            stock: vec![StockLevel::limited(None, 5)],
            ..Variant::new("1")
        }],
        ..Product::new(id)
    }
}

fn category(id: &str, name: &str) -> Category {
    Category { name: texts(&[("de", name), ("en", name)]), ..Category::new(id) }
}

impl Side {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::default(),
            versions: AtomicU64::new(1),
            fields: Mapping::default(),
        }
    }

    /// Starts a process that pushes into this destination. An older one must be gone.
    async fn start(&self, destination: impl Destination + 'static) -> Process {
        let markets = vec![market("de", "de", "EUR"), market("uk", "en", "GBP")];
        self.begin(open(self.folder.path()), self.flow(flow_name(), markets, Arc::new(destination))).await
    }

    fn flow(&self, name: FlowName, markets: Vec<Market>, destination: Arc<dyn Destination>) -> Arc<Flow> {
        Arc::new(Flow {
            name,
            source: source(),
            markets,
            price_policy: PricePolicy::FirstScope(&[ScopeMatch { group: false, channel: false, country: false }]),
            destination,
            gate: Gate::new(contract::Random::seeded(1)),
            account: OnceCell::new(),
            seen: OnceCell::new(),
            turns: Turns::default(),
            kinds: Kind::CARRIED.to_vec(),
            reference: Arc::default(),
            guard: None,
            products: self.fields.clone(),
            categories: Mapping::default(),
        })
    }

    async fn begin(&self, store: Arc<Sqlite>, flow: Arc<Flow>) -> Process {
        store.declare(&flow.declared()).await.unwrap();
        let in_doubt = store.recover(&flow.name).await.unwrap().in_doubt;
        let push = Push {
            flow,
            store: Arc::<Sqlite>::clone(&store),
            clock: Arc::<FakeClock>::clone(&self.clock),
            observer: Arc::new(Deaf),
            news: watch::channel(0).1,
            filling: watch::channel(0).1,
            stop: watch::channel(false).1,
            first_backoff: Duration::from_millis(500),
        };
        Process { store, clock: Arc::clone(&self.clock), push, in_doubt }
    }

    /// The changes of these records.
    fn is(&self, records: Vec<Record>) -> Vec<Change> {
        let is = |record| {
            let version = self.versions.fetch_add(1, Ordering::SeqCst);
            Change::Is { record, version, modified_at: None }
        };
        records.into_iter().map(is).collect()
    }
}

impl Process {
    /// Stores a page.
    async fn read(&self, changes: Vec<Change>) {
        let at = self.clock.now();
        let page = Intake {
            source: source(),
            lane: "catalogue".to_owned(),
            lease: NEWEST,
            state: LaneState::default(),
            expected: None,
            as_of: at,
            fetched: false,
            scopes: Vec::new(),
            hints: Vec::new(),
            changes,
            unread: Vec::new(),
            confirm: Vec::new(),
            pass: None,
            marks: false,
            urgency: Urgency::Live,
            at,
        };
        self.store.intake(page).await.unwrap();
        let touch = Touch { source: source(), lease: NEWEST, at };
        while self.store.spread(&touch, 500).await.unwrap() > 0 {}
        self.clock.advance(Duration::from_millis(1));
    }

    async fn is_gone(&self, kind: Kind, id: &str) {
        self.read(vec![Change::Gone { kind, id: id.into(), version: None }]).await;
    }

    /// Pushes until it is idle, at this instant.
    async fn once(&self) -> Pushed {
        let pushed = self.push.until_idle().await.unwrap();
        assert_eq!(pushed.paused, None);
        self.adds_up().await;
        pushed
    }

    /// Pushes until no work is left, waiting for retries and imports.
    async fn settle(&self) {
        for _ in 0..60 {
            let resume_at = self.once().await.resume_at;
            let wake = self.store.next_wake(&self.push.flow.name).await.unwrap();
            match resume_at.or_else(|| [wake.retry, wake.ask].into_iter().flatten().min()) {
                Some(at) => self.clock.advance_to(at),
                None => return,
            }
        }
        panic!("it never comes to rest: {:?}", self.tally().await);
    }

    /// What waits for a person, because nobody knows what became of a call.
    async fn held(&self) -> Vec<Kept> {
        self.store.kept(&self.push.flow.name, KeptBy::Hold(Hold::UnknownOutcome), 10).await.unwrap()
    }

    async fn decide(&self, numbers: &[Number], decision: Decision) -> u64 {
        let flow = self.push.flow.as_ref();
        decide(flow, self.store.as_ref(), self.clock.now(), numbers, decision).await.unwrap()
    }

    async fn tally(&self) -> Tally {
        self.store.tally(&self.push.flow.name).await.unwrap()
    }

    async fn adds_up(&self) {
        let tally = self.tally().await;
        assert_eq!(tally.sum(), tally.mirror, "{tally:?}");
    }

    async fn number(&self, kind: Kind, id: &str) -> Number {
        let found = self.store.find(&source(), id).await.unwrap();
        found.into_iter().find(|found| found.kind == kind).unwrap().number
    }

    /// The ledger's entry of a record.
    async fn entry(&self, kind: Kind, id: &str) -> EntryView {
        let number = self.number(kind, id).await;
        self.store.entry(&self.push.flow.name, number).await.unwrap().unwrap()
    }
}
