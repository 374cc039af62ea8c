//! The content of the emulated project, and rows as JSON.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body::{Body, Page};
use super::fields::{self, Shape};
use super::filter::{Found, Record, Scalar};
use super::order::Id;
use super::table::{ProductPart, Row, Table, Term, term};
use super::{CatalogModel, time};
use crate::catalogue;

/// Product types by key, with which attribute values are rendered.
pub(super) type Types = BTreeMap<String, catalogue::ProductType>;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// Kinds of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Product,
    Category,
    ProductType,
    InventoryEntry,
    StandalonePrice,
    Store,
    Channel,
    CustomerGroup,
    ProductSelection,
    ProductTailoring,
    /// Of a Modular project.
    Variant,
    Customer,
    Order,
    DiscountCode,
    /// A type of custom fields.
    Type,
    Message,
}

impl Kind {
    /// All kinds.
    pub(super) const ALL: [Self; 16] = [
        Self::Product,
        Self::Category,
        Self::ProductType,
        Self::InventoryEntry,
        Self::StandalonePrice,
        Self::Store,
        Self::Channel,
        Self::CustomerGroup,
        Self::ProductSelection,
        Self::ProductTailoring,
        Self::Variant,
        Self::Customer,
        Self::Order,
        Self::DiscountCode,
        Self::Type,
        Self::Message,
    ];

    /// `typeId` of references.
    pub(super) fn type_id(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Category => "category",
            Self::ProductType => "product-type",
            Self::InventoryEntry => "inventory-entry",
            Self::StandalonePrice => "standalone-price",
            Self::Store => "store",
            Self::Channel => "channel",
            Self::CustomerGroup => "customer-group",
            Self::ProductSelection => "product-selection",
            Self::ProductTailoring => "product-tailoring",
            Self::Variant => "variant",
            Self::Customer => "customer",
            Self::Order => "order",
            Self::DiscountCode => "discount-code",
            Self::Type => "type",
            Self::Message => "message",
        }
    }

    /// Path segment of the endpoint.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Product => "products",
            Self::Category => "categories",
            Self::ProductType => "product-types",
            Self::InventoryEntry => "inventory",
            Self::StandalonePrice => "standalone-prices",
            Self::Store => "stores",
            Self::Channel => "channels",
            Self::CustomerGroup => "customer-groups",
            Self::ProductSelection => "product-selections",
            Self::ProductTailoring => "product-tailoring",
            Self::Variant => "variants",
            Self::Customer => "customers",
            Self::Order => "orders",
            Self::DiscountCode => "discount-codes",
            Self::Type => "types",
            Self::Message => "messages",
        }
    }

    /// The kind that references call `type_id`.
    pub(super) fn of_type_id(type_id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_id() == type_id)
    }
}

/// How a row is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// As the resource itself.
    Resource(Kind),
    /// A product's current data, only when published; or its staged data.
    Projection {
        /// Staged rather than current data.
        staged: bool,
    },
}

impl View {
    /// The kind of row.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Resource(kind) => kind,
            Self::Projection { .. } => Kind::Product,
        }
    }

    /// The fields a predicate may name.
    pub(super) fn shape(self) -> &'static Shape {
        match self {
            Self::Projection { .. } => &fields::PROJECTION,
            Self::Resource(kind) => match kind {
                Kind::Product => &fields::PRODUCT,
                Kind::Category => &fields::CATEGORY,
                Kind::ProductType => &fields::PRODUCT_TYPE,
                Kind::InventoryEntry => &fields::INVENTORY_ENTRY,
                Kind::StandalonePrice => &fields::STANDALONE_PRICE,
                Kind::Store => &fields::STORE,
                Kind::Channel => &fields::CHANNEL,
                Kind::CustomerGroup => &fields::CUSTOMER_GROUP,
                Kind::ProductSelection => &fields::PRODUCT_SELECTION,
                Kind::ProductTailoring => &fields::PRODUCT_TAILORING,
                Kind::Variant => &fields::VARIANT_RESOURCE,
                Kind::Customer => &fields::CUSTOMER,
                Kind::Order => &fields::ORDER,
                Kind::DiscountCode => &fields::DISCOUNT_CODE,
                Kind::Type => &fields::TYPE,
                Kind::Message => &fields::MESSAGE,
            },
        }
    }

    /// Whether the row is visible.
    pub(super) fn shows(self, row: &Row) -> bool {
        match self {
            Self::Projection { staged: false } => row.product.as_ref().is_some_and(|part| part.published),
            _ => true,
        }
    }
}

/// A product in a selection.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// `variantSelection` or `variantExclusion`, as given.
    pub(super) variants: Option<(&'static str, Value)>,
    /// When it was added, milliseconds.
    pub(super) created: i64,
}

