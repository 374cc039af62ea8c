//! What an instance holds: sites, one master and one storefront catalogue, price books, inventory lists, products.
//!
//! **Invariants:** a variant's master and a master's variants exist; every assignment, price table and inventory record
//! names a product that exists; ids meet the bounds of the import and export schemas (see [`id`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::amount::Amount;
use super::seed::Plan;

/// The catalogue that owns all products. It is assigned to no site.
pub(super) const MASTER_CATALOG: &str = "master-catalog";
/// The catalogue with the categories, assigned to every site.
pub(super) const STOREFRONT_CATALOG: &str = "storefront-catalog";
/// The category above all.
pub(super) const ROOT: &str = "root";
/// The locale that others fall back to, as JSON names it; XML calls it `x-default`.
pub(super) const DEFAULT_LOCALE: &str = "default";

/// Texts by locale: `default`, `en`, `de-DE`.
pub(super) type Texts = BTreeMap<String, String>;

/// The text of a locale, or the one that it falls back to: `de-DE`, then `de`, then `default`.
pub(super) fn localized<'t>(texts: &'t Texts, locale: &str) -> Option<&'t String> {
    let language = locale.split_once('-').map_or(locale, |(language, _)| language);
    texts.get(locale).or_else(|| texts.get(language)).or_else(|| texts.get(DEFAULT_LOCALE))
}

/// A text as an id of at most `most` characters: without space at its ends and with single spaces inside.
pub(super) fn id(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let cut: String = words.join(" ").chars().take(most).collect();
    let cut = cut.trim_end();
    if cut.is_empty() { "-".to_owned() } else { cut.to_owned() }
}

/// An instance. Times are milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sites: BTreeMap<String, Site>,
    /// Locales of all sites, `default` first.
    pub(super) locales: Vec<String>,
    pub(super) categories: BTreeMap<String, Category>,
    /// Custom attributes of products.
    pub(super) attributes: BTreeMap<String, Attribute>,
    pub(super) products: BTreeMap<String, Product>,
    /// By product and category. Of variants there are none: they are where their master is.
    pub(super) assignments: BTreeMap<String, BTreeMap<String, Assignment>>,
    pub(super) books: BTreeMap<String, Book>,
    pub(super) lists: BTreeMap<String, List>,
    /// What stands before the path of every image.
    pub(super) image_base: String,
    /// Masters and single products by the catalogue's key.
    pub(super) keys: HashMap<String, String>,
    /// Variants and single products by SKU.
    pub(super) skus: HashMap<String, String>,
    pub(super) plan: Plan,
    pub(super) catalogs_modified: i64,
    pub(super) created: i64,
}

#[derive(Debug)]
pub(super) struct Site {
    pub(super) id: String,
    pub(super) name: String,
    /// Without `default`.
    pub(super) locales: Vec<String>,
    /// The default one.
    pub(super) currency: String,
    /// All that are allowed.
    pub(super) currencies: Vec<String>,
    pub(super) books: Vec<String>,
    pub(super) list: String,
}

#[derive(Debug)]
pub(super) struct Category {
    pub(super) id: String,
    /// None of the root alone.
    pub(super) parent: Option<String>,
    pub(super) name: Texts,
    pub(super) page_url: Texts,
    /// Place among its siblings, from 1.
    pub(super) position: u32,
    pub(super) online: bool,
    pub(super) modified: i64,
}

/// Type of a custom attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    Double,
    Boolean,
    Date,
    DateTime,
    SetOfString,
    /// One value of a list.
    Enum,
    /// Several values of a list.
    EnumSet,
}

#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: Texts,
    pub(super) kind: Kind,
    pub(super) localizable: bool,
    /// Values of a list, with what is shown for them.
    pub(super) values: Vec<(String, Texts)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Custom {
    One(String),
    Localized(Texts),
    Many(Vec<String>),
}

