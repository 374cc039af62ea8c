//! Delivers what happened to webhooks, signed as Standard Webhooks says.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;

use super::{Attempt, Emulator, Mischief};

/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often the queue is looked at.
const EVERY: Duration = Duration::from_millis(20);

impl Emulator {
    /// Delivers what is due, again and again, until `shutdown` resolves.
    ///
    /// # Errors
    /// There is no HTTP client on this machine.
    pub async fn deliver_hooks(&self, shutdown: impl Future<Output = ()>) -> Result<(), reqwest::Error> {
        // The process may have chosen a provider already; then that one is used.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            self.deliver_due(&client).await;
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Attempts each delivery that is due, once.
    async fn deliver_due(&self, client: &reqwest::Client) {
        let attempts = self.take_deliveries().into_iter().map(async |attempt| {
            let is_success = self.attempt(client, &attempt).await;
            self.settle_delivery(attempt, is_success);
        });
        futures::future::join_all(attempts).await;
    }

    /// Deliveries that are due now, for whoever carries them in place of [`Emulator::deliver_hooks`]: each is attempted
    /// once, and then settled.
    pub fn take_deliveries(&self) -> Vec<Attempt> {
        self.hooks().take(self.now())
    }

    /// What came of an attempt: one that failed is repeated later.
    pub fn settle_delivery(&self, attempt: Attempt, is_success: bool) {
        let now = self.now();
        self.hooks().settle(attempt, is_success, now);
    }

    async fn attempt(&self, client: &reqwest::Client, attempt: &Attempt) -> bool {
        let Some(headers) = self.signed(attempt) else { return false };
        let sent = client.post(&attempt.address).headers(headers).body(attempt.body.clone()).send().await;
        sent.is_ok_and(|answer| answer.status().is_success())
    }

    /// The headers of an attempt; none if a webhook was given ones that are none.
    pub fn signed(&self, attempt: &Attempt) -> Option<HeaderMap> {
        let seconds = self.now().div_euclid(1000);
        let content = format!("{}.{seconds}.{}", attempt.id, attempt.body);
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.settings().client_secret.as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(hmac::sign(&key, content.as_bytes()).as_ref()));
        let own = [
            ("content-type", "application/json".to_owned()),
            ("webhook-id", attempt.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ];
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let asked = attempt.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        asked
            .chain(own)
            .map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?)))
            .collect()
    }

    /// Has something go wrong on the way of deliveries from now on.
    pub fn disturb_hooks(&self, mischief: Mischief) {
        self.hooks().set_mischief(mischief);
    }

    /// Deliveries that wait, for their first attempt or a further one.
    pub fn hooks_waiting(&self) -> usize {
        self.hooks().waiting()
    }

    /// Switches all webhooks off, as the platform does after two days of failures.
    pub fn deactivate_hooks(&self) {
        self.hooks().deactivate();
    }
}
