//! Follows each change of the living shop to what destinations got for it.
//!
//! A change is followed by the record it is about: the mirror takes it in, flows settle it, and the payload that a destination
//! acknowledged differs from the one before the change. Changes of one record at almost the same time are shown as one.
//!
//! **Invariant:** what is kept is bounded: changes that come faster than they can be followed are counted only.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contract::{
    Item,
    store::{EntryView, Number, State},
};
use engine::{Flow, Named, plan::differences, run::Engine};
use model::{Kind, SourceName, Timestamp};
use sandbox::shop::Edit;
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};

use super::words::{self, Paint};
use crate::{
    commands::clock,
    output::{Failure, Output},
};

/// The most changes that are followed at once.
const FOLLOWED: usize = 200;
/// How often the store is looked into.
const LOOK: Duration = Duration::from_millis(100);
/// A change that the mirror holds and that has changed nothing at any destination after this has nothing to send.
pub(super) const SETTLES: Duration = Duration::from_secs(4);
/// Changes of one record within this time are shown as one.
const TOGETHER: Duration = Duration::from_secs(1);
/// A change is no longer followed after this.
const GIVEN_UP: Duration = Duration::from_mins(1);

/// What the story hears of.
#[derive(Debug)]
pub(super) enum Heard {
    /// The shop was changed. `id`: of the record, where the platform has no keys.
    Edited { edit: Box<Edit>, id: Option<String>, at: Timestamp },
    /// A call, a walk, a flow or the store failed.
    Failed { what: String, at: Timestamp },
}

/// Tells what happens while the shop is open.
pub(super) struct Story {
    pub(super) engine: Arc<Engine>,
    pub(super) source: SourceName,
    pub(super) output: Output<'static>,
    pub(super) paint: Paint,
    pub(super) heard: mpsc::Receiver<Heard>,
    pub(super) following: Vec<Following>,
    pub(super) delays: Delays,
    /// The mirror holds every change after this.
    pub(super) read_within: Duration,
    /// Reading may fail, and then takes twice as long.
    pub(super) is_disturbed: bool,
    /// Changes that changed nothing at a destination.
    pub(super) without_effect: u64,
    /// Changes that were counted only.
    pub(super) not_followed: u64,
}

