//! Amazon SNS: its messages verified, its handshake answered.
//!
//! **Invariants:** a message counts only if it is of the configured topic, at most an hour old, and signed with the key of a
//! certificate that came over https from the SNS of the topic's region. Nothing else that a sender names is ever called.
//! Certificates are kept, and asked for a few times a minute at most, whatever comes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{Fault, source::Delivery};
use model::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use wire::{
    Client, Environment, Options, Request, Url,
    certificate::{Certificate, Digest},
    signature,
};

use super::config;

/// SNS repeats a delivery for at most an hour; its time is that of the first attempt (AWS: delivery retry policy).
const OLDEST: Duration = Duration::from_mins(61);
/// How far a message's time may be ahead of this machine's.
const AHEAD: Duration = Duration::from_mins(5);
/// A certificate is asked for again after this.
const CERTIFICATE_AGE: Duration = Duration::from_hours(24);
/// Certificates that are kept.
const MOST_KNOWN: usize = 8;
/// Certificates that are asked for within [`WITHIN`].
const MOST_ASKED: usize = 10;
const WITHIN: Duration = Duration::from_mins(1);

/// The SNS of a topic.
pub(super) struct Sns {
    topic_arn: String,
    /// Where it is: scheme, host and port of certificates and confirmations.
    home: Url,
    client: Client,
    known: Mutex<BTreeMap<String, (Instant, Arc<Certificate>)>>,
    /// When certificates were asked for; one asks at a time.
    asked: tokio::sync::Mutex<Vec<Instant>>,
}

/// What a delivery turned out to be.
pub(super) enum Opened {
    /// A notification of the platform.
    Notification(Value),
    /// It is about the subscription of this address to the topic, and was answered.
    Handshake,
}

/// A message as SNS posts it (AWS: HTTP/HTTPS notification JSON format).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Posted {
    #[serde(rename = "Type")]
    of: String,
    message_id: String,
    topic_arn: String,
    message: String,
    timestamp: String,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
    subject: Option<String>,
    token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
}

impl Posted {
    /// What its signature is over: name and value of these members, each on a line, in the order of their names. `None`
    /// where the type is not known or a member is missing.
    fn signed(&self) -> Option<String> {
        let handshake = match self.of.as_str() {
            "Notification" => None,
            "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
                Some((self.subscribe_url.as_deref()?, self.token.as_deref()?))
            }
            _ => return None,
        };
        let subject = if handshake.is_none() { self.subject.as_deref() } else { None };
        let members = [
            ("Message", Some(self.message.as_str())),
            ("MessageId", Some(self.message_id.as_str())),
            ("Subject", subject),
            ("SubscribeURL", handshake.map(|(url, _)| url)),
            ("Timestamp", Some(self.timestamp.as_str())),
            ("Token", handshake.map(|(_, token)| token)),
            ("TopicArn", Some(self.topic_arn.as_str())),
            ("Type", Some(self.of.as_str())),
        ];
        let members = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Some(members.flat_map(|(name, value)| [name, "\n", value, "\n"]).collect())
    }
}

/// Region and domain of a topic, as `arn:aws:sns:eu-west-1:123456789012:name` says them.
pub(super) fn region(topic_arn: &str) -> Option<(&str, &'static str)> {
    let parts: Vec<&str> = topic_arn.split(':').collect();
    let ["arn", partition, "sns", region, account, name] = parts.as_slice() else { return None };
    let domain = if *partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let is_right = matches!(*partition, "aws" | "aws-cn" | "aws-us-gov")
        && !region.is_empty()
        && is_plain(region)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !name.is_empty();
    is_right.then_some((*region, domain))
}

