//! Events of the engine, for progress bars, logs and metrics.

use std::time::Duration;

use contract::{Fault, store::Taken};
use model::{FlowName, Kind, SourceName, Timestamp};

use crate::named::Named;

/// The result of a push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Records settled.
    pub settled: u64,
    /// Those of them that became dead letters.
    pub dead: u64,
    /// Calls made.
    pub calls: u64,
    /// The fault for which it stopped before the end, if it did.
    pub paused: Option<Fault>,
    /// If the rest waits for asynchronous calls: when they are polled next.
    pub resume_at: Option<Timestamp>,
}

impl Pushed {
    /// Whether it settled a record or made a call.
    pub const fn worked(&self) -> bool {
        self.settled > 0 || self.calls > 0
    }

    /// Adds the result of a later push.
    pub fn add(&mut self, later: Self) {
        self.settled += later.settled;
        self.dead += later.dead;
        self.calls += later.calls;
        self.paused = later.paused;
        self.resume_at = later.resume_at;
    }
}

/// An event.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A walk over a lane began.
    WalkBegan {
        /// The source.
        source: &'a SourceName,
        /// The lane.
        lane: &'a str,
        /// Whether the walk is over everything.
        full: bool,
        /// About how many records it will see, if an earlier walk over everything counted them.
        expected: Option<u64>,
    },
    /// A page was stored.
    Page {
        /// The source.
        source: &'a SourceName,
        /// The lane.
        lane: &'a str,
        /// Counts of the page.
        taken: Taken,
        /// Whether the lane reads records that flows carry, so that there is more to push.
        carried: bool,
        /// What it says of the source is no older than this.
        as_of: Timestamp,
        /// When it was stored, as records that it changed or touched have it.
        at: Timestamp,
    },
    /// A walk ended.
    WalkEnded {
        /// The source.
        source: &'a SourceName,
        /// The lane.
        lane: &'a str,
        /// Whether the walk was over everything.
        full: bool,
        /// Counts of the whole walk.
        taken: Taken,
        /// How long it took.
        took: Duration,
        /// What it says of the source is no older than this.
        as_of: Timestamp,
    },
    /// A sweep was stopped by its guard.
    SweepHeld {
        /// The source.
        source: &'a SourceName,
        /// The lane.
        lane: &'a str,
        /// Live records.
        live: u64,
        /// Records it would have removed.
        missing: u64,
    },
    /// A walk stopped on a fault; the next one goes on from there.
    ReadFailed {
        /// The source.
        source: &'a SourceName,
        /// The lane.
        lane: &'a str,
        /// Why.
        fault: &'a Fault,
    },
    /// A call to a destination ended.
    Call {
        /// The flow.
        flow: &'a FlowName,
        /// The kind of its records.
        kind: Kind,
        /// The operation's name.
        op: &'static str,
        /// How many items.
        items: usize,
        /// HTTP status, 0 where there was none.
        status: u16,
        /// How long it took.
        took: Duration,
        /// The fault, if there was one.
        fault: Option<&'a Fault>,
    },
    /// Records were settled.
    Settled {
        /// The flow.
        flow: &'a FlowName,
        /// How many.
        records: usize,
        /// How many of them became dead letters.
        dead: usize,
    },
    /// A record became a dead letter.
    Dead {
        /// The flow.
        flow: &'a FlowName,
        /// The record.
        record: &'a Named,
        /// Why.
        fault: &'a Fault,
    },
    /// A push ended that settled records or made calls.
    Pushed {
        /// The flow.
        flow: &'a FlowName,
        /// What it did.
        pushed: &'a Pushed,
        /// How long it took.
        took: Duration,
    },
    /// A flow that had stopped works again.
    Resumed {
        /// The flow.
        flow: &'a FlowName,
    },
    /// A flow paused until a person or time removes the cause.
    Paused {
        /// The flow.
        flow: &'a FlowName,
        /// Why.
        fault: &'a Fault,
    },
    /// The store failed in a way that may pass; the task goes on after `wait`.
    StoreFailed {
        /// The task of `run` that met it, such as `flow shop-de`.
        task: &'a str,
        /// Why.
        fault: &'a Fault,
        /// When the task starts again.
        wait: Duration,
    },
}

/// A receiver of events.
pub trait Observer: Send + Sync {
    /// Receives an event. Must not block.
    fn notify(&self, event: &Event<'_>);
}

/// Ignores all events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn notify(&self, _: &Event<'_>) {}
}
