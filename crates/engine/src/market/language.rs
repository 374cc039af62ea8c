//! Chooses texts in the languages of a market.

use model::{Keywords, Locale, Localized};

/// The locales of a market with their truncations, in the order they are tried: `de-AT`, `de`, `en`; last, text in no
/// particular language.
#[derive(Clone, Debug)]
pub(super) struct Fallback(Vec<String>);

impl Fallback {
    pub(super) fn new(locales: &[Locale]) -> Self {
        let mut tags: Vec<String> = Vec::new();
        for tag in locales.iter().flat_map(Locale::truncations).chain([Locale::UNDETERMINED]) {
            if !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
        Self(tags)
    }

    /// The first text that is not blank.
    pub(super) fn pick<'t>(&self, text: &'t Localized) -> Option<&'t str> {
        if text.is_empty() {
            return None;
        }
        self.0.iter().find_map(|tag| text.get(tag).filter(|text| !text.trim_start().is_empty()))
    }

    /// The first value that a tag has, and the tag.
    pub(super) fn first<'t, T>(&'t self, of: impl Fn(&'t str) -> Option<T>) -> Option<(&'t str, T)> {
        self.0.iter().find_map(|tag| Some((tag.as_str(), of(tag)?)))
    }

    /// The tags that are tried before this one, as text.
    pub(super) fn before(&self, tag: &str) -> String {
        self.0.iter().map(String::as_str).take_while(|it| *it != tag).collect::<Vec<_>>().join(", ")
    }

    /// The first list of words.
    pub(super) fn words<'t>(&self, keywords: &'t Keywords) -> &'t [String] {
        if keywords.is_empty() {
            return &[];
        }
        self.0.iter().map(|tag| keywords.get(tag)).find(|words| !words.is_empty()).unwrap_or_default()
    }
}
