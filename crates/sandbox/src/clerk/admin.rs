//! The emulator's own endpoints under `/_admin/clerk`, where the real one has its dashboard.
//!
//! `{store}` is a store's name or public key.
//!
//! | call | does |
//! |---|---|
//! | `GET /_admin/clerk` | names, languages and currencies of the stores |
//! | `GET /_admin/clerk/{store}` | numbers of objects, calls and warnings |
//! | `DELETE /_admin/clerk/{store}` | forgets objects, counters and calls |
//! | `GET /_admin/clerk/{store}/objects/{resource}` | every object, by id |
//! | `GET /_admin/clerk/{store}/returns` | what came back of orders, a line for each call |
//! | `GET /_admin/clerk/{store}/calls` | the last write calls with their bodies |
//! | `POST /_admin/clerk/{store}/analyse` | ranks what is there now |
//! | `POST /_admin/clerk/{store}/import` | imports feeds ([`FeedImport`]), answers when done |
//! | `GET /_admin/clerk/{store}/imports` | the sync log |
//! | `POST`/`DELETE /_admin/clerk/{store}/rejections` | refuses objects ([`Rejection`]) from now on, or no longer |
//! | `PUT /_admin/clerk/{store}/disabled` | body `true`: the keys stop working |

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::importer::{FeedImport, ImportError};
use super::resource::Resource;
use super::store::{Rejection, Store};
use super::{Emulator, StoreView};

pub(super) fn router(emulator: Emulator) -> Router {
    Router::new()
        .route("/_admin/clerk", get(stores))
        .route("/_admin/clerk/{store}", get(summary).delete(clear))
        .route("/_admin/clerk/{store}/objects/{resource}", get(objects))
        .route("/_admin/clerk/{store}/returns", get(returns))
        .route("/_admin/clerk/{store}/calls", get(calls))
        .route("/_admin/clerk/{store}/analyse", post(analyse))
        .route("/_admin/clerk/{store}/import", post(import))
        .route("/_admin/clerk/{store}/imports", get(imports))
        .route("/_admin/clerk/{store}/rejections", post(reject).delete(accept))
        .route("/_admin/clerk/{store}/disabled", put(disable))
        .with_state(emulator)
}

type Answer = Result<Json<Value>, Refusal>;

/// The reason why a call can't be carried out.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

fn store(emulator: &Emulator, name: &str) -> Result<Arc<Store>, Refusal> {
    emulator.find(name).cloned().ok_or_else(|| Refusal(StatusCode::NOT_FOUND, ImportError::UnknownStore.to_string()))
}

fn view(emulator: &Emulator, name: &str) -> Result<StoreView, Refusal> {
    Ok(StoreView { store: store(emulator, name)? })
}

fn parsed<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal(StatusCode::BAD_REQUEST, format!("body: {error}")))
}

async fn stores(State(emulator): State<Emulator>) -> Json<Value> {
    let told = |store: &Arc<Store>| {
        let settings = &store.settings;
        json!({ "name": settings.name, "key": settings.public_key, "language": settings.language, "currency": settings.currency })
    };
    Json(json!({ "stores": emulator.inner.stores.values().map(told).collect::<Value>() }))
}

async fn summary(State(emulator): State<Emulator>, Path(name): Path<String>) -> Answer {
    let view = view(&emulator, &name)?;
    let objects = Resource::ALL.map(|resource| (resource.name(), view.count(resource)));
    Ok(Json(json!({
        "objects": objects.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "operations": view.operations(),
        "warnings": view.warnings(),
    })))
}

async fn clear(State(emulator): State<Emulator>, Path(name): Path<String>) -> Answer {
    let view = view(&emulator, &name)?;
    view.clear();
    Ok(Json(json!({})))
}

async fn objects(State(emulator): State<Emulator>, Path((name, resource)): Path<(String, Resource)>) -> Answer {
    Ok(Json(json!(view(&emulator, &name)?.objects(resource))))
}

async fn returns(State(emulator): State<Emulator>, Path(name): Path<String>) -> Answer {
    Ok(Json(json!({ "returns": view(&emulator, &name)?.returns() })))
}

async fn calls(State(emulator): State<Emulator>, Path(name): Path<String>) -> Answer {
    let calls = view(&emulator, &name)?.calls().into_iter().map(|call| {
        let body = call.body.and_then(|body| serde_json::from_slice::<Value>(&body).ok());
        json!({ "operation": call.operation, "items": call.items, "refused": call.refused, "body": body.map(masked) })
    });
    Ok(Json(json!({ "calls": calls.collect::<Value>() })))
}

/// Keys are not shown, even here.
fn masked(mut body: Value) -> Value {
    if let Some(key) = body.get_mut("private_key") {
        *key = json!("***");
    }
    body
}

async fn analyse(State(emulator): State<Emulator>, Path(name): Path<String>) -> Answer {
    view(&emulator, &name)?.analyse();
    Ok(Json(json!({})))
}

async fn import(State(emulator): State<Emulator>, Path(name): Path<String>, body: Bytes) -> Answer {
    let feeds = parsed::<FeedImport>(&body)?;
    match emulator.import_feed(&name, &feeds).await {
        Ok(record) => Ok(Json(json!(record))),
        Err(error @ ImportError::UnknownStore) => Err(Refusal(StatusCode::NOT_FOUND, error.to_string())),
        Err(error @ ImportError::Running) => Err(Refusal(StatusCode::CONFLICT, error.to_string())),
        Err(error @ ImportError::Client(_)) => Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

async fn imports(State(emulator): State<Emulator>, Path(name): Path<String>) -> Answer {
    Ok(Json(json!({ "imports": view(&emulator, &name)?.imports() })))
}

async fn reject(State(emulator): State<Emulator>, Path(name): Path<String>, body: Bytes) -> Answer {
    view(&emulator, &name)?.reject(parsed::<Rejection>(&body)?);
    Ok(Json(json!({})))
}

async fn accept(State(emulator): State<Emulator>, Path(name): Path<String>) -> Answer {
    view(&emulator, &name)?.accept_all();
    Ok(Json(json!({})))
}

async fn disable(State(emulator): State<Emulator>, Path(name): Path<String>, body: Bytes) -> Answer {
    view(&emulator, &name)?.disable(parsed::<bool>(&body)?);
    Ok(Json(json!({})))
}
