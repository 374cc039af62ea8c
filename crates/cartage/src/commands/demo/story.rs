//! Follows each change of the living shop to what destinations got for it.
//!
//! A change is followed by the record it is about: the mirror takes it in, flows settle it, and the payload that a destination
//! acknowledged differs from the one before the change. Changes of one record at almost the same time are shown as one.
//!
//! **Invariant:** what is kept is bounded: changes that come faster than they can be followed are counted only.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use contract::{
    Item, Lane,
    store::{EntryView, Number, State},
};
use engine::{Flow, Named, plan::differences, run::Engine};
use model::{Kind, SourceName, Timestamp};
use sandbox::shop;
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};

use super::{
    edits::Edit,
    live::Watcher,
    words::{self, Paint},
};
use crate::{
    commands::clock,
    output::{Failure, Output},
};

/// The most changes that are followed at once.
const FOLLOWED: usize = 200;
/// How often the store is looked into.
const LOOK: Duration = Duration::from_millis(100);
/// A platform shows a change in what is read so long after it at the latest.
const SETTLES: Duration = Duration::from_secs(4);
/// What destinations hold before a change that comes by the clock is noted from so long before it.
const SOON: Duration = Duration::from_secs(3);
/// Changes of one record within this time are shown as one.
const TOGETHER: Duration = Duration::from_secs(1);
/// A change is no longer followed after this, nor waited for when nothing else has arrived for so long.
const GIVEN_UP: Duration = Duration::from_mins(3);

/// What the story hears of.
#[derive(Debug)]
pub(super) enum Heard {
    /// The shop was changed. `id`: of the record, where the platform has no keys.
    Edited { edit: Edit, id: Option<String>, at: Timestamp },
    /// A call, a walk, a flow or the store failed.
    Failed { what: String, at: Timestamp },
}

/// Tells what happens while the shop is open.
pub(super) struct Story {
    pub(super) engine: Arc<Engine>,
    pub(super) source: SourceName,
    pub(super) lanes: Vec<Lane>,
    pub(super) output: Output<'static>,
    pub(super) paint: Paint,
    pub(super) heard: mpsc::Receiver<Heard>,
    pub(super) following: Vec<Following>,
    pub(super) delays: Delays,
    pub(super) watcher: Arc<Watcher>,
    /// Changes that changed nothing at a destination.
    pub(super) without_effect: u64,
    /// Changes that were counted only, or followed in vain.
    pub(super) not_followed: u64,
}

/// A change that is followed.
pub(super) struct Following {
    /// The first first.
    changes: Vec<Change>,
    kind: Kind,
    lanes: Lanes,
    /// When it was set, where it holds by the clock alone from a later instant on.
    set_at: Option<Timestamp>,
    /// Id, key or SKU of its record.
    finds: String,
    record: Option<(Number, Named)>,
    /// What the destination of each flow had acknowledged before it; none: that was not noted yet.
    before: Option<Vec<Vec<Item>>>,
    /// A change of the same record arrived meanwhile, and may have brought this one too.
    is_overtaken: bool,
}

struct Change {
    /// From when it holds.
    at: Timestamp,
    /// Key or SKU of what was changed.
    key: String,
    /// What was changed, for people.
    what: String,
}

impl Following {
    /// A change of the record with this key or SKU that holds from an instant on. `id`: its id, where the platform has no
    /// keys.
    pub(super) fn new((kind, key): (Kind, &str), id: Option<&str>, lanes: Lanes, at: Timestamp, what: String) -> Self {
        let (finds, key) = (id.unwrap_or(key).to_owned(), key.to_owned());
        let changes = vec![Change { at, key, what }];
        Self { changes, kind, lanes, set_at: None, finds, record: None, before: None, is_overtaken: false }
    }

    /// One that was set before, and holds by the clock alone.
    pub(super) fn set_at(self, at: Timestamp) -> Self {
        Self { set_at: Some(at), ..self }
    }

