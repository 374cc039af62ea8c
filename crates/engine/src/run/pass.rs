//! One pass: every lane is read once, and flows are pushed until they are idle.

use std::{sync::Arc, time::Duration};

use contract::{Fault, FaultClass, Lane, store::Touch};
use model::{FlowName, SourceName, Timestamp};
use tokio::{sync::watch, task::JoinSet};

use super::{Engine, Filling, Origin, TOUCHES, cadence::Idle};
use crate::{
    defect::cut_off,
    flow::Flow,
    observe::Pushed,
    pull::{Mode, Stopped, Walked},
};

/// Options of a pass.
#[derive(Clone, Debug)]
pub struct SyncOptions {
    /// Read everything, also if that is not due yet, rather than changes.
    pub full: bool,
    /// Only these flows; empty: all.
    pub flows: Vec<FlowName>,
    /// How long to wait for retries and for a destination that fails.
    pub patience: Duration,
}

/// The result of a pass.
#[derive(Clone, Debug, Default)]
pub struct Synced {
    /// By source and lane.
    pub lanes: Vec<(SourceName, String, Result<Walked, Fault>)>,
    /// By flow.
    pub flows: Vec<(FlowName, Pushed)>,
}

/// The result of a lane's walk in a pass.
type LaneResult = (SourceName, String, Result<Walked, Fault>);

impl Engine {
    /// One pass: reads every source that a wanted flow needs, and pushes until the flows are idle. Pushing begins as
    /// soon as everything that products depend on was read.
    ///
    /// # Errors
    /// The store's. Faults of sources and destinations are in the result.
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
            synced.lanes.extend(lanes.map_err(|error| cut_off("C0601", "work", &error))??);
        }
        while let Some(flow) = pushes.join_next().await {
            synced.flows.push(flow.map_err(|error| cut_off("C0601", "work", &error))??);
        }
        self.end_erasures().await?;
        // Only occasionally: as often as everything is read.
        if synced.lanes.iter().any(|(_, _, walked)| walked.as_ref().is_ok_and(|walked| walked.full)) {
            self.prune().await?;
        }
        synced.flows.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(synced)
    }

    /// Pushes all flows until they are idle, as [`Engine::sync`] does, without reading sources. A flow whose source was never
    /// read completely is left out.
    ///
    /// # Errors
    /// The store's.
    pub async fn push_all(self: &Arc<Self>, patience: Duration, stop: &watch::Receiver<bool>) -> Result<(), Fault> {
        let mut pushes = JoinSet::new();
        for origin in &self.origins {
            let ready = self.is_ready(origin, &origin.pull.source.lanes()).await?;
            let (_, stage) = watch::channel(if ready { Stage::Read } else { Stage::Failed });
            for flow in self.flows.iter().filter(|flow| flow.source == origin.pull.name) {
                let (engine, flow) = (Arc::clone(self), Arc::clone(flow));
                let (stage, stop) = (stage.clone(), stop.clone());
                pushes.spawn(async move { engine.push_once(&flow, stage, patience, stop).await });
            }
        }
        while let Some(pushed) = pushes.join_next().await {
            pushed.map_err(|error| cut_off("C0601", "work", &error))??;
        }
        Ok(())
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
        let began_at = origin.pull.instant().await?;
        for lane in lanes.iter().filter(|lane| lane.needed) {
            let walked = self.walk_unless_covered(origin, lane, full, began_at, &done, &mut stop).await?;
            done.push((name.clone(), lane.name.to_string(), walked));
        }
        // Records would be sent wrong without the records that they depend on, so they are not sent.
        let ready = self.is_ready(origin, &lanes).await?;
        let _filling = Filling::begin(origin);
        stage.send_replace(if ready { Stage::Ready } else { Stage::Failed });
        for lane in lanes.iter().filter(|lane| !lane.needed) {
            let walked = self.walk_unless_covered(origin, lane, full, began_at, &done, &mut stop).await?;
            done.push((name.clone(), lane.name.to_string(), walked));
        }
        match origin.pull.refresh().await {
            // Hints that were not answered wait for the next pass.
            Ok(_) | Err(Stopped::Source(_)) => {}
            Err(Stopped::Store(fault)) => return Err(fault),
        }
        let touch = origin.pull.touch().await?;
        while self.store.spread(&touch, TOUCHES).await? > 0 {
            origin.pull.ring();
        }
        while self.store.wake(&Touch { at: self.clock.now(), ..touch.clone() }, TOUCHES).await? > 0 {
            origin.pull.ring();
        }
        stage.send_replace(if ready { Stage::Read } else { Stage::Failed });
        Ok(done)
    }

    /// What another lane's walk of this pass read is not read again. One that began earlier does not show the present source.
    async fn walk_unless_covered(
        &self,
        origin: &Origin,
        lane: &Lane,
        full: bool,
        began_at: Timestamp,
        done: &[LaneResult],
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Result<Walked, Fault>, Fault> {
        if origin.pull.cover(lane).await?.is_some_and(|covered_at| covered_at >= began_at) {
            return Ok(Ok(Walked { full: true, ..Walked::default() }));
        }
        self.walk_unless_refused(origin, lane, full, done, stop).await
    }

    /// If credentials were refused before anything could be read, they are refused for every lane: asking again for
    /// each might lock the account. Once something was read, a refusal is about one lane's right.
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

    /// A walk that shows the present source: if it continues one that was cut off, another follows.
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
        let mut idle = Idle::new();
        loop {
            news.mark_unchanged();
            let reading = *stage.borrow_and_update() == Stage::Ready;
            let pushed = push.until_idle().await?;
            let now = self.clock.now();
            if pushed.settled > 0 && pushed.paused.is_none() {
                give_up_at = now.plus(patience);
            }
            let least = now.plus(idle.after(pushed.worked()));
            let (paused, resume_at) = (pushed.paused.clone(), pushed.resume_at);
            let is_paused = paused.is_some();
            sum.add(pushed);
            let until = match paused {
                Some(fault) if !fault.class.is_passing() => break,
                Some(fault) => Some(now.plus(fault.retry_after.unwrap_or_default().max(self.first_backoff * 4))),
                None => match resume_at {
                    None => self.next_call(flow).await?,
                    resume_at => resume_at,
                },
            };
            let until = until.map(|until| until.max(least));
            if *stop.borrow() || (until.is_none() && !reading) || until.is_some_and(|until| until > give_up_at) {
                break;
            }
            tokio::select! {
                () = self.rest_or_pause(until, is_paused) => {}
                _ = stage.changed(), if reading => {}
                _ = news.changed(), if reading => {}
                _ = stop.changed() => break,
            }
        }
        Ok((flow.name.clone(), sum))
    }
}

/// How far a pass has read a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Records that products depend on are being read.
    Needed,
    /// The rest is being read.
    Ready,
    /// Everything was read.
    Read,
    /// Records that products depend on could not be read, and never were.
    Failed,
}
