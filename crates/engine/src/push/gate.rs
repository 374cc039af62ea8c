//! The state of a destination's account, shared by all flows into it: calls under way, pauses that it asked for, and
//! whether it works at all.
//!
//! **Invariants:** all flows into an account together make no more calls at once than it allows; refusals are counted
//! by items, so that it does not matter how many a call carries; random numbers come from [`Random`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contract::{Fault, FaultClass, Outcome, Random, Ref, store::Number};
use model::{FlowName, Timestamp};
use tokio::sync::watch;

/// Items refused in a row, after which the flow pauses, because the cause is not in the records. The record of the last
/// one does not become a dead letter.
pub const REFUSED_IN_A_ROW: u32 = 50;
/// Calls that failed in a row, after which the flow pauses.
const FAILED_IN_A_ROW: u32 = 8;
/// A destination that asks for a longer pause pauses the flow, so that the caller can do something else.
const LONGEST_QUIET: Duration = Duration::from_secs(15);
/// Longest pause that an account is given.
const LONGEST_PAUSE: Duration = Fault::LONGEST_WAIT;
/// Longest wait of a record between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_mins(10);

/// An account at a destination.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    random: Random,
    /// Changes when a call ended, also an asynchronous one.
    freed: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    calls: usize,
    quiet_until: Timestamp,
    refused_in_a_row: u32,
    failed_in_a_row: u32,
    succeeded_at: Option<Timestamp>,
    /// Asynchronous calls, by flow.
    imports: BTreeMap<FlowName, usize>,
    /// The records that other records wait for, as the destination answered.
    waits: BTreeMap<(FlowName, Number), Ref>,
    /// Whether flows have stopped, as the store knows.
    stopped: BTreeMap<FlowName, bool>,
}

/// The right to have a call under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Gate>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.state().calls -= 1;
        self.0.freed.send_modify(|calls| *calls += 1);
    }
}

impl Gate {
    /// An account without history. `random`: for the jitter of delays.
    pub fn new(random: Random) -> Arc<Self> {
        let state = State {
            calls: 0,
            quiet_until: Timestamp::from_millis(i64::MIN),
            refused_in_a_row: 0,
            failed_in_a_row: 0,
            succeeded_at: None,
            imports: BTreeMap::new(),
            waits: BTreeMap::new(),
            stopped: BTreeMap::new(),
        };
        Arc::new(Self { state: Mutex::new(state), random, freed: watch::channel(0).0 })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit for a call, if fewer than `most` are under way.
    pub(super) fn enter(self: &Arc<Self>, most: usize) -> Option<Permit> {
        let mut state = self.state();
        if state.calls + state.imports.values().sum::<usize>() >= most.max(1) {
            return None;
        }
        state.calls += 1;
        Some(Permit(Arc::clone(self)))
    }

    /// Sets how many asynchronous calls of a flow are under way.
    pub(super) fn imports(&self, flow: &FlowName, imports: usize) {
        let before = {
            let mut state = self.state();
            if imports == 0 { state.imports.remove(flow) } else { state.imports.insert(flow.clone(), imports) }
        };
        if before.is_some_and(|before| before > imports) {
            self.freed.send_modify(|calls| *calls += 1);
        }
    }

    /// Whether a call of any flow is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.state().calls > 0
    }

    /// The record that a record waits for.
    pub(super) fn waits_for(&self, flow: &FlowName, number: Number) -> Option<Ref> {
        let state = self.state();
        if state.waits.is_empty() { None } else { state.waits.get(&(flow.clone(), number)).cloned() }
    }

    /// Sets the record that a record waits for, or clears it.
    pub(super) fn wait_for(&self, flow: &FlowName, number: Number, on: Option<Ref>) {
        let mut state = self.state();
        match on {
            Some(on) => drop(state.waits.insert((flow.clone(), number), on)),
            None if state.waits.is_empty() => {}
            None => drop(state.waits.remove(&(flow.clone(), number))),
        }
    }

