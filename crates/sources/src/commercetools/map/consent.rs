//! Consent: the platform has no field for it, so custom fields of customers hold it, and the settings name them.

use model::{Consent, ConsentTo, Notice, Timestamp};

use crate::commercetools::api::{AttributeValue, Members, Text};

/// Any value, among those that grant.
const ANY: &str = "*";

/// What a custom field of customers says about a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The channel.
    pub to: ConsentTo,
    /// Name of the custom field.
    pub field: String,
    /// Values that grant it; `*`: any.
    pub granted: Vec<String>,
    /// Values that deny it. They count before those that grant.
    pub denied: Vec<String>,
    /// Name of the custom field that holds when it was said.
    pub at: Option<String>,
}

/// What these fields say. No field, no value, and a value that no rule names say nothing: that is unknown. Notices name
/// fields, never values.
pub(super) fn consents(
    rules: &[Rule],
    fields: &Members<'_, AttributeValue<'_>>,
    notices: &mut Vec<Notice>,
) -> Vec<Consent> {
    let value = |wanted: &str| fields.0.iter().find(|(name, _)| &**name == wanted).map(|(_, value)| value);
    let mut consents = Vec::new();
    for rule in rules {
        let words = value(&rule.field).map(words).unwrap_or_default();
        let has = |values: &[String]| words.iter().any(|word| values.contains(word));
        let granted = match (has(&rule.denied), has(&rule.granted) || rule.granted.iter().any(|it| it == ANY)) {
            _ if words.is_empty() => continue,
            (true, _) => false,
            (false, true) => true,
            (false, false) => {
                let what = "holds neither a value that grants nor one that denies, so that consent is unknown";
                notices.push(Notice::new(format!("custom.{}", rule.field), what));
                continue;
            }
        };
        let said_at = rule.at.as_ref().and_then(|field| Some((field, value(field)?)));
        let at = said_at.and_then(|(field, value)| {
            let at = instant(value);
            if at.is_none() {
                notices.push(Notice::new(format!("custom.{field}"), "is no date and no time"));
            }
            at
        });
        consents.push(Consent { to: rule.to, granted, field: format!("custom.{}", rule.field), at, text: None });
    }
    consents
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

/// A time, or the beginning of a day (UTC).
fn instant(value: &AttributeValue<'_>) -> Option<Timestamp> {
    let AttributeValue::Text(Text(text)) = value else { return None };
    Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")))
}
