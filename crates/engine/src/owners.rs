//! Item ownership for callers that only read: a feed and a plan.
//!
//! **Invariant:** an item belongs to the record that owns it by its claim, as long as that record would still have the
//! item.

use contract::{
    Clock, Fault, Store,
    destination::Ids,
    store::{Owner, Work},
};
use model::RemoteId;

use crate::{
    compose::{Desired, Target, desired},
    flow::{Flow, Prepared},
    prepare::Rank,
};

/// Those of a record's items that another record owns and would still have. `outranked`: only items that a push would
/// leave to the other record.
pub(crate) async fn of_others(
    flow: &Flow,
    store: &dyn Store,
    clock: &dyn Clock,
    prepared: &Prepared,
    work: &Work,
    items: impl Iterator<Item = &RemoteId>,
    outranked: bool,
) -> Result<Vec<Owner>, Fault> {
    if flow.destination.ids() == Ids::Own {
        return Ok(Vec::new());
    }
    let held = work.entry.as_ref().map(|entry| entry.items.as_slice()).unwrap_or_default();
    let strange: Vec<RemoteId> = items.filter(|id| !held.iter().any(|held| held.id == **id)).cloned().collect();
    if strange.is_empty() {
        return Ok(Vec::new());
    }
    let mut others = Vec::new();
    for owner in store.owners(&flow.name, work.kind, &strange).await? {
        if owner.number == work.number {
            continue;
        }
        let Some(other) = store.work(&flow.name, owner.number).await? else { continue };
        let Desired { target, items, .. } = desired(flow, prepared, &other, clock.now());
        let stays = match target {
            Target::InSync => items.iter().any(|item| item.id == owner.item),
            // Its items at the destination stay.
            Target::Dead(_) => true,
            Target::Filtered(_) | Target::Gone => false,
        };
        if stays && (!outranked || Rank::of(&other) > Rank::of(work)) {
            others.push(owner);
        }
    }
    Ok(others)
}
