//! Takes an archive apart: rows of each lane on disk, in pages, and what is said once for many of them.
//!
//! Files are told apart by the namespace of their root, wherever they lie in the archive. A variant is an element like any
//! other product, and only its master says that it is one: products are put on pages twice, first by their own id, where
//! they meet what their masters say of them, then by the id of their master. So a page holds products with all their
//! variants, and memory does not grow with the catalogue. Price tables are put on pages by product, because a percentage
//! refers to the price in another book.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, BufRead},
    path::{Path, PathBuf},
};

use contract::Fault;
use model::Kind;

use super::{
    archive::{Archive, Bounds, unreadable},
    contents::{Catalog, Contents, Facts, Part, Row, Site},
    join::{Met, join},
    spool::{Writer, broken},
    xml::{self, Broken, Element, Piece},
};

/// Bytes of XML for a page, on average.
const PER_PAGE: u64 = 1 << 20;
/// Most pages of a file whose rows are put in any order: each holds a chunk in memory.
const MOST_PAGES: u64 = 2_048;

/// Takes an archive apart into a folder that exists.
///
/// # Errors
/// `C0220` for an archive that can't be read or is refused, `C0310` when the folder can't be written.
pub fn unpack(archive: &Path, bounds: Bounds, folder: &Path) -> Result<Contents, Fault> {
    let mut archive = Archive::open(archive, bounds)?;
    let bytes: u64 = archive.members().iter().filter(|it| is_xml(&it.name)).map(|it| it.size).sum();
    let pages = usize::try_from((bytes / PER_PAGE).clamp(1, MOST_PAGES)).unwrap_or(1);
    let mut unpacking = Unpacking::new(folder, pages)?;
    for member in archive.members().to_vec() {
        if is_xml(&member.name) {
            let mut file = archive.read(&member)?;
            unpacking.file(&member.name, &mut file)?;
            // Whether it is what was packed shows at its end.
            let rest = io::copy(&mut file, &mut io::sink());
            rest.map_err(|error| unreadable(&format!("{} {error}", member.name)))?;
        }
    }
    unpacking.finish()
}

fn is_xml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"))
}

struct Unpacking {
    folder: PathBuf,
    facts: Facts,
    written: BTreeMap<Part, Writer>,
    met: Writer,
    /// Products whose elements could not be read.
    unread: BTreeSet<String>,
    /// Why masters may be missing: a product that none of them names may be a variant.
    doubt: Option<String>,
}

/// Kinds of records in a catalogue.
const CATALOG: [Kind; 5] = [Kind::Tree, Kind::Category, Kind::Placement, Kind::Assignment, Kind::Product];
/// Kinds of records in any file.
const ANY: [Kind; 12] = [
    Kind::Tree,
    Kind::Category,
    Kind::Placement,
    Kind::Assignment,
    Kind::Product,
    Kind::Book,
    Kind::Price,
    Kind::Channel,
    Kind::Stock,
    Kind::Storefront,
    Kind::Selection,
    Kind::ProductType,
];

/// What stays of a namespace without its date.
const NAMESPACE: &str = "http://www.demandware.com/xml/impex/";

impl Unpacking {
    fn new(folder: &Path, pages: usize) -> Result<Self, Fault> {
        let mut written = BTreeMap::new();
        for part in Part::ALL {
            let path = folder.join(part.file());
            let writer = if part.is_by_product() { Writer::by_key(&path, pages) } else { Writer::new(&path) };
            written.insert(part, writer?);
        }
        let met = Writer::by_key(&folder.join("met"), pages)?;
        Ok(Self { folder: folder.to_owned(), facts: Facts::default(), written, met, unread: BTreeSet::new(), doubt: None })
    }

    fn put(&mut self, part: Part, row: &Row) -> Result<(), Fault> {
        let Some(writer) = self.written.get_mut(&part) else { return Ok(()) };
        match row {
            Row::Is { element, .. } if part == Part::Prices => {
                writer.put(element.attribute("product-id").unwrap_or_default(), row)
            }
            _ => writer.add(row),
        }
    }

