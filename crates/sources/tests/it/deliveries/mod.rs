//! Deliveries of webhooks, altered at random: what was not proved is refused, and nothing makes a receiver panic.
//!
//! A platform has a file here that makes genuine deliveries; what is done to them is the same for all.

mod bigcommerce;
mod commercetools;
mod sfcc;

use std::{path::PathBuf, sync::LazyLock};

use contract::{
    Fault, FaultClass, Source,
    source::{Delivery, Received},
};
use model::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use tokio::runtime::Runtime;

/// When deliveries arrive, in seconds.
const NOW: i64 = 1_780_272_000;

/// Emulators go on answering while a case is tried.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A delivery as a platform makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Made {
    fn post(headers: &[(&str, String)], body: Vec<u8>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect();
        Self { query: String::new(), headers, body }
    }

    fn received(&self, source: &dyn Source) -> Result<Received, Fault> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let at = Timestamp::from_millis(NOW * 1000);
        let delivery = Delivery { method: "POST", path: &self.query, headers: &headers, body: &self.body, at };
        let hooks = source.hooks().unwrap();
        RUNTIME.block_on(hooks.receive(&delivery))
    }
}

/// What becomes of a delivery on its way, or in the hands of someone who saw it.
#[derive(Clone, Debug)]
enum Damage {
    /// Bytes of the body, from this share of it on, are replaced.
    Body(f64, usize, Vec<u8>),
    /// The same in a header.
    Header(prop::sample::Index, f64, usize, Vec<u8>),
    /// A header is missing.
    Without(prop::sample::Index),
    /// The body is another.
    Other(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..12);
    let text = || "[ -~]{0,12}".prop_map(String::into_bytes);
    prop_oneof![
        4 => (0.0..1.0, 0..8_usize, prop_oneof![bytes(), text()]).prop_map(|(at, less, put)| Damage::Body(at, less, put)),
        4 => (any::<prop::sample::Index>(), 0.0..1.0, 0..8_usize, prop_oneof![bytes(), text()])
            .prop_map(|(header, at, less, put)| Damage::Header(header, at, less, put)),
        1 => any::<prop::sample::Index>().prop_map(Damage::Without),
        1 => any_json().prop_map(|other| Damage::Other(other.to_string().into_bytes())),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a length"
)]
fn spliced(bytes: &mut Vec<u8>, at: f64, less: usize, put: &[u8]) {
    let from = (at * bytes.len() as f64) as usize;
    let to = (from + less).min(bytes.len());
    bytes.splice(from..to, put.iter().copied());
}

impl Damage {
    fn of(&self, made: &Made) -> Made {
        let mut made = made.clone();
        match self {
            Self::Body(at, less, put) => spliced(&mut made.body, *at, *less, put),
            Self::Header(which, at, less, put) => {
                let which = which.index(made.headers.len());
                spliced(&mut made.headers[which].1, *at, *less, put);
            }
            Self::Without(which) => drop(made.headers.remove(which.index(made.headers.len()))),
            Self::Other(body) => made.body.clone_from(body),
        }
        made
    }
}

/// Any JSON, with names and texts that mean something to some platform, so that it gets far.
fn any_json() -> impl Strategy<Value = Value> {
    const NAMES: [&str; 22] = [
        "scope",
        "store_id",
        "data",
        "type",
        "id",
        "inventory",
        "product_id",
        "sku",
        "hash",
        "created_at",
        "producer",
        "notificationType",
        "projectKey",
        "resource",
        "typeId",
        "version",
        "sequenceNumber",
        "specversion",
        "message",
        "Message",
        "Type",
        "keys",
    ];
    const TEXTS: [&str; 12] = [
        "store/product/updated",
        "store/channel/1/product/assigned",
        "store/priceList/",
        "stores/shop",
        "shop",
        "product",
        "inventory-entry",
        "store",
        "Message",
        "ResourceUpdated",
        "1.0",
        "",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(&TEXTS[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 8, |inner| {
        let name = prop_oneof![4 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => ".{0,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..8).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A delivery that was altered is refused, or says what it said before: what was altered is of no importance.
fn holds_what_was_proved(source: &dyn Source, made: &Made, damage: &Damage) {
    let right = made.received(source).unwrap();
    assert!(!right.hints.is_empty());
    match damage.of(made).received(source) {
        Ok(received) => assert_eq!(received.hints, right.hints),
        Err(fault) => is_refused(&fault),
    }
}

fn is_refused(fault: &Fault) {
    let expected = [FaultClass::Credentials, FaultClass::Protocol, FaultClass::Transient];
    assert!(expected.contains(&fault.class) && ["C0219", "C0225", "C0312"].contains(&&*fault.code), "{fault:?}");
}

/// A genuine delivery of any content is about records that the source reads, or is refused as malformed.
fn is_understood_or_refused(source: &dyn Source, made: &Made) {
    match made.received(source) {
        Err(fault) => is_refused(&fault),
        Ok(received) => {
            let lanes = source.lanes();
            for hint in &received.hints {
                assert!(lanes.iter().any(|lane| lane.reads(hint.kind)), "{hint:?}");
                assert!(hint.id.as_ref().is_none_or(|id| (1..=64).contains(&id.as_str().len())), "{hint:?}");
            }
        }
    }
}

/// A secret in a file.
fn secret(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    format!("file:{}", path.display())
}
