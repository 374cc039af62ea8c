//! What the engine tells about its work, for progress bars, logs and metrics.

use std::time::Duration;

use contract::{Fault, store::Taken};
use model::{FlowName, Kind, SourceName};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A walk over a lane began.
    WalkBegan {
        /// The source.
        source: &'a SourceName,
        /// The lane.
        lane: &'a str,
        /// Over everything.
        full: bool,
        /// About how many records it will see, where an earlier walk over everything has told.
        expected: Option<u64>,
    },
    /// A page was taken in.
    Page {
        /// The source.
        source: &'a SourceName,
        /// The lane.
        lane: &'a str,
        /// What it did.
        taken: Taken,
        /// The lane reads records that flows carry: so much more there is to push.
        carried: bool,
    },
    /// A walk ended.
    WalkEnded {
        /// The source.
        source: &'a SourceName,
        /// The lane.
        lane: &'a str,
        /// What it did in all.
        taken: Taken,
        /// How long it took.
        took: Duration,
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
    /// A walk stopped on a fault; it goes on from there the next time.
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
        /// What it carried.
        kind: Kind,
        /// The operation's name.
        op: &'static str,
        /// How many items.
        items: usize,
        /// HTTP status, 0 where there was none.
        status: u16,
        /// How long it took.
        took: Duration,
        /// What was wrong, if anything.
        fault: Option<&'a Fault>,
    },
    /// Records were settled.
    Settled {
        /// The flow.
        flow: &'a FlowName,
        /// How many.
        records: usize,
        /// How many of them were set aside.
        dead: usize,
    },
    /// A flow stopped sending until a person or time mends what is wrong.
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

/// Whoever wants to be told.
pub trait Observer: Send + Sync {
    /// Is told. Must not block.
    fn tell(&self, event: &Event<'_>);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn tell(&self, _: &Event<'_>) {}
}
