//! The endpoints. Each function makes one call and places the keys: in the body of a write, in the query of any other
//! call. Bodies and queries are never logged.

use std::{borrow::Cow, time::Duration};

use contract::{
    Digest, Facets, Fault, FaultClass, Item, Op, Outcome, Parcel, Payload, Receipt, Writer, destination::Verdict,
};
use model::{Kind, RemoteId};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use wire::{Environment, Method, Options, Redactor, Request, Response, Url, with_query};

use super::{
    api, classify,
    config::{Config, IdType},
    map::is_integer,
    schema::CONSENT,
};

/// Most bytes of a URL. The limit is not published; many servers and proxies refuse more than 8 KB.
const LONGEST_URL: usize = 7_500;

/// Tokens of feed requests that are verified at once: one of the importer and one of anybody else.
const TOKENS_AT_ONCE: usize = 2;

/// A kind of objects with an endpoint of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `/products`.
    Products,
    /// `/categories`.
    Categories,
    /// `/customers`.
    Customers,
    /// `/orders`.
    Orders,
}

impl Resource {
    /// The resource of records of this kind.
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Product => Some(Self::Products),
            Kind::Category => Some(Self::Categories),
            Kind::Customer => Some(Self::Customers),
            Kind::Order => Some(Self::Orders),
            _ => None,
        }
    }

    /// Name of the path and of the argument.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Categories => "categories",
            Self::Customers => "customers",
            Self::Orders => "orders",
        }
    }
}

/// Calls one store.
#[derive(Debug)]
pub struct Client {
    http: wire::Client,
    /// Verifies tokens of feed requests, which anyone may send: it never uses a slot of a delivery.
    tokens: wire::Client,
    base: Url,
    public_key: SecretString,
    private_key: SecretString,
    id_type: IdType,
    redactor: Redactor,
}

impl Client {
    /// A client for the store of these settings. Fetches the keys; makes no call.
    ///
    /// # Errors
    /// `C0401` for a setting that can't be used or a key that can't be read.
    pub fn new(config: &Config, environment: &Environment) -> Result<Self, Fault> {
        let base = config.checked()?;
        let secret = |name: &str, secret: &contract::SecretRef| {
            environment
                .secret(secret)
                .map_err(|error| Fault::config("C0401", format!("clerk: {name}: {error}"))
                    .hint("both keys belong to one store, see API Keys in my.clerk.io; a private key is shown once, when it is made"))
        };
        let public_key = secret("public_key", &config.public_key)?;
        let private_key = secret("private_key", &config.private_key)?;
        let client = |concurrency: usize| {
            let request_timeout = Duration::from_secs(config.timeout_seconds.into());
            environment.client(&Options { request_timeout, concurrency, ..Options::default() })
        };
        let (http, tokens) = (client(config.concurrency.into())?, client(TOKENS_AT_ONCE)?);
        let redactor = Redactor::new([&private_key, &public_key]);
        Ok(Self { http, tokens, base, public_key, private_key, id_type: config.id_type, redactor })
    }

    /// Names the store that its keys belong to, without the key.
    pub fn store(&self) -> String {
        let key = self.public_key.expose_secret();
        format!("clerk {:?}", Digest::of(format!("{}\n{key}", self.base).as_bytes()))
    }

    /// Calls made so far.
    pub fn calls(&self) -> u64 {
        self.http.calls() + self.tokens.calls()
    }

    /// Carries out one operation on items: one call, or none where the URL would be too long.
    pub async fn write(&self, resource: Resource, op: Op, parcels: &[Parcel]) -> Receipt {
        let (method, request) = match op {
            Op::Put => (Method::POST, self.with_body(Method::POST, resource, parcels)),
            Op::Patch(facets) => (Method::PATCH, self.with_body(Method::PATCH, resource, &withdrawn(facets, parcels))),
            Op::Remove => match self.selecting(Method::DELETE, resource, parcels.iter().map(|it| &it.id)) {
                Ok(request) => (Method::DELETE, request),
                Err(fault) => return unsent(Outcome::Rejected(fault)),
            },
            Op::Report if resource == Resource::Orders => return self.returned(parcels).await,
            Op::Hide | Op::Report => {
                let message = format!("clerk: there is no call to {} {}", op.name(), resource.name());
                return unsent(Outcome::Deferred(Fault::config("C0401", message)));
            }
        };
        let is_personal = matches!(resource, Resource::Customers | Resource::Orders);
        self.written(&format!("{method} /{}", resource.name()), request, is_personal).await
    }

    /// `POST /log/returned`: pieces of a line of an order came back. One product for each call.
    async fn returned(&self, parcels: &[Parcel]) -> Receipt {
        let [parcel] = parcels else {
            let message = format!("clerk: {} returns in one call", parcels.len());
            return unsent(Outcome::Deferred(Fault::protocol("C0406", message)));
        };
        let mut body = self.keyed(parcel.payload.len());
        body.push(',');
        parcel.payload.push_members(&mut body);
        body.push('}');
        let request = Request::new(Method::POST, self.endpoint("log/returned")).json(body);
        self.written("POST /log/returned", request, true).await
    }

