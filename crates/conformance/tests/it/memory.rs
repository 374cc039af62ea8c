//! A shop in memory and a source that reads it, either correctly or with one mistake.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use conformance::{
    source::{Clock, Failure, Shop},
    store::samples,
};
use contract::{
    Change, Fault, Fetched, Lane, Next, Page, Position, Ref, Source, SourceDescriptor, Token,
    source::{Finding, Unread, Urgency},
};
use model::{Kind, RecordId, Timestamp};

const SECRET: &str = "hunter2-hunter2";
const LAG: Duration = Duration::from_secs(5);

/// Mistakes of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    /// Two lanes have one name.
    LanesAlike,
    /// A lane that products need is read after them.
    NeededLast,
    /// A lane is covered by one that shows its records in another form.
    CoversOthers,
    /// A lane is covered by one that comes after it.
    CoversLate,
    /// A lane that is covered has deltas.
    CoversDelta,
    /// The last record is never read.
    LosesLast,
    /// Begins the next page with the last record of the page before.
    Doubles,
    LargePages,
    /// Goes on from its own memory, whatever the token says.
    Remembers,
    /// Pages by offset.
    Offset,
    /// Pages by offset, and declares that its walks may miss records: that is no mistake.
    Unstable,
    /// Leaves out records that are asked for by id.
    FetchesNothing,
    /// Answers a request by id with all records.
    FetchesAll,
    /// Leaves out deleted records that are asked for by id.
    FetchesNoDeletion,
    /// Treats any token as the beginning.
    AnyToken,
    Uncounted,
    /// Every delta is a full walk.
    Everything,
    /// The next delta starts where this walk ended, not where it began.
    MarkAtEnd,
    /// A delta goes on to the latest change.
    NeverEnds,
    /// Goes on after the instant of the last record.
    Ties,
    /// Gives records in the form in which it first saw them.
    Cache,
    VersionStands,
    /// Reports deleted records as existing.
    GoneIsThere,
    /// Deletes a record by a version that is lower than the record's own.
    GoneTooOld,
    /// Does not report deletions.
    KeepsGone,
    NoLag,
    OurClock,
    TheirClock,
    SwallowsBad,
    BadStops,
    /// Drops the records after a bad record on its page.
    BadSpreads,
    NeverRenews,
    AsksTenTimes,
    NoWait,
    /// Reports all faults as transient.
    AllPasses,
    /// Reports all faults as faults of the configuration.
    AllStays,
    /// Treats an answer that it can't read as an empty page.
    EmptyOnTrouble,
    /// Skips a page that failed.
    SkipsFailed,
    /// Treats a read that was dropped as still under way.
    StaysBusy,
    TellsSecret,
    ShowsSecret,
    FindsNothing,
}

/// A product, or its tombstone.
#[derive(Clone)]
struct Row {
    name: String,
    version: u64,
    at: i64,
    gone: bool,
}

#[derive(Default)]
struct World {
    /// The shop's clock, and ours.
    clock: i64,
    ours: i64,
    rows: BTreeMap<String, Row>,
    added: u64,
    spoiled: Option<String>,
    failure: Option<Failure>,
    /// Grants of an earlier number are refused.
    grant: u64,
}

pub(crate) struct Memory {
    world: Arc<Mutex<World>>,
    wrong: Wrong,
}

/// The instant at which a shop begins: 1 June 2026.
const START: i64 = 1_780_272_000_000;

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

impl Memory {
    pub(crate) fn new(wrong: Wrong) -> Self {
        let row = |number: u64| Row { name: format!("Product {number}"), version: 1, at: START, gone: false };
        let rows = (0..13).map(|number| (format!("p{number:02}"), row(number))).collect();
        let world = World { clock: START, ours: START, rows, ..World::default() };
        Self { world: Arc::new(Mutex::new(world)), wrong }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn change(&self, id: &RecordId, late: i64, change: impl FnOnce(&mut Row)) {
        let mut world = self.world();
        let at = world.clock - late;
        let row = world.rows.get_mut(id.as_str()).unwrap();
        change(row);
        row.version += 1;
        row.at = at;
    }
}

#[async_trait]
impl Shop for Memory {
    type Source = Reading;

