//! Positions of walks: the stages of each lane, and the tokens that the engine keeps between pages.

use contract::{Fault, Token};
use model::{Kind, Timestamp};
use serde::{Deserialize, Serialize};
use wire::Instants;

use super::catalog_model::CatalogModel;

/// The resource that a page is read from. A lane's walk goes through one or more stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the vendor's endpoint of that name")]
pub enum Stage {
    ProductTypes,
    Channels,
    CustomerGroups,
    Stores,
    Selections,
    /// The products of one selection after the other.
    Members,
    Categories,
    StandalonePrices,
    Inventory,
    Projections,
    /// Changed products that are not published; only in a delta.
    Unpublished,
    Messages,
    Tailorings,
    /// Of a Modular project, as are [`Stage::Products`].
    Variants,
    /// Without variants, and with the one that each names as its main one: projections don't tell it.
    Products,
    Customers,
    Orders,
}

impl Stage {
    /// Number of stages.
    pub const COUNT: usize = 17;

    /// Its index in an array of [`Stage::COUNT`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The stage that a lane begins with.
    pub fn first(lane: &str, model: CatalogModel) -> Option<Self> {
        Some(match lane {
            "product_types" => Self::ProductTypes,
            "channels" => Self::Channels,
            "customer_groups" => Self::CustomerGroups,
            // A store's assortment is read before the store: a store with an unknown assortment sells nothing.
            "stores" => Self::Selections,
            "categories" => Self::Categories,
            "standalone_prices" => Self::StandalonePrices,
            "inventory" => Self::Inventory,
            "tailoring" => Self::Tailorings,
            "products" => match model {
                CatalogModel::Classic => Self::Projections,
                CatalogModel::Modular => Self::Variants,
            },
            "deletions" => Self::Messages,
            "customers" => Self::Customers,
            "orders" => Self::Orders,
            _ => return None,
        })
    }

    /// The stage that reads records of a kind by id; `None` where a project has none.
    pub const fn of(kind: Kind, model: CatalogModel) -> Option<Self> {
        Some(match (kind, model) {
            (Kind::Product, CatalogModel::Modular) => Self::Products,
            (Kind::Variant, CatalogModel::Modular) => Self::Variants,
            _ => return Self::of_any(kind),
        })
    }

    /// The same, whichever the model of the project.
    const fn of_any(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Product => Self::Projections,
            Kind::Category => Self::Categories,
            Kind::ProductType => Self::ProductTypes,
            Kind::Stock => Self::Inventory,
            Kind::Price => Self::StandalonePrices,
            Kind::Channel => Self::Channels,
            Kind::CustomerGroup => Self::CustomerGroups,
            Kind::Selection => Self::Selections,
            Kind::Tailoring => Self::Tailorings,
            Kind::Customer => Self::Customers,
            Kind::Order => Self::Orders,
            _ => return None,
        })
    }

    /// The endpoint below the project.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ProductTypes => "product-types",
            Self::Channels => "channels",
            Self::CustomerGroups => "customer-groups",
            Self::Stores => "stores",
            Self::Selections | Self::Members => "product-selections",
            Self::Categories => "categories",
            Self::StandalonePrices => "standalone-prices",
            Self::Inventory => "inventory",
            Self::Projections => "product-projections",
            Self::Unpublished | Self::Products => "products",
            Self::Variants => "variants",
            Self::Messages => "messages",
            Self::Tailorings => "product-tailoring",
            Self::Customers => "customers",
            Self::Orders => "orders",
        }
    }

    /// The model of the projects in which it is read.
    pub const fn model(self) -> CatalogModel {
        match self {
            Self::Variants | Self::Products => CatalogModel::Modular,
            _ => CatalogModel::Classic,
        }
    }

    /// The field by which changes are found. Messages never change, so theirs is the time of creation.
    pub const fn time_field(self) -> &'static str {
        match self {
            Self::Messages => "createdAt",
            _ => "lastModifiedAt",
        }
    }

    /// Whether its records can be asked for by the time of their last change.
    pub const fn has_delta(self) -> bool {
        matches!(
            self,
            Self::Categories
                | Self::StandalonePrices
                | Self::Inventory
                | Self::Projections
                | Self::Unpublished
                | Self::Messages
                | Self::Tailorings
                | Self::Variants
                | Self::Products
                | Self::Customers
                | Self::Orders
        )
    }

    /// Whether its records are about people: what is reported of them quotes nothing.
    pub const fn is_personal(self) -> bool {
        matches!(self, Self::Customers | Self::Orders)
    }

    /// References that are shown with what they refer to.
    pub const fn expansion(self) -> Option<&'static str> {
        match self {
            Self::Orders => Some("discountCodes[*].discountCode"),
            _ => None,
        }
    }
}

/// The last record of a page, exactly as the server wrote it: its order of ids is not that of their text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// Its id.
    pub id: String,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// A selection whose products are to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assortment {
    /// Its id.
    pub id: String,
    /// How many products it had when it was read; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
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
    /// The server's clock when the walk began, set by its first page: a walk over changes goes no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// The same instant by the clock that is behind the other, the server's or this machine's: the next walk over changes
    /// reads from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Timestamp>,
    /// The last record of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
    /// Records of the next page.
    pub size: u16,
    /// Selections whose products are still to be read, the current one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selections: Vec<Assortment>,
    /// How many products of the current one were read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: u32,
    /// Whether the products of the current one are paged by id rather than by offset.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keyset: bool,
    /// The last selection of the page that `selections` came from, where there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_after: Option<String>,
    /// Whether the walk began a second time, because a store changed during it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub again: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
const fn is_zero(number: &u32) -> bool {
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
    /// The model of the project whose products were read: those of another one are read anew.
    #[serde(default, skip_serializing_if = "is_classic")]
    pub model: CatalogModel,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn is_classic(model: &CatalogModel) -> bool {
    *model == CatalogModel::Classic
}

impl Place {
    /// The beginning of a walk.
    pub const fn beginning(stage: Stage, from: Option<Timestamp>, size: u16) -> Self {
        Self {
            stage,
            from,
            began: None,
            earlier: None,
            after: None,
            size,
            selections: Vec::new(),
            offset: 0,
            keyset: false,
            more_after: None,
            again: false,
        }
    }

    /// The same place of a walk that began at this instant.
    #[must_use]
    pub(super) fn begun(self, at: Instants) -> Self {
        Self { began: Some(at.server), earlier: Some(at.earlier), ..self }
    }

    /// The first position of another stage of the same walk.
    #[must_use]
    pub fn stage(&self, stage: Stage, size: u16) -> Self {
        Self { began: self.began, earlier: self.earlier, again: self.again, ..Self::beginning(stage, self.from, size) }
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
