//! Invalid characters: half of a surrogate pair, or bytes that are not UTF-8. They are replaced by U+FFFD, and a notice
//! names the place. Without that, one cut emoji would make the whole product unreadable. And invalid numbers, which make
//! their record unread and not the whole page.

use contract::{Change, Fault};
use model::Notice;
use serde_json::Value as Json;

use super::{api, decode::no_page};

/// U+FFFD as a JSON escape.
const REPLACEMENT: &str = "\\ufffd";

/// The JSON with each escape that is half a surrogate pair replaced; `None` if there is none.
pub(super) fn mended(json: &str) -> Option<String> {
    let mut mended = String::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = json.get(at..).and_then(|rest| rest.find('\\')) {
        let escape = at + found;
        let unit = unit(json, escape);
        let is_pair = matches!(unit, Some(0xd800..0xdc00)) && matches!(self::unit(json, escape + 6), Some(0xdc00..0xe000));
        at = escape + if is_pair { 12 } else if unit.is_some() { 6 } else { 2 };
        if !is_pair && matches!(unit, Some(0xd800..0xe000)) {
            mended.push_str(json.get(from..escape)?);
            mended.push_str(REPLACEMENT);
            from = at;
        }
    }
    (from > 0).then(|| mended + json.get(from..).unwrap_or_default())
}

/// A number that JSON allows and no type holds.
const BEYOND_ALL: &str = "1e999";

/// The JSON with each `NaN` and `Infinity`, which it does not know but some servers write, replaced by a number that no field
/// takes: what is read of a record fails at it, and no other record does. None where there is no such.
pub(super) fn with_numbers(json: &str) -> Option<String> {
    let mut mended = String::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = json.get(at..).and_then(|rest| rest.find(['"', 'N', 'I'])) {
        let begin = at + found;
        let rest = json.get(begin..)?;
        if let Some(text) = rest.strip_prefix('"') {
            at = begin + 1 + text_end(text);
            continue;
        }
        let Some(word) = ["NaN", "Infinity"].into_iter().find(|word| rest.starts_with(word)) else {
            at = begin + 1;
            continue;
        };
        // `-Infinity` becomes `-1e999`.
        mended.push_str(json.get(from..begin)?);
        mended.push_str(BEYOND_ALL);
        at = begin + word.len();
        from = at;
    }
    (from > 0).then(|| mended + json.get(from..).unwrap_or_default())
}

/// Where a text ends, behind its closing quote.
fn text_end(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 1)
}

/// The UTF-16 unit whose escape begins here.
fn unit(json: &str, at: usize) -> Option<u16> {
    let hex = json.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(hex, 16).ok()
}

/// Adds a notice to each record of a mended page in which a character was replaced.
pub(super) fn note(page: &str, changes: &mut [Change]) -> Result<(), Fault> {
    let (_, records) = api::raw_page(page).map_err(|error| no_page(&error))?;
    for text in records.iter().map(|record| record.get()) {
        if !text.contains(char::REPLACEMENT_CHARACTER) && !text.contains(REPLACEMENT) {
            continue;
        }
        let Ok(record) = serde_json::from_str::<Json>(text) else { continue };
        // Stores are known by their key.
        let is = |id: &str| ["id", "key"].iter().any(|name| record.get(*name).and_then(Json::as_str) == Some(id));
        let of = changes.iter_mut().find_map(|change| match change {
            Change::Is { record, .. } if is(record.id().as_str()) => Some(record),
            _ => None,
        });
        if let Some(of) = of {
            let mut notices = Vec::new();
            let sku = record.pointer("/masterVariant/sku").and_then(Json::as_str);
            find(&record, &mut Vec::new(), sku, &mut notices);
            of.note(notices);
        }
    }
    Ok(())
}

/// The texts with a replaced character, each with its path and the SKU it belongs to.
fn find<'r>(value: &'r Json, way: &mut Vec<&'r str>, sku: Option<&'r str>, notices: &mut Vec<Notice>) {
    match value {
        Json::String(text) if text.contains(char::REPLACEMENT_CHARACTER) => {
            let of = sku.map_or(String::new(), |sku| format!("SKU {sku}, "));
            let what = format!("{of}what is no character in {} was replaced by U+FFFD", way.join("."));
            notices.push(Notice::new(way.first().copied().unwrap_or_default(), what));
        }
        Json::Array(values) => values.iter().for_each(|value| find(value, way, sku, notices)),
        Json::Object(members) => {
            let own = |name: &str| members.get(name).and_then(Json::as_str);
            let sku = own("sku").or(sku);
            // `{"name": …, "value": …}` is an attribute: its own name is more useful in the path.
            let attribute = own("name").filter(|_| members.len() == 2 && members.contains_key("value"));
            // Staged data are not read.
            for (name, value) in members.iter().filter(|(name, _)| *name != "staged") {
                let is_level = matches!(name.as_str(), "masterVariant" | "variants" | "masterData" | "current");
                let name = attribute.filter(|_| name == "value").unwrap_or(name);
                if is_level {
                    find(value, way, sku, notices);
                } else {
                    way.push(name);
                    find(value, way, sku, notices);
                    way.pop();
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_half_a_pair_is_replaced() {
        for (json, expected) in [
            (r#""a""#, None),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\n\"\\ \u00e4""#, None),
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\uDE00\uD83D""#, Some(r#""\ufffd\ufffd""#)),
            (r#""\ud83d\ud83d\ude00x""#, Some(r#""\ufffd\ud83d\ude00x""#)),
            (r#""\ud83dx\ude00\n""#, Some(r#""\ufffdx\ufffd\n""#)),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\ud83"#, None),
            (r#""\"#, None),
            (r#""\uäöü""#, None),
        ] {
            assert_eq!(mended(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_number_is_replaced_outside_of_text_only() {
        for (json, expected) in [
            (r#"{"a": 1}"#, None),
            (r#"{"NaN": "Infinity \" NaN"}"#, None),
            (r#"{"a\\": NaN, "b": [-Infinity,Infinity]}"#, Some(r#"{"a\\": 1e999, "b": [-1e999,1e999]}"#)),
            (r#"["NaN", NaN, "\"NaN"]"#, Some(r#"["NaN", 1e999, "\"NaN"]"#)),
            (r#"["ä", None, In"#, None),
            ("\"", None),
        ] {
            assert_eq!(with_numbers(json).as_deref(), expected, "{json}");
        }
    }
}