    fn source(&self, page: Option<u16>) -> Reading {
        Reading {
            world: Arc::clone(&self.world),
            page: page.map_or(5, usize::from),
            wrong: self.wrong,
            grant: AtomicU64::new(self.world().grant),
            calls: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            last: Mutex::default(),
            seen: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    async fn ids(&self, kind: Kind) -> Option<BTreeSet<RecordId>> {
        let there = |(id, row): (&String, &Row)| (!row.gone).then(|| RecordId::from(id.as_str()));
        (kind == Kind::Product).then(|| self.world().rows.iter().filter_map(there).collect())
    }

    async fn add(&self, name: &str) -> RecordId {
        let mut world = self.world();
        world.added += 1;
        // An id that sorts among the others.
        let id = format!("p{:02}-{}", world.added * 5 % 13, world.added);
        let row = Row { name: name.to_owned(), version: 1, at: world.clock, gone: false };
        world.rows.insert(id.clone(), row);
        id.as_str().into()
    }

    async fn rename(&self, product: &RecordId, name: &str) {
        self.change(product, 0, |row| name.clone_into(&mut row.name));
    }

    async fn rename_late(&self, product: &RecordId, name: &str, late: Duration) {
        self.change(product, millis(late), |row| name.clone_into(&mut row.name));
    }

    async fn remove(&self, product: &RecordId) {
        self.change(product, 0, |row| row.gone = true);
    }

    async fn spoil(&self, product: Option<&RecordId>) {
        self.world().spoiled = product.map(|id| id.as_str().to_owned());
    }

    async fn wait(&self, time: Duration) {
        let mut world = self.world();
        world.clock += millis(time);
        world.ours += millis(time);
    }

    async fn set_clock(&self, clock: Clock) {
        let by = match clock {
            Clock::Ahead(by) => millis(by),
            Clock::Behind(by) => -millis(by),
        };
        let mut world = self.world();
        world.clock = world.ours + by;
        let at = world.clock.min(world.ours);
        world.rows.values_mut().for_each(|row| row.at = at);
    }

    fn lag(&self) -> Duration {
        LAG
    }

    async fn fail(&self, failure: Option<Failure>) {
        let mut world = self.world();
        world.failure = failure;
        world.grant += u64::from(failure == Some(Failure::Expired));
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }
}

pub(crate) struct Reading {
    world: Arc<Mutex<World>>,
    page: usize,
    wrong: Wrong,
    grant: AtomicU64,
    calls: AtomicU64,
    busy: AtomicBool,
    /// The last id that was read.
    last: Mutex<String>,
    /// Names as they were first seen.
    seen: Mutex<BTreeMap<String, String>>,
    /// Positions of pages that failed.
    failed: Mutex<Vec<Position>>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.wrong == Wrong::ShowsSecret { SECRET } else { "Reading" })
    }
}

/// The position of a walk.
struct Place {
    /// Changes since this instant; `None`: everything.
    since: Option<i64>,
    began: i64,
    /// Time and id of the last record.
    after: (i64, String),
    /// Records that were read.
    read: usize,
}

fn place(token: &Token) -> Option<Place> {
    let mut words = token.0.split(' ');
    let since = words.next().filter(|word| !word.is_empty())?;
    let since = if since == "full" { None } else { Some(since.parse().ok()?) };
    let mut number = || words.next()?.parse().ok();
    let (began, at, read): (_, _, i64) = (number()?, number()?, number()?);
    Some(Place { since, began, after: (at, words.next()?.to_owned()), read: usize::try_from(read).ok()? })
}

impl Place {
    fn beginning(since: Option<i64>, began: i64) -> Self {
        Self { since, began, after: (i64::MIN, String::new()), read: 0 }
    }

