//! The emulator's own endpoints under `/_admin/dotdigital`, where the real one has its pages.
//!
//! | call | does |
//! |---|---|
//! | `GET /_admin/dotdigital` | collections with their numbers of records, and imports |
//! | `GET /_admin/dotdigital/{collection}` | its records by key |
//! | `GET /_admin/dotdigital/{collection}/check` | what product recommendations lack in it |

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Emulator;

/// Fields that product recommendations need.
const NEEDED: [&str; 5] = ["name", "price", "url", "sku", "image_path"];

pub(super) fn router(emulator: Emulator) -> Router {
    Router::new()
        .route("/_admin/dotdigital", get(account))
        .route("/_admin/dotdigital/{collection}", get(records))
        .route("/_admin/dotdigital/{collection}/check", get(check))
        .with_state(emulator)
}

async fn account(State(emulator): State<Emulator>) -> Json<Value> {
    let collections = emulator.collections().into_iter();
    let collections: Value =
        collections.map(|name| json!({ "records": emulator.records(&name).len(), "name": name })).collect();
    let imports = emulator.imports().into_iter().map(|import| {
        json!({
            "id": import.id, "collection": import.collection, "records": import.keys.len(),
            "rejected": import.rejected, "asked": import.asked,
        })
    });
    Json(json!({ "collections": collections, "imports": imports.collect::<Value>() }))
}

async fn records(State(emulator): State<Emulator>, Path(collection): Path<String>) -> Json<Value> {
    Json(json!(emulator.records(&collection)))
}

/// As the vendor's Insight data checker looks at a catalogue.
async fn check(State(emulator): State<Emulator>, Path(collection): Path<String>) -> Json<Value> {
    let records = emulator.records(&collection);
    let lacking = |name: &str| {
        let lacks = |record: &&Value| match record.get(name) {
            Some(Value::Number(number)) => number.as_f64().is_none_or(|number| number <= 0.0),
            Some(Value::String(text)) if name == "url" || name == "image_path" => !text.starts_with("http"),
            Some(Value::String(text)) => text.is_empty(),
            _ => true,
        };
        records.values().filter(lacks).count()
    };
    let lacking: serde_json::Map<String, Value> =
        NEEDED.into_iter().map(|name| (name.to_owned(), json!(lacking(name)))).collect();
    Json(json!({ "records": records.len(), "lacking": lacking }))
}
