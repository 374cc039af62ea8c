//! The suite that any [`Source`] must pass against its emulator.
//!
//! Each check says one thing and starts from a [`Shop`] of its own. The suite changes products, because every source has
//! them; all lanes are walked. What a check found wrong is told as text; nothing here panics.
//!
//! **What is asked of a source**: nothing that was there throughout a walk is missing from it, what changes while it is
//! read comes with it or with the next delta, a token is all that is needed to go on, and what can't be read is a fault
//! or an unread record, never an empty page.

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

/// The shop behind a source, as the suite drives it: some ten products at least, whose clock stands still but for
/// [`Shop::wait`], and which fails nothing until it is told to.
#[async_trait]
pub trait Shop: Send + Sync {
    /// What reads it.
    type Source: Source + Debug;

    /// A source that has read nothing yet. Its pages hold this many records at most, or as many as they do by default.
    fn source(&self, page: Option<u16>) -> Self::Source;

    /// Ids of what it shows to shoppers now, as its source must give them; none where that can't be told.
    async fn ids(&self, kind: Kind) -> Option<BTreeSet<RecordId>>;

    /// Adds a product of this name that shoppers see.
    async fn add(&self, name: &str) -> RecordId;

    /// Gives a product another name.
    async fn rename(&self, product: &RecordId, name: &str);

    /// The same by a write that comes up late: it is stamped this much earlier than now, and nobody saw it until now.
    async fn rename_late(&self, product: &RecordId, name: &str, late: Duration);

    /// Deletes a product.
    async fn remove(&self, product: &RecordId);

    /// Serves a product so that nobody can understand it from now on; none: every one is served well.
    async fn spoil(&self, product: Option<&RecordId>);

    /// Lets time pass at the source.
    async fn wait(&self, time: Duration);

    /// The source's clock is this far from ours from now on. What is there is older by both.
    async fn set_clock(&self, clock: Clock);

    /// How late a write may come up and still be read by the next delta.
    fn lag(&self) -> Duration;

    /// How every call fails from now on; none: no call does.
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
    /// Too many calls; the answer asks to wait this long, or does not say.
    Throttled(Option<Duration>),
    /// What was granted so far is refused; what is granted from now on is taken.
    Expired,
    /// What is granted is refused, also what is granted anew.
    Refused,
    /// Keys stopped working, and with them all that was granted for them.
    KeysRefused,
    /// The keys work and lack a right.
    NoRight,
    /// An error of the server in its own words.
    ServerError,
    /// The connection closes before the answer.
    Reset,
    /// Half the answer arrives.
    Truncated,
    /// A proxy's error page instead of an answer.
    ErrorPage,
    /// A page in HTML that says success and shows what was sent, as a login page or a debugging proxy does.
    OtherPage,
    /// A whole answer that says success and holds half of what it should.
    HalfBody,
    /// No answer comes.
    Silence,
}

impl Failure {
    /// All that ends with a fault.
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

/// Longer than any source reads back.
const LONG: Duration = Duration::from_hours(24);

/// A check that takes longer waits for what never comes.
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

/// Runs every check, each on a shop of its own from `open`. All of them are in the result, in order; the suite is passed
/// when none is an error.
pub async fn source<S: Shop>(open: impl AsyncFn() -> S) -> Vec<Check> {
    let mut found = Vec::new();
    walks::run(&open, &mut found).await;
    changes::run(&open, &mut found).await;
    faults::run(&open, &mut found).await;
    found
}
