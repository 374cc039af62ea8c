//! The suite that any [`Source`] must pass against its emulator.
//!
//! Each check says one thing and starts from a [`Shop`] of its own. The suite changes products, because every source
//! has them; all lanes are walked. A failed check returns text; nothing here panics.
//!
//! **A source must** include every record that exists throughout a walk, report changes made during a walk with it or
//! with the next delta, go on from a token alone, and report what it can't read as a fault or an unread record, never
//! as an empty page.

mod changes;
mod faults;
mod reader;
pub mod script;
mod walks;

use std::{collections::BTreeSet, fmt::Debug, time::Duration};

use async_trait::async_trait;
use contract::Source;
use model::{Kind, RecordId};

pub use crate::destination::Check;

/// The shop behind a source, as the suite controls it: ten products at least, a clock that only [`Shop::wait`] moves,
/// and no failing call before [`Shop::fail`] asks for one.
#[async_trait]
pub trait Shop: Send + Sync {
    /// The source that reads it.
    type Source: Source + Debug;

    /// A source that has read nothing yet. Its pages hold this many records at most, or their default number.
    fn source(&self, page: Option<u16>) -> Self::Source;

    /// Ids of the products that shoppers see now, as its source must give them; `None` if the shop can't list them.
    async fn ids(&self, kind: Kind) -> Option<BTreeSet<RecordId>>;

    /// Adds a visible product of this name.
    async fn add(&self, name: &str) -> RecordId;

    /// Gives a product another name.
    async fn rename(&self, product: &RecordId, name: &str);

    /// The same by a write that becomes visible late: its timestamp is this much earlier than now, and no reader saw it
    /// until now.
    async fn rename_late(&self, product: &RecordId, name: &str, late: Duration);

    /// Deletes a product.
    async fn remove(&self, product: &RecordId);

    /// Serves a product in a form that can't be understood from now on; `None`: serves every product correctly.
    async fn spoil(&self, product: Option<&RecordId>);

    /// Lets time pass, at the source and here.
    async fn wait(&self, time: Duration);

    /// Sets the source's clock this far from ours. Existing records are older by either clock.
    async fn set_clock(&self, clock: Clock);

    /// How late a write may become visible and still be read by the next delta.
    fn lag(&self) -> Duration;

    /// Makes every call fail like this from now on; `None`: no call fails.
    async fn fail(&self, failure: Option<Failure>);

    /// Texts that must never be seen.
    fn secrets(&self) -> Vec<String>;
}

/// How far the source's clock is from ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// It shows a later time.
    Ahead(Duration),
    /// It shows an earlier time.
    Behind(Duration),
}

/// How calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many calls; the answer asks to wait this long, or names no time.
    Throttled(Option<Duration>),
    /// Tokens granted so far are refused; tokens granted from now on are accepted.
    Expired,
    /// Every token is refused, also a new one.
    Refused,
    /// The keys are refused, and with them all tokens granted for them.
    KeysRefused,
    /// The keys are accepted and lack a right.
    NoRight,
    /// An error of the server in its own words.
    ServerError,
    /// The connection closes before the answer.
    Reset,
    /// Half the answer arrives.
    Truncated,
    /// A proxy's error page instead of an answer.
    ErrorPage,
    /// An HTML page with a status of success that shows the request, as a login page or a debugging proxy does.
    OtherPage,
    /// A complete answer with a status of success and half of its content.
    HalfBody,
    /// No answer comes.
    Silence,
}

impl Failure {
    /// Failures that must end in a fault.
    const FAULTS: [Self; 11] = [
        Self::Throttled(Some(LONG)),
        Self::Throttled(None),
        Self::Refused,
        Self::KeysRefused,
        Self::NoRight,
        Self::ServerError,
        Self::Reset,
        Self::Truncated,
        Self::ErrorPage,
        Self::OtherPage,
        Self::HalfBody,
    ];
}

/// Longer than any source waits by itself, and no longer than is heeded.
const LONG: Duration = Duration::from_mins(50);

/// A check that takes longer than this waits for ever.
const HANGS: Duration = Duration::from_mins(5);

type Found = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err(what()) }
}

/// The named checks of a module, each run on a shop of its own.
macro_rules! checks {
    ($($name:literal => $check:ident),* $(,)?) => {
        /// Runs the checks of this module.
        pub(super) async fn run<S: super::Shop>(open: &impl AsyncFn() -> S, found: &mut Vec<super::Check>) {
            $(
                let shop = open().await;
                let result = tokio::time::timeout(super::HANGS, $check(&shop)).await;
                let result = result.unwrap_or_else(|_| Err("it hangs".to_owned()));
                found.push(super::Check { name: $name, result });
            )*
        }
    };
}
use checks;

/// Runs every check, each on a shop of its own from `open`. The result holds all of them, in order; the suite passes
/// when none is an error.
pub async fn source<S: Shop>(open: impl AsyncFn() -> S) -> Vec<Check> {
    let mut found = Vec::new();
    walks::run(&open, &mut found).await;
    changes::run(&open, &mut found).await;
    faults::run(&open, &mut found).await;
    found
}