    fn token(&self) -> Token {
        let since = self.since.map_or("full".to_owned(), |since| since.to_string());
        Token(format!("{since} {} {} {} {}", self.began, self.after.0, self.read, self.after.1))
    }
}

static DESCRIPTOR: SourceDescriptor = SourceDescriptor {
    name: "memory",
    title: "Memory",
    price_policy: model::PricePolicy::FirstScope(&[]),
    lacks: &[],
    lacks_with: &[],
    leaves_out: &[],
};

fn products() -> Lane {
    Lane {
        name: "products".into(),
        sweeps: vec![(Kind::Product, None)],
        stable: true,
        urgency: Urgency::Live,
        delta: true,
        needed: false,
        interval_seconds: (5, 600),
        covered_by: None,
    }
}

/// Products once more, for what moves no date.
fn again() -> Lane {
    let covered_by = Some("products".into());
    Lane { name: "again".into(), sweeps: Vec::new(), delta: false, covered_by, ..products() }
}

fn categories() -> Lane {
    let sweeps = vec![(Kind::Category, None)];
    Lane { name: "categories".into(), sweeps, needed: true, delta: false, ..products() }
}

impl Reading {
    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn called(&self) {
        self.calls.fetch_add(u64::from(!self.is(Wrong::Uncounted)), Ordering::Relaxed);
    }

    /// A call, which may fail; false when it brought something that is no page.
    async fn call(&self) -> Result<bool, Fault> {
        let was_busy = self.busy.swap(self.is(Wrong::StaysBusy), Ordering::Relaxed);
        self.called();
        // Other tasks run while an answer is transferred.
        tokio::task::yield_now().await;
        let (failure, grant) = {
            let world = self.world();
            (world.failure, world.grant)
        };
        if failure == Some(Failure::Silence) {
            std::future::pending::<()>().await;
        }
        if was_busy {
            return Err(Fault::transient("C0999", "another read is under way"));
        }
        self.busy.store(false, Ordering::Relaxed);
        if grant != self.grant.load(Ordering::Relaxed) && !self.is(Wrong::NeverRenews) {
            self.called();
            self.grant.store(grant, Ordering::Relaxed);
        }
        match failure {
            None => Ok(true),
            Some(Failure::Expired) if grant == self.grant.load(Ordering::Relaxed) => Ok(true),
            Some(_) if self.is(Wrong::EmptyOnTrouble) => Ok(false),
            Some(failure) => Err(self.fault(failure)),
        }
    }

    fn fault(&self, failure: Failure) -> Fault {
        let message =
            if self.is(Wrong::TellsSecret) { format!("{failure:?} {SECRET}") } else { format!("{failure:?}") };
        if self.is(Wrong::AllPasses) {
            return Fault::transient("C0999", message);
        }
        if self.is(Wrong::AllStays) {
            return Fault::config("C0999", message);
        }
        match failure {
            Failure::Throttled(wait) => {
                Fault::throttled("C0999", message).after(wait.filter(|_| !self.is(Wrong::NoWait)))
            }
            Failure::Expired | Failure::Refused | Failure::KeysRefused | Failure::NoRight => {
                if self.is(Wrong::AsksTenTimes) {
                    (0..10).for_each(|_| self.called());
                }
                Fault::credentials("C0999", message).hint("look at the keys")
            }
            Failure::OtherPage | Failure::HalfBody => Fault::protocol("C0999", message),
            _ => Fault::transient("C0999", message),
        }
    }

    fn begin(&self, position: &Position) -> Result<Place, Fault> {
        let clock = self.world().clock;
        let foreign = || Fault::config("C0999", "no token of this source");
        Ok(match position {
            Position::Full => Place::beginning(None, clock),
            Position::Within(token) => match place(token) {
                None if self.is(Wrong::AnyToken) => Place::beginning(None, clock),
                read => read.ok_or_else(foreign)?,
            },
            Position::Delta(token) => {
                let since = token.0.parse().map_err(|_| foreign())?;
                Place::beginning(Some(since).filter(|_| !self.is(Wrong::Everything)), clock)
            }
        })
    }

