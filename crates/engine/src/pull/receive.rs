//! Receives the deliveries of a source's webhooks.
//!
//! Deliveries are verified side by side and stored together: whatever waits is one transaction, so that a flood of them
//! takes few turns of the database's writer.
//!
//! **Invariants:** a delivery is accepted only after its hints are stored. One that is not verified changes nothing. What
//! waits to be stored, and what is remembered of earlier deliveries, has a bound.

use std::collections::{HashMap, VecDeque};

use contract::{
    Fault,
    source::{Delivery, Mark, Received, Reply},
    store::Hint,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{Pull, Stopped};

/// Deliveries that may wait to be stored; further ones wait before they are verified.
const MOST_WAITING: usize = 1024;
/// Series of which the highest number is remembered.
const MOST_SERIES: usize = 50_000;

/// What is to be done about a delivery that was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// What the sender waits for; `None`: nothing.
    pub reply: Option<Reply>,
}

/// Receives the deliveries of one source.
pub struct Receiver {
    pull: Pull,
    waiting: mpsc::Sender<Parcel>,
    /// The task that stores. Whatever it is doing, it ends with the receiver: nobody is left who could acknowledge that.
    _storing: JoinSet<()>,
}

/// A delivery that waits to be stored.
struct Parcel {
    hints: Vec<Hint>,
    mark: Option<Mark>,
    stored: oneshot::Sender<Result<(), Fault>>,
}

impl Receiver {
    /// The receiver of a source; spawns a task that ends with it.
    pub fn new(pull: Pull) -> Self {
        let (waiting, parcels) = mpsc::channel(MOST_WAITING);
        let mut storing = JoinSet::new();
        storing.spawn(store(pull.clone(), parcels));
        Self { pull, waiting, _storing: storing }
    }

    /// Accepts a delivery to the source's address: verifies it, and stores its hints. When this returns, the hints are
    /// durable and the delivery may be acknowledged.
    ///
    /// # Errors
    /// `C0623` for a source that delivers nothing; the source's fault for a delivery that can't be verified or
    /// understood: then nothing was stored. The store's fault.
    pub async fn receive(&self, delivery: &Delivery<'_>) -> Result<Accepted, Stopped> {
        let Some(hooks) = self.pull.source.hooks() else {
            let fault = Fault::config("C0623", format!("source {} takes no deliveries", self.pull.name));
            return Err(Stopped::Source(fault.hint("its changes are read at intervals; remove the webhook")));
        };
        let Received { hints, mark, reply } = hooks.receive(delivery).await.map_err(Stopped::Source)?;
        let (stored, done) = oneshot::channel();
        let ended = || Stopped::Store(Fault::transient("C0105", "the receiver of deliveries has ended"));
        self.waiting.send(Parcel { hints, mark, stored }).await.map_err(|_| ended())?;
        done.await.map_err(|_| ended())?.map_err(Stopped::Store)?;
        Ok(Accepted { reply })
    }
}

/// Stores what waits, all of it together, until the receiver is dropped.
async fn store(pull: Pull, mut parcels: mpsc::Receiver<Parcel>) {
    let mut series = Series::default();
    let mut waiting = Vec::new();
    while parcels.recv_many(&mut waiting, MOST_WAITING).await > 0 {
        let (mut hints, mut marks, mut done, mut is_gap) = (Vec::new(), Vec::new(), Vec::new(), false);
        for Parcel { hints: own, mark, stored } in waiting.drain(..) {
            done.push(stored);
            let place = mark.as_ref().map_or(Place::New, |mark| series.place(mark));
            if place == Place::Known {
                continue;
            }
            if place == Place::AfterGap {
                // What was lost may have been about any record of these kinds.
                is_gap = true;
                hints.extend(own.iter().map(|hint| Hint { kind: hint.kind, id: None }));
            }
            hints.extend(own);
            marks.extend(mark);
        }
        let result = pull.deliver(hints, is_gap).await;
        if result.is_err() {
            // They will be repeated, and are to be stored then.
            for mark in &marks {
                series.forget(mark);
            }
        }
        for stored in done {
            // Its sender may have left.
            let _left = stored.send(result.clone());
        }
    }
}

/// The highest number of each series, of those that were seen last.
#[derive(Default)]
struct Series {
    highest: HashMap<String, u64>,
    order: VecDeque<String>,
}

/// Where a delivery stands among the others of its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    New,
    /// Numbers before it are missing.
    AfterGap,
    /// It is repeated or late.
    Known,
}

impl Series {
    fn place(&mut self, mark: &Mark) -> Place {
        match self.highest.get_mut(&mark.series) {
            Some(highest) if mark.number <= *highest => Place::Known,
            Some(highest) => {
                let has_gap = mark.consecutive && mark.number > highest.saturating_add(1);
                *highest = mark.number;
                if has_gap { Place::AfterGap } else { Place::New }
            }
            None => {
                if self.order.len() >= MOST_SERIES
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.highest.remove(&oldest);
                }
                self.order.push_back(mark.series.clone());
                self.highest.insert(mark.series.clone(), mark.number);
                Place::New
            }
        }
    }

    fn forget(&mut self, mark: &Mark) {
        if self.highest.remove(&mark.series).is_some() {
            self.order.retain(|series| *series != mark.series);
        }
    }
}
