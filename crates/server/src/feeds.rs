//! Hosted feeds: `GET /feed/{flow}/{feed}?limit=&offset=&modified_after=&format=`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, Query, State as Extract},
    http::{HeaderMap, Method, StatusCode, Version, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use bytes::Bytes;
use contract::{
    Fault, FaultClass, Importer,
    destination::{Form, Scheme},
    store::Revision,
};
use engine::{
    Flow,
    feed::{Feed, Place},
};
use futures::stream;
use metrics::Label;
use model::{FlowName, Kind};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{
    Served,
    health::Tallies,
    imports::Imports,
    parameters::Parameters,
    seldom::Seldom,
    tokens::{Tokens, Verdict},
};

/// Bytes collected before they are passed to the connection.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for a slow reader.
const CHUNKS: usize = 4;
/// Feeds under way at once. Each holds some records and [`CHUNKS`] chunks.
const FEEDS: usize = 16;
/// How long a request waits until another feed has ended.
const WAIT: Duration = Duration::from_secs(5);
/// Positions kept, so that a page does not have to be counted from the beginning.
const PLACES: usize = 1024;

/// State shared by requests.
pub(crate) struct State {
    pub(crate) served: Served,
    pub(crate) tallies: Tallies,
    pub(crate) logged: Seldom,
    imports: Arc<Imports>,
    tokens: Tokens,
    under_way: Arc<Semaphore>,
    places: Mutex<Places>,
}

/// A page's beginning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Page {
    flow: FlowName,
    kind: Kind,
    modified_after: Option<i64>,
    offset: usize,
}

/// The position at which a page begins, and the revision at which the whole feed began; `None` if the content of the
/// pages before it is not known.
#[derive(Clone, Copy, Debug)]
struct Mark {
    place: Place,
    began: Option<Revision>,
}

impl State {
    pub(crate) fn new(served: Served) -> Self {
        Self {
            served,
            tallies: Tallies::default(),
            logged: Seldom::default(),
            imports: Arc::default(),
            tokens: Tokens::default(),
            under_way: Arc::new(Semaphore::new(FEEDS)),
            places: Mutex::default(),
        }
    }

    /// The labels of a feed that there is. Others have none: what is asked for may be anything.
    fn labels(&self, flow: &FlowName, feed: &str) -> Option<[Label; 2]> {
        let (known, _) = self.served.flows.get(flow)?;
        known.destination.importer()?.kind(feed)?;
        Some([Label::new("flow", flow.to_string()), Label::new("feed", feed.to_owned())])
    }

    async fn mark(&self, page: &Page) -> Option<Mark> {
        self.places.lock().await.marks.get(page).map(|(mark, _)| *mark)
    }

    async fn remember(&self, page: Page, mark: Mark) {
        self.places.lock().await.remember(page, mark);
    }
}

/// Beginnings of pages, each with its order among those kept.
#[derive(Default)]
struct Places {
    marks: HashMap<Page, (Mark, usize)>,
    turns: usize,
}

impl Places {
    /// What was remembered longest ago goes first: a page without its mark is counted anew, and what was removed
    /// meanwhile would then make it begin too far on.
    fn remember(&mut self, page: Page, mark: Mark) {
        if self.marks.len() >= PLACES {
            let oldest = self.turns.saturating_sub(PLACES / 2);
            self.marks.retain(|_, (_, turn)| *turn >= oldest);
        }
        self.marks.insert(page, (mark, self.turns));
        self.turns += 1;
    }
}

