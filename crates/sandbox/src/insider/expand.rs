//! Nested items as flat records: a store overrides its locale, a locale overrides the base.

use serde_json::{Map, Value};

use super::record::{Record, STORE_FIELDS};

/// The store that stands for the bare locale.
pub(super) const MAIN: &str = "main";

/// Why a request of nested items is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// An item is no object, or has no `locales`.
    Item,
    /// A store has a field that no store has.
    StoreField(String),
}

/// The records of one nested item.
pub(super) fn expand(item: &Value) -> Result<Vec<Record>, Malformed> {
    let item = item.as_object().ok_or(Malformed::Item)?;
    let nothing = Map::new();
    let base = match item.get("base") {
        None => &nothing,
        Some(base) => base.as_object().ok_or(Malformed::Item)?,
    };
    let locales = item.get("locales").and_then(Value::as_object).filter(|it| !it.is_empty()).ok_or(Malformed::Item)?;
    let id = item.get("item_id").cloned().unwrap_or(Value::Null);
    let mut records = Vec::new();
    for (locale, fields) in locales {
        let fields = fields.as_object().ok_or(Malformed::Item)?;
        let mut record = base.clone();
        record.extend(
            fields.iter().filter(|(name, _)| *name != "stores").map(|(name, value)| (name.clone(), value.clone())),
        );
        record.insert("item_id".to_owned(), id.clone());
        record.insert("locale".to_owned(), locale.clone().into());
        let stores = match fields.get("stores") {
            None => &nothing,
            Some(stores) => stores.as_object().ok_or(Malformed::Item)?,
        };
        if stores.is_empty() {
            records.push(record);
            continue;
        }
        for (store, own) in stores {
            let own = own.as_object().ok_or(Malformed::Item)?;
            if let Some(name) = own.keys().find(|name| !STORE_FIELDS.contains(&name.as_str())) {
                return Err(Malformed::StoreField(name.clone()));
            }
            let mut of_store = record.clone();
            of_store.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
            if store != MAIN {
                of_store.insert("locale".to_owned(), format!("{locale}:{store}").into());
            }
            records.push(of_store);
        }
    }
    Ok(records)
}