#[derive(Clone, Debug)]
pub(super) enum Role {
    /// A product that is sold as it is.
    Item,
    Master(Master),
    /// A variant of the master with this id.
    Variant(String),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Master {
    pub(super) variations: Vec<Variation>,
    pub(super) variants: Vec<String>,
}

/// A variation attribute of a master. It has the id of the custom attribute that variants hold their value in.
#[derive(Clone, Debug)]
pub(super) struct Variation {
    pub(super) id: String,
    pub(super) name: Texts,
    pub(super) values: Vec<(String, Texts)>,
}

#[derive(Clone, Debug)]
pub(super) struct ImageGroup {
    /// Variation attributes and values that the images are for; empty: for all others.
    pub(super) values: Vec<(String, String)>,
    pub(super) paths: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) id: String,
    /// The catalogue's key.
    pub(super) key: String,
    pub(super) role: Role,
    pub(super) name: Texts,
    pub(super) description: Texts,
    pub(super) page_url: Texts,
    pub(super) brand: String,
    pub(super) ean: String,
    pub(super) online: bool,
    /// Sites where it is offline though it is online elsewhere.
    pub(super) offline_on: BTreeSet<String>,
    pub(super) images: Vec<ImageGroup>,
    pub(super) custom: BTreeMap<String, Custom>,
    pub(super) created: i64,
    pub(super) modified: i64,
}

impl Product {
    /// Whether a site shows it, by its flags alone.
    pub(super) fn online_on(&self, site: &str) -> bool {
        self.online && !self.offline_on.contains(site)
    }

    /// A custom attribute that is one value.
    pub(super) fn value(&self, attribute: &str) -> Option<&str> {
        match self.custom.get(attribute)? {
            Custom::One(value) => Some(value),
            Custom::Localized(_) | Custom::Many(_) => None,
        }
    }

    /// Ids of what is sold of it: its variants, or itself.
    pub(super) fn sold_as(&self) -> &[String] {
        match &self.role {
            Role::Master(master) => &master.variants,
            Role::Item | Role::Variant(_) => std::slice::from_ref(&self.id),
        }
    }

    pub(super) fn master(&self) -> Option<&Master> {
        match &self.role {
            Role::Master(master) => Some(master),
            Role::Item | Role::Variant(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Assignment {
    pub(super) primary: bool,
}

#[derive(Debug)]
pub(super) struct Book {
    pub(super) id: String,
    pub(super) currency: String,
    pub(super) name: String,
    /// The book that this one is based on.
    pub(super) parent: Option<String>,
    pub(super) tables: BTreeMap<String, Vec<Table>>,
    pub(super) modified: i64,
}

/// A price of a product for a time.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
    /// Unit prices from a quantity on, the first from 1.
    pub(super) amounts: Vec<(u32, Amount)>,
    /// How narrow the scope of the catalogue's price is that it shows: everyone 0, a country 1, a channel 2.
    pub(super) rank: u8,
}

impl Table {
    pub(super) fn holds(&self, now: i64) -> bool {
        self.from.is_none_or(|from| from <= now) && self.to.is_none_or(|to| now < to)
    }
}

#[derive(Debug)]
pub(super) struct List {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) default_in_stock: bool,
    pub(super) records: BTreeMap<String, Record>,
    pub(super) modified: i64,
}

/// Stock of a product in a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) perpetual: bool,
    pub(super) allocation: i64,
    /// When the allocation was set.
    pub(super) reset: i64,
    /// Sold since then.
    pub(super) turnover: i64,
    pub(super) modified: i64,
}

impl Record {
    /// Pieces there are.
    pub(super) fn level(&self) -> i64 {
        (self.allocation - self.turnover).max(0)
    }
}

impl State {
    /// Variants and single products of a key.
    pub(super) fn family(&self, key: &str) -> Vec<String> {
        let Some(product) = self.keys.get(key).and_then(|id| self.products.get(id)) else { return Vec::new() };
        let variants = product.master().map_or(&[][..], |master| &master.variants);
        std::iter::once(product.id.clone()).chain(variants.iter().cloned()).collect()
    }

    /// The master of a variant.
    pub(super) fn master_of(&self, product: &Product) -> Option<&Product> {
        match &product.role {
            Role::Variant(master) => self.products.get(master),
            Role::Item | Role::Master(_) => None,
        }
    }

    /// Categories of a product, which for a variant are those of its master.
    pub(super) fn categories_of(&self, product: &Product) -> Option<&BTreeMap<String, Assignment>> {
        let own = self.assignments.get(&product.id);
        own.or_else(|| self.assignments.get(&self.master_of(product)?.id))
    }

    /// Whether a category and all above it are online.
    pub(super) fn is_shown(&self, category: &str) -> bool {
        let mut next = self.categories.get(category);
        while let Some(known) = next {
            if !known.online {
                return false;
            }
            match &known.parent {
                None => return true,
                Some(parent) => next = self.categories.get(parent),
            }
        }
        false
    }
}
