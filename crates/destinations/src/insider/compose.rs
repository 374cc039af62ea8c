//! Makes the bodies of requests of payloads. Pure.
//!
//! **Invariants:**
//! - a put writes every record of an item that is shown, as a whole and as shown, and hides in the same request those that
//!   were acknowledged before and are no longer shown;
//! - a store of a nested item has no other field than [`STORE_FIELDS`].

use std::collections::{BTreeMap, BTreeSet};

use contract::{Facet, Payload, payload::OWN_FIELDS};
use serde_json::{Map, Value as Json, json};

use super::{
    api::STORE_FIELDS,
    config::Form,
    map::fit::within_limits,
    place::{MAIN, Place},
};

/// Member with the places where an item is shown, and the markets of each in the order of the flow.
pub const LOCALES: &str = "$locales";
/// Member with what was cut off, in words.
pub const NOTES: &str = "$notes";

/// Hides a record from recommendations and search.
const PASSIVE: &str = "is_status_passive";
/// Fields that are the same in every language, and so stand in `base` where they are.
const NEUTRAL: [&str; 8] = ["image_url", "brand", "sku", "groupcode", "variants", "rating", "gender", "size"];

/// An item as its payload says it, by place.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Where it is shown.
    pub shown: BTreeSet<Place>,
    /// Fields that its stores share, by locale.
    content: BTreeMap<String, Map<String, Json>>,
    /// Fields of [`STORE_FIELDS`], by place.
    offers: BTreeMap<Place, Map<String, Json>>,
    /// What was cut off.
    pub notes: Vec<String>,
}

