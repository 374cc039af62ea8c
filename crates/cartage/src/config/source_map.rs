//! The places of keys and values of a configuration in its text.

use std::{collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Byte ranges of keys and values, by path: `["markets", "de", "currency"]`; items of a list by their index.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    places: BTreeMap<Vec<String>, Place>,
}

/// The place of a key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The key; for an item of a list, the item.
    pub key: Range<usize>,
    /// The value; for a table, its header.
    pub value: Range<usize>,
}

impl SourceMap {
    pub(super) fn of(table: &DeTable<'_>) -> Self {
        let mut map = Self::default();
        map.add_table(&mut Vec::new(), table);
        map
    }

    /// The place of a path.
    pub fn get(&self, path: &[&str]) -> Option<&Place> {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        self.places.get(&path)
    }

    /// The place of a path, or of the nearest enclosing one.
    pub fn nearest(&self, path: &[&str]) -> Place {
        (0..=path.len())
            .rev()
            .find_map(|length| self.get(path.get(..length)?))
            .cloned()
            .unwrap_or(Place { key: 0..0, value: 0..0 })
    }

    /// The path whose key or value has exactly this range.
    pub(super) fn path_at(&self, span: &Range<usize>) -> Option<&[String]> {
        let found = self.places.iter().find(|(_, place)| place.key == *span || place.value == *span);
        found.map(|(path, _)| path.as_slice())
    }

    fn add_table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            self.add(path, key.span(), value);
            path.pop();
        }
    }

    fn add(&mut self, path: &mut Vec<String>, key: Range<usize>, value: &Spanned<DeValue<'_>>) {
        self.places.insert(path.clone(), Place { key, value: value.span() });
        match value.get_ref() {
            DeValue::Table(table) => self.add_table(path, table),
            DeValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    path.push(at.to_string());
                    self.add(path, item.span(), item);
                    path.pop();
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_keys_values_and_items() {
        let text = "[markets.de]\ncurrency = \"EUR\"\nfallback = [\"de\", \"en\"]\n";
        let table = DeTable::parse(text).unwrap();
        let map = SourceMap::of(table.get_ref());
        let shown = |path: &[&str]| map.get(path).map(|place| (&text[place.key.clone()], &text[place.value.clone()]));
        assert_eq!(shown(&["markets", "de", "currency"]), Some(("currency", "\"EUR\"")));
        assert_eq!(shown(&["markets", "de", "fallback", "1"]), Some(("\"en\"", "\"en\"")));
        assert_eq!(shown(&["markets", "de"]), Some(("de", "[markets.de]")));
        assert_eq!(shown(&["markets", "uk"]), None);
        assert_eq!(map.nearest(&["markets", "de", "locale"]).value, 0..12);
    }
}
