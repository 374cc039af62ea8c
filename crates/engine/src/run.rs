//! Puts the parts together: one pass over everything ([`Engine::sync`]) or for good ([`Engine::run`]).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contract::{
    Clock, Fault, FaultClass, Lane, Store,
    store::{LaneState, Sweep},
};
use model::{FlowName, Kind, SourceName, Timestamp};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    flow::Flow,
    observe::Observer,
    pull::{Mode, Pull, Walked},
    push::{Push, Pushed},
};

/// Touches carried out in one transaction: a sale that begins on every product at once must not hold up what is sent.
const TOUCHES: usize = 500;
/// Nothing in the daemon waits longer without looking again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A flow that paused is tried again after this, then after twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause of a flow, and the longest wait of a lane after a fault.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Touches and due times are looked at this often, besides when the next one is due.
const WAKE_EVERY: Duration = Duration::from_millis(500);
/// Between two rounds of spreading touches, so that live changes get in between.
const SPREAD_PAUSE: Duration = Duration::from_millis(20);
/// A lane rests at least so many times as long as its last walk took, so that reading never becomes all it does.
const REST: u32 = 4;

/// Sources, flows, and what they share.
pub struct Engine {
    /// Sources, by name.
    pub origins: Vec<Arc<Origin>>,
    /// Flows.
    pub flows: Vec<Arc<Flow>>,
    /// Mirror and ledger.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// How long a record waits before its second attempt.
    pub first_backoff: Duration,
}

/// A source and how it is read.
pub struct Origin {
    /// Reads it.
    pub pull: Pull,
    /// How many first or full reads of carried records are under way.
    pub filling: watch::Sender<u32>,
    /// Everything that products depend on was read at least once.
    pub ready: watch::Sender<bool>,
    /// Cadences that are set, by lane.
    pub cadence: BTreeMap<String, Duration>,
    /// How often everything is read.
    pub full_every: Duration,
}

/// What a pass is asked for.
#[derive(Clone, Debug)]
pub struct SyncOptions {
    /// Read everything, also where that is not due yet, rather than what changed.
    pub full: bool,
    /// Only these flows; empty: all.
    pub flows: Vec<FlowName>,
    /// How long retries and a destination that fails are waited for.
    pub patience: Duration,
}

