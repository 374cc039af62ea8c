use contract::{Facet, FaultClass, Payload, Writer};
use engine::mapping;
use serde_json::json;

use super::FIELDS;

fn payload(members: &[(Facet, &str, serde_json::Value)]) -> Payload {
    let mut writer = Writer::new(&|_| false);
    for (facet, name, value) in members {
        writer.put(*facet, name, value).unwrap();
    }
    writer.finish()
}

fn good() -> Vec<(Facet, &'static str, serde_json::Value)> {
    vec![
        (Facet::CONTENT, "id", json!("p")),
        (Facet::CONTENT, "name", json!("Hemd \"\u{1F455}\" \\")),
        (Facet::CONTENT, "whatever", json!({"a": [1, null]})),
        (Facet::PRICE, "price", json!(0.0)),
    ]
}

fn told(members: &[(Facet, &str, serde_json::Value)]) -> String {
    match mapping::validate(&FIELDS, &|_| true, "p", &payload(members)) {
        Ok(()) => "fine".to_owned(),
        Err(fault) => {
            assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Record, "C0523"));
            fault.message
        }
    }
}

#[test]
fn a_whole_payload_is_looked_at() {
    assert_eq!(told(&good()), "fine");
    assert_eq!(told(&good()[1..]), "item p: the required field id is missing");
    assert_eq!(told(&[]), "item p: the required field id is missing");
    let with = |facet, name, value| told(&[good(), vec![(facet, name, value)]].concat());
    assert_eq!(with(Facet::CONTENT, "url", json!("https://shop.example/p")), "fine");
    assert_eq!(with(Facet::CONTENT, "url", json!("/p")), "item p: field url is no absolute http(s) URL: \"/p\"");
    assert_eq!(with(Facet::AVAILABILITY, "stock", json!(1.5)), "item p: field stock must be an integer, and is 1.5");
    assert_eq!(
        with(Facet::CONTENT, "skus", json!(["a", 1])),
        "item p: field skus must be a list of texts, and is [\"a\",1]"
    );
    assert_eq!(
        with(Facet::CONTENT, "created_at", json!(-1)),
        "item p: field created_at is no time in whole seconds: -1"
    );
    assert_eq!(with(Facet::CONTENT, "active", json!(null)), "item p: field active must be true or false, and is null");
    assert_eq!(with(Facet::AVAILABILITY, "price", json!(1)), "item p: field price is written twice");
}

#[test]
fn blank_and_long_texts_are_told_shortly() {
    let named = |name: &str| {
        let mut members = good();
        members[1].2 = json!(name);
        told(&members)
    };
    assert_eq!(named(" \n"), "item p: field name is blank: \" \\n\"");
    assert_eq!(named(&"ä".repeat(1_000_000)), "fine");
    let mut members = good();
    members[3].2 = json!("x".repeat(1_000_000));
    assert!(told(&members).len() < 200);
}
