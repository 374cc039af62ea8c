//! Reads a lane from a source whose positions in a walk expire.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use conformance::source::script::{self, Script};
use contract::{
    Change, Clock as _, Fault, FaultClass, Lane, Next, Page, Position, Source, SourceDescriptor, Token,
    source::{Finding, Urgency},
};
use engine::{
    Event, Observer, SystemClock, Turns,
    pull::{Mode, Pull, Stopped, Walked},
};
use model::{Channel, Kind, Localized, Record};
use store::sqlite::{Options, Sqlite};
use tokio::sync::watch;

use crate::push::clock::FakeClock;

static DESCRIPTOR: SourceDescriptor = SourceDescriptor {
    name: "old",
    title: "Old",
    price_policy: model::PricePolicy::FirstScope(&[]),
    lacks: &[],
    lacks_with: &[],
    leaves_out: &[],
};

pub(crate) fn lane() -> Lane {
    Lane {
        name: "channels".into(),
        sweeps: vec![(Kind::Channel, None)],
        stable: true,
        urgency: Urgency::Live,
        delta: true,
        needed: true,
        interval_seconds: (1, 10),
        covered_by: None,
    }
}

/// Two pages. Before an update the second can't be read; after it, the old position is no longer known.
#[derive(Default)]
struct Updated(AtomicBool);

#[async_trait::async_trait]
impl Source for Updated {
    fn descriptor(&self) -> &'static SourceDescriptor {
        &DESCRIPTOR
    }

    fn lanes(&self) -> Vec<Lane> {
        vec![lane()]
    }

    async fn page(&self, _: &Lane, position: &Position) -> Result<Page, Fault> {
        let updated = self.0.load(Ordering::Relaxed);
        let within = |place: &str| Next::Within(Token(place.to_owned()));
        match position {
            Position::Full => Ok(page("a", within(if updated { "new" } else { "old" }))),
            Position::Within(token) if token.0 == "new" => Ok(page("b", Next::End(Token("end".to_owned())))),
            Position::Within(_) if updated => Err(Fault::config("C0999", "no place of this release")),
            _ => Err(Fault::transient("C0998", "not now")),
        }
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn calls(&self) -> u64 {
        0
    }
}

fn page(id: &str, next: Next) -> Page {
    let record =
        Record::Channel(Channel { id: id.into(), key: id.to_owned(), name: Localized::empty(), untracked: None });
    Page {
        changes: vec![Change::Is { record, version: 1, modified_at: None }],
        unread: Vec::new(),
        next,
        age: Duration::ZERO,
    }
}

/// A source that is read, with a clock that only moves when it is waited for.
pub(crate) struct Reading {
    pub(crate) script: Arc<Script>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) pull: Pull,
    _folder: tempfile::TempDir,
}

impl Reading {
    pub(crate) fn new(lanes: Vec<Lane>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::with_options(&folder.path().join("cartage.db"), Options::default()).unwrap();
        let script = Arc::new(Script::new(lanes, vec![Kind::Channel, Kind::Product, Kind::Category]));
        let clock = Arc::new(FakeClock::default());
        let pull = Pull {
            name: "shop".into(),
            source: Arc::clone(&script) as Arc<dyn Source>,
            store: Arc::new(store),
            clock: Arc::clone(&clock) as Arc<dyn contract::Clock>,
            observer: Arc::new(Deaf),
            guard: None,
            news: watch::channel(0).0,
            hinted: watch::channel(0).0,
            turns: Turns::default(),
        };
        Self { script, clock, pull, _folder: folder }
    }

    pub(crate) async fn live(&self) -> u64 {
        self.pull.store.counts(&self.pull.name).await.unwrap().iter().map(|count| count.live).sum()
    }

    async fn walk(&self) -> Result<Walked, Fault> {
        self.pull.walk(&lane(), Mode::Everything).await.map_err(Stopped::fault)
    }
}

fn is(id: &str) -> Change {
    let record =
        Record::Channel(Channel { id: id.into(), key: id.to_owned(), name: Localized::empty(), untracked: None });
    Change::Is { record, version: 1, modified_at: None }
}

fn later(token: &str, minutes: u64) -> Next {
    Next::Later(Token(token.to_owned()), Duration::from_mins(minutes))
}

#[tokio::test]
async fn what_a_source_prepares_is_waited_for_and_read() {
    let shop = Reading::new(vec![lane()]);
    let wait = |minutes| Ok(script::page(Vec::new(), later("job", minutes)));
    shop.script.say("channels", [wait(10), wait(20), Ok(script::page(vec![is("a")], script::end()))]);
    let before = shop.clock.now();
    let walked = shop.walk().await.unwrap();
    assert_eq!((walked.taken.new, shop.live().await), (1, 1));
    assert_eq!(before.until(shop.clock.now()), Duration::from_mins(30));
    let job = || ("channels".to_owned(), Position::Within(Token("job".to_owned())));
    assert_eq!(shop.script.asked(), [("channels".to_owned(), Position::Full), job(), job()]);
}

#[tokio::test]
async fn an_export_that_is_under_way_is_waited_for_after_a_restart() {
    let shop = Reading::new(vec![lane()]);
    shop.script.say("channels", [Ok(script::page(Vec::new(), later("job", 10)))]);
    // The script has no more pages, as if the process had ended.
    shop.walk().await.unwrap_err();
    shop.script.say("channels", [Ok(script::page(vec![is("a")], script::end()))]);
    let walked = shop.walk().await.unwrap();
    assert!(walked.resumed);
    let asked = shop.script.asked();
    assert_eq!(asked.last().unwrap().1, Position::Within(Token("job".to_owned())));
}

