//! Who may fetch a feed: bearer tokens, verified by the destination's account.
//!
//! Anyone who reaches the feed's address can send tokens, so a check costs as little as possible: text without the form
//! of a token is refused without a call, a token that was refused a moment ago is refused again, and at most one token
//! is checked at a time for each flow, with a bound on how many wait. Tokens that were admitted before have a slot of
//! their own, so that others do not delay an importer.
//!
//! **Invariants:** in doubt a token is refused; an admission is never cached.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use contract::{Clock, Digest, Importer};
use model::{FlowName, Timestamp};

use crate::seldom::Seldom;

/// Longest token.
const LONGEST: usize = 4096;
/// A refused token is refused without a call for this long.
const REFUSED_FOR: Duration = Duration::from_mins(1);
/// Refused and admitted tokens that are kept for each flow.
const REMEMBERED: usize = 256;
/// Unknown tokens that may wait for their check; more are refused at once.
const WAITING: usize = 8;
/// Most unknown tokens that are checked within [`PER`]: each costs a call of the destination's account.
const MOST: usize = 30;
/// See [`MOST`].
const PER: Duration = Duration::from_mins(1);

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Admitted,
    Refused,
    /// The destination could not be asked.
    Unverified,
    /// Too many tokens are being checked.
    Busy,
}

/// The checks of all flows.
#[derive(Default)]
pub(crate) struct Tokens {
    flows: Mutex<BTreeMap<FlowName, Arc<Checks>>>,
}

/// The checks of one flow.
#[derive(Default)]
struct Checks {
    known: Mutex<Known>,
    waiting: AtomicUsize,
    logged: Seldom,
    /// One unknown token at a time.
    unknown: tokio::sync::Mutex<()>,
    /// One token at a time that was admitted before.
    admitted: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    refused: VecDeque<(Digest, Timestamp)>,
    admitted: VecDeque<Digest>,
    /// When unknown tokens were checked.
    checked: VecDeque<Timestamp>,
}

impl Tokens {
    /// Whether this token may fetch the feeds of this flow.
    pub(crate) async fn check(
        &self,
        flow: &FlowName,
        importer: &dyn Importer,
        clock: &dyn Clock,
        token: &str,
    ) -> Verdict {
        if token.is_empty() || token.len() > LONGEST || !importer.is_token(token) {
            return Verdict::Refused;
        }
        let checks = {
            let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(flows.entry(flow.clone()).or_default())
        };
        checks.check(importer, clock, token).await
    }
}

impl Checks {
    async fn check(&self, importer: &dyn Importer, clock: &dyn Clock, token: &str) -> Verdict {
        let digest = Digest::of(token.as_bytes());
        if self.known().admitted.contains(&digest) {
            let _turn = self.admitted.lock().await;
            return self.ask(importer, clock, token, digest).await;
        }
        if self.known().is_refused(&digest, clock.now()) {
            return Verdict::Refused;
        }
        let Some(_waiting) = Waiting::begin(&self.waiting) else { return Verdict::Busy };
        let _turn = self.unknown.lock().await;
        {
            // The same token may have been checked while this request waited.
            let (mut known, now) = (self.known(), clock.now());
            if known.is_refused(&digest, now) {
                return Verdict::Refused;
            }
            if !known.may_check(now) {
                return Verdict::Busy;
            }
        }
        self.ask(importer, clock, token, digest).await
    }

    async fn ask(&self, importer: &dyn Importer, clock: &dyn Clock, token: &str, digest: Digest) -> Verdict {
        let asked = importer.admits(token).await;
        let mut known = self.known();
        match asked {
            Ok(true) => {
                known.admit(digest);
                Verdict::Admitted
            }
            Ok(false) => {
                known.refuse(digest, clock.now());
                Verdict::Refused
            }
            Err(fault) => {
                if self.logged.is_due("unverified", clock.now()) {
                    tracing::warn!(code = %fault.code, error = %fault, "bearer tokens of feeds can't be verified now");
                }
                Verdict::Unverified
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_refused(&mut self, digest: &Digest, now: Timestamp) -> bool {
        // A clock that was set back must not make refusals last.
        self.refused.retain(|(_, at)| *at <= now && at.plus(REFUSED_FOR) > now);
        self.refused.iter().any(|(refused, _)| refused == digest)
    }

    /// Whether one more unknown token may be checked now; if so, it counts.
    fn may_check(&mut self, now: Timestamp) -> bool {
        self.checked.retain(|at| *at <= now && at.plus(PER) > now);
        let may = self.checked.len() < MOST;
        if may {
            self.checked.push_back(now);
        }
        may
    }

    fn admit(&mut self, digest: Digest) {
        if !self.admitted.contains(&digest) {
            push(&mut self.admitted, digest);
            // The importer's own tokens don't use up the checks of others.
            self.checked.pop_back();
        }
    }

    /// A token that was admitted before is checked again each time: the account may have been disabled since.
    fn refuse(&mut self, digest: Digest, now: Timestamp) {
        if !self.admitted.contains(&digest) {
            push(&mut self.refused, (digest, now));
        }
    }
}

fn push<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() >= REMEMBERED {
        list.pop_front();
    }
    list.push_back(item);
}

/// Counts a request that waits for its check.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Option<Self> {
        let added = count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| (waiting < WAITING).then_some(waiting + 1));
        added.is_ok().then_some(Self(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use contract::{Fault, Item};
    use model::Kind;
    use tokio::sync::Semaphore;

    use super::*;

    struct Now;

    #[async_trait]
    impl Clock for Now {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_800_000_000_000)
        }

        async fn sleep_until(&self, _: Timestamp) {}
    }

