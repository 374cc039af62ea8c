//! Keeps the webhooks of sources registered at their platforms, and notices when a platform has stopped delivering.
//!
//! **Invariant:** what was lost while a platform did not deliver is read again as a whole, also after a crash: a lane does
//! not count as read before that instant.

use std::time::Duration;

use contract::{
    Fault,
    source::{Reach, Registered},
    store::{LaneState, Registration},
};
use tokio::sync::watch;

use super::{Engine, Origin, cadence::Backoff};

/// How often a platform is asked how its webhooks stand.
const LOOK_EVERY: Duration = Duration::from_mins(5);
/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_mins(1);

impl Engine {
    /// Registers the webhooks of a source and looks after them, if they are kept up by themselves; else only looks.
    pub(super) async fn keep_hooked(
        &self,
        origin: &Origin,
        task: &str,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Fault> {
        let mut backoff = Backoff::new();
        while !*stop.borrow() {
            let wait = match self.look_after_hooks(origin).await? {
                Ok(wait) => {
                    self.health.clear(task);
                    backoff.reset();
                    wait
                }
                Err(fault) => {
                    self.health.report(task, &fault, self.clock.now());
                    backoff.after(&fault)
                }
            };
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now().plus(wait)) => {}
                _ = stop.changed() => {}
            }
        }
        Ok(())
    }

    /// Registers or looks once. The outer error is the store's, the inner one the source's; returns when to look again.
    async fn look_after_hooks(&self, origin: &Origin) -> Result<Result<Duration, Fault>, Fault> {
        let (Some(address), Some(hooks)) = (&origin.hooks, origin.pull.source.hooks()) else {
            return Ok(Ok(LOOK_EVERY));
        };
        let reach = if hooks.is_kept_up() { Reach::Apply } else { Reach::Look };
        Ok(self.ensure_hooks(origin, address, reach).await?.map(|registered| {
            let now = self.clock.now();
            registered.renew_at.map_or(LOOK_EVERY, |at| now.until(at).clamp(SHORTEST, LOOK_EVERY))
        }))
    }

    /// Registers the webhooks of a source for this address, or looks at them, and notes how they stand. The outer error
    /// is the store's, the inner one the source's.
    ///
    /// # Errors
    /// The store's.
    pub async fn ensure_hooks(
        &self,
        origin: &Origin,
        address: &str,
        reach: Reach,
    ) -> Result<Result<Registered, Fault>, Fault> {
        let Some(hooks) = origin.pull.source.hooks() else {
            let message = format!("source {} has no webhooks", origin.pull.name);
            return Ok(Err(Fault::config("C0623", message)));
        };
        let source = &origin.pull.name;
        let before = self.store.hook(source).await?.unwrap_or_default().registration;
        let looked_at = self.clock.now();
        let result = match hooks.objection(address) {
            Some(objection) => {
                let fault =
                    Fault::config("C0625", format!("webhooks of source {source} can't be delivered: {objection}"));
                Err(fault.hint("set server.public_url to an address that the platform can reach"))
            }
            None => hooks.ensure(address, before.kept.as_ref(), reach).await,
        };
        let now = match &result {
            Ok(found) => {
                for step in found.steps.iter().filter(|_| reach == Reach::Apply) {
                    tracing::info!(%source, step, "webhooks were registered");
                }
                if found.missed {
                    tracing::warn!(%source, state = found.state, "webhooks were not delivered for a time; everything is read");
                }
                Registration {
                    address: address.to_owned(),
                    kept: found.kept.clone(),
                    state: found.state.clone(),
                    is_whole: found.is_whole,
                    looked_at: Some(looked_at),
                    missed_at: if found.missed { Some(looked_at) } else { before.missed_at },
                    fault: None,
                }
            }
            Err(fault) => Registration { looked_at: Some(looked_at), fault: Some(fault.clone()), ..before },
        };
        self.store.register(source, &now).await?;
        if now.missed_at == Some(looked_at) {
            origin.pull.wake();
        }
        Ok(result)
    }

    /// Whether deliveries were lost since a lane was read as a whole.
    pub(super) async fn missed(&self, origin: &Origin, state: &LaneState) -> Result<bool, Fault> {
        if origin.hooks.is_none() {
            return Ok(false);
        }
        let missed_at = self.store.hook(&origin.pull.name).await?.and_then(|hook| hook.registration.missed_at);
        // A clock that was set back must not make every read a full one.
        let now = self.clock.now();
        Ok(missed_at.is_some_and(|missed| missed <= now && state.full_at.is_none_or(|at| at <= missed)))
    }
}
