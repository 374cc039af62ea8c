//! Site archives: what of an instance an export contains, and writing it as a zip, one object after the other.

mod books;
mod catalog;
mod site;
mod xml;
mod zip;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::Value;

use super::error::Fault;
use super::seed::CATALOGS;
use super::state::State;

pub(super) use xml::time;

/// The text of `version.txt`.
const VERSION: &str = "###########################################\n# Generated file, do not edit.\n# Copyright (c) 2026 by \
                       Salesforce.com, Inc.\n###########################################\n26.8.0\n";

/// Units of a site that exist and are empty here.
const SITE_UNITS: [&str; 26] = [
    "ab_tests",
    "active_data_feeds",
    "cache_settings",
    "campaigns_and_promotions",
    "content",
    "coupons",
    "custom_objects",
    "customer_cdn_settings",
    "customer_groups",
    "distributed_commerce_extensions",
    "dynamic_file_resources",
    "gift_certificates",
    "ocapi_settings",
    "payment_methods",
    "payment_processors",
    "redirect_urls",
    "search_settings",
    "shipping",
    "sitemap_settings",
    "slots",
    "sorting_rules",
    "source_codes",
    "static_dynamic_alias_mappings",
    "stores",
    "tax",
    "url_rules",
];

/// Units of the organization that exist and are empty here.
const GLOBAL_UNITS: [&str; 20] = [
    "access_roles",
    "csc_settings",
    "csrf_whitelists",
    "custom_preference_groups",
    "custom_quota_settings",
    "geolocations",
    "global_custom_objects",
    "job_schedules",
    "job_schedules_deprecated",
    "oauth_providers",
    "ocapi_settings",
    "page_meta_tags",
    "preferences",
    "price_adjustment_limits",
    "services",
    "sorting_rules",
    "static_resources",
    "system_type_definitions",
    "users",
    "webdav_client_permissions",
];

/// Files by their path in an archive.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// What an export contains.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Units {
    catalogs: Vec<String>,
    books: Vec<String>,
    lists: Vec<String>,
    /// Sites with whether the descriptor and the preferences are wanted.
    sites: Vec<(String, bool, bool)>,
    metadata: bool,
    locales: bool,
    /// What was asked for and does not exist.
    pub(super) missing: Vec<String>,
}

impl Units {
    /// Everything.
    pub(super) fn all(state: &State) -> Self {
        Self {
            catalogs: CATALOGS.map(str::to_owned).to_vec(),
            books: state.books.keys().cloned().collect(),
            lists: state.lists.keys().cloned().collect(),
            sites: state.sites.keys().map(|id| (id.clone(), true, true)).collect(),
            metadata: true,
            locales: true,
            missing: Vec::new(),
        }
    }

    /// Reads the document `data_units`.
    pub(super) fn read(state: &State, given: &Value) -> Result<Self, Fault> {
        let document = "export_data_units_configuration";
        let Some(members) = given.as_object() else { return Err(Fault::malformed("data_units")) };
        let mut units = Self::default();
        for (name, value) in members {
            match name.as_str() {
                "catalogs" => units.catalogs = units.ids(name, value, CATALOGS.map(str::to_owned).to_vec())?,
                "price_books" => units.books = units.ids(name, value, state.books.keys().cloned().collect())?,
                "inventory_lists" => units.lists = units.ids(name, value, state.lists.keys().cloned().collect())?,
                "customer_lists" | "libraries" | "library_static_resources" => {
                    units.ids(name, value, state.sites.keys().cloned().collect())?;
                }
                "catalog_static_resources" => {
                    units.ids(name, value, CATALOGS.map(str::to_owned).to_vec())?;
                }
                "sites" => units.read_sites(state, value)?,
                "global_data" => units.read_global(value)?,
                _ => return Err(Fault::unknown_property(document, name)),
            }
        }
        Ok(units)
    }

    /// The wanted of the ids there are, in their order. `all` wants every one.
    fn ids(&mut self, unit: &str, value: &Value, known: Vec<String>) -> Result<Vec<String>, Fault> {
        let Some(members) = value.as_object() else { return Err(Fault::malformed(unit)) };
        let mut wanted = BTreeSet::new();
        for (id, flag) in members {
            match flag.as_bool() {
                Some(true) => wanted.insert(id.as_str()),
                Some(false) => continue,
                None => return Err(Fault::malformed(unit)),
            };
        }
        let all = wanted.remove("all");
        self.missing
            .extend(wanted.iter().filter(|id| !known.iter().any(|it| it == *id)).map(|id| format!("{unit}/{id}")));
        Ok(known.into_iter().filter(|id| all || wanted.contains(id.as_str())).collect())
    }

