//! Records that products refer to, held in memory and indexed: categories and their trees, product types, brands,
//! channels, groups, stores, assortments, price books and rates.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use contract::{Fault, Store, store::Revision};
use model::{
    AttributeDefinition, AttributeType, Book, BookId, Brand, BrandId, Category, CategoryId, Channel, ChannelId,
    Currency, CustomerGroup, Kind, Localized, Precise, ProductType, ProductTypeId, Rate, Record, RecordId, Selection,
    SelectionId, SourceName, Storefront, StorefrontKey, Tree, TreeId, market::Untracked,
};
use tokio::sync::Mutex;

/// All records of [`model::Kind::REFERENCE`] of one source at one revision. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Reference(Arc<Index>);

/// The reference records of one source, loaded once per change of their content and shared by all flows of the source.
#[derive(Debug, Default)]
pub struct CachedReference(Mutex<Option<(Revision, Reference)>>);

impl CachedReference {
    /// The present records, and a revision of their content that they have at least. While one flow loads them, the
    /// others wait for it.
    ///
    /// # Errors
    /// The store's.
    pub async fn current(&self, source: &SourceName, store: &dyn Store) -> Result<(Revision, Reference), Fault> {
        let mut cached = self.0.lock().await;
        let revision = store.reference_revision(source).await?;
        if let Some((of, reference)) = cached.as_ref().filter(|(of, _)| *of == revision) {
            return Ok((*of, reference.clone()));
        }
        let reference = Reference::new(store.reference(source).await?);
        *cached = Some((revision, reference.clone()));
        Ok((revision, reference))
    }
}

#[derive(Debug, Default)]
struct Index {
    /// In the order of their ids, so that walking them is the same every time.
    categories: BTreeMap<CategoryId, Category>,
    children: HashMap<CategoryId, Vec<CategoryId>>,
    cyclic: HashSet<CategoryId>,
    product_types: HashMap<ProductTypeId, Definitions>,
    channels: HashMap<String, Channel>,
    groups: HashMap<String, CustomerGroup>,
    storefronts: HashMap<StorefrontKey, Storefront>,
    selections: HashMap<SelectionId, Selection>,
    trees: HashMap<TreeId, Tree>,
    brands: HashMap<BrandId, Brand>,
    /// In the order of their ids.
    books: BTreeMap<BookId, Book>,
    rates: Vec<Rate>,
    /// Names of records that attributes may refer to, except categories.
    names: HashMap<(Kind, RecordId), Localized>,
    /// Keys of channels and customer groups, by which settings name them.
    keys: HashMap<(Kind, RecordId), String>,
}

impl Reference {
    /// Indexes these records; other kinds are ignored.
    pub fn new(records: Vec<Record>) -> Self {
        let mut index = Index::default();
        for record in records {
            if let Some(name) = name(&record) {
                index.names.insert((record.kind(), record.id()), name);
            }
            let key = match &record {
                Record::Channel(it) => Some(&it.key),
                Record::CustomerGroup(it) => it.key.as_ref(),
                _ => None,
            };
            if let Some(key) = key.cloned() {
                index.keys.insert((record.kind(), record.id()), key);
            }
            match record {
                Record::Category(it) => drop(index.categories.insert(it.id.clone(), it)),
                Record::ProductType(it) => drop(index.product_types.insert(it.id.clone(), Definitions::new(it))),
                Record::Channel(it) => drop(index.channels.insert(it.key.clone(), it)),
                Record::CustomerGroup(it) => {
                    if let Some(key) = it.key.clone() {
                        index.groups.insert(key, it);
                    }
                }
                Record::Storefront(it) => drop(index.storefronts.insert(it.key.clone(), it)),
                Record::Selection(it) => drop(index.selections.insert(it.id.clone(), it)),
                Record::Tree(it) => drop(index.trees.insert(it.id.clone(), it)),
                Record::Brand(it) => drop(index.brands.insert(it.id.clone(), it)),
                Record::Book(it) => drop(index.books.insert(it.id.clone(), it)),
                Record::Rate(it) => index.rates.push(it),
                Record::Product(_)
                | Record::Stock(_)
                | Record::Price(_)
                | Record::Assignment(_)
                | Record::Variant(_)
                | Record::Placement(_)
                | Record::Tailoring(_)
                | Record::Customer(_)
                | Record::Order(_) => {}
            }
        }
        index.rates.sort_by_key(|it| (it.from, it.to));
        index.children = children(&index.categories);
        index.cyclic = cyclic(&index.categories);
        Self(Arc::new(index))
    }

