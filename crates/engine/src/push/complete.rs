//! What a job needs besides its record: from the ledger and from the account's gate.

use contract::Fault;

use super::{Push, standing::hold_back};
use crate::prepare::{Before, Job};

/// Adds to a job what does not follow from its record alone.
pub(super) async fn complete(push: &Push, job: &mut Job) -> Result<(), Fault> {
    acknowledged(push, job).await?;
    hold_back(push, job).await
}

/// Adds the acknowledged payload to the parts of a job, if their calls need it.
async fn acknowledged(push: &Push, job: &mut Job) -> Result<(), Fault> {
    // A removal for an erasure finds the address of its person in the payload that was sent.
    let needed = job.erased || push.flow.carry(job.kind).is_some_and(|carry| carry.needs_before);
    if !needed || !job.parts.iter().any(|part| part.action.calls() && part.before != Before::Nothing) {
        return Ok(());
    }
    let entry = push.store.entry(&push.flow.name, job.number).await?;
    for item in entry.into_iter().flat_map(|entry| entry.items) {
        if let Some(part) = job.parts.iter_mut().find(|part| part.id == item.id) {
            part.acknowledged = Some(item.payload);
        }
    }
    Ok(())
}
