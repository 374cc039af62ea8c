//! Calls whose items were all refused alike: the records, or the account?
//!
//! An item that the account accepted before is sent again. If it is accepted, the refusals are the records' own; if it is
//! refused too, or if there is none, the flow pauses and its records stay as they are.
//!
//! **Invariant:** no record becomes a dead letter by a call that refused all of its several items alike, unless the account
//! accepted another item after that.

use std::collections::BTreeSet;

use contract::{Fault, FaultClass, Outcome, store::Closed};

use super::{Turn, gate::all_refused, outbox::Batch};

/// A call whose items were all refused alike. Its records stay in progress until it is known why.
pub(super) struct Doubt {
    pub(super) batch: Batch,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) closed: Closed,
}

impl Turn {
    /// Asks the account whether it accepts anything.
    pub(super) async fn doubt(&mut self, doubt: Doubt) -> Result<(), Fault> {
        self.doubts.push(doubt);
        if self.is_ending() {
            self.close_doubts();
            return Ok(());
        }
        if self.doubts.len() > 1 {
            // The item that was sent for the first of them answers for all.
            return Ok(());
        }
        // An item that was accepted just now will do.
        self.commit(&[]).await?;
        if !self.probe().await? {
            self.distrust();
        }
        Ok(())
    }

    /// Decides what is in doubt. `arrived`: a call since then delivered an item. `probe`: what became of the item that was
    /// sent again, if the call carried it.
    pub(super) async fn clear_up(&mut self, arrived: bool, probe: Option<Outcome>) -> Result<(), Fault> {
        match probe {
            _ if self.doubts.is_empty() => Ok(()),
            _ if arrived => self.believe().await,
            None => Ok(()),
            // It waits to be sent again.
            Some(Outcome::Deferred(fault)) if fault.class == FaultClass::Throttled => Ok(()),
            Some(Outcome::Deferred(fault) | Outcome::Unknown(fault)) => {
                self.pause(fault);
                self.close_doubts();
                Ok(())
            }
            Some(_) => {
                self.distrust();
                Ok(())
            }
        }
    }

    /// The account works: the records were refused.
    async fn believe(&mut self) -> Result<(), Fault> {
        for Doubt { batch, mut outcomes, closed } in std::mem::take(&mut self.doubts) {
            if let Some(fault) = self.push.flow.gate.judge(&mut outcomes, self.push.first_backoff, self.now()) {
                self.pause(fault);
            }
            self.record(batch, outcomes, false, closed).await?;
        }
        Ok(())
    }

    /// The account refuses everything, as far as is known.
    fn distrust(&mut self) {
        let items = self.doubts.iter().map(|doubt| doubt.outcomes.len()).sum();
        let last = self.doubts.last().and_then(|doubt| doubt.outcomes.last()?.fault());
        if let Some(fault) = last.map(|last| all_refused(items, last)) {
            self.pause(fault);
        }
        self.close_doubts();
    }

    /// Leaves the records of calls in doubt as they are: the calls had no effect.
    pub(super) fn close_doubts(&mut self) {
        for doubt in std::mem::take(&mut self.doubts) {
            self.settler.close(doubt.closed, BTreeSet::new());
        }
    }
}
