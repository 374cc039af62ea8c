//! Subscriptions: the API, what is to be notified, and how it is pushed.
//!
//! The platform hands notifications to a cloud's queue, and the queue pushes them. Of the clouds, Google Pub/Sub (push with a
//! token that Google signs), Amazon SNS (see `sns.rs`) and Azure Event Grid (webhook) are emulated as far as their receiver
//! sees them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use axum::body::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ring::{rand::SystemRandom, rsa, signature::RSA_PKCS1_SHA256};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::order::Id;
use super::sns::Topics;
use super::{Emulator, opened, time};

/// Subscriptions of a project.
const MOST: usize = 50;
/// Notifications that wait to be handed on; older ones are dropped.
const MOST_WAITING: usize = 100_000;
/// How often what waits is looked at.
const EVERY: Duration = Duration::from_millis(20);
/// A push that fails is repeated after this.
const AGAIN_MS: i64 = 1000;
/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The id of the key with which Google's tokens are signed here.
const KEY_ID: &str = "sandbox";
/// See `fixtures/push-key.pk8.origin`.
pub(super) const KEY: &[u8] = include_bytes!("../../../../fixtures/push-key.pk8");

/// Resource types of changes (`ChangeSubscriptionResourceTypeId`), as far as the emulator has them.
const CHANGES: [&str; 12] = [
    "category",
    "channel",
    "customer",
    "customer-group",
    "inventory-entry",
    "order",
    "product",
    "product-selection",
    "product-tailoring",
    "product-type",
    "standalone-price",
    "store",
];
/// Resource types of messages (`MessageSubscriptionResourceTypeId`), as far as the emulator has them.
const MESSAGES: [&str; 8] =
    ["category", "customer", "inventory-entry", "order", "product", "product-selection", "standalone-price", "store"];

/// How a cloud pushes what is in its queue.
#[derive(Clone, Debug)]
pub enum Push {
    /// A push subscription of Google Pub/Sub with authentication.
    PubSub {
        /// Where to.
        endpoint: String,
        /// Audience of its tokens.
        audience: String,
        /// Service account of its tokens.
        service_account: String,
    },
    /// An HTTPS subscription of an Amazon SNS topic whose signatures are of version 2. Its certificate and its confirmation
    /// are at the emulator's own address, below `/sns`.
    Sns {
        /// Where to.
        endpoint: String,
        /// ARN of the topic.
        topic_arn: String,
        /// The emulator's address.
        url: String,
    },
    /// A webhook of Azure Event Grid.
    EventGrid {
        /// Where to, with its secret.
        endpoint: String,
    },
}

/// What goes wrong on the way of notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disturbed {
    /// Notifications from now on are lost.
    pub lose: bool,
    /// How often each is pushed besides.
    pub repeat: usize,
    /// The latest come first.
    pub reverse: bool,
}

/// The subscriptions of a project, and what their queues hold.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// Variants can be subscribed to.
    variants: bool,
    by_id: BTreeMap<String, Subscription>,
    made: u64,
    queue: VecDeque<Due>,
    pushes: Vec<Push>,
    pub(super) topics: Topics,
    disturbed: Disturbed,
}

#[derive(Debug)]
struct Subscription {
    version: u64,
    created: i64,
    modified: i64,
    draft: Draft,
    status: &'static str,
}

#[derive(Clone, Debug)]
struct Due {
    at: i64,
    number: u64,
    body: Value,
    /// The push that failed before; `None`: all of them are due.
    push: Option<usize>,
}

/// One attempt to push a notification.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Where to.
    pub address: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
    due: Due,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    key: Option<String>,
    destination: Value,
    #[serde(default)]
    messages: Vec<OfType>,
    #[serde(default)]
    changes: Vec<OfType>,
    #[serde(default)]
    events: Vec<OfType>,
    format: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OfType {
    resource_type_id: String,
    #[serde(default)]
    types: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    version: u64,
    actions: Vec<Action>,
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "camelCase", deny_unknown_fields)]
enum Action {
    SetKey { key: Option<String> },
    ChangeDestination { destination: Value },
    SetMessages { messages: Option<Vec<OfType>> },
    SetChanges { changes: Option<Vec<OfType>> },
}

