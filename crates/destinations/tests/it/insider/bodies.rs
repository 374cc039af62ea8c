//! Bodies of requests, made of payloads.

use contract::{Facet, Facets, Payload, Writer, payload::OWN_FIELDS};
use destinations::insider::{
    compose::{Parts, Writing},
    config::Form,
    place::Place,
};
use serde_json::{Value as Json, json};

use super::{config, de, items, market, uk};
use crate::sample::full;

fn payload(members: &[(Facet, &str, Json)]) -> Payload {
    let mut writer = Writer::resume(Payload::default());
    for (facet, name, value) in members {
        writer.force(*facet, name, value).unwrap();
    }
    writer.finish()
}

fn nested(writing: &Writing<'_>) -> Json {
    let (mut bodies, _) = writing.compose("A", Form::Nested);
    assert_eq!(bodies.len(), 1);
    bodies.remove(0)
}

/// An item in two locales, one of them with a store.
fn sample() -> Payload {
    payload(&[
        (Facet::CONTENT, "$locales", json!({ "de_DE": ["de"], "de_DE:berlin": ["berlin"], "en_GB": ["uk"] })),
        (Facet::CONTENT, "name", json!({ "de_DE": "Schuh", "en_GB": "Shoe" })),
        (Facet::CONTENT, "brand", json!({ "de_DE": "Velox", "en_GB": "Velox" })),
        (
            Facet::PRICE,
            "price",
            json!({ "de_DE": { "EUR": 9.5 }, "de_DE:berlin": { "EUR": 9 }, "en_GB": { "GBP": 8 } }),
        ),
        (Facet::AVAILABILITY, "in_stock", json!({ "de_DE": 1, "de_DE:berlin": 0, "en_GB": 1 })),
    ])
}

#[test]
fn a_nested_item_has_a_base_locales_and_stores() {
    let now = Parts::read(&sample());
    assert_eq!(
        nested(&Writing::Whole { now: &now, before: None }),
        json!({
            "item_id": "A",
            "base": { "brand": "Velox" },
            "locales": {
                "de_DE": {
                    "name": "Schuh",
                    "is_status_passive": 0,
                    "stores": {
                        "main": { "price": { "EUR": 9.5 }, "in_stock": 1 },
                        "berlin": { "price": { "EUR": 9 }, "in_stock": 0 },
                    },
                },
                "en_GB": { "name": "Shoe", "price": { "GBP": 8 }, "in_stock": 1, "is_status_passive": 0 },
            },
        })
    );
}

#[test]
fn a_change_names_its_fields_and_its_places_alone() {
    let change = Parts::read(&sample().only(Facets::NONE.with(Facet::AVAILABILITY)));
    assert_eq!(
        nested(&Writing::Change(&change)),
        json!({ "item_id": "A", "locales": {
            "de_DE": { "stores": { "main": { "in_stock": 1 }, "berlin": { "in_stock": 0 } } },
            "en_GB": { "in_stock": 1 },
        } })
    );
    let (flat, records) = Writing::Change(&change).compose("A", Form::Flat);
    assert_eq!(records, 3);
    assert_eq!(flat[1], json!({ "item_id": "A", "locale": "de_DE:berlin", "in_stock": 0 }));
}

#[test]
fn what_was_shown_before_is_hidden_in_the_same_body() {
    let before = Parts::read(&sample());
    let now = Parts::read(&payload(&[
        (Facet::CONTENT, "$locales", json!({ "de_DE": ["de"] })),
        (Facet::CONTENT, "name", json!({ "de_DE": "Schuh" })),
        (Facet::PRICE, "price", json!({ "de_DE": { "EUR": 9.5 } })),
        (Facet::AVAILABILITY, "in_stock", json!({ "de_DE": 1 })),
    ]));
    let body = nested(&Writing::Whole { now: &now, before: Some(&before) });
    assert_eq!(
        body["locales"]["en_GB"],
        json!({
            "name": "Shoe", "brand": "Velox", "price": { "GBP": 8 }, "in_stock": 1, "is_status_passive": 1,
        })
    );
    assert_eq!(body["locales"]["de_DE"]["is_status_passive"], 0);
    assert_eq!(
        body["locales"]["de_DE"]["stores"],
        json!({
            "main": { "price": { "EUR": 9.5 }, "in_stock": 1 },
            "berlin": { "price": { "EUR": 9 }, "in_stock": 0 },
        })
    );
}

