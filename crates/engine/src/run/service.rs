//! Runs continuously: a task per lane and per flow, and one for due times.

use std::{sync::Arc, time::Duration};

use contract::{Fault, Lane};
use model::Kind;
use tokio::{sync::watch, task::JoinSet};

use super::{
    Engine, Filling, Origin, TOUCHES,
    cadence::{Backoff, Cadence, Idle},
};
use crate::{
    defect::cut_off,
    flow::Flow,
    observe::Event,
    pull::{Mode, Stopped, Walked},
};

/// Finished rows are pruned for the first time after this, so that a start is not slowed, and then every
/// [`PRUNE_EVERY`].
const FIRST_PRUNE: Duration = Duration::from_mins(5);
/// See [`FIRST_PRUNE`].
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// How often due times and waiting touches are checked, in addition to when the next one is due.
const WAKE_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked whether an erasure can be ended.
const ERASURES_EVERY: Duration = Duration::from_secs(2);
/// Hints that come within this time are answered together.
const GATHER: Duration = Duration::from_millis(250);
/// Pause between two rounds of spreading touches, so that live changes are pushed in between.
const SPREAD_PAUSE: Duration = Duration::from_millis(20);

impl Engine {
    /// Reads and pushes until `stop` turns true, then lets the calls under way end. A transient fault of the store (a
    /// full disk) ends no task: the task that met it pauses and goes on by itself.
    ///
    /// # Errors
    /// A permanent fault of the store.
    pub async fn run(self: &Arc<Self>, stop: &watch::Receiver<bool>) -> Result<(), Fault> {
        let mut tasks = JoinSet::new();
        for origin in &self.origins {
            for lane in origin.pull.source.lanes() {
                let (engine, origin, stop) = (Arc::clone(self), Arc::clone(origin), stop.clone());
                let task = format!("source {}, lane {}", origin.pull.name, lane.name);
                tasks.spawn(async move {
                    let read = || engine.keep_reading(&origin, &lane, &task, stop.clone());
                    engine.keep_up(&task, read, stop.clone()).await
                });
            }
        }
        for origin in &self.origins {
            let (engine, origin, stop) = (Arc::clone(self), Arc::clone(origin), stop.clone());
            let task = format!("source {}, hints", origin.pull.name);
            tasks.spawn(async move {
                let refresh = || engine.keep_refreshing(&origin, &task, stop.clone());
                engine.keep_up(&task, refresh, stop.clone()).await
            });
        }
        for origin in self.origins.iter().filter(|origin| origin.hooks.is_some()) {
            let (engine, origin, stop) = (Arc::clone(self), Arc::clone(origin), stop.clone());
            let task = format!("source {}, webhooks", origin.pull.name);
            tasks.spawn(async move {
                let register = || engine.keep_hooked(&origin, &task, stop.clone());
                engine.keep_up(&task, register, stop.clone()).await
            });
        }
        for flow in &self.flows {
            let (engine, flow, stop) = (Arc::clone(self), Arc::clone(flow), stop.clone());
            let task = format!("flow {}", flow.name);
            tasks.spawn(async move {
                let push = || engine.keep_pushing(&flow, &task, stop.clone());
                engine.keep_up(&task, push, stop.clone()).await
            });
        }
        let (engine, stopped) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move {
            let task = "due times";
            let wake = || engine.keep_waking(task, stopped.clone());
            engine.keep_up(task, wake, stopped.clone()).await
        });
        let (engine, stopped) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move {
            let task = "pruning";
            let prune = || engine.keep_pruning(task, stopped.clone());
            engine.keep_up(task, prune, stopped.clone()).await
        });
        let (engine, stopped) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move {
            let task = "erasures";
            let end = || engine.keep_ending_erasures(task, stopped.clone());
            engine.keep_up(task, end, stopped.clone()).await
        });
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|error| cut_off("C0601", "work", &error))??;
        }
        Ok(())
    }

    /// Restarts a task, after growing pauses, as long as the store's faults are transient.
    async fn keep_up<F>(&self, task: &str, run: impl Fn() -> F, mut stop: watch::Receiver<bool>) -> Result<(), Fault>
    where
        F: Future<Output = Result<(), Fault>>,
    {
        let mut backoff = Backoff::new();
        loop {
            let Err(fault) = run().await else { return Ok(()) };
            if !fault.class.is_passing() || *stop.borrow() {
                return Err(fault);
            }
            // The task worked in between: this is another fault, not the same one.
            if !self.health.problems().iter().any(|problem| problem.task == task) {
                backoff.reset();
            }
            self.health.report(task, &fault, self.clock.now());
            let wait = backoff.after(&fault);
            self.observer.notify(&Event::StoreFailed { task, fault: &fault, wait });
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now().plus(wait)) => {}
                _ = stop.changed() => return Err(fault),
            }
        }
    }

    async fn keep_reading(
        &self,
        origin: &Origin,
        lane: &Lane,
        task: &str,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Fault> {
        let lanes = origin.pull.source.lanes();
        if !*origin.ready.borrow() {
            origin.ready.send_replace(self.is_ready(origin, &lanes).await?);
        }
        let mut ready = origin.ready.subscribe();
        if !lane.needed {
            tokio::select! {
                _ = ready.wait_for(|ready| *ready) => {}
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            }
        }
        let mut pace = Cadence::new(lane, origin.cadence.get(&*lane.name).copied());
        while !*stop.borrow() {
            if origin.pull.is_to_be_covered(lane).await? {
                // Its own walk would bring the same at the same time.
                tokio::select! {
                    () = self.rest(None) => {}
                    _ = stop.changed() => {}
                }
                continue;
            }
            let covered = self.covered(origin, lane).await?;
            let walked = match covered {
                Some(walked) => Ok(walked),
                None => self.walk_when_due(origin, lane, &mut stop).await?,
            };
            if lane.needed && !*origin.ready.borrow() {
                origin.ready.send_replace(self.is_ready(origin, &lanes).await?);
            }
            match &walked {
                Ok(_) => self.health.clear(task),
                Err(fault) => self.health.report(task, fault, self.clock.now()),
            }
            if let Some(lane) = origin.pull.source.lanes().iter().find(|now| now.name == lane.name) {
                pace.bound(lane);
            }
            let wait = pace.next(&walked);
            let wait = covered.map_or(wait, |covered| wait.saturating_sub(covered.took));
            let hinted = async {
                // However many hints come, the lane is not read without end.
                self.clock.sleep_until(self.clock.now().plus(pace.rest(&walked))).await;
                self.hinted(origin, lane).await
            };
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now().plus(wait)) => {}
                // A failed read is not repeated sooner because of a hint.
                hinted = hinted, if walked.is_ok() => hinted?,
                _ = stop.changed() => {}
            }
        }
        Ok(())
    }

    /// Reads a lane: changes, or everything if that is due.
    async fn walk_when_due(
        &self,
        origin: &Origin,
        lane: &Lane,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Result<Walked, Fault>, Fault> {
        let mode = self.mode(origin, lane).await?;
        let carries = lane.sweeps.iter().any(|(kind, _)| Kind::CARRIED.contains(kind));
        let _filling = (mode == Mode::Everything && carries).then(|| Filling::begin(origin));
        self.walk(origin, lane, mode, stop).await
    }

    /// A walk of another lane that counts as one of this lane, as long ago as it began.
    async fn covered(&self, origin: &Origin, lane: &Lane) -> Result<Option<Walked>, Fault> {
        let Some(began_at) = origin.pull.cover(lane).await? else { return Ok(None) };
        let took = began_at.until(origin.pull.instant().await?);
        Ok(Some(Walked { full: true, took, ..Walked::default() }))
    }

    /// Returns once a hint asks for this lane to be read.
    async fn hinted(&self, origin: &Origin, lane: &Lane) -> Result<(), Fault> {
        let mut hinted = origin.pull.hinted.subscribe();
        while !self.wants_read(origin, lane).await? {
            if hinted.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }

    /// Whether a lane is to be read now: a hint is about it, or deliveries were lost since it was read as a whole.
    async fn wants_read(&self, origin: &Origin, lane: &Lane) -> Result<bool, Fault> {
        if origin.pull.is_hinted(lane).await? {
            return Ok(true);
        }
        let state = self.store.lane(&origin.pull.name, &lane.name).await?;
        self.missed(origin, &state).await
    }

    /// Asks for the records that hints name, as soon as there are any.
    async fn keep_refreshing(&self, origin: &Origin, task: &str, mut stop: watch::Receiver<bool>) -> Result<(), Fault> {
        let mut hinted = origin.pull.hinted.subscribe();
        let mut backoff = Backoff::new();
        while !*stop.borrow() {
            let wait = match origin.pull.refresh().await {
                Ok(_) => {
                    self.health.clear(task);
                    backoff.reset();
                    // Many changes of one record that follow each other are one read.
                    self.clock.sleep_until(self.clock.now().plus(GATHER)).await;
                    None
                }
                Err(Stopped::Source(fault)) => {
                    self.health.report(task, &fault, self.clock.now());
                    Some(backoff.after(&fault))
                }
                Err(Stopped::Store(fault)) => return Err(fault),
            };
            tokio::select! {
                () = self.rest_or_pause(wait.map(|wait| self.clock.now().plus(wait)), wait.is_some()) => {}
                _ = hinted.changed(), if wait.is_none() => {}
                _ = stop.changed() => {}
            }
        }
        Ok(())
    }

    async fn keep_pushing(&self, flow: &Arc<Flow>, task: &str, mut stop: watch::Receiver<bool>) -> Result<(), Fault> {
        if let Some(origin) = self.origins.iter().find(|origin| origin.pull.name == flow.source) {
            let mut ready = origin.ready.subscribe();
            tokio::select! {
                _ = ready.wait_for(|ready| *ready) => {}
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            }
        }
        // After a fault of the store calls may have been cut off: their items are in doubt, as after a crash.
        self.register_flow(flow).await?;
        let push = self.push(flow, &stop);
        let mut news = push.news.clone();
        let (mut backoff, mut idle) = (Backoff::new(), Idle::new());
        while !*stop.borrow() {
            news.mark_unchanged();
            let pushed = push.until_idle().await?;
            let now = self.clock.now();
            let until = if let Some(fault) = &pushed.paused {
                self.health.report(task, fault, now);
                Some(now.plus(backoff.after(fault)))
            } else {
                self.health.clear(task);
                backoff.reset();
                match pushed.resume_at {
                    None => self.next_call(flow).await?,
                    resume_at => resume_at,
                }
            };
            let least = now.plus(idle.after(pushed.worked()));
            let until = until.map(|until| until.max(least));
            tokio::select! {
                () = self.rest_or_pause(until, pushed.paused.is_some()) => {}
                // A paused flow makes no calls whatever changes at the source.
                _ = news.changed(), if pushed.paused.is_none() => {}
                _ = stop.changed() => {}
            }
        }
        Ok(())
    }

    /// Deletes finished rows that are older than their retention, from time to time.
    async fn keep_pruning(&self, task: &str, mut stop: watch::Receiver<bool>) -> Result<(), Fault> {
        let mut wait = FIRST_PRUNE;
        while !*stop.borrow() {
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now().plus(wait)) => {}
                _ = stop.changed() => return Ok(()),
            }
            self.prune().await?;
            self.health.clear(task);
            wait = PRUNE_EVERY;
        }
        Ok(())
    }

    /// Ends erasures whose removals are settled.
    async fn keep_ending_erasures(&self, task: &str, mut stop: watch::Receiver<bool>) -> Result<(), Fault> {
        let mut backoff = Backoff::new();
        while !*stop.borrow() {
            let wait = if let Some(fault) = self.end_erasures().await?.first() {
                self.health.report(task, fault, self.clock.now());
                backoff.after(fault)
            } else {
                self.health.clear(task);
                backoff.reset();
                ERASURES_EVERY
            };
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now().plus(wait)) => {}
                _ = stop.changed() => {}
            }
        }
        Ok(())
    }

    /// Carries out due projections, and touches that wait to be spread.
    async fn keep_waking(&self, task: &str, mut stop: watch::Receiver<bool>) -> Result<(), Fault> {
        while !*stop.borrow() {
            let (mut woken, mut waiting) = (0, 0);
            for origin in &self.origins {
                let touch = origin.pull.touch().await?;
                let due = self.store.wake(&touch, TOUCHES).await?;
                let left = self.store.spread(&touch, TOUCHES).await?;
                if due > 0 || left > 0 {
                    origin.pull.ring();
                }
                (woken, waiting) = (woken + due, waiting + left);
            }
            let now = self.clock.now();
            let mut next = now.plus(if waiting > 0 { SPREAD_PAUSE } else { WAKE_EVERY });
            for flow in &self.flows {
                next = self.store.next_wake(&flow.name).await?.due.map_or(next, |due| due.min(next));
            }
            // A due time that this round did not carry out would not be carried out in the next one without a pause.
            if woken == 0 {
                next = next.max(now.plus(SPREAD_PAUSE));
            }
            self.health.clear(task);
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                _ = stop.changed() => {}
            }
        }
        Ok(())
    }
}
