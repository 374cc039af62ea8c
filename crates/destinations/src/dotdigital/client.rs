//! The endpoints. Each function makes one call, with Basic authentication, on the host of the account's region.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{Digest, Fault, Outcome, Parcel};
use model::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use wire::{Environment, HeaderName, HeaderValue, Method, Options, Redactor, Request, Response, Url, query::with_segment};

use super::{api, classify, config::Config};

/// Lists per page.
pub const LISTS_AT_ONCE: usize = 1_000;

/// Largest answer to a call; a page of records is the largest.
const LARGEST_ANSWER: usize = 64 << 20;

/// Calls of one class count in one tier of the account's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Import,
    Status,
    Write,
    Read,
}

/// A tier whose calls of this minute are used up.
#[derive(Clone, Copy, Debug)]
struct Spent {
    until: Timestamp,
}

/// Calls one account.
pub struct Client {
    http: wire::Client,
    environment: Environment,
    base: Url,
    region: OnceLock<Url>,
    user: SecretString,
    authorization: HeaderValue,
    redactor: Redactor,
    spent: Mutex<BTreeMap<Class, Spent>>,
    /// Collections that were found to be gone.
    missing: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// A call with its name in messages.
struct Named {
    class: Class,
    what: String,
    request: Request,
    /// Whether it is about people: the words of its answer are not kept then.
    is_personal: bool,
}

impl Named {
    fn new(class: Class, what: impl Into<String>, request: Request) -> Self {
        Self { class, what: what.into(), request, is_personal: false }
    }

    /// The same about people. Its path, which may hold an e-mail address, is logged as its name.
    fn personal(class: Class, what: &'static str, request: Request) -> Self {
        let request = request.logged_as(what);
        Self { is_personal: true, ..Self::new(class, what, request) }
    }
}

impl Client {
    /// A client for the account of these settings. Fetches the credentials; makes no call.
    ///
    /// # Errors
    /// `C0440` for a setting that can't be used or credentials that can't be read.
    pub fn new(config: &Config, environment: &Environment) -> Result<Self, Fault> {
        let base = config.checked()?;
        let secret = |name: &str, secret: &contract::SecretRef| {
            environment.secret(secret).map_err(|error| {
                Fault::config("C0440", format!("dotdigital: {name}: {error}"))
                    .hint("an API user is made in Dotdigital under Settings > Access > API users")
            })
        };
        let (user, password) = (secret("user", &config.user)?, secret("password", &config.password)?);
        let pair = SecretString::from(format!("{}:{}", user.expose_secret(), password.expose_secret()));
        let value = format!("Basic {}", STANDARD.encode(pair.expose_secret()));
        let mut authorization = HeaderValue::try_from(value)
            .map_err(|_| Fault::config("C0440", "dotdigital: user and password can't be sent in a header"))?;
        authorization.set_sensitive(true);
        let http = environment.client(&Options {
            request_timeout: Duration::from_secs(config.timeout_seconds.into()),
            // Questions for imports are asked beside the calls that the engine counts.
            concurrency: usize::from(config.concurrency) * 2,
            max_body_bytes: LARGEST_ANSWER,
            ..Options::default()
        })?;
        let redactor = Redactor::new([&pair, &password, &user]);
        Ok(Self {
            http,
            environment: environment.clone(),
            base,
            region: OnceLock::new(),
            user,
            authorization,
            redactor,
            spent: Mutex::default(),
            missing: Mutex::default(),
        })
    }

    /// Names the account, without its credentials.
    pub fn account(&self) -> String {
        let user = self.user.expose_secret();
        format!("dotdigital {:?}", Digest::of(format!("{}\n{user}", self.base).as_bytes()))
    }

    /// Calls made so far.
    pub fn calls(&self) -> u64 {
        self.http.calls()
    }

    /// Cuts secrets out of what is shown.
    pub const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The instant now.
    pub fn now(&self) -> Timestamp {
        self.environment.now()
    }

    // ── the account ─────────────────────────────────────────────────────────────────────────────────────────────────

