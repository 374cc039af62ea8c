//! A source that follows a script, page by page: for tests of code that reads a source.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Change, Fault, Fetched, Lane, Next, Page, Position, Ref, Source, SourceDescriptor, Token,
    source::{Delivery, Finding, Hooks, Mark, Reach, Received, Registered},
    store::Hint,
};
use model::{Kind, PricePolicy, RecordId};
use tokio::sync::Semaphore;

static DESCRIPTOR: SourceDescriptor = SourceDescriptor {
    name: "script",
    title: "Script",
    price_policy: PricePolicy::FirstScope(&[]),
    lacks: &[],
    lacks_with: &[],
    leaves_out: &[],
};

/// A scripted source. Each call of [`Source::page`] takes the next page that the script has for the lane, whatever the
/// position; [`Source::fetch`] answers with the records that were set for it.
#[derive(Debug)]
pub struct Script {
    lanes: Vec<Lane>,
    fetches: Vec<Kind>,
    state: Mutex<State>,
    /// Number of answers that may be given.
    answers: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    pages: BTreeMap<String, VecDeque<Result<Page, Fault>>>,
    there: BTreeMap<Ref, Change>,
    asked: Vec<(String, Position)>,
    fetched: Vec<Ref>,
    refuses: bool,
    is_held: bool,
    missed: bool,
}

impl Script {
    /// A source with these lanes and no pages yet, which reads records of these kinds by id.
    pub fn new(lanes: Vec<Lane>, fetches: Vec<Kind>) -> Self {
        Self { lanes, fetches, state: Mutex::default(), answers: Semaphore::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds pages to a lane, after those that it has.
    pub fn say(&self, lane: &str, pages: impl IntoIterator<Item = Result<Page, Fault>>) {
        self.state().pages.entry(lane.to_owned()).or_default().extend(pages);
    }

    /// Sets the answer of [`Source::fetch`] for the record.
    pub fn put(&self, change: Change) {
        let (kind, id) = super::reader::key(&change);
        self.state().there.insert(Ref { kind, id }, change);
    }

    /// Refuses requests for records by id from now on, or accepts them again.
    pub fn refuse(&self, refuses: bool) {
        self.state().refuses = refuses;
    }

    /// The next registration finds that deliveries may have been lost.
    pub fn miss(&self) {
        self.state().missed = true;
    }

    /// From now on each page waits for a call of [`Script::answer`].
    pub fn hold(&self) {
        self.state().is_held = true;
    }

    /// Lets one page be answered.
    pub fn answer(&self) {
        self.answers.add_permits(1);
    }

    /// Lanes and positions that were asked for.
    pub fn asked(&self) -> Vec<(String, Position)> {
        self.state().asked.clone()
    }

    /// Records that were asked for by id.
    pub fn fetched(&self) -> Vec<Ref> {
        self.state().fetched.clone()
    }
}

/// A page with these changes.
pub fn page(changes: Vec<Change>, next: Next) -> Page {
    Page { changes, unread: Vec::new(), next, age: Duration::ZERO }
}

/// There are more pages.
pub fn more(token: &str) -> Next {
    Next::Within(Token(token.to_owned()))
}

/// The walk is over.
pub fn end() -> Next {
    Next::End(Token("end".to_owned()))
}

#[async_trait]
impl Source for Script {
    fn descriptor(&self) -> &'static SourceDescriptor {
        &DESCRIPTOR
    }

    fn lanes(&self) -> Vec<Lane> {
        self.lanes.clone()
    }

    async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        let (page, is_held) = {
            let mut state = self.state();
            state.asked.push((lane.name.to_string(), position.clone()));
            let page = state.pages.get_mut(&*lane.name).and_then(VecDeque::pop_front);
            (page, state.is_held)
        };
        if is_held {
            // The semaphore is never closed.
            if let Ok(answer) = self.answers.acquire().await {
                answer.forget();
            }
        }
        page.unwrap_or_else(|| Err(Fault::transient("C0999", format!("the script has no page of lane {}", lane.name))))
    }

    fn fetches(&self) -> &[Kind] {
        &self.fetches
    }

    async fn fetch(&self, refs: &[Ref]) -> Result<Fetched, Fault> {
        let mut state = self.state();
        if state.refuses {
            return Err(Fault::transient("C0999", "not now"));
        }
        state.fetched.extend(refs.iter().cloned());
        let told = |it: &Ref| {
            let gone = Change::Gone { kind: it.kind, id: it.id.clone(), version: None };
            state.there.get(it).cloned().unwrap_or(gone)
        };
        Ok(Fetched { changes: refs.iter().map(told).collect(), unread: Vec::new() })
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn calls(&self) -> u64 {
        self.state().asked.len() as u64
    }
}

/// The valid value of the header `signature` of a delivery.
pub const SIGNATURE: &[u8] = b"signed";

/// Deliveries are JSON: pairs of a kind and an id, or of a kind and null. The header `number` is the number of the
/// delivery in one consecutive series.
#[async_trait]
impl Hooks for Script {
    async fn receive(&self, delivery: &Delivery<'_>) -> Result<Received, Fault> {
        let signed = delivery.headers.iter().any(|(name, value)| *name == "signature" && *value == SIGNATURE);
        if !signed {
            return Err(Fault::credentials("C0999", "the delivery is not signed"));
        }
        let hints: Vec<(Kind, Option<RecordId>)> = serde_json::from_slice(delivery.body)
            .map_err(|error| Fault::protocol("C0999", format!("the delivery can't be understood: {error}")))?;
        let hints = hints.into_iter().map(|(kind, id)| Hint { kind, id }).collect();
        let number = delivery.headers.iter().find(|(name, _)| *name == "number");
        let number = number.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
        let mark = number.map(|number| Mark { series: "script".to_owned(), number, consecutive: true });
        Ok(Received { hints, mark, reply: None })
    }

    fn objection(&self, _: &str) -> Option<String> {
        None
    }

    fn is_kept_up(&self) -> bool {
        true
    }

    async fn ensure(&self, address: &str, kept: Option<&Token>, _: Reach) -> Result<Registered, Fault> {
        let missed = std::mem::take(&mut self.state().missed);
        Ok(Registered {
            kept: Some(kept.cloned().unwrap_or_else(|| Token(address.to_owned()))),
            state: "active".to_owned(),
            is_whole: true,
            missed,
            renew_at: None,
            steps: Vec::new(),
        })
    }
}
