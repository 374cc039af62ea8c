//! The emulator's own endpoints under `/_admin/insider`: the real API gives nothing out.
//!
//! | call | does |
//! |---|---|
//! | `GET /_admin/insider` | partner names |
//! | `GET`/`DELETE /_admin/insider/{partner}` | counts of records, hidden records, locales and requests; empties the catalogue |
//! | `GET /_admin/insider/{partner}/records` | every record, by item and locale |
//! | `GET /_admin/insider/{partner}/transitions` | the changes that start journeys |
//! | `GET /_admin/insider/{partner}/calls` | the last requests |
//! | `POST`/`DELETE /_admin/insider/{partner}/rejections` | refuses records ([`Rejection`]) from now on, or no longer |
//! | `PUT /_admin/insider/{partner}/disabled` | body `true`: the key stops working |

use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use super::account::Rejection;
use super::{AccountView, Emulator};

pub(super) fn router(emulator: Emulator) -> Router {
    Router::new()
        .route("/_admin/insider", get(accounts))
        .route("/_admin/insider/{partner}", get(summary).delete(clear))
        .route("/_admin/insider/{partner}/records", get(records))
        .route("/_admin/insider/{partner}/transitions", get(transitions))
        .route("/_admin/insider/{partner}/calls", get(calls))
        .route("/_admin/insider/{partner}/rejections", post(reject).delete(accept))
        .route("/_admin/insider/{partner}/disabled", put(disable))
        .with_state(emulator)
}

type Answer = Result<Json<Value>, StatusCode>;

fn view(emulator: &Emulator, partner: &str) -> Result<AccountView, StatusCode> {
    emulator.account(partner).ok_or(StatusCode::NOT_FOUND)
}

async fn accounts(State(emulator): State<Emulator>) -> Json<Value> {
    Json(json!({ "accounts": emulator.inner.accounts.keys().collect::<Vec<_>>() }))
}

async fn summary(State(emulator): State<Emulator>, Path(partner): Path<String>) -> Answer {
    let view = view(&emulator, &partner)?;
    let records = view.records();
    let all = || records.values().flat_map(std::collections::BTreeMap::values);
    let hidden = all().filter(|record| record["is_status_passive"] == 1).count();
    let requests = view.calls().len();
    Ok(Json(json!({
        "items": records.len(),
        "records": all().count(),
        "hidden": hidden,
        "locales": view.locales(),
        "requests": requests,
        "unknown_updates": view.unknown_updates(),
    })))
}

async fn clear(State(emulator): State<Emulator>, Path(partner): Path<String>) -> Answer {
    view(&emulator, &partner)?.clear();
    Ok(Json(json!({})))
}

async fn records(State(emulator): State<Emulator>, Path(partner): Path<String>) -> Answer {
    Ok(Json(json!(view(&emulator, &partner)?.records())))
}

async fn transitions(State(emulator): State<Emulator>, Path(partner): Path<String>) -> Answer {
    Ok(Json(json!({ "transitions": view(&emulator, &partner)?.transitions() })))
}

async fn calls(State(emulator): State<Emulator>, Path(partner): Path<String>) -> Answer {
    Ok(Json(json!({ "calls": view(&emulator, &partner)?.calls() })))
}

async fn reject(
    State(emulator): State<Emulator>,
    Path(partner): Path<String>,
    Json(rejection): Json<Rejection>,
) -> Answer {
    view(&emulator, &partner)?.reject(rejection);
    Ok(Json(json!({})))
}

async fn accept(State(emulator): State<Emulator>, Path(partner): Path<String>) -> Answer {
    view(&emulator, &partner)?.accept_all();
    Ok(Json(json!({})))
}

async fn disable(State(emulator): State<Emulator>, Path(partner): Path<String>, Json(disabled): Json<bool>) -> Answer {
    view(&emulator, &partner)?.disable(disabled);
    Ok(Json(json!({})))
}
