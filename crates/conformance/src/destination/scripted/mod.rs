//! Destinations in memory that do what Clerk.io does not: for tests of whoever drives a destination.
//!
//! A *service* is the other side. It outlives the connectors that speak with it, as a vendor outlives a restart, and notes
//! whatever should not have been asked of it.

pub mod nested;
pub mod teller;

use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::{Fault, Outcome, Receipt, destination::Verdict};

pub use nested::Nested;
pub use teller::Teller;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn receipt(verdict: Verdict, status: u16) -> Receipt {
    Receipt { verdict, status, response: String::new() }
}

/// An answer that was lost on its way.
fn lost() -> Outcome {
    Outcome::Unknown(Fault::transient("C0998", "the answer was lost"))
}