    /// The name of a record of this kind other than a category.
    pub(super) fn name(&self, kind: Kind, id: &RecordId) -> Option<&Localized> {
        self.0.names.get(&(kind, id.clone()))
    }

    /// The key of a channel or customer group.
    pub(super) fn key(&self, kind: Kind, id: &RecordId) -> Option<&str> {
        self.0.keys.get(&(kind, id.clone())).map(String::as_str)
    }

    pub(super) fn category(&self, id: &CategoryId) -> Option<&Category> {
        self.0.categories.get(id)
    }

    /// Immediate children in the shop's order.
    pub(super) fn children(&self, id: &CategoryId) -> impl Iterator<Item = &Category> {
        self.0.children.get(id).into_iter().flatten().filter_map(|id| self.category(id))
    }

    /// Whether it is below itself.
    pub(super) fn is_cyclic(&self, id: &CategoryId) -> bool {
        self.0.cyclic.contains(id)
    }

    pub(super) fn product_type(&self, id: &ProductTypeId) -> Option<&Definitions> {
        self.0.product_types.get(id)
    }

    pub(super) fn selection(&self, id: &SelectionId) -> Option<&Selection> {
        self.0.selections.get(id)
    }

    pub(super) fn channel(&self, key: &str) -> Option<&Channel> {
        self.0.channels.get(key)
    }

    /// How a channel takes what it does not list, if it says so.
    #[expect(clippy::disallowed_methods, reason = "one at most has the id")]
    pub(super) fn untracked_in(&self, id: &ChannelId) -> Option<Untracked> {
        self.0.channels.values().find(|channel| channel.id == *id)?.untracked
    }

    pub(super) fn group(&self, key: &str) -> Option<&CustomerGroup> {
        self.0.groups.get(key)
    }

    pub(super) fn storefront(&self, key: &StorefrontKey) -> Option<&Storefront> {
        self.0.storefronts.get(key)
    }

    pub(super) fn tree(&self, id: &TreeId) -> Option<&Tree> {
        self.0.trees.get(id)
    }

    pub(super) fn brand(&self, id: &BrandId) -> Option<&Brand> {
        self.0.brands.get(id)
    }

    pub(super) fn book(&self, id: &BookId) -> Option<&Book> {
        self.0.books.get(id)
    }

    /// By id.
    pub(super) fn books(&self) -> impl Iterator<Item = &Book> {
        self.0.books.values()
    }

    /// The rates from other currencies into this one, by currency.
    pub(super) fn rates_into(&self, currency: Currency) -> Vec<(Currency, Precise)> {
        let rates = self.0.rates.iter().filter(|rate| rate.to == currency && rate.from != currency);
        rates.map(|rate| (rate.from, rate.rate)).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "they are sorted")]
    pub(super) fn channel_keys(&self) -> Vec<&str> {
        sorted(self.0.channels.keys().map(String::as_str))
    }

    #[expect(clippy::disallowed_methods, reason = "they are sorted")]
    pub(super) fn group_keys(&self) -> Vec<&str> {
        sorted(self.0.groups.keys().map(String::as_str))
    }

    #[expect(clippy::disallowed_methods, reason = "they are sorted")]
    pub(super) fn storefront_keys(&self) -> Vec<&str> {
        sorted(self.0.storefronts.keys().map(StorefrontKey::as_str))
    }
}