impl Member {
    /// `variantSelection` or `variantExclusion`, none for all variants.
    pub(super) fn variants(&self) -> Option<&Value> {
        self.variants.as_ref().map(|(_, variants)| variants)
    }
}

/// Settings of the project that the API shows and changes.
#[derive(Clone, Debug)]
pub(super) struct Project {
    pub(super) key: String,
    pub(super) version: u32,
    pub(super) created: i64,
    pub(super) languages: Vec<String>,
    pub(super) currencies: Vec<String>,
    pub(super) countries: Vec<String>,
    pub(super) messages_enabled: bool,
    pub(super) messages_days: u32,
    pub(super) model: CatalogModel,
}

/// Background effects of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The stock of a SKU reaches its product.
    Availability(String),
    /// The ancestors of everything below a category are written again.
    Ancestors(Id),
    /// References to a deleted category are removed from a product.
    CategoryGone(Id),
    /// A selection counts its products again.
    ProductCount(Id),
}

/// Notifications that are kept until they are handed on.
const MOST_HAPPENED: usize = 100_000;

/// The emulated project.
#[derive(Debug)]
pub(super) struct State {
    pub(super) project: Project,
    pub(super) client_id: String,
    tables: [Table; Kind::ALL.len()],
    /// Products of each selection.
    pub(super) members: BTreeMap<Id, BTreeMap<Id, Member>>,
    /// Last sequence number of messages by resource.
    pub(super) sequences: HashMap<Id, u32>,
    /// Background work by due time in milliseconds.
    pub(super) effects: BTreeMap<(i64, u64), Effect>,
    /// The highest number of a deleted variant by product: none is given twice.
    pub(super) variant_numbers: HashMap<Id, i64>,
    /// Ids of deleted resources: a key used again gets a new id.
    pub(super) gone: HashSet<Id>,
    /// There are subscriptions: what happens is noted.
    pub(super) listens: bool,
    /// Notifications that are not handed on yet.
    pub(super) happened: Vec<Value>,
    /// Counts ids and effects made at run time.
    pub(super) counter: u64,
    /// Product types, by which products are rendered that are added later.
    pub(super) types: Types,
    fixed: BTreeSet<Arc<str>>,
}

impl State {
    /// Notes what happened, for subscriptions. What nobody fetches is dropped in the end.
    pub(super) fn note(&mut self, notification: Value) {
        if self.happened.len() < MOST_HAPPENED {
            self.happened.push(notification);
        }
    }

    /// An empty project.
    pub(super) fn new(project: Project, client_id: String) -> Self {
        Self {
            project,
            client_id,
            tables: std::array::from_fn(|_| Table::default()),
            members: BTreeMap::new(),
            sequences: HashMap::new(),
            effects: BTreeMap::new(),
            variant_numbers: HashMap::new(),
            gone: HashSet::new(),
            listens: false,
            happened: Vec::new(),
            counter: 0,
            types: Types::new(),
            fixed: BTreeSet::new(),
        }
    }

    /// Rows of a kind.
    pub(super) fn table(&self, kind: Kind) -> &Table {
        let [
            product,
            category,
            product_type,
            inventory,
            price,
            store,
            channel,
            group,
            selection,
            tailoring,
            variant,
            customer,
            order,
            discount_code,
            custom_type,
            message,
        ] = &self.tables;
        match kind {
            Kind::Product => product,
            Kind::Category => category,
            Kind::ProductType => product_type,
            Kind::InventoryEntry => inventory,
            Kind::StandalonePrice => price,
            Kind::Store => store,
            Kind::Channel => channel,
            Kind::CustomerGroup => group,
            Kind::ProductSelection => selection,
            Kind::ProductTailoring => tailoring,
            Kind::Variant => variant,
            Kind::Customer => customer,
            Kind::Order => order,
            Kind::DiscountCode => discount_code,
            Kind::Type => custom_type,
            Kind::Message => message,
        }
    }

    /// Rows of a kind, to change.
    pub(super) fn table_mut(&mut self, kind: Kind) -> &mut Table {
        let [
            product,
            category,
            product_type,
            inventory,
            price,
            store,
            channel,
            group,
            selection,
            tailoring,
            variant,
            customer,
            order,
            discount_code,
            custom_type,
            message,
        ] = &mut self.tables;
        match kind {
            Kind::Product => product,
            Kind::Category => category,
            Kind::ProductType => product_type,
            Kind::InventoryEntry => inventory,
            Kind::StandalonePrice => price,
            Kind::Store => store,
            Kind::Channel => channel,
            Kind::CustomerGroup => group,
            Kind::ProductSelection => selection,
            Kind::ProductTailoring => tailoring,
            Kind::Variant => variant,
            Kind::Customer => customer,
            Kind::Order => order,
            Kind::DiscountCode => discount_code,
            Kind::Type => custom_type,
            Kind::Message => message,
        }
    }