    /// What Clerk.io answers about people is kept without its words, which may repeat what was sent.
    async fn written(&self, what: &str, request: Request, is_personal: bool) -> Receipt {
        let answer = self.http.call(request).await;
        let answer = answer.map(|response| if is_personal { classify::impersonal(response) } else { response });
        match answer {
            Ok(response) => Receipt {
                verdict: Verdict::Whole(classify::answered(what, &response, &self.redactor)),
                status: response.status,
                response: self.redactor.excerpt(&response.body),
            },
            Err(broken) => unsent(classify::broken(what, broken)),
        }
    }

    /// Reads objects by their ids; those that do not exist are left out. Customers are read by e-mail address, so not by this.
    pub async fn read(&self, resource: Resource, ids: &[RemoteId]) -> Result<Vec<(RemoteId, serde_json::Value)>, Fault> {
        let mut found = Vec::with_capacity(ids.len());
        let mut rest = ids;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(self.fitting(rest));
            rest = later;
            let what = format!("GET /{}", resource.name());
            let request = self.selecting(Method::GET, resource, now.iter())?;
            let response = self.call(&what, request).await?;
            let objects = match resource {
                Resource::Products => parsed::<api::Products>(&what, &response)?.products,
                Resource::Categories => parsed::<api::Categories>(&what, &response)?.categories,
                Resource::Orders => parsed::<api::Orders>(&what, &response)?.orders,
                Resource::Customers => Vec::new(),
            };
            found.extend(objects.into_iter().filter_map(|object| Some((object_id(&object)?, object))));
        }
        Ok(found)
    }

    /// `GET /client/account/info`: whether both keys are valid. Used by plugins, not published.
    pub async fn account(&self) -> Result<(), Fault> {
        let keys = [("key", self.public_key.expose_secret()), ("private_key", self.private_key.expose_secret())];
        let request = Request::get(with_query(&self.endpoint("client/account/info"), keys));
        self.call("GET /client/account/info", request).await.map(drop)
    }

    /// `GET /recommendations/popular`: whether the public key is valid.
    pub async fn popular(&self) -> Result<(), Fault> {
        self.recommend(1).await.map(drop)
    }

    /// `GET /recommendations/popular`: ids of so many products of the store at most.
    pub async fn recommended(&self, limit: u16) -> Result<Vec<RemoteId>, Fault> {
        let response = self.recommend(limit).await?;
        let ids = parsed::<api::Recommended>("GET /recommendations/popular", &response)?.result;
        Ok(ids.iter().filter_map(remote_id).collect())
    }

    async fn recommend(&self, limit: u16) -> Result<Response, Fault> {
        let limit = limit.to_string();
        let arguments = [("key", self.public_key.expose_secret()), ("limit", limit.as_str())];
        let request = Request::get(with_query(&self.endpoint("recommendations/popular"), arguments));
        self.call("GET /recommendations/popular", request).await
    }

    /// `GET /token/verify`: whether this store issued the token of a feed request. Integrations call it with GET,
    /// though it is described as a POST.
    ///
    /// # Errors
    /// The store gave no clear answer.
    pub async fn issued(&self, token: &str) -> Result<bool, Fault> {
        let what = "GET /token/verify";
        let arguments = [("key", self.public_key.expose_secret()), ("token", token)];
        let request = Request::get(with_query(&self.endpoint("token/verify"), arguments));
        let outcome = match self.tokens.call(request).await {
            Ok(response) => match classify::answered(what, &response, &self.redactor) {
                Outcome::Delivered => {
                    return parsed::<api::Verified>(what, &response).map(|it| it.token_payload.is_object());
                }
                other => other,
            },
            Err(broken) => classify::broken(what, broken),
        };
        match outcome {
            Outcome::Deferred(fault) if fault.class == FaultClass::Credentials => Ok(false),
            Outcome::Deferred(fault) | Outcome::Unknown(fault) => Err(fault),
            Outcome::Rejected(_) | Outcome::Delivered | Outcome::DeliveredWith(_) | Outcome::Blocked(_) => Ok(false),
        }
    }

    /// An object of a feed: `{"id":…,<members>}`.
    pub fn object(&self, item: &Item) -> String {
        let mut object = String::with_capacity(item.payload.len() + item.id.as_str().len() + 16);
        push_object(&mut object, &item.id, &item.payload, self.id_type);
        object
    }

    async fn call(&self, what: &str, request: Request) -> Result<Response, Fault> {
        let outcome = match self.http.call(request).await {
            Ok(response) => match classify::answered(what, &response, &self.redactor) {
                Outcome::Delivered => return Ok(response),
                other => other,
            },
            Err(broken) => classify::broken(what, broken),
        };
        Err(classify::fault(outcome).unwrap_or_else(|| Fault::protocol("C0406", format!("{what} has no answer"))))
    }

    fn endpoint(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// `{"key":…,"private_key":…,"products":[{"id":…,<members>},…]}`.
    fn with_body(&self, method: Method, resource: Resource, parcels: &[Parcel]) -> Request {
        let size: usize = parcels.iter().map(|it| it.payload.len() + it.id.as_str().len() + 16).sum();
        let mut body = self.keyed(size);
        body.push_str(",\"");
        body.push_str(resource.name());
        body.push_str("\":[");
        for (place, parcel) in parcels.iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            push_object(&mut body, &parcel.id, &parcel.payload, self.id_type);
        }
        body.push_str("]}");
        Request::new(method, self.endpoint(resource.name())).json(body)
    }

    /// The beginning of a body of so many bytes: `{"key":…,"private_key":…`.
    fn keyed(&self, size: usize) -> String {
        let mut body = String::with_capacity(size + 256);
        body.push_str("{\"key\":");
        push_text(&mut body, self.public_key.expose_secret());
        body.push_str(",\"private_key\":");
        push_text(&mut body, self.private_key.expose_secret());
        body
    }

    /// A call whose query names objects: ids as JSON text.
    fn selecting<'a>(
        &self,
        method: Method,
        resource: Resource,
        ids: impl Iterator<Item = &'a RemoteId>,
    ) -> Result<Request, Fault> {
        let mut list = String::from("[");
        for (place, id) in ids.enumerate() {
            if place > 0 {
                list.push(',');
            }
            push_id(&mut list, id, self.id_type);
        }
        list.push(']');
        let url = with_query(
            &self.endpoint(resource.name()),
            [
                ("key", self.public_key.expose_secret()),
                ("private_key", self.private_key.expose_secret()),
                (resource.name(), list.as_str()),
            ],
        );
        if url.as_str().len() > LONGEST_URL {
            let message = format!("the URL of {method} /{} would be longer than {LONGEST_URL} bytes", resource.name());
            return Err(Fault::record("C0407", message).hint("nothing to do for a batch: it is halved until it fits"));
        }
        Ok(Request::new(method, url))
    }

    /// How many of these ids fit into one URL, at least 1.
    fn fitting(&self, ids: &[RemoteId]) -> usize {
        let empty = self.selecting(Method::GET, Resource::Categories, std::iter::empty());
        let mut room = LONGEST_URL.saturating_sub(empty.map_or(0, |request| request.url.as_str().len()));
        let fits = ids.iter().take_while(|id| {
            let mut text = String::new();
            push_id(&mut text, id, self.id_type);
            text.push(',');
            let size = wire::query::encoded(&text).len();
            room.checked_sub(size).map(|left| room = left).is_some()
        });
        fits.count().max(1)
    }
}