/// A change that is followed.
pub(super) struct Following {
    /// The first first.
    changes: Vec<Change>,
    kind: Kind,
    /// Id, key or SKU of its record.
    finds: String,
    record: Option<(Number, Named)>,
    /// What the destination of each flow had acknowledged before it; none: that was not noted yet.
    before: Option<Vec<Vec<Item>>>,
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
    pub(super) fn new((kind, key): (Kind, &str), id: Option<&str>, at: Timestamp, what: String) -> Self {
        let (finds, key) = (id.unwrap_or(key).to_owned(), key.to_owned());
        Self { changes: vec![Change { at, key, what }], kind, finds, record: None, before: None }
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
    /// Destinations got it.
    Arrived(Vec<Effect>),
    /// There was nothing to send, for this reason.
    Nothing(String),
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

    /// Tells what is still under way, for so long at most; nothing fails on purpose any more.
    pub(super) async fn finish(&mut self, patience: Duration) -> Result<(), Failure> {
        self.is_disturbed = false;
        let until = tokio::time::Instant::now() + patience;
        let now = clock().now();
        while let Ok(heard) = self.heard.try_recv() {
            self.hear(heard).await?;
        }
        self.following.retain(|following| following.begins() <= now);
        while !self.following.is_empty() && tokio::time::Instant::now() < until {
            tokio::time::sleep(LOOK).await;
            while let Ok(heard) = self.heard.try_recv() {
                self.hear(heard).await?;
            }
            self.look().await?;
        }
        Ok(())
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
        let about = about(edit);
        let (kind, key) = about;
        if let Edit::PriceWindow { opens_in, lasts, .. } = edit {
            let record = self.find(kind, key).await?;
            let named = record.as_ref().map(|(_, named)| named);
            self.output.line(words::changed(self.paint, at, named, key, &words::change(edit)))?;
            let (opens, closes) = (at.plus(*opens_in), at.plus(*opens_in).plus(*lasts));
            self.following.push(Following::new(about, id, opens, "its price for a time begins".to_owned()));
            self.following.push(Following::new(about, id, closes, "its price for a time ends".to_owned()));
            return Ok(());
        }
        let mut following = Following::new(about, id, at, words::change(edit));
        self.begin(&mut following).await?;
        let number = following.record.as_ref().map(|(number, _)| *number);
        let same = |other: &&mut Following| {
            let is_same = number.is_some() && other.record.as_ref().map(|(number, _)| *number) == number;
            is_same && other.begins() <= at && other.begins().plus(TOGETHER) >= at
        };
        match self.following.iter_mut().find(same) {
            Some(other) => other.changes.append(&mut following.changes),
            None => self.following.push(following),
        }
        Ok(())
    }

    /// Notes what destinations hold before the change.
    async fn begin(&self, following: &mut Following) -> Result<(), Failure> {
        following.record = self.find(following.kind, &following.finds).await?;
        let mut before = Vec::new();
        for flow in &self.engine.flows {
            before.push(self.entry(flow, following).await?.map(|entry| entry.items).unwrap_or_default());
        }
        following.before = Some(before);
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
        for mut following in std::mem::take(&mut self.following) {
            // What is there before it begins is noted at each look: on a busy machine the next one may come too late.
            if following.before.is_none() || now < following.begins() {
                self.begin(&mut following).await?;
            }
            match self.outcome(&mut following, now).await? {
                None => self.following.push(following),
                Some(outcome) => self.show(&following, &outcome)?,
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
        let given_up = now >= since.plus(GIVEN_UP);
        if following.record.is_none() {
            following.record = self.find(following.kind, &following.finds).await?;
        }
        let Some((number, _)) = &following.record else {
            return Ok(given_up.then(|| Outcome::Nothing("it was not met at the source".to_owned())));
        };
        let (mut effects, mut rules, mut under_way, mut is_read) = (Vec::new(), Vec::new(), false, false);
        for (flow, before) in self.engine.flows.iter().zip(before) {
            let Some(work) = self.engine.store.work(&flow.name, *number).await? else { continue };
            is_read |= work.touched_at >= since;
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
        }
        if is_read && !under_way && !effects.is_empty() {
            return Ok(Some(Outcome::Arrived(effects)));
        }
        // What was read may have been asked for before the change: some time shows that there was nothing.
        let quiet = match (is_read, self.is_disturbed) {
            (true, _) => SETTLES,
            (false, true) => self.read_within * 2,
            (false, false) => self.read_within,
        };
        if !given_up && (under_way || now < since.plus(quiet)) {
            return Ok(None);
        }
        Ok(Some(Outcome::Nothing(match (is_read, rules.len() == self.engine.flows.len()) {
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
            Outcome::Arrived(effects) => {
                for Effect { flow, delay, what } in effects {
                    self.delays.note(*delay);
                    self.output.line(words::arrived(self.paint, *delay, flow, what))?;
                }
            }
            Outcome::Nothing(why) => {
                self.without_effect += following.changes.len() as u64;
                self.output.line(words::nothing(self.paint, why))?;
            }
        }
        Ok(())
    }
}

/// What an edit is about: the kind of a record, and its key or the SKU of a variant.
fn about(edit: &Edit) -> (Kind, &str) {
    match edit {
        Edit::Stock { sku, .. } | Edit::Price { sku, .. } | Edit::PriceWindow { sku, .. } => (Kind::Product, sku),
        Edit::Name { product, .. } | Edit::Published { product, .. } | Edit::Removed { product } => {
            (Kind::Product, product)
        }
        Edit::Category { category, .. } => (Kind::Category, category),
        Edit::Added(product) => (Kind::Product, &product.key),
    }
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