    /// Follows another change of the same record, too.
    fn join(&mut self, mut other: Self) {
        self.changes.append(&mut other.changes);
        self.lanes.shown_by.append(&mut other.lanes.shown_by);
        self.lanes.complete.append(&mut other.lanes.complete);
        self.set_at = self.set_at.and(other.set_at);
    }

    fn is_of(&self, other: &Self) -> bool {
        let number = |following: &Self| following.record.as_ref().map(|(number, _)| *number);
        number(self).is_some() && number(self) == number(other)
    }

    fn begins(&self) -> Timestamp {
        self.changes.first().map_or(Timestamp::from_millis(i64::MAX), |change| change.at)
    }

    /// The instant from which all of it holds.
    fn holds_from(&self) -> Timestamp {
        self.changes.last().map_or(Timestamp::from_millis(i64::MAX), |change| change.at)
    }
}

/// What came of a change at a destination.
struct Effect {
    flow: String,
    delay: Duration,
    what: String,
}

/// What came of a change.
enum Outcome {
    /// Destinations got it; what that of each flow holds now.
    Arrived(Vec<Effect>, Vec<Vec<Item>>),
    /// There was nothing to send, for this reason.
    Nothing(String),
    /// It takes too long to be followed.
    GivenUp,
}

impl Story {
    /// Tells until `closed` turns true.
    pub(super) async fn tell(&mut self, closed: &watch::Receiver<bool>) -> Result<(), Failure> {
        let mut closed = closed.clone();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = closed.wait_for(|closed| *closed) => return Ok(()),
                heard = self.heard.recv() => match heard {
                    Some(heard) => self.hear(heard).await?,
                    None => return Ok(()),
                },
                _ = looks.tick() => self.look().await?,
            }
        }
    }

    /// Tells what is still under way, until the whole shop was read as it is now, for as long as something arrives; the
    /// shop is closed, and nothing fails on purpose any more.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        let closed = clock().now();
        let (mut least, mut arrived) = (usize::MAX, tokio::time::Instant::now());
        loop {
            while let Ok(heard) = self.heard.try_recv() {
                self.hear(heard).await?;
            }
            self.following.retain(|following| following.begins() <= closed);
            self.look().await?;
            let left = self.following.len() + self.watcher.reads.unread(closed).len();
            if left < least {
                (least, arrived) = (left, tokio::time::Instant::now());
            }
            if left == 0 || arrived.elapsed() >= GIVEN_UP {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn hear(&mut self, heard: Heard) -> Result<(), Failure> {
        match heard {
            Heard::Edited { edit, id, at } => self.follow(&edit, id.as_deref(), at).await,
            Heard::Failed { what, at } => Ok(self.output.line(words::trouble(self.paint, at, &what))?),
        }
    }

    async fn follow(&mut self, edit: &Edit, id: Option<&str>, at: Timestamp) -> Result<(), Failure> {
        if self.following.len() >= FOLLOWED {
            self.not_followed += 1;
            return Ok(());
        }
        let about = edit.about();
        let (kind, key) = about;
        let lanes = || Shows::of(edit).lanes(&self.lanes);
        if let Edit::Goods(edit) = edit
            && let shop::Edit::PriceWindow { opens_in, lasts, .. } = &**edit
        {
            let record = self.find(kind, key).await?;
            let named = record.as_ref().map(|(_, named)| named);
            self.output.line(words::changed(self.paint, at, named, key, &words::of_goods(edit)))?;
            let (opens, closes) = (at.plus(*opens_in), at.plus(*opens_in).plus(*lasts));
            let (begins, ends) = ("its price for a time begins", "its price for a time ends");
            self.following.push(Following::new(about, id, lanes(), opens, begins.to_owned()).set_at(at));
            self.following.push(Following::new(about, id, lanes(), closes, ends.to_owned()).set_at(at));
            return Ok(());
        }
        let mut following = Following::new(about, id, lanes(), at, words::change(edit));
        following.before = Some(self.held(&mut following).await?);
        let same = |other: &&mut Following| {
            other.is_of(&following) && (other.begins()..=other.begins().plus(TOGETHER)).contains(&at)
        };
        match self.following.iter_mut().find(same) {
            Some(other) => other.join(following),
            None => self.following.push(following),
        }
        Ok(())
    }

    /// What destinations hold.
    async fn held(&self, following: &mut Following) -> Result<Vec<Vec<Item>>, Failure> {
        following.record = self.find(following.kind, &following.finds).await?;
        let mut held = Vec::new();
        for flow in &self.engine.flows {
            held.push(self.entry(flow, following).await?.map(|entry| entry.items).unwrap_or_default());
        }
        Ok(held)
    }

    /// Notes what destinations hold before a change that comes soon, at each look: on a busy machine the next one may come too
    /// late.
    async fn begin(&self, following: &mut Following) -> Result<(), Failure> {
        let (now, begins) = (clock().now(), following.begins());
        if now.plus(SOON) >= begins && (now < begins || following.before.is_none()) {
            let held = self.held(following).await?;
            if clock().now() < begins || following.before.is_none() {
                following.before = Some(held);
            }
        }
        Ok(())
    }

    async fn find(&self, kind: Kind, key: &str) -> Result<Option<(Number, Named)>, Failure> {
        let found = self.engine.store.find(&self.source, key).await?;
        let found = found.into_iter().find(|found| found.kind == kind);
        Ok(found.map(|found| (found.number, Named::of(kind, &found.id, found.record.as_ref()))))
    }

    async fn entry(&self, flow: &Flow, following: &Following) -> Result<Option<EntryView>, Failure> {
        let Some((number, _)) = &following.record else { return Ok(None) };
        Ok(self.engine.store.entry(&flow.name, *number).await?)
    }

    /// Looks what has become of each change.
    async fn look(&mut self) -> Result<(), Failure> {
        let now = clock().now();
        let mut over: Vec<(Following, Outcome)> = Vec::new();
        for mut following in std::mem::take(&mut self.following) {
            self.begin(&mut following).await?;
            let Some(outcome) = self.outcome(&mut following, now).await? else {
                self.following.push(following);
                continue;
            };
            // Changes of one record that were read at once arrive at once.
            let is_one = |(other, told): &&mut (Following, Outcome)| {
                matches!((told, &outcome), (Outcome::Arrived(..), Outcome::Arrived(..))) && other.is_of(&following)
            };
            match over.iter_mut().find(is_one) {
                Some((other, _)) => other.join(following),
                None => over.push((following, outcome)),
            }
        }
        for (following, outcome) in over {
            self.show(&following, &outcome)?;
            let Outcome::Arrived(_, held) = outcome else { continue };
            for other in self.following.iter_mut().filter(|other| other.is_of(&following) && other.before.is_some()) {
                other.before = Some(held.clone());
                other.is_overtaken |= other.begins() <= now;
            }
        }
        Ok(())
    }

    /// What has come of a change; none: it is under way.
    async fn outcome(&self, following: &mut Following, now: Timestamp) -> Result<Option<Outcome>, Failure> {
        let Some(before) = &following.before else { return Ok(None) };
        let since = following.holds_from();
        if now < since {
            return Ok(None);
        }
        let reads = &self.watcher.reads;
        let set_at = following.set_at.unwrap_or(since);
        let is_all_read = now >= since.plus(SETTLES) && reads.is_read(&following.lanes.complete, set_at.plus(SETTLES));
        let later = || (now >= since.plus(GIVEN_UP)).then_some(Outcome::GivenUp);
        if following.record.is_none() {
            following.record = self.find(following.kind, &following.finds).await?;
        }
        let Some((number, _)) = &following.record else {
            let nothing = || Outcome::Nothing("it was not met at the source".to_owned());
            return Ok(if is_all_read { Some(nothing()) } else { later() });
        };
        let stored = reads.stored(&following.lanes.shown_by, set_at);
        let (mut effects, mut held, mut rules) = (Vec::new(), Vec::new(), Vec::new());
        let (mut under_way, mut is_read, mut looked_at) = (false, false, 0);
        for (flow, before) in self.engine.flows.iter().zip(before) {
            let carries = flow.carry(following.kind).is_some();
            let work = if carries { self.engine.store.work(&flow.name, *number).await? } else { None };
            let Some(work) = work else {
                held.push(before.clone());
                continue;
            };
            looked_at += 1;
            is_read |= following.set_at.is_some() || stored.is_some_and(|stored| work.touched_at >= stored);
            let entry = self.entry(flow, following).await?;
            // An entry that was due by then shows what held before the change, however late it was settled. A service may carry
            // a call out in its own time.
            let is_after = |entry: &EntryView| entry.due.is_none_or(|due| due > since);
            let is_over = !matches!(work.counted_as(), "pending" | "waiting");
            let Some(entry) = entry.filter(|entry| is_over && is_after(entry)) else {
                under_way = true;
                continue;
            };
            let is_new = entry.settled_at >= following.begins();
            if let Some(what) = effect(flow, before, &entry).filter(|_| is_new) {
                let delay = following.begins().until(entry.settled_at);
                effects.push(Effect { flow: flow.name.to_string(), delay, what });
            }
            if let State::Filtered(rule) = &entry.state {
                rules.push(format!("{} ({rule})", flow.name));
            }
            held.push(entry.items);
        }
        // What was read may have been asked for before the change: only what is read later shows that there was nothing.
        if under_way || !(is_all_read || is_read && !effects.is_empty()) {
            return Ok(later());
        }
        if !effects.is_empty() {
            return Ok(Some(Outcome::Arrived(effects, held)));
        }
        Ok(Some(Outcome::Nothing(match (is_read, rules.len() == looked_at) {
            _ if looked_at == 0 => "no flow carries it".to_owned(),
            _ if following.is_overtaken => "what was sent before says it already".to_owned(),
            (false, _) => "the shop says the same as before".to_owned(),
            (true, true) => format!("left out of {}", rules.join(" and ")),
            (true, false) => "no market shows it".to_owned(),
        })))
    }

    fn show(&mut self, following: &Following, outcome: &Outcome) -> Result<(), Failure> {
        let named = following.record.as_ref().map(|(_, named)| named);
        for Change { at, key, what } in &following.changes {
            self.output.line(words::changed(self.paint, *at, named, key, what))?;
        }
        match outcome {
            Outcome::Arrived(effects, _) => {
                for Effect { flow, delay, what } in effects {
                    self.delays.note(*delay);
                    self.output.line(words::arrived(self.paint, *delay, flow, what))?;
                }
            }
            Outcome::Nothing(why) => {
                self.without_effect += following.changes.len() as u64;
                self.output.line(words::nothing(self.paint, why))?;
            }
            Outcome::GivenUp => {
                self.not_followed += following.changes.len() as u64;
                self.output.line(words::given_up(self.paint, GIVEN_UP))?;
            }
        }
        Ok(())
    }
}

/// What shows a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    Stock,
    Price,
    /// What is unpublished or deleted is shown by another lane than what is there.
    AnyGoods,
    /// Of people, or what they ordered.
    People(Kind),
}

