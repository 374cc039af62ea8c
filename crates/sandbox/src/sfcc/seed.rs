//! Fills an instance from a catalogue: sites, catalogues, attributes, price books and inventory lists.
//!
//! The catalogue knows more than the platform does; what has no place is left out or put where a merchant would put it:
//!
//! | catalogue | here |
//! |---|---|
//! | store | site; without stores, one site with all languages and currencies |
//! | first language | the locale `default`, to which all others fall back |
//! | selections of a store | products outside them are offline on its site |
//! | product | master with variants; a single product where its only variant has no options |
//! | option attributes | variation attributes; variants that are alike get one, `variant` |
//! | attribute `brand` or `manufacturer` | `brand` |
//! | attribute `gtin` or `ean` of a variant | `ean` |
//! | other attributes | custom attributes; nested ones are left out |
//! | price of everyone, of a country or of a channel | list price book of the currency, the narrowest scope wins |
//! | discounted amount | sale price book of the currency, based on the list price book |
//! | several sites whose default currency is the same | price books of their own |
//! | validity | price table with a time |
//! | tiers | amounts from a quantity |
//! | price of a customer group | left out: the platform has promotions for it |
//! | supply channel | inventory list; a site sells from that of its store's first channel, else from `inventory` |
//! | stock that is not tracked | perpetual record in every list |
//! | image | view type `large`; a path below the address most images share, else the whole address |

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::state::{
    Attribute, Book, Category, DEFAULT_LOCALE, Kind, List, MASTER_CATALOG, ROOT, STOREFRONT_CATALOG, Site, State,
    Texts, id,
};
use super::{SeedError, Seeded, seed_product};
use crate::catalogue::{AttributeDefinition, AttributeKind, Catalogue, Head, Localized, Store};

/// Age of what is seeded.
const AGE_MS: i64 = 24 * 60 * 60 * 1000;
/// Longest id of a site.
const LONGEST_SITE: usize = 32;
/// Longest id of most objects.
pub(super) const LONGEST_ID: usize = 256;
/// The inventory list of stock in no supply channel.
const MAIN_LIST: &str = "inventory";

/// What seeding keeps, for products that are added and prices that are changed later.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) language: String,
    pub(super) definitions: HashMap<String, Vec<AttributeDefinition>>,
    /// Categories by the catalogue's key.
    pub(super) categories: HashMap<String, String>,
    /// Inventory lists by supply channel; none: of stock in no channel.
    pub(super) lists: BTreeMap<Option<String>, String>,
    /// Price books by currency.
    pub(super) books: BTreeMap<String, Vec<Books>>,
    /// Sites with their selections.
    pub(super) selections: Vec<(String, Vec<Selection>)>,
}

/// A selection of a store: whether it excludes what it names, and the products it names.
pub(super) type Selection = (bool, BTreeSet<String>);

/// The two price books of a currency, for everyone or for one site.
#[derive(Clone, Debug)]
pub(super) struct Books {
    pub(super) list: String,
    pub(super) sale: String,
    countries: Vec<String>,
    channels: Vec<String>,
}

impl Books {
    /// How narrow the scope of a price is, if it holds here: everyone 0, a country 1, a channel 2.
    pub(super) fn rank(&self, country: Option<&String>, channel: Option<&String>) -> Option<u8> {
        let fits = |key: &String, known: &[String]| known.contains(key);
        match (country, channel) {
            (None, None) => Some(0),
            (Some(country), None) => fits(country, &self.countries).then_some(1),
            (country, Some(channel)) => {
                let here = country.is_none_or(|country| fits(country, &self.countries));
                (here && fits(channel, &self.channels)).then_some(2)
            }
        }
    }
}

impl Plan {
    /// The locale of a language, as JSON names it.
    pub(super) fn locale<'l>(&self, language: &'l str) -> &'l str {
        if language == self.language { DEFAULT_LOCALE } else { language }
    }

    pub(super) fn texts(&self, given: &Localized) -> Texts {
        let filled = given.iter().filter(|(_, text)| !text.trim().is_empty());
        filled.map(|(language, text)| (self.locale(language).to_owned(), text.clone())).collect()
    }
}