impl Draft {
    fn check(&self, variants: bool) -> Result<(), ApiError> {
        let has = |name: &str| self.destination.get(name).is_some_and(Value::is_string);
        let by_key = self.destination.get("authenticationMode") != Some(&json!("IAM"));
        let needed: &[&str] = match self.destination.get("type").and_then(Value::as_str) {
            Some("GoogleCloudPubSub") => &["projectId", "topic"],
            Some("SNS") if by_key => &["topicArn", "accessKey", "accessSecret"],
            Some("SNS") => &["topicArn"],
            Some("EventGrid") => &["uri", "accessKey"],
            _ => return Err(ApiError::invalid("Malformed parameter: destination: an unknown type.")),
        };
        if let Some(missing) = needed.iter().find(|name| !has(name)) {
            return Err(ApiError::required(missing));
        }
        let is_cloud = self.format.as_ref().and_then(|format| format.get("type")) == Some(&json!("CloudEvents"));
        if self.destination.get("type") == Some(&json!("EventGrid")) && !is_cloud {
            return Err(ApiError::invalid("Event Grid takes the format CloudEvents only."));
        }
        if self.messages.is_empty() && self.changes.is_empty() && self.events.is_empty() {
            return Err(ApiError::invalid("At least one of messages, changes and events is needed."));
        }
        let known = |of: &[OfType], known: &[&str]| {
            let is_known = |it: &str| known.contains(&it) || variants && it == "variant";
            of.iter().find(|it| !is_known(&it.resource_type_id)).cloned()
        };
        match known(&self.changes, &CHANGES).or_else(|| known(&self.messages, &MESSAGES)) {
            Some(unknown) => Err(ApiError::invalid(format!("Unknown resourceTypeId '{}'.", unknown.resource_type_id))),
            None => Ok(()),
        }
    }

    fn wants(&self, notification: &Value) -> bool {
        let type_id = notification.pointer("/resource/typeId").and_then(Value::as_str).unwrap_or_default();
        if notification.get("notificationType") == Some(&json!("Message")) {
            let message = notification.get("type").and_then(Value::as_str).unwrap_or_default();
            let fits = |it: &OfType| {
                it.resource_type_id == type_id && (it.types.is_empty() || it.types.iter().any(|of| of == message))
            };
            return self.messages.iter().any(fits);
        }
        self.changes.iter().any(|it| it.resource_type_id == type_id)
    }
}

fn shown_types(of: &[OfType]) -> Vec<Value> {
    of.iter()
        .map(|it| {
            if it.types.is_empty() {
                json!({ "resourceTypeId": it.resource_type_id })
            } else {
                json!({ "resourceTypeId": it.resource_type_id, "types": it.types })
            }
        })
        .collect()
}

impl Subscription {
    fn shown(&self, id: &str) -> Value {
        let mut destination = self.draft.destination.clone();
        // The API hides most of a secret.
        for name in ["accessKey", "accessSecret"] {
            if let Some(secret) = destination.get_mut(name) {
                *secret = json!("****");
            }
        }
        let mut shown = json!({
            "id": id, "version": self.version, "createdAt": time::print(self.created), "lastModifiedAt": time::print(self.modified),
            "destination": destination, "messages": shown_types(&self.draft.messages),
            "changes": shown_types(&self.draft.changes), "events": [],
            "format": self.draft.format.clone().unwrap_or_else(|| json!({ "type": "Platform" })), "status": self.status,
        });
        if let (Some(shown), Some(key)) = (shown.as_object_mut(), &self.draft.key) {
            shown.insert("key".to_owned(), json!(key));
        }
        shown
    }
}

impl Subscriptions {
    pub(super) fn new(variants: bool) -> Self {
        Self { variants, ..Self::default() }
    }

    fn find(&self, which: &str) -> Result<String, ApiError> {
        match which.strip_prefix("key=") {
            Some(key) => {
                let found = self.by_id.iter().find(|(_, it)| it.draft.key.as_deref() == Some(key));
                found.map(|(id, _)| id.clone()).ok_or_else(|| ApiError::not_found("key", key))
            }
            None if self.by_id.contains_key(which) => Ok(which.to_owned()),
            None => Err(ApiError::not_found("id", which)),
        }
    }

    fn show(&self, id: &str) -> Result<Value, ApiError> {
        self.by_id.get(id).map(|it| it.shown(id)).ok_or_else(|| ApiError::not_found("id", id))
    }

