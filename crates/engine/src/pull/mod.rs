//! Reads a source into the mirror, lane by lane.
//!
//! A walk can be stopped at any page and goes on from there: page and lane state are stored together. A full walk marks
//! what it sees and ends with a sweep; a delta starts where the last walk ended.
//!
//! **Invariants:** every walk ends: one that repeats itself is stopped with a fault, and the next begins anew. Each
//! page carries the instant at which it was requested; that instant never goes back for a source, so that a clock that
//! was set back makes nothing stale.

mod cover;
mod gathered;
mod progress;
mod receive;
mod refresh;

use std::{sync::Arc, time::Duration};

use contract::{
    Clock, Fault, FaultClass, Lane, Next, Page, Position, Source, Store, Token,
    source::Urgency,
    store::{Intake, LaneState, Lease, Leased, Sweep, Swept, Taken, Touch, Walk},
};
use model::{Kind, SourceName, Timestamp};
use tokio::{sync::watch, task::JoinHandle};

pub use self::receive::{Accepted, Receiver};
use self::{gathered::Gathered, progress::Progress, refresh::Replacing};
use crate::{
    defect::cut_off,
    observe::{Event, Observer},
    turns::Turns,
};

/// A source being read.
#[derive(Clone)]
pub struct Pull {
    /// Name of the source.
    pub name: SourceName,
    /// The source.
    pub source: Arc<dyn Source>,
    /// The mirror.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Receives events.
    pub observer: Arc<dyn Observer>,
    /// The largest share of live records that a sweep may remove; `None`: any.
    pub guard: Option<f64>,
    /// Notified when the mirror may have changed.
    pub news: watch::Sender<u64>,
    /// Changes when a hint was stored.
    pub hinted: watch::Sender<u64>,
    /// One walk of a lane at a time.
    pub turns: Turns,
}

/// How a lane is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Changes since the last walk; everything if there was none or the lane has no deltas.
    Changes,
    /// Everything.
    Everything,
}

/// The result of a walk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Walked {
    /// Counts of what was stored.
    pub taken: Taken,
    /// Whether it was over everything.
    pub full: bool,
    /// Whether an earlier walk had begun it, so that records that it saw may have changed since.
    pub resumed: bool,
    /// Whether the mirror holds records that it did not see and may only have missed.
    pub missed: bool,
    /// Records that its sweep would have deleted, if the guard stopped it.
    pub held: Option<Swept>,
    /// How long it took.
    pub took: Duration,
}

/// Why a walk stopped before its end.
#[derive(Clone, Debug)]
pub enum Stopped {
    /// A fault of the source, stored with the lane.
    Source(Fault),
    /// A fault of the store.
    Store(Fault),
}

/// Every fault that `?` passes on in [`Pull::walk`] comes from the store.
impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Store(fault)
    }
}

impl Stopped {
    /// The fault.
    pub fn fault(self) -> Fault {
        match self {
            Self::Source(fault) | Self::Store(fault) => fault,
        }
    }
}

impl Walked {
    /// The two together, this one first.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        add(&mut self.taken, later.taken);
        Self {
            taken: self.taken,
            full: self.full || later.full,
            resumed: self.resumed,
            missed: later.missed,
            held: if later.full { later.held } else { self.held },
            took: self.took + later.took,
        }
    }
}

/// The shortest and the longest wait for what a source prepares.
const SHORTEST_LATER: Duration = Duration::from_secs(1);
const LONGEST_LATER: Duration = Duration::from_hours(1);

