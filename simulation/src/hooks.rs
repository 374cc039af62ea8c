//! Deliveries of the shop's webhooks on their way to the hub: some are lost, some come late and so in another order, of
//! some the acknowledgement is lost, so that they come again.

use std::{convert::Infallible, sync::Arc, time::Duration};

use contract::{Clock as _, Random, source::Delivery};
use engine::pull::Receiver;
use http::HeaderMap;
use tokio::task::JoinSet;

use crate::{clock::SimClock, seed::Draws as _, shop::Shop};

/// The address of the hub, as the platforms know it.
pub(crate) const PUBLIC: &str = "https://hub.test";
/// How often the queues of the platforms are looked at.
const EVERY: Duration = Duration::from_millis(500);
/// How long a platform waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What goes wrong on the way. Rates are per mille; the default is a perfect way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    /// The platform takes it for delivered, and it never arrives.
    pub(crate) lost: u64,
    /// It arrives, and its acknowledgement does not.
    pub(crate) unanswered: u64,
    /// It is late by so many milliseconds at most, for so many per mille.
    pub(crate) late: (u64, u64),
}

/// One attempt at a delivery. Where it is dropped before it ends, the hub was killed, and it failed.
pub(crate) struct Attempt {
    address: String,
    headers: HeaderMap,
    body: String,
    /// Notes at the platform how it ended.
    settle: Option<Box<dyn FnOnce(bool) + Send + Sync>>,
}

impl Attempt {
    pub(crate) fn new(
        address: String,
        headers: HeaderMap,
        body: String,
        settle: impl FnOnce(bool) + Send + Sync + 'static,
    ) -> Self {
        Self { address, headers, body, settle: Some(Box::new(settle)) }
    }

    fn ended(mut self, is_delivered: bool) {
        if let Some(settle) = self.settle.take() {
            settle(is_delivered);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(settle) = self.settle.take() {
            settle(false);
        }
    }
}

/// Carries what the shop delivers until it is dropped, as the hub is killed.
pub(crate) async fn carry(
    shop: &dyn Shop,
    receiver: &Arc<Receiver>,
    (way, random): (Way, Random),
    clock: &Arc<SimClock>,
) -> Infallible {
    let mut under_way = JoinSet::new();
    loop {
        for attempt in shop.deliveries() {
            let (is_lost, is_answered) = (random.hits(way.lost), !random.hits(way.unanswered));
            let late = if random.hits(way.late.1) { random.below(way.late.0) } else { random.below(50) };
            let (receiver, clock) = (Arc::clone(receiver), Arc::clone(clock));
            under_way.spawn(async move {
                tokio::time::sleep(Duration::from_millis(late)).await;
                let is_delivered = is_lost || (arrives(&attempt, &receiver, &clock).await && is_answered);
                attempt.ended(is_delivered);
            });
        }
        while under_way.try_join_next().is_some() {}
        tokio::time::sleep(EVERY).await;
    }
}

/// Whether the hub accepts a delivery in time, as its server does.
async fn arrives(attempt: &Attempt, receiver: &Receiver, clock: &SimClock) -> bool {
    let headers: Vec<(&str, &[u8])> =
        attempt.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let query = attempt.address.find('?').and_then(|at| attempt.address.get(at..)).unwrap_or_default();
    let body = attempt.body.as_bytes();
    let delivery = Delivery { method: "POST", path: query, headers: &headers, body, at: clock.now() };
    let accepted = tokio::time::timeout(TIMEOUT, receiver.receive(&delivery)).await;
    let is_accepted = matches!(accepted, Ok(Ok(_)));
    tracing::trace!(body = attempt.body, is_accepted, "a delivery arrives");
    is_accepted
}
