//! Subscriptions: planned, applied, looked at; deliveries verified and read as hints.
//!
//! commercetools delivers to queues of clouds, which push to Cartage. One subscription carries everything: a project has room
//! for about 50, which all its connectors share. Only a person changes it (`cartage hooks apply`); `run` looks.
//!
//! **Invariants:** a delivery counts only if its cloud has proved itself: Google by a token that it signs for the configured
//! service account and audience, Amazon by a signature and its certificate, Azure by a secret of the address. What is verified and about something else is accepted and
//! has no hints.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{
    Fault, Token,
    source::{Delivery, Hooks, Lane, Mark, Reach, Received, Registered, Reply},
    store::Hint,
};
use model::{Kind, RecordId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use wire::{Client, Environment, Options, Request, Url, is_this_machine, jwt, signature};

use super::{
    Commercetools,
    catalog_model::CatalogModel,
    classify::Remedy,
    config::{EventGrid, PubSub, Webhooks},
    sns::{self, Sns},
};

/// Issuers of Google's tokens.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// Google's public keys.
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
/// Keys are asked for again after this.
const KEYS_AGE: Duration = Duration::from_hours(1);
/// And no sooner than this after they were asked for, whatever tokens come.
const KEYS_PAUSE: Duration = Duration::from_mins(1);
/// Where Azure's handshake comes from.
const AZURE: &str = "eventgrid.azure.net";

/// Verifies deliveries.
pub(super) struct Receiver {
    settings: Webhooks,
    proof: Proof,
}

enum Proof {
    Google { settings: PubSub, keys: Box<GoogleKeys> },
    Amazon { credentials: Option<(SecretString, SecretString)>, sns: Box<Sns> },
    Azure { settings: EventGrid, token: SecretString, access_key: SecretString },
}

impl fmt::Debug for Receiver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The keys that Google signs with now.
struct GoogleKeys {
    client: Client,
    url: Url,
    known: Mutex<Option<Arc<jwt::Keys>>>,
    /// When they were asked for last; one asks at a time.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

impl GoogleKeys {
    fn known(&self) -> Option<Arc<jwt::Keys>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys; asks for them when they are old, or `other` ones are wanted.
    async fn get(&self, other: bool) -> Result<Arc<jwt::Keys>, Fault> {
        let mut asked = self.asked.lock().await;
        let age = asked.map(|at| at.elapsed());
        let is_due = age.is_none_or(|age| age > if other { KEYS_PAUSE } else { KEYS_AGE });
        if !is_due && let Some(keys) = self.known() {
            return Ok(keys);
        }
        if age.is_some_and(|age| age <= KEYS_PAUSE) {
            return Err(Fault::transient("C0312", "the keys of the issuer of tokens are not known yet").after(Some(KEYS_PAUSE)));
        }
        *asked = Some(Instant::now());
        let read = async {
            let response = self.client.call(Request::get(self.url.clone())).await.map_err(|broken| broken.fault)?;
            if !response.is_success() {
                let message = format!("the issuer's keys were answered with status {}", response.status);
                return Err(Fault::transient("C0312", message));
            }
            jwt::Keys::read(&response.body)
        };
        match (read.await, self.known()) {
            (Ok(keys), _) => {
                let keys = Arc::new(keys);
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
                Ok(keys)
            }
            // Those of an hour ago are as good as any.
            (Err(fault), Some(keys)) => {
                tracing::warn!(code = %fault.code, error = %fault, "the keys of the issuer of tokens can't be read again");
                Ok(keys)
            }
            (Err(fault), None) => Err(fault),
        }
    }
}

impl Receiver {
    /// Fetches secrets; makes no call.
    ///
    /// # Errors
    /// `C0213` for an address that is none, `C0214` for a secret that can't be read.
    pub(super) fn new(settings: &Webhooks, environment: &Environment) -> Result<Self, Fault> {
        let proof = match (&settings.pubsub, &settings.sns, &settings.event_grid) {
            (Some(pubsub), ..) => {
                let url = Url::parse(pubsub.keys_url.as_deref().unwrap_or(GOOGLE_KEYS))
                    .map_err(|_| Fault::config("C0213", "the setting webhooks.pubsub.keys_url is no address"))?;
                let options = Options { concurrency: 1, max_body_bytes: 1 << 20, request_timeout: Duration::from_secs(5), ..Options::default() };
                let (client, known, asked) = (environment.client(&options)?, Mutex::default(), tokio::sync::Mutex::default());
                let keys = Box::new(GoogleKeys { client, url, known, asked });
                Proof::Google { settings: pubsub.clone(), keys }
            }
            (None, Some(topic), _) => {
                let read = |name, secret: &Option<_>| secret.as_ref().map(|it| super::read(name, it, environment)).transpose();
                let key = read("webhooks.sns.access_key", &topic.access_key)?;
                let secret = read("webhooks.sns.access_secret", &topic.access_secret)?;
                Proof::Amazon { credentials: key.zip(secret), sns: Box::new(Sns::new(topic, environment)?) }
            }
            (None, None, Some(grid)) => Proof::Azure {
                token: super::read("webhooks.event_grid.token", &grid.token, environment)?,
                access_key: super::read("webhooks.event_grid.access_key", &grid.access_key, environment)?,
                settings: grid.clone(),
            },
            (None, None, None) => return Err(Fault::config("C0213", "the section webhooks names no cloud")),
        };
        Ok(Self { settings: settings.clone(), proof })
    }

    /// The destination as the API writes it. What is compared leaves secrets out, which the API does not show.
    fn destination(&self, with_secrets: bool) -> Value {
        match &self.proof {
            Proof::Google { settings, .. } => {
                json!({ "type": "GoogleCloudPubSub", "projectId": settings.project, "topic": settings.topic })
            }
            Proof::Amazon { credentials: None, sns } => {
                json!({ "type": "SNS", "topicArn": sns.topic_arn(), "authenticationMode": "IAM" })
            }
            Proof::Amazon { credentials: Some((key, secret)), sns } if with_secrets => {
                json!({
                    "type": "SNS", "topicArn": sns.topic_arn(), "authenticationMode": "Credentials",
                    "accessKey": key.expose_secret(), "accessSecret": secret.expose_secret(),
                })
            }
            Proof::Amazon { sns, .. } => json!({ "type": "SNS", "topicArn": sns.topic_arn() }),
            Proof::Azure { settings, access_key, .. } if with_secrets => {
                json!({ "type": "EventGrid", "uri": settings.uri, "accessKey": access_key.expose_secret() })
            }
            Proof::Azure { settings, .. } => json!({ "type": "EventGrid", "uri": settings.uri }),
        }
    }

    /// The form in which notifications are delivered. Azure takes one only.
    fn format(&self) -> Value {
        match &self.proof {
            Proof::Google { .. } | Proof::Amazon { .. } => json!({ "type": "Platform" }),
            Proof::Azure { .. } => json!({ "type": "CloudEvents", "cloudEventsVersion": "1.0" }),
        }
    }

    /// Verifies a delivery and opens its envelope; a reply ends a handshake.
    async fn open(&self, delivery: &Delivery<'_>) -> Result<Opened, Fault> {
        match &self.proof {
            Proof::Google { settings, keys } => {
                google(settings, keys, delivery).await?;
                if delivery.method != "POST" {
                    return Err(malformed("it is no POST"));
                }
                let pushed: Pushed = serde_json::from_slice(delivery.body).map_err(|error| malformed(&error.to_string()))?;
                let data = STANDARD.decode(pushed.message.data).map_err(|error| malformed(&error.to_string()))?;
                let payload = serde_json::from_slice(&data).map_err(|error| malformed(&error.to_string()))?;
                Ok(Opened::Payloads(vec![payload]))
            }
            Proof::Amazon { sns, .. } => Ok(match sns.open(delivery).await? {
                sns::Opened::Notification(payload) => Opened::Payloads(vec![payload]),
                sns::Opened::Handshake => Opened::Handshake(Reply { headers: Vec::new(), body: None }),
            }),
            Proof::Azure { token, .. } => azure(token, delivery),
        }
    }
}

enum Opened {
    Payloads(Vec<Value>),
    Handshake(Reply),
}

pub(super) fn refused(why: &str) -> Fault {
    Fault::credentials("C0219", format!("a delivery is not verified: {why}"))
}

pub(super) fn malformed(why: &str) -> Fault {
    Fault::protocol("C0225", format!("a delivery can't be understood: {why}"))
}

/// A message as Google Pub/Sub pushes it.
#[derive(Deserialize)]
struct Pushed {
    message: PushedMessage,
}

#[derive(Deserialize)]
struct PushedMessage {
    #[serde(default)]
    data: String,
}

async fn google(settings: &PubSub, keys: &GoogleKeys, delivery: &Delivery<'_>) -> Result<(), Fault> {
    let header = signature::header(delivery, "authorization").and_then(|value| value.split_once(' '));
    let token = header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let token = token.ok_or_else(|| {
        refused("it carries no token").hint("switch authentication on for the push subscription in Google Cloud")
    })?;
    let known = keys.get(false).await?;
    let claims = match jwt::verify(token, &known, delivery.at) {
        // Google has changed its keys.
        Err(jwt::NotVerified::UnknownKey) => jwt::verify(token, &*keys.get(true).await?, delivery.at),
        checked => checked,
    };
    let claims = claims.map_err(|not| refused(&format!("its token: {not}")))?;
    if !ISSUERS.contains(&claims.iss.as_str()) {
        return Err(refused("its token is of another issuer"));
    }
    if claims.aud != settings.audience {
        return Err(refused("its token is for another audience").hint("compare webhooks.pubsub.audience with the push subscription"));
    }
    if !claims.email_verified || claims.email != settings.service_account {
        return Err(refused("its token is of another account")
            .hint("compare webhooks.pubsub.service_account with the push subscription"));
    }
    Ok(())
}

/// Azure Event Grid proves itself by the parameter `token` of the address.
fn azure(token: &SecretString, delivery: &Delivery<'_>) -> Result<Opened, Fault> {
    let asked = Url::parse(&format!("https://host.invalid/{}", delivery.path)).ok();
    let given = asked.and_then(|url| Some(url.query_pairs().find(|(name, _)| name == "token")?.1.into_owned()));
    if !signature::same(given.unwrap_or_default().as_bytes(), token.expose_secret().as_bytes()) {
        return Err(refused("the address does not end with the token")
            .hint("the endpoint of the event subscription is the webhook's address and ?token=…"));
    }
    if delivery.method == "OPTIONS" {
        let origin = signature::header(delivery, "webhook-request-origin").unwrap_or_default();
        if origin != AZURE {
            return Err(refused("the handshake is of another origin"));
        }
        let headers = vec![("webhook-allowed-origin", AZURE.to_owned()), ("webhook-allowed-rate", "*".to_owned())];
        return Ok(Opened::Handshake(Reply { headers, body: None }));
    }
    let events: Value = serde_json::from_slice(delivery.body).map_err(|error| malformed(&error.to_string()))?;
    let events = if let Value::Array(events) = events { events } else { vec![events] };
    if signature::header(delivery, "aeg-event-type") == Some("SubscriptionValidation") {
        let code = events.first().and_then(|event| event.pointer("/data/validationCode")?.as_str());
        let code = code.ok_or_else(|| malformed("a handshake without a code"))?;
        let body = json!({ "validationResponse": code }).to_string();
        return Ok(Opened::Handshake(Reply { headers: Vec::new(), body: Some(body) }));
    }
    Ok(Opened::Payloads(events))
}

/// A notification, in the form of the platform.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(rename = "notificationType")]
    of: String,
    project_key: String,
    resource: Resource,
    #[serde(default)]
    version: u64,
    #[serde(default)]
    sequence_number: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    type_id: String,
    id: String,
}

/// Reads a payload in the form of the platform, or of CloudEvents, which holds that in `data`.
fn notification(payload: &Value) -> Result<Notification, Fault> {
    let inner = if payload.get("specversion").is_some() { payload.get("data").unwrap_or(payload) } else { payload };
    Notification::deserialize(inner).map_err(|error| malformed(&error.to_string()))
}

/// The kinds of records that a resource is about. A store's record goes by its key, which is not always told.
fn kinds(type_id: &str) -> &'static [(Kind, bool)] {
    match type_id {
        "product" => &[(Kind::Product, true)],
        "variant" => &[(Kind::Variant, true)],
        "category" => &[(Kind::Category, true)],
        "product-type" => &[(Kind::ProductType, true)],
        "channel" => &[(Kind::Channel, true)],
        "customer" => &[(Kind::Customer, true)],
        "customer-group" => &[(Kind::CustomerGroup, true)],
        "inventory-entry" => &[(Kind::Stock, true)],
        "order" => &[(Kind::Order, true)],
        "standalone-price" => &[(Kind::Price, true)],
        "product-selection" => &[(Kind::Selection, true), (Kind::Assignment, false)],
        "product-tailoring" => &[(Kind::Tailoring, true)],
        "store" => &[(Kind::Storefront, false)],
        _ => &[],
    }
}

