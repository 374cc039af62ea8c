//! Clerk.io, emulated from its documentation: stores that take products and answer searches from them.
//!
//! `README.md` in this folder lists how certain each call is, which behaviour was chosen where the sources are silent,
//! and what is not emulated.
//!
//! **Invariants:** stores share nothing. A write is applied whole or not at all and answers for the batch. Objects are
//! held as the JSON text they came as; nothing is indexed before somebody asks. Reads see writes at once, except under
//! the fault plan's visibility lag; [`StoreView`] always shows what was written.

mod admin;
mod arguments;
mod auth;
mod crud;
mod entry;
mod envelope;
mod facets;
mod filter;
mod import_log;
mod importer;
mod journal;
mod json;
mod late;
mod legacy;
mod recommend;
mod resource;
mod returned;
mod sales;
mod search;
mod select;
mod settings;
mod store;
mod validate;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};

use crate::clock::{self, Clock};
use crate::fault::VisibilityLag;
use arguments::{Arguments, QueryString};
use crud::{Call, Operation};
use entry::Moment;
use envelope::{Dress, Problem, Reply, response};
use journal::Journal;
use recommend::Logic;
use search::Search;
use store::Store;

pub use envelope::fault_body;
pub use import_log::{FeedRecord, SyncRecord};
pub use importer::{FeedImport, ImportError};
pub use journal::{OperationCount, WriteCall};
pub use resource::Resource;
pub use returned::Returned;
pub use settings::{CategoryDelete, PatchUnknown, Settings, StoreSettings, Validation};
pub use store::Rejection;
pub use view::StoreView;

/// The emulator; clones share its stores.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    /// By public key.
    stores: BTreeMap<String, Arc<Store>>,
    clock: Clock,
    /// Ids of error reports.
    reports: AtomicU64,
}

/// The call that a path names.
#[derive(Clone, Copy)]
enum Endpoint {
    /// Objects, and the operation if the method does not name it.
    Objects(Resource, Option<Operation>),
    Ask(Question),
    /// `log/returned`.
    Returned,
}

/// A call that changes nothing.
#[derive(Clone, Copy)]
enum Question {
    Search(Search),
    Recommend(Logic),
    ProductAttributes,
    ProductFacets,
    Account,
    Contents,
    TokenVerify,
}

const ENDPOINTS: &[(&str, Endpoint)] = &[
    ("/v2/products", Endpoint::Objects(Resource::Products, None)),
    ("/v2/categories", Endpoint::Objects(Resource::Categories, None)),
    ("/v2/customers", Endpoint::Objects(Resource::Customers, None)),
    ("/v2/orders", Endpoint::Objects(Resource::Orders, None)),
    ("/v2/pages", Endpoint::Objects(Resource::Pages, None)),
    ("/v2/product/add", Endpoint::Objects(Resource::Products, Some(Operation::Replace))),
    ("/v2/product/remove", Endpoint::Objects(Resource::Products, Some(Operation::Delete))),
    ("/v2/product/attributes", Endpoint::Ask(Question::ProductAttributes)),
    ("/v2/product/facets", Endpoint::Ask(Question::ProductFacets)),
    ("/v2/client/account/info", Endpoint::Ask(Question::Account)),
    ("/v2/client/account/content/list", Endpoint::Ask(Question::Contents)),
    ("/v2/token/verify", Endpoint::Ask(Question::TokenVerify)),
    ("/v2/log/returned", Endpoint::Returned),
    ("/v2/search/search", search(Search::Full)),
    ("/v2/search/predictive", search(Search::Predictive)),
    ("/v2/search/suggestions", search(Search::Suggestions)),
    ("/v2/search/categories", search(Search::Categories)),
    ("/v2/search/pages", search(Search::Pages)),
    ("/v2/recommendations/popular", recommend(Logic::Popular)),
    ("/v2/recommendations/trending", recommend(Logic::Trending)),
    ("/v2/recommendations/new", recommend(Logic::New)),
    ("/v2/recommendations/recently_bought", recommend(Logic::RecentlyBought)),
    ("/v2/recommendations/keywords", recommend(Logic::Keywords)),
    ("/v2/recommendations/substituting", recommend(Logic::Substituting)),
    ("/v2/recommendations/complementary", recommend(Logic::Complementary)),
    ("/v2/recommendations/most_sold_with", recommend(Logic::MostSoldWith)),
    ("/v2/recommendations/category/popular", recommend(Logic::CategoryPopular)),
    ("/v2/recommendations/category/trending", recommend(Logic::CategoryTrending)),
    ("/v2/recommendations/category/new", recommend(Logic::CategoryNew)),
    ("/v2/recommendations/category/popular_subcategories", recommend(Logic::CategorySubcategories)),
];

const fn search(search: Search) -> Endpoint {
    Endpoint::Ask(Question::Search(search))
}

const fn recommend(logic: Logic) -> Endpoint {
    Endpoint::Ask(Question::Recommend(logic))
}

