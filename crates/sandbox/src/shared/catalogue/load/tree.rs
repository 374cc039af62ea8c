//! Orders categories: files have them in any order and with any parents; a catalogue has them as a tree, parents first.

use std::collections::{HashMap, HashSet};

use crate::catalogue::Category;

/// Puts parents before children. A parent that doesn't exist, or that would close a cycle, is dropped: the category
/// becomes a root, and `tell` is called with its key and why.
pub(super) fn parents_first(categories: Vec<Category>, mut tell: impl FnMut(&str, String)) -> Vec<Category> {
    let order: Vec<String> = categories.iter().map(|category| category.key.clone()).collect();
    let mut waiting: HashMap<String, Category> =
        categories.into_iter().map(|category| (category.key.clone(), category)).collect();
    let mut placed: HashSet<String> = HashSet::with_capacity(order.len());
    let mut sorted = Vec::with_capacity(order.len());
    for key in order {
        // Takes the category and its ancestors that still wait, then places them from the top.
        let mut chain: Vec<Category> = Vec::new();
        let mut next = Some(key);
        while let Some(key) = next.take() {
            if placed.contains(&key) {
                break;
            }
            if let Some(category) = waiting.remove(&key) {
                next.clone_from(&category.parent);
                chain.push(category);
            } else {
                let circular = chain.iter().any(|category| category.key == key);
                if let Some(child) = chain.last_mut() {
                    child.parent = None;
                    let missing = format!("its parent {key} doesn't exist");
                    let why = if circular { "its parents form a circle".to_owned() } else { missing };
                    tell(&child.key, format!("{why}; taken for a top category"));
                }
                break;
            }
        }
        for category in chain.into_iter().rev() {
            placed.insert(category.key.clone());
            sorted.push(category);
        }
    }
    sorted
}