/// Resource types that carry the records of these lanes, in the order of their names; variants only where `variants`.
fn resource_types(lanes: &[Lane], variants: bool) -> Vec<&'static str> {
    let all = [
        "category", "channel", "customer", "customer-group", "inventory-entry", "order", "product", "product-selection", "product-tailoring",
        "product-type", "standalone-price", "store", "variant",
    ];
    let wanted = all.into_iter().filter(|it| variants || *it != "variant");
    wanted.filter(|it| kinds(it).iter().any(|(kind, _)| lanes.iter().any(|lane| lane.reads(*kind)))).collect()
}

/// Messages besides the changes of these resource types, in the order of their names.
fn messages(types: &[&str]) -> Vec<OfType> {
    let of = |resource: &str, types: &[&str]| OfType {
        resource_type_id: resource.to_owned(),
        types: types.iter().map(|it| (*it).to_owned()).collect(),
    };
    // For an edit of an order the platform sends this message, and no notification of a change.
    let of_orders = types.contains(&"order").then(|| of("order", &["OrderEditApplied"]));
    // All messages of products: their numbers show whether one was lost.
    of_orders.into_iter().chain([of("product", &[])]).collect()
}

/// What can be an id (the platform's are UUIDs): one that is none would have the call of all others that are asked for
/// with it refused.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Hints of a notification, and its place in the series of its resource.
fn hints(notification: &Notification, lanes: &[Lane]) -> (Vec<Hint>, Mark) {
    let Resource { type_id, id } = &notification.resource;
    let kinds = kinds(type_id).iter().filter(|(kind, _)| lanes.iter().any(|lane| lane.reads(*kind)));
    let hints = kinds.map(|(kind, by_id)| Hint { kind: *kind, id: (*by_id && is_id(id)).then(|| RecordId::from(id.as_str())) });
    let series = format!("{type_id} {id} {}", notification.of);
    let mark = if notification.of == "Message" {
        // Of other resources not all messages are delivered.
        Mark { series, number: notification.sequence_number, consecutive: type_id == "product" }
    } else {
        Mark { series, number: notification.version, consecutive: false }
    };
    (hints.collect(), mark)
}

