//! Sites, and what they show: a catalogue, price books, an inventory list.

use std::collections::BTreeMap;

use model::{
    Book, Channel, Currency, Kind, Locale, Localized, Notice, Record, Selection, Storefront, TaxMode, Tree,
    market::Untracked, price::Audience,
};

use super::{
    Mapped, Settings, Shop, category_id,
    text::{locale, truth, window},
};
use crate::sfcc::contents::{Facts, Site as Said};

/// A site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its id, by which markets name it.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its catalogue; `None`: it is not known, and the site shows what belongs to any.
    pub catalog: Option<String>,
    /// Its price books.
    pub price_books: Vec<String>,
    /// Price books with its list prices, if these are not those that its price books are based on.
    pub list_price_books: Vec<String>,
    /// Its inventory list.
    pub inventory_list: Option<String>,
    /// Whether tax is in its prices.
    pub tax: Option<TaxMode>,
    /// Its languages, as the instance writes them.
    pub locales: Vec<String>,
    /// Its currencies.
    pub currencies: Vec<String>,
}

/// The sites of an export, with what is set of them.
pub fn sites(facts: &Facts, settings: &Settings) -> Vec<Site> {
    let none = Said::default();
    let ids: std::collections::BTreeSet<&String> = facts.sites.keys().chain(settings.sites.keys()).collect();
    let site = |id: &String| {
        let said = facts.sites.get(id).unwrap_or(&none);
        let set = settings.sites.get(id).cloned().unwrap_or_default();
        let described = |name: &str| said.described.get(name).filter(|text| !text.is_empty());
        let preference = |name: &str| said.preferences.get(name).filter(|text| !text.is_empty());
        let list = |name: &str| {
            let parts = preference(name).map(|text| text.split(':').map(str::trim)).into_iter().flatten();
            parts.filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut currencies = list("SiteCurrencies");
        if currencies.is_empty() {
            currencies.extend(described("currency").cloned());
        }
        Site {
            id: id.clone(),
            name: described("name").cloned(),
            catalog: set.catalog.or_else(|| preference("SiteCatalog").cloned()),
            price_books: set.price_books.unwrap_or_else(|| list("SitePriceBooks")),
            list_price_books: set.list_price_books.unwrap_or_else(|| settings.list_price_books.clone()),
            inventory_list: set.inventory_list.or_else(|| preference("SiteInventoryList").cloned()),
            tax: match described("taxation").map(String::as_str) {
                Some("gross") => Some(TaxMode::Gross),
                Some("net") => Some(TaxMode::Net),
                _ => None,
            },
            locales: list("SiteLocales"),
            currencies,
        }
    };
    ids.into_iter().map(site).collect()
}

/// Stores, assortments, and the definitions of attributes.
pub fn page(shop: &Shop) -> Mapped {
    let mut mapped = Mapped::default();
    for site in &shop.sites {
        mapped.is(Record::Storefront(storefront(site)));
    }
    for id in shop.facts.catalogs.keys() {
        mapped.is(Record::Selection(Selection { id: id.as_str().into(), key: Some(id.clone()), excludes: false }));
    }
    if let Some(of) = shop.definitions.product_type() {
        mapped.is(Record::ProductType(of));
    }
    lost(shop, &mut mapped, &[Kind::Storefront, Kind::Selection, Kind::ProductType]);
    mapped
}

/// Inventory lists.
pub fn lists(shop: &Shop) -> Mapped {
    let mut mapped = Mapped::default();
    for (id, header) in &shop.facts.lists {
        match truth(header, "default-instock") {
            Ok(default) => {
                let of = |in_stock| if in_stock { Untracked::Available } else { Untracked::Unavailable };
                let (name, untracked) = (Localized::empty(), default.map(of));
                mapped.is(Record::Channel(Channel { id: id.as_str().into(), key: id.clone(), name, untracked }));
            }
            Err(why) => mapped.unread(Kind::Channel, Some(id.clone()), &why),
        }
    }
    lost(shop, &mut mapped, &[Kind::Channel]);
    mapped
}

fn storefront(site: &Site) -> Storefront {
    let mut notices = Vec::new();
    let mut locales: Vec<Locale> = Vec::new();
    for tag in site.locales.iter().filter(|tag| *tag != "default") {
        match locale(Some(tag)) {
            Some(locale) => locales.push(locale),
            None => notices.push(Notice::new("SiteLocales", format!("{tag:?}, which is no language"))),
        }
    }
    Storefront {
        key: site.id.as_str().into(),
        name: site.name.as_ref().map(Localized::plain).unwrap_or_default(),
        locales,
        countries: Vec::new(),
        distribution: Vec::new(),
        supply: site.inventory_list.iter().map(|id| id.as_str().into()).collect(),
        selections: site.catalog.iter().map(|id| (id.as_str().into(), true)).collect(),
        notices,
    }
}

/// A tree for each catalogue, shown by the sites whose catalogue it is.
pub fn trees(shop: &Shop) -> Mapped {
    let mut mapped = Mapped::default();
    for (id, catalog) in &shop.facts.catalogs {
        let stores = shop.sites.iter().filter(|site| site.catalog.as_ref() == Some(id));
        if catalog.root.is_none() && shop.facts.catalogs_break_off {
            mapped.unread(Kind::Tree, Some(id.clone()), "its root may be in a file that can't be read further");
            continue;
        }
        let root = catalog.root.as_deref().unwrap_or("root");
        mapped.is(Record::Tree(Tree {
            id: id.as_str().into(),
            stores: stores.map(|site| site.id.as_str().into()).collect(),
            root: Some(category_id(id, root).into()),
        }));
    }
    lost(shop, &mut mapped, &[Kind::Tree]);
    mapped
}

/// Price books, for the sites that use them.
pub fn books(shop: &Shop) -> Mapped {
    let mut mapped = Mapped::default();
    for (id, header) in &shop.facts.books {
        let code = header.value_of("currency").unwrap_or_default();
        let Ok(currency) = code.parse::<Currency>() else {
            mapped.unread(Kind::Book, Some(id.clone()), &format!("its currency {code:?} is not known"));
            continue;
        };
        let held = truth(header, "online-flag").and_then(|active| Ok((active.unwrap_or(true), window(header)?)));
        let (active, window) = match held {
            Ok(held) => held,
            Err(why) => {
                mapped.unread(Kind::Book, Some(id.clone()), &why);
                continue;
            }
        };
        let audience = |of: fn(&Site) -> &[String]| {
            let sites = shop.sites.iter().filter(|site| of(site).contains(id));
            sites.map(|site| Audience { store: Some(site.id.as_str().into()), group: None }).collect()
        };
        mapped.is(Record::Book(Book {
            id: id.as_str().into(),
            currency: Some(currency),
            active,
            window,
            parent: header.value_of("parent").map(Into::into),
            assigned: audience(|site| &site.price_books),
            lists: audience(|site| &site.list_price_books),
        }));
    }
    lost(shop, &mut mapped, &[Kind::Book]);
    mapped
}

/// Whether tax is in the prices of each book: as its sites have it, where they agree.
pub fn taxes(shop: &Shop) -> BTreeMap<&str, TaxMode> {
    let mut taxes: BTreeMap<&str, Option<TaxMode>> = BTreeMap::new();
    for site in &shop.sites {
        for book in site.price_books.iter().chain(&site.list_price_books) {
            let known = taxes.entry(book).or_insert(site.tax);
            if *known != site.tax {
                *known = None;
            }
        }
    }
    taxes.into_iter().filter_map(|(book, tax)| Some((book, tax?))).collect()
}

fn lost(shop: &Shop, mapped: &mut Mapped, kinds: &[Kind]) {
    for (kind, id, why) in shop.facts.unread.iter().filter(|(kind, ..)| kinds.contains(kind)) {
        mapped.unread(*kind, id.clone(), why);
    }
}
