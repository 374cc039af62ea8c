//! Categories of the Luma shop, and the two ways in which its files name them.

use std::{collections::HashMap, path::Path};

use super::{both, both_slugs};
use crate::catalogue::{
    Category,
    load::{LoadError, Skipped, add_once, order_hint, table::Row, table::Table},
};

const ROOT: &str = "Default Category";

/// The categories by their path of names.
#[derive(Default)]
pub(super) struct Categories {
    /// Key by path (`Men/Tops`).
    keys: HashMap<String, String>,
    list: Vec<Category>,
}

impl Categories {
    /// Reads a `categories.csv`. Parents stand before their children there.
    pub(super) fn read(&mut self, file: &Path, skipped: &mut Vec<Skipped>) -> Result<(), LoadError> {
        let table = Table::read(file, &["name", "url_key", "path"], skipped)?;
        for row in &table.rows {
            let (name, key, above) = (row.cell("name"), row.cell("url_key"), row.cell("path"));
            let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
            if self.keys.get(&path).is_some_and(|known| known == key) {
                // The two files overlap.
                continue;
            }
            let taken = self.list.iter().any(|category| category.key == key) || self.keys.contains_key(&path);
            let parent = self.keys.get(above).cloned();
            if name.is_empty() || key.is_empty() || taken {
                skipped.push(row.skip(format!("category {path:?} has no name or url_key, or it is taken; left out")));
            } else if parent.is_none() && !above.is_empty() {
                skipped.push(row.skip(format!("category {path:?} is below one that doesn't exist; left out")));
            } else {
                self.keys.insert(path, key.to_owned());
                self.list.push(Category {
                    key: key.to_owned(),
                    parent,
                    name: both(name),
                    slug: both_slugs(key),
                    order_hint: order_hint(self.list.len()),
                });
            }
        }
        Ok(())
    }

    /// Categories of a row that names paths, separated by commas, below [`ROOT`].
    pub(super) fn of_paths(&self, row: &Row, skipped: &mut Vec<Skipped>) -> Vec<String> {
        let mut keys = Vec::new();
        for path in row.cell("categories").split(',').filter(|path| !path.is_empty() && *path != ROOT) {
            let below = path.strip_prefix(ROOT).and_then(|path| path.strip_prefix('/')).unwrap_or(path);
            match self.keys.get(below) {
                Some(key) => add_once(&mut keys, key.clone()),
                None => skipped.push(row.skip(format!("there is no category {path:?}; the product isn't put there"))),
            }
        }
        keys
    }

    /// Categories of a row that names them line by line.
    pub(super) fn of_names(&self, row: &Row, skipped: &mut Vec<Skipped>) -> Vec<String> {
        let mut keys = Vec::new();
        let mut position = String::new();
        for name in row.cell("category").lines().map(str::trim).filter(|name| !name.is_empty()) {
            let below = format!("{position}/{name}");
            let path = if self.keys.contains_key(&below) { below } else { name.to_owned() };
            match self.keys.get(&path) {
                Some(key) => {
                    add_once(&mut keys, key.clone());
                    position = path;
                }
                None => skipped.push(row.skip(format!("there is no category {name:?}; the product isn't put there"))),
            }
        }
        keys
    }

    /// The categories, parents first.
    pub(super) fn sorted(self) -> Vec<Category> {
        self.list
    }
}