/// What is kept between two looks.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    id: String,
    /// The platform had given up delivering: what happened meanwhile is lost.
    has_stopped: bool,
}

/// `GET /subscriptions/key={key}`, as far as it is read.
#[derive(Debug, Deserialize)]
struct Subscription {
    id: String,
    version: u64,
    destination: Value,
    #[serde(default)]
    changes: Vec<OfType>,
    #[serde(default)]
    messages: Vec<OfType>,
    status: String,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfType {
    resource_type_id: String,
    #[serde(default)]
    types: Vec<String>,
}

#[async_trait]
impl Hooks for Commercetools {
    async fn receive(&self, delivery: &Delivery<'_>) -> Result<Received, Fault> {
        let payloads = match self.receiver()?.open(delivery).await? {
            Opened::Handshake(reply) => return Ok(Received { reply: Some(reply), ..Received::default() }),
            Opened::Payloads(payloads) => payloads,
        };
        let lanes = super::lanes(&self.config);
        let (mut all, mut marks) = (Vec::new(), Vec::new());
        for payload in &payloads {
            let notification = notification(payload)?;
            if notification.project_key == self.config.project_key {
                let (hints, mark) = hints(&notification, &lanes);
                all.extend(hints);
                marks.push(mark);
            }
        }
        // Several notifications in one delivery have no place of their own: none of them is left out.
        let mark = if marks.len() == 1 { marks.pop() } else { None };
        Ok(Received { hints: all, mark, reply: None })
    }