impl Sns {
    /// The SNS that the settings name. Makes no call.
    ///
    /// # Errors
    /// `C0213` for a topic or address that is none.
    pub(super) fn new(settings: &config::Sns, environment: &Environment) -> Result<Self, Fault> {
        let no_topic = || Fault::config("C0213", "the setting webhooks.sns.topic_arn is no ARN of a topic");
        let (region, domain) = region(&settings.topic_arn).ok_or_else(no_topic)?;
        let home = settings.url.clone().unwrap_or_else(|| format!("https://sns.{region}.{domain}"));
        let home = Url::parse(&home).map_err(|_| Fault::config("C0213", "the setting webhooks.sns.url is no address"))?;
        let client = environment.client(&Options {
            concurrency: 1,
            max_body_bytes: 64 << 10,
            request_timeout: Duration::from_secs(5),
            ..Options::default()
        })?;
        let (known, asked) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self { topic_arn: settings.topic_arn.clone(), home, client, known, asked })
    }

    /// The topic.
    pub(super) fn topic_arn(&self) -> &str {
        &self.topic_arn
    }

    /// Verifies a delivery, and confirms the subscription if it asks for that.
    pub(super) async fn open(&self, delivery: &Delivery<'_>) -> Result<Opened, Fault> {
        if signature::header(delivery, "x-amz-sns-rawdelivery") == Some("true") {
            let raw = refused("raw messages carry no signature");
            return Err(raw.hint("switch raw message delivery off for the subscription of the topic"));
        }
        // SNS says text/plain, and it is JSON.
        let message: Posted =
            serde_json::from_slice(delivery.body).map_err(|error| super::hooks::malformed(&error.to_string()))?;
        self.verify(&message, delivery.at).await?;
        match message.of.as_str() {
            "SubscriptionConfirmation" => self.confirm(&message).await?,
            "UnsubscribeConfirmation" => {
                tracing::warn!("the webhook was unsubscribed from its topic at Amazon SNS: nothing is delivered any more");
            }
            _ => {
                let payload = serde_json::from_str(&message.message);
                return payload.map(Opened::Notification).map_err(|error| super::hooks::malformed(&error.to_string()));
            }
        }
        Ok(Opened::Handshake)
    }

    async fn verify(&self, message: &Posted, now: Timestamp) -> Result<(), Fault> {
        if message.topic_arn != self.topic_arn {
            return Err(refused("it is of another topic").hint("compare webhooks.sns.topic_arn with the subscription"));
        }
        let at = Timestamp::parse(&message.timestamp).ok_or_else(|| refused("its time is none"))?;
        if at.plus(OLDEST) < now || now.plus(AHEAD) < at {
            return Err(refused("it is more than an hour old, or the clocks differ"));
        }
        let digest = match message.signature_version.as_str() {
            "1" => Digest::Sha1,
            "2" => Digest::Sha256,
            _ => return Err(refused("its signature is of a version that is not known")),
        };
        let content = message.signed().ok_or_else(|| refused("it is of a type that is not known, or incomplete"))?;
        let signature = STANDARD.decode(&message.signature).map_err(|_| refused("its signature is none"))?;
        let url = self.ours(&message.signing_cert_url).filter(|url| url.query().is_none() && url.path().rsplit('.').next() == Some("pem"));
        let url = url.ok_or_else(|| refused("its certificate is not one of the SNS of the topic's region"))?;
        if self.certificate(&url).await?.has_signed(digest, content.as_bytes(), &signature) {
            Ok(())
        } else {
            Err(refused("its signature does not fit"))
        }
    }

    /// An address of this SNS.
    fn ours(&self, address: &str) -> Option<Url> {
        let url = Url::parse(address).ok()?;
        let is_ours = url.origin() == self.home.origin() && url.username().is_empty() && url.password().is_none();
        (is_ours && url.fragment().is_none()).then_some(url)
    }

    fn known(&self, url: &Url) -> Option<Arc<Certificate>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, certificate) = known.get(url.as_str())?;
        (since.elapsed() < CERTIFICATE_AGE).then(|| Arc::clone(certificate))
    }

    async fn certificate(&self, url: &Url) -> Result<Arc<Certificate>, Fault> {
        if let Some(certificate) = self.known(url) {
            return Ok(certificate);
        }
        let mut asked = self.asked.lock().await;
        if let Some(certificate) = self.known(url) {
            return Ok(certificate);
        }
        asked.retain(|at| at.elapsed() < WITHIN);
        if asked.len() >= MOST_ASKED {
            return Err(Fault::transient("C0312", "too many certificates are asked for").after(Some(WITHIN)));
        }
        asked.push(Instant::now());
        let certificate = Arc::new(Certificate::read(&self.get(url, "the certificate").await?)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN
            && let Some(oldest) = known.iter().min_by_key(|(_, (since, _))| *since).map(|(url, _)| url.clone())
        {
            known.remove(&oldest);
        }
        known.insert(url.to_string(), (Instant::now(), Arc::clone(&certificate)));
        Ok(certificate)
    }

    /// Has SNS deliver to this address from now on.
    async fn confirm(&self, message: &Posted) -> Result<(), Fault> {
        let url = message.subscribe_url.as_deref().and_then(|url| self.ours(url));
        let url = url.filter(|url| {
            let is = |name: &str, value: &str| url.query_pairs().any(|(known, found)| known == name && found == value);
            is("Action", "ConfirmSubscription") && is("TopicArn", &self.topic_arn)
        });
        let url = url.ok_or_else(|| refused("its confirmation is not one of the SNS of the topic's region"))?;
        self.get(&url, "the confirmation of the subscription").await?;
        tracing::info!(topic = %self.topic_arn, "the subscription of the webhook to its topic is confirmed");
        Ok(())
    }

    async fn get(&self, url: &Url, what: &str) -> Result<Vec<u8>, Fault> {
        let response = self.client.call(Request::get(url.clone())).await.map_err(|broken| broken.fault)?;
        if response.is_success() {
            return Ok(response.body.to_vec());
        }
        Err(Fault::transient("C0312", format!("Amazon SNS answered {what} with status {}", response.status)))
    }
}

