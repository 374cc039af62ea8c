//! What is kept of an archive: rows of each lane on disk, in pages, and what is said once for many of them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use contract::Fault;
use model::Kind;
use serde::{Deserialize, Serialize};

use super::{
    place::Unit,
    spool::{Pages, broken},
    xml::Element,
};

/// A row of a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Row {
    /// An element of a catalogue, price book or inventory list with this id.
    Is {
        /// The id.
        of: String,
        /// The element.
        element: Element,
        /// Characters that were left out.
        unfit: u32,
    },
    /// A variant of a master: its element, if there is one, and its place among the variants.
    Variant {
        /// Id of the master.
        master: String,
        /// Id of the variant.
        id: String,
        /// Its place; the default variant is before all others.
        place: u32,
        /// The element.
        element: Option<Element>,
        /// Why there may be an element though none was read.
        lost: Option<String>,
        /// Characters that were left out.
        unfit: u32,
    },
    /// An assignment of a product, or of a variant, to a category of a catalogue.
    Assigned {
        /// The catalogue.
        of: String,
        /// The product, or the master of the variant.
        product: String,
        /// The variant, where one is assigned and not the whole product.
        variant: Option<String>,
        /// The element.
        element: Element,
    },
    /// What could not be read.
    Unread {
        /// What it is.
        kind: Kind,
        /// Its id, if there is one.
        id: Option<String>,
        /// Why.
        why: String,
    },
}

/// What lanes read of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Categories.
    Categories,
    /// Assignments of products to categories.
    Assignments,
    /// Products with their variants.
    Products,
    /// Price tables.
    Prices,
    /// Inventory records.
    Inventory,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 5] = [Self::Categories, Self::Assignments, Self::Products, Self::Prices, Self::Inventory];

    /// Whether its rows are put on pages by product.
    pub(super) const fn is_by_product(self) -> bool {
        matches!(self, Self::Assignments | Self::Products | Self::Prices)
    }

    /// Name of its file.
    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::Categories => "categories",
            Self::Assignments => "assignments",
            Self::Products => "products",
            Self::Prices => "prices",
            Self::Inventory => "inventory",
        }
    }
}

/// What is said once for many rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Catalogues by id.
    pub catalogs: BTreeMap<String, Catalog>,
    /// `header` of price books by id.
    pub books: BTreeMap<String, Element>,
    /// `header` of inventory lists by id.
    pub lists: BTreeMap<String, Element>,
    /// Sites by id.
    pub sites: BTreeMap<String, Site>,
    /// Definitions of the custom attributes of products.
    pub attributes: Vec<Element>,
    /// A file of a catalogue breaks off: any category, assignment or product may be missing.
    pub catalogs_break_off: bool,
    /// A file of price books breaks off: any table may be missing.
    pub prices_break_off: bool,
    /// What could not be read of these.
    pub unread: Vec<(Kind, Option<String>, String)>,
}

impl Facts {
    /// Whether a file of this data breaks off, so that what the rest of it holds was not read.
    pub(super) const fn breaks_off(&self, unit: Unit) -> bool {
        match unit {
            Unit::Catalogs => self.catalogs_break_off,
            Unit::PriceBooks => self.prices_break_off,
            Unit::InventoryLists => false,
        }
    }
}

/// A catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// `header`.
    pub header: Option<Element>,
    /// `variation-attribute`s that its products share, by id.
    pub variations: BTreeMap<String, Element>,
    /// The category that holds the others: the first one that is in none.
    pub root: Option<String>,
}

/// A site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The elements of its description, by name.
    pub described: BTreeMap<String, String>,
    /// Its preferences for all instances, by id.
    pub preferences: BTreeMap<String, String>,
}

/// An archive that was taken apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contents {
    /// What is said once for many rows.
    pub facts: Facts,
    pages: BTreeMap<Part, Pages>,
    #[serde(skip)]
    folder: PathBuf,
}

impl Contents {
    /// Keeps what was written to a folder: from now on it is found there.
    ///
    /// # Errors
    /// `C0310`: it can't be written.
    pub(super) fn keep(facts: Facts, pages: BTreeMap<Part, Pages>, folder: PathBuf) -> Result<Self, Fault> {
        let contents = Self { facts, pages, folder };
        let bytes = postcard::to_stdvec(&contents).map_err(|error| broken(&io::Error::other(error)))?;
        let part = contents.folder.join("contents.part");
        let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, contents.folder.join(CONTENTS)));
        written.map_err(|error| broken(&error))?;
        Ok(contents)
    }

    /// How many pages a part has.
    pub fn pages(&self, part: Part) -> usize {
        self.pages.get(&part).map_or(0, Pages::len)
    }

    /// Passes over the rows of a page, some at a time: all rows of a product at once, where they are put together.
    ///
    /// # Errors
    /// `C0310`: it can't be read. Those of `each`.
    pub fn each(
        &self,
        part: Part,
        page: usize,
        each: &mut dyn FnMut(Vec<Row>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.pages.get(&part).map_or(Ok(()), |pages| pages.each(&self.folder.join(part.file()), page, each))
    }

    /// What was written to this folder before; `None`: it was not finished.
    pub fn open(folder: &Path) -> Option<Self> {
        let bytes = fs::read(folder.join(CONTENTS)).ok()?;
        let contents: Self = postcard::from_bytes(&bytes).ok()?;
        Some(Self { folder: folder.to_owned(), ..contents })
    }
}

/// Written last: what is in it is whole. The number is that of the form of rows.
const CONTENTS: &str = "contents-3";