impl Shows {
    fn of(edit: &Edit) -> Self {
        let Edit::Goods(edit) = edit else { return Self::People(edit.about().0) };
        match **edit {
            shop::Edit::Stock { .. } => Self::Stock,
            shop::Edit::Price { .. } | shop::Edit::PriceWindow { .. } => Self::Price,
            shop::Edit::Name { .. }
            | shop::Edit::Published { .. }
            | shop::Edit::Added(_)
            | shop::Edit::Removed { .. }
            | shop::Edit::Category { .. } => Self::AnyGoods,
        }
    }

    /// The lanes that read it. Stock stands in products where it has no lane of its own; prices may stand there as well.
    pub(super) fn lanes(self, lanes: &[Lane]) -> Lanes {
        let is_stock_apart = lanes.iter().any(|lane| lane.reads(Kind::Stock));
        let is_part = |lane: &Lane| (lane.reads(Kind::Stock) || lane.reads(Kind::Price)) && !lane.reads(Kind::Product);
        let is_of_goods = |lane: &Lane| !Kind::ALL.into_iter().any(|kind| kind.is_personal() && lane.reads(kind));
        let shows = |lane: &Lane| match self {
            Self::Stock if is_stock_apart => lane.reads(Kind::Stock),
            Self::Stock => lane.reads(Kind::Product),
            Self::Price => lane.reads(Kind::Price) || lane.reads(Kind::Product),
            Self::AnyGoods => is_of_goods(lane) && !is_part(lane),
            Self::People(kind) => lane.reads(kind),
        };
        let named = |is_one: &dyn Fn(&Lane) -> bool| {
            lanes.iter().filter(|lane| is_one(lane)).map(|lane| lane.name.to_string()).collect()
        };
        // A new product is shown once it has prices, too.
        let completes = |lane: &Lane| shows(lane) || self == Self::AnyGoods && is_of_goods(lane);
        Lanes { shown_by: named(&shows), complete: named(&completes) }
    }
}