/// Serves a feed or a page of one.
pub(crate) async fn feed(
    Extract(state): Extract<Arc<State>>,
    Path((flow, name)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    (method, version): (Method, Version),
    headers: HeaderMap,
) -> Response {
    let flow = FlowName::new(flow);
    let answered = async {
        // Where that ends early, nobody can see it: an answer of HTTP/1.0 ends with its connection.
        if version < Version::HTTP_11 {
            let why = "feeds need HTTP/1.1, which shows where one breaks off; let the proxy speak it, for nginx with \
                       `proxy_http_version 1.1`";
            return Err(Refusal(StatusCode::HTTP_VERSION_NOT_SUPPORTED, why.to_owned()));
        }
        answer(&state, &flow, &name, &query, &method, &headers).await
    };
    let mut response = match answered.await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    if let Some(labels) = state.labels(&flow, &name) {
        let status = response.status();
        tracing::debug!(%flow, feed = name, status = status.as_u16(), "a feed was asked for");
        let labels = labels.into_iter().chain([Label::new("status", status.as_str().to_owned())]);
        metrics::counter!("cartage_feed_requests_total", labels.collect::<Vec<_>>()).increment(1);
    }
    // The right to a feed is in a header that shared caches don't know.
    for (name, value) in [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")] {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}

struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let of = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
        // Whoever is refused now and may not be later asks again after this many seconds.
        let later = matches!(self.0, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        let later = AppendHeaders(later.then_some((header::RETRY_AFTER, "60")));
        let asks = self.0 == StatusCode::UNAUTHORIZED;
        let asks = AppendHeaders(asks.then_some((header::WWW_AUTHENTICATE, "Basic realm=\"feed\", charset=\"UTF-8\"")));
        (self.0, [of], later, asks, self.1 + "\n").into_response()
    }
}

async fn answer(
    state: &Arc<State>,
    flow: &FlowName,
    name: &str,
    query: &[(String, String)],
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    // What is asked for is not said back: it may be anything.
    let unknown = || Refusal(StatusCode::NOT_FOUND, "there is no such feed".to_owned());
    let (flow, lanes) = state.served.flows.get(flow).ok_or_else(unknown)?;
    let importer = flow.destination.importer().ok_or_else(unknown)?;
    let kind = importer.kind(name).ok_or_else(unknown)?;
    verify(state, &flow.name, importer, headers).await?;
    let pairs = query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut parameters = Parameters::read(pairs, state.served.clock.now())
        .map_err(|bad| Refusal(StatusCode::BAD_REQUEST, bad.to_string()))?;
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    parameters.lines |= accepts.contains("application/x-ndjson");

    let page = Page {
        flow: flow.name.clone(),
        kind,
        modified_after: parameters.modified_after.map(model::Timestamp::millis),
        offset: parameters.offset,
    };
    let mark = state.mark(&page).await;
    let start = mark.map(|mark| mark.place).unwrap_or_default();
    let free = tokio::time::timeout(WAIT, Arc::clone(&state.under_way).acquire_owned()).await;
    let Ok(Ok(permit)) = free else {
        return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, "too many feeds are being read; ask again".to_owned()));
    };
    // A feed that can't be complete is refused before the first byte.
    let (store, clock) = (Arc::clone(&state.served.store), Arc::clone(&state.served.clock));
    Feed::open(flow, store.as_ref(), clock.as_ref(), kind, start, parameters.modified_after, lanes)
        .await
        .map_err(|fault| refusal(&fault))?;

    let form = form(importer, name, &parameters);
    let of = [(header::CONTENT_TYPE, form.media_type)];
    // Only of a feed of everything is it known whether it has changed.
    let is_whole = (parameters.limit, parameters.offset, parameters.modified_after) == (None, 0, None);
    let tag = if is_whole { Some(tag(state, flow, name, &form).await.map_err(|fault| refusal(&fault))?) } else { None };
    let tagged = AppendHeaders(tag.as_deref().map(|tag| (header::ETAG, tag.to_owned())));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok()).unwrap_or_default();
    if tag.is_some_and(|tag| known.split(',').any(|known| known.trim() == tag)) {
        return Ok((StatusCode::NOT_MODIFIED, tagged).into_response());
    }
    if *method == Method::HEAD {
        return Ok((of, tagged).into_response());
    }
    let (chunks, mut receive) = mpsc::channel::<Result<Bytes, Fault>>(CHUNKS);
    let writer = Writer {
        state: Arc::clone(state),
        flow: Arc::clone(flow),
        name: name.to_owned(),
        lanes: lanes.clone(),
        form,
        page,
        mark,
        parameters,
        chunks,
        _permit: permit,
    };
    tokio::spawn(writer.run());
    let body = stream::poll_fn(move |context| receive.poll_recv(context));
    Ok((of, tagged, Body::from_stream(body)).into_response())
}