    fn objection(&self, address: &str) -> Option<String> {
        let Ok(url) = Url::parse(address) else { return Some(format!("{address} is no address")) };
        let is_reached = url.scheme() == "https" || is_this_machine(&url);
        (!is_reached).then(|| format!("clouds push over https only, not to {address}"))
    }

    fn is_kept_up(&self) -> bool {
        false
    }

    async fn ensure(&self, _: &str, kept: Option<&Token>, reach: Reach) -> Result<Registered, Fault> {
        let receiver = self.receiver()?;
        let kept: Kept = kept.and_then(|kept| serde_json::from_str(&kept.0).ok()).unwrap_or_default();
        let variants = receiver.settings.variants && self.reader.project().await? == CatalogModel::Modular;
        let types = resource_types(&super::lanes(&self.config), variants);
        let changes: Vec<Value> = types.iter().map(|it| json!({ "resourceTypeId": it })).collect();
        let messages = messages(&types);
        let (key, mut steps) = (receiver.settings.subscription.as_str(), Vec::new());
        let path = format!("subscriptions/key={key}");
        let found = match self.reader.api.get(&path, &[]).await {
            Ok(response) => Some(read_subscription(&response.body)?),
            Err(refusal) if refusal.remedy == Remedy::Missing => None,
            Err(refusal) => return Err(refusal.fault),
        };
        let now = match found {
            None => {
                steps.push(format!("create the subscription {key} for {}", types.join(", ")));
                let draft = json!({
                    "key": key, "destination": receiver.destination(true), "changes": changes, "messages": messages,
                    "format": receiver.format(),
                });
                match reach {
                    Reach::Apply => Some(read_subscription(&self.post("subscriptions", &draft).await?)?),
                    Reach::Look => None,
                }
            }
            Some(found) => {
                let actions = actions(receiver, &found, &types, (&changes, &messages), &mut steps);
                match reach {
                    Reach::Apply if !actions.is_empty() => {
                        let update = json!({ "version": found.version, "actions": actions });
                        Some(read_subscription(&self.post(&path, &update).await?)?)
                    }
                    _ => Some(found),
                }
            }
        };
        let status = now.as_ref().map(|it| it.status.as_str());
        let has_stopped = matches!(status, Some("ConfigurationErrorDeliveryStopped" | "ManuallySuspended") | None);
        let id = now.as_ref().map(|it| it.id.clone()).unwrap_or_default();
        // What happened while nothing was delivered is read once it is delivered again.
        let was_there = !kept.id.is_empty();
        let missed = !has_stopped && was_there && (kept.has_stopped || kept.id != id);
        let state = match status {
            None => format!("there is no subscription {key}: run `cartage hooks apply`"),
            Some("Healthy") if reach == Reach::Look && !steps.is_empty() => "Healthy, but not as configured: run `cartage hooks apply`".to_owned(),
            Some(status) => status.to_owned(),
        };
        let is_whole = status == Some("Healthy") && (reach == Reach::Apply || steps.is_empty());
        // One that was deleted is missed once there is one again.
        let kept = Kept { id: if id.is_empty() { kept.id } else { id }, has_stopped: has_stopped && was_there };
        let kept = serde_json::to_string(&kept).ok().map(Token);
        Ok(Registered { kept, state, is_whole, missed, renew_at: None, steps })
    }
}

fn read_subscription(body: &[u8]) -> Result<Subscription, Fault> {
    serde_json::from_slice(body)
        .map_err(|error| Fault::protocol("C0207", format!("the answer is no subscription: {error}")))
}

/// What has to be changed about a subscription.
fn actions(
    receiver: &Receiver,
    found: &Subscription,
    types: &[&str],
    (changes, messages): (&[Value], &[OfType]),
    steps: &mut Vec<String>,
) -> Vec<Value> {
    let mut actions = Vec::new();
    let wanted = receiver.destination(false);
    let differs = |name: &String, value: &Value| found.destination.get(name) != Some(value);
    let is_elsewhere = wanted.as_object().is_some_and(|wanted| wanted.iter().any(|(name, value)| differs(name, value)));
    // A destination that is set again is tried again.
    if is_elsewhere || found.status == "ConfigurationErrorDeliveryStopped" {
        steps.push("set the destination".to_owned());
        actions.push(json!({ "action": "changeDestination", "destination": receiver.destination(true) }));
    }
    let mut known: Vec<&str> = found.changes.iter().map(|it| it.resource_type_id.as_str()).collect();
    known.sort_unstable();
    if known != types {
        steps.push(format!("subscribe to changes of {}", types.join(", ")));
        actions.push(json!({ "action": "setChanges", "changes": changes }));
    }
    let mut known: Vec<&OfType> = found.messages.iter().collect();
    known.sort_unstable();
    if !known.into_iter().eq(messages) {
        let of = |it: &OfType| if it.types.is_empty() { it.resource_type_id.clone() } else { it.types.join(", ") };
        steps.push(format!("subscribe to messages: {}", messages.iter().map(of).collect::<Vec<_>>().join(", ")));
        actions.push(json!({ "action": "setMessages", "messages": messages }));
    }
    actions
}

impl Commercetools {
    fn receiver(&self) -> Result<&Receiver, Fault> {
        self.webhooks.as_ref().ok_or_else(|| Fault::config("C0623", "the source has no webhooks"))
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Vec<u8>, Fault> {
        let response = self.reader.api.post(path, body.to_string()).await;
        response.map(|response| response.body.to_vec()).map_err(|refusal| refusal.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes() -> Vec<Lane> {
        let lane = |kind: Kind| super::super::reference("any", &[kind]);
        [Kind::Product, Kind::Stock, Kind::Storefront, Kind::Selection, Kind::Assignment].map(lane).to_vec()
    }

    fn told(payload: &Value) -> (Vec<(Kind, Option<String>)>, Mark) {
        let (hints, mark) = hints(&notification(payload).unwrap(), &lanes());
        (hints.into_iter().map(|hint| (hint.kind, hint.id.map(|id| id.to_string()))).collect(), mark)
    }

    #[test]
    fn notifications_of_both_forms_name_their_resource() {
        let platform = json!({
            "notificationType": "ResourceUpdated", "projectKey": "p", "resource": { "typeId": "product", "id": "a" },
            "resourceUserProvidedIdentifiers": {}, "version": 3, "oldVersion": 1, "modifiedAt": "2026-05-01T10:00:00.000Z",
        });
        let cloud = json!({
            "specversion": "1.0", "id": "1", "type": "com.commercetools.product.change.ResourceUpdated",
            "source": "/p/products", "subject": "a", "time": "2026-05-01T10:00:00.000Z", "data": platform,
        });
        let mark = Mark { series: "product a ResourceUpdated".to_owned(), number: 3, consecutive: false };
        for payload in [&platform, &cloud] {
            assert_eq!(told(payload), (vec![(Kind::Product, Some("a".to_owned()))], mark.clone()));
        }
        let message = json!({
            "notificationType": "Message", "projectKey": "p", "id": "m", "version": 1, "sequenceNumber": 7,
            "resource": { "typeId": "product", "id": "a" }, "resourceVersion": 9, "type": "ProductPublished",
        });
        let mark = Mark { series: "product a Message".to_owned(), number: 7, consecutive: true };
        assert_eq!(told(&message), (vec![(Kind::Product, Some("a".to_owned()))], mark));
        let edit = json!({
            "notificationType": "Message", "projectKey": "p", "id": "m", "version": 1, "sequenceNumber": 7,
            "resource": { "typeId": "order", "id": "a" }, "resourceVersion": 9, "type": "OrderEditApplied",
        });
        let (_, mark) = told(&edit);
        let (hints, _) = hints(&notification(&edit).unwrap(), &[super::super::reference("any", &[Kind::Order])]);
        assert_eq!(hints, [Hint { kind: Kind::Order, id: Some("a".into()) }]);
        assert_eq!((mark.number, mark.consecutive), (7, false), "other messages of orders are not delivered");
    }

    #[test]
    fn what_no_lane_reads_is_about_nothing_and_stores_go_by_their_kind() {
        let of = |type_id: &str| {
            told(&json!({
                "notificationType": "ResourceDeleted", "projectKey": "p", "resource": { "typeId": type_id, "id": "a" }, "version": 1,
            }))
            .0
        };
        assert_eq!(of("subscription"), []);
        assert_eq!(of("standalone-price"), [], "the lane is off");
        assert_eq!(of("store"), [(Kind::Storefront, None)]);
        for id in [String::new(), "a\") or (\"b".to_owned(), "a".repeat(65)] {
            let about = json!({
                "notificationType": "ResourceUpdated", "projectKey": "p", "resource": { "typeId": "product", "id": id }, "version": 1,
            });
            assert_eq!(told(&about).0, [(Kind::Product, None)], "it would be asked for again and again, and refused");
        }
        assert_eq!(of("product-selection"), [(Kind::Selection, Some("a".to_owned())), (Kind::Assignment, None)]);
        assert_eq!(resource_types(&lanes(), true), ["inventory-entry", "product", "product-selection", "store"]);
        assert_eq!((of("customer"), of("order")), (vec![], vec![]), "their lanes are off");
        let people = [Kind::Order, Kind::Customer].map(|kind| super::super::reference("any", &[kind]));
        assert_eq!(resource_types(&people, true), ["customer", "order"]);
        let told = |types: &[&str]| serde_json::to_value(messages(types)).unwrap();
        assert_eq!(told(&["product"]), json!([{ "resourceTypeId": "product", "types": [] }]));
        assert_eq!(
            told(&["customer", "order"]),
            json!([{ "resourceTypeId": "order", "types": ["OrderEditApplied"] }, { "resourceTypeId": "product", "types": [] }])
        );
        for payload in [json!(null), json!([]), json!({ "notificationType": "Message" })] {
            assert_eq!(notification(&payload).unwrap_err().code, "C0225");
        }
    }
}
