//! Which variants a store's assortment holds.
//!
//! A store without assortments, or with none but switched-off excluding ones, sells everything. One whose assortments
//! are all switched off, an including one among them, sells nothing. If at least one is switched on, only those count,
//! and the store sells a product that any of them includes: an including assortment has the products assigned to it, an
//! excluding one all others. An unknown assortment counts as including, so that nothing is sold by mistake.

use model::{Assignment, Record, Selection, SelectionId, Sku, Storefront};

/// The products that a market's store sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assortment {
    /// All of it.
    Everything,
    /// None of it.
    Nothing,
    /// The products of any of these: the assortment, and whether it excludes.
    Union(Vec<(SelectionId, bool)>),
}

impl Assortment {
    /// The rule of a store; without a store everything is sold.
    pub fn new<'a>(store: Option<&Storefront>, selection: impl Fn(&SelectionId) -> Option<&'a Selection>) -> Self {
        let Some(store) = store else { return Self::Everything };
        let known = |id: &SelectionId| selection(id).is_some_and(|selection| selection.excludes);
        let all: Vec<_> = store.selections.iter().map(|(id, active)| (id.clone(), known(id), *active)).collect();
        let active: Vec<_> =
            all.iter().filter(|(_, _, active)| *active).map(|(id, excludes, _)| (id.clone(), *excludes)).collect();
        if !active.is_empty() {
            Self::Union(active)
        } else if all.iter().all(|(_, excludes, _)| *excludes) {
            Self::Everything
        } else {
            Self::Nothing
        }
    }

    /// Whether the product's variant with this SKU is sold, given what is joined to the product.
    pub fn holds(&self, sku: Option<&Sku>, joined: &[Record]) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::Union(selections) => selections.iter().any(|(selection, excludes)| {
                let named = assignments(joined).any(|it| it.selection == *selection && it.members.holds(sku));
                named != *excludes
            }),
        }
    }
}

fn assignments(joined: &[Record]) -> impl Iterator<Item = &Assignment> {
    joined.iter().filter_map(|record| match record {
        Record::Assignment(assignment) => Some(assignment),
        _ => None,
    })
}