/// What a pass did.
#[derive(Clone, Debug, Default)]
pub struct Synced {
    /// By source and lane.
    pub lanes: Vec<(SourceName, &'static str, Result<Walked, Fault>)>,
    /// By flow.
    pub flows: Vec<(FlowName, Pushed)>,
}

/// What became of a lane's walk in a pass.
type LaneResult = (SourceName, &'static str, Result<Walked, Fault>);

impl Engine {
    /// Makes the flows known to the store: what a crash cut off is in doubt from here on. Parts with what lanes read that
    /// are switched off since.
    ///
    /// # Errors
    /// The store's.
    pub async fn register(&self) -> Result<(), Fault> {
        for origin in &self.origins {
            self.part_with_lanes(origin).await?;
        }
        for flow in &self.flows {
            let (fingerprint, ids) = (flow.fingerprint(), flow.destination.ids());
            self.store.register(&flow.name, &flow.source, &fingerprint, ids).await?;
        }
        Ok(())
    }

    /// Of records that no lane reads any more nobody would ever tell that they changed or are gone, and they would count
    /// for ever. The guard has no say: it is the settings that say so, not a source that may be broken.
    async fn part_with_lanes(&self, origin: &Origin) -> Result<(), Fault> {
        let source = &origin.pull.name;
        let lanes = origin.pull.source.lanes();
        let counts = self.store.counts(source).await?;
        let is_read = |kind: &Kind| lanes.iter().any(|lane| lane.kinds.contains(kind));
        let kinds: Vec<Kind> = counts.iter().map(|count| count.kind).filter(|kind| !is_read(kind)).collect();
        for (lane, before) in self.store.lanes(source).await? {
            // It begins anew should it ever be switched on again, with a pass that no record was seen in.
            let beginning = |passes| LaneState { passes, ..LaneState::default() };
            if before == beginning(before.passes) || lanes.iter().any(|it| it.name == lane) {
                continue;
            }
            let pass = before.passes + 1;
            let state = beginning(pass);
            let (at, kinds) = (self.clock.now(), kinds.clone());
            let sweep = Sweep { source: source.clone(), lane, state, kinds, pass, guard: None, at };
            let (lane, swept) = (sweep.lane.clone(), self.store.sweep(sweep).await?);
            tracing::info!(%source, lane, records = swept.missing, "the lane is switched off; what it read is let go");
        }
        Ok(())
    }

    // ── one pass ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// One pass: reads every source that a wanted flow needs, and pushes until the flows are idle. Pushing begins as soon
    /// as what products depend on was read.
    ///
    /// # Errors
    /// The store's. What went wrong with a source or destination is in the result.
    pub async fn sync(self: &Arc<Self>, options: &SyncOptions, stop: &watch::Receiver<bool>) -> Result<Synced, Fault> {
        let wanted = |flow: &&Arc<Flow>| options.flows.is_empty() || options.flows.contains(&flow.name);
        let flows: Vec<&Arc<Flow>> = self.flows.iter().filter(wanted).collect();
        let (mut reads, mut pushes) = (JoinSet::new(), JoinSet::new());
        for origin in &self.origins {
            let flows: Vec<_> = flows.iter().filter(|flow| flow.source == origin.pull.name).collect();
            if flows.is_empty() {
                continue;
            }
            let (stage, watched) = watch::channel(Stage::Needed);
            for flow in flows {
                let (engine, flow, patience) = (Arc::clone(self), Arc::clone(flow), options.patience);
                let (stage, stop) = (watched.clone(), stop.clone());
                pushes.spawn(async move { engine.push_once(&flow, stage, patience, stop).await });
            }
            let (engine, origin, stop, full) = (Arc::clone(self), Arc::clone(origin), stop.clone(), options.full);
            reads.spawn(async move { engine.read_once(&origin, full, stage, stop).await });
        }
        let mut synced = Synced::default();
        while let Some(lanes) = reads.join_next().await {
            synced.lanes.extend(lanes.map_err(cut_off)??);
        }
        while let Some(flow) = pushes.join_next().await {
            synced.flows.push(flow.map_err(cut_off)??);
        }
        synced.flows.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(synced)
    }

    async fn read_once(
        &self,
        origin: &Origin,
        full: bool,
        stage: watch::Sender<Stage>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Vec<LaneResult>, Fault> {
        let name = &origin.pull.name;
        let lanes = origin.pull.source.lanes();
        let mut done = Vec::with_capacity(lanes.len());
        for lane in lanes.iter().filter(|lane| lane.needed) {
            let walked = self.walk_unless_refused(origin, lane, full, &done, &mut stop).await?;
            done.push((name.clone(), lane.name, walked));
        }
        // Without what they depend on, records would be sent wrong: rather not at all.
        let ready = self.is_ready(origin, &lanes).await?;
        let _filling = Filling::begin(origin);
        stage.send_replace(if ready { Stage::Ready } else { Stage::Failed });
        for lane in lanes.iter().filter(|lane| !lane.needed) {
            let walked = self.walk_unless_refused(origin, lane, full, &done, &mut stop).await?;
            done.push((name.clone(), lane.name, walked));
        }
        while self.store.spread(TOUCHES).await? > 0 {
            origin.pull.ring();
        }
        while self.store.wake(self.clock.now(), TOUCHES).await? > 0 {
            origin.pull.ring();
        }
        stage.send_replace(if ready { Stage::Read } else { Stage::Failed });
        Ok(done)
    }

    /// Where credentials were refused before anything could be read, they are refused for every lane: asking again for
    /// each would only get them locked. Once something was read, what is refused is one lane's own right.
    async fn walk_unless_refused(
        &self,
        origin: &Origin,
        lane: &Lane,
        full: bool,
        done: &[LaneResult],
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Result<Walked, Fault>, Fault> {
        if let Some((_, _, Err(fault))) = done.last()
            && fault.class == FaultClass::Credentials
            && done.iter().all(|(_, _, walked)| walked.is_err())
        {
            return Ok(Err(fault.clone()));
        }
        let mode = if full { Mode::Everything } else { self.mode(origin, lane).await? };
        self.walk_to_now(origin, lane, mode, stop).await
    }

    /// A walk that shows the source as it is by now: where it goes on with one that was cut off, another follows.
    async fn walk_to_now(
        &self,
        origin: &Origin,
        lane: &Lane,
        mode: Mode,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Result<Walked, Fault>, Fault> {
        match self.walk(origin, lane, mode, stop).await? {
            Ok(walked) if walked.resumed => {
                Ok(self.walk(origin, lane, mode, stop).await?.map(|later| walked.and(later)))
            }
            walked => Ok(walked),
        }
    }

    /// A walk; the source's fault is kept apart from the store's.
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
                Err(fault) if is_of_store(&fault) => Err(fault),
                walked => Ok(walked),
            },
            _ = stop.changed() => Ok(Err(stopped())),
        }
    }

    /// Whether everything that products depend on was read at least once.
    async fn is_ready(&self, origin: &Origin, lanes: &[Lane]) -> Result<bool, Fault> {
        let states = self.store.lanes(&origin.pull.name).await?;
        let was_read = |lane: &Lane| states.get(lane.name).is_some_and(|state| state.full_at.is_some());
        Ok(lanes.iter().filter(|lane| lane.needed).all(was_read))
    }

    async fn push_once(
        &self,
        flow: &Arc<Flow>,
        mut stage: watch::Receiver<Stage>,
        patience: Duration,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(FlowName, Pushed), Fault> {
        let mut sum = Pushed::default();
        let begins = tokio::select! {
            stage = stage.wait_for(|stage| *stage != Stage::Needed) => stage.is_ok_and(|stage| *stage != Stage::Failed),
            _ = stop.changed() => false,
        };
        if !begins {
            return Ok((flow.name.clone(), sum));
        }
        let push = self.push(flow, &stop);
        let mut news = push.news.clone();
        let mut give_up_at = self.clock.now().plus(patience);
        loop {
            news.mark_unchanged();
            let reading = *stage.borrow_and_update() == Stage::Ready;
            let pushed = push.until_idle().await?;
            if pushed.settled > 0 && pushed.paused.is_none() {
                give_up_at = self.clock.now().plus(patience);
            }
            let paused = pushed.paused.clone();
            sum.add(pushed);
            let until = match paused {
                Some(fault) if !fault.class.is_passing() => break,
                Some(fault) => Some(self.clock.now().plus(fault.retry_after.unwrap_or(self.first_backoff * 4))),
                None => self.store.next_wake(&flow.name).await?.retry,
            };
            if *stop.borrow() || (until.is_none() && !reading) || until.is_some_and(|until| until > give_up_at) {
                break;
            }
            tokio::select! {
                () = self.rest(until) => {}
                _ = stage.changed(), if reading => {}
                _ = news.changed(), if reading => {}
                _ = stop.changed() => break,
            }
        }
        Ok((flow.name.clone(), sum))
    }

    async fn rest(&self, until: Option<Timestamp>) {
        let longest = self.clock.now().plus(LONGEST_WAIT);
        self.clock.sleep_until(until.unwrap_or(longest).min(longest)).await;
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

    // ── for good ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Reads and pushes until `stop` turns true, then lets the calls under way end.
    ///
    /// # Errors
    /// The store's: without it nothing is safe.
    pub async fn run(self: &Arc<Self>, stop: &watch::Receiver<bool>) -> Result<(), Fault> {
        let mut tasks = JoinSet::new();
        for origin in &self.origins {
            let lanes = origin.pull.source.lanes();
            origin.ready.send_replace(self.is_ready(origin, &lanes).await?);
            for lane in lanes {
                let (engine, origin, stop) = (Arc::clone(self), Arc::clone(origin), stop.clone());
                tasks.spawn(async move { engine.keep_reading(&origin, &lane, stop).await });
            }
        }
        for flow in &self.flows {
            let (engine, flow, stop) = (Arc::clone(self), Arc::clone(flow), stop.clone());
            tasks.spawn(async move { engine.keep_pushing(&flow, stop).await });
        }
        let (engine, stop) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { engine.keep_waking(stop).await });
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(cut_off)??;
        }
        Ok(())
    }

    async fn keep_reading(&self, origin: &Origin, lane: &Lane, mut stop: watch::Receiver<bool>) -> Result<(), Fault> {
        let mut ready = origin.ready.subscribe();
        if !lane.needed {
            tokio::select! {
                _ = ready.wait_for(|ready| *ready) => {}
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            }
        }
        let mut pace = Cadence::new(lane, origin.cadence.get(lane.name).copied());
        while !*stop.borrow() {
            let mode = self.mode(origin, lane).await?;
            let full_due = mode == Mode::Everything;
            let carries = lane.kinds.iter().any(|kind| Kind::CARRIED.contains(kind));
            let filling = (full_due && carries).then(|| Filling::begin(origin));
            let walked = self.walk(origin, lane, mode, &mut stop).await?;
            drop(filling);
            if lane.needed && !*origin.ready.borrow() {
                origin.ready.send_replace(self.is_ready(origin, &origin.pull.source.lanes()).await?);
            }
            let wait = pace.next(&walked);
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now().plus(wait)) => {}
                _ = stop.changed() => {}
            }
        }
        Ok(())
    }

