//! Steps of a run, and the one at which the hub is killed.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::Notify;

/// A place at which the hub may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before or after work that blocks, most of it of the store.
    Store,
    /// Before a call reaches its host.
    Call,
    /// After a call was carried out and before its answer arrived.
    Applied,
}

/// When the hub is killed next.
#[derive(Clone, Copy, Debug, Default)]
struct Doom {
    /// At this step or the next one that `only` allows; `None`: not at all.
    at: Option<u64>,
    only: Option<Place>,
}

/// Counts steps, and stops the hub for ever at the chosen one.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    taken: AtomicU64,
    doom: Mutex<Doom>,
    dead: AtomicBool,
    died: Notify,
    broken: Mutex<Option<String>>,
}

impl Steps {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Steps so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// A new hub starts.
    pub(crate) fn revive(&self) {
        *self.doom.lock().unwrap_or_else(PoisonError::into_inner) = Doom::default();
        self.dead.store(false, Ordering::Relaxed);
    }

    /// Kills the hub after so many further steps, at a place of this kind.
    pub(crate) fn doom(&self, steps: u64, only: Option<Place>) {
        let at = Some(self.taken() + steps);
        *self.doom.lock().unwrap_or_else(PoisonError::into_inner) = Doom { at, only };
    }

    /// One step. Never returns to a hub that is killed here or was killed before.
    pub(crate) async fn step(&self, place: Place) {
        if self.dead.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        let now = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        let doom = *self.doom.lock().unwrap_or_else(PoisonError::into_inner);
        if doom.at.is_some_and(|at| now >= at) && doom.only.is_none_or(|only| only == place) {
            tracing::info!(step = now, ?place, "the hub dies");
            self.kill();
        }
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// Kills the hub.
    pub(crate) fn kill(&self) {
        if !self.dead.swap(true, Ordering::Relaxed) {
            self.died.notify_one();
        }
    }

    /// A promise was broken: the run ends.
    pub(crate) fn fail(&self, why: String) {
        tracing::error!(why, "a promise is broken");
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.kill();
    }

    /// The first broken promise.
    pub(crate) fn broken(&self) -> Option<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns when the hub was killed.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }
}
