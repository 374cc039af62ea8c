//! A small instance for tests of the route: jobs that take some looks, archives that break off, refusals.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use serde_json::{Value, json};

/// What the instance does and saw.
#[derive(Default)]
pub(super) struct World {
    /// Archive of each export.
    pub(super) archive: Vec<u8>,
    /// Looks until a job has ended.
    pub(super) looks: usize,
    /// Another run of the job is under way for so many starts.
    pub(super) busy: usize,
    /// Starts whose answer is lost: the job runs, so the next start finds it under way.
    pub(super) lost: usize,
    /// Jobs end with an error.
    pub(super) fails: bool,
    /// Only parameters are understood.
    pub(super) by_parameters: bool,
    /// Downloads that break off after half of what is asked for.
    pub(super) breaks: usize,
    /// Parts of archives are refused, because the whole is another now.
    pub(super) is_another: bool,
    /// Archives that are not deleted though they are asked to be, by number.
    pub(super) keeps: usize,
    /// Tokens that are refused from now on, by number.
    pub(super) refused: usize,
    /// Path whose calls are forbidden.
    pub(super) forbidden: Option<&'static str>,
    /// Method and path of each call, in order, with what was asked for.
    pub(super) calls: Vec<String>,
    /// What jobs were told to export.
    pub(super) exports: Vec<Value>,
    tokens: usize,
    left: usize,
    files: Vec<String>,
}

/// A running instance.
#[derive(Clone, Default)]
pub(super) struct Instance(Arc<Mutex<World>>);

impl Instance {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Serves it on loopback.
    pub(super) async fn serve(&self) -> String {
        let router = Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        host
    }

    /// Calls whose method and path begin like this.
    pub(super) fn count(&self, begins: &str) -> usize {
        self.world().calls.iter().filter(|call| call.starts_with(begins)).count()
    }
}

const DATA: &str = "/s/-/dw/data/v25_6";
const FOLDER: &str = "/on/demandware.servlet/webdav/Sites/Impex/src/instance";

async fn answer(State(instance): State<Instance>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut world = instance.world();
    let path = parts.uri.path().to_owned();
    let range = parts.headers.get(header::RANGE).map(|it| it.to_str().unwrap()).unwrap_or_default();
    world.calls.push(format!("{} {path} {range}", parts.method).trim_end().to_owned());
    if path == "/token" {
        world.tokens += 1;
        let granted =
            json!({ "access_token": format!("t{}", world.tokens), "expires_in": 1799, "token_type": "Bearer" });
        return axum::Json(granted).into_response();
    }
    let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let number: Option<usize> = bearer.strip_prefix("Bearer t").and_then(|it| it.parse().ok());
    if number.is_none_or(|number| number <= world.refused) {
        return fault(401, "InvalidAccessTokenException", &json!({}));
    }
    if world.forbidden.is_some_and(|forbidden| path.contains(forbidden)) {
        return fault(403, "ClientAccessForbiddenException", &json!({}));
    }
    if let Some(name) = path.strip_prefix(FOLDER) {
        return webdav(&mut world, &parts.method, name.trim_start_matches('/'), &parts.headers);
    }
    match (&parts.method, path.strip_prefix(DATA).unwrap_or_default()) {
        (&Method::GET, "/sites") => {
            axum::Json(json!({ "count": 1, "total": 1, "data": [{ "id": "s" }] })).into_response()
        }
        (&Method::POST, "/jobs/sfcc-site-archive-export/executions") => start(&mut world, &body),
        (&Method::GET, path) if path.starts_with("/jobs/sfcc-site-archive-export/executions/") => {
            look(&mut world, path)
        }
        _ => fault(404, "NotFoundException", &json!({})),
    }
}

fn start(world: &mut World, body: &Bytes) -> Response {
    let body: Value = serde_json::from_slice(body).unwrap();
    if world.busy > 0 {
        world.busy -= 1;
        return fault(400, "JobAlreadyRunningException", &json!({}));
    }
    let (file, units) = if world.by_parameters {
        let Some(parameters) = body["parameters"].as_array() else {
            let arguments = json!({ "document": "job_execution_request", "property": "export_file" });
            return fault(400, "UnknownPropertyException", &arguments);
        };
        let of = |name: &str| {
            parameters.iter().find(|it| it["name"] == name).and_then(|it| it["value"].as_str()).unwrap().to_owned()
        };
        (of("ExportFile"), serde_json::from_str(&of("DataUnits")).unwrap())
    } else {
        (body["export_file"].as_str().unwrap().to_owned(), body["data_units"].clone())
    };
    world.exports.push(units);
    world.files.push(file);
    world.left = world.looks;
    if world.lost > 0 {
        (world.lost, world.busy) = (world.lost - 1, 1);
        return fault(504, "GatewayTimeoutException", &json!({}));
    }
    axum::Json(json!({ "_v": "25.6", "id": "e1", "execution_status": "pending" })).into_response()
}

fn look(world: &mut World, path: &str) -> Response {
    if !path.ends_with("/e1") || world.exports.is_empty() {
        return fault(404, "JobExecutionNotFoundException", &json!({}));
    }
    if world.left > 0 {
        world.left -= 1;
        return axum::Json(json!({ "id": "e1", "execution_status": "running" })).into_response();
    }
    let exit =
        if world.fails { json!({ "code": "ERROR", "message": "no such catalog" }) } else { json!({ "code": "OK" }) };
    axum::Json(json!({ "id": "e1", "execution_status": "finished", "exit_status": exit })).into_response()
}

fn webdav(world: &mut World, method: &Method, name: &str, headers: &HeaderMap) -> Response {
    if method.as_str() == "PROPFIND" {
        return (StatusCode::MULTI_STATUS, "<D:multistatus xmlns:D='DAV:'/>").into_response();
    }
    let Some(at) = world.files.iter().position(|file| file == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if *method == Method::DELETE && world.keeps > 0 {
        world.keeps -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if *method == Method::DELETE {
        world.files.remove(at);
        return StatusCode::NO_CONTENT.into_response();
    }
    let whole = world.archive.len();
    let range = headers.get(header::RANGE).and_then(|it| it.to_str().ok());
    let from = range.and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()).unwrap_or(0_usize);
    if from > 0 && std::mem::take(&mut world.is_another) {
        let length = format!("bytes */{}", from - 1);
        return (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, length)]).into_response();
    }
    let rest = world.archive.get(from..).unwrap().to_vec();
    let response = Response::builder()
        .status(if from > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK })
        .header(header::ETAG, "\"one\"")
        .header(header::CONTENT_LENGTH, rest.len())
        .header(header::CONTENT_RANGE, format!("bytes {from}-{}/{whole}", whole - 1));
    if world.breaks == 0 {
        return response.body(Body::from(rest)).unwrap();
    }
    world.breaks -= 1;
    let half = Bytes::copy_from_slice(rest.get(..rest.len() / 2).unwrap());
    let breaks = async {
        // So that the first half arrives.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Err(std::io::Error::other("broken"))
    };
    let pieces = futures::stream::iter([Ok(half)]).chain(futures::stream::once(breaks));
    response.body(Body::from_stream(pieces)).unwrap()
}

fn fault(status: u16, of: &str, arguments: &Value) -> Response {
    let body = json!({ "_v": "25.6", "fault": { "type": of, "message": "no", "arguments": arguments } });
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}