    fn meet(&mut self, id: &str, met: &Met) -> Result<(), Fault> {
        self.met.put(id, met)
    }

    /// Reads a file; what can't be read of it is noted.
    fn file(&mut self, name: &str, file: impl BufRead) -> Result<(), Fault> {
        // A file of an unknown form may be anything: images have other names, so it is XML that lanes do not read.
        let mut reader = match xml::Reader::new(file, xml::Bounds::default()) {
            Ok(reader) => reader,
            Err(lost) => return self.lose(name, None, &lost),
        };
        let space = reader.namespace().strip_prefix(NAMESPACE).unwrap_or_default();
        let form = match (space.split('/').next().unwrap_or_default(), reader.root().name.as_str()) {
            ("catalog", "catalog") => Form::Catalog,
            ("pricebook", "pricebooks") => Form::Prices,
            ("inventory", "inventory") => Form::Inventory,
            ("site", "site") => Form::Site,
            ("preferences", "preferences") => Form::Preferences,
            ("metadata", "metadata") => Form::Metadata,
            _ => return Ok(()),
        };
        reader.descend(form.containers());
        let mut of = match form {
            Form::Catalog => reader.root().attribute("catalog-id").unwrap_or_default().to_owned(),
            Form::Site => reader.root().attribute("site-id").or_else(|| folder_of(name)).unwrap_or_default().to_owned(),
            Form::Preferences => folder_of(name).unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        if form == Form::Catalog {
            self.facts.catalogs.entry(of.clone()).or_default();
        }
        let mut within = String::new();
        loop {
            match reader.piece() {
                Ok(None) => return Ok(()),
                Ok(Some(Piece::Begins(element))) => {
                    // Headers follow, and name the book or list.
                    if matches!(element.name.as_str(), "pricebook" | "inventory-list") {
                        of.clear();
                    }
                    within = element.name;
                }
                Ok(Some(Piece::Is { element, unfit })) => self.piece(form, &mut of, &within, element, unfit)?,
                Ok(Some(Piece::Unread(element, why))) => self.unread(form, name, &of, &element, why)?,
                Err(lost) => return self.lose(name, Some(form), &lost),
            }
        }
    }

    fn piece(
        &mut self,
        form: Form,
        of: &mut String,
        within: &str,
        element: Element,
        unfit: u32,
    ) -> Result<(), Fault> {
        let row = |of: &str, element| Row::Is { of: of.to_owned(), element, unfit };
        match (form, element.name.as_str()) {
            (Form::Catalog, "header") => self.catalog(of).header = Some(element),
            (Form::Catalog, "product-attribute-definitions") => self.facts.attributes.extend(element.children),
            (Form::Catalog, "category") => {
                let catalog = self.catalog(of);
                if catalog.root.is_none() && element.value_of("parent").is_none() && !element.is_deletion() {
                    catalog.root = element.attribute("category-id").map(str::to_owned);
                }
                self.put(Part::Categories, &row(of, element))?;
            }
            (Form::Catalog, "product") => self.product(of, element, unfit)?,
            (Form::Catalog, "variation-attribute") => {
                if let Some(id) = element.attribute("variation-attribute-id").map(str::to_owned) {
                    self.catalog(of).variations.insert(id, element);
                }
            }
            (Form::Catalog, "category-assignment") => {
                if let Some(id) = element.attribute("product-id").map(str::to_owned) {
                    self.meet(&id, &Met::Assigned { of: of.clone(), element })?;
                }
            }
            (Form::Prices, "header") => {
                element.attribute("pricebook-id").unwrap_or_default().clone_into(of);
                if !element.is_deletion() {
                    self.facts.books.insert(of.clone(), element);
                }
            }
            (Form::Prices, "price-table") => self.put(Part::Prices, &row(of, element))?,
            (Form::Inventory, "header") => {
                element.attribute("list-id").unwrap_or_default().clone_into(of);
                if !element.is_deletion() {
                    self.facts.lists.insert(of.clone(), element);
                }
            }
            (Form::Inventory, "record") => self.put(Part::Inventory, &row(of, element))?,
            (Form::Site, name) => {
                let value = element.value().unwrap_or_default().to_owned();
                self.site(of).described.insert(name.to_owned(), value);
            }
            (Form::Preferences, "preference") if within == "all-instances" => {
                let value = element.value().unwrap_or_default().to_owned();
                if let Some(id) = element.attribute("preference-id").map(str::to_owned) {
                    self.site(of).preferences.entry(id).or_insert(value);
                }
            }
            (Form::Metadata, "type-extension") if element.attribute("type-id") == Some("Product") => {
                let definitions = element.children.into_iter().filter(|it| it.name == "custom-attribute-definitions");
                self.facts.attributes.extend(definitions.flat_map(|it| it.children));
            }
            _ => {}
        }
        Ok(())
    }

    fn product(&mut self, of: &str, element: Element, unfit: u32) -> Result<(), Fault> {
        let Some(id) = element.attribute("product-id").map(str::to_owned) else {
            let why = format!("a product of catalogue {of} has no product-id");
            return self.put_unread(Kind::Product, None, why);
        };
        if let Some(variations) = element.child("variations") {
            let variants = || variations.list("variants", "variant");
            for (place, variant) in (1..).zip(variants()) {
                let Some(variant_id) = variant.attribute("product-id") else { continue };
                let place = if variant.attribute("default") == Some("true") { 0 } else { place };
                let link = Met::Link { master: id.clone(), id: variant_id.to_owned(), place: Some(place) };
                self.meet(variant_id, &link)?;
            }
            for group in variations.list("variation-groups", "variation-group") {
                let Some(group_id) = group.attribute("product-id") else { continue };
                self.meet(group_id, &Met::Link { master: id.clone(), id: group_id.to_owned(), place: None })?;
            }
        }
        self.meet(&id, &Met::Product { of: of.to_owned(), element, unfit })
    }

    fn catalog(&mut self, id: &str) -> &mut Catalog {
        self.facts.catalogs.entry(id.to_owned()).or_default()
    }

    fn site(&mut self, id: &str) -> &mut Site {
        self.facts.sites.entry(id.to_owned()).or_default()
    }

    fn put_unread(&mut self, kind: Kind, id: Option<String>, why: String) -> Result<(), Fault> {
        let part = match kind {
            Kind::Category => Part::Categories,
            Kind::Placement | Kind::Assignment => Part::Assignments,
            Kind::Price => Part::Prices,
            Kind::Stock => Part::Inventory,
            Kind::Product => Part::Products,
            _ => {
                self.facts.unread.push((kind, id, why));
                return Ok(());
            }
        };
        self.put(part, &Row::Unread { kind, id, why })
    }

    /// Notes an element that is too large or too deep.
    fn unread(&mut self, form: Form, file: &str, of: &str, element: &Element, why: &str) -> Result<(), Fault> {
        let product = element.attribute("product-id");
        let (kind, id) = match (form, element.name.as_str()) {
            (Form::Catalog, "product") => {
                self.unread.extend(product.map(str::to_owned));
                if self.doubt.is_none() {
                    self.doubt = Some(format!("a product of {file}: {why}"));
                    // It may be the master of variants by which it is assigned.
                    for kind in [Kind::Placement, Kind::Assignment] {
                        self.put_unread(kind, None, format!("a product in {file}: {why}"))?;
                    }
                }
                (Kind::Product, product.map(str::to_owned))
            }
            (Form::Catalog, "category") => {
                (Kind::Category, element.attribute("category-id").map(|id| super::map::category_id(of, id)))
            }
            (Form::Catalog, "category-assignment") => (Kind::Placement, None),
            (Form::Prices, "price-table") => (Kind::Price, None),
            (Form::Inventory, "record") => (Kind::Stock, product.map(|id| super::map::stock_id(of, id))),
            (Form::Prices, _) => (Kind::Book, None),
            (Form::Metadata, _) if element.attribute("type-id") != Some("Product") => return Ok(()),
            (Form::Catalog, "recommendation" | "product-option") => return Ok(()),
            (Form::Catalog | Form::Metadata, _) => (Kind::ProductType, None),
            (Form::Site | Form::Preferences, _) => (Kind::Storefront, None),
            (Form::Inventory, _) => (Kind::Channel, None),
        };
        self.put_unread(kind, id, format!("<{}> in {file}: {why}", element.name))
    }

    /// Notes a file that can't be read further: any record of its kinds may be in the rest of it.
    fn lose(&mut self, file: &str, form: Option<Form>, lost: &Broken) -> Result<(), Fault> {
        if lost.damaged {
            return Err(unreadable(&format!("{file} {lost}")));
        }
        let kinds: &[Kind] = match form {
            Some(Form::Catalog) => &CATALOG,
            Some(Form::Prices) => &[Kind::Book, Kind::Price],
            Some(Form::Inventory) => &[Kind::Channel, Kind::Stock],
            Some(Form::Site | Form::Preferences) => &[Kind::Storefront],
            Some(Form::Metadata) => &[Kind::ProductType],
            None => &ANY,
        };
        let why = format!("{file} can't be read further {lost}");
        if matches!(form, Some(Form::Catalog) | None) {
            self.doubt.get_or_insert_with(|| why.clone());
            self.facts.catalogs_break_off = true;
        }
        self.facts.prices_break_off |= matches!(form, Some(Form::Prices) | None);
        for kind in kinds {
            self.put_unread(*kind, None, why.clone())?;
        }
        Ok(())
    }

    /// Puts products together with their masters, and writes what is left.
    fn finish(self) -> Result<Contents, Fault> {
        let Self { folder, facts, mut written, met, unread, doubt } = self;
        let met_path = folder.join("met");
        let met = met.finish()?;
        // What is joined adds nothing to other parts, so their chunks need not be held meanwhile.
        let mut pages = BTreeMap::new();
        for part in [Part::Categories, Part::Prices, Part::Inventory] {
            if let Some(writer) = written.remove(&part) {
                pages.insert(part, writer.finish()?);
            }
        }
        for page in 0..met.len() {
            met.each(&met_path, page, &mut |rows| {
                for (part, id, row) in join(rows, &unread, doubt.as_deref()) {
                    // Others of its variants, or itself, may be assigned in the rest of the file: it stays as it was.
                    if facts.catalogs_break_off && matches!(row, Row::Assigned { variant: Some(_), .. }) {
                        continue;
                    }
                    if let Some(writer) = written.get_mut(&part) {
                        writer.put(&id, &row)?;
                    }
                }
                Ok(())
            })?;
        }
        fs::remove_file(&met_path).map_err(|error| broken(&error))?;
        for (part, writer) in written {
            pages.insert(part, writer.finish()?);
        }
        Contents::keep(facts, pages, folder)
    }
}

/// The folder that a file lies in.
fn folder_of(name: &str) -> Option<&str> {
    Path::new(name).parent()?.file_name()?.to_str()
}

/// A file that lanes read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Catalog,
    Prices,
    Inventory,
    Site,
    Preferences,
    Metadata,
}

impl Form {
    const fn containers(self) -> &'static [&'static str] {
        match self {
            Self::Prices => &["pricebook", "price-tables"],
            Self::Inventory => &["inventory-list", "records"],
            Self::Preferences => &[
                "standard-preferences",
                "custom-preferences",
                "all-instances",
                "development",
                "staging",
                "production",
            ],
            Self::Catalog | Self::Site | Self::Metadata => &[],
        }
    }
}