    /// Whether variants are resources of their own.
    pub(super) fn is_modular(&self) -> bool {
        self.project.model == CatalogModel::Modular
    }

    /// The variants of a product of a Modular project, oldest first.
    pub(super) fn variants_of(&self, product: Id) -> impl Iterator<Item = &Row> {
        let table = self.table(Kind::Variant);
        table.with_term(term(Term::Product, &product.to_string())).filter_map(|slot| table.row(slot))
    }

    /// A number not given before.
    pub(super) fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// The id of a new resource: from its key, unless that id has been used and deleted.
    pub(super) fn new_id(&mut self, kind: Kind, key: Option<&str>) -> Id {
        let id = key.map(|key| Id::of(kind.type_id(), key));
        match id {
            Some(id) if !self.gone.contains(&id) => id,
            _ => self.next_id(kind),
        }
    }

    /// A new id.
    pub(super) fn next_id(&mut self, kind: Kind) -> Id {
        let number = self.next_number();
        Id::of(kind.type_id(), &format!("\u{1}{number}"))
    }

    /// One shared copy of `text`.
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.fixed.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = Arc::from(text);
        self.fixed.insert(Arc::clone(&text));
        text
    }

    /// Writes a row as JSON.
    pub(super) fn write(&self, page: &mut Page, row: &Row, view: View) {
        page.text(&self.head(row, view));
        let Some(part) = &row.product else {
            if row.body.text_length() > 0 {
                page.text(",");
            }
            page.body(&row.body);
            page.text("}");
            return;
        };
        let staged = part.staged.as_ref().unwrap_or(&row.body);
        let flags = format!("\"published\":{},\"hasStagedChanges\":{}", part.published, part.staged.is_some());
        page.text(",");
        page.text(&part.fixed);
        if let View::Projection { staged: wanted } = view {
            page.text(",");
            page.text(&flags);
            page.text(",");
            page.body(if wanted { staged } else { &row.body });
            page.text("}");
        } else {
            page.text(",\"masterData\":{");
            page.text(&flags);
            page.text(",\"current\":{");
            page.body(&row.body);
            page.text("},\"staged\":{");
            page.body(staged);
            page.text("}}}");
        }
    }

    /// The common members. A projection does not tell who wrote it.
    fn head(&self, row: &Row, view: View) -> String {
        let mut head = format!(
            "{{\"id\":\"{}\",\"version\":{},\"createdAt\":\"{}\",\"lastModifiedAt\":\"{}\"",
            row.id,
            row.version,
            time::print(row.created),
            time::print(row.modified),
        );
        if let View::Resource(_) = view {
            let client = json!({ "clientId": self.client_id }).to_string();
            head.extend([",\"lastModifiedBy\":", &client, ",\"createdBy\":", &client]);
        }
        if let Some(key) = &row.key {
            head.push_str(",\"key\":");
            head.push_str(&json!(key).to_string());
        }
        head
    }

    /// A row as a JSON value.
    pub(super) fn value(&self, row: &Row, view: View) -> Value {
        let mut page = Page::new(false);
        self.write(&mut page, row, view);
        serde_json::from_slice(&page.finish()).unwrap_or_default()
    }

    /// The members of a body.
    pub(super) fn members_of(body: &Body) -> Object {
        let mut text = vec![b'{'];
        body.write(&mut text);
        text.push(b'}');
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Members common to all projections of a product.
    pub(super) fn fixed_of(part: &ProductPart) -> Object {
        serde_json::from_str(&format!("{{{}}}", part.fixed)).unwrap_or_default()
    }

    /// The row of `kind` that a resource identifier (`{"typeId", "id" | "key"}`) names.
    pub(super) fn identified(&self, kind: Kind, identifier: &Value) -> Option<&Row> {
        let text = |name: &str| identifier.get(name).and_then(Value::as_str);
        match (text("id"), text("key")) {
            (Some(id), _) => self.table(kind).find(Id::parse(id)?),
            (None, Some(key)) => self.table(kind).find_key(key),
            (None, None) => None,
        }
    }
}

/// Members of a JSON object without its braces.
pub(super) fn members_text(object: &Object) -> Vec<u8> {
    let mut text = serde_json::to_vec(object).unwrap_or_default();
    text.pop();
    if !text.is_empty() {
        text.remove(0);
    }
    text
}

/// A reference to a row.
pub(super) fn reference(kind: Kind, id: Id) -> Value {
    json!({ "typeId": kind.type_id(), "id": id.to_string() })
}

