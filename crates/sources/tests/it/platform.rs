//! What the suite needs of an emulated platform, whichever it is: its clock, its faults, a product to add, and a broken answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    http::header,
    response::{IntoResponse, Response},
};
use conformance::source::{Check, Clock, Failure};
use sandbox::{
    catalogue::{
        Catalogue, Product,
        generate::{Options, generate},
    },
    fault::{ErrorBody, FaultPlan, Faults, Latency},
};
use serde_json::Value;

use crate::ours::{Ours, START};

const PRODUCTS: usize = 14;
/// Longest body of an emulator that is taken apart.
const LONGEST: usize = 64 << 20;

/// The proxy between the source and the emulator.
#[derive(Default)]
pub(crate) struct Way {
    pub(crate) failure: Option<Failure>,
    /// Id of the product that arrives broken.
    pub(crate) spoiled: Option<String>,
}

/// An emulated platform, but for its emulator.
pub(crate) struct Platform {
    pub(crate) faults: Faults,
    /// The clock of the source.
    pub(crate) ours: Arc<Ours>,
    /// The platform's, in milliseconds.
    clock: Arc<AtomicI64>,
    template: Product,
    added: AtomicI64,
}

pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

impl Platform {
    /// A platform and what its emulator is filled with. Its clock is behind until [`Platform::begin`], so that what it is
    /// filled with is older than any clock that the suite sets.
    pub(crate) fn new(fault_body: ErrorBody) -> (Self, Catalogue) {
        let clock = Arc::new(AtomicI64::new(START - millis(Duration::from_hours(400 * 24))));
        let told = Arc::clone(&clock);
        let now = move || jiff::Timestamp::from_millisecond(told.load(Ordering::Relaxed)).unwrap();
        let faults = Faults::with_clock(fault_body, Arc::new(now));
        let catalogue = generate(&Options { products: PRODUCTS, ..Options::default() });
        let template = (catalogue.products)().next().unwrap();
        (Self { faults, ours: Arc::new(Ours::new()), clock, template, added: AtomicI64::new(0) }, catalogue)
    }

    pub(crate) fn begin(&self) {
        self.clock.store(START, Ordering::Relaxed);
    }

    pub(crate) fn wait(&self, time: Duration) {
        self.clock.fetch_add(millis(time), Ordering::Relaxed);
        self.ours.add(millis(time));
    }

    pub(crate) fn set_clock(&self, clock: Clock) {
        let by = match clock {
            Clock::Ahead(by) => millis(by),
            Clock::Behind(by) => -millis(by),
        };
        self.clock.store(self.ours.get() + by, Ordering::Relaxed);
    }

    /// Has it fail in this way, if that is a fault of any server.
    pub(crate) fn fail(&self, failure: Option<Failure>) {
        let mut plan = FaultPlan::default();
        match failure {
            Some(Failure::Throttled(wait)) => {
                plan.throttle_rate = 1.0;
                plan.retry_after_seconds = wait.map(|wait| u32::try_from(wait.as_secs()).unwrap());
            }
            Some(Failure::ServerError) => plan.error_rate = [(500, 1.0)].into(),
            Some(Failure::Reset) => plan.reset_before_effect_rate = 1.0,
            Some(Failure::Truncated) => plan.truncate_rate = 1.0,
            Some(Failure::ErrorPage) => plan.html_error_rate = 1.0,
            Some(Failure::Silence) => plan.latency_ms = Some(Latency { min: 3_600_000, max: 3_600_000 }),
            _ => {}
        }
        self.faults.set(plan).unwrap();
    }

    /// A product that was not there, of one variant.
    pub(crate) fn another(&self, name: &str) -> Product {
        let key = format!("added-{}", self.added.fetch_add(1, Ordering::Relaxed));
        let mut product = self.template.clone();
        product.name.values_mut().for_each(|text| name.clone_into(text));
        product.slug.values_mut().for_each(|slug| slug.clone_from(&key));
        product.variants.truncate(1);
        product.variants[0].sku = Some(key.clone());
        product.published = true;
        product.key = key;
        product
    }
}

/// A page of HTML that repeats what was sent, as a proxy may answer.
pub(crate) fn echo(sent: &str) -> Response {
    let page = format!("<html><p>client very-secret</p><pre>{sent}</pre></html>");
    ([(header::CONTENT_TYPE, "text/html")], page).into_response()
}

/// The first half of an answer.
pub(crate) async fn half(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, LONGEST).await.unwrap();
    let mut half =
        ([(header::CONTENT_TYPE, "application/json")], Body::from(body.slice(..body.len() / 2))).into_response();
    *half.status_mut() = parts.status;
    half
}

/// The same page with the rows of one id made unreadable.
pub(crate) async fn broken(response: Response, rows: &str, id: &str, spoil: impl Fn(&mut Value)) -> Response {
    let is_meant =
        |row: &Value| row["id"].as_str() == Some(id) || row["id"].as_u64().is_some_and(|it| it.to_string() == id);
    each_row(response, rows, |row| {
        if is_meant(row) {
            spoil(row);
        }
    })
    .await
}

/// The same page with its rows changed.
pub(crate) async fn each_row(response: Response, rows: &str, change: impl Fn(&mut Value)) -> Response {
    let (parts, body) = response.into_parts();
    let mut page: Value = serde_json::from_slice(&to_bytes(body, LONGEST).await.unwrap()).unwrap();
    page[rows].as_array_mut().into_iter().flatten().for_each(change);
    let mut response = (parts.status, axum::Json(page)).into_response();
    response.headers_mut().extend(parts.headers.get(header::DATE).cloned().map(|date| (header::DATE, date)));
    response
}

/// Fails unless all checks of the suite passed.
#[track_caller]
pub(crate) fn passed(checks: Vec<Check>) {
    assert!(checks.len() > 30);
    let failed: Vec<_> = checks.into_iter().filter(|check| check.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
