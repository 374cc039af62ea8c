//! Categories, their trees, and brands.

use serde::{Deserialize, Serialize};

use crate::{BrandId, CategoryId, Localized, Notice, Online, StorefrontKey, Timestamp, TreeId};

/// A node of a category tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Category {
    /// Id at the source.
    pub id: CategoryId,
    /// Key given by the shop.
    pub key: Option<String>,
    /// Id in a system beside the source, such as an ERP.
    pub external_id: Option<String>,
    /// The tree it belongs to; `None`: every store shows it.
    pub tree: Option<TreeId>,
    /// The category above, none for a root.
    pub parent: Option<CategoryId>,
    /// Shown name.
    pub name: Localized,
    /// Part of a URL.
    pub slug: Localized,
    /// Description, may hold HTML.
    pub description: Localized,
    /// Place among siblings, lowest first; those without one come last.
    pub order: Option<f64>,
    /// Whether it is shown. What is below a hidden category is hidden as well.
    pub online: Online,
    /// Absolute image URL.
    pub image: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Details that were left out.
    pub notices: Vec<Notice>,
}

impl Category {
    /// A root category with this id that every store shows; all other fields are empty.
    pub fn new(id: impl Into<CategoryId>) -> Self {
        Self {
            id: id.into(),
            key: None,
            external_id: None,
            tree: None,
            parent: None,
            name: Localized::empty(),
            slug: Localized::empty(),
            description: Localized::empty(),
            order: None,
            online: Online::ALWAYS,
            image: None,
            created_at: None,
            notices: Vec::new(),
        }
    }
}

/// A tree of categories and the stores that show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Id at the source.
    pub id: TreeId,
    /// The stores that show it; empty: no store does.
    pub stores: Vec<StorefrontKey>,
    /// The category that holds all others and is never shown itself.
    pub root: Option<CategoryId>,
}

/// A brand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brand {
    /// Id at the source; products refer to it.
    pub id: BrandId,
    /// Shown name.
    pub name: Localized,
}
