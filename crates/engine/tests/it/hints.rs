//! Hints, and several forms of one record: hints that race walks, versions that go back, clocks that were set back,
//! walks that miss records, records that replace an older one.

use std::time::Duration;

use conformance::source::script::{end, more, page};
use contract::{
    Change, Fault, Lane, Ref,
    store::{Hint, Taken},
};
use engine::pull::{Mode, Stopped, Walked};
use model::{Category, Channel, Kind, Locale, Localized, Product, Record, Variant};

use crate::pull::{Reading, lane};

pub(crate) const SOON: Duration = Duration::from_mins(1);

pub(crate) fn channel(id: &str, name: &str, version: u64) -> Change {
    let record =
        Record::Channel(Channel { id: id.into(), key: name.to_owned(), name: Localized::empty(), untracked: None });
    Change::Is { record, version, modified_at: None }
}

pub(crate) fn hint(kind: Kind, id: &str) -> Hint {
    Hint { kind, id: Some(id.into()) }
}

pub(crate) fn lane_of(kind: Kind) -> Lane {
    Lane { name: kind.name().into(), sweeps: vec![(kind, None)], ..lane() }
}

impl Reading {
    async fn reads(&self, lane: &Lane, mode: Mode, pages: Vec<Vec<Change>>) -> Result<Walked, Fault> {
        let last = pages.len() - 1;
        let next = |at: usize| if at == last { end() } else { more(&format!("{at}")) };
        let pages = pages.into_iter().enumerate().map(|(at, changes)| Ok(page(changes, next(at))));
        self.script.say(&lane.name, pages);
        self.clock.advance(SOON);
        let walked = self.pull.walk(lane, mode).await.map_err(Stopped::fault);
        self.clock.advance(SOON);
        walked
    }

    pub(crate) async fn reads_everything(&self, changes: Vec<Change>) -> Taken {
        self.reads(&lane(), Mode::Everything, vec![changes]).await.unwrap().taken
    }

    pub(crate) async fn refresh(&self) -> Taken {
        self.clock.advance(SOON);
        self.pull.refresh().await.map_err(Stopped::fault).unwrap()
    }

    pub(crate) async fn waiting(&self) -> Vec<Hint> {
        let waiting = self.pull.store.hints(&self.pull.name, 100).await.unwrap();
        waiting.into_iter().map(|waiting| waiting.hint).collect()
    }

    /// Key and version of a channel in the mirror.
    pub(crate) async fn shown(&self, id: &str) -> Option<(String, u64)> {
        let found = self.pull.store.find(&self.pull.name, id).await.unwrap();
        found.into_iter().find_map(|it| match it.record {
            Some(Record::Channel(channel)) if channel.id.as_str() == id => Some((channel.key, it.version)),
            _ => None,
        })
    }
}

#[tokio::test]
async fn hints_about_what_has_no_id_are_answered_by_reading_the_lane() {
    let stock = lane_of(Kind::Stock);
    let shop = Reading::new(vec![lane(), stock.clone()]);
    shop.pull.hint(vec![hint(Kind::Stock, "one"), hint(Kind::Stock, "two")]).await.unwrap();
    assert_eq!(shop.waiting().await, [Hint { kind: Kind::Stock, id: None }]);
    assert!(shop.pull.is_hinted(&stock).await.unwrap() && !shop.pull.is_hinted(&lane()).await.unwrap());
    shop.refresh().await;
    shop.reads_everything(Vec::new()).await;
    assert!(shop.pull.is_hinted(&stock).await.unwrap(), "neither answers it");
    shop.reads(&stock, Mode::Changes, vec![Vec::new()]).await.unwrap();
    assert!(!shop.pull.is_hinted(&stock).await.unwrap());
}

