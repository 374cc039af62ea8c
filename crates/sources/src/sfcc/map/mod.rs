//! Pure: elements of an export become records.

pub mod attribute;
pub mod category;
pub mod image;
pub mod price;
pub mod product;
pub mod site;
pub mod stock;
pub mod text;

use std::collections::BTreeMap;

use contract::{Change, Fault, source::Unread};
use model::{Kind, Record, RecordId};
use serde::Serialize;

use self::{attribute::Definitions, image::Images, site::Site};
use super::contents::Facts;

/// Settings of the mapping.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Settings {
    /// Views of images, the preferred one first.
    pub image_views: Vec<String>,
    /// Address of the images that the instance keeps, with `{catalog}` and `{path}`.
    pub image_url: String,
    /// What is set of sites, by their id.
    pub sites: BTreeMap<String, SiteSettings>,
    /// Price books with list prices of all sites.
    pub list_price_books: Vec<String>,
}

/// What is set of a site, in place of its preferences.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SiteSettings {
    /// Its catalogue.
    pub catalog: Option<String>,
    /// Its price books.
    pub price_books: Option<Vec<String>>,
    /// Its inventory list.
    pub inventory_list: Option<String>,
    /// Price books with its list prices.
    pub list_price_books: Option<Vec<String>>,
}

/// What rows are mapped with.
#[derive(Clone, Debug)]
pub struct Shop {
    /// What the export says once for many rows.
    pub facts: Facts,
    /// Definitions of custom attributes.
    pub definitions: Definitions,
    images: BTreeMap<String, Images>,
    /// Its sites.
    pub sites: Vec<Site>,
    image_views: Vec<String>,
}

impl Shop {
    /// The shop of an export.
    pub fn new(facts: Facts, settings: &Settings) -> Self {
        let definitions = Definitions::new(&facts.attributes);
        let images = facts.catalogs.iter();
        let images = images.map(|(id, it)| (id.clone(), Images::new(id, it, &settings.image_url))).collect();
        let sites = site::sites(&facts, settings);
        Self { definitions, images, sites, image_views: settings.image_views.clone(), facts }
    }
}

/// What a page of rows becomes.
#[derive(Debug, Default)]
pub struct Mapped {
    /// The changes.
    pub changes: Vec<Change>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

impl Mapped {
    fn is(&mut self, record: Record) {
        self.changes.push(Change::Is { record, version: 0, modified_at: None });
    }

    fn gone(&mut self, kind: Kind, id: impl Into<RecordId>) {
        self.changes.push(Change::Gone { kind, id: id.into(), version: None });
    }

    pub(super) fn unread(&mut self, kind: Kind, id: Option<String>, why: &str) {
        let named = id.as_deref().unwrap_or("without an id");
        let fault = Fault::record("C0206", format!("{kind} {named} can't be read: {why}"));
        self.unread.push(Unread { kind, id: id.map(RecordId::from), fault });
    }
}

/// Id of a category: ids are unique within a catalogue.
pub fn category_id(catalog: &str, category: &str) -> String {
    format!("{catalog}/{category}")
}

/// Id of an inventory record.
pub fn stock_id(list: &str, product: &str) -> String {
    format!("{list}/{product}")
}
