//! Decides whose an item is where several records want it (ids that are shared, such as a SKU).
//!
//! Of the records that want an item, the one with the highest [`Rank`] has it; a record that is filtered or deleted wants
//! nothing. Who holds an item in the ledger and is outranked loses it: it is looked at again, and becomes a dead letter.
//!
//! **Invariants:** an item of which another record may have left something at the destination is taken over as in doubt;
//! a record never sends as an item what a record of higher rank that is under way sends; an item that another record
//! takes over is not removed.

use std::collections::BTreeMap;

use contract::{
    Fault,
    store::{Number, Owner},
};
use model::{Kind, RemoteId, Timestamp};

use super::{Push, settler::Settler};
use crate::{
    compose::desired,
    flow::Prepared,
    prepare::{Before, Handed, Job, Part, Rank, Target},
};

/// Items that records under way are to be.
#[derive(Default)]
pub(super) struct Claims {
    by_item: BTreeMap<(Kind, RemoteId), BTreeMap<Number, Rank>>,
    by_record: BTreeMap<Number, Vec<(Kind, RemoteId)>>,
}

impl Claims {
    /// Notes what a job is to be, and nothing else of its record.
    pub(super) fn set(&mut self, job: &Job) {
        self.forget(job.number);
        if matches!(job.target, Target::Dead(_)) {
            return;
        }
        let wanted = job.parts.iter().filter(|part| part.payload.is_some() && part.handed == Handed::No);
        let items: Vec<_> = wanted.map(|part| (job.kind, part.id.clone())).collect();
        for item in &items {
            self.by_item.entry(item.clone()).or_default().insert(job.number, job.rank);
        }
        self.by_record.insert(job.number, items);
    }

    fn forget(&mut self, number: Number) {
        for item in self.by_record.remove(&number).unwrap_or_default() {
            let Some(records) = self.by_item.get_mut(&item) else { continue };
            records.remove(&number);
            if records.is_empty() {
                self.by_item.remove(&item);
            }
        }
    }

    /// Forgets records that are settled.
    pub(super) fn retain(&mut self, is_under_way: impl Fn(Number) -> bool) {
        let settled: Vec<Number> = self.by_record.keys().filter(|number| !is_under_way(**number)).copied().collect();
        for number in settled {
            self.forget(number);
        }
    }

    /// Other records that are to be this item.
    fn rivals(&self, kind: Kind, item: &RemoteId, of: Number) -> Vec<(Number, Rank)> {
        let records = self.by_item.get(&(kind, item.clone()));
        records.into_iter().flatten().filter(|(number, _)| **number != of).map(|(it, rank)| (*it, *rank)).collect()
    }
}

/// Decides for each part of these jobs whether it is sent.
pub(super) async fn settle_rivalries(
    push: &Push,
    prepared: &Prepared,
    now: Timestamp,
    jobs: &mut [Job],
    claims: &mut Claims,
    settler: &mut Settler,
) -> Result<(), Fault> {
    let owners = owners(push, jobs).await?;
    let mut wishes = BTreeMap::new();
    let mut by_rank: Vec<&mut Job> = jobs.iter_mut().filter(|job| !matches!(job.target, Target::Dead(_))).collect();
    by_rank.sort_by_key(|job| std::cmp::Reverse(job.rank));
    for job in &mut by_rank {
        let (kind, number, rank) = (job.kind, job.number, job.rank);
        let mut taken = BTreeMap::new();
        for part in job.parts.iter_mut().filter(|part| part.payload.is_some()) {
            let rivals = claims.rivals(kind, &part.id, number);
            if let Some((rival, _)) = rivals.iter().find(|(_, other)| *other > rank) {
                job.contested_now = true;
                hand(part, *rival, number, settler);
                continue;
            }
            let owner = owners.get(&(kind, part.id.clone())).filter(|owner| owner.number != number && part.is_gain());
            if let Some(owner) = owner {
                if !settler.is_under_way(owner.number) {
                    let wish = match wishes.get(&owner.item) {
                        Some(wish) => *wish,
                        None => *wishes.entry(owner.item.clone()).or_insert(wish(push, prepared, now, owner).await?),
                    };
                    if wish.is_some_and(|higher| higher > rank) {
                        taken.insert(part.id.clone(), owner.id.clone());
                        continue;
                    }
                }
                part.take_over();
            }
            for other in rivals.iter().map(|(rival, _)| *rival).chain(owner.map(|owner| owner.number)) {
                if settler.hand_over(other, &part.id, number) {
                    part.take_over();
                }
            }
        }
        job.parts.retain(|part| part.handed == Handed::No || part.before != Before::Nothing);
        job.drop_contested(|item| taken.get(item));
        claims.set(job);
    }
    // What another record is sent as is not removed.
    for job in by_rank {
        for part in job.parts.iter_mut().filter(|part| part.payload.is_none()) {
            if let Some((rival, _)) = claims.rivals(job.kind, &part.id, job.number).first() {
                hand(part, *rival, job.number, settler);
            }
        }
    }
    Ok(())
}

/// Leaves an item to another record: at once where that is settled as its holder, otherwise as soon as it is.
fn hand(part: &mut Part, rival: Number, from: Number, settler: &mut Settler) {
    part.hand_to(rival);
    if settler.has_settled_with(rival, &part.id) {
        part.handed = Handed::Over;
    } else {
        settler.expect(rival, from, part.id.clone());
    }
}

/// Whose the items are that these jobs are to be sent as and don't hold yet.
async fn owners(push: &Push, jobs: &[Job]) -> Result<BTreeMap<(Kind, RemoteId), Owner>, Fault> {
    let mut owners = BTreeMap::new();
    for kind in push.flow.destination.carries().iter().map(|carry| carry.kind) {
        let gains = jobs.iter().filter(|job| job.kind == kind).flat_map(Job::gains);
        let gains: Vec<RemoteId> = gains.cloned().collect();
        if !gains.is_empty() {
            let found = push.store.owners(&push.flow.name, kind, &gains).await?;
            owners.extend(found.into_iter().map(|owner| ((kind, owner.item.clone()), owner)));
        }
    }
    Ok(owners)
}

/// The rank with which the owner of an item still wants it.
async fn wish(push: &Push, prepared: &Prepared, now: Timestamp, owner: &Owner) -> Result<Option<Rank>, Fault> {
    let Some(work) = push.store.work(&push.flow.name, owner.number).await? else { return Ok(None) };
    let wants = match desired(&push.flow, prepared, &work, now) {
        (Target::InSync, items, _) => items.iter().any(|item| item.id == owner.item),
        // What the destination holds of it stays.
        (Target::Dead(_), _, _) => true,
        (Target::Filtered(_) | Target::Gone, _, _) => false,
    };
    Ok(wants.then(|| Rank::of(&work)))
}
