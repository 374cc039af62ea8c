//! An account: its catalogue, what was refused, and the changes that start journeys.
//!
//! **Invariant:** a record changes only by a request that was answered with 200, and a refused record not at all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::record::{Problem, Record, drop_unknown, has_fields, problems};
use super::settings::{AccountSettings, Settings};

/// Requests within this span are counted against the quota.
const WINDOW_MS: i64 = 60_000;

/// What is done with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Create or overwrite.
    Ingest,
    /// Change fields of what is there.
    Update,
}

/// Records that are refused, as if something were wrong with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// The item.
    pub item_id: String,
    /// One locale of it; all without.
    #[serde(default)]
    pub locale: Option<String>,
}

/// A change of the catalogue that starts journeys of shoppers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transition {
    /// The item.
    pub item_id: String,
    /// Its locale.
    pub locale: String,
    /// What happened.
    pub what: Moved,
}

/// What a [`Transition`] is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// `in_stock` went from 0 to 1.
    BackInStock,
    /// `in_stock` went from 1 to 0.
    SoldOut,
    /// The price in this currency fell.
    PriceDrop {
        /// ISO 4217 code.
        currency: String,
        /// The price before.
        from: f64,
        /// The price now.
        to: f64,
    },
    /// The price in this currency rose.
    PriceRise {
        /// ISO 4217 code.
        currency: String,
    },
    /// `is_status_passive` went from 0 to 1.
    Hidden,
    /// `is_status_passive` went from 1 to 0.
    Shown,
}

/// One request that changes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WriteCall {
    /// The path, such as `/v2/ingest`.
    pub path: String,
    /// Items of the request.
    pub items: usize,
    /// Bytes of its body.
    pub bytes: usize,
    /// The status that it was answered with.
    pub status: u16,
    /// When it came, in milliseconds since 1970.
    pub at: i64,
}

#[derive(Default)]
pub(super) struct State {
    /// By item, then by locale.
    pub(super) records: BTreeMap<String, BTreeMap<String, Record>>,
    pub(super) locales: BTreeSet<String>,
    pub(super) transitions: Vec<Transition>,
    pub(super) rejections: Vec<Rejection>,
    pub(super) calls: VecDeque<WriteCall>,
    pub(super) disabled: bool,
    /// Updates of records that were not there, other than to hide them.
    pub(super) unknown_updates: u64,
    /// Requests to the catalogue.
    written: Window,
    /// Requests for recommendations.
    read: Window,
}

/// Times of the requests within the last minute.
#[derive(Default)]
struct Window(VecDeque<i64>);

impl Window {
    fn admit(&mut self, now: i64, quota: u32) -> Result<(), i64> {
        // A clock that was set back counts anew.
        while self.0.front().is_some_and(|at| !(0..WINDOW_MS).contains(&(now - at))) {
            self.0.pop_front();
        }
        if self.0.len() >= usize::try_from(quota).unwrap_or(usize::MAX) {
            return Err(self.0.front().map_or(WINDOW_MS, |at| at + WINDOW_MS - now));
        }
        self.0.push_back(now);
        Ok(())
    }
}

pub(super) struct Account {
    pub(super) settings: AccountSettings,
    state: Mutex<State>,
}

/// What was wrong with records, by field and message: the ids of their items, and how many records.
type Grouped = BTreeMap<Problem, (Vec<String>, usize)>;

