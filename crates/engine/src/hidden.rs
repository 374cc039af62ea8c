//! Values of records about people, hidden from who looks at a record and has not asked for them.

use contract::{Facet, Item, Payload, Writer};
use serde_json::{Map, Value as Json};

/// In place of a text.
pub const HIDDEN: &str = "***";

/// Hides the texts of a JSON value; numbers, names of members and the form stay.
pub fn hide(value: &mut Json) {
    match value {
        Json::String(text) => HIDDEN.clone_into(text),
        Json::Array(values) => values.iter_mut().for_each(hide),
        Json::Object(members) => members.values_mut().for_each(hide),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// The item with the texts of its payload hidden.
pub fn hidden(item: &Item) -> Item {
    let mut writer = Writer::resume(Payload::default());
    for facet in Facet::ALL {
        let members = format!("{{{}}}", item.payload.members(facet));
        let members: Map<String, Json> = serde_json::from_str(&members).unwrap_or_default();
        for (name, mut value) in members {
            hide(&mut value);
            // What was read as JSON is written as JSON.
            if writer.put(facet, &name, &value).is_err() {
                tracing::debug!("a value can't be hidden, and is left out");
            }
        }
    }
    Item { id: item.id.clone(), payload: writer.finish() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_hidden_and_the_form_stays() {
        let mut value =
            json!({ "name": "Ann", "age": 36, "tags": ["a", { "city": "Berlin" }], "on": true, "no": null });
        hide(&mut value);
        assert_eq!(
            value,
            json!({ "name": "***", "age": 36, "tags": ["***", { "city": "***" }], "on": true, "no": null })
        );
    }

    #[test]
    fn an_item_keeps_its_facets_and_its_id() {
        let mut writer = Writer::resume(Payload::default());
        writer.put(Facet::CONTENT, "name", "Ann").unwrap();
        writer.put(Facet::PRICE, "subscribed", &true).unwrap();
        let item = hidden(&Item { id: "c1".into(), payload: writer.finish() });
        assert_eq!(item.id.as_str(), "c1");
        assert_eq!(item.payload.members(Facet::CONTENT), "\"name\":\"***\"");
        assert_eq!(item.payload.members(Facet::PRICE), "\"subscribed\":true");
    }
}