    /// An account that issued the token `good.good.good` and answers as often as it is allowed to.
    struct Account {
        asked: AtomicUsize,
        answers: Semaphore,
    }

    impl Account {
        fn new(answers: usize) -> Arc<Self> {
            Arc::new(Self { asked: AtomicUsize::new(0), answers: Semaphore::new(answers) })
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    #[async_trait]
    impl Importer for Account {
        fn feeds(&self) -> &'static [&'static str] {
            &[]
        }

        fn kind(&self, _: &str) -> Option<Kind> {
            None
        }

        fn header(&self) -> &'static str {
            "authorization"
        }

        fn is_token(&self, token: &str) -> bool {
            token.split('.').count() == 3
        }

        async fn admits(&self, token: &str) -> Result<bool, Fault> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.answers.acquire().await.unwrap().forget();
            Ok(token == "good.good.good")
        }

        fn object(&self, _: &str, _: &Item) -> Result<String, Fault> {
            Ok(String::new())
        }
    }

    async fn check(tokens: &Tokens, account: &Account, token: &str) -> Verdict {
        tokens.check(&FlowName::new("flow"), account, &Now, token).await
    }

    #[tokio::test]
    async fn what_is_no_token_costs_no_call() {
        let (tokens, account) = (Tokens::default(), Account::new(100));
        let long = format!("a.b.{}", "c".repeat(LONGEST));
        for token in ["", "nonsense", "a.b", long.as_str()] {
            assert_eq!(check(&tokens, &account, token).await, Verdict::Refused, "{token:.20}");
        }
        assert_eq!(account.asked(), 0);
    }

    #[tokio::test]
    async fn a_refused_token_costs_one_call_and_an_admitted_one_a_call_each_time() {
        let (tokens, account) = (Tokens::default(), Account::new(100));
        for _ in 0..50 {
            assert_eq!(check(&tokens, &account, "a.b.c").await, Verdict::Refused);
        }
        assert_eq!(account.asked(), 1);
        for _ in 0..40 {
            assert_eq!(check(&tokens, &account, "good.good.good").await, Verdict::Admitted);
        }
        assert_eq!(account.asked(), 41);
    }

    #[tokio::test]
    async fn a_flood_of_tokens_costs_a_bounded_number_of_calls_and_does_not_delay_the_importer() {
        let (tokens, account) = (Arc::new(Tokens::default()), Account::new(1));
        assert_eq!(check(&tokens, &account, "good.good.good").await, Verdict::Admitted);
        // The account does not answer: one stranger is asked about, some wait, the rest is refused at once.
        let strangers: Vec<_> = (0..200)
            .map(|number| {
                let (tokens, account) = (Arc::clone(&tokens), Arc::clone(&account));
                tokio::spawn(async move { check(&tokens, &account, &format!("x.y.{number}")).await })
            })
            .collect();
        while account.asked() < 2 {
            tokio::task::yield_now().await;
        }
        let importer = {
            let (tokens, account) = (Arc::clone(&tokens), Arc::clone(&account));
            tokio::spawn(async move { check(&tokens, &account, "good.good.good").await })
        };
        while account.asked() < 3 {
            tokio::task::yield_now().await;
        }
        account.answers.add_permits(1000);
        assert_eq!(importer.await.unwrap(), Verdict::Admitted);
        let mut busy = 0;
        for stranger in strangers {
            busy += usize::from(stranger.await.unwrap() == Verdict::Busy);
        }
        assert!(busy > 0, "nobody was refused at once");
        for number in 200..400 {
            assert_ne!(check(&tokens, &account, &format!("x.y.{number}")).await, Verdict::Admitted);
        }
        assert!(account.asked() <= MOST + 2, "{}", account.asked());
        assert_eq!(check(&tokens, &account, "good.good.good").await, Verdict::Admitted);
    }
}
