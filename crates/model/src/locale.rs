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
        // The common forms are recognized here; the library reads the rest.
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

    /// The locale of text in no particular language. Every market falls back to it last.
    pub fn undetermined() -> Self {
        Self(Self::UNDETERMINED.to_owned())
    }

    /// The tag of [`Locale::undetermined`], as BCP 47 has it.
    pub const UNDETERMINED: &'static str = "und";

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

/// A text in some locales. Locales are unique and sorted; a locale without a text is left out.
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

    /// A text in no particular language.
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![(Locale::undetermined(), text.into())])
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

/// Words in some locales, for search. Locales are unique and sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keywords(Vec<(Locale, Vec<String>)>);

impl Keywords {
    /// The words in exactly this locale.
    pub fn get(&self, tag: &str) -> &[String] {
        self.0.iter().find(|(locale, _)| locale.as_str() == tag).map_or(&[], |(_, words)| words)
    }

    /// No locale has words.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of several lists for one locale the first is kept; blank words and locales without words are left out.
impl FromIterator<(Locale, Vec<String>)> for Keywords {
    fn from_iter<I: IntoIterator<Item = (Locale, Vec<String>)>>(lists: I) -> Self {
        let mut lists: Vec<_> = lists.into_iter().collect();
        for (_, words) in &mut lists {
            words.retain(|word| !word.trim().is_empty());
        }
        lists.retain(|(_, words)| !words.is_empty());
        lists.sort_by(|(left, _), (right, _)| left.cmp(right));
        lists.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Self(lists)
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
    fn a_tag_is_cut_from_its_end() {
        let cut = |tag| locale(tag).truncations().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cut("zh-Hant-TW"), ["zh-Hant-TW", "zh-Hant", "zh"]);
        assert_eq!(cut("de"), ["de"]);
        assert_eq!(Locale::parse(Locale::UNDETERMINED).ok(), Some(Locale::undetermined()));
    }

    #[test]
    fn the_first_words_of_a_locale_are_kept_and_blank_ones_left_out() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let lists = [("en", words(&["a", " "])), ("en", words(&["b"])), ("de", words(&[""]))];
        let keywords: Keywords = lists.into_iter().map(|(tag, words)| (locale(tag), words)).collect();
        assert_eq!(keywords.get("en"), ["a"]);
        assert!(keywords.get("de").is_empty() && !keywords.is_empty());
    }

    #[test]
    fn texts_are_the_same_in_whatever_order_they_came() {
        assert_eq!(texts(&[("en", "a"), ("de", "b")]), texts(&[("de", "b"), ("en", "a")]));
    }
}
