//! Present problems of `run`, for `/readyz`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use contract::Fault;
use model::Timestamp;
use serde::Serialize;

/// The problems of a running engine, by task. A task reports its fault and clears it once it works again.
#[derive(Debug, Default)]
pub struct Health {
    problems: Mutex<BTreeMap<String, Problem>>,
}

/// A problem of a task.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// The task, such as `flow shop-de`.
    pub task: String,
    /// Since when it has not worked.
    pub since: Timestamp,
    /// The fault.
    pub fault: Fault,
}

impl Health {
    /// Notes that a task does not work, and since when.
    pub fn report(&self, task: &str, fault: &Fault, now: Timestamp) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let since = problems.get(task).map_or(now, |problem| problem.since);
        problems.insert(task.to_owned(), Problem { task: task.to_owned(), since, fault: fault.clone() });
    }

    /// Notes that a task works.
    pub fn clear(&self, task: &str) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
    }

    /// The present problems.
    pub fn problems(&self) -> Vec<Problem> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