/// The items of a PATCH, with a consent withdrawn that Clerk.io has and the source does not know any more: a PATCH that
/// leaves a member out leaves it as it is.
fn withdrawn(facets: Facets, parcels: &[Parcel]) -> Cow<'_, [Parcel]> {
    let is_lost = |it: &Parcel| {
        let had = it.before.as_ref().is_some_and(|before| !before.members(CONSENT).is_empty());
        facets.has(CONSENT) && had && it.payload.members(CONSENT).is_empty()
    };
    if !parcels.iter().any(is_lost) {
        return parcels.into();
    }
    let with = |it: &Parcel| {
        let mut writer = Writer::resume(it.payload.clone());
        // A literal is always fit for JSON.
        let written = !is_lost(it) || writer.put(CONSENT, "subscribed", &false).is_ok();
        debug_assert!(written, "false is JSON");
        Parcel { payload: writer.finish(), ..it.clone() }
    };
    parcels.iter().map(with).collect()
}

fn unsent(outcome: Outcome) -> Receipt {
    Receipt { verdict: Verdict::Whole(outcome), status: 0, response: String::new() }
}

fn parsed<T: DeserializeOwned>(what: &str, response: &Response) -> Result<T, Fault> {
    serde_json::from_slice(&response.body).map_err(|error| {
        Fault::protocol("C0406", format!("{what} was answered without the list of objects: {error}"))
            .hint("what this answer looks like is not published; without it `verify` can't read Clerk.io back")
    })
}

fn object_id(object: &serde_json::Value) -> Option<RemoteId> {
    remote_id(object.get("id")?)
}

fn remote_id(id: &serde_json::Value) -> Option<RemoteId> {
    match id {
        serde_json::Value::String(id) => Some(id.as_str().into()),
        serde_json::Value::Number(id) => Some(id.to_string().into()),
        _ => None,
    }
}

fn push_object(out: &mut String, id: &RemoteId, payload: &Payload, id_type: IdType) {
    out.push_str("{\"id\":");
    push_id(out, id, id_type);
    if !payload.is_empty() {
        out.push(',');
        payload.push_members(out);
    }
    out.push('}');
}

/// An id from before a change of `id_type` is still text.
fn push_id(out: &mut String, id: &RemoteId, id_type: IdType) {
    let id = id.as_str();
    match id_type {
        IdType::Integer if is_integer(id) => out.push_str(id),
        IdType::Integer | IdType::Text => push_text(out, id),
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