/// A request for a page under way; dropping it ends the request.
struct Reading {
    task: JoinHandle<Result<Page, Fault>>,
    /// When the request was sent.
    sent_at: Timestamp,
    _given_up: AbortOnDrop,
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pull {
    /// Reads a lane until its walk ends.
    ///
    /// # Errors
    /// The source's or the store's fault. Pages that were read stay stored; the next walk goes on from there.
    #[tracing::instrument(skip_all, fields(source = %self.name, lane = &*lane.name, ?mode))]
    pub async fn walk(&self, lane: &Lane, mode: Mode) -> Result<Walked, Stopped> {
        let _turn = self.turns.wait(&lane.name).await;
        let walked = self.walk_once(lane, mode).await?;
        if !walked.missed {
            return Ok(walked);
        }
        // Another walk shows whether they are deleted or were only missed.
        Ok(walked.and(self.walk_once(lane, Mode::Everything).await?))
    }

    async fn walk_once(&self, lane: &Lane, mut mode: Mode) -> Result<Walked, Stopped> {
        let began_at = self.instant().await?;
        let mut as_of = began_at;
        let Touch { lease, .. } = self.touch().await?;
        // A later hint may be about a record that this walk has already passed.
        let hints = self.hints_of(lane).await?;
        let mut state = self.store.lane(&self.name, &lane.name).await?;
        let (mut walk, position) = begin(lane, mode, &mut state, began_at);
        let mut full = walk.pass.is_some();
        let mut resumed = matches!(position, Position::Within(_));
        let expected = if full && !resumed && state.full_at.is_some() { self.known(lane).await? } else { None };
        self.observer.notify(&Event::WalkBegan { source: &self.name, lane: &lane.name, full, expected });

        let mut sum = Taken::default();
        let urgency = urgency(lane, &state);
        let mut progress = Progress::default();
        let mut reading = self.read(lane, position, as_of);
        let mut goes_on = resumed;
        let (mut gathered, mut oldest) = (Gathered::default(), walk.began_at);
        loop {
            let page = match joined((&mut reading.task).await) {
                // What changed can't be told apart from the rest: begin anew, over everything.
                Ok(Page { next: Next::Everything, .. }) if !full => {
                    mode = Mode::Everything;
                    None
                }
                Ok(page) => Some(page),
                // The stored position is no longer known, as after an update: begin anew.
                Err(fault) if goes_on && fault.class == FaultClass::Config => {
                    tracing::warn!(code = %fault.code, "the walk can't go on and begins anew: {}", fault.message);
                    None
                }
                Err(fault) => return self.failed(lane, fault, GoesOn::FromItsPlace).await,
            };
            let Some(page) = page else {
                state.walk = None;
                let (anew, position) = begin(lane, mode, &mut state, began_at);
                (full, resumed, goes_on) = (anew.pass.is_some(), false, false);
                (walk, progress, gathered, oldest) = (anew, Progress::default(), Gathered::default(), began_at);
                reading = self.read(lane, position, as_of);
                continue;
            };
            if let Err(fault) = progress.check(&page) {
                return self.failed(lane, fault, GoesOn::Anew).await;
            }
            goes_on = false;
            let shows = self.shown_by(&reading, page.age, &walk, &state);
            gathered.add(page.changes, page.unread, shows);
            as_of = as_of.max(self.clock.now());
            let (mut end, mut later) = (None, None);
            match page.next {
                Next::Within(token) => {
                    // The next page is requested while this one is stored.
                    reading = self.read(lane, Position::Within(token.clone()), as_of);
                    walk.next = token;
                    state.walk = Some(walk.clone());
                    if gathered.waits_for_more(lane, full) {
                        continue;
                    }
                }
                Next::Later(token, wait) => {
                    walk.next = token.clone();
                    state.walk = Some(walk.clone());
                    later = Some((token, wait));
                }
                Next::End(token) => end = Some(token),
                Next::Everything => return self.failed(lane, progress::endless(), GoesOn::Anew).await,
            }
            // A full walk ends with its sweep: if it is cut off before, its last page is read again.
            if let (Some(token), false) = (&end, full) {
                finish(&mut state, token.clone(), self.clock.now());
            }
            // Before everything was read once, there is no older record to be replaced.
            let replacing = state.full_at.is_some().then(|| Replacing::of(&gathered.changes));
            let intake = Intake {
                confirm: self.source.fetches().to_vec(),
                pass: walk.pass,
                urgency,
                ..std::mem::take(&mut gathered).fill(self.intake(lane, lease, state.clone(), as_of))
            };
            let (as_of_page, at) = (intake.as_of, intake.at);
            oldest = oldest.min(as_of_page);
            let taken = self.store.intake(intake).await?;
            state.version += 1;
            if let Some(replacing) = replacing.filter(|_| taken.new > 0) {
                self.hint_replaced(replacing).await?;
            }
            self.stored(lane, taken, as_of_page, at);
            add(&mut sum, taken);
            if let Some((token, wait)) = later {
                let wait = wait.clamp(SHORTEST_LATER, LONGEST_LATER);
                self.clock.sleep_until(self.clock.now().plus(wait)).await;
                as_of = as_of.max(self.clock.now());
                reading = self.read(lane, Position::Within(token), as_of);
            }
            let Some(end) = end else { continue };
            let held = self.end(lane, state, &walk, end).await?;
            self.store.done(&self.name, lease, &hints).await?;
            self.ring();
            let took = began_at.until(self.clock.now());
            let (source, lane_name) = (&self.name, &lane.name);
            self.observer.notify(&Event::WalkEnded { source, lane: lane_name, full, taken: sum, took, as_of: oldest });
            let missed = full && !lane.stable && self.known(lane).await?.is_some_and(|live| live > seen(&sum));
            return Ok(Walked { taken: sum, full, resumed, missed, held, took });
        }
    }

    /// Tells observers and flows of a page that was stored.
    fn stored(&self, lane: &Lane, taken: Taken, as_of: Timestamp, at: Timestamp) {
        let carried = lane.sweeps.iter().any(|(kind, _)| Kind::CARRIED.contains(kind));
        self.observer.notify(&Event::Page { source: &self.name, lane: &lane.name, taken, carried, as_of, at });
        if taken.new + taken.changed + taken.gone + taken.touched > 0 {
            self.ring();
        }
    }

    /// How many records of a lane the mirror holds; `None` if none.
    async fn known(&self, lane: &Lane) -> Result<Option<u64>, Fault> {
        let counts = self.store.counts(&self.name).await?;
        let live = counts.iter().filter(|count| lane.reads(count.kind)).map(|count| count.live).sum();
        Ok((live > 0).then_some(live))
    }

    fn read(&self, lane: &Lane, position: Position, sent_at: Timestamp) -> Reading {
        let (source, lane) = (Arc::clone(&self.source), lane.clone());
        let task = tokio::spawn(async move { source.page(&lane, &position).await });
        Reading { _given_up: AbortOnDrop(task.abort_handle()), task, sent_at }
    }

    /// The present instant for the source's records: later than that of every stored page, whatever the clock says. So
    /// pages requested from now on are newer than all stored ones.
    pub(crate) async fn instant(&self) -> Result<Timestamp, Fault> {
        let known = self.store.as_of(&self.name).await?;
        Ok(self.clock.now().max(known.plus(Duration::from_millis(1))))
    }

    /// The instant of the source that a page shows. The age of what was prepared is counted by the clock: while that is
    /// behind the source's instants, because it was set back, the page counts as of the beginning of its walk; and no walk
    /// shows what was before the one before it.
    fn shown_by(&self, reading: &Reading, age: Duration, walk: &Walk, state: &LaneState) -> Timestamp {
        let is_behind = self.clock.now() < walk.began_at;
        let least = if is_behind { Some(walk.began_at) } else { state.full_as_of };
        let shown = reading.sent_at.minus(age);
        least.map_or(shown, |least| shown.max(least.min(reading.sent_at)))
    }

    /// Ends a walk: what a full one has not met is swept.
    async fn end(&self, lane: &Lane, mut state: LaneState, walk: &Walk, end: Token) -> Result<Option<Swept>, Fault> {
        let Some(pass) = walk.pass else { return Ok(None) };
        finish(&mut state, end, self.clock.now());
        state.full_at = Some(walk.began_at.min(self.clock.now()));
        // A held sweep stays held until another full walk: a delta can't find missing records.
        state.held = None;
        self.sweep(lane, state, pass, walk.began_at).await
    }

    async fn sweep(
        &self,
        lane: &Lane,
        mut state: LaneState,
        pass: u64,
        began_at: Timestamp,
    ) -> Result<Option<Swept>, Fault> {
        let earlier = (state.full_pass, state.full_as_of);
        (state.full_pass, state.full_as_of) = (pass, Some(began_at));
        // A walk that may miss records deletes those that two of them missed.
        let (before, since) = if lane.stable { (None, Some(began_at)) } else { (Some(earlier.0), earlier.1) };
        let Touch { lease, .. } = self.touch().await?;
        let swept = self
            .store
            .sweep(Sweep {
                source: self.name.clone(),
                lane: lane.name.to_string(),
                lease,
                state,
                sweeps: lane.sweeps.clone(),
                pass,
                before,
                since,
                guard: self.guard,
                at: self.clock.now(),
            })
            .await?;
        if swept.held {
            let (live, missing) = (swept.live, swept.missing);
            self.observer.notify(&Event::SweepHeld { source: &self.name, lane: &lane.name, live, missing });
        }
        Ok(swept.held.then_some(swept))
    }

    /// Stores the fault with the lane, so that `status` can show it.
    async fn failed(&self, lane: &Lane, fault: Fault, goes_on: GoesOn) -> Result<Walked, Stopped> {
        self.observer.notify(&Event::ReadFailed { source: &self.name, lane: &lane.name, fault: &fault });
        let Touch { lease, at, .. } = self.touch().await?;
        let mut state = self.store.lane(&self.name, &lane.name).await?;
        state.fault = Some(fault.clone());
        if goes_on == GoesOn::Anew {
            state.walk = None;
        }
        self.store.intake(self.intake(lane, lease, state, at)).await?;
        Err(Stopped::Source(fault))
    }

    /// An intake with the lane's state and no changes yet.
    fn intake(&self, lane: &Lane, lease: Lease, state: LaneState, as_of: Timestamp) -> Intake {
        let scopes = lane.sweeps.iter().filter_map(|(kind, scope)| Some((*kind, scope.clone()?)));
        Intake {
            source: self.name.clone(),
            lane: lane.name.to_string(),
            lease,
            expected: Some(state.version),
            state,
            as_of,
            fetched: false,
            confirm: Vec::new(),
            scopes: scopes.collect(),
            hints: Vec::new(),
            changes: Vec::new(),
            unread: Vec::new(),
            pass: None,
            marks: !lane.sweeps.is_empty(),
            urgency: lane.urgency,
            at: self.clock.now(),
        }
    }

    /// The right to touch records of the source, now.
    ///
    /// # Errors
    /// The store's.
    pub async fn touch(&self) -> Result<Touch, Fault> {
        let lease = self.store.lease(&Leased::Source(self.name.clone())).await?;
        Ok(Touch { source: self.name.clone(), lease, at: self.clock.now() })
    }

    /// Notifies flows that the mirror may have changed.
    pub fn ring(&self) {
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// How many records a walk met.
const fn seen(taken: &Taken) -> u64 {
    taken.new + taken.changed + taken.unchanged + taken.stale + taken.unread
}

/// How a stopped walk is continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GoesOn {
    /// The next one goes on from its last page.
    FromItsPlace,
    /// The next one begins at the beginning.
    Anew,
}

/// The urgency of a walk's changes: until everything was read once they only fill the mirror. A later full walk brings
/// present changes, and a lane without deltas has no other walks.
fn urgency(lane: &Lane, state: &LaneState) -> Urgency {
    if state.full_at.is_none() { Urgency::Backfill } else { lane.urgency }
}

/// Goes on with the walk under way if it is of the wanted kind, or begins one.
fn begin(lane: &Lane, mode: Mode, state: &mut LaneState, now: Timestamp) -> (Walk, Position) {
    let wants_full = mode == Mode::Everything || !lane.delta || state.watermark.is_none();
    if let Some(walk) = state.walk.clone()
        && (walk.pass.is_some() || !wants_full)
    {
        let position = Position::Within(walk.next.clone());
        return (walk, position);
    }
    let nowhere = Token(String::new());
    match state.watermark.clone() {
        Some(watermark) if !wants_full => {
            (Walk { pass: None, next: nowhere, began_at: now }, Position::Delta(watermark))
        }
        _ => {
            state.passes += 1;
            (Walk { pass: Some(state.passes), next: nowhere, began_at: now }, Position::Full)
        }
    }
}

fn finish(state: &mut LaneState, end: Token, now: Timestamp) {
    state.watermark = Some(end);
    state.walk = None;
    state.read_at = Some(now);
    state.fault = None;
}

fn add(sum: &mut Taken, taken: Taken) {
    sum.new += taken.new;
    sum.changed += taken.changed;
    sum.unchanged += taken.unchanged;
    sum.gone += taken.gone;
    sum.stale += taken.stale;
    sum.touched += taken.touched;
    sum.unread += taken.unread;
}

fn joined<T>(result: Result<Result<T, Fault>, tokio::task::JoinError>) -> Result<T, Fault> {
    match result {
        Ok(result) => result,
        Err(error) => Err(cut_off("C0601", "reading", &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_full_walk_of_a_lane_is_backfill() {
        for delta in [true, false] {
            let lane = Lane {
                name: "stock".into(),
                sweeps: vec![(Kind::Stock, None)],
                stable: true,
                urgency: Urgency::Urgent,
                delta,
                needed: true,
                interval_seconds: (5, 300),
                covered_by: None,
            };
            let never = LaneState::default();
            let before = LaneState { full_at: Some(Timestamp::from_millis(1)), ..LaneState::default() };
            assert_eq!((urgency(&lane, &never), urgency(&lane, &before)), (Urgency::Backfill, Urgency::Urgent));
        }
    }
}