    /// `GET /v2/account-info`: asks where the account is, unless that is known. Every region answers this for accounts of
    /// all.
    pub async fn discover(&self) -> Result<&Url, Fault> {
        if let Some(region) = self.region.get() {
            return Ok(region);
        }
        let what = "GET /v2/account-info".to_owned();
        let url = with_path(&self.base, &["v2", "account-info"]);
        let response = self.good(Named::new(Class::Read, what.clone(), Request::get(url))).await?;
        let info: api::AccountInfo = self.parsed(&what, &response)?;
        let endpoint = info.properties.iter().find(|property| property.name == "ApiEndpoint");
        let endpoint = endpoint.and_then(|property| property.value.as_str()).unwrap_or_default();
        let region = Url::parse(endpoint).ok().filter(|region| {
            // The password is not sent in the clear to a host that an answer names.
            region.host_str().is_some() && (region.scheme() == "https" || self.base.scheme() == "http")
        });
        let region = region.ok_or_else(|| {
            let message = format!("{what} names no host for the account: {}", self.redactor.redact(endpoint));
            Fault::protocol("C0447", message)
        })?;
        Ok(self.region.get_or_init(|| region))
    }

    /// `GET /insightData/v3/collections`: all collections of the account.
    pub async fn collections(&self) -> Result<Vec<api::Collection>, Fault> {
        let response = self.read(&["collections"], &[]).await?;
        self.parsed("GET /insightData/v3/collections", &response)
    }

    /// `POST /insightData/v3/collections/{name}`: creates a collection of this kind; does nothing where it exists.
    pub async fn create(&self, name: &str, of: Holds) -> Result<(), Fault> {
        let url = wire::with_query(
            &self.insight(&["collections", name]),
            [("collectionScope", of.scope()), ("collectionType", of.type_name())],
        );
        let what = format!("POST /insightData/v3/collections/{name}");
        self.good(Named::new(Class::Write, what, Request::new(Method::POST, url))).await.map(drop)
    }

    /// `GET /insightData/v3/collections/{name}/schema`.
    pub async fn schema(&self, name: &str) -> Result<Vec<api::Column>, Fault> {
        let response = self.read(&["collections", name, "schema"], &[]).await?;
        let schema: api::Schema = self.parsed("GET /insightData/v3/collections/…/schema", &response)?;
        Ok(schema.schema)
    }

    // ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// `PUT /insightData/v3/account/{collection}/{key}`: creates or replaces one record. Where there is no such collection,
    /// the next call creates it: a bulk import does that.
    pub async fn put(&self, collection: &str, key: &str, parcel: &Parcel) -> Result<Response, Outcome> {
        let url = self.insight(&["account", collection, key]);
        let request = Request::new(Method::PUT, url).json(parcel.payload.object());
        let what = "PUT /insightData/v3/account/…".to_owned();
        let response = self.call(Named::new(Class::Write, what.clone(), request)).await?;
        if is_absent(&response) {
            self.missing().insert(collection.to_owned());
            let message = format!("{what}: the collection {collection} is gone; it is created again");
            return Err(Outcome::Deferred(Fault::transient("C0448", message)));
        }
        self.refusal(&what, &response).map_or(Ok(response), Err)
    }

    /// Whether a collection was found to be gone.
    pub fn is_missing(&self, collection: &str) -> bool {
        self.missing().contains(collection)
    }

    fn missing(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `PUT /insightData/v3/import`: has records created or replaced; the answer names the import.
    pub async fn import<'p>(
        &self,
        collection: &str,
        records: impl Iterator<Item = (&'p str, &'p Parcel)>,
    ) -> Result<(String, Response), Outcome> {
        let records = records.map(|(key, parcel)| {
            format!("{{\"key\":{},\"json\":{}}}", quoted(key), parcel.payload.object())
        });
        let what = "PUT /insightData/v3/import".to_owned();
        let body = import_body(collection, Holds::Products, records);
        let request = Request::new(Method::PUT, self.insight(&["import"])).json(body);
        let response = self.expect(Named::new(Class::Import, what.clone(), request)).await?;
        // Without an id nobody can ask for it: its records are sent again.
        let accepted: api::Accepted = self.parsed(&what, &response).map_err(Outcome::Unknown)?;
        self.missing().remove(collection);
        Ok((accepted.import_id, response))
    }