impl Emulator {
    /// Empty stores that behave as `settings` say.
    pub fn new(settings: Settings) -> Self {
        Self::with_clock(settings, clock::machine())
    }

    /// The same on another clock than the machine's, for example [`crate::fault::Faults::clock`].
    pub fn with_clock(settings: Settings, clock: Clock) -> Self {
        let journal = || Journal::new(settings.journal_calls, settings.journal_bytes);
        let stores = settings.stores.iter();
        let stores = stores.map(|store| (store.public_key.clone(), Arc::new(Store::new(store.clone(), journal()))));
        let stores = stores.collect();
        Self { inner: Arc::new(Inner { settings, stores, clock, reports: AtomicU64::new(1) }) }
    }

    /// Serves `/v2/…` and `/_admin/clerk/…`.
    pub fn router(&self) -> Router {
        let mut router = Router::new();
        for &(path, endpoint) in ENDPOINTS {
            let emulator = self.clone();
            router =
                router.route(path, any(async move |request: Request| emulator.call(path, endpoint, request).await));
        }
        let emulator = self.clone();
        router
            .merge(admin::router(self.clone()))
            // An unknown path has been seen to answer 200 with an authentication error.
            .fallback(async move |request: Request| {
                let query = QueryString::of(request.uri());
                let dress = Dress { errors_as_200: true, ..emulator.dress(&query) };
                response(Err(Problem::authentication("Invalid API key")), &dress)
            })
    }

    /// The store of this public key (or name).
    pub fn store(&self, public_key: &str) -> Option<StoreView> {
        self.find(public_key).map(|store| StoreView { store: Arc::clone(store) })
    }

    /// Now, in unix seconds.
    fn second(&self) -> i64 {
        (self.inner.clock)().as_second()
    }

    /// Now, and how long ago a write must have been for it to be seen.
    fn moment(&self, lag: Duration) -> Moment {
        let lag = i64::try_from(lag.as_millis()).unwrap_or(i64::MAX);
        Moment { now: (self.inner.clock)().as_millisecond(), lag }
    }

    fn find(&self, store: &str) -> Option<&Arc<Store>> {
        let stores = &self.inner.stores;
        stores.get(store).or_else(|| stores.values().find(|one| one.settings.name == store))
    }

    fn dress<'a>(&self, query: &'a QueryString) -> Dress<'a> {
        Dress {
            errors_as_200: self.inner.settings.errors_as_200,
            callback: query.get("callback"),
            report: self.inner.reports.fetch_add(1, Ordering::Relaxed),
        }
    }

    async fn call(&self, path: &str, endpoint: Endpoint, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let query = QueryString::of(&parts.uri);
        let moment = parts.extensions.get().map(|VisibilityLag(lag)| self.moment(*lag));
        let reply = match to_bytes(body, self.inner.settings.body_bytes).await {
            Ok(body) => self.reply(path, endpoint, &parts, &query, &body, moment),
            Err(_) => Err(Problem::parsing("Request body is too large or incomplete")),
        };
        response(reply, &self.dress(&query))
    }

    fn reply(
        &self,
        path: &str,
        endpoint: Endpoint,
        parts: &Parts,
        query: &QueryString,
        body: &Bytes,
        moment: Option<Moment>,
    ) -> Reply {
        let unsupported = || Problem::logical(format!("{} is not supported", parts.method));
        match endpoint {
            Endpoint::Objects(resource, operation) => {
                let operation = operation.or_else(|| Operation::of(&parts.method)).ok_or_else(unsupported)?;
                let name = format!("{} {}", parts.method, path.trim_start_matches("/v2/"));
                self.resource(&Call { resource, operation, name, query, body, moment })
            }
            Endpoint::Ask(question) => {
                if parts.method != Method::GET && parts.method != Method::POST {
                    return Err(unsupported());
                }
                self.ask(question, parts, &Arguments::read(query, body)?, moment)
            }
            Endpoint::Returned => {
                if parts.method != Method::GET && parts.method != Method::POST {
                    return Err(unsupported());
                }
                let name = format!("{} {}", parts.method, path.trim_start_matches("/v2/"));
                self.returned(&Arguments::read(query, body)?, name, body)
            }
        }
    }

    fn ask(&self, question: Question, parts: &Parts, arguments: &Arguments, moment: Option<Moment>) -> Reply {
        match question {
            Question::Search(search) => self.search(search, arguments, moment),
            Question::Recommend(logic) => self.recommend(logic, arguments, moment),
            Question::ProductAttributes => self.product_attributes(arguments, moment),
            Question::ProductFacets => self.product_facets(arguments, moment),
            Question::Account => self.account(arguments),
            Question::Contents => self.contents(arguments),
            Question::TokenVerify => self.token_verify(arguments, token_cookie(parts)),
        }
    }
}

/// The value of the cookie `jwt`.
fn token_cookie(parts: &Parts) -> Option<&str> {
    let cookies = parts.headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("jwt="))
}