    /// The records that wait for this one.
    pub(super) fn waiting(&self, flow: &FlowName, on: &Ref) -> Vec<Number> {
        let state = self.state();
        let waiting = state.waits.iter().filter(|((of, _), waits)| of == flow && *waits == on);
        waiting.map(|((_, number), _)| *number).collect()
    }

    /// Whether some record waits for another one.
    pub(super) fn holds_back(&self) -> bool {
        !self.state().waits.is_empty()
    }

    /// Returns once a call of any flow ends, also an asynchronous one, or at once if none is under way.
    pub(super) async fn is_free(&self) {
        let mut freed = self.freed.subscribe();
        let is_full = {
            let state = self.state();
            state.calls > 0 || !state.imports.is_empty()
        };
        if is_full {
            // The sender lives as long as this.
            let _ended = freed.changed().await;
        }
    }

    /// Notes whether a flow has stopped; returns what was noted before, if anything.
    pub(super) fn note_stop(&self, flow: &FlowName, stopped: bool) -> Option<bool> {
        self.state().stopped.insert(flow.clone(), stopped)
    }

    /// The end of the pause that the account asked for. None is longer than [`LONGEST_PAUSE`]: one that seems to be began
    /// before the clock was set back, and is over.
    pub(super) fn quiet_until(&self, now: Timestamp) -> Timestamp {
        let until = self.state().quiet_until;
        if until > now.plus(LONGEST_PAUSE) { now } else { until }
    }

    /// When an item was last delivered by this process.
    pub(super) fn succeeded_at(&self) -> Option<Timestamp> {
        self.state().succeeded_at
    }

    /// Whether so many items in a row were refused that the cause is hardly in the records.
    pub(super) fn refuses_everything(&self) -> bool {
        self.state().refused_in_a_row >= REFUSED_IN_A_ROW
    }

    /// Resets the count of refusals: a person may have changed something.
    pub(super) fn trust_again(&self) {
        self.state().refused_in_a_row = 0;
    }

    /// Delays before the next attempt, drawn once for all records of a call, so that they are retried together.
    pub(crate) fn backoff(&self, first: Duration) -> Backoff {
        Backoff { first, jitter: self.random.draw() }
    }

    /// Updates the account by the outcomes of a call; returns the fault for which the flow pauses, if it does. A call
    /// counts as one failure, however many items it carried, and as none if any of them arrived. Refusals beyond
    /// [`REFUSED_IN_A_ROW`] become deferrals, so that their records do not become dead letters.
    pub(super) fn judge(&self, outcomes: &mut [Outcome], first_backoff: Duration, now: Timestamp) -> Option<Fault> {
        let arrived = outcomes.iter().any(Outcome::is_delivered);
        {
            let mut state = self.state();
            for outcome in outcomes.iter_mut() {
                match outcome {
                    Outcome::Delivered | Outcome::DeliveredWith(_) => state.refused_in_a_row = 0,
                    Outcome::Rejected(fault) => {
                        state.refused_in_a_row = state.refused_in_a_row.saturating_add(1);
                        if state.refused_in_a_row >= REFUSED_IN_A_ROW {
                            let items = usize::try_from(REFUSED_IN_A_ROW).unwrap_or(usize::MAX);
                            *outcome = Outcome::Deferred(all_refused(items, fault));
                        }
                    }
                    Outcome::Deferred(_) | Outcome::Unknown(_) | Outcome::Blocked(_) => {}
                }
            }
            if arrived {
                state.failed_in_a_row = 0;
                state.succeeded_at = Some(now);
            }
        }
        let failed = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Deferred(_) | Outcome::Unknown(_)));
        let worst = failed.max_by_key(|outcome| (pauses(outcome), outcome.fault().and_then(|it| it.retry_after)))?;
        let fault = worst.fault()?;
        let failed_in_a_row = {
            let mut state = self.state();
            state.failed_in_a_row = state.failed_in_a_row.saturating_add(u32::from(!arrived));
            state.failed_in_a_row
        };
        let long = self.rest(fault, first_backoff, failed_in_a_row, now);
        (long.is_some() || pauses(worst) || failed_in_a_row >= FAILED_IN_A_ROW)
            .then(|| long.unwrap_or_else(|| fault.clone()))
    }

    /// Notes a pause that the account asks for; returns the fault to pause the flow with if it is long.
    fn rest(&self, fault: &Fault, first_backoff: Duration, failed: u32, now: Timestamp) -> Option<Fault> {
        if fault.class != FaultClass::Throttled && fault.retry_after.is_none() {
            return None;
        }
        // Never shorter than the own delay: "retry after 0" must not switch the delays off.
        let own = self.backoff(first_backoff).after(failed.saturating_sub(1));
        let wait = fault.retry_after.unwrap_or_default().max(own);
        let mut state = self.state();
        let since = if state.quiet_until > now.plus(LONGEST_PAUSE) { now } else { state.quiet_until };
        state.quiet_until = since.max(now.plus(wait));
        (wait > LONGEST_QUIET).then(|| fault.clone().after(Some(wait)))
    }
}