/// Lanes that a change is waited for by.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    /// Those that show it.
    shown_by: BTreeSet<String>,
    /// Those that show all that comes of it.
    complete: BTreeSet<String>,
}

/// What differs between what a destination held before and what it holds now; none: nothing.
fn effect(flow: &Flow, before: &[Item], entry: &EntryView) -> Option<String> {
    if let State::Dead = entry.state {
        return Some(format!("refused: {}", entry.fault.as_ref().map(ToString::to_string).unwrap_or_default()));
    }
    match (before.is_empty(), entry.items.is_empty()) {
        (true, true) => None,
        (false, true) => Some(match &entry.state {
            State::Filtered(rule) => format!("removed, by the rule {rule}"),
            _ => "removed".to_owned(),
        }),
        (true, false) => Some("added".to_owned()),
        (false, false) => {
            let changes = differences(before, &entry.items);
            let currency = match flow.markets.as_slice() {
                [market] => Some(market.currency),
                _ => None,
            };
            (!changes.is_empty()).then(|| words::fields(&changes, currency))
        }
    }
}

/// Times from changes to acknowledgements, counted by tenths of a second.
#[derive(Debug, Default)]
pub(super) struct Delays(BTreeMap<u64, u64>);

impl Delays {
    fn note(&mut self, delay: Duration) {
        let tenths = u64::try_from(delay.as_millis().div_ceil(100)).unwrap_or(u64::MAX);
        *self.0.entry(tenths).or_default() += 1;
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The time that so many of a hundred did not exceed, to the next tenth of a second; none: there was none.
    pub(super) fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        let mut counted = 0;
        let (tenths, _) = self.0.iter().find(|(_, count)| {
            counted += **count;
            counted >= rank
        })?;
        Some(Duration::from_millis(tenths.saturating_mul(100)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_delays() {
        let mut delays = Delays::default();
        assert_eq!((delays.count(), delays.percentile(50)), (0, None));
        for tenths in (1..=100).rev() {
            delays.note(Duration::from_millis(tenths * 100));
        }
        let at = |percent| delays.percentile(percent).map(|delay| delay.as_millis());
        assert_eq!([at(1), at(50), at(99), at(100)], [Some(100), Some(5_000), Some(9_900), Some(10_000)]);
        assert_eq!(delays.count(), 100);
    }
}
