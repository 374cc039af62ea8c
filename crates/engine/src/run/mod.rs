//! Runs all parts: in one pass ([`Engine::sync`], `pass.rs`) or continuously ([`Engine::run`], `service.rs`). How often
//! and after which pauses is decided in `cadence.rs`.
//!
//! **Invariants:** a turn that did nothing is never followed by another without a pause; a fault of one flow, lane or
//! source stops no other.

mod cadence;
mod health;
mod hooks;
mod pass;
mod service;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contract::{
    Clock, Fault, FaultClass, Lane, Store,
    store::{LaneState, Leased, Retention, Sweep},
};
use model::Timestamp;
use tokio::sync::watch;

pub use self::{
    health::{Health, Problem},
    pass::{SyncOptions, Synced},
};
use crate::{
    flow::Flow,
    observe::Observer,
    pull::{Mode, Pull, Stopped, Walked},
    push::Push,
};

/// Touches carried out in one transaction: a sale that begins on every product at once must not delay calls.
const TOUCHES: usize = 500;
/// About so many rows are deleted in one transaction of pruning.
const PRUNED_AT_ONCE: usize = 1000;
/// Every task looks for work again after this, even if nothing notified it.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Sources, flows, and their shared parts.
#[derive(Clone)]
pub struct Engine {
    /// Sources, by name.
    pub origins: Vec<Arc<Origin>>,
    /// Flows.
    pub flows: Vec<Arc<Flow>>,
    /// Mirror and ledger.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Receives events.
    pub observer: Arc<dyn Observer>,
    /// How long a record waits before its second attempt.
    pub first_backoff: Duration,
    /// How long finished rows are kept.
    pub retention: Retention,
    /// Present problems of `run`.
    pub health: Arc<Health>,
}

/// A source and how it is read.
#[derive(Clone)]
pub struct Origin {
    /// Reads it.
    pub pull: Pull,
    /// How many first or full reads of carried records are under way.
    pub filling: watch::Sender<u32>,
    /// True once everything that products depend on was read.
    pub ready: watch::Sender<bool>,
    /// Cadences that are set, by lane.
    pub cadence: BTreeMap<String, Duration>,
    /// How often everything is read.
    pub full_every: Duration,
    /// Where its webhooks are to deliver to; `None`: it has none.
    pub hooks: Option<String>,
}

impl Engine {
    /// The same engine without guards: its walks may delete whatever the source does not have, and its pushes may remove
    /// whatever flows do not carry.
    #[must_use]
    pub fn unguarded(&self) -> Self {
        let origin = |origin: &Arc<Origin>| {
            let pull = Pull { guard: None, ..origin.pull.clone() };
            Arc::new(Origin { pull, ..Origin::clone(origin) })
        };
        let flow = |flow: &Arc<Flow>| Arc::new(Flow { guard: None, ..Flow::clone(flow) });
        Self {
            origins: self.origins.iter().map(origin).collect(),
            flows: self.flows.iter().map(flow).collect(),
            ..self.clone()
        }
    }

    /// Registers the flows in the store: items of calls that a crash cut off are in doubt from here on. Deletes the
    /// records of lanes that were switched off since the last start.
    ///
    /// # Errors
    /// The store's.
    pub async fn register(&self) -> Result<(), Fault> {
        for origin in &self.origins {
            self.remove_disabled_lanes(origin).await?;
        }
        for flow in &self.flows {
            self.register_flow(flow).await?;
        }
        let sources: Vec<_> = self.origins.iter().map(|origin| origin.pull.name.clone()).collect();
        let flows: Vec<_> = self.flows.iter().map(|flow| flow.name.clone()).collect();
        self.store.retire_others(&sources, &flows).await
    }

    async fn register_flow(&self, flow: &Flow) -> Result<(), Fault> {
        self.store.declare(&flow.declared()).await?;
        self.store.recover(&flow.name).await?;
        Ok(())
    }

    /// Deletes the records that no lane reads any more: they would never be updated or deleted, and would count for
    /// ever. `sweep_guard` does not apply, because the settings ask for it, not a source that may be broken.
    async fn remove_disabled_lanes(&self, origin: &Origin) -> Result<(), Fault> {
        let source = &origin.pull.name;
        let lanes = origin.pull.source.lanes();
        let mut sweeps = self.store.scopes(source).await?;
        sweeps.retain(|swept| !lanes.iter().any(|lane| lane.sweeps.contains(swept)));
        for (lane, before) in self.store.lanes(source).await? {
            // If the lane is switched on again, it starts with a new pass, in which no record was seen.
            let beginning = |passes| LaneState { passes, version: before.version, ..LaneState::default() };
            if before == beginning(before.passes) || lanes.iter().any(|it| it.name == lane) {
                continue;
            }
            let pass = before.passes + 1;
            let state = beginning(pass);
            let sweep = Sweep {
                source: source.clone(),
                lane,
                lease: self.store.lease(&Leased::Source(source.clone())).await?,
                state,
                sweeps: sweeps.clone(),
                pass,
                before: None,
                since: None,
                guard: None,
                at: self.clock.now(),
            };
            let (lane, swept) = (sweep.lane.clone(), self.store.sweep(sweep).await?);
            tracing::info!(%source, lane, records = swept.missing, "the lane is switched off; its records are deleted from the mirror");
        }
        Ok(())
    }