fn refused(why: &str) -> Fault {
    super::hooks::refused(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:cartage";

    #[test]
    fn a_topic_says_where_its_sns_is() {
        assert_eq!(region(TOPIC), Some(("eu-west-1", "amazonaws.com")));
        assert_eq!(region("arn:aws-cn:sns:cn-north-1:123456789012:a"), Some(("cn-north-1", "amazonaws.com.cn")));
        for other in [
            "",
            "cartage",
            "arn:aws:sqs:eu-west-1:123456789012:cartage",
            "arn:aws:sns:eu-west-1:12345:cartage",
            "arn:aws:sns:eu-west-1.evil.example/:123456789012:cartage",
            "arn:aws:sns::123456789012:cartage",
            "arn:evil:sns:eu-west-1:123456789012:cartage",
            "arn:aws:sns:eu-west-1:123456789012:cartage:c9135db0-26c4-47ec-8998-413945fb5a96",
        ] {
            assert_eq!(region(other), None, "{other}");
        }
    }

    #[test]
    fn only_addresses_of_the_sns_of_the_region_are_called() {
        let settings = config::Sns { topic_arn: TOPIC.to_owned(), access_key: None, access_secret: None, url: None };
        let sns = Sns::new(&settings, &Environment::machine()).unwrap();
        assert!(sns.ours("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem").is_some());
        assert!(sns.ours("https://sns.eu-west-1.amazonaws.com:443/SimpleNotificationService-1.pem").is_some());
        for other in [
            "http://sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
            "https://evil.example/https://sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
            "https://user@sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
            "https://sns.us-east-1.amazonaws.com/a.pem",
            "https://bucket.s3.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com/a.pem#b",
            "file:///etc/passwd",
            "a.pem",
            "",
        ] {
            assert_eq!(sns.ours(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_signed_has_the_members_in_the_order_of_their_names() {
        let members = serde_json::json!({
            "Type": "Notification", "MessageId": "m", "TopicArn": TOPIC, "Message": "one\ntwo", "Subject": "s",
            "Timestamp": "2026-05-01T10:00:00.000Z", "SignatureVersion": "1", "Signature": "", "SigningCertURL": "",
            "Token": "t", "SubscribeURL": "u", "UnsubscribeURL": "x",
        });
        let signed = |of: &str, without: &[&str]| {
            let mut members = members.clone();
            for name in without {
                members.as_object_mut().map(|members| members.remove(*name));
            }
            members["Type"] = of.into();
            serde_json::from_value::<Posted>(members).unwrap().signed()
        };
        let time = "Timestamp\n2026-05-01T10:00:00.000Z\n";
        let head = "Message\none\ntwo\nMessageId\nm\n";
        let end = format!("TopicArn\n{TOPIC}\nType\n");
        assert_eq!(signed("Notification", &[]), Some(format!("{head}Subject\ns\n{time}{end}Notification\n")));
        assert_eq!(signed("Notification", &["Subject", "Token", "SubscribeURL"]), Some(format!("{head}{time}{end}Notification\n")));
        for of in ["SubscriptionConfirmation", "UnsubscribeConfirmation"] {
            assert_eq!(signed(of, &[]), Some(format!("{head}SubscribeURL\nu\n{time}Token\nt\n{end}{of}\n")));
            assert_eq!(signed(of, &["Token"]), None);
        }
        assert_eq!(signed("Other", &[]), None);
    }
}