    /// The rows after a position, in order.
    fn rows(&self, place: &Place) -> Vec<(String, Row)> {
        let world = self.world();
        let rows = world.rows.iter().map(|(id, row)| (id.clone(), row.clone()));
        let Some(since) = place.since else {
            let there = rows.filter(|(_, row)| !row.gone || self.is(Wrong::KeepsGone));
            if self.is(Wrong::Offset) || self.is(Wrong::Unstable) {
                return there.skip(place.read).collect();
            }
            let last = if self.is(Wrong::Remembers) && place.read > 0 {
                self.last.lock().unwrap().clone()
            } else {
                place.after.1.clone()
            };
            let doubles = self.is(Wrong::Doubles) && self.page > 1;
            return there.filter(|(id, _)| *id > last || doubles && *id == last).collect();
        };
        let until = if self.is(Wrong::NeverEnds) { i64::MAX } else { place.began };
        let beyond = |(id, row): &(String, Row)| {
            let ties = self.is(Wrong::Ties) && row.at <= place.after.0;
            row.at >= since && row.at <= until && (row.at, id) > (place.after.0, &place.after.1) && !ties
        };
        let mut rows: Vec<_> = rows.filter(beyond).collect();
        rows.sort_by(|one, other| (one.1.at, &one.0).cmp(&(other.1.at, &other.0)));
        rows
    }

    fn change(&self, id: &str, row: &Row) -> Change {
        if row.gone && !self.is(Wrong::GoneIsThere) && !self.is(Wrong::KeepsGone) {
            let version = if self.is(Wrong::GoneTooOld) { 0 } else { row.version };
            return Change::Gone { kind: Kind::Product, id: id.into(), version: Some(version) };
        }
        let mut seen = self.seen.lock().unwrap();
        let first = seen.entry(id.to_owned()).or_insert_with(|| row.name.clone());
        let name = if self.is(Wrong::Cache) { first.clone() } else { row.name.clone() };
        let version = if self.is(Wrong::VersionStands) { 7 } else { row.version };
        let modified_at = Some(Timestamp::from_millis(row.at));
        Change::Is { record: samples::plain(id, &name), version, modified_at }
    }

    fn read(&self, position: &Position) -> Result<Page, Fault> {
        let mut place = self.begin(position)?;
        let mut rows = self.rows(&place);
        if self.is(Wrong::LosesLast) && place.since.is_none() {
            rows.pop();
        }
        let size = if self.is(Wrong::LargePages) { self.page + 1 } else { self.page };
        let more = rows.len() > size;
        rows.truncate(size);
        let spoiled = self.world().spoiled.clone();
        let (mut changes, mut unread) = (Vec::new(), Vec::new());
        for (id, row) in &rows {
            if spoiled.as_ref() != Some(id) {
                changes.push(self.change(id, row));
                continue;
            }
            let fault = Fault::record("C0999", "it can't be understood");
            match self.wrong {
                Wrong::SwallowsBad => {}
                Wrong::BadStops => return Err(fault),
                _ => unread.push(Unread { kind: Kind::Product, id: Some(id.as_str().into()), fault }),
            }
            if self.is(Wrong::BadSpreads) {
                break;
            }
        }
        if let Some((id, row)) = rows.last() {
            place.after = (row.at, id.clone());
            self.last.lock().unwrap().clone_from(id);
        }
        place.read += rows.len();
        let next = if more { Next::Within(place.token()) } else { Next::End(self.mark(&place)) };
        Ok(Page { changes, unread, next, age: Duration::ZERO })
    }