    fn read_sites(&mut self, state: &State, value: &Value) -> Result<(), Fault> {
        let Some(members) = value.as_object() else { return Err(Fault::malformed("sites")) };
        let mut wanted: BTreeMap<String, (bool, bool)> = BTreeMap::new();
        for (site, of) in members {
            let Some(of) = of.as_object() else { return Err(Fault::malformed("sites")) };
            let unknown = of.keys().find(|name| {
                !["all", "site_descriptor", "site_preferences"].contains(&name.as_str())
                    && !SITE_UNITS.contains(&name.as_str())
            });
            if let Some(name) = unknown {
                return Err(Fault::unknown_property("export_sites_configuration", name));
            }
            let has = |name: &str| of.get(name).and_then(Value::as_bool).unwrap_or(false);
            let all = has("all");
            let parts = (all || has("site_descriptor"), all || has("site_preferences"));
            if site == "all" {
                wanted.extend(state.sites.keys().map(|id| (id.clone(), parts)));
            } else if state.sites.contains_key(site) {
                wanted.insert(site.clone(), parts);
            } else {
                self.missing.push(format!("sites/{site}"));
            }
        }
        self.sites = wanted.into_iter().map(|(id, (descriptor, preferences))| (id, descriptor, preferences)).collect();
        Ok(())
    }

    fn read_global(&mut self, value: &Value) -> Result<(), Fault> {
        let Some(members) = value.as_object() else { return Err(Fault::malformed("global_data")) };
        for (name, flag) in members {
            let Some(flag) = flag.as_bool() else { return Err(Fault::malformed("global_data")) };
            match name.as_str() {
                "all" => {
                    self.metadata |= flag;
                    self.locales |= flag;
                }
                "meta_data" => self.metadata |= flag,
                "locales" => self.locales |= flag,
                "custom_types" => {}
                other if GLOBAL_UNITS.contains(&other) => {}
                _ => return Err(Fault::unknown_property("export_global_data_configuration", name)),
            }
        }
        Ok(())
    }
}

/// Passes over the products of an archive, with their prices and stock: over those of an instance at once, or over some after
/// the others, so that they are never all held.
pub(super) type Goods<'g> = &'g dyn Fn(&mut dyn FnMut(&State) -> io::Result<()>) -> io::Result<()>;

/// Writes the archive of `units` below the folder `top`, at the instant `now`. All but the products is that of `state`.
pub(super) fn write<W: Write>(
    out: W,
    state: &State,
    goods: Goods<'_>,
    units: &Units,
    top: &str,
    now: i64,
) -> io::Result<W> {
    let mut archive = zip::Zip::new(out, now);
    archive.add(&format!("{top}/version.txt"), |out| out.write_all(VERSION.as_bytes()))?;
    for id in &units.catalogs {
        archive.add(&format!("{top}/catalogs/{id}/catalog.xml"), |out| catalog::write(out, state, goods, id))?;
    }
    for list in units.lists.iter().filter_map(|id| state.lists.get(id)) {
        archive.add(&format!("{top}/inventory-lists/{}.xml", list.id), |out| books::inventory(out, list, goods))?;
    }
    if units.locales {
        archive.add(&format!("{top}/locales.xml"), |out| site::locales(out, state))?;
    }
    if units.metadata {
        archive.add(&format!("{top}/meta/system-objecttype-extensions.xml"), |out| site::metadata(out, state))?;
    }
    for book in units.books.iter().filter_map(|id| state.books.get(id)) {
        archive.add(&format!("{top}/pricebooks/{}.xml", book.id), |out| books::price_book(out, book, goods))?;
    }
    for (id, descriptor, preferences) in &units.sites {
        let Some(site) = state.sites.get(id) else { continue };
        if *preferences {
            archive.add(&format!("{top}/sites/{id}/preferences.xml"), |out| site::preferences(out, site))?;
        }
        if *descriptor {
            archive.add(&format!("{top}/sites/{id}/site.xml"), |out| site::descriptor(out, site))?;
        }
    }
    archive.finish()
}

