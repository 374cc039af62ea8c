//! Calls of SCAPI: the tokens of Account Manager and of SLAS, the pace, and how many records are asked for at once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use contract::Fault;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::{
    Client, ClientCredentials, Environment, HeaderName, HeaderValue, Method, Options, Redactor, Request, Response,
    Retry, ServerClock, TokenCache, Url, query::encoded, retry, with_query,
};

use super::documents::{Found, Problem};
use crate::sfcc::{
    classify::{Refusal, Remedy},
    config::{Addresses, Config, Scapi, below},
    load::Load,
};

/// Largest answer: the platform's own limit is 10 MB.
const MAX_BODY_BYTES: usize = 16 << 20;
/// Calls at once.
pub(super) const CONCURRENCY: usize = 4;
/// Most ids of a call of the Shopper APIs.
pub(super) const PACK: usize = 24;
/// After so many searches that were answered in time, more is asked for at once again.
const CALM: usize = 20;
/// What the admin APIs need.
pub(super) const SCOPES: [&str; 2] = ["sfcc.products", "sfcc.catalogs"];

/// Ids and passwords of the clients of SCAPI.
#[derive(Clone, Debug)]
pub struct ScapiSecrets {
    /// Id of the client in Account Manager.
    pub client_id: SecretString,
    /// Its password.
    pub client_secret: SecretString,
    /// Id of the private client in SLAS.
    pub slas_client_id: SecretString,
    /// Its password.
    pub slas_client_secret: SecretString,
}

/// SCAPI of one organization.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    admin: TokenCache,
    /// A token of a guest is for one site.
    guests: Mutex<BTreeMap<String, Arc<TokenCache>>>,
    admin_credentials: ClientCredentials,
    guest_credentials: ClientCredentials,
    base: Url,
    organization: String,
    redactor: Redactor,
    clock: ServerClock,
    environment: Environment,
    load: Load,
    attempts: Retry,
    most: usize,
    /// How many products are searched at once now, and searches since that was changed.
    size: AtomicUsize,
    calm: AtomicUsize,
}

/// The body of a search for so many products.
type Body<'b> = dyn Fn(usize) -> Value + Sync + 'b;

/// A call: what it is for people, what permits it, and whose token it bears.
struct Call<'a> {
    what: String,
    right: &'a str,
    token: &'a TokenCache,
    request: Request,
    /// Whether the caller asks for less, rather than once more, after an answer that took too long.
    shrinks: bool,
}

impl Api {
    /// The organization that the configuration names. Makes no call.
    ///
    /// # Errors
    /// Those of [`Environment::client`].
    pub(super) fn new(
        config: &Config,
        (scapi, addresses, base): (&Scapi, &Addresses, &Url),
        secrets: &ScapiSecrets,
        environment: &Environment,
    ) -> Result<Self, Fault> {
        let client = environment.client(&Options {
            request_timeout: Duration::from_secs(config.request_timeout_seconds.into()),
            concurrency: CONCURRENCY,
            max_body_bytes: MAX_BODY_BYTES,
            ..Options::default()
        })?;
        let organization = format!("f_ecom_{}", scapi.tenant);
        let redactor = Redactor::new([&secrets.client_secret, &secrets.slas_client_secret]);
        let admin_credentials = ClientCredentials {
            url: addresses.token.clone(),
            client_id: secrets.client_id.clone(),
            client_secret: secrets.client_secret.clone(),
            scope: Some(format!("SALESFORCE_COMMERCE_API:{} {}", scapi.tenant, SCOPES.join(" "))),
            fields: Vec::new(),
        };
        let guest_credentials = ClientCredentials {
            url: below(base, &["shopper", "auth", "v1", "organizations", &organization, "oauth2", "token"]),
            client_id: secrets.slas_client_id.clone(),
            client_secret: secrets.slas_client_secret.clone(),
            scope: None,
            fields: Vec::new(),
        };
        let most = usize::from(scapi.search_size);
        // The caller repeats what fails; a token endpoint is not asked more often because of that.
        let admin = TokenCache::new(client.clone(), admin_credentials.clone(), redactor.clone(), Retry::once());
        let attempts = Retry {
            attempts: config.attempts.into(),
            first: Duration::from_millis(config.retry_wait_milliseconds.into()),
            ..Retry::default()
        };
        Ok(Self {
            client,
            admin,
            guests: Mutex::default(),
            admin_credentials,
            guest_credentials,
            base: base.clone(),
            organization,
            redactor,
            clock: ServerClock::new(environment),
            environment: environment.clone(),
            load: Load::default(),
            attempts,
            most,
            size: AtomicUsize::new(most),
            calm: AtomicUsize::new(0),
        })
    }

