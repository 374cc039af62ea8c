//! Reading a lane from a source whose places in a walk are not for ever.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contract::{
    Change, Fault, FaultClass, Lane, Next, Page, Position, Source, SourceDescriptor, Token,
    source::{Finding, Urgency},
};
use engine::{
    Event, Observer, SystemClock,
    pull::{Mode, Pull},
};
use model::{Channel, Kind, Localized, Record};
use store::sqlite::{Options, Sqlite};
use tokio::sync::watch;

static DESCRIPTOR: SourceDescriptor =
    SourceDescriptor { name: "old", title: "Old", price_policy: model::PricePolicy::FirstScope(&[]) };

fn lane() -> Lane {
    Lane {
        name: "channels".into(),
        sweeps: vec![(Kind::Channel, None)],
        stable: true,
        urgency: Urgency::Live,
        delta: true,
        needed: true,
        interval_seconds: (1, 10),
    }
}

/// Two pages. Before an update the second can't be had; after it, the old place is not known any more.
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
    let record = Record::Channel(Channel { id: id.into(), key: id.to_owned(), name: Localized::empty() });
    Page {
        changes: vec![Change::Is { record, version: 1, modified_at: None }],
        unread: Vec::new(),
        next,
        age: Duration::ZERO,
    }
}

struct Deaf;

impl Observer for Deaf {
    fn tell(&self, _: &Event<'_>) {}
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