    fn mark(&self, place: &Place) -> Token {
        let from = match self.wrong {
            Wrong::OurClock => self.world().ours,
            Wrong::MarkAtEnd => self.world().clock,
            Wrong::TheirClock => place.began,
            _ => {
                let world = self.world();
                place.began - (world.clock - world.ours).max(0)
            }
        };
        Token((from - if self.is(Wrong::NoLag) { 0 } else { millis(LAG) }).to_string())
    }
}

#[async_trait]
impl Source for Reading {
    fn descriptor(&self) -> &'static SourceDescriptor {
        &DESCRIPTOR
    }

    fn lanes(&self) -> Vec<Lane> {
        match self.wrong {
            Wrong::LanesAlike => vec![Lane { name: "products".into(), ..categories() }, products()],
            Wrong::NeededLast => vec![products(), categories()],
            Wrong::Unstable => vec![categories(), Lane { stable: false, ..products() }],
            Wrong::CoversOthers => {
                vec![categories(), products(), Lane { covered_by: Some("categories".into()), ..again() }]
            }
            Wrong::CoversLate => vec![categories(), again(), products()],
            Wrong::CoversDelta => vec![categories(), products(), Lane { delta: true, ..again() }],
            _ => vec![categories(), products(), again()],
        }
    }

    async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        let whole = match self.call().await {
            Ok(whole) => whole,
            Err(fault) => {
                self.failed.lock().unwrap().push(position.clone());
                return Err(fault);
            }
        };
        if !whole {
            let end = Next::End(Token(self.world().clock.to_string()));
            return Ok(Page { changes: Vec::new(), unread: Vec::new(), next: end, age: Duration::ZERO });
        }
        if lane.reads(Kind::Category) {
            if !self.is(Wrong::AnyToken) && matches!(position, Position::Within(_)) {
                return Err(Fault::config("C0999", "no token of this source"));
            }
            let record = samples::category("hats", "Hats", None);
            let changes = vec![Change::Is { record, version: 1, modified_at: None }];
            let next = Next::End(Token("categories".to_owned()));
            return Ok(Page { changes, unread: Vec::new(), next, age: Duration::ZERO });
        }
        let mut page = self.read(position)?;
        if self.is(Wrong::SkipsFailed) && self.failed.lock().unwrap().contains(position) {
            page.changes.clear();
        }
        Ok(page)
    }

    fn fetches(&self) -> &[Kind] {
        if self.is(Wrong::FetchesNothing) { &[Kind::Product, Kind::Stock] } else { &[Kind::Product] }
    }

    async fn fetch(&self, refs: &[Ref]) -> Result<Fetched, Fault> {
        self.call().await?;
        let (rows, spoiled) = {
            let world = self.world();
            (world.rows.clone(), world.spoiled.clone())
        };
        let mut fetched = Fetched::default();
        if self.is(Wrong::FetchesNothing) {
            return Ok(fetched);
        }
        let asked = refs.iter().filter(|it| it.kind == Kind::Product).map(|it| it.id.as_str().to_owned());
        let asked: Vec<String> =
            if self.is(Wrong::FetchesAll) { rows.keys().cloned().collect() } else { asked.collect() };
        for id in asked {
            match rows.get(&id).filter(|row| !row.gone) {
                Some(_) if spoiled.as_ref() == Some(&id) => {
                    let fault = Fault::record("C0999", "it can't be understood");
                    fetched.unread.push(Unread { kind: Kind::Product, id: Some(id.into()), fault });
                }
                Some(row) => fetched.changes.push(self.change(&id, row)),
                None if self.is(Wrong::FetchesNoDeletion) => {}
                None => fetched.changes.push(Change::Gone { kind: Kind::Product, id: id.into(), version: None }),
            }
        }
        Ok(fetched)
    }

    async fn check(&self) -> Vec<Finding> {
        let found = self.call().await.map(|_| "all is well".to_owned());
        let result = if self.is(Wrong::FindsNothing) { Ok("all is well".to_owned()) } else { found };
        vec![Finding { what: "credentials".to_owned(), result }]
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}
