//! Eventually consistent queries: they see each object as it was some time ago.
//!
//! The fault plan's `visibility_lag_ms` says how long. Each call carries it: a write under it keeps the former object,
//! and a query under it ignores later writes. Writes without it keep nothing.

use std::ops::Deref;

use super::entry::{Moment, Past};
use super::resource::Resource;
use super::store::State;

/// A state as a query sees it.
pub(super) enum Seen<'a> {
    /// As it is.
    Now(&'a State),
    /// As it was.
    Before(Box<State>),
}

impl Deref for Seen<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        match self {
            Self::Now(state) => state,
            Self::Before(state) => state,
        }
    }
}

impl State {
    /// Keeps the object that a write replaces, and drops objects whose replacement is visible by now.
    pub(super) fn keep_past(&mut self, moment: Option<Moment>, resource: Resource, id: &str) {
        let Some(moment) = moment else { return };
        while self.past.front().is_some_and(|past| moment.sees(past.written)) {
            self.past.pop_front();
        }
        let before = self.entry(resource, id).cloned();
        self.past.push_back(Past { written: moment.now, resource, id: id.into(), before });
    }

    /// The state as a query of this moment sees it.
    pub(super) fn seen(&self, moment: Option<Moment>) -> Seen<'_> {
        let unseen = |past: &&Past| moment.is_some_and(|moment| !moment.sees(past.written));
        if !self.past.iter().any(|past| unseen(&past)) {
            return Seen::Now(self);
        }
        let mut seen = self.without_past();
        for past in self.past.iter().rev().filter(unseen) {
            seen.restore(past.resource, &past.id, past.before.clone());
        }
        Seen::Before(Box::new(seen))
    }
}
