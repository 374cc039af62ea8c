//! Amazon SNS as far as a subscribed address sees it: the request to confirm, signed messages, and the certificate.
//!
//! A topic delivers nothing to an address before that has called the `SubscribeURL` which it was sent. Messages are signed
//! with version 2 (SHA-256), over the members in the order of their names.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Router,
    extract::{Path, RawQuery, State as Shared},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ring::{rand::SystemRandom, rsa, signature::RSA_PKCS1_SHA256};
use serde_json::{Map, Value, json};

use super::{Emulator, query::Parameters, subscriptions::KEY, time};

/// See `fixtures/sns-certificate.pem.origin`.
const CERTIFICATE: &str = include_str!("../../../../fixtures/sns-certificate.pem");
/// Path of the certificate.
const PATH: &str = "/sns/SimpleNotificationService-sandbox.pem";

/// Addresses that are subscribed to topics.
#[derive(Debug, Default)]
pub(super) struct Topics {
    /// Tokens of addresses that were asked to confirm, by address.
    asked: BTreeMap<String, String>,
    confirmed: BTreeSet<String>,
}

impl Topics {
    pub(super) fn is_confirmed(&self, endpoint: &str) -> bool {
        self.confirmed.contains(endpoint)
    }

    /// Confirms the address that was sent this token.
    fn confirm(&mut self, token: &str) -> bool {
        let found = self.asked.iter().find(|(_, known)| *known == token).map(|(endpoint, _)| endpoint.clone());
        found.is_some_and(|endpoint| {
            self.confirmed.insert(endpoint);
            true
        })
    }
}

/// What SNS answers: relative to wherever the emulator is mounted.
pub(super) fn router(emulator: Emulator) -> Router {
    Router::new().route("/sns/", get(confirm)).route("/sns/{file}", get(certificate)).with_state(emulator)
}

async fn certificate(Shared(emulator): Shared<Emulator>, Path(file): Path<String>) -> (StatusCode, &'static str) {
    emulator.count("GET /sns/{certificate}");
    if PATH.ends_with(&format!("/{file}")) { (StatusCode::OK, CERTIFICATE) } else { (StatusCode::NOT_FOUND, "") }
}

async fn confirm(Shared(emulator): Shared<Emulator>, RawQuery(query): RawQuery) -> (StatusCode, &'static str) {
    emulator.count("GET /sns/");
    let parameters = Parameters::read(&query.unwrap_or_default()).map(|read| read.0).unwrap_or_default();
    let of = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let is_confirmed = of("Action") == Some("ConfirmSubscription")
        && of("Token").is_some_and(|token| emulator.subscriptions().topics.confirm(token));
    if is_confirmed {
        (StatusCode::OK, "<ConfirmSubscriptionResponse/>")
    } else {
        (StatusCode::BAD_REQUEST, "<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>")
    }
}

impl Emulator {
    /// Asks the addresses that are subscribed to topics to confirm it, once each until they accept the request.
    pub(super) async fn ask_to_confirm(&self, client: &reqwest::Client) {
        for (endpoint, topic_arn, url) in self.topic_pushes() {
            if self.subscriptions().topics.asked.contains_key(&endpoint) {
                continue;
            }
            let token = format!("token-{}", self.now());
            self.subscriptions().topics.asked.insert(endpoint.clone(), token.clone());
            let (headers, body) = self.sns_confirmation(&topic_arn, &url, &token);
            let sent = client.post(&endpoint).headers(headers).body(body.to_string()).send().await;
            if !sent.is_ok_and(|answer| answer.status().is_success()) {
                self.subscriptions().topics.asked.remove(&endpoint);
            }
        }
    }

    /// The request to confirm a subscription.
    pub fn sns_confirmation(&self, topic_arn: &str, url: &str, token: &str) -> (HeaderMap, Value) {
        let address = format!("{url}/sns/?Action=ConfirmSubscription&TopicArn={topic_arn}&Token={token}");
        let text =
            format!("You have chosen to subscribe to the topic {topic_arn}.\nTo confirm, visit the SubscribeURL.");
        let members = [
            ("Message", text),
            ("MessageId", token.to_owned()),
            ("SubscribeURL", address),
            ("Token", token.to_owned()),
        ];
        self.sns_message("SubscriptionConfirmation", topic_arn, url, &members)
    }

    /// A message of a topic with these members besides those that every message has, and its headers.
    pub fn sns_message(&self, of: &str, topic_arn: &str, url: &str, members: &[(&str, String)]) -> (HeaderMap, Value) {
        let mut signed: BTreeMap<&str, String> = members.iter().cloned().collect();
        signed.insert("Timestamp", time::print(self.now()));
        signed.insert("TopicArn", topic_arn.to_owned());
        signed.insert("Type", of.to_owned());
        let content: String = signed.iter().flat_map(|(name, value)| [*name, "\n", value, "\n"]).collect();
        let signature = rsa::KeyPair::from_pkcs8(KEY).ok().and_then(|pair| {
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), content.as_bytes(), &mut signature).ok()?;
            Some(STANDARD.encode(signature))
        });
        let mut body: Map<String, Value> =
            signed.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let own = [
            ("SignatureVersion", "2".to_owned()),
            ("Signature", signature.unwrap_or_default()),
            ("SigningCertURL", format!("{url}{PATH}")),
        ];
        body.extend(own.map(|(name, value)| (name.to_owned(), json!(value))));
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
        for (name, value) in [("x-amz-sns-message-type", of), ("x-amz-sns-topic-arn", topic_arn)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        (headers, Value::Object(body))
    }
}
