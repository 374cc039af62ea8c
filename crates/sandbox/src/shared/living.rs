//! Makes the edits of a living shop on a platform, at a rate.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// Counts of a living shop's edits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Driven {
    /// Edits that were made.
    pub made: u64,
    /// Edits that the platform has no place for.
    pub without_place: u64,
    /// Edits that the platform refused.
    pub refused: u64,
}

/// What became of an edit.
pub(crate) enum Edited {
    Made,
    /// The platform has no place for it.
    NoPlace,
    /// The platform refused it.
    Refused(String),
}

/// Makes an edit every `pace` (a millisecond at least) until `shutdown`, and passes each that was made to `told`. One that
/// the platform has no place for is left out at once; one that is refused is logged and counted, and the next one follows.
pub(crate) async fn drive<E>(
    make: impl Fn(&E) -> Edited,
    shop: impl Iterator<Item = E>,
    pace: Duration,
    told: impl Fn(&E),
    shutdown: impl Future<Output = ()>,
) -> Driven {
    let mut driven = Driven::default();
    let mut ticks = interval(pace.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    for edit in shop {
        tokio::select! {
            biased;
            () = &mut shutdown => return driven,
            _ = ticks.tick() => {},
        }
        match make(&edit) {
            Edited::Made => {
                told(&edit);
                driven.made += 1;
            }
            Edited::NoPlace => {
                driven.without_place += 1;
                ticks.reset_immediately();
            }
            Edited::Refused(error) => {
                tracing::warn!(error, "the platform refused an edit of the living shop");
                driven.refused += 1;
            }
        }
    }
    // Nothing in the shop can be edited.
    shutdown.await;
    driven
}
