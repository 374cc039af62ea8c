//! The requests that an emulator was sent, so that a benchmark can send them again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::uri::PathAndQuery;
use http::{Method, header};

/// Requests kept at most; those of a shop of some million products.
const MOST: usize = 1_000_000;

/// Records what an emulator is asked, while that is wanted. A clone shares the record.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Mutex<Option<Recorded>>>);

/// `GET` requests, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The header `authorization` of the last one.
    pub authorization: String,
    /// Path and query of each.
    pub pages: Vec<String>,
}

impl Requests {
    /// A router that records while recording is on. `/_admin` is left out.
    pub fn wrap(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), record))
    }

    /// Starts recording, from nothing.
    pub fn start(&self) {
        *self.kept() = Some(Recorded::default());
    }

    /// Stops recording and gives what was recorded.
    pub fn take(&self) -> Recorded {
        self.kept().take().unwrap_or_default()
    }

    fn kept(&self) -> MutexGuard<'_, Option<Recorded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn record(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    if let Some(recorded) = requests.kept().as_mut() {
        let page = request.uri().path_and_query().map(PathAndQuery::as_str);
        let page = page.filter(|page| request.method() == Method::GET && !page.starts_with("/_admin"));
        if let Some(page) = page.filter(|_| recorded.pages.len() < MOST) {
            recorded.pages.push(page.to_owned());
            let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            if let Some(authorization) = authorization {
                authorization.clone_into(&mut recorded.authorization);
            }
        }
    }
    next.run(request).await
}
