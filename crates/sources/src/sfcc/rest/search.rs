//! A walk over products by the time of their last change.
//!
//! The search of products can select by that time and not sort by it: each window of time is sorted by id and read page by
//! page. A window is closed where more products are after it; the last one is open, so that a product that changes
//! while it is read stays in it. Products that leave a closed window move those after them forward: the walk goes back by as
//! many.

use contract::Fault;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{client::Api, documents::Found};

/// Most products of a window: how far a search can be paged is not published, and other searches of the platform end
/// between 5,000 and 10,000.
const MOST_IN_WINDOW: u64 = 5_000;
/// Shortest window: what is imported at once may have one time.
const SHORTEST: i64 = 1_000;
/// How often a page is asked for again because products have left its window.
const MOST_BACK: usize = 3;

/// Where a walk is. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// First instant of the window.
    from: i64,
    /// First instant after it; `None`: it is open.
    to: Option<i64>,
    offset: u64,
    /// Products of the window, when it was last asked for.
    total: Option<u64>,
    /// When the walk began, by the clock that is behind; `None`: it has not.
    began: Option<i64>,
    /// Whether it is a walk over all products.
    pub(super) all: bool,
}

/// What a step of a walk brought.
pub(super) struct Step {
    /// Products, as they were answered.
    pub(super) hits: Vec<Value>,
    /// Where the walk goes on; `None`: it is over.
    pub(super) next: Option<Search>,
}

impl Search {
    /// A walk over the products that changed since this instant; 0: over all.
    pub(super) const fn since(from: i64) -> Self {
        Self { from, to: None, offset: 0, total: None, began: None, all: from == 0 }
    }

    /// When the walk began; the beginning of time before that.
    pub(super) fn began(&self) -> i64 {
        self.began.unwrap_or_default()
    }

    /// The same once its window is known: it is closed where it would have too many products.
    ///
    /// # Errors
    /// The fault of the search.
    pub(super) async fn begun(mut self, api: &Api) -> Result<Self, Fault> {
        while self.total.is_none() {
            let found = self.ask(api, 1).await?;
            // The answer told the platform's time, and nothing was read before it.
            let now = api.clock().now().earlier.millis();
            let end = self.to.unwrap_or_else(|| (*self.began.get_or_insert(now)).max(self.from));
            if found.total <= MOST_IN_WINDOW || end - self.from <= SHORTEST {
                self.total = Some(found.total);
            } else {
                self.to = Some(self.from + (end - self.from) / 2);
            }
        }
        Ok(self)
    }

    /// Reads `most` products at most.
    ///
    /// # Errors
    /// The fault of the search.
    pub(super) async fn step(mut self, api: &Api, most: usize) -> Result<Step, Fault> {
        let mut back = 0;
        let found = loop {
            let found = self.ask(api, most).await?;
            let gone = self.total.map_or(0, |before| before.saturating_sub(found.total));
            self.total = Some(found.total);
            if gone == 0 || self.offset == 0 || back == MOST_BACK {
                break found;
            }
            back += 1;
            self.offset = self.offset.saturating_sub(gone);
        };
        self.offset = self.offset.saturating_add(found.hits.len() as u64);
        let next = if !found.hits.is_empty() && self.offset < found.total {
            Some(self)
        } else {
            self.to.map(|to| Self { from: to, to: None, offset: 0, total: None, ..self })
        };
        Ok(Step { hits: found.hits, next })
    }

    async fn ask(&self, api: &Api, most: usize) -> Result<Found, Fault> {
        let query = match (self.from, self.to) {
            (0, None) => json!({ "matchAllQuery": {} }),
            (from, to) => {
                let mut range = json!({
                    "field": "lastModified", "from": Timestamp::from_millis(from).to_string(), "toInclusive": false,
                });
                if let (Some(to), Some(members)) = (to, range.as_object_mut()) {
                    members.insert("to".to_owned(), Timestamp::from_millis(to).to_string().into());
                }
                json!({ "filteredQuery": { "query": { "matchAllQuery": {} }, "filter": { "rangeFilter": range } } })
            }
        };
        let sorts = json!([{ "field": "id", "sortOrder": "asc" }]);
        let body = |limit: usize| json!({ "limit": limit, "offset": self.offset, "sorts": sorts, "query": query });
        api.search(&body, most).await.map(|(found, _)| found)
    }
}

/// Products with these ids; those that do not exist are left out.
///
/// # Errors
/// The fault of the search.
pub(super) async fn named(api: &Api, ids: &[String]) -> Result<Vec<Value>, Fault> {
    let mut hits = Vec::new();
    let mut rest = ids;
    while !rest.is_empty() {
        let body = |limit: usize| {
            let ids = rest.get(..limit).unwrap_or(rest);
            let term = json!({ "fields": ["id"], "operator": "one_of", "values": ids });
            json!({ "limit": limit, "offset": 0, "query": { "termQuery": term } })
        };
        let (found, asked) = api.search(&body, rest.len().min(MOST_NAMED)).await?;
        hits.extend(found.hits);
        rest = rest.get(asked..).unwrap_or_default();
    }
    Ok(hits)
}

/// Most products that are asked for by their ids at once.
const MOST_NAMED: usize = 200;
