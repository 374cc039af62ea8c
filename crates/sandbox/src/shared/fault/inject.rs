//! One call under the plan: before it is carried out, and what becomes of its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use tokio::time::Instant;

use super::plan::{Dice, FaultPlan, Roll};
use super::{Faults, PlanState, body, lock};
use crate::serve::Severed;

/// Answers larger than this are severed rather than held for truncation or dripping.
const HELD_BODY: usize = 256 * 1024 * 1024;

const MINUTE: Duration = Duration::from_mins(1);

/// What happens to a call before it is carried out.
enum Before {
    CarryOut,
    CarryOutThenTimeOut,
    Throttle(&'static str),
    Fail(StatusCode),
    FailInHtml,
    Reset,
}

/// An answer, and the fault it shows.
type Outcome = (Response, Option<&'static str>);

/// For an emulator: how long ago a write must have been for its reads to see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VisibilityLag(pub(crate) Duration);

pub(super) async fn inject(State(faults): State<Faults>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/_admin/") {
        return next.run(request).await;
    }
    let (plan, dice, over_quota) = admit(&mut lock(&faults.shared.state), path);
    let method = request.method().as_str().to_owned();
    let pattern = request.extensions().get::<MatchedPath>().map_or(path, MatchedPath::as_str).to_owned();
    if plan.visibility_lag_ms > 0 {
        request.extensions_mut().insert(VisibilityLag(Duration::from_millis(plan.visibility_lag_ms)));
    }

    let (mut response, fault) = match dice {
        None => (next.run(request).await, None),
        Some(dice) => play(&faults, &plan, dice, over_quota, request, next).await,
    };
    if plan.clock_skew_ms != 0 {
        skew_date(&faults, &mut response);
    }
    let severed = response.extensions().get::<Severed>().is_some();
    let status = (!severed).then(|| response.status().as_u16());
    lock(&faults.shared.calls).count(method, pattern, status, fault);
    response
}

/// The plan in force and, when it covers the path, the call's place in its sequence and whether the quota is used up.
fn admit(state: &mut PlanState, path: &str) -> (Arc<FaultPlan>, Option<Dice>, bool) {
    let plan = Arc::clone(&state.plan);
    if !plan.covers(path) {
        return (plan, None, false);
    }
    let dice = Dice { seed: plan.seed, call: state.sequence };
    state.sequence += 1;
    let over_quota = plan.quota_per_minute.is_some_and(|quota| {
        let now = Instant::now();
        let window = match &mut state.window {
            Some(window) if now.duration_since(window.0) < MINUTE => window,
            outdated => outdated.insert((now, 0)),
        };
        window.1 = window.1.saturating_add(1);
        window.1 > quota
    });
    (plan, Some(dice), over_quota)
}

async fn play(
    faults: &Faults,
    plan: &FaultPlan,
    dice: Dice,
    over_quota: bool,
    request: Request,
    next: Next,
) -> Outcome {
    if let Some(delay) = plan.delay(dice) {
        tokio::time::sleep(delay).await;
    }
    match before(plan, dice, over_quota) {
        Before::CarryOut => after(plan, dice, next.run(request).await).await,
        Before::CarryOutThenTimeOut => {
            next.run(request).await;
            (error(faults, StatusCode::GATEWAY_TIMEOUT), Some("error"))
        }
        Before::Throttle(why) => (throttled(faults, plan), Some(why)),
        Before::Fail(status) => (error(faults, status), Some("error")),
        Before::FailInHtml => (html(), Some("html_error")),
        Before::Reset => (severed(), Some("reset_before_effect")),
    }
}

fn before(plan: &FaultPlan, dice: Dice, over_quota: bool) -> Before {
    if over_quota {
        Before::Throttle("quota")
    } else if dice.hits(Roll::Throttle, plan.throttle_rate) {
        Before::Throttle("throttled")
    } else if dice.hits(Roll::Html, plan.html_error_rate) {
        Before::FailInHtml
    } else if let Some(status) = plan.error(dice) {
        if status == StatusCode::GATEWAY_TIMEOUT { Before::CarryOutThenTimeOut } else { Before::Fail(status) }
    } else if dice.hits(Roll::ResetBefore, plan.reset_before_effect_rate) {
        Before::Reset
    } else {
        Before::CarryOut
    }
}

/// What becomes of the answer to a call that was carried out.
async fn after(plan: &FaultPlan, dice: Dice, response: Response) -> Outcome {
    if dice.hits(Roll::ResetAfter, plan.reset_after_effect_rate) {
        return (severed(), Some("reset_after_effect"));
    }
    let truncate = dice.hits(Roll::Truncate, plan.truncate_rate);
    if !truncate && plan.slow_drip.is_none() {
        return (response, None);
    }
    let (mut parts, streamed) = response.into_parts();
    let Ok(whole) = to_bytes(streamed, HELD_BODY).await else {
        return (severed(), Some("reset_after_effect"));
    };
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    match plan.slow_drip {
        _ if truncate => (truncated(parts, &whole), Some("truncated")),
        Some(drip) => (Response::from_parts(parts, body::drip(whole, drip.bytes_per_second.get())), None),
        None => (Response::from_parts(parts, Body::from(whole)), None),
    }
}

fn truncated(parts: http::response::Parts, whole: &Bytes) -> Response {
    // Nothing can be missing of an empty body; the closest misfortune is to lose the answer as a whole.
    if whole.is_empty() { severed() } else { Response::from_parts(parts, body::half(whole)) }
}

fn throttled(faults: &Faults, plan: &FaultPlan) -> Response {
    let mut response = error(faults, StatusCode::TOO_MANY_REQUESTS);
    if let Some(seconds) = plan.retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn error(faults: &Faults, status: StatusCode) -> Response {
    (status, Json((faults.shared.error_body)(status))).into_response()
}

fn html() -> Response {
    let page = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n";
    (StatusCode::BAD_GATEWAY, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// No answer. Under another server than ours, a body that fails comes closest.
fn severed() -> Response {
    let mut response = Response::new(body::half(&Bytes::from_static(b"\n")));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(1));
    response.extensions_mut().insert(Severed);
    response
}

fn skew_date(faults: &Faults, response: &mut Response) {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&faults.now());
    if let Ok(date) = date.map_err(|_| ()).and_then(|date| HeaderValue::try_from(date).map_err(|_| ())) {
        response.headers_mut().insert(header::DATE, date);
    }
}
