//! The writes to a store, call by call: counters of all calls, and the last calls with their bodies for tests.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde::Serialize;

/// Calls of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OperationCount {
    /// Calls that named this store, including refused ones.
    pub calls: u64,
    /// Objects or ids in calls that were accepted.
    pub items: u64,
    /// Calls that were refused.
    pub refused: u64,
}

/// One write call.
#[derive(Clone, Debug)]
pub struct WriteCall {
    /// `POST products`, `DELETE orders`, `POST product/add`.
    pub operation: String,
    /// Objects or ids in it.
    pub items: usize,
    /// Why it was refused: type and message.
    pub refused: Option<String>,
    /// The request's body; `None` when it was too large to keep or has been dropped for newer ones.
    pub body: Option<Bytes>,
}

/// Counters and the last calls.
pub(super) struct Journal {
    counts: BTreeMap<String, OperationCount>,
    calls: VecDeque<WriteCall>,
    bytes: usize,
    most_calls: usize,
    most_bytes: usize,
}

impl Journal {
    pub(super) fn new(most_calls: usize, most_bytes: usize) -> Self {
        Self { counts: BTreeMap::new(), calls: VecDeque::new(), bytes: 0, most_calls, most_bytes }
    }

    pub(super) fn counts(&self) -> BTreeMap<String, OperationCount> {
        self.counts.clone()
    }

    pub(super) fn calls(&self) -> Vec<WriteCall> {
        self.calls.iter().cloned().collect()
    }

    pub(super) fn clear(&mut self) {
        self.counts.clear();
        self.calls.clear();
        self.bytes = 0;
    }

    pub(super) fn note(&mut self, operation: String, items: usize, refused: Option<String>, body: Bytes) {
        let count = self.counts.entry(operation.clone()).or_default();
        count.calls += 1;
        match refused {
            Some(_) => count.refused += 1,
            None => count.items += u64::try_from(items).unwrap_or(u64::MAX),
        }
        let body = (body.len() <= self.most_bytes).then_some(body);
        self.bytes += body.as_ref().map_or(0, Bytes::len);
        self.calls.push_back(WriteCall { operation, items, refused, body });
        while self.calls.len() > self.most_calls {
            self.bytes -= self.calls.pop_front().and_then(|call| call.body).map_or(0, |body| body.len());
        }
        for call in &mut self.calls {
            if self.bytes <= self.most_bytes {
                break;
            }
            self.bytes -= call.body.take().map_or(0, |body| body.len());
        }
    }
}
