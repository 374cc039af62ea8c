//! Plans a push without sending: counts, calls, time, and the fields of one record that would change.

use std::{collections::BTreeMap, time::Duration};

use contract::{
    Clock, Fault, Item, Limits, Op, Store,
    destination::LEFT_TO_IMPORT,
    store::{EntryView, Hold, Number, Removals, State, Work},
};
use model::{Kind, RemoteId};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::{
    check::{Lacking, lacking},
    compose::Target,
    flow::{Flow, Prepared},
    named::Named,
    owners::of_others,
    prepare::{Action, Before, Job, Then, job},
};

/// The rule of records that were dropped.
const DROPPED: &str = "dropped";
/// Records processed at once.
const PAGE: usize = 500;
/// Ids named per outcome as examples.
const EXAMPLES: usize = 5;
/// Assumed time of a call if none was made yet.
const USUAL_CALL: Duration = Duration::from_millis(300);
/// One record of so many is asked which call settled it, for at most [`SAMPLES`] records.
const SAMPLE_EVERY: usize = 50;
const SAMPLES: usize = 200;

/// What a push would do.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Plan {
    /// Items that would be created or replaced as a whole because the destination does not have them.
    pub create: u64,
    /// Items that would be replaced or changed in part.
    pub change: u64,
    /// Items that would be removed.
    pub remove: u64,
    /// Whether they are more than the flow's guard allows, and would be held.
    pub held: bool,
    /// Items that are in sync.
    pub keep: u64,
    /// Records kept out, by rule.
    pub filtered: BTreeMap<String, u64>,
    /// Items that the destination holds now.
    pub items: u64,
    /// Records that can't be mapped to a payload.
    pub refused: Vec<Refused>,
    /// Records that are dead: nothing is sent for them before they change or are replayed.
    pub dead: u64,
    /// Records that wait for something outside, such as the next import of a feed.
    pub waiting: u64,
    /// Records of which nobody knows whether a call arrived: a person has to decide.
    pub undecided: u64,
    /// Records that could not be understood: their items at the destination are left unchanged.
    pub unread: u64,
    /// Products that lack what the destination needs to use them in full.
    pub lacking: Option<Lacking>,
    /// Some records per outcome.
    pub examples: BTreeMap<&'static str, Vec<Named>>,
    /// Calls it would take, by operation.
    pub calls: BTreeMap<&'static str, u64>,
    /// Estimated time of these calls.
    pub seconds: f64,
    /// The basis of the estimate.
    pub basis: Basis,
}

/// The basis of an estimate of time.
#[derive(Clone, Copy, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Basis {
    /// Time of one call, in seconds.
    pub call_seconds: f64,
    /// The number of earlier calls of this flow of which that is the median; 0: it is assumed.
    pub measured_calls: usize,
    /// Calls under way at once.
    pub at_once: usize,
    /// The least time between two calls that the account allows, in seconds; 0: any.
    pub pace_seconds: f64,
}

/// A record that can't be mapped to a payload.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Refused {
    /// The record.
    #[serde(flatten)]
    pub record: Named,
    /// Why.
    pub fault: Fault,
}

/// A field of an item that would change.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct FieldChange {
    /// The item's id at the destination.
    pub item: RemoteId,
    /// The field.
    pub field: String,
    /// The value that the destination acknowledged last; `None`: the field is not there.
    pub before: Option<Json>,
    /// The value that would be sent; `None`: the field would be removed.
    pub after: Option<Json>,
}

impl FieldChange {
    /// Hides the texts of the values.
    pub fn hide(&mut self) {
        self.before.iter_mut().chain(&mut self.after).for_each(crate::hidden::hide);
    }
}

