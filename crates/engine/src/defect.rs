//! Faults for what only a defect of Cartage can cause.

use contract::Fault;
use tokio::task::JoinError;

/// A fault that only a defect explains.
pub(crate) fn defect(code: &'static str, message: String) -> Fault {
    Fault::protocol(code, message).hint("this is a defect of Cartage; please report it with the log around it")
}

/// A task that panicked or was cancelled. `work`: what it did, such as `reading`.
pub(crate) fn cut_off(code: &'static str, work: &str, error: &JoinError) -> Fault {
    defect(code, format!("{work} was cut off inside: {error}"))
}
