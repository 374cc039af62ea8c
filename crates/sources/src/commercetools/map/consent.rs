//! Consent: the platform has no field for it, so custom fields of customers hold it, and the settings name them.

use std::time::Duration;

use model::{Consent, ConsentTo, Notice, Timestamp};

use crate::commercetools::api::{AttributeValue, Members, Text};

/// From the beginning of a day to its last millisecond.
const LAST_OF_DAY: Duration = Duration::from_millis(24 * 60 * 60 * 1000 - 1);

/// Any date or time, among the values of a rule.
pub const ANY: &str = "*";

/// What a custom field of customers says about a channel. A channel may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The channel.
    pub to: ConsentTo,
    /// Name of the custom field.
    pub field: String,
    /// Values that grant it; `*`: any date or time.
    pub granted: Vec<String>,
    /// Values that deny it, in the same way. They count before those that grant.
    pub denied: Vec<String>,
    /// Name of the custom field that holds when it was said.
    pub at: Option<String>,
}

/// What these fields say, once for each channel. No field, no value, and a value that no rule names say nothing: that is
/// unknown. Of several fields the denial counts, unless it was granted later. A field that denies by a date or time and holds
/// something else may have denied: then no other field grants. Notices name fields, never values.
pub(super) fn consents(
    rules: &[Rule],
    fields: &Members<'_, AttributeValue<'_>>,
    notices: &mut Vec<Notice>,
) -> Vec<Consent> {
    let value = |wanted: &str| fields.0.iter().find(|(name, _)| &**name == wanted).map(|(_, value)| value);
    let mut consents: Vec<Consent> = Vec::new();
    let mut unclear: Vec<ConsentTo> = Vec::new();
    for rule in rules {
        let words = value(&rule.field).map(words).unwrap_or_default();
        let is_time = |word: &str| instant(word).is_some();
        let is_of = |word: &str, values: &[String]| values.iter().any(|it| it == word || (it == ANY && is_time(word)));
        let has = |values: &[String]| words.iter().any(|word| is_of(word, values));
        let denies_by_time = rule.denied.iter().any(|it| it == ANY);
        let granted = match (has(&rule.denied), has(&rule.granted)) {
            _ if words.is_empty() => continue,
            (true, _) => false,
            (false, true) => true,
            // A field that only denies says nothing otherwise.
            (false, false) if rule.granted.is_empty() && !denies_by_time => continue,
            (false, false) => {
                let what = "holds neither a value that grants nor one that denies, so that consent is unknown";
                notices.push(Notice::new(format!("custom.{}", rule.field), what));
                unclear.extend(denies_by_time.then_some(rule.to));
                continue;
            }
        };
        let said_at = rule.at.as_ref().and_then(|field| Some((field, value(field)?)));
        let at = said_at.and_then(|(field, value)| {
            let at = if let AttributeValue::Text(Text(text)) = value { said_at_of(text, granted) } else { None };
            if at.is_none() {
                notices.push(Notice::new(format!("custom.{field}"), "is no date and no time"));
            }
            at
        });
        let said = Consent { to: rule.to, granted, field: format!("custom.{}", rule.field), at, text: None };
        match consents.iter_mut().find(|other| other.to == said.to) {
            Some(other) if outweighs(&said, other) => *other = said,
            Some(_) => {}
            None => consents.push(said),
        }
    }
    consents.retain(|consent| !consent.granted || !unclear.contains(&consent.to));
    consents
}

/// When it was said. What was denied on a day was denied at its end: whether it was granted before on that day is not known.
fn said_at_of(text: &str, granted: bool) -> Option<Timestamp> {
    let is_day = Timestamp::parse(text).is_none();
    let at = instant(text)?;
    Some(if is_day && !granted { at.plus(LAST_OF_DAY) } else { at })
}

/// Whether what one field says of a channel counts before what another says, whichever is asked first: what was said last,
/// and a denial where that is not known.
fn outweighs(one: &Consent, other: &Consent) -> bool {
    let is_later = |one: &Consent, other: &Consent| one.at.is_some() && other.at.is_some() && one.at > other.at;
    match (one.granted, other.granted) {
        (true, true) => one.at > other.at,
        (true, false) => is_later(one, other),
        (false, true) => !is_later(other, one),
        // One without a time counts for ever.
        (false, false) => other.at.is_some() && (one.at.is_none() || one.at > other.at),
    }
}

/// The value as the settings write it: of a set, each of its values. Nothing for what is blank or has members.
fn words(value: &AttributeValue<'_>) -> Vec<String> {
    match value {
        AttributeValue::Boolean(truth) => vec![truth.to_string()],
        AttributeValue::Integer(number) => vec![number.to_string()],
        AttributeValue::Number(number) => vec![number.to_string()],
        AttributeValue::Text(text) if !text.trim().is_empty() => vec![text.trim().to_owned()],
        AttributeValue::Array(values) => values.iter().flat_map(words).collect(),
        AttributeValue::Null | AttributeValue::Text(_) | AttributeValue::Object(_) => Vec::new(),
    }
}

/// A time, or the beginning of a day (UTC), as the platform writes them: digits alone are a number.
fn instant(text: &str) -> Option<Timestamp> {
    if text.get(4..5) != Some("-") {
        return None;
    }
    Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")))
}