    /// Answers a call below `/subscriptions`.
    pub(super) fn answer(
        &mut self,
        method: &Method,
        which: Option<&str>,
        version: Option<&str>,
        body: &Bytes,
        (project, now): (&str, i64),
    ) -> Result<(u16, Value), ApiError> {
        match (method, which) {
            (&Method::GET, None) => {
                let results: Vec<Value> = self.by_id.iter().map(|(id, it)| it.shown(id)).collect();
                let count = results.len();
                Ok((200, json!({ "limit": 20, "offset": 0, "count": count, "total": count, "results": results })))
            }
            (&Method::POST, None) => self.create(body, project, now).map(|created| (201, created)),
            (&Method::GET, Some(which)) => Ok((200, self.show(&self.find(which)?)?)),
            (&Method::POST, Some(which)) => self.update(which, body, now).map(|updated| (200, updated)),
            (&Method::DELETE, Some(which)) => {
                let id = self.find(which)?;
                let shown = self.show(&id)?;
                check_version(version.and_then(|it| it.parse().ok()).unwrap_or_default(), &shown)?;
                self.by_id.remove(&id);
                Ok((200, shown))
            }
            _ => Err(ApiError::new(405, "InvalidOperation", format!("The method {method} is not supported here."))),
        }
    }

    fn create(&mut self, body: &Bytes, project: &str, now: i64) -> Result<Value, ApiError> {
        let draft: Draft = serde_json::from_slice(body).map_err(|error| ApiError::json(error.to_string()))?;
        draft.check(self.variants)?;
        if let Some(key) = draft.key.as_deref()
            && self.find(&format!("key={key}")).is_ok()
        {
            return Err(ApiError::duplicate("key", key));
        }
        if self.by_id.len() >= MOST {
            return Err(ApiError::new(
                400,
                "MaxResourceLimitExceeded",
                format!("A project has at most {MOST} subscriptions."),
            ));
        }
        self.made += 1;
        let id = Id::of("subscription", &self.made.to_string()).to_string();
        let test = json!({
            "notificationType": "ResourceCreated", "projectKey": project, "resource": { "typeId": "subscription", "id": id },
            "resourceUserProvidedIdentifiers": {}, "version": 1, "modifiedAt": time::print(now),
        });
        self.by_id
            .insert(id.clone(), Subscription { version: 1, created: now, modified: now, draft, status: "Healthy" });
        self.push(&id, &test, now);
        self.show(&id)
    }

    fn update(&mut self, which: &str, body: &Bytes, now: i64) -> Result<Value, ApiError> {
        let update: Update = serde_json::from_slice(body).map_err(|error| ApiError::json(error.to_string()))?;
        let (id, variants) = (self.find(which)?, self.variants);
        check_version(update.version, &self.show(&id)?)?;
        let Some(found) = self.by_id.get_mut(&id) else { return Err(ApiError::not_found("id", &id)) };
        let (mut draft, mut status) = (found.draft.clone(), found.status);
        for action in update.actions {
            match action {
                Action::SetKey { key } => draft.key = key,
                Action::ChangeDestination { destination } => (draft.destination, status) = (destination, "Healthy"),
                Action::SetMessages { messages } => draft.messages = messages.unwrap_or_default(),
                Action::SetChanges { changes } => draft.changes = changes.unwrap_or_default(),
            }
        }
        draft.check(variants)?;
        (found.draft, found.status, found.version, found.modified) = (draft, status, found.version + 1, now);
        self.show(&id)
    }

