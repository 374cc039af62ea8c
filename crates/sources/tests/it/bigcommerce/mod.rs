//! The BigCommerce source against its emulator.

mod calculator;
mod conforms;
mod details;
mod lanes;
mod quota;
mod texts;

use contract::{Change, Demand, Lane, Next, Position, Source as _, Token, source::Unread};
use model::Record;
use sandbox::{
    bigcommerce::{Emulator, Settings},
    catalogue::Catalogue,
};
use serde_json::{Value, json};
use sources::bigcommerce::{BigCommerce, Config};

const TOKEN: &str = "very-secret-token";

/// A source of the store `shop` on this host, with further settings.
pub(crate) fn source(host: &str, settings: Value) -> BigCommerce {
    source_in(host, settings, &wire::Environment::machine())
}

fn source_in(host: &str, settings: Value, environment: &wire::Environment) -> BigCommerce {
    source_for(host, settings, &Demand::default(), environment)
}

#[expect(clippy::needless_pass_by_value, reason = "settings are written where they are passed")]
fn source_for(host: &str, settings: Value, demand: &Demand, environment: &wire::Environment) -> BigCommerce {
    let mut all = json!({
        "store_hash": "shop", "access_token": "env:TOKEN", "api_url": host, "retry_wait_milliseconds": 1,
        "compressed": false,
    });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let config: Config = serde_json::from_value(all).unwrap();
    config.check().unwrap();
    BigCommerce::with_token(config, &TOKEN.to_owned().into(), demand, environment).unwrap()
}

fn settings() -> Settings {
    Settings { store_hash: "shop".to_owned(), access_token: TOKEN.to_owned(), ..Settings::default() }
}

/// Serves a router on loopback.
async fn served(router: axum::Router) -> String {
    sandbox::serve::Port::free().await.unwrap().serve(router)
}

/// An emulated store with this catalogue, and where it is.
async fn shop(emulated: Settings, catalogue: &Catalogue) -> (Emulator, String) {
    let emulator = Emulator::new(emulated);
    emulator.seed(catalogue).unwrap();
    let host = served(emulator.router()).await;
    (emulator, host)
}

/// What a walk brought.
#[derive(Default)]
struct Walked {
    changes: Vec<Change>,
    unread: Vec<Unread>,
    end: Option<Token>,
}

impl Walked {
    fn records(&self) -> Vec<&Record> {
        let of = self.changes.iter().map(|change| match change {
            Change::Is { record, .. } => Some(record),
            Change::Gone { .. } => None,
        });
        of.flatten().collect()
    }
}

fn lane(source: &BigCommerce, name: &str) -> Lane {
    source.lanes().into_iter().find(|lane| lane.name == name).unwrap_or_else(|| panic!("no lane {name}"))
}

async fn walk(source: &BigCommerce, name: &str, from: Position) -> Walked {
    let lane = lane(source, name);
    let (mut position, mut walked) = (from, Walked::default());
    for _ in 0..10_000 {
        let page = source.page(&lane, &position).await.unwrap();
        walked.changes.extend(page.changes);
        walked.unread.extend(page.unread);
        match page.next {
            Next::Within(token) | Next::Later(token, _) => position = Position::Within(token),
            Next::End(token) => {
                walked.end = Some(token);
                return walked;
            }
            Next::Everything => panic!("lane {name} can't tell what changed"),
        }
    }
    panic!("the walk of lane {name} does not end");
}