impl Account {
    pub(super) fn new(settings: AccountSettings) -> Self {
        let state = State { locales: settings.locales.iter().cloned().collect(), ..State::default() };
        Self { settings, state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request at this instant. Gives the milliseconds to wait where the quota is used up.
    pub(super) fn admit(&self, now: i64, quota: Option<u32>) -> Result<(), i64> {
        quota.map_or(Ok(()), |quota| self.state().written.admit(now, quota))
    }

    /// The same for recommendations, which have a quota of their own.
    pub(super) fn admit_read(&self, now: i64, quota: u32) -> Result<(), i64> {
        self.state().read.admit(now, quota)
    }

    /// Takes records in, each by itself. The answer's `message`.
    pub(super) fn write(&self, records: Vec<Record>, write: Write, settings: &Settings) -> Value {
        let mut state = self.state();
        let (mut invalid, mut warnings) = (Grouped::new(), Grouped::new());
        let (mut refused, mut warned, all) = (0_usize, 0_usize, records.len());
        for mut record in records {
            let id = record.get("item_id").and_then(Value::as_str).unwrap_or_default().to_owned();
            let found = state.problems_of(&record, write, self.settings.feed, settings);
            if !found.is_empty() {
                refused += 1;
                note(&mut invalid, found, &id);
                continue;
            }
            let dropped = drop_unknown(&mut record, &self.settings.attributes);
            warned += usize::from(!dropped.is_empty());
            note(&mut warnings, dropped, &id);
            state.put(record, write, settings.update_merges_prices);
        }
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let ratio = if all == 0 { 0.0 } else { refused as f64 / all as f64 };
        json!({
            "valid": { "count": all - refused },
            "invalid": { "count": refused, "details": details(invalid, settings.most_document_ids) },
            "warnings": { "count": warned, "details": details(warnings, settings.most_document_ids) },
            "invalidRatio": ratio,
        })
    }
}

fn note(grouped: &mut Grouped, problems: Vec<Problem>, id: &str) {
    for problem in problems {
        let (ids, count) = grouped.entry(problem).or_default();
        *count += 1;
        if ids.last().is_none_or(|last| last != id) {
            ids.push(id.to_owned());
        }
    }
}

fn details(grouped: Grouped, most: usize) -> Value {
    let detail = |(problem, (ids, count)): (Problem, (Vec<String>, usize))| {
        let ids: Vec<String> = ids.into_iter().take(most).collect();
        json!({ "field": problem.field, "message": problem.message, "count": count, "document_ids": ids })
    };
    grouped.into_iter().map(detail).collect()
}

impl State {
    fn problems_of(
        &self,
        record: &Record,
        write: Write,
        feed: super::settings::Feed,
        settings: &Settings,
    ) -> Vec<Problem> {
        let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut found = problems(record, write == Write::Ingest, feed, settings);
        let locale = text("locale");
        if locale.is_empty() {
            found.push(Problem::new("locale", "is required"));
        } else if !self.locales.contains(locale) {
            found.push(Problem::new("locale", "is not one of the configured locales"));
        }
        if write == Write::Update && !has_fields(record) {
            found.push(Problem::new("item_id", "must have at least one other field"));
        }
        if Value::Object(record.clone()).to_string().len() > settings.record_bytes {
            found.push(Problem::new("item_id", "belongs to a record that is too large"));
        }
        let is_rejected = |rejection: &Rejection| {
            rejection.item_id == text("item_id") && rejection.locale.as_deref().is_none_or(|it| it == locale)
        };
        if self.rejections.iter().any(is_rejected) {
            found.push(Problem::new("name", "was refused on purpose"));
        }
        found
    }

    fn put(&mut self, record: Record, write: Write, merges: bool) {
        let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (id, locale) = (text("item_id"), text("locale"));
        let before = self.records.get(&id).and_then(|locales| locales.get(&locale));
        let after = match (write, before) {
            (Write::Ingest, _) => record,
            (Write::Update, None) => {
                self.unknown_updates += u64::from(record.get("is_status_passive").and_then(Value::as_f64) != Some(1.0));
                return;
            }
            (Write::Update, Some(before)) => merged(before.clone(), record, merges),
        };
        if let Some(before) = before {
            let moved = moves(before, &after);
            let transition = |what| Transition { item_id: id.clone(), locale: locale.clone(), what };
            self.transitions.extend(moved.into_iter().map(transition));
        }
        self.records.entry(id).or_default().insert(locale, after);
    }
}

fn merged(mut before: Record, change: Record, merges: bool) -> Record {
    for (name, value) in change {
        match (before.get_mut(&name), value) {
            (Some(Value::Object(kept)), Value::Object(new)) if merges && name.ends_with("price") => kept.extend(new),
            (_, value) => drop(before.insert(name, value)),
        }
    }
    before
}

fn moves(before: &Record, after: &Record) -> Vec<Moved> {
    let flag = |record: &Record, name: &str| record.get(name).and_then(Value::as_f64).unwrap_or(0.0) > 0.0;
    let mut moved = Vec::new();
    for (name, rises, falls) in
        [("in_stock", Moved::BackInStock, Moved::SoldOut), ("is_status_passive", Moved::Hidden, Moved::Shown)]
    {
        match (flag(before, name), flag(after, name)) {
            (false, true) => moved.push(rises),
            (true, false) => moved.push(falls),
            _ => {}
        }
    }
    let prices = |record: &Record| record.get("price").and_then(Value::as_object).cloned().unwrap_or_default();
    let known = prices(before);
    for (currency, to) in prices(after) {
        let (Some(from), Some(to)) = (known.get(&currency).and_then(Value::as_f64), to.as_f64()) else { continue };
        if to < from {
            moved.push(Moved::PriceDrop { currency, from, to });
        } else if to > from {
            moved.push(Moved::PriceRise { currency });
        }
    }
    moved
}
