//! Records that stand for an older one.
//!
//! A shop that imports products or categories again gives them other ids. The older ones were deleted, and no delta tells
//! so: two items with one URL would stay until the next full read. One SKU, key or slug that now stands in two records is a
//! reason to ask for the older by its id.

use std::collections::BTreeSet;

use contract::{
    Change, Fault, Lane, Ref,
    source::MOST_REFS,
    store::{Intake, LaneState, Taken, Touch},
};
use model::{Category, Kind, Record, RecordId, Sku};

use super::{Pull, add};

impl Pull {
    /// Asks for the records that new ones of this page seem to replace. What the source can't tell now is told by its next
    /// full read. Called within a walk of the lane, whose state this is, after the page was taken in.
    pub(super) async fn ask_for_replaced(
        &self,
        lane: &Lane,
        state: &mut LaneState,
        new: &Replacing,
    ) -> Result<Taken, Fault> {
        let older: Vec<Ref> = self.replaced(new).await?.into_iter().map(|(kind, id)| Ref { kind, id }).collect();
        let mut sum = Taken::default();
        for refs in older.chunks(MOST_REFS) {
            let Touch { lease, at, .. } = self.touch().await?;
            let fetched = match self.source.fetch(refs).await {
                Ok(fetched) => fetched,
                Err(fault) => {
                    tracing::warn!(source = %self.name, code = %fault.code, "older records can't be asked for: {fault}");
                    break;
                }
            };
            let as_of = at.max(self.store.as_of(&self.name).await?);
            let intake = Intake {
                fetched: true,
                changes: fetched.changes,
                unread: fetched.unread,
                ..self.intake(lane, lease, state.clone(), as_of)
            };
            add(&mut sum, self.store.intake(intake).await?);
            state.version += 1;
        }
        Ok(sum)
    }

    /// Another product with one of their SKUs, another category with their key or one of their slugs.
    async fn replaced(&self, new: &Replacing) -> Result<BTreeSet<(Kind, RecordId)>, Fault> {
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
        Ok(older.difference(&new.ids).cloned().collect())
    }
}

/// What of a page another record may have stood for before.
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

/// Two categories have one key, or one slug in some language.
fn stand_for_one(one: &Category, other: &Category) -> bool {
    let same_slug =
        || one.slug.iter().any(|(locale, slug)| other.slug.get(locale.as_str()).is_some_and(|it| it == slug));
    (one.key.is_some() && one.key == other.key) || same_slug()
}
