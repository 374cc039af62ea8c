//! Selectors of properties: `(**)`, `(id,name)`, `(data.(id,image_groups.(view_type)))`.

use serde_json::Value;

/// A selector. Members that begin with an underscore are always there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Select {
    Everything,
    Members(Vec<(String, Select)>),
}

impl Select {
    /// Reads a selector; none if it is malformed.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let select = Self::group(&mut rest)?;
        rest.is_empty().then_some(select)
    }

    /// `(…)`
    fn group(rest: &mut &str) -> Option<Self> {
        *rest = rest.strip_prefix('(')?;
        if let Some(after) = rest.strip_prefix("**)").or_else(|| rest.strip_prefix("*)")) {
            *rest = after;
            return Some(Self::Everything);
        }
        let mut members = Vec::new();
        loop {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-')?;
            let (name, after) = rest.split_at_checked(end)?;
            if name.is_empty() {
                return None;
            }
            *rest = after;
            let below = match rest.strip_prefix('.') {
                Some(after) => {
                    *rest = after;
                    Self::group(rest)?
                }
                None => Self::Everything,
            };
            members.push((name.to_owned(), below));
            let next = rest.chars().next()?;
            *rest = rest.get(1..)?;
            match next {
                ',' => {}
                ')' => return Some(Self::Members(members)),
                _ => return None,
            }
        }
    }

    /// Leaves what is selected of a document.
    pub(super) fn apply(&self, value: &mut Value) {
        let Self::Members(members) = self else { return };
        match value {
            Value::Object(document) => {
                document.retain(|name, below| match members.iter().find(|(known, _)| known == name) {
                    Some((_, select)) => {
                        select.apply(below);
                        true
                    }
                    None => name.starts_with('_'),
                });
            }
            Value::Array(rows) => rows.iter_mut().for_each(|row| self.apply(row)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_leaves_what_it_names() {
        let mut document =
            json!({ "_v": "25.6", "total": 2, "data": [{ "_type": "a", "id": 1, "x": 2 }, { "id": 3 }] });
        Select::read("(data.(id))").unwrap().apply(&mut document);
        assert_eq!(document, json!({ "_v": "25.6", "data": [{ "_type": "a", "id": 1 }, { "id": 3 }] }));
        let mut document = json!({ "a": { "b": 1 } });
        Select::read("(**)").unwrap().apply(&mut document);
        assert_eq!(document, json!({ "a": { "b": 1 } }));
    }

    #[test]
    fn a_malformed_selector_is_none() {
        for text in ["", "id", "(", "(id", "()", "(id,)", "(id))", "(a.b)", "(a.(b)"] {
            assert_eq!(Select::read(text), None, "{text}");
        }
    }
}
