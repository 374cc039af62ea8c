//! The sources from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod arbitrary;
mod bigcommerce;
mod calls;
mod conforms;
mod deliveries;
mod emulator;
mod mapping;
mod modular;
#[expect(dead_code, reason = "the tests of the emulators use all of it")]
#[path = "../../../sandbox/tests/it/openapi.rs"]
mod openapi;
mod ours;
mod people;
mod platform;
mod requests;
mod sfcc;
mod spec;

use contract::{Change, Fault, Lane, Next, Position, Source, Token, source::Unread};
use serde_json::{Value, json};
use sources::commercetools::{Commercetools, Config, Secrets};

/// A source of the project `shop` on this host, with further settings.
fn source(host: &str, settings: Value) -> Commercetools {
    source_in(host, settings, &wire::Environment::machine())
}

#[expect(clippy::needless_pass_by_value, reason = "settings are written where they are passed")]
fn source_in(host: &str, settings: Value, environment: &wire::Environment) -> Commercetools {
    Commercetools::with_secrets(config(host, &settings), &secrets(), environment).unwrap()
}

fn secrets() -> Secrets {
    Secrets { client_id: "client".to_owned().into(), client_secret: "very-secret".to_owned().into() }
}

fn config(host: &str, settings: &Value) -> Config {
    let mut all = json!({
        "project_key": "shop",
        "client_id": "env:ID",
        "client_secret": "env:SECRET",
        "api_url": host,
        "auth_url": host,
        "retry_wait_milliseconds": 1,
    });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    // What flows decide stands among the lanes here, for brevity.
    let mut carries = |kind: &str| {
        let lanes = all.get_mut("lanes").and_then(Value::as_object_mut);
        lanes.and_then(|lanes| lanes.remove(kind)) == Some(true.into())
    };
    let (customers, orders) = (carries("customers"), carries("orders"));
    let mut config: Config = serde_json::from_value(all).unwrap();
    (config.lanes.customers, config.lanes.orders) = (customers, orders);
    config
}

fn lane(source: &Commercetools, name: &str) -> Lane {
    source.lanes().into_iter().find(|lane| lane.name == name).unwrap_or_else(|| panic!("no lane {name}"))
}

/// What a whole walk brought.
struct Walked {
    changes: Vec<Change>,
    unread: Vec<Unread>,
    pages: usize,
    end: Token,
}

async fn walk(source: &Commercetools, name: &str, from: Position) -> Result<Walked, Fault> {
    let lane = lane(source, name);
    let mut position = from;
    let mut walked = Walked { changes: Vec::new(), unread: Vec::new(), pages: 0, end: Token(String::new()) };
    loop {
        let page = source.page(&lane, &position).await?;
        walked.pages += 1;
        assert!(walked.pages < 10_000, "the walk does not end");
        walked.changes.extend(page.changes);
        walked.unread.extend(page.unread);
        match page.next {
            Next::Within(token) | Next::Later(token, _) => position = Position::Within(token),
            Next::End(token) => {
                walked.end = token;
                return Ok(walked);
            }
            Next::Everything => panic!("lane {name} can't tell what changed"),
        }
    }
}