    /// Searches products with the body for so many of them, `most` at most; fewer for a while after an answer that took too
    /// long. Returns how many were asked for as well.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn search(&self, body: &Body<'_>, most: usize) -> Result<(Found, usize), Fault> {
        loop {
            let size = self.size.load(Ordering::Relaxed);
            let limit = size.min(most).max(1);
            let path = ["product", "products", "v1", "organizations", &self.organization, "product-search"];
            let request = Request::new(Method::POST, below(&self.base, &path)).json(body(limit).to_string());
            let what = "POST /product-search".to_owned();
            let found = self.ask(Call { what, right: RIGHT_PRODUCTS, token: &self.admin, request, shrinks: limit > 1 }).await;
            match found {
                Ok(found) => {
                    if self.calm.fetch_add(1, Ordering::Relaxed) >= CALM {
                        self.calm.store(0, Ordering::Relaxed);
                        self.size.store((size * 2).min(self.most), Ordering::Relaxed);
                    }
                    return Ok((found, limit));
                }
                Err(refusal) if refusal.remedy == Remedy::Smaller && limit > 1 => {
                    self.calm.store(0, Ordering::Relaxed);
                    self.size.store(limit / 2, Ordering::Relaxed);
                }
                Err(refusal) => return Err(refusal.fault),
            }
        }
    }

    /// `GET` of the Catalogs API.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn catalogs<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, Fault> {
        let whole = ["product", "catalogs", "v1", "organizations", &self.organization, "catalogs"];
        let url = below(&below(&self.base, &whole), path);
        let request = Request::get(with_query(&url, query.iter().copied()));
        let what = format!("GET /catalogs/{}", path.join("/"));
        let what = what.trim_end_matches('/').to_owned();
        let call = Call { what, right: RIGHT_CATALOGS, token: &self.admin, request, shrinks: false };
        self.ask(call).await.map_err(|refusal| refusal.fault)
    }

    /// Products as a site shows them in a currency: at most [`PACK`].
    ///
    /// # Errors
    /// As [`Api::catalogs`]; a refusal whose remedy is [`Remedy::Currency`] says that the site does not have the currency.
    pub(super) async fn shown<T: DeserializeOwned>(&self, site: &str, currency: &str, ids: &[String]) -> Result<T, Refusal> {
        let path = ["product", "shopper-products", "v1", "organizations", &self.organization, "products"];
        let ids = listed(ids);
        let query = [
            ("ids", ids.as_str()),
            ("siteId", site),
            ("currency", currency),
            ("expand", "prices"),
            ("perPricebook", "true"),
            ("select", "(data.(id,price,prices,tieredPrices))"),
        ];
        let request = Request::get(with_query(&below(&self.base, &path), query));
        let token = self.guest(site);
        let what = format!("GET /shopper-products/products of site {site} in {currency}");
        self.ask(Call { what, right: RIGHT_SHOPPER, token: &token, request, shrinks: false }).await
    }

    /// What can be sold of products on a site, from its own inventory list: at most [`PACK`].
    ///
    /// # Errors
    /// As [`Api::catalogs`].
    pub(super) async fn available<T: DeserializeOwned>(&self, site: &str, ids: &[String]) -> Result<T, Fault> {
        let path = ["product", "shopper-availability", "v1", "organizations", &self.organization, "availability"];
        let ids = listed(ids);
        let request = Request::get(with_query(&below(&self.base, &path), [("productIds", ids.as_str()), ("siteId", site)]));
        let token = self.guest(site);
        let what = format!("GET /shopper-availability/availability of site {site}");
        let call = Call { what, right: RIGHT_AVAILABILITY, token: &token, request, shrinks: false };
        self.ask(call).await.map_err(|refusal| refusal.fault)
    }

    /// Tokens of guests of a site.
    fn guest(&self, site: &str) -> Arc<TokenCache> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            // Nobody looks at what a guest of this kind does.
            let fields = vec![("channel_id", site.to_owned()), ("dnt", "true".to_owned())];
            let credentials = ClientCredentials { fields, ..self.guest_credentials.clone() };
            Arc::new(TokenCache::new(self.client.clone(), credentials, self.redactor.clone(), Retry::once()))
        };
        Arc::clone(guests.entry(site.to_owned()).or_insert_with(new))
    }

    /// Asks Account Manager for a token with one scope alone.
    ///
    /// # Errors
    /// It is not granted.
    pub(super) async fn grant(&self, scope: &str) -> Result<(), Fault> {
        let wanted = self.admin_credentials.scope.as_deref().unwrap_or_default();
        let tenant = wanted.split(' ').next().unwrap_or_default();
        let credentials = ClientCredentials { scope: Some(format!("{tenant} {scope}")), ..self.admin_credentials.clone() };
        let tokens = TokenCache::new(self.client.clone(), credentials, self.redactor.clone(), self.attempts);
        tokens.get().await.map(drop).map_err(Fault::from)
    }

    /// Asks SLAS for a token of a guest of this site.
    ///
    /// # Errors
    /// It is not granted.
    pub(super) async fn grant_guest(&self, site: &str) -> Result<(), Fault> {
        self.guest(site).get().await.map(drop).map_err(Fault::from)
    }

    /// Makes a call until it is answered, as often as is set; a refused token is renewed once.
    async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Refusal> {
        let answered = retry(self.attempts, self.environment.random(), |_| async {
            match self.once(&call).await {
                Err(refusal) if call.shrinks && refusal.remedy == Remedy::Smaller => Ok(Err(refusal)),
                Err(refusal) if refusal.fault.class.is_passing() => Err(refusal.fault),
                other => Ok(other),
            }
        });
        let response = answered.await??;
        serde_json::from_slice(&response.body).map_err(|error| {
            let fault = Fault::protocol("C0207", format!("{} was answered with something else: {error}", call.what))
                .hint("it was cut short, or something between here and the platform answered; check scapi.url if it stays")
                .response(self.redactor.excerpt(&response.body));
            fault.into()
        })
    }

    async fn once(&self, call: &Call<'_>) -> Result<Response, Refusal> {
        for first in [true, false] {
            let grant = call.token.get().await.map_err(Fault::from)?;
            self.load.ready().await;
            let request = call
                .request
                .clone()
                .header(HeaderName::from_static("authorization"), grant.bearer.clone())
                .header(HeaderName::from_static("accept"), HeaderValue::from_static("application/json"));
            let response = self.client.call(request).await?;
            self.clock.learn(&response);
            self.load.learn(&response);
            if response.is_success() {
                return Ok(response);
            }
            if response.status == 401 && first {
                call.token.invalidate(&grant).await;
                continue;
            }
            return Err(refusal(&call.what, call.right, &response, &self.redactor));
        }
        Err(Fault::protocol("C0207", "a call was neither answered nor refused").into())
    }

    /// The server's clock.
    pub(super) const fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// Calls made so far.
    pub(super) fn calls(&self) -> u64 {
        self.client.calls()
    }
}

