//! Rows of one kind of resource with the indexes that make keyset and delta queries range scans.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::body::Body;
use super::order::{Id, scramble};

/// One resource.
#[derive(Debug)]
pub(super) struct Row {
    /// Id.
    pub(super) id: Id,
    /// Version, from 1.
    pub(super) version: u32,
    /// Milliseconds since 1970.
    pub(super) created: i64,
    /// Milliseconds since 1970.
    pub(super) modified: i64,
    /// User-given key.
    pub(super) key: Option<Box<str>>,
    /// Members of the JSON object that stand after the common ones, without braces. Of a product: those of its current
    /// data.
    pub(super) body: Body,
    /// What only a product has.
    pub(super) product: Option<Box<ProductPart>>,
    /// Values by which the row is found: see [`term`].
    pub(super) terms: Box<[u64]>,
}

/// The part of a row that only a product has.
#[derive(Debug)]
pub(super) struct ProductPart {
    /// Members that belong to the product rather than to one of its sides (`productType`, `priceMode`), shared by all
    /// products with the same ones.
    pub(super) fixed: Arc<str>,
    /// Visible to shoppers.
    pub(super) published: bool,
    /// Staged data when they differ from the current ones.
    pub(super) staged: Option<Body>,
}

/// Fields by which rows are found without a scan.
#[derive(Clone, Copy, Debug)]
pub(super) enum Term {
    /// User-given key.
    Key,
    /// SKU of the row or of one of its variants.
    Sku,
    /// Category a product is in, staged or current.
    Category,
    /// Slug in any locale, of a product staged or current.
    Slug,
    /// Product that the row belongs to.
    Product,
    /// E-mail address of a customer, in lower case.
    Email,
    /// Number of an order.
    Number,
}

/// The number under which `value` of a field is indexed. Two values may share one: a lookup checks the row.
pub(super) fn term(field: Term, value: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325 ^ field as u64;
    for byte in value.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    scramble(hash)
}

/// Slot of a row in its table. Never reused after the row is deleted.
pub(super) type Slot = u32;

/// Both ends of a range.
pub(super) type Range<T> = (Bound<T>, Bound<T>);

/// All rows of one kind.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Option<Row>>,
    live: usize,
    by_id: BTreeMap<Id, Slot>,
    by_modified: BTreeMap<(i64, Id), Slot>,
    by_term: BTreeSet<(u64, Slot)>,
}

impl Table {
    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// The row at `slot`.
    pub(super) fn row(&self, slot: Slot) -> Option<&Row> {
        self.rows.get(slot as usize)?.as_ref()
    }

    /// The place of `id`.
    pub(super) fn slot(&self, id: Id) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// The row with `id`.
    pub(super) fn find(&self, id: Id) -> Option<&Row> {
        self.row(self.slot(id)?)
    }

    /// The row with the user-given `key`.
    pub(super) fn find_key(&self, key: &str) -> Option<&Row> {
        self.with_term(term(Term::Key, key))
            .filter_map(|slot| self.row(slot))
            .find(|row| row.key.as_deref() == Some(key))
    }