    /// Everything is read again from time to time: only that finds what went without a trace.
    async fn mode(&self, origin: &Origin, lane: &Lane) -> Result<Mode, Fault> {
        let state = self.store.lane(&origin.pull.name, lane.name).await?;
        let due = state.full_at.is_none_or(|at| at.plus(origin.full_every) <= self.clock.now());
        Ok(if due { Mode::Everything } else { Mode::Changes })
    }

    async fn keep_pushing(&self, flow: &Arc<Flow>, mut stop: watch::Receiver<bool>) -> Result<(), Fault> {
        if let Some(origin) = self.origins.iter().find(|origin| origin.pull.name == flow.source) {
            let mut ready = origin.ready.subscribe();
            tokio::select! {
                _ = ready.wait_for(|ready| *ready) => {}
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            }
        }
        let push = self.push(flow, &stop);
        let mut news = push.news.clone();
        let mut pause = FIRST_PAUSE;
        while !*stop.borrow() {
            news.mark_unchanged();
            let pushed = push.until_idle().await?;
            let until = if let Some(fault) = &pushed.paused {
                let until = self.clock.now().plus(fault.retry_after.unwrap_or(pause).max(pause));
                pause = (pause * 2).min(LONGEST_PAUSE);
                Some(until)
            } else {
                pause = FIRST_PAUSE;
                self.store.next_wake(&flow.name).await?.retry
            };
            tokio::select! {
                () = self.rest(until) => {}
                // A paused flow stays quiet whatever happens at the source.
                _ = news.changed(), if pushed.paused.is_none() => {}
                _ = stop.changed() => {}
            }
        }
        Ok(())
    }

