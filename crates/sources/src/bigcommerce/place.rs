//! Positions of walks: the stages of each lane, and the tokens that the engine keeps between pages.

use contract::{Fault, Token};
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// The resource that a page is read from. A lane's walk goes through one or more stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the vendor's endpoint of that name")]
pub enum Stage {
    Channels,
    Currencies,
    CustomerGroups,
    Trees,
    Categories,
    Brands,
    PriceLists,
    Assignments,
    /// The records of one price list after the other.
    Records,
    /// Products, for what the calculator says of their variants.
    Calculated,
    /// The order of products in one category after the other.
    Ordered,
    /// Products, for where their stock is counted.
    Tracked,
    /// The stock of products that were met in [`Stage::Tracked`].
    Items,
    Products,
}

impl Stage {
    /// The stage that a lane begins with.
    pub fn first(lane: &str) -> Option<Self> {
        Some(match lane {
            "channels" => Self::Channels,
            "currencies" => Self::Currencies,
            "customer_groups" => Self::CustomerGroups,
            "categories" => Self::Trees,
            "brands" => Self::Brands,
            "price_lists" => Self::PriceLists,
            "assignments" => Self::Assignments,
            "prices" => Self::Records,
            "product_order" => Self::Ordered,
            "inventory" => Self::Tracked,
            "products" | "variants" => Self::Products,
            _ => return None,
        })
    }

    /// The endpoint below the store.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Channels => "v3/channels",
            Self::Currencies => "v2/currencies",
            Self::CustomerGroups => "v2/customer_groups",
            Self::Trees => "v3/catalog/trees",
            Self::Categories | Self::Ordered => "v3/catalog/trees/categories",
            Self::Brands => "v3/catalog/brands",
            Self::PriceLists | Self::Records => "v3/pricelists",
            Self::Assignments => "v3/catalog/products/channel-assignments",
            Self::Calculated | Self::Tracked | Self::Products => "v3/catalog/products",
            Self::Items => "v3/inventory/items",
        }
    }

    /// Whether its records can be asked for by the time of their last change.
    pub const fn has_delta(self) -> bool {
        matches!(self, Self::Products | Self::Records)
    }
}

/// The position of a walk under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The stage that is read.
    pub stage: Stage,
    /// Changes since this instant; `None`: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When the walk began, set by its first page: by the clock that is behind the other, the server's or this machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// The highest id of the page before, for stages that are paged by id.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after: u64,
    /// The number of the next page, from 1, for stages that are paged by number. It needs a size that stays.
    pub page: u64,
    /// Records of the next page.
    pub size: u16,
    /// The cursor of the next page of records, or the number of the next page of a category's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Price lists whose records are still to be read, categories whose order is, or products whose stock is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<u64>,
    /// How many of the products in `ids` have their stock asked for at once; 0: as many as there are.
    #[serde(default, skip_serializing_if = "is_none")]
    pub take: u16,
    /// Whether the page that `ids` came from was the last of its kind.
    #[serde(default, skip_serializing_if = "is_false")]
    pub last: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
const fn is_none(number: &u16) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
const fn is_false(truth: &bool) -> bool {
    !*truth
}

/// Where the next walk over changes starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Changes since this instant.
    pub since: Timestamp,
}

impl Place {
    /// The beginning of a walk.
    pub const fn beginning(stage: Stage, from: Option<Timestamp>, size: u16) -> Self {
        Self { stage, from, began: None, after: 0, page: 1, size, cursor: None, ids: Vec::new(), take: 0, last: false }
    }

    /// The products whose stock this page reads.
    pub fn taken(&self) -> &[u64] {
        match usize::from(self.take) {
            0 => &self.ids,
            take => self.ids.get(..take).unwrap_or(&self.ids),
        }
    }

    /// The first position of another stage of the same walk.
    #[must_use]
    pub fn stage(&self, stage: Stage, size: u16) -> Self {
        Self { began: self.began, ..Self::beginning(stage, self.from, size) }
    }
}

/// Writes a place or a mark.
///
/// # Errors
/// `C0216`; never for the types of this module.
pub fn write(place: &impl Serialize) -> Result<Token, Fault> {
    let text = serde_json::to_string(place);
    text.map(Token).map_err(|error| Fault::protocol("C0216", format!("a position can't be written: {error}")))
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// `C0216` for anything else, such as the token of another release.
pub fn read<'a, T: Deserialize<'a>>(token: &'a Token) -> Result<T, Fault> {
    serde_json::from_str(&token.0).map_err(|_| {
        Fault::config("C0216", "the position that was kept for this lane is not one of this release")
            .hint("read the lane from the beginning: cartage sync --full")
    })
}
