//! Languages and texts in them.

use std::fmt;

use oxilangtag::LanguageTag;
use serde::{Deserialize, Serialize};

/// A BCP 47 language tag in its canonical case, such as `de` or `de-AT`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Locale(String);

/// Text that is no language tag.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no BCP 47 language tag (such as de or de-AT)")]
pub struct UnknownLocale(pub String);

impl Locale {
    /// Reads a language tag and puts it into canonical case.
    pub fn parse(tag: &str) -> Result<Self, UnknownLocale> {
        // The common forms are told by shape; the library reads the rest.
        if let [a, b] | [a, b, b'-', _, _] = tag.as_bytes()
            && a.is_ascii_lowercase()
            && b.is_ascii_lowercase()
            && tag.get(3..).is_none_or(|region| region.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            return Ok(Self(tag.to_owned()));
        }
        LanguageTag::parse_and_normalize(tag)
            .map(|tag| Self(tag.into_inner()))
            .map_err(|_| UnknownLocale(tag.to_owned()))
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This tag and each shorter one: `de-AT`, then `de`.
    pub fn truncations(&self) -> impl Iterator<Item = &str> {
        let mut rest = Some(self.0.as_str());
        std::iter::from_fn(move || {
            let tag = rest?;
            rest = tag.rfind('-').and_then(|cut| tag.get(..cut));
            Some(tag)
        })
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A text in some locales. Locales are unique and sorted; one that is missing is simply not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Localized(Vec<(Locale, String)>);

impl Localized {
    /// No text in any locale.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// The text in exactly this locale.
    pub fn get(&self, tag: &str) -> Option<&str> {
        self.0.iter().find(|(locale, _)| locale.as_str() == tag).map(|(_, text)| text.as_str())
    }

    /// The first text that is not blank along `chain`: each locale, then its truncations (`de-AT`, `de`).
    pub fn along<'a>(&'a self, chain: &[Locale]) -> Option<&'a str> {
        chain.iter().flat_map(Locale::truncations).find_map(|tag| self.get(tag).filter(|text| !text.trim().is_empty()))
    }

    /// The texts, sorted by locale.
    pub fn iter(&self) -> impl Iterator<Item = (&Locale, &str)> {
        self.0.iter().map(|(locale, text)| (locale, text.as_str()))
    }

    /// No locale has a text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Locale, String)> for Localized {
    fn from_iter<I: IntoIterator<Item = (Locale, String)>>(texts: I) -> Self {
        let mut texts: Vec<_> = texts.into_iter().collect();
        texts.sort_by(|(left, _), (right, _)| left.cmp(right));
        texts.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Self(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(tag: &str) -> Locale {
        Locale(tag.to_owned())
    }

    fn texts(pairs: &[(&str, &str)]) -> Localized {
        pairs.iter().map(|(tag, text)| (locale(tag), (*text).to_owned())).collect()
    }

    #[test]
    fn tags_are_put_into_canonical_case_and_others_refused() {
        let parsed = |tag| Locale::parse(tag).map(|locale| locale.0).ok();
        assert_eq!(parsed("de").as_deref(), Some("de"));
        assert_eq!(parsed("de-at").as_deref(), Some("de-AT"));
        assert_eq!(parsed("ZH-hant-tw").as_deref(), Some("zh-Hant-TW"));
        assert_eq!(parsed("de_DE"), None);
        assert_eq!(parsed(""), None);
    }

    #[test]
    fn the_chain_tries_each_locale_and_its_truncations_and_passes_over_blanks() {
        let name = texts(&[("de", "Hemd"), ("de-AT", "  "), ("en", "Shirt")]);
        assert_eq!(name.along(&[locale("de-AT")]), Some("Hemd"));
        assert_eq!(name.along(&[locale("fr"), locale("en-GB")]), Some("Shirt"));
        assert_eq!(name.along(&[locale("fr")]), None);
        assert_eq!(texts(&[]).along(&[locale("de")]), None);
    }

    #[test]
    fn texts_are_the_same_in_whatever_order_they_came() {
        assert_eq!(texts(&[("en", "a"), ("de", "b")]), texts(&[("de", "b"), ("en", "a")]));
    }
}