    /// `GET /insightData/v3/import/{id}`. `is_personal`: its records are of people.
    pub async fn import_status(&self, id: &str, is_personal: bool) -> Result<(api::Import, Response), Outcome> {
        let what = "GET /insightData/v3/import/…";
        let request = Request::get(self.insight(&["import", id]));
        let named = Named { is_personal, ..Named::new(Class::Status, what, request) };
        let response = self.expect(named).await?;
        let parsed = if is_personal { parsed_personal(what, &response) } else { self.parsed(what, &response) };
        Ok((parsed.map_err(Outcome::Unknown)?, response))
    }

    /// `DELETE /insightData/v3/accounts/{collection}/deleteRecords`.
    pub async fn delete_records(&self, collection: &str, keys: &[&str]) -> Result<Response, Outcome> {
        let body = serde_json::json!({ "keys": keys }).to_string();
        let url = self.insight(&["accounts", collection, "deleteRecords"]);
        let request = Request::new(Method::DELETE, url).json(body);
        let what = "DELETE /insightData/v3/accounts/…/deleteRecords".to_owned();
        let response = self.call(Named::new(Class::Write, what.clone(), request)).await?;
        // Without the collection there are no records.
        let refusal = if is_absent(&response) { None } else { self.refusal(&what, &response) };
        refusal.map_or(Ok(response), Err)
    }

    /// `GET /insightData/v3/account/{collection}/{key}`: a record, if it is there.
    pub async fn record(&self, collection: &str, key: &str) -> Result<Option<serde_json::Value>, Fault> {
        let url = self.insight(&["account", collection, key]);
        let what = "GET /insightData/v3/account/…".to_owned();
        let named = Named::new(Class::Read, what.clone(), Request::get(url));
        let response = self.call(named).await.map_err(classify::fault)?;
        if is_absent(&response) {
            return Ok(None);
        }
        if let Some(refusal) = self.refusal(&what, &response) {
            return Err(classify::fault(refusal));
        }
        self.parsed::<api::Record>(&what, &response).map(|record| Some(record.json))
    }

    /// `GET /insightData/v3/account/{collection}`: a page of records, and where the next one begins; an empty page where
    /// there is no such collection.
    pub async fn page(&self, collection: &str, marker: Option<&str>) -> Result<(Vec<String>, Option<String>), Fault> {
        let mut arguments = vec![("limit", "1000")];
        arguments.extend(marker.map(|marker| ("marker", marker)));
        let url = wire::with_query(&self.insight(&["account", collection]), arguments);
        let what = "GET /insightData/v3/account/…".to_owned();
        let named = Named::new(Class::Read, what.clone(), Request::get(url));
        let response = self.call(named).await.map_err(classify::fault)?;
        if is_absent(&response) {
            return Ok((Vec::new(), None));
        }
        if let Some(refusal) = self.refusal(&what, &response) {
            return Err(classify::fault(refusal));
        }
        let page: api::Page = self.parsed(&what, &response)?;
        let keys = page.items.into_iter().map(|record| record.key).collect();
        Ok((keys, page.links.next.map(|next| next.marker)))
    }

    // ── orders ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// `PUT /insightData/v3/contacts/email/{address}/{collection}/{key}`: creates or replaces a record of a contact. As with
    /// [`Client::put`], the next import creates a collection that is missing. The outcome is `None` where there is no such
    /// contact.
    pub async fn put_owned(
        &self,
        (collection, key): (&str, &str),
        address: &str,
        record: String,
    ) -> Result<Option<Response>, Outcome> {
        let url = self.insight(&["contacts", "email", address, collection, key]);
        let what = "PUT /insightData/v3/contacts/email/…";
        let request = Request::new(Method::PUT, url).json(record);
        let response = self.call(Named::personal(Class::Write, what, request)).await?;
        if is_absent(&response) {
            if code(&response).is_some_and(|code| code.contains("contact")) {
                return Ok(None);
            }
            self.missing().insert(collection.to_owned());
            let message = format!("{what}: the collection {collection} is gone; it is created again");
            return Err(Outcome::Deferred(Fault::transient("C0448", message)));
        }
        self.refusal(what, &response).map_or(Ok(Some(response)), Err)
    }