/// What a push of the whole mirror would do.
///
/// # Errors
/// The store's, or that the market's settings name what the source does not have.
pub async fn plan(flow: &Flow, store: &dyn Store, clock: &dyn Clock) -> Result<Plan, Fault> {
    let prepared = flow.prepared(store).await?;
    let mut plan = Plan::default();
    let mut sums = Sums::new();
    let mut samples = Vec::new();
    for kind in flow.carries().map(|carry| carry.kind) {
        let mut after = Number(0);
        loop {
            let page = store.scan(&flow.name, kind, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            let settled = page.iter().filter(|work| work.entry.as_ref().is_some_and(|entry| !entry.items.is_empty()));
            samples.extend(settled.step_by(SAMPLE_EVERY).map(|work| work.number));
            for work in page.iter().filter(|work| !work.unread) {
                if !plan.leaves(work) {
                    let job = planned(flow, store, clock, &prepared, work).await?;
                    plan.count(work, &job, flow, &mut sums);
                }
            }
        }
    }
    plan.lacking = lacking(flow, store, clock.now()).await?;
    plan.unread = store.tally(&flow.name).await?.unread;
    // Held removals are already counted among those that would be made.
    let removals = Removals { held: 0, ..store.removals(&flow.name, clock.now()).await? };
    plan.items = removals.items;
    if let Some(guard) = &flow.guard {
        plan.held = plan.remove > 0 && !guard.allows(&removals, plan.remove);
    }
    for ((_, op), Sum { items, bytes, limits }) in sums {
        let by_items = items.div_ceil(limits.items.max(1) as u64);
        *plan.calls.entry(op).or_default() += by_items.max(bytes.div_ceil(limits.bytes.max(1) as u64));
    }
    samples.truncate(SAMPLES);
    let taken = durations(flow, store, &samples).await?;
    let call = taken.get(taken.len() / 2).copied().unwrap_or(USUAL_CALL);
    let at_once = flow.destination.limits(Kind::Product, Op::Put).concurrency.max(1);
    let pace = flow.destination.pace().unwrap_or_default();
    let (call_seconds, pace_seconds) = (call.as_secs_f64(), pace.as_secs_f64());
    plan.basis = Basis { call_seconds, measured_calls: taken.len(), at_once, pace_seconds };
    let calls = plan.calls.values().sum::<u64>();
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (rounds, pauses) = (calls.div_ceil(at_once as u64) as f64, calls.saturating_sub(1) as f64);
    plan.seconds = (rounds * call_seconds).max(pauses * pace_seconds);
    Ok(plan)
}

/// What would be sent, by kind and operation.
type Sums = BTreeMap<(Kind, &'static str), Sum>;

/// What would be sent of one kind by one operation.
struct Sum {
    items: u64,
    bytes: u64,
    limits: Limits,
}

/// How long the calls took that settled these records, shortest first.
async fn durations(flow: &Flow, store: &dyn Store, numbers: &[Number]) -> Result<Vec<Duration>, Fault> {
    let mut calls = BTreeMap::new();
    for number in numbers {
        let call = store.entry(&flow.name, *number).await?.and_then(|entry| entry.call);
        calls.extend(call.and_then(|call| Some((call.id, call.took?))));
    }
    let mut taken: Vec<Duration> = calls.into_values().collect();
    taken.sort_unstable();
    Ok(taken)
}

impl Plan {
    /// Counts a record that a push would not look at, as it stands; false for any other.
    fn leaves(&mut self, work: &Work) -> bool {
        let state = work.entry.as_ref().map(|entry| &entry.state);
        let sum = match (work.counted_as(), state) {
            ("dead", _) => &mut self.dead,
            ("waiting", _) => &mut self.waiting,
            ("held", Some(State::Held(Hold::UnknownOutcome))) => &mut self.undecided,
            ("filtered", Some(State::Filtered(rule))) if rule == DROPPED || rule == LEFT_TO_IMPORT => {
                self.filtered.entry(rule.clone()).or_default()
            }
            _ => return false,
        };
        *sum += 1;
        true
    }

    fn count(&mut self, work: &Work, job: &Job, flow: &Flow, sums: &mut Sums) {
        match &job.target {
            Target::Filtered(rule) => *self.filtered.entry((*rule).to_owned()).or_default() += 1,
            Target::Dead(fault) => {
                let record = Named::of(job.kind, &job.id, work.record());
                self.refused.push(Refused { record, fault: fault.clone() });
                return;
            }
            Target::InSync | Target::Gone => {}
        }
        for part in &job.parts {
            let (sum, name) = match part.action {
                Action::Keep | Action::Resolve | Action::Hold(Hold::UnknownOutcome) => (&mut self.keep, "keep"),
                // It is put again at once.
                Action::Send(Op::Remove) if part.then == Then::Put => (&mut self.change, "change"),
                Action::AwaitFeed
                | Action::LeaveToImport
                | Action::Hold(Hold::Removal)
                | Action::Send(Op::Remove | Op::Hide) => (&mut self.remove, "remove"),
                Action::Send(Op::Put | Op::Report) if part.before == Before::Nothing => (&mut self.create, "create"),
                Action::Send(Op::Put | Op::Report | Op::Patch(_)) => (&mut self.change, "change"),
            };
            *sum += 1;
            if let Action::Send(op) = part.action {
                let limits = flow.destination.limits(job.kind, op);
                let sum = sums.entry((job.kind, op.name())).or_insert(Sum { items: 0, bytes: 0, limits });
                sum.items += 1;
                sum.bytes += part.sent_bytes(op) as u64;
            }
            let examples = self.examples.entry(name).or_default();
            if name != "keep" && examples.len() < EXAMPLES && !examples.iter().any(|it| it.id == job.id) {
                examples.push(Named::of(job.kind, &job.id, work.record()));
            }
        }
    }
}

/// What a push would do for one record, if owners do not change.
pub(crate) async fn planned(
    flow: &Flow,
    store: &dyn Store,
    clock: &dyn Clock,
    prepared: &Prepared,
    work: &Work,
) -> Result<Job, Fault> {
    let mut job = job(flow, prepared, work, clock.now());
    let others = of_others(flow, store, clock, prepared, work, job.items(), true).await?;
    job.leave(&others);
    Ok(job)
}

/// The fields of one record that would change.
///
/// # Errors
/// That it would become dead; as [`plan`].
pub async fn changes(
    flow: &Flow,
    store: &dyn Store,
    clock: &dyn Clock,
    work: &Work,
) -> Result<Vec<FieldChange>, Fault> {
    if work.unread {
        return Err(unread(work));
    }
    let prepared = flow.prepared(store).await?;
    let job = planned(flow, store, clock, &prepared, work).await?;
    if let Some(fault) = job.outranked {
        return Err(fault);
    }
    let before = store.entry(&flow.name, work.number).await?.map(|entry: EntryView| entry.items).unwrap_or_default();
    let after: Vec<Item> = match job.target {
        Target::Dead(fault) => return Err(fault),
        Target::InSync | Target::Filtered(_) | Target::Gone => {
            job.parts.into_iter().filter_map(crate::prepare::Part::item).collect()
        }
    };
    Ok(differences(&before, &after))
}

/// Why nothing is sent for a record whose latest form could not be understood.
fn unread(work: &Work) -> Fault {
    Fault::record("C0609", format!("{} {} could not be understood when it was read last", work.kind, work.id))
        .hint("what the destination holds of it is left as it is; `cartage explain` says why, mend it at the source")
}

/// Field by field.
pub fn differences(before: &[Item], after: &[Item]) -> Vec<FieldChange> {
    let fields = |items: &[Item]| -> BTreeMap<RemoteId, Map<String, Json>> {
        let object = |item: &Item| serde_json::from_str(&item.payload.object()).unwrap_or_default();
        items.iter().map(|item| (item.id.clone(), object(item))).collect()
    };
    let (before, after) = (fields(before), fields(after));
    let mut changes = Vec::new();
    let nothing = Map::new();
    let ids: std::collections::BTreeSet<&RemoteId> = before.keys().chain(after.keys()).collect();
    for id in ids {
        let (was, is) = (before.get(id).unwrap_or(&nothing), after.get(id).unwrap_or(&nothing));
        let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        for name in names {
            let (before, after) = (was.get(name).cloned(), is.get(name).cloned());
            if before != after {
                changes.push(FieldChange { item: id.clone(), field: name.clone(), before, after });
            }
        }
    }
    changes
}