    /// Carries out what time brings: due projections, and touches that wait to be spread.
    async fn keep_waking(&self, mut stop: watch::Receiver<bool>) -> Result<(), Fault> {
        while !*stop.borrow() {
            let woken = self.store.wake(self.clock.now(), TOUCHES).await?;
            let waiting = self.store.spread(TOUCHES).await?;
            if woken > 0 || waiting > 0 {
                for origin in &self.origins {
                    origin.pull.ring();
                }
            }
            let mut next = self.clock.now().plus(if waiting > 0 { SPREAD_PAUSE } else { WAKE_EVERY });
            for flow in &self.flows {
                next = self.store.next_wake(&flow.name).await?.due.map_or(next, |due| due.min(next));
            }
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                _ = stop.changed() => {}
            }
        }
        Ok(())
    }
}

/// Counts a first or full read as under way for as long as it lives.
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

/// How often a lane is read: a cadence that is set wins; otherwise it quickens while reads bring changes and slows while
/// they don't, between the lane's floor and ceiling, and rests [`REST`] times as long as a read takes.
struct Cadence {
    set: Option<Duration>,
    floor: Duration,
    ceiling: Duration,
    interval: Duration,
    failures: u32,
}

impl Cadence {
    fn new(lane: &Lane, set: Option<Duration>) -> Self {
        let (floor, ceiling) = lane.interval_seconds;
        let floor = Duration::from_secs(floor.into());
        Self { set, floor, ceiling: Duration::from_secs(ceiling.into()), interval: floor, failures: 0 }
    }

    fn next(&mut self, walked: &Result<Walked, Fault>) -> Duration {
        match walked {
            Err(fault) => {
                self.failures += 1;
                let backoff = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(self.failures.min(10) - 1));
                fault.retry_after.unwrap_or(backoff.min(LONGEST_PAUSE))
            }
            Ok(walked) => {
                self.failures = 0;
                let changes = walked.taken.new + walked.taken.changed + walked.taken.gone;
                self.interval = if changes > 0 { self.interval / 2 } else { self.interval * 3 / 2 };
                self.interval = self.interval.clamp(self.floor, self.ceiling.max(self.floor));
                self.set.unwrap_or_else(|| self.interval.max((walked.took * REST).min(self.ceiling)))
            }
        }
    }
}

/// How far a pass has read a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What products depend on is being read.
    Needed,
    /// The rest is being read.
    Ready,
    /// Everything was read.
    Read,
    /// What products depend on could not be read, and never was.
    Failed,
}

/// Faults of the store have codes of their own.
fn is_of_store(fault: &Fault) -> bool {
    fault.code.starts_with("C01")
}

fn stopped() -> Fault {
    Fault::new(FaultClass::Transient, "C0606", "stopped before the walk ended")
        .hint("run it again: it goes on from there")
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err asks for")]
fn cut_off(error: tokio::task::JoinError) -> Fault {
    Fault::protocol("C0601", format!("work was cut off inside: {error}"))
        .hint("this is a defect of Cartage; please report it with the log around it")
}