/// A weak tag of a feed of everything (RFC 9110, 8.8.3). What is in it follows from the records, which have another
/// revision after every change or touch, from the ledger, which calls change, and from the flow's settings.
async fn tag(state: &State, flow: &Flow, name: &str, form: &Form) -> Result<String, Fault> {
    let revision = state.served.store.revision(&flow.source).await?;
    let called = state.served.store.freshness(&flow.name).await?.acknowledged_at;
    let declared = flow.declared();
    let text = format!("{name} {form:?} {} {} {revision:?} {called:?}", declared.fingerprint, declared.account);
    Ok(format!("W/\"{:?}\"", contract::Digest::of(text.as_bytes())))
}

/// How a feed is written; where it is JSON, also as the importer asks for.
fn form(importer: &dyn Importer, name: &str, parameters: &Parameters) -> Form {
    let form = importer.form(name);
    if parameters.lines && form == Form::json() { Form::lines() } else { form }
}

/// The token behind the name of its scheme, which is read in any case (RFC 9110, 11.1).
fn token(scheme: Scheme, value: &str) -> Option<&str> {
    let (name, token) = value.trim().split_once(' ')?;
    Some(token.trim()).filter(|token| name.eq_ignore_ascii_case(scheme.name()) && !token.is_empty())
}

async fn verify(state: &State, flow: &FlowName, importer: &dyn Importer, headers: &HeaderMap) -> Result<(), Refusal> {
    let (header, scheme) = (importer.header(), importer.scheme());
    let (status, missing, wrong) = match scheme {
        Scheme::Bearer => {
            (StatusCode::FORBIDDEN, "a bearer token", "the bearer token was not issued by this destination's account")
        }
        // Importers send user and password only once they are asked for them.
        Scheme::Basic => (StatusCode::UNAUTHORIZED, "user and password", "user or password are wrong"),
    };
    let refused = |why: &str| Refusal(status, why.to_owned());
    let token = headers.get(header).and_then(|value| token(scheme, value.to_str().ok()?));
    let token = token.ok_or_else(|| refused(&format!("the header {header} with {missing} is missing")))?;
    match state.tokens.check(flow, importer, state.served.clock.as_ref(), token).await {
        Verdict::Admitted => Ok(()),
        Verdict::Refused => Err(refused(wrong)),
        Verdict::Unverified => Err(refused("the token could not be verified now")),
        Verdict::Busy => {
            Err(Refusal(StatusCode::TOO_MANY_REQUESTS, "too many tokens are being verified; try again".to_owned()))
        }
    }
}

fn refusal(fault: &Fault) -> Refusal {
    let hint = fault.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("{}: {fault}{hint}", fault.code))
}

/// Writes one response, off the connection's task.
struct Writer {
    state: Arc<State>,
    flow: Arc<Flow>,
    /// The feed's name.
    name: String,
    lanes: Vec<contract::Lane>,
    form: Form,
    page: Page,
    mark: Option<Mark>,
    parameters: Parameters,
    chunks: mpsc::Sender<Result<Bytes, Fault>>,
    /// The feed is under way until its last chunk was taken.
    _permit: OwnedSemaphorePermit,
}

impl Writer {
    async fn run(self) {
        if let Err(fault) = self.write().await {
            let (flow, feed) = (&self.flow.name, self.name.as_str());
            tracing::error!(%flow, feed, code = %fault.code, error = %fault, "a feed was broken off");
            let labels = [("flow", flow.to_string()), ("feed", feed.to_owned())];
            metrics::counter!("cartage_feeds_broken_total", &labels).increment(1);
            // An error ends the connection before the body, so that the client does not take it as complete.
            let ended = self.chunks.send(Err(fault)).await;
            drop(ended);
        }
    }

