//! The emulated SFCC instance from outside, over HTTP.

mod access;
mod archive;
mod described;
mod jobs;
mod living;
mod scapi;
mod webdav;
mod xsd;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sandbox::{
    catalogue::{Catalogue, Options, generate},
    sfcc::{Emulator, OCAPI_CLIENT, OCAPI_SECRET, Settings},
};
use serde_json::{Value, json};

use crate::{
    host::{Host, client},
    openapi::{self, Calls, assert_described},
};

/// 2026-05-01T10:00:00Z.
const START: i64 = 1_777_629_600_000;
const EXPORT: &str = "jobs/sfcc-site-archive-export/executions";

struct Instance {
    emulator: Emulator,
    host: Host,
    calls: Calls,
    now: Arc<AtomicI64>,
    token: String,
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Type of the fault, behind the status.
    fn fault(&self) -> String {
        format!("{} {}", self.status, self.json()["fault"]["type"].as_str().unwrap_or("-"))
    }
}

impl Instance {
    async fn open(settings: Settings, catalogue: &Catalogue) -> Self {
        let emulator = Emulator::new(settings);
        let now = Arc::new(AtomicI64::new(START));
        let clock = Arc::clone(&now);
        emulator.set_clock(Arc::new(move || jiff::Timestamp::from_millisecond(clock.load(Ordering::Relaxed)).unwrap()));
        emulator.seed(catalogue).unwrap();
        let calls = Calls::default();
        let host = Host::start(calls.wrap(emulator.router())).await;
        let mut instance = Self { emulator, host, calls, now, token: String::new() };
        instance.token = instance.new_token(OCAPI_CLIENT, OCAPI_SECRET, "").await;
        instance
    }

    async fn of(products: usize) -> Self {
        Self::open(Settings::default(), &generate(&Options { products, ..Options::default() })).await
    }

    /// Asserts that the platform's descriptions have the calls since the last time, and their answers. Returns how many
    /// operations there were; `None`: the descriptions are not at hand.
    fn assert_described(&self) -> Option<usize> {
        let descriptions = openapi::sfcc()?;
        // Tokens of Account Manager and files have none.
        let calls = self.calls.take(&["/s/-/dw/data/v25_6/", "/product/", "/shopper/"]);
        Some(assert_described(&descriptions, &calls).len())
    }

    /// Lets time pass.
    fn pass(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::Relaxed);
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = client().request(method.parse().unwrap(), self.host.url(path)).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }

    async fn token_answer(&self, id: &str, secret: &str, form: &str) -> Answer {
        let url = self.host.url("/dwsso/oauth2/access_token");
        let form = ("content-type", "application/x-www-form-urlencoded".to_owned(), form.to_owned());
        let request = client().post(url).basic_auth(id, Some(secret)).header(form.0, form.1).body(form.2);
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }

    async fn new_token(&self, id: &str, secret: &str, scope: &str) -> String {
        let form = format!("grant_type=client_credentials&scope={}", scope.replace(' ', "%20"));
        let answer = self.token_answer(id, secret, &form).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn with(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    }

    /// A call of the Data API.
    async fn data(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.with(&self.token, method, &format!("/s/-/dw/data/v25_6/{path}"), &body).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.data("GET", path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    async fn dav(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        let headers: Vec<(&str, &str)> =
            headers.iter().copied().chain([("authorization", authorization.as_str())]).collect();
        self.ask(method, &format!("/on/demandware.servlet/webdav/Sites/{path}"), &headers, "").await
    }

    /// Exports these units, and waits.
    async fn export(&self, units: &Value) -> Vec<u8> {
        let answer = self.data("POST", EXPORT, &json!({ "export_file": "shop.zip", "data_units": units })).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.pass(1_000);
        let file = self.dav("GET", "Impex/src/instance/shop.zip", &[]).await;
        assert_eq!(file.status, 200, "{:?}", self.emulator.file_paths());
        assert_eq!(self.dav("DELETE", "Impex/src/instance/shop.zip", &[]).await.status, 204);
        file.body
    }

    /// Everything that a catalogue connector reads.
    async fn everything(&self) -> BTreeMap<String, String> {
        let all = json!({ "all": true });
        let units = json!({
            "catalogs": all, "price_books": all, "inventory_lists": all,
            "sites": { "all": { "site_descriptor": true, "site_preferences": true } },
            "global_data": { "meta_data": true, "locales": true },
        });
        unzip(&self.export(&units).await)
    }
}

/// The entries of an archive, by its central directory; each is read from its own place too.
fn unzip(bytes: &[u8]) -> BTreeMap<String, String> {
    let short = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let long = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let end = bytes.len() - 22;
    assert_eq!(long(end), 0x0605_4b50, "no end of a central directory");
    let mut at = long(end + 16) as usize;
    let mut entries = BTreeMap::new();
    for _ in 0..short(end + 10) {
        assert_eq!(long(at), 0x0201_4b50);
        let (crc, packed, size) = (long(at + 16), long(at + 20), long(at + 24));
        let name_length = short(at + 28);
        let name = String::from_utf8(bytes[at + 46..at + 46 + name_length].to_vec()).unwrap();
        let own = long(at + 42) as usize;
        assert_eq!((long(own), short(own + 26)), (0x0403_4b50, name_length));
        assert_eq!(&bytes[own + 30..own + 30 + name_length], name.as_bytes());
        let data = own + 30 + name_length + short(own + 28);
        let mut text = String::new();
        // Sizes and checksum stand behind the data, which says itself where it ends.
        let mut inflate = flate2::bufread::DeflateDecoder::new(&bytes[data..]);
        inflate.read_to_string(&mut text).unwrap();
        assert_eq!((inflate.total_in(), inflate.total_out()), (u64::from(packed), u64::from(size)), "{name}");
        let mut sum = flate2::Crc::new();
        sum.update(text.as_bytes());
        let behind = data + packed as usize;
        assert_eq!(
            [long(behind), long(behind + 4), long(behind + 8), long(behind + 12)],
            [0x0807_4b50, crc, packed, size]
        );
        assert_eq!(sum.sum(), crc, "{name}");
        entries.insert(name, text);
        at += 46 + name_length + short(at + 30) + short(at + 32);
    }
    assert_eq!(at, end);
    entries
}