/// Writes an archive of these files below the folder `top`.
pub(super) fn write_files<W: Write>(out: W, files: &Files, top: &str, now: i64) -> io::Result<W> {
    let mut archive = zip::Zip::new(out, now);
    archive.add(&format!("{top}/version.txt"), |out| out.write_all(VERSION.as_bytes()))?;
    for (path, content) in files {
        archive.add(&format!("{top}/{path}"), |out| out.write_all(content))?;
    }
    archive.finish()
}

/// What a delta is about.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Products that were changed, added or deleted.
    pub(super) products: BTreeSet<String>,
    pub(super) categories: BTreeSet<String>,
    /// Categories that a product is no longer assigned to.
    pub(super) unassigned: BTreeMap<String, BTreeSet<String>>,
    /// Products whose tables in a price book were changed.
    pub(super) prices: BTreeMap<String, BTreeSet<String>>,
    /// Products whose record in an inventory list was changed by a merchant.
    pub(super) stock: BTreeMap<String, BTreeSet<String>>,
}

impl Changed {
    pub(super) fn is_empty(&self) -> bool {
        self.products.is_empty() && self.categories.is_empty() && self.prices.is_empty() && self.stock.is_empty()
    }
}

/// Writes a delta archive below the folder `top`.
pub(super) fn write_delta<W: Write>(out: W, state: &State, changed: &Changed, top: &str, now: i64) -> io::Result<W> {
    let mut archive = zip::Zip::new(out, now);
    archive.add(&format!("{top}/version.txt"), |out| out.write_all(VERSION.as_bytes()))?;
    for id in CATALOGS {
        if !changed.products.is_empty() || !changed.categories.is_empty() {
            let name = format!("{top}/catalogs/{id}/catalog.xml");
            archive.add(&name, |out| catalog::write_changed(out, state, id, changed))?;
        }
    }
    for (list, products) in changed.stock.iter().filter_map(|(id, products)| Some((state.lists.get(id)?, products))) {
        let name = format!("{top}/inventory-lists/{}.xml", list.id);
        archive.add(&name, |out| books::changed_stock(out, list, products))?;
    }
    for (book, products) in changed.prices.iter().filter_map(|(id, products)| Some((state.books.get(id)?, products))) {
        let name = format!("{top}/pricebooks/{}.xml", book.id);
        archive.add(&name, |out| books::changed_prices(out, book, products))?;
    }
    archive.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::seed::{seed, seed_head, some_at_a_time};
    use super::*;
    use crate::catalogue::{Options, generate};

    /// Sorted lines of each file that has products in it.
    fn lines(state: &State, goods: Goods<'_>) -> BTreeMap<String, Vec<String>> {
        let sorted = |write: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
            let mut text = Vec::new();
            write(&mut text).unwrap();
            let mut lines: Vec<String> = String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let mut all = BTreeMap::new();
        for id in CATALOGS {
            all.insert(id.to_owned(), sorted(&|out| catalog::write(out, state, goods, id)));
        }
        for (id, book) in &state.books {
            all.insert(id.clone(), sorted(&|out| books::price_book(out, book, goods)));
        }
        for (id, list) in &state.lists {
            all.insert(id.clone(), sorted(&|out| books::inventory(out, list, goods)));
        }
        all
    }

    #[test]
    fn an_archive_of_some_products_after_the_others_holds_what_one_of_all_holds() {
        let catalogue = generate(&Options { products: 60, ..Options::default() });
        let now = 1_780_272_000_000;
        let (mut whole, mut head) = (State::default(), State::default());
        seed(&mut whole, &catalogue, now).unwrap();
        seed_head(&mut head, &catalogue, now).unwrap();
        assert_eq!(Units::all(&head), Units::all(&whole));
        let mut parts = 0;
        some_at_a_time(&catalogue, 7, now, &mut |_| {
            parts += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(parts, 9);
        let at_once = lines(&whole, &|each| each(&whole));
        assert!(at_once.len() > 6 && at_once.values().any(|lines| lines.len() > 1_000));
        assert_eq!(lines(&head, &|each| some_at_a_time(&catalogue, 7, now, each)), at_once);
    }
}