    /// Whether anything is to be noted for subscriptions.
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Hands on what happened to all subscriptions that want it.
    fn happen(&mut self, notification: &Value, now: i64) {
        let wanted = |(_, it): &(&String, &Subscription)| it.status == "Healthy" && it.draft.wants(notification);
        let ids: Vec<String> = self.by_id.iter().filter(wanted).map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.push(&id, notification, now);
        }
    }

    /// Puts a notification into the queue of a subscription, in its format.
    fn push(&mut self, id: &str, notification: &Value, now: i64) {
        let (Some(found), disturbed) = (self.by_id.get(id), self.disturbed) else { return };
        if disturbed.lose {
            return;
        }
        let is_cloud = found.draft.format.as_ref().and_then(|format| format.get("type")) == Some(&json!("CloudEvents"));
        let text = |path: &str| notification.pointer(path).and_then(Value::as_str).unwrap_or_default();
        self.made += 1;
        let body = if is_cloud {
            let (type_id, kind) = (text("/resource/typeId"), text("/notificationType"));
            let of = if kind == "Message" { format!("message.{}", text("/type")) } else { format!("change.{kind}") };
            let mut event = json!({
                "specversion": "1.0", "id": format!("event-{}", self.made), "type": format!("com.commercetools.{type_id}.{of}"),
                "source": format!("/{}/{type_id}", text("/projectKey")), "subject": text("/resource/id"),
                "time": time::print(now), "data": notification,
            });
            if let (Some(event), Some(sequence)) = (event.as_object_mut(), notification.get("sequenceNumber")) {
                event.insert("sequence".to_owned(), json!(sequence.to_string()));
                event.insert("sequencetype".to_owned(), json!("Integer"));
            }
            event
        } else {
            notification.clone()
        };
        for _ in 0..=disturbed.repeat {
            let due = Due { at: now, number: self.made, body: body.clone(), push: None };
            if disturbed.reverse { self.queue.push_front(due) } else { self.queue.push_back(due) }
        }
        while self.queue.len() > MOST_WAITING {
            self.queue.pop_front();
        }
    }
}

fn check_version(version: u64, shown: &Value) -> Result<(), ApiError> {
    let current = shown.get("version").and_then(Value::as_u64).unwrap_or_default();
    if version == current {
        return Ok(());
    }
    let message = format!(
        "Object {} has a different version than expected. Expected: {version} - Actual: {current}.",
        shown.get("id").and_then(Value::as_str).unwrap_or_default()
    );
    Err(ApiError::new(409, "ConcurrentModification", message).with("currentVersion", current))
}