    /// Places of rows indexed under `number`, in the order they were added.
    pub(super) fn with_term(&self, number: u64) -> impl Iterator<Item = Slot> + '_ {
        self.by_term.range((number, 0)..=(number, Slot::MAX)).map(|(_, slot)| *slot)
    }

    /// Adds a row, or puts it in the place of the one with the same id.
    pub(super) fn put(&mut self, row: Row) -> Slot {
        let slot = if let Some(slot) = self.slot(row.id) {
            self.unlink(slot);
            slot
        } else {
            self.rows.push(None);
            Slot::try_from(self.rows.len() - 1).unwrap_or(Slot::MAX)
        };
        self.by_id.insert(row.id, slot);
        self.by_modified.insert((row.modified, row.id), slot);
        self.by_term.extend(row.terms.iter().map(|term| (*term, slot)));
        if let Some(place) = self.rows.get_mut(slot as usize) {
            *place = Some(row);
            self.live += 1;
        }
        slot
    }

    /// Removes the row with `id`.
    pub(super) fn remove(&mut self, id: Id) -> Option<Row> {
        let slot = self.slot(id)?;
        self.unlink(slot)
    }

    fn unlink(&mut self, slot: Slot) -> Option<Row> {
        let row = self.rows.get_mut(slot as usize)?.take()?;
        self.live -= 1;
        self.by_id.remove(&row.id);
        self.by_modified.remove(&(row.modified, row.id));
        for term in &row.terms {
            self.by_term.remove(&(*term, slot));
        }
        Some(row)
    }

    /// Places in the order rows were added.
    pub(super) fn slots(&self) -> impl DoubleEndedIterator<Item = Slot> + '_ {
        (0..Slot::try_from(self.rows.len()).unwrap_or(Slot::MAX)).filter(|slot| self.row(*slot).is_some())
    }

    /// Places in id order.
    pub(super) fn by_id(&self, range: Range<Id>) -> impl DoubleEndedIterator<Item = Slot> + '_ {
        self.by_id.range(sane(range)).map(|(_, slot)| *slot)
    }

    /// Places in the order of (lastModifiedAt, id).
    pub(super) fn by_modified(&self, range: Range<(i64, Id)>) -> impl DoubleEndedIterator<Item = Slot> + '_ {
        self.by_modified.range(sane(range)).map(|(_, slot)| *slot)
    }

    /// The oldest row by (lastModifiedAt, id).
    pub(super) fn oldest(&self) -> Option<&Row> {
        self.by_modified.values().next().and_then(|slot| self.row(*slot))
    }

    /// Bytes of rendered JSON held.
    pub(super) fn held(&self) -> usize {
        self.rows
            .iter()
            .flatten()
            .map(|row| {
                let staged = row.product.as_ref().and_then(|part| part.staged.as_ref());
                row.body.held() + staged.map_or(0, Body::held)
            })
            .sum()
    }
}

/// `BTreeMap::range` panics on a range that ends before it starts; such a range is empty here.
fn sane<T: Ord + Copy>(range: Range<T>) -> Range<T> {
    let empty = match range {
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (Bound::Included(low) | Bound::Excluded(low), Bound::Excluded(high))
        | (Bound::Excluded(low), Bound::Included(high)) => low >= high,
        _ => false,
    };
    match range.0 {
        Bound::Included(low) | Bound::Excluded(low) if empty => (Bound::Included(low), Bound::Excluded(low)),
        _ => range,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn row(key: &str, modified: i64) -> Row {
        Row {
            id: Id::of("x", key),
            version: 1,
            created: 0,
            modified,
            key: Some(key.into()),
            body: Body::new(b""),
            product: None,
            terms: Box::new([term(Term::Key, key)]),
        }
    }

    #[test]
    fn a_row_put_again_moves_in_every_index() {
        let mut table = Table::default();
        table.put(row("a", 1));
        table.put(row("b", 2));
        table.put(row("a", 3));
        let times: Vec<i64> = table
            .by_modified((Bound::Unbounded, Bound::Unbounded))
            .map(|slot| table.row(slot).unwrap().modified)
            .collect();
        assert_eq!(times, [2, 3]);
        assert_eq!((table.len(), table.find_key("a").unwrap().modified), (2, 3));
        table.remove(Id::of("x", "a")).unwrap();
        assert!(table.find_key("a").is_none());
        assert_eq!((table.len(), table.slots().count()), (1, 1));
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_empty() {
        let mut table = Table::default();
        table.put(row("a", 1));
        let (low, high) = (Bound::Excluded((5, Id::FIRST)), Bound::Included((1, Id::LAST)));
        assert_eq!(table.by_modified((low, high)).count(), 0);
        let same = Id::of("x", "a");
        assert_eq!(table.by_id((Bound::Excluded(same), Bound::Excluded(same))).count(), 0);
    }
}