/// Puts `catalogue` into an empty state at the instant `now`.
pub(super) fn seed(state: &mut State, catalogue: &Catalogue, now: i64) -> Result<Seeded, SeedError> {
    seed_head(state, catalogue, now)?;
    let mut seeded = Seeded { categories: catalogue.head.categories.len(), ..Seeded::default() };
    for (at, product) in (now - AGE_MS..).zip((catalogue.products)()) {
        seeded.products += 1;
        seeded.variants += product.variants.len();
        seed_product::add(state, &product, at)?;
    }
    seeded.prices = state.books.values().flat_map(|book| book.tables.values()).map(Vec::len).sum();
    Ok(seeded)
}

/// Everything but the products.
pub(super) fn seed_head(state: &mut State, catalogue: &Catalogue, now: i64) -> Result<(), SeedError> {
    let start = now - AGE_MS;
    let head = &catalogue.head;
    (state.created, state.catalogs_modified) = (start, start);
    state.plan.language = head.languages.first().cloned().unwrap_or_else(|| "en".to_owned());
    for kind in &head.product_types {
        state.plan.definitions.insert(kind.key.clone(), kind.attributes.clone());
    }
    state.image_base = image_base(catalogue);
    attributes(state, head);
    sites(state, head);
    books(state, head, start);
    lists(state, head, start);
    categories(state, head, start)
}

/// Hands the products of a catalogue on, so many at a time, each time in a state that has nothing else of it.
pub(super) fn some_at_a_time(
    catalogue: &Catalogue,
    count: usize,
    now: i64,
    each: &mut dyn FnMut(&State) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut at = now - AGE_MS;
    let mut products = (catalogue.products)().peekable();
    while products.peek().is_some() {
        let mut some = State::default();
        seed_head(&mut some, catalogue, now).map_err(std::io::Error::other)?;
        for product in products.by_ref().take(count) {
            seed_product::add(&mut some, &product, at).map_err(std::io::Error::other)?;
            at += 1;
        }
        each(&some)?;
    }
    Ok(())
}

/// The beginning of addresses that most images of the first products share: scheme and host.
fn image_base(catalogue: &Catalogue) -> String {
    let host = |url: &String| {
        let (scheme, rest) = url.split_once("://")?;
        Some(format!("{scheme}://{}", rest.split('/').next()?))
    };
    let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
    for product in (catalogue.products)().take(1_000) {
        for host in product.variants.iter().flat_map(|variant| &variant.images).filter_map(host) {
            *hosts.entry(host).or_default() += 1;
        }
    }
    let most = hosts.into_iter().max_by_key(|(_, count)| *count);
    most.map_or_else(|| "https://images.shop.example".to_owned(), |(host, _)| host)
}

/// An id of an attribute: JSON has it behind `c_`.
pub(super) fn attribute_id(name: &str) -> String {
    name.replace('-', "_")
}

fn attributes(state: &mut State, head: &Head) {
    for definition in head.product_types.iter().flat_map(|kind| &kind.attributes) {
        let Some((kind, localizable)) = kind_of(&definition.kind) else { continue };
        let name = state.plan.texts(&definition.label);
        let values = values(&state.plan, &definition.kind);
        let known = state.attributes.entry(attribute_id(&definition.name)).or_insert_with(|| Attribute {
            name,
            kind,
            localizable,
            values: Vec::new(),
        });
        // Types of products share what is named alike, so that it has the values of all.
        for (value, shown) in values {
            if !known.values.iter().any(|(known, _)| *known == value) {
                known.values.push((value, shown));
            }
        }
    }
}

/// The type of a custom attribute, and whether it has values by locale.
fn kind_of(kind: &AttributeKind) -> Option<(Kind, bool)> {
    Some(match kind {
        AttributeKind::Text | AttributeKind::Money | AttributeKind::Time | AttributeKind::ProductReference => {
            (Kind::String, false)
        }
        AttributeKind::LocalizedText => (Kind::String, true),
        AttributeKind::Enum(_) | AttributeKind::LocalizedEnum(_) => (Kind::Enum, false),
        AttributeKind::Number => (Kind::Double, false),
        AttributeKind::Date => (Kind::Date, false),
        AttributeKind::DateTime => (Kind::DateTime, false),
        AttributeKind::Boolean => (Kind::Boolean, false),
        AttributeKind::Nested(_) => return None,
        AttributeKind::Set(element) => match kind_of(element)? {
            (Kind::Enum, _) => (Kind::EnumSet, false),
            _ => (Kind::SetOfString, false),
        },
    })
}

