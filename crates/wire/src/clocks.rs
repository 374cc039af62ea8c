//! Two clocks that may disagree: a server's, known by the `Date` of its answers, and this machine's.

use std::{
    sync::{Mutex, Once, PoisonError},
    time::Duration,
};

use model::Timestamp;
use tokio::time::Instant;

use crate::{Environment, Response};

/// How far the clocks may be apart unnoticed: an answer takes a while, and a `Date` has whole seconds.
const APART: Duration = Duration::from_secs(30);

/// One instant by both clocks, either of which may be wrong: the `Date` may be a proxy's.
///
/// A walk over changes that ends too early, or a next one that begins too late, misses changes; the opposite repeats
/// records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instants {
    /// By the server's clock, where it is known: a walk over changes goes up to here.
    pub server: Timestamp,
    /// By the clock that is behind the other: the next walk begins here.
    pub earlier: Timestamp,
}

impl Instants {
    fn of(server: Option<Timestamp>, ours: Timestamp) -> Self {
        let server = server.unwrap_or(ours);
        Self { server, earlier: server.min(ours) }
    }
}

/// The clock of a server.
#[derive(Debug)]
pub struct ServerClock {
    environment: Environment,
    /// The `Date` of the last answer that had one, and when it came.
    last: Mutex<Option<(Timestamp, Instant)>>,
    /// Whether the log has the difference.
    warned: Once,
}

impl ServerClock {
    /// A clock of which nothing is known. This machine's clock is that of the environment.
    pub fn new(environment: &Environment) -> Self {
        Self { environment: environment.clone(), last: Mutex::new(None), warned: Once::new() }
    }

    /// Learns from the `Date` of an answer. The log names clocks that differ by more than 30 seconds, once.
    pub fn learn(&self, response: &Response) {
        if let Some(date) = response.date {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, Instant::now()));
            if let Some(difference) = self.difference() {
                self.warned.call_once(|| tracing::warn!("{difference}"));
            }
        }
    }

    /// The instant now, by the last `Date` and the time since.
    pub fn now(&self) -> Instants {
        Instants::of(self.server(), self.environment.now())
    }

    /// The instant at which this answer was asked for.
    pub fn asked(&self, response: &Response) -> Instants {
        let date = response.date.map(|date| date.minus(response.took));
        Instants::of(date, self.environment.now().minus(response.took))
    }

    /// What a person should know where the clocks differ by more than 30 seconds.
    pub fn difference(&self) -> Option<String> {
        let (server, ours) = (self.server()?, self.environment.now());
        let (apart, word) =
            if server > ours { (ours.until(server), "ahead of") } else { (server.until(ours), "behind") };
        (apart > APART).then(|| {
            format!(
                "the server's clock is {} s {word} this machine's; changes are read from the earlier of the two on: set \
                 this machine's clock, or that of a proxy in between",
                apart.as_secs()
            )
        })
    }

    fn server(&self) -> Option<Timestamp> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|(date, received)| date.plus(received.elapsed()))
    }
}
