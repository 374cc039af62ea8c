//! Walks the mirror past a flow's cursor and makes the destination agree with it.
//!
//! One loop, each turn of it one transaction: read ahead and prepare (`walk.rs`, [`crate::prepare`]), form calls
//! (`calls.rs`), commit (calls that ended, records that are settled, the cursor, calls about to be made), send, wait for an
//! answer (`answers.rs`). A call is committed before it is sent, so that after a crash what it carried is in doubt and sent
//! again in full.
//!
//! **Invariants:** an item is in at most one call at a time; a record is compared only with a ledger that knows its last
//! outcome; an item is only ever sent for one record, its owner (`owners.rs`); the stored cursor never passes a record
//! that is not settled; whatever a call may have left at the destination is in the ledger, at the latest as in doubt;
//! memory is bounded by [`READ_AHEAD`] records.

mod answers;
mod calls;
mod owners;
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use contract::{
    Clock, Fault, Outcome, Receipt, Store,
    source::Urgency,
    store::{Closed, Cursor, Number, Revision, Settled, State, Step},
};
use model::{Kind, RemoteId, Timestamp};
use tokio::{
    sync::watch,
    task::{self, JoinSet},
};

pub use self::walk::READ_AHEAD;
use self::{
    calls::{Batch, Bin},
    walk::Lookup,
};
use crate::{
    flow::Flow,
    observe::{Event, Observer},
    prepare::Job,
};

/// Pushes a flow.
#[derive(Clone)]
pub struct Push {
    /// The flow.
    pub flow: Arc<Flow>,
    /// Mirror and ledger.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// Changes when the mirror may have changed.
    pub news: watch::Receiver<u64>,
    /// How many first or full reads are under way: while there is one, a batch that is not full yet waits for it.
    pub filling: watch::Receiver<u32>,
    /// True once no further call may begin; those under way are waited for and settled.
    pub stop: watch::Receiver<bool>,
    /// How long a record waits before its second attempt.
    pub first_backoff: Duration,
}

/// What a push did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Records settled.
    pub settled: u64,
    /// Of them, set aside.
    pub dead: u64,
    /// Calls made.
    pub calls: u64,
    /// Why it stopped before the end, if it did.
    pub paused: Option<Fault>,
}

impl Pushed {
    /// It settled a record or made a call.
    pub const fn worked(&self) -> bool {
        self.settled > 0 || self.calls > 0
    }

    /// Adds what a later push did.
    pub fn add(&mut self, later: Self) {
        self.settled += later.settled;
        self.dead += later.dead;
        self.calls += later.calls;
        self.paused = later.paused;
    }
}

impl Push {
    /// Pushes until nothing is left to do now. Retries that are not due yet are left.
    ///
    /// # Errors
    /// The store's fault. A destination's fault is no error: it is in [`Pushed::paused`] or with the records.
    #[tracing::instrument(name = "push", skip_all, fields(flow = %self.flow.name))]
    pub async fn until_idle(&self) -> Result<Pushed, Fault> {
        Turn::new(self.clone()).run().await
    }
}

/// A place in the walk.
type Place = (Urgency, Revision);

/// A job being worked off.
struct Running {
    job: Job,
    /// What became of each part that was sent, by its place in the job.
    outcomes: BTreeMap<usize, Outcome>,
    /// Parts that wait or are under way.
    left: usize,
    /// The places of the walk that it settles; empty for a retry.
    places: Vec<Place>,
    /// The last call that carried a part of it.
    call: Option<u64>,
}

/// A record that is looked at again once it is not busy any more.
#[derive(Default)]
struct Again {
    /// Its places in the walk; empty for a retry.
    places: Vec<Place>,
    /// It is busy as long as this one, which has what it wants.
    behind: Option<Number>,
}

/// A call that ended while records it carried still have parts to send. It stays open in the store until they are
/// settled: a crash before that leaves them in doubt, as it must.
struct Lingering {
    closed: Closed,
    numbers: HashSet<Number>,
}

struct Turn {
    push: Push,
    lookup: Option<Lookup>,
    running: BTreeMap<Number, Running>,
    /// Records that changed again while a call carried them, and those that want what a call carries for another.
    again: BTreeMap<Number, Again>,
    /// Records may come to the same item.
    shared: bool,
    /// Where ids are shared: items that records are to be sent as and that the ledger does not know to be theirs yet.
    claims: HashMap<(Kind, RemoteId), Number>,
    bins: Vec<Bin>,
    /// Halves of refused batches, ahead of everything.
    halves: VecDeque<Batch>,
    sending: JoinSet<(Receipt, Duration)>,
    under_way: HashMap<task::Id, (u64, Batch)>,
    lingering: Vec<Lingering>,
    /// How far was read, which is ahead of what is settled.
    read: Option<Cursor>,
    committed: Option<Cursor>,
    /// Unsettled places of the walk, per urgency.
    unsettled: [BTreeSet<Revision>; 3],
    closed: Vec<Closed>,
    settled: Vec<Settled>,
    /// Records of `settled`: the store does not know their last outcome yet.
    unsaved: HashSet<Number>,
    /// Retries were not looked for, because the store would have given some that are settled.
    overlooked: bool,
    /// The destination is given quiet until then.
    quiet_until: Timestamp,
    refused_in_a_row: u32,
    failed_in_a_row: u32,
    pushed: Pushed,
}

