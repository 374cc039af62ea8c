//! Makes slugs unique among the products of a locale, as platforms demand. Different names may become the same slug
//! (`C1` and `C1#`), and some files have equal ones.

use std::collections::{HashMap, HashSet};

use crate::catalogue::Localized;

/// The slugs that products have so far.
#[derive(Default)]
pub(super) struct Slugs {
    /// By locale.
    taken: HashSet<(String, String)>,
    /// The last number that was put behind a slug, so that the next one isn't looked for from the beginning.
    numbers: HashMap<(String, String), u64>,
}

impl Slugs {
    /// Reserves the slugs for a product. A slug that is used or empty gets a number appended; returns the changed ones.
    pub(super) fn take(&mut self, slugs: &mut Localized) -> Vec<String> {
        let mut told = Vec::new();
        for (locale, slug) in slugs {
            if !slug.is_empty() && self.taken.insert((locale.clone(), slug.clone())) {
                continue;
            }
            let free = self.numbered(locale, slug);
            told.push(format!("slug {slug:?} ({locale}) is empty or another product's; taken as {free:?}"));
            *slug = free;
        }
        told
    }

    /// The first slug with a number that no product has.
    fn numbered(&mut self, locale: &str, slug: &str) -> String {
        let base = if slug.is_empty() { "product" } else { slug };
        let last = self.numbers.entry((locale.to_owned(), base.to_owned())).or_insert(1);
        loop {
            *last += 1;
            let free = format!("{base}-{last}");
            if self.taken.insert((locale.to_owned(), free.clone())) {
                return free;
            }
        }
    }
}
