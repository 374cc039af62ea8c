//! A person says what became of calls of which nobody knows the outcome.
//!
//! It is the answer that a destination gives where it can be asked ([`contract::Destination::resolve`]), and is settled
//! like that.

use contract::{
    Fault, Store,
    destination::Resolution,
    store::{Hold, Leased, Number, State, Step},
};
use model::Timestamp;

use super::settle::{Answer, Circumstances, Sent, settle};
use crate::{
    flow::Flow,
    prepare::{Action, job},
};

/// Records that are settled in one transaction.
const STEP: usize = 500;

/// What a person says of calls of unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They had no effect, or are to be made again although they may have had it.
    SendAgain,
    /// They had their effect: an event that was reported is not reported again.
    TakeAsDelivered,
}

/// Has what these records hold of unknown outcome taken as decided, and looks at them again with the next push. Tells how
/// many of them were held for that; others stay as they are.
///
/// # Errors
/// The store's and the destination's, and that a market's settings name what the source does not have.
pub async fn decide(
    flow: &Flow,
    store: &dyn Store,
    now: Timestamp,
    numbers: &[Number],
    decision: Decision,
) -> Result<u64, Fault> {
    let prepared = flow.prepared(store).await?;
    let resolution = match decision {
        Decision::SendAgain => Resolution::Absent,
        Decision::TakeAsDelivered => Resolution::Arrived,
    };
    let at = Circumstances {
        now,
        backoff: flow.gate.backoff(std::time::Duration::ZERO),
        quiet_until: now,
        succeeded_at: None,
    };
    let mut decided = 0;
    for numbers in numbers.chunks(STEP) {
        let mut settled = Vec::with_capacity(numbers.len());
        for number in numbers {
            let Some(work) = store.work(&flow.name, *number).await? else { continue };
            let is_held = |entry: &contract::store::Entry| entry.state == State::Held(Hold::UnknownOutcome);
            if !work.entry.as_ref().is_some_and(is_held) {
                continue;
            }
            let job = job(flow, &prepared, &work, now);
            let is_unknown = |action| matches!(action, Action::Hold(Hold::UnknownOutcome) | Action::Resolve);
            let unknown = job.parts.iter().enumerate().filter(|(_, part)| is_unknown(part.action));
            let answers = unknown.map(|(place, _)| (place, Answer::Resolved(resolution))).collect();
            settled.push(settle(job, answers, Sent { again: true, ..Sent::default() }, &at));
        }
        decided += settled.len() as u64;
        let lease = store.lease(&Leased::Flow(flow.name.clone())).await?;
        let (flow, close, open, tickets) = (flow.name.clone(), Vec::new(), Vec::new(), Vec::new());
        store.advance(Step { flow, lease, close, settled, cursor: None, open, tickets, removed: 0, at: now }).await?;
    }
    Ok(decided)
}