    /// `DELETE /v2/contacts/transactional-data/{collection}/{key}`: deletes a record of whichever contact has it, whose address
    /// may have changed since. v3 has no such call. A record that the answer says is not there is deleted; any other 404 is a
    /// refusal, such as of a path that is not there any more.
    pub async fn delete_owned(&self, collection: &str, key: &str) -> Result<Response, Outcome> {
        let base = self.region.get().unwrap_or(&self.base);
        let url = with_path(base, &["v2", "contacts", "transactional-data", collection, key]);
        let what = "DELETE /v2/contacts/transactional-data/…";
        let response = self.call(Named::personal(Class::Write, what, Request::new(Method::DELETE, url))).await?;
        let refusal = if is_absent(&response) { None } else { self.refusal(what, &response) };
        refusal.map_or(Ok(response), Err)
    }

    /// `PUT /insightData/v3/import` with records of contacts: key, address of the contact, and the record.
    pub async fn import_owned(
        &self,
        collection: &str,
        records: impl Iterator<Item = (String, String, String)>,
    ) -> Result<(String, Response), Outcome> {
        let records = records.map(|(key, address, record)| {
            let (key, address) = (quoted(&key), quoted(&address));
            format!("{{\"contactIdentity\":{{\"identifier\":\"email\",\"value\":{address}}},\"key\":{key},\"json\":{record}}}")
        });
        let what = "PUT /insightData/v3/import";
        let body = import_body(collection, Holds::Orders, records);
        let request = Request::new(Method::PUT, self.insight(&["import"])).json(body);
        let response = self.expect(Named::personal(Class::Import, what, request)).await?;
        let accepted: api::Accepted = parsed_personal(what, &response).map_err(Outcome::Unknown)?;
        self.missing().remove(collection);
        Ok((ticketed(what, accepted.import_id).map_err(Outcome::Unknown)?, response))
    }

    // ── contacts ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// `GET /v2/data-fields`.
    pub async fn data_fields(&self) -> Result<Vec<api::DataField>, Fault> {
        let (what, url) = ("GET /v2/data-fields", self.path(&["v2", "data-fields"]));
        let response = self.good(Named::new(Class::Read, what, Request::get(url))).await?;
        self.parsed(what, &response)
    }

    /// `POST /v2/data-fields`. One that exists meanwhile is left as it is.
    pub async fn create_data_field(&self, name: &str, of: &str) -> Result<(), Fault> {
        let body = serde_json::json!({ "name": name, "type": of, "visibility": "Private", "defaultValue": null });
        let what = "POST /v2/data-fields";
        let request = Request::new(Method::POST, self.path(&["v2", "data-fields"])).json(body.to_string());
        let response = self.call(Named::new(Class::Write, what, request)).await.map_err(classify::fault)?;
        let exists = || String::from_utf8_lossy(&response.body).contains("ERROR_NON_UNIQUE_DATAFIELD");
        let refusal = self.refusal(what, &response).filter(|_| !exists());
        refusal.map_or(Ok(()), |refusal| Err(classify::fault(refusal)))
    }

    /// `GET /v2/address-books`: the lists from this place on, at most [`LISTS_AT_ONCE`].
    pub async fn lists(&self, skip: usize) -> Result<Vec<api::List>, Fault> {
        let (select, skip) = (LISTS_AT_ONCE.to_string(), skip.to_string());
        let url = self.path(&["v2", "address-books"]);
        let url = wire::with_query(&url, [("select", select.as_str()), ("skip", skip.as_str())]);
        let what = "GET /v2/address-books";
        let response = self.good(Named::new(Class::Read, what, Request::get(url))).await?;
        self.parsed(what, &response)
    }

    /// `PATCH /contacts/v3/email/{address}?merge-option=overwrite`: changes a contact, or creates it (201).
    pub async fn patch_contact(&self, address: &str, body: String) -> Result<Response, Outcome> {
        let url = wire::with_query(&self.contacts(&["email", address]), [("merge-option", "overwrite")]);
        let request = Request::new(Method::PATCH, url).json(body);
        self.expect(Named::personal(Class::Write, "PATCH /contacts/v3/email/…", request)).await
    }

