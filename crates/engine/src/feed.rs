//! The feed of a flow: all items that the destination should hold, as a stream, for its own import.
//!
//! **Invariant:** a feed is whole or refused. The importer deletes items that are absent, so the feed breaks off with a
//! fault, rather than ends, if the source was not read completely or anything fails on the way.

use contract::{
    Clock, Fault, Item, Store,
    store::{Entry, Number, Revision, State, Work},
};
use model::{Kind, Timestamp};

use crate::{
    compose::{Desired, Target, desired},
    flow::{Flow, Prepared},
    owners::of_others,
};

/// Records projected in one go.
const PAGE: usize = 200;

/// A position in a feed. Items are in the order of their records' numbers, which never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The last record that was passed.
    pub after: Number,
    /// Items of the record with the very next number that were given already.
    pub skip: usize,
}

/// A feed being read.
pub struct Feed<'a> {
    flow: &'a Flow,
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    kind: Kind,
    modified_after: Option<Timestamp>,
    prepared: Prepared,
    place: Place,
    /// Number of items of the record at `place` that an earlier page gave.
    skipped: usize,
    page: std::collections::VecDeque<Work>,
    /// The revision at which the feed began: records deleted up to it are not in it.
    pub revision: Revision,
}

impl<'a> Feed<'a> {
    /// Begins at `place`, with records whose content changed after `modified_after` only, if that is given.
    ///
    /// # Errors
    /// `C0607` while the source was not read completely; `C0610` where a record that could not be understood would be missing
    /// from a feed of everything; the store's; the market's settings.
    pub async fn open(
        flow: &'a Flow,
        store: &'a dyn Store,
        clock: &'a dyn Clock,
        kind: Kind,
        place: Place,
        modified_after: Option<Timestamp>,
        lanes: &[contract::Lane],
    ) -> Result<Self, Fault> {
        let states = store.lanes(&flow.source).await?;
        let unread = lanes.iter().find(|lane| {
            let bears = lane.needed || lane.reads(kind);
            bears && states.get(&*lane.name).is_none_or(|state| state.full_at.is_none())
        });
        if let Some(lane) = unread {
            let message = format!("lane {} of source {} was not read completely yet", lane.name, flow.source);
            return Err(Fault::transient("C0607", message)
                .hint("a short feed would delete what it leaves out; ask again when the first read is over"));
        }
        if modified_after.is_none() {
            whole(flow, store, kind).await?;
        }
        let revision = store.revision(&flow.source).await?;
        let prepared = flow.prepared(store).await?;
        let page = std::collections::VecDeque::new();
        Ok(Self { flow, store, clock, kind, modified_after, prepared, place, skipped: 0, page, revision })
    }

    /// The items of the next record that has any, and the position after it; `None` at the end.
    ///
    /// # Errors
    /// The store's. The feed must then be broken off, not ended.
    pub async fn next(&mut self) -> Result<Option<(Vec<Item>, Place)>, Fault> {
        loop {
            let Some(work) = self.page.pop_front() else {
                let page = self.store.scan(&self.flow.name, self.kind, self.place.after, PAGE).await?;
                self.page.extend(page);
                if self.page.is_empty() {
                    return Ok(None);
                }
                continue;
            };
            let begun = self.place.after.0.checked_add(1) == Some(work.number.0);
            let skip = if begun { self.place.skip } else { 0 };
            self.place = Place { after: work.number, skip: 0 };
            if self.modified_after.is_some_and(|after| work.touched_at <= after) {
                continue;
            }
            let mut items = self.items(&work).await?;
            if skip < items.len() {
                self.skipped = skip;
                return Ok(Some((items.split_off(skip), self.place)));
            }
        }
    }

    /// The items that the destination should hold for a record, without items of other records. A record that can't be
    /// mapped, could not be understood, or was dropped by a person until it changes, stays in the feed as it was
    /// acknowledged last.
    async fn items(&self, work: &Work) -> Result<Vec<Item>, Fault> {
        if work.unread {
            let items = self.acknowledged(work).await?;
            // It may have become unread since the feed was opened.
            return if items.is_empty() && self.modified_after.is_none() {
                Err(short(work.kind, 1))
            } else {
                Ok(items)
            };
        }
        if work.entry.as_ref().is_some_and(|entry| is_dropped(entry) && entry.revision >= work.revision) {
            return self.acknowledged(work).await;
        }
        let Desired { target, mut items, .. } = desired(self.flow, &self.prepared, work, self.clock.now());
        match target {
            Target::InSync => {
                let ids = items.iter().map(|item| &item.id);
                let others = of_others(self.flow, self.store, self.clock, &self.prepared, work, ids, false).await?;
                items.retain(|item| !others.iter().any(|other| other.item == item.id));
                Ok(items)
            }
            Target::Dead(_) => self.acknowledged(work).await,
            // A feed removes nothing that the flow did not decide to remove.
            Target::Filtered(_) | Target::Gone => match work.entry.as_ref().map(|entry| &entry.state) {
                Some(state) if !state.is_left_to_import() => self.acknowledged(work).await,
                Some(_) | None => Ok(Vec::new()),
            },
        }
    }

    /// The items of a record that the destination acknowledged last.
    async fn acknowledged(&self, work: &Work) -> Result<Vec<Item>, Fault> {
        if work.entry.as_ref().is_none_or(|entry| entry.items.is_empty()) {
            return Ok(Vec::new());
        }
        let entry = self.store.entry(&self.flow.name, work.number).await?;
        Ok(entry.map(|entry| entry.items).unwrap_or_default())
    }

    /// The position after so many of the items that [`Feed::next`] gave last.
    pub fn within(&self, items: usize) -> Place {
        Place { after: Number(self.place.after.0.saturating_sub(1)), skip: self.skipped + items }
    }
}

/// Refuses a feed of everything that would leave out a record because it could not be understood: the importer would delete
/// what the destination may hold of it.
async fn whole(flow: &Flow, store: &dyn Store, kind: Kind) -> Result<(), Fault> {
    let counts = store.counts(&flow.source).await?;
    let mut unread: u64 = counts.iter().filter(|count| count.kind == kind).map(|count| count.unread).sum();
    if unread == 0 {
        return Ok(());
    }
    let mut after = Number(0);
    loop {
        let page = store.scan(&flow.name, kind, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.number;
        // The acknowledged payload stands in for a record that can't be read.
        let stands_in = |work: &&Work| work.unread && work.entry.as_ref().is_some_and(|entry| !entry.items.is_empty());
        unread = unread.saturating_sub(page.iter().filter(stands_in).count() as u64);
    }
    if unread == 0 { Ok(()) } else { Err(short(kind, unread)) }
}

fn short(kind: Kind, unread: u64) -> Fault {
    let message = match unread {
        1 => format!("1 {kind} of the source could not be understood and would be missing from the feed"),
        _ => format!("{unread} records of kind {kind} could not be understood and would be missing from the feed"),
    };
    Fault::transient("C0610", message).hint(
        "a short feed would delete what it leaves out; `cartage status` names the records, mend them at the source",
    )
}

fn is_dropped(entry: &Entry) -> bool {
    matches!(&entry.state, State::Filtered(rule) if rule == "dropped")
}
