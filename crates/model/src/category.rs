//! Categories.

use serde::{Deserialize, Serialize};

use crate::{CategoryId, Localized, Timestamp};

/// A node of the category tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Category {
    /// Id at the source.
    pub id: CategoryId,
    /// Key given by the shop.
    pub key: Option<String>,
    /// The category above, none for a root.
    pub parent: Option<CategoryId>,
    /// Shown name.
    pub name: Localized,
    /// Part of a URL.
    pub slug: Localized,
    /// Description, may hold HTML.
    pub description: Localized,
    /// Order among siblings: compared as text of a decimal in (0, 1).
    pub order: Option<String>,
    /// Absolute image URL.
    pub image: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}
