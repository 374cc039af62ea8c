//! Salesforce B2C Commerce: a key in a header. Nothing is signed, so whoever has the key says what may have changed.

use std::sync::LazyLock;

use contract::Source as _;
use proptest::prelude::*;
use serde_json::json;
use sources::sfcc::Sfcc;

use super::{Made, any_json, damage, is_refused, is_understood_or_refused, secret};

const SECRET: &str = "a-key-that-only-two-sides-know";

static SOURCE: LazyLock<Sfcc> = LazyLock::new(|| {
    let key = secret("sfcc-events-key", SECRET);
    crate::sfcc::source("http://127.0.0.1:1", json!({ "webhooks": { "key": key } }), &std::env::temp_dir())
});

fn made(event: &str, body: &[u8]) -> Made {
    let headers = [
        ("x-cartage-key", SECRET.to_owned()),
        ("x-sf-cc-event-id", event.to_owned()),
        ("x-sf-cc-correlation-id", "c".to_owned()),
    ];
    Made::post(&headers, body.to_vec())
}

proptest! {
    #[test]
    fn a_delivery_without_the_key_is_refused(damage in damage()) {
        let genuine = made("sf.cc.replication.completed", b"{}");
        let altered = damage.of(&genuine);
        let has_key = altered.headers.iter().any(|(name, value)| name == "x-cartage-key" && value == SECRET.as_bytes());
        match altered.received(&*SOURCE) {
            Ok(_) => assert!(has_key, "{altered:?}"),
            Err(fault) => {
                assert!(!has_key, "{altered:?}");
                is_refused(&fault);
            }
        }
    }

    #[test]
    fn any_content_with_the_key_is_understood(content in any_json(), event in 0..4_usize) {
        let events = [
            "sf.cc.replication.completed", "sf.cc.replication.granular.completed", "sf.cc.replication.granular.incomplete", "x",
        ];
        is_understood_or_refused(&*SOURCE, &made(events[event], content.to_string().as_bytes()));
        let objects = json!({ "objects": { "products": content, "priceTables": content } });
        is_understood_or_refused(&*SOURCE, &made(events[event], objects.to_string().as_bytes()));
        let groups = json!({ "payload": { "replicationGroups": content } });
        is_understood_or_refused(&*SOURCE, &made(events[event], groups.to_string().as_bytes()));
    }

    #[test]
    fn any_bytes_with_the_key_are_understood(body in prop::collection::vec(any::<u8>(), 0..200)) {
        is_understood_or_refused(&*SOURCE, &made("sf.cc.replication.completed", &body));
    }
}

#[test]
fn a_key_that_is_too_short_proves_nothing() {
    let key = secret("sfcc-short-key", "short");
    let settings = json!({ "webhooks": { "key": key } });
    let source = crate::sfcc::source("http://127.0.0.1:1", settings, &std::env::temp_dir());
    let mut delivery = made("sf.cc.replication.completed", b"{}");
    delivery.headers[0].1 = b"short".to_vec();
    is_refused(&delivery.received(&source).unwrap_err());
    let objection = source.hooks().unwrap().objection("https://cartage.example/hooks/shop").unwrap();
    assert!(objection.contains("too short"), "{objection}");
}