impl Parts {
    /// Reads a payload that was written by `map`, with the user's own fields.
    pub fn read(payload: &Payload) -> Self {
        let mut parts = Self::default();
        let (mut markets, mut own) = (BTreeMap::new(), Vec::new());
        for facet in Facet::ALL {
            let members = format!("{{{}}}", payload.members(facet));
            let members: Map<String, Json> = serde_json::from_str(&members).unwrap_or_default();
            for (name, value) in members {
                match (name.as_str(), value) {
                    (LOCALES, Json::Object(places)) => markets = places.into_iter().filter_map(of_place).collect(),
                    (NOTES, Json::Array(notes)) => {
                        parts.notes.extend(notes.iter().filter_map(Json::as_str).map(str::to_owned));
                    }
                    (OWN_FIELDS, Json::Object(by_market)) => own.push(by_market),
                    (name, Json::Object(by_place)) => {
                        for (place, value) in by_place {
                            if let Some(place) = Place::parse(&place) {
                                parts.set(&place, name, value);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        for (place, markets) in markets {
            let own = || own.iter();
            let of_market = |market: &String| own().filter_map(|it| it.get(market)?.as_object()).collect::<Vec<_>>();
            for (name, value) in markets.iter().flat_map(of_market).flatten() {
                let value = within_limits(name, &place.locale, value.clone(), &mut parts.notes);
                parts.set(&place, name, value);
            }
            parts.shown.insert(place);
        }
        parts
    }

    /// The first value that is set is kept; prices in other currencies are added to it.
    fn set(&mut self, place: &Place, name: &str, value: Json) {
        let fields = if STORE_FIELDS.contains(&name) {
            self.offers.entry(place.clone()).or_default()
        } else {
            self.content.entry(place.locale.clone()).or_default()
        };
        match (fields.get_mut(name), value) {
            (None, value) => drop(fields.insert(name.to_owned(), value)),
            (Some(Json::Object(known)), Json::Object(more)) if name.ends_with("price") => {
                for (currency, amount) in more {
                    known.entry(currency).or_insert(amount);
                }
            }
            (Some(_), _) => {}
        }
    }
}

/// A record to be written: its place, and the fields of the locale and of its own.
struct Written {
    place: Place,
    content: Map<String, Json>,
    offer: Map<String, Json>,
    /// Whether it is hidden; `None`: as it is.
    passive: Option<bool>,
}

/// Which records of an item are written, and how.
pub enum Writing<'p> {
    /// All that are shown, as a whole; those that were shown before are hidden.
    Whole {
        /// What is to be there.
        now: &'p Parts,
        /// What was acknowledged last.
        before: Option<&'p Parts>,
    },
    /// These fields.
    Change(&'p Parts),
    /// All are hidden: where it was acknowledged, and at these places.
    Hide {
        /// What was acknowledged last.
        before: Option<&'p Parts>,
        /// Where it may be.
        places: &'p [Place],
    },
}

impl Writing<'_> {
    fn records(&self) -> Vec<Written> {
        match self {
            Self::Whole { now, before } => {
                let shown = now.shown.iter().map(|place| now.written(place, Some(false)));
                let gone = before.iter().flat_map(|before| {
                    before.shown.difference(&now.shown).map(|place| {
                        let mut gone = before.written(place, Some(true));
                        // A store of a locale that is shown can't be hidden.
                        if place.store.is_some() || now.shown.iter().any(|it| it.locale == place.locale) {
                            gone.offer.insert("in_stock".to_owned(), json!(0));
                        }
                        gone
                    })
                });
                shown.chain(gone).collect()
            }
            Self::Change(parts) => parts.offers.keys().map(|place| parts.written(place, None)).collect(),
            Self::Hide { before, places } => {
                let known = before.iter().flat_map(|before| &before.shown);
                let places: BTreeSet<&Place> = known.chain(*places).collect();
                let hide = |place: &&Place| {
                    let many = places.iter().any(|it| it.locale == place.locale && it.store.is_some());
                    let offer = if many { Map::from_iter([("in_stock".to_owned(), json!(0))]) } else { Map::new() };
                    Written { place: (*place).clone(), content: Map::new(), offer, passive: Some(true) }
                };
                places.iter().map(hide).collect()
            }
        }
    }

    /// The records of an item in this form, and how many there are.
    pub fn compose(&self, id: &str, form: Form) -> (Vec<Json>, u64) {
        let records = self.records();
        let count = records.len() as u64;
        match form {
            Form::Flat => (records.into_iter().map(|record| flat(id, record)).collect(), count),
            Form::Nested => (vec![nested(id, records)], count),
        }
    }
}

impl Parts {
    fn written(&self, place: &Place, passive: Option<bool>) -> Written {
        let content = self.content.get(&place.locale).cloned().unwrap_or_default();
        let offer = self.offers.get(place).cloned().unwrap_or_default();
        Written { place: place.clone(), content, offer, passive }
    }

    /// The first thing that `before` has among the facets of this change and this has not: a change of fields can't take it
    /// away.
    pub fn takes_away(&self, before: &Self, fields: &[&str]) -> Option<String> {
        for (place, offer) in &before.offers {
            let now = self.offers.get(place);
            for (name, value) in offer.iter().filter(|(name, _)| fields.contains(&name.as_str())) {
                let Some(kept) = now.and_then(|now| now.get(name)) else { return Some(format!("{name} of {place}")) };
                let (Json::Object(value), Json::Object(kept)) = (value, kept) else { continue };
                if let Some(gone) = value.keys().find(|key| !kept.contains_key(*key)) {
                    return Some(format!("{name} of {place} in {gone}"));
                }
            }
        }
        None
    }
}

fn of_place((place, markets): (String, Json)) -> Option<(Place, Vec<String>)> {
    let markets = markets.as_array()?.iter().filter_map(Json::as_str).map(str::to_owned).collect();
    Some((Place::parse(&place)?, markets))
}

fn passive(passive: Option<bool>) -> Option<(String, Json)> {
    passive.map(|passive| (PASSIVE.to_owned(), json!(i32::from(passive))))
}

/// `{"item_id":…,"locale":…,<fields>}`.
fn flat(id: &str, record: Written) -> Json {
    let Written { place, content, offer, passive: hidden } = record;
    let key = [("item_id".to_owned(), json!(id)), ("locale".to_owned(), json!(place.to_string()))];
    Json::Object(key.into_iter().chain(content).chain(offer).chain(passive(hidden)).collect())
}

/// `{"item_id":…,"base":{…},"locales":{"de_DE":{…,"stores":{…}}}}`.
fn nested(id: &str, records: Vec<Written>) -> Json {
    let mut locales: BTreeMap<String, Vec<Written>> = BTreeMap::new();
    for record in records {
        locales.entry(record.place.locale.clone()).or_default().push(record);
    }
    let mut base = Map::new();
    for name in NEUTRAL {
        let mut values = locales.values().flatten().map(|record| record.content.get(name));
        if let Some(Some(first)) = values.next()
            && values.all(|value| value == Some(first))
        {
            base.insert(name.to_owned(), first.clone());
        }
    }
    let mut body = Map::from_iter([("item_id".to_owned(), json!(id))]);
    let of = |(locale, records): (String, Vec<Written>)| (locale, of_locale(records, &base));
    let locales: Map<String, Json> = locales.into_iter().map(of).collect();
    if !base.is_empty() {
        body.insert("base".to_owned(), Json::Object(base));
    }
    body.insert("locales".to_owned(), Json::Object(locales));
    Json::Object(body)
}

fn of_locale(records: Vec<Written>, base: &Map<String, Json>) -> Json {
    // What is hidden of a locale that is shown has the same content, or an older one.
    let best = records.iter().min_by_key(|record| record.passive == Some(true));
    let mut locale: Map<String, Json> = best.map(|record| record.content.clone()).unwrap_or_default();
    locale.retain(|name, _| !base.contains_key(name));
    locale.extend(passive(best.and_then(|record| record.passive)));
    match <[Written; 1]>::try_from(records) {
        Ok([only]) if only.place.store.is_none() => locale.extend(only.offer),
        Ok([only]) => drop(locale.insert("stores".to_owned(), stores(vec![only]))),
        Err(records) => drop(locale.insert("stores".to_owned(), stores(records))),
    }
    Json::Object(locale)
}

fn stores(records: Vec<Written>) -> Json {
    let of = |record: Written| (record.place.store.unwrap_or_else(|| MAIN.to_owned()), Json::Object(record.offer));
    Json::Object(records.into_iter().map(of).collect())
}