/// Delays that double with every attempt, with a random addition of up to a quarter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    jitter: u64,
}

impl Backoff {
    /// The delay after so many attempts before this one.
    pub(crate) fn after(self, attempts: u32) -> Duration {
        let whole = self.first.saturating_mul(2_u32.saturating_pow(attempts.min(16))).min(LONGEST_BACKOFF);
        let quarter = u64::try_from(whole.as_millis() / 4).unwrap_or(u64::MAX).max(1);
        whole + Duration::from_millis(self.jitter % quarter)
    }
}

/// The fault of a flow that can't go on before a person has changed something.
pub(super) fn pauses(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Deferred(fault) if matches!(fault.class, FaultClass::Credentials | FaultClass::Config))
}

/// The refusal of a call that carried several records, if all of its items were refused alike: its cause is hardly in each
/// of the records. `numbers`: the record of each item.
pub(super) fn refused_alike(mut numbers: impl Iterator<Item = Number>, outcomes: &[Outcome]) -> Option<&Fault> {
    let Some((Outcome::Rejected(first), others)) = outcomes.split_first() else { return None };
    let is_alike = |outcome: &Outcome| matches!(outcome, Outcome::Rejected(fault) if fault.code == first.code);
    let one = numbers.next();
    (others.iter().all(is_alike) && numbers.any(|number| Some(number) != one)).then_some(first)
}

