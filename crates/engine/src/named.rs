//! What a person knows a record by.

use std::fmt;

use model::{Kind, Localized, Record, RecordId};
use serde::Serialize;

/// A record with its id and, where it has them, its SKU (or key) and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Named {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// SKU of its main variant, or its key.
    pub key: Option<String>,
    /// Its name, in the first of its locales.
    pub name: Option<String>,
}

impl Named {
    /// The names of a record; without the record, as when it is gone, there is only its id.
    pub fn of(kind: Kind, id: &RecordId, record: Option<&Record>) -> Self {
        let (key, name) = match record {
            Some(Record::Product(product)) => {
                let sku = product.sku.as_ref().or_else(|| product.variants.first()?.sku.as_ref());
                let key = sku.map(model::Sku::as_str).or(product.key.as_deref());
                (key.map(str::to_owned), first(&product.name))
            }
            Some(Record::Category(category)) => (category.key.clone(), first(&category.name)),
            Some(_) | None => (None, None),
        };
        Self { kind, id: id.clone(), key, name }
    }
}

fn first(text: &Localized) -> Option<String> {
    text.iter().map(|(_, text)| text.to_owned()).next()
}

/// `product TRAIL-42 "Trail Jacket" (7f2c…)`.
impl fmt::Display for Named {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.kind)?;
        if let Some(key) = &self.key {
            write!(out, " {key}")?;
        }
        if let Some(name) = &self.name {
            write!(out, " {name:?}")?;
        }
        if self.key.is_none() && self.name.is_none() {
            write!(out, " {}", self.id)
        } else {
            write!(out, " ({})", self.id)
        }
    }
}
