//! Destinations in memory that do what Clerk.io does not: for tests of code that drives a destination.
//!
//! A *service* is the vendor's side. It exists longer than the connectors that call it, as a vendor's service runs on
//! while the hub restarts, and records every call that should not have been made.

pub mod events;
pub mod nested;

use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::{Fault, Outcome, Receipt, destination::Verdict};

pub use events::Events;
pub use nested::Nested;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn receipt(verdict: Verdict, status: u16) -> Receipt {
    Receipt { verdict, status, response: String::new() }
}

/// The answer was lost.
fn lost() -> Outcome {
    Outcome::Unknown(Fault::transient("C0998", "the answer was lost"))
}
