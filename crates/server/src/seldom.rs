//! Log lines that requests cause: at most one a minute for each cause, because anyone can send any number of requests.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use model::Timestamp;

/// One cause is logged at most this often.
const EVERY: Duration = Duration::from_mins(1);

/// When each cause was logged. A cause is named by what is configured, never by what a request says, so there are few.
#[derive(Default)]
pub(crate) struct Seldom(Mutex<BTreeMap<String, Timestamp>>);

impl Seldom {
    /// Whether this cause is logged now; if so, it counts as logged.
    pub(crate) fn is_due(&self, cause: &str, now: Timestamp) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not silence it.
        let is_due = logged.get(cause).is_none_or(|at| *at > now || at.plus(EVERY) <= now);
        if is_due {
            logged.insert(cause.to_owned(), now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_logged_once_a_minute_whatever_the_clock_does() {
        let (seldom, start) = (Seldom::default(), Timestamp::from_millis(1_800_000_000_000));
        let count = |cause: &str, at: Timestamp| (0..1000).filter(|_| seldom.is_due(cause, at)).count();
        assert_eq!(count("source shop", start), 1);
        assert_eq!(count("source shop", start.plus(Duration::from_secs(59))), 0);
        assert_eq!(
            count("source other", start.plus(Duration::from_secs(59))),
            1,
            "another cause is not silenced by it"
        );
        assert_eq!(count("source shop", start.plus(EVERY)), 1);
        assert_eq!(count("source shop", start), 1, "the clock was set back");
    }
}