#[tokio::test]
async fn what_was_prepared_replaces_what_was_before_it_also_after_the_clock_was_set_back() {
    let shop = Reading::new(vec![lane()]);
    let prepared = |(key, minutes): (&str, u64)| {
        let (key, name) = (key.to_owned(), Localized::empty());
        let record = Record::Channel(Channel { id: "a".into(), key, name, untracked: None });
        let page = script::page(vec![Change::Is { record, version: 0, modified_at: None }], script::end());
        Ok(Page { age: Duration::from_mins(minutes), ..page })
    };
    shop.script.say("channels", [("one", 0), ("two", 1), ("three", 2), ("four", 3)].map(prepared));
    assert_eq!(shop.walk().await.unwrap().taken.new, 1);
    shop.clock.set_back(Duration::from_hours(1));
    for passes in [Duration::ZERO, Duration::ZERO, Duration::from_mins(61)] {
        shop.clock.advance(passes);
        let walked = shop.walk().await.unwrap();
        assert_eq!((walked.taken.changed, walked.taken.stale, shop.live().await), (1, 0, 1), "{passes:?}");
    }
}

#[tokio::test]
async fn an_export_that_is_never_ready_is_asked_for_anew() {
    let shop = Reading::new(vec![lane()]);
    shop.script.say("channels", (0..20).map(|_| Ok(script::page(Vec::new(), later("job", 60)))));
    assert_eq!(shop.walk().await.unwrap_err().code, "C0622");
    shop.script.say("channels", [Ok(script::page(Vec::new(), script::end()))]);
    shop.walk().await.unwrap();
    let begun = shop.script.asked().into_iter().filter(|(_, position)| *position == Position::Full).count();
    assert_eq!(begun, 2);
}

#[tokio::test]
async fn a_walk_over_changes_that_asks_for_everything_is_one_over_everything() {
    let shop = Reading::new(vec![lane()]);
    let say = |pages: Vec<Page>| shop.script.say("channels", pages.into_iter().map(Ok));
    say(vec![script::page(vec![is("a"), is("b")], script::end())]);
    shop.walk().await.unwrap();
    // The log of changes is cut: what was deleted since is in the rest only.
    say(vec![
        script::page(vec![is("lost")], Next::Everything),
        script::page(vec![is("a")], script::more("half")),
        script::page(vec![is("c")], script::end()),
    ]);
    let walked = shop.pull.walk(&lane(), Mode::Changes).await.map_err(Stopped::fault).unwrap();
    assert_eq!((walked.full, walked.taken.new, shop.live().await), (true, 1, 2));
    let asked: Vec<Position> = shop.script.asked().into_iter().map(|(_, position)| position).collect();
    let delta = Position::Delta(Token("end".to_owned()));
    assert_eq!(asked, [Position::Full, delta, Position::Full, Position::Within(Token("half".to_owned()))]);
    // The next one is over changes again, from the new end.
    say(vec![script::page(Vec::new(), script::end())]);
    let walked = shop.pull.walk(&lane(), Mode::Changes).await.map_err(Stopped::fault).unwrap();
    assert_eq!((walked.full, shop.live().await), (false, 2));
}

#[tokio::test]
async fn a_walk_over_everything_that_asks_for_everything_is_stopped() {
    let shop = Reading::new(vec![lane()]);
    shop.script.say("channels", [Ok(script::page(vec![is("a")], Next::Everything))]);
    assert_eq!(shop.walk().await.unwrap_err().code, "C0621");
    assert_eq!(shop.pull.store.lane(&shop.pull.name, "channels").await.unwrap().walk, None);
}

#[tokio::test]
async fn a_walk_that_goes_round_in_circles_is_stopped_and_begins_anew() {
    let shop = Reading::new(vec![lane()]);
    let pages = [("a", "second"), ("b", "first")].into_iter().cycle();
    shop.script.say("channels", pages.take(20).map(|(id, next)| Ok(script::page(vec![is(id)], script::more(next)))));
    let fault = shop.walk().await.unwrap_err();
    assert_eq!((fault.class, &*fault.code), (FaultClass::Protocol, "C0621"));
    let state = shop.pull.store.lane(&shop.pull.name, "channels").await.unwrap();
    assert_eq!((state.walk, state.fault.map(|fault| fault.code)), (None, Some(fault.code)));
    // Nothing was deleted, and the records that were read stay.
    assert_eq!(shop.live().await, 2);
}

pub(crate) struct Deaf;

impl Observer for Deaf {
    fn notify(&self, _: &Event<'_>) {}
}

#[tokio::test]
async fn a_walk_whose_place_is_not_known_any_more_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::with_options(&folder.path().join("cartage.db"), Options::default()).unwrap();
    let source = Arc::new(Updated::default());
    let pull = Pull {
        name: "shop".into(),
        source: Arc::clone(&source) as Arc<dyn Source>,
        store: Arc::new(store),
        clock: Arc::new(SystemClock),
        observer: Arc::new(Deaf),
        guard: None,
        news: watch::channel(0).0,
        hinted: watch::channel(0).0,
        turns: Turns::default(),
    };
    let fault = pull.walk(&lane(), Mode::Everything).await.unwrap_err().fault();
    assert_eq!(fault.class, FaultClass::Transient);
    source.0.store(true, Ordering::Relaxed);
    let walked = pull.walk(&lane(), Mode::Everything).await.unwrap();
    assert!(walked.full && !walked.resumed);
    let counts = pull.store.counts(&pull.name).await.unwrap();
    assert_eq!(counts.iter().map(|count| count.live).sum::<u64>(), 2);
    assert_eq!(pull.store.lane(&pull.name, "channels").await.unwrap().walk, None);
}
