//! One object of a store, and what a write replaced.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::value::RawValue;

use super::json::Fields;
use super::resource::Resource;
use super::settings::Validation;
use super::validate::{Checked, Mode, check};

/// Objects by id in text form.
pub(super) type Collection = HashMap<Box<str>, Entry>;

/// One object.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) raw: Box<RawValue>,
    /// The store's sequence when it was first written, and when last.
    pub(super) born: u64,
    pub(super) written: u64,
    /// It may be returned by queries.
    pub(super) visible: bool,
    /// The last analysis has seen it; others rank last.
    pub(super) analysed: bool,
    /// Its words, built when it is first searched.
    pub(super) words: OnceLock<Box<str>>,
}

/// When a call was made, and how long ago a write must have been for it to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Milliseconds since 1970.
    pub(super) now: i64,
    /// Milliseconds.
    pub(super) lag: i64,
}

impl Moment {
    /// Whether a write of that time is seen.
    pub(super) fn sees(self, written: i64) -> bool {
        written <= self.now.saturating_sub(self.lag)
    }
}

/// What a write replaced.
pub(super) struct Past {
    pub(super) written: i64,
    pub(super) resource: Resource,
    pub(super) id: Box<str>,
    /// `None`: there was no object.
    pub(super) before: Option<Entry>,
}

impl Entry {
    pub(super) fn of(item: Checked<'_>, sequence: u64) -> Self {
        Self {
            raw: item.raw.into_owned(),
            born: sequence,
            written: sequence,
            visible: item.index && item.complete,
            analysed: false,
            words: OnceLock::new(),
        }
    }

    pub(super) fn merge(&mut self, resource: Resource, patch: &RawValue, sequence: u64) {
        let Some(merged) = merged(&self.raw, patch) else { return };
        let checked = check(resource, &merged, Mode::Whole, Validation::Lenient, &mut |_| {});
        self.visible = checked.is_ok_and(|checked| checked.index && checked.complete);
        self.raw = merged;
        self.written = sequence;
        self.words = OnceLock::new();
    }
}

fn merged(whole: &RawValue, patch: &RawValue) -> Option<Box<RawValue>> {
    let patch = Fields::of(patch)?;
    let mut whole = Fields::of(whole)?;
    whole.0.retain(|(name, _)| patch.get(name).is_none());
    whole.0.extend(patch.0);
    whole.to_raw()
}
