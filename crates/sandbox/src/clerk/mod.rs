//! Clerk.io, emulated from its documentation: stores that take products and answer searches from them.
//!
//! Which call is known how surely, what was chosen where the sources are silent, and what isn't emulated stands in
//! `README.md` beside this file.
//!
//! **Invariants:** stores share nothing. A write is applied whole or not at all and answers for the batch. Objects are
//! held as the JSON text they came as; nothing is indexed before somebody asks.

mod admin;
mod arguments;
mod auth;
mod crud;
mod envelope;
mod facets;
mod filter;
mod importer;
mod journal;
mod json;
mod legacy;
mod recommend;
mod resource;
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

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};

use crate::clock::{self, Clock};
use arguments::{Arguments, QueryString};
use crud::{Call, Operation};
use envelope::{Dress, Problem, Reply, response};
use journal::Journal;
use recommend::Logic;
use search::Search;
use store::Store;

pub use envelope::fault_body;
pub use importer::{FeedImport, FeedRecord, ImportError, SyncRecord};
pub use journal::{OperationCount, WriteCall};
pub use resource::Resource;
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

/// What a path stands for.
#[derive(Clone, Copy)]
enum Endpoint {
    Resource(Resource),
    ProductAdd,
    ProductRemove,
    ProductAttributes,
    ProductFacets,
    Account,
    Contents,
    TokenVerify,
    Search(Search),
    Recommend(Logic),
}

const ENDPOINTS: &[(&str, Endpoint)] = &[
    ("/v2/products", Endpoint::Resource(Resource::Products)),
    ("/v2/categories", Endpoint::Resource(Resource::Categories)),
    ("/v2/customers", Endpoint::Resource(Resource::Customers)),
    ("/v2/orders", Endpoint::Resource(Resource::Orders)),
    ("/v2/pages", Endpoint::Resource(Resource::Pages)),
    ("/v2/product/add", Endpoint::ProductAdd),
    ("/v2/product/remove", Endpoint::ProductRemove),
    ("/v2/product/attributes", Endpoint::ProductAttributes),
    ("/v2/product/facets", Endpoint::ProductFacets),
    ("/v2/client/account/info", Endpoint::Account),
    ("/v2/client/account/content/list", Endpoint::Contents),
    ("/v2/token/verify", Endpoint::TokenVerify),
    ("/v2/search/search", Endpoint::Search(Search::Full)),
    ("/v2/search/predictive", Endpoint::Search(Search::Predictive)),
    ("/v2/search/suggestions", Endpoint::Search(Search::Suggestions)),
    ("/v2/search/categories", Endpoint::Search(Search::Categories)),
    ("/v2/search/pages", Endpoint::Search(Search::Pages)),
    ("/v2/recommendations/popular", Endpoint::Recommend(Logic::Popular)),
    ("/v2/recommendations/trending", Endpoint::Recommend(Logic::Trending)),
    ("/v2/recommendations/new", Endpoint::Recommend(Logic::New)),
    ("/v2/recommendations/recently_bought", Endpoint::Recommend(Logic::RecentlyBought)),
    ("/v2/recommendations/keywords", Endpoint::Recommend(Logic::Keywords)),
    ("/v2/recommendations/substituting", Endpoint::Recommend(Logic::Substituting)),
    ("/v2/recommendations/complementary", Endpoint::Recommend(Logic::Complementary)),
    ("/v2/recommendations/most_sold_with", Endpoint::Recommend(Logic::MostSoldWith)),
    ("/v2/recommendations/category/popular", Endpoint::Recommend(Logic::CategoryPopular)),
    ("/v2/recommendations/category/trending", Endpoint::Recommend(Logic::CategoryTrending)),
    ("/v2/recommendations/category/new", Endpoint::Recommend(Logic::CategoryNew)),
    ("/v2/recommendations/category/popular_subcategories", Endpoint::Recommend(Logic::CategorySubcategories)),
];

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
            router = router.route(path, any(async move |request: Request| emulator.call(endpoint, request).await));
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

    async fn call(&self, endpoint: Endpoint, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let query = QueryString::of(&parts.uri);
        let reply = match to_bytes(body, self.inner.settings.body_bytes).await {
            Ok(body) => self.reply(endpoint, &parts, &query, &body),
            Err(_) => Err(Problem::parsing("Request body is too large or incomplete")),
        };
        response(reply, &self.dress(&query))
    }

    fn reply(&self, endpoint: Endpoint, parts: &Parts, query: &QueryString, body: &Bytes) -> Reply {
        let (resource, operation, name) = match endpoint {
            Endpoint::Resource(resource) => {
                let operation = Operation::of(&parts.method);
                (resource, operation, format!("{} {}", parts.method, resource.name()))
            }
            Endpoint::ProductAdd => {
                (Resource::Products, Some(Operation::Replace), format!("{} product/add", parts.method))
            }
            Endpoint::ProductRemove => {
                (Resource::Products, Some(Operation::Delete), format!("{} product/remove", parts.method))
            }
            _ => return self.ask(endpoint, parts, &Arguments::read(query, body)?),
        };
        let operation = operation.ok_or_else(|| Problem::logical(format!("{} is not supported", parts.method)))?;
        self.resource(&Call { resource, operation, name, query, body })
    }

    /// A call that changes nothing.
    fn ask(&self, endpoint: Endpoint, parts: &Parts, arguments: &Arguments) -> Reply {
        if parts.method != Method::GET && parts.method != Method::POST {
            return Err(Problem::logical(format!("{} is not supported", parts.method)));
        }
        match endpoint {
            Endpoint::Search(search) => self.search(search, arguments),
            Endpoint::Recommend(logic) => self.recommend(logic, arguments),
            Endpoint::ProductAttributes => self.product_attributes(arguments),
            Endpoint::ProductFacets => self.product_facets(arguments),
            Endpoint::Account => self.account(arguments),
            Endpoint::Contents => self.contents(arguments),
            Endpoint::TokenVerify => self.token_verify(arguments, token_cookie(parts)),
            Endpoint::Resource(_) | Endpoint::ProductAdd | Endpoint::ProductRemove => {
                Err(Problem::internal("a write is no question"))
            }
        }
    }
}

/// The value of the cookie `jwt`.
fn token_cookie(parts: &Parts) -> Option<&str> {
    let cookies = parts.headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("jwt="))
}
