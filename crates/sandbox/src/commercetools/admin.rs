//! The `/_admin` endpoints: what a test or benchmark in another process needs. Not part of the emulated API.
//!
//! | call | does |
//! |---|---|
//! | `GET /_admin/counters` | calls so far by endpoint |
//! | `DELETE /_admin/counters` | starts counting again |
//! | `GET /_admin/stats` | rows by kind, bytes of JSON held |
//! | `POST /_admin/change` | one change or a list of them, see [`super::Change`] |
//! | `POST /_admin/clock` | `{"offset_ms": n}` shifts the clock |
//! | `DELETE /_admin/tokens` | makes every token invalid |

use axum::body::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::error::ApiError;
use super::state::Kind;
use super::{Change, Emulator};

/// Answers a call below `/_admin`.
pub(super) fn answer(emulator: &Emulator, method: &Method, path: &[&str], body: &Bytes) -> Result<Answer, ApiError> {
    match (method.as_str(), path) {
        ("GET", ["counters"]) => Ok(Answer::json(200, &json!(emulator.counters()))),
        ("DELETE", ["counters"]) => {
            emulator.reset_counters();
            Ok(Answer::Empty(204))
        }
        ("GET", ["stats"]) => Ok(Answer::json(200, &stats(emulator))),
        ("POST", ["change"]) => {
            let body: Value = serde_json::from_slice(body).map_err(|error| ApiError::json(error.to_string()))?;
            let list = if let Value::Array(list) = body { list } else { vec![body] };
            let mut done = 0_usize;
            for change in list {
                let change: Change = serde_json::from_value(change)
                    .map_err(|error| ApiError::json(format!("after {done} changes: {error}")))?;
                emulator
                    .change(change)
                    .map_err(|error| ApiError::operation(format!("after {done} changes: {error}")))?;
                done += 1;
            }
            Ok(Answer::json(200, &json!({ "changed": done })))
        }
        ("POST", ["clock"]) => {
            let body: Value = serde_json::from_slice(body).map_err(|error| ApiError::json(error.to_string()))?;
            let offset =
                body.get("offset_ms").and_then(Value::as_i64).ok_or_else(|| ApiError::required("offset_ms"))?;
            emulator.set_clock_offset(offset);
            Ok(Answer::Empty(204))
        }
        ("DELETE", ["tokens"]) => {
            emulator.revoke_tokens();
            Ok(Answer::Empty(204))
        }
        _ => Err(ApiError::new(404, "ResourceNotFound", "There is no such admin endpoint.")),
    }
}

fn stats(emulator: &Emulator) -> Value {
    let state = emulator.read();
    let mut rows = Map::new();
    let mut held = 0;
    for kind in Kind::ALL {
        rows.insert(kind.path().to_owned(), json!(state.table(kind).len()));
        held += state.table(kind).held();
    }
    json!({ "rows": rows, "held_bytes": held, "pending_effects": state.effects.len() })
}