/// A product type whose attributes, and the keys of their enums, are found by name.
#[derive(Debug)]
pub(super) struct Definitions {
    /// The type; its enum keys are sorted, so that a label is found by binary search.
    product_type: ProductType,
    /// Indices into `product_type.attributes`, sorted by name.
    by_name: Vec<usize>,
}

impl Definitions {
    fn new(mut product_type: ProductType) -> Self {
        for definition in &mut product_type.attributes {
            sort_keys(&mut definition.of);
        }
        let attributes = &product_type.attributes;
        let mut by_name: Vec<_> = (0..attributes.len()).collect();
        by_name.sort_by_key(|place| attributes.get(*place).map(|definition| definition.name.as_str()));
        Self { product_type, by_name }
    }

    pub(super) fn name(&self) -> &str {
        &self.product_type.name
    }

    /// In the shop's order.
    pub(super) fn attributes(&self) -> &[AttributeDefinition] {
        &self.product_type.attributes
    }

    pub(super) fn get(&self, name: &str) -> Option<&AttributeDefinition> {
        let definition = |place: &usize| self.product_type.attributes.get(*place);
        let found = self
            .by_name
            .binary_search_by(|place| definition(place).map_or("", |definition| definition.name.as_str()).cmp(name));
        self.by_name.get(found.ok()?).and_then(definition)
    }
}

fn name(record: &Record) -> Option<Localized> {
    match record {
        Record::ProductType(it) => Some(Localized::plain(it.name.clone())),
        Record::Channel(it) => Some(it.name.clone()),
        Record::CustomerGroup(it) => Some(Localized::plain(it.name.clone())),
        Record::Storefront(it) => Some(it.name.clone()),
        Record::Brand(it) => Some(it.name.clone()),
        _ => None,
    }
}

fn sort_keys(of: &mut AttributeType) {
    match of {
        AttributeType::Enum(values) => values.sort_by(|(left, _), (right, _)| left.cmp(right)),
        AttributeType::LocalizedEnum(values) => values.sort_by(|(left, _), (right, _)| left.cmp(right)),
        AttributeType::Set(of) => sort_keys(of),
        _ => {}
    }
}

fn children(categories: &BTreeMap<CategoryId, Category>) -> HashMap<CategoryId, Vec<CategoryId>> {
    let mut all: Vec<_> = categories.values().collect();
    // Categories without a position come last; ids settle ties, so that the order is stable.
    let place = |it: &Category| it.order.unwrap_or(f64::INFINITY);
    all.sort_by(|left, right| place(left).total_cmp(&place(right)).then_with(|| left.id.cmp(&right.id)));
    let mut children: HashMap<CategoryId, Vec<CategoryId>> = HashMap::new();
    for category in all {
        if let Some(parent) = &category.parent {
            children.entry(parent.clone()).or_default().push(category.id.clone());
        }
    }
    children
}

/// The categories that are their own ancestors.
fn cyclic(categories: &BTreeMap<CategoryId, Category>) -> HashSet<CategoryId> {
    let mut cyclic = HashSet::new();
    let mut seen: HashSet<&CategoryId> = HashSet::new();
    for start in categories.keys() {
        let mut way: Vec<&CategoryId> = Vec::new();
        let mut on_way: HashSet<&CategoryId> = HashSet::new();
        let mut at = categories.get(start);
        while let Some(category) = at {
            if on_way.contains(&category.id) {
                let ring = way.iter().skip_while(|id| ***id != category.id);
                cyclic.extend(ring.map(|id| (*id).clone()));
                break;
            }
            if !seen.insert(&category.id) {
                break;
            }
            way.push(&category.id);
            on_way.insert(&category.id);
            at = category.parent.as_ref().and_then(|parent| categories.get(parent));
        }
    }
    cyclic
}

fn sorted<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys
}
