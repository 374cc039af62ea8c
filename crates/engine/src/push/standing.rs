//! Records that the destination refuses until another one is there.
//!
//! The account's gate keeps which record each one waits for, so that it is not sent again in vain, and is sent as soon
//! as that record is in sync. This is not kept over a restart: the destination answers it again.

use contract::{Fault, Outcome, Ref, store::State};

use super::{
    Push,
    settle::{Answer, NEEDS_FILTERED},
};
use crate::prepare::{Blocked, Job, Standing};

/// The answer for an item, with the standing of the record that it waits for, if it does.
pub(super) async fn answer(push: &Push, outcome: Outcome) -> Result<Answer, Fault> {
    let Outcome::Blocked(on) = outcome else { return Ok(Answer::Outcome(outcome)) };
    let standing = standing(push, &on).await?;
    Ok(Answer::Blocked(Blocked { on, standing }))
}

/// Leaves out jobs that would still be refused.
pub(super) async fn hold_back(push: &Push, job: &mut Job) -> Result<(), Fault> {
    let (gate, flow) = (&push.flow.gate, &push.flow.name);
    let Some(on) = gate.waits_for(flow, job.number) else { return Ok(()) };
    let standing = if job.puts() { standing(push, &on).await? } else { Standing::Free };
    if standing == Standing::Free {
        gate.wait_for(flow, job.number, None);
        // It did not fail, so it may share calls with others.
        job.attempts = 0;
    } else if standing == Standing::Filtered {
        job.keep_out(push.flow.destination.as_ref(), NEEDS_FILTERED);
    } else {
        job.wait_for(Blocked { on, standing });
    }
    Ok(())
}

/// The standing of a record in the flow.
async fn standing(push: &Push, on: &Ref) -> Result<Standing, Fault> {
    let found = push.store.find(&push.flow.source, on.id.as_str()).await?;
    let Some(found) = found.into_iter().find(|found| found.kind == on.kind && found.id == on.id) else {
        return Ok(Standing::Waits);
    };
    let Some(work) = push.store.work(&push.flow.name, found.number).await? else { return Ok(Standing::Waits) };
    let entry = work.entry.as_ref().filter(|entry| entry.revision == work.revision);
    Ok(match entry.map(|entry| &entry.state) {
        Some(State::InSync) => Standing::Free,
        Some(State::Filtered(_) | State::Gone) => Standing::Filtered,
        Some(State::Dead) => Standing::Dead,
        Some(State::Retry(_) | State::AwaitsFeed | State::AwaitsImport | State::Held(_)) | None => Standing::Waits,
    })
}
