//! Answers hints: asks for records that may have changed by id, or has their lane read now.
//!
//! **Invariants:** a hint is stored before it is acknowledged to its sender, and deleted only together with the records
//! that answer it. Hints about records that the source can't give by id are stored as hints about their kind, so that
//! they never delay those that can be answered.

use std::collections::BTreeSet;

use contract::{
    Change, Fault, Lane, Ref,
    source::{MOST_REFS, Urgency},
    store::{Hint, Intake, LaneState, Taken, Waiting},
};
use model::{Category, Kind, Record, RecordId, Sku};

use super::{Pull, Stopped, add, gathered::set_odd_versions_aside};

/// The turn of asking for what hints name; no lane has this name.
const HINTS: &str = "";

impl Pull {
    /// Stores hints, and notifies the task that answers them.
    ///
    /// # Errors
    /// The store's.
    pub async fn hint(&self, hints: Vec<Hint>) -> Result<(), Fault> {
        let hints = self.answerable(hints);
        if !hints.is_empty() {
            self.store.hint(&self.name, &hints, self.clock.now()).await?;
            self.wake();
        }
        Ok(())
    }

    /// Stores hints of deliveries, as [`Pull::hint`], and that deliveries came.
    pub(super) async fn deliver(&self, hints: Vec<Hint>, is_gap: bool) -> Result<(), Fault> {
        let hints = self.answerable(hints);
        self.store.deliver(&self.name, &hints, is_gap, self.clock.now()).await?;
        if !hints.is_empty() {
            self.wake();
        }
        Ok(())
    }

    /// Hints once each, in a form in which the source can answer them.
    fn answerable(&self, hints: Vec<Hint>) -> Vec<Hint> {
        let fetches = self.source.fetches();
        let by_kind = |hint: Hint| if fetches.contains(&hint.kind) { hint } else { Hint { id: None, ..hint } };
        let hints: BTreeSet<Hint> = hints.into_iter().map(by_kind).collect();
        hints.into_iter().collect()
    }

    /// Notifies the tasks that answer hints.
    pub(crate) fn wake(&self) {
        self.hinted.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Asks for the records that hints name, until fewer wait than are asked for at once: hints that keep coming are left
    /// to the next call, which the caller delays.
    ///
    /// # Errors
    /// The source's or the store's fault. Answers that arrived are stored; the other hints wait.
    pub async fn refresh(&self) -> Result<Taken, Stopped> {
        let _turn = self.turns.wait(HINTS).await;
        let mut sum = Taken::default();
        loop {
            let waiting = self.store.hints(&self.name, MOST_REFS + usize::from(u8::MAX)).await?;
            let named = waiting.into_iter().filter_map(|it| Some((it.number, named(it)?))).take(MOST_REFS);
            let (numbers, refs): (Vec<u64>, Vec<Ref>) = named.unzip();
            if refs.is_empty() {
                return Ok(sum);
            }
            let as_of = self.instant().await?;
            let mut fetched = self.source.fetch(&refs).await.map_err(Stopped::Source)?;
            set_odd_versions_aside(&mut fetched.changes, &mut fetched.unread);
            let touch = self.touch().await?;
            let lanes = self.source.lanes();
            let of = |kind: Kind| lanes.iter().find(|lane| lane.reads(kind));
            let urgency = refs.iter().filter_map(|it| of(it.kind)).map(|lane| lane.urgency).min();
            let intake = Intake {
                source: self.name.clone(),
                lane: FETCHED.to_owned(),
                lease: touch.lease,
                state: LaneState::default(),
                expected: None,
                as_of,
                fetched: true,
                confirm: Vec::new(),
                scopes: Vec::new(),
                hints: numbers,
                changes: fetched.changes,
                unread: fetched.unread,
                pass: None,
                marks: false,
                urgency: urgency.unwrap_or(Urgency::Live),
                at: touch.at,
            };
            let taken = self.store.intake(intake).await?;
            tracing::debug!(source = %self.name, ?taken, "asked by id");
            add(&mut sum, taken);
            self.ring();
            if refs.len() < MOST_REFS {
                return Ok(sum);
            }
        }
    }

    /// Hints about kinds of this lane rather than records, because of which it is read now.
    pub(super) async fn hints_of(&self, lane: &Lane) -> Result<Vec<u64>, Fault> {
        let waiting = self.store.hints(&self.name, MOST_REFS + usize::from(u8::MAX)).await?;
        let of_lane = waiting.into_iter().filter(|it| it.hint.id.is_none() && lane.reads(it.hint.kind));
        Ok(of_lane.map(|it| it.number).collect())
    }

    /// Whether a hint is waiting for a read of this lane.
    ///
    /// # Errors
    /// The store's.
    pub async fn is_hinted(&self, lane: &Lane) -> Result<bool, Fault> {
        Ok(!self.hints_of(lane).await?.is_empty())
    }

    /// Hints at records that new ones seem to replace: another product with one of their SKUs, another category with
    /// their key or one of their slugs. If a shop was imported anew under other ids, the older records were deleted,
    /// and no delta reports it: they are asked for by id.
    pub(super) async fn hint_replaced(&self, new: Replacing) -> Result<(), Fault> {
        let fetches = self.source.fetches();
        let mut older = BTreeSet::new();
        for sku in new.skus.iter().filter(|_| fetches.contains(&Kind::Product)) {
            let found = self.store.find(&self.name, sku.as_str()).await?;
            let live = found.into_iter().filter(|it| it.kind == Kind::Product && it.record.is_some());
            older.extend(live.map(|it| (it.kind, it.id)));
        }
        if !new.categories.is_empty() && fetches.contains(&Kind::Category) {
            for record in self.store.reference(&self.name).await? {
                if let Record::Category(known) = &record
                    && new.categories.iter().any(|it| stand_for_one(it, known))
                {
                    older.insert((Kind::Category, record.id()));
                }
            }
        }
        let older = older.difference(&new.ids).cloned();
        self.hint(older.map(|(kind, id)| Hint { kind, id: Some(id) }).collect()).await
    }
}

/// Keys of a page that an older record may have.
pub(super) struct Replacing {
    ids: BTreeSet<(Kind, RecordId)>,
    skus: BTreeSet<Sku>,
    categories: Vec<Category>,
}

impl Replacing {
    pub(super) fn of(changes: &[Change]) -> Self {
        let mut all = Self { ids: BTreeSet::new(), skus: BTreeSet::new(), categories: Vec::new() };
        for change in changes {
            match change {
                Change::Is { record: Record::Product(product), .. } => {
                    all.ids.insert((Kind::Product, product.id.as_str().into()));
                    all.skus.extend(product.variants.iter().filter_map(|variant| variant.sku.clone()));
                }
                Change::Is { record: Record::Category(category), .. } => {
                    all.ids.insert((Kind::Category, category.id.as_str().into()));
                    all.categories.push(category.clone());
                }
                _ => {}
            }
        }
        all
    }
}

/// The lane name under which unread records that were asked for by id are stored.
const FETCHED: &str = "by id";

fn named(waiting: Waiting) -> Option<Ref> {
    let Hint { kind, id } = waiting.hint;
    Some(Ref { kind, id: id? })
}

/// Whether two categories have the same key, or the same slug in some language.
fn stand_for_one(one: &Category, other: &Category) -> bool {
    let same_slug =
        || one.slug.iter().any(|(locale, slug)| other.slug.get(locale.as_str()).is_some_and(|it| it == slug));
    (one.key.is_some() && one.key == other.key) || same_slug()
}