/// Index terms of a resource: its key, SKU, slugs, e-mail address, number, the product it belongs to, and for the sides of a product the SKUs and
/// categories of each. Current and staged data that stand in a member of their own count too.
pub(super) fn terms<'a>(key: Option<&str>, sides: impl IntoIterator<Item = &'a Object>) -> Box<[u64]> {
    let mut terms: Vec<u64> = key.map(|key| term(Term::Key, key)).into_iter().collect();
    let data = |side: &'a Object| ["current", "staged"].map(|name| side.get(name).and_then(Value::as_object));
    for side in sides.into_iter().flat_map(|side| data(side).into_iter().flatten().chain([side])) {
        let product = side.get("product").and_then(|product| product.get("id")?.as_str());
        terms.extend(product.map(|id| term(Term::Product, id)));
        terms.extend(side.get("sku").and_then(Value::as_str).map(|sku| term(Term::Sku, sku)));
        terms.extend(variants(side).filter_map(|variant| variant.get("sku")?.as_str()).map(|sku| term(Term::Sku, sku)));
        let email = side.get("email").and_then(Value::as_str);
        terms.extend(email.map(|email| term(Term::Email, &email.to_lowercase())));
        terms.extend(side.get("orderNumber").and_then(Value::as_str).map(|number| term(Term::Number, number)));
        let slugs = side.get("slug").and_then(Value::as_object).into_iter().flat_map(Object::values);
        terms.extend(slugs.filter_map(Value::as_str).map(|slug| term(Term::Slug, slug)));
        let categories = side.get("categories").and_then(Value::as_array).into_iter().flatten();
        terms.extend(categories.filter_map(|category| category.get("id")?.as_str()).map(|id| term(Term::Category, id)));
    }
    terms.sort_unstable();
    terms.dedup();
    terms.into_boxed_slice()
}

/// The variants of a side of a product, the master first.
pub(super) fn variants(side: &Object) -> impl Iterator<Item = &Value> {
    side.get("masterVariant").into_iter().chain(side.get("variants").and_then(Value::as_array).into_iter().flatten())
}

/// The variants of a side of a product, to change.
pub(super) fn variants_mut(side: &mut Object) -> impl Iterator<Item = &mut Object> {
    let (mut master, mut others) = (None, None);
    for (name, value) in side.iter_mut() {
        match name.as_str() {
            "masterVariant" => master = Some(value),
            "variants" => others = value.as_array_mut(),
            _ => {}
        }
    }
    master.into_iter().chain(others.into_iter().flatten()).filter_map(Value::as_object_mut)
}

/// A row as predicates see it: common fields without parsing, the rest parsed once when asked for.
pub(super) struct RowRecord<'a> {
    state: &'a State,
    row: &'a Row,
    view: View,
    value: OnceCell<Value>,
}

impl<'a> RowRecord<'a> {
    /// A record of `row`.
    pub(super) fn new(state: &'a State, row: &'a Row, view: View) -> Self {
        Self { state, row, view, value: OnceCell::new() }
    }

    /// The whole resource.
    pub(super) fn value(&self) -> &Value {
        self.value.get_or_init(|| self.state.value(self.row, self.view))
    }
}

impl Record for RowRecord<'_> {
    fn field(&self, name: &str) -> Found<'_> {
        let row = self.row;
        match (name, &row.product) {
            ("id", _) => Found::Scalar(Scalar::Id(row.id)),
            ("version", _) => Found::Scalar(Scalar::Number(f64::from(row.version))),
            ("createdAt", _) => Found::Scalar(Scalar::Instant(row.created.saturating_mul(1000))),
            ("lastModifiedAt", _) => Found::Scalar(Scalar::Instant(row.modified.saturating_mul(1000))),
            ("key", _) => match &row.key {
                Some(key) => Found::Scalar(Scalar::Text(key.as_ref().into())),
                None => Found::Missing,
            },
            ("published", Some(part)) => Found::Scalar(Scalar::Boolean(part.published)),
            ("hasStagedChanges", Some(part)) => Found::Scalar(Scalar::Boolean(part.staged.is_some())),
            ("masterData", Some(_)) if matches!(self.view, View::Resource(_)) => {
                Found::Record(Box::new(MasterData(self)))
            }
            _ => self.value().field(name),
        }
    }
}

/// `masterData` of a product: its flags without parsing.
struct MasterData<'a>(&'a RowRecord<'a>);

impl Record for MasterData<'_> {
    fn field(&self, name: &str) -> Found<'_> {
        match name {
            "published" | "hasStagedChanges" => self.0.field(name),
            _ => self.0.value().get("masterData").map_or(Found::Missing, |data| data.field(name)),
        }
    }
}