    async fn write(&self) -> Result<(), Fault> {
        let (store, clock) = (self.state.served.store.as_ref(), self.state.served.clock.as_ref());
        let start = self.mark.map(|mark| mark.place).unwrap_or_default();
        let after = self.parameters.modified_after;
        let mut feed = Feed::open(&self.flow, store, clock, self.page.kind, start, after, &self.lanes).await?;
        let began = match self.mark {
            Some(mark) => mark.began,
            None => (self.page.offset == 0).then_some(feed.revision),
        };
        let importer = self.flow.destination.importer().ok_or_else(no_importer)?;
        let mut to_skip = if self.mark.is_some() { 0 } else { self.parameters.offset };
        let most = self.parameters.limit.unwrap_or(usize::MAX);
        let mut given = 0;
        let mut place = start;
        let mut text = self.form.head.clone();
        'items: while given < most {
            let Some((items, behind)) = feed.next().await? else { break };
            let count = items.len();
            for (index, item) in items.into_iter().enumerate() {
                if to_skip > 0 {
                    to_skip -= 1;
                    continue;
                }
                if given == most {
                    // The rest of this record belongs to the next page.
                    place = feed.within(index);
                    break 'items;
                }
                if given > 0 {
                    text.push_str(self.form.between);
                }
                text.push_str(&importer.object(&self.name, &item)?);
                text.push_str(self.form.end);
                given += 1;
            }
            debug_assert!(count > 0, "a feed gives no record without items");
            place = behind;
            if text.len() >= CHUNK && self.chunks.send(Ok(std::mem::take(&mut text).into())).await.is_err() {
                return Ok(());
            }
        }
        text.push_str(self.form.tail);
        if self.chunks.send(Ok(text.into())).await.is_err() {
            return Ok(());
        }
        self.ended(given, most, place, began).await
    }

    /// Remembers where the next page begins, or, at the end of a whole feed, watches whether it is imported.
    async fn ended(&self, given: usize, most: usize, place: Place, began: Option<Revision>) -> Result<(), Fault> {
        if given == most {
            let page = Page { offset: self.page.offset + given, ..self.page.clone() };
            self.state.remember(page, Mark { place, began }).await;
            return Ok(());
        }
        tracing::info!(flow = %self.flow.name, feed = self.name, items = self.page.offset + given, "a feed was read to its end");
        // A client that left before the end has not imported it.
        let is_taken = self.chunks.reserve_many(CHUNKS).await.is_ok();
        if let Some(began) = began.filter(|_| is_taken && self.page.modified_after.is_none()) {
            let imports = Arc::clone(&self.state.imports);
            imports.watch(&self.state.served, &self.flow, self.page.kind, began);
        }
        Ok(())
    }
}

fn no_importer() -> Fault {
    Fault::new(FaultClass::Config, "C0701", "the destination imports no feeds")
        .hint("only flows into destinations that import feeds have one")
}

#[cfg(test)]
mod tests {
    use model::FlowName;

    use super::*;

    #[test]
    fn the_scheme_of_a_token_is_read_in_any_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c ", " bEaReR a.b.c"] {
            assert_eq!(token(Scheme::Bearer, value), Some("a.b.c"), "{value:?}");
        }
        for value in ["", "Bearer", "Bearer ", "a.b.c", "Basic a.b.c", "Bearera.b.c", "Bearer\u{a0}a.b.c"] {
            assert_eq!(token(Scheme::Bearer, value), None, "{value:?}");
        }
    }

    #[test]
    fn the_next_page_of_one_import_is_remembered_while_another_reads_many() {
        let page =
            |flow: &str, offset| Page { flow: FlowName::new(flow), kind: Kind::Product, modified_after: None, offset };
        let mark = Mark { place: Place::default(), began: None };
        let mut places = Places::default();
        for round in 1..20 {
            places.remember(page("slow", round), mark);
            for offset in 0..PLACES / 3 {
                places.remember(page("quick", round * PLACES + offset), mark);
            }
            assert!(places.marks.contains_key(&page("slow", round)), "{round}");
            assert!(places.marks.len() <= PLACES);
        }
    }
}
