//! Hosted feeds: `GET /feed/{flow}/{feed}?limit=&offset=&modified_after=&format=`.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, Query, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use contract::{Fault, FaultClass, Importer, store::Revision};
use engine::{
    Flow,
    feed::{Feed, Place},
};
use futures::stream;
use model::{FlowName, Kind};
use tokio::sync::{Mutex, mpsc};

use crate::{
    Served,
    health::Tallies,
    imports::Imports,
    parameters::Parameters,
    tokens::{Tokens, Verdict},
};

/// Bytes collected before they are passed to the connection.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for a slow reader.
const CHUNKS: usize = 4;
/// Places remembered so that a page does not have to be counted from the beginning.
const PLACES: usize = 1024;

/// State shared by requests.
pub(crate) struct State {
    pub(crate) served: Served,
    pub(crate) tallies: Tallies,
    imports: Arc<Imports>,
    tokens: Tokens,
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
            imports: Arc::default(),
            tokens: Tokens::default(),
            places: Mutex::default(),
        }
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
    headers: HeaderMap,
) -> Response {
    match answer(&state, &FlowName::new(flow), &name, &query, &headers).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], self.1 + "\n").into_response()
    }
}

async fn answer(
    state: &Arc<State>,
    flow: &FlowName,
    name: &str,
    query: &[(String, String)],
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let unknown = || Refusal(StatusCode::NOT_FOUND, format!("there is no feed {name} of a flow {flow}"));
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
    // A feed that can't be whole is refused before the first byte.
    let (store, clock) = (Arc::clone(&state.served.store), Arc::clone(&state.served.clock));
    Feed::open(flow, store.as_ref(), clock.as_ref(), kind, start, parameters.modified_after, lanes)
        .await
        .map_err(|fault| refusal(&fault))?;

    let (chunks, receive) = mpsc::channel::<Result<Bytes, Fault>>(CHUNKS);
    let writer = Writer {
        state: Arc::clone(state),
        flow: Arc::clone(flow),
        lanes: lanes.clone(),
        page,
        mark,
        parameters,
        chunks,
    };
    tokio::spawn(writer.run());
    let body = stream::unfold(receive, |mut receive| async { Some((receive.recv().await?, receive)) });
    let of = if parameters.lines { "application/x-ndjson" } else { "application/json" };
    Ok(([(header::CONTENT_TYPE, of)], Body::from_stream(body)).into_response())
}

async fn verify(state: &State, flow: &FlowName, importer: &dyn Importer, headers: &HeaderMap) -> Result<(), Refusal> {
    let refused = |why: &str| Refusal(StatusCode::FORBIDDEN, why.to_owned());
    let header = importer.header();
    let value = headers.get(header).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| refused(&format!("the header {header} with a bearer token is missing")))?;
    match state.tokens.check(flow, importer, state.served.clock.as_ref(), token).await {
        Verdict::Admitted => Ok(()),
        Verdict::Refused => Err(refused("the bearer token was not issued by this destination's account")),
        Verdict::Unverified => Err(refused("the bearer token could not be verified now")),
        Verdict::Busy => Err(Refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "too many bearer tokens are being verified; try again".to_owned(),
        )),
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
    lanes: Vec<contract::Lane>,
    page: Page,
    mark: Option<Mark>,
    parameters: Parameters,
    chunks: mpsc::Sender<Result<Bytes, Fault>>,
}

impl Writer {
    async fn run(self) {
        if let Err(fault) = self.write().await {
            tracing::error!(flow = %self.flow.name, code = %fault.code, error = %fault, "a feed was broken off");
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
        let mut text = String::from(if self.parameters.lines { "" } else { "[" });
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
                if given > 0 && !self.parameters.lines {
                    text.push(',');
                }
                text.push_str(&importer.object(&item)?);
                if self.parameters.lines {
                    text.push('\n');
                }
                given += 1;
            }
            debug_assert!(count > 0, "a feed gives no record without items");
            place = behind;
            if text.len() >= CHUNK && self.chunks.send(Ok(std::mem::take(&mut text).into())).await.is_err() {
                return Ok(());
            }
        }
        if !self.parameters.lines {
            text.push(']');
        }
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