/// The fault of a flow whose account refused so many items in a row.
pub(super) fn all_refused(items: usize, last: &Fault) -> Fault {
    let message = format!("{items} items in a row were refused and none accepted; the last: {last}");
    let fault = Fault::config("C0603", message).hint(
        "it is hardly the records: look at the destination's settings and the flow's fields, then `cartage dead replay`",
    );
    match &last.response {
        Some(response) => fault.response(response.clone()),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(500);
    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn refused(items: usize) -> Vec<Outcome> {
        vec![Outcome::Rejected(Fault::record("C0998", "no")); items]
    }

    /// Items that become dead letters when calls of this size are refused until the flow pauses.
    fn blamed(size: usize) -> usize {
        let gate = Gate::new(Random::seeded(1));
        let mut blamed = 0;
        loop {
            let mut outcomes = refused(size);
            let paused = gate.judge(&mut outcomes, FIRST, NOW);
            blamed += outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Rejected(_))).count();
            if let Some(fault) = paused {
                assert_eq!(fault.code, "C0603");
                return blamed;
            }
        }
    }

    #[tokio::test]
    async fn an_import_that_ends_makes_room_for_other_flows() {
        let gate = Gate::new(Random::seeded(1));
        gate.imports(&"one".into(), 2);
        {
            let free = gate.is_free();
            tokio::pin!(free);
            tokio::select! {
                biased;
                () = &mut free => panic!("nothing has ended"),
                () = std::future::ready(()) => {}
            }
            gate.imports(&"one".into(), 1);
            free.await;
        }
        gate.imports(&"one".into(), 0);
        gate.is_free().await;
    }

    #[test]
    fn refusals_are_counted_by_items_whatever_a_call_carries() {
        for size in [1, 7, 49, 50, 500] {
            assert_eq!(blamed(size), 49, "calls of {size}");
        }
    }

    #[test]
    fn one_accepted_item_begins_the_count_again() {
        let gate = Gate::new(Random::seeded(1));
        for _ in 0..20 {
            let mut outcomes = refused(48);
            outcomes.push(Outcome::Delivered);
            assert_eq!(gate.judge(&mut outcomes, FIRST, NOW), None);
        }
    }

    #[test]
    fn calls_under_way_are_counted_over_all_flows_and_given_back() {
        let gate = Gate::new(Random::seeded(1));
        let first = gate.enter(2).unwrap();
        let second = gate.enter(2).unwrap();
        assert!(gate.enter(2).is_none());
        drop(first);
        assert!(gate.enter(2).is_some());
        drop(second);
    }

    #[test]
    fn delays_double_vary_and_depend_on_the_seed_alone() {
        let delays = |seed| {
            (0..6).map(|attempts| Gate::new(Random::seeded(seed)).backoff(FIRST).after(attempts)).collect::<Vec<_>>()
        };
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));
        for (attempts, delay) in delays(7).into_iter().enumerate() {
            let least = FIRST * 2_u32.pow(u32::try_from(attempts).unwrap());
            assert!((least..least * 5 / 4 + Duration::from_millis(1)).contains(&delay), "{delay:?}");
        }
    }

    #[test]
    fn a_destination_that_asks_for_no_wait_is_given_quiet_all_the_same() {
        let gate = Gate::new(Random::seeded(1));
        let fault = Fault::throttled("C0998", "slow down").after(Some(Duration::ZERO));
        let quiet = |now: Timestamp| {
            gate.judge(&mut [Outcome::Deferred(fault.clone())], FIRST, now);
            now.until(gate.quiet_until(now))
        };
        let waits: Vec<Duration> = (0..4).map(|_| quiet(gate.quiet_until(NOW).max(NOW))).collect();
        assert!(waits[0] >= FIRST && waits.windows(2).all(|pair| pair[1] > pair[0]), "{waits:?}");
    }

    #[test]
    fn a_destination_that_asks_for_years_is_given_an_hour() {
        let gate = Gate::new(Random::seeded(1));
        let fault = Fault::throttled("C0998", "slow down").after(Some(Duration::from_hours(90_000)));
        gate.judge(&mut [Outcome::Deferred(fault)], FIRST, NOW);
        assert_eq!(NOW.until(gate.quiet_until(NOW)), Fault::LONGEST_WAIT);
    }

    #[test]
    fn a_pause_that_began_before_the_clock_was_set_back_is_over() {
        let gate = Gate::new(Random::seeded(1));
        let fault = Fault::throttled("C0998", "slow down").after(Some(Duration::from_mins(2)));
        gate.judge(&mut [Outcome::Deferred(fault.clone())], FIRST, NOW);
        let back = NOW.minus(Duration::from_hours(24));
        assert_eq!(back.until(gate.quiet_until(back)), Duration::ZERO);
        gate.judge(&mut [Outcome::Deferred(fault)], FIRST, back);
        assert_eq!(back.until(gate.quiet_until(back)), Duration::from_mins(2));
    }

    #[test]
    fn an_account_that_fails_again_and_again_pauses_the_flow() {
        let gate = Gate::new(Random::seeded(1));
        let fault = Fault::transient("C0998", "down");
        let paused = (1..20).find(|_| gate.judge(&mut [Outcome::Unknown(fault.clone())], FIRST, NOW).is_some());
        assert_eq!(paused, Some(8));
        assert_eq!(gate.judge(&mut [Outcome::Delivered], FIRST, NOW), None);
        assert_eq!(gate.judge(&mut [Outcome::Unknown(fault)], FIRST, NOW), None);
    }
}
