//! A store whose steps are points of the script, each complete before another task runs.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake},
    thread::{self, Thread},
};

use async_trait::async_trait;
use contract::{
    Admin, Erasures, Fault, Hints, Item, Ledger, Leftovers, Mirror,
    source::Scope,
    store::{
        Claim, Claimed, Count, DeadLetter, Declaration, Declared, EntryView, ErasedFrom, Erasing, Erasure, FlowId,
        Found, Freshness, HeldItems, Hint, HookState, Intake, Kept, KeptBy, LaneState, Lease, Leased, Leftover, Number,
        Owner, Pruned, ReadBack, Recovered, Registration, Removals, Retention, Revision, Step, Sweep, Swept, Take,
        Taken, Tally, Ticketed, Touch, Trouble, UnreadRow, Waiting, Wake as NextWake, Which, Who, Work, Workload,
    },
};
use model::{FlowName, Kind, Record, RecordId, RemoteId, SourceName, Timestamp};
use store::sqlite::Sqlite;

use super::{ears::Ears, script::Script};

/// A store that does one step after the other.
pub(super) struct Steady {
    pub(super) inner: Arc<Sqlite>,
    pub(super) script: Script,
    pub(super) ears: Arc<Ears>,
    pub(super) asked: Asked,
}

/// How often a store was asked, by method.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Asked {
    fn note(&self, method: &'static str) {
        *self.0.lock().unwrap().entry(method).or_default() += 1;
    }

    pub(super) fn of(&self, method: &str) -> u64 {
        self.0.lock().unwrap().get(method).copied().unwrap_or(0)
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits while no other task of this thread runs.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    // Outside of a task's budget, which this loop would never give back.
    let mut future = pin!(tokio::task::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

macro_rules! steps {
    ($trait:ident: $(fn $name:ident($($arg:ident: $type:ty),*) -> $result:ty $(, $heard:ident $step:ident)?;)*) => {
        #[async_trait]
        impl $trait for Steady {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$result, Fault> {
                self.asked.note(stringify!($name));
                self.script.point().await;
                $(self.ears.$heard(&$step);)?
                let done = wait(self.inner.$name($($arg),*));
                self.script.point().await;
                done
            }
        )*}
    };
}

steps! { Mirror:
    fn lane(source: &SourceName, lane: &str) -> LaneState;
    fn lanes(source: &SourceName) -> BTreeMap<String, LaneState>;
    fn intake(intake: Intake) -> Taken;
    fn sweep(sweep: Sweep) -> Swept;
    fn spread(touch: &Touch, limit: usize) -> u64;
    fn wake(touch: &Touch, limit: usize) -> u64;
    fn revision(source: &SourceName) -> Revision;
    fn as_of(source: &SourceName) -> Timestamp;
    fn read(source: &SourceName, kind: Kind, after: Option<&RecordId>, limit: usize) -> Vec<Found>;
    fn scopes(source: &SourceName) -> Vec<(Kind, Option<Scope>)>;
    fn lease(of: &Leased) -> Lease;
    fn take_over(of: &Leased) -> Lease;
    fn reference_revision(source: &SourceName) -> Revision;
    fn reference(source: &SourceName) -> Vec<Record>;
    fn counts(source: &SourceName) -> Vec<Count>;
    fn find(source: &SourceName, text: &str) -> Vec<Found>;
    fn noticed(source: &SourceName, limit: usize) -> Vec<Found>;
    fn unread(source: &SourceName, limit: usize) -> Vec<UnreadRow>;
}

steps! { Ledger:
    fn declare(flow: &Declared) -> Declaration;
    fn retire_others(sources: &[SourceName], flows: &[FlowName]) -> ();
    fn recover(flow: &FlowName) -> Recovered;
    fn tickets(flow: &FlowName) -> Vec<Ticketed>;
    fn removals(flow: &FlowName, now: Timestamp) -> Removals;
    fn workload(flow: &FlowName, take: Take) -> Workload;
    fn scan(flow: &FlowName, kind: Kind, after: Number, limit: usize) -> Vec<Work>;
    fn work(flow: &FlowName, number: Number) -> Option<Work>;
    fn claim(flow: &FlowName, lease: Lease, claims: Vec<Claim>) -> Claimed;
    fn owners(flow: &FlowName, kind: Kind, items: &[RemoteId]) -> Vec<Owner>;
    fn advance(step: Step) -> Vec<u64>, opens step;
    fn release(flow: &FlowName, kind: Kind, up_to: Revision) -> u64;
    fn note_stop(flow: &FlowName, fault: Option<&Fault>, at: Timestamp) -> ();
    fn next_wake(flow: &FlowName) -> NextWake;
}

steps! { Admin:
    fn tally(flow: &FlowName) -> Tally;
    fn trouble(flow: &FlowName) -> Trouble;
    fn freshness(flow: &FlowName) -> Freshness;
    fn entry(flow: &FlowName, number: Number) -> Option<EntryView>;
    fn dead(flow: &FlowName, limit: usize) -> Vec<DeadLetter>;
    fn dead_of(flow: &FlowName, id: &RecordId) -> Vec<DeadLetter>;
    fn kept(flow: &FlowName, by: KeptBy, limit: usize) -> Vec<Kept>;
    fn approve_removals(flow: &FlowName, at: Timestamp) -> u64;
    fn pause(flow: &FlowName, since: Option<Timestamp>) -> bool;
    fn replay(flow: &FlowName, which: Which<'_>) -> u64;
    fn discard(flow: &FlowName, which: Which<'_>) -> u64;
    fn doubt(flow: &FlowName, numbers: &[Number]) -> u64;
    fn prune(now: Timestamp, retention: &Retention, limit: usize) -> Pruned;
}

steps! { Hints:
    fn hint(source: &SourceName, hints: &[Hint], at: Timestamp) -> ();
    fn deliver(source: &SourceName, hints: &[Hint], is_gap: bool, at: Timestamp) -> ();
    fn hook(source: &SourceName) -> Option<HookState>;
    fn register(source: &SourceName, registration: &Registration) -> ();
    fn hints(source: &SourceName, limit: usize) -> Vec<Waiting>;
    fn done(source: &SourceName, lease: Lease, hints: &[u64]) -> ();
}

steps! { Leftovers:
    fn left_behind(configured: &[Declared]) -> Vec<Leftover>;
    fn held_items(flow: &FlowId, after: Number, limit: usize) -> Vec<HeldItems>;
    fn held_payloads(flow: &FlowId, number: Number) -> Vec<Item>;
    fn forget_entries(flow: &FlowId, numbers: &[Number]) -> u64;
    fn forget_flow(flow: &FlowId, limit: usize) -> u64;
    fn forget_source(source: &SourceName, limit: usize) -> u64;
}

steps! { Erasures:
    fn of_person(who: &Who) -> Vec<(SourceName, Found)>;
    fn to_erase(who: &Who) -> Vec<ErasedFrom>;
    fn erase(who: &Who, at: Timestamp) -> Option<u64>;
    fn open_erasures() -> Vec<Erasure>;
    fn ended_erasures() -> u64;
    fn erasure_of(who: &Who) -> Option<Erasure>;
    fn erasing(erasure: u64) -> Vec<Erasing>;
    fn end_erasure(erasure: u64, read_back: &[ReadBack], at: Timestamp) -> bool;
    fn lift(who: &Who) -> bool;
}
