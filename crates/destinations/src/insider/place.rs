//! Where a market's values stand in an account: a locale, or a store of a locale.

use std::{collections::BTreeMap, fmt};

use contract::Fault;
use model::Market;

/// Longest locale with its store, in characters.
const LONGEST: usize = 64;
/// Insider's name for the store that the bare locale is.
pub const MAIN: &str = "main";

/// A locale (`de_DE`), or a store of a locale (`de_DE:berlin`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The locale, such as `de_DE`.
    pub locale: String,
    /// The store; `None`: the bare locale.
    pub store: Option<String>,
}

impl Place {
    /// Reads a place as Insider writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let (locale, store) = text.split_once(':').map_or((text, None), |(locale, store)| (locale, Some(store)));
        let mut parts = locale.split('_');
        let is_language = |it: &str| (2..=3).contains(&it.len()) && it.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_more = |it: &str| (2..=4).contains(&it.len()) && it.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_locale = parts.next().is_some_and(is_language) && parts.all(is_more);
        let is_store = |it: &str| !it.trim().is_empty() && !it.contains(':');
        let fits = is_locale && store.is_none_or(is_store) && text.chars().count() <= LONGEST;
        let store = store.filter(|store| *store != MAIN).map(str::to_owned);
        fits.then(|| Self { locale: locale.to_owned(), store })
    }

    /// The place that a market's own locale and country give: `de-DE`, or `de` in `DE`, is `de_DE`.
    fn of(market: &Market) -> Option<Self> {
        let tag = market.locales.first()?.as_str();
        let text = match &market.country {
            Some(country) if !tag.contains('-') => format!("{tag}_{country}"),
            _ => tag.replace('-', "_"),
        };
        Self::parse(&text)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.store {
            None => out.write_str(&self.locale),
            Some(store) => write!(out, "{}:{store}", self.locale),
        }
    }
}

/// The places of a flow's markets, by the markets' keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<String, Place>);

impl Places {
    /// The places of these markets; `locales`: those that are configured, by the keys of markets.
    ///
    /// # Errors
    /// `C0421` for a market without a locale that Insider can name, and for two markets whose values would be one.
    pub fn new(locales: &BTreeMap<String, String>, markets: &[Market]) -> Result<Self, Fault> {
        let mut places = BTreeMap::new();
        for market in markets {
            let key = &market.key;
            let set = locales.get(key).map(|locale| Place::parse(locale));
            let place = set.unwrap_or_else(|| Place::of(market)).ok_or_else(|| {
                let message = format!("insider: the locale of market {key} can't be named at Insider");
                Fault::config("C0421", message).hint(format!("name it in the destination: locales = {{ {key} = \"de_DE\" }}"))
            })?;
            let same = |other: &&Market| places.get(&other.key) == Some(&place) && other.currency == market.currency;
            if let Some(other) = markets.iter().take_while(|other| other.key != *key).find(same) {
                let message = format!("insider: markets {} and {key} would both be {place} in {}", other.key, market.currency);
                let hint = format!("name another locale or store for one of them: locales = {{ {key} = \"{place}:store\" }}");
                return Err(Fault::config("C0421", message).hint(hint));
            }
            places.insert(key.clone(), place);
        }
        Ok(Self(places))
    }

    /// The place of a market.
    pub fn of(&self, market: &Market) -> Option<&Place> {
        self.0.get(&market.key)
    }

    /// All places, each once.
    pub fn all(&self) -> Vec<Place> {
        let places: std::collections::BTreeSet<&Place> = self.0.values().collect();
        places.into_iter().cloned().collect()
    }
}