#[test]
fn a_hidden_item_is_passive_in_each_locale_and_without_stock_in_each_store() {
    let before = Parts::read(&sample());
    let elsewhere = [Place::parse("fr_FR").unwrap()];
    assert_eq!(
        nested(&Writing::Hide { before: Some(&before), places: &elsewhere }),
        json!({ "item_id": "A", "locales": {
            "de_DE": { "is_status_passive": 1, "stores": { "main": { "in_stock": 0 }, "berlin": { "in_stock": 0 } } },
            "en_GB": { "is_status_passive": 1 },
            "fr_FR": { "is_status_passive": 1 },
        } })
    );
}

#[test]
fn what_a_change_can_not_take_away_is_named() {
    let before = Parts::read(&payload(&[
        (Facet::PRICE, "price", json!({ "de_DE": { "EUR": 9, "CHF": 10 } })),
        (Facet::AVAILABILITY, "stock_count", json!({ "de_DE": 5 })),
        (Facet::AVAILABILITY, "in_stock", json!({ "de_DE": 1 })),
    ]));
    let of =
        |members: &[(Facet, &str, Json)], fields: &[&str]| Parts::read(&payload(members)).takes_away(&before, fields);
    let price = |prices: Json| vec![(Facet::PRICE, "price", json!({ "de_DE": prices }))];
    assert_eq!(of(&price(json!({ "EUR": 8, "CHF": 9 })), &["price"]), None);
    assert_eq!(of(&price(json!({ "EUR": 8 })), &["price"]).as_deref(), Some("price of de_DE in CHF"));
    let stock =
        [(Facet::AVAILABILITY, "in_stock", json!({ "de_DE": 1 })), (Facet::AVAILABILITY, "stock_count", json!({}))];
    assert_eq!(of(&stock, &["in_stock", "stock_count"]).as_deref(), Some("stock_count of de_DE"));
}

#[test]
fn a_users_own_fields_go_to_the_place_of_their_market_and_within_limits() {
    let own = json!({
        "de": { "price": { "EUR": 5 }, "name": "x".repeat(600) },
        "ch": { "price": { "CHF": 6 }, "name": "second" },
        "berlin": { "price": { "EUR": 4 }, "description": "of the locale, not of the store" },
    });
    let parts = Parts::read(&payload(&[
        (Facet::CONTENT, "$locales", json!({ "de_DE": ["de", "ch"], "de_DE:berlin": ["berlin"] })),
        (Facet::CONTENT, OWN_FIELDS, own),
    ]));
    let body = nested(&Writing::Whole { now: &parts, before: None });
    let locale = &body["locales"]["de_DE"];
    assert_eq!(
        locale["stores"],
        json!({ "main": { "price": { "EUR": 5, "CHF": 6 } }, "berlin": { "price": { "EUR": 4 } } })
    );
    assert_eq!(locale["name"], json!("x".repeat(512)));
    assert_eq!(parts.notes, ["name of de_DE was cut from 600 to 512 characters"]);
}

#[test]
fn everything_that_may_have_arrived_is_kept() {
    let ids = full();
    let listing = ids.full();
    let (de, uk, at) = (de(), uk(), market("at", "de", "AT", "EUR"));
    let of = |shown: &[&model::Market]| {
        let shown: Vec<_> = shown.iter().map(|market| (*market, &listing)).collect();
        items(&config(""), &shown).unwrap().remove(0).payload
    };
    let kept = Parts::read(&of(&[&de, &uk]).overlaid(&of(&[&de, &at])));
    let shown: Vec<String> = kept.shown.iter().map(Place::to_string).collect();
    assert_eq!(shown, ["de_AT", "de_DE", "en_GB"]);
}
