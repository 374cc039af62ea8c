//! The emulated BigCommerce store from outside, over HTTP.

mod graphql;
mod hooks;
mod pages;
mod prices;
mod refusals;

use std::sync::Arc;

use sandbox::{
    bigcommerce::{Emulator, Settings},
    catalogue::{Catalogue, Options, generate},
};
use serde_json::Value;

use crate::host::{Host, client};

/// 2026-05-01T10:00:00Z.
const START: i64 = 1_777_629_600_000;

struct Shop {
    emulator: Emulator,
    host: Host,
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn header(&self, name: &str) -> Option<i64> {
        self.headers.get(name)?.to_str().ok()?.parse().ok()
    }
}

impl Shop {
    async fn open(settings: Settings, catalogue: &Catalogue) -> Self {
        let emulator = Emulator::new(settings);
        emulator.set_clock(Arc::new(|| jiff::Timestamp::from_millisecond(START).unwrap()));
        emulator.seed(catalogue).unwrap();
        let host = Host::start(emulator.router()).await;
        Self { emulator, host }
    }

    async fn of(products: usize) -> Self {
        Self::open(Settings::default(), &generate(&Options { products, ..Options::default() })).await
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let url = self.host.url(&format!("/stores/sandbox/{path}"));
        let request =
            client().request(method.parse().unwrap(), url).header("x-auth-token", token).body(body.to_owned());
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.unwrap() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "sandbox-token", "").await
    }

    /// The rows of a page of v3.
    async fn rows(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()["data"].as_array().unwrap().clone()
    }
}

fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}