impl Emulator {
    pub(super) fn subscriptions(&self) -> std::sync::MutexGuard<'_, Subscriptions> {
        opened(self.inner.subscriptions.lock())
    }

    /// Google's public keys, as `https://www.googleapis.com/oauth2/v3/certs` shows them.
    pub(super) fn google_keys() -> Value {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key = rsa::KeyPair::from_pkcs8(KEY).map(|pair| rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public()));
        let keys = key.map(|key| json!({ "kid": KEY_ID, "kty": "RSA", "alg": "RS256", "use": "sig", "n": part(&key.n), "e": part(&key.e) }));
        json!({ "keys": keys.into_iter().collect::<Vec<_>>() })
    }

    /// A token as Google signs it for a push.
    pub fn google_token(&self, audience: &str, email: &str, issued_at_seconds: i64) -> String {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({ "alg": "RS256", "kid": KEY_ID, "typ": "JWT" }));
        let claims = part(json!({
            "iss": "https://accounts.google.com", "aud": audience, "email": email, "email_verified": true, "sub": "1",
            "iat": issued_at_seconds, "exp": issued_at_seconds + 3600,
        }));
        let content = format!("{header}.{claims}");
        let signature = rsa::KeyPair::from_pkcs8(KEY).ok().and_then(|pair| {
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), content.as_bytes(), &mut signature).ok()?;
            Some(signature)
        });
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap_or_default()))
    }

    /// Has the clouds push what is in their queues like this.
    pub fn push_to(&self, pushes: Vec<Push>) {
        self.subscriptions().pushes = pushes;
    }

    /// Has something go wrong on the way of notifications from now on.
    pub fn disturb_notifications(&self, disturbed: Disturbed) {
        self.subscriptions().disturbed = disturbed;
    }

    /// Sets the status of all subscriptions, such as `ConfigurationErrorDeliveryStopped`.
    pub fn set_subscription_status(&self, status: &'static str) {
        for found in self.subscriptions().by_id.values_mut() {
            found.status = status;
        }
    }

    /// Notifications that wait to be pushed.
    pub fn notifications_waiting(&self) -> usize {
        self.hand_on();
        self.subscriptions().queue.len()
    }

    /// Hands what happened to the queues.
    fn hand_on(&self) {
        let now = self.now();
        let happened = std::mem::take(&mut opened(self.inner.state.write()).happened);
        let mut subscriptions = self.subscriptions();
        for notification in happened {
            subscriptions.happen(&notification, now);
        }
    }

    /// Pushes what waits, again and again, until `shutdown` resolves.
    ///
    /// # Errors
    /// There is no HTTP client on this machine.
    pub async fn push_notifications(&self, shutdown: impl Future<Output = ()>) -> Result<(), reqwest::Error> {
        // The process may have chosen a provider already; then that one is used.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            self.push_due(&client).await;
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn push_due(&self, client: &reqwest::Client) {
        self.ask_to_confirm(client).await;
        for attempt in self.take_pushes() {
            let push = client.post(&attempt.address).headers(attempt.headers.clone()).body(attempt.body.clone());
            let is_taken = push.send().await.is_ok_and(|answer| answer.status().is_success());
            self.settle_push(attempt, is_taken);
        }
    }

    /// Pushes that are due now, for whoever carries them in place of [`Emulator::push_notifications`]: each is attempted
    /// once, and then settled.
    pub fn take_pushes(&self) -> Vec<Attempt> {
        self.hand_on();
        let now = self.now();
        let (due, pushes) = {
            let mut subscriptions = self.subscriptions();
            if subscriptions.pushes.is_empty() {
                return Vec::new();
            }
            let (due, later): (Vec<Due>, Vec<Due>) = subscriptions.queue.drain(..).partition(|due| due.at <= now);
            subscriptions.queue.extend(later);
            (due, subscriptions.pushes.clone())
        };
        let attempts = due.into_iter().flat_map(|due| {
            let wanted = pushes.iter().enumerate().filter(|(at, _)| due.push.is_none_or(|only| only == *at));
            let attempt = |(at, push)| self.attempt(push, Due { push: Some(at), ..due.clone() });
            wanted.filter_map(attempt).collect::<Vec<_>>()
        });
        attempts.collect()
    }

    /// What came of an attempt: one that failed is repeated.
    pub fn settle_push(&self, attempt: Attempt, is_taken: bool) {
        if !is_taken {
            let at = self.now() + AGAIN_MS;
            self.subscriptions().queue.push_back(Due { at, ..attempt.due });
        }
    }

    /// `None`: SNS delivers nothing to an address that has not confirmed, neither now nor later.
    fn attempt(&self, push: &Push, due: Due) -> Option<Attempt> {
        let mut headers = HeaderMap::new();
        let (endpoint, body) = match push {
            Push::PubSub { endpoint, audience, service_account } => {
                let token = self.google_token(audience, service_account, self.now().div_euclid(1000));
                if let Ok(bearer) = HeaderValue::from_str(&format!("Bearer {token}")) {
                    headers.insert(http::header::AUTHORIZATION, bearer);
                }
                headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                let message = json!({
                    "data": STANDARD.encode(due.body.to_string()), "messageId": due.number.to_string(),
                    "message_id": due.number.to_string(), "publishTime": time::print(self.now()),
                    "publish_time": time::print(self.now()), "attributes": {},
                });
                (endpoint, json!({ "message": message, "subscription": "projects/sandbox/subscriptions/cartage" }))
            }
            Push::Sns { endpoint, topic_arn, url } => {
                if !self.subscriptions().topics.is_confirmed(endpoint) {
                    return None;
                }
                let members = [("Message", due.body.to_string()), ("MessageId", format!("message-{}", due.number))];
                let (of, body) = self.sns_message("Notification", topic_arn, url, &members);
                headers.extend(of);
                (endpoint, body)
            }
            Push::EventGrid { endpoint } => {
                let of = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
                headers.insert(http::header::CONTENT_TYPE, of);
                headers.insert(HeaderName::from_static("aeg-event-type"), HeaderValue::from_static("Notification"));
                (endpoint, due.body.clone())
            }
        };
        Some(Attempt { address: endpoint.clone(), headers, body: body.to_string(), due })
    }

    /// The pushes of topics, as endpoint, topic and the emulator's address.
    pub(super) fn topic_pushes(&self) -> Vec<(String, String, String)> {
        let pushes = &self.subscriptions().pushes;
        let of_topic = |push: &Push| match push {
            Push::Sns { endpoint, topic_arn, url } => Some((endpoint.clone(), topic_arn.clone(), url.clone())),
            _ => None,
        };
        pushes.iter().filter_map(of_topic).collect()
    }
}
