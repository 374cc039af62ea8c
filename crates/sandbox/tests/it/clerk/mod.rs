//! Clerk.io as a connector and a storefront meet it.

mod feed;
mod late;
mod query;
mod write;

use reqwest::Method;
use sandbox::clerk::{Emulator, Settings, StoreView, fault_body};
use sandbox::fault::Faults;
use serde_json::{Value, json};

use crate::host::{Host, client};

const KEY: &str = "sandboxDEpublic";
const PRIVATE: &str = "sandboxDEprivate";

struct Clerk {
    host: Host,
    emulator: Emulator,
    faults: Faults,
    client: reqwest::Client,
}

struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// `<http status> <type>: <message>`, or `<http status> ok`.
    fn told(&self) -> String {
        let json = self.json();
        match json["type"].as_str() {
            Some(kind) => format!("{} {kind}: {}", self.status, json["message"].as_str().unwrap()),
            None => format!("{} {}", self.status, json["status"].as_str().unwrap()),
        }
    }
}

impl Clerk {
    async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        Self::of(Emulator::new(settings)).await
    }

    async fn of(emulator: Emulator) -> Self {
        let faults = Faults::new(fault_body);
        let host = Host::start(faults.wrap(emulator.router())).await;
        Self { host, emulator, faults, client: client() }
    }

    fn store(&self) -> StoreView {
        self.emulator.store(KEY).unwrap()
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Answer {
        let response = self.client.request(method, self.host.url(path)).body(body).send().await.unwrap();
        Answer { status: response.status().as_u16(), text: response.text().await.unwrap() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    /// A call with the keys of the store `de` added to `body`.
    async fn call(&self, method: Method, path: &str, mut body: Value) -> Answer {
        body["key"] = json!(KEY);
        body["private_key"] = json!(PRIVATE);
        self.send(method, path, body.to_string()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, body).await
    }

    async fn delete(&self, resource: &str, ids: &Value) -> Answer {
        let path = format!("/v2/{resource}?key={KEY}&private_key={PRIVATE}&{resource}={ids}");
        self.send(Method::DELETE, &path, String::new()).await
    }

    async fn read(&self, resource: &str, ids: &Value) -> Answer {
        self.get(&format!("/v2/{resource}?key={KEY}&private_key={PRIVATE}&{resource}={ids}")).await
    }
}

fn product(id: i64) -> Value {
    json!({
        "id": id, "name": format!("Jacket {id}"), "description": "Light shell", "price": 100.0 + f64::from(u32::try_from(id).unwrap()),
        "image": "https://shop.example/i.jpg", "url": "https://shop.example/p", "categories": [1],
        "created_at": 1_718_000_000 + id,
    })
}

fn product_with(id: i64, mut more: Value) -> Value {
    let mut product = product(id);
    product.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
    product
}

fn category(id: i64, name: &str, subcategories: &[i64]) -> Value {
    json!({"id": id, "name": name, "url": "https://shop.example/c", "subcategories": subcategories})
}
