//! BigCommerce: the key that Cartage registered, and a signature over id, time and body.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use ring::hmac;
use serde_json::json;
use sources::bigcommerce::BigCommerce;

use super::{Damage, Made, NOW, any_json, damage, holds_what_was_proved, is_refused, is_understood_or_refused, secret};

const SECRET: &str = "client-secret";

static SOURCE: LazyLock<BigCommerce> = LazyLock::new(|| {
    let settings = json!({ "webhooks": { "client_secret": secret("bigcommerce-client-secret", SECRET) } });
    crate::bigcommerce::source("http://127.0.0.1:1", settings)
});

fn made(body: &[u8]) -> Made {
    let content = [format!("m.{NOW}.").as_bytes(), body].concat();
    let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), &content);
    let key = wire::signature::derived(SECRET.as_bytes(), "cartage webhooks of stores/shop");
    let headers = [
        ("x-cartage-key", key),
        ("webhook-id", "m".to_owned()),
        ("webhook-timestamp", NOW.to_string()),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(code.as_ref()))),
    ];
    Made::post(&headers, body.to_vec())
}

fn genuine() -> Made {
    let body = json!({
        "scope": "store/product/updated", "store_id": "1", "data": { "type": "product", "id": 205 }, "hash": "a",
        "created_at": NOW, "producer": "stores/shop",
    });
    made(body.to_string().as_bytes())
}

proptest! {
    #[test]
    fn an_altered_delivery_is_refused(damage in damage()) {
        holds_what_was_proved(&*SOURCE, &genuine(), &damage);
        // All of the body is signed.
        if let Damage::Body(..) | Damage::Other(_) = damage {
            let altered = damage.of(&genuine());
            if altered != genuine() {
                is_refused(&altered.received(&*SOURCE).unwrap_err());
            }
        }
    }

    #[test]
    fn any_content_that_is_signed_is_understood_or_refused(content in any_json()) {
        is_understood_or_refused(&*SOURCE, &made(content.to_string().as_bytes()));
        let mut about = json!({
            "scope": "store/sku/updated", "store_id": "1", "hash": "a", "created_at": NOW, "producer": "stores/shop",
        });
        about["data"] = content.clone();
        is_understood_or_refused(&*SOURCE, &made(about.to_string().as_bytes()));
        if content.is_string() {
            about["scope"] = content;
            is_understood_or_refused(&*SOURCE, &made(about.to_string().as_bytes()));
        }
    }

    #[test]
    fn any_bytes_are_refused(body in prop::collection::vec(any::<u8>(), 0..200), headers in prop::collection::vec(any::<u8>(), 0..40)) {
        is_understood_or_refused(&*SOURCE, &made(&body));
        let unsigned = Made { headers: genuine().headers.into_iter().map(|(name, _)| (name, headers.clone())).collect(), ..genuine() };
        is_refused(&unsigned.received(&*SOURCE).unwrap_err());
    }
}