/// What permits searches of products.
const RIGHT_PRODUCTS: &str = "add sfcc.products to the allowed scopes of the client scapi.client_id in Account Manager";
/// What permits catalogues.
const RIGHT_CATALOGS: &str = "add sfcc.catalogs to the allowed scopes of the client scapi.client_id in Account Manager";
/// What permits products of a site.
const RIGHT_SHOPPER: &str = "add sfcc.shopper-products to the scopes of the client scapi.slas_client_id in SLAS, and the site to \
                             its channels";

/// What permits the availability of products on a site.
const RIGHT_AVAILABILITY: &str = "add sfcc.shopper-availability to the scopes of the client scapi.slas_client_id in SLAS, and \
                                  the site to its channels";

/// Ids as one parameter. An id may hold a comma, so that each is encoded by itself first.
fn listed(ids: &[String]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| if id.contains([',', '%']) { encoded(id) } else { id.clone() }).collect();
    ids.join(",")
}

/// Classifies an answer that is no success.
fn refusal(what: &str, right: &str, response: &Response, redactor: &Redactor) -> Refusal {
    let status = response.status;
    let read = serde_json::from_slice::<Problem>(&response.body);
    let is_other = read.is_err() && !response.body.is_empty();
    let said = read.unwrap_or_default();
    let told = if said.detail.is_empty() { said.title.as_str() } else { said.detail.as_str() };
    let told = if told.is_empty() { String::new() } else { format!(": {}", redactor.redact(told)) };
    let message = format!("{what} was answered with status {status}{told}");
    let kind = said.of.rsplit('/').next().unwrap_or_default();
    let (fault, remedy) = match status {
        400 if kind == "unsupported-currency" => {
            let hint = "name the currencies of the site: sites.SITE.currencies";
            (Fault::config("C0205", message).hint(hint), Remedy::Currency)
        }
        401 => {
            let hint = "check the ids and passwords of the clients under scapi, and scapi.tenant";
            (Fault::credentials("C0201", message).hint(hint), Remedy::Token)
        }
        403 => (Fault::credentials("C0202", message).hint(format!("{right}; check scapi.tenant")), Remedy::None),
        404 => (Fault::config("C0204", message).hint("check scapi.short_code and scapi.tenant"), Remedy::Missing),
        500.. if response.header("sfdc_maintenance").is_some() => {
            let fault = Fault::transient("C0209", message).hint("the instance is under maintenance; it is asked again");
            (fault, Remedy::None)
        }
        429 | 503 => (Fault::throttled("C0208", message), Remedy::None),
        504 => (Fault::transient("C0209", message).hint("lower scapi.search_size if it stays"), Remedy::Smaller),
        408 | 409 | 425 | 500.. => (Fault::transient("C0209", message), Remedy::None),
        400.. if is_other => {
            let hint = "the answer was cut short, or something between here and the platform answers in its place";
            (Fault::protocol("C0207", message).hint(hint), Remedy::None)
        }
        400.. => (Fault::config("C0205", message).hint("the platform does not understand this request"), Remedy::None),
        _ => {
            let hint = "something between here and the platform answers in its place: check scapi.url";
            (Fault::protocol("C0218", message).hint(hint), Remedy::None)
        }
    };
    Refusal { fault: fault.after(response.retry_after()).response(redactor.excerpt(&response.body)), remedy }
}