fn values(plan: &Plan, kind: &AttributeKind) -> Vec<(String, Texts)> {
    match kind {
        AttributeKind::Enum(values) => {
            let shown = |label: &String| Texts::from([(DEFAULT_LOCALE.to_owned(), label.clone())]);
            values.iter().map(|(key, label)| (id(key, LONGEST_ID), shown(label))).collect()
        }
        AttributeKind::LocalizedEnum(values) => {
            values.iter().map(|(key, label)| (id(key, LONGEST_ID), plan.texts(label))).collect()
        }
        AttributeKind::Set(element) => values(plan, element),
        _ => Vec::new(),
    }
}

/// The usual currency of a country.
fn currency_of(country: &str) -> &'static str {
    match country {
        "GB" | "UK" => "GBP",
        "US" => "USD",
        "CH" => "CHF",
        "SE" => "SEK",
        "NO" => "NOK",
        "DK" => "DKK",
        "JP" => "JPY",
        "KR" => "KRW",
        "AU" => "AUD",
        "CA" => "CAD",
        "KW" => "KWD",
        "BH" => "BHD",
        _ => "EUR",
    }
}

fn sites(state: &mut State, head: &Head) {
    let first = head.currencies.first().cloned().unwrap_or_else(|| "EUR".to_owned());
    let mut add = |key: &str, name: String, languages: &[String], countries: &[String], selections| {
        let id = id(key, LONGEST_SITE);
        let usual = countries.first().map(|country| currency_of(country));
        let currency = usual.filter(|code| head.currencies.iter().any(|known| known == code));
        let languages = if languages.is_empty() { &head.languages } else { languages };
        let site = Site {
            id: id.clone(),
            name,
            locales: languages.to_vec(),
            currency: currency.map_or_else(|| first.clone(), str::to_owned),
            currencies: if head.currencies.is_empty() { vec![first.clone()] } else { head.currencies.clone() },
            books: Vec::new(),
            list: MAIN_LIST.to_owned(),
        };
        state.sites.insert(id.clone(), site);
        state.plan.selections.push((id, selections));
    };
    if head.stores.is_empty() {
        add("shop", "Shop".to_owned(), &head.languages, &[], Vec::new());
    }
    for store in &head.stores {
        let named = |key: &String| head.selections.iter().find(|selection| selection.key == *key);
        let active = store.selections.iter().filter(|(_, active)| *active).filter_map(|(key, _)| named(key));
        let selections = active.map(|it| (it.excludes, it.products.iter().cloned().collect())).collect();
        add(&store.key, text(&head.languages, &store.name), &store.languages, &store.countries, selections);
    }
    let spoken: BTreeSet<&String> =
        state.sites.values().flat_map(|site| &site.locales).chain(&head.languages).collect();
    state.locales = std::iter::once(DEFAULT_LOCALE.to_owned()).chain(spoken.into_iter().cloned()).collect();
}

