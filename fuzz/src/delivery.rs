//! Any delivery of a webhook that is signed is understood or refused; one that is not signed is refused.
//!
//! SFCC has no webhooks.

use std::{
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{Demand, Source, source::Delivery};
use model::Timestamp;
use ring::hmac;
use serde_json::{Value, json};
use sources::{
    bigcommerce::{self, BigCommerce},
    commercetools::{self, Commercetools},
};
use tokio::runtime::Runtime;

const SECRET: &str = "client-secret";
/// When deliveries arrive, in seconds.
const NOW: i64 = 1_780_272_000;
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:cartage";
const AUDIENCE: &str = "https://cartage.shop.example";
const ACCOUNT: &str = "push@shop.example";

/// The clouds that deliver for commercetools, emulated, go on answering while an input is tried.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// A secret in a file.
fn secret(name: &str, text: &str) -> String {
    let path: PathBuf = std::env::temp_dir().join(format!("cartage-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("a file for the secret");
    format!("file:{}", path.display())
}

type Header = (String, Vec<u8>);

fn header(name: &str, value: &str) -> Header {
    (name.to_owned(), value.as_bytes().to_vec())
}

/// Whether a delivery is accepted.
fn accepts(source: &dyn Source, path: &str, headers: &[Header], body: &[u8]) -> bool {
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let at = Timestamp::from_millis(NOW * 1000);
    let delivery = Delivery { method: "POST", path, headers: &headers, body, at };
    RUNTIME.block_on(source.hooks().expect("webhooks").receive(&delivery)).is_ok()
}

static BIGCOMMERCE: LazyLock<BigCommerce> = LazyLock::new(|| {
    let settings = json!({
        "store_hash": "shop", "access_token": "env:TOKEN", "api_url": "http://127.0.0.1:1",
        "webhooks": { "client_secret": secret("client-secret", SECRET) },
    });
    let config: bigcommerce::Config = serde_json::from_value(settings).expect("a configuration");
    let environment = wire::Environment::machine();
    BigCommerce::with_token(config, &"token".to_owned().into(), &Demand::default(), &environment).expect("a source")
});

/// A body as BigCommerce delivers it: signed.
pub fn bigcommerce(body: &[u8]) {
    let key = wire::signature::derived(SECRET.as_bytes(), "cartage webhooks of stores/shop");
    let is_accepted = |signature: &str| {
        let headers = [
            header("x-cartage-key", &key),
            header("webhook-id", "m"),
            header("webhook-timestamp", &NOW.to_string()),
            header("webhook-signature", signature),
        ];
        accepts(&*BIGCOMMERCE, "", &headers, body)
    };
    let content = [format!("m.{NOW}.").as_bytes(), body].concat();
    let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), &content);
    is_accepted(&format!("v1,{}", STANDARD.encode(code.as_ref())));
    assert!(!is_accepted(&String::from_utf8_lossy(body)), "a delivery counts that is not signed");
}

/// An emulator of the clouds, and where it is.
static CLOUDS: LazyLock<(sandbox::commercetools::Emulator, String)> = LazyLock::new(|| {
    let emulator = sandbox::commercetools::Emulator::new(sandbox::commercetools::Settings::default());
    emulator.set_clock(Arc::new(|| jiff::Timestamp::from_second(NOW).expect("an instant")));
    let port = RUNTIME.block_on(sandbox::serve::Port::free()).expect("a port");
    let router = emulator.router();
    let url = RUNTIME.block_on(async { port.serve(router) });
    (emulator, url)
});

fn source(webhooks: &Value) -> Commercetools {
    let settings = json!({
        "project_key": "shop", "client_id": "env:ID", "client_secret": "env:SECRET", "api_url": "http://127.0.0.1:1",
        "auth_url": "http://127.0.0.1:1", "webhooks": webhooks,
    });
    let config: commercetools::Config = serde_json::from_value(settings).expect("a configuration");
    let own = || "client".to_owned().into();
    let secrets = commercetools::Secrets { client_id: own(), client_secret: own() };
    Commercetools::with_secrets(config, &secrets, &wire::Environment::machine()).expect("a source")
}

static TOKEN: LazyLock<Header> = LazyLock::new(|| {
    let token = CLOUDS.0.google_token(AUDIENCE, ACCOUNT, NOW);
    header("authorization", &format!("Bearer {token}"))
});
static GOOGLE: LazyLock<Commercetools> = LazyLock::new(|| {
    let keys = format!("{}/oauth2/v3/certs", CLOUDS.1);
    source(&json!({ "pubsub": {
        "project": "p", "topic": "t", "service_account": ACCOUNT, "audience": AUDIENCE, "keys_url": keys,
    } }))
});
static AMAZON: LazyLock<Commercetools> =
    LazyLock::new(|| source(&json!({ "sns": { "topic_arn": TOPIC, "url": CLOUDS.1 } })));
static AZURE: LazyLock<Commercetools> = LazyLock::new(|| {
    let (key, token) = (secret("grid-key", "key"), secret("grid-token", "word"));
    source(&json!({ "event_grid": { "uri": "https://t.example/api/events", "access_key": key, "token": token } }))
});

/// A payload of commercetools as each cloud delivers it, and the input as what each delivers.
pub fn commercetools(input: &[u8]) {
    let pushed = json!({ "message": { "data": STANDARD.encode(input) }, "subscription": "s" }).to_string();
    for body in [pushed.as_bytes(), input] {
        accepts(&*GOOGLE, "", std::slice::from_ref(&*TOKEN), body);
        assert!(!accepts(&*GOOGLE, "", &[], body), "a push counts without a token");
    }
    let text = String::from_utf8_lossy(input);
    let own = header("authorization", &format!("Bearer {text}"));
    assert!(!accepts(&*GOOGLE, "", &[own], pushed.as_bytes()), "a push counts whose token nobody signed");
    let members = [("Message", text.clone().into_owned()), ("MessageId", "m".to_owned())];
    let (headers, body) = CLOUDS.0.sns_message("Notification", TOPIC, &CLOUDS.1, &members);
    let headers: Vec<Header> =
        headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    accepts(&*AMAZON, "", &headers, body.to_string().as_bytes());
    assert!(!accepts(&*AMAZON, "", &headers, input), "a message counts that nobody signed");
    let mut forged = body;
    forged["Signature"] = json!(text);
    assert!(!accepts(&*AMAZON, "", &headers, forged.to_string().as_bytes()), "a message counts with another signature");
    accepts(&*AZURE, "?token=word", &[], input);
    assert!(!accepts(&*AZURE, "?token=other", &[], input), "an event counts whose address has another token");
}
