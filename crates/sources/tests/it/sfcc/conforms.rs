//! The suite that any source must pass, against the emulator.

use std::{
    collections::BTreeSet,
    io::{Cursor, Read as _, Write as _},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::to_bytes,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use conformance::source::{Clock, Failure};
use contract::Demand;
use model::{Kind, RecordId};
use sandbox::{
    sfcc::{
        Deltas, Emulator, OCAPI_CLIENT, OCAPI_SECRET, SCAPI_CLIENT, SCAPI_SECRET, SLAS_CLIENT, SLAS_SECRET, Settings,
        fault_body,
    },
    shop::Edit,
};
use serde_json::{Value, json};
use sources::sfcc::{Config, ScapiSecrets, Secrets, Sfcc};
use tempfile::TempDir;
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::platform::{self, Platform, Way, millis};

struct Shop {
    emulator: Emulator,
    platform: Platform,
    way: Arc<Mutex<Way>>,
    host: String,
    settings: Value,
    /// All sources share it, as a process does with the one before it.
    folder: TempDir,
}

impl Shop {
    async fn open(emulated: Settings, settings: Value) -> Self {
        let (platform, catalogue) = Platform::new(fault_body);
        let emulator = Emulator::new(emulated);
        emulator.set_clock(platform.faults.clock());
        emulator.seed(&catalogue).unwrap();
        if emulator.settings().deltas.is_some() {
            // Without an archive a delta export says nothing.
            let product = emulator.product_keys().into_values().next().unwrap();
            emulator.edit(Edit::Published { product: product.clone(), published: false }).unwrap();
            emulator.edit(Edit::Published { product, published: true }).unwrap();
            emulator.export_deltas();
        }
        let way = Arc::new(Mutex::new(Way::default()));
        let router = emulator.router().layer(from_fn_with_state(Arc::clone(&way), under_way));
        let host = served(platform.faults.wrap(router)).await;
        platform.begin();
        let folder = tempfile::tempdir().unwrap();
        Self { emulator, platform, way, host, settings, folder }
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap()
    }

    fn key(&self, id: &RecordId) -> String {
        self.emulator.product_keys().get(id.as_str()).cloned().unwrap_or_else(|| panic!("no product {id}"))
    }
}

/// Serves a router on loopback.
async fn served(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(sandbox::serve::serve(router, listener, std::future::pending()));
    host
}

/// A call to the emulator and its answer.
async fn under_way(State(way): State<Arc<Mutex<Way>>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (failure, spoiled) = {
        let way = way.lock().unwrap();
        (way.failure, way.spoiled.clone())
    };
    let is_token = path.ends_with("/access_token") || path.ends_with("/oauth2/token");
    let is_scapi = !path.starts_with("/s/-/") && !path.starts_with("/on/");
    match failure {
        Some(Failure::KeysRefused) if is_token => {
            let said = json!({ "error": "invalid_client", "error_description": "Client authentication failed" });
            (StatusCode::UNAUTHORIZED, axum::Json(said)).into_response()
        }
        Some(Failure::Refused | Failure::KeysRefused) if !is_token && is_scapi => problem(401, "unauthorized"),
        Some(Failure::NoRight) if !is_token && is_scapi => problem(403, "forbidden"),
        Some(Failure::Refused | Failure::KeysRefused) if !is_token => fault(401, "InvalidAccessTokenException"),
        Some(Failure::NoRight) if !is_token => fault(403, "ClientAccessForbiddenException"),
        Some(Failure::OtherPage) => {
            let sent = request.headers().get(header::AUTHORIZATION).map(|it| it.to_str().unwrap().to_owned());
            platform::echo(&format!("Authorization: {}", sent.unwrap_or_default()))
        }
        Some(Failure::HalfBody) => platform::half(next.run(request).await).await,
        _ => {
            let is_archive = request.method() == axum::http::Method::GET && path.contains("/Impex/");
            let response = next.run(request).await;
            match spoiled {
                Some(id) if path.ends_with("/product-search") => {
                    platform::broken(response, "hits", &id, |hit| hit["onlineFlag"] = json!("perhaps")).await
                }
                Some(id) if is_archive && response.status() == StatusCode::OK => broken(response, &id).await,
                _ => response,
            }
        }
    }
}

/// An error of SCAPI.
fn problem(status: u16, of: &str) -> Response {
    let body =
        json!({ "type": format!("https://api.commercecloud.salesforce.com/errors/{of}"), "title": of, "detail": "no" });
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

fn fault(status: u16, of: &str) -> Response {
    let body = json!({ "_v": "25.6", "fault": { "type": of, "message": "no", "arguments": {} } });
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

/// The same archive with one product that can't be understood.
async fn broken(response: Response, id: &str) -> Response {
    let body = to_bytes(response.into_body(), 64 << 20).await.unwrap();
    let mut archive = ZipArchive::new(Cursor::new(body)).unwrap();
    let mut again = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let name = file.name().unwrap().into_owned();
        if file.is_dir() {
            continue;
        }
        let mut content = String::new();
        file.read_to_string(&mut content).unwrap();
        let begins = format!("<product product-id=\"{id}\">");
        content = content.replace(&begins, &format!("{begins}<online-flag>perhaps</online-flag>"));
        again.start_file(name, SimpleFileOptions::default()).unwrap();
        again.write_all(content.as_bytes()).unwrap();
    }
    again.finish().unwrap().into_inner().into_response()
}

#[async_trait]
impl conformance::source::Shop for Shop {
    type Source = Sfcc;

    fn source(&self, page: Option<u16>) -> Sfcc {
        let mut settings = json!({
            "host": "instance.example", "api_url": self.host, "retry_wait_milliseconds": 1, "attempts": 2,
            "token_url": format!("{}/dwsso/oauth2/access_token", self.host), "client_id": "env:ID",
            "client_secret": "env:SECRET", "page_size": page.unwrap_or(2_000),
        });
        settings.as_object_mut().unwrap().extend(self.settings.as_object().unwrap().clone());
        let by_apis = settings["route"] == "api";
        if by_apis {
            settings["scapi"] = json!({
                "short_code": "kv7kzm78", "tenant": "zzte_053", "url": self.host, "client_id": "env:ID",
                "client_secret": "env:SECRET", "slas_client_id": "env:ID", "slas_client_secret": "env:SECRET",
                "search_size": page.unwrap_or(100),
            });
        }
        let config: Config = serde_json::from_value(settings).unwrap();
        config.check().unwrap();
        let (client_id, client_secret) = (OCAPI_CLIENT.to_owned().into(), OCAPI_SECRET.to_owned().into());
        let secrets = Secrets { client_id, client_secret };
        if by_apis {
            let demand = Demand { currencies: ["EUR".parse().unwrap()].into(), ..Demand::default() };
            let of_scapi = ScapiSecrets {
                client_id: SCAPI_CLIENT.to_owned().into(),
                client_secret: SCAPI_SECRET.to_owned().into(),
                slas_client_id: SLAS_CLIENT.to_owned().into(),
                slas_client_secret: SLAS_SECRET.to_owned().into(),
            };
            return Sfcc::by_apis(config, (&secrets, &of_scapi), &demand, &self.platform.ours.environment()).unwrap();
        }
        Sfcc::new(config, &secrets, &self.platform.ours.environment(), self.folder.path()).unwrap()
    }

    /// All products: one that is offline is a record too.
    async fn ids(&self, kind: Kind) -> Option<BTreeSet<RecordId>> {
        let all = self.emulator.product_keys().into_keys();
        (kind == Kind::Product).then(|| all.map(RecordId::from).collect())
    }

    async fn add(&self, name: &str) -> RecordId {
        let product = self.platform.another(name);
        let key = product.key.clone();
        self.emulator.edit(Edit::Added(Box::new(product))).unwrap();
        self.emulator.product_id(&key).unwrap().into()
    }

    async fn rename(&self, product: &RecordId, name: &str) {
        let edit = Edit::Name { product: self.key(product), locale: "en".to_owned(), text: name.to_owned() };
        self.emulator.edit(edit).unwrap();
    }

    async fn rename_late(&self, product: &RecordId, name: &str, late: Duration) {
        self.emulator.set_clock_offset(-millis(late));
        self.rename(product, name).await;
        self.emulator.set_clock_offset(0);
    }

    async fn remove(&self, product: &RecordId) {
        self.emulator.edit(Edit::Removed { product: self.key(product) }).unwrap();
    }

    async fn spoil(&self, product: Option<&RecordId>) {
        self.way().spoiled = product.map(|id| id.as_str().to_owned());
    }

    async fn wait(&self, time: Duration) {
        self.platform.wait(time);
    }

    async fn set_clock(&self, clock: Clock) {
        self.platform.set_clock(clock);
    }

    /// What an export began with is all that it has. A search of what changed begins five minutes earlier; one of them is for
    /// the time that passes on this machine while the emulator's clock stands.
    fn lag(&self) -> Duration {
        if self.settings["route"] == "api" { Duration::from_mins(4) } else { Duration::ZERO }
    }

    async fn fail(&self, failure: Option<Failure>) {
        if failure == Some(Failure::Expired) {
            self.emulator.revoke_tokens();
        }
        self.platform.fail(failure);
        self.way().failure = failure;
    }

    fn secrets(&self) -> Vec<String> {
        [OCAPI_SECRET, SCAPI_SECRET, SLAS_SECRET].map(str::to_owned).to_vec()
    }
}

async fn conforms(emulated: Settings, settings: Value) {
    // A job that takes no time: the suite does not wait between two looks.
    let emulated = Settings { job_duration_ms: 0, ..emulated };
    let checks = conformance::source::source(async || Shop::open(emulated.clone(), settings.clone()).await).await;
    platform::passed(checks);
}

#[tokio::test]
async fn it_conforms_as_it_comes() {
    conforms(Settings::default(), json!({})).await;
}

#[tokio::test]
async fn it_conforms_by_its_apis() {
    conforms(Settings::default(), json!({ "route": "api" })).await;
}

#[tokio::test]
async fn it_conforms_where_jobs_take_parameters() {
    conforms(Settings { jobs_take_parameters: true, ..Settings::default() }, json!({ "image_views": ["small"] })).await;
}

#[tokio::test]
async fn it_conforms_where_a_delta_export_watches_it() {
    // One that runs whenever something has changed.
    let deltas = Deltas { every_ms: 0, write_ms: 0, ..Deltas::default() };
    let watched = json!({ "catalogs": "cartage/shop-delta", "price_books": "cartage/shop-delta" });
    let emulated = Settings { deltas: Some(deltas), ..Settings::default() };
    conforms(emulated, json!({ "export": { "deltas": watched } })).await;
}