    /// Deletes finished rows that are older than their retention.
    async fn prune(&self) -> Result<(), Fault> {
        let (mut calls, mut tombstones, mut former) = (0, 0, 0);
        loop {
            // In steps, so that reads and pushes run in between.
            let pruned = self.store.prune(self.clock.now(), &self.retention, PRUNED_AT_ONCE).await?;
            calls += pruned.calls;
            tombstones += pruned.tombstones;
            former += pruned.former;
            if !pruned.more {
                break;
            }
        }
        if calls + tombstones + former > 0 {
            tracing::info!(calls, tombstones, former, "what was finished was deleted");
        }
        Ok(())
    }

    /// Whether everything is due to be read again: only a full read finds records that were deleted without a message.
    async fn mode(&self, origin: &Origin, lane: &Lane) -> Result<Mode, Fault> {
        let state = self.store.lane(&origin.pull.name, &lane.name).await?;
        let now = self.clock.now();
        // A time in the future: the clock was set back since.
        let due = state.full_at.is_none_or(|at| at > now || at.plus(origin.full_every) <= now)
            || self.missed(origin, &state).await?;
        Ok(if due { Mode::Everything } else { Mode::Changes })
    }

    /// Reads a lane until its walk ends or `stop` turns true. The outer error is the store's, the inner one the source's.
    async fn walk(
        &self,
        origin: &Origin,
        lane: &Lane,
        mode: Mode,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Result<Walked, Fault>, Fault> {
        if *stop.borrow() {
            return Ok(Err(stopped()));
        }
        tokio::select! {
            walked = origin.pull.walk(lane, mode) => match walked {
                Ok(walked) => Ok(Ok(walked)),
                Err(Stopped::Source(fault)) => Ok(Err(fault)),
                Err(Stopped::Store(fault)) => Err(fault),
            },
            _ = stop.changed() => Ok(Err(stopped())),
        }
    }

    /// Whether everything that products depend on was read at least once.
    async fn is_ready(&self, origin: &Origin, lanes: &[Lane]) -> Result<bool, Fault> {
        let states = self.store.lanes(&origin.pull.name).await?;
        let was_read = |lane: &Lane| states.get(&*lane.name).is_some_and(|state| state.full_at.is_some());
        Ok(lanes.iter().filter(|lane| lane.needed).all(was_read))
    }

    /// When a flow has to make its next call because time has passed: a retry, or a poll of an import.
    async fn next_call(&self, flow: &Flow) -> Result<Option<Timestamp>, Fault> {
        let wake = self.store.next_wake(&flow.name).await?;
        Ok([wake.retry, wake.ask].into_iter().flatten().min())
    }

    /// Waits until `until`, at most [`LONGEST_WAIT`].
    async fn rest(&self, until: Option<Timestamp>) {
        let longest = self.clock.now().plus(LONGEST_WAIT);
        self.clock.sleep_until(until.unwrap_or(longest).min(longest)).await;
    }

    /// Waits until `until`: a pause as long as it takes, because sooner nothing would be different, and else as
    /// [`Engine::rest`].
    async fn rest_or_pause(&self, until: Option<Timestamp>, is_paused: bool) {
        match until {
            Some(until) if is_paused => self.clock.sleep_until(until).await,
            until => self.rest(until).await,
        }
    }

    /// The push of a flow.
    pub fn push(&self, flow: &Arc<Flow>, stop: &watch::Receiver<bool>) -> Push {
        let origin = self.origins.iter().find(|origin| origin.pull.name == flow.source);
        let (news, filling) = match origin {
            Some(origin) => (origin.pull.news.subscribe(), origin.filling.subscribe()),
            None => (watch::channel(0).1, watch::channel(0).1),
        };
        Push {
            flow: Arc::clone(flow),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&self.observer),
            news,
            filling,
            stop: stop.clone(),
            first_backoff: self.first_backoff,
        }
    }
}

/// Counts a first or full read as under way until it is dropped.
struct Filling(watch::Sender<u32>);

impl Filling {
    fn begin(origin: &Origin) -> Self {
        origin.filling.send_modify(|walks| *walks += 1);
        Self(origin.filling.clone())
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        self.0.send_modify(|walks| *walks = walks.saturating_sub(1));
    }
}

fn stopped() -> Fault {
    Fault::new(FaultClass::Transient, "C0606", "stopped before the walk ended")
        .hint("run it again: it goes on from there")
}