impl Turn {
    fn new(push: Push) -> Self {
        Self {
            push,
            lookup: None,
            running: BTreeMap::new(),
            again: BTreeMap::new(),
            shared: false,
            claims: HashMap::new(),
            bins: Vec::new(),
            halves: VecDeque::new(),
            sending: JoinSet::new(),
            under_way: HashMap::new(),
            lingering: Vec::new(),
            read: None,
            committed: None,
            unsettled: [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()],
            closed: Vec::new(),
            settled: Vec::new(),
            unsaved: HashSet::new(),
            overlooked: false,
            quiet_until: Timestamp::from_millis(i64::MIN),
            refused_in_a_row: 0,
            failed_in_a_row: 0,
            pushed: Pushed::default(),
        }
    }

    async fn run(mut self) -> Result<Pushed, Fault> {
        loop {
            let exhausted = self.read_ahead().await?;
            let batches = self.form(exhausted);
            let opened = self.commit(&batches).await?;
            self.send(opened, batches);
            if let Some(ended) = self.sending.join_next_with_id().await {
                self.answered(ended);
                // Whatever else has come in by now belongs to the same transaction.
                while let Some(ended) = self.sending.try_join_next_with_id() {
                    self.answered(ended);
                }
            } else if !self.overlooked && !self.goes_on(exhausted).await {
                self.part_with().await?;
                return Ok(self.pushed);
            }
        }
    }

    /// Settles what was carried in part, to be gone on with; what was not sent at all stays where it is in the walk.
    async fn part_with(&mut self) -> Result<(), Fault> {
        let begun = self.running.values().filter(|running| !running.outcomes.is_empty());
        let numbers: Vec<Number> = begun.map(|running| running.job.number).collect();
        for number in numbers {
            self.settle(number);
        }
        self.commit(&[]).await?;
        Ok(())
    }

    /// No further call may begin.
    fn is_ending(&self) -> bool {
        self.pushed.paused.is_some() || *self.push.stop.borrow()
    }
    /// One transaction: what ended, what is settled, the cursor, and the calls about to be made.
    async fn commit(&mut self, batches: &[Batch]) -> Result<Vec<u64>, Fault> {
        let cursor = self.cursor();
        let moved = cursor.is_some() && cursor != self.committed;
        if self.closed.is_empty() && self.settled.is_empty() && batches.is_empty() && !moved {
            return Ok(Vec::new());
        }
        let open = self.opening(batches);
        self.unsaved.clear();
        let settled = std::mem::take(&mut self.settled);
        let dead = settled.iter().filter(|settled| settled.state == State::Dead).count();
        let records = settled.len();
        let step = Step {
            flow: self.push.flow.name.clone(),
            close: std::mem::take(&mut self.closed),
            settled,
            cursor,
            open,
            at: self.push.clock.now(),
        };
        let opened = self.push.store.advance(step).await?;
        self.committed = cursor;
        if records > 0 {
            let running = &self.running;
            self.claims.retain(|_, number| running.contains_key(number));
            self.pushed.settled += records as u64;
            self.pushed.dead += dead as u64;
            self.push.observer.tell(&Event::Settled { flow: &self.push.flow.name, records, dead });
        }
        Ok(opened)
    }

    /// As far as everything is settled.
    fn cursor(&self) -> Option<Cursor> {
        let Cursor(mut at) = self.read?;
        for (at, unsettled) in at.iter_mut().zip(&self.unsettled) {
            if let Some(first) = unsettled.first() {
                *at = Revision(first.0.saturating_sub(1)).min(*at);
            }
        }
        Some(Cursor(at))
    }

    /// Whether there is more to do, with no call under way; waits for it where it may yet come.
    async fn goes_on(&mut self, exhausted: bool) -> bool {
        if self.is_ending() {
            return false;
        }
        let waiting = !self.halves.is_empty() || self.bins.iter().any(|bin| !bin.parts.is_empty());
        if waiting && self.push.clock.now() < self.quiet_until {
            tokio::select! {
                () = self.push.clock.sleep_until(self.quiet_until) => {}
                // One that is gone will not stop anything.
                Ok(()) = self.push.stop.changed() => {}
            }
            return true;
        }
        if !exhausted || !self.again.is_empty() || *self.push.filling.borrow() == 0 {
            return waiting || !exhausted || !self.again.is_empty();
        }
        // A sender that is gone will not bring anything more.
        tokio::select! {
            news = self.push.news.changed() => news.is_ok() || waiting,
            filling = self.push.filling.changed() => filling.is_ok() || waiting,
            stop = self.push.stop.changed() => stop.is_ok() || waiting,
        }
    }
}
