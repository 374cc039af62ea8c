//! Decides which record is sent as an item that several records claim (shared ids, such as a SKU).
//!
//! Every record claims its items before it is sent; the store knows all claims, and the one with the highest [`Rank`]
//! owns the item. A record that does not own an item is not sent as that item, and is filtered.
//!
//! **Invariant:** a record is sent as an item, or has it removed, only if it owns it by the time it is prepared.
//!
//! [`Rank`]: crate::prepare::Rank

use std::collections::BTreeMap;

use contract::{
    Fault,
    store::{Claim, Leased, Owner, Work},
};
use model::Timestamp;

use super::{Push, complete::complete};
use crate::{
    compose::Target,
    flow::Prepared,
    prepare::{Job, job},
};

/// Claims the items of these jobs, and prepares jobs with contested claims again; `work`: the work of each job. Returns
/// the items that records lost.
pub(super) async fn claim(
    push: &Push,
    prepared: &Prepared,
    now: Timestamp,
    work: Vec<Work>,
    jobs: &mut [Job],
) -> Result<Vec<Owner>, Fault> {
    let claims: Vec<Claim> = jobs.iter().filter_map(claim_of).collect();
    let lease = push.store.lease(&Leased::Flow(push.flow.name.clone())).await?;
    let claimed = push.store.claim(&push.flow.name, lease, claims).await?;
    let mut contested: BTreeMap<_, _> = claimed.contested.into_iter().map(|it| (it.number, it)).collect();
    for (at, work) in jobs.iter_mut().zip(work) {
        if let Some(contested) = contested.remove(&at.number) {
            *at = job(&push.flow, prepared, &Work { entry: contested.entry, ..work }, now);
            complete(push, at).await?;
            at.leave(&contested.owners);
        }
    }
    Ok(claimed.taken)
}

/// The items that a record claims; `None` if they are not known, so that its earlier claims stay.
fn claim_of(job: &Job) -> Option<Claim> {
    let is_known = !matches!(job.target, Target::Dead(_));
    let claim = || Claim { number: job.number, created_at: job.rank.created_at, items: job.items().cloned().collect() };
    is_known.then(claim)
}