fn books(state: &mut State, head: &Head, at: i64) {
    let currencies: BTreeSet<String> = state.sites.values().flat_map(|site| site.currencies.clone()).collect();
    for currency in &currencies {
        let at_home: Vec<String> =
            state.sites.values().filter(|site| site.currency == *currency).map(|site| site.id.clone()).collect();
        let owners: Vec<Option<String>> = match at_home.as_slice() {
            [] => vec![None],
            all => all.iter().cloned().map(Some).collect(),
        };
        for owner in &owners {
            let begin = match owner {
                Some(site) if owners.len() > 1 => format!("{}-{site}", currency.to_lowercase()),
                _ => currency.to_lowercase(),
            };
            let store =
                owner.as_ref().and_then(|site| head.stores.iter().find(|store| id(&store.key, LONGEST_SITE) == *site));
            let scope = |of: fn(&Store) -> &Vec<String>| store.map_or_else(Vec::new, |store| of(store).clone());
            let pair = Books {
                list: format!("{begin}-list-prices"),
                sale: format!("{begin}-sale-prices"),
                countries: scope(|store| &store.countries),
                channels: scope(|store| &store.distribution_channels),
            };
            for (id, parent, what) in [(&pair.list, None, "list"), (&pair.sale, Some(&pair.list), "sale")] {
                let book = Book {
                    id: id.clone(),
                    currency: currency.clone(),
                    name: format!("{begin} {what} prices"),
                    parent: parent.cloned(),
                    tables: BTreeMap::new(),
                    modified: at,
                };
                state.books.insert(id.clone(), book);
            }
            let first = !state.plan.books.contains_key(currency);
            for site in state.sites.values_mut().filter(|site| site.currencies.contains(currency)) {
                let own = owner.as_ref() == Some(&site.id);
                // A site that sells in a currency of others uses the first of their books.
                if own || (first && !at_home.contains(&site.id)) {
                    site.books.extend([pair.list.clone(), pair.sale.clone()]);
                }
            }
            state.plan.books.entry(currency.clone()).or_default().push(pair);
        }
    }
}

fn lists(state: &mut State, head: &Head, at: i64) {
    let mut add = |key: Option<&str>, id: String, description: String| {
        state.plan.lists.insert(key.map(str::to_owned), id.clone());
        let list =
            List { id: id.clone(), description, default_in_stock: false, records: BTreeMap::new(), modified: at };
        state.lists.insert(id, list);
    };
    add(None, MAIN_LIST.to_owned(), "Main stock".to_owned());
    for channel in head.channels.iter().filter(|channel| channel.supply) {
        let name = text(&head.languages, &channel.name);
        add(Some(&channel.key), id(&format!("{MAIN_LIST}-{}", channel.key), LONGEST_ID), name);
    }
    for store in &head.stores {
        let list = store.supply_channels.first().and_then(|key| state.plan.lists.get(&Some(key.clone())));
        if let (Some(list), Some(site)) = (list, state.sites.get_mut(&id(&store.key, LONGEST_SITE))) {
            site.list.clone_from(list);
        }
    }
}

fn categories(state: &mut State, head: &Head, at: i64) -> Result<(), SeedError> {
    let root = Category {
        id: ROOT.to_owned(),
        parent: None,
        name: Texts::from([(DEFAULT_LOCALE.to_owned(), "Storefront".to_owned())]),
        page_url: Texts::new(),
        position: 1,
        online: true,
        modified: at,
    };
    state.categories.insert(ROOT.to_owned(), root);
    let mut children: HashMap<String, u32> = HashMap::new();
    for given in &head.categories {
        let parent = match given.parent.as_ref() {
            None => ROOT.to_owned(),
            Some(key) => {
                let known = state.plan.categories.get(key);
                known.cloned().ok_or_else(|| SeedError::unknown("category", &given.key, "category", key))?
            }
        };
        let mut own = id(&given.key, LONGEST_ID);
        while state.categories.contains_key(&own) {
            own.push('_');
        }
        state.plan.categories.insert(given.key.clone(), own.clone());
        let position = children.entry(parent.clone()).or_default();
        *position += 1;
        let category = Category {
            id: own.clone(),
            parent: Some(parent),
            name: state.plan.texts(&given.name),
            page_url: state.plan.texts(&given.slug),
            position: *position,
            online: true,
            modified: at,
        };
        state.categories.insert(own, category);
    }
    Ok(())
}

/// The text of the first language that has one.
pub(super) fn text(languages: &[String], texts: &Localized) -> String {
    let in_order = languages.iter().filter_map(|language| texts.get(language));
    in_order.chain(texts.values()).find(|text| !text.trim().is_empty()).cloned().unwrap_or_default()
}

/// Ids of the catalogues.
pub(super) const CATALOGS: [&str; 2] = [MASTER_CATALOG, STOREFRONT_CATALOG];
