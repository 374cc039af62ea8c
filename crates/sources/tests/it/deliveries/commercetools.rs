//! commercetools: Google's token, Amazon's signature, Azure's secret in the address.

use std::sync::{Arc, LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use sandbox::commercetools::{Emulator, Settings};
use serde_json::{Value, json};
use sources::commercetools::Commercetools;

use super::{
    Damage, Made, NOW, RUNTIME, any_json, damage, holds_what_was_proved, is_refused, is_understood_or_refused, secret,
};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:cartage";
const AUDIENCE: &str = "https://cartage.shop.example";
const ACCOUNT: &str = "push@shop.example";

/// An emulator of the clouds, and where it is.
static CLOUD: LazyLock<(Emulator, String)> = LazyLock::new(|| {
    let emulator = Emulator::new(Settings::default());
    emulator.set_clock(Arc::new(|| jiff::Timestamp::from_second(NOW).unwrap()));
    let router = emulator.router();
    let listener = RUNTIME.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    RUNTIME.spawn(sandbox::serve::serve(router, listener, std::future::pending()));
    (emulator, host)
});

fn source(webhooks: &Value) -> Commercetools {
    crate::source("http://127.0.0.1:1", json!({ "webhooks": webhooks }))
}

static GOOGLE: LazyLock<Commercetools> = LazyLock::new(|| {
    let keys = format!("{}/oauth2/v3/certs", CLOUD.1);
    source(&json!({ "pubsub": {
        "project": "p", "topic": "t", "service_account": ACCOUNT, "audience": AUDIENCE, "keys_url": keys,
    } }))
});

static AMAZON: LazyLock<Commercetools> =
    LazyLock::new(|| source(&json!({ "sns": { "topic_arn": TOPIC, "url": CLOUD.1 } })));

static AZURE: LazyLock<Commercetools> = LazyLock::new(|| {
    let (key, token) = (secret("grid-access-key", "key"), secret("grid-token", "word"));
    source(&json!({ "event_grid": { "uri": "https://t.example/api/events", "access_key": key, "token": token } }))
});

fn by_google(payload: &Value) -> Made {
    static TOKEN: LazyLock<String> = LazyLock::new(|| CLOUD.0.google_token(AUDIENCE, ACCOUNT, NOW));
    let body = json!({ "message": { "data": STANDARD.encode(payload.to_string()) }, "subscription": "s" });
    Made::post(&[("authorization", format!("Bearer {}", *TOKEN))], body.to_string().into_bytes())
}

fn by_amazon(payload: &Value) -> Made {
    let members = [("Message", payload.to_string()), ("MessageId", "m".to_owned())];
    let (headers, body) = CLOUD.0.sns_message("Notification", TOPIC, &CLOUD.1, &members);
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap().to_owned()));
    Made::post(&headers.collect::<Vec<_>>(), body.to_string().into_bytes())
}

fn by_azure(payload: &Value) -> Made {
    Made {
        query: "?token=word".to_owned(),
        ..Made::post(&[("x-any", String::new())], payload.to_string().into_bytes())
    }
}

fn about(resource: Value) -> Value {
    let mut about = json!({ "notificationType": "ResourceUpdated", "projectKey": "shop", "version": 3 });
    about["resource"] = resource;
    about
}

fn genuine() -> Value {
    about(json!({ "typeId": "product", "id": "b32d" }))
}

proptest! {
    #[test]
    fn a_message_of_amazon_that_is_altered_is_refused(damage in damage()) {
        holds_what_was_proved(&*AMAZON, &by_amazon(&genuine()), &damage);
    }

    #[test]
    fn a_push_of_google_whose_token_is_altered_is_refused(damage in damage()) {
        // Google signs no body: whoever has a token may say what he likes until it is out of time.
        if let Damage::Header(..) | Damage::Without(_) = damage {
            holds_what_was_proved(&*GOOGLE, &by_google(&genuine()), &damage);
        } else {
            is_understood_or_refused(&*GOOGLE, &damage.of(&by_google(&genuine())));
        }
    }

    #[test]
    fn an_event_of_azure_counts_only_with_the_token_of_the_address(damage in damage(), token in "[ -~]{0,8}") {
        let made = by_azure(&genuine());
        is_understood_or_refused(&*AZURE, &damage.of(&made));
        prop_assume!(token != "word");
        let other = Made { query: format!("?token={token}"), ..made };
        match other.received(&*AZURE) {
            // Other ways to write the same token.
            Ok(_) => prop_assert!(token.starts_with("word"), "{}", token),
            Err(fault) => is_refused(&fault),
        }
    }

    #[test]
    fn any_content_that_is_proved_is_understood_or_refused(content in any_json()) {
        for payload in [content.clone(), about(content.clone()), json!({ "specversion": "1.0", "data": content })] {
            is_understood_or_refused(&*GOOGLE, &by_google(&payload));
            is_understood_or_refused(&*AMAZON, &by_amazon(&payload));
            is_understood_or_refused(&*AZURE, &by_azure(&payload));
        }
    }

    #[test]
    fn any_bytes_are_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        for (source, made) in [(&GOOGLE, by_google(&genuine())), (&AMAZON, by_amazon(&genuine())), (&AZURE, by_azure(&genuine()))] {
            is_understood_or_refused(&**source, &Made { body: body.clone(), ..made });
        }
    }
}