    /// `POST /contacts/v3`: creates a contact; does nothing where there is one of its address.
    pub async fn create_contact(&self, body: String) -> Result<Response, Outcome> {
        let what = "POST /contacts/v3";
        let request = Request::new(Method::POST, self.contacts(&[])).json(body);
        let response = self.call(Named::personal(Class::Write, what, request)).await?;
        let exists = response.status == 409 && code(&response).is_some();
        let refusal = if exists { None } else { self.refusal(what, &response) };
        refusal.map_or(Ok(response), Err)
    }

    /// `PUT /contacts/v3/import`: has contacts created or changed; the answer names the import.
    pub async fn import_contacts(
        &self,
        contacts: impl Iterator<Item = serde_json::Value>,
    ) -> Result<(String, Response), Outcome> {
        let contacts: Vec<String> = contacts.map(|contact| contact.to_string()).collect();
        let body = format!("{{\"mergeOption\":\"overwrite\",\"contacts\":[{}]}}", contacts.join(","));
        let what = "PUT /contacts/v3/import";
        let request = Request::new(Method::PUT, self.contacts(&["import"])).json(body);
        let response = self.expect(Named::personal(Class::Import, what, request)).await?;
        let accepted: api::Accepted = parsed_personal(what, &response).map_err(Outcome::Unknown)?;
        Ok((ticketed(what, accepted.import_id).map_err(Outcome::Unknown)?, response))
    }

    /// `GET /contacts/v3/import/{id}`.
    pub async fn contact_import(&self, id: &str) -> Result<(api::ContactImport, Response), Outcome> {
        let what = "GET /contacts/v3/import/…";
        let request = Request::get(self.contacts(&["import", id]));
        let response = self.expect(Named::personal(Class::Status, what, request)).await?;
        Ok((parsed_personal(what, &response).map_err(Outcome::Unknown)?, response))
    }

    /// `POST /contacts/v3/delete`: has contacts deleted; the answer names the deletion.
    pub async fn delete_contacts(&self, addresses: &[String]) -> Result<(String, Response), Outcome> {
        let body: Vec<_> = addresses.iter().map(|address| serde_json::json!({ "email": address })).collect();
        let what = "POST /contacts/v3/delete";
        let request = Request::new(Method::POST, self.contacts(&["delete"])).json(serde_json::json!(body).to_string());
        let response = self.expect(Named::personal(Class::Import, what, request)).await?;
        let accepted: api::Deleting = parsed_personal(what, &response).map_err(Outcome::Unknown)?;
        Ok((ticketed(what, accepted.delete_id).map_err(Outcome::Unknown)?, response))
    }

    /// `GET /contacts/v3/delete/{id}`.
    pub async fn deletion(&self, id: &str) -> Result<(api::Deletion, Response), Outcome> {
        let what = "GET /contacts/v3/delete/…";
        let request = Request::get(self.contacts(&["delete", id]));
        let response = self.expect(Named::personal(Class::Status, what, request)).await?;
        Ok((parsed_personal(what, &response).map_err(Outcome::Unknown)?, response))
    }

    // ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async fn read(&self, segments: &[&str], arguments: &[(&str, &str)]) -> Result<Response, Fault> {
        let url = wire::with_query(&self.insight(segments), arguments.iter().copied());
        let what = format!("GET /insightData/v3/{}", segments.join("/"));
        self.good(Named::new(Class::Read, what, Request::get(url))).await
    }

    async fn good(&self, named: Named) -> Result<Response, Fault> {
        self.expect(named).await.map_err(classify::fault)
    }

    async fn expect(&self, named: Named) -> Result<Response, Outcome> {
        let what = named.what.clone();
        let response = self.call(named).await?;
        self.refusal(&what, &response).map_or(Ok(response), Err)
    }

    /// What an answer that is no success means.
    fn refusal(&self, what: &str, response: &Response) -> Option<Outcome> {
        (!response.is_success()).then(|| classify::refused(what, response, &self.redactor, self.now()))
    }

