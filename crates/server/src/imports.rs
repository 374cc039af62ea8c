//! Watches whether feeds that were served whole are imported: until the destination no longer has the items that they
//! do not hold.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contract::{
    destination::LEFT_TO_IMPORT,
    store::{Revision, Tally},
};
use engine::{Flow, imported::settle};
use model::{FlowName, Kind};

use crate::Served;

/// The destination is read for the first time after this, then after twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(250);
/// See [`FIRST`].
const LONGEST: Duration = Duration::from_mins(5);
/// An import that takes longer counts as failed; the next feed is watched again.
const LONGEST_IMPORT: Duration = Duration::from_hours(6);

/// The imports that are watched, at most one for each flow and kind.
#[derive(Default)]
pub(crate) struct Imports(Mutex<BTreeMap<(FlowName, Kind), Revision>>);

impl Imports {
    /// Watches the import of a feed that began at this revision, in the place of an earlier one.
    pub(crate) fn watch(self: Arc<Self>, served: &Served, flow: &Arc<Flow>, kind: Kind, began: Revision) {
        self.latest().insert((flow.name.clone(), kind), began);
        let (store, clock, flow) = (Arc::clone(&served.ledger), Arc::clone(&served.clock), Arc::clone(flow));
        tokio::spawn(async move {
            // Usually no item is left to the import, and there is nothing to watch.
            let left = |tally: &Tally| tally.waiting + tally.rules.get(LEFT_TO_IMPORT).copied().unwrap_or(0);
            if store.tally(&flow.name).await.is_ok_and(|tally| left(&tally) == 0) {
                self.end(&flow.name, kind, began);
                return;
            }
            let give_up = clock.now().plus(LONGEST_IMPORT);
            let mut wait = FIRST;
            while clock.now() < give_up {
                clock.sleep_until(clock.now().plus(wait)).await;
                wait = (wait * 2).min(LONGEST);
                if self.latest().get(&(flow.name.clone(), kind)) != Some(&began) {
                    return;
                }
                match settle(&flow, store.as_ref(), clock.as_ref(), kind, began).await {
                    Ok(0) => break,
                    Ok(left) => {
                        tracing::debug!(flow = %flow.name, %kind, left, "the import is not seen to be over yet");
                    }
                    Err(fault) => {
                        tracing::warn!(flow = %flow.name, %kind, code = %fault.code, error = %fault, "an import can't be confirmed now");
                    }
                }
            }
            self.end(&flow.name, kind, began);
        });
    }

    /// Ends watching an import, unless a later one is watched.
    fn end(&self, flow: &FlowName, kind: Kind, began: Revision) {
        let (mut latest, watched) = (self.latest(), (flow.clone(), kind));
        if latest.get(&watched) == Some(&began) {
            latest.remove(&watched);
        }
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, BTreeMap<(FlowName, Kind), Revision>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
