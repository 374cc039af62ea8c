//! The Best Buy category tree: `categories.json`. Categories only, no products.
//!
//! How it is read, so that an independent reader of the file can recompute it:
//! - Every entry is a category. Its `id` is the key and the slug, its `name` the name, in English (`en`). One entry has
//!   no name; its id stands for it.
//! - The parent is the nearest ancestor in `path` that is an entry of the file itself (139 ancestors are named in paths
//!   only). An entry without such an ancestor is a top category.
//! - `subCategories` isn't read: it names categories that aren't in the file, and disagrees with `path`.

use std::{collections::HashSet, path::Path};

use serde::Deserialize;

use super::{DataSet, LoadError, Loaded, Parts, json, order_hint, tree};
use crate::catalogue::{Category, Head, Localized};

#[derive(Deserialize)]
struct Entry {
    id: String,
    name: Option<String>,
    path: Vec<Ancestor>,
}

#[derive(Deserialize)]
struct Ancestor {
    id: String,
}

pub(super) fn load(folder: &Path) -> Result<Loaded, LoadError> {
    let file = folder.join("categories.json");
    let mut skipped = Vec::new();
    let mut listed = json::entries::<Entry>(&file, &mut skipped)?;
    let mut ids = HashSet::new();
    listed.retain(|entry| {
        let new = ids.insert(entry.value.id.clone());
        if !new {
            let why = format!("category {} is there already; entry left out", entry.value.id);
            skipped.push(super::Skipped { file: file.clone(), line: entry.line, why });
        }
        new
    });
    let categories =
        listed.into_iter().enumerate().map(|(position, entry)| category(position, entry.value, &ids)).collect();
    let categories = tree::parents_first(categories, |key, why| {
        skipped.push(super::Skipped { file: file.clone(), line: 1, why: format!("category {key}: {why}") });
    });
    let head = Head {
        languages: vec!["en".to_owned()],
        currencies: vec!["USD".to_owned()],
        countries: vec!["US".to_owned()],
        categories,
        ..Head::default()
    };
    Ok(Parts { data_set: DataSet::BestBuy, head, products: Vec::new(), markets: Vec::new(), skipped }.into_loaded())
}

fn category(position: usize, entry: Entry, ids: &HashSet<String>) -> Category {
    let name = entry.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| entry.id.clone());
    let ancestors = entry.path.into_iter().rev().map(|ancestor| ancestor.id);
    Category {
        parent: ancestors.into_iter().find(|id| *id != entry.id && ids.contains(id)),
        name: Localized::from([("en".to_owned(), name)]),
        slug: Localized::from([("en".to_owned(), entry.id.clone())]),
        order_hint: order_hint(position),
        key: entry.id,
    }
}