#[tokio::test]
async fn an_older_page_does_not_undo_what_a_hint_brought() {
    let shop = Reading::new(vec![lane()]);
    shop.reads_everything(vec![channel("a", "first", 0), channel("b", "first", 0)]).await;
    // The page under way shows the shop before one record was changed and the other deleted.
    shop.script.hold();
    shop.script.say("channels", [Ok(page(vec![channel("a", "first", 0), channel("b", "first", 0)], end()))]);
    let pull = shop.pull.clone();
    let walk = tokio::spawn(async move { pull.walk(&lane(), Mode::Everything).await.map_err(Stopped::fault) });
    while shop.script.asked().len() < 2 {
        tokio::task::yield_now().await;
    }
    shop.script.put(channel("a", "second", 0));
    shop.pull.hint(vec![hint(Kind::Channel, "a"), hint(Kind::Channel, "b"), hint(Kind::Channel, "c")]).await.unwrap();
    shop.script.put(channel("c", "new", 0));
    shop.refresh().await;
    shop.script.answer();
    let walked = walk.await.unwrap().unwrap();
    assert_eq!(walked.taken.stale, 2);
    assert_eq!(shop.shown("a").await, Some(("second".to_owned(), 0)));
    assert_eq!(shop.shown("b").await, None);
    assert_eq!(shop.shown("c").await, Some(("new".to_owned(), 0)), "it is no record that the walk missed");
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_nothing_stale() {
    let shop = Reading::new(vec![lane()]);
    shop.reads_everything(vec![channel("a", "first", 0)]).await;
    shop.clock.set_back(Duration::from_hours(24 * 365));
    let taken = shop.reads_everything(vec![channel("a", "second", 0)]).await;
    assert_eq!((taken.changed, taken.stale), (1, 0));
    shop.pull.hint(vec![hint(Kind::Channel, "a")]).await.unwrap();
    shop.script.put(channel("a", "third", 0));
    assert_eq!(shop.refresh().await.changed, 1);
    assert_eq!(shop.shown("a").await, Some(("third".to_owned(), 0)));
}

#[tokio::test]
async fn a_full_read_that_shows_a_lower_version_is_confirmed_by_id() {
    for (now, expected) in [(channel("a", "restored", 3), 3), (channel("a", "newest", 6), 6)] {
        let shop = Reading::new(vec![lane()]);
        shop.reads_everything(vec![channel("a", "known", 5), channel("b", "other", 1)]).await;
        let taken = shop.reads_everything(vec![channel("a", "restored", 3), channel("b", "other", 1)]).await;
        assert_eq!((taken.stale, taken.changed), (1, 0));
        assert_eq!(shop.shown("a").await, Some(("known".to_owned(), 5)), "neither believed nor swept");
        shop.script.put(now);
        shop.refresh().await;
        assert_eq!(shop.script.fetched(), [Ref { kind: Kind::Channel, id: "a".into() }]);
        assert_eq!(shop.shown("a").await.unwrap().1, expected);
    }
}

#[tokio::test]
async fn where_a_walk_may_miss_records_they_are_gone_once_missed_twice() {
    let unstable = Lane { stable: false, ..lane() };
    let shop = Reading::new(vec![unstable.clone()]);
    let all = || vec![channel("a", "a", 0), channel("b", "b", 0), channel("c", "c", 0)];
    let without = || vec![channel("a", "a", 0), channel("c", "c", 0)];
    let walks = async |first: Vec<Change>, again: Option<Vec<Change>>| {
        let asked = shop.script.asked().len();
        shop.script.say("channels", [Ok(page(first, end()))]);
        shop.script.say("channels", again.map(|changes| Ok(page(changes, end()))));
        shop.clock.advance(SOON);
        shop.pull.walk(&unstable, Mode::Everything).await.map_err(Stopped::fault).unwrap();
        (shop.script.asked().len() - asked, shop.live().await)
    };
    assert_eq!(walks(all(), None).await, (1, 3));
    // The walk is repeated at once, and the record was only missed.
    assert_eq!(walks(without(), Some(all())).await, (2, 3));
    assert_eq!(walks(all(), None).await, (1, 3));
    assert_eq!(walks(without(), Some(without())).await, (2, 2));
    assert_eq!(walks(without(), None).await, (1, 2));
    // If it can't miss records, they are deleted at once.
    let shop = Reading::new(vec![lane()]);
    shop.reads_everything(all()).await;
    shop.reads_everything(without()).await;
    assert_eq!(shop.live().await, 2);
}

fn product(id: &str, sku: &str) -> Change {
    let record = Record::Product(Box::new(Product {
        variants: vec![Variant { sku: Some(sku.into()), ..Variant::new("1") }],
        ..Product::new(id)
    }));
    Change::Is { record, version: 1, modified_at: None }
}

fn category(id: &str, slug: &str) -> Change {
    let slug = [(Locale::parse("de").unwrap(), slug.to_owned())].into_iter().collect();
    let record = Record::Category(Category { slug, ..Category::new(id) });
    Change::Is { record, version: 1, modified_at: None }
}

#[tokio::test]
async fn records_that_came_back_under_another_id_replace_the_older_ones_at_once() {
    let lanes = [lane_of(Kind::Product), lane_of(Kind::Category)];
    let shop = Reading::new(lanes.to_vec());
    let of = |id: &str, name: &str| [product(id, name), category(id, name)];
    for (lane, (one, two)) in lanes.iter().zip(of("old", "hat").into_iter().zip(of("other", "shoe"))) {
        shop.reads(lane, Mode::Everything, vec![vec![one, two]]).await.unwrap();
    }
    assert_eq!(shop.waiting().await, [], "the first read can't replace anything");
    for (lane, new) in lanes.iter().zip(of("new", "hat")) {
        shop.reads(lane, Mode::Changes, vec![vec![new]]).await.unwrap();
    }
    assert_eq!(shop.live().await, 6);
    assert_eq!(shop.waiting().await, [hint(Kind::Product, "old"), hint(Kind::Category, "old")]);
    assert_eq!(shop.refresh().await.gone, 2);
    assert_eq!(shop.live().await, 4);
    // A record that still exists stays, and is not asked for again.
    for change in of("new", "hat") {
        shop.script.put(change);
    }
    for (lane, twin) in lanes.iter().zip(of("twin", "hat")) {
        shop.reads(lane, Mode::Changes, vec![vec![twin.clone()]]).await.unwrap();
        shop.refresh().await;
        shop.reads(lane, Mode::Changes, vec![vec![twin]]).await.unwrap();
    }
    assert_eq!((shop.live().await, shop.waiting().await), (6, Vec::new()));
}
