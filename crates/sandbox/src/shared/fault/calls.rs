//! Counters of calls by method, path pattern, status and fault.

use std::collections::BTreeMap;

use serde::Serialize;

/// Distinct lines kept; calls beyond them are counted under the path `(other)`.
const LINES: usize = 2000;

/// How often one kind of call was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallCount {
    /// HTTP method.
    pub method: String,
    /// Pattern of the route (`/v2/products`, `/{project}/products/{id}`), or the path itself where no route matched.
    pub path: String,
    /// Status that was answered; `None` when the connection was closed without an answer.
    pub status: Option<u16>,
    /// Fault that was injected: `throttled`, `quota`, `error`, `html_error`, `reset_before_effect`,
    /// `reset_after_effect`, `truncated`.
    pub fault: Option<&'static str>,
    /// Calls of this kind.
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    path: String,
    method: String,
    status: Option<u16>,
    fault: Option<&'static str>,
}

#[derive(Default)]
pub(super) struct Calls(BTreeMap<Line, u64>);

impl Calls {
    pub(super) fn count(&mut self, method: String, path: String, status: Option<u16>, fault: Option<&'static str>) {
        let line = Line { path, method, status, fault };
        if self.0.len() < LINES || self.0.contains_key(&line) {
            *self.0.entry(line).or_default() += 1;
        } else {
            *self.0.entry(Line { path: "(other)".to_owned(), ..line }).or_default() += 1;
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn list(&self) -> Vec<CallCount> {
        let row = |(line, &count): (&Line, &u64)| CallCount {
            method: line.method.clone(),
            path: line.path.clone(),
            status: line.status,
            fault: line.fault,
            count,
        };
        self.0.iter().map(row).collect()
    }
}
