//! The fault plan: what goes wrong on purpose, at which rate, and a count of what was called.
//!
//! Each emulator has its own [`Faults`]. The plan can change while the emulator serves, by [`Faults::set`] or by
//! `PUT /_admin/faults`; paths under `/_admin/` are never subject to it. What happens to the n-th call after a plan was
//! set follows from the plan's seed and n alone, so a failing run can be repeated.
//!
//! The resets need [`crate::serve::serve`]: only the server can close a connection without answering.

mod body;
mod calls;
mod inject;
mod plan;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::clock::{self, Clock};

pub use calls::CallCount;
pub(crate) use inject::VisibilityLag;
pub use plan::{FaultPlan, Latency, PlanError, SlowDrip};

/// Renders the body of an injected error in the emulated platform's own envelope.
pub type ErrorBody = fn(StatusCode) -> Value;

/// The faults of one emulator; clones share the plan and the counters.
#[derive(Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<PlanState>,
    calls: Mutex<calls::Calls>,
    error_body: ErrorBody,
    clock: Clock,
}

/// The plan in force and how far its sequence has come.
struct PlanState {
    plan: Arc<FaultPlan>,
    sequence: u64,
    window: Option<(Instant, u32)>,
}

impl Default for Faults {
    fn default() -> Self {
        Self::new(plain_error)
    }
}

impl Faults {
    /// No faults yet; injected errors will carry `error_body` of their status.
    pub fn new(error_body: ErrorBody) -> Self {
        Self::with_clock(error_body, clock::machine())
    }

    /// The same on another clock than the machine's.
    pub fn with_clock(error_body: ErrorBody, clock: Clock) -> Self {
        let state = PlanState { plan: Arc::new(FaultPlan::default()), sequence: 0, window: None };
        let shared = Shared { state: Mutex::new(state), calls: Mutex::default(), error_body, clock };
        Self { shared: Arc::new(shared) }
    }

    /// Puts `plan` in force for calls that arrive from now on, and starts its sequence and its quota anew.
    ///
    /// # Errors
    /// When a rate, a status or the latency is outside what is possible; the plan in force stays.
    pub fn set(&self, plan: FaultPlan) -> Result<(), PlanError> {
        plan.check()?;
        *lock(&self.shared.state) = PlanState { plan: Arc::new(plan), sequence: 0, window: None };
        Ok(())
    }

    /// The plan in force.
    pub fn plan(&self) -> Arc<FaultPlan> {
        Arc::clone(&lock(&self.shared.state).plan)
    }

    /// The instant an emulator must take for now: the clock plus the plan's skew.
    pub fn now(&self) -> jiff::Timestamp {
        let now = (self.shared.clock)();
        let skew = jiff::SignedDuration::from_millis(self.plan().clock_skew_ms);
        now.checked_add(skew).unwrap_or(now)
    }

    /// [`Faults::now`] as a clock to give to an emulator.
    pub fn clock(&self) -> Clock {
        let faults = self.clone();
        Arc::new(move || faults.now())
    }

    /// Calls so far by method, path pattern, status and fault, in that order.
    pub fn calls(&self) -> Vec<CallCount> {
        lock(&self.shared.calls).list()
    }

    /// Starts counting calls from zero.
    pub fn forget_calls(&self) {
        lock(&self.shared.calls).clear();
    }

    /// `router` under the plan, with `GET`/`PUT /_admin/faults` and `GET`/`DELETE /_admin/calls` beside it.
    pub fn wrap(&self, router: Router) -> Router {
        let admin = Router::new()
            .route("/_admin/faults", get(show_plan).put(put_plan))
            .route("/_admin/calls", get(show_calls).delete(forget_calls))
            .with_state(self.clone());
        router.layer(middleware::from_fn_with_state(self.clone(), inject::inject)).merge(admin)
    }
}

async fn show_plan(State(faults): State<Faults>) -> Json<FaultPlan> {
    Json(FaultPlan::clone(&faults.plan()))
}

async fn put_plan(State(faults): State<Faults>, body: axum::body::Bytes) -> Response {
    let plan = match serde_json::from_slice::<FaultPlan>(&body) {
        Ok(plan) => plan,
        Err(error) => return refused(&format!("the fault plan can't be read: {error}")),
    };
    match faults.set(plan) {
        Ok(()) => show_plan(State(faults)).await.into_response(),
        Err(error) => refused(&error.to_string()),
    }
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response()
}

async fn show_calls(State(faults): State<Faults>) -> Json<Value> {
    let calls = faults.calls();
    let total = calls.iter().map(|call| call.count).sum::<u64>();
    Json(json!({ "total": total, "calls": calls }))
}

async fn forget_calls(State(faults): State<Faults>) -> StatusCode {
    faults.forget_calls();
    StatusCode::NO_CONTENT
}

fn plain_error(status: StatusCode) -> Value {
    json!({ "statusCode": status.as_u16(), "message": status.canonical_reason().unwrap_or("Error") })
}

/// A panic elsewhere leaves counters and plans as valid as they were.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