    /// Makes a call, unless the minute of its tier is known to be used up.
    async fn call(&self, Named { class, what, request, is_personal }: Named) -> Result<Response, Outcome> {
        let now = self.now();
        if let Some(Spent { until }) = self.spent().get(&class).copied()
            && now < until
        {
            let message = format!("{what} waits: the account's calls of this minute are used up");
            return Err(Outcome::Deferred(Fault::throttled("C0443", message).after(Some(now.until(until)))));
        }
        let request = request.header(HeaderName::from_static("authorization"), self.authorization.clone());
        let response = self.http.call(request).await.map_err(|broken| classify::broken(&what, broken))?;
        self.note(class, &response);
        let keeps_words = !is_personal || response.is_success();
        Ok(if keeps_words { response } else { classify::impersonal(response) })
    }

    /// Notes whether the tier of the call has calls left in this minute.
    fn note(&self, class: Class, response: &Response) {
        let Some(remaining) = response.header("x-ratelimit-remaining") else { return };
        let now = self.now();
        let reset = classify::reset_in(response, now).filter(|_| remaining.trim() == "0");
        let mut spent = self.spent();
        match reset {
            Some(wait) => drop(spent.insert(class, Spent { until: now.plus(wait.min(Fault::LONGEST_WAIT)) })),
            None => drop(spent.remove(&class)),
        }
    }

    fn spent(&self) -> MutexGuard<'_, BTreeMap<Class, Spent>> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, segments: &[&str]) -> Url {
        with_path(self.region.get().unwrap_or(&self.base), segments)
    }

    fn insight(&self, segments: &[&str]) -> Url {
        with_path(&self.path(&["insightData", "v3"]), segments)
    }

    fn contacts(&self, segments: &[&str]) -> Url {
        with_path(&self.path(&["contacts", "v3"]), segments)
    }

    fn parsed<T: DeserializeOwned>(&self, what: &str, response: &Response) -> Result<T, Fault> {
        serde_json::from_slice(&response.body).map_err(|error| {
            let message = format!("{what} was answered with something else than is documented: {error}");
            Fault::protocol("C0447", message).response(self.redactor.excerpt(&response.body))
        })
    }
}

/// The same of an answer about people, of which nothing is quoted.
fn parsed_personal<T: DeserializeOwned>(what: &str, response: &Response) -> Result<T, Fault> {
    serde_json::from_slice(&response.body)
        .map_err(|_| Fault::protocol("C0447", format!("{what} was answered with something else than is documented")))
}

/// An id that may stand in a ticket: a ticket says nothing of people.
fn ticketed(what: &str, id: String) -> Result<String, Fault> {
    let is_id = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let unfit = || Fault::protocol("C0447", format!("{what} was answered with an id that can't be one"));
    is_id.then_some(id).ok_or_else(unfit)
}

/// There is no such record, contact or collection.
fn is_absent(response: &Response) -> bool {
    response.status == 404 && code(response).is_some()
}

/// The code of an error of version 3.
fn code(response: &Response) -> Option<String> {
    serde_json::from_slice::<api::Problem>(&response.body).ok()?.error_code
}

/// What a collection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Products, for the whole account.
    Products,
    /// Orders, each of a contact.
    Orders,
}

impl Holds {
    /// Name of its scope.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Products => "account",
            Self::Orders => "contact",
        }
    }

    /// Name of its type.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Products => "catalog",
            Self::Orders => "orders",
        }
    }
}

fn import_body(collection: &str, of: Holds, records: impl Iterator<Item = String>) -> String {
    let (name, scope, of) = (quoted(collection), of.scope(), of.type_name());
    let mut body =
        format!("{{\"collectionName\":{name},\"collectionScope\":\"{scope}\",\"collectionType\":\"{of}\",\"records\":[");
    for (place, record) in records.enumerate() {
        if place > 0 {
            body.push(',');
        }
        body.push_str(&record);
    }
    body.push_str("]}");
    body
}

fn with_path(base: &Url, segments: &[&str]) -> Url {
    segments.iter().fold(base.clone(), |url, segment| with_segment(&url, segment))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
